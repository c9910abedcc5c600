//! What is durable about a thread except its messages: plain data that a store keeps.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::{Deserialize, Serialize};
use trunkline_clock::Timestamp;
use trunkline_ids::{CommunicationIdentifier, ThreadId};

use crate::{
    member::{Member, ReadReceipt},
    message::{MessageId, Metadata},
};

/// Everything durable about a thread except its messages.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ThreadRecord {
    /// Names the thread.
    pub id: ThreadId,
    /// What it is about.
    pub topic: String,
    /// When it was created.
    pub created_on: Timestamp,
    /// Who created it.
    pub created_by: CommunicationIdentifier,
    /// When it was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_on: Option<Timestamp>,
    /// What the app attached.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: Metadata,
    /// When it is to be deleted.
    #[serde(default)]
    pub retention: RetentionPolicy,
    /// Who is in it; of a deleted thread, who was in it at the end.
    pub members: BTreeMap<CommunicationIdentifier, Member>,
    /// How far they have read.
    pub receipts: BTreeMap<CommunicationIdentifier, ReadReceipt>,
    /// The sequence number of the next message.
    pub next_sequence: u64,
    /// The last version given to anything in the thread.
    pub last_version: MessageId,
    /// When the last message came; that somebody went is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_message_received_on: Option<Timestamp>,
}

/// A thread without its members and receipts.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ThreadHeader {
    /// Names the thread.
    pub id: ThreadId,
    /// What it is about.
    pub topic: String,
    /// When it was created.
    pub created_on: Timestamp,
    /// Who created it.
    pub created_by: CommunicationIdentifier,
    /// When it was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_on: Option<Timestamp>,
    /// What the app attached.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: Metadata,
    /// When it is to be deleted.
    #[serde(default)]
    pub retention: RetentionPolicy,
    /// The sequence number of the next message.
    pub next_sequence: u64,
    /// The last version given to anything in the thread.
    pub last_version: MessageId,
    /// When the last message came; that somebody went is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_message_received_on: Option<Timestamp>,
}

/// When a thread is deleted by itself; serde writes it as the wire does.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum RetentionPolicy {
    /// Never.
    #[default]
    None,
    /// A time after its creation.
    ThreadCreationDate {
        /// The time, in days.
        delete_thread_after_days: u16,
    },
}

impl ThreadRecord {
    /// Returns the thread without its members and receipts.
    pub fn header(&self) -> ThreadHeader {
        ThreadHeader {
            id: self.id.clone(),
            topic: self.topic.clone(),
            created_on: self.created_on,
            created_by: self.created_by.clone(),
            deleted_on: self.deleted_on,
            metadata: self.metadata.clone(),
            retention: self.retention,
            next_sequence: self.next_sequence,
            last_version: self.last_version,
            last_message_received_on: self.last_message_received_on,
        }
    }

    /// Returns when the thread is to be deleted by its retention policy; `None` if never, or if it
    /// is deleted already.
    pub fn expires_on(&self) -> Option<Timestamp> {
        match (self.deleted_on, self.retention) {
            (Some(_), _) | (None, RetentionPolicy::None) => None,
            (None, RetentionPolicy::ThreadCreationDate { delete_thread_after_days }) => {
                let days = u64::from(delete_thread_after_days);
                Some(self.created_on + Duration::from_secs(days * 86_400))
            }
        }
    }
}

impl fmt::Debug for ThreadRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadRecord")
            .field("id", &self.id)
            .field("deleted_on", &self.deleted_on)
            .field("retention", &self.retention)
            .field("members", &self.members.len())
            .field("receipts", &self.receipts.len())
            .field("next_sequence", &self.next_sequence)
            .field("last_version", &self.last_version)
            .finish_non_exhaustive()
    }
}

impl ThreadHeader {
    /// Makes the record of the thread from its header and what a store keeps beside it.
    pub fn into_record(
        self,
        members: impl IntoIterator<Item = Member>,
        receipts: impl IntoIterator<Item = ReadReceipt>,
    ) -> ThreadRecord {
        ThreadRecord {
            id: self.id,
            topic: self.topic,
            created_on: self.created_on,
            created_by: self.created_by,
            deleted_on: self.deleted_on,
            metadata: self.metadata,
            retention: self.retention,
            members: members.into_iter().map(|m| (m.identifier.clone(), m)).collect(),
            receipts: receipts.into_iter().map(|r| (r.reader.clone(), r)).collect(),
            next_sequence: self.next_sequence,
            last_version: self.last_version,
            last_message_received_on: self.last_message_received_on,
        }
    }
}

impl fmt::Debug for ThreadHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadHeader")
            .field("id", &self.id)
            .field("deleted_on", &self.deleted_on)
            .field("retention", &self.retention)
            .field("next_sequence", &self.next_sequence)
            .field("last_version", &self.last_version)
            .finish_non_exhaustive()
    }
}
