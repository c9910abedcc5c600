//! One thread in use: a task that owns the core, commits what it decides, and tells it.
//!
//! While a commit is under way, the next commands are decided already: they gather in units behind
//! it, each of which is committed as one when the one before it has lasted. A commit that fails takes
//! all units behind it with it, and the core, which is ahead of the store, is loaded anew. Nobody is
//! answered before what the answer rests on has lasted, not even with a refusal.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use trunkline_chat::{
    Change, ChatError, ChatEvent, Command, Member, Message, MessageId, NewMember, Output, Reply,
    Thread, ThreadRecord,
};
use trunkline_ids::{CommunicationIdentifier, ThreadId};
use trunkline_storage::{ChatUnit, RepeatabilityRecord, StoreError};

use crate::chat::{ChatFailure, EditMessage, Movement, Parts, admission};
use crate::repeatability::Repeating;

/// What a thread's task is sent.
pub(super) enum ThreadMessage {
    /// Somebody wants something done.
    Ask(Box<Asked>),
    /// The retention may have ended.
    Expire,
    /// The store was written past the task.
    Forget,
    /// Somebody wants to look at the thread.
    Read(Box<dyn Read>),
}

/// A command with who is to be answered.
pub(super) struct Asked {
    pub(super) actor: CommunicationIdentifier,
    /// Whether it is a call's or a meeting's own doing.
    pub(super) is_roster: bool,
    pub(super) ask: Ask,
    pub(super) repeating: Option<Repeating>,
    pub(super) reply: oneshot::Sender<Result<Reply, ChatFailure>>,
}

/// A command, as far as it can be made without the thread.
#[expect(clippy::large_enum_variant, reason = "it is boxed as a part of what is asked")]
pub(super) enum Ask {
    AddMembers { members: Vec<NewMember> },
    Command(Command),
    DeleteMessage { message_id: MessageId },
    EditMessage { message_id: MessageId, edit: EditMessage },
}

/// Looks at a thread, and answers once what it saw has lasted.
pub(super) trait Read: Send {
    fn look(&mut self, parts: &Parts, record: &ThreadRecord);

    fn settle(self: Box<Self>, lasting: Result<(), ChatFailure>);
}

/// A [`Read`] made from a closure.
pub(super) struct Reading<T, F> {
    actor: CommunicationIdentifier,
    look: Option<F>,
    seen: Option<Result<T, ChatFailure>>,
    reply: oneshot::Sender<Result<T, ChatFailure>>,
}

impl<T, F> Reading<T, F> {
    pub(super) fn new(
        actor: CommunicationIdentifier,
        look: F,
        reply: oneshot::Sender<Result<T, ChatFailure>>,
    ) -> Self {
        Self { actor, look: Some(look), seen: None, reply }
    }
}

impl<T, F> Read for Reading<T, F>
where
    T: Send,
    F: FnOnce(&ThreadRecord, &Member) -> Result<T, ChatFailure> + Send,
{
    fn look(&mut self, parts: &Parts, record: &ThreadRecord) {
        let Some(look) = self.look.take() else { return };
        self.seen = Some(match record.members.get(&self.actor) {
            Some(member) => look(record, member),
            None => Err(admission::refusal(parts, ChatError::NotMember, record, &self.actor)),
        });
    }

    fn settle(self: Box<Self>, lasting: Result<(), ChatFailure>) {
        let Self { seen, reply, .. } = *self;
        let answer = lasting.and_then(|()| seen.unwrap_or(Err(ChatFailure::NotFound)));
        // Whoever asked may have gone.
        let _ = reply.send(answer);
    }
}

/// The task.
pub(super) struct ThreadTask {
    parts: Arc<Parts>,
    id: ThreadId,
    messages: mpsc::Receiver<ThreadMessage>,
    /// The core, ahead of the store by the units below; `None` until it is needed.
    thread: Option<Thread>,
    /// The unit that is being committed.
    flight: Option<Flight>,
    /// Units that wait for it, each with what could be added to it before it goes.
    waiting: VecDeque<Unit>,
    /// A command that needs the store to be as the core is.
    blocked: Option<Box<Asked>>,
    /// Whether the queue is closed and empty.
    is_drained: bool,
}

/// What commands did that go into the store together.
#[derive(Default)]
struct Unit {
    changes: Vec<Change>,
    /// Where in `changes` the counters are that are set last.
    progress_at: Option<usize>,
    /// Whether somebody comes or goes in it. Once per unit: the store knows whom an event is for by
    /// who is there before and after.
    changes_members: bool,
    /// Whether calls and meetings are told who comes and goes in it.
    tells_rosters: bool,
    repeatability: Option<RepeatabilityRecord>,
    /// What happened, in order.
    told: Vec<Arc<ChatEvent>>,
    answers: Vec<Answer>,
}

