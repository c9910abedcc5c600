//! The id and the passcode of a meeting: both are secrets, so neither prints unless asked by name.

use std::{fmt, str::FromStr};

use subtle::ConstantTimeEq;

use crate::error::{ParseIdError, check_characters, check_length};

/// The id by which a meeting is joined: 12 digits.
///
/// It has no `Display` and no serde: whoever needs the digits calls [`JoinMeetingId::reveal`].
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct JoinMeetingId([u8; Self::DIGITS]);

/// The passcode beside the id: 6 characters, and case counts.
///
/// It has no `Display`, no serde, no order and no hash; two are compared in a time that does not
/// depend on what they are.
#[derive(Clone, Copy, Eq)]
pub struct Passcode([u8; Self::CHARACTERS]);

/// An id with its passcode.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct JoinCode {
    /// The id.
    pub id: JoinMeetingId,
    /// The passcode.
    pub passcode: Passcode,
}

impl JoinMeetingId {
    /// How many digits an id has.
    pub const DIGITS: usize = 12;

    /// Makes an id from bytes that the caller drew.
    ///
    /// There are 9·10¹¹ ids, so the caller asks whether a fresh one is taken and draws again.
    pub fn from_bytes(bytes: [u8; 8]) -> Self {
        const FIRST: u64 = 100_000_000_000;
        let mut rest = FIRST + u64::from_le_bytes(bytes) % (9 * FIRST);
        let mut digits = [b'0'; Self::DIGITS];
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
        }
        Self(digits)
    }

    /// Returns the digits.
    pub fn reveal(&self) -> &str {
        std::str::from_utf8(&self.0).expect("constructors write digits only")
    }

    /// Returns the digits in groups of three, as invitations print them.
    pub fn reveal_grouped(&self) -> String {
        let groups: Vec<_> = self.0.chunks(3).map(String::from_utf8_lossy).collect();
        groups.join(" ")
    }
}

impl FromStr for JoinMeetingId {
    type Err = ParseIdError;

    /// Reads twelve digits; spaces and hyphens between them are skipped, because people copy them.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WHAT: &str = "meeting id";
        check_length(WHAT, text, 4 * Self::DIGITS)?;
        let malformed = ParseIdError::Malformed { what: WHAT, expected: "12 digits" };
        check_characters(WHAT, text, |character| {
            character.is_ascii_digit() || matches!(character, ' ' | '-')
        })?;
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_digit).collect();
        digits.try_into().map(Self).map_err(|_| malformed)
    }
}

impl fmt::Debug for JoinMeetingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JoinMeetingId(<redacted>)")
    }
}

impl Passcode {
    /// How many characters a passcode has.
    pub const CHARACTERS: usize = 6;

    /// Makes a passcode from bytes that the caller drew: letters and digits that are not taken for
    /// one another, 57 to the power of six of them.
    pub fn from_bytes(bytes: [u8; 8]) -> Self {
        const ALPHABET: &[u8] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
        const SIZE: u64 = ALPHABET.len() as u64;
        let mut rest = u64::from_le_bytes(bytes);
        let mut characters = [0; Self::CHARACTERS];
        for character in &mut characters {
            let at = usize::try_from(rest % SIZE).unwrap_or(0);
            *character = ALPHABET[at];
            rest /= SIZE;
        }
        Self(characters)
    }

    /// Returns the characters.
    pub fn reveal(&self) -> &str {
        std::str::from_utf8(&self.0).expect("constructors write ASCII only")
    }

    /// Returns whether two passcodes are one, in a time that does not depend on what they are.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl PartialEq for Passcode {
    fn eq(&self, other: &Self) -> bool {
        self.matches(other)
    }
}

impl FromStr for Passcode {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WHAT: &str = "passcode";
        let malformed = ParseIdError::Malformed { what: WHAT, expected: "6 letters or digits" };
        let characters: [u8; Self::CHARACTERS] =
            text.as_bytes().try_into().map_err(|_| malformed)?;
        match characters.iter().all(u8::is_ascii_alphanumeric) {
            true => Ok(Self(characters)),
            false => Err(malformed),
        }
    }
}

