//! Meetings and rooms over the unary services: joined by signaling alone.

use std::time::{Duration, SystemTime};

use tonic::Code;
use trunkline_proto::{
    calling::v1::{
        Call, CallDirection, CallKind, CallState, GetCallRequest, HangUpRequest, JoinCallRequest,
        ListCallHistoryRequest, MarkCallsSeenRequest, MuteAllParticipantsRequest, PlaceCallRequest,
        RemoveParticipantRequest, TransferCallRequest, WatchCallRequest, call_event,
    },
    chat::v1::{GetThreadRequest, ListThreadsRequest},
    meetings::v1::{
        ActRequest, CreateMeetingRequest, ExplainEntryRequest, GetMeetingRequest, JoinCode,
        ListMeetingsRequest, Meeting, MeetingAction, MeetingLocator, MeetingSettings, Nothing,
        Person, UpdateMeetingRequest, WatchMeetingRequest, meeting_action::Kind, meeting_event,
        meeting_locator,
    },
    rooms::v1::{CreateRoomRequest, NewRoomParticipant, RoomRole, UpdateParticipantsRequest},
};

use crate::scene::{Scene, name};

pub(crate) async fn create(scene: &Scene) -> Meeting {
    let mut meetings = scene.meetings(&scene.key());
    let request = CreateMeetingRequest {
        organizer: "bob".to_owned(),
        subject: "Plans".to_owned(),
        ..CreateMeetingRequest::default()
    };
    meetings.create_meeting(request).await.unwrap().into_inner().meeting.unwrap()
}

pub(crate) fn by_code(code: &JoinCode) -> JoinCallRequest {
    let kind = Some(meeting_locator::Kind::Code(code.clone()));
    JoinCallRequest { meeting: Some(MeetingLocator { kind }), ..JoinCallRequest::default() }
}

pub(crate) fn act(meeting: &Meeting, kind: Kind) -> ActRequest {
    let action = Some(MeetingAction { kind: Some(kind) });
    let meeting = meeting.meeting_id.clone();
    ActRequest { meeting, action, ..ActRequest::default() }
}

/// Has the tenant take app users in.
pub(crate) async fn federate(scene: &Scene) {
    let tenant = scene.node.admin().tenants()[0].id.clone();
    let federation = trunkline_policy::FederationConfig {
        enable_acs_users: true,
        ..trunkline_policy::FederationConfig::default()
    };
    scene.node.admin().set_federation(&tenant, federation).await.unwrap();
}

