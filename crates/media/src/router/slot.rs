//! One outgoing stream: a receiving track of a leg, with its own SSRC, numbering and timeline.
//!
//! The source may change, the stream may not: sequence numbers continue without a gap, timestamps
//! never run backwards, and no (SSRC, index) ever carries two different packets.

use std::time::Duration;

use trunkline_clock::Instant;

use super::{LegId, ReceiveTrack, reception::to_units};
use crate::{
    control::{LegKey, Mid, ReceiveKind, StreamKind},
    rtp::{EncodeExtensionError, ExtensionTemplate, FIXED_HEADER_LEN, VariableElement},
};

/// A published stream: which leg, which of its publishing tracks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct SourceId {
    pub(super) leg: LegId,
    pub(super) track: u8,
}

/// What the fan-out knows about the packet at hand.
#[derive(Clone, Copy, Debug)]
pub(super) struct SourcePacket<'a> {
    pub(super) class: PacketClass,
    /// Index on the publisher's unbroken line.
    pub(super) index: u64,
    pub(super) timestamp: u32,
    pub(super) marker: bool,
    /// Level or orientation, as the publisher's extension had it.
    pub(super) variable: Option<u8>,
    pub(super) payload: &'a [u8],
    /// Changes whenever slots must start a new segment.
    pub(super) epoch: u64,
    /// Changes whenever the publisher's timestamps start over.
    pub(super) timeline: u64,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum PacketClass {
    Audio,
    TelephoneEvent,
    /// Video between keyframes.
    VideoDelta,
    /// The first packet of a keyframe.
    VideoKeyStart,
    /// A later packet of a keyframe.
    VideoKey,
}

impl PacketClass {
    pub(super) const fn is_video(self) -> bool {
        match self {
            Self::Audio | Self::TelephoneEvent => false,
            Self::VideoDelta | Self::VideoKeyStart | Self::VideoKey => true,
        }
    }
}

/// Where a packet goes on the slot's own lines.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Placed {
    pub(super) index: u64,
    pub(super) timestamp: u32,
    pub(super) marker: bool,
    pub(super) payload_type: u8,
}

/// Why a slot does not take a packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Refusal {
    KeyframeAwaited,
    Late,
    Unsupported,
}

/// One outgoing stream.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) leg: LegId,
    pub(super) ssrc: u32,
    payload_type: u8,
    telephone_event: Option<u8>,
    pub(super) template: ExtensionTemplate,
    pub(super) awaits_keyframe: bool,
    clock_rate_hz: u32,
    epoch: u64,
    timeline: u64,
    segment: Segment,
    /// One above the highest index sent.
    next: u64,
    last_timestamp: u32,
    last_sent: Option<Instant>,
    pub(super) packet_count: u32,
    pub(super) octet_count: u32,
    pub(super) source: Option<SourceId>,
    pub(super) kind: ReceiveKind,
    pub(super) mid: Mid,
    /// What the client asked to see here, present or not.
    pub(super) wanted: Option<(LegKey, StreamKind)>,
    pub(super) rtx: Option<RtxStream>,
    /// Earlier segments, oldest first, for retransmissions.
    history: Vec<Segment>,
    retransmit_tokens: u32,
    retransmit_refilled: Option<Instant>,
}

/// A stretch of the slot's line that maps one to one onto a publisher's line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Segment {
    pub(super) source: Option<SourceId>,
    pub(super) timeline: u64,
    source_first: u64,
    slot_first: u64,
    timestamp_offset: u32,
}

impl Segment {
    /// Returns the index on the publisher's line.
    pub(super) fn source_index(&self, slot_index: u64) -> Option<u64> {
        self.source_first.checked_add(slot_index.checked_sub(self.slot_first)?)
    }

    /// Returns the timestamp on the slot's line.
    pub(super) fn timestamp(&self, source_timestamp: u32) -> u32 {
        source_timestamp.wrapping_add(self.timestamp_offset)
    }
}

/// The retransmission stream of a slot ([RFC 4588](https://www.rfc-editor.org/rfc/rfc4588)).
#[derive(Clone, Copy, Debug)]
pub(super) struct RtxStream {
    pub(super) ssrc: u32,
    pub(super) payload_type: u8,
    pub(super) next: u64,
}

