//! Where the next events of a user are.

use std::collections::{BinaryHeap, HashMap};
use std::ops::RangeInclusive;

use rusqlite::{Connection, params};

use crate::{
    error::StoreError,
    sqlite::{
        codec::{limit, number},
        feed::by_thread,
        feed_position::FeedPosition,
    },
};

/// Returns the places of the nearest events after a cursor of which the user is in the audience, in
/// order.
pub(super) fn nearest(
    db: &Connection,
    user: i64,
    cursor: u64,
    rows: usize,
) -> Result<Vec<u64>, StoreError> {
    let search = Search { db, told: Told::load(db, user, cursor)?, rows };
    if search.told.by_thread.is_empty() {
        return Ok(Vec::new());
    }
    let head = FeedPosition::load(db)?.head;
    let (first, end) = (cursor.saturating_add(1), head.saturating_add(1));
    let indexed_end = by_thread::end(db)?.max(first);
    let mut found = Vec::new();
    // Stepping over an event costs a fraction of looking a thread up.
    let steps = indexed_end - first;
    if steps <= search.told.by_thread.len() as u64 * STEPS_PER_THREAD {
        search.step_over(first, end, &mut found)?;
    } else {
        search.look_up(first, indexed_end, &mut found)?;
        search.step_over(indexed_end, end, &mut found)?;
    }
    Ok(found)
}

/// In which threads a user is told what happens, and between which places.
struct Told {
    /// A user who came back to a thread has more than one interval there.
    by_thread: HashMap<i64, Vec<RangeInclusive<i64>>>,
}

impl Told {
    fn load(db: &Connection, user: i64, cursor: u64) -> Result<Self, StoreError> {
        let sql = "SELECT thread, from_seq, to_seq FROM audiences WHERE user = ?1 AND to_seq > ?2";
        let mut statement = db.prepare_cached(sql)?;
        let mut rows = statement.query([user, number(cursor)])?;
        let mut by_thread: HashMap<_, Vec<_>> = HashMap::new();
        while let Some(row) = rows.next()? {
            by_thread.entry(row.get(0)?).or_default().push(row.get(1)?..=row.get(2)?);
        }
        Ok(Self { by_thread })
    }

    fn intervals(&self) -> impl Iterator<Item = (i64, &RangeInclusive<i64>)> {
        self.by_thread
            .iter()
            .flat_map(|(thread, intervals)| intervals.iter().map(|interval| (*thread, interval)))
    }

    fn is_told(&self, thread: i64, seq: i64) -> bool {
        let intervals = self.by_thread.get(&thread).map_or(&[][..], Vec::as_slice);
        intervals.iter().any(|interval| interval.contains(&seq))
    }
}

/// What is looked for.
struct Search<'a> {
    db: &'a Connection,
    told: Told,
    /// The most events that are wanted.
    rows: usize,
}

impl Search<'_> {
    /// Steps over all events from a place to before another.
    fn step_over(&self, first: u64, end: u64, found: &mut Vec<u64>) -> Result<(), StoreError> {
        let sql = "SELECT seq, thread FROM feed
                   WHERE seq >= ?1 AND seq < ?2 AND thread IS NOT NULL ORDER BY seq";
        let mut statement = self.db.prepare_cached(sql)?;
        let mut events = statement.query([number(first), number(end)])?;
        while found.len() < self.rows
            && let Some(row) = events.next()?
        {
            let (seq, thread): (i64, i64) = (row.get(0)?, row.get(1)?);
            if self.told.is_told(thread, seq) {
                found.push(seq.unsigned_abs());
            }
        }
        Ok(())
    }

    /// Looks each thread up, from a place to before another. Reads at most so many places of each as
    /// are wanted, and fewer the more it has found.
    fn look_up(&self, first: u64, end: u64, found: &mut Vec<u64>) -> Result<(), StoreError> {
        let sql = "SELECT seq FROM feed_by_thread WHERE thread = ?1 AND seq BETWEEN ?2 AND ?3
                   ORDER BY seq LIMIT ?4";
        let mut statement = self.db.prepare_cached(sql)?;
        let mut nearest = BinaryHeap::new();
        let last = end.saturating_sub(1);
        for (thread, interval) in self.told.intervals() {
            // Nothing beyond the farthest that is wanted is of interest.
            let farthest = if nearest.len() == self.rows { nearest.peek() } else { None };
            let last = farthest.copied().unwrap_or(last);
            let from = number(first).max(*interval.start());
            let to = number(last).min(*interval.end());
            for seq in statement.query_map(params![thread, from, to, limit(self.rows)], |row| {
                row.get::<_, u64>(0)
            })? {
                nearest.push(seq?);
                if nearest.len() > self.rows {
                    nearest.pop();
                }
            }
        }
        found.extend(nearest.into_sorted_vec());
        Ok(())
    }
}

