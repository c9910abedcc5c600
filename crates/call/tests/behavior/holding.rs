//! Holds in every order, and the silence they bring.

use trunkline_call::{
    Action, CallConfig, CallState, CommandError, EventKind, Origin, ParticipantState, Profile,
    Signal, StreamKind, Transfer,
};

use trunkline_testkit::build::group_id;

use crate::scene::{Answer, SUCCEEDED, Scene, invite};

/// Walks holds and resumes of both sides; after each step gives the states of alice and bob.
fn check(profile: Profile, steps: &[(&str, Action, CallState, CallState)]) {
    let config = CallConfig { profile, ..CallConfig::default() };
    let mut scene = Scene::new(Origin::Placed, config);
    scene.place("alice", &["bob"]);
    scene.accept("bob");
    scene.media_up("alice");
    scene.media_up("bob");
    for (at, (name, action, alice, bob)) in steps.iter().enumerate() {
        assert_eq!(scene.act(name, action.clone()), SUCCEEDED);
        let states = (scene.state("alice").unwrap(), scene.state("bob").unwrap());
        assert_eq!(states, (*alice, *bob), "step {at} under {profile}");
    }
}

#[test]
fn one_side_holds_and_resumes() {
    use CallState::{Connected, LocalHold, RemoteHold};
    for profile in Profile::ALL {
        check(
            profile,
            &[
                ("alice", Action::Hold, LocalHold, RemoteHold),
                ("alice", Action::Resume, Connected, Connected),
                ("bob", Action::Hold, RemoteHold, LocalHold),
                ("bob", Action::Resume, Connected, Connected),
            ],
        );
    }
}

#[test]
fn holding_by_both_sides_needs_both_to_resume() {
    use CallState::{Connected, LocalHold, RemoteHold};
    check(
        Profile::Union,
        &[
            ("alice", Action::Hold, LocalHold, RemoteHold),
            ("bob", Action::Hold, LocalHold, LocalHold),
            ("alice", Action::Resume, RemoteHold, LocalHold),
            ("bob", Action::Resume, Connected, Connected),
            ("bob", Action::Hold, RemoteHold, LocalHold),
            ("alice", Action::Hold, LocalHold, LocalHold),
            ("alice", Action::Resume, RemoteHold, LocalHold),
            ("alice", Action::Hold, LocalHold, LocalHold),
            ("bob", Action::Resume, LocalHold, RemoteHold),
            ("alice", Action::Resume, Connected, Connected),
        ],
    );
}

#[test]
fn the_strict_profile_stays_in_the_hold_it_shows_until_nobody_holds() {
    use CallState::{Connected, LocalHold, RemoteHold};
    check(
        Profile::SeedTable,
        &[
            ("alice", Action::Hold, LocalHold, RemoteHold),
            ("bob", Action::Hold, LocalHold, RemoteHold),
            ("alice", Action::Resume, LocalHold, RemoteHold),
            ("bob", Action::Resume, Connected, Connected),
        ],
    );
}

#[test]
fn who_holds_shows_it_under_either_profile_once_the_one_other_is_not_one() {
    for profile in Profile::ALL {
        let config = CallConfig { profile, ..CallConfig::default() };
        for is_alone in [true, false] {
            let mut scene = Scene::new(Origin::GroupId(group_id(1)), config.clone());
            for name in ["alice", "bob"] {
                scene.join(name);
                scene.media_up(name);
            }
            scene.act("alice", Action::Hold);
            scene.act("bob", Action::Hold);
            if is_alone {
                scene.act("alice", Action::HangUp);
            } else {
                scene.join("charlie");
                scene.media_up("charlie");
            }
            assert_eq!(scene.state("bob"), Some(CallState::LocalHold), "{profile} {is_alone}");
            assert_eq!(scene.act("bob", Action::Resume), SUCCEEDED);
            assert_eq!(scene.state("bob"), Some(CallState::Connected), "{profile} {is_alone}");
        }
    }
}

#[test]
fn who_holds_shows_it_under_either_profile_after_a_transfer() {
    for profile in Profile::ALL {
        let config = CallConfig { profile, ..CallConfig::default() };
        let mut scene = Scene::new(Origin::GroupId(group_id(1)), config);
        for name in ["alice", "bob"] {
            scene.join(name);
            scene.media_up(name);
        }
        scene.act("alice", Action::Hold);
        scene.act("bob", Action::Hold);
        let target = invite("charlie", &["charlie"]);
        scene.act("alice", Action::Transfer(Transfer { target, transferee: None }));
        scene.accept("charlie");
        scene.media_up("charlie");
        assert_eq!(scene.state("alice"), None, "{profile}: handed over");
        assert_eq!(scene.state("charlie"), Some(CallState::RemoteHold), "{profile}");
        assert_eq!(scene.state("bob"), Some(CallState::LocalHold), "{profile}");
    }
}

