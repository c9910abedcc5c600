//! Matches a client's offer with the purpose of its tracks: what is received, what is sent, what is
//! refused.

use std::collections::HashSet;

use trunkline_media::control::{Mid, StreamKind, TrackBinding, TrackRole};
use trunkline_media::router::{FeedbackModes, PayloadTypes, PublishTrack, ReceiveTrack};
use trunkline_media::rtp::ExtensionIds;
use trunkline_signaling::sdp::{
    AnswerSection, EXTENSION_AUDIO_LEVEL, EXTENSION_MID, EXTENSION_TRANSPORT_CC,
    EXTENSION_VIDEO_ORIENTATION, Feedback, MediaKind, Offer, OfferError, OfferedMedia, Selection,
    SendTrack,
};

/// An offer that can be answered.
#[derive(Debug)]
pub(crate) struct Negotiated {
    pub(crate) sections: Vec<AnswerSection>,
    pub(crate) publish: Vec<PublishTrack>,
    pub(crate) receive: Vec<ReceiveTrack>,
}

/// Says why an offer cannot be answered; each case is the client's fault.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NegotiationError {
    /// Two bindings name the same media section.
    #[error("media section {mid} is bound twice")]
    DuplicateBinding {
        /// The section.
        mid: Mid,
    },
    /// No bound section has a codec that this server carries.
    #[error("no media section with opus or vp8")]
    NoUsableMedia,
    /// The offer does not parse.
    #[error("offer is not acceptable")]
    Offer(#[from] OfferError),
    /// The kind or direction of the section does not fit its role.
    #[error("media section {mid} cannot have the role {role:?}")]
    RoleMismatch {
        /// The section.
        mid: Mid,
        /// The role asked for.
        role: TrackRole,
    },
    /// A binding names a section that the offer lacks.
    #[error("offer has no media section {mid}")]
    UnknownMid {
        /// The missing section.
        mid: Mid,
    },
}

/// Chooses what becomes of each section. `random` draws sources.
pub(crate) fn negotiate(
    offer: &Offer,
    tracks: &[TrackBinding],
    mut random: impl FnMut() -> u32,
) -> Result<Negotiated, NegotiationError> {
    check_bindings(offer, tracks)?;
    let mut taken: HashSet<u32> = offer
        .media()
        .iter()
        .flat_map(|media| {
            let repairs = media.retransmission_ssrcs.iter().map(|pair| pair.1);
            media.ssrcs.iter().copied().chain(repairs)
        })
        .collect();
    let mut draw = || loop {
        let ssrc = random();
        // Zero is legal and confuses more than one client.
        if ssrc != 0 && taken.insert(ssrc) {
            return ssrc;
        }
    };
    let mut negotiated =
        Negotiated { sections: Vec::new(), publish: Vec::new(), receive: Vec::new() };
    for media in offer.media() {
        let binding = tracks.iter().find(|track| is_at(track, media));
        let section = match binding.and_then(|binding| Some((binding, choose(media, binding)?))) {
            None => AnswerSection::Rejected,
            Some((binding, selection)) => match (binding.role.publishes(), binding.role.receives())
            {
                (Some(kind), _) => {
                    let track = publish_track(media, &binding.mid, kind, &selection);
                    negotiated.publish.push(track);
                    AnswerSection::Receive(selection)
                }
                (None, Some(kind)) => {
                    let payload_types = payload_types(&selection);
                    let track = ReceiveTrack {
                        mid: binding.mid.clone(),
                        kind,
                        ssrc: draw(),
                        rtx_ssrc: payload_types.rtx.map(|_payload_type| draw()),
                        payload_types,
                        extensions: extension_ids(&selection),
                    };
                    let send = SendTrack {
                        ssrc: track.ssrc,
                        rtx_ssrc: track.rtx_ssrc,
                        cname: CNAME.to_owned(),
                    };
                    negotiated.receive.push(track);
                    AnswerSection::Send(selection, send)
                }
                (None, None) => AnswerSection::Rejected,
            },
        };
        negotiated.sections.push(section);
    }
    if negotiated.publish.is_empty() && negotiated.receive.is_empty() {
        return Err(NegotiationError::NoUsableMedia);
    }
    Ok(negotiated)
}

/// Tells whether a repeated offer asks for the very answer that was given before.
pub(crate) fn is_same_answer(offer: &Offer, sections: &[AnswerSection]) -> bool {
    offer.media().len() == sections.len()
        && offer.media().iter().zip(sections).all(|(media, section)| match section {
            AnswerSection::Receive(selection) => {
                Selection::choose(media, extensions(&media.kind), feedback(&media.kind, true))
                    .is_some_and(|chosen| chosen == *selection)
            }
            AnswerSection::Send(selection, _track) => {
                Selection::choose(media, extensions(&media.kind), feedback(&media.kind, false))
                    .is_some_and(|chosen| chosen == *selection)
            }
            AnswerSection::Rejected => true,
        })
}

