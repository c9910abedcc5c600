//! The task of one endpoint: owns its machine, its feed and its socket, and carries outputs out.

use std::{fmt, ops::ControlFlow, sync::Arc, time::Duration};

use axum::extract::ws::WebSocket;
use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::BoxStream};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use trunkline_clock::Now;

use crate::{
    directory::{Handle, Shared},
    endpoint::{ConnectionId, EndReason, Endpoint, Input, Output},
    exchange::{Access, FeedItem, Refusal},
    frame::{Frame, FrameError},
    registrations::Registration,
    socket::{Socket, SocketEvent},
};

/// A token as the client showed it.
#[derive(Clone)]
pub(crate) struct Token(pub(crate) Arc<str>);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(<redacted>)")
    }
}

/// What a request wants of an endpoint.
#[derive(Debug)]
pub(crate) enum Command {
    /// The client opened a socket.
    Attach(Box<WebSocket>),
    /// The client showed a token.
    Grant {
        /// What it allows.
        access: Access,
        /// The token.
        token: Token,
    },
    /// The client takes its endpoint back, or the endpoint has to make room for another.
    Unregister,
}

/// The task of one endpoint.
pub(crate) struct EndpointTask {
    shared: Arc<Shared>,
    handle: Arc<Handle>,
    commands: mpsc::Receiver<Command>,
    endpoint: Endpoint,
    feed: BoxStream<'static, FeedItem>,
    registration: Registration,
    socket: Option<Socket>,
    /// The socket that is about to take the place of the other.
    incoming: Option<Socket>,
    token: Token,
    check: Option<BoxFuture<'static, Result<Access, Refusal>>>,
    next_check: Instant,
}

/// What an endpoint's task begins with.
pub(crate) struct Beginning {
    pub(crate) handle: Arc<Handle>,
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) endpoint: Endpoint,
    pub(crate) feed: BoxStream<'static, FeedItem>,
    pub(crate) registration: Registration,
    pub(crate) token: Token,
}

impl EndpointTask {
    pub(crate) fn new(shared: Arc<Shared>, beginning: Beginning) -> Self {
        let Beginning { handle, commands, endpoint, feed, registration, token } = beginning;
        let next_check = Instant::now() + shared.config.token_check;
        Self {
            shared,
            handle,
            commands,
            endpoint,
            feed,
            registration,
            socket: None,
            incoming: None,
            token,
            check: None,
            next_check,
        }
    }

    /// Runs until the endpoint is over.
    pub(crate) async fn run(mut self) {
        while self.carry_out().is_continue() {
            // The feed is polled only when there is somebody to tell: what is durable waits there for
            // as long as it takes, and the rest is worth nothing later.
            let is_listening = self.socket.is_some() && self.endpoint.has_room();
            let may_check = self.socket.is_some() && self.check.is_none();
            let due = self.due();
            tokio::select! {
                event = next_event(&mut self.socket) => self.handle_event(event),
                command = self.commands.recv() => match command {
                    Some(command) => self.handle_command(command),
                    None => self.input(Input::ShuttingDown),
                },
                item = self.feed.next(), if is_listening => self.handle_items(item),
                () = at(due) => {
                    let now = self.now();
                    self.endpoint.handle_timeout(now);
                }
                () = sleep_until(self.next_check), if may_check => self.begin_check(),
                verdict = verdict(&mut self.check) => self.handle_verdict(verdict),
                () = self.shared.stopping.cancelled() => self.input(Input::ShuttingDown),
            }
        }
        self.shared.remove(&self.handle);
    }

    fn handle_event(&mut self, event: SocketEvent) {
        let Some(connection) = self.socket.as_ref().map(Socket::id) else {
            return;
        };
        match event {
            SocketEvent::Frame(frame) => self.handle_frame(connection, frame),
            SocketEvent::Gone => {
                self.socket = None;
                self.input(Input::Disconnected { connection });
            }
        }
    }

    fn handle_frame(&mut self, connection: ConnectionId, frame: Result<Frame, FrameError>) {
        if let Err(error) = &frame {
            tracing::debug!(connection = connection.0, %error, "refused a frame");
        }
        self.input(Input::FrameReceived { connection, frame });
    }

    fn handle_command(&mut self, command: Command) {
        match command {
            Command::Attach(socket) => {
                self.read_out();
                let connection = self.shared.next_connection();
                self.incoming = Some(Socket::new(connection, *socket));
                self.input(Input::Connected { connection });
            }
            Command::Grant { access, token } => {
                let now = self.now();
                let life = access.expires_on.saturating_duration_since(now.wall);
                self.token = token;
                self.input(Input::AccessGranted { until: now.instant + life });
            }
            Command::Unregister => self.input(Input::Unregistered),
        }
    }

