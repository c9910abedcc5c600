//! Messages: send, list, get, change, delete.

use axum::http::StatusCode;
use trunkline_node::{Chat, ChatActor, EditMessage, MessageQuery, PageCursor, SendMessage};

use crate::chat::{message_id, thread};
use crate::error::ApiError;
use crate::model::chat::{MessageModel, SendMessageRequest, SentModel, UpdateMessageRequest};
use crate::paging::PageRequest;
use crate::patch::Patch;
use crate::percent;
use crate::repeatability;
use crate::reply::Reply;
use crate::request::Incoming;

pub(crate) async fn send(
    chat: &Chat,
    actor: &ChatActor,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    let thread = thread(request)?;
    let (content, sender_display_name, metadata) =
        request.json::<SendMessageRequest>()?.into_parts()?;
    // No client sends the header with a message today; one that does gets what it asks for.
    let repeatability = repeatability::of(request, &[])?;
    let is_repeatable = repeatability.is_some();
    let message =
        SendMessage { sender_display_name, metadata, repeatability, ..SendMessage::new(content) };
    let id = chat.send_message(actor, &thread, message).await?.to_string();
    let thread = percent::encode(thread.as_str(), b"");
    let location = format!("{}/chat/threads/{thread}/messages/{id}", request.origin);
    let reply = Reply::json(StatusCode::CREATED, &SentModel { id }).with_location(&location);
    Ok(reply.repeatable(is_repeatable))
}

pub(crate) async fn list(
    chat: &Chat,
    actor: &ChatActor,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    let PageRequest { limit, .. } = PageRequest::read(&request.query, "maxPageSize")?;
    let since = request.query.time("startTime")?;
    let after: Option<PageCursor> = request.query.read("syncState")?;
    let query = MessageQuery { after, since, limit };
    let page = chat.messages(actor, &thread(request)?, query).await?;
    let items = page.items.into_iter().map(MessageModel::from).collect();
    Ok(Reply::json(StatusCode::OK, &request.page_after(items, limit, page.next)))
}

pub(crate) async fn get(
    chat: &Chat,
    actor: &ChatActor,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    let id = message_id(request.parameter(1))?;
    let message = chat.message(actor, &thread(request)?, id).await?;
    Ok(Reply::json(StatusCode::OK, &MessageModel::from(message)))
}

pub(crate) async fn update(
    chat: &Chat,
    actor: &ChatActor,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    let (thread, id) = (thread(request)?, message_id(request.parameter(1))?);
    let patch: UpdateMessageRequest = request.json()?;
    let content = match patch.content {
        Patch::Absent => None,
        Patch::Null => {
            let message = "A message always has content: delete the message instead.";
            return Err(ApiError::bad_request(message).with_target("content"));
        }
        Patch::Value(content) => Some(content),
    };
    let metadata = patch.metadata.empty_as_null().into();
    chat.edit_message(actor, &thread, id, EditMessage { content, metadata }).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

pub(crate) async fn delete(
    chat: &Chat,
    actor: &ChatActor,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    let id = message_id(request.parameter(1))?;
    chat.delete_message(actor, &thread(request)?, id).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}
