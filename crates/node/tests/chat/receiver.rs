//! A receiver of events that does as it is told, and remembers what it was sent.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use trunkline_events::Endpoint;

/// How it answers an event: a status, or never.
pub(crate) type Manner = Box<dyn Fn(&Value) -> Option<u16> + Send + Sync>;

pub(crate) struct Receiver {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    manner: Mutex<Manner>,
    /// How often it will not confirm that it wants events.
    hesitations: AtomicUsize,
    taken: Mutex<Vec<Value>>,
}

impl Receiver {
    /// Starts one that takes everything.
    pub(crate) async fn start() -> Self {
        Self::with(Box::new(|_| Some(200))).await
    }

    pub(crate) async fn with(manner: Manner) -> Self {
        // The process has one; another test may have been first.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            manner: Mutex::new(manner),
            hesitations: AtomicUsize::new(0),
            taken: Mutex::default(),
        });
        let accepting = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, Arc::clone(&accepting)));
            }
        });
        Self { port, shared }
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        format!("http://127.0.0.1:{}/hook?code=secret", self.port).parse().unwrap()
    }

    pub(crate) fn hesitate(&self, times: usize) {
        self.shared.hesitations.store(times, Ordering::SeqCst);
    }

    pub(crate) fn hesitates(&self) -> bool {
        self.shared.hesitations.load(Ordering::SeqCst) > 0
    }

    pub(crate) fn behave(&self, manner: Manner) {
        *self.shared.manner.lock().unwrap() = manner;
    }

    /// The events that it answered with success, in order.
    pub(crate) fn taken(&self) -> Vec<Value> {
        self.shared.taken.lock().unwrap().clone()
    }

    /// Waits until it took so many.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Value> {
        for _ in 0..2_000 {
            let taken = self.taken();
            if taken.len() >= count {
                return taken;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{} of {count} events came", self.taken().len());
    }
}

async fn serve(mut socket: TcpStream, shared: Arc<Shared>) {
    let mut bytes = Vec::new();
    loop {
        let head = loop {
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            if socket.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                return;
            }
        };
        let headers = String::from_utf8_lossy(&bytes[..head]).to_lowercase();
        let length = headers.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.unwrap_or("0").trim().parse().unwrap();
        while bytes.len() < head + length {
            if socket.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let body: Value = serde_json::from_slice(&bytes[head..head + length]).unwrap();
        bytes.drain(..head + length);
        let Some((status, answer)) = answer(&shared, &body[0]) else {
            return std::future::pending().await;
        };
        let text = format!(
            "HTTP/1.1 {status} whatever\r\ncontent-length: {}\r\n\r\n{answer}",
            answer.len()
        );
        if socket.write_all(text.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn answer(shared: &Shared, event: &Value) -> Option<(u16, String)> {
    if let Some(code) = event["data"]["validationCode"].as_str() {
        let less = |times: usize| times.checked_sub(1);
        if shared.hesitations.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok() {
            return Some((404, String::new()));
        }
        return Some((200, format!(r#"{{"validationResponse":"{code}"}}"#)));
    }
    let status = shared.manner.lock().unwrap()(event)?;
    if status == 200 {
        shared.taken.lock().unwrap().push(event.clone());
    }
    Some((status, String::new()))
}
