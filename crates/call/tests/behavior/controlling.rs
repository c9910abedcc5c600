//! Mute, video, screen share, repeated operations, and the feed.

use trunkline_call::{
    Action, CallConfig, CommandError, EventKind, Limits, Origin, Roster, SnapshotRequired,
    StreamKind,
};
use trunkline_reasons::EndReason;
use trunkline_testkit::build::group_id;

use crate::scene::{Answer, SUCCEEDED, Scene, by_name};

#[test]
fn muting_drops_the_audio_at_the_server() {
    let mut scene = Scene::connected();
    scene.act("alice", Action::Mute);
    assert!(!scene.publishes("alice", StreamKind::Audio));
    assert!(scene.receives("alice"), "who is muted still hears");
    scene.act("alice", Action::Unmute);
    assert!(scene.publishes("alice", StreamKind::Audio));
}

#[test]
fn who_was_muted_by_another_may_unmute_and_sees_who_it_was() {
    let mut scene = Scene::connected();
    assert_eq!(scene.act("alice", Action::MuteParticipant(by_name("bob"))), SUCCEEDED);
    assert!(!scene.publishes("bob", StreamKind::Audio));
    let told = scene.events.iter().find_map(|event| match event.kind {
        EventKind::ParticipantMuteChanged { participant_id, is_muted, by } => {
            Some((participant_id, is_muted, by))
        }
        _ => None,
    });
    assert_eq!(told, Some((scene.participant("bob"), true, scene.participant("alice"))));
    assert_eq!(scene.act("bob", Action::Unmute), SUCCEEDED);
    assert!(scene.publishes("bob", StreamKind::Audio));
}

#[test]
fn muting_all_others_spares_the_one_who_asked() {
    let mut scene = Scene::joined(&["alice", "bob", "charlie"]);
    scene.act("bob", Action::MuteAllOthers);
    assert!(!scene.publishes("alice", StreamKind::Audio));
    assert!(scene.publishes("bob", StreamKind::Audio));
    assert!(!scene.publishes("charlie", StreamKind::Audio));
}

#[test]
fn nothing_is_published_before_the_call_is_connected() {
    let mut scene = Scene::placed();
    scene.place("alice", &["bob"]);
    scene.media_up("alice");
    assert!(!scene.publishes("alice", StreamKind::Audio));
    assert!(!scene.receives("alice"));
}

#[test]
fn video_starts_once_and_stops_once() {
    let mut scene = Scene::connected();
    assert_eq!(scene.act("alice", Action::StartVideo), SUCCEEDED);
    assert!(scene.publishes("alice", StreamKind::Camera));
    assert_eq!(
        scene.act("alice", Action::StartVideo),
        Answer::Rejected(CommandError::VideoAlreadyStarted)
    );
    assert_eq!(scene.act("alice", Action::StopVideo), SUCCEEDED);
    assert!(!scene.publishes("alice", StreamKind::Camera));
    assert_eq!(
        scene.act("alice", Action::StopVideo),
        Answer::Rejected(CommandError::VideoAlreadyStopped)
    );
}

#[test]
fn video_may_be_on_before_the_call_is_connected() {
    let mut scene = Scene::placed();
    scene.place("alice", &["bob"]);
    assert_eq!(scene.act("alice", Action::StartVideo), SUCCEEDED);
    scene.accept("bob");
    scene.media_up("alice");
    scene.media_up("bob");
    assert!(scene.publishes("alice", StreamKind::Camera));
}

#[test]
fn one_participant_at_a_time_shares_its_screen() {
    let mut scene = Scene::joined(&["alice", "bob"]);
    assert_eq!(scene.act("alice", Action::StartScreenShare), SUCCEEDED);
    assert!(scene.publishes("alice", StreamKind::Screen));
    let by = scene.participant("alice");
    assert_eq!(
        scene.act("bob", Action::StartScreenShare),
        Answer::Rejected(CommandError::ScreenShareTaken { by })
    );
    assert_eq!(
        scene.act("bob", Action::StopScreenShare),
        Answer::Rejected(CommandError::ScreenShareAlreadyStopped)
    );
    assert_eq!(scene.act("alice", Action::StopScreenShare), SUCCEEDED);
    assert_eq!(scene.act("bob", Action::StartScreenShare), SUCCEEDED);
    scene.act("bob", Action::HangUp);
    assert_eq!(scene.act("alice", Action::StartScreenShare), SUCCEEDED, "bob took it with him");
}

