//! What the transport tells the router about a leg, taken from offer and answer.

use std::collections::BTreeSet;

use crate::{
    control::{LegKey, Mid, ReceiveKind, RoomKey, StreamKind},
    rtp::ExtensionIds,
};

/// Limits and rates of a router.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RouterConfig {
    /// The most legs at a time.
    pub max_legs: usize,
    /// What is told by REMB to publishers that did not negotiate transport-wide congestion
    /// control, in bits per second. Such a publisher adapts to loss by itself below this ceiling.
    pub remb_bitrate_bps: u64,
}

impl Default for RouterConfig {
    fn default() -> Self {
        Self { max_legs: 10_000, remb_bitrate_bps: 4_000_000 }
    }
}

/// One leg: the tracks of its peer connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LegConfig {
    /// The room it is in, made with its first leg.
    pub room: RoomKey,
    /// Its name.
    pub leg: LegKey,
    /// The SSRC that reports and feedback are sent under, unique in the leg. Draw it at random.
    pub rtcp_ssrc: u32,
    /// The canonical name written into the answer's `a=ssrc` lines, at most 255 bytes.
    pub cname: String,
    /// What the peer sends.
    pub publish: Vec<PublishTrack>,
    /// What the peer receives.
    pub receive: Vec<ReceiveTrack>,
}

/// An m-line on which the peer sends.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PublishTrack {
    /// The m-line.
    pub mid: Mid,
    /// What it carries.
    pub kind: StreamKind,
    /// The media SSRC, when the offer tells it. Otherwise the mid extension, or a payload type
    /// that only this track has, decides.
    pub ssrc: Option<u32>,
    /// The retransmission SSRC, when the offer tells it.
    pub rtx_ssrc: Option<u32>,
    /// The answered payload types.
    pub payload_types: PayloadTypes,
    /// The answered header extensions.
    pub extensions: ExtensionIds,
    /// The answered feedback.
    pub feedback: FeedbackModes,
}

/// An m-line on which the peer receives.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReceiveTrack {
    /// The m-line.
    pub mid: Mid,
    /// How it is fed.
    pub kind: ReceiveKind,
    /// The SSRC of everything sent on this track, written into the answer. Draw it at random;
    /// the first sequence number is taken from it.
    pub ssrc: u32,
    /// The SSRC of retransmissions, written into the answer's `FID` group. Needs an RTX payload
    /// type.
    pub rtx_ssrc: Option<u32>,
    /// The answered payload types.
    pub payload_types: PayloadTypes,
    /// The answered header extensions.
    pub extensions: ExtensionIds,
}

/// The payload types of a track.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PayloadTypes {
    /// Opus or VP8.
    pub media: u8,
    /// RTX for the media payload type ([RFC 4588](https://www.rfc-editor.org/rfc/rfc4588)).
    pub rtx: Option<u8>,
    /// Telephone events at 48 kHz ([RFC 4733](https://www.rfc-editor.org/rfc/rfc4733)).
    pub telephone_event: Option<u8>,
}

/// The feedback that a publisher agreed to receive (`a=rtcp-fb`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct FeedbackModes {
    /// `ccm fir`.
    pub fir: bool,
    /// `nack`.
    pub nack: bool,
    /// `nack pli`.
    pub pli: bool,
    /// `goog-remb`.
    pub remb: bool,
    /// `transport-cc`; also needs [`ExtensionIds::transport_cc`].
    pub transport_cc: bool,
}

