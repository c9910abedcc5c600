//! What a router knows of a leg at a moment, for those who run the exchange.

use std::time::Duration;

use super::Router;
use crate::control::{LegKey, StreamKind};

/// A leg at a moment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LegReport {
    /// The round trip, an average that RTCP reports move
    /// ([RFC 3550 §6.4.1](https://www.rfc-editor.org/rfc/rfc3550#section-6.4.1)); a guess before the
    /// first.
    pub round_trip: Duration,
    /// RTP packets sent to it, retransmissions aside.
    pub packets_sent: u64,
    /// What comes from it, in the order of its offer.
    pub published: Vec<StreamReport>,
}

/// A stream that comes from a leg.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StreamReport {
    /// What it is.
    pub kind: StreamKind,
    /// Packets received since the stream has its present SSRC.
    pub packets_received: u64,
    /// Packets of them missing so far.
    pub packets_lost: u64,
    /// Interarrival jitter.
    pub jitter: Duration,
    /// Whether it is passed on.
    pub is_enabled: bool,
}

impl Router {
    /// Returns what is known of a leg. Its cost grows with the tracks of that leg alone.
    pub fn report(&self, leg: LegKey) -> Option<LegReport> {
        let leg = self.leg(self.leg_id(leg)?)?;
        let slots = leg.slots.iter().filter_map(|slot| self.slot(*slot));
        let published = leg.publishers.iter().map(|publisher| {
            let (packets_received, packets_lost, jitter) = publisher.reception.counts();
            let rate = u64::from(publisher.track.kind.clock_rate_hz());
            StreamReport {
                kind: publisher.track.kind,
                packets_received,
                packets_lost,
                jitter: Duration::from_micros(u64::from(jitter) * 1_000_000 / rate),
                is_enabled: publisher.enabled,
            }
        });
        Some(LegReport {
            round_trip: leg.round_trip,
            packets_sent: slots.map(|slot| u64::from(slot.packet_count)).sum(),
            published: published.collect(),
        })
    }
}
