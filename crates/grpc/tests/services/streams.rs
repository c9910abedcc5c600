//! Streams of calls and meetings end with the token, and with the standing, by which they were opened.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::Value;
use tokio::time::{Instant, timeout};
use tonic::{Code, Streaming};
use trunkline_node::{
    MeetingActor, RingError, TokenClaims, TokenError, WatchError, WatchMeetingError,
};
use trunkline_policy::Scope;
use trunkline_proto::calling::v1::{
    GetCallRequest, HangUpRequest, JoinCallRequest, PlaceCallRequest, RemoveParticipantRequest,
    WatchCallRequest, WatchIncomingCallsRequest, call_event::Kind as Happened,
};
use trunkline_proto::meetings::v1::{
    Meeting, MeetingRole, Nothing, Person as Named, RoleChange, UpdateMeetingRequest,
    WatchMeetingRequest, WatchMeetingResponse, meeting_action::Kind as Act,
    meeting_event::Kind as Told,
};

use crate::meetings::{act, by_code, create};
use crate::person::{Person, until};
use crate::scene::Scene;

const GROUP: &str = "5b1c3f0a-7a3e-4d0b-9e1c-0c0ffee00005";

/// Reads to the end of a stream, and returns how it ended.
async fn end<T>(stream: &mut Streaming<T>) -> Code {
    let last = async {
        loop {
            match stream.message().await {
                Ok(Some(_)) => {}
                Ok(None) => return Code::Ok,
                Err(status) => return status.code(),
            }
        }
    };
    timeout(Duration::from_secs(5), last).await.expect("the stream goes on")
}

async fn revoke(scene: &Scene, user: &str) {
    scene.node.revoke_tokens(&scene.resource(), user).await.unwrap();
}

/// What a token says whose user had it verified a moment ago.
async fn claims(scene: &Scene, user: &str) -> TokenClaims {
    let token = scene.token(user, &[Scope::Voip]).await;
    scene.node.identity().verify(&token, scene.node.clock().wall()).await.unwrap()
}

/// Makes a token that counts for a second or two.
async fn fleeting(scene: &Scene, user: &str) -> String {
    let token = scene.token(user, &[Scope::Voip]).await;
    let parts: Vec<&str> = token.split('.').collect();
    let read = |part: &str| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some(read(parts[0])["kid"].as_str().unwrap().to_owned());
    let mut claims = read(parts[1]);
    claims["exp"] = (scene.node.clock().wall().as_unix_seconds() + 2).into();
    let key = EncodingKey::from_ec_der(&scene.signing_key);
    jsonwebtoken::encode(&header, &claims, &key).unwrap()
}

