//! A client small enough to be steered packet by packet: one socket, hand-written offer, real ICE
//! checks, a real DTLS handshake and real SRTP. Shared by the tests and the load generator.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::digest;
use bytes::BytesMut;
use rtc::crypto::RTCCryptoProvider;
use rtc::crypto::providers::AwsLcRsProvider;
use rtc::dtls::config::{ConfigBuilder, ExtendedMasterSecretType};
use rtc::dtls::crypto::Certificate;
use rtc::dtls::endpoint::{Endpoint, EndpointEvent};
use rtc::dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc::shared::TransportProtocol;
use trunkline_media::control::{TrackBinding, TrackRole};
use trunkline_media::rtp::RtpHeader;
use trunkline_media::srtp::{InboundContext, OutboundContext, SrtpKeys, SrtpProfile};
use trunkline_transport::stun::{Builder, Class, IntegrityKey, Message, SenderRole, TransactionId};

/// The payload types, extensions and sources that every raw client uses.
pub(crate) const OPUS: u8 = 111;
pub(crate) const VP8: u8 = 96;
pub(crate) const MID_EXTENSION: u8 = 4;
pub(crate) const LEVEL_EXTENSION: u8 = 1;

/// A client and, once connected, its keys.
pub(crate) struct RawClient {
    pub(crate) socket: UdpSocket,
    pub(crate) offer: String,
    pub(crate) tracks: Vec<TrackBinding>,
    certificate: Certificate,
    provider: Arc<dyn RTCCryptoProvider>,
    ufrag: String,
    transactions: u64,
    pub(crate) session: Option<Session>,
}

/// What an answer and a handshake gave.
pub(crate) struct Session {
    pub(crate) server: SocketAddr,
    pub(crate) remote_ufrag: String,
    pub(crate) remote_key: IntegrityKey,
    pub(crate) inbound: InboundContext,
    pub(crate) outbound: OutboundContext,
    pub(crate) dtls: Endpoint,
}

/// One thing that came from the server.
#[derive(Debug, PartialEq)]
pub(crate) enum Received {
    /// An answer to a check.
    CheckAnswered,
    /// A decrypted RTP packet.
    Rtp(Vec<u8>),
    /// A decrypted RTCP packet.
    Rtcp(Vec<u8>),
    /// DTLS after the handshake: the server said goodbye when true.
    Dtls { closed: bool },
}

impl RawClient {
    /// Makes a client that offers one section for each role, with tags `0`, `1`, ….
    pub(crate) fn new(roles: &[TrackRole], seed: u32) -> Self {
        let provider: Arc<dyn RTCCryptoProvider> = Arc::new(AwsLcRsProvider::new());
        let names = vec!["raw".to_owned()];
        let certificate = Certificate::generate_self_signed(names, provider.crypto()).unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let ufrag = format!("raw{seed:05}");
        let tracks = roles
            .iter()
            .enumerate()
            .map(|(mid, role)| TrackBinding { mid: mid.to_string().parse().unwrap(), role: *role })
            .collect();
        let offer = offer(roles, &ufrag, &fingerprint(&certificate), seed);
        let (transactions, session) = (u64::from(seed) << 32, None);
        Self { socket, offer, tracks, certificate, provider, ufrag, transactions, session }
    }

