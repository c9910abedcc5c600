//! Rate limits: token buckets per user, thread and resource, as the documented service has them.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use trunkline_clock::Instant;

use crate::operation::{ChatOperation, GraphOperation, IdentityOperation, Operation};

/// Which requests a limit counts together.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RateGroup {
    /// Adding and removing participants.
    ChangeParticipants,
    /// Creating an identity.
    CreateIdentity,
    /// Creating a thread.
    CreateThread,
    /// Deleting an identity.
    DeleteIdentity,
    /// Deleting a thread.
    DeleteThread,
    /// Exchanging a directory token.
    ExchangeToken,
    /// Getting a message.
    GetMessage,
    /// Issuing a token.
    IssueToken,
    /// Listing messages.
    ListMessages,
    /// Listing participants.
    ListParticipants,
    /// Listing read receipts.
    ListReceipts,
    /// Getting and listing threads.
    ReadThreads,
    /// Revoking tokens.
    RevokeTokens,
    /// Sending a read receipt.
    SendReceipt,
    /// Sending a typing notification.
    SendTyping,
    /// Changing a thread's properties.
    UpdateThread,
    /// Sending, changing and deleting a message.
    WriteMessages,
}

impl RateGroup {
    /// Returns the group of an operation, unless nothing limits it.
    pub(crate) fn of(operation: Operation) -> Option<Self> {
        match operation {
            Operation::Chat(operation) => Some(Self::of_chat(operation)),
            Operation::Graph(operation) => Self::of_graph(operation),
            Operation::Identity(operation) => Some(Self::of_identity(operation)),
            Operation::PhoneNumbers(_) | Operation::Rooms(_) | Operation::SipRouting(_) => None,
        }
    }

    fn of_chat(operation: ChatOperation) -> Self {
        match operation {
            ChatOperation::AddChatParticipants | ChatOperation::RemoveChatParticipant => {
                Self::ChangeParticipants
            }
            ChatOperation::CreateChatThread => Self::CreateThread,
            ChatOperation::DeleteChatMessage
            | ChatOperation::SendChatMessage
            | ChatOperation::UpdateChatMessage => Self::WriteMessages,
            ChatOperation::DeleteChatThread => Self::DeleteThread,
            ChatOperation::GetChatMessage => Self::GetMessage,
            ChatOperation::GetChatThreadProperties | ChatOperation::ListChatThreads => {
                Self::ReadThreads
            }
            ChatOperation::ListChatMessages => Self::ListMessages,
            ChatOperation::ListChatParticipants => Self::ListParticipants,
            ChatOperation::ListChatReadReceipts => Self::ListReceipts,
            ChatOperation::SendChatReadReceipt => Self::SendReceipt,
            ChatOperation::SendTypingNotification => Self::SendTyping,
            ChatOperation::UpdateChatThreadProperties => Self::UpdateThread,
        }
    }

    /// Chats count with those of the chat service: they are the same threads.
    fn of_graph(operation: GraphOperation) -> Option<Self> {
        match operation {
            GraphOperation::AddChatMember | GraphOperation::RemoveChatMember => {
                Some(Self::ChangeParticipants)
            }
            GraphOperation::CreateChat
            | GraphOperation::CreateMyOnlineMeeting
            | GraphOperation::CreateOnlineMeeting => Some(Self::CreateThread),
            GraphOperation::GetChat | GraphOperation::ListChats | GraphOperation::ListMyChats => {
                Some(Self::ReadThreads)
            }
            GraphOperation::GetChatMember | GraphOperation::ListChatMembers => {
                Some(Self::ListParticipants)
            }
            GraphOperation::ListChatMessages => Some(Self::ListMessages),
            GraphOperation::SendChatMessage => Some(Self::WriteMessages),
            GraphOperation::ClearMyPreferredPresence
            | GraphOperation::ClearPreferredPresence
            | GraphOperation::DeleteMyOnlineMeeting
            | GraphOperation::FindMyOnlineMeeting
            | GraphOperation::GetMe
            | GraphOperation::GetMyOnlineMeeting
            | GraphOperation::GetMyPresence
            | GraphOperation::GetPresence
            | GraphOperation::GetPresencesByUserId
            | GraphOperation::GetUser
            | GraphOperation::GetUserPresence
            | GraphOperation::ListUsers
            | GraphOperation::SetMyPreferredPresence
            | GraphOperation::SetPreferredPresence
            | GraphOperation::UpdateMyOnlineMeeting => None,
        }
    }

