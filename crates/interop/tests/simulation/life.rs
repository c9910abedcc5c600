//! One random life of a meeting, and the laws it is held to after every step.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use trunkline_call::CallState;
use trunkline_clock::VirtualClock;
use trunkline_ids::{
    CommunicationIdentifier, EndpointId, JoinCode, JoinMeetingId, MeetingCoordinates, MeetingId,
    OperationId, OrganizerId, Passcode,
};
use trunkline_interop::{
    Action, Actor, AllowedPresenters, CallStep, Capability, Command, EventKind, Input, JoinerKind,
    LobbyBypassScope, Meeting, MeetingConfig, MeetingRecord, MeetingRole, MeetingSettings,
    MeetingUpdate, NewMeeting, Output, Permission, Reaction, Schedule, Signal, SyncMode,
    ThreadStep, barrier_between,
};
use trunkline_policy::Policy;
use trunkline_reasons::EndReason;
use trunkline_testkit::Rng;

use crate::world::{ALICE, Call, Chat, PEOPLE, id, policy};

/// How often what happened.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Tally {
    counts: BTreeMap<&'static str, u64>,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        for (what, count) in &other.counts {
            *self.counts.entry(what).or_default() += count;
        }
    }

    fn note(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// A simulation in which something never happens says nothing about it.
    pub(crate) fn assert_varied(&self) {
        for what in [
            "admitted",
            "barrier flipped",
            "connection lost",
            "dismissed",
            "entered directly",
            "guest chat taken back",
            "kicked by thread",
            "meeting ended",
            "rejected command",
            "removed",
            "repeated",
            "role changed",
            "timed out",
            "turned away",
            "waited",
        ] {
            let count = self.counts.get(what).copied().unwrap_or(0);
            assert!(count >= 100, "{what}: {count} in {:?}", self.counts);
        }
    }
}

pub(crate) struct Life {
    rng: Rng,
    clock: VirtualClock,
    policy: Policy,
    /// The same with the barrier the other way.
    other_policy: Policy,
    meeting: Meeting,
    chat: Chat,
    call: Call,
    tally: Tally,
    next_operation: u64,
    seq: u64,
    /// Operations that have not reached their end.
    open: BTreeSet<(Actor, OperationId)>,
    ended: BTreeSet<(Actor, OperationId)>,
    /// Who waits, by the events alone.
    waiting: BTreeSet<EndpointId>,
    /// Who is in the meeting, by the events alone.
    present: BTreeMap<EndpointId, CommunicationIdentifier>,
    /// Who was turned away by a person and not forgiven.
    denied: BTreeSet<CommunicationIdentifier>,
    is_locked: bool,
    /// What a driver has stored, and at which revision.
    stored: (u64, MeetingRecord),
    last: Option<Command>,
    /// Two of everybody's, parsed once.
    endpoints: Vec<EndpointId>,
    people: Vec<CommunicationIdentifier>,
}

