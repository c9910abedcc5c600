//! `/events/calls`: what happens in all calls and meetings, over a WebSocket, from a cursor on.
//!
//! The first message says who asks and from where on, so that no key stands in a URL:
//! `{"accessKey": …, "afterSeq": …, "callId": …}`, the latter two left out for all that happens from
//! here on. What follows are `WatchCallsResponse`s in proto-JSON, one a message.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Deserializer};
use tokio::time::timeout;
use trunkline_ids::CallId;
use trunkline_node::{AdminKeyError, CallTail, Node, TailEnd};
use trunkline_proto::events::v1::WatchCallsResponse;
use trunkline_signaling::close::CloseCode;

use crate::{Shared, origin, wire_json};

/// Upgrades; whether the asker may read is decided by its first message.
pub(crate) async fn connect(
    State(shared): State<Shared>,
    uri: Uri,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if !origin::is_allowed(&headers, &uri, &shared.config.allowed_origins) {
        return (StatusCode::FORBIDDEN, "pages of this origin may not follow calls here\n")
            .into_response();
    }
    upgrade
        .max_message_size(OPENING_LIMIT)
        .max_frame_size(OPENING_LIMIT)
        .on_failed_upgrade(|error| tracing::debug!(%error, "an upgrade failed"))
        .read_buffer_size(OPENING_LIMIT)
        .on_upgrade(move |socket| run(socket, shared.node))
}

/// The first message of a client.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Opening {
    access_key: String,
    /// As proto-JSON writes it, or as a number.
    #[serde(default, deserialize_with = "cursor")]
    after_seq: Option<u64>,
    #[serde(default)]
    call_id: Option<CallId>,
}

/// Why a socket ends.
struct Close {
    code: u16,
    reason: &'static str,
}

impl From<CloseCode> for Close {
    fn from(code: CloseCode) -> Self {
        Self { code: code.as_u16(), reason: code.name() }
    }
}

async fn run(mut socket: WebSocket, node: Node) {
    let end = match open(&mut socket, &node).await {
        Ok(tail) => follow(&mut socket, tail).await,
        Err(refused) => Some(refused),
    };
    let Some(Close { code, reason }) = end else { return };
    let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
    let _ = timeout(WRITE_DEADLINE, socket.send(Message::Close(Some(frame)))).await;
}

async fn open(socket: &mut WebSocket, node: &Node) -> Result<CallTail, Close> {
    let first = timeout(OPENING_DEADLINE, socket.recv()).await.map_err(|_| CloseCode::TimedOut)?;
    let text = match first {
        Some(Ok(Message::Text(text))) => text,
        Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Close(_)))
        | None => return Err(CloseCode::Malformed.into()),
        Some(Err(_)) => return Err(CloseCode::FrameTooLarge.into()),
    };
    let opening: Opening = serde_json::from_str(&text).map_err(|_| CloseCode::Malformed)?;
    match node.admin_with_key(&opening.access_key) {
        Ok(_) => Ok(node.relay().watch_calls(opening.after_seq, opening.call_id)),
        Err(AdminKeyError::Unknown) => Err(CloseCode::Unauthorized.into()),
        Err(AdminKeyError::OtherResource) => Err(CloseCode::Forbidden.into()),
    }
}

/// Sends what happens until the client goes, or nothing more will come; `None` for a client that is
/// gone.
async fn follow(socket: &mut WebSocket, mut tail: CallTail) -> Option<Close> {
    let begun = WatchCallsResponse { seq: tail.cursor(), occurrence: None };
    let mut next = message(&begun);
    loop {
        match timeout(WRITE_DEADLINE, socket.send(next)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return None,
            Err(_) => return Some(CloseCode::SlowReader.into()),
        }
        next = tokio::select! {
            item = tail.next() => match item {
                Ok(item) => {
                    let told = WatchCallsResponse { seq: item.seq, occurrence: item.occurrence };
                    message(&told)
                }
                Err(end) => return Some(close_of(&end)),
            },
            // Pings are answered by the socket itself; whatever else a client sends is its end.
            received = socket.recv() => match received {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => Message::Ping(Bytes::new()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(Message::Binary(_) | Message::Text(_))) => {
                    return Some(CloseCode::Malformed.into());
                }
            },
            () = tokio::time::sleep(QUIET_LIMIT) => Message::Ping(Bytes::new()),
        };
    }
}

fn message(response: &WatchCallsResponse) -> Message {
    let line = wire_json::to_line("trunkline.events.v1.WatchCallsResponse", response);
    Message::Text(Utf8Bytes::from(line))
}

fn close_of(end: &TailEnd) -> Close {
    match end {
        TailEnd::CursorLost { .. } => Close { code: CURSOR_LOST, reason: "cursor_lost" },
        TailEnd::ShuttingDown => CloseCode::GoingAway.into(),
        TailEnd::Store(_) => Close { code: TRY_AGAIN_LATER, reason: "unavailable" },
    }
}

fn cursor<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Cursor {
        Number(u64),
        Text(String),
    }
    match Option::<Cursor>::deserialize(deserializer)? {
        Some(Cursor::Number(number)) => Ok(Some(number)),
        Some(Cursor::Text(text)) => text.parse().map(Some).map_err(serde::de::Error::custom),
        None => Ok(None),
    }
}

/// The first message is a key and two numbers.
const OPENING_LIMIT: usize = 4_096;

/// How long the first message may take.
const OPENING_DEADLINE: Duration = Duration::from_secs(10);

/// How long one message may take to leave.
const WRITE_DEADLINE: Duration = Duration::from_secs(10);

/// How long nothing may be said, so that both sides notice a connection that is broken.
const QUIET_LIMIT: Duration = Duration::from_secs(20);

/// What comes after the cursor is no longer kept. Private use of RFC 6455, as the protocol's other
/// codes.
const CURSOR_LOST: u16 = 4416;

/// From the registry of RFC 6455: the store fails just then.
const TRY_AGAIN_LATER: u16 = 1013;
