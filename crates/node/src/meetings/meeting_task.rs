//! One meeting as a task: it owns the machine, and its call and chat do what the machine decides.
//!
//! The call of a meeting is a task of its own, made when somebody comes and over when the last one
//! left. This task waits for it at each step, and it never waits for this one.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::mpsc;
use trunkline_api::convert;
use trunkline_call::{
    Actor as CallActor, Call, CallConfig, Entry, Limits, MediaMode, MediaRights, MeetingInput,
    NewCall, Origin as CallOrigin, ParticipantSelector,
};
use trunkline_chat::NewMember;
use trunkline_ids::{CallId, CommunicationIdentifier, EndpointId, OperationId, ParticipantId};
use trunkline_interop::{
    Action, Actor, CallStep, Capability, Command, Input, Meeting, OperationOutcome, Output, Signal,
    ThreadStep,
};
use trunkline_storage::{PutMeetingError, StoredMeeting};

use crate::call_task::CallTask;
use crate::calls::{Accepted, AnswerAt, CallHandle, CallMessage, Refused};
use crate::chat::UpdateThread;
use crate::clock::sleep_until;
use crate::commands::{CallingError, Endpoint, Outcome};
use crate::media::Offer;
use crate::meetings::actions::{self, Names};
use crate::meetings::handle::MeetingMessage;
use crate::meetings::outward::Watcher;
use crate::meetings::{JoinRequest, MeetingFailure, MeetingHandle, chat_actor, topic_of};
use crate::node::Node;

/// Where a meeting comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Origin {
    /// It was made now.
    New,
    /// It was in the store.
    Restored,
}

/// A meeting and everything that its outputs reach.
pub(crate) struct MeetingTask {
    pub(super) node: Node,
    pub(super) meeting: Meeting,
    handle: MeetingHandle,
    messages: mpsc::Receiver<MeetingMessage>,
    signals: mpsc::UnboundedReceiver<Signal>,
    pub(super) call: Option<CallHandle>,
    /// The entries that attendees have in the roster of the call.
    pub(super) people: HashMap<EndpointId, ParticipantId>,
    pub(super) watchers: Vec<Watcher>,
    /// Who is being let in or put into the lobby by the command under way.
    joining: Option<Joining>,
    /// The revision of the meeting that is stored.
    stored: u64,
    /// When those are dealt with who were there before a restart and did not come back.
    absence_at: Option<tokio::time::Instant>,
    /// How the command under way was answered, if it is over.
    answered: Option<Result<(), MeetingFailure>>,
}

struct Joining {
    endpoint: Endpoint,
    request: JoinRequest,
    outcome: Option<Result<Outcome, CallingError>>,
}

impl MeetingTask {
    /// Makes a meeting reachable and starts its task.
    pub(super) fn spawn(node: &Node, meeting: Meeting, origin: Origin) -> MeetingHandle {
        let (handle, messages, signals) = MeetingHandle::new(meeting.id());
        let stored = meeting.revision();
        let task = Self {
            node: node.clone(),
            meeting,
            handle: handle.clone(),
            messages,
            signals,
            call: None,
            people: HashMap::new(),
            watchers: Vec::new(),
            joining: None,
            stored,
            absence_at: match origin {
                Origin::New => None,
                Origin::Restored => Some(tokio::time::Instant::now() + ABSENCE_AFTER),
            },
            answered: None,
        };
        node.spawn(task.run());
        handle
    }

    async fn run(mut self) {
        loop {
            let deadline = self.meeting.poll_timeout();
            let is_watched = self.watchers.iter().any(Watcher::is_there);
            let is_idle = self.meeting.attendees().len() == 0 && !is_watched;
            let absence_at = self.absence_at;
            tokio::select! {
                // What happened in the call comes before what is asked after it.
                biased;
                signal = self.signals.recv() => match signal {
                    Some(signal) => self.input(Input::Signal(signal)),
                    None => break,
                },
                message = self.messages.recv() => match message {
                    Some(message) => self.handle(message).await,
                    None => break,
                },
                () = sleep_until(self.node.clock(), deadline) => {
                    self.meeting.handle_timeout(self.node.clock().now());
                }
                () = async { match absence_at {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                } } => {
                    self.absence_at = None;
                    let policy = self.node.policy();
                    self.meeting.handle_absence(self.node.clock().now(), &policy);
                }
                () = tokio::time::sleep(IDLE_AFTER), if is_idle && absence_at.is_none() => {
                    if self.retires() {
                        break;
                    }
                }
                () = self.node.shutting_down() => break,
            }
            self.drain().await;
        }
    }

