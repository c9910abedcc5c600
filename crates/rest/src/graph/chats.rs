//! Chats and their members: the threads of chat in Graph's shapes.

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Value, json};
use trunkline_chat::{
    ChatError, CreateThread, InvalidMember, Member, Metadata, NewMember, RetentionPolicy,
    ThreadHeader,
};
use trunkline_clock::Timestamp;
use trunkline_ids::{CommunicationIdentifier, ThreadId};
use trunkline_node::{ChatFailure, Node, PageCursor, ThreadQuery};
use trunkline_policy::Right;

use crate::error::ApiError;
use crate::graph::options::{self, Window, entity, page};
use crate::graph::people::{self, Caller};
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

impl MemberRequest {
    fn into_member(self, caller: &Caller<'_>) -> Result<NewMember, ApiError> {
        let identifier = match (self.user, self.azure_communication_services_id) {
            (Some(link), None) => caller.identifier(&linked(&link))?,
            (None, Some(raw_id)) => caller.identifier(&raw_id)?,
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
            display_name: caller.node.identity().directory_name(&identifier),
            share_history_time,
            ..NewMember::new(identifier)
        })
    }
}

/// Returns whom a link names: `…/users('<id>')` or `…/users/<id>`.
fn linked(link: &str) -> String {
    let last = link.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let id = last.strip_prefix("users('").and_then(|id| id.strip_suffix("')")).unwrap_or(last);
    percent::decode_lossy(id)
}

/// Makes a chat of everybody who is named, or none.
pub(super) async fn create(caller: &Caller<'_>, request: &Incoming) -> Result<Reply, ApiError> {
    let given: ChatRequest = request.json()?;
    let is_pair = match given.chat_type.as_str() {
        GROUP => false,
        ONE_ON_ONE => true,
        _ => return Err(ApiError::bad_request("chatType must be `group` or `oneOnOne`.")),
    };
    let members: Vec<NewMember> = given
        .members
        .into_iter()
        .map(|member| member.into_member(caller))
        .collect::<Result<_, _>>()?;
    if is_pair {
        let are_two = matches!(&members[..], [one, two] if one.identifier != two.identifier);
        if !are_two || given.topic.is_some() {
            let message = "A oneOnOne chat has two members and no topic.";
            return Err(ApiError::bad_request(message));
        }
    }
    let (node, actor) = (caller.node, caller.chat_actor());
    if !members.iter().any(|member| member.identifier == actor.identifier) {
        return Err(ApiError::bad_request("The caller must be one of the members."));
    }
    let mut metadata = Metadata::from([(CHAT_TYPE.to_owned(), given.chat_type)]);
    let topic = given.topic.filter(|topic| !topic.is_empty()).unwrap_or_else(|| {
        metadata.insert(NO_TOPIC.to_owned(), "true".to_owned());
        UNNAMED.to_owned()
    });
    let thread = CreateThread { topic, members, metadata, retention: RetentionPolicy::None };
    let created = node.chat().create_thread(&actor, thread, None).await?;
    if let Some(invalid) = created.invalid.first() {
        node.chat().delete_thread(&actor, &created.thread.id).await?;
        return Err(not_added(invalid));
    }
    Ok(entity(request, StatusCode::CREATED, chat_model(&created.thread)))
}

/// Shows a chat.
pub(super) async fn get(caller: &Caller<'_>, request: &Incoming) -> Result<Reply, ApiError> {
    let is_expanded = options::expands_members(request)?;
    let model = summarized(caller, &thread_id(request)?, is_expanded).await?;
    Ok(entity(request, StatusCode::OK, model))
}

/// Lists the chats that the caller is in.
pub(super) async fn list(caller: &Caller<'_>, request: &Incoming) -> Result<Reply, ApiError> {
    let is_expanded = options::expands_members(request)?;
    let Window { top, after } = Window::<PageCursor>::read(request, PAGE_DEFAULT, PAGE_LIMIT)?;
    let (node, actor) = (caller.node, caller.chat_actor());
    let query = ThreadQuery { after, since: None, limit: top };
    let threads = node.chat().threads(&actor, query).await?;
    let mut items = Vec::with_capacity(threads.items.len());
    for summary in threads.items.into_iter().filter(|summary| summary.deleted_on.is_none()) {
        match summarized(caller, &summary.id, is_expanded).await {
            Ok(model) => items.push(model),
            // One that the caller is put out of in the meantime is left out.
            Err(error) if error.status() == StatusCode::NOT_FOUND => {}
            Err(error) => return Err(error),
        }
    }
    Ok(page(request, "chats", items, threads.next.map(|next| (top, next))))
}

/// Lists the members of a chat.
pub(super) async fn members(caller: &Caller<'_>, request: &Incoming) -> Result<Reply, ApiError> {
    let Window { top, after } = Window::<usize>::read(request, MEMBER_LIMIT, MEMBER_LIMIT)?;
    let (skipped, thread) = (after.unwrap_or(0), thread_id(request)?);
    let members = caller.node.chat().members(&caller.chat_actor(), &thread, skipped, top).await;
    let members = members.map_err(refused)?;
    let through = skipped.saturating_add(members.items.len());
    let items = members.items.iter().map(|member| member_model(caller.node, member)).collect();
    Ok(page(request, "members", items, members.next.map(|_| (top, through))))
}

/// Shows a member of a chat.
pub(super) async fn member(caller: &Caller<'_>, request: &Incoming) -> Result<Reply, ApiError> {
    let (thread, identifier) = (thread_id(request)?, membership(request)?);
    let model = find_member(caller, &thread, &identifier).await?;
    Ok(entity(request, StatusCode::OK, model))
}

