//! The clock of the media plane: monotonic nanoseconds since its start, and the wall clock.

use std::time::{SystemTime, UNIX_EPOCH};

use trunkline_clock::{Instant, Now, Timestamp};

/// Reads both clocks of the machine; copies share one origin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: std::time::Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { origin: std::time::Instant::now() }
    }

    pub(crate) fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let micros = i64::try_from(wall.as_micros()).unwrap_or(i64::MAX);
        Now { instant: self.instant(), wall: Timestamp::from_unix_micros(micros) }
    }

    pub(crate) fn instant(&self) -> Instant {
        let nanos = self.origin.elapsed().as_nanos();
        Instant::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}
