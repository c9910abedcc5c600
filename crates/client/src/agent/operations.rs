//! Operations that the exchange has not finished: who waits for which.

use std::{collections::HashMap, sync::Arc};

use tokio::sync::oneshot;
use trunkline_ids::OperationId;
use trunkline_proto::signaling::v1::command::Kind;

use super::link::{Completion, Reply};
use crate::{
    call::{Call, CallKey, model::ParticipantKey},
    error::OperationFailure,
    identity::CallEndReason,
    incoming::IncomingShared,
};

/// Everything that was asked of the exchange and not answered to the end.
#[derive(Default)]
pub(super) struct Operations {
    pending: HashMap<String, Pending>,
    /// Asked of calls that the exchange has not named yet.
    waiting: HashMap<CallKey, Vec<(Kind, Waiter)>>,
}

pub(super) struct Pending {
    pub(super) call: Option<CallKey>,
    pub(super) waiter: Waiter,
}

/// Who waits for an operation.
pub(super) enum Waiter {
    Accept { incoming: Arc<IncomingShared>, reply: oneshot::Sender<Result<Call, OperationFailure>> },
    AddParticipant(ParticipantKey),
    Nobody,
    Operation { completion: Completion, reply: Reply },
    Reject(Reply),
    Start,
}

impl Operations {
    /// Notes an operation that is being sent, and returns the name it goes by.
    pub(super) fn begin(&mut self, call: Option<CallKey>, waiter: Waiter) -> String {
        let mut random = [0; 16];
        // Names need only differ among this endpoint's own; a machine without randomness has
        // failed to open a TLS connection long before.
        let _ = getrandom::fill(&mut random);
        let operation_id = OperationId::from_uuid_bytes(random).to_string();
        self.pending.insert(operation_id.clone(), Pending { call, waiter });
        operation_id
    }

    pub(super) fn take(&mut self, operation_id: &str) -> Option<Pending> {
        self.pending.remove(operation_id)
    }

    pub(super) fn put_back(&mut self, operation_id: String, pending: Pending) {
        self.pending.insert(operation_id, pending);
    }

    /// Keeps an operation until the exchange has named the call.
    pub(super) fn wait(&mut self, call: CallKey, command: Kind, waiter: Waiter) {
        self.waiting.entry(call).or_default().push((command, waiter));
    }

    pub(super) fn take_waiting(&mut self, call: CallKey) -> Vec<(Kind, Waiter)> {
        self.waiting.remove(&call).unwrap_or_default()
    }

    /// Answers everybody who waits for a call that is over.
    pub(super) fn end_call(&mut self, call: CallKey, reason: Option<&CallEndReason>) {
        let ended: Vec<String> = self
            .pending
            .iter()
            .filter(|(_, pending)| pending.call == Some(call))
            .map(|(operation_id, _)| operation_id.clone())
            .collect();
        let pending = ended.iter().filter_map(|operation_id| self.pending.remove(operation_id));
        let waiters: Vec<Waiter> = pending.map(|pending| pending.waiter).collect();
        let waiting = self.take_waiting(call).into_iter().map(|(_, waiter)| waiter);
        for waiter in waiters.into_iter().chain(waiting) {
            waiter.call_ended(reason);
        }
    }

    /// Answers everybody when the session is over.
    pub(super) fn end_session(&mut self) {
        let waiting = self.waiting.drain().flat_map(|(_, waiting)| waiting);
        let waiters = waiting.map(|(_, waiter)| waiter);
        for waiter in self.pending.drain().map(|(_, pending)| pending.waiter).chain(waiters) {
            waiter.fail(OperationFailure::SessionEnded);
        }
    }
}

impl Waiter {
    /// Answers with a failure. Whoever has stopped waiting does not hear it.
    pub(super) fn fail(self, failure: OperationFailure) {
        match self {
            Self::Accept { reply, .. } => drop(reply.send(Err(failure))),
            Self::Operation { reply, .. } | Self::Reject(reply) => {
                drop(reply.send(Err(failure)));
            }
            Self::AddParticipant(_) | Self::Nobody | Self::Start => {}
        }
    }

    /// Answers with success. Whoever has stopped waiting does not hear it.
    pub(super) fn succeed(self) {
        match self {
            Self::Operation { reply, .. } | Self::Reject(reply) => drop(reply.send(Ok(()))),
            Self::Accept { .. } | Self::AddParticipant(_) | Self::Nobody | Self::Start => {}
        }
    }

    fn call_ended(self, reason: Option<&CallEndReason>) {
        match self {
            Self::Operation { completion: Completion::CallEnded, reply } => {
                drop(reply.send(Ok(())))
            }
            other @ (Self::Accept { .. }
            | Self::AddParticipant(_)
            | Self::Nobody
            | Self::Operation { .. }
            | Self::Reject(_)
            | Self::Start) => other.fail(OperationFailure::CallEnded(reason.cloned())),
        }
    }
}