    fn of_identity(operation: IdentityOperation) -> Self {
        match operation {
            IdentityOperation::CreateIdentity => Self::CreateIdentity,
            IdentityOperation::DeleteIdentity => Self::DeleteIdentity,
            IdentityOperation::ExchangeTeamsUserAccessToken => Self::ExchangeToken,
            IdentityOperation::IssueAccessToken => Self::IssueToken,
            IdentityOperation::RevokeAccessTokens => Self::RevokeTokens,
        }
    }
}

/// Whose requests a limit counts.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RateScope {
    /// Those of a resource's backends.
    Resource,
    /// Those of everybody in a thread.
    Thread,
    /// Those of a user.
    User,
    /// Those of a user in a thread.
    UserInThread,
}

/// One limit.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RateRule {
    /// Which requests.
    pub group: RateGroup,
    /// Whose.
    pub scope: RateScope,
    /// How many in a window; also how many at once.
    pub limit: u32,
    /// The window.
    pub window_seconds: u32,
}

/// Returns the [documented limits](https://learn.microsoft.com/azure/communication-services/concepts/service-limits).
pub fn documented_rates() -> Vec<RateRule> {
    use RateGroup as Group;
    use RateScope::{Resource, Thread, User, UserInThread};
    let rule =
        |group, scope, limit, window_seconds| RateRule { group, scope, limit, window_seconds };
    vec![
        rule(Group::ChangeParticipants, Thread, 10, 10),
        rule(Group::ChangeParticipants, Thread, 30, 60),
        rule(Group::CreateIdentity, Resource, 1_000, 30),
        rule(Group::CreateThread, User, 10, 10),
        rule(Group::DeleteIdentity, Resource, 500, 30),
        rule(Group::DeleteThread, User, 10, 10),
        rule(Group::ExchangeToken, Resource, 500, 30),
        rule(Group::GetMessage, Thread, 250, 10),
        rule(Group::GetMessage, UserInThread, 50, 10),
        rule(Group::IssueToken, Resource, 1_000, 30),
        rule(Group::ListMessages, Thread, 250, 10),
        rule(Group::ListMessages, Thread, 400, 60),
        rule(Group::ListMessages, UserInThread, 50, 10),
        rule(Group::ListMessages, UserInThread, 200, 60),
        rule(Group::ListParticipants, Thread, 250, 10),
        rule(Group::ListParticipants, UserInThread, 10, 10),
        rule(Group::ListReceipts, Thread, 100, 10),
        rule(Group::ListReceipts, UserInThread, 5, 10),
        rule(Group::ReadThreads, User, 50, 10),
        rule(Group::RevokeTokens, Resource, 500, 30),
        rule(Group::SendReceipt, UserInThread, 10, 10),
        rule(Group::SendReceipt, UserInThread, 30, 60),
        rule(Group::SendTyping, Thread, 10, 10),
        rule(Group::SendTyping, Thread, 30, 60),
        rule(Group::SendTyping, UserInThread, 5, 10),
        rule(Group::SendTyping, UserInThread, 15, 60),
        rule(Group::UpdateThread, Thread, 5, 10),
        rule(Group::WriteMessages, Thread, 10, 10),
        rule(Group::WriteMessages, Thread, 30, 60),
    ]
}

/// Whose request it is, and where.
#[derive(Clone, Copy)]
pub(crate) struct RateSubject<'a> {
    /// The user's raw id, or the resource's id.
    pub(crate) caller: &'a str,
    /// The thread, for an operation in one.
    pub(crate) thread: Option<&'a str>,
}

/// Counts requests against rules.
pub(crate) struct RateLimiter {
    rules: Vec<RateRule>,
    buckets: Mutex<HashMap<BucketKey, Bucket>>,
    bucket_limit: usize,
    /// Seeded anew in each process: nobody finds two who share a bucket.
    hasher: RandomState,
}

/// The rule by its place, then a hash of the caller and the thread as far as the rule looks at them.
/// An id in a path may be as long as a path; what is kept of it may not.
type BucketKey = (usize, u64);

/// What is left of a limit, in thousandths of a request, at a time.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    millis_left: u64,
    at: Instant,
}

impl RateLimiter {
    /// Makes a limiter; without rules it lets everything through.
    pub(crate) fn new(rules: Vec<RateRule>) -> Self {
        Self {
            rules,
            buckets: Mutex::default(),
            bucket_limit: BUCKET_LIMIT,
            hasher: RandomState::new(),
        }
    }

