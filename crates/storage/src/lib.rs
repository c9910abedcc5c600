//! What is kept: store traits, and SQLite with group commit.
//!
//! Each trait is a part of [`Store`]; a façade or a task asks for the part that it needs. Times come
//! from the caller: no clock is read here. Secrets are sealed at rest and redacted in `Debug`.

mod call_history;
mod chat;
mod error;
mod identity;
mod meetings;
mod outbox;
mod policy;
mod presence;
mod push_endpoints;
mod repeatability;
mod rooms;
mod secret;
mod sqlite;
mod store;

pub use crate::{
    call_history::{
        CallHistoryLimits, CallHistoryStore, CallPosition, CallRecord, CallsQuery, MissedCalls,
        OtherParty, UserCall,
    },
    chat::{
        ChatStore, ChatUnit, FeedBounds, FeedEntry, PageQuery, ThreadPosition, ThreadSummary,
        ThreadsQuery,
    },
    error::{Cause, OpenError, StoreError},
    identity::{AppUser, IdentityStore, ResourceRecord, UserPosition},
    meetings::{MeetingPosition, MeetingStore, PostedCode, PutMeetingError, StoredMeeting},
    outbox::{
        Backlog, DeadLetter, DeadLetterLimits, Delivery, Expansion, Expiry, InvalidSubscriptionId,
        LogEntry, LogEvent, Moment, OtherEvent, OtherEvents, Outbox, Outcome, Subscription,
        SubscriptionId, Waiting,
    },
    policy::PolicyStore,
    presence::{PreferredPresence, PresenceStore},
    push_endpoints::{PushEndpoint, PushEndpointChange, PushEndpointKey, PushEndpointStore},
    repeatability::{
        Begun, Fingerprint, REPEATABILITY_LIFE, RepeatabilityKey, RepeatabilityRecord,
        RepeatabilityStore, Reservation, StoredResponse,
    },
    rooms::{RoomPosition, RoomStore},
    secret::{SealingKey, Secret},
    sqlite::{CommitCounts, SqliteOptions, SqliteStore},
    store::Store,
};