impl fmt::Debug for Passcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passcode(<redacted>)")
    }
}

impl JoinCode {
    /// How many bytes [`JoinCode::to_bytes`] returns.
    pub const BYTES: usize = JoinMeetingId::DIGITS + Passcode::CHARACTERS;

    /// Returns the code as bytes for a store, which encrypts them.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..JoinMeetingId::DIGITS].copy_from_slice(&self.id.0);
        bytes[JoinMeetingId::DIGITS..].copy_from_slice(&self.passcode.0);
        bytes
    }

    /// Reads what [`JoinCode::to_bytes`] wrote.
    ///
    /// # Errors
    ///
    /// Refuses bytes that are no code.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ParseIdError> {
        let malformed = ParseIdError::Malformed { what: "join code", expected: "18 characters" };
        let text = std::str::from_utf8(bytes).map_err(|_| malformed)?;
        let (id, passcode) = text.split_at_checked(JoinMeetingId::DIGITS).ok_or(malformed)?;
        let is_plain = id.bytes().all(|byte| byte.is_ascii_digit());
        if !is_plain {
            return Err(malformed);
        }
        Ok(Self { id: id.parse()?, passcode: passcode.parse()? })
    }
}

impl fmt::Debug for JoinCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JoinCode(<redacted>)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn digits_are_read_as_invitations_print_them() {
        let id: JoinMeetingId = "123 456 789 012".parse().unwrap();
        assert_eq!(id.reveal(), "123456789012");
        assert_eq!(id.reveal_grouped(), "123 456 789 012");
        assert_eq!("123-456-789-012".parse(), Ok(id));
    }

    #[test]
    fn texts_that_are_no_code_are_refused() {
        for text in ["", "12345678901", "1234567890123", "12345678901x", "\u{ff11}2345678901"] {
            assert!(text.parse::<JoinMeetingId>().is_err(), "{text:?}");
        }
        for text in ["", "aB3dE", "aB3dEf7", "aB3 Ef", "äB3dE", "aB3dE\n"] {
            assert!(text.parse::<Passcode>().is_err(), "{text:?}");
        }
        assert!(JoinCode::from_bytes(b"123 456 789 aB3dEf").is_err());
        assert!(JoinCode::from_bytes(&[0xff; JoinCode::BYTES]).is_err());
    }

    #[test]
    fn case_counts_in_a_passcode() {
        let passcode: Passcode = "aB3dEf".parse().unwrap();
        assert!(passcode.matches(&"aB3dEf".parse().unwrap()));
        for other in ["ab3dEf", "AB3dEf", "aB3dEF", "aB3dEg"] {
            assert!(!passcode.matches(&other.parse().unwrap()), "{other}");
        }
    }

    #[test]
    fn debug_shows_neither() {
        let code =
            JoinCode { id: "123456789012".parse().unwrap(), passcode: "aB3dEf".parse().unwrap() };
        let shown = format!("{code:?} {:?} {:?}", code.id, code.passcode);
        assert!(!shown.contains("123456") && !shown.contains("aB3dEf"), "{shown}");
    }

    proptest! {
        #[test]
        fn drawn_codes_are_legal_and_round_trip(id: [u8; 8], passcode: [u8; 8]) {
            let code = JoinCode {
                id: JoinMeetingId::from_bytes(id),
                passcode: Passcode::from_bytes(passcode),
            };
            prop_assert_eq!(code.id.reveal().parse::<JoinMeetingId>().unwrap(), code.id);
            prop_assert_eq!(code.id.reveal_grouped().parse::<JoinMeetingId>().unwrap(), code.id);
            prop_assert_eq!(code.passcode.reveal().parse::<Passcode>().unwrap(), code.passcode);
            prop_assert_eq!(JoinCode::from_bytes(&code.to_bytes()).unwrap(), code);
        }

        #[test]
        fn any_bytes_are_a_code_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..24)) {
            if let Ok(code) = JoinCode::from_bytes(&bytes) {
                prop_assert_eq!(code.to_bytes().to_vec(), bytes);
            }
        }
    }
}
