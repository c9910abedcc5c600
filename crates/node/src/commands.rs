//! Commands of people: parsed, authorized, and handed to the call they are about.

use std::collections::BTreeSet;

use trunkline_api::convert;
use trunkline_call::{
    Action, Actor, Call, CallConfig, Command, Invite, Limits, MediaMode, NewCall, Origin,
    ParticipantSelector, ResolvedTarget, Transfer,
};
use trunkline_ids::{
    CallId, CommunicationIdentifier, DisplayName, EndpointId, GroupId, OperationId, ParticipantId,
    ThreadId,
};
use trunkline_interop::SyncMode;
use trunkline_policy::{Decision, Principal, Right, decide_scope};
use trunkline_proto::calling::v1 as wire;
use trunkline_proto::common::v1 as common;
use trunkline_proto::signaling::v1::{self as signaling, CommandResult, command};
use trunkline_reasons::EndReason;

use crate::call_task::CallTask;
use crate::calls::{Accepted, AnswerAt, CallHandle, CallMessage, Refused};
use crate::handshake;
use crate::media::{Offer, OfferError};
use crate::meetings::JoinRequest;
use crate::node::Node;
use crate::token::TokenClaims;
use crate::{room_calls, rosters};

/// The endpoint that a command comes from.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) id: EndpointId,
    pub(crate) claims: TokenClaims,
    pub(crate) display_name: DisplayName,
}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum CallingError {
    /// A field of the request is malformed.
    #[error("{field}: {problem}")]
    InvalidArgument {
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A rule forbids it.
    #[error("refused by {rule}: {fix}")]
    Denied {
        /// The rule.
        rule: &'static str,
        /// What would allow it.
        fix: String,
        /// The documented code.
        reason: EndReason,
    },
    /// There is no such call for this user.
    #[error("there is no such call")]
    NotFound,
    /// The call, or its state, does not allow it.
    #[error("{message}")]
    Refused {
        /// What the call said.
        message: String,
        /// Its stable name.
        code: String,
        /// The documented code.
        reason: EndReason,
    },
    /// The exchange is stopping.
    #[error("the exchange is shutting down")]
    ShuttingDown,
}

impl CallingError {
    /// Returns the stable name of the error.
    pub fn code(&self) -> &str {
        match self {
            Self::InvalidArgument { .. } => "invalid_argument",
            Self::Denied { .. } => "denied_by_policy",
            Self::NotFound => "call_not_found",
            Self::Refused { code, .. } => code,
            Self::ShuttingDown => "shutting_down",
        }
    }

    /// Returns the documented code, where there is one.
    pub fn reason(&self) -> Option<EndReason> {
        match self {
            Self::InvalidArgument { .. } => Some(EndReason::INVALID_ARGUMENT),
            Self::NotFound => Some(EndReason::NOT_FOUND),
            Self::Denied { reason, .. } | Self::Refused { reason, .. } => Some(*reason),
            Self::ShuttingDown => None,
        }
    }

    pub(crate) fn invalid(field: &'static str, problem: impl ToString) -> Self {
        Self::InvalidArgument { field, problem: problem.to_string() }
    }

    pub(crate) fn to_wire(&self) -> common::Error {
        common::Error {
            code: self.code().to_owned(),
            message: self.to_string(),
            reason: self.reason().map(convert::end_reason),
        }
    }
}

impl From<Refused> for CallingError {
    fn from(refused: Refused) -> Self {
        let message = refused.to_string();
        let reason = refused.reason();
        let code = match &refused {
            Refused::NotFound => return Self::NotFound,
            Refused::Command(error) => convert::command_error(error).code,
            Refused::Failed { .. } => "operation_failed".to_owned(),
            Refused::NoMedia => "no_media".to_owned(),
            Refused::UnknownTile { .. } => "unknown_tile".to_owned(),
        };
        Self::Refused { message, code, reason }
    }
}

impl From<OfferError> for CallingError {
    fn from(error: OfferError) -> Self {
        Self::invalid("media", error)
    }
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) call: CallHandle,
    pub(crate) accepted: Option<Accepted>,
}

