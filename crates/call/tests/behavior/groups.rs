//! Groups: joining, adding, removing, promotion, and the limits.

use trunkline_call::{
    Action, CallConfig, CallKind, CallState, CommandError, EndpointCommand, EventKind, Limits,
    MediaMode, Origin, ParticipantSelector, Signal, Transfer,
};
use trunkline_reasons::EndReason;
use trunkline_testkit::build::{display_name, endpoint, group_id};

use crate::scene::{Answer, SUCCEEDED, Scene, by_name, failed, identifier, invite};

#[test]
fn who_joins_by_group_id_is_connected_even_alone() {
    let mut scene = Scene::group();
    let media = MediaMode::PeerConnection;
    let name = display_name("Guest of honor");
    let join = Action::Join { display_name: Some(name.clone()), media };
    assert_eq!(scene.act("alice", join), Answer::Running);
    assert_eq!(scene.state("alice"), Some(CallState::Connecting));
    scene.media_up("alice");
    assert_eq!(scene.state("alice"), Some(CallState::Connected));
    assert_eq!(scene.answer("alice", "op-1"), SUCCEEDED);
    assert_eq!(scene.participants("alice").unwrap().display_name, Some(name));
    assert!(scene.call.thread_id().is_some(), "a group is bound to a thread");
}

#[test]
fn a_group_by_id_lasts_until_the_last_one_leaves() {
    let mut scene = Scene::joined(&["alice", "bob", "charlie"]);
    scene.act("bob", Action::HangUp);
    scene.act("charlie", Action::HangUp);
    assert!(!scene.call.is_ended());
    scene.act("alice", Action::HangUp);
    assert_eq!(scene.end_reasons(), [EndReason::HUNG_UP; 3]);
    scene.assert_over(EndReason::ONLY_ONE_LEFT);
}

#[test]
fn a_joiner_whose_media_never_comes_up_is_removed_after_the_set_up_time() {
    let mut scene = Scene::joined(&["alice"]);
    scene.join("bob");
    scene.pass(84);
    assert!(scene.participants("bob").is_some());
    scene.pass(1);
    assert!(scene.participants("bob").is_none());
    assert_eq!(scene.answer("bob", "op-2"), failed(EndReason::MEDIA_SET_UP_FAILED));
    assert_eq!(scene.state("alice"), Some(CallState::Connected));
}

#[test]
fn a_third_participant_makes_a_one_to_one_call_a_group() {
    let mut scene = Scene::connected();
    assert_eq!((scene.call.kind(), scene.call.thread_id()), (CallKind::OneToOne, None));
    assert_eq!(scene.add("alice", "charlie"), Answer::Running);
    assert_eq!(scene.call.kind(), CallKind::Group);
    let changed = scene.events.iter().any(|event| {
        matches!(&event.kind, EventKind::KindChanged {
            from: CallKind::OneToOne, to: CallKind::Group, thread_id,
        } if Some(thread_id) == scene.call.thread_id())
    });
    assert!(changed);
    scene.accept("charlie");
    scene.media_up("charlie");
    assert_eq!(scene.state("charlie"), Some(CallState::Connected));
    assert_eq!(scene.answer("alice", "op-3"), SUCCEEDED);
}

#[test]
fn the_third_participant_rings_for_the_time_of_a_promotion() {
    let mut scene = Scene::connected();
    scene.add("alice", "charlie");
    scene.pass(114);
    assert!(scene.participants("charlie").is_some());
    scene.pass(1);
    assert_eq!(scene.answer("alice", "op-3"), failed(EndReason::NOT_ACCEPTED_IN_TIME));
    assert!(!scene.call.is_ended(), "alice and bob go on");
    scene.add("bob", "dan");
    scene.pass(85);
    assert!(scene.participants("dan").is_none(), "the call is a group already");
}

