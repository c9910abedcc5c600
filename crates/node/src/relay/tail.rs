//! Follows the log: everything that happens, whoever it concerns, in the envelope of a delivery.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;
use trunkline_events::{DeliverySchema, Notification, SubscriptionFilter};
use trunkline_storage::StoreError;

use crate::relay::{Parts, catalogue};

/// An event of the log.
#[derive(Clone, Debug)]
pub struct TailItem {
    /// Its place in the log, to go on after; `None` while more of the same place follow.
    pub seq: Option<u64>,
    /// The event.
    pub notification: Notification,
}

/// Why there are no further events.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TailEnd {
    /// Events after the cursor are not kept.
    #[error("events after {cursor} are not kept: the log goes from {oldest} to {head}")]
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
}

/// Follows the log.
pub struct EventTail {
    place: Place,
    filter: SubscriptionFilter,
    schema: DeliverySchema,
    ready: VecDeque<TailItem>,
}

/// A place in the log that moves on.
pub(super) struct Place {
    pub(super) parts: Arc<Parts>,
    head: watch::Receiver<u64>,
    pub(super) cursor: u64,
}

impl Place {
    pub(super) fn new(parts: Arc<Parts>, from: Option<u64>) -> Self {
        let head = parts.feed.follow();
        let cursor = from.unwrap_or_else(|| *head.borrow());
        Self { parts, head, cursor }
    }

    /// Says that the log is about to be read: what is added from here on ends the next wait.
    pub(super) fn begin_read(&mut self) {
        self.head.mark_unchanged();
    }

    /// Waits until the log has grown since the last read began.
    pub(super) async fn grown(&mut self) -> Result<(), TailEnd> {
        tokio::select! {
            // The feed holds its sender.
            _ = self.head.changed() => Ok(()),
            () = self.parts.base.stopping.cancelled() => Err(TailEnd::ShuttingDown),
        }
    }
}

impl From<StoreError> for TailEnd {
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

impl fmt::Debug for EventTail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventTail").field("cursor", &self.place.cursor).finish_non_exhaustive()
    }
}

impl EventTail {
    pub(super) fn new(
        parts: Arc<Parts>,
        from: Option<u64>,
        filter: SubscriptionFilter,
        schema: DeliverySchema,
    ) -> Self {
        Self { place: Place::new(parts, from), filter, schema, ready: VecDeque::new() }
    }

    /// Returns the place up to which the log was read; before the first item, where it begins.
    pub fn cursor(&self) -> u64 {
        self.place.cursor
    }

    /// Waits for the next event. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Says why there will be no further event.
    pub async fn next(&mut self) -> Result<TailItem, TailEnd> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Ok(item);
            }
            self.place.begin_read();
            if !self.read().await? {
                self.place.grown().await?;
            }
        }
    }

    /// Reads on; returns whether there was anything.
    async fn read(&mut self) -> Result<bool, TailEnd> {
        let place = &mut self.place;
        let entries = place.parts.base.store.log_after(place.cursor, READ_LIMIT).await?;
        let is_any = !entries.is_empty();
        for entry in entries {
            let born_on = place.parts.birth(&entry.event).await;
            let (filter, schema, topic) = (&self.filter, self.schema, &place.parts.topic);
            let before = self.ready.len();
            catalogue::each(&entry.event, born_on, |events| {
                let wanted = events.filter(|event| filter.matches(event)).take(FAN_OUT_LIMIT);
                self.ready.extend(wanted.map(|event| TailItem {
                    seq: None,
                    notification: event.in_envelope(schema, topic),
                }));
            });
            if self.ready.len() > before
                && let Some(last) = self.ready.back_mut()
            {
                last.seq = Some(entry.seq);
            }
            place.cursor = entry.seq;
        }
        Ok(is_any)
    }
}

/// Entries read at once.
const READ_LIMIT: usize = 32;

/// Events shown of one entry: 200 members that come into a thread of 50 would be 50,000.
const FAN_OUT_LIMIT: usize = 256;
