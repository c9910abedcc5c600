//! Archives: all that is kept of a thread, record by record, and the thread made from them again.
//!
//! What is restored is what was: ids, senders, times and counters are taken over, and nobody is told.
//! What an archive says is not trusted beyond that: counters must fit, markup is cleaned, limits hold.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use trunkline_ids::CommunicationIdentifier;

use crate::{
    error::ChatError,
    html::clean_html,
    limits::Limits,
    member::{Member, ReadReceipt, is_possible_member},
    message::{Message, MessageContent, MessageId},
    output::Change,
    thread::record::{ThreadHeader, ThreadRecord},
};

/// One record of an archive: a line of it, as JSON.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ArchiveRecord {
    /// A member.
    Member(Member),
    /// A message; they come in the order of their sequence.
    Message(Message),
    /// How far a member has read.
    Receipt(ReadReceipt),
    /// The thread: the first record.
    Thread(ThreadHeader),
}

/// Restores one thread from its archive.
///
/// The thread is taken first, then the other records one by one; each message gives a change to
/// store. [`Import::finish`] gives the changes that come last: until they are stored, the thread has
/// no members, so that nobody sees a part of it.
pub struct Import {
    limits: Limits,
    header: ThreadHeader,
    members: BTreeMap<CommunicationIdentifier, Member>,
    receipts: BTreeMap<CommunicationIdentifier, ReadReceipt>,
    /// The sequence of the next message.
    next_sequence: u64,
    /// The last message's id.
    last_id: MessageId,
    /// The newest version of anything.
    last_version: MessageId,
}

/// Why a thread is not restored: always the fault of the archive.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum ImportError {
    /// It ends too soon, or too late.
    #[error("the archive has {found} messages, its thread counts {expected}")]
    Incomplete {
        /// How many messages the thread counts.
        expected: u64,
        /// How many there are.
        found: u64,
    },
    /// A member is of a kind that cannot be in a thread.
    #[error("a {} cannot be a member", .identifier.kind())]
    NotMember {
        /// Who.
        identifier: CommunicationIdentifier,
    },
    /// A message is not the next one of the thread.
    #[error("message {message_id} of sequence {sequence} is out of order, expected {expected}")]
    OutOfOrder {
        /// The message.
        message_id: MessageId,
        /// Its sequence.
        sequence: u64,
        /// The sequence of the message that should come.
        expected: u64,
    },
    /// The id or version of a message is no time of the calendar.
    #[error("message {message_id} has an id or version that is no time")]
    NoTime {
        /// The message.
        message_id: MessageId,
    },
    /// A record is beyond a limit, or its markup cannot be cleaned.
    #[error(transparent)]
    Refused(#[from] ChatError),
    /// The thread comes twice.
    #[error("the archive has a second thread")]
    SecondThread,
}

impl Import {
    /// Begins with the thread. A thread that is deleted has no archive.
    pub fn begin(header: ThreadHeader, limits: Limits) -> Result<Self, ImportError> {
        if header.deleted_on.is_some() {
            return Err(ChatError::ThreadDeleted.into());
        }
        limits.check_topic(&header.topic)?;
        limits.check_metadata(&header.metadata)?;
        limits.check_retention(header.retention)?;
        let last_version = header.last_version;
        Ok(Self {
            limits,
            header,
            last_version,
            members: BTreeMap::new(),
            receipts: BTreeMap::new(),
            next_sequence: 1,
            last_id: MessageId::default(),
        })
    }

    /// Returns the thread.
    pub fn header(&self) -> &ThreadHeader {
        &self.header
    }

    /// Returns how many members there are so far.
    pub fn member_count(&self) -> usize {
        self.members.len()
    }

    /// Returns how many messages there are so far.
    pub fn message_count(&self) -> u64 {
        self.next_sequence - 1
    }

    /// Returns whether what is stored of the thread is a part of this import and no more: the same
    /// thread, without members.
    pub fn continues(&self, stored: &ThreadRecord) -> bool {
        stored.members.is_empty() && stored.header() == self.header
    }

