//! A call, a clock, and everything the call has asked for so far.

use std::{collections::BTreeMap, time::Duration};

use trunkline_call::{
    Action, Actor, Call, CallConfig, CallState, Command, CommandError, EndpointCommand, Event,
    EventKind, Input, Invite, MediaCommand, MediaMode, NewCall, OperationOutcome, Origin, Output,
    ParticipantSelector, ParticipantView, ResolvedTarget, Roster, Signal, StreamKind, Transfer,
    TransferState,
};
use trunkline_clock::VirtualClock;
use trunkline_ids::{CallConnectionId, CommunicationIdentifier, EndpointId, ParticipantId};
use trunkline_reasons::EndReason;
use trunkline_testkit::build::{app_user, call_id, endpoint, group_id, operation};

/// How an operation was answered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    Done(OperationOutcome),
    Rejected(CommandError),
    Running,
}

/// Names of users double as the name of their first endpoint: `alice` speaks through `alice`.
pub(crate) struct Scene {
    pub(crate) clock: VirtualClock,
    pub(crate) call: Call,
    pub(crate) events: Vec<Event>,
    pub(crate) commands: Vec<EndpointCommand>,
    pub(crate) media: Vec<MediaCommand>,
    pub(crate) repeated: usize,
    answers: BTreeMap<(EndpointId, String), Answer>,
    operations: usize,
    roster: Roster,
}

impl Scene {
    pub(crate) fn new(origin: Origin, config: CallConfig) -> Self {
        let clock = VirtualClock::default();
        let new = NewCall { call_id: call_id(0xca11), origin, thread_id: None, config };
        let call = Call::new(clock.now(), new);
        let roster = Roster::new(&call.snapshot());
        Self {
            clock,
            call,
            events: Vec::new(),
            commands: Vec::new(),
            media: Vec::new(),
            repeated: 0,
            answers: BTreeMap::new(),
            operations: 0,
            roster,
        }
    }

    pub(crate) fn placed() -> Self {
        Self::new(Origin::Placed, CallConfig::default())
    }

    pub(crate) fn group() -> Self {
        Self::new(Origin::GroupId(group_id(1)), CallConfig::default())
    }

    /// Alice and bob in a one-to-one call with media.
    pub(crate) fn connected() -> Self {
        let mut scene = Self::placed();
        scene.place("alice", &["bob"]);
        scene.signal(Signal::EndpointRinging { endpoint: endpoint("bob") });
        scene.accept("bob");
        scene.media_up("alice");
        scene.media_up("bob");
        assert_eq!(scene.state("alice"), Some(CallState::Connected));
        assert_eq!(scene.state("bob"), Some(CallState::Connected));
        scene
    }

    /// The named users in a group call by group id, with media.
    pub(crate) fn joined(names: &[&str]) -> Self {
        let mut scene = Self::group();
        for name in names {
            scene.join(name);
            scene.media_up(name);
        }
        scene
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.call.handle_input(self.clock.now(), input);
        self.drain();
    }

    pub(crate) fn signal(&mut self, signal: Signal) {
        self.input(Input::Signal(signal));
    }

    /// Lets the time pass, with every timer at its moment.
    pub(crate) fn pass(&mut self, seconds: u64) {
        let end = self.clock.instant() + Duration::from_secs(seconds);
        while let Some(at) = self.call.poll_timeout().filter(|at| *at <= end) {
            self.clock.advance_to(at);
            self.call.handle_timeout(self.clock.now());
            self.drain();
        }
        self.clock.advance_to(end);
    }

    pub(crate) fn act(&mut self, name: &str, action: Action) -> Answer {
        self.act_at(name, name, action)
    }

    pub(crate) fn act_at(&mut self, name: &str, at: &str, action: Action) -> Answer {
        self.operations += 1;
        let operation_id = format!("op-{}", self.operations);
        self.act_as(name, at, &operation_id, action)
    }

    pub(crate) fn act_as(&mut self, name: &str, at: &str, id: &str, action: Action) -> Answer {
        let actor = Actor { identifier: app_user(name), endpoint: endpoint(at) };
        self.input(Input::Command(Command { actor, operation_id: operation(id), action }));
        self.answer(at, id)
    }

