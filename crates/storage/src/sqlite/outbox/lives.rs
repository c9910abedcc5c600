//! Partitions that begin and end, such as calls: which of them are open, each with its last event.

use std::collections::HashMap;

use rusqlite::{Connection, params};

use crate::{
    error::StoreError,
    outbox::{LogEvent, Moment, OtherEvent},
    sqlite::{codec::number, feed, writer::Writing},
};

/// Adds events; of each partition the table is written once.
pub(super) fn append(
    writing: &mut Writing<'_>,
    events: Vec<(OtherEvent, Moment)>,
) -> Result<Vec<u64>, StoreError> {
    let (events, moments): (Vec<_>, Vec<_>) = events.into_iter().unzip();
    let places = feed::append(writing, &events)?;
    let mut changed = HashMap::new();
    for ((event, moment), seq) in events.iter().zip(&moments).zip(&places) {
        let change = changed.entry(event.partition.as_str()).or_insert(Change::Continues(*seq));
        *change = match (moment, &change) {
            (Moment::Ends, _) => Change::Ends,
            (Moment::Begins, _) | (Moment::Continues, Change::Begins(_)) => Change::Begins(*seq),
            (Moment::Continues, Change::Continues(_)) => Change::Continues(*seq),
            // What comes after the end opens nothing.
            (Moment::Continues, Change::Ends) => Change::Ends,
        };
    }
    let db = writing.db;
    let begin = "INSERT OR REPLACE INTO open_partitions (partition, last_seq) VALUES (?1, ?2)";
    let go_on = "UPDATE open_partitions SET last_seq = ?2 WHERE partition = ?1";
    let end = "DELETE FROM open_partitions WHERE partition = ?1";
    for (partition, change) in changed {
        match change {
            Change::Begins(seq) => {
                db.prepare_cached(begin)?.execute(params![partition, number(seq)])?
            }
            Change::Continues(seq) => {
                db.prepare_cached(go_on)?.execute(params![partition, number(seq)])?
            }
            Change::Ends => db.prepare_cached(end)?.execute([partition])?,
        };
    }
    Ok(places)
}

/// Returns the last event of each open partition, in order.
pub(super) fn open_partitions(db: &Connection) -> Result<Vec<OtherEvent>, StoreError> {
    let sql = "SELECT last_seq FROM open_partitions ORDER BY last_seq";
    let mut statement = db.prepare_cached(sql)?;
    let places = statement.query_map([], |row| row.get::<_, u64>(0))?;
    let mut open = Vec::new();
    for seq in places {
        if let Some(entry) = feed::entry(db, seq?)?
            && let LogEvent::Other(event) = entry.event
        {
            open.push(event);
        }
    }
    Ok(open)
}

/// What a batch does to a partition.
#[derive(Clone, Copy, Debug)]
enum Change {
    Begins(u64),
    Continues(u64),
    Ends,
}
