//! A store whose work takes no virtual time: without it a paused clock, which moves on when every task
//! waits, would run hours ahead while a thread of the store flushes a file. Commits of chat can be made
//! to wait and to fail, what is read of tokens to arrive late, outcomes of deliveries to fail, places of
//! the log to be unreadable.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

use async_trait::async_trait;
use trunkline_chat::{Message, MessageId, ThreadRecord};
use trunkline_clock::Timestamp;
use trunkline_ids::{
    CallId, CommunicationIdentifier, CommunicationUser, JoinMeetingId, MeetingCoordinates,
    MeetingId, ResourceId, TenantId, ThreadId,
};
use trunkline_interop::{Room, RoomId};
use trunkline_policy::{
    AccessKey, Assignee, DirectoryUser, ExternalAccessPolicy, FederationConfig, Grant, KeySlot,
    ObjectId, Policy, PolicyName, Segment, SegmentId, Tenant,
};
use trunkline_storage::{
    AppUser, Backlog, Begun, CallHistoryLimits, CallHistoryStore, CallPosition, CallRecord,
    CallsQuery, ChatStore, ChatUnit, DeadLetter, DeadLetterLimits, Delivery, Expansion, Expiry,
    FeedBounds, FeedEntry, Fingerprint, IdentityStore, LogEntry, MeetingPosition, MeetingStore,
    MissedCalls, Moment, OtherEvent, OtherEvents, Outbox, Outcome, PageQuery, PolicyStore,
    PostedCode, PreferredPresence, PresenceStore, PushEndpoint, PushEndpointChange,
    PushEndpointKey, PushEndpointStore, PutMeetingError, RepeatabilityKey, RepeatabilityRecord,
    RepeatabilityStore, ResourceRecord, RoomPosition, RoomStore, SealingKey, SqliteOptions,
    SqliteStore, Store, StoreError, StoredMeeting, Subscription, SubscriptionId, ThreadSummary,
    ThreadsQuery, UserCall, UserPosition, Waiting,
};

/// Opens a store in a directory that can be made to fail.
pub(crate) fn open(place: &Path, faults: Arc<Faults>) -> Arc<dyn Store> {
    let key = SealingKey::from_bytes([7; SealingKey::BYTES]);
    let store = SqliteStore::open(&SqliteOptions::new(place, key)).unwrap();
    Arc::new(HeldStore { store, faults })
}

/// What goes wrong with commits of chat, reads of tokens, outcomes of deliveries, and the log.
#[derive(Default)]
pub(crate) struct Faults {
    /// There is no room.
    pub(crate) is_full: AtomicBool,
    /// There is no room for what came of deliveries.
    pub(crate) are_outcomes_refused: AtomicBool,
    /// The place from which on the log cannot be read; zero is none.
    pub(crate) unreadable_from: AtomicU64,
    /// Whoever holds it keeps commits waiting.
    pub(crate) gate: tokio::sync::Mutex<()>,
    /// How many there were.
    pub(crate) commits: AtomicUsize,
    /// Whoever holds it keeps those waiting who have read how often tokens were revoked.
    pub(crate) generation_gate: tokio::sync::Mutex<()>,
    /// How many have read it.
    pub(crate) generation_reads: AtomicUsize,
}

struct HeldStore {
    store: SqliteStore,
    faults: Arc<Faults>,
}

