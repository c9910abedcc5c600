//! What the media plane counts: packets, bytes, legs, and every drop under its reason.

use std::net::SocketAddr;
use std::sync::Mutex;

use trunkline_media::router::{DropReason, LegReport, RouterStats};

/// The counters of a media plane since its start, summed over its shards.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PlaneStats {
    /// Open legs.
    pub legs: u64,
    /// Datagrams received.
    pub received_packets: u64,
    /// Their bytes.
    pub received_bytes: u64,
    /// Datagrams sent.
    pub sent_packets: u64,
    /// Their bytes.
    pub sent_bytes: u64,
    /// System calls for sending.
    pub send_calls: u64,
    /// Packets that went out in segmentation-offload messages.
    pub segmented_packets: u64,
    /// Packets that the kernel refused for good.
    pub send_refused: u64,
    /// Packets for legs that had no address or whose consent had run out.
    pub send_undeliverable: u64,
    /// Packets lost because the socket pushed back for too long.
    pub send_overflowed: u64,
    /// Times a shard woke up.
    pub wakeups: u64,
    /// CPU time of the shard threads in nanoseconds; zero where the system does not tell.
    pub cpu_nanos: u64,
    /// Events held back because their reader was slow.
    pub events_deferred: u64,
    /// RTP packets accepted from publishers.
    pub rtp_received: u64,
    /// RTCP packets accepted.
    pub rtcp_received: u64,
    /// RTP packets forwarded, counted once for each receiver.
    pub rtp_forwarded: u64,
    /// Packets sent again.
    pub retransmitted: u64,
    ingress_dropped: [u64; IngressDrop::ALL.len()],
    router_dropped: [u64; DropReason::ALL.len()],
}

/// A leg at a moment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LegStatus {
    /// How far it is.
    pub state: LegState,
    /// Where packets are sent to; none before an address has proven itself.
    pub peer: Option<SocketAddr>,
    /// What went through it.
    pub report: LegReport,
}

/// How far a leg is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LegState {
    /// Keys are in place.
    Connected,
    /// Connectivity checks and the handshake.
    Connecting,
    /// It could not be connected or kept.
    Failed,
    /// The peer gives no sign of life; it may come back.
    Interrupted,
}

/// Why a datagram went nowhere before it reached the router.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum IngressDrop {
    /// DTLS records that are malformed or that no client sends.
    DtlsMalformed,
    /// DTLS records beyond the ration of their leg.
    DtlsRationed,
    /// DTLS records at a time at which none are expected.
    DtlsUnexpected,
    /// Longer than any packet of media, or cut off.
    Oversized,
    /// A STUN message that is malformed or not a check.
    StunMalformed,
    /// A recorded connectivity check.
    StunReplayed,
    /// A connectivity check without valid credentials.
    StunUnauthenticated,
    /// From an address that no leg has proven.
    UnknownSource,
    /// A first byte that no protocol here has.
    Unrecognized,
}

impl IngressDrop {
    /// Every reason, in the order of the variants.
    pub const ALL: [Self; 9] = [
        Self::DtlsMalformed,
        Self::DtlsRationed,
        Self::DtlsUnexpected,
        Self::Oversized,
        Self::StunMalformed,
        Self::StunReplayed,
        Self::StunUnauthenticated,
        Self::UnknownSource,
        Self::Unrecognized,
    ];

    /// Returns the reason as a metric label.
    pub const fn label(self) -> &'static str {
        match self {
            Self::DtlsMalformed => "dtls_malformed",
            Self::DtlsRationed => "dtls_rationed",
            Self::DtlsUnexpected => "dtls_unexpected",
            Self::Oversized => "oversized",
            Self::StunMalformed => "stun_malformed",
            Self::StunReplayed => "stun_replayed",
            Self::StunUnauthenticated => "stun_unauthenticated",
            Self::UnknownSource => "unknown_source",
            Self::Unrecognized => "unrecognized",
        }
    }
}

impl PlaneStats {
    /// Returns how many datagrams were dropped before the router for a reason.
    pub fn ingress_dropped(&self, reason: IngressDrop) -> u64 {
        self.ingress_dropped[reason as usize]
    }

    /// Returns how many packets the router dropped for a reason.
    pub fn router_dropped(&self, reason: DropReason) -> u64 {
        self.router_dropped[reason as usize]
    }

    /// Returns all drops, whatever the reason.
    pub fn dropped(&self) -> u64 {
        let own: u64 = self.ingress_dropped.iter().sum();
        let router: u64 = self.router_dropped.iter().sum();
        own + router + self.send_refused + self.send_undeliverable + self.send_overflowed
    }

    pub(crate) fn count_ingress_drop(&mut self, reason: IngressDrop) {
        self.ingress_dropped[reason as usize] += 1;
    }

