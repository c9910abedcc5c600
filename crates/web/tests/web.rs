//! The pages, the development endpoints and the socket, over a real node.

#[path = "web/call_events.rs"]
mod call_events;
#[path = "web/dev_issuer.rs"]
mod dev_issuer;
#[path = "web/guests.rs"]
mod guests;
#[path = "web/sign_in.rs"]
mod sign_in;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, HeaderName, Request, StatusCode};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tower::ServiceExt as _;
use trunkline_call::{CALL_EDGES, CallState};
use trunkline_chat::{CreateThread, NewContent};
use trunkline_clock::Timestamp;
use trunkline_node::{
    AppId, ChatActor, ChatConfig, DirectoryEntry, DirectoryToken, ExchangeError, Identity,
    IdentityConfig, MeetingsConfig, Node, NodeConfig, RelayConfig, SendMessage, TokenError,
    TokenRequest,
};
use trunkline_policy::{FederationConfig, KeySlot, Scope};
use trunkline_proto::signaling::v1::{ClientFrame, Hello, client_frame};
use trunkline_signaling::codec::DEFAULT_MAX_FRAME_BYTES;
use trunkline_storage::{SealingKey, SqliteOptions, SqliteStore};
use trunkline_transport::PlaneConfig;
use trunkline_web::{SignInConfig, WebConfig, router};

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const JSON: &str = "trunkline.v1.json";
const PROTO: &str = "trunkline.v1.proto";

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Starts a node, and says where its store is: it lives as long as that.
async fn node() -> (Node, TempDir) {
    let directory = [("alice", "Alice Archer", 'a'), ("bob", "Bob Baker", 'b')];
    let directory = directory.map(|(alias, name, digit)| DirectoryEntry {
        alias: alias.to_owned(),
        object_id: format!("00000000-0000-4000-8000-00000000000{digit}"),
        display_name: name.parse().unwrap(),
        licenses: BTreeSet::new(),
    });
    let place = tempfile::tempdir().unwrap();
    let key = SealingKey::from_bytes([7; SealingKey::BYTES]);
    let store = SqliteStore::open(&SqliteOptions::new(place.path(), key)).unwrap();
    let config = NodeConfig {
        store: Arc::new(store),
        identity: IdentityConfig {
            resource: "7f1c2d3e-4a5b-4c6d-8e7f-90a1b2c3d4e5".parse().unwrap(),
            tenant: "0d9c8b7a-6f5e-4d3c-8b2a-190807f6e5d4".parse().unwrap(),
            access_keys: ["k".repeat(40), "l".repeat(40)],
            signing_key: Identity::generate_signing_key().unwrap(),
            issuers: Vec::new(),
            has_dev_issuer: true,
            directory: directory.into(),
            tenant_name: "contoso".parse().unwrap(),
        },
        federation: FederationConfig::default(),
        plane: PlaneConfig { shards: 1, ..PlaneConfig::new(LOCALHOST) },
        participant_limit: 10,
        chat: ChatConfig::default(),
        meetings: MeetingsConfig::default(),
        relay: RelayConfig::default(),
    };
    (Node::start(config).await.unwrap(), place)
}

fn config() -> WebConfig {
    WebConfig {
        allowed_origins: vec!["https://app.example.org".to_owned()],
        dev_endpoints: true,
        sign_in: SignInConfig::default(),
    }
}

async fn ask(config: WebConfig, request: Request<Body>) -> (StatusCode, HeaderMap, Bytes) {
    let (node, _place) = node().await;
    let response = router(config, node.clone()).oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    node.shutdown().await;
    (parts.status, parts.headers, body)
}

async fn page(path: &str) -> (StatusCode, HeaderMap, String) {
    let request = Request::get(path).header("host", "localhost:8443").body(Body::empty()).unwrap();
    let (status, headers, body) = ask(config(), request).await;
    (status, headers, String::from_utf8(body.to_vec()).unwrap())
}

