//! SDP offers: what is accepted leads to an answer that is SDP again, without anything smuggled in.

use std::net::{Ipv4Addr, SocketAddr};

use trunkline_signaling::sdp::{
    Answer, AnswerSection, Feedback, Fingerprint, FingerprintAlgorithm, IceCredentials, MediaKind,
    Offer, Selection, SendTrack,
};

use super::Target;

pub(super) const TARGET: Target = Target {
    name: "sdp",
    about: "SDP offers: the answer to any accepted offer keeps its sections and has whole lines",
    run,
    samples,
    words: &[
        b"\r\n",
        b"\n",
        b"a=",
        b"m=audio 9 UDP/TLS/RTP/SAVPF 111",
        b"m=video 0 RTP/AVP 96",
        b"a=mid:0",
        b"a=group:BUNDLE",
        b"a=rtcp-mux",
        b"a=rtpmap:111 opus/48000/2",
        b"a=sendonly",
        b"a=inactive",
        b"a=fmtp:96 apt=97",
        b"a=ssrc-group:FID 1 2",
        b"a=fingerprint:sha-256 00",
        b"a=setup:active",
        b"a=extmap:15 urn:ietf:params:rtp-hdrext:sdes:mid",
        b"\x00",
        b"\r",
        b" ",
        b":",
        b"/",
        b"\xc2\xa0",
    ],
    longest_bytes: 64 * 1024,
};

fn run(input: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(input) else { return false };
    let Ok(offer) = Offer::parse(text) else { return false };
    assert!(!offer.fingerprints().is_empty(), "an offer without a fingerprint was accepted");
    let sections: Vec<AnswerSection> = offer
        .media()
        .iter()
        .map(|media| match Selection::choose(media, &EXTENSIONS, &FEEDBACK) {
            None => AnswerSection::Rejected,
            Some(selection) if media.direction.sends() => AnswerSection::Receive(selection),
            Some(selection) => {
                AnswerSection::Send(selection, track(media.kind == MediaKind::Video))
            }
        })
        .collect();
    let credentials = IceCredentials::new("ours", "thePasswordOfThisLeg001").expect("lengths");
    let digest = [7; 32];
    let fingerprint = Fingerprint::new(FingerprintAlgorithm::Sha256, &digest).expect("32 bytes");
    let candidate = SocketAddr::from((Ipv4Addr::LOCALHOST, 3_478));
    let answer = Answer {
        offer: &offer,
        session_id: 1,
        session_version: 0,
        credentials: &credentials,
        fingerprint: &fingerprint,
        candidates: &[candidate],
        sections: &sections,
    };
    let answer = answer.to_string();
    check(&offer, &answer);
    true
}

fn check(offer: &Offer, answer: &str) {
    for line in answer.split_terminator("\r\n") {
        let bytes = line.as_bytes();
        let is_line = bytes.len() >= 2 && bytes[0].is_ascii_lowercase() && bytes[1] == b'=';
        assert!(is_line, "no line of an answer: {line:?}");
        assert!(!line.contains(['\r', '\n', '\0']), "a broken line: {line:?}");
    }
    let count = |start: &str| answer.split("\r\n").filter(|line| line.starts_with(start)).count();
    assert_eq!(count("m="), offer.media().len(), "sections were added or lost");
    assert_eq!(count("a=ice-lite"), 1, "the answer is ICE-lite once");
    let passwords = count("a=ice-pwd:thePasswordOfThisLeg001");
    assert_eq!(count("a=ice-pwd:"), passwords, "somebody else's password got in");
}

fn track(is_video: bool) -> SendTrack {
    let rtx_ssrc = is_video.then_some(0x2000);
    SendTrack { ssrc: 0x1000, rtx_ssrc, cname: "trunkline".to_owned() }
}

const EXTENSIONS: [&str; 2] =
    ["urn:ietf:params:rtp-hdrext:sdes:mid", "urn:ietf:params:rtp-hdrext:ssrc-audio-level"];

const FEEDBACK: [Feedback; 5] = [
    Feedback::CcmFir,
    Feedback::GoogRemb,
    Feedback::Nack,
    Feedback::NackPli,
    Feedback::TransportCc,
];

fn samples() -> Vec<Vec<u8>> {
    let session = format!(
        "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2 3\r\n\
         a=ice-ufrag:peer\r\na=ice-pwd:thePasswordOfThePeer0001\r\na=ice-options:trickle\r\n\
         a=fingerprint:sha-256 {}\r\na=setup:actpass\r\n",
        ["AB"; 32].join(":")
    );
    let audio = |mid: u8, direction: &str| {
        format!(
            "m=audio 9 UDP/TLS/RTP/SAVPF 111 110\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\n\
             a={direction}\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n\
             a=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:110 telephone-event/48000\r\n\
             a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n\
             a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=rtcp-fb:111 transport-cc\r\n\
             a=ssrc:{mid}1 cname:peer\r\n"
        )
    };
    let video = |mid: u8, direction: &str| {
        format!(
            "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\n\
             a={direction}\r\na=rtcp-mux\r\na=rtcp-rsize\r\na=rtpmap:96 VP8/90000\r\n\
             a=rtcp-fb:96 goog-remb\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\n\
             a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=ssrc-group:FID 5 6\r\n\
             a=ssrc:5 cname:peer\r\na=ssrc:6 cname:peer\r\n"
        )
    };
    let all = [
        session.clone(),
        audio(0, "sendonly"),
        video(1, "sendonly"),
        audio(2, "recvonly"),
        video(3, "recvonly"),
    ];
    vec![all.concat().into_bytes(), [session, audio(0, "sendrecv")].concat().into_bytes()]
}
