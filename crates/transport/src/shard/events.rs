//! Hands events to the control plane without ever waiting for it.
//!
//! The channel is bounded. While it is full, events wait in a backlog in which a newer event of the
//! same kind for the same leg takes the place of the older one, so the backlog is bounded by the
//! number of legs and the control plane always learns the latest truth.

use std::collections::{HashMap, VecDeque};

use tokio::sync::mpsc;
use trunkline_media::control::{LegKey, MediaEvent};

/// The events of one shard on their way out.
#[derive(Debug)]
pub(super) struct EventQueue {
    sender: mpsc::Sender<MediaEvent>,
    waiting: HashMap<(LegKey, Kind), MediaEvent>,
    order: VecDeque<(LegKey, Kind)>,
    deferred: u64,
}

/// Events that replace each other.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Kind {
    Connected,
    Liveness,
    Slots,
    Speaking,
}

impl EventQueue {
    pub(super) fn new(sender: mpsc::Sender<MediaEvent>) -> Self {
        Self { sender, waiting: HashMap::new(), order: VecDeque::new(), deferred: 0 }
    }

    /// Sends an event, or keeps it until there is room.
    pub(super) fn push(&mut self, event: MediaEvent) {
        if self.order.is_empty() {
            match self.sender.try_send(event) {
                // A reader that is gone needs no events.
                Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => {}
                Err(mpsc::error::TrySendError::Full(event)) => self.defer(event),
            }
        } else {
            self.defer(event);
        }
    }

    /// Sends what waits, as far as there is room.
    pub(super) fn retry(&mut self) {
        while let Some(key) = self.order.front() {
            let Some(event) = self.waiting.remove(key) else {
                self.order.pop_front();
                continue;
            };
            match self.sender.try_send(event) {
                Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => {
                    self.order.pop_front();
                }
                Err(mpsc::error::TrySendError::Full(event)) => {
                    self.waiting.insert(*key, event);
                    return;
                }
            }
        }
    }

    /// Forgets what waits for a leg that is closed.
    pub(super) fn forget(&mut self, leg: LegKey) {
        if !self.order.is_empty() {
            self.waiting.retain(|(waiting, _kind), _event| *waiting != leg);
            self.order.retain(|(waiting, _kind)| *waiting != leg);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    pub(super) fn deferred(&self) -> u64 {
        self.deferred
    }

    fn defer(&mut self, event: MediaEvent) {
        self.deferred += 1;
        let key = key_of(&event);
        if self.waiting.insert(key, event).is_none() {
            self.order.push_back(key);
        }
    }
}

fn key_of(event: &MediaEvent) -> (LegKey, Kind) {
    match event {
        MediaEvent::AudioSlotsChanged { leg, .. } => (*leg, Kind::Slots),
        MediaEvent::LegConnected { leg, .. } => (*leg, Kind::Connected),
        MediaEvent::LegFailed { leg, .. }
        | MediaEvent::LegInterrupted { leg }
        | MediaEvent::LegResumed { leg } => (*leg, Kind::Liveness),
        MediaEvent::SpeakingChanged { leg, .. } => (*leg, Kind::Speaking),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speaking(leg: u64, speaking: bool) -> MediaEvent {
        MediaEvent::SpeakingChanged { leg: LegKey::new(leg), speaking }
    }

    #[test]
    fn a_slow_reader_gets_the_latest_event_of_each_kind_in_order() {
        let (sender, mut receiver) = mpsc::channel(1);
        let mut queue = EventQueue::new(sender);
        queue.push(speaking(0, true));
        for round in 0..1_000 {
            queue.push(speaking(1, round % 2 == 0));
            queue.push(MediaEvent::LegInterrupted { leg: LegKey::new(2) });
            queue.push(MediaEvent::LegResumed { leg: LegKey::new(2) });
        }
        assert_eq!(queue.order.len(), 2);
        let mut read = Vec::new();
        while let Ok(event) = receiver.try_recv() {
            read.push(event);
            queue.retry();
        }
        let resumed = MediaEvent::LegResumed { leg: LegKey::new(2) };
        assert_eq!(read, [speaking(0, true), speaking(1, false), resumed]);
        assert!(queue.is_empty());
    }

    #[test]
    fn events_of_a_closed_leg_are_forgotten() {
        let (sender, mut receiver) = mpsc::channel(1);
        let mut queue = EventQueue::new(sender);
        queue.push(speaking(0, true));
        queue.push(speaking(1, true));
        queue.push(speaking(2, true));
        queue.forget(LegKey::new(1));
        assert_eq!(receiver.try_recv(), Ok(speaking(0, true)));
        queue.retry();
        assert_eq!(receiver.try_recv(), Ok(speaking(2, true)));
        assert!(queue.is_empty());
    }
}
