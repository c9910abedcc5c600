//! Meetings: who may come, who waits, who may do what; the owner of a call and of its chat roster.

mod attendee;
mod capability;
mod desk;
mod entering;
mod error;
mod input;
mod joiner;
mod kept;
mod leaving;
mod lobby;
mod managing;
mod operations;
mod output;
mod record;
mod role;
mod settings;
mod stage;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt,
};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use trunkline_clock::{Deadlines, Instant, Now, Timestamp};
use trunkline_ids::{CommunicationIdentifier, EndpointId, JoinCode, MeetingCoordinates, MeetingId};
use trunkline_policy::Policy;
use trunkline_reasons::EndReason;

use self::{
    attendee::{Attendee, People},
    kept::Kept,
    operations::Operations,
};
pub use self::{
    capability::{Bearer, Capability, Resolution, resolve},
    desk::{AttemptLimits, Caller, CodeDesk, IdTaken, JoinByCodeError},
    error::{ChangeError, JoinError, MeetingError, TargetError},
    input::{Action, Actor, Command, Input, MeetingUpdate, Reaction, Signal},
    joiner::{JoinerKind, barrier_between, is_in_segment},
    lobby::{Admission, Arrival, LobbyDecision, Remembrance, decide_entry},
    output::{
        AttendeeView, CallStep, Event, EventKind, MediaRights, OperationOutcome, Output, ThreadStep,
    },
    record::MeetingRecord,
    role::{AllowedPresenters, MeetingRole},
    settings::{LobbyBypassScope, MeetingConfig, MeetingSettings, Permission},
};

/// One meeting, from its making to its end.
///
/// # Contract
///
/// The driver calls `handle_input` when something happens and `handle_timeout` when `poll_timeout`
/// is due. After each of them it drains `poll_output`, acts on every output in order, and re-arms its
/// timer from `poll_timeout`. It applies the steps for the call and for the thread in the order in
/// which they come. Signals tell of what others did to call and thread, never of the meeting's own
/// steps. It stores [`Meeting::record`] and the code when [`Meeting::revision`] has risen, before it
/// acts. The media plane asks [`Meeting::lets_media_through`] before it forwards anything.
pub struct Meeting {
    id: MeetingId,
    coordinates: MeetingCoordinates,
    organizer: CommunicationIdentifier,
    subject: Kept<Option<Box<str>>>,
    schedule: Kept<Schedule>,
    is_channel: bool,
    code: Kept<JoinCode>,
    created_at: Timestamp,
    settings: Kept<MeetingSettings>,
    roles: Kept<BTreeMap<CommunicationIdentifier, MeetingRole>>,
    invited: Kept<BTreeSet<CommunicationIdentifier>>,
    is_locked: Kept<bool>,
    config: MeetingConfig,
    phase: Phase,
    now: Now,
    attendees: BTreeMap<EndpointId, Attendee>,
    next_place: u64,
    admitted: People,
    denied: People,
    /// Who is in the thread, as far as the meeting was told.
    thread: Kept<BTreeSet<CommunicationIdentifier>>,
    /// Whom the meeting itself put into the thread.
    added_to_thread: Kept<BTreeSet<CommunicationIdentifier>>,
    spotlights: Vec<EndpointId>,
    operations: Operations,
    timers: Deadlines<Timer>,
    seq: u64,
    outputs: VecDeque<Output>,
}

/// What makes a meeting.
#[derive(Clone)]
pub struct NewMeeting {
    /// The id, drawn by the caller.
    pub id: MeetingId,
    /// The coordinates, which say the same organizer.
    pub coordinates: MeetingCoordinates,
    /// Whose meeting it is.
    pub organizer: CommunicationIdentifier,
    /// What it is about.
    pub subject: Option<String>,
    /// When it takes place.
    pub schedule: Schedule,
    /// Whether it belongs to a channel, whose members alone are in the chat.
    pub is_channel: bool,
    /// The code by which it is joined, drawn by the caller.
    pub code: JoinCode,
    /// The settings.
    pub settings: MeetingSettings,
    /// Who has which role; nobody is organizer beside the organizer.
    pub roles: BTreeMap<CommunicationIdentifier, MeetingRole>,
    /// Who is invited by name.
    pub invited: BTreeSet<CommunicationIdentifier>,
    /// Who is in the thread already.
    pub thread_members: BTreeSet<CommunicationIdentifier>,
    /// How much of everything there may be.
    pub config: MeetingConfig,
}

