//! Ids and passcodes: found by the right pair alone, guessed by nobody, shown nowhere.

use std::time::Duration;

use proptest::prelude::*;
use trunkline_clock::Instant;
use trunkline_ids::{JoinCode, JoinMeetingId, MeetingId, Passcode};
use trunkline_interop::{
    Action, AttemptLimits, Caller, CodeDesk, IdTaken, JoinByCodeError, MeetingError,
    MeetingSettings,
};
use trunkline_reasons::EndReason;

use crate::scene::{ALICE, BOB, GUEST, Scene, VISITOR, code, id};

const MEETING: [u8; 16] = [7; 16];

fn limits() -> AttemptLimits {
    AttemptLimits { per_caller: 3, per_meeting: 5, ..AttemptLimits::default() }
}

fn desk() -> CodeDesk {
    let mut desk = CodeDesk::new(limits());
    desk.post(MeetingId::from_uuid_bytes(MEETING), code()).unwrap();
    desk
}

fn wrong() -> JoinCode {
    JoinCode { passcode: Passcode::from_bytes([9; 8]), ..code() }
}

fn unknown() -> JoinCode {
    JoinCode { id: JoinMeetingId::from_bytes([9; 8]), ..code() }
}

fn caller(number: usize) -> Caller {
    Caller::User(id(&format!("8:teamsvisitor:{number}")))
}

fn guest() -> Caller {
    Caller::User(id(GUEST))
}

#[test]
fn the_right_pair_finds_the_meeting() {
    let found = desk().find(Instant::ZERO, &guest(), &code());
    assert_eq!(found, Ok(MeetingId::from_uuid_bytes(MEETING)));
}

#[test]
fn a_wrong_id_a_wrong_passcode_and_no_such_meeting_are_one_error() {
    let errors: Vec<_> = [wrong(), unknown()]
        .iter()
        .map(|code| desk().find(Instant::ZERO, &guest(), code).unwrap_err())
        .chain([CodeDesk::new(limits()).find(Instant::ZERO, &guest(), &code()).unwrap_err()])
        .collect();
    for error in errors {
        assert_eq!(error, JoinByCodeError::Refused);
        assert_eq!(error.to_string(), "no meeting is joined by that id and passcode");
        assert_eq!(error.reason(), EndReason::JOIN_CODE_REFUSED);
    }
}

#[test]
fn a_caller_who_guesses_is_stopped_whether_the_meetings_exist_or_not() {
    for tried in [wrong(), unknown()] {
        let mut desk = desk();
        for _ in 0..3 {
            assert_eq!(desk.find(Instant::ZERO, &guest(), &tried), Err(JoinByCodeError::Refused));
        }
        // Now even the right pair is not looked at, and others are not in the way.
        let retry_after = limits().window;
        assert_eq!(
            desk.find(Instant::ZERO, &guest(), &code()),
            Err(JoinByCodeError::TooManyAttempts { retry_after })
        );
        assert!(desk.find(Instant::ZERO, &Caller::User(id(BOB)), &code()).is_ok());
        let later = Instant::ZERO + limits().window;
        assert!(desk.find(later, &guest(), &code()).is_ok());
    }
}

#[test]
fn who_is_nobody_yet_is_counted_by_address() {
    let mut desk = desk();
    let at = |last: u8| Caller::Address([192, 0, 2, last].into());
    for _ in 0..3 {
        assert_eq!(desk.find(Instant::ZERO, &at(1), &wrong()), Err(JoinByCodeError::Refused));
    }
    let stopped = desk.find(Instant::ZERO, &at(1), &code());
    assert!(matches!(stopped, Err(JoinByCodeError::TooManyAttempts { .. })), "{stopped:?}");
    assert!(desk.find(Instant::ZERO, &at(2), &code()).is_ok());
}

#[test]
fn a_success_between_clears_nothing() {
    let mut desk = desk();
    for _ in 0..3 {
        let _ = desk.find(Instant::ZERO, &guest(), &code()).unwrap();
        assert_eq!(desk.find(Instant::ZERO, &guest(), &wrong()), Err(JoinByCodeError::Refused));
    }
    assert!(matches!(
        desk.find(Instant::ZERO, &guest(), &code()),
        Err(JoinByCodeError::TooManyAttempts { .. })
    ));
}

