//! Roles in a meeting, and who has which.

use serde::{Deserialize, Serialize};

use crate::meeting::joiner::JoinerKind;

/// The role of somebody in a meeting. The words are those of the source; what each may do is in
/// [`resolve`](crate::resolve).
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum MeetingRole {
    /// Takes part.
    Attendee,
    /// Does whatever the organizer does, but is not whose meeting it is.
    CoOrganizer,
    /// Receives only.
    Consumer,
    /// Whose meeting it is; there is one, and it does not change.
    Organizer,
    /// Shows, speaks, and looks after the others and the lobby.
    Presenter,
}

impl MeetingRole {
    /// All roles.
    pub const ALL: [Self; 5] =
        [Self::Attendee, Self::CoOrganizer, Self::Consumer, Self::Organizer, Self::Presenter];

    /// Returns the role as the wire spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Attendee => "attendee",
            Self::CoOrganizer => "coOrganizer",
            Self::Consumer => "consumer",
            Self::Organizer => "organizer",
            Self::Presenter => "presenter",
        }
    }

    /// Returns whether the role belongs to those who hold the meeting: no lobby and no lock keeps
    /// them out, and others may wait for them.
    pub const fn is_host(self) -> bool {
        match self {
            Self::CoOrganizer | Self::Organizer => true,
            Self::Attendee | Self::Consumer | Self::Presenter => false,
        }
    }
}

/// Who presents without being given the role.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "camelCase")]
pub enum AllowedPresenters {
    /// Everybody but phones.
    #[default]
    Everyone,
    /// Insiders: those of the organizer's tenant, or of the organizer's resource.
    Organization,
    /// Nobody but the hosts.
    Organizer,
    /// Nobody but those who were given the role.
    RoleIsPresenter,
}

impl AllowedPresenters {
    /// Returns the role of somebody who was given none.
    pub const fn role_of(self, kind: JoinerKind) -> MeetingRole {
        let presents = match self {
            Self::Everyone => match kind {
                JoinerKind::Phone => false,
                JoinerKind::AppUser
                | JoinerKind::Bot
                | JoinerKind::Federated
                | JoinerKind::Insider
                | JoinerKind::Outsider
                | JoinerKind::Visitor => true,
            },
            Self::Organization => match kind {
                JoinerKind::Insider => true,
                JoinerKind::AppUser
                | JoinerKind::Bot
                | JoinerKind::Federated
                | JoinerKind::Outsider
                | JoinerKind::Phone
                | JoinerKind::Visitor => false,
            },
            Self::Organizer | Self::RoleIsPresenter => false,
        };
        if presents { MeetingRole::Presenter } else { MeetingRole::Attendee }
    }
}