    /// Returns whether the task is over, because nobody holds a handle to it; its meeting is read
    /// again when somebody asks for it.
    fn retires(&self) -> bool {
        self.node.meeting_tables().retire(&self.meeting, || {
            // The table's own handle and this task's.
            self.handle.holders() <= 2
                && self.messages.is_empty()
                && self.signals.is_empty()
                && self.stored == self.meeting.revision()
        })
    }

    /// Stores what changed, before anybody is told of it.
    async fn keep(&mut self) {
        let revision = self.meeting.revision();
        if revision == self.stored {
            return;
        }
        let stored = StoredMeeting { record: self.meeting.record(), code: *self.meeting.code() };
        match self.node.store().put_meeting(stored).await {
            Ok(()) => self.stored = revision,
            Err(error) => {
                tracing::error!(meeting = %self.meeting.id(), %error, "a meeting was not stored");
                if let PutMeetingError::Store(error) = error {
                    self.answered = Some(Err(MeetingFailure::Store(error)));
                }
            }
        }
    }

    fn input(&mut self, input: Input) {
        let policy = self.node.policy();
        self.meeting.handle_input(self.node.clock().now(), &policy, input);
    }

    async fn handle(&mut self, message: MeetingMessage) {
        match message {
            MeetingMessage::Act { actor, operation_id, action, is_in_call, answer } => {
                let outcome = match actions::parse(action, &*self) {
                    Ok(action) if is_in_call => {
                        self.act_in_call(actor, operation_id, [action]).await
                    }
                    Ok(action) => self.act(actor, operation_id, action).await,
                    Err(failure) => Err(failure),
                };
                let _ = answer.send(outcome);
            }
            MeetingMessage::Command { command, answer_at, answer } => {
                self.command(*command, answer_at, answer).await;
            }
            MeetingMessage::Explain { actor, user, answer } => {
                let outcome = self.sight(&actor).map(|_| {
                    let policy = self.node.policy();
                    convert::meeting::decision(&self.meeting.explain_entry(&user, &policy))
                });
                let _ = answer.send(outcome);
            }
            MeetingMessage::IsOpenTo { user, answer } => {
                let policy = self.node.policy();
                let _ = answer.send(self.meeting.is_open_to(&user, &policy));
            }
            MeetingMessage::Join { endpoint, request, answer } => {
                let outcome = self.join(endpoint, *request).await;
                let _ = answer.send(outcome);
            }
            MeetingMessage::Show { actor, answer } => {
                let outcome = self.sight(&actor).map(|sight| self.snapshot(sight));
                let _ = answer.send(outcome);
            }
            MeetingMessage::Update { actor, operation_id, update, answer } => {
                let outcome = self.act(actor, operation_id, Action::Update(update)).await;
                let _ = answer.send(outcome);
            }
            MeetingMessage::Watch { actor, answer } => {
                let outcome = self.watch(&actor);
                let _ = answer.send(outcome);
            }
        }
    }

    pub(super) async fn act(
        &mut self,
        actor: Actor,
        operation_id: OperationId,
        action: Action,
    ) -> Result<(), MeetingFailure> {
        // What a timer or a signal left behind answers nobody.
        self.answered = None;
        self.input(Input::Command(Command { actor, operation_id, action }));
        self.drain().await;
        self.answered.take().unwrap_or(Ok(()))
    }

    /// Does what somebody in the call wants, whose operation the call then says to be over.
    pub(super) async fn act_in_call(
        &mut self,
        actor: Actor,
        operation_id: OperationId,
        actions: impl IntoIterator<Item = Action>,
    ) -> Result<(), MeetingFailure> {
        let completed = |actor: &Actor| match actor {
            Actor::Application => None,
            Actor::User(identifier, endpoint) => Some(MeetingInput::Complete {
                actor: CallActor { identifier: identifier.clone(), endpoint: endpoint.clone() },
                operation_id: operation_id.clone(),
            }),
        };
        let mut is_over = false;
        for action in actions {
            if matches!(action, Action::End) {
                // Nothing follows the end of the call, so it is said before.
                self.check(&actor, Capability::HangUpForEveryone)?;
                if let Some(completed) = completed(&actor) {
                    self.tell_call(completed).await;
                }
                is_over = true;
            }
            self.act(actor.clone(), operation_id.clone(), action).await?;
        }
        if let Some(completed) = completed(&actor).filter(|_| !is_over) {
            self.tell_call(completed).await;
        }
        Ok(())
    }

