//! Phone numbers in E.164 form and the phone identifier built on them.

use std::{fmt, str::FromStr};

use crate::error::{ParseIdError, check_length, serde_through_text};

/// A phone number as [ITU-T E.164](https://www.itu.int/rec/T-REC-E.164) writes it: `+`, then two to
/// fifteen digits of which the first is not zero.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct E164(Box<str>);

impl E164 {
    /// The longest form accepted: `+` and fifteen digits.
    pub const LIMIT_BYTES: usize = 16;

    /// Returns the number with its leading `+`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for E164 {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WHAT: &str = "phone number";
        check_length(WHAT, text, Self::LIMIT_BYTES)?;
        let malformed = ParseIdError::Malformed {
            what: WHAT,
            expected: "+ and 2 to 15 digits, the first not zero",
        };
        let digits = text.strip_prefix('+').ok_or(malformed)?;
        let is_fit = digits.len() >= 2
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        if is_fit { Ok(Self(text.into())) } else { Err(malformed) }
    }
}

impl fmt::Display for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("E164(<redacted>)")
    }
}

serde_through_text!(E164);

/// Someone on the phone network.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum PhoneNumber {
    /// A caller who withheld the number: raw id `4:anonymous`.
    Anonymous,
    /// A number, perhaps with the identity that the network asserts for it.
    Number {
        /// The number.
        number: E164,
        /// Tells two callers with the same number apart; without `_`, printed as suffix `_<id>`.
        asserted_id: Option<AssertedId>,
    },
}

impl PhoneNumber {
    /// Makes the identifier of a number without an asserted identity.
    pub fn new(number: E164) -> Self {
        Self::Number { number, asserted_id: None }
    }

    /// Returns the number, unless it was withheld.
    pub fn number(&self) -> Option<&E164> {
        match self {
            Self::Anonymous => None,
            Self::Number { number, .. } => Some(number),
        }
    }

    /// Returns the asserted identity, if there is one.
    pub fn asserted_id(&self) -> Option<&str> {
        match self {
            Self::Anonymous => None,
            Self::Number { asserted_id, .. } => asserted_id.as_ref().map(AssertedId::as_str),
        }
    }

    /// Returns whether the number was withheld.
    pub fn is_anonymous(&self) -> bool {
        match self {
            Self::Anonymous => true,
            Self::Number { .. } => false,
        }
    }

    /// Parses what follows `4:` in a raw id.
    pub(crate) fn from_raw_suffix(suffix: &str) -> Option<Self> {
        if suffix == "anonymous" {
            return Some(Self::Anonymous);
        }
        let (number, asserted_id) = match suffix.split_once('_') {
            Some((number, asserted_id)) => (number, Some(asserted_id.parse().ok()?)),
            None => (suffix, None),
        };
        Some(Self::Number { number: number.parse().ok()?, asserted_id })
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("anonymous"),
            Self::Number { number, asserted_id: None } => f.write_str(number.as_str()),
            Self::Number { number, asserted_id: Some(asserted_id) } => {
                write!(f, "{}_{}", number.as_str(), asserted_id.as_str())
            }
        }
    }
}

/// The identity that the phone network asserts for a caller.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AssertedId(Box<str>);

impl AssertedId {
    /// The longest identity accepted, in bytes.
    pub const LIMIT_BYTES: usize = 128;

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AssertedId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WHAT: &str = "asserted id";
        check_length(WHAT, text, Self::LIMIT_BYTES)?;
        let is_fit = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'_');
        if is_fit {
            Ok(Self(text.into()))
        } else {
            Err(ParseIdError::Malformed { what: WHAT, expected: "visible ASCII without `_`" })
        }
    }
}

impl fmt::Debug for AssertedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AssertedId(<redacted>)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_e164_numbers_parse() {
        let cases = [
            ("+14255550100", true),
            ("+12", true),
            ("+123456789012345", true),
            ("+1234567890123456", false),
            ("+1", false),
            ("+", false),
            ("", false),
            ("14255550100", false),
            ("+04255550100", false),
            ("+1 425 555 0100", false),
            ("+1425555010a", false),
            ("+١٤٢٥", false),
            ("911", false),
        ];
        for (text, is_fit) in cases {
            assert_eq!(text.parse::<E164>().is_ok(), is_fit, "{text:?}");
        }
    }

    #[test]
    fn debug_does_not_show_the_number() {
        let number: E164 = "+14255550100".parse().unwrap();
        assert!(!format!("{:?}", PhoneNumber::new(number)).contains("4255550100"));
    }

    proptest! {
        #[test]
        fn numbers_round_trip(text in "\\+[1-9][0-9]{1,14}") {
            let number: E164 = text.parse().unwrap();
            prop_assert_eq!(number.to_string(), text);
        }
    }
}
