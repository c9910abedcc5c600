//! The tables of the catalogue and the ways to look something up in them.

use std::fmt;

use serde::Serialize;

mod automation;
mod call_end;
mod client_sdk;
mod media;
mod pstn;
mod sub_codes;

/// Everything the catalogue says about one pair of codes.
#[derive(Debug, Serialize)]
pub struct Entry {
    /// The code; resembles a SIP or HTTP status.
    pub code: u16,
    /// The subcode; tells apart what shares a code.
    pub sub_code: u32,
    /// How bad it is, and whose it is.
    pub category: Category,
    /// Who or what ended the call or the operation.
    pub ended_by: EndedBy,
    /// The documented tables the pair stands in; the first one is the main one.
    pub tables: &'static [Table],
    /// The automation events that carry the pair.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub events: &'static [&'static str],
    /// What it means.
    pub meaning: &'static str,
    /// What to do about it.
    pub advice: &'static str,
}

/// How bad an outcome is, and whose.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Category {
    /// Not a success, but nothing is broken: nobody answered, a network was lost.
    ExpectedError,
    /// As intended by one of the parties.
    Success,
    /// Something is wrong on the client's side.
    UnexpectedClientError,
    /// Something is wrong on the server's side.
    UnexpectedServerError,
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ExpectedError => "ExpectedError",
            Self::Success => "Success",
            Self::UnexpectedClientError => "UnexpectedClientError",
            Self::UnexpectedServerError => "UnexpectedServerError",
        })
    }
}

/// Who or what ended a call or an operation.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub enum EndedBy {
    /// A server application.
    Application,
    /// The one who was called.
    Callee,
    /// The one who called.
    Caller,
    /// A client's device, browser or network.
    ClientEnvironment,
    /// The participant who hung up or left.
    LocalParticipant,
    /// Somebody entitled to end the call for everyone.
    Organizer,
    /// Another participant, who removed this one.
    OtherParticipant,
    /// The phone network or the phone.
    PhoneNetwork,
    /// A rule: federation, permission, credentials.
    Policy,
    /// The service itself.
    Service,
}

impl fmt::Display for EndedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Application => "a server application",
            Self::Callee => "the callee",
            Self::Caller => "the caller",
            Self::ClientEnvironment => "the client's device, browser or network",
            Self::LocalParticipant => "the participant itself",
            Self::Organizer => "somebody who ended it for everyone",
            Self::OtherParticipant => "another participant",
            Self::PhoneNetwork => "the phone or its network",
            Self::Policy => "a rule",
            Self::Service => "the service",
        })
    }
}

/// The documented tables.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Table {
    /// Results of Call Automation.
    CallAutomation,
    /// Ends of calls.
    CallEnd,
    /// Failures of the client library.
    ClientSdk,
    /// Codes that come without a subcode.
    CodeOnly,
    /// Results of media operations.
    MediaResult,
    /// Ends of calls with a phone.
    PstnEnd,
}

/// Returns every entry, table by table.
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    TABLES.iter().flat_map(|table| table.iter())
}

/// Returns the name of a subcode, where one is documented.
pub fn sub_code_name(sub_code: u32) -> Option<&'static str> {
    let at = sub_codes::NAMES.binary_search_by_key(&sub_code, |(sub_code, _)| *sub_code).ok()?;
    Some(sub_codes::NAMES[at].1)
}

/// Returns the entry of a pair of codes; usable where a constant is made.
pub(crate) const fn find(code: u16, sub_code: u32) -> Option<&'static Entry> {
    let mut table_at = 0;
    while table_at < TABLES.len() {
        let table = TABLES[table_at];
        let mut at = 0;
        while at < table.len() {
            if table[at].code == code && table[at].sub_code == sub_code {
                return Some(&table[at]);
            }
            at += 1;
        }
        table_at += 1;
    }
    None
}

/// Writes a table as rows of `code/subcode category who [tables] [events] meaning advice`.
macro_rules! rows {
    ($(
        $code:literal / $sub_code:literal $category:ident $ended_by:ident
        [$($table:ident)*] [$($event:literal)*]
        $meaning:literal $advice:literal;
    )*) => {
        pub(super) const ENTRIES: &[Entry] = &[$(Entry {
            code: $code,
            sub_code: $sub_code,
            category: super::Category::$category,
            ended_by: super::EndedBy::$ended_by,
            tables: &[$(super::Table::$table),*],
            events: &[$($event),*],
            meaning: $meaning,
            advice: $advice,
        }),*];
    };
}

use rows;

const TABLES: &[&[Entry]] =
    &[call_end::ENTRIES, pstn::ENTRIES, automation::ENTRIES, media::ENTRIES, client_sdk::ENTRIES];
