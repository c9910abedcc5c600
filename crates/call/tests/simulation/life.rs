//! One random life: chaos, then calm in which everybody must agree, then the end.

use std::time::Duration;

use trunkline_call::{Action, Call, CallConfig, Limits, MediaMode, NewCall, Origin, Roster};
use trunkline_clock::{Instant, Timestamp, VirtualClock};
use trunkline_ids::EndpointId;
use trunkline_testkit::{Conditions, Rng, Script, VirtualNetwork, build};

use crate::{
    client::{Cast, Client},
    server::{Address, Network, Report, Server},
};

/// What happened in lives, to see that they are not all alike.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Tally {
    lives: u64,
    events: u64,
    operations: u64,
    connected: u64,
    groups: u64,
    cuts: u64,
    jumps: u64,
    accepted_transfers: u64,
    failed_transfers: u64,
    digest: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        self.lives += other.lives;
        self.events += other.events;
        self.operations += other.operations;
        self.connected += other.connected;
        self.groups += other.groups;
        self.cuts += other.cuts;
        self.jumps += other.jumps;
        self.accepted_transfers += other.accepted_transfers;
        self.failed_transfers += other.failed_transfers;
        self.digest ^= other.digest;
    }

    /// Checks that a whole run saw enough of everything to mean something.
    pub(crate) fn assert_varied(&self) {
        assert!(self.events > 20 * self.lives, "{self:?}");
        assert!(self.operations > 5 * self.lives, "{self:?}");
        assert!(self.connected > self.lives / 3, "{self:?}");
        assert!(self.groups > self.lives / 4, "{self:?}");
        assert!(self.accepted_transfers > self.lives / 50, "{self:?}");
        assert!(self.failed_transfers > self.lives / 50, "{self:?}");
        assert!(self.cuts > self.lives / 4 && self.jumps > self.lives / 10, "{self:?}");
    }
}

/// A thing that happens in the world.
#[derive(Clone, Copy, Debug)]
enum Step {
    Cut(usize),
    Improvise(usize),
    NoticeLoss(usize),
    Pause(Duration),
    Report(Report),
    Restore(usize),
    SetWall(i64),
    Tick(usize),
}

pub(crate) struct Life {
    rng: Rng,
    clock: VirtualClock,
    network: Network,
    server: Server,
    clients: Vec<Client>,
    cast: Cast,
    world: Script<Step>,
    tally: Tally,
}

