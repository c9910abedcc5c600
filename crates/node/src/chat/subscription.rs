//! One subscription: a queue while it keeps up, the store while it does not.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Sleep;
use trunkline_chat::ChatEvent;
use trunkline_ids::CommunicationIdentifier;
use trunkline_storage::{FeedEntry, StoreError};

use crate::chat::feed::{SUBSCRIPTION_LIMIT, Subscriber};
use crate::chat::{ChatActor, ChatFailure, Parts};

/// Something that a subscriber is told.
#[derive(Clone, Debug)]
pub struct FeedItem {
    /// Its place in the feed, after which a later subscription can go on; `None` for what is not
    /// kept, such as typing.
    pub seq: Option<u64>,
    /// What happened; shared by all who are told. The recipients may be left out.
    pub event: Arc<ChatEvent>,
}

/// Why a subscription ended.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SubscriptionEnd {
    /// Events after the cursor are not kept: begin from a snapshot.
    #[error("events after {cursor} are not kept: the feed goes from {oldest} to {head}")]
    CursorLost {
        /// The cursor.
        cursor: u64,
        /// The oldest event kept.
        oldest: u64,
        /// The newest event.
        head: u64,
    },
    /// The exchange is stopping.
    #[error("the exchange is stopping")]
    ShuttingDown,
    /// The store failed.
    #[error("the store failed")]
    Store(#[source] StoreError),
    /// The time of the token is over.
    #[error("the token has expired")]
    TokenExpired,
    /// The token was revoked, or the user deleted.
    #[error("the token has been revoked")]
    TokenRevoked,
}

/// What a user is told, in order: every durable event once, what is not durable when it can be.
/// Dropping it unsubscribes.
pub struct ChatSubscription {
    expiry: Pin<Box<Sleep>>,
    reader: Reader,
}

/// The part that reads.
struct Reader {
    parts: Arc<Parts>,
    user: CommunicationIdentifier,
    subscriber: Arc<Subscriber>,
    items: mpsc::Receiver<FeedItem>,
    /// The last place handed out, or passed over.
    cursor: u64,
    source: Source,
}

/// Where the next item comes from.
enum Source {
    /// The queue.
    Queue,
    /// The store, which is followed by the queue.
    Store {
        page: VecDeque<FeedItem>,
        /// Whether the store had no more when the page was read.
        is_last: bool,
    },
}

impl fmt::Debug for ChatSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatSubscription").field("cursor", &self.cursor()).finish_non_exhaustive()
    }
}

pub(super) async fn open(
    parts: Arc<Parts>,
    actor: &ChatActor,
    from: Option<u64>,
) -> Result<ChatSubscription, ChatFailure> {
    if parts.base.stopping.is_cancelled() {
        return Err(ChatFailure::ShuttingDown);
    }
    let life = match actor.expires_on {
        Some(expires_on) => expires_on.saturating_duration_since(parts.base.wall()),
        None => FOR_EVER,
    };
    let user = actor.identifier.clone();
    let (subscriber, items, head) = parts
        .feed
        .add(&user)
        .ok_or(ChatFailure::TooManySubscriptions { limit: SUBSCRIPTION_LIMIT })?;
    let source = match from {
        Some(_) => Source::Store { page: VecDeque::new(), is_last: false },
        None => Source::Queue,
    };
    let cursor = from.unwrap_or(head);
    let reader = Reader { parts, user, subscriber, items, cursor, source };
    // A revocation from here on ends the subscription; an earlier one shows here.
    if let Some(generation) = actor.generation
        && reader.parts.generations.of(&actor.identifier).await? != generation
    {
        reader.subscriber.end(SubscriptionEnd::TokenRevoked);
    }
    Ok(ChatSubscription { expiry: Box::pin(tokio::time::sleep(life)), reader })
}

