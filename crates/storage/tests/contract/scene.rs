//! A thread of chat over a store: commands go through the real machine, and what it wants stored is
//! committed.

use std::time::Duration;

use trunkline_chat::{
    ChatEvent, Command, CreateThread, Limits, Message, MessageId, Metadata, MetadataPatch,
    NewContent, NewMember, Output, Reply, Thread, ThreadRecord,
};
use trunkline_clock::{Timestamp, VirtualClock};
use trunkline_ids::{CommunicationIdentifier, ThreadId};
use trunkline_storage::{ChatStore, ChatUnit, RepeatabilityRecord, Store, StoreError};

/// A thread, its clock, and all that was committed of it.
pub(crate) struct Scene<'a, S> {
    store: &'a S,
    pub(crate) clock: VirtualClock,
    thread: Thread,
    /// Every event with its place, recipients included.
    pub(crate) events: Vec<(u64, ChatEvent)>,
}

impl<'a, S: Store> Scene<'a, S> {
    /// Alice creates a thread with others.
    pub(crate) async fn create(store: &'a S, id: &str, others: &[&str]) -> Self {
        let clock = VirtualClock::default();
        let members = others.iter().map(|name| NewMember::new(user(name))).collect();
        let request =
            CreateThread { topic: format!("about {id}"), members, ..CreateThread::default() };
        let (thread, _) =
            Thread::create(clock.now(), thread_id(id), &user("alice"), request, Limits::default())
                .unwrap();
        let mut scene = Self { store, clock, thread, events: Vec::new() };
        scene.commit(None).await.unwrap();
        scene
    }

    /// Takes a thread up where a store has it.
    pub(crate) fn resume(store: &'a S, record: ThreadRecord) -> Self {
        let mut clock = VirtualClock::default();
        clock.advance(Duration::from_secs(1));
        let thread = Thread::restore(record, Limits::default());
        Self { store, clock, thread, events: Vec::new() }
    }

    /// Has somebody do something, a second later, and commits it.
    pub(crate) async fn act(&mut self, who: &str, command: Command) -> Reply {
        self.clock.advance(Duration::from_secs(1));
        let reply = self.thread.handle_input(self.clock.now(), &user(who), command).unwrap();
        self.commit(None).await.unwrap();
        reply
    }

    /// Has somebody try something that the machine may refuse; commits it if it does not.
    pub(crate) async fn attempt(&mut self, who: &str, command: Command) -> Option<Reply> {
        self.clock.advance(Duration::from_secs(1));
        let reply = self.thread.handle_input(self.clock.now(), &user(who), command).ok()?;
        self.commit(None).await.unwrap();
        Some(reply)
    }

    pub(crate) async fn send(&mut self, who: &str, text: &str) -> MessageId {
        match self.act(who, say(text)).await {
            Reply::MessageSent(id) => id,
            other => panic!("not sent: {other:?}"),
        }
    }

    pub(crate) async fn edit(&mut self, who: &str, id: MessageId, text: &str) {
        let message = self.stored(id).await;
        let content = Some(text.to_owned());
        let _ = self
            .act(who, Command::EditMessage { message, content, metadata: MetadataPatch::Keep })
            .await;
    }

    pub(crate) async fn add(&mut self, who: &str, member: NewMember) {
        let _ = self.act(who, Command::AddMembers { members: vec![member] }).await;
    }

    pub(crate) async fn remove(&mut self, who: &str, name: &str) {
        let _ = self.act(who, Command::RemoveMember { identifier: user(name) }).await;
    }

    /// Sends a message as a request that may be repeated.
    pub(crate) async fn send_once(
        &mut self,
        who: &str,
        text: &str,
        record: RepeatabilityRecord,
    ) -> Result<Vec<u64>, StoreError> {
        self.clock.advance(Duration::from_secs(1));
        let _ = self.thread.handle_input(self.clock.now(), &user(who), say(text)).unwrap();
        self.commit(Some(record)).await
    }

    pub(crate) fn id(&self) -> &ThreadId {
        &self.thread.record().id
    }

    pub(crate) fn record(&self) -> &ThreadRecord {
        self.thread.record()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now().wall
    }

    pub(crate) async fn stored(&self, id: MessageId) -> Message {
        self.store.message(self.id(), id).await.unwrap().unwrap()
    }

    /// Commits what the machine wants stored, as one unit.
    async fn commit(
        &mut self,
        repeatability: Option<RepeatabilityRecord>,
    ) -> Result<Vec<u64>, StoreError> {
        let unit = unit(&mut self.thread, repeatability);
        let events = unit.events.clone();
        let places = self.store.commit(unit).await?;
        assert_eq!(places.len(), events.len(), "one place for each event");
        self.events.extend(places.iter().copied().zip(events));
        Ok(places)
    }
}

/// Drains a machine into a unit.
pub(crate) fn unit(thread: &mut Thread, repeatability: Option<RepeatabilityRecord>) -> ChatUnit {
    let (mut changes, mut events) = (Vec::new(), Vec::new());
    while let Some(output) = thread.poll_output() {
        match output {
            Output::Publish(event) if event.kind.is_durable() => events.push(event),
            Output::Publish(_) => {}
            Output::Store(change) => changes.push(change),
        }
    }
    ChatUnit { thread_id: thread.record().id.clone(), changes, events, repeatability }
}

pub(crate) fn say(text: &str) -> Command {
    Command::SendMessage {
        content: NewContent::Text(text.to_owned()),
        sender_display_name: None,
        metadata: Metadata::new(),
        client_message_id: None,
    }
}

pub(crate) fn user(name: &str) -> CommunicationIdentifier {
    format!("8:acs:contoso_{name}").parse().unwrap()
}

pub(crate) fn thread_id(name: &str) -> ThreadId {
    format!("19:{name}@thread.v2").parse().unwrap()
}

/// Everything that a user was told, page by page.
pub(crate) async fn whole_feed(
    store: &impl ChatStore,
    name: &str,
    mut cursor: u64,
    page: usize,
) -> Vec<(u64, ChatEvent)> {
    let mut feed = Vec::new();
    loop {
        let entries = store.feed_after(&user(name), cursor, page).await.unwrap();
        let Some(last) = entries.last() else {
            return feed;
        };
        cursor = last.seq;
        feed.extend(entries.into_iter().map(|entry| (entry.seq, entry.event)));
    }
}
