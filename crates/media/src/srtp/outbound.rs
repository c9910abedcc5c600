//! The sealing side of an association.

use std::fmt;

use super::{
    SrtpKeys, SrtpProfile,
    cipher::{Cipher, PacketNonce, Use},
};
use crate::rtp::RtpHeader;

/// Seals RTP and RTCP towards one peer.
///
/// RTP indices are the caller's, since whoever numbers packets knows them; the SRTCP index is
/// kept here, one for all SSRCs.
pub struct OutboundContext {
    rtp: Cipher,
    rtcp: Cipher,
    rtcp_index: u32,
    profile: SrtpProfile,
}

impl OutboundContext {
    /// Derives the session keys.
    pub fn new(keys: &SrtpKeys) -> Self {
        Self {
            rtp: Cipher::new(keys.profile, &keys.outbound, Use::Rtp),
            rtcp: Cipher::new(keys.profile, &keys.outbound, Use::Rtcp),
            rtcp_index: 0,
            profile: keys.profile,
        }
    }

    /// Protects a whole RTP packet in place and appends the tag.
    ///
    /// `index` is the rollover counter above the packet's sequence number.
    pub fn protect_rtp(&self, index: u64, packet: &mut Vec<u8>) -> Result<(), ProtectError> {
        let header = RtpHeader::parse(packet).map_err(|_| ProtectError::MalformedPacket)?;
        if header.sequence_number != index as u16 {
            return Err(ProtectError::IndexMismatch);
        }
        let (aad, payload) = packet.split_at_mut(header.header_len());
        let nonce = PacketNonce { ssrc: header.ssrc, index };
        match &self.rtp {
            Cipher::Gcm(cipher) => {
                let tag = cipher
                    .seal_in_place(nonce, aad, payload)
                    .map_err(|_| ProtectError::MalformedPacket)?;
                packet.extend_from_slice(tag.as_ref());
            }
            Cipher::Cm(cipher) => {
                cipher.apply(nonce, payload);
                let tag = cipher.tag(packet, &rollover_counter(index));
                packet.extend_from_slice(&tag);
            }
        }
        Ok(())
    }

    /// Seals `payload` behind the header that is in the first `header_len` bytes of `out`.
    ///
    /// `out` is exactly as long as header, payload and tag. The caller vouches that the header is
    /// well-formed, that `nonce` (SSRC and index) is its own, and that it was not used before.
    #[inline]
    pub(crate) fn seal_rtp(
        &self,
        (ssrc, index): (u32, u64),
        header_len: usize,
        payload: &[u8],
        out: &mut [u8],
    ) -> Result<(), ProtectError> {
        let nonce = PacketNonce { ssrc, index };
        let Some((header, body)) = out.split_at_mut_checked(header_len) else {
            return Err(ProtectError::MalformedPacket);
        };
        match &self.rtp {
            Cipher::Gcm(cipher) => {
                cipher.seal(nonce, header, payload, body).map_err(|_| ProtectError::MalformedPacket)
            }
            Cipher::Cm(cipher) => {
                let Some(ciphertext) = body.get_mut(..payload.len()) else {
                    return Err(ProtectError::MalformedPacket);
                };
                ciphertext.copy_from_slice(payload);
                cipher.apply(nonce, ciphertext);
                let (packet, tag) = out.split_at_mut(header_len + payload.len());
                let computed = cipher.tag(packet, &rollover_counter(index));
                if tag.len() != computed.len() {
                    return Err(ProtectError::MalformedPacket);
                }
                tag.copy_from_slice(&computed);
                Ok(())
            }
        }
    }

    /// Protects a compound RTCP packet in place and appends index and tag.
    pub fn protect_rtcp(&mut self, packet: &mut Vec<u8>) -> Result<(), ProtectError> {
        let Some(header) = packet.first_chunk::<RTCP_CLEAR_LEN>() else {
            return Err(ProtectError::MalformedPacket);
        };
        let ssrc = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
        if self.rtcp_index > MAX_RTCP_INDEX {
            return Err(ProtectError::IndexExhausted);
        }
        let index = self.rtcp_index;
        self.rtcp_index += 1;
        let nonce = PacketNonce { ssrc, index: u64::from(index) };
        let trailer = (ENCRYPTED_FLAG | index).to_be_bytes();
        match &self.rtcp {
            Cipher::Gcm(cipher) => {
                let mut aad = [0; RTCP_CLEAR_LEN + 4];
                aad[..RTCP_CLEAR_LEN].copy_from_slice(&packet[..RTCP_CLEAR_LEN]);
                aad[RTCP_CLEAR_LEN..].copy_from_slice(&trailer);
                let tag = cipher
                    .seal_in_place(nonce, &aad, &mut packet[RTCP_CLEAR_LEN..])
                    .map_err(|_| ProtectError::MalformedPacket)?;
                packet.extend_from_slice(tag.as_ref());
                packet.extend_from_slice(&trailer);
            }
            Cipher::Cm(cipher) => {
                cipher.apply(nonce, &mut packet[RTCP_CLEAR_LEN..]);
                packet.extend_from_slice(&trailer);
                let tag = cipher.tag(packet, &[]);
                packet.extend_from_slice(&tag);
            }
        }
        Ok(())
    }

    /// Returns how many bytes protection adds to an RTP packet.
    #[inline]
    pub fn rtp_overhead(&self) -> usize {
        self.profile.rtp_overhead()
    }
}

impl fmt::Debug for OutboundContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboundContext")
            .field("profile", &self.profile)
            .field("rtcp_index", &self.rtcp_index)
            .finish_non_exhaustive()
    }
}

/// Why a packet was not protected.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProtectError {
    /// All SRTCP indices of the key are used up.
    #[error("srtcp index is exhausted")]
    IndexExhausted,
    /// The index does not end in the packet's sequence number.
    #[error("packet index does not match the sequence number")]
    IndexMismatch,
    /// The bytes are no RTP or RTCP packet.
    #[error("malformed packet")]
    MalformedPacket,
}

pub(super) fn rollover_counter(index: u64) -> [u8; 4] {
    ((index >> 16) as u32).to_be_bytes()
}

/// The part of an RTCP packet that is never encrypted: header and sender SSRC.
pub(super) const RTCP_CLEAR_LEN: usize = 8;
pub(super) const ENCRYPTED_FLAG: u32 = 0x8000_0000;
const MAX_RTCP_INDEX: u32 = 0x7fff_ffff;
