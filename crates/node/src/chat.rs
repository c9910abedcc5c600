//! Chat: one task per thread that is in use, and a feed to those who are told.
//!
//! A method checks what the token allows; the thread's task checks policies and asks the core. What
//! a method returns is durable by then. A future of this module that is dropped may or may not have
//! its effect, as a whole.

mod admission;
mod archive;
mod create;
mod failure;
mod feed;
mod movement;
mod request;
mod retention;
mod subscription;
mod thread_task;
mod threads;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, oneshot};
use trunkline_chat::{
    ChatError, Command, CreateThread, InvalidMember, Limits, Member, Message, MessageId, NewMember,
    ReadReceipt, Reply, ThreadHeader, ThreadRecord,
};
use trunkline_clock::Timestamp;
use trunkline_ids::{CommunicationIdentifier, ThreadId};
use trunkline_interop::ThreadRoster;
use trunkline_policy::Right;
use trunkline_storage::{PageQuery, ThreadPosition, ThreadSummary, ThreadsQuery};

use crate::base::Base;
use crate::chat::thread_task::{Ask, Asked, Reading, ThreadMessage};
use crate::directory::Directory;
use crate::identity::Generations;
use crate::page::{Page, PageCursor};
use crate::repeatability::{Repeatability, RepeatableRequest, Repeated, Repeating};

pub use self::{
    archive::{ArchiveError, ImportedThread, ThreadExport, ThreadImport},
    failure::ChatFailure,
    request::{
        ChatActor, CreatedThread, EditMessage, MessageQuery, SendMessage, ThreadQuery, UpdateThread,
    },
    subscription::{ChatSubscription, FeedItem, SubscriptionEnd},
};
pub(crate) use self::{
    feed::Feed,
    movement::{Direction, Movement},
    threads::Threads,
};

/// How chat behaves.
#[derive(Clone, Debug)]
pub struct ChatConfig {
    /// What a thread may hold.
    pub limits: Limits,
    /// How long a thread that nobody uses stays in memory. Longer saves reads of the store, at some
    /// 50 KB for a thread of 250.
    pub idle_after: Duration,
    /// How often threads are looked for whose retention has ended, and events that are too old.
    pub sweep_interval: Duration,
    /// How long events are kept for those who are away.
    pub feed_life: Duration,
}

impl Default for ChatConfig {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            idle_after: Duration::from_secs(60),
            sweep_interval: Duration::from_secs(60),
            feed_life: Duration::from_secs(7 * 24 * 60 * 60),
        }
    }
}

/// Chat on behalf of users. Clones are handles to the same.
#[derive(Clone)]
pub struct Chat {
    parts: Arc<Parts>,
}

/// What threads and their callers work with.
pub(crate) struct Parts {
    pub(crate) base: Base,
    pub(crate) config: ChatConfig,
    pub(crate) directory: Arc<Directory>,
    pub(crate) feed: Arc<Feed>,
    pub(crate) generations: Arc<Generations>,
    /// Who comes and goes, for the calls and meetings whose chats these are.
    pub(crate) movements: mpsc::UnboundedSender<Movement>,
    pub(crate) repeatability: Repeatability,
    pub(crate) threads: Arc<Threads>,
}

impl fmt::Debug for Chat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chat").finish_non_exhaustive()
    }
}

impl Chat {
    pub(crate) fn start(parts: Parts) -> Self {
        let parts = Arc::new(parts);
        parts.base.tasks.spawn(retention::run(Arc::clone(&parts)));
        parts.base.tasks.spawn(feed::fill_gaps(Arc::clone(&parts)));
        Self { parts }
    }

    /// Creates a thread. Members whom a policy denies are named in the answer; when it denies
    /// everybody who is named, the thread is not created.
    pub async fn create_thread(
        &self,
        actor: &ChatActor,
        request: CreateThread,
        repeatability: Option<RepeatableRequest>,
    ) -> Result<CreatedThread, ChatFailure> {
        actor.require(Right::ChangeThreads)?;
        let (parts, creator) = (Arc::clone(&self.parts), actor.identifier.clone());
        let work =
            async move { create::create(&parts, creator, request, None, repeatability).await };
        self.parts.base.complete(work).await
    }

