//! Ringing, accepting, and the moment a connection is established.

use std::time::Duration;

use trunkline_ids::{DisplayName, EndpointId};
use trunkline_reasons::EndReason;

use super::{Call, OperationKey, Timer};
use crate::{
    connection::{Connection, Joined, Ordinal, Ringing, Stage, Via},
    event::{EventKind, OperationOutcome},
    input::{Actor, Invite, MediaMode},
    output::{EndpointCommand, Invitation, Output},
    state::CallState,
    transition::Trigger,
};

impl Call {
    /// Puts an endpoint that places or joins the call on the roster.
    pub(super) fn admit(
        &mut self,
        key: &OperationKey,
        connection: Connection,
        endpoint: EndpointId,
    ) -> Ordinal {
        let ordinal = self.enroll(connection);
        self.by_endpoint.insert(endpoint, ordinal);
        let _ = self.walk(ordinal, Trigger::Start);
        self.attach(ordinal);
        self.start_operation(key, ordinal);
        ordinal
    }

    /// Puts somebody on the roster whose endpoints are to ring. Without endpoints nothing rings: the
    /// caller ends the connection after it has invited everybody.
    pub(super) fn invite(
        &mut self,
        actor: &Actor,
        inviter: Ordinal,
        invite: Invite,
        time: Duration,
    ) -> Ordinal {
        let Invite { target, ring_for } = invite;
        let inviter_display_name =
            self.connections.get(&inviter).and_then(|inviter| inviter.display_name.clone());
        let ringing = Ringing::new(actor.identifier.clone(), inviter_display_name);
        let connection = Connection::new(
            self.call_id,
            self.next_ordinal,
            target.identifier,
            target.display_name,
            Stage::Invited(ringing),
        );
        let ordinal = self.enroll(connection);
        let _ = self.walk(ordinal, Trigger::Start);
        for endpoint in target.endpoints {
            self.ring(ordinal, endpoint);
        }
        let longest = self.config.timeouts.longest_ringing;
        let ring_for = ring_for.map_or(time, |ring_for| ring_for.min(longest));
        self.timers.set(Timer::SetUp(ordinal), self.now.instant + ring_for);
        ordinal
    }

    /// Rings one endpoint, unless it is in the call already, rings already, or is one too many.
    pub(super) fn ring(&mut self, ordinal: Ordinal, endpoint: EndpointId) {
        if self.by_endpoint.contains_key(&endpoint) {
            return;
        }
        let (call_id, kind) = (self.call_id, self.kind);
        let thread_id = self.thread_id().cloned();
        let Some(connection) = self.connections.get_mut(&ordinal) else {
            return;
        };
        let (connection_id, participant_id) = (connection.connection_id, connection.participant_id);
        let callee = connection.identifier.clone();
        let Some(ringing) = connection.ringing_mut() else {
            return;
        };
        if ringing.endpoints.len() >= self.config.limits.endpoints_per_target {
            return;
        }
        ringing.endpoints.insert(endpoint.clone());
        self.by_endpoint.insert(endpoint.clone(), ordinal);
        let invitation = Box::new(Invitation {
            call_id,
            kind,
            thread_id,
            connection_id,
            participant_id,
            callee,
            caller: ringing.inviter.clone(),
            caller_display_name: ringing.inviter_display_name.clone(),
        });
        self.tell(EndpointCommand::Ring { endpoint, invitation });
    }

    /// An endpoint shows the incoming call: the callee rings, and so does the call of who placed it.
    pub(super) fn note_ringing(&mut self, ordinal: Ordinal) {
        if self.state_of(ordinal) == Some(CallState::Connecting) {
            let _ = self.walk(ordinal, Trigger::Ring);
        }
        if let Some(caller) = self.caller
            && self.state_of(caller) == Some(CallState::Connecting)
        {
            let _ = self.walk(caller, Trigger::Ring);
        }
    }

    /// Gives an invited connection to the endpoint that accepts; the others stop ringing.
    pub(super) fn accept(
        &mut self,
        key: &OperationKey,
        ordinal: Ordinal,
        display_name: Option<DisplayName>,
        media: MediaMode,
    ) {
        // An endpoint that accepts has rung, even if the word of that was lost or is late.
        self.note_ringing(ordinal);
        let Some(connection) = self.connections.get_mut(&ordinal) else {
            return;
        };
        let joined = Joined::new(key.endpoint.clone(), Via::Acceptance, media);
        let stage = std::mem::replace(&mut connection.stage, Stage::Joined(joined));
        if display_name.is_some() {
            connection.display_name = display_name;
        }
        let (participant_id, connection_id) = (connection.participant_id, connection.connection_id);
        let display_name = connection.display_name.clone();
        self.timers.cancel(&Timer::SetUp(ordinal));
        if let Stage::Invited(ringing) = stage {
            for endpoint in ringing.endpoints.into_iter().filter(|e| *e != key.endpoint) {
                self.by_endpoint.remove(&endpoint);
                let reason = EndReason::ACCEPTED_ELSEWHERE;
                self.tell(EndpointCommand::StopRinging { endpoint, connection_id, reason });
            }
        }
        self.by_endpoint.insert(key.endpoint.clone(), ordinal);
        self.emit(EventKind::ParticipantAccepted { participant_id, connection_id, display_name });
        self.attach(ordinal);
        self.start_operation(key, ordinal);
        self.expect_media(ordinal, self.config.timeouts.modality);
        // Who placed the call must bring media now as well.
        if let Some(caller) = self.caller
            && self.timers.deadline(&Timer::MediaSetUp(caller)).is_none()
        {
            self.expect_media(caller, self.config.timeouts.modality);
        }
    }

