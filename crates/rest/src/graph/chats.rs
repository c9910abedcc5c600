//! Chats, their members and their messages: the threads of chat in Graph's shapes.

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Value, json};
use trunkline_chat::{
    CreateThread, InvalidMember, Member, Message, MessageContent, Metadata, NewContent, NewMember,
    RetentionPolicy, ThreadHeader,
};
use trunkline_clock::Timestamp;
use trunkline_ids::{CommunicationIdentifier, ThreadId};
use trunkline_node::{ChatActor, MessageQuery, Node, PageCursor, SendMessage, ThreadQuery};

use crate::error::ApiError;
use crate::graph::{page, people, top};
use crate::percent;
use crate::reply::Reply;
use crate::request::Incoming;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChatRequest {
    chat_type: String,
    topic: Option<String>,
    members: Vec<MemberRequest>,
}

/// A member: of a directory by a link to the user, of an app by id.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MemberRequest {
    #[serde(rename = "user@odata.bind")]
    user: Option<String>,
    azure_communication_services_id: Option<String>,
    visible_history_start_date_time: Option<String>,
}

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

impl MemberRequest {
    fn into_member(self, node: &Node) -> Result<NewMember, ApiError> {
        let identifier = match (self.user, self.azure_communication_services_id) {
            (Some(link), None) => people::identifier(node, &linked(&link))?,
            (None, Some(raw_id)) => people::identifier(node, &raw_id)?,
            (None, None) | (Some(_), Some(_)) => {
                let message = "A member is named by user@odata.bind, or by \
                               azureCommunicationServicesId.";
                return Err(ApiError::bad_request(message));
            }
        };
        let share_history_time = self
            .visible_history_start_date_time
            .map(|time| match time.starts_with("0001-01-01T00:00:00") {
                true => Ok(Timestamp::UNIX_EPOCH),
                false => time.parse().map_err(|_| {
                    ApiError::bad_request("visibleHistoryStartDateTime is not valid.")
                }),
            })
            .transpose()?;
        Ok(NewMember {
            display_name: node.identity().directory_name(&identifier),
            identifier,
            share_history_time,
            metadata: Metadata::new(),
            denial: None,
        })
    }
}

/// Returns whom a link names: `…/users('<id>')` or `…/users/<id>`.
fn linked(link: &str) -> String {
    let last = link.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let id = last.strip_prefix("users('").and_then(|id| id.strip_suffix("')")).unwrap_or(last);
    percent::decode_lossy(id)
}

pub(super) async fn create(
    node: &Node,
    actor: &ChatActor,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    let given: ChatRequest = request.json()?;
    let is_pair = match given.chat_type.as_str() {
        "group" => false,
        "oneOnOne" => true,
        _ => return Err(ApiError::bad_request("chatType must be `group` or `oneOnOne`.")),
    };
    if is_pair && (given.members.len() != 2 || given.topic.is_some()) {
        let message = "A oneOnOne chat has two members and no topic.";
        return Err(ApiError::bad_request(message));
    }
    let members: Vec<NewMember> = given
        .members
        .into_iter()
        .map(|member| member.into_member(node))
        .collect::<Result<_, _>>()?;
    if !members.iter().any(|member| member.identifier == actor.identifier) {
        return Err(ApiError::bad_request("The caller must be one of the members."));
    }
    let mut metadata = Metadata::from([(CHAT_TYPE.to_owned(), given.chat_type)]);
    let topic = given.topic.filter(|topic| !topic.is_empty()).unwrap_or_else(|| {
        metadata.insert(NO_TOPIC.to_owned(), "true".to_owned());
        "Chat".to_owned()
    });
    let thread = CreateThread { topic, members, metadata, retention: RetentionPolicy::None };
    let created = node.chat().create_thread(actor, thread, None).await?;
    if let Some(refused) = created.invalid.first() {
        // Graph makes a chat of everybody or none.
        node.chat().delete_thread(actor, &created.thread.id).await?;
        return Err(not_added(refused));
    }
    Ok(Reply::json(StatusCode::CREATED, &chat_model(&created.thread)))
}

pub(super) async fn get(
    node: &Node,
    actor: &ChatActor,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    let thread = node.chat().thread(actor, &thread_id(request)?).await?;
    match thread.deleted_on {
        Some(_) => Err(no_such_chat()),
        None => Ok(Reply::json(StatusCode::OK, &chat_model(&thread))),
    }
}

pub(super) async fn list(
    node: &Node,
    actor: &ChatActor,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    let limit = top(request)?;
    let after: Option<PageCursor> = request.query.read("$skiptoken")?;
    let threads = node.chat().threads(actor, ThreadQuery { after, since: None, limit }).await?;
    let mut items = Vec::with_capacity(threads.items.len());
    for summary in threads.items.into_iter().filter(|summary| summary.deleted_on.is_none()) {
        // One that went in the meantime is left out.
        if let Ok(thread) = node.chat().thread(actor, &summary.id).await {
            items.push(chat_model(&thread));
        }
    }
    Ok(page(request, "chats", items, limit, threads.next.map(|next| next.to_string())))
}

pub(super) async fn members(
    node: &Node,
    actor: &ChatActor,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    let thread = thread_id(request)?;
    let members = node.chat().members(actor, &thread, 0, MEMBER_LIMIT).await?;
    let items: Vec<Value> = members.items.iter().map(|one| member_model(node, one)).collect();
    Ok(page(request, "members", items, MEMBER_LIMIT, None))
}

