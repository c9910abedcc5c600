//! Legs: the peer connections of a call's participants, as the control plane keeps them.

use std::time::Duration;

use tokio::sync::mpsc;
use trunkline_call::{MediaCommand, StreamKind};
use trunkline_ids::{EndpointId, ParticipantId};
use trunkline_media::control::{
    LegKey, MediaCommand as PlaneCommand, MediaEvent, Mid, StreamKind as PlaneStream, TrackBinding,
    TrackRole,
};
use trunkline_media::srtp::SrtpProfile;
use trunkline_media::tiles::{Published, Tiles};
use trunkline_proto::calling::v1 as wire;
use trunkline_proto::signaling::v1 as signaling;

use crate::node::Node;

/// A client's offer, its bindings parsed.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    pub(crate) sdp: String,
    pub(crate) tracks: Vec<TrackBinding>,
}

/// Why an offer's bindings are malformed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum OfferError {
    #[error("track {index} has no valid mid")]
    Mid { index: usize },
    #[error("track {index} has no role")]
    Role { index: usize },
    #[error("{count} tracks are bound, the limit is {limit}")]
    TooManyTracks { count: usize, limit: usize },
}

impl TryFrom<wire::MediaOffer> for Offer {
    type Error = OfferError;

    fn try_from(offer: wire::MediaOffer) -> Result<Self, OfferError> {
        let count = offer.tracks.len();
        if count > TRACK_LIMIT {
            return Err(OfferError::TooManyTracks { count, limit: TRACK_LIMIT });
        }
        let tracks = offer
            .tracks
            .into_iter()
            .enumerate()
            .map(|(index, track)| {
                let role = track_role(track.role()).ok_or(OfferError::Role { index })?;
                let mid = track.mid.parse().map_err(|_| OfferError::Mid { index })?;
                Ok(TrackBinding { mid, role })
            })
            .collect::<Result<Vec<_>, OfferError>>()?;
        Ok(Self { sdp: offer.sdp, tracks })
    }
}

/// One participant's peer connection.
#[derive(Debug)]
pub(crate) struct Leg {
    pub(crate) key: LegKey,
    pub(crate) endpoint: EndpointId,
    pub(crate) participant: ParticipantId,
    pub(crate) tiles: Tiles,
    /// The protection that was agreed on, and how long it took from the offer.
    pub(crate) connected: Option<(SrtpProfile, Duration)>,
    is_open: bool,
    /// What the call wants passed on, kept until the media plane knows the leg.
    publish: [bool; 3],
    receive: bool,
}

