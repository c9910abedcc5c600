//! What the application's handles and the agent's task share, and what they say to each other.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::{mpsc, oneshot, watch};
use trunkline_ids::{CallId, CommunicationIdentifier, EndpointId};
use trunkline_proto::signaling::v1::command::Kind;

use super::{AgentEvent, ConnectionState};
use crate::{
    call::{Call, CallKey, CallShared, model::ParticipantKey},
    credential::TokenError,
    error::OperationFailure,
    event::EventLog,
    incoming::IncomingShared,
    media::{Engine, EngineEvent, LocalOffer, MediaHandle, MediaOptions, PeerError},
};

/// Sends requests to the agent's task. When the queue is full, operations fail as `Busy`.
#[derive(Clone)]
pub(crate) struct AgentLink(pub(super) mpsc::Sender<Request>);

/// When an operation counts as done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Completion {
    /// With its terminal event, or with the end of the call, whichever comes first.
    CallEnded,
    /// As soon as the exchange has taken it up.
    TakenUp,
    /// With its terminal event.
    Terminal,
}

pub(super) type Reply = oneshot::Sender<Result<(), OperationFailure>>;

/// Why the task did not take a request.
pub(crate) enum NotTaken {
    Busy,
    Over,
}

/// What the application asks of the agent's task.
pub(super) enum Request {
    Accept {
        incoming: Arc<IncomingShared>,
        media: Option<MediaOptions>,
        reply: oneshot::Sender<Result<Call, OperationFailure>>,
    },
    AddParticipant {
        key: CallKey,
        command: Kind,
        participant: ParticipantKey,
    },
    Cut {
        duration: Duration,
    },
    Dispose {
        done: oneshot::Sender<()>,
    },
    DropTransport,
    Operate {
        key: CallKey,
        command: Kind,
        completion: Completion,
        reply: Reply,
    },
    Reject {
        call_id: CallId,
        reply: Reply,
    },
    Start {
        call: Arc<CallShared>,
        command: Kind,
        media: Option<MediaOptions>,
    },
}

/// What tasks of the agent tell it.
#[expect(clippy::large_enum_variant, reason = "moved once, and rarely of the large kind")]
pub(super) enum Internal {
    Engine { key: CallKey, event: EngineEvent },
    Prepared { key: CallKey, result: Result<(Engine, MediaHandle, LocalOffer), PeerError> },
    Token(Result<String, TokenError>),
}

/// What the agent's handles and its task share.
pub(crate) struct AgentShared {
    pub(crate) link: AgentLink,
    pub(crate) events: EventLog<AgentEvent>,
    pub(super) state: Arc<Mutex<State>>,
    next_key: Arc<AtomicU64>,
    /// Closes when the last handle is gone.
    _alive: watch::Sender<()>,
}

/// What the task writes and the handles read.
pub(super) struct State {
    pub(super) identity: Option<Identity>,
    pub(super) connection: ConnectionState,
    pub(super) calls: Vec<Call>,
}

/// Who the exchange says the agent is.
#[derive(Clone)]
pub(super) struct Identity {
    pub(super) identifier: CommunicationIdentifier,
    pub(super) display_name: String,
    pub(super) endpoint_id: EndpointId,
}

impl AgentShared {
    /// Makes the shared half of an agent, with what the task needs.
    pub(super) fn new() -> (Arc<Self>, TaskHalf) {
        let (requests, received) = mpsc::channel(REQUEST_QUEUE);
        let (alive, watched) = watch::channel(());
        let state = Arc::new(Mutex::new(State {
            identity: None,
            connection: ConnectionState::Reconnecting,
            calls: Vec::new(),
        }));
        let events = EventLog::new(EVENTS_KEPT);
        let next_key = Arc::new(AtomicU64::new(0));
        let link = AgentLink(requests);
        let half = TaskHalf {
            requests: received,
            alive: watched,
            state: Arc::clone(&state),
            events: events.clone(),
            next_key: Arc::clone(&next_key),
            link: link.clone(),
        };
        (Arc::new(Self { link, events, state, next_key, _alive: alive }), half)
    }

