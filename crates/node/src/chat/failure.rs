//! Why chat does not do what it is asked, with the wire's code for each reason.

use std::time::Duration;

use trunkline_chat::{ChatError, CreateThreadError};
use trunkline_ids::IdentifierKind;
use trunkline_policy::Decision;
use trunkline_storage::StoreError;

/// Why nothing was done, except where the store failed: then it is not known.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ChatFailure {
    /// The creator is of a kind that cannot be in a thread.
    #[error("a {kind} cannot create a thread")]
    CreatorNotAllowed {
        /// The kind.
        kind: IdentifierKind,
    },
    /// There is no such thread that the actor may know of.
    #[error("there is no such thread")]
    NotFound,
    /// More is asked than the exchange takes; later it may be fine.
    #[error("too much is asked at once")]
    Overloaded {
        /// When to try again.
        retry_after: Duration,
    },
    /// The thread refuses.
    #[error(transparent)]
    Refused(#[from] ChatError),
    /// The id of a repeatable request was used for another request.
    #[error("the request id was used for another request")]
    RepeatedDifferently,
    /// The same request is being carried out.
    #[error("the same request is being carried out")]
    RepeatedTooSoon {
        /// When to try again.
        retry_after: Duration,
    },
    /// The token does not allow it.
    #[error("{}", .0.sentence().unwrap_or_default())]
    ScopeDenied(Decision),
    /// The exchange is stopping.
    #[error("the exchange is stopping")]
    ShuttingDown,
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// The user has too many subscriptions.
    #[error("a user has at most {limit} subscriptions")]
    TooManySubscriptions {
        /// The limit.
        limit: usize,
    },
}

impl ChatFailure {
    /// Returns the wire's code for the failure.
    pub fn code(&self) -> &str {
        match self {
            Self::CreatorNotAllowed { .. } | Self::ScopeDenied(_) => "Forbidden",
            Self::NotFound => "NotFound",
            Self::Overloaded { .. }
            | Self::RepeatedTooSoon { .. }
            | Self::TooManySubscriptions { .. } => "TooManyRequests",
            Self::Refused(error) => error.code(),
            Self::RepeatedDifferently => "RepeatabilityRequestIdReused",
            Self::ShuttingDown => "ServiceUnavailable",
            Self::Store(error) => match error.is_transient() {
                true => "ServiceUnavailable",
                false => "InternalError",
            },
        }
    }

    /// Returns the HTTP status that the wire has for the failure.
    pub fn status(&self) -> u16 {
        match self {
            Self::CreatorNotAllowed { .. } | Self::ScopeDenied(_) => 403,
            Self::NotFound => 404,
            Self::Overloaded { .. }
            | Self::RepeatedTooSoon { .. }
            | Self::TooManySubscriptions { .. } => 429,
            Self::Refused(error) => error.status(),
            Self::RepeatedDifferently => 409,
            Self::ShuttingDown => 503,
            Self::Store(error) => match error.is_transient() {
                true => 503,
                false => 500,
            },
        }
    }

    /// Returns when to try again, where that may help.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Overloaded { retry_after } | Self::RepeatedTooSoon { retry_after } => {
                Some(*retry_after)
            }
            Self::ShuttingDown => Some(RETRY_AFTER),
            Self::Store(error) => error.is_transient().then_some(RETRY_AFTER),
            Self::CreatorNotAllowed { .. }
            | Self::NotFound
            | Self::Refused(_)
            | Self::RepeatedDifferently
            | Self::ScopeDenied(_)
            | Self::TooManySubscriptions { .. } => None,
        }
    }
}

impl From<CreateThreadError> for ChatFailure {
    fn from(error: CreateThreadError) -> Self {
        match error {
            CreateThreadError::CreatorNotAllowed { kind } => Self::CreatorNotAllowed { kind },
            CreateThreadError::Refused(error) => Self::Refused(error),
        }
    }
}

/// A restart, or a probe of the store, takes about this long.
const RETRY_AFTER: Duration = Duration::from_secs(1);