    /// Counts a request, or tells in how much time one will be taken. A request that one rule refuses
    /// is not counted by the others.
    pub(crate) fn check(
        &self,
        now: Instant,
        operation: Operation,
        subject: RateSubject<'_>,
    ) -> Result<(), Duration> {
        let Some(group) = RateGroup::of(operation).filter(|_| !self.rules.is_empty()) else {
            return Ok(());
        };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken: Vec<(BucketKey, Bucket)> = Vec::new();
        let mut wait = Duration::ZERO;
        for (index, rule) in self.rules.iter().enumerate() {
            let Some(key) = (rule.group == group).then(|| self.key(index, rule, subject)).flatten()
            else {
                continue;
            };
            let mut bucket = match buckets.get(&key) {
                Some(bucket) => bucket.refilled(rule, now),
                None => Bucket::full(rule, now),
            };
            match bucket.millis_left.checked_sub(REQUEST_MILLIS) {
                Some(left) => bucket.millis_left = left,
                None => wait = wait.max(bucket.wait(rule)),
            }
            taken.push((key, bucket));
        }
        if wait > Duration::ZERO {
            return Err(wait);
        }
        buckets.extend(taken);
        if buckets.len() > self.bucket_limit {
            // What is full again remembers nothing. If that is not enough, forgetting is kinder than
            // growing: somebody gets a few requests more.
            buckets.retain(|key, bucket| {
                self.rules.get(key.0).is_some_and(|rule| !bucket.refilled(rule, now).is_full(rule))
            });
            if buckets.len() > self.bucket_limit {
                buckets.clear();
            }
        }
        Ok(())
    }

    /// Takes back what a request cost the thread, because its sender has no business there: a
    /// stranger must not be able to use up what its members have.
    pub(crate) fn forgive(&self, operation: Operation, subject: RateSubject<'_>) {
        let Some(group) = RateGroup::of(operation) else { return };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        for (index, rule) in self.rules.iter().enumerate() {
            let is_of_thread = rule.group == group && rule.scope == RateScope::Thread;
            let key = is_of_thread.then(|| self.key(index, rule, subject)).flatten();
            if let Some(bucket) = key.and_then(|key| buckets.get_mut(&key)) {
                let left = bucket.millis_left.saturating_add(REQUEST_MILLIS);
                bucket.millis_left = left.min(capacity(rule));
            }
        }
    }

    /// Returns where the requests of a subject are counted, if the rule concerns them.
    fn key(&self, index: usize, rule: &RateRule, subject: RateSubject<'_>) -> Option<BucketKey> {
        let looked_at = match rule.scope {
            RateScope::Resource | RateScope::User => (Some(subject.caller), None),
            RateScope::Thread => (None, Some(subject.thread?)),
            RateScope::UserInThread => (Some(subject.caller), Some(subject.thread?)),
        };
        Some((index, self.hasher.hash_one(looked_at)))
    }
}

impl Bucket {
    fn full(rule: &RateRule, now: Instant) -> Self {
        Self { millis_left: capacity(rule), at: now }
    }

    fn refilled(self, rule: &RateRule, now: Instant) -> Self {
        let passed = u64::try_from(now.saturating_duration_since(self.at).as_millis());
        let gained = passed.unwrap_or(u64::MAX).saturating_mul(u64::from(rule.limit))
            / u64::from(rule.window_seconds.max(1));
        match gained {
            // Keeps the old time: rounding down again and again would never refill.
            0 => self,
            gained => Self {
                millis_left: self.millis_left.saturating_add(gained).min(capacity(rule)),
                at: now,
            },
        }
    }

    fn is_full(self, rule: &RateRule) -> bool {
        self.millis_left >= capacity(rule)
    }

    fn wait(self, rule: &RateRule) -> Duration {
        let missing = REQUEST_MILLIS.saturating_sub(self.millis_left);
        let window = u64::from(rule.window_seconds.max(1));
        Duration::from_millis((missing * window).div_ceil(u64::from(rule.limit).max(1)).max(1))
    }
}

fn capacity(rule: &RateRule) -> u64 {
    u64::from(rule.limit) * REQUEST_MILLIS
}

/// A request, in the unit of a bucket.
const REQUEST_MILLIS: u64 = 1_000;

