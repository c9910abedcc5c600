//! When the next attempt is due, or why there is none: a pure machine over outcomes.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use trunkline_clock::Timestamp;

use crate::outcome::Outcome;

/// How long and how often a subscription wants events to be tried.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", try_from = "RetryPolicyModel")]
pub struct RetryPolicy {
    max_delivery_attempts: u32,
    event_time_to_live_in_minutes: u32,
}

/// Why a retry policy is refused.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum RetryPolicyError {
    /// The number of attempts is not one that may be asked for.
    #[error("maxDeliveryAttempts is {requested}, expected 1 to {limit}")]
    Attempts {
        /// The most that may be asked for.
        limit: u32,
        /// What was asked for.
        requested: u32,
    },
    /// The time to live is not one that may be asked for.
    #[error("eventTimeToLiveInMinutes is {requested}, expected 1 to {limit}")]
    TimeToLive {
        /// The most that may be asked for, in minutes.
        limit: u32,
        /// What was asked for, in minutes.
        requested: u32,
    },
}

impl RetryPolicy {
    /// The most attempts that may be asked for, which is also the default.
    pub const ATTEMPT_LIMIT: u32 = 30;
    /// The longest time that may be asked for, in minutes, which is also the default: a day.
    pub const TIME_TO_LIVE_LIMIT_MINUTES: u32 = 1_440;

    /// Makes a policy.
    ///
    /// # Errors
    ///
    /// Refuses what lies outside 1 and the limits.
    pub fn new(attempts: u32, time_to_live_minutes: u32) -> Result<Self, RetryPolicyError> {
        let (limit, requested) = (Self::ATTEMPT_LIMIT, attempts);
        if !(1..=limit).contains(&requested) {
            return Err(RetryPolicyError::Attempts { limit, requested });
        }
        let (limit, requested) = (Self::TIME_TO_LIVE_LIMIT_MINUTES, time_to_live_minutes);
        if !(1..=limit).contains(&requested) {
            return Err(RetryPolicyError::TimeToLive { limit, requested });
        }
        Ok(Self {
            max_delivery_attempts: attempts,
            event_time_to_live_in_minutes: time_to_live_minutes,
        })
    }

    /// Returns how long an event is worth being delivered.
    pub fn time_to_live(self) -> Duration {
        Duration::from_secs(u64::from(self.event_time_to_live_in_minutes) * 60)
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_delivery_attempts: Self::ATTEMPT_LIMIT,
            event_time_to_live_in_minutes: Self::TIME_TO_LIVE_LIMIT_MINUTES,
        }
    }
}

#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RetryPolicyModel {
    max_delivery_attempts: u32,
    event_time_to_live_in_minutes: u32,
}

impl Default for RetryPolicyModel {
    fn default() -> Self {
        Self {
            max_delivery_attempts: RetryPolicy::ATTEMPT_LIMIT,
            event_time_to_live_in_minutes: RetryPolicy::TIME_TO_LIVE_LIMIT_MINUTES,
        }
    }
}

impl TryFrom<RetryPolicyModel> for RetryPolicy {
    type Error = RetryPolicyError;

    fn try_from(model: RetryPolicyModel) -> Result<Self, Self::Error> {
        Self::new(model.max_delivery_attempts, model.event_time_to_live_in_minutes)
    }
}

/// How far the delivery of one event to one subscription has come. A store keeps it between attempts,
/// and the wall clock times it, because it outlives the process.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryProgress {
    published_on: Timestamp,
    attempts: u32,
}

/// What follows an attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub enum NextStep {
    /// No attempt follows; the event is to be kept as a dead letter.
    DeadLetter(DeadLetterReason),
    /// The event is delivered.
    Done,
    /// Another attempt is due.
    RetryAt(Timestamp),
}

