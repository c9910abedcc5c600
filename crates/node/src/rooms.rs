//! Rooms of a resource: the core decides, the store keeps.

use std::fmt;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use trunkline_ids::ResourceId;
use trunkline_interop::{CreateRoom, ParticipantPatch, Room, RoomError, RoomId, UpdateRoom};
use trunkline_storage::{RoomPosition, StoreError};

use crate::base::Base;
use crate::page::{Page, PageCursor};
use crate::repeatability::{Repeatability, RepeatableRequest, Repeated};
use crate::room_calls::RoomCalls;

/// Why nothing was done about a room.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RoomFailure {
    /// The resource has no such room.
    #[error("there is no such room")]
    NotFound,
    /// The room refuses.
    #[error(transparent)]
    Refused(#[from] RoomError),
    /// The id of a repeatable request was used for another request.
    #[error("the request id was used for another request")]
    RepeatedDifferently,
    /// The same request is being carried out.
    #[error("the same request is being carried out")]
    RepeatedTooSoon {
        /// When to try again.
        retry_after: Duration,
    },
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

/// The rooms, on behalf of a resource's backend.
#[derive(Clone)]
pub struct Rooms {
    base: Base,
    repeatability: Repeatability,
    /// Whoever changes a room holds the one of these that its id falls to.
    turns: Arc<[Mutex<()>; TURNS]>,
    /// The live calls, which follow their rooms.
    calls: Arc<RoomCalls>,
}

impl fmt::Debug for Rooms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rooms").finish_non_exhaustive()
    }
}

impl Rooms {
    pub(crate) fn new(base: Base, calls: Arc<RoomCalls>) -> Self {
        let repeatability = Repeatability::new(base.clone());
        let turns = Arc::new([const { Mutex::const_new(()) }; TURNS]);
        Self { base, repeatability, turns, calls }
    }

    /// Makes a room.
    pub async fn create(
        &self,
        resource: &ResourceId,
        request: CreateRoom,
        repeatability: Option<RepeatableRequest>,
    ) -> Result<Room, RoomFailure> {
        let repeating = match repeatability {
            None => None,
            Some(request) => {
                match self.repeatability.begin(format!("rooms/create/{resource}"), request).await? {
                    Repeated::Differently => return Err(RoomFailure::RepeatedDifferently),
                    Repeated::First(repeating) => Some(repeating),
                    Repeated::Stored(response) => {
                        return serde_json::from_slice(&response.body)
                            .map_err(|_| RoomFailure::RepeatedDifferently);
                    }
                    Repeated::TooSoon => {
                        return Err(RoomFailure::RepeatedTooSoon { retry_after: REPEAT_AFTER });
                    }
                }
            }
        };
        let (id, _) = uuid::Uuid::new_v4().as_u64_pair();
        let id = RoomId::from_bytes(id.to_le_bytes());
        let room = Room::create(self.base.wall(), id, resource.clone(), request)?;
        let (store, kept) = (Arc::clone(&self.base.store), room.clone());
        let record =
            repeating.as_ref().map(|repeating| self.repeatability.record_json(repeating, &room));
        let work = async move {
            let _repeating = repeating;
            store.put_room(kept, record).await
        };
        self.base.complete(work).await?;
        Ok(room)
    }

    /// Returns a room of a resource.
    pub async fn room(&self, resource: &ResourceId, id: &RoomId) -> Result<Room, RoomFailure> {
        let room = self.base.store.room(id).await?;
        room.filter(|room| room.resource() == resource).ok_or(RoomFailure::NotFound)
    }

    /// Lists the rooms of a resource, the newest first.
    pub async fn rooms(
        &self,
        resource: &ResourceId,
        after: Option<PageCursor>,
        limit: usize,
    ) -> Result<Page<Room>, RoomFailure> {
        let limit = limit.clamp(1, PAGE_LIMIT);
        let before = after.map(|PageCursor(place)| RoomPosition(place));
        let rooms = self.base.store.rooms(resource, before, limit + 1).await?;
        Ok(Page::cut(rooms, limit, |(position, _)| position.0).map(|(_, room)| room))
    }

    /// Changes when and how a room may be joined.
    pub async fn update(
        &self,
        resource: &ResourceId,
        id: &RoomId,
        request: UpdateRoom,
    ) -> Result<Room, RoomFailure> {
        let now = self.base.wall();
        self.change(resource, id, move |room| room.update(now, request)).await
    }

    /// Changes who may join. Whoever is in the call with a role that changes, or is taken off, is out
    /// of it, and joins anew with what the roster gives from then on.
    pub async fn patch_participants(
        &self,
        resource: &ResourceId,
        id: &RoomId,
        patches: Vec<ParticipantPatch>,
    ) -> Result<Room, RoomFailure> {
        self.change(resource, id, move |room| room.patch_participants(patches)).await
    }

    /// Deletes a room.
    pub async fn delete(&self, resource: &ResourceId, id: &RoomId) -> Result<(), RoomFailure> {
        let (rooms, resource, id) = (self.clone(), resource.clone(), id.clone());
        let work = async move {
            let _turn = rooms.turn(&id).await;
            rooms.room(&resource, &id).await?;
            match rooms.base.store.delete_room(&id).await? {
                true => {
                    rooms.calls.follow(&id, None).await;
                    Ok(())
                }
                false => Err(RoomFailure::NotFound),
            }
        };
        self.base.complete(work).await
    }

    async fn change(
        &self,
        resource: &ResourceId,
        id: &RoomId,
        change: impl FnOnce(&mut Room) -> Result<(), RoomError> + Send + 'static,
    ) -> Result<Room, RoomFailure> {
        let (rooms, resource, id) = (self.clone(), resource.clone(), id.clone());
        let work = async move {
            // Read, change, write: nobody else may change the room in between.
            let _turn = rooms.turn(&id).await;
            let mut room = rooms.room(&resource, &id).await?;
            change(&mut room)?;
            rooms.base.store.put_room(room.clone(), None).await?;
            rooms.calls.follow(&id, Some(&room)).await;
            Ok(room)
        };
        self.base.complete(work).await
    }

    async fn turn(&self, id: &RoomId) -> MutexGuard<'_, ()> {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(id);
        let index = usize::try_from(hash % TURNS as u64).unwrap_or_default();
        self.turns[index].lock().await
    }
}

impl RoomFailure {
    /// Returns the wire's code for the failure.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "NotFound",
            Self::Refused(error) => error.code(),
            Self::RepeatedDifferently => "RepeatabilityRequestIdReused",
            Self::RepeatedTooSoon { .. } => "TooManyRequests",
            Self::Store(error) => match error.is_transient() {
                true => "ServiceUnavailable",
                false => "InternalError",
            },
        }
    }
}

/// The most rooms of a page.
const PAGE_LIMIT: usize = 200;

/// Rooms that can be changed at once.
const TURNS: usize = 16;

/// The same request is under way: a commit takes milliseconds.
const REPEAT_AFTER: Duration = Duration::from_secs(1);
