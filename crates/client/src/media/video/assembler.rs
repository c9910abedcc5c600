//! Puts received packets together to frames, waiting for retransmissions and giving up in time.

use std::{collections::BTreeMap, time::Duration};

use bytes::{Bytes, BytesMut};
use trunkline_clock::Instant;
use trunkline_media::{rtp::extend_sequence, vp8::Vp8Descriptor};

use crate::media::ivf::is_keyframe;

/// Assembles the frames of one receive m-line.
#[derive(Debug, Default)]
pub(in crate::media) struct Assembler {
    packets: BTreeMap<u64, Held>,
    highest: Option<u64>,
    /// The packet with which the next frame begins; none before the first keyframe.
    next: Option<u64>,
    /// When a hole in front of the next frame was first seen.
    stuck_since: Option<Instant>,
    last_request: Option<Instant>,
    dropped: u64,
}

#[derive(Debug)]
struct Held {
    timestamp: u32,
    starts_frame: bool,
    ends_frame: bool,
    fragment: Bytes,
}

/// One whole frame.
pub(in crate::media) struct Frame {
    pub(in crate::media) timestamp: u32,
    pub(in crate::media) is_keyframe: bool,
    pub(in crate::media) data: Bytes,
}

impl Assembler {
    /// Takes a packet.
    pub(in crate::media) fn insert(&mut self, packet: rtc::rtp::Packet) {
        let Some(descriptor) = Vp8Descriptor::parse(&packet.payload) else { return };
        if descriptor.len >= packet.payload.len() {
            return;
        }
        let number = match self.highest {
            None => 0x1_0000 + u64::from(packet.header.sequence_number),
            Some(highest) => {
                let Some(number) = extend_sequence(packet.header.sequence_number, highest) else {
                    return;
                };
                number
            }
        };
        self.highest = Some(self.highest.map_or(number, |highest| highest.max(number)));
        if self.next.is_some_and(|next| number < next) {
            return;
        }
        let held = Held {
            timestamp: packet.header.timestamp,
            starts_frame: descriptor.starts_partition && descriptor.partition == 0,
            ends_frame: packet.header.marker,
            fragment: packet.payload.slice(descriptor.len..),
        };
        self.packets.insert(number, held);
        while self.packets.len() > MAX_PACKETS {
            self.packets.pop_first();
            self.next = None;
        }
    }

    /// Returns the next whole frame, if there is one.
    pub(in crate::media) fn next_frame(&mut self, now: Instant) -> Option<Frame> {
        if self.next.is_none() {
            self.next = self.find_keyframe();
        }
        let next = self.next?;
        if let Some(frame) = self.take_frame(next) {
            self.stuck_since = None;
            return Some(frame);
        }
        // Whole or half frames behind a hole: it may be filled by a retransmission, for a while.
        let is_stuck = self.highest.is_some_and(|highest| highest >= next);
        if !is_stuck {
            self.stuck_since = None;
            return None;
        }
        let since = *self.stuck_since.get_or_insert(now);
        if now.saturating_duration_since(since) < REPAIR_TIME {
            return None;
        }
        self.stuck_since = None;
        self.dropped += 1;
        self.next = self.find_keyframe_after(next);
        match self.next {
            Some(next) => self.take_frame(next),
            None => None,
        }
    }

    /// Returns whether to ask for a keyframe, at most a few times a second.
    pub(in crate::media) fn wants_keyframe(&mut self, now: Instant) -> bool {
        if self.next.is_some() || self.highest.is_none() {
            return false;
        }
        let is_recent = self
            .last_request
            .is_some_and(|last| now.saturating_duration_since(last) < REQUEST_INTERVAL);
        if !is_recent {
            self.last_request = Some(now);
        }
        !is_recent
    }

    /// Returns how many times frames were given up.
    pub(in crate::media) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Takes the frame that begins with a packet if all of it is there.
    fn take_frame(&mut self, first: u64) -> Option<Frame> {
        let start = self.packets.get(&first).filter(|held| held.starts_frame)?;
        let timestamp = start.timestamp;
        let mut last = first;
        loop {
            let held = self.packets.get(&last).filter(|held| held.timestamp == timestamp)?;
            if held.ends_frame {
                break;
            }
            last += 1;
        }
        let later = self.packets.split_off(&(last + 1));
        let frame = std::mem::replace(&mut self.packets, later);
        let mut data = BytesMut::new();
        for held in frame.range(first..).map(|(_, held)| held) {
            data.extend_from_slice(&held.fragment);
        }
        self.next = Some(last + 1);
        Some(Frame { timestamp, is_keyframe: is_keyframe(&data), data: data.freeze() })
    }

