//! Threads and messages in SQLite: what is read of them. `commit` has what is written.

mod audience;
mod commit;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};
use trunkline_chat::{Member, Message, MessageId, ReadReceipt, ThreadHeader, ThreadRecord};
use trunkline_clock::Timestamp;
use trunkline_ids::{CommunicationIdentifier, ThreadId};

use crate::{
    chat::{
        ChatStore, ChatUnit, FeedBounds, FeedEntry, PageQuery, ThreadPosition, ThreadSummary,
        ThreadsQuery,
    },
    error::StoreError,
    sqlite::{
        SqliteStore,
        chat::commit::PreparedUnit,
        codec::{from_json, from_text, limit, number, time},
        feed,
    },
};

pub(super) use commit::FreeMessages;

#[async_trait]
impl ChatStore for SqliteStore {
    async fn commit(&self, unit: ChatUnit) -> Result<Vec<u64>, StoreError> {
        // Bodies are written here, on the caller's thread: the writer has the tightest budget.
        let unit = PreparedUnit::prepare(unit)?;
        self.write(move |writing| unit.apply(writing)).await
    }

    async fn load_thread(&self, thread: &ThreadId) -> Result<Option<ThreadRecord>, StoreError> {
        let id = thread.clone();
        self.read(move |db| load_thread(db, &id)).await
    }

    async fn message(
        &self,
        thread: &ThreadId,
        message: MessageId,
    ) -> Result<Option<Message>, StoreError> {
        let id = thread.clone();
        self.read(move |db| {
            let Some(thread) = thread_number(db, &id)? else {
                return Ok(None);
            };
            let Some(row) = find_message(db, thread, message)? else {
                return Ok(None);
            };
            let sql = "SELECT body FROM messages WHERE number = ?1";
            let body: Vec<u8> = db.prepare_cached(sql)?.query_row([row], |row| row.get(0))?;
            from_json("message", &body).map(Some)
        })
        .await
    }

    async fn messages(
        &self,
        thread: &ThreadId,
        query: PageQuery,
    ) -> Result<Vec<Message>, StoreError> {
        let id = thread.clone();
        self.read(move |db| {
            let Some(thread) = thread_number(db, &id)? else {
                return Ok(Vec::new());
            };
            let since =
                query.since.map_or(query.visible_since, |since| since.max(query.visible_since));
            let sql = "SELECT created_on, body FROM messages WHERE thread = ?1 AND sequence < ?2
                       ORDER BY sequence DESC LIMIT ?3";
            let mut statement = db.prepare_cached(sql)?;
            let before = number(query.before_sequence.unwrap_or(u64::MAX));
            let mut rows = statement.query(params![thread, before, limit(query.limit)])?;
            let mut page = Vec::new();
            while let Some(row) = rows.next()? {
                // No message is older than one before it, so that all the rest are too old as well.
                if time(row.get(0)?) < since {
                    break;
                }
                page.push(from_json("message", &row.get::<_, Vec<u8>>(1)?)?);
            }
            Ok(page)
        })
        .await
    }

    async fn threads_of(
        &self,
        user: &CommunicationIdentifier,
        query: ThreadsQuery,
    ) -> Result<Vec<ThreadSummary>, StoreError> {
        let user = user.to_string();
        self.read(move |db| {
            let Some(user) = user_number(db, &user)? else {
                return Ok(Vec::new());
            };
            let sql = "SELECT threads.number, header, last_message_on
                       FROM members JOIN threads ON threads.number = members.thread
                       WHERE members.user = ?1 AND members.thread < ?2
                         AND coalesce(last_message_on, created_on) >= ?3
                       ORDER BY members.thread DESC LIMIT ?4";
            let after = query.after.map_or(i64::MAX, |position| number(position.0));
            let since = query.since.map_or(i64::MIN, Timestamp::as_unix_micros);
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement
                .query_map(params![user, after, since, limit(query.limit)], |row| {
                    Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?, row.get::<_, Option<i64>>(2)?))
                })?;
            rows.map(|row| {
                let (position, header, last_message_on) = row?;
                let header: ThreadHeader = from_json("thread", &header)?;
                Ok(ThreadSummary {
                    position: ThreadPosition(position),
                    id: header.id,
                    topic: header.topic,
                    deleted_on: header.deleted_on,
                    last_message_received_on: last_message_on.map(time),
                })
            })
            .collect()
        })
        .await
    }

    async fn threads_expired_by(
        &self,
        end: Timestamp,
        rows: usize,
    ) -> Result<Vec<ThreadId>, StoreError> {
        self.read(move |db| {
            let sql = "SELECT id FROM threads WHERE expires_on <= ?1 ORDER BY expires_on LIMIT ?2";
            let mut statement = db.prepare_cached(sql)?;
            let row = params![end.as_unix_micros(), limit(rows)];
            let ids = statement.query_map(row, |row| row.get::<_, String>(0))?;
            ids.map(|id| from_text("thread id", &id?)).collect()
        })
        .await
    }

    async fn feed_after(
        &self,
        user: &CommunicationIdentifier,
        cursor: u64,
        rows: usize,
    ) -> Result<Vec<FeedEntry>, StoreError> {
        let user = user.to_string();
        self.read(move |db| {
            feed::check_cursor(db, cursor)?;
            match user_number(db, &user)? {
                Some(user) => feed::after_for(db, user, cursor, rows),
                None => Ok(Vec::new()),
            }
        })
        .await
    }

    async fn feed_bounds(&self) -> Result<FeedBounds, StoreError> {
        Ok(self.committed_feed())
    }

    async fn erase_deleted(&self, rows: usize) -> Result<usize, StoreError> {
        self.make_room(move |writing| erase_deleted(writing.db, writing.free, rows)).await
    }

    async fn prune_feed(&self, before: Timestamp, rows: usize) -> Result<usize, StoreError> {
        self.make_room(move |writing| feed::prune(writing, before, rows)).await
    }
}

