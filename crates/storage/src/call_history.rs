//! Call history: what is kept of calls that ended, for each user who had a part in them.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use trunkline_call::{CallKind, Direction};
use trunkline_clock::Timestamp;
use trunkline_ids::{CallId, CommunicationIdentifier, DisplayName, MeetingId, ThreadId};
use trunkline_reasons::EndReason;

use crate::error::StoreError;

/// The place of a call in the history, which has the order of their ends; never given to another.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CallPosition(pub u64);

/// A call that ended, as one of its users had it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CallRecord {
    /// The call.
    pub call_id: CallId,
    /// What kind of call it was.
    pub kind: CallKind,
    /// Whether the user was called.
    pub direction: Direction,
    /// The others, so many of them as [`CallHistoryLimits`] say.
    pub others: Vec<OtherParty>,
    /// How many more there were.
    pub unnamed_others: u32,
    /// When it was placed, or the user joined.
    pub started_at: Timestamp,
    /// When the user was connected, if ever.
    pub connected_at: Option<Timestamp>,
    /// When it ended for the user.
    pub ended_at: Timestamp,
    /// Why it ended.
    pub end_reason: EndReason,
    /// Whether it rang and the user neither took nor declined it.
    pub is_missed: bool,
    /// The chat thread that belongs to it.
    pub thread_id: Option<ThreadId>,
    /// The meeting that it was.
    pub meeting_id: Option<MeetingId>,
}

/// Another party of a call.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OtherParty {
    /// Who it was.
    pub identifier: CommunicationIdentifier,
    /// The name that was shown at the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<DisplayName>,
}

/// A call in the history of a user.
pub type UserCall = (CommunicationIdentifier, CallRecord);

/// How much history is kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CallHistoryLimits {
    /// Calls of one user; past it, the oldest go. One with as many others as are named takes some 2 kB.
    pub per_user: usize,
    /// The time after which a call goes. Longer keeps for longer who spoke with whom.
    pub age: Duration,
    /// Others named in one record; the rest are counted. A call of n people writes n records, so
    /// that larger lets large calls cost by the square.
    pub others: usize,
}

impl Default for CallHistoryLimits {
    fn default() -> Self {
        Self { per_user: 1_000, age: Duration::from_secs(90 * 86_400), others: 16 }
    }
}

/// What is asked of the history of a user.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CallsQuery {
    /// Only calls that ended before this one; from the newest when there is none.
    pub before: Option<CallPosition>,
    /// Only those that were missed.
    pub is_missed_only: bool,
    /// Only those that ended at this time or later.
    pub since: Option<Timestamp>,
    /// The most calls to return.
    pub limit: usize,
}

/// The calls that a user missed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MissedCalls {
    /// How many the user has not seen.
    pub unseen: u64,
    /// Up to where the user has seen them, if any.
    pub seen_up_to: Option<CallPosition>,
}

/// Keeps the history of calls.
#[async_trait]
pub trait CallHistoryStore: Send + Sync {
    /// Adds calls to the histories of users, as a whole or not at all, and removes what is beyond the
    /// limit of each user. What is there already, by user and call, stays as it is.
    ///
    /// Returns how many were added.
    async fn append_calls(
        &self,
        calls: Vec<UserCall>,
        limits: CallHistoryLimits,
    ) -> Result<usize, StoreError>;

    /// Returns calls of a user, the one that ended last first.
    async fn calls(
        &self,
        user: &CommunicationIdentifier,
        query: CallsQuery,
    ) -> Result<Vec<(CallPosition, CallRecord)>, StoreError>;

    /// Returns what a user missed.
    async fn missed_calls(&self, user: &CommunicationIdentifier)
    -> Result<MissedCalls, StoreError>;

    /// Notes that a user has seen what was missed up to a place, and returns what is left. An earlier
    /// place than that of before changes nothing; one past the newest call is that of the newest.
    async fn mark_calls_seen(
        &self,
        user: &CommunicationIdentifier,
        up_to: CallPosition,
    ) -> Result<MissedCalls, StoreError>;

    /// Removes one call from the history of a user; `false` when it is not there.
    async fn delete_call(
        &self,
        user: &CommunicationIdentifier,
        call: &CallId,
    ) -> Result<bool, StoreError>;

    /// Removes the whole history of a user, as deleting the user does; returns how many calls it had.
    /// Others keep their own records of the same calls.
    async fn delete_calls_of(&self, user: &CommunicationIdentifier) -> Result<usize, StoreError>;

    /// Removes up to `limit` calls that are too old; returns how many.
    async fn prune_calls(
        &self,
        now: Timestamp,
        limits: CallHistoryLimits,
        limit: usize,
    ) -> Result<usize, StoreError>;
}
