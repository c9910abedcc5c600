//! The node: what façades hold on to, and the owner of every task.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard, mpsc};
use tokio_util::sync::CancellationToken;
use trunkline_call::Signal;
use trunkline_clock::Timestamp;
use trunkline_ids::{CommunicationIdentifier, EndpointId, ResourceId};
use trunkline_policy::FederationConfig;
use trunkline_signaling::session::TransportId;
use trunkline_storage::{Store, StoreError};
use trunkline_transport::{MediaPlane, PlaneConfig, StartError};

use crate::admin::{Admin, AdminKeyError};
use crate::base::Base;
use crate::calls::Calls;
use crate::chat::{Chat, ChatConfig, Feed, Parts, Threads};
use crate::clock::SystemClock;
use crate::directory::{Directory, PolicyRef};
use crate::handshake;
use crate::health::LastProbe;
use crate::identity::{Identity, IdentityConfig, IdentityError, IdentityStartError, Started};
use crate::link::{self, OpenTransportError, Transport, TransportOrigin};
use crate::media;
use crate::meetings::{self, MeetingsConfig};
use crate::presence::Board;
use crate::push_endpoints::PushEndpoints;
use crate::registry::{EndpointSender, Registry};
use crate::relay::{Relay, RelayConfig};
use crate::repeatability::Repeatability;
use crate::resources::Resources;
use crate::room_calls::RoomCalls;
use crate::rooms::Rooms;
use crate::rosters;
use crate::token::Validities;

/// What a node is made from.
pub struct NodeConfig {
    /// What is kept. The node closes it when it stops.
    pub store: Arc<dyn Store>,
    /// Users, keys and tokens.
    pub identity: IdentityConfig,
    /// Whether app users and directory users reach each other, for a tenant that is new.
    pub federation: FederationConfig,
    /// The media plane.
    pub plane: PlaneConfig,
    /// The largest number of participants in a call.
    pub participant_limit: usize,
    /// How chat behaves.
    pub chat: ChatConfig,
    /// How meetings behave.
    pub meetings: MeetingsConfig,
    /// How events leave.
    pub relay: RelayConfig,
}

impl fmt::Debug for NodeConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeConfig")
            .field("identity", &self.identity)
            .field("chat", &self.chat)
            .finish_non_exhaustive()
    }
}

/// Why a node did not start.
#[derive(Debug, thiserror::Error)]
pub enum NodeStartError {
    /// Identity did not start.
    #[error("identity")]
    Identity(#[from] IdentityStartError),
    /// The media plane did not start.
    #[error("the media plane")]
    Media(#[from] StartError),
    /// The store cannot be read.
    #[error("the store")]
    Store(#[from] StoreError),
}

/// How much of everything a node holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NodeStatus {
    /// Calls, those included that are over and can still be read.
    pub calls: usize,
    /// Endpoints that ring.
    pub endpoints: usize,
    /// Peer connections.
    pub legs: usize,
    /// Signaling sessions, those included that may yet be resumed.
    pub sessions: usize,
    /// Subscriptions to chat.
    pub subscriptions: usize,
    /// Chat threads in use.
    pub threads: usize,
    /// Tasks; some of them are there for as long as the node runs.
    pub tasks: usize,
}

/// A running node. Clones are handles to the same one.
#[derive(Clone)]
pub struct Node {
    inner: Arc<Inner>,
}

struct Inner {
    base: Base,
    identity: Identity,
    resources: Arc<Resources>,
    directory: Arc<Directory>,
    feed: Arc<Feed>,
    threads: Arc<Threads>,
    chat: Chat,
    rooms: Rooms,
    meetings: meetings::Tables,
    room_calls: Arc<RoomCalls>,
    relay: Relay,
    push_endpoints: PushEndpoints,
    repeatability: Repeatability,
    /// Held by whoever changes what administrators set.
    admin_turn: Mutex<()>,
    participant_limit: usize,
    plane: MediaPlane,
    registry: Registry,
    validities: Arc<Validities>,
    calls: Calls,
    board: Board,
    next_transport: AtomicU64,
    open_transports: AtomicUsize,
    last_probe: LastProbe,
    stopped: CancellationToken,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").finish_non_exhaustive()
    }
}

impl Node {
    /// Starts a node: reads what the store has, starts the media shards and the tasks that go on by
    /// themselves.
    pub async fn start(config: NodeConfig) -> Result<Self, NodeStartError> {
        let NodeConfig {
            store,
            identity,
            federation,
            plane,
            participant_limit,
            chat,
            meetings,
            relay,
        } = config;
        let base = Base::new(SystemClock::start(), store);
        let started =
            Identity::start(Arc::clone(&base.store), identity, federation, base.wall()).await?;
        let Started { identity, resources, directory } = started;
        let feed = Arc::new(Feed::new(base.store.feed_bounds().await?.head));
        let threads = Arc::new(Threads::default());
        let meetings = meetings::Tables::start(meetings, &*base.store).await?;
        let (plane, media_events) = MediaPlane::start(plane)?;
        let (movements, moved) = mpsc::unbounded_channel();
        let chat = Chat::start(Parts {
            base: base.clone(),
            config: chat,
            directory: Arc::clone(&directory),
            feed: Arc::clone(&feed),
            generations: Arc::clone(identity.generations()),
            movements,
            repeatability: Repeatability::new(base.clone()),
            threads: Arc::clone(&threads),
        });
        let relay = Relay::start(base.clone(), Arc::clone(&feed), relay, identity.resource());
        let board = Board::start(&*base.store, base.clock.now()).await?;
        let room_calls = Arc::new(RoomCalls::default());
        let node = Self {
            inner: Arc::new(Inner {
                relay,
                identity,
                resources,
                directory,
                feed,
                threads,
                chat,
                rooms: Rooms::new(base.clone(), Arc::clone(&room_calls)),
                meetings,
                room_calls,
                push_endpoints: PushEndpoints::start(base.clone()),
                repeatability: Repeatability::new(base.clone()),
                base,
                admin_turn: Mutex::new(()),
                participant_limit,
                plane,
                registry: Registry::default(),
                validities: Arc::default(),
                calls: Calls::default(),
                board,
                next_transport: AtomicU64::new(1),
                open_transports: AtomicUsize::new(0),
                last_probe: LastProbe::default(),
                stopped: CancellationToken::new(),
            }),
        };
        node.spawn(media::route_events(node.clone(), media_events));
        node.spawn(rosters::follow(node.clone(), moved));
        Ok(node)
    }

