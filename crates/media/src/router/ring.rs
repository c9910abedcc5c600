//! The latest packets of one published video stream, kept for subscribers that missed some.

/// A packet that is kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Kept<'a> {
    pub(super) timestamp: u32,
    pub(super) marker: bool,
    /// The variable header extension byte that went out with it.
    pub(super) variable: Option<u8>,
    pub(super) payload: &'a [u8],
}

/// A ring over bytes with an index over packets. Takes its memory with the first packet.
#[derive(Debug, Default)]
pub(super) struct RetransmissionRing {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    /// Bytes ever written, the skipped ends of laps included.
    written: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    /// The packet's index plus one; 0 is an empty entry.
    number: u64,
    at: u64,
    len: u16,
    marker: bool,
    variable: Option<u8>,
    timestamp: u32,
}

impl RetransmissionRing {
    /// Keeps a packet. Packets that could never be sent in one datagram are not kept.
    pub(super) fn insert(&mut self, index: u64, packet: Kept<'_>) {
        let len = packet.payload.len();
        if len > MAX_PACKET_BYTES {
            return;
        }
        if self.bytes.is_empty() {
            self.bytes = vec![0; RING_BYTES];
            self.entries = vec![Entry::default(); RING_ENTRIES];
        }
        let mut start = self.written as usize % RING_BYTES;
        if start + len > RING_BYTES {
            self.written += (RING_BYTES - start) as u64;
            start = 0;
        }
        self.bytes[start..start + len].copy_from_slice(packet.payload);
        self.entries[index as usize % RING_ENTRIES] = Entry {
            number: index + 1,
            at: self.written,
            len: len as u16,
            marker: packet.marker,
            variable: packet.variable,
            timestamp: packet.timestamp,
        };
        self.written += len as u64;
    }

    /// Forgets every packet and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.entries.fill(Entry::default());
    }

    /// Returns a packet that is still kept.
    pub(super) fn find(&self, index: u64) -> Option<Kept<'_>> {
        let entry = self.entries.get(index as usize % RING_ENTRIES)?;
        if entry.number != index + 1 || self.written - entry.at > RING_BYTES as u64 {
            return None;
        }
        let start = entry.at as usize % RING_BYTES;
        Some(Kept {
            timestamp: entry.timestamp,
            marker: entry.marker,
            variable: entry.variable,
            payload: self.bytes.get(start..start + usize::from(entry.len))?,
        })
    }
}

/// A second of video at 2 Mbit/s. More helps only behind round trips of a second, less loses
/// large keyframes.
const RING_BYTES: usize = 256 * 1024;
/// Packets of a keyframe are full, those between are small; 512 of 500 bytes fill the ring.
const RING_ENTRIES: usize = 512;
const MAX_PACKET_BYTES: usize = 2_048;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn kept(payload: &[u8]) -> Kept<'_> {
        Kept { timestamp: 7, marker: true, variable: Some(3), payload }
    }

    #[test]
    fn an_empty_ring_takes_no_memory_and_finds_nothing() {
        let ring = RetransmissionRing::default();
        assert_eq!(ring.bytes.capacity() + ring.entries.capacity(), 0);
        assert_eq!(ring.find(0), None);
    }

    #[test]
    fn what_is_kept_comes_back_whole() {
        let mut ring = RetransmissionRing::default();
        ring.insert(5, kept(&[1, 2, 3]));
        assert_eq!(ring.find(5), Some(kept(&[1, 2, 3])));
        assert_eq!(ring.find(6), None);
        ring.clear();
        assert_eq!(ring.find(5), None);
    }

    proptest! {
        #[test]
        fn a_packet_comes_back_as_it_was_or_not_at_all(
            lens in proptest::collection::vec(0usize..2_100, 1..1_500),
        ) {
            let mut ring = RetransmissionRing::default();
            let mut sent = BTreeMap::new();
            for (index, len) in lens.iter().enumerate() {
                let payload: Vec<u8> = (0..*len).map(|n| (n * 31 + index) as u8).collect();
                ring.insert(index as u64, kept(&payload));
                sent.insert(index as u64, payload);
            }
            let mut found = 0;
            for (index, payload) in &sent {
                if let Some(kept) = ring.find(*index) {
                    prop_assert_eq!(kept.payload, payload.as_slice());
                    found += 1;
                }
            }
            prop_assert!(found >= lens.len().min(100).saturating_sub(20), "{}", found);
        }
    }
}
