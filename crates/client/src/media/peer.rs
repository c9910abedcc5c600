//! The peer connection: makes the one offer of a call, carries packets both ways.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use rtc::{
    interceptor::{Registry, Slot},
    media_stream::MediaStreamTrack,
    peer_connection::configuration::{
        interceptor_registry::{configure_nack, configure_rtcp_reports},
        media_engine::{MIME_TYPE_OPUS, MIME_TYPE_VP8, MediaEngine},
    },
    rtp_transceiver::rtp_sender::{
        RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters,
        RTCRtpEncodingParameters, RTCRtpHeaderExtensionCapability, RtpCodecKind,
    },
    sdp::extmap::{AUDIO_LEVEL_URI, SDES_MID_URI},
};
use thiserror::Error;
use tokio::sync::mpsc;
use trunkline_media::control::StreamKind;
use trunkline_proto::calling::v1 as calling;
use webrtc::{
    media_stream::{
        track_local::{TrackLocal, TrackLocalEvent, static_rtp::TrackLocalStaticRTP},
        track_remote::{TrackRemote, TrackRemoteEvent},
    },
    peer_connection::{
        PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCPeerConnectionState,
        RTCSessionDescription, SettingEngineBuilder, SrtpProtectionProfile,
    },
    rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit, RtpSender},
};

use super::{
    keyframe_requests::KeyframeRequests,
    network::{GatedRuntime, NetworkGate},
};

/// What the m-lines of an offer are to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) has_camera: bool,
    pub(super) has_screen: bool,
    pub(super) video_tiles: usize,
    pub(super) receive_screen: bool,
}

/// An offer with the role of each m-line.
#[derive(Clone)]
pub(crate) struct LocalOffer {
    pub(crate) sdp: String,
    pub(crate) tracks: Vec<calling::TrackBinding>,
}

/// What the peer connection reports.
pub(super) enum PeerEvent {
    /// ICE and DTLS are done.
    Connected,
    /// Nothing comes from the other end for the moment.
    Disconnected,
    /// The path is given up.
    Failed,
    /// The exchange asks for a keyframe.
    KeyframeRequested(StreamKind),
    /// Packets come on a receive m-line, and this is how to ask for keyframes there.
    Track { mid: Arc<str>, track: Arc<dyn TrackRemote>, is_video: bool },
}

/// A packet that came on a receive m-line.
pub(super) struct PeerPacket {
    pub(super) mid: Arc<str>,
    pub(super) packet: rtc::rtp::Packet,
}

