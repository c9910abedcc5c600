//! The bounded log of a call's events, for subscribers that come back.

use std::collections::VecDeque;

use thiserror::Error;
use trunkline_clock::Timestamp;

use crate::event::{Event, EventKind};

/// Says that the events after a cursor are not all there, so that a snapshot must come first.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("events after {cursor} are not kept: the feed has {oldest} to {last}")]
pub struct SnapshotRequired {
    /// The cursor that was asked for.
    pub cursor: u64,
    /// The oldest event kept.
    pub oldest: u64,
    /// The last event.
    pub last: u64,
}

/// Numbers events and keeps the latest of them.
#[derive(Debug)]
pub(crate) struct Feed {
    events: VecDeque<Event>,
    last: u64,
    limit: usize,
}

impl Feed {
    pub(crate) fn new(limit: usize) -> Self {
        Self { events: VecDeque::new(), last: 0, limit }
    }

    /// Numbers an event, keeps it, and returns it.
    pub(crate) fn append(&mut self, at: Timestamp, kind: EventKind) -> Event {
        self.last += 1;
        let event = Event { seq: self.last, at, kind };
        if self.limit > 0 {
            if self.events.len() == self.limit {
                self.events.pop_front();
            }
            self.events.push_back(event.clone());
        }
        event
    }

    /// Returns the number of the last event, zero before the first.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// Returns the events after a cursor.
    pub(crate) fn since(
        &self,
        cursor: u64,
    ) -> Result<impl ExactSizeIterator<Item = &Event>, SnapshotRequired> {
        let oldest = self.events.front().map_or(self.last + 1, |event| event.seq);
        let is_kept = cursor <= self.last && cursor + 1 >= oldest;
        if !is_kept {
            return Err(SnapshotRequired { cursor, oldest, last: self.last });
        }
        let skipped = usize::try_from(cursor + 1 - oldest).unwrap_or(usize::MAX);
        Ok(self.events.range(skipped.min(self.events.len())..))
    }
}

#[cfg(test)]
mod tests {
    use trunkline_reasons::EndReason;

    use super::*;

    fn feed(limit: usize, events: u64) -> Feed {
        let mut feed = Feed::new(limit);
        for _ in 0..events {
            let kind = EventKind::CallEnded { reason: EndReason::HUNG_UP };
            feed.append(Timestamp::UNIX_EPOCH, kind);
        }
        feed
    }

    fn seqs(feed: &Feed, cursor: u64) -> Result<Vec<u64>, SnapshotRequired> {
        Ok(feed.since(cursor)?.map(|event| event.seq).collect())
    }

    #[test]
    fn a_cursor_gets_exactly_what_follows_it() {
        let feed = feed(10, 4);
        assert_eq!(seqs(&feed, 0), Ok(vec![1, 2, 3, 4]));
        assert_eq!(seqs(&feed, 3), Ok(vec![4]));
        assert_eq!(seqs(&feed, 4), Ok(vec![]));
    }

    #[test]
    fn a_cursor_that_fell_out_of_the_log_needs_a_snapshot() {
        let feed = feed(3, 5);
        assert_eq!(seqs(&feed, 2), Ok(vec![3, 4, 5]));
        assert_eq!(seqs(&feed, 1), Err(SnapshotRequired { cursor: 1, oldest: 3, last: 5 }));
    }

    #[test]
    fn a_cursor_from_the_future_needs_a_snapshot() {
        let ahead = SnapshotRequired { cursor: 6, oldest: 1, last: 5 };
        assert_eq!(seqs(&feed(10, 5), 6), Err(ahead));
        assert!(seqs(&feed(10, 5), u64::MAX).is_err());
    }

    #[test]
    fn a_feed_that_keeps_nothing_still_counts() {
        let feed = feed(0, 2);
        assert_eq!(feed.last(), 2);
        assert_eq!(seqs(&feed, 2), Ok(vec![]));
        assert!(seqs(&feed, 1).is_err());
    }
}
