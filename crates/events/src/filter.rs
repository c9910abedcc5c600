//! Which events a subscription wants: a pure decision over type and subject.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::schema::{Event, EventType};

/// Which events a subscription wants, with the members and the meaning of Event Grid's basic filter.
///
/// The subject must begin and end as asked, where it is asked, and the type be listed, where there is
/// a list. Types compare without regard to case, subjects too unless told otherwise. A type that this
/// exchange does not send may be listed, so that a filter made for the original is taken as it is.
#[derive(Clone, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", try_from = "FilterModel")]
pub struct SubscriptionFilter {
    #[serde(skip_serializing_if = "Option::is_none")]
    included_event_types: Option<BTreeSet<String>>,
    #[serde(skip_serializing_if = "String::is_empty")]
    subject_begins_with: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    subject_ends_with: String,
    is_subject_case_sensitive: bool,
}

/// The filter as it is spelled, not yet checked. Absent members mean no condition.
#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct FilterModel {
    /// The types wanted; absent or with the one entry `All`: every type.
    pub included_event_types: Option<Vec<String>>,
    /// How the subject begins.
    pub subject_begins_with: String,
    /// How the subject ends.
    pub subject_ends_with: String,
    /// Whether the case of the subject matters.
    pub is_subject_case_sensitive: bool,
}

/// Why a filter is refused.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum FilterError {
    /// The list of types is there and empty: nothing would ever be sent.
    #[error("list of event types is empty; leave it out to get every type")]
    NoEventTypes,
    /// A type has characters that no type has.
    #[error("event type {place} of the list is malformed: expected letters, digits, `.` and `_`")]
    MalformedEventType {
        /// Its place in the list, from 1.
        place: usize,
    },
    /// A condition on the subject is longer than any subject.
    #[error("condition on the subject has {length_bytes} bytes, limit {limit_bytes}")]
    SubjectTooLong {
        /// The limit in bytes.
        limit_bytes: usize,
        /// The length in bytes that was given.
        length_bytes: usize,
    },
    /// There are more types in the list than a filter may have.
    #[error("list has {requested} event types, limit {limit}")]
    TooManyEventTypes {
        /// The limit.
        limit: usize,
        /// How many there are.
        requested: usize,
    },
}

impl SubscriptionFilter {
    /// The most types a list may have: more than the original's resource has, few enough to search.
    pub const EVENT_TYPE_LIMIT: usize = 128;
    /// The longest condition on the subject, in bytes: a thread and two raw ids fit.
    pub const SUBJECT_LIMIT_BYTES: usize = 1_536;

    /// Returns whether the subscription wants an event.
    pub fn matches(&self, event: &Event<'_>) -> bool {
        self.wants(event.event_type().as_str(), event.subject())
    }

    /// Returns whether the subscription may want events of a type: whether the list names it, or is
    /// not there.
    pub fn lists(&self, event_type: EventType) -> bool {
        self.lists_name(event_type.as_str())
    }

    fn wants(&self, event_type: &str, subject: &str) -> bool {
        self.lists_name(event_type) && self.begins(subject) && self.ends(subject)
    }

    fn lists_name(&self, event_type: &str) -> bool {
        self.included_event_types.as_ref().is_none_or(|listed| {
            listed.iter().any(|wanted| wanted.eq_ignore_ascii_case(event_type))
        })
    }

    fn begins(&self, subject: &str) -> bool {
        let wanted = self.subject_begins_with.as_bytes();
        subject.as_bytes().get(..wanted.len()).is_some_and(|part| self.is_same(part, wanted))
    }

    fn ends(&self, subject: &str) -> bool {
        let (subject, wanted) = (subject.as_bytes(), self.subject_ends_with.as_bytes());
        let start = subject.len().checked_sub(wanted.len());
        start.is_some_and(|start| self.is_same(&subject[start..], wanted))
    }

    fn is_same(&self, part: &[u8], wanted: &[u8]) -> bool {
        if self.is_subject_case_sensitive {
            part == wanted
        } else {
            part.eq_ignore_ascii_case(wanted)
        }
    }
}

impl TryFrom<FilterModel> for SubscriptionFilter {
    type Error = FilterError;

    fn try_from(model: FilterModel) -> Result<Self, Self::Error> {
        for condition in [&model.subject_begins_with, &model.subject_ends_with] {
            let (limit_bytes, length_bytes) = (Self::SUBJECT_LIMIT_BYTES, condition.len());
            if length_bytes > limit_bytes {
                return Err(FilterError::SubjectTooLong { limit_bytes, length_bytes });
            }
        }
        let included_event_types = match model.included_event_types {
            Some(listed) if listed.len() == 1 && listed[0].eq_ignore_ascii_case("All") => None,
            Some(listed) => Some(checked(listed)?),
            None => None,
        };
        Ok(Self {
            included_event_types,
            subject_begins_with: model.subject_begins_with,
            subject_ends_with: model.subject_ends_with,
            is_subject_case_sensitive: model.is_subject_case_sensitive,
        })
    }
}