impl Life {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let clock = VirtualClock::default();
        let users = 2 + rng.below(4);
        let cast = Cast {
            users: (0..users)
                .map(|user| {
                    let identifier = build::app_user(&format!("user-{user}"));
                    let endpoints = 1 + rng.below(3);
                    let endpoint = |at| build::endpoint(&format!("e-{user}-{at}"));
                    (identifier, (0..endpoints).map(endpoint).collect())
                })
                .collect(),
        };
        let endpoints: Vec<(usize, EndpointId)> = cast
            .users
            .iter()
            .enumerate()
            .flat_map(|(user, (_, endpoints))| {
                endpoints.iter().cloned().map(move |endpoint| (user, endpoint))
            })
            .collect();
        let clients = endpoints
            .iter()
            .enumerate()
            .map(|(at, (user, endpoint))| Client::new(at, *user, &cast, endpoint.clone()))
            .collect();
        let origin =
            if rng.chance(350) { Origin::GroupId(build::group_id(1)) } else { Origin::Placed };
        // A short feed in some lives, so that snapshots are needed as well as deltas.
        let feed_events = if rng.chance(300) { 10 } else { 4_096 };
        let limits = Limits { feed_events, ..Limits::default() };
        let config = CallConfig { limits, ..CallConfig::default() };
        let call_id = build::call_id(u128::from_be_bytes(rng.uuid_bytes()));
        let call = Call::new(clock.now(), NewCall { call_id, origin, thread_id: None, config });
        let endpoints = endpoints.into_iter().map(|(_, endpoint)| endpoint).collect();
        let conditions = Conditions {
            latency: Duration::from_millis(1)..Duration::from_millis(1 + rng.below(400) as u64),
            loss_permille: rng.below(200) as u32,
            duplicate_permille: rng.below(200) as u32,
        };
        Self {
            network: VirtualNetwork::new(Rng::new(rng.bits()), conditions),
            server: Server::new(call, endpoints, Rng::new(rng.bits())),
            rng,
            clock,
            clients,
            cast,
            world: Script::new(),
            tally: Tally::default(),
        }
    }

    pub(crate) fn live(mut self) -> Tally {
        let chaos = self.rng.duration(Duration::from_secs(5)..Duration::from_secs(150));
        let calm_from = self.clock.instant() + chaos;
        self.plan(calm_from);
        self.begin();
        self.run_until(calm_from);
        self.calm_down();
        self.agree();
        self.end();
        self.tally.lives = 1;
        self.tally.events = self.server.checks.events;
        self.tally.operations = self.server.operations.len() as u64;
        self.tally.accepted_transfers = self.server.checks.accepted_transfers;
        self.tally.failed_transfers = self.server.checks.failed_transfers;
        self.tally.digest = self.server.checks.digest;
        self.tally
    }

    /// The first command: somebody places the call or joins it.
    fn begin(&mut self) {
        let media = MediaMode::PeerConnection;
        let action = if self.server.call.group_id().is_some() {
            Action::Join { display_name: None, media }
        } else {
            let others = self.cast.users.len() - 1;
            let count = if self.rng.chance(600) { 1 } else { 1 + self.rng.below(others) };
            let targets =
                (1..=count).map(|user| self.cast.invite(user, self.rng.chance(950))).collect();
            Action::Place { targets, display_name: None, media }
        };
        self.clients[0].ask(self.clock.instant(), &mut self.network, action);
    }

    /// Strews deeds and misfortunes over the time of chaos.
    fn plan(&mut self, until: Instant) {
        let span = until.saturating_duration_since(self.clock.instant());
        let clients = self.clients.len();
        for _ in 0..self.rng.below(60) {
            let at = self.clock.instant() + self.rng.duration(Duration::ZERO..span);
            let client = self.rng.below(clients);
            let step = match self.rng.below(20) {
                0..=11 => Step::Improvise(client),
                12 | 13 => Step::Cut(client),
                14 => Step::Report(Report::Interrupted(client)),
                15 => Step::Report(Report::Resumed(client)),
                16 => Step::Report(Report::Speaking(client, self.rng.chance(600))),
                17 => Step::SetWall(self.rng.bits() as i64 >> 12),
                18 => {
                    let pause = Duration::from_millis(1)..Duration::from_secs(60);
                    Step::Pause(self.rng.duration(pause))
                }
                _ if self.rng.chance(100) => Step::Report(Report::Gone(client)),
                _ => Step::Report(Report::Speaking(client, true)),
            };
            self.world.at(at, step);
        }
        for client in 0..clients {
            let at = self.clock.instant() + self.rng.duration(Duration::ZERO..TICK);
            self.world.at(at, Step::Tick(client));
        }
    }

    /// The network heals and nobody does anything new.
    fn calm_down(&mut self) {
        while self.world.poll(Instant::from_nanos(u64::MAX)).is_some() {}
        self.network.set_conditions(Conditions::perfect());
        let now = self.clock.instant();
        for client in 0..self.clients.len() {
            self.restore(client);
            self.world.at(now, Step::Tick(client));
        }
        // Long enough for what is in flight, and for every repetition.
        self.run_until(now + Duration::from_secs(5));
    }

    /// Whoever follows the call sees the same roster as the server.
    fn agree(&mut self) {
        let following: Vec<_> =
            (0..self.clients.len()).filter(|client| self.server.is_attached(*client)).collect();
        for client in &following {
            self.clients[*client].poll(self.clock.instant(), &mut self.network);
        }
        // All at this very instant: no timer comes between question and answer.
        self.deliver();
        let roster = Roster::new(&self.server.call.snapshot());
        for client in &following {
            assert_eq!(self.clients[*client].roster.as_ref(), Some(&roster), "rosters converge");
        }
        self.tally.groups = u64::from(roster.kind() == trunkline_call::CallKind::Group);
        let connected = roster.participants().filter(|p| p.call_state.is_established()).count();
        self.tally.connected = u64::from(connected > 1);
    }

    /// Everybody hangs up; what still rings, rings out; nothing is left.
    fn end(&mut self) {
        for round in 0..4 {
            let now = self.clock.instant();
            for client in 0..self.clients.len() {
                let is_last_word = round > 0 || self.clients[client].user() != 0;
                if self.server.is_attached(client) || is_last_word && round < 2 {
                    self.clients[client].ask(now, &mut self.network, Action::HangUp);
                }
            }
            self.run_until(now + Duration::from_secs(200));
        }
        for client in &self.clients {
            assert!(!client.has_pending(), "every operation is answered: {client:?}");
        }
        // In some lives no command that starts the call ever counted.
        if !self.server.call.is_fresh() {
            self.server.checks.at_end(&self.server.call, &self.server.operations);
        }
    }

    fn run_until(&mut self, end: Instant) {
        loop {
            let next = [
                self.network.next(),
                self.server.reports.next(),
                self.server.call.poll_timeout(),
                self.world.next(),
            ];
            let Some(at) = next.into_iter().flatten().min().filter(|at| *at <= end) else {
                break;
            };
            self.clock.advance_to(at);
            self.deliver();
            while let Some(report) = self.server.reports.poll(self.clock.instant()) {
                self.server.report(self.clock.now(), &mut self.network, report);
            }
            if self.server.call.poll_timeout().is_some_and(|at| at <= self.clock.instant()) {
                self.server.timeout(self.clock.now(), &mut self.network);
            }
            while let Some(step) = self.world.poll(self.clock.instant()) {
                self.take(step);
            }
        }
        self.clock.advance_to(end);
    }

    fn deliver(&mut self) {
        let now = self.clock.now();
        while let Some(delivery) = self.network.poll(now.instant) {
            match (delivery.from, delivery.to) {
                (Address::Client(from), Address::Server) => {
                    self.server.receive(now, &mut self.network, from, delivery.message);
                }
                (_, Address::Client(to)) => {
                    self.clients[to].receive(now.instant, &mut self.network, delivery.message);
                }
                (Address::Server, Address::Server) => unreachable!("nobody talks to itself"),
            }
        }
    }

    fn take(&mut self, step: Step) {
        let now = self.clock.instant();
        match step {
            Step::Cut(client) => {
                self.tally.cuts += 1;
                self.network.cut(Address::Client(client));
                self.world.at(now + Duration::from_secs(5), Step::NoticeLoss(client));
                let length = Duration::from_secs(1)..Duration::from_secs(200);
                let back = now + self.rng.duration(length);
                self.world.at(back, Step::Restore(client));
            }
            Step::Improvise(client) => {
                self.clients[client].improvise(now, &mut self.network, &mut self.rng, &self.cast)
            }
            Step::NoticeLoss(client) => {
                if self.network.is_cut(&Address::Client(client)) {
                    let report = Report::Lost(client);
                    self.server.report(self.clock.now(), &mut self.network, report);
                }
            }
            Step::Pause(length) => {
                self.tally.jumps += 1;
                self.clock.advance(length);
            }
            Step::Report(report) => {
                self.server.report(self.clock.now(), &mut self.network, report);
            }
            Step::Restore(client) => self.restore(client),
            Step::SetWall(micros) => {
                self.tally.jumps += 1;
                self.clock.set_wall(Timestamp::from_unix_micros(micros));
            }
            Step::Tick(client) => {
                self.clients[client].tick(now, &mut self.network);
                self.world.at(now + TICK, Step::Tick(client));
            }
        }
    }

    fn restore(&mut self, client: usize) {
        self.network.restore(&Address::Client(client));
        self.server.report(self.clock.now(), &mut self.network, Report::Resumed(client));
    }
}

/// How often a client repeats and asks: each costs time in every life.
const TICK: Duration = Duration::from_secs(3);