/// Why the peer connection cannot be made or used.
#[derive(Debug, Error)]
pub(crate) enum PeerError {
    /// The codec refused.
    #[error(transparent)]
    Codec(crate::audio::opus::OpusError),
    /// The WebRTC stack refused.
    #[error("peer connection: {0}")]
    Stack(#[from] webrtc::error::Error),
    /// The operating system has no randomness.
    #[error("no randomness: {0}")]
    Random(getrandom::Error),
}

/// A stream that the call sends.
pub(super) struct SendStream {
    track: Arc<TrackLocalStaticRTP>,
    sender: Arc<dyn RtpSender>,
    ssrc: u32,
    payload_type: u8,
    sequence_number: u16,
    audio_level_id: Option<u8>,
}

/// What a peer connection reports.
pub(super) struct PeerReceivers {
    pub(super) events: mpsc::UnboundedReceiver<PeerEvent>,
    pub(super) packets: mpsc::Receiver<PeerPacket>,
}

/// The peer connection of one call.
pub(super) struct Peer {
    connection: Arc<dyn PeerConnection>,
    roles: Vec<calling::TrackRole>,
    pub(super) microphone: SendStream,
    pub(super) camera: Option<SendStream>,
    pub(super) screen: Option<SendStream>,
}

struct Handler {
    events: mpsc::UnboundedSender<PeerEvent>,
    tracks: mpsc::UnboundedSender<Arc<dyn TrackRemote>>,
}

impl Peer {
    /// Makes a peer connection with its m-lines, ready to offer.
    pub(super) async fn new(
        layout: Layout,
        bind: SocketAddr,
        gate: NetworkGate,
    ) -> Result<(Self, PeerReceivers), PeerError> {
        // States are few, and the callback that reports them must never wait: it runs on the
        // connection's own task.
        let (events, received) = mpsc::unbounded_channel();
        let (packets, packets_received) = mpsc::channel(PACKET_QUEUE);
        let (tracks, opened) = mpsc::unbounded_channel();
        let mut engine = media_engine()?;
        let registry = configure_nack(Registry::new(), &mut engine);
        let registry = configure_rtcp_reports(registry)
            .with(Slot::Custom(LAST_SLOT), KeyframeRequests::default());
        let settings = SettingEngineBuilder::new()
            .with_include_loopback_candidate(true)
            .with_ice_connection_attempts(Some(CHECK_INTERVAL), Some(CHECKS_LIMIT))
            .with_srtp_protection_profiles(vec![
                SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
                SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
            ])
            .build();
        let connection = PeerConnectionBuilder::new()
            .with_media_engine(engine)
            .with_interceptor_registry(registry)
            .with_setting_engine(settings)
            .with_runtime(Arc::new(GatedRuntime::new(gate)))
            .with_handler(Arc::new(Handler { events: events.clone(), tracks }))
            .with_udp_addrs(vec![bind])
            .build()
            .await?;
        let connection: Arc<dyn PeerConnection> = Arc::new(connection);

        let mut roles = vec![calling::TrackRole::Microphone];
        let microphone = SendStream::new(&*connection, RtpCodecKind::Audio, "microphone").await?;
        let mut camera = None;
        if layout.has_camera {
            roles.push(calling::TrackRole::Camera);
            let stream = SendStream::new(&*connection, RtpCodecKind::Video, "camera").await?;
            stream.watch(StreamKind::Camera, events.clone());
            camera = Some(stream);
        }
        let mut screen = None;
        if layout.has_screen {
            roles.push(calling::TrackRole::Screen);
            let stream = SendStream::new(&*connection, RtpCodecKind::Video, "screen").await?;
            stream.watch(StreamKind::Screen, events.clone());
            screen = Some(stream);
        }
        let receive = std::iter::repeat_n(calling::TrackRole::ReceiveAudio, RECEIVE_AUDIO)
            .chain(std::iter::repeat_n(calling::TrackRole::ReceiveVideo, layout.video_tiles))
            .chain(layout.receive_screen.then_some(calling::TrackRole::ReceiveScreen));
        for role in receive {
            let kind = match role {
                calling::TrackRole::ReceiveAudio => RtpCodecKind::Audio,
                calling::TrackRole::Unspecified
                | calling::TrackRole::Microphone
                | calling::TrackRole::Camera
                | calling::TrackRole::Screen
                | calling::TrackRole::ReceiveVideo
                | calling::TrackRole::ReceiveScreen => RtpCodecKind::Video,
            };
            let init = RTCRtpTransceiverInit {
                direction: RTCRtpTransceiverDirection::Recvonly,
                ..RTCRtpTransceiverInit::default()
            };
            connection.add_transceiver_from_kind(kind, Some(init)).await?;
            roles.push(role);
        }
        tokio::spawn(watch_tracks(Arc::downgrade(&connection), opened, events, packets));
        let receivers = PeerReceivers { events: received, packets: packets_received };
        Ok((Self { connection, roles, microphone, camera, screen }, receivers))
    }

    /// Makes an offer and puts it in force. Candidates are not waited for: the exchange is ICE-lite
    /// and learns this side's address from its checks.
    pub(super) async fn offer(&self) -> Result<LocalOffer, PeerError> {
        let offer = self.connection.create_offer(None).await?;
        let sdp = offer.sdp.clone();
        self.connection.set_local_description(offer).await?;
        let mids = sdp.lines().filter_map(|line| line.strip_prefix("a=mid:"));
        let tracks = mids
            .zip(&self.roles)
            .map(|(mid, role)| calling::TrackBinding { mid: mid.to_owned(), role: (*role).into() })
            .collect();
        Ok(LocalOffer { sdp, tracks })
    }

    /// Asks for new ICE credentials in the next offer.
    pub(super) async fn restart_ice(&self) -> Result<(), PeerError> {
        Ok(self.connection.restart_ice().await?)
    }

    /// Takes the answer of the exchange and learns what was negotiated.
    pub(super) async fn answer(&mut self, sdp: String) -> Result<(), PeerError> {
        let answer = RTCSessionDescription::answer(sdp)?;
        self.connection.set_remote_description(answer).await?;
        self.microphone.learn().await?;
        for stream in [&mut self.camera, &mut self.screen].into_iter().flatten() {
            stream.learn().await?;
        }
        Ok(())
    }

