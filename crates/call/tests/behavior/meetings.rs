//! Calls of meetings: only the meeting lets somebody in, and the lobby keeps media out.

use trunkline_call::{
    Action, Actor, CallConfig, CallState, Command, CommandError, EndpointCommand, Entry, EventKind,
    Input, MediaMode, MediaRights, MeetingInput, Origin, StreamKind, Transfer,
};
use trunkline_reasons::EndReason;
use trunkline_testkit::build::{app_user, endpoint, operation};

use crate::scene::{Answer, SUCCEEDED, Scene, by_name, failed, invite};

fn scene() -> Scene {
    Scene::new(Origin::Meeting, CallConfig::default())
}

fn enter(scene: &mut Scene, name: &str, entry: Entry) {
    let actor = Actor { identifier: app_user(name), endpoint: endpoint(name) };
    scene.input(Input::Meeting(MeetingInput::Join {
        actor,
        operation_id: operation("join"),
        display_name: None,
        media: MediaMode::PeerConnection,
        entry,
        rights: MediaRights::ALL,
    }));
}

/// Whoever is named is in the meeting, with media.
fn attended(names: &[&str]) -> Scene {
    let mut scene = scene();
    for name in names {
        enter(&mut scene, name, Entry::Direct);
        scene.media_up(name);
        assert_eq!(scene.state(name), Some(CallState::Connected));
    }
    scene
}

fn admit(scene: &mut Scene, name: &str) {
    let rights = MediaRights::ALL;
    scene.input(Input::Meeting(MeetingInput::Admit { endpoint: endpoint(name), rights }));
}

fn attaches(scene: &Scene, name: &str) -> Vec<bool> {
    scene
        .commands
        .iter()
        .filter_map(|command| match command {
            EndpointCommand::Attach { endpoint: at, is_in_lobby, .. } if *at == endpoint(name) => {
                Some(*is_in_lobby)
            }
            _ => None,
        })
        .collect()
}

#[test]
fn mtg_who_waits_goes_from_the_lobby_to_connected_and_media_only_then() {
    let mut scene = attended(&["alice"]);
    enter(&mut scene, "guest", Entry::Lobby);
    assert_eq!(scene.state("guest"), Some(CallState::InLobby));
    scene.media_up("guest");
    assert_eq!(scene.state("guest"), Some(CallState::InLobby));
    assert!(!scene.publishes("guest", StreamKind::Audio) && !scene.receives("guest"));
    assert_eq!(attaches(&scene, "guest"), [true]);
    assert_eq!(scene.answer("guest", "join"), Answer::Running);

    let guest = scene.participant("guest");
    admit(&mut scene, "guest");
    assert_eq!(scene.state("guest"), Some(CallState::Connected));
    assert!(scene.publishes("guest", StreamKind::Audio) && scene.receives("guest"));
    assert_eq!(attaches(&scene, "guest"), [true, false]);
    assert_eq!(scene.answer("guest", "join"), SUCCEEDED);
    let path = [CallState::Connecting, CallState::InLobby, CallState::Connected];
    assert_eq!(scene.states_of(guest), path);
}

#[test]
fn mtg_admission_before_media_is_up_waits_for_the_media() {
    let mut scene = attended(&["alice"]);
    enter(&mut scene, "guest", Entry::Lobby);
    admit(&mut scene, "guest");
    assert_eq!(scene.state("guest"), Some(CallState::InLobby));
    scene.media_up("guest");
    assert_eq!(scene.state("guest"), Some(CallState::Connected));
}

#[test]
fn mtg_who_is_turned_away_leaves_by_the_reason_and_nobody_else_does() {
    let mut scene = attended(&["alice"]);
    enter(&mut scene, "guest", Entry::Lobby);
    let reason = EndReason::LOBBY_DISMISSED;
    scene.input(Input::Meeting(MeetingInput::End { endpoint: endpoint("guest"), reason }));
    assert_eq!(scene.state("guest"), None);
    assert_eq!(scene.answer("guest", "join"), failed(reason));
    assert_eq!(scene.detaches(), [(endpoint("guest"), reason)]);
    assert_eq!(scene.state("alice"), Some(CallState::Connected));
}

