//! The one place that reads clocks.

use std::time::{Duration, SystemTime};

use trunkline_clock::{Instant, Now, Timestamp};

/// Reads the machine's clocks as the values that cores are told.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    origin: tokio::time::Instant,
}

impl SystemClock {
    /// Starts counting now.
    pub fn start() -> Self {
        Self { origin: tokio::time::Instant::now() }
    }

    /// Reads both clocks.
    pub fn now(&self) -> Now {
        Now { instant: self.instant(), wall: self.wall() }
    }

    /// Reads the wall clock.
    pub fn wall(&self) -> Timestamp {
        let since_epoch =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_unix_micros(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
    }

    /// Returns when `instant` will be, for a timer of the runtime.
    pub(crate) fn deadline(&self, instant: Instant) -> tokio::time::Instant {
        self.origin + Duration::from_nanos(instant.as_nanos())
    }

    fn instant(&self) -> Instant {
        let nanos = self.origin.elapsed().as_nanos();
        Instant::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// Returns the time that was `life` before `now`.
pub(crate) fn earlier(now: Timestamp, life: Duration) -> Timestamp {
    let micros = i64::try_from(life.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_unix_micros(now.as_unix_micros().saturating_sub(micros))
}

/// Sleeps until `deadline`, or for ever when there is none.
pub(crate) async fn sleep_until(clock: SystemClock, deadline: Option<Instant>) {
    match deadline {
        Some(instant) => tokio::time::sleep_until(clock.deadline(instant)).await,
        None => std::future::pending().await,
    }
}
