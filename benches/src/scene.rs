//! A room with one publisher and many listeners, all with keys, and the publisher's packets.

use std::time::Duration;

use trunkline_clock::{Instant, Now, Timestamp};
use trunkline_media::{
    control::{LegKey, MediaCommand, Mid, ReceiveKind, RoomKey, StreamKind},
    router::{
        FeedbackModes, LegConfig, LegId, PayloadTypes, PublishTrack, ReceiveTrack, Router,
        RouterConfig,
    },
    rtp::ExtensionIds,
    srtp::{OutboundContext, SrtpKeys, SrtpProfile},
};

/// What the publisher sends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Media {
    /// 160 bytes of Opus with a level.
    Audio,
    /// 1200 bytes of VP8.
    Video,
}

impl Media {
    /// Returns the payload's size.
    pub const fn payload_bytes(self) -> usize {
        match self {
            Self::Audio => 160,
            Self::Video => 1_200,
        }
    }
}

/// A router with one publisher and many listeners.
#[derive(Debug)]
pub struct Scene {
    /// The router under test.
    pub router: Router,
    /// The publishing leg.
    pub publisher: LegId,
    media: Media,
    sender: OutboundContext,
    next: u64,
    now: Now,
}

impl Scene {
    /// Fills a room.
    pub fn new(media: Media, profile: SrtpProfile, listeners: u64) -> Self {
        let mut router = Router::new(RouterConfig::default());
        let now = Now {
            instant: Instant::ZERO + Duration::from_secs(1),
            wall: Timestamp::from_unix_seconds(1_800_000_000),
        };
        let material: Vec<u8> = (0..profile.keying_material_len() as u8).collect();
        let server = SrtpKeys::for_dtls_server(profile, &material).expect("the length is right");
        let client = SrtpKeys::for_dtls_client(profile, &material).expect("the length is right");
        let mut add = |key: u64| {
            let config = leg(media, key);
            let id = router.add_leg(now, config).expect("the configuration is valid");
            router.set_keys(now, id, &server).expect("the leg is new");
            id
        };
        let publisher = add(0);
        for key in 1..=listeners {
            add(key);
        }
        if media == Media::Video {
            for key in 1..=listeners {
                let command = MediaCommand::SubscribeVideo {
                    leg: LegKey::new(key),
                    mid: mid("1"),
                    source: Some((LegKey::new(0), StreamKind::Camera)),
                };
                router.handle_command(now, command).expect("leg and track exist");
            }
        }
        let mut scene =
            Self { router, publisher, media, sender: OutboundContext::new(&client), next: 1, now };
        // Everybody hears speech, or has a keyframe, before anything is measured.
        for mut packet in scene.packets(8) {
            let now = scene.now();
            scene.router.handle_packet(now, publisher, &mut packet).expect("packet is forwarded");
            scene.router.clear_egress();
        }
        while scene.router.poll_event().is_some() {}
        scene
    }

    /// Makes the publisher's next packets, protected, as they would come off the wire.
    pub fn packets(&mut self, count: usize) -> Vec<Vec<u8>> {
        (0..count)
            .map(|_| {
                let packet = self.packet();
                self.next += 1;
                packet
            })
            .collect()
    }

    /// Returns the time, which passes as packets are made.
    pub fn now(&self) -> Now {
        let elapsed = Duration::from_millis(20) * self.next as u32;
        Now { instant: self.now.instant + elapsed, wall: self.now.wall + elapsed }
    }

    fn packet(&self) -> Vec<u8> {
        let (payload_type, step, ssrc) = match self.media {
            Media::Audio => (111, 960, AUDIO_SSRC),
            Media::Video => (96, 1_800, VIDEO_SSRC),
        };
        let mut packet = vec![0x90, payload_type];
        packet.extend((self.next as u16).to_be_bytes());
        packet.extend((self.next as u32).wrapping_mul(step).to_be_bytes());
        packet.extend(ssrc.to_be_bytes());
        packet.extend([0xbe, 0xde, 0, 1, 0x10, 30, 0, 0]);
        let payload = packet.len();
        packet.resize(payload + self.media.payload_bytes(), 0x5a);
        if self.media == Media::Video {
            // The first packet starts a keyframe, the others are parts of later frames.
            let keyframe = [0x10, 0x10, 0, 0, 0x9d, 0x01, 0x2a];
            let delta = [0x10, 0x11, 0, 0, 0, 0, 0];
            let start = if self.next == 1 { keyframe } else { delta };
            packet[payload..payload + start.len()].copy_from_slice(&start);
        }
        self.sender.protect_rtp(self.next, &mut packet).expect("the packet is well-formed");
        packet
    }
}

fn leg(media: Media, key: u64) -> LegConfig {
    let extensions = ExtensionIds { audio_level: Some(1), mid: Some(3), ..Default::default() };
    let (kind, receive, payload, ssrc) = match media {
        Media::Audio => (StreamKind::Audio, ReceiveKind::Audio, 111, AUDIO_SSRC),
        Media::Video => (StreamKind::Camera, ReceiveKind::Video, 96, VIDEO_SSRC),
    };
    let payload_types = PayloadTypes { media: payload, rtx: None, telephone_event: None };
    let is_publisher = key == 0;
    let publish = PublishTrack {
        mid: mid("0"),
        kind,
        ssrc: Some(ssrc),
        rtx_ssrc: None,
        payload_types,
        extensions,
        feedback: FeedbackModes { nack: true, pli: true, ..Default::default() },
    };
    let receive = ReceiveTrack {
        mid: mid("1"),
        kind: receive,
        ssrc: 0x1000_0000 + key as u32,
        rtx_ssrc: None,
        payload_types,
        extensions,
    };
    LegConfig {
        room: RoomKey::new(1),
        leg: LegKey::new(key),
        rtcp_ssrc: 0x2000_0000,
        cname: "bench".to_owned(),
        publish: if is_publisher { vec![publish] } else { Vec::new() },
        receive: if is_publisher { Vec::new() } else { vec![receive] },
    }
}

fn mid(text: &str) -> Mid {
    text.parse().expect("a digit is a mid")
}

const AUDIO_SSRC: u32 = 0x0a0a_0a0a;
const VIDEO_SSRC: u32 = 0x0b0b_0b0b;
