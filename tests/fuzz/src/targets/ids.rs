//! Identifiers: what parses prints as it was given or in one canonical form, and is never shown.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use trunkline_ids::{
    CallConnectionId, CallId, CommunicationIdentifier, DisplayName, E164, EndpointId, GroupId,
    OperationId, ParticipantId, RawId, ResourceId, SessionId, TenantId, ThreadId,
};

use super::Target;

pub(super) const TARGET: Target = Target {
    name: "ids",
    about: "every identifier: printing and parsing again gives the same, Debug shows no person",
    run,
    samples,
    words: &[
        b"8:acs:",
        b"8:orgid:",
        b"4:",
        b"4:+",
        b"28:orgid:",
        b"28:dod:",
        b"8:gcch-acs:",
        b"8:teamsvisitor:",
        b"8:spool:",
        b"anonymous",
        b"_",
        b":",
        b"+",
        b"\xe2\x80\xae",
        b"\x00",
        b"00000000-0000-0000-0000-000000000000",
    ],
    longest_bytes: 2_048,
};

fn run(input: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(input) else { return false };
    let parsed = [
        check::<CallConnectionId>(text),
        check::<CallId>(text),
        check::<CommunicationIdentifier>(text),
        check::<DisplayName>(text),
        check::<E164>(text),
        check::<EndpointId>(text),
        check::<GroupId>(text),
        check::<OperationId>(text),
        check::<ParticipantId>(text),
        check::<RawId>(text),
        check::<ResourceId>(text),
        check::<SessionId>(text),
        check::<TenantId>(text),
        check::<ThreadId>(text),
    ];
    if let Ok(raw) = text.parse::<RawId>() {
        assert_eq!(raw.as_str(), text, "a raw id is kept byte for byte");
        let identifier = CommunicationIdentifier::from(raw);
        assert_eq!(identifier.to_string(), text, "a raw id changed through its identifier");
        hides(&identifier, text);
    }
    if let Ok(name) = text.parse::<DisplayName>() {
        hides(&name, text);
    }
    if let Ok(number) = text.parse::<E164>() {
        hides(&number, text);
    }
    parsed.contains(&true)
}

fn check<T>(text: &str) -> bool
where
    T: FromStr + Display + Debug + PartialEq,
{
    let Ok(parsed) = text.parse::<T>() else { return false };
    let printed = parsed.to_string();
    match printed.parse::<T>() {
        Ok(again) => assert!(again == parsed, "{printed:?} parses to something else"),
        Err(_) => panic!("{printed:?} was printed and does not parse"),
    }
    true
}

/// A short text may stand in a type's name by chance; five letters of a person's do not.
fn hides(value: &impl Debug, text: &str) {
    let shown = format!("{value:?}");
    assert!(text.len() < 12 || !shown.contains(text), "Debug shows {text:?}");
}

fn samples() -> Vec<Vec<u8>> {
    [
        "8:acs:5e1f8f3a-6a39-4a5f-9d0e-0a6a9ecb8f10_0000000e-7c4a-4d1b-b7a5-6a3a0d00c1d2",
        "8:gcch-acs:5e1f8f3a-6a39-4a5f-9d0e-0a6a9ecb8f10_user",
        "8:orgid:6b1f3a2e-0d55-4f0b-9a7e-3b6a3a8a1c11",
        "8:acs:5e1f8f3a-6a39-4a5f-9d0e-0a6a9ecb8f10_6b1f3a2e-0d55-4f0b-9a7e-3b6a3a8a1c11_1d2c",
        "8:teamsvisitor:0123456789abcdef",
        "4:+14255550100",
        "4:anonymous",
        "28:orgid:6b1f3a2e-0d55-4f0b-9a7e-3b6a3a8a1c11",
        "28:dod-global:6b1f3a2e-0d55-4f0b-9a7e-3b6a3a8a1c11",
        "something:else",
        "+14255550100",
        "c6d6f2a0-5e0c-4b0e-8a43-5f4f0a1d2e3c",
        "19:meeting_MDEy@thread.v2",
        "Zoë Ångström",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}
