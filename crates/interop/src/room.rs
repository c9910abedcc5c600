//! Rooms: who may join a call prepared in advance, when, and with which rights.

use std::{collections::BTreeMap, fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use trunkline_clock::Timestamp;
use trunkline_ids::{CommunicationIdentifier, ParseIdError, ResourceId};
use trunkline_reasons::EndReason;

/// A room of an app's resource.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Room {
    id: RoomId,
    resource: ResourceId,
    created_at: Timestamp,
    valid_from: Timestamp,
    valid_until: Timestamp,
    pstn_dial_out_enabled: bool,
    participants: BTreeMap<CommunicationIdentifier, RoomRole>,
}

/// What a room is made from; everything left out has its default.
#[derive(Clone, Debug, Default)]
pub struct CreateRoom {
    /// From when on it may be joined; at once when left out.
    pub valid_from: Option<Timestamp>,
    /// Until when it may be joined; 180 days from its start when left out.
    pub valid_until: Option<Timestamp>,
    /// Whether a presenter may call phones into it; not, when left out.
    pub pstn_dial_out_enabled: Option<bool>,
    /// Who may join.
    pub participants: Vec<ParticipantPatch>,
}

/// What changes in a room; everything left out, or null on the wire, stays as it is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct UpdateRoom {
    /// From when on it may be joined.
    pub valid_from: Option<Timestamp>,
    /// Until when it may be joined.
    pub valid_until: Option<Timestamp>,
    /// Whether a presenter may call phones into it.
    pub pstn_dial_out_enabled: Option<bool>,
}

/// One member of a merge patch of the roster.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ParticipantPatch {
    /// Takes somebody off the roster; fine if they are not on it.
    Remove(CommunicationIdentifier),
    /// Puts somebody on the roster, or gives them another role.
    Upsert(CommunicationIdentifier, RoomRole),
}

impl Room {
    /// The longest time a room may be valid.
    pub const VALIDITY_LIMIT: Duration = Duration::from_secs(180 * 86_400);
    /// The most participants on a roster: as many as a call may have.
    pub const PARTICIPANT_LIMIT: usize = 350;

    /// Makes a room.
    pub fn create(
        now: Timestamp,
        id: RoomId,
        resource: ResourceId,
        request: CreateRoom,
    ) -> Result<Self, RoomError> {
        let valid_from = request.valid_from.unwrap_or(now);
        let valid_until = request.valid_until.unwrap_or(valid_from + Self::VALIDITY_LIMIT);
        let mut room = Self {
            id,
            resource,
            created_at: now,
            valid_from,
            valid_until,
            pstn_dial_out_enabled: request.pstn_dial_out_enabled.unwrap_or(false),
            participants: BTreeMap::new(),
        };
        room.patch_participants(request.participants)?;
        Ok(room)
    }

    /// Changes what the patch names; changes nothing on an error.
    pub fn update(&mut self, now: Timestamp, request: UpdateRoom) -> Result<(), RoomError> {
        let _ = now;
        self.valid_from = request.valid_from.unwrap_or(self.valid_from);
        self.valid_until = request.valid_until.unwrap_or(self.valid_until);
        Ok(())
    }

    /// Changes the roster; changes nothing on an error.
    pub fn patch_participants(
        &mut self,
        patches: impl IntoIterator<Item = ParticipantPatch>,
    ) -> Result<(), RoomError> {
        for patch in patches {
            match patch {
                ParticipantPatch::Remove(identifier) => {
                    self.participants.remove(&identifier);
                }
                ParticipantPatch::Upsert(identifier, role) => {
                    self.participants.insert(identifier, role);
                }
            }
        }
        Ok(())
    }

    /// Returns the room's id.
    pub fn id(&self) -> &RoomId {
        &self.id
    }

    /// Returns the resource that the room belongs to.
    pub fn resource(&self) -> &ResourceId {
        &self.resource
    }

