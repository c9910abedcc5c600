//! The store of one machine: an SQLite file in WAL mode, one thread that writes, some that read.
//!
//! [Durable](https://www.sqlite.org/pragma.html#pragma_synchronous) by `synchronous=FULL`: the log is
//! flushed before a commit returns, and nothing is answered before.

mod call_history;
mod chat;
mod checkpointer;
mod codec;
mod failure;
mod feed;
mod feed_position;
mod identity;
mod lock;
mod meetings;
mod migrations;
mod outbox;
mod policy;
mod presence;
mod push_endpoints;
mod readers;
mod repeatability;
mod rooms;
#[cfg(test)]
mod tests;
mod writer;

use std::{
    fmt,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use async_trait::async_trait;
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use tokio::sync::{mpsc, oneshot};

use crate::{
    chat::FeedBounds,
    error::{Cause, OpenError, StoreError},
    secret::{Sealer, SealingKey, private_file},
    sqlite::{
        chat::FreeMessages,
        checkpointer::Checkpointer,
        feed_position::FeedPosition,
        lock::DirectoryLock,
        migrations::MigrationError,
        outbox::Taken,
        readers::{Read, StartError},
        repeatability::Reservations,
        writer::{Pending, Request, Writer, WriterState, Writing},
    },
    store::Store,
};

/// How a store on SQLite is opened.
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// The directory of the database; made when there is none. One process at a time uses it.
    pub directory: PathBuf,
    /// What seals the secrets in it.
    pub sealing_key: SealingKey,
    /// The most that the database may grow to, in bytes; `None` is as much as the disk has.
    pub limit_bytes: Option<u64>,
    /// How many threads read.
    pub readers: NonZeroUsize,
    /// The most units in one commit. More of them share the cost of one flush, and the first waits
    /// for the last to be applied: at some 30 µs each, 512 are 15 ms.
    pub batch_limit: NonZeroUsize,
}

impl SqliteOptions {
    /// Makes options with the defaults.
    pub fn new(directory: impl Into<PathBuf>, sealing_key: SealingKey) -> Self {
        Self {
            directory: directory.into(),
            sealing_key,
            limit_bytes: None,
            readers: const { NonZeroUsize::new(2).unwrap() },
            batch_limit: const { NonZeroUsize::new(512).unwrap() },
        }
    }
}

/// A store on SQLite. Dropping it waits for the writes that were taken.
pub struct SqliteStore {
    writes: mpsc::Sender<Request>,
    reads: Mutex<Option<mpsc::Sender<Read>>>,
    threads: Mutex<Vec<thread::JoinHandle<()>>>,
    state: Arc<WriterState>,
    sealer: Sealer,
    /// Requests that are being carried out.
    reservations: Arc<Reservations>,
    /// Deliveries that are being attempted.
    taken: Arc<Taken>,
    path: PathBuf,
}

/// How often the writer committed, and how many units it wrote with that.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CommitCounts {
    /// Commits, with those that failed.
    pub commits: u64,
    /// Units in them.
    pub units: u64,
}

