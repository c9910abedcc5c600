//! Subscriptions in SQLite, and the log they draw on; `deliveries` has what is on its way,
//! `dead_letters` what was given up, `lives` which partitions are open.

mod dead_letters;
mod deliveries;
mod lives;

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use rusqlite::{OptionalExtension, Row, params};
use trunkline_clock::Timestamp;

use crate::{
    error::StoreError,
    outbox::{
        Backlog, DeadLetter, DeadLetterLimits, Delivery, Expansion, Expiry, LogEntry, Moment,
        OtherEvent, OtherEvents, Outbox, Outcome, Subscription, SubscriptionId, Waiting,
    },
    secret::{Sealer, Secret},
    sqlite::{
        SqliteStore,
        codec::{from_json, from_text, number, time, to_json},
        failure::corrupt,
        feed,
        writer::Writing,
    },
};

/// Deliveries that are being attempted. In memory only: after a restart they are due again, as
/// at-least-once allows.
pub(super) type Taken = Mutex<HashSet<(SubscriptionId, u64)>>;

#[async_trait]
impl Outbox for SqliteStore {
    async fn put_subscription(&self, subscription: Subscription) -> Result<(), StoreError> {
        let secret = self.sealer.seal(&place(&subscription.id), subscription.secret.expose());
        let kinds = subscription.kinds.as_ref().map(|kinds| to_json(WHAT, kinds)).transpose()?;
        self.write(move |writing| {
            let sql = "INSERT OR REPLACE INTO subscriptions
                           (id, endpoint, kinds, secret, cursor, is_validated, created_on)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
            writing.db.prepare_cached(sql)?.execute(params![
                subscription.id.as_str(),
                subscription.endpoint,
                kinds,
                secret,
                number(subscription.cursor),
                subscription.is_validated,
                subscription.created_on.as_unix_micros(),
            ])?;
            Ok(())
        })
        .await
    }

    async fn subscription(&self, id: &SubscriptionId) -> Result<Option<Subscription>, StoreError> {
        let id = id.clone();
        let row = self
            .read(move |db| {
                let sql = format!("{SELECT_SUBSCRIPTIONS} WHERE id = ?1");
                let mut statement = db.prepare_cached(&sql)?;
                Ok(statement.query_row([id.as_str()], SealedSubscription::read).optional()?)
            })
            .await?;
        row.map(|row| row.open(&self.sealer)).transpose()
    }

    async fn subscriptions(&self) -> Result<Vec<Subscription>, StoreError> {
        let rows = self
            .read(|db| {
                let sql = format!("{SELECT_SUBSCRIPTIONS} ORDER BY id");
                let mut statement = db.prepare_cached(&sql)?;
                let rows = statement.query_map([], SealedSubscription::read)?;
                Ok(rows.collect::<Result<Vec<_>, _>>()?)
            })
            .await?;
        rows.into_iter().map(|row| row.open(&self.sealer)).collect()
    }

    async fn validate_subscription(&self, id: &SubscriptionId) -> Result<(), StoreError> {
        let id = id.clone();
        self.write(move |writing| {
            // One that is validated already has its cursor left alone.
            let sql = "UPDATE subscriptions
                       SET cursor = iif(is_validated, cursor, ?2), is_validated = 1 WHERE id = ?1";
            let row = params![id.as_str(), number(writing.feed.head)];
            match writing.db.prepare_cached(sql)?.execute(row)? {
                0 => Err(StoreError::NotFound { what: WHAT }),
                _ => Ok(()),
            }
        })
        .await
    }

    async fn delete_subscription(&self, id: &SubscriptionId) -> Result<bool, StoreError> {
        let id = id.clone();
        self.make_room(move |writing| {
            let delete = |sql| -> Result<usize, StoreError> {
                Ok(writing.db.prepare_cached(sql)?.execute([id.as_str()])?)
            };
            delete("DELETE FROM deliveries WHERE subscription = ?1")?;
            delete("DELETE FROM dead_letters WHERE subscription = ?1")?;
            Ok(delete("DELETE FROM subscriptions WHERE id = ?1")? > 0)
        })
        .await
    }

    async fn append(&self, events: Vec<OtherEvent>) -> Result<Vec<u64>, StoreError> {
        self.write(move |writing| feed::append(writing, &events)).await
    }

    async fn append_of_lives(
        &self,
        events: Vec<(OtherEvent, Moment)>,
    ) -> Result<Vec<u64>, StoreError> {
        self.write(move |writing| lives::append(writing, events)).await
    }

    async fn open_partitions(&self) -> Result<Vec<OtherEvent>, StoreError> {
        self.read(lives::open_partitions).await
    }

