//! Operations of a meeting: each ends once, and a repetition is answered as the first time.

use std::collections::{BTreeMap, VecDeque};

use trunkline_ids::OperationId;

use crate::meeting::{error::MeetingError, input::Actor, output::OperationOutcome};

/// Names an operation: ids are unique for the actor alone.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct OperationKey {
    pub(super) actor: Actor,
    pub(super) operation_id: OperationId,
}

/// How far an operation has come.
#[derive(Clone, Debug)]
pub(super) enum Progress {
    Ended(OperationOutcome),
    Refused(MeetingError),
    Running,
}

/// The operations that run, and the latest that ended.
pub(super) struct Operations {
    limit: usize,
    progress: BTreeMap<OperationKey, Progress>,
    ended: VecDeque<OperationKey>,
}

impl Operations {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, progress: BTreeMap::new(), ended: VecDeque::new() }
    }

    pub(super) fn begin(&mut self, key: OperationKey) {
        self.progress.insert(key, Progress::Running);
    }

    /// Notes the end of an operation; returns whether it was still to end.
    pub(super) fn end(&mut self, key: &OperationKey, progress: Progress) -> bool {
        if matches!(self.progress.get(key), Some(Progress::Ended(_) | Progress::Refused(_))) {
            return false;
        }
        self.progress.insert(key.clone(), progress);
        self.ended.push_back(key.clone());
        while self.ended.len() > self.limit {
            if let Some(oldest) = self.ended.pop_front() {
                self.progress.remove(&oldest);
            }
        }
        true
    }

    pub(super) fn progress(&self, key: &OperationKey) -> Option<&Progress> {
        self.progress.get(key)
    }

    pub(super) fn pending_count(&self) -> usize {
        self.progress.len() - self.ended.len()
    }
}
