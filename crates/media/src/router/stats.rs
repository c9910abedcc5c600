//! Counters: every packet that goes nowhere is counted under its reason.

/// Why a packet went nowhere.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, thiserror::Error)]
pub enum DropReason {
    /// The authentication tag is wrong.
    #[error("authentication failed")]
    AuthenticationFailed,
    /// The slab is full: the transport did not send for long.
    #[error("egress slab is full")]
    EgressFull,
    /// A subscriber waits for a keyframe and this packet does not start one.
    #[error("subscriber waits for a keyframe")]
    KeyframeAwaited,
    /// Too late for a subscriber, whose stream has moved on to another source.
    #[error("behind the start of the subscriber's segment")]
    Late,
    /// Not a well-formed RTP packet.
    #[error("malformed rtp packet")]
    MalformedRtp,
    /// Not a well-formed RTCP packet.
    #[error("malformed rtcp packet")]
    MalformedRtcp,
    /// The leg has no keys yet.
    #[error("leg has no keys")]
    NoKeys,
    /// Padding only, sent by the peer to probe the bandwidth.
    #[error("padding only")]
    PaddingOnly,
    /// Video between keyframes, dropped because packets do not get out.
    #[error("video dropped under pressure")]
    Pressure,
    /// The stream is muted, held, or in a lobby.
    #[error("publishing is disabled")]
    PublishDisabled,
    /// Seen before.
    #[error("replayed")]
    Replayed,
    /// The leg has used up its SSRCs.
    #[error("too many ssrcs")]
    SsrcTableFull,
    /// Behind the replay window.
    #[error("too old")]
    TooOld,
    /// Shorter than any protected packet.
    #[error("truncated")]
    Truncated,
    /// There is no such leg.
    #[error("unknown leg")]
    UnknownLeg,
    /// The payload type was not negotiated for the track.
    #[error("unknown payload type")]
    UnknownPayloadType,
    /// No negotiated track has this SSRC, mid or payload type.
    #[error("unknown track")]
    UnknownTrack,
}

impl DropReason {
    /// Every reason, in the order of the variants.
    pub const ALL: [Self; 17] = [
        Self::AuthenticationFailed,
        Self::EgressFull,
        Self::KeyframeAwaited,
        Self::Late,
        Self::MalformedRtp,
        Self::MalformedRtcp,
        Self::NoKeys,
        Self::PaddingOnly,
        Self::Pressure,
        Self::PublishDisabled,
        Self::Replayed,
        Self::SsrcTableFull,
        Self::TooOld,
        Self::Truncated,
        Self::UnknownLeg,
        Self::UnknownPayloadType,
        Self::UnknownTrack,
    ];

    /// Returns the reason as a metric label.
    pub const fn label(self) -> &'static str {
        match self {
            Self::AuthenticationFailed => "authentication_failed",
            Self::EgressFull => "egress_full",
            Self::KeyframeAwaited => "keyframe_awaited",
            Self::Late => "late",
            Self::MalformedRtp => "malformed_rtp",
            Self::MalformedRtcp => "malformed_rtcp",
            Self::NoKeys => "no_keys",
            Self::PaddingOnly => "padding_only",
            Self::Pressure => "pressure",
            Self::PublishDisabled => "publish_disabled",
            Self::Replayed => "replayed",
            Self::SsrcTableFull => "ssrc_table_full",
            Self::TooOld => "too_old",
            Self::Truncated => "truncated",
            Self::UnknownLeg => "unknown_leg",
            Self::UnknownPayloadType => "unknown_payload_type",
            Self::UnknownTrack => "unknown_track",
        }
    }
}

/// What a router has done since its start. Counters only grow.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RouterStats {
    /// RTP packets received that passed authentication.
    pub rtp_received: u64,
    /// RTCP packets received that passed authentication.
    pub rtcp_received: u64,
    /// RTP packets put into the slab, retransmissions not counted.
    pub rtp_forwarded: u64,
    /// RTCP packets put into the slab.
    pub rtcp_sent: u64,
    /// Packets sent again to subscribers that missed them.
    pub retransmitted: u64,
    /// Packets that subscribers missed and that were not kept any more.
    pub retransmission_missed: u64,
    /// Requests for a retransmission sent to publishers, one for each packet asked for.
    pub nacks_sent: u64,
    /// Keyframe requests sent to publishers.
    pub keyframe_requests_sent: u64,
    dropped: [u64; DropReason::ALL.len()],
}

impl RouterStats {
    /// Returns how many packets were dropped for a reason. What one packet means for several
    /// subscribers is counted once for each.
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.dropped[reason as usize]
    }

    /// Walks all reasons with their counts.
    pub fn drops(&self) -> impl Iterator<Item = (DropReason, u64)> {
        DropReason::ALL.into_iter().map(|reason| (reason, self.dropped(reason)))
    }

    pub(super) fn count_drop(&mut self, reason: DropReason) {
        self.dropped[reason as usize] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_own_counter() {
        let mut stats = RouterStats::default();
        for (place, reason) in DropReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place);
            stats.count_drop(reason);
        }
        assert!(stats.drops().all(|(_, count)| count == 1));
    }
}