    /// Checks and shakes hands until keys are there.
    pub(crate) fn connect(
        &mut self,
        answer: &str,
        profiles: Vec<SrtpProtectionProfile>,
    ) -> io::Result<()> {
        let server = candidate(answer);
        let remote_ufrag = line(answer, "a=ice-ufrag:").to_owned();
        let remote_key = IntegrityKey::new(line(answer, "a=ice-pwd:"));
        let check = self.check(&remote_ufrag, &remote_key);
        self.socket.send_to(&check, server)?;
        let mut buffer = [0; 2_048];
        let (length, _) = self.socket.recv_from(&mut buffer)?;
        let response = Message::parse(&buffer[..length]).map_err(io::Error::other)?;
        if response.class != Class::Success {
            return Err(io::Error::other("check was refused"));
        }
        let config = ConfigBuilder::default()
            .with_crypto_provider(Arc::clone(&self.provider))
            .with_certificates(vec![self.certificate.clone()])
            .with_srtp_protection_profiles(profiles)
            .with_insecure_skip_verify(true)
            .with_extended_master_secret(ExtendedMasterSecretType::Require)
            .build(true, None)
            .map_err(io::Error::other)?;
        let mut dtls = Endpoint::new(self.socket.local_addr()?, TransportProtocol::UDP, None);
        dtls.connect(Instant::now(), server, Arc::new(config), None).map_err(io::Error::other)?;
        loop {
            while let Some(datagram) = dtls.poll_transmit() {
                self.socket.send_to(&datagram.message, server)?;
            }
            let (length, _) = self.socket.recv_from(&mut buffer)?;
            if !(20..64).contains(&buffer[0]) {
                continue;
            }
            let events = dtls
                .read(Instant::now(), server, None, BytesMut::from(&buffer[..length]))
                .map_err(io::Error::other)?;
            if events.iter().any(|event| matches!(event, EndpointEvent::HandshakeComplete)) {
                break;
            }
        }
        let state = dtls.get_connection_state(server).expect("the handshake is complete");
        let profile = match state.srtp_protection_profile() {
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm => SrtpProfile::AeadAes128Gcm,
            _ => SrtpProfile::Aes128CmHmacSha1_80,
        };
        let length = profile.keying_material_len();
        let material = state
            .export_keying_material("EXTRACTOR-dtls_srtp", &[], length)
            .map_err(io::Error::other)?;
        let keys = SrtpKeys::for_dtls_client(profile, material.as_ref()).unwrap();
        self.session = Some(Session {
            server,
            remote_ufrag,
            remote_key,
            inbound: InboundContext::new(&keys),
            outbound: OutboundContext::new(&keys),
            dtls,
        });
        Ok(())
    }

    /// Makes a nominating check.
    pub(crate) fn check(&mut self, remote_ufrag: &str, key: &IntegrityKey) -> Vec<u8> {
        self.transactions += 1;
        let mut id = [0; 12];
        id[..8].copy_from_slice(&self.transactions.to_be_bytes());
        Builder::new(Class::Request, TransactionId(id))
            .username(format!("{remote_ufrag}:{}", self.ufrag).as_bytes())
            .priority(1)
            .role(SenderRole::Controlling(1))
            .use_candidate()
            .finish(key)
            .as_bytes()
            .to_vec()
    }

    /// Sends a check with the current credentials.
    pub(crate) fn send_check(&mut self) {
        let session = self.session.as_ref().expect("connected");
        let (ufrag, key) = (session.remote_ufrag.clone(), session.remote_key.clone());
        let server = session.server;
        let check = self.check(&ufrag, &key);
        self.socket.send_to(&check, server).unwrap();
    }

    /// Seals an RTP packet with the mid extension and, for audio, a level; sends it.
    pub(crate) fn send_rtp(&self, packet: &Rtp<'_>) {
        let sealed = self.seal_rtp(packet);
        let session = self.session.as_ref().expect("connected");
        self.socket.send_to(&sealed, session.server).unwrap();
    }

    /// Seals an RTP packet.
    pub(crate) fn seal_rtp(&self, packet: &Rtp<'_>) -> Vec<u8> {
        let session = self.session.as_ref().expect("connected");
        let mut bytes = packet.write();
        session.outbound.protect_rtp(packet.index, &mut bytes).unwrap();
        bytes
    }

    /// Takes and opens the next datagram; `None` when nothing comes within the read time-out.
    pub(crate) fn receive(&mut self) -> Option<Received> {
        let mut buffer = [0; 2_048];
        let (length, _) = self.socket.recv_from(&mut buffer).ok()?;
        let datagram = &mut buffer[..length];
        let session = self.session.as_mut().expect("connected");
        Some(match datagram[0] {
            0..=3 => Received::CheckAnswered,
            20..=63 => {
                let data = BytesMut::from(&*datagram);
                let events = session.dtls.read(Instant::now(), session.server, None, data).unwrap();
                let closed = events.iter().any(|event| matches!(event, EndpointEvent::PeerClosed));
                Received::Dtls { closed }
            }
            _ if (192..=223).contains(&datagram[1]) => {
                let length = session.inbound.unprotect_rtcp(datagram).unwrap();
                Received::Rtcp(datagram[..length].to_vec())
            }
            _ => {
                let header = RtpHeader::parse(datagram).unwrap();
                let opened = session.inbound.unprotect_rtp(&header, datagram).unwrap();
                Received::Rtp(datagram[..opened.len].to_vec())
            }
        })
    }