    /// Creates the thread of a call under an id that the call has given it.
    pub(crate) async fn create_thread_as(
        &self,
        id: ThreadId,
        creator: CommunicationIdentifier,
        request: CreateThread,
    ) -> Result<CreatedThread, ChatFailure> {
        let parts = Arc::clone(&self.parts);
        let work = async move { create::create(&parts, creator, request, Some(id), None).await };
        self.parts.base.complete(work).await
    }

    /// Returns who is in a thread, to a member.
    pub(crate) async fn roster(
        &self,
        actor: &ChatActor,
        thread: &ThreadId,
    ) -> Result<ThreadRoster, ChatFailure> {
        let limit = self.parts.config.limits.members;
        let members = self.read(actor, thread, |record, _| {
            refuse_deleted(record)?;
            Ok(record.members.keys().cloned().collect())
        });
        Ok(ThreadRoster { members: members.await?, limit })
    }

    /// Deletes a thread for everybody; fine when it is deleted already.
    pub async fn delete_thread(
        &self,
        actor: &ChatActor,
        thread: &ThreadId,
    ) -> Result<(), ChatFailure> {
        self.change(actor, Right::ChangeThreads, thread, Ask::Command(Command::DeleteThread)).await
    }

    /// Sets properties of a thread.
    pub async fn update_thread(
        &self,
        actor: &ChatActor,
        thread: &ThreadId,
        request: UpdateThread,
    ) -> Result<(), ChatFailure> {
        let UpdateThread { topic, metadata, retention } = request;
        let command = Command::UpdateThread { topic, metadata, retention };
        self.change(actor, Right::ChangeThreads, thread, Ask::Command(command)).await
    }

    /// Returns a thread; one that is deleted says so.
    pub async fn thread(
        &self,
        actor: &ChatActor,
        thread: &ThreadId,
    ) -> Result<ThreadHeader, ChatFailure> {
        self.read(actor, thread, |record, _| Ok(record.header())).await
    }

    /// Lists the threads that the actor is in, newest first, the deleted ones included.
    pub async fn threads(
        &self,
        actor: &ChatActor,
        query: ThreadQuery,
    ) -> Result<Page<ThreadSummary>, ChatFailure> {
        actor.require(Right::UseMessages)?;
        let limit = page_limit(query.limit);
        let query = ThreadsQuery {
            after: query.after.map(|PageCursor(place)| ThreadPosition(place)),
            since: query.since,
            limit: limit + 1,
        };
        let threads = self.parts.base.store.threads_of(&actor.identifier, query).await?;
        Ok(Page::cut(threads, limit, |thread| thread.position.0))
    }

    /// Sends a message.
    pub async fn send_message(
        &self,
        actor: &ChatActor,
        thread: &ThreadId,
        message: SendMessage,
    ) -> Result<MessageId, ChatFailure> {
        actor.require(Right::UseMessages)?;
        let SendMessage {
            content,
            sender_display_name,
            metadata,
            client_message_id,
            repeatability,
        } = message;
        let scope = || format!("chat/send/{thread}/{}", actor.identifier);
        let repeating = match self.parts.begin(scope, repeatability).await? {
            Begun::Answered(message_id) => return Ok(message_id),
            Begun::First(repeating) => repeating,
        };
        let command =
            Command::SendMessage { content, sender_display_name, metadata, client_message_id };
        match self.ask(actor, thread, Ask::Command(command), repeating).await? {
            Reply::MessageSent(message_id) => Ok(message_id),
            Reply::Done | Reply::MembersAdded { .. } => {
                unreachable!("a message that is sent has an id")
            }
        }
    }

    /// Changes a message of the actor's own.
    pub async fn edit_message(
        &self,
        actor: &ChatActor,
        thread: &ThreadId,
        message_id: MessageId,
        edit: EditMessage,
    ) -> Result<(), ChatFailure> {
        let ask = Ask::EditMessage { message_id, edit };
        self.change(actor, Right::UseMessages, thread, ask).await
    }

    /// Takes back a message of the actor's own; fine when it is deleted already.
    pub async fn delete_message(
        &self,
        actor: &ChatActor,
        thread: &ThreadId,
        message_id: MessageId,
    ) -> Result<(), ChatFailure> {
        let ask = Ask::DeleteMessage { message_id };
        self.change(actor, Right::UseMessages, thread, ask).await
    }

