//! Blind transfers: somebody hands its place to a target, or keeps it.

use std::time::Duration;

use trunkline_call::{
    Action, CallConfig, CallKind, CallState, CommandError, Event, EventKind, Invite, Limits,
    MediaMode, Origin, ParticipantSelector, Signal, StreamKind, Transfer, TransferState,
};
use trunkline_ids::ParticipantId;
use trunkline_reasons::EndReason;
use trunkline_testkit::build::{endpoint, group_id};

use crate::scene::{Answer, SUCCEEDED, Scene, by_name, failed, identifier, invite};

/// Alice transfers bob to charlie, whose endpoint rings.
fn transferring() -> Scene {
    let mut scene = Scene::connected();
    assert_eq!(scene.transfer("alice", "charlie"), Answer::Running);
    scene.signal(Signal::EndpointRinging { endpoint: endpoint("charlie") });
    scene
}

fn come(scene: &mut Scene, name: &str) {
    scene.accept(name);
    scene.media_up(name);
}

/// The answer to the operation that was asked for before the last `later` ones.
fn answer_before(scene: &Scene, name: &str, later: usize) -> Answer {
    scene.answer(name, &format!("op-{}", scene.operations() - later))
}

fn failures(scene: &Scene) -> Vec<EndReason> {
    let reason = |event: &Event| match &event.kind {
        EventKind::TransferStateChanged { reason, .. } => *reason,
        _ => None,
    };
    scene.events.iter().filter_map(reason).collect()
}

/// Checks that nothing is left of a transfer by alice that failed: she talks to bob as before.
fn assert_unchanged(scene: &Scene, reason: EndReason) {
    assert_eq!(failures(scene), [reason]);
    assert_eq!(scene.transfers(TransferState::Accepted), []);
    assert_eq!(scene.participants("charlie"), None);
    assert_eq!(scene.participants("alice").unwrap().transferring_to, None);
    for name in ["alice", "bob"] {
        assert_eq!(scene.state(name), Some(CallState::Connected));
        assert!(scene.publishes(name, StreamKind::Audio) && scene.receives(name));
    }
    assert_eq!(scene.call.kind(), CallKind::OneToOne);
    assert_eq!((scene.call.timer_count(), scene.call.pending_operation_count()), (0, 0));
    assert_eq!(scene.ringing(), []);
}

#[test]
fn mid7_the_target_takes_the_place_of_the_transferor_in_a_one_to_one_call() {
    let mut scene = transferring();
    let [alice, bob, charlie] = ["alice", "bob", "charlie"].map(|name| scene.participant(name));
    assert_eq!(scene.participants("alice").unwrap().transferring_to, Some(charlie));
    assert_eq!(scene.state("alice"), Some(CallState::Connected), "until the target is there");
    scene.accept("charlie");
    assert_eq!(scene.state("alice"), Some(CallState::Connected));
    scene.media_up("charlie");
    assert_eq!(scene.detaches(), [(endpoint("alice"), EndReason::TRANSFERRED)]);
    assert_eq!(scene.participants("alice"), None);
    assert_eq!(scene.participant("bob"), bob);
    for name in ["bob", "charlie"] {
        assert_eq!(scene.state(name), Some(CallState::Connected));
        assert!(scene.publishes(name, StreamKind::Audio) && scene.receives(name));
    }
    let bobs = [CallState::Connecting, CallState::Ringing, CallState::Connected];
    assert_eq!(scene.states_of(bob), bobs, "connected throughout");
    assert_eq!(scene.transfers(TransferState::Accepted), [charlie]);
    assert_eq!(failures(&scene), []);
    assert_eq!(scene.call.kind(), CallKind::OneToOne);
    assert_eq!(scene.call.pending_operation_count(), 0);
    let told = scene.events.iter().find_map(|event| match event.kind {
        EventKind::TransferStateChanged {
            transferor,
            transferee,
            to: TransferState::Accepted,
            ..
        } => Some((transferor, transferee)),
        _ => None,
    });
    assert_eq!(told, Some((alice, Some(bob))));
    // They are two like any two: when one leaves, both are told why.
    scene.act("charlie", Action::HangUp);
    scene.assert_over(EndReason::HUNG_UP);
}