fn state_of(call: &Call, participant: &str) -> Option<CallState> {
    let found = call.participants.iter().find(|entry| entry.participant_id == participant);
    found.map(|entry| entry.call_state())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mtg_a_guest_waits_sees_itself_alone_and_is_let_in_by_a_program() {
    let scene = Scene::start().await;
    let meeting = create(&scene).await;
    let code = meeting.code.clone().unwrap();
    let mut bob = scene.calling("bob").await;
    bob.join_call(by_code(&code)).await.unwrap();

    let guest = scene.app_user().await;
    let mut calling = scene.calling(&guest).await;
    let joined = calling.join_call(by_code(&code)).await.unwrap().into_inner();
    let (call, own) = (joined.call.unwrap(), joined.participant_id);
    assert_eq!(call.kind(), CallKind::Meeting);
    assert_eq!(call.participants.len(), 1, "who waits sees nobody");
    assert_eq!(state_of(&call, &own), Some(CallState::InLobby));
    let asked = GetCallRequest { call_id: call.call_id.clone() };
    let seen = calling.get_call(asked.clone()).await.unwrap().into_inner().call.unwrap();
    assert_eq!(seen.participants.len(), 1);

    // The meeting is nobody's to see who waits, and the code only the hosts'.
    let mut as_guest = scene.meetings_as(&guest).await;
    let get = GetMeetingRequest { meeting: meeting.meeting_id.clone() };
    let hidden = as_guest.get_meeting(get.clone()).await.unwrap_err();
    assert_eq!((hidden.code(), name(&hidden)), (Code::NotFound, "meeting_not_found"));

    let person = Person { participant: own.clone() };
    let admitted = scene.meetings(&scene.key()).act(act(&meeting, Kind::Admit(person))).await;
    let after = admitted.unwrap().into_inner().meeting.unwrap();
    assert_eq!(after.attendees.iter().filter(|attendee| attendee.is_waiting).count(), 0);
    let seen = calling.get_call(asked).await.unwrap().into_inner().call.unwrap();
    assert_eq!(seen.participants.len(), 2);
    assert_eq!(state_of(&seen, &own), Some(CallState::Connected));
    let shown = as_guest.get_meeting(get).await.unwrap().into_inner().meeting.unwrap();
    assert_eq!((shown.attendees.len(), shown.code), (2, None));

    // A guest ends nothing, mutes the others, and hears why not.
    let everyone = HangUpRequest {
        call_id: call.call_id.clone(),
        for_everyone: true,
        ..HangUpRequest::default()
    };
    let refused = calling.hang_up(everyone.clone()).await.unwrap_err();
    assert_eq!(name(&refused), "not_capable");
    bob.hang_up(everyone).await.unwrap();
    let ended = calling.join_call(by_code(&code)).await.unwrap_err();
    assert_eq!(name(&ended), "meeting_ended");
}

/// MTG: a program with the token of an app user comes in by the right that a host gave it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mtg_a_bot_that_was_given_the_right_does_not_wait() {
    let scene = Scene::start().await;
    federate(&scene).await;
    let (bot, other) = (scene.app_user().await, scene.app_user().await);
    let settings = MeetingSettings { bots: vec![bot.clone()], ..MeetingSettings::default() };
    let request = CreateMeetingRequest {
        organizer: "bob".to_owned(),
        settings: Some(settings),
        ..CreateMeetingRequest::default()
    };
    let meeting = scene.meetings(&scene.key()).create_meeting(request).await;
    let code = meeting.unwrap().into_inner().meeting.unwrap().code.unwrap();
    scene.calling("bob").await.join_call(by_code(&code)).await.unwrap();
    for (user, state) in [(&bot, CallState::Connected), (&other, CallState::InLobby)] {
        let joined = scene.calling(user).await.join_call(by_code(&code)).await.unwrap();
        let joined = joined.into_inner();
        assert_eq!(state_of(&joined.call.unwrap(), &joined.participant_id), Some(state));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mtg_users_run_meetings_of_their_own_and_every_name_finds_them() {
    let scene = Scene::start().await;
    let mut bob = scene.meetings_as("bob").await;
    let others = CreateMeetingRequest { organizer: "alice".to_owned(), ..Default::default() };
    assert_eq!(bob.create_meeting(others).await.unwrap_err().code(), Code::PermissionDenied);
    // A subject that is too long makes neither a meeting nor its chat.
    let long = CreateMeetingRequest { subject: "x".repeat(300), ..Default::default() };
    assert_eq!(bob.create_meeting(long).await.unwrap_err().code(), Code::InvalidArgument);
    let mut chat = scene.chat("bob").await;
    let threads = chat.list_threads(ListThreadsRequest::default()).await.unwrap().into_inner();
    assert!(threads.threads.iter().all(|thread| thread.deleted_on.is_some()), "{threads:?}");
    let mut made = Vec::new();
    for _ in 0..3 {
        let created = bob.create_meeting(CreateMeetingRequest::default()).await.unwrap();
        made.push(created.into_inner().meeting.unwrap());
    }
    let code = made[1].code.clone().unwrap();
    for name in [&made[1].meeting_id, &made[1].join_link, &code.meeting_id] {
        let get = GetMeetingRequest { meeting: name.clone() };
        let found = bob.get_meeting(get).await.unwrap().into_inner().meeting.unwrap();
        assert_eq!(found.meeting_id, made[1].meeting_id);
    }
    let mut list = ListMeetingsRequest { page_size: 2, ..ListMeetingsRequest::default() };
    let first = bob.list_meetings(list.clone()).await.unwrap().into_inner();
    list.page_token = first.next_page_token;
    let second = bob.list_meetings(list).await.unwrap().into_inner();
    let listed = first.meetings.iter().chain(&second.meetings).map(|one| &one.meeting_id);
    assert!(listed.eq(made.iter().map(|one| &one.meeting_id)));
    assert!(second.next_page_token.is_empty());

    let mut alice = scene.meetings_as("alice").await;
    let get = GetMeetingRequest { meeting: made[0].meeting_id.clone() };
    assert_eq!(alice.get_meeting(get).await.unwrap_err().code(), Code::NotFound);
    let explain =
        ExplainEntryRequest { meeting: made[0].meeting_id.clone(), user: scene.app_user().await };
    let explained = bob.explain_entry(explain).await.unwrap().into_inner();
    assert_eq!((explained.admission.as_str(), explained.rule.as_str()), ("wait", "scope"));
    assert!(explained.trace.len() > 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mtg_a_watcher_hears_everything_in_order_until_the_end() {
    let scene = Scene::start().await;
    let meeting = create(&scene).await;
    let mut meetings = scene.meetings(&scene.key());
    let watch = WatchMeetingRequest { meeting: meeting.meeting_id.clone() };
    let mut events = meetings.watch_meeting(watch).await.unwrap().into_inner();
    let guest = scene.app_user().await;
    let code = meeting.code.clone().unwrap();
    scene.calling(&guest).await.join_call(by_code(&code)).await.unwrap();
    for kind in [Kind::AdmitAll(Nothing {}), Kind::Lock(Nothing {}), Kind::End(Nothing {})] {
        meetings.act(act(&meeting, kind)).await.unwrap();
    }
    let (mut names, mut last) = (Vec::new(), 0);
    while let Some(next) = events.message().await.unwrap() {
        let event = next.event.unwrap();
        assert!(event.seq >= last, "{} after {last}", event.seq);
        last = event.seq;
        names.push(match event.kind.unwrap() {
            meeting_event::Kind::Snapshot(_) => "snapshot",
            meeting_event::Kind::LobbyEntered(_) => "waits",
            meeting_event::Kind::LobbyLeft(_) => "waits no more",
            meeting_event::Kind::Started(_) => "started",
            meeting_event::Kind::ParticipantJoined(_) => "joined",
            meeting_event::Kind::LockChanged(true) => "locked",
            meeting_event::Kind::ParticipantLeft(_) => "left",
            meeting_event::Kind::Ended(_) => "ended",
            other => panic!("{other:?}"),
        });
    }
    let expected =
        ["snapshot", "waits", "waits no more", "started", "joined", "locked", "left", "ended"];
    assert_eq!(names, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mtg_subject_and_times_change_and_everybody_sees_them() {
    let scene = Scene::start().await;
    let meeting = create(&scene).await;
    let thread_id = meeting.coordinates.as_ref().unwrap().thread_id.clone();
    let code = meeting.code.as_ref().unwrap();
    scene.calling("alice").await.join_call(by_code(code)).await.unwrap();
    let mut as_alice = scene.meetings_as("alice").await;
    let watch = WatchMeetingRequest { meeting: meeting.meeting_id.clone() };
    let mut events = as_alice.watch_meeting(watch).await.unwrap().into_inner();
    events.message().await.unwrap().unwrap();
    let update = UpdateMeetingRequest {
        meeting: meeting.meeting_id.clone(),
        subject: Some("Budget".to_owned()),
        starts_at: Some(SystemTime::UNIX_EPOCH.into()),
        ends_at: Some((SystemTime::UNIX_EPOCH + Duration::from_secs(60)).into()),
        ..UpdateMeetingRequest::default()
    };
    let refused = as_alice.update_meeting(update.clone()).await.unwrap_err();
    assert_eq!(name(&refused), "not_capable");
    let mut as_bob = scene.meetings_as("bob").await;
    let updated = as_bob.update_meeting(update.clone()).await.unwrap().into_inner().meeting;
    let updated = updated.unwrap();
    assert_eq!((updated.subject.as_str(), updated.ends_at), ("Budget", update.ends_at));
    assert!(updated.code.is_some());
    let next = tokio::time::timeout(Duration::from_secs(5), events.message()).await;
    let kind = next.expect("alice is told nothing").unwrap().unwrap().event.unwrap().kind;
    let Some(meeting_event::Kind::Snapshot(seen)) = kind else { panic!("{kind:?}") };
    assert_eq!((seen.subject.as_str(), seen.code), ("Budget", None));
    let get = GetThreadRequest { thread_id };
    let thread = scene.chat("bob").await.get_thread(get).await.unwrap().into_inner().thread;
    assert_eq!(thread.unwrap().topic, "Budget");
    let half = UpdateMeetingRequest { ends_at: None, ..update.clone() };
    assert_eq!(as_bob.update_meeting(half).await.unwrap_err().code(), Code::InvalidArgument);
    let scene = scene.restart().await;
    let get = GetMeetingRequest { meeting: meeting.meeting_id };
    let kept = scene.meetings(&scene.key()).get_meeting(get).await.unwrap().into_inner().meeting;
    let kept = kept.unwrap();
    assert_eq!((kept.subject.as_str(), kept.starts_at), ("Budget", update.starts_at));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mtg_meetings_outlive_a_restart_and_remember_who_was_turned_away() {
    let scene = Scene::start().await;
    let meeting = create(&scene).await;
    let code = meeting.code.clone().unwrap();
    let (admitted, denied) = (scene.app_user().await, scene.app_user().await);
    for (guest, is_let_in) in [(&admitted, true), (&denied, false)] {
        let joined = scene.calling(guest).await.join_call(by_code(&code)).await.unwrap();
        let person = Person { participant: joined.into_inner().participant_id };
        let kind = if is_let_in { Kind::Admit(person) } else { Kind::Reject(person) };
        scene.meetings(&scene.key()).act(act(&meeting, kind)).await.unwrap();
    }
    let scene = scene.restart().await;
    let joined = scene.calling(&admitted).await.join_call(by_code(&code)).await.unwrap();
    let joined = joined.into_inner();
    let state = state_of(&joined.call.unwrap(), &joined.participant_id);
    assert_eq!(state, Some(CallState::Connected), "admitted before");
    let refused = scene.calling(&denied).await.join_call(by_code(&code)).await.unwrap_err();
    assert_eq!(name(&refused), "join_refused");
    let get = GetMeetingRequest { meeting: code.meeting_id.clone() };
    let shown = scene.meetings(&scene.key()).get_meeting(get).await.unwrap().into_inner();
    assert_eq!(shown.meeting.unwrap().code, Some(code));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_lets_in_who_is_on_its_roster_with_the_rights_of_the_role() {
    let scene = Scene::start().await;
    let (host, listener, stranger) =
        (scene.app_user().await, scene.app_user().await, scene.app_user().await);
    let seat = |user: &str, role: RoomRole| NewRoomParticipant {
        user: user.to_owned(),
        role: role.into(),
    };
    let create = CreateRoomRequest {
        participants: vec![seat(&host, RoomRole::Presenter), seat(&listener, RoomRole::Consumer)],
        ..CreateRoomRequest::default()
    };
    let room = scene.rooms(&scene.key()).create_room(create).await.unwrap().into_inner().room;
    let room_id = room.unwrap().room_id;
    let join = JoinCallRequest { room_id: room_id.clone(), ..JoinCallRequest::default() };
    let mut as_host = scene.calling(&host).await;
    let mut as_listener = scene.calling(&listener).await;
    let call = as_host.join_call(join.clone()).await.unwrap().into_inner().call.unwrap();
    let joined = as_listener.join_call(join.clone()).await.unwrap().into_inner();
    let own = joined.participant_id.clone();
    let in_call = joined.call.unwrap();
    assert_eq!(in_call.call_id, call.call_id);
    let entry = in_call.participants.iter().find(|entry| entry.participant_id == own).unwrap();
    assert!(entry.is_muted, "a consumer sends nothing");

    let refused = scene.calling(&stranger).await.join_call(join.clone()).await.unwrap_err();
    assert_eq!(refused.metadata().get("trunkline-reason").unwrap(), "403/5828");
    let mute = MuteAllParticipantsRequest { call_id: call.call_id.clone(), ..Default::default() };
    let refused = as_listener.mute_all_participants(mute.clone()).await.unwrap_err();
    assert_eq!(name(&refused), "denied_by_room");
    as_host.mute_all_participants(mute).await.unwrap();
    // A room is entered by its roster: no role rings anybody into it, not even in its own place.
    let transfer = TransferCallRequest {
        call_id: call.call_id.clone(),
        target: stranger.clone(),
        ..TransferCallRequest::default()
    };
    assert_eq!(name(&as_host.transfer_call(transfer).await.unwrap_err()), "denied_by_room");
    let remove = RemoveParticipantRequest {
        call_id: call.call_id.clone(),
        participant: own,
        ..RemoveParticipantRequest::default()
    };
    as_host.remove_participant(remove).await.unwrap();

    // Another role is another set of rights, and no role is none: whoever is there is out.
    let changes = [
        (vec![seat(&listener, RoomRole::Attendee)], Vec::new()),
        (vec![seat(&host, RoomRole::Presenter)], vec![listener.clone()]),
    ];
    for (set, remove) in changes {
        as_listener.join_call(join.clone()).await.unwrap();
        let watch = WatchCallRequest { call_id: call.call_id.clone(), ..Default::default() };
        let mut events = as_host.watch_call(watch).await.unwrap().into_inner();
        let update = UpdateParticipantsRequest { room_id: room_id.clone(), set, remove };
        scene.rooms(&scene.key()).update_participants(update).await.unwrap();
        let reason = loop {
            let next = tokio::time::timeout(Duration::from_secs(5), events.message()).await;
            let event = next.expect("nobody left").unwrap().unwrap().event.unwrap();
            if let Some(call_event::Kind::ParticipantRemoved(removed)) = event.kind {
                break removed.reason.unwrap();
            }
        };
        assert_eq!((reason.code, reason.sub_code), (0, 5317));
    }
    assert!(as_listener.join_call(join).await.is_err());
    let get = GetCallRequest { call_id: call.call_id };
    let left = as_host.get_call(get).await.unwrap().into_inner().call.unwrap();
    assert_eq!(left.participants.len(), 1, "the host, whose role did not change, stays");
    let nowhere = JoinCallRequest { room_id: "99999999999999999".into(), ..Default::default() };
    assert_eq!(name(&as_host.join_call(nowhere).await.unwrap_err()), "room_not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rec_calls_that_are_over_are_in_the_history_of_everybody_who_was_called() {
    let scene = Scene::start().await;
    let (mut alice, mut bob) = (scene.calling("alice").await, scene.calling("bob").await);
    // Nobody is there, so bob misses it.
    let place = PlaceCallRequest { targets: vec!["bob".to_owned()], ..Default::default() };
    let call = alice.place_call(place).await.unwrap().into_inner().call.unwrap();
    let list = ListCallHistoryRequest::default();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
    let missed = loop {
        let listed = bob.list_call_history(list.clone()).await.unwrap().into_inner();
        if !listed.calls.is_empty() {
            break listed;
        }
        assert!(tokio::time::Instant::now() < deadline, "the call is not in the history");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!((missed.calls.len(), missed.unseen_missed), (1, 1));
    let entry = &missed.calls[0];
    assert!(entry.is_missed && entry.call_id == call.call_id);
    assert_eq!(entry.direction(), CallDirection::Incoming);
    assert_eq!(entry.others[0].display_name, "Alice Archer");
    assert!(entry.connected_at.is_none());
    let placed = alice.list_call_history(list).await.unwrap().into_inner();
    assert!(!placed.calls[0].is_missed && placed.unseen_missed == 0);
    let seen = MarkCallsSeenRequest { place: entry.place.clone() };
    assert_eq!(bob.mark_calls_seen(seen).await.unwrap().into_inner().unseen_missed, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grp_a_group_call_gets_a_chat_of_those_who_are_called() {
    let scene = Scene::start().await;
    let (mut alice, charlie) = (scene.calling("alice").await, scene.app_user().await);
    let place = PlaceCallRequest {
        targets: vec!["bob".to_owned(), charlie],
        ..PlaceCallRequest::default()
    };
    // Without federation between them the whole call is refused, and no chat is left.
    let refused = alice.place_call(place.clone()).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let mut chat = scene.chat("alice").await;
    let threads =
        chat.list_threads(ListThreadsRequest::default()).await.unwrap().into_inner().threads;
    assert!(threads.is_empty());

    federate(&scene).await;
    let call = alice.place_call(place).await.unwrap().into_inner().call.unwrap();
    let threads =
        chat.list_threads(ListThreadsRequest::default()).await.unwrap().into_inner().threads;
    assert_eq!(threads.len(), 1);
    assert_eq!(threads[0].thread_id, call.thread_id);
}