/// Asks for a token; `headers` replace or complete those of a page of the exchange.
async fn token(body: Value, headers: &[(&str, &str)]) -> (StatusCode, Value) {
    let mut request = Request::post("/dev/token")
        .header("host", "localhost:8443")
        .header("origin", "https://localhost:8443")
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    let (status, _, body) = ask(config(), request).await;
    (status, serde_json::from_slice(&body).unwrap())
}

/// Every path of this origin that a page, a style sheet or a module names.
fn references(path: &str, text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for marker in ["src=\"/", "href=\"/", "`/icons.svg"] {
        for (at, _) in text.match_indices(marker) {
            let rest = &text[at + marker.find('/').unwrap()..];
            let end = rest.find(['"', '`', '#', '?']).unwrap();
            found.insert(rest[..end].to_owned());
        }
    }
    for (at, _) in text.match_indices("from '.") {
        let rest = &text[at + "from '".len()..];
        let import = &rest[..rest.find('\'').unwrap()];
        let folder = &path[..path.rfind('/').unwrap()];
        found.insert(match import.strip_prefix("../") {
            Some(rest) => format!("{}/{rest}", &folder[..folder.rfind('/').unwrap()]),
            None => format!("{folder}/{}", import.trim_start_matches("./")),
        });
    }
    found
}

#[tokio::test]
async fn everything_that_the_pages_name_is_served() {
    let mut seen = BTreeSet::new();
    let mut open = BTreeSet::from(["/".to_owned()]);
    while let Some(path) = open.pop_first() {
        let (status, headers, text) = page(&path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        let expected = match path.rsplit_once('.') {
            Some((_, "css")) => "text/css; charset=utf-8",
            Some((_, "js")) => "text/javascript; charset=utf-8",
            Some((_, "svg")) => "image/svg+xml",
            _ => "text/html; charset=utf-8",
        };
        assert_eq!(headers["content-type"], expected, "{path}");
        seen.insert(path.clone());
        open.extend(references(&path, &text).into_iter().filter(|path| !seen.contains(path)));
    }
    assert!(seen.contains("/js/views/call-view.js"), "imports were followed: {seen:?}");
    assert_eq!(seen.len(), 60, "every embedded file is used: {seen:?}");
}

#[tokio::test]
async fn pages_hold_no_inline_code_and_name_no_other_origin() {
    for path in ["/", "/call", "/chat", "/policy"] {
        let (_, headers, text) = page(path).await;
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none';"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        for forbidden in ["<script>", "<style", " style=", " onclick=", "http://", "https://"] {
            assert!(!text.contains(forbidden), "{path} contains {forbidden}");
        }
    }
}

#[tokio::test]
async fn a_page_that_has_not_changed_is_not_sent_again() {
    let (_, headers, _) = page("/js/app.js").await;
    let etag = headers["etag"].to_str().unwrap();
    for (tags, status) in [
        (etag.to_owned(), StatusCode::NOT_MODIFIED),
        (format!("\"other\", W/{etag}"), StatusCode::NOT_MODIFIED),
        ("*".to_owned(), StatusCode::NOT_MODIFIED),
        ("\"other\"".to_owned(), StatusCode::OK),
    ] {
        let request = Request::get("/js/app.js").header("if-none-match", &tags);
        let (found, _, body) = ask(config(), request.body(Body::empty()).unwrap()).await;
        assert_eq!(found, status, "{tags}");
        assert_eq!(body.is_empty(), status == StatusCode::NOT_MODIFIED, "{tags}");
    }
}

#[test]
fn the_drawing_has_exactly_the_edges_of_the_machine() {
    let drawn: BTreeSet<(String, String)> = include_str!("../pages/js/states.js")
        .lines()
        .filter_map(|line| line.trim().strip_prefix("['"))
        .map(|line| {
            let mut names = line.split("', '");
            (names.next().unwrap().to_owned(), names.next().unwrap().to_owned())
        })
        .collect();
    let from_any: BTreeSet<CallState> = CALL_EDGES
        .iter()
        .filter(|edge| edge.to == CallState::Disconnecting)
        .map(|edge| edge.from)
        .collect();
    assert_eq!(from_any.len(), CallState::ALL.len() - 2, "the frame holds every state but two");
    let table: BTreeSet<(String, String)> = CALL_EDGES
        .iter()
        .filter(|edge| edge.to != CallState::Disconnecting)
        .map(|edge| (edge.from.to_string(), edge.to.to_string()))
        .collect();
    assert_eq!(drawn, table);
}

