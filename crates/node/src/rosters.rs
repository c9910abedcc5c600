//! One roster in call and chat: carries out the plans of `interop` for group calls.
//!
//! A call whose thread is not one of this exchange's, or is not the actor's to see, is left alone.

mod threads;

use std::collections::BTreeSet;

use trunkline_call::thread_id_of;
use trunkline_chat::{CreateThread, Metadata, NewMember, RetentionPolicy};
use trunkline_ids::{CallId, CommunicationIdentifier, ParticipantId, ThreadId};
use trunkline_interop::{
    CallRoster, Change, ChangeOutcome, RosterChange, RosterPlan, RosterRefusal, RosterStep,
    SyncMode, ThreadChoice, ThreadRoster,
};
use trunkline_policy::{Medium, Principal, decide_joining};
use trunkline_reasons::EndReason;

use crate::calls::{CallHandle, CallMessage};
use crate::chat::{ChatActor, ChatFailure};
use crate::commands::{CallingError, Endpoint, Outcome, permit};
use crate::meetings::chat_actor;
use crate::node::Node;

pub(crate) use self::threads::follow;

/// A call as its roster stands.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) thread_id: Option<ThreadId>,
    /// In the order of arrival.
    pub(crate) participants: Vec<CommunicationIdentifier>,
    pub(crate) ids: Vec<ParticipantId>,
}

impl Standing {
    /// Returns who has an entry of the roster.
    pub(crate) fn identifier_of(&self, id: &ParticipantId) -> Option<CommunicationIdentifier> {
        let place = self.ids.iter().position(|own| own == id)?;
        self.participants.get(place).cloned()
    }
}

/// Plans the chat of a call that is about to be placed; `None` where there is nothing to plan.
pub(crate) async fn plan_start(
    node: &Node,
    endpoint: &Endpoint,
    call_id: CallId,
    targets: &BTreeSet<CommunicationIdentifier>,
    given: Option<&ThreadId>,
    mode: SyncMode,
) -> Result<Option<RosterPlan>, CallingError> {
    let actor = &endpoint.claims.identifier;
    let thread = match given {
        Some(thread_id) => match known(node, actor, thread_id).await? {
            Some(roster) => ThreadChoice::Given(thread_id.clone(), roster),
            None => return Ok(None),
        },
        None if targets.len() > 1 => ThreadChoice::Create(thread_id_of(call_id)),
        None => return Ok(None),
    };
    let change = Change { actor, mode, policy: &node.policy() };
    Ok(Some(RosterPlan::start(change, targets, node.participant_limit(), thread)?))
}

/// Plans to add somebody to a call; `None` where there is nothing to plan.
pub(crate) async fn plan_addition(
    node: &Node,
    endpoint: &Endpoint,
    call: &CallHandle,
    target: &CommunicationIdentifier,
) -> Result<Option<RosterPlan>, CallingError> {
    addition_to(node, &endpoint.claims.identifier, call, standing(call).await?, target).await
}

async fn addition_to(
    node: &Node,
    actor: &CommunicationIdentifier,
    call: &CallHandle,
    standing: Standing,
    target: &CommunicationIdentifier,
) -> Result<Option<RosterPlan>, CallingError> {
    let own = thread_id_of(call.id());
    let thread_id = standing.thread_id.clone().unwrap_or_else(|| own.clone());
    let participants: BTreeSet<_> = standing.participants.into_iter().collect();
    if !participants.contains(actor) {
        return Ok(None);
    }
    let thread = known(node, actor, &thread_id).await?;
    let change = Change { actor, mode: call.sync(), policy: &node.policy() };
    let limit = node.participant_limit();
    match thread {
        Some(thread) => {
            let roster = CallRoster { participants, limit };
            Ok(Some(RosterPlan::add(change, target, &roster, &thread_id, &thread)?))
        }
        // The call becomes a group by this, or its thread has yet to be made.
        None if thread_id == own => {
            let mut together = participants;
            together.remove(actor);
            together.insert(target.clone());
            let thread = ThreadChoice::Create(own);
            Ok(Some(RosterPlan::start(change, &together, limit, thread)?))
        }
        None => check_joining(node, actor, target, &participants).map(|()| None),
    }
}

