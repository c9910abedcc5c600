//! An app's resource: a namespace of app users, with two access keys.

use std::fmt;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use thiserror::Error;
use trunkline_clock::Timestamp;
use trunkline_ids::ResourceId;

use crate::names::ResourceName;

/// An app's resource: the namespace of the app users it brings.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// Never changes; a GUID, as the lists of federation expect.
    pub id: ResourceId,
    /// The name, for people.
    pub name: ResourceName,
    /// When it was created.
    pub created_on: Timestamp,
}

/// The two keys that sign requests of a resource's backends.
///
/// Two, so that one can be replaced while the other stays in use: move the backends to the
/// secondary, replace the primary, move them back, replace the secondary.
#[derive(Clone, Debug)]
pub struct AccessKeys {
    /// The key in regular use.
    pub primary: AccessKey,
    /// The key in use while the primary is replaced.
    pub secondary: AccessKey,
}

impl AccessKeys {
    /// Replaces one key and returns what it was; requests signed with it are refused from then on.
    pub fn rotate(&mut self, slot: KeySlot, fresh: AccessKey) -> AccessKey {
        std::mem::replace(self.slot_mut(slot), fresh)
    }

    /// Returns the key of a slot.
    pub fn get(&self, slot: KeySlot) -> &AccessKey {
        match slot {
            KeySlot::Primary => &self.primary,
            KeySlot::Secondary => &self.secondary,
        }
    }

    /// Returns the slot to replace next: the one with the older key, and the secondary of two
    /// equally old ones, because the primary is the one in use.
    pub fn oldest(&self) -> KeySlot {
        match self.primary.created_on < self.secondary.created_on {
            true => KeySlot::Primary,
            false => KeySlot::Secondary,
        }
    }

    fn slot_mut(&mut self, slot: KeySlot) -> &mut AccessKey {
        match slot {
            KeySlot::Primary => &mut self.primary,
            KeySlot::Secondary => &mut self.secondary,
        }
    }
}

/// Which of a resource's keys.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum KeySlot {
    /// The key in regular use.
    Primary,
    /// The key in use while the primary is replaced.
    Secondary,
}

impl KeySlot {
    /// Both slots.
    pub const ALL: [Self; 2] = [Self::Primary, Self::Secondary];

    /// Returns the slot's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Secondary => "secondary",
        }
    }
}

impl fmt::Display for KeySlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One access key. Has no serde, no `Display` and a redacted `Debug`, so that no key gets into an
/// answer or a log by itself.
#[derive(Clone)]
pub struct AccessKey {
    bytes: Box<[u8]>,
    created_on: Timestamp,
}

impl AccessKey {
    /// The shortest key accepted, in bytes: a shorter one could be guessed.
    pub const MIN_BYTES: usize = 16;
    /// The longest key accepted, in bytes.
    pub const LIMIT_BYTES: usize = 1024;

    /// Makes a key from bytes that the caller drew or read back.
    ///
    /// # Errors
    ///
    /// Refuses keys shorter than [`AccessKey::MIN_BYTES`] or longer than
    /// [`AccessKey::LIMIT_BYTES`].
    pub fn from_bytes(bytes: &[u8], created_on: Timestamp) -> Result<Self, AccessKeyError> {
        if (Self::MIN_BYTES..=Self::LIMIT_BYTES).contains(&bytes.len()) {
            Ok(Self { bytes: bytes.into(), created_on })
        } else {
            Err(AccessKeyError::Length { length_bytes: bytes.len() })
        }
    }

    /// Makes a key from its text in a connection string, which is base64.
    ///
    /// # Errors
    ///
    /// Refuses what is not base64, and as [`AccessKey::from_bytes`].
    pub fn from_base64(text: &str, created_on: Timestamp) -> Result<Self, AccessKeyError> {
        let bytes = BASE64_STANDARD.decode(text).map_err(|_| AccessKeyError::NotBase64)?;
        Self::from_bytes(&bytes, created_on)
    }

    /// Returns the bytes that sign.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the text for a connection string.
    pub fn to_base64(&self) -> String {
        BASE64_STANDARD.encode(&self.bytes)
    }

