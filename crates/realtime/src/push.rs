//! Pushes: an event of a thread as the client is told it.
//!
//! A body is JSON inside a JSON string inside a frame. All of it but the recipient is the same for
//! every endpoint, so it is encoded and escaped once per event; a frame then costs one allocation and
//! a few copies.

mod body;

use std::fmt;

use trunkline_chat::{ChatEvent, ChatEventKind, MessageContent, MessageType};
use trunkline_ids::CommunicationIdentifier;

/// The part of a push that is the same for all recipients.
#[derive(Clone, Eq, PartialEq)]
pub struct Push {
    kind: PushKind,
    /// The body's members without the closing brace, escaped for the frame's string.
    escaped: Box<str>,
}

/// The kinds of push: the events that the client knows.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum PushKind {
    /// A message was deleted.
    ChatMessageDeleted,
    /// A message was edited.
    ChatMessageEdited,
    /// A message came.
    ChatMessageReceived,
    /// A thread was created.
    ChatThreadCreated,
    /// A thread was deleted.
    ChatThreadDeleted,
    /// The properties of a thread were set.
    ChatThreadPropertiesUpdated,
    /// Participants came.
    ParticipantsAdded,
    /// Participants went.
    ParticipantsRemoved,
    /// Somebody read up to a message.
    ReadReceiptReceived,
    /// Somebody writes.
    TypingIndicatorReceived,
}

impl PushKind {
    /// All kinds.
    pub const ALL: [Self; 10] = [
        Self::ChatMessageDeleted,
        Self::ChatMessageEdited,
        Self::ChatMessageReceived,
        Self::ChatThreadCreated,
        Self::ChatThreadDeleted,
        Self::ChatThreadPropertiesUpdated,
        Self::ParticipantsAdded,
        Self::ParticipantsRemoved,
        Self::ReadReceiptReceived,
        Self::TypingIndicatorReceived,
    ];

    /// Returns the number in the body by which the client tells the kinds apart.
    pub const fn event_id(self) -> u16 {
        match self {
            Self::ChatMessageReceived => 200,
            Self::TypingIndicatorReceived => 245,
            Self::ReadReceiptReceived => 246,
            Self::ChatMessageEdited => 247,
            Self::ChatMessageDeleted => 248,
            Self::ChatThreadCreated => 257,
            Self::ChatThreadPropertiesUpdated => 258,
            Self::ChatThreadDeleted => 259,
            Self::ParticipantsAdded => 260,
            Self::ParticipantsRemoved => 261,
        }
    }

    /// Returns the client's name for the event. It ends the address of the push, by which mobile
    /// clients tell the kinds apart.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ChatMessageDeleted => "chatMessageDeleted",
            Self::ChatMessageEdited => "chatMessageEdited",
            Self::ChatMessageReceived => "chatMessageReceived",
            Self::ChatThreadCreated => "chatThreadCreated",
            Self::ChatThreadDeleted => "chatThreadDeleted",
            Self::ChatThreadPropertiesUpdated => "chatThreadPropertiesUpdated",
            Self::ParticipantsAdded => "participantsAdded",
            Self::ParticipantsRemoved => "participantsRemoved",
            Self::ReadReceiptReceived => "readReceiptReceived",
            Self::TypingIndicatorReceived => "typingIndicatorReceived",
        }
    }

    /// Returns whether the push is kept for an endpoint that is away.
    pub const fn is_durable(self) -> bool {
        match self {
            Self::ChatMessageDeleted
            | Self::ChatMessageEdited
            | Self::ChatMessageReceived
            | Self::ChatThreadCreated
            | Self::ChatThreadDeleted
            | Self::ChatThreadPropertiesUpdated
            | Self::ParticipantsAdded
            | Self::ParticipantsRemoved
            | Self::ReadReceiptReceived => true,
            // Who wrote a minute ago may have stopped since.
            Self::TypingIndicatorReceived => false,
        }
    }

    /// Returns whether the body names its recipient.
    const fn names_recipient(self) -> bool {
        match self {
            Self::ChatMessageDeleted
            | Self::ChatMessageEdited
            | Self::ChatMessageReceived
            | Self::ReadReceiptReceived
            | Self::TypingIndicatorReceived => true,
            Self::ChatThreadCreated
            | Self::ChatThreadDeleted
            | Self::ChatThreadPropertiesUpdated
            | Self::ParticipantsAdded
            | Self::ParticipantsRemoved => false,
        }
    }
}