/// Adds a member to a chat.
pub(super) async fn add_member(caller: &Caller<'_>, request: &Incoming) -> Result<Reply, ApiError> {
    let thread = thread_id(request)?;
    let member = request.json::<MemberRequest>()?.into_member(caller)?;
    let identifier = member.identifier.clone();
    let added = caller.node.chat().add_members(&caller.chat_actor(), &thread, vec![member]).await;
    if let Some(invalid) = added.map_err(refused)?.first() {
        return Err(not_added(invalid));
    }
    let model = find_member(caller, &thread, &identifier).await?;
    let location = format!("{}{}/{}", request.origin, request.path, membership_id(&identifier));
    Ok(entity(request, StatusCode::CREATED, model).with_location(&location))
}

/// Removes a member from a chat.
pub(super) async fn remove_member(
    caller: &Caller<'_>,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    let (node, actor) = (caller.node, caller.chat_actor());
    actor.require(Right::ChangeParticipants)?;
    let (thread, identifier) = (thread_id(request)?, membership(request)?);
    find_member(caller, &thread, &identifier).await?;
    node.chat().remove_member(&actor, &thread, identifier).await.map_err(refused)?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

/// Returns which chat a path names.
pub(super) fn thread_id(request: &Incoming) -> Result<ThreadId, ApiError> {
    request.parameter(0).parse().map_err(|_| no_such_chat())
}

/// Says why the chat does not do it. To those who are not in it there is no such chat.
pub(super) fn refused(failure: ChatFailure) -> ApiError {
    match failure {
        ChatFailure::NotFound
        | ChatFailure::Refused(ChatError::NotMember | ChatError::ThreadDeleted) => no_such_chat(),
        other => other.into(),
    }
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

async fn summarized(
    caller: &Caller<'_>,
    id: &ThreadId,
    is_expanded: bool,
) -> Result<Value, ApiError> {
    let thread = caller.node.chat().thread(&caller.chat_actor(), id).await.map_err(refused)?;
    if thread.deleted_on.is_some() {
        return Err(no_such_chat());
    }
    let mut model = chat_model(&thread);
    if is_expanded {
        model["members"] = all_members(caller, id).await?.into();
    }
    Ok(model)
}

async fn all_members(caller: &Caller<'_>, thread: &ThreadId) -> Result<Vec<Value>, ApiError> {
    let actor = caller.chat_actor();
    let members = caller.node.chat().members(&actor, thread, 0, MEMBER_LIMIT).await;
    let members = members.map_err(refused)?.items;
    Ok(members.iter().map(|member| member_model(caller.node, member)).collect())
}

async fn find_member(
    caller: &Caller<'_>,
    thread: &ThreadId,
    identifier: &CommunicationIdentifier,
) -> Result<Value, ApiError> {
    let actor = caller.chat_actor();
    let members = caller.node.chat().members(&actor, thread, 0, MEMBER_LIMIT).await;
    let members = members.map_err(refused)?.items;
    let found = members.iter().find(|member| member.identifier == *identifier);
    found.map(|member| member_model(caller.node, member)).ok_or_else(no_such_member)
}

/// Opaque to clients: the raw id, in letters that a path takes.
fn membership_id(identifier: &CommunicationIdentifier) -> String {
    URL_SAFE_NO_PAD.encode(identifier.to_string())
}

/// Reads what [`membership_id`] writes.
fn membership(request: &Incoming) -> Result<CommunicationIdentifier, ApiError> {
    URL_SAFE_NO_PAD
        .decode(request.parameter(1))
        .ok()
        .and_then(|raw_id| String::from_utf8(raw_id).ok())
        .and_then(|raw_id| raw_id.parse().ok())
        .ok_or_else(no_such_member)
}

fn chat_model(thread: &ThreadHeader) -> Value {
    let is_unnamed = thread.metadata.contains_key(NO_TOPIC) && thread.topic == UNNAMED;
    let last = thread.last_message_received_on.unwrap_or(thread.created_on);
    let is_pair = thread.metadata.get(CHAT_TYPE).is_some_and(|kind| kind == ONE_ON_ONE);
    json!({
        "id": thread.id.to_string(),
        "topic": (!is_unnamed).then_some(&thread.topic),
        "createdDateTime": thread.created_on.to_string(),
        "lastUpdatedDateTime": last.to_string(),
        "chatType": if is_pair { ONE_ON_ONE } else { GROUP },
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
    let is_in_directory = matches!(
        identifier,
        CommunicationIdentifier::MicrosoftTeamsUser(user) if !user.is_anonymous()
    );
    if is_in_directory {
        let found = node.identity().directory_entry(identifier);
        model["@odata.type"] = "#microsoft.graph.aadUserConversationMember".into();
        model["userId"] = people::id(identifier).into();
        model["tenantId"] = found.map(|(tenant, _)| tenant.to_string()).into();
    } else {
        model["@odata.type"] =
            "#microsoft.graph.azureCommunicationServicesUserConversationMember".into();
        model["azureCommunicationServicesId"] = identifier.to_string().into();
    }
    model
}

const GROUP: &str = "group";
const ONE_ON_ONE: &str = "oneOnOne";

/// Under which names a thread remembers what only Graph tells apart.
const CHAT_TYPE: &str = "graphChatType";
const NO_TOPIC: &str = "graphNoTopic";

/// The topic of a thread, which has one always, where the chat has none.
const UNNAMED: &str = "Chat";

/// Members of a thread, at most.
const MEMBER_LIMIT: usize = 250;

/// As documented for chats.
const PAGE_DEFAULT: usize = 20;
const PAGE_LIMIT: usize = 50;
