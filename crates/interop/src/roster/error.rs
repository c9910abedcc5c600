//! Why a roster does not change, with the wire's code for each refusal.

use thiserror::Error;
use trunkline_policy::Decision;
use trunkline_reasons::EndReason;

/// Why neither the call nor the thread changes.
#[derive(Clone, Debug, Error)]
pub enum RosterRefusal {
    /// The target is on the roster of the call.
    #[error("the target is in the call already")]
    AlreadyInCall,
    /// The call is full.
    #[error("{requested} participants requested, limit {limit}")]
    CallFull {
        /// The limit.
        limit: usize,
        /// How many there would be.
        requested: usize,
    },
    /// A policy keeps the target from somebody who is in the call or in the thread.
    #[error("{}", .0.sentence().unwrap_or_default())]
    Denied(Box<Decision>),
    /// Barriers are about, and the target is not in the thread: the chat comes first.
    #[error("information barriers are in force: add the target to the chat thread first")]
    NotInThread,
    /// The thread is full.
    #[error("{requested} members of the chat thread requested, limit {limit}")]
    ThreadFull {
        /// The limit.
        limit: usize,
        /// How many there would be.
        requested: usize,
    },
}

impl RosterRefusal {
    /// Returns the code and subcode that the wire has for the refusal.
    pub fn reason(&self) -> EndReason {
        match self {
            Self::AlreadyInCall => EndReason::CONFLICT,
            Self::CallFull { .. } | Self::ThreadFull { .. } => EndReason::PRECONDITION_FAILED,
            Self::Denied(decision) => decision.reason().unwrap_or(EndReason::NOT_PERMITTED),
            Self::NotInThread => EndReason::NOT_PERMITTED,
        }
    }
}
