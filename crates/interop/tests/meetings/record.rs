//! What of a meeting outlives a restart, and how its driver knows that it has changed.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{collection, option, prelude::*};
use trunkline_clock::{Timestamp, VirtualClock};
use trunkline_ids::{CommunicationIdentifier, JoinCode, JoinMeetingId, MeetingId, Passcode};
use trunkline_interop::{
    Action, Actor, AllowedPresenters, CreateMeetingError, LobbyBypassScope, Meeting, MeetingConfig,
    MeetingRecord, MeetingRole, MeetingSettings, Permission, Reaction, Schedule, Signal, SyncMode,
    ThreadStep,
};
use trunkline_reasons::EndReason;

use crate::scene::{ALICE, BOB, CHARLIE, DAN, GUEST, NEIGHBOR, Scene, VISITOR, code, endpoint, id};

/// The meeting as it is after a restart, in which it has gone through JSON.
fn restart(scene: &mut Scene) {
    let json = serde_json::to_string(&scene.meeting.record()).unwrap();
    let record: MeetingRecord = serde_json::from_str(&json).unwrap();
    assert_eq!(record, scene.meeting.record());
    let code = *scene.meeting.code();
    let now = scene.clock.now();
    scene.meeting = Meeting::restore(now, record, code, MeetingConfig::default()).unwrap();
}

#[test]
fn a_restored_meeting_knows_whom_it_admitted_and_denied_and_is_empty() {
    let mut scene = Scene::new(MeetingSettings::default());
    scene.join(ALICE).succeeded();
    for user in [GUEST, VISITOR, NEIGHBOR] {
        scene.join(user).pending();
    }
    scene.by(ALICE, Action::Admit(endpoint(GUEST))).succeeded();
    scene.by(ALICE, Action::Reject(endpoint(VISITOR))).succeeded();
    restart(&mut scene);
    assert_eq!(scene.meeting.attendees().len(), 0);
    assert_eq!(scene.meeting.timer_count(), 0);
    assert!(!scene.meeting.is_running());
    assert!(!scene.meeting.lets_media_through(&endpoint(GUEST)));
    assert_eq!(*scene.meeting.code(), code());
    scene.join(ALICE).succeeded();
    scene.join(GUEST).succeeded();
    assert!(scene.is_present(GUEST));
    assert_eq!(scene.join(VISITOR).refused().reason(), EndReason::LOBBY_DISMISSED);
    // Who only waited is nobody whom it knows.
    let decision = scene.meeting.explain_entry(&id(NEIGHBOR), &scene.policy);
    assert_eq!(decision.rule, "scope");
    scene.join(NEIGHBOR).pending();
}

#[test]
fn a_restored_meeting_keeps_its_lock_roles_invitations_and_settings() {
    let settings =
        MeetingSettings { lobby_bypass: LobbyBypassScope::Invited, ..MeetingSettings::default() };
    let mut scene = Scene::new(settings.clone());
    scene.by(ALICE, Action::ChangeRole(id(BOB), MeetingRole::CoOrganizer)).succeeded();
    scene.by(ALICE, Action::Invite(id(CHARLIE))).succeeded();
    scene.by(ALICE, Action::Lock).succeeded();
    restart(&mut scene);
    assert_eq!(*scene.meeting.settings(), settings);
    assert!(scene.meeting.is_locked());
    assert_eq!(scene.join(CHARLIE).refused().reason(), EndReason::MEETING_LOCKED);
    scene.join(BOB).succeeded();
    scene.by(BOB, Action::Unlock).succeeded();
    scene.join(CHARLIE).succeeded();
    scene.join(DAN).pending();
}

#[test]
fn a_meeting_that_ended_stays_ended() {
    let mut scene = Scene::new(MeetingSettings::default());
    scene.by(ALICE, Action::End).succeeded();
    restart(&mut scene);
    assert_eq!(scene.meeting.end_reason(), Some(EndReason::ENDED_FOR_EVERYONE));
    assert_eq!(scene.join(ALICE).refused().reason(), EndReason::CALL_TERMINATED);
}

#[test]
fn guests_who_did_not_come_back_after_a_restart_lose_the_chat() {
    let settings =
        MeetingSettings { lobby_bypass: LobbyBypassScope::Everyone, ..MeetingSettings::default() };
    let mut scene = Scene::new(settings);
    for user in [ALICE, BOB, GUEST, VISITOR] {
        scene.join(user).succeeded();
    }
    restart(&mut scene);
    scene.join(ALICE).succeeded();
    scene.join(GUEST).succeeded();
    scene.thread_steps.clear();
    scene.meeting.handle_absence(scene.clock.now(), &scene.policy);
    // Drains, and changes nothing.
    scene.signal(Signal::ThreadJoined { identifier: id(ALICE) });
    let [ThreadStep::Remove { identifier, .. }] = &scene.thread_steps[..] else {
        panic!("{:?}", scene.thread_steps);
    };
    assert_eq!(*identifier, id(VISITOR));
    assert_eq!(*scene.meeting.thread_members(), BTreeSet::from([ALICE, BOB, GUEST].map(id)));
    // The one who came back loses it as ever, by leaving.
    scene.by(GUEST, Action::Leave).succeeded();
    assert!(!scene.meeting.thread_members().contains(&id(GUEST)));
}

