//! What every part of a node works with: clock, store, tasks, and the word that it stops.

use std::fmt;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use trunkline_clock::Timestamp;
use trunkline_storage::{Store, StoreError};

use crate::clock::SystemClock;

/// Shared by the parts of one node.
#[derive(Clone)]
pub(crate) struct Base {
    pub(crate) clock: SystemClock,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) stopping: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

impl fmt::Debug for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Base").finish_non_exhaustive()
    }
}

impl Base {
    pub(crate) fn new(clock: SystemClock, store: Arc<dyn Store>) -> Self {
        Self { clock, store, stopping: CancellationToken::new(), tasks: TaskTracker::new() }
    }

    /// Returns the time by the wall clock.
    pub(crate) fn wall(&self) -> Timestamp {
        self.clock.wall()
    }

    /// Runs work to its end even when whoever waits for it goes away: a change that is stored must
    /// also take effect here.
    pub(crate) async fn complete<T, E>(
        &self,
        work: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        match self.tasks.spawn(work).await {
            Ok(outcome) => outcome,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // Aborted: only the end of the runtime does that.
            Err(_) => Err(StoreError::Closed.into()),
        }
    }
}
