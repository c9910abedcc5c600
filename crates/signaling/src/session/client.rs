//! The client's end of a session.

use std::{collections::VecDeque, fmt, time::Duration};

use thiserror::Error;
use trunkline_clock::{Deadlines, Instant, Now};
use trunkline_proto::signaling::v1::{
    ClientFrame, Command, Goodbye, Hello, Ping, Pong, RefreshToken, ResumeSession, ServerFrame,
    Welcome, client_frame, server_frame,
};

use super::{
    SessionConfig, TransportId, client_body_name,
    sequence::{Arrival, Inbox, Outbox},
    server_body_name,
};
use crate::close::CloseCode;

/// The client's end of one session; see [the module](super) for how it is driven.
///
/// The shell opens transports, at first and again whenever one is lost, and hands each to
/// [`ClientSession::connect`]. Commands may be sent at any time: they wait for a transport and
/// arrive exactly once. A session that has ended is replaced by a new one.
pub struct ClientSession {
    config: SessionConfig,
    state: State,
    /// Set by the first Welcome.
    session_id: Option<String>,
    heartbeat: Duration,
    resume_window: Duration,
    inbox: Inbox,
    outbox: Outbox<client_frame::Body>,
    deadlines: Deadlines<Timer>,
    outputs: VecDeque<ClientOutput>,
}

/// What Hello says about the client.
#[derive(Clone)]
pub struct Credentials {
    /// The user's access token.
    pub token: String,
    /// The name to show to others; empty lets the exchange choose.
    pub display_name: String,
    /// Free text for diagnostics.
    pub user_agent: String,
}

/// An effect that the shell carries out.
pub enum ClientOutput {
    /// Close this transport with this code; the session waits for another.
    Close {
        /// Which transport.
        transport: TransportId,
        /// Why.
        code: CloseCode,
    },
    /// Hand a sequenced body to the application: each arrives once, in the order of the server.
    Deliver(server_frame::Body),
    /// The session is over; nothing follows.
    Ended(ClientSessionEnd),
    /// Welcome came: the session is open, or goes on.
    Opened(Welcome),
    /// Send a frame on this transport.
    Transmit {
        /// Which transport.
        transport: TransportId,
        /// The frame.
        frame: ClientFrame,
    },
}

/// Why a session is over, as the client knows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ClientSessionEnd {
    /// The server closed it.
    Closed {
        /// The code that it gave.
        code: CloseCode,
        /// Its stable name for the cause and its message, when it gave them.
        error: Option<(String, String)>,
    },
    /// The client said Goodbye.
    Goodbye,
    /// The server broke the protocol.
    Protocol(ProtocolViolation),
    /// No transport reached the server within the resume window.
    ResumeWindowElapsed,
}

/// What a server did that the protocol does not allow.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum ProtocolViolation {
    /// It acknowledged what was never sent.
    #[error("server acknowledges a frame that was never sent")]
    AckAheadOfSent,
    /// It sent a sequenced body without a number, or a number without a body.
    #[error("frame number and body do not go together")]
    Numbering,
    /// A frame is missing.
    #[error("server skipped a frame")]
    Gap,
    /// It forgot frames that it had acknowledged, or a session that was to be resumed.
    #[error("server forgot the session")]
    Forgotten,
    /// It sent a second Welcome, or something else before the first.
    #[error("welcome came at the wrong time")]
    Welcome,
}

/// Why a command cannot be sent.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum SendError {
    /// The session is over.
    #[error("session is over")]
    Ended,
    /// Too much waits for a transport or an acknowledgment.
    #[error("more than {limit_frames} frames or {limit_bytes} bytes wait to be sent")]
    Full {
        /// The limit on frames.
        limit_frames: usize,
        /// The limit on bytes.
        limit_bytes: usize,
    },
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// No transport.
    Detached,
    Ended,
    /// Hello was sent.
    Greeting {
        transport: TransportId,
    },
    Open {
        transport: TransportId,
        last_heard: Instant,
    },
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Timer {
    /// A bare acknowledgment is due.
    Ack,
    /// Time to look how long the server has been silent.
    Heartbeat,
    /// The resume window closes.
    ResumeWindow,
    /// Welcome did not come.
    Welcome,
}

