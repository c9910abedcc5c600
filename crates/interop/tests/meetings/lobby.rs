//! Waiting, being let in, being turned away, and what is remembered of it.

use std::time::Duration;

use trunkline_ids::OrganizerId;
use trunkline_interop::{
    Action, Actor, AllowedPresenters, CallStep, Capability, EventKind, JoinError, LobbyBypassScope,
    MeetingError, MeetingRole, MeetingSettings, OperationOutcome, Resolution, Signal, TargetError,
};
use trunkline_reasons::EndReason;

use crate::scene::{
    ALICE, Answer, BOB, BOT, CHARLIE, DAN, GUEST, NEIGHBOR, PHONE, STRANGER, Scene, VISITOR,
    endpoint, id, policy,
};

const HALF_AN_HOUR: Duration = Duration::from_secs(30 * 60);

fn open() -> MeetingSettings {
    MeetingSettings { lobby_bypass: LobbyBypassScope::Everyone, ..MeetingSettings::default() }
}

/// Alice is in her meeting and the guest waits.
fn with_waiting_guest() -> Scene {
    let mut scene = Scene::new(MeetingSettings::default());
    scene.join(ALICE).succeeded();
    scene.join(GUEST).pending();
    scene
}

#[test]
fn a_guest_waits_without_media_and_is_admitted_by_a_person_or_a_program() {
    for actor in [Actor::User(id(ALICE), endpoint(ALICE)), Actor::Application] {
        let mut scene = with_waiting_guest();
        assert!(scene.is_waiting(GUEST));
        assert!(!scene.meeting.lets_media_through(&endpoint(GUEST)));
        assert_eq!(
            scene.call_steps.last(),
            Some(&CallStep::EnterLobby { endpoint: endpoint(GUEST) })
        );
        assert_eq!(scene.meeting.pending_operation_count(), 1);
        scene.act(actor, Action::Admit(endpoint(GUEST))).succeeded();
        assert!(scene.is_present(GUEST));
        assert!(scene.meeting.lets_media_through(&endpoint(GUEST)));
        assert!(matches!(scene.call_steps.last(), Some(CallStep::Enter { .. })));
        // The guest's own join has ended, once, and no timer is left over.
        let ends = scene.events.iter().filter(|event| {
            matches!(&event.kind, EventKind::OperationCompleted {
                actor: Actor::User(who, _), outcome: OperationOutcome::Succeeded, ..
            } if *who == id(GUEST))
        });
        assert_eq!(ends.count(), 1);
        assert_eq!(scene.meeting.pending_operation_count(), 0);
        assert_eq!(scene.meeting.timer_count(), 0);
    }
}

#[test]
fn a_guest_of_the_organizers_own_resource_is_no_insider() {
    let mut scene = Scene::with(MeetingSettings::default(), |new| {
        new.organizer = id(GUEST);
        new.coordinates.organizer_id = OrganizerId::of(&id(GUEST)).unwrap();
        new.thread_members = [id(GUEST)].into();
    });
    scene.join(GUEST).succeeded();
    let colleague = GUEST.replace("_guest", "_colleague");
    scene.join(&colleague).succeeded();
    // For those nobody vouches.
    scene.join(&GUEST.replace("_guest", "_guest-1")).pending();
}

#[test]
fn a_meeting_is_open_to_those_who_may_come_as_far_as_its_lobby() {
    let mut scene = Scene::new(MeetingSettings::default());
    let is_open = |scene: &Scene, user: &str| scene.meeting.is_open_to(&id(user), &scene.policy);
    assert!(is_open(&scene, GUEST), "the lobby is enough");
    scene.join(ALICE).succeeded();
    scene.join(GUEST).pending();
    scene.by(ALICE, Action::Lock).succeeded();
    assert!(is_open(&scene, GUEST), "a lock does not turn those away who are there");
    assert!(!is_open(&scene, VISITOR));
    scene.by(ALICE, Action::Unlock).succeeded();
    scene.by(ALICE, Action::Reject(endpoint(GUEST))).succeeded();
    assert!(!is_open(&scene, GUEST));
    assert!(is_open(&scene, VISITOR));
    let app_user = GUEST.replace("_guest", "_other");
    assert!(is_open(&scene, &app_user));
    let contoso = scene.policy.tenants.get_mut(&"contoso".parse().unwrap()).unwrap();
    contoso.federation.require_acs_federation_for_meeting = true;
    assert!(!is_open(&scene, &app_user));
    scene.by(ALICE, Action::End).succeeded();
    assert!(!is_open(&scene, VISITOR));
}

#[test]
fn media_of_those_who_are_not_there_does_not_pass() {
    let scene = Scene::new(open());
    assert!(!scene.meeting.lets_media_through(&endpoint(GUEST)));
}