    /// Closes the connection.
    pub(super) async fn close(&self) {
        if let Err(error) = self.connection.close().await {
            tracing::debug!(%error, "peer connection did not close cleanly");
        }
    }
}

impl SendStream {
    async fn new(
        connection: &dyn PeerConnection,
        kind: RtpCodecKind,
        label: &str,
    ) -> Result<Self, PeerError> {
        let mut random = [0; 6];
        getrandom::fill(&mut random).map_err(PeerError::Random)?;
        let [a, b, c, d, e, f] = random;
        let ssrc = u32::from_be_bytes([a, b, c, d]).max(1);
        let (codec, payload_type) = match kind {
            RtpCodecKind::Audio => (opus(), OPUS_PAYLOAD_TYPE),
            _ => (vp8(), VP8_PAYLOAD_TYPE),
        };
        let encoding = RTCRtpEncodingParameters {
            rtp_coding_parameters: RTCRtpCodingParameters {
                ssrc: Some(ssrc),
                ..RTCRtpCodingParameters::default()
            },
            active: true,
            codec,
            ..RTCRtpEncodingParameters::default()
        };
        let track = Arc::new(TrackLocalStaticRTP::new(MediaStreamTrack::new(
            "trunkline".to_owned(),
            label.to_owned(),
            label.to_owned(),
            kind,
            vec![encoding],
        )));
        let init = RTCRtpTransceiverInit {
            direction: RTCRtpTransceiverDirection::Sendonly,
            ..RTCRtpTransceiverInit::default()
        };
        let transceiver = connection
            .add_transceiver_from_track(Arc::clone(&track) as Arc<dyn TrackLocal>, Some(init))
            .await?;
        let sender =
            transceiver.sender().await?.ok_or(webrtc::error::Error::ErrRTPSenderNotExisted)?;
        let sequence_number = u16::from_be_bytes([e, f]);
        Ok(Self { track, sender, ssrc, payload_type, sequence_number, audio_level_id: None })
    }

    /// Reports keyframe requests until the peer connection closes.
    fn watch(&self, kind: StreamKind, events: mpsc::UnboundedSender<PeerEvent>) {
        let track = Arc::clone(&self.track);
        tokio::spawn(async move {
            while let Some(event) = track.poll().await {
                if let TrackLocalEvent::OnRtcpPacket(_) = event
                    && events.send(PeerEvent::KeyframeRequested(kind)).is_err()
                {
                    return;
                }
            }
        });
    }

    /// Learns the payload type and extension ids of the answer.
    async fn learn(&mut self) -> Result<(), PeerError> {
        let parameters = self.sender.get_parameters().await?.rtp_parameters;
        if let Some(codec) = parameters.codecs.first() {
            self.payload_type = codec.payload_type;
        }
        self.audio_level_id = parameters
            .header_extensions
            .iter()
            .find(|extension| extension.uri == AUDIO_LEVEL_URI)
            .and_then(|extension| u8::try_from(extension.id).ok());
        Ok(())
    }

    /// Sends one packet, with its loudness for the speaker detection where it is sound.
    pub(super) async fn send(
        &mut self,
        timestamp: u32,
        marker: bool,
        payload: bytes::Bytes,
        audio_level: Option<u8>,
    ) -> Result<(), PeerError> {
        let mut header = rtc::rtp::header::Header {
            version: 2,
            marker,
            payload_type: self.payload_type,
            sequence_number: self.sequence_number,
            timestamp,
            ssrc: self.ssrc,
            ..rtc::rtp::header::Header::default()
        };
        if let (Some(id), Some(level)) = (self.audio_level_id, audio_level) {
            header.set_extension(id, bytes::Bytes::copy_from_slice(&[level]))?;
        }
        self.sequence_number = self.sequence_number.wrapping_add(1);
        self.track.write_rtp(rtc::rtp::Packet { header, payload }).await?;
        Ok(())
    }
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        let event = match state {
            RTCPeerConnectionState::Connected => PeerEvent::Connected,
            RTCPeerConnectionState::Disconnected => PeerEvent::Disconnected,
            RTCPeerConnectionState::Failed => PeerEvent::Failed,
            _ => return,
        };
        let _ = self.events.send(event);
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let _ = self.tracks.send(track);
    }
}