#[tokio::test]
async fn a_page_gets_a_token_for_a_known_user() {
    let (status, body) = token(json!({ "user": "alice" }), &[]).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["displayName"], "Alice Archer");
    assert_eq!(body["alias"], "alice");
    assert!(body["identifier"]["rawId"].as_str().unwrap().starts_with("8:orgid:"), "{body}");
    assert_eq!(body["token"].as_str().unwrap().split('.').count(), 3);
    assert!(body["expiresOn"].as_str().unwrap().ends_with('Z'));
    let (status, body) = token(json!({ "user": "nobody" }), &[]).await;
    assert_eq!((status, &body["error"]["code"]), (StatusCode::NOT_FOUND, &json!("user_not_found")));
}

#[tokio::test]
async fn a_page_gets_a_token_for_a_new_app_user() {
    let (status, body) = token(json!({ "displayName": "Zoe" }), &[]).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["displayName"], "Zoe");
    assert!(body["identifier"]["rawId"].as_str().unwrap().starts_with("8:acs:"), "{body}");
}

#[tokio::test]
async fn development_tokens_are_refused_to_other_pages_and_other_shapes() {
    let alice = json!({ "user": "alice" });
    for headers in [
        [("origin", "https://evil.example")].as_slice(),
        &[("origin", "null")],
        &[("origin", "https://rebound.example"), ("host", "rebound.example")],
    ] {
        let (status, body) = token(alice.clone(), headers).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{headers:?}");
        assert_eq!(body["error"]["code"], "foreign_origin");
    }
    let allowed = [("origin", "https://app.example.org"), ("host", "app.example.org")];
    assert_eq!(token(alice.clone(), &allowed).await.0, StatusCode::OK);
    for (body, headers) in [
        (alice.clone(), [("content-type", "text/plain")].as_slice()),
        (json!({}), &[]),
        (json!(["alice"]), &[]),
        (json!({ "user": 7 }), &[]),
        (json!({ "displayName": "a".repeat(8_192) }), &[]),
    ] {
        assert_eq!(token(body.clone(), headers).await.0, StatusCode::BAD_REQUEST, "{body}");
    }
}

