//! Commands of the signaling stream.

use trunkline_call::{Action, Actor};
use trunkline_proto::calling::v1 as wire;
use trunkline_proto::signaling::v1::{self as signaling, CommandResult, command};

use crate::calls::{AnswerAt, CallHandle, CallMessage};
use crate::commands::{
    CallingError, Endpoint, Outcome, accept, act, actor, add_participant, find, join, operation_id,
    place, remove_participant, selector, transfer,
};
use crate::media::Offer;
use crate::node::Node;

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
