//! One meeting in virtual time, with the people of two tenants and two resources around it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use trunkline_clock::{Timestamp, VirtualClock};
use trunkline_ids::{
    CommunicationIdentifier, EndpointId, JoinCode, JoinMeetingId, MeetingCoordinates, MeetingId,
    OrganizerId, Passcode,
};
use trunkline_interop::{
    Action, Actor, CallStep, Command, Event, EventKind, Input, Meeting, MeetingConfig,
    MeetingError, MeetingSettings, NewMeeting, OperationOutcome, Output, Schedule, Signal,
    ThreadStep,
};
use trunkline_policy::{
    BarrierRule, CoexistenceMode, DirectoryUser, Policy, Segment, TenantPolicy,
};

pub(crate) const ALICE: &str = "8:orgid:alice";
pub(crate) const BOB: &str = "8:orgid:bob";
pub(crate) const CHARLIE: &str = "8:orgid:charlie";
pub(crate) const DAN: &str = "8:orgid:dan";
pub(crate) const NEIGHBOR: &str = "8:orgid:zoe";
pub(crate) const STRANGER: &str = "8:orgid:nobody";
pub(crate) const GUEST: &str = "8:acs:11111111-1111-4111-8111-111111111111_guest";
pub(crate) const VISITOR: &str = "8:teamsvisitor:someone";
pub(crate) const PHONE: &str = "4:+14255550100";
pub(crate) const BOT: &str = "28:orgid:scribe";

/// The tenant of alice, bob, charlie and dan, and that of zoe, which it federates with. Charlie and
/// dan are in segments that block each other.
pub(crate) fn policy() -> Policy {
    let user = |alias: &str, segment: Option<&str>| DirectoryUser {
        object_id: alias.parse().unwrap(),
        alias: alias.parse().unwrap(),
        display_name: alias.to_uppercase().parse().unwrap(),
        groups: BTreeSet::new(),
        licenses: BTreeSet::new(),
        mode: CoexistenceMode::TeamsOnly,
        segment: segment.map(|segment| segment.parse().unwrap()),
    };
    let mut contoso = TenantPolicy::default();
    for (alias, segment) in
        [("alice", None), ("bob", None), ("charlie", Some("trading")), ("dan", Some("research"))]
    {
        contoso.set_user(user(alias, segment));
    }
    for (id, other) in [("trading", "research"), ("research", "trading")] {
        let rule = BarrierRule::Block([other.parse().unwrap()].into());
        contoso.barriers.set_segment(Segment { id: id.parse().unwrap(), rule });
    }
    let mut fabrikam = TenantPolicy::default();
    fabrikam.set_user(user("zoe", None));
    contoso.federated_tenants.insert("fabrikam".parse().unwrap());
    fabrikam.federated_tenants.insert("contoso".parse().unwrap());
    let tenants = BTreeMap::from([
        ("contoso".parse().unwrap(), contoso),
        ("fabrikam".parse().unwrap(), fabrikam),
    ]);
    Policy { tenants, has_trunk: true }
}

pub(crate) fn id(text: &str) -> CommunicationIdentifier {
    text.parse().unwrap()
}

/// Everybody has one endpoint, named after the user.
pub(crate) fn endpoint(user: &str) -> EndpointId {
    format!("at-{user}").parse().unwrap()
}

pub(crate) fn code() -> JoinCode {
    JoinCode { id: JoinMeetingId::from_bytes([1; 8]), passcode: Passcode::from_bytes([2; 8]) }
}

/// What an operation came to.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Ended(OperationOutcome),
    Pending,
    Refused(MeetingError),
}

pub(crate) struct Scene {
    pub(crate) clock: VirtualClock,
    pub(crate) policy: Policy,
    pub(crate) meeting: Meeting,
    pub(crate) events: Vec<Event>,
    pub(crate) call_steps: Vec<CallStep>,
    pub(crate) thread_steps: Vec<ThreadStep>,
    next_operation: u64,
}

impl Scene {
    /// A meeting of alice.
    pub(crate) fn new(settings: MeetingSettings) -> Self {
        Self::with(settings, |_| {})
    }