    /// Counts a connection without media as up, and gives one with media time to come up.
    pub(super) fn expect_media(&mut self, ordinal: Ordinal, time: Duration) {
        let Some(joined) = self.connections.get(&ordinal).and_then(Connection::joined) else {
            return;
        };
        match joined.media {
            MediaMode::SignalingOnly => self.note_media_up(ordinal),
            MediaMode::PeerConnection if !joined.is_media_up => {
                self.timers.set(Timer::MediaSetUp(ordinal), self.now.instant + time);
            }
            MediaMode::PeerConnection => {}
        }
    }

    /// The connection can carry media: it is established as soon as there is somebody to talk to.
    pub(super) fn note_media_up(&mut self, ordinal: Ordinal) {
        let Some(connection) = self.connections.get_mut(&ordinal) else {
            return;
        };
        let is_established = connection.state.is_established();
        let Some(joined) = connection.joined_mut() else {
            return;
        };
        joined.is_media_up = true;
        joined.is_media_interrupted = false;
        joined.told = None;
        self.timers.cancel(&Timer::MediaSetUp(ordinal));
        self.refresh_network_loss(ordinal);
        if is_established || self.is_held(ordinal) {
            self.sync_media(ordinal);
        } else {
            self.waiting.insert(ordinal);
            self.settle_arrivals();
            // Whoever still waits hears nothing and is not heard.
            self.sync_media(ordinal);
        }
    }

    /// Establishes whoever waits, if there are two of them, or somebody is established already, or
    /// the one who waits joined by group id, where being alone is being in the call.
    pub(super) fn settle_arrivals(&mut self) {
        let joins_alone = |ordinal: &Ordinal| {
            let joined = self.connections.get(ordinal).and_then(Connection::joined);
            joined.is_some_and(|joined| joined.via == Via::Join)
        };
        let has_company = !self.established.is_empty()
            || self.waiting.len() > 1
            || self.waiting.iter().any(joins_alone);
        if !has_company {
            return;
        }
        let arrived = std::mem::take(&mut self.waiting);
        for ordinal in &arrived {
            self.establish(*ordinal);
        }
        self.was_shared |= self.established.len() > 1;
        // Whoever hands over is still there: nobody is the one other at this moment.
        self.refresh_holds();
        for ordinal in arrived {
            self.hand_over(ordinal);
        }
        self.refresh_holds();
    }

    fn establish(&mut self, ordinal: Ordinal) {
        if self.walk(ordinal, Trigger::Establish).is_err() {
            // The text table knows no way from Connecting to Connected but through Ringing.
            let _ = self.walk(ordinal, Trigger::Ring);
            let _ = self.walk(ordinal, Trigger::Establish);
        }
        self.established.insert(ordinal);
        self.sync_media(ordinal);
        let Some(connection) = self.connections.get_mut(&ordinal) else {
            return;
        };
        let participant_id = connection.participant_id;
        let awaiting = std::mem::take(&mut connection.awaiting);
        self.accept_transfer(ordinal);
        for key in awaiting {
            self.complete(key, Some(participant_id), OperationOutcome::Succeeded);
        }
    }

    /// Makes an operation end together with the set-up of a connection.
    pub(super) fn start_operation(&mut self, key: &OperationKey, ordinal: Ordinal) {
        self.operations.begin(key.clone());
        let Some(connection) = self.connections.get_mut(&ordinal) else {
            return;
        };
        connection.awaiting.push(key.clone());
        let (participant_id, connection_id) = (connection.participant_id, connection.connection_id);
        self.outputs.push_back(Output::OperationStarted {
            endpoint: key.endpoint.clone(),
            operation_id: key.operation_id.clone(),
            participant_id,
            connection_id,
        });
    }

    pub(super) fn state_of(&self, ordinal: Ordinal) -> Option<CallState> {
        self.connections.get(&ordinal).map(|connection| connection.state)
    }

    pub(super) fn attach(&mut self, ordinal: Ordinal) {
        let Some(connection) = self.connections.get(&ordinal) else {
            return;
        };
        let Some(joined) = connection.joined() else {
            return;
        };
        let command = EndpointCommand::Attach {
            endpoint: joined.endpoint.clone(),
            connection_id: connection.connection_id,
            participant_id: connection.participant_id,
            direction: connection.direction,
            is_in_lobby: joined.is_held,
        };
        self.tell(command);
    }
}
