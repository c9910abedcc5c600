//! The WebSocket endpoint: translates between one socket's messages and a session's frames.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, State};
use axum::http::{Extensions, HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::{self, error::ProtocolError};
use trunkline_node::{Inbound, Node, OpenTransportError, Outbound, TransportOrigin};
use trunkline_signaling::close::CloseCode;
use trunkline_signaling::codec::{DEFAULT_MAX_FRAME_BYTES, Encoding, WireMessage, WirePayload};
use trunkline_signaling::outgoing::OutgoingFrame;

use crate::{Shared, origin};

/// How long what leaves at once may take. Longer lets a client that stopped reading keep its buffers;
/// shorter cuts clients on bad networks, whose retransmission pauses reach seconds.
const WRITE_DEADLINE: Duration = Duration::from_secs(10);

/// How many messages leave at once. Without a limit, a client that is told something all the time
/// would never be done within the deadline, however well it reads.
const BATCH_LIMIT: usize = 64;

/// How long a closing socket may take to deliver the close frame.
const CLOSE_DEADLINE: Duration = Duration::from_secs(5);

/// How long a socket stays open for a client that sends what cannot be read.
const LINGER: Duration = Duration::from_secs(1);

/// Messages above the limit are still read up to this factor, so that the close code reaches a
/// client that is merely careless; beyond it the socket is cut.
const OVERSIZE_FACTOR: usize = 16;

/// What is read at once, kept by every socket and cleared before every read. Nearly every frame of
/// a client fits; a longer one grows the buffer.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// From the registry of RFC 6455: the exchange failed on its own account.
const INTERNAL_ERROR: u16 = 1011;

/// From the registry of RFC 6455: the exchange is overloaded just then.
const TRY_AGAIN_LATER: u16 = 1013;

/// `GET /signaling`: upgrades to one of the two subprotocols.
pub(crate) async fn signaling(
    State(shared): State<Shared>,
    uri: Uri,
    headers: HeaderMap,
    extensions: Extensions,
    upgrade: WebSocketUpgrade,
) -> Response {
    if !origin::is_allowed(&headers, &uri, &shared.config.allowed_origins) {
        return (StatusCode::FORBIDDEN, "pages of this origin may not open a session here\n")
            .into_response();
    }
    let upgrade = upgrade
        .protocols([Encoding::Json, Encoding::Proto].map(Encoding::subprotocol))
        .max_message_size(OVERSIZE_FACTOR * DEFAULT_MAX_FRAME_BYTES)
        .max_frame_size(OVERSIZE_FACTOR * DEFAULT_MAX_FRAME_BYTES)
        .read_buffer_size(READ_BUFFER_BYTES);
    let selected = upgrade.selected_protocol().and_then(|name| name.to_str().ok());
    let Some(encoding) = selected.and_then(|name| name.parse::<Encoding>().ok()) else {
        let hint = "ask for the WebSocket subprotocol trunkline.v1.json or trunkline.v1.proto\n";
        return (StatusCode::BAD_REQUEST, hint).into_response();
    };
    let peer_addr = extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(addr)| *addr);
    upgrade
        .on_failed_upgrade(|error| tracing::debug!(%error, "signaling upgrade failed"))
        .on_upgrade(move |socket| run(socket, shared.node, peer_addr, encoding))
}

