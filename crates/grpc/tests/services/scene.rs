//! A node in a fresh directory with the services on top.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use axum::Router;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use tempfile::TempDir;
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
};
use trunkline_api::{
    admin::v1::admin_service_client::AdminServiceClient,
    calling::v1::calling_service_client::CallingServiceClient,
    chat::v1::chat_service_client::ChatServiceClient,
    events::v1::events_service_client::EventsServiceClient,
    meetings::v1::meetings_service_client::MeetingsServiceClient,
    presence::v1::presence_service_client::PresenceServiceClient,
    rooms::v1::rooms_service_client::RoomsServiceClient,
};
use trunkline_ids::ResourceId;
use trunkline_node::{
    ChatConfig, DirectoryEntry, Identity, IdentityConfig, MeetingsConfig, Node, NodeConfig,
    RelayConfig, TokenRequest,
};
use trunkline_policy::{FederationConfig, Scope};
use trunkline_storage::{SealingKey, SqliteOptions, SqliteStore};
use trunkline_transport::PlaneConfig;

pub(crate) const RESOURCE: &str = "5f9c1a52-7a3e-4d0b-9e1c-0c0ffee00001";

/// The exchange under test.
pub(crate) struct Scene {
    pub(crate) node: Node,
    pub(crate) router: Router,
    pub(crate) signing_key: Vec<u8>,
    directory: TempDir,
}

/// Adds a credential to every request.
#[derive(Clone)]
pub(crate) struct Credential(MetadataValue<Ascii>);

impl Interceptor for Credential {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

pub(crate) type Intercepted = InterceptedService<Router, Credential>;

impl Scene {
    pub(crate) async fn start() -> Self {
        let signing_key = Identity::generate_signing_key().unwrap();
        Self::open(tempfile::tempdir().unwrap(), signing_key, None).await
    }

    /// Starts an exchange whose database grows no further than that.
    pub(crate) async fn start_with_room_for(bytes: u64) -> Self {
        let signing_key = Identity::generate_signing_key().unwrap();
        Self::open(tempfile::tempdir().unwrap(), signing_key, Some(bytes)).await
    }

    /// Stops the exchange and starts it again with what it has stored.
    pub(crate) async fn restart(self) -> Self {
        self.node.shutdown().await;
        Self::open(self.directory, self.signing_key, None).await
    }

    async fn open(directory: TempDir, signing_key: Vec<u8>, limit_bytes: Option<u64>) -> Self {
        let sealing_key = SealingKey::from_bytes([7; 32]);
        let options =
            SqliteOptions { limit_bytes, ..SqliteOptions::new(directory.path(), sealing_key) };
        let store = SqliteStore::open(&options).unwrap();
        let entry = |alias: &str, name: &str, digit: char| DirectoryEntry {
            alias: alias.to_owned(),
            object_id: format!("00000000-0000-4000-8000-00000000000{digit}"),
            display_name: name.parse().unwrap(),
            licenses: BTreeSet::new(),
        };
        let identity = IdentityConfig {
            resource: RESOURCE.parse().unwrap(),
            access_keys: ["the first of two keys", "the second of two keys"]
                .map(|key| STANDARD.encode(key)),
            tenant: "c0117050-7a3e-4d0b-9e1c-0c0ffee00002".parse().unwrap(),
            tenant_name: "contoso".parse().unwrap(),
            directory: vec![entry("alice", "Alice Archer", 'a'), entry("bob", "Bob Baker", 'b')],
            signing_key: signing_key.clone(),
            issuers: Vec::new(),
            has_dev_issuer: false,
        };
        let plane = PlaneConfig { shards: 1, ..PlaneConfig::new(IpAddr::V4(Ipv4Addr::LOCALHOST)) };
        let config = NodeConfig {
            store: Arc::new(store),
            identity,
            federation: FederationConfig::default(),
            plane,
            participant_limit: 350,
            chat: ChatConfig::default(),
            meetings: MeetingsConfig::default(),
            relay: RelayConfig::default(),
        };
        let node = Node::start(config).await.unwrap();
        let router = trunkline_grpc::router(node.clone());
        Self { node, router, signing_key, directory }
    }

