//! Decides which datagrams of DTLS records may reach the endpoint, and how many.
//!
//! Records of epoch 0 are not authenticated, so whoever can forge the source address can send them.
//! The endpoint keeps fragments and queues what it cannot read yet; the checks and rations here
//! bound what such a sender can make it keep.

use std::time::Duration;

use trunkline_clock::Instant;

/// The ration of one association.
#[derive(Debug)]
pub(super) struct Admission {
    tokens: u32,
    refilled_at: Instant,
    kept_bytes: usize,
}

impl Default for Admission {
    fn default() -> Self {
        Self { tokens: BURST, refilled_at: Instant::ZERO, kept_bytes: 0 }
    }
}

/// What an admitted datagram consists of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// At least one handshake record in the clear.
    Handshake,
    /// Nothing but other records.
    Other,
}

/// Why a datagram did not reach the endpoint.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum DatagramFault {
    /// The records are not framed as DTLS frames them, or cannot come from a client.
    Malformed,
    /// The association has had its ration.
    Rationed,
    /// The association does not expect it.
    Unexpected,
}

impl Admission {
    pub(super) fn admit(
        &mut self,
        now: Instant,
        datagram: &[u8],
        is_established: bool,
    ) -> Result<Kind, DatagramFault> {
        let kind = inspect(datagram)?;
        self.refill(now);
        self.tokens = self.tokens.checked_sub(1).ok_or(DatagramFault::Rationed)?;
        // Only handshake records in the clear and records of a coming epoch are kept by the
        // endpoint; once established, an encrypted record is opened or forgotten.
        if kind == Kind::Handshake || !is_established {
            let kept = self.kept_bytes + datagram.len();
            if kept > MAX_KEPT_BYTES {
                return Err(DatagramFault::Rationed);
            }
            self.kept_bytes = kept;
        }
        Ok(kind)
    }

    fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.refilled_at);
        let earned = passed.as_nanos() / REFILL_INTERVAL.as_nanos();
        if earned > 0 {
            self.refilled_at = now;
            let earned = u32::try_from(earned).unwrap_or(BURST);
            self.tokens = self.tokens.saturating_add(earned).min(BURST);
        }
    }
}

/// One record of a datagram.
pub(super) struct Record<'a> {
    pub(super) content_type: u8,
    pub(super) epoch: u16,
    pub(super) fragment: &'a [u8],
}

/// One handshake fragment of a record.
pub(super) struct HandshakeFragment<'a> {
    pub(super) kind: u8,
    pub(super) length: usize,
    pub(super) message_sequence: u16,
    pub(super) offset: usize,
    pub(super) body: &'a [u8],
}

/// Takes the next record off a datagram ([RFC 6347 §4.1](https://www.rfc-editor.org/rfc/rfc6347#section-4.1)).
pub(super) fn next_record<'a>(rest: &mut &'a [u8]) -> Result<Record<'a>, DatagramFault> {
    let header: &[u8; 13] = rest.first_chunk().ok_or(DatagramFault::Malformed)?;
    let length = usize::from(u16::from_be_bytes([header[11], header[12]]));
    let is_dtls = header[1] == 0xfe && matches!(header[2], 0xfd | 0xff);
    let end = header.len() + length;
    if !is_dtls || length == 0 || length > MAX_RECORD_BYTES || end > rest.len() {
        return Err(DatagramFault::Malformed);
    }
    let record = Record {
        content_type: header[0],
        epoch: u16::from_be_bytes([header[3], header[4]]),
        fragment: &rest[13..end],
    };
    *rest = &rest[end..];
    Ok(record)
}

/// Takes the next fragment off a handshake record ([RFC 6347 §4.2.2](https://www.rfc-editor.org/rfc/rfc6347#section-4.2.2)).
pub(super) fn next_fragment<'a>(
    rest: &mut &'a [u8],
) -> Result<HandshakeFragment<'a>, DatagramFault> {
    let header: &[u8; 12] = rest.first_chunk().ok_or(DatagramFault::Malformed)?;
    let number = |at: usize| {
        let bytes = [0, header[at], header[at + 1], header[at + 2]];
        u32::from_be_bytes(bytes) as usize
    };
    let (length, offset, size) = (number(1), number(6), number(9));
    let end = header.len() + size;
    let is_empty = size == 0;
    if length > MAX_MESSAGE_BYTES || offset + size > length || end > rest.len() || is_empty {
        return Err(DatagramFault::Malformed);
    }
    let fragment = HandshakeFragment {
        kind: header[0],
        length,
        message_sequence: u16::from_be_bytes([header[4], header[5]]),
        offset,
        body: &rest[12..end],
    };
    *rest = &rest[end..];
    Ok(fragment)
}

fn inspect(datagram: &[u8]) -> Result<Kind, DatagramFault> {
    let mut kind = Kind::Other;
    let mut rest = datagram;
    while !rest.is_empty() {
        let record = next_record(&mut rest)?;
        match (record.content_type, record.epoch) {
            (HANDSHAKE, 0) => {
                kind = Kind::Handshake;
                let mut fragments = record.fragment;
                while !fragments.is_empty() {
                    let fragment = next_fragment(&mut fragments)?;
                    let is_client_message = matches!(
                        fragment.kind,
                        CLIENT_HELLO | CERTIFICATE | CERTIFICATE_VERIFY | CLIENT_KEY_EXCHANGE
                    );
                    if !is_client_message || fragment.message_sequence > MAX_MESSAGE_SEQUENCE {
                        return Err(DatagramFault::Malformed);
                    }
                }
            }
            (CHANGE_CIPHER_SPEC, 0) if record.fragment == [1] => {}
            // An alert in the clear is not worth believing: anyone can send it, and a client that
            // really gives up says so by signaling or falls silent.
            (CHANGE_CIPHER_SPEC | ALERT | APPLICATION_DATA, 0) => {
                return Err(DatagramFault::Unexpected);
            }
            (CHANGE_CIPHER_SPEC | ALERT | HANDSHAKE | APPLICATION_DATA, 1) => {}
            _ => return Err(DatagramFault::Malformed),
        }
    }
    Ok(kind)
}

/// A handshake takes about six datagrams of the client, with repeats a few dozen.
const BURST: u32 = 64;
/// The refill lets a slow, lossy handshake go on and is far below what costs the shard anything.
const REFILL_INTERVAL: Duration = Duration::from_millis(50);
/// Everything the endpoint may keep of one peer. A handshake with a large certificate chain needs
/// 6 KB; the rest is for repeats.
const MAX_KEPT_BYTES: usize = 48 * 1024;
/// [RFC 6347 §4.1](https://www.rfc-editor.org/rfc/rfc6347#section-4.1): 2^14 and the expansion of a cipher.
const MAX_RECORD_BYTES: usize = (1 << 14) + 2_048;
/// Certificate chains of clients are single self-signed certificates.
const MAX_MESSAGE_BYTES: usize = 16_384;
/// Two ClientHello, Certificate, ClientKeyExchange, CertificateVerify, Finished: 0 to 5.
const MAX_MESSAGE_SEQUENCE: u16 = 7;

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
pub(super) const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

pub(super) const CLIENT_HELLO: u8 = 1;
const CERTIFICATE: u8 = 11;
const CERTIFICATE_VERIFY: u8 = 15;
const CLIENT_KEY_EXCHANGE: u8 = 16;
