//! The endpoints of this exchange: found by name, made by allocation, bounded per user.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::extract::ws::WebSocket;
use thiserror::Error;
use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use trunkline_ids::CommunicationIdentifier;

use crate::{
    RealtimeConfig,
    encoder::Encoder,
    endpoint::{ConnectionId, Endpoint, Start},
    exchange::{Access, Exchange, Refusal, Token},
    negotiate::{ConnectKey, EndpointName, Epid, SessionKey},
    push::Recipient,
    registrations::{EndpointKey, Registration, Registrations},
    task::{Beginning, Command, EndpointTask},
};

/// What requests and endpoints share.
pub(crate) struct Shared {
    pub(crate) config: RealtimeConfig,
    pub(crate) exchange: Arc<dyn Exchange>,
    pub(crate) registrations: Arc<dyn Registrations>,
    pub(crate) key: ConnectKey,
    pub(crate) encoder: Encoder,
    pub(crate) tasks: TaskTracker,
    pub(crate) stopping: CancellationToken,
    endpoints: Mutex<Endpoints>,
    last_connection: AtomicU64,
}

#[derive(Default)]
struct Endpoints {
    by_name: HashMap<EndpointName, Arc<Handle>>,
    /// Those of each user, the oldest first.
    by_user: HashMap<CommunicationIdentifier, Vec<EndpointName>>,
}

/// Reaches the task of an endpoint.
pub(crate) struct Handle {
    key: EndpointKey,
    name: EndpointName,
    commands: mpsc::Sender<Command>,
    is_connected: AtomicBool,
    /// The sessions that the handshakes gave out, until when they are good.
    sessions: Mutex<Vec<(SessionKey, Instant)>>,
}

/// Why there is no endpoint.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub(crate) enum AllocateError {
    /// The exchange holds as many as it may.
    #[error("the exchange holds {limit} endpoints, its limit")]
    Overloaded {
        /// The limit.
        limit: usize,
    },
    /// The exchange behind refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The user has as many as one may, and all of them are connected.
    #[error("the user has {limit} connected endpoints, the limit")]
    TooMany {
        /// The limit.
        limit: usize,
    },
}

impl Shared {
    pub(crate) fn new(
        config: RealtimeConfig,
        exchange: Arc<dyn Exchange>,
        registrations: Arc<dyn Registrations>,
    ) -> Self {
        Self {
            key: ConnectKey::new(&config.secret),
            config,
            exchange,
            registrations,
            encoder: Encoder::new(),
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
            endpoints: Mutex::default(),
            last_connection: AtomicU64::new(0),
        }
    }

    /// Finds or makes the endpoint of a user.
    pub(crate) async fn allocate(
        self: &Arc<Self>,
        access: &Access,
        token: &Token,
        epid: Epid,
    ) -> Result<EndpointName, AllocateError> {
        let key = EndpointKey { user: access.user.clone(), epid };
        let name = self.key.name(&key.user, &key.epid);
        if self.grant(&name, access, token).await {
            return Ok(name);
        }
        let now = self.exchange.now();
        let registration = self.registrations.find(&key).await?;
        let start = registration.map_or(Start::Fresh, |kept| kept.start(now.wall));
        let position = match start {
            Start::Fresh | Start::Lost => {
                self.exchange.subscribe(token.clone(), None).await?.position
            }
            Start::Resumed(position) => position,
        };
        let registration = Registration { position, seen_on: now.wall };
        self.registrations.keep(&key, registration);
        let (sender, commands) = mpsc::channel(COMMANDS);
        let handle = Arc::new(Handle {
            name: name.clone(),
            commands: sender,
            is_connected: AtomicBool::new(false),
            sessions: Mutex::default(),
            key,
        });
        // Another request may have made the endpoint meanwhile: then this one's is dropped.
        if self.insert(&handle)? {
            let recipient = Recipient::new(&name.path(), &access.user);
            let beginning = Beginning {
                endpoint: Endpoint::new(now, recipient, self.config.outbox, start),
                handle,
                commands,
                registration,
                token: token.clone(),
            };
            tracing::debug!(endpoint = %name, ?start, "an endpoint begins");
            self.tasks.spawn(EndpointTask::new(Arc::clone(self), beginning).run());
        }
        self.grant(&name, access, token).await;
        Ok(name)
    }

    /// Tells an endpoint that the client showed a token; returns whether there is one.
    pub(crate) async fn grant(&self, name: &EndpointName, access: &Access, token: &Token) -> bool {
        let grant = || Command::Grant { access: access.clone(), token: token.clone() };
        match self.find(name) {
            Some(handle) => handle.command(grant()).await,
            None => false,
        }
    }

    /// Ends an endpoint, and returns when it is over: one that is allocated next is another.
    pub(crate) async fn unregister(&self, name: &EndpointName) {
        if let Some(handle) = self.find(name) {
            handle.command(Command::Unregister).await;
            // One that takes longer ends all the same.
            let _ = timeout(COMMAND_DEADLINE, handle.commands.closed()).await;
        }
    }

