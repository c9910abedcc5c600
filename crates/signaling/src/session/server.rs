//! The exchange's end of a session.

use std::{collections::VecDeque, fmt};

use prost::Message;
use thiserror::Error;
use trunkline_clock::{Deadlines, Instant, Now, Timestamp};
use trunkline_ids::{EndpointId, SessionId};
use trunkline_proto::{
    common::v1 as common,
    signaling::v1::{
        ClientFrame, Command, Ping, Pong, SessionClosed, TokenExpiring, TokenRefreshed, Welcome,
        client_frame, server_frame,
    },
};

use super::{
    SessionConfig, TransportId,
    rate::RateLimit,
    sequence::{Arrival, Inbox, Outbox},
};
use crate::close::CloseCode;
use crate::outgoing::{EncodedBody, OutgoingFrame};

/// The exchange's end of one session; see [the module](super) for how it is driven.
///
/// The shell reads the Hello of a new transport, checks its token, and either makes a session or
/// finds the one to resume and attaches the transport to it. The machine writes Welcome itself,
/// numbers and keeps what is sent, drops what it has seen before, and ends the session when the
/// resume window or the token runs out.
pub struct ServerSession {
    config: SessionConfig,
    greeting: Greeting,
    state: State,
    inbox: Inbox,
    outbox: Outbox<EncodedBody>,
    rate: RateLimit,
    token_expires_on: Timestamp,
    has_warned: bool,
    deadlines: Deadlines<Timer>,
    outputs: VecDeque<ServerOutput>,
}

/// What Welcome says about the session, besides what the machine knows itself.
#[derive(Clone)]
pub struct Greeting {
    /// Names the session.
    pub session_id: SessionId,
    /// The endpoint that rings.
    pub endpoint_id: EndpointId,
    /// Who the token says it is.
    pub identifier: common::CommunicationIdentifier,
    /// The name shown to others.
    pub display_name: String,
}

/// What a transport brings that resumes a session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Resumption {
    /// The highest server `seq` that the client received in order, from its Hello.
    pub last_seq: u64,
    /// When the token of its Hello runs out.
    pub token_expires_on: Timestamp,
}

/// An effect that the shell carries out.
pub enum ServerOutput {
    /// Close this transport with this code, after what was transmitted on it before.
    Close {
        /// Which transport.
        transport: TransportId,
        /// Why.
        code: CloseCode,
    },
    /// Carry out a command: each arrives once, in the order in which the client sent them.
    Deliver(Command),
    /// The session is over; nothing follows. The endpoint is to be unregistered.
    Ended(SessionEnd),
    /// Check this token, then call [`ServerSession::accept_token`] or
    /// [`ServerSession::refuse_token`].
    TokenOffered(String),
    /// Send a frame on this transport.
    Transmit {
        /// Which transport.
        transport: TransportId,
        /// The frame.
        frame: OutgoingFrame,
    },
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SessionEnd {
    /// The shell closed it with this code.
    Closed(CloseCode),
    /// The client said Goodbye.
    Goodbye,
    /// No transport came back within the resume window.
    ResumeWindowElapsed,
    /// More was unacknowledged than the bounds allow.
    SlowReader,
    /// The token ran out.
    TokenExpired,
}

/// Why a transport cannot resume a session. The session itself is left as it was.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum AttachError {
    /// The client claims to have received more than was sent.
    #[error("client claims frame {claimed}, {sent} were sent")]
    AheadOfSent {
        /// What the client claims.
        claimed: u64,
        /// What was sent.
        sent: u64,
    },
    /// The client has forgotten frames that it acknowledged before.
    #[error("client wants frames after {claimed}, all up to {acknowledged} are acknowledged")]
    BehindAcknowledged {
        /// What the client claims.
        claimed: u64,
        /// What it acknowledged before.
        acknowledged: u64,
    },
    /// The session is over.
    #[error("session is over")]
    Ended,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Attached { transport: TransportId, last_heard: Instant },
    Detached,
    Ended,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Timer {
    /// A bare acknowledgment is due.
    Ack,
    /// Time to look how long the client has been silent.
    Heartbeat,
    /// The resume window closes.
    ResumeWindow,
    /// The token runs out.
    TokenExpiry,
    /// The client is to be told that the token runs out soon.
    TokenWarning,
}

impl ServerSession {
    /// Opens a session on a transport whose Hello carried a valid token; emits Welcome.
    pub fn new(
        now: Now,
        config: SessionConfig,
        greeting: Greeting,
        transport: TransportId,
        token_expires_on: Timestamp,
    ) -> Self {
        let rate = RateLimit::new(now.instant, config.frames_per_second, config.frames_burst);
        let mut session = Self {
            config,
            greeting,
            state: State::Detached,
            inbox: Inbox::default(),
            outbox: Outbox::new(),
            rate,
            token_expires_on,
            has_warned: false,
            deadlines: Deadlines::new(),
            outputs: VecDeque::new(),
        };
        session.schedule_token(now, token_expires_on);
        session.start_transport(now, transport, false);
        session
    }

