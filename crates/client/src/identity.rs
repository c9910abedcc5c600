//! Whom to call, what to join, and why a call ended.

use std::fmt;

use trunkline_ids::{CommunicationIdentifier, GroupId, MeetingLocator};
use trunkline_proto::{calling::v1 as calling, common::v1 as common, meetings::v1 as meetings};
use trunkline_reasons::EndReason;

/// Whom to call: an identifier, or the alias of a directory user such as `bob`.
///
/// `Debug` does not show it.
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct CallTarget(String);

/// Names the group call to join: everybody who joins with the same id meets there.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct GroupCallLocator {
    /// The group.
    pub group_id: GroupId,
}

/// Names whatever is joined rather than called.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum JoinLocator {
    /// The call of a group.
    Group(GroupCallLocator),
    /// A meeting, by its link, its coordinates, or its id and passcode. The joiner may have to wait
    /// in the lobby: the call is then in the state `InLobby`.
    Meeting(MeetingLocator),
    /// A room of an app, by its digits.
    Room(String),
}

impl From<GroupCallLocator> for JoinLocator {
    fn from(locator: GroupCallLocator) -> Self {
        Self::Group(locator)
    }
}

impl From<MeetingLocator> for JoinLocator {
    fn from(locator: MeetingLocator) -> Self {
        Self::Meeting(locator)
    }
}

impl JoinLocator {
    pub(crate) fn to_request(&self) -> calling::JoinCallRequest {
        let mut request = calling::JoinCallRequest::default();
        match self {
            Self::Group(locator) => request.group_id = locator.group_id.to_string(),
            Self::Meeting(locator) => request.meeting = Some(meeting_locator(locator)),
            Self::Room(room_id) => request.room_id.clone_from(room_id),
        }
        request
    }
}

fn meeting_locator(locator: &MeetingLocator) -> meetings::MeetingLocator {
    use meetings::meeting_locator::Kind;

    let kind = match locator {
        MeetingLocator::Code(code) => Kind::Code(meetings::JoinCode {
            meeting_id: code.id.reveal().to_owned(),
            passcode: code.passcode.reveal().to_owned(),
        }),
        MeetingLocator::Coordinates(coordinates) => {
            Kind::Coordinates(meetings::MeetingCoordinates {
                thread_id: coordinates.thread_id.to_string(),
                organizer_id: coordinates.organizer_id.to_string(),
                tenant_id: coordinates.tenant_id.to_string(),
                message_id: coordinates.message_id.to_string(),
            })
        }
        MeetingLocator::Link(link) => {
            Kind::Link(meetings::JoinLink { join_link: link.to_string() })
        }
    };
    meetings::MeetingLocator { kind: Some(kind) }
}

/// Why a call or a participant ended: `callEndReason` with `code` and `subCode`.
#[derive(Clone, Debug, Eq, Hash, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CallEndReason {
    /// SIP-like code; zero is a normal end.
    pub code: i32,
    /// Detail within the code.
    pub sub_code: i32,
    /// Whose doing it was.
    pub category: String,
    /// What happened, in words.
    pub meaning: String,
}

impl CallTarget {
    /// Makes a target from the short sign-in name of a directory user.
    pub fn alias(alias: impl Into<String>) -> Self {
        Self(alias.into())
    }

    /// Returns the raw id or alias.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<CommunicationIdentifier> for CallTarget {
    fn from(identifier: CommunicationIdentifier) -> Self {
        Self(identifier.to_string())
    }
}

impl From<&CommunicationIdentifier> for CallTarget {
    fn from(identifier: &CommunicationIdentifier) -> Self {
        Self(identifier.to_string())
    }
}

impl fmt::Debug for CallTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallTarget(<redacted>)")
    }
}

impl CallEndReason {
    /// Returns the entry of the catalogue, with advice, when this build knows the code.
    pub fn catalogued(&self) -> Option<EndReason> {
        let code = u16::try_from(self.code).ok()?;
        let sub_code = u32::try_from(self.sub_code).ok()?;
        EndReason::find(code, sub_code)
    }
}

impl fmt::Display for CallEndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} {}", self.code, self.sub_code, self.meaning)
    }
}

impl From<EndReason> for CallEndReason {
    fn from(reason: EndReason) -> Self {
        Self {
            code: i32::from(reason.code()),
            sub_code: i32::try_from(reason.sub_code()).unwrap_or(i32::MAX),
            category: format!("{:?}", reason.category()),
            meaning: reason.meaning().to_owned(),
        }
    }
}

impl From<common::EndReason> for CallEndReason {
    fn from(reason: common::EndReason) -> Self {
        let common::EndReason { code, sub_code, category, meaning } = reason;
        Self { code, sub_code, category, meaning }
    }
}

/// Reads an identifier of the exchange; a raw id of any shape is kept.
pub(crate) fn identifier(
    wire: Option<common::CommunicationIdentifier>,
) -> Option<CommunicationIdentifier> {
    wire?.raw_id.parse().ok()
}
