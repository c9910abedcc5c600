//! Participants: list, add, remove.

use axum::http::StatusCode;
use trunkline_node::{Chat, ChatActor};

use crate::chat::thread;
use crate::error::ApiError;
use crate::model::chat::{AddParticipantsRequest, MembershipModel, ParticipantModel};
use crate::model::identifier::IdentifierModel;
use crate::paging::PageRequest;
use crate::reply::Reply;
use crate::request::Incoming;

pub(crate) async fn list(
    chat: &Chat,
    actor: &ChatActor,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    let page = PageRequest::read(&request.query, "maxPageSize")?;
    let members = chat.members(actor, &thread(request)?, page.skip, page.limit).await?;
    let has_more = members.next.is_some();
    let items = members.items.into_iter().map(ParticipantModel::from).collect();
    Ok(Reply::json(StatusCode::OK, &request.page_skipping(items, page, has_more)))
}

pub(crate) async fn add(
    chat: &Chat,
    actor: &ChatActor,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    let thread = thread(request)?;
    let members = request.json::<AddParticipantsRequest>()?.into_members()?;
    let invalid = chat.add_members(actor, &thread, members).await?;
    Ok(Reply::json(StatusCode::CREATED, &MembershipModel::new(None, invalid)))
}

pub(crate) async fn remove(
    chat: &Chat,
    actor: &ChatActor,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    let thread = thread(request)?;
    let identifier = request.json::<IdentifierModel>()?.try_into()?;
    chat.remove_member(actor, &thread, identifier).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}
