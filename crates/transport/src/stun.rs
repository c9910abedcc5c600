//! STUN binding messages, as far as ICE connectivity checks use them ([RFC 8489](https://www.rfc-editor.org/rfc/rfc8489)).
//!
//! Parsing borrows from the datagram and allocates nothing; building writes into a fixed buffer.
//! Long-term credentials, indications with content and other methods are not handled.

use std::net::{IpAddr, SocketAddr};

use aws_lc_rs::hmac;

/// A binding message that has passed the framing checks; nothing in it is authenticated yet.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    bytes: &'a [u8],
    /// What the message is.
    pub class: Class,
    /// The 96 bits that tie a response to its request.
    pub transaction_id: TransactionId,
    /// The `USERNAME` value.
    pub username: Option<&'a [u8]>,
    /// The `PRIORITY` that the sender gives to the pair.
    pub priority: Option<u32>,
    /// Whether the sender nominates the pair.
    pub use_candidate: bool,
    /// The ICE role the sender believes to have, with its tie breaker.
    pub role: Option<SenderRole>,
    /// The reflexive address, in responses.
    pub mapped_address: Option<SocketAddr>,
    /// The `ERROR-CODE`, in error responses.
    pub error_code: Option<u16>,
    unknown_required: Option<u16>,
    integrity_at: Option<usize>,
}

/// The class of a binding message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Class {
    /// An error response.
    Error,
    /// An indication, which nobody answers.
    Indication,
    /// A request.
    Request,
    /// A success response.
    Success,
}

/// The ICE role that a check claims for its sender.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SenderRole {
    /// `ICE-CONTROLLED`
    Controlled(u64),
    /// `ICE-CONTROLLING`
    Controlling(u64),
}

/// The 96-bit transaction identifier.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct TransactionId(pub [u8; 12]);

/// The password of an ICE agent, ready to compute `MESSAGE-INTEGRITY`.
#[derive(Clone, Debug)]
pub struct IntegrityKey(hmac::Key);

impl IntegrityKey {
    /// Makes the key of a short-term credential ([RFC 8489 §9.1.1](https://www.rfc-editor.org/rfc/rfc8489#section-9.1.1)).
    pub fn new(password: &str) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes()))
    }

    fn tag(&self, header: &[u8; HEADER_BYTES], body: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(header);
        context.update(body);
        context.sign()
    }
}

/// Says why a datagram is not a usable binding message.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ParseError {
    /// An attribute runs past the end or has a wrong size.
    #[error("attribute {kind:#06x} is malformed")]
    Attribute {
        /// The attribute type.
        kind: u16,
    },
    /// The fingerprint does not match.
    #[error("fingerprint does not match")]
    Fingerprint,
    /// The header is not that of a STUN binding message.
    #[error("not a binding message")]
    Header,
    /// The length field differs from the datagram.
    #[error("length field differs from the datagram")]
    Length,
}