impl Slot {
    pub(super) fn new(leg: LegId, track: &ReceiveTrack) -> Result<Self, EncodeExtensionError> {
        let (variable, clock_rate_hz) = match track.kind {
            ReceiveKind::Audio => (track.extensions.audio_level, 48_000),
            ReceiveKind::Video => (track.extensions.video_orientation, 90_000),
        };
        let template = ExtensionTemplate::new(
            track.extensions.mid.map(|id| (id, track.mid.as_bytes())),
            variable.map(|id| VariableElement { id }),
        )?;
        // Starting in the lower half leaves the receiver's first estimate of the rollover counter
        // no room for error (RFC 3711 §3.3.1).
        let first = u64::from(track.ssrc & 0x7fff);
        let rtx = track.rtx_ssrc.zip(track.payload_types.rtx);
        Ok(Self {
            leg,
            ssrc: track.ssrc,
            payload_type: track.payload_types.media,
            telephone_event: track.payload_types.telephone_event,
            template,
            awaits_keyframe: false,
            clock_rate_hz,
            epoch: NO_EPOCH,
            timeline: NO_EPOCH,
            segment: Segment {
                source: None,
                timeline: NO_EPOCH,
                source_first: 0,
                slot_first: first,
                timestamp_offset: 0,
            },
            next: first,
            last_timestamp: 0,
            last_sent: None,
            packet_count: 0,
            octet_count: 0,
            source: None,
            kind: track.kind,
            mid: track.mid.clone(),
            wanted: None,
            rtx: rtx.map(|(ssrc, payload_type)| RtxStream {
                ssrc,
                payload_type,
                next: u64::from(ssrc & 0x7fff),
            }),
            history: Vec::new(),
            retransmit_tokens: 0,
            retransmit_refilled: None,
        })
    }

    /// Finds the packet's place, starting a new segment where needed.
    #[inline]
    pub(super) fn place(
        &mut self,
        now: Instant,
        packet: &SourcePacket<'_>,
    ) -> Result<Placed, Refusal> {
        let payload_type = match packet.class {
            PacketClass::TelephoneEvent => match self.telephone_event {
                Some(payload_type) => payload_type,
                None => {
                    // The hole must not look like loss.
                    self.epoch = NO_EPOCH;
                    return Err(Refusal::Unsupported);
                }
            },
            PacketClass::Audio
            | PacketClass::VideoDelta
            | PacketClass::VideoKeyStart
            | PacketClass::VideoKey => self.payload_type,
        };
        let mut marker = packet.marker;
        if self.awaits_keyframe {
            if packet.class != PacketClass::VideoKeyStart {
                return Err(Refusal::KeyframeAwaited);
            }
            self.awaits_keyframe = false;
            self.start_segment(now, packet);
        } else if self.epoch != packet.epoch {
            self.start_segment(now, packet);
            // The first packet of a talkspurt (RFC 3551 §4.1): the listener may adapt its delay.
            marker |= !packet.class.is_video();
        }
        let Some(mut index) = packet
            .index
            .checked_sub(self.segment.source_first)
            .map(|ahead| self.segment.slot_first + ahead)
        else {
            return Err(Refusal::Late);
        };
        if index >= self.next {
            if index - self.next > MAX_JUMP {
                self.start_segment(now, packet);
                index = self.next;
            }
            self.next = index + 1;
            self.last_timestamp = self.segment.timestamp(packet.timestamp);
            self.last_sent = Some(now);
        }
        self.packet_count = self.packet_count.wrapping_add(1);
        self.octet_count = self.octet_count.wrapping_add(packet.payload.len() as u32);
        let timestamp = self.segment.timestamp(packet.timestamp);
        Ok(Placed { index, timestamp, marker, payload_type })
    }

    /// Makes the next packet start a new segment; video then waits for a keyframe.
    pub(super) fn attach(&mut self, source: SourceId) {
        self.source = Some(source);
        self.epoch = NO_EPOCH;
        self.awaits_keyframe = self.kind == ReceiveKind::Video;
    }

    /// Ends what the slot shows.
    pub(super) fn detach(&mut self) {
        self.source = None;
        self.epoch = NO_EPOCH;
        self.awaits_keyframe = false;
    }

