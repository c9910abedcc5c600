//! One call as a task: it owns the call machine, drains it, and carries its outputs out.

mod chronicle;
mod legs;
mod presence;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use trunkline_api::convert;
use trunkline_call::{
    Call, CallSnapshot, CallState, Command, EndpointCommand, Event, EventKind, Input, Invitation,
    MeetingInput, OperationOutcome, Output, Roster, Signal,
};
use trunkline_ids::{
    CallConnectionId, CommunicationIdentifier, EndpointId, GroupId, OperationId, ParticipantId,
};
use trunkline_interop::{RoomId, SyncMode};
use trunkline_media::control::{LegKey, RoomKey};
use trunkline_proto::calling::v1 as wire;
use trunkline_proto::signaling::v1::server_frame;
use trunkline_signaling::outgoing::EncodedBody;
use trunkline_storage::CallHistoryLimits;

use crate::call_history::{Attendance, CallName};
use crate::call_task::chronicle::Chronicle;
use crate::calls::{
    Accepted, AnswerAt, CallHandle, CallMessage, Door, Refused, WatchError, WatchItem,
};
use crate::clock::sleep_until;
use crate::event_log::{EventLog, WatchStart};
use crate::media::{Leg, Offer};
use crate::meetings::MeetingHandle;
use crate::node::Node;
use crate::registry::{EndpointMessage, EndpointSender};
use crate::rosters::Standing;

/// A call and everything that its outputs reach.
pub(crate) struct CallTask {
    node: Node,
    handle: CallHandle,
    messages: mpsc::Receiver<CallMessage>,
    call: Call,
    group_id: Option<GroupId>,
    room: RoomKey,
    /// The roster after the last event handed out, in order of arrival: what snapshots are made of.
    roster: Roster,
    arrivals: Vec<ParticipantId>,
    first: CallSnapshot,
    /// Everybody who ever was on the roster: they may read the call.
    readers: HashSet<CommunicationIdentifier>,
    log: EventLog,
    attached: HashMap<EndpointId, Attached>,
    legs: HashMap<CallConnectionId, Leg>,
    leg_keys: HashMap<LegKey, CallConnectionId>,
    /// Offers whose connection the machine has yet to name.
    offers: HashMap<(EndpointId, OperationId), Offer>,
    pending: HashMap<(EndpointId, OperationId), PendingAnswer>,
    /// Everybody who was there, for the history.
    attendance: Attendance,
    /// What is told of the call to those who follow all calls.
    chronicle: Chronicle,
    /// Whether what is being carried out is the meeting's own doing.
    is_of_meeting: bool,
    is_over: bool,
}

/// An endpoint that is told of the call.
struct Attached {
    sender: EndpointSender,
    /// Set while it waits in the lobby, where it is told of itself alone.
    lobby: Option<LobbyView>,
}

/// What an endpoint in the lobby sees: its own participant, in a call without others.
#[derive(Clone, Copy)]
struct LobbyView {
    participant_id: ParticipantId,
    /// The last event that it was told. Before it is told of one that is not the next, it gets a
    /// snapshot, so that it never sees a gap.
    seen: u64,
}

struct PendingAnswer {
    answer: oneshot::Sender<Result<Accepted, Refused>>,
    answer_at: AnswerAt,
    subject: Option<(ParticipantId, CallConnectionId)>,
}

impl CallTask {
    /// Makes a call reachable and starts its task.
    pub(crate) fn spawn(
        node: &Node,
        call: Call,
        group_id: Option<GroupId>,
        sync: SyncMode,
    ) -> CallHandle {
        Self::start(node, call, group_id, Door::Open, sync)
    }

    /// Makes the call of a meeting reachable and starts its task. The meeting is told of whoever
    /// leaves by another way than its own steps.
    pub(crate) fn spawn_in_meeting(node: &Node, call: Call, meeting: MeetingHandle) -> CallHandle {
        // The meeting itself decides about its chat.
        Self::start(node, call, None, Door::Meeting(meeting), SyncMode::Manual)
    }

    /// Makes the call of a room reachable and starts its task.
    pub(crate) fn spawn_in_room(node: &Node, call: Call, room: RoomId) -> CallHandle {
        Self::start(node, call, None, Door::Room(room), SyncMode::Manual)
    }

