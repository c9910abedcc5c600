//! Why a command was not carried out.

use trunkline_api::convert;
use trunkline_proto::common::v1 as common;
use trunkline_reasons::EndReason;
use trunkline_storage::StoreError;

use crate::calls::Refused;
use crate::media::OfferError;

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum CallingError {
    /// A field of the request is malformed.
    #[error("{field}: {problem}")]
    InvalidArgument {
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A rule forbids it.
    #[error("refused by {rule}: {fix}")]
    Denied {
        /// The rule.
        rule: &'static str,
        /// What would allow it.
        fix: String,
        /// The documented code.
        reason: EndReason,
    },
    /// There is no such call for this user.
    #[error("there is no such call")]
    NotFound,
    /// The call, or its state, does not allow it.
    #[error("{message}")]
    Refused {
        /// What the call said.
        message: String,
        /// Its stable name.
        code: String,
        /// The documented code.
        reason: EndReason,
    },
    /// The exchange is stopping.
    #[error("the exchange is shutting down")]
    ShuttingDown,
}

impl CallingError {
    /// Returns the stable name of the error.
    pub fn code(&self) -> &str {
        match self {
            Self::InvalidArgument { .. } => "invalid_argument",
            Self::Denied { .. } => "denied_by_policy",
            Self::NotFound => "call_not_found",
            Self::Refused { code, .. } => code,
            Self::ShuttingDown => "shutting_down",
        }
    }

    /// Returns the documented code, where there is one.
    pub fn reason(&self) -> Option<EndReason> {
        match self {
            Self::InvalidArgument { .. } => Some(EndReason::INVALID_ARGUMENT),
            Self::NotFound => Some(EndReason::NOT_FOUND),
            Self::Denied { reason, .. } | Self::Refused { reason, .. } => Some(*reason),
            Self::ShuttingDown => None,
        }
    }

    pub(crate) fn invalid(field: &'static str, problem: impl ToString) -> Self {
        Self::InvalidArgument { field, problem: problem.to_string() }
    }

    pub(crate) fn to_wire(&self) -> common::Error {
        common::Error {
            code: self.code().to_owned(),
            message: self.to_string(),
            reason: self.reason().map(convert::end_reason),
        }
    }
}

impl From<Refused> for CallingError {
    fn from(refused: Refused) -> Self {
        let message = refused.to_string();
        let reason = refused.reason();
        let code = match &refused {
            Refused::NotFound => return Self::NotFound,
            Refused::Command(error) => convert::command_error(error).code,
            Refused::Failed { .. } => "operation_failed".to_owned(),
            Refused::NoMedia => "no_media".to_owned(),
            Refused::UnknownTile { .. } => "unknown_tile".to_owned(),
        };
        Self::Refused { message, code, reason }
    }
}

impl From<StoreError> for CallingError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Closed => Self::ShuttingDown,
            StoreError::Conflict { .. }
            | StoreError::Corrupt { .. }
            | StoreError::CursorLost { .. }
            | StoreError::Full
            | StoreError::Io(_)
            | StoreError::NotFound { .. }
            | StoreError::Suspended(_) => Self::Refused {
                message: format!("the store failed: {error}"),
                code: "store_failed".to_owned(),
                reason: EndReason::PRECONDITION_FAILED,
            },
        }
    }
}

impl From<OfferError> for CallingError {
    fn from(error: OfferError) -> Self {
        Self::invalid("media", error)
    }
}
