//! Roles in a room, and what they give.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The role of a participant of a room.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum RoomRole {
    /// Sends and receives audio and video.
    #[default]
    Attendee,
    /// An attendee who may share a screen.
    Collaborator,
    /// Receives only.
    Consumer,
    /// May do everything.
    Presenter,
}

impl RoomRole {
    /// All roles.
    pub const ALL: [Self; 4] =
        [Self::Attendee, Self::Collaborator, Self::Consumer, Self::Presenter];

    /// Returns the role as the wire spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Attendee => "Attendee",
            Self::Collaborator => "Collaborator",
            Self::Consumer => "Consumer",
            Self::Presenter => "Presenter",
        }
    }

    /// Returns whether the role gives a right: the documented table, row by row.
    pub const fn gives(self, right: RoomRight) -> bool {
        match self {
            Self::Attendee => match right {
                RoomRight::ReceiveMedia | RoomRight::SendAudio | RoomRight::SendVideo => true,
                RoomRight::AddPhones
                | RoomRight::MuteOthers
                | RoomRight::RemoveOthers
                | RoomRight::ShareScreen => false,
            },
            Self::Collaborator => match right {
                RoomRight::ReceiveMedia
                | RoomRight::SendAudio
                | RoomRight::SendVideo
                | RoomRight::ShareScreen => true,
                RoomRight::AddPhones | RoomRight::MuteOthers | RoomRight::RemoveOthers => false,
            },
            Self::Consumer => match right {
                RoomRight::ReceiveMedia => true,
                RoomRight::AddPhones
                | RoomRight::MuteOthers
                | RoomRight::RemoveOthers
                | RoomRight::SendAudio
                | RoomRight::SendVideo
                | RoomRight::ShareScreen => false,
            },
            Self::Presenter => match right {
                RoomRight::AddPhones
                | RoomRight::MuteOthers
                | RoomRight::ReceiveMedia
                | RoomRight::RemoveOthers
                | RoomRight::SendAudio
                | RoomRight::SendVideo
                | RoomRight::ShareScreen => true,
            },
        }
    }
}

/// Says that a text names no role.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("not a role: expected Presenter, Attendee, Consumer or Collaborator")]
pub struct UnknownRole;

/// What a role may give.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum RoomRight {
    /// Call phones into the room, where the room has that enabled.
    AddPhones,
    /// Mute others.
    MuteOthers,
    /// Receive audio, video and shared screens.
    ReceiveMedia,
    /// Remove others from the call.
    RemoveOthers,
    /// Send audio.
    SendAudio,
    /// Send video.
    SendVideo,
    /// Share a screen.
    ShareScreen,
}

impl RoomRight {
    /// All rights.
    pub const ALL: [Self; 7] = [
        Self::AddPhones,
        Self::MuteOthers,
        Self::ReceiveMedia,
        Self::RemoveOthers,
        Self::SendAudio,
        Self::SendVideo,
        Self::ShareScreen,
    ];
}

impl fmt::Display for RoomRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for RoomRole {
    type Err = UnknownRole;

    /// Reads a role in any case, as all enums of the wire are read.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str().eq_ignore_ascii_case(text))
            .ok_or(UnknownRole)
    }
}

impl Serialize for RoomRole {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for RoomRole {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