impl SqliteStore {
    /// Opens the store, bringing its file to the latest schema. Blocks for as long as that takes.
    pub fn open(options: &SqliteOptions) -> Result<Self, OpenError> {
        let lock = Arc::new(DirectoryLock::acquire(&options.directory)?);
        let path = options.directory.join("store.db");
        let mut db = open_file(&path)?;
        migrate(&mut db, &path)?;
        let unusable = |source: StoreError| OpenError::Database {
            path: path.clone(),
            source: Cause::new(source),
        };
        configure(&db, options.limit_bytes).map_err(unusable)?;
        let sealer = Sealer::new(&options.sealing_key);
        if !is_right_key(&db, &sealer).map_err(unusable)? {
            return Err(OpenError::WrongKey { path });
        }
        let feed = FeedPosition::load(&db).map_err(unusable)?;
        let free = FreeMessages::load(&db).map_err(unusable)?;
        let by_thread_end = feed::by_thread::end(&db).map_err(unusable)?;
        let state = Arc::new(WriterState {
            feed_head: AtomicU64::new(feed.head),
            feed_oldest: AtomicU64::new(feed.oldest),
            ..WriterState::default()
        });
        let (reads, read_queue) = mpsc::channel(QUEUE_LIMIT);
        let started = readers::start(&path, options.readers.get(), read_queue);
        let mut threads = started.map_err(|error| match error {
            StartError::Database(source) => unusable(source),
            StartError::Thread(source) => OpenError::Directory { path: path.clone(), source },
        })?;
        let (checkpoints, checkpointer) =
            Checkpointer::open(&path, Arc::clone(&lock)).map_err(unusable)?;
        let (writes, queue) = mpsc::channel(QUEUE_LIMIT);
        let writer = Writer {
            db,
            queue,
            batch_limit: options.batch_limit.get(),
            feed,
            free,
            by_thread_end,
            state: Arc::clone(&state),
            suspension: None,
            put_back: None,
            checkpoints,
            uncopied_units: 0,
            _lock: lock,
        };
        let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
            let spawned = thread::Builder::new().name(name.into()).spawn(run);
            spawned.map_err(|source| OpenError::Directory { path: path.clone(), source })
        };
        threads.push(spawn("store-copy", Box::new(|| checkpointer.run()))?);
        threads.push(spawn("store-write", Box::new(|| writer.run()))?);
        Ok(Self {
            writes,
            reads: Mutex::new(Some(reads)),
            threads: Mutex::new(threads),
            state,
            sealer,
            reservations: Arc::default(),
            taken: Arc::default(),
            path,
        })
    }

    /// Returns the path of the database.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns how much was written with how many commits.
    pub fn commit_counts(&self) -> CommitCounts {
        CommitCounts {
            commits: self.state.commits.load(Ordering::Relaxed),
            units: self.state.units.load(Ordering::Relaxed),
        }
    }

    /// Returns how far the feed goes, as it was committed last.
    fn committed_feed(&self) -> FeedBounds {
        FeedBounds {
            oldest: self.state.feed_oldest.load(Ordering::Acquire),
            head: self.state.feed_head.load(Ordering::Acquire),
        }
    }

    /// Has the writer write something, and waits until it lasts. Waits for a place in the queue when
    /// it is full.
    async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Writing<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.submit(work, false).await
    }

    /// Has the writer delete something. Done even while a full disk keeps other writes out.
    async fn make_room<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Writing<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.submit(work, true).await
    }

    async fn submit<T, F>(&self, work: F, makes_room: bool) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Writing<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let unit = Box::new(Pending { work: Some(work), makes_room, outcome: None, reply });
        self.writes.send(Request::Write(unit)).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Has a reader read something, from one state of the database.
    async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let queue = self.reads.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let queue = queue.ok_or(StoreError::Closed)?;
        let (reply, answer) = oneshot::channel();
        let read: Read = Box::new(move |db| {
            // Whoever asked may have gone.
            let _ = reply.send(consistently(db, work));
        });
        queue.send(read).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    fn stop(&self) -> Vec<thread::JoinHandle<()>> {
        self.reads.lock().unwrap_or_else(PoisonError::into_inner).take();
        std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Store for SqliteStore {
    fn is_writable(&self) -> bool {
        !self.state.is_suspended.load(Ordering::Acquire)
    }

    async fn probe(&self) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.writes.send(Request::Probe(reply)).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    async fn close(&self) {
        // Closed already is as good.
        let _ = self.writes.send(Request::Close).await;
        let threads = self.stop();
        let joined = tokio::task::spawn_blocking(move || {
            threads.into_iter().for_each(|thread| drop(thread.join()));
        });
        // The task does not panic: a thread that did has been looked at and left.
        let _ = joined.await;
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        // A queue that is full and that nobody reads from is closed with its sender all the same.
        let (nobody, _) = mpsc::channel(1);
        drop(std::mem::replace(&mut self.writes, nobody));
        for thread in self.stop() {
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Runs several statements on one state of the database.
fn consistently<T>(
    db: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    db.prepare_cached("BEGIN")?.execute([])?;
    let outcome = work(db);
    db.prepare_cached("COMMIT")?.execute([])?;
    outcome
}

/// Opens the file for writing; one that is new can be read by its owner alone.
fn open_file(path: &Path) -> Result<Connection, OpenError> {
    private_file(std::fs::OpenOptions::new().append(true).create(true))
        .open(path)
        .map_err(|source| OpenError::Directory { path: path.to_owned(), source })?;
    Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(|source| OpenError::Database { path: path.to_owned(), source: Cause::new(source) })
}

fn migrate(db: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let path = path.to_owned();
    migrations::migrate(db, migrations::LATEST).map_err(|error| match error {
        MigrationError::Failed { from: 0, to: 0, source } => {
            OpenError::Database { path, source: Cause::new(source) }
        }
        MigrationError::Failed { from, to, source } => {
            OpenError::Migration { path, from, to, source: Cause::new(source) }
        }
        MigrationError::Foreign => OpenError::Foreign { path },
        MigrationError::TooNew { found } => {
            OpenError::TooNew { path, found, known: migrations::LATEST }
        }
    })
}

fn configure(db: &Connection, limit_bytes: Option<u64>) -> Result<(), StoreError> {
    db.busy_timeout(BUSY_TIMEOUT)?;
    db.set_prepared_statement_cache_capacity(STATEMENT_LIMIT);
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    db.pragma_update(None, "cache_size", -CACHE_KIB)?;
    db.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    db.pragma_update(None, "journal_size_limit", LOG_LIMIT_BYTES)?;
    if let Some(limit_bytes) = limit_bytes {
        let page: u64 = db.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let pages = i64::try_from(limit_bytes / page).unwrap_or(i64::MAX);
        db.pragma_update(None, "max_page_count", pages)?;
    }
    Ok(())
}

/// Opens a mark that the first use of the file has sealed.
fn is_right_key(db: &Connection, sealer: &Sealer) -> Result<bool, StoreError> {
    const PLACE: &str = "meta/key-check";
    let mark: Option<Vec<u8>> = db
        .query_row("SELECT value FROM meta WHERE name = 'key-check'", [], |row| row.get(0))
        .optional()?;
    match mark {
        Some(mark) => Ok(sealer.open(PLACE, &mark).is_ok()),
        None => {
            let mark = sealer.seal(PLACE, b"trunkline");
            db.execute("INSERT INTO meta (name, value) VALUES ('key-check', ?1)", [mark])?;
            Ok(true)
        }
    }
}

/// Units and reads that wait. Larger lets more callers wait here for a slow disk than in their own
/// queues; smaller makes batches smaller than the disk would allow.
const QUEUE_LIMIT: usize = 4_096;

/// Statements kept ready by each connection: more than there are in this crate.
const STATEMENT_LIMIT: usize = 256;

/// Page cache of each connection.
const CACHE_KIB: i64 = 16 * 1024;

/// Pages in the log after which a commit itself copies what is left of them into the database: 64 MB.
/// While units come without a pause the log can begin anew only after that. Larger lets it grow and
/// reads slow down, smaller makes the commit wait more often.
const CHECKPOINT_PAGES: i64 = 16_384;

/// To what the log is cut after a burst.
const LOG_LIMIT_BYTES: i64 = 64 * 1024 * 1024;

/// How long a tool that has the file open, such as a backup, may keep a commit waiting.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
