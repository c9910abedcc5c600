//! Remembers how far each client that is pushed events has come, without a write for each answer.
//!
//! What changes is written together, some time later and before a shutdown completes. A crash takes
//! what was not written yet: those clients get a little of their feed once more.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use trunkline_clock::Timestamp;
use trunkline_storage::{PushEndpoint, PushEndpointChange, PushEndpointKey, StoreError};

use crate::base::Base;

/// The clients that are pushed events, as they are remembered. Clones are handles to the same ones.
#[derive(Clone)]
pub struct PushEndpoints {
    inner: Arc<Inner>,
}

struct Inner {
    base: Base,
    /// What is not stored yet, that which is being written included.
    pending: Mutex<HashMap<PushEndpointKey, Pending>>,
    changed: Notify,
}

/// What is to be stored of a client; `None` forgets it.
#[derive(Clone, Copy, Eq, PartialEq)]
struct Pending(Option<PushEndpoint>);

impl PushEndpoints {
    /// Starts the task that writes.
    pub(crate) fn start(base: Base) -> Self {
        let inner = Arc::new(Inner { base, pending: Mutex::default(), changed: Notify::new() });
        let tasks = inner.base.tasks.clone();
        tasks.spawn(write_behind(Arc::clone(&inner)));
        Self { inner }
    }

    /// Returns what is remembered of a client.
    pub async fn find(&self, key: &PushEndpointKey) -> Result<Option<PushEndpoint>, StoreError> {
        if let Some(Pending(pending)) = self.inner.pending().get(key) {
            return Ok(*pending);
        }
        self.inner.base.store.push_endpoint(key).await
    }

    /// Remembers a client, replacing what was remembered of it. Does not wait.
    pub fn keep(&self, key: &PushEndpointKey, endpoint: PushEndpoint) {
        self.inner.change(key, Some(endpoint));
    }

    /// Forgets a client. Does not wait.
    pub fn forget(&self, key: &PushEndpointKey) {
        self.inner.change(key, None);
    }
}

impl fmt::Debug for PushEndpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pending = self.inner.pending().len();
        f.debug_struct("PushEndpoints").field("pending", &pending).finish()
    }
}

impl Inner {
    fn pending(&self) -> MutexGuard<'_, HashMap<PushEndpointKey, Pending>> {
        // A thread that panicked left the map whole.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, key: &PushEndpointKey, endpoint: Option<PushEndpoint>) {
        let mut pending = self.pending();
        if let Some(known) = pending.get_mut(key) {
            *known = Pending(endpoint);
        } else if pending.len() < PENDING_LIMIT {
            pending.insert(key.clone(), Pending(endpoint));
        } else {
            // The store has taken nothing for long; what it knows of this one is older and true.
            return;
        }
        drop(pending);
        self.changed.notify_one();
    }

    /// Writes what is pending. A change that comes meanwhile stays pending.
    async fn write(&self) -> Result<(), StoreError> {
        let changes: Vec<PushEndpointChange> =
            self.pending().iter().map(|(key, Pending(change))| (key.clone(), *change)).collect();
        for changes in changes.chunks(CHUNK) {
            self.base.store.put_push_endpoints(changes.to_vec()).await?;
            let mut pending = self.pending();
            for (key, written) in changes {
                if pending.get(key) == Some(&Pending(*written)) {
                    pending.remove(key);
                }
            }
        }
        Ok(())
    }

    async fn prune(&self) -> Result<(), StoreError> {
        let life = i64::try_from(LIFE.as_micros()).unwrap_or(i64::MAX);
        let before = self.base.wall().as_unix_micros().saturating_sub(life);
        let before = Timestamp::from_unix_micros(before);
        while self.base.store.prune_push_endpoints(before, CHUNK).await? == CHUNK
            && !self.base.stopping.is_cancelled()
        {}
        Ok(())
    }
}

/// Writes changes until the node stops, and what is left then.
async fn write_behind(inner: Arc<Inner>) {
    let mut pruning = tokio::time::interval(PRUNE_INTERVAL);
    loop {
        tokio::select! {
            () = inner.changed.notified() => {
                // Others join meanwhile.
                tokio::select! {
                    () = tokio::time::sleep(WRITE_DELAY) => {}
                    () = inner.base.stopping.cancelled() => {}
                }
                if let Err(error) = inner.write().await {
                    tracing::warn!(%error, "cannot remember how far clients have come");
                    inner.changed.notify_one();
                }
            }
            _ = pruning.tick() => {
                if let Err(error) = inner.prune().await {
                    tracing::warn!(%error, "cannot forget clients that are gone");
                }
            }
            () = inner.base.stopping.cancelled() => break,
        }
        if inner.base.stopping.is_cancelled() {
            break;
        }
    }
    if let Err(error) = inner.write().await {
        tracing::warn!(%error, "cannot remember how far clients have come");
    }
}

/// How long a change waits for others. Longer has clients get more of their feed twice after a crash;
/// shorter writes the row of a busy client more often.
const WRITE_DELAY: Duration = Duration::from_millis(500);

/// Rows written or pruned in one unit. More would keep others waiting for the one writer.
const CHUNK: usize = 500;

/// Changes that may wait for a store that takes none: some 40 MB of them.
const PENDING_LIMIT: usize = 200_000;

/// For how long a client is remembered: longer than it may be away, so that one that comes back too
/// late still hears that it missed something.
const LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// How often the others are forgotten.
const PRUNE_INTERVAL: Duration = Duration::from_secs(60 * 60);
