//! Answers to repeatable requests: reserved in memory while they come about, then kept in the file.
//!
//! A reservation need not last: when the process dies, what was being carried out did not happen.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};
use trunkline_clock::Timestamp;

use crate::{
    error::StoreError,
    repeatability::{
        Begun, Fingerprint, REPEATABILITY_LIFE, RepeatabilityKey, RepeatabilityRecord,
        RepeatabilityStore, Reservation, StoredResponse,
    },
    sqlite::SqliteStore,
};

/// Requests that are being carried out.
pub(super) type Reservations = Mutex<HashMap<RepeatabilityKey, Fingerprint>>;

#[async_trait]
impl RepeatabilityStore for SqliteStore {
    async fn begin(
        &self,
        key: &RepeatabilityKey,
        fingerprint: Fingerprint,
        now: Timestamp,
    ) -> Result<Begun, StoreError> {
        let reservation = match lock(&self.reservations).entry(key.clone()) {
            Entry::Occupied(entry) if *entry.get() == fingerprint => return Ok(Begun::InProgress),
            Entry::Occupied(_) => return Ok(Begun::Conflict),
            Entry::Vacant(entry) => {
                entry.insert(fingerprint);
                let (reservations, key) = (Arc::clone(&self.reservations), key.clone());
                Reservation::new(move || {
                    lock(&reservations).remove(&key);
                })
            }
        };
        // Read after reserving: whoever gave the id up before had its record committed by then.
        let wanted = key.clone();
        let found = self.read(move |db| find(db, &wanted, oldest_kept(now))).await?;
        Ok(match found {
            None => Begun::First(reservation),
            Some((stored, response)) if stored == fingerprint => Begun::Stored(response),
            Some(_) => Begun::Conflict,
        })
    }

    async fn store_response(&self, record: RepeatabilityRecord) -> Result<(), StoreError> {
        self.write(move |writing| insert(writing.db, &record)).await
    }

    async fn prune_responses(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.make_room(move |writing| {
            let sql = "DELETE FROM responses WHERE stored_on <= ?1";
            let deleted = writing.db.prepare_cached(sql)?.execute([oldest_kept(now)])?;
            Ok(deleted as u64)
        })
        .await
    }
}

/// Keeps an answer, within the transaction that did the work.
pub(super) fn insert(db: &Connection, record: &RepeatabilityRecord) -> Result<(), StoreError> {
    let sql = "INSERT INTO responses
                   (scope, request_id, fingerprint, status, body, stored_on)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)
               ON CONFLICT (scope, request_id) DO UPDATE
               SET fingerprint = excluded.fingerprint, status = excluded.status,
                   body = excluded.body, stored_on = excluded.stored_on
               WHERE stored_on <= ?7";
    let kept = db.prepare_cached(sql)?.execute(params![
        record.key.scope,
        record.key.request_id,
        record.fingerprint.as_bytes(),
        record.response.status,
        record.response.body,
        record.stored_on.as_unix_micros(),
        oldest_kept(record.stored_on),
    ])?;
    match kept {
        0 => Err(StoreError::Conflict { what: "the repeatable request has an answer" }),
        _ => Ok(()),
    }
}

fn find(
    db: &Connection,
    key: &RepeatabilityKey,
    oldest_kept: i64,
) -> Result<Option<(Fingerprint, StoredResponse)>, StoreError> {
    let sql = "SELECT fingerprint, status, body FROM responses
               WHERE scope = ?1 AND request_id = ?2 AND stored_on > ?3";
    let found = db
        .prepare_cached(sql)?
        .query_row(params![key.scope, key.request_id, oldest_kept], |row| {
            let response = StoredResponse { status: row.get(1)?, body: row.get(2)? };
            Ok((Fingerprint::from_sha256(row.get(0)?), response))
        })
        .optional()?;
    Ok(found)
}

/// Returns the time, in microseconds, up to which records are too old.
fn oldest_kept(now: Timestamp) -> i64 {
    let life = i64::try_from(REPEATABILITY_LIFE.as_micros()).unwrap_or(i64::MAX);
    now.as_unix_micros().saturating_sub(life)
}

fn lock(
    reservations: &Reservations,
) -> std::sync::MutexGuard<'_, HashMap<RepeatabilityKey, Fingerprint>> {
    // Whoever panicked did so between two operations of the map, which is whole.
    reservations.lock().unwrap_or_else(PoisonError::into_inner)
}
