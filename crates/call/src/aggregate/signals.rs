//! What endpoints, transports and the media plane report.

use trunkline_ids::{CallConnectionId, EndpointId};
use trunkline_reasons::EndReason;

use super::{Call, Timer};
use crate::{
    connection::{Connection, Ordinal, Ringing},
    event::EventKind,
    input::Signal,
    output::EndpointCommand,
    roster::Direction,
    state::CallState,
    transition::Trigger,
};

impl Call {
    pub(super) fn handle_signal(&mut self, signal: Signal) {
        if self.is_ended() {
            return;
        }
        match signal {
            Signal::EarlyMediaStarted { connection_id } => {
                self.with_connection(connection_id, Self::note_early_media);
            }
            Signal::EndpointBusy { endpoint } => {
                self.stop_endpoint(endpoint, EndReason::BUSY_EVERYWHERE, |ringing| {
                    ringing.has_busy = true;
                });
            }
            Signal::EndpointDeclined { endpoint } => {
                self.stop_endpoint(endpoint, EndReason::DECLINED, |ringing| {
                    ringing.has_declined = true;
                });
            }
            Signal::EndpointGone { endpoint } => self.lose_endpoint(endpoint),
            Signal::EndpointRegistered { identifier, endpoint } => {
                let ordinals = self.by_identifier.get(&identifier).cloned().unwrap_or_default();
                for ordinal in ordinals {
                    self.ring(ordinal, endpoint.clone());
                }
            }
            Signal::EndpointRinging { endpoint } => {
                if let Some(ordinal) = self.ringing_at(&endpoint) {
                    self.note_ringing(ordinal);
                }
            }
            Signal::MediaFailed { connection_id } => {
                self.with_connection(connection_id, Self::fail_media);
            }
            Signal::MediaInterrupted { connection_id } => {
                self.with_connection(connection_id, |call, ordinal| {
                    call.set_media_interrupted(ordinal, true);
                });
            }
            Signal::MediaResumed { connection_id } => {
                self.with_connection(connection_id, |call, ordinal| {
                    call.set_media_interrupted(ordinal, false);
                });
            }
            Signal::MediaUp { connection_id } => {
                self.with_connection(connection_id, Self::note_media_up);
            }
            Signal::SpeakingChanged { connection_id, is_speaking } => {
                self.with_connection(connection_id, |call, ordinal| {
                    call.measure_speaking(ordinal, is_speaking);
                });
            }
            Signal::ThreadLeft { identifier } => {
                let ordinals = self.by_identifier.get(&identifier).cloned().unwrap_or_default();
                if !ordinals.is_empty() {
                    let cause = self.end_all(ordinals);
                    self.settle_departure(cause);
                }
            }
            Signal::TransportLost { endpoint } => self.set_transport_lost(&endpoint, true),
            Signal::TransportResumed { endpoint } => self.set_transport_lost(&endpoint, false),
        }
    }

    /// Media did not come up in time: of who accepted, the callee's failure; else the service's.
    pub(super) fn fail_media_set_up(&mut self, ordinal: Ordinal) {
        let Some(connection) = self.connections.get(&ordinal) else {
            return;
        };
        let reason = match connection.direction {
            Direction::Incoming => EndReason::SET_UP_NOT_FINISHED,
            Direction::Outgoing => EndReason::MEDIA_SET_UP_FAILED,
        };
        self.depart(ordinal, reason);
    }

    /// A network stayed lost for too long.
    pub(super) fn give_up_network(&mut self, ordinal: Ordinal) {
        let Some(joined) = self.connections.get(&ordinal).and_then(Connection::joined) else {
            return;
        };
        let reason =
            if joined.is_transport_lost { EndReason::NETWORK_LOST } else { EndReason::MEDIA_LOST };
        self.depart(ordinal, reason);
    }

    /// Starts the clock when signaling or media is lost, stops it when both are back.
    pub(super) fn refresh_network_loss(&mut self, ordinal: Ordinal) {
        let Some(joined) = self.connections.get(&ordinal).and_then(Connection::joined) else {
            return;
        };
        let timer = Timer::NetworkLoss(ordinal);
        if !(joined.is_media_interrupted || joined.is_transport_lost) {
            self.timers.cancel(&timer);
        } else if self.timers.deadline(&timer).is_none() {
            self.timers.set(timer, self.now.instant + self.config.timeouts.network_loss);
        }
    }

    /// Takes a measurement; it is told with others, at the end of the interval.
    pub(super) fn measure_speaking(&mut self, ordinal: Ordinal, is_speaking: bool) {
        let Some(connection) = self.connections.get_mut(&ordinal) else {
            return;
        };
        connection.is_speaking_measured = is_speaking && connection.switches().audio;
        if connection.is_speaking_measured == connection.is_speaking {
            self.speaking_changed.remove(&ordinal);
        } else {
            self.speaking_changed.insert(ordinal);
        }
        if self.speaking_changed.is_empty() {
            self.timers.cancel(&Timer::Speaking);
        } else if self.timers.deadline(&Timer::Speaking).is_none() {
            let at = self.now.instant + self.config.timeouts.speaking_interval;
            self.timers.set(Timer::Speaking, at);
        }
    }

