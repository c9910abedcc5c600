//! What the control plane and the media plane say to each other: keys, tracks, commands, events.
//!
//! These are plain values. They travel over a bounded ring between the signaling side and the
//! shard that owns the room; nothing in here touches a packet.

use std::{fmt, str::FromStr, time::Duration};

use crate::srtp::SrtpProfile;

/// Names a room: the set of legs that may hear and see each other.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RoomKey(u64);

impl RoomKey {
    /// Makes a key from a number that the control plane keeps unique.
    pub const fn new(value: u64) -> Self {
        Self(value)
    }

    /// Returns the number.
    pub const fn value(self) -> u64 {
        self.0
    }
}

/// Names a leg: one peer connection of one participant.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LegKey(u64);

impl LegKey {
    /// Makes a key from a number that the control plane keeps unique.
    pub const fn new(value: u64) -> Self {
        Self(value)
    }

    /// Returns the number.
    pub const fn value(self) -> u64 {
        self.0
    }
}

/// The media identification tag of an m-line ([RFC 9143](https://www.rfc-editor.org/rfc/rfc9143)).
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Mid(Box<str>);

impl Mid {
    /// Returns the tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the tag as the bytes a header extension carries.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl FromStr for Mid {
    type Err = ParseMidError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() || text.len() > MAX_MID_BYTES {
            return Err(ParseMidError::Length { bytes: text.len(), limit: MAX_MID_BYTES });
        }
        // RFC 8866 token-char.
        let is_token = |byte: u8| {
            matches!(byte, b'!' | 0x23..=0x27 | 0x2a | 0x2b | 0x2d | 0x2e | 0x30..=0x39
                | 0x41..=0x5a | 0x5e..=0x7e)
        };
        match text.bytes().all(is_token) {
            true => Ok(Self(text.into())),
            false => Err(ParseMidError::Character),
        }
    }
}

impl fmt::Display for Mid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is not a media identification tag.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ParseMidError {
    /// It holds a byte outside the token set of SDP.
    #[error("mid holds a character that is not an sdp token character")]
    Character,
    /// It is empty or longer than the limit.
    #[error("mid has {bytes} bytes, allowed are 1 to {limit}")]
    Length {
        /// The length of the refused text.
        bytes: usize,
        /// The longest accepted tag.
        limit: usize,
    },
}

/// What a participant publishes.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum StreamKind {
    /// The microphone.
    Audio,
    /// The camera.
    Camera,
    /// The shared screen.
    Screen,
}

impl StreamKind {
    /// Every kind, in the order of the variants.
    pub const ALL: [Self; 3] = [Self::Audio, Self::Camera, Self::Screen];

    /// Returns the RTP clock rate of the one codec carried for this kind (Opus or VP8).
    pub const fn clock_rate_hz(self) -> u32 {
        match self {
            Self::Audio => 48_000,
            Self::Camera | Self::Screen => 90_000,
        }
    }

    /// Tells whether the stream carries pictures.
    pub const fn is_video(self) -> bool {
        match self {
            Self::Audio => false,
            Self::Camera | Self::Screen => true,
        }
    }
}

/// What an m-line of the client's offer is for.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum TrackRole {
    /// The client sends its camera.
    Camera,
    /// The client sends its microphone.
    Microphone,
    /// The client receives one of the active speakers.
    ReceiveAudio,
    /// The client receives a shared screen.
    ReceiveScreen,
    /// The client receives a video tile.
    ReceiveVideo,
    /// The client sends its screen.
    Screen,
}

impl TrackRole {
    /// Returns what the client publishes on such a track, or `None` for a receiving track.
    pub const fn publishes(self) -> Option<StreamKind> {
        match self {
            Self::Camera => Some(StreamKind::Camera),
            Self::Microphone => Some(StreamKind::Audio),
            Self::Screen => Some(StreamKind::Screen),
            Self::ReceiveAudio | Self::ReceiveScreen | Self::ReceiveVideo => None,
        }
    }

    /// Returns what the client receives on such a track, or `None` for a publishing track.
    pub const fn receives(self) -> Option<ReceiveKind> {
        match self {
            Self::ReceiveAudio => Some(ReceiveKind::Audio),
            Self::ReceiveScreen | Self::ReceiveVideo => Some(ReceiveKind::Video),
            Self::Camera | Self::Microphone | Self::Screen => None,
        }
    }
}

/// How a receiving track is fed.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ReceiveKind {
    /// The router picks the speaker.
    Audio,
    /// The client picks the source by [`MediaCommand::SubscribeVideo`].
    Video,
}

