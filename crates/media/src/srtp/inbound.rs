//! The opening side of an association.

use std::fmt;

use super::{
    SrtpKeys, SrtpProfile,
    cipher::{CM_TAG_LEN, Cipher, GCM_TAG_LEN, PacketNonce, Use},
    outbound::{ENCRYPTED_FLAG, RTCP_CLEAR_LEN, rollover_counter},
    replay::{Arrival, ReplayWindow},
};
use crate::rtp::{RtpHeader, extend_sequence};

/// Opens RTP and RTCP from one peer.
///
/// Keeps a replay window for each SSRC. The state of an SSRC is made only by a packet that
/// passed authentication, and only for [`Self::MAX_SSRCS`] of them, so a flood of made-up SSRCs
/// costs no memory.
pub struct InboundContext {
    rtp: Cipher,
    rtcp: Cipher,
    profile: SrtpProfile,
    rtp_sources: Vec<Source>,
    rtcp_sources: Vec<Source>,
    last_rtp: usize,
}

impl InboundContext {
    /// How many SSRCs a peer may use, for RTP and RTCP each.
    pub const MAX_SSRCS: usize = 32;

    /// Derives the session keys.
    pub fn new(keys: &SrtpKeys) -> Self {
        Self {
            rtp: Cipher::new(keys.profile, &keys.inbound, Use::Rtp),
            rtcp: Cipher::new(keys.profile, &keys.inbound, Use::Rtcp),
            profile: keys.profile,
            rtp_sources: Vec::new(),
            rtcp_sources: Vec::new(),
            last_rtp: 0,
        }
    }

    /// Authenticates and decrypts an RTP packet in place.
    ///
    /// `header` is what [`RtpHeader::parse`] made of `packet`. After an error the packet's bytes
    /// are of no use.
    pub fn unprotect_rtp(
        &mut self,
        header: &RtpHeader,
        packet: &mut [u8],
    ) -> Result<OpenedRtp, UnprotectError> {
        let header_len = header.header_len();
        let Some(len) =
            packet.len().checked_sub(self.profile.rtp_overhead()).filter(|len| *len >= header_len)
        else {
            return Err(UnprotectError::Truncated);
        };
        let place = self.rtp_source(header.ssrc);
        let (index, window) = match place {
            Some(place) => {
                let window = &self.rtp_sources[place].window;
                let newest = window.newest().unwrap_or_default();
                let index = extend_sequence(header.sequence_number, newest)
                    .filter(|index| *index <= MAX_RTP_INDEX)
                    .ok_or(UnprotectError::TooOld)?;
                (index, Some(window))
            }
            None if self.rtp_sources.len() >= Self::MAX_SSRCS => {
                return Err(UnprotectError::SsrcTableFull);
            }
            None => (u64::from(header.sequence_number), None),
        };
        match window.map_or(Arrival::Fresh, |window| window.check(index)) {
            Arrival::Fresh => {}
            Arrival::Repeated => return Err(UnprotectError::Replayed),
            Arrival::TooOld => return Err(UnprotectError::TooOld),
        }
        let nonce = PacketNonce { ssrc: header.ssrc, index };
        match &self.rtp {
            Cipher::Gcm(cipher) => {
                let (aad, body) = packet.split_at_mut(header_len);
                cipher.open(nonce, aad, body).map_err(|_| UnprotectError::AuthenticationFailed)?;
            }
            Cipher::Cm(cipher) => {
                let (body, tag) = packet.split_at_mut(len);
                if !cipher.verify(body, &rollover_counter(index), tag) {
                    return Err(UnprotectError::AuthenticationFailed);
                }
                cipher.apply(nonce, &mut body[header_len..]);
            }
        }
        let source = match place {
            Some(place) => &mut self.rtp_sources[place],
            None => {
                self.last_rtp = self.rtp_sources.len();
                self.rtp_sources.push(Source::new(header.ssrc));
                &mut self.rtp_sources[self.last_rtp]
            }
        };
        source.window.insert(index);
        Ok(OpenedRtp { index, len })
    }

