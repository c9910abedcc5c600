//! Messages: what a member or the thread itself said, and the id that orders it.

use std::{collections::BTreeMap, fmt, num::NonZeroU64, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;
use trunkline_clock::Timestamp;
use trunkline_ids::{CommunicationIdentifier, DisplayName, ThreadId};

use crate::member::Member;

/// What an app attaches to a thread, a member or a message; bounded by [`Limits`](crate::Limits).
pub type Metadata = BTreeMap<String, String>;

/// Names a message, and a version of anything in a thread: epoch milliseconds, strictly increasing
/// within the thread whatever the wall clock does.
///
/// Prints as a decimal number; serde uses that text, because clients read numbers as doubles.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct MessageId(u64);

/// Says that a text is not a message id.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("not a message id: expected a decimal number")]
pub struct ParseMessageIdError;

/// One message of a thread.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Names it within its thread.
    pub id: MessageId,
    /// The thread.
    pub thread_id: ThreadId,
    /// Counts the messages of the thread from 1, without gap.
    pub sequence: u64,
    /// Equals the id until the message is edited or deleted.
    pub version: MessageId,
    /// What was said; emptied when the message is deleted.
    pub content: MessageContent,
    /// Who said it; nobody for what the thread says itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<CommunicationIdentifier>,
    /// The name that the sender gave with the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_display_name: Option<DisplayName>,
    /// When it came; never earlier than the message before it.
    pub created_on: Timestamp,
    /// When it was last edited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_on: Option<Timestamp>,
    /// When it was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_on: Option<Timestamp>,
    /// What the app attached; emptied when the message is deleted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: Metadata,
    /// The id that the client gave it, so that it knows its own message again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_message_id: Option<String>,
}

/// What a message says.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum MessageContent {
    /// Markup, cleaned: safe to show as it is.
    Html(String),
    /// The thread says that members came.
    ParticipantAdded {
        /// Who came.
        participants: Vec<Member>,
        /// Who added them.
        initiator: CommunicationIdentifier,
    },
    /// The thread says that members went.
    ParticipantRemoved {
        /// Who went.
        participants: Vec<Member>,
        /// Who removed them.
        initiator: CommunicationIdentifier,
    },
    /// Plain text, byte for byte as it was sent: not safe to show as markup.
    Text(String),
    /// The thread says what its topic is.
    TopicUpdated {
        /// The topic.
        topic: String,
        /// Who set it.
        initiator: CommunicationIdentifier,
    },
}

/// The types of message, with the names of the wire.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum MessageType {
    /// Cleaned markup.
    Html,
    /// Members came.
    ParticipantAdded,
    /// Members went.
    ParticipantRemoved,
    /// Plain text.
    Text,
    /// The topic was set.
    TopicUpdated,
}

impl MessageId {
    /// Makes an id from epoch milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Returns the epoch milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Returns the time that the id spells.
    pub fn time(self) -> Timestamp {
        let millis = i64::try_from(self.0).unwrap_or(i64::MAX);
        Timestamp::from_unix_micros(millis.saturating_mul(1_000))
    }
}

impl FromStr for MessageId {
    type Err = ParseMessageIdError;

    /// Reads the canonical form only: digits, no sign, no leading zero.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "0" {
            return Ok(Self(0));
        }
        if !text.starts_with(|first: char| first.is_ascii_digit() && first != '0') {
            return Err(ParseMessageIdError);
        }
        let millis: NonZeroU64 = text.parse().map_err(|_| ParseMessageIdError)?;
        Ok(Self(millis.get()))
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Serialize for MessageId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MessageId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Message {
    /// Returns whether the thread said it itself.
    pub fn is_system(&self) -> bool {
        self.content.message_type().is_system()
    }

    /// Returns whether a member may see it.
    pub fn is_visible_to(&self, member: &Member) -> bool {
        self.created_on >= member.share_history_time
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id)
            .field("thread_id", &self.thread_id)
            .field("sequence", &self.sequence)
            .field("version", &self.version)
            .field("content", &self.content)
            .field("edited_on", &self.edited_on)
            .field("deleted_on", &self.deleted_on)
            .finish_non_exhaustive()
    }
}

impl MessageContent {
    /// Returns the type of message.
    pub fn message_type(&self) -> MessageType {
        match self {
            Self::Html(_) => MessageType::Html,
            Self::ParticipantAdded { .. } => MessageType::ParticipantAdded,
            Self::ParticipantRemoved { .. } => MessageType::ParticipantRemoved,
            Self::Text(_) => MessageType::Text,
            Self::TopicUpdated { .. } => MessageType::TopicUpdated,
        }
    }
}

impl fmt::Debug for MessageContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Html(html) => write!(f, "Html(<{} bytes>)", html.len()),
            Self::ParticipantAdded { participants, .. } => {
                write!(f, "ParticipantAdded(<{}>)", participants.len())
            }
            Self::ParticipantRemoved { participants, .. } => {
                write!(f, "ParticipantRemoved(<{}>)", participants.len())
            }
            Self::Text(text) => write!(f, "Text(<{} bytes>)", text.len()),
            Self::TopicUpdated { topic, .. } => write!(f, "TopicUpdated(<{} bytes>)", topic.len()),
        }
    }
}

impl MessageType {
    /// Returns the wire's name for the type.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::ParticipantAdded => "participantAdded",
            Self::ParticipantRemoved => "participantRemoved",
            Self::Text => "text",
            Self::TopicUpdated => "topicUpdated",
        }
    }

    /// Returns whether only the thread itself says such messages.
    pub const fn is_system(self) -> bool {
        match self {
            Self::Html | Self::Text => false,
            Self::ParticipantAdded | Self::ParticipantRemoved | Self::TopicUpdated => true,
        }
    }
}

impl fmt::Display for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