/// Asks a node's directory for a token, as a program does.
async fn sign_in(node: &Node, form: &str, headers: &[(&str, &str)]) -> (StatusCode, Value) {
    let mut request = Request::post("/adfs/oauth2/token")
        .header("host", "localhost:8443")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(form.to_owned()))
        .unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    let response = router(config(), node.clone()).oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    (parts.status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn a_directory_user_who_signs_in_with_a_program_gets_a_token_to_exchange() {
    let (node, _place) = node().await;
    let form = "grant_type=password&client_id=app%2D1&username=alice&password=x&\
                scope=openid+https%3A%2F%2Fauth.msft.communication.azure.com%2FTeams.ManageChats";
    let (status, body) = sign_in(&node, form, &[]).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let (identity, now) = (node.identity(), node.clock().wall());
    let user_id = "00000000-0000-4000-8000-00000000000a";
    let given = |name: &str| body[name].as_str().unwrap().to_owned();
    let (access, id) = (given("access_token"), given("id_token"));
    let of = |token| DirectoryToken { token, issuer: None, app_id: AppId::Guid("app-1"), user_id };
    let exchanged = identity.exchange_directory_token(identity.resource(), of(&access), now).await;
    let claims = identity.verify(&exchanged.unwrap().1.token, now).await.unwrap();
    assert_eq!(claims.scopes, BTreeSet::from([Scope::Chat]));
    // What says who somebody is to an app opens nothing.
    let exchanged = identity.exchange_directory_token(identity.resource(), of(&id), now).await;
    assert!(matches!(exchanged, Err(ExchangeError::Invalid)), "{exchanged:?}");
    node.shutdown().await;
}

#[tokio::test]
async fn a_program_that_signs_in_by_itself_is_nobody_that_could_be_exchanged() {
    let (node, _place) = node().await;
    let (status, body) = sign_in(&node, "grant_type=client_credentials&client_id=app", &[]).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let (identity, now) = (node.identity(), node.clock().wall());
    let token = body["access_token"].as_str().unwrap();
    assert!(matches!(identity.verify(token, now).await, Err(TokenError::Invalid)));
    let given = DirectoryToken { token, issuer: None, app_id: AppId::Guid("app"), user_id: "app" };
    let exchanged = identity.exchange_directory_token(identity.resource(), given, now).await;
    assert!(matches!(exchanged, Err(ExchangeError::Invalid)), "{exchanged:?}");
    node.shutdown().await;
}

#[tokio::test]
async fn what_no_directory_grants_is_refused_with_its_code() {
    let (node, _place) = node().await;
    let known = "grant_type=password&client_id=a&username=alice&scope=Teams.ManageChats";
    for (form, code) in [
        ("", "invalid_request"),
        ("grant_type=client_credentials", "invalid_request"),
        ("grant_type=client_credentials&client_id=a&client_id=b", "invalid_request"),
        ("grant_type=client_credentials&client_id=%f", "invalid_request"),
        ("grant_type=client_credentials&client_id=%ff", "invalid_request"),
        ("grant_type=password&client_id=a&scope=s", "invalid_request"),
        ("grant_type=password&client_id=a&username=nobody&scope=s", "invalid_grant"),
        ("grant_type=device_code&client_id=a", "unsupported_grant_type"),
    ] {
        let (status, body) = sign_in(&node, form, &[]).await;
        assert_eq!((status, &body["error"]), (StatusCode::BAD_REQUEST, &json!(code)), "{form}");
    }
    let foreign = [("origin", "https://elsewhere.example")];
    assert_eq!(sign_in(&node, known, &foreign).await.0, StatusCode::FORBIDDEN);
    let json = [("content-type", "application/json")];
    assert_eq!(sign_in(&node, known, &json).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(sign_in(&node, known, &[]).await.0, StatusCode::OK);
    node.shutdown().await;
}

#[tokio::test]
async fn the_directory_says_where_it_signs_in() {
    let (status, _, body) = page("/adfs/.well-known/openid-configuration").await;
    assert_eq!(status, StatusCode::OK);
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["issuer"], "https://localhost:8443/adfs");
    assert_eq!(body["token_endpoint"], "https://localhost:8443/adfs/oauth2/token");
    let (status, _, keys) = page("/adfs/discovery/keys").await;
    assert_eq!(status, StatusCode::OK);
    let keys: Value = serde_json::from_str(&keys).unwrap();
    assert_eq!(keys["keys"][0]["kty"], "EC");
    assert!(keys["keys"][0].get("d").is_none(), "a private key");
}

#[tokio::test]
async fn development_endpoints_exist_only_where_configured() {
    let config = WebConfig { dev_endpoints: false, ..config() };
    for request in [
        Request::post("/dev/token"),
        Request::get("/dev/users"),
        Request::get("/adfs/.well-known/openid-configuration"),
        Request::get("/adfs/discovery/keys"),
        Request::get("/adfs/oauth2/authorize"),
        Request::post("/adfs/oauth2/token"),
        Request::post("/adfs/oauth2/v2.0/token"),
    ] {
        let request = request.header("host", "localhost").body(Body::empty()).unwrap();
        let (node, _place) = node().await;
        // What is not served here is for the port to answer.
        let router = router(config.clone(), node.clone()).fallback(async || StatusCode::GONE);
        let response = router.oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::GONE);
        node.shutdown().await;
    }
    let (status, _, users) = page("/dev/users").await;
    assert_eq!(status, StatusCode::OK);
    let users: Value = serde_json::from_str(&users).unwrap();
    assert_eq!(users["users"][1]["displayName"], "Bob Baker");
}