#[test]
fn the_revision_rises_with_what_is_stored_and_with_nothing_else() {
    let mut scene = Scene::new(MeetingSettings::default());
    let mut last = scene.meeting.revision();
    let mut step = |scene: &mut Scene, what: &str, rises: bool, run: &dyn Fn(&mut Scene)| {
        let before = scene.meeting.record();
        run(scene);
        let revision = scene.meeting.revision();
        assert!(revision >= last, "{what}");
        assert_eq!(revision > last, rises, "{what}");
        assert!(rises || scene.meeting.record() == before, "{what}");
        last = revision;
    };
    let by = |user: &'static str, action: Action| {
        move |scene: &mut Scene| drop(scene.by(user, action.clone()))
    };
    let join = |user: &'static str| by(user, Action::Join { display_name: None });
    let other = JoinCode { id: code().id, passcode: Passcode::from_bytes([9; 8]) };
    let settings =
        MeetingSettings { lobby_bypass: LobbyBypassScope::Everyone, ..MeetingSettings::default() };
    step(&mut scene, "a member of the thread joins", false, &join(ALICE));
    step(&mut scene, "somebody joins and is put into the chat", true, &join(BOB));
    step(&mut scene, "a guest waits", false, &join(GUEST));
    step(&mut scene, "a hand", false, &by(BOB, Action::RaiseHand));
    step(&mut scene, "a reaction", false, &by(BOB, Action::React(Reaction::Like)));
    step(&mut scene, "a spotlight", false, &by(ALICE, Action::Spotlight(endpoint(BOB))));
    step(&mut scene, "a refusal", false, &by(GUEST, Action::Lock));
    step(&mut scene, "an admission", true, &by(ALICE, Action::Admit(endpoint(GUEST))));
    step(&mut scene, "a guest leaves and loses the chat", true, &by(GUEST, Action::Leave));
    step(&mut scene, "an insider leaves", false, &by(BOB, Action::Leave));
    step(&mut scene, "a lock", true, &by(ALICE, Action::Lock));
    step(&mut scene, "a second lock", false, &by(ALICE, Action::Lock));
    step(&mut scene, "an unlock", true, &by(ALICE, Action::Unlock));
    step(&mut scene, "a code", true, &by(ALICE, Action::RotateCode(other)));
    let role = Action::ChangeRole(id(BOB), MeetingRole::CoOrganizer);
    step(&mut scene, "a role", true, &by(ALICE, role.clone()));
    step(&mut scene, "the same role", false, &by(ALICE, role));
    step(&mut scene, "an invitation", true, &by(ALICE, Action::Invite(id(DAN))));
    step(&mut scene, "settings", true, &by(ALICE, Action::ChangeSettings(Box::new(settings))));
    step(&mut scene, "news of the thread", true, &|scene| {
        scene.signal(Signal::ThreadJoined { identifier: id(DAN) });
    });
    step(&mut scene, "old news of the thread", false, &|scene| {
        scene.signal(Signal::ThreadJoined { identifier: id(DAN) });
    });
    step(&mut scene, "the end", true, &|scene| drop(scene.act(Actor::Application, Action::End)));
}

#[test]
fn a_record_that_no_meeting_wrote_is_refused() {
    let record = Scene::new(MeetingSettings::default()).meeting.record();
    let restore = |record: MeetingRecord| {
        let now = VirtualClock::default().now();
        Meeting::restore(now, record, code(), MeetingConfig::default()).map(|_| ()).unwrap_err()
    };
    let other = MeetingRecord { organizer: id(BOB), ..record.clone() };
    assert_eq!(restore(other), CreateMeetingError::OtherOrganizer);
    let roles = BTreeMap::from([(id(BOB), MeetingRole::Organizer)]);
    let second = MeetingRecord { roles, ..record };
    assert_eq!(restore(second), CreateMeetingError::SecondOrganizer);
}

#[test]
fn under_a_smaller_limit_the_oldest_are_forgotten() {
    let mut scene = Scene::new(MeetingSettings::default());
    scene.join(ALICE).succeeded();
    for user in [GUEST, VISITOR, NEIGHBOR] {
        scene.join(user).pending();
        scene.by(ALICE, Action::Reject(endpoint(user))).succeeded();
    }
    let config = MeetingConfig { remembered_people: 2, ..MeetingConfig::default() };
    let (record, now) = (scene.meeting.record(), scene.clock.now());
    let meeting = Meeting::restore(now, record, code(), config).unwrap();
    assert_eq!(meeting.record().denied, [VISITOR, NEIGHBOR].map(id));
    assert_eq!(meeting.explain_entry(&id(GUEST), &scene.policy).rule, "scope");
}

