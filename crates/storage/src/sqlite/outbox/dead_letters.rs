//! Dead letters: deliveries given up, each with its event, until they are sent again or forgotten.

use rusqlite::{Connection, OptionalExtension, Row, params};
use trunkline_clock::Timestamp;

use crate::{
    error::StoreError,
    outbox::{DeadLetter, DeadLetterLimits, LogEntry, LogEvent, OtherEvent, SubscriptionId},
    sqlite::{
        codec::{from_json, limit, number, time, to_json},
        outbox::deliveries,
    },
};

/// Why and when an event was given up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Death<'a> {
    pub(super) attempts: u32,
    pub(super) reason: &'a str,
    pub(super) on: Timestamp,
    pub(super) enqueued_on: Timestamp,
}

/// Keeps an event that is given up.
pub(super) fn keep(
    db: &Connection,
    id: &SubscriptionId,
    entry: LogEntry,
    partition: &str,
    death: Death<'_>,
) -> Result<(), StoreError> {
    let kept = KeptEvent::keep(entry, partition)?;
    let sql = "INSERT OR REPLACE INTO dead_letters
                   (subscription, seq, partition, attempts, reason, died_on, enqueued_on,
                    is_chat, kind, happened_on, body)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    db.prepare_cached(sql)?.execute(params![
        id.as_str(),
        number(kept.seq),
        kept.partition,
        death.attempts,
        death.reason,
        death.on.as_unix_micros(),
        death.enqueued_on.as_unix_micros(),
        kept.is_chat,
        kept.kind,
        kept.happened_on,
        kept.body,
    ])?;
    Ok(())
}

/// Keeps the place of an event that is given up and cannot be read. One that was a dead letter before
/// is left as it is otherwise.
pub(super) fn keep_place(
    db: &Connection,
    id: &SubscriptionId,
    seq: u64,
    partition: &str,
    death: Death<'_>,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO dead_letters
                   (subscription, seq, partition, attempts, reason, died_on, enqueued_on,
                    is_chat, kind, happened_on, body)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, '', ?7, x'')
               ON CONFLICT (subscription, seq) DO UPDATE
               SET is_revived = 0, attempts = ?4, reason = ?5, died_on = ?6";
    db.prepare_cached(sql)?.execute(params![
        id.as_str(),
        number(seq),
        partition,
        death.attempts,
        death.reason,
        death.on.as_unix_micros(),
        death.enqueued_on.as_unix_micros(),
    ])?;
    Ok(())
}

/// Returns the event of a dead letter; `None` when there is none.
pub(super) fn entry(
    db: &Connection,
    id: &SubscriptionId,
    seq: u64,
) -> Result<Option<LogEntry>, StoreError> {
    let sql = "SELECT seq, is_chat, kind, partition, happened_on, body FROM dead_letters
               WHERE subscription = ?1 AND seq = ?2";
    let kept = db
        .prepare_cached(sql)?
        .query_row(params![id.as_str(), number(seq)], KeptEvent::read)
        .optional()?;
    kept.map(KeptEvent::open).transpose()
}

/// Returns dead letters in the order of the feed.
pub(super) fn list(
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
            Ok(DeadLetter { entry: event.show(), attempts, reason, on: time(died_on) })
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
        Some(partition) => deliveries::enqueue(db, id, seq, &partition, now).map(|()| true),
        None => Ok(false),
    }
}

/// Forgets the oldest dead letters of each subscription, up to the first that is neither too old nor
/// one too many. One that is being delivered again is kept: its event may be nowhere else.
pub(super) fn prune(
    db: &Connection,
    limits: DeadLetterLimits,
    rows: usize,
) -> Result<usize, StoreError> {
    let mut statement = db.prepare_cached("SELECT id FROM subscriptions")?;
    let ids = statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
    let mut pruned = 0;
    for id in ids {
        if pruned >= rows {
            break;
        }
        pruned += prune_of(db, &id, limits, rows - pruned)?;
    }
    Ok(pruned)
}

fn prune_of(
    db: &Connection,
    id: &str,
    limits: DeadLetterLimits,
    rows: usize,
) -> Result<usize, StoreError> {
    let sql = "SELECT seq FROM dead_letters WHERE subscription = ?1
               ORDER BY seq DESC LIMIT 1 OFFSET ?2";
    let too_many: Option<u64> = db
        .prepare_cached(sql)?
        .query_row(params![id, limit(limits.each)], |row| row.get(0))
        .optional()?;
    let sql = "SELECT seq, died_on FROM dead_letters WHERE subscription = ?1 AND NOT is_revived
               ORDER BY seq LIMIT ?2";
    let mut statement = db.prepare_cached(sql)?;
    let mut candidates = statement.query(params![id, limit(rows)])?;
    let mut last = None;
    while let Some(row) = candidates.next()? {
        let (seq, died_on): (u64, i64) = (row.get(0)?, row.get(1)?);
        if too_many.is_none_or(|too_many| seq > too_many) && time(died_on) >= limits.before {
            break;
        }
        last = Some(seq);
    }
    drop(candidates);
    let Some(last) = last else {
        return Ok(0);
    };
    let sql = "DELETE FROM dead_letters WHERE subscription = ?1 AND seq <= ?2 AND NOT is_revived";
    Ok(db.prepare_cached(sql)?.execute(params![id, number(last)])?)
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

    /// Reads the event; of one that cannot be read there is its place.
    fn show(self) -> LogEntry {
        let (seq, time) = (self.seq, time(self.happened_on));
        let (kind, partition) = (self.kind.clone(), self.partition.clone());
        self.open().unwrap_or_else(|_| {
            let event = OtherEvent { kind, partition, time, body: Vec::new() };
            LogEntry { seq, event: LogEvent::Other(event) }
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