#[test]
fn the_screen_is_shared_only_while_connected() {
    let mut scene = Scene::placed();
    scene.place("alice", &["bob"]);
    let Answer::Rejected(error) = scene.act("alice", Action::StartScreenShare) else {
        panic!("sharing before Connected is refused");
    };
    assert_eq!(error.reason(), EndReason::SCREEN_SHARE_NOT_CONNECTED);
}

#[test]
fn a_repeated_command_is_not_run_again() {
    let mut scene = Scene::connected();
    scene.act_as("alice", "alice", "mine", Action::Mute);
    let events = scene.events.len();
    scene.act_as("alice", "alice", "mine", Action::Unmute);
    assert_eq!((scene.events.len(), scene.repeated), (events, 1));
    assert!(scene.participants("alice").unwrap().is_muted);
    // Another endpoint may use the same name for an operation of its own.
    assert_eq!(scene.act_as("bob", "bob", "mine", Action::Mute), SUCCEEDED);
    assert!(scene.participants("bob").unwrap().is_muted);
}

#[test]
fn a_refused_command_stays_refused_when_repeated() {
    let mut scene = Scene::group();
    scene.act_as("alice", "alice", "early", Action::Mute);
    scene.join("alice");
    let again = scene.act_as("alice", "alice", "early", Action::Mute);
    assert_eq!(again, Answer::Rejected(CommandError::NotInCall));
    assert!(!scene.participants("alice").unwrap().is_muted);
}

#[test]
fn a_running_operation_is_not_started_twice() {
    let mut scene = Scene::group();
    let join =
        Action::Join { display_name: None, media: trunkline_call::MediaMode::PeerConnection };
    scene.act_as("alice", "alice", "join", join.clone());
    scene.act_as("alice", "alice", "join", join);
    assert_eq!((scene.call.participants().len(), scene.repeated), (1, 1));
}

#[test]
fn a_subscriber_resumes_from_its_cursor_without_gap_or_duplicate() {
    let mut scene = Scene::joined(&["alice", "bob"]);
    let snapshot = scene.call.snapshot();
    let mut roster = Roster::new(&snapshot);
    scene.act("alice", Action::Mute);
    scene.join("charlie");
    scene.act("bob", Action::HangUp);
    for event in scene.call.events_since(snapshot.seq).unwrap() {
        assert_eq!(roster.apply(event), Ok(true));
    }
    assert_eq!(roster, Roster::new(&scene.call.snapshot()));
    for event in scene.call.events_since(snapshot.seq).unwrap() {
        assert_eq!(roster.apply(event), Ok(false), "seen before");
    }
}

#[test]
fn a_subscriber_that_was_away_too_long_needs_a_snapshot() {
    let limits = Limits { feed_events: 5, ..Limits::default() };
    let config = CallConfig { limits, ..CallConfig::default() };
    let mut scene = Scene::new(Origin::GroupId(group_id(1)), config);
    scene.join("alice");
    scene.media_up("alice");
    for _ in 0..5 {
        scene.act("alice", Action::Mute);
        scene.act("alice", Action::Unmute);
    }
    let last = scene.call.seq();
    let refusal = scene.call.events_since(0).map(|events| events.len());
    assert_eq!(refusal, Err(SnapshotRequired { cursor: 0, oldest: last - 4, last }));
    assert_eq!(scene.call.events_since(last - 5).unwrap().len(), 5);
}

#[test]
fn a_wall_clock_that_jumps_neither_ends_nor_prolongs_anything() {
    let mut scene = Scene::placed();
    scene.place("alice", &["bob"]);
    scene.clock.set_wall(trunkline_clock::Timestamp::UNIX_EPOCH);
    scene.pass(84);
    assert!(!scene.call.is_ended());
    scene.pass(1);
    scene.assert_over(EndReason::NOT_ACCEPTED_IN_TIME);
    assert!(scene.events.last().unwrap().at.to_string().starts_with("1970"));
}

#[test]
fn debug_of_a_call_names_nobody() {
    let scene = Scene::connected();
    let debug = format!("{:?} {:?} {:?}", scene.call, scene.call.snapshot(), scene.events);
    assert!(!debug.contains("8:acs") && !debug.contains("contoso"), "{debug}");
}