    fn start(
        node: &Node,
        call: Call,
        group_id: Option<GroupId>,
        door: Door,
        sync: SyncMode,
    ) -> CallHandle {
        let first = call.snapshot();
        let (handle, messages) = CallHandle::new(first.call_id, door, sync);
        // Calls that share a room key would share a room; ids are random, so 64 bits of one do.
        let bytes = first.call_id.to_uuid_bytes();
        let (_, tail) = bytes.split_at(8);
        let room = RoomKey::new(u64::from_be_bytes(tail.try_into().unwrap_or_default()));
        let task = Self {
            node: node.clone(),
            handle: handle.clone(),
            messages,
            roster: Roster::new(&first),
            arrivals: Vec::new(),
            first,
            call,
            group_id,
            room,
            readers: HashSet::new(),
            log: EventLog::default(),
            attached: HashMap::new(),
            legs: HashMap::new(),
            leg_keys: HashMap::new(),
            offers: HashMap::new(),
            pending: HashMap::new(),
            attendance: Attendance::default(),
            chronicle: Chronicle::default(),
            is_of_meeting: false,
            is_over: false,
        };
        metrics::counter!("trunkline_calls_total").increment(1);
        node.spawn(task.run());
        handle
    }

    async fn run(mut self) {
        metrics::gauge!("trunkline_calls").increment(1.0);
        while !self.is_over {
            let deadline = self.call.poll_timeout();
            tokio::select! {
                message = self.messages.recv() => match message {
                    Some(message) => self.handle(message),
                    None => break,
                },
                () = sleep_until(self.node.clock(), deadline) => {
                    self.call.handle_timeout(self.node.clock().now());
                }
                () = self.node.shutting_down() => break,
            }
            self.drain();
        }
        metrics::gauge!("trunkline_calls").decrement(1.0);
        self.release();
        // A call that never began has nothing to tell.
        if !self.call.is_fresh() {
            self.linger().await;
        }
        self.node.calls().remove(self.handle.id());
    }

    /// Frees what a call that is over no longer needs.
    fn release(&mut self) {
        if let Some(group_id) = self.group_id {
            self.node.calls().end_group(group_id, self.handle.id());
        }
        for (_, leg) in self.legs.drain() {
            leg.close(&self.node);
        }
        let now = self.node.clock().now().instant;
        for participant in self.roster.participants() {
            self.node.calls().remove_user(&participant.identifier, self.handle.id());
            self.node.board().set_call(now, &participant.identifier, self.handle.id(), None);
        }
        self.attached.clear();
        self.log.close();
    }

    /// Answers late questions for a while: a controller may ask why a call that never rang ended.
    async fn linger(&mut self) {
        let until = tokio::time::Instant::now() + RETENTION;
        loop {
            tokio::select! {
                message = self.messages.recv() => match message {
                    Some(message) => self.handle(message),
                    None => return,
                },
                () = tokio::time::sleep_until(until) => return,
                () = self.node.shutting_down() => return,
            }
            self.drain();
        }
    }

    fn handle(&mut self, message: CallMessage) {
        let now = self.node.clock().now();
        match message {
            CallMessage::Command { command, offer, answer_at, answer } => {
                self.handle_command(*command, offer, answer_at, answer);
            }
            CallMessage::Meeting { input, offer, answer_at, answer } => {
                self.handle_meeting(*input, offer, answer_at, answer);
            }
            CallMessage::MeetingStep(input) => {
                self.call.handle_input(now, Input::Meeting(*input));
                self.is_of_meeting = true;
                self.drain();
                self.is_of_meeting = false;
            }
            CallMessage::Media(event) => self.handle_media(event),
            CallMessage::MediaOpened { connection_id, outcome } => {
                self.handle_opened(connection_id, outcome);
            }
            CallMessage::Rings { who, answer } => {
                let _ = answer.send(self.call.rings(&who));
            }
            CallMessage::RestartMedia { endpoint, offer, answer } => {
                let _ = answer.send(self.restart_media(&endpoint, offer));
            }
            CallMessage::SetTiles { endpoint, tiles, answer } => {
                let _ = answer.send(self.set_tiles(&endpoint, &tiles));
            }
            CallMessage::Signal(signal) => self.call.handle_input(now, Input::Signal(signal)),
            CallMessage::Snapshot { reader, answer } => {
                let call = match self.readers.contains(&reader) {
                    true => Some(self.snapshot()),
                    false => self.waiting_as(&reader).map(|id| self.lobby_snapshot(id)),
                };
                let _ = answer.send(call.as_ref().map(convert::call));
            }
            CallMessage::SendSnapshot { endpoint, answer } => {
                let outcome = match self.attached.get(&endpoint) {
                    Some(attached) => {
                        self.send_snapshot(attached);
                        Ok(())
                    }
                    None => Err(Refused::NotFound),
                };
                let _ = answer.send(outcome);
            }
            CallMessage::Standing { answer } => {
                let ids = self.arrivals.iter();
                let there = ids.filter_map(|id| self.roster.participant(id));
                let (ids, participants) =
                    there.map(|one| (one.participant_id, one.identifier.clone())).unzip();
                let thread_id = self.roster.thread_id().cloned();
                let standing = Standing { thread_id, participants, ids };
                let _ = answer.send(standing);
            }
            CallMessage::Watch { reader, after_seq, answer } => {
                let _ = answer.send(self.watch(&reader, after_seq));
            }
        }
    }

