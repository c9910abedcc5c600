//! Threads, messages, members and events of chat.

use trunkline_chat::{
    ChatEvent, ChatEventKind, InvalidMember, Member, Message, MessageContent, MessageType,
    ReadReceipt, RetentionPolicy, ThreadHeader,
};
use trunkline_proto::chat::v1 as wire;

use super::{identifier, timestamp};

/// Converts a thread without members and messages.
pub fn thread(header: &ThreadHeader) -> wire::Thread {
    wire::Thread {
        thread_id: header.id.to_string(),
        topic: header.topic.clone(),
        created_on: Some(timestamp(header.created_on)),
        created_by: Some(identifier(&header.created_by)),
        deleted_on: header.deleted_on.map(timestamp),
        last_message_received_on: header.last_message_received_on.map(timestamp),
        metadata: header.metadata.clone(),
        retention: retention(header.retention),
    }
}

/// Converts a retention policy; `None` on the wire is never.
pub fn retention(policy: RetentionPolicy) -> Option<wire::RetentionPolicy> {
    match policy {
        RetentionPolicy::None => None,
        RetentionPolicy::ThreadCreationDate { delete_thread_after_days } => {
            let delete_thread_after_days = u32::from(delete_thread_after_days);
            Some(wire::RetentionPolicy { delete_thread_after_days })
        }
    }
}

/// Converts a member.
pub fn member(member: &Member) -> wire::Member {
    wire::Member {
        identifier: Some(identifier(&member.identifier)),
        display_name: member.display_name.as_ref().map(ToString::to_string).unwrap_or_default(),
        share_history_time: Some(timestamp(member.share_history_time)),
        metadata: member.metadata.clone(),
        joined_on: Some(timestamp(member.joined_on)),
    }
}

/// Converts somebody who did not become a member.
pub fn invalid_member(invalid: &InvalidMember) -> wire::InvalidMember {
    wire::InvalidMember {
        identifier: Some(identifier(&invalid.identifier)),
        code: invalid.code.clone(),
        message: invalid.message.clone(),
    }
}

/// Converts a message.
pub fn message(message: &Message) -> wire::Message {
    wire::Message {
        message_id: message.id.to_string(),
        thread_id: message.thread_id.to_string(),
        sequence: message.sequence,
        version: message.version.to_string(),
        content: Some(content(&message.content)),
        sender: message.sender.as_ref().map(identifier),
        sender_display_name: message
            .sender_display_name
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        created_on: Some(timestamp(message.created_on)),
        edited_on: message.edited_on.map(timestamp),
        deleted_on: message.deleted_on.map(timestamp),
        metadata: message.metadata.clone(),
        client_message_id: message.client_message_id.clone(),
    }
}

/// Converts a receipt.
pub fn receipt(receipt: &ReadReceipt) -> wire::ReadReceipt {
    wire::ReadReceipt {
        reader: Some(identifier(&receipt.reader)),
        message_id: receipt.message_id.to_string(),
        read_on: Some(timestamp(receipt.read_on)),
    }
}

/// Converts an event.
pub fn event(event: &ChatEvent) -> wire::ChatEvent {
    wire::ChatEvent {
        thread_id: event.thread_id.to_string(),
        version: event.version.to_string(),
        time: Some(timestamp(event.time)),
        actor: Some(identifier(&event.actor)),
        kind: Some(event_kind(&event.kind)),
    }
}

fn event_kind(kind: &ChatEventKind) -> wire::chat_event::Kind {
    use wire::chat_event::Kind;

    let said = |said| Some(message(said));
    match kind {
        ChatEventKind::MessageDeleted(message) => {
            Kind::MessageDeleted(wire::MessageDeleted { message: said(message) })
        }
        ChatEventKind::MessageEdited(message) => {
            Kind::MessageEdited(wire::MessageEdited { message: said(message) })
        }
        ChatEventKind::MessageReceived(message) => {
            Kind::MessageReceived(wire::MessageReceived { message: said(message) })
        }
        ChatEventKind::ParticipantsAdded { added } => {
            let added = added.iter().map(member).collect();
            Kind::ParticipantsAdded(wire::ParticipantsAdded { added })
        }
        ChatEventKind::ParticipantsRemoved { removed } => {
            let removed = removed.iter().map(member).collect();
            Kind::ParticipantsRemoved(wire::ParticipantsRemoved { removed })
        }
        ChatEventKind::ReadReceiptSent { receipt: sent } => {
            Kind::ReadReceiptSent(wire::ReadReceiptSent { receipt: Some(receipt(sent)) })
        }
        ChatEventKind::ThreadCreated { thread: created, members } => {
            Kind::ThreadCreated(wire::ThreadCreated {
                thread: Some(thread(created)),
                members: members.iter().map(member).collect(),
            })
        }
        ChatEventKind::ThreadDeleted { by_policy } => {
            Kind::ThreadDeleted(wire::ThreadDeleted { by_policy: *by_policy })
        }
        ChatEventKind::ThreadPropertiesUpdated { thread: updated } => {
            let thread = Some(thread(updated));
            Kind::ThreadPropertiesUpdated(wire::ThreadPropertiesUpdated { thread })
        }
        ChatEventKind::TypingStarted { sender_display_name } => {
            let sender_display_name =
                sender_display_name.as_ref().map(ToString::to_string).unwrap_or_default();
            Kind::TypingStarted(wire::TypingStarted { sender_display_name })
        }
    }
}

fn content(content: &MessageContent) -> wire::MessageContent {
    let mut converted = wire::MessageContent {
        r#type: message_type(content.message_type()).into(),
        ..Default::default()
    };
    match content {
        MessageContent::Html(said) | MessageContent::Text(said) => {
            converted.content.clone_from(said);
        }
        MessageContent::ParticipantAdded { participants, initiator }
        | MessageContent::ParticipantRemoved { participants, initiator } => {
            converted.participants = participants.iter().map(member).collect();
            converted.initiator = Some(identifier(initiator));
        }
        MessageContent::TopicUpdated { topic, initiator } => {
            converted.topic.clone_from(topic);
            converted.initiator = Some(identifier(initiator));
        }
    }
    converted
}

fn message_type(message_type: MessageType) -> wire::MessageType {
    match message_type {
        MessageType::Html => wire::MessageType::Html,
        MessageType::ParticipantAdded => wire::MessageType::ParticipantAdded,
        MessageType::ParticipantRemoved => wire::MessageType::ParticipantRemoved,
        MessageType::Text => wire::MessageType::Text,
        MessageType::TopicUpdated => wire::MessageType::TopicUpdated,
    }
}