/// Carries out a command of the signaling stream. Its result names the operation in every case.
pub(crate) async fn execute(
    node: &Node,
    endpoint: &Endpoint,
    command: signaling::Command,
) -> (CommandResult, Option<CallHandle>) {
    let Some(kind) = command.kind else {
        let error = CallingError::invalid("kind", "no command of this version");
        return (CommandResult { error: Some(error.to_wire()), ..Default::default() }, None);
    };
    let operation_id = operation_id_of(&kind).to_owned();
    let is_addition =
        matches!(kind, command::Kind::AddParticipant(_) | command::Kind::TransferCall(_));
    match dispatch(node, endpoint, kind).await {
        Ok(Outcome { call, accepted }) => {
            let mut result = CommandResult {
                operation_id,
                call_id: call.id().to_string(),
                ..Default::default()
            };
            match accepted.and_then(|accepted| accepted.subject) {
                Some((participant, _)) if is_addition => {
                    result.added_participant_id = participant.to_string();
                }
                Some((participant, connection)) => {
                    result.participant_id = participant.to_string();
                    result.call_connection_id = connection.to_string();
                }
                None => {}
            }
            (result, Some(call))
        }
        Err(error) => {
            let error = Some(error.to_wire());
            (CommandResult { operation_id, error, ..Default::default() }, None)
        }
    }
}