    fn handle_command(
        &mut self,
        command: Command,
        offer: Option<Offer>,
        answer_at: AnswerAt,
        answer: oneshot::Sender<Result<Accepted, Refused>>,
    ) {
        let key = (command.actor.endpoint.clone(), command.operation_id.clone());
        self.carry_out(key, Input::Command(command), offer, PendingAnswer::new(answer, answer_at));
    }

    /// Carries out what the meeting wants for somebody who waits for the answer.
    fn handle_meeting(
        &mut self,
        input: MeetingInput,
        offer: Option<Offer>,
        answer_at: AnswerAt,
        answer: oneshot::Sender<Result<Accepted, Refused>>,
    ) {
        let key = match &input {
            MeetingInput::Act(command) => {
                (command.actor.endpoint.clone(), command.operation_id.clone())
            }
            MeetingInput::Join { actor, operation_id, .. } => {
                (actor.endpoint.clone(), operation_id.clone())
            }
            MeetingInput::Admit { .. }
            | MeetingInput::Complete { .. }
            | MeetingInput::End { .. }
            | MeetingInput::EndCall { .. }
            | MeetingInput::SetRights { .. } => return,
        };
        self.carry_out(key, Input::Meeting(input), offer, PendingAnswer::new(answer, answer_at));
    }

    fn carry_out(
        &mut self,
        key: (EndpointId, OperationId),
        input: Input,
        offer: Option<Offer>,
        pending: PendingAnswer,
    ) {
        if let Some(offer) = offer {
            self.offers.insert(key.clone(), offer);
        }
        self.pending.insert(key.clone(), pending);
        self.call.handle_input(self.node.clock().now(), input);
        self.drain();
        self.offers.remove(&key);
        // The machine answers every command; what it has not finished by here it has started.
        if self.pending.get(&key).is_some_and(|pending| pending.answer_at == AnswerAt::Start) {
            self.answer(&key, Ok(()));
        }
        // The command that was to begin the call was refused: nobody can know of it.
        self.is_over |= self.call.is_fresh();
    }

    /// Carries out what the machine wants done.
    fn drain(&mut self) {
        while let Some(output) = self.call.poll_output() {
            match output {
                Output::Endpoint(command) => self.tell_endpoint(command),
                Output::Event(event) => self.publish(&event),
                Output::Media(command) => self.apply_media(&command),
                Output::OperationStarted {
                    endpoint,
                    operation_id,
                    participant_id,
                    connection_id,
                } => {
                    let key = (endpoint, operation_id);
                    self.open_leg(&key, participant_id, connection_id);
                    if let Some(pending) = self.pending.get_mut(&key) {
                        pending.subject = Some((participant_id, connection_id));
                    }
                }
                Output::Rejected { endpoint, operation_id, error } => {
                    self.answer(&(endpoint, operation_id), Err(Refused::Command(error)));
                }
                Output::Repeated { endpoint, operation_id, outcome } => {
                    let outcome = match outcome {
                        Some(OperationOutcome::Failed { reason }) => {
                            Err(Refused::Failed { reason })
                        }
                        Some(OperationOutcome::Succeeded) | None => Ok(()),
                    };
                    self.answer(&(endpoint, operation_id), outcome);
                }
            }
        }
    }

    fn answer(&mut self, key: &(EndpointId, OperationId), outcome: Result<(), Refused>) {
        let Some(pending) = self.pending.remove(key) else { return };
        let call = match self.attached.get(&key.0).and_then(|attached| attached.lobby) {
            Some(lobby) => self.lobby_snapshot(lobby.participant_id),
            None => match pending.subject.filter(|(id, _)| self.waits(id)) {
                Some((id, _)) => self.lobby_snapshot(id),
                None => self.snapshot(),
            },
        };
        let outcome =
            outcome.map(|()| Accepted { subject: pending.subject, call: convert::call(&call) });
        // An asker that is gone does not want the answer; the operation stands.
        let _ = pending.answer.send(outcome);
    }

