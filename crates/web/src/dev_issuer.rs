//! The directory of a development exchange, as far as apps and programs that sign in with OAuth 2.0
//! need it.
//!
//! An app in a browser signs a person in with a code and PKCE
//! ([RFC 6749 §4.1](https://www.rfc-editor.org/rfc/rfc6749#section-4.1),
//! [RFC 7636](https://www.rfc-editor.org/rfc/rfc7636)). Programs use the two grants that need no
//! browser: a user by name ([§4.3](https://www.rfc-editor.org/rfc/rfc6749#section-4.3)) and a program
//! by itself ([§4.4](https://www.rfc-editor.org/rfc/rfc6749#section-4.4)). Passwords and client
//! secrets are not looked at: whoever reaches the port can be anybody.

mod authorization;
mod page;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use trunkline_node::{
    DevAuthorization, DevCode, DevGrantError, DevIssuer, DevRefresh, DevSignIn, DevTokens,
};

use self::authorization::{Authorization, MAX_CLIENT_ID_BYTES, Refused};
use crate::Shared;
use crate::body::is_of_type;
use crate::credential::NOT_STORED;
use crate::dev::{self, ForeignPage};
use crate::form::{Form, NotOne};

/// What the app for people is called here. Other apps are called what they like.
pub(crate) const APP_CLIENT_ID: &str = "trunkline-app";

/// Returns what the issuer is called where it is asked: it goes by every name of the exchange that no
/// foreign name can be made to look like.
///
/// # Errors
/// Where it does not answer.
pub(crate) fn name(shared: &Shared, headers: &HeaderMap, uri: &Uri) -> Result<String, ForeignPage> {
    authority(shared, headers, uri).map(|authority| DevIssuer::at(&authority))
}

fn authority(shared: &Shared, headers: &HeaderMap, uri: &Uri) -> Result<String, ForeignPage> {
    let host = dev::own_host(shared, headers, uri)?;
    Ok(authorization::canonical(host).into_owned())
}

/// `GET /adfs/.well-known/openid-configuration`: where the rest is.
pub(crate) async fn configuration(
    State(shared): State<Shared>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ForeignPage> {
    let issuer = name(&shared, &headers, &uri)?;
    let body = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/oauth2/authorize"),
        "token_endpoint": format!("{issuer}/oauth2/token"),
        "jwks_uri": format!("{issuer}/discovery/keys"),
        "scopes_supported":
            ["openid", "offline_access", "Teams.ManageCalls", "Teams.ManageChats"],
        "grant_types_supported":
            ["authorization_code", "refresh_token", "password", "client_credentials"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none", "client_secret_post"],
        "authorization_response_iss_parameter_supported": true,
        "request_uri_parameter_supported": false,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    });
    Ok(Json(body).into_response())
}