impl<'a> Message<'a> {
    /// Parses one datagram.
    ///
    /// # Errors
    ///
    /// Says what is wrong; nothing may be sent in return.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let header: &[u8; HEADER_BYTES] = bytes.first_chunk().ok_or(ParseError::Header)?;
        let class = match u16::from_be_bytes([header[0], header[1]]) {
            BINDING_REQUEST => Class::Request,
            BINDING_INDICATION => Class::Indication,
            BINDING_SUCCESS => Class::Success,
            BINDING_ERROR => Class::Error,
            _ => return Err(ParseError::Header),
        };
        if header[4..8] != MAGIC_COOKIE.to_be_bytes() {
            return Err(ParseError::Header);
        }
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        if length % 4 != 0 || HEADER_BYTES + length != bytes.len() {
            return Err(ParseError::Length);
        }
        let mut transaction_id = [0; 12];
        transaction_id.copy_from_slice(&header[8..20]);
        let mut message = Self {
            bytes,
            class,
            transaction_id: TransactionId(transaction_id),
            username: None,
            priority: None,
            use_candidate: false,
            role: None,
            mapped_address: None,
            error_code: None,
            unknown_required: None,
            integrity_at: None,
        };
        message.attributes()?;
        Ok(message)
    }

    /// Tells whether `MESSAGE-INTEGRITY` is present and made with this key.
    pub fn is_authentic(&self, key: &IntegrityKey) -> bool {
        let Some(at) = self.integrity_at else { return false };
        let Some(tag) = self.bytes.get(at + ATTRIBUTE_HEADER_BYTES..at + INTEGRITY_BYTES) else {
            return false;
        };
        let Some(mut header) = self.bytes.first_chunk::<HEADER_BYTES>().copied() else {
            return false;
        };
        let Some(body) = self.bytes.get(HEADER_BYTES..at) else { return false };
        // The length counts up to and including the integrity attribute
        // ([RFC 8489 §14.5](https://www.rfc-editor.org/rfc/rfc8489#section-14.5)).
        let Ok(length) = u16::try_from(at + INTEGRITY_BYTES - HEADER_BYTES) else { return false };
        header[2..4].copy_from_slice(&length.to_be_bytes());
        let expected = key.tag(&header, body);
        aws_lc_rs::constant_time::verify_slices_are_equal(expected.as_ref(), tag).is_ok()
    }

    /// Returns the first attribute that must be understood and is not.
    pub fn unknown_required(&self) -> Option<u16> {
        self.unknown_required
    }

    fn attributes(&mut self) -> Result<(), ParseError> {
        let mut at = HEADER_BYTES;
        while at < self.bytes.len() {
            let rest = &self.bytes[at..];
            let head: &[u8; 4] = rest.first_chunk().ok_or(ParseError::Length)?;
            let kind = u16::from_be_bytes([head[0], head[1]]);
            let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
            let malformed = ParseError::Attribute { kind };
            let value = rest.get(4..4 + length).ok_or(malformed)?;
            let next = at + ATTRIBUTE_HEADER_BYTES + length.next_multiple_of(4);
            if next > self.bytes.len() {
                return Err(malformed);
            }
            if kind == FINGERPRINT {
                let covered = &self.bytes[..at];
                let expected = crc32(covered) ^ FINGERPRINT_MASK;
                if next != self.bytes.len() || value != expected.to_be_bytes() {
                    return Err(ParseError::Fingerprint);
                }
            } else if self.integrity_at.is_none() {
                // Whatever follows the integrity attribute is not protected by it and is ignored.
                self.attribute(at, kind, value).ok_or(malformed)?;
            }
            at = next;
        }
        Ok(())
    }

    fn attribute(&mut self, at: usize, kind: u16, value: &'a [u8]) -> Option<()> {
        match kind {
            USERNAME => {
                (value.len() <= MAX_USERNAME_BYTES).then_some(())?;
                self.username = Some(value);
            }
            MESSAGE_INTEGRITY => {
                (value.len() == 20).then_some(())?;
                self.integrity_at = Some(at);
            }
            PRIORITY => self.priority = Some(u32::from_be_bytes(value.try_into().ok()?)),
            USE_CANDIDATE => {
                value.is_empty().then_some(())?;
                self.use_candidate = true;
            }
            ICE_CONTROLLED => {
                self.role =
                    Some(SenderRole::Controlled(u64::from_be_bytes(value.try_into().ok()?)));
            }
            ICE_CONTROLLING => {
                self.role =
                    Some(SenderRole::Controlling(u64::from_be_bytes(value.try_into().ok()?)));
            }
            XOR_MAPPED_ADDRESS => {
                self.mapped_address = Some(unmask_address(value, self.transaction_id)?);
            }
            ERROR_CODE => {
                let [_, _, class, number, ..] = *value else { return None };
                self.error_code = Some(u16::from(class & 7) * 100 + u16::from(number));
            }
            // Types below 0x8000 must be understood ([RFC 8489 §14](https://www.rfc-editor.org/rfc/rfc8489#section-14)).
            0..0x8000 => self.unknown_required = self.unknown_required.or(Some(kind)),
            _ => {}
        }
        Some(())
    }
}

