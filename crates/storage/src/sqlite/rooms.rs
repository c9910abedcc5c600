//! Rooms: one row each, the roster within.

use async_trait::async_trait;
use rusqlite::{OptionalExtension, params};
use trunkline_ids::ResourceId;
use trunkline_interop::{Room, RoomId};

use crate::{
    error::StoreError,
    repeatability::RepeatabilityRecord,
    rooms::{RoomPosition, RoomStore},
    sqlite::{
        SqliteStore,
        codec::{from_json, limit, number, to_json},
        repeatability,
    },
};

#[async_trait]
impl RoomStore for SqliteStore {
    async fn put_room(
        &self,
        room: Room,
        repeatability: Option<RepeatabilityRecord>,
    ) -> Result<(), StoreError> {
        let body = to_json(WHAT, &room)?;
        self.write(move |writing| {
            let sql = "INSERT INTO rooms (id, resource, body) VALUES (?1, ?2, ?3)
                       ON CONFLICT (id) DO UPDATE SET body = excluded.body
                       WHERE resource = excluded.resource";
            let row = params![room.id().as_str(), room.resource().as_str(), body];
            if writing.db.prepare_cached(sql)?.execute(row)? == 0 {
                return Err(StoreError::Conflict { what: "the room is another resource's" });
            }
            repeatability.map_or(Ok(()), |record| repeatability::insert(writing.db, &record))
        })
        .await
    }

    async fn room(&self, id: &RoomId) -> Result<Option<Room>, StoreError> {
        let id = id.clone();
        self.read(move |db| {
            let body: Option<Vec<u8>> = db
                .prepare_cached("SELECT body FROM rooms WHERE id = ?1")?
                .query_row([id.as_str()], |row| row.get(0))
                .optional()?;
            body.map(|body| from_json(WHAT, &body)).transpose()
        })
        .await
    }

    async fn rooms(
        &self,
        resource: &ResourceId,
        before: Option<RoomPosition>,
        rows: usize,
    ) -> Result<Vec<(RoomPosition, Room)>, StoreError> {
        let resource = resource.clone();
        self.read(move |db| {
            let sql = "SELECT position, body FROM rooms
                       WHERE resource = ?1 AND position < ?2 ORDER BY position DESC LIMIT ?3";
            let before = before.map_or(i64::MAX, |position| number(position.0));
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement
                .query_map(params![resource.as_str(), before, limit(rows)], |row| {
                    Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?))
                })?;
            rows.map(|row| {
                let (position, body) = row?;
                Ok((RoomPosition(position), from_json(WHAT, &body)?))
            })
            .collect()
        })
        .await
    }

    async fn delete_room(&self, id: &RoomId) -> Result<bool, StoreError> {
        let id = id.clone();
        self.write(move |writing| {
            let sql = "DELETE FROM rooms WHERE id = ?1";
            Ok(writing.db.prepare_cached(sql)?.execute([id.as_str()])? > 0)
        })
        .await
    }
}

const WHAT: &str = "room";