    /// Returns when it was made.
    pub fn created_on(&self) -> Timestamp {
        self.created_on
    }

    /// Returns whether two keys sign alike, in a time that depends on their lengths alone.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.bytes.ct_eq(&other.bytes).into()
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessKey(<redacted>)")
    }
}

/// Why a text or bytes are not an access key; never repeats them.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum AccessKeyError {
    /// The key is too short or too long.
    #[error(
        "access key has {length_bytes} bytes, expected {} to {}",
        AccessKey::MIN_BYTES,
        AccessKey::LIMIT_BYTES
    )]
    Length {
        /// The length in bytes that was given.
        length_bytes: usize,
    },
    /// The text is not base64.
    #[error("access key is not base64")]
    NotBase64,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(fill: u8, at_seconds: i64) -> AccessKey {
        AccessKey::from_bytes(&[fill; 64], Timestamp::from_unix_seconds(at_seconds)).unwrap()
    }

    #[test]
    fn rotating_replaces_one_key_and_leaves_the_other_in_use() {
        for slot in KeySlot::ALL {
            let mut keys = AccessKeys { primary: key(1, 0), secondary: key(2, 0) };
            let before = keys.get(slot).clone();
            let old = keys.rotate(slot, key(3, 5));
            assert!(old.is_same_as(&before));
            assert!(keys.get(slot).is_same_as(&key(3, 0)));
            let other = KeySlot::ALL.into_iter().find(|other| *other != slot).unwrap();
            assert!(!keys.get(other).is_same_as(&key(3, 0)));
            assert_eq!(keys.get(slot).created_on(), Timestamp::from_unix_seconds(5));
        }
    }

    #[test]
    fn the_older_key_is_to_be_replaced_next() {
        for (primary, secondary, expected) in
            [(0, 0, KeySlot::Secondary), (0, 1, KeySlot::Primary), (1, 0, KeySlot::Secondary)]
        {
            let keys = AccessKeys { primary: key(1, primary), secondary: key(2, secondary) };
            assert_eq!(keys.oldest(), expected, "{primary} {secondary}");
        }
    }

    #[test]
    fn texts_that_are_no_keys_are_refused_without_being_repeated() {
        let now = Timestamp::UNIX_EPOCH;
        let refused = |text: &str| AccessKey::from_base64(text, now).unwrap_err();
        assert_eq!(refused("secret!"), AccessKeyError::NotBase64);
        assert_eq!(refused("c2VjcmV0"), AccessKeyError::Length { length_bytes: 6 });
        assert_eq!(refused(""), AccessKeyError::Length { length_bytes: 0 });
        assert!(AccessKey::from_bytes(&[0; AccessKey::LIMIT_BYTES + 1], now).is_err());
    }

    #[test]
    fn debug_shows_no_key() {
        let keys = AccessKeys { primary: key(b'p', 0), secondary: key(b's', 0) };
        let shown = format!("{keys:?}");
        assert!(!shown.contains("112") && !shown.contains(&key(b'p', 0).to_base64()), "{shown}");
        assert!(shown.contains("AccessKey(<redacted>)"));
    }

    proptest! {
        #[test]
        fn keys_round_trip(bytes in prop::collection::vec(any::<u8>(), 16..200)) {
            let key = AccessKey::from_bytes(&bytes, Timestamp::UNIX_EPOCH).unwrap();
            prop_assert_eq!(key.as_bytes(), &bytes);
            let read = AccessKey::from_base64(&key.to_base64(), Timestamp::UNIX_EPOCH).unwrap();
            prop_assert!(read.is_same_as(&key));
        }

        #[test]
        fn resources_round_trip(bytes: [u8; 16], name in "[A-Za-z ]{0,20}x", at: i64) {
            let resource = Resource {
                id: ResourceId::from_uuid_bytes(bytes),
                name: name.parse().unwrap(),
                created_on: Timestamp::from_unix_micros(at),
            };
            let json = serde_json::to_string(&resource).unwrap();
            prop_assert_eq!(serde_json::from_str::<Resource>(&json).unwrap(), resource);
        }
    }
}