/// Builds one binding message in a fixed buffer.
#[derive(Debug)]
pub struct Builder {
    buffer: [u8; MAX_BUILT_BYTES],
    length: usize,
}

impl Builder {
    /// Starts a message.
    pub fn new(class: Class, transaction_id: TransactionId) -> Self {
        let kind = match class {
            Class::Error => BINDING_ERROR,
            Class::Indication => BINDING_INDICATION,
            Class::Request => BINDING_REQUEST,
            Class::Success => BINDING_SUCCESS,
        };
        let mut builder = Self { buffer: [0; MAX_BUILT_BYTES], length: 0 };
        builder.push(&kind.to_be_bytes());
        builder.push(&[0, 0]);
        builder.push(&MAGIC_COOKIE.to_be_bytes());
        builder.push(&transaction_id.0);
        builder
    }

    /// Adds `XOR-MAPPED-ADDRESS`.
    pub fn mapped_address(self, address: SocketAddr) -> Self {
        let mut id = [0; 12];
        id.copy_from_slice(&self.buffer[8..20]);
        let port = address.port() ^ PORT_MASK;
        let mut value = [0; 20];
        value[2..4].copy_from_slice(&port.to_be_bytes());
        let length = match address.ip() {
            IpAddr::V4(ip) => {
                value[1] = FAMILY_IPV4;
                value[4..8].copy_from_slice(&(u32::from(ip) ^ MAGIC_COOKIE).to_be_bytes());
                8
            }
            IpAddr::V6(ip) => {
                value[1] = FAMILY_IPV6;
                let masked = u128::from(ip) ^ address_mask(TransactionId(id));
                value[4..20].copy_from_slice(&masked.to_be_bytes());
                20
            }
        };
        self.attribute(XOR_MAPPED_ADDRESS, &value[..length])
    }

    /// Adds `USERNAME`; the value must not exceed 120 bytes, which holds two generated fragments.
    pub fn username(self, username: &[u8]) -> Self {
        let length = username.len().min(120);
        self.attribute(USERNAME, &username[..length])
    }

    /// Adds `PRIORITY`.
    pub fn priority(self, priority: u32) -> Self {
        self.attribute(PRIORITY, &priority.to_be_bytes())
    }

    /// Adds `USE-CANDIDATE`.
    pub fn use_candidate(self) -> Self {
        self.attribute(USE_CANDIDATE, &[])
    }

    /// Adds the role attribute.
    pub fn role(self, role: SenderRole) -> Self {
        match role {
            SenderRole::Controlled(tie) => self.attribute(ICE_CONTROLLED, &tie.to_be_bytes()),
            SenderRole::Controlling(tie) => self.attribute(ICE_CONTROLLING, &tie.to_be_bytes()),
        }
    }

    /// Adds `ERROR-CODE` without a phrase.
    pub fn error(self, code: u16) -> Self {
        let class = u8::try_from(code / 100 % 8).unwrap_or(5);
        let number = u8::try_from(code % 100).unwrap_or(0);
        self.attribute(ERROR_CODE, &[0, 0, class, number])
    }

    /// Adds `UNKNOWN-ATTRIBUTES` with one entry.
    pub fn unknown_attribute(self, kind: u16) -> Self {
        self.attribute(UNKNOWN_ATTRIBUTES, &kind.to_be_bytes())
    }

