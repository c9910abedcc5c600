//! Blind transfers between three sessions: who is told what, and who stays.

use std::collections::BTreeSet;

use trunkline_policy::BarrierRule;
use trunkline_proto::calling::v1::{
    self as calling, CallKind, CallState, ParticipantState, TransferState, TransferStateChanged,
    call_event,
};
use trunkline_proto::signaling::v1::{CommandResult, command};
use trunkline_proto::{common::v1 as common, meetings::v1 as meetings};

use crate::scene::{Client, Scene, reason};

/// Alice, Bob and Charlie, the first two in a one-to-one call.
async fn talking(scene: &Scene) -> ([Client; 3], String) {
    let mut alice = scene.client("alice").await;
    let mut bob = scene.client("bob").await;
    let charlie = scene.client("charlie").await;
    let call_id = alice.connected_call(&mut bob, "bob").await;
    ([alice, bob, charlie], call_id)
}

async fn transfer(client: &mut Client, call_id: &str, target: &str) -> CommandResult {
    client
        .command(command::Kind::TransferCall(calling::TransferCallRequest {
            operation_id: format!("transfer-{target}"),
            call_id: call_id.to_owned(),
            target: target.to_owned(),
            transferee: String::new(),
        }))
        .await
}

/// Waits until a transfer comes to a state.
async fn moved(client: &mut Client, call_id: &str, to: TransferState) -> TransferStateChanged {
    client
        .event(call_id, |kind| match kind {
            call_event::Kind::TransferStateChanged(change) if change.state() == to => {
                Some(change.clone())
            }
            _ => None,
        })
        .await
}

/// Waits for the end of the operation that began a transfer.
async fn completed(client: &mut Client, call_id: &str, target: &str) -> Option<common::Error> {
    let name = format!("transfer-{target}");
    client
        .event(call_id, |kind| match kind {
            call_event::Kind::OperationCompleted(done) if done.operation_id == name => {
                Some(done.error.clone())
            }
            _ => None,
        })
        .await
}

async fn own_end(client: &mut Client, call_id: &str) -> (i32, i32) {
    client
        .own_event(call_id, |change| {
            (change.state() == CallState::Disconnected).then(|| reason(&change.reason))
        })
        .await
}

/// MID7, FEATURES A3: the target takes over, the transferor ends with 200/7015.
#[tokio::test(start_paused = true)]
async fn mid7_who_is_transferred_talks_to_the_target_and_the_transferor_is_out() {
    let scene = Scene::start().await;
    let ([mut alice, mut bob, mut charlie], call_id) = talking(&scene).await;
    let before = bob.roster(&call_id).await;
    let asked = transfer(&mut alice, &call_id, "charlie").await;
    assert_eq!(asked.error, None);
    let began = moved(&mut alice, &call_id, TransferState::Transferring).await;
    assert_eq!(began.target_id, asked.added_participant_id);
    let roster = bob.roster(&call_id).await;
    let transferor = roster.participants.iter().find(|one| !one.transferring_to.is_empty());
    let transferor = transferor.unwrap();
    assert_eq!(transferor.participant_id, began.transferor_id);
    assert_eq!(transferor.transferring_to, began.target_id);
    assert_eq!(transferor.state(), ParticipantState::Connected, "until the target is there");

    let incoming = charlie.incoming_call().await;
    assert_eq!(
        (incoming.kind(), incoming.caller_display_name.as_str()),
        (CallKind::OneToOne, "alice")
    );
    charlie.accept(&call_id).await;
    charlie.own_states(&call_id, CallState::Connected).await;
    let accepted = moved(&mut alice, &call_id, TransferState::Accepted).await;
    assert_eq!(accepted.reason, None);
    assert_eq!(completed(&mut alice, &call_id, "charlie").await, None);
    assert_eq!(own_end(&mut alice, &call_id).await, (200, 7015));

    assert_eq!(moved(&mut bob, &call_id, TransferState::Accepted).await, accepted);
    assert_eq!(bob.state_of(&call_id), CallState::Connected);
    let roster = bob.roster(&call_id).await;
    assert_eq!(roster, charlie.roster(&call_id).await);
    assert_eq!((roster.kind(), roster.thread_id.as_str()), (CallKind::OneToOne, ""));
    let who: Vec<_> = roster.participants.iter().map(|one| one.display_name.as_str()).collect();
    assert_eq!(who, ["bob", "charlie"]);
    // Bob's entry is the one he always had.
    let bobs = |call: &calling::Call| {
        let own = call.participants.iter().find(|one| one.display_name == "bob");
        own.unwrap().participant_id.clone()
    };
    assert_eq!(bobs(&roster), bobs(&before));
    // Alice is out: the call is not hers any longer.
    let refused = alice.mute(&call_id, true).await.error.unwrap();
    assert_eq!(refused.code, "call_not_found");
    bob.hang_up(&call_id).await;
    assert_eq!(reason(&charlie.call_ended(&call_id).await.reason), (0, 0));
    scene.stop().await;
}

