//! The feed: what happened, one row for all whom it concerns.

pub(super) mod by_thread;
mod nearest;

use rusqlite::{Connection, OptionalExtension, params};
use trunkline_chat::ChatEvent;
use trunkline_clock::Timestamp;
use trunkline_ids::CommunicationIdentifier;

use crate::{
    chat::FeedEntry,
    error::StoreError,
    outbox::{LogEntry, LogEvent, OtherEvent, OtherEvents},
    sqlite::{
        codec::{from_json, from_text, limit, number, time},
        feed::nearest::nearest,
        feed_position::FeedPosition,
        writer::Writing,
    },
};

/// Says that a cursor is outside the feed, if so.
pub(super) fn check_cursor(db: &Connection, cursor: u64) -> Result<(), StoreError> {
    let FeedPosition { oldest, head } = FeedPosition::load(db)?;
    if cursor.saturating_add(1) < oldest || cursor > head {
        return Err(StoreError::CursorLost { cursor, oldest, head });
    }
    Ok(())
}

/// Returns the events after a cursor that a user was told.
pub(super) fn after_for(
    db: &Connection,
    user: i64,
    mut cursor: u64,
    rows: usize,
) -> Result<Vec<FeedEntry>, StoreError> {
    let sql = "SELECT excluded, body FROM feed WHERE seq = ?1";
    let mut statement = db.prepare_cached(sql)?;
    let mut entries = Vec::new();
    while entries.len() < rows {
        let wanted = rows - entries.len();
        let places = nearest(db, user, cursor, wanted)?;
        let is_all = places.len() < wanted;
        for seq in places {
            cursor = seq;
            let mut read = || -> Result<Option<FeedEntry>, StoreError> {
                let (excluded, body) = statement
                    .query_row([number(seq)], |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?)))?;
                match is_excluded(excluded, user)? {
                    true => Ok(None),
                    false => Ok(Some(FeedEntry { seq, event: from_json("event", &body)? })),
                }
            };
            entries.extend(unless_unreadable(seq, read())?.flatten());
        }
        if is_all {
            break;
        }
    }
    Ok(entries)
}

/// Returns the events after a cursor, whoever they concern.
pub(super) fn after(
    db: &Connection,
    cursor: u64,
    rows: usize,
) -> Result<Vec<LogEntry>, StoreError> {
    let mut statement = db.prepare_cached("SELECT seq FROM feed WHERE seq > ?1 ORDER BY seq")?;
    let mut places = statement.query([number(cursor)])?;
    let mut entries = Vec::new();
    while entries.len() < rows
        && let Some(row) = places.next()?
    {
        let seq = row.get(0)?;
        entries.extend(unless_unreadable(seq, entry(db, seq))?.flatten());
    }
    Ok(entries)
}

/// Leaves out what a damaged row has, so that nothing but itself is lost.
pub(super) fn unless_unreadable<T>(
    seq: u64,
    read: Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    match read {
        Err(error @ StoreError::Corrupt { .. }) => {
            tracing::error!(seq, %error, "an event of the log is passed over");
            Ok(None)
        }
        read => read.map(Some),
    }
}

/// Returns the events after a cursor that are not chat's. Steps over a bounded number of chat's, so
/// that no read takes long.
pub(super) fn others_after(
    db: &Connection,
    cursor: u64,
    rows: usize,
) -> Result<OtherEvents, StoreError> {
    let FeedPosition { head, .. } = FeedPosition::load(db)?;
    let last = cursor.saturating_add(STEPS_OVER_CHAT).min(head);
    let sql = "SELECT seq, kind, happened_on, partition, body FROM feed
               WHERE seq > ?1 AND seq <= ?2 AND thread IS NULL ORDER BY seq LIMIT ?3";
    let mut statement = db.prepare_cached(sql)?;
    let mut places = statement.query(params![number(cursor), number(last), limit(rows)])?;
    let (mut events, mut count, mut read_to) = (Vec::new(), 0, last);
    while let Some(row) = places.next()? {
        let seq = row.get(0)?;
        let read = || -> Result<OtherEvent, StoreError> {
            Ok(OtherEvent {
                kind: row.get(1)?,
                time: time(row.get(2)?),
                partition: row.get(3)?,
                body: row.get(4)?,
            })
        };
        events.extend(unless_unreadable(seq, read())?.map(|event| (seq, event)));
        count += 1;
        if count == rows {
            read_to = seq;
        }
    }
    Ok(OtherEvents { events, read_to })
}