#[test]
fn whom_nobody_can_ring_is_not_added() {
    let mut scene = Scene::connected();
    let answer = scene.act("alice", Action::AddParticipant(invite("charlie", &[])));
    assert_eq!(answer, failed(EndReason::NO_REGISTERED_ENDPOINT));
    assert!(scene.participants("charlie").is_none());
    assert!(!scene.call.is_ended());
}

#[test]
fn a_pending_add_is_cancelled_and_both_operations_end_once() {
    let mut scene = Scene::connected();
    scene.add("alice", "charlie");
    assert_eq!(scene.act("alice", Action::CancelAddParticipant(by_name("charlie"))), SUCCEEDED);
    assert_eq!(scene.answer("alice", "op-3"), failed(EndReason::CANCELED));
    assert_eq!(scene.stops(), [(endpoint("charlie"), EndReason::CANCELED)]);
    assert!(!scene.call.is_ended());
}

#[test]
fn a_cancelled_add_that_leaves_one_alone_completes_before_the_call_ends() {
    let mut scene = Scene::placed();
    scene.place("alice", &["bob", "charlie"]);
    scene.accept("bob");
    scene.media_up("alice");
    scene.media_up("bob");
    scene.act("bob", Action::HangUp);
    assert!(!scene.call.is_ended(), "charlie still rings");
    assert_eq!(scene.act("alice", Action::CancelAddParticipant(by_name("charlie"))), SUCCEEDED);
    scene.assert_over(EndReason::ONLY_ONE_LEFT);
}

#[test]
fn an_add_that_was_accepted_cannot_be_cancelled() {
    let mut scene = Scene::connected();
    scene.add("alice", "charlie");
    scene.accept("charlie");
    let participant_id = scene.participant("charlie");
    assert_eq!(
        scene.act("alice", Action::CancelAddParticipant(by_name("charlie"))),
        Answer::Rejected(CommandError::NotPending { participant_id })
    );
}

#[test]
fn removing_somebody_from_a_group_leaves_the_others() {
    let mut scene = Scene::joined(&["alice", "bob", "charlie"]);
    let selector = ParticipantSelector::Id(scene.participant("charlie"));
    assert_eq!(scene.act("alice", Action::RemoveParticipant(selector)), SUCCEEDED);
    assert_eq!(scene.detaches(), [(endpoint("charlie"), EndReason::REMOVED)]);
    assert_eq!(scene.call.participants().len(), 2);
    assert_eq!(
        scene.act("alice", Action::RemoveParticipant(by_name("charlie"))),
        Answer::Rejected(CommandError::ParticipantNotFound)
    );
    assert_eq!(
        scene.act("alice", Action::RemoveParticipant(by_name("alice"))),
        Answer::Rejected(CommandError::TargetIsActor)
    );
}

#[test]
fn the_operation_of_a_removal_ends_after_the_roster_is_told() {
    let mut scene = Scene::joined(&["alice", "bob"]);
    scene.act("alice", Action::RemoveParticipant(by_name("bob")));
    let position = |wanted: fn(&EventKind) -> bool| {
        scene.events.iter().rposition(|event| wanted(&event.kind)).unwrap()
    };
    let removed = position(|kind| matches!(kind, EventKind::ParticipantRemoved { .. }));
    let completed = position(|kind| matches!(kind, EventKind::OperationCompleted { .. }));
    assert!(removed < completed);
}

#[test]
fn who_left_alone_in_a_placed_group_is_told_so() {
    let mut scene = Scene::placed();
    scene.place("alice", &["bob", "charlie"]);
    assert_eq!(scene.call.kind(), CallKind::Group);
    for name in ["bob", "charlie"] {
        scene.accept(name);
        scene.media_up(name);
    }
    scene.media_up("alice");
    scene.act("bob", Action::HangUp);
    assert!(!scene.call.is_ended());
    scene.act("charlie", Action::HangUp);
    scene.assert_over(EndReason::ONLY_ONE_LEFT);
}

