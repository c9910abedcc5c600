//! The hot path: one packet, many subscribers.

use trunkline_clock::Instant;

use super::{
    DropReason, LegId, Pressure, Router,
    slot::{PacketClass, Placed, Refusal, SourcePacket, write_header},
};
use crate::rtcp::NackList;
use crate::rtp::extend_sequence;

/// What came of a fan-out.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct FanOut {
    /// A subscriber waits for a keyframe.
    pub(super) keyframe_awaited: bool,
}

impl Router {
    /// Copies, renumbers and seals a packet for each subscriber of a publisher.
    #[inline]
    pub(super) fn fan_out(
        &mut self,
        now: Instant,
        subscribers: &[u32],
        packet: &SourcePacket<'_>,
    ) -> FanOut {
        let mut result = FanOut::default();
        let drops_delta = packet.class == PacketClass::VideoDelta
            && (self.pressure == Pressure::Tight
                || self.egress.used_bytes() > VIDEO_EGRESS_LIMIT_BYTES);
        for subscriber in subscribers {
            let Some(Some(slot)) = self.slots.get_mut(*subscriber as usize) else { continue };
            if drops_delta {
                // A decoder cannot go on after a hole: the slot waits for the next keyframe.
                slot.awaits_keyframe = true;
                self.stats.count_drop(DropReason::Pressure);
                continue;
            }
            if self.egress.used_bytes() > EGRESS_LIMIT_BYTES {
                slot.awaits_keyframe |= packet.class.is_video();
                self.stats.count_drop(DropReason::EgressFull);
                continue;
            }
            let Some(Some(sealer)) = self.sealers.get(slot.leg.index()) else { continue };
            let placed = match slot.place(now, packet) {
                Ok(placed) => placed,
                Err(refusal) => {
                    result.keyframe_awaited |= refusal == Refusal::KeyframeAwaited;
                    self.stats.count_drop(match refusal {
                        Refusal::KeyframeAwaited => DropReason::KeyframeAwaited,
                        Refusal::Late => DropReason::Late,
                        Refusal::Unsupported => DropReason::UnknownPayloadType,
                    });
                    continue;
                }
            };
            let header_len = crate::rtp::FIXED_HEADER_LEN + slot.template.len();
            let len = header_len + packet.payload.len() + sealer.rtp_overhead();
            let out = self.egress.room(len);
            write_header(&placed, slot.ssrc, &slot.template, packet.variable, out);
            let nonce = (slot.ssrc, placed.index);
            if sealer.seal_rtp(nonce, header_len, packet.payload, out).is_ok() {
                self.egress.commit(slot.leg, len);
                self.stats.rtp_forwarded += 1;
            }
        }
        result
    }

    /// Answers a NACK from the ring of the publisher that the slot was fed from.
    pub(super) fn retransmit(&mut self, now: Instant, slot: u32, losses: NackList<'_>) {
        for sequence_number in losses.take(MAX_NACK_ITEMS) {
            let Some(Some(slot)) = self.slots.get_mut(slot as usize) else { return };
            let Some(newest) = slot.next_index().checked_sub(1) else { return };
            let Some(index) = extend_sequence(sequence_number, newest) else { continue };
            let Some(segment) = slot.segment_of(index).copied() else { continue };
            let (Some(source), Some(source_index)) = (segment.source, segment.source_index(index))
            else {
                continue;
            };
            if !slot.take_retransmission(now) {
                self.stats.retransmission_missed += 1;
                continue;
            }
            let kept = self
                .legs
                .get(source.leg.index())
                .filter(|place| place.generation == source.leg.generation)
                .and_then(|place| place.leg.as_deref())
                .and_then(|leg| leg.publishers.get(usize::from(source.track)))
                .filter(|publisher| publisher.timeline == segment.timeline)
                .and_then(|publisher| publisher.video.as_deref())
                .and_then(|video| video.ring.find(source_index));
            let Some(kept) = kept else {
                self.stats.retransmission_missed += 1;
                continue;
            };
            let Some(Some(sealer)) = self.sealers.get(slot.leg.index()) else { return };
            let timestamp = segment.timestamp(kept.timestamp);
            // With RTX the packet travels under a fresh number of its own stream. Without, it is
            // sent again as it was: header, payload and nonce are the same, so is the ciphertext.
            let (ssrc, placed, payload) = match &mut slot.rtx {
                Some(rtx) => {
                    self.scratch.clear();
                    self.scratch.extend_from_slice(&(index as u16).to_be_bytes());
                    self.scratch.extend_from_slice(kept.payload);
                    let placed = Placed {
                        index: rtx.next,
                        timestamp,
                        marker: kept.marker,
                        payload_type: rtx.payload_type,
                    };
                    rtx.next += 1;
                    (rtx.ssrc, placed, self.scratch.as_slice())
                }
                None => {
                    let payload_type = slot.payload_type();
                    let placed = Placed { index, timestamp, marker: kept.marker, payload_type };
                    (slot.ssrc, placed, kept.payload)
                }
            };
            let header_len = crate::rtp::FIXED_HEADER_LEN + slot.template.len();
            let len = header_len + payload.len() + sealer.rtp_overhead();
            let out = self.egress.room(len);
            write_header(&placed, ssrc, &slot.template, kept.variable, out);
            if sealer.seal_rtp((ssrc, placed.index), header_len, payload, out).is_ok() {
                self.egress.commit(slot.leg, len);
                self.stats.retransmitted += 1;
            }
        }
    }

    /// Protects what was written and puts it into the slab. A leg on hold gets nothing.
    pub(super) fn send_compound(&mut self, leg: LegId) {
        let is_live = self.leg(leg).is_some_and(super::Leg::is_live);
        if !self.writer.is_empty()
            && is_live
            && let Some(Some(sealer)) = self.sealers.get_mut(leg.index())
            && sealer.protect_rtcp(self.writer.bytes_mut()).is_ok()
        {
            let bytes = self.writer.as_bytes();
            self.egress.room(bytes.len()).copy_from_slice(bytes);
            self.egress.commit(leg, bytes.len());
            self.stats.rtcp_sent += 1;
        }
        self.writer.clear();
    }
}

/// Video between keyframes is dropped while this much waits to be sent: a transport that drains
/// after each packet never gets here, one that is stuck does in a fraction of a second.
const VIDEO_EGRESS_LIMIT_BYTES: usize = 4 * 1024 * 1024;
/// Nothing more is taken beyond this much: the slab stays bounded whatever the transport does.
const EGRESS_LIMIT_BYTES: usize = 32 * 1024 * 1024;
/// One NACK of 1,200 bytes could name 5,000 packets; no receiver means that.
const MAX_NACK_ITEMS: usize = 256;
