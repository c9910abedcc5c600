//! The task of one call's media: 20 ms ticks, packets in and out, video frames when due.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior},
};
use trunkline_ids::ParticipantId;
use trunkline_media::control::StreamKind;
use trunkline_proto::calling::v1 as calling;
use webrtc::media_stream::track_remote::TrackRemote;

use super::{
    MediaControl, MediaHandle, MediaOptions, MediaState, SharedStatistics,
    capture::Capture,
    network::NetworkGate,
    peer::{Layout, LocalOffer, Peer, PeerError, PeerEvent, PeerPacket, PeerReceivers, SendStream},
    playout::Playout,
    statistics::{MediaStatistics, VideoStatistics},
    video::{Assembler, OpenVideoSink, OpenVideoSource, ReceivedVideoFrame, packetize},
};
use crate::{audio::opus, clock::Clock, media::ivf::picture_size};

/// What the media task tells the call.
pub(crate) enum EngineEvent {
    /// The path changed its state.
    State(MediaState),
    /// An offer with new ICE credentials, to be sent to the exchange.
    RestartOffer(LocalOffer),
}

/// The media of one call, before its task runs.
pub(crate) struct Engine {
    clock: Clock,
    peer: Peer,
    incoming: PeerReceivers,
    control: mpsc::UnboundedReceiver<MediaControl>,
    events: mpsc::UnboundedSender<EngineEvent>,
    capture: Capture,
    playout: Playout,
    video: VideoOut,
    video_in: BTreeMap<Arc<str>, VideoIn>,
    video_sink: OpenVideoSink,
    assignments: BTreeMap<String, Assignment>,
    shared: SharedStatistics,
    statistics: Counters,
    offered_at: Instant,
    /// The call is connected and not muted.
    is_wanted: bool,
    is_connected: bool,
    /// The microphone has been open: the sources run.
    has_begun: bool,
}

/// The counts of the task, copied to where the call reads them once per tick.
#[derive(Default)]
struct Counters {
    audio: super::AudioStatistics,
    video: VideoStatistics,
}

struct VideoOut {
    camera: Option<VideoStream>,
    screen: Option<VideoStream>,
}

struct VideoStream {
    source: OpenVideoSource,
    is_on: bool,
    picture_id: u16,
}

struct VideoIn {
    assembler: Assembler,
    track: Option<Arc<dyn TrackRemote>>,
    ssrc: u32,
}

#[derive(Clone, Copy)]
struct Assignment {
    participant_id: Option<ParticipantId>,
    kind: StreamKind,
}

impl Engine {
    /// Makes the peer connection and the offer.
    pub(crate) async fn new(
        options: MediaOptions,
        exchange_is_local: bool,
        gate: NetworkGate,
        events: mpsc::UnboundedSender<EngineEvent>,
    ) -> Result<(Self, MediaHandle, LocalOffer), PeerError> {
        let layout = Layout {
            has_camera: options.camera.is_some(),
            has_screen: options.screen.is_some(),
            video_tiles: options.video_tiles.min(MAX_VIDEO_TILES),
            receive_screen: options.receive_screen,
        };
        let host = if exchange_is_local { Ipv4Addr::LOCALHOST } else { Ipv4Addr::UNSPECIFIED };
        let bind = options.bind.unwrap_or_else(|| SocketAddr::from((host, 0)));
        let (peer, incoming) = Peer::new(layout, bind, gate).await?;
        let offer = peer.offer().await?;
        let receive_video_mids = offer
            .tracks
            .iter()
            .filter(|track| track.role() == calling::TrackRole::ReceiveVideo)
            .map(|track| track.mid.clone())
            .collect();
        let capture = Capture::new(options.audio_source).map_err(codec_failed)?;
        let shared = Arc::new(Mutex::new(MediaStatistics::default()));
        let (sender, control) = mpsc::unbounded_channel();
        let handle = MediaHandle {
            control: sender,
            statistics: Arc::clone(&shared),
            receive_video_mids,
            has_camera: layout.has_camera,
            has_screen: layout.has_screen,
        };
        let engine = Self {
            clock: Clock::start(),
            peer,
            incoming,
            control,
            events,
            capture,
            playout: Playout::new(options.audio_sink),
            video: VideoOut {
                camera: options.camera.map(|source| VideoStream::new(source.open())),
                screen: options.screen.map(|source| VideoStream::new(source.open())),
            },
            video_in: BTreeMap::new(),
            video_sink: options.video_sink.open(),
            assignments: BTreeMap::new(),
            shared,
            statistics: Counters::default(),
            offered_at: Instant::now(),
            is_wanted: false,
            is_connected: false,
            has_begun: false,
        };
        Ok((engine, handle, offer))
    }

