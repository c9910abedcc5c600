//! Operations under way and operations remembered: each ends once, and a repetition gets the same
//! answer.

use std::collections::{BTreeMap, VecDeque};

use trunkline_ids::{EndpointId, OperationId, ParticipantId};

use super::Call;
use crate::{
    error::CommandError,
    event::{EventKind, OperationOutcome},
};

/// Names an operation: ids are unique for an endpoint only.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct OperationKey {
    pub(crate) endpoint: EndpointId,
    pub(crate) operation_id: OperationId,
}

/// Where an operation stands.
#[derive(Clone, Debug)]
pub(super) enum Progress {
    Ended(OperationOutcome),
    Refused(CommandError),
    Running,
}

/// All operations of a call that are running or remembered.
#[derive(Debug)]
pub(super) struct Operations {
    known: BTreeMap<OperationKey, Progress>,
    /// Operations that are over, oldest first.
    over: VecDeque<OperationKey>,
    limit: usize,
}

impl Operations {
    pub(super) fn new(limit: usize) -> Self {
        Self { known: BTreeMap::new(), over: VecDeque::new(), limit }
    }

    pub(super) fn begin(&mut self, key: OperationKey) {
        self.known.insert(key, Progress::Running);
    }

    /// Records the end of an operation and returns whether this was it.
    fn end(&mut self, key: &OperationKey, outcome: OperationOutcome) -> bool {
        match self.known.get_mut(key) {
            Some(progress @ Progress::Running) => *progress = Progress::Ended(outcome),
            Some(Progress::Ended(_) | Progress::Refused(_)) | None => return false,
        }
        self.remember(key.clone());
        true
    }

    pub(super) fn refuse(&mut self, key: OperationKey, error: CommandError) {
        self.known.insert(key.clone(), Progress::Refused(error));
        self.remember(key);
    }

    pub(super) fn progress(&self, key: &OperationKey) -> Option<&Progress> {
        self.known.get(key)
    }

    pub(super) fn pending_count(&self) -> usize {
        self.known.len() - self.over.len()
    }

    fn remember(&mut self, key: OperationKey) {
        self.over.push_back(key);
        if self.over.len() > self.limit
            && let Some(forgotten) = self.over.pop_front()
        {
            self.known.remove(&forgotten);
        }
    }
}

impl Call {
    /// Ends an operation with its one event.
    pub(super) fn complete(
        &mut self,
        key: OperationKey,
        participant_id: Option<ParticipantId>,
        outcome: OperationOutcome,
    ) {
        if self.operations.end(&key, outcome) {
            let OperationKey { endpoint, operation_id } = key;
            self.emit(EventKind::OperationCompleted {
                operation_id,
                endpoint,
                participant_id,
                outcome,
            });
        }
    }
}