    pub(crate) fn with(settings: MeetingSettings, change: impl FnOnce(&mut NewMeeting)) -> Self {
        let clock = VirtualClock::default();
        let mut new = NewMeeting {
            id: MeetingId::from_uuid_bytes([7; 16]),
            coordinates: MeetingCoordinates {
                thread_id: "19:meeting_x@thread.v2".parse().unwrap(),
                organizer_id: OrganizerId::of(&id(ALICE)).unwrap(),
                tenant_id: "contoso".parse().unwrap(),
                message_id: "0".parse().unwrap(),
            },
            organizer: id(ALICE),
            subject: Some("Quarterly figures".to_owned()),
            schedule: Schedule::MeetNow,
            is_channel: false,
            code: code(),
            settings,
            roles: BTreeMap::new(),
            invited: BTreeSet::new(),
            thread_members: [id(ALICE)].into(),
            config: MeetingConfig::default(),
        };
        change(&mut new);
        let meeting = Meeting::create(clock.now(), new).unwrap();
        Self {
            clock,
            policy: policy(),
            meeting,
            events: Vec::new(),
            call_steps: Vec::new(),
            thread_steps: Vec::new(),
            next_operation: 0,
        }
    }

    pub(crate) fn by(&mut self, user: &str, action: Action) -> Answer {
        self.act(Actor::User(id(user), endpoint(user)), action)
    }

    pub(crate) fn act(&mut self, actor: Actor, action: Action) -> Answer {
        self.next_operation += 1;
        let operation_id: trunkline_ids::OperationId =
            self.next_operation.to_string().parse().unwrap();
        let command = Command { actor, operation_id: operation_id.clone(), action };
        let input = Input::Command(command);
        self.meeting.handle_input(self.clock.now(), &self.policy, input);
        let mut answer = Answer::Pending;
        while let Some(output) = self.meeting.poll_output() {
            match output {
                Output::Rejected { error, .. } => answer = Answer::Refused(error),
                Output::Repeated { .. } => panic!("every operation has a name of its own"),
                Output::Event(event) => {
                    if let EventKind::OperationCompleted { operation_id: ended, outcome, .. } =
                        &event.kind
                        && *ended == operation_id
                    {
                        answer = Answer::Ended(*outcome);
                    }
                    self.events.push(event);
                }
                Output::Call(step) => self.call_steps.push(step),
                Output::Thread(step) => self.thread_steps.push(step),
            }
        }
        answer
    }

    pub(crate) fn join(&mut self, user: &str) -> Answer {
        self.by(user, Action::Join { display_name: None })
    }

    pub(crate) fn signal(&mut self, signal: Signal) {
        let input = Input::Signal(signal);
        self.meeting.handle_input(self.clock.now(), &self.policy, input);
        self.drain();
    }

    pub(crate) fn advance(&mut self, by: Duration) {
        let until = self.clock.instant() + by;
        while let Some(due) = self.meeting.poll_timeout().filter(|due| *due <= until) {
            self.clock.advance_to(due);
            self.meeting.handle_timeout(self.clock.now());
            self.drain();
        }
        self.clock.advance_to(until);
    }

    pub(crate) fn is_present(&self, user: &str) -> bool {
        self.meeting.attendee(&endpoint(user)).is_some_and(|attendee| !attendee.is_waiting)
    }

    pub(crate) fn is_waiting(&self, user: &str) -> bool {
        self.meeting.attendee(&endpoint(user)).is_some_and(|attendee| attendee.is_waiting)
    }

    fn drain(&mut self) {
        while let Some(output) = self.meeting.poll_output() {
            match output {
                Output::Event(event) => self.events.push(event),
                Output::Call(step) => self.call_steps.push(step),
                Output::Thread(step) => self.thread_steps.push(step),
                Output::Rejected { .. } | Output::Repeated { .. } => {
                    panic!("signals and timers are not answered")
                }
            }
        }
    }
}

impl Answer {
    #[track_caller]
    pub(crate) fn succeeded(&self) {
        assert!(matches!(self, Self::Ended(OperationOutcome::Succeeded)), "{self:?}");
    }

    #[track_caller]
    pub(crate) fn pending(&self) {
        assert!(matches!(self, Self::Pending), "{self:?}");
    }

    #[track_caller]
    pub(crate) fn refused(&self) -> &MeetingError {
        match self {
            Self::Refused(error) => error,
            Self::Ended(_) | Self::Pending => panic!("not refused: {self:?}"),
        }
    }
}

/// When nothing else is said.
pub(crate) fn noon() -> Timestamp {
    Timestamp::from_unix_seconds(1_800_000_000)
}
