//! What the members of a thread are told.

use std::fmt;

use serde::{Deserialize, Serialize};
use trunkline_clock::Timestamp;
use trunkline_ids::{CommunicationIdentifier, DisplayName, ThreadId};

use crate::{
    member::{Member, ReadReceipt},
    message::{Message, MessageId},
    thread::record::ThreadHeader,
};

/// One event of a thread.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChatEvent {
    /// The thread.
    pub thread_id: ThreadId,
    /// Orders the durable events of the thread: strictly increasing. A typing event repeats the
    /// version of the durable event before it.
    pub version: MessageId,
    /// When it happened; of durable events never earlier than the one before.
    pub time: Timestamp,
    /// Who did it; the creator of the thread where a policy did.
    pub actor: CommunicationIdentifier,
    /// The name that the thread has of the actor, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor_display_name: Option<DisplayName>,
    /// Who is told: the members at that moment who may see it, the actor and whoever was removed
    /// included.
    pub recipients: Vec<CommunicationIdentifier>,
    /// What happened.
    pub kind: ChatEventKind,
}

/// What happened.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ChatEventKind {
    /// A message was deleted; its content is empty.
    MessageDeleted(Message),
    /// A message was edited.
    MessageEdited(Message),
    /// A member sent a message.
    MessageReceived(Message),
    /// Members came, or what is known of members changed.
    ParticipantsAdded {
        /// The members as they are from here on.
        added: Vec<Member>,
    },
    /// Members went.
    ParticipantsRemoved {
        /// The members as they were.
        removed: Vec<Member>,
    },
    /// A member read up to a message.
    ReadReceiptSent {
        /// The receipt.
        receipt: ReadReceipt,
    },
    /// The thread began: always the first event.
    ThreadCreated {
        /// The thread.
        thread: ThreadHeader,
        /// Who is in it.
        members: Vec<Member>,
    },
    /// The thread was deleted: always the last event.
    ThreadDeleted {
        /// Whether its retention policy did it, not a member.
        by_policy: bool,
    },
    /// The topic, metadata or retention policy of the thread was set.
    ThreadPropertiesUpdated {
        /// The thread as it is from here on.
        thread: ThreadHeader,
    },
    /// A member writes.
    TypingStarted {
        /// The name that the member gave with it.
        sender_display_name: Option<DisplayName>,
    },
}

impl ChatEventKind {
    /// Returns whether the event is to be kept for those who are away.
    pub fn is_durable(&self) -> bool {
        match self {
            Self::MessageDeleted(_)
            | Self::MessageEdited(_)
            | Self::MessageReceived(_)
            | Self::ParticipantsAdded { .. }
            | Self::ParticipantsRemoved { .. }
            | Self::ReadReceiptSent { .. }
            | Self::ThreadCreated { .. }
            | Self::ThreadDeleted { .. }
            | Self::ThreadPropertiesUpdated { .. } => true,
            Self::TypingStarted { .. } => false,
        }
    }

    /// Returns the name of the event, for logs and metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::MessageDeleted(_) => "messageDeleted",
            Self::MessageEdited(_) => "messageEdited",
            Self::MessageReceived(_) => "messageReceived",
            Self::ParticipantsAdded { .. } => "participantsAdded",
            Self::ParticipantsRemoved { .. } => "participantsRemoved",
            Self::ReadReceiptSent { .. } => "readReceiptSent",
            Self::ThreadCreated { .. } => "threadCreated",
            Self::ThreadDeleted { .. } => "threadDeleted",
            Self::ThreadPropertiesUpdated { .. } => "threadPropertiesUpdated",
            Self::TypingStarted { .. } => "typingStarted",
        }
    }
}

impl fmt::Debug for ChatEventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MessageDeleted(message)
            | Self::MessageEdited(message)
            | Self::MessageReceived(message) => {
                f.debug_tuple(self.as_str()).field(message).finish()
            }
            Self::ParticipantsAdded { added: members }
            | Self::ParticipantsRemoved { removed: members } => {
                write!(f, "{}(<{}>)", self.as_str(), members.len())
            }
            Self::ReadReceiptSent { receipt } => {
                f.debug_tuple(self.as_str()).field(&receipt.message_id).finish()
            }
            Self::ThreadCreated { thread, .. } | Self::ThreadPropertiesUpdated { thread } => {
                f.debug_tuple(self.as_str()).field(thread).finish()
            }
            Self::ThreadDeleted { by_policy } => {
                f.debug_struct(self.as_str()).field("by_policy", by_policy).finish()
            }
            Self::TypingStarted { .. } => f.write_str(self.as_str()),
        }
    }
}
