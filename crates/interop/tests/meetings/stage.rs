//! Hands, spotlights and reactions.

use trunkline_interop::{
    Action, Actor, ChangeError, EventKind, LobbyBypassScope, MeetingError, MeetingRole,
    MeetingSettings, Reaction, TargetError,
};

use crate::scene::{ALICE, BOB, GUEST, Scene, VISITOR, endpoint, id};

/// Alice, bob and a guest who attend.
fn scene() -> Scene {
    let settings = MeetingSettings {
        lobby_bypass: LobbyBypassScope::Everyone,
        allowed_presenters: trunkline_interop::AllowedPresenters::RoleIsPresenter,
        ..MeetingSettings::default()
    };
    let mut scene = Scene::new(settings);
    for user in [ALICE, BOB, GUEST] {
        scene.join(user).succeeded();
    }
    scene
}

fn hands(scene: &Scene) -> Vec<String> {
    scene.meeting.raised_hands().map(ToString::to_string).collect()
}

#[test]
fn hands_stand_in_the_order_of_raising_and_go_down_with_their_owner() {
    let mut scene = scene();
    scene.by(GUEST, Action::RaiseHand).succeeded();
    scene.by(BOB, Action::RaiseHand).succeeded();
    scene.by(GUEST, Action::RaiseHand).succeeded();
    assert_eq!(hands(&scene), [format!("at-{GUEST}"), format!("at-{BOB}")]);
    scene.by(GUEST, Action::LowerHand(endpoint(GUEST))).succeeded();
    scene.by(GUEST, Action::RaiseHand).succeeded();
    assert_eq!(hands(&scene), [format!("at-{BOB}"), format!("at-{GUEST}")]);
    scene.by(BOB, Action::Leave).succeeded();
    assert_eq!(hands(&scene), [format!("at-{GUEST}")]);
    let raised =
        scene.events.iter().filter(|e| matches!(e.kind, EventKind::HandRaised { .. })).count();
    let lowered =
        scene.events.iter().filter(|e| matches!(e.kind, EventKind::HandLowered { .. })).count();
    assert_eq!((raised, lowered), (3, 2));
}

#[test]
fn others_hands_are_lowered_by_those_who_look_after_them() {
    let mut scene = scene();
    scene.by(GUEST, Action::RaiseHand).succeeded();
    let answer = scene.by(BOB, Action::LowerHand(endpoint(GUEST)));
    assert!(matches!(answer.refused(), MeetingError::NotCapable { .. }));
    scene.by(ALICE, Action::LowerHand(endpoint(GUEST))).succeeded();
    for user in [BOB, GUEST] {
        scene.by(user, Action::RaiseHand).succeeded();
    }
    assert!(matches!(
        scene.by(BOB, Action::LowerAllHands).refused(),
        MeetingError::NotCapable { .. }
    ));
    scene.act(Actor::Application, Action::LowerAllHands).succeeded();
    assert!(hands(&scene).is_empty());
    // Lowered again, nothing more is told.
    let events = scene.events.len();
    scene.by(ALICE, Action::LowerHand(endpoint(GUEST))).succeeded();
    assert_eq!(scene.events.len(), events + 1, "the end of the operation alone");
}

#[test]
fn spotlights_have_a_limit_and_end_with_whom_they_show() {
    let mut scene = Scene::with(
        MeetingSettings { lobby_bypass: LobbyBypassScope::Everyone, ..MeetingSettings::default() },
        |new| new.config.spotlights = 2,
    );
    for user in [ALICE, BOB, GUEST] {
        scene.join(user).succeeded();
    }
    scene.by(BOB, Action::Spotlight(endpoint(GUEST))).succeeded();
    scene.by(BOB, Action::Spotlight(endpoint(BOB))).succeeded();
    let answer = scene.by(BOB, Action::Spotlight(endpoint(ALICE)));
    assert!(matches!(
        answer.refused(),
        MeetingError::Change(ChangeError::TooManySpotlights { limit: 2, requested: 3 })
    ));
    assert_eq!(scene.meeting.spotlights(), [endpoint(GUEST), endpoint(BOB)]);
    scene.by(GUEST, Action::Leave).succeeded();
    assert_eq!(scene.meeting.spotlights(), [endpoint(BOB)]);
    scene.by(ALICE, Action::ChangeRole(id(BOB), MeetingRole::Attendee)).succeeded();
    let answer = scene.by(BOB, Action::Spotlight(endpoint(ALICE)));
    assert!(matches!(answer.refused(), MeetingError::NotCapable { .. }));
    scene.by(BOB, Action::StopSpotlight(endpoint(BOB))).succeeded();
    assert!(scene.meeting.spotlights().is_empty());
}

#[test]
fn nobody_in_the_lobby_is_shown_or_heard_of() {
    let mut scene = Scene::new(MeetingSettings::default());
    scene.join(ALICE).succeeded();
    scene.join(VISITOR).pending();
    for action in [Action::RaiseHand, Action::React(Reaction::Like)] {
        assert!(matches!(scene.by(VISITOR, action).refused(), MeetingError::NotCapable { .. }));
    }
    let answer = scene.by(ALICE, Action::Spotlight(endpoint(VISITOR)));
    assert!(matches!(answer.refused(), MeetingError::Target(TargetError::Waiting)));
}

#[test]
fn reactions_are_told_once_each() {
    let mut scene = scene();
    for reaction in Reaction::ALL {
        scene.by(GUEST, Action::React(reaction)).succeeded();
    }
    let told: Vec<_> = scene
        .events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::Reacted { reaction, .. } => Some(*reaction),
            _ => None,
        })
        .collect();
    assert_eq!(told, Reaction::ALL);
}
