//! The thread: members, messages, receipts, and the one clock that orders them.

mod members;
mod messages;
mod properties;
pub(crate) mod record;

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
};

use trunkline_clock::{Now, Timestamp};
use trunkline_ids::{CommunicationIdentifier, DisplayName, ThreadId};

use crate::{
    command::{Command, CreateThread, Reply},
    error::{ChatError, CreateThreadError},
    event::{ChatEvent, ChatEventKind},
    limits::Limits,
    member::{InvalidMember, Member, is_possible_member},
    message::{Message, MessageContent, MessageId, Metadata},
    output::{Change, Output, ThreadProgress},
    thread::record::ThreadRecord,
};

/// One thread of chat.
///
/// The driver hands in one command at a time and then drains [`Thread::poll_output`]: all
/// [`Output::Store`] of one input are committed as one unit, after which its [`Output::Publish`] are
/// told, and the command is answered. If the commit fails the thread is to be restored from the
/// store, because it is ahead of it. After any `handle_*` the timer is armed anew.
///
/// The thread has its own clock, which never goes back: it follows the wall clock, and while that
/// stands still or goes back it takes one millisecond for each thing that happens. So ids, versions
/// and times agree in their order, and nobody sees a message from before the time that was shared.
pub struct Thread {
    record: ThreadRecord,
    limits: Limits,
    outputs: VecDeque<Output>,
}

/// What came of creating a thread.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CreateOutcome {
    /// Who is not in it though named, and why.
    pub invalid: Vec<InvalidMember>,
}

/// A reading of the thread's clock.
#[derive(Clone, Copy)]
struct Stamp {
    version: MessageId,
    time: Timestamp,
}

/// What a message has beside its content.
#[derive(Default)]
struct Envelope {
    sender: Option<CommunicationIdentifier>,
    sender_display_name: Option<DisplayName>,
    metadata: Metadata,
    client_message_id: Option<String>,
}

impl Thread {
    /// Creates a thread, whose outputs are to be drained as those of a command.
    ///
    /// # Errors
    ///
    /// As adding members and setting properties of a thread that exists.
    pub fn create(
        now: Now,
        id: ThreadId,
        creator: &CommunicationIdentifier,
        request: CreateThread,
        limits: Limits,
    ) -> Result<(Self, CreateOutcome), CreateThreadError> {
        if !is_possible_member(creator) {
            return Err(CreateThreadError::CreatorNotAllowed { kind: creator.kind() });
        }
        limits.check_topic(&request.topic)?;
        limits.check_metadata(&request.metadata)?;
        limits.check_retention(request.retention)?;
        let record = ThreadRecord {
            id,
            topic: request.topic,
            created_on: now.wall,
            created_by: creator.clone(),
            deleted_on: None,
            metadata: request.metadata,
            retention: request.retention,
            members: BTreeMap::new(),
            receipts: BTreeMap::new(),
            next_sequence: 1,
            last_version: MessageId::default(),
            last_message_received_on: None,
        };
        let mut thread = Self::restore(record, limits);
        let invalid = thread.begin(now, creator, request.members)?;
        Ok((thread, CreateOutcome { invalid }))
    }

    /// Restores a thread from what a store kept of it.
    pub fn restore(record: ThreadRecord, limits: Limits) -> Self {
        Self { record, limits, outputs: VecDeque::new() }
    }

    /// Takes a command of a user.
    ///
    /// # Errors
    ///
    /// Says why nothing was done; there are no outputs then.
    pub fn handle_input(
        &mut self,
        now: Now,
        actor: &CommunicationIdentifier,
        command: Command,
    ) -> Result<Reply, ChatError> {
        match self.reader(actor) {
            Err(ChatError::ThreadDeleted) if matches!(command, Command::DeleteThread) => {
                return Ok(Reply::Done);
            }
            Err(error) => return Err(error),
            Ok(_) => {}
        }
        match command {
            Command::AddMembers { members } => self.add_members(now, actor, members),
            Command::DeleteMessage { message } => self.delete_message(now, actor, message),
            Command::DeleteThread => Ok(self.delete(now, actor)),
            Command::EditMessage { message, content, metadata } => {
                self.edit_message(now, actor, message, content, metadata)
            }
            Command::RemoveMember { identifier } => Ok(self.remove_member(now, actor, &identifier)),
            Command::SendMessage { content, sender_display_name, metadata, client_message_id } => {
                let sender = Some(actor.clone());
                let envelope =
                    Envelope { sender, sender_display_name, metadata, client_message_id };
                self.send_message(now, actor, content, envelope)
            }
            Command::SendReadReceipt { message_id } => {
                self.send_read_receipt(now, actor, message_id)
            }
            Command::SendTyping { sender_display_name } => {
                self.send_typing(now, actor, sender_display_name)
            }
            Command::UpdateThread { topic, metadata, retention } => {
                self.update(now, actor, topic, metadata, retention)
            }
        }
    }

