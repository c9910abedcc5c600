//! Why a store could not do what it was asked.

use std::{error::Error, fmt, path::PathBuf, sync::Arc};

/// Why an operation on a store failed.
///
/// It can be cloned, because one commit that fails fails every unit in it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The store has been closed; nothing was written.
    #[error("the store is closed")]
    Closed,
    /// What is asked for contradicts what is stored: the caller's fault.
    #[error("conflict: {what}")]
    Conflict {
        /// The rule that does not hold.
        what: &'static str,
    },
    /// A stored row cannot be read back: the file is damaged, or was sealed with another key.
    #[error("cannot read a stored {what}")]
    Corrupt {
        /// What the row should be.
        what: &'static str,
        /// Why it is not.
        #[source]
        source: Cause,
    },
    /// The cursor is older than the oldest event kept, or newer than the newest: the caller starts
    /// over from a snapshot.
    #[error("cursor {cursor} is outside the feed, which goes from {oldest} to {head}")]
    CursorLost {
        /// What was asked for.
        cursor: u64,
        /// The oldest event kept, or the one to come when none is.
        oldest: u64,
        /// The newest event.
        head: u64,
    },
    /// The disk or the quota is full. Nothing of the unit was written; writes work again when there
    /// is room.
    #[error("no room to write")]
    Full,
    /// The database failed; nothing of the unit was written.
    #[error("the database failed")]
    Io(#[source] Cause),
    /// Something that the unit refers to does not exist: the caller's fault.
    #[error("no such {what}")]
    NotFound {
        /// What is missing.
        what: &'static str,
    },
    /// An earlier commit failed, and no probe has succeeded since: writes are refused, reads work.
    #[error("writes are suspended since a commit failed")]
    Suspended(#[source] Cause),
}

/// What lies under a [`StoreError`], shared by all who wait for the same commit.
#[derive(Clone)]
pub struct Cause(Arc<dyn Error + Send + Sync>);

impl Cause {
    /// Keeps an error as a cause.
    pub(crate) fn new(error: impl Error + Send + Sync + 'static) -> Self {
        Self(Arc::new(error))
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

impl StoreError {
    /// Tells whether the same call may succeed later without anybody changing it.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Full | Self::Io(_) | Self::Suspended(_) => true,
            Self::Closed
            | Self::Conflict { .. }
            | Self::Corrupt { .. }
            | Self::CursorLost { .. }
            | Self::NotFound { .. } => false,
        }
    }
}

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file is not a database, or a damaged one.
    #[error("{path} cannot be used as a database")]
    Database {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Cause,
    },
    /// The directory or a file in it cannot be made or read.
    #[error("cannot open {path}")]
    Directory {
        /// Which path.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is the database of another program.
    #[error("{path} is the database of another program")]
    Foreign {
        /// Which file.
        path: PathBuf,
    },
    /// Another process has the store open.
    #[error("{path} is in use by another process: stop it, or choose another directory")]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// A migration failed; the file is as it was before.
    #[error("cannot bring {path} from schema {from} to {to}")]
    Migration {
        /// Which file.
        path: PathBuf,
        /// The version found.
        from: u32,
        /// The version that could not be reached.
        to: u32,
        /// Why.
        #[source]
        source: Cause,
    },
    /// The file was written by a later version of the software.
    #[error("{path} has schema {found}, this version knows up to {known}: install a later version")]
    TooNew {
        /// Which file.
        path: PathBuf,
        /// The version found.
        found: u32,
        /// The latest version known here.
        known: u32,
    },
    /// The secrets in the file were sealed with another key.
    #[error("the secrets in {path} were sealed with another key")]
    WrongKey {
        /// Which file.
        path: PathBuf,
    },
}