/// When a meeting takes place. The times are for people: it can be joined before and after.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum Schedule {
    /// At once.
    MeetNow,
    /// At a time.
    Scheduled {
        /// When it starts.
        starts_at: Timestamp,
        /// When it ends.
        ends_at: Timestamp,
    },
}

/// Why a meeting is not made.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum CreateMeetingError {
    /// It would end before it starts.
    #[error("a meeting from {starts_at} cannot end at {ends_at}")]
    EndsBeforeStart {
        /// When it would start.
        starts_at: Timestamp,
        /// When it would end.
        ends_at: Timestamp,
    },
    /// The coordinates name another organizer.
    #[error("the coordinates name another organizer")]
    OtherOrganizer,
    /// Somebody would be a second organizer.
    #[error("a meeting has one organizer")]
    SecondOrganizer,
    /// The subject is too long.
    #[error("subject has {length_characters} characters, limit {}", Meeting::SUBJECT_CHARACTERS)]
    SubjectTooLong {
        /// The length in characters that was given.
        length_characters: usize,
    },
}

/// Where the meeting stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// Nobody is in it: before the first one comes, and after the last one left.
    Idle,
    /// Somebody is in it.
    Running,
    /// Somebody ended it for everybody: for good.
    Ended(EndReason),
}

/// All timers of a meeting.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Timer {
    /// Who waits must give a sign of life.
    Lobby(EndpointId),
}

impl Meeting {
    /// The longest subject, in characters.
    pub const SUBJECT_CHARACTERS: usize = 256;

    /// Makes a meeting in which nobody is.
    pub fn create(now: Now, new: NewMeeting) -> Result<Self, CreateMeetingError> {
        if trunkline_ids::OrganizerId::of(&new.organizer).as_ref()
            != Some(&new.coordinates.organizer_id)
        {
            return Err(CreateMeetingError::OtherOrganizer);
        }
        if new.roles.values().any(|role| *role == MeetingRole::Organizer) {
            return Err(CreateMeetingError::SecondOrganizer);
        }
        check_details(new.subject.as_deref(), new.schedule)?;
        Ok(Self {
            id: new.id,
            coordinates: new.coordinates,
            organizer: new.organizer,
            subject: Kept::new(new.subject.map(Into::into)),
            schedule: Kept::new(new.schedule),
            is_channel: new.is_channel,
            code: Kept::new(new.code),
            created_at: now.wall,
            settings: Kept::new(new.settings),
            roles: Kept::new(new.roles),
            invited: Kept::new(new.invited),
            is_locked: Kept::new(false),
            phase: Phase::Idle,
            now,
            attendees: BTreeMap::new(),
            next_place: 0,
            admitted: People::new(new.config.remembered_people),
            denied: People::new(new.config.remembered_people),
            thread: Kept::new(new.thread_members),
            added_to_thread: Kept::new(BTreeSet::new()),
            spotlights: Vec::new(),
            operations: Operations::new(new.config.remembered_operations),
            timers: Deadlines::new(),
            seq: 0,
            outputs: VecDeque::new(),
            config: new.config,
        })
    }

    /// Takes a command or a signal, under what the administrators have set.
    pub fn handle_input(&mut self, now: Now, policy: &Policy, input: Input) {
        self.now = now;
        match input {
            Input::Command(command) => self.handle_command(policy, command),
            Input::Signal(signal) => self.handle_signal(signal),
        }
    }

    /// Lets the timers run that are due.
    pub fn handle_timeout(&mut self, now: Now) {
        self.now = now;
        while let Some(timer) = self.timers.pop_due(now.instant) {
            match timer {
                Timer::Lobby(endpoint) => {
                    self.end_attendance(&endpoint, EndReason::LOBBY_TIMED_OUT);
                }
            }
        }
    }