impl fmt::Display for PushKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Push {
    /// Encodes an event; `None` if the client is not told of it. That is so for messages that the
    /// thread says itself: the same is told by an event of its own.
    pub fn encode(event: &ChatEvent) -> Option<Self> {
        let kind = kind(event)?;
        let mut inner = body::encode(kind, event);
        let closing = inner.pop();
        debug_assert_eq!(closing, Some('}'), "a body is an object");
        let escaped = escape(&inner);
        Some(Self { kind, escaped: escaped.into() })
    }

    /// Returns the kind.
    pub fn kind(&self) -> PushKind {
        self.kind
    }

    /// Returns how many bytes the shared part takes.
    pub fn length_bytes(&self) -> usize {
        self.escaped.len()
    }

    /// Prints the frame that brings the push to one endpoint.
    pub fn frame(&self, id: u64, recipient: &Recipient) -> String {
        let tail: &str = match self.kind.names_recipient() {
            true => &recipient.tail,
            false => "}",
        };
        let (path, name) = (&recipient.path, self.kind.as_str());
        format!(
            r#"3:::{{"id":{id},"method":"POST","url":"{path}{name}","headers":{{}},"body":"{}{tail}"}}"#,
            self.escaped
        )
    }
}

impl fmt::Debug for Push {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Push({}, <{} bytes>)", self.kind, self.escaped.len())
    }
}

/// The part of a push that is the endpoint's: where it goes and whom it is for.
#[derive(Clone, Eq, PartialEq)]
pub struct Recipient {
    path: Box<str>,
    tail: Box<str>,
}

impl Recipient {
    /// Makes the part of the endpoint with that path, see
    /// [`EndpointName::path`](crate::negotiate::EndpointName::path).
    pub fn new(path: &str, user: &CommunicationIdentifier) -> Self {
        let user = serde_json::Value::from(user.to_string());
        let members = format!(r#","recipientId":{user},"recipientMri":{user}}}"#);
        Self { path: path.into(), tail: escape(&members).into() }
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recipient").field("path", &self.path).finish_non_exhaustive()
    }
}

fn kind(event: &ChatEvent) -> Option<PushKind> {
    Some(match &event.kind {
        ChatEventKind::MessageDeleted(message) => {
            wire_type(&message.content).map(|_| PushKind::ChatMessageDeleted)?
        }
        ChatEventKind::MessageEdited(message) => {
            wire_type(&message.content).map(|_| PushKind::ChatMessageEdited)?
        }
        ChatEventKind::MessageReceived(message) => {
            wire_type(&message.content).map(|_| PushKind::ChatMessageReceived)?
        }
        ChatEventKind::ParticipantsAdded { .. } => PushKind::ParticipantsAdded,
        ChatEventKind::ParticipantsRemoved { .. } => PushKind::ParticipantsRemoved,
        ChatEventKind::ReadReceiptSent { .. } => PushKind::ReadReceiptReceived,
        ChatEventKind::ThreadCreated { .. } => PushKind::ChatThreadCreated,
        ChatEventKind::ThreadDeleted { .. } => PushKind::ChatThreadDeleted,
        ChatEventKind::ThreadPropertiesUpdated { .. } => PushKind::ChatThreadPropertiesUpdated,
        ChatEventKind::TypingStarted { .. } => PushKind::TypingIndicatorReceived,
    })
}

/// Returns the push's name for the type of a message; `None` for those of the thread itself.
fn wire_type(content: &MessageContent) -> Option<&'static str> {
    match content.message_type() {
        MessageType::Html => Some("RichText/Html"),
        MessageType::Text => Some("Text"),
        MessageType::ParticipantAdded
        | MessageType::ParticipantRemoved
        | MessageType::TopicUpdated => None,
    }
}

/// Escapes a text for a JSON string, without the quotes.
fn escape(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

#[cfg(test)]
mod tests;
