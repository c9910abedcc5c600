//! A node in a fresh directory with the router on top, and requests signed or with a token.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use aws_lc_rs::{digest, hmac};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt as _;
use trunkline_clock::Timestamp;
use trunkline_ids::ResourceId;
use trunkline_node::{
    ChatConfig, DirectoryEntry, Identity, IdentityConfig, MeetingsConfig, Node, NodeConfig,
    RelayConfig, TokenRequest,
};
use trunkline_policy::{FederationConfig, Scope};
use trunkline_rest::{Origin, RestConfig, router};
use trunkline_storage::{SealingKey, SqliteOptions, SqliteStore};
use trunkline_transport::PlaneConfig;

pub(crate) const RESOURCE: &str = "5f9c1a52-7a3e-4d0b-9e1c-0c0ffee00001";
pub(crate) const DIRECTORY_ALICE: &str = "8:orgid:00000000-0000-4000-8000-00000000000a";
pub(crate) const DIRECTORY_BOB: &str = "8:orgid:00000000-0000-4000-8000-00000000000b";
pub(crate) const DIRECTORY_CAROL: &str = "8:orgid:00000000-0000-4000-8000-00000000000c";
const HOST: &str = "acs.example:8443";
const FIRST_KEY: &[u8] = b"the first of two keys, 32 bytes.";
const SECOND_KEY: &[u8] = b"the second of two keys, 32 byte.";

/// The exchange under test.
pub(crate) struct Scene {
    pub(crate) node: Node,
    pub(crate) router: Router,
    pub(crate) signing_key: Vec<u8>,
    _directory: TempDir,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// Returns the code of the error envelope.
    pub(crate) fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    /// Returns a header as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Returns the body of an answer that must be good.
    #[track_caller]
    pub(crate) fn ok(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        self.body
    }

    /// Checks that the answer is a certain error.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) {
        assert_eq!((self.status, self.code()), (status, code), "{self:?}");
        assert_eq!(self.header("x-ms-error-code"), Some(code));
        assert!(!self.body["error"]["message"].as_str().unwrap().is_empty());
    }
}

/// A request to be sent.
pub(crate) struct Call<'a> {
    scene: &'a Scene,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    key: Option<Vec<u8>>,
    host: String,
    date: Option<String>,
    signed_body: Option<Vec<u8>>,
    signed_method: Option<String>,
    sent_to: Option<String>,
}

impl Scene {
    pub(crate) async fn start() -> Self {
        Self::with(RestConfig::default(), FederationConfig::default()).await
    }

    pub(crate) async fn with(config: RestConfig, federation: FederationConfig) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = SqliteOptions::new(directory.path(), SealingKey::from_bytes([7; 32]));
        let store = SqliteStore::open(&options).unwrap();
        let signing_key = Identity::generate_signing_key().unwrap();
        let identity = IdentityConfig {
            resource: RESOURCE.parse().unwrap(),
            access_keys: [FIRST_KEY, SECOND_KEY].map(|key| STANDARD.encode(key)),
            tenant: "c0117050-7a3e-4d0b-9e1c-0c0ffee00002".parse().unwrap(),
            tenant_name: "contoso".parse().unwrap(),
            directory: vec![
                entry("alice", DIRECTORY_ALICE, "Alice Archer"),
                entry("bob", DIRECTORY_BOB, "Bob Baker"),
                entry("carol", DIRECTORY_CAROL, "Carol Cook"),
            ],
            signing_key: signing_key.clone(),
            issuers: Vec::new(),
            has_dev_issuer: true,
        };
        let plane = PlaneConfig { shards: 1, ..PlaneConfig::new(IpAddr::V4(Ipv4Addr::LOCALHOST)) };
        let config_of_node = NodeConfig {
            store: Arc::new(store),
            identity,
            federation,
            plane,
            participant_limit: 350,
            chat: ChatConfig::default(),
            meetings: MeetingsConfig::default(),
            relay: RelayConfig::default(),
        };
        let node = Node::start(config_of_node).await.unwrap();
        let router = router(config, node.clone());
        Self { node, router, signing_key, _directory: directory }
    }

    /// Creates an app user and returns the raw id with a token.
    pub(crate) async fn user(&self, scopes: &[Scope]) -> (String, String) {
        self.user_of(&RESOURCE.parse().unwrap(), scopes).await
    }

    pub(crate) async fn user_of(
        &self,
        resource: &ResourceId,
        scopes: &[Scope],
    ) -> (String, String) {
        let now = self.node.clock().wall();
        let identity = self.node.identity();
        let user = identity.create_user(resource, now).await.unwrap().identifier.to_string();
        let token = self.token(resource, &user, scopes).await;
        (user, token)
    }

    pub(crate) async fn token(
        &self,
        resource: &ResourceId,
        user: &str,
        scopes: &[Scope],
    ) -> String {
        let scopes: BTreeSet<Scope> = scopes.iter().copied().collect();
        let request = TokenRequest { scopes: &scopes, life: None };
        let now = self.node.clock().wall();
        let issued = self.node.identity().issue_token(resource, user, request, now).await;
        issued.unwrap().1.token
    }

    /// Creates a thread of a user and others, and returns its id.
    pub(crate) async fn thread(&self, token: &str, others: &[&str]) -> String {
        let participants: Vec<Value> = others
            .iter()
            .map(|raw_id| {
                serde_json::json!({
                    "communicationIdentifier": {"rawId": raw_id},
                    "shareHistoryTime": "1970-01-01T00:00:00Z",
                })
            })
            .collect();
        let body = serde_json::json!({"topic": "a topic", "participants": participants});
        let made = self.call("POST", "/chat/threads").json(&body).bearer(token).send().await;
        made.ok(201)["chatThread"]["id"].as_str().unwrap().to_owned()
    }

    /// Returns the first key as connection strings have it.
    pub(crate) fn key(&self) -> String {
        STANDARD.encode(FIRST_KEY)
    }

    /// Begins a request.
    pub(crate) fn call(&self, method: &str, target: &str) -> Call<'_> {
        Call {
            scene: self,
            method: method.to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            key: None,
            host: HOST.to_owned(),
            date: None,
            signed_body: None,
            signed_method: None,
            sent_to: None,
        }
    }

    /// Begins a request that is signed with the first key.
    pub(crate) fn signed(&self, method: &str, target: &str) -> Call<'_> {
        self.call(method, target).key(FIRST_KEY)
    }
}

