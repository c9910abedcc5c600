//! Threads that read, each with a connection of its own that cannot write.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use rusqlite::{Connection, OpenFlags};
use tokio::sync::mpsc;

use crate::error::StoreError;

/// Something to read.
pub(super) type Read = Box<dyn FnOnce(&Connection) + Send>;

/// Starts the threads on a queue that they share; they end when it is closed and empty.
pub(super) fn start(
    path: &Path,
    count: usize,
    queue: mpsc::Receiver<Read>,
) -> Result<Vec<thread::JoinHandle<()>>, StartError> {
    let queue = Arc::new(Mutex::new(queue));
    (0..count)
        .map(|number| {
            let db = open(path).map_err(StartError::Database)?;
            let queue = Arc::clone(&queue);
            thread::Builder::new()
                .name(format!("store-read-{number}"))
                .spawn(move || run(&db, &queue))
                .map_err(StartError::Thread)
        })
        .collect()
}

/// Why a thread did not start.
#[derive(Debug)]
pub(super) enum StartError {
    Database(StoreError),
    Thread(std::io::Error),
}

fn open(path: &Path) -> Result<Connection, StoreError> {
    let db = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    db.busy_timeout(super::BUSY_TIMEOUT)?;
    db.set_prepared_statement_cache_capacity(super::STATEMENT_LIMIT);
    db.pragma_update(None, "cache_size", -super::CACHE_KIB)?;
    Ok(db)
}

fn run(db: &Connection, queue: &Mutex<mpsc::Receiver<Read>>) {
    loop {
        // Held while waiting: the others queue here, and whoever has it takes the next.
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        let Some(read) = next else {
            return;
        };
        read(db);
    }
}