fn check_bindings(offer: &Offer, tracks: &[TrackBinding]) -> Result<(), NegotiationError> {
    for (number, track) in tracks.iter().enumerate() {
        if tracks[..number].iter().any(|earlier| earlier.mid == track.mid) {
            return Err(NegotiationError::DuplicateBinding { mid: track.mid.clone() });
        }
        let Some(media) = offer.media().iter().find(|media| is_at(track, media)) else {
            return Err(NegotiationError::UnknownMid { mid: track.mid.clone() });
        };
        let wants_video = match track.role {
            TrackRole::Microphone | TrackRole::ReceiveAudio => false,
            TrackRole::Camera
            | TrackRole::ReceiveScreen
            | TrackRole::ReceiveVideo
            | TrackRole::Screen => true,
        };
        let has_kind = match media.kind {
            MediaKind::Audio => !wants_video,
            MediaKind::Video => wants_video,
            MediaKind::Other(_) => false,
        };
        let has_direction = match track.role.publishes() {
            Some(_kind) => media.direction.sends(),
            None => media.direction.receives(),
        };
        if !has_kind || !has_direction {
            let (mid, role) = (track.mid.clone(), track.role);
            return Err(NegotiationError::RoleMismatch { mid, role });
        }
    }
    Ok(())
}

fn is_at(track: &TrackBinding, media: &OfferedMedia) -> bool {
    media.mid.as_ref().is_some_and(|mid| mid.as_str() == track.mid.as_str())
}

fn choose(media: &OfferedMedia, binding: &TrackBinding) -> Option<Selection> {
    let publishes = binding.role.publishes().is_some();
    Selection::choose(media, extensions(&media.kind), feedback(&media.kind, publishes))
}

fn extensions(kind: &MediaKind) -> &'static [&'static str] {
    match kind {
        MediaKind::Audio => &[EXTENSION_MID, EXTENSION_AUDIO_LEVEL, EXTENSION_TRANSPORT_CC],
        MediaKind::Video => &[EXTENSION_MID, EXTENSION_TRANSPORT_CC, EXTENSION_VIDEO_ORIENTATION],
        MediaKind::Other(_) => &[],
    }
}

/// What the router answers for tracks that clients publish, and understands from clients that
/// receive.
fn feedback(kind: &MediaKind, publishes: bool) -> &'static [Feedback] {
    match (kind, publishes) {
        (MediaKind::Audio, true) => &[Feedback::TransportCc],
        (MediaKind::Video, true) => &[
            Feedback::TransportCc,
            Feedback::GoogRemb,
            Feedback::Nack,
            Feedback::NackPli,
            Feedback::CcmFir,
        ],
        (MediaKind::Video, false) => &[Feedback::Nack, Feedback::NackPli, Feedback::CcmFir],
        (MediaKind::Audio, false) | (MediaKind::Other(_), _) => &[],
    }
}

fn publish_track(
    media: &OfferedMedia,
    mid: &Mid,
    kind: StreamKind,
    selection: &Selection,
) -> PublishTrack {
    let ssrc = media.ssrcs.first().copied();
    let repair = media.retransmission_ssrcs.iter().find(|pair| Some(pair.0) == ssrc);
    let payload_types = payload_types(selection);
    let has = |wanted: Feedback| selection.feedback().contains(&wanted);
    PublishTrack {
        mid: mid.clone(),
        kind,
        ssrc,
        rtx_ssrc: payload_types.rtx.and_then(|_payload_type| repair.map(|pair| pair.1)),
        payload_types,
        extensions: extension_ids(selection),
        feedback: FeedbackModes {
            fir: has(Feedback::CcmFir),
            nack: has(Feedback::Nack),
            pli: has(Feedback::NackPli),
            remb: has(Feedback::GoogRemb),
            transport_cc: has(Feedback::TransportCc),
        },
    }
}

fn payload_types(selection: &Selection) -> PayloadTypes {
    match selection {
        Selection::Audio(audio) => PayloadTypes {
            media: audio.opus.payload_type,
            rtx: None,
            telephone_event: audio.telephone_event.as_ref().map(|codec| codec.payload_type),
        },
        Selection::Video(video) => PayloadTypes {
            media: video.vp8.payload_type,
            rtx: video.rtx.as_ref().map(|codec| codec.payload_type),
            telephone_event: None,
        },
    }
}