#[test]
fn mid7_the_transferor_hears_the_end_of_the_transfer_before_that_of_its_connection() {
    let mut scene = transferring();
    let alice = scene.participant("alice");
    come(&mut scene, "charlie");
    assert_eq!(answer_before(&scene, "alice", 1), SUCCEEDED);
    let position = |wanted: &dyn Fn(&EventKind) -> bool| {
        scene.events.iter().rposition(|event| wanted(&event.kind)).unwrap()
    };
    let accepted = position(&|kind| {
        matches!(kind, EventKind::TransferStateChanged { to: TransferState::Accepted, .. })
    });
    let completed = position(
        &|kind| matches!(kind, EventKind::OperationCompleted { endpoint: own, .. } if *own == endpoint("alice")),
    );
    let over = position(&|kind| {
        matches!(kind, EventKind::ConnectionStateChanged { participant_id, to: CallState::Disconnecting, end_reason, .. }
            if *participant_id == alice && *end_reason == Some(EndReason::TRANSFERRED))
    });
    assert!(accepted < completed && completed < over);
}

#[test]
fn mid7_the_invitation_says_who_transfers_and_that_two_will_talk() {
    let scene = transferring();
    let invitation = scene.commands.iter().rev().find_map(|command| match command {
        trunkline_call::EndpointCommand::Ring { invitation, .. } => Some(invitation),
        _ => None,
    });
    let invitation = invitation.unwrap();
    assert_eq!(invitation.callee, identifier("charlie"));
    assert_eq!(invitation.caller, identifier("alice"));
    assert_eq!(invitation.kind, CallKind::OneToOne);
}

#[test]
fn mid7_a_target_that_does_not_come_leaves_the_call_as_it_was() {
    type Mishap = (EndReason, fn(&mut Scene));
    let mishaps: [Mishap; 7] = [
        (EndReason::DECLINED, |scene| {
            scene.act("charlie", Action::Reject);
        }),
        (EndReason::BUSY_EVERYWHERE, |scene| {
            scene.signal(Signal::EndpointBusy { endpoint: endpoint("charlie") });
        }),
        (EndReason::ENDPOINT_UNREACHABLE, |scene| {
            scene.signal(Signal::EndpointGone { endpoint: endpoint("charlie") });
        }),
        (EndReason::DECLINED_BY_ALL_ENDPOINTS, |scene| {
            scene.signal(Signal::EndpointDeclined { endpoint: endpoint("charlie") });
        }),
        (EndReason::NOT_ACCEPTED_IN_TIME, |scene| scene.pass(60)),
        (EndReason::SET_UP_NOT_FINISHED, |scene| {
            scene.accept("charlie");
            scene.pass(40);
        }),
        (EndReason::CANCELED, |scene| {
            scene.act("alice", Action::CancelAddParticipant(by_name("charlie")));
        }),
    ];
    for (reason, happen) in mishaps {
        let mut scene = transferring();
        let operation = scene.operations();
        happen(&mut scene);
        assert_unchanged(&scene, reason);
        let later = scene.operations() - operation;
        assert_eq!(answer_before(&scene, "alice", later), failed(reason));
        assert_eq!(scene.transfer("alice", "charlie"), Answer::Running, "it may be tried again");
    }
}

#[test]
fn mid7_a_target_without_an_endpoint_fails_the_transfer_at_once() {
    let mut scene = Scene::connected();
    let target = invite("charlie", &[]);
    let answer = scene.act("alice", Action::Transfer(Transfer { target, transferee: None }));
    assert_eq!(answer, failed(EndReason::NO_REGISTERED_ENDPOINT));
    assert_unchanged(&scene, EndReason::NO_REGISTERED_ENDPOINT);
}

