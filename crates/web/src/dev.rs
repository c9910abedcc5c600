//! The development identity endpoints and the key set.

use std::collections::BTreeSet;
use std::error::Error;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use trunkline_ids::DisplayName;
use trunkline_node::{AccessToken, IdentityError, TokenRequest, User};
use trunkline_policy::Scope;

use crate::body::is_of_type;
use crate::credential::{NOT_STORED, refuse};
use crate::{Shared, origin};

/// Larger bodies are refused: a request holds one alias, raw id or display name.
const MAX_BODY_BYTES: usize = 4_096;

/// App users listed, and directory users on the page where one chooses who to be: pages show all of
/// a short list.
pub(crate) const USER_LIMIT: usize = 200;

/// Who wants a token.
enum Wanted {
    /// Somebody known, by alias or raw id.
    Known(String),
    /// An app user to be created, who will call itself this.
    NewAppUser(DisplayName),
}

/// `POST /dev/token` with `{"user": "<alias or raw id>"}` or `{"displayName": "<new app user>"}`.
pub(crate) async fn issue_token(
    State(shared): State<Shared>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if let Err(foreign) = own_host(&shared, &headers, &uri) {
        return foreign.into_response();
    }
    let Some(request) = parse_request(&headers, &body) else {
        return refuse(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            "send JSON with `user` (alias or raw id) or with `displayName` (a new app user)",
        );
    };
    match issue(&shared, request).await {
        Ok(body) => ([NOT_STORED], Json(body)).into_response(),
        Err(error) => refuse_identity(&error),
    }
}

/// `GET /dev/users`: who can be called.
pub(crate) async fn users(State(shared): State<Shared>, uri: Uri, headers: HeaderMap) -> Response {
    if let Err(foreign) = own_host(&shared, &headers, &uri) {
        return foreign.into_response();
    }
    let identity = shared.node.identity();
    let app_users = match identity.app_users(identity.resource(), None, USER_LIMIT).await {
        Ok(app_users) => app_users.into_iter().map(|(_, user)| user),
        Err(error) => return refuse_identity(&error),
    };
    let users = identity.directory_users().into_iter().chain(app_users);
    let users: Vec<Value> = users.map(|user| describe(&user)).collect();
    ([NOT_STORED], Json(json!({ "users": users }))).into_response()
}

/// `GET /.well-known/jwks.json`: the keys that verify tokens.
pub(crate) async fn jwks(State(shared): State<Shared>) -> impl IntoResponse {
    ([(CACHE_CONTROL, "public, max-age=300")], Json(shared.node.identity().jwks()))
}

async fn issue(shared: &Shared, request: Wanted) -> Result<Value, IdentityError> {
    let now = shared.node.clock().wall();
    let identity = shared.node.identity();
    let (user, chosen_name) = match request {
        Wanted::Known(user) => (user, None),
        Wanted::NewAppUser(name) => {
            let user = identity.create_user(identity.resource(), now).await?;
            (user.identifier.to_string(), Some(name))
        }
    };
    let scopes = BTreeSet::from([Scope::Chat, Scope::Voip]);
    let request = TokenRequest { scopes: &scopes, life: None };
    let (user, token) = identity.issue_token(identity.resource(), &user, request, now).await?;
    let mut body = issued(&user, token);
    if let Some(name) = chosen_name {
        body["displayName"] = name.as_str().into();
    }
    Ok(body)
}

/// Describes a user with a token.
pub(crate) fn issued(user: &User, token: AccessToken) -> Value {
    let mut body = describe(user);
    body["token"] = token.token.into();
    body["expiresOn"] = token.expires_on.to_string().into();
    body
}

fn describe(user: &User) -> Value {
    json!({
        "identifier": { "rawId": user.identifier.to_string() },
        "displayName": user.display_name.as_ref().map_or("", DisplayName::as_str),
        "alias": user.alias.as_deref().unwrap_or_default(),
    })
}

/// A page that is not of this exchange, or a request by a name that a page of elsewhere could be
/// given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ForeignPage;

impl IntoResponse for ForeignPage {
    fn into_response(self) -> Response {
        let message = "development tokens are given to pages of this exchange only";
        refuse(StatusCode::FORBIDDEN, "foreign_origin", message)
    }
}

/// Returns the name that the exchange was asked by.
pub(crate) fn own_host<'a>(
    shared: &Shared,
    headers: &'a HeaderMap,
    uri: &'a Uri,
) -> Result<&'a str, ForeignPage> {
    origin::own_host(headers, uri, &shared.config.allowed_origins).ok_or(ForeignPage)
}

fn json_object(headers: &HeaderMap, body: &[u8]) -> Option<Map<String, Value>> {
    if !is_of_type(headers, "application/json") || body.len() > MAX_BODY_BYTES {
        return None;
    }
    match serde_json::from_slice(body).ok()? {
        Value::Object(body) => Some(body),
        _ => None,
    }
}

fn parse_request(headers: &HeaderMap, body: &[u8]) -> Option<Wanted> {
    let body = json_object(headers, body)?;
    let text = |name| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    match (text("user"), text("displayName")) {
        (Some(user), _) => Some(Wanted::Known(user.to_owned())),
        (None, Some(name)) => name.parse().ok().map(Wanted::NewAppUser),
        (None, None) => None,
    }
}

/// Refuses what identity refused. What failed here is logged and not told.
pub(crate) fn refuse_identity(error: &IdentityError) -> Response {
    let (status, code) = match error {
        IdentityError::UnknownResource | IdentityError::UnknownUser => {
            (StatusCode::NOT_FOUND, "user_not_found")
        }
        IdentityError::NoScopes | IdentityError::LifeOutOfRange { .. } => {
            (StatusCode::BAD_REQUEST, "invalid_request")
        }
        IdentityError::Signing(source) => {
            tracing::error!(error = %source, "cannot sign tokens");
            let message = "the exchange cannot sign tokens";
            return refuse(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message);
        }
        IdentityError::Store(source) => {
            let error: &(dyn Error + 'static) = source;
            tracing::warn!(error, "the store failed");
            (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
        }
    };
    refuse(status, code, &error.to_string())
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use trunkline_node::SigningKeyRejected;

    use super::*;

    #[tokio::test]
    async fn nobody_is_told_about_the_key_that_signs() {
        let rejected = IdentityError::Signing(SigningKeyRejected);
        let response = refuse_identity(&rejected);
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        let body = to_bytes(response.into_body(), 4_096).await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let expected =
            json!({ "code": "unavailable", "message": "the exchange cannot sign tokens" });
        assert_eq!(body["error"], expected);
    }
}
