//! Where ids and passcodes are shown: finds the meeting, and lets nobody guess.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    net::IpAddr,
    time::Duration,
};

use thiserror::Error;
use trunkline_clock::Instant;
use trunkline_ids::{CommunicationIdentifier, JoinCode, JoinMeetingId, MeetingId, Passcode};
use trunkline_reasons::EndReason;

/// The codes of all meetings of an exchange, and who has guessed how often.
///
/// A meeting keeps its code for ever unless a host has it drawn anew. Whatever is wrong, the answer
/// is the same [`JoinByCodeError::Refused`]: an id that nobody has, a passcode that does not fit, and
/// a meeting at which too many have guessed, where the right passcode is refused, too.
pub struct CodeDesk {
    limits: AttemptLimits,
    meetings: BTreeMap<JoinMeetingId, Posted>,
    codes: BTreeMap<MeetingId, JoinMeetingId>,
    callers: BTreeMap<Caller, Failures>,
}

/// Who shows a code.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Caller {
    /// Somebody who is nobody yet, at this address.
    Address(IpAddr),
    /// Somebody with a token.
    User(CommunicationIdentifier),
}

/// How often wrong codes may be shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AttemptLimits {
    /// By one caller. More is kinder to thick fingers; each costs a guess in 3.4·10¹⁰.
    pub per_caller: usize,
    /// At one meeting, by all callers together. It stops those who guess under many names; smaller
    /// lets a crowd of them close the code of a meeting sooner, whose link then still works.
    pub per_meeting: usize,
    /// Within this time.
    pub window: Duration,
    /// Callers remembered at once; past it, those whose last failure is oldest are forgotten.
    pub callers: usize,
}

impl Default for AttemptLimits {
    fn default() -> Self {
        Self {
            per_caller: 5,
            per_meeting: 100,
            window: Duration::from_secs(10 * 60),
            callers: 65_536,
        }
    }
}

/// Why a code led nowhere; says nothing about which meetings there are.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum JoinByCodeError {
    /// No meeting is joined by that id and passcode.
    #[error("no meeting is joined by that id and passcode")]
    Refused,
    /// The caller has shown too many wrong codes, of whichever meetings.
    #[error("too many wrong codes: try again in {} s", retry_after.as_secs())]
    TooManyAttempts {
        /// When the caller may try again.
        retry_after: Duration,
    },
}

impl JoinByCodeError {
    /// Returns the code and subcode that the wire has for the refusal.
    pub const fn reason(&self) -> EndReason {
        match self {
            Self::Refused | Self::TooManyAttempts { .. } => EndReason::JOIN_CODE_REFUSED,
        }
    }
}

/// Says that another meeting has the id already: draw again.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the id is that of another meeting")]
pub struct IdTaken;

impl CodeDesk {
    /// Makes a desk without meetings.
    pub fn new(limits: AttemptLimits) -> Self {
        Self { limits, meetings: BTreeMap::new(), codes: BTreeMap::new(), callers: BTreeMap::new() }
    }

    /// Posts the code of a meeting, in place of its earlier one.
    ///
    /// # Errors
    ///
    /// Refuses an id that another meeting has, and changes nothing then.
    pub fn post(&mut self, meeting_id: MeetingId, code: JoinCode) -> Result<(), IdTaken> {
        if self.meetings.get(&code.id).is_some_and(|posted| posted.meeting_id != meeting_id) {
            return Err(IdTaken);
        }
        self.withdraw(&meeting_id);
        self.codes.insert(meeting_id, code.id);
        let failures = Failures::default();
        self.meetings.insert(code.id, Posted { meeting_id, passcode: code.passcode, failures });
        Ok(())
    }

    /// Takes the code of a meeting away; fine if it has none.
    pub fn withdraw(&mut self, meeting_id: &MeetingId) {
        if let Some(id) = self.codes.remove(meeting_id) {
            self.meetings.remove(&id);
        }
    }

    /// Finds the meeting that is joined by a code.
    ///
    /// # Errors
    ///
    /// Says as little as possible; see [`JoinByCodeError`].
    pub fn find(
        &mut self,
        now: Instant,
        caller: &Caller,
        code: &JoinCode,
    ) -> Result<MeetingId, JoinByCodeError> {
        let AttemptLimits { per_caller, per_meeting, window, .. } = self.limits;
        if let Some(failures) = self.callers.get_mut(caller) {
            failures.forget(now, window);
            if let Some(retry_after) = failures.blocked_for(now, per_caller, window) {
                return Err(JoinByCodeError::TooManyAttempts { retry_after });
            }
        }
        // Both are compared whether or not there is such a meeting, so that the time tells nothing.
        let nobody = Passcode::from_bytes([0; 8]);
        let posted = self.meetings.get_mut(&code.id);
        let expected = posted.as_ref().map_or(nobody, |posted| posted.passcode);
        let is_right = expected.matches(&code.passcode);
        let found = match posted {
            Some(posted) => {
                posted.failures.forget(now, window);
                let is_closed = posted.failures.blocked_for(now, per_meeting, window).is_some();
                if !is_right && !is_closed {
                    posted.failures.note(now, per_meeting);
                }
                (is_right && !is_closed).then_some(posted.meeting_id)
            }
            None => None,
        };
        found.ok_or_else(|| {
            self.note_failure(now, caller);
            JoinByCodeError::Refused
        })
    }

    /// Returns how many callers are remembered, for checks that nothing grows.
    pub fn caller_count(&self) -> usize {
        self.callers.len()
    }

    /// Successes do not clear failures: a guesser with a meeting of its own would clear its name.
    fn note_failure(&mut self, now: Instant, caller: &Caller) {
        let AttemptLimits { per_caller, window, callers, .. } = self.limits;
        if !self.callers.contains_key(caller) && self.callers.len() >= callers {
            self.callers.retain(|_, failures| {
                failures.forget(now, window);
                !failures.at.is_empty()
            });
            if self.callers.len() >= callers {
                let oldest = self.callers.iter().min_by_key(|(_, failures)| failures.at.back());
                if let Some(oldest) = oldest.map(|(caller, _)| caller.clone()) {
                    self.callers.remove(&oldest);
                }
            }
        }
        self.callers.entry(caller.clone()).or_default().note(now, per_caller);
    }
}

impl fmt::Debug for CodeDesk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodeDesk")
            .field("limits", &self.limits)
            .field("meetings", &self.meetings.len())
            .field("callers", &self.callers.len())
            .finish_non_exhaustive()
    }
}

struct Posted {
    meeting_id: MeetingId,
    passcode: Passcode,
    failures: Failures,
}

/// When the last failures were, the oldest first; never more than the limit.
#[derive(Default)]
struct Failures {
    at: VecDeque<Instant>,
}

impl Failures {
    fn forget(&mut self, now: Instant, window: Duration) {
        while self.at.front().is_some_and(|at| now.saturating_duration_since(*at) >= window) {
            self.at.pop_front();
        }
    }

    fn note(&mut self, now: Instant, limit: usize) {
        if self.at.len() >= limit.max(1) {
            self.at.pop_front();
        }
        self.at.push_back(now);
    }

    fn blocked_for(&self, now: Instant, limit: usize, window: Duration) -> Option<Duration> {
        let first = *self.at.front()?;
        (self.at.len() >= limit.max(1)).then(|| (first + window).saturating_duration_since(now))
    }
}
