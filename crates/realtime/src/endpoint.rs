//! One endpoint of a user: what it has yet to acknowledge, and the connection it has at the moment.
//!
//! The client keeps nothing: what does not reach it while its socket is down, it never asks for. So
//! the endpoint outlives its sockets. It keeps every push until the client answers it, sends what was
//! not answered again, in order, on the next connection, and gives up after a time without one.
//!
//! Delivery is at least once: a push whose answer was lost with the socket comes again. How many can
//! is bounded by [`OutboxLimits::in_flight`].

mod outbox;

use std::{collections::VecDeque, fmt, sync::Arc, time::Duration};

use serde_json::{Value, json};
use trunkline_clock::{Deadlines, Instant, Now};

use crate::{
    frame::{Answer, Frame, FrameError, PushAnswer},
    negotiate::CONNECTION_TTL,
    push::{Push, Recipient},
};

pub use outbox::OutboxLimits;

use outbox::Outbox;

/// The machine of one endpoint.
///
/// After any `handle_*`, drain [`Endpoint::poll_output`] and re-arm the timer with
/// [`Endpoint::poll_timeout`]. While [`Endpoint::has_room`] says no, leave pushes in the feed: they
/// are safe there, and those that are handed in anyway push older ones out.
pub struct Endpoint {
    recipient: Recipient,
    outbox: Outbox,
    state: State,
    loss: Loss,
    /// The position that the owner was last told of.
    told: Option<u64>,
    /// The exchange stops: nothing more is sent, and what is sent is waited for.
    is_stopping: bool,
    deadlines: Deadlines<Timer>,
    outputs: VecDeque<Output>,
}

/// Names one connection of an endpoint; later ones have larger numbers.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ConnectionId(pub u64);

/// Where an endpoint takes up its feed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Start {
    /// It is new: it begins with what comes.
    Fresh,
    /// It was away for longer than the exchange keeps things: it is told that it missed some.
    Lost,
    /// It is known: everything up to that position was acknowledged.
    Resumed(u64),
}

/// What happens to an endpoint.
#[derive(Debug)]
pub enum Input {
    /// The client showed a token that is good until then.
    AccessGranted {
        /// When the token expires.
        until: Instant,
    },
    /// The token that the client showed is good no more.
    AccessRevoked,
    /// A socket is open. It takes the place of one that still is.
    Connected {
        /// The connection.
        connection: ConnectionId,
    },
    /// The socket is gone, by whoever's doing.
    Disconnected {
        /// The connection.
        connection: ConnectionId,
    },
    /// The feed lost events of this user.
    EventsLost,
    /// The client said something, readable or not.
    FrameReceived {
        /// The connection.
        connection: ConnectionId,
        /// What it said.
        frame: Result<Frame, FrameError>,
    },
    /// Something happened of which the client is not told.
    Passed {
        /// Its position in the feed.
        position: u64,
    },
    /// Something happened.
    Pushed {
        /// Its position in the feed; `None` for what is not kept.
        position: Option<u64>,
        /// What to tell the client.
        push: Arc<Push>,
    },
    /// The exchange stops.
    ShuttingDown,
    /// The client takes its endpoint back.
    Unregistered,
}

/// What an endpoint wants done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Output {
    /// Remember that everything up to this position of the feed is settled.
    Acknowledged {
        /// The position.
        position: u64,
    },
    /// Send what is queued, then close the socket.
    Close {
        /// The connection.
        connection: ConnectionId,
        /// Why.
        reason: CloseReason,
    },
    /// The endpoint is over; drop it.
    Ended {
        /// Why.
        reason: EndReason,
    },
    /// Remember that the endpoint was alive at this time.
    Seen,
    /// Send a frame.
    Send {
        /// The connection.
        connection: ConnectionId,
        /// The frame.
        text: String,
    },
}

/// Why a socket is closed.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum CloseReason {
    /// The client said that it goes.
    ClientLeft,
    /// The exchange stops.
    GoingAway,
    /// The client sent what is no frame.
    Malformed,
    /// The client answers pushes no more.
    NotAnswering,
    /// The client has been silent for too long.
    Silent,
    /// A newer socket took its place.
    TakenOver,
    /// The token has expired or was revoked.
    Unauthorized,
    /// The client takes its endpoint back.
    Unregistered,
}

/// Why an endpoint is over.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum EndReason {
    /// It was without a socket for too long.
    Abandoned,
    /// The exchange stops.
    ShuttingDown,
    /// The client took it back.
    Unregistered,
}