/// How a socket is done with.
#[derive(Debug)]
enum End {
    Close { code: u16, reason: &'static str },
    PeerGone,
}

impl From<CloseCode> for End {
    fn from(code: CloseCode) -> Self {
        Self::Close { code: code.as_u16(), reason: code.name() }
    }
}

async fn run(socket: WebSocket, node: Node, peer_addr: Option<SocketAddr>, encoding: Encoding) {
    let (mut sink, mut stream) = socket.split();
    let end = match node.open_transport(TransportOrigin { peer_addr, carrier: "websocket" }) {
        Ok(transport) => {
            let mut outbound = transport.outbound;
            tokio::select! {
                biased;
                end = write_messages(&mut sink, &mut outbound, encoding) => end,
                end = read_messages(&mut stream, transport.inbound, encoding) => end,
            }
        }
        Err(OpenTransportError::Overloaded { .. }) => {
            End::Close { code: TRY_AGAIN_LATER, reason: "overloaded" }
        }
        Err(OpenTransportError::ShuttingDown) => CloseCode::GoingAway.into(),
    };
    match end {
        End::Close { code, reason } => close(sink, stream, code, reason).await,
        End::PeerGone => {}
    }
}

/// Reads a message only when the session has room for it: a client that floods is slowed by TCP.
/// Completes when the peer is gone; whatever else ends the socket comes from the session.
async fn read_messages(
    stream: &mut SplitStream<WebSocket>,
    inbound: mpsc::Sender<Inbound>,
    encoding: Encoding,
) -> End {
    loop {
        let Ok(permit) = inbound.reserve().await else {
            break;
        };
        let payload = match stream.next().await {
            Some(Ok(message)) => message,
            Some(Err(error)) => {
                let Some(code) = refusal_of(error) else {
                    return End::PeerGone;
                };
                permit.send(Inbound::Refused(code));
                break;
            }
            None => return End::PeerGone,
        };
        let payload = match &payload {
            Message::Text(text) => WirePayload::Text(text.as_str()),
            Message::Binary(bytes) => WirePayload::Binary(bytes),
            Message::Ping(_) | Message::Pong(_) => continue,
            Message::Close(_) => return End::PeerGone,
        };
        match encoding.decode_client(payload, DEFAULT_MAX_FRAME_BYTES) {
            Ok(frame) => permit.send(Inbound::Frame(frame)),
            Err(error) => {
                tracing::debug!(%error, "refused a message");
                permit.send(Inbound::Refused(error.close_code()));
                break;
            }
        }
    }
    std::future::pending().await
}

/// Sends what the session gives until it says close, or the client takes nothing for too long.
async fn write_messages(
    sink: &mut SplitSink<WebSocket, Message>,
    outbound: &mut mpsc::Receiver<Outbound>,
    encoding: Encoding,
) -> End {
    let mut batch = Vec::new();
    while outbound.recv_many(&mut batch, BATCH_LIMIT).await > 0 {
        // What is there at once leaves at once, in as few records and packets as hold it.
        let mut last = None;
        let writing = async {
            for next in batch.drain(..) {
                match next {
                    // Nothing follows it.
                    Outbound::Close(code) => last = Some(code),
                    Outbound::Frame(frame) => sink.feed(message(&frame, encoding)).await?,
                }
            }
            sink.flush().await
        };
        match timeout(WRITE_DEADLINE, writing).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return End::PeerGone,
            Err(_) => return CloseCode::SlowReader.into(),
        }
        if let Some(code) = last {
            return code.into();
        }
    }
    End::Close { code: INTERNAL_ERROR, reason: "the session ended without a word" }
}

fn message(frame: &OutgoingFrame, encoding: Encoding) -> Message {
    match frame.encode(encoding) {
        WireMessage::Binary(bytes) => Message::Binary(Bytes::from(bytes)),
        WireMessage::Text(text) => Message::Text(Utf8Bytes::from(text)),
    }
}

/// Tells a message that is no WebSocket message, or far too long a one, from a broken connection.
fn refusal_of(error: axum::Error) -> Option<CloseCode> {
    let error = error.into_inner();
    tracing::debug!(%error, "the signaling socket broke");
    match error.downcast_ref::<tungstenite::Error>()? {
        tungstenite::Error::Capacity(_) => Some(CloseCode::FrameTooLarge),
        tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        tungstenite::Error::Protocol(_) | tungstenite::Error::Utf8(_) => Some(CloseCode::Malformed),
        _ => None,
    }
}

/// Sends the close frame and waits for the peer's, within the deadline.
async fn close(
    mut sink: SplitSink<WebSocket, Message>,
    mut stream: SplitStream<WebSocket>,
    code: u16,
    reason: &'static str,
) {
    let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
    let closing = async {
        sink.send(Message::Close(Some(frame))).await?;
        while let Some(Ok(message)) = stream.next().await {
            if matches!(message, Message::Close(_)) {
                return Ok(());
            }
        }
        // What the client is still sending cannot be read. Closing at once would answer it with a
        // reset, which takes the close frame away from a client that is about to read it.
        sleep(LINGER).await;
        Ok::<(), axum::Error>(())
    };
    if timeout(CLOSE_DEADLINE, closing).await.is_err() {
        tracing::debug!(code, "the client did not complete the close handshake");
    }
}
