//! With whom people sign in, and tokens of this exchange for what their issuer gave to the app.

mod guests;
mod rates;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::http::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{Extensions, HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use trunkline_node::{AppId, DirectoryToken, ExchangeError};

pub(crate) use self::guests::guest;
pub(crate) use self::rates::Rates;
pub use self::rates::SignInRate;
use crate::body::{self, ReadBodyError};
use crate::credential::{NOT_STORED, refuse};
use crate::{Shared, dev, dev_issuer, origin};

/// Who vouches for people, and how often that is looked at.
#[derive(Clone, Debug, Default)]
pub struct SignInConfig {
    /// The issuers that the app offers, beside the one of a development exchange.
    pub issuers: Vec<SignInIssuer>,
    /// How many tokens are exchanged for the pages of one address; no limit when empty.
    pub rates: Vec<SignInRate>,
    /// How many guests sign in from one address; nobody is a guest when absent.
    pub guests: Option<SignInRate>,
}

/// An issuer that the app offers.
#[derive(Clone, Debug)]
pub struct SignInIssuer {
    /// Its address: what its tokens say as `iss`.
    pub issuer: String,
    /// What the app is called there.
    pub client_id: String,
    /// The name that people see; the host of the address when absent.
    pub name: Option<String>,
    /// What the app asks for beside `openid`.
    pub scopes: Vec<String>,
    /// The origins of its endpoints that the app's page asks.
    pub origins: BTreeSet<String>,
}

/// What a page asks for.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Swap {
    issuer: String,
    token: String,
    app_id: String,
    user_id: String,
}

/// `GET /sign-in/issuers`: with whom one may sign in here, and whether guests come to meetings.
pub(crate) async fn issuers(
    State(shared): State<Shared>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if let Some(refusal) = refuse_other_origin(&shared, &headers, &uri) {
        return refusal;
    }
    let issuers = offered(&shared, &headers, &uri);
    let issuers: Vec<Value> = issuers.iter().map(SignInIssuer::describe).collect();
    let guests = shared.guest_rates.is_some();
    ([NOT_STORED], Json(json!({ "issuers": issuers, "guests": guests }))).into_response()
}

/// `POST /sign-in/token` with `{"issuer", "token", "appId", "userId"}`: a token of this exchange for
/// one that an issuer gave to the app. No backend vouches for the request, as one does where REST
/// exchanges tokens: only issuers that the app offers count, and only what they gave to the app.
pub(crate) async fn token(
    State(shared): State<Shared>,
    uri: Uri,
    headers: HeaderMap,
    extensions: Extensions,
    body: Body,
) -> Response {
    if let Some(refusal) = refuse_other_origin(&shared, &headers, &uri) {
        return refusal;
    }
    if let Some(refusal) = refuse_too_many(&shared, &shared.sign_in_rates, peer(&extensions)) {
        return refusal;
    }
    let swap: Swap = match read(&headers, body, "`issuer`, `token`, `appId` and `userId`").await {
        Ok(swap) => swap,
        Err(error) => return error.into_response(),
    };
    exchange(&shared, &offered(&shared, &headers, &uri), &swap).await
}

async fn exchange(shared: &Shared, offered: &[SignInIssuer], swap: &Swap) -> Response {
    let Some(issuer) = offered.iter().find(|offered| offered.issuer == swap.issuer) else {
        let message = "nobody signs in with this issuer here";
        return refuse(StatusCode::BAD_REQUEST, "unknown_issuer", message);
    };
    if issuer.client_id != swap.app_id {
        let message = "tokens of this issuer are exchanged for the app of this exchange only";
        return refuse(StatusCode::FORBIDDEN, "other_app", message);
    }
    let given = DirectoryToken {
        token: &swap.token,
        issuer: Some(&swap.issuer),
        app_id: AppId::Exact(&swap.app_id),
        user_id: &swap.user_id,
    };
    let (identity, now) = (shared.node.identity(), shared.node.clock().wall());
    match identity.exchange_directory_token(identity.resource(), given, now).await {
        Ok((user, token)) => ([NOT_STORED], Json(dev::issued(&user, token))).into_response(),
        Err(error) => refuse_exchange(&error),
    }
}

