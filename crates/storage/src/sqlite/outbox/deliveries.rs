//! Deliveries: made from the feed, due one at a time in each partition, done or given up.

use std::collections::{BTreeSet, HashSet};

use rusqlite::{Connection, OptionalExtension, Row, params};
use trunkline_clock::Timestamp;

use crate::{
    error::StoreError,
    outbox::{
        DeadLetter, Delivery, Expansion, LogEntry, LogEvent, OtherEvent, Outcome, SubscriptionId,
    },
    sqlite::{
        codec::{from_json, from_text, limit, number, time, to_json},
        failure::corrupt,
        feed,
        writer::Writing,
    },
};

/// Turns events past a subscription's cursor into deliveries.
pub(super) fn expand(
    writing: &mut Writing<'_>,
    id: &SubscriptionId,
    now: Timestamp,
    rows: usize,
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
    let sql = "SELECT seq, kind, coalesce(partition, threads.id)
               FROM feed LEFT JOIN threads ON number = thread
               WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    let mut statement = db.prepare_cached(sql)?;
    let mut events = statement.query([number(cursor), limit(rows)])?;
    let mut expansion = Expansion { added: 0, cursor, has_more: false };
    while let Some(row) = events.next()? {
        expansion.cursor = row.get(0)?;
        let kind = row.get_ref(1)?.as_str().map_err(corrupt("event"))?;
        if kinds.as_ref().is_none_or(|wanted| wanted.contains(kind)) {
            enqueue(db, id, expansion.cursor, &row.get::<_, String>(2)?, now)?;
            expansion.added += 1;
        }
    }
    expansion.has_more = expansion.cursor < writing.feed.head;
    let sql = "UPDATE subscriptions SET cursor = ?2 WHERE id = ?1";
    db.prepare_cached(sql)?.execute(params![id.as_str(), number(expansion.cursor)])?;
    Ok(expansion)
}

/// Adds a delivery: due at once, or when those before it in its partition are done.
fn enqueue(
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
                       NULL, ?4)";
    let row = params![id.as_str(), number(seq), partition, now.as_unix_micros()];
    db.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

/// Takes deliveries that are due and that nobody has.
pub(super) fn take_due(
    db: &Connection,
    taken: &mut HashSet<(SubscriptionId, u64)>,
    now: Timestamp,
    rows: usize,
) -> Result<Vec<Delivery>, StoreError> {
    let sql = "SELECT subscription, seq, partition, attempts, enqueued_on FROM deliveries
               WHERE due_on <= ?1 ORDER BY due_on, seq LIMIT ?2";
    let mut statement = db.prepare_cached(sql)?;
    let candidates = limit(rows.saturating_add(taken.len()));
    let mut due = statement.query([now.as_unix_micros(), candidates])?;
    let mut deliveries = Vec::new();
    while let Some(row) = due.next()?
        && deliveries.len() < rows
    {
        let (subscription, seq) = name(row)?;
        let name = (subscription, seq);
        if taken.contains(&name) {
            continue;
        }
        let entry = event(db, &name.0, seq)?;
        deliveries.push(Delivery {
            subscription: name.0,
            entry,
            partition: row.get(2)?,
            attempts: row.get(3)?,
            enqueued_on: time(row.get(4)?),
        });
    }
    taken.extend(deliveries.iter().map(|taken| (taken.subscription.clone(), taken.entry.seq)));
    Ok(deliveries)
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
    let sql = "SELECT seq, is_chat, kind, partition, happened_on, body FROM dead_letters
               WHERE subscription = ?1 AND seq = ?2";
    db.prepare_cached(sql)?
        .query_row(params![id.as_str(), number(seq)], KeptEvent::read)
        .optional()?
        .ok_or(EventMissing { seq })
        .map_err(corrupt("delivery"))?
        .open()
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
    let sql = "SELECT partition, attempts, enqueued_on FROM deliveries
               WHERE subscription = ?1 AND seq = ?2 AND due_on IS NOT NULL";
    let found = db
        .prepare_cached(sql)?
        .query_row(params![id.as_str(), number(seq)], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    let Some((partition, attempts, enqueued_on)): Option<(String, u32, i64)> = found else {
        return Ok(());
    };
    let attempts = attempts.saturating_add(1);
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
            finish(db, id, seq, &partition)
        }
        Outcome::DeadLettered { reason, on } => {
            let kept = KeptEvent::keep(event(db, id, seq)?, &partition)?;
            let sql = "INSERT OR REPLACE INTO dead_letters
                           (subscription, seq, partition, attempts, reason, died_on, enqueued_on,
                            is_chat, kind, happened_on, body)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
            db.prepare_cached(sql)?.execute(params![
                id.as_str(),
                number(seq),
                partition,
                attempts,
                reason,
                on.as_unix_micros(),
                enqueued_on,
                kept.is_chat,
                kept.kind,
                kept.happened_on,
                kept.body,
            ])?;
            finish(db, id, seq, &partition)
        }
    }
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
    let sql = "UPDATE deliveries SET due_on = enqueued_on WHERE subscription = ?1 AND seq =
                   (SELECT min(seq) FROM deliveries WHERE subscription = ?1 AND partition = ?2)";
    db.prepare_cached(sql)?.execute(params![id.as_str(), partition])?;
    Ok(())
}

