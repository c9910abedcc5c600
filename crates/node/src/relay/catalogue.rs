//! From what the log has to the events of the catalogue, and back to the kinds to ask the log for.

use std::collections::BTreeSet;
use std::time::Duration;

use prost::Message;
use serde::{Deserialize, Serialize};
use trunkline_api::convert;
use trunkline_chat::ChatEvent;
use trunkline_clock::Timestamp;
use trunkline_events::{
    CallFacts, CallHappening, CallPerson, Event, EventType, SubscriptionFilter, call_event,
    chat_events, user_disconnected,
};
use trunkline_ids::{CommunicationIdentifier, ThreadId};
use trunkline_proto::calling::v1::{CallKind, call_event};
use trunkline_proto::events::v1 as wire;
use trunkline_reasons::EndReason;
use trunkline_storage::{LogEvent, OtherEvent};

use crate::relay::calls::{self, Occurrence};

/// A user has no connection any more.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Disconnection {
    user: CommunicationIdentifier,
    since: Timestamp,
}

/// Hands the events that one entry of the log gives to `read`, in their order, each made as it is
/// asked for.
pub(super) fn each<T>(
    entry: &LogEvent,
    thread_created_on: Timestamp,
    read: impl FnOnce(&mut dyn Iterator<Item = Event<'_>>) -> T,
) -> T {
    match entry {
        LogEvent::Chat(event) => read(&mut chat_events(event, thread_created_on)),
        LogEvent::Other(other) if other.kind == DISCONNECTED => {
            let told = serde_json::from_slice::<Disconnection>(&other.body).ok();
            let events = told.as_ref().map(|told| user_disconnected(&told.user, told.since));
            read(&mut events.into_iter())
        }
        LogEvent::Other(other) if other.kind.contains(OF_CALLS) => {
            let told = calls::decode(&other.body);
            let told = told.as_ref().map(|told| (told, Persons::of(told)));
            let event = told.as_ref().and_then(|(told, persons)| {
                call_event_of(other.kind.trim_start_matches(MADE_UP), told, persons, other.time)
            });
            read(&mut event.into_iter())
        }
        LogEvent::Other(other) => match serde_json::from_slice::<ChatEvent>(&other.body) {
            Ok(event) => read(&mut chat_events(&event, event.time)),
            Err(_) => read(&mut std::iter::empty()),
        },
    }
}

/// Returns the thread that an event of the log happened in, and when it happened.
pub(super) fn thread_of(entry: &LogEvent) -> Option<(&ThreadId, Timestamp)> {
    match entry {
        LogEvent::Chat(event) => Some((&event.thread_id, event.time)),
        LogEvent::Other(_) => None,
    }
}

/// Returns the kinds of entries that can give an event that a filter lets pass, as far as its list
/// of types says.
pub(super) fn kinds(filter: &SubscriptionFilter) -> BTreeSet<String> {
    let is_listed = |event_type: &EventType| filter.lists(*event_type);
    let chat = EventType::ALL.iter().filter(|of_type| is_listed(of_type)).filter_map(chat_kind);
    let mut kinds: BTreeSet<_> = chat.flat_map(|kind| [kind.to_owned(), made_up(kind)]).collect();
    let calls = EventType::ALL.iter().filter(|of_type| is_listed(of_type)).filter_map(call_kind);
    kinds.extend(calls.flat_map(|kind| [kind.to_owned(), made_up(kind)]));
    if is_listed(&EventType::UserDisconnected) {
        kinds.insert(DISCONNECTED.to_owned());
    }
    kinds
}

/// Makes the entry that says that a user has no connection any more.
pub(super) fn disconnection(
    user: &CommunicationIdentifier,
    since: Timestamp,
    now: Timestamp,
) -> OtherEvent {
    let told = Disconnection { user: user.clone(), since };
    OtherEvent {
        kind: DISCONNECTED.to_owned(),
        partition: format!("user/{user}"),
        time: now,
        body: serde_json::to_vec(&told).expect("it has text keys only"),
    }
}

/// Makes an entry of an event of chat that never happened.
pub(super) fn pretended(event: &ChatEvent) -> OtherEvent {
    OtherEvent {
        kind: made_up(event.kind.as_str()),
        partition: format!("thread/{}", event.thread_id),
        time: event.time,
        body: serde_json::to_vec(event).expect("events of chat have text keys only"),
    }
}

/// Makes an entry of what happened in a call or a meeting.
pub(super) fn occurrence(
    occurrence: Occurrence,
    time: Timestamp,
    told: &wire::CallOccurrence,
) -> OtherEvent {
    let partition = match told.call_id.is_empty() {
        true => format!("meeting/{}", told.meeting_id),
        false => partition_of_call(&told.call_id),
    };
    let kind = kind_of(occurrence).to_owned();
    OtherEvent { kind, partition, time, body: told.encode_to_vec() }
}

/// Makes an entry of something that never happened in a call.
pub(super) fn pretended_occurrence(
    kind: Occurrence,
    time: Timestamp,
    told: &wire::CallOccurrence,
) -> OtherEvent {
    OtherEvent { kind: made_up(kind_of(kind)), ..occurrence(kind, time, told) }
}

/// Returns the key within which what happens in a call is in order.
pub(super) fn partition_of_call(call_id: &str) -> String {
    format!("call/{call_id}")
}

/// Returns what an entry tells of a call or a meeting, if it does and it happened.
pub(super) fn told_of_call(event: &OtherEvent) -> Option<wire::CallOccurrence> {
    event.kind.starts_with(OF_CALLS).then(|| calls::decode(&event.body)).flatten()
}

/// Those of whom an event of a call tells.
struct Persons {
    started_by: Option<CommunicationIdentifier>,
    participant: Option<CommunicationIdentifier>,
}

impl Persons {
    fn of(told: &wire::CallOccurrence) -> Self {
        let participant = told.participant.as_ref().and_then(|one| one.identifier.as_ref());
        Self {
            started_by: told.started_by.as_ref().and_then(|id| id.raw_id.parse().ok()),
            participant: participant.and_then(|id| id.raw_id.parse().ok()),
        }
    }
}

fn call_event_of<'a>(
    kind: &str,
    told: &'a wire::CallOccurrence,
    persons: &'a Persons,
    time: Timestamp,
) -> Option<Event<'a>> {
    let some = |text: &'a String| Some(text.as_str()).filter(|text| !text.is_empty());
    let Some(wire::call_occurrence::Event::CallEvent(event)) = &told.event else { return None };
    let person = || {
        let participant = told.participant.as_ref()?;
        Some(CallPerson {
            identifier: persons.participant.as_ref()?,
            participant_id: &participant.participant_id,
            display_name: some(&participant.display_name),
        })
    };
    let happening = match kind {
        STARTED => CallHappening::Started,
        JOINED => CallHappening::Joined(person()?),
        LEFT => CallHappening::Left(person()?),
        ENDED => {
            let Some(call_event::Kind::CallEnded(ended)) = &event.kind else { return None };
            let reason = ended.reason.as_ref()?;
            let started_at = told.started_at.as_ref().and_then(convert::parse_timestamp);
            let micros = time.as_unix_micros() - started_at.unwrap_or(time).as_unix_micros();
            CallHappening::Ended {
                duration: Duration::from_micros(u64::try_from(micros).unwrap_or_default()),
                reason: EndReason::find(
                    reason.code.try_into().ok()?,
                    reason.sub_code.try_into().ok()?,
                )?,
            }
        }
        _ => return None,
    };
    let facts = CallFacts {
        call_id: &told.call_id,
        started_by: persons.started_by.as_ref(),
        group_id: some(&told.group_id),
        room_id: some(&told.room_id),
        is_one_to_one: told.kind() == CallKind::OneToOne,
    };
    Some(call_event(facts, event.seq, time, happening))
}

