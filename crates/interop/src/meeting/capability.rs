//! What a participant of a meeting may do, and if not, why not.

use std::fmt;

use crate::meeting::{
    joiner::JoinerKind,
    role::MeetingRole,
    settings::{MeetingSettings, Permission},
};

/// Something that a participant may be capable of, by the names of the calling SDK where it has one.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Capability {
    /// Call phones into the meeting.
    AddPhoneNumber,
    /// Add users.
    AddUser,
    /// Change settings, roles and who is invited.
    ChangeMeeting,
    /// Read and write in the chat of the meeting.
    Chat,
    /// End the meeting for everybody.
    HangUpForEveryone,
    /// Admit and reject those who wait.
    ManageLobby,
    /// Mute others.
    MuteOthers,
    /// Raise the own hand.
    RaiseHand,
    /// Receive audio, video and screens.
    ReceiveMedia,
    /// Remove others.
    RemoveParticipant,
    /// Share the own screen.
    ShareScreen,
    /// Put somebody in everybody's view.
    Spotlight,
    /// Send the own camera.
    TurnVideoOn,
    /// Send the own microphone.
    UnmuteMic,
    /// React.
    UseReactions,
}

impl Capability {
    /// All capabilities.
    pub const ALL: [Self; 15] = [
        Self::AddPhoneNumber,
        Self::AddUser,
        Self::ChangeMeeting,
        Self::Chat,
        Self::HangUpForEveryone,
        Self::ManageLobby,
        Self::MuteOthers,
        Self::RaiseHand,
        Self::ReceiveMedia,
        Self::RemoveParticipant,
        Self::ShareScreen,
        Self::Spotlight,
        Self::TurnVideoOn,
        Self::UnmuteMic,
        Self::UseReactions,
    ];

    /// Returns the name that goes on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AddPhoneNumber => "addPhoneNumber",
            Self::AddUser => "addCommunicationUser",
            Self::ChangeMeeting => "changeMeeting",
            Self::Chat => "chat",
            Self::HangUpForEveryone => "hangUpForEveryOne",
            Self::ManageLobby => "manageLobby",
            Self::MuteOthers => "muteOthers",
            Self::RaiseHand => "raiseHand",
            Self::ReceiveMedia => "receiveMedia",
            Self::RemoveParticipant => "removeParticipant",
            Self::ShareScreen => "shareScreen",
            Self::Spotlight => "spotlightParticipant",
            Self::TurnVideoOn => "turnVideoOn",
            Self::UnmuteMic => "unmuteMic",
            Self::UseReactions => "useReactions",
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Whether a capability is there, and if not, why: the SDK's `CapabilityResolutionReason`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Resolution {
    /// It is there.
    Capable,
    /// Whoever comes this way cannot do that anywhere: a phone shows nothing.
    FeatureNotSupported,
    /// The meeting is set so; its hosts may set it otherwise.
    MeetingRestricted,
    /// Not yet: the participant waits in the lobby.
    NotCapable,
    /// The role does not give it; a host may give another role.
    RoleRestricted,
}

impl Resolution {
    /// Returns whether the capability is there.
    pub const fn is_capable(self) -> bool {
        match self {
            Self::Capable => true,
            Self::FeatureNotSupported
            | Self::MeetingRestricted
            | Self::NotCapable
            | Self::RoleRestricted => false,
        }
    }

    /// Returns the name that goes on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Capable => "Capable",
            Self::FeatureNotSupported => "FeatureNotSupported",
            Self::MeetingRestricted => "MeetingRestricted",
            Self::NotCapable => "NotCapable",
            Self::RoleRestricted => "RoleRestricted",
        }
    }
}

impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Of whom a capability is asked, and where.
#[derive(Clone, Copy, Debug)]
pub struct Bearer<'a> {
    /// What the participant is to the organizer.
    pub kind: JoinerKind,
    /// Its role.
    pub role: MeetingRole,
    /// Whether it waits in the lobby.
    pub is_waiting: bool,
    /// Whether the meeting belongs to a channel.
    pub is_channel: bool,
    /// The settings of the meeting.
    pub settings: &'a MeetingSettings,
}

/// Decides what a participant may do: the one place for it, asked before every command and for every
/// capability that a client shows.
pub fn resolve(bearer: Bearer<'_>, capability: Capability) -> Resolution {
    if bearer.is_waiting {
        return Resolution::NotCapable;
    }
    if !is_supported(bearer.kind, capability) {
        return Resolution::FeatureNotSupported;
    }
    let settings = bearer.settings;
    match capability {
        Capability::ReceiveMedia => Resolution::Capable,
        Capability::Chat => chat(bearer),
        Capability::RaiseHand | Capability::UseReactions => by(bearer.role, settings.reactions),
        Capability::ShareScreen => by(bearer.role, settings.sharing),
        Capability::TurnVideoOn => by(bearer.role, settings.video),
        Capability::UnmuteMic => by(bearer.role, settings.unmuting),
        Capability::AddPhoneNumber
        | Capability::AddUser
        | Capability::ManageLobby
        | Capability::MuteOthers
        | Capability::RemoveParticipant
        | Capability::Spotlight => by_role(Permission::Presenters.covers(bearer.role)),
        Capability::ChangeMeeting | Capability::HangUpForEveryone => by_role(bearer.role.is_host()),
    }
}

/// Who joins a meeting of a channel from outside is no member of the channel, so its chat stays
/// closed to them; media does not.
fn chat(bearer: Bearer<'_>) -> Resolution {
    let is_outside = match bearer.kind {
        JoinerKind::AppUser
        | JoinerKind::Federated
        | JoinerKind::Outsider
        | JoinerKind::Visitor => true,
        JoinerKind::Bot | JoinerKind::Insider | JoinerKind::Phone => false,
    };
    if bearer.is_channel && is_outside {
        return Resolution::MeetingRestricted;
    }
    by_role(Permission::Everyone.covers(bearer.role))
}

/// A role that the widest setting would not cover is what restricts; otherwise the setting does.
fn by(role: MeetingRole, permission: Permission) -> Resolution {
    if permission.covers(role) {
        Resolution::Capable
    } else {
        match role {
            MeetingRole::Consumer => Resolution::RoleRestricted,
            MeetingRole::Attendee
            | MeetingRole::CoOrganizer
            | MeetingRole::Organizer
            | MeetingRole::Presenter => Resolution::MeetingRestricted,
        }
    }
}

const fn by_role(is_given: bool) -> Resolution {
    if is_given { Resolution::Capable } else { Resolution::RoleRestricted }
}

const fn is_supported(kind: JoinerKind, capability: Capability) -> bool {
    match kind {
        JoinerKind::Phone => match capability {
            Capability::RaiseHand | Capability::ReceiveMedia | Capability::UnmuteMic => true,
            Capability::AddPhoneNumber
            | Capability::AddUser
            | Capability::ChangeMeeting
            | Capability::Chat
            | Capability::HangUpForEveryone
            | Capability::ManageLobby
            | Capability::MuteOthers
            | Capability::RemoveParticipant
            | Capability::ShareScreen
            | Capability::Spotlight
            | Capability::TurnVideoOn
            | Capability::UseReactions => false,
        },
        JoinerKind::AppUser
        | JoinerKind::Bot
        | JoinerKind::Federated
        | JoinerKind::Insider
        | JoinerKind::Outsider
        | JoinerKind::Visitor => true,
    }
}