#[test]
fn those_in_the_lobby_and_attendees_admit_nobody() {
    let mut scene = with_waiting_guest();
    scene.join(VISITOR).pending();
    let answer = scene.by(VISITOR, Action::Admit(endpoint(GUEST)));
    assert!(matches!(
        answer.refused(),
        MeetingError::NotCapable {
            capability: Capability::ManageLobby,
            resolution: Resolution::NotCapable
        }
    ));
    scene.join(BOB).succeeded();
    scene.by(ALICE, Action::ChangeRole(id(BOB), MeetingRole::Attendee)).succeeded();
    let answer = scene.by(BOB, Action::AdmitAll);
    assert!(matches!(
        answer.refused(),
        MeetingError::NotCapable { resolution: Resolution::RoleRestricted, .. }
    ));
    let answer = scene.by(STRANGER, Action::AdmitAll);
    assert!(matches!(answer.refused(), MeetingError::NotInMeeting));
    scene.by(ALICE, Action::ChangeRole(id(BOB), MeetingRole::Presenter)).succeeded();
    scene.by(BOB, Action::AdmitAll).succeeded();
    assert!(scene.is_present(GUEST) && scene.is_present(VISITOR));
}

#[test]
fn a_denied_guest_stays_denied_until_a_host_takes_it_back() {
    let mut scene = with_waiting_guest();
    scene.by(ALICE, Action::Reject(endpoint(GUEST))).succeeded();
    assert_eq!(
        scene.call_steps.last(),
        Some(&CallStep::End { endpoint: endpoint(GUEST), reason: EndReason::LOBBY_DISMISSED })
    );
    scene.by(ALICE, Action::ChangeSettings(Box::new(open()))).succeeded();
    let answer = scene.join(GUEST);
    let MeetingError::Join(JoinError::TurnedAway(decision)) = answer.refused() else {
        panic!("{answer:?}");
    };
    assert_eq!(decision.rule, "denied-before");
    assert_eq!(answer.refused().reason(), EndReason::LOBBY_DISMISSED);
    scene.by(ALICE, Action::Forgive(id(GUEST))).succeeded();
    scene.join(GUEST).succeeded();
}

#[test]
fn who_was_admitted_comes_back_without_waiting() {
    let mut scene = with_waiting_guest();
    scene.by(ALICE, Action::Admit(endpoint(GUEST))).succeeded();
    let ended =
        Signal::ConnectionEnded { endpoint: endpoint(GUEST), reason: EndReason::NETWORK_LOST };
    scene.signal(ended);
    assert!(!scene.is_present(GUEST));
    scene.join(GUEST).succeeded();
    // Denied after all, the admission is forgotten.
    scene.by(ALICE, Action::Remove(endpoint(GUEST))).succeeded();
    assert_eq!(scene.join(GUEST).refused().reason(), EndReason::LOBBY_DISMISSED);
}

#[test]
fn waiting_ends_without_a_sign_of_life() {
    let mut scene = with_waiting_guest();
    scene.advance(HALF_AN_HOUR - Duration::from_secs(1));
    scene.signal(Signal::Stirred { endpoint: endpoint(GUEST) });
    scene.advance(HALF_AN_HOUR - Duration::from_secs(1));
    assert!(scene.is_waiting(GUEST));
    scene.advance(Duration::from_secs(1));
    assert!(!scene.is_waiting(GUEST));
    let reason = EndReason::LOBBY_TIMED_OUT;
    assert_eq!(scene.call_steps.last(), Some(&CallStep::End { endpoint: endpoint(GUEST), reason }));
    assert!(scene.events.iter().any(|event| matches!(
        &event.kind,
        EventKind::OperationCompleted { outcome: OperationOutcome::Failed { reason: told }, .. }
            if *told == reason
    )));
    // It was nobody's denial: the guest may wait again.
    scene.join(GUEST).pending();
}

#[test]
fn signs_of_life_of_others_arm_no_timer() {
    let mut scene = with_waiting_guest();
    scene.signal(Signal::Stirred { endpoint: endpoint(ALICE) });
    scene.signal(Signal::Stirred { endpoint: endpoint(BOB) });
    assert_eq!(scene.meeting.timer_count(), 1);
}

#[test]
fn early_arrivals_stay_until_admitted() {
    let mut scene = Scene::new(open());
    scene.join(GUEST).pending();
    scene.join(BOB).succeeded();
    scene.join(ALICE).succeeded();
    assert!(scene.is_waiting(GUEST), "the host's coming admits nobody");
    // Who comes after the host comes in.
    scene.join(VISITOR).succeeded();
    let wider = MeetingSettings { outsiders_may_start: true, phones_bypass: true, ..open() };
    scene.by(ALICE, Action::ChangeSettings(Box::new(wider))).succeeded();
    assert!(scene.is_waiting(GUEST), "nor does a wider door");
    scene.by(ALICE, Action::AdmitAll).succeeded();
    assert!(scene.is_present(GUEST));
}