#[test]
fn mid7_the_target_rings_for_a_minute_and_no_longer_whatever_is_asked() {
    let mut scene = Scene::connected();
    let target =
        Invite { ring_for: Some(Duration::from_secs(180)), ..invite("charlie", &["charlie"]) };
    scene.act("alice", Action::Transfer(Transfer { target, transferee: None }));
    scene.pass(59);
    assert_eq!(scene.ringing(), [endpoint("charlie")]);
    scene.pass(1);
    assert_unchanged(&scene, EndReason::NOT_ACCEPTED_IN_TIME);

    let target = Invite { ring_for: Some(Duration::from_secs(5)), ..invite("dan", &["dan"]) };
    scene.act("alice", Action::Transfer(Transfer { target, transferee: None }));
    scene.pass(5);
    assert_eq!(scene.ringing(), []);
}

#[test]
fn mid7_a_transferor_transfers_to_one_target_at_a_time() {
    let mut scene = transferring();
    let target = scene.participant("charlie");
    assert_eq!(
        scene.transfer("alice", "dan"),
        Answer::Rejected(CommandError::TransferInProgress { target })
    );
    assert_eq!(CommandError::TransferInProgress { target }.reason(), EndReason::CONFLICT);
    assert_eq!(scene.ringing(), [endpoint("charlie")]);
}

#[test]
fn mid7_a_transfer_goes_on_when_the_transferor_hangs_up() {
    let mut scene = transferring();
    let charlie = scene.participant("charlie");
    assert_eq!(scene.act("alice", Action::HangUp), SUCCEEDED);
    assert_eq!(scene.detaches(), [(endpoint("alice"), EndReason::HUNG_UP)], "ended normally");
    assert_eq!(scene.state("bob"), Some(CallState::Connected));
    assert_eq!(scene.ringing(), [endpoint("charlie")]);
    come(&mut scene, "charlie");
    assert_eq!(scene.transfers(TransferState::Accepted), [charlie]);
    for name in ["bob", "charlie"] {
        assert_eq!(scene.state(name), Some(CallState::Connected));
        assert!(scene.publishes(name, StreamKind::Audio) && scene.receives(name));
    }
}

#[test]
fn mid7_the_transferee_of_a_transferor_who_hung_up_is_told_why_nobody_comes() {
    let mut scene = transferring();
    scene.act("alice", Action::HangUp);
    scene.act("charlie", Action::Reject);
    assert_eq!(failures(&scene), [EndReason::DECLINED]);
    scene.assert_over(EndReason::DECLINED);
    assert_eq!(scene.detaches()[1], (endpoint("bob"), EndReason::DECLINED));
}

#[test]
fn mid7_a_transfer_fails_when_the_transferee_leaves_first() {
    for hangs_up_first in [false, true] {
        for has_accepted in [false, true] {
            let mut scene = transferring();
            if has_accepted {
                scene.accept("charlie");
            }
            if hangs_up_first {
                scene.act("alice", Action::HangUp);
            }
            scene.act("bob", Action::HangUp);
            assert_eq!(failures(&scene), [EndReason::CANCELED]);
            scene.assert_over(EndReason::HUNG_UP);
        }
    }
}

#[test]
fn mid7_both_sides_may_transfer_at_once() {
    let mut scene = Scene::connected();
    assert_eq!(scene.transfer("alice", "charlie"), Answer::Running);
    assert_eq!(scene.transfer("bob", "dan"), Answer::Running);
    let [charlie, dan] = ["charlie", "dan"].map(|name| scene.participant(name));
    come(&mut scene, "charlie");
    assert_eq!(scene.state("bob"), Some(CallState::Connected));
    // Charlie has the place of alice, also as the one whom bob hands over.
    come(&mut scene, "dan");
    assert_eq!(scene.transfers(TransferState::Accepted), [charlie, dan]);
    assert_eq!(scene.end_reasons(), [EndReason::TRANSFERRED; 2]);
    for name in ["charlie", "dan"] {
        assert_eq!(scene.state(name), Some(CallState::Connected));
    }
}

