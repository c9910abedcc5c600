//! Reads what requests about chat have in common.

use tonic::Status;
use trunkline_api::convert;
use trunkline_chat::{MessageId, NewContent, NewMember, RetentionPolicy};
use trunkline_clock::Timestamp;
use trunkline_ids::{CommunicationIdentifier, DisplayName, ThreadId};
use trunkline_node::Identity;
use trunkline_proto::chat::v1 as wire;

use crate::status;

/// Reads a thread id; one that is malformed names no thread.
pub(super) fn thread_id(text: &str) -> Result<ThreadId, Status> {
    text.parse().map_err(|_| status::not_found("thread"))
}

/// Reads a message id; one that is malformed names no message.
pub(super) fn message_id(text: &str) -> Result<MessageId, Status> {
    text.parse().map_err(|_| status::not_found("message"))
}

pub(super) fn time(
    field: &str,
    at: Option<prost_types::Timestamp>,
) -> Result<Option<Timestamp>, Status> {
    at.map(|at| convert::parse_timestamp(&at).ok_or_else(|| status::malformed(field))).transpose()
}

pub(super) fn name(field: &str, text: &str) -> Result<Option<DisplayName>, Status> {
    match text {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| status::malformed(field)),
    }
}

/// Reads a raw id, or the alias of a directory user.
pub(super) fn user(identity: &Identity, text: &str) -> Result<CommunicationIdentifier, Status> {
    identity.resolve_target(text).map_err(|_| status::malformed("user"))
}

pub(super) fn new_members(
    identity: &Identity,
    members: Vec<wire::NewMember>,
) -> Result<Vec<NewMember>, Status> {
    let member = |member: wire::NewMember| {
        Ok(NewMember {
            display_name: name("display_name", &member.display_name)?,
            share_history_time: time("share_history_time", member.share_history_time)?,
            metadata: member.metadata,
            ..NewMember::new(user(identity, &member.user)?)
        })
    };
    members.into_iter().map(member).collect()
}

pub(super) fn retention(policy: Option<wire::RetentionPolicy>) -> Result<RetentionPolicy, Status> {
    match policy.map(|policy| policy.delete_thread_after_days) {
        None | Some(0) => Ok(RetentionPolicy::None),
        Some(days) => {
            // More days than fit are more than any limit.
            let delete_thread_after_days =
                u16::try_from(days).map_err(|_| status::malformed("delete_thread_after_days"))?;
            Ok(RetentionPolicy::ThreadCreationDate { delete_thread_after_days })
        }
    }
}

/// Reads what a member says.
pub(super) fn content(message_type: i32, content: String) -> Result<NewContent, Status> {
    match wire::MessageType::try_from(message_type) {
        Ok(wire::MessageType::Html) => Ok(NewContent::Html(content)),
        Ok(wire::MessageType::Text | wire::MessageType::Unspecified) => {
            Ok(NewContent::Text(content))
        }
        Ok(
            wire::MessageType::ParticipantAdded
            | wire::MessageType::ParticipantRemoved
            | wire::MessageType::TopicUpdated,
        )
        | Err(_) => Err(status::malformed("type")),
    }
}
