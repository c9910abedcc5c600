//! One signaling session as a task: it owns the session machine and one transport at a time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::mpsc;
use tokio::time::Instant;
use trunkline_call::Signal;
use trunkline_ids::{CallId, DisplayName, EndpointId, SessionId};
use trunkline_proto::common::v1 as common;
use trunkline_proto::signaling::v1::{Command, server_frame};
use trunkline_signaling::close::CloseCode;
use trunkline_signaling::outgoing::OutgoingFrame;
use trunkline_signaling::session::{
    Greeting, ServerOutput, ServerSession, SessionConfig, SessionEnd, TransportId,
};

use crate::calls::CallHandle;
use crate::clock::sleep_until;
use crate::commands::{self, Endpoint};
use crate::handshake;
use crate::link::{Inbound, Link, Outbound};
use crate::node::Node;
use crate::registry::{EndpointMessage, EndpointSender, Haste, Notices, Resume};
use crate::token::{TokenClaims, TokenError, Validity};

/// A session and everything that reaches it.
pub(crate) struct SessionTask {
    node: Node,
    session: ServerSession,
    session_id: SessionId,
    endpoint: Endpoint,
    calls: HashMap<CallId, CallHandle>,
    link: Option<Link>,
    /// An output that the transport had no room for.
    held: Option<ServerOutput>,
    endpoint_messages: mpsc::Receiver<EndpointMessage>,
    notices: Arc<Notices>,
    gathering: Gathering,
    resumes: mpsc::Receiver<Resume>,
    validity: Validity,
}

/// A session that is not opened, because its token does not count any more.
pub(crate) struct NotOpened {
    pub(crate) link: Link,
    pub(crate) error: TokenError,
}

/// How the messages of the endpoint are taken.
enum Gathering {
    /// Each as it comes.
    Off,
    /// What waits, and until when it and what follows it wait.
    Until(Instant, Vec<EndpointMessage>),
    /// What has waited leaves, in several turns when it is much; nothing starts to wait before all
    /// of it has left.
    Leaving,
}

/// What wakes the task.
enum Wake {
    Endpoint(Option<EndpointMessage>),
    Frame(Option<Inbound>),
    /// What waited does not any longer.
    Gathered,
    Overflow,
    Resume(Option<Resume>),
    Revoked,
    Room,
    Shutdown,
    Timeout,
}

impl SessionTask {
    /// Registers a session for the user of `claims` on a transport whose Hello has been read.
    pub(crate) async fn open(
        node: Node,
        claims: TokenClaims,
        display_name: DisplayName,
        link: Link,
    ) -> Result<Self, NotOpened> {
        // Before anything reaches it: a revocation since the token was verified is not told again.
        let validity = match Validity::begin(&node, &claims).await {
            Ok(validity) => validity,
            Err(error) => return Err(NotOpened { link, error }),
        };
        let session_id = SessionId::from_uuid_bytes(node.random_id());
        let endpoint_id = EndpointId::from_uuid_bytes(node.random_id());
        let greeting = Greeting {
            session_id,
            endpoint_id: endpoint_id.clone(),
            identifier: trunkline_api::convert::identifier(&claims.identifier),
            display_name: display_name.to_string(),
        };
        let now = node.clock().now();
        let session =
            ServerSession::new(now, SessionConfig::default(), greeting, link.id, claims.expires_on);
        let resumes = node.registry().add_session(session_id, claims.identifier.clone());
        let (sender, endpoint_messages, notices) = EndpointSender::new(endpoint_id.clone());
        node.register_endpoint(&claims.identifier, sender).await;
        node.board().open_session(&claims.identifier);
        metrics::gauge!("trunkline_sessions").increment(1.0);
        Ok(Self {
            endpoint: Endpoint { id: endpoint_id, claims, display_name },
            node,
            session,
            session_id,
            calls: HashMap::new(),
            link: Some(link),
            held: None,
            endpoint_messages,
            notices,
            gathering: Gathering::Off,
            resumes,
            validity,
        })
    }

    /// Runs the session to its end.
    pub(crate) async fn run(mut self) {
        while !self.drain().await {
            let wake = self.wait().await;
            self.handle(wake).await;
        }
    }

