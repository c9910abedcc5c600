//! Threads, their messages, and the feed of what happened in them.

use async_trait::async_trait;
use trunkline_chat::{Change, ChatEvent, Message, MessageId, ThreadRecord};
use trunkline_clock::Timestamp;
use trunkline_ids::{CommunicationIdentifier, ThreadId};

use crate::{error::StoreError, repeatability::RepeatabilityRecord};

/// What one command did to one thread: written as a whole or not at all.
#[derive(Clone, Debug)]
pub struct ChatUnit {
    /// The thread.
    pub thread_id: ThreadId,
    /// What changes, in order.
    pub changes: Vec<Change>,
    /// What happened, in order; durable events only. Their recipients are members before or after
    /// the unit.
    pub events: Vec<ChatEvent>,
    /// The answer to keep, for a request that may be repeated.
    pub repeatability: Option<RepeatabilityRecord>,
}

/// Which messages of a thread.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PageQuery {
    /// Only messages before this sequence: the lowest of the page before.
    pub before_sequence: Option<u64>,
    /// Only messages created at or after this time.
    pub since: Option<Timestamp>,
    /// Only messages created at or after this time: where the reader's shared history begins.
    pub visible_since: Timestamp,
    /// At most so many.
    pub limit: usize,
}

/// The place of a thread in a user's list; newer threads have higher ones.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ThreadPosition(pub u64);

/// Which threads of a user.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ThreadsQuery {
    /// Only threads after this one in the list, the last of the page before.
    pub after: Option<ThreadPosition>,
    /// Only threads whose last message, or whose making, is at or after this time.
    pub since: Option<Timestamp>,
    /// At most so many.
    pub limit: usize,
}

/// A thread as lists show it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ThreadSummary {
    /// Its place in the list.
    pub position: ThreadPosition,
    /// Its id.
    pub id: ThreadId,
    /// Its topic.
    pub topic: String,
    /// When it was deleted.
    pub deleted_on: Option<Timestamp>,
    /// When its last message was received.
    pub last_message_received_on: Option<Timestamp>,
}

/// An event at its place in the feed. The recipients are left out: the reader is one of them.
#[derive(Clone, Debug)]
pub struct FeedEntry {
    /// The place: global, and strictly increasing in commit order.
    pub seq: u64,
    /// What happened; its list of recipients is empty.
    pub event: ChatEvent,
}

/// How far the feed goes. A cursor from `oldest - 1` to `head` can be resumed from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FeedBounds {
    /// The oldest event kept, or the one to come when none is.
    pub oldest: u64,
    /// The newest event, zero before the first. Never goes back, even when events are pruned.
    pub head: u64,
}

/// Keeps threads, messages and the feed.
#[async_trait]
pub trait ChatStore: Send + Sync {
    /// Writes what a command did, durably, and returns the place in the feed of each event. Units
    /// that are committed one after the other have places in that order.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the thread does not exist and no header comes first to make it;
    /// [`StoreError::Conflict`] when the request of `repeatability` has an answer.
    async fn commit(&self, unit: ChatUnit) -> Result<Vec<u64>, StoreError>;

    /// Returns all there is to know about a thread except its messages.
    async fn load_thread(&self, thread: &ThreadId) -> Result<Option<ThreadRecord>, StoreError>;

    /// Returns a message of a thread.
    async fn message(
        &self,
        thread: &ThreadId,
        message: MessageId,
    ) -> Result<Option<Message>, StoreError>;

    /// Returns messages of a thread, newest first. The order is by sequence, so that messages that
    /// arrive while a reader pages change nothing in later pages.
    async fn messages(
        &self,
        thread: &ThreadId,
        query: PageQuery,
    ) -> Result<Vec<Message>, StoreError>;

    /// Returns threads that a user is in, newest first; those that are deleted, too, for who was in
    /// them at the end.
    async fn threads_of(
        &self,
        user: &CommunicationIdentifier,
        query: ThreadsQuery,
    ) -> Result<Vec<ThreadSummary>, StoreError>;

    /// Returns the threads whose retention ends by a time, up to `limit`, the earliest first.
    async fn threads_expired_by(
        &self,
        time: Timestamp,
        limit: usize,
    ) -> Result<Vec<ThreadId>, StoreError>;

    /// Returns up to `limit` events after a cursor of which a user was a recipient, in order. Those that
    /// cannot be read are left out.
    ///
    /// # Errors
    /// [`StoreError::CursorLost`] when the cursor is outside the feed.
    async fn feed_after(
        &self,
        user: &CommunicationIdentifier,
        cursor: u64,
        limit: usize,
    ) -> Result<Vec<FeedEntry>, StoreError>;

    /// Returns how far the feed goes.
    async fn feed_bounds(&self) -> Result<FeedBounds, StoreError>;

    /// Erases up to `limit` messages of threads that are deleted, and returns how many.
    async fn erase_deleted(&self, limit: usize) -> Result<usize, StoreError>;

    /// Forgets up to `limit` of the oldest events that happened before a time and that no
    /// subscription still has to deliver, and returns how many.
    async fn prune_feed(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError>;
}
