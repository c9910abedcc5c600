//! Chats, online meetings and users in the shapes of Microsoft Graph, for clients that speak it.
//!
//! Below [`PREFIX`], with the errors that Graph's clients read.

mod chats;
mod meetings;
mod people;

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use trunkline_clock::Timestamp;
use trunkline_node::{ChatActor, TokenClaims};
use uuid::Uuid;

use crate::error::ApiError;
use crate::headers::{JSON, X_MS_ERROR_CODE};
use crate::model::time;
use crate::operation::GraphOperation;
use crate::reply::Reply;
use crate::request::Incoming;
use crate::serve::Shared;

/// Does what a user asks.
pub(crate) async fn answer(
    shared: &Shared,
    operation: GraphOperation,
    claims: &TokenClaims,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    let node = &shared.node;
    let actor = ChatActor::from(claims);
    match operation {
        GraphOperation::AddChatMember => chats::add_member(node, &actor, request).await,
        GraphOperation::CreateChat => chats::create(node, &actor, request).await,
        GraphOperation::CreateMyOnlineMeeting => meetings::create(node, claims, request).await,
        GraphOperation::CreateOnlineMeeting => {
            people::require_self(node, claims, request.parameter(0))?;
            meetings::create(node, claims, request).await
        }
        GraphOperation::DeleteMyOnlineMeeting => meetings::delete(node, claims, request).await,
        GraphOperation::FindMyOnlineMeeting => meetings::find(node, claims, request).await,
        GraphOperation::GetChat => chats::get(node, &actor, request).await,
        GraphOperation::GetMe => Ok(people::me(node, claims)),
        GraphOperation::GetMyOnlineMeeting => meetings::get(node, claims, request).await,
        GraphOperation::GetUser => people::get(node, claims, request.parameter(0)),
        GraphOperation::ListChatMembers => chats::members(node, &actor, request).await,
        GraphOperation::ListChatMessages => chats::messages(node, &actor, request).await,
        GraphOperation::ListChats | GraphOperation::ListMyChats => {
            chats::list(node, &actor, request).await
        }
        GraphOperation::RemoveChatMember => chats::remove_member(node, &actor, request).await,
        GraphOperation::SendChatMessage => chats::send(node, &actor, request).await,
        GraphOperation::UpdateMyOnlineMeeting => meetings::update(node, claims, request).await,
    }
}

/// Returns whether a path is one of these.
pub(crate) fn is_below(path: &str) -> bool {
    path.strip_prefix(PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Writes an error as Graph does.
pub(crate) fn refusal(error: ApiError, request: &HeaderMap, now: Timestamp) -> Response {
    let status = error.status();
    let code = match status {
        StatusCode::UNAUTHORIZED => "InvalidAuthenticationToken",
        StatusCode::FORBIDDEN => "Forbidden",
        _ => error.code(),
    };
    let (message, inner_code, headers) = error.details();
    let id = Uuid::new_v4().to_string();
    let client_id = request
        .get(CLIENT_REQUEST_ID)
        .and_then(|id| id.to_str().ok())
        .filter(|id| id.len() <= ID_LIMIT_BYTES)
        .unwrap_or(&id);
    let mut inner = json!({
        "date": time::of_chat(now).trim_end_matches('Z'),
        "request-id": id,
        "client-request-id": client_id,
    });
    if let Some(code) = inner_code {
        inner["code"] = code.into();
    }
    let body = json!({"error": {"code": code, "message": message, "innerError": inner}});
    let mut response = (status, body.to_string()).into_response();
    let answered = response.headers_mut();
    answered.extend(headers.clone());
    answered.insert(CONTENT_TYPE, JSON);
    for (name, value) in [(X_MS_ERROR_CODE, code), (REQUEST_ID, id.as_str())] {
        if let Ok(value) = HeaderValue::from_str(value) {
            answered.insert(name, value);
        }
    }
    response
}

/// Reads how many the client wants at once.
fn top(request: &Incoming) -> Result<usize, ApiError> {
    match request.query.read::<usize>("$top")? {
        None => Ok(PAGE_DEFAULT),
        Some(top) if (1..=PAGE_LIMIT).contains(&top) => Ok(top),
        Some(_) => {
            let message = format!("The value of `$top` is not from 1 to {PAGE_LIMIT}.");
            Err(ApiError::bad_request(message).with_target("$top"))
        }
    }
}

/// Writes a page of a list.
fn page(
    request: &Incoming,
    kind: &str,
    items: Vec<Value>,
    top: usize,
    next: Option<String>,
) -> Reply {
    let Incoming { origin, path, .. } = request;
    let mut page = json!({
        "@odata.context": format!("{origin}{PREFIX}/v1.0/$metadata#{kind}"),
        "@odata.count": items.len(),
        "value": items,
    });
    if let Some(next) = next {
        page["@odata.nextLink"] = format!("{origin}{path}?$top={top}&$skiptoken={next}").into();
    }
    Reply::json(StatusCode::OK, &page)
}

/// Where Graph is served.
const PREFIX: &str = "/graph";

const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// Longer ids are not echoed: clients send a GUID.
const ID_LIMIT_BYTES: usize = 128;

/// As documented for chats and messages.
const PAGE_DEFAULT: usize = 20;
const PAGE_LIMIT: usize = 50;
