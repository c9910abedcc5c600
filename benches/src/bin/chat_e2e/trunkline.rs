//! The exchange under measurement, its users, and the two ways in which they are told.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use trunkline_proto::{chat::v1 as chat, identity::v1 as identity};

use crate::arrivals::{Arrivals, Scanner};
use crate::dialect::Dialect;
use crate::grpc::{self, Channel};
use crate::server::Server;
use crate::tls::{Connector, TlsStream};

/// A running exchange.
pub(crate) struct Trunkline {
    server: Server,
    access_key: String,
    http2: Connector,
    http1: Connector,
    _data: TempDir,
}

/// Somebody with a token.
pub(crate) struct User {
    raw_id: String,
    token: String,
}

/// The connection on which a member is told.
pub(crate) enum Member {
    Grpc { body: h2::RecvStream, _channel: Channel },
    Realtime(Box<WebSocketStream<TlsStream>>),
}

/// The one who speaks.
pub(crate) struct Sender {
    channel: Channel,
    authorization: String,
    thread_id: String,
}

impl Trunkline {
    pub(crate) fn start(binary: &Path) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let free = "127.0.0.1:0";
        let mut command = Command::new(binary);
        command.args(["--json", "dev", "--listen", free, "--admin-listen", free]);
        command.args(["--http-listen", free, "--data-directory"]).arg(data.path().join("data"));
        command.stdout(Stdio::piped());
        let mut server = Server::start(command)?;
        let mut line = String::new();
        let output = server.process().stdout.take().context("the output is piped")?;
        BufReader::new(output).read_line(&mut line)?;
        let ready: Value = serde_json::from_str(&line).context("the exchange did not start")?;
        let text = |name: &str| ready[name].as_str().context("a name is missing");
        let port = text("url")?.rsplit(':').next().context("no port")?.parse()?;
        let key = text("connectionString")?.split_once("accesskey=").context("no key")?.1;
        let ca = Path::new(text("ca")?);
        Ok(Self {
            server,
            access_key: format!("AccessKey {key}"),
            http2: Connector::new(port, ca, Some("h2"))?,
            http1: Connector::new(port, ca, Some("http/1.1"))?,
            _data: data,
        })
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// Creates users, each with a token.
    pub(crate) async fn users(&self, count: usize) -> Result<Vec<User>> {
        let mut channel = Channel::open(&self.http2).await?;
        let request = identity::CreateUserRequest {
            scopes: vec![identity::TokenScope::Chat.into()],
            expires_in: None,
        };
        let mut users = Vec::with_capacity(count);
        for _ in 0..count {
            let path = "/trunkline.identity.v1.IdentityService/CreateUser";
            let answer: identity::CreateUserResponse =
                channel.call(path, &self.access_key, &request).await?;
            let user = answer.user.and_then(|user| user.identifier).context("no identifier")?;
            let token = answer.access_token.context("no token")?.token;
            users.push(User { raw_id: user.raw_id, token });
        }
        Ok(users)
    }

    /// Makes a thread of all of them, in which the first speaks.
    pub(crate) async fn create_thread(&self, users: &[User]) -> Result<Sender> {
        let first = users.first().context("a thread has members")?;
        let authorization = format!("Bearer {}", first.token);
        let mut channel = Channel::open(&self.http2).await?;
        let member = |user: &User| chat::NewMember {
            user: user.raw_id.clone(),
            ..chat::NewMember::default()
        };
        let request = chat::CreateThreadRequest {
            members: users.iter().skip(1).map(member).collect(),
            ..chat::CreateThreadRequest::default()
        };
        let path = "/trunkline.chat.v1.ChatService/CreateThread";
        let answer: chat::CreateThreadResponse =
            channel.call(path, &authorization, &request).await?;
        ensure!(answer.invalid_members.is_empty(), "not all became members");
        let thread_id = answer.thread.context("no thread")?.thread_id;
        Ok(Sender { channel, authorization, thread_id })
    }

    /// Opens the connection of a member; it is told of everything from here on.
    pub(crate) async fn connect(&self, dialect: Dialect, user: &User) -> Result<Member> {
        match dialect {
            Dialect::Grpc => {
                let mut channel = Channel::open(&self.http2).await?;
                let path = "/trunkline.chat.v1.ChatService/WatchChat";
                let authorization = format!("Bearer {}", user.token);
                let request = chat::WatchChatRequest { after_seq: None };
                let response = channel.begin(path, &authorization, &request).await?;
                let mut body = grpc::opened(response).await?;
                // The first message says where the stream begins.
                grpc::next_data(&mut body).await?;
                Ok(Member::Grpc { body, _channel: channel })
            }
            Dialect::Realtime => Ok(Member::Realtime(Box::new(self.open_socket(user).await?))),
            Dialect::Xmpp => bail!("the exchange speaks no XMPP"),
        }
    }

