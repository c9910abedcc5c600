//! Placing, ringing, accepting, declining, and the reasons at both ends.

use std::time::Duration;

use trunkline_call::{
    Action, CallConfig, CallState, CommandError, Direction, EndpointCommand, EventKind, Input,
    Invite, MediaMode, Origin, ParticipantState, Profile, ResolvedTarget, Signal,
};
use trunkline_reasons::EndReason;
use trunkline_testkit::build::{display_name, endpoint, phone};

use crate::scene::{Answer, SUCCEEDED, Scene, failed, identifier, invite};

fn ringing_at(endpoints: &[&str]) -> Scene {
    let mut scene = Scene::placed();
    let action = Action::Place {
        targets: vec![invite("bob", endpoints)],
        display_name: Some(display_name("Alice")),
        media: MediaMode::PeerConnection,
    };
    scene.act("alice", action);
    for name in endpoints {
        scene.signal(Signal::EndpointRinging { endpoint: endpoint(name) });
    }
    scene
}

#[test]
fn both_sides_walk_the_states_in_the_order_of_the_source() {
    let mut scene = Scene::placed();
    scene.place("alice", &["bob"]);
    let (alice, bob) = (scene.participant("alice"), scene.participant("bob"));
    scene.signal(Signal::EndpointRinging { endpoint: endpoint("bob") });
    scene.accept("bob");
    scene.media_up("alice");
    scene.media_up("bob");
    scene.act("alice", Action::HangUp);
    let states = [
        CallState::Connecting,
        CallState::Ringing,
        CallState::Connected,
        CallState::Disconnecting,
        CallState::Disconnected,
    ];
    assert_eq!(scene.states_of(alice), states);
    assert_eq!(scene.states_of(bob), states);
}

#[test]
fn the_callee_appears_idle_and_has_a_connection_only_once_accepted() {
    let mut scene = ringing_at(&["bob"]);
    let added = scene.events.iter().filter_map(|event| match &event.kind {
        EventKind::ParticipantAdded { participant } => Some(participant.state),
        _ => None,
    });
    assert!(added.eq([ParticipantState::Idle, ParticipantState::Idle]));
    assert_eq!(scene.participants("bob").unwrap().connection_id, None);
    assert_eq!(scene.participants("bob").unwrap().direction, Direction::Incoming);
    scene.accept("bob");
    assert!(scene.participants("bob").unwrap().connection_id.is_some());
    assert_eq!(scene.participants("alice").unwrap().direction, Direction::Outgoing);
}

#[test]
fn the_invitation_says_who_calls() {
    let scene = ringing_at(&["bob"]);
    let invitation = scene
        .commands
        .iter()
        .find_map(|command| match command {
            EndpointCommand::Ring { invitation, .. } => Some(invitation),
            _ => None,
        })
        .unwrap();
    assert_eq!(invitation.caller, identifier("alice"));
    assert_eq!(invitation.callee, identifier("bob"));
    assert_eq!(invitation.caller_display_name, Some(display_name("Alice")));
}

#[test]
fn the_first_endpoint_to_accept_wins_and_the_others_end_with_accepted_elsewhere() {
    let mut scene = ringing_at(&["b1", "b2", "b3", "b4"]);
    assert_eq!(scene.accept_at("bob", "b3"), Answer::Running);
    let others = ["b1", "b2", "b4"].map(|name| (endpoint(name), EndReason::ACCEPTED_ELSEWHERE));
    assert_eq!(scene.stops(), others);
    assert_eq!(scene.accept_at("bob", "b1"), Answer::Rejected(CommandError::AcceptedElsewhere));
    scene.media_up("alice");
    scene.media_up("bob");
    assert_eq!(scene.state("alice"), Some(CallState::Connected));
    assert_eq!(scene.call.endpoint_of(&scene.connection("bob")), Some(&endpoint("b3")));
}

#[test]
fn a_reject_ends_the_call_for_all_endpoints_with_declined() {
    let mut scene = ringing_at(&["b1", "b2"]);
    assert_eq!(scene.act_at("bob", "b1", Action::Reject), SUCCEEDED);
    let all = ["b1", "b2"].map(|name| (endpoint(name), EndReason::DECLINED));
    assert_eq!(scene.stops(), all);
    assert_eq!(scene.answer("alice", "op-1"), failed(EndReason::DECLINED));
    assert_eq!(scene.end_reasons(), [EndReason::DECLINED; 2]);
    scene.assert_over(EndReason::DECLINED);
}