/// Why an event is not tried again.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "PascalCase")]
pub enum DeadLetterReason {
    /// 400: the receiver will never understand it.
    BadRequest,
    /// The URL leads where it may not.
    EndpointRefused,
    /// 403.
    Forbidden,
    /// Every attempt was made.
    MaxDeliveryAttemptsExceeded,
    /// 404.
    NotFound,
    /// 413.
    PayloadTooLarge,
    /// The next attempt would come after the event's time to live.
    TimeToLiveExceeded,
    /// 401.
    Unauthorized,
}

impl DeadLetterReason {
    /// Returns the name that a dead letter gives as `deadLetterReason`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "BadRequest",
            Self::EndpointRefused => "EndpointRefused",
            Self::Forbidden => "Forbidden",
            Self::MaxDeliveryAttemptsExceeded => "MaxDeliveryAttemptsExceeded",
            Self::NotFound => "NotFound",
            Self::PayloadTooLarge => "PayloadTooLarge",
            Self::TimeToLiveExceeded => "TimeToLiveExceeded",
            Self::Unauthorized => "Unauthorized",
        }
    }
}

impl fmt::Display for DeadLetterReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A random number that the caller drew: it delays an attempt by up to a tenth, so that what failed
/// together does not come back together.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Jitter(u16);

impl Jitter {
    /// No delay.
    pub const NONE: Self = Self(0);

    /// Makes the jitter of 16 random bits.
    pub fn from_random(bits: u16) -> Self {
        Self(bits)
    }

    fn stretch(self, delay: Duration) -> Duration {
        delay + delay * u32::from(self.0) / (10 * (u32::from(u16::MAX) + 1))
    }
}

impl DeliveryProgress {
    /// Begins the delivery of an event that was published at a time, or of a dead letter that is
    /// taken up again at a time.
    pub fn new(published_on: Timestamp) -> Self {
        Self { published_on, attempts: 0 }
    }

    /// Goes on with the delivery of an event of which a store says when it was published and how many
    /// attempts were made.
    pub fn resume(published_on: Timestamp, attempts: u32) -> Self {
        Self { published_on, attempts }
    }

    /// Takes the outcome of an attempt, which ended at `now`.
    ///
    /// A dead letter comes as soon as it is known that no attempt can follow, which with the whole
    /// schedule is after the eleventh, 22 hours and 47 minutes in: the twelfth would be due at 34.
    pub fn handle_outcome(
        &mut self,
        now: Timestamp,
        outcome: &Outcome,
        policy: &RetryPolicy,
        jitter: Jitter,
    ) -> NextStep {
        self.attempts = self.attempts.saturating_add(1);
        let at_least = match decide(outcome) {
            Decision::Done => return NextStep::Done,
            Decision::GiveUp(reason) => return NextStep::DeadLetter(reason),
            Decision::Retry { at_least } => at_least,
        };
        if self.attempts >= policy.max_delivery_attempts {
            return NextStep::DeadLetter(DeadLetterReason::MaxDeliveryAttemptsExceeded);
        }
        let due = now + jitter.stretch(scheduled(self.attempts).max(at_least));
        if due > self.published_on + policy.time_to_live() {
            return NextStep::DeadLetter(DeadLetterReason::TimeToLiveExceeded);
        }
        NextStep::RetryAt(due)
    }

    /// Returns when the event was published.
    pub fn published_on(&self) -> Timestamp {
        self.published_on
    }

    /// Returns how many attempts were made: what the next one tells as `aeg-delivery-count`.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }
}

enum Decision {
    Done,
    GiveUp(DeadLetterReason),
    Retry { at_least: Duration },
}

