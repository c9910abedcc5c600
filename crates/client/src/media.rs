//! Media of a call: one peer connection, one task that captures and plays every 20 ms.

mod capture;
mod engine;
mod ivf;
mod keyframe_requests;
mod network;
mod peer;
mod playout;
mod statistics;
mod video;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::mpsc;
use trunkline_ids::ParticipantId;
use trunkline_media::control::StreamKind;

use crate::audio::{AudioSink, AudioSource};

pub(crate) use self::{
    engine::{Engine, EngineEvent},
    network::NetworkGate,
    peer::{LocalOffer, PeerError},
};
pub use self::{
    statistics::{AudioStatistics, MediaState, MediaStatistics, VideoStatistics},
    video::{EncodedVideoFrame, ReceivedVideoFrame, VideoFileError, VideoSink, VideoSource},
};

/// What a call sends and receives. The default sends silence and throws away what it hears.
#[derive(Debug)]
pub struct MediaOptions {
    /// What the call says.
    pub audio_source: AudioSource,
    /// Where what it hears goes.
    pub audio_sink: AudioSink,
    /// What the camera shows once video is started; without one the call has no camera.
    pub camera: Option<VideoSource>,
    /// What the shared screen shows; without one the call cannot share.
    pub screen: Option<VideoSource>,
    /// How many videos of others can be received at once, at most 16.
    pub video_tiles: usize,
    /// Whether the shared screen of another can be received.
    pub receive_screen: bool,
    /// Where received video goes.
    pub video_sink: VideoSink,
    /// The local addresses to bind; by default the loopback for an exchange on this machine, and
    /// every interface otherwise.
    pub bind: Option<SocketAddr>,
}

impl Default for MediaOptions {
    fn default() -> Self {
        Self::audio(AudioSource::silence(), AudioSink::none())
    }
}

impl MediaOptions {
    /// Makes the options of a call with sound alone.
    pub fn audio(audio_source: AudioSource, audio_sink: AudioSink) -> Self {
        Self {
            audio_source,
            audio_sink,
            camera: None,
            screen: None,
            video_tiles: 0,
            receive_screen: false,
            video_sink: VideoSink::none(),
            bind: None,
        }
    }
}

/// What the call tells its media task.
pub(crate) enum MediaControl {
    /// The exchange answered the offer.
    Answer(String),
    /// Who is on a receive m-line.
    Assign { mid: String, participant_id: Option<ParticipantId>, kind: StreamKind },
    /// The call is over.
    Close,
    /// Offer again, with new ICE credentials.
    Restart,
    /// Whether the camera is on.
    SendCamera(bool),
    /// Whether the microphone is heard: not muted, not on hold, connected.
    SendMicrophone(bool),
    /// Whether the screen is shared.
    SendScreen(bool),
    /// Replace what the call says.
    SetAudioSource(AudioSource),
}

/// The call's end of its media task. Dropping it closes the peer connection.
#[derive(Clone, Debug)]
pub(crate) struct MediaHandle {
    control: mpsc::UnboundedSender<MediaControl>,
    statistics: SharedStatistics,
    pub(crate) receive_video_mids: Arc<[String]>,
    pub(crate) has_camera: bool,
    pub(crate) has_screen: bool,
}

pub(crate) type SharedStatistics = Arc<Mutex<MediaStatistics>>;

impl MediaHandle {
    /// Tells the media task something. The channel is unbounded, but what goes through it is a
    /// handful of messages for each signaling frame, whose number is bounded.
    pub(crate) fn tell(&self, control: MediaControl) {
        // A task that has ended has closed its peer connection; there is nobody to tell.
        let _ = self.control.send(control);
    }

    pub(crate) fn statistics(&self) -> MediaStatistics {
        self.statistics.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn update_statistics(&self, update: impl FnOnce(&mut MediaStatistics)) {
        update(&mut self.statistics.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
