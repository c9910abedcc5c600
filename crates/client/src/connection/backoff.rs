//! How long to wait before the next attempt: exponential with jitter, so that a thousand clients
//! whose exchange restarts do not come back in the same millisecond.

use std::time::Duration;

/// The waits of one series of attempts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// Starts over after a success.
    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }

    /// Returns the next wait for a random number: the first is at most 50 ms, so that a hiccup is
    /// barely noticed; none is longer than 5 s, so that 120 s of resume window leave many attempts.
    pub(crate) fn next(&mut self, random: u32) -> Duration {
        let ceiling = FIRST.saturating_mul(1 << self.attempts.min(16)).min(LONGEST);
        self.attempts = self.attempts.saturating_add(1);
        let half = ceiling / 2;
        half + half.mul_f64(f64::from(random) / f64::from(u32::MAX))
    }
}

const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_ceiling_and_jitter_stays_within_the_upper_half() {
        let mut backoff = Backoff::default();
        let mut ceiling = FIRST;
        for _ in 0..12 {
            let (low, high) = (backoff.clone().next(0), backoff.clone().next(u32::MAX));
            assert_eq!((low, high), (ceiling / 2, ceiling));
            let drawn = backoff.next(123_456_789);
            assert!((low..=high).contains(&drawn));
            ceiling = (ceiling * 2).min(LONGEST);
        }
        assert_eq!(ceiling, LONGEST);
        backoff.reset();
        assert_eq!(backoff.next(u32::MAX), FIRST);
    }
}
