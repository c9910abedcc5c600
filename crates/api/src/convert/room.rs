//! Rooms and who may join them.

use trunkline_interop::{Room, RoomRole};
use trunkline_proto::rooms::v1 as wire;

use super::{identifier, timestamp};

/// Converts a room, without its roster.
pub fn room(room: &Room) -> wire::Room {
    wire::Room {
        room_id: room.id().to_string(),
        created_on: Some(timestamp(room.created_at())),
        valid_from: Some(timestamp(room.valid_from())),
        valid_until: Some(timestamp(room.valid_until())),
        pstn_dial_out_enabled: room.is_pstn_dial_out_enabled(),
    }
}

/// Converts the roster of a room.
pub fn participants(room: &Room) -> Vec<wire::RoomParticipant> {
    room.participants()
        .map(|(participant, role)| wire::RoomParticipant {
            identifier: Some(identifier(participant)),
            role: role_to_wire(role).into(),
        })
        .collect()
}

/// Reads a role; unspecified is the default one, `None` is a number that no role has.
pub fn parse_role(role: i32) -> Option<RoomRole> {
    Some(match wire::RoomRole::try_from(role).ok()? {
        wire::RoomRole::Attendee => RoomRole::Attendee,
        wire::RoomRole::Collaborator => RoomRole::Collaborator,
        wire::RoomRole::Consumer => RoomRole::Consumer,
        wire::RoomRole::Presenter => RoomRole::Presenter,
        wire::RoomRole::Unspecified => RoomRole::default(),
    })
}

fn role_to_wire(role: RoomRole) -> wire::RoomRole {
    match role {
        RoomRole::Attendee => wire::RoomRole::Attendee,
        RoomRole::Collaborator => wire::RoomRole::Collaborator,
        RoomRole::Consumer => wire::RoomRole::Consumer,
        RoomRole::Presenter => wire::RoomRole::Presenter,
    }
}
