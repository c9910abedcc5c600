//! Offers of real clients, refused offers, and hostile text.

use proptest::prelude::*;

use super::super::{AudioSelection, EXTENSION_MID, Feedback, Selection};
use super::*;

const CHROMIUM: &str = include_str!("../testdata/chromium.sdp");
const FIREFOX: &str = include_str!("../testdata/firefox.sdp");

fn mid(text: &str) -> Mid {
    text.parse().unwrap()
}

fn minimal(audio_lines: &str) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
         a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghijkl\r\n\
         a=fingerprint:sha-256 {}\r\na=setup:actpass\r\n\
         m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=rtcp-mux\r\n\
         a=rtpmap:111 opus/48000/2\r\n{audio_lines}",
        ["AB"; 32].join(":")
    )
}

#[test]
fn chromium_offer_is_understood_section_by_section() {
    let offer = Offer::parse(CHROMIUM).unwrap();
    assert_eq!(offer.credentials().ufrag(), "CbVm");
    assert_eq!(offer.fingerprints().len(), 1);
    let kinds: Vec<_> = offer.media().iter().map(|media| media.kind.as_str()).collect();
    assert_eq!(kinds, ["audio", "video", "video", "audio", "video", "application"]);
    let directions: Vec<_> = offer.media().iter().map(|media| media.direction).collect();
    assert_eq!(
        directions,
        [
            Direction::SendOnly,
            Direction::SendOnly,
            Direction::SendOnly,
            Direction::RecvOnly,
            Direction::RecvOnly,
            Direction::SendRecv
        ]
    );
    let camera = &offer.media()[1];
    assert_eq!(camera.ssrcs, [3_782_870_380]);
    assert_eq!(camera.retransmission_ssrcs, [(3_782_870_380, 2_631_670_867)]);
    assert_eq!(camera.extension(EXTENSION_MID).unwrap().id, 4);
    let Some(Selection::Video(video)) =
        Selection::choose(camera, &[EXTENSION_MID], &[Feedback::Nack, Feedback::NackPli])
    else {
        panic!("the camera section has VP8");
    };
    assert_eq!((video.vp8.payload_type, video.rtx.unwrap().payload_type), (96, 97));
    assert_eq!(video.feedback, [Feedback::Nack, Feedback::NackPli]);
}

#[test]
fn a_line_with_a_bare_carriage_return_or_a_nul_is_malformed() {
    for smuggled in ["a=fmtp:111 minptime=10\ra=setup:active\r\n", "a=fmtp:111 a\0b\r\n"] {
        let error = Offer::parse(&minimal(smuggled)).unwrap_err();
        assert_eq!(error, OfferError::MalformedLine { line: 14 });
    }
}

#[test]
fn chromium_audio_keeps_the_parameters_and_the_48_khz_events() {
    let offer = Offer::parse(CHROMIUM).unwrap();
    let Some(Selection::Audio(AudioSelection { opus, telephone_event, .. })) =
        Selection::choose(&offer.media()[0], &[], &[])
    else {
        panic!("the microphone section has Opus");
    };
    assert_eq!((opus.payload_type, opus.parameters.as_str()), (111, "minptime=10;useinbandfec=1"));
    assert_eq!(opus.parameter("useinbandfec"), Some("1"));
    assert_eq!(telephone_event.unwrap().payload_type, 110);
}

#[test]
fn bundle_only_sections_with_port_zero_are_usable() {
    let offer = Offer::parse(FIREFOX).unwrap();
    let video = offer.media_by_mid(&mid("1")).unwrap();
    assert!(video.is_usable);
    let Some(Selection::Video(video)) = Selection::choose(video, &[], &Feedback::ALL) else {
        panic!("the video section has VP8");
    };
    assert_eq!((video.vp8.payload_type, video.rtx.unwrap().payload_type), (120, 124));
    assert_eq!(video.feedback, Feedback::ALL);
}

