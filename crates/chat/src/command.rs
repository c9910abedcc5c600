//! What a member can ask of a thread, and what it is answered.

use std::fmt;

use trunkline_clock::Timestamp;
use trunkline_ids::{CommunicationIdentifier, DisplayName};

use crate::{
    member::InvalidMember,
    message::{Message, MessageId, Metadata},
    patch::MetadataPatch,
    thread::record::RetentionPolicy,
};

/// A thread to create.
#[derive(Clone, Default)]
pub struct CreateThread {
    /// What it is about.
    pub topic: String,
    /// Who is in it beside the creator; naming the creator gives it a name and metadata.
    pub members: Vec<NewMember>,
    /// What the app attaches.
    pub metadata: Metadata,
    /// When it is to be deleted.
    pub retention: RetentionPolicy,
}

/// Somebody to add to a thread.
#[derive(Clone)]
pub struct NewMember {
    /// Who.
    pub identifier: CommunicationIdentifier,
    /// The name to show.
    pub display_name: Option<DisplayName>,
    /// From when on messages are shown. If absent, who joins gets the default, and who is a member
    /// keeps what it has.
    pub share_history_time: Option<Timestamp>,
    /// What whoever joins is shown when no time is given.
    pub default_history: DefaultHistory,
    /// What the app attaches.
    pub metadata: Metadata,
    /// Why a policy does not let the actor add this one, if it does not.
    pub denial: Option<Denial>,
}

/// What somebody who joins is shown of the past when nothing is said of it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum DefaultHistory {
    /// Everything, as the documented service does.
    FromBeginning,
    /// Nothing: messages are shown from here on.
    #[default]
    FromJoining,
}

/// Why a policy does not let somebody be added.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Denial {
    /// The wire's code.
    pub code: String,
    /// The sentence that names the rule and the fix.
    pub message: String,
}

/// What a member wants.
#[derive(Clone)]
pub enum Command {
    /// Add members, or change what is known of members.
    AddMembers {
        /// Who.
        members: Vec<NewMember>,
    },
    /// Take back what the actor said.
    DeleteMessage {
        /// The message as the store has it.
        message: Message,
    },
    /// Delete the thread for everybody.
    DeleteThread,
    /// Change what the actor said.
    EditMessage {
        /// The message as the store has it.
        message: Message,
        /// What it says from here on; unchanged if absent.
        content: Option<String>,
        /// What changes of what the app attaches.
        metadata: MetadataPatch,
    },
    /// Remove a member: another, or the actor itself.
    RemoveMember {
        /// Who.
        identifier: CommunicationIdentifier,
    },
    /// Say something.
    SendMessage {
        /// What.
        content: NewContent,
        /// The name to show beside it.
        sender_display_name: Option<DisplayName>,
        /// What the app attaches.
        metadata: Metadata,
        /// The client's own id of the message.
        client_message_id: Option<String>,
    },
    /// Say how far the actor has read.
    SendReadReceipt {
        /// The last message read, which exists: whoever commands has looked.
        message_id: MessageId,
    },
    /// Say that the actor writes.
    SendTyping {
        /// The name to show beside it.
        sender_display_name: Option<DisplayName>,
    },
    /// Set properties of the thread; what is absent stays.
    UpdateThread {
        /// What it is about.
        topic: Option<String>,
        /// What changes of what the app attaches.
        metadata: MetadataPatch,
        /// When it is to be deleted.
        retention: Option<RetentionPolicy>,
    },
}

/// What a member says.
#[derive(Clone, Eq, PartialEq)]
pub enum NewContent {
    /// Markup, to be cleaned.
    Html(String),
    /// Plain text, to be kept byte for byte.
    Text(String),
}

/// What a command is answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reply {
    /// It is so: done, or done before.
    Done,
    /// Everybody was added but these.
    MembersAdded {
        /// Who was not, and why.
        invalid: Vec<InvalidMember>,
    },
    /// The message was taken.
    MessageSent(MessageId),
}

impl NewMember {
    /// Makes a member to add without name or metadata, who sees what comes.
    pub fn new(identifier: CommunicationIdentifier) -> Self {
        Self {
            identifier,
            display_name: None,
            share_history_time: None,
            default_history: DefaultHistory::default(),
            metadata: Metadata::new(),
            denial: None,
        }
    }
}

impl Command {
    /// Returns the name of the command, for logs and metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::AddMembers { .. } => "addMembers",
            Self::DeleteMessage { .. } => "deleteMessage",
            Self::DeleteThread => "deleteThread",
            Self::EditMessage { .. } => "editMessage",
            Self::RemoveMember { .. } => "removeMember",
            Self::SendMessage { .. } => "sendMessage",
            Self::SendReadReceipt { .. } => "sendReadReceipt",
            Self::SendTyping { .. } => "sendTyping",
            Self::UpdateThread { .. } => "updateThread",
        }
    }
}

impl fmt::Debug for CreateThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreateThread")
            .field("members", &self.members.len())
            .field("retention", &self.retention)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for NewMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewMember")
            .field("identifier", &self.identifier)
            .field("share_history_time", &self.share_history_time)
            .field("denial", &self.denial)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({})", self.as_str())
    }
}

impl fmt::Debug for NewContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Html(html) => write!(f, "Html(<{} bytes>)", html.len()),
            Self::Text(text) => write!(f, "Text(<{} bytes>)", text.len()),
        }
    }
}