    async fn join(
        &mut self,
        endpoint: Endpoint,
        request: JoinRequest,
    ) -> Result<Outcome, CallingError> {
        let actor = Actor::User(endpoint.claims.identifier.clone(), endpoint.id.clone());
        let (operation_id, display_name) =
            (request.operation_id.clone(), request.display_name.clone());
        self.joining = Some(Joining { endpoint, request, outcome: None });
        let answered = self.act(actor, operation_id, Action::Join { display_name }).await;
        let joining = self.joining.take().and_then(|joining| joining.outcome);
        answered?;
        // Every join that is not refused takes a step of the call.
        joining.unwrap_or(Err(CallingError::NotFound))
    }

    /// Carries out what the machine wants done.
    async fn drain(&mut self) {
        self.keep().await;
        while let Some(output) = self.meeting.poll_output() {
            match output {
                Output::Call(step) => self.step(step).await,
                Output::Event(event) => self.tell(&event),
                Output::Rejected { error, .. } => {
                    self.answered = Some(Err(MeetingFailure::Refused(error)));
                }
                Output::Repeated { outcome, .. } => self.repeat(outcome).await,
                Output::Thread(step) => self.change_thread(step).await,
            }
        }
    }

    /// A command that came before: a join is answered by the call as it was then.
    async fn repeat(&mut self, outcome: Option<OperationOutcome>) {
        if let Some(OperationOutcome::Failed { reason }) = outcome {
            self.answered = Some(Err(MeetingFailure::Failed(reason)));
        } else if self.joining.is_some() {
            self.enter(Entry::Lobby, MediaRights::ALL).await;
        }
    }

    async fn step(&mut self, step: CallStep) {
        let comes = |joining: &Option<Joining>, endpoint: &EndpointId| {
            joining.as_ref().is_some_and(|j| j.endpoint.id == *endpoint && j.outcome.is_none())
        };
        match step {
            CallStep::EndCall { reason } => {
                self.tell_call(MeetingInput::EndCall { reason }).await;
                self.call = None;
                self.people.clear();
            }
            CallStep::End { endpoint, reason } => {
                self.people.remove(&endpoint);
                self.tell_call(MeetingInput::End { endpoint, reason }).await;
            }
            CallStep::Enter { endpoint, rights } if comes(&self.joining, &endpoint) => {
                self.enter(Entry::Direct, rights).await;
            }
            CallStep::Enter { endpoint, rights } => {
                self.tell_call(MeetingInput::Admit { endpoint, rights }).await;
            }
            // The lobby itself keeps media out; what may be sent is said when they are let in.
            CallStep::EnterLobby { .. } => self.enter(Entry::Lobby, MediaRights::ALL).await,
            CallStep::SetRights { endpoint, rights } => {
                self.tell_call(MeetingInput::SetRights { endpoint, rights }).await;
            }
        }
    }

    async fn tell_call(&self, input: MeetingInput) {
        if let Some(call) = &self.call {
            call.tell(CallMessage::MeetingStep(Box::new(input))).await;
        }
    }

    /// Brings the joiner of the command under way into the call.
    async fn enter(&mut self, entry: Entry, rights: MediaRights) {
        let Some(Joining { endpoint, request, .. }) = &self.joining else {
            return;
        };
        let (endpoint, request) = (endpoint.clone(), request.clone());
        let display_name = self.meeting.attendee(&endpoint.id).map(|view| view.display_name);
        let media = match request.offer {
            Some(_) => MediaMode::PeerConnection,
            None => MediaMode::SignalingOnly,
        };
        let input = MeetingInput::Join {
            actor: CallActor {
                identifier: endpoint.claims.identifier.clone(),
                endpoint: endpoint.id.clone(),
            },
            operation_id: request.operation_id,
            display_name,
            media,
            entry,
            rights,
        };
        let outcome = self.join_call(input, request.offer).await;
        match &outcome {
            Ok((_, Accepted { subject: Some((participant_id, _)), .. })) => {
                self.people.insert(endpoint.id.clone(), *participant_id);
            }
            Ok(_) => {}
            Err(refused) => {
                // The call has no room, or cannot take the offer: so nobody came.
                let reason = refused.reason();
                let gone = Signal::ConnectionEnded { endpoint: endpoint.id.clone(), reason };
                self.input(Input::Signal(gone));
            }
        }
        if let Some(joining) = &mut self.joining {
            joining.outcome = Some(
                outcome
                    .map(|(call, accepted)| Outcome { call, accepted: Some(accepted) })
                    .map_err(CallingError::from),
            );
        }
    }

