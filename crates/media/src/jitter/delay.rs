//! How much delay covers the jitter of the network.

use std::time::Duration;

use trunkline_clock::Instant;

/// Keeps a fading histogram of how late packets come, compared with the fastest of late.
#[derive(Debug)]
pub(super) struct DelayEstimator {
    initial: Duration,
    bins: [f32; BINS],
    weight: f32,
    observed: u32,
    /// The least transit time of this and the previous window, in nanoseconds.
    fastest: [i64; 2],
    window_ends: Option<Instant>,
}

impl DelayEstimator {
    pub(super) fn new(initial: Duration) -> Self {
        Self {
            initial,
            bins: [0.0; BINS],
            weight: 0.0,
            observed: 0,
            fastest: [i64::MAX; 2],
            window_ends: None,
        }
    }

    /// Notes that the packet of `timestamp` (48 kHz, unbroken) arrived.
    pub(super) fn observe(&mut self, now: Instant, timestamp: u64) {
        // Only differences of transit times count, so the offset between the clocks cancels out.
        let sent = timestamp.wrapping_mul(NANOS_PER_3_SAMPLES) / 3;
        let transit = now.as_nanos().wrapping_sub(sent) as i64;
        match self.window_ends {
            Some(end) if now < end => {}
            Some(_) => {
                self.fastest = [i64::MAX, self.fastest[0]];
                self.window_ends = Some(now + FASTEST_WINDOW);
            }
            None => self.window_ends = Some(now + FASTEST_WINDOW),
        }
        self.fastest[0] = self.fastest[0].min(transit);
        let fastest = self.fastest[0].min(self.fastest[1]);
        let lateness = transit.wrapping_sub(fastest).max(0) as u64;
        let bin = usize::try_from(lateness / BIN_NANOS).unwrap_or(BINS).min(BINS - 1);
        for weight in &mut self.bins {
            *weight *= FADING;
        }
        self.bins[bin] += 1.0;
        self.weight = self.weight * FADING + 1.0;
        self.observed = self.observed.saturating_add(1);
    }

    /// Returns the delay within which nearly all packets come.
    pub(super) fn target(&self) -> Duration {
        if self.observed < MIN_OBSERVED {
            return self.initial;
        }
        let mut missing = self.weight * LATE_SHARE;
        let mut bin = BINS - 1;
        while bin > 0 && self.bins[bin] <= missing {
            missing -= self.bins[bin];
            bin -= 1;
        }
        // The upper edge of the bin, and half a frame for the phase between sender and sound card.
        Duration::from_nanos((bin as u64 + 1) * BIN_NANOS) + Duration::from_millis(10)
    }
}

/// 62,500 ns are three samples at 48 kHz; a single sample is no whole number of nanoseconds.
const NANOS_PER_3_SAMPLES: u64 = 62_500;
const BINS: usize = 50;
const BIN_NANOS: u64 = 10_000_000;
/// A packet's weight halves in about 140 packets, 2.8 s: quick enough for a changed network, slow
/// enough not to follow each burst.
const FADING: f32 = 0.995;
/// The share of packets that may come too late. Concealment hides a few in a hundred.
const LATE_SHARE: f32 = 0.02;
const MIN_OBSERVED: u32 = 25;
/// How long the fastest packet is the measure. Clocks drift apart by about 1 ms in this time.
const FASTEST_WINDOW: Duration = Duration::from_secs(10);