    /// Returns the first key of the exchange's own resource.
    pub(crate) fn key(&self) -> String {
        STANDARD.encode("the first of two keys")
    }

    /// Returns a token of a user of the exchange's own resource.
    pub(crate) async fn token(&self, user: &str, scopes: &[Scope]) -> String {
        let scopes: BTreeSet<Scope> = scopes.iter().copied().collect();
        let request = TokenRequest { scopes: &scopes, life: None };
        let (identity, now) = (self.node.identity(), self.node.clock().wall());
        let issued = identity.issue_token(&self.resource(), user, request, now).await;
        issued.unwrap().1.token
    }

    pub(crate) fn resource(&self) -> ResourceId {
        RESOURCE.parse().unwrap()
    }

    /// Returns chat in the name of a directory user.
    pub(crate) async fn chat(&self, alias: &str) -> ChatServiceClient<Intercepted> {
        let token = self.token(alias, &[Scope::Chat]).await;
        let credential = Credential(format!("Bearer {token}").parse().unwrap());
        ChatServiceClient::with_interceptor(self.router.clone(), credential)
    }

    /// Returns a new app user of the exchange's own resource.
    pub(crate) async fn app_user(&self) -> String {
        let (identity, now) = (self.node.identity(), self.node.clock().wall());
        let user = identity.create_user(&self.resource(), now).await.unwrap();
        user.identifier.to_string()
    }

    /// Returns calling in the name of a user.
    pub(crate) async fn calling(&self, user: &str) -> CallingServiceClient<Intercepted> {
        self.calling_by(&self.token(user, &[Scope::Voip]).await)
    }

    /// Returns calling with a token.
    pub(crate) fn calling_by(&self, token: &str) -> CallingServiceClient<Intercepted> {
        let credential = Credential(format!("Bearer {token}").parse().unwrap());
        CallingServiceClient::with_interceptor(self.router.clone(), credential)
    }

    /// Returns meetings in the name of a user.
    pub(crate) async fn meetings_as(&self, user: &str) -> MeetingsServiceClient<Intercepted> {
        let token = self.token(user, &[Scope::Voip]).await;
        let credential = Credential(format!("Bearer {token}").parse().unwrap());
        MeetingsServiceClient::with_interceptor(self.router.clone(), credential)
    }

    /// Returns meetings as a program with an access key.
    pub(crate) fn meetings(&self, key: &str) -> MeetingsServiceClient<Intercepted> {
        let credential = Credential(format!("AccessKey {key}").parse().unwrap());
        MeetingsServiceClient::with_interceptor(self.router.clone(), credential)
    }

    /// Returns the administration, with a key of the exchange's own resource.
    pub(crate) fn admin(&self) -> AdminServiceClient<Intercepted> {
        let credential = Credential(format!("AccessKey {}", self.key()).parse().unwrap());
        AdminServiceClient::with_interceptor(self.router.clone(), credential)
    }

    /// Returns the events, with a key of the exchange's own resource.
    pub(crate) fn events(&self) -> EventsServiceClient<Intercepted> {
        let credential = Credential(format!("AccessKey {}", self.key()).parse().unwrap());
        EventsServiceClient::with_interceptor(self.router.clone(), credential)
    }

    /// Returns presence with a token, whichever scopes it has.
    pub(crate) fn presence_by(&self, credential: &str) -> PresenceServiceClient<Intercepted> {
        let credential = Credential(credential.parse().unwrap());
        PresenceServiceClient::with_interceptor(self.router.clone(), credential)
    }

    /// Returns presence in the name of a user.
    pub(crate) async fn presence(&self, user: &str) -> PresenceServiceClient<Intercepted> {
        let token = self.token(user, &[Scope::Voip]).await;
        self.presence_by(&format!("Bearer {token}"))
    }

    pub(crate) fn rooms(&self, key: &str) -> RoomsServiceClient<Intercepted> {
        let credential = Credential(format!("AccessKey {key}").parse().unwrap());
        RoomsServiceClient::with_interceptor(self.router.clone(), credential)
    }
}

/// Returns what the trailer `trunkline-error` of a refusal says.
pub(crate) fn name(status: &Status) -> &str {
    status.metadata().get("trunkline-error").map_or("", |name| name.to_str().unwrap())
}