/// A unit on its way.
struct Flight {
    commit: Pin<Box<dyn Future<Output = Result<Vec<u64>, StoreError>> + Send>>,
    tells_rosters: bool,
    told: Vec<Arc<ChatEvent>>,
    answers: Vec<Answer>,
}

/// Who is to be told what, when the unit has lasted.
enum Answer {
    Asked {
        outcome: Result<Reply, ChatFailure>,
        reply: oneshot::Sender<Result<Reply, ChatFailure>>,
        /// Held until the record of the answer is stored.
        repeating: Option<Repeating>,
    },
    Read(Box<dyn Read>),
}

impl ThreadTask {
    pub(super) fn new(
        parts: Arc<Parts>,
        id: ThreadId,
        messages: mpsc::Receiver<ThreadMessage>,
    ) -> Self {
        Self {
            parts,
            id,
            messages,
            thread: None,
            flight: None,
            waiting: VecDeque::new(),
            blocked: None,
            is_drained: false,
        }
    }

    /// Runs until nobody has used the thread for a while, or the node stops.
    pub(super) async fn run(mut self) {
        metrics::gauge!("trunkline_chat_threads").increment(1.0);
        let parts = Arc::clone(&self.parts);
        let idle_after = parts.config.idle_after;
        let mut used = Instant::now();
        let idle = tokio::time::sleep_until(used + idle_after);
        tokio::pin!(idle);
        loop {
            self.launch();
            if self.is_settled() {
                if let Some(asked) = self.blocked.take() {
                    self.handle(asked).await;
                    continue;
                }
                if self.is_drained {
                    break;
                }
                // Nothing is remembered of a thread that there is not: ids can be made up at will.
                if self.thread.is_none() && self.parts.threads.retire(&self.id, &self.messages) {
                    break;
                }
            }
            tokio::select! {
                biased;
                outcome = landing(&mut self.flight) => self.land(outcome),
                message = self.messages.recv(), if self.can_take() => {
                    used = Instant::now();
                    self.take(message).await;
                    while self.can_take()
                        && let Ok(message) = self.messages.try_recv()
                    {
                        self.take(Some(message)).await;
                    }
                }
                () = idle.as_mut(), if self.is_settled() => {
                    if used.elapsed() < idle_after {
                        idle.as_mut().reset(used + idle_after);
                    } else if self.parts.threads.retire(&self.id, &self.messages) {
                        break;
                    }
                }
                () = parts.base.stopping.cancelled(), if !self.messages.is_closed() => {
                    self.messages.close();
                }
            }
        }
        if self.is_drained {
            self.parts.threads.remove(&self.id);
        }
        metrics::gauge!("trunkline_chat_threads").decrement(1.0);
    }

    /// Returns whether the store is as the core is.
    fn is_settled(&self) -> bool {
        self.flight.is_none() && self.waiting.is_empty()
    }

    fn can_take(&self) -> bool {
        let answers: usize = self.waiting.iter().map(|unit| unit.answers.len()).sum();
        !self.is_drained && self.blocked.is_none() && answers < GATHER_LIMIT
    }

    async fn take(&mut self, message: Option<ThreadMessage>) {
        match message {
            Some(ThreadMessage::Ask(asked)) if asked.ask.needs_store() && !self.is_settled() => {
                self.blocked = Some(asked);
            }
            Some(ThreadMessage::Ask(asked)) => self.handle(asked).await,
            Some(ThreadMessage::Expire) => {
                if let Ok(mut thread) = self.load().await {
                    thread.handle_timeout(self.parts.base.clock.now());
                    self.drain(&mut thread, None, true);
                    self.thread = Some(thread);
                }
            }
            // What is not settled yet brings the core back as it is.
            Some(ThreadMessage::Forget) if self.is_settled() => self.thread = None,
            Some(ThreadMessage::Forget) => {}
            Some(ThreadMessage::Read(mut read)) => match self.load().await {
                Ok(thread) => {
                    read.look(&self.parts, thread.record());
                    self.thread = Some(thread);
                    self.answer(Answer::Read(read));
                }
                Err(failure) => read.settle(Err(failure)),
            },
            None => self.is_drained = true,
        }
    }

