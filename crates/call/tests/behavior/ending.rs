//! Hanging up, losing the network, and what both sides are told.

use trunkline_call::{Action, CallState, EventKind, MediaCommand, ParticipantState, Signal};
use trunkline_reasons::EndReason;
use trunkline_testkit::build::endpoint;

use crate::scene::{Answer, SUCCEEDED, Scene, by_name};

fn lose(scene: &mut Scene, name: &str) {
    let connection_id = scene.connection(name);
    scene.signal(Signal::MediaInterrupted { connection_id });
    scene.signal(Signal::TransportLost { endpoint: endpoint(name) });
}

fn recover(scene: &mut Scene, name: &str) {
    let connection_id = scene.connection(name);
    scene.signal(Signal::TransportResumed { endpoint: endpoint(name) });
    scene.signal(Signal::MediaResumed { connection_id });
}

#[test]
fn hanging_up_ends_a_one_to_one_call_for_both_with_one_reason() {
    for name in ["alice", "bob"] {
        let mut scene = Scene::connected();
        assert_eq!(scene.act(name, Action::HangUp), SUCCEEDED);
        assert_eq!(scene.end_reasons(), [EndReason::HUNG_UP; 2]);
        let mut detaches = scene.detaches();
        detaches.sort();
        let both = ["alice", "bob"].map(|name| (endpoint(name), EndReason::HUNG_UP));
        assert_eq!(detaches, both);
        scene.assert_over(EndReason::HUNG_UP);
    }
}

#[test]
fn ending_for_everyone_tells_everyone_so() {
    let mut scene = Scene::joined(&["alice", "bob", "charlie"]);
    assert_eq!(scene.act("bob", Action::HangUpForEveryone), SUCCEEDED);
    assert_eq!(scene.end_reasons(), [EndReason::ENDED_FOR_EVERYONE; 3]);
    scene.assert_over(EndReason::ENDED_FOR_EVERYONE);
}

#[test]
fn hanging_up_is_legal_in_every_state_a_participant_can_be_in() {
    let mut connecting = Scene::placed();
    connecting.place("alice", &["bob"]);
    let mut ringing = Scene::placed();
    ringing.place("alice", &["bob"]);
    ringing.signal(Signal::EndpointRinging { endpoint: endpoint("bob") });
    let mut early = Scene::placed();
    early.place("alice", &["bob"]);
    early.accept("bob");
    let connection_id = early.connection("bob");
    early.signal(Signal::EarlyMediaStarted { connection_id });
    let connected = Scene::connected();
    let mut held = Scene::connected();
    held.act("alice", Action::Hold);
    let mut held_remotely = Scene::connected();
    held_remotely.act("bob", Action::Hold);
    let scenes = [
        (connecting, CallState::Connecting),
        (ringing, CallState::Ringing),
        (early, CallState::EarlyMedia),
        (connected, CallState::Connected),
        (held, CallState::LocalHold),
        (held_remotely, CallState::RemoteHold),
    ];
    for (mut scene, state) in scenes {
        assert_eq!(scene.state("alice"), Some(state));
        let alice = scene.participant("alice");
        assert_eq!(scene.act("alice", Action::HangUp), SUCCEEDED);
        let states = scene.states_of(alice);
        assert!(states.ends_with(&[state, CallState::Disconnecting, CallState::Disconnected]));
        assert!(scene.call.is_ended());
    }
}

#[test]
fn hanging_up_while_it_rings_here_declines() {
    let mut scene = Scene::placed();
    scene.place("alice", &["bob"]);
    assert_eq!(scene.act("bob", Action::HangUp), SUCCEEDED);
    scene.assert_over(EndReason::DECLINED);
}

#[test]
fn a_network_lost_for_two_minutes_disconnects() {
    let mut scene = Scene::connected();
    let (alice, bob) = (scene.participant("alice"), scene.participant("bob"));
    lose(&mut scene, "bob");
    scene.pass(119);
    assert_eq!(scene.state("bob"), Some(CallState::Connected));
    scene.pass(2);
    for participant in [alice, bob] {
        let states = scene.states_of(participant);
        assert!(states.ends_with(&[CallState::Disconnecting, CallState::Disconnected]));
    }
    let mut seen = scene.events.iter().filter_map(|event| match &event.kind {
        EventKind::ParticipantStateChanged { participant_id, to, end_reason, .. }
            if *participant_id == bob =>
        {
            Some((*to, *end_reason))
        }
        _ => None,
    });
    let last = (ParticipantState::Disconnected, Some(EndReason::NETWORK_LOST));
    assert_eq!(seen.next_back(), Some(last));
    scene.assert_over(EndReason::NETWORK_LOST);
}