    async fn join_call(
        &mut self,
        input: MeetingInput,
        offer: Option<Offer>,
    ) -> Result<(CallHandle, Accepted), Refused> {
        // The call may have ended since it was last heard of; the next one is new.
        for _ in 0..2 {
            let call = match &self.call {
                Some(call) => call.clone(),
                None => self.start_call(),
            };
            let (input, offer) = (Box::new(input.clone()), offer.clone());
            let answer_at = AnswerAt::Start;
            let asked =
                call.ask(|answer| CallMessage::Meeting { input, offer, answer_at, answer }).await;
            match asked.unwrap_or(Err(Refused::NotFound)) {
                Ok(accepted) => return Ok((call, accepted)),
                Err(
                    Refused::NotFound
                    | Refused::Command(trunkline_call::CommandError::CallEnded { .. }),
                ) => self.call = None,
                Err(refused) => return Err(refused),
            }
        }
        Err(Refused::NotFound)
    }

    fn start_call(&mut self) -> CallHandle {
        let config = &self.node.meeting_tables().config().limits;
        let limits = Limits {
            participants: config.meeting_participants + config.waiting,
            feed_events: 0,
            ..Limits::default()
        };
        let new = NewCall {
            call_id: CallId::from_uuid_bytes(self.node.random_id()),
            origin: CallOrigin::Meeting,
            thread_id: Some(self.meeting.coordinates().thread_id.clone()),
            config: CallConfig { limits, ..CallConfig::default() },
        };
        let call = Call::new(self.node.clock().now(), new);
        let handle = CallTask::spawn_in_meeting(&self.node, call, self.handle.clone());
        self.node.calls().insert(handle.clone());
        self.call = Some(handle.clone());
        handle
    }

    /// Changes the chat. Who finds no room there, or may not be in it, is in the meeting without.
    async fn change_thread(&self, step: ThreadStep) {
        let chat = self.node.chat();
        let actor = chat_actor(self.meeting.organizer());
        let outcome = match step {
            ThreadStep::Add { thread_id, identifier, display_name } => {
                if identifier == actor.identifier {
                    return;
                }
                let member = NewMember { display_name, ..NewMember::new(identifier) };
                chat.add_members(&actor, &thread_id, vec![member]).await.map(|_| ())
            }
            ThreadStep::Name { thread_id, topic } => {
                let topic = Some(topic_of(topic.as_deref()));
                let update = UpdateThread { topic, ..UpdateThread::default() };
                chat.update_thread(&actor, &thread_id, update).await.map(drop)
            }
            ThreadStep::Remove { thread_id, identifier } => {
                chat.remove_member(&actor, &thread_id, identifier).await
            }
        };
        if let Err(error) = outcome {
            tracing::debug!(meeting = %self.meeting.id(), %error, "the chat did not follow");
        }
    }
}

impl Names for MeetingTask {
    fn endpoint(&self, person: &str) -> Result<EndpointId, MeetingFailure> {
        let selector = match person.parse::<ParticipantId>() {
            Ok(id) => ParticipantSelector::Id(id),
            Err(_) => ParticipantSelector::Identifier(self.identifier(person)?),
        };
        let endpoints = self.selected(&selector)?;
        endpoints.into_iter().next().ok_or(MeetingFailure::NotFound)
    }

    fn identifier(&self, person: &str) -> Result<CommunicationIdentifier, MeetingFailure> {
        self.node.meetings().identifier(person)
    }
}

/// How long a meeting in which nobody is stays in memory. Longer saves reads of the store.
const IDLE_AFTER: Duration = Duration::from_secs(60);

/// How long those have to come back who were in the meeting before a restart: as long as their
/// sessions could be resumed.
const ABSENCE_AFTER: Duration = Duration::from_secs(120);
