//! The id of a room.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::room::error::RoomError;

/// Names a room: decimal digits.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RoomId(Box<str>);

impl RoomId {
    /// The shortest id accepted, in digits. The original's ids have 16 or 17, and it answers a
    /// shorter one with 400 instead of 404.
    pub const MIN_DIGITS: usize = 15;
    /// The longest id accepted, in digits.
    pub const LIMIT_DIGITS: usize = 20;

    /// Makes an id from bytes that the caller drew: 17 digits that start with 99, as those of the
    /// original do.
    ///
    /// That leaves 10¹⁵ ids: among a million rooms a fresh id is taken once in 10⁹ times, so the
    /// caller asks the store and draws again. An id is no secret: the roster decides who joins.
    pub fn from_bytes(bytes: [u8; 8]) -> Self {
        const IDS: u64 = 1_000_000_000_000_000;
        Self((99 * IDS + u64::from_le_bytes(bytes) % IDS).to_string().into())
    }

    /// Returns the digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RoomId {
    type Err = RoomError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !(Self::MIN_DIGITS..=Self::LIMIT_DIGITS).contains(&text.len()) {
            return Err(RoomError::RoomIdLength);
        }
        match text.bytes().all(|byte| byte.is_ascii_digit()) {
            true => Ok(Self(text.into())),
            false => Err(RoomError::MalformedRoomId),
        }
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