#[test]
fn a_hold_silences_both_directions_and_the_resume_restores_them() {
    let mut scene = Scene::connected();
    scene.act("alice", Action::StartVideo);
    assert!(scene.publishes("alice", StreamKind::Camera));
    scene.act("alice", Action::Hold);
    assert!(!scene.publishes("alice", StreamKind::Audio));
    assert!(!scene.publishes("alice", StreamKind::Camera));
    assert!(!scene.receives("alice"));
    scene.act("alice", Action::Resume);
    assert!(scene.publishes("alice", StreamKind::Audio));
    assert!(scene.publishes("alice", StreamKind::Camera));
    assert!(scene.receives("alice"));
}

#[test]
fn a_mute_outlives_a_hold() {
    let mut scene = Scene::connected();
    scene.act("alice", Action::Mute);
    scene.act("alice", Action::Hold);
    scene.act("alice", Action::Resume);
    assert!(!scene.publishes("alice", StreamKind::Audio));
    scene.act("alice", Action::Hold);
    scene.act("alice", Action::Unmute);
    assert!(!scene.publishes("alice", StreamKind::Audio));
    scene.act("alice", Action::Resume);
    assert!(scene.publishes("alice", StreamKind::Audio));
}

#[test]
fn the_others_see_who_holds_and_not_who_is_held() {
    let mut scene = Scene::connected();
    scene.act("alice", Action::Hold);
    assert_eq!(scene.participants("alice").unwrap().state, ParticipantState::Hold);
    assert_eq!(scene.participants("bob").unwrap().state, ParticipantState::Connected);
}

#[test]
fn holding_twice_is_one_hold_and_resuming_without_a_hold_is_refused() {
    let mut scene = Scene::connected();
    scene.act("alice", Action::Hold);
    let events = scene.events.len();
    assert_eq!(scene.act("alice", Action::Hold), SUCCEEDED);
    assert_eq!(scene.events.len(), events + 1, "only the operation's end is told");
    let state = CallState::RemoteHold;
    assert_eq!(scene.act("bob", Action::Resume), Answer::Rejected(CommandError::NotHeld { state }));
}

#[test]
fn holding_before_the_call_is_connected_is_refused() {
    let mut scene = Scene::placed();
    scene.place("alice", &["bob"]);
    let state = CallState::Connecting;
    assert_eq!(
        scene.act("alice", Action::Hold),
        Answer::Rejected(CommandError::NotConnected { state })
    );
}

#[test]
fn remote_hold_shows_only_while_exactly_one_remote_participant_is_there() {
    let mut scene = Scene::joined(&["alice", "bob"]);
    scene.act("bob", Action::Hold);
    assert_eq!(scene.state("alice"), Some(CallState::RemoteHold));
    scene.join("charlie");
    assert_eq!(scene.state("alice"), Some(CallState::RemoteHold), "charlie is not there yet");
    scene.media_up("charlie");
    assert_eq!(scene.state("alice"), Some(CallState::Connected));
    assert_eq!(scene.state("bob"), Some(CallState::LocalHold));
    assert_eq!(scene.state("charlie"), Some(CallState::Connected));
    scene.act("charlie", Action::HangUp);
    assert_eq!(scene.state("alice"), Some(CallState::RemoteHold));
    scene.act("bob", Action::HangUp);
    assert_eq!(scene.state("alice"), Some(CallState::Connected), "alone, and nobody holds");
}

#[test]
fn somebody_in_a_group_holds_without_stopping_the_others() {
    let mut scene = Scene::joined(&["alice", "bob", "charlie"]);
    scene.act("alice", Action::Hold);
    assert!(!scene.publishes("alice", StreamKind::Audio) && !scene.receives("alice"));
    assert!(scene.publishes("bob", StreamKind::Audio) && scene.receives("bob"));
    assert_eq!(scene.state("bob"), Some(CallState::Connected));
}

#[test]
fn who_holds_or_is_muted_stops_speaking_at_once() {
    for action in [Action::Hold, Action::Mute] {
        let mut scene = Scene::connected();
        let connection_id = scene.connection("alice");
        scene.signal(Signal::SpeakingChanged { connection_id, is_speaking: true });
        scene.pass(1);
        assert!(scene.participants("alice").unwrap().is_speaking);
        scene.act("alice", action);
        assert!(!scene.participants("alice").unwrap().is_speaking);
        scene.signal(Signal::SpeakingChanged { connection_id, is_speaking: true });
        scene.pass(1);
        assert!(!scene.participants("alice").unwrap().is_speaking, "the server drops it");
    }
}

#[test]
fn speaking_flags_travel_together_and_flickers_not_at_all() {
    let mut scene = Scene::joined(&["alice", "bob", "charlie"]);
    let [a, b, c] = ["alice", "bob", "charlie"].map(|name| scene.connection(name));
    let events = scene.events.len();
    for (connection_id, is_speaking) in [(a, true), (b, true), (c, true), (c, false)] {
        scene.signal(Signal::SpeakingChanged { connection_id, is_speaking });
    }
    assert_eq!(scene.events.len(), events, "nothing is told before the interval is over");
    scene.pass(1);
    let told: Vec<_> = scene.events[events..].iter().map(|event| event.kind.clone()).collect();
    let changes = vec![(scene.participant("alice"), true), (scene.participant("bob"), true)];
    assert_eq!(told, [EventKind::SpeakingChanged { changes }]);
    scene.pass(100);
    assert_eq!(scene.events.len(), events + 1);
}
