//! The media side of a call: legs opened, answered, restarted and closed, tiles, and what the media
//! plane notices.

use std::collections::HashMap;

use trunkline_call::{Input, MediaCommand, Signal};
use trunkline_ids::{CallConnectionId, EndpointId, OperationId, ParticipantId};
use trunkline_media::control::{LegKey, MediaEvent, Mid, StreamKind};
use trunkline_media::tiles::Published;
use trunkline_proto::calling::v1 as wire;
use trunkline_proto::signaling::v1 as signaling;
use trunkline_transport::OpenLeg;

use super::CallTask;
use crate::calls::{CallMessage, OpenFailure, Refused};
use crate::media::{self, Leg, Offer};
use crate::registry::EndpointMessage;

impl CallTask {
    /// Opens the leg of a connection whose command brought an offer.
    pub(super) fn open_leg(
        &mut self,
        key: &(EndpointId, OperationId),
        participant: ParticipantId,
        connection_id: CallConnectionId,
    ) {
        let Some(offer) = self.offers.remove(key) else { return };
        let leg_key = self.node.calls().add_leg(&self.handle);
        let leg = Leg::new(leg_key, key.0.clone(), participant, &offer.tracks);
        self.legs.insert(connection_id, leg);
        self.leg_keys.insert(leg_key, connection_id);
        let (node, handle) = (self.node.clone(), self.handle.clone());
        let request =
            OpenLeg { room: self.room, leg: leg_key, offer: offer.sdp, tracks: offer.tracks };
        self.node.spawn(async move {
            let opened = node.plane().open_leg(request).await;
            let outcome = opened.map_err(|error| OpenFailure { message: error.to_string() });
            handle.tell(CallMessage::MediaOpened { connection_id, outcome }).await;
        });
    }

    pub(super) fn handle_opened(
        &mut self,
        connection_id: CallConnectionId,
        outcome: Result<String, OpenFailure>,
    ) {
        let now = self.node.clock().now();
        let Some(leg) = self.legs.get_mut(&connection_id) else {
            // The connection ended meanwhile; see `apply_media`.
            return;
        };
        let endpoint = leg.endpoint.clone();
        match outcome {
            Ok(sdp) => {
                leg.opened(&self.node);
                let call_id = self.handle.id().to_string();
                let answer = signaling::MediaAnswer { call_id, sdp };
                self.send(&endpoint, EndpointMessage::MediaAnswer(answer));
                self.update_tiles();
            }
            Err(failure) => {
                let state = signaling::MediaState::Failed;
                self.send_media_state(&endpoint, state, |change| change.cause = failure.message);
                let signal = Signal::MediaFailed { connection_id };
                self.call.handle_input(now, Input::Signal(signal));
            }
        }
    }

    pub(super) fn restart_media(
        &mut self,
        endpoint: &EndpointId,
        offer: Offer,
    ) -> Result<(), Refused> {
        let (connection_id, leg) = self
            .legs
            .iter()
            .find(|(_, leg)| leg.endpoint == *endpoint && leg.is_open())
            .ok_or(Refused::NoMedia)?;
        let (connection_id, leg_key) = (*connection_id, leg.key);
        let (node, handle) = (self.node.clone(), self.handle.clone());
        self.node.spawn(async move {
            let opened = node.plane().restart_leg(leg_key, &offer.sdp).await;
            let outcome = opened.map_err(|error| OpenFailure { message: error.to_string() });
            handle.tell(CallMessage::MediaOpened { connection_id, outcome }).await;
        });
        Ok(())
    }

    pub(super) fn apply_media(&mut self, command: &MediaCommand) {
        let (MediaCommand::Close { connection_id }
        | MediaCommand::SetPublish { connection_id, .. }
        | MediaCommand::SetReceive { connection_id, .. }) = command;
        if let MediaCommand::Close { .. } = command {
            if let Some(leg) = self.legs.remove(connection_id) {
                self.leg_keys.remove(&leg.key);
                leg.close(&self.node);
                self.update_tiles();
            }
        } else if let Some(leg) = self.legs.get_mut(connection_id) {
            leg.apply(&self.node, command);
        }
    }

    pub(super) fn handle_media(&mut self, event: MediaEvent) {
        match event {
            MediaEvent::AudioSlotsChanged { leg, slots } => {
                let assignments = media::audio_assignments(&slots, |leg| self.participant_of(leg));
                self.send_assignments(leg, assignments);
            }
            MediaEvent::LegConnected { leg, srtp_profile, since_offer } => {
                if let Some(connection_id) = self.leg_keys.get(&leg)
                    && let Some(leg) = self.legs.get_mut(connection_id)
                {
                    leg.connected = Some((srtp_profile, since_offer));
                }
                self.signal_leg(leg, |connection_id| Signal::MediaUp { connection_id });
                let state = signaling::MediaState::Connected;
                self.send_state_of(leg, state, |change| {
                    change.srtp_profile = srtp_profile.to_string();
                    let millis = since_offer.as_millis();
                    change.since_offer_ms = u32::try_from(millis).unwrap_or(u32::MAX);
                });
            }
            MediaEvent::LegFailed { leg, cause } => {
                let state = signaling::MediaState::Failed;
                self.send_state_of(leg, state, |change| change.cause = cause.to_string());
                self.signal_leg(leg, |connection_id| Signal::MediaFailed { connection_id });
            }
            MediaEvent::LegInterrupted { leg } => {
                self.send_state_of(leg, signaling::MediaState::Interrupted, |_| {});
                self.signal_leg(leg, |connection_id| Signal::MediaInterrupted { connection_id });
            }
            MediaEvent::LegResumed { leg } => {
                self.send_state_of(leg, signaling::MediaState::Connected, |_| {});
                self.signal_leg(leg, |connection_id| Signal::MediaResumed { connection_id });
            }
            MediaEvent::SpeakingChanged { leg, speaking: is_speaking } => {
                self.signal_leg(leg, |connection_id| Signal::SpeakingChanged {
                    connection_id,
                    is_speaking,
                });
            }
        }
    }