    /// Returns when the room was made.
    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// Returns from when on it may be joined.
    pub fn valid_from(&self) -> Timestamp {
        self.valid_from
    }

    /// Returns until when it may be joined.
    pub fn valid_until(&self) -> Timestamp {
        self.valid_until
    }

    /// Returns whether a presenter may call phones into it.
    pub fn is_pstn_dial_out_enabled(&self) -> bool {
        self.pstn_dial_out_enabled
    }

    /// Returns the roster, in the order of the identifiers.
    pub fn participants(
        &self,
    ) -> impl ExactSizeIterator<Item = (&CommunicationIdentifier, RoomRole)> {
        self.participants.iter().map(|(identifier, role)| (identifier, *role))
    }

    /// Returns the role with which somebody may join, or the documented code of the refusal.
    pub fn may_join(
        &self,
        now: Timestamp,
        identifier: &CommunicationIdentifier,
    ) -> Result<RoomRole, EndReason> {
        let _ = now;
        self.participants.get(identifier).copied().ok_or(EndReason::NOT_PERMITTED)
    }
}

/// Names a room: decimal digits.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RoomId(Box<str>);

impl RoomId {
    /// The longest id accepted, in digits.
    pub const LIMIT_DIGITS: usize = 32;

    /// Makes the id of 17 digits, as the original's ids have, from bytes that the caller drew.
    pub fn from_bytes(bytes: [u8; 8]) -> Self {
        const FIRST: u64 = 10_000_000_000_000_000;
        Self((FIRST + u64::from_le_bytes(bytes) % (9 * FIRST)).to_string().into())
    }

    /// Returns the digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RoomId {
    type Err = RoomError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_fit = (1..=Self::LIMIT_DIGITS).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_digit());
        if is_fit { Ok(Self(text.into())) } else { Err(RoomError::MalformedRoomId) }
    }
}

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Serialize for RoomId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RoomId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

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

/// Why a room was not made or changed; always the fault of the one who asked.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum RoomError {
    /// A participant's identifier is malformed.
    #[error("participant identifier is malformed")]
    MalformedParticipant(#[source] ParseIdError),
    /// The room's id is not decimal digits.
    #[error("room id is malformed: expected decimal digits")]
    MalformedRoomId,
    /// A participant is no app user.
    #[error("participant is not an app user (8:acs:…)")]
    NotAppUser,
    /// The roster would grow past the limit.
    #[error("a room has at most {limit} participants, not {requested}")]
    TooManyParticipants {
        /// The limit.
        limit: usize,
        /// How many there would be.
        requested: usize,
    },
    /// A participant's role has no known name.
    #[error(transparent)]
    UnknownRole(#[from] UnknownRole),
    /// The room would end before it starts.
    #[error("validUntil {valid_until} must be after validFrom {valid_from}")]
    UntilNotAfterFrom {
        /// From when on it would be valid.
        valid_from: Timestamp,
        /// Until when it would be valid.
        valid_until: Timestamp,
    },
    /// The room would have ended already.
    #[error("validUntil {valid_until} is in the past")]
    UntilPast {
        /// Until when it would be valid.
        valid_until: Timestamp,
    },
    /// The room would be valid for too long.
    #[error("a room is valid for at most {} days", limit.as_secs() / 86_400)]
    ValidTooLong {
        /// The limit.
        limit: Duration,
    },
}

impl RoomError {
    /// Returns the stable wire code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::MalformedParticipant(_)
            | Self::MalformedRoomId
            | Self::NotAppUser
            | Self::TooManyParticipants { .. }
            | Self::UnknownRole(_)
            | Self::UntilNotAfterFrom { .. }
            | Self::UntilPast { .. }
            | Self::ValidTooLong { .. } => "BadRequest",
        }
    }
}

impl fmt::Display for RoomRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for RoomRole {
    type Err = UnknownRole;

    /// Reads a role in any case.
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