    /// Adds `MESSAGE-INTEGRITY` and `FINGERPRINT` and returns the finished message.
    pub fn finish(mut self, key: &IntegrityKey) -> Built {
        self.set_length(self.length + INTEGRITY_BYTES - HEADER_BYTES);
        let mut context = hmac::Context::with_key(&key.0);
        context.update(&self.buffer[..self.length]);
        let tag = context.sign();
        self = self.attribute(MESSAGE_INTEGRITY, tag.as_ref());
        self.set_length(self.length + FINGERPRINT_BYTES - HEADER_BYTES);
        let fingerprint = crc32(&self.buffer[..self.length]) ^ FINGERPRINT_MASK;
        self = self.attribute(FINGERPRINT, &fingerprint.to_be_bytes());
        Built { buffer: self.buffer, length: self.length }
    }

    fn attribute(mut self, kind: u16, value: &[u8]) -> Self {
        let length = u16::try_from(value.len()).expect("values are at most 120 bytes");
        self.push(&kind.to_be_bytes());
        self.push(&length.to_be_bytes());
        self.push(value);
        self.length = self.length.next_multiple_of(4);
        self
    }

    fn push(&mut self, bytes: &[u8]) {
        self.buffer[self.length..self.length + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }

    fn set_length(&mut self, length: usize) {
        let length = u16::try_from(length).expect("the buffer is shorter than 64 KiB");
        self.buffer[2..4].copy_from_slice(&length.to_be_bytes());
    }
}

/// A finished message.
#[derive(Clone, Debug)]
pub struct Built {
    buffer: [u8; MAX_BUILT_BYTES],
    length: usize,
}

impl Built {
    /// Returns the bytes to send.
    pub fn as_bytes(&self) -> &[u8] {
        &self.buffer[..self.length]
    }
}

fn unmask_address(value: &[u8], id: TransactionId) -> Option<SocketAddr> {
    let (head, address) = value.split_first_chunk::<4>()?;
    let port = u16::from_be_bytes([head[2], head[3]]) ^ PORT_MASK;
    let ip = match head[1] {
        FAMILY_IPV4 => {
            let masked = u32::from_be_bytes(address.try_into().ok()?);
            IpAddr::V4((masked ^ MAGIC_COOKIE).into())
        }
        FAMILY_IPV6 => {
            let masked = u128::from_be_bytes(address.try_into().ok()?);
            IpAddr::V6((masked ^ address_mask(id)).into())
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

fn address_mask(id: TransactionId) -> u128 {
    let mut mask = [0; 16];
    mask[..4].copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
    mask[4..].copy_from_slice(&id.0);
    u128::from_be_bytes(mask)
}

/// The CRC of ITU V.42, which `FINGERPRINT` uses.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = !0_u32;
    for byte in bytes {
        let index = (crc ^ u32::from(*byte)) & 0xff;
        crc = (crc >> 8) ^ CRC_TABLE[index as usize];
    }
    !crc
}

const CRC_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = index as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
};

const MAGIC_COOKIE: u32 = 0x2112_a442;
const PORT_MASK: u16 = 0x2112;
const FINGERPRINT_MASK: u32 = 0x5354_554e;
const HEADER_BYTES: usize = 20;
const ATTRIBUTE_HEADER_BYTES: usize = 4;
const INTEGRITY_BYTES: usize = 24;
const FINGERPRINT_BYTES: usize = 8;
/// A request with a 120-byte user name and every other attribute needs 208 bytes.
const MAX_BUILT_BYTES: usize = 256;
/// [RFC 8489 §14.3](https://www.rfc-editor.org/rfc/rfc8489#section-14.3): fewer than 509 bytes;
/// ICE joins two fragments of at most 256 bytes each.
const MAX_USERNAME_BYTES: usize = 513;

const BINDING_REQUEST: u16 = 0x0001;
const BINDING_INDICATION: u16 = 0x0011;
const BINDING_SUCCESS: u16 = 0x0101;
const BINDING_ERROR: u16 = 0x0111;

const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
const FINGERPRINT: u16 = 0x8028;
const ICE_CONTROLLED: u16 = 0x8029;
const ICE_CONTROLLING: u16 = 0x802a;

const FAMILY_IPV4: u8 = 1;
const FAMILY_IPV6: u8 = 2;

#[cfg(test)]
mod tests;