    fn find_keyframe(&self) -> Option<u64> {
        self.find_keyframe_after(0)
    }

    fn find_keyframe_after(&self, number: u64) -> Option<u64> {
        self.packets
            .range(number..)
            .find(|(_, held)| held.starts_frame && is_keyframe(&held.fragment))
            .map(|(number, _)| *number)
    }
}

/// About a second of a large video: more would be shown too late anyway.
const MAX_PACKETS: usize = 512;
/// A retransmission takes a round trip and a half; beyond this a new keyframe is quicker.
const REPAIR_TIME: Duration = Duration::from_millis(300);
const REQUEST_INTERVAL: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::video::packetize;

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis * 1_000_000)
    }

    fn frame(number: u8, is_key: bool, length: usize) -> Bytes {
        let mut data = vec![number; length.max(12)];
        data[0] = u8::from(!is_key);
        if is_key {
            data[3..6].copy_from_slice(&[0x9d, 0x01, 0x2a]);
        }
        data.into()
    }

    fn packets(frames: &[Bytes]) -> Vec<rtc::rtp::Packet> {
        let mut sequence_number = 65_530_u16;
        let mut packets = Vec::new();
        for (index, frame) in frames.iter().enumerate() {
            let payloads = packetize(frame, index as u16);
            let count = payloads.len();
            for (part, payload) in payloads.into_iter().enumerate() {
                let mut packet = rtc::rtp::Packet { payload, ..rtc::rtp::Packet::default() };
                packet.header.sequence_number = sequence_number;
                packet.header.timestamp = index as u32 * 3_000;
                packet.header.marker = part + 1 == count;
                sequence_number = sequence_number.wrapping_add(1);
                packets.push(packet);
            }
        }
        packets
    }

    fn drain(assembler: &mut Assembler, now: Instant) -> Vec<Bytes> {
        std::iter::from_fn(|| assembler.next_frame(now).map(|frame| frame.data)).collect()
    }

    #[test]
    fn frames_come_out_whole_and_in_order_whatever_the_order_of_packets() {
        let frames: Vec<_> = (0..6).map(|number| frame(number, number == 0, 2_500)).collect();
        let mut all = packets(&frames);
        for pair in all.chunks_mut(2).skip(1) {
            pair.reverse();
        }
        let mut assembler = Assembler::default();
        let mut seen = Vec::new();
        for packet in all {
            assembler.insert(packet.clone());
            assembler.insert(packet);
            seen.extend(drain(&mut assembler, at(0)));
        }
        assert_eq!(seen, frames);
    }

    #[test]
    fn a_late_retransmission_completes_the_frame_and_an_endless_hole_waits_for_a_keyframe() {
        let frames: Vec<_> = (0..6).map(|number| frame(number, number % 4 == 0, 2_500)).collect();
        let all = packets(&frames);
        let mut assembler = Assembler::default();
        for packet in all[..3].iter().chain(&all[4..9]) {
            assembler.insert(packet.clone());
        }
        assert_eq!(drain(&mut assembler, at(0)), frames[..1]);
        assert!(drain(&mut assembler, at(200)).is_empty());
        assembler.insert(all[3].clone());
        assert_eq!(drain(&mut assembler, at(250)), frames[1..3]);

        for packet in &all[10..] {
            assembler.insert(packet.clone());
        }
        assert!(drain(&mut assembler, at(300)).is_empty());
        assert!(!assembler.wants_keyframe(at(300)));
        assert_eq!(drain(&mut assembler, at(601)), frames[4..6]);
        assert_eq!(assembler.dropped(), 1);
    }

    #[test]
    fn a_stream_joined_in_the_middle_asks_for_a_keyframe_now_and_then() {
        let frames: Vec<_> = (0..3).map(|number| frame(number, false, 100)).collect();
        let mut assembler = Assembler::default();
        assert!(!assembler.wants_keyframe(at(0)));
        for packet in packets(&frames) {
            assembler.insert(packet);
        }
        assert!(drain(&mut assembler, at(0)).is_empty());
        let asked = (0..100).filter(|step| assembler.wants_keyframe(at(step * 20))).count();
        assert_eq!(asked, 4);
    }

    #[test]
    fn a_flood_without_frames_is_bounded() {
        let mut assembler = Assembler::default();
        for number in 0..10_000_u32 {
            let mut packet = rtc::rtp::Packet::default();
            packet.header.sequence_number = number as u16;
            packet.payload = Bytes::from_static(&[0x00, 1, 2]);
            assembler.insert(packet);
            assert!(assembler.next_frame(at(0)).is_none());
        }
        assert!(assembler.packets.len() <= MAX_PACKETS);
    }
}