/// Plans to call somebody into a call to whom the actor leaves its place; `None` where there is
/// nothing to plan, as in a one-to-one call, which stays one.
pub(crate) async fn plan_transfer(
    node: &Node,
    endpoint: &Endpoint,
    call: &CallHandle,
    target: &CommunicationIdentifier,
) -> Result<Option<RosterPlan>, CallingError> {
    let actor = &endpoint.claims.identifier;
    let standing = standing(call).await?;
    if standing.thread_id.is_some() {
        return addition_to(node, actor, call, standing, target).await;
    }
    let participants: BTreeSet<_> = standing.participants.into_iter().collect();
    if participants.contains(actor) && !participants.contains(target) {
        check_joining(node, actor, target, &participants)?;
    }
    Ok(None)
}

/// Checks that everybody who is in a call may talk to whom the actor brings.
fn check_joining(
    node: &Node,
    actor: &CommunicationIdentifier,
    target: &CommunicationIdentifier,
    participants: &BTreeSet<CommunicationIdentifier>,
) -> Result<(), CallingError> {
    let actor = Principal { identifier: actor.clone() };
    let policy = node.policy();
    permit(decide_joining(Medium::Call, &actor, target, participants, &policy))
}

/// Carries a plan out. `call` does what the plan wants of the call, all of it at once.
pub(crate) async fn carry_out(
    node: &Node,
    endpoint: &Endpoint,
    plan: RosterPlan,
    call: impl Future<Output = Result<Outcome, CallingError>>,
) -> Result<Outcome, CallingError> {
    let actor = chat_actor(&endpoint.claims.identifier);
    let thread_id = plan.thread_id().clone();
    let mut change = RosterChange::new(plan);
    let (mut call, mut outcome) = (Some(call), None);
    while let Some(step) = change.current().cloned() {
        let done = match step {
            RosterStep::AddToCall(_) => {
                if let Some(call) = call.take() {
                    outcome = Some(call.await);
                }
                match &outcome {
                    Some(Err(error)) => {
                        Err(error.reason().unwrap_or(EndReason::PRECONDITION_FAILED))
                    }
                    Some(Ok(_)) | None => Ok(()),
                }
            }
            // What the call did not do needs no undoing.
            RosterStep::RemoveFromCall(..) => Ok(()),
            step @ (RosterStep::AddToThread(_)
            | RosterStep::CreateThread(_)
            | RosterStep::DeleteThread
            | RosterStep::RemoveFromThread(_)) => {
                change_thread(node, &actor, &thread_id, step).await
            }
        };
        match done {
            Ok(()) => change.succeed(),
            Err(reason) => change.fail(reason),
        }
    }
    match (outcome, change.outcome()) {
        (Some(outcome), _) => outcome,
        (None, Some(ChangeOutcome::TakenBack(reason))) => Err(CallingError::Refused {
            message: "the chat of the call could not be changed".to_owned(),
            code: "chat_not_changed".to_owned(),
            reason,
        }),
        (None, _) => Err(CallingError::NotFound),
    }
}

/// Brings somebody who joined a group's call into its chat. Who may not be in it is in the call
/// without.
pub(crate) async fn follow_join(node: &Node, call: &CallHandle, joiner: &CommunicationIdentifier) {
    if call.sync() == SyncMode::Manual {
        return;
    }
    let Ok(Standing { thread_id: Some(thread_id), participants, .. }) = standing(call).await else {
        return;
    };
    if thread_id != thread_id_of(call.id()) {
        return;
    }
    let first = participants.iter().find(|who| *who != joiner);
    let outcome = match first {
        None => create_thread(node, joiner, &thread_id, &BTreeSet::new()).await,
        Some(first) => {
            let step = RosterStep::AddToThread(joiner.clone());
            match change_thread(node, &chat_actor(first), &thread_id, step).await {
                Ok(()) => Ok(()),
                // Two came at once, and the other one was not first in the chat.
                Err(_) => {
                    create_thread(node, joiner, &thread_id, &BTreeSet::from([first.clone()])).await
                }
            }
        }
    };
    if let Err(reason) = outcome {
        tracing::debug!(call = %call.id(), %reason, "the chat of a group call did not follow");
    }
}