    async fn wait(&mut self) -> Wake {
        let deadline = self.session.poll_timeout();
        let (frame, room) = match &mut self.link {
            // While an output waits for room, further frames would only make more outputs.
            Some(link) if self.held.is_some() => (None, Some(link.outbound.clone())),
            Some(link) => (Some(&mut link.inbound), None),
            None => (None, None),
        };
        let gathered_at = match &self.gathering {
            Gathering::Until(at, _) => Some(*at),
            Gathering::Off | Gathering::Leaving => None,
        };
        let notices = &self.notices;
        tokio::select! {
            resume = self.resumes.recv() => Wake::Resume(resume),
            () = self.validity.revoked() => Wake::Revoked,
            // Not looked at while they gather: each would wake the task.
            message = self.endpoint_messages.recv(), if gathered_at.is_none() => {
                Wake::Endpoint(message)
            }
            () = async { match gathered_at {
                Some(at) => tokio::select! {
                    () = tokio::time::sleep_until(at) => {}
                    () = notices.urgent.notified() => {}
                },
                None => std::future::pending().await,
            } } => Wake::Gathered,
            inbound = async { match frame {
                Some(frame) => frame.recv().await,
                None => std::future::pending().await,
            } } => Wake::Frame(inbound),
            () = async { match room {
                // A closed transport counts as room: the send that follows notices.
                Some(room) => drop(room.reserve().await),
                None => std::future::pending().await,
            } } => Wake::Room,
            () = notices.overflow.notified() => Wake::Overflow,
            () = sleep_until(self.node.clock(), deadline) => Wake::Timeout,
            () = self.node.shutting_down() => Wake::Shutdown,
        }
    }

    async fn handle(&mut self, wake: Wake) {
        let now = self.node.clock().now();
        match wake {
            Wake::Endpoint(Some(message)) => match (&self.gathering, message.haste()) {
                (Gathering::Off, Haste::Soon) => self.gather(message),
                (Gathering::Off | Gathering::Until(..) | Gathering::Leaving, _) => {
                    self.take_endpoint_messages([message]);
                }
            },
            Wake::Gathered => {
                if let Gathering::Until(_, waiting) =
                    std::mem::replace(&mut self.gathering, Gathering::Off)
                {
                    self.take_endpoint_messages(waiting);
                }
            }
            // The registry drops its sender only when this task takes the endpoint out of it.
            Wake::Endpoint(None) | Wake::Resume(None) => {
                self.session.close(CloseCode::GoingAway, None);
            }
            Wake::Frame(Some(Inbound::Frame(frame))) => {
                if let Some(link) = &self.link {
                    self.session.handle_frame(now, link.id, frame);
                }
            }
            Wake::Frame(Some(Inbound::Refused(code))) => {
                if let Some(link) = &self.link {
                    self.session.refuse_frame(now, link.id, code);
                }
            }
            Wake::Frame(None) => self.lose_transport(None).await,
            Wake::Overflow => self.session.close(CloseCode::SlowReader, None),
            Wake::Resume(Some(Resume(link, resumption))) => {
                match self.session.attach(now, link.id, resumption) {
                    Ok(()) => self.take_over(link).await,
                    Err(error) => {
                        tracing::debug!(session = %self.session_id, %error, "resumption refused");
                        // The transport is not part of this session, so it is told directly.
                        link.close(CloseCode::SessionUnknown);
                    }
                }
            }
            Wake::Revoked => {
                let error = Some(token_error(TokenError::Revoked));
                self.session.close(CloseCode::Unauthorized, error);
            }
            Wake::Room => {}
            Wake::Shutdown => self.session.close(CloseCode::GoingAway, None),
            Wake::Timeout => self.session.handle_timeout(now),
        }
    }

    /// Carries out what the machine wants done, as far as the transport takes it. Returns whether
    /// the session is over.
    async fn drain(&mut self) -> bool {
        while let Some(output) = self.held.take().or_else(|| self.session.poll_output()) {
            match output {
                ServerOutput::Transmit { transport, frame } => {
                    let unsent = self.push(transport, frame);
                    // Behind a frame that never leaves, the end of the session would wait too.
                    if let Some(frame) = unsent.filter(|_| !self.session.is_ended()) {
                        self.held = Some(ServerOutput::Transmit { transport, frame });
                        return false;
                    }
                }
                ServerOutput::Close { transport, code } => {
                    if self.link.as_ref().is_some_and(|link| link.id == transport) {
                        self.lose_transport(Some(code)).await;
                    }
                }
                ServerOutput::Deliver(command) => self.execute(command).await,
                ServerOutput::TokenOffered(token) => self.check_token(&token).await,
                ServerOutput::Ended(end) => {
                    self.finish(end).await;
                    return true;
                }
            }
        }
        false
    }

    /// Puts a frame on a transport. What does not fit comes back; what is for a transport that is
    /// gone is dropped, since the machine sends it again after the next attach.
    fn push(&self, transport: TransportId, frame: OutgoingFrame) -> Option<OutgoingFrame> {
        let link = self.link.as_ref().filter(|link| link.id == transport)?;
        match link.outbound.try_send(Outbound::Frame(frame)) {
            Err(mpsc::error::TrySendError::Full(Outbound::Frame(frame))) => Some(frame),
            Ok(()) | Err(_) => None,
        }
    }

    async fn lose_transport(&mut self, code: Option<CloseCode>) {
        let Some(link) = self.link.take() else { return };
        self.session.detach(self.node.clock().now(), link.id);
        if let Some(code) = code {
            link.close(code);
        }
        let endpoint = &self.endpoint.id;
        for call in self.calls.values() {
            call.signal(Signal::TransportLost { endpoint: endpoint.clone() }).await;
        }
    }

