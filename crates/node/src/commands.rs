//! Commands of people: parsed, authorized, and handed to the call they are about.

mod error;
mod read;
mod stream;

use std::collections::BTreeSet;

use trunkline_api::convert;
use trunkline_call::{
    Action, Actor, Call, CallConfig, Command, Limits, MediaMode, NewCall, Origin,
    ParticipantSelector, Transfer,
};
use trunkline_ids::{CallId, DisplayName, EndpointId, GroupId, ThreadId};
use trunkline_interop::SyncMode;
use trunkline_policy::{Decision, Right, decide_scope};
use trunkline_proto::calling::v1 as wire;
use trunkline_reasons::EndReason;

use crate::call_task::CallTask;
use crate::calls::{Accepted, AnswerAt, CallHandle, CallMessage, Refused};
pub use crate::commands::error::CallingError;
use crate::commands::read::{
    display_name, invite, join_request, operation_id, selector_of, thread_id,
};
pub(crate) use crate::commands::read::{find, selector};
pub(crate) use crate::commands::stream::execute;
use crate::media::Offer;
use crate::meetings::JoinRequest;
use crate::node::Node;
use crate::token::TokenClaims;
use crate::{guests, room_calls, rosters};

/// The endpoint that a command comes from.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) id: EndpointId,
    pub(crate) claims: TokenClaims,
    pub(crate) display_name: DisplayName,
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) call: CallHandle,
    pub(crate) accepted: Option<Accepted>,
}

/// Places a call. What cannot be placed leaves no call behind.
pub(crate) async fn place(
    node: &Node,
    endpoint: &Endpoint,
    request: wire::PlaceCallRequest,
) -> Result<Outcome, CallingError> {
    require_scope(endpoint, Right::StartCalls)?;
    if request.targets.len() > node.participant_limit() {
        let problem = format!("at most {} targets", node.participant_limit());
        return Err(CallingError::invalid("targets", problem));
    }
    let targets = request
        .targets
        .iter()
        .map(|target| invite(node, endpoint, target, "targets"))
        .collect::<Result<Vec<_>, _>>()?;
    let offer = request.media.map(Offer::try_from).transpose()?;
    let thread_id = thread_id(&request.thread_id)?;
    let operation_id = operation_id(node, request.operation_id)?;
    let identifiers: BTreeSet<_> =
        targets.iter().map(|invite| invite.target.identifier.clone()).collect();
    let action = Action::Place {
        targets,
        display_name: Some(display_name(node, endpoint, &request.display_name)?),
        media: media_mode(offer.as_ref()),
    };
    let mode = sync_mode(request.manual_chat_roster);
    let call_id = CallId::from_uuid_bytes(node.random_id());
    let given = thread_id.as_ref();
    let plan = rosters::plan_start(node, endpoint, call_id, &identifiers, given, mode).await?;
    let placing = async {
        if !node.is_accepting() {
            return Err(CallingError::ShuttingDown);
        }
        let new = new_call(node, call_id, Origin::Placed, thread_id);
        let call = CallTask::spawn(node, new, None, mode);
        node.calls().insert(call.clone());
        let command = Command { actor: actor(endpoint), operation_id, action };
        let accepted = call.command(command, offer, AnswerAt::Start).await?;
        Ok(Outcome { call, accepted: Some(accepted) })
    };
    match plan {
        Some(plan) => rosters::carry_out(node, endpoint, plan, placing).await,
        None => placing.await,
    }
}

