//! Bodies of pushes, with the members that clients read.
//!
//! What the browser client reads through `unescape` is JSON in which `%` alone is escaped: that is
//! all that `unescape` would change, and mobile clients read the same text without it.

use std::fmt::Write as _;

use serde::{Serialize, Serializer};
use trunkline_chat::{
    ChatEvent, ChatEventKind, Member, Message, MessageContent, Metadata, ReadReceipt,
    RetentionPolicy, ThreadHeader,
};
use trunkline_clock::Timestamp;
use trunkline_ids::DisplayName;

use super::{PushKind, wire_type};
use crate::negotiate::millis;

/// Encodes the body of an event of that kind: a JSON object without its recipient.
pub(super) fn encode(kind: PushKind, event: &ChatEvent) -> String {
    match &event.kind {
        ChatEventKind::MessageDeleted(message)
        | ChatEventKind::MessageEdited(message)
        | ChatEventKind::MessageReceived(message) => json(&message_body(kind, event, message)),
        ChatEventKind::ParticipantsAdded { added } => json(&ParticipantsAdded {
            thread: thread_body(kind, event),
            time: WireTime(event.time),
            added_by: actor(event),
            participants_added: participants(added),
        }),
        ChatEventKind::ParticipantsRemoved { removed } => json(&ParticipantsRemoved {
            thread: thread_body(kind, event),
            time: WireTime(event.time),
            removed_by: actor(event),
            participants_removed: participants(removed),
        }),
        ChatEventKind::ReadReceiptSent { receipt } => json(&receipt_body(kind, event, receipt)),
        ChatEventKind::ThreadCreated { thread, members } => json(&ThreadCreated {
            thread: thread_body(kind, event),
            create_time: WireTime(thread.created_on),
            created_by: actor(event),
            members: participants(members),
            properties: properties(thread),
        }),
        ChatEventKind::ThreadDeleted { by_policy } => json(&ThreadDeleted {
            thread: thread_body(kind, event),
            delete_time: WireTime(event.time),
            deleted_by: actor(event),
            reason: if *by_policy { "deletedByPolicy" } else { "deletedByUser" },
        }),
        ChatEventKind::ThreadPropertiesUpdated { thread } => json(&ThreadPropertiesUpdated {
            thread: thread_body(kind, event),
            edit_time: WireTime(event.time),
            edited_by: actor(event),
            properties: properties(thread),
        }),
        ChatEventKind::TypingStarted { sender_display_name } => json(&TypingBody {
            event_id: kind.event_id(),
            sender_id: event.actor.to_string(),
            transaction_id: transaction_id(event),
            group_id: event.thread_id.as_str(),
            message_type: "Control/Typing",
            sender_display_name: name(sender_display_name.as_ref()),
            original_arrival_time: WireTime(event.time),
            version: event.version.to_string(),
        }),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageBody<'a> {
    event_id: u16,
    sender_id: String,
    transaction_id: String,
    group_id: &'a str,
    message_id: String,
    collapse_id: String,
    message_type: &'a str,
    message_body: &'a str,
    sender_display_name: &'a str,
    client_message_id: &'a str,
    original_arrival_time: WireTime,
    priority: &'a str,
    version: String,
    acs_chat_message_metadata: String,
    #[serde(rename = "edittime", skip_serializing_if = "Option::is_none")]
    edit_time: Option<WireTime>,
    #[serde(rename = "deletetime", skip_serializing_if = "Option::is_none")]
    delete_time: Option<WireTime>,
}

fn message_body<'a>(kind: PushKind, event: &'a ChatEvent, message: &'a Message) -> MessageBody<'a> {
    let text = match &message.content {
        MessageContent::Html(text) | MessageContent::Text(text) => text.as_str(),
        MessageContent::ParticipantAdded { .. }
        | MessageContent::ParticipantRemoved { .. }
        | MessageContent::TopicUpdated { .. } => "",
    };
    // An event of a kind has the time of that kind even where the message does not say it.
    let edit_time = (kind == PushKind::ChatMessageEdited)
        .then(|| WireTime(message.edited_on.unwrap_or(event.time)));
    let delete_time = (kind == PushKind::ChatMessageDeleted)
        .then(|| WireTime(message.deleted_on.unwrap_or(event.time)));
    MessageBody {
        event_id: kind.event_id(),
        sender_id: message.sender.as_ref().unwrap_or(&event.actor).to_string(),
        transaction_id: transaction_id(event),
        group_id: event.thread_id.as_str(),
        message_id: message.id.to_string(),
        collapse_id: message.id.to_string(),
        message_type: wire_type(&message.content).unwrap_or_default(),
        message_body: text,
        sender_display_name: name(message.sender_display_name.as_ref()),
        client_message_id: message.client_message_id.as_deref().unwrap_or_default(),
        original_arrival_time: WireTime(message.created_on),
        priority: "",
        version: message.version.to_string(),
        acs_chat_message_metadata: metadata(&message.metadata),
        edit_time,
        delete_time,
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TypingBody<'a> {
    event_id: u16,
    sender_id: String,
    transaction_id: String,
    group_id: &'a str,
    message_type: &'a str,
    sender_display_name: &'a str,
    original_arrival_time: WireTime,
    version: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReceiptBody<'a> {
    event_id: u16,
    sender_id: String,
    transaction_id: String,
    group_id: &'a str,
    message_id: String,
    client_message_id: &'a str,
    message_type: &'a str,
    message_body: String,
    original_arrival_time: WireTime,
}

#[derive(Serialize)]
struct Consumption {
    user: String,
    consumptionhorizon: String,
    #[serde(rename = "messageVisibilityTime")]
    message_visibility_time: u64,
    version: String,
}

fn receipt_body<'a>(
    kind: PushKind,
    event: &'a ChatEvent,
    receipt: &ReadReceipt,
) -> ReceiptBody<'a> {
    let consumption = Consumption {
        user: receipt.reader.to_string(),
        consumptionhorizon: format!("{};{};0", receipt.message_id, millis(receipt.read_on)),
        message_visibility_time: receipt.message_id.as_millis(),
        version: event.version.to_string(),
    };
    ReceiptBody {
        event_id: kind.event_id(),
        sender_id: receipt.reader.to_string(),
        transaction_id: transaction_id(event),
        group_id: event.thread_id.as_str(),
        message_id: receipt.message_id.to_string(),
        client_message_id: "",
        message_type: "ThreadActivity/MemberConsumptionHorizonUpdate",
        message_body: json(&consumption),
        original_arrival_time: WireTime(event.time),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ThreadBody<'a> {
    event_id: u16,
    thread_id: &'a str,
    version: String,
}

fn thread_body(kind: PushKind, event: &ChatEvent) -> ThreadBody<'_> {
    ThreadBody {
        event_id: kind.event_id(),
        thread_id: event.thread_id.as_str(),
        version: event.version.to_string(),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ThreadCreated<'a> {
    #[serde(flatten)]
    thread: ThreadBody<'a>,
    create_time: WireTime,
    created_by: String,
    members: String,
    properties: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ThreadPropertiesUpdated<'a> {
    #[serde(flatten)]
    thread: ThreadBody<'a>,
    edit_time: WireTime,
    edited_by: String,
    properties: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ThreadDeleted<'a> {
    #[serde(flatten)]
    thread: ThreadBody<'a>,
    delete_time: WireTime,
    deleted_by: String,
    reason: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ParticipantsAdded<'a> {
    #[serde(flatten)]
    thread: ThreadBody<'a>,
    time: WireTime,
    added_by: String,
    participants_added: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ParticipantsRemoved<'a> {
    #[serde(flatten)]
    thread: ThreadBody<'a>,
    time: WireTime,
    removed_by: String,
    participants_removed: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Participant<'a> {
    participant_id: String,
    /// Never absent, because some clients cannot do without.
    display_name: &'a str,
    /// Milliseconds, because mobile clients read a number; the browser's takes either.
    #[serde(skip_serializing_if = "Option::is_none")]
    share_history_time: Option<i64>,
    /// JSON in a string. The client spells it so, unlike anything else.
    #[serde(rename = "memberMetaData", skip_serializing_if = "Option::is_none")]
    member_metadata: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Properties<'a> {
    topic: &'a str,
    acs_chat_thread_metadata: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    retention_policy: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Retention {
    retention_policy_type: &'static str,
    /// `days.hours:minutes:seconds`.
    execute_after: String,
}

/// Returns who did it.
fn actor(event: &ChatEvent) -> String {
    escaped_json(&Participant {
        participant_id: event.actor.to_string(),
        display_name: name(event.actor_display_name.as_ref()),
        share_history_time: None,
        member_metadata: None,
    })
}

fn participants(members: &[Member]) -> String {
    let participants: Vec<Participant<'_>> = members
        .iter()
        .map(|member| Participant {
            participant_id: member.identifier.to_string(),
            display_name: name(member.display_name.as_ref()),
            share_history_time: Some(millis(member.share_history_time)),
            member_metadata: (!member.metadata.is_empty()).then(|| metadata(&member.metadata)),
        })
        .collect();
    escaped_json(&participants)
}

fn properties(thread: &ThreadHeader) -> String {
    let retention_policy = match thread.retention {
        RetentionPolicy::None => None,
        RetentionPolicy::ThreadCreationDate { delete_thread_after_days } => {
            Some(json(&Retention {
                retention_policy_type: "DeleteAfterCreationTime",
                execute_after: format!("{delete_thread_after_days}.00:00:00"),
            }))
        }
    };
    escaped_json(&Properties {
        topic: &thread.topic,
        acs_chat_thread_metadata: metadata(&thread.metadata),
        retention_policy,
    })
}

fn metadata(metadata: &Metadata) -> String {
    match metadata.is_empty() {
        true => "null".to_owned(),
        false => json(metadata),
    }
}

fn name(name: Option<&DisplayName>) -> &str {
    name.map(DisplayName::as_str).unwrap_or_default()
}

/// Names what happened, for whoever compares logs.
fn transaction_id(event: &ChatEvent) -> String {
    format!("{}.{}", event.thread_id, event.version)
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("structs of texts and numbers are JSON")
}

fn escaped_json(value: &impl Serialize) -> String {
    json(value).replace('%', "%25")
}

/// A time with three digits of the second, as the original prints it in pushes.
struct WireTime(Timestamp);

impl Serialize for WireTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let millis = millis(self.0);
        let seconds = Timestamp::from_unix_seconds(millis.div_euclid(1_000)).to_string();
        let mut text = seconds.trim_end_matches('Z').to_owned();
        // Writing to a string does not fail.
        let _ = write!(text, ".{:03}Z", millis.rem_euclid(1_000));
        serializer.serialize_str(&text)
    }
}
