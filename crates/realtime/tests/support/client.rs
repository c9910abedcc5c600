//! A client over pipes in memory, so that tests run in virtual time.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use axum::serve::Listener;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async};
use tower::ServiceExt as _;
use trunkline_chat::{ChatEvent, ChatEventKind, Message as ChatMessage, MessageContent, MessageId};
use trunkline_clock::Timestamp;
use trunkline_ids::CommunicationIdentifier;
use trunkline_realtime::exchange::Exchange as _;
use trunkline_realtime::registrations::MemoryRegistrations;
use trunkline_realtime::{Realtime, RealtimeConfig};

use super::exchange::MemoryExchange;

/// The façade with an exchange behind it and a port before it.
pub(crate) struct Scene {
    pub(crate) exchange: Arc<MemoryExchange>,
    pub(crate) registrations: Arc<MemoryRegistrations>,
    pub(crate) config: RealtimeConfig,
    pub(crate) realtime: Realtime,
    port: mpsc::UnboundedSender<DuplexStream>,
    sequence: u64,
}

impl Scene {
    /// Makes the façade with the user `alice` and the token `alice-token`, and so for `bob`.
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(configure: impl FnOnce(&mut RealtimeConfig)) -> Self {
        let mut config = RealtimeConfig::new([1; 32]);
        configure(&mut config);
        let exchange = MemoryExchange::new();
        for name in ["alice", "bob"] {
            exchange.admit(&format!("{name}-token"), &user(name), Duration::from_secs(86_400));
        }
        let registrations = Arc::new(MemoryRegistrations::default());
        let realtime = Realtime::new(config.clone(), exchange.clone(), registrations.clone());
        let port = serve(realtime.router());
        Self { exchange, registrations, config, realtime, port, sequence: 0 }
    }

    /// Stops the façade and starts another that knows what is kept.
    pub(crate) async fn restart(&mut self, secret: [u8; 32]) {
        self.realtime.shutdown().await;
        self.config.secret = secret;
        let (exchange, registrations) = (self.exchange.clone(), self.registrations.clone());
        self.realtime = Realtime::new(self.config.clone(), exchange, registrations);
        self.port = serve(self.realtime.router());
    }

    /// Sends a message of bob's to alice and bob; its text is returned by [`Client::next_text`].
    pub(crate) fn say(&mut self, text: &str) {
        self.sequence += 1;
        let now = self.exchange.now().wall;
        let id = MessageId::from_millis(1_700_000_000_000 + self.sequence);
        let message = ChatMessage {
            id,
            thread_id: "19:t@thread.v2".parse().unwrap(),
            sequence: self.sequence,
            version: id,
            content: MessageContent::Text(text.to_owned()),
            sender: Some(user("bob")),
            sender_display_name: None,
            created_on: now,
            edited_on: None,
            deleted_on: None,
            metadata: Default::default(),
            client_message_id: None,
        };
        self.publish(now, id, ChatEventKind::MessageReceived(message));
    }

    /// Lets bob type.
    pub(crate) fn type_something(&mut self) {
        let now = self.exchange.now().wall;
        let kind = ChatEventKind::TypingStarted { sender_display_name: None };
        self.publish(now, MessageId::from_millis(1), kind);
    }

    fn publish(&self, time: Timestamp, version: MessageId, kind: ChatEventKind) {
        self.exchange.publish(ChatEvent {
            thread_id: "19:t@thread.v2".parse().unwrap(),
            version,
            time,
            actor: user("bob"),
            actor_display_name: None,
            recipients: vec![user("alice"), user("bob")],
            kind,
        });
    }

    pub(crate) async fn request(&self, method: &str, uri: &str, token: &str) -> Response<Body> {
        self.send(method, uri, &[("x-skypetoken", token)], "").await
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        uri: &str,
        headers: &[(&str, &str)],
        body: &'static str,
    ) -> Response<Body> {
        let mut request =
            Request::builder().method(method).uri(uri).header("host", "chat.test:8443");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.realtime.router().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap()
    }

    /// Allocates as the client does and returns the query that it brings from there on.
    pub(crate) async fn allocate(&self, token: &str, epid: &str) -> String {
        let uri = format!("/trouter/v4/a?cor_id=c&con_num=1_1&epid={epid}");
        let response = self.request("POST", &uri, token).await;
        assert_eq!(response.status(), StatusCode::OK);
        let answer = json(response).await;
        let params: Vec<String> = answer["connectparams"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| format!("{name}={}", value.as_str().unwrap()))
            .collect();
        format!("{}&v=v4&timeout=40&auth=true&epid={epid}&cor_id=c", params.join("&"))
    }

