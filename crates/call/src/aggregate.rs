//! `Call`: the aggregate that owns the connections of one call.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt,
};

use trunkline_clock::{Deadlines, Instant, Now, Timestamp};
use trunkline_ids::{
    CallConnectionId, CallId, CommunicationIdentifier, EndpointId, GroupId, ParticipantId, ThreadId,
};
use trunkline_reasons::EndReason;

use crate::{
    config::CallConfig,
    connection::{Connection, Ordinal},
    event::{Event, EventKind},
    feed::{Feed, SnapshotRequired},
    input::Input,
    output::{EndpointCommand, Output},
    roster::{CallSnapshot, ParticipantView},
    state::{CallKind, ParticipantState},
    transition::{InvalidTransition, Trigger, transition},
};

mod actors;
mod commands;
mod ending;
mod holding;
mod inviting;
mod meeting;
mod operations;
mod sending;
mod signals;
mod transferring;

pub(crate) use operations::OperationKey;
use operations::Operations;
use transferring::TransferUnderWay;

/// One call, from the first command to the last event.
///
/// # Contract
///
/// The driver calls `handle_input` when something happens and `handle_timeout` when `poll_timeout`
/// is due. After each of them it drains `poll_output`, acts on every output in order, and re-arms its
/// timer from `poll_timeout`. Time must not go back from one call to the next. When `is_ended` is
/// true no timer is set and nothing follows.
pub struct Call {
    call_id: CallId,
    origin: Origin,
    kind: CallKind,
    thread_id: Option<ThreadId>,
    config: CallConfig,
    status: Status,
    now: Now,
    started_at: Timestamp,
    connections: BTreeMap<Ordinal, Connection>,
    next_ordinal: Ordinal,
    by_participant: BTreeMap<ParticipantId, Ordinal>,
    by_connection: BTreeMap<CallConnectionId, Ordinal>,
    /// Endpoints that ring and endpoints that joined; no endpoint does both.
    by_endpoint: BTreeMap<EndpointId, Ordinal>,
    by_identifier: BTreeMap<CommunicationIdentifier, BTreeSet<Ordinal>>,
    /// Joined, with media up, but alone so far.
    waiting: BTreeSet<Ordinal>,
    established: BTreeSet<Ordinal>,
    /// Whether two were ever established at once.
    was_shared: bool,
    caller: Option<Ordinal>,
    screen_sharer: Option<Ordinal>,
    speaking_changed: BTreeSet<Ordinal>,
    /// By the connection of the target.
    transfers: BTreeMap<Ordinal, TransferUnderWay>,
    operations: Operations,
    timers: Deadlines<Timer>,
    feed: Feed,
    outputs: VecDeque<Output>,
    /// Kept back to the end of the step, so that who leaves still hears how it ended.
    detached: Vec<EndpointCommand>,
}

/// What makes a call.
#[derive(Clone, Debug)]
pub struct NewCall {
    /// The id of the call, drawn by the caller.
    pub call_id: CallId,
    /// How the call comes to be.
    pub origin: Origin,
    /// The chat thread to bind to, if it becomes or is a group; one is named after the call if none
    /// is given.
    pub thread_id: Option<ThreadId>,
    /// The configuration.
    pub config: CallConfig,
}

/// How a call comes to be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Origin {
    /// Everybody joins who knows the group id; nobody rings.
    GroupId(GroupId),
    /// A meeting, joined by its coordinates.
    Meeting,
    /// Somebody places it: to one target, or to several as a group.
    Placed,
}

/// Where the call stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Status {
    /// Nothing happened so far.
    Fresh,
    Active,
    Ended(EndReason),
}

/// All timers of a call.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Timer {
    /// Media must come up.
    MediaSetUp(Ordinal),
    /// A lost network must come back.
    NetworkLoss(Ordinal),
    /// The invitation must be accepted.
    SetUp(Ordinal),
    /// Speaking flags collected so far are told.
    Speaking,
}