    /// Goes on with the session on a new transport: takes over from a transport that is still
    /// attached, emits Welcome, and sends again what the client has not received.
    ///
    /// The shell has checked that the Hello carried a valid token of the session's own user.
    pub fn attach(
        &mut self,
        now: Now,
        transport: TransportId,
        resumption: Resumption,
    ) -> Result<(), AttachError> {
        let Resumption { last_seq: claimed, token_expires_on } = resumption;
        if self.state == State::Ended {
            return Err(AttachError::Ended);
        }
        let acknowledged = self.outbox.acknowledged();
        if claimed < acknowledged {
            return Err(AttachError::BehindAcknowledged { claimed, acknowledged });
        }
        let sent = self.outbox.last_sent();
        self.outbox.acknowledge(claimed).map_err(|_| AttachError::AheadOfSent { claimed, sent })?;
        if let State::Attached { transport: earlier, .. } = self.state {
            self.outputs
                .push_back(ServerOutput::Close { transport: earlier, code: CloseCode::TakenOver });
        }
        self.schedule_token(now, token_expires_on);
        self.start_transport(now, transport, true);
        let ack = self.inbox.acknowledge();
        for (seq, body) in self.outbox.retained() {
            let frame = OutgoingFrame { seq, ack, body: Some(body.clone()) };
            self.outputs.push_back(ServerOutput::Transmit { transport, frame });
        }
        Ok(())
    }

    /// Notes that a transport is gone. A transport that is not the attached one changes nothing.
    pub fn detach(&mut self, now: Now, transport: TransportId) {
        if self.is_attached_to(transport) {
            self.enter_detached(now);
        }
    }

    /// Sends a sequenced body: now, or after the next attach. Does nothing once the session is
    /// over.
    pub fn send(&mut self, body: impl Into<EncodedBody>) {
        if self.state == State::Ended {
            return;
        }
        let body = body.into();
        let length_bytes = body.encoded_len();
        let seq = self.outbox.push(body.clone(), length_bytes);
        if self.outbox.is_over(self.config.outbox_limit_frames, self.config.outbox_limit_bytes) {
            self.end(CloseCode::SlowReader, SessionEnd::SlowReader, None);
            return;
        }
        if let State::Attached { transport, .. } = self.state {
            self.transmit(transport, seq, Some(body));
        }
    }

    /// Takes a frame from a transport. A transport that is not the attached one changes nothing.
    pub fn handle_frame(&mut self, now: Now, transport: TransportId, frame: ClientFrame) {
        let State::Attached { transport: attached, last_heard } = &mut self.state else {
            return;
        };
        if *attached != transport {
            return;
        }
        *last_heard = now.instant;
        if !self.rate.take(now.instant) {
            self.cut(now, CloseCode::TooManyFrames);
            return;
        }
        if self.outbox.acknowledge(frame.ack).is_err() {
            self.cut(now, CloseCode::Malformed);
            return;
        }
        match (frame.seq, frame.body) {
            (0, None | Some(client_frame::Body::Pong(_))) => {}
            (0, Some(client_frame::Body::Ping(Ping { nonce }))) => {
                self.transmit(transport, 0, Some(server_frame::Body::Pong(Pong { nonce }).into()));
            }
            (1.., Some(client_frame::Body::Command(command))) => {
                if self.receive(now, transport, frame.seq) {
                    self.outputs.push_back(ServerOutput::Deliver(command));
                }
            }
            (1.., Some(client_frame::Body::RefreshToken(refresh))) => {
                if self.receive(now, transport, frame.seq) {
                    self.outputs.push_back(ServerOutput::TokenOffered(refresh.token));
                }
            }
            (1.., Some(client_frame::Body::Goodbye(_))) => {
                if self.receive(now, transport, frame.seq) {
                    self.end(CloseCode::Normal, SessionEnd::Goodbye, None);
                }
            }
            (_, Some(client_frame::Body::Hello(_)))
            | (1.., None | Some(client_frame::Body::Ping(_) | client_frame::Body::Pong(_)))
            | (
                0,
                Some(
                    client_frame::Body::Command(_)
                    | client_frame::Body::RefreshToken(_)
                    | client_frame::Body::Goodbye(_),
                ),
            ) => self.cut(now, CloseCode::Malformed),
        }
    }

    /// Notes that a transport carried something that is not a frame, and closes it with the code
    /// of the failure. The session can be resumed.
    pub fn refuse_frame(&mut self, now: Now, transport: TransportId, code: CloseCode) {
        if self.is_attached_to(transport) {
            self.cut(now, code);
        }
    }