    /// Takes the answers that the socket still holds before another takes its place.
    fn read_out(&mut self) {
        while let Some(socket) = &mut self.socket {
            let connection = socket.id();
            let Some(frame) = socket.next_now() else { return };
            self.handle_frame(connection, frame);
        }
    }

    /// Takes an item of the feed and those right behind it, so that they leave together.
    fn handle_items(&mut self, first: Option<FeedItem>) {
        let mut next = first;
        for _ in 0..BATCH {
            match next {
                Some(item) => self.handle_item(&item),
                None => return self.input(Input::ShuttingDown),
            }
            if !self.endpoint.has_room() {
                return;
            }
            match self.feed.next().now_or_never() {
                Some(item) => next = item,
                None => return,
            }
        }
    }

    fn handle_item(&mut self, item: &FeedItem) {
        let FeedItem { position, event } = item;
        if position.is_none() {
            let age = self.now().wall.saturating_duration_since(event.time);
            if age > PASSING_LIFE {
                return;
            }
        }
        match (self.shared.encoder.encode(event), *position) {
            (Some(push), position) => self.input(Input::Pushed { position, push }),
            (None, Some(position)) => self.input(Input::Passed { position }),
            (None, None) => {}
        }
    }

    fn begin_check(&mut self) {
        self.next_check = Instant::now() + self.shared.config.token_check;
        let (exchange, token) = (Arc::clone(&self.shared.exchange), self.token.clone());
        self.check = Some(Box::pin(async move { exchange.verify(&token.0).await }));
    }

    fn handle_verdict(&mut self, verdict: Result<Access, Refusal>) {
        self.check = None;
        match verdict {
            // A store that is down for a moment is no reason to part.
            Ok(_) | Err(Refusal::Unavailable) => {}
            Err(Refusal::Forbidden | Refusal::Unauthorized) => self.input(Input::AccessRevoked),
        }
    }

    fn input(&mut self, input: Input) {
        let now = self.now();
        self.endpoint.handle_input(now, input);
    }

    /// Does what the machine wants; breaks when the endpoint is over.
    fn carry_out(&mut self) -> ControlFlow<EndReason> {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Acknowledged { position } => {
                    self.registration.position = position;
                    self.keep();
                }
                Output::Close { connection, reason } => {
                    tracing::debug!(connection = connection.0, ?reason, "closed a socket");
                    if let Some(socket) = self.take_socket(connection) {
                        self.shared.tasks.spawn(socket.close());
                    }
                }
                Output::Ended { reason } => {
                    tracing::debug!(endpoint = %self.handle.name(), ?reason, "an endpoint is over");
                    if reason == EndReason::Unregistered {
                        self.shared.registrations.forget(self.handle.key());
                    }
                    return ControlFlow::Break(reason);
                }
                Output::Seen => self.keep(),
                Output::Send { connection, text } => {
                    let mut sockets = [&mut self.socket, &mut self.incoming].into_iter().flatten();
                    if let Some(socket) = sockets.find(|socket| socket.id() == connection) {
                        socket.send(text);
                    }
                }
            }
        }
        if let Some(socket) = self.incoming.take() {
            self.socket = Some(socket);
        }
        self.handle.set_connected(self.socket.is_some());
        ControlFlow::Continue(())
    }

    fn take_socket(&mut self, connection: ConnectionId) -> Option<Socket> {
        [&mut self.socket, &mut self.incoming]
            .into_iter()
            .find(|socket| socket.as_ref().is_some_and(|socket| socket.id() == connection))
            .and_then(Option::take)
    }

    fn keep(&mut self) {
        self.registration.seen_on = self.now().wall;
        self.shared.registrations.keep(self.handle.key(), self.registration);
    }

    fn now(&self) -> Now {
        self.shared.exchange.now()
    }

    /// Returns when the machine wants to be called, for a timer of the runtime.
    fn due(&self) -> Option<Instant> {
        let due = self.endpoint.poll_timeout()?;
        Some(Instant::now() + due.saturating_duration_since(self.now().instant))
    }
}

impl fmt::Debug for EndpointTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointTask").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

async fn next_event(socket: &mut Option<Socket>) -> SocketEvent {
    match socket {
        Some(socket) => socket.next().await,
        None => std::future::pending().await,
    }
}

async fn verdict(
    check: &mut Option<BoxFuture<'static, Result<Access, Refusal>>>,
) -> Result<Access, Refusal> {
    match check {
        Some(check) => check.await,
        None => std::future::pending().await,
    }
}

async fn at(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// How old an event may be that is worth something at once only.
const PASSING_LIFE: Duration = Duration::from_secs(10);

/// How many events of the feed are taken in one go. More delays answers; fewer writes smaller pieces.
const BATCH: usize = 32;