#[test]
fn cancelling_stops_every_endpoint_with_canceled() {
    for action in [Action::Cancel, Action::HangUp, Action::HangUpForEveryone] {
        let mut scene = ringing_at(&["b1", "b2"]);
        assert_eq!(scene.act("alice", action), SUCCEEDED);
        let all = ["b1", "b2"].map(|name| (endpoint(name), EndReason::CANCELED));
        assert_eq!(scene.stops(), all);
        assert_eq!(scene.answer("alice", "op-1"), failed(EndReason::CANCELED));
        assert_eq!(scene.detaches(), [(endpoint("alice"), EndReason::CANCELED)]);
        scene.assert_over(EndReason::CANCELED);
    }
}

#[test]
fn nobody_answers_for_the_time_of_the_set_up() {
    let mut scene = ringing_at(&["b1", "b2"]);
    scene.pass(84);
    assert!(!scene.call.is_ended());
    scene.pass(1);
    assert_eq!(scene.end_reasons(), [EndReason::NOT_ACCEPTED_IN_TIME; 2]);
    assert_eq!(scene.stops().len(), 2);
    scene.assert_over(EndReason::NOT_ACCEPTED_IN_TIME);
}

#[test]
fn a_callee_without_endpoints_ends_the_call_at_once() {
    let mut scene = ringing_at(&[]);
    assert_eq!(scene.answer("alice", "op-1"), failed(EndReason::NO_REGISTERED_ENDPOINT));
    assert_eq!(scene.end_reasons(), [EndReason::NO_REGISTERED_ENDPOINT; 2]);
    scene.assert_over(EndReason::NO_REGISTERED_ENDPOINT);
    assert_eq!(
        scene.act("alice", Action::HangUp),
        Answer::Rejected(CommandError::CallEnded { reason: EndReason::NO_REGISTERED_ENDPOINT })
    );
}

#[test]
fn the_last_endpoint_to_refuse_decides_together_with_the_others() {
    type Refusal = fn(&str) -> Signal;
    let busy: Refusal = |name| Signal::EndpointBusy { endpoint: endpoint(name) };
    let declined: Refusal = |name| Signal::EndpointDeclined { endpoint: endpoint(name) };
    let gone: Refusal = |name| Signal::EndpointGone { endpoint: endpoint(name) };
    let cases = [
        (busy, busy, EndReason::BUSY_EVERYWHERE),
        (busy, gone, EndReason::BUSY_EVERYWHERE),
        (declined, declined, EndReason::DECLINED_BY_ALL_ENDPOINTS),
        (declined, busy, EndReason::DECLINED_BY_ALL_ENDPOINTS),
        (gone, declined, EndReason::DECLINED_BY_ALL_ENDPOINTS),
        (gone, gone, EndReason::ENDPOINT_UNREACHABLE),
    ];
    for (first, second, reason) in cases {
        let mut scene = ringing_at(&["b1", "b2"]);
        scene.signal(first("b1"));
        assert!(!scene.call.is_ended(), "b2 goes on ringing");
        scene.signal(second("b2"));
        assert_eq!(scene.end_reasons(), [reason; 2]);
        scene.assert_over(reason);
    }
}

#[test]
fn an_endpoint_that_registers_while_its_user_is_called_rings_too() {
    let mut scene = ringing_at(&["b1"]);
    let registered =
        Signal::EndpointRegistered { identifier: identifier("bob"), endpoint: endpoint("b2") };
    scene.signal(registered.clone());
    scene.signal(registered);
    assert_eq!(scene.ringing(), [endpoint("b1"), endpoint("b2")]);
    assert_eq!(scene.accept_at("bob", "b2"), Answer::Running);
    assert_eq!(scene.stops(), [(endpoint("b1"), EndReason::ACCEPTED_ELSEWHERE)]);
}

