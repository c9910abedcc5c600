//! The node: what façades hold on to, and the owner of every task.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use trunkline_call::Signal;
use trunkline_clock::Timestamp;
use trunkline_ids::{CommunicationIdentifier, EndpointId};
use trunkline_policy::{FederationConfig, Policy};
use trunkline_signaling::session::TransportId;
use trunkline_transport::{MediaPlane, PlaneConfig, StartError};

use crate::calls::Calls;
use crate::clock::SystemClock;
use crate::handshake;
use crate::identity::{Identity, IdentityConfig, IdentityError, IdentityStartError};
use crate::link::{self, OpenTransportError, Transport, TransportOrigin};
use crate::media;
use crate::registry::{EndpointSender, Registry};

/// What a node is made from.
#[derive(Debug)]
pub struct NodeConfig {
    /// Users, keys and tokens.
    pub identity: IdentityConfig,
    /// Whether app users and directory users reach each other.
    pub federation: FederationConfig,
    /// The media plane.
    pub plane: PlaneConfig,
    /// The largest number of participants in a call.
    pub participant_limit: usize,
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
    /// Tasks; one of them routes the media plane's events.
    pub tasks: usize,
}

/// A running node. Clones are handles to the same one.
#[derive(Clone)]
pub struct Node {
    inner: Arc<Inner>,
}

struct Inner {
    clock: SystemClock,
    identity: Identity,
    policy: Policy,
    participant_limit: usize,
    plane: MediaPlane,
    registry: Registry,
    calls: Calls,
    next_transport: AtomicU64,
    open_transports: AtomicUsize,
    stopping: CancellationToken,
    stopped: CancellationToken,
    tasks: TaskTracker,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").finish_non_exhaustive()
    }
}

impl Node {
    /// Starts a node: the media shards and the task that routes their events.
    ///
    /// # Panics
    /// When called outside a tokio runtime.
    pub fn start(config: NodeConfig) -> Result<Self, NodeStartError> {
        let clock = SystemClock::start();
        let identity = Identity::start(config.identity, clock.wall())?;
        let policy = identity.policy(config.federation);
        let (plane, media_events) = MediaPlane::start(config.plane)?;
        let node = Self {
            inner: Arc::new(Inner {
                clock,
                identity,
                policy,
                participant_limit: config.participant_limit,
                plane,
                registry: Registry::default(),
                calls: Calls::default(),
                next_transport: AtomicU64::new(1),
                open_transports: AtomicUsize::new(0),
                stopping: CancellationToken::new(),
                stopped: CancellationToken::new(),
                tasks: TaskTracker::new(),
            }),
        };
        node.spawn(media::route_events(node.clone(), media_events));
        Ok(node)
    }

    /// Returns the users and their tokens.
    pub fn identity(&self) -> &Identity {
        &self.inner.identity
    }

    /// Returns the clock that this node tells its cores.
    pub fn clock(&self) -> SystemClock {
        self.inner.clock
    }

    /// Returns whether new sessions and calls are taken.
    pub fn is_accepting(&self) -> bool {
        !self.inner.stopping.is_cancelled()
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

    /// Invalidates all of a user's tokens and closes the user's sessions.
    pub fn revoke_tokens(&self, user: &str) -> Result<(), IdentityError> {
        let user = self.inner.identity.revoke_tokens(user)?;
        self.inner.registry.revoke(&user.identifier);
        Ok(())
    }

    /// Stops: no new sessions or calls, every session closed with 1001, every task done; within
    /// ten seconds.
    pub async fn shutdown(&self) {
        self.inner.stopping.cancel();
        self.inner.tasks.close();
        if tokio::time::timeout(SHUTDOWN_LIMIT, self.inner.tasks.wait()).await.is_err() {
            tracing::warn!(tasks = self.inner.tasks.len(), "tasks did not end in time");
        }
        self.inner.stopped.cancel();
        self.inner.plane.shutdown().await;
    }

    /// Returns what the node holds, for operators and for checks that nothing leaks.
    pub fn status(&self) -> NodeStatus {
        let (endpoints, sessions) = self.inner.registry.counts();
        let (calls, legs) = self.inner.calls.counts();
        NodeStatus { calls, endpoints, legs, sessions, tasks: self.inner.tasks.len() }
    }

    pub(crate) fn calls(&self) -> &Calls {
        &self.inner.calls
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.inner.policy
    }

    pub(crate) fn participant_limit(&self) -> usize {
        self.inner.participant_limit
    }

    pub(crate) fn plane(&self) -> &MediaPlane {
        &self.inner.plane
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.inner.registry
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
        self.inner.tasks.spawn(task);
    }

    /// Completes when the node is to stop.
    pub(crate) async fn shutting_down(&self) {
        self.inner.stopping.cancelled().await;
    }

    /// Returns the time by the wall clock.
    pub(crate) fn wall(&self) -> Timestamp {
        self.inner.clock.wall()
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
