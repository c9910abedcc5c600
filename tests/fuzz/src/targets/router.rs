//! The forwarding core against peers that have their keys and send anything: bounded, never a panic.

use std::time::Duration;

use trunkline_clock::{Instant, Now, Timestamp};
use trunkline_media::control::{LegKey, MediaCommand, Mid, ReceiveKind, RoomKey, StreamKind};
use trunkline_media::router::{
    FeedbackModes, LegConfig, LegId, PayloadTypes, PublishTrack, ReceiveTrack, Router, RouterConfig,
};
use trunkline_media::rtp::{ExtensionIds, RtpHeader, is_rtcp};
use trunkline_media::srtp::OutboundContext;

use super::{Target, chunks, conversation, packets};

pub(super) const TARGET: Target = Target {
    name: "router",
    about: "the router, fed sealed packets of any content by three legs of a room: bounded output",
    run,
    samples,
    words: &[
        b"\x81\xcd",
        b"\x81\xce",
        b"\x8f\xcd",
        b"\x8f\xce",
        b"REMB",
        b"\xbe\xde\x00\x01",
        b"\x90\xe0",
        b"\x10\x00\x9d\x01\x2a",
        b"\x00\x00\x00\x0b",
        b"\xff\xff",
    ],
    longest_bytes: 16 * 1024,
};

fn run(input: &[u8]) -> bool {
    let mut scene = Scene::new();
    let mut forwarded = 0_usize;
    for chunk in chunks(input) {
        let Some((selector, packet)) = chunk.split_first() else { continue };
        forwarded += scene.feed(usize::from(*selector), packet);
    }
    forwarded > 0
}

/// Three legs in one room; each publishes a microphone and a camera and receives both of another.
struct Scene {
    router: Router,
    legs: Vec<(LegId, OutboundContext)>,
    now: Now,
}

impl Scene {
    fn new() -> Self {
        let now = Now { instant: Instant::from_nanos(1), wall: Timestamp::from_unix_seconds(1) };
        let mut router = Router::new(RouterConfig::default());
        let mut legs = Vec::new();
        for number in 1..=LEGS {
            let id = router.add_leg(now, leg(number)).expect("the leg is well formed");
            let keys = packets::keys(packets::PROFILES[0]);
            router.set_keys(now, id, &keys).expect("a leg gets its keys once");
            legs.push((id, OutboundContext::new(&keys)));
        }
        for number in 1..=LEGS {
            let source = (LegKey::new(number % LEGS + 1), StreamKind::Camera);
            let subscribe = MediaCommand::SubscribeVideo {
                leg: LegKey::new(number),
                mid: mid("3"),
                source: Some(source),
            };
            router.handle_command(now, subscribe).expect("the leg and its tile exist");
        }
        Self { router, legs, now }
    }

    /// Seals a packet as a peer with keys would, hands it in, and returns how much came out.
    fn feed(&mut self, selector: usize, packet: &[u8]) -> usize {
        self.now.instant = self.now.instant + Duration::from_millis(7);
        let (id, sealer) = &mut self.legs[selector % 3];
        let mut packet = packet.to_vec();
        // A packet that cannot be sealed goes in as it is: a stranger's.
        let _ = match RtpHeader::parse(&packet) {
            _ if is_rtcp(&packet) => sealer.protect_rtcp(&mut packet),
            Ok(header) => sealer.protect_rtp(u64::from(header.sequence_number), &mut packet),
            Err(_) => Ok(()),
        };
        // What is dropped is counted by the router.
        let _ = self.router.handle_packet(self.now, *id, &mut packet);
        let at_once = self.drain();
        // A generic NACK asks for at most 17 packets with each of its four-byte words.
        assert!(at_once <= 64 + packet.len() / 4 * 17, "{at_once} packets for {}", packet.len());
        self.router.handle_timeout(self.now);
        let later = self.drain();
        assert!(later <= 256, "{later} packets at a time-out");
        at_once + later
    }

    fn drain(&mut self) -> usize {
        let mut packets = 0_usize;
        for (_, packet) in self.router.egress().packets() {
            packets += 1;
            assert!(!packet.is_empty() && packet.len() <= 65_507, "{} bytes out", packet.len());
        }
        self.router.clear_egress();
        let mut events = 0_usize;
        while self.router.poll_event().is_some() {
            events += 1;
        }
        assert!(events <= 64, "{events} events at once");
        packets
    }
}

fn leg(number: u64) -> LegConfig {
    let base = u32::try_from(number).unwrap_or_default() * 100;
    let audio = PayloadTypes { media: 111, rtx: None, telephone_event: Some(110) };
    let video = PayloadTypes { media: 96, rtx: Some(97), telephone_event: None };
    let extensions = ExtensionIds {
        audio_level: Some(1),
        mid: Some(3),
        transport_cc: Some(4),
        video_orientation: Some(5),
    };
    let feedback =
        FeedbackModes { fir: true, nack: true, pli: true, remb: true, transport_cc: true };
    let publish = |tag, kind, ssrc, rtx_ssrc, payload_types| PublishTrack {
        mid: mid(tag),
        kind,
        ssrc,
        rtx_ssrc,
        payload_types,
        extensions,
        feedback,
    };
    let receive = |tag, kind, ssrc, rtx_ssrc, payload_types| ReceiveTrack {
        mid: mid(tag),
        kind,
        ssrc,
        rtx_ssrc,
        payload_types,
        extensions,
    };
    LegConfig {
        room: RoomKey::new(1),
        leg: LegKey::new(number),
        rtcp_ssrc: base,
        cname: "fuzz".to_owned(),
        publish: vec![
            publish("0", StreamKind::Audio, Some(packets::SSRC), None, audio),
            publish(
                "1",
                StreamKind::Camera,
                Some(packets::SSRC + 1),
                Some(packets::SSRC + 2),
                video,
            ),
        ],
        receive: vec![
            receive("2", ReceiveKind::Audio, base + 1, None, audio),
            receive("3", ReceiveKind::Video, base + 2, Some(base + 3), video),
        ],
    }
}

fn mid(text: &str) -> Mid {
    text.parse().expect("a digit is a token")
}

fn samples() -> Vec<Vec<u8>> {
    let audio = |sequence_number: u16| [&[0][..], &packets::audio(sequence_number)].concat();
    let video = |sequence_number: u16| [&[0][..], &packets::video(sequence_number)].concat();
    let talk: Vec<Vec<u8>> = (1..12).map(audio).collect();
    let show: Vec<Vec<u8>> = (1..12).map(video).collect();
    let reports = packets::rtcp_samples();
    let feedback: Vec<Vec<u8>> = reports.iter().map(|packet| [&[2][..], packet].concat()).collect();
    let all = [talk.clone(), show.clone(), feedback].concat();
    let as_slices = |parts: &[Vec<u8>]| conversation(parts.iter().map(Vec::as_slice));
    vec![as_slices(&talk), as_slices(&show), as_slices(&all)]
}

const LEGS: u64 = 3;
