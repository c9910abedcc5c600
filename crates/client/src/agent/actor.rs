//! The task of one agent: owns the session machine, the transport, and the calls' bookkeeping.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError},
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};
use trunkline_ids::CallId;
use trunkline_proto::signaling::v1::{Welcome, command::Kind, server_frame};
use trunkline_signaling::{
    close::CloseCode,
    session::{
        ClientOutput, ClientSession, ClientSessionEnd, Credentials, SessionConfig, TransportId,
    },
};

use super::{
    AgentEvent, ConnectionState, SessionEnd,
    link::{AgentShared, Identity, Internal, Request, TaskHalf},
    operations::{Operations, Waiter},
};
use crate::{
    call::{CallKey, CallShared},
    clock::Clock,
    connection::{Backoff, ConnectError, Dial, Link, LinkEvent},
    credential::{TokenCredential, TokenError},
    error::CreateAgentError,
    identity,
    incoming::IncomingShared,
    media::NetworkGate,
};

/// What an agent's task is made from.
pub(super) struct ActorConfig {
    pub(super) dialer: Arc<dyn Dial>,
    pub(super) session: SessionConfig,
    pub(super) credential: TokenCredential,
    pub(super) display_name: String,
    pub(super) user_agent: String,
    pub(super) exchange_is_local: bool,
}

pub(super) struct Actor {
    pub(super) config: ActorConfig,
    pub(super) clock: Clock,
    pub(super) shared: TaskHalf,
    pub(super) session: ClientSession,
    pub(super) gate: NetworkGate,
    pub(super) internal: mpsc::UnboundedSender<Internal>,
    pub(super) calls: HashMap<CallKey, Arc<CallShared>>,
    pub(super) by_id: HashMap<CallId, CallKey>,
    pub(super) incoming: HashMap<CallId, Arc<IncomingShared>>,
    pub(super) operations: Operations,
    /// Commands that wait for their media offer.
    pub(super) preparing: HashMap<CallKey, (Kind, Waiter)>,
    /// What came for calls whose start has not been acknowledged.
    pub(super) unclaimed: Vec<(CallId, server_frame::Body)>,
    internals: mpsc::UnboundedReceiver<Internal>,
    connection: Connection,
    ready: Option<oneshot::Sender<Result<(), CreateAgentError>>>,
    disposing: Vec<oneshot::Sender<()>>,
    dispose_by: Option<Instant>,
    /// The exchange refused the token and another has been asked for since.
    has_retried_token: bool,
}

/// The transport, or how far the next one is.
struct Connection {
    phase: Phase,
    backoff: Backoff,
    next_transport: u64,
    /// A transport that a test has cut: kept open and deaf until the cut is over.
    severed: Option<Link>,
    cut_until: Option<Instant>,
}

enum Phase {
    Dialing(BoxFuture<'static, Result<(String, Link), DialFailure>>),
    Open { id: TransportId, link: Link },
    Waiting { until: Instant },
}

enum DialFailure {
    Connect(ConnectError),
    Token(TokenError),
}

#[expect(clippy::large_enum_variant, reason = "lives on the stack of the one loop")]
enum Wake {
    Dialed(Result<(String, Link), DialFailure>),
    Internal(Internal),
    LastHandleDropped,
    Link(Option<LinkEvent>),
    Request(Option<Request>),
    Timer,
}

impl Actor {
    /// Starts the task of an agent; the receiver says when its first session is open.
    pub(super) fn spawn(
        config: ActorConfig,
    ) -> (Arc<AgentShared>, oneshot::Receiver<Result<(), CreateAgentError>>) {
        let (handles, shared) = AgentShared::new();
        let (internal, internals) = mpsc::unbounded_channel();
        let (ready, opened) = oneshot::channel();
        let actor = Self {
            session: ClientSession::new(config.session.clone()),
            config,
            clock: Clock::start(),
            shared,
            gate: NetworkGate::default(),
            internal,
            calls: HashMap::new(),
            by_id: HashMap::new(),
            incoming: HashMap::new(),
            operations: Operations::default(),
            preparing: HashMap::new(),
            unclaimed: Vec::new(),
            internals,
            connection: Connection {
                phase: Phase::Waiting { until: Instant::now() },
                backoff: Backoff::default(),
                next_transport: 1,
                severed: None,
                cut_until: None,
            },
            ready: Some(ready),
            disposing: Vec::new(),
            dispose_by: None,
            has_retried_token: false,
        };
        tokio::spawn(actor.run());
        (handles, opened)
    }