#[test]
fn an_endpoint_of_somebody_else_does_not_ring() {
    let mut scene = ringing_at(&["b1"]);
    scene.signal(Signal::EndpointRegistered {
        identifier: identifier("eve"),
        endpoint: endpoint("e1"),
    });
    assert_eq!(scene.ringing(), [endpoint("b1")]);
    assert_eq!(scene.accept("eve"), Answer::Rejected(CommandError::NothingToAccept));
    assert_eq!(scene.act("eve", Action::Reject), Answer::Rejected(CommandError::NothingToReject));
    assert_eq!(scene.act("eve", Action::HangUp), Answer::Rejected(CommandError::NotInCall));
}

#[test]
fn accepting_twice_is_refused_as_not_ringing() {
    let mut scene = ringing_at(&["bob"]);
    scene.accept("bob");
    assert_eq!(scene.accept("bob"), Answer::Rejected(CommandError::AlreadyInCall));
    assert_eq!(scene.act("bob", Action::Reject), Answer::Rejected(CommandError::AlreadyInCall));
}

#[test]
fn an_accept_that_overtakes_the_ringing_shows_ringing_first() {
    let mut scene = Scene::placed();
    scene.place("alice", &["bob"]);
    scene.accept("bob");
    scene.signal(Signal::EndpointRinging { endpoint: endpoint("bob") });
    assert_eq!(scene.state("bob"), Some(CallState::Ringing));
    assert_eq!(scene.state("alice"), Some(CallState::Ringing));
}

#[test]
fn media_of_the_caller_alone_does_not_connect() {
    let mut scene = ringing_at(&["bob"]);
    scene.media_up("alice");
    assert_eq!(scene.state("alice"), Some(CallState::Ringing));
    scene.accept("bob");
    assert_eq!(scene.state("alice"), Some(CallState::Ringing));
    scene.media_up("bob");
    assert_eq!(scene.state("alice"), Some(CallState::Connected));
    assert_eq!(scene.answer("alice", "op-1"), SUCCEEDED);
}

#[test]
fn a_callee_who_accepts_and_never_brings_media_fails_the_set_up() {
    let mut scene = ringing_at(&["bob"]);
    scene.media_up("alice");
    scene.accept("bob");
    scene.pass(39);
    assert!(!scene.call.is_ended());
    scene.pass(1);
    assert_eq!(scene.answer("bob", "op-2"), failed(EndReason::SET_UP_NOT_FINISHED));
    scene.assert_over(EndReason::SET_UP_NOT_FINISHED);
}

#[test]
fn a_caller_who_never_brings_media_fails_the_set_up() {
    let mut scene = ringing_at(&["bob"]);
    scene.accept("bob");
    scene.media_up("bob");
    scene.pass(40);
    scene.assert_over(EndReason::MEDIA_SET_UP_FAILED);
}

#[test]
fn media_that_fails_at_set_up_and_media_that_fails_later_have_two_reasons() {
    let mut scene = ringing_at(&["bob"]);
    scene.accept("bob");
    let connection_id = scene.connection("bob");
    scene.signal(Signal::MediaFailed { connection_id });
    scene.assert_over(EndReason::MEDIA_SET_UP_FAILED);

    let mut scene = Scene::connected();
    let connection_id = scene.connection("bob");
    scene.signal(Signal::MediaFailed { connection_id });
    scene.assert_over(EndReason::MEDIA_LOST);
}

#[test]
fn controllers_without_media_count_as_connected_at_once() {
    let mut scene = Scene::placed();
    let media = MediaMode::SignalingOnly;
    let targets = vec![invite("bob", &["bob"])];
    scene.act("alice", Action::Place { targets, display_name: None, media });
    scene.act("bob", Action::Accept { display_name: None, media });
    assert_eq!(scene.state("alice"), Some(CallState::Connected));
    assert_eq!(scene.state("bob"), Some(CallState::Connected));
    assert_eq!(scene.media, []);
}

#[test]
fn a_controller_acts_for_the_participant_with_its_identifier() {
    let mut scene = Scene::connected();
    assert_eq!(scene.act_at("bob", "controller-of-bob", Action::Mute), SUCCEEDED);
    assert!(scene.participants("bob").unwrap().is_muted);
    assert_eq!(scene.act_at("bob", "controller-of-bob", Action::HangUp), SUCCEEDED);
    scene.assert_over(EndReason::HUNG_UP);
}

