//! The relay: sends what happened to those who subscribed from outside, at least once and in order
//! within a thread.
//!
//! The store turns events into deliveries, [`trunkline_events`] makes the attempts; here is decided
//! whose turn it is. Each subscription has a task with a bounded number of attempts, so that a slow
//! receiver holds up itself alone.

mod calls;
mod catalogue;
mod configured;
mod dispatch;
mod lane;
mod presence;
mod sample;
mod tail;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, OnceCell};
use trunkline_clock::Timestamp;
use trunkline_events::signature::{SigningKey, SigningKeys};
use trunkline_events::{
    Deliverer, DeliveryLimits, DeliverySchema, Endpoint, EventId, EventType, GuardError, Handshake,
    Notification, Outbound, OutboundConfig, OutboundSetupError, RetryPolicy, SubscriptionFilter,
    SubscriptionName, Topic, ValidateError, ValidationCode, ValidationEvent, WebhookOrigin,
};
use trunkline_ids::{CallId, ResourceId, ThreadId};
use trunkline_storage::{
    Backlog, Moment, OtherEvent, Secret, StoreError, Subscription, SubscriptionId,
};

use crate::base::Base;
use crate::chat::Feed;

pub(crate) use self::calls::{CallLog, Occurrence};
pub use self::calls::{CallTail, CallTailItem};
pub use self::tail::{EventTail, TailEnd, TailItem};

/// How events leave.
#[derive(Clone, Debug, Default)]
pub struct RelayConfig {
    /// Where events say that they come from; made from the resource if absent.
    pub topic: Option<Topic>,
    /// Where they may go.
    pub outbound: OutboundConfig,
    /// How much an attempt may take.
    pub limits: DeliveryLimits,
    /// When attempts are made again, and when they are given up.
    pub retry: RetryPolicy,
    /// How long a receiver may work off what has waited, after a start, before events that have grown
    /// too old for their turn are given up: for some of it the exchange may have been away.
    pub start_grace: Duration,
    /// Who asks in the handshake of CloudEvents.
    pub origin: WebhookOrigin,
    /// The subscriptions that there are to be from the start on, each with what signs its deliveries.
    /// An endpoint that does not confirm yet is asked again until it does. One that is no longer in
    /// this list stays until it is ended.
    pub subscriptions: Vec<(SubscribeEvents, SigningKey)>,
}

/// Somebody who wants events.
#[derive(Clone, Debug)]
pub struct SubscribeEvents {
    /// Its name; takes the place of the subscription of that name.
    pub name: SubscriptionName,
    /// Where events are sent.
    pub endpoint: Endpoint,
    /// Which events.
    pub filter: SubscriptionFilter,
    /// In which envelope.
    pub schema: DeliverySchema,
}

/// Somebody who is sent events, as lists show it.
#[derive(Clone, Debug)]
pub struct EventSubscription {
    /// Its name.
    pub name: SubscriptionName,
    /// Where events are sent, without its query.
    pub endpoint: String,
    /// Which events.
    pub filter: SubscriptionFilter,
    /// In which envelope.
    pub schema: DeliverySchema,
    /// Whether the endpoint has shown that it wants the events; none are sent before.
    pub is_validated: bool,
    /// The last event that became a delivery, or was passed over.
    pub cursor: u64,
    /// What waits, and what was given up.
    pub backlog: Backlog,
    /// When it was made.
    pub created_on: Timestamp,
}

/// An event that was given up.
#[derive(Clone, Debug)]
pub struct DeadEvent {
    /// Its place in the log.
    pub seq: u64,
    /// Attempts made.
    pub attempts: u32,
    /// Why it was given up.
    pub reason: String,
    /// When.
    pub on: Timestamp,
    /// What would have been sent: the first few of what happened at that place.
    pub notifications: Vec<Notification>,
}