    async fn run(mut self) {
        let end = loop {
            if let Some(end) = self.drain() {
                break end;
            }
            self.start_dialing();
            let wake = self.wait().await;
            if let Some(end) = self.handle(wake) {
                break end;
            }
        };
        self.finish(end);
    }

    async fn wait(&mut self) -> Wake {
        let deadline = self.deadline();
        let (dial, link) = match &mut self.connection.phase {
            Phase::Dialing(dial) => (Some(dial), None),
            Phase::Open { link, .. } => (None, Some(link)),
            Phase::Waiting { .. } => (None, None),
        };
        let is_disposing = self.dispose_by.is_some();
        tokio::select! {
            request = self.shared.requests.recv() => Wake::Request(request),
            // The actor keeps a sender, so that this never ends.
            Some(internal) = self.internals.recv() => Wake::Internal(internal),
            event = async { match link {
                Some(link) => link.events.recv().await,
                None => std::future::pending().await,
            } } => Wake::Link(event),
            dialed = async { match dial {
                Some(dial) => dial.await,
                None => std::future::pending().await,
            } } => Wake::Dialed(dialed),
            _ = self.shared.alive.changed(), if !is_disposing => Wake::LastHandleDropped,
            () = async { match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            } } => Wake::Timer,
        }
    }

    fn handle(&mut self, wake: Wake) -> Option<SessionEnd> {
        let now = self.clock.now();
        match wake {
            Wake::Dialed(Ok((token, link))) => self.attach(token, link),
            Wake::Dialed(Err(failure)) => return self.dial_failed(failure),
            Wake::Internal(Internal::Token(result)) => self.offer_token(result),
            Wake::Internal(internal) => self.handle_internal(internal),
            Wake::LastHandleDropped => self.dispose(None),
            Wake::Link(Some(LinkEvent::Frame(frame))) => {
                if let Phase::Open { id, .. } = self.connection.phase {
                    self.session.handle_frame(now, id, *frame);
                }
            }
            Wake::Link(Some(LinkEvent::Closed(code))) => {
                if let Phase::Open { id, .. } = self.connection.phase {
                    match code {
                        Some(code) => self.session.handle_close(now, id, code),
                        None => self.session.detach(now, id),
                    }
                    self.lose_transport();
                }
            }
            Wake::Link(None) => self.lose_transport(),
            Wake::Request(Some(Request::Cut { duration })) => self.cut(duration),
            Wake::Request(Some(Request::DropTransport)) => self.lose_transport(),
            Wake::Request(Some(Request::Dispose { done })) => self.dispose(Some(done)),
            Wake::Request(Some(request)) => self.handle_request(request),
            // Every sender is gone, the application's and the calls'.
            Wake::Request(None) => self.dispose(None),
            Wake::Timer => {
                self.session.handle_timeout(now);
                if self.dispose_by.is_some_and(|by| by <= Instant::now()) {
                    return Some(SessionEnd::Disposed);
                }
                self.end_cut();
            }
        }
        None
    }

    /// Carries out what the session machine wants done; returns why it is over for good, if it is.
    fn drain(&mut self) -> Option<SessionEnd> {
        while let Some(output) = self.session.poll_output() {
            match output {
                ClientOutput::Transmit { transport, frame } => {
                    let is_sent = match &self.connection.phase {
                        Phase::Open { id, link } if *id == transport => {
                            link.frames.try_send(frame).is_ok()
                        }
                        Phase::Open { .. } | Phase::Dialing(_) | Phase::Waiting { .. } => true,
                    };
                    if !is_sent {
                        self.lose_transport();
                    }
                }
                ClientOutput::Close { .. } => self.lose_transport(),
                ClientOutput::Deliver(body) => self.deliver(body),
                ClientOutput::Opened(welcome) => self.opened(&welcome),
                ClientOutput::Ended(end) => {
                    if let Some(end) = self.session_ended(end) {
                        return Some(end);
                    }
                }
            }
        }
        None
    }

