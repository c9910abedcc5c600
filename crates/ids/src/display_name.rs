//! The name a participant shows to the others: bounded text, redacted in `Debug`.

use std::{fmt, str::FromStr};

use crate::error::{ParseIdError, check_characters, check_length, serde_through_text};

/// A name to show to people.
///
/// Any language is welcome; control characters and the invisible characters that reorder text are
/// not, because a name ends up in logs, pages and call lists beside the names of others.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct DisplayName(Box<str>);

impl DisplayName {
    /// The longest name accepted, in bytes of UTF-8: 256 letters of any script fit.
    pub const LIMIT_BYTES: usize = 1024;

    /// Returns the name of a participant who gave none.
    pub fn guest() -> Self {
        Self("Guest".into())
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DisplayName {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WHAT: &str = "display name";
        check_length(WHAT, text, Self::LIMIT_BYTES)?;
        check_characters(WHAT, text, |character| {
            !character.is_control() && !is_direction_control(character)
        })?;
        if text.trim().is_empty() {
            return Err(ParseIdError::Empty { what: WHAT });
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DisplayName(<redacted>)")
    }
}

serde_through_text!(DisplayName);

/// Embeddings, overrides and isolates of [UAX #9](https://www.unicode.org/reports/tr9/).
fn is_direction_control(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_script_are_kept() {
        for text in ["Alice", "Zoë Ångström", "山田 太郎", "Guest 👩‍🚀", "مريم"] {
            assert_eq!(text.parse::<DisplayName>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn names_that_could_forge_a_line_or_reorder_it_are_refused() {
        for text in ["", "  ", "a\r\nb", "\u{1b}[31m", "x\u{202e}y"] {
            assert!(text.parse::<DisplayName>().is_err(), "{text:?} must not parse");
        }
    }

    #[test]
    fn debug_does_not_show_the_name() {
        let name: DisplayName = "Alice".parse().unwrap();
        assert!(!format!("{name:?}").contains("Alice"));
    }
}
