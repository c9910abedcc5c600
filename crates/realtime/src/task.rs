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
    exchange::{Access, Feed, FeedEnd, FeedItem, Refusal, Token},
    frame::{Frame, FrameError},
    registrations::Registration,
    socket::{Socket, SocketEvent},
};

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
    registration: Registration,
    socket: Option<Socket>,
    /// The socket that is about to take the place of the other.
    incoming: Option<Socket>,
    /// What the socket that is being closed has still to say: the answers that were on their way.
    parting: Option<(ConnectionId, mpsc::Receiver<Frame>)>,
    token: Token,
    feed: FeedState,
    /// The last position that was taken from the feed.
    taken: u64,
}

/// What an endpoint's task begins with.
pub(crate) struct Beginning {
    pub(crate) handle: Arc<Handle>,
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) endpoint: Endpoint,
    pub(crate) registration: Registration,
    pub(crate) token: Token,
}

/// The feed is open while there is a socket: what is durable waits in the store for as long as it
/// takes, and the rest is worth nothing later.
enum FeedState {
    Closed,
    Open(BoxStream<'static, Result<FeedItem, FeedEnd>>),
    Opening(BoxFuture<'static, Result<Feed, Refusal>>),
    /// It is to be opened then.
    Waiting(Instant),
}

enum FeedEvent {
    Due,
    Item(Result<FeedItem, FeedEnd>),
    Opened(Result<Feed, Refusal>),
}

impl EndpointTask {
    pub(crate) fn new(shared: Arc<Shared>, beginning: Beginning) -> Self {
        let Beginning { handle, commands, endpoint, registration, token } = beginning;
        Self {
            shared,
            handle,
            commands,
            endpoint,
            registration,
            socket: None,
            incoming: None,
            parting: None,
            token,
            feed: FeedState::Closed,
            taken: registration.position,
        }
    }

    /// Runs until the endpoint is over.
    pub(crate) async fn run(mut self) {
        while self.carry_out().is_continue() {
            let has_room = self.endpoint.has_room();
            let is_stopping = self.endpoint.is_stopping();
            let due = self.due();
            tokio::select! {
                event = next_event(&mut self.socket) => self.handle_event(event),
                (connection, frame) = next_word(&mut self.parting) => {
                    self.handle_word(connection, frame);
                }
                command = self.commands.recv() => match command {
                    Some(command) => self.handle_command(command),
                    None => self.input(Input::ShuttingDown),
                },
                event = self.feed.next(), if has_room => self.handle_feed(event),
                () = at(due) => {
                    let now = self.now();
                    self.endpoint.handle_timeout(now);
                }
                () = self.shared.stopping.cancelled(), if !is_stopping => {
                    self.input(Input::ShuttingDown);
                }
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

    fn handle_word(&mut self, connection: ConnectionId, frame: Option<Frame>) {
        match frame {
            Some(frame) => self.handle_frame(connection, Ok(frame)),
            None => self.parting = None,
        }
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
                // A feed lives no longer than the token that opened it.
                if self.token != token {
                    self.token = token;
                    self.feed = FeedState::Closed;
                }
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

    fn handle_feed(&mut self, event: FeedEvent) {
        match event {
            FeedEvent::Due => self.feed = FeedState::Closed,
            FeedEvent::Item(item) => self.handle_items(item),
            FeedEvent::Opened(Ok(feed)) => self.feed = FeedState::Open(feed.items),
            FeedEvent::Opened(Err(Refusal::Unavailable)) => self.wait_for_feed(),
            FeedEvent::Opened(Err(Refusal::Forbidden | Refusal::Unauthorized)) => {
                self.input(Input::AccessRevoked);
            }
        }
    }

    /// Takes an item of the feed and those right behind it, so that they leave together.
    fn handle_items(&mut self, first: Result<FeedItem, FeedEnd>) {
        let mut next = first;
        for left in (0..BATCH).rev() {
            match next {
                Ok(item) => self.handle_item(&item),
                Err(end) => return self.handle_feed_end(end),
            }
            // What is taken from the feed has to be handled: the last of the batch takes no other.
            if left == 0 || !self.endpoint.has_room() {
                return;
            }
            match self.feed.next().now_or_never() {
                Some(FeedEvent::Item(item)) => next = item,
                Some(FeedEvent::Due | FeedEvent::Opened(_)) | None => return,
            }
        }
    }

    fn handle_item(&mut self, item: &FeedItem) {
        let FeedItem { position, event } = item;
        match position {
            Some(position) => self.taken = *position,
            None => {
                let age = self.now().wall.saturating_duration_since(event.time);
                if age > PASSING_LIFE {
                    return;
                }
            }
        }
        match (self.shared.encoder.encode(event), *position) {
            (Some(push), position) => self.input(Input::Pushed { position, push }),
            (None, Some(position)) => self.input(Input::Passed { position }),
            (None, None) => {}
        }
    }

    fn handle_feed_end(&mut self, end: FeedEnd) {
        tracing::debug!(endpoint = %self.handle.name(), %end, "the feed is over");
        match end {
            FeedEnd::Lost { head } => {
                self.feed = FeedState::Closed;
                self.taken = head;
                self.input(Input::EventsLost);
                self.input(Input::Passed { position: head });
            }
            FeedEnd::ShuttingDown => self.input(Input::ShuttingDown),
            FeedEnd::Unauthorized => self.input(Input::AccessRevoked),
            FeedEnd::Unavailable => self.wait_for_feed(),
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
                        let (heard, words) = mpsc::channel(1);
                        self.shared.tasks.spawn(socket.close(heard));
                        // A client with several that close at once is heard on the last.
                        self.parting = Some((connection, words));
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
        match (&self.socket, &self.feed) {
            (Some(_), FeedState::Closed) => self.open_feed(),
            (None, _) => self.feed = FeedState::Closed,
            (Some(_), _) => {}
        }
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

    fn open_feed(&mut self) {
        let opening = self.shared.exchange.subscribe(self.token.clone(), Some(self.taken));
        self.feed = FeedState::Opening(opening);
    }

    /// Opens the feed after a pause: a store that is down for a moment is no reason to part.
    fn wait_for_feed(&mut self) {
        self.feed = FeedState::Waiting(Instant::now() + FEED_PAUSE);
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

impl FeedState {
    /// Waits for what comes next; for ever while it is closed. Cancel-safe.
    async fn next(&mut self) -> FeedEvent {
        match self {
            Self::Closed => std::future::pending().await,
            Self::Open(items) => {
                FeedEvent::Item(items.next().await.unwrap_or(Err(FeedEnd::ShuttingDown)))
            }
            Self::Opening(opening) => FeedEvent::Opened(opening.await),
            Self::Waiting(until) => {
                sleep_until(*until).await;
                FeedEvent::Due
            }
        }
    }
}

async fn next_event(socket: &mut Option<Socket>) -> SocketEvent {
    match socket {
        Some(socket) => socket.next().await,
        None => std::future::pending().await,
    }
}

async fn next_word(
    parting: &mut Option<(ConnectionId, mpsc::Receiver<Frame>)>,
) -> (ConnectionId, Option<Frame>) {
    match parting {
        Some((connection, words)) => (*connection, words.recv().await),
        None => std::future::pending().await,
    }
}

async fn at(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// How long a feed that is not available is left alone.
const FEED_PAUSE: Duration = Duration::from_secs(1);

/// How old an event may be that is worth something at once only.
const PASSING_LIFE: Duration = Duration::from_secs(10);

/// How many events of the feed are taken in one go. More delays answers; fewer writes smaller pieces.
const BATCH: usize = 32;