fn refuse_exchange(error: &ExchangeError) -> Response {
    let (status, code) = match error {
        ExchangeError::Expired => (StatusCode::UNAUTHORIZED, "token_expired"),
        ExchangeError::Identity(error) => return dev::refuse_identity(error),
        ExchangeError::Invalid => (StatusCode::UNAUTHORIZED, "token_invalid"),
        ExchangeError::NoScopes => (StatusCode::FORBIDDEN, "no_scopes"),
        ExchangeError::OtherApp | ExchangeError::OtherIssuer | ExchangeError::OtherUser => {
            (StatusCode::BAD_REQUEST, "token_mismatch")
        }
        // Who asked the issuer and got nothing has logged that.
        ExchangeError::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    };
    let mut response = refuse(status, code, &error.to_string());
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// Returns the issuers that whoever asks here may sign in with. That of a development exchange is
/// called as the exchange is.
fn offered(shared: &Shared, headers: &HeaderMap, uri: &Uri) -> Vec<SignInIssuer> {
    let mut offered = shared.config.sign_in.issuers.clone();
    if shared.config.dev_endpoints
        && let Ok(issuer) = dev_issuer::name(shared, headers, uri)
    {
        offered.push(SignInIssuer {
            issuer,
            client_id: dev_issuer::APP_CLIENT_ID.to_owned(),
            name: Some("Development directory".to_owned()),
            scopes: ["Teams.ManageCalls", "Teams.ManageChats", "offline_access"]
                .map(str::to_owned)
                .to_vec(),
            origins: BTreeSet::new(),
        });
    }
    offered
}

/// The name that the exchange was asked by is not looked at, as what is given here is good for
/// nothing without a token of the issuer.
fn refuse_other_origin(shared: &Shared, headers: &HeaderMap, uri: &Uri) -> Option<Response> {
    let is_own = origin::is_allowed(headers, uri, &shared.config.allowed_origins);
    let message = "pages of other origins may not ask this";
    (!is_own).then(|| refuse(StatusCode::FORBIDDEN, "foreign_origin", message))
}

/// Counts against what an address may ask for. Where it is not known, nothing is counted.
fn refuse_too_many(shared: &Shared, rates: &Rates, peer: Option<IpAddr>) -> Option<Response> {
    let now = shared.node.clock().now().instant;
    let after = rates.check(now, peer?).err()?;
    Some(too_many("too many ask for tokens from this address", after))
}

fn too_many(message: &str, after: Duration) -> Response {
    let mut response = refuse(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", message);
    let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    response
}

/// Returns where a request comes from, as far as the server that took it says.
fn peer(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip())
}

/// Why a body was not read.
#[derive(Debug)]
enum ReadJsonError {
    Body(ReadBodyError),
    OtherShape(&'static str),
    OtherType,
}

impl IntoResponse for ReadJsonError {
    fn into_response(self) -> Response {
        match self {
            Self::Body(error @ ReadBodyError::BrokenOff) => {
                refuse(StatusCode::BAD_REQUEST, "invalid_request", &error.to_string())
            }
            Self::Body(error @ ReadBodyError::TooLarge { .. }) => {
                refuse(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", &error.to_string())
            }
            Self::OtherShape(shape) => {
                let message = format!("send JSON with {shape}");
                refuse(StatusCode::BAD_REQUEST, "invalid_request", &message)
            }
            Self::OtherType => {
                let code = "unsupported_media_type";
                refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, code, "send JSON")
            }
        }
    }
}

async fn read<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    shape: &'static str,
) -> Result<T, ReadJsonError> {
    if !body::is_of_type(headers, "application/json") {
        return Err(ReadJsonError::OtherType);
    }
    let body = body::read(body, MAX_BODY_BYTES).await.map_err(ReadJsonError::Body)?;
    serde_json::from_slice(&body).map_err(|_| ReadJsonError::OtherShape(shape))
}

impl SignInIssuer {
    fn describe(&self) -> Value {
        let mut described = json!({ "issuer": self.issuer, "clientId": self.client_id });
        if let Some(name) = &self.name {
            described["name"] = name.as_str().into();
        }
        if !self.scopes.is_empty() {
            described["scopes"] = self.scopes.clone().into();
        }
        described
    }
}

/// Tokens of directories with many groups are a few KiB; those of more than 16 KiB are not exchanged.
const MAX_BODY_BYTES: usize = 24 * 1024;
