//! What is done elsewhere and reaches calls and meetings: to their chats, and to rooms.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use futures_util::FutureExt as _;
use tonic::Streaming;
use trunkline_interop::ParticipantPatch;
use trunkline_proto::{
    calling::v1::{
        GetCallRequest, HangUpRequest, JoinCallRequest, WatchCallRequest, WatchCallResponse,
        call_event,
    },
    chat::v1::{
        AddMembersRequest, ListMembersRequest, ListThreadsRequest, NewMember, RemoveMemberRequest,
    },
    common::v1::EndReason,
    meetings::v1::{CreateMeetingRequest, MeetingSettings, Person, meeting_action::Kind},
    rooms::v1::{CreateRoomRequest, NewRoomParticipant, RoomRole, UpdateRoomRequest},
};

use crate::meetings::{act, by_code, create, federate};
use crate::scene::{Scene, name};

const GROUP: &str = "29a5a3a6-0a4e-4a5c-9a6b-0c9e2f6f1d11";

async fn watch(scene: &Scene, user: &str, call_id: &str) -> Streaming<WatchCallResponse> {
    let watch = WatchCallRequest { call_id: call_id.to_owned(), ..Default::default() };
    scene.calling(user).await.watch_call(watch).await.unwrap().into_inner()
}

/// Waits for the end of somebody's part in a call, or of the call.
async fn end(events: &mut Streaming<WatchCallResponse>) -> (Option<String>, EndReason) {
    loop {
        let next = tokio::time::timeout(Duration::from_secs(5), events.message()).await;
        match next.expect("nothing ended").unwrap().unwrap().event.unwrap().kind {
            Some(call_event::Kind::ParticipantRemoved(removed)) => {
                return (Some(removed.participant_id), removed.reason.unwrap());
            }
            Some(call_event::Kind::CallEnded(ended)) => return (None, ended.reason.unwrap()),
            Some(_) | None => {}
        }
    }
}

