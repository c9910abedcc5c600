//! The one thread that writes: group commit.
//!
//! It takes what is in its queue without waiting, applies each unit under a savepoint of one
//! transaction, commits, and only then answers. A unit that fails alone is rolled back alone; a
//! commit that fails fails all, and suspends writes until a probe has been committed. What makes room
//! is let through while a full disk is the reason.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc as blocking,
    },
    time::{Duration, Instant},
};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::{
    error::{Cause, StoreError},
    sqlite::{
        chat::FreeMessages, feed::by_thread, feed_position::FeedPosition, lock::DirectoryLock,
    },
};

/// What a unit writes with.
pub(super) struct Writing<'a> {
    pub(super) db: &'a Connection,
    pub(super) feed: &'a mut FeedPosition,
    pub(super) free: &'a mut FreeMessages,
}

/// Something to write, as a whole or not at all.
pub(super) trait Unit: Send {
    /// Writes, and says how that went; keeps the result for `finish`.
    fn apply(&mut self, writing: &mut Writing<'_>) -> Result<(), StoreError>;

    /// Tells whether it makes room, and so may be written when there is none for others.
    fn makes_room(&self) -> bool;

    /// Answers the one who waits: with the result that was kept, or with why it did not last.
    fn finish(self: Box<Self>, lasting: Result<(), StoreError>);
}

/// What the thread is asked.
pub(super) enum Request {
    Close,
    Probe(oneshot::Sender<Result<(), StoreError>>),
    Write(Box<dyn Unit>),
}

/// What others may see of the thread.
#[derive(Debug, Default)]
pub(super) struct WriterState {
    pub(super) is_suspended: AtomicBool,
    /// The feed as it was committed last.
    pub(super) feed_head: AtomicU64,
    pub(super) feed_oldest: AtomicU64,
    pub(super) commits: AtomicU64,
    pub(super) units: AtomicU64,
}

/// The thread's own state.
pub(super) struct Writer {
    pub(super) db: Connection,
    pub(super) queue: mpsc::Receiver<Request>,
    pub(super) batch_limit: usize,
    pub(super) feed: FeedPosition,
    pub(super) free: FreeMessages,
    /// Where the entries of the feed by thread end.
    pub(super) by_thread_end: u64,
    pub(super) state: Arc<WriterState>,
    pub(super) suspension: Option<Suspension>,
    /// Taken from the queue while a batch was put together, and to be looked at next.
    pub(super) put_back: Option<Request>,
    /// Has the log copied into the database.
    pub(super) checkpoints: blocking::SyncSender<()>,
    /// Units in the log since that was last asked for.
    pub(super) uncopied_units: usize,
    /// Goes with the thread: nobody else opens the directory before the last write.
    pub(super) _lock: Arc<DirectoryLock>,
}

/// Why writes are refused, and when a probe was last tried.
pub(super) struct Suspension {
    cause: StoreError,
    last_probe: Instant,
}

impl Writer {
    /// Works until the queue is closed and empty.
    pub(super) fn run(mut self) {
        while let Some(request) = self.next() {
            match request {
                Request::Close => self.queue.close(),
                Request::Probe(reply) => {
                    // Whoever asked may have gone; the probe was made all the same.
                    let _ = reply.send(self.probe());
                }
                Request::Write(unit) => self.write(unit),
            }
        }
    }

    fn next(&mut self) -> Option<Request> {
        self.put_back.take().or_else(|| self.queue.blocking_recv())
    }

    fn write(&mut self, unit: Box<dyn Unit>) {
        let Some(suspension) = &self.suspension else {
            return self.commit_batch(unit, self.batch_limit);
        };
        if suspension.is_for_want_of_room() && unit.makes_room() {
            self.commit_batch(unit, 1);
            // It says itself if there is still no room.
            let _ = self.probe();
        } else if suspension.last_probe.elapsed() < PROBE_INTERVAL {
            unit.finish(Err(suspension.refusal()));
        } else {
            match self.probe() {
                Ok(()) => self.commit_batch(unit, self.batch_limit),
                Err(refusal) => unit.finish(Err(refusal)),
            }
        }
    }