    /// How many operations were asked for without naming them.
    pub(crate) fn operations(&self) -> usize {
        self.operations
    }

    pub(crate) fn answer(&self, at: &str, id: &str) -> Answer {
        self.answers[&(endpoint(at), id.to_owned())].clone()
    }

    pub(crate) fn place(&mut self, name: &str, targets: &[&str]) -> Answer {
        let targets = targets.iter().map(|target| invite(target, &[target])).collect();
        self.act(
            name,
            Action::Place { targets, display_name: None, media: MediaMode::PeerConnection },
        )
    }

    pub(crate) fn accept(&mut self, name: &str) -> Answer {
        self.accept_at(name, name)
    }

    pub(crate) fn accept_at(&mut self, name: &str, at: &str) -> Answer {
        let media = MediaMode::PeerConnection;
        self.act_at(name, at, Action::Accept { display_name: None, media })
    }

    pub(crate) fn join(&mut self, name: &str) -> Answer {
        let media = MediaMode::PeerConnection;
        self.act(name, Action::Join { display_name: None, media })
    }

    pub(crate) fn add(&mut self, name: &str, target: &str) -> Answer {
        self.act(name, Action::AddParticipant(invite(target, &[target])))
    }

    pub(crate) fn transfer(&mut self, name: &str, target: &str) -> Answer {
        let target = invite(target, &[target]);
        self.act(name, Action::Transfer(Transfer { target, transferee: None }))
    }

    pub(crate) fn media_up(&mut self, name: &str) {
        let connection_id = self.connection(name);
        self.signal(Signal::MediaUp { connection_id });
    }

    pub(crate) fn participants(&self, name: &str) -> Option<ParticipantView> {
        self.call.participants().find(|p| p.identifier == app_user(name))
    }

    pub(crate) fn participant(&self, name: &str) -> ParticipantId {
        self.participants(name).expect("on the roster").participant_id
    }

    pub(crate) fn connection(&self, name: &str) -> CallConnectionId {
        self.participants(name).expect("on the roster").connection_id.expect("has a connection")
    }

    pub(crate) fn state(&self, name: &str) -> Option<CallState> {
        self.participants(name).map(|participant| participant.call_state)
    }

    /// The states that the call of a user went through.
    pub(crate) fn states_of(&self, participant: ParticipantId) -> Vec<CallState> {
        self.events
            .iter()
            .filter_map(|event| match &event.kind {
                EventKind::ConnectionStateChanged { participant_id, to, .. }
                    if *participant_id == participant =>
                {
                    Some(*to)
                }
                _ => None,
            })
            .collect()
    }

    /// The targets of the transfers that came to a state, in that order.
    pub(crate) fn transfers(&self, wanted: TransferState) -> Vec<ParticipantId> {
        self.events
            .iter()
            .filter_map(|event| match &event.kind {
                EventKind::TransferStateChanged { target, to, .. } if *to == wanted => {
                    Some(*target)
                }
                _ => None,
            })
            .collect()
    }

    /// The reasons with which participants left the roster, in that order.
    pub(crate) fn end_reasons(&self) -> Vec<EndReason> {
        self.events
            .iter()
            .filter_map(|event| match &event.kind {
                EventKind::ParticipantRemoved { reason, .. } => Some(*reason),
                _ => None,
            })
            .collect()
    }

    /// The endpoints that ring and were not told to stop, nor got the call.
    pub(crate) fn ringing(&self) -> Vec<EndpointId> {
        let mut ringing = Vec::new();
        for command in &self.commands {
            match command {
                EndpointCommand::Ring { endpoint, .. } => ringing.push(endpoint.clone()),
                EndpointCommand::StopRinging { endpoint, .. }
                | EndpointCommand::Attach { endpoint, .. } => ringing.retain(|e| e != endpoint),
                EndpointCommand::Detach { .. } => {}
            }
        }
        ringing
    }

