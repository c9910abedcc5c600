//! How a meeting is found: by link, by coordinates, or by id and passcode.

mod code;
mod link;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::{
    code::{JoinCode, JoinMeetingId, Passcode},
    link::{JoinLink, ParseJoinLinkError},
};
use crate::{
    identifier::CommunicationIdentifier,
    text::{MeetingMessageId, OrganizerId, TenantId, ThreadId},
};

/// The four ids that together name a meeting.
#[derive(Clone, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MeetingCoordinates {
    /// The chat thread of the meeting.
    pub thread_id: ThreadId,
    /// Whose meeting it is.
    pub organizer_id: OrganizerId,
    /// The tenant of the organizer.
    pub tenant_id: TenantId,
    /// The message of the thread that announces the meeting; `0` where none does.
    pub message_id: MeetingMessageId,
}

/// Whatever somebody may know of a meeting that lets them ask to join.
#[derive(Clone, Eq, PartialEq)]
pub enum MeetingLocator {
    /// The four ids.
    Coordinates(MeetingCoordinates),
    /// The id and the passcode.
    Code(JoinCode),
    /// The link; it says the coordinates and where the exchange is.
    Link(JoinLink),
}

impl OrganizerId {
    /// Returns the id under which somebody organizes: of directory users the object id, of others
    /// the raw id. `None` if the raw id has characters that a link cannot carry.
    pub fn of(identifier: &CommunicationIdentifier) -> Option<Self> {
        let raw_id = identifier.raw_id();
        let text = match identifier {
            CommunicationIdentifier::MicrosoftTeamsUser(user) if !user.is_anonymous() => {
                user.user_id()
            }
            CommunicationIdentifier::MicrosoftTeamsUser(_)
            | CommunicationIdentifier::CommunicationUser(_)
            | CommunicationIdentifier::MicrosoftTeamsApp(_)
            | CommunicationIdentifier::PhoneNumber(_)
            | CommunicationIdentifier::TeamsExtensionUser(_)
            | CommunicationIdentifier::Unknown(_) => raw_id.as_str(),
        };
        text.parse().ok()
    }
}

impl MeetingMessageId {
    /// Returns the id of a meeting that no message announces: `0`.
    pub fn none() -> Self {
        "0".parse().expect("a digit is a message id")
    }
}

impl MeetingLocator {
    /// Returns the coordinates, where the locator says them.
    pub fn coordinates(&self) -> Option<&MeetingCoordinates> {
        match self {
            Self::Coordinates(coordinates) => Some(coordinates),
            Self::Code(_) => None,
            Self::Link(link) => Some(link.coordinates()),
        }
    }
}

impl fmt::Debug for MeetingCoordinates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeetingCoordinates")
            .field("thread_id", &self.thread_id)
            .field("tenant_id", &self.tenant_id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for MeetingLocator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Coordinates(_) => "MeetingLocator(<coordinates>)",
            Self::Code(_) => "MeetingLocator(<code>)",
            Self::Link(_) => "MeetingLocator(<link>)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directory_users_organize_under_their_object_id_and_others_under_their_raw_id() {
        let organizer = |text: &str| OrganizerId::of(&text.parse().unwrap()).unwrap().to_string();
        assert_eq!(
            organizer("8:orgid:33333333-3333-4333-8333-333333333333"),
            "33333333-3333-4333-8333-333333333333"
        );
        assert_eq!(organizer("8:acs:contoso_alice"), "8:acs:contoso_alice");
        assert_eq!(organizer("8:teamsvisitor:v"), "8:teamsvisitor:v");
        let id: OrganizerId = "b7f2".parse().unwrap();
        assert_eq!(format!("{id:?}"), "OrganizerId(<redacted>)");
    }
}