async fn members(scene: &Scene, user: &str, thread_id: &str) -> BTreeSet<String> {
    let list = ListMembersRequest { thread_id: thread_id.to_owned(), ..Default::default() };
    let listed = scene.chat(user).await.list_members(list).await.unwrap().into_inner();
    listed.members.into_iter().map(|member| member.identifier.unwrap().raw_id).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rst_who_is_taken_out_of_the_chat_of_a_group_is_out_of_its_call() {
    let scene = Scene::start().await;
    let join = JoinCallRequest { group_id: GROUP.to_owned(), ..JoinCallRequest::default() };
    let (mut alice, mut bob) = (scene.calling("alice").await, scene.calling("bob").await);
    let call = alice.join_call(join.clone()).await.unwrap().into_inner().call.unwrap();
    let own = bob.join_call(join.clone()).await.unwrap().into_inner().participant_id;
    assert_eq!(members(&scene, "alice", &call.thread_id).await.len(), 2);
    let mut events = watch(&scene, "alice", &call.call_id).await;
    let remove = RemoveMemberRequest { thread_id: call.thread_id.clone(), user: "bob".to_owned() };
    scene.chat("alice").await.remove_member(remove).await.unwrap();
    let (who, reason) = end(&mut events).await;
    assert_eq!((who, reason.code, reason.sub_code), (Some(own), 0, 5300));
    // Whoever is let in again is in both again.
    bob.join_call(join).await.unwrap();
    assert_eq!(members(&scene, "alice", &call.thread_id).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rst_who_is_taken_out_of_the_chat_of_a_meeting_is_out_of_it() {
    let scene = Scene::start().await;
    let meeting = create(&scene).await;
    let code = meeting.code.clone().unwrap();
    let (mut alice, mut bob) = (scene.calling("alice").await, scene.calling("bob").await);
    let call = bob.join_call(by_code(&code)).await.unwrap().into_inner().call.unwrap();
    let own = alice.join_call(by_code(&code)).await.unwrap().into_inner().participant_id;
    let thread_id = call.thread_id.clone();
    assert_eq!(members(&scene, "bob", &thread_id).await.len(), 2);
    let mut events = watch(&scene, "bob", &call.call_id).await;
    let remove = RemoveMemberRequest { thread_id: thread_id.clone(), user: "alice".to_owned() };
    scene.chat("bob").await.remove_member(remove).await.unwrap();
    let (who, reason) = end(&mut events).await;
    assert_eq!((who, reason.code, reason.sub_code), (Some(own), 0, 5300));
    assert_eq!(members(&scene, "bob", &thread_id).await.len(), 1);
    alice.join_call(by_code(&code)).await.unwrap();
    assert_eq!(members(&scene, "bob", &thread_id).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rst_who_joins_a_group_first_decides_whether_its_chat_follows() {
    for is_manual in [true, false] {
        let scene = Scene::start().await;
        let join = |manual_chat_roster| JoinCallRequest {
            group_id: GROUP.to_owned(),
            manual_chat_roster,
            ..JoinCallRequest::default()
        };
        let (mut alice, mut bob) = (scene.calling("alice").await, scene.calling("bob").await);
        let call = alice.join_call(join(is_manual)).await.unwrap().into_inner().call.unwrap();
        bob.join_call(join(!is_manual)).await.unwrap();
        let mut chat = scene.chat("bob").await;
        let listed = chat.list_threads(ListThreadsRequest::default()).await.unwrap();
        let threads: Vec<_> =
            listed.into_inner().threads.into_iter().map(|thread| thread.thread_id).collect();
        match is_manual {
            true => assert!(threads.is_empty(), "nobody made a chat: {threads:?}"),
            false => assert_eq!(threads, std::slice::from_ref(&call.thread_id)),
        }
        // The next call of the group is begun anew, and so is this.
        for calling in [&mut alice, &mut bob] {
            let call_id = call.call_id.clone();
            calling.hang_up(HangUpRequest { call_id, ..Default::default() }).await.unwrap();
        }
        let next = bob.join_call(join(!is_manual)).await.unwrap().into_inner().call.unwrap();
        assert_ne!(next.call_id, call.call_id);
        alice.join_call(join(is_manual)).await.unwrap();
        let listed = chat.list_threads(ListThreadsRequest::default()).await.unwrap();
        let has_own =
            listed.into_inner().threads.iter().any(|thread| thread.thread_id == next.thread_id);
        assert_eq!(has_own, is_manual, "what the first says, not the second");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rst_the_chat_of_a_meeting_is_left_alone_where_its_settings_say_so() {
    let scene = Scene::start().await;
    let settings = MeetingSettings { manual_chat_roster: true, ..MeetingSettings::default() };
    let request = CreateMeetingRequest {
        organizer: "bob".to_owned(),
        settings: Some(settings.clone()),
        ..CreateMeetingRequest::default()
    };
    let made = scene.meetings(&scene.key()).create_meeting(request).await.unwrap();
    let meeting = made.into_inner().meeting.unwrap();
    assert!(meeting.settings.clone().unwrap().manual_chat_roster);
    let code = meeting.code.clone().unwrap();
    let (mut alice, mut bob) = (scene.calling("alice").await, scene.calling("bob").await);
    let call = bob.join_call(by_code(&code)).await.unwrap().into_inner().call.unwrap();
    alice.join_call(by_code(&code)).await.unwrap();
    assert_eq!(members(&scene, "bob", &call.thread_id).await.len(), 1, "bob alone");
    // Whoever is put there by hand is taken out by hand: neither follows the other.
    let add = AddMembersRequest {
        thread_id: call.thread_id.clone(),
        members: vec![NewMember { user: "alice".to_owned(), ..NewMember::default() }],
    };
    scene.chat("bob").await.add_members(add).await.unwrap();
    let thread_id = call.thread_id.clone();
    let remove = RemoveMemberRequest { thread_id, user: "alice".to_owned() };
    scene.chat("bob").await.remove_member(remove).await.unwrap();
    let get = GetCallRequest { call_id: call.call_id.clone() };
    let seen = bob.get_call(get).await.unwrap().into_inner().call.unwrap();
    assert_eq!(seen.participants.len(), 2, "alice stays in the meeting");

    // With the other setting, who comes is in the chat.
    let call_id = call.call_id.clone();
    alice.hang_up(HangUpRequest { call_id, ..Default::default() }).await.unwrap();
    let follows = MeetingSettings { manual_chat_roster: false, ..settings };
    let change = act(&meeting, Kind::ChangeSettings(follows));
    scene.meetings(&scene.key()).act(change).await.unwrap();
    alice.join_call(by_code(&code)).await.unwrap();
    assert_eq!(members(&scene, "bob", &call.thread_id).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cht7_guests_keep_the_chat_that_others_gave_them_and_no_other() {
    let scene = Scene::start().await;
    federate(&scene).await;
    let meeting = create(&scene).await;
    let code = meeting.code.clone().unwrap();
    let call = scene.calling("bob").await.join_call(by_code(&code)).await.unwrap().into_inner();
    let thread_id = call.call.unwrap().thread_id;
    let (invited, passing) = (scene.app_user().await, scene.app_user().await);
    let add = AddMembersRequest {
        thread_id: thread_id.clone(),
        members: vec![NewMember { user: invited.clone(), ..NewMember::default() }],
    };
    let added = scene.chat("bob").await.add_members(add).await.unwrap().into_inner();
    assert!(added.invalid_members.is_empty(), "{added:?}");
    for guest in [&invited, &passing] {
        let mut calling = scene.calling(guest).await;
        let joined = calling.join_call(by_code(&code)).await.unwrap().into_inner();
        let admit = Kind::Admit(Person { participant: joined.participant_id });
        scene.meetings(&scene.key()).act(act(&meeting, admit)).await.unwrap();
        assert!(members(&scene, "bob", &thread_id).await.contains(guest));
        let call_id = joined.call.unwrap().call_id;
        calling.hang_up(HangUpRequest { call_id, ..Default::default() }).await.unwrap();
    }
    let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
    while members(&scene, "bob", &thread_id).await.contains(&passing) {
        assert!(tokio::time::Instant::now() < deadline, "a guest who left reads on");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(members(&scene, "bob", &thread_id).await.contains(&invited));
}

/// Makes a room in which somebody presents.
async fn room_of(scene: &Scene, host: &str) -> String {
    let host = NewRoomParticipant { user: host.to_owned(), role: RoomRole::Presenter.into() };
    let create = CreateRoomRequest { participants: vec![host], ..CreateRoomRequest::default() };
    let room = scene.rooms(&scene.key()).create_room(create).await.unwrap().into_inner().room;
    room.unwrap().room_id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_call_follows_its_room_when_whoever_changes_it_goes_away() {
    let scene = Scene::start().await;
    let host = scene.app_user().await;
    let room_id = room_of(&scene, &host).await;
    let join = JoinCallRequest { room_id: room_id.clone(), ..JoinCallRequest::default() };
    let mut calling = scene.calling(&host).await;
    let call = calling.join_call(join).await.unwrap().into_inner().call.unwrap();
    let mut events = watch(&scene, &host, &call.call_id).await;
    let (resource, room_id) = (scene.resource(), room_id.parse().unwrap());
    let removal = vec![ParticipantPatch::Remove(host.parse().unwrap())];
    let rooms = scene.node.rooms();
    // Asked once, and left.
    let asking = rooms.patch_participants(&resource, &room_id, removal);
    assert!(asking.now_or_never().is_none(), "it was over at once");
    let (_, reason) = end(&mut events).await;
    assert_eq!((reason.code, reason.sub_code), (0, 5317));
    assert_eq!(rooms.room(&resource, &room_id).await.unwrap().participants().count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_call_of_a_room_ends_with_its_validity() {
    let scene = Scene::start().await;
    let host = scene.app_user().await;
    let room_id = room_of(&scene, &host).await;
    let mut rooms = scene.rooms(&scene.key());
    let join = JoinCallRequest { room_id: room_id.clone(), ..JoinCallRequest::default() };
    let mut calling = scene.calling(&host).await;
    let call = calling.join_call(join.clone()).await.unwrap().into_inner().call.unwrap();
    let mut events = watch(&scene, &host, &call.call_id).await;
    let update = UpdateRoomRequest {
        room_id,
        valid_until: Some((SystemTime::now() + Duration::from_secs(1)).into()),
        ..UpdateRoomRequest::default()
    };
    rooms.update_room(update).await.unwrap();
    let (_, reason) = end(&mut events).await;
    assert_eq!((reason.code, reason.sub_code), (403, 5829));
    let refused = calling.join_call(join).await.unwrap_err();
    assert_eq!(name(&refused), "denied_by_room");
    assert_eq!(refused.metadata().get("trunkline-reason").unwrap(), "403/5829");
}
