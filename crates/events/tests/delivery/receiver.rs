//! A receiver of webhooks that does as it is told, and remembers what it was sent.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

/// What the receiver does with each request.
#[derive(Clone)]
pub(crate) enum Manner {
    /// Answers with a status line's end, headers and a body.
    Answer { status: u16, headers: &'static [(&'static str, &'static str)], body: String },
    /// Answers 200 at once, and its body a byte per second.
    DripBody,
    /// Answers a byte per second.
    DripHead,
    /// Closes without an answer.
    HangUp,
    /// Answers 307 to a place.
    Redirect { location: String },
    /// Speaks first, and not HTTP.
    Talk,
    /// Gives the code of the validation event back.
    Validate,
}

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) line: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(String::as_str).unwrap_or_default()
    }
}

pub(crate) struct Receiver {
    port: u16,
    is_tls: bool,
    received: Arc<Mutex<Vec<Received>>>,
    connections: Arc<Mutex<usize>>,
    task: JoinHandle<()>,
}

impl Receiver {
    pub(crate) async fn start(manner: Manner) -> Self {
        Self::with(manner, None).await
    }

    pub(crate) async fn with_tls(manner: Manner, acceptor: TlsAcceptor) -> Self {
        Self::with(manner, Some(acceptor)).await
    }

    async fn with(manner: Manner, acceptor: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (received, connections) = (Arc::<Mutex<Vec<Received>>>::default(), Arc::default());
        let is_tls = acceptor.is_some();
        let (log, count) = (Arc::clone(&received), Arc::clone(&connections));
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                *Mutex::lock(&count).unwrap() += 1_usize;
                let (manner, log, acceptor) = (manner.clone(), Arc::clone(&log), acceptor.clone());
                tokio::spawn(async move {
                    match acceptor {
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(socket).await {
                                serve(stream, &manner, &log).await;
                            }
                        }
                        None => serve(socket, &manner, &log).await,
                    }
                });
            }
        });
        Self { port, is_tls, received, connections, task }
    }

    pub(crate) fn url(&self, host: &str, path: &str) -> String {
        let scheme = if self.is_tls { "https" } else { "http" };
        format!("{scheme}://{host}:{}{path}", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    manner: &Manner,
    log: &Mutex<Vec<Received>>,
) {
    if matches!(manner, Manner::Talk) {
        let _ = stream.write_all(b"220 mail.example ESMTP\r\n").await;
    }
    while let Some(request) = read_request(&mut stream).await {
        let body = request.body.clone();
        log.lock().unwrap().push(request);
        let answer = match manner {
            Manner::Answer { status, headers, body } => answer(*status, headers, body),
            Manner::DripBody => {
                let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n";
                let _ = stream.write_all(head).await;
                return drip(stream, b'x').await;
            }
            Manner::DripHead => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nx-slow: ").await;
                return drip(stream, b'x').await;
            }
            Manner::HangUp => return,
            Manner::Redirect { location } => {
                format!("HTTP/1.1 307 Moved\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n")
            }
            Manner::Talk => continue,
            Manner::Validate => {
                let events: serde_json::Value = serde_json::from_slice(&body).unwrap();
                let code = &events[0]["data"]["validationCode"];
                answer(200, &[], &serde_json::json!({ "validationResponse": code }).to_string())
            }
        };
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> String {
    let headers: String =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\n\r\n{body}")
}

async fn drip(mut stream: impl AsyncWrite + Unpin, byte: u8) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if stream.write_all(&[byte]).await.is_err() {
            return;
        }
    }
}

async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<Received> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let mut lines = head.lines();
    let line = lines.next()?.to_owned();
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.get("content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Received { line, headers, body })
}
