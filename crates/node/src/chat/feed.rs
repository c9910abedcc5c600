//! The feed: hands what has been committed to those who are told, in the order of the store.
//!
//! Threads commit side by side and hear of it in any order. A subscriber that went on from a place
//! must have had everything before it, so what comes early waits here for what is before it. What is
//! known of by nobody, such as the events of a commit whose answer was lost, is read from the store.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use trunkline_chat::ChatEvent;
use trunkline_ids::CommunicationIdentifier;
use trunkline_storage::{LogEvent, StoreError};

use crate::chat::Parts;
use crate::chat::subscription::{FeedItem, SubscriptionEnd};

/// The feed of a node.
pub(crate) struct Feed {
    state: Mutex<State>,
    /// Something waits for what is before it.
    gap: Notify,
    /// The last place that was handed out.
    head: watch::Sender<u64>,
}

struct State {
    subscribers: HashMap<CommunicationIdentifier, Vec<Arc<Subscriber>>>,
    /// Everything up to here has been handed out.
    published: u64,
    /// What came early; `None` is an event that is not chat's.
    early: BTreeMap<u64, Option<Arc<ChatEvent>>>,
    next_subscriber: u64,
    /// When the last subscription of a user ended, until that is told.
    absent: HashMap<CommunicationIdentifier, Instant>,
}

/// One who is told. It is never waited for: when its queue is full it is behind, and reads from the
/// store until it has caught up.
pub(crate) struct Subscriber {
    id: u64,
    queue: mpsc::Sender<FeedItem>,
    is_behind: AtomicBool,
    end: OnceLock<SubscriptionEnd>,
    ended: CancellationToken,
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").field("published", &self.published()).finish_non_exhaustive()
    }
}

impl Feed {
    /// Makes a feed that goes on after `head`.
    pub(crate) fn new(head: u64) -> Self {
        let state = State {
            subscribers: HashMap::new(),
            published: head,
            early: BTreeMap::new(),
            next_subscriber: 0,
            absent: HashMap::new(),
        };
        Self { state: Mutex::new(state), gap: Notify::new(), head: watch::Sender::new(head) }
    }

    /// Hands out events that have been committed at these places.
    pub(crate) fn publish(&self, events: impl IntoIterator<Item = (u64, Arc<ChatEvent>)>) {
        self.take_in(events.into_iter().map(|(place, event)| (place, Some(event))));
    }

    /// Passes over events of others that have been committed at these places.
    pub(crate) fn pass_over(&self, places: impl IntoIterator<Item = u64>) {
        self.take_in(places.into_iter().map(|place| (place, None)));
    }

    /// Tells what is not kept to those who are there and keep up.
    pub(crate) fn publish_passing(&self, event: &Arc<ChatEvent>) {
        let state = self.state();
        for subscriber in event.recipients.iter().flat_map(|user| state.of(user)) {
            subscriber.offer_passing(event);
        }
    }

    /// Ends every subscription of a user.
    pub(crate) fn revoke(&self, user: &CommunicationIdentifier) {
        let mut state = self.state();
        let subscribers = state.subscribers.remove(user).unwrap_or_default();
        if !subscribers.is_empty() {
            state.note_absent(user);
        }
        for subscriber in subscribers {
            subscriber.end(SubscriptionEnd::TokenRevoked);
        }
    }

    /// Takes those out who have had no subscription for a time, and says for how long.
    pub(crate) fn take_absent(&self, time: Duration) -> Vec<(CommunicationIdentifier, Duration)> {
        let is_over = |_: &CommunicationIdentifier, since: &mut Instant| since.elapsed() >= time;
        let mut state = self.state();
        state.absent.extract_if(is_over).map(|(user, since)| (user, since.elapsed())).collect()
    }

    /// Follows how far the feed has been handed out.
    pub(crate) fn follow(&self) -> watch::Receiver<u64> {
        self.head.subscribe()
    }