impl ClientSession {
    /// Makes a session that waits for its first transport.
    pub fn new(config: SessionConfig) -> Self {
        Self {
            state: State::Detached,
            session_id: None,
            heartbeat: config.heartbeat,
            resume_window: config.resume_window,
            inbox: Inbox::default(),
            outbox: Outbox::new(),
            deadlines: Deadlines::new(),
            outputs: VecDeque::new(),
            config,
        }
    }

    /// Starts on a new transport with Hello, leaving any earlier transport.
    pub fn connect(&mut self, now: Now, transport: TransportId, credentials: Credentials) {
        if self.state == State::Ended {
            return;
        }
        if let Some(earlier) = self.transport() {
            self.cut(now, earlier, CloseCode::Normal);
        }
        self.state = State::Greeting { transport };
        self.deadlines.set(Timer::Welcome, now.instant + self.config.welcome_timeout);
        let Credentials { token, display_name, user_agent } = credentials;
        let resume = self
            .session_id
            .clone()
            .map(|session_id| ResumeSession { session_id, last_seq: self.inbox.last() });
        let hello = Hello { token, display_name, resume, user_agent };
        self.transmit(transport, 0, Some(client_frame::Body::Hello(hello)));
    }

    /// Notes that a transport is gone without a close code. A transport that is not in use changes
    /// nothing.
    pub fn detach(&mut self, now: Now, transport: TransportId) {
        if self.transport() == Some(transport) {
            self.enter_detached(now);
        }
    }

    /// Notes that the server closed a transport with a code of the protocol.
    pub fn handle_close(&mut self, now: Now, transport: TransportId, code: CloseCode) {
        if self.transport() != Some(transport) {
            return;
        }
        match code {
            // A busy or silent client is let in again; a malformed frame would be sent again and
            // refused again, so it is final.
            CloseCode::TimedOut | CloseCode::TooManyFrames => self.enter_detached(now),
            CloseCode::GoingAway
            | CloseCode::Forbidden
            | CloseCode::FrameTooLarge
            | CloseCode::Malformed
            | CloseCode::Normal
            | CloseCode::SessionUnknown
            | CloseCode::SlowReader
            | CloseCode::TakenOver
            | CloseCode::Unauthorized => self.end(ClientSessionEnd::Closed { code, error: None }),
        }
    }

    /// Sends a command: now, or as soon as there is a transport.
    pub fn send(&mut self, command: Command) -> Result<(), SendError> {
        self.send_body(client_frame::Body::Command(command))
    }

    /// Offers a token in place of the one in force; the server answers with TokenRefreshed.
    pub fn refresh_token(&mut self, token: String) -> Result<(), SendError> {
        self.send_body(client_frame::Body::RefreshToken(RefreshToken { token }))
    }

    /// Ends the session for good. The shell goes on until `Ended` comes out, with its own deadline.
    pub fn goodbye(&mut self) -> Result<(), SendError> {
        self.send_body(client_frame::Body::Goodbye(Goodbye {}))
    }

    /// Takes a frame from a transport. A transport that is not in use changes nothing.
    pub fn handle_frame(&mut self, now: Now, transport: TransportId, frame: ServerFrame) {
        if self.transport() != Some(transport) {
            return;
        }
        if self.outbox.acknowledge(frame.ack).is_err() {
            self.violate(transport, ProtocolViolation::AckAheadOfSent);
            return;
        }
        match &mut self.state {
            State::Detached | State::Ended => return,
            State::Greeting { .. } => {
                match frame.body {
                    Some(server_frame::Body::Welcome(welcome)) => {
                        self.welcome(now, transport, welcome);
                    }
                    Some(server_frame::Body::SessionClosed(closed)) => self.closed(closed),
                    Some(server_frame::Body::Ping(_)) | None => {}
                    Some(_) => self.violate(transport, ProtocolViolation::Welcome),
                }
                return;
            }
            State::Open { last_heard, .. } => *last_heard = now.instant,
        }
        match (frame.seq, frame.body) {
            (0, None | Some(server_frame::Body::Pong(_))) => {}
            (0, Some(server_frame::Body::Ping(Ping { nonce }))) => {
                self.transmit(transport, 0, Some(client_frame::Body::Pong(Pong { nonce })));
            }
            (_, Some(server_frame::Body::SessionClosed(closed))) => self.closed(closed),
            (_, Some(server_frame::Body::Welcome(_))) => {
                self.violate(transport, ProtocolViolation::Welcome);
            }
            (0, Some(_))
            | (1.., None | Some(server_frame::Body::Ping(_) | server_frame::Body::Pong(_))) => {
                self.violate(transport, ProtocolViolation::Numbering);
            }
            (seq @ 1.., Some(body)) => match self.inbox.receive(seq) {
                Arrival::Gap => self.violate(transport, ProtocolViolation::Gap),
                Arrival::Duplicate => self.schedule_ack(now, transport),
                Arrival::Next => {
                    self.schedule_ack(now, transport);
                    self.outputs.push_back(ClientOutput::Deliver(body));
                }
            },
        }
    }

