//! Identifiers whose text is opaque: bounded, printable ASCII, kept as given.

use std::{fmt, str::FromStr};

use crate::{
    error::{ParseIdError, check_characters, check_length, serde_through_text},
    uuid::CallId,
};

macro_rules! text_id {
    ($(#[$docs:meta])* $name:ident, $what:literal, $limit_bytes:literal, $is_allowed:expr) => {
        text_id!($(#[$docs])* $name, $what, $limit_bytes, $is_allowed, shown);
    };
    (
        $(#[$docs:meta])* $name:ident, $what:literal, $limit_bytes:literal, $is_allowed:expr,
        $shown:ident
    ) => {
        $(#[$docs])*
        #[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(Box<str>);

        impl $name {
            /// The longest text accepted, in bytes.
            pub const LIMIT_BYTES: usize = $limit_bytes;

            /// Makes the identifier from 16 bytes that the caller drew; its text is a UUID.
            pub fn from_uuid_bytes(bytes: [u8; 16]) -> Self {
                Self(CallId::from_uuid_bytes(bytes).as_str().into())
            }

            /// Returns the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                check_length($what, text, Self::LIMIT_BYTES)?;
                check_characters($what, text, $is_allowed)?;
                Ok(Self(text.into()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), $shown(self.as_str()))
            }
        }

        serde_through_text!($name);
    };
}

fn shown(text: &str) -> &str {
    text
}

fn redacted(_: &str) -> &str {
    "<redacted>"
}

fn is_visible(character: char) -> bool {
    character.is_ascii_graphic()
}

/// Segments of a raw id are joined by `_` and `:`, so neither may occur inside one.
fn is_segment(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '.')
}

text_id!(
    /// Names one registered endpoint of a user: a device, a tab, a process.
    EndpointId, "endpoint id", 128, is_visible
);
text_id!(
    /// Names the message of a thread that announces a meeting; see [`MeetingCoordinates`].
    ///
    /// [`MeetingCoordinates`]: crate::MeetingCoordinates
    MeetingMessageId, "meeting message id", 64, is_visible
);
text_id!(
    /// Names one operation asked of a call; its one terminal event carries it.
    OperationId, "operation id", 128, is_visible
);
/// What a raw id may hold that a join link carries without escapes in its JSON.
fn is_organizer(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '+' | '-' | '.' | ':' | '_')
}

text_id!(
    /// Names the organizer of a meeting: the object id of a directory user, else a raw id.
    OrganizerId, "organizer id", 256, is_organizer, redacted
);
text_id!(
    /// Names an app's resource: the namespace of the users it brings.
    ResourceId, "resource id", 64, is_segment
);
text_id!(
    /// Names a tenant: a directory of users with their policies.
    TenantId, "tenant id", 64, is_segment
);
text_id!(
    /// Names a chat thread.
    ThreadId, "thread id", 256, is_visible
);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_past_the_limit_is_refused_with_the_figures() {
        let long = "x".repeat(EndpointId::LIMIT_BYTES + 1);
        assert_eq!(
            long.parse::<EndpointId>(),
            Err(ParseIdError::TooLong { what: "endpoint id", limit_bytes: 128, length_bytes: 129 })
        );
        assert!("x".repeat(EndpointId::LIMIT_BYTES).parse::<EndpointId>().is_ok());
    }

    #[test]
    fn control_characters_blanks_and_empty_texts_are_refused() {
        for text in ["", " ", "a b", "a\nb", "a\0", "\u{7f}", "ä", "a\u{202e}b"] {
            assert!(text.parse::<ThreadId>().is_err(), "{text:?} must not parse");
        }
        for text in ["a_b", "a:b", "a/b", ""] {
            assert!(text.parse::<TenantId>().is_err(), "{text:?} must not parse");
        }
    }

    #[test]
    fn a_thread_id_of_the_original_is_kept_as_it_is() {
        let text = "19:meeting_NWNlZmNkYTgtMWVk@thread.v2";
        assert_eq!(text.parse::<ThreadId>().unwrap().to_string(), text);
    }

    proptest! {
        #[test]
        fn text_ids_round_trip(text in "[!-~]{1,128}") {
            let id: OperationId = text.parse().unwrap();
            prop_assert_eq!(id.as_str(), &text);
            let json = serde_json::to_string(&id).unwrap();
            prop_assert_eq!(serde_json::from_str::<OperationId>(&json).unwrap(), id);
        }

        #[test]
        fn segment_ids_round_trip(text in "[A-Za-z0-9.-]{1,64}") {
            prop_assert_eq!(&text.parse::<TenantId>().unwrap().to_string(), &text);
            prop_assert_eq!(&text.parse::<ResourceId>().unwrap().to_string(), &text);
        }
    }
}
