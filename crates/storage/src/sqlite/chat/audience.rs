//! Who is told what: intervals of the feed in which a user is told what happens in a thread.
//!
//! An event goes to nearly everybody in the thread, so it says only who is left out: those who may
//! not see the message that was edited, say. A unit that changes no membership and leaves nobody out
//! writes nothing here.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, params};
use trunkline_ids::CommunicationIdentifier;

use crate::{
    error::StoreError,
    sqlite::{
        chat::commit::PreparedEvent,
        codec::{from_text, number, to_json},
    },
};

/// The end of an interval that has none.
pub(in crate::sqlite) const OPEN: i64 = i64::MAX;

/// The members of a thread before and after a unit.
pub(super) struct Roster {
    thread: i64,
    /// How many there are before the unit.
    count: usize,
    /// Read when the first membership changes, and not for most units.
    changed: Option<Members>,
}

/// Members with their numbers.
struct Members {
    before: BTreeMap<CommunicationIdentifier, i64>,
    after: BTreeMap<CommunicationIdentifier, i64>,
}

/// Whom the events of a unit are for.
pub(super) enum Audience {
    /// Everybody who is told what happens in the thread at their place.
    Everybody,
    /// For each event, everybody without some: a list of numbers in JSON.
    Without(Vec<Option<Vec<u8>>>),
}

impl Roster {
    pub(super) fn new(thread: i64, count: usize) -> Self {
        Self { thread, count, changed: None }
    }

    /// Notes that somebody becomes a member; to be called before the row is written.
    pub(super) fn add(
        &mut self,
        db: &Connection,
        identifier: &CommunicationIdentifier,
        user: i64,
    ) -> Result<(), StoreError> {
        self.members(db)?.after.insert(identifier.clone(), user);
        Ok(())
    }

    /// Notes that somebody is no longer a member; to be called before the row is deleted.
    pub(super) fn remove(
        &mut self,
        db: &Connection,
        identifier: &CommunicationIdentifier,
    ) -> Result<(), StoreError> {
        self.members(db)?.after.remove(identifier);
        Ok(())
    }

    /// Writes where intervals begin and end, given the place of the first event, and returns whom
    /// the events are for.
    pub(super) fn close(
        self,
        db: &Connection,
        first: u64,
        events: &[PreparedEvent],
    ) -> Result<Audience, StoreError> {
        let Some(Members { before, after }) = self.changed else {
            return self.unchanged(db, events);
        };
        let told: Vec<BTreeSet<&CommunicationIdentifier>> =
            events.iter().map(|event| event.recipients.iter().collect()).collect();
        let mut intervals = Vec::new();
        for (identifier, user) in &before {
            let end = match after.contains_key(identifier) {
                true => events.len(),
                // Up to the last event that names who went.
                false => told.iter().rposition(|to| to.contains(identifier)).map_or(0, |at| at + 1),
            };
            if !after.contains_key(identifier) {
                end_interval(db, *user, self.thread, first + end as u64)?;
            }
            intervals.push((identifier, *user, 0..end));
        }
        for (identifier, user) in after.iter().filter(|(id, _)| !before.contains_key(*id)) {
            // From the first event that names who came; from the next unit if none does.
            let start = told.iter().position(|to| to.contains(identifier)).unwrap_or(events.len());
            begin_interval(db, *user, self.thread, first + start as u64)?;
            intervals.push((identifier, *user, start..events.len()));
        }
        let sql = "UPDATE threads SET members = ?2 WHERE number = ?1";
        db.prepare_cached(sql)?.execute(params![self.thread, after.len()])?;
        let excluded = told
            .iter()
            .enumerate()
            .map(|(at, to)| {
                let left_out = intervals
                    .iter()
                    .filter(|(identifier, _, places)| {
                        places.contains(&at) && !to.contains(identifier)
                    })
                    .map(|(_, user, _)| *user);
                list(left_out.collect())
            })
            .collect::<Result<_, StoreError>>()?;
        Ok(Audience::Without(excluded))
    }

    /// The common case: nobody came or went, and as many are told as there are members.
    fn unchanged(&self, db: &Connection, events: &[PreparedEvent]) -> Result<Audience, StoreError> {
        if events.iter().all(|event| event.recipients.len() == self.count) {
            return Ok(Audience::Everybody);
        }
        let members = members(db, self.thread)?;
        let excluded = events
            .iter()
            .map(|event| {
                let to: BTreeSet<_> = event.recipients.iter().collect();
                let left_out = members.iter().filter(|(identifier, _)| !to.contains(identifier));
                list(left_out.map(|(_, user)| *user).collect())
            })
            .collect::<Result<_, StoreError>>()?;
        Ok(Audience::Without(excluded))
    }

    fn members(&mut self, db: &Connection) -> Result<&mut Members, StoreError> {
        if self.changed.is_none() {
            let before = members(db, self.thread)?;
            self.changed = Some(Members { after: before.clone(), before });
        }
        Ok(self.changed.as_mut().expect("set above"))
    }
}

fn members(
    db: &Connection,
    thread: i64,
) -> Result<BTreeMap<CommunicationIdentifier, i64>, StoreError> {
    let sql = "SELECT raw_id, number FROM members JOIN users ON number = user WHERE thread = ?1";
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map([thread], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
    rows.map(|row| {
        let (raw_id, user) = row?;
        Ok((from_text("user id", &raw_id)?, user))
    })
    .collect()
}

fn begin_interval(db: &Connection, user: i64, thread: i64, from: u64) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO audiences (user, thread, from_seq, to_seq)
               VALUES (?1, ?2, ?3, ?4)";
    db.prepare_cached(sql)?.execute(params![user, thread, number(from), OPEN])?;
    Ok(())
}

/// Ends the interval of a user before a place.
fn end_interval(db: &Connection, user: i64, thread: i64, before: u64) -> Result<(), StoreError> {
    let sql = "UPDATE audiences SET to_seq = ?3 WHERE user = ?1 AND thread = ?2 AND to_seq = ?4";
    let last = number(before.saturating_sub(1));
    db.prepare_cached(sql)?.execute(params![user, thread, last, OPEN])?;
    Ok(())
}

fn list(users: Vec<i64>) -> Result<Option<Vec<u8>>, StoreError> {
    if users.is_empty() { Ok(None) } else { to_json("list of users", &users).map(Some) }
}