    pub(crate) async fn shake_hands(&self, token: &str, query: &str) -> Result<String, StatusCode> {
        let response = self.request("GET", &format!("/socket.io/1/?{query}"), token).await;
        if response.status() != StatusCode::OK {
            return Err(response.status());
        }
        let text = text(response).await;
        let (session, rest) = text.split_once(':').unwrap();
        assert_eq!(rest, "60:60:websocket");
        Ok(session.to_owned())
    }

    pub(crate) async fn upgrade(&self, session: &str, query: &str) -> Result<Client, u16> {
        // As small as the buffers of a phone on a bad network.
        let (ours, theirs) = tokio::io::duplex(16 * 1024);
        self.port.send(theirs).unwrap();
        let uri = format!("ws://chat.test/socket.io/1/websocket/{session}?{query}");
        match client_async(uri, ours).await {
            Ok((socket, _)) => Ok(Client { socket }),
            Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    /// Goes all the way, past the two frames of the greeting.
    pub(crate) async fn connect(&self, token: &str, epid: &str) -> Client {
        let query = self.allocate(token, epid).await;
        let session = self.shake_hands(token, &query).await.unwrap();
        let mut client = self.upgrade(&session, &query).await.unwrap();
        assert_eq!(client.next().await.unwrap(), "1::");
        let connected = client.next().await.unwrap();
        assert!(connected.starts_with(r#"5:::{"name":"trouter.connected""#), "{connected}");
        client
    }
}

/// A client with a socket.
pub(crate) struct Client {
    pub(crate) socket: WebSocketStream<DuplexStream>,
}

impl Client {
    /// Returns the next frame; `None` once the socket is closed.
    pub(crate) async fn next(&mut self) -> Option<String> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => return Some(text.to_string()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// Returns the next push: its id and the text of its message.
    pub(crate) async fn next_push(&mut self) -> (u64, String) {
        loop {
            let frame = self.next().await.expect("the socket is open");
            if let Some(push) = read_push(&frame) {
                return push;
            }
        }
    }

    /// Answers pushes until the socket is quiet for a second, and returns their texts.
    pub(crate) async fn drain(&mut self) -> Vec<String> {
        let mut texts = vec![];
        let quiet = Duration::from_secs(1);
        while let Ok(frame) = tokio::time::timeout(quiet, self.next()).await {
            let frame = frame.expect("the socket is open");
            if let Some((id, text)) = read_push(&frame) {
                self.acknowledge(id).await;
                texts.push(text);
            }
        }
        texts
    }

    pub(crate) async fn acknowledge(&mut self, id: u64) {
        self.say(&format!(r#"3:::{{"id":{id},"status":200,"headers":{{}},"body":""}}"#)).await;
    }

    pub(crate) async fn say(&mut self, frame: &str) {
        self.socket.send(Message::text(frame)).await.unwrap();
    }
}

/// Returns the id of a push and the text of its message, or its kind.
pub(crate) fn read_push(frame: &str) -> Option<(u64, String)> {
    let request: Value = serde_json::from_str(frame.strip_prefix("3:::")?).unwrap();
    let body: Value = serde_json::from_str(request["body"].as_str().unwrap()).unwrap();
    let text = body["messageBody"].as_str().unwrap_or(request["url"].as_str().unwrap());
    Some((request["id"].as_u64().unwrap(), text.to_owned()))
}

pub(crate) fn user(name: &str) -> CommunicationIdentifier {
    format!("8:acs:contoso_{name}").parse().unwrap()
}

pub(crate) async fn text(response: Response<Body>) -> String {
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub(crate) async fn json(response: Response<Body>) -> Value {
    serde_json::from_str(&text(response).await).unwrap()
}

fn serve(router: Router) -> mpsc::UnboundedSender<DuplexStream> {
    let (port, pipes) = mpsc::unbounded_channel();
    tokio::spawn(async move { axum::serve(Pipes(pipes), router).await });
    port
}

struct Pipes(mpsc::UnboundedReceiver<DuplexStream>);

impl Listener for Pipes {
    type Io = DuplexStream;
    type Addr = ();

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.0.recv().await {
            Some(pipe) => (pipe, ()),
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(())
    }
}
