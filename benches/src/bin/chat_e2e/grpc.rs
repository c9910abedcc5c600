//! gRPC with little around it: frames of HTTP/2, and messages that are decoded where they matter.

use anyhow::{Context as _, Result, bail, ensure};
use bytes::{BufMut as _, Bytes, BytesMut};
use h2::client::{ResponseFuture, SendRequest};
use h2::{Reason, RecvStream};
use http::{HeaderMap, Request};
use prost::Message;

use crate::tls::Connector;

/// One connection of HTTP/2.
#[derive(Clone)]
pub(crate) struct Channel {
    requests: SendRequest<Bytes>,
    port: u16,
}

impl Channel {
    pub(crate) async fn open(connector: &Connector) -> Result<Self> {
        let stream = connector.connect().await?;
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(WINDOW_BYTES).initial_connection_window_size(WINDOW_BYTES);
        let (requests, connection) = builder.handshake(stream).await?;
        // It ends with the last handle of the connection, or with the server.
        tokio::task::spawn_local(connection);
        Ok(Self { requests, port: connector.port() })
    }

    /// Sends a request and leaves the answer to come.
    pub(crate) async fn begin(
        &mut self,
        path: &str,
        authorization: &str,
        message: &impl Message,
    ) -> Result<ResponseFuture> {
        let request = Request::post(format!("https://localhost:{}{path}", self.port))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("authorization", authorization)
            .body(())?;
        let mut body = BytesMut::with_capacity(PREFIX_BYTES + message.encoded_len());
        body.put_u8(0);
        body.put_u32(u32::try_from(message.encoded_len())?);
        message.encode(&mut body)?;
        // A clone, because a handle remembers for whom it waits.
        self.requests = self.requests.clone().ready().await?;
        let (response, mut stream) = self.requests.send_request(request, false)?;
        stream.send_data(body.freeze(), true)?;
        Ok(response)
    }

    /// Sends a request and waits for the one message of the answer.
    pub(crate) async fn call<A: Message + Default>(
        &mut self,
        path: &str,
        authorization: &str,
        message: &impl Message,
    ) -> Result<A> {
        finish(self.begin(path, authorization, message).await?).await.context(path.to_owned())
    }
}

/// Waits for the one message of an answer.
pub(crate) async fn finish<A: Message + Default>(response: ResponseFuture) -> Result<A> {
    let mut body = opened(response).await?;
    let mut bytes = BytesMut::new();
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        bytes.extend_from_slice(&data);
    }
    let trailers = body.trailers().await?.unwrap_or_default();
    check(&trailers)?;
    Ok(A::decode(bytes.get(PREFIX_BYTES..).context("an empty answer")?)?)
}

/// Waits until the answer begins.
pub(crate) async fn opened(response: ResponseFuture) -> Result<RecvStream> {
    let response = response.await?;
    ensure!(response.status() == 200, "HTTP {}", response.status());
    if response.headers().contains_key("grpc-status") {
        check(response.headers())?;
    }
    Ok(response.into_body())
}

/// Returns the next piece of an answer that goes on.
pub(crate) async fn next_data(body: &mut RecvStream) -> Result<Bytes> {
    match body.data().await {
        Some(data) => {
            let data = data?;
            body.flow_control().release_capacity(data.len())?;
            Ok(data)
        }
        None => {
            check(&body.trailers().await?.unwrap_or_default())?;
            Err(h2::Error::from(Reason::NO_ERROR).into())
        }
    }
}

fn check(headers: &HeaderMap) -> Result<()> {
    match headers.get("grpc-status").map(|status| status.as_bytes()) {
        Some(b"0") => Ok(()),
        Some(status) => {
            let message = headers.get("grpc-message").map(|text| text.as_bytes());
            let message = String::from_utf8_lossy(message.unwrap_or_default()).into_owned();
            bail!("gRPC status {}: {message}", String::from_utf8_lossy(status))
        }
        None => bail!("no gRPC status"),
    }
}

/// Whether a message is compressed, and its length.
const PREFIX_BYTES: usize = 5;

/// As large as grpc-core grows it; no answer here waits for room.
const WINDOW_BYTES: u32 = 1 << 20;