    async fn take_over(&mut self, link: Link) {
        if let Some(earlier) = self.link.replace(link) {
            // Told directly: the machine's own word for it names a transport that is gone.
            earlier.close(CloseCode::TakenOver);
        }
        let endpoint = &self.endpoint.id;
        for call in self.calls.values() {
            call.signal(Signal::TransportResumed { endpoint: endpoint.clone() }).await;
        }
    }

    async fn execute(&mut self, command: Command) {
        let (result, call) = commands::execute(&self.node, &self.endpoint, command).await;
        if let Some(call) = call {
            self.calls.insert(call.id(), call);
        }
        self.session.send(server_frame::Body::CommandResult(result));
    }

    async fn check_token(&mut self, token: &str) {
        let now = self.node.clock().now();
        match self.node.identity().verify(token, now.wall).await {
            Ok(claims) if claims.identifier == self.endpoint.claims.identifier => {
                if let Err(missing) = handshake::require_scope(&claims) {
                    let code = missing.code().to_owned();
                    let error = common::Error { code, message: missing.to_string(), reason: None };
                    return self.session.refuse_token(error);
                }
                self.session.accept_token(now, claims.expires_on);
                self.endpoint.claims = claims;
            }
            Ok(_) => self.session.refuse_token(token_error(TokenError::Invalid)),
            Err(error) => self.session.refuse_token(token_error(error)),
        }
    }

    /// Lets a message wait, and what follows it until one does not.
    fn gather(&mut self, first: EndpointMessage) {
        // An earlier notice was of messages that are taken, or that are looked at below; one that
        // comes from here on is of something behind them.
        let _ = self.notices.urgent.notified().now_or_never();
        let mut waiting = vec![first];
        while let Ok(message) = self.endpoint_messages.try_recv() {
            let is_urgent = message.haste() == Haste::Now || waiting.len() == BATCH_LIMIT;
            waiting.push(message);
            if is_urgent {
                self.take_endpoint_messages(waiting);
                return;
            }
        }
        self.gathering = Gathering::Until(Instant::now() + GATHER_TIME, waiting);
    }

    /// Takes what has waited, and what else is there: what happened at once leaves at once.
    fn take_endpoint_messages(&mut self, waited: impl IntoIterator<Item = EndpointMessage>) {
        for message in waited {
            self.handle_endpoint_message(message);
        }
        self.gathering = Gathering::Leaving;
        for _ in 0..BATCH_LIMIT {
            match self.endpoint_messages.try_recv() {
                Ok(message) => self.handle_endpoint_message(message),
                Err(_) => {
                    self.gathering = Gathering::Off;
                    break;
                }
            }
        }
    }

    fn handle_endpoint_message(&mut self, message: EndpointMessage) {
        let body = match message {
            EndpointMessage::Event { body, ended, haste: _ } => {
                if let Some(call_id) = ended {
                    self.calls.remove(&call_id);
                }
                self.session.send(body);
                return;
            }
            EndpointMessage::IncomingCall(incoming) => server_frame::Body::IncomingCall(incoming),
            EndpointMessage::IncomingCallEnded(ended) => {
                server_frame::Body::IncomingCallEnded(ended)
            }
            EndpointMessage::MediaAnswer(answer) => server_frame::Body::MediaAnswer(answer),
            EndpointMessage::MediaAssignments(assignments) => {
                server_frame::Body::MediaAssignments(assignments)
            }
            EndpointMessage::MediaStateChanged(change) => {
                server_frame::Body::MediaStateChanged(change)
            }
        };
        self.session.send(body);
    }

    async fn finish(&mut self, end: SessionEnd) {
        tracing::debug!(session = %self.session_id, ?end, "session ended");
        metrics::gauge!("trunkline_sessions").decrement(1.0);
        metrics::counter!("trunkline_sessions_ended_total", "end" => end_label(end)).increment(1);
        self.node.registry().remove_session(&self.session_id);
        let now = self.node.clock().now().instant;
        self.node.board().end_session(now, &self.endpoint.claims.identifier);
        self.node.unregister_endpoint(&self.endpoint.claims.identifier, &self.endpoint.id).await;
    }
}

fn token_error(error: TokenError) -> common::Error {
    common::Error { code: error.code().to_owned(), message: error.to_string(), reason: None }
}

fn end_label(end: SessionEnd) -> &'static str {
    match end {
        SessionEnd::Closed(code) => code.name(),
        SessionEnd::Goodbye => "goodbye",
        SessionEnd::ResumeWindowElapsed => "resume_window_elapsed",
        SessionEnd::SlowReader => "slow_reader",
        SessionEnd::TokenExpired => "token_expired",
    }
}

/// Messages of an endpoint that are taken at once. More would keep its transport's frames waiting.
const BATCH_LIMIT: usize = 64;

/// How long the news of a crowd waits for more of it. Longer makes fewer and larger writes; a
/// person takes 200 ms for at once.
pub(crate) const GATHER_TIME: Duration = Duration::from_millis(200);