    fn publish(&mut self, event: &Event) {
        // Keep whom the event takes away readable until it is converted.
        if let EventKind::ParticipantAdded { participant } = &event.kind {
            self.arrivals.push(participant.participant_id);
            // Whoever comes to a meeting may have to wait, and reads nothing until let in.
            if self.handle.meeting().is_none() {
                self.readers.insert(participant.identifier.clone());
            }
            self.node.calls().add_user(&participant.identifier, self.handle.id());
        }
        if let EventKind::ParticipantRemoved { participant_id, .. } = &event.kind {
            self.arrivals.retain(|arrival| arrival != participant_id);
            if let Some(participant) = self.roster.participant(participant_id) {
                self.node.calls().remove_user(&participant.identifier, self.handle.id());
            }
        }
        self.attendance.note(event, &self.roster);
        self.prepare_lobby(event);
        let leaving = self.leaving(event);
        let changed = presence::changed(event, &self.roster);
        if let Err(error) = self.roster.apply(event) {
            tracing::error!(call = %self.handle.id(), %error, "the call's events do not add up");
        }
        let now = self.node.clock().now().instant;
        for identifier in changed {
            let presence = presence::of(&identifier, &self.roster);
            self.node.board().set_call(now, &identifier, self.handle.id(), presence);
        }
        let wired = Arc::new(convert::event(&self.handle.id(), event, &self.roster));
        self.log.append(Arc::clone(&wired));
        self.note(event, leaving, &wired);
        let is_end = matches!(event.kind, EventKind::CallEnded { .. });
        let ended = is_end.then(|| self.handle.id());
        let body = event_body(Arc::unwrap_or_clone(wired));
        for (endpoint, attached) in &mut self.attached {
            if let Some(lobby) = &mut attached.lobby {
                if !concerns(event, endpoint, lobby.participant_id) {
                    continue;
                }
                lobby.seen = event.seq;
            }
            attached.sender.send(EndpointMessage::Event { body: body.clone(), ended });
        }
        match &event.kind {
            EventKind::ParticipantAdded { participant } => {
                self.ring_late_endpoints(&participant.identifier.clone());
            }
            EventKind::OperationCompleted { operation_id, endpoint, outcome, .. } => {
                let outcome = match outcome {
                    OperationOutcome::Failed { reason } => Err(Refused::Failed { reason: *reason }),
                    OperationOutcome::Succeeded => Ok(()),
                };
                let key = (endpoint.clone(), operation_id.clone());
                let at_start =
                    self.pending.get(&key).is_some_and(|p| p.answer_at == AnswerAt::Start);
                // Whoever asked for the start has its end as an event.
                self.answer(&key, if at_start { Ok(()) } else { outcome });
            }
            EventKind::ScreenShareChanged { .. }
            | EventKind::VideoChanged { .. }
            | EventKind::ParticipantRemoved { .. } => self.update_tiles(),
            EventKind::CallEnded { .. } => {
                self.is_over = true;
                self.keep_history();
            }
            EventKind::CallStarted { .. }
            | EventKind::ConnectionStateChanged { .. }
            | EventKind::KindChanged { .. }
            | EventKind::ParticipantAccepted { .. }
            | EventKind::ParticipantMuteChanged { .. }
            | EventKind::ParticipantStateChanged { .. }
            | EventKind::SpeakingChanged { .. }
            | EventKind::TransferStateChanged { .. } => {}
        }
    }

    /// Gives what was to the histories of those who were there.
    fn keep_history(&mut self) {
        let call = CallName {
            call_id: self.handle.id(),
            kind: self.roster.kind(),
            thread_id: self.roster.thread_id().cloned(),
            meeting_id: self.handle.meeting().map(MeetingHandle::id),
        };
        let attendance = std::mem::take(&mut self.attendance);
        self.node.keep_history(attendance.records(&call, CallHistoryLimits::default()));
    }

    /// An endpoint may have registered after the targets were looked up and before the call could
    /// be found by its users; the machine ignores those it knows.
    fn ring_late_endpoints(&mut self, identifier: &CommunicationIdentifier) {
        let now = self.node.clock().now();
        for endpoint in self.node.registry().endpoints_of(identifier) {
            let identifier = identifier.clone();
            let signal = Signal::EndpointRegistered { identifier, endpoint };
            self.call.handle_input(now, Input::Signal(signal));
        }
    }