    /// Puts an offered token in force.
    pub fn accept_token(&mut self, now: Now, expires_on: Timestamp) {
        self.schedule_token(now, expires_on);
        let refreshed = TokenRefreshed { expires_on: Some(proto_time(expires_on)), error: None };
        self.send(server_frame::Body::TokenRefreshed(refreshed));
    }

    /// Leaves the earlier token in force and tells the client why the offered one was refused.
    pub fn refuse_token(&mut self, error: common::Error) {
        let expires_on = Some(proto_time(self.token_expires_on));
        let refused = TokenRefreshed { expires_on, error: Some(error) };
        self.send(server_frame::Body::TokenRefreshed(refused));
    }

    /// Ends the session: a revoked token, a shutdown.
    pub fn close(&mut self, code: CloseCode, error: Option<common::Error>) {
        self.end(code, SessionEnd::Closed(code), error);
    }

    /// Handles every deadline that has passed.
    pub fn handle_timeout(&mut self, now: Now) {
        while let Some(timer) = self.deadlines.pop_due(now.instant) {
            match timer {
                Timer::Ack => {
                    if let State::Attached { transport, .. } = self.state {
                        self.transmit(transport, 0, None);
                    }
                }
                Timer::Heartbeat => self.check_heartbeat(now),
                Timer::ResumeWindow => {
                    self.end(CloseCode::TimedOut, SessionEnd::ResumeWindowElapsed, None);
                }
                Timer::TokenExpiry => {
                    let error = common::Error {
                        code: "token_expired".to_owned(),
                        message: format!("the token expired on {}", self.token_expires_on),
                        reason: None,
                    };
                    self.end(CloseCode::Unauthorized, SessionEnd::TokenExpired, Some(error));
                }
                Timer::TokenWarning => {
                    self.has_warned = true;
                    let expires_on = Some(proto_time(self.token_expires_on));
                    self.send(server_frame::Body::TokenExpiring(TokenExpiring { expires_on }));
                }
            }
        }
    }

    /// Returns the next effect.
    pub fn poll_output(&mut self) -> Option<ServerOutput> {
        self.outputs.pop_front()
    }

    /// Returns when `handle_timeout` is to be called next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// Returns the transport in use.
    pub fn transport(&self) -> Option<TransportId> {
        match self.state {
            State::Attached { transport, .. } => Some(transport),
            State::Detached | State::Ended => None,
        }
    }

    /// Returns whether the session is over.
    pub fn is_ended(&self) -> bool {
        self.state == State::Ended
    }

    fn is_attached_to(&self, transport: TransportId) -> bool {
        self.transport() == Some(transport)
    }

    fn start_transport(&mut self, now: Now, transport: TransportId, resumed: bool) {
        self.state = State::Attached { transport, last_heard: now.instant };
        self.deadlines.cancel(&Timer::ResumeWindow);
        self.deadlines.set(Timer::Heartbeat, now.instant + self.config.heartbeat);
        let seconds =
            |duration: std::time::Duration| u32::try_from(duration.as_secs()).unwrap_or(u32::MAX);
        let welcome = Welcome {
            session_id: self.greeting.session_id.to_string(),
            endpoint_id: self.greeting.endpoint_id.to_string(),
            identifier: Some(self.greeting.identifier.clone()),
            display_name: self.greeting.display_name.clone(),
            resumed,
            last_seq: self.inbox.last(),
            heartbeat_seconds: seconds(self.config.heartbeat),
            resume_seconds: seconds(self.config.resume_window),
            token_expires_on: Some(proto_time(self.token_expires_on)),
            max_frame_bytes: u32::try_from(self.config.max_frame_bytes).unwrap_or(u32::MAX),
        };
        self.transmit(transport, 0, Some(server_frame::Body::Welcome(welcome).into()));
    }

    /// Counts a sequenced frame and returns whether it is to be delivered.
    fn receive(&mut self, now: Now, transport: TransportId, seq: u64) -> bool {
        let arrival = self.inbox.receive(seq);
        match arrival {
            Arrival::Gap => self.cut(now, CloseCode::Malformed),
            Arrival::Duplicate | Arrival::Next => {
                if self.inbox.unacknowledged() >= self.config.ack_after_frames {
                    self.transmit(transport, 0, None);
                } else if self.deadlines.deadline(&Timer::Ack).is_none() {
                    self.deadlines.set(Timer::Ack, now.instant + self.config.ack_delay);
                }
            }
        }
        arrival == Arrival::Next
    }

    fn transmit(&mut self, transport: TransportId, seq: u64, body: Option<EncodedBody>) {
        self.deadlines.cancel(&Timer::Ack);
        let frame = OutgoingFrame { seq, ack: self.inbox.acknowledge(), body };
        self.outputs.push_back(ServerOutput::Transmit { transport, frame });
    }

