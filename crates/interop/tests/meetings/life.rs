//! Making, starting, emptying and ending a meeting; names, chat and repeated operations.

use std::collections::BTreeMap;

use trunkline_clock::VirtualClock;
use trunkline_ids::OrganizerId;
use trunkline_interop::{
    Action, Actor, CallStep, ChangeError, Command, CreateMeetingError, EventKind, Input,
    LobbyBypassScope, Meeting, MeetingError, MeetingRole, MeetingSettings, MeetingUpdate,
    NewMeeting, Output, Schedule, Signal, SyncMode, ThreadStep,
};
use trunkline_reasons::EndReason;

use crate::scene::{ALICE, BOB, CHARLIE, GUEST, PHONE, Scene, VISITOR, endpoint, id, noon};

fn open() -> MeetingSettings {
    MeetingSettings { lobby_bypass: LobbyBypassScope::Everyone, ..MeetingSettings::default() }
}

fn members(scene: &Scene) -> Vec<String> {
    scene.meeting.thread_members().iter().map(ToString::to_string).collect()
}

fn create(change: impl FnOnce(&mut NewMeeting)) -> Result<(), CreateMeetingError> {
    let mut made = None;
    let _ = Scene::with(MeetingSettings::default(), |new| made = Some(new.clone()));
    let mut new = made.unwrap();
    change(&mut new);
    Meeting::create(VirtualClock::default().now(), new).map(|_| ())
}

#[test]
fn what_makes_no_meeting_is_refused() {
    assert_eq!(create(|_| {}), Ok(()));
    let other = OrganizerId::of(&id(BOB)).unwrap();
    assert_eq!(
        create(|new| new.coordinates.organizer_id = other),
        Err(CreateMeetingError::OtherOrganizer)
    );
    assert_eq!(
        create(|new| new.roles = BTreeMap::from([(id(BOB), MeetingRole::Organizer)])),
        Err(CreateMeetingError::SecondOrganizer)
    );
    let (starts_at, ends_at) = (noon(), noon());
    assert_eq!(
        create(|new| new.schedule = Schedule::Scheduled { starts_at, ends_at }),
        Err(CreateMeetingError::EndsBeforeStart { starts_at, ends_at })
    );
    assert_eq!(
        create(|new| new.subject = Some("x".repeat(257))),
        Err(CreateMeetingError::SubjectTooLong { length_characters: 257 })
    );
}

#[test]
fn a_meeting_starts_with_the_first_empties_with_the_last_and_may_start_again() {
    let mut scene = Scene::new(open());
    scene.join(GUEST).pending();
    assert!(!scene.meeting.is_running(), "who waits starts nothing");
    scene.join(ALICE).succeeded();
    assert!(scene.meeting.is_running());
    scene.by(ALICE, Action::Leave).succeeded();
    assert!(!scene.meeting.is_running());
    assert!(scene.is_waiting(GUEST));
    scene.join(ALICE).succeeded();
    let kinds = |wanted: fn(&EventKind) -> bool| {
        scene.events.iter().filter(|event| wanted(&event.kind)).count()
    };
    assert_eq!(kinds(|kind| *kind == EventKind::MeetingStarted), 2);
    assert_eq!(kinds(|kind| *kind == EventKind::MeetingEmptied), 1);
    let numbers: Vec<_> = scene.events.iter().map(|event| event.seq).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
}

#[test]
fn the_end_is_for_everybody_and_for_good() {
    let mut scene = Scene::new(MeetingSettings::default());
    for user in [ALICE, BOB] {
        scene.join(user).succeeded();
    }
    scene.join(GUEST).pending();
    scene.by(ALICE, Action::End).succeeded();
    let reason = EndReason::ENDED_FOR_EVERYONE;
    assert_eq!(scene.call_steps.last(), Some(&CallStep::EndCall { reason }));
    assert_eq!(scene.meeting.end_reason(), Some(reason));
    assert_eq!(scene.meeting.attendees().len(), 0);
    assert_eq!(scene.meeting.timer_count(), 0);
    assert_eq!(scene.meeting.pending_operation_count(), 0);
    assert!(!scene.events.iter().any(|event| event.kind == EventKind::MeetingEmptied));
    for action in [Action::Join { display_name: None }, Action::AdmitAll, Action::Unlock] {
        assert_eq!(scene.by(ALICE, action).refused().reason(), EndReason::CALL_TERMINATED);
    }
}