    fn tell_endpoint(&mut self, command: EndpointCommand) {
        match command {
            EndpointCommand::Attach { endpoint, participant_id, is_in_lobby, .. } => {
                if !is_in_lobby && let Some(own) = self.roster.participant(&participant_id) {
                    self.readers.insert(own.identifier.clone());
                }
                // A controller without a registered endpoint watches the call instead.
                if let Some(sender) = self.node.registry().endpoint(&endpoint) {
                    let seen = self.roster.seq();
                    let lobby = is_in_lobby.then_some(LobbyView { participant_id, seen });
                    let attached = Attached { sender, lobby };
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

    fn send_snapshot(&self, attached: &Attached) {
        let snapshot = match attached.lobby {
            Some(lobby) => self.lobby_snapshot(lobby.participant_id),
            None => self.snapshot(),
        };
        let event = convert::snapshot_event(&snapshot, self.node.wall());
        // A snapshot tells of calls that go on.
        attached.sender.send(EndpointMessage::Event { body: event_body(event), ended: None });
    }

    /// Brings those in the lobby up to date who are about to be told of themselves.
    fn prepare_lobby(&mut self, event: &Event) {
        let at = self.node.wall();
        for (endpoint, attached) in &self.attached {
            if let Some(lobby) = attached.lobby
                && lobby.seen + 1 != event.seq
                && concerns(event, endpoint, lobby.participant_id)
            {
                let snapshot = self.lobby_snapshot(lobby.participant_id);
                let snapshot = event_body(convert::snapshot_event(&snapshot, at));
                attached.sender.send(EndpointMessage::Event { body: snapshot, ended: None });
            }
        }
    }

    /// The call as somebody sees it who waits in the lobby.
    fn lobby_snapshot(&self, participant_id: ParticipantId) -> CallSnapshot {
        let mut snapshot = self.snapshot();
        snapshot.participants.retain(|participant| participant.participant_id == participant_id);
        snapshot
    }

    fn waits(&self, participant_id: &ParticipantId) -> bool {
        let participant = self.roster.participant(participant_id);
        participant.is_some_and(|participant| participant.call_state == CallState::InLobby)
    }

    /// Returns as whom somebody waits in the lobby.
    fn waiting_as(&self, reader: &CommunicationIdentifier) -> Option<ParticipantId> {
        let mut waiting = self.roster.participants().filter(|participant| {
            participant.identifier == *reader && participant.call_state == CallState::InLobby
        });
        waiting.next().map(|participant| participant.participant_id)
    }

    /// The call after the last event handed out, which may be less than the machine has decided.
    fn snapshot(&self) -> CallSnapshot {
        CallSnapshot {
            call_id: self.first.call_id,
            seq: self.roster.seq(),
            kind: self.roster.kind(),
            thread_id: self.roster.thread_id().cloned(),
            group_id: self.group_id,
            started_at: self.first.started_at,
            end_reason: self.roster.end_reason(),
            participants: self
                .arrivals
                .iter()
                .filter_map(|id| self.roster.participant(id).cloned())
                .collect(),
        }
    }

    fn watch(
        &mut self,
        reader: &CommunicationIdentifier,
        after_seq: Option<u64>,
    ) -> Result<mpsc::Receiver<WatchItem>, WatchError> {
        if !self.readers.contains(reader) {
            return Err(WatchError::NotFound);
        }
        let start = match after_seq {
            Some(cursor) => WatchStart::After(cursor),
            None => {
                let at = self.node.wall();
                WatchStart::Snapshot(convert::snapshot_event(&self.snapshot(), at))
            }
        };
        self.log.watch(start, self.is_over)
    }
}

impl PendingAnswer {
    fn new(answer: oneshot::Sender<Result<Accepted, Refused>>, answer_at: AnswerAt) -> Self {
        Self { answer, answer_at, subject: None }
    }
}

fn event_body(event: wire::CallEvent) -> EncodedBody {
    EncodedBody::from(server_frame::Body::CallEvent(event))
}

/// Returns whether an event is about one participant alone, whose endpoint is named, so that it may
/// be told in the lobby.
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

/// How long a call that is over can still be read: as long as a broken session can be resumed.
const RETENTION: Duration = Duration::from_secs(120);
