//! What an endpoint has yet to acknowledge, in order and within bounds.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use trunkline_clock::Instant;

use crate::push::Push;

/// The bounds of an outbox.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OutboxLimits {
    /// The largest number of pushes.
    pub pushes: usize,
    /// The largest sum of what they hold, in bytes; the last push may pass it.
    pub bytes: usize,
    /// The largest number of pushes sent and not acknowledged.
    ///
    /// When a socket dies, the answers on their way are lost and their pushes come twice, so larger
    /// means more of those; smaller means fewer pushes per round trip. A client that answers fast has
    /// fewer in flight: as many as 200 in a second need.
    pub in_flight: usize,
}

impl Default for OutboxLimits {
    fn default() -> Self {
        Self { pushes: 256, bytes: 1024 * 1024, in_flight: 16 }
    }
}

/// Pushes from the oldest that is not acknowledged to the newest.
#[derive(Debug)]
pub(super) struct Outbox {
    limits: OutboxLimits,
    entries: VecDeque<Entry>,
    bytes: usize,
    next_id: u64,
    /// How many entries from the front have been sent on the connection of the moment, or were
    /// settled before it.
    sent: usize,
    /// The last feed position up to which everything is acknowledged or dropped.
    settled: Option<u64>,
    /// How long the client takes to answer, smoothed; `None` until it has answered once.
    round_trip: Option<Duration>,
}

#[derive(Debug)]
struct Entry {
    id: u64,
    /// When it was last sent.
    sent_at: Option<Instant>,
    /// The last feed position that is settled with this entry and those before it.
    through: Option<u64>,
    push: Arc<Push>,
    is_answered: bool,
}

impl Outbox {
    pub(super) fn new(limits: OutboxLimits, settled: Option<u64>) -> Self {
        Self {
            limits,
            entries: VecDeque::new(),
            bytes: 0,
            next_id: 1,
            sent: 0,
            settled,
            round_trip: None,
        }
    }

    /// Adds a push at the end; returns how many pushes were lost to make room.
    pub(super) fn push(&mut self, through: Option<u64>, push: Arc<Push>) -> u64 {
        let mut lost = 0;
        while self.is_full() {
            let Some(entry) = self.entries.remove(self.sent) else {
                // Everything is in flight: what does not fit is the newest.
                if let Some(through) = through {
                    self.pass(through);
                }
                return lost + 1;
            };
            lost += u64::from(!entry.is_answered);
            self.bytes -= entry.push.length_bytes();
            if let Some(through) = entry.through {
                self.settle_after(self.sent, through);
            }
        }
        let id = self.next_id;
        self.next_id += 1;
        self.bytes += push.length_bytes();
        self.entries.push_back(Entry { id, sent_at: None, through, push, is_answered: false });
        lost
    }

    /// Settles a feed position that brings no push.
    pub(super) fn pass(&mut self, through: u64) {
        self.settle_after(self.entries.len(), through);
    }

    /// Takes the next push to send, if the window lets it.
    pub(super) fn next_to_send(&mut self, now: Instant) -> Option<(u64, Arc<Push>)> {
        while self.sent < self.window() {
            let entry = self.entries.get_mut(self.sent)?;
            self.sent += 1;
            if !entry.is_answered {
                entry.sent_at = Some(now);
                return Some((entry.id, Arc::clone(&entry.push)));
            }
        }
        None
    }

    /// Settles a push that was sent, on whichever connection; returns whether it was waiting for it.
    pub(super) fn acknowledge(&mut self, now: Instant, id: u64) -> bool {
        let Ok(index) = self.entries.binary_search_by_key(&id, |entry| entry.id) else {
            return false;
        };
        let Some(entry) = self.entries.get_mut(index) else { return false };
        let is_first = !entry.is_answered;
        entry.is_answered = true;
        if is_first && let Some(sent_at) = entry.sent_at {
            let sample = now.saturating_duration_since(sent_at);
            let smoothed = self.round_trip.map_or(sample, |before| (before * 7 + sample) / 8);
            self.round_trip = Some(smoothed);
        }
        self.settle_front();
        is_first
    }

    /// Forgets that anything was sent: the connection is gone, and what it did not acknowledge is to
    /// be sent again. What it acknowledged out of order stays settled.
    pub(super) fn rewind(&mut self) {
        self.sent = 0;
    }

    pub(super) fn is_full(&self) -> bool {
        self.entries.len() >= self.limits.pushes || self.bytes >= self.limits.bytes
    }

    pub(super) fn is_in_flight(&self) -> bool {
        self.sent > 0
    }

    /// Returns whether a push that came now would be sent now.
    pub(super) fn has_open_window(&self) -> bool {
        self.sent == self.entries.len() && self.sent < self.window()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn settled(&self) -> Option<u64> {
        self.settled
    }

    /// Returns how many pushes may be in flight.
    fn window(&self) -> usize {
        let Some(round_trip) = self.round_trip else {
            return self.limits.in_flight.min(FIRST_WINDOW);
        };
        // Those that travel, and one more, so that the client has something to do meanwhile.
        let travelling = (round_trip.as_secs_f64() * RATE).ceil().max(1.0);
        (travelling as usize).saturating_add(1).min(self.limits.in_flight)
    }

    /// Lets a position be settled together with the entry before that index, or at once if there is
    /// none.
    fn settle_after(&mut self, index: usize, through: u64) {
        match index.checked_sub(1).and_then(|before| self.entries.get_mut(before)) {
            Some(before) => before.through = before.through.max(Some(through)),
            None => {
                self.settled = self.settled.max(Some(through));
                self.settle_front();
            }
        }
    }

    fn settle_front(&mut self) {
        while self.entries.front().is_some_and(|entry| entry.is_answered) {
            let Some(entry) = self.entries.pop_front() else { return };
            self.bytes -= entry.push.length_bytes();
            self.sent = self.sent.saturating_sub(1);
            self.settled = self.settled.max(entry.through);
        }
    }
}

/// The pushes in a second that the window makes room for. A client that answers within 5 ms has two
/// in flight, one that takes 75 ms has sixteen. More lets more come twice when a socket dies; fewer
/// makes a client that was away wait for what it missed.
const RATE: f64 = 200.0;

/// The window until the client has answered once.
const FIRST_WINDOW: usize = 4;