/// Why nothing was done about events.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The subscription has no such dead letter.
    #[error("there is no such dead letter")]
    NoSuchDeadLetter,
    /// There is no subscription of that name.
    #[error("there is no such subscription")]
    NoSuchSubscription,
    /// The endpoint may not be reached.
    #[error(transparent)]
    Refused(#[from] GuardError),
    /// The client for deliveries cannot be set up.
    #[error("events cannot be sent from here")]
    Setup(#[from] OutboundSetupError),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// There are as many subscriptions as there may be.
    #[error("there are at most {limit} subscriptions")]
    TooManySubscriptions {
        /// The limit.
        limit: usize,
    },
    /// The endpoint has not shown that it wants the events.
    #[error("the endpoint does not confirm that it wants the events")]
    Unconfirmed(#[from] ValidateError),
}

/// Subscriptions and the log. Clones are handles to the same.
#[derive(Clone)]
pub struct Relay {
    parts: Arc<Parts>,
    calls: CallLog,
}

struct Parts {
    base: Base,
    feed: Arc<Feed>,
    config: RelayConfig,
    topic: Topic,
    /// Made when the first one subscribes: it reads the system's certificates.
    deliverer: OnceCell<Deliverer>,
    /// When threads were made: their events say so.
    births: Mutex<HashMap<ThreadId, Timestamp>>,
    /// Something may be due.
    wake: Notify,
    /// Subscriptions have come, gone or changed.
    is_stale: AtomicBool,
}

/// What a subscription is, as the store keeps it: sealed, because the URL may hold a secret, too.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Terms {
    name: SubscriptionName,
    endpoint: Endpoint,
    filter: SubscriptionFilter,
    schema: DeliverySchema,
    keys: SigningKeys,
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("topic", &self.parts.topic).finish_non_exhaustive()
    }
}

impl Relay {
    pub(crate) fn start(
        base: Base,
        feed: Arc<Feed>,
        config: RelayConfig,
        resource: &ResourceId,
    ) -> Self {
        let topic = config.topic.clone().unwrap_or_else(|| topic_of(resource));
        let parts = Arc::new(Parts {
            base,
            feed,
            config,
            topic,
            deliverer: OnceCell::new(),
            births: Mutex::default(),
            wake: Notify::new(),
            is_stale: AtomicBool::new(true),
        });
        parts.base.tasks.spawn(dispatch::run(Arc::clone(&parts)));
        parts.base.tasks.spawn(presence::run(Arc::clone(&parts)));
        let (calls, occurrences) = CallLog::new();
        parts.base.tasks.spawn(calls::store(Arc::clone(&parts), occurrences));
        let relay = Self { parts, calls };
        for (request, key) in &relay.parts.config.subscriptions {
            let keeping = configured::keep(relay.clone(), request.clone(), key.clone());
            relay.parts.base.tasks.spawn(keeping);
        }
        relay
    }

    /// Subscribes an endpoint, once it has confirmed that it wants the events; returns what signs
    /// them, which is told once. Events after that moment are sent.
    pub async fn subscribe(
        &self,
        request: SubscribeEvents,
    ) -> Result<(EventSubscription, SigningKey), RelayError> {
        let mut bytes = [0; 32];
        aws_lc_rs::rand::fill(&mut bytes).expect("the system has randomness: TLS needs it, too");
        let key = SigningKey::from_bytes(&bytes).expect("32 bytes make a key");
        Ok((self.subscribe_with(request, key.clone()).await?, key))
    }

    async fn subscribe_with(
        &self,
        request: SubscribeEvents,
        key: SigningKey,
    ) -> Result<EventSubscription, RelayError> {
        let SubscribeEvents { name, endpoint, filter, schema } = request;
        let parts = &self.parts;
        parts.config.outbound.guard.admit(&endpoint)?;
        let known = parts.base.store.subscriptions().await?;
        let id = id_of(&name);
        if known.len() >= SUBSCRIPTION_LIMIT && known.iter().all(|other| other.id != id) {
            return Err(RelayError::TooManySubscriptions { limit: SUBSCRIPTION_LIMIT });
        }
        self.confirm(&name, &endpoint, schema).await?;
        let keys = SigningKeys::new(key);
        let kinds = catalogue::kinds(&filter);
        let terms = Terms { name, endpoint, filter, schema, keys };
        let subscription = Subscription {
            id,
            endpoint: terms.endpoint.without_query().to_owned(),
            kinds: Some(kinds),
            secret: Secret::new(serde_json::to_vec(&terms).expect("terms have text keys only")),
            cursor: 0,
            is_validated: false,
            created_on: parts.base.wall(),
        };
        let (made, work) = (subscription.id.clone(), Arc::clone(parts));
        let stored = async move {
            let id = subscription.id.clone();
            work.base.store.put_subscription(subscription).await?;
            // Sets the cursor, too: what happened before is nobody's business.
            work.base.store.validate_subscription(&id).await?;
            work.change();
            Ok::<_, StoreError>(())
        };
        parts.base.complete(stored).await?;
        self.subscription(&made).await
    }