/// Joins the call of a group or of a meeting, or starts it. Guests join meetings alone.
pub(crate) async fn join(
    node: &Node,
    endpoint: &Endpoint,
    request: wire::JoinCallRequest,
) -> Result<Outcome, CallingError> {
    require_scope(endpoint, Right::JoinCalls)?;
    if guests::is_guest(&endpoint.claims.identifier) && request.meeting.is_none() {
        return Err(CallingError::Denied {
            rule: "guests-join-meetings",
            fix: "sign in as somebody, or join a meeting".to_owned(),
            reason: EndReason::NOT_PERMITTED,
        });
    }
    let given =
        [!request.group_id.is_empty(), request.meeting.is_some(), !request.room_id.is_empty()];
    if given.into_iter().filter(|is_given| *is_given).count() > 1 {
        return Err(CallingError::invalid("group_id", "one of group, meeting and room is joined"));
    }
    if !request.room_id.is_empty() {
        let joining = join_request(node, endpoint, &request)?;
        return room_calls::join(node, endpoint, &request.room_id, joining).await;
    }
    if let Some(locator) = &request.meeting {
        let locator = convert::meeting::parse_locator(locator).map_err(
            |convert::meeting::Malformed(field)| CallingError::invalid(field, "is malformed"),
        )?;
        let joining = join_request(node, endpoint, &request)?;
        return node.meetings().join(endpoint, &locator, joining).await;
    }
    let group_id: GroupId =
        request.group_id.parse().map_err(|error| CallingError::invalid("group_id", error))?;
    let offer = request.media.map(Offer::try_from).transpose()?;
    let operation_id = operation_id(node, request.operation_id)?;
    let action = Action::Join {
        display_name: Some(display_name(node, endpoint, &request.display_name)?),
        media: media_mode(offer.as_ref()),
    };
    let command = Command { actor: actor(endpoint), operation_id, action };
    let mode = sync_mode(request.manual_chat_roster);
    if !node.is_accepting() {
        return Err(CallingError::ShuttingDown);
    }
    // A group's call may end between finding it and joining it; its next call is then a new one.
    for _ in 0..JOIN_ATTEMPTS {
        let call = node.calls().of_group(group_id, || {
            let call_id = CallId::from_uuid_bytes(node.random_id());
            let new = new_call(node, call_id, Origin::GroupId(group_id), None);
            CallTask::spawn(node, new, Some(group_id), mode)
        });
        match call.command(command.clone(), offer.clone(), AnswerAt::Start).await {
            Ok(accepted) => {
                rosters::follow_join(node, &call, &endpoint.claims.identifier).await;
                return Ok(Outcome { call, accepted: Some(accepted) });
            }
            Err(
                Refused::NotFound
                | Refused::Command(trunkline_call::CommandError::CallEnded { .. }),
            ) => node.calls().end_group(group_id, call.id()),
            Err(refused) => return Err(refused.into()),
        }
    }
    Err(CallingError::NotFound)
}

/// Accepts a call that rings one of the user's endpoints.
pub(crate) async fn accept(
    node: &Node,
    endpoint: &Endpoint,
    request: wire::AcceptCallRequest,
) -> Result<Outcome, CallingError> {
    require_scope(endpoint, Right::JoinCalls)?;
    let call = find(node, &request.call_id)?;
    let offer = request.media.map(Offer::try_from).transpose()?;
    let operation_id = operation_id(node, request.operation_id)?;
    let display_name = Some(display_name(node, endpoint, &request.display_name)?);
    if let Some(meeting) = call.meeting() {
        let who = endpoint.claims.identifier.clone();
        let is_rung = call.ask(|answer| CallMessage::Rings { who, answer }).await;
        if !is_rung.unwrap_or_default() {
            return Err(Refused::from(trunkline_call::CommandError::NothingToAccept).into());
        }
        let request = JoinRequest { operation_id, display_name, offer };
        return meeting.join(endpoint.clone(), request).await;
    }
    let action = Action::Accept { display_name, media: media_mode(offer.as_ref()) };
    let command = Command { actor: actor(endpoint), operation_id, action };
    let accepted = call.command(command, offer, AnswerAt::Start).await?;
    Ok(Outcome { call, accepted: Some(accepted) })
}

/// Calls somebody into a call.
pub(crate) async fn add_participant(
    node: &Node,
    endpoint: &Endpoint,
    request: wire::AddParticipantRequest,
    answer_at: AnswerAt,
) -> Result<Outcome, CallingError> {
    require_scope(endpoint, Right::JoinCalls)?;
    // Names must be well formed even where the call decides what they are compared with.
    thread_id(&request.thread_id)?;
    let invite = invite(node, endpoint, &request.target, "target")?;
    let call = find(node, &request.call_id)?;
    let plan = match call.meeting() {
        Some(_) => None,
        None => {
            let target = &invite.target.identifier;
            rosters::plan_addition(node, endpoint, &call, target).await?
        }
    };
    let action = Action::AddParticipant(invite);
    let adding = act(node, endpoint, &request.call_id, request.operation_id, action, answer_at);
    match plan {
        Some(plan) => rosters::carry_out(node, endpoint, plan, adding).await,
        None => adding.await,
    }
}

