//! The link by which a meeting is joined: an https origin, and the coordinates in path and query.

use std::{borrow::Cow, fmt, str::FromStr};

use serde::Deserialize;
use thiserror::Error;

use crate::{
    error::{ParseIdError, serde_through_text},
    meeting::MeetingCoordinates,
};

/// A join link: `https://<origin>/l/meetup-join/<thread>/<message>?context={"Tid":…,"Oid":…}`, the
/// thread, the message and the context percent-encoded.
///
/// Whoever has it may ask to join, so `Debug` does not show it.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct JoinLink {
    origin: Box<str>,
    coordinates: MeetingCoordinates,
}

/// Why a text is not a join link; never repeats the text.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum ParseJoinLinkError {
    /// The context of the link is missing or says no tenant or no organizer.
    #[error("join link has no readable context with Tid and Oid")]
    Context,
    /// Something in the link is encoded wrongly.
    #[error("join link is percent-encoded wrongly")]
    Encoding,
    /// An id in the link is malformed.
    #[error(transparent)]
    Id(#[from] ParseIdError),
    /// The origin is not `https://` with a host.
    #[error("join link does not start with https:// and a host")]
    Origin,
    /// The path is not that of a join link.
    #[error("join link has another path than /l/meetup-join/<thread>/<message>")]
    Path,
    /// The text is too long.
    #[error("join link has {length_bytes} bytes, limit {}", JoinLink::LIMIT_BYTES)]
    TooLong {
        /// The length in bytes that was given.
        length_bytes: usize,
    },
}

impl JoinLink {
    /// The longest link accepted, in bytes.
    pub const LIMIT_BYTES: usize = 4_096;

    /// Makes the link to a meeting of the exchange at an origin such as `https://meet.example:8443`.
    ///
    /// # Errors
    ///
    /// Refuses an origin that is not https, or has more than a host and a port.
    pub fn new(origin: &str, coordinates: MeetingCoordinates) -> Result<Self, ParseJoinLinkError> {
        let host = origin.strip_prefix(SCHEME).ok_or(ParseJoinLinkError::Origin)?;
        check_host(host)?;
        Ok(Self { origin: origin.to_ascii_lowercase().into(), coordinates })
    }

    /// Returns the origin.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Returns the coordinates that the link says.
    pub fn coordinates(&self) -> &MeetingCoordinates {
        &self.coordinates
    }
}

impl FromStr for JoinLink {
    type Err = ParseJoinLinkError;

    /// Reads a link. Members of the context and parameters that mean nothing here are skipped.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let length_bytes = text.len();
        if length_bytes > Self::LIMIT_BYTES {
            return Err(ParseJoinLinkError::TooLong { length_bytes });
        }
        let scheme = text.get(..SCHEME.len()).ok_or(ParseJoinLinkError::Origin)?;
        if !scheme.eq_ignore_ascii_case(SCHEME) {
            return Err(ParseJoinLinkError::Origin);
        }
        let rest = &text[SCHEME.len()..];
        let (host, path_and_query) = rest.split_once('/').ok_or(ParseJoinLinkError::Path)?;
        check_host(host)?;
        let before_fragment = path_and_query.split('#').next().unwrap_or_default();
        let (path, query) = before_fragment.split_once('?').ok_or(ParseJoinLinkError::Context)?;
        let mut segments = path.strip_prefix(PATH).ok_or(ParseJoinLinkError::Path)?.split('/');
        let (Some(thread), Some(message), None) =
            (segments.next(), segments.next(), segments.next())
        else {
            return Err(ParseJoinLinkError::Path);
        };
        let context = query
            .split('&')
            .find_map(|parameter| parameter.strip_prefix("context="))
            .ok_or(ParseJoinLinkError::Context)?;
        let context = decode(context)?;
        let context: Context =
            serde_json::from_str(&context).map_err(|_| ParseJoinLinkError::Context)?;
        let coordinates = MeetingCoordinates {
            thread_id: decode(thread)?.parse()?,
            organizer_id: context.oid.parse()?,
            tenant_id: context.tid.parse()?,
            message_id: decode(message)?.parse()?,
        };
        let origin = format!("{SCHEME}{host}").to_ascii_lowercase();
        Ok(Self { origin: origin.into(), coordinates })
    }
}

impl fmt::Display for JoinLink {
    /// Prints the canonical form, whose escapes are lower-case as those of the original.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MeetingCoordinates { thread_id, organizer_id, tenant_id, message_id } =
            &self.coordinates;
        // Neither id holds a character that JSON would escape: their constructors see to it.
        let context = format!(r#"{{"Tid":"{tenant_id}","Oid":"{organizer_id}"}}"#);
        write!(
            f,
            "{}/{PATH}{}/{}?context={}",
            self.origin,
            Encoded(thread_id.as_str()),
            Encoded(message_id.as_str()),
            Encoded(&context)
        )
    }
}

impl fmt::Debug for JoinLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinLink({}/<redacted>)", self.origin)
    }
}

serde_through_text!(JoinLink);

#[derive(Deserialize)]
struct Context<'a> {
    #[serde(borrow, rename = "Oid")]
    oid: Cow<'a, str>,
    #[serde(borrow, rename = "Tid")]
    tid: Cow<'a, str>,
}

/// Prints a text percent-encoded: everything but the unreserved characters of [RFC 3986 §2.3].
///
/// [RFC 3986 §2.3]: https://www.rfc-editor.org/rfc/rfc3986#section-2.3
struct Encoded<'a>(&'a str);

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.bytes().try_for_each(|byte| match byte {
            b'-' | b'.' | b'_' | b'~' => write!(f, "{}", char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => write!(f, "{}", char::from(byte)),
            _ => write!(f, "%{byte:02x}"),
        })
    }
}

