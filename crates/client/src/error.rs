//! Errors, one type per operation.

use std::fmt;

use thiserror::Error;
use trunkline_ids::IdentifierKind;
use trunkline_proto::common::v1 as common;
use trunkline_signaling::close::CloseCode;

use crate::{connection::ConnectError, credential::TokenError, identity::CallEndReason};

/// What the exchange said when it refused an operation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// Stable machine-readable name.
    pub code: String,
    /// What happened, in words.
    pub message: String,
    /// The reason code of the call, where one applies.
    pub reason: Option<CallEndReason>,
}

/// How any operation on a call can fail.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum OperationFailure {
    Busy,
    CallEnded(Option<CallEndReason>),
    Refused(Refusal),
    SessionEnded,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)?;
        match &self.reason {
            Some(reason) => write!(f, " ({}/{})", reason.code, reason.sub_code),
            None => Ok(()),
        }
    }
}

impl From<common::Error> for Refusal {
    fn from(error: common::Error) -> Self {
        let common::Error { code, message, reason } = error;
        Self { code, message, reason: reason.map(Into::into) }
    }
}

macro_rules! operation_errors {
    ($($(#[$docs:meta])* $name:ident { $($(#[$extra_docs:meta])* $extra:ident,)* })*) => {
        $(
            $(#[$docs])*
            #[derive(Clone, Debug, Eq, Error, PartialEq)]
            pub enum $name {
                /// Too many commands wait for the exchange.
                #[error("too many commands wait for the exchange")]
                Busy,
                /// The call ended before the operation did.
                #[error("call ended before the operation was done")]
                CallEnded(Option<CallEndReason>),
                /// The exchange refused it.
                #[error("refused by the exchange: {0}")]
                Refused(Refusal),
                /// The session with the exchange is over.
                #[error("session with the exchange is over")]
                SessionEnded,
                $($(#[$extra_docs])* $extra,)*
            }

            impl From<OperationFailure> for $name {
                fn from(failure: OperationFailure) -> Self {
                    match failure {
                        OperationFailure::Busy => Self::Busy,
                        OperationFailure::CallEnded(reason) => Self::CallEnded(reason),
                        OperationFailure::Refused(refusal) => Self::Refused(refusal),
                        OperationFailure::SessionEnded => Self::SessionEnded,
                    }
                }
            }
        )*
    };
}

operation_errors! {
    /// Why an incoming call could not be accepted.
    AcceptCallError {
        /// The call does not ring here any longer, or was answered already.
        #[error("call does not ring")]
        NotRinging,
    }
    /// Why nobody could be added.
    AddParticipantError {}
    /// Why the call could not be left or ended.
    HangUpError {}
    /// Why the call could not be held.
    HoldError {}
    /// Why the own audio could not be muted.
    MuteError {}
    /// Why something was not done in a meeting.
    ActInMeetingError {}
    /// Why another participant could not be muted.
    MuteParticipantError {}
    /// Why an incoming call could not be rejected.
    RejectCallError {
        /// The call does not ring here any longer, or was answered already.
        #[error("call does not ring")]
        NotRinging,
    }
    /// Why a participant could not be removed.
    RemoveParticipantError {
        /// The addition has not been acknowledged yet, so there is nobody to remove.
        #[error("participant is not in the call yet")]
        NotInCall,
    }
    /// Why the call could not be resumed.
    ResumeError {}
    /// Why screen sharing could not be started or stopped.
    ScreenShareError {
        /// The call has no media, or none for a screen.
        #[error("call was made without screen media")]
        NoMedia,
    }
    /// Why the call could not be transferred.
    TransferError {
        /// The transferee has not come into the call yet.
        #[error("transferee is not in the call yet")]
        NotInCall,
    }
    /// Why no snapshot could be had.
    SnapshotError {}
    /// Why the own audio could not be unmuted.
    UnmuteError {}
    /// Why video could not be started or stopped.
    VideoError {
        /// The call has no media, or none for a camera.
        #[error("call was made without camera media")]
        NoMedia,
    }
    /// Why the choice of videos was not taken.
    VideoTilesError {
        /// The call has fewer video tiles than were asked for.
        #[error("call was made with fewer video tiles")]
        TooManyTiles,
    }
}

/// Why a call could not be started. What happens later is the call's end reason.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum StartCallError {
    /// Too many commands wait for the exchange.
    #[error("too many commands wait for the exchange")]
    Busy,
    /// Nobody is to be called.
    #[error("no target was given")]
    NoTargets,
    /// The session with the exchange is over.
    #[error("session with the exchange is over")]
    SessionEnded,
}

/// Why a call could not be joined. What happens later is the call's end reason.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum JoinCallError {
    /// Too many commands wait for the exchange.
    #[error("too many commands wait for the exchange")]
    Busy,
    /// The session with the exchange is over.
    #[error("session with the exchange is over")]
    SessionEnded,
}

/// Why no agent could be made.
#[derive(Clone, Debug, Error)]
pub enum CreateAgentError {
    /// No transport to the exchange could be opened.
    #[error("no connection to the exchange")]
    Connect(#[source] ConnectError),
    /// The exchange closed the session at once.
    #[error("exchange refused the session with {}: {}", .code.as_u16(), .message)]
    Refused {
        /// Its close code.
        code: CloseCode,
        /// What it said.
        message: String,
    },
    /// The exchange did not answer in time.
    #[error("exchange did not answer in time")]
    TimedOut,
    /// No token could be had.
    #[error("no access token")]
    Token(#[source] TokenError),
    /// The token is for another kind of user than the agent.
    #[error("token is for a user of kind {found}")]
    WrongKindOfUser {
        /// The kind that the token is for.
        found: IdentifierKind,
    },
}
