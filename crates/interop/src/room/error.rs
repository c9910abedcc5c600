//! Why a room is not made or changed.

use std::time::Duration;

use thiserror::Error;
use trunkline_clock::Timestamp;

use crate::room::{id::RoomId, role::UnknownRole};

/// Why a room was not made or changed; always the fault of the one who asked.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum RoomError {
    /// The room would start too far ahead.
    #[error("validFrom is more than {} days ahead", days(limit))]
    FromTooFar {
        /// The limit.
        limit: Duration,
    },
    /// A participant's identifier is malformed.
    #[error("participant identifier is malformed: expected 8:acs:<resource>_<user>")]
    MalformedParticipant,
    /// The room's id has other characters than digits.
    #[error("room id is malformed: expected digits")]
    MalformedRoomId,
    /// A participant is no app user.
    #[error("participant is not an app user (8:acs:…)")]
    NotAppUser,
    /// The room's id is shorter or longer than ids of rooms are.
    #[error(
        "room id is malformed: expected {} to {} digits",
        RoomId::MIN_DIGITS,
        RoomId::LIMIT_DIGITS
    )]
    RoomIdLength,
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
    #[error("a room is valid for at most {} days", days(limit))]
    ValidTooLong {
        /// The limit.
        limit: Duration,
    },
}

impl RoomError {
    /// What the original says of a roster that it does not take.
    pub const INVALID_PARTICIPANTS: &str = "Invalid value for the Participants.";

    /// Returns the stable wire code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::FromTooFar { .. }
            | Self::MalformedParticipant
            | Self::MalformedRoomId
            | Self::NotAppUser
            | Self::RoomIdLength
            | Self::TooManyParticipants { .. }
            | Self::UnknownRole(_)
            | Self::UntilNotAfterFrom { .. }
            | Self::UntilPast { .. }
            | Self::ValidTooLong { .. } => "BadRequest",
        }
    }

    /// Returns the member of the request that is at fault, as the original names it in the details
    /// of an error; their code is `BadArgument`.
    pub const fn target(&self) -> Option<&'static str> {
        match self {
            Self::FromTooFar { .. } => Some("ValidFrom"),
            Self::UntilNotAfterFrom { .. } | Self::UntilPast { .. } | Self::ValidTooLong { .. } => {
                Some("ValidUntil")
            }
            Self::MalformedParticipant
            | Self::NotAppUser
            | Self::TooManyParticipants { .. }
            | Self::UnknownRole(_) => Some("Participants"),
            Self::MalformedRoomId | Self::RoomIdLength => None,
        }
    }

    /// Returns the sentence with which the original answers, for clients that compare it.
    pub const fn wire_message(&self) -> &'static str {
        match self {
            Self::FromTooFar { .. } => "Value is incorrect or more than 180 days in the future.",
            Self::MalformedParticipant | Self::NotAppUser => {
                "Invalid format for communication identifier."
            }
            Self::MalformedRoomId => "Invalid room ID.",
            Self::RoomIdLength => "Invalid room ID length.",
            Self::TooManyParticipants { .. } | Self::UnknownRole(_) => Self::INVALID_PARTICIPANTS,
            Self::UntilNotAfterFrom { .. } | Self::ValidTooLong { .. } => {
                "The time range is incorrect, or larger than 180 days."
            }
            Self::UntilPast { .. } => "The time range end is in the past.",
        }
    }
}

const fn days(duration: &Duration) -> u64 {
    duration.as_secs() / 86_400
}
