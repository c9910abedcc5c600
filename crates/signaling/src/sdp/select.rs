//! Chooses from an offered media section what the server speaks: Opus and VP8, nothing else.

use super::{Codec, HeaderExtension, MediaKind, OfferedMedia};

/// What was chosen for one media section.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Selection {
    /// An audio section.
    Audio(AudioSelection),
    /// A video section.
    Video(VideoSelection),
}

/// The formats and extensions of an accepted audio section.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AudioSelection {
    /// Opus as the client numbers it, with its own parameters.
    pub opus: Codec,
    /// Named telephone events, where offered (RFC 4733).
    pub telephone_event: Option<Codec>,
    /// The header extensions both sides know.
    pub extensions: Vec<HeaderExtension>,
    /// The feedback both sides know.
    pub feedback: Vec<Feedback>,
}

/// The formats and extensions of an accepted video section.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VideoSelection {
    /// VP8 as the client numbers it.
    pub vp8: Codec,
    /// The retransmission format that repairs VP8, where offered (RFC 4588).
    pub rtx: Option<Codec>,
    /// The header extensions both sides know.
    pub extensions: Vec<HeaderExtension>,
    /// The feedback both sides know.
    pub feedback: Vec<Feedback>,
}

/// A kind of RTCP feedback that can be negotiated ([RFC 4585 §4.2](https://www.rfc-editor.org/rfc/rfc4585#section-4.2)).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Feedback {
    /// `ccm fir`: full intra request.
    CcmFir,
    /// `goog-remb`: receiver estimated maximum bitrate.
    GoogRemb,
    /// `nack`: generic negative acknowledgment.
    Nack,
    /// `nack pli`: picture loss indication.
    NackPli,
    /// `transport-cc`: transport-wide congestion control.
    TransportCc,
}

impl Selection {
    /// Chooses from a section; `None` when it has no format the server speaks or cannot share the
    /// bundled transport, in which case the section is to be rejected.
    ///
    /// `extensions` lists the header extension URIs that the server implements for this kind of
    /// media, `feedback` the RTCP feedback.
    pub fn choose(
        media: &OfferedMedia,
        extensions: &[&str],
        feedback: &[Feedback],
    ) -> Option<Self> {
        if !media.is_usable || !media.rtcp_mux || !is_secure_rtp(&media.protocol) {
            return None;
        }
        let extensions =
            extensions.iter().filter_map(|uri| media.extension(uri).cloned()).collect::<Vec<_>>();
        match media.kind {
            MediaKind::Audio => {
                let opus = media.codecs.iter().find(|codec| is_opus(codec))?.clone();
                // RFC 4733 §2.5.1.2 asks for the clock rate of the audio it accompanies.
                let telephone_event =
                    media.codecs.iter().find(|codec| codec.is("telephone-event", 48_000)).cloned();
                let feedback = common_feedback(&opus, feedback);
                Some(Self::Audio(AudioSelection { opus, telephone_event, extensions, feedback }))
            }
            MediaKind::Video => {
                let vp8 = media.codecs.iter().find(|codec| codec.is("VP8", 90_000))?.clone();
                let apt = vp8.payload_type.to_string();
                let rtx = media
                    .codecs
                    .iter()
                    .find(|codec| codec.is("rtx", 90_000) && codec.parameter("apt") == Some(&apt))
                    .cloned();
                let feedback = common_feedback(&vp8, feedback);
                Some(Self::Video(VideoSelection { vp8, rtx, extensions, feedback }))
            }
            MediaKind::Other(_) => None,
        }
    }

    /// Returns the agreed header extensions.
    pub fn extensions(&self) -> &[HeaderExtension] {
        match self {
            Self::Audio(audio) => &audio.extensions,
            Self::Video(video) => &video.extensions,
        }
    }

    /// Returns the identifier of an agreed header extension.
    pub fn extension_id(&self, uri: &str) -> Option<u8> {
        self.extensions().iter().find(|extension| extension.uri == uri).map(|found| found.id)
    }

    /// Returns the agreed feedback.
    pub fn feedback(&self) -> &[Feedback] {
        match self {
            Self::Audio(audio) => &audio.feedback,
            Self::Video(video) => &video.feedback,
        }
    }

    /// Returns the agreed formats, the main one first.
    pub fn codecs(&self) -> impl Iterator<Item = &Codec> {
        let (main, second) = match self {
            Self::Audio(audio) => (&audio.opus, audio.telephone_event.as_ref()),
            Self::Video(video) => (&video.vp8, video.rtx.as_ref()),
        };
        std::iter::once(main).chain(second)
    }
}

impl Feedback {
    /// Every kind, in the order of the variants.
    pub const ALL: [Self; 5] =
        [Self::CcmFir, Self::GoogRemb, Self::Nack, Self::NackPli, Self::TransportCc];

    /// Returns the value written after the payload type in an `rtcp-fb` attribute.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CcmFir => "ccm fir",
            Self::GoogRemb => "goog-remb",
            Self::Nack => "nack",
            Self::NackPli => "nack pli",
            Self::TransportCc => "transport-cc",
        }
    }
}

fn is_opus(codec: &Codec) -> bool {
    // RFC 7587 §7 fixes both numbers, whatever is really sent.
    codec.is("opus", 48_000) && codec.channels == 2
}

fn is_secure_rtp(protocol: &str) -> bool {
    matches!(protocol, "UDP/TLS/RTP/SAVPF" | "UDP/TLS/RTP/SAVP" | "RTP/SAVPF" | "RTP/SAVP")
}

fn common_feedback(codec: &Codec, ours: &[Feedback]) -> Vec<Feedback> {
    ours.iter()
        .copied()
        .filter(|kind| codec.feedback.iter().any(|offered| offered == kind.as_str()))
        .collect()
}