    /// Runs until the call drops its handle, then closes the peer connection.
    pub(crate) async fn run(mut self) {
        let mut random = [0];
        // Spreads the ticks of many calls in one process over the 20 ms.
        let _ = getrandom::fill(&mut random);
        let phase = Duration::from_micros(u64::from(random[0]) * 78);
        let mut tick = tokio::time::interval_at(Instant::now() + phase, TICK);
        // Sound that was not made in time is made up for at once: the far end's buffer holds it.
        tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
        self.offered_at = Instant::now();
        loop {
            tokio::select! {
                biased;
                _ = tick.tick() => self.tick().await,
                control = self.control.recv() => match control {
                    Some(MediaControl::Close) | None => break,
                    Some(control) => self.handle_control(control).await,
                },
                event = self.incoming.events.recv() => match event {
                    Some(event) => self.handle_peer_event(event),
                    None => break,
                },
                packet = self.incoming.packets.recv() => match packet {
                    Some(packet) => self.handle_packet(packet),
                    None => break,
                },
                (timestamp, frame) = next_frame(&mut self.video.camera) => {
                    let stream = self.peer.camera.as_mut();
                    send_frame(&mut self.video.camera, stream, timestamp, &frame, &mut self.statistics.video)
                        .await;
                }
                (timestamp, frame) = next_frame(&mut self.video.screen) => {
                    let stream = self.peer.screen.as_mut();
                    send_frame(&mut self.video.screen, stream, timestamp, &frame, &mut self.statistics.video)
                        .await;
                }
            }
        }
        self.publish(Some(MediaState::Closed));
        self.peer.close().await;
    }

    async fn tick(&mut self) {
        let microphone = &mut self.peer.microphone;
        self.capture.tick(microphone, self.has_begun, &mut self.statistics.audio).await;
        let now = self.clock.now().instant;
        if self.has_begun {
            self.playout.tick(now, &mut self.statistics.audio);
        }
        self.receive_video(now).await;
        self.publish(None);
    }

    async fn receive_video(&mut self, now: trunkline_clock::Instant) {
        let video = &mut self.statistics.video;
        video.frames_dropped = self.video_in.values().map(|line| line.assembler.dropped()).sum();
        for (mid, line) in &mut self.video_in {
            let assignment = self.assignments.get(&**mid);
            while let Some(frame) = line.assembler.next_frame(now) {
                video.frames_received += 1;
                video.keyframes_received += u64::from(frame.is_keyframe);
                self.video_sink.write(ReceivedVideoFrame {
                    mid: Arc::clone(mid),
                    participant_id: assignment.and_then(|assignment| assignment.participant_id),
                    kind: assignment.map_or(StreamKind::Camera, |assignment| assignment.kind),
                    timestamp: frame.timestamp,
                    is_keyframe: frame.is_keyframe,
                    picture_size: picture_size(&frame.data),
                    data: frame.data,
                });
            }
            if let Some(track) = line.track.as_ref().filter(|_| line.assembler.wants_keyframe(now))
            {
                let request = PictureLossIndication { sender_ssrc: 0, media_ssrc: line.ssrc };
                video.keyframe_requests_sent += 1;
                if let Err(error) = track.write_rtcp(vec![Box::new(request)]).await {
                    tracing::debug!(%error, "a keyframe request could not be sent");
                }
            }
        }
    }

    async fn handle_control(&mut self, control: MediaControl) {
        match control {
            MediaControl::Answer(sdp) => {
                if let Err(error) = self.peer.answer(sdp).await {
                    tracing::warn!(%error, "the answer of the exchange cannot be used");
                    self.change_state(MediaState::Failed);
                }
            }
            MediaControl::Assign { mid, participant_id, kind } => {
                self.assignments.insert(mid, Assignment { participant_id, kind });
            }
            // The loop ends with it.
            MediaControl::Close => {}
            MediaControl::Restart => match self.restart().await {
                Ok(offer) => {
                    let _ = self.events.send(EngineEvent::RestartOffer(offer));
                }
                Err(error) => tracing::warn!(%error, "media cannot be restarted"),
            },
            MediaControl::SendCamera(is_on) => VideoOut::switch(&mut self.video.camera, is_on),
            MediaControl::SendScreen(is_on) => VideoOut::switch(&mut self.video.screen, is_on),
            MediaControl::SendMicrophone(is_wanted) => {
                self.is_wanted = is_wanted;
                self.open_microphone();
            }
            MediaControl::SetAudioSource(source) => self.capture.set_source(source),
        }
    }

