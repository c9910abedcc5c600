//! Identifiers whose text is a UUID: held inline, so that they are `Copy` and cost no allocation.

use std::{fmt, str::FromStr};

use crate::error::{ParseIdError, serde_through_text};

/// Length of the hyphenated text form of a UUID.
const TEXT_BYTES: usize = 36;
const HYPHENS_AT: [usize; 4] = [8, 13, 18, 23];
const EXPECTED: &str = "a hyphenated UUID";

/// Prints 16 bytes in the hyphenated lower-case form of [RFC 9562 §4].
///
/// [RFC 9562 §4]: https://www.rfc-editor.org/rfc/rfc9562#section-4
fn text_of(bytes: [u8; 16]) -> [u8; TEXT_BYTES] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'-'; TEXT_BYTES];
    let mut at = 0;
    for byte in bytes {
        if HYPHENS_AT.contains(&at) {
            at += 1;
        }
        text[at] = DIGITS[usize::from(byte >> 4)];
        text[at + 1] = DIGITS[usize::from(byte & 0x0f)];
        at += 2;
    }
    text
}

fn parse(what: &'static str, text: &str) -> Result<[u8; TEXT_BYTES], ParseIdError> {
    if text.is_empty() {
        return Err(ParseIdError::Empty { what });
    }
    if text.len() > TEXT_BYTES {
        return Err(ParseIdError::TooLong {
            what,
            limit_bytes: TEXT_BYTES,
            length_bytes: text.len(),
        });
    }
    let mut canonical = [0; TEXT_BYTES];
    let malformed = ParseIdError::Malformed { what, expected: EXPECTED };
    if text.len() != TEXT_BYTES {
        return Err(malformed);
    }
    for (at, byte) in text.bytes().enumerate() {
        let is_fit = if HYPHENS_AT.contains(&at) { byte == b'-' } else { byte.is_ascii_hexdigit() };
        if !is_fit {
            return Err(malformed);
        }
        canonical[at] = byte.to_ascii_lowercase();
    }
    Ok(canonical)
}

macro_rules! uuid_id {
    ($(#[$docs:meta])* $name:ident, $what:literal) => {
        $(#[$docs])*
        #[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name([u8; TEXT_BYTES]);

        impl $name {
            /// Makes the identifier from 16 bytes that the caller drew or derived.
            pub fn from_uuid_bytes(bytes: [u8; 16]) -> Self {
                Self(text_of(bytes))
            }

            /// Returns the canonical text: a lower-case hyphenated UUID.
            pub fn as_str(&self) -> &str {
                std::str::from_utf8(&self.0).expect("constructors write ASCII only")
            }

            /// Returns the 16 bytes that the text spells.
            pub fn to_uuid_bytes(&self) -> [u8; 16] {
                bytes_of(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                parse($what, text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.as_str())
            }
        }

        serde_through_text!($name);
    };
}

fn bytes_of(text: &[u8; TEXT_BYTES]) -> [u8; 16] {
    let mut bytes = [0; 16];
    let digits = text.iter().filter(|byte| **byte != b'-');
    for (at, digit) in digits.enumerate() {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            _ => digit - b'a' + 10,
        };
        bytes[at / 2] = (bytes[at / 2] << 4) | value;
    }
    bytes
}

uuid_id!(
    /// Names one call: the conference, not one side of it.
    CallId, "call id"
);
uuid_id!(
    /// Names one call connection: one side's leg of a call.
    CallConnectionId, "call connection id"
);
uuid_id!(
    /// Names the group call that everybody joins who knows the same group id.
    GroupId, "group id"
);
uuid_id!(
    /// Names one meeting, for its whole life; no secret, and no way to join.
    MeetingId, "meeting id"
);
uuid_id!(
    /// Names one participant within one call.
    ParticipantId, "participant id"
);
uuid_id!(
    /// Names one signaling session of a client; worthless without the token it was opened with.
    SessionId, "session id"
);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bytes_print_as_a_hyphenated_uuid() {
        let id = CallId::from_uuid_bytes(
            *b"\x12\x34\x56\x78\x9a\xbc\xde\xf0\x01\x23\x45\x67\x89\xab\xcd\xef",
        );
        assert_eq!(id.to_string(), "12345678-9abc-def0-0123-456789abcdef");
        assert_eq!(format!("{id:?}"), "CallId(12345678-9abc-def0-0123-456789abcdef)");
    }

    #[test]
    fn upper_case_parses_to_the_canonical_lower_case() {
        let id: GroupId = "29228D3E-040E-4656-A70E-890AB4E173E5".parse().unwrap();
        assert_eq!(id.as_str(), "29228d3e-040e-4656-a70e-890ab4e173e5");
    }

    #[test]
    fn other_texts_are_refused() {
        let cases = [
            "",
            "29228d3e040e4656a70e890ab4e173e5",
            "{29228d3e-040e-4656-a70e-890ab4e173e5}",
            "29228d3e-040e-4656-a70e-890ab4e173e",
            "29228d3e-040e-4656-a70e-890ab4e173e55",
            "29228d3e-040e-4656-a70e-890ab4e173eg",
            "29228d3e-040e-4656-a70e+890ab4e173e5",
            "ä9228d3e-040e-4656-a70e-890ab4e173e",
        ];
        for case in cases {
            assert!(case.parse::<CallId>().is_err(), "{case:?} must not parse");
        }
    }

    proptest! {
        #[test]
        fn uuid_ids_round_trip(bytes: [u8; 16]) {
            let id = ParticipantId::from_uuid_bytes(bytes);
            prop_assert_eq!(id.to_uuid_bytes(), bytes);
            prop_assert_eq!(id.to_string().parse::<ParticipantId>().unwrap(), id);
            let json = serde_json::to_string(&id).unwrap();
            prop_assert_eq!(serde_json::from_str::<ParticipantId>(&json).unwrap(), id);
        }

        #[test]
        fn any_text_parses_or_is_refused_without_panic(text in "\\PC{0,60}") {
            if let Ok(id) = text.parse::<SessionId>() {
                prop_assert_eq!(id.as_str(), text.to_ascii_lowercase());
            }
        }
    }
}
