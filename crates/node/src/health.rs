//! Whether the node does its work, for those who send it some.

use std::fmt;
use std::time::Duration;

use tokio::sync::Mutex;
use trunkline_clock::Instant;

use crate::node::Node;

/// Whether a node does its work.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Health {
    /// It does.
    Serving,
    /// It stops, and takes up nothing new.
    Stopping,
    /// It reads and stores nothing: a commit has failed, on a full disk as a rule.
    WritesSuspended,
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Serving => "serving",
            Self::Stopping => "shutting down",
            Self::WritesSuspended => "writes suspended",
        })
    }
}

/// When the store was last asked whether it works again.
#[derive(Debug, Default)]
pub(crate) struct LastProbe(Mutex<Option<Instant>>);

impl Node {
    /// Returns whether the node does its work. While writes are suspended, nobody may send any to find
    /// out: then the store is asked, at most once in a while.
    pub async fn health(&self) -> Health {
        if !self.is_accepting() {
            return Health::Stopping;
        }
        let store = self.store();
        if !store.is_writable()
            && let Ok(mut last) = self.last_probe().0.try_lock()
        {
            let now = self.clock().now().instant;
            if last.is_none_or(|at| now.saturating_duration_since(at) >= PROBE_INTERVAL) {
                *last = Some(now);
                // It says itself why there is still no writing.
                let _ = store.probe().await;
            }
        }
        match store.is_writable() {
            true => Health::Serving,
            false => Health::WritesSuspended,
        }
    }

    /// Returns once the health is another one, and which.
    pub async fn health_other_than(&self, known: Health) -> Health {
        loop {
            let health = self.health().await;
            if health != known {
                return health;
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_INTERVAL) => {}
                () = self.shutting_down(), if known != Health::Stopping => {}
            }
        }
    }
}

/// Longer keeps those away for longer who would write again; a probe on a full disk is a small write
/// that fails.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);

/// A disk is not full for less than this, as far as a load balancer cares.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