/// Returns an event with all that a delivery needs; `None` when it has been pruned.
pub(super) fn entry(db: &Connection, seq: u64) -> Result<Option<LogEntry>, StoreError> {
    let sql = "SELECT thread, kind, happened_on, partition, excluded, body FROM feed
               WHERE seq = ?1";
    let event = db
        .prepare_cached(sql)?
        .query_row([number(seq)], |row| {
            let thread: Option<i64> = row.get(0)?;
            Ok(match thread {
                Some(thread) => Row::Chat { thread, excluded: row.get(4)?, body: row.get(5)? },
                None => Row::Other(OtherEvent {
                    kind: row.get(1)?,
                    time: time(row.get(2)?),
                    partition: row.get(3)?,
                    body: row.get(5)?,
                }),
            })
        })
        .optional()?;
    let event = match event {
        None => return Ok(None),
        Some(Row::Other(event)) => LogEvent::Other(event),
        Some(Row::Chat { thread, excluded, body }) => LogEvent::Chat(ChatEvent {
            recipients: recipients(db, thread, seq, excluded)?,
            ..from_json("event", &body)?
        }),
    };
    Ok(Some(LogEntry { seq, event }))
}

enum Row {
    Chat { thread: i64, excluded: Option<Vec<u8>>, body: Vec<u8> },
    Other(OtherEvent),
}

fn recipients(
    db: &Connection,
    thread: i64,
    seq: u64,
    excluded: Option<Vec<u8>>,
) -> Result<Vec<CommunicationIdentifier>, StoreError> {
    let excluded = excluded_users(excluded)?;
    let sql = "SELECT number, raw_id FROM audiences JOIN users ON number = user
               WHERE thread = ?1 AND to_seq >= ?2 AND from_seq <= ?2";
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map([thread, number(seq)], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut recipients = Vec::new();
    for row in rows {
        let (user, raw_id): (i64, String) = row?;
        if !excluded.contains(&user) {
            recipients.push(from_text("user id", &raw_id)?);
        }
    }
    recipients.sort();
    Ok(recipients)
}

fn excluded_users(list: Option<Vec<u8>>) -> Result<Vec<i64>, StoreError> {
    list.map_or(Ok(Vec::new()), |list| from_json("list of users", &list))
}

fn is_excluded(list: Option<Vec<u8>>, user: i64) -> Result<bool, StoreError> {
    Ok(excluded_users(list)?.contains(&user))
}

/// Adds events that are not chat's.
pub(super) fn append(
    writing: &mut Writing<'_>,
    events: &[OtherEvent],
) -> Result<Vec<u64>, StoreError> {
    let sql = "INSERT INTO feed (seq, kind, happened_on, partition, body)
               VALUES (?1, ?2, ?3, ?4, ?5)";
    let mut statement = writing.db.prepare_cached(sql)?;
    let mut places = Vec::with_capacity(events.len());
    for OtherEvent { kind, partition, time, body } in events {
        let seq = writing.feed.next();
        let row = params![number(seq), kind, time.as_unix_micros(), partition, body];
        statement.execute(row)?;
        places.push(seq);
    }
    Ok(places)
}

/// Forgets the oldest events, up to the first that is young enough or still to be delivered.
pub(super) fn prune(
    writing: &mut Writing<'_>,
    before: Timestamp,
    rows: usize,
) -> Result<usize, StoreError> {
    let db = writing.db;
    let sql = "SELECT min(coalesce((SELECT min(cursor) FROM subscriptions WHERE is_validated), ?1),
                          coalesce((SELECT min(seq) - 1 FROM deliveries), ?1))";
    let done: i64 =
        db.prepare_cached(sql)?.query_row([number(writing.feed.head)], |row| row.get(0))?;
    let sql = "SELECT seq, happened_on FROM feed WHERE seq <= ?1 ORDER BY seq LIMIT ?2";
    let mut statement = db.prepare_cached(sql)?;
    let mut candidates = statement.query([done, limit(rows)])?;
    let mut last = None;
    while let Some(row) = candidates.next()? {
        if time(row.get(1)?) >= before {
            break;
        }
        last = Some(row.get::<_, u64>(0)?);
    }
    drop(candidates);
    let Some(last) = last else {
        return Ok(0);
    };
    let sql = "DELETE FROM feed_by_thread WHERE (thread, seq) IN
                   (SELECT thread, seq FROM feed WHERE seq <= ?1 AND thread IS NOT NULL)";
    db.prepare_cached(sql)?.execute([number(last)])?;
    let pruned = db.prepare_cached("DELETE FROM feed WHERE seq <= ?1")?.execute([number(last)])?;
    db.prepare_cached("DELETE FROM audiences WHERE to_seq <= ?1")?.execute([number(last)])?;
    writing.feed.store_oldest(db, last + 1)?;
    Ok(pruned)
}

/// Events of chat that one read for others steps over: some milliseconds.
const STEPS_OVER_CHAT: u64 = 10_000;