/// Buckets kept at once: 5 MB at 32 bytes each, of which a map may keep half free.
const BUCKET_LIMIT: usize = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: &str = "8:acs:res_alice";

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(millis)
    }

    fn in_thread<'a>(caller: &'a str, thread: &'a str) -> RateSubject<'a> {
        RateSubject { caller, thread: Some(thread) }
    }

    #[test]
    fn a_burst_of_the_limit_passes_and_then_one_by_one() {
        let limiter = RateLimiter::new(documented_rates());
        let create = |millis| {
            let subject = RateSubject { caller: ALICE, thread: None };
            limiter.check(at(millis), Operation::Chat(ChatOperation::CreateChatThread), subject)
        };
        assert!((0..10).all(|_| create(0).is_ok()));
        assert_eq!(create(0), Err(Duration::from_secs(1)));
        assert_eq!(create(999), Err(Duration::from_millis(1)));
        assert_eq!(create(1_000), Ok(()));
        assert!(create(1_000).is_err());
        assert!((0..10).all(|_| create(60_000).is_ok()));
        assert!(create(60_000).is_err());
    }

    #[test]
    fn the_stricter_of_two_rules_decides_and_a_refusal_costs_nothing() {
        let limiter = RateLimiter::new(documented_rates());
        let send = |millis| {
            limiter.check(
                at(millis),
                Operation::Chat(ChatOperation::SendChatMessage),
                in_thread(ALICE, "t"),
            )
        };
        // 10 in 10 s and 30 in 60 s: after 30 in a hurry the minute decides.
        let sent = (0..40_000).filter(|millis| send(*millis).is_ok()).count();
        assert_eq!(
            sent, 49,
            "10 at once, one each second until the minute's 30 are used, then one each 2 s"
        );
        assert!(send(40_000).is_ok());
        let refused = send(40_000).unwrap_err();
        assert_eq!(send(40_000), Err(refused));
    }

    #[test]
    fn users_and_threads_have_their_own_limits() {
        let limiter = RateLimiter::new(documented_rates());
        let type_in = |caller, thread| {
            limiter.check(
                at(0),
                Operation::Chat(ChatOperation::SendTypingNotification),
                in_thread(caller, thread),
            )
        };
        assert!((0..5).all(|_| type_in(ALICE, "t").is_ok()));
        assert!(type_in(ALICE, "t").is_err(), "a user in a thread");
        assert!((0..5).all(|_| type_in(ALICE, "other").is_ok()), "another thread");
        assert!((0..5).all(|_| type_in("8:acs:res_bob", "t").is_ok()), "another user");
        assert!(type_in("8:acs:res_carol", "t").is_err(), "the thread as a whole");
    }

    #[test]
    fn strangers_do_not_use_up_what_a_thread_has() {
        let limiter = RateLimiter::new(documented_rates());
        let typing = Operation::Chat(ChatOperation::SendTypingNotification);
        for stranger in 0..20 {
            let caller = format!("8:acs:res_{stranger}");
            for _ in 0..5 {
                assert_eq!(limiter.check(at(0), typing, in_thread(&caller, "t")), Ok(()));
                limiter.forgive(typing, in_thread(&caller, "t"));
            }
            assert!(limiter.check(at(0), typing, in_thread(&caller, "t")).is_err());
        }
        assert!((0..5).all(|_| limiter.check(at(0), typing, in_thread(ALICE, "t")).is_ok()));
        assert!(limiter.check(at(0), typing, in_thread("8:acs:res_bob", "t")).is_ok());
    }

    #[test]
    fn without_rules_everything_passes() {
        let limiter = RateLimiter::new(Vec::new());
        let subject = in_thread(ALICE, "t");
        assert!((0..1_000).all(|_| {
            limiter.check(at(0), Operation::Chat(ChatOperation::SendChatMessage), subject).is_ok()
        }));
        assert!(limiter.buckets.lock().unwrap().is_empty());
    }

    #[test]
    fn long_ids_are_told_apart_and_not_kept() {
        assert!(size_of::<(BucketKey, Bucket)>() <= 32, "whatever the ids");
        let limiter = RateLimiter::new(documented_rates());
        let typing = Operation::Chat(ChatOperation::SendTypingNotification);
        let long = "x".repeat(60_000);
        for last in ["a", "b"] {
            let thread = format!("{long}{last}");
            assert!(
                (0..5).all(|_| limiter.check(at(0), typing, in_thread(ALICE, &thread)).is_ok())
            );
            assert!(limiter.check(at(0), typing, in_thread(ALICE, &thread)).is_err());
        }
    }

    #[test]
    fn buckets_do_not_grow_without_bound() {
        let mut limiter = RateLimiter::new(documented_rates());
        limiter.bucket_limit = 100;
        for user in 0..1_000 {
            let caller = user.to_string();
            let subject = RateSubject { caller: &caller, thread: None };
            // Each user's bucket is full again after a second.
            assert_eq!(
                limiter.check(
                    at(user * 100),
                    Operation::Chat(ChatOperation::CreateChatThread),
                    subject
                ),
                Ok(())
            );
            assert!(limiter.buckets.lock().unwrap().len() <= 101);
        }
    }

    #[test]
    fn a_limit_of_nothing_refuses_without_dividing_by_it() {
        let rule = RateRule {
            group: RateGroup::CreateThread,
            scope: RateScope::User,
            limit: 0,
            window_seconds: 0,
        };
        let limiter = RateLimiter::new(vec![rule]);
        let subject = RateSubject { caller: ALICE, thread: None };
        assert!(
            limiter
                .check(at(5), Operation::Chat(ChatOperation::CreateChatThread), subject)
                .is_err()
        );
    }
}
