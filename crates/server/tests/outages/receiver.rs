//! A receiver of events that confirms its subscription, takes everything, and remembers it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What came: thread → ids of messages, as often and in the order in which they came.
type Taken = BTreeMap<String, Vec<String>>;

pub(crate) struct Receiver {
    port: u16,
    taken: Arc<Mutex<Taken>>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let taken = Arc::<Mutex<Taken>>::default();
        let accepting = Arc::clone(&taken);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, Arc::clone(&accepting)));
            }
        });
        Self { port, taken }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    /// Waits until so many different messages have come, and returns all that came.
    pub(crate) async fn wait_for(&self, count: usize) -> Taken {
        let mut before = 0;
        for _ in 0..PATIENCE_SECONDS * 20 {
            let taken = self.taken.lock().unwrap().clone();
            before = taken.values().map(|ids| ids.iter().collect::<BTreeSet<_>>().len()).sum();
            if before >= count {
                return taken;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{before} of {count} messages were delivered");
    }
}

async fn serve(mut socket: TcpStream, taken: Arc<Mutex<Taken>>) {
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
            // A kill may cut it off: what has not come whole is sent again.
            if socket.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let events: Value = serde_json::from_slice(&bytes[head..head + length]).unwrap();
        bytes.drain(..head + length);
        let mut answer = String::new();
        for event in events.as_array().unwrap() {
            let data = |name: &str| event["data"][name].as_str().map(str::to_owned);
            if let Some(code) = data("validationCode") {
                answer = format!(r#"{{"validationResponse":"{code}"}}"#);
            } else {
                let (thread, id) = (data("threadId").unwrap(), data("messageId").unwrap());
                taken.lock().unwrap().entry(thread).or_default().push(id);
            }
        }
        let text = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{answer}", answer.len());
        if socket.write_all(text.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// What piled up while the exchange was killed again and again.
const PATIENCE_SECONDS: u64 = 120;
