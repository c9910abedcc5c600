//! Chats, online meetings, users and presence in the shapes of Microsoft Graph, for clients that speak it.
//!
//! Below [`PREFIX`], for users of a directory alone, with the errors that Graph's clients read.

mod chats;
mod meetings;
mod messages;
mod options;
mod people;
mod presence;

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use trunkline_clock::Timestamp;
use trunkline_node::TokenClaims;
use uuid::Uuid;

use crate::error::ApiError;
use crate::graph::people::Caller;
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
    let caller = &Caller::new(&shared.node, claims)?;
    options::check(operation, request)?;
    match operation {
        GraphOperation::AddChatMember => chats::add_member(caller, request).await,
        GraphOperation::ClearMyPreferredPresence => presence::clear(caller).await,
        GraphOperation::ClearPreferredPresence => {
            caller.require_self(request.parameter(0))?;
            presence::clear(caller).await
        }
        GraphOperation::CreateChat => chats::create(caller, request).await,
        GraphOperation::CreateMyOnlineMeeting => meetings::create(caller, request).await,
        GraphOperation::CreateOnlineMeeting => {
            caller.require_self(request.parameter(0))?;
            meetings::create(caller, request).await
        }
        GraphOperation::DeleteMyOnlineMeeting => meetings::delete(caller, request).await,
        GraphOperation::FindMyOnlineMeeting => meetings::find(caller, request).await,
        GraphOperation::GetChat => chats::get(caller, request).await,
        GraphOperation::GetChatMember => chats::member(caller, request).await,
        GraphOperation::GetMe => Ok(people::me(caller, request)),
        GraphOperation::GetMyOnlineMeeting => meetings::get(caller, request).await,
        GraphOperation::GetMyPresence => presence::mine(caller, request),
        GraphOperation::GetPresence | GraphOperation::GetUserPresence => {
            presence::get(caller, request)
        }
        GraphOperation::GetPresencesByUserId => presence::list(caller, request),
        GraphOperation::GetUser => people::get(caller, request),
        GraphOperation::ListChatMembers => chats::members(caller, request).await,
        GraphOperation::ListChatMessages => messages::list(caller, request).await,
        GraphOperation::ListChats | GraphOperation::ListMyChats => {
            chats::list(caller, request).await
        }
        GraphOperation::ListUsers => people::list(caller, request),
        GraphOperation::RemoveChatMember => chats::remove_member(caller, request).await,
        GraphOperation::SendChatMessage => messages::send(caller, request).await,
        GraphOperation::SetMyPreferredPresence => presence::prefer(caller, request).await,
        GraphOperation::SetPreferredPresence => {
            caller.require_self(request.parameter(0))?;
            presence::prefer(caller, request).await
        }
        GraphOperation::UpdateMyOnlineMeeting => meetings::update(caller, request).await,
    }
}

/// Returns whether a path is one of these.
pub(crate) fn is_below(path: &str) -> bool {
    path.strip_prefix(PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Names the answer as Graph names all of its own, and again as the client does.
pub(crate) fn complete(answer: &mut HeaderMap, request: &HeaderMap) {
    if !answer.contains_key(REQUEST_ID)
        && let Ok(id) = HeaderValue::from_str(&Uuid::new_v4().to_string())
    {
        answer.insert(REQUEST_ID, id);
    }
    if let Some(id) = client_request_id(request).and_then(|id| HeaderValue::from_str(id).ok()) {
        answer.insert(CLIENT_REQUEST_ID, id);
    }
}

/// Writes an error as Graph does.
pub(crate) fn refusal(error: &ApiError, request: &HeaderMap, now: Timestamp) -> Response {
    let status = error.status();
    let code = match status {
        StatusCode::UNAUTHORIZED => "InvalidAuthenticationToken",
        StatusCode::FORBIDDEN => "Forbidden",
        _ => error.code(),
    };
    let (message, inner_code, headers) = error.details();
    let id = Uuid::new_v4().to_string();
    let client_id = client_request_id(request).unwrap_or(&id);
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

fn client_request_id(request: &HeaderMap) -> Option<&str> {
    let id = request.get(CLIENT_REQUEST_ID)?.to_str().ok()?;
    (id.len() <= ID_LIMIT_BYTES).then_some(id)
}

/// Where Graph is served.
const PREFIX: &str = "/graph";

const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// Longer ids are not echoed: clients send a GUID.
const ID_LIMIT_BYTES: usize = 128;