    /// Authenticates and decrypts a compound RTCP packet in place and returns its length.
    pub fn unprotect_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, UnprotectError> {
        let Some(len) = packet
            .len()
            .checked_sub(self.profile.rtcp_overhead())
            .filter(|len| *len >= RTCP_CLEAR_LEN)
        else {
            return Err(UnprotectError::Truncated);
        };
        let ssrc = u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]);
        let trailer_at = match &self.rtcp {
            Cipher::Gcm(_) => len + GCM_TAG_LEN,
            Cipher::Cm(_) => len,
        };
        let mut trailer = [0; 4];
        trailer.copy_from_slice(&packet[trailer_at..trailer_at + 4]);
        let word = u32::from_be_bytes(trailer);
        let (encrypted, index) = (word & ENCRYPTED_FLAG != 0, u64::from(word & !ENCRYPTED_FLAG));
        let place = self.rtcp_sources.iter().position(|source| source.ssrc == ssrc);
        let arrival = match place {
            Some(place) => self.rtcp_sources[place].window.check(index),
            None if self.rtcp_sources.len() >= Self::MAX_SSRCS => {
                return Err(UnprotectError::SsrcTableFull);
            }
            None => Arrival::Fresh,
        };
        match arrival {
            Arrival::Fresh => {}
            Arrival::Repeated => return Err(UnprotectError::Replayed),
            Arrival::TooOld => return Err(UnprotectError::TooOld),
        }
        let nonce = PacketNonce { ssrc, index };
        match &self.rtcp {
            Cipher::Gcm(cipher) => {
                // RFC 7714 §9.3: an unencrypted packet is all associated data and a tag. Nobody
                // sends those over DTLS-SRTP, and refusing them keeps one path.
                if !encrypted {
                    return Err(UnprotectError::NotEncrypted);
                }
                let mut aad = [0; RTCP_CLEAR_LEN + 4];
                aad[..RTCP_CLEAR_LEN].copy_from_slice(&packet[..RTCP_CLEAR_LEN]);
                aad[RTCP_CLEAR_LEN..].copy_from_slice(&trailer);
                cipher
                    .open(nonce, &aad, &mut packet[RTCP_CLEAR_LEN..trailer_at])
                    .map_err(|_| UnprotectError::AuthenticationFailed)?;
            }
            Cipher::Cm(cipher) => {
                let (body, tag) = packet.split_at_mut(len + 4);
                debug_assert_eq!(tag.len(), CM_TAG_LEN);
                if !cipher.verify(body, &[], tag) {
                    return Err(UnprotectError::AuthenticationFailed);
                }
                if !encrypted {
                    return Err(UnprotectError::NotEncrypted);
                }
                cipher.apply(nonce, &mut body[RTCP_CLEAR_LEN..len]);
            }
        }
        match place {
            Some(place) => self.rtcp_sources[place].window.insert(index),
            None => {
                self.rtcp_sources.push(Source::new(ssrc));
                self.rtcp_sources
                    .last_mut()
                    .expect("a source was pushed on the line above")
                    .window
                    .insert(index)
            }
        };
        Ok(len)
    }

    /// Returns how many SSRCs have state.
    pub fn source_count(&self) -> usize {
        self.rtp_sources.len() + self.rtcp_sources.len()
    }

    fn rtp_source(&mut self, ssrc: u32) -> Option<usize> {
        if self.rtp_sources.get(self.last_rtp).is_some_and(|source| source.ssrc == ssrc) {
            return Some(self.last_rtp);
        }
        let place = self.rtp_sources.iter().position(|source| source.ssrc == ssrc)?;
        self.last_rtp = place;
        Some(place)
    }
}

impl fmt::Debug for InboundContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InboundContext")
            .field("profile", &self.profile)
            .field("rtp_sources", &self.rtp_sources.len())
            .field("rtcp_sources", &self.rtcp_sources.len())
            .finish_non_exhaustive()
    }
}

/// An RTP packet that passed authentication.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OpenedRtp {
    /// The rollover counter above the sequence number.
    pub index: u64,
    /// The length of header and plaintext payload.
    pub len: usize,
}

/// Why a packet was not opened.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum UnprotectError {
    /// The tag is wrong: damaged, forged, or under another key.
    #[error("authentication failed")]
    AuthenticationFailed,
    /// An SRTCP packet without encryption.
    #[error("srtcp packet is not encrypted")]
    NotEncrypted,
    /// The index was seen before.
    #[error("replayed")]
    Replayed,
    /// The peer uses more SSRCs than are tracked.
    #[error("too many ssrcs")]
    SsrcTableFull,
    /// The index is behind the replay window.
    #[error("behind the replay window")]
    TooOld,
    /// The packet is shorter than its header and tag.
    #[error("truncated")]
    Truncated,
}

struct Source {
    ssrc: u32,
    window: ReplayWindow<WINDOW_WORDS>,
}

impl Source {
    fn new(ssrc: u32) -> Self {
        Self { ssrc, window: ReplayWindow::new() }
    }
}

/// 256 packets: a tenth of a second of 20 Mbit/s video. A larger window costs memory for each
/// SSRC, a smaller one refuses packets that a network reordered far.
const WINDOW_WORDS: usize = 4;
const MAX_RTP_INDEX: u64 = (1 << 48) - 1;