    /// Returns what administrators use.
    pub fn admin(&self) -> Admin {
        Admin::new(self.clone())
    }

    /// Returns what administrators use, to whoever has an access key of the exchange's own resource.
    pub fn admin_with_key(&self, access_key: &str) -> Result<Admin, AdminKeyError> {
        let resource = self.resources().find_by_key_text(access_key);
        match resource.ok_or(AdminKeyError::Unknown)? == *self.identity().resource() {
            true => Ok(self.admin()),
            false => Err(AdminKeyError::OtherResource),
        }
    }

    /// Returns chat.
    pub fn chat(&self) -> &Chat {
        &self.inner.chat
    }

    /// Returns the app resources and their keys.
    pub fn resources(&self) -> &Resources {
        &self.inner.resources
    }

    /// Returns what sends events to those who subscribed from outside.
    pub fn relay(&self) -> &Relay {
        &self.inner.relay
    }

    /// Returns what is remembered of the clients that are pushed events.
    pub fn push_endpoints(&self) -> &PushEndpoints {
        &self.inner.push_endpoints
    }

    /// Returns the rooms.
    pub fn rooms(&self) -> &Rooms {
        &self.inner.rooms
    }

    /// Returns what keeps the answers of requests that may come again.
    pub fn repeatability(&self) -> &Repeatability {
        &self.inner.repeatability
    }

    /// Returns the users and their tokens.
    pub fn identity(&self) -> &Identity {
        &self.inner.identity
    }

    /// Returns the clock that this node tells its cores.
    pub fn clock(&self) -> SystemClock {
        self.inner.base.clock
    }

    /// Returns whether new sessions and calls are taken.
    pub fn is_accepting(&self) -> bool {
        !self.inner.base.stopping.is_cancelled()
    }

    /// Opens a transport on which a client is about to say Hello.
    pub fn open_transport(&self, origin: TransportOrigin) -> Result<Transport, OpenTransportError> {
        if !self.is_accepting() {
            return Err(OpenTransportError::ShuttingDown);
        }
        let open = self.inner.open_transports.fetch_add(1, Ordering::Relaxed);
        let guard = OpenTransportGuard(self.clone());
        if open >= TRANSPORT_LIMIT {
            return Err(OpenTransportError::Overloaded { limit: TRANSPORT_LIMIT });
        }
        let id = TransportId(self.inner.next_transport.fetch_add(1, Ordering::Relaxed));
        tracing::debug!(transport = id.0, carrier = origin.carrier, peer = ?origin.peer_addr, "opened");
        let (transport, link) = link::pair(id);
        let node = self.clone();
        self.spawn(async move {
            let _open = guard;
            handshake::run(node, link).await;
        });
        Ok(transport)
    }

    /// Invalidates all tokens of a user whom [`Identity::find_user`] finds in a resource, and ends
    /// the user's sessions and subscriptions.
    pub async fn revoke_tokens(
        &self,
        resource: &ResourceId,
        user: &str,
    ) -> Result<(), IdentityError> {
        let user = self.inner.identity.find_user(resource, user).await?;
        let user = user.ok_or(IdentityError::UnknownUser)?.identifier;
        let node = self.clone();
        let work = async move {
            let outcome = node.inner.identity.revoke_tokens(&user).await;
            node.end_sessions(&user);
            outcome.map_err(IdentityError::from)
        };
        self.inner.base.complete(work).await
    }

