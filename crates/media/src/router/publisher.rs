//! One incoming stream: what a leg publishes on one track.

use std::time::Duration;

use trunkline_clock::Instant;

use super::{PublishTrack, losses::LossTracker, reception::Reception, ring::RetransmissionRing};
use crate::{speaker::SpeakerScore, srtp::ReplayWindow};

/// What a leg publishes on one track.
#[derive(Debug)]
pub(super) struct Publisher {
    pub(super) track: PublishTrack,
    /// The SSRC in use; another one under the same mid takes over.
    pub(super) ssrc: Option<u32>,
    pub(super) enabled: bool,
    /// Slots that are fed from here, as places in the router's table.
    pub(super) subscribers: Vec<u32>,
    pub(super) reception: Reception,
    pub(super) epoch: u64,
    pub(super) timeline: u64,
    /// Packets were held back: the next one starts a new segment.
    pub(super) is_broken: bool,
    pub(super) speaker: SpeakerScore,
    pub(super) video: Option<Box<VideoState>>,
}

/// What is kept for video only.
#[derive(Debug, Default)]
pub(super) struct VideoState {
    /// Each index passes once, sent directly or as a retransmission. A publisher that sends two
    /// packets under one index would otherwise make us seal two packets under one nonce.
    pub(super) seen: ReplayWindow<SEEN_WORDS>,
    pub(super) losses: LossTracker,
    pub(super) ring: RetransmissionRing,
    pub(super) keyframe: KeyframeRequests,
    /// The timestamp of the keyframe that is arriving.
    pub(super) keyframe_timestamp: Option<u32>,
}

/// When a publisher was asked for a keyframe.
#[derive(Debug, Default)]
pub(super) struct KeyframeRequests {
    pub(super) is_wanted: bool,
    last_sent: Option<Instant>,
    /// Counts full intra requests.
    pub(super) sequence_number: u8,
}

impl KeyframeRequests {
    /// Tells whether to ask right away, and notes that it was done.
    pub(super) fn take_due(&mut self, now: Instant) -> bool {
        let is_due = self.is_wanted
            && self
                .last_sent
                .is_none_or(|last| now.saturating_duration_since(last) >= KEYFRAME_INTERVAL);
        if is_due {
            self.last_sent = Some(now);
            self.sequence_number = self.sequence_number.wrapping_add(1);
        }
        is_due
    }
}

impl Publisher {
    pub(super) fn new(track: PublishTrack, epoch: u64) -> Self {
        Self {
            ssrc: track.ssrc,
            enabled: true,
            subscribers: Vec::new(),
            reception: Reception::default(),
            epoch,
            timeline: epoch,
            is_broken: false,
            speaker: SpeakerScore::default(),
            video: track.kind.is_video().then(Box::default),
            track,
        }
    }

    /// Starts over with another SSRC.
    pub(super) fn rebind(&mut self, ssrc: u32, epoch: u64) {
        self.ssrc = Some(ssrc);
        self.epoch = epoch;
        self.timeline = epoch;
        self.is_broken = false;
        self.reception = Reception::default();
        if let Some(video) = &mut self.video {
            video.seen = ReplayWindow::new();
            video.losses.clear();
            video.ring.clear();
            video.keyframe_timestamp = None;
        }
    }

    pub(super) fn remove_subscriber(&mut self, slot: u32) {
        if let Some(place) = self.subscribers.iter().position(|other| *other == slot) {
            self.subscribers.swap_remove(place);
        }
    }
}

/// 1024 packets: the ring's reach twice over. A retransmission from further back is of no use.
const SEEN_WORDS: usize = 16;
/// At most one request in this time. A keyframe is ten times a usual frame: more requests than
/// this make a bad link worse, fewer leave a picture frozen for longer.
const KEYFRAME_INTERVAL: Duration = Duration::from_millis(500);
