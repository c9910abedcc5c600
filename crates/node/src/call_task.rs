//! One call as a task: it owns the call machine, drains it, and carries its outputs out.

mod chronicle;
mod legs;
mod presence;
mod reading;
mod telling;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use trunkline_api::convert;
use trunkline_call::{
    Call, CallSnapshot, Command, Event, EventKind, Input, MeetingInput, OperationOutcome, Output,
    Roster,
};
use trunkline_ids::{
    CallConnectionId, CommunicationIdentifier, EndpointId, GroupId, OperationId, ParticipantId,
};
use trunkline_interop::{RoomId, SyncMode};
use trunkline_media::control::{LegKey, RoomKey};
use trunkline_storage::CallHistoryLimits;

use crate::call_history::{Attendance, CallName};
use crate::call_task::chronicle::Chronicle;
use crate::call_task::telling::Attached;
use crate::calls::{
    Accepted, AnswerAt, CallHandle, CallMessage, Door, Inspected, InspectedLeg, Refused,
};
use crate::clock::sleep_until;
use crate::event_log::EventLog;
use crate::media::{Leg, Offer};
use crate::meetings::MeetingHandle;
use crate::node::Node;
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
    /// Who may read the call: those on the roster, and at its end those who were.
    readers: HashSet<CommunicationIdentifier>,
    /// Who left the roster by what is being handed out.
    departed: Vec<CommunicationIdentifier>,
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
            departed: Vec::new(),
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
            CallMessage::Inspect { answer } => {
                let _ = answer.send(self.inspect());
            }
            CallMessage::Snapshot { reader, answer } => {
                let _ = answer.send(self.read(&reader).as_ref().map(convert::call));
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
                let _ = answer.send(self.watch(reader, after_seq));
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
        self.part_readers();
    }

    fn answer(&mut self, key: &(EndpointId, OperationId), outcome: Result<(), Refused>) {
        let Some(pending) = self.pending.remove(key) else { return };
        let waiting = self.attached.get(&key.0).filter(|attached| attached.is_in_lobby());
        let call = match waiting {
            Some(waiting) => self.lobby_snapshot(waiting.participant_id()),
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
            self.node.calls().add_user(&participant.identifier, self.handle.id());
        }
        if let EventKind::ParticipantRemoved { participant_id, .. } = &event.kind {
            self.arrivals.retain(|arrival| arrival != participant_id);
            if let Some(participant) = self.roster.participant(participant_id) {
                self.node.calls().remove_user(&participant.identifier, self.handle.id());
            }
        }
        self.note_readers(&event.kind);
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
        self.tell(event, Arc::unwrap_or_clone(wired));
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

    fn inspect(&self) -> Inspected {
        let place = |id| self.arrivals.iter().position(|arrival| *arrival == id);
        let mut legs: Vec<_> = self
            .legs
            .iter()
            .map(|(connection_id, leg)| InspectedLeg {
                key: leg.key,
                participant_id: leg.participant,
                connection_id: *connection_id,
                connected: leg.connected,
            })
            .collect();
        legs.sort_by_key(|leg| place(leg.participant_id));
        Inspected { call: convert::call(&self.snapshot()), is_over: self.is_over, legs }
    }
}

impl PendingAnswer {
    fn new(answer: oneshot::Sender<Result<Accepted, Refused>>, answer_at: AnswerAt) -> Self {
        Self { answer, answer_at, subject: None }
    }
}

/// How long a call that is over can still be read: as long as a broken session can be resumed.
const RETENTION: Duration = Duration::from_secs(120);
