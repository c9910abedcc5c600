//! The clocks of the machine, read once per input.

use std::time::{Duration, SystemTime};

use tokio::time::Instant as TokioInstant;
use trunkline_clock::{Instant, Now, Timestamp};

/// The monotonic clock of the runtime with an origin of its own, and the wall clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: TokioInstant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { origin: TokioInstant::now() }
    }

    pub(crate) fn now(self) -> Now {
        let elapsed = u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let micros = i64::try_from(unix.as_micros()).unwrap_or(i64::MAX);
        Now { instant: Instant::from_nanos(elapsed), wall: Timestamp::from_unix_micros(micros) }
    }

    /// Returns when the runtime's clock shows an instant of the machines.
    pub(crate) fn at(self, instant: Instant) -> TokioInstant {
        self.origin + Duration::from_nanos(instant.as_nanos())
    }
}