    /// Goes the way of the browser SDK: an endpoint, a session, a socket.
    async fn open_socket(&self, user: &User) -> Result<WebSocketStream<TlsStream>> {
        let epid = "epid=measured&cor_id=measured";
        let allocate = format!("POST /trouter/v4/a?{epid}");
        let allocation: Value = serde_json::from_str(&self.request(&allocate, user).await?)?;
        let params = allocation["connectparams"].as_object().context("no parameters")?;
        let mut query = format!("v=v4&timeout=40&auth=true&{epid}");
        for (name, value) in params {
            query.push_str(&format!("&{name}={}", value.as_str().unwrap_or_default()));
        }
        let answer = self.request(&format!("GET /socket.io/1/?{query}"), user).await?;
        let session = answer.split(':').next().unwrap_or_default();
        let uri = format!("wss://localhost/socket.io/1/websocket/{session}?{query}");
        let stream = self.http1.connect().await?;
        let mut config = WebSocketConfig::default();
        config.read_buffer_size = 4 * 1024;
        config.write_buffer_size = 0;
        let connecting = tokio_tungstenite::client_async_with_config(uri, stream, Some(config));
        let mut socket = connecting.await?.0;
        // `1::` and the event that says that the endpoint is connected.
        for _ in 0..2 {
            socket.next().await.context("the socket was closed")??;
        }
        Ok(socket)
    }

    async fn request(&self, line: &str, user: &User) -> Result<String> {
        let mut stream = self.http1.connect().await?;
        let port = self.http1.port();
        let request = format!(
            "{line} HTTP/1.1\r\nhost: localhost:{port}\r\nx-skypetoken: {}\r\n\
             content-length: 0\r\nconnection: close\r\n\r\n",
            user.token
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
        ensure!(head.starts_with("HTTP/1.1 200"), "{line}: {head}");
        Ok(body.to_owned())
    }
}

impl Member {
    /// Reads until the connection ends, which it should not.
    pub(crate) async fn listen(self, arrivals: &Arrivals) -> Result<()> {
        let mut scanner = Scanner::new(arrivals);
        match self {
            Self::Grpc { mut body, _channel } => loop {
                scanner.read(&grpc::next_data(&mut body).await?);
            },
            Self::Realtime(mut socket) => {
                while let Some(frame) = socket.next().await {
                    let Frame::Text(text) = frame? else { continue };
                    scanner.read(text.as_bytes());
                    if let Some(answer) = answer(&text) {
                        socket.send(Frame::text(answer)).await?;
                    }
                }
                bail!("the socket was closed")
            }
        }
    }
}

impl Sender {
    /// Sends a message; whether it was taken shows later.
    pub(crate) async fn send(&mut self, arrivals: &Arrivals) -> Result<()> {
        let request = chat::SendMessageRequest {
            thread_id: self.thread_id.clone(),
            content: arrivals.send(),
            ..chat::SendMessageRequest::default()
        };
        let path = "/trunkline.chat.v1.ChatService/SendMessage";
        let response = self.channel.begin(path, &self.authorization, &request).await?;
        let arrivals = arrivals.clone();
        tokio::task::spawn_local(async move {
            if let Err(error) = grpc::finish::<chat::SendMessageResponse>(response).await {
                arrivals.fail(error);
            }
        });
        Ok(())
    }

    /// Returns the number of messages in the thread: the newest has the highest place.
    pub(crate) async fn archived(&mut self) -> Result<usize> {
        let request = chat::ListMessagesRequest {
            thread_id: self.thread_id.clone(),
            page_size: 1,
            ..chat::ListMessagesRequest::default()
        };
        let path = "/trunkline.chat.v1.ChatService/ListMessages";
        let answer: chat::ListMessagesResponse =
            self.channel.call(path, &self.authorization, &request).await?;
        let newest = answer.messages.first().context("the thread is empty")?;
        Ok(usize::try_from(newest.sequence)?)
    }
}

/// Makes the answer that takes a push from the outbox; `None` for what is no push.
fn answer(frame: &str) -> Option<String> {
    let id = frame.strip_prefix(r#"3:::{"id":"#)?;
    let id = id.get(..id.find(|letter: char| !letter.is_ascii_digit())?)?;
    Some(format!(r#"3:::{{"id":{id},"status":200,"headers":{{}},"body":""}}"#))
}