#[test]
fn a_placed_group_that_nobody_joins_ends_with_nobody_joined() {
    let mut scene = Scene::placed();
    scene.place("alice", &["bob", "charlie"]);
    scene.act("bob", Action::Reject);
    assert!(!scene.call.is_ended(), "charlie still rings");
    scene.pass(85);
    assert_eq!(
        scene.end_reasons(),
        [EndReason::DECLINED, EndReason::NOT_ACCEPTED_IN_TIME, EndReason::NOBODY_JOINED]
    );
    scene.assert_over(EndReason::NOBODY_JOINED);
}

#[test]
fn a_group_whose_caller_gives_up_stops_ringing_everywhere() {
    let mut scene = Scene::placed();
    scene.place("alice", &["bob", "charlie"]);
    scene.act("alice", Action::HangUp);
    assert_eq!(scene.end_reasons(), [EndReason::CANCELED; 3]);
    scene.assert_over(EndReason::CANCELED);
}

#[test]
fn some_of_a_group_may_be_unreachable() {
    let mut scene = Scene::placed();
    let targets = vec![invite("bob", &[]), invite("charlie", &["charlie"])];
    let media = MediaMode::PeerConnection;
    scene.act("alice", Action::Place { targets, display_name: None, media });
    assert_eq!(scene.end_reasons(), [EndReason::NO_REGISTERED_ENDPOINT]);
    scene.accept("charlie");
    scene.media_up("alice");
    scene.media_up("charlie");
    assert_eq!(scene.state("alice"), Some(CallState::Connected));
}

#[test]
fn too_many_participants_are_refused_with_the_figures() {
    let limits = Limits { participants: 3, ..Limits::default() };
    let config = CallConfig { limits, ..CallConfig::default() };
    let error = CommandError::TooManyParticipants { limit: 3, requested: 4 };
    let mut scene = Scene::new(Origin::Placed, config.clone());
    assert_eq!(scene.place("alice", &["bob", "charlie", "dan"]), Answer::Rejected(error.clone()));
    assert!(scene.call.is_fresh());
    scene.place("alice", &["bob", "charlie"]);
    scene.accept("bob");
    scene.media_up("alice");
    scene.media_up("bob");
    assert_eq!(scene.add("alice", "dan"), Answer::Rejected(error.clone()));

    let mut scene = Scene::new(Origin::GroupId(group_id(1)), config);
    for name in ["alice", "bob", "charlie"] {
        scene.join(name);
    }
    assert_eq!(scene.join("dan"), Answer::Rejected(error));
}

#[test]
fn three_hundred_and_fifty_participants_fit_by_default() {
    let mut scene = Scene::group();
    for number in 0..350 {
        assert_eq!(scene.join(&format!("user-{number}")), Answer::Running);
    }
    assert_eq!(
        scene.join("one-more"),
        Answer::Rejected(CommandError::TooManyParticipants { limit: 350, requested: 351 })
    );
}

#[test]
fn who_is_in_the_call_is_not_added_again() {
    let mut scene = Scene::connected();
    let participant_id = scene.participant("bob");
    assert_eq!(
        scene.add("alice", "bob"),
        Answer::Rejected(CommandError::AlreadyParticipant { participant_id })
    );
    assert_eq!(scene.add("alice", "alice"), Answer::Rejected(CommandError::TargetIsActor));
    assert_eq!(scene.call.kind(), CallKind::OneToOne, "a refusal promotes nothing");
}

#[test]
fn strangers_and_those_who_only_ring_may_change_nothing() {
    let mut scene = Scene::connected();
    scene.add("alice", "charlie");
    let actions = [
        Action::Mute,
        Action::Hold,
        Action::StartVideo,
        Action::StartScreenShare,
        Action::MuteAllOthers,
        Action::HangUpForEveryone,
        Action::AddParticipant(invite("dan", &["dan"])),
        Action::RemoveParticipant(by_name("bob")),
        Action::MuteParticipant(by_name("bob")),
        Action::CancelAddParticipant(by_name("charlie")),
        Action::Transfer(Transfer { target: invite("dan", &["dan"]), transferee: None }),
    ];
    for action in actions {
        for name in ["eve", "charlie"] {
            let answer = scene.act(name, action.clone());
            assert_eq!(answer, Answer::Rejected(CommandError::NotInCall), "{action:?}");
        }
    }
    assert_eq!(scene.call.participants().len(), 3);
}