/// Time stands still for as long as this lives: a paused clock waits for blocking tasks.
struct Hold(#[expect(dead_code, reason = "closing it is what ends the task")] mpsc::Sender<()>);

fn hold_time() -> Hold {
    let (held, ended) = mpsc::channel::<()>();
    tokio::task::spawn_blocking(move || ended.recv());
    Hold(held)
}

macro_rules! held {
    ($store:ident { $(fn $name:ident($($arg:ident: $kind:ty),*) -> $answer:ty;)* } $($own:tt)*) => {
        #[async_trait]
        impl $store for HeldStore {
            $(async fn $name(&self, $($arg: $kind),*) -> $answer {
                let _hold = hold_time();
                self.store.$name($($arg),*).await
            })*

            $($own)*
        }
    };
}

#[async_trait]
impl Store for HeldStore {
    fn is_writable(&self) -> bool {
        self.store.is_writable()
    }

    async fn probe(&self) -> Result<(), StoreError> {
        let _hold = hold_time();
        self.store.probe().await
    }

    async fn close(&self) {
        let _hold = hold_time();
        self.store.close().await;
    }
}

#[async_trait]
impl ChatStore for HeldStore {
    async fn commit(&self, unit: ChatUnit) -> Result<Vec<u64>, StoreError> {
        self.faults.commits.fetch_add(1, Ordering::Relaxed);
        let _pass = self.faults.gate.lock().await;
        if self.faults.is_full.load(Ordering::Relaxed) {
            return Err(StoreError::Full);
        }
        let _hold = hold_time();
        self.store.commit(unit).await
    }

    async fn load_thread(&self, thread: &ThreadId) -> Result<Option<ThreadRecord>, StoreError> {
        let _hold = hold_time();
        self.store.load_thread(thread).await
    }

    async fn message(
        &self,
        thread: &ThreadId,
        message: MessageId,
    ) -> Result<Option<Message>, StoreError> {
        let _hold = hold_time();
        self.store.message(thread, message).await
    }

    async fn messages(
        &self,
        thread: &ThreadId,
        query: PageQuery,
    ) -> Result<Vec<Message>, StoreError> {
        let _hold = hold_time();
        self.store.messages(thread, query).await
    }

    async fn threads_of(
        &self,
        user: &CommunicationIdentifier,
        query: ThreadsQuery,
    ) -> Result<Vec<ThreadSummary>, StoreError> {
        let _hold = hold_time();
        self.store.threads_of(user, query).await
    }

    async fn threads_expired_by(
        &self,
        time: Timestamp,
        limit: usize,
    ) -> Result<Vec<ThreadId>, StoreError> {
        let _hold = hold_time();
        self.store.threads_expired_by(time, limit).await
    }

    async fn feed_after(
        &self,
        user: &CommunicationIdentifier,
        cursor: u64,
        limit: usize,
    ) -> Result<Vec<FeedEntry>, StoreError> {
        let _hold = hold_time();
        self.store.feed_after(user, cursor, limit).await
    }

    async fn feed_bounds(&self) -> Result<FeedBounds, StoreError> {
        let _hold = hold_time();
        self.store.feed_bounds().await
    }

    async fn erase_deleted(&self, limit: usize) -> Result<usize, StoreError> {
        let _hold = hold_time();
        self.store.erase_deleted(limit).await
    }

    async fn prune_feed(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let _hold = hold_time();
        self.store.prune_feed(before, limit).await
    }
}

held!(CallHistoryStore {
    fn append_calls(calls: Vec<UserCall>, limits: CallHistoryLimits) -> Result<usize, StoreError>;
    fn calls(user: &CommunicationIdentifier, query: CallsQuery) -> Result<Vec<(CallPosition, CallRecord)>, StoreError>;
    fn missed_calls(user: &CommunicationIdentifier) -> Result<MissedCalls, StoreError>;
    fn mark_calls_seen(user: &CommunicationIdentifier, up_to: CallPosition) -> Result<MissedCalls, StoreError>;
    fn delete_call(user: &CommunicationIdentifier, call: &CallId) -> Result<bool, StoreError>;
    fn delete_calls_of(user: &CommunicationIdentifier) -> Result<usize, StoreError>;
    fn prune_calls(now: Timestamp, limits: CallHistoryLimits, limit: usize) -> Result<usize, StoreError>;
});

held!(IdentityStore {
    fn put_resource(record: ResourceRecord) -> Result<(), StoreError>;
    fn resource(id: &ResourceId) -> Result<Option<ResourceRecord>, StoreError>;
    fn resources() -> Result<Vec<ResourceRecord>, StoreError>;
    fn rotate_key(id: &ResourceId, slot: KeySlot, fresh: AccessKey) -> Result<(), StoreError>;
    fn create_user(user: AppUser) -> Result<(), StoreError>;
    fn user(id: &CommunicationUser) -> Result<Option<AppUser>, StoreError>;
    fn users(resource: &ResourceId, after: Option<UserPosition>, limit: usize) -> Result<Vec<(UserPosition, AppUser)>, StoreError>;
    fn user_count(resource: &ResourceId) -> Result<u64, StoreError>;
    fn delete_user(id: &CommunicationUser) -> Result<bool, StoreError>;
    fn revoke_tokens(id: &CommunicationIdentifier) -> Result<u32, StoreError>;
    fn put_tenant(tenant: Tenant) -> Result<(), StoreError>;
    fn tenants() -> Result<Vec<Tenant>, StoreError>;
    fn put_directory_user(tenant: &TenantId, user: DirectoryUser) -> Result<(), StoreError>;
    fn directory_users(tenant: &TenantId) -> Result<Vec<DirectoryUser>, StoreError>;
    fn delete_directory_user(tenant: &TenantId, user: &ObjectId) -> Result<bool, StoreError>;
}
    async fn token_generation(&self, id: &CommunicationIdentifier) -> Result<u32, StoreError> {
        let read = {
            let _hold = hold_time();
            self.store.token_generation(id).await
        };
        self.faults.generation_reads.fetch_add(1, Ordering::Relaxed);
        let _pass = self.faults.generation_gate.lock().await;
        read
    }
);

held!(MeetingStore {
    fn put_meeting(meeting: StoredMeeting) -> Result<(), PutMeetingError>;
    fn meeting(id: &MeetingId) -> Result<Option<StoredMeeting>, StoreError>;
    fn meeting_by_join_id(id: &JoinMeetingId) -> Result<Option<StoredMeeting>, StoreError>;
    fn meeting_at(coordinates: &MeetingCoordinates) -> Result<Option<StoredMeeting>, StoreError>;
    fn meetings_of_thread(thread: &ThreadId, after: Option<MeetingPosition>, limit: usize) -> Result<Vec<(MeetingPosition, StoredMeeting)>, StoreError>;
    fn meetings_of(organizer: &CommunicationIdentifier, after: Option<MeetingPosition>, limit: usize) -> Result<Vec<(MeetingPosition, StoredMeeting)>, StoreError>;
    fn join_codes(after: Option<MeetingPosition>, limit: usize) -> Result<Vec<(MeetingPosition, PostedCode)>, StoreError>;
    fn delete_meeting(id: &MeetingId) -> Result<bool, StoreError>;
});

held!(Outbox {
    fn put_subscription(subscription: Subscription) -> Result<(), StoreError>;
    fn subscription(id: &SubscriptionId) -> Result<Option<Subscription>, StoreError>;
    fn subscriptions() -> Result<Vec<Subscription>, StoreError>;
    fn validate_subscription(id: &SubscriptionId) -> Result<(), StoreError>;
    fn delete_subscription(id: &SubscriptionId) -> Result<bool, StoreError>;
    fn append(events: Vec<OtherEvent>) -> Result<Vec<u64>, StoreError>;
    fn append_of_lives(events: Vec<(OtherEvent, Moment)>) -> Result<Vec<u64>, StoreError>;
    fn open_partitions() -> Result<Vec<OtherEvent>, StoreError>;
    fn expand(id: &SubscriptionId, now: Timestamp, limit: usize) -> Result<Expansion, StoreError>;
    fn expire(id: &SubscriptionId, expiry: Expiry) -> Result<Expansion, StoreError>;
    fn waiting(id: &SubscriptionId, limit: usize) -> Result<Waiting, StoreError>;
    fn take_due(now: Timestamp, limit: usize) -> Result<Vec<Delivery>, StoreError>;
    fn next_due() -> Result<Option<Timestamp>, StoreError>;
    fn rewind_deliveries(now: Timestamp) -> Result<usize, StoreError>;
    fn postpone(id: &SubscriptionId, seq: u64, until: Timestamp) -> Result<(), StoreError>;
    fn dead_letters(id: &SubscriptionId, after: u64, limit: usize) -> Result<Vec<DeadLetter>, StoreError>;
    fn revive(id: &SubscriptionId, seq: u64, now: Timestamp) -> Result<bool, StoreError>;
    fn prune_dead_letters(limits: DeadLetterLimits, limit: usize) -> Result<usize, StoreError>;
    fn backlog(id: &SubscriptionId) -> Result<Backlog, StoreError>;
    fn others_after(cursor: u64, limit: usize) -> Result<OtherEvents, StoreError>;
}
    async fn log_after(&self, cursor: u64, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        let _hold = hold_time();
        let mut entries = self.store.log_after(cursor, limit).await?;
        let unreadable_from = self.faults.unreadable_from.load(Ordering::Relaxed);
        entries.retain(|entry| unreadable_from == 0 || entry.seq < unreadable_from);
        Ok(entries)
    }

    async fn record_outcome(
        &self,
        id: &SubscriptionId,
        seq: u64,
        outcome: Outcome,
    ) -> Result<(), StoreError> {
        if self.faults.are_outcomes_refused.load(Ordering::Relaxed) {
            return Err(StoreError::Full);
        }
        let _hold = hold_time();
        self.store.record_outcome(id, seq, outcome).await
    }
);

held!(PolicyStore {
    fn load_policy() -> Result<Policy, StoreError>;
    fn put_federation(tenant: &TenantId, config: FederationConfig) -> Result<(), StoreError>;
    fn put_federated_tenants(tenant: &TenantId, others: BTreeSet<TenantId>) -> Result<(), StoreError>;
    fn put_external_access(tenant: &TenantId, policy: ExternalAccessPolicy) -> Result<(), StoreError>;
    fn delete_external_access(tenant: &TenantId, policy: &PolicyName) -> Result<bool, StoreError>;
    fn put_grant(tenant: &TenantId, grant: Grant) -> Result<(), StoreError>;
    fn delete_grant(tenant: &TenantId, assignee: &Assignee) -> Result<bool, StoreError>;
    fn put_segment(tenant: &TenantId, segment: Segment) -> Result<(), StoreError>;
    fn delete_segment(tenant: &TenantId, segment: &SegmentId) -> Result<bool, StoreError>;
});

held!(PresenceStore {
    fn put_preferred_presence(preferred: PreferredPresence) -> Result<(), StoreError>;
    fn remove_preferred_presence(user: &CommunicationIdentifier) -> Result<(), StoreError>;
    fn preferred_presences(now: Timestamp) -> Result<Vec<PreferredPresence>, StoreError>;
});

held!(PushEndpointStore {
    fn push_endpoint(key: &PushEndpointKey) -> Result<Option<PushEndpoint>, StoreError>;
    fn put_push_endpoints(changes: Vec<PushEndpointChange>) -> Result<(), StoreError>;
    fn prune_push_endpoints(before: Timestamp, limit: usize) -> Result<usize, StoreError>;
});

held!(RepeatabilityStore {
    fn begin(key: &RepeatabilityKey, fingerprint: Fingerprint, now: Timestamp) -> Result<Begun, StoreError>;
    fn store_response(record: RepeatabilityRecord) -> Result<(), StoreError>;
    fn prune_responses(now: Timestamp) -> Result<u64, StoreError>;
});

held!(RoomStore {
    fn put_room(room: Room, repeatability: Option<RepeatabilityRecord>) -> Result<(), StoreError>;
    fn room(id: &RoomId) -> Result<Option<Room>, StoreError>;
    fn rooms(resource: &ResourceId, after: Option<RoomPosition>, limit: usize) -> Result<Vec<(RoomPosition, Room)>, StoreError>;
    fn delete_room(id: &RoomId) -> Result<bool, StoreError>;
});
