//! Values in columns: JSON bodies, times, counts.

use serde::{Serialize, de::DeserializeOwned};
use trunkline_clock::Timestamp;

use crate::{error::StoreError, sqlite::failure::corrupt};

/// Writes a value as compact JSON.
pub(super) fn to_json<T: Serialize>(what: &'static str, value: &T) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(corrupt(what))
}

/// Reads a value from JSON.
pub(super) fn from_json<T: DeserializeOwned>(
    what: &'static str,
    bytes: &[u8],
) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|error| corrupt(what)(JsonBroken::from(&error)))
}

/// Where JSON is broken. Its own error repeats what it found there, which may be what somebody said.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("JSON broken at byte {at_byte}: {category:?}")]
pub(super) struct JsonBroken {
    at_byte: usize,
    category: serde_json::error::Category,
}

impl From<&serde_json::Error> for JsonBroken {
    fn from(error: &serde_json::Error) -> Self {
        // It is all on one line.
        Self { at_byte: error.column(), category: error.classify() }
    }
}

/// Reads an identifier from its text.
pub(super) fn from_text<T>(what: &'static str, text: &str) -> Result<T, StoreError>
where
    T: std::str::FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    text.parse().map_err(corrupt(what))
}

/// Reads a time.
pub(super) fn time(micros: i64) -> Timestamp {
    Timestamp::from_unix_micros(micros)
}

/// Returns a limit as SQL wants it; the largest when it is beyond.
pub(super) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// Returns a place, a sequence or a version as SQL wants it; the largest when it is beyond, which is
/// none that was ever given.
pub(super) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    #[test]
    fn an_error_says_where_json_is_broken_and_not_what_is_there() {
        let error = from_json::<u32>("message", br#""the launch code""#).unwrap_err();
        assert_eq!(error.to_string(), "cannot read a stored message");
        let source = error.source().unwrap().to_string();
        assert!(source.starts_with("JSON broken at byte"), "{source}");
        assert!(!format!("{error:?}").contains("launch"));
    }
}
