//! The threads in use: finds the task of each, and starts it when there is none.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use trunkline_ids::ThreadId;

use crate::chat::thread_task::{ThreadMessage, ThreadTask};
use crate::chat::{ChatFailure, Parts};

/// The tasks by thread.
#[derive(Default)]
pub(crate) struct Threads {
    live: Mutex<HashMap<ThreadId, mpsc::Sender<ThreadMessage>>>,
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Threads").field("live", &self.len()).finish()
    }
}

impl Threads {
    /// Returns how many threads are in use.
    pub(crate) fn len(&self) -> usize {
        self.live().len()
    }

    /// Ends the part of a task's life in which it is sent something, unless something waits for it.
    /// Nobody sends but under the same lock, so nothing is lost in between.
    pub(super) fn retire(&self, id: &ThreadId, messages: &mpsc::Receiver<ThreadMessage>) -> bool {
        let mut live = self.live();
        let is_idle = messages.is_empty();
        if is_idle {
            live.remove(id);
        }
        is_idle
    }

    /// Forgets a task that ends with the node.
    pub(super) fn remove(&self, id: &ThreadId) {
        self.live().remove(id);
    }

    /// Has the task of a thread, if there is one, read the store anew: it was written past it.
    pub(super) fn forget(&self, id: &ThreadId) {
        if let Some(task) = self.live().get(id) {
            // A queue that is full is of those who are no members, and a task is over when they are.
            let _ = task.try_send(ThreadMessage::Forget);
        }
    }

    fn live(&self) -> MutexGuard<'_, HashMap<ThreadId, mpsc::Sender<ThreadMessage>>> {
        // Each change is one map operation: a panic elsewhere leaves the map whole.
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Parts {
    /// Puts something into the queue of a thread. Never waits.
    pub(super) fn send(
        self: &Arc<Self>,
        id: &ThreadId,
        message: ThreadMessage,
    ) -> Result<(), ChatFailure> {
        if self.base.stopping.is_cancelled() {
            return Err(ChatFailure::ShuttingDown);
        }
        let mut live = self.threads.live();
        let message = match live.get(id) {
            Some(task) => match task.try_send(message) {
                Ok(()) => return Ok(()),
                Err(mpsc::error::TrySendError::Full(_)) => {
                    metrics::counter!("trunkline_chat_queue_full_total").increment(1);
                    return Err(ChatFailure::Overloaded { retry_after: QUEUE_RETRY_AFTER });
                }
                // A task that panicked. The store has what was promised, so the next one goes on.
                Err(mpsc::error::TrySendError::Closed(message)) => message,
            },
            None => message,
        };
        if live.len() >= THREAD_LIMIT {
            return Err(ChatFailure::Overloaded { retry_after: QUEUE_RETRY_AFTER });
        }
        let (sender, messages) = mpsc::channel(QUEUE_LIMIT);
        sender.try_send(message).ok();
        live.insert(id.clone(), sender);
        drop(live);
        let task = ThreadTask::new(Arc::clone(self), id.clone(), messages);
        self.base.tasks.spawn(task.run());
        Ok(())
    }
}

/// What waits for one thread. At some 10 µs each that is 5 ms of work, or a few commits; longer only
/// makes everybody's wait longer.
const QUEUE_LIMIT: usize = 512;

/// Threads in use at once: at a few KB each some 500 MB.
const THREAD_LIMIT: usize = 100_000;

/// A full queue is worked off much sooner; a second is the finest that the wire can say.
const QUEUE_RETRY_AFTER: Duration = Duration::from_secs(1);