/// Returns dead letters in the order of the feed.
pub(super) fn dead_letters(
    db: &Connection,
    id: &SubscriptionId,
    after: u64,
    rows: usize,
) -> Result<Vec<DeadLetter>, StoreError> {
    let sql = "SELECT seq, is_chat, kind, partition, happened_on, body, attempts, reason, died_on
               FROM dead_letters WHERE subscription = ?1 AND seq > ?2 AND NOT is_revived
               ORDER BY seq LIMIT ?3";
    let mut statement = db.prepare_cached(sql)?;
    let row = params![id.as_str(), number(after), limit(rows)];
    let letters = statement
        .query_map(row, |row| Ok((KeptEvent::read(row)?, row.get(6)?, row.get(7)?, row.get(8)?)))?;
    letters
        .map(|row| {
            let (event, attempts, reason, died_on) = row?;
            Ok(DeadLetter { entry: event.open()?, attempts, reason, on: time(died_on) })
        })
        .collect()
}

/// Makes a dead letter a delivery again.
pub(super) fn revive(
    db: &Connection,
    id: &SubscriptionId,
    seq: u64,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "UPDATE dead_letters SET is_revived = 1
               WHERE subscription = ?1 AND seq = ?2 AND NOT is_revived RETURNING partition";
    let partition: Option<String> = db
        .prepare_cached(sql)?
        .query_row(params![id.as_str(), number(seq)], |row| row.get(0))
        .optional()?;
    match partition {
        Some(partition) => enqueue(db, id, seq, &partition, now).map(|()| true),
        None => Ok(false),
    }
}

/// An event as a dead letter has it: whole, because the feed may forget it.
struct KeptEvent {
    seq: u64,
    is_chat: bool,
    kind: String,
    partition: String,
    happened_on: i64,
    body: Vec<u8>,
}

impl KeptEvent {
    fn keep(entry: LogEntry, partition: &str) -> Result<Self, StoreError> {
        let kind = entry.event.kind().to_owned();
        let (is_chat, happened_on, body) = match entry.event {
            LogEvent::Chat(event) => (true, event.time, to_json("event", &event)?),
            LogEvent::Other(event) => (false, event.time, event.body),
        };
        Ok(Self {
            seq: entry.seq,
            is_chat,
            kind,
            partition: partition.to_owned(),
            happened_on: happened_on.as_unix_micros(),
            body,
        })
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: row.get(0)?,
            is_chat: row.get(1)?,
            kind: row.get(2)?,
            partition: row.get(3)?,
            happened_on: row.get(4)?,
            body: row.get(5)?,
        })
    }

    fn open(self) -> Result<LogEntry, StoreError> {
        let event = if self.is_chat {
            LogEvent::Chat(from_json("event", &self.body)?)
        } else {
            LogEvent::Other(OtherEvent {
                kind: self.kind,
                partition: self.partition,
                time: time(self.happened_on),
                body: self.body,
            })
        };
        Ok(LogEntry { seq: self.seq, event })
    }
}