#[test]
fn sections_outside_the_bundle_or_with_port_zero_are_not_usable() {
    let outside = minimal("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\na=rtcp-mux\r\n");
    let offer = Offer::parse(&outside).unwrap();
    assert!(offer.media()[0].is_usable && !offer.media()[1].is_usable);
    assert_eq!(Selection::choose(&offer.media()[1], &[], &[]), None);

    let disabled = minimal("").replace("m=audio 9", "m=audio 0");
    assert_eq!(Offer::parse(&disabled), Err(OfferError::NoBundledMedia));
}

#[test]
fn sections_without_our_codecs_or_rtcp_mux_are_not_chosen() {
    for (from, to) in [
        ("opus/48000/2", "PCMU/8000"),
        ("opus/48000/2", "opus/48000"),
        ("a=rtcp-mux\r\n", ""),
        ("UDP/TLS/RTP/SAVPF", "RTP/AVP"),
    ] {
        let offer = Offer::parse(&minimal("").replace(from, to)).unwrap();
        assert_eq!(Selection::choose(&offer.media()[0], &[], &[]), None, "{to:?}");
    }
}

#[test]
fn session_level_transport_attributes_apply_to_sections() {
    let offer = Offer::parse(&minimal("")).unwrap();
    assert_eq!(offer.credentials().password(), "0123456789abcdefghijkl");
    assert_eq!(offer.fingerprints()[0].digest(), [0xab; 32]);
}

#[test]
fn refused_offers_name_the_fault() {
    let check = |text: &str, error: OfferError| assert_eq!(Offer::parse(text), Err(error));
    check("", OfferError::NotSdp);
    check("hello", OfferError::NotSdp);
    check("v=0\r\n", OfferError::NoBundledMedia);
    check(&minimal("nonsense\r\n"), OfferError::MalformedLine { line: 14 });
    check(&minimal("a=rtpmap:999 x/1\r\n"), OfferError::MalformedLine { line: 14 });
    check(&minimal("a=extmap:0 urn:x\r\n"), OfferError::MalformedLine { line: 14 });
    check(&minimal("a=ssrc:-1 cname:x\r\n"), OfferError::MalformedLine { line: 14 });
    check(&minimal("").replace("AB:AB", "AB:+B"), OfferError::MalformedLine { line: 8 });
    check(&minimal("").replace("sha-256", "sha-1"), OfferError::MissingFingerprint);
    check(&minimal("").replace("actpass", "passive"), OfferError::SetupConflict);
    check(&minimal("").replace("ice-pwd:0123456789", "ice-pwd:"), {
        OfferError::MissingIceCredentials
    });
    check(&minimal("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n"), {
        OfferError::DuplicateMid { mid: mid("0") }
    });
    check(
        &minimal(&"m=audio 9 RTP/AVP 0\r\n".repeat(64)),
        OfferError::TooMany { what: "media sections", limit: 64 },
    );
    check(
        &minimal(&"x=y\r\n".repeat(60_000)),
        OfferError::TooLong { limit_bytes: 262_144, got_bytes: minimal("").len() + 300_000 },
    );
}

#[test]
fn passwords_do_not_appear_in_debug_text() {
    let offer = Offer::parse(CHROMIUM).unwrap();
    assert!(!format!("{offer:?}").contains(offer.credentials().password()));
}

#[test]
fn every_prefix_of_a_real_offer_is_an_offer_or_a_typed_error() {
    for text in [CHROMIUM, FIREFOX] {
        for end in 0..text.len() {
            let _outcome = Offer::parse(&text[..end]);
        }
    }
}

proptest! {
    #[test]
    fn arbitrary_text_is_never_a_panic(text in "(v=0\r\n)?([am]=[ -~]{0,40}\r\n){0,20}") {
        let _outcome = Offer::parse(&text);
    }

    #[test]
    fn a_damaged_real_offer_is_never_a_panic(at in 0..CHROMIUM.len(), byte in 0x20_u8..0x7f) {
        let mut text = CHROMIUM.as_bytes().to_vec();
        text[at] = byte;
        let _outcome = Offer::parse(&String::from_utf8(text).unwrap());
    }
}
