//! What the hosts of a meeting may set, before it and while it runs.

use std::{collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize};
use trunkline_ids::CommunicationIdentifier;

use crate::{
    meeting::role::{AllowedPresenters, MeetingRole},
    roster::SyncMode,
};

/// The settings of a meeting.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MeetingSettings {
    /// Who does not wait in the lobby.
    pub lobby_bypass: LobbyBypassScope,
    /// Whether phones do not wait either: `isDialInBypassEnabled`.
    pub phones_bypass: bool,
    /// Bots that do not wait, applications of a directory and app users: a right given to each by
    /// name, which no scope gives.
    pub bots: BTreeSet<CommunicationIdentifier>,
    /// Whether those from outside may come in before a host is there.
    pub outsiders_may_start: bool,
    /// Who presents without being given the role.
    pub allowed_presenters: AllowedPresenters,
    /// Who may unmute.
    pub unmuting: Permission,
    /// Who may send video.
    pub video: Permission,
    /// Who may share a screen.
    pub sharing: Permission,
    /// Who may raise a hand and react.
    pub reactions: Permission,
    /// Whether the chat thread follows the roster.
    pub sync_roster: SyncMode,
}

impl Default for MeetingSettings {
    fn default() -> Self {
        Self {
            lobby_bypass: LobbyBypassScope::default(),
            phones_bypass: false,
            bots: BTreeSet::new(),
            outsiders_may_start: false,
            allowed_presenters: AllowedPresenters::default(),
            unmuting: Permission::Everyone,
            video: Permission::Everyone,
            sharing: Permission::Presenters,
            reactions: Permission::Everyone,
            sync_roster: SyncMode::Automatic,
        }
    }
}

/// Who does not wait in the lobby. Hosts never do.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "camelCase")]
pub enum LobbyBypassScope {
    /// Whoever has the link, phones and bots apart.
    Everyone,
    /// Those who were invited by name.
    Invited,
    /// Insiders: those of the organizer's tenant, or of the organizer's resource.
    #[default]
    Organization,
    /// Insiders, and users of federated tenants.
    OrganizationAndFederated,
    /// Nobody but the hosts.
    Organizer,
}

impl LobbyBypassScope {
    /// All scopes, from the narrowest to the widest.
    pub const ALL: [Self; 5] = [
        Self::Organizer,
        Self::Invited,
        Self::Organization,
        Self::OrganizationAndFederated,
        Self::Everyone,
    ];

    /// Returns the scope as the wire spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Everyone => "everyone",
            Self::Invited => "invited",
            Self::Organization => "organization",
            Self::OrganizationAndFederated => "organizationAndFederated",
            Self::Organizer => "organizer",
        }
    }
}

/// Which roles may do something.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Permission {
    /// Every role but the consumer's.
    Everyone,
    /// The hosts.
    Hosts,
    /// Presenters and the hosts.
    Presenters,
}

impl Permission {
    /// Returns whether the permission covers a role.
    pub const fn covers(self, role: MeetingRole) -> bool {
        match role {
            MeetingRole::CoOrganizer | MeetingRole::Organizer => true,
            MeetingRole::Presenter => match self {
                Self::Everyone | Self::Presenters => true,
                Self::Hosts => false,
            },
            MeetingRole::Attendee => match self {
                Self::Everyone => true,
                Self::Hosts | Self::Presenters => false,
            },
            MeetingRole::Consumer => false,
        }
    }
}

/// How much of everything a meeting or a group call may hold, and how long things may take.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MeetingConfig {
    /// Participants of a group call at once. Documented: 350.
    pub group_participants: usize,
    /// Participants of a meeting at once, without the lobby. Documented: 1000.
    pub meeting_participants: usize,
    /// Participants who wait in a lobby at once. Counted apart, so that a crowd before the door keeps
    /// nobody out who bypasses it; larger lets a crowd cost more memory.
    pub waiting: usize,
    /// Spotlights at once. Documented: 7.
    pub spotlights: usize,
    /// How long somebody waits in the lobby without a sign of life. Longer keeps the panel of the
    /// hosts full of people who went away; the original waits half an hour.
    pub lobby_inactivity: Duration,
    /// Admissions and denials remembered, each. Smaller forgets sooner: who was denied long ago
    /// waits again.
    pub remembered_people: usize,
    /// Finished operations remembered, so that a repeated command gets the same answer.
    pub remembered_operations: usize,
}

impl Default for MeetingConfig {
    fn default() -> Self {
        Self {
            group_participants: 350,
            meeting_participants: 1_000,
            waiting: 1_000,
            spotlights: 7,
            lobby_inactivity: Duration::from_secs(30 * 60),
            remembered_people: 4_096,
            remembered_operations: 1_024,
        }
    }
}
