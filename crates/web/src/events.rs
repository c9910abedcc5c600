//! `GET /events/chat`: what happens in a user's threads, as lines of JSON.
//!
//! Commands go over REST; this is the other direction, for pages. A stream that a page reads with
//! `fetch` carries its token in a header, which neither `EventSource` nor a WebSocket can.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::time::timeout;
use trunkline_api::convert::chat;
use trunkline_node::{ChatActor, ChatSubscription, SubscriptionEnd, TokenError};
use trunkline_proto::chat::v1::WatchChatResponse;

use crate::credential::{self, NOT_STORED, Scheme};
use crate::{Shared, wire_json};

/// Each line is a `WatchChatResponse` in proto-JSON, the first without an event: it says where the
/// stream begins. An empty line says that the exchange is still there. The last line is
/// `{"end": {"code": …, "message": …}}`; a stream that ends without it was cut.
pub(crate) async fn chat_events(
    State(shared): State<Shared>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let token = match credential::read(&shared, &uri, &headers, Scheme::Bearer) {
        Ok(token) => token,
        Err(refusal) => return *refusal,
    };
    let now = shared.node.clock().wall();
    let claims = match shared.node.identity().verify(token, now).await {
        Ok(claims) => claims,
        Err(error) => return refuse_token(error),
    };
    let Ok(after) = cursor(uri.query().unwrap_or_default()) else {
        let message = "`after` is the `seq` of the last line that was read";
        return credential::refuse(StatusCode::BAD_REQUEST, "invalid_request", message);
    };
    match shared.node.chat().subscribe(&ChatActor::from(&claims), after).await {
        Ok(subscription) => {
            let lines = futures_util::stream::unfold(Watch::Beginning(subscription), Watch::next);
            let headers = [(CONTENT_TYPE, "application/x-ndjson; charset=utf-8"), NOT_STORED];
            (headers, Body::from_stream(lines)).into_response()
        }
        Err(failure) => {
            let status = StatusCode::from_u16(failure.status())
                .expect("the wire's status of a failure is one of HTTP");
            credential::refuse(status, failure.code(), &failure.to_string())
        }
    }
}

/// How far a stream is.
enum Watch {
    /// The page does not know yet where it begins.
    Beginning(ChatSubscription),
    Running(ChatSubscription),
    Ended,
}

impl Watch {
    /// Waits for the next line. Nothing is read ahead: a page that reads slowly falls behind, and
    /// its subscription goes on from the store.
    async fn next(self) -> Option<(Result<Bytes, Infallible>, Self)> {
        match self {
            Self::Beginning(subscription) => {
                let begun = WatchChatResponse { seq: Some(subscription.cursor()), event: None };
                Some((Ok(line(&begun)), Self::Running(subscription)))
            }
            Self::Running(mut subscription) => {
                match timeout(QUIET_LIMIT, subscription.next()).await {
                    Ok(Ok(item)) => {
                        let event = Some(chat::event(&item.event));
                        let told = WatchChatResponse { seq: item.seq, event };
                        Some((Ok(line(&told)), Self::Running(subscription)))
                    }
                    Ok(Err(end)) => Some((Ok(last_line(&end)), Self::Ended)),
                    Err(_) => Some((Ok(Bytes::from_static(b"\n")), Self::Running(subscription))),
                }
            }
            Self::Ended => None,
        }
    }
}

fn line(response: &WatchChatResponse) -> Bytes {
    let mut line = wire_json::to_line("trunkline.chat.v1.WatchChatResponse", response);
    line.push('\n');
    line.into()
}

fn last_line(end: &SubscriptionEnd) -> Bytes {
    let code = match end {
        SubscriptionEnd::CursorLost { .. } => "cursor_lost",
        SubscriptionEnd::ShuttingDown => "shutting_down",
        SubscriptionEnd::Store(_) => "unavailable",
        SubscriptionEnd::TokenExpired => "token_expired",
        SubscriptionEnd::TokenRevoked => "token_revoked",
    };
    let end = json!({ "end": { "code": code, "message": end.to_string() } });
    format!("{end}\n").into()
}

fn refuse_token(error: TokenError) -> Response {
    match error {
        TokenError::Expired | TokenError::Invalid | TokenError::Revoked => {
            credential::refuse_credential(Scheme::Bearer, &error.to_string())
        }
        TokenError::Unavailable => {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            credential::refuse(status, "unavailable", &error.to_string())
        }
    }
}

/// Reads `after`, if it is there.
fn cursor(query: &str) -> Result<Option<u64>, std::num::ParseIntError> {
    let mut values = query.split('&').filter_map(|pair| pair.strip_prefix("after="));
    values.next().map(str::parse).transpose()
}

/// How long nothing may be said. Longer, and a page notices later that its connection is broken;
/// shorter, and a page in the background wakes a device more often.
const QUIET_LIMIT: Duration = Duration::from_secs(10);