fn entry(alias: &str, raw_id: &str, name: &str) -> DirectoryEntry {
    DirectoryEntry {
        alias: alias.to_owned(),
        object_id: object_id(raw_id).to_owned(),
        display_name: name.parse().unwrap(),
        licenses: BTreeSet::new(),
    }
}

/// Returns the directory's own id of a user.
pub(crate) fn object_id(raw_id: &str) -> &str {
    raw_id.rsplit(':').next().unwrap()
}

impl Call<'_> {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn bytes(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.bytes(body.to_string()).header("content-type", "application/json")
    }

    /// Signs with a key, when the request is sent.
    pub(crate) fn key(mut self, key: &[u8]) -> Self {
        self.key = Some(key.to_vec());
        self
    }

    pub(crate) fn second_key(self) -> Self {
        self.key(SECOND_KEY)
    }

    /// Signs as if it were another time.
    pub(crate) fn signed_at(mut self, time: Timestamp) -> Self {
        self.date = Some(http_date(time));
        self
    }

    /// Signs another body than the one that is sent.
    pub(crate) fn signed_body(mut self, body: &[u8]) -> Self {
        self.signed_body = Some(body.to_vec());
        self
    }

    /// Signs another verb than the one that is sent.
    pub(crate) fn signed_method(mut self, method: &str) -> Self {
        self.signed_method = Some(method.to_owned());
        self
    }

    /// Sends to another host than the one that is signed.
    pub(crate) fn sent_to(mut self, host: &str) -> Self {
        self.sent_to = Some(host.to_owned());
        self
    }

    pub(crate) async fn send(self) -> Answer {
        let mut request = Request::builder().method(self.method.as_str()).uri(&self.target);
        request = request.header("host", self.sent_to.as_ref().unwrap_or(&self.host));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(key) = &self.key {
            let date = self.date.clone();
            let date = date.unwrap_or_else(|| http_date(self.scene.node.clock().wall()));
            let body = self.signed_body.as_ref().unwrap_or(&self.body);
            let hash = STANDARD.encode(digest::digest(&digest::SHA256, body));
            let method = self.signed_method.as_ref().unwrap_or(&self.method);
            let text = format!("{method}\n{}\n{date};{};{hash}", self.target, self.host);
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes());
            let authorization = format!(
                "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={}",
                STANDARD.encode(tag)
            );
            request = request
                .header("x-ms-date", date)
                .header("x-ms-content-sha256", hash)
                .header("authorization", authorization);
        }
        let request = request.body(Body::from(self.body)).unwrap();
        let response = self.scene.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = axum::body::to_bytes(response.into_body(), 16 * 1024 * 1024).await.unwrap();
        let body = match body.is_empty() {
            true => Value::Null,
            false => serde_json::from_slice(&body).unwrap(),
        };
        if status != StatusCode::NO_CONTENT && !body.is_null() {
            let content_type = headers["content-type"].to_str().unwrap();
            assert_eq!(content_type, "application/json; charset=utf-8");
        }
        Answer { status: status.as_u16(), headers, body }
    }
}

/// Writes a time as headers have it.
pub(crate) fn http_date(time: Timestamp) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let text = Timestamp::from_unix_seconds(time.as_unix_seconds()).to_string();
    let (date, clock) = text.trim_end_matches('Z').split_once('T').unwrap();
    let (year, month, day) = (&date[..4], &date[5..7], &date[8..]);
    let month = MONTHS[month.parse::<usize>().unwrap() - 1];
    format!("Mon, {day} {month} {year} {clock} GMT")
}

/// Encodes a raw id or a thread id for a path.
pub(crate) fn segment(id: &str) -> String {
    id.replace(':', "%3A").replace('@', "%40").replace('+', "%2B")
}

/// Reads a public endpoint.
pub(crate) fn origin(text: &str) -> Origin {
    text.parse().unwrap()
}
