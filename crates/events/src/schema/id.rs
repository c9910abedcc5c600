//! Ids that are derived, not drawn: the same origin gives the same event the same id.

use std::{fmt, str::FromStr};

use aws_lc_rs::digest::{Context, SHA256};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Names one event of the catalogue: a UUID of version 8, derived from what happened, so that a
/// receiver knows a repetition when it sees one.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct EventId(Uuid);

impl EventId {
    /// Makes an id from 16 bytes that the caller drew, for an event without an origin, such as the
    /// one that validates a subscription.
    pub fn from_uuid_bytes(bytes: [u8; 16]) -> Self {
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// Derives the id from what tells the event from all others.
    pub(super) fn derive(parts: &[&str]) -> Self {
        Self::from_uuid_bytes(digest("trunkline event", parts))
    }
}

impl FromStr for EventId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Derives the correlation vector that all events of one origin share.
pub(super) fn transaction_id(parts: &[&str]) -> String {
    let base = STANDARD_NO_PAD.encode(digest("trunkline transaction", parts));
    format!("{base}.0")
}

/// Hashes the parts, each behind its length, so that no two lists of parts hash alike.
fn digest(purpose: &str, parts: &[&str]) -> [u8; 16] {
    let mut context = Context::new(&SHA256);
    for part in std::iter::once(&purpose).chain(parts) {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&context.finish().as_ref()[..16]);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_parts_give_the_same_id_and_no_others_do() {
        let id = EventId::derive(&["ab", "c"]);
        assert_eq!(EventId::derive(&["ab", "c"]), id);
        for parts in [&["a", "bc"][..], &["abc"], &["ab", "c", ""], &["c", "ab"]] {
            assert_ne!(EventId::derive(parts), id);
        }
        assert_eq!(id.to_string().parse::<EventId>().unwrap(), id);
        assert_eq!(id.0.get_version_num(), 8);
    }

    #[test]
    fn a_transaction_id_is_a_correlation_vector() {
        let vector = transaction_id(&["thread", "1"]);
        assert_eq!(vector.len(), 24);
        assert!(vector.ends_with(".0"));
    }
}
