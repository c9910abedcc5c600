//! The entries of the feed by thread.
//!
//! Events of a thread that come one by one would cost a page each, so the entries of many are written
//! at once, and readers step over the events that have none yet. It is done between commits: nobody
//! waits for more than its own unit, and a disk with room for that alone has it.

use rusqlite::Connection;

use crate::{error::StoreError, sqlite::codec::number};

/// Returns the place up to which all events have an entry, and from which on none has.
pub(in crate::sqlite) fn end(db: &Connection) -> Result<u64, StoreError> {
    let sql = "SELECT seq FROM feed_by_thread_end";
    Ok(db.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}

/// Returns where the entries should end when the feed has come to a place.
pub(in crate::sqlite) fn due_end(head: u64) -> u64 {
    head.saturating_add(1) / AT_ONCE * AT_ONCE
}

/// Writes the entries of events between two places.
pub(in crate::sqlite) fn extend(db: &Connection, from: u64, to: u64) -> Result<(), StoreError> {
    let sql = "INSERT INTO feed_by_thread (thread, seq)
               SELECT thread, seq FROM feed
               WHERE seq >= ?1 AND seq < ?2 AND thread IS NOT NULL ORDER BY thread, seq";
    db.prepare_cached(sql)?.execute([number(from), number(to)])?;
    db.prepare_cached("UPDATE feed_by_thread_end SET seq = ?1")?.execute([number(to)])?;
    Ok(())
}

/// Places whose entries are written at once. Of a hundred busy threads each has ten among as many,
/// and their entries share a page. More of them save little, and readers step over half as many on
/// the average.
const AT_ONCE: u64 = 1_024;
