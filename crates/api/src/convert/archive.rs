//! Records of a thread's archive, there and back without loss.

use std::str::FromStr;

use thiserror::Error;
use trunkline_chat::{
    ArchiveRecord, Member, Message, MessageContent, ReadReceipt, RetentionPolicy, ThreadHeader,
};
use trunkline_clock::Timestamp;
use trunkline_ids::{CommunicationIdentifier, DisplayName};
use trunkline_proto::admin::v1 as wire;
use trunkline_proto::admin::v1::archive_record::Record;
use trunkline_proto::chat::v1 as chat_wire;
use trunkline_proto::common::v1 as common;

use super::{chat, parse_timestamp};

/// Says which field of a record is missing or malformed; never repeats what it holds.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("{field} of the record is missing or malformed")]
pub struct MalformedRecord {
    /// The field.
    pub field: &'static str,
}

/// Converts a record.
pub fn record(record: &ArchiveRecord) -> wire::ArchiveRecord {
    let record = match record {
        ArchiveRecord::Member(member) => Record::Member(chat::member(member)),
        ArchiveRecord::Message(message) => Record::Message(chat::message(message)),
        ArchiveRecord::Receipt(receipt) => Record::Receipt(chat::receipt(receipt)),
        ArchiveRecord::Thread(header) => Record::Thread(wire::ArchivedThread {
            thread: Some(chat::thread(header)),
            next_sequence: header.next_sequence,
            last_version: header.last_version.to_string(),
        }),
    };
    wire::ArchiveRecord { record: Some(record) }
}

/// Reads a record.
///
/// # Errors
/// Names the first field that is missing or malformed.
pub fn parse_record(record: wire::ArchiveRecord) -> Result<ArchiveRecord, MalformedRecord> {
    Ok(match record.record.ok_or(MalformedRecord { field: "record" })? {
        Record::Member(member) => ArchiveRecord::Member(parse_member(member)?),
        Record::Message(message) => ArchiveRecord::Message(parse_message(message)?),
        Record::Receipt(receipt) => ArchiveRecord::Receipt(parse_receipt(receipt)?),
        Record::Thread(thread) => ArchiveRecord::Thread(parse_thread(thread)?),
    })
}

fn parse_thread(archived: wire::ArchivedThread) -> Result<ThreadHeader, MalformedRecord> {
    let wire::ArchivedThread { thread, next_sequence, last_version } = archived;
    let thread = thread.ok_or(MalformedRecord { field: "thread" })?;
    let retention = match thread.retention {
        None => RetentionPolicy::None,
        Some(chat_wire::RetentionPolicy { delete_thread_after_days }) => {
            let delete_thread_after_days = u16::try_from(delete_thread_after_days)
                .map_err(|_| MalformedRecord { field: "retention" })?;
            RetentionPolicy::ThreadCreationDate { delete_thread_after_days }
        }
    };
    Ok(ThreadHeader {
        id: parse("thread_id", &thread.thread_id)?,
        topic: thread.topic,
        created_on: time("created_on", thread.created_on)?,
        created_by: person("created_by", thread.created_by)?,
        deleted_on: optional_time("deleted_on", thread.deleted_on)?,
        metadata: thread.metadata,
        retention,
        next_sequence,
        last_version: parse("last_version", &last_version)?,
        last_message_received_on: optional_time(
            "last_message_received_on",
            thread.last_message_received_on,
        )?,
    })
}

fn parse_member(member: chat_wire::Member) -> Result<Member, MalformedRecord> {
    Ok(Member {
        identifier: person("identifier", member.identifier)?,
        display_name: name("display_name", &member.display_name)?,
        share_history_time: time("share_history_time", member.share_history_time)?,
        metadata: member.metadata,
        joined_on: time("joined_on", member.joined_on)?,
    })
}

fn parse_receipt(receipt: chat_wire::ReadReceipt) -> Result<ReadReceipt, MalformedRecord> {
    Ok(ReadReceipt {
        reader: person("reader", receipt.reader)?,
        message_id: parse("message_id", &receipt.message_id)?,
        read_on: time("read_on", receipt.read_on)?,
    })
}

fn parse_message(message: chat_wire::Message) -> Result<Message, MalformedRecord> {
    Ok(Message {
        id: parse("message_id", &message.message_id)?,
        thread_id: parse("thread_id", &message.thread_id)?,
        sequence: message.sequence,
        version: parse("version", &message.version)?,
        content: parse_content(message.content.ok_or(MalformedRecord { field: "content" })?)?,
        sender: message.sender.map(|sender| person("sender", Some(sender))).transpose()?,
        sender_display_name: name("sender_display_name", &message.sender_display_name)?,
        created_on: time("created_on", message.created_on)?,
        edited_on: optional_time("edited_on", message.edited_on)?,
        deleted_on: optional_time("deleted_on", message.deleted_on)?,
        metadata: message.metadata,
        client_message_id: message.client_message_id,
    })
}

fn parse_content(content: chat_wire::MessageContent) -> Result<MessageContent, MalformedRecord> {
    let message_type = content.r#type();
    let chat_wire::MessageContent { content, topic, participants, initiator, .. } = content;
    let initiator = || person("initiator", initiator);
    let members = || participants.into_iter().map(parse_member).collect::<Result<_, _>>();
    Ok(match message_type {
        chat_wire::MessageType::Html => MessageContent::Html(content),
        chat_wire::MessageType::ParticipantAdded => {
            MessageContent::ParticipantAdded { participants: members()?, initiator: initiator()? }
        }
        chat_wire::MessageType::ParticipantRemoved => {
            MessageContent::ParticipantRemoved { participants: members()?, initiator: initiator()? }
        }
        chat_wire::MessageType::Text => MessageContent::Text(content),
        chat_wire::MessageType::TopicUpdated => {
            MessageContent::TopicUpdated { topic, initiator: initiator()? }
        }
        chat_wire::MessageType::Unspecified => return Err(MalformedRecord { field: "type" }),
    })
}

fn parse<T: FromStr>(field: &'static str, text: &str) -> Result<T, MalformedRecord> {
    text.parse().map_err(|_| MalformedRecord { field })
}

fn name(field: &'static str, text: &str) -> Result<Option<DisplayName>, MalformedRecord> {
    match text {
        "" => Ok(None),
        text => parse(field, text).map(Some),
    }
}

fn person(
    field: &'static str,
    identifier: Option<common::CommunicationIdentifier>,
) -> Result<CommunicationIdentifier, MalformedRecord> {
    parse(field, &identifier.ok_or(MalformedRecord { field })?.raw_id)
}

fn time(
    field: &'static str,
    at: Option<prost_types::Timestamp>,
) -> Result<Timestamp, MalformedRecord> {
    optional_time(field, at)?.ok_or(MalformedRecord { field })
}

fn optional_time(
    field: &'static str,
    at: Option<prost_types::Timestamp>,
) -> Result<Option<Timestamp>, MalformedRecord> {
    at.map(|at| parse_timestamp(&at).ok_or(MalformedRecord { field })).transpose()
}
