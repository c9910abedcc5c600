//! Members of a thread: since when they see it, and how far they have read.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use trunkline_clock::Timestamp;
use trunkline_ids::{CommunicationIdentifier, DisplayName};

use crate::message::{MessageId, Metadata};

/// A member of a thread.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// Who it is.
    pub identifier: CommunicationIdentifier,
    /// The name to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<DisplayName>,
    /// The member sees messages created at or after this.
    pub share_history_time: Timestamp,
    /// What the app attached.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: Metadata,
    /// When the member came.
    pub joined_on: Timestamp,
}

/// How far a member has read: one per member, the latest.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadReceipt {
    /// Who read.
    pub reader: CommunicationIdentifier,
    /// The last message read.
    pub message_id: MessageId,
    /// When.
    pub read_on: Timestamp,
}

/// Somebody who was named as a member and did not become one.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InvalidMember {
    /// Who.
    pub identifier: CommunicationIdentifier,
    /// The wire's code: an HTTP status as text, such as `"400"` or `"403"`.
    pub code: String,
    /// A sentence that says why.
    pub message: String,
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member")
            .field("identifier", &self.identifier)
            .field("share_history_time", &self.share_history_time)
            .field("joined_on", &self.joined_on)
            .finish_non_exhaustive()
    }
}

impl InvalidMember {
    /// Makes the answer for somebody of a kind that cannot be a member.
    pub(crate) fn of_wrong_kind(identifier: CommunicationIdentifier) -> Self {
        let message =
            format!("An identifier of kind {} cannot be in a chat thread.", identifier.kind());
        Self { identifier, code: "400".to_owned(), message }
    }
}

/// Returns whether somebody can be a member: phones cannot read, and who is unknown cannot be told.
pub(crate) fn is_possible_member(identifier: &CommunicationIdentifier) -> bool {
    match identifier {
        CommunicationIdentifier::CommunicationUser(_)
        | CommunicationIdentifier::MicrosoftTeamsApp(_)
        | CommunicationIdentifier::MicrosoftTeamsUser(_)
        | CommunicationIdentifier::TeamsExtensionUser(_) => true,
        CommunicationIdentifier::PhoneNumber(_) | CommunicationIdentifier::Unknown(_) => {
            is_placeholder(identifier)
        }
    }
}

/// Returns whether an identifier is the directory user of all zeros, which stands for a phone in the
/// chat of a call: with its prefix, or bare.
pub fn is_placeholder(identifier: &CommunicationIdentifier) -> bool {
    const ZEROS: &str = "00000000-0000-0000-0000-000000000000";
    match identifier {
        CommunicationIdentifier::MicrosoftTeamsUser(user) => {
            !user.is_anonymous() && user.user_id() == ZEROS
        }
        CommunicationIdentifier::Unknown(raw) => raw.as_str() == ZEROS,
        CommunicationIdentifier::CommunicationUser(_)
        | CommunicationIdentifier::MicrosoftTeamsApp(_)
        | CommunicationIdentifier::PhoneNumber(_)
        | CommunicationIdentifier::TeamsExtensionUser(_) => false,
    }
}
