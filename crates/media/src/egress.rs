//! The slab that outgoing packets are sealed into.
//!
//! The router appends; the transport reads the entries, hands them to the kernel in batches and
//! clears the slab. Entries are in sending order; entries of one leg keep their order.

use crate::router::LegId;

/// Outgoing packets in one flat buffer. Its memory is reused and never shrinks below what the
/// largest fan-out needed.
#[derive(Debug, Default)]
pub struct Egress {
    bytes: Vec<u8>,
    used: usize,
    entries: Vec<EgressEntry>,
}

/// One outgoing packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct EgressEntry {
    /// Whom it is for; [`LegId::index`] is dense, so the transport can keep addresses in a vector.
    pub leg: LegId,
    offset: u32,
    len: u32,
}

impl EgressEntry {
    /// Returns where the packet starts in [`Egress::bytes`].
    pub fn offset(&self) -> usize {
        self.offset as usize
    }

    /// Returns the packet's length in bytes.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Tells whether the packet is empty, which the router never makes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl Egress {
    /// Forgets every packet and keeps the memory.
    pub fn clear(&mut self) {
        self.used = 0;
        self.entries.clear();
    }

    /// Returns the packets in sending order.
    pub fn entries(&self) -> &[EgressEntry] {
        &self.entries
    }

    /// Returns the buffer that the entries point into.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.used]
    }

    /// Returns the packet of an entry; empty for an entry of an earlier round.
    pub fn packet(&self, entry: &EgressEntry) -> &[u8] {
        self.bytes().get(entry.offset()..entry.offset() + entry.len()).unwrap_or_default()
    }

    /// Walks the packets with their destinations.
    pub fn packets(&self) -> impl Iterator<Item = (LegId, &[u8])> {
        self.entries.iter().map(|entry| (entry.leg, self.packet(entry)))
    }

    /// Tells whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Tells whether the transport should send before it hands in the next packet.
    ///
    /// Sending in small rounds keeps the slab in the cache.
    pub fn wants_flush(&self) -> bool {
        self.used >= FLUSH_BYTES
    }

    /// Returns how many bytes wait.
    pub(crate) fn used_bytes(&self) -> usize {
        self.used
    }

    /// Returns `len` bytes of room for the next packet; [`Self::commit`] makes them a packet.
    #[inline]
    pub(crate) fn room(&mut self, len: usize) -> &mut [u8] {
        self.used += (self.bytes.as_ptr() as usize + self.used + 24).wrapping_neg() % 64;
        let end = self.used + len;
        if end > self.bytes.len() {
            self.bytes.resize(end.next_power_of_two().max(FLUSH_BYTES), 0);
        }
        &mut self.bytes[self.used..end]
    }

    /// Ends the packet that was written to the start of the last room.
    #[inline]
    pub(crate) fn commit(&mut self, leg: LegId, len: usize) {
        self.entries.push(EgressEntry { leg, offset: self.used as u32, len: len as u32 });
        self.used += len;
    }
}

/// From this fill on the slab wants to be sent. Larger rounds save a few system calls and push the
/// slab out of the second-level cache; smaller ones make the batches for `sendmmsg` short.
const FLUSH_BYTES: usize = 128 * 1024;
