//! The routes: each reads one request, asks the directory, prints one answer.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::extract::{DefaultBodyLimit, Path, RawQuery, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, request::Parts};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, delete, get, post};
use axum::{Router, middleware};
use serde::Serialize;
use serde_json::json;
use thiserror::Error;

use crate::{
    Scheme, cors,
    directory::{AllocateError, Handle, Shared},
    exchange::{Access, Refusal, Token},
    frame::Frame,
    negotiate::{
        Allocation, Configuration, ConnectParams, ConnectParamsError, EndpointName, Epid,
        MalformedId, Origin, RegistrationRequest, SessionKey, handshake_text, parameter,
    },
};

/// Builds the routes.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/chat/config/realTimeNotifications", get(configuration))
        .route("/trouter/v4/a", post(allocate))
        // Where the client allocates when it reconnects: beside the sockets.
        .route("/v4/a", post(allocate))
        .route("/socket.io/1/", get(handshake))
        .route("/socket.io/1/websocket/{session}", any(upgrade))
        .route("/socket.io/1/{transport}/{session}", any(refuse_transport))
        .route("/registrar/v3/registrations", post(register))
        .route("/registrar/v3/registrations/{epid}", delete(unregister))
        .layer(DefaultBodyLimit::max(BODY_LIMIT_BYTES))
        .layer(middleware::map_response(no_store))
        .layer(middleware::from_fn(cors::allow_pages))
        .with_state(shared)
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, Error)]
pub(crate) enum RouteError {
    /// No endpoint comes of it.
    #[error(transparent)]
    Allocate(#[from] AllocateError),
    /// The connect parameters open nothing.
    #[error(transparent)]
    ConnectParams(#[from] ConnectParamsError),
    /// The body is not what the route reads.
    #[error("the body is malformed")]
    MalformedBody,
    /// An id in the request is malformed.
    #[error(transparent)]
    MalformedId(#[from] MalformedId),
    /// The token opens nothing.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The transport is not offered.
    #[error("transport not supported: only websocket is")]
    Transport,
    /// The endpoint is not here: it never was, or it is over.
    #[error("no such endpoint: allocate it anew")]
    UnknownEndpoint,
    /// The session was never given out, has been used, or its time is over.
    #[error("no such session: shake hands anew")]
    UnknownSession,
}

impl RouteError {
    fn status(self) -> StatusCode {
        match self {
            Self::Allocate(AllocateError::Overloaded { .. })
            | Self::Allocate(AllocateError::Refused(Refusal::Unavailable))
            | Self::Refused(Refusal::Unavailable) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Allocate(AllocateError::Refused(Refusal::Forbidden))
            | Self::Refused(Refusal::Forbidden) => StatusCode::FORBIDDEN,
            Self::Allocate(AllocateError::Refused(Refusal::Unauthorized))
            | Self::ConnectParams(_)
            | Self::Refused(Refusal::Unauthorized)
            | Self::UnknownSession => StatusCode::UNAUTHORIZED,
            Self::Allocate(AllocateError::TooMany { .. }) => StatusCode::TOO_MANY_REQUESTS,
            Self::MalformedBody | Self::MalformedId(_) | Self::Transport => StatusCode::BAD_REQUEST,
            Self::UnknownEndpoint => StatusCode::NOT_FOUND,
        }
    }

    fn code(self) -> &'static str {
        match self.status() {
            StatusCode::BAD_REQUEST => "BadRequest",
            StatusCode::FORBIDDEN => "Forbidden",
            StatusCode::NOT_FOUND => "NotFound",
            StatusCode::TOO_MANY_REQUESTS => "TooManyRequests",
            StatusCode::UNAUTHORIZED => "Unauthorized",
            _ => "ServiceUnavailable",
        }
    }
}

impl IntoResponse for RouteError {
    fn into_response(self) -> Response {
        let status = self.status();
        tracing::debug!(%status, error = %self, "refused");
        let body = json!({ "error": { "code": self.code(), "message": self.to_string() } });
        let mut response = (status, JSON, body.to_string()).into_response();
        let headers = response.headers_mut();
        match status {
            // No other token of this client will do either: it stops asking.
            StatusCode::FORBIDDEN => {
                headers.insert(GIVE_UP, HeaderValue::from_static("1"));
            }
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
            }
            _ => {}
        }
        response
    }
}

/// `GET /chat/config/realTimeNotifications`: where everything else is.
async fn configuration(
    State(shared): State<Arc<Shared>>,
    parts: Parts,
) -> Result<Response, RouteError> {
    authorize(&shared, &parts.headers).await?;
    Ok(json_response(&Configuration::new(&origin(&shared, &parts)?)))
}

/// `POST …/v4/a`: finds or makes the endpoint that the query names.
async fn allocate(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
    parts: Parts,
) -> Result<Response, RouteError> {
    let (access, token) = authorize(&shared, &parts.headers).await?;
    let epid = epid(query.as_deref())?;
    let origin = origin(&shared, &parts)?;
    let name = shared.allocate(&access, &token, epid.clone()).await?;
    let now = shared.exchange.now().wall;
    let params = shared.key.sign(&name, &epid, now, access.expires_on);
    Ok(json_response(&Allocation::new(&origin, &name, params)))
}

/// `GET /socket.io/1/`: gives out a session for one socket.
async fn handshake(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, RouteError> {
    let (access, token) = authorize(&shared, &headers).await?;
    let name = connecting(&shared, query.as_deref())?;
    let epid = epid(query.as_deref())?;
    // The parameters are genuine, but whoever shows them has to be who got them.
    if shared.key.name(&access.user, &epid) != name {
        return Err(ConnectParamsError::Forged.into());
    }
    let handle = shared.find(&name).ok_or(RouteError::UnknownEndpoint)?;
    if !shared.grant(&name, &access, &token).await {
        return Err(RouteError::UnknownEndpoint);
    }
    let session = SessionKey::from_bytes(uuid::Uuid::new_v4().into_bytes());
    let text = handshake_text(&session);
    handle.open_session(session);
    Ok((TEXT, text).into_response())
}

/// `GET /socket.io/1/websocket/{session}`: the socket.
async fn upgrade(
    State(shared): State<Arc<Shared>>,
    Path(session): Path<String>,
    RawQuery(query): RawQuery,
    upgrade: WebSocketUpgrade,
) -> Result<Response, RouteError> {
    let name = connecting(&shared, query.as_deref())?;
    let session: SessionKey = session.parse()?;
    let handle = shared.find(&name).ok_or(RouteError::UnknownEndpoint)?;
    if !handle.redeem_session(&session) {
        return Err(RouteError::UnknownSession);
    }
    Ok(upgrade
        .max_message_size(2 * Frame::LIMIT_BYTES)
        .max_frame_size(2 * Frame::LIMIT_BYTES)
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .on_failed_upgrade(|error| tracing::debug!(%error, "an upgrade failed"))
        .on_upgrade(move |socket| attach(handle, socket)))
}

async fn attach(handle: Arc<Handle>, socket: WebSocket) {
    if !handle.attach(socket).await {
        tracing::debug!(endpoint = %handle.name(), "the endpoint ended before its socket came");
    }
}

/// Any other transport of socket.io: a client that cannot open a WebSocket is told so at once.
async fn refuse_transport() -> RouteError {
    RouteError::Transport
}

/// `POST …/v3/registrations`: the client wants its pushes, and shows a fresh token.
async fn register(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, RouteError> {
    let (access, token) = authorize(&shared, &headers).await?;
    let request: RegistrationRequest =
        serde_json::from_slice(&body).map_err(|_| RouteError::MalformedBody)?;
    let name = shared.key.name(&access.user, &request.registration_id.parse()?);
    match shared.grant(&name, &access, &token).await {
        true => Ok(StatusCode::ACCEPTED),
        false => Err(RouteError::UnknownEndpoint),
    }
}

/// `DELETE …/v3/registrations/{epid}`: the client takes its endpoint back.
async fn unregister(
    State(shared): State<Arc<Shared>>,
    Path(epid): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, RouteError> {
    let (access, _) = authorize(&shared, &headers).await?;
    shared.unregister(&shared.key.name(&access.user, &epid.parse()?)).await;
    Ok(StatusCode::ACCEPTED)
}

async fn authorize(shared: &Shared, headers: &HeaderMap) -> Result<(Access, Token), Refusal> {
    let token = token(headers).ok_or(Refusal::Unauthorized)?;
    let access = shared.exchange.verify(token).await?;
    Ok((access, Token::from(token)))
}

/// Returns the token, in whichever of its two headers.
fn token(headers: &HeaderMap) -> Option<&str> {
    if let Some(token) = headers.get(SKYPE_TOKEN) {
        return token.to_str().ok();
    }
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

/// Returns the endpoint that the connect parameters of a query open.
fn connecting(shared: &Shared, query: Option<&str>) -> Result<EndpointName, RouteError> {
    let params = ConnectParams::from_query(query.unwrap_or_default())?;
    let now = shared.exchange.now().wall;
    Ok(shared.key.verify(&params, &epid(query)?, now)?)
}

fn epid(query: Option<&str>) -> Result<Epid, MalformedId> {
    parameter(query.unwrap_or_default(), "epid").unwrap_or_default().parse()
}

/// Returns where the client reached the exchange, which is where it is to come again.
fn origin(shared: &Shared, parts: &Parts) -> Result<Origin, MalformedId> {
    if let Some(origin) = &shared.config.public_origin {
        return Ok(origin.clone());
    }
    // HTTP/2 carries both in the URI; of HTTP/1.1 the listener knows the scheme.
    let scheme = match parts.uri.scheme_str() {
        Some("http") => Scheme::Http,
        Some("https") => Scheme::Https,
        Some(_) | None => parts.extensions.get::<Scheme>().copied().unwrap_or(shared.config.scheme),
    };
    let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
    let authority = parts.uri.authority().map(|authority| authority.as_str()).or(host);
    Origin::new(scheme.as_str(), authority.unwrap_or_default())
}

/// The client takes this type alone for an allocation, without parameters.
fn json_response(value: &impl Serialize) -> Response {
    let body = serde_json::to_string(value).expect("structs of texts are JSON");
    (JSON, body).into_response()
}

async fn no_store(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

const JSON: [(HeaderName, &str); 1] = [(CONTENT_TYPE, "application/json")];
const TEXT: [(HeaderName, &str); 1] = [(CONTENT_TYPE, "text/plain; charset=utf-8")];

/// How this client spells `Authorization`.
const SKYPE_TOKEN: HeaderName = HeaderName::from_static("x-skypetoken");

/// Tells the client to stop, not to fetch another token.
const GIVE_UP: HeaderName = HeaderName::from_static("x-trouter-skypetoken-deprecated");

/// The one body read is a registration of some 500 bytes.
const BODY_LIMIT_BYTES: usize = 16 * 1024;

/// What is gathered before it is written, unless it is flushed before: a burst leaves in one record.
const WRITE_BUFFER_BYTES: usize = 16 * 1024;

/// What each socket holds for reading. Clients send a hundred bytes at a time.
const READ_BUFFER_BYTES: usize = 4 * 1024;