/// Returns the number under which rows know a thread.
pub(super) fn thread_number(db: &Connection, id: &ThreadId) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT number FROM threads WHERE id = ?1";
    Ok(db.prepare_cached(sql)?.query_row([id.as_str()], |row| row.get(0)).optional()?)
}

/// Returns the number under which rows know a user.
pub(super) fn user_number(db: &Connection, raw_id: &str) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT number FROM users WHERE raw_id = ?1";
    Ok(db.prepare_cached(sql)?.query_row([raw_id], |row| row.get(0)).optional()?)
}

/// One seek; asked for the first as well, it would read all of them.
const LAST_SEQUENCE: &str = "SELECT coalesce(max(sequence), 0) FROM messages WHERE thread = ?1";

/// Returns the number of the row of a message, found by halving: ids rise with sequences.
fn find_message(db: &Connection, thread: i64, id: MessageId) -> Result<Option<i64>, StoreError> {
    let mut last: i64 = db.prepare_cached(LAST_SEQUENCE)?.query_row([thread], |row| row.get(0))?;
    let mut first = 1;
    let sql = "SELECT sequence, id, number FROM messages
               WHERE thread = ?1 AND sequence BETWEEN ?2 AND ?3 ORDER BY sequence LIMIT 1";
    let mut statement = db.prepare_cached(sql)?;
    let wanted = number(id.as_millis());
    while first <= last {
        let middle = first + (last - first) / 2;
        let found: Option<(i64, i64, i64)> = statement
            .query_row([thread, middle, last], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        match found {
            Some((_, id, row)) if id == wanted => return Ok(Some(row)),
            Some((sequence, id, _)) if id < wanted => first = sequence + 1,
            Some(_) | None => last = middle - 1,
        }
    }
    Ok(None)
}

fn load_thread(db: &Connection, id: &ThreadId) -> Result<Option<ThreadRecord>, StoreError> {
    let sql = "SELECT number, header, next_sequence, last_version, last_message_on FROM threads
               WHERE id = ?1";
    let found = db
        .prepare_cached(sql)?
        .query_row([id.as_str()], |row| Ok((row.get(0)?, row.get(1)?, Progress::read(row)?)))
        .optional()?;
    let Some((thread, header, progress)): Option<(i64, Vec<u8>, Progress)> = found else {
        return Ok(None);
    };
    let header = ThreadHeader {
        next_sequence: progress.next_sequence,
        last_version: MessageId::from_millis(progress.last_version),
        last_message_received_on: progress.last_message_on.map(time),
        ..from_json("thread", &header)?
    };
    let mut statement = db.prepare_cached("SELECT body FROM members WHERE thread = ?1")?;
    let members = statement
        .query_map([thread], |row| row.get::<_, Vec<u8>>(0))?
        .map(|body| from_json("member", &body?))
        .collect::<Result<Vec<Member>, StoreError>>()?;
    let sql = "SELECT raw_id, message, read_on FROM receipts JOIN users ON number = user
               WHERE thread = ?1";
    let mut statement = db.prepare_cached(sql)?;
    let receipts = statement
        .query_map([thread], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .map(|row| {
            let (reader, message, read_on): (String, u64, i64) = row?;
            Ok(ReadReceipt {
                reader: from_text("user id", &reader)?,
                message_id: MessageId::from_millis(message),
                read_on: time(read_on),
            })
        })
        .collect::<Result<Vec<ReadReceipt>, StoreError>>()?;
    Ok(Some(header.into_record(members, receipts)))
}

/// The columns of a thread that change with every message.
struct Progress {
    next_sequence: u64,
    last_version: u64,
    last_message_on: Option<i64>,
}

impl Progress {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            next_sequence: row.get("next_sequence")?,
            last_version: row.get("last_version")?,
            last_message_on: row.get("last_message_on")?,
        })
    }
}

/// Erases messages and receipts of deleted threads, thread by thread.
fn erase_deleted(
    db: &Connection,
    free: &mut FreeMessages,
    rows: usize,
) -> Result<usize, StoreError> {
    let mut erased = 0;
    while erased < rows {
        let sql = "SELECT number FROM threads WHERE deleted_on IS NOT NULL AND is_erased = 0
                   ORDER BY number LIMIT 1";
        let next = db.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?;
        let Some(thread): Option<i64> = next else {
            break;
        };
        let sql = "INSERT INTO free_messages
                   SELECT number FROM messages WHERE thread = ?1 ORDER BY sequence LIMIT ?2";
        let row = params![thread, limit(rows - erased)];
        db.prepare_cached(sql)?.execute(row)?;
        let sql = "DELETE FROM messages WHERE number IN
                       (SELECT number FROM messages WHERE thread = ?1 ORDER BY sequence LIMIT ?2)";
        erased += db.prepare_cached(sql)?.execute(row)?;
        *free = FreeMessages::Some;
        if erased < rows {
            db.prepare_cached("DELETE FROM receipts WHERE thread = ?1")?.execute([thread])?;
            let sql = "UPDATE threads SET is_erased = 1 WHERE number = ?1";
            db.prepare_cached(sql)?.execute([thread])?;
        }
    }
    Ok(erased)
}