    fn opened(&mut self, welcome: &Welcome) {
        self.connection.backoff.reset();
        self.has_retried_token = false;
        let identifier = identity::identifier(welcome.identifier.clone());
        let endpoint_id = welcome.endpoint_id.parse().ok();
        if let (Some(identifier), Some(endpoint_id)) = (identifier, endpoint_id) {
            let display_name = welcome.display_name.clone();
            self.lock().identity = Some(Identity { identifier, display_name, endpoint_id });
        }
        self.set_connection(ConnectionState::Connected);
        if let Some(ready) = self.ready.take() {
            // An application that gave up waiting has dropped its handle too.
            let _ = ready.send(Ok(()));
        }
        self.restart_failed_media();
    }

    /// Decides what the end of a session means: for most causes a new one is opened, and only the
    /// calls of the old one are over.
    fn session_ended(&mut self, end: ClientSessionEnd) -> Option<SessionEnd> {
        self.end_all_calls();
        let is_first = self.ready.is_some();
        let final_end = match end {
            ClientSessionEnd::Goodbye => Some(SessionEnd::Disposed),
            ClientSessionEnd::Protocol(violation) => {
                Some(SessionEnd::Protocol(violation.to_string()))
            }
            ClientSessionEnd::ResumeWindowElapsed => None,
            ClientSessionEnd::Closed { code, error } => {
                let message =
                    error.map_or_else(|| code.meaning().to_owned(), |(_, message)| message);
                let closed = SessionEnd::Closed { code, message };
                match code {
                    CloseCode::Unauthorized
                        if self.config.credential.can_refresh() && !self.has_retried_token =>
                    {
                        self.has_retried_token = true;
                        None
                    }
                    CloseCode::GoingAway | CloseCode::SessionUnknown | CloseCode::SlowReader
                        if !is_first =>
                    {
                        None
                    }
                    CloseCode::Forbidden
                    | CloseCode::FrameTooLarge
                    | CloseCode::GoingAway
                    | CloseCode::Malformed
                    | CloseCode::Normal
                    | CloseCode::SessionUnknown
                    | CloseCode::SlowReader
                    | CloseCode::TakenOver
                    | CloseCode::TimedOut
                    | CloseCode::TooManyFrames
                    | CloseCode::Unauthorized => Some(closed),
                }
            }
        };
        if final_end.is_none() {
            self.session = ClientSession::new(self.config.session.clone());
            self.lose_transport();
        }
        final_end
    }

    fn start_dialing(&mut self) {
        let Phase::Waiting { until } = self.connection.phase else { return };
        let is_cut = self.connection.cut_until.is_some();
        if until > Instant::now() || is_cut || self.session.is_ended() {
            return;
        }
        let dialer = Arc::clone(&self.config.dialer);
        let credential = self.config.credential.clone();
        let wants_fresh_token = self.has_retried_token;
        self.connection.phase = Phase::Dialing(Box::pin(async move {
            let token = if wants_fresh_token {
                credential.refresh().await
            } else {
                credential.token().await
            };
            let token = token.map_err(DialFailure::Token)?;
            let link = dialer.dial().await.map_err(DialFailure::Connect)?;
            Ok((token, link))
        }));
    }

    fn attach(&mut self, token: String, link: Link) {
        let id = TransportId(self.connection.next_transport);
        self.connection.next_transport += 1;
        self.connection.phase = Phase::Open { id, link };
        let credentials = Credentials {
            token,
            display_name: self.config.display_name.clone(),
            user_agent: self.config.user_agent.clone(),
        };
        self.session.connect(self.clock.now(), id, credentials);
    }

    fn dial_failed(&mut self, failure: DialFailure) -> Option<SessionEnd> {
        if let Some(ready) = self.ready.take() {
            let (error, message) = match failure {
                DialFailure::Connect(error) => {
                    let message = error.to_string();
                    (CreateAgentError::Connect(error), message)
                }
                DialFailure::Token(error) => {
                    let message = error.to_string();
                    (CreateAgentError::Token(error), message)
                }
            };
            // An application that gave up waiting has dropped its handle too.
            let _ = ready.send(Err(error));
            return Some(SessionEnd::Closed { code: CloseCode::TimedOut, message });
        }
        match failure {
            DialFailure::Connect(error) => tracing::debug!(%error, "no transport to the exchange"),
            DialFailure::Token(error) => tracing::warn!(%error, "no access token"),
        }
        self.wait_before_dialing();
        None
    }