    pub(super) fn next_key(&self) -> CallKey {
        CallKey(self.next_key.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn identity(&self) -> Identity {
        self.lock().identity.clone().unwrap_or_else(|| Identity {
            identifier: nobody(),
            display_name: String::new(),
            endpoint_id: EndpointId::from_uuid_bytes([0; 16]),
        })
    }

    pub(super) fn connection_state(&self) -> ConnectionState {
        self.lock().connection.clone()
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    pub(super) async fn dispose(&self) {
        let (done, finished) = oneshot::channel();
        self.link.tell(Request::Dispose { done }).await;
        // An error means that the task is gone, which is what was asked for.
        let _ = finished.await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task's half of what is shared.
pub(super) struct TaskHalf {
    pub(super) requests: mpsc::Receiver<Request>,
    pub(super) alive: watch::Receiver<()>,
    pub(super) state: Arc<Mutex<State>>,
    pub(super) events: EventLog<AgentEvent>,
    pub(super) next_key: Arc<AtomicU64>,
    pub(super) link: AgentLink,
}

impl AgentLink {
    /// Carries out an operation on a call.
    pub(crate) async fn operate(
        &self,
        key: CallKey,
        command: Kind,
        completion: Completion,
    ) -> Result<(), OperationFailure> {
        let (reply, answer) = oneshot::channel();
        self.try_tell(Request::Operate { key, command, completion, reply })?;
        answer.await.unwrap_or(Err(OperationFailure::SessionEnded))
    }

    /// Adds a participant that has a local name already.
    pub(crate) fn add_participant(
        &self,
        key: CallKey,
        command: Kind,
        participant: ParticipantKey,
    ) -> Result<(), OperationFailure> {
        Ok(self.try_tell(Request::AddParticipant { key, command, participant })?)
    }

    /// Accepts a ringing call.
    pub(crate) async fn accept(
        &self,
        incoming: Arc<IncomingShared>,
        media: Option<MediaOptions>,
    ) -> Result<Call, OperationFailure> {
        let (reply, answer) = oneshot::channel();
        self.try_tell(Request::Accept { incoming, media, reply })?;
        answer.await.unwrap_or(Err(OperationFailure::SessionEnded))
    }

    /// Declines a ringing call.
    pub(crate) async fn reject(&self, call_id: CallId) -> Result<(), OperationFailure> {
        let (reply, answer) = oneshot::channel();
        self.try_tell(Request::Reject { call_id, reply })?;
        answer.await.unwrap_or(Err(OperationFailure::SessionEnded))
    }

    pub(super) fn try_tell(&self, request: Request) -> Result<(), NotTaken> {
        self.0.try_send(request).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => NotTaken::Busy,
            mpsc::error::TrySendError::Closed(_) => NotTaken::Over,
        })
    }

    pub(super) async fn tell(&self, request: Request) {
        // A task that is gone has nothing left to be told.
        let _ = self.0.send(request).await;
    }
}

impl From<NotTaken> for OperationFailure {
    fn from(not_taken: NotTaken) -> Self {
        match not_taken {
            NotTaken::Busy => Self::Busy,
            NotTaken::Over => Self::SessionEnded,
        }
    }
}

impl fmt::Debug for AgentLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentLink").field("is_closed", &self.0.is_closed()).finish()
    }
}

impl fmt::Debug for AgentShared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Agent")
            .field("endpoint_id", &state.identity.as_ref().map(|identity| &identity.endpoint_id))
            .field("connection", &state.connection)
            .field("calls", &state.calls)
            .finish_non_exhaustive()
    }
}

/// Who an agent is before the exchange has said so; no handle exists that early.
fn nobody() -> CommunicationIdentifier {
    "unknown".parse().expect("any short printable text is a raw id")
}

/// Commands of one application that wait for the task; it takes them within a millisecond.
const REQUEST_QUEUE: usize = 1_024;

const EVENTS_KEPT: usize = 512;
