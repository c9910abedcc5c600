//! Events on their way out: who subscribes, what is due to whom, what was given up.
//!
//! The event log is the feed itself. A subscription has a cursor in it; the events past the cursor
//! become deliveries, and the cursor moves, in one transaction. So an event is delivered at least
//! once to each subscription that was there when it happened.

use std::{collections::BTreeSet, fmt, str::FromStr};

use async_trait::async_trait;
use trunkline_chat::ChatEvent;
use trunkline_clock::Timestamp;

use crate::{error::StoreError, secret::Secret};

/// Names a subscription: 1 to 64 letters, digits, `-`, `_` or `.`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SubscriptionId(Box<str>);

impl SubscriptionId {
    /// The longest name accepted, in bytes.
    pub const LIMIT_BYTES: usize = 64;

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Says that a text does not name a subscription.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a subscription's name has 1 to 64 letters, digits, '-', '_' or '.'")]
pub struct InvalidSubscriptionId;

impl FromStr for SubscriptionId {
    type Err = InvalidSubscriptionId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let is_fit = (1..=Self::LIMIT_BYTES).contains(&text.len()) && text.bytes().all(is_allowed);
        if is_fit { Ok(Self(text.into())) } else { Err(InvalidSubscriptionId) }
    }
}

impl fmt::Display for SubscriptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Somebody who wants events sent to an endpoint.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Subscription {
    /// Its name.
    pub id: SubscriptionId,
    /// The URL that receives the events.
    pub endpoint: String,
    /// The kinds of event wanted, by the names that [`LogEvent::kind`] gives; `None` is all of them.
    pub kinds: Option<BTreeSet<String>>,
    /// What signs the deliveries; sealed at rest.
    pub secret: Secret,
    /// The last event that was turned into a delivery or passed over.
    pub cursor: u64,
    /// Whether the endpoint has proven that it wants the events; none are delivered before.
    pub is_validated: bool,
    /// When it was made.
    pub created_on: Timestamp,
}

/// An event that is not chat's, for those who subscribe.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OtherEvent {
    /// Its kind, in the form `family.event`: chat's have no dot.
    pub kind: String,
    /// Events with the same key are delivered in order.
    pub partition: String,
    /// When it happened.
    pub time: Timestamp,
    /// The event, in the form that its writer chose.
    pub body: Vec<u8>,
}

/// Where an event stands in the life of its partition, as far as there is one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Moment {
    /// It is the first: from here on the partition is open.
    Begins,
    /// It is in between, or the partition has no life.
    Continues,
    /// It is the last.
    Ends,
}

/// An event of the log, with all that a delivery needs.
#[derive(Clone, Debug)]
pub struct LogEntry {
    /// Its place in the feed.
    pub seq: u64,
    /// What happened.
    pub event: LogEvent,
}

/// What happened.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all events are chat's")]
pub enum LogEvent {
    /// Something in a chat thread; the recipients are those of that moment.
    Chat(ChatEvent),
    /// Something else.
    Other(OtherEvent),
}

impl LogEvent {
    /// Returns the kind of event, as subscriptions name it.
    pub fn kind(&self) -> &str {
        match self {
            Self::Chat(event) => event.kind.as_str(),
            Self::Other(event) => &event.kind,
        }
    }
}

/// What [`Outbox::others_after`] found.
#[derive(Clone, Debug)]
pub struct OtherEvents {
    /// The events with their places in the feed, in order.
    pub events: Vec<(u64, OtherEvent)>,
    /// The place up to which the feed was read; the cursor itself when nothing follows it.
    pub read_to: u64,
}

/// A delivery that is to be attempted.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// To whom.
    pub subscription: SubscriptionId,
    /// What.
    pub entry: LogEntry,
    /// The key within which the order is kept.
    pub partition: String,
    /// Attempts made before, zero at first.
    pub attempts: u32,
    /// When it was first due.
    pub enqueued_on: Timestamp,
}

/// What came of an attempt.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// Given up: kept as a dead letter, and the next of its partition is due.
    DeadLettered {
        /// Why.
        reason: String,
        /// When.
        on: Timestamp,
    },
    /// The endpoint has it: forgotten, and the next of its partition is due.
    Delivered,
    /// To be tried again; those behind it in its partition wait.
    Retry {
        /// When.
        at: Timestamp,
        /// Why it failed.
        reason: String,
    },
}

/// What [`Outbox::expand`] or [`Outbox::expire`] did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Expansion {
    /// Deliveries or dead letters added.
    pub added: usize,
    /// The subscription's cursor now.
    pub cursor: u64,
    /// Whether events remain past the cursor.
    pub has_more: bool,
}

/// Which events [`Outbox::expire`] gives up.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Expiry {
    /// Those that happened before, up to the first that did not.
    pub before: Timestamp,
    /// When they are given up.
    pub on: Timestamp,
    /// Why, as their dead letters say.
    pub reason: String,
    /// The most at once.
    pub limit: usize,
}

/// What waits for a subscription, as [`Outbox::waiting`] found it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Waiting {
    /// Deliveries not done yet, as far as they were counted.
    pub pending: usize,
    /// When the first event past the cursor happened.
    pub next_on: Option<Timestamp>,
}

/// A delivery that was given up.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// What was not delivered.
    pub entry: LogEntry,
    /// Attempts made.
    pub attempts: u32,
    /// Why it was given up.
    pub reason: String,
    /// When.
    pub on: Timestamp,
}