impl Life {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let clock = VirtualClock::default();
        let settings = settings(&mut rng);
        let new = NewMeeting {
            id: MeetingId::from_uuid_bytes(rng.uuid_bytes()),
            coordinates: MeetingCoordinates {
                thread_id: "19:meeting_x@thread.v2".parse().unwrap(),
                organizer_id: OrganizerId::of(&id(ALICE)).unwrap(),
                tenant_id: "contoso".parse().unwrap(),
                message_id: "0".parse().unwrap(),
            },
            organizer: id(ALICE),
            subject: None,
            schedule: Schedule::MeetNow,
            is_channel: rng.chance(200),
            code: JoinCode {
                id: JoinMeetingId::from_bytes(rng.bits().to_le_bytes()),
                passcode: Passcode::from_bytes(rng.bits().to_le_bytes()),
            },
            settings,
            roles: BTreeMap::new(),
            invited: BTreeSet::new(),
            thread_members: [id(ALICE)].into(),
            config: MeetingConfig {
                meeting_participants: 4 + rng.below(8),
                waiting: 2 + rng.below(8),
                spotlights: 2,
                ..MeetingConfig::default()
            },
        };
        let are_apart = rng.chance(500);
        let meeting = Meeting::create(clock.now(), new).unwrap();
        Self {
            chat: Chat::new(clock.now()),
            stored: (meeting.revision(), meeting.record()),
            meeting,
            policy: policy(are_apart),
            other_policy: policy(!are_apart),
            rng,
            clock,
            call: Call::default(),
            tally: Tally::default(),
            next_operation: 0,
            seq: 0,
            open: BTreeSet::new(),
            ended: BTreeSet::new(),
            waiting: BTreeSet::new(),
            present: BTreeMap::new(),
            denied: BTreeSet::new(),
            is_locked: false,
            last: None,
            endpoints: PEOPLE
                .iter()
                .flat_map(|who| (0..2).map(move |device| format!("{who}/{device}")))
                .map(|text| text.parse().unwrap())
                .collect(),
            people: PEOPLE.iter().map(|who| id(who)).collect(),
        }
    }

    pub(crate) fn live(mut self) -> Tally {
        for _ in 0..60 {
            self.step();
            self.check();
        }
        self.converge();
        self.command(Actor::Application, Action::End);
        self.check();
        assert!(self.open.is_empty(), "operations without an end: {:?}", self.open);
        assert_eq!(self.meeting.pending_operation_count(), 0);
        assert_eq!(self.meeting.timer_count(), 0);
        while !self.call.steps.is_empty() {
            self.call.take_step();
        }
        assert!(self.call.states.is_empty(), "connections are left over");
        self.tally
    }

    fn step(&mut self) {
        match self.rng.below(100) {
            0..30 => {
                let (actor, _) = self.somebody();
                self.command(actor, Action::Join { display_name: None });
            }
            30..62 => {
                let (actor, _) = self.somebody();
                let actor = if self.rng.chance(150) { Actor::Application } else { actor };
                let action = self.action();
                self.command(actor, action);
            }
            62..68 => self.lose_connection(),
            68..76 => {
                let (_, who) = self.somebody();
                let adds = self.rng.chance(400);
                self.chat.edit_by_others(self.clock.now(), who, adds);
            }
            76..79 => {
                std::mem::swap(&mut self.policy, &mut self.other_policy);
                self.tally.note("barrier flipped");
            }
            79..84 => self.pass_time(),
            84..87 => {
                if let Some(command) = self.last.clone() {
                    self.send(command, true);
                }
            }
            87..92 => self.hear_news(),
            92..96 => self.chat.take_step(self.clock.now()),
            _ => self.call.take_step(),
        }
    }

    /// Somebody at one of two endpoints; the people with rights somewhat more often.
    fn somebody(&mut self) -> (Actor, CommunicationIdentifier) {
        let at = if self.rng.chance(250) { 0 } else { self.rng.below(PEOPLE.len()) };
        let device = self.rng.below(2);
        let who = self.people[at].clone();
        (Actor::User(who.clone(), self.endpoints[2 * at + device].clone()), who)
    }

    /// The endpoint of somebody who is there, or of anybody.
    fn endpoint(&mut self, waits: bool) -> EndpointId {
        let there: Vec<_> = match waits {
            true => self.waiting.iter().cloned().collect(),
            false => self.present.keys().cloned().collect(),
        };
        if there.is_empty() || self.rng.chance(100) {
            let Actor::User(_, endpoint) = self.somebody().0 else {
                unreachable!("somebody is a user")
            };
            return endpoint;
        }
        self.rng.pick(&there).clone()
    }

    fn action(&mut self) -> Action {
        let (_, who) = self.somebody();
        match self.rng.below(21) {
            0..3 => Action::Admit(self.endpoint(true)),
            3 => Action::AdmitAll,
            4 => Action::ChangeRole(who, *self.rng.pick(&MeetingRole::ALL)),
            5 => Action::ChangeSettings(Box::new(settings(&mut self.rng))),
            6 => Action::Forgive(who),
            7 => Action::Invite(who),
            8 => Action::Leave,
            9 => Action::Lock,
            10 => Action::Unlock,
            11 => Action::LowerHand(self.endpoint(false)),
            12 => Action::RaiseHand,
            13 => Action::React(*self.rng.pick(&Reaction::ALL)),
            14 | 15 => Action::Reject(self.endpoint(true)),
            16 => Action::Remove(self.endpoint(false)),
            17 => Action::Spotlight(self.endpoint(false)),
            18 => Action::Ring(who),
            19 => Action::Update(Box::new(MeetingUpdate {
                subject: Some(self.next_operation.to_string()),
                schedule: None,
            })),
            _ => Action::LowerAllHands,
        }
    }

    fn command(&mut self, actor: Actor, action: Action) {
        self.next_operation += 1;
        let operation_id = self.next_operation.to_string().parse().unwrap();
        self.send(Command { actor, operation_id, action }, false);
    }

    fn send(&mut self, command: Command, is_repeated: bool) {
        let key = (command.actor.clone(), command.operation_id.clone());
        let was_open = self.open.contains(&key);
        if !is_repeated {
            self.open.insert(key.clone());
            self.last = Some(command.clone());
        }
        let action = command.action.clone();
        let denied_before = self.denied.clone();
        self.meeting.handle_input(self.clock.now(), &self.policy, Input::Command(command));
        let answers = self.drain(Some((&key.0, &action)), &denied_before);
        if is_repeated {
            self.tally.note("repeated");
            assert_eq!(answers, 1, "a repetition is answered once");
            assert_eq!(self.open.contains(&key), was_open, "and runs nothing");
        }
    }

    /// Acts on every output. Returns how many answers came.
    fn drain(
        &mut self,
        cause: Option<(&Actor, &Action)>,
        denied_before: &BTreeSet<CommunicationIdentifier>,
    ) -> usize {
        let mut answers = 0;
        while let Some(output) = self.meeting.poll_output() {
            match output {
                Output::Call(step) => self.call.steps.push_back(step),
                Output::Thread(step) => {
                    if let (ThreadStep::Remove { .. }, None) = (&step, cause) {
                        self.tally.note("guest chat taken back");
                    }
                    self.chat.steps.push_back(step);
                }
                Output::Event(event) => {
                    assert_eq!(event.seq, self.seq + 1, "events are counted without a gap");
                    self.seq = event.seq;
                    self.hear(event.kind, cause, denied_before);
                }
                Output::Rejected { actor, operation_id, error } => {
                    answers += 1;
                    let key = (actor, operation_id);
                    let is_first = self.open.remove(&key);
                    assert_ne!(is_first, self.ended.contains(&key), "ended once");
                    self.ended.insert(key);
                    self.tally.note("rejected command");
                    if matches!(cause, Some((_, Action::Join { .. }))) {
                        self.tally.note("turned away");
                    }
                    let _ = error.reason();
                }
                Output::Repeated { .. } => answers += 1,
            }
        }
        answers
    }

    fn hear(
        &mut self,
        kind: EventKind,
        cause: Option<(&Actor, &Action)>,
        denied_before: &BTreeSet<CommunicationIdentifier>,
    ) {
        match kind {
            EventKind::LobbyEntered { attendee } => {
                self.tally.note("waited");
                assert!(!self.is_locked && !denied_before.contains(&attendee.identifier));
                assert!(self.waiting.insert(attendee.endpoint));
            }
            EventKind::LobbyLeft { endpoint, reason } => {
                assert!(self.waiting.remove(&endpoint), "who leaves the lobby was in it");
                match reason {
                    // Nobody comes in from the lobby but by the word of somebody entitled to it.
                    None => {
                        self.tally.note("admitted");
                        let (actor, action) = cause.expect("time and signals admit nobody");
                        match action {
                            Action::Admit(target) => assert_eq!(*target, endpoint),
                            Action::AdmitAll | Action::ChangeRole(..) => {}
                            other => panic!("{other:?} admitted somebody"),
                        }
                        self.assert_may_admit(actor);
                    }
                    Some(reason) if reason == EndReason::LOBBY_DISMISSED => {
                        self.tally.note("dismissed");
                    }
                    Some(reason) if reason == EndReason::LOBBY_TIMED_OUT => {
                        self.tally.note("timed out");
                    }
                    Some(_) => {}
                }
            }
            EventKind::ParticipantJoined { attendee } => {
                // Against whoever is there, by the policy of this moment.
                let barrier =
                    barrier_between(&attendee.identifier, self.present.values(), &self.policy);
                assert!(barrier.is_none(), "brought in past a barrier");
                if let Some((_, Action::Join { .. })) = cause {
                    self.tally.note("entered directly");
                    if !attendee.role.is_host() {
                        assert!(!self.is_locked, "came into a locked meeting");
                        assert!(!denied_before.contains(&attendee.identifier), "was denied");
                    }
                }
                assert!(!self.waiting.contains(&attendee.endpoint));
                self.denied.remove(&attendee.identifier);
                assert!(self.present.insert(attendee.endpoint, attendee.identifier).is_none());
            }
            EventKind::ParticipantLeft { endpoint, reason } => {
                assert!(self.present.remove(&endpoint).is_some(), "who leaves was there");
                if reason == EndReason::REMOVED {
                    self.tally.note("removed");
                    if cause.is_none() {
                        self.tally.note("kicked by thread");
                    }
                }
            }
            EventKind::OperationCompleted { actor, operation_id, .. } => {
                let key = (actor, operation_id);
                assert!(self.open.remove(&key), "an operation ended that was not open");
                assert!(self.ended.insert(key), "an operation ended twice");
                self.note_memory(cause);
            }
            EventKind::LockChanged { is_locked } => self.is_locked = is_locked,
            EventKind::MeetingEnded { .. } => self.tally.note("meeting ended"),
            EventKind::RoleChanged { .. } => self.tally.note("role changed"),
            EventKind::CodeRotated
            | EventKind::HandLowered { .. }
            | EventKind::HandRaised { .. }
            | EventKind::MeetingEmptied
            | EventKind::MeetingStarted
            | EventKind::Reacted { .. }
            | EventKind::DetailsChanged
            | EventKind::SettingsChanged
            | EventKind::SpotlightChanged { .. } => {}
        }
    }

    /// Keeps the denials by what was commanded and succeeded.
    fn note_memory(&mut self, cause: Option<(&Actor, &Action)>) {
        let Some((_, action)) = cause else {
            return;
        };
        match action {
            Action::Forgive(who) | Action::Invite(who) | Action::Ring(who) => {
                self.denied.remove(who);
            }
            Action::ChangeRole(who, role) if role.is_host() => {
                self.denied.remove(who);
            }
            Action::Reject(endpoint) | Action::Remove(endpoint) => {
                let (who, _) = endpoint.as_str().split_once('/').unwrap();
                self.denied.insert(id(who));
            }
            _ => {}
        }
    }

    fn assert_may_admit(&self, actor: &Actor) {
        let Actor::User(who, _) = actor else {
            return;
        };
        let own = self.meeting.attendees().filter(|a| a.identifier == *who && !a.is_waiting);
        let roles: BTreeSet<_> = own.map(|attendee| attendee.role).collect();
        let may = roles.iter().any(|role| role.is_host() || *role == MeetingRole::Presenter);
        let decision = self.meeting.explain_entry(who, &self.policy);
        assert!(may || decision.rule == "host", "an attendee admitted somebody");
    }

    fn lose_connection(&mut self) {
        let all: Vec<_> = self.present.keys().chain(&self.waiting).cloned().collect();
        if all.is_empty() {
            return;
        }
        let endpoint = self.rng.pick(&all).clone();
        // The call tells of connections only that it has; what the meeting wants of it comes first.
        while !self.call.steps.is_empty() {
            self.call.take_step();
        }
        assert!(self.call.states.remove(&endpoint).is_some());
        self.tally.note("connection lost");
        self.signal(Signal::ConnectionEnded { endpoint, reason: EndReason::NETWORK_LOST });
    }

    fn pass_time(&mut self) {
        let by = self.rng.duration(Duration::ZERO..Duration::from_secs(25 * 60));
        let until = self.clock.instant() + by;
        if let Some(endpoint) = self.waiting.first().cloned()
            && self.rng.chance(300)
        {
            self.signal(Signal::Stirred { endpoint });
        }
        while let Some(due) = self.meeting.poll_timeout().filter(|due| *due <= until) {
            self.clock.advance_to(due);
            self.meeting.handle_timeout(self.clock.now());
            let denied = self.denied.clone();
            self.drain(None, &denied);
        }
        self.clock.advance_to(until);
    }

    fn hear_news(&mut self) {
        let Some((identifier, adds)) = self.chat.news.pop_front() else {
            return;
        };
        self.signal(match adds {
            true => Signal::ThreadJoined { identifier },
            false => Signal::ThreadLeft { identifier },
        });
    }

    fn signal(&mut self, signal: Signal) {
        self.meeting.handle_input(self.clock.now(), &self.policy, Input::Signal(signal));
        let denied = self.denied.clone();
        assert_eq!(self.drain(None, &denied), 0, "signals are not answered");
    }

    /// Laws that hold after every step.
    fn check(&mut self) {
        // Whoever stores only when the revision has risen misses nothing.
        let (stored, kept) = (self.meeting.revision(), self.meeting.record());
        assert!(stored >= self.stored.0);
        assert!(stored > self.stored.0 || kept == self.stored.1, "changed unnoticed");
        self.stored = (stored, kept);
        let mut waiting = 0;
        for attendee in self.meeting.attendees() {
            waiting += usize::from(attendee.is_waiting);
            let is_told = match attendee.is_waiting {
                true => self.waiting.contains(&attendee.endpoint),
                false => self.present.contains_key(&attendee.endpoint),
            };
            assert!(is_told, "events tell who waits and who is there");
        }
        assert_eq!(waiting, self.waiting.len());
        assert_eq!(self.meeting.attendees().len(), self.waiting.len() + self.present.len());
        // No leak: media passes for who is in the meeting and for nobody else, and the call, however
        // late, has nobody connected whom the meeting has in its lobby.
        for endpoint in &self.endpoints {
            let is_present = self.present.contains_key(endpoint);
            assert_eq!(self.meeting.lets_media_through(endpoint), is_present);
            let is_connected = self.call.states.get(endpoint) == Some(&CallState::Connected);
            if is_connected && self.waiting.contains(endpoint) {
                // Only of one who left, came back and waits: the end of the first stay is on its way.
                let is_ending = self.call.steps.iter().any(|step| match step {
                    CallStep::End { endpoint: ending, .. } => ending == endpoint,
                    CallStep::EndCall { .. } => true,
                    CallStep::Enter { .. }
                    | CallStep::EnterLobby { .. }
                    | CallStep::SetRights { .. } => false,
                });
                assert!(is_ending, "connected from the lobby");
            }
        }
        assert_eq!(self.meeting.timer_count(), waiting, "one timer for each who waits");
        assert_eq!(self.meeting.pending_operation_count(), self.open.len());
        assert_eq!(self.open.len(), waiting, "joins alone stay open, while waiting");
        assert!(self.meeting.spotlights().iter().all(|shown| self.present.contains_key(shown)));
        assert!(self.meeting.raised_hands().all(|raised| self.present.contains_key(raised)));
    }

    /// Once everything has reached everybody, call and chat are alike in automatic mode.
    fn converge(&mut self) {
        let mut settings = self.meeting.settings().clone();
        settings.sync_roster = SyncMode::Automatic;
        self.command(Actor::Application, Action::ChangeSettings(Box::new(settings)));
        loop {
            if !self.chat.steps.is_empty() {
                self.chat.take_step(self.clock.now());
            } else if !self.chat.news.is_empty() {
                self.hear_news();
            } else if !self.call.steps.is_empty() {
                self.call.take_step();
            } else {
                break;
            }
            self.check();
        }
        let members = self.chat.members();
        let mut states = BTreeMap::new();
        for attendee in self.meeting.attendees() {
            let state = if attendee.is_waiting { CallState::InLobby } else { CallState::Connected };
            states.insert(attendee.endpoint.clone(), state);
            let asked = self.meeting.capabilities(&attendee.endpoint).unwrap();
            let may_chat = asked.into_iter().any(|(c, r)| c == Capability::Chat && r.is_capable());
            if !attendee.is_waiting && may_chat && attendee.kind != JoinerKind::Phone {
                assert!(
                    members.contains(&attendee.identifier),
                    "{} is in the call and not in the chat",
                    attendee.identifier
                );
            }
        }
        assert_eq!(states, self.call.states, "the call is as the meeting says");
    }
}

fn settings(rng: &mut Rng) -> MeetingSettings {
    let permissions = [Permission::Everyone, Permission::Hosts, Permission::Presenters];
    let presenters = [
        AllowedPresenters::Everyone,
        AllowedPresenters::Organization,
        AllowedPresenters::Organizer,
        AllowedPresenters::RoleIsPresenter,
    ];
    MeetingSettings {
        lobby_bypass: *rng.pick(&LobbyBypassScope::ALL),
        phones_bypass: rng.chance(500),
        bots: if rng.chance(500) { [id("28:orgid:scribe")].into() } else { BTreeSet::new() },
        outsiders_may_start: rng.chance(300),
        allowed_presenters: *rng.pick(&presenters),
        unmuting: *rng.pick(&permissions),
        video: *rng.pick(&permissions),
        sharing: *rng.pick(&permissions),
        reactions: *rng.pick(&permissions),
        sync_roster: if rng.chance(800) { SyncMode::Automatic } else { SyncMode::Manual },
    }
}