/// Takes somebody out of the chat who was removed from a call whose chat follows.
pub(crate) async fn follow_removal(
    node: &Node,
    call: &CallHandle,
    actor: &CommunicationIdentifier,
    standing: &Standing,
    removed: &CommunicationIdentifier,
) {
    let Some(thread_id) = &standing.thread_id else {
        return;
    };
    let Ok(Some(thread)) = known(node, actor, thread_id).await else {
        return;
    };
    let plan = RosterPlan::remove(call.sync(), removed, &CallRoster::default(), thread_id, &thread);
    for step in plan.steps().to_vec() {
        if let Err(reason) = change_thread(node, &chat_actor(actor), thread_id, step).await {
            tracing::warn!(call = %call.id(), %reason, "somebody removed is still in the chat");
        }
    }
}

/// Returns the call as its roster stands.
pub(crate) async fn standing(call: &CallHandle) -> Result<Standing, CallingError> {
    call.ask(|answer| CallMessage::Standing { answer }).await.ok_or(CallingError::NotFound)
}

/// Returns who is in a thread; `None` where the actor sees no such thread.
async fn known(
    node: &Node,
    actor: &CommunicationIdentifier,
    thread_id: &ThreadId,
) -> Result<Option<ThreadRoster>, CallingError> {
    match node.chat().roster(&chat_actor(actor), thread_id).await {
        Ok(roster) => Ok(Some(roster)),
        Err(ChatFailure::ShuttingDown) => Err(CallingError::ShuttingDown),
        Err(_) => Ok(None),
    }
}

async fn change_thread(
    node: &Node,
    actor: &ChatActor,
    thread_id: &ThreadId,
    step: RosterStep,
) -> Result<(), EndReason> {
    let chat = node.chat();
    match step {
        RosterStep::AddToThread(who) => {
            let added = chat.add_members(actor, thread_id, vec![member(node, who)]).await;
            match added {
                Ok(invalid) if invalid.is_empty() => Ok(()),
                Ok(_) => Err(EndReason::NOT_PERMITTED),
                Err(failure) => Err(reason_of(&failure)),
            }
        }
        RosterStep::CreateThread(members) => {
            create_thread(node, &actor.identifier, thread_id, &members).await
        }
        RosterStep::DeleteThread => {
            chat.delete_thread(actor, thread_id).await.map_err(|failure| reason_of(&failure))
        }
        RosterStep::RemoveFromThread(who) => {
            chat.remove_member(actor, thread_id, who).await.map_err(|failure| reason_of(&failure))
        }
        RosterStep::AddToCall(_) | RosterStep::RemoveFromCall(..) => Ok(()),
    }
}

async fn create_thread(
    node: &Node,
    creator: &CommunicationIdentifier,
    thread_id: &ThreadId,
    members: &BTreeSet<CommunicationIdentifier>,
) -> Result<(), EndReason> {
    let others = members.iter().filter(|who| *who != creator);
    let request = CreateThread {
        topic: "Group call".to_owned(),
        members: others.map(|who| member(node, who.clone())).collect(),
        metadata: Metadata::new(),
        retention: RetentionPolicy::None,
    };
    let created = node.chat().create_thread_as(thread_id.clone(), creator.clone(), request).await;
    match created {
        Ok(created) if created.invalid.is_empty() => Ok(()),
        Ok(_) => {
            // All or nothing: a chat without somebody of the call is not the call's.
            let _ = node.chat().delete_thread(&chat_actor(creator), thread_id).await;
            Err(EndReason::NOT_PERMITTED)
        }
        Err(failure) => Err(reason_of(&failure)),
    }
}

fn member(node: &Node, identifier: CommunicationIdentifier) -> NewMember {
    NewMember {
        display_name: node.identity().directory_name(&identifier),
        ..NewMember::new(identifier)
    }
}

fn reason_of(failure: &ChatFailure) -> EndReason {
    match failure.status() {
        403 => EndReason::NOT_PERMITTED,
        404 => EndReason::NOT_FOUND,
        409 => EndReason::CONFLICT,
        _ => EndReason::PRECONDITION_FAILED,
    }
}

impl From<RosterRefusal> for CallingError {
    fn from(refusal: RosterRefusal) -> Self {
        let code = match &refusal {
            RosterRefusal::AlreadyInCall => "already_participant",
            RosterRefusal::CallFull { .. } => "too_many_participants",
            RosterRefusal::Denied(_) => "denied_by_policy",
            RosterRefusal::NotInThread => "not_in_thread",
            RosterRefusal::ThreadFull { .. } => "thread_full",
        };
        let (message, reason) = (refusal.to_string(), refusal.reason());
        Self::Refused { message, code: code.to_owned(), reason }
    }
}
