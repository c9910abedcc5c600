//! Housekeeping: threads whose retention has ended, messages to erase, events that are too old, for
//! those who read them and for those they could not be delivered to.

use std::sync::Arc;
use std::time::Duration;

use trunkline_storage::{DeadLetterLimits, StoreError};

use crate::chat::Parts;
use crate::chat::thread_task::ThreadMessage;
use crate::clock::earlier;

/// Looks at regular intervals until the node stops.
pub(super) async fn run(parts: Arc<Parts>) {
    let mut interval = tokio::time::interval(parts.config.sweep_interval);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = interval.tick() => {}
            () = parts.base.stopping.cancelled() => return,
        }
        if let Err(error) = sweep(&parts).await {
            tracing::warn!(%error, "cannot look for what is too old");
        }
    }
}

async fn sweep(parts: &Arc<Parts>) -> Result<(), StoreError> {
    let store = &parts.base.store;
    let is_stopping = || parts.base.stopping.is_cancelled();
    let now = parts.base.wall();
    for thread in store.threads_expired_by(now, SWEEP_LIMIT).await? {
        // A queue that is full has it come again with the next sweep.
        let _ = parts.send(&thread, ThreadMessage::Expire);
    }
    while store.erase_deleted(ERASE_LIMIT).await? == ERASE_LIMIT && !is_stopping() {}
    store.prune_responses(now).await?;
    let oldest = earlier(now, parts.config.feed_life);
    while store.prune_feed(oldest, SWEEP_LIMIT).await? == SWEEP_LIMIT && !is_stopping() {}
    let before = earlier(now, DEAD_LETTER_LIFE);
    let limits = DeadLetterLimits { before, each: DEAD_LETTER_LIMIT };
    while store.prune_dead_letters(limits, SWEEP_LIMIT).await? == SWEEP_LIMIT && !is_stopping() {}
    Ok(())
}

/// Messages that are erased at once. Each may lie on a page of its own, and what makes room must get
/// by with little: 100 of them write half a megabyte.
const ERASE_LIMIT: usize = 100;

/// What is taken of each other kind at once. More would keep others waiting for the one writer.
const SWEEP_LIMIT: usize = 500;

/// How long events that were given up are kept. Longer leaves more time to send them again, and takes
/// room for it.
const DEAD_LETTER_LIFE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How many of them are kept for each receiver: a kilobyte each as a rule, and some ten where a thread
/// has 250 members. A receiver that is gone for good would fill the disk with more.
const DEAD_LETTER_LIMIT: usize = 10_000;