impl CloseReason {
    /// Returns the reason in the words of the client, which decide what it does next: with `dup` it
    /// backs off when that happens twice, with `unauthorized` it asks for a fresh token.
    pub fn as_disconnect(self) -> &'static str {
        match self {
            Self::TakenOver => "dup",
            Self::Unauthorized => r#"{"reason":"unauthorized"}"#,
            Self::ClientLeft
            | Self::GoingAway
            | Self::Malformed
            | Self::NotAnswering
            | Self::Silent
            | Self::Unregistered => "",
        }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Connected(ConnectionId),
    Disconnected,
    Ended,
}

/// Whether the client has to be told that something is missing.
#[derive(Clone, Copy, Debug, Default)]
struct Loss {
    /// Counts the losses, from the time at which the endpoint was made: the client tells them apart
    /// by it, those of earlier endpoints included.
    number: i64,
    /// The client has yet to say that it knows of the last.
    is_pending: bool,
    /// It was told on the connection of the moment.
    is_told: bool,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Timer {
    Access,
    Answer,
    Drain,
    Heartbeat,
    Presence,
    Silence,
    Window,
}

impl Endpoint {
    /// Makes the endpoint that an allocation asked for.
    pub fn new(now: Now, recipient: Recipient, limits: OutboxLimits, start: Start) -> Self {
        let position = match start {
            Start::Fresh | Start::Lost => None,
            Start::Resumed(position) => Some(position),
        };
        let mut endpoint = Self {
            recipient,
            outbox: Outbox::new(limits, position),
            state: State::Disconnected,
            loss: Loss { number: now.wall.as_unix_micros(), ..Loss::default() },
            told: position,
            is_stopping: false,
            deadlines: Deadlines::new(),
            outputs: VecDeque::new(),
        };
        if start == Start::Lost {
            endpoint.lose(1);
        }
        endpoint.deadlines.set(Timer::Window, now.instant + WINDOW);
        endpoint
    }

    /// Takes in what happened.
    pub fn handle_input(&mut self, now: Now, input: Input) {
        if self.state == State::Ended {
            return;
        }
        match input {
            Input::AccessGranted { until } => {
                let until = self.deadlines.deadline(&Timer::Access).max(Some(until));
                until.into_iter().for_each(|until| self.deadlines.set(Timer::Access, until));
                if self.state == State::Disconnected {
                    self.deadlines.set(Timer::Window, now.instant + WINDOW);
                }
            }
            Input::AccessRevoked => self.close(now, CloseReason::Unauthorized),
            Input::Connected { connection } => match self.is_stopping {
                true => self.turn_away(connection),
                false => self.connect(now, connection),
            },
            Input::Disconnected { connection } => {
                if self.state == State::Connected(connection) {
                    self.disconnect(now);
                }
            }
            Input::EventsLost => self.lose(1),
            Input::FrameReceived { connection, frame } => {
                match self.state == State::Connected(connection) {
                    true => self.handle_frame(now, frame),
                    false => self.handle_late_frame(now, frame),
                }
            }
            Input::Passed { position } => self.outbox.pass(position),
            Input::Pushed { position, push } => {
                if push.kind().is_durable() || self.is_keeping_up() {
                    let lost = self.outbox.push(position, push);
                    self.lose(lost);
                }
            }
            Input::ShuttingDown => {
                if !self.is_stopping {
                    self.is_stopping = true;
                    self.deadlines.set(Timer::Drain, now.instant + DRAIN);
                }
            }
            Input::Unregistered => {
                self.close(now, CloseReason::Unregistered);
                self.end(EndReason::Unregistered);
            }
        }
        self.settle(now);
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Now) {
        while let Some(timer) = self.deadlines.pop_due(now.instant) {
            match timer {
                Timer::Access => self.close(now, CloseReason::Unauthorized),
                Timer::Answer => self.close(now, CloseReason::NotAnswering),
                Timer::Drain => self.close(now, CloseReason::GoingAway),
                Timer::Heartbeat => self.send(now, &Frame::Heartbeat),
                Timer::Presence => {
                    self.outputs.push_back(Output::Seen);
                    self.deadlines.set(Timer::Presence, now.instant + PRESENCE);
                }
                Timer::Silence => self.close(now, CloseReason::Silent),
                Timer::Window => self.end(EndReason::Abandoned),
            }
        }
        self.settle(now);
    }

    /// Returns the next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Returns when [`Endpoint::handle_timeout`] is next to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// Returns whether a push can be taken without dropping an older one.
    pub fn has_room(&self) -> bool {
        !self.outbox.is_full() && !self.is_stopping
    }

