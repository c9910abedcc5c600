//! The schema, one step after the other, forward only.

use rusqlite::{Connection, TransactionBehavior};

use crate::error::StoreError;

/// One step. Its text never changes once it has been released: files out there were made by it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Migration {
    pub(super) sql: &'static str,
}

/// The steps; the schema's version is how many of them were taken.
pub(super) const MIGRATIONS: &[Migration] = &[
    Migration { sql: include_str!("../../migrations/0001_identity_and_policy.sql") },
    Migration { sql: include_str!("../../migrations/0002_chat.sql") },
    Migration { sql: include_str!("../../migrations/0003_outbox.sql") },
    Migration { sql: include_str!("../../migrations/0004_push_endpoints.sql") },
    Migration { sql: include_str!("../../migrations/0005_meetings_and_call_history.sql") },
    Migration { sql: include_str!("../../migrations/0006_presence_and_lives.sql") },
    Migration { sql: include_str!("../../migrations/0007_shared_pages.sql") },
];

/// The latest version known here.
pub(super) const LATEST: u32 = MIGRATIONS.len() as u32;

/// Why a file was not brought to a version.
#[derive(Debug)]
pub(super) enum MigrationError {
    /// A step, or reading the version, failed; the file has the version before the step.
    Failed { from: u32, to: u32, source: StoreError },
    /// The file is some other program's database.
    Foreign,
    /// The file was written by a later version of the software.
    TooNew { found: u32 },
}

/// Brings a file to a version, a transaction for each step. One that is there already is left as it
/// is.
pub(super) fn migrate(db: &mut Connection, target: u32) -> Result<(), MigrationError> {
    let found = version(db)?;
    if (1..target).contains(&found) {
        // What is stored may be copied once, which takes its time and as much room again.
        tracing::info!(from = found, to = target, "bringing the store to a newer schema");
    }
    for step in found..target {
        let to = step + 1;
        take(db, MIGRATIONS[step as usize], to).map_err(|source| MigrationError::Failed {
            from: step,
            to,
            source,
        })?;
    }
    Ok(())
}

/// Returns the version of a file that is ours or empty.
pub(super) fn version(db: &Connection) -> Result<u32, MigrationError> {
    let unread =
        |error: rusqlite::Error| MigrationError::Failed { from: 0, to: 0, source: error.into() };
    let number = |name| db.pragma_query_value(None, name, |row| row.get::<_, u32>(0));
    let (id, found) =
        (number("application_id").map_err(unread)?, number("user_version").map_err(unread)?);
    let tables = "SELECT count(*) FROM sqlite_schema";
    let tables: u32 = db.query_row(tables, [], |row| row.get(0)).map_err(unread)?;
    match id {
        0 if found == 0 && tables == 0 => Ok(0),
        APPLICATION_ID if found <= LATEST => Ok(found),
        APPLICATION_ID => Err(MigrationError::TooNew { found }),
        _ => Err(MigrationError::Foreign),
    }
}

fn take(db: &mut Connection, migration: Migration, to: u32) -> Result<(), StoreError> {
    let step = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    step.execute_batch(migration.sql)?;
    step.pragma_update(None, "application_id", APPLICATION_ID)?;
    step.pragma_update(None, "user_version", to)?;
    Ok(step.commit()?)
}