/// Waits until nothing rings any more, whoever reads what it is told.
async fn silence(scene: &Scene) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while scene.node.status().endpoints > 0 {
        assert!(Instant::now() < deadline, "an endpoint outlives its token");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_rings_no_longer_than_its_token_counts() {
    let scene = Scene::start().await;
    let (user, caller) = (scene.app_user().await, scene.app_user().await);
    let mut calls = scene.calling(&user).await;
    let ringing = calls.watch_incoming_calls(WatchIncomingCallsRequest::default()).await;
    let mut ringing = ringing.unwrap().into_inner();
    let unread = calls.watch_incoming_calls(WatchIncomingCallsRequest::default()).await.unwrap();
    let verified = claims(&scene, &user).await;
    revoke(&scene, &user).await;
    silence(&scene).await;
    let place = PlaceCallRequest { targets: vec![user.clone()], ..PlaceCallRequest::default() };
    scene.calling(&caller).await.place_call(place).await.unwrap();
    assert_eq!(end(&mut ringing).await, Code::Unauthenticated);
    drop(unread);
    // One that was verified before the revocation opens nothing after it.
    let late = scene.node.controller(verified).ring("").await;
    assert!(matches!(late, Err(RingError::Token(TokenError::Revoked))), "{late:?}");
    assert_eq!(scene.node.status().endpoints, 0);

    let token = fleeting(&scene, &caller).await;
    let mut calls = scene.calling_by(&token);
    let ringing = calls.watch_incoming_calls(WatchIncomingCallsRequest::default()).await;
    assert_eq!(end(&mut ringing.unwrap().into_inner()).await, Code::Unauthenticated);
    silence(&scene).await;
    // A new token rings anew.
    let mut callee = Person::of(&scene, &user).await;
    let place = PlaceCallRequest { targets: vec![user], ..PlaceCallRequest::default() };
    let placed = scene.calling(&caller).await.place_call(place).await.unwrap().into_inner();
    assert_eq!(callee.rings().await, placed.call.unwrap().call_id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_watched_by_who_is_in_it_and_no_longer_than_the_token_counts() {
    let scene = Scene::start().await;
    let mut people = Vec::new();
    let mut call_id = String::new();
    for _ in 0..3 {
        let mut person = Person::new(&scene).await;
        let join = JoinCallRequest { group_id: GROUP.to_owned(), ..JoinCallRequest::default() };
        let joined = person.calls.join_call(join).await.unwrap().into_inner();
        call_id = joined.call.unwrap().call_id;
        people.push(person);
    }
    let [one, removed, revoked] = &mut people[..] else { unreachable!("three came") };
    let mut of_one = one.watches(&call_id).await;
    let mut of_removed = removed.watches(&call_id).await;
    let mut of_revoked = revoked.watches(&call_id).await;

    let remove = RemoveParticipantRequest {
        call_id: call_id.clone(),
        participant: removed.id.clone(),
        ..RemoveParticipantRequest::default()
    };
    one.calls.remove_participant(remove).await.unwrap();
    until(&mut of_removed, |kind| matches!(kind, Happened::ParticipantRemoved(_))).await;
    assert_eq!(end(&mut of_removed).await, Code::Ok);
    let watch = WatchCallRequest { call_id: call_id.clone(), after_seq: Some(0) };
    let again = removed.calls.watch_call(watch).await.unwrap_err();
    assert_eq!(again.code(), Code::NotFound);
    let get = GetCallRequest { call_id: call_id.clone() };
    let seen = removed.calls.get_call(get.clone()).await.unwrap_err();
    assert_eq!(seen.code(), Code::NotFound);

    let verified = claims(&scene, &revoked.id).await;
    revoke(&scene, &revoked.id).await;
    assert_eq!(end(&mut of_revoked).await, Code::Unauthenticated);
    let late = scene.node.controller(verified).watch(&call_id, None).await;
    assert!(matches!(late, Err(WatchError::Token(TokenError::Revoked))), "{late:?}");
    let mut fleeting = scene.calling_by(&fleeting(&scene, &one.id).await);
    let watch = WatchCallRequest { call_id: call_id.clone(), after_seq: None };
    let mut expiring = fleeting.watch_call(watch).await.unwrap().into_inner();
    assert_eq!(end(&mut expiring).await, Code::Unauthenticated);

    // Whoever is in it to its end is told of that, and may read it for a while.
    let hang_up =
        HangUpRequest { call_id: call_id.clone(), for_everyone: true, ..HangUpRequest::default() };
    one.calls.hang_up(hang_up).await.unwrap();
    until(&mut of_one, |kind| matches!(kind, Happened::CallEnded(_))).await;
    assert_eq!(end(&mut of_one).await, Code::Ok);
    let past = one.calls.get_call(get.clone()).await.unwrap().into_inner().call.unwrap();
    assert!(past.end_reason.is_some());
    assert_eq!(removed.calls.get_call(get).await.unwrap_err().code(), Code::NotFound);
}

async fn told(events: &mut Streaming<WatchMeetingResponse>) -> Told {
    let next = timeout(Duration::from_secs(5), events.message()).await;
    let next = next.expect("nothing was told").unwrap().expect("the stream ended");
    next.event.unwrap().kind.unwrap()
}

async fn program(scene: &Scene, meeting: &Meeting, kind: Act) {
    scene.meetings(&scene.key()).act(act(meeting, kind)).await.unwrap();
}

fn role(user: &str, role: MeetingRole) -> Act {
    Act::ChangeRole(RoleChange { user: user.to_owned(), role: role.into() })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_meeting_is_watched_by_who_is_in_it_and_no_longer_than_the_token_counts() {
    let scene = Scene::start().await;
    let meeting = create(&scene).await;
    let code = meeting.code.as_ref().unwrap();
    let watch = WatchMeetingRequest { meeting: meeting.meeting_id.clone() };
    let mut of_bob = {
        let mut as_bob = scene.meetings_as("bob").await;
        as_bob.watch_meeting(watch.clone()).await.unwrap().into_inner()
    };
    let joined = scene.calling("alice").await.join_call(by_code(code)).await.unwrap();
    let own = joined.into_inner().participant_id;
    let mut as_alice = scene.meetings_as("alice").await;
    let mut of_alice = as_alice.watch_meeting(watch.clone()).await.unwrap().into_inner();
    program(&scene, &meeting, Act::Remove(Named { participant: own })).await;
    assert_eq!(end(&mut of_alice).await, Code::Ok);
    let again = as_alice.watch_meeting(watch.clone()).await.unwrap_err();
    assert_eq!(again.code(), Code::NotFound);

    let verified = claims(&scene, "bob").await;
    revoke(&scene, "bob").await;
    assert_eq!(end(&mut of_bob).await, Code::Unauthenticated);
    let actor = MeetingActor::User(verified);
    let late = scene.node.meetings().watch(&actor, &meeting.meeting_id).await;
    assert!(matches!(late, Err(WatchMeetingError::Token(TokenError::Revoked))), "{late:?}");
    // A program has no token that could end.
    let mut meetings = scene.meetings(&scene.key());
    let mut of_program = meetings.watch_meeting(watch).await.unwrap().into_inner();
    program(&scene, &meeting, Act::End(Nothing {})).await;
    assert_eq!(end(&mut of_program).await, Code::Ok);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_watches_a_meeting_sees_what_its_role_shows_by_then() {
    let scene = Scene::start().await;
    let meeting = create(&scene).await;
    let code = meeting.code.as_ref().unwrap();
    scene.calling("alice").await.join_call(by_code(code)).await.unwrap();
    program(&scene, &meeting, role("alice", MeetingRole::CoOrganizer)).await;
    let mut as_alice = scene.meetings_as("alice").await;
    let watch = WatchMeetingRequest { meeting: meeting.meeting_id.clone() };
    let mut events = as_alice.watch_meeting(watch.clone()).await.unwrap().into_inner();
    let Told::Snapshot(first) = told(&mut events).await else { panic!("a snapshot comes first") };
    assert!(first.code.is_some(), "a host sees the code");

    program(&scene, &meeting, role("alice", MeetingRole::Attendee)).await;
    let guest = scene.app_user().await;
    scene.calling(&guest).await.join_call(by_code(code)).await.unwrap();
    let update = UpdateMeetingRequest {
        meeting: meeting.meeting_id.clone(),
        subject: Some("Budget".to_owned()),
        ..UpdateMeetingRequest::default()
    };
    scene.meetings(&scene.key()).update_meeting(update).await.unwrap();
    let change = told(&mut events).await;
    assert!(matches!(change, Told::RoleChanged(_)), "{change:?}");
    // Who waits is none of hers, nor is the code.
    let Told::Snapshot(seen) = told(&mut events).await else { panic!("the subject changed") };
    assert_eq!((seen.subject.as_str(), seen.code), ("Budget", None));
    assert!(seen.attendees.iter().all(|attendee| !attendee.is_waiting), "{:?}", seen.attendees);

    // Who hosted it from outside is nobody to it without the role.
    program(&scene, &meeting, role("alice", MeetingRole::CoOrganizer)).await;
    assert!(matches!(told(&mut events).await, Told::RoleChanged(_)));
    let call_id = seen.call_id;
    let hang_up = HangUpRequest { call_id, ..HangUpRequest::default() };
    scene.calling("alice").await.hang_up(hang_up).await.unwrap();
    assert!(matches!(told(&mut events).await, Told::ParticipantLeft(_)), "a host watches on");
    program(&scene, &meeting, role("alice", MeetingRole::Attendee)).await;
    assert_eq!(end(&mut events).await, Code::Ok);

    // Everybody is told of the end who watched until then.
    scene.calling("alice").await.join_call(by_code(code)).await.unwrap();
    let mut events = as_alice.watch_meeting(watch).await.unwrap().into_inner();
    program(&scene, &meeting, Act::End(Nothing {})).await;
    let mut last = told(&mut events).await;
    while !matches!(last, Told::Ended(_)) {
        last = told(&mut events).await;
    }
    assert_eq!(end(&mut events).await, Code::Ok);
}
