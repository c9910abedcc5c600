//! Calling without media: what the unary API does on behalf of a user.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};
use trunkline_call::Action;
use trunkline_ids::{CommunicationIdentifier, DisplayName, EndpointId};
use trunkline_policy::Right;
use trunkline_proto::calling::v1 as wire;

use crate::calls::{AnswerAt, CallMessage, Reader, WatchError};
use crate::commands::{self, CallingError, Endpoint, Outcome};
use crate::handshake;
use crate::node::Node;
use crate::registry::{EndpointMessage, EndpointSender};
use crate::token::{TokenClaims, TokenError, Validity};
use crate::watch::Watch;

/// Acts in calls for the user of a token, by signaling alone.
#[derive(Clone, Debug)]
pub struct Controller {
    node: Node,
    endpoint: Endpoint,
}

/// A registered endpoint that rings for as long as its token counts; dropping it unregisters it.
#[derive(Debug)]
pub struct Ringer {
    node: Node,
    endpoint: EndpointId,
    messages: mpsc::Receiver<EndpointMessage>,
    validity: Arc<Validity>,
    _registered: DropGuard,
}

/// Why no endpoint is registered.
#[derive(Debug, thiserror::Error)]
pub enum RingError {
    /// It may not be, or not like that.
    #[error(transparent)]
    Calling(#[from] CallingError),
    /// The token does not count any more.
    #[error(transparent)]
    Token(#[from] TokenError),
}

/// Something that a [`Ringer`] was told.
#[derive(Clone, Debug)]
pub enum RingerEvent {
    /// A call rings.
    IncomingCall(wire::IncomingCall),
    /// It stopped ringing.
    IncomingCallEnded(wire::IncomingCallEnded),
}

impl Node {
    /// Returns what acts for the user of `claims`.
    ///
    /// All controllers of a user are one endpoint, so that a repeated request is known as such
    /// whichever connection it comes over.
    pub fn controller(&self, claims: TokenClaims) -> Controller {
        let display_name =
            self.identity().directory_name(&claims.identifier).unwrap_or_else(DisplayName::guest);
        let id = controller_endpoint(&claims.identifier);
        Controller { node: self.clone(), endpoint: Endpoint { id, claims, display_name } }
    }
}

impl Controller {
    /// Fails unless a scope of the token gives a right.
    pub fn require(&self, right: Right) -> Result<(), CallingError> {
        commands::require_scope(&self.endpoint, right)
    }

    /// Returns for whom it acts.
    pub fn user(&self) -> &CommunicationIdentifier {
        &self.endpoint.claims.identifier
    }

    /// Places a call; returns it with the caller's participant id.
    pub async fn place(
        &self,
        request: wire::PlaceCallRequest,
    ) -> Result<(wire::Call, String), CallingError> {
        refuse_media(request.media.as_ref())?;
        commands::place(&self.node, &self.endpoint, request).await.map(joined)
    }

    /// Joins a group call; returns it with the joiner's participant id.
    pub async fn join(
        &self,
        request: wire::JoinCallRequest,
    ) -> Result<(wire::Call, String), CallingError> {
        refuse_media(request.media.as_ref())?;
        commands::join(&self.node, &self.endpoint, request).await.map(joined)
    }

    /// Accepts a call that rings; returns it with the accepting participant id.
    pub async fn accept(
        &self,
        request: wire::AcceptCallRequest,
    ) -> Result<(wire::Call, String), CallingError> {
        refuse_media(request.media.as_ref())?;
        commands::accept(&self.node, &self.endpoint, request).await.map(joined)
    }

    /// Calls somebody into a call; returns the new entry of the roster at once, the outcome of the
    /// invitation is an event.
    pub async fn add_participant(
        &self,
        request: wire::AddParticipantRequest,
    ) -> Result<Option<wire::Participant>, CallingError> {
        let (call, participant_id) = joined(
            commands::add_participant(&self.node, &self.endpoint, request, AnswerAt::Start).await?,
        );
        Ok(call.participants.into_iter().find(|entry| entry.participant_id == participant_id))
    }

    /// Calls somebody to take the user's place; returns the target's entry of the roster at once, the
    /// outcome of the transfer is an event.
    pub async fn transfer(
        &self,
        request: wire::TransferCallRequest,
    ) -> Result<Option<wire::Participant>, CallingError> {
        let (call, participant_id) =
            joined(commands::transfer(&self.node, &self.endpoint, request, AnswerAt::Start).await?);
        Ok(call.participants.into_iter().find(|entry| entry.participant_id == participant_id))
    }

    /// Removes somebody from a call, and from its chat where that follows.
    pub async fn remove_participant(
        &self,
        request: wire::RemoveParticipantRequest,
    ) -> Result<(), CallingError> {
        let at = AnswerAt::Completion;
        commands::remove_participant(&self.node, &self.endpoint, request, at).await.map(|_| ())
    }

    /// Carries out an action and returns once it has ended.
    pub async fn act(
        &self,
        call_id: &str,
        operation_id: String,
        action: Action,
    ) -> Result<(), CallingError> {
        let at = AnswerAt::Completion;
        commands::act(&self.node, &self.endpoint, call_id, operation_id, action, at)
            .await
            .map(|_| ())
    }

    /// Carries out an action on another participant, named by id, raw id or alias.
    pub async fn act_on(
        &self,
        call_id: &str,
        operation_id: String,
        participant: &str,
        action: impl FnOnce(trunkline_call::ParticipantSelector) -> Action,
    ) -> Result<(), CallingError> {
        let selector = commands::selector(&self.node, participant)?;
        self.act(call_id, operation_id, action(selector)).await
    }

    /// Returns a call that the user is in, or was in when it ended.
    pub async fn call(&self, call_id: &str) -> Result<wire::Call, CallingError> {
        let call = commands::find(&self.node, call_id)?;
        let reader = self.endpoint.claims.identifier.clone();
        call.ask(|answer| CallMessage::Snapshot { reader, answer })
            .await
            .flatten()
            .ok_or(CallingError::NotFound)
    }

    /// Returns the user's live calls, oldest first.
    pub async fn calls(&self) -> Vec<wire::Call> {
        let user = &self.endpoint.claims.identifier;
        let mut calls = Vec::new();
        for call in self.node.calls().of_user(user) {
            let reader = user.clone();
            let asked = call.ask(|answer| CallMessage::Snapshot { reader, answer }).await;
            calls.extend(asked.flatten());
        }
        let started = |call: &wire::Call| call.started_at.map(|at| (at.seconds, at.nanos));
        calls.sort_by_key(started);
        calls
    }

    /// Streams a call's events: a snapshot and what follows, or what follows a cursor. Ends when the
    /// user leaves the call, and with the token.
    pub async fn watch(
        &self,
        call_id: &str,
        after_seq: Option<u64>,
    ) -> Result<Watch<wire::CallEvent>, WatchError> {
        let call = commands::find(&self.node, call_id).map_err(|_| WatchError::NotFound)?;
        let claims = &self.endpoint.claims;
        let validity = Validity::begin(&self.node, claims).await?;
        let events = call.watch(Reader::User(claims.identifier.clone()), after_seq).await?;
        Ok(Watch::new(events, Some(validity)))
    }

    /// Registers an endpoint that rings for the user until it is dropped, or its token counts no
    /// more.
    pub async fn ring(&self, display_name: &str) -> Result<Ringer, RingError> {
        let claims = &self.endpoint.claims;
        // The name is checked here so that a bad one is told now and not when a call is accepted.
        handshake::display_name(&self.node, claims, display_name)
            .map_err(|error| CallingError::invalid("display_name", error))?;
        if !self.node.is_accepting() {
            return Err(CallingError::ShuttingDown.into());
        }
        let validity = Arc::new(Validity::begin(&self.node, claims).await?);
        let endpoint = EndpointId::from_uuid_bytes(self.node.random_id());
        // An endpoint that does not keep up loses its stream with the channel's end.
        let (sender, messages, _overflow) = EndpointSender::new(endpoint.clone());
        let dropped = CancellationToken::new();
        let registered = dropped.clone().drop_guard();
        let (done, is_done) = oneshot::channel();
        let (node, user) = (self.node.clone(), claims.identifier.clone());
        let (own, token) = (endpoint.clone(), Arc::clone(&validity));
        // A task of its own: whoever holds the ringer may never ask it for the next event.
        self.node.spawn(async move {
            node.register_endpoint(&user, sender).await;
            let _ = done.send(());
            tokio::select! {
                _ = token.over() => {}
                () = dropped.cancelled() => {}
                () = node.shutting_down() => {}
            }
            node.unregister_endpoint(&user, &own).await;
        });
        // The task ends early with the runtime only.
        let _ = is_done.await;
        let node = self.node.clone();
        Ok(Ringer { node, endpoint, messages, validity, _registered: registered })
    }
}

impl Ringer {
    /// Returns the endpoint's name.
    pub fn endpoint(&self) -> &EndpointId {
        &self.endpoint
    }

    /// Waits for the next event. `None` once the exchange stops. Cancel-safe.
    ///
    /// # Errors
    /// Says why the token does not count any more; nothing follows.
    pub async fn next(&mut self) -> Result<Option<RingerEvent>, TokenError> {
        loop {
            let message = tokio::select! {
                // First, so that nothing is told after it.
                biased;
                error = self.validity.over() => return Err(error),
                message = self.messages.recv() => message,
                () = self.node.shutting_down() => None,
            };
            let Some(message) = message else {
                return Ok(None);
            };
            match message {
                EndpointMessage::IncomingCall(call) => {
                    return Ok(Some(RingerEvent::IncomingCall(call)));
                }
                EndpointMessage::IncomingCallEnded(ended) => {
                    return Ok(Some(RingerEvent::IncomingCallEnded(ended)));
                }
                // A ringer takes no part in calls; its user's controller watches them.
                EndpointMessage::Event { .. }
                | EndpointMessage::MediaAnswer(_)
                | EndpointMessage::MediaAssignments(_)
                | EndpointMessage::MediaStateChanged(_) => {}
            }
        }
    }
}

/// Returns the endpoint that all controllers of a user are.
pub(crate) fn controller_endpoint(user: &CommunicationIdentifier) -> EndpointId {
    let raw_id = user.to_string();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, raw_id.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_ref()[..16]);
    EndpointId::from_uuid_bytes(bytes)
}

fn joined(outcome: Outcome) -> (wire::Call, String) {
    let Some(accepted) = outcome.accepted else { return Default::default() };
    let participant = accepted.subject.map(|(participant, _)| participant.to_string());
    (accepted.call, participant.unwrap_or_default())
}

/// A leg needs a session to talk about its media with.
fn refuse_media(offer: Option<&wire::MediaOffer>) -> Result<(), CallingError> {
    match offer {
        None => Ok(()),
        Some(_) => Err(CallingError::invalid("media", "is taken on the signaling stream only")),
    }
}