    /// Ends a subscription, with its deliveries and dead letters.
    pub async fn unsubscribe(&self, name: &SubscriptionName) -> Result<(), RelayError> {
        let (work, id) = (Arc::clone(&self.parts), id_of(name));
        let deleted = async move {
            let is_deleted = work.base.store.delete_subscription(&id).await?;
            work.change();
            Ok::<_, StoreError>(is_deleted)
        };
        let is_deleted = self.parts.base.complete(deleted).await?;
        is_deleted.then_some(()).ok_or(RelayError::NoSuchSubscription)
    }

    /// Lists the subscriptions by name.
    pub async fn subscriptions(&self) -> Result<Vec<EventSubscription>, RelayError> {
        let mut list = Vec::new();
        for stored in self.parts.base.store.subscriptions().await? {
            list.extend(self.describe(stored).await?);
        }
        Ok(list)
    }

    /// Lists events of a subscription that were given up, after a place in the log.
    pub async fn dead_letters(
        &self,
        name: &SubscriptionName,
        after: u64,
        limit: usize,
    ) -> Result<Vec<DeadEvent>, RelayError> {
        let id = id_of(name);
        let store = &self.parts.base.store;
        let stored = store.subscription(&id).await?.ok_or(RelayError::NoSuchSubscription)?;
        let terms = terms(&stored).ok_or(RelayError::NoSuchSubscription)?;
        let mut dead = Vec::new();
        for letter in store.dead_letters(&id, after, limit.clamp(1, PAGE_LIMIT)).await? {
            let born_on = self.parts.birth(&letter.entry.event).await;
            let notifications = catalogue::each(&letter.entry.event, born_on, |events| {
                let wanted = events.filter(|event| terms.filter.matches(event));
                let wanted = wanted.take(SHOWN_LIMIT);
                wanted.map(|event| event.in_envelope(terms.schema, &self.parts.topic)).collect()
            });
            dead.push(DeadEvent {
                seq: letter.entry.seq,
                attempts: letter.attempts,
                reason: letter.reason,
                on: letter.on,
                notifications,
            });
        }
        Ok(dead)
    }

    /// Sends an event that was given up again, behind what waits in its thread.
    pub async fn revive(&self, name: &SubscriptionName, seq: u64) -> Result<(), RelayError> {
        let store = &self.parts.base.store;
        let is_revived = store.revive(&id_of(name), seq, self.parts.base.wall()).await?;
        self.parts.wake.notify_one();
        is_revived.then_some(()).ok_or(RelayError::NoSuchDeadLetter)
    }

    /// Puts a made-up event into the log, to try receivers with; returns its place. It goes where a
    /// real one would go.
    pub async fn trigger(&self, event_type: EventType) -> Result<u64, RelayError> {
        let resource = self.parts.topic_resource();
        let event = sample::event(event_type, &resource, self.parts.base.wall());
        let work = Arc::clone(&self.parts);
        let appended = async move {
            let places = work.append(vec![event]).await?;
            Ok::<_, StoreError>(places.last().copied().unwrap_or_default())
        };
        Ok(self.parts.base.complete(appended).await?)
    }

    /// Follows the log: after a place, or from here on.
    pub async fn watch(
        &self,
        from: Option<u64>,
        filter: SubscriptionFilter,
        schema: DeliverySchema,
    ) -> EventTail {
        EventTail::new(Arc::clone(&self.parts), from, filter, schema)
    }

    /// Follows what happens in calls and meetings: after a place, or from here on.
    pub fn watch_calls(&self, from: Option<u64>, call_id: Option<CallId>) -> CallTail {
        CallTail::new(Arc::clone(&self.parts), from, call_id)
    }

    /// Returns the way of what happens in calls into the log.
    pub(crate) fn calls(&self) -> &CallLog {
        &self.calls
    }

    async fn confirm(
        &self,
        name: &SubscriptionName,
        endpoint: &Endpoint,
        schema: DeliverySchema,
    ) -> Result<(), RelayError> {
        let deliverer = self.parts.deliverer().await?;
        let random = || *uuid::Uuid::new_v4().as_bytes();
        let handshake = match schema {
            DeliverySchema::CloudEvents => {
                deliverer.validate_cloud_events(endpoint, &self.parts.config.origin).await?
            }
            DeliverySchema::EventGrid => {
                let event = ValidationEvent {
                    id: EventId::from_uuid_bytes(random()),
                    topic: &self.parts.topic,
                    time: self.parts.base.wall(),
                    code: ValidationCode::from_random(random()),
                    validation_url: None,
                };
                deliverer.validate_event_grid(endpoint, name, &event).await?
            }
        };
        match handshake {
            Handshake::AwaitsManualAction => unreachable!("no URL was given to confirm by hand"),
            Handshake::Validated { .. } => Ok(()),
        }
    }

