//! Users and threads over gRPC.

use tonic::transport::Channel;
use tonic::{Request, Status};
use trunkline_api::chat::v1::chat_service_client::ChatServiceClient;
use trunkline_api::identity::v1::identity_service_client::IdentityServiceClient;
use trunkline_proto::chat::v1::{
    CreateThreadRequest, ListMessagesRequest, Message, NewMember, SendMessageRequest,
};
use trunkline_proto::identity::v1::{CreateUserRequest, TokenScope};

use crate::exchange::Exchange;

/// Somebody with a token, which outlives the exchange that issued it.
#[derive(Clone)]
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) token: String,
}

/// Adds a credential to a request.
pub(crate) fn authorized<T>(message: T, credential: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", credential.parse().unwrap());
    request
}

impl User {
    pub(crate) async fn create(exchange: &Exchange) -> Self {
        let mut identity = IdentityServiceClient::new(exchange.channel());
        let wanted = CreateUserRequest { scopes: vec![TokenScope::Chat.into()], expires_in: None };
        let request = authorized(wanted, &format!("AccessKey {}", exchange.access_key()));
        let created = identity.create_user(request).await.unwrap().into_inner();
        let id = created.user.unwrap().identifier.unwrap().raw_id;
        Self { id, token: created.access_token.unwrap().token }
    }

    pub(crate) fn sign<T>(&self, message: T) -> Request<T> {
        authorized(message, &format!("Bearer {}", self.token))
    }

    /// Makes a thread with others in it.
    pub(crate) async fn create_thread(&self, exchange: &Exchange, others: &[User]) -> String {
        let member = |user: &User| NewMember { user: user.id.clone(), ..NewMember::default() };
        let wanted = CreateThreadRequest {
            members: others.iter().map(member).collect(),
            ..CreateThreadRequest::default()
        };
        let mut chat = ChatServiceClient::new(exchange.channel());
        let created = chat.create_thread(self.sign(wanted)).await.unwrap().into_inner();
        assert!(created.invalid_members.is_empty(), "{created:?}");
        created.thread.unwrap().thread_id
    }

    /// Sends a message that may be sent again: under its id it is taken once.
    pub(crate) async fn send(
        &self,
        channel: Channel,
        thread: &str,
        text: &str,
        id: &str,
    ) -> Result<String, Status> {
        let request = SendMessageRequest {
            thread_id: thread.to_owned(),
            content: text.to_owned(),
            client_message_id: id.to_owned(),
            request_id: id.to_owned(),
            ..SendMessageRequest::default()
        };
        let sent = ChatServiceClient::new(channel).send_message(self.sign(request)).await?;
        Ok(sent.into_inner().message_id)
    }

    /// Reads a thread to its beginning; the oldest message comes first.
    pub(crate) async fn messages(&self, exchange: &Exchange, thread: &str) -> Vec<Message> {
        let mut chat = ChatServiceClient::new(exchange.channel());
        let (mut messages, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = ListMessagesRequest {
                thread_id: thread.to_owned(),
                page_token,
                ..ListMessagesRequest::default()
            };
            let page = chat.list_messages(self.sign(request)).await.unwrap().into_inner();
            messages.extend(page.messages);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                messages.reverse();
                return messages;
            }
        }
    }
}

/// Returns what somebody wrote; `None` for what the thread says itself.
pub(crate) fn written(message: &Message) -> Option<&str> {
    message.client_message_id.as_ref()?;
    Some(&message.content.as_ref()?.content)
}