#[test]
fn neither_the_record_nor_its_debug_form_tells_the_code_or_debug_a_person() {
    let record = Scene::new(MeetingSettings::default()).meeting.record();
    let json = serde_json::to_string(&record).unwrap();
    for secret in [code().id.reveal(), code().passcode.reveal()] {
        assert!(!json.contains(secret));
    }
    let shown = format!("{record:?}");
    for private in ["alice", "Quarterly", code().passcode.reveal()] {
        assert!(!shown.contains(private), "{shown}");
    }
}

fn people(prefix: &'static str) -> impl Strategy<Value = Vec<CommunicationIdentifier>> {
    let who = prop_oneof![
        "[a-z]{1,4}".prop_map(move |name| format!("8:orgid:{prefix}{name}")),
        "[a-z]{1,4}".prop_map(move |name| format!("8:acs:contoso_{prefix}{name}")),
        "[1-9][0-9]{6,12}".prop_map(|digits| format!("4:+{digits}")),
        "[ -~]{1,9}".prop_map(|text| format!("99:{}", text.trim().replace(' ', "_"))),
    ];
    collection::hash_set(who, 0..6).prop_map(|names| {
        let mut people: Vec<CommunicationIdentifier> = Vec::new();
        for who in names.iter().filter_map(|name| name.parse().ok()) {
            if !people.contains(&who) {
                people.push(who);
            }
        }
        people
    })
}

prop_compose! {
    fn settings()(
        lobby_bypass in proptest::sample::select(&LobbyBypassScope::ALL[..]),
        [phones_bypass, outsiders_may_start, is_manual] in any::<[bool; 3]>(),
        bots in people("bot"),
        unmuting in proptest::sample::select(vec![
            Permission::Everyone, Permission::Hosts, Permission::Presenters,
        ]),
        allowed_presenters in proptest::sample::select(vec![
            AllowedPresenters::Everyone, AllowedPresenters::Organization,
            AllowedPresenters::Organizer, AllowedPresenters::RoleIsPresenter,
        ]),
    ) -> MeetingSettings {
        MeetingSettings {
            lobby_bypass, phones_bypass, outsiders_may_start, allowed_presenters, unmuting,
            bots: bots.into_iter().collect(),
            sync_roster: if is_manual { SyncMode::Manual } else { SyncMode::Automatic },
            ..MeetingSettings::default()
        }
    }
}

fn schedule() -> impl Strategy<Value = Schedule> {
    let scheduled =
        (0..4_000_000_000_i64, 1..1_000_000_i64).prop_map(|(start, length)| Schedule::Scheduled {
            starts_at: Timestamp::from_unix_seconds(start),
            ends_at: Timestamp::from_unix_seconds(start + length),
        });
    prop_oneof![Just(Schedule::MeetNow), scheduled]
}

prop_compose! {
    fn records()(
        uuid in any::<[u8; 16]>(),
        subject in option::of("\\PC{0,60}"),
        schedule in schedule(),
        [is_channel, is_locked, is_ended] in any::<[bool; 3]>(),
        micros in 0..4_000_000_000_000_000_i64,
        settings in settings(),
        roles in people("role"),
        role in proptest::sample::select(vec![
            MeetingRole::Attendee, MeetingRole::CoOrganizer, MeetingRole::Consumer,
            MeetingRole::Presenter,
        ]),
        invited in people("inv"),
        [admitted, denied] in [people("adm"), people("den")],
        [thread, added] in [people("thr"), people("add")],
    ) -> MeetingRecord {
        MeetingRecord {
            id: MeetingId::from_uuid_bytes(uuid),
            subject: subject.map(Into::into),
            schedule, is_channel, is_locked, settings, admitted, denied,
            created_at: Timestamp::from_unix_micros(micros),
            roles: roles.into_iter().map(|who| (who, role)).collect(),
            invited: invited.into_iter().collect(),
            thread_members: thread.into_iter().collect(),
            added_to_thread: added.into_iter().collect(),
            end_reason: is_ended.then_some(EndReason::ENDED_FOR_EVERYONE),
            ..Scene::new(MeetingSettings::default()).meeting.record()
        }
    }
}

proptest! {
    #[test]
    fn a_record_comes_back_through_json_and_a_restored_meeting(
        record in records(),
        bytes in any::<[u8; 8]>(),
    ) {
        let code =
            JoinCode { id: JoinMeetingId::from_bytes(bytes), passcode: Passcode::from_bytes(bytes) };
        let json = serde_json::to_vec(&record).unwrap();
        let read: MeetingRecord = serde_json::from_slice(&json).unwrap();
        prop_assert_eq!(&read, &record);
        let now = VirtualClock::default().now();
        let meeting = Meeting::restore(now, read, code, MeetingConfig::default()).unwrap();
        prop_assert_eq!(meeting.record(), record);
        prop_assert_eq!(*meeting.code(), code);
        prop_assert_eq!(meeting.revision(), u64::from(meeting.end_reason().is_some()));
    }
}
