//! Identities and their tokens.

use axum::http::StatusCode;
use trunkline_ids::{CommunicationIdentifier, ResourceId};
use trunkline_node::{AccessToken, AppId, DirectoryToken, ExchangeError, TokenRequest};
use uuid::Uuid;

use crate::error::ApiError;
use crate::model::identifier;
use crate::model::identity::{
    AccessTokenModel, CreateIdentityRequest, ExchangeTokenRequest, IdModel, IdentityModel,
    IssueTokenRequest, TokenOrder,
};
use crate::model::time;
use crate::operation::IdentityOperation;
use crate::reply::Reply;
use crate::request::Incoming;
use crate::serve::Shared;

/// Does what a resource asks of identity.
pub(crate) async fn answer(
    shared: &Shared,
    operation: IdentityOperation,
    resource: &ResourceId,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    match operation {
        IdentityOperation::CreateIdentity => create(shared, resource, request).await,
        IdentityOperation::DeleteIdentity => delete(shared, resource, request).await,
        IdentityOperation::ExchangeTeamsUserAccessToken => {
            exchange(shared, resource, request).await
        }
        IdentityOperation::IssueAccessToken => issue(shared, resource, request).await,
        IdentityOperation::RevokeAccessTokens => revoke(shared, resource, request).await,
    }
}

async fn create(
    shared: &Shared,
    resource: &ResourceId,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    let order = request.json::<CreateIdentityRequest>()?.token()?;
    let identity = shared.node.identity();
    let user = identity.create_user(resource, request.now.wall).await?;
    let id = user.identifier.to_string();
    let access_token = match &order {
        Some(order) => {
            let wall = request.now.wall;
            Some(identity.issue_token(resource, &id, order.into(), wall).await?.1.into())
        }
        None => None,
    };
    let model = IdentityModel { identity: IdModel { id }, access_token };
    Ok(Reply::json(StatusCode::CREATED, &model))
}

async fn issue(
    shared: &Shared,
    resource: &ResourceId,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    let user = app_user(resource, request)?;
    let order = request.json::<IssueTokenRequest>()?.token()?;
    let (_, token) = shared
        .node
        .identity()
        .issue_token(resource, &user, (&order).into(), request.now.wall)
        .await?;
    Ok(Reply::json(StatusCode::OK, &AccessTokenModel::from(token)))
}

async fn revoke(
    shared: &Shared,
    resource: &ResourceId,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    shared.node.revoke_tokens(resource, &app_user(resource, request)?).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

async fn delete(
    shared: &Shared,
    resource: &ResourceId,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    shared.node.delete_user(resource, &app_user(resource, request)?).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

async fn exchange(
    shared: &Shared,
    resource: &ResourceId,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    let body: ExchangeTokenRequest = request.json()?;
    let token = body.token.ok_or_else(|| {
        let message = "The body is either missing or doesn't contain any token.";
        ApiError::new(StatusCode::BAD_REQUEST, "ValidationError", message)
    })?;
    // The token is judged first; what is lacking beside it is as good as empty.
    let app_id = body.app_id.unwrap_or_default();
    let user_id = body.user_id.unwrap_or_default();
    let given = DirectoryToken {
        token: &token,
        issuer: None,
        app_id: AppId::Guid(&app_id),
        user_id: &user_id,
    };
    let identity = shared.node.identity();
    let exchanged = identity.exchange_directory_token(resource, given, request.now.wall).await;
    let (_, token) = exchanged.map_err(|error| match error {
        ExchangeError::OtherApp => {
            unfit_guid("AppId", "appId", &app_id).unwrap_or_else(|| error.into())
        }
        ExchangeError::OtherUser => {
            unfit_guid("UserId", "userId", &user_id).unwrap_or_else(|| error.into())
        }
        error => error.into(),
    })?;
    Ok(Reply::json(StatusCode::OK, &AccessTokenModel::from(token)))
}

/// Says what is wrong with a GUID of the body, in the words of the documented service; `None` when it
/// is one.
fn unfit_guid(name: &str, target: &str, text: &str) -> Option<ApiError> {
    if text.is_empty() {
        let message = format!("{name}: The {name} field is required.");
        return Some(ApiError::validation(message, name));
    }
    let message = || format!("Provided {name} has invalid format.");
    Uuid::try_parse(text).is_err().then(|| ApiError::validation(message(), target))
}

/// Returns the raw id of the path, which must be that of an app user of the resource: directory users
/// have aliases, too, and their tokens come from their directory.
fn app_user(resource: &ResourceId, request: &Incoming) -> Result<String, ApiError> {
    let text = request.parameter(0);
    let malformed = |message: String| ApiError::bad_request(message).with_target("id");
    let identifier =
        identifier::parse_raw_id(text).map_err(|error| malformed(error.to_string()))?;
    match identifier {
        CommunicationIdentifier::CommunicationUser(user)
            if user.resource_id().as_ref() == Some(resource) =>
        {
            Ok(text.to_owned())
        }
        CommunicationIdentifier::CommunicationUser(_) => Err(ApiError::not_owned()),
        CommunicationIdentifier::MicrosoftTeamsApp(_)
        | CommunicationIdentifier::MicrosoftTeamsUser(_)
        | CommunicationIdentifier::PhoneNumber(_)
        | CommunicationIdentifier::TeamsExtensionUser(_)
        | CommunicationIdentifier::Unknown(_) => {
            Err(malformed("The identity must be an app user (8:acs:…).".to_owned()))
        }
    }
}

impl<'a> From<&'a TokenOrder> for TokenRequest<'a> {
    fn from(order: &'a TokenOrder) -> Self {
        Self { scopes: &order.scopes, life: order.life }
    }
}

impl From<AccessToken> for AccessTokenModel {
    fn from(token: AccessToken) -> Self {
        Self { expires_on: time::of_tokens(token.expires_on), token: token.token }
    }
}