#[test]
fn hosts_and_programs_run_a_meeting_without_being_in_it() {
    let mut scene = Scene::new(MeetingSettings::default());
    scene.join(GUEST).pending();
    scene.by(ALICE, Action::Lock).succeeded();
    scene.act(Actor::Application, Action::AdmitAll).succeeded();
    scene.act(Actor::Application, Action::End).succeeded();
}

#[test]
fn names_come_from_the_directory_then_from_the_joiner_then_guest() {
    let mut scene = Scene::new(open());
    scene.join(ALICE).succeeded();
    let names = [(BOB, Some("Mallory"), "BOB", false), (GUEST, Some("Gast"), "Gast", true)];
    for (user, given, shown, is_guest) in names.into_iter().chain([(VISITOR, None, "Guest", true)])
    {
        let display_name = given.map(|name| name.parse().unwrap());
        scene.by(user, Action::Join { display_name }).succeeded();
        let view = scene.meeting.attendee(&endpoint(user)).unwrap();
        assert_eq!((view.display_name.as_str(), view.is_guest), (shown, is_guest), "{user}");
    }
}

#[test]
fn in_automatic_mode_the_chat_follows_and_comes_first() {
    let mut scene = Scene::new(open());
    scene.join(ALICE).succeeded();
    scene.join(GUEST).succeeded();
    scene.join(BOB).succeeded();
    scene.join(PHONE).pending();
    scene.by(ALICE, Action::AdmitAll).succeeded();
    assert_eq!(members(&scene), [GUEST, ALICE, BOB], "a phone is in no chat");
    // A guest loses the chat with the meeting, an insider does not, whoever is removed does.
    scene.by(GUEST, Action::Leave).succeeded();
    scene.by(BOB, Action::Leave).succeeded();
    assert_eq!(members(&scene), [ALICE, BOB]);
    scene.join(BOB).succeeded();
    scene.by(ALICE, Action::Remove(endpoint(BOB))).succeeded();
    assert_eq!(members(&scene), [ALICE]);
}

#[test]
fn chat_comes_before_call_in_the_outputs_of_one_admission() {
    let mut scene = Scene::new(MeetingSettings::default());
    scene.join(ALICE).succeeded();
    scene.join(GUEST).pending();
    let actor = Actor::User(id(ALICE), endpoint(ALICE));
    let operation_id = "admit".parse().unwrap();
    let command = Command { actor, operation_id, action: Action::Admit(endpoint(GUEST)) };
    scene.meeting.handle_input(scene.clock.now(), &scene.policy, Input::Command(command));
    let steps: Vec<_> = std::iter::from_fn(|| scene.meeting.poll_output())
        .filter_map(|output| match output {
            Output::Thread(ThreadStep::Add { .. }) => Some("thread"),
            Output::Call(CallStep::Enter { .. }) => Some("call"),
            _ => None,
        })
        .collect();
    assert_eq!(steps, ["thread", "call"]);
}

#[test]
fn in_manual_mode_the_chat_is_left_alone() {
    let settings = MeetingSettings { sync_roster: SyncMode::Manual, ..open() };
    let mut scene = Scene::new(settings);
    for user in [ALICE, BOB, GUEST] {
        scene.join(user).succeeded();
    }
    scene.by(ALICE, Action::Remove(endpoint(BOB))).succeeded();
    scene.signal(Signal::ThreadLeft { identifier: id(GUEST) });
    assert!(scene.is_present(GUEST));
    assert!(scene.thread_steps.is_empty(), "{:?}", scene.thread_steps);
    // Switched on, it catches up.
    scene.by(ALICE, Action::ChangeSettings(Box::new(open()))).succeeded();
    assert_eq!(members(&scene), [GUEST, ALICE]);
}