#[test]
fn who_is_made_a_host_in_the_lobby_comes_in() {
    let mut scene = with_waiting_guest();
    scene.by(ALICE, Action::ChangeRole(id(GUEST), MeetingRole::CoOrganizer)).succeeded();
    assert!(scene.is_present(GUEST));
    assert_eq!(scene.meeting.pending_operation_count(), 0);
}

#[test]
fn a_locked_meeting_turns_away_all_but_hosts_and_those_who_wait_are_still_admitted() {
    let mut scene = with_waiting_guest();
    scene.by(ALICE, Action::Lock).succeeded();
    for user in [BOB, NEIGHBOR, STRANGER, VISITOR, PHONE, BOT] {
        assert_eq!(scene.join(user).refused().reason(), EndReason::MEETING_LOCKED, "{user}");
    }
    scene.by(ALICE, Action::Admit(endpoint(GUEST))).succeeded();
    scene.by(ALICE, Action::Leave).succeeded();
    scene.join(ALICE).succeeded();
    scene.by(ALICE, Action::Unlock).succeeded();
    scene.join(BOB).succeeded();
}

#[test]
fn a_bot_comes_in_by_a_right_of_its_own() {
    let mut scene = Scene::new(open());
    scene.join(ALICE).succeeded();
    scene.join(BOT).pending();
    scene.by(BOT, Action::Leave).succeeded();
    let settings = MeetingSettings { bots: [id(BOT)].into(), ..open() };
    scene.by(ALICE, Action::ChangeSettings(Box::new(settings))).succeeded();
    scene.join(BOT).succeeded();
}

#[test]
fn giving_up_waiting_ends_the_join_once() {
    let mut scene = with_waiting_guest();
    scene.by(GUEST, Action::Leave).succeeded();
    assert_eq!(scene.meeting.attendees().len(), 1);
    assert_eq!(scene.meeting.pending_operation_count(), 0);
    assert_eq!(scene.meeting.timer_count(), 0);
    // What comes late about somebody who is gone changes nothing.
    let events = scene.events.len();
    scene.signal(Signal::ConnectionEnded { endpoint: endpoint(GUEST), reason: EndReason::HUNG_UP });
    assert_eq!(scene.events.len(), events);
}

#[test]
fn admitting_and_rejecting_need_somebody_who_waits() {
    let mut scene = with_waiting_guest();
    for action in [Action::Admit(endpoint(ALICE)), Action::Reject(endpoint(ALICE))] {
        let answer = scene.by(ALICE, action);
        assert!(matches!(answer.refused(), MeetingError::Target(TargetError::NotWaiting)));
    }
    let answer = scene.by(ALICE, Action::Admit(endpoint(BOB)));
    assert!(matches!(answer.refused(), MeetingError::Target(TargetError::NotFound)));
    let answer = scene.by(ALICE, Action::Remove(endpoint(GUEST)));
    assert!(matches!(answer.refused(), MeetingError::Target(TargetError::Waiting)));
}

#[test]
fn a_barrier_keeps_apart_those_who_come_straight_in_and_those_who_are_admitted() {
    let mut scene = Scene::new(MeetingSettings::default());
    scene.join(ALICE).succeeded();
    scene.join(CHARLIE).succeeded();
    let steps = (scene.call_steps.len(), scene.thread_steps.len());
    let answer = scene.join(DAN);
    assert!(matches!(answer.refused(), MeetingError::Join(JoinError::Barrier(_))));
    assert_eq!(answer.refused().reason(), EndReason::NOT_PERMITTED);
    assert_eq!(steps, (scene.call_steps.len(), scene.thread_steps.len()), "nothing half-done");

    let narrow =
        MeetingSettings { lobby_bypass: LobbyBypassScope::Organizer, ..MeetingSettings::default() };
    scene.by(ALICE, Action::ChangeSettings(Box::new(narrow))).succeeded();
    scene.join(DAN).pending();
    let answer = scene.by(ALICE, Action::Admit(endpoint(DAN)));
    assert!(matches!(answer.refused(), MeetingError::Join(JoinError::Barrier(_))));
    assert!(matches!(scene.by(ALICE, Action::AdmitAll), Answer::Refused(_)));
    assert!(scene.is_waiting(DAN));
    scene.by(CHARLIE, Action::Leave).succeeded();
    scene.by(ALICE, Action::Admit(endpoint(DAN))).succeeded();
}

