//! People who are rung into a meeting.

use tonic::Code;
use trunkline_proto::{
    calling::v1::{
        AcceptCallRequest, AddParticipantRequest, CallKind, CallState, GetCallRequest,
        RejectCallRequest, RemoveParticipantRequest, call_event::Kind as Happened,
    },
    meetings::v1::{Meeting, Nothing, Person as Named, meeting_action::Kind},
};

use crate::meetings::{act, by_code, create, federate};
use crate::person::{Person, until};
use crate::scene::{Scene, name};

fn ring(call_id: &str, target: &str) -> AddParticipantRequest {
    AddParticipantRequest {
        call_id: call_id.to_owned(),
        target: target.to_owned(),
        ..AddParticipantRequest::default()
    }
}

/// Bob is in his meeting.
async fn running(scene: &Scene) -> (Meeting, String) {
    federate(scene).await;
    let meeting = create(scene).await;
    let join = by_code(meeting.code.as_ref().unwrap());
    let call = scene.calling("bob").await.join_call(join).await.unwrap().into_inner().call;
    (meeting, call.unwrap().call_id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mtg_who_is_rung_into_a_meeting_comes_in_past_the_lobby() {
    let scene = Scene::start().await;
    let (meeting, call_id) = running(&scene).await;
    let mut guest = Person::new(&scene).await;
    let mut bob = scene.calling("bob").await;
    bob.add_participant(ring(&call_id, &guest.id)).await.unwrap();
    assert_eq!(guest.rings().await, call_id);
    // Rung is not in: nothing of the meeting is told.
    let get = GetCallRequest { call_id: call_id.clone() };
    assert_eq!(guest.calls.get_call(get.clone()).await.unwrap_err().code(), Code::NotFound);
    let accept = AcceptCallRequest { call_id: call_id.clone(), ..AcceptCallRequest::default() };
    let own = guest.calls.accept_call(accept.clone()).await.unwrap().into_inner().participant_id;
    let call = guest.calls.get_call(get).await.unwrap().into_inner().call.unwrap();
    let states: Vec<_> = call.participants.iter().map(|one| one.call_state()).collect();
    assert_eq!((call.kind(), states), (CallKind::Meeting, vec![CallState::Connected; 2]));
    // The meeting knows it as anybody else, and takes it out as anybody else.
    let show = act(&meeting, Kind::AdmitAll(Nothing::default()));
    let shown = scene.meetings(&scene.key()).act(show).await.unwrap().into_inner().meeting;
    assert_eq!(shown.unwrap().attendees.iter().filter(|one| !one.is_waiting).count(), 2);
    let again = bob.add_participant(ring(&call_id, &guest.id)).await.unwrap_err();
    assert_eq!(name(&again), "join_refused");
    let remove = act(&meeting, Kind::Remove(Named { participant: own }));
    scene.meetings(&scene.key()).act(remove).await.unwrap();
    let gone = guest.calls.accept_call(accept).await.unwrap_err();
    assert_eq!(name(&gone), "nothing_to_accept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mtg_an_invitation_into_a_meeting_is_declined_or_taken_back_and_opens_no_door() {
    let scene = Scene::start().await;
    let (meeting, call_id) = running(&scene).await;
    let (mut guest, mut stranger) = (Person::new(&scene).await, Person::new(&scene).await);
    // Knowing the id of the call is no invitation.
    let accept = AcceptCallRequest { call_id: call_id.clone(), ..AcceptCallRequest::default() };
    let refused = stranger.calls.accept_call(accept).await.unwrap_err();
    assert_eq!(name(&refused), "nothing_to_accept");
    let mut bob = scene.calling("bob").await;
    let mut bobs = Person::of(&scene, "bob").await;
    let mut events = bobs.watches(&call_id).await;
    for declines in [true, false] {
        let added = bob.add_participant(ring(&call_id, &guest.id)).await.unwrap().into_inner();
        let rung = added.participant.unwrap().participant_id;
        assert_eq!(guest.rings().await, call_id);
        if declines {
            let reject = RejectCallRequest { call_id: call_id.clone(), ..Default::default() };
            guest.calls.reject_call(reject).await.unwrap();
        } else {
            let remove = RemoveParticipantRequest {
                call_id: call_id.clone(),
                participant: guest.id.clone(),
                ..RemoveParticipantRequest::default()
            };
            bob.remove_participant(remove).await.unwrap();
        }
        let removed = until(&mut events, |kind| {
            matches!(kind, Happened::ParticipantRemoved(removed)
                if removed.participant_id == rung)
        });
        let Happened::ParticipantRemoved(removed) = removed.await else { unreachable!() };
        let reason = removed.reason.unwrap();
        let expected = if declines { (603, 0) } else { (487, 0) };
        assert_eq!((reason.code, reason.sub_code), expected);
    }
    // A locked meeting rings nobody, and who may not add rings nobody either.
    scene
        .meetings_as("bob")
        .await
        .act(act(&meeting, Kind::Lock(Nothing::default())))
        .await
        .unwrap();
    let locked = bob.add_participant(ring(&call_id, &guest.id)).await.unwrap_err();
    assert_eq!(name(&locked), "join_refused");
    let outside = stranger.calls.add_participant(ring(&call_id, &guest.id)).await.unwrap_err();
    assert_eq!(name(&outside), "not_in_meeting");
}