fn decide(outcome: &Outcome) -> Decision {
    let at_least = |seconds| Decision::Retry { at_least: Duration::from_secs(seconds) };
    match outcome {
        Outcome::Delivered { .. } => Decision::Done,
        Outcome::Failed { status: 400, .. } => Decision::GiveUp(DeadLetterReason::BadRequest),
        Outcome::Failed { status: 401, .. } => Decision::GiveUp(DeadLetterReason::Unauthorized),
        Outcome::Failed { status: 403, .. } => Decision::GiveUp(DeadLetterReason::Forbidden),
        Outcome::Failed { status: 404, .. } => Decision::GiveUp(DeadLetterReason::NotFound),
        Outcome::Failed { status: 413, .. } => Decision::GiveUp(DeadLetterReason::PayloadTooLarge),
        Outcome::Failed { status, retry_after } => {
            // The documented least waits of these two.
            let least = Duration::from_secs(match status {
                408 => 120,
                503 => 30,
                _ => 0,
            });
            let asked = retry_after.unwrap_or_default().min(RETRY_AFTER_LIMIT);
            Decision::Retry { at_least: least.max(asked) }
        }
        Outcome::Refused(error) if !error.is_passing() => {
            Decision::GiveUp(DeadLetterReason::EndpointRefused)
        }
        Outcome::Redirected { .. }
        | Outcome::Refused(_)
        | Outcome::TimedOut { .. }
        | Outcome::Unreachable(_) => at_least(0),
    }
}

/// Returns the wait after so many attempts, at least one.
fn scheduled(attempts: u32) -> Duration {
    let place = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    Duration::from_secs(SCHEDULE_SECONDS[place.min(SCHEDULE_SECONDS.len() - 1)])
}

/// The waits of [Event Grid's schedule](https://learn.microsoft.com/azure/event-grid/delivery-and-retry#retry-schedule);
/// the last one repeats.
const SCHEDULE_SECONDS: [u64; 10] =
    [10, 30, 60, 300, 600, 1_800, 3_600, 3 * 3_600, 6 * 3_600, 12 * 3_600];

