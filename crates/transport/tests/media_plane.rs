//! The media plane over real sockets: steered clients, hostile senders, and the `webrtc` crate as peer.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::time::Duration;

use rtc::dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use tokio::sync::mpsc;
use trunkline_media::control::{
    LegFailure, LegKey, MediaCommand, MediaEvent, RoomKey, StreamKind, TrackRole,
};
use trunkline_media::srtp::SrtpProfile;
use trunkline_transport::stun::{Builder, Class, IntegrityKey, TransactionId};
use trunkline_transport::{
    IngressDrop, LegState, MediaPlane, NegotiationError, OpenLeg, OpenLegError, PlaneConfig,
    PlaneStats, RestartLegError, SendError,
};

use raw_client::{OPUS, RawClient, Received, Rtp, candidate, line, ssrc};
use webrtc_peer::WebrtcPeer;

#[path = "support/raw_client.rs"]
mod raw_client;
#[path = "support/webrtc_peer.rs"]
mod webrtc_peer;

const GCM: SrtpProtectionProfile = SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm;
const CM80: SrtpProtectionProfile = SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80;
const TALK: [TrackRole; 2] = [TrackRole::Microphone, TrackRole::ReceiveAudio];
/// Long enough for a busy machine; no test waits for it unless it fails.
const PATIENCE: Duration = Duration::from_secs(20);

struct Scene {
    plane: MediaPlane,
    events: mpsc::Receiver<MediaEvent>,
}

impl Scene {
    fn start() -> Self {
        let config = PlaneConfig { shards: 1, ..PlaneConfig::new(IpAddr::V4(Ipv4Addr::LOCALHOST)) };
        let (plane, events) = MediaPlane::start(config).unwrap();
        Self { plane, events }
    }

    async fn open(&self, leg: u64, client: &RawClient) -> Result<String, OpenLegError> {
        let request = OpenLeg {
            room: RoomKey::new(1),
            leg: LegKey::new(leg),
            offer: client.offer.clone(),
            tracks: client.tracks.clone(),
        };
        self.plane.open_leg(request).await
    }

    async fn connected(&mut self, leg: u64, roles: &[TrackRole]) -> RawClient {
        let mut client = RawClient::new(roles, leg as u32);
        let answer = self.open(leg, &client).await.unwrap();
        client.connect(&answer, vec![CM80, GCM]).unwrap();
        self.wait_for(|event| matches!(event, MediaEvent::LegConnected { .. })).await;
        client
    }

    async fn wait_for(&mut self, wanted: impl Fn(&MediaEvent) -> bool) -> MediaEvent {
        let found = async {
            loop {
                let event = self.events.recv().await.expect("the plane runs");
                if wanted(&event) {
                    return event;
                }
            }
        };
        tokio::time::timeout(PATIENCE, found).await.expect("the event comes")
    }

    /// Returns the counters of a quiet moment.
    async fn settled_stats(&self) -> PlaneStats {
        let mut last = self.plane.stats();
        loop {
            tokio::time::sleep(Duration::from_millis(60)).await;
            let stats = self.plane.stats();
            if stats.received_packets == last.received_packets {
                return stats;
            }
            last = stats;
        }
    }

