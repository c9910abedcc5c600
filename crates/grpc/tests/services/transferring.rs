//! Blind transfers over the unary services: asked for in one answer, followed over the event stream.

use tonic::{Code, Streaming};
use trunkline_proto::{
    calling::v1::{
        CallDirection, CallKind, CallState, GetCallRequest, ListCallsRequest, PlaceCallRequest,
        RejectCallRequest, TransferState, WatchCallResponse, call_event::Kind,
    },
    common::v1::EndReason,
};

use crate::person::{Person, until};
use crate::scene::{Scene, name};

/// Two who talk, and the id of their call.
async fn talking(scene: &Scene) -> ([Person; 2], String) {
    let (mut alice, mut bob) = (Person::new(scene).await, Person::new(scene).await);
    let targets = vec![bob.id.clone()];
    let request = PlaceCallRequest { targets, ..PlaceCallRequest::default() };
    let placed = alice.calls.place_call(request).await.unwrap().into_inner();
    let call_id = placed.call.unwrap().call_id;
    let mut events = alice.watches(&call_id).await;
    let own = bob.accepts().await;
    let is_bob = |kind: &Kind| match kind {
        Kind::CallStateChanged(change) => {
            change.participant_id == own && change.state() == CallState::Connected
        }
        _ => false,
    };
    until(&mut events, is_bob).await;
    ([alice, bob], call_id)
}

/// Reads on to the first event that is wanted.
/// Reads on until the transfer ends, and returns the states it had, the ids it was told with, and
/// why it failed.
async fn followed(
    events: &mut Streaming<WatchCallResponse>,
) -> (Vec<TransferState>, [String; 3], Option<EndReason>) {
    let mut states = Vec::new();
    loop {
        let Kind::TransferStateChanged(change) =
            until(events, |kind| matches!(kind, Kind::TransferStateChanged(_))).await
        else {
            continue;
        };
        states.push(change.state());
        if change.state() != TransferState::Transferring {
            let ids = [change.transferor_id, change.transferee_id, change.target_id];
            return (states, ids, change.reason);
        }
    }
}

fn numbers(reason: &EndReason) -> (i32, i32) {
    (reason.code, reason.sub_code)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mid7_a_transfer_is_answered_at_once_and_its_outcome_comes_over_the_event_stream() {
    let scene = Scene::start().await;
    let ([mut alice, mut bob], call_id) = talking(&scene).await;
    let mut charlie = Person::new(&scene).await;
    let mut of_alice = alice.watches(&call_id).await;
    let mut of_bob = bob.watches(&call_id).await;

    let asked = alice.transfers(&call_id, &charlie.id.clone()).await.unwrap();
    let target = asked.target.expect("an entry of the roster");
    assert_eq!(target.identifier.as_ref().unwrap().raw_id, charlie.id);
    assert_ne!(target.call_state(), CallState::Connected, "nobody has answered yet");
    let own = charlie.accepts().await;
    assert_eq!(own, target.participant_id);

    let (states, ids, reason) = followed(&mut of_alice).await;
    assert_eq!(states, [TransferState::Transferring, TransferState::Accepted]);
    assert_eq!((&ids[2], reason), (&own, None));
    let transferor = ids[0].clone();
    let ends = until(&mut of_alice, |kind| match kind {
        Kind::CallStateChanged(change) => {
            change.participant_id == transferor && change.state() == CallState::Disconnected
        }
        _ => false,
    });
    let Kind::CallStateChanged(end) = ends.await else { unreachable!("picked just now") };
    assert_eq!(numbers(&end.reason.unwrap()), (200, 7015));
    assert_eq!(followed(&mut of_bob).await, (states, ids, None));

    // Bob and Charlie are in it, and Alice is not.
    let get = GetCallRequest { call_id: call_id.clone() };
    let call = bob.calls.get_call(get).await.unwrap().into_inner().call.unwrap();
    let mut present: Vec<_> = call
        .participants
        .iter()
        .map(|one| one.identifier.as_ref().unwrap().raw_id.as_str())
        .collect();
    present.sort_unstable();
    let mut expected = [bob.id.as_str(), charlie.id.as_str()];
    expected.sort_unstable();
    assert_eq!((present.as_slice(), call.kind()), (&expected[..], CallKind::OneToOne));
    let live = alice.calls.list_calls(ListCallsRequest::default()).await.unwrap().into_inner();
    assert_eq!(live.calls, []);

    bob.hangs_up(&call_id).await;
    until(&mut of_bob, |kind| matches!(kind, Kind::CallEnded(_))).await;
    // Everybody finds the call among its past ones, from the side it was on.
    for (person, direction, reason) in [
        (&mut alice, CallDirection::Outgoing, (200, 7015)),
        (&mut bob, CallDirection::Incoming, (0, 0)),
        (&mut charlie, CallDirection::Incoming, (0, 0)),
    ] {
        let past = person.remembers().await;
        assert_eq!((past.call_id.as_str(), past.direction()), (call_id.as_str(), direction));
        assert!(past.connected_at.is_some() && !past.is_missed, "{direction:?}");
        assert_eq!(numbers(&past.end_reason.unwrap()), reason);
    }
    scene.node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mid7_a_transfer_that_is_declined_or_refused_leaves_the_two_talking() {
    let scene = Scene::start().await;
    let ([mut alice, mut bob], call_id) = talking(&scene).await;
    let (mut charlie, dan) = (Person::new(&scene).await, Person::new(&scene).await);
    let mut events = alice.watches(&call_id).await;

    alice.transfers(&call_id, &charlie.id.clone()).await.unwrap();
    let second = alice.transfers(&call_id, &dan.id).await.unwrap_err();
    assert_eq!((second.code(), name(&second)), (Code::AlreadyExists, "transfer_in_progress"));
    assert_eq!(second.metadata().get("trunkline-reason").unwrap(), "409/8519");
    let request = RejectCallRequest { call_id: charlie.rings().await, ..Default::default() };
    charlie.calls.reject_call(request).await.unwrap();
    let (states, _, reason) = followed(&mut events).await;
    assert_eq!(states, [TransferState::Transferring, TransferState::Failed]);
    assert_eq!(numbers(&reason.unwrap()), (603, 0));
    let done = until(&mut events, |kind| matches!(kind, Kind::OperationCompleted(_))).await;
    let Kind::OperationCompleted(done) = done else { unreachable!("picked just now") };
    assert_eq!(done.error.unwrap().code, "operation_failed");

    let malformed = alice.transfers(&call_id, "").await.unwrap_err();
    assert_eq!(malformed.code(), Code::InvalidArgument);
    let own = alice.transfers(&call_id, &bob.id).await.unwrap_err();
    assert_eq!(name(&own), "already_participant");
    let strange = charlie.transfers(&call_id, &dan.id).await.unwrap_err();
    assert_eq!((strange.code(), name(&strange)), (Code::NotFound, "call_not_found"));

    let get = GetCallRequest { call_id: call_id.clone() };
    let call = bob.calls.get_call(get).await.unwrap().into_inner().call.unwrap();
    assert_eq!(call.participants.len(), 2);
    assert!(call.participants.iter().all(|one| one.transferring_to.is_empty()));
    scene.node.shutdown().await;
}
