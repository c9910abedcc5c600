//! Events of calls.
//!
//! The documented service [tells of app users alone](https://learn.microsoft.com/azure/event-grid/communication-services-voice-video-events#limitations);
//! here every participant and every call is told of.

use std::time::Duration;

use trunkline_clock::Timestamp;
use trunkline_ids::CommunicationIdentifier;
use trunkline_reasons::EndReason;

use super::{
    Event, EventId, EventType,
    data::{CallFields, CallReason, EventData, Named},
};

/// What tells a call from others.
#[derive(Clone, Copy, Debug)]
pub struct CallFacts<'a> {
    /// The call.
    pub call_id: &'a str,
    /// Who placed or first joined it.
    pub started_by: Option<&'a CommunicationIdentifier>,
    /// The group that it was joined by.
    pub group_id: Option<&'a str>,
    /// The room whose call it is.
    pub room_id: Option<&'a str>,
    /// Whether it is between two.
    pub is_one_to_one: bool,
}

/// What happened in a call.
#[derive(Clone, Debug)]
pub enum CallHappening<'a> {
    /// It is over.
    Ended {
        /// How long it was.
        duration: Duration,
        /// Why it is over.
        reason: EndReason,
    },
    /// Somebody is in it.
    Joined(CallPerson<'a>),
    /// Somebody is not in it any more.
    Left(CallPerson<'a>),
    /// It began.
    Started,
}

/// Somebody in a call.
#[derive(Clone)]
pub struct CallPerson<'a> {
    /// Who.
    pub identifier: &'a CommunicationIdentifier,
    /// As whom.
    pub participant_id: &'a str,
    /// The name shown.
    pub display_name: Option<&'a str>,
}

impl std::fmt::Debug for CallPerson<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallPerson")
            .field("participant_id", &self.participant_id)
            .finish_non_exhaustive()
    }
}

/// Returns the event of something that happened in a call, at a place in the order of the call.
pub fn call_event<'a>(
    facts: CallFacts<'a>,
    seq: u64,
    time: Timestamp,
    happening: CallHappening<'a>,
) -> Event<'a> {
    let event_type = match &happening {
        CallHappening::Ended { .. } => EventType::CallEnded,
        CallHappening::Joined(_) => EventType::CallParticipantAdded,
        CallHappening::Left(_) => EventType::CallParticipantRemoved,
        CallHappening::Started => EventType::CallStarted,
    };
    let call = CallFields {
        started_by: facts.started_by.map(Into::into),
        server_call_id: facts.call_id,
        group: facts.group_id.map(|id| Named { id }),
        room: facts.room_id.map(|id| Named { id }),
        is_two_party: facts.is_one_to_one,
        correlation_id: facts.call_id,
        is_rooms_call: facts.room_id.is_some(),
    };
    let mut subject = format!("call/{}", facts.call_id);
    let data = match happening {
        CallHappening::Ended { duration, reason } => EventData::CallEnded {
            call,
            duration_of_call: duration.as_secs_f64(),
            call_duration_in_seconds: duration.as_secs_f64(),
            reason: CallReason {
                code: reason.code(),
                subcode: reason.sub_code(),
                phrase: reason.meaning(),
            },
        },
        CallHappening::Joined(person) | CallHappening::Left(person) => {
            subject.push_str(&format!("/participant/{}", person.identifier));
            EventData::CallParticipant {
                call,
                user: person.identifier.into(),
                display_name: person.display_name,
                participant_id: person.participant_id,
            }
        }
        CallHappening::Started => {
            if let Some(identifier) = facts.started_by {
                subject.push_str(&format!("/startedBy/{identifier}"));
            }
            EventData::Call(call)
        }
    };
    let id = EventId::derive(&[event_type.as_str(), facts.call_id, &seq.to_string()]);
    Event { id, event_type, subject, time, data }
}
