//! Sequencing: what was sent and is not acknowledged, what was received in order.

use std::collections::VecDeque;

/// Frames sent and kept until the peer has them. The first is number 1.
#[derive(Clone, Debug)]
pub(crate) struct Outbox<B> {
    frames: VecDeque<Retained<B>>,
    acknowledged: u64,
    length_bytes: usize,
}

#[derive(Clone, Debug)]
struct Retained<B> {
    body: B,
    length_bytes: usize,
}

/// Says that a peer acknowledged what was never sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct AckAheadOfSent;

impl<B> Outbox<B> {
    pub(crate) fn new() -> Self {
        Self { frames: VecDeque::new(), acknowledged: 0, length_bytes: 0 }
    }

    /// Keeps a frame and returns its number.
    pub(crate) fn push(&mut self, body: B, length_bytes: usize) -> u64 {
        self.length_bytes = self.length_bytes.saturating_add(length_bytes);
        self.frames.push_back(Retained { body, length_bytes });
        self.last_sent()
    }

    /// Forgets what the peer has. An acknowledgment older than the last is fine.
    pub(crate) fn acknowledge(&mut self, ack: u64) -> Result<(), AckAheadOfSent> {
        if ack > self.last_sent() {
            return Err(AckAheadOfSent);
        }
        while self.acknowledged < ack {
            let frame = self.frames.pop_front().expect("the number is not past the last sent");
            self.length_bytes = self.length_bytes.saturating_sub(frame.length_bytes);
            self.acknowledged += 1;
        }
        Ok(())
    }

    /// Forgets everything that is kept.
    pub(crate) fn clear(&mut self) {
        self.acknowledged = self.last_sent();
        self.frames.clear();
        self.length_bytes = 0;
    }

    /// Returns what is kept, in order, with its number.
    pub(crate) fn retained(&self) -> impl Iterator<Item = (u64, &B)> {
        (self.acknowledged + 1..).zip(self.frames.iter().map(|frame| &frame.body))
    }

    pub(crate) fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    pub(crate) fn last_sent(&self) -> u64 {
        let kept = u64::try_from(self.frames.len()).unwrap_or(u64::MAX);
        self.acknowledged.saturating_add(kept)
    }

    pub(crate) fn is_over(&self, limit_frames: usize, limit_bytes: usize) -> bool {
        self.frames.len() > limit_frames || self.length_bytes > limit_bytes
    }
}

/// What the number of a received frame says about it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Arrival {
    /// Seen before; to be dropped.
    Duplicate,
    /// Something before it is missing.
    Gap,
    /// The next one.
    Next,
}

/// The order of what was received.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inbox {
    last: u64,
    unacknowledged: u32,
}

impl Inbox {
    /// Judges a number; `Next` counts as received.
    pub(crate) fn receive(&mut self, seq: u64) -> Arrival {
        if seq <= self.last {
            // The peer sends again because it missed the acknowledgment.
            self.unacknowledged = self.unacknowledged.saturating_add(1);
            return Arrival::Duplicate;
        }
        if seq != self.last + 1 {
            return Arrival::Gap;
        }
        self.last = seq;
        self.unacknowledged = self.unacknowledged.saturating_add(1);
        Arrival::Next
    }

    /// Returns the number to acknowledge and notes that it is on its way.
    pub(crate) fn acknowledge(&mut self) -> u64 {
        self.unacknowledged = 0;
        self.last
    }

    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    pub(crate) fn unacknowledged(&self) -> u32 {
        self.unacknowledged
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acknowledged_frames_are_forgotten_and_the_rest_keeps_its_numbers() {
        let mut outbox = Outbox::new();
        for body in ["a", "b", "c"] {
            outbox.push(body, 10);
        }
        assert_eq!(outbox.acknowledge(2), Ok(()));
        assert_eq!(outbox.acknowledge(1), Ok(()));
        assert_eq!(outbox.retained().collect::<Vec<_>>(), [(3, &"c")]);
        assert!(outbox.is_over(0, usize::MAX) && outbox.is_over(1, 9) && !outbox.is_over(1, 10));
        assert_eq!(outbox.push("d", 1), 4);
    }

    #[test]
    fn an_acknowledgment_of_what_was_never_sent_is_refused() {
        let mut outbox = Outbox::new();
        outbox.push("a", 1);
        assert_eq!(outbox.acknowledge(2), Err(AckAheadOfSent));
        assert_eq!(outbox.acknowledge(u64::MAX), Err(AckAheadOfSent));
        assert_eq!(outbox.retained().count(), 1);
    }

    #[test]
    fn numbers_are_received_once_and_in_order() {
        let mut inbox = Inbox::default();
        assert_eq!(inbox.receive(2), Arrival::Gap);
        assert_eq!(inbox.receive(1), Arrival::Next);
        assert_eq!(inbox.receive(1), Arrival::Duplicate);
        assert_eq!(inbox.receive(u64::MAX), Arrival::Gap);
        assert_eq!(inbox.receive(2), Arrival::Next);
        assert_eq!(inbox.unacknowledged(), 3);
        assert_eq!(inbox.acknowledge(), 2);
        assert_eq!(inbox.unacknowledged(), 0);
    }
}
