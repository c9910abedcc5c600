//! Messages of chats.

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use trunkline_chat::{Member, Message, MessageContent, NewContent};
use trunkline_node::{MessageQuery, Node, PageCursor, SendMessage};

use crate::error::ApiError;
use crate::graph::chats::{refused, thread_id};
use crate::graph::options::{self, Window, entity, page};
use crate::graph::people::{self, Caller};
use crate::reply::Reply;
use crate::request::Incoming;

#[derive(Deserialize)]
struct MessageRequest {
    body: BodyRequest,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BodyRequest {
    content: String,
    content_type: Option<String>,
}

/// Lists the messages that the caller may see, newest first.
pub(super) async fn list(caller: &Caller<'_>, request: &Incoming) -> Result<Reply, ApiError> {
    options::require_newest_first(request)?;
    let Window { top, after } = Window::<PageCursor>::read(request, PAGE_DEFAULT, PAGE_LIMIT)?;
    let query = MessageQuery { after, since: None, limit: top };
    let (node, actor) = (caller.node, caller.chat_actor());
    let messages = node.chat().messages(&actor, &thread_id(request)?, query).await;
    let messages = messages.map_err(refused)?;
    let items = messages.items.iter().map(|message| message_model(node, message)).collect();
    Ok(page(request, "chatMessages", items, messages.next.map(|next| (top, next))))
}

/// Sends a message.
pub(super) async fn send(caller: &Caller<'_>, request: &Incoming) -> Result<Reply, ApiError> {
    let thread = thread_id(request)?;
    let MessageRequest { body } = request.json()?;
    let content = match body.content_type.as_deref() {
        None | Some("text") => NewContent::Text(body.content),
        Some("html") => NewContent::Html(body.content),
        Some(_) => return Err(ApiError::bad_request("contentType must be `text` or `html`.")),
    };
    let (node, actor) = (caller.node, caller.chat_actor());
    let message = SendMessage {
        sender_display_name: node.identity().directory_name(&actor.identifier),
        ..SendMessage::new(content)
    };
    let id = node.chat().send_message(&actor, &thread, message).await.map_err(refused)?;
    let message = node.chat().message(&actor, &thread, id).await.map_err(refused)?;
    Ok(entity(request, StatusCode::CREATED, message_model(node, &message)))
}

fn message_model(node: &Node, message: &Message) -> Value {
    let people_of = |members: &[Member]| -> Vec<Value> {
        members.iter().map(|member| people::identity(node, &member.identifier)).collect()
    };
    let initiated = |by| json!({"user": people::identity(node, by)});
    let (content_type, content, detail) = match &message.content {
        MessageContent::Html(html) => ("html", html.as_str(), Value::Null),
        MessageContent::Text(text) => ("text", text.as_str(), Value::Null),
        MessageContent::ParticipantAdded { participants, initiator } => {
            let detail = json!({
                "@odata.type": "#microsoft.graph.membersAddedEventMessageDetail",
                "members": people_of(participants),
                "initiator": initiated(initiator),
            });
            ("html", SYSTEM, detail)
        }
        MessageContent::ParticipantRemoved { participants, initiator } => {
            let detail = json!({
                "@odata.type": "#microsoft.graph.membersDeletedEventMessageDetail",
                "members": people_of(participants),
                "initiator": initiated(initiator),
            });
            ("html", SYSTEM, detail)
        }
        MessageContent::TopicUpdated { topic, initiator } => {
            let detail = json!({
                "@odata.type": "#microsoft.graph.chatRenamedEventMessageDetail",
                "chatDisplayName": topic,
                "initiator": initiated(initiator),
            });
            ("html", SYSTEM, detail)
        }
    };
    let kind = if message.is_system() { "systemEventMessage" } else { "message" };
    let changed_on = message.deleted_on.or(message.edited_on).unwrap_or(message.created_on);
    json!({
        "id": message.id.to_string(),
        "etag": message.version.to_string(),
        "messageType": kind,
        "createdDateTime": message.created_on.to_string(),
        "lastModifiedDateTime": changed_on.to_string(),
        "lastEditedDateTime": message.edited_on.map(|on| on.to_string()),
        "deletedDateTime": message.deleted_on.map(|on| on.to_string()),
        "chatId": message.thread_id.to_string(),
        "importance": "normal",
        "from": message.sender.as_ref().map(initiated),
        "body": {"contentType": content_type, "content": content},
        "attachments": [],
        "mentions": [],
        "reactions": [],
        "eventDetail": detail,
    })
}

/// What stands in the body of a message that the chat itself says.
const SYSTEM: &str = "<systemEventMessage/>";

/// As documented for messages.
const PAGE_DEFAULT: usize = 20;
const PAGE_LIMIT: usize = 50;
