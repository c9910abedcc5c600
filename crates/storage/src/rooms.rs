//! Rooms, each with its roster.

use async_trait::async_trait;
use trunkline_ids::ResourceId;
use trunkline_interop::{Room, RoomId};

use crate::{error::StoreError, repeatability::RepeatabilityRecord};

/// The place of a room in the order of their making; never given to another.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RoomPosition(pub u64);

/// Keeps rooms.
#[async_trait]
pub trait RoomStore: Send + Sync {
    /// Makes a room or replaces the one of the same id, which keeps its place in lists; keeps the
    /// answer of a request that may be repeated with it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the request of `repeatability` has an answer, or when the id
    /// belongs to a room of another resource.
    async fn put_room(
        &self,
        room: Room,
        repeatability: Option<RepeatabilityRecord>,
    ) -> Result<(), StoreError>;

    /// Returns a room, of whatever resource.
    async fn room(&self, id: &RoomId) -> Result<Option<Room>, StoreError>;

    /// Returns up to `limit` rooms of a resource, the newest first: those that were made before the
    /// one at a position.
    async fn rooms(
        &self,
        resource: &ResourceId,
        before: Option<RoomPosition>,
        limit: usize,
    ) -> Result<Vec<(RoomPosition, Room)>, StoreError>;

    /// Deletes a room; `false` when there is none.
    async fn delete_room(&self, id: &RoomId) -> Result<bool, StoreError>;
}