    fn probe(&mut self) -> Result<(), StoreError> {
        let filled = self.transaction(|db| {
            db.execute("INSERT INTO probe (filler) VALUES (zeroblob(?1))", [PROBE_BYTES])?;
            Ok(())
        });
        let outcome = filled.and_then(|()| {
            self.transaction(|db| {
                db.execute("DELETE FROM probe", [])?;
                Ok(())
            })
        });
        match (&outcome, self.suspension.take()) {
            (Ok(()), Some(_)) => tracing::info!("writes work again"),
            (Ok(()), None) => {}
            (Err(error), _) => self.suspend(error.clone()),
        }
        self.state.is_suspended.store(self.suspension.is_some(), Ordering::Release);
        outcome
    }

    fn transaction(
        &mut self,
        work: impl FnOnce(&Connection) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.db.execute_batch("BEGIN IMMEDIATE")?;
        let outcome = work(&self.db).and_then(|()| Ok(self.db.execute_batch("COMMIT")?));
        if outcome.is_err() {
            self.roll_back();
        }
        outcome
    }

    fn commit_batch(&mut self, first: Box<dyn Unit>, limit: usize) {
        let before = (self.feed, self.free);
        let mut batch = Vec::new();
        let outcome = self.apply_batch(first, limit, &mut batch).and_then(|()| {
            let commit = self.db.prepare_cached("COMMIT")?.execute([]);
            commit.map(drop).map_err(StoreError::from)
        });
        self.state.commits.fetch_add(1, Ordering::Relaxed);
        self.state.units.fetch_add(batch.len() as u64, Ordering::Relaxed);
        match &outcome {
            Ok(()) => {
                self.state.feed_head.store(self.feed.head, Ordering::Release);
                self.state.feed_oldest.store(self.feed.oldest, Ordering::Release);
            }
            Err(error) => {
                self.roll_back();
                (self.feed, self.free) = before;
                tracing::error!(%error, units = batch.len(), "a commit failed");
                self.suspend(error.clone());
            }
        }
        self.uncopied_units += batch.len();
        let is_lasting = outcome.is_ok();
        for unit in batch {
            unit.finish(outcome.clone());
        }
        if is_lasting {
            self.extend_by_thread();
        }
        if self.uncopied_units >= CHECKPOINT_UNITS {
            self.uncopied_units = 0;
            // One that waits already will do.
            let _ = self.checkpoints.try_send(());
        }
    }

    /// Writes the entries of the feed by thread that are due. Without room for them readers go on
    /// stepping over the events, and the next commit tries again.
    fn extend_by_thread(&mut self) {
        let (from, to) = (self.by_thread_end, by_thread::due_end(self.feed.head));
        if from >= to {
            return;
        }
        match self.transaction(|db| by_thread::extend(db, from, to)) {
            Ok(()) => self.by_thread_end = to,
            Err(StoreError::Full) => tracing::debug!("no room for the feed's entries by thread"),
            Err(error) => {
                tracing::error!(%error, "the feed's entries by thread could not be written");
                self.suspend(error);
            }
        }
    }

    /// Applies units until the queue is empty, the batch is full, or the transaction is lost.
    fn apply_batch(
        &mut self,
        first: Box<dyn Unit>,
        limit: usize,
        batch: &mut Vec<Box<dyn Unit>>,
    ) -> Result<(), StoreError> {
        let begun = self.execute("BEGIN IMMEDIATE");
        batch.push(first);
        begun?;
        let mut at = 0;
        while let Some(unit) = batch.get_mut(at) {
            let (feed, free) = (&mut self.feed, &mut self.free);
            apply(&mut Writing { db: &self.db, feed, free }, &mut **unit)?;
            at += 1;
            if batch.len() >= limit {
                break;
            }
            match self.queue.try_recv() {
                Ok(Request::Write(unit)) => batch.push(unit),
                Ok(other @ (Request::Close | Request::Probe(_))) => {
                    self.put_back = Some(other);
                    break;
                }
                Err(_) => break,
            }
        }
        Ok(())
    }

