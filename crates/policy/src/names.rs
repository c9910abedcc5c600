//! Names that an administrator gives: bounded text, with one constructor.

use std::{borrow::Borrow, fmt, str::FromStr};

use trunkline_ids::{Cloud, CommunicationIdentifier, MicrosoftTeamsUser, ParseIdError};

macro_rules! name {
    (
        $(#[$docs:meta])*
        $name:ident, $what:literal, $limit_bytes:literal, $is_allowed:expr, $debug:expr
    ) => {
        $(#[$docs])*
        #[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(Box<str>);

        impl $name {
            /// The longest text accepted, in bytes.
            pub const LIMIT_BYTES: usize = $limit_bytes;

            /// Returns the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                check($what, text, Self::LIMIT_BYTES, $is_allowed)?;
                Ok(Self(text.into()))
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let show: fn(&str) -> &str = $debug;
                write!(f, "{}({})", stringify!($name), show(&self.0))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
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

name!(
    /// The short sign-in name of a directory user, such as `bob`.
    Alias, "alias", 64, is_alias, redacted
);
name!(
    /// Names a group of a directory, to which policies may be granted.
    DirectoryGroupId, "directory group id", 64, is_segment, shown
);
name!(
    /// The object id that a directory gives to one of its users; a GUID where the directory is
    /// Microsoft's.
    ObjectId, "object id", 64, is_object_id, redacted
);
name!(
    /// Names a policy of a tenant; [`PolicyName::global`] is the one that applies to everybody.
    PolicyName, "policy name", 128, is_printable, shown
);
name!(
    /// The name of an app's resource, for people.
    ResourceName, "resource name", 128, is_printable, shown
);
name!(
    /// Names a segment of a directory: people between whom a barrier may stand.
    SegmentId, "segment id", 64, is_segment, shown
);
name!(
    /// The name of a tenant, for people.
    TenantName, "tenant name", 128, is_printable, shown
);

impl ObjectId {
    /// Returns the identifier of the user: `8:orgid:<object id>`.
    pub fn identifier(&self) -> CommunicationIdentifier {
        let user = MicrosoftTeamsUser::new(&self.0, Cloud::Public);
        CommunicationIdentifier::MicrosoftTeamsUser(
            user.expect("every object id is a legal segment: checked when parsed"),
        )
    }
}

impl PolicyName {
    /// Returns the name of the policy that applies where no other one is granted: `Global`.
    pub fn global() -> Self {
        Self("Global".into())
    }

    /// Returns whether this is the policy that applies where no other one is granted.
    pub fn is_global(&self) -> bool {
        *self == Self::global()
    }
}

fn check(
    what: &'static str,
    text: &str,
    limit_bytes: usize,
    is_allowed: fn(char) -> bool,
) -> Result<(), ParseIdError> {
    if text.trim().is_empty() {
        return Err(ParseIdError::Empty { what });
    }
    if text.len() > limit_bytes {
        return Err(ParseIdError::TooLong { what, limit_bytes, length_bytes: text.len() });
    }
    match text.char_indices().find(|(_, character)| !is_allowed(*character)) {
        Some((at_byte, _)) => Err(ParseIdError::ForbiddenCharacter { what, at_byte }),
        None => Ok(()),
    }
}

/// Whatever sign-in names are made of, but no `:`: an alias never looks like a raw id.
fn is_alias(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '+' | '-' | '.' | '@' | '_')
}

/// What the last segment of a directory user's raw id may hold.
fn is_object_id(character: char) -> bool {
    is_segment(character) || character == '_'
}

fn is_segment(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '.')
}

/// Any script, but nothing that could forge a line of a log or reorder one.
fn is_printable(character: char) -> bool {
    !character.is_control()
        && !matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn redacted(_: &str) -> &str {
    "<redacted>"
}

fn shown(text: &str) -> &str {
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_that_are_no_names_are_refused() {
        for text in ["", " ", "a b", "a:b", "ä", "a\n"] {
            assert!(text.parse::<Alias>().is_err(), "{text:?} must not parse");
            assert!(text.parse::<ObjectId>().is_err(), "{text:?} must not parse");
            assert!(text.parse::<SegmentId>().is_err(), "{text:?} must not parse");
        }
        for text in ["", "  ", "a\nb", "x\u{202e}y"] {
            assert!(text.parse::<TenantName>().is_err(), "{text:?} must not parse");
        }
        assert_eq!(
            "x".repeat(65).parse::<Alias>(),
            Err(ParseIdError::TooLong { what: "alias", limit_bytes: 64, length_bytes: 65 })
        );
    }

    #[test]
    fn debug_shows_no_person() {
        let (alias, id): (Alias, ObjectId) = ("bob".parse().unwrap(), "b-0-b".parse().unwrap());
        assert_eq!(format!("{alias:?} {id:?}"), "Alias(<redacted>) ObjectId(<redacted>)");
    }

    #[test]
    fn an_object_id_names_the_directory_user() {
        let id: ObjectId = "33333333-3333-4333-8333-333333333333".parse().unwrap();
        assert_eq!(id.identifier().to_string(), "8:orgid:33333333-3333-4333-8333-333333333333");
    }

    proptest! {
        #[test]
        fn names_round_trip(text in "[A-Za-z0-9._-]{1,64}") {
            let id: ObjectId = text.parse().unwrap();
            prop_assert_eq!(id.identifier().to_string(), format!("8:orgid:{text}"));
            let json = serde_json::to_string(&id).unwrap();
            prop_assert_eq!(serde_json::from_str::<ObjectId>(&json).unwrap(), id);
        }

        #[test]
        fn any_text_is_a_name_or_refused(text in "\\PC{0,140}") {
            if let Ok(name) = text.parse::<TenantName>() {
                prop_assert_eq!(name.as_str(), &text);
            }
        }
    }
}
