//! Rooms and who may join them.

use axum::http::StatusCode;
use trunkline_ids::ResourceId;
use trunkline_interop::{RoomError, RoomId};
use trunkline_node::{PageCursor, RoomFailure};

use crate::error::ApiError;
use crate::model::rooms::{
    CreateRoomRequest, RoomModel, RoomParticipantModel, UpdateParticipantsRequest,
    UpdateRoomRequest,
};
use crate::operation::RoomOperation;
use crate::paging::PageRequest;
use crate::repeatability;
use crate::reply::Reply;
use crate::request::Incoming;
use crate::serve::Shared;

/// Does what a resource asks of rooms.
pub(crate) async fn answer(
    shared: &Shared,
    operation: RoomOperation,
    resource: &ResourceId,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    match operation {
        RoomOperation::CreateRoom => create(shared, resource, request).await,
        RoomOperation::DeleteRoom => delete(shared, resource, request).await,
        RoomOperation::GetRoom => get(shared, resource, request).await,
        RoomOperation::ListRoomParticipants => participants(shared, resource, request).await,
        RoomOperation::ListRooms => list(shared, resource, request).await,
        RoomOperation::UpdateRoom => update(shared, resource, request).await,
        RoomOperation::UpdateRoomParticipants => patch(shared, resource, request).await,
    }
}

async fn create(
    shared: &Shared,
    resource: &ResourceId,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    let room = request.json::<CreateRoomRequest>()?.into_room()?;
    let repeating = repeatability::of(request, &[])?;
    let is_repeatable = repeating.is_some();
    let room = shared.node.rooms().create(resource, room, repeating).await?;
    // The documented service gives the id alone.
    let reply = Reply::json(StatusCode::CREATED, &RoomModel::from(&room));
    Ok(reply.with_location(room.id().as_str()).repeatable(is_repeatable))
}

async fn delete(
    shared: &Shared,
    resource: &ResourceId,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    shared.node.rooms().delete(resource, &room_id(request)?).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

async fn get(
    shared: &Shared,
    resource: &ResourceId,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    let room = shared.node.rooms().room(resource, &room_id(request)?).await?;
    Ok(Reply::json(StatusCode::OK, &RoomModel::from(&room)))
}

async fn list(
    shared: &Shared,
    resource: &ResourceId,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    let PageRequest { limit, .. } =
        PageRequest::read_or(&request.query, "maxPageSize", ROOMS_PAGE)?;
    let after: Option<PageCursor> = request.query.read("syncState")?;
    let page = shared.node.rooms().rooms(resource, after, limit).await?;
    let items = page.items.iter().map(RoomModel::from).collect();
    Ok(Reply::json(StatusCode::OK, &request.page_after(items, limit, page.next)))
}

async fn update(
    shared: &Shared,
    resource: &ResourceId,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    let id = room_id(request)?;
    let update = request.json::<UpdateRoomRequest>()?.into_update()?;
    let room = shared.node.rooms().update(resource, &id, update).await?;
    Ok(Reply::json(StatusCode::OK, &RoomModel::from(&room)))
}

async fn participants(
    shared: &Shared,
    resource: &ResourceId,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    let page = PageRequest::read(&request.query, "maxPageSize")?;
    let room = shared.node.rooms().room(resource, &room_id(request)?).await?;
    let mut rest = room.participants().skip(page.skip);
    let items: Vec<_> = rest
        .by_ref()
        .take(page.limit)
        .map(|(identifier, role)| RoomParticipantModel {
            raw_id: identifier.to_string(),
            role: role.as_str(),
        })
        .collect();
    let has_more = rest.next().is_some();
    Ok(Reply::json(StatusCode::OK, &request.page_skipping(items, page, has_more)))
}

async fn patch(
    shared: &Shared,
    resource: &ResourceId,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    let id = room_id(request)?;
    let patches = request.json::<UpdateParticipantsRequest>()?.into_patches();
    let patches = patches.map_err(roster_refusal)?;
    let patched = shared.node.rooms().patch_participants(resource, &id, patches).await;
    patched.map_err(|failure| match failure {
        RoomFailure::Refused(error) => roster_refusal(error),
        failure => failure.into(),
    })?;
    Ok(Reply::bytes(StatusCode::OK, &b"{}"[..]))
}

/// The documented service speaks of an identifier where a room is made, and of the roster here.
fn roster_refusal(error: RoomError) -> ApiError {
    match error {
        RoomError::MalformedParticipant | RoomError::NotAppUser => {
            ApiError::bad_request(RoomError::INVALID_PARTICIPANTS)
        }
        error => error.into(),
    }
}

fn room_id(request: &Incoming) -> Result<RoomId, ApiError> {
    Ok(request.parameter(0).parse::<RoomId>()?)
}

/// Rooms on a page of the documented service, which has no parameter for it.
const ROOMS_PAGE: usize = 30;
