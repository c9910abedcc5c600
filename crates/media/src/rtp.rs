//! RTP packets as they lie in a buffer: headers and header extensions, read and written in place.
//!
//! Nothing here allocates, and every read is bounds-checked: any prefix of a packet, and any
//! garbage, gives a [`ParseRtpError`] at worst. Payloads are opaque, see [`crate::vp8`].

mod extension;
mod sequence;

pub use extension::{
    EncodeExtensionError, Extension, ExtensionIds, ExtensionTemplate, Extensions, VariableElement,
};
pub use sequence::{extend_sequence, sequence_is_newer};

/// The fixed part of an RTP header ([RFC 3550 §5.1](https://www.rfc-editor.org/rfc/rfc3550#section-5.1))
/// and where its variable parts lie.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RtpHeader {
    /// Whether the last payload byte counts padding bytes.
    pub padding: bool,
    /// The marker bit.
    pub marker: bool,
    /// The payload type, 0 to 127.
    pub payload_type: u8,
    /// The sequence number.
    pub sequence_number: u16,
    /// The media timestamp in clock-rate units.
    pub timestamp: u32,
    /// The synchronization source.
    pub ssrc: u32,
    header_len: u16,
    extension_start: u16,
    extension_profile: u16,
}

impl RtpHeader {
    /// Reads the header at the start of a packet. The payload may be encrypted.
    pub fn parse(packet: &[u8]) -> Result<Self, ParseRtpError> {
        let Some(fixed) = packet.first_chunk::<FIXED_HEADER_LEN>() else {
            return Err(ParseRtpError::Truncated { bytes: packet.len() });
        };
        let version = fixed[0] >> 6;
        if version != 2 {
            return Err(ParseRtpError::Version { version });
        }
        let csrc_end = FIXED_HEADER_LEN + usize::from(fixed[0] & 0x0f) * 4;
        let mut header = Self {
            padding: fixed[0] & 0x20 != 0,
            marker: fixed[1] & 0x80 != 0,
            payload_type: fixed[1] & 0x7f,
            sequence_number: u16::from_be_bytes([fixed[2], fixed[3]]),
            timestamp: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
            header_len: csrc_end as u16,
            extension_start: csrc_end as u16,
            extension_profile: 0,
        };
        let mut end = csrc_end;
        if fixed[0] & 0x10 != 0 {
            let Some(prefix) = packet.get(csrc_end..).and_then(|rest| rest.first_chunk::<4>())
            else {
                return Err(ParseRtpError::Truncated { bytes: packet.len() });
            };
            let words = usize::from(u16::from_be_bytes([prefix[2], prefix[3]]));
            end = csrc_end + 4 + words * 4;
            header.extension_profile = u16::from_be_bytes([prefix[0], prefix[1]]);
            header.extension_start = (csrc_end + 4) as u16;
        }
        if packet.len() < end {
            return Err(ParseRtpError::Truncated { bytes: packet.len() });
        }
        header.header_len =
            u16::try_from(end).map_err(|_| ParseRtpError::HeaderTooLong { bytes: end })?;
        Ok(header)
    }

    /// Returns the length of the header with CSRCs and extensions, in bytes.
    pub fn header_len(&self) -> usize {
        usize::from(self.header_len)
    }

    /// Walks the header extensions. `packet` is the packet this header was read from.
    pub fn extensions<'a>(&self, packet: &'a [u8]) -> Extensions<'a> {
        let block = packet
            .get(usize::from(self.extension_start)..usize::from(self.header_len))
            .unwrap_or_default();
        Extensions::new(self.extension_profile, block)
    }

    /// Returns the payload without header and padding.
    ///
    /// # Errors
    ///
    /// [`ParseRtpError::Padding`] when the padding count is zero or exceeds the payload.
    pub fn payload<'a>(&self, packet: &'a [u8]) -> Result<&'a [u8], ParseRtpError> {
        let payload = packet
            .get(self.header_len()..)
            .ok_or(ParseRtpError::Truncated { bytes: packet.len() })?;
        if !self.padding {
            return Ok(payload);
        }
        match payload.last() {
            Some(&count) if count > 0 && usize::from(count) <= payload.len() => {
                Ok(&payload[..payload.len() - usize::from(count)])
            }
            count => Err(ParseRtpError::Padding {
                count: count.copied().unwrap_or(0),
                payload: payload.len(),
            }),
        }
    }
}

/// Writes a header without CSRCs. `extension` is a whole extension block with its four-byte
/// prefix, a multiple of four bytes long, or empty. Returns the header's length.
///
/// # Errors
///
/// [`WriteRtpError`] when `out` is too small.
pub fn write_header(
    fields: &HeaderFields,
    extension: &[u8],
    out: &mut [u8],
) -> Result<usize, WriteRtpError> {
    let len = FIXED_HEADER_LEN + extension.len();
    let available = out.len();
    let Some(out) = out.get_mut(..len) else {
        return Err(WriteRtpError { needed: len, available });
    };
    let (fixed, block) = out.split_at_mut(FIXED_HEADER_LEN);
    fixed[0] = if extension.is_empty() { 0x80 } else { 0x90 };
    fixed[1] = (u8::from(fields.marker) << 7) | (fields.payload_type & 0x7f);
    fixed[2..4].copy_from_slice(&fields.sequence_number.to_be_bytes());
    fixed[4..8].copy_from_slice(&fields.timestamp.to_be_bytes());
    fixed[8..12].copy_from_slice(&fields.ssrc.to_be_bytes());
    block.copy_from_slice(extension);
    Ok(len)
}

