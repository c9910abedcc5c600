//! Read receipts and typing.

use axum::http::StatusCode;
use trunkline_node::{Chat, ChatActor};

use crate::chat::{message_id, thread};
use crate::error::ApiError;
use crate::model::chat::{ReceiptModel, SendReadReceiptRequest, SendTypingRequest};
use crate::paging::PageRequest;
use crate::reply::Reply;
use crate::request::Incoming;

pub(crate) async fn list(
    chat: &Chat,
    actor: &ChatActor,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    let page = PageRequest::read(&request.query, "maxPageSize")?;
    let receipts = chat.read_receipts(actor, &thread(request)?, page.skip, page.limit).await?;
    let has_more = receipts.next.is_some();
    let items = receipts.items.into_iter().map(ReceiptModel::from).collect();
    Ok(Reply::json(StatusCode::OK, &request.page_skipping(items, page, has_more)))
}

pub(crate) async fn send(
    chat: &Chat,
    actor: &ChatActor,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    let thread = thread(request)?;
    let id = message_id(&request.json::<SendReadReceiptRequest>()?.chat_message_id)?;
    chat.send_read_receipt(actor, &thread, id).await?;
    Ok(Reply::empty(StatusCode::OK))
}

pub(crate) async fn send_typing(
    chat: &Chat,
    actor: &ChatActor,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    let thread = thread(request)?;
    let name = request.json::<SendTypingRequest>()?.into_name()?;
    chat.send_typing(actor, &thread, name).await?;
    Ok(Reply::empty(StatusCode::OK))
}
