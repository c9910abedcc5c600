//! An exchange whose every door is used, well and badly, with words that are found again in a log.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::{Certificate, Client, Method, Response};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{Connector, connect_async_tls_with_config};
use tonic::Request;
use tonic::transport::{Channel, ClientTlsConfig};
use trunkline_api::chat::v1::chat_service_client::ChatServiceClient;
use trunkline_api::events::v1::events_service_client::EventsServiceClient;
use trunkline_api::identity::v1::identity_service_client::IdentityServiceClient;
use trunkline_cli::{Exchange, ExchangeConfig};
use trunkline_proto::chat::v1::{
    CreateThreadRequest, EditMessageRequest, ListMessagesRequest, NewMember, SendMessageRequest,
    WatchChatRequest,
};
use trunkline_proto::events::v1::CreateSubscriptionRequest;
use trunkline_proto::identity::v1::{CreateUserRequest, IssueTokenRequest, TokenScope};
use trunkline_proto::meetings::v1::JoinCode;

/// What is looked for, each with what it is.
pub(crate) type Secrets = Vec<(String, String)>;

/// A running exchange and its users.
pub(crate) struct Scene {
    exchange: Exchange,
    http: Client,
    pub(crate) channel: Channel,
    pub(crate) key: String,
    secrets: Secrets,
    alice: (String, String),
    bob: (String, String),
    thread: String,
    _directory: TempDir,
}

