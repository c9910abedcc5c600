//! What a command did to a thread, written as rows.

mod message;

use rusqlite::{Connection, OptionalExtension, params};
use trunkline_chat::{Change, ChatEvent, ReadReceipt, ThreadHeader, ThreadProgress};
use trunkline_clock::Timestamp;
use trunkline_ids::{CommunicationIdentifier, ThreadId};

use crate::{
    chat::ChatUnit,
    error::StoreError,
    repeatability::RepeatabilityRecord,
    sqlite::{
        chat::{
            audience::{Audience, Roster},
            user_number,
        },
        codec::{number, to_json},
        repeatability,
        writer::Writing,
    },
};

pub(in crate::sqlite) use message::FreeMessages;
use message::PreparedMessage;

/// A unit whose bodies are written already.
pub(super) struct PreparedUnit {
    thread_id: ThreadId,
    rows: Vec<PreparedChange>,
    events: Vec<PreparedEvent>,
    repeatability: Option<RepeatabilityRecord>,
}

/// A change as rows have it.
enum PreparedChange {
    Advance(ThreadProgress),
    Header(PreparedHeader),
    Member { identifier: CommunicationIdentifier, body: Vec<u8> },
    Message(PreparedMessage),
    Receipt(ReadReceipt),
    Removal(CommunicationIdentifier),
}

/// A thread as it is stored before the unit.
struct StoredThread {
    number: i64,
    members: usize,
    /// There is no message of this sequence or a higher one.
    next_sequence: i64,
}

struct PreparedHeader {
    body: Vec<u8>,
    progress: ThreadProgress,
    created_on: Timestamp,
    deleted_on: Option<Timestamp>,
    expires_on: Option<Timestamp>,
}

/// An event as rows have it, and whom it is for.
pub(super) struct PreparedEvent {
    pub(super) recipients: Vec<CommunicationIdentifier>,
    kind: &'static str,
    time: Timestamp,
    body: Vec<u8>,
}

impl PreparedUnit {
    /// Writes the bodies.
    pub(super) fn prepare(unit: ChatUnit) -> Result<Self, StoreError> {
        let ChatUnit { thread_id, changes, events, repeatability } = unit;
        Ok(Self {
            thread_id,
            rows: changes.into_iter().map(PreparedChange::prepare).collect::<Result<_, _>>()?,
            events: events.into_iter().map(PreparedEvent::prepare).collect::<Result<_, _>>()?,
            repeatability,
        })
    }

    /// Writes the rows and gives the events their places.
    pub(super) fn apply(self, writing: &mut Writing<'_>) -> Result<Vec<u64>, StoreError> {
        let db = writing.db;
        let Self { thread_id, rows, events, repeatability } = self;
        let stored = match (StoredThread::find(db, &thread_id)?, rows.first()) {
            (Some(stored), _) => stored,
            (None, Some(PreparedChange::Header(header))) => header.insert(db, &thread_id)?,
            (None, _) => return Err(StoreError::NotFound { what: "thread" }),
        };
        let thread = stored.number;
        if let Some(record) = repeatability {
            repeatability::insert(db, &record)?;
        }
        let mut roster = Roster::new(thread, stored.members);
        for row in &rows {
            row.write(db, &stored, writing.free, &mut roster)?;
        }
        let first = writing.feed.head + 1;
        let audience = roster.close(db, first, &events)?;
        let sql = "INSERT INTO feed (seq, thread, kind, happened_on, excluded, body)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let mut statement = db.prepare_cached(sql)?;
        let mut places = Vec::with_capacity(events.len());
        for (at, event) in events.iter().enumerate() {
            let seq = writing.feed.next();
            let excluded = match &audience {
                Audience::Everybody => None,
                Audience::Without(excluded) => excluded.get(at).and_then(Option::as_deref),
            };
            let happened_on = event.time.as_unix_micros();
            let row = params![number(seq), thread, event.kind, happened_on, excluded, event.body];
            statement.execute(row)?;
            places.push(seq);
        }
        Ok(places)
    }
}

impl PreparedChange {
    fn prepare(change: Change) -> Result<Self, StoreError> {
        Ok(match change {
            Change::AdvanceThread(progress) => Self::Advance(progress),
            Change::DeleteThread(header) | Change::PutThread(header) => {
                Self::Header(PreparedHeader::prepare(header)?)
            }
            Change::PutMember(member) => {
                let body = to_json("member", &member)?;
                Self::Member { identifier: member.identifier, body }
            }
            Change::PutMessage(message) => Self::Message(PreparedMessage {
                sequence: number(message.sequence),
                id: number(message.id.as_millis()),
                created_on: message.created_on,
                body: to_json("message", &message)?,
            }),
            Change::PutReceipt(receipt) => Self::Receipt(receipt),
            Change::RemoveMember(identifier) => Self::Removal(identifier),
        })
    }