#[test]
fn admit_all_lets_in_whom_it_may_and_leaves_the_rest() {
    let narrow =
        MeetingSettings { lobby_bypass: LobbyBypassScope::Organizer, ..MeetingSettings::default() };
    let mut scene = Scene::with(narrow, |new| new.config.meeting_participants = 3);
    scene.join(ALICE).succeeded();
    for user in [CHARLIE, DAN, BOB, GUEST] {
        scene.join(user).pending();
    }
    scene.by(ALICE, Action::AdmitAll).succeeded();
    assert!(scene.is_present(CHARLIE) && scene.is_present(BOB));
    assert!(scene.is_waiting(DAN), "a barrier stands before dan");
    assert!(scene.is_waiting(GUEST), "the meeting is full");
    let answer = scene.by(ALICE, Action::Admit(endpoint(GUEST)));
    assert!(matches!(
        answer.refused(),
        MeetingError::Join(JoinError::Full { limit: 3, requested: 4 })
    ));
}

#[test]
fn limits_of_meeting_and_lobby_are_typed_and_apart() {
    let mut scene = Scene::with(open(), |new| {
        new.config.meeting_participants = 2;
        new.config.waiting = 1;
    });
    scene.join(GUEST).pending();
    let answer = scene.join(VISITOR);
    assert!(matches!(
        answer.refused(),
        MeetingError::Join(JoinError::LobbyFull { limit: 1, requested: 2 })
    ));
    // A full lobby keeps nobody out who bypasses it.
    scene.join(ALICE).succeeded();
    scene.join(BOB).succeeded();
    let answer = scene.join(CHARLIE);
    assert!(matches!(
        answer.refused(),
        MeetingError::Join(JoinError::Full { limit: 2, requested: 3 })
    ));
}

#[test]
fn required_federation_keeps_guests_out_with_the_switch_named() {
    let mut scene = Scene::new(open());
    let tenant = scene.policy.tenants.get_mut(&"contoso".parse().unwrap()).unwrap();
    tenant.federation.require_acs_federation_for_meeting = true;
    scene.join(ALICE).succeeded();
    let answer = scene.join(GUEST);
    assert!(matches!(answer.refused(), MeetingError::Join(JoinError::FederationRequired)));
    assert_eq!(answer.refused().reason(), EndReason::NOT_FEDERATED);
    assert!(answer.refused().to_string().contains("RequireAcsFederationForMeeting"));
    let tenant = scene.policy.tenants.get_mut(&"contoso".parse().unwrap()).unwrap();
    tenant.federation.enable_acs_users = true;
    scene.join(GUEST).succeeded();
}

#[test]
fn the_way_in_is_explained_before_anybody_asks() {
    let scene = Scene::new(MeetingSettings::default());
    let decision = scene.meeting.explain_entry(&id(NEIGHBOR), &policy());
    assert_eq!(decision.rule, "scope");
    let printed = decision.to_string();
    assert!(
        printed.contains("does scope organization cover this user of a federated tenant? no"),
        "{printed}"
    );
    assert!(!printed.contains("zoe"), "a trace names no person: {printed}");
}

#[test]
fn who_is_rung_into_a_meeting_does_not_wait_and_was_never_denied() {
    let mut scene = with_waiting_guest();
    scene.by(ALICE, Action::Reject(endpoint(GUEST))).succeeded();
    scene.by(ALICE, Action::Ring(id(GUEST))).succeeded();
    assert!(!scene.is_present(GUEST), "rung is not in");
    scene.join(GUEST).succeeded();
    assert!(scene.is_present(GUEST));
    let there = scene.by(ALICE, Action::Ring(id(GUEST)));
    assert!(matches!(there.refused(), MeetingError::Join(JoinError::AlreadyJoined)));
}

#[test]
fn nobody_is_rung_by_those_who_may_not_into_what_is_locked_or_past_a_barrier() {
    let allowed_presenters = AllowedPresenters::Organizer;
    let mut scene = Scene::new(MeetingSettings { allowed_presenters, ..open() });
    scene.join(ALICE).succeeded();
    scene.join(GUEST).succeeded();
    let attendee = scene.by(GUEST, Action::Ring(id(VISITOR)));
    assert!(matches!(
        attendee.refused(),
        MeetingError::NotCapable {
            capability: Capability::AddUser,
            resolution: Resolution::RoleRestricted
        }
    ));
    let outside = scene.by(BOB, Action::Ring(id(VISITOR)));
    assert!(matches!(outside.refused(), MeetingError::NotInMeeting));
    scene.by(ALICE, Action::Lock).succeeded();
    let locked = scene.by(ALICE, Action::Ring(id(VISITOR)));
    assert_eq!(locked.refused().reason(), EndReason::MEETING_LOCKED);
    scene.by(ALICE, Action::Unlock).succeeded();
    scene.by(ALICE, Action::Ring(id(VISITOR))).succeeded();
    scene.join(CHARLIE).succeeded();
    let barred = scene.by(ALICE, Action::Ring(id(DAN)));
    assert!(matches!(barred.refused(), MeetingError::Join(JoinError::Barrier(_))));
}
