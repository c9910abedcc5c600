//! How commands fail: an error, and the family that decides the exit code.

use std::fmt;

/// Families of failure, each with its exit code.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Family {
    /// Something that should not happen here: 1.
    Internal,
    /// The command line or the configuration is wrong: 2.
    Usage,
    /// The exchange, a port or a file cannot be reached: 3.
    Unavailable,
    /// The exchange refused: 4.
    Refused,
    /// The thing asked for does not exist: 5.
    NotFound,
    /// A check or a demo step did not hold: 6.
    CheckFailed,
}

impl Family {
    /// Returns the process exit code.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Internal => 1,
            Self::Usage => 2,
            Self::Unavailable => 3,
            Self::Refused => 4,
            Self::NotFound => 5,
            Self::CheckFailed => 6,
        }
    }

    /// Returns the family's name in JSON output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Usage => "usage",
            Self::Unavailable => "unavailable",
            Self::Refused => "refused",
            Self::NotFound => "not_found",
            Self::CheckFailed => "check_failed",
        }
    }
}

/// A command's failure.
#[derive(Debug)]
pub struct Failure {
    family: Family,
    error: anyhow::Error,
}

impl Failure {
    /// Makes a failure of a family.
    pub fn new(family: Family, error: anyhow::Error) -> Self {
        Self { family, error }
    }

    /// Returns the error alone, for whoever has a family of its own for it.
    pub(crate) fn into_error(self) -> anyhow::Error {
        self.error
    }

    /// Returns the family.
    pub fn family(&self) -> Family {
        self.family
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self { family: Family::Internal, error }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The alternate form of anyhow prints the chain of causes on one line.
        write!(f, "{:#}", self.error)
    }
}

/// Puts an error into a family.
pub(crate) trait InFamily<T> {
    /// Turns the error into a [`Failure`] of `family`.
    fn in_family(self, family: Family) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> InFamily<T> for Result<T, E> {
    fn in_family(self, family: Family) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(family, error.into()))
    }
}