    fn write(
        &self,
        db: &Connection,
        stored: &StoredThread,
        free: &mut FreeMessages,
        roster: &mut Roster,
    ) -> Result<(), StoreError> {
        let thread = stored.number;
        match self {
            Self::Advance(progress) => advance(db, thread, *progress),
            Self::Header(header) => header.update(db, thread),
            Self::Member { identifier, body } => {
                let user = intern(db, identifier)?;
                let sql = "UPDATE members SET body = ?3 WHERE thread = ?1 AND user = ?2";
                let row = params![thread, user, body];
                if db.prepare_cached(sql)?.execute(row)? == 0 {
                    roster.add(db, identifier, user)?;
                    let sql = "INSERT INTO members (thread, user, body) VALUES (?1, ?2, ?3)";
                    db.prepare_cached(sql)?.execute(row)?;
                }
                Ok(())
            }
            Self::Message(message) => message.put(db, stored, free),
            Self::Receipt(receipt) => {
                let user = intern(db, &receipt.reader)?;
                let message = number(receipt.message_id.as_millis());
                let sql = "INSERT OR REPLACE INTO receipts (thread, user, message, read_on)
                           VALUES (?1, ?2, ?3, ?4)";
                let row = params![thread, user, message, receipt.read_on.as_unix_micros()];
                db.prepare_cached(sql)?.execute(row)?;
                Ok(())
            }
            Self::Removal(identifier) => {
                let Some(user) = user_number(db, &identifier.to_string())? else {
                    return Ok(());
                };
                roster.remove(db, identifier)?;
                let sql = "DELETE FROM members WHERE thread = ?1 AND user = ?2";
                db.prepare_cached(sql)?.execute([thread, user])?;
                let sql = "DELETE FROM receipts WHERE thread = ?1 AND user = ?2";
                db.prepare_cached(sql)?.execute([thread, user])?;
                Ok(())
            }
        }
    }
}

impl StoredThread {
    fn find(db: &Connection, id: &ThreadId) -> Result<Option<Self>, StoreError> {
        let sql = "SELECT number, members, next_sequence FROM threads WHERE id = ?1";
        let stored = db
            .prepare_cached(sql)?
            .query_row([id.as_str()], |row| {
                Ok(Self { number: row.get(0)?, members: row.get(1)?, next_sequence: row.get(2)? })
            })
            .optional()?;
        Ok(stored)
    }
}

impl PreparedHeader {
    fn prepare(header: ThreadHeader) -> Result<Self, StoreError> {
        Ok(Self {
            body: to_json("thread", &header)?,
            progress: ThreadProgress {
                next_sequence: header.next_sequence,
                last_version: header.last_version,
                last_message_received_on: header.last_message_received_on,
            },
            created_on: header.created_on,
            deleted_on: header.deleted_on,
            expires_on: header.into_record([], []).expires_on(),
        })
    }

    fn insert(&self, db: &Connection, id: &ThreadId) -> Result<StoredThread, StoreError> {
        let sql = "INSERT INTO threads (id, header, created_on, next_sequence, last_version)
                   VALUES (?1, ?2, ?3, 0, 0)";
        let row = params![id.as_str(), self.body, self.created_on.as_unix_micros()];
        db.prepare_cached(sql)?.execute(row)?;
        Ok(StoredThread { number: db.last_insert_rowid(), members: 0, next_sequence: 0 })
    }

    fn update(&self, db: &Connection, thread: i64) -> Result<(), StoreError> {
        let sql =
            "UPDATE threads SET header = ?2, created_on = ?3, deleted_on = ?4, expires_on = ?5
                   WHERE number = ?1";
        db.prepare_cached(sql)?.execute(params![
            thread,
            self.body,
            self.created_on.as_unix_micros(),
            self.deleted_on.map(Timestamp::as_unix_micros),
            self.expires_on.map(Timestamp::as_unix_micros),
        ])?;
        advance(db, thread, self.progress)
    }
}

impl PreparedEvent {
    fn prepare(mut event: ChatEvent) -> Result<Self, StoreError> {
        // The audience of the thread says who they are: one row, whatever their number.
        let recipients = std::mem::take(&mut event.recipients);
        let body = to_json("event", &event)?;
        Ok(Self { recipients, kind: event.kind.as_str(), time: event.time, body })
    }
}

fn advance(db: &Connection, thread: i64, progress: ThreadProgress) -> Result<(), StoreError> {
    let sql = "UPDATE threads SET next_sequence = ?2, last_version = ?3, last_message_on = ?4
               WHERE number = ?1";
    db.prepare_cached(sql)?.execute(params![
        thread,
        number(progress.next_sequence),
        number(progress.last_version.as_millis()),
        progress.last_message_received_on.map(Timestamp::as_unix_micros),
    ])?;
    Ok(())
}

/// Returns the number of a user, giving one to who has none.
fn intern(db: &Connection, user: &CommunicationIdentifier) -> Result<i64, StoreError> {
    let raw_id = user.to_string();
    if let Some(number) = user_number(db, &raw_id)? {
        return Ok(number);
    }
    db.prepare_cached("INSERT INTO users (raw_id) VALUES (?1)")?.execute([raw_id])?;
    Ok(db.last_insert_rowid())
}
