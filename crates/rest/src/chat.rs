//! Chat: threads, messages, participants, receipts, typing.

mod messages;
mod participants;
mod receipts;
mod threads;

use trunkline_chat::MessageId;
use trunkline_ids::ThreadId;
use trunkline_node::{ChatActor, ChatFailure};

use crate::error::ApiError;
use crate::operation::ChatOperation;
use crate::reply::Reply;
use crate::request::Incoming;
use crate::serve::Shared;

/// Does what a user asks of chat.
pub(crate) async fn answer(
    shared: &Shared,
    operation: ChatOperation,
    actor: &ChatActor,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    let chat = shared.node.chat();
    match operation {
        ChatOperation::AddChatParticipants => participants::add(chat, actor, request).await,
        ChatOperation::CreateChatThread => threads::create(chat, actor, request).await,
        ChatOperation::DeleteChatMessage => messages::delete(chat, actor, request).await,
        ChatOperation::DeleteChatThread => threads::delete(chat, actor, request).await,
        ChatOperation::GetChatMessage => messages::get(chat, actor, request).await,
        ChatOperation::GetChatThreadProperties => threads::get(chat, actor, request).await,
        ChatOperation::ListChatMessages => messages::list(chat, actor, request).await,
        ChatOperation::ListChatParticipants => participants::list(chat, actor, request).await,
        ChatOperation::ListChatReadReceipts => receipts::list(chat, actor, request).await,
        ChatOperation::ListChatThreads => threads::list(chat, actor, request).await,
        ChatOperation::RemoveChatParticipant => participants::remove(chat, actor, request).await,
        ChatOperation::SendChatMessage => messages::send(chat, actor, request).await,
        ChatOperation::SendChatReadReceipt => receipts::send(chat, actor, request).await,
        ChatOperation::SendTypingNotification => receipts::send_typing(chat, actor, request).await,
        ChatOperation::UpdateChatMessage => messages::update(chat, actor, request).await,
        ChatOperation::UpdateChatThreadProperties => threads::update(chat, actor, request).await,
    }
}

/// Returns the thread of the path. What is no id of a thread names none.
fn thread(request: &Incoming) -> Result<ThreadId, ApiError> {
    request.parameter(0).parse().map_err(|_| ChatFailure::NotFound.into())
}

/// Returns the message of the path, or of a body.
fn message_id(text: &str) -> Result<MessageId, ApiError> {
    text.parse().map_err(|_| {
        let shown: String = text.chars().filter(|c| !c.is_control()).take(64).collect();
        ApiError::bad_request(format!("Value for MessageId ({shown}) is not valid."))
            .with_target("chatMessageId")
    })
}