impl ChatSubscription {
    /// Waits for the next item. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Says why there will be no further item. Going on from [`ChatSubscription::cursor`] misses and
    /// repeats nothing.
    pub async fn next(&mut self) -> Result<FeedItem, SubscriptionEnd> {
        let Self { expiry, reader } = self;
        if !reader.subscriber.ended().is_cancelled()
            && !expiry.is_elapsed()
            && let Some(item) = reader.take_queued()
        {
            return Ok(item);
        }
        let (subscriber, stopping) =
            (Arc::clone(&reader.subscriber), reader.parts.base.stopping.clone());
        tokio::select! {
            biased;
            () = subscriber.ended().cancelled() => {
                Err(subscriber.end_reason().unwrap_or(SubscriptionEnd::TokenRevoked))
            }
            () = expiry.as_mut() => {
                subscriber.end(SubscriptionEnd::TokenExpired);
                Err(SubscriptionEnd::TokenExpired)
            }
            item = reader.next() => item,
            // Last: what is there already is still handed out.
            () = stopping.cancelled() => Err(SubscriptionEnd::ShuttingDown),
        }
    }

    /// Returns the place up to which everything was handed out.
    pub fn cursor(&self) -> u64 {
        self.reader.cursor
    }
}

impl Reader {
    async fn next(&mut self) -> Result<FeedItem, SubscriptionEnd> {
        loop {
            if let Some(item) = self.take_queued() {
                return Ok(item);
            }
            match &mut self.source {
                Source::Queue if self.subscriber.is_behind() => {
                    self.subscriber.resume(&self.parts.feed);
                    self.source = Source::Store { page: VecDeque::new(), is_last: false };
                }
                Source::Queue => match self.items.recv().await {
                    Some(item) if self.is_news(&item) => return Ok(item),
                    Some(_) => {}
                    None => unreachable!("the sender lives as long as the subscriber"),
                },
                Source::Store { page, is_last } => match page.pop_front() {
                    Some(item) => {
                        self.cursor = item.seq.unwrap_or(self.cursor);
                        return Ok(item);
                    }
                    None if *is_last => self.source = Source::Queue,
                    None => self.read_page().await?,
                },
            }
        }
    }

    /// Takes what the queue has, if it is its turn.
    fn take_queued(&mut self) -> Option<FeedItem> {
        let Source::Queue = self.source else { return None };
        while let Ok(item) = self.items.try_recv() {
            if self.is_news(&item) {
                return Some(item);
            }
        }
        None
    }

    /// Returns whether the store has not handed it out before, and remembers that it is handed out.
    fn is_news(&mut self, item: &FeedItem) -> bool {
        let Some(place) = item.seq else { return true };
        let is_news = place > self.cursor;
        self.cursor = self.cursor.max(place);
        is_news
    }

    async fn read_page(&mut self) -> Result<(), SubscriptionEnd> {
        let store = &self.parts.base.store;
        let entries = store.feed_after(&self.user, self.cursor, PAGE_LIMIT).await;
        let entries = entries.map_err(SubscriptionEnd::from)?;
        let is_last = entries.len() < PAGE_LIMIT;
        let item =
            |entry: FeedEntry| FeedItem { seq: Some(entry.seq), event: Arc::new(entry.event) };
        self.source = Source::Store { page: entries.into_iter().map(item).collect(), is_last };
        Ok(())
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.parts.feed.remove(&self.user, &self.subscriber);
    }
}

impl From<StoreError> for SubscriptionEnd {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::CursorLost { cursor, oldest, head } => {
                Self::CursorLost { cursor, oldest, head }
            }
            StoreError::Closed
            | StoreError::Conflict { .. }
            | StoreError::Corrupt { .. }
            | StoreError::Full
            | StoreError::Io(_)
            | StoreError::NotFound { .. }
            | StoreError::Suspended(_) => Self::Store(error),
        }
    }
}

/// Events read from the store at once.
const PAGE_LIMIT: usize = 256;

/// A token that does not say when it ends is the node's own.
const FOR_EVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);