pub(super) async fn add_member(
    node: &Node,
    actor: &ChatActor,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    let thread = thread_id(request)?;
    let member = request.json::<MemberRequest>()?.into_member(node)?;
    let identifier = member.identifier.clone();
    if let Some(refused) = node.chat().add_members(actor, &thread, vec![member]).await?.first() {
        return Err(not_added(refused));
    }
    let members = node.chat().members(actor, &thread, 0, MEMBER_LIMIT).await?;
    let added = members.items.iter().find(|member| member.identifier == identifier);
    let model = added.map(|member| member_model(node, member)).ok_or_else(no_such_member)?;
    let location = format!("{}{}/{}", request.origin, request.path, membership_id(&identifier));
    Ok(Reply::json(StatusCode::CREATED, &model).with_location(&location))
}

pub(super) async fn remove_member(
    node: &Node,
    actor: &ChatActor,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    let thread = thread_id(request)?;
    let identifier = URL_SAFE_NO_PAD
        .decode(request.parameter(1))
        .ok()
        .and_then(|raw_id| String::from_utf8(raw_id).ok())
        .and_then(|raw_id| raw_id.parse::<CommunicationIdentifier>().ok())
        .ok_or_else(no_such_member)?;
    node.chat().remove_member(actor, &thread, identifier).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

pub(super) async fn messages(
    node: &Node,
    actor: &ChatActor,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    let limit = top(request)?;
    let after: Option<PageCursor> = request.query.read("$skiptoken")?;
    let query = MessageQuery { after, since: None, limit };
    let messages = node.chat().messages(actor, &thread_id(request)?, query).await?;
    let items = messages.items.iter().map(|message| message_model(node, message)).collect();
    let next = messages.next.map(|next| next.to_string());
    Ok(page(request, "chatMessages", items, limit, next))
}

pub(super) async fn send(
    node: &Node,
    actor: &ChatActor,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    let thread = thread_id(request)?;
    let MessageRequest { body } = request.json()?;
    let content = match body.content_type.as_deref() {
        None | Some("text") => NewContent::Text(body.content),
        Some("html") => NewContent::Html(body.content),
        Some(_) => return Err(ApiError::bad_request("contentType must be `text` or `html`.")),
    };
    let message = SendMessage {
        sender_display_name: node.identity().directory_name(&actor.identifier),
        ..SendMessage::new(content)
    };
    let id = node.chat().send_message(actor, &thread, message).await?;
    let message = node.chat().message(actor, &thread, id).await?;
    Ok(Reply::json(StatusCode::CREATED, &message_model(node, &message)))
}

fn thread_id(request: &Incoming) -> Result<ThreadId, ApiError> {
    request.parameter(0).parse().map_err(|_| no_such_chat())
}

fn no_such_chat() -> ApiError {
    ApiError::not_found("There is no such chat, or not for this caller.")
}

fn no_such_member() -> ApiError {
    ApiError::not_found("The chat has no such member.")
}

fn not_added(refused: &InvalidMember) -> ApiError {
    match refused.code.as_str() {
        "403" => ApiError::new(StatusCode::FORBIDDEN, "Forbidden", refused.message.clone()),
        _ => ApiError::bad_request(refused.message.clone()),
    }
}

/// Opaque to clients: the raw id, in letters that a path takes.
fn membership_id(identifier: &CommunicationIdentifier) -> String {
    URL_SAFE_NO_PAD.encode(identifier.to_string())
}

fn chat_model(thread: &ThreadHeader) -> Value {
    let has_topic = !thread.metadata.contains_key(NO_TOPIC);
    let last = thread.last_message_received_on.unwrap_or(thread.created_on);
    json!({
        "id": thread.id.to_string(),
        "topic": has_topic.then_some(&thread.topic),
        "createdDateTime": thread.created_on.to_string(),
        "lastUpdatedDateTime": last.to_string(),
        "chatType": thread.metadata.get(CHAT_TYPE).map_or("group", String::as_str),
    })
}

fn member_model(node: &Node, member: &Member) -> Value {
    let identifier = &member.identifier;
    let mut model = json!({
        "id": membership_id(identifier),
        "roles": ["owner"],
        "displayName": member.display_name.as_ref().map(ToString::to_string),
        "visibleHistoryStartDateTime": member.share_history_time.to_string(),
    });
    match identifier {
        CommunicationIdentifier::MicrosoftTeamsUser(user) if !user.is_anonymous() => {
            let found = node.identity().find_directory_user(identifier);
            model["@odata.type"] = "#microsoft.graph.aadUserConversationMember".into();
            model["userId"] = user.user_id().into();
            model["tenantId"] = found.map(|(tenant, _)| tenant.to_string()).into();
        }
        other => {
            model["@odata.type"] =
                "#microsoft.graph.azureCommunicationServicesUserConversationMember".into();
            model["azureCommunicationServicesId"] = other.to_string().into();
        }
    }
    model
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

/// Under which names a thread remembers what only Graph tells apart.
const CHAT_TYPE: &str = "graphChatType";
const NO_TOPIC: &str = "graphNoTopic";

/// What stands in the body of a message that the chat itself says.
const SYSTEM: &str = "<systemEventMessage/>";

/// Members of a thread, at most.
const MEMBER_LIMIT: usize = 250;