async fn dispatch(
    node: &Node,
    endpoint: &Endpoint,
    kind: command::Kind,
) -> Result<Outcome, CallingError> {
    use command::Kind;

    let at = AnswerAt::Start;
    match kind {
        Kind::PlaceCall(request) => place(node, endpoint, request).await,
        Kind::JoinCall(request) => join(node, endpoint, *request).await,
        Kind::AcceptCall(request) => accept(node, endpoint, request).await,
        Kind::RejectCall(wire::RejectCallRequest { operation_id, call_id }) => {
            act(node, endpoint, &call_id, operation_id, Action::Reject, at).await
        }
        Kind::HangUp(wire::HangUpRequest { operation_id, call_id, for_everyone }) => {
            let action = match for_everyone {
                true => Action::HangUpForEveryone,
                false => Action::HangUp,
            };
            act(node, endpoint, &call_id, operation_id, action, at).await
        }
        Kind::Hold(wire::HoldRequest { operation_id, call_id }) => {
            act(node, endpoint, &call_id, operation_id, Action::Hold, at).await
        }
        Kind::Resume(wire::ResumeRequest { operation_id, call_id }) => {
            act(node, endpoint, &call_id, operation_id, Action::Resume, at).await
        }
        Kind::Mute(wire::MuteRequest { operation_id, call_id }) => {
            act(node, endpoint, &call_id, operation_id, Action::Mute, at).await
        }
        Kind::Unmute(wire::UnmuteRequest { operation_id, call_id }) => {
            act(node, endpoint, &call_id, operation_id, Action::Unmute, at).await
        }
        Kind::MuteParticipant(request) => {
            let action = Action::MuteParticipant(selector(node, &request.participant)?);
            act(node, endpoint, &request.call_id, request.operation_id, action, at).await
        }
        Kind::MuteAllParticipants(wire::MuteAllParticipantsRequest { operation_id, call_id }) => {
            act(node, endpoint, &call_id, operation_id, Action::MuteAllOthers, at).await
        }
        Kind::AddParticipant(request) => add_participant(node, endpoint, request, at).await,
        Kind::CancelAddParticipant(request) => {
            let action = Action::CancelAddParticipant(selector(node, &request.participant)?);
            act(node, endpoint, &request.call_id, request.operation_id, action, at).await
        }
        Kind::RemoveParticipant(request) => remove_participant(node, endpoint, request, at).await,
        Kind::StartVideo(signaling::StartVideo { operation_id, call_id }) => {
            act(node, endpoint, &call_id, operation_id, Action::StartVideo, at).await
        }
        Kind::StopVideo(signaling::StopVideo { operation_id, call_id }) => {
            act(node, endpoint, &call_id, operation_id, Action::StopVideo, at).await
        }
        Kind::StartScreenShare(signaling::StartScreenShare { operation_id, call_id }) => {
            act(node, endpoint, &call_id, operation_id, Action::StartScreenShare, at).await
        }
        Kind::StopScreenShare(signaling::StopScreenShare { operation_id, call_id }) => {
            act(node, endpoint, &call_id, operation_id, Action::StopScreenShare, at).await
        }
        Kind::SetVideoTiles(request) => {
            let call = find(node, &request.call_id)?;
            let (endpoint, tiles) = (endpoint.id.clone(), request.tiles);
            call.ask(|answer| CallMessage::SetTiles { endpoint, tiles, answer })
                .await
                .ok_or(CallingError::NotFound)??;
            Ok(Outcome { call, accepted: None })
        }
        Kind::RestartMedia(request) => {
            let call = find(node, &request.call_id)?;
            let offer =
                request.media.ok_or_else(|| CallingError::invalid("media", "is missing"))?;
            let offer = Offer::try_from(offer)?;
            let endpoint = endpoint.id.clone();
            call.ask(|answer| CallMessage::RestartMedia { endpoint, offer, answer })
                .await
                .ok_or(CallingError::NotFound)??;
            Ok(Outcome { call, accepted: None })
        }
        Kind::TransferCall(request) => transfer(node, endpoint, request, at).await,
        Kind::ActInMeeting(request) => {
            let call = find(node, &request.call_id)?;
            let meeting = call.meeting().ok_or(CallingError::NotFound)?;
            let operation_id = operation_id(node, request.operation_id)?;
            let action =
                request.action.ok_or_else(|| CallingError::invalid("action", "is missing"))?;
            let Actor { identifier, endpoint } = actor(endpoint);
            let actor = trunkline_interop::Actor::User(identifier, endpoint);
            meeting.act_as(actor, operation_id, action, true).await?;
            Ok(Outcome { call, accepted: None })
        }
        Kind::GetSnapshot(request) => {
            let call = find(node, &request.call_id)?;
            let endpoint = endpoint.id.clone();
            call.ask(|answer| CallMessage::SendSnapshot { endpoint, answer })
                .await
                .ok_or(CallingError::NotFound)??;
            Ok(Outcome { call, accepted: None })
        }
    }
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

/// Joins the call of a group or of a meeting, or starts it.
pub(crate) async fn join(
    node: &Node,
    endpoint: &Endpoint,
    request: wire::JoinCallRequest,
) -> Result<Outcome, CallingError> {
    require_scope(endpoint, Right::JoinCalls)?;
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

/// Reads the name of a participant: an id of the roster, a raw id or an alias.
pub(crate) fn selector(node: &Node, text: &str) -> Result<ParticipantSelector, CallingError> {
    selector_of(node, text, "participant")
}

fn selector_of(
    node: &Node,
    text: &str,
    field: &'static str,
) -> Result<ParticipantSelector, CallingError> {
    if let Ok(id) = text.parse::<ParticipantId>() {
        return Ok(ParticipantSelector::Id(id));
    }
    identifier(node, text, field).map(ParticipantSelector::Identifier)
}

pub(crate) fn find(node: &Node, call_id: &str) -> Result<CallHandle, CallingError> {
    let id: CallId = call_id.parse().map_err(|error| CallingError::invalid("call_id", error))?;
    node.calls().find(id).ok_or(CallingError::NotFound)
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

fn invite(
    node: &Node,
    endpoint: &Endpoint,
    target: &str,
    field: &'static str,
) -> Result<Invite, CallingError> {
    let identifier = identifier(node, target, field)?;
    let caller = Principal { identifier: endpoint.claims.identifier.clone() };
    permit(trunkline_policy::decide_call(&caller, &identifier, &node.policy()))?;
    let target = ResolvedTarget {
        endpoints: node.registry().endpoints_of(&identifier),
        display_name: node.identity().directory_name(&identifier),
        identifier,
    };
    Ok(Invite { target, ring_for: None })
}

fn identifier(
    node: &Node,
    text: &str,
    field: &'static str,
) -> Result<CommunicationIdentifier, CallingError> {
    node.identity().resolve_target(text).map_err(|error| CallingError::invalid(field, error))
}

fn operation_id(node: &Node, text: String) -> Result<OperationId, CallingError> {
    match text.is_empty() {
        true => Ok(OperationId::from_uuid_bytes(node.random_id())),
        false => text.parse().map_err(|error| CallingError::invalid("operation_id", error)),
    }
}

fn thread_id(text: &str) -> Result<Option<ThreadId>, CallingError> {
    match text.is_empty() {
        true => Ok(None),
        false => text.parse().map(Some).map_err(|error| CallingError::invalid("thread_id", error)),
    }
}

fn display_name(
    node: &Node,
    endpoint: &Endpoint,
    offered: &str,
) -> Result<DisplayName, CallingError> {
    match offered.is_empty() {
        true => Ok(endpoint.display_name.clone()),
        false => handshake::display_name(node, &endpoint.claims, offered)
            .map_err(|error| CallingError::invalid("display_name", error)),
    }
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

/// What somebody brings who joins a meeting or a room.
fn join_request(
    node: &Node,
    endpoint: &Endpoint,
    request: &wire::JoinCallRequest,
) -> Result<JoinRequest, CallingError> {
    if !node.is_accepting() {
        return Err(CallingError::ShuttingDown);
    }
    Ok(JoinRequest {
        operation_id: operation_id(node, request.operation_id.clone())?,
        display_name: Some(display_name(node, endpoint, &request.display_name)?),
        offer: request.media.clone().map(Offer::try_from).transpose()?,
    })
}

fn sync_mode(is_manual: bool) -> SyncMode {
    match is_manual {
        true => SyncMode::Manual,
        false => SyncMode::Automatic,
    }
}

fn require_scope(endpoint: &Endpoint, right: Right) -> Result<(), CallingError> {
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

fn operation_id_of(kind: &command::Kind) -> &str {
    use command::Kind;

    match kind {
        Kind::PlaceCall(request) => &request.operation_id,
        Kind::JoinCall(request) => &request.operation_id,
        Kind::AcceptCall(request) => &request.operation_id,
        Kind::RejectCall(request) => &request.operation_id,
        Kind::HangUp(request) => &request.operation_id,
        Kind::Hold(request) => &request.operation_id,
        Kind::Resume(request) => &request.operation_id,
        Kind::Mute(request) => &request.operation_id,
        Kind::Unmute(request) => &request.operation_id,
        Kind::MuteParticipant(request) => &request.operation_id,
        Kind::MuteAllParticipants(request) => &request.operation_id,
        Kind::AddParticipant(request) => &request.operation_id,
        Kind::CancelAddParticipant(request) => &request.operation_id,
        Kind::RemoveParticipant(request) => &request.operation_id,
        Kind::StartVideo(request) => &request.operation_id,
        Kind::StopVideo(request) => &request.operation_id,
        Kind::StartScreenShare(request) => &request.operation_id,
        Kind::StopScreenShare(request) => &request.operation_id,
        Kind::SetVideoTiles(request) => &request.operation_id,
        Kind::RestartMedia(request) => &request.operation_id,
        Kind::GetSnapshot(request) => &request.operation_id,
        Kind::ActInMeeting(request) => &request.operation_id,
        Kind::TransferCall(request) => &request.operation_id,
    }
}

/// Each attempt lost a race against the end of a call; more in a row is somebody's script.
const JOIN_ATTEMPTS: usize = 8;
