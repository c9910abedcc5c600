//! What a meeting's task is told, and by whom it is reached.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use trunkline_call::Command as CallCommand;
use trunkline_ids::{CommunicationIdentifier, DisplayName, MeetingId, OperationId};
use trunkline_interop::{Actor, MeetingUpdate, Signal};
use trunkline_proto::meetings::v1 as wire;

use crate::calls::AnswerAt;
use crate::commands::{CallingError, Endpoint, Outcome};
use crate::media::Offer;
use crate::meetings::{MeetingActor, MeetingFailure};

/// What a joiner brings.
#[derive(Clone, Debug)]
pub(crate) struct JoinRequest {
    pub(crate) operation_id: OperationId,
    pub(crate) display_name: Option<DisplayName>,
    pub(crate) offer: Option<Offer>,
}

type Answer<T> = oneshot::Sender<Result<T, MeetingFailure>>;

/// What a meeting's task is told.
pub(crate) enum MeetingMessage {
    Act {
        actor: Actor,
        operation_id: OperationId,
        action: wire::MeetingAction,
        /// Whether the actor acts through the call, which then tells of the operation's end.
        is_in_call: bool,
        answer: Answer<()>,
    },
    /// A command of the call that concerns others.
    Command {
        command: Box<CallCommand>,
        answer_at: AnswerAt,
        answer: oneshot::Sender<Result<Outcome, CallingError>>,
    },
    Explain {
        actor: MeetingActor,
        user: CommunicationIdentifier,
        answer: Answer<wire::ExplainEntryResponse>,
    },
    IsOpenTo {
        user: CommunicationIdentifier,
        answer: oneshot::Sender<bool>,
    },
    Join {
        endpoint: Endpoint,
        request: Box<JoinRequest>,
        answer: oneshot::Sender<Result<Outcome, CallingError>>,
    },
    Show {
        actor: MeetingActor,
        answer: Answer<wire::Meeting>,
    },
    Update {
        actor: Actor,
        operation_id: OperationId,
        update: Box<MeetingUpdate>,
        answer: Answer<()>,
    },
    Watch {
        actor: MeetingActor,
        answer: Answer<mpsc::Receiver<Arc<wire::MeetingEvent>>>,
    },
}

/// Reaches a meeting's task.
#[derive(Clone, Debug)]
pub(crate) struct MeetingHandle {
    id: MeetingId,
    messages: mpsc::Sender<MeetingMessage>,
    /// Unbounded, because a call must not wait for the meeting that waits for it; it carries one
    /// signal for each connection that the meeting itself had let in.
    signals: mpsc::UnboundedSender<Signal>,
}

impl MeetingHandle {
    /// Makes the way to a meeting's task, and what stands at its end: messages and signals.
    pub(super) fn new(
        id: MeetingId,
    ) -> (Self, mpsc::Receiver<MeetingMessage>, mpsc::UnboundedReceiver<Signal>) {
        let (messages, receiver) = mpsc::channel(MESSAGE_LIMIT);
        let (signals, signalled) = mpsc::unbounded_channel();
        (Self { id, messages, signals }, receiver, signalled)
    }

    /// Returns how many handles there are, this one included.
    pub(super) fn holders(&self) -> usize {
        self.messages.strong_count()
    }

    pub(crate) fn id(&self) -> MeetingId {
        self.id
    }

    /// Tells of what happened in the call.
    pub(crate) fn signal(&self, signal: Signal) {
        // A task that is gone is that of a node which stops.
        let _ = self.signals.send(signal);
    }

    pub(crate) async fn join(
        &self,
        endpoint: Endpoint,
        request: JoinRequest,
    ) -> Result<Outcome, CallingError> {
        let request = Box::new(request);
        self.ask(|answer| MeetingMessage::Join { endpoint, request, answer })
            .await
            .unwrap_or(Err(CallingError::ShuttingDown))
    }

    pub(crate) async fn command(
        &self,
        command: CallCommand,
        answer_at: AnswerAt,
    ) -> Result<Outcome, CallingError> {
        let command = Box::new(command);
        self.ask(|answer| MeetingMessage::Command { command, answer_at, answer })
            .await
            .unwrap_or(Err(CallingError::ShuttingDown))
    }

    pub(crate) async fn act_as(
        &self,
        actor: Actor,
        operation_id: OperationId,
        action: wire::MeetingAction,
        is_in_call: bool,
    ) -> Result<(), MeetingFailure> {
        let act = |answer| MeetingMessage::Act { actor, operation_id, action, is_in_call, answer };
        self.ask(act).await.unwrap_or(Err(MeetingFailure::ShuttingDown))
    }

    pub(super) async fn update(
        &self,
        actor: Actor,
        operation_id: OperationId,
        update: MeetingUpdate,
    ) -> Result<(), MeetingFailure> {
        let update = Box::new(update);
        self.ask(|answer| MeetingMessage::Update { actor, operation_id, update, answer })
            .await
            .unwrap_or(Err(MeetingFailure::ShuttingDown))
    }

    pub(super) async fn show(&self, actor: MeetingActor) -> Result<wire::Meeting, MeetingFailure> {
        self.ask(|answer| MeetingMessage::Show { actor, answer })
            .await
            .unwrap_or(Err(MeetingFailure::ShuttingDown))
    }

    pub(super) async fn explain(
        &self,
        actor: MeetingActor,
        user: CommunicationIdentifier,
    ) -> Result<wire::ExplainEntryResponse, MeetingFailure> {
        self.ask(|answer| MeetingMessage::Explain { actor, user, answer })
            .await
            .unwrap_or(Err(MeetingFailure::ShuttingDown))
    }

    /// Returns whether somebody may come as far as the lobby; `None` where the node stops.
    pub(crate) async fn is_open_to(&self, user: CommunicationIdentifier) -> Option<bool> {
        self.ask(|answer| MeetingMessage::IsOpenTo { user, answer }).await
    }

    pub(super) async fn watch(
        &self,
        actor: MeetingActor,
    ) -> Result<mpsc::Receiver<Arc<wire::MeetingEvent>>, MeetingFailure> {
        self.ask(|answer| MeetingMessage::Watch { actor, answer })
            .await
            .unwrap_or(Err(MeetingFailure::ShuttingDown))
    }

    async fn ask<T>(
        &self,
        message: impl FnOnce(oneshot::Sender<T>) -> MeetingMessage,
    ) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        self.messages.send(message(answer)).await.ok()?;
        answered.await.ok()
    }
}

/// Messages that wait for a meeting. Whoever has one more waits.
const MESSAGE_LIMIT: usize = 1_024;
