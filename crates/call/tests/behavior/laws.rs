//! Laws that hold for every sequence of inputs, checked on random ones.

use std::{collections::BTreeSet, time::Duration};

use proptest::prelude::*;
use trunkline_call::{
    Action, CallConfig, CallState, MediaMode, Origin, ParticipantSelector, Profile, Signal,
    Transfer, TransferState,
};
use trunkline_testkit::build::{app_user, endpoint, group_id};

use crate::scene::{Scene, invite};

const NAMES: [&str; 4] = ["alice", "bob", "charlie", "dan"];

/// One step of a random life: who, and what.
#[derive(Clone, Debug)]
enum Step {
    Act(usize, usize, u8),
    Signal(usize, u8),
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..4_usize, 0..4_usize, 0..22_u8).prop_map(|(who, whom, what)| Step::Act(who, whom, what)),
        4 => (0..4_usize, 0..10_u8).prop_map(|(who, what)| Step::Signal(who, what)),
        1 => (1..130_u64).prop_map(Step::Pass),
    ];
    proptest::collection::vec(step, 0..60)
}

fn action(whom: usize, what: u8) -> Action {
    let media =
        if what.is_multiple_of(2) { MediaMode::PeerConnection } else { MediaMode::SignalingOnly };
    let name = NAMES[whom];
    let selector = ParticipantSelector::Identifier(app_user(name));
    match what {
        0 | 1 => Action::Accept { display_name: None, media },
        2 | 3 => Action::Join { display_name: None, media },
        4 => Action::AddParticipant(invite(name, &[name, "shared"])),
        5 => Action::Cancel,
        6 => Action::CancelAddParticipant(selector),
        7 => Action::HangUp,
        8 => Action::HangUpForEveryone,
        9 => Action::Hold,
        10 => Action::Resume,
        11 => Action::Mute,
        12 => Action::Unmute,
        13 => Action::MuteAllOthers,
        14 => Action::MuteParticipant(selector),
        15 => Action::Reject,
        16 => Action::RemoveParticipant(selector),
        17 => Action::StartScreenShare,
        18 => Action::StartVideo,
        19 | 20 => {
            let target = invite(name, &[name]);
            Action::Transfer(Transfer { target, transferee: None })
        }
        _ => Action::StopVideo,
    }
}

fn signal(scene: &Scene, who: usize, what: u8) -> Option<Signal> {
    let endpoint = endpoint(NAMES[who]);
    let connection_id = scene.call.connection_of(&endpoint);
    Some(match what {
        0 => Signal::EndpointRinging { endpoint },
        1 => Signal::EndpointBusy { endpoint },
        2 => Signal::EndpointGone { endpoint },
        3 => Signal::TransportLost { endpoint },
        4 => Signal::TransportResumed { endpoint },
        5 => Signal::MediaInterrupted { connection_id: connection_id? },
        6 => Signal::MediaResumed { connection_id: connection_id? },
        7 => Signal::SpeakingChanged { connection_id: connection_id?, is_speaking: true },
        _ => Signal::MediaUp { connection_id: connection_id? },
    })
}

fn check_laws(scene: &Scene) {
    let views: Vec<_> = scene.call.participants().collect();
    let established = views.iter().filter(|view| view.call_state.is_established()).count();
    assert!(views.iter().filter(|view| view.is_screen_sharing_on).count() <= 1);
    for view in &views {
        assert!(!matches!(view.call_state, CallState::None | CallState::InLobby));
        assert!(!matches!(view.call_state, CallState::Disconnecting | CallState::Disconnected));
        if view.call_state == CallState::RemoteHold {
            assert_eq!(established, 2, "RemoteHold needs exactly one remote participant");
        }
        assert!(!(view.is_muted && view.is_speaking));
        if let Some(target) = view.transferring_to {
            let target = scene.call.participant(&target).expect("the target is on its way");
            assert!(!target.call_state.is_established(), "a target that is there is one of us");
        }
    }
    let ids: BTreeSet<_> = views.iter().map(|view| view.participant_id).collect();
    assert_eq!(ids.len(), views.len());
    if scene.call.is_ended() {
        assert!(views.is_empty());
        assert_eq!((scene.call.timer_count(), scene.call.pending_operation_count()), (0, 0));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    // The scene itself checks after every step that events and snapshot agree, that seq has no gap,
    // and that no operation ends twice.
    #[test]
    fn laws_hold_after_every_step(steps in steps(), is_group: bool, is_strict: bool) {
        let profile = if is_strict { Profile::SeedTable } else { Profile::Union };
        let config = CallConfig { profile, ..CallConfig::default() };
        let origin = if is_group { Origin::GroupId(group_id(1)) } else { Origin::Placed };
        let mut scene = Scene::new(origin, config);
        if !is_group {
            scene.place("alice", &["bob"]);
        }
        for step in steps {
            match step {
                Step::Act(who, whom, what) => {
                    scene.act(NAMES[who], action(whom, what));
                }
                Step::Signal(who, what) => {
                    if let Some(signal) = signal(&scene, who, what) {
                        scene.signal(signal);
                    }
                }
                Step::Pass(seconds) => scene.pass(seconds),
            }
            check_laws(&scene);
        }
        for name in NAMES {
            scene.act(name, Action::HangUp);
            scene.act(name, Action::HangUp);
        }
        // Whoever was invited by now rings out.
        scene.pass(Duration::from_secs(180).as_secs());
        check_laws(&scene);
        for started in scene.transfers(TransferState::Transferring) {
            let ends = [TransferState::Accepted, TransferState::Failed]
                .map(|end| scene.transfers(end).iter().filter(|target| **target == started).count());
            prop_assert_eq!(ends.iter().sum::<usize>(), 1, "each transfer ends once");
        }
        prop_assert!(scene.call.is_ended() || scene.call.is_fresh());
    }
}