    async fn expand(
        &self,
        id: &SubscriptionId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Expansion, StoreError> {
        let id = id.clone();
        self.write(move |writing| deliveries::expand(writing, &id, now, limit)).await
    }

    async fn expire(&self, id: &SubscriptionId, expiry: Expiry) -> Result<Expansion, StoreError> {
        let id = id.clone();
        self.write(move |writing| deliveries::expire(writing, &id, &expiry)).await
    }

    async fn waiting(&self, id: &SubscriptionId, limit: usize) -> Result<Waiting, StoreError> {
        let id = id.clone();
        self.read(move |db| deliveries::waiting(db, &id, limit)).await
    }

    async fn take_due(&self, now: Timestamp, limit: usize) -> Result<Vec<Delivery>, StoreError> {
        let taken = Arc::clone(&self.taken);
        let due = self.read(move |db| deliveries::take_due(db, &mut lock(&taken), now, limit));
        let deliveries::Due { deliveries, unreadable } = due.await?;
        for (id, seq) in unreadable {
            self.set_aside(id, seq, now).await;
        }
        Ok(deliveries)
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let taken = Arc::clone(&self.taken);
        self.read(move |db| deliveries::next_due(db, &lock(&taken))).await
    }

    async fn rewind_deliveries(&self, now: Timestamp) -> Result<usize, StoreError> {
        self.write(move |writing| deliveries::rewind(writing.db, now)).await
    }

    async fn record_outcome(
        &self,
        id: &SubscriptionId,
        seq: u64,
        outcome: Outcome,
    ) -> Result<(), StoreError> {
        let mut taken = GiveBack::new(&self.taken, id, seq);
        let makes_room = matches!(outcome, Outcome::Delivered);
        let id = id.clone();
        let work =
            move |writing: &mut Writing<'_>| deliveries::record(writing.db, &id, seq, outcome);
        let recorded = self.submit(work, makes_room).await;
        if recorded.is_err() {
            taken.keep();
        }
        recorded
    }

    async fn postpone(
        &self,
        id: &SubscriptionId,
        seq: u64,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let _taken = GiveBack::new(&self.taken, id, seq);
        let id = id.clone();
        self.write(move |writing| deliveries::postpone(writing.db, &id, seq, until)).await
    }

    async fn dead_letters(
        &self,
        id: &SubscriptionId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let id = id.clone();
        self.read(move |db| dead_letters::list(db, &id, after, limit)).await
    }

    async fn revive(
        &self,
        id: &SubscriptionId,
        seq: u64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let id = id.clone();
        self.write(move |writing| dead_letters::revive(writing.db, &id, seq, now)).await
    }

    async fn prune_dead_letters(
        &self,
        limits: DeadLetterLimits,
        rows: usize,
    ) -> Result<usize, StoreError> {
        self.make_room(move |writing| dead_letters::prune(writing.db, limits, rows)).await
    }

    async fn backlog(&self, id: &SubscriptionId) -> Result<Backlog, StoreError> {
        let id = id.clone();
        self.read(move |db| {
            let count = |sql| -> Result<u64, StoreError> {
                Ok(db.prepare_cached(sql)?.query_row([id.as_str()], |row| row.get(0))?)
            };
            Ok(Backlog {
                pending: count("SELECT count(*) FROM deliveries WHERE subscription = ?1")?,
                dead: count(
                    "SELECT count(*) FROM dead_letters WHERE subscription = ?1 AND NOT is_revived",
                )?,
            })
        })
        .await
    }

    async fn log_after(&self, cursor: u64, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        self.read(move |db| {
            feed::check_cursor(db, cursor)?;
            feed::after(db, cursor, limit)
        })
        .await
    }

    async fn others_after(&self, cursor: u64, limit: usize) -> Result<OtherEvents, StoreError> {
        self.read(move |db| {
            feed::check_cursor(db, cursor)?;
            feed::others_after(db, cursor, limit)
        })
        .await
    }
}

impl SqliteStore {
    /// Gives up a delivery that was taken and whose event cannot be read. When that cannot be recorded
    /// it stays taken, and is found again at the next start.
    async fn set_aside(&self, id: SubscriptionId, seq: u64, now: Timestamp) {
        let mut taken = GiveBack::new(&self.taken, &id, seq);
        let work =
            move |writing: &mut Writing<'_>| deliveries::set_aside(writing.db, &id, seq, now);
        if let Err(error) = self.write(work).await {
            tracing::error!(seq, %error, "an unreadable event is still to be set aside");
            taken.keep();
        }
    }
}

/// A subscription as its row has it.
struct SealedSubscription {
    id: String,
    endpoint: String,
    kinds: Option<Vec<u8>>,
    secret: Vec<u8>,
    cursor: u64,
    is_validated: bool,
    created_on: i64,
}

impl SealedSubscription {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            endpoint: row.get(1)?,
            kinds: row.get(2)?,
            secret: row.get(3)?,
            cursor: row.get(4)?,
            is_validated: row.get(5)?,
            created_on: row.get(6)?,
        })
    }

    fn open(self, sealer: &Sealer) -> Result<Subscription, StoreError> {
        let id: SubscriptionId = from_text(WHAT, &self.id)?;
        let secret = sealer.open(&place(&id), &self.secret).map_err(corrupt("signing secret"))?;
        Ok(Subscription {
            id,
            endpoint: self.endpoint,
            kinds: self.kinds.map(|kinds| from_json(WHAT, &kinds)).transpose()?,
            secret: Secret::new(secret),
            cursor: self.cursor,
            is_validated: self.is_validated,
            created_on: time(self.created_on),
        })
    }
}

/// A delivery that is no longer being attempted once this is dropped, with the answer or without:
/// whoever does not wait for it records nothing any more.
struct GiveBack {
    all: Arc<Taken>,
    one: Option<(SubscriptionId, u64)>,
}

impl GiveBack {
    fn new(all: &Arc<Taken>, id: &SubscriptionId, seq: u64) -> Self {
        Self { all: Arc::clone(all), one: Some((id.clone(), seq)) }
    }

    /// Leaves it taken.
    fn keep(&mut self) {
        self.one = None;
    }
}

impl Drop for GiveBack {
    fn drop(&mut self) {
        if let Some(one) = &self.one {
            lock(&self.all).remove(one);
        }
    }
}

fn lock(taken: &Taken) -> MutexGuard<'_, HashSet<(SubscriptionId, u64)>> {
    // Whoever panicked did so between two operations of the set, which is whole.
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Names where a secret is kept, so that it opens nowhere else.
fn place(id: &SubscriptionId) -> String {
    format!("subscriptions/{id}/secret")
}

const WHAT: &str = "subscription";

const SELECT_SUBSCRIPTIONS: &str =
    "SELECT id, endpoint, kinds, secret, cursor, is_validated, created_on FROM subscriptions";