    /// Returns whether it has been told that the exchange stops.
    pub fn is_stopping(&self) -> bool {
        self.is_stopping
    }

    /// Returns how many pushes are not acknowledged.
    pub fn unacknowledged(&self) -> usize {
        self.outbox.len()
    }

    /// Returns the connection of the moment.
    pub fn connection(&self) -> Option<ConnectionId> {
        match self.state {
            State::Connected(connection) => Some(connection),
            State::Disconnected | State::Ended => None,
        }
    }

    fn connect(&mut self, now: Now, connection: ConnectionId) {
        self.close(now, CloseReason::TakenOver);
        self.state = State::Connected(connection);
        self.deadlines.cancel(&Timer::Window);
        self.deadlines.set(Timer::Silence, now.instant + SILENCE);
        self.deadlines.set(Timer::Presence, now.instant + PRESENCE);
        self.send(now, &Frame::Connect);
        let ttl = CONNECTION_TTL.as_secs().to_string();
        let connected = json!({ "ttl": ttl, "dur": "0" });
        self.send(now, &Frame::event("trouter.connected", vec![connected]));
        self.outputs.push_back(Output::Seen);
    }

    fn handle_frame(&mut self, now: Now, frame: Result<Frame, FrameError>) {
        self.deadlines.set(Timer::Silence, now.instant + SILENCE);
        let frame = match frame {
            Ok(frame) => frame,
            Err(_) => return self.close(now, CloseReason::Malformed),
        };
        match frame {
            Frame::Disconnect { .. } => self.close(now, CloseReason::ClientLeft),
            Frame::Event { answer, name, args } => {
                self.handle_event(&name, &args);
                // The client reconnects when this does not come within five seconds.
                self.answer(now, answer, vec![Value::from("pong")]);
            }
            Frame::Json { answer, value: _ } => self.answer(now, answer, Vec::new()),
            Frame::Message { answer, text } => {
                match text.parse::<PushAnswer>() {
                    // Whatever the status, the client has had it: with 404 nobody listens to its
                    // kind, with 504 the listener took too long. The same would happen again.
                    Ok(PushAnswer { id, status: _ }) => self.acknowledge(now, id),
                    Err(_) => return self.close(now, CloseReason::Malformed),
                }
                self.answer(now, answer, Vec::new());
            }
            Frame::Ack { .. }
            | Frame::Connect
            | Frame::Error { .. }
            | Frame::Heartbeat
            | Frame::Noop => {}
        }
    }

    /// Takes what an earlier connection had still to say: an answer settles its push for good, on
    /// whichever connection it came.
    fn handle_late_frame(&mut self, now: Now, frame: Result<Frame, FrameError>) {
        if let Ok(Frame::Message { answer: _, text }) = frame
            && let Ok(PushAnswer { id, status: _ }) = text.parse()
        {
            self.acknowledge(now, id);
        }
    }

    fn handle_event(&mut self, name: &str, args: &[Value]) {
        if name != PROCESSED_LOSS {
            return;
        }
        let etag = self.loss.number.to_string();
        let is_known = args
            .iter()
            .filter_map(|arg| arg.get("droppedIndicators")?.as_array())
            .flatten()
            .any(|indicator| indicator.get("etag").and_then(Value::as_str) == Some(&etag));
        if is_known {
            self.loss.is_pending = false;
        }
    }

    fn acknowledge(&mut self, now: Now, id: u64) {
        if !self.outbox.acknowledge(now.instant, id) {
            return;
        }
        match self.outbox.is_in_flight() {
            true => self.deadlines.set(Timer::Answer, now.instant + ANSWER),
            false => {
                self.deadlines.cancel(&Timer::Answer);
            }
        }
    }

    fn answer(&mut self, now: Now, answer: Answer, args: Vec<Value>) {
        match answer {
            Answer::Data(id) => self.send(now, &Frame::Ack { id, args }),
            Answer::None => {}
            Answer::Receipt(id) => self.send(now, &Frame::Ack { id, args: Vec::new() }),
        }
    }

    /// Sends what the window lets through, and says how far everything is settled.
    fn settle(&mut self, now: Now) {
        if let State::Connected(_) = self.state
            && !self.is_stopping
        {
            self.tell_loss(now);
            while let Some((id, push)) = self.outbox.next_to_send(now.instant) {
                if self.deadlines.deadline(&Timer::Answer).is_none() {
                    self.deadlines.set(Timer::Answer, now.instant + ANSWER);
                }
                let text = push.frame(id, &self.recipient);
                self.send_text(now, text);
            }
        }
        if self.outbox.settled() > self.told {
            self.told = self.outbox.settled();
            self.outputs.extend(self.told.map(|position| Output::Acknowledged { position }));
        }
        if self.is_stopping && self.state != State::Ended && !self.outbox.is_in_flight() {
            self.close(now, CloseReason::GoingAway);
            self.end(EndReason::ShuttingDown);
        }
    }

