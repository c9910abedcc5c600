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
    parts: Arc<Parts>,
    head: watch::Receiver<u64>,
    cursor: u64,
    filter: SubscriptionFilter,
    schema: DeliverySchema,
    ready: VecDeque<TailItem>,
}

impl fmt::Debug for EventTail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventTail").field("cursor", &self.cursor).finish_non_exhaustive()
    }
}

impl EventTail {
    pub(super) fn new(
        parts: Arc<Parts>,
        from: Option<u64>,
        filter: SubscriptionFilter,
        schema: DeliverySchema,
    ) -> Self {
        let head = parts.feed.follow();
        let cursor = from.unwrap_or_else(|| *head.borrow());
        Self { parts, head, cursor, filter, schema, ready: VecDeque::new() }
    }

    /// Returns the place up to which the log was read; before the first item, where it begins.
    pub fn cursor(&self) -> u64 {
        self.cursor
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
            self.head.mark_unchanged();
            if self.read().await? {
                continue;
            }
            tokio::select! {
                // The feed holds its sender.
                _ = self.head.changed() => {}
                () = self.parts.base.stopping.cancelled() => return Err(TailEnd::ShuttingDown),
            }
        }
    }

    /// Reads on; returns whether there was anything.
    async fn read(&mut self) -> Result<bool, TailEnd> {
        let entries = self.parts.base.store.log_after(self.cursor, READ_LIMIT).await;
        let entries = entries.map_err(|error| match error {
            StoreError::CursorLost { cursor, oldest, head } => {
                TailEnd::CursorLost { cursor, oldest, head }
            }
            StoreError::Closed
            | StoreError::Conflict { .. }
            | StoreError::Corrupt { .. }
            | StoreError::Full
            | StoreError::Io(_)
            | StoreError::NotFound { .. }
            | StoreError::Suspended(_) => TailEnd::Store(error),
        })?;
        let is_any = !entries.is_empty();
        for entry in entries {
            let born_on = self.parts.birth(&entry.event).await;
            let (filter, schema, topic) = (&self.filter, self.schema, &self.parts.topic);
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
            self.cursor = entry.seq;
        }
        Ok(is_any)
    }
}

/// Entries read at once.
const READ_LIMIT: usize = 32;

/// Events shown of one entry: 200 members that come into a thread of 50 would be 50,000.
const FAN_OUT_LIMIT: usize = 256;
