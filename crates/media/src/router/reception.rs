//! What a receiver report says about a stream
//! ([RFC 3550 §6.4.1, appendix A](https://www.rfc-editor.org/rfc/rfc3550#appendix-A.3)).

use trunkline_clock::{Instant, Now, Timestamp};

use crate::rtcp::{ReportBlock, SenderReport};

/// Counts one incoming stream.
#[derive(Clone, Debug, Default)]
pub(super) struct Reception {
    base: u64,
    newest: u64,
    received: u64,
    expected_prior: u64,
    received_prior: u64,
    /// Interarrival jitter times sixteen.
    jitter: u32,
    last_transit: u32,
    last_report: Option<(SenderReport, Instant)>,
}

impl Reception {
    /// Counts a packet of the stream itself (not a retransmission).
    #[inline]
    pub(super) fn record(&mut self, now: Instant, index: u64, timestamp: u32, clock_rate_hz: u32) {
        let transit = (to_units(now.as_nanos(), clock_rate_hz) as u32).wrapping_sub(timestamp);
        if self.received == 0 {
            self.base = index;
            self.newest = index;
        } else {
            let difference = (transit.wrapping_sub(self.last_transit) as i32).unsigned_abs();
            // A jump of more than a second is a new timeline, not jitter.
            if difference < clock_rate_hz {
                self.jitter = self.jitter + difference - ((self.jitter + 8) >> 4);
            }
        }
        self.last_transit = transit;
        self.newest = self.newest.max(index);
        self.base = self.base.min(index);
        self.received += 1;
    }

    /// Takes the sender's own report.
    pub(super) fn record_sender_report(&mut self, now: Instant, report: SenderReport) {
        self.last_report = Some((report, now));
    }

    /// Returns the sender's last report and when it came.
    pub(super) fn sender_report(&self) -> Option<(SenderReport, Instant)> {
        self.last_report
    }

    /// Tells whether packets came since the last report block.
    pub(super) fn has_news(&self) -> bool {
        self.received > self.received_prior
    }

    /// Returns how many packets came, how many are missing so far, and the jitter in units of the
    /// stream's clock.
    pub(super) fn counts(&self) -> (u64, u64, u32) {
        let expected = if self.received == 0 { 0 } else { self.newest - self.base + 1 };
        (self.received, expected.saturating_sub(self.received), self.jitter >> 4)
    }

    /// Makes the next report block.
    pub(super) fn report(&mut self, now: Instant, ssrc: u32) -> ReportBlock {
        let expected = if self.received == 0 { 0 } else { self.newest - self.base + 1 };
        let expected_interval = expected.saturating_sub(self.expected_prior);
        let received_interval = self.received - self.received_prior;
        self.expected_prior = expected;
        self.received_prior = self.received;
        let lost_interval = expected_interval.saturating_sub(received_interval);
        let fraction_lost = (lost_interval * 256).checked_div(expected_interval).unwrap_or(0);
        let (last_sender_report, delay) = match self.last_report {
            Some((report, at)) => {
                let nanos = now.saturating_duration_since(at).as_nanos() as u64;
                ((report.ntp >> 16) as u32, to_units(nanos, 65_536) as u32)
            }
            None => (0, 0),
        };
        ReportBlock {
            ssrc,
            fraction_lost: fraction_lost.min(255) as u8,
            cumulative_lost: (expected as i64 - self.received as i64).clamp(-0x80_0000, 0x7f_ffff)
                as i32,
            highest_sequence: self.newest as u32,
            jitter: self.jitter >> 4,
            last_sender_report,
            delay_since_last_sender_report: delay,
        }
    }
}

/// Converts nanoseconds to units of a clock.
pub(super) fn to_units(nanos: u64, rate_hz: u32) -> u64 {
    (u128::from(nanos) * u128::from(rate_hz) / 1_000_000_000) as u64
}

/// Returns wall-clock time in NTP format: seconds since 1900 in the upper half.
pub(super) fn ntp(wall: Timestamp) -> u64 {
    let micros =
        (wall.as_unix_micros().max(0) as u64).wrapping_add(UNIX_TO_NTP_SECONDS * 1_000_000);
    let (seconds, rest) = (micros / 1_000_000, micros % 1_000_000);
    (seconds << 32) | ((rest << 32) / 1_000_000)
}

/// Returns the round trip that a report block tells about, in NTP fraction units of 1/65536 s.
pub(super) fn round_trip(now: Now, block: &ReportBlock) -> Option<u32> {
    if block.last_sender_report == 0 {
        return None;
    }
    let arrival = (ntp(now.wall) >> 16) as u32;
    let elapsed = arrival.wrapping_sub(block.last_sender_report);
    elapsed.checked_sub(block.delay_since_last_sender_report).filter(|trip| *trip < 10 << 16)
}

const UNIX_TO_NTP_SECONDS: u64 = 2_208_988_800;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(millis)
    }

    #[test]
    fn loss_is_reported_for_the_interval_and_in_total() {
        let mut reception = Reception::default();
        for index in (0..100).filter(|index| index % 4 != 3) {
            reception.record(at(index * 20), 70_000 + index, (index * 960) as u32, 48_000);
        }
        assert!(reception.has_news());
        let block = reception.report(at(2_000), 7);
        assert_eq!(block.ssrc, 7);
        // The last packet of the hundred is among the lost and cannot be known yet.
        assert_eq!(block.cumulative_lost, 24);
        assert_eq!(block.fraction_lost, (24 * 256 / 99) as u8);
        assert_eq!(block.highest_sequence, 70_098);
        assert_eq!(block.jitter, 0);
        assert!(!reception.has_news());
        assert_eq!(reception.report(at(3_000), 7).fraction_lost, 0);
    }

    #[test]
    fn jitter_follows_uneven_arrival() {
        let mut reception = Reception::default();
        for index in 0..500u64 {
            let late = if index % 2 == 0 { 0 } else { 10 };
            reception.record(at(index * 20 + late), index, (index * 960) as u32, 48_000);
        }
        // Every other transit differs by 10 ms, 480 units.
        assert!((450..=480).contains(&reception.report(at(10_000), 7).jitter));
    }

    #[test]
    fn a_report_block_measures_the_round_trip() {
        let wall =
            |millis: i64| Timestamp::from_unix_micros(1_700_000_000_000_000 + millis * 1_000);
        let sent = ntp(wall(0));
        let mut reception = Reception::default();
        let report =
            SenderReport { ssrc: 1, ntp: sent, rtp_timestamp: 0, packet_count: 0, octet_count: 0 };
        reception.record_sender_report(at(40), report);
        let block = reception.report(at(540), 1);
        let now = Now { instant: at(580), wall: wall(580) };
        let trip = round_trip(now, &block).unwrap();
        assert!((5_200..=5_300).contains(&trip), "80 ms are 5243 units: {trip}");
        assert_eq!(round_trip(now, &ReportBlock::default()), None);
    }
}