    /// Takes the next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Returns when `handle_timeout` is due; `None` while no timer is set.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Returns whether media of an endpoint passes, in either direction: only of who is in the
    /// meeting. Who waits in the lobby, or is not there, neither sends nor receives.
    pub fn lets_media_through(&self, endpoint: &EndpointId) -> bool {
        self.attendees.get(endpoint).is_some_and(|attendee| !attendee.is_waiting())
    }

    /// Returns the meeting's id.
    pub fn id(&self) -> MeetingId {
        self.id
    }

    /// Returns the coordinates by which it is joined.
    pub fn coordinates(&self) -> &MeetingCoordinates {
        &self.coordinates
    }

    /// Returns the code by which it is joined: a secret.
    pub fn code(&self) -> &JoinCode {
        &self.code
    }

    /// Returns whose meeting it is.
    pub fn organizer(&self) -> &CommunicationIdentifier {
        &self.organizer
    }

    /// Returns the role that somebody was given, there or not; `None` for who was given none.
    pub fn given_role(&self, identifier: &CommunicationIdentifier) -> Option<MeetingRole> {
        if *identifier == self.organizer {
            return Some(MeetingRole::Organizer);
        }
        self.roles.get(identifier).copied()
    }

    /// Returns the number of the last event, zero before the first.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Checks what an actor may do, as every command does: for what the driver carries out itself.
    pub fn check(&self, actor: &Actor, asked: Capability) -> Result<(), MeetingError> {
        self.require(actor, asked)
    }

    /// Returns what it is about.
    pub fn subject(&self) -> Option<&str> {
        (*self.subject).as_deref()
    }

    /// Returns when it takes place.
    pub fn schedule(&self) -> Schedule {
        *self.schedule
    }

    /// Returns when it was made.
    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// Returns the settings.
    pub fn settings(&self) -> &MeetingSettings {
        &self.settings
    }

    /// Returns whether nobody else may come.
    pub fn is_locked(&self) -> bool {
        *self.is_locked
    }

    /// Returns whether somebody is in it.
    pub fn is_running(&self) -> bool {
        self.phase == Phase::Running
    }

    /// Returns why it ended, if it has.
    pub fn end_reason(&self) -> Option<EndReason> {
        match self.phase {
            Phase::Idle | Phase::Running => None,
            Phase::Ended(reason) => Some(reason),
        }
    }

    /// Returns everybody in the meeting and its lobby, in the order of arrival.
    pub fn attendees(&self) -> impl ExactSizeIterator<Item = AttendeeView> {
        let mut attendees: Vec<_> = self.attendees.values().collect();
        attendees.sort_by_key(|attendee| attendee.place);
        attendees.into_iter().map(Attendee::view)
    }

    /// Returns somebody in the meeting or its lobby.
    pub fn attendee(&self, endpoint: &EndpointId) -> Option<AttendeeView> {
        self.attendees.get(endpoint).map(Attendee::view)
    }

    /// Returns those who have their hand up, in the order of raising it.
    pub fn raised_hands(&self) -> impl Iterator<Item = &EndpointId> {
        let mut raised: Vec<_> =
            self.attendees.values().filter_map(|a| a.hand.map(|at| (at, &a.endpoint))).collect();
        raised.sort_unstable();
        raised.into_iter().map(|(_, endpoint)| endpoint)
    }

    /// Returns those whom everybody has in view, in the order of their putting there.
    pub fn spotlights(&self) -> &[EndpointId] {
        &self.spotlights
    }

    /// Returns who is in the thread, as far as the meeting was told.
    pub fn thread_members(&self) -> &BTreeSet<CommunicationIdentifier> {
        &self.thread
    }

