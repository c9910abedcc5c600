//! Whose turn it is: turns events into deliveries, and hands those that are due to the subscription's
//! task.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;
use trunkline_clock::Timestamp;
use trunkline_storage::{Delivery, StoreError, SubscriptionId};

use crate::relay::lane::Lane;
use crate::relay::{Parts, terms};

/// Runs until the node stops.
pub(super) async fn run(parts: Arc<Parts>) {
    let mut head = parts.feed.follow();
    let mut dispatch = Dispatch { lanes: HashMap::new(), last: None };
    loop {
        head.mark_unchanged();
        let wait = match round(&parts, &mut dispatch).await {
            Ok(next) => next.map(|next| next.saturating_duration_since(parts.base.wall())),
            Err(error) => {
                tracing::warn!(%error, "events cannot be turned into deliveries");
                Some(FAILURE_PAUSE)
            }
        };
        let has_lanes = !dispatch.lanes.is_empty();
        tokio::select! {
            // The feed holds its sender.
            _ = head.changed(), if has_lanes => {}
            () = parts.wake.notified() => {}
            () = tokio::time::sleep(wait.unwrap_or_default()), if wait.is_some() => {}
            () = parts.base.stopping.cancelled() => return,
        }
        // What comes together is worked off together.
        tokio::time::sleep(PACE).await;
    }
}

/// What is known from one round to the next.
struct Dispatch {
    lanes: HashMap<SubscriptionId, Lane>,
    /// The time of the last round, once all deliveries are due by a clock that has not gone back.
    last: Option<Timestamp>,
}

/// Does what is to be done, and returns when there will be more.
async fn round(
    parts: &Arc<Parts>,
    dispatch: &mut Dispatch,
) -> Result<Option<Timestamp>, StoreError> {
    let Dispatch { lanes, last } = dispatch;
    if parts.is_stale.swap(false, Ordering::AcqRel)
        && let Err(error) = refresh(parts, lanes).await
    {
        parts.is_stale.store(true, Ordering::Release);
        return Err(error);
    }
    if lanes.is_empty() {
        return Ok(None);
    }
    let store = &parts.base.store;
    // What is due goes out even when one of the steps before fails.
    let (mut has_more, mut failure) = (false, None);
    match follow_clock(parts, *last).await {
        Ok(now) => *last = Some(now),
        Err(error) => failure = Some(error),
    }
    for (id, lane) in &mut *lanes {
        match lane.expand(parts, id).await {
            Ok(more) => has_more |= more,
            Err(error) => failure = Some(error),
        }
    }
    let mut is_all = false;
    for _ in 0..STEP_LIMIT {
        let due = store.take_due(parts.base.wall(), TAKE_LIMIT).await?;
        is_all = due.len() < TAKE_LIMIT;
        hand_out(parts, lanes, due).await?;
        if is_all {
            break;
        }
    }
    match failure {
        Some(error) => Err(error),
        None if has_more || !is_all => Ok(Some(parts.base.wall())),
        None => store.next_due().await,
    }
}

/// Hands deliveries to the tasks of their subscriptions. Each of them is taken, so that each that finds
/// no room there is given back, whatever comes of others; all in one commit.
async fn hand_out(
    parts: &Parts,
    lanes: &HashMap<SubscriptionId, Lane>,
    due: Vec<Delivery>,
) -> Result<(), StoreError> {
    let left = due.into_iter().filter_map(|delivery| match lanes.get(&delivery.subscription) {
        Some(lane) => lane.take(delivery),
        // Deleted a moment ago; its deliveries went with it.
        None => Some(delivery),
    });
    let left: Vec<_> = left.collect();
    let given_back = left.iter().map(|delivery| Lane::give_back(parts, delivery));
    join_all(given_back).await.into_iter().collect()
}

/// Sees to it that nothing is due by a time that the wall clock has left again, and returns what it
/// says. At the start it may have been set back while nobody looked.
async fn follow_clock(parts: &Parts, last: Option<Timestamp>) -> Result<Timestamp, StoreError> {
    let now = parts.base.wall();
    if last.is_none_or(|last| now + CLOCK_SLACK < last) {
        let count = parts.base.store.rewind_deliveries(now).await?;
        if count > 0 {
            tracing::warn!(count, "the clock was set back: deliveries are due at once");
        }
    }
    Ok(now)
}

/// Starts tasks for subscriptions that are new or changed, and ends those of the others.
async fn refresh(
    parts: &Arc<Parts>,
    lanes: &mut HashMap<SubscriptionId, Lane>,
) -> Result<(), StoreError> {
    let stored = parts.base.store.subscriptions().await?;
    lanes.retain(|id, lane| stored.iter().any(|stored| stored.id == *id && lane.is_of(stored)));
    for stored in stored.into_iter().filter(|stored| stored.is_validated) {
        if !lanes.contains_key(&stored.id)
            && let Some(terms) = terms(&stored)
        {
            lanes.insert(stored.id.clone(), Lane::start(parts, &stored, terms));
        }
    }
    Ok(())
}

/// Deliveries taken at once.
const TAKE_LIMIT: usize = 256;

/// How often some are taken before events become deliveries again.
const STEP_LIMIT: usize = 16;

/// How long to gather. Longer makes every event late by as much; shorter makes more of the rounds,
/// each of which reads and writes.
const PACE: Duration = Duration::from_millis(2);

/// How long to leave a store alone that failed.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);

/// By how much the clock may go back without being asked why: deliveries are late by no more than that.
const CLOCK_SLACK: Duration = Duration::from_secs(1);
