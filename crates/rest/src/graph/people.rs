//! Users: who a name in a path or a body means, and what is shown of somebody.

use axum::http::StatusCode;
use serde_json::{Value, json};
use trunkline_ids::CommunicationIdentifier;
use trunkline_node::{Node, TokenClaims};

use crate::error::ApiError;
use crate::reply::Reply;

/// Shows the user of the token.
pub(super) fn me(node: &Node, claims: &TokenClaims) -> Reply {
    Reply::json(StatusCode::OK, &profile(node, &claims.identifier))
}

/// Shows a user of the caller's own directory.
pub(super) fn get(node: &Node, claims: &TokenClaims, name: &str) -> Result<Reply, ApiError> {
    let user = identifier(node, name).map_err(|_| not_found())?;
    let tenant = |of| node.identity().find_directory_user(of).map(|(tenant, _)| tenant);
    let is_near = user == claims.identifier
        || tenant(&user).is_some_and(|theirs| tenant(&claims.identifier) == Some(theirs));
    match is_near {
        true => Ok(Reply::json(StatusCode::OK, &profile(node, &user))),
        false => Err(not_found()),
    }
}

/// Fails unless a path names the user of the token.
pub(super) fn require_self(node: &Node, claims: &TokenClaims, name: &str) -> Result<(), ApiError> {
    match identifier(node, name) {
        Ok(user) if user == claims.identifier => Ok(()),
        Ok(_) | Err(_) => Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "Forbidden",
            "Users make meetings of their own only.",
        )),
    }
}

/// Reads an object id, a raw id or an alias.
pub(super) fn identifier(node: &Node, name: &str) -> Result<CommunicationIdentifier, ApiError> {
    let malformed = || ApiError::bad_request("A user is named by object id or by raw id.");
    if uuid::Uuid::try_parse(name).is_ok() {
        return format!("8:orgid:{name}").to_ascii_lowercase().parse().map_err(|_| malformed());
    }
    match node.identity().resolve_target(name).map_err(|_| malformed())? {
        CommunicationIdentifier::Unknown(_) => Err(malformed()),
        identifier => Ok(identifier),
    }
}

/// Returns how Graph names somebody: directory users by object id, others by raw id.
pub(super) fn id(identifier: &CommunicationIdentifier) -> String {
    match identifier {
        CommunicationIdentifier::MicrosoftTeamsUser(user) if !user.is_anonymous() => {
            user.user_id().to_owned()
        }
        other => other.to_string(),
    }
}

/// Returns which kind of user somebody is.
pub(super) fn kind(identifier: &CommunicationIdentifier) -> &'static str {
    match identifier {
        CommunicationIdentifier::CommunicationUser(_) => "azureCommunicationServicesUser",
        CommunicationIdentifier::MicrosoftTeamsUser(user) if user.is_anonymous() => {
            "anonymousGuest"
        }
        CommunicationIdentifier::MicrosoftTeamsUser(_)
        | CommunicationIdentifier::TeamsExtensionUser(_) => "aadUser",
        CommunicationIdentifier::PhoneNumber(_) => "phoneUser",
        CommunicationIdentifier::MicrosoftTeamsApp(_) | CommunicationIdentifier::Unknown(_) => {
            "unknownFutureValue"
        }
    }
}

/// Returns an identity as it is nested in chats and meetings.
pub(super) fn identity(node: &Node, identifier: &CommunicationIdentifier) -> Value {
    let found = node.identity().find_directory_user(identifier);
    json!({
        "id": id(identifier),
        "displayName": found.as_ref().map(|(_, user)| user.display_name.to_string()),
        "userIdentityType": kind(identifier),
        "tenantId": found.as_ref().map(|(tenant, _)| tenant.to_string()),
    })
}

fn profile(node: &Node, identifier: &CommunicationIdentifier) -> Value {
    let found = node.identity().find_directory_user(identifier);
    let user = found.as_ref().map(|(_, user)| user);
    json!({
        "id": id(identifier),
        "displayName": user.map(|user| user.display_name.to_string()),
        "userPrincipalName": user.map(|user| user.alias.as_str()),
    })
}

fn not_found() -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        "Request_ResourceNotFound",
        "The directory has no such user, or not for this caller.",
    )
}