    /// Takes the core out to work with it, from the store if need be.
    async fn load(&mut self) -> Result<Thread, ChatFailure> {
        if let Some(thread) = self.thread.take() {
            return Ok(thread);
        }
        match self.parts.base.store.load_thread(&self.id).await? {
            Some(record) => Ok(Thread::restore(record, self.parts.config.limits.clone())),
            None => Err(ChatFailure::NotFound),
        }
    }

    async fn handle(&mut self, asked: Box<Asked>) {
        let Asked { actor, is_roster, ask, repeating, reply } = *asked;
        let mut thread = match self.load().await {
            Ok(thread) => thread,
            Err(failure) => {
                let _ = reply.send(Err(failure));
                return;
            }
        };
        let outcome = match ask.into_command(&self.parts, thread.record(), &actor).await {
            Ok(command) => thread
                .handle_input(self.parts.base.clock.now(), &actor, command)
                .map_err(|error| admission::refusal(&self.parts, error, thread.record(), &actor)),
            Err(failure) => Err(failure),
        };
        let record = match (&outcome, &repeating) {
            (Ok(Reply::MessageSent(id)), Some(repeating)) => {
                Some(self.parts.repeatability.record_json(repeating, id))
            }
            (Ok(_) | Err(_), _) => None,
        };
        self.drain(&mut thread, record, is_roster);
        self.thread = Some(thread);
        self.answer(Answer::Asked { outcome, reply, repeating });
    }

    /// Takes what the core wants stored and told into the last unit that waits.
    fn drain(
        &mut self,
        thread: &mut Thread,
        repeatability: Option<RepeatabilityRecord>,
        is_roster: bool,
    ) {
        let (mut changes, mut told) = (Vec::new(), Vec::new());
        while let Some(output) = thread.poll_output() {
            match output {
                Output::Publish(event) => told.push(Arc::new(event)),
                Output::Store(change) => changes.push(change),
            }
        }
        if changes.is_empty() && repeatability.is_none() {
            match self.last_told() {
                Some(behind) => behind.append(&mut told),
                None => told.iter().for_each(|event| self.parts.feed.publish_passing(event)),
            }
            return;
        }
        let changes_members = changes.iter().any(is_of_members);
        let has_place = |unit: &&mut Unit| {
            !(unit.changes_members && changes_members)
                && (unit.repeatability.is_none() || repeatability.is_none())
        };
        let unit = match self.waiting.back_mut().filter(has_place) {
            Some(unit) => unit,
            None => {
                self.waiting.push_back(Unit::default());
                self.waiting.back_mut().expect("one was put there")
            }
        };
        changes.into_iter().for_each(|change| unit.push(change));
        unit.changes_members |= changes_members;
        unit.tells_rosters |= changes_members && !is_roster;
        unit.told.append(&mut told);
        unit.repeatability = unit.repeatability.take().or(repeatability);
    }

    /// Gives an answer, or puts it behind what it rests on.
    fn answer(&mut self, answer: Answer) {
        let flight = self.flight.as_mut().map(|flight| &mut flight.answers);
        match self.waiting.back_mut().map(|unit| &mut unit.answers).or(flight) {
            Some(answers) => answers.push(answer),
            None => answer.settle(Ok(())),
        }
    }

    fn last_told(&mut self) -> Option<&mut Vec<Arc<ChatEvent>>> {
        let flight = self.flight.as_mut().map(|flight| &mut flight.told);
        self.waiting.back_mut().map(|unit| &mut unit.told).or(flight)
    }

    /// Has the store commit the next unit, unless one is under way.
    fn launch(&mut self) {
        if self.flight.is_some() {
            return;
        }
        let Some(unit) = self.waiting.pop_front() else { return };
        let Unit { changes, tells_rosters, repeatability, told, answers, .. } = unit;
        let durable = told.iter().filter(|event| event.kind.is_durable());
        let unit = ChatUnit {
            thread_id: self.id.clone(),
            changes,
            events: durable.map(|event| ChatEvent::clone(event)).collect(),
            repeatability,
        };
        let store = Arc::clone(&self.parts.base.store);
        let commit = Box::pin(async move { store.commit(unit).await });
        self.flight = Some(Flight { commit, tells_rosters, told, answers });
    }