    /// Tells at once that somebody who was muted or holds does not speak.
    pub(super) fn silence(&mut self, ordinal: Ordinal) {
        self.measure_speaking(ordinal, false);
        if self.speaking_changed.remove(&ordinal) {
            self.tell_speaking_of([ordinal]);
        }
    }

    pub(super) fn tell_speaking(&mut self) {
        let ordinals = std::mem::take(&mut self.speaking_changed);
        self.tell_speaking_of(ordinals);
    }

    fn tell_speaking_of(&mut self, ordinals: impl IntoIterator<Item = Ordinal>) {
        let mut changes = Vec::new();
        for ordinal in ordinals {
            if let Some(connection) = self.connections.get_mut(&ordinal) {
                connection.is_speaking = connection.is_speaking_measured;
                changes.push((connection.participant_id, connection.is_speaking));
            }
        }
        if !changes.is_empty() {
            self.emit(EventKind::SpeakingChanged { changes });
        }
    }

    fn with_connection(
        &mut self,
        connection_id: CallConnectionId,
        run: impl FnOnce(&mut Self, Ordinal),
    ) {
        if let Some(ordinal) = self.by_connection.get(&connection_id) {
            run(self, *ordinal);
        }
    }

    /// The callee's early media is heard by the caller, so both sides show it.
    fn note_early_media(&mut self, ordinal: Ordinal) {
        for ordinal in [Some(ordinal), self.caller].into_iter().flatten() {
            if let Some(CallState::Connecting | CallState::Ringing) = self.state_of(ordinal) {
                let _ = self.walk(ordinal, Trigger::StartEarlyMedia);
            }
        }
    }

    fn ringing_at(&self, endpoint: &EndpointId) -> Option<Ordinal> {
        let ordinal = *self.by_endpoint.get(endpoint)?;
        let ringing = self.connections.get(&ordinal)?.ringing()?;
        ringing.endpoints.contains(endpoint).then_some(ordinal)
    }

    /// Takes an endpoint out of the ringing; the last one to go ends the invitation.
    fn stop_endpoint(
        &mut self,
        endpoint: EndpointId,
        reason: EndReason,
        note: impl FnOnce(&mut Ringing),
    ) {
        let Some(ordinal) = self.ringing_at(&endpoint) else {
            return;
        };
        self.by_endpoint.remove(&endpoint);
        let Some(connection) = self.connections.get_mut(&ordinal) else {
            return;
        };
        let is_phone = connection.identifier.is_phone();
        let connection_id = connection.connection_id;
        let Some(ringing) = connection.ringing_mut() else {
            return;
        };
        ringing.endpoints.remove(&endpoint);
        note(ringing);
        let exhausted = ringing.endpoints.is_empty().then(|| ringing.exhausted(is_phone));
        self.tell(EndpointCommand::StopRinging { endpoint, connection_id, reason });
        if let Some(reason) = exhausted {
            self.depart(ordinal, reason);
        }
    }

    fn lose_endpoint(&mut self, endpoint: EndpointId) {
        if self.ringing_at(&endpoint).is_some() {
            self.stop_endpoint(endpoint, EndReason::ENDPOINT_UNREACHABLE, |_| {});
        } else if let Some(ordinal) = self.by_endpoint.get(&endpoint).copied() {
            // A session that expires after its transport was lost did not leave: its network failed.
            let joined = self.connections.get(&ordinal).and_then(Connection::joined);
            let reason = if joined.is_some_and(|joined| joined.is_transport_lost) {
                EndReason::NETWORK_LOST
            } else {
                EndReason::LEFT_ABRUPTLY
            };
            self.depart(ordinal, reason);
        }
    }

    fn fail_media(&mut self, ordinal: Ordinal) {
        let Some(connection) = self.connections.get(&ordinal) else {
            return;
        };
        if connection.joined().is_none() {
            return;
        }
        let reason = if connection.state.is_established() {
            EndReason::MEDIA_LOST
        } else {
            EndReason::MEDIA_SET_UP_FAILED
        };
        self.depart(ordinal, reason);
    }

    fn set_media_interrupted(&mut self, ordinal: Ordinal, is_interrupted: bool) {
        let Some(joined) = self.connections.get_mut(&ordinal).and_then(Connection::joined_mut)
        else {
            return;
        };
        joined.is_media_interrupted = is_interrupted && joined.is_media_up;
        self.refresh_network_loss(ordinal);
    }

    fn set_transport_lost(&mut self, endpoint: &EndpointId, is_lost: bool) {
        let Some(ordinal) = self.by_endpoint.get(endpoint).copied() else {
            return;
        };
        let Some(joined) = self.connections.get_mut(&ordinal).and_then(Connection::joined_mut)
        else {
            return;
        };
        joined.is_transport_lost = is_lost;
        self.refresh_network_loss(ordinal);
    }
}