fn decode(text: &str) -> Result<String, ParseJoinLinkError> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let (high, low) = (bytes.next().and_then(hex), bytes.next().and_then(hex));
        let (Some(high), Some(low)) = (high, low) else {
            return Err(ParseJoinLinkError::Encoding);
        };
        decoded.push((high << 4) | low);
    }
    String::from_utf8(decoded).map_err(|_| ParseJoinLinkError::Encoding)
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// A host and perhaps a port. No `@`: what stands before it would look like the host.
fn check_host(host: &str) -> Result<(), ParseJoinLinkError> {
    let is_fit = !host.is_empty()
        && host.len() <= 255
        && host.bytes().all(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b':' | b'[' | b']')
        });
    if is_fit { Ok(()) } else { Err(ParseJoinLinkError::Origin) }
}

const SCHEME: &str = "https://";
const PATH: &str = "l/meetup-join/";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LINK: &str = "https://meet.example:8443/l/meetup-join/\
        19%3ameeting_NWNlZmNk%40thread.v2/0?context=\
        %7b%22Tid%22%3a%2272f988bf%22%2c%22Oid%22%3a%22b7f2%22%7d";

    fn coordinates() -> MeetingCoordinates {
        MeetingCoordinates {
            thread_id: "19:meeting_NWNlZmNk@thread.v2".parse().unwrap(),
            organizer_id: "b7f2".parse().unwrap(),
            tenant_id: "72f988bf".parse().unwrap(),
            message_id: "0".parse().unwrap(),
        }
    }

    #[test]
    fn a_link_says_the_coordinates() {
        let link: JoinLink = LINK.parse().unwrap();
        assert_eq!(*link.coordinates(), coordinates());
        assert_eq!(link.origin(), "https://meet.example:8443");
        assert_eq!(link.to_string(), LINK);
        assert_eq!(JoinLink::new("https://meet.example:8443", coordinates()).unwrap(), link);
    }

    #[test]
    fn other_spellings_of_a_link_are_read() {
        for text in [
            LINK.replace("%3a", "%3A"),
            LINK.replace("https://meet", "HTTPS://Meet"),
            LINK.replace("?context", "?anon=true&context"),
            format!("{LINK}&launchType=web#top"),
            LINK.replace("%7d", "%2c%22MessageId%22%3a%227%22%7d"),
            LINK.replace("19%3ameeting_NWNlZmNk%40", "19:meeting_NWNlZmNk@"),
        ] {
            assert_eq!(text.parse::<JoinLink>().unwrap().to_string(), LINK, "{text}");
        }
    }

    #[test]
    fn texts_that_are_no_join_link_are_refused_for_what_is_wrong() {
        let long = format!("{LINK}&x={}", "y".repeat(JoinLink::LIMIT_BYTES));
        let cases = [
            (LINK.replace("https", "http"), ParseJoinLinkError::Origin),
            (LINK.replace("meet.", "user@meet."), ParseJoinLinkError::Origin),
            (LINK.replace("meet.example:8443", ""), ParseJoinLinkError::Origin),
            (LINK.replace("/l/", "/x/"), ParseJoinLinkError::Path),
            (LINK.replace("/0?", "/0/1?"), ParseJoinLinkError::Path),
            (LINK.replace("/0?", "?"), ParseJoinLinkError::Path),
            (LINK.replace("context", "text"), ParseJoinLinkError::Context),
            (LINK.replace("Tid", "tid"), ParseJoinLinkError::Context),
            (LINK.replace("%7d", ""), ParseJoinLinkError::Context),
            (LINK.replace("%7d", "%7"), ParseJoinLinkError::Encoding),
            (LINK.replace("%40", "%ff"), ParseJoinLinkError::Encoding),
            (long.clone(), ParseJoinLinkError::TooLong { length_bytes: long.len() }),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<JoinLink>(), Err(expected), "{text}");
        }
        assert!(matches!(
            LINK.replace("b7f2", "b%207").parse::<JoinLink>(),
            Err(ParseJoinLinkError::Id(_))
        ));
    }

    #[test]
    fn every_prefix_of_a_link_is_refused_or_read_without_panic() {
        for end in 0..LINK.len() {
            assert!(LINK[..end].parse::<JoinLink>().is_err(), "{end}");
        }
    }

    #[test]
    fn debug_shows_no_coordinate() {
        let shown = format!("{:?} {:?}", LINK.parse::<JoinLink>().unwrap(), coordinates());
        assert!(!shown.contains("b7f2"), "{shown}");
    }

    proptest! {
        #[test]
        fn links_round_trip(
            thread in "[!-~]{1,64}",
            organizer in "[A-Za-z0-9._:+-]{1,64}",
            tenant in "[A-Za-z0-9.-]{1,36}",
            message in "[!-~]{1,32}",
        ) {
            let coordinates = MeetingCoordinates {
                thread_id: thread.parse().unwrap(),
                organizer_id: organizer.parse().unwrap(),
                tenant_id: tenant.parse().unwrap(),
                message_id: message.parse().unwrap(),
            };
            let link = JoinLink::new("https://localhost", coordinates.clone()).unwrap();
            let read: JoinLink = link.to_string().parse().unwrap();
            prop_assert_eq!(read.coordinates(), &coordinates);
            prop_assert_eq!(read, link);
        }

        #[test]
        fn any_text_is_read_or_refused_without_panic(text in "\\PC{0,200}") {
            let _ = text.parse::<JoinLink>();
            let _ = format!("https://x/l/meetup-join/{text}").parse::<JoinLink>();
        }
    }
}