/// Calls somebody into a call to take the place of whoever asks for it.
///
/// A one-to-one call stays one and gets no chat; the chat of a group follows as when somebody is
/// added.
pub(crate) async fn transfer(
    node: &Node,
    endpoint: &Endpoint,
    request: wire::TransferCallRequest,
    answer_at: AnswerAt,
) -> Result<Outcome, CallingError> {
    require_scope(endpoint, Right::JoinCalls)?;
    let target = invite(node, endpoint, &request.target, "target")?;
    let transferee = match request.transferee.as_str() {
        "" => None,
        named => Some(selector_of(node, named, "transferee")?),
    };
    let call = find(node, &request.call_id)?;
    let plan = match call.meeting() {
        Some(_) => None,
        None => {
            let target = &target.target.identifier;
            rosters::plan_transfer(node, endpoint, &call, target).await?
        }
    };
    let action = Action::Transfer(Transfer { target, transferee });
    let asking = act(node, endpoint, &request.call_id, request.operation_id, action, answer_at);
    match plan {
        Some(plan) => rosters::carry_out(node, endpoint, plan, asking).await,
        None => asking.await,
    }
}

/// Removes somebody from a call, and from its chat where that follows.
pub(crate) async fn remove_participant(
    node: &Node,
    endpoint: &Endpoint,
    request: wire::RemoveParticipantRequest,
    answer_at: AnswerAt,
) -> Result<Outcome, CallingError> {
    let selector = selector(node, &request.participant)?;
    let call = find(node, &request.call_id)?;
    let standing = match (call.sync(), call.meeting()) {
        (SyncMode::Automatic, None) => Some(rosters::standing(&call).await?),
        (SyncMode::Automatic | SyncMode::Manual, _) => None,
    };
    let removed = match (&selector, &standing) {
        (ParticipantSelector::Identifier(identifier), Some(_)) => Some(identifier.clone()),
        (ParticipantSelector::Id(id), Some(standing)) => standing.identifier_of(id),
        (_, None) => None,
    };
    let action = Action::RemoveParticipant(selector);
    let outcome =
        act(node, endpoint, &request.call_id, request.operation_id, action, answer_at).await?;
    if let (Some(standing), Some(removed)) = (standing, removed) {
        let actor = &endpoint.claims.identifier;
        rosters::follow_removal(node, &call, actor, &standing, &removed).await;
    }
    Ok(outcome)
}

/// Carries out an action in a call.
pub(crate) async fn act(
    node: &Node,
    endpoint: &Endpoint,
    call_id: &str,
    operation: String,
    action: Action,
    answer_at: AnswerAt,
) -> Result<Outcome, CallingError> {
    let call = find(node, call_id)?;
    let operation_id = operation_id(node, operation)?;
    let command = Command { actor: actor(endpoint), operation_id, action };
    if let Some(room) = call.room().filter(|_| command.action.concerns_others()).cloned() {
        return room_calls::command(node, call, &room, command, answer_at).await;
    }
    if let Some(meeting) = call.meeting().filter(|_| command.action.concerns_others()) {
        return meeting.command(command, answer_at).await;
    }
    match call.command(command, None, answer_at).await {
        Ok(accepted) => Ok(Outcome { call, accepted: Some(accepted) }),
        // Somebody else's call does not exist for this user.
        Err(Refused::Command(trunkline_call::CommandError::NotInCall)) => {
            Err(CallingError::NotFound)
        }
        Err(refused) => Err(refused.into()),
    }
}

fn new_call(node: &Node, call_id: CallId, origin: Origin, thread_id: Option<ThreadId>) -> Call {
    let limits = Limits {
        participants: node.participant_limit(),
        // The log of wire events is kept by the task; see `event_log`.
        feed_events: 0,
        ..Limits::default()
    };
    let new = NewCall {
        call_id,
        origin,
        thread_id,
        config: CallConfig { limits, ..CallConfig::default() },
    };
    Call::new(node.clock().now(), new)
}

fn actor(endpoint: &Endpoint) -> Actor {
    Actor { identifier: endpoint.claims.identifier.clone(), endpoint: endpoint.id.clone() }
}

fn media_mode(offer: Option<&Offer>) -> MediaMode {
    match offer {
        Some(_) => MediaMode::PeerConnection,
        None => MediaMode::SignalingOnly,
    }
}

fn sync_mode(is_manual: bool) -> SyncMode {
    match is_manual {
        true => SyncMode::Manual,
        false => SyncMode::Automatic,
    }
}

pub(crate) fn require_scope(endpoint: &Endpoint, right: Right) -> Result<(), CallingError> {
    permit(decide_scope(&endpoint.claims.scopes, right))
}

pub(crate) fn permit(decision: Decision) -> Result<(), CallingError> {
    match decision {
        Decision::Allowed { .. } => Ok(()),
        Decision::Denied { rule, fix, reason, .. } => {
            Err(CallingError::Denied { rule, fix, reason })
        }
    }
}

/// Each attempt lost a race against the end of a call; more in a row is somebody's script.
const JOIN_ATTEMPTS: usize = 8;
