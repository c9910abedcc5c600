//! What the endpoints in a call are told: each event, and that it rings.

use trunkline_api::convert;
use trunkline_call::{
    CallSnapshot, CallState, EndpointCommand, Event, EventKind, Input, Invitation, Signal,
};
use trunkline_ids::{CommunicationIdentifier, EndpointId, ParticipantId};
use trunkline_proto::calling::v1 as wire;
use trunkline_proto::signaling::v1::server_frame;
use trunkline_signaling::outgoing::EncodedBody;

use crate::call_task::CallTask;
use crate::registry::{EndpointMessage, EndpointSender, Haste};

/// An endpoint that is told of the call.
pub(super) struct Attached {
    pub(super) sender: EndpointSender,
    participant_id: ParticipantId,
    /// Set while it waits in the lobby, where it is told of itself alone: the last event that it
    /// was told. Before it is told of one that is not the next, it gets a snapshot, so that it
    /// never sees a gap.
    lobby_seen: Option<u64>,
}

impl Attached {
    pub(super) fn is_in_lobby(&self) -> bool {
        self.lobby_seen.is_some()
    }

    pub(super) fn participant_id(&self) -> ParticipantId {
        self.participant_id
    }

    /// Sends a snapshot; one tells of calls that go on.
    fn send_snapshot(&self, body: EncodedBody) {
        self.sender.send(EndpointMessage::Event { body, ended: None, haste: Haste::Now });
    }
}

impl CallTask {
    /// Tells an event to everybody who may see it: at once to whom it is about, and in a crowd
    /// soon to the others.
    pub(super) fn tell(&mut self, event: &Event, wired: wire::CallEvent) {
        let is_end = matches!(event.kind, EventKind::CallEnded { .. });
        let ended = is_end.then(|| self.handle.id());
        let of_others = Haste::of_others(self.attached.len());
        let body = event_body(wired);
        for (endpoint, attached) in &mut self.attached {
            let is_own = concerns(event, endpoint, attached.participant_id);
            if let Some(seen) = &mut attached.lobby_seen {
                if !is_own {
                    continue;
                }
                *seen = event.seq;
            }
            let haste = if is_own { Haste::Now } else { of_others };
            attached.sender.send(EndpointMessage::Event { body: body.clone(), ended, haste });
        }
    }

    /// An endpoint may have registered after the targets were looked up and before the call could
    /// be found by its users; the machine ignores those it knows.
    pub(super) fn ring_late_endpoints(&mut self, identifier: &CommunicationIdentifier) {
        let now = self.node.clock().now();
        for endpoint in self.node.registry().endpoints_of(identifier) {
            let identifier = identifier.clone();
            let signal = Signal::EndpointRegistered { identifier, endpoint };
            self.call.handle_input(now, Input::Signal(signal));
        }
    }

    pub(super) fn tell_endpoint(&mut self, command: EndpointCommand) {
        match command {
            EndpointCommand::Attach { endpoint, participant_id, is_in_lobby, .. } => {
                if !is_in_lobby && let Some(own) = self.roster.participant(&participant_id) {
                    self.readers.insert(own.identifier.clone());
                }
                // A controller without a registered endpoint watches the call instead.
                if let Some(sender) = self.node.registry().endpoint(&endpoint) {
                    let lobby_seen = is_in_lobby.then(|| self.roster.seq());
                    let attached = Attached { sender, participant_id, lobby_seen };
                    self.send_snapshot(&attached);
                    self.attached.insert(endpoint, attached);
                }
            }
            EndpointCommand::Detach { endpoint, reason, .. } => {
                self.attached.remove(&endpoint);
                if let Some(meeting) = self.handle.meeting().filter(|_| !self.is_of_meeting) {
                    let gone = trunkline_interop::Signal::ConnectionEnded { endpoint, reason };
                    meeting.signal(gone);
                }
            }
            EndpointCommand::Ring { endpoint, invitation } => self.ring(endpoint, &invitation),
            EndpointCommand::StopRinging { endpoint, reason, .. } => {
                if let Some(sender) = self.node.registry().endpoint(&endpoint) {
                    sender.send(EndpointMessage::IncomingCallEnded(wire::IncomingCallEnded {
                        call_id: self.handle.id().to_string(),
                        reason: Some(convert::end_reason(reason)),
                    }));
                }
            }
        }
    }