    /// Handles every deadline that has passed.
    pub fn handle_timeout(&mut self, now: Now) {
        while let Some(timer) = self.deadlines.pop_due(now.instant) {
            match (timer, self.state) {
                (Timer::Ack, State::Open { transport, .. }) => self.transmit(transport, 0, None),
                (Timer::Heartbeat, State::Open { transport, last_heard }) => {
                    self.check_heartbeat(now, transport, last_heard);
                }
                (Timer::Welcome, State::Greeting { transport }) => {
                    self.cut(now, transport, CloseCode::TimedOut);
                }
                (Timer::ResumeWindow, State::Detached | State::Greeting { .. }) => {
                    self.end(ClientSessionEnd::ResumeWindowElapsed);
                }
                (
                    Timer::Ack | Timer::Heartbeat | Timer::Welcome | Timer::ResumeWindow,
                    State::Detached | State::Ended | State::Greeting { .. } | State::Open { .. },
                ) => {}
            }
        }
    }

    /// Returns the next effect.
    pub fn poll_output(&mut self) -> Option<ClientOutput> {
        self.outputs.pop_front()
    }

    /// Returns when `handle_timeout` is to be called next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// Returns the transport in use.
    pub fn transport(&self) -> Option<TransportId> {
        match self.state {
            State::Greeting { transport } | State::Open { transport, .. } => Some(transport),
            State::Detached | State::Ended => None,
        }
    }

    /// Returns whether frames flow.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    /// Returns whether the session is over.
    pub fn is_ended(&self) -> bool {
        self.state == State::Ended
    }

    fn send_body(&mut self, body: client_frame::Body) -> Result<(), SendError> {
        let SessionConfig { outbox_limit_frames, outbox_limit_bytes, .. } = self.config;
        if self.state == State::Ended {
            return Err(SendError::Ended);
        }
        let length_bytes = body.encoded_len();
        if self.outbox.is_over(
            outbox_limit_frames.saturating_sub(1),
            outbox_limit_bytes.saturating_sub(length_bytes),
        ) {
            return Err(SendError::Full {
                limit_frames: outbox_limit_frames,
                limit_bytes: outbox_limit_bytes,
            });
        }
        let seq = self.outbox.push(body.clone(), length_bytes);
        if let State::Open { transport, .. } = self.state {
            self.transmit(transport, seq, Some(body));
        }
        Ok(())
    }

    fn welcome(&mut self, now: Now, transport: TransportId, welcome: Welcome) {
        let is_expected = welcome.resumed == self.session_id.is_some()
            && welcome.last_seq >= self.outbox.acknowledged();
        if !is_expected {
            self.violate(transport, ProtocolViolation::Forgotten);
            return;
        }
        if self.outbox.acknowledge(welcome.last_seq).is_err() {
            self.violate(transport, ProtocolViolation::AckAheadOfSent);
            return;
        }
        // Zero would mean a Ping without end.
        self.heartbeat = Duration::from_secs(u64::from(welcome.heartbeat_seconds.max(1)));
        self.resume_window = Duration::from_secs(u64::from(welcome.resume_seconds));
        self.session_id = Some(welcome.session_id.clone());
        self.state = State::Open { transport, last_heard: now.instant };
        self.deadlines.clear();
        self.deadlines.set(Timer::Heartbeat, now.instant + self.heartbeat);
        self.outputs.push_back(ClientOutput::Opened(welcome));
        let ack = self.inbox.acknowledge();
        for (seq, body) in self.outbox.retained() {
            let frame = ClientFrame { seq, ack, body: Some(body.clone()) };
            self.outputs.push_back(ClientOutput::Transmit { transport, frame });
        }
    }