/// MID7, FEATURES A4: every way not to come has its reason, and the two talk on.
#[tokio::test(start_paused = true)]
async fn mid7_a_target_that_declines_or_does_not_answer_or_is_not_there_changes_nothing() {
    let scene = Scene::start().await;
    let ([mut alice, mut bob, mut charlie], call_id) = talking(&scene).await;
    let roster = bob.roster(&call_id).await.participants;

    transfer(&mut alice, &call_id, "charlie").await;
    charlie.incoming_call().await;
    let operation_id = "reject".to_owned();
    let request = calling::RejectCallRequest { operation_id, call_id: call_id.clone() };
    charlie.command(command::Kind::RejectCall(request)).await;
    let failed = moved(&mut alice, &call_id, TransferState::Failed).await;
    assert_eq!(reason(&failed.reason), (603, 0));
    let error = completed(&mut alice, &call_id, "charlie").await.unwrap();
    assert_eq!((error.code.as_str(), reason(&error.reason)), ("operation_failed", (603, 0)));
    assert_eq!(reason(&moved(&mut bob, &call_id, TransferState::Failed).await.reason), (603, 0));
    assert_eq!(reason(&charlie.incoming_call_ended().await.reason), (603, 0));

    let begun = tokio::time::Instant::now();
    let again = command::Kind::TransferCall(calling::TransferCallRequest {
        operation_id: "again".to_owned(),
        call_id: call_id.clone(),
        target: "charlie".to_owned(),
        ..calling::TransferCallRequest::default()
    });
    assert_eq!(alice.command(again).await.error, None);
    assert_eq!(charlie.incoming_call().await.call_id, call_id);
    // All three read on: who answers no ping for a minute is disconnected.
    let (failed, bobs, missed) = tokio::join!(
        moved(&mut alice, &call_id, TransferState::Failed),
        moved(&mut bob, &call_id, TransferState::Failed),
        charlie.incoming_call_ended(),
    );
    assert_eq!(begun.elapsed().as_secs(), 60);
    assert_eq!(failed, bobs);
    assert_eq!(reason(&failed.reason), (487, 10004));
    assert_eq!(reason(&missed.reason), (487, 10004));

    transfer(&mut alice, &call_id, "dan").await;
    let failed = moved(&mut alice, &call_id, TransferState::Failed).await;
    assert_eq!(reason(&failed.reason), (480, 10037));

    assert_eq!(bob.roster(&call_id).await.participants, roster);
    assert_eq!(alice.roster(&call_id).await.participants, roster);
    assert_eq!(alice.mute(&call_id, true).await.error, None);
    scene.stop().await;
}

/// MID7: the transfer is the exchange's once it is asked for.
#[tokio::test(start_paused = true)]
async fn mid7_a_transfer_goes_on_without_its_transferor_and_fails_without_its_transferee() {
    let scene = Scene::start().await;
    let ([mut alice, mut bob, mut charlie], call_id) = talking(&scene).await;
    transfer(&mut alice, &call_id, "charlie").await;
    alice.hang_up(&call_id).await;
    assert_eq!(own_end(&mut alice, &call_id).await, (0, 0));
    charlie.incoming_call().await;
    charlie.accept(&call_id).await;
    charlie.own_states(&call_id, CallState::Connected).await;
    moved(&mut bob, &call_id, TransferState::Accepted).await;
    assert_eq!(bob.roster(&call_id).await.participants.len(), 2);

    let mut dan = scene.client("dan").await;
    transfer(&mut bob, &call_id, "dan").await;
    dan.incoming_call().await;
    charlie.hang_up(&call_id).await;
    assert_eq!(reason(&dan.incoming_call_ended().await.reason), (487, 0));
    let failed = moved(&mut bob, &call_id, TransferState::Failed).await;
    assert_eq!(reason(&failed.reason), (487, 0));
    assert_eq!(reason(&bob.call_ended(&call_id).await.reason), (0, 0));
    scene.stop().await;
}

/// MID7: one transfer at a time; what cannot be is a typed refusal.
#[tokio::test(start_paused = true)]
async fn mid7_refusals_are_told_apart() {
    let scene = Scene::start().await;
    let ([mut alice, mut bob, mut charlie], call_id) = talking(&scene).await;
    let code = |result: CommandResult| result.error.map(|error| error.code).unwrap_or_default();
    assert_eq!(code(transfer(&mut charlie, &call_id, "dan").await), "call_not_found");
    assert_eq!(code(transfer(&mut alice, &call_id, "").await), "invalid_argument");
    assert_eq!(code(transfer(&mut alice, &call_id, "nobody").await), "denied_by_policy");
    assert_eq!(code(transfer(&mut alice, &call_id, "alice").await), "target_is_actor");
    assert_eq!(code(transfer(&mut alice, &call_id, "bob").await), "already_participant");
    let mut named = calling::TransferCallRequest {
        operation_id: "named".to_owned(),
        call_id: call_id.clone(),
        target: "dan".to_owned(),
        transferee: "charlie".to_owned(),
    };
    let result = alice.command(command::Kind::TransferCall(named.clone())).await;
    assert_eq!(code(result), "participant_not_found");
    transfer(&mut alice, &call_id, "charlie").await;
    let error = transfer(&mut alice, &call_id, "dan").await.error.unwrap();
    assert_eq!((error.code.as_str(), reason(&error.reason)), ("transfer_in_progress", (409, 8519)));
    // The transferee may be named in every way in which a participant may be.
    charlie.incoming_call().await;
    charlie.accept(&call_id).await;
    charlie.own_states(&call_id, CallState::Connected).await;
    let mut dan = scene.client("dan").await;
    named.transferee = "charlie".to_owned();
    named.operation_id = "bobs".to_owned();
    assert_eq!(bob.command(command::Kind::TransferCall(named)).await.error, None);
    dan.incoming_call().await;
    scene.stop().await;
}