    /// Deletes the thread if its retention policy says so.
    pub fn handle_timeout(&mut self, now: Now) {
        if self.record.expires_on().is_some_and(|due| due <= now.wall) {
            self.expire(now);
        }
    }

    /// Takes the next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Returns when `handle_timeout` is due, by the wall clock; `None` if never.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.record.expires_on()
    }

    /// Returns what is durable about the thread.
    pub fn record(&self) -> &ThreadRecord {
        &self.record
    }

    /// Returns the member that a user is, if the user may read the thread.
    ///
    /// # Errors
    ///
    /// [`ChatError::NotMember`], [`ChatError::ThreadDeleted`].
    pub fn reader(&self, user: &CommunicationIdentifier) -> Result<&Member, ChatError> {
        let member = self.record.members.get(user).ok_or(ChatError::NotMember)?;
        match self.record.deleted_on {
            Some(_) => Err(ChatError::ThreadDeleted),
            None => Ok(member),
        }
    }

    /// Advances the thread's clock: to the wall clock, or by a millisecond if that is not ahead.
    fn stamp(&mut self, now: Now) -> Stamp {
        let wall_millis = u64::try_from(now.wall.as_unix_micros().div_euclid(1_000)).unwrap_or(0);
        let next_millis = self.record.last_version.as_millis().saturating_add(1);
        let stamp = if wall_millis >= next_millis {
            Stamp { version: MessageId::from_millis(wall_millis), time: now.wall }
        } else {
            let version = MessageId::from_millis(next_millis);
            Stamp { version, time: version.time() }
        };
        self.record.last_version = stamp.version;
        stamp
    }

    /// Makes the next message of the thread.
    fn append(&mut self, stamp: Stamp, content: MessageContent, envelope: Envelope) -> Message {
        let sequence = self.record.next_sequence;
        self.record.next_sequence = sequence.saturating_add(1);
        // That somebody went is no news of the thread to those who list theirs.
        if !matches!(content, MessageContent::ParticipantRemoved { .. }) {
            self.record.last_message_received_on = Some(stamp.time);
        }
        Message {
            id: stamp.version,
            thread_id: self.record.id.clone(),
            sequence,
            version: stamp.version,
            content,
            sender: envelope.sender,
            sender_display_name: envelope.sender_display_name,
            created_on: stamp.time,
            edited_on: None,
            deleted_on: None,
            metadata: envelope.metadata,
            client_message_id: envelope.client_message_id,
        }
    }

    fn store(&mut self, change: Change) {
        self.outputs.push_back(Output::Store(change));
    }

    fn store_progress(&mut self) {
        self.store(Change::AdvanceThread(ThreadProgress {
            next_sequence: self.record.next_sequence,
            last_version: self.record.last_version,
            last_message_received_on: self.record.last_message_received_on,
        }));
    }

    fn publish(
        &mut self,
        stamp: Stamp,
        actor: &CommunicationIdentifier,
        recipients: Vec<CommunicationIdentifier>,
        kind: ChatEventKind,
    ) {
        // Whoever leaves is no member any more.
        let member = self.record.members.get(actor).or_else(|| match &kind {
            ChatEventKind::ParticipantsRemoved { removed } => {
                removed.iter().find(|member| member.identifier == *actor)
            }
            ChatEventKind::MessageDeleted(_)
            | ChatEventKind::MessageEdited(_)
            | ChatEventKind::MessageReceived(_)
            | ChatEventKind::ParticipantsAdded { .. }
            | ChatEventKind::ReadReceiptSent { .. }
            | ChatEventKind::ThreadCreated { .. }
            | ChatEventKind::ThreadDeleted { .. }
            | ChatEventKind::ThreadPropertiesUpdated { .. }
            | ChatEventKind::TypingStarted { .. } => None,
        });
        self.outputs.push_back(Output::Publish(ChatEvent {
            thread_id: self.record.id.clone(),
            version: stamp.version,
            time: stamp.time,
            actor: actor.clone(),
            actor_display_name: member.and_then(|member| member.display_name.clone()),
            recipients,
            kind,
        }));
    }

    fn everybody(&self) -> Vec<CommunicationIdentifier> {
        self.record.members.keys().cloned().collect()
    }

    fn those_who_see(&self, message: &Message) -> Vec<CommunicationIdentifier> {
        let members = self.record.members.values();
        let seeing = members.filter(|member| message.is_visible_to(member));
        seeing.map(|member| member.identifier.clone()).collect()
    }
}

impl fmt::Debug for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Thread")
            .field("record", &self.record)
            .field("outputs", &self.outputs.len())
            .finish_non_exhaustive()
    }
}