#[test]
fn a_crowd_that_guesses_at_one_meeting_closes_its_code_without_saying_so() {
    let mut desk = desk();
    for number in 0..5 {
        let _ = desk.find(Instant::ZERO, &caller(number), &wrong()).unwrap_err();
    }
    assert_eq!(
        desk.find(Instant::ZERO, &caller(99), &code()),
        Err(JoinByCodeError::Refused),
        "the right pair gets the same answer as any other"
    );
    let later = Instant::ZERO + limits().window;
    assert!(desk.find(later, &caller(99), &code()).is_ok());
}

#[test]
fn callers_are_remembered_up_to_a_limit() {
    let mut desk = CodeDesk::new(AttemptLimits { callers: 10, ..limits() });
    for number in 0..100_usize {
        let at = Instant::ZERO + Duration::from_millis(number as u64);
        let _ = desk.find(at, &caller(number), &unknown()).unwrap_err();
        assert!(desk.caller_count() <= 10);
    }
    // The one whose last failure is the latest is not forgotten.
    let now = Instant::ZERO + Duration::from_millis(100);
    for _ in 0..2 {
        let _ = desk.find(now, &caller(99), &unknown()).unwrap_err();
    }
    assert!(matches!(
        desk.find(now, &caller(99), &unknown()),
        Err(JoinByCodeError::TooManyAttempts { .. })
    ));
}

#[test]
fn an_id_belongs_to_one_meeting_and_a_new_code_replaces_the_old_one() {
    let mut desk = desk();
    let (own, other) = (MeetingId::from_uuid_bytes(MEETING), MeetingId::from_uuid_bytes([8; 16]));
    assert_eq!(desk.post(other, code()), Err(IdTaken));
    assert_eq!(desk.find(Instant::ZERO, &guest(), &code()), Ok(own));
    desk.post(own, unknown()).unwrap();
    assert_eq!(desk.find(Instant::ZERO, &guest(), &code()), Err(JoinByCodeError::Refused));
    assert_eq!(desk.find(Instant::ZERO, &guest(), &unknown()), Ok(own));
    desk.withdraw(&own);
    assert_eq!(desk.find(Instant::ZERO, &guest(), &unknown()), Err(JoinByCodeError::Refused));
    desk.post(other, code()).unwrap();
}

#[test]
fn a_meeting_keeps_its_code_unless_a_host_has_it_drawn_anew() {
    let mut scene = Scene::new(MeetingSettings::default());
    scene.join(ALICE).succeeded();
    scene.join(BOB).succeeded();
    assert_eq!(*scene.meeting.code(), code());
    let answer = scene.by(BOB, Action::RotateCode(wrong()));
    assert!(matches!(answer.refused(), MeetingError::NotCapable { .. }));
    assert_eq!(*scene.meeting.code(), code());
    scene.by(ALICE, Action::RotateCode(wrong())).succeeded();
    assert_eq!(*scene.meeting.code(), wrong());
}

#[test]
fn debug_of_everything_shows_neither_code_nor_subject() {
    let mut scene = Scene::new(MeetingSettings::default());
    scene.join(ALICE).succeeded();
    scene.join(VISITOR).pending();
    scene.by(ALICE, Action::RotateCode(code())).succeeded();
    let shown = format!(
        "{:?} {:?} {:?} {:?} {:?}",
        scene.meeting,
        desk(),
        scene.events,
        scene.call_steps,
        Action::RotateCode(code())
    );
    let code = code();
    for secret in [code.id.reveal(), code.passcode.reveal(), "Quarterly"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

proptest! {
    #[test]
    fn only_the_posted_pair_is_found(id_bytes: [u8; 8], passcode: [u8; 8], at in 0_u64..1_000) {
        let shown = JoinCode {
            id: JoinMeetingId::from_bytes(id_bytes),
            passcode: Passcode::from_bytes(passcode),
        };
        let now = Instant::from_nanos(at);
        let found = desk().find(now, &guest(), &shown).is_ok();
        prop_assert_eq!(found, shown == code());
    }
}
