//! The subset of SDP that calls need: a bounded parser for a client's offer and a writer for the answer.
//!
//! The server is an ICE-lite, DTLS-passive answerer with one bundled transport, so there is no offer
//! writer, no answer parser and no renegotiation here. Nothing in this module reads a clock, a socket
//! or randomness: credentials and candidates are handed in.

use std::fmt;
use std::str::FromStr;

pub use answer::{Answer, AnswerSection, SendTrack};
pub use offer::{Offer, OfferError, OfferedMedia};
pub use select::{AudioSelection, Feedback, Selection, VideoSelection};

mod answer;
mod offer;
mod select;

/// Names one media section within a session ([RFC 9143 §4](https://www.rfc-editor.org/rfc/rfc9143#section-4)).
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Mid(String);

impl Mid {
    /// Returns the identification tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Mid {
    type Err = InvalidMid;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() || text.len() > MAX_MID_BYTES || !text.bytes().all(is_token_byte) {
            return Err(InvalidMid { length_bytes: text.len() });
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Mid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Says why a text is not a [`Mid`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("media identification of {length_bytes} bytes is empty, too long or not a token")]
pub struct InvalidMid {
    /// The length of the refused text.
    pub length_bytes: usize,
}

/// The short-term credential of one ICE agent; the password never appears in `Debug`.
#[derive(Clone, Eq, PartialEq)]
pub struct IceCredentials {
    ufrag: String,
    password: String,
}

impl IceCredentials {
    /// Checks both parts against the lengths and alphabet of
    /// [RFC 8839 §5.4](https://www.rfc-editor.org/rfc/rfc8839#section-5.4).
    ///
    /// # Errors
    ///
    /// Says which part is out of range.
    pub fn new(ufrag: &str, password: &str) -> Result<Self, InvalidIceCredentials> {
        if !(4..=256).contains(&ufrag.len()) || !ufrag.bytes().all(is_ice_char) {
            return Err(InvalidIceCredentials::Ufrag { length_bytes: ufrag.len() });
        }
        if !(22..=256).contains(&password.len()) || !password.bytes().all(is_ice_char) {
            return Err(InvalidIceCredentials::Password { length_bytes: password.len() });
        }
        Ok(Self { ufrag: ufrag.to_owned(), password: password.to_owned() })
    }

    /// Returns the user name fragment.
    pub fn ufrag(&self) -> &str {
        &self.ufrag
    }

    /// Returns the password.
    pub fn password(&self) -> &str {
        &self.password
    }
}

impl fmt::Debug for IceCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceCredentials").field("ufrag", &self.ufrag).finish_non_exhaustive()
    }
}

/// Says why a pair of texts is not a valid ICE credential.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidIceCredentials {
    /// The password is shorter than 22 or longer than 256 characters, or has a foreign character.
    #[error("ice password of {length_bytes} bytes is out of range")]
    Password {
        /// The length of the refused password.
        length_bytes: usize,
    },
    /// The fragment is shorter than 4 or longer than 256 characters, or has a foreign character.
    #[error("ice user name fragment of {length_bytes} bytes is out of range")]
    Ufrag {
        /// The length of the refused fragment.
        length_bytes: usize,
    },
}

/// A hash function that may name a certificate ([RFC 8122 §5](https://www.rfc-editor.org/rfc/rfc8122#section-5)).
///
/// SHA-1 and MD5 are absent on purpose: they no longer bind a certificate.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum FingerprintAlgorithm {
    /// `sha-256`
    Sha256,
    /// `sha-384`
    Sha384,
    /// `sha-512`
    Sha512,
}

impl FingerprintAlgorithm {
    /// Returns the name used in SDP.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha-256",
            Self::Sha384 => "sha-384",
            Self::Sha512 => "sha-512",
        }
    }

    /// Returns the size of the digest.
    pub const fn digest_bytes(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

/// The hash of a certificate, as signaled beside the media.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Fingerprint {
    algorithm: FingerprintAlgorithm,
    digest: Vec<u8>,
}

impl Fingerprint {
    /// Wraps a digest; `None` when its length is not the algorithm's.
    pub fn new(algorithm: FingerprintAlgorithm, digest: &[u8]) -> Option<Self> {
        (digest.len() == algorithm.digest_bytes())
            .then(|| Self { algorithm, digest: digest.to_vec() })
    }

    /// Returns the hash function.
    pub fn algorithm(&self) -> FingerprintAlgorithm {
        self.algorithm
    }