    /// Takes datagrams until an RTP packet comes; `None` when none comes within the time-out.
    pub(crate) fn receive_rtp(&mut self) -> Option<Vec<u8>> {
        loop {
            match self.receive()? {
                Received::Rtp(packet) => return Some(packet),
                Received::CheckAnswered | Received::Rtcp(_) | Received::Dtls { .. } => {}
            }
        }
    }
}

/// An RTP packet to be written.
pub(crate) struct Rtp<'a> {
    pub(crate) mid: &'a str,
    pub(crate) payload_type: u8,
    pub(crate) ssrc: u32,
    /// The rollover counter above the sequence number.
    pub(crate) index: u64,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    /// The level in −dBov, for audio.
    pub(crate) level: Option<u8>,
    pub(crate) payload: &'a [u8],
}

impl Rtp<'_> {
    fn write(&self) -> Vec<u8> {
        let mut bytes = vec![0x90, self.payload_type | if self.marker { 0x80 } else { 0 }];
        bytes.extend((self.index as u16).to_be_bytes());
        bytes.extend(self.timestamp.to_be_bytes());
        bytes.extend(self.ssrc.to_be_bytes());
        let mut elements = vec![MID_EXTENSION << 4 | (self.mid.len() as u8 - 1)];
        elements.extend(self.mid.as_bytes());
        if let Some(level) = self.level {
            elements.extend([LEVEL_EXTENSION << 4, 0x80 | level]);
        }
        elements.resize(elements.len().next_multiple_of(4), 0);
        bytes.extend([0xbe, 0xde]);
        bytes.extend((elements.len() as u16 / 4).to_be_bytes());
        bytes.extend(elements);
        bytes.extend(self.payload);
        bytes
    }
}

/// The source that a raw client sends from on a section.
pub(crate) fn ssrc(seed: u32, mid: usize) -> u32 {
    0x1000_0000 + seed * 64 + mid as u32
}

/// Finds the value of the first line that begins so.
pub(crate) fn line<'a>(text: &'a str, start: &str) -> &'a str {
    text.lines().find_map(|line| line.strip_prefix(start)).expect(start)
}

/// Finds the address of the first candidate.
pub(crate) fn candidate(answer: &str) -> SocketAddr {
    let words: Vec<&str> = line(answer, "a=candidate:").split(' ').collect();
    SocketAddr::new(words[4].parse().unwrap(), words[5].parse().unwrap())
}

fn fingerprint(certificate: &Certificate) -> String {
    let hash = digest::digest(&digest::SHA256, &certificate.certificate[0]);
    let bytes: Vec<String> = hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    bytes.join(":")
}

fn offer(roles: &[TrackRole], ufrag: &str, fingerprint: &str, seed: u32) -> String {
    let mids: Vec<String> = (0..roles.len()).map(|mid| mid.to_string()).collect();
    let mut text = format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\n\
         a=ice-ufrag:{ufrag}\r\na=ice-pwd:raw+client+password+0123\r\n\
         a=fingerprint:sha-256 {fingerprint}\r\na=setup:actpass\r\n",
        mids.join(" ")
    );
    for (mid, role) in roles.iter().enumerate() {
        let is_audio = matches!(role, TrackRole::Microphone | TrackRole::ReceiveAudio);
        text += &match is_audio {
            true => format!("m=audio 9 UDP/TLS/RTP/SAVPF {OPUS}\r\n"),
            false => format!("m=video 9 UDP/TLS/RTP/SAVPF {VP8}\r\n"),
        };
        let way = if role.publishes().is_some() { "sendonly" } else { "recvonly" };
        text += &format!(
            "a=mid:{mid}\r\na={way}\r\na=rtcp-mux\r\n\
             a=extmap:{MID_EXTENSION} urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
        );
        text += &match is_audio {
            true => format!(
                "a=rtpmap:{OPUS} opus/48000/2\r\n\
                 a=extmap:{LEVEL_EXTENSION} urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"
            ),
            false => format!(
                "a=rtpmap:{VP8} VP8/90000\r\na=rtcp-fb:{VP8} nack\r\na=rtcp-fb:{VP8} nack pli\r\n"
            ),
        };
        if role.publishes().is_some() {
            text += &format!("a=ssrc:{} cname:raw\r\n", ssrc(seed, mid));
        }
    }
    text
}
