//! Users: who asks, whom a name in a path or a body means, and what is shown of somebody.

use axum::http::StatusCode;
use serde_json::{Value, json};
use trunkline_ids::{CommunicationIdentifier, TenantId};
use trunkline_node::{ChatActor, MeetingActor, Node, PresenceActor, TokenClaims};
use trunkline_policy::DirectoryUser;

use crate::error::ApiError;
use crate::graph::options::{Window, entity, page};
use crate::reply::Reply;
use crate::request::Incoming;

/// Who asks: a user of a directory.
pub(super) struct Caller<'a> {
    pub(super) node: &'a Node,
    pub(super) claims: &'a TokenClaims,
    tenant: TenantId,
    user: DirectoryUser,
}

impl<'a> Caller<'a> {
    /// Fails unless the token is that of a user whom a directory has.
    pub(super) fn new(node: &'a Node, claims: &'a TokenClaims) -> Result<Self, ApiError> {
        let entry = match claims.identifier {
            CommunicationIdentifier::MicrosoftTeamsUser(_) => {
                node.identity().directory_entry(&claims.identifier)
            }
            CommunicationIdentifier::CommunicationUser(_)
            | CommunicationIdentifier::MicrosoftTeamsApp(_)
            | CommunicationIdentifier::PhoneNumber(_)
            | CommunicationIdentifier::TeamsExtensionUser(_)
            | CommunicationIdentifier::Unknown(_) => None,
        };
        let (tenant, user) =
            entry.ok_or_else(|| forbidden("The token must be that of a user of a directory."))?;
        Ok(Self { node, claims, tenant, user })
    }

    /// Returns the caller as chat knows it.
    pub(super) fn chat_actor(&self) -> ChatActor {
        ChatActor::from(self.claims)
    }

    /// Returns the caller as meetings know it.
    pub(super) fn meeting_actor(&self) -> MeetingActor {
        MeetingActor::User(self.claims.clone())
    }

    /// Returns the caller as presence knows it.
    pub(super) fn presence_actor(&self) -> PresenceActor {
        PresenceActor::User(self.claims.clone())
    }

    /// Fails unless a path names the caller.
    pub(super) fn require_self(&self, name: &str) -> Result<(), ApiError> {
        match self.identifier(name) {
            Ok(user) if user == self.claims.identifier => Ok(()),
            Ok(_) | Err(_) => Err(forbidden("Users do this in their own name only.")),
        }
    }

    /// Reads an object id, a raw id, or an alias of the caller's own directory.
    pub(super) fn identifier(&self, name: &str) -> Result<CommunicationIdentifier, ApiError> {
        let malformed = || ApiError::bad_request("A user is named by object id or by raw id.");
        if uuid::Uuid::try_parse(name).is_ok() {
            return format!("8:orgid:{name}").to_ascii_lowercase().parse().map_err(|_| malformed());
        }
        if let Some(user) = self.node.identity().directory_alias(&self.tenant, name) {
            return Ok(user.identifier());
        }
        match name.parse().map_err(|_| malformed())? {
            CommunicationIdentifier::Unknown(_) => Err(malformed()),
            identifier => Ok(identifier),
        }
    }

    /// Finds a user of the caller's own directory. Other directories have nobody, for this caller.
    pub(super) fn colleague(&self, name: &str) -> Result<DirectoryUser, ApiError> {
        let identifier = self.identifier(name).map_err(|_| no_such_user())?;
        let found = self.node.identity().directory_entry(&identifier);
        match found {
            Some((tenant, user)) if tenant == self.tenant => Ok(user),
            Some(_) | None => Err(no_such_user()),
        }
    }
}

/// Shows the caller.
pub(super) fn me(caller: &Caller<'_>, request: &Incoming) -> Reply {
    entity(request, StatusCode::OK, profile(&caller.user))
}

/// Shows a user of the caller's own directory.
pub(super) fn get(caller: &Caller<'_>, request: &Incoming) -> Result<Reply, ApiError> {
    let user = caller.colleague(request.parameter(0))?;
    Ok(entity(request, StatusCode::OK, profile(&user)))
}

/// Lists the caller's own directory.
pub(super) fn list(caller: &Caller<'_>, request: &Incoming) -> Result<Reply, ApiError> {
    let window = Window::<usize>::read(request, USERS_DEFAULT, USERS_LIMIT)?;
    let skipped = window.after.unwrap_or(0);
    let users = caller.node.identity().directory_of(&caller.tenant);
    let shown: Vec<Value> = users.iter().skip(skipped).take(window.top).map(profile).collect();
    let through = skipped.saturating_add(shown.len());
    let next = (through < users.len() && !shown.is_empty()).then_some((window.top, through));
    Ok(page(request, "users", shown, next))
}

/// Returns how Graph names somebody: directory users by object id, others by raw id.
pub(super) fn id(identifier: &CommunicationIdentifier) -> String {
    match identifier {
        CommunicationIdentifier::MicrosoftTeamsUser(user) if !user.is_anonymous() => {
            user.user_id().to_owned()
        }
        CommunicationIdentifier::CommunicationUser(_)
        | CommunicationIdentifier::MicrosoftTeamsApp(_)
        | CommunicationIdentifier::MicrosoftTeamsUser(_)
        | CommunicationIdentifier::PhoneNumber(_)
        | CommunicationIdentifier::TeamsExtensionUser(_)
        | CommunicationIdentifier::Unknown(_) => identifier.to_string(),
    }
}

/// Returns which kind of user somebody is.
fn kind(identifier: &CommunicationIdentifier) -> &'static str {
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
    let found = node.identity().directory_entry(identifier);
    json!({
        "id": id(identifier),
        "displayName": found.as_ref().map(|(_, user)| user.display_name.to_string()),
        "userIdentityType": kind(identifier),
        "tenantId": found.as_ref().map(|(tenant, _)| tenant.to_string()),
    })
}

/// Refuses what the caller may not do.
pub(super) fn forbidden(message: &'static str) -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "Forbidden", message)
}

fn profile(user: &DirectoryUser) -> Value {
    json!({
        "id": id(&user.identifier()),
        "displayName": user.display_name.to_string(),
        "userPrincipalName": user.alias.as_str(),
    })
}

/// Says that there is nobody of that name for the caller.
pub(super) fn no_such_user() -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        "Request_ResourceNotFound",
        "The directory has no such user, or not for this caller.",
    )
}

/// As documented for users.
const USERS_DEFAULT: usize = 100;
const USERS_LIMIT: usize = 999;
