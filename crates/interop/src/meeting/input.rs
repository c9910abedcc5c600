//! What a meeting is told.

use std::fmt;

use trunkline_ids::{CommunicationIdentifier, DisplayName, EndpointId, JoinCode, OperationId};
use trunkline_reasons::EndReason;

use crate::meeting::{Schedule, role::MeetingRole, settings::MeetingSettings};

/// Anything that a meeting is told, besides the passing of time.
#[derive(Clone, Debug)]
pub enum Input {
    /// Somebody wants something.
    Command(Command),
    /// Something happened to somebody in the call or in the thread.
    Signal(Signal),
}

/// A wish of an authenticated actor.
///
/// It ends exactly once: with [`Output::Rejected`](crate::Output::Rejected), or with one
/// [`EventKind::OperationCompleted`](crate::EventKind::OperationCompleted), at once or later. An
/// operation that the actor has named before is not run again.
#[derive(Clone, Debug)]
pub struct Command {
    /// Who wants it, as the token says.
    pub actor: Actor,
    /// The name of the operation, unique for the actor.
    pub operation_id: OperationId,
    /// What is wanted.
    pub action: Action,
}

/// An authenticated actor.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Actor {
    /// A server application with the keys of the meeting's resource, or an administrator's program.
    Application,
    /// Somebody at one endpoint, in the meeting or not.
    User(CommunicationIdentifier, EndpointId),
}

/// What an actor may want of a meeting.
#[derive(Clone)]
pub enum Action {
    /// Let somebody in who waits.
    Admit(EndpointId),
    /// Let everybody in who waits.
    AdmitAll,
    /// Set all settings.
    ChangeSettings(Box<MeetingSettings>),
    /// Give somebody another role.
    ChangeRole(CommunicationIdentifier, MeetingRole),
    /// End the meeting for everybody.
    End,
    /// Forget that somebody was denied.
    Forgive(CommunicationIdentifier),
    /// Invite somebody by name.
    Invite(CommunicationIdentifier),
    /// Ask to join, for the actor's own endpoint.
    Join {
        /// The name to show to the others.
        display_name: Option<DisplayName>,
    },
    /// Leave, from the lobby or from the meeting.
    Leave,
    /// Let nobody else come.
    Lock,
    /// Lower everybody's hand.
    LowerAllHands,
    /// Lower a hand: one's own, or as somebody who looks after the others.
    LowerHand(EndpointId),
    /// Raise one's own hand.
    RaiseHand,
    /// React.
    React(Reaction),
    /// Turn somebody away who waits, and remember it.
    Reject(EndpointId),
    /// Remove somebody who is in the meeting, and remember it.
    Remove(EndpointId),
    /// Ring somebody: whoever accepts comes in without waiting.
    Ring(CommunicationIdentifier),
    /// Have the code by which the meeting is joined replaced by one that the caller drew.
    RotateCode(JoinCode),
    /// Put somebody into everybody's view.
    Spotlight(EndpointId),
    /// Take somebody out of everybody's view.
    StopSpotlight(EndpointId),
    /// Let others come again.
    Unlock,
    /// Say anew what it is about, or when it takes place.
    Update(Box<MeetingUpdate>),
}

/// What is said anew of a meeting; what is left out stays.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct MeetingUpdate {
    /// What it is about; empty for nothing in particular.
    pub subject: Option<String>,
    /// When it takes place.
    pub schedule: Option<Schedule>,
}

/// A reaction, which everybody sees for a moment.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Reaction {
    /// Applause.
    Applause,
    /// A heart.
    Heart,
    /// Laughter.
    Laugh,
    /// A thumb up.
    Like,
    /// Surprise.
    Surprised,
}

/// Something that happened. What comes late, twice or for somebody who is gone changes nothing.
#[derive(Clone, Debug)]
pub enum Signal {
    /// Somebody's connection ended by itself: hung up, lost, failed.
    ConnectionEnded {
        /// Whose.
        endpoint: EndpointId,
        /// Why.
        reason: EndReason,
    },
    /// Somebody who waits gave a sign of life.
    Stirred {
        /// Who.
        endpoint: EndpointId,
    },
    /// Somebody became a member of the meeting's thread, by whatever way.
    ThreadJoined {
        /// Who.
        identifier: CommunicationIdentifier,
    },
    /// Somebody is no member of the meeting's thread, by whatever way.
    ThreadLeft {
        /// Who.
        identifier: CommunicationIdentifier,
    },
}

impl Action {
    /// Returns the name of the action, for logs and metrics.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Admit(_) => "admit",
            Self::AdmitAll => "admitAll",
            Self::ChangeRole(..) => "changeRole",
            Self::ChangeSettings(_) => "changeSettings",
            Self::End => "end",
            Self::Forgive(_) => "forgive",
            Self::Invite(_) => "invite",
            Self::Join { .. } => "join",
            Self::Leave => "leave",
            Self::Lock => "lock",
            Self::LowerAllHands => "lowerAllHands",
            Self::LowerHand(_) => "lowerHand",
            Self::RaiseHand => "raiseHand",
            Self::React(_) => "react",
            Self::Reject(_) => "reject",
            Self::Remove(_) => "remove",
            Self::Ring(_) => "ring",
            Self::RotateCode(_) => "rotateCode",
            Self::Spotlight(_) => "spotlight",
            Self::StopSpotlight(_) => "stopSpotlight",
            Self::Unlock => "unlock",
            Self::Update(_) => "update",
        }
    }
}

impl fmt::Debug for MeetingUpdate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeetingUpdate").field("schedule", &self.schedule).finish_non_exhaustive()
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Action({})", self.as_str())
    }
}

impl Reaction {
    /// All reactions.
    pub const ALL: [Self; 5] =
        [Self::Applause, Self::Heart, Self::Laugh, Self::Like, Self::Surprised];

    /// Returns the name that goes on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applause => "applause",
            Self::Heart => "heart",
            Self::Laugh => "laugh",
            Self::Like => "like",
            Self::Surprised => "surprised",
        }
    }
}
