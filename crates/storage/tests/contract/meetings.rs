//! Meetings and their codes.

use std::collections::{BTreeMap, BTreeSet};

use trunkline_clock::VirtualClock;
use trunkline_ids::{
    CommunicationIdentifier, JoinCode, JoinMeetingId, MeetingCoordinates, MeetingId, OrganizerId,
    Passcode,
};
use trunkline_interop::{
    Action, Actor, Command, Input, Meeting, MeetingConfig, MeetingRole, MeetingSettings,
    NewMeeting, Schedule,
};
use trunkline_policy::Policy;
use trunkline_storage::{
    MeetingPosition, MeetingStore, PutMeetingError, StoreError, StoredMeeting,
};

use crate::{
    scene::{thread_id, user},
    suite::Backend,
};

pub(crate) async fn a_meeting_comes_back_as_it_is_and_goes_on(backend: &impl Backend) {
    let store = backend.open().await;
    let mut made = meeting(1, "alice", "one", "0");
    store.put_meeting(stored(&made)).await.unwrap();
    for (number, action) in [
        Action::ChangeRole(user("bob"), MeetingRole::CoOrganizer),
        Action::Invite(user("charlie")),
        Action::Lock,
        Action::RotateCode(code(7)),
    ]
    .into_iter()
    .enumerate()
    {
        let before = made.revision();
        act(&mut made, number, action);
        assert!(made.revision() > before);
    }
    store.put_meeting(stored(&made)).await.unwrap();
    drop(store);
    let store = backend.open().await;
    let found = store.meeting(&made.id()).await.unwrap().unwrap();
    assert_eq!(found, stored(&made));
    assert_eq!(found.code, code(7));
    let now = VirtualClock::default().now();
    let restored =
        Meeting::restore(now, found.record, found.code, MeetingConfig::default()).unwrap();
    assert!(restored.is_locked());
    assert_eq!(stored(&restored), stored(&made));
    assert_eq!(store.meeting(&meeting_id(9)).await.unwrap(), None);
}

pub(crate) async fn a_meeting_is_found_by_each_of_its_locators(backend: &impl Backend) {
    let store = backend.open().await;
    let (one, other) = (meeting(1, "alice", "one", "0"), meeting(2, "alice", "two", "0"));
    for made in [&one, &other] {
        store.put_meeting(stored(made)).await.unwrap();
    }
    for made in [&one, &other] {
        let by_code = store.meeting_by_join_id(&made.code().id).await.unwrap();
        assert_eq!(by_code, Some(stored(made)));
        let by_link = store.meeting_at(made.coordinates()).await.unwrap();
        assert_eq!(by_link, Some(stored(made)));
    }
    assert_eq!(store.meeting_by_join_id(&code(9).id).await.unwrap(), None);
    let coordinates = |change: fn(&mut MeetingCoordinates)| {
        let mut coordinates = one.coordinates().clone();
        change(&mut coordinates);
        coordinates
    };
    for near in [
        coordinates(|c| c.thread_id = thread_id("three")),
        coordinates(|c| c.tenant_id = "fabrikam".parse().unwrap()),
        coordinates(|c| c.message_id = "1".parse().unwrap()),
        coordinates(|c| c.organizer_id = OrganizerId::of(&user("bob")).unwrap()),
    ] {
        assert_eq!(store.meeting_at(&near).await.unwrap(), None, "{near:?}");
    }
}

pub(crate) async fn join_ids_and_coordinates_belong_to_one_meeting(backend: &impl Backend) {
    let store = backend.open().await;
    let first = stored(&meeting(1, "alice", "one", "0"));
    store.put_meeting(first.clone()).await.unwrap();
    let second = stored(&meeting(2, "bob", "one", "1"));
    store.put_meeting(second.clone()).await.unwrap();
    // Another passcode does not make it another id.
    let same_id = JoinCode { id: first.code.id, passcode: code(9).passcode };
    let taken = StoredMeeting { code: same_id, ..second.clone() };
    let refused = store.put_meeting(taken).await;
    assert!(matches!(refused, Err(PutMeetingError::JoinIdTaken)), "{refused:?}");
    let refused = store.put_meeting(stored(&meeting(3, "bob", "one", "0"))).await;
    assert!(matches!(refused, Err(PutMeetingError::CoordinatesTaken)), "{refused:?}");
    for other in [meeting(1, "bob", "two", "0"), meeting(1, "alice", "two", "0")] {
        let refused = store.put_meeting(StoredMeeting { code: code(9), ..stored(&other) }).await;
        let Err(PutMeetingError::Store(StoreError::Conflict { .. })) = refused else {
            panic!("{refused:?}");
        };
    }
    assert_eq!(store.meeting(&first.record.id).await.unwrap(), Some(first.clone()));
    assert_eq!(store.meeting(&second.record.id).await.unwrap(), Some(second));
    // What a meeting had is free when it is gone, and when its code was replaced.
    let rotated = StoredMeeting { code: code(9), ..first.clone() };
    store.put_meeting(rotated).await.unwrap();
    let third = StoredMeeting { code: same_id, ..stored(&meeting(3, "bob", "two", "0")) };
    store.put_meeting(third).await.unwrap();
    assert!(store.delete_meeting(&first.record.id).await.unwrap());
    assert!(!store.delete_meeting(&first.record.id).await.unwrap());
    let fourth = StoredMeeting { code: code(9), ..stored(&meeting(4, "bob", "one", "0")) };
    store.put_meeting(fourth).await.unwrap();
}