    /// Deletes an app user of a resource: its tokens are invalid, its sessions and subscriptions
    /// end, and it gets no new ones. Threads keep what it said.
    pub async fn delete_user(
        &self,
        resource: &ResourceId,
        user: &str,
    ) -> Result<(), IdentityError> {
        let user = self.inner.identity.find_user(resource, user).await?;
        let Some(CommunicationIdentifier::CommunicationUser(app_user)) =
            user.map(|user| user.identifier)
        else {
            return Err(IdentityError::UnknownUser);
        };
        let node = self.clone();
        let work = async move {
            let outcome = node.inner.identity.delete_user(&app_user).await;
            node.end_sessions(&CommunicationIdentifier::CommunicationUser(app_user));
            match outcome? {
                true => Ok(()),
                false => Err(IdentityError::UnknownUser),
            }
        };
        self.inner.base.complete(work).await
    }

    /// Stops: no new sessions, calls or commands, every session closed with 1001, every task done,
    /// the store closed; within ten seconds.
    pub async fn shutdown(&self) {
        let Base { stopping, tasks, store, .. } = &self.inner.base;
        stopping.cancel();
        tasks.close();
        if tokio::time::timeout(SHUTDOWN_LIMIT, tasks.wait()).await.is_err() {
            tracing::warn!(tasks = tasks.len(), "tasks did not end in time");
        }
        self.inner.stopped.cancel();
        self.inner.plane.shutdown().await;
        store.close().await;
    }

    /// Returns what the node holds, for operators and for checks that nothing leaks.
    pub fn status(&self) -> NodeStatus {
        let (endpoints, sessions) = self.inner.registry.counts();
        let (calls, legs) = self.inner.calls.counts();
        NodeStatus {
            calls,
            endpoints,
            legs,
            sessions,
            subscriptions: self.inner.feed.subscriptions(),
            threads: self.inner.threads.len(),
            tasks: self.inner.base.tasks.len(),
        }
    }

    pub(crate) fn calls(&self) -> &Calls {
        &self.inner.calls
    }

    pub(crate) fn board(&self) -> &Board {
        &self.inner.board
    }

    pub(crate) fn base(&self) -> &Base {
        &self.inner.base
    }

    pub(crate) fn directory(&self) -> &Directory {
        &self.inner.directory
    }

    pub(crate) fn policy(&self) -> PolicyRef<'_> {
        self.inner.directory.policy()
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.inner.base.store
    }

    /// Waits for the turn to change what administrators set.
    pub(crate) async fn admin_turn(&self) -> MutexGuard<'_, ()> {
        self.inner.admin_turn.lock().await
    }

    /// Ends the sessions, streams and subscriptions of a user whose tokens are revoked.
    pub(crate) fn end_sessions(&self, user: &CommunicationIdentifier) {
        self.inner.validities.revoke(user);
        self.inner.feed.revoke(user);
        self.inner.board.revoke(user);
    }

    pub(crate) fn participant_limit(&self) -> usize {
        self.inner.participant_limit
    }

    pub(crate) fn room_calls(&self) -> &RoomCalls {
        &self.inner.room_calls
    }

    pub(crate) fn meeting_tables(&self) -> &meetings::Tables {
        &self.inner.meetings
    }

    pub(crate) fn plane(&self) -> &MediaPlane {
        &self.inner.plane
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.inner.registry
    }

    pub(crate) fn validities(&self) -> &Arc<Validities> {
        &self.inner.validities
    }

    /// Draws 16 random bytes for an id.
    pub(crate) fn random_id(&self) -> [u8; 16] {
        *uuid::Uuid::new_v4().as_bytes()
    }

    /// Makes an endpoint ring for its user, for calls to come and for those already ringing.
    pub(crate) async fn register_endpoint(
        &self,
        user: &CommunicationIdentifier,
        sender: EndpointSender,
    ) {
        let endpoint = sender.id().clone();
        self.inner.registry.add_endpoint(user, sender);
        for call in self.inner.calls.of_user(user) {
            let (identifier, endpoint) = (user.clone(), endpoint.clone());
            call.signal(Signal::EndpointRegistered { identifier, endpoint }).await;
        }
    }

    /// Takes an endpoint away for good.
    pub(crate) async fn unregister_endpoint(
        &self,
        user: &CommunicationIdentifier,
        id: &EndpointId,
    ) {
        self.inner.registry.remove_endpoint(user, id);
        for call in self.inner.calls.of_user(user) {
            call.signal(Signal::EndpointGone { endpoint: id.clone() }).await;
        }
    }

    /// Runs a task that shutdown waits for.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.inner.base.tasks.spawn(task);
    }

    pub(crate) fn last_probe(&self) -> &LastProbe {
        &self.inner.last_probe
    }

    /// Completes when the node is to stop.
    pub(crate) async fn shutting_down(&self) {
        self.inner.base.stopping.cancelled().await;
    }

    /// Returns the time by the wall clock.
    pub(crate) fn wall(&self) -> Timestamp {
        self.inner.base.wall()
    }
}

/// Counts one open transport for as long as its session task runs.
struct OpenTransportGuard(Node);

impl Drop for OpenTransportGuard {
    fn drop(&mut self) {
        self.0.inner.open_transports.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Sockets of clients, with and without a session. Each costs some 30 KiB, so the limit is 600 MB.
const TRANSPORT_LIMIT: usize = 20_000;

/// Sessions end at once; what takes longer is a client that does not read its close frame.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(10);
