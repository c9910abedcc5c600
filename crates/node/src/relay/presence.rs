//! Notes in the log that a user has had no subscription to chat for a while.
//!
//! The documented service tells of disconnections [in the context of chat
//! alone](https://learn.microsoft.com/azure/event-grid/communication-services-presence-events). A
//! restart disconnects everybody and is told of nobody.

use std::sync::Arc;
use std::time::Duration;

use trunkline_storage::StoreError;

use crate::clock::earlier;
use crate::relay::{Parts, catalogue};

/// Looks at regular intervals until the node stops.
pub(super) async fn run(parts: Arc<Parts>) {
    let mut interval = tokio::time::interval(LOOK_INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = interval.tick() => {}
            () = parts.base.stopping.cancelled() => return,
        }
        if let Err(error) = note(&parts).await {
            tracing::warn!(%error, "cannot note who has disconnected");
        }
    }
}

async fn note(parts: &Parts) -> Result<(), StoreError> {
    let now = parts.base.wall();
    let absent = parts.feed.take_absent(ABSENCE);
    let events: Vec<_> = absent
        .iter()
        .map(|(user, time)| catalogue::disconnection(user, earlier(now, *time), now))
        .collect();
    if !events.is_empty() {
        parts.append(events).await?;
    }
    Ok(())
}

/// How often to look.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// How long a user is away before that is told. Shorter tells of networks that break, longer tells
/// late; clients come back within half a minute or not at all.
const ABSENCE: Duration = Duration::from_secs(60);