    fn ring(&mut self, endpoint: EndpointId, invitation: &Invitation) {
        let now = self.node.clock().now();
        let signal = match self.node.registry().endpoint(&endpoint) {
            Some(sender) => {
                sender.send(EndpointMessage::IncomingCall(wire::IncomingCall {
                    call_id: invitation.call_id.to_string(),
                    caller: Some(convert::identifier(&invitation.caller)),
                    caller_display_name: invitation
                        .caller_display_name
                        .as_ref()
                        .map(ToString::to_string)
                        .unwrap_or_default(),
                    kind: convert::call_kind(invitation.kind).into(),
                    thread_id: invitation
                        .thread_id
                        .as_ref()
                        .map(ToString::to_string)
                        .unwrap_or_default(),
                    participant_id: invitation.participant_id.to_string(),
                }));
                Signal::EndpointRinging { endpoint }
            }
            None => Signal::EndpointGone { endpoint },
        };
        self.call.handle_input(now, Input::Signal(signal));
    }

    pub(super) fn send_snapshot(&self, attached: &Attached) {
        let snapshot = match attached.is_in_lobby() {
            true => self.lobby_snapshot(attached.participant_id),
            false => self.snapshot(),
        };
        let event = convert::snapshot_event(&snapshot, self.node.wall());
        attached.send_snapshot(event_body(event));
    }

    /// Brings those in the lobby up to date who are about to be told of themselves.
    pub(super) fn prepare_lobby(&mut self, event: &Event) {
        let at = self.node.wall();
        for (endpoint, attached) in &self.attached {
            if let Some(seen) = attached.lobby_seen
                && seen + 1 != event.seq
                && concerns(event, endpoint, attached.participant_id)
            {
                let snapshot = self.lobby_snapshot(attached.participant_id);
                attached.send_snapshot(event_body(convert::snapshot_event(&snapshot, at)));
            }
        }
    }

    /// The call as somebody sees it who waits in the lobby.
    pub(super) fn lobby_snapshot(&self, participant_id: ParticipantId) -> CallSnapshot {
        let mut snapshot = self.snapshot();
        snapshot.participants.retain(|participant| participant.participant_id == participant_id);
        snapshot
    }

    pub(super) fn waits(&self, participant_id: &ParticipantId) -> bool {
        let participant = self.roster.participant(participant_id);
        participant.is_some_and(|participant| participant.call_state == CallState::InLobby)
    }

    /// Returns as whom somebody waits in the lobby.
    pub(super) fn waiting_as(&self, reader: &CommunicationIdentifier) -> Option<ParticipantId> {
        let mut waiting = self.roster.participants().filter(|participant| {
            participant.identifier == *reader && participant.call_state == CallState::InLobby
        });
        waiting.next().map(|participant| participant.participant_id)
    }
}

fn event_body(event: wire::CallEvent) -> EncodedBody {
    EncodedBody::from(server_frame::Body::CallEvent(event))
}

/// Returns whether an event is about one participant alone, whose endpoint is named, or about
/// everybody alike: it may be told in the lobby, and does not wait.
fn concerns(event: &Event, own: &EndpointId, own_id: ParticipantId) -> bool {
    match &event.kind {
        EventKind::CallEnded { .. } => true,
        EventKind::ConnectionStateChanged { participant_id, .. }
        | EventKind::ParticipantMuteChanged { participant_id, .. }
        | EventKind::ParticipantRemoved { participant_id, .. }
        | EventKind::ParticipantStateChanged { participant_id, .. }
        | EventKind::VideoChanged { participant_id, .. } => *participant_id == own_id,
        EventKind::OperationCompleted { endpoint, .. } => endpoint == own,
        EventKind::CallStarted { .. }
        | EventKind::KindChanged { .. }
        | EventKind::ParticipantAccepted { .. }
        | EventKind::ParticipantAdded { .. }
        | EventKind::ScreenShareChanged { .. }
        | EventKind::SpeakingChanged { .. }
        | EventKind::TransferStateChanged { .. } => false,
    }
}
