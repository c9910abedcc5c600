//! The query options of OData: which an operation has, and how lists are cut into pages.

use std::fmt;
use std::str::FromStr;

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::graph::PREFIX;
use crate::operation::GraphOperation;
use crate::reply::Reply;
use crate::request::Incoming;

/// Refuses options that the operation does not have: an answer that leaves a filter out looks like
/// one that found everything.
pub(super) fn check(operation: GraphOperation, request: &Incoming) -> Result<(), ApiError> {
    let known = of(operation);
    let is_known = |name: &str| {
        name.eq_ignore_ascii_case(SELECT) || known.iter().any(|own| own.eq_ignore_ascii_case(name))
    };
    match request.query.names().find(|name| name.starts_with('$') && !is_known(name)) {
        None => Ok(()),
        Some(name) => {
            let name: String = name.chars().take(NAME_LIMIT).collect();
            let message = format!("The query option `{name}` is not supported here.");
            Err(ApiError::bad_request(message).with_target(name))
        }
    }
}

/// Returns the options of an operation, beside [`SELECT`].
fn of(operation: GraphOperation) -> &'static [&'static str] {
    match operation {
        GraphOperation::FindMyOnlineMeeting => &[FILTER],
        GraphOperation::GetChat => &[EXPAND],
        GraphOperation::ListChatMembers | GraphOperation::ListUsers => &[TOP, SKIP_TOKEN],
        GraphOperation::ListChatMessages => &[TOP, SKIP_TOKEN, ORDER_BY],
        GraphOperation::ListChats | GraphOperation::ListMyChats => &[TOP, SKIP_TOKEN, EXPAND],
        GraphOperation::AddChatMember
        | GraphOperation::ClearMyPreferredPresence
        | GraphOperation::ClearPreferredPresence
        | GraphOperation::CreateChat
        | GraphOperation::CreateMyOnlineMeeting
        | GraphOperation::CreateOnlineMeeting
        | GraphOperation::DeleteMyOnlineMeeting
        | GraphOperation::GetChatMember
        | GraphOperation::GetMe
        | GraphOperation::GetMyOnlineMeeting
        | GraphOperation::GetMyPresence
        | GraphOperation::GetPresence
        | GraphOperation::GetPresencesByUserId
        | GraphOperation::GetUser
        | GraphOperation::GetUserPresence
        | GraphOperation::RemoveChatMember
        | GraphOperation::SendChatMessage
        | GraphOperation::SetMyPreferredPresence
        | GraphOperation::SetPreferredPresence
        | GraphOperation::UpdateMyOnlineMeeting => &[],
    }
}

/// Which part of a list is wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window<T> {
    /// How many at most.
    pub(super) top: usize,
    /// After which.
    pub(super) after: Option<T>,
}

impl<T: FromStr> Window<T> {
    /// Reads which part is wanted of a list that has pages of at most `limit`.
    pub(super) fn read(request: &Incoming, default: usize, limit: usize) -> Result<Self, ApiError> {
        let top = match request.query.read::<usize>(TOP)? {
            None => default,
            Some(top) if (1..=limit).contains(&top) => top,
            Some(_) => {
                let message = format!("The value of `{TOP}` is not from 1 to {limit}.");
                return Err(ApiError::bad_request(message).with_target(TOP));
            }
        };
        Ok(Self { top, after: request.query.read(SKIP_TOKEN)? })
    }
}

/// Returns whether the members of a chat are wanted with it.
pub(super) fn expands_members(request: &Incoming) -> Result<bool, ApiError> {
    match request.query.get(EXPAND) {
        None => Ok(false),
        Some("members") => Ok(true),
        Some(_) => {
            let message = "Of a chat, `members` can be expanded.";
            Err(ApiError::bad_request(message).with_target(EXPAND))
        }
    }
}

/// Fails unless messages are wanted in the order in which they are listed.
pub(super) fn require_newest_first(request: &Incoming) -> Result<(), ApiError> {
    match request.query.get(ORDER_BY) {
        None | Some("createdDateTime desc") => Ok(()),
        Some(_) => {
            let message = "Messages are listed by `createdDateTime desc`.";
            Err(ApiError::bad_request(message).with_target(ORDER_BY))
        }
    }
}

/// Returns what a filter says.
pub(super) fn filter(request: &Incoming) -> &str {
    request.query.get(FILTER).unwrap_or_default()
}

/// Writes a thing.
pub(super) fn entity(request: &Incoming, status: StatusCode, mut item: Value) -> Reply {
    select(request, &mut item);
    Reply::json(status, &item)
}

/// Writes a page of a list.
pub(super) fn page(
    request: &Incoming,
    kind: &str,
    mut items: Vec<Value>,
    next: Option<(usize, impl fmt::Display)>,
) -> Reply {
    items.iter_mut().for_each(|item| select(request, item));
    let mut page = json!({
        "@odata.context": format!("{}{PREFIX}/v1.0/$metadata#{kind}", request.origin),
        "@odata.count": items.len(),
        "value": items,
    });
    if let Some((top, token)) = next {
        let (top, token) = (top.to_string(), token.to_string());
        let mut parameters = vec![(TOP, top.as_str()), (SKIP_TOKEN, token.as_str())];
        let kept = [SELECT, EXPAND, ORDER_BY];
        parameters
            .extend(kept.into_iter().filter_map(|name| Some((name, request.query.get(name)?))));
        page["@odata.nextLink"] = request.next_link(&parameters).into();
    }
    Reply::json(StatusCode::OK, &page)
}

/// Leaves what the client selects.
fn select(request: &Incoming, item: &mut Value) {
    let (Some(names), Some(fields)) = (request.query.get(SELECT), item.as_object_mut()) else {
        return;
    };
    fields.retain(|name, _| {
        name.starts_with('@') || names.split(',').any(|wanted| wanted.trim() == name)
    });
}

const EXPAND: &str = "$expand";
const FILTER: &str = "$filter";
const ORDER_BY: &str = "$orderby";
const SELECT: &str = "$select";
const SKIP_TOKEN: &str = "$skiptoken";
const TOP: &str = "$top";

/// So much of the name of an unknown option is repeated to whoever sent it.
const NAME_LIMIT: usize = 32;