    /// Returns how far the feed has been handed out.
    pub(crate) fn published(&self) -> u64 {
        self.state().published
    }

    /// Returns how many subscriptions there are.
    pub(crate) fn subscriptions(&self) -> usize {
        self.state().subscribers.values().map(Vec::len).sum()
    }

    /// Returns how far the feed has been handed out, if something waits behind a gap.
    fn before_gap(&self) -> Option<u64> {
        let state = self.state();
        (!state.early.is_empty()).then_some(state.published)
    }

    /// Adds a subscriber: what comes after the place that is returned goes into its queue.
    pub(super) fn add(
        &self,
        user: &CommunicationIdentifier,
    ) -> Option<(Arc<Subscriber>, mpsc::Receiver<FeedItem>, u64)> {
        let mut state = self.state();
        let id = state.next_subscriber;
        state.next_subscriber += 1;
        let subscribers = state.subscribers.entry(user.clone()).or_default();
        if subscribers.len() >= SUBSCRIPTION_LIMIT {
            return None;
        }
        let (queue, items) = mpsc::channel(QUEUE_LIMIT);
        let subscriber = Arc::new(Subscriber {
            id,
            queue,
            is_behind: AtomicBool::new(false),
            end: OnceLock::new(),
            ended: CancellationToken::new(),
        });
        subscribers.push(Arc::clone(&subscriber));
        state.absent.remove(user);
        Some((subscriber, items, state.published))
    }

    /// Takes a subscriber out.
    pub(super) fn remove(&self, user: &CommunicationIdentifier, subscriber: &Subscriber) {
        let mut state = self.state();
        if let Some(subscribers) = state.subscribers.get_mut(user) {
            subscribers.retain(|other| other.id != subscriber.id);
            if subscribers.is_empty() {
                state.subscribers.remove(user);
                state.note_absent(user);
            }
        }
    }