    /// Takes over the router's counters.
    pub(crate) fn set_router(&mut self, router: &RouterStats) {
        self.rtp_received = router.rtp_received;
        self.rtcp_received = router.rtcp_received;
        self.rtp_forwarded = router.rtp_forwarded;
        self.retransmitted = router.retransmitted;
        for (reason, count) in router.drops() {
            self.router_dropped[reason as usize] = count;
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        let pairs = [
            (&mut self.legs, other.legs),
            (&mut self.received_packets, other.received_packets),
            (&mut self.received_bytes, other.received_bytes),
            (&mut self.sent_packets, other.sent_packets),
            (&mut self.sent_bytes, other.sent_bytes),
            (&mut self.send_calls, other.send_calls),
            (&mut self.segmented_packets, other.segmented_packets),
            (&mut self.send_refused, other.send_refused),
            (&mut self.send_undeliverable, other.send_undeliverable),
            (&mut self.send_overflowed, other.send_overflowed),
            (&mut self.wakeups, other.wakeups),
            (&mut self.cpu_nanos, other.cpu_nanos),
            (&mut self.events_deferred, other.events_deferred),
            (&mut self.rtp_received, other.rtp_received),
            (&mut self.rtcp_received, other.rtcp_received),
            (&mut self.rtp_forwarded, other.rtp_forwarded),
            (&mut self.retransmitted, other.retransmitted),
        ];
        for (mine, theirs) in pairs {
            *mine += theirs;
        }
        for (mine, theirs) in self.ingress_dropped.iter_mut().zip(other.ingress_dropped) {
            *mine += theirs;
        }
        for (mine, theirs) in self.router_dropped.iter_mut().zip(other.router_dropped) {
            *mine += theirs;
        }
    }
}

/// The latest counters of one shard, readable from outside without disturbing it.
#[derive(Debug, Default)]
pub(crate) struct Snapshot(Mutex<PlaneStats>);

impl Snapshot {
    /// Stores the counters, unless somebody reads at this very moment: the shard never waits.
    /// Returns whether they were stored.
    pub(crate) fn publish(&self, stats: &PlaneStats) -> bool {
        match self.0.try_lock() {
            Ok(mut latest) => {
                latest.clone_from(stats);
                true
            }
            Err(_) => false,
        }
    }

    pub(crate) fn read(&self) -> PlaneStats {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

/// Picks one counter out of all.
type Reading = fn(&PlaneStats) -> u64;

/// The counters as metrics of the process, one series per shard.
pub(crate) struct Exporter {
    legs: metrics::Gauge,
    counters: Vec<(metrics::Counter, Reading)>,
    ingress: Vec<metrics::Counter>,
    router: Vec<metrics::Counter>,
}

impl Exporter {
    pub(crate) fn new(shard: usize) -> Self {
        let shard = shard.to_string();
        let counter = |name: &'static str| metrics::counter!(name, "shard" => shard.clone());
        let dropped = |stage: &'static str, reason: &'static str| {
            metrics::counter!("trunkline_media_dropped_packets_total",
                "shard" => shard.clone(), "stage" => stage, "reason" => reason)
        };
        let counters: Vec<(metrics::Counter, Reading)> = vec![
            (counter("trunkline_media_received_packets_total"), |stats| stats.received_packets),
            (counter("trunkline_media_received_bytes_total"), |stats| stats.received_bytes),
            (counter("trunkline_media_sent_packets_total"), |stats| stats.sent_packets),
            (counter("trunkline_media_sent_bytes_total"), |stats| stats.sent_bytes),
            (counter("trunkline_media_forwarded_packets_total"), |stats| stats.rtp_forwarded),
            (counter("trunkline_media_retransmitted_packets_total"), |stats| stats.retransmitted),
            (counter("trunkline_media_wakeups_total"), |stats| stats.wakeups),
            (counter("trunkline_media_events_deferred_total"), |stats| stats.events_deferred),
            (dropped("send", "refused"), |stats| stats.send_refused),
            (dropped("send", "undeliverable"), |stats| stats.send_undeliverable),
            (dropped("send", "overflowed"), |stats| stats.send_overflowed),
        ];
        let label = |reason: IngressDrop| dropped("ingress", reason.label());
        Self {
            legs: metrics::gauge!("trunkline_media_legs", "shard" => shard.clone()),
            counters,
            ingress: IngressDrop::ALL.into_iter().map(label).collect(),
            router: DropReason::ALL
                .into_iter()
                .map(|reason| dropped("router", reason.label()))
                .collect(),
        }
    }

    pub(crate) fn export(&self, stats: &PlaneStats) {
        self.legs.set(stats.legs as f64);
        for (counter, value) in &self.counters {
            counter.absolute(value(stats));
        }
        for (counter, value) in self.ingress.iter().zip(stats.ingress_dropped) {
            counter.absolute(value);
        }
        for (counter, value) in self.router.iter().zip(stats.router_dropped) {
            counter.absolute(value);
        }
    }
}

impl std::fmt::Debug for Exporter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exporter").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_include_every_counter() {
        let mut one = PlaneStats { legs: 1, sent_packets: 2, ..PlaneStats::default() };
        for reason in IngressDrop::ALL {
            one.count_ingress_drop(reason);
        }
        let mut sum = PlaneStats::default();
        sum.add(&one);
        sum.add(&one);
        assert_eq!((sum.legs, sum.sent_packets), (2, 4));
        assert!(IngressDrop::ALL.into_iter().all(|reason| sum.ingress_dropped(reason) == 2));
        assert_eq!(sum.dropped(), 18);
    }

    #[test]
    fn a_reader_never_blocks_the_shard() {
        let snapshot = Snapshot::default();
        let guard = snapshot.0.lock().unwrap();
        assert!(!snapshot.publish(&PlaneStats::default()));
        drop(guard);
        assert!(snapshot.publish(&PlaneStats { legs: 3, ..PlaneStats::default() }));
        assert_eq!(snapshot.read().legs, 3);
    }
}
