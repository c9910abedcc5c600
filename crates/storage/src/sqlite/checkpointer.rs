//! Copies the log into the database, beside the thread that writes: a commit that has to do it makes
//! everybody wait for a flush of the whole database.

use std::{
    path::Path,
    sync::{Arc, mpsc},
};

use rusqlite::{Connection, OpenFlags};

use crate::{error::StoreError, sqlite::lock::DirectoryLock};

/// The thread's own state.
pub(super) struct Checkpointer {
    db: Connection,
    calls: mpsc::Receiver<()>,
    /// Shared with the writer: the last of the two closes the file.
    _lock: Arc<DirectoryLock>,
}

impl Checkpointer {
    /// Opens a connection for the work; it is done whenever something comes from the other end.
    pub(super) fn open(
        path: &Path,
        lock: Arc<DirectoryLock>,
    ) -> Result<(mpsc::SyncSender<()>, Self), StoreError> {
        let db = Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        db.pragma_update(None, "synchronous", "FULL")?;
        // A call that comes while the log is being copied asks for one more copy, and so do ten.
        let (sender, calls) = mpsc::sync_channel(1);
        Ok((sender, Self { db, calls, _lock: lock }))
    }

    /// Works until the writer has gone.
    pub(super) fn run(self) {
        while self.calls.recv().is_ok() {
            // Passive: copies what it can and waits for nobody, and nobody for it.
            let copied = self.db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
            if let Err(error) = copied {
                // The log keeps what was not copied.
                tracing::warn!(%error, "the log could not be copied into the database");
            }
        }
    }
}
