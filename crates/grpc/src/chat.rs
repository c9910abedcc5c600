//! `trunkline.chat.v1.ChatService`.

mod read;
pub(crate) mod watch;

use std::pin::Pin;

use futures_util::Stream;
use prost::Message as _;
use tonic::{Request, Response, Status};
use trunkline_api::chat::v1::chat_service_server::ChatService;
use trunkline_api::convert::chat as convert;
use trunkline_chat::CreateThread;
use trunkline_node::{
    Chat as Chats, ChatActor, EditMessage, MessageQuery, Node, RepeatableRequest, SendMessage,
    ThreadQuery, UpdateThread,
};
use trunkline_policy::Right;
use trunkline_proto::chat::v1 as wire;

use crate::page::{self, Wanted};
use crate::{auth, status};

/// Serves the chat of a node.
#[derive(Clone, Debug)]
pub(crate) struct Chat {
    pub(crate) node: Node,
}

impl Chat {
    fn chat(&self) -> &Chats {
        self.node.chat()
    }

    /// Returns who asks. What the token does not allow ends here, before the request is read.
    async fn actor<T>(&self, request: &Request<T>, right: Right) -> Result<ChatActor, Status> {
        let claims = auth::require_token(&self.node, request.metadata()).await?;
        let actor = ChatActor::from(&claims);
        actor.require(right).map_err(status::chat)?;
        Ok(actor)
    }
}

type Answer<T> = Result<Response<T>, Status>;
type Events<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send + 'static>>;

#[tonic::async_trait]
impl ChatService for Chat {
    type WatchChatStream = Events<wire::WatchChatResponse>;

    async fn create_thread(
        &self,
        request: Request<wire::CreateThreadRequest>,
    ) -> Answer<wire::CreateThreadResponse> {
        let actor = self.actor(&request, Right::ChangeThreads).await?;
        let mut request = request.into_inner();
        let request_id = std::mem::take(&mut request.request_id);
        let repeatability = repeatable(request_id, || request.encode_to_vec())?;
        let request = CreateThread {
            topic: request.topic,
            members: read::new_members(self.node.identity(), request.members)?,
            metadata: request.metadata,
            retention: read::retention(request.retention)?,
        };
        let created = self.chat().create_thread(&actor, request, repeatability).await;
        let created = created.map_err(status::chat)?;
        Ok(Response::new(wire::CreateThreadResponse {
            thread: Some(convert::thread(&created.thread)),
            invalid_members: created.invalid.iter().map(convert::invalid_member).collect(),
        }))
    }

    async fn get_thread(
        &self,
        request: Request<wire::GetThreadRequest>,
    ) -> Answer<wire::GetThreadResponse> {
        let actor = self.actor(&request, Right::UseMessages).await?;
        let id = read::thread_id(&request.into_inner().thread_id)?;
        let thread = self.chat().thread(&actor, &id).await.map_err(status::chat)?;
        Ok(Response::new(wire::GetThreadResponse { thread: Some(convert::thread(&thread)) }))
    }

    async fn list_threads(
        &self,
        request: Request<wire::ListThreadsRequest>,
    ) -> Answer<wire::ListThreadsResponse> {
        let actor = self.actor(&request, Right::UseMessages).await?;
        let request = request.into_inner();
        let Wanted { after, limit } = page::wanted(request.page_size, &request.page_token)?;
        let query = ThreadQuery { after, since: read::time("since", request.since)?, limit };
        let page = self.chat().threads(&actor, query).await.map_err(status::chat)?;
        let summary = |thread: &trunkline_storage::ThreadSummary| wire::ThreadSummary {
            thread_id: thread.id.to_string(),
            topic: thread.topic.clone(),
            deleted_on: thread.deleted_on.map(trunkline_api::convert::timestamp),
            last_message_received_on: thread
                .last_message_received_on
                .map(trunkline_api::convert::timestamp),
        };
        Ok(Response::new(wire::ListThreadsResponse {
            threads: page.items.iter().map(summary).collect(),
            next_page_token: page::token(page.next),
        }))
    }

    async fn update_thread(
        &self,
        request: Request<wire::UpdateThreadRequest>,
    ) -> Answer<wire::UpdateThreadResponse> {
        let actor = self.actor(&request, Right::ChangeThreads).await?;
        let request = request.into_inner();
        let id = read::thread_id(&request.thread_id)?;
        let retention = match request.retention {
            None => None,
            retention => Some(read::retention(retention)?),
        };
        let metadata = request.metadata.map(|metadata| metadata.entries).into();
        let update = UpdateThread { topic: request.topic, metadata, retention };
        self.chat().update_thread(&actor, &id, update).await.map_err(status::chat)?;
        Ok(Response::new(wire::UpdateThreadResponse {}))
    }

