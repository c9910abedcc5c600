//! A node with users who chat.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::timeout;
use trunkline_chat::{ChatEventKind, CreateThread, MessageId, NewContent, NewMember};
use trunkline_events::signature::SigningKey;
use trunkline_events::{Guard, Loopback, OutboundConfig};
use trunkline_ids::{CommunicationIdentifier, ResourceId, TenantId, ThreadId};
use trunkline_node::{
    Chat, ChatActor, ChatConfig, ChatFailure, ChatSubscription, DirectoryEntry, FeedItem, Identity,
    IdentityConfig, MeetingsConfig, Node, NodeConfig, RelayConfig, SendMessage, SubscribeEvents,
    TokenRequest,
};
use trunkline_policy::{FederationConfig, Scope};
use trunkline_storage::Store;
use trunkline_transport::PlaneConfig;

use crate::held_store::{self, Faults};

pub(crate) struct Scene {
    pub(crate) node: Node,
    pub(crate) faults: Arc<Faults>,
    pub(crate) store: Arc<dyn Store>,
    configured: Configured,
    grace: Duration,
    signing_key: Vec<u8>,
    place: TempDir,
}

/// What the configuration says of receivers of events.
pub(crate) type Configured = Vec<(SubscribeEvents, SigningKey)>;

impl Scene {
    pub(crate) async fn start() -> Self {
        Self::configured(Configured::new()).await
    }

    pub(crate) async fn configured(configured: Configured) -> Self {
        Self::made(configured, Duration::ZERO).await
    }

    /// Starts with time for receivers before anything is given up.
    pub(crate) async fn with_grace(grace: Duration) -> Self {
        Self::made(Configured::new(), grace).await
    }

    async fn made(configured: Configured, grace: Duration) -> Self {
        let place = tempfile::tempdir().unwrap();
        let signing_key = Identity::generate_signing_key().unwrap();
        let federation = FederationConfig::default();
        let (node, store, faults) =
            start(&place, &signing_key, federation, &configured, grace).await;
        Self { node, faults, store, configured, grace, signing_key, place }
    }

    /// Stops the node and starts another one on what it kept.
    pub(crate) async fn restart(self) -> Self {
        self.node.shutdown().await;
        assert_eq!(self.node.status().tasks, 0, "tasks outlive the shutdown");
        let Self { configured, grace, signing_key, place, node, store, .. } = self;
        // Whoever holds the store holds its files.
        drop((node, store));
        // What the configuration says of federation is for a new tenant only.
        let federation = FederationConfig { enable_acs_users: true, ..Default::default() };
        let (node, store, faults) =
            start(&place, &signing_key, federation, &configured, grace).await;
        Self { node, faults, store, configured, grace, signing_key, place }
    }

    pub(crate) async fn stop(self) {
        self.node.shutdown().await;
        assert_eq!(self.node.status().tasks, 0, "tasks outlive the shutdown");
    }

    pub(crate) fn chat(&self) -> &Chat {
        self.node.chat()
    }

    pub(crate) fn resource(&self) -> ResourceId {
        self.node.identity().resource().clone()
    }

    pub(crate) fn tenant(&self) -> TenantId {
        self.node.identity().tenant().clone()
    }

    /// A new app user of the first resource.
    pub(crate) async fn user(&self) -> ChatActor {
        self.user_of(&self.resource()).await
    }

    pub(crate) async fn user_of(&self, resource: &ResourceId) -> ChatActor {
        let now = self.node.clock().wall();
        let user = self.node.identity().create_user(resource, now).await.unwrap();
        self.actor(resource, &user.identifier.to_string()).await
    }

    /// A directory user.
    pub(crate) async fn colleague(&self, alias: &str) -> ChatActor {
        self.actor(&self.resource(), alias).await
    }

    async fn actor(&self, resource: &ResourceId, user: &str) -> ChatActor {
        let (identity, now) = (self.node.identity(), self.node.clock().wall());
        let request = TokenRequest { scopes: &BTreeSet::from([Scope::Chat]), life: None };
        let issued = identity.issue_token(resource, user, request, now).await;
        let claims = identity.verify(&issued.unwrap().1.token, now).await.unwrap();
        ChatActor::from(&claims)
    }

