//! A whole peer connection of the `webrtc` crate that talks to the plane.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use rtc::dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_OPUS, MediaEngine};
use rtc::peer_connection::configuration::setting_engine::SettingEngineBuilder;
use rtc::peer_connection::configuration::{RTCConfigurationBuilder, RTCOfferOptions};
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::peer_connection::state::RTCPeerConnectionState;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use tokio::sync::mpsc;
use trunkline_media::control::{TrackBinding, TrackRole};
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler};

/// A peer with one Opus track out and one in.
pub(crate) struct WebrtcPeer {
    pub(crate) connection: Arc<dyn PeerConnection>,
    pub(crate) states: mpsc::UnboundedReceiver<RTCPeerConnectionState>,
    pub(crate) heard: mpsc::UnboundedReceiver<Vec<u8>>,
    track: Arc<TrackLocalStaticRTP>,
    ssrc: u32,
}

struct Handler {
    states: mpsc::UnboundedSender<RTCPeerConnectionState>,
    heard: mpsc::UnboundedSender<Vec<u8>>,
}

type Done<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

impl PeerConnectionEventHandler for Handler {
    fn on_connection_state_change<'a, 'b>(&'a self, state: RTCPeerConnectionState) -> Done<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        let _test_is_over = self.states.send(state);
        Box::pin(std::future::ready(()))
    }

    fn on_track<'a, 'b>(&'a self, track: Arc<dyn TrackRemote>) -> Done<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        let heard = self.heard.clone();
        tokio::spawn(async move {
            while let Some(event) = track.poll().await {
                if let TrackRemoteEvent::OnRtpPacket(packet) = event {
                    let _test_is_over = heard.send(packet.payload.to_vec());
                }
            }
        });
        Box::pin(std::future::ready(()))
    }
}

impl WebrtcPeer {
    pub(crate) async fn new(ssrc: u32, profiles: Vec<SrtpProtectionProfile>) -> Self {
        let mut engine = MediaEngine::default();
        engine.register_default_codecs().unwrap();
        let settings = SettingEngineBuilder::new()
            .with_srtp_protection_profiles(profiles)
            .with_include_loopback_candidate(true)
            .build();
        let (states_sender, states) = mpsc::unbounded_channel();
        let (heard_sender, heard) = mpsc::unbounded_channel();
        let handler = Handler { states: states_sender, heard: heard_sender };
        let connection: Arc<dyn PeerConnection> = Arc::new(
            PeerConnectionBuilder::new()
                .with_configuration(RTCConfigurationBuilder::new().build())
                .with_media_engine(engine)
                .with_setting_engine(settings)
                .with_handler(Arc::new(handler))
                .with_udp_addrs(vec!["127.0.0.1:0"])
                .build()
                .await
                .unwrap(),
        );
        let codec = RTCRtpCodec {
            mime_type: MIME_TYPE_OPUS.to_owned(),
            clock_rate: 48_000,
            channels: 2,
            sdp_fmtp_line: "minptime=10;useinbandfec=1".to_owned(),
            rtcp_feedback: Vec::new(),
        };
        let encoding = RTCRtpEncodingParameters {
            rtp_coding_parameters: RTCRtpCodingParameters {
                ssrc: Some(ssrc),
                ..Default::default()
            },
            codec,
            ..Default::default()
        };
        let track = Arc::new(TrackLocalStaticRTP::new(MediaStreamTrack::new(
            "stream".to_owned(),
            "microphone".to_owned(),
            "microphone".to_owned(),
            RtpCodecKind::Audio,
            vec![encoding],
        )));
        let send = RTCRtpTransceiverInit {
            direction: RTCRtpTransceiverDirection::Sendonly,
            ..Default::default()
        };
        connection
            .add_transceiver_from_track(Arc::clone(&track) as Arc<dyn TrackLocal>, Some(send))
            .await
            .unwrap();
        let receive = RTCRtpTransceiverInit {
            direction: RTCRtpTransceiverDirection::Recvonly,
            ..Default::default()
        };
        connection.add_transceiver_from_kind(RtpCodecKind::Audio, Some(receive)).await.unwrap();
        Self { connection, states, heard, track, ssrc }
    }

    /// Makes and applies an offer; the tags of its sections are `0` and `1`.
    pub(crate) async fn offer(&self, ice_restart: bool) -> (String, Vec<TrackBinding>) {
        let options = RTCOfferOptions { ice_restart };
        let offer = self.connection.create_offer(Some(options)).await.unwrap();
        self.connection.set_local_description(offer.clone()).await.unwrap();
        let binding = |mid: &str, role| TrackBinding { mid: mid.parse().unwrap(), role };
        let tracks =
            vec![binding("0", TrackRole::Microphone), binding("1", TrackRole::ReceiveAudio)];
        (offer.sdp, tracks)
    }

    pub(crate) async fn accept(&self, answer: String) {
        let answer = RTCSessionDescription::answer(answer).unwrap();
        self.connection.set_remote_description(answer).await.unwrap();
    }

    pub(crate) async fn wait_until_connected(&mut self, patience: Duration) {
        let connected = async {
            while self.states.recv().await.unwrap() != RTCPeerConnectionState::Connected {}
        };
        tokio::time::timeout(patience, connected).await.expect("the peer connects");
    }

    /// Sends one Opus-like packet.
    pub(crate) async fn say(&self, sequence_number: u16, payload: &[u8]) {
        let packet = rtc::rtp::Packet {
            header: rtc::rtp::header::Header {
                version: 2,
                payload_type: 111,
                sequence_number,
                timestamp: u32::from(sequence_number) * 960,
                ssrc: self.ssrc,
                ..Default::default()
            },
            payload: payload.to_vec().into(),
        };
        self.track.write_rtp(packet).await.unwrap();
    }
}
