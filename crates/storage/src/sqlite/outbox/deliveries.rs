//! Deliveries: made from the feed, due one at a time in each partition, done or given up.

use std::collections::{BTreeSet, HashSet};

use rusqlite::{Connection, OptionalExtension, Row, params};
use trunkline_clock::Timestamp;

use crate::{
    error::StoreError,
    outbox::{Delivery, Expansion, Expiry, LogEntry, Outcome, SubscriptionId, Waiting},
    sqlite::{
        codec::{from_json, from_text, limit, number, time},
        failure::corrupt,
        feed,
        outbox::dead_letters::{self, Death},
        writer::Writing,
    },
};

/// Turns events past a subscription's cursor into deliveries.
pub(super) fn expand(
    writing: &Writing<'_>,
    id: &SubscriptionId,
    now: Timestamp,
    rows: usize,
) -> Result<Expansion, StoreError> {
    let (db, stretch) = (writing.db, Stretch { rows, before: None });
    advance(writing, id, stretch, |seq, partition| enqueue(db, id, seq, partition, now))
}

/// Makes dead letters of the events past a subscription's cursor, up to the first that is not too old.
pub(super) fn expire(
    writing: &Writing<'_>,
    id: &SubscriptionId,
    expiry: &Expiry,
) -> Result<Expansion, StoreError> {
    let (db, on) = (writing.db, expiry.on);
    let stretch = Stretch { rows: expiry.limit, before: Some(expiry.before) };
    advance(writing, id, stretch, |seq, partition| {
        let death = Death { attempts: 0, reason: &expiry.reason, on, enqueued_on: on };
        give_up(db, id, seq, partition, death)
    })
}

/// How far a cursor moves at once.
struct Stretch {
    rows: usize,
    /// Not past an event that happened then or later.
    before: Option<Timestamp>,
}