    /// A thread with `creator` and `others` in it.
    pub(crate) async fn thread(&self, creator: &ChatActor, others: &[&ChatActor]) -> ThreadId {
        let created = self.create(creator, others).await.unwrap();
        assert_eq!(created.invalid, []);
        created.thread.id
    }

    pub(crate) async fn create(
        &self,
        creator: &ChatActor,
        others: &[&ChatActor],
    ) -> Result<trunkline_node::CreatedThread, ChatFailure> {
        let request = CreateThread {
            topic: "lunch".to_owned(),
            members: others.iter().map(|other| NewMember::new(other.identifier.clone())).collect(),
            ..CreateThread::default()
        };
        self.chat().create_thread(creator, request, None).await
    }

    pub(crate) async fn say(
        &self,
        actor: &ChatActor,
        thread: &ThreadId,
        text: &str,
    ) -> Result<MessageId, ChatFailure> {
        self.chat().send_message(actor, thread, text_message(text)).await
    }
}

pub(crate) fn text_message(text: &str) -> SendMessage {
    SendMessage::new(NewContent::Text(text.to_owned()))
}

async fn start(
    place: &TempDir,
    signing_key: &[u8],
    federation: FederationConfig,
    configured: &[(SubscribeEvents, SigningKey)],
    start_grace: Duration,
) -> (Node, Arc<dyn Store>, Arc<Faults>) {
    let directory =
        ["alice", "bob", "carol"].iter().enumerate().map(|(index, alias)| DirectoryEntry {
            alias: (*alias).to_owned(),
            object_id: format!("00000000-0000-4000-8000-00000000000{index}"),
            display_name: alias.parse().unwrap(),
            licenses: BTreeSet::new(),
        });
    let faults = Arc::<Faults>::default();
    let store = held_store::open(place.path(), Arc::clone(&faults));
    let config = NodeConfig {
        store: Arc::clone(&store),
        identity: IdentityConfig {
            resource: "5f9c1a52-0001-4a6b-8c1d-000000000001".parse().unwrap(),
            access_keys: ["k".repeat(40), "l".repeat(40)],
            tenant: "5f9c1a52-0001-4a6b-8c1d-000000000002".parse().unwrap(),
            tenant_name: "contoso".parse().unwrap(),
            directory: directory.collect(),
            signing_key: signing_key.to_vec(),
            issuers: Vec::new(),
            has_dev_issuer: true,
        },
        federation,
        plane: PlaneConfig { shards: 1, ..PlaneConfig::new(IpAddr::V4(Ipv4Addr::LOCALHOST)) },
        participant_limit: 350,
        chat: ChatConfig::default(),
        // Receivers run on this machine.
        meetings: MeetingsConfig::default(),
        relay: RelayConfig {
            outbound: OutboundConfig {
                guard: Guard::new(Loopback::Allowed),
                ..OutboundConfig::default()
            },
            start_grace,
            subscriptions: configured.to_vec(),
            ..RelayConfig::default()
        },
    };
    (Node::start(config).await.unwrap(), store, faults)
}

/// Reads until `count` messages were told, and checks that the feed only goes forward.
pub(crate) async fn texts(subscription: &mut ChatSubscription, count: usize) -> Vec<String> {
    let mut texts = Vec::new();
    while texts.len() < count {
        let item = next(subscription).await;
        if let ChatEventKind::MessageReceived(message) = &item.event.kind {
            texts.push(text(message));
        }
    }
    texts
}

/// Takes the next item, which comes soon.
pub(crate) async fn next(subscription: &mut ChatSubscription) -> FeedItem {
    let before = subscription.cursor();
    let item = timeout(Duration::from_secs(20), subscription.next()).await;
    let item = item.expect("nothing was told for twenty seconds").unwrap();
    assert!(item.seq.is_none_or(|seq| seq > before), "{:?} after {before}", item.seq);
    item
}

pub(crate) fn text(message: &trunkline_chat::Message) -> String {
    match &message.content {
        trunkline_chat::MessageContent::Text(text) => text.clone(),
        other => panic!("{other:?} is not text"),
    }
}

pub(crate) fn identifier(actor: &ChatActor) -> CommunicationIdentifier {
    actor.identifier.clone()
}
