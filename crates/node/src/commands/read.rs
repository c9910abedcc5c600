//! What requests name, read and looked up.

use trunkline_call::{Invite, ParticipantSelector, ResolvedTarget};
use trunkline_ids::{
    CallId, CommunicationIdentifier, DisplayName, OperationId, ParticipantId, ThreadId,
};
use trunkline_policy::Principal;
use trunkline_proto::calling::v1 as wire;

use crate::calls::CallHandle;
use crate::commands::{CallingError, Endpoint, permit};
use crate::handshake;
use crate::media::Offer;
use crate::meetings::JoinRequest;
use crate::node::Node;

/// Reads the name of a participant: an id of the roster, a raw id or an alias.
pub(crate) fn selector(node: &Node, text: &str) -> Result<ParticipantSelector, CallingError> {
    selector_of(node, text, "participant")
}

pub(super) fn selector_of(
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

pub(super) fn invite(
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

pub(super) fn operation_id(node: &Node, text: String) -> Result<OperationId, CallingError> {
    match text.is_empty() {
        true => Ok(OperationId::from_uuid_bytes(node.random_id())),
        false => text.parse().map_err(|error| CallingError::invalid("operation_id", error)),
    }
}

pub(super) fn thread_id(text: &str) -> Result<Option<ThreadId>, CallingError> {
    match text.is_empty() {
        true => Ok(None),
        false => text.parse().map(Some).map_err(|error| CallingError::invalid("thread_id", error)),
    }
}

pub(super) fn display_name(
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

/// What somebody brings who joins a meeting or a room.
pub(super) fn join_request(
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