    pub(crate) fn find(&self, name: &EndpointName) -> Option<Arc<Handle>> {
        self.endpoints().by_name.get(name).cloned()
    }

    /// Removes an endpoint whose task is over, unless another has its name already.
    pub(crate) fn remove(&self, handle: &Arc<Handle>) {
        let mut endpoints = self.endpoints();
        let is_it =
            endpoints.by_name.get(&handle.name).is_some_and(|found| Arc::ptr_eq(found, handle));
        if is_it {
            endpoints.remove(handle);
        }
    }

    pub(crate) fn next_connection(&self) -> ConnectionId {
        ConnectionId(self.last_connection.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Returns how many endpoints there are.
    pub(crate) fn count(&self) -> usize {
        self.endpoints().by_name.len()
    }

    /// Puts an endpoint in; returns whether it was missing.
    fn insert(&self, handle: &Arc<Handle>) -> Result<bool, AllocateError> {
        let mut endpoints = self.endpoints();
        if let Some(found) = endpoints.by_name.get(&handle.name).cloned() {
            if !found.commands.is_closed() {
                return Ok(false);
            }
            endpoints.remove(&found);
        }
        let limit = self.config.endpoints;
        if endpoints.by_name.len() >= limit {
            return Err(AllocateError::Overloaded { limit });
        }
        endpoints.make_room(&handle.key.user, self.config.endpoints_per_user)?;
        endpoints.by_user.entry(handle.key.user.clone()).or_default().push(handle.name.clone());
        endpoints.by_name.insert(handle.name.clone(), Arc::clone(handle));
        Ok(true)
    }

    fn endpoints(&self) -> MutexGuard<'_, Endpoints> {
        // A thread that panicked left the maps whole.
        self.endpoints.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("endpoints", &self.count()).finish_non_exhaustive()
    }
}

impl Endpoints {
    /// Makes the oldest endpoint of a user go that has no socket: a page that was closed says
    /// nothing, so its endpoint is there until its window is over.
    fn make_room(
        &mut self,
        user: &CommunicationIdentifier,
        limit: usize,
    ) -> Result<(), AllocateError> {
        let Some(names) = self.by_user.get(user).filter(|names| names.len() >= limit) else {
            return Ok(());
        };
        let idle = names
            .iter()
            .filter_map(|name| self.by_name.get(name))
            .find(|handle| !handle.is_connected.load(Ordering::Relaxed))
            .cloned()
            .ok_or(AllocateError::TooMany { limit })?;
        // A full channel means that the endpoint is in use after all; it ends a little later.
        let _ = idle.commands.try_send(Command::Unregister);
        self.remove(&idle);
        Ok(())
    }

    fn remove(&mut self, handle: &Handle) {
        self.by_name.remove(&handle.name);
        if let Some(names) = self.by_user.get_mut(&handle.key.user) {
            names.retain(|name| *name != handle.name);
            if names.is_empty() {
                self.by_user.remove(&handle.key.user);
            }
        }
    }
}

impl Handle {
    /// Gives out a session, good for one socket within a short time.
    pub(crate) fn open_session(&self, session: SessionKey) {
        let mut sessions = self.sessions();
        let now = Instant::now();
        sessions.retain(|(_, until)| now < *until);
        if sessions.len() >= SESSIONS {
            sessions.remove(0);
        }
        sessions.push((session, now + SESSION_LIFE));
    }

    /// Takes a session back; returns whether it was good.
    pub(crate) fn redeem_session(&self, session: &SessionKey) -> bool {
        let mut sessions = self.sessions();
        let now = Instant::now();
        let Some(index) = sessions.iter().position(|(known, _)| known == session) else {
            return false;
        };
        let (_, until) = sessions.remove(index);
        now < until
    }

    /// Hands the endpoint its socket; returns whether it is still there.
    pub(crate) async fn attach(&self, socket: WebSocket) -> bool {
        self.command(Command::Attach(Box::new(socket))).await
    }

    pub(crate) fn set_connected(&self, is_connected: bool) {
        self.is_connected.store(is_connected, Ordering::Relaxed);
    }

    pub(crate) fn key(&self) -> &EndpointKey {
        &self.key
    }

    pub(crate) fn name(&self) -> &EndpointName {
        &self.name
    }

    async fn command(&self, command: Command) -> bool {
        timeout(COMMAND_DEADLINE, self.commands.send(command)).await.is_ok_and(|sent| sent.is_ok())
    }

    fn sessions(&self) -> MutexGuard<'_, Vec<(SessionKey, Instant)>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Commands that wait for an endpoint: one client sends a few per connection.
const COMMANDS: usize = 8;

/// How long a request waits for an endpoint's task, which never waits for the network itself.
const COMMAND_DEADLINE: Duration = Duration::from_secs(5);

/// Sessions of an endpoint that wait for their socket. A client needs one; the others are those whose
/// socket never came.
const SESSIONS: usize = 4;

/// How long a session waits for its socket: the client gives up after twenty seconds.
const SESSION_LIFE: Duration = Duration::from_secs(30);