    async fn delete_thread(
        &self,
        request: Request<wire::DeleteThreadRequest>,
    ) -> Answer<wire::DeleteThreadResponse> {
        let actor = self.actor(&request, Right::ChangeThreads).await?;
        let id = read::thread_id(&request.into_inner().thread_id)?;
        self.chat().delete_thread(&actor, &id).await.map_err(status::chat)?;
        Ok(Response::new(wire::DeleteThreadResponse {}))
    }

    async fn send_message(
        &self,
        request: Request<wire::SendMessageRequest>,
    ) -> Answer<wire::SendMessageResponse> {
        let actor = self.actor(&request, Right::UseMessages).await?;
        let mut request = request.into_inner();
        let request_id = std::mem::take(&mut request.request_id);
        let repeatability = repeatable(request_id, || request.encode_to_vec())?;
        let id = read::thread_id(&request.thread_id)?;
        let client_message_id = request.client_message_id;
        let message = SendMessage {
            content: read::content(request.r#type, request.content)?,
            sender_display_name: read::name("sender_display_name", &request.sender_display_name)?,
            metadata: request.metadata,
            client_message_id: Some(client_message_id).filter(|id| !id.is_empty()),
            repeatability,
        };
        let sent = self.chat().send_message(&actor, &id, message).await.map_err(status::chat)?;
        Ok(Response::new(wire::SendMessageResponse { message_id: sent.to_string() }))
    }

    async fn get_message(
        &self,
        request: Request<wire::GetMessageRequest>,
    ) -> Answer<wire::GetMessageResponse> {
        let actor = self.actor(&request, Right::UseMessages).await?;
        let request = request.into_inner();
        let id = read::thread_id(&request.thread_id)?;
        let message_id = read::message_id(&request.message_id)?;
        let message = self.chat().message(&actor, &id, message_id).await.map_err(status::chat)?;
        Ok(Response::new(wire::GetMessageResponse { message: Some(convert::message(&message)) }))
    }

    async fn list_messages(
        &self,
        request: Request<wire::ListMessagesRequest>,
    ) -> Answer<wire::ListMessagesResponse> {
        let actor = self.actor(&request, Right::UseMessages).await?;
        let request = request.into_inner();
        let id = read::thread_id(&request.thread_id)?;
        let Wanted { after, limit } = page::wanted(request.page_size, &request.page_token)?;
        let query = MessageQuery { after, since: read::time("since", request.since)?, limit };
        let page = self.chat().messages(&actor, &id, query).await.map_err(status::chat)?;
        let (mut messages, mut size_bytes) = (Vec::new(), 0);
        for message in &page.items {
            let message = convert::message(message);
            size_bytes += message.encoded_len();
            if size_bytes > PAGE_LIMIT_BYTES
                && let Some(last) = messages.last()
            {
                // The place of a message in the list is its sequence.
                let wire::Message { sequence, .. } = last;
                let next_page_token = sequence.to_string();
                return Ok(Response::new(wire::ListMessagesResponse { messages, next_page_token }));
            }
            messages.push(message);
        }
        let next_page_token = page::token(page.next);
        Ok(Response::new(wire::ListMessagesResponse { messages, next_page_token }))
    }

    async fn edit_message(
        &self,
        request: Request<wire::EditMessageRequest>,
    ) -> Answer<wire::EditMessageResponse> {
        let actor = self.actor(&request, Right::UseMessages).await?;
        let request = request.into_inner();
        let id = read::thread_id(&request.thread_id)?;
        let message_id = read::message_id(&request.message_id)?;
        let metadata = request.metadata.map(|metadata| metadata.entries).into();
        let edit = EditMessage { content: request.content, metadata };
        let edited = self.chat().edit_message(&actor, &id, message_id, edit).await;
        edited.map_err(status::chat)?;
        Ok(Response::new(wire::EditMessageResponse {}))
    }

    async fn delete_message(
        &self,
        request: Request<wire::DeleteMessageRequest>,
    ) -> Answer<wire::DeleteMessageResponse> {
        let actor = self.actor(&request, Right::UseMessages).await?;
        let request = request.into_inner();
        let id = read::thread_id(&request.thread_id)?;
        let message_id = read::message_id(&request.message_id)?;
        self.chat().delete_message(&actor, &id, message_id).await.map_err(status::chat)?;
        Ok(Response::new(wire::DeleteMessageResponse {}))
    }

    async fn list_members(
        &self,
        request: Request<wire::ListMembersRequest>,
    ) -> Answer<wire::ListMembersResponse> {
        let actor = self.actor(&request, Right::UseMessages).await?;
        let request = request.into_inner();
        let id = read::thread_id(&request.thread_id)?;
        let (skip, limit) = page::skip(request.page_size, &request.page_token)?;
        let page = self.chat().members(&actor, &id, skip, limit).await.map_err(status::chat)?;
        Ok(Response::new(wire::ListMembersResponse {
            members: page.items.iter().map(convert::member).collect(),
            next_page_token: page::token(page.next),
        }))
    }

    async fn add_members(
        &self,
        request: Request<wire::AddMembersRequest>,
    ) -> Answer<wire::AddMembersResponse> {
        let actor = self.actor(&request, Right::ChangeParticipants).await?;
        let request = request.into_inner();
        let id = read::thread_id(&request.thread_id)?;
        let members = read::new_members(self.node.identity(), request.members)?;
        let invalid = self.chat().add_members(&actor, &id, members).await.map_err(status::chat)?;
        let invalid_members = invalid.iter().map(convert::invalid_member).collect();
        Ok(Response::new(wire::AddMembersResponse { invalid_members }))
    }

    async fn remove_member(
        &self,
        request: Request<wire::RemoveMemberRequest>,
    ) -> Answer<wire::RemoveMemberResponse> {
        let actor = self.actor(&request, Right::ChangeParticipants).await?;
        let request = request.into_inner();
        let id = read::thread_id(&request.thread_id)?;
        let user = read::user(self.node.identity(), &request.user)?;
        self.chat().remove_member(&actor, &id, user).await.map_err(status::chat)?;
        Ok(Response::new(wire::RemoveMemberResponse {}))
    }

    async fn send_typing(
        &self,
        request: Request<wire::SendTypingRequest>,
    ) -> Answer<wire::SendTypingResponse> {
        let actor = self.actor(&request, Right::UseMessages).await?;
        let request = request.into_inner();
        let id = read::thread_id(&request.thread_id)?;
        let name = read::name("sender_display_name", &request.sender_display_name)?;
        self.chat().send_typing(&actor, &id, name).await.map_err(status::chat)?;
        Ok(Response::new(wire::SendTypingResponse {}))
    }

    async fn send_read_receipt(
        &self,
        request: Request<wire::SendReadReceiptRequest>,
    ) -> Answer<wire::SendReadReceiptResponse> {
        let actor = self.actor(&request, Right::UseMessages).await?;
        let request = request.into_inner();
        let id = read::thread_id(&request.thread_id)?;
        let message_id = read::message_id(&request.message_id)?;
        self.chat().send_read_receipt(&actor, &id, message_id).await.map_err(status::chat)?;
        Ok(Response::new(wire::SendReadReceiptResponse {}))
    }

    async fn list_read_receipts(
        &self,
        request: Request<wire::ListReadReceiptsRequest>,
    ) -> Answer<wire::ListReadReceiptsResponse> {
        let actor = self.actor(&request, Right::UseMessages).await?;
        let request = request.into_inner();
        let id = read::thread_id(&request.thread_id)?;
        let (skip, limit) = page::skip(request.page_size, &request.page_token)?;
        let page = self.chat().read_receipts(&actor, &id, skip, limit).await;
        let page = page.map_err(status::chat)?;
        Ok(Response::new(wire::ListReadReceiptsResponse {
            receipts: page.items.iter().map(convert::receipt).collect(),
            next_page_token: page::token(page.next),
        }))
    }

    /// Served by the route of [`watch`], which goes before this one.
    async fn watch_chat(
        &self,
        _: Request<wire::WatchChatRequest>,
    ) -> Answer<Self::WatchChatStream> {
        Err(Status::unimplemented("WatchChat has a route of its own"))
    }
}

/// Makes a request repeatable that has an id; `bytes` is the rest of it.
fn repeatable(
    request_id: String,
    bytes: impl FnOnce() -> Vec<u8>,
) -> Result<Option<RepeatableRequest>, Status> {
    match request_id.len() {
        0 => Ok(None),
        1..=REQUEST_ID_LIMIT_BYTES => Ok(Some(RepeatableRequest::new(request_id, &bytes()))),
        _ => Err(status::malformed("request_id")),
    }
}

/// A UUID with whatever a client puts before it.
const REQUEST_ID_LIMIT_BYTES: usize = 128;

/// Clients take 4 MiB at once unless told otherwise; one message may have 300 KB on top of this.
const PAGE_LIMIT_BYTES: usize = 2 * 1024 * 1024;
