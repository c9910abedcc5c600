//! One subscription's task: a bounded number of attempts at a time, so that it holds up itself alone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use trunkline_clock::Timestamp;
use trunkline_events::Outcome as Attempted;
use trunkline_events::{
    Attempt, DeadLetterReason, Deliverer, DeliveryProgress, Jitter, NextStep, Notification,
};
use trunkline_storage::{Delivery, Expiry, Outcome, StoreError, Subscription, SubscriptionId};

use crate::clock::earlier;
use crate::relay::{Parts, Terms, catalogue};

/// The dispatcher's end of a subscription's task. Dropping it ends the task once the attempts that
/// are under way have ended.
pub(super) struct Lane {
    stored: Subscription,
    deliveries: mpsc::Sender<Delivery>,
    replaced: CancellationToken,
    cursor: u64,
    since: Instant,
}

/// The task's end.
struct Work {
    parts: Arc<Parts>,
    terms: Terms,
    deliveries: mpsc::Receiver<Delivery>,
    replaced: CancellationToken,
    /// How far entries that are to be tried again have come. In memory only: after a restart they are
    /// sent from the first event on, which at-least-once allows.
    reached: Mutex<HashMap<u64, Reached>>,
}

/// How far an entry has come.
#[derive(Clone, Copy, Default)]
struct Reached {
    /// The place of the first event that is not delivered.
    at: usize,
    /// Why the receiver did not want, or will never want, the first such event before that place. The
    /// others are sent all the same.
    unfit: Option<DeadLetterReason>,
}

impl Lane {
    pub(super) fn start(parts: &Arc<Parts>, stored: &Subscription, terms: Terms) -> Self {
        let (sender, deliveries) = mpsc::channel(PENDING_LIMIT);
        let replaced = CancellationToken::new();
        let work = Work {
            parts: Arc::clone(parts),
            terms,
            deliveries,
            replaced: replaced.clone(),
            reached: Mutex::default(),
        };
        parts.base.tasks.spawn(work.run());
        let (cursor, stored, since) = (stored.cursor, stored.clone(), Instant::now());
        Self { stored, deliveries: sender, replaced, cursor, since }
    }

    /// Returns whether this is the task of a subscription as it is stored.
    pub(super) fn is_of(&self, stored: &Subscription) -> bool {
        self.stored.secret == stored.secret && stored.is_validated
    }