#[test]
fn a_network_that_comes_back_in_time_loses_nothing() {
    let mut scene = Scene::connected();
    lose(&mut scene, "bob");
    scene.pass(119);
    recover(&mut scene, "bob");
    scene.pass(1_000);
    assert_eq!(scene.state("bob"), Some(CallState::Connected));
    assert_eq!(scene.call.poll_timeout(), None);
}

#[test]
fn the_two_minutes_count_from_the_last_time_everything_was_well() {
    let mut scene = Scene::connected();
    lose(&mut scene, "bob");
    scene.pass(100);
    scene.signal(Signal::TransportResumed { endpoint: endpoint("bob") });
    scene.pass(19);
    assert!(!scene.call.is_ended(), "media is still lost, the first clock still runs");
    scene.pass(1);
    scene.assert_over(EndReason::MEDIA_LOST);

    let mut scene = Scene::connected();
    lose(&mut scene, "bob");
    scene.pass(100);
    recover(&mut scene, "bob");
    lose(&mut scene, "bob");
    scene.pass(119);
    assert!(!scene.call.is_ended(), "a new loss starts a new clock");
    scene.pass(1);
    scene.assert_over(EndReason::NETWORK_LOST);
}

#[test]
fn a_new_peer_connection_counts_as_media_that_came_back() {
    let mut scene = Scene::connected();
    let connection_id = scene.connection("bob");
    scene.signal(Signal::MediaInterrupted { connection_id });
    scene.pass(60);
    scene.signal(Signal::MediaUp { connection_id });
    scene.pass(1_000);
    assert!(!scene.call.is_ended());
}

#[test]
fn a_tab_that_closes_leaves_abruptly() {
    let mut scene = Scene::connected();
    scene.signal(Signal::EndpointGone { endpoint: endpoint("bob") });
    scene.assert_over(EndReason::LEFT_ABRUPTLY);
}

#[test]
fn a_session_that_expires_after_its_transport_was_lost_has_lost_its_network() {
    let mut scene = Scene::connected();
    lose(&mut scene, "bob");
    scene.pass(60);
    scene.signal(Signal::EndpointGone { endpoint: endpoint("bob") });
    scene.assert_over(EndReason::NETWORK_LOST);
}

#[test]
fn removing_the_other_ends_a_one_to_one_call() {
    let mut scene = Scene::connected();
    assert_eq!(scene.act("alice", Action::RemoveParticipant(by_name("bob"))), SUCCEEDED);
    assert_eq!(scene.end_reasons(), [EndReason::REMOVED; 2]);
    scene.assert_over(EndReason::REMOVED);
}

#[test]
fn whoever_is_left_by_one_who_held_does_not_show_connected_on_the_way_out() {
    let mut scene = Scene::connected();
    let alice = scene.participant("alice");
    scene.act("bob", Action::Hold);
    scene.act("bob", Action::HangUp);
    assert!(scene.states_of(alice).ends_with(&[
        CallState::Connected,
        CallState::RemoteHold,
        CallState::Disconnecting,
        CallState::Disconnected
    ]));
}

#[test]
fn every_peer_connection_is_closed_once_and_not_spoken_of_again() {
    let mut scene = Scene::connected();
    let connections = [scene.connection("alice"), scene.connection("bob")];
    scene.act("alice", Action::HangUp);
    for connection_id in connections {
        let close = MediaCommand::Close { connection_id };
        assert_eq!(scene.media.iter().filter(|command| **command == close).count(), 1);
    }
    assert!(
        scene
            .media
            .ends_with(&connections.map(|connection_id| MediaCommand::Close { connection_id }))
    );
}

#[test]
fn commands_and_signals_after_the_end_change_nothing() {
    let mut scene = Scene::connected();
    let connection_id = scene.connection("bob");
    scene.act("alice", Action::HangUp);
    let (events, media) = (scene.events.len(), scene.media.len());
    assert!(matches!(scene.act("bob", Action::Mute), Answer::Rejected(_)));
    assert!(matches!(scene.place("bob", &["alice"]), Answer::Rejected(_)));
    scene.signal(Signal::MediaUp { connection_id });
    scene.signal(Signal::TransportLost { endpoint: endpoint("bob") });
    scene.pass(1_000);
    assert_eq!((scene.events.len(), scene.media.len()), (events, media));
}
