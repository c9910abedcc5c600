//! Why a meeting refuses, with the wire's code for each refusal.

use thiserror::Error;
use trunkline_policy::Decision;
use trunkline_reasons::EndReason;

use crate::meeting::{
    CreateMeetingError,
    capability::{Capability, Resolution},
    lobby::LobbyDecision,
};

/// Why a command did nothing.
#[derive(Clone, Debug, Error)]
pub enum MeetingError {
    /// A change of the meeting was refused.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// The meeting is over.
    #[error("the meeting ended: {reason}")]
    Ended {
        /// Why it ended.
        reason: EndReason,
    },
    /// Nobody comes in.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// The actor may not do that.
    #[error("{capability}: {resolution}")]
    NotCapable {
        /// What it may not do.
        capability: Capability,
        /// Why not.
        resolution: Resolution,
    },
    /// The actor is neither in the meeting nor one of its hosts.
    #[error("the actor is not in the meeting")]
    NotInMeeting,
    /// What is asked concerns somebody who is not there.
    #[error(transparent)]
    Target(#[from] TargetError),
}

/// Why somebody does not come in, not even into the lobby.
#[derive(Clone, Debug, Error)]
pub enum JoinError {
    /// The endpoint is in the meeting or its lobby.
    #[error("the endpoint is in the meeting already")]
    AlreadyJoined,
    /// A barrier stands between the joiner and somebody who is there.
    #[error("{}", .0.sentence().unwrap_or_default())]
    Barrier(Box<Decision>),
    /// The meeting requires federation, and the tenant has none with the joiner's resource.
    #[error("the tenant admits users of federated resources only: RequireAcsFederationForMeeting")]
    FederationRequired,
    /// The meeting is full.
    #[error("{requested} participants requested, limit {limit}")]
    Full {
        /// The limit.
        limit: usize,
        /// How many there would be.
        requested: usize,
    },
    /// The lobby is full.
    #[error("{requested} waiting requested, limit {limit}")]
    LobbyFull {
        /// The limit.
        limit: usize,
        /// How many there would be.
        requested: usize,
    },
    /// An application joins nothing: it has no endpoint.
    #[error("an application has no endpoint to join with")]
    NoEndpoint,
    /// The lobby turns the joiner away.
    #[error("turned away by {}", .0.rule)]
    TurnedAway(Box<LobbyDecision>),
}

/// Why a meeting is not changed.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum ChangeError {
    /// No meeting is like that.
    #[error(transparent)]
    Invalid(CreateMeetingError),
    /// The organizer stays what it is.
    #[error("the organizer's role does not change")]
    OrganizerFixed,
    /// A meeting has one organizer, and phones attend.
    #[error("that role cannot be given")]
    RoleNotGivable,
    /// Too many are in view.
    #[error("{requested} spotlights requested, limit {limit}")]
    TooManySpotlights {
        /// The limit.
        limit: usize,
        /// How many there would be.
        requested: usize,
    },
}

/// Why somebody cannot be what a command is about.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum TargetError {
    /// Nobody of that name is there.
    #[error("no such participant")]
    NotFound,
    /// The target is in the meeting, not in the lobby.
    #[error("the target does not wait in the lobby")]
    NotWaiting,
    /// The organizer is removed by nobody.
    #[error("the organizer cannot be removed")]
    Organizer,
    /// The target waits in the lobby.
    #[error("the target waits in the lobby")]
    Waiting,
}

impl MeetingError {
    /// Returns the code and subcode that the wire has for the refusal.
    pub fn reason(&self) -> EndReason {
        match self {
            Self::Change(error) => error.reason(),
            Self::Ended { .. } => EndReason::CALL_TERMINATED,
            Self::Join(error) => error.reason(),
            Self::NotCapable { .. } | Self::NotInMeeting => EndReason::NOT_PERMITTED,
            Self::Target(error) => error.reason(),
        }
    }
}

impl JoinError {
    /// Returns the code and subcode that the wire has for the refusal.
    pub fn reason(&self) -> EndReason {
        match self {
            Self::AlreadyJoined => EndReason::CONFLICT,
            Self::Barrier(decision) => decision.reason().unwrap_or(EndReason::NOT_PERMITTED),
            Self::FederationRequired => EndReason::NOT_FEDERATED,
            Self::Full { .. } | Self::LobbyFull { .. } => EndReason::PRECONDITION_FAILED,
            Self::NoEndpoint => EndReason::INVALID_ARGUMENT,
            Self::TurnedAway(decision) => decision.reason(),
        }
    }
}

impl ChangeError {
    /// Returns the code and subcode that the wire has for the refusal.
    pub const fn reason(&self) -> EndReason {
        match self {
            Self::OrganizerFixed => EndReason::NOT_PERMITTED,
            Self::Invalid(_) | Self::RoleNotGivable => EndReason::INVALID_ARGUMENT,
            Self::TooManySpotlights { .. } => EndReason::PRECONDITION_FAILED,
        }
    }
}

impl TargetError {
    /// Returns the code and subcode that the wire has for the refusal.
    pub const fn reason(&self) -> EndReason {
        match self {
            Self::NotFound => EndReason::NOT_FOUND,
            Self::NotWaiting | Self::Waiting => EndReason::WRONG_STATE,
            Self::Organizer => EndReason::NOT_PERMITTED,
        }
    }
}