#[test]
fn who_is_taken_out_of_the_thread_leaves_the_meeting_but_the_organizer_stays() {
    let mut scene = Scene::new(open());
    for user in [ALICE, BOB, CHARLIE] {
        scene.join(user).succeeded();
    }
    scene.signal(Signal::ThreadLeft { identifier: id(BOB) });
    assert!(!scene.is_present(BOB));
    assert!(matches!(scene.thread_steps.last(), Some(ThreadStep::Remove { .. })));
    scene.signal(Signal::ThreadLeft { identifier: id(ALICE) });
    assert!(scene.is_present(ALICE));
    assert_eq!(members(&scene), [ALICE, CHARLIE]);
    // It was no denial: bob may come back.
    scene.join(BOB).succeeded();
}

#[test]
fn a_repeated_operation_is_answered_and_not_run_again() {
    let mut scene = Scene::new(open());
    scene.join(ALICE).succeeded();
    let command = |action| {
        let actor = Actor::User(id(ALICE), endpoint(ALICE));
        Input::Command(Command { actor, operation_id: "one".parse().unwrap(), action })
    };
    let mut ends = 0;
    for _ in 0..3 {
        let input = command(Action::RaiseHand);
        scene.meeting.handle_input(scene.clock.now(), &scene.policy, input);
        while let Some(output) = scene.meeting.poll_output() {
            match output {
                Output::Event(event) => {
                    ends += usize::from(matches!(event.kind, EventKind::OperationCompleted { .. }));
                }
                Output::Repeated { outcome, .. } => assert!(outcome.is_some()),
                Output::Call(_) | Output::Rejected { .. } | Output::Thread(_) => {
                    panic!("unexpected: {output:?}")
                }
            }
        }
    }
    assert_eq!(ends, 1);
}

#[test]
fn an_application_has_no_endpoint_to_join_with() {
    let mut scene = Scene::new(open());
    let answer = scene.act(Actor::Application, Action::Join { display_name: None });
    assert!(matches!(answer.refused(), MeetingError::Join(_)));
    assert_eq!(answer.refused().reason(), EndReason::INVALID_ARGUMENT);
}

#[test]
fn mtg_a_host_says_anew_what_it_is_about_and_when_and_the_chat_is_named_after_it() {
    let mut scene = Scene::new(MeetingSettings::default());
    scene.join(ALICE).succeeded();
    scene.join(BOB).succeeded();
    let renamed = |subject: &str| {
        let subject = Some(subject.to_owned());
        Action::Update(Box::new(MeetingUpdate { subject, schedule: None }))
    };
    assert_eq!(scene.by(BOB, renamed("mine")).refused().reason(), EndReason::NOT_PERMITTED);
    let revision = scene.meeting.revision();
    scene.by(ALICE, renamed("Budget")).succeeded();
    assert_eq!(scene.meeting.subject(), Some("Budget"));
    let told = scene.events.iter().filter(|event| event.kind == EventKind::DetailsChanged);
    assert_eq!(told.count(), 1);
    assert!(scene.meeting.revision() > revision);
    let topic = Some("Budget".into());
    let thread_id = scene.meeting.coordinates().thread_id.clone();
    assert_eq!(scene.thread_steps.last(), Some(&ThreadStep::Name { thread_id, topic }));
    // The same again is told to nobody, and nothing of what is wrong is taken.
    scene.by(ALICE, renamed("Budget")).succeeded();
    let (starts_at, ends_at) = (noon(), noon());
    let schedule = Some(Schedule::Scheduled { starts_at, ends_at });
    let wrong = MeetingUpdate { subject: Some("Other".to_owned()), schedule };
    let refused = scene.by(ALICE, Action::Update(Box::new(wrong)));
    assert!(matches!(refused.refused(), MeetingError::Change(ChangeError::Invalid(_))));
    assert_eq!(scene.meeting.subject(), Some("Budget"));
    let told = scene.events.iter().filter(|event| event.kind == EventKind::DetailsChanged);
    assert_eq!(told.count(), 1);
    let long = scene.by(ALICE, renamed(&"x".repeat(257)));
    assert_eq!(long.refused().reason(), EndReason::INVALID_ARGUMENT);
    scene.by(ALICE, renamed("")).succeeded();
    assert_eq!(scene.meeting.subject(), None);
    let record = scene.meeting.record();
    assert_eq!(record.subject, None);
}
