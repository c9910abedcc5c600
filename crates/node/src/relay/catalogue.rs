//! From what the log has to the events of the catalogue, and back to the kinds to ask the log for.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use trunkline_chat::ChatEvent;
use trunkline_clock::Timestamp;
use trunkline_events::{Event, EventType, SubscriptionFilter, chat_events, user_disconnected};
use trunkline_ids::{CommunicationIdentifier, ThreadId};
use trunkline_storage::{LogEvent, OtherEvent};

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
        LogEvent::Other(other) => {
            let told = serde_json::from_slice::<ChatEvent>(&other.body).ok();
            let events = told.as_ref().map(|event| chat_events(event, event.time));
            read(&mut events.into_iter().flatten())
        }
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

fn made_up(kind: &str) -> String {
    format!("made-up.{kind}")
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
        EventType::UserDisconnected => None,
    }
}

const DISCONNECTED: &str = "identity.userDisconnected";
