//! The WebSocket transport, over TLS.

use std::{sync::Arc, time::Duration};

use futures_util::{SinkExt, StreamExt, future::BoxFuture};
use tokio::{net::TcpStream, sync::mpsc};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config,
    tungstenite::{
        self, Message,
        client::IntoClientRequest,
        http::{HeaderValue, Request, Uri, header::SEC_WEBSOCKET_PROTOCOL},
        protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode as WsCloseCode},
    },
};
use trunkline_proto::signaling::v1::ClientFrame;
use trunkline_signaling::{
    close::CloseCode,
    codec::{Encoding, WireMessage, WirePayload},
};

use super::{ConnectError, Dial, LINK_QUEUE_FRAMES, Link, LinkEvent};

/// Opens WebSockets to one exchange.
#[derive(Clone)]
pub(crate) struct WebSocketDialer {
    uri: Uri,
    encoding: Encoding,
    tls: Arc<rustls::ClientConfig>,
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

impl WebSocketDialer {
    /// Makes a dialer for an exchange's base address, `https://host:port`.
    pub(crate) fn new(
        endpoint: &str,
        encoding: Encoding,
        tls: Arc<rustls::ClientConfig>,
    ) -> Result<Self, ConnectError> {
        let address = |reason: &str| ConnectError::Address { reason: reason.to_owned() };
        let uri: Uri = endpoint.parse().map_err(|_| address("it does not parse"))?;
        // The first frame carries a token, so there is no plain variant to fall back to.
        if !matches!(uri.scheme_str(), Some("https" | "wss")) {
            return Err(address("the scheme must be https or wss"));
        }
        let authority = uri.authority().ok_or_else(|| address("it names no host"))?;
        let uri = Uri::builder()
            .scheme("wss")
            .authority(authority.as_str())
            .path_and_query(SIGNALING_PATH)
            .build()
            .map_err(|_| address("it does not parse"))?;
        Ok(Self { uri, encoding, tls })
    }

    /// Returns the host that is dialed.
    pub(crate) fn host(&self) -> &str {
        self.uri.host().unwrap_or_default()
    }

    fn request(&self) -> Result<Request<()>, ConnectError> {
        let mut request = self.uri.clone().into_client_request().map_err(failed)?;
        let protocol = HeaderValue::from_static(self.encoding.subprotocol());
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, protocol);
        Ok(request)
    }
}

impl Dial for WebSocketDialer {
    fn dial(&self) -> BoxFuture<'static, Result<Link, ConnectError>> {
        let dialer = self.clone();
        Box::pin(async move {
            let request = dialer.request()?;
            let config = WebSocketConfig::default()
                .max_message_size(Some(MAX_SERVER_FRAME_BYTES))
                .max_frame_size(Some(MAX_SERVER_FRAME_BYTES));
            let connector = Connector::Rustls(Arc::clone(&dialer.tls));
            let connecting =
                connect_async_tls_with_config(request, Some(config), true, Some(connector));
            let (socket, _) = tokio::time::timeout(CONNECT_TIMEOUT, connecting)
                .await
                .map_err(|_| ConnectError::TimedOut { seconds: CONNECT_TIMEOUT.as_secs() })?
                .map_err(failed)?;
            let (frames, outgoing) = mpsc::channel(LINK_QUEUE_FRAMES);
            let (incoming, events) = mpsc::channel(LINK_QUEUE_FRAMES);
            let task = tokio::spawn(pump(socket, dialer.encoding, outgoing, incoming));
            Ok(Link { frames, events, task: Some(task) })
        })
    }
}

/// Moves frames between the socket and the queues until either ends.
async fn pump(
    socket: Socket,
    encoding: Encoding,
    mut outgoing: mpsc::Receiver<ClientFrame>,
    incoming: mpsc::Sender<LinkEvent>,
) {
    let (mut sink, mut stream) = socket.split();
    let writing = async {
        while let Some(frame) = outgoing.recv().await {
            let message = match encoding.encode_client(&frame) {
                WireMessage::Binary(bytes) => Message::Binary(bytes.into()),
                WireMessage::Text(text) => Message::Text(text.into()),
            };
            match tokio::time::timeout(WRITE_TIMEOUT, sink.send(message)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return,
            }
        }
        let close = CloseFrame { code: WsCloseCode::Normal, reason: "".into() };
        let closing = sink.send(Message::Close(Some(close)));
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, closing).await;
    };
    let reading = async {
        let code = loop {
            let payload = match stream.next().await {
                Some(Ok(Message::Binary(bytes))) => {
                    encoding.decode_server(WirePayload::Binary(&bytes), MAX_SERVER_FRAME_BYTES)
                }
                Some(Ok(Message::Text(text))) => {
                    encoding.decode_server(WirePayload::Text(text.as_str()), MAX_SERVER_FRAME_BYTES)
                }
                Some(Ok(Message::Close(close))) => {
                    break close.and_then(|close| CloseCode::try_from(u16::from(close.code)).ok());
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Err(_)) | None => break None,
            };
            match payload {
                Ok(frame) => {
                    if incoming.send(LinkEvent::Frame(Box::new(frame))).await.is_err() {
                        return;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "the exchange sent something that is not a frame");
                    break None;
                }
            }
        };
        let _ = incoming.send(LinkEvent::Closed(code)).await;
    };
    tokio::select! {
        () = writing => {}
        () = reading => {}
    }
}

fn failed(error: tungstenite::Error) -> ConnectError {
    match error {
        tungstenite::Error::Http(response) => {
            ConnectError::Http { status: response.status().as_u16() }
        }
        other => ConnectError::Transport(Arc::new(other)),
    }
}

const SIGNALING_PATH: &str = "/signaling";

/// A snapshot of a full meeting, with room to spare; the exchange is trusted not to send more.
const MAX_SERVER_FRAME_BYTES: usize = 4 * 1024 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::TrustRoots;

    #[test]
    fn only_encrypted_addresses_are_dialed() {
        let tls = TrustRoots::System.client_config();
        // A machine without a bundle cannot make a configuration; the addresses are what matters.
        let Ok(tls) = tls else { return };
        let dialer = |address| WebSocketDialer::new(address, Encoding::Proto, Arc::clone(&tls));
        assert_eq!(
            dialer("https://localhost:8443").unwrap().uri.to_string(),
            "wss://localhost:8443/signaling"
        );
        for address in ["http://localhost", "ws://localhost", "localhost:8443", "", "https://"] {
            assert!(matches!(dialer(address), Err(ConnectError::Address { .. })), "{address}");
        }
    }
}