/// Events to step over rather than look up one thread.
const STEPS_PER_THREAD: u64 = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::migrations;

    /// A feed of many threads, a few of which the user is in, some twice and some for a time.
    struct Scene {
        db: Connection,
        /// Where the user is told of an event, as told by looking at every one of them.
        told: Vec<u64>,
        head: u64,
    }

    impl Scene {
        fn new(threads: u64, mine: &[Interval], head: u64) -> Self {
            let mut db = Connection::open_in_memory().unwrap();
            migrations::migrate(&mut db, migrations::LATEST).unwrap();
            for (thread, from, to) in mine.iter().copied() {
                let sql = "INSERT INTO audiences VALUES (?1, ?2, ?3, ?4)";
                db.execute(sql, [USER, number(thread), from, to]).unwrap();
            }
            let (mut told, mut state) = (Vec::new(), 1_u64);
            for seq in 1..=head {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let thread = (state >> 33) % threads;
                let sql = "INSERT INTO feed (seq, thread, kind, happened_on, body)
                           VALUES (?1, nullif(?2, 0), 'any', 0, x'2a')";
                db.execute(sql, [number(seq), number(thread)]).unwrap();
                let is_told = mine
                    .iter()
                    .any(|(of, from, to)| *of == thread && (*from..=*to).contains(&number(seq)));
                if is_told {
                    told.push(seq);
                }
                let (from, to) = (by_thread::end(&db).unwrap(), by_thread::due_end(seq));
                if from < to {
                    by_thread::extend(&db, from, to).unwrap();
                }
            }
            Self { db, told, head }
        }

        fn assert_agrees(&self, cursor: u64, rows: usize) {
            let found = nearest(&self.db, USER, cursor, rows).unwrap();
            let told = self.told.iter().copied().filter(|seq| *seq > cursor);
            let wanted: Vec<u64> = told.take(rows).collect();
            assert_eq!(found, wanted, "{rows} after {cursor}");
        }
    }

    type Interval = (u64, i64, i64);

    #[test]
    fn what_is_found_is_what_every_event_tells() {
        let mine = [(3, 1, 400), (3, 700, i64::MAX), (7, 1, i64::MAX), (20, 900, 1_200)];
        for threads in [8, 40, 900] {
            let scene = Scene::new(threads, &mine, 3_000);
            assert!(scene.told.len() > 2, "{threads} threads");
            for cursor in (0..=scene.head).step_by(61).chain([1_022, 1_023, 1_024, scene.head]) {
                for rows in [1, 7, 5_000] {
                    scene.assert_agrees(cursor, rows);
                }
            }
        }
    }

    #[test]
    fn every_event_of_a_whole_run_has_an_entry_and_none_after() {
        for (head, last) in [(1_022, 0), (1_023, 1_023), (1_024, 1_023), (2_500, 2_047)] {
            let Scene { db, .. } = Scene::new(2, &[(1, 1, i64::MAX)], head);
            let count = |sql| db.query_row(sql, [], |row| row.get::<_, u64>(0)).unwrap();
            let sql =
                "SELECT coalesce(max(seq), 0) FROM feed WHERE thread IS NOT NULL AND seq <= ?1";
            let newest: u64 = db.query_row(sql, [last], |row| row.get(0)).unwrap();
            assert_eq!(count("SELECT coalesce(max(seq), 0) FROM feed_by_thread"), newest);
            let sql = "SELECT count(*) FROM feed WHERE thread IS NOT NULL AND seq <= ?1";
            let wanted: u64 = db.query_row(sql, [last], |row| row.get(0)).unwrap();
            assert_eq!(count("SELECT count(*) FROM feed_by_thread"), wanted, "of {head}");
        }
    }

    const USER: i64 = 5;
}