/// Finds the m-line of every track that opens and moves its packets to the one queue.
async fn watch_tracks(
    connection: std::sync::Weak<dyn PeerConnection>,
    mut opened: mpsc::UnboundedReceiver<Arc<dyn TrackRemote>>,
    events: mpsc::UnboundedSender<PeerEvent>,
    packets: mpsc::Sender<PeerPacket>,
) {
    while let Some(track) = opened.recv().await {
        let Some(connection) = connection.upgrade() else { return };
        let Some(mid) = mid_of(&*connection, &track).await else {
            tracing::warn!("a track opened on no known m-line");
            continue;
        };
        let mid: Arc<str> = mid.into();
        let is_video = track.kind().await == RtpCodecKind::Video;
        let opened =
            PeerEvent::Track { mid: Arc::clone(&mid), track: Arc::clone(&track), is_video };
        if events.send(opened).is_err() {
            return;
        }
        let packets = packets.clone();
        tokio::spawn(async move {
            while let Some(event) = track.poll().await {
                match event {
                    TrackRemoteEvent::OnRtpPacket(packet) => {
                        let packet = PeerPacket { mid: Arc::clone(&mid), packet };
                        if packets.send(packet).await.is_err() {
                            return;
                        }
                    }
                    TrackRemoteEvent::OnEnded => return,
                    _ => {}
                }
            }
        });
    }
}

async fn mid_of(connection: &dyn PeerConnection, track: &Arc<dyn TrackRemote>) -> Option<String> {
    let wanted = track.track_id().await;
    for transceiver in connection.get_transceivers().await {
        if let Ok(Some(receiver)) = transceiver.receiver().await
            && receiver.track().track_id().await == wanted
        {
            return transceiver.mid().await.ok().flatten();
        }
    }
    None
}

fn media_engine() -> Result<MediaEngine, PeerError> {
    let mut engine = MediaEngine::default();
    let opus = RTCRtpCodecParameters { rtp_codec: opus(), payload_type: OPUS_PAYLOAD_TYPE };
    engine.register_codec(opus, RtpCodecKind::Audio)?;
    let vp8 = RTCRtpCodecParameters { rtp_codec: vp8(), payload_type: VP8_PAYLOAD_TYPE };
    engine.register_codec(vp8, RtpCodecKind::Video)?;
    // Neither is among the stack's defaults for sound.
    for (uri, kind) in [
        (AUDIO_LEVEL_URI, RtpCodecKind::Audio),
        (SDES_MID_URI, RtpCodecKind::Audio),
        (SDES_MID_URI, RtpCodecKind::Video),
    ] {
        let extension = RTCRtpHeaderExtensionCapability { uri: uri.to_owned() };
        engine.register_header_extension(extension, kind, None)?;
    }
    Ok(engine)
}

fn opus() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_OPUS.to_owned(),
        clock_rate: 48_000,
        channels: 2,
        sdp_fmtp_line: "minptime=10;useinbandfec=1".to_owned(),
        rtcp_feedback: vec![],
    }
}

fn vp8() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_VP8.to_owned(),
        clock_rate: 90_000,
        channels: 0,
        sdp_fmtp_line: String::new(),
        rtcp_feedback: vec![RTCPFeedback { typ: "ccm".to_owned(), parameter: "fir".to_owned() }],
    }
}

/// The exchange forwards the three loudest speakers.
const RECEIVE_AUDIO: usize = 3;

/// The pace of connectivity checks, `Ta` of [RFC 8445 §14.2](https://www.rfc-editor.org/rfc/rfc8445#section-14.2).
/// There is one pair of candidates to check, and a call connects at the second check at the earliest:
/// the first finds the pair valid, the next nominates it.
const CHECK_INTERVAL: Duration = Duration::from_millis(10);

/// Ten seconds of checks before a pair counts as failed.
const CHECKS_LIMIT: u16 = 1_000;

const OPUS_PAYLOAD_TYPE: u8 = 111;
const VP8_PAYLOAD_TYPE: u8 = 96;

/// Behind every interceptor of the stack, so that all of them have seen what it drops.
const LAST_SLOT: usize = 20_000;

/// Half a second of sixteen videos at 60 packets a second each. A task that falls further behind
/// makes the packet readers wait, and the stack drops what they do not take.
const PACKET_QUEUE: usize = 512;
