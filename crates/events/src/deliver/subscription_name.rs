//! The name of a subscription, which receivers see in a header.

use std::{fmt, str::FromStr};

use reqwest::header::HeaderValue;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Names a subscription of a resource: 1 to 64 ASCII letters, digits, `-`, `_` and `.`, among them every
/// name that Event Grid takes.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SubscriptionName(Box<str>);

/// Says that a text is not the name of a subscription.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("not a subscription name: expected 1 to 64 ASCII letters, digits, -, _ and .")]
pub struct ParseSubscriptionNameError;

impl SubscriptionName {
    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SubscriptionName {
    type Err = ParseSubscriptionNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_allowed =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let is_fit = (1..=64).contains(&text.len()) && text.bytes().all(is_allowed);
        if is_fit { Ok(Self(text.into())) } else { Err(ParseSubscriptionNameError) }
    }
}

impl fmt::Display for SubscriptionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<&SubscriptionName> for HeaderValue {
    fn from(name: &SubscriptionName) -> Self {
        Self::from_str(&name.0).expect("names are visible ASCII")
    }
}

impl Serialize for SubscriptionName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SubscriptionName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded_and_plain() {
        for text in ["a", "My-Hook_1.2", &"x".repeat(64)] {
            let name: SubscriptionName = text.parse().unwrap();
            let json = serde_json::to_string(&name).unwrap();
            assert_eq!(serde_json::from_str::<SubscriptionName>(&json).unwrap(), name);
        }
        for text in ["", "a b", "a/b", "abc\r\n", "äöü", &"x".repeat(65)] {
            assert_eq!(text.parse::<SubscriptionName>(), Err(ParseSubscriptionNameError));
        }
    }
}