    fn take_in(&self, events: impl Iterator<Item = (u64, Option<Arc<ChatEvent>>)>) {
        let mut state = self.state();
        let before = state.published;
        for (place, event) in events {
            state.take_in(place, event);
        }
        let (published, has_gap) = (state.published, !state.early.is_empty());
        drop(state);
        if published > before {
            // Outside the lock two of these may cross; the higher one stays.
            self.head.send_if_modified(|head| {
                let is_later = published > *head;
                *head = published.max(*head);
                is_later
            });
        }
        if has_gap {
            self.gap.notify_one();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Handing out to one more or one less leaves the state whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn of(&self, user: &CommunicationIdentifier) -> &[Arc<Subscriber>] {
        self.subscribers.get(user).map(Vec::as_slice).unwrap_or_default()
    }

    fn note_absent(&mut self, user: &CommunicationIdentifier) {
        if self.absent.len() < ABSENT_LIMIT {
            self.absent.insert(user.clone(), Instant::now());
        }
    }

    fn take_in(&mut self, place: u64, event: Option<Arc<ChatEvent>>) {
        if place <= self.published {
            return;
        }
        if place > self.published + 1 {
            self.early.insert(place, event);
            return;
        }
        self.hand_out(place, event);
        self.hand_out_early();
    }

    /// Hands out what came early and follows now.
    fn hand_out_early(&mut self) {
        while let Some(entry) = self.early.first_entry()
            && *entry.key() <= self.published + 1
        {
            let (place, event) = entry.remove_entry();
            // One that was read from the store meanwhile is there twice.
            if place > self.published {
                self.hand_out(place, event);
            }
        }
    }

    fn hand_out(&mut self, place: u64, event: Option<Arc<ChatEvent>>) {
        self.published = place;
        let Some(event) = event else { return };
        let mut deliveries = 0;
        for user in &event.recipients {
            for subscriber in self.of(user) {
                subscriber.offer(place, &event);
                deliveries += 1;
            }
        }
        metrics::counter!("trunkline_chat_deliveries_total").increment(deliveries);
    }
}

impl Subscriber {
    pub(super) fn is_behind(&self) -> bool {
        self.is_behind.load(Ordering::Acquire)
    }

    /// Begins to fill the queue again: what comes after the place that is returned is in it.
    pub(super) fn resume(&self, feed: &Feed) -> u64 {
        // Under the lock, so that an event is before the place or in the queue, never neither.
        let state = feed.state();
        self.is_behind.store(false, Ordering::Release);
        state.published
    }

    pub(super) fn ended(&self) -> &CancellationToken {
        &self.ended
    }

    pub(super) fn end_reason(&self) -> Option<SubscriptionEnd> {
        self.end.get().cloned()
    }

    pub(super) fn end(&self, reason: SubscriptionEnd) {
        // The first reason stays.
        let _ = self.end.set(reason);
        self.ended.cancel();
    }

    fn offer(&self, place: u64, event: &Arc<ChatEvent>) {
        if self.is_behind() {
            return;
        }
        let item = FeedItem { seq: Some(place), event: Arc::clone(event) };
        match self.queue.try_send(item) {
            // One that is gone is about to be taken out.
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                metrics::counter!("trunkline_chat_subscribers_behind_total").increment(1);
                self.is_behind.store(true, Ordering::Release);
            }
        }
    }

    fn offer_passing(&self, event: &Arc<ChatEvent>) {
        if !self.is_behind() && self.queue.capacity() > QUEUE_LIMIT / 2 {
            let _ = self.queue.try_send(FeedItem { seq: None, event: Arc::clone(event) });
        }
    }
}

/// Reads from the store what nobody has handed in, when something behind it has waited for a while.
pub(super) async fn fill_gaps(parts: Arc<Parts>) {
    let Parts { base, feed, .. } = &*parts;
    loop {
        tokio::select! {
            () = feed.gap.notified() => {}
            () = base.stopping.cancelled() => return,
        }
        while let Some(published) = feed.before_gap() {
            tokio::time::sleep(GAP_PATIENCE).await;
            if base.stopping.is_cancelled() {
                return;
            }
            if feed.published() > published {
                continue;
            }
            metrics::counter!("trunkline_chat_feed_gaps_total").increment(1);
            if let Err(error) = fill(&parts, published).await {
                tracing::warn!(%error, "cannot read what is missing from the feed");
            }
        }
    }
}

async fn fill(parts: &Parts, published: u64) -> Result<(), StoreError> {
    let entries = parts.base.store.log_after(published, GAP_READ_LIMIT).await?;
    let mut state = parts.feed.state();
    // A place that the store does not have, or cannot read, is one that nothing will ever come for:
    // all before what came early has been committed.
    let first = entries.first().map(|entry| entry.seq);
    if let Some(next) = first.into_iter().chain(state.early.keys().next().copied()).min() {
        state.published = state.published.max(next - 1);
    }
    state.hand_out_early();
    for entry in entries {
        let event = match entry.event {
            LogEvent::Chat(event) => Some(Arc::new(event)),
            LogEvent::Other(_) => None,
        };
        state.take_in(entry.seq, event);
    }
    let published = state.published;
    drop(state);
    parts.feed.head.send_replace(published);
    Ok(())
}

/// What waits for a subscriber before it has to read from the store: the burst of a busy second. At
/// some 24 bytes each it costs little, since the events themselves are shared.
const QUEUE_LIMIT: usize = 256;

/// Endpoints of one user: each costs a delivery per event.
pub(super) const SUBSCRIPTION_LIMIT: usize = 100;

/// Users whose absence is yet to be told, at some 200 bytes each; of more at once it is not told.
const ABSENT_LIMIT: usize = 100_000;

/// Between the answers of two units of one commit lie microseconds. Longer keeps everybody waiting
/// when an answer is lost; shorter reads from the store what is about to come.
const GAP_PATIENCE: Duration = Duration::from_millis(20);

/// Events read at once into a gap.
const GAP_READ_LIMIT: usize = 256;