impl Leg {
    pub(crate) fn new(
        key: LegKey,
        endpoint: EndpointId,
        participant: ParticipantId,
        tracks: &[TrackBinding],
    ) -> Self {
        let tiles = Tiles::new(tracks);
        Self {
            key,
            endpoint,
            participant,
            tiles,
            connected: None,
            is_open: false,
            publish: [false; 3],
            receive: false,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Notes that the media plane knows the leg, and tells it what holds for it.
    pub(crate) fn opened(&mut self, node: &Node) {
        self.is_open = true;
        for kind in StreamKind::ALL {
            self.send_publish(node, kind);
        }
        self.send_receive(node);
    }

    /// Notes what the call wants, and tells the media plane once it knows the leg.
    pub(crate) fn apply(&mut self, node: &Node, command: &MediaCommand) {
        match command {
            // The call's task takes the leg away; see `close`.
            MediaCommand::Close { .. } => {}
            MediaCommand::SetPublish { kind, is_enabled, .. } => {
                self.publish[index(*kind)] = *is_enabled;
                self.send_publish(node, *kind);
            }
            MediaCommand::SetReceive { is_enabled, .. } => {
                self.receive = *is_enabled;
                self.send_receive(node);
            }
        }
    }

    pub(crate) fn close(self, node: &Node) {
        node.calls().remove_leg(self.key);
        if self.is_open {
            send(node, PlaneCommand::CloseLeg { leg: self.key });
        }
    }

    /// Puts the leg's tiles in line with what is published and returns what the client is told.
    pub(crate) fn update_tiles(
        &mut self,
        node: &Node,
        published: &Published,
        name_of: impl Fn(LegKey) -> Option<ParticipantId>,
    ) -> Vec<signaling::MediaAssignment> {
        if !self.is_open {
            return Vec::new();
        }
        let others = Published {
            cameras: published.cameras.iter().copied().filter(|leg| *leg != self.key).collect(),
            screen: published.screen.filter(|leg| *leg != self.key),
        };
        let changes = self.tiles.update(&others);
        changes
            .into_iter()
            .map(|(mid, source)| {
                let assignment = assignment(&mid, source, &name_of);
                send(node, PlaneCommand::SubscribeVideo { leg: self.key, mid, source });
                assignment
            })
            .collect()
    }

    fn send_publish(&self, node: &Node, kind: StreamKind) {
        if self.is_open {
            let enabled = self.publish[index(kind)];
            let kind = plane_stream(kind);
            send(node, PlaneCommand::SetPublish { leg: self.key, kind, enabled });
        }
    }

    fn send_receive(&self, node: &Node) {
        if self.is_open {
            send(node, PlaneCommand::SetReceive { leg: self.key, enabled: self.receive });
        }
    }
}

/// Says who is heard on a leg's audio tracks.
pub(crate) fn audio_assignments(
    slots: &[(Mid, Option<LegKey>)],
    name_of: impl Fn(LegKey) -> Option<ParticipantId>,
) -> Vec<signaling::MediaAssignment> {
    slots
        .iter()
        .map(|(mid, leg)| assignment(mid, leg.map(|leg| (leg, PlaneStream::Audio)), &name_of))
        .collect()
}

/// Carries the media plane's events to the calls they are about, until the node stops.
pub(crate) async fn route_events(node: Node, mut events: mpsc::Receiver<MediaEvent>) {
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            () = node.shutting_down() => return,
        };
        let Some(event) = event else { return };
        let leg = match &event {
            MediaEvent::AudioSlotsChanged { leg, .. }
            | MediaEvent::LegConnected { leg, .. }
            | MediaEvent::LegFailed { leg, .. }
            | MediaEvent::LegInterrupted { leg }
            | MediaEvent::LegResumed { leg }
            | MediaEvent::SpeakingChanged { leg, .. } => *leg,
        };
        // A leg that is gone has nobody left who would want to know.
        if let Some(call) = node.calls().of_leg(leg) {
            call.tell(crate::calls::CallMessage::Media(event)).await;
        }
    }
}

fn assignment(
    mid: &Mid,
    source: Option<(LegKey, PlaneStream)>,
    name_of: &impl Fn(LegKey) -> Option<ParticipantId>,
) -> signaling::MediaAssignment {
    let kind = match source.map(|(_, kind)| kind) {
        None => wire::StreamKind::Unspecified,
        Some(PlaneStream::Audio) => wire::StreamKind::Audio,
        Some(PlaneStream::Camera) => wire::StreamKind::Camera,
        Some(PlaneStream::Screen) => wire::StreamKind::Screen,
    };
    let participant = source.and_then(|(leg, _)| name_of(leg));
    signaling::MediaAssignment {
        mid: mid.to_string(),
        participant_id: participant.map(|id| id.to_string()).unwrap_or_default(),
        kind: kind.into(),
    }
}

fn send(node: &Node, command: PlaneCommand) {
    if let Err(error) = node.plane().send(command) {
        // The ring holds far more than a call can want at once: a shard that does not take orders
        // does not run, and the legs' own silence ends their connections.
        tracing::error!(%error, "the media plane takes no command");
        metrics::counter!("trunkline_media_commands_lost_total").increment(1);
    }
}

fn plane_stream(kind: StreamKind) -> PlaneStream {
    match kind {
        StreamKind::Audio => PlaneStream::Audio,
        StreamKind::Camera => PlaneStream::Camera,
        StreamKind::Screen => PlaneStream::Screen,
    }
}

fn index(kind: StreamKind) -> usize {
    match kind {
        StreamKind::Audio => 0,
        StreamKind::Camera => 1,
        StreamKind::Screen => 2,
    }
}

fn track_role(role: wire::TrackRole) -> Option<TrackRole> {
    match role {
        wire::TrackRole::Unspecified => None,
        wire::TrackRole::Microphone => Some(TrackRole::Microphone),
        wire::TrackRole::Camera => Some(TrackRole::Camera),
        wire::TrackRole::Screen => Some(TrackRole::Screen),
        wire::TrackRole::ReceiveAudio => Some(TrackRole::ReceiveAudio),
        wire::TrackRole::ReceiveVideo => Some(TrackRole::ReceiveVideo),
        wire::TrackRole::ReceiveScreen => Some(TrackRole::ReceiveScreen),
    }
}

/// Three sending tracks, three speakers, sixteen tiles, a screen, and some slack.
const TRACK_LIMIT: usize = 32;