    /// Takes one retransmission from the budget.
    pub(super) fn take_retransmission(&mut self, now: Instant) -> bool {
        let elapsed = self
            .retransmit_refilled
            .map_or(Duration::MAX, |refilled| now.saturating_duration_since(refilled));
        if elapsed >= RETRANSMIT_INTERVAL {
            self.retransmit_tokens = RETRANSMIT_BURST;
            self.retransmit_refilled = Some(now);
        }
        match self.retransmit_tokens.checked_sub(1) {
            Some(rest) => {
                self.retransmit_tokens = rest;
                true
            }
            None => false,
        }
    }

    /// Returns the segment that an index on the slot's line belongs to.
    pub(super) fn segment_of(&self, index: u64) -> Option<&Segment> {
        if index >= self.next {
            return None;
        }
        std::iter::once(&self.segment)
            .chain(self.history.iter().rev())
            .find(|segment| index >= segment.slot_first)
    }

    /// Returns one above the highest index sent.
    pub(super) fn next_index(&self) -> u64 {
        self.next
    }

    /// Returns the last timestamp and when it was sent.
    pub(super) fn last_sent(&self) -> Option<(u32, Instant)> {
        self.last_sent.map(|at| (self.last_timestamp, at))
    }

    /// Maps a timestamp of the current source; `None` while nothing of it was sent.
    pub(super) fn map_timestamp(&self, timeline: u64, source_timestamp: u32) -> Option<u32> {
        (self.epoch != NO_EPOCH && self.timeline == timeline)
            .then(|| self.segment.timestamp(source_timestamp))
    }

    pub(super) fn payload_type(&self) -> u8 {
        self.payload_type
    }

    pub(super) fn clock_rate_hz(&self) -> u32 {
        self.clock_rate_hz
    }

    #[cold]
    fn start_segment(&mut self, now: Instant, packet: &SourcePacket<'_>) {
        if self.kind == ReceiveKind::Video && self.segment.source.is_some() {
            if self.history.len() == MAX_HISTORY {
                self.history.remove(0);
            }
            self.history.push(self.segment);
        }
        let mut timestamp_offset = self.segment.timestamp_offset;
        if self.timeline != packet.timeline {
            let timestamp = match self.last_sent {
                // The time that passed, and at least one frame.
                Some(last_sent) => {
                    let elapsed = now.saturating_duration_since(last_sent).as_nanos() as u64;
                    let units = to_units(elapsed, self.clock_rate_hz) as u32;
                    self.last_timestamp.wrapping_add(units.max(self.clock_rate_hz / 50))
                }
                None => packet.timestamp,
            };
            timestamp_offset = timestamp.wrapping_sub(packet.timestamp);
        }
        self.segment = Segment {
            source: self.source,
            timeline: packet.timeline,
            source_first: packet.index,
            slot_first: self.next,
            timestamp_offset,
        };
        self.epoch = packet.epoch;
        self.timeline = packet.timeline;
    }
}

/// Writes the header of a placed packet and returns its length. `out` has room for it.
#[inline]
pub(super) fn write_header(
    placed: &Placed,
    ssrc: u32,
    template: &ExtensionTemplate,
    variable: Option<u8>,
    out: &mut [u8],
) -> usize {
    let len = FIXED_HEADER_LEN + template.len();
    let Some((fixed, rest)) = out.split_first_chunk_mut::<FIXED_HEADER_LEN>() else { return len };
    fixed[0] = if template.is_empty() { 0x80 } else { 0x90 };
    fixed[1] = (u8::from(placed.marker) << 7) | placed.payload_type;
    fixed[2..4].copy_from_slice(&(placed.index as u16).to_be_bytes());
    fixed[4..8].copy_from_slice(&placed.timestamp.to_be_bytes());
    fixed[8..12].copy_from_slice(&ssrc.to_be_bytes());
    template.write(variable, rest);
    len
}

/// No publisher has this epoch, nor this timeline.
pub(super) const NO_EPOCH: u64 = 0;
/// A wider jump of the publisher's numbers is not passed on: it would only make receivers ask for
/// thousands of packets that never were.
const MAX_JUMP: u64 = 3_000;
/// Segments that a late NACK can reach. A segment is a switch of sources, seconds apart.
const MAX_HISTORY: usize = 8;
/// Retransmissions for one slot: 200 in 100 ms are more than a whole keyframe, and bound what a
/// hostile subscriber can multiply.
const RETRANSMIT_BURST: u32 = 200;
const RETRANSMIT_INTERVAL: Duration = Duration::from_millis(100);