    /// Returns a message that the actor may see.
    pub async fn message(
        &self,
        actor: &ChatActor,
        thread: &ThreadId,
        message_id: MessageId,
    ) -> Result<Message, ChatFailure> {
        let visible_since = self.visible_since(actor, thread).await?;
        let message = self.parts.base.store.message(thread, message_id).await?;
        message
            .filter(|message| message.created_on >= visible_since)
            .ok_or(ChatFailure::Refused(ChatError::MessageNotFound { message_id }))
    }

    /// Lists the messages that the actor may see, newest first.
    pub async fn messages(
        &self,
        actor: &ChatActor,
        thread: &ThreadId,
        query: MessageQuery,
    ) -> Result<Page<Message>, ChatFailure> {
        let visible_since = self.visible_since(actor, thread).await?;
        let limit = page_limit(query.limit);
        let query = PageQuery {
            before_sequence: query.after.map(|PageCursor(place)| place),
            since: query.since,
            visible_since,
            limit: limit + 1,
        };
        let messages = self.parts.base.store.messages(thread, query).await?;
        Ok(Page::cut(messages, limit, |message| message.sequence))
    }

    /// Lists the members of a thread, without the first `skip`.
    pub async fn members(
        &self,
        actor: &ChatActor,
        thread: &ThreadId,
        skip: usize,
        limit: usize,
    ) -> Result<Page<Member>, ChatFailure> {
        self.read(actor, thread, move |record, _| {
            refuse_deleted(record)?;
            Ok(part(record.members.values(), skip, limit))
        })
        .await
    }

    /// Adds members, or changes what is known of members; returns who was not added, and why. When
    /// a policy denies everybody who is named, that is a failure.
    pub async fn add_members(
        &self,
        actor: &ChatActor,
        thread: &ThreadId,
        members: Vec<NewMember>,
    ) -> Result<Vec<InvalidMember>, ChatFailure> {
        actor.require(Right::ChangeParticipants)?;
        match self.ask(actor, thread, Ask::AddMembers { members }, None).await? {
            Reply::MembersAdded { invalid } => Ok(invalid),
            Reply::Done => Ok(Vec::new()),
            Reply::MessageSent(_) => unreachable!("adding members sends nothing"),
        }
    }

    /// Removes a member, or the actor itself.
    pub async fn remove_member(
        &self,
        actor: &ChatActor,
        thread: &ThreadId,
        identifier: CommunicationIdentifier,
    ) -> Result<(), ChatFailure> {
        let command = Command::RemoveMember { identifier };
        self.change(actor, Right::ChangeParticipants, thread, Ask::Command(command)).await
    }

    /// Says that the actor writes.
    pub async fn send_typing(
        &self,
        actor: &ChatActor,
        thread: &ThreadId,
        sender_display_name: Option<trunkline_ids::DisplayName>,
    ) -> Result<(), ChatFailure> {
        let command = Command::SendTyping { sender_display_name };
        self.change(actor, Right::UseMessages, thread, Ask::Command(command)).await
    }

    /// Says how far the actor has read.
    pub async fn send_read_receipt(
        &self,
        actor: &ChatActor,
        thread: &ThreadId,
        message_id: MessageId,
    ) -> Result<(), ChatFailure> {
        // The core takes our word for it that the message is there to be read.
        self.message(actor, thread, message_id).await?;
        let command = Command::SendReadReceipt { message_id };
        self.change(actor, Right::UseMessages, thread, Ask::Command(command)).await
    }

    /// Lists how far each member has read, without the first `skip`.
    pub async fn read_receipts(
        &self,
        actor: &ChatActor,
        thread: &ThreadId,
        skip: usize,
        limit: usize,
    ) -> Result<Page<ReadReceipt>, ChatFailure> {
        self.read(actor, thread, move |record, _| {
            refuse_deleted(record)?;
            Ok(part(record.receipts.values(), skip, limit))
        })
        .await
    }

    /// Subscribes to what the actor is told: after a place in the feed, or from here on.
    pub async fn subscribe(
        &self,
        actor: &ChatActor,
        from: Option<u64>,
    ) -> Result<ChatSubscription, ChatFailure> {
        actor.require(Right::UseMessages)?;
        subscription::open(Arc::clone(&self.parts), actor, from).await
    }