/// What [`write_header`] puts into the fixed header.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HeaderFields {
    /// The marker bit.
    pub marker: bool,
    /// The payload type, 0 to 127.
    pub payload_type: u8,
    /// The sequence number.
    pub sequence_number: u16,
    /// The media timestamp.
    pub timestamp: u32,
    /// The synchronization source.
    pub ssrc: u32,
}

/// Tells RTCP from RTP on one port ([RFC 5761 §4](https://www.rfc-editor.org/rfc/rfc5761#section-4)).
///
/// Works on protected packets too: the second byte is never encrypted.
pub fn is_rtcp(packet: &[u8]) -> bool {
    matches!(packet, [_, 192..=223, ..])
}

/// Why bytes are not an RTP packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ParseRtpError {
    /// The extension block would end behind 64 KiB.
    #[error("rtp header of {bytes} bytes is too long")]
    HeaderTooLong {
        /// The length that the header claims.
        bytes: usize,
    },
    /// The padding count does not fit the payload.
    #[error("padding of {count} bytes in a payload of {payload} bytes")]
    Padding {
        /// The claimed count.
        count: u8,
        /// The payload's length.
        payload: usize,
    },
    /// The packet ends inside its header.
    #[error("rtp packet of {bytes} bytes ends inside its header")]
    Truncated {
        /// The packet's length.
        bytes: usize,
    },
    /// The version is not 2.
    #[error("rtp version is {version}, not 2")]
    Version {
        /// The version found.
        version: u8,
    },
}

/// The output buffer is too small.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("rtp header needs {needed} bytes, {available} are available")]
pub struct WriteRtpError {
    /// The bytes the header takes.
    pub needed: usize,
    /// The bytes the caller offered.
    pub available: usize,
}

/// The length of a header without CSRCs and extensions.
pub const FIXED_HEADER_LEN: usize = 12;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packet_with_everything() -> Vec<u8> {
        let mut packet = vec![0xb2, 0xef, 0x12, 0x34, 0, 0, 0, 9, 0xde, 0xad, 0xbe, 0xef];
        packet.extend([0, 0, 0, 1, 0, 0, 0, 2]);
        packet.extend([0xbe, 0xde, 0, 2, 0x10, 0x85, 0x31, b'v', b'1', 0, 0, 0]);
        packet.extend([1, 2, 3, 4, 0, 0, 3]);
        packet
    }

    #[test]
    fn every_part_is_found() {
        let packet = packet_with_everything();
        let header = RtpHeader::parse(&packet).unwrap();
        assert!(header.marker && header.padding);
        assert_eq!(header.payload_type, 111);
        assert_eq!(header.sequence_number, 0x1234);
        assert_eq!((header.timestamp, header.ssrc), (9, 0xdead_beef));
        assert_eq!(header.header_len(), 32);
        assert_eq!(header.payload(&packet).unwrap(), [1, 2, 3, 4]);
        let found: Vec<_> = header.extensions(&packet).map(|e| (e.id, e.value)).collect();
        assert_eq!(found, [(1, &[0x85][..]), (3, &b"v1"[..])]);
    }

    #[test]
    fn every_prefix_is_safe() {
        let packet = packet_with_everything();
        for len in 0..packet.len() {
            let prefix = &packet[..len];
            match RtpHeader::parse(prefix) {
                Err(error) => {
                    assert_eq!(error, ParseRtpError::Truncated { bytes: len });
                    assert!(len < 32);
                }
                Ok(header) => {
                    assert!(len >= 32);
                    let _ = header.payload(prefix);
                    assert_eq!(header.extensions(prefix).count(), 2);
                }
            }
        }
    }

    #[test]
    fn a_wrong_version_is_refused() {
        let mut packet = packet_with_everything();
        packet[0] = 0x40;
        assert_eq!(RtpHeader::parse(&packet), Err(ParseRtpError::Version { version: 1 }));
    }

    #[test]
    fn padding_that_exceeds_the_payload_is_refused() {
        for count in [0, 8, 255] {
            let mut packet = packet_with_everything();
            *packet.last_mut().unwrap() = count;
            let header = RtpHeader::parse(&packet).unwrap();
            assert_eq!(header.payload(&packet), Err(ParseRtpError::Padding { count, payload: 7 }));
        }
    }

    #[test]
    fn rtcp_is_told_from_rtp_by_the_second_byte() {
        assert!(is_rtcp(&[0x80, 200]) && is_rtcp(&[0x80, 206]));
        assert!(!is_rtcp(&[0x80, 111]) && !is_rtcp(&[0x80, 0x80 | 111]) && !is_rtcp(&[0x80]));
    }

    proptest! {
        #[test]
        fn written_headers_read_back(
            marker: bool, payload_type in 0u8..128, sequence_number: u16, timestamp: u32, ssrc: u32,
        ) {
            let fields = HeaderFields { marker, payload_type, sequence_number, timestamp, ssrc };
            let mut out = [0; 20];
            let len = write_header(&fields, &[0xbe, 0xde, 0, 1, 0x10, 7, 0, 0], &mut out).unwrap();
            let header = RtpHeader::parse(&out).unwrap();
            prop_assert_eq!(header.header_len(), len);
            prop_assert_eq!(
                (header.marker, header.payload_type, header.sequence_number),
                (marker, payload_type, sequence_number)
            );
            prop_assert_eq!((header.timestamp, header.ssrc), (timestamp, ssrc));
            prop_assert!(write_header(&fields, &[], &mut out[..11]).is_err());
        }

        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(header) = RtpHeader::parse(&bytes) {
                prop_assert!(header.header_len() <= bytes.len());
                let _ = header.payload(&bytes);
                for extension in header.extensions(&bytes) {
                    prop_assert!(extension.value.len() <= 255);
                }
            }
        }
    }
}
