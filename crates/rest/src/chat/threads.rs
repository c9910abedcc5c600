//! Threads: create, list, get, change, delete.

use axum::http::StatusCode;
use trunkline_node::{Chat, ChatActor, PageCursor, ThreadQuery, UpdateThread};

use crate::chat::thread;
use crate::error::ApiError;
use crate::model::chat::{
    CreateThreadRequest, MembershipModel, ThreadItemModel, ThreadModel, UpdateThreadRequest,
};
use crate::model::time;
use crate::paging::PageRequest;
use crate::patch::Patch;
use crate::percent;
use crate::repeatability;
use crate::reply::Reply;
use crate::request::Incoming;

pub(crate) async fn create(
    chat: &Chat,
    actor: &ChatActor,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    let thread = request.json::<CreateThreadRequest>()?.into_thread()?;
    // A client that starts over writes the time anew.
    let repeating = repeatability::of(request, &["shareHistoryTime"])?;
    let is_repeatable = repeating.is_some();
    let created = chat.create_thread(actor, thread, repeating).await?;
    let id = percent::encode(created.thread.id.as_str(), b"");
    let location = format!("{}/chat/threads/{id}", request.origin);
    let thread = ThreadModel::from(created.thread);
    let model = MembershipModel::new(Some(thread), created.invalid);
    let reply = Reply::json(StatusCode::CREATED, &model).with_location(&location);
    Ok(reply.repeatable(is_repeatable))
}

pub(crate) async fn delete(
    chat: &Chat,
    actor: &ChatActor,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    chat.delete_thread(actor, &thread(request)?).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

pub(crate) async fn get(
    chat: &Chat,
    actor: &ChatActor,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    let thread = chat.thread(actor, &thread(request)?).await?;
    Ok(Reply::json(StatusCode::OK, &ThreadModel::from(thread)))
}

pub(crate) async fn update(
    chat: &Chat,
    actor: &ChatActor,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    let thread = thread(request)?;
    let mut patch: UpdateThreadRequest = request.json()?;
    let retention = patch.take_retention()?;
    let topic = match patch.topic {
        Patch::Absent => None,
        Patch::Null => {
            let message = "A thread always has a topic: it cannot be removed.";
            return Err(ApiError::bad_request(message).with_target("topic"));
        }
        Patch::Value(topic) => Some(topic),
    };
    let metadata = patch.metadata.into();
    chat.update_thread(actor, &thread, UpdateThread { topic, metadata, retention }).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

pub(crate) async fn list(
    chat: &Chat,
    actor: &ChatActor,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    let PageRequest { limit, .. } = PageRequest::read(&request.query, "maxPageSize")?;
    let since = request.query.time("startTime")?;
    let after: Option<PageCursor> = request.query.read("syncState")?;
    let page = chat.threads(actor, ThreadQuery { after, since, limit }).await?;
    let items = page
        .items
        .into_iter()
        .map(|thread| ThreadItemModel {
            id: thread.id.to_string(),
            topic: thread.topic,
            deleted_on: thread.deleted_on.map(time::of_chat),
            last_message_received_on: thread.last_message_received_on.map(time::of_chat),
        })
        .collect();
    Ok(Reply::json(StatusCode::OK, &request.page_after(items, limit, page.next)))
}