/// Subjects name persons, and so do conditions on them.
impl fmt::Debug for SubscriptionFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubscriptionFilter")
            .field("included_event_types", &self.included_event_types)
            .field("is_subject_case_sensitive", &self.is_subject_case_sensitive)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for FilterModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FilterModel")
            .field("included_event_types", &self.included_event_types)
            .field("is_subject_case_sensitive", &self.is_subject_case_sensitive)
            .finish_non_exhaustive()
    }
}

fn checked(listed: Vec<String>) -> Result<BTreeSet<String>, FilterError> {
    let (limit, requested) = (SubscriptionFilter::EVENT_TYPE_LIMIT, listed.len());
    if requested == 0 {
        return Err(FilterError::NoEventTypes);
    }
    if requested > limit {
        return Err(FilterError::TooManyEventTypes { limit, requested });
    }
    let is_fit = |text: &str| {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_');
        (1..=EVENT_TYPE_LIMIT_BYTES).contains(&text.len()) && text.bytes().all(is_allowed)
    };
    match listed.iter().position(|text| !is_fit(text)) {
        Some(place) => Err(FilterError::MalformedEventType { place: place + 1 }),
        None => Ok(listed.into_iter().collect()),
    }
}

const EVENT_TYPE_LIMIT_BYTES: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    const RECEIVED: &str = "Microsoft.Communication.ChatMessageReceived";
    const SUBJECT: &str = "thread/19:T@thread.v2/sender/8:acs:c_a/recipient/8:acs:c_b";

    fn filter(json: &str) -> Result<SubscriptionFilter, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn a_filter_takes_what_meets_every_condition() {
        let cases = [
            ("{}", true),
            (r#"{"includedEventTypes":["All"]}"#, true),
            (r#"{"includedEventTypes":["microsoft.communication.chatmessagereceived"]}"#, true),
            (r#"{"includedEventTypes":["Microsoft.Communication.SMSReceived"]}"#, false),
            (r#"{"subjectBeginsWith":"Thread/19:t@"}"#, true),
            (r#"{"subjectBeginsWith":"Thread/19:t@","isSubjectCaseSensitive":true}"#, false),
            (r#"{"subjectEndsWith":"/recipient/8:acs:c_b"}"#, true),
            (r#"{"subjectEndsWith":"/recipient/8:acs:c_a"}"#, false),
            (r#"{"subjectBeginsWith":"thread/","subjectEndsWith":"c_a"}"#, false),
        ];
        for (json, expected) in cases {
            assert_eq!(filter(json).unwrap().wants(RECEIVED, SUBJECT), expected, "{json}");
        }
    }

    #[test]
    fn a_condition_longer_than_the_subject_is_not_met() {
        let long = format!(r#"{{"subjectBeginsWith":"{SUBJECT}x"}}"#);
        assert!(!filter(&long).unwrap().wants(RECEIVED, SUBJECT));
        let long = format!(r#"{{"subjectEndsWith":"x{SUBJECT}"}}"#);
        assert!(!filter(&long).unwrap().wants(RECEIVED, SUBJECT));
    }

    #[test]
    fn a_condition_may_end_within_a_character_of_the_subject() {
        let prefix = filter(r#"{"subjectBeginsWith":"thread/x"}"#).unwrap();
        assert!(!prefix.wants(RECEIVED, "thread/ä"));
    }

    #[test]
    fn filters_that_nothing_can_meet_are_refused() {
        for (json, reason) in [
            (r#"{"includedEventTypes":[]}"#, "list of event types is empty"),
            (r#"{"includedEventTypes":["All","a b"]}"#, "event type 2 of the list is malformed"),
            (r#"{"includedEventTypes":[""]}"#, "event type 1 of the list is malformed"),
        ] {
            assert!(filter(json).unwrap_err().contains(reason), "{json}");
        }
        let listed = Some(vec!["x".to_owned(); 129]);
        let model = FilterModel { included_event_types: listed, ..FilterModel::default() };
        let error = FilterError::TooManyEventTypes { limit: 128, requested: 129 };
        assert_eq!(SubscriptionFilter::try_from(model), Err(error));
        let model = FilterModel { subject_ends_with: "x".repeat(1_537), ..FilterModel::default() };
        let error = FilterError::SubjectTooLong { limit_bytes: 1_536, length_bytes: 1_537 };
        assert_eq!(SubscriptionFilter::try_from(model), Err(error));
    }

    #[test]
    fn a_filter_round_trips_and_its_debug_form_names_nobody() {
        let json = r#"{"includedEventTypes":["A.B"],"subjectBeginsWith":"thread/19:secret","isSubjectCaseSensitive":false}"#;
        let filter = filter(json).unwrap();
        assert_eq!(serde_json::to_string(&filter).unwrap(), json);
        assert!(!format!("{filter:?}").contains("secret"));
    }
}
