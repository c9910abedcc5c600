//! Who may do what, and the reason when something is not allowed.

use trunkline_interop::{
    Action, Bearer, CallStep, Capability, JoinerKind, LobbyBypassScope, MediaRights, MeetingError,
    MeetingRole, MeetingSettings, Permission, Resolution, TargetError, resolve,
};

use crate::scene::{ALICE, BOB, GUEST, PHONE, Scene, endpoint, id};

/// By role, in the order of [`Capability::ALL`]: `+` capable, `r` by role, `m` by the meeting.
const BY_ROLE: [(MeetingRole, &str); 5] = [
    // AddPhone AddUser Change Chat End Lobby Mute Hand Receive Remove Share Spot Video Mic React
    (MeetingRole::Attendee, "rrr+rrr++rmr+++"),
    (MeetingRole::CoOrganizer, "+++++++++++++++"),
    (MeetingRole::Consumer, "rrrrrrrr+rrrrrr"),
    (MeetingRole::Organizer, "+++++++++++++++"),
    (MeetingRole::Presenter, "++r+r++++++++++"),
];

fn letter(resolution: Resolution) -> char {
    match resolution {
        Resolution::Capable => '+',
        Resolution::FeatureNotSupported => 'f',
        Resolution::MeetingRestricted => 'm',
        Resolution::NotCapable => 'n',
        Resolution::RoleRestricted => 'r',
    }
}

fn row(bearer: Bearer<'_>) -> String {
    Capability::ALL.into_iter().map(|asked| letter(resolve(bearer, asked))).collect()
}

fn bearer(kind: JoinerKind, role: MeetingRole, settings: &MeetingSettings) -> Bearer<'_> {
    Bearer { kind, role, is_waiting: false, is_channel: false, settings }
}

#[test]
fn roles_give_what_the_table_says() {
    let settings = MeetingSettings::default();
    for (role, expected) in BY_ROLE {
        assert_eq!(row(bearer(JoinerKind::Insider, role, &settings)), expected, "{role:?}");
    }
}

#[test]
fn in_the_lobby_nobody_is_capable_of_anything() {
    let settings = MeetingSettings::default();
    for role in MeetingRole::ALL {
        for kind in JoinerKind::ALL {
            let bearer = Bearer { is_waiting: true, ..bearer(kind, role, &settings) };
            assert_eq!(row(bearer), "n".repeat(15), "{role:?} {kind:?}");
        }
    }
}

#[test]
fn a_phone_speaks_and_raises_its_hand_and_shows_nothing() {
    let settings = MeetingSettings::default();
    let row = row(bearer(JoinerKind::Phone, MeetingRole::Attendee, &settings));
    assert_eq!(row, "fffffff++ffff+f");
}

#[test]
fn the_chat_of_a_channel_is_closed_to_those_from_outside_and_media_is_not() {
    let settings = MeetingSettings::default();
    for kind in JoinerKind::ALL {
        let bearer = Bearer { is_channel: true, ..bearer(kind, MeetingRole::Presenter, &settings) };
        let expected = match kind {
            JoinerKind::Bot | JoinerKind::Insider => Resolution::Capable,
            JoinerKind::Phone => Resolution::FeatureNotSupported,
            JoinerKind::AppUser
            | JoinerKind::Federated
            | JoinerKind::Outsider
            | JoinerKind::Visitor => Resolution::MeetingRestricted,
        };
        assert_eq!(resolve(bearer, Capability::Chat), expected, "{kind:?}");
        assert_eq!(resolve(bearer, Capability::ReceiveMedia), Resolution::Capable);
        assert_eq!(resolve(bearer, Capability::UnmuteMic), Resolution::Capable);
    }
}

#[test]
fn in_a_channel_a_guest_has_media_and_gets_no_chat() {
    let open =
        MeetingSettings { lobby_bypass: LobbyBypassScope::Everyone, ..MeetingSettings::default() };
    let mut scene = Scene::with(open, |new| new.is_channel = true);
    scene.join(ALICE).succeeded();
    scene.join(GUEST).succeeded();
    assert_eq!(scene.thread_steps.len(), 1, "alice is put into it, the guest is not");
    assert!(scene.meeting.lets_media_through(&endpoint(GUEST)));
    scene.join(BOB).succeeded();
    assert_eq!(scene.thread_steps.len(), 2, "an insider is a member of the chat");
}