impl Call {
    /// Makes a call in which nothing has happened.
    pub fn new(now: Now, new: NewCall) -> Self {
        let kind = match new.origin {
            Origin::GroupId(_) => CallKind::Group,
            Origin::Meeting => CallKind::Meeting,
            Origin::Placed => CallKind::OneToOne,
        };
        Self {
            call_id: new.call_id,
            origin: new.origin,
            kind,
            thread_id: new.thread_id,
            status: Status::Fresh,
            now,
            started_at: now.wall,
            connections: BTreeMap::new(),
            next_ordinal: 0,
            by_participant: BTreeMap::new(),
            by_connection: BTreeMap::new(),
            by_endpoint: BTreeMap::new(),
            by_identifier: BTreeMap::new(),
            waiting: BTreeSet::new(),
            established: BTreeSet::new(),
            was_shared: false,
            caller: None,
            screen_sharer: None,
            speaking_changed: BTreeSet::new(),
            transfers: BTreeMap::new(),
            operations: Operations::new(new.config.limits.remembered_operations),
            timers: Deadlines::new(),
            feed: Feed::new(new.config.limits.feed_events),
            config: new.config,
            outputs: VecDeque::new(),
            detached: Vec::new(),
        }
    }

    /// Takes a command or a signal.
    pub fn handle_input(&mut self, now: Now, input: Input) {
        self.now = now;
        match input {
            Input::Command(command) => self.handle_command(command),
            Input::Meeting(input) => self.handle_meeting(input),
            Input::Signal(signal) => self.handle_signal(signal),
        }
        self.outputs.extend(self.detached.drain(..).map(Output::Endpoint));
    }

    /// Lets the timers run that are due.
    pub fn handle_timeout(&mut self, now: Now) {
        self.now = now;
        while let Some(timer) = self.timers.pop_due(now.instant) {
            match timer {
                Timer::MediaSetUp(ordinal) => self.fail_media_set_up(ordinal),
                Timer::NetworkLoss(ordinal) => self.give_up_network(ordinal),
                Timer::SetUp(ordinal) => self.depart(ordinal, EndReason::NOT_ACCEPTED_IN_TIME),
                Timer::Speaking => self.tell_speaking(),
            }
        }
        self.outputs.extend(self.detached.drain(..).map(Output::Endpoint));
    }

    /// Takes the next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Returns whether somebody is being rung into the call.
    pub fn rings(&self, identifier: &CommunicationIdentifier) -> bool {
        let own = self.by_identifier.get(identifier).into_iter().flatten();
        own.copied().any(|ordinal| self.is_invited(ordinal))
    }

    /// Returns when `handle_timeout` is due; `None` while no timer is set.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Returns the id of the call.
    pub fn call_id(&self) -> CallId {
        self.call_id
    }

    /// Returns the kind of call.
    pub fn kind(&self) -> CallKind {
        self.kind
    }

    /// Returns the chat thread the call is bound to; one-to-one calls have none.
    pub fn thread_id(&self) -> Option<&ThreadId> {
        match self.kind {
            CallKind::Group | CallKind::Meeting => self.thread_id.as_ref(),
            CallKind::OneToOne => None,
        }
    }

    /// Returns the group id that the call is joined by.
    pub fn group_id(&self) -> Option<GroupId> {
        match self.origin {
            Origin::GroupId(group_id) => Some(group_id),
            Origin::Meeting | Origin::Placed => None,
        }
    }

    /// Returns whether nothing has happened so far: no command was accepted.
    pub fn is_fresh(&self) -> bool {
        self.status == Status::Fresh
    }

    /// Returns whether the call is over.
    pub fn is_ended(&self) -> bool {
        self.end_reason().is_some()
    }

    /// Returns why the call ended, if it has.
    pub fn end_reason(&self) -> Option<EndReason> {
        match self.status {
            Status::Fresh | Status::Active => None,
            Status::Ended(reason) => Some(reason),
        }
    }

    /// Returns the number of the last event, zero before the first.
    pub fn seq(&self) -> u64 {
        self.feed.last()
    }

    /// Returns the events after a cursor, in order.
    ///
    /// # Errors
    ///
    /// Events that are no longer kept, or that do not exist yet, need a snapshot first.
    pub fn events_since(
        &self,
        cursor: u64,
    ) -> Result<impl ExactSizeIterator<Item = &Event>, SnapshotRequired> {
        self.feed.since(cursor)
    }

    /// Returns the call as it is, for a subscriber that has nothing yet.
    pub fn snapshot(&self) -> CallSnapshot {
        CallSnapshot {
            call_id: self.call_id,
            seq: self.feed.last(),
            kind: self.kind,
            thread_id: self.thread_id().cloned(),
            group_id: self.group_id(),
            started_at: self.started_at,
            end_reason: self.end_reason(),
            participants: self.participants().collect(),
        }
    }