    fn lose_transport(&mut self) {
        if let Phase::Open { id, .. } = self.connection.phase {
            self.session.detach(self.clock.now(), id);
            self.set_connection(ConnectionState::Reconnecting);
        }
        self.wait_before_dialing();
    }

    fn wait_before_dialing(&mut self) {
        let mut random = [0; 4];
        // Without randomness there is no jitter, and nothing worse.
        let _ = getrandom::fill(&mut random);
        let wait = self.connection.backoff.next(u32::from_ne_bytes(random));
        self.connection.phase = Phase::Waiting { until: Instant::now() + wait };
    }

    fn cut(&mut self, duration: Duration) {
        self.gate.set_cut(true);
        self.connection.cut_until = Some(Instant::now() + duration);
        if let Phase::Open { id, .. } = self.connection.phase {
            self.session.detach(self.clock.now(), id);
            self.set_connection(ConnectionState::Reconnecting);
        }
        let waiting = Phase::Waiting { until: Instant::now() };
        if let Phase::Open { link, .. } = std::mem::replace(&mut self.connection.phase, waiting) {
            self.connection.severed = Some(link);
        }
    }

    fn end_cut(&mut self) {
        if self.connection.cut_until.is_some_and(|until| until <= Instant::now()) {
            self.connection.cut_until = None;
            self.connection.severed = None;
            self.connection.backoff.reset();
            self.gate.set_cut(false);
        }
    }

    fn dispose(&mut self, done: Option<oneshot::Sender<()>>) {
        self.disposing.extend(done);
        if self.dispose_by.is_some() {
            return;
        }
        self.dispose_by = Some(Instant::now() + DISPOSE_TIMEOUT);
        self.hang_up_all();
        // A session that is over already, or full, is closed by the deadline.
        let _ = self.session.goodbye();
    }

    fn offer_token(&mut self, result: Result<String, TokenError>) {
        match result {
            Ok(token) => {
                if let Err(error) = self.session.refresh_token(token) {
                    tracing::warn!(%error, "a new access token could not be sent");
                }
            }
            Err(error) => tracing::warn!(%error, "no new access token"),
        }
    }

    /// Fetches a new token while the session goes on.
    pub(super) fn refresh_token(&self) {
        if !self.config.credential.can_refresh() {
            return;
        }
        let credential = self.config.credential.clone();
        let internal = self.internal.clone();
        tokio::spawn(async move {
            // The actor may be gone by then; so is the need for a token.
            let _ = internal.send(Internal::Token(credential.refresh().await));
        });
    }

    fn deadline(&self) -> Option<Instant> {
        let session = self.session.poll_timeout().map(|instant| self.clock.at(instant));
        let dial = match self.connection.phase {
            Phase::Waiting { until } if self.connection.cut_until.is_none() => Some(until),
            Phase::Waiting { .. } | Phase::Dialing(_) | Phase::Open { .. } => None,
        };
        [session, dial, self.connection.cut_until, self.dispose_by].into_iter().flatten().min()
    }

    fn set_connection(&mut self, connection: ConnectionState) {
        let mut state = self.lock();
        if state.connection == connection {
            return;
        }
        state.connection = connection.clone();
        drop(state);
        self.shared.events.push(AgentEvent::ConnectionStateChanged(connection));
    }

    fn finish(mut self, end: SessionEnd) {
        self.end_all_calls();
        if let Some(ready) = self.ready.take() {
            let error = match &end {
                SessionEnd::Closed { code, message } => {
                    CreateAgentError::Refused { code: *code, message: message.clone() }
                }
                SessionEnd::Protocol(message) => CreateAgentError::Refused {
                    code: CloseCode::Malformed,
                    message: message.clone(),
                },
                SessionEnd::Disposed => CreateAgentError::TimedOut,
            };
            // An application that gave up waiting has dropped its handle too.
            let _ = ready.send(Err(error));
        }
        self.set_connection(ConnectionState::Disconnected(end));
        self.shared.events.close();
        for done in self.disposing.drain(..) {
            let _ = done.send(());
        }
    }

    pub(super) fn lock(&self) -> std::sync::MutexGuard<'_, super::link::State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long an agent tries to say goodbye.
const DISPOSE_TIMEOUT: Duration = Duration::from_secs(2);