    async fn change(
        &self,
        actor: &ChatActor,
        right: Right,
        thread: &ThreadId,
        ask: Ask,
    ) -> Result<(), ChatFailure> {
        actor.require(right)?;
        self.ask(actor, thread, ask, None).await.map(drop)
    }

    async fn ask(
        &self,
        actor: &ChatActor,
        thread: &ThreadId,
        ask: Ask,
        repeating: Option<Repeating>,
    ) -> Result<Reply, ChatFailure> {
        let (reply, answer) = oneshot::channel();
        let ChatActor { identifier, is_roster, .. } = actor;
        let (actor, is_roster) = (identifier.clone(), *is_roster);
        let asked = Asked { actor, is_roster, ask, repeating, reply };
        self.parts.send(thread, ThreadMessage::Ask(Box::new(asked)))?;
        answer.await.unwrap_or(Err(ChatFailure::ShuttingDown))
    }

    /// Looks at a thread that the actor is a member of, at no moment in which what it sees could
    /// still be undone.
    async fn read<T: Send + 'static>(
        &self,
        actor: &ChatActor,
        thread: &ThreadId,
        look: impl FnOnce(&ThreadRecord, &Member) -> Result<T, ChatFailure> + Send + 'static,
    ) -> Result<T, ChatFailure> {
        actor.require(Right::UseMessages)?;
        let (reply, answer) = oneshot::channel();
        let reading = Reading::new(actor.identifier.clone(), look, reply);
        self.parts.send(thread, ThreadMessage::Read(Box::new(reading)))?;
        answer.await.unwrap_or(Err(ChatFailure::ShuttingDown))
    }

    async fn visible_since(
        &self,
        actor: &ChatActor,
        thread: &ThreadId,
    ) -> Result<Timestamp, ChatFailure> {
        self.read(actor, thread, |record, member| {
            refuse_deleted(record)?;
            Ok(member.share_history_time)
        })
        .await
    }
}

/// What came of asking whether a request was carried out before.
enum Begun<T> {
    /// It was, with this answer.
    Answered(T),
    /// It was not, or cannot be repeated.
    First(Option<Repeating>),
}

impl Parts {
    async fn begin<T: DeserializeOwned>(
        &self,
        scope: impl FnOnce() -> String,
        request: Option<RepeatableRequest>,
    ) -> Result<Begun<T>, ChatFailure> {
        let Some(request) = request else {
            return Ok(Begun::First(None));
        };
        match self.repeatability.begin(scope(), request).await? {
            Repeated::Differently => Err(ChatFailure::RepeatedDifferently),
            Repeated::First(repeating) => Ok(Begun::First(Some(repeating))),
            Repeated::Stored(response) => {
                let answer = serde_json::from_slice(&response.body);
                // Written by this version or an earlier one; what it cannot read is used up.
                answer.map(Begun::Answered).map_err(|_| ChatFailure::RepeatedDifferently)
            }
            Repeated::TooSoon => Err(ChatFailure::RepeatedTooSoon { retry_after: REPEAT_AFTER }),
        }
    }
}

fn refuse_deleted(record: &ThreadRecord) -> Result<(), ChatFailure> {
    match record.deleted_on {
        Some(_) => Err(ChatFailure::Refused(ChatError::ThreadDeleted)),
        None => Ok(()),
    }
}

fn part<'a, T: Clone + 'a>(
    all: impl ExactSizeIterator<Item = &'a T>,
    skip: usize,
    limit: usize,
) -> Page<T> {
    let end = skip.saturating_add(page_limit(limit));
    let next = (end < all.len()).then_some(PageCursor(end as u64));
    Page { items: all.skip(skip).take(page_limit(limit)).cloned().collect(), next }
}

fn page_limit(limit: usize) -> usize {
    limit.clamp(1, PAGE_LIMIT)
}

/// [Documented](https://learn.microsoft.com/azure/communication-services/concepts/service-limits):
/// 200 messages a page; members are up to 250.
const PAGE_LIMIT: usize = 250;

/// The same request is under way: a commit takes milliseconds.
const REPEAT_AFTER: Duration = Duration::from_secs(1);