    pub(crate) fn stops(&self) -> Vec<(EndpointId, EndReason)> {
        self.commands
            .iter()
            .filter_map(|command| match command {
                EndpointCommand::StopRinging { endpoint, reason, .. } => {
                    Some((endpoint.clone(), *reason))
                }
                _ => None,
            })
            .collect()
    }

    pub(crate) fn detaches(&self) -> Vec<(EndpointId, EndReason)> {
        self.commands
            .iter()
            .filter_map(|command| match command {
                EndpointCommand::Detach { endpoint, reason, .. } => {
                    Some((endpoint.clone(), *reason))
                }
                _ => None,
            })
            .collect()
    }

    /// Whether the media plane forwards a stream of a user, as it was told last.
    pub(crate) fn publishes(&self, name: &str, wanted: StreamKind) -> bool {
        let connection = self.connection(name);
        let told = self.media.iter().rev().find_map(|command| match command {
            MediaCommand::SetPublish { connection_id, kind, is_enabled }
                if *connection_id == connection && *kind == wanted =>
            {
                Some(*is_enabled)
            }
            _ => None,
        });
        told.expect("the media plane was told")
    }

    pub(crate) fn receives(&self, name: &str) -> bool {
        let connection = self.connection(name);
        let told = self.media.iter().rev().find_map(|command| match command {
            MediaCommand::SetReceive { connection_id, is_enabled }
                if *connection_id == connection =>
            {
                Some(*is_enabled)
            }
            _ => None,
        });
        told.expect("the media plane was told")
    }

    /// Checks that the call is over for one reason and that nothing is left of it.
    pub(crate) fn assert_over(&self, reason: EndReason) {
        assert_eq!(self.call.end_reason(), Some(reason));
        let last = self.events.last().expect("an ended call has events");
        assert_eq!(last.kind, EventKind::CallEnded { reason });
        assert_eq!(self.call.participants().len(), 0);
        assert_eq!(self.call.poll_timeout(), None);
        assert_eq!(self.call.pending_operation_count(), 0);
        assert_eq!(self.ringing(), []);
    }

    fn drain(&mut self) {
        while let Some(output) = self.call.poll_output() {
            match output {
                Output::Endpoint(command) => self.commands.push(command),
                Output::Event(event) => self.take_event(event),
                Output::Media(command) => self.media.push(command),
                Output::OperationStarted { endpoint, operation_id, .. } => {
                    self.answers.insert((endpoint, operation_id.to_string()), Answer::Running);
                }
                Output::Rejected { endpoint, operation_id, error } => {
                    let key = (endpoint, operation_id.to_string());
                    self.answers.insert(key, Answer::Rejected(error));
                }
                Output::Repeated { .. } => self.repeated += 1,
            }
        }
        assert_eq!(self.roster, Roster::new(&self.call.snapshot()), "events equal the snapshot");
    }

    fn take_event(&mut self, event: Event) {
        assert_eq!(event.seq, self.events.len() as u64 + 1, "seq counts from 1");
        assert_eq!(self.roster.apply(&event), Ok(true));
        if let EventKind::OperationCompleted { operation_id, endpoint, outcome, .. } = &event.kind {
            let key = (endpoint.clone(), operation_id.to_string());
            let before = self.answers.insert(key, Answer::Done(*outcome));
            assert!(!matches!(before, Some(Answer::Done(_))), "an operation ended twice");
        }
        self.events.push(event);
    }
}

pub(crate) const SUCCEEDED: Answer = Answer::Done(OperationOutcome::Succeeded);

pub(crate) fn failed(reason: EndReason) -> Answer {
    Answer::Done(OperationOutcome::Failed { reason })
}

pub(crate) fn invite(name: &str, endpoints: &[&str]) -> Invite {
    Invite {
        target: ResolvedTarget {
            identifier: app_user(name),
            endpoints: endpoints.iter().map(|name| endpoint(name)).collect(),
            display_name: None,
        },
        ring_for: None,
    }
}

pub(crate) fn by_name(name: &str) -> ParticipantSelector {
    ParticipantSelector::Identifier(app_user(name))
}

pub(crate) fn identifier(name: &str) -> CommunicationIdentifier {
    app_user(name)
}