    /// Takes the next record, and returns what is to be stored because of it.
    pub fn take(&mut self, record: ArchiveRecord) -> Result<Option<Change>, ImportError> {
        match record {
            ArchiveRecord::Member(member) => self.take_member(member).map(|()| None),
            ArchiveRecord::Message(message) => self.take_message(message).map(Some),
            ArchiveRecord::Receipt(receipt) => {
                self.receipts.insert(receipt.reader.clone(), receipt);
                Ok(None)
            }
            ArchiveRecord::Thread(_) => Err(ImportError::SecondThread),
        }
    }

    /// Ends, and returns what is to be stored last, as one unit.
    pub fn finish(self) -> Result<Vec<Change>, ImportError> {
        let (expected, found) = (self.header.next_sequence.saturating_sub(1), self.message_count());
        if found != expected {
            return Err(ImportError::Incomplete { expected, found });
        }
        let Self { mut header, members, mut receipts, last_version, .. } = self;
        header.last_version = last_version;
        receipts.retain(|reader, _| members.contains_key(reader));
        let members = members.into_values().map(Change::PutMember);
        let receipts = receipts.into_values().map(Change::PutReceipt);
        Ok(std::iter::once(Change::PutThread(header)).chain(members).chain(receipts).collect())
    }

    fn take_member(&mut self, member: Member) -> Result<(), ImportError> {
        if !is_possible_member(&member.identifier) {
            return Err(ImportError::NotMember { identifier: member.identifier });
        }
        self.limits.check_member_metadata(&member.metadata)?;
        self.members.insert(member.identifier.clone(), member);
        let (limit, requested) = (self.limits.members, self.members.len());
        match requested > limit {
            true => Err(ChatError::TooManyMembers { limit, requested }.into()),
            false => Ok(()),
        }
    }

    fn take_message(&mut self, mut message: Message) -> Result<Change, ImportError> {
        let (message_id, expected) = (message.id, self.next_sequence);
        let is_next = message.thread_id == self.header.id
            && message.sequence == expected
            && message_id > self.last_id
            && message.version >= message_id;
        if !is_next {
            let sequence = message.sequence;
            return Err(ImportError::OutOfOrder { message_id, sequence, expected });
        }
        // A version is no older than its id: if one is beyond the calendar, it is.
        let last_millis = message.version.time().as_unix_micros().unsigned_abs() / 1_000;
        if message.version.as_millis() > last_millis {
            return Err(ImportError::NoTime { message_id });
        }
        // An archive that was written while somebody edited has a version newer than its thread.
        self.last_version = self.last_version.max(message.version);
        self.limits.check_metadata(&message.metadata)?;
        self.limits.check_client_message_id(message.client_message_id.as_deref())?;
        message.content = self.checked(message.content)?;
        self.next_sequence += 1;
        self.last_id = message_id;
        Ok(Change::PutMessage(message))
    }

    /// Cleaning what is clean changes nothing, so that a thread comes back byte for byte.
    fn checked(&self, content: MessageContent) -> Result<MessageContent, ChatError> {
        Ok(match content {
            MessageContent::Html(html) => {
                self.limits.check_cleaned(html.len())?;
                MessageContent::Html(clean_html(&html)?)
            }
            MessageContent::Text(text) => {
                self.limits.check_cleaned(text.len())?;
                MessageContent::Text(text)
            }
            MessageContent::TopicUpdated { topic, initiator } => {
                self.limits.check_topic(&topic)?;
                MessageContent::TopicUpdated { topic, initiator }
            }
            MessageContent::ParticipantAdded { .. } | MessageContent::ParticipantRemoved { .. } => {
                content
            }
        })
    }
}

impl fmt::Debug for ArchiveRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Member(member) => f.debug_tuple("Member").field(member).finish(),
            Self::Message(message) => f.debug_tuple("Message").field(message).finish(),
            Self::Receipt(receipt) => f.debug_tuple("Receipt").field(receipt).finish(),
            Self::Thread(header) => f.debug_tuple("Thread").field(header).finish(),
        }
    }
}

impl fmt::Debug for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Import")
            .field("header", &self.header)
            .field("members", &self.members.len())
            .field("next_sequence", &self.next_sequence)
            .finish_non_exhaustive()
    }
}