    fn land(&mut self, outcome: Result<Vec<u64>, StoreError>) {
        let Some(Flight { tells_rosters, told, answers, .. }) = self.flight.take() else { return };
        match outcome {
            Ok(places) => {
                if tells_rosters {
                    told.iter().flat_map(|event| Movement::of(event)).for_each(|movement| {
                        // Nobody listens once the node stops.
                        let _ = self.parts.movements.send(movement);
                    });
                }
                let mut places = places.into_iter();
                for event in told {
                    match event.kind.is_durable() {
                        true => self.parts.feed.publish(places.next().map(|at| (at, event))),
                        false => self.parts.feed.publish_passing(&event),
                    }
                }
                answers.into_iter().for_each(|answer| answer.settle(Ok(())));
            }
            Err(error) => {
                tracing::warn!(thread = %self.id, %error, "a commit failed");
                metrics::counter!("trunkline_chat_commits_failed_total").increment(1);
                self.thread = None;
                let behind = self.waiting.drain(..).flat_map(|unit| unit.answers);
                for answer in answers.into_iter().chain(behind) {
                    answer.settle(Err(ChatFailure::Store(error.clone())));
                }
            }
        }
    }
}

impl Ask {
    /// Makes a command; the store is as the record is where that matters.
    async fn into_command(
        self,
        parts: &Parts,
        record: &ThreadRecord,
        actor: &CommunicationIdentifier,
    ) -> Result<Command, ChatFailure> {
        match self {
            Self::AddMembers { mut members } => {
                let present: Vec<_> = record.members.keys().collect();
                admission::judge(&parts.directory.policy(), actor, &mut members, &present);
                Ok(Command::AddMembers { members })
            }
            Self::Command(command) => Ok(command),
            Self::DeleteMessage { message_id } => {
                let message = stored(parts, record, actor, message_id).await?;
                Ok(Command::DeleteMessage { message })
            }
            Self::EditMessage { message_id, edit: EditMessage { content, metadata } } => {
                let message = stored(parts, record, actor, message_id).await?;
                Ok(Command::EditMessage { message, content, metadata })
            }
        }
    }

    /// Returns whether the store must be as the core is before it can become a command.
    fn needs_store(&self) -> bool {
        match self {
            Self::DeleteMessage { .. } | Self::EditMessage { .. } => true,
            Self::AddMembers { .. } | Self::Command(_) => false,
        }
    }
}

impl Unit {
    /// Adds a change. Counters that are set again before the unit is committed need to be set once.
    fn push(&mut self, change: Change) {
        let is_progress = match &change {
            Change::AdvanceThread(_) => true,
            Change::DeleteThread(_) | Change::PutThread(_) => {
                self.progress_at = None;
                false
            }
            Change::PutMember(_)
            | Change::PutMessage(_)
            | Change::PutReceipt(_)
            | Change::RemoveMember(_) => false,
        };
        match self.progress_at.filter(|_| is_progress).and_then(|at| self.changes.get_mut(at)) {
            Some(earlier) => *earlier = change,
            None => {
                if is_progress {
                    self.progress_at = Some(self.changes.len());
                }
                self.changes.push(change);
            }
        }
    }
}

fn is_of_members(change: &Change) -> bool {
    match change {
        Change::PutMember(_) | Change::RemoveMember(_) => true,
        Change::AdvanceThread(_)
        | Change::DeleteThread(_)
        | Change::PutMessage(_)
        | Change::PutReceipt(_)
        | Change::PutThread(_) => false,
    }
}

impl Answer {
    fn settle(self, lasting: Result<(), ChatFailure>) {
        match self {
            Self::Asked { outcome, reply, repeating } => {
                // Given up before the answer: whoever has that may ask again at once.
                drop(repeating);
                // Whoever asked may have gone.
                let _ = reply.send(lasting.and(outcome));
            }
            Self::Read(read) => read.settle(lasting),
        }
    }
}

async fn stored(
    parts: &Parts,
    record: &ThreadRecord,
    actor: &CommunicationIdentifier,
    message_id: MessageId,
) -> Result<Message, ChatFailure> {
    // Whoever is no member does not learn which messages there are.
    if !record.members.contains_key(actor) {
        return Err(admission::refusal(parts, ChatError::NotMember, record, actor));
    }
    let message = parts.base.store.message(&record.id, message_id).await?;
    message.ok_or(ChatFailure::Refused(ChatError::MessageNotFound { message_id }))
}

/// Waits for the commit that is under way, for ever when there is none.
async fn landing(flight: &mut Option<Flight>) -> Result<Vec<u64>, StoreError> {
    match flight {
        Some(flight) => flight.commit.as_mut().await,
        None => std::future::pending().await,
    }
}

/// Commands that gather behind a commit. More of them share the cost of one flush; each is undone
/// when one of them cannot be stored.
const GATHER_LIMIT: usize = 256;