#[test]
fn mid7_holds_and_mutes_stay_what_they_are() {
    for holder in ["alice", "bob"] {
        let mut scene = Scene::connected();
        scene.act("bob", Action::Mute);
        scene.act(holder, Action::Hold);
        assert_eq!(scene.transfer("alice", "charlie"), Answer::Running);
        let shown = |scene: &Scene| ["alice", "bob"].map(|name| scene.state(name).unwrap());
        let wanted = match holder {
            "alice" => [CallState::LocalHold, CallState::RemoteHold],
            _ => [CallState::RemoteHold, CallState::LocalHold],
        };
        assert_eq!(shown(&scene), wanted, "while the target rings");
        come(&mut scene, "charlie");
        let wanted = match holder {
            // The hold was alice's, and went with her.
            "alice" => [CallState::Connected, CallState::Connected],
            _ => [CallState::LocalHold, CallState::RemoteHold],
        };
        assert_eq!(["bob", "charlie"].map(|name| scene.state(name).unwrap()), wanted);
        assert!(scene.participants("bob").unwrap().is_muted);
        assert!(!scene.publishes("bob", StreamKind::Audio));
    }
}

#[test]
fn mid7_somebody_who_is_added_meanwhile_stays_with_the_two() {
    let mut scene = transferring();
    scene.add("bob", "dan");
    come(&mut scene, "dan");
    assert_eq!(scene.call.kind(), CallKind::Group);
    come(&mut scene, "charlie");
    assert_eq!(scene.participants("alice"), None);
    for name in ["bob", "charlie", "dan"] {
        assert_eq!(scene.state(name), Some(CallState::Connected));
    }
}

#[test]
fn mid8_the_target_takes_the_place_of_the_transferor_in_a_group() {
    let mut scene = Scene::joined(&["alice", "bob", "dan"]);
    assert_eq!(scene.transfer("alice", "charlie"), Answer::Running);
    let charlie = scene.participant("charlie");
    come(&mut scene, "charlie");
    assert_eq!(scene.detaches(), [(endpoint("alice"), EndReason::TRANSFERRED)]);
    assert_eq!(scene.transfers(TransferState::Accepted), [charlie]);
    for name in ["bob", "charlie", "dan"] {
        assert_eq!(scene.state(name), Some(CallState::Connected));
        assert!(scene.publishes(name, StreamKind::Audio) && scene.receives(name));
    }
    assert_eq!(scene.call.kind(), CallKind::Group);
}

#[test]
fn mid8_a_target_that_does_not_come_leaves_the_group_as_it_was() {
    let mut scene = Scene::joined(&["alice", "bob"]);
    scene.transfer("alice", "charlie");
    scene.act("charlie", Action::Reject);
    assert_eq!(failures(&scene), [EndReason::DECLINED]);
    for name in ["alice", "bob"] {
        assert_eq!(scene.state(name), Some(CallState::Connected));
    }
}

#[test]
fn mid8_a_transfer_from_a_group_fails_when_the_named_transferee_leaves_first() {
    let mut scene = Scene::joined(&["alice", "bob", "dan"]);
    let target = invite("charlie", &["charlie"]);
    let transferee = Some(by_name("bob"));
    scene.act("alice", Action::Transfer(Transfer { target, transferee }));
    scene.act("dan", Action::HangUp);
    assert_eq!(failures(&scene), []);
    scene.act("bob", Action::HangUp);
    assert_eq!(failures(&scene), [EndReason::CANCELED]);
    assert_eq!(scene.ringing(), []);
    assert_eq!(scene.state("alice"), Some(CallState::Connected));
}

#[test]
fn mid8_a_transfer_from_a_group_fails_when_nobody_else_is_left() {
    let mut scene = Scene::joined(&["alice", "bob", "dan"]);
    scene.transfer("alice", "charlie");
    scene.act("bob", Action::HangUp);
    assert_eq!(failures(&scene), []);
    scene.act("dan", Action::HangUp);
    assert_eq!(failures(&scene), [EndReason::CANCELED]);
    assert_eq!(scene.ringing(), []);

    let mut scene = Scene::placed();
    scene.place("alice", &["bob", "dan"]);
    for name in ["bob", "dan"] {
        come(&mut scene, name);
    }
    scene.media_up("alice");
    scene.transfer("alice", "charlie");
    scene.act("bob", Action::HangUp);
    scene.act("dan", Action::HangUp);
    scene.assert_over(EndReason::ONLY_ONE_LEFT);
}