#[test]
fn mtg_no_command_leads_past_the_lobby() {
    let mut scene = attended(&["alice"]);
    enter(&mut scene, "guest", Entry::Lobby);
    scene.media_up("guest");
    let media = MediaMode::PeerConnection;
    let actions = [
        Action::Join { display_name: None, media },
        Action::Accept { display_name: None, media },
        Action::Place { targets: vec![invite("x", &["x"])], display_name: None, media },
        Action::Hold,
        Action::Resume,
        Action::StartScreenShare,
        Action::AddParticipant(invite("x", &["x"])),
        Action::MuteParticipant(by_name("alice")),
        Action::RemoveParticipant(by_name("alice")),
        Action::MuteAllOthers,
        Action::HangUpForEveryone,
        Action::Cancel,
        Action::Reject,
        Action::Transfer(Transfer { target: invite("x", &["x"]), transferee: None }),
    ];
    for action in actions {
        let answer = scene.act("guest", action.clone());
        assert!(matches!(answer, Answer::Rejected(_)), "{action:?}: {answer:?}");
        assert_eq!(scene.state("guest"), Some(CallState::InLobby));
        assert!(!scene.receives("guest"));
    }
    // Somebody else's join is no way in, either.
    let join = Action::Join { display_name: None, media };
    assert!(matches!(
        scene.act("eve", join),
        Answer::Rejected(CommandError::UnsupportedKind { .. })
    ));
    assert_eq!(scene.act("guest", Action::HangUp), SUCCEEDED);
}

#[test]
fn mtg_what_concerns_others_is_done_only_when_the_meeting_allows_it() {
    let mut scene = attended(&["alice", "bob"]);
    let mute = Action::MuteParticipant(by_name("bob"));
    let refused = Answer::Rejected(CommandError::MeetingDecides);
    assert_eq!(scene.act_as("alice", "alice", "m1", mute.clone()), refused);
    // The refusal is remembered under the name of the operation.
    let command = |id| Command {
        actor: Actor { identifier: app_user("alice"), endpoint: endpoint("alice") },
        operation_id: operation(id),
        action: mute.clone(),
    };
    scene.input(Input::Meeting(MeetingInput::Act(command("m1"))));
    assert!(!scene.participants("bob").unwrap().is_muted);
    scene.input(Input::Meeting(MeetingInput::Act(command("m2"))));
    assert_eq!(scene.answer("alice", "m2"), SUCCEEDED);
    assert!(scene.participants("bob").unwrap().is_muted);
}

#[test]
fn mtg_rights_taken_away_stop_what_is_on_and_come_back_off() {
    let mut scene = attended(&["alice", "bob"]);
    scene.act("bob", Action::StartVideo);
    scene.act("bob", Action::StartScreenShare);
    let none = MediaRights::NONE;
    let rights = |rights| MeetingInput::SetRights { endpoint: endpoint("bob"), rights };
    scene.input(Input::Meeting(rights(none)));
    let bob = scene.participants("bob").unwrap();
    assert!(bob.is_muted && !bob.is_video_on && !bob.is_screen_sharing_on);
    for kind in StreamKind::ALL {
        assert!(!scene.publishes("bob", kind), "{kind:?}");
    }
    for (action, stream) in [
        (Action::Unmute, StreamKind::Audio),
        (Action::StartVideo, StreamKind::Camera),
        (Action::StartScreenShare, StreamKind::Screen),
    ] {
        assert_eq!(scene.act("bob", action), Answer::Rejected(CommandError::NotAllowed { stream }));
    }
    scene.input(Input::Meeting(rights(MediaRights::ALL)));
    assert!(scene.participants("bob").unwrap().is_muted, "rights do not unmute by themselves");
    assert_eq!(scene.act("bob", Action::Unmute), SUCCEEDED);
    assert!(scene.publishes("bob", StreamKind::Audio));
}

#[test]
fn mtg_the_end_reaches_the_lobby_too_and_an_empty_meeting_call_is_over() {
    let mut scene = attended(&["alice"]);
    enter(&mut scene, "guest", Entry::Lobby);
    let reason = EndReason::ENDED_FOR_EVERYONE;
    scene.input(Input::Meeting(MeetingInput::EndCall { reason }));
    scene.assert_over(reason);
    assert_eq!(scene.end_reasons(), [reason; 2]);

    let mut scene = attended(&["alice", "bob"]);
    scene.act("alice", Action::HangUp);
    assert!(!scene.call.is_ended());
    scene.act("bob", Action::HangUp);
    scene.assert_over(EndReason::ONLY_ONE_LEFT);
    let ended = scene.events.iter().filter(|e| matches!(e.kind, EventKind::CallEnded { .. }));
    assert_eq!(ended.count(), 1);
}

#[test]
fn mtg_a_repeated_join_is_answered_once_more_and_enters_once() {
    let mut scene = attended(&["alice"]);
    enter(&mut scene, "alice", Entry::Direct);
    assert_eq!((scene.repeated, scene.call.participants().len()), (1, 1));
}