fn kind_of(occurrence: Occurrence) -> &'static str {
    match occurrence {
        Occurrence::Changed => "call.changed",
        Occurrence::Ended => ENDED,
        Occurrence::Joined => JOINED,
        Occurrence::Left => LEFT,
        Occurrence::OfMeeting => "call.ofMeeting",
        Occurrence::Started => STARTED,
    }
}

/// Returns the kind of entries about calls that give an event of a type.
fn call_kind(event_type: &EventType) -> Option<&'static str> {
    match event_type {
        EventType::CallEnded => Some(ENDED),
        EventType::CallParticipantAdded => Some(JOINED),
        EventType::CallParticipantRemoved => Some(LEFT),
        EventType::CallStarted => Some(STARTED),
        EventType::ChatMessageDeleted
        | EventType::ChatMessageDeletedInThread
        | EventType::ChatMessageEdited
        | EventType::ChatMessageEditedInThread
        | EventType::ChatMessageReceived
        | EventType::ChatMessageReceivedInThread
        | EventType::ChatParticipantAddedToThreadWithUser
        | EventType::ChatParticipantRemovedFromThreadWithUser
        | EventType::ChatThreadCreated
        | EventType::ChatThreadCreatedWithUser
        | EventType::ChatThreadDeleted
        | EventType::ChatThreadParticipantAdded
        | EventType::ChatThreadParticipantRemoved
        | EventType::ChatThreadPropertiesUpdated
        | EventType::ChatThreadPropertiesUpdatedPerUser
        | EventType::ChatThreadWithUserDeleted
        | EventType::UserDisconnected => None,
    }
}

fn made_up(kind: &str) -> String {
    format!("{MADE_UP}{kind}")
}

/// Returns the kind of chat's events that give an event of a type.
fn chat_kind(event_type: &EventType) -> Option<&'static str> {
    match event_type {
        EventType::ChatMessageDeleted | EventType::ChatMessageDeletedInThread => {
            Some("messageDeleted")
        }
        EventType::ChatMessageEdited | EventType::ChatMessageEditedInThread => {
            Some("messageEdited")
        }
        EventType::ChatMessageReceived | EventType::ChatMessageReceivedInThread => {
            Some("messageReceived")
        }
        EventType::ChatParticipantAddedToThreadWithUser | EventType::ChatThreadParticipantAdded => {
            Some("participantsAdded")
        }
        EventType::ChatParticipantRemovedFromThreadWithUser
        | EventType::ChatThreadParticipantRemoved => Some("participantsRemoved"),
        EventType::ChatThreadCreated | EventType::ChatThreadCreatedWithUser => {
            Some("threadCreated")
        }
        EventType::ChatThreadDeleted | EventType::ChatThreadWithUserDeleted => {
            Some("threadDeleted")
        }
        EventType::ChatThreadPropertiesUpdated | EventType::ChatThreadPropertiesUpdatedPerUser => {
            Some("threadPropertiesUpdated")
        }
        EventType::CallEnded
        | EventType::CallParticipantAdded
        | EventType::CallParticipantRemoved
        | EventType::CallStarted
        | EventType::UserDisconnected => None,
    }
}

/// What precedes the kind of what never happened.
const MADE_UP: &str = "made-up.";

/// What the kinds of all that happens in calls begin with.
const OF_CALLS: &str = "call.";

const ENDED: &str = "call.ended";
const JOINED: &str = "call.joined";
const LEFT: &str = "call.left";
const STARTED: &str = "call.started";

const DISCONNECTED: &str = "identity.userDisconnected";
