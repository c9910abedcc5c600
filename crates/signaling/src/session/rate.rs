//! A token bucket as one instant: how far the sender has run ahead of its rate.

use std::time::Duration;

use trunkline_clock::Instant;

/// Limits how often something happens: `burst` at once, `per_second` in the long run.
#[derive(Clone, Debug)]
pub(crate) struct RateLimit {
    interval: Duration,
    tolerance: Duration,
    theoretical_arrival: Instant,
}

impl RateLimit {
    /// Makes a limit that has not been used.
    pub(crate) fn new(now: Instant, per_second: u32, burst: u32) -> Self {
        let interval = Duration::from_secs(1) / per_second.max(1);
        Self {
            interval,
            tolerance: interval.saturating_mul(burst.max(1)),
            theoretical_arrival: now,
        }
    }

    /// Takes one, or returns `false` when there is none left.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let arrival = self.theoretical_arrival.max(now);
        if arrival.saturating_duration_since(now) + self.interval > self.tolerance {
            return false;
        }
        self.theoretical_arrival = arrival + self.interval;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_taken_and_then_the_rate_holds() {
        let mut now = Instant::ZERO;
        let mut limit = RateLimit::new(now, 10, 5);
        assert_eq!((0..20).filter(|_| limit.take(now)).count(), 5);
        now = now + Duration::from_millis(300);
        assert_eq!((0..20).filter(|_| limit.take(now)).count(), 3);
        now = now + Duration::from_secs(3_600);
        assert_eq!((0..20).filter(|_| limit.take(now)).count(), 5);
    }
}