fn extension_ids(selection: &Selection) -> ExtensionIds {
    ExtensionIds {
        audio_level: selection.extension_id(EXTENSION_AUDIO_LEVEL),
        mid: selection.extension_id(EXTENSION_MID),
        transport_cc: selection.extension_id(EXTENSION_TRANSPORT_CC),
        video_orientation: selection.extension_id(EXTENSION_VIDEO_ORIENTATION),
    }
}

/// All tracks to one client run on the server's clock, so they share one name.
pub(crate) const CNAME: &str = "trunkline";

#[cfg(test)]
mod tests {
    use super::*;

    const CHROMIUM: &str = include_str!("../../signaling/src/sdp/testdata/chromium.sdp");

    fn bindings(list: &[(&str, TrackRole)]) -> Vec<TrackBinding> {
        list.iter()
            .map(|(mid, role)| TrackBinding { mid: mid.parse().unwrap(), role: *role })
            .collect()
    }

    fn counter() -> impl FnMut() -> u32 {
        let mut last = 0;
        move || {
            last += 1;
            // Every value comes twice, and zero and a source of the client are among them.
            match last / 2 {
                0 => 0,
                1 => 24_811_280,
                number => number,
            }
        }
    }

    fn negotiated(list: &[(&str, TrackRole)]) -> Result<Negotiated, NegotiationError> {
        negotiate(&Offer::parse(CHROMIUM).unwrap(), &bindings(list), counter())
    }

    #[test]
    fn bound_sections_become_tracks_and_the_rest_is_rejected() {
        let negotiated = negotiated(&[
            ("0", TrackRole::Microphone),
            ("1", TrackRole::Camera),
            ("3", TrackRole::ReceiveAudio),
            ("4", TrackRole::ReceiveVideo),
        ])
        .unwrap();
        let rejected: Vec<bool> = negotiated
            .sections
            .iter()
            .map(|section| matches!(section, AnswerSection::Rejected))
            .collect();
        assert_eq!(rejected, [false, false, true, false, false, true]);
        let camera = &negotiated.publish[1];
        assert_eq!((camera.ssrc, camera.rtx_ssrc), (Some(3_782_870_380), Some(2_631_670_867)));
        assert_eq!(camera.payload_types.rtx, Some(97));
        assert_eq!(camera.extensions.video_orientation, Some(13));
        let all =
            FeedbackModes { fir: true, nack: true, pli: true, remb: true, transport_cc: true };
        assert_eq!(camera.feedback, all);
        assert_eq!(negotiated.publish[0].extensions.audio_level, Some(1));
        assert_eq!(negotiated.receive[0].payload_types.telephone_event, Some(110));
        let drawn = [
            Some(negotiated.receive[0].ssrc),
            Some(negotiated.receive[1].ssrc),
            negotiated.receive[1].rtx_ssrc,
        ];
        assert_eq!(drawn, [Some(2), Some(3), Some(4)], "drawn sources are new and not zero");
    }

    #[test]
    fn bindings_that_do_not_fit_name_the_section() {
        let mid: Mid = "0".parse().unwrap();
        let check = |list: &[(&str, TrackRole)], error: NegotiationError| {
            assert_eq!(negotiated(list).unwrap_err(), error);
        };
        check(
            &[("0", TrackRole::Camera)],
            NegotiationError::RoleMismatch { mid: mid.clone(), role: TrackRole::Camera },
        );
        check(
            &[("0", TrackRole::ReceiveAudio)],
            NegotiationError::RoleMismatch { mid: mid.clone(), role: TrackRole::ReceiveAudio },
        );
        check(
            &[("0", TrackRole::Microphone), ("0", TrackRole::Microphone)],
            NegotiationError::DuplicateBinding { mid },
        );
        check(
            &[("77", TrackRole::Camera)],
            NegotiationError::UnknownMid { mid: "77".parse().unwrap() },
        );
        check(&[], NegotiationError::NoUsableMedia);
    }

    #[test]
    fn a_repeated_offer_is_recognized_and_a_changed_one_is_not() {
        let offer = Offer::parse(CHROMIUM).unwrap();
        let sections = negotiated(&[("0", TrackRole::Microphone)]).unwrap().sections;
        assert!(is_same_answer(&offer, &sections));
        let renumbered = CHROMIUM.replace("a=rtpmap:111 opus", "a=rtpmap:63 opus");
        assert!(!is_same_answer(&Offer::parse(&renumbered).unwrap(), &sections));
    }
}