#[test]
fn settings_restrict_who_may_unmute_send_video_share_and_react() {
    let levels = [
        (Permission::Everyone, [true, true, true]),
        (Permission::Presenters, [false, true, true]),
        (Permission::Hosts, [false, false, true]),
    ];
    let roles = [MeetingRole::Attendee, MeetingRole::Presenter, MeetingRole::CoOrganizer];
    for (permission, expected) in levels {
        let settings = MeetingSettings {
            unmuting: permission,
            video: permission,
            sharing: permission,
            reactions: permission,
            ..MeetingSettings::default()
        };
        for (role, is_capable) in roles.into_iter().zip(expected) {
            for asked in [
                Capability::UnmuteMic,
                Capability::TurnVideoOn,
                Capability::ShareScreen,
                Capability::RaiseHand,
                Capability::UseReactions,
            ] {
                let resolution = resolve(bearer(JoinerKind::AppUser, role, &settings), asked);
                let expected =
                    if is_capable { Resolution::Capable } else { Resolution::MeetingRestricted };
                assert_eq!(resolution, expected, "{permission:?} {role:?} {asked}");
            }
        }
    }
}

#[test]
fn live_changes_reach_the_call_for_those_whose_rights_change() {
    let mut scene = Scene::new(MeetingSettings::default());
    scene.join(ALICE).succeeded();
    scene.join(BOB).succeeded();
    let before = scene.call_steps.len();
    scene.by(ALICE, Action::ChangeRole(id(BOB), MeetingRole::Attendee)).succeeded();
    let rights = MediaRights { audio: true, camera: true, screen: false };
    let step = CallStep::SetRights { endpoint: endpoint(BOB), rights };
    assert_eq!(scene.call_steps[before..], [step]);

    let quiet = MeetingSettings { unmuting: Permission::Presenters, ..MeetingSettings::default() };
    scene.by(ALICE, Action::ChangeSettings(Box::new(quiet))).succeeded();
    let rights = MediaRights { audio: false, camera: true, screen: false };
    let step = CallStep::SetRights { endpoint: endpoint(BOB), rights };
    assert_eq!(scene.call_steps[before + 1..], [step]);
    let shown: Vec<_> = scene.meeting.capabilities(&endpoint(BOB)).unwrap().collect();
    assert!(shown.contains(&(Capability::UnmuteMic, Resolution::MeetingRestricted)));
}

#[test]
fn only_hosts_change_the_meeting_and_only_hosts_remove_hosts() {
    let mut scene = Scene::new(MeetingSettings::default());
    for user in [ALICE, BOB] {
        scene.join(user).succeeded();
    }
    for action in [
        Action::Lock,
        Action::End,
        Action::ChangeRole(id(BOB), MeetingRole::CoOrganizer),
        Action::ChangeSettings(Box::default()),
    ] {
        let answer = scene.by(BOB, action);
        assert!(matches!(
            answer.refused(),
            MeetingError::NotCapable { resolution: Resolution::RoleRestricted, .. }
        ));
    }
    let answer = scene.by(BOB, Action::Remove(endpoint(ALICE)));
    assert!(matches!(answer.refused(), MeetingError::Target(TargetError::Organizer)));
    scene.join("8:orgid:charlie").succeeded();
    scene
        .by(ALICE, Action::ChangeRole(id("8:orgid:charlie"), MeetingRole::CoOrganizer))
        .succeeded();
    let answer = scene.by(BOB, Action::Remove(endpoint("8:orgid:charlie")));
    assert!(matches!(answer.refused(), MeetingError::NotCapable { .. }));
    scene.by("8:orgid:charlie", Action::Remove(endpoint(BOB))).succeeded();
}

#[test]
fn roles_that_cannot_be_given_are_refused() {
    let mut scene = Scene::new(MeetingSettings::default());
    for (who, role) in [
        (BOB, MeetingRole::Organizer),
        (PHONE, MeetingRole::Presenter),
        (ALICE, MeetingRole::Attendee),
    ] {
        let answer = scene.by(ALICE, Action::ChangeRole(id(who), role));
        assert!(matches!(answer.refused(), MeetingError::Change(_)), "{who} {role:?}");
    }
}