    async fn wait_for_stats(&self, wanted: impl Fn(&PlaneStats) -> bool) -> PlaneStats {
        let deadline = std::time::Instant::now() + PATIENCE;
        loop {
            let stats = self.plane.stats();
            if wanted(&stats) {
                return stats;
            }
            assert!(std::time::Instant::now() < deadline, "{stats:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn speech<'a>(leg: u64, index: u64, payload: &'a [u8]) -> Rtp<'a> {
    Rtp {
        mid: "0",
        payload_type: OPUS,
        ssrc: ssrc(leg as u32, 0),
        index,
        timestamp: index as u32 * 960,
        marker: false,
        level: Some(20),
        payload,
    }
}

fn payload(packet: &[u8]) -> &[u8] {
    let header = trunkline_media::rtp::RtpHeader::parse(packet).unwrap();
    &packet[header.header_len()..]
}

#[tokio::test]
async fn two_legs_hear_each_other_under_gcm() {
    let mut scene = Scene::start();
    let mut alice = RawClient::new(&TALK, 1);
    let answer = scene.open(1, &alice).await.unwrap();
    alice.connect(&answer, vec![CM80, GCM]).unwrap();
    let event = scene.wait_for(|event| matches!(event, MediaEvent::LegConnected { .. })).await;
    let MediaEvent::LegConnected { leg, srtp_profile, since_offer } = event else {
        unreachable!("waited for this variant")
    };
    assert_eq!((leg, srtp_profile), (LegKey::new(1), SrtpProfile::AeadAes128Gcm));
    assert!(since_offer < PATIENCE);
    let mut bob = scene.connected(2, &TALK).await;
    for index in 0..5 {
        alice.send_rtp(&speech(1, index, b"from alice"));
        assert_eq!(payload(&bob.receive_rtp().unwrap()), b"from alice");
        bob.send_rtp(&speech(2, index, b"from bob"));
        assert_eq!(payload(&alice.receive_rtp().unwrap()), b"from bob");
    }
    scene.plane.shutdown().await;
}

#[tokio::test]
async fn a_look_at_a_leg_tells_its_peer_and_what_was_lost() {
    let mut scene = Scene::start();
    let alice = scene.connected(1, &TALK).await;
    let mut bob = scene.connected(2, &TALK).await;
    let silent = RawClient::new(&TALK, 3);
    scene.open(3, &silent).await.unwrap();
    for index in [0, 1, 2, 5] {
        alice.send_rtp(&speech(1, index, b"with a gap"));
        assert_eq!(payload(&bob.receive_rtp().unwrap()), b"with a gap");
    }
    let look = async |leg| scene.plane.inspect_leg(LegKey::new(leg)).await;
    let first = look(1).await.unwrap();
    assert_eq!((first.state, first.peer), (LegState::Connected, alice.socket.local_addr().ok()));
    let voice = first.report.published[0];
    assert_eq!((voice.kind, voice.is_enabled), (StreamKind::Audio, true));
    assert_eq!((voice.packets_received, voice.packets_lost), (4, 2));
    assert_eq!(look(2).await.unwrap().report.packets_sent, 4);
    let third = look(3).await.unwrap();
    assert_eq!((third.state, third.peer), (LegState::Connecting, None));
    assert_eq!(look(4).await, None);
    let mute =
        MediaCommand::SetPublish { leg: LegKey::new(1), kind: StreamKind::Audio, enabled: false };
    scene.plane.send(mute).unwrap();
    assert!(!look(1).await.unwrap().report.published[0].is_enabled);
    scene.plane.shutdown().await;
    assert_eq!(look(1).await, None);
}

#[tokio::test]
async fn a_client_without_gcm_gets_cm80_and_is_heard() {
    let mut scene = Scene::start();
    let mut old = RawClient::new(&TALK, 1);
    let answer = scene.open(1, &old).await.unwrap();
    old.connect(&answer, vec![CM80]).unwrap();
    let event = scene.wait_for(|event| matches!(event, MediaEvent::LegConnected { .. })).await;
    assert!(matches!(
        event,
        MediaEvent::LegConnected { srtp_profile: SrtpProfile::Aes128CmHmacSha1_80, .. }
    ));
    let mut new = scene.connected(2, &TALK).await;
    old.send_rtp(&speech(1, 0, b"old to new"));
    assert_eq!(payload(&new.receive_rtp().unwrap()), b"old to new");
    new.send_rtp(&speech(2, 0, b"new to old"));
    assert_eq!(payload(&old.receive_rtp().unwrap()), b"new to old");
}

#[tokio::test]
async fn a_wrong_certificate_fails_the_leg_and_gets_no_media() {
    let mut scene = Scene::start();
    let mut impostor = RawClient::new(&TALK, 1);
    let honest = line(&impostor.offer, "a=fingerprint:sha-256 ").to_owned();
    let forged = ["5A"; 32].join(":");
    impostor.offer = impostor.offer.replace(&honest, &forged);
    let answer = scene.open(1, &impostor).await.unwrap();
    assert!(impostor.connect(&answer, vec![GCM]).is_err());
    let event = scene.wait_for(|event| matches!(event, MediaEvent::LegFailed { .. })).await;
    let cause = LegFailure::FingerprintMismatch;
    assert_eq!(event, MediaEvent::LegFailed { leg: LegKey::new(1), cause });
    let stats = scene.settled_stats().await;
    assert_eq!((stats.legs, stats.rtp_received), (1, 0));
}

#[tokio::test]
async fn muted_and_held_streams_stop_at_the_server() {
    let mut scene = Scene::start();
    let alice = scene.connected(1, &TALK).await;
    let mut bob = scene.connected(2, &TALK).await;
    let (leg_a, leg_b) = (LegKey::new(1), LegKey::new(2));
    let mut index = 0;
    let mut heard = |bob: &mut RawClient, text: &'static [u8]| {
        alice.send_rtp(&speech(1, index, text));
        index += 1;
        bob.receive_rtp()
    };
    assert_eq!(payload(&heard(&mut bob, b"one").unwrap()), b"one");
    bob.socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let publish =
        |enabled| MediaCommand::SetPublish { leg: leg_a, kind: StreamKind::Audio, enabled };
    scene.plane.send(publish(false)).unwrap();
    assert_eq!(heard(&mut bob, b"muted"), None);
    scene.plane.send(publish(true)).unwrap();
    scene.plane.send(MediaCommand::SetReceive { leg: leg_b, enabled: false }).unwrap();
    assert_eq!(heard(&mut bob, b"held"), None);
    scene.plane.send(MediaCommand::SetReceive { leg: leg_b, enabled: true }).unwrap();
    bob.socket.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(payload(&heard(&mut bob, b"two").unwrap()), b"two");
}

#[tokio::test]
async fn a_silent_leg_is_interrupted_and_resumes_with_the_next_packet() {
    let mut scene = Scene::start();
    let mut alice = scene.connected(1, &TALK).await;
    let bob = scene.connected(2, &TALK).await;
    let leg = LegKey::new(1);
    let since = std::time::Instant::now();
    let keep_bob_alive = async {
        let mut index = 0;
        loop {
            bob.send_rtp(&speech(2, index, b"still here"));
            index += 1;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    let interrupted = scene.wait_for(|event| *event == MediaEvent::LegInterrupted { leg });
    tokio::select! {
        _event = interrupted => {}
        () = keep_bob_alive => unreachable!("never ends"),
    }
    let silence = since.elapsed();
    assert!(
        silence > Duration::from_millis(4_500) && silence < Duration::from_secs(9),
        "{silence:?}"
    );
    alice.send_check();
    scene.wait_for(|event| *event == MediaEvent::LegResumed { leg }).await;
    while alice.receive() != Some(Received::CheckAnswered) {}
    bob.send_rtp(&speech(2, 1_000, b"welcome back"));
    assert_eq!(payload(&alice.receive_rtp().unwrap()), b"welcome back");
}

#[tokio::test]
async fn a_leg_follows_its_client_to_another_address() {
    let mut scene = Scene::start();
    let mut alice = scene.connected(1, &TALK).await;
    let bob = scene.connected(2, &TALK).await;
    bob.send_rtp(&speech(2, 0, b"first"));
    assert_eq!(payload(&alice.receive_rtp().unwrap()), b"first");
    let new_socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    new_socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let old_socket = std::mem::replace(&mut alice.socket, new_socket);
    alice.send_check();
    assert_eq!(alice.receive(), Some(Received::CheckAnswered));
    bob.send_rtp(&speech(2, 1, b"second"));
    assert_eq!(payload(&alice.receive_rtp().unwrap()), b"second");
    old_socket.set_nonblocking(true).unwrap();
    let mut buffer = [0; 2_048];
    while let Ok((length, _)) = old_socket.recv_from(&mut buffer) {
        assert!(buffer[1] & 0x7f != OPUS, "{length} bytes of audio to the old address");
    }
}

#[tokio::test]
async fn an_ice_restart_gives_new_credentials_and_keeps_the_keys() {
    let mut scene = Scene::start();
    let mut alice = scene.connected(1, &TALK).await;
    let bob = scene.connected(2, &TALK).await;
    let offer = alice.offer.clone();
    let answer = scene.plane.restart_leg(LegKey::new(1), &offer).await.unwrap();
    let session = alice.session.as_mut().unwrap();
    assert_ne!(line(&answer, "a=ice-ufrag:"), session.remote_ufrag);
    session.remote_ufrag = line(&answer, "a=ice-ufrag:").to_owned();
    session.remote_key = IntegrityKey::new(line(&answer, "a=ice-pwd:"));
    alice.socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    alice.socket.set_read_timeout(Some(PATIENCE)).unwrap();
    alice.send_check();
    assert_eq!(alice.receive(), Some(Received::CheckAnswered));
    bob.send_rtp(&speech(2, 0, b"after the restart"));
    assert_eq!(payload(&alice.receive_rtp().unwrap()), b"after the restart");

    let restart = |leg, offer: String| {
        let plane = scene.plane.clone();
        async move { plane.restart_leg(LegKey::new(leg), &offer).await.unwrap_err() }
    };
    let unknown = RestartLegError::UnknownLeg { leg: LegKey::new(99) };
    assert_eq!(restart(99, offer.clone()).await, unknown);
    let stranger = RawClient::new(&TALK, 3);
    assert_eq!(restart(1, stranger.offer.clone()).await, RestartLegError::CertificateChanged);
    let fewer = RawClient::new(&TALK[..1], 1);
    assert_eq!(restart(1, fewer.offer.clone()).await, RestartLegError::MediaChanged);
}

#[tokio::test]
async fn closing_a_leg_says_goodbye_and_frees_its_name() {
    let mut scene = Scene::start();
    let mut alice = scene.connected(1, &TALK).await;
    let leg = LegKey::new(1);
    assert_eq!(scene.open(1, &alice).await, Err(OpenLegError::DuplicateLeg { leg }));
    scene.plane.send(MediaCommand::CloseLeg { leg }).unwrap();
    while alice.receive().expect("a goodbye comes") != (Received::Dtls { closed: true }) {}
    let again = MediaCommand::CloseLeg { leg };
    assert_eq!(scene.plane.send(again), Err(SendError::UnknownLeg { leg }));
    scene.open(1, &RawClient::new(&TALK, 1)).await.unwrap();
    scene.wait_for_stats(|stats| stats.legs == 1).await;
    scene.plane.shutdown().await;
    let refused = scene.open(2, &RawClient::new(&TALK, 2)).await;
    assert_eq!(refused, Err(OpenLegError::Stopped));
}

#[tokio::test]
async fn bad_offers_are_typed_errors_and_leave_nothing() {
    let scene = Scene::start();
    let client = RawClient::new(&TALK, 1);
    let mut request = OpenLeg {
        room: RoomKey::new(1),
        leg: LegKey::new(1),
        offer: String::new(),
        tracks: client.tracks.clone(),
    };
    assert!(matches!(
        scene.plane.open_leg(request.clone()).await,
        Err(OpenLegError::Negotiation(NegotiationError::Offer(_)))
    ));
    request.offer = client.offer.replace("opus/48000/2", "PCMU/8000");
    assert_eq!(
        scene.plane.open_leg(request.clone()).await,
        Err(OpenLegError::Negotiation(NegotiationError::NoUsableMedia))
    );
    request.offer = client.offer.clone();
    scene.plane.open_leg(request).await.unwrap();
    scene.wait_for_stats(|stats| stats.legs == 1).await;
}

/// Resident memory in KiB.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    line(&status, "VmRSS:").trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_million_packets_of_strangers_are_counted_and_cost_no_memory() {
    let mut scene = Scene::start();
    let alice = scene.connected(1, &TALK).await;
    let mut bob = scene.connected(2, &TALK).await;
    let server = alice.session.as_ref().unwrap().server;
    let recorded = alice.seal_rtp(&speech(1, 0, b"recorded"));
    let before = scene.settled_stats().await;
    let memory_before = resident_kib();
    let flood = tokio::task::spawn_blocking(move || {
        let stranger_check = Builder::new(Class::Request, TransactionId([9; 12]))
            .username(b"nobodyAA:nobody")
            .finish(&IntegrityKey::new("nothing"))
            .as_bytes()
            .to_vec();
        let hello = [&[22, 0xfe, 0xfd][..], &[0; 40]].concat();
        let rtcp = [0x80, 200, 0, 1, 0, 0, 0, 7].to_vec();
        let kinds = [
            recorded.clone(),
            recorded[..recorded.len() / 2].to_vec(),
            stranger_check.clone(),
            stranger_check[..17].to_vec(),
            hello,
            rtcp,
            vec![0xff; 100],
            Vec::new(),
        ];
        let sockets: Vec<UdpSocket> =
            (0..64).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
        let mut sent = 0_u64;
        let mut answered = 0_u64;
        let mut buffer = [0; 64];
        for number in 0..1_000_000_usize {
            let socket = &sockets[number / 64 % sockets.len()];
            let mut packet = kinds[number % kinds.len()].clone();
            if packet.len() > 12 && number % kinds.len() == 0 {
                packet[8..12].copy_from_slice(&(number as u32).to_be_bytes());
            }
            sent += u64::from(socket.send_to(&packet, server).is_ok());
        }
        for socket in &sockets {
            socket.set_nonblocking(true).unwrap();
            while socket.recv_from(&mut buffer).is_ok() {
                answered += 1;
            }
        }
        (sent, answered)
    });
    let (sent, answered) = flood.await.unwrap();
    assert_eq!(sent, 1_000_000);
    assert_eq!(answered, 0, "strangers get nothing");
    // The kernel drops what the shard cannot take in time, so only what arrived is counted.
    let arrived = |stats: &PlaneStats| stats.received_packets - before.received_packets;
    let counted = |stats: &PlaneStats| {
        let reasons = [
            IngressDrop::UnknownSource,
            IngressDrop::StunUnauthenticated,
            IngressDrop::StunMalformed,
            IngressDrop::Unrecognized,
        ];
        let count = |stats: &PlaneStats, reason| stats.ingress_dropped(reason);
        reasons.map(|reason| count(stats, reason) - count(&before, reason)).iter().sum::<u64>()
    };
    let stats = scene
        .wait_for_stats(|stats| arrived(stats) >= 100_000 && counted(stats) == arrived(stats))
        .await;
    assert_eq!(stats.legs, 2);
    let grown = resident_kib().saturating_sub(memory_before);
    assert!(grown < 8_192, "memory grew by {grown} KiB");
    // The flood may have outlasted the consent of the silent listener.
    bob.send_check();
    while bob.receive() != Some(Received::CheckAnswered) {}
    alice.send_rtp(&speech(1, 1, b"after the flood"));
    assert_eq!(payload(&bob.receive_rtp().unwrap()), b"after the flood");
}

#[tokio::test]
async fn garbage_from_a_known_address_is_counted_and_does_not_hurt_the_leg() {
    let mut scene = Scene::start();
    let alice = scene.connected(1, &TALK).await;
    let mut bob = scene.connected(2, &TALK).await;
    let server = alice.session.as_ref().unwrap().server;
    let before = scene.settled_stats().await;
    let valid = alice.seal_rtp(&speech(1, 0, b"once"));
    alice.socket.send_to(&valid, server).unwrap();
    assert_eq!(payload(&bob.receive_rtp().unwrap()), b"once");
    let mut sent = 1_u64;
    let mut send = |datagram: &[u8]| {
        alice.socket.send_to(datagram, server).unwrap();
        sent += 1;
        // Small kernel buffers hold some two hundred packets.
        if sent.is_multiple_of(64) {
            std::thread::sleep(Duration::from_millis(2));
        }
    };
    for end in 1..valid.len() {
        send(&valid[..end]);
    }
    send(&valid);
    for first in 0..=u8::MAX {
        let mut datagram = [0x5a; 90];
        datagram[0] = first;
        send(&datagram);
        send(&datagram[..1]);
    }
    send(&[0x80; 2_049]);
    let total = sent;
    let stats = scene
        .wait_for_stats(|stats| {
            let arrived = stats.received_packets - before.received_packets
                + stats.ingress_dropped(IngressDrop::Oversized);
            arrived == total
        })
        .await;
    assert_eq!(stats.dropped() - before.dropped(), total - 1);
    bob.socket.set_read_timeout(Some(PATIENCE)).unwrap();
    alice.send_rtp(&speech(1, 1, b"still alive"));
    assert_eq!(payload(&bob.receive_rtp().unwrap()), b"still alive");
}

#[tokio::test]
async fn answers_name_every_advertised_address_with_the_port_of_the_shard() {
    let config = PlaneConfig {
        advertised_ips: vec!["192.0.2.7".parse().unwrap(), "2001:db8::7".parse().unwrap()],
        shards: 2,
        ..PlaneConfig::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    };
    let (plane, _events) = MediaPlane::start(config).unwrap();
    let mut ports = Vec::new();
    for leg in 1..=2_u64 {
        let client = RawClient::new(&TALK, leg as u32);
        let request = OpenLeg {
            room: RoomKey::new(leg),
            leg: LegKey::new(leg),
            offer: client.offer,
            tracks: client.tracks,
        };
        let answer = plane.open_leg(request).await.unwrap();
        let first = candidate(&answer);
        assert_eq!(first.ip().to_string(), "192.0.2.7");
        assert!(answer.contains(&format!("2001:db8::7 {} typ host", first.port())));
        assert!(plane.candidates().any(|shard| shard.contains(&first)));
        ports.push(first.port());
    }
    assert_ne!(ports[0], ports[1], "each shard has its own port");
    let nowhere = PlaneConfig::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    assert!(MediaPlane::start(nowhere).is_err());
}

async fn webrtc_pair(
    profiles: Vec<SrtpProtectionProfile>,
) -> (Scene, [WebrtcPeer; 2], SrtpProfile) {
    let mut scene = Scene::start();
    let mut peers =
        [WebrtcPeer::new(1_001, profiles.clone()).await, WebrtcPeer::new(2_002, profiles).await];
    let mut profile = SrtpProfile::AeadAes128Gcm;
    for (peer, leg) in peers.iter_mut().zip(1..) {
        let (offer, tracks) = peer.offer(false).await;
        let (room, leg) = (RoomKey::new(1), LegKey::new(leg));
        let answer = scene.plane.open_leg(OpenLeg { room, leg, offer, tracks }).await.unwrap();
        peer.accept(answer).await;
        peer.wait_until_connected(PATIENCE).await;
        let event = scene.wait_for(|event| matches!(event, MediaEvent::LegConnected { .. })).await;
        if let MediaEvent::LegConnected { srtp_profile, .. } = event {
            profile = srtp_profile;
        }
    }
    (scene, peers, profile)
}

async fn hears(speaker: &WebrtcPeer, listener: &mut WebrtcPeer, text: &[u8], from: u16) {
    let heard = async {
        // The first packets may come before the track is announced to the application.
        for number in from.. {
            speaker.say(number, text).await;
            tokio::select! {
                payload = listener.heard.recv() => {
                    if payload.unwrap() == text {
                        return;
                    }
                }
                () = tokio::time::sleep(Duration::from_millis(20)) => {}
            }
        }
    };
    tokio::time::timeout(PATIENCE, heard).await.expect("the packet is heard");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peer_connections_of_webrtc_hear_each_other_under_gcm() {
    let (scene, [alice, mut bob], profile) = webrtc_pair(vec![CM80, GCM]).await;
    assert_eq!(profile, SrtpProfile::AeadAes128Gcm);
    hears(&alice, &mut bob, b"opus of alice", 1).await;
    let mut alice = alice;
    hears(&bob, &mut alice, b"opus of bob", 1).await;
    scene.wait_for_stats(|stats| stats.rtp_forwarded >= 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peer_connections_of_webrtc_fall_back_to_cm80() {
    let (_scene, [alice, mut bob], profile) = webrtc_pair(vec![CM80]).await;
    assert_eq!(profile, SrtpProfile::Aes128CmHmacSha1_80);
    hears(&alice, &mut bob, b"opus of alice", 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_connection_of_webrtc_restarts_ice() {
    let (scene, [alice, mut bob], _profile) = webrtc_pair(vec![GCM]).await;
    hears(&alice, &mut bob, b"before", 1).await;
    let (offer, _tracks) = alice.offer(true).await;
    let answer = scene.plane.restart_leg(LegKey::new(1), &offer).await.unwrap();
    alice.accept(answer).await;
    hears(&alice, &mut bob, b"after", 1_000).await;
}
