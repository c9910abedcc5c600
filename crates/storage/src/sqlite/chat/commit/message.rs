//! Rows of messages: in the order in which they come, where others were erased before.

use rusqlite::{Connection, OptionalExtension, params};
use trunkline_clock::Timestamp;

use crate::{error::StoreError, sqlite::chat::commit::StoredThread};

/// A message whose body is written already.
pub(super) struct PreparedMessage {
    pub(super) sequence: i64,
    pub(super) id: i64,
    pub(super) created_on: Timestamp,
    pub(super) body: Vec<u8>,
}

/// Whether places of erased messages are free. It goes with the transaction: what is rolled back
/// takes it back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::sqlite) enum FreeMessages {
    None,
    Some,
}

impl FreeMessages {
    pub(in crate::sqlite) fn load(db: &Connection) -> Result<Self, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM free_messages)";
        let is_any: bool = db.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
        Ok(if is_any { Self::Some } else { Self::None })
    }

    /// Takes a place that is free, if any is.
    fn take(&mut self, db: &Connection) -> Result<Option<i64>, StoreError> {
        if *self == Self::None {
            return Ok(None);
        }
        let sql = "DELETE FROM free_messages WHERE number = (SELECT min(number) FROM free_messages)
                   RETURNING number";
        let taken = db.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?;
        if taken.is_none() {
            *self = Self::None;
        }
        Ok(taken)
    }
}

impl PreparedMessage {
    /// Writes the message: over the one of its sequence if there is one.
    pub(super) fn put(
        &self,
        db: &Connection,
        stored: &StoredThread,
        free: &mut FreeMessages,
    ) -> Result<(), StoreError> {
        let Self { sequence, id, created_on, body } = self;
        let (thread, created_on) = (stored.number, created_on.as_unix_micros());
        if *sequence < stored.next_sequence {
            let sql = "UPDATE messages SET id = ?3, created_on = ?4, body = ?5
                       WHERE thread = ?1 AND sequence = ?2";
            let row = params![thread, sequence, id, created_on, body];
            if db.prepare_cached(sql)?.execute(row)? > 0 {
                return Ok(());
            }
        }
        // Behind the last only while none is free: the place behind it may be one of those.
        let place = free.take(db)?;
        let sql = "INSERT INTO messages (number, thread, sequence, id, created_on, body)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let row = params![place, thread, sequence, id, created_on, body];
        db.prepare_cached(sql)?.execute(row)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;
    use trunkline_chat::MessageId;

    use super::*;
    use crate::sqlite::{chat, migrations};

    /// Threads whose messages came in turns, so that they share pages.
    fn scene(threads: i64, messages: i64) -> Connection {
        let mut db = Connection::open_in_memory().unwrap();
        migrations::migrate(&mut db, migrations::LATEST).unwrap();
        for thread in 1..=threads {
            let sql = "INSERT INTO threads (number, id, header, next_sequence, last_version,
                                            created_on, deleted_on)
                       VALUES (?1, ?1, x'2a', 0, 0, 0, iif(?1 % 2, 0, NULL))";
            db.execute(sql, [thread]).unwrap();
        }
        for sequence in 1..=messages {
            for thread in 1..=threads {
                put(&db, thread, sequence);
            }
        }
        db
    }

    /// Puts the next message of a thread.
    fn put(db: &Connection, thread: i64, sequence: i64) {
        put_as(db, thread, sequence, sequence, 1_000 + sequence);
    }

    fn put_as(db: &Connection, number: i64, sequence: i64, next_sequence: i64, id: i64) {
        let stored = StoredThread { number, members: 0, next_sequence };
        let created_on = Timestamp::UNIX_EPOCH;
        let message = PreparedMessage { sequence, id, created_on, body: vec![42; 500] };
        message.put(db, &stored, &mut FreeMessages::load(db).unwrap()).unwrap();
    }

    fn number_of(db: &Connection, sql: &str) -> i64 {
        db.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn what_was_erased_among_others_makes_room_for_as_much() {
        let db = scene(40, 50);
        let pages = number_of(&db, "PRAGMA page_count");
        let mut free = FreeMessages::load(&db).unwrap();
        assert_eq!(free, FreeMessages::None);
        assert_eq!(chat::erase_deleted(&db, &mut free, 9_999).unwrap(), 1_000);
        assert_eq!(free, FreeMessages::Some);
        assert_eq!(number_of(&db, "SELECT count(*) FROM free_messages"), 1_000);
        for sequence in 51..=100 {
            for thread in (2..=40).step_by(2) {
                put(&db, thread, sequence);
            }
        }
        assert_eq!(number_of(&db, "SELECT count(*) FROM free_messages"), 0);
        assert_eq!(number_of(&db, "SELECT count(*) FROM messages"), 2_000);
        let grown = number_of(&db, "PRAGMA page_count") - pages;
        assert!(grown <= pages / 20, "{grown} pages more than {pages}");
        // The next ones come behind the last again.
        put(&db, 2, 101);
        assert_eq!(number_of(&db, "SELECT max(number) FROM messages"), 2_001);
    }

    #[test]
    fn a_message_put_in_the_place_of_another_is_there_alone() {
        let db = scene(2, 3);
        put_as(&db, 2, 3, 4, 7_777);
        let sql = "SELECT count(*) FROM messages WHERE thread = 2 AND sequence = 3 AND id = 7777";
        assert_eq!(number_of(&db, sql), 1);
        assert_eq!(number_of(&db, "SELECT count(*) FROM messages WHERE thread = 2"), 3);
    }

    #[test]
    fn a_message_is_found_in_a_few_steps_however_many_there_are() {
        let db = scene(2, 5_000);
        for (id, expected) in [(1_001, true), (3_500, true), (6_000, true), (6_001, false)] {
            let found = chat::find_message(&db, 2, MessageId::from_millis(id)).unwrap();
            assert_eq!(found.is_some(), expected, "{id}");
        }
        let mut statement = db.prepare(chat::LAST_SEQUENCE).unwrap();
        let last: i64 = statement.query_row([2], |row| row.get(0)).unwrap();
        assert_eq!(last, 5_000);
        let steps = statement.get_status(StatementStatus::VmStep);
        assert!(steps < 100, "{steps} steps");
    }
}