    /// Turns events into deliveries, as long as not too many wait: then the log keeps them until they
    /// are too old to be delivered. Returns whether there is more to do at once.
    pub(super) async fn expand(
        &mut self,
        parts: &Parts,
        id: &SubscriptionId,
    ) -> Result<bool, StoreError> {
        for _ in 0..STEP_LIMIT {
            let before = self.cursor;
            if before >= parts.feed.published() {
                return Ok(false);
            }
            match self.step(parts, id).await {
                Ok(cursor) => self.cursor = cursor,
                // Deleted a moment ago.
                Err(StoreError::NotFound { .. }) => return Ok(false),
                Err(error) => return Err(error),
            }
            if self.cursor == before {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Moves the cursor on once, if that can be, and returns where it is.
    async fn step(&self, parts: &Parts, id: &SubscriptionId) -> Result<u64, StoreError> {
        let (store, now) = (&parts.base.store, parts.base.wall());
        let waiting = store.waiting(id, PENDING_LIMIT).await?;
        let room = PENDING_LIMIT.saturating_sub(waiting.pending);
        if room > 0 {
            return Ok(store.expand(id, now, room.min(EXPAND_LIMIT)).await?.cursor);
        }
        let before = earlier(now, parts.config.retry.time_to_live());
        let has_waited = self.since.elapsed() >= parts.config.start_grace;
        if !has_waited || waiting.next_on.is_none_or(|next_on| next_on >= before) {
            return Ok(self.cursor);
        }
        // The receiver has been failing, or too slow, for as long as an event may take.
        let reason = DeadLetterReason::TimeToLiveExceeded.to_string();
        let expiry = Expiry { before, on: now, reason, limit: EXPIRE_LIMIT };
        let expired = store.expire(id, expiry).await?;
        metrics::counter!("trunkline_events_dead_total").increment(expired.added as u64);
        tracing::warn!(subscription = %id, count = expired.added, "events are too old to be sent");
        Ok(expired.cursor)
    }

    /// Takes a delivery that is due, or returns it: more than may wait, or a task that is gone.
    pub(super) fn take(&self, delivery: Delivery) -> Option<Delivery> {
        match self.deliveries.try_send(delivery) {
            Ok(()) => None,
            Err(
                mpsc::error::TrySendError::Full(delivery)
                | mpsc::error::TrySendError::Closed(delivery),
            ) => Some(delivery),
        }
    }

    /// Has a delivery come again.
    pub(super) async fn give_back(parts: &Parts, delivery: &Delivery) -> Result<(), StoreError> {
        let until = parts.base.wall() + GIVE_BACK_PAUSE;
        parts.base.store.postpone(&delivery.subscription, delivery.entry.seq, until).await
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.replaced.cancel();
    }
}

impl Work {
    async fn run(self) {
        let Self { parts, terms, mut deliveries, replaced, reached } = self;
        let context = Context { parts: &parts, terms: &terms, reached: &reached };
        let mut attempts = FuturesUnordered::new();
        // Apart: what came of some may have to wait for room that what comes of others makes.
        let mut outcomes = FuturesUnordered::new();
        loop {
            tokio::select! {
                biased;
                () = parts.base.stopping.cancelled() => return,
                () = replaced.cancelled() => break,
                Some(()) = outcomes.next(), if !outcomes.is_empty() => {}
                Some((delivery, outcome)) = attempts.next(), if !attempts.is_empty() => {
                    outcomes.push(context.record(delivery, outcome));
                }
                delivery = deliveries.recv(), if attempts.len() < ATTEMPT_LIMIT => match delivery {
                    Some(delivery) => attempts.push(context.attempt(delivery)),
                    None => break,
                },
            }
        }
        // The next task of the subscription, if there is one, attempts the rest.
        deliveries.close();
        while let Some(delivery) = deliveries.recv().await {
            if let Err(error) = Lane::give_back(&parts, &delivery).await {
                tracing::warn!(%error, "a delivery comes again at once");
            }
        }
        while let Some((delivery, outcome)) = attempts.next().await {
            outcomes.push(context.record(delivery, outcome));
        }
        while outcomes.next().await.is_some() {}
    }
}

/// What is sent at once of what an entry gives.
struct Chunk {
    /// Each with its place.
    notifications: Vec<(usize, Notification)>,
    /// The place after them.
    next: usize,
    /// Whether nothing follows them.
    is_last: bool,
}

#[derive(Clone, Copy)]
struct Context<'a> {
    parts: &'a Arc<Parts>,
    terms: &'a Terms,
    reached: &'a Mutex<HashMap<u64, Reached>>,
}

impl Context<'_> {
    /// Makes one attempt at everything that an entry gives, and returns what came of it.
    async fn attempt(self, delivery: Delivery) -> (Delivery, Outcome) {
        let Parts { base, .. } = &**self.parts;
        let mut progress = DeliveryProgress::resume(delivery.enqueued_on, delivery.attempts);
        let step = match self.parts.deliverer().await {
            Ok(deliverer) => self.deliver(deliverer, &delivery, &mut progress).await,
            Err(error) => {
                tracing::error!(%error, "events cannot be sent from here");
                (NextStep::RetryAt(base.wall() + SETUP_PAUSE), error.to_string())
            }
        };
        let seq = delivery.entry.seq;
        let outcome = match step {
            (NextStep::Done, _) => Outcome::Delivered,
            (NextStep::DeadLetter(reason), _) => {
                metrics::counter!("trunkline_events_dead_total").increment(1);
                tracing::warn!(subscription = %self.terms.name, seq, %reason, "an event is given up");
                Outcome::DeadLettered { reason: reason.to_string(), on: base.wall() }
            }
            (NextStep::RetryAt(at), reason) => Outcome::Retry { at, reason },
        };
        if !matches!(outcome, Outcome::Retry { .. }) {
            self.reached().remove(&seq);
        }
        (delivery, outcome)
    }

    /// Records what came of an attempt, however long the store fails: until it is recorded the
    /// receiver is not sent the same again.
    async fn record(self, delivery: Delivery, outcome: Outcome) {
        let (base, seq) = (&self.parts.base, delivery.entry.seq);
        let mut is_told = false;
        loop {
            let outcome = outcome.clone();
            let recorded = base.store.record_outcome(&delivery.subscription, seq, outcome).await;
            let Err(error) = recorded else {
                self.parts.wake.notify_one();
                return;
            };
            if !error.is_transient() {
                tracing::error!(seq, %error, "a delivery is taken up again at the next start");
                return;
            }
            if !is_told {
                tracing::warn!(seq, %error, "what came of a delivery is recorded later");
                is_told = true;
            }
            tokio::select! {
                () = tokio::time::sleep(RECORD_PAUSE) => {}
                () = base.stopping.cancelled() => return,
            }
        }
    }

    async fn deliver(
        self,
        deliverer: &Deliverer,
        delivery: &Delivery,
        progress: &mut DeliveryProgress,
    ) -> (NextStep, String) {
        let entry = &delivery.entry;
        let born_on = self.parts.birth(&entry.event).await;
        let Reached { mut at, mut unfit } =
            self.reached().get(&entry.seq).copied().unwrap_or_default();
        loop {
            let chunk = self.chunk(delivery, born_on, at);
            if chunk.notifications.is_empty() {
                if !chunk.is_last {
                    at = chunk.next;
                    tokio::task::yield_now().await;
                    continue;
                }
                return match unfit {
                    Some(reason) => (NextStep::DeadLetter(reason), String::new()),
                    None => (NextStep::Done, String::new()),
                };
            }
            let attempts = chunk.notifications.iter().map(|(_, notification)| {
                deliverer.deliver(Attempt {
                    endpoint: &self.terms.endpoint,
                    notification,
                    subscription_name: &self.terms.name,
                    delivery_count: delivery.attempts,
                    keys: &self.terms.keys,
                    sent_on: self.parts.base.wall(),
                })
            });
            let outcomes = join_all(attempts).await;
            for ((place, _), outcome) in chunk.notifications.iter().zip(&outcomes) {
                match self.step(progress, outcome) {
                    NextStep::Done => metrics::counter!("trunkline_events_sent_total").increment(1),
                    NextStep::DeadLetter(
                        reason @ (DeadLetterReason::BadRequest | DeadLetterReason::PayloadTooLarge),
                    ) => {
                        unfit.get_or_insert(reason);
                    }
                    step @ (NextStep::DeadLetter(_) | NextStep::RetryAt(_)) => {
                        self.reached().insert(entry.seq, Reached { at: *place, unfit });
                        return (step, outcome.to_string());
                    }
                }
            }
            at = chunk.next;
        }
    }

    /// Takes an outcome. All that is sent of one entry at one time counts as one attempt.
    fn step(self, progress: &DeliveryProgress, outcome: &Attempted) -> NextStep {
        let random = uuid::Uuid::new_v4().as_u128();
        let jitter = Jitter::from_random((random & 0xffff) as u16);
        let now = self.parts.base.wall();
        progress.clone().handle_outcome(now, outcome, &self.parts.config.retry, jitter)
    }

    /// Makes the next few notifications from a place on.
    fn chunk(self, delivery: &Delivery, born_on: Timestamp, at: usize) -> Chunk {
        let Terms { filter, schema, .. } = self.terms;
        catalogue::each(&delivery.entry.event, born_on, |events| {
            let mut chunk = Chunk { notifications: Vec::new(), next: at, is_last: true };
            for (place, event) in events.enumerate().skip(at) {
                chunk.next = place + 1;
                if filter.matches(&event) {
                    let notification = event.in_envelope(*schema, &self.parts.topic);
                    chunk.notifications.push((place, notification));
                }
                if chunk.notifications.len() == CHUNK_LIMIT || chunk.next - at == LOOK_LIMIT {
                    chunk.is_last = false;
                    break;
                }
            }
            chunk
        })
    }

    fn reached(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Reached>> {
        // Each change is one map operation.
        self.reached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Deliveries of one subscription that are not done. More lets more threads go on beside those whose
/// events the receiver does not take; the bodies of those that are due are in memory.
const PENDING_LIMIT: usize = 2_000;

/// Events turned into deliveries by one transaction.
const EXPAND_LIMIT: usize = 500;

/// Events given up by one transaction, each with its body and its recipients: some milliseconds for
/// which nobody else writes.
const EXPIRE_LIMIT: usize = 100;

/// Transactions of one subscription before others have their turn.
const STEP_LIMIT: usize = 4;

/// Entries attempted at once, each of another thread.
const ATTEMPT_LIMIT: usize = 8;

/// Events of one entry sent at once.
const CHUNK_LIMIT: usize = 8;

/// Events of one entry looked at before others have their turn, of which the receiver may want none:
/// half a millisecond of work.
const LOOK_LIMIT: usize = 256;

/// When a delivery that was not attempted comes again. Longer lets a receiver wait that has worked off
/// what was before it; shorter reads and writes all that has no room more often.
const GIVE_BACK_PAUSE: Duration = Duration::from_millis(500);

/// When to try again to record what came of an attempt. Longer holds the next event of the thread up
/// for longer than necessary once there is room; shorter asks a store that fails more often.
const RECORD_PAUSE: Duration = Duration::from_secs(1);

/// When to try again to set the client up: what is missing, somebody must install.
const SETUP_PAUSE: Duration = Duration::from_secs(60);