pub(crate) async fn meetings_are_listed_in_the_order_of_their_making(backend: &impl Backend) {
    let store = backend.open().await;
    let made = [(3, "alice"), (1, "bob"), (5, "alice"), (2, "alice"), (4, "alice")];
    for (number, organizer) in made {
        let message = number.to_string();
        let meeting = meeting(number, organizer, "channel", &message);
        store.put_meeting(stored(&meeting)).await.unwrap();
    }
    let mut again = meeting(3, "alice", "channel", "3");
    act(&mut again, 0, Action::Lock);
    store.put_meeting(stored(&again)).await.unwrap();
    let alice = user("alice");
    let first = store.meetings_of(&alice, None, 2).await.unwrap();
    assert_eq!(ids(&first), [3, 5]);
    assert!(first[0].1.record.is_locked);
    assert!(store.delete_meeting(&meeting_id(5)).await.unwrap());
    let rest = store.meetings_of(&alice, Some(first[1].0), 9).await.unwrap();
    assert_eq!(ids(&rest), [2, 4]);
    let thread = thread_id("channel");
    let all = store.meetings_of_thread(&thread, None, 9).await.unwrap();
    assert_eq!(ids(&all), [3, 1, 2, 4]);
    let rest = store.meetings_of_thread(&thread, Some(all[1].0), 1).await.unwrap();
    assert_eq!(ids(&rest), [2]);
    assert!(store.meetings_of_thread(&thread_id("none"), None, 9).await.unwrap().is_empty());
}

pub(crate) async fn all_codes_come_page_by_page(backend: &impl Backend) {
    let store = backend.open().await;
    for number in 1..=5 {
        let meeting = meeting(number, "alice", "channel", &number.to_string());
        store.put_meeting(stored(&meeting)).await.unwrap();
    }
    drop(store);
    let store = backend.open().await;
    let (mut after, mut posted, mut pages) = (None, Vec::new(), 0);
    loop {
        let page = store.join_codes(after, 2).await.unwrap();
        let Some((last, _)) = page.last() else { break };
        after = Some(*last);
        pages += 1;
        posted.extend(page.into_iter().map(|(_, code)| (code.meeting_id, code.code)));
    }
    assert_eq!(pages, 3);
    let expected: Vec<_> = (1..=5).map(|number| (meeting_id(number), code(number))).collect();
    assert_eq!(posted, expected);
}

pub(crate) async fn debug_shows_neither_code_nor_person(backend: &impl Backend) {
    let store = backend.open().await;
    store.put_meeting(stored(&meeting(1, "alice", "one", "0"))).await.unwrap();
    let found = store.meeting(&meeting_id(1)).await.unwrap();
    let codes = store.join_codes(None, 9).await.unwrap();
    let shown = format!("{found:?} {codes:?}");
    for secret in [code(1).id.reveal(), code(1).passcode.reveal(), "alice", "Harbor"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

fn ids(page: &[(MeetingPosition, StoredMeeting)]) -> Vec<u8> {
    page.iter().map(|(_, meeting)| meeting.record.id.to_uuid_bytes()[0]).collect()
}

fn act(meeting: &mut Meeting, number: usize, action: Action) {
    let operation_id = number.to_string().parse().unwrap();
    let input = Input::Command(Command { actor: Actor::Application, operation_id, action });
    meeting.handle_input(VirtualClock::default().now(), &Policy::default(), input);
}

pub(crate) fn stored(meeting: &Meeting) -> StoredMeeting {
    StoredMeeting { record: meeting.record(), code: *meeting.code() }
}

pub(crate) fn meeting_id(number: u8) -> MeetingId {
    MeetingId::from_uuid_bytes([number; 16])
}

pub(crate) fn code(number: u8) -> JoinCode {
    JoinCode {
        id: JoinMeetingId::from_bytes([number; 8]),
        passcode: Passcode::from_bytes([number + 100; 8]),
    }
}

pub(crate) fn meeting(number: u8, organizer: &str, thread: &str, message: &str) -> Meeting {
    let organizer: CommunicationIdentifier = user(organizer);
    let new = NewMeeting {
        id: meeting_id(number),
        coordinates: MeetingCoordinates {
            thread_id: thread_id(thread),
            organizer_id: OrganizerId::of(&organizer).unwrap(),
            tenant_id: "contoso".parse().unwrap(),
            message_id: message.parse().unwrap(),
        },
        subject: Some("Harbor ⚓".to_owned()),
        schedule: Schedule::MeetNow,
        is_channel: false,
        code: code(number),
        settings: MeetingSettings::default(),
        roles: BTreeMap::new(),
        invited: BTreeSet::new(),
        thread_members: [organizer.clone()].into(),
        config: MeetingConfig::default(),
        organizer,
    };
    Meeting::create(VirtualClock::default().now(), new).unwrap()
}
