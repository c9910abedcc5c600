//! A thread, a clock, a store that applies the changes, and every event told so far.

use std::{collections::BTreeMap, time::Duration};

use trunkline_chat::{
    Change, ChatError, ChatEvent, ChatEventKind, Command, CreateThread, CreateThreadError, Denial,
    InvalidMember, Limits, Message, MessageId, Metadata, MetadataPatch, NewContent, NewMember,
    Output, Reply, Thread, ThreadRecord,
};
use trunkline_clock::{Timestamp, VirtualClock};
use trunkline_ids::{CommunicationIdentifier, DisplayName};

pub(crate) struct Scene {
    pub(crate) clock: VirtualClock,
    pub(crate) thread: Thread,
    pub(crate) stored: ThreadRecord,
    pub(crate) messages: BTreeMap<MessageId, Message>,
    pub(crate) events: Vec<ChatEvent>,
    pub(crate) changes: Vec<Change>,
}

impl Scene {
    /// Alice creates a thread with others.
    pub(crate) fn with(others: &[&str]) -> Self {
        Self::limited(others, Limits::default())
    }

    pub(crate) fn limited(others: &[&str], limits: Limits) -> Self {
        let members = others.iter().map(|name| NewMember::new(user(name))).collect();
        Self::create(CreateThread { members, ..request("harbor") }, limits).unwrap().0
    }

    pub(crate) fn create(
        request: CreateThread,
        limits: Limits,
    ) -> Result<(Self, Vec<InvalidMember>), CreateThreadError> {
        let clock = VirtualClock::default();
        let id = "19:harbor@thread.v2".parse().unwrap();
        let (thread, outcome) = Thread::create(clock.now(), id, &user("alice"), request, limits)?;
        let stored = thread.record().clone();
        let mut scene = Self {
            clock,
            thread,
            stored,
            messages: BTreeMap::new(),
            events: Vec::new(),
            changes: Vec::new(),
        };
        scene.stored.members.clear();
        scene.drain();
        Ok((scene, outcome.invalid))
    }

    pub(crate) fn act(&mut self, who: &str, command: Command) -> Result<Reply, ChatError> {
        self.act_as(&user(who), command)
    }

    pub(crate) fn act_as(
        &mut self,
        actor: &CommunicationIdentifier,
        command: Command,
    ) -> Result<Reply, ChatError> {
        let before = (self.events.len(), self.thread.record().clone());
        let result = self.thread.handle_input(self.clock.now(), actor, command);
        self.drain();
        if result.is_err() {
            let after = (self.events.len(), self.thread.record().clone());
            assert_eq!(before, after, "a refused command did something");
        }
        result
    }