#[tokio::test]
async fn the_key_set_holds_public_keys_only() {
    let (status, _, body) = page("/.well-known/jwks.json").await;
    assert_eq!(status, StatusCode::OK);
    let set: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(set["keys"][0]["kty"], "EC");
    assert!(set["keys"][0].get("d").is_none());
}

/// An exchange with a socket to connect to.
struct Server {
    node: Node,
    address: SocketAddr,
    _place: TempDir,
}

impl Server {
    async fn start() -> Self {
        let (node, place) = node().await;
        let listener = TcpListener::bind((LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = router(config(), node.clone());
        tokio::spawn(async move {
            axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await
        });
        Self { node, address, _place: place }
    }

    async fn connect(&self, headers: &[(&str, &str)]) -> Result<Socket, tungstenite::Error> {
        let mut request = format!("ws://{}/signaling", self.address).into_client_request()?;
        for (name, value) in headers {
            let name: HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        connect_async(request).await.map(|(socket, _)| socket)
    }

    async fn open(&self, subprotocol: &str) -> Socket {
        self.connect(&[("sec-websocket-protocol", subprotocol)]).await.unwrap()
    }

    async fn token(&self) -> String {
        let request = TokenRequest { scopes: &BTreeSet::from([Scope::Voip]), life: None };
        let (identity, now) = (self.node.identity(), self.node.clock().wall());
        let issued = identity.issue_token(identity.resource(), "alice", request, now).await;
        issued.unwrap().1.token
    }

    async fn hello(&self) -> Message {
        Message::text(json!({ "hello": { "token": self.token().await } }).to_string())
    }
}

async fn next(socket: &mut Socket) -> Message {
    timeout(Duration::from_secs(10), socket.next()).await.unwrap().unwrap().unwrap()
}

/// Reads to the close frame and returns its code.
async fn close_code(socket: &mut Socket) -> u16 {
    loop {
        if let Message::Close(frame) = next(socket).await {
            return frame.unwrap().code.into();
        }
    }
}

fn refusal(result: Result<Socket, tungstenite::Error>) -> StatusCode {
    match result {
        Err(tungstenite::Error::Http(response)) => response.status(),
        other => panic!("expected an HTTP refusal, got {other:?}"),
    }
}

#[tokio::test]
async fn a_socket_needs_a_subprotocol_and_an_origin_that_is_let_in() {
    let server = Server::start().await;
    assert_eq!(refusal(server.connect(&[]).await), StatusCode::BAD_REQUEST);
    let other = [("sec-websocket-protocol", "graphql-ws")];
    assert_eq!(refusal(server.connect(&other).await), StatusCode::BAD_REQUEST);
    let foreign = [("sec-websocket-protocol", JSON), ("origin", "https://evil.example")];
    assert_eq!(refusal(server.connect(&foreign).await), StatusCode::FORBIDDEN);
    let own = format!("http://{}", server.address);
    for origin in [own.as_str(), "https://app.example.org"] {
        let headers = [("sec-websocket-protocol", JSON), ("origin", origin)];
        assert!(server.connect(&headers).await.is_ok(), "{origin}");
    }
}

#[tokio::test]
async fn hello_is_answered_in_the_encoding_of_the_subprotocol() {
    let server = Server::start().await;
    let mut socket = server.open(JSON).await;
    socket.send(server.hello().await).await.unwrap();
    let Message::Text(text) = next(&mut socket).await else { panic!("not text") };
    let frame: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(frame["welcome"]["displayName"], "Alice Archer", "{frame}");

    let mut socket = server.open(PROTO).await;
    let hello = Hello { token: server.token().await, ..Default::default() };
    let frame = ClientFrame { body: Some(client_frame::Body::Hello(hello)), ..Default::default() };
    socket.send(Message::binary(prost::Message::encode_to_vec(&frame))).await.unwrap();
    assert!(matches!(next(&mut socket).await, Message::Binary(_)));
}

#[tokio::test]
async fn what_is_not_a_frame_closes_with_the_code_that_says_so() {
    let server = Server::start().await;
    let large = "x".repeat(DEFAULT_MAX_FRAME_BYTES + 1);
    let forged = json!({ "hello": { "token": "not.a.token" } }).to_string();
    for (subprotocol, message, code) in [
        (JSON, Message::text("{"), 4400),
        (JSON, Message::binary(vec![1, 2, 3]), 4400),
        (PROTO, Message::text("{}"), 4400),
        (PROTO, Message::binary(vec![0xff; 64]), 4400),
        (JSON, Message::text(r#"{"seq": "1", "command": {}}"#), 4400),
        (JSON, Message::text(large), 4413),
        (JSON, Message::text(forged), 4401),
    ] {
        let mut socket = server.open(subprotocol).await;
        let label = format!("{} bytes of {subprotocol}", message.len());
        socket.send(message).await.unwrap();
        assert_eq!(close_code(&mut socket).await, code, "{label}");
    }
}

#[tokio::test]
async fn a_message_too_large_to_be_read_is_refused_while_it_is_sent() {
    let server = Server::start().await;
    let (mut sink, mut stream) = server.open(JSON).await.split();
    let enormous = Message::text("x".repeat(64 * DEFAULT_MAX_FRAME_BYTES));
    // The exchange stops reading, so the message never leaves whole.
    let sending = tokio::spawn(async move { sink.send(enormous).await });
    let code = loop {
        let message = timeout(Duration::from_secs(10), stream.next()).await.unwrap();
        if let Message::Close(frame) = message.unwrap().unwrap() {
            break u16::from(frame.unwrap().code);
        }
    };
    assert_eq!(code, 4413);
    sending.abort();
}

#[tokio::test]
async fn shutdown_closes_open_sockets_and_refuses_new_ones() {
    let server = Server::start().await;
    let mut socket = server.open(JSON).await;
    socket.send(server.hello().await).await.unwrap();
    next(&mut socket).await;
    let (code, ()) = tokio::join!(close_code(&mut socket), server.node.shutdown());
    assert_eq!(code, 1001);
    let mut late = server.open(JSON).await;
    assert_eq!(close_code(&mut late).await, 1001);
}

/// Issues a token of a user by the node itself.
async fn issued(node: &Node, user: &str, at: Timestamp, scope: Scope) -> String {
    let identity = node.identity();
    let scopes = BTreeSet::from([scope]);
    let request = TokenRequest { scopes: &scopes, life: None };
    let issued = identity.issue_token(identity.resource(), user, request, at).await;
    issued.unwrap().1.token
}

async fn send(node: &Node, request: Request<Body>) -> (StatusCode, HeaderMap, Body) {
    let response = router(config(), node.clone()).oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    (parts.status, parts.headers, body)
}

async fn json_of(body: Body) -> Value {
    serde_json::from_slice(&to_bytes(body, 65_536).await.unwrap()).unwrap()
}

/// Reads one line of a stream, blank ones left out.
async fn next_line(stream: &mut axum::body::BodyDataStream) -> Value {
    let line = async {
        loop {
            // Each line is a chunk of its own.
            let chunk = stream.next().await.expect("the stream goes on").unwrap();
            if chunk.as_ref() != b"\n" {
                return serde_json::from_slice(&chunk).unwrap();
            }
        }
    };
    timeout(Duration::from_secs(10), line).await.expect("a line in time")
}

fn watch(path: &str, token: &str) -> Request<Body> {
    let request = Request::get(path).header("host", "localhost:8443");
    request.header("authorization", format!("Bearer {token}")).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn chat_events_come_to_whoever_has_a_token_that_holds() {
    let (node, _place) = node().await;
    let now = node.clock().wall();
    let good = issued(&node, "alice", now, Scope::Chat).await;
    let long_ago = Timestamp::from_unix_seconds(now.as_unix_seconds() - 3 * 24 * 60 * 60);
    let expired = issued(&node, "alice", long_ago, Scope::Chat).await;
    let calls_only = issued(&node, "alice", now, Scope::Voip).await;
    let (head, signature) = good.rsplit_once('.').unwrap();
    let forged = format!("{head}.{}", signature.chars().rev().collect::<String>());
    let basic = format!("Basic {good}");
    for (authorization, status) in [
        (vec![], StatusCode::UNAUTHORIZED),
        (vec!["Bearer".to_owned()], StatusCode::UNAUTHORIZED),
        (vec![basic], StatusCode::UNAUTHORIZED),
        (vec![format!("Bearer {forged}")], StatusCode::UNAUTHORIZED),
        (vec![format!("Bearer {expired}")], StatusCode::UNAUTHORIZED),
        (vec![format!("Bearer {good}"), format!("Bearer {good}")], StatusCode::UNAUTHORIZED),
        (vec![format!("Bearer {calls_only}")], StatusCode::FORBIDDEN),
        (vec![format!("bearer {good}")], StatusCode::OK),
    ] {
        let mut request = Request::get("/events/chat").header("host", "localhost:8443");
        for value in &authorization {
            request = request.header("authorization", value);
        }
        let (found, headers, body) = send(&node, request.body(Body::empty()).unwrap()).await;
        assert_eq!(found, status, "{authorization:?}");
        assert_eq!(headers["cache-control"], "no-store");
        assert_eq!(headers.contains_key("www-authenticate"), found == StatusCode::UNAUTHORIZED);
        if found != StatusCode::OK {
            assert!(json_of(body).await["error"]["message"].is_string());
        }
    }
    // A token in the address is none.
    let in_address = Request::get(format!("/events/chat?token={good}&access_token={good}"));
    let request = in_address.header("host", "localhost:8443").body(Body::empty()).unwrap();
    assert_eq!(send(&node, request).await.0, StatusCode::UNAUTHORIZED);
    let mut foreign = watch("/events/chat", &good);
    foreign.headers_mut().insert("origin", "https://evil.example".parse().unwrap());
    assert_eq!(send(&node, foreign).await.0, StatusCode::FORBIDDEN);
    for after in ["x", "-1", "", "18446744073709551616"] {
        let request = watch(&format!("/events/chat?after={after}"), &good);
        assert_eq!(send(&node, request).await.0, StatusCode::BAD_REQUEST, "{after}");
    }
    node.shutdown().await;
}

#[tokio::test]
async fn a_stream_of_chat_events_goes_on_after_its_cursor_and_says_why_it_ends() {
    let (node, _place) = node().await;
    let now = node.clock().wall();
    let token = issued(&node, "alice", now, Scope::Chat).await;
    let (status, headers, body) = send(&node, watch("/events/chat", &token)).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["content-type"], "application/x-ndjson; charset=utf-8");
    let mut first = body.into_data_stream();
    let begun = next_line(&mut first).await;
    assert_eq!(begun, json!({ "seq": begun["seq"] }), "the first line has no event");
    let claims = node.identity().verify(&token, now).await.unwrap();
    let actor = ChatActor::from(&claims);
    let thread = CreateThread { topic: "lunch".to_owned(), ..CreateThread::default() };
    let thread = node.chat().create_thread(&actor, thread, None).await.unwrap().thread.id;
    let text = |text: &str| SendMessage::new(NewContent::Text(text.to_owned()));
    node.chat().send_message(&actor, &thread, text("one")).await.unwrap();
    let created = next_line(&mut first).await;
    assert_eq!(created["event"]["threadCreated"]["thread"]["topic"], "lunch");
    let said = |line: &Value| line["event"]["messageReceived"]["message"]["content"].clone();
    let one = next_line(&mut first).await;
    let expected = json!({ "type": "MESSAGE_TYPE_TEXT", "content": "one" });
    assert_eq!(said(&one), expected, "{one}");
    assert!(one["event"].get("recipients").is_none(), "nobody is told who else is told");
    drop(first);
    node.chat().send_message(&actor, &thread, text("two")).await.unwrap();
    let cursor = one["seq"].as_str().unwrap();
    let (_, _, body) = send(&node, watch(&format!("/events/chat?after={cursor}"), &token)).await;
    let mut second = body.into_data_stream();
    assert_eq!(next_line(&mut second).await, json!({ "seq": cursor }));
    assert_eq!(said(&next_line(&mut second).await)["content"], "two");
    let stopping = tokio::spawn({
        let node = node.clone();
        async move { node.shutdown().await }
    });
    let end = next_line(&mut second).await;
    assert_eq!(end["end"]["code"], "shutting_down", "{end}");
    assert!(second.next().await.is_none(), "the last line is the last");
    stopping.await.unwrap();
}

fn ask_policy(headers: &[(&str, &str)], body: Value) -> Request<Body> {
    let mut request = Request::post("/policy/explain").header("host", "localhost:8443");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.to_string())).unwrap()
}

#[tokio::test]
async fn a_policy_is_explained_to_whoever_has_a_key_of_the_exchange() {
    let (node, _place) = node().await;
    let admin = node.admin();
    let key = admin.rotate_key(node.identity().resource(), KeySlot::Primary).await.unwrap();
    let other = admin.create_resource("other".parse().unwrap()).await.unwrap();
    let own = format!("AccessKey {}", key.to_base64());
    let foreign = format!("AccessKey {}", other.keys.primary.to_base64());
    let token = issued(&node, "alice", node.clock().wall(), Scope::Chat).await;
    let bearer = format!("Bearer {token}");
    let question = json!({ "from": "8:acs:7f1c2d3e-4a5b-4c6d-8e7f-90a1b2c3d4e5_00000000-0000-4000-8000-0000000000ff", "to": "bob" });
    for (headers, status) in [
        (vec![], StatusCode::UNAUTHORIZED),
        (vec![("authorization", "AccessKey d3Jvbmc=")], StatusCode::UNAUTHORIZED),
        (vec![("authorization", "AccessKey ")], StatusCode::UNAUTHORIZED),
        (vec![("authorization", bearer.as_str())], StatusCode::UNAUTHORIZED),
        (vec![("authorization", foreign.as_str())], StatusCode::FORBIDDEN),
        (
            vec![("authorization", own.as_str()), ("origin", "https://evil.example")],
            StatusCode::FORBIDDEN,
        ),
        (vec![("authorization", own.as_str())], StatusCode::OK),
    ] {
        let (found, answer_headers, body) =
            send(&node, ask_policy(&headers, question.clone())).await;
        assert_eq!(found, status, "{headers:?}");
        assert_eq!(answer_headers["cache-control"], "no-store");
        if found != StatusCode::OK {
            assert!(json_of(body).await["error"]["message"].is_string());
        }
    }
    let authorized = [("authorization", own.as_str())];
    let explain = async |question: Value| {
        let (status, _, body) = send(&node, ask_policy(&authorized, question)).await;
        (status, json_of(body).await)
    };
    let (_, denied) = explain(question.clone()).await;
    assert!(denied["call"].get("isAllowed").is_none(), "{denied}");
    assert!(denied["call"]["fix"].as_str().unwrap().contains("EnableAcsUsers"), "{denied}");
    assert!(!denied["chat"]["trace"].as_array().unwrap().is_empty(), "{denied}");
    let tenant = "0d9c8b7a-6f5e-4d3c-8b2a-190807f6e5d4".parse().unwrap();
    let on = FederationConfig { enable_acs_users: true, ..FederationConfig::default() };
    admin.set_federation(&tenant, on).await.unwrap();
    let (_, allowed) = explain(question).await;
    assert_eq!(allowed["call"]["isAllowed"], true, "{allowed}");
    for body in [
        json!({}),
        json!([]),
        json!({ "from": "alice" }),
        json!({ "from": "alice", "to": 7 }),
        json!({ "from": "", "to": "bob" }),
        json!({ "from": "alice", "to": "bob", "more": "x".repeat(8_192) }),
    ] {
        assert_eq!(explain(body.clone()).await.0, StatusCode::BAD_REQUEST, "{body}");
    }
    node.shutdown().await;
}