#[test]
fn a_phone_rings_longer_and_is_busy_in_its_own_words() {
    let target = ResolvedTarget {
        identifier: phone("+14255550100"),
        endpoints: vec![endpoint("trunk")],
        display_name: None,
    };
    let place = Action::Place {
        targets: vec![Invite { target, ring_for: None }],
        display_name: None,
        media: MediaMode::PeerConnection,
    };
    let mut scene = Scene::placed();
    scene.act("alice", place.clone());
    scene.pass(114);
    assert!(!scene.call.is_ended());
    scene.pass(1);
    scene.assert_over(EndReason::NOT_ACCEPTED_IN_TIME);

    let mut scene = Scene::placed();
    scene.act("alice", place);
    scene.signal(Signal::EndpointBusy { endpoint: endpoint("trunk") });
    scene.assert_over(EndReason::PHONE_BUSY);
}

#[test]
fn ringing_may_be_shortened_and_is_capped() {
    let place = |seconds| Action::Place {
        targets: vec![Invite {
            ring_for: Some(Duration::from_secs(seconds)),
            ..invite("bob", &["bob"])
        }],
        display_name: None,
        media: MediaMode::PeerConnection,
    };
    for (asked, given) in [(5, 5), (180, 180), (100_000, 180)] {
        let mut scene = Scene::placed();
        scene.act("alice", place(asked));
        scene.pass(given - 1);
        assert!(!scene.call.is_ended());
        scene.pass(1);
        scene.assert_over(EndReason::NOT_ACCEPTED_IN_TIME);
    }
}

#[test]
fn early_media_shows_on_both_sides_before_the_call_is_connected() {
    let mut scene = ringing_at(&["bob"]);
    let alice = scene.participant("alice");
    scene.accept("bob");
    let connection_id = scene.connection("bob");
    scene.signal(Signal::EarlyMediaStarted { connection_id });
    assert_eq!(scene.state("alice"), Some(CallState::EarlyMedia));
    assert_eq!(scene.state("bob"), Some(CallState::EarlyMedia));
    scene.media_up("alice");
    scene.media_up("bob");
    assert_eq!(
        scene.states_of(alice),
        [CallState::Connecting, CallState::Ringing, CallState::EarlyMedia, CallState::Connected]
    );
}

#[test]
fn placing_wrongly_is_refused_with_the_cause() {
    let cases = [
        (vec![], CommandError::NoTargets),
        (vec![invite("alice", &["alice"])], CommandError::TargetIsActor),
        (
            vec![invite("bob", &["bob"]), invite("bob", &["b2"])],
            CommandError::DuplicateTarget { position: 1 },
        ),
    ];
    for (targets, error) in cases {
        let mut scene = Scene::placed();
        let media = MediaMode::PeerConnection;
        let place = Action::Place { targets, display_name: None, media };
        assert_eq!(scene.act("alice", place), Answer::Rejected(error));
        assert!(scene.call.is_fresh() && scene.events.is_empty());
    }
    let mut scene = ringing_at(&["bob"]);
    assert_eq!(scene.place("alice", &["charlie"]), Answer::Rejected(CommandError::AlreadyPlaced));
    assert!(matches!(scene.join("charlie"), Answer::Rejected(CommandError::NotJoinable { .. })));
}

#[test]
fn the_strict_profile_goes_through_ringing_where_the_text_has_no_shorter_way() {
    let config = CallConfig { profile: Profile::SeedTable, ..CallConfig::default() };
    let mut scene = Scene::new(Origin::GroupId(trunkline_testkit::build::group_id(1)), config);
    scene.join("alice");
    let alice = scene.participant("alice");
    scene.media_up("alice");
    assert_eq!(
        scene.states_of(alice),
        [CallState::Connecting, CallState::Ringing, CallState::Connected]
    );
}

#[test]
fn a_call_in_which_nothing_happened_ignores_signals() {
    let mut scene = Scene::placed();
    scene.input(Input::Signal(Signal::EndpointGone { endpoint: endpoint("bob") }));
    assert!(scene.call.is_fresh() && scene.events.is_empty());
}
