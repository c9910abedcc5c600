//! What a call's media has done so far.

use std::time::Duration;

/// State of the media path to the exchange.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum MediaState {
    /// Being set up.
    #[default]
    Connecting,
    /// Media can flow.
    Connected,
    /// Nothing has come from the exchange for some seconds.
    Interrupted,
    /// Given up.
    Failed,
    /// Closed with the call.
    Closed,
}

/// What a call's media has done so far. All counts start with the call.
#[derive(Clone, Debug, Default)]
pub struct MediaStatistics {
    /// The media path.
    pub state: MediaState,
    /// From handing the offer to the signaling session until media could flow.
    pub connect_time: Option<Duration>,
    /// From receiving the offer until media could flow, by the exchange's clock.
    pub exchange_connect_time: Option<Duration>,
    /// The SRTP protection profile, as the exchange names it.
    pub srtp_profile: Option<String>,
    /// How often the path was set up again after the network changed.
    pub restarts: u32,
    /// Sound.
    pub audio: AudioStatistics,
    /// Camera and screen.
    pub video: VideoStatistics,
}

/// Sound.
#[derive(Clone, Debug, Default)]
pub struct AudioStatistics {
    /// Packets sent.
    pub packets_sent: u64,
    /// Bytes of Opus sent.
    pub bytes_sent: u64,
    /// Packets received.
    pub packets_received: u64,
    /// Bytes of Opus received.
    pub bytes_received: u64,
    /// Packets that never came.
    pub packets_lost: u64,
    /// Packets that came too late to be played.
    pub packets_late: u64,
    /// Frames of 20 ms made up in place of lost ones.
    pub frames_concealed: u64,
    /// Frames recovered by forward error correction.
    pub frames_recovered: u64,
    /// Packets skipped to shorten the delay.
    pub packets_skipped: u64,
    /// Interarrival jitter as in RFC 3550, the largest of all streams.
    pub jitter: Duration,
    /// The delay at which the jitter buffers aim, the largest of all streams.
    pub playout_delay: Duration,
    /// Loudness of what was sent, in dBFS; none while there was only silence.
    pub level_sent_dbfs: Option<f64>,
    /// Loudness of what was heard, in dBFS; none while there was only silence.
    pub level_received_dbfs: Option<f64>,
    /// Whether a file or channel has been sent to its end.
    pub is_source_finished: bool,
}

/// Camera and screen, all streams together.
#[derive(Clone, Debug, Default)]
pub struct VideoStatistics {
    /// Frames sent.
    pub frames_sent: u64,
    /// Packets sent.
    pub packets_sent: u64,
    /// Keyframes that the exchange asked for.
    pub keyframe_requests_received: u64,
    /// Whole frames received.
    pub frames_received: u64,
    /// Of these, keyframes.
    pub keyframes_received: u64,
    /// Packets received.
    pub packets_received: u64,
    /// Frames given up because packets of them never came.
    pub frames_dropped: u64,
    /// Keyframes asked for.
    pub keyframe_requests_sent: u64,
}