    fn execute(&self, sql: &str) -> Result<(), StoreError> {
        self.db.prepare_cached(sql)?.execute([])?;
        Ok(())
    }

    /// Ends a transaction that failed. SQLite has done so itself for some errors.
    fn roll_back(&self) {
        if !self.db.is_autocommit()
            && let Err(error) = self.execute("ROLLBACK")
        {
            tracing::error!(%error, "a rollback failed");
        }
    }

    fn suspend(&mut self, cause: StoreError) {
        self.suspension = Some(Suspension { cause, last_probe: Instant::now() });
        self.state.is_suspended.store(true, Ordering::Release);
    }
}

impl Suspension {
    fn is_for_want_of_room(&self) -> bool {
        matches!(self.cause, StoreError::Full)
    }

    fn refusal(&self) -> StoreError {
        match &self.cause {
            StoreError::Full => StoreError::Full,
            other => StoreError::Suspended(Cause::new(other.clone())),
        }
    }
}

/// Applies one unit under a savepoint. Fails only when the transaction is lost as a whole.
fn apply(writing: &mut Writing<'_>, unit: &mut dyn Unit) -> Result<(), StoreError> {
    let db = writing.db;
    let before = (*writing.feed, *writing.free);
    db.prepare_cached("SAVEPOINT unit")?.execute([])?;
    if let Err(error) = unit.apply(writing) {
        // Running out of room or a failing disk may have rolled everything back already.
        if db.is_autocommit() {
            return Err(error);
        }
        (*writing.feed, *writing.free) = before;
        db.prepare_cached("ROLLBACK TO unit")?.execute([])?;
    }
    db.prepare_cached("RELEASE unit")?.execute([])?;
    Ok(())
}

/// A unit made from a closure.
pub(super) struct Pending<T, F> {
    pub(super) work: Option<F>,
    pub(super) makes_room: bool,
    pub(super) outcome: Option<Result<T, StoreError>>,
    pub(super) reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Unit for Pending<T, F>
where
    T: Send,
    F: FnOnce(&mut Writing<'_>) -> Result<T, StoreError> + Send,
{
    fn apply(&mut self, writing: &mut Writing<'_>) -> Result<(), StoreError> {
        let Some(work) = self.work.take() else {
            return Ok(());
        };
        match work(writing) {
            Ok(value) => {
                self.outcome = Some(Ok(value));
                Ok(())
            }
            Err(error) => {
                self.outcome = Some(Err(error.clone()));
                Err(error)
            }
        }
    }

    fn makes_room(&self) -> bool {
        self.makes_room
    }

    fn finish(self: Box<Self>, lasting: Result<(), StoreError>) {
        let outcome = match (lasting, self.outcome) {
            // Its own error says more than that of the others.
            (_, Some(Err(error))) | (Err(error), _) => Err(error),
            (Ok(()), Some(Ok(value))) => Ok(value),
            (Ok(()), None) => Err(StoreError::Closed),
        };
        // Whoever waited may have gone; what was written stays.
        let _ = self.reply.send(outcome);
    }
}

/// The time between probes that writes cause while they are suspended. Longer keeps writes out for
/// longer than necessary, shorter has every write on a full disk try it once more.
const PROBE_INTERVAL: Duration = Duration::from_millis(100);

/// What a probe writes: more than a common unit needs, so that writes do not begin again only to
/// fail at once.
const PROBE_BYTES: i64 = 64 * 1024;

/// Units after which the log is copied into the database: 7 MB of it when many share commits, three
/// times that when each has its own. Larger makes reads slower, because they look into the log first;
/// smaller writes pages that change often, and flushes the database, more often, on the disk that
/// commits wait for: with 256 they take three quarters of the units that they take with this.
const CHECKPOINT_UNITS: usize = 1_024;
