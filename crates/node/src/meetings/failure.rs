//! Why something of a meeting was not done.

use trunkline_api::convert::meeting::Malformed;
use trunkline_interop::{CreateMeetingError, JoinByCodeError, MeetingError};
use trunkline_policy::Decision;
use trunkline_reasons::EndReason;
use trunkline_storage::StoreError;

use crate::chat::ChatFailure;
use crate::commands::CallingError;
use crate::token::TokenError;

/// Why something of a meeting was not done.
#[derive(Debug, thiserror::Error)]
pub enum MeetingFailure {
    /// The chat thread of the meeting cannot be made.
    #[error("the chat of the meeting: {0}")]
    Chat(#[from] ChatFailure),
    /// The code leads nowhere.
    #[error(transparent)]
    Code(#[from] JoinByCodeError),
    /// It cannot be made like that.
    #[error(transparent)]
    Create(#[from] CreateMeetingError),
    /// The token does not allow it.
    #[error("{}", .0.sentence().unwrap_or_default())]
    Denied(Decision),
    /// An operation that was taken up did not succeed.
    #[error("the operation failed: {0}")]
    Failed(EndReason),
    /// A field of the request is malformed.
    #[error("{0} is malformed")]
    Malformed(&'static str),
    /// There is no such meeting, or it is not the asker's to see.
    #[error("there is no such meeting")]
    NotFound,
    /// Users organize their own meetings only.
    #[error("users make meetings of their own only")]
    NotOwn,
    /// The meeting says no.
    #[error(transparent)]
    Refused(#[from] MeetingError),
    /// The exchange is stopping.
    #[error("the exchange is shutting down")]
    ShuttingDown,
    /// The store failed. What is asked may have been done, and is stored with the next change.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// So many watch the meeting already that another would slow it down.
    #[error("{limit} readers watch the meeting, which is the limit")]
    TooManyReaders {
        /// The limit.
        limit: usize,
    },
}

/// Why a meeting is not watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchMeetingError {
    /// The meeting is not the asker's to see.
    #[error(transparent)]
    Meeting(#[from] MeetingFailure),
    /// The token does not count any more.
    #[error(transparent)]
    Token(#[from] TokenError),
}

impl MeetingFailure {
    /// Returns the stable name of the failure.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Chat(_) => "chat_failed",
            Self::Code(JoinByCodeError::Refused) => "code_refused",
            Self::Code(JoinByCodeError::TooManyAttempts { .. }) => "too_many_attempts",
            Self::Create(_) | Self::Malformed(_) => "invalid_argument",
            Self::Denied(_) | Self::NotOwn => "denied_by_policy",
            Self::Failed(_) => "operation_failed",
            Self::NotFound => "meeting_not_found",
            Self::Refused(error) => match error {
                MeetingError::Change(_) => "change_refused",
                MeetingError::Ended { .. } => "meeting_ended",
                MeetingError::Join(_) => "join_refused",
                MeetingError::NotCapable { .. } => "not_capable",
                MeetingError::NotInMeeting => "not_in_meeting",
                MeetingError::Target(_) => "target_refused",
            },
            Self::ShuttingDown => "shutting_down",
            Self::Store(_) => "store_failed",
            Self::TooManyReaders { .. } => "too_many_readers",
        }
    }

    /// Returns the documented code, where there is one.
    pub fn reason(&self) -> Option<EndReason> {
        match self {
            Self::Code(error) => Some(error.reason()),
            Self::Create(_) | Self::Malformed(_) => Some(EndReason::INVALID_ARGUMENT),
            Self::Denied(decision) => decision.reason(),
            Self::Failed(reason) => Some(*reason),
            Self::NotFound => Some(EndReason::NOT_FOUND),
            Self::NotOwn => Some(EndReason::NOT_PERMITTED),
            Self::Refused(error) => Some(error.reason()),
            Self::Chat(_) | Self::ShuttingDown | Self::Store(_) | Self::TooManyReaders { .. } => {
                None
            }
        }
    }
}

impl From<Malformed> for MeetingFailure {
    fn from(Malformed(field): Malformed) -> Self {
        Self::Malformed(field)
    }
}

impl From<MeetingFailure> for CallingError {
    fn from(failure: MeetingFailure) -> Self {
        match &failure {
            MeetingFailure::Malformed(field) => Self::invalid(field, "is malformed"),
            MeetingFailure::ShuttingDown => Self::ShuttingDown,
            MeetingFailure::Chat(_)
            | MeetingFailure::Code(_)
            | MeetingFailure::Create(_)
            | MeetingFailure::Denied(_)
            | MeetingFailure::Failed(_)
            | MeetingFailure::NotFound
            | MeetingFailure::NotOwn
            | MeetingFailure::Refused(_)
            | MeetingFailure::Store(_)
            | MeetingFailure::TooManyReaders { .. } => Self::Refused {
                message: failure.to_string(),
                code: failure.code().to_owned(),
                reason: failure.reason().unwrap_or(EndReason::PRECONDITION_FAILED),
            },
        }
    }
}
