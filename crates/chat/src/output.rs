//! What a thread wants done: rows to store as one unit, then events to tell.

use serde::{Deserialize, Serialize};
use trunkline_clock::Timestamp;
use trunkline_ids::CommunicationIdentifier;

use crate::{
    event::ChatEvent,
    member::{Member, ReadReceipt},
    message::{Message, MessageId},
    thread::record::ThreadHeader,
};

/// One thing to do, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Tell the recipients, once every change of the same input is committed.
    Publish(ChatEvent),
    /// Commit as one unit with the other changes of the same input, before anybody is told.
    Store(Change),
}

/// One change to what is stored of a thread. Applying the changes to a stored record in order gives
/// [`Thread::record`](crate::Thread::record).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Change {
    /// Set the counters of the thread; the rest of its header stays.
    AdvanceThread(ThreadProgress),
    /// The thread is deleted: set its header, which says when. It stays listed for its last members;
    /// its messages and receipts are not read again and may be erased.
    DeleteThread(ThreadHeader),
    /// Insert or replace a member.
    PutMember(Member),
    /// Insert a message, or replace the one of the same id.
    PutMessage(Message),
    /// Insert or replace the receipt of its reader.
    PutReceipt(ReadReceipt),
    /// Insert or replace the header of the thread.
    PutThread(ThreadHeader),
    /// Remove a member together with its receipt.
    RemoveMember(CommunicationIdentifier),
}

/// How far a thread has come: the part of its header that changes with every message.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ThreadProgress {
    /// The sequence number of the next message.
    pub next_sequence: u64,
    /// The last version given to anything in the thread.
    pub last_version: MessageId,
    /// When the last message came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_message_received_on: Option<Timestamp>,
}