/// `TRKL`: tells our files from those of other programs.
const APPLICATION_ID: u32 = 0x5452_4B4C;

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    #[test]
    fn an_empty_file_comes_to_the_latest_schema_and_stays_there() {
        let mut db = Connection::open_in_memory().unwrap();
        migrate(&mut db, LATEST).unwrap();
        assert_eq!(version(&db).unwrap(), LATEST);
        let schema = schema(&db);
        migrate(&mut db, LATEST).unwrap();
        assert_eq!(self::schema(&db), schema);
    }

    #[test]
    fn every_older_file_comes_to_the_same_schema_and_keeps_its_rows() {
        let mut newest = Connection::open_in_memory().unwrap();
        migrate(&mut newest, LATEST).unwrap();
        for older in 1..LATEST {
            let mut db = Connection::open_in_memory().unwrap();
            migrate(&mut db, older).unwrap();
            let user = "INSERT INTO app_users (raw_id, resource, created_on) VALUES ('a', 'b', 1)";
            db.execute(user, []).unwrap();
            migrate(&mut db, LATEST).unwrap();
            assert_eq!(schema(&db), schema(&newest), "from {older}");
            let kept = "SELECT raw_id FROM app_users";
            assert_eq!(db.query_row(kept, [], |row| row.get::<_, String>(0)).unwrap(), "a");
        }
    }

    #[test]
    fn messages_and_events_of_an_older_file_are_where_they_are_looked_for() {
        let mut db = Connection::open_in_memory().unwrap();
        migrate(&mut db, 6).unwrap();
        for seq in 1..=1_500 {
            let thread = seq % 3 + 1;
            let message = "INSERT INTO messages VALUES (?1, ?2, ?3, 7, x'2a')";
            db.execute(message, [thread, seq / 3 + 1, seq]).unwrap();
            let event = "INSERT INTO feed (seq, thread, kind, happened_on, body)
                         VALUES (?1, nullif(?2, 1), 'any', 0, x'2a')";
            db.execute(event, [seq, thread]).unwrap();
        }
        migrate(&mut db, LATEST).unwrap();
        let count = |sql| db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        let kept = "SELECT count(*) FROM messages WHERE thread = id % 3 + 1";
        assert_eq!(count(kept), 1_500);
        let in_order = "SELECT count(*) FROM messages AS one JOIN messages AS next
                        ON next.thread = one.thread AND next.sequence = one.sequence + 1
                        WHERE next.id = one.id + 3 AND one.body = x'2a'";
        assert_eq!(count(in_order), 1_497);
        // All that have a thread, of the one whole run: 1 to 1,023.
        let indexed = "SELECT count(*) FROM feed_by_thread JOIN feed USING (thread, seq)";
        assert_eq!(count(indexed), 682);
        assert_eq!(count("SELECT max(seq) FROM feed_by_thread"), 1_022);
    }

    #[test]
    fn a_feed_that_is_empty_or_pruned_has_entries_of_what_it_has() {
        for (kept, end) in [(0..0, 0), (3_000..3_001, 2_048), (2_000..2_100, 2_048)] {
            let mut db = Connection::open_in_memory().unwrap();
            migrate(&mut db, 6).unwrap();
            for seq in kept.clone() {
                let event = "INSERT INTO feed (seq, thread, kind, happened_on, body)
                             VALUES (?1, 1, 'any', 0, x'2a')";
                db.execute(event, [seq]).unwrap();
            }
            migrate(&mut db, LATEST).unwrap();
            let count = |sql| db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
            assert_eq!(count("SELECT seq FROM feed_by_thread_end"), end);
            let entries = count("SELECT count(*) FROM feed_by_thread");
            assert_eq!(entries, kept.filter(|seq| *seq < end).count() as i64);
        }
    }

    #[test]
    fn a_file_of_a_later_version_is_refused_and_left_alone() {
        let mut db = Connection::open_in_memory().unwrap();
        migrate(&mut db, LATEST).unwrap();
        db.pragma_update(None, "user_version", LATEST + 1).unwrap();
        let refusal = migrate(&mut db, LATEST).unwrap_err();
        assert!(matches!(refusal, MigrationError::TooNew { found } if found == LATEST + 1));
    }

    #[test]
    fn the_database_of_another_program_is_refused_and_left_alone() {
        let mut db = Connection::open_in_memory().unwrap();
        db.execute_batch("CREATE TABLE theirs (number INTEGER)").unwrap();
        assert!(matches!(migrate(&mut db, LATEST), Err(MigrationError::Foreign)));
        assert_eq!(schema(&db).len(), 1);
    }

    #[test]
    fn a_step_that_fails_leaves_the_file_at_the_step_before() {
        let mut db = Connection::open_in_memory().unwrap();
        migrate(&mut db, 1).unwrap();
        db.execute_batch("CREATE TABLE feed (in_the_way INTEGER)").unwrap();
        let failure = migrate(&mut db, LATEST).unwrap_err();
        assert!(matches!(failure, MigrationError::Failed { from: 1, to: 2, .. }), "{failure:?}");
        assert_eq!(version(&db).unwrap(), 1);
        assert!(schema(&db).iter().all(|sql| !sql.contains("messages")));
    }

    fn schema(db: &Connection) -> Vec<String> {
        let sql = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name";
        let mut statement = db.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }
}
