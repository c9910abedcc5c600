//! Monotonic time: nanoseconds since an origin that only the shell knows.

use std::{ops::Add, time::Duration};

/// A point on the monotonic clock, good for scheduling and for nothing else.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Instant(u64);

impl Instant {
    /// The origin of the clock.
    pub const ZERO: Self = Self(0);

    /// Makes an instant from nanoseconds since the shell's origin.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Returns the nanoseconds since the shell's origin.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Returns the time since an earlier instant, zero if it is a later one.
    pub fn saturating_duration_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// Returns the instant after a time, or `None` past the end of the clock.
    pub fn checked_add(self, duration: Duration) -> Option<Self> {
        let nanos = u64::try_from(duration.as_nanos()).ok()?;
        self.0.checked_add(nanos).map(Self)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// Adds a time, stopping at the end of the clock.
    fn add(self, duration: Duration) -> Self {
        self.checked_add(duration).unwrap_or(Self(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addition_stops_at_the_end_of_the_clock() {
        let late = Instant::from_nanos(u64::MAX - 1);
        assert_eq!(late + Duration::from_secs(1), Instant::from_nanos(u64::MAX));
        assert_eq!(late.checked_add(Duration::from_secs(1)), None);
        assert_eq!(Instant::ZERO + Duration::MAX, Instant::from_nanos(u64::MAX));
    }

    #[test]
    fn time_since_a_later_instant_is_zero() {
        let later = Instant::ZERO + Duration::from_millis(5);
        assert_eq!(Instant::ZERO.saturating_duration_since(later), Duration::ZERO);
        assert_eq!(later.saturating_duration_since(Instant::ZERO), Duration::from_millis(5));
    }
}