#[test]
fn a_stolen_endpoint_name_does_not_make_another_user() {
    let mut scene = Scene::connected();
    assert_eq!(
        scene.act_at("eve", "bob", Action::HangUp),
        Answer::Rejected(CommandError::AlreadyInCall)
    );
    assert_eq!(scene.act_at("eve", "bob", Action::Mute), Answer::Rejected(CommandError::NotInCall));
    assert!(!scene.participants("bob").unwrap().is_muted);
}

#[test]
fn who_is_rung_and_joins_by_the_group_id_has_accepted() {
    let mut scene = Scene::joined(&["alice"]);
    let answer = scene.act("alice", Action::AddParticipant(invite("bob", &["b1", "b2"])));
    assert_eq!(answer, Answer::Running);
    let media = MediaMode::PeerConnection;
    scene.act_at("bob", "b2", Action::Join { display_name: None, media });
    assert_eq!(scene.stops(), [(endpoint("b1"), EndReason::ACCEPTED_ELSEWHERE)]);
    scene.media_up("bob");
    assert_eq!(scene.call.participants().len(), 2);
    assert_eq!(scene.state("bob"), Some(CallState::Connected));
}

#[test]
fn two_endpoints_of_one_user_join_as_two_participants() {
    let mut scene = Scene::joined(&["alice"]);
    let media = MediaMode::PeerConnection;
    scene.act_at("alice", "alice-phone", Action::Join { display_name: None, media });
    let own = scene.call.participants().filter(|p| p.identifier == identifier("alice"));
    assert_eq!(own.count(), 2);
    assert_eq!(scene.join("alice"), Answer::Rejected(CommandError::AlreadyInCall));
}

#[test]
fn each_endpoint_in_the_call_is_attached_before_and_detached_after() {
    let mut scene = Scene::joined(&["alice", "bob"]);
    scene.act("bob", Action::HangUp);
    let bob: Vec<_> = scene
        .commands
        .iter()
        .filter_map(|command| match command {
            EndpointCommand::Attach { endpoint, .. } => Some((endpoint, "attach")),
            EndpointCommand::Detach { endpoint, .. } => Some((endpoint, "detach")),
            EndpointCommand::Ring { .. } | EndpointCommand::StopRinging { .. } => None,
        })
        .filter(|(name, _)| **name == endpoint("bob"))
        .map(|(_, what)| what)
        .collect();
    assert_eq!(bob, ["attach", "detach"]);
}

#[test]
fn an_endpoint_that_registers_after_the_answer_does_not_ring() {
    let mut scene = Scene::connected();
    scene.signal(Signal::EndpointRegistered {
        identifier: identifier("bob"),
        endpoint: endpoint("b2"),
    });
    assert_eq!(scene.ringing(), []);
}

#[test]
fn rst_who_is_taken_out_of_the_chat_is_taken_out_of_the_call() {
    let mut scene = Scene::joined(&["alice", "bob", "charlie"]);
    scene.add("alice", "dan");
    scene.signal(Signal::ThreadLeft { identifier: identifier("bob") });
    scene.signal(Signal::ThreadLeft { identifier: identifier("dan") });
    scene.signal(Signal::ThreadLeft { identifier: identifier("eve") });
    assert!(scene.participants("bob").is_none() && scene.participants("dan").is_none());
    assert_eq!(scene.detaches(), [(endpoint("bob"), EndReason::REMOVED)]);
    assert_eq!(scene.stops(), [(endpoint("dan"), EndReason::CANCELED)]);
    assert_eq!(scene.answer("alice", "op-4"), failed(EndReason::CANCELED));
    assert_eq!(scene.state("charlie"), Some(CallState::Connected));
}
