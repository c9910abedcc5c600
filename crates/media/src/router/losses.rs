//! Which packets of a video stream are missing, and when to ask for them again.

use std::{collections::VecDeque, time::Duration};

use trunkline_clock::Instant;

/// The missing packets of one incoming stream.
#[derive(Debug, Default)]
pub(super) struct LossTracker {
    newest: Option<u64>,
    missing: VecDeque<Missing>,
}

#[derive(Clone, Copy, Debug)]
struct Missing {
    index: u64,
    ask_at: Instant,
    asked: u8,
}

/// What a packet told about the ones before it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Continuity {
    /// It was expected next, or fills a hole.
    Kept,
    /// It skips packets; they are worth asking for.
    Gap,
    /// It skips so many packets that only a keyframe helps.
    Torn,
}

impl LossTracker {
    /// Notes a packet that came, directly or as a retransmission.
    #[inline]
    pub(super) fn record(&mut self, now: Instant, index: u64) -> Continuity {
        let Some(newest) = self.newest else {
            self.newest = Some(index);
            return Continuity::Kept;
        };
        if index <= newest {
            if let Ok(place) = self.missing.binary_search_by_key(&index, |missing| missing.index) {
                self.missing.remove(place);
            }
            return Continuity::Kept;
        }
        self.newest = Some(index);
        let gap = index - newest - 1;
        if gap == 0 {
            return Continuity::Kept;
        }
        if gap as usize > MAX_MISSING {
            self.missing.clear();
            return Continuity::Torn;
        }
        for index in newest + 1..index {
            if self.missing.len() == MAX_MISSING {
                self.missing.pop_front();
            }
            self.missing.push_back(Missing { index, ask_at: now, asked: 0 });
        }
        Continuity::Gap
    }

    /// Collects the sequence numbers to ask for, in ascending order. What was asked for often
    /// enough is given up; returns whether something was.
    pub(super) fn collect_due(
        &mut self,
        now: Instant,
        round_trip: Duration,
        due: &mut Vec<u16>,
    ) -> bool {
        let before = self.missing.len();
        self.missing.retain(|missing| missing.asked < MAX_ASKED || missing.ask_at > now);
        let gave_up = self.missing.len() < before;
        let pause = (round_trip + round_trip / 2).max(MIN_PAUSE);
        for missing in &mut self.missing {
            if missing.ask_at <= now {
                missing.asked += 1;
                missing.ask_at = now + pause;
                due.push(missing.index as u16);
            }
        }
        gave_up
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.newest = None;
        self.missing.clear();
    }

    /// Returns when to ask again.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.missing.iter().map(|missing| missing.ask_at).min()
    }
}

/// A hole this wide is an outage; a keyframe is cheaper than the packets.
const MAX_MISSING: usize = 128;
/// Asking seven times at one and a half round trips spans about a second at 100 ms; a frame that
/// is later than that is not shown any more.
const MAX_ASKED: u8 = 7;
/// On a fast network an answer still takes the peer's event loop a moment.
const MIN_PAUSE: Duration = Duration::from_millis(30);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(millis)
    }

    fn due(losses: &mut LossTracker, millis: u64) -> Vec<u16> {
        let mut due = Vec::new();
        losses.collect_due(at(millis), Duration::from_millis(40), &mut due);
        due
    }

    #[test]
    fn holes_are_asked_for_until_filled() {
        let mut losses = LossTracker::default();
        assert_eq!(losses.record(at(0), 65_534), Continuity::Kept);
        assert_eq!(losses.record(at(0), 65_538), Continuity::Gap);
        assert_eq!(due(&mut losses, 0), [65_535, 0, 1]);
        assert_eq!(losses.record(at(10), 65_536), Continuity::Kept);
        assert_eq!(due(&mut losses, 10), [0u16; 0]);
        assert_eq!(losses.next_due(), Some(at(60)));
        assert_eq!(due(&mut losses, 60), [65_535, 1]);
        losses.record(at(61), 65_535);
        losses.record(at(61), 65_537);
        assert_eq!(losses.next_due(), None);
    }

    #[test]
    fn asking_ends() {
        let mut losses = LossTracker::default();
        losses.record(at(0), 1);
        losses.record(at(0), 3);
        let mut asked = 0;
        let mut gave_up = 0;
        for tick in 0..200 {
            let mut due = Vec::new();
            let round_trip = Duration::from_millis(40);
            gave_up += u32::from(losses.collect_due(at(tick * 20), round_trip, &mut due));
            asked += due.len();
        }
        assert_eq!((asked, gave_up, losses.next_due()), (7, 1, None));
    }

    #[test]
    fn an_outage_is_not_asked_for() {
        let mut losses = LossTracker::default();
        losses.record(at(0), 1);
        assert_eq!(losses.record(at(0), 1_000), Continuity::Torn);
        assert_eq!(losses.next_due(), None);
        for index in (1_002..5_000).step_by(2) {
            losses.record(at(0), index);
        }
        assert!(losses.missing.len() <= MAX_MISSING);
    }
}