impl Scene {
    pub(crate) async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let free = "127.0.0.1:0".parse().unwrap();
        let config = ExchangeConfig {
            listen: free,
            admin_listen: free,
            http_listen: Some(free),
            data_directory: Some(directory.path().to_owned()),
            ..ExchangeConfig::dev()
        };
        let exchange = Exchange::start(config).await.unwrap();
        let (_, ca) = exchange.ca().unwrap();
        let root = Certificate::from_pem(ca.as_bytes()).unwrap();
        let http = Client::builder().tls_certs_only([root]).no_proxy().build().unwrap();
        let tls =
            ClientTlsConfig::new().ca_certificate(tonic::transport::Certificate::from_pem(ca));
        let channel = Channel::from_shared(exchange.url()).unwrap().tls_config(tls).unwrap();
        let channel = channel.connect().await.unwrap();
        let mut secrets = Secrets::new();
        for key in &exchange.config().access_keys {
            secrets.push(("an access key".to_owned(), key.clone()));
        }
        let key = exchange.config().access_keys[0].clone();
        let nobody = (String::new(), String::new());
        Self {
            exchange,
            http,
            channel,
            key,
            secrets,
            alice: nobody.clone(),
            bob: nobody,
            thread: String::new(),
            _directory: directory,
        }
    }

    pub(crate) async fn stop(self) -> Secrets {
        self.exchange.shutdown().await.unwrap();
        self.secrets
    }

    /// Identity, chat and rooms as the documented service speaks.
    pub(crate) async fn use_rest(&mut self) {
        let key = self.key.clone();
        let wanted = json!({ "createTokenWithScopes": ["chat", "voip"] });
        for index in 0..2 {
            let path = "/identities?api-version=2023-10-01";
            let made = body(self.rest(Method::POST, path, &key, &wanted).await, 201).await;
            let token = made["accessToken"]["token"].as_str().unwrap().to_owned();
            let user = made["identity"]["id"].as_str().unwrap().to_owned();
            self.keep_token("a token of an app user", &token);
            match index {
                0 => self.alice = (user, token),
                _ => self.bob = (user, token),
            }
        }
        let (alice, bob) = (self.alice.clone(), self.bob.clone());
        let member = |user: &str, name: String| {
            json!({ "communicationIdentifier": { "rawId": user, "communicationUser": { "id": user } },
                    "displayName": name })
        };
        let name = self.mark("a display name");
        let thread = json!({
            "topic": self.mark("a topic"),
            "participants": [member(&bob.0, name)],
            "metadata": { "color": self.mark("metadata of a thread") },
        });
        let path = "/chat/threads?api-version=2025-03-15";
        let made = body(self.rest(Method::POST, path, &alice.1, &thread).await, 201).await;
        self.thread = made["chatThread"]["id"].as_str().unwrap().to_owned();
        let at = |tail: &str| format!("/chat/threads/{}{tail}?api-version=2025-03-15", self.thread);
        let (thread, messages) = (at(""), at("/messages"));
        let typing = at("/typing");
        let receipts = at("/readReceipts");
        let add = at("/participants/:add");
        let message = json!({
            "content": self.mark("a message by REST"),
            "senderDisplayName": self.mark("the name of a sender"),
            "metadata": { "tag": self.mark("metadata of a message") },
            "type": "html",
        });
        let sent = body(self.rest(Method::POST, &messages, &alice.1, &message).await, 201).await;
        let message = sent["id"].as_str().unwrap();
        let one =
            format!("/chat/threads/{}/messages/{message}?api-version=2025-03-15", self.thread);
        let edit = json!({ "content": self.mark("an edit by REST") });
        let receipt = json!({ "chatMessageId": message });
        let topic = json!({ "topic": self.mark("another topic") });
        let typist = json!({ "senderDisplayName": self.mark("the name of a typist") });
        let stranger = self.mark("a member who does not exist");
        let more = json!({ "participants": [member("8:acs:nobody", stranger)] });
        let nothing = Value::Null;
        let good = [
            (Method::PATCH, &one, &edit),
            (Method::GET, &one, &nothing),
            (Method::GET, &messages, &nothing),
            (Method::POST, &typing, &typist),
            (Method::POST, &receipts, &receipt),
            (Method::PATCH, &thread, &topic),
        ];
        for (method, path, value) in good {
            let answer = self.rest(method, path, &bob.1, value).await;
            assert!(answer.status().is_success() || answer.status() == 403, "{path}");
        }
        self.rest(Method::POST, &add, &alice.1, &more).await;
        self.rest(Method::PATCH, &one, &alice.1, &edit).await;
        // What is refused is logged no more than what is not.
        let garbage = self.mark("a token that is none");
        let forged = format!("{}x", alice.1);
        let wrong = [
            json!({ "content": self.mark("a message of no type"), "type": "nonsense" }),
            json!({ "content": format!("{}{}", self.mark("a long message"), "x".repeat(40_000)) }),
            json!({ "content": 7, self.mark("a member that is unknown"): self.mark("its value") }),
            json!([self.mark("a list where an object belongs")]),
        ];
        for token in [&alice.1, &garbage, &forged] {
            for value in &wrong {
                let answer = self.rest(Method::POST, &messages, token, value).await;
                assert!(!answer.status().is_success());
            }
        }
        let broken = format!("{{\"content\":\"{}", self.mark("JSON that is cut"));
        let url = format!("{}{messages}", self.exchange.url());
        let cut = self.http.post(url).bearer_auth(&alice.1).body(broken);
        assert_eq!(cut.send().await.unwrap().status(), 400);
        // Signed as a backend does, and wrongly.
        let signature = self.mark("a signature");
        let signed = format!("HMAC-SHA256 SignedHeaders=x-ms-date;host&Signature={signature}");
        let url = format!("{}/identities?api-version=2023-10-01", self.exchange.url());
        let refused = self.http.post(url).header("authorization", signed).json(&wanted);
        assert_eq!(refused.send().await.unwrap().status(), 401);
        let room = json!({ "participants": { &alice.0: { "role": "Presenter" } } });
        let path = "/rooms?api-version=2025-03-13";
        body(self.rest(Method::POST, path, &key, &room).await, 201).await;
        let odd = json!({ "participants": { self.mark("nobody's id"): { "role": "Presenter" } } });
        assert_eq!(self.rest(Method::POST, path, &key, &odd).await.status(), 400);
        let path = format!("/identities/{}/:issueAccessToken?api-version=2023-10-01", bob.0);
        let issued =
            body(self.rest(Method::POST, &path, &key, &json!({ "scopes": ["chat"] })).await, 200);
        let token = issued.await["token"].as_str().unwrap().to_owned();
        self.keep_token("a token issued anew", &token);
    }

    /// The same through gRPC.
    pub(crate) async fn use_grpc(&mut self) {
        let key = format!("AccessKey {}", self.key);
        let mut identity = self.identity();
        let scopes = vec![TokenScope::Chat.into()];
        let wanted = CreateUserRequest { scopes: scopes.clone(), expires_in: None };
        let made = identity.create_user(request(wanted.clone(), &key)).await.unwrap().into_inner();
        self.keep_token("a token by gRPC", &made.access_token.unwrap().token);
        let garbage = self.mark("a key that is none");
        let refused = identity.create_user(request(wanted, &format!("AccessKey {garbage}"))).await;
        assert!(refused.is_err());
        let user = self.mark("a user who does not exist");
        let wanted = IssueTokenRequest { user, scopes, expires_in: None };
        assert!(identity.issue_token(request(wanted, &key)).await.is_err());

        let bearer = format!("Bearer {}", self.alice.1);
        let mut chat = ChatServiceClient::new(self.channel.clone());
        let watched = request(WatchChatRequest::default(), &bearer);
        let mut watch = chat.watch_chat(watched).await.unwrap().into_inner();
        let wanted = CreateThreadRequest {
            topic: self.mark("a topic by gRPC"),
            members: vec![NewMember {
                user: self.bob.0.clone(),
                display_name: self.mark("a display name by gRPC"),
                ..NewMember::default()
            }],
            ..CreateThreadRequest::default()
        };
        let made = chat.create_thread(request(wanted, &bearer)).await.unwrap().into_inner();
        let thread_id = made.thread.unwrap().thread_id;
        let content = self.mark("a message by gRPC");
        let wanted =
            SendMessageRequest { thread_id: thread_id.clone(), content, ..Default::default() };
        let sent = chat.send_message(request(wanted, &bearer)).await.unwrap().into_inner();
        let wanted = EditMessageRequest {
            thread_id: thread_id.clone(),
            message_id: sent.message_id,
            content: Some(self.mark("an edit by gRPC")),
            ..Default::default()
        };
        chat.edit_message(request(wanted, &bearer)).await.unwrap();
        let wanted = ListMessagesRequest { thread_id: thread_id.clone(), ..Default::default() };
        chat.list_messages(request(wanted, &bearer)).await.unwrap();
        for _ in 0..3 {
            let told = timeout(PATIENCE, watch.message()).await.unwrap().unwrap();
            assert!(told.is_some());
        }
        let long = format!("{}{}", self.mark("a long message by gRPC"), "x".repeat(40_000));
        let wanted = SendMessageRequest {
            thread_id: thread_id.clone(),
            content: long,
            ..Default::default()
        };
        assert!(chat.send_message(request(wanted, &bearer)).await.is_err());
        let thread_id = self.mark("a thread that does not exist");
        let content = self.mark("a message to nowhere");
        let wanted = SendMessageRequest { thread_id, content, ..Default::default() };
        assert!(chat.send_message(request(wanted.clone(), &bearer)).await.is_err());
        let garbage = format!("Bearer {}", self.mark("a token that is none, by gRPC"));
        assert!(chat.send_message(request(wanted, &garbage)).await.is_err());
    }

    /// Chat notifications as a browser gets them.
    pub(crate) async fn use_realtime(&mut self) {
        let token = self.bob.1.clone();
        let garbage = self.mark("a token that is none, in realtime");
        for wrong in [&garbage, &format!("{token}x")] {
            let url = format!("{}/trouter/v4/a?epid=e1", self.exchange.url());
            let refused = self.http.post(url).header("x-skypetoken", wrong);
            assert_eq!(refused.send().await.unwrap().status(), 401);
        }
        for frame in [
            "9:::".to_owned() + &self.mark("a frame that is none"),
            "3:::".to_owned() + &self.mark("an answer that is none"),
            format!("5:::{{\"name\":\"{}", self.mark("an event that is cut")),
            format!("3:::{}{}", self.mark("a long frame"), "x".repeat(100_000)),
        ] {
            let mut socket = self.socket(&token).await;
            let content = self.mark("a message in realtime");
            let path = format!("/chat/threads/{}/messages?api-version=2025-03-15", self.thread);
            let message = json!({ "content": content });
            let alice = self.alice.1.clone();
            body(self.rest(Method::POST, &path, &alice, &message).await, 201).await;
            loop {
                let told = timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap();
                let Message::Text(text) = told else { continue };
                if text.contains(&content) {
                    let push: Value = serde_json::from_str(&text[4..]).unwrap();
                    let answer = json!({ "id": push["id"], "status": 200 });
                    socket.send(Message::text(format!("3:::{answer}"))).await.unwrap();
                    break;
                }
            }
            // The exchange may close before all of it is written.
            let _ = socket.send(Message::text(frame)).await;
            let end = async { while let Some(Ok(_)) = socket.next().await {} };
            timeout(PATIENCE, end).await.expect("the socket is closed");
        }
    }

    /// Events sent to a receiver that takes them, and to one that fails.
    pub(crate) async fn use_webhooks(&mut self) {
        let mut events = EventsServiceClient::new(self.channel.clone());
        let key = format!("AccessKey {}", self.key);
        for (name, status) in [("good", 200), ("bad", 500)] {
            let answer = self.mark("what a receiver answers");
            let (address, mut bodies) = receiver(status, answer).await;
            let query = self.mark("the query of a receiver");
            let wanted = CreateSubscriptionRequest {
                name: name.to_owned(),
                endpoint: format!("http://{address}/events?code={query}"),
                ..Default::default()
            };
            let made = events.create_subscription(request(wanted, &key)).await.unwrap();
            let secret = made.into_inner().secret;
            self.secrets.push(("the secret of a subscription".to_owned(), secret));
            let content = self.mark("a message for receivers");
            let path = format!("/chat/threads/{}/messages?api-version=2025-03-15", self.thread);
            let message = json!({ "content": content });
            let alice = self.alice.1.clone();
            body(self.rest(Method::POST, &path, &alice, &message).await, 201).await;
            let delivered = async {
                while !bodies.recv().await.expect("the receiver runs").contains(&content) {}
            };
            timeout(PATIENCE, delivered).await.expect("the event is delivered");
        }
    }

    /// Opens a socket as the client does.
    async fn socket(
        &mut self,
        token: &str,
    ) -> tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>
    {
        let url = self.exchange.url();
        let allocate = self.http.post(format!("{url}/trouter/v4/a?epid=e1"));
        let made = body(allocate.header("x-skypetoken", token).send().await.unwrap(), 200).await;
        let params = made["connectparams"].as_object().unwrap();
        self.secrets.push(("connect parameters".to_owned(), text(&params["sig"])));
        let params: Vec<String> =
            params.iter().map(|(name, value)| format!("{name}={}", text(value))).collect();
        let query = format!("{}&epid=e1", params.join("&"));
        let shake = self.http.get(format!("{url}/socket.io/1/?{query}"));
        let answer = shake.header("x-skypetoken", token).send().await.unwrap();
        let answer = answer.text().await.unwrap();
        let session = answer.split(':').next().unwrap();
        self.secrets.push(("a session of a socket".to_owned(), session.to_owned()));
        let mut roots = RootCertStore::empty();
        let (_, ca) = self.exchange.ca().unwrap();
        roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
        let tls =
            rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let url =
            format!("{}/socket.io/1/websocket/{session}?{query}", url.replace("https", "wss"));
        let connector = Connector::Rustls(Arc::new(tls));
        let (socket, _) =
            connect_async_tls_with_config(url, None, true, Some(connector)).await.unwrap();
        socket
    }

    async fn rest(&self, method: Method, path: &str, token: &str, value: &Value) -> Response {
        let url = format!("{}{path}", self.exchange.url());
        let request = self.http.request(method.clone(), url).bearer_auth(token);
        let request = match value {
            Value::Null => request,
            value => {
                let kind = match method {
                    Method::PATCH => "application/merge-patch+json",
                    _ => "application/json",
                };
                request.header("content-type", kind).body(value.to_string())
            }
        };
        request.send().await.unwrap()
    }

    /// Makes a word that is found again.
    pub(crate) fn mark(&mut self, what: &str) -> String {
        let word = format!("zq{:04}secretword", self.secrets.len());
        self.secrets.push((what.to_owned(), word.clone()));
        word
    }

    /// Keeps a passcode. It is short, and looked for as a word of its own.
    pub(crate) fn keep_passcode(&mut self, what: &str, code: &JoinCode) {
        self.secrets.push((what.to_owned(), code.passcode.clone()));
    }

    /// Returns a client of the identity service.
    pub(crate) fn identity(&self) -> IdentityServiceClient<Channel> {
        IdentityServiceClient::new(self.channel.clone())
    }

    /// Keeps a token and the part of it that says nothing but proves everything.
    pub(crate) fn keep_token(&mut self, what: &str, token: &str) {
        let (_, signature) = token.rsplit_once('.').unwrap();
        for secret in [token, signature] {
            self.secrets.push((what.to_owned(), secret.to_owned()));
        }
    }
}