    fn check_heartbeat(&mut self, now: Now) {
        let State::Attached { transport, last_heard } = self.state else {
            return;
        };
        let silence = now.instant.saturating_duration_since(last_heard);
        if silence >= self.config.heartbeat * 2 {
            self.cut(now, CloseCode::TimedOut);
        } else if silence >= self.config.heartbeat {
            let ping = Ping { nonce: now.instant.as_nanos() };
            self.transmit(transport, 0, Some(server_frame::Body::Ping(ping).into()));
            self.deadlines.set(Timer::Heartbeat, last_heard + self.config.heartbeat * 2);
        } else {
            self.deadlines.set(Timer::Heartbeat, last_heard + self.config.heartbeat);
        }
    }

    fn schedule_token(&mut self, now: Now, expires_on: Timestamp) {
        if self.token_expires_on != expires_on {
            self.has_warned = false;
        }
        self.token_expires_on = expires_on;
        let remaining = expires_on.saturating_duration_since(now.wall);
        self.deadlines.set(Timer::TokenExpiry, now.instant + remaining);
        if self.has_warned {
            self.deadlines.cancel(&Timer::TokenWarning);
        } else {
            let warning = remaining.saturating_sub(self.config.token_warning);
            self.deadlines.set(Timer::TokenWarning, now.instant + warning);
        }
    }

    /// Closes the transport and waits for another.
    fn cut(&mut self, now: Now, code: CloseCode) {
        if let State::Attached { transport, .. } = self.state {
            self.outputs.push_back(ServerOutput::Close { transport, code });
            self.enter_detached(now);
        }
    }

    /// Leaves one deadline: whoever resumes brings a token of its own, so the earlier one no longer
    /// matters.
    fn enter_detached(&mut self, now: Now) {
        self.state = State::Detached;
        self.deadlines.clear();
        self.deadlines.set(Timer::ResumeWindow, now.instant + self.config.resume_window);
    }

    fn end(&mut self, code: CloseCode, end: SessionEnd, error: Option<common::Error>) {
        if let State::Attached { transport, .. } = self.state {
            let closed = SessionClosed {
                close_code: u32::from(code.as_u16()),
                error: Some(error.unwrap_or_else(|| common::Error {
                    code: code.name().to_owned(),
                    message: code.meaning().to_owned(),
                    reason: None,
                })),
            };
            let body = Some(server_frame::Body::SessionClosed(closed).into());
            let frame = OutgoingFrame { seq: 0, ack: self.inbox.acknowledge(), body };
            self.outputs.push_back(ServerOutput::Transmit { transport, frame });
            self.outputs.push_back(ServerOutput::Close { transport, code });
        }
        if self.state != State::Ended {
            self.state = State::Ended;
            self.outbox.clear();
            self.deadlines.clear();
            self.outputs.push_back(ServerOutput::Ended(end));
        }
    }
}

impl AttachError {
    /// Returns the code with which the shell closes the transport that tried.
    pub fn close_code(self) -> CloseCode {
        match self {
            Self::AheadOfSent { .. } => CloseCode::Malformed,
            Self::BehindAcknowledged { .. } | Self::Ended => CloseCode::SessionUnknown,
        }
    }
}

impl fmt::Debug for ServerSession {
    /// Shows the endpoint, the state and the positions: bodies carry names and addresses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerSession")
            .field("endpoint_id", &self.greeting.endpoint_id)
            .field("state", &self.state)
            .field("received", &self.inbox.last())
            .field("sent", &self.outbox.last_sent())
            .field("acknowledged", &self.outbox.acknowledged())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ServerOutput {
    /// Shows kinds and numbers: bodies carry names, addresses and tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Close { transport, code } => {
                write!(f, "Close({}, {})", transport.0, code.as_u16())
            }
            Self::Deliver(command) => write!(f, "Deliver({} bytes)", command.encoded_len()),
            Self::Ended(end) => write!(f, "Ended({end:?})"),
            Self::TokenOffered(_) => f.write_str("TokenOffered(<redacted>)"),
            Self::Transmit { transport, frame } => {
                write!(f, "Transmit({}, {frame:?})", transport.0)
            }
        }
    }
}

impl fmt::Debug for Greeting {
    /// Shows the endpoint alone: the rest names a person or is worth guessing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Greeting").field("endpoint_id", &self.endpoint_id).finish_non_exhaustive()
    }
}

/// Turns a time into its protobuf form.
fn proto_time(time: Timestamp) -> prost_types::Timestamp {
    let micros = time.as_unix_micros();
    prost_types::Timestamp {
        seconds: micros.div_euclid(1_000_000),
        nanos: i32::try_from(micros.rem_euclid(1_000_000) * 1_000).unwrap_or(0),
    }
}