    async fn subscription(&self, id: &SubscriptionId) -> Result<EventSubscription, RelayError> {
        let stored = self.parts.base.store.subscription(id).await?;
        let stored = stored.ok_or(RelayError::NoSuchSubscription)?;
        self.describe(stored).await?.ok_or(RelayError::NoSuchSubscription)
    }

    async fn describe(
        &self,
        stored: Subscription,
    ) -> Result<Option<EventSubscription>, RelayError> {
        let Some(Terms { name, filter, schema, .. }) = terms(&stored) else {
            return Ok(None);
        };
        Ok(Some(EventSubscription {
            name,
            endpoint: stored.endpoint,
            filter,
            schema,
            is_validated: stored.is_validated,
            cursor: stored.cursor,
            backlog: self.parts.base.store.backlog(&stored.id).await?,
            created_on: stored.created_on,
        }))
    }
}

impl Parts {
    /// Has the subscriptions read anew.
    fn change(&self) {
        self.is_stale.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    async fn deliverer(&self) -> Result<&Deliverer, OutboundSetupError> {
        let make = async || {
            let outbound = Outbound::new(self.config.outbound.clone())?;
            Ok(Deliverer::new(outbound, self.config.limits))
        };
        self.deliverer.get_or_try_init(make).await
    }

    /// Adds what is not chat's to the log.
    async fn append(&self, events: Vec<OtherEvent>) -> Result<Vec<u64>, StoreError> {
        let places = self.base.store.append(events).await?;
        self.feed.pass_over(places.iter().copied());
        Ok(places)
    }

    /// Adds what happens in calls to the log.
    async fn append_of_lives(
        &self,
        events: Vec<(OtherEvent, Moment)>,
    ) -> Result<Vec<u64>, StoreError> {
        let places = self.base.store.append_of_lives(events).await?;
        self.feed.pass_over(places.iter().copied());
        Ok(places)
    }

    /// Returns when the thread of an event was made.
    async fn birth(&self, event: &trunkline_storage::LogEvent) -> Timestamp {
        let Some((thread, time)) = catalogue::thread_of(event) else {
            return Timestamp::UNIX_EPOCH;
        };
        let known = || self.births.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(born_on) = known().get(thread) {
            return *born_on;
        }
        match self.base.store.load_thread(thread).await {
            Ok(Some(record)) => {
                let mut births = known();
                if births.len() >= BIRTH_LIMIT {
                    births.clear();
                }
                births.insert(thread.clone(), record.created_on);
                record.created_on
            }
            Ok(None) | Err(_) => time,
        }
    }

    fn topic_resource(&self) -> ResourceId {
        // A topic that was configured may end in anything; the made-up users are nobody's then.
        let last = self.topic.to_string();
        let last = last.rsplit('/').next().and_then(|last| last.parse().ok());
        last.unwrap_or_else(|| ResourceId::from_uuid_bytes([0; 16]))
    }
}

fn id_of(name: &SubscriptionName) -> SubscriptionId {
    name.as_str().parse().expect("every name of a subscription names one in the store")
}

/// Reads the terms; a subscription that another version wrote in a way not known here has none.
fn terms(stored: &Subscription) -> Option<Terms> {
    let terms = serde_json::from_slice(stored.secret.expose());
    if terms.is_err() {
        tracing::warn!(subscription = %stored.id, "the terms of a subscription cannot be read");
    }
    terms.ok()
}

fn topic_of(resource: &ResourceId) -> Topic {
    let text = format!(
        "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/trunkline/providers\
         /Microsoft.Communication/communicationServices/{resource}"
    );
    text.parse().expect("a resource id is visible ASCII and short")
}

/// Each subscription has a task and a part of every event's work.
const SUBSCRIPTION_LIMIT: usize = 100;

/// Dead letters of one page.
const PAGE_LIMIT: usize = 100;

/// What a dead letter shows of what happened at once: the rest is alike but for the recipient.
const SHOWN_LIMIT: usize = 10;

/// Threads whose time of making is remembered, at some 100 bytes each.
const BIRTH_LIMIT: usize = 100_000;