    async fn restart(&mut self) -> Result<LocalOffer, PeerError> {
        self.peer.restart_ice().await?;
        let offer = self.peer.offer().await?;
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).restarts += 1;
        Ok(offer)
    }

    /// Sources begin only once both ends are up: a file would lose its first words otherwise.
    fn open_microphone(&mut self) {
        let is_sending = self.is_wanted && self.is_connected;
        self.has_begun |= is_sending;
        self.capture.set_sending(is_sending);
    }

    fn handle_peer_event(&mut self, event: PeerEvent) {
        match event {
            PeerEvent::Connected => {
                self.is_connected = true;
                self.open_microphone();
                let elapsed = self.offered_at.elapsed();
                let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
                shared.connect_time.get_or_insert(elapsed);
                drop(shared);
                self.change_state(MediaState::Connected);
            }
            PeerEvent::Disconnected => self.change_state(MediaState::Interrupted),
            PeerEvent::Failed => self.change_state(MediaState::Failed),
            PeerEvent::KeyframeRequested(kind) => {
                self.statistics.video.keyframe_requests_received += 1;
                let stream = match kind {
                    StreamKind::Audio => None,
                    StreamKind::Camera => self.video.camera.as_mut(),
                    StreamKind::Screen => self.video.screen.as_mut(),
                };
                if let Some(stream) = stream {
                    stream.source.request_keyframe();
                }
            }
            PeerEvent::Track { mid, track, is_video: true } => {
                let assembler = Assembler::default();
                let line = VideoIn { assembler, track: Some(track), ssrc: 0 };
                self.video_in.insert(mid, line);
            }
            PeerEvent::Track { is_video: false, .. } => {}
        }
    }

    fn handle_packet(&mut self, packet: PeerPacket) {
        let PeerPacket { mid, packet } = packet;
        match self.video_in.get_mut(&mid) {
            Some(line) => {
                self.statistics.video.packets_received += 1;
                line.ssrc = packet.header.ssrc;
                line.assembler.insert(packet);
            }
            None => self.playout.insert(self.clock.now().instant, &mid, packet),
        }
    }

    fn change_state(&mut self, state: MediaState) {
        self.publish(Some(state));
        let _ = self.events.send(EngineEvent::State(state));
    }

    fn publish(&self, state: Option<MediaState>) {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.audio.clone_from(&self.statistics.audio);
        shared.video.clone_from(&self.statistics.video);
        if let Some(state) = state {
            shared.state = state;
        }
    }
}

impl VideoStream {
    fn new(source: OpenVideoSource) -> Self {
        Self { source, is_on: false, picture_id: 0 }
    }
}

impl VideoOut {
    fn switch(stream: &mut Option<VideoStream>, is_on: bool) {
        if let Some(stream) = stream {
            if is_on && !stream.is_on {
                stream.source.restart();
            }
            stream.is_on = is_on;
        }
    }
}

/// Waits for the next frame of a stream that is on; for ever when it is off.
async fn next_frame(stream: &mut Option<VideoStream>) -> (u32, bytes::Bytes) {
    match stream {
        Some(stream) if stream.is_on => stream.source.next().await,
        Some(_) | None => std::future::pending().await,
    }
}

async fn send_frame(
    source: &mut Option<VideoStream>,
    stream: Option<&mut SendStream>,
    timestamp: u32,
    frame: &bytes::Bytes,
    statistics: &mut VideoStatistics,
) {
    let (Some(source), Some(stream)) = (source, stream) else { return };
    let payloads = packetize(frame, source.picture_id);
    source.picture_id = source.picture_id.wrapping_add(1);
    let last = payloads.len().saturating_sub(1);
    for (index, payload) in payloads.into_iter().enumerate() {
        if let Err(error) = stream.send(timestamp, index == last, payload, None).await {
            tracing::debug!(%error, "a video packet could not be sent");
            return;
        }
        statistics.packets_sent += 1;
    }
    statistics.frames_sent += 1;
}

fn codec_failed(error: opus::OpusError) -> PeerError {
    PeerError::Codec(error)
}

const TICK: Duration = Duration::from_millis(20);
/// The exchange takes no more.
const MAX_VIDEO_TILES: usize = 16;