/// MID7, POL: nobody is transferred past a barrier by an ally of both.
#[tokio::test(start_paused = true)]
async fn mid7_a_barrier_between_transferee_and_target_refuses_the_transfer() {
    let scene = Scene::start().await;
    let ([mut alice, mut bob, mut charlie], call_id) = talking(&scene).await;
    let blocked = BTreeSet::from(["trading".parse().unwrap()]);
    scene.put_into_segment("bob", "trading", BarrierRule::Block(BTreeSet::new())).await;
    scene.put_into_segment("charlie", "research", BarrierRule::Block(blocked)).await;
    let error = transfer(&mut alice, &call_id, "charlie").await.error.unwrap();
    assert_eq!((error.code.as_str(), reason(&error.reason).0), ("denied_by_policy", 403));
    assert_eq!(bob.roster(&call_id).await.participants.len(), 2);
    // Alice herself may talk to both.
    let other = alice.place(&["charlie"]).await;
    assert_eq!(charlie.incoming_call().await.call_id, other, "the transfer did not ring");
    scene.stop().await;
}

/// MID8: in a group the target takes the transferor's place, and comes into the chat.
#[tokio::test(start_paused = true)]
async fn mid8_a_transfer_from_a_group_leaves_everybody_else_where_they_are() {
    let scene = Scene::start().await;
    let [mut alice, mut bob, mut charlie] =
        [scene.client("alice").await, scene.client("bob").await, scene.client("charlie").await];
    let mut dan = scene.client("dan").await;
    let call_id = alice.place(&["bob", "charlie"]).await;
    for one in [&mut bob, &mut charlie] {
        one.incoming_call().await;
        one.accept(&call_id).await;
        one.own_states(&call_id, CallState::Connected).await;
    }
    assert_eq!(transfer(&mut alice, &call_id, "dan").await.error, None);
    dan.incoming_call().await;
    dan.accept(&call_id).await;
    dan.own_states(&call_id, CallState::Connected).await;
    assert_eq!(own_end(&mut alice, &call_id).await, (200, 7015));
    let roster = bob.roster(&call_id).await;
    assert_eq!(roster, charlie.roster(&call_id).await);
    assert_eq!(roster, dan.roster(&call_id).await);
    let who: Vec<_> = roster.participants.iter().map(|one| one.display_name.as_str()).collect();
    assert_eq!(who, ["bob", "charlie", "dan"]);
    // Whoever hands a call over leaves the chat no more than whoever hangs up.
    let mut members = scene.chat_members("bob", &roster.thread_id).await;
    members.sort_unstable();
    assert_eq!(members, ["alice", "bob", "charlie", "dan"]);
    scene.stop().await;
}

/// MID7: nobody leaves their place in a meeting to another one; who is added is rung.
#[tokio::test(start_paused = true)]
async fn mid7_a_meeting_refuses_a_transfer_and_rings_who_is_added() {
    let scene = Scene::start().await;
    let (mut alice, mut bob) = (scene.client("alice").await, scene.client("bob").await);
    let link = scene.meeting_of("alice").await;
    let kind = meetings::meeting_locator::Kind::Link(meetings::JoinLink { join_link: link });
    let join = calling::JoinCallRequest {
        operation_id: "join".to_owned(),
        meeting: Some(meetings::MeetingLocator { kind: Some(kind) }),
        ..calling::JoinCallRequest::default()
    };
    let joined = alice.command(command::Kind::JoinCall(Box::new(join))).await;
    assert_eq!(joined.error, None);
    let refused = transfer(&mut alice, &joined.call_id, "bob").await.error.unwrap();
    let added = alice
        .command(command::Kind::AddParticipant(calling::AddParticipantRequest {
            operation_id: "add".to_owned(),
            call_id: joined.call_id.clone(),
            target: "bob".to_owned(),
            thread_id: String::new(),
        }))
        .await;
    assert_eq!(refused.code, "not_supported_in_meetings");
    assert_eq!(added.error, None);
    let call_id = joined.call_id;
    bob.incoming_call().await;
    bob.accept(&call_id).await;
    bob.own_states(&call_id, CallState::Connected).await;
    assert_eq!(alice.roster(&call_id).await, bob.roster(&call_id).await);
    scene.stop().await;
}