#[test]
fn mid8_a_transfer_from_a_group_goes_on_when_the_transferor_hangs_up() {
    let mut scene = Scene::joined(&["alice", "bob"]);
    scene.transfer("alice", "charlie");
    scene.act("alice", Action::HangUp);
    come(&mut scene, "charlie");
    assert_eq!(scene.transfers(TransferState::Accepted).len(), 1);
    assert_eq!(scene.end_reasons(), [EndReason::HUNG_UP]);
}

#[test]
fn mid7_what_cannot_be_transferred_is_refused_with_the_reason() {
    let refuse = |scene: &mut Scene, name: &str, target: &str, transferee: Option<&str>| {
        let target = invite(target, &[target]);
        let transferee: Option<ParticipantSelector> = transferee.map(by_name);
        match scene.act(name, Action::Transfer(Transfer { target, transferee })) {
            Answer::Rejected(error) => error,
            other => panic!("not refused: {other:?}"),
        }
    };
    let mut scene = Scene::connected();
    let bob: ParticipantId = scene.participant("bob");
    let already = CommandError::AlreadyParticipant { participant_id: bob };
    assert_eq!(refuse(&mut scene, "alice", "bob", None), already);
    assert_eq!(refuse(&mut scene, "alice", "alice", None), CommandError::TargetIsActor);
    assert_eq!(refuse(&mut scene, "alice", "dan", Some("alice")), CommandError::TargetIsActor);
    let nobody = CommandError::ParticipantNotFound;
    assert_eq!(refuse(&mut scene, "alice", "dan", Some("eve")), nobody);
    assert_eq!(refuse(&mut scene, "eve", "dan", None), CommandError::NotInCall);
    scene.add("alice", "charlie");
    let ringing = CommandError::NotConnected { state: CallState::Connecting };
    assert_eq!(refuse(&mut scene, "alice", "dan", Some("charlie")), ringing);
    assert_eq!(scene.transfers(TransferState::Transferring), []);

    let mut scene = Scene::joined(&["alice"]);
    let alone = CommandError::NobodyToTransfer;
    assert_eq!(refuse(&mut scene, "alice", "dan", None), alone);

    let mut scene = Scene::placed();
    scene.place("alice", &["bob"]);
    let early = CommandError::NotConnected { state: CallState::Connecting };
    assert_eq!(refuse(&mut scene, "alice", "dan", None), early);

    let limits = Limits { participants: 2, ..Limits::default() };
    let config = CallConfig { limits, ..CallConfig::default() };
    let mut scene = Scene::new(Origin::GroupId(group_id(1)), config);
    for name in ["alice", "bob"] {
        scene.join(name);
        scene.media_up(name);
    }
    let full = CommandError::TooManyParticipants { limit: 2, requested: 3 };
    assert_eq!(refuse(&mut scene, "alice", "dan", None), full);
}

#[test]
fn mid7_a_repeated_transfer_calls_nobody_twice() {
    let mut scene = Scene::connected();
    let target = invite("charlie", &["charlie"]);
    let action = Action::Transfer(Transfer { target, transferee: None });
    scene.act_as("alice", "alice", "transfer", action.clone());
    scene.act_as("alice", "alice", "transfer", action);
    assert_eq!((scene.ringing().len(), scene.repeated), (1, 1));
}

#[test]
fn mid7_a_controller_without_media_transfers_and_is_transferred_to() {
    let mut scene = Scene::placed();
    let media = MediaMode::SignalingOnly;
    let targets = vec![invite("bob", &["bob"])];
    scene.act("alice", Action::Place { targets, display_name: None, media });
    scene.act("bob", Action::Accept { display_name: None, media });
    scene.transfer("alice", "charlie");
    scene.act("charlie", Action::Accept { display_name: None, media });
    assert_eq!(scene.end_reasons(), [EndReason::TRANSFERRED]);
    assert_eq!(scene.state("charlie"), Some(CallState::Connected));
}