/// The longest wait that a receiver is granted. Longer, and one answer could cost the event its later
/// attempts; shorter, and a receiver under repair is asked for nothing.
const RETRY_AFTER_LIMIT: Duration = Duration::from_secs(3_600);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        guard::{AddressClass, GuardError},
        outcome::{TlsFailure, Unreachable},
    };

    const FAILED: Outcome = Outcome::Failed { status: 500, retry_after: None };

    fn start() -> Timestamp {
        Timestamp::from_unix_seconds(1_700_000_000)
    }

    fn first_step(outcome: Outcome) -> NextStep {
        let mut progress = DeliveryProgress::new(start());
        progress.handle_outcome(start(), &outcome, &RetryPolicy::default(), Jitter::NONE)
    }

    fn seconds(seconds: u64) -> NextStep {
        NextStep::RetryAt(start() + Duration::from_secs(seconds))
    }

    #[test]
    fn failures_follow_the_schedule_for_a_day() {
        let mut progress = DeliveryProgress::new(start());
        let (mut now, mut waits) = (start(), Vec::new());
        let reason = loop {
            let policy = RetryPolicy::default();
            match progress.handle_outcome(now, &FAILED, &policy, Jitter::NONE) {
                NextStep::RetryAt(due) => {
                    waits.push(due.saturating_duration_since(now).as_secs());
                    now = due;
                }
                NextStep::DeadLetter(reason) => break reason,
                NextStep::Done => panic!("a failure delivers nothing"),
            }
        };
        assert_eq!(waits, [10, 30, 60, 300, 600, 1_800, 3_600, 10_800, 21_600, 43_200]);
        assert_eq!(reason, DeadLetterReason::TimeToLiveExceeded);
        assert_eq!(progress.attempts(), 11);
    }

    #[test]
    fn attempts_are_counted() {
        let policy = RetryPolicy::new(2, 1_440).unwrap();
        let mut progress = DeliveryProgress::new(start());
        assert_eq!(progress.attempts(), 0);
        let step = progress.handle_outcome(start(), &FAILED, &policy, Jitter::NONE);
        assert_eq!(step, seconds(10));
        let step = progress.handle_outcome(start(), &FAILED, &policy, Jitter::NONE);
        let reason = DeadLetterReason::MaxDeliveryAttemptsExceeded;
        assert_eq!(step, NextStep::DeadLetter(reason));
    }

    #[test]
    fn each_outcome_has_its_next_step() {
        let failed = |status, wait: Option<u64>| Outcome::Failed {
            status,
            retry_after: wait.map(Duration::from_secs),
        };
        let dead = NextStep::DeadLetter;
        let cases = [
            (Outcome::Delivered { status: 204 }, NextStep::Done),
            (failed(400, None), dead(DeadLetterReason::BadRequest)),
            (failed(401, None), dead(DeadLetterReason::Unauthorized)),
            (failed(403, None), dead(DeadLetterReason::Forbidden)),
            (failed(404, None), dead(DeadLetterReason::NotFound)),
            (failed(413, None), dead(DeadLetterReason::PayloadTooLarge)),
            (failed(400, Some(60)), dead(DeadLetterReason::BadRequest)),
            (failed(405, None), seconds(10)),
            (failed(408, None), seconds(120)),
            (failed(410, None), seconds(10)),
            (failed(429, None), seconds(10)),
            (failed(429, Some(5)), seconds(10)),
            (failed(429, Some(90)), seconds(90)),
            (failed(429, Some(u64::MAX)), seconds(3_600)),
            (failed(500, None), seconds(10)),
            (failed(503, None), seconds(30)),
            (Outcome::Redirected { status: 301 }, seconds(10)),
            (Outcome::TimedOut { after: Duration::from_secs(30) }, seconds(10)),
            (Outcome::Refused(GuardError::NotHttps), dead(DeadLetterReason::EndpointRefused)),
            (
                Outcome::Refused(GuardError::Address { class: AddressClass::Private }),
                dead(DeadLetterReason::EndpointRefused),
            ),
            (
                Outcome::Refused(GuardError::ResolvedAddress { class: AddressClass::Private }),
                seconds(10),
            ),
            (Outcome::Unreachable(Unreachable::Connect), seconds(10)),
            (Outcome::Unreachable(Unreachable::Tls(TlsFailure::CertificateExpired)), seconds(10)),
        ];
        for (outcome, expected) in cases {
            assert_eq!(first_step(outcome), expected, "{outcome}");
        }
    }

    #[test]
    fn policies_outside_the_documented_bounds_are_refused() {
        let read = |json: &str| serde_json::from_str::<RetryPolicy>(json);
        assert_eq!(read("{}").unwrap(), RetryPolicy::default());
        assert_eq!(
            read(r#"{"maxDeliveryAttempts":3,"eventTimeToLiveInMinutes":5}"#).unwrap(),
            RetryPolicy::new(3, 5).unwrap()
        );
        assert!(read(r#"{"maxDeliveryAttempts":0}"#).is_err());
        assert!(read(r#"{"eventTimeToLiveInMinutes":1441}"#).is_err());
        let error = RetryPolicyError::Attempts { limit: 30, requested: 31 };
        assert_eq!(RetryPolicy::new(31, 5), Err(error));
        let error = RetryPolicyError::TimeToLive { limit: 1_440, requested: 0 };
        assert_eq!(RetryPolicy::new(1, 0), Err(error));
    }

    proptest! {
        #[test]
        fn jitter_delays_by_less_than_a_tenth_and_every_life_ends(
            bits in any::<u16>(),
            attempts in 1_u32..=30,
            minutes in 1_u32..=1_440,
        ) {
            let policy = RetryPolicy::new(attempts, minutes).unwrap();
            let mut progress = DeliveryProgress::new(start());
            let mut now = start();
            let jitter = Jitter::from_random(bits);
            let end = start() + Duration::from_secs(u64::from(minutes) * 60);
            loop {
                match progress.handle_outcome(now, &FAILED, &policy, jitter) {
                    NextStep::RetryAt(due) => {
                        let wait = due.saturating_duration_since(now);
                        let planned = scheduled(progress.attempts());
                        prop_assert!(wait >= planned && wait < planned * 11 / 10);
                        prop_assert!(due <= end);
                        now = due;
                    }
                    NextStep::DeadLetter(_) => break,
                    NextStep::Done => prop_assert!(false),
                }
                prop_assert!(progress.attempts() < attempts);
            }
        }
    }
}