/// Moves a subscription's cursor on and does something with each event that it wants.
fn advance(
    writing: &Writing<'_>,
    id: &SubscriptionId,
    stretch: Stretch,
    mut each: impl FnMut(u64, &str) -> Result<(), StoreError>,
) -> Result<Expansion, StoreError> {
    let db = writing.db;
    let sql = "SELECT kinds, cursor, is_validated FROM subscriptions WHERE id = ?1";
    let found = db
        .prepare_cached(sql)?
        .query_row([id.as_str()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((kinds, cursor, is_validated)): Option<(Option<Vec<u8>>, u64, bool)> = found else {
        return Err(StoreError::NotFound { what: "subscription" });
    };
    if !is_validated {
        return Ok(Expansion { added: 0, cursor, has_more: false });
    }
    let kinds: Option<BTreeSet<String>> =
        kinds.map(|kinds| from_json("subscription", &kinds)).transpose()?;
    let sql = "SELECT seq, kind, coalesce(partition, threads.id), happened_on
               FROM feed LEFT JOIN threads ON number = thread
               WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    let mut statement = db.prepare_cached(sql)?;
    let mut events = statement.query([number(cursor), limit(stretch.rows)])?;
    let mut expansion = Expansion { added: 0, cursor, has_more: false };
    while let Some(row) = events.next()? {
        let (seq, happened_on): (u64, i64) = (row.get(0)?, row.get(3)?);
        if stretch.before.is_some_and(|before| time(happened_on) >= before) {
            break;
        }
        expansion.cursor = seq;
        let names = || -> rusqlite::Result<(String, String)> { Ok((row.get(1)?, row.get(2)?)) };
        let Some((kind, partition)) = feed::unless_unreadable(seq, names().map_err(Into::into))?
        else {
            continue;
        };
        if kinds.as_ref().is_none_or(|wanted| wanted.contains(&kind)) {
            each(seq, &partition)?;
            expansion.added += 1;
        }
    }
    expansion.has_more = expansion.cursor < writing.feed.head;
    let sql = "UPDATE subscriptions SET cursor = ?2 WHERE id = ?1";
    db.prepare_cached(sql)?.execute(params![id.as_str(), number(expansion.cursor)])?;
    Ok(expansion)
}

/// Returns what waits for a subscription. Asked for every event, it looks at no dead letter.
pub(super) fn waiting(
    db: &Connection,
    id: &SubscriptionId,
    rows: usize,
) -> Result<Waiting, StoreError> {
    let row = params![id.as_str(), limit(rows)];
    let pending: u64 = db.prepare_cached(COUNT_PENDING)?.query_row(row, |row| row.get(0))?;
    let next = db.prepare_cached(NEXT_HAPPENED_ON)?.query_row([id.as_str()], |row| row.get(0));
    Ok(Waiting {
        pending: usize::try_from(pending).unwrap_or(usize::MAX),
        next_on: next.optional()?.map(time),
    })
}

const COUNT_PENDING: &str =
    "SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE subscription = ?1 LIMIT ?2)";

const NEXT_HAPPENED_ON: &str = "SELECT happened_on FROM feed
    WHERE seq > (SELECT cursor FROM subscriptions WHERE id = ?1) ORDER BY seq LIMIT 1";

/// Adds a delivery: due at once, or when those before it in its partition are done.
pub(super) fn enqueue(
    db: &Connection,
    id: &SubscriptionId,
    seq: u64,
    partition: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT OR IGNORE INTO deliveries
                   (subscription, seq, partition, attempts, enqueued_on, due_on)
               SELECT ?1, ?2, ?3, 0, ?4,
                   iif(EXISTS (SELECT 1 FROM deliveries WHERE subscription = ?1 AND partition = ?3),
                       NULL, ?5)";
    let row = params![id.as_str(), number(seq), partition, now.as_unix_micros(), AT_ONCE];
    db.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

/// Makes due at once what is yet to be due by a clock that has been set back since. When it came about
/// stays: it is the clock of now that may be wrong, and nothing must grow old by it.
pub(super) fn rewind(db: &Connection, now: Timestamp) -> Result<usize, StoreError> {
    let sql = "UPDATE deliveries SET due_on = ?2
               WHERE due_on > ?1 AND (enqueued_on > ?1 OR attempts = 0)";
    Ok(db.prepare_cached(sql)?.execute([now.as_unix_micros(), AT_ONCE])?)
}

/// The due time of what waits for nothing. The time at which it came to be due would not do: by a
/// clock that is set back it is yet to come.
const AT_ONCE: i64 = 0;

/// What was taken.
pub(super) struct Due {
    pub(super) deliveries: Vec<Delivery>,
    /// Deliveries whose event cannot be read: to be set aside.
    pub(super) unreadable: Vec<(SubscriptionId, u64)>,
}

/// Takes deliveries that are due and that nobody has.
pub(super) fn take_due(
    db: &Connection,
    taken: &mut HashSet<(SubscriptionId, u64)>,
    now: Timestamp,
    rows: usize,
) -> Result<Due, StoreError> {
    let sql = "SELECT subscription, seq, partition, attempts, enqueued_on FROM deliveries
               WHERE due_on <= ?1 ORDER BY due_on, seq LIMIT ?2";
    let mut statement = db.prepare_cached(sql)?;
    let candidates = limit(rows.saturating_add(taken.len()));
    let mut rows_due = statement.query([now.as_unix_micros(), candidates])?;
    let mut due = Due { deliveries: Vec::new(), unreadable: Vec::new() };
    while due.deliveries.len() + due.unreadable.len() < rows
        && let Some(row) = rows_due.next()?
    {
        let name = name(row)?;
        if taken.contains(&name) {
            continue;
        }
        match event(db, &name.0, name.1) {
            Ok(entry) => due.deliveries.push(Delivery {
                subscription: name.0,
                entry,
                partition: row.get(2)?,
                attempts: row.get(3)?,
                enqueued_on: time(row.get(4)?),
            }),
            Err(error @ StoreError::Corrupt { .. }) => {
                let (subscription, seq) = &name;
                tracing::error!(%subscription, seq, %error, "an event cannot be delivered");
                due.unreadable.push(name);
            }
            Err(error) => return Err(error),
        }
    }
    let names = due.deliveries.iter().map(|one| (one.subscription.clone(), one.entry.seq));
    taken.extend(names.chain(due.unreadable.iter().cloned()));
    Ok(due)
}

/// Returns when the next delivery that nobody has is due.
pub(super) fn next_due(
    db: &Connection,
    taken: &HashSet<(SubscriptionId, u64)>,
) -> Result<Option<Timestamp>, StoreError> {
    let sql = "SELECT subscription, seq, due_on FROM deliveries WHERE due_on IS NOT NULL
               ORDER BY due_on LIMIT ?1";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([limit(taken.len() + 1)])?;
    while let Some(row) = rows.next()? {
        if !taken.contains(&name(row)?) {
            return Ok(Some(time(row.get(2)?)));
        }
    }
    Ok(None)
}

fn name(row: &Row<'_>) -> Result<(SubscriptionId, u64), StoreError> {
    let id = row.get_ref(0)?.as_str().map_err(corrupt("subscription"))?;
    Ok((from_text("subscription", id)?, row.get(1)?))
}

/// Returns the event of a delivery, from the feed or, once revived, from its dead letter.
fn event(db: &Connection, id: &SubscriptionId, seq: u64) -> Result<LogEntry, StoreError> {
    if let Some(entry) = feed::entry(db, seq)? {
        return Ok(entry);
    }
    dead_letters::entry(db, id, seq)?.ok_or(EventMissing { seq }).map_err(corrupt("delivery"))
}

/// Says that a delivery has lost its event.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("event {seq} is gone")]
struct EventMissing {
    seq: u64,
}

/// Records what came of a delivery; one that is done already is left alone.
pub(super) fn record(
    db: &Connection,
    id: &SubscriptionId,
    seq: u64,
    outcome: Outcome,
) -> Result<(), StoreError> {
    let Some(pending) = pending(db, id, seq)? else {
        return Ok(());
    };
    let attempts = pending.attempts.saturating_add(1);
    match outcome {
        Outcome::Retry { at, reason } => {
            let sql = "UPDATE deliveries SET attempts = ?3, due_on = ?4, reason = ?5
                       WHERE subscription = ?1 AND seq = ?2";
            let at = at.as_unix_micros();
            let row = params![id.as_str(), number(seq), attempts, at, reason];
            db.prepare_cached(sql)?.execute(row)?;
            Ok(())
        }
        Outcome::Delivered => {
            let sql = "DELETE FROM dead_letters WHERE subscription = ?1 AND seq = ?2";
            db.prepare_cached(sql)?.execute(params![id.as_str(), number(seq)])?;
            finish(db, id, seq, &pending.partition)
        }
        Outcome::DeadLettered { reason, on } => {
            let Pending { partition, enqueued_on, .. } = pending;
            let death = Death { attempts, reason: &reason, on, enqueued_on };
            give_up(db, id, seq, &partition, death)?;
            finish(db, id, seq, &partition)
        }
    }
}

/// Gives up a delivery that cannot be attempted, because its event cannot be read.
pub(super) fn set_aside(
    db: &Connection,
    id: &SubscriptionId,
    seq: u64,
    on: Timestamp,
) -> Result<(), StoreError> {
    let Some(Pending { partition, attempts, enqueued_on }) = pending(db, id, seq)? else {
        return Ok(());
    };
    let death = Death { attempts, reason: UNREADABLE, on, enqueued_on };
    give_up(db, id, seq, &partition, death)?;
    finish(db, id, seq, &partition)
}

/// Keeps an event that is given up, as far as it can be read.
fn give_up(
    db: &Connection,
    id: &SubscriptionId,
    seq: u64,
    partition: &str,
    death: Death<'_>,
) -> Result<(), StoreError> {
    match event(db, id, seq) {
        Ok(entry) => dead_letters::keep(db, id, entry, partition, death),
        Err(StoreError::Corrupt { .. }) => dead_letters::keep_place(db, id, seq, partition, death),
        Err(error) => Err(error),
    }
}

/// A delivery that is due or being attempted.
struct Pending {
    partition: String,
    attempts: u32,
    enqueued_on: Timestamp,
}

fn pending(db: &Connection, id: &SubscriptionId, seq: u64) -> Result<Option<Pending>, StoreError> {
    let sql = "SELECT partition, attempts, enqueued_on FROM deliveries
               WHERE subscription = ?1 AND seq = ?2 AND due_on IS NOT NULL";
    let read = |row: &Row<'_>| {
        let (partition, attempts, enqueued_on) = (row.get(0)?, row.get(1)?, time(row.get(2)?));
        Ok(Pending { partition, attempts, enqueued_on })
    };
    let row = params![id.as_str(), number(seq)];
    Ok(db.prepare_cached(sql)?.query_row(row, read).optional()?)
}

/// Has a delivery that was not attempted come later; one that is done already is left alone.
pub(super) fn postpone(
    db: &Connection,
    id: &SubscriptionId,
    seq: u64,
    until: Timestamp,
) -> Result<(), StoreError> {
    let sql = "UPDATE deliveries SET due_on = ?3
               WHERE subscription = ?1 AND seq = ?2 AND due_on IS NOT NULL";
    let row = params![id.as_str(), number(seq), until.as_unix_micros()];
    db.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

/// Forgets a delivery and makes the next of its partition due.
fn finish(
    db: &Connection,
    id: &SubscriptionId,
    seq: u64,
    partition: &str,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM deliveries WHERE subscription = ?1 AND seq = ?2";
    db.prepare_cached(sql)?.execute(params![id.as_str(), number(seq)])?;
    let sql = "UPDATE deliveries SET due_on = ?3 WHERE subscription = ?1 AND seq =
                   (SELECT min(seq) FROM deliveries WHERE subscription = ?1 AND partition = ?2)";
    db.prepare_cached(sql)?.execute(params![id.as_str(), partition, AT_ONCE])?;
    Ok(())
}

/// Why what cannot be read was given up, in the manner of the reasons of Event Grid.
const UNREADABLE: &str = "Unreadable";

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;
    use crate::sqlite::migrations;

    #[test]
    fn what_waits_is_found_in_a_few_steps_however_much_was_given_up() {
        let mut db = Connection::open_in_memory().unwrap();
        migrations::migrate(&mut db, migrations::LATEST).unwrap();
        db.execute_batch(
            "INSERT INTO subscriptions VALUES ('hook', '', NULL, x'', 100000, 1, 0);
             WITH RECURSIVE places (seq) AS
                 (SELECT 1 UNION ALL SELECT seq + 1 FROM places WHERE seq < 100000)
             INSERT INTO dead_letters
                 SELECT 'hook', seq, 'any', 1, 'NotFound', 0, 0, 0, 0, 'any', 0, x'' FROM places;
             INSERT INTO feed (seq, kind, happened_on, partition, body)
                 VALUES (100000, 'any', 1, 'any', x''), (100001, 'any', 2, 'any', x'');
             INSERT INTO deliveries VALUES ('hook', 7, 'any', 0, 0, 0, NULL),
                 ('hook', 8, 'any', 0, NULL, 0, NULL), ('other', 9, 'any', 0, 0, 0, NULL);",
        )
        .unwrap();
        let id = "hook".parse().unwrap();
        let happened_on = Timestamp::from_unix_micros(2);
        for (limit, pending) in [(1, 1), (2, 2), (9, 2)] {
            let expected = Waiting { pending, next_on: Some(happened_on) };
            assert_eq!(waiting(&db, &id, limit).unwrap(), expected);
        }
        for sql in [COUNT_PENDING, NEXT_HAPPENED_ON] {
            let mut statement = db.prepare(sql).unwrap();
            statement.raw_bind_parameter(1, "hook").unwrap();
            if statement.parameter_count() > 1 {
                statement.raw_bind_parameter(2, 2_000).unwrap();
            }
            let mut rows = statement.raw_query();
            while rows.next().unwrap().is_some() {}
            drop(rows);
            let steps = statement.get_status(StatementStatus::VmStep);
            assert!(steps < 100, "{steps} steps: {sql}");
        }
    }
}