/// Ties an m-line of the offer to its purpose.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TrackBinding {
    /// The m-line.
    pub mid: Mid,
    /// Its purpose.
    pub role: TrackRole,
}

/// An order of the control plane. Each is idempotent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum MediaCommand {
    /// Removes the leg; nothing of it is remembered.
    CloseLeg {
        /// The leg to remove.
        leg: LegKey,
    },
    /// Stops or starts what a leg publishes (mute by self or others, hold, stopped video).
    SetPublish {
        /// The publishing leg.
        leg: LegKey,
        /// Which of its streams.
        kind: StreamKind,
        /// Whether packets pass.
        enabled: bool,
    },
    /// Stops or starts everything that goes out to a leg (hold, lobby).
    SetReceive {
        /// The receiving leg.
        leg: LegKey,
        /// Whether packets go out.
        enabled: bool,
    },
    /// Chooses what a video tile shows.
    ///
    /// A source that does not exist yet is remembered and shown when it appears.
    SubscribeVideo {
        /// The receiving leg.
        leg: LegKey,
        /// Its tile.
        mid: Mid,
        /// The publishing leg and which of its streams, or `None` for an empty tile.
        source: Option<(LegKey, StreamKind)>,
    },
}

impl MediaCommand {
    /// Returns the leg the command is about.
    pub const fn leg(&self) -> LegKey {
        match self {
            Self::CloseLeg { leg }
            | Self::SetPublish { leg, .. }
            | Self::SetReceive { leg, .. }
            | Self::SubscribeVideo { leg, .. } => *leg,
        }
    }
}

/// Something the media plane noticed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum MediaEvent {
    /// The speakers on a leg's audio tracks changed. Carries every audio track of the leg.
    AudioSlotsChanged {
        /// The listening leg.
        leg: LegKey,
        /// Who is heard on which track.
        slots: Vec<(Mid, Option<LegKey>)>,
    },
    /// The handshakes are done and keys are in place.
    LegConnected {
        /// The connected leg.
        leg: LegKey,
        /// The negotiated protection.
        srtp_profile: SrtpProfile,
        /// Time from the offer's arrival.
        since_offer: Duration,
    },
    /// The leg could not be connected or kept.
    LegFailed {
        /// The failed leg.
        leg: LegKey,
        /// The reason.
        cause: LegFailure,
    },
    /// No valid packet or consent came for a while.
    LegInterrupted {
        /// The silent leg.
        leg: LegKey,
    },
    /// Packets came again after an interruption.
    LegResumed {
        /// The recovered leg.
        leg: LegKey,
    },
    /// A participant started or stopped speaking.
    SpeakingChanged {
        /// The speaking leg.
        leg: LegKey,
        /// Whether it speaks.
        speaking: bool,
    },
}

/// Why a leg failed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
pub enum LegFailure {
    /// The certificate of the peer does not match the fingerprint of its offer.
    #[error("certificate fingerprint does not match the offer")]
    FingerprintMismatch,
    /// The DTLS handshake failed.
    #[error("dtls handshake failed")]
    HandshakeFailed,
    /// No connectivity check or handshake finished in time.
    #[error("connection was not established in time")]
    TimedOut,
    /// The peer offers no SRTP profile that is carried here.
    #[error("no common srtp profile")]
    UnsupportedProfile,
}

/// The longest accepted mid. Browsers use one to three digits; sixteen bytes is what a one-byte
/// header extension carries, and a larger limit would only make packets larger.
const MAX_MID_BYTES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mid_accepts_tokens_and_refuses_the_rest() {
        for good in ["0", "audio", "a-1_b.c+d", "0123456789abcdef"] {
            assert_eq!(good.parse::<Mid>().unwrap().to_string(), good);
        }
        assert_eq!("".parse::<Mid>(), Err(ParseMidError::Length { bytes: 0, limit: 16 }));
        assert!(matches!("0123456789abcdef0".parse::<Mid>(), Err(ParseMidError::Length { .. })));
        for bad in ["a b", "a\r", "ä", "a/b", "\0"] {
            assert_eq!(bad.parse::<Mid>(), Err(ParseMidError::Character), "{bad:?}");
        }
    }

    #[test]
    fn every_role_either_publishes_or_receives() {
        for role in [
            TrackRole::Camera,
            TrackRole::Microphone,
            TrackRole::ReceiveAudio,
            TrackRole::ReceiveScreen,
            TrackRole::ReceiveVideo,
            TrackRole::Screen,
        ] {
            assert_ne!(role.publishes().is_some(), role.receives().is_some(), "{role:?}");
        }
    }
}