    /// Returns everybody on the roster, in the order of arrival.
    pub fn participants(&self) -> impl ExactSizeIterator<Item = ParticipantView> {
        self.connections.values().map(Connection::view)
    }

    /// Returns a participant.
    pub fn participant(&self, participant_id: &ParticipantId) -> Option<ParticipantView> {
        let ordinal = self.by_participant.get(participant_id)?;
        self.connections.get(ordinal).map(Connection::view)
    }

    /// Returns the participant that has a connection.
    pub fn participant_of(&self, connection_id: &CallConnectionId) -> Option<ParticipantView> {
        let ordinal = self.by_connection.get(connection_id)?;
        self.connections.get(ordinal).map(Connection::view)
    }

    /// Returns the connection that an endpoint has in the call; one that only rings has none.
    pub fn connection_of(&self, endpoint: &EndpointId) -> Option<CallConnectionId> {
        let connection = self.connections.get(self.by_endpoint.get(endpoint)?)?;
        connection.joined().map(|_| connection.connection_id)
    }

    /// Returns the endpoint that has a connection.
    pub fn endpoint_of(&self, connection_id: &CallConnectionId) -> Option<&EndpointId> {
        let connection = self.connections.get(self.by_connection.get(connection_id)?)?;
        connection.joined().map(|joined| &joined.endpoint)
    }

    /// Returns whether a user is on the roster, invited or joined.
    pub fn has_participant(&self, identifier: &CommunicationIdentifier) -> bool {
        self.by_identifier.contains_key(identifier)
    }

    /// Returns how many timers are set, for checks that nothing leaks.
    pub fn timer_count(&self) -> usize {
        self.timers.len()
    }

    /// Returns how many operations have not reached their end.
    pub fn pending_operation_count(&self) -> usize {
        self.operations.pending_count()
    }

    fn emit(&mut self, kind: EventKind) {
        let event = self.feed.append(self.now.wall, kind);
        self.outputs.push_back(Output::Event(event));
    }

    fn tell(&mut self, command: EndpointCommand) {
        self.outputs.push_back(Output::Endpoint(command));
    }

    /// Moves a connection along one edge of the table and tells what changed: the one place where a
    /// state changes.
    fn walk(&mut self, ordinal: Ordinal, on: Trigger) -> Result<(), InvalidTransition> {
        let Some(connection) = self.connections.get_mut(&ordinal) else {
            return Ok(());
        };
        let from = connection.state;
        let to = transition(self.config.profile, self.kind, from, on)?;
        connection.state = to;
        let (seen_from, seen_to) = (ParticipantState::of(from), ParticipantState::of(to));
        if seen_to == ParticipantState::Connected {
            connection.joined_at.get_or_insert(self.now.wall);
        }
        let (participant_id, end_reason) = (connection.participant_id, connection.end_reason);
        let connection_id = connection.connection_id;
        self.emit(EventKind::ConnectionStateChanged {
            connection_id,
            participant_id,
            from,
            to,
            end_reason,
        });
        if seen_from != seen_to {
            self.emit(EventKind::ParticipantStateChanged {
                participant_id,
                from: seen_from,
                to: seen_to,
                end_reason,
            });
        }
        Ok(())
    }

    /// Puts a connection on the roster, in its initial state.
    fn enroll(&mut self, connection: Connection) -> Ordinal {
        let ordinal = self.next_ordinal;
        self.next_ordinal += 1;
        self.by_participant.insert(connection.participant_id, ordinal);
        self.by_connection.insert(connection.connection_id, ordinal);
        self.by_identifier.entry(connection.identifier.clone()).or_default().insert(ordinal);
        let participant = Box::new(connection.view());
        self.connections.insert(ordinal, connection);
        self.emit(EventKind::ParticipantAdded { participant });
        ordinal
    }
}

/// Returns the id of the chat thread that a group call is bound to if none was given.
pub fn thread_id_of(call_id: CallId) -> ThreadId {
    let hex: String = call_id.as_str().chars().filter(|c| *c != '-').collect();
    format!("19:{hex}@thread.v2").parse().expect("short visible ASCII is a thread id")
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("call_id", &self.call_id)
            .field("kind", &self.kind)
            .field("status", &self.status)
            .field("seq", &self.feed.last())
            .field("connections", &self.connections.len())
            .finish_non_exhaustive()
    }
}