    pub(super) fn set_tiles(
        &mut self,
        endpoint: &EndpointId,
        tiles: &[wire::VideoTile],
    ) -> Result<(), Refused> {
        let mut choices: Vec<(Mid, Option<(LegKey, StreamKind)>)> = Vec::new();
        for tile in tiles {
            let unknown = || Refused::UnknownTile { mid: tile.mid.clone() };
            let mid: Mid = tile.mid.parse().map_err(|_| unknown())?;
            let kind = match tile.kind() {
                wire::StreamKind::Screen => StreamKind::Screen,
                wire::StreamKind::Camera
                | wire::StreamKind::Audio
                | wire::StreamKind::Unspecified => StreamKind::Camera,
            };
            let leg = self
                .legs
                .values()
                .find(|leg| leg.participant.as_str() == tile.participant_id)
                .map(|leg| (leg.key, kind));
            choices.push((mid, leg));
        }
        let leg =
            self.legs.values_mut().find(|leg| leg.endpoint == *endpoint).ok_or(Refused::NoMedia)?;
        // All or nothing: a bad name among good ones changes nothing.
        let mut chosen = leg.tiles.clone();
        for (mid, source) in &choices {
            chosen
                .choose(mid, *source)
                .map_err(|error| Refused::UnknownTile { mid: error.mid.to_string() })?;
        }
        leg.tiles = chosen;
        self.update_tiles();
        Ok(())
    }

    /// Puts everybody's video tiles in line with who publishes.
    pub(super) fn update_tiles(&mut self) {
        let names: HashMap<LegKey, ParticipantId> =
            self.legs.values().map(|leg| (leg.key, leg.participant)).collect();
        let keys: HashMap<ParticipantId, LegKey> =
            names.iter().map(|(key, participant)| (*participant, *key)).collect();
        let mut published = Published::default();
        for id in &self.arrivals {
            let (Some(leg), Some(participant)) = (keys.get(id), self.roster.participant(id)) else {
                continue;
            };
            if participant.is_video_on {
                published.cameras.push(*leg);
            }
            if participant.is_screen_sharing_on {
                published.screen = Some(*leg);
            }
        }
        let mut updates = Vec::new();
        for leg in self.legs.values_mut() {
            let changes = leg.update_tiles(&self.node, &published, |leg| names.get(&leg).copied());
            if !changes.is_empty() {
                updates.push((leg.key, changes));
            }
        }
        for (leg, assignments) in updates {
            self.send_assignments(leg, assignments);
        }
    }

    pub(super) fn send_assignments(
        &self,
        leg: LegKey,
        assignments: Vec<signaling::MediaAssignment>,
    ) {
        if let Some((_, leg)) = self.leg(leg) {
            let call_id = self.handle.id().to_string();
            let assignments = signaling::MediaAssignments { call_id, assignments };
            self.send(&leg.endpoint, EndpointMessage::MediaAssignments(assignments));
        }
    }

    pub(super) fn send_state_of(
        &self,
        leg: LegKey,
        state: signaling::MediaState,
        detail: impl FnOnce(&mut signaling::MediaStateChanged),
    ) {
        if let Some((_, leg)) = self.leg(leg) {
            self.send_media_state(&leg.endpoint, state, detail);
        }
    }

    pub(super) fn send_media_state(
        &self,
        endpoint: &EndpointId,
        state: signaling::MediaState,
        detail: impl FnOnce(&mut signaling::MediaStateChanged),
    ) {
        let mut change = signaling::MediaStateChanged {
            call_id: self.handle.id().to_string(),
            state: state.into(),
            ..Default::default()
        };
        detail(&mut change);
        self.send(endpoint, EndpointMessage::MediaStateChanged(change));
    }

    pub(super) fn send(&self, endpoint: &EndpointId, message: EndpointMessage) {
        if let Some(attached) = self.attached.get(endpoint) {
            attached.sender.send(message);
        }
    }

    pub(super) fn signal_leg(
        &mut self,
        leg: LegKey,
        signal: impl FnOnce(CallConnectionId) -> Signal,
    ) {
        if let Some((connection_id, _)) = self.leg(leg) {
            let signal = signal(connection_id);
            self.call.handle_input(self.node.clock().now(), Input::Signal(signal));
        }
    }

    pub(super) fn participant_of(&self, leg: LegKey) -> Option<ParticipantId> {
        self.leg(leg).map(|(_, leg)| leg.participant)
    }

    pub(super) fn leg(&self, key: LegKey) -> Option<(CallConnectionId, &Leg)> {
        let connection_id = self.leg_keys.get(&key)?;
        Some((*connection_id, self.legs.get(connection_id)?))
    }
}