    /// Returns what somebody in the meeting or its lobby may do, capability by capability; `None` for
    /// who is not there.
    pub fn capabilities(
        &self,
        endpoint: &EndpointId,
    ) -> Option<impl Iterator<Item = (Capability, Resolution)> + '_> {
        let attendee = self.attendees.get(endpoint)?;
        let bearer = self.bearer(attendee);
        Some(Capability::ALL.into_iter().map(move |asked| (asked, resolve(bearer, asked))))
    }

    /// Returns what the meeting would do with somebody who asked to join, and why.
    pub fn explain_entry(
        &self,
        identifier: &CommunicationIdentifier,
        policy: &Policy,
    ) -> LobbyDecision {
        let remembrance = if self.denied.contains(identifier) {
            Remembrance::Denied
        } else if self.admitted.contains(identifier) {
            Remembrance::Admitted
        } else {
            Remembrance::Unknown
        };
        self.decide_entry_of(identifier, remembrance, policy)
    }

    /// Returns whether somebody may come: into the meeting, or as far as its lobby. That is told of
    /// nobody else, so that what keeps them out stays unsaid.
    pub fn is_open_to(&self, identifier: &CommunicationIdentifier, policy: &Policy) -> bool {
        let is_there = || self.attendees.values().any(|a| a.identifier == *identifier);
        let is_refused =
            || matches!(self.explain_entry(identifier, policy).admission, Admission::Refuse(_));
        !matches!(self.phase, Phase::Ended(_))
            && self.check_federation(identifier, policy).is_ok()
            && (is_there() || !is_refused())
    }

    fn decide_entry_of(
        &self,
        identifier: &CommunicationIdentifier,
        remembrance: Remembrance,
        policy: &Policy,
    ) -> LobbyDecision {
        let tenant_id = &self.coordinates.tenant_id;
        let kind = JoinerKind::of(identifier, &self.organizer, tenant_id, policy);
        decide_entry(Arrival {
            kind,
            role: self.role_of(identifier, kind),
            is_invited: self.invited.contains(identifier) || self.roles.contains_key(identifier),
            is_entitled_bot: self.settings.bots.contains(identifier),
            remembrance,
            is_locked: *self.is_locked,
            is_host_present: self.present().any(|attendee| attendee.role.is_host()),
            settings: &self.settings,
        })
    }

    /// Returns how many timers are set, for checks that nothing leaks.
    pub fn timer_count(&self) -> usize {
        self.timers.len()
    }

    /// Returns how many operations have not reached their end.
    pub fn pending_operation_count(&self) -> usize {
        self.operations.pending_count()
    }

    fn role_of(&self, identifier: &CommunicationIdentifier, kind: JoinerKind) -> MeetingRole {
        if *identifier == self.organizer {
            return MeetingRole::Organizer;
        }
        let given = self.roles.get(identifier).copied();
        given.unwrap_or_else(|| self.settings.allowed_presenters.role_of(kind))
    }

    fn bearer(&self, attendee: &Attendee) -> Bearer<'_> {
        Bearer {
            kind: attendee.kind,
            role: attendee.role,
            is_waiting: attendee.is_waiting(),
            is_channel: self.is_channel,
            settings: &self.settings,
        }
    }

    fn present(&self) -> impl Iterator<Item = &Attendee> {
        self.attendees.values().filter(|attendee| !attendee.is_waiting())
    }

    fn waiting(&self) -> impl Iterator<Item = &Attendee> {
        self.attendees.values().filter(|attendee| attendee.is_waiting())
    }

    fn emit(&mut self, kind: EventKind) {
        self.seq += 1;
        let event = Event { seq: self.seq, at: self.now.wall, kind };
        self.outputs.push_back(Output::Event(event));
    }
}

impl fmt::Debug for Meeting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meeting")
            .field("id", &self.id)
            .field("phase", &self.phase)
            .field("is_locked", &*self.is_locked)
            .field("present", &self.present().count())
            .field("waiting", &self.waiting().count())
            .field("seq", &self.seq)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for NewMeeting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewMeeting")
            .field("id", &self.id)
            .field("schedule", &self.schedule)
            .field("is_channel", &self.is_channel)
            .finish_non_exhaustive()
    }
}

/// Says what is wrong with what a meeting is about, or with when it takes place.
fn check_details(subject: Option<&str>, schedule: Schedule) -> Result<(), CreateMeetingError> {
    if let Schedule::Scheduled { starts_at, ends_at } = schedule
        && ends_at <= starts_at
    {
        return Err(CreateMeetingError::EndsBeforeStart { starts_at, ends_at });
    }
    let length_characters = subject.map_or(0, |text| text.chars().count());
    if length_characters > Meeting::SUBJECT_CHARACTERS {
        return Err(CreateMeetingError::SubjectTooLong { length_characters });
    }
    Ok(())
}
