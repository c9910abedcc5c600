//! The exchange of a simulated life: it drives one call and carries its wishes to the network.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use trunkline_call::{
    Action, Call, CallSnapshot, Command, EndpointCommand, Event, Input, MediaMode,
    OperationOutcome, Output, Signal,
};
use trunkline_clock::Now;
use trunkline_ids::{CallConnectionId, EndpointId, OperationId};
use trunkline_testkit::{Rng, Script, VirtualNetwork};

use crate::checks::Checks;

/// Where messages go.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Address {
    Client(usize),
    Server,
}

/// What travels.
#[derive(Clone, Debug)]
pub(crate) enum Message {
    // To the server.
    Busy,
    Command(Box<Command>),
    Poll { cursor: Option<u64> },
    Ringing,
    // To a client.
    Answer { operation_id: OperationId, is_over: bool },
    Attach,
    Events(Vec<Event>),
    Ring,
    Snapshot(Box<CallSnapshot>),
    StopRinging,
}

pub(crate) type Network = VirtualNetwork<Address, Message>;

/// Drives the call, as a node would.
pub(crate) struct Server {
    pub(crate) call: Call,
    pub(crate) checks: Checks,
    /// What the media plane and the transports will report.
    pub(crate) reports: Script<Report>,
    /// Operations that arrived at least once.
    pub(crate) operations: BTreeSet<(EndpointId, OperationId)>,
    clients: BTreeMap<EndpointId, usize>,
    endpoints: Vec<EndpointId>,
    attached: BTreeMap<EndpointId, CallConnectionId>,
    media: BTreeMap<EndpointId, MediaMode>,
    rng: Rng,
}

/// A report by endpoint; about media it reaches the connection that the endpoint then has.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Report {
    Gone(usize),
    Interrupted(usize),
    Lost(usize),
    MediaFailed(usize),
    MediaUp(usize),
    Resumed(usize),
    Speaking(usize, bool),
}

impl Server {
    pub(crate) fn new(call: Call, endpoints: Vec<EndpointId>, rng: Rng) -> Self {
        let checks = Checks::new(&call);
        let clients = endpoints.iter().cloned().enumerate().map(|(at, e)| (e, at)).collect();
        Self {
            call,
            checks,
            reports: Script::new(),
            operations: BTreeSet::new(),
            clients,
            endpoints,
            attached: BTreeMap::new(),
            media: BTreeMap::new(),
            rng,
        }
    }

    pub(crate) fn receive(
        &mut self,
        now: Now,
        network: &mut Network,
        from: usize,
        message: Message,
    ) {
        let endpoint = self.endpoints[from].clone();
        match message {
            Message::Busy => self.signal(now, network, Signal::EndpointBusy { endpoint }),
            Message::Command(command) => {
                self.operations.insert((endpoint.clone(), command.operation_id.clone()));
                match &command.action {
                    Action::Accept { media, .. }
                    | Action::Join { media, .. }
                    | Action::Place { media, .. }
                        if !self.attached.contains_key(&endpoint) =>
                    {
                        self.media.insert(endpoint, *media);
                    }
                    _ => {}
                }
                self.call.handle_input(now, Input::Command(*command));
                self.drain(now, network);
            }
            Message::Poll { cursor } => self.answer_poll(now, network, from, cursor),
            Message::Ringing => self.signal(now, network, Signal::EndpointRinging { endpoint }),
            Message::Answer { .. }
            | Message::Attach
            | Message::Events(_)
            | Message::Ring
            | Message::Snapshot(_)
            | Message::StopRinging => unreachable!("clients do not send this"),
        }
    }

    pub(crate) fn report(&mut self, now: Now, network: &mut Network, report: Report) {
        let connection = |client: usize| self.attached.get(&self.endpoints[client]).copied();
        let endpoint = |client: usize| self.endpoints[client].clone();
        let signals = match report {
            Report::Gone(client) => {
                [Some(Signal::EndpointGone { endpoint: endpoint(client) }), None]
            }
            Report::Interrupted(client) => {
                let signal = connection(client)
                    .map(|connection_id| Signal::MediaInterrupted { connection_id });
                [signal, None]
            }
            Report::Lost(client) => {
                let signal = connection(client)
                    .map(|connection_id| Signal::MediaInterrupted { connection_id });
                [Some(Signal::TransportLost { endpoint: endpoint(client) }), signal]
            }
            Report::MediaFailed(client) => {
                let signal =
                    connection(client).map(|connection_id| Signal::MediaFailed { connection_id });
                [signal, None]
            }
            Report::MediaUp(client) => {
                let signal =
                    connection(client).map(|connection_id| Signal::MediaUp { connection_id });
                [signal, None]
            }
            Report::Resumed(client) => {
                let signal =
                    connection(client).map(|connection_id| Signal::MediaResumed { connection_id });
                [signal, Some(Signal::TransportResumed { endpoint: endpoint(client) })]
            }
            Report::Speaking(client, is_speaking) => {
                let signal = connection(client)
                    .map(|connection_id| Signal::SpeakingChanged { connection_id, is_speaking });
                [signal, None]
            }
        };
        for signal in signals.into_iter().flatten() {
            self.signal(now, network, signal);
        }
    }

