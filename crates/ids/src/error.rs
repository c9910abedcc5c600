//! Why a text is not an identifier; never repeats the text, which may name a person.

use thiserror::Error;

/// Says what is wrong with a text that should have been an identifier.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum ParseIdError {
    /// The text is empty.
    #[error("{what} is empty")]
    Empty {
        /// What was being parsed.
        what: &'static str,
    },
    /// A character is not allowed there.
    #[error("{what} has a forbidden character at byte {at_byte}")]
    ForbiddenCharacter {
        /// What was being parsed.
        what: &'static str,
        /// Where the character starts.
        at_byte: usize,
    },
    /// The text does not have the form the identifier needs.
    #[error("{what} is malformed: expected {expected}")]
    Malformed {
        /// What was being parsed.
        what: &'static str,
        /// The form that was expected.
        expected: &'static str,
    },
    /// The text is longer than any identifier of this kind may be.
    #[error("{what} has {length_bytes} bytes, limit {limit_bytes}")]
    TooLong {
        /// What was being parsed.
        what: &'static str,
        /// The limit in bytes.
        limit_bytes: usize,
        /// The length in bytes that was given.
        length_bytes: usize,
    },
}

/// Checks that a text is neither empty nor longer than its limit.
pub(crate) fn check_length(
    what: &'static str,
    text: &str,
    limit_bytes: usize,
) -> Result<(), ParseIdError> {
    if text.is_empty() {
        return Err(ParseIdError::Empty { what });
    }
    if text.len() > limit_bytes {
        return Err(ParseIdError::TooLong { what, limit_bytes, length_bytes: text.len() });
    }
    Ok(())
}

/// Checks that every character of a text satisfies a predicate.
pub(crate) fn check_characters(
    what: &'static str,
    text: &str,
    is_allowed: impl Fn(char) -> bool,
) -> Result<(), ParseIdError> {
    match text.char_indices().find(|(_, character)| !is_allowed(*character)) {
        Some((at_byte, _)) => Err(ParseIdError::ForbiddenCharacter { what, at_byte }),
        None => Ok(()),
    }
}

/// Implements serde through `as_str` and `FromStr`, so that JSON and text forms never differ.
macro_rules! serde_through_text {
    ($name:ident) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use serde_through_text;
