//! Every operation that is served: one table for the router, for the tests and for the documentation.

mod find;
mod table;

use std::fmt;

pub(crate) use crate::operation::find::{Found, NoRoute, PREFIXES, SHARED_PREFIXES, find, verbs};
use crate::operation::table::ROUTES;

/// An operation, by service.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Operation {
    /// Of chat.
    Chat(ChatOperation),
    /// Of chats, meetings, users and presence in the shapes of Microsoft Graph.
    Graph(GraphOperation),
    /// Of identity.
    Identity(IdentityOperation),
    /// Of phone numbers.
    PhoneNumbers(NumberOperation),
    /// Of rooms.
    Rooms(RoomOperation),
    /// Of SIP routing.
    SipRouting(SipOperation),
}

impl Operation {
    /// Returns the service that it belongs to.
    pub const fn service(self) -> Service {
        match self {
            Self::Chat(_) => Service::Chat,
            Self::Graph(_) => Service::Graph,
            Self::Identity(_) => Service::Identity,
            Self::PhoneNumbers(_) => Service::PhoneNumbers,
            Self::Rooms(_) => Service::Rooms,
            Self::SipRouting(_) => Service::SipRouting,
        }
    }

    /// Returns what a request for it must carry.
    pub const fn credential(self) -> Credential {
        match self {
            Self::Chat(_) | Self::Graph(_) => Credential::User,
            Self::Identity(_) | Self::PhoneNumbers(_) | Self::Rooms(_) | Self::SipRouting(_) => {
                Credential::Resource
            }
        }
    }
}

impl fmt::Display for Operation {
    /// Prints the name, without the service.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chat(operation) => fmt::Debug::fmt(operation, f),
            Self::Graph(operation) => fmt::Debug::fmt(operation, f),
            Self::Identity(operation) => fmt::Debug::fmt(operation, f),
            Self::PhoneNumbers(operation) => fmt::Debug::fmt(operation, f),
            Self::Rooms(operation) => fmt::Debug::fmt(operation, f),
            Self::SipRouting(operation) => fmt::Debug::fmt(operation, f),
        }
    }
}

/// Operations of chat.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "the table of routes says what each is")]
pub enum ChatOperation {
    AddChatParticipants,
    CreateChatThread,
    DeleteChatMessage,
    DeleteChatThread,
    GetChatMessage,
    GetChatThreadProperties,
    ListChatMessages,
    ListChatParticipants,
    ListChatReadReceipts,
    ListChatThreads,
    RemoveChatParticipant,
    SendChatMessage,
    SendChatReadReceipt,
    SendTypingNotification,
    UpdateChatMessage,
    UpdateChatThreadProperties,
}

/// Operations of the façade in the shapes of Microsoft Graph.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "the table of routes says what each is")]
pub enum GraphOperation {
    AddChatMember,
    ClearMyPreferredPresence,
    ClearPreferredPresence,
    CreateChat,
    CreateMyOnlineMeeting,
    CreateOnlineMeeting,
    DeleteMyOnlineMeeting,
    FindMyOnlineMeeting,
    GetChat,
    GetChatMember,
    GetMe,
    GetMyOnlineMeeting,
    GetMyPresence,
    GetPresence,
    GetPresencesByUserId,
    GetUser,
    GetUserPresence,
    ListChatMembers,
    ListChatMessages,
    ListChats,
    ListMyChats,
    ListUsers,
    RemoveChatMember,
    SendChatMessage,
    SetMyPreferredPresence,
    SetPreferredPresence,
    UpdateMyOnlineMeeting,
}

/// Operations of identity.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "the table of routes says what each is")]
pub enum IdentityOperation {
    CreateIdentity,
    DeleteIdentity,
    ExchangeTeamsUserAccessToken,
    IssueAccessToken,
    RevokeAccessTokens,
}

/// Operations of phone numbers.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "the table of routes says what each is")]
pub enum NumberOperation {
    BrowseAvailableNumbers,
    CancelNumberOperation,
    CreateOrUpdateReservation,
    DeleteReservation,
    GetNumberOperation,
    GetPhoneNumber,
    GetReservation,
    GetSearchResult,
    ListAreaCodes,
    ListAvailableCountries,
    ListAvailableLocalities,
    ListOfferings,
    ListPhoneNumbers,
    ListReservations,
    PurchasePhoneNumbers,
    PurchaseReservation,
    ReleasePhoneNumber,
    SearchAvailablePhoneNumbers,
    SearchOperatorInformation,
    UpdateCapabilities,
}

/// Operations of rooms.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "the table of routes says what each is")]
pub enum RoomOperation {
    CreateRoom,
    DeleteRoom,
    GetRoom,
    ListRoomParticipants,
    ListRooms,
    UpdateRoom,
    UpdateRoomParticipants,
}

/// Operations of SIP routing.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "the table of routes says what each is")]
pub enum SipOperation {
    GetSipConfiguration,
    UpdateSipConfiguration,
}