/// `GET /adfs/discovery/keys`: what the tokens are verified with.
pub(crate) async fn keys(State(shared): State<Shared>) -> Response {
    match shared.node.identity().dev_jwks() {
        Some(keys) => Json(keys).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// `GET /adfs/oauth2/authorize`: asks the person who they are, and sends them back with a code.
pub(crate) async fn authorize(
    State(shared): State<Shared>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let Ok(authority) = authority(&shared, &headers, &uri) else {
        let words = "This exchange is not known under the name that it was asked by.";
        return page::refusal(StatusCode::FORBIDDEN, words);
    };
    let (issuer, query) = (DevIssuer::at(&authority), uri.query().unwrap_or_default());
    let asked = match Authorization::read(query, &format!("https://{authority}"), &issuer) {
        Ok(asked) => asked,
        Err(Refused::Here(words)) => return page::refusal(StatusCode::BAD_REQUEST, words),
        Err(Refused::There { address }) => return redirect(address),
    };
    let identity = shared.node.identity();
    let Some(choice) = &asked.choice else {
        let decline = asked.answer(&[("error", "access_denied")], &issuer);
        return page::people(&asked, &identity.directory_users(), &decline);
    };
    if !is_of_person(&headers) {
        let words = "A page of elsewhere may not choose who somebody is.";
        return page::refusal(StatusCode::FORBIDDEN, words);
    }
    let authorization = DevAuthorization {
        issuer: issuer.clone(),
        client_id: asked.client_id.clone(),
        redirect_uri: asked.redirect_uri.clone(),
        code_challenge: asked.code_challenge.clone(),
        nonce: asked.nonce.clone(),
        user: choice.clone(),
        scope: asked.scope.clone(),
    };
    match identity.dev_authorize(authorization, shared.node.clock().now().instant) {
        Ok(code) => redirect(asked.answer(&[("code", &code)], &issuer)),
        Err(DevGrantError::Unavailable) => {
            redirect(asked.answer(&[("error", "server_error")], &issuer))
        }
        Err(
            DevGrantError::Expired
            | DevGrantError::Mismatch
            | DevGrantError::Unknown
            | DevGrantError::Used,
        ) => page::refusal(StatusCode::BAD_REQUEST, "The directory has nobody of this name."),
    }
}

/// `POST /adfs/oauth2/token`: gives tokens for a code, a refresh token, a user or a program.
pub(crate) async fn token(
    State(shared): State<Shared>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ForeignPage> {
    let issuer = name(&shared, &headers, &uri)?;
    Ok(match granted(&shared, &issuer, &headers, &body) {
        Ok(body) => ([NOT_STORED], Json(body)).into_response(),
        Err(NotGranted { code, words }) => {
            let status = match code {
                "server_error" => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::BAD_REQUEST,
            };
            let mut body = json!({ "error": code });
            if let Some(words) = words {
                body["error_description"] = words.into();
            }
            (status, [NOT_STORED], Json(body)).into_response()
        }
    })
}

/// Says whether a request may be that of a person who followed a link of the page, as far as a
/// browser tells ([Fetch Metadata](https://www.w3.org/TR/fetch-metadata/)): not one of another
/// site, and not one for a part of a page. Programs tell nothing.
fn is_of_person(headers: &HeaderMap) -> bool {
    let says = |name: &str, value: &str| headers.get_all(name).iter().any(|said| said == value);
    let is_document = !headers.contains_key("sec-fetch-dest") || says("sec-fetch-dest", "document");
    is_document && !says("sec-fetch-site", "cross-site")
}

/// One of the codes of [RFC 6749 §5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2), and what
/// there is to say about it.
struct NotGranted {
    code: &'static str,
    words: Option<String>,
}

impl From<&'static str> for NotGranted {
    fn from(code: &'static str) -> Self {
        Self { code, words: None }
    }
}

impl From<NotOne> for NotGranted {
    fn from(NotOne: NotOne) -> Self {
        "invalid_request".into()
    }
}

impl From<DevGrantError> for NotGranted {
    fn from(error: DevGrantError) -> Self {
        Self { code: error.code(), words: Some(error.to_string()) }
    }
}

fn granted(
    shared: &Shared,
    issuer: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Value, NotGranted> {
    let form = form(headers, body).ok_or("invalid_request")?;
    let (identity, now) = (shared.node.identity(), shared.node.clock().now());
    let client_id = form.one("client_id")?;
    if client_id.len() > MAX_CLIENT_ID_BYTES {
        return Err("invalid_request".into());
    }
    match form.one("grant_type")? {
        "authorization_code" => {
            let code = DevCode {
                code: form.one("code")?,
                issuer,
                client_id,
                redirect_uri: form.one("redirect_uri")?,
                code_verifier: form.one("code_verifier")?,
            };
            Ok(described(&identity.dev_redeem(code, now)?))
        }
        "client_credentials" => {
            let token = identity.dev_app_token(issuer, client_id, now.wall);
            let token = token.ok_or("invalid_client")?;
            Ok(json!({
                "token_type": "Bearer",
                "expires_in": DevIssuer::LIFE.as_secs(),
                "access_token": token,
            }))
        }
        "password" => {
            let (user, scope) = (form.one("username")?, form.one("scope")?);
            let sign_in = DevSignIn { issuer, user, app_id: client_id, scope, nonce: None };
            let tokens = identity.dev_sign_in(sign_in, now.wall).ok_or("invalid_grant")?;
            Ok(described(&tokens))
        }
        "refresh_token" => {
            let refresh = DevRefresh { token: form.one("refresh_token")?, issuer, client_id };
            Ok(described(&identity.dev_refresh(refresh, now)?))
        }
        _ => Err("unsupported_grant_type".into()),
    }
}

fn described(tokens: &DevTokens) -> Value {
    let mut body = json!({
        "token_type": "Bearer",
        "expires_in": DevIssuer::LIFE.as_secs(),
        "access_token": tokens.access_token,
    });
    let scope = Some(&tokens.scope).filter(|scope| !scope.is_empty());
    for (name, value) in [
        ("id_token", tokens.id_token.as_ref()),
        ("refresh_token", tokens.refresh_token.as_ref()),
        ("scope", scope),
    ] {
        if let Some(value) = value {
            body[name] = value.as_str().into();
        }
    }
    body
}

fn form(headers: &HeaderMap, body: &[u8]) -> Option<Form> {
    if !is_of_type(headers, "application/x-www-form-urlencoded") || body.len() > MAX_BODY_BYTES {
        return None;
    }
    Form::read(std::str::from_utf8(body).ok()?)
}

fn redirect(address: String) -> Response {
    (StatusCode::FOUND, [NOT_STORED, (LOCATION, &address)]).into_response()
}

/// A request holds ids, a name, a secret that is passed over and a list of scopes.
const MAX_BODY_BYTES: usize = 16 * 1024;