/// Takes requests, confirms subscriptions, and answers everything else with a status and a text.
async fn receiver(
    status: u16,
    answer: String,
) -> (std::net::SocketAddr, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (told, bodies) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut taken = Vec::new();
            let body = loop {
                let mut buffer = [0; 8 * 1024];
                let Ok(count @ 1..) = stream.read(&mut buffer).await else { break String::new() };
                taken.extend_from_slice(&buffer[..count]);
                if let Some(body) = whole_body(&taken) {
                    break body;
                }
            };
            let code = serde_json::from_str::<Value>(&body).ok();
            let code = code.and_then(|body| Some(text(body[0]["data"].get("validationCode")?)));
            let (status, answer) = match code {
                Some(code) => (200, json!({ "validationResponse": code }).to_string()),
                None => (status, answer.clone()),
            };
            let length = answer.len();
            let head = format!("HTTP/1.1 {status} Fine\r\ncontent-length: {length}\r\n");
            let reply = format!(
                "{head}content-type: application/json\r\nconnection: close\r\n\r\n{answer}"
            );
            // The exchange may have gone.
            let _ = stream.write_all(reply.as_bytes()).await;
            let _ = told.send(body);
        }
    });
    (address, bodies)
}

fn whole_body(taken: &[u8]) -> Option<String> {
    let taken = std::str::from_utf8(taken).ok()?;
    let (head, body) = taken.split_once("\r\n\r\n")?;
    let head = head.to_lowercase();
    let length: usize = head.split("content-length: ").nth(1)?.lines().next()?.parse().ok()?;
    (body.len() >= length).then(|| body.to_owned())
}

pub(crate) fn request<T>(message: T, authorization: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", authorization.parse().unwrap());
    request
}

async fn body(response: Response, status: u16) -> Value {
    let found = response.status();
    let text = response.text().await.unwrap();
    assert_eq!(found, status, "{text}");
    serde_json::from_str(&text).unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Longer than anything here takes on a machine that has other work.
const PATIENCE: Duration = Duration::from_secs(30);
