//! The directory of a development exchange, as far as programs that sign in with OAuth 2.0 need it.
//!
//! It speaks the two grants that need no browser: a user by name
//! ([RFC 6749 §4.3](https://www.rfc-editor.org/rfc/rfc6749#section-4.3)) and a program by itself
//! ([§4.4](https://www.rfc-editor.org/rfc/rfc6749#section-4.4)). Passwords and client secrets are not
//! looked at: whoever reaches the port can be anybody.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use trunkline_node::DevIssuer;
use trunkline_policy::Scope;

use crate::Shared;
use crate::dev::refuse_foreign_page;

/// `GET /adfs/.well-known/openid-configuration`: where the rest is.
pub(crate) async fn configuration(
    State(shared): State<Shared>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if let Some(refusal) = refuse_foreign_page(&shared, &headers, &uri) {
        return refusal;
    }
    // The check above knows the authority, so one of the two has it.
    let host = uri.authority().map(|authority| authority.as_str());
    let host = host.or_else(|| headers.get(HOST)?.to_str().ok()).unwrap_or_default();
    let base = format!("https://{host}/adfs");
    let body = json!({
        "issuer": base,
        // Clients insist on its being named; signing in with a page is not offered.
        "authorization_endpoint": format!("{base}/oauth2/authorize"),
        "token_endpoint": format!("{base}/oauth2/token"),
        "jwks_uri": format!("{base}/discovery/keys"),
        "grant_types_supported": ["password", "client_credentials"],
        "response_types_supported": ["token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    });
    Json(body).into_response()
}

/// `GET /adfs/discovery/keys`: what the tokens are verified with.
pub(crate) async fn keys(State(shared): State<Shared>) -> Response {
    match shared.node.identity().dev_jwks() {
        Some(keys) => Json(keys).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// `POST /adfs/oauth2/token`: signs a user or a program in.
pub(crate) async fn token(
    State(shared): State<Shared>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if let Some(refusal) = refuse_foreign_page(&shared, &headers, &uri) {
        return refusal;
    }
    match granted(&shared, &headers, &body) {
        Ok(body) => ([(CACHE_CONTROL, "no-store")], Json(body)).into_response(),
        Err(code) => (StatusCode::BAD_REQUEST, Json(json!({ "error": code }))).into_response(),
    }
}

/// Returns what a request gets, or one of the codes of
/// [RFC 6749 §5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2).
fn granted(shared: &Shared, headers: &HeaderMap, body: &[u8]) -> Result<Value, &'static str> {
    let form = form(headers, body).ok_or("invalid_request")?;
    let field = |name: &str| {
        let mut values = form.iter().filter(|(given, _)| given == name);
        let value = values.next().map(|(_, value)| value.as_str());
        // A parameter that comes twice means two things.
        value.filter(|value| values.next().is_none() && !value.is_empty()).ok_or("invalid_request")
    };
    let (identity, now) = (shared.node.identity(), shared.node.clock().wall());
    let client = field("client_id")?;
    let mut body = json!({
        "token_type": "Bearer",
        "expires_in": DevIssuer::LIFE.as_secs(),
    });
    match field("grant_type")? {
        "client_credentials" => {
            let token = identity.dev_app_token(client, now).ok_or("invalid_client")?;
            body["access_token"] = token.into();
        }
        "password" => {
            let (user, scope) = (field("username")?, field("scope")?);
            let scopes: Vec<Scope> = scope.split_ascii_whitespace().filter_map(of_name).collect();
            let access = identity.dev_sign_in(user, client, &scopes, now).ok_or("invalid_grant")?;
            body["access_token"] = access.into();
            body["id_token"] = identity.dev_id_token(user, client, now).into();
            body["scope"] = scope.into();
        }
        _ => return Err("unsupported_grant_type"),
    }
    Ok(body)
}

/// A scope for the exchange; those of OpenID Connect say nothing about it.
fn of_name(name: &str) -> Option<Scope> {
    match name.rsplit('/').next() {
        Some("Teams.ManageCalls") => Some(Scope::Voip),
        Some("Teams.ManageChats") => Some(Scope::Chat),
        Some(_) | None => None,
    }
}

/// Reads `application/x-www-form-urlencoded`.
fn form(headers: &HeaderMap, body: &[u8]) -> Option<Vec<(String, String)>> {
    let essence = headers.get(CONTENT_TYPE)?.to_str().ok()?.split(';').next()?.trim();
    if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        || body.len() > MAX_BODY_BYTES
    {
        return None;
    }
    let pairs = std::str::from_utf8(body).ok()?.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decoded(name)?, decoded(value)?))
        })
        .collect()
}

/// Undoes the escapes; `None` where one is broken or the text is not UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
                u8::try_from(high * 16 + low).ok()?
            }
            _ => byte,
        });
    }
    String::from_utf8(decoded).ok()
}

/// A request holds ids, a name, a secret that is passed over and a list of scopes.
const MAX_BODY_BYTES: usize = 16 * 1024;