    pub(crate) fn timeout(&mut self, now: Now, network: &mut Network) {
        self.call.handle_timeout(now);
        self.drain(now, network);
    }

    pub(crate) fn is_attached(&self, client: usize) -> bool {
        self.attached.contains_key(&self.endpoints[client])
    }

    fn signal(&mut self, now: Now, network: &mut Network, signal: Signal) {
        self.call.handle_input(now, Input::Signal(signal));
        self.drain(now, network);
    }

    fn answer_poll(&mut self, now: Now, network: &mut Network, to: usize, cursor: Option<u64>) {
        let events = cursor.map(|cursor| self.call.events_since(cursor));
        let message = match events {
            Some(Ok(events)) if events.len() == 0 => return,
            Some(Ok(events)) => Message::Events(events.cloned().collect()),
            Some(Err(_)) | None => Message::Snapshot(Box::new(self.call.snapshot())),
        };
        network.send(now.instant, Address::Server, Address::Client(to), message);
    }

    fn drain(&mut self, now: Now, network: &mut Network) {
        while let Some(output) = self.call.poll_output() {
            self.checks.output(&self.call, &output);
            match output {
                Output::Endpoint(command) => self.tell(now, network, command),
                Output::Event(event) => {
                    let message = Message::Events(vec![event]);
                    for endpoint in self.attached.keys() {
                        let to = Address::Client(self.clients[endpoint]);
                        network.send(now.instant, Address::Server, to, message.clone());
                    }
                }
                Output::Media(_) => {}
                Output::OperationStarted { endpoint, operation_id, .. } => {
                    self.answer(now, network, &endpoint, operation_id, false);
                }
                Output::Rejected { endpoint, operation_id, .. } => {
                    self.answer(now, network, &endpoint, operation_id, true);
                }
                Output::Repeated { endpoint, operation_id, outcome } => {
                    let is_over = matches!(
                        outcome,
                        Some(OperationOutcome::Failed { .. } | OperationOutcome::Succeeded)
                    );
                    self.answer(now, network, &endpoint, operation_id, is_over);
                }
            }
        }
        self.checks.at_rest(&self.call);
    }

    fn answer(
        &self,
        now: Now,
        network: &mut Network,
        endpoint: &EndpointId,
        operation_id: OperationId,
        is_over: bool,
    ) {
        let to = Address::Client(self.clients[endpoint]);
        let message = Message::Answer { operation_id, is_over };
        network.send(now.instant, Address::Server, to, message);
    }

    fn tell(&mut self, now: Now, network: &mut Network, command: EndpointCommand) {
        let (endpoint, message) = match command {
            EndpointCommand::Attach { endpoint, connection_id, .. } => {
                self.attached.insert(endpoint.clone(), connection_id);
                self.plan_media(now, &endpoint, connection_id);
                (endpoint, Message::Attach)
            }
            EndpointCommand::Detach { endpoint, .. } => {
                self.attached.remove(&endpoint);
                return;
            }
            EndpointCommand::Ring { endpoint, .. } => (endpoint, Message::Ring),
            EndpointCommand::StopRinging { endpoint, .. } => (endpoint, Message::StopRinging),
        };
        let to = Address::Client(self.clients[&endpoint]);
        network.send(now.instant, Address::Server, to, message);
    }

    /// Most peer connections come up within half a second, some twice, some never.
    fn plan_media(&mut self, now: Now, endpoint: &EndpointId, connection_id: CallConnectionId) {
        if self.media.get(endpoint) != Some(&MediaMode::PeerConnection) {
            return;
        }
        self.checks.expect_close(connection_id);
        let client = self.clients[endpoint];
        let times = Duration::from_millis(20)..Duration::from_millis(500);
        if self.rng.chance(970) {
            let at = now.instant + self.rng.duration(times.clone());
            self.reports.at(at, Report::MediaUp(client));
        }
        if self.rng.chance(100) {
            let at = now.instant + self.rng.duration(times.clone());
            self.reports.at(at, Report::MediaUp(client));
        }
        if self.rng.chance(10) {
            let at = now.instant + self.rng.duration(times);
            self.reports.at(at, Report::MediaFailed(client));
        }
    }
}
