//! Why a thread refuses, with the wire's code for each refusal.

use thiserror::Error;
use trunkline_ids::IdentifierKind;

use crate::{command::Denial, message::MessageId};

/// Why a command did nothing.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum ChatError {
    /// The client's own id of the message is too long.
    #[error("client message id has {length_bytes} bytes, limit {limit_bytes}")]
    ClientMessageIdTooLong {
        /// The limit in bytes.
        limit_bytes: usize,
        /// The length in bytes that was given.
        length_bytes: usize,
    },
    /// The message says nothing.
    #[error("the content is empty")]
    ContentEmpty,
    /// The message is too long.
    #[error("content has {length_bytes} bytes, limit {limit_bytes}")]
    ContentTooLarge {
        /// The limit in bytes.
        limit_bytes: usize,
        /// The length in bytes that was given, or that cleaning made of it, for which the
        /// limit is twice as large.
        length_bytes: usize,
    },
    /// A policy lets the actor add nobody of those named.
    #[error("{}", .0.message)]
    EveryMemberDenied(Denial),
    /// The message is deleted, so it cannot be edited.
    #[error("message {message_id} is deleted")]
    MessageDeleted {
        /// The message.
        message_id: MessageId,
    },
    /// The thread has no such message that the actor may see.
    #[error("the thread has no message {message_id}")]
    MessageNotFound {
        /// The message.
        message_id: MessageId,
    },
    /// Too much is attached.
    #[error("metadata has {length_bytes} bytes, limit {limit_bytes}")]
    MetadataTooLarge {
        /// The limit in bytes.
        limit_bytes: usize,
        /// The bytes of all keys and values together.
        length_bytes: usize,
    },
    /// The actor is not in the thread.
    #[error("the actor is not a member of the thread")]
    NotMember,
    /// Only the sender may edit or delete a message.
    #[error("message {message_id} was sent by somebody else")]
    NotSender {
        /// The message.
        message_id: MessageId,
    },
    /// A thread cannot delete itself so soon or so late.
    #[error("retention of {days} days, allowed {shortest} to {longest}")]
    RetentionOutOfRange {
        /// The time that was given, in days.
        days: u16,
        /// The shortest allowed.
        shortest: u16,
        /// The longest allowed.
        longest: u16,
    },
    /// The thread said it itself: nobody may edit or delete it.
    #[error("message {message_id} is a system message")]
    SystemMessage {
        /// The message.
        message_id: MessageId,
    },
    /// The thread is deleted.
    #[error("the thread is deleted")]
    ThreadDeleted,
    /// The markup could make too large a tree.
    #[error("markup could make {elements} elements, limit {limit}")]
    TooManyElements {
        /// The limit.
        limit: usize,
        /// How many there could be.
        elements: usize,
    },
    /// The thread would be too large.
    #[error("{requested} members requested, limit {limit}")]
    TooManyMembers {
        /// The limit.
        limit: usize,
        /// How many there would be.
        requested: usize,
    },
    /// The thread is too large for receipts and typing.
    #[error("receipts and typing reach {limit} members, the thread has {members}")]
    TooManyMembersForReceipts {
        /// The limit.
        limit: usize,
        /// How many there are.
        members: usize,
    },
    /// Too many members were named at once.
    #[error("{requested} members named in one request, limit {limit}")]
    TooManyMembersInRequest {
        /// The limit.
        limit: usize,
        /// How many were named.
        requested: usize,
    },
    /// The markup has too many tags.
    #[error("markup has {tags} tags, limit {limit}")]
    TooManyTags {
        /// The limit.
        limit: usize,
        /// How many there are.
        tags: usize,
    },
    /// The topic is too long.
    #[error("topic has {length_characters} characters, limit {limit_characters}")]
    TopicTooLong {
        /// The limit in characters.
        limit_characters: usize,
        /// The length in characters that was given.
        length_characters: usize,
    },
}

/// Why a thread was not created.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum CreateThreadError {
    /// The creator is of a kind that cannot be a member.
    #[error("a {kind} cannot create a thread")]
    CreatorNotAllowed {
        /// The kind.
        kind: IdentifierKind,
    },
    /// What was asked of the thread is refused, as it would be later.
    #[error(transparent)]
    Refused(#[from] ChatError),
}

impl ChatError {
    /// Returns the wire's code for the refusal.
    pub fn code(&self) -> &str {
        match self {
            Self::ClientMessageIdTooLong { .. }
            | Self::ContentEmpty
            | Self::MessageDeleted { .. }
            | Self::MetadataTooLarge { .. }
            | Self::RetentionOutOfRange { .. }
            | Self::SystemMessage { .. }
            | Self::TooManyElements { .. }
            | Self::TooManyMembers { .. }
            | Self::TooManyMembersInRequest { .. }
            | Self::TooManyTags { .. }
            | Self::TopicTooLong { .. } => "BadRequest",
            Self::ContentTooLarge { .. } => "RequestEntityTooLarge",
            Self::EveryMemberDenied(denial) => &denial.code,
            Self::MessageNotFound { .. } | Self::ThreadDeleted => "NotFound",
            Self::NotMember | Self::NotSender { .. } | Self::TooManyMembersForReceipts { .. } => {
                "Forbidden"
            }
        }
    }

    /// Returns the HTTP status that the wire has for the refusal.
    pub fn status(&self) -> u16 {
        match self {
            Self::ClientMessageIdTooLong { .. }
            | Self::ContentEmpty
            | Self::MessageDeleted { .. }
            | Self::MetadataTooLarge { .. }
            | Self::RetentionOutOfRange { .. }
            | Self::SystemMessage { .. }
            | Self::TooManyElements { .. }
            | Self::TooManyMembers { .. }
            | Self::TooManyMembersInRequest { .. }
            | Self::TooManyTags { .. }
            | Self::TopicTooLong { .. } => 400,
            Self::ContentTooLarge { .. } => 413,
            Self::EveryMemberDenied(_)
            | Self::NotMember
            | Self::NotSender { .. }
            | Self::TooManyMembersForReceipts { .. } => 403,
            Self::MessageNotFound { .. } | Self::ThreadDeleted => 404,
        }
    }
}

impl CreateThreadError {
    /// Returns the wire's code for the refusal.
    pub fn code(&self) -> &str {
        match self {
            Self::CreatorNotAllowed { .. } => "Forbidden",
            Self::Refused(error) => error.code(),
        }
    }

    /// Returns the HTTP status that the wire has for the refusal.
    pub fn status(&self) -> u16 {
        match self {
            Self::CreatorNotAllowed { .. } => 403,
            Self::Refused(error) => error.status(),
        }
    }
}