    /// Returns the digest.
    pub fn digest(&self) -> &[u8] {
        &self.digest
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.algorithm.as_str())?;
        for (index, byte) in self.digest.iter().enumerate() {
            if index > 0 {
                f.write_str(":")?;
            }
            write!(f, "{byte:02X}")?;
        }
        Ok(())
    }
}

/// Who may send in a media section, seen from the side that wrote it.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Direction {
    /// Nobody sends.
    Inactive,
    /// The writer only receives.
    RecvOnly,
    /// The writer only sends.
    SendOnly,
    /// Both send; the default of [RFC 8866 §6.7](https://www.rfc-editor.org/rfc/rfc8866#section-6.7).
    #[default]
    SendRecv,
}

impl Direction {
    /// Returns the attribute name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::RecvOnly => "recvonly",
            Self::SendOnly => "sendonly",
            Self::SendRecv => "sendrecv",
        }
    }

    /// Tells whether the writer may send.
    pub const fn sends(self) -> bool {
        match self {
            Self::SendOnly | Self::SendRecv => true,
            Self::Inactive | Self::RecvOnly => false,
        }
    }

    /// Tells whether the writer is ready to receive.
    pub const fn receives(self) -> bool {
        match self {
            Self::RecvOnly | Self::SendRecv => true,
            Self::Inactive | Self::SendOnly => false,
        }
    }
}

/// Which DTLS role the writer is ready to take ([RFC 4145 §4](https://www.rfc-editor.org/rfc/rfc4145#section-4)).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Setup {
    /// Only the client role.
    Active,
    /// Either role.
    ActPass,
    /// Only the server role.
    Passive,
}

/// What a media section carries.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum MediaKind {
    /// `audio`
    Audio,
    /// Any other name, kept to be echoed in the rejection.
    Other(String),
    /// `video`
    Video,
}

impl MediaKind {
    /// Returns the name used in the `m=` line.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Audio => "audio",
            Self::Other(name) => name,
            Self::Video => "video",
        }
    }
}

/// One payload format of a media section, with all attributes that name its payload type.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Codec {
    /// The RTP payload type.
    pub payload_type: u8,
    /// The encoding name as written, for example `opus`.
    pub name: String,
    /// The RTP clock rate.
    pub clock_rate_hz: u32,
    /// The channel count; 1 where absent.
    pub channels: u8,
    /// The `fmtp` parameters as written; empty where absent.
    pub parameters: String,
    /// The `rtcp-fb` values as written.
    pub feedback: Vec<String>,
}

impl Codec {
    /// Returns the value of one `fmtp` parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.split(';').find_map(|pair| {
            let (key, value) = pair.trim().split_once('=')?;
            key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// Tells whether this is the named encoding at the given clock rate.
    pub fn is(&self, name: &str, clock_rate_hz: u32) -> bool {
        self.name.eq_ignore_ascii_case(name) && self.clock_rate_hz == clock_rate_hz
    }
}

/// One negotiable RTP header extension ([RFC 8285 §5](https://www.rfc-editor.org/rfc/rfc8285#section-5)).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HeaderExtension {
    /// The identifier used in packets.
    pub id: u8,
    /// The URI that says what the element means.
    pub uri: String,
    /// Who may send it, seen from the writer.
    pub direction: Direction,
}

/// `urn:ietf:params:rtp-hdrext:sdes:mid`: the media section a packet belongs to (RFC 9143 §15).
pub const EXTENSION_MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
/// `urn:ietf:params:rtp-hdrext:ssrc-audio-level`: the loudness of an audio packet (RFC 6464).
pub const EXTENSION_AUDIO_LEVEL: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
/// The absolute send time used by receiver-side bandwidth estimation.
pub const EXTENSION_ABS_SEND_TIME: &str =
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";
/// The transport-wide sequence number used by sender-side bandwidth estimation.
pub const EXTENSION_TRANSPORT_CC: &str =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
/// `urn:3gpp:video-orientation`: how a picture is to be turned (3GPP TS 26.114 §7.4.5).
pub const EXTENSION_VIDEO_ORIENTATION: &str = "urn:3gpp:video-orientation";

/// RFC 9143 asks for at most three bytes where possible; real clients use up to a few dozen, and the
/// header extension that carries the value holds at most 255.
const MAX_MID_BYTES: usize = 64;

fn is_token_byte(byte: u8) -> bool {
    matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'0'..=b'9' | b'A'..=b'Z' | b'^'..=b'~')
}

fn is_ice_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/'
}