    /// Lets time pass, the timer included.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.clock.advance(time);
        if self.thread.poll_timeout().is_some_and(|due| due <= self.clock.now().wall) {
            self.thread.handle_timeout(self.clock.now());
        }
        self.drain();
    }

    pub(crate) fn send(&mut self, who: &str, text: &str) -> MessageId {
        self.send_content(who, NewContent::Text(text.to_owned()))
    }

    pub(crate) fn send_html(&mut self, who: &str, html: &str) -> MessageId {
        self.send_content(who, NewContent::Html(html.to_owned()))
    }

    pub(crate) fn send_content(&mut self, who: &str, content: NewContent) -> MessageId {
        match self.act(who, say(content)) {
            Ok(Reply::MessageSent(id)) => id,
            other => panic!("not sent: {other:?}"),
        }
    }

    pub(crate) fn edit(
        &mut self,
        who: &str,
        id: MessageId,
        text: &str,
    ) -> Result<Reply, ChatError> {
        let (message, content) = (self.message(id), Some(text.to_owned()));
        self.act(who, Command::EditMessage { message, content, metadata: MetadataPatch::Keep })
    }

    pub(crate) fn delete(&mut self, who: &str, id: MessageId) -> Result<Reply, ChatError> {
        let message = self.message(id);
        self.act(who, Command::DeleteMessage { message })
    }

    pub(crate) fn add(&mut self, who: &str, members: Vec<NewMember>) -> Vec<InvalidMember> {
        match self.act(who, Command::AddMembers { members }) {
            Ok(Reply::MembersAdded { invalid }) => invalid,
            other => panic!("not added: {other:?}"),
        }
    }

    pub(crate) fn remove(&mut self, who: &str, whom: &str) {
        let identifier = user(whom);
        assert_eq!(self.act(who, Command::RemoveMember { identifier }), Ok(Reply::Done));
    }

    pub(crate) fn message(&self, id: MessageId) -> Message {
        self.messages[&id].clone()
    }

    pub(crate) fn by_sequence(&self, sequence: u64) -> &Message {
        self.messages.values().find(|message| message.sequence == sequence).unwrap()
    }

    pub(crate) fn last_event(&self) -> &ChatEvent {
        self.events.last().unwrap()
    }

    pub(crate) fn last_kind(&self) -> &ChatEventKind {
        &self.last_event().kind
    }

    /// The members by the last part of their ids.
    pub(crate) fn roster(&self) -> Vec<String> {
        self.thread.record().members.keys().map(name_of).collect()
    }

    /// Commits what is to be stored and tells what is to be told, as a driver does.
    fn drain(&mut self) {
        let mut is_told = false;
        while let Some(output) = self.thread.poll_output() {
            match output {
                Output::Publish(event) => {
                    is_told = true;
                    self.events.push(event);
                }
                Output::Store(change) => {
                    assert!(!is_told, "changes come before the events that tell them");
                    self.apply(change.clone());
                    self.changes.push(change);
                }
            }
        }
        assert_eq!(&self.stored, self.thread.record(), "the changes give the record");
    }

    fn apply(&mut self, change: Change) {
        let stored = &mut self.stored;
        match change {
            Change::AdvanceThread(progress) => {
                stored.next_sequence = progress.next_sequence;
                stored.last_version = progress.last_version;
                stored.last_message_received_on = progress.last_message_received_on;
            }
            Change::DeleteThread(header) | Change::PutThread(header) => {
                let members = std::mem::take(&mut stored.members);
                let receipts = std::mem::take(&mut stored.receipts);
                *stored = header.into_record(members.into_values(), receipts.into_values());
            }
            Change::PutMember(member) => {
                stored.members.insert(member.identifier.clone(), member);
            }
            Change::PutMessage(message) => {
                self.messages.insert(message.id, message);
            }
            Change::PutReceipt(receipt) => {
                stored.receipts.insert(receipt.reader.clone(), receipt);
            }
            Change::RemoveMember(identifier) => {
                stored.members.remove(&identifier);
                stored.receipts.remove(&identifier);
            }
        }
    }
}

pub(crate) fn user(name: &str) -> CommunicationIdentifier {
    format!("8:acs:contoso_{name}").parse().unwrap()
}

pub(crate) fn id(raw: &str) -> CommunicationIdentifier {
    raw.parse().unwrap()
}

pub(crate) fn name_of(identifier: &CommunicationIdentifier) -> String {
    identifier.to_string().rsplit('_').next().unwrap().to_owned()
}

pub(crate) fn names_of(identifiers: &[CommunicationIdentifier]) -> Vec<String> {
    identifiers.iter().map(name_of).collect()
}

pub(crate) fn display(name: &str) -> Option<DisplayName> {
    Some(name.parse().unwrap())
}

pub(crate) fn request(topic: &str) -> CreateThread {
    CreateThread { topic: topic.to_owned(), ..CreateThread::default() }
}

pub(crate) fn member(name: &str) -> NewMember {
    NewMember::new(user(name))
}

pub(crate) fn sharing_since(name: &str, time: Timestamp) -> NewMember {
    NewMember { share_history_time: Some(time), ..member(name) }
}

pub(crate) fn denied(name: &str) -> NewMember {
    NewMember { denial: Some(denial()), ..member(name) }
}

pub(crate) fn denial() -> Denial {
    Denial { code: "403".to_owned(), message: "Federation is off: turn it on.".to_owned() }
}

pub(crate) fn say(content: NewContent) -> Command {
    Command::SendMessage {
        content,
        sender_display_name: None,
        metadata: Metadata::new(),
        client_message_id: None,
    }
}

pub(crate) fn text(text: &str) -> Command {
    say(NewContent::Text(text.to_owned()))
}

pub(crate) fn topic(topic: &str) -> Command {
    Command::UpdateThread {
        topic: Some(topic.to_owned()),
        metadata: MetadataPatch::Keep,
        retention: None,
    }
}

pub(crate) fn metadata(length: usize) -> Metadata {
    Metadata::from([("k".to_owned(), "v".repeat(length - 1))])
}