    fn closed(&mut self, closed: trunkline_proto::signaling::v1::SessionClosed) {
        let code = u16::try_from(closed.close_code)
            .ok()
            .and_then(|number| CloseCode::try_from(number).ok())
            .unwrap_or(CloseCode::Normal);
        let said_goodbye =
            self.outbox.retained().any(|(_, body)| matches!(body, client_frame::Body::Goodbye(_)));
        if code == CloseCode::Normal && said_goodbye {
            self.end(ClientSessionEnd::Goodbye);
        } else {
            let error = closed.error.map(|error| (error.code, error.message));
            self.end(ClientSessionEnd::Closed { code, error });
        }
    }

    fn schedule_ack(&mut self, now: Now, transport: TransportId) {
        if self.inbox.unacknowledged() >= self.config.ack_after_frames {
            self.transmit(transport, 0, None);
        } else if self.deadlines.deadline(&Timer::Ack).is_none() {
            self.deadlines.set(Timer::Ack, now.instant + self.config.ack_delay);
        }
    }

    fn transmit(&mut self, transport: TransportId, seq: u64, body: Option<client_frame::Body>) {
        self.deadlines.cancel(&Timer::Ack);
        let frame = ClientFrame { seq, ack: self.inbox.acknowledge(), body };
        self.outputs.push_back(ClientOutput::Transmit { transport, frame });
    }

    fn check_heartbeat(&mut self, now: Now, transport: TransportId, last_heard: Instant) {
        let silence = now.instant.saturating_duration_since(last_heard);
        if silence >= self.heartbeat * 2 {
            self.cut(now, transport, CloseCode::TimedOut);
        } else if silence >= self.heartbeat {
            let ping = Ping { nonce: now.instant.as_nanos() };
            self.transmit(transport, 0, Some(client_frame::Body::Ping(ping)));
            self.deadlines.set(Timer::Heartbeat, last_heard + self.heartbeat * 2);
        } else {
            self.deadlines.set(Timer::Heartbeat, last_heard + self.heartbeat);
        }
    }

    fn cut(&mut self, now: Now, transport: TransportId, code: CloseCode) {
        self.outputs.push_back(ClientOutput::Close { transport, code });
        self.enter_detached(now);
    }

    fn enter_detached(&mut self, now: Now) {
        self.state = State::Detached;
        // The window counts from the first loss: a transport that never got as far as Welcome
        // does not open it again.
        let window = self.deadlines.deadline(&Timer::ResumeWindow);
        self.deadlines.clear();
        if self.session_id.is_some() {
            let until = window.unwrap_or(now.instant + self.resume_window);
            self.deadlines.set(Timer::ResumeWindow, until);
        }
    }

    fn violate(&mut self, transport: TransportId, violation: ProtocolViolation) {
        let code = CloseCode::Malformed;
        self.outputs.push_back(ClientOutput::Close { transport, code });
        self.end(ClientSessionEnd::Protocol(violation));
    }

    fn end(&mut self, end: ClientSessionEnd) {
        self.state = State::Ended;
        self.outbox.clear();
        self.deadlines.clear();
        self.outputs.push_back(ClientOutput::Ended(end));
    }
}

impl fmt::Debug for ClientSession {
    /// Shows the state and the positions: bodies carry names and addresses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSession")
            .field("state", &self.state)
            .field("received", &self.inbox.last())
            .field("sent", &self.outbox.last_sent())
            .field("acknowledged", &self.outbox.acknowledged())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Credentials {
    /// Shows nothing that names the user.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user_agent", &self.user_agent).finish_non_exhaustive()
    }
}

impl fmt::Debug for ClientOutput {
    /// Shows kinds and numbers: bodies carry names, addresses and tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Close { transport, code } => {
                write!(f, "Close({}, {})", transport.0, code.as_u16())
            }
            Self::Deliver(body) => write!(f, "Deliver({})", server_body_name(Some(body))),
            Self::Ended(end) => write!(f, "Ended({end:?})"),
            Self::Opened(welcome) => write!(f, "Opened(resumed {})", welcome.resumed),
            Self::Transmit { transport, frame } => {
                let name = client_body_name(frame.body.as_ref());
                write!(f, "Transmit({}, {name}, seq {}, ack {})", transport.0, frame.seq, frame.ack)
            }
        }
    }
}
