//! A clock for tests: stands still until it is moved.

use std::time::Duration;

use crate::{Instant, Now, Timestamp};

/// A clock that moves only when told to.
#[derive(Clone, Debug)]
pub struct VirtualClock {
    now: Now,
}

impl VirtualClock {
    /// Makes a clock that shows the given time.
    pub fn new(now: Now) -> Self {
        Self { now }
    }

    /// Moves both clocks forward.
    pub fn advance(&mut self, by: Duration) {
        self.now = Now { instant: self.now.instant + by, wall: self.now.wall + by };
    }

    /// Moves both clocks forward to an instant; an instant that has passed changes nothing.
    pub fn advance_to(&mut self, instant: Instant) {
        self.advance(instant.saturating_duration_since(self.now.instant));
    }

    /// Sets the wall clock, in either direction, leaving the monotonic clock alone.
    pub fn set_wall(&mut self, wall: Timestamp) {
        self.now.wall = wall;
    }

    /// Returns the time.
    pub fn now(&self) -> Now {
        self.now
    }

    /// Returns the monotonic time.
    pub fn instant(&self) -> Instant {
        self.now.instant
    }
}

impl Default for VirtualClock {
    /// Makes a clock that shows the monotonic origin and 2026-01-01T00:00:00Z.
    fn default() -> Self {
        Self::new(Now {
            instant: Instant::ZERO,
            wall: Timestamp::from_unix_micros(1_767_225_600_000_000),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advancing_moves_both_clocks_by_the_same_time() {
        let mut clock = VirtualClock::default();
        let before = clock.now();
        clock.advance(Duration::from_secs(90));
        assert_eq!(
            clock.now().instant.saturating_duration_since(before.instant),
            Duration::from_secs(90)
        );
        assert_eq!(clock.now().wall.to_string(), "2026-01-01T00:01:30Z");
    }

    #[test]
    fn the_wall_clock_jumps_without_the_monotonic_clock() {
        let mut clock = VirtualClock::default();
        clock.set_wall(Timestamp::UNIX_EPOCH);
        assert_eq!(clock.instant(), Instant::ZERO);
        assert_eq!(clock.now().wall.to_string(), "1970-01-01T00:00:00Z");
    }
}