/// The services, each with its own versions.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Service {
    /// Threads, messages, participants.
    Chat,
    /// Chats and meetings of a directory's users.
    Graph,
    /// Users and their tokens.
    Identity,
    /// Phone numbers.
    PhoneNumbers,
    /// Rooms and who may join them.
    Rooms,
    /// Trunks and routes of direct routing.
    SipRouting,
}

impl Service {
    /// Returns the versions that clients of the service are known to ask for, oldest first. Others are
    /// served alike.
    pub const fn versions(self) -> &'static [&'static str] {
        match self {
            Self::Chat => &[
                "2021-01-27-preview4",
                "2021-03-07",
                "2021-09-07",
                "2023-11-07",
                "2024-03-07",
                "2025-03-15",
            ],
            Self::Graph => &["v1.0"],
            Self::Identity => {
                &["2021-03-07", "2022-06-01", "2022-10-01", "2023-08-01", "2023-10-01"]
            }
            Self::PhoneNumbers => &["2021-03-07", "2022-12-01", "2024-03-01", "2025-06-01"],
            Self::Rooms => &["2023-06-14", "2024-04-15", "2025-03-13"],
            Self::SipRouting => &["2023-03-01"],
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Chat => "chat",
            Self::Graph => "Graph",
            Self::Identity => "identity",
            Self::PhoneNumbers => "phone numbers",
            Self::Rooms => "rooms",
            Self::SipRouting => "SIP routing",
        })
    }
}

/// What a request must carry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Credential {
    /// A signature with an access key of the resource, or a token that stands for it.
    Resource,
    /// The bearer token of a user.
    User,
}

/// How far an operation does what the documented service does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Support {
    /// With a difference that a client can notice.
    Differs(&'static str),
    /// Refused with a typed error that says so.
    Refused(&'static str),
    /// As documented.
    Works,
}

/// The verbs of the table.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Verb {
    /// `DELETE`.
    Delete,
    /// `GET`.
    Get,
    /// `PATCH`.
    Patch,
    /// `POST`.
    Post,
}

impl Verb {
    /// Returns the verb as it travels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delete => "DELETE",
            Self::Get => "GET",
            Self::Patch => "PATCH",
            Self::Post => "POST",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// What it is called.
    pub operation: Operation,
    /// The verb.
    pub verb: Verb,
    /// The path, with `{…}` for each segment that names something.
    pub path: &'static str,
    /// The status of success.
    pub success: u16,
    /// How far it goes.
    pub support: Support,
}

/// Returns every route, by service and operation.
pub const fn routes() -> &'static [Route] {
    &ROUTES
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use axum::http::Method;

    use super::*;

    #[test]
    fn every_route_leads_to_its_operation() {
        let mut operations = BTreeSet::new();
        for route in routes() {
            let path = route.path.replace(['{', '}'], "");
            let method = route.verb.as_str().parse().unwrap();
            let found = find(&method, &path).unwrap();
            assert_eq!(found.route.operation, route.operation, "{path}");
            let prefixes = PREFIXES.iter().chain(&SHARED_PREFIXES);
            assert!(prefixes.into_iter().any(|prefix| path.starts_with(prefix)), "{path}");
            assert!(operations.insert(route.operation), "{:?} is there twice", route.operation);
        }
    }

    #[test]
    fn ids_come_encoded_or_bare_and_are_decoded_once() {
        for (path, id) in [
            ("/identities/8%3Aacs%3Ares_user/:issueAccessToken", "8:acs:res_user"),
            ("/identities/8:acs:res_user/%3AissueAccessToken", "8:acs:res_user"),
            ("/identities/a%2Fb/:issueAccessToken", "a/b"),
            ("/identities/a%253Ab/:issueAccessToken", "a%3Ab"),
            ("/identities//:issueAccessToken", ""),
        ] {
            let found = find(&Method::POST, path).unwrap();
            assert_eq!(
                found.route.operation,
                Operation::Identity(IdentityOperation::IssueAccessToken)
            );
            assert_eq!(found.parameters, [id], "{path}");
        }
        let found = find(&Method::GET, "/chat/threads/19%3Ax%40thread.v2/messages/17").unwrap();
        assert_eq!(found.parameters, ["19:x@thread.v2", "17"]);
    }

    #[test]
    fn other_paths_and_verbs_are_told_apart() {
        let none = |method, path| find(&method, path).unwrap_err();
        for path in ["/", "/chat", "/chat/threads/", "/rooms/1/2", "/identities/a/b/c", "/Rooms"] {
            let found = find(&Method::GET, path);
            let is_thread_with_empty_id = path == "/chat/threads/";
            assert_eq!(found.is_ok(), is_thread_with_empty_id, "{path}");
        }
        assert_eq!(none(Method::GET, "/rooms/1/2"), NoRoute::UnknownPath);
        assert_eq!(
            none(Method::PUT, "/rooms/1"),
            NoRoute::OtherVerb { allowed: vec![Verb::Delete, Verb::Get, Verb::Patch] }
        );
        assert_eq!(
            none(Method::HEAD, "/identities"),
            NoRoute::OtherVerb { allowed: vec![Verb::Post] }
        );
        assert_eq!(none(Method::GET, "/rooms/%ff"), NoRoute::NotText);
    }
}