/// Which dead letters are kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DeadLetterLimits {
    /// Those that were given up then or later.
    pub before: Timestamp,
    /// How many of each subscription, the newest by their places in the feed.
    pub each: usize,
}

/// How much waits for a subscription.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Backlog {
    /// Deliveries not done yet.
    pub pending: u64,
    /// Deliveries given up.
    pub dead: u64,
}

/// Keeps subscriptions and their deliveries.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Makes a subscription or replaces the one of the same name, its cursor included. Deliveries
    /// that the old one has are kept.
    async fn put_subscription(&self, subscription: Subscription) -> Result<(), StoreError>;

    /// Returns a subscription.
    async fn subscription(&self, id: &SubscriptionId) -> Result<Option<Subscription>, StoreError>;

    /// Returns all subscriptions, by name.
    async fn subscriptions(&self) -> Result<Vec<Subscription>, StoreError>;

    /// Marks a subscription as validated: events after this moment will be delivered to it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none of that name.
    async fn validate_subscription(&self, id: &SubscriptionId) -> Result<(), StoreError>;

    /// Deletes a subscription with its deliveries and dead letters; `false` when there is none.
    async fn delete_subscription(&self, id: &SubscriptionId) -> Result<bool, StoreError>;

    /// Adds events that are not chat's to the log, and returns their places in it.
    async fn append(&self, events: Vec<OtherEvent>) -> Result<Vec<u64>, StoreError>;

    /// Adds events as [`append`](Self::append) does, and keeps which partitions are open.
    async fn append_of_lives(
        &self,
        events: Vec<(OtherEvent, Moment)>,
    ) -> Result<Vec<u64>, StoreError>;

    /// Returns the last event of each partition that has begun and not ended, as long as it is in the
    /// log.
    async fn open_partitions(&self) -> Result<Vec<OtherEvent>, StoreError>;

    /// Turns up to `limit` events past the subscription's cursor into deliveries and moves the
    /// cursor, in one transaction. Does nothing for one that is not validated.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none of that name.
    async fn expand(
        &self,
        id: &SubscriptionId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Expansion, StoreError>;

    /// Makes dead letters of events past the subscription's cursor whose time is over before their
    /// turn has come, and moves the cursor, in one transaction. Those not wanted are passed over.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none of that name.
    async fn expire(&self, id: &SubscriptionId, expiry: Expiry) -> Result<Expansion, StoreError>;

    /// Returns what waits for a subscription, counting up to `limit` deliveries. Costs as much as it
    /// counts, whatever else there is.
    async fn waiting(&self, id: &SubscriptionId, limit: usize) -> Result<Waiting, StoreError>;

    /// Takes up to `limit` deliveries that are due: first those that wait for no time, then those to be
    /// tried again, the longest due first. Of each subscription and
    /// partition at most the first is ever due. One that is taken is not given out again until its
    /// outcome is recorded or the store is opened anew. One whose event cannot be read is not given out:
    /// it becomes a dead letter that names its place.
    async fn take_due(&self, now: Timestamp, limit: usize) -> Result<Vec<Delivery>, StoreError>;

    /// Returns when the next delivery that nobody has taken is due: in the past when it is so already.
    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Makes up for a clock that was set back to `now`, and returns for how many deliveries: those that
    /// came only after that, or were never attempted, do not wait for a time that is to come again.
    async fn rewind_deliveries(&self, now: Timestamp) -> Result<usize, StoreError>;

    /// Records what came of a delivery. Recording twice changes nothing.
    ///
    /// # Errors
    /// A delivery whose outcome could not be recorded stays taken: whoever made the attempt records
    /// it again, and nobody makes another one meanwhile.
    async fn record_outcome(
        &self,
        id: &SubscriptionId,
        seq: u64,
        outcome: Outcome,
    ) -> Result<(), StoreError>;

    /// Gives back a delivery that was taken and not attempted, to be due later. When that cannot be
    /// recorded it is given back all the same.
    async fn postpone(
        &self,
        id: &SubscriptionId,
        seq: u64,
        until: Timestamp,
    ) -> Result<(), StoreError>;

    /// Returns up to `limit` dead letters after a place in the feed, in order.
    async fn dead_letters(
        &self,
        id: &SubscriptionId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError>;

    /// Makes a dead letter a delivery again, behind what waits in its partition; `false` when there
    /// is none.
    async fn revive(
        &self,
        id: &SubscriptionId,
        seq: u64,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Forgets up to `limit` dead letters that are not to be kept, the oldest first, and returns how
    /// many. One that is a delivery again stays until that is done.
    async fn prune_dead_letters(
        &self,
        limits: DeadLetterLimits,
        limit: usize,
    ) -> Result<usize, StoreError>;

    /// Returns how much waits for a subscription, and how much was given up. Reads all of it.
    async fn backlog(&self, id: &SubscriptionId) -> Result<Backlog, StoreError>;

    /// Returns up to `limit` events of the log after a cursor, whoever they concern. Those that cannot
    /// be read are left out.
    ///
    /// # Errors
    /// [`StoreError::CursorLost`] when the cursor is outside the feed.
    async fn log_after(&self, cursor: u64, limit: usize) -> Result<Vec<LogEntry>, StoreError>;

    /// Returns up to `limit` events of the log after a cursor that are not chat's, and how far was
    /// read to find them: the next read goes on there.
    ///
    /// # Errors
    /// [`StoreError::CursorLost`] when the cursor is outside the feed.
    async fn others_after(&self, cursor: u64, limit: usize) -> Result<OtherEvents, StoreError>;
}
