//! What came of one attempt to deliver.

use std::{fmt, time::Duration};

use thiserror::Error;

use crate::guard::GuardError;

/// What came of one attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// The receiver took it: 200 to 204.
    Delivered {
        /// The HTTP status.
        status: u16,
    },
    /// The receiver answered that it did not take it.
    Failed {
        /// The HTTP status.
        status: u16,
        /// How long the receiver asks us to wait.
        retry_after: Option<Duration>,
    },
    /// The receiver points elsewhere. A notification stays where its subscription was validated.
    Redirected {
        /// The HTTP status.
        status: u16,
    },
    /// The guard does not let the endpoint be reached; nothing was sent.
    Refused(GuardError),
    /// There was no answer in time.
    TimedOut {
        /// The time the receiver had.
        after: Duration,
    },
    /// There was no answer.
    Unreachable(Unreachable),
}

/// Why there was no answer.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum Unreachable {
    /// The connection broke, or what came over it is not HTTP.
    #[error("connection broke before an answer")]
    Broken,
    /// Nobody listens, or no route leads there.
    #[error("connection cannot be opened")]
    Connect,
    /// The name cannot be looked up.
    #[error("host name cannot be resolved")]
    Name,
    /// TLS failed.
    #[error("TLS failed: {0}")]
    Tls(TlsFailure),
}

/// Why TLS failed.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum TlsFailure {
    /// The certificate is not valid yet, or not any more.
    CertificateExpired,
    /// The certificate is for other names.
    CertificateName,
    /// The certificate is unfit in another way.
    CertificateOther,
    /// The certificate is from an authority that is not trusted.
    CertificateUnknownIssuer,
    /// The two sides have no version, cipher or form in common, or one of them broke the rules.
    Handshake,
}

impl Outcome {
    /// Makes the outcome of an answer's status.
    pub(crate) fn of_status(status: u16, retry_after: Option<Duration>) -> Self {
        match status {
            200..=204 => Self::Delivered { status },
            300..=399 => Self::Redirected { status },
            _ => Self::Failed { status, retry_after },
        }
    }

    /// Returns whether the receiver has it.
    pub fn is_delivered(&self) -> bool {
        matches!(self, Self::Delivered { .. })
    }

    /// Returns the HTTP status, if there was an answer.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Delivered { status }
            | Self::Failed { status, .. }
            | Self::Redirected { status } => Some(*status),
            Self::Refused(_) | Self::TimedOut { .. } | Self::Unreachable(_) => None,
        }
    }

    /// Returns the name that a dead letter gives as `lastDeliveryOutcome`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Delivered { .. } => "Delivered",
            Self::Failed { status: 400, .. } => "BadRequest",
            Self::Failed { status: 401, .. } => "Unauthorized",
            Self::Failed { status: 403, .. } => "Forbidden",
            Self::Failed { status: 404, .. } => "NotFound",
            Self::Failed { status: 408, .. } | Self::TimedOut { .. } => "TimedOut",
            Self::Failed { status: 413, .. } => "PayloadTooLarge",
            Self::Failed { status: 429 | 503, .. } => "Busy",
            Self::Failed { .. } => "GenericError",
            Self::Redirected { .. } => "Redirected",
            Self::Refused(_) => "EndpointRefused",
            Self::Unreachable(Unreachable::Name) => "NameNotResolved",
            Self::Unreachable(Unreachable::Tls(_)) => "TlsFailed",
            Self::Unreachable(Unreachable::Broken | Unreachable::Connect) => "Unreachable",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delivered { status } => write!(f, "delivered with status {status}"),
            Self::Failed { status, .. } => write!(f, "failed with status {status}"),
            Self::Redirected { status } => {
                write!(f, "redirected with status {status}, which is not followed")
            }
            Self::Refused(error) => write!(f, "not sent: {error}"),
            Self::TimedOut { after } => write!(f, "no answer within {after:?}"),
            Self::Unreachable(reason) => fmt::Display::fmt(reason, f),
        }
    }
}

impl fmt::Display for TlsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::CertificateExpired => "certificate is not valid at this time",
            Self::CertificateName => "certificate is for another name",
            Self::CertificateOther => "certificate is unfit",
            Self::CertificateUnknownIssuer => "certificate is from an unknown authority",
            Self::Handshake => "handshake failed",
        })
    }
}
