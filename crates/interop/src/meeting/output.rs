//! What a meeting wants done, and what its subscribers are told.

pub use trunkline_call::MediaRights;
use trunkline_call::Trigger;
use trunkline_clock::Timestamp;
use trunkline_ids::{CommunicationIdentifier, DisplayName, EndpointId, OperationId, ThreadId};
use trunkline_reasons::EndReason;

use crate::meeting::{
    error::MeetingError,
    input::{Actor, Reaction},
    joiner::JoinerKind,
    role::MeetingRole,
};

/// One thing to do, in order.
#[derive(Clone, Debug)]
pub enum Output {
    /// Change the call.
    Call(CallStep),
    /// Tell every subscriber.
    Event(Event),
    /// Answer the actor that nothing was done; nobody else hears of it.
    Rejected {
        /// Who asked.
        actor: Actor,
        /// The operation.
        operation_id: OperationId,
        /// Why.
        error: MeetingError,
    },
    /// Answer the actor that the operation was named before; no event follows.
    Repeated {
        /// Who asked.
        actor: Actor,
        /// The operation.
        operation_id: OperationId,
        /// How it ended; `None` while it still runs.
        outcome: Option<OperationOutcome>,
    },
    /// Change the chat thread. Where that cannot be done, the meeting goes on without chat for that
    /// one: a thread holds fewer people than a meeting.
    Thread(ThreadStep),
}

/// A change of the call, whose connections the meeting names by their endpoints.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CallStep {
    /// End the call for everybody, lobby included.
    EndCall {
        /// Why.
        reason: EndReason,
    },
    /// End a connection, in the lobby or in the call.
    End {
        /// Whose.
        endpoint: EndpointId,
        /// Why.
        reason: EndReason,
    },
    /// Let a connection into the call: one that comes, or one that waits in the lobby.
    Enter {
        /// Whose.
        endpoint: EndpointId,
        /// What it may send.
        rights: MediaRights,
    },
    /// Put a connection that comes into the lobby: no media in either direction.
    EnterLobby {
        /// Whose.
        endpoint: EndpointId,
    },
    /// Change what a connection may send; what is on and no longer allowed goes off.
    SetRights {
        /// Whose.
        endpoint: EndpointId,
        /// What it may send.
        rights: MediaRights,
    },
}

impl CallStep {
    /// Returns what the step does to the state of the connection, by the one table of states; `None`
    /// where it concerns everybody or no state.
    pub const fn trigger(&self) -> Option<Trigger> {
        match self {
            Self::End { .. } => Some(Trigger::End),
            Self::Enter { .. } => Some(Trigger::Establish),
            Self::EnterLobby { .. } => Some(Trigger::EnterLobby),
            Self::EndCall { .. } | Self::SetRights { .. } => None,
        }
    }
}

/// A change of the chat thread.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ThreadStep {
    /// Make somebody a member.
    Add {
        /// The thread.
        thread_id: ThreadId,
        /// Who.
        identifier: CommunicationIdentifier,
        /// The name to show.
        display_name: Option<DisplayName>,
    },
    /// Name the thread.
    Name {
        /// The thread.
        thread_id: ThreadId,
        /// What the meeting is about; `None` for nothing in particular.
        topic: Option<Box<str>>,
    },
    /// End a membership.
    Remove {
        /// The thread.
        thread_id: ThreadId,
        /// Whose.
        identifier: CommunicationIdentifier,
    },
}

/// One event of a meeting.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Counts the events of the meeting from 1, without gap or duplicate.
    pub seq: u64,
    /// When it happened, by the wall clock.
    pub at: Timestamp,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum EventKind {
    /// The code by which the meeting is joined was replaced: [`CodeDesk::post`] the new one.
    ///
    /// [`CodeDesk::post`]: crate::CodeDesk::post
    CodeRotated,
    /// What it is about, or when it takes place, was said anew.
    DetailsChanged,
    /// Somebody's hand went down.
    HandLowered {
        /// Whose.
        endpoint: EndpointId,
    },
    /// Somebody's hand went up.
    HandRaised {
        /// Whose.
        endpoint: EndpointId,
    },
    /// Somebody waits in the lobby.
    LobbyEntered {
        /// Who.
        attendee: Box<AttendeeView>,
    },
    /// Somebody does not wait any more.
    LobbyLeft {
        /// Who.
        endpoint: EndpointId,
        /// Why not, unless they were let in.
        reason: Option<EndReason>,
    },
    /// Whether others may come changed.
    LockChanged {
        /// Whether they may not.
        is_locked: bool,
    },
    /// Everybody left; others may yet come.
    MeetingEmptied,
    /// The meeting is over: always the last event but the ends of operations.
    MeetingEnded {
        /// Why.
        reason: EndReason,
    },
    /// The first one came in.
    MeetingStarted,
    /// An operation reached its one end.
    OperationCompleted {
        /// Who asked for it.
        actor: Actor,
        /// The operation.
        operation_id: OperationId,
        /// How it ended.
        outcome: OperationOutcome,
    },
    /// Somebody is in the meeting.
    ParticipantJoined {
        /// Who.
        attendee: Box<AttendeeView>,
    },
    /// Somebody is not in the meeting any more.
    ParticipantLeft {
        /// Who.
        endpoint: EndpointId,
        /// Why.
        reason: EndReason,
    },
    /// Somebody reacted.
    Reacted {
        /// Who.
        endpoint: EndpointId,
        /// How.
        reaction: Reaction,
    },
    /// Somebody has another role.
    RoleChanged {
        /// Who.
        identifier: CommunicationIdentifier,
        /// The role.
        role: MeetingRole,
    },
    /// The settings changed, and with them perhaps what everybody may do.
    SettingsChanged,
    /// Whom everybody has in view changed.
    SpotlightChanged {
        /// Who is in view, in the order of their putting there.
        endpoints: Vec<EndpointId>,
    },
}

/// Somebody in the meeting or its lobby, as the others see them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AttendeeView {
    /// Names the attendee within the meeting.
    pub endpoint: EndpointId,
    /// Who it is.
    pub identifier: CommunicationIdentifier,
    /// What it is to the organizer.
    pub kind: JoinerKind,
    /// Its role.
    pub role: MeetingRole,
    /// The name to show: the directory's where it has one, else the one given, else `Guest`.
    pub display_name: DisplayName,
    /// Whether nobody vouches for the name.
    pub is_guest: bool,
    /// Whether it waits in the lobby.
    pub is_waiting: bool,
    /// Whether it has its hand up.
    pub has_raised_hand: bool,
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OperationOutcome {
    /// It did not do what it was to do.
    Failed {
        /// Why.
        reason: EndReason,
    },
    /// It did.
    Succeeded,
}
