//! Where calls, chat and policy meet: rooms.

mod room;

pub use crate::room::{
    CreateRoom, ParticipantPatch, Room, RoomError, RoomId, RoomRight, RoomRole, UnknownRole,
    UpdateRoom,
};