/// Why a leg was not added.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AddLegError {
    /// The canonical name does not fit into an RTCP item.
    #[error("cname has {bytes} bytes, allowed are 255")]
    CnameTooLong {
        /// Its length.
        bytes: usize,
    },
    /// A leg of this key exists.
    #[error("leg {} exists", leg.value())]
    DuplicateLeg {
        /// The key.
        leg: LegKey,
    },
    /// Two tracks publish the same kind.
    #[error("{kind:?} is published on two tracks")]
    DuplicateKind {
        /// The kind.
        kind: StreamKind,
    },
    /// Two tracks have the same mid.
    #[error("mid {mid} is used twice")]
    DuplicateMid {
        /// The m-line.
        mid: Mid,
    },
    /// Two tracks have the same SSRC.
    #[error("ssrc {ssrc:#010x} is used twice")]
    DuplicateSsrc {
        /// The SSRC.
        ssrc: u32,
    },
    /// A header extension identifier is out of range.
    #[error("mid {mid} has an invalid header extension identifier")]
    InvalidExtensionId {
        /// The m-line.
        mid: Mid,
    },
    /// A payload type is out of range, used twice in a track, or read as RTCP.
    #[error("mid {mid} has an invalid payload type")]
    InvalidPayloadType {
        /// The m-line.
        mid: Mid,
    },
    /// The shard is full.
    #[error("shard carries {limit} legs already")]
    TooManyLegs {
        /// The limit.
        limit: usize,
    },
    /// The offer has more tracks than are carried.
    #[error("leg has {requested} tracks, allowed are {limit}")]
    TooManyTracks {
        /// The tracks asked for.
        requested: usize,
        /// The limit.
        limit: usize,
    },
}

impl LegConfig {
    /// Checks everything that does not depend on other legs.
    pub(super) fn check(&self) -> Result<(), AddLegError> {
        let requested = self.publish.len() + self.receive.len();
        if requested > MAX_TRACKS {
            return Err(AddLegError::TooManyTracks { requested, limit: MAX_TRACKS });
        }
        if self.cname.len() > MAX_CNAME_BYTES {
            return Err(AddLegError::CnameTooLong { bytes: self.cname.len() });
        }
        let mut mids = BTreeSet::new();
        let mut kinds = BTreeSet::new();
        let mut sent = BTreeSet::from([self.rtcp_ssrc]);
        let mut received = BTreeSet::new();
        for track in &self.publish {
            check_track(&track.mid, &track.payload_types, &track.extensions)?;
            if !kinds.insert(track.kind) {
                return Err(AddLegError::DuplicateKind { kind: track.kind });
            }
            for ssrc in [track.ssrc, track.rtx_ssrc].into_iter().flatten() {
                if !received.insert(ssrc) {
                    return Err(AddLegError::DuplicateSsrc { ssrc });
                }
            }
        }
        for track in &self.receive {
            check_track(&track.mid, &track.payload_types, &track.extensions)?;
            for ssrc in [Some(track.ssrc), track.rtx_ssrc].into_iter().flatten() {
                if !sent.insert(ssrc) {
                    return Err(AddLegError::DuplicateSsrc { ssrc });
                }
            }
        }
        let all_mids =
            self.publish.iter().map(|track| &track.mid).chain(self.receive.iter().map(|t| &t.mid));
        for mid in all_mids {
            if !mids.insert(mid) {
                return Err(AddLegError::DuplicateMid { mid: mid.clone() });
            }
        }
        Ok(())
    }
}

fn check_track(
    mid: &Mid,
    types: &PayloadTypes,
    extensions: &ExtensionIds,
) -> Result<(), AddLegError> {
    let mut seen = BTreeSet::new();
    for payload_type in [Some(types.media), types.rtx, types.telephone_event].into_iter().flatten()
    {
        // 64 to 95 collide with RTCP packet types on one port (RFC 5761 §4).
        let is_valid = payload_type < 128 && !(64..96).contains(&payload_type);
        if !is_valid || !seen.insert(payload_type) {
            return Err(AddLegError::InvalidPayloadType { mid: mid.clone() });
        }
    }
    if !extensions.are_valid() {
        return Err(AddLegError::InvalidExtensionId { mid: mid.clone() });
    }
    Ok(())
}

/// Three published, three audio, sixteen tiles and a screen, with room for growth.
const MAX_TRACKS: usize = 40;
const MAX_CNAME_BYTES: usize = 255;