    fn lose(&mut self, pushes: u64) {
        if pushes == 0 {
            return;
        }
        // What is lost before the client hears of a loss is part of it.
        if !self.loss.is_pending || self.loss.is_told {
            self.loss = Loss { number: self.loss.number + 1, is_pending: true, is_told: false };
        }
    }

    fn tell_loss(&mut self, now: Now) {
        if !self.loss.is_pending || self.loss.is_told {
            return;
        }
        self.loss.is_told = true;
        let indicator = json!({ "tag": "messaging", "etag": self.loss.number.to_string() });
        let dropped = json!({ "droppedIndicators": [indicator] });
        self.send(now, &Frame::event("trouter.message_loss", vec![dropped]));
    }

    fn send(&mut self, now: Now, frame: &Frame) {
        self.send_text(now, frame.to_string());
    }

    fn send_text(&mut self, now: Now, text: String) {
        if let State::Connected(connection) = self.state {
            self.outputs.push_back(Output::Send { connection, text });
            self.deadlines.set(Timer::Heartbeat, now.instant + HEARTBEAT);
        }
    }

    fn close(&mut self, now: Now, reason: CloseReason) {
        let State::Connected(connection) = self.state else {
            return;
        };
        let disconnect = Frame::Disconnect { reason: reason.as_disconnect().to_owned() };
        self.send(now, &disconnect);
        self.outputs.push_back(Output::Close { connection, reason });
        self.disconnect(now);
    }

    /// Closes a socket that came too late to be taken.
    fn turn_away(&mut self, connection: ConnectionId) {
        let reason = CloseReason::GoingAway;
        let disconnect = Frame::Disconnect { reason: reason.as_disconnect().to_owned() };
        self.outputs.push_back(Output::Send { connection, text: disconnect.to_string() });
        self.outputs.push_back(Output::Close { connection, reason });
    }

    fn disconnect(&mut self, now: Now) {
        self.state = State::Disconnected;
        self.outbox.rewind();
        self.loss.is_told = false;
        // The access stays: a token that the next connection brought may have come already.
        for timer in [Timer::Answer, Timer::Heartbeat, Timer::Presence, Timer::Silence] {
            self.deadlines.cancel(&timer);
        }
        self.deadlines.set(Timer::Window, now.instant + WINDOW);
        self.outputs.push_back(Output::Seen);
    }

    fn end(&mut self, reason: EndReason) {
        self.state = State::Ended;
        self.deadlines.clear();
        self.outputs.push_back(Output::Ended { reason });
    }

    /// Whether what is only worth something at once would arrive at once.
    fn is_keeping_up(&self) -> bool {
        matches!(self.state, State::Connected(_)) && self.outbox.has_open_window()
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("state", &self.state)
            .field("unacknowledged", &self.unacknowledged())
            .field("settled", &self.outbox.settled())
            .finish_non_exhaustive()
    }
}

/// What the client says once it has dealt with a loss.
const PROCESSED_LOSS: &str = "trouter.processed_message_loss";

/// How long an endpoint is kept without a socket: as long as the client registers for. Longer keeps
/// the outboxes of closed pages in memory; shorter loses what came while a laptop was closed.
pub const WINDOW: Duration = Duration::from_secs(2 * 60 * 60);

/// After how much silence of its own the exchange sends a heartbeat. The client answers from its
/// socket and not from a timer, which hidden pages have slowed. Longer finds a dead peer later;
/// shorter wakes phones.
const HEARTBEAT: Duration = Duration::from_secs(25);

/// After how much silence of the client the socket is cut: two heartbeats unanswered, and some.
/// Longer keeps dead sockets; shorter cuts those on bad networks.
const SILENCE: Duration = Duration::from_secs(70);

/// How long a push may stay unanswered: the client answers within five seconds even if no handler
/// does. Longer delays the next socket's replay; shorter cuts slow pages.
const ANSWER: Duration = Duration::from_secs(20);

/// How long an exchange that stops waits for the answers to what it has sent. Longer holds a stop up
/// for clients that are gone; shorter has more come twice after a restart.
const DRAIN: Duration = Duration::from_secs(2);

/// How often a connected endpoint is noted as alive: so much shorter can the window be after a crash.
const PRESENCE: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests;
