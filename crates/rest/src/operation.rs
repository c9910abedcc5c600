//! Every operation that is served: one table for the router, for the tests and for the documentation.

use std::fmt;

use axum::http::Method;
use thiserror::Error;

use crate::percent;

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

/// A route that a request takes, with the decoded segments that its path leaves open.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) route: &'static Route,
    pub(crate) parameters: Vec<String>,
}

/// Why a request takes no route.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub(crate) enum NoRoute {
    /// The path is no text once its escapes are undone.
    #[error("the path is not UTF-8")]
    NotText,
    /// The path is served, with other verbs.
    #[error("the path is served with {}", verbs(.allowed))]
    OtherVerb {
        /// With which.
        allowed: Vec<Verb>,
    },
    /// The path is not served.
    #[error("the path is not served")]
    UnknownPath,
}

/// Finds the route of a request. `path` is as received: its segments are split first and decoded
/// once after that, so that an encoded slash stays part of an id.
pub(crate) fn find(method: &Method, path: &str) -> Result<Found, NoRoute> {
    let segments: Vec<String> = path
        .split('/')
        .skip(1)
        .map(|segment| String::from_utf8(percent::decode(segment)))
        .collect::<Result<_, _>>()
        .map_err(|_| NoRoute::NotText)?;
    let mut allowed = Vec::new();
    for route in &ROUTES {
        let Some(parameters) = parameters(route.path, &segments) else {
            continue;
        };
        if method.as_str() == route.verb.as_str() {
            return Ok(Found { route, parameters });
        }
        allowed.push(route.verb);
    }
    match allowed.is_empty() {
        true => Err(NoRoute::UnknownPath),
        false => Err(NoRoute::OtherVerb { allowed }),
    }
}

/// Writes verbs as the `Allow` header wants them.
pub(crate) fn verbs(verbs: &[Verb]) -> String {
    verbs.iter().map(|verb| verb.as_str()).collect::<Vec<_>>().join(", ")
}

/// The paths that are answered here, with every path below them; below `/calling` nothing is served,
/// and the error envelope says so.
pub(crate) const PREFIXES: [&str; 9] = [
    "/availablePhoneNumbers",
    "/calling",
    "/graph",
    "/identities",
    "/operatorInformation",
    "/phoneNumbers",
    "/rooms",
    "/sip",
    "/teamsUser",
];

/// The paths below which others serve something, too; what nobody else serves answers in the error
/// envelope.
pub(crate) const SHARED_PREFIXES: [&str; 1] = ["/chat"];

fn parameters(pattern: &str, segments: &[String]) -> Option<Vec<String>> {
    let mut parameters = Vec::new();
    let mut rest = segments.iter();
    for expected in pattern.split('/').skip(1) {
        let segment = rest.next()?;
        if expected.starts_with('{') {
            parameters.push(segment.clone());
        } else if expected != segment {
            return None;
        }
    }
    rest.next().is_none().then_some(parameters)
}

const fn route(
    verb: Verb,
    path: &'static str,
    operation: Operation,
    success: u16,
    support: Support,
) -> Route {
    Route { operation, verb, path, success, support }
}

const fn works(verb: Verb, path: &'static str, operation: Operation, success: u16) -> Route {
    route(verb, path, operation, success, Support::Works)
}

const PREFERENCE: Support =
    Support::Differs("for the user of the token alone; kept while the exchange runs");
const CONFIGURED: Support = Support::Differs("what the configuration holds");
const SIP: Support = Support::Differs("kept while the exchange runs; no trunk is opened");
const NO_SALE: Support = Support::Refused("numbers are configured, not bought");

const ROUTES: [Route; 77] = {
    use ChatOperation as C;
    use GraphOperation as G;
    use IdentityOperation as I;
    use NumberOperation as N;
    use Operation::{Chat, Graph, Identity, PhoneNumbers, Rooms, SipRouting};
    use RoomOperation as R;
    use SipOperation as S;
    use Verb::{Delete, Get, Patch, Post};
    [
        works(
            Post,
            "/chat/threads/{threadId}/participants/:add",
            Chat(C::AddChatParticipants),
            201,
        ),
        works(Post, "/chat/threads", Chat(C::CreateChatThread), 201),
        works(
            Delete,
            "/chat/threads/{threadId}/messages/{messageId}",
            Chat(C::DeleteChatMessage),
            204,
        ),
        works(Delete, "/chat/threads/{threadId}", Chat(C::DeleteChatThread), 204),
        works(Get, "/chat/threads/{threadId}/messages/{messageId}", Chat(C::GetChatMessage), 200),
        works(Get, "/chat/threads/{threadId}", Chat(C::GetChatThreadProperties), 200),
        works(Get, "/chat/threads/{threadId}/messages", Chat(C::ListChatMessages), 200),
        works(Get, "/chat/threads/{threadId}/participants", Chat(C::ListChatParticipants), 200),
        works(Get, "/chat/threads/{threadId}/readReceipts", Chat(C::ListChatReadReceipts), 200),
        works(Get, "/chat/threads", Chat(C::ListChatThreads), 200),
        works(
            Post,
            "/chat/threads/{threadId}/participants/:remove",
            Chat(C::RemoveChatParticipant),
            204,
        ),
        works(Post, "/chat/threads/{threadId}/messages", Chat(C::SendChatMessage), 201),
        works(Post, "/chat/threads/{threadId}/readReceipts", Chat(C::SendChatReadReceipt), 200),
        works(Post, "/chat/threads/{threadId}/typing", Chat(C::SendTypingNotification), 200),
        works(
            Patch,
            "/chat/threads/{threadId}/messages/{messageId}",
            Chat(C::UpdateChatMessage),
            204,
        ),
        works(Patch, "/chat/threads/{threadId}", Chat(C::UpdateChatThreadProperties), 204),
        works(Post, "/graph/v1.0/chats/{threadId}/members", Graph(G::AddChatMember), 201),
        route(
            Post,
            "/graph/v1.0/chats",
            Graph(G::CreateChat),
            201,
            Support::Differs("a second oneOnOne chat of the same two is another chat"),
        ),
        route(
            Post,
            "/graph/v1.0/me/onlineMeetings",
            Graph(G::CreateMyOnlineMeeting),
            201,
            Support::Differs(
                "subject, times, lobby, presenters and attendees; the attendees are not shown again",
            ),
        ),
        route(
            Post,
            "/graph/v1.0/users/{userId}/onlineMeetings",
            Graph(G::CreateOnlineMeeting),
            201,
            Support::Differs("for the user of the token alone, as for `me`"),
        ),
        route(
            Delete,
            "/graph/v1.0/me/onlineMeetings/{meetingId}",
            Graph(G::DeleteMyOnlineMeeting),
            204,
            Support::Differs(
                "the meeting ends; it can be read for as long as the exchange keeps it",
            ),
        ),
        works(Get, "/graph/v1.0/me/onlineMeetings", Graph(G::FindMyOnlineMeeting), 200),
        works(Get, "/graph/v1.0/chats/{threadId}", Graph(G::GetChat), 200),
        works(
            Get,
            "/graph/v1.0/chats/{threadId}/members/{membershipId}",
            Graph(G::GetChatMember),
            200,
        ),
        route(
            Get,
            "/graph/v1.0/me",
            Graph(G::GetMe),
            200,
            Support::Differs("id, displayName and userPrincipalName, the alias"),
        ),
        works(Get, "/graph/v1.0/me/onlineMeetings/{meetingId}", Graph(G::GetMyOnlineMeeting), 200),
        route(
            Get,
            "/graph/v1.0/users/{userId}",
            Graph(G::GetUser),
            200,
            Support::Differs("id, displayName and userPrincipalName, the alias"),
        ),
        works(Get, "/graph/v1.0/chats/{threadId}/members", Graph(G::ListChatMembers), 200),
        works(Get, "/graph/v1.0/chats/{threadId}/messages", Graph(G::ListChatMessages), 200),
        works(Get, "/graph/v1.0/chats", Graph(G::ListChats), 200),
        works(Get, "/graph/v1.0/me/chats", Graph(G::ListMyChats), 200),
        route(
            Get,
            "/graph/v1.0/users",
            Graph(G::ListUsers),
            200,
            Support::Differs("id, displayName and userPrincipalName, the alias"),
        ),
        works(
            Delete,
            "/graph/v1.0/chats/{threadId}/members/{membershipId}",
            Graph(G::RemoveChatMember),
            204,
        ),
        works(Post, "/graph/v1.0/chats/{threadId}/messages", Graph(G::SendChatMessage), 201),
        route(
            Patch,
            "/graph/v1.0/me/onlineMeetings/{meetingId}",
            Graph(G::UpdateMyOnlineMeeting),
            200,
            Support::Differs("subject, times, lobby and presenters; attendees are not changed"),
        ),
        works(Get, "/graph/v1.0/me/presence", Graph(G::GetMyPresence), 200),
        works(Get, "/graph/v1.0/users/{userId}/presence", Graph(G::GetUserPresence), 200),
        works(Get, "/graph/v1.0/communications/presences/{userId}", Graph(G::GetPresence), 200),
        works(
            Post,
            "/graph/v1.0/communications/getPresencesByUserId",
            Graph(G::GetPresencesByUserId),
            200,
        ),
        route(
            Post,
            "/graph/v1.0/me/presence/setUserPreferredPresence",
            Graph(G::SetMyPreferredPresence),
            200,
            PREFERENCE,
        ),
        route(
            Post,
            "/graph/v1.0/users/{userId}/presence/setUserPreferredPresence",
            Graph(G::SetPreferredPresence),
            200,
            PREFERENCE,
        ),
        works(
            Post,
            "/graph/v1.0/me/presence/clearUserPreferredPresence",
            Graph(G::ClearMyPreferredPresence),
            200,
        ),
        route(
            Post,
            "/graph/v1.0/users/{userId}/presence/clearUserPreferredPresence",
            Graph(G::ClearPreferredPresence),
            200,
            Support::Differs("for the user of the token alone, as for `me`"),
        ),
        works(Post, "/identities", Identity(I::CreateIdentity), 201),
        works(Delete, "/identities/{id}", Identity(I::DeleteIdentity), 204),
        route(
            Post,
            "/teamsUser/:exchangeAccessToken",
            Identity(I::ExchangeTeamsUserAccessToken),
            200,
            Support::Differs(
                "the directory token comes from an issuer of the configuration \
                 ([how](clients.md#signing-in-with-ones-own-issuer))",
            ),
        ),
        works(Post, "/identities/{id}/:issueAccessToken", Identity(I::IssueAccessToken), 200),
        route(
            Post,
            "/identities/{id}/:revokeAccessTokens",
            Identity(I::RevokeAccessTokens),
            204,
            Support::Differs("takes effect at once, not within fifteen minutes"),
        ),
        works(Post, "/rooms", Rooms(R::CreateRoom), 201),
        works(Delete, "/rooms/{roomId}", Rooms(R::DeleteRoom), 204),
        works(Get, "/rooms/{roomId}", Rooms(R::GetRoom), 200),
        works(Get, "/rooms/{roomId}/participants", Rooms(R::ListRoomParticipants), 200),
        works(Get, "/rooms", Rooms(R::ListRooms), 200),
        works(Patch, "/rooms/{roomId}", Rooms(R::UpdateRoom), 200),
        works(Patch, "/rooms/{roomId}/participants", Rooms(R::UpdateRoomParticipants), 200),
        route(
            Post,
            "/availablePhoneNumbers/countries/{countryCode}/:browse",
            PhoneNumbers(N::BrowseAvailableNumbers),
            200,
            NO_SALE,
        ),
        route(
            Delete,
            "/phoneNumbers/operations/{operationId}",
            PhoneNumbers(N::CancelNumberOperation),
            204,
            Support::Differs("there are no operations: every id is unknown"),
        ),
        route(
            Patch,
            "/availablePhoneNumbers/reservations/{reservationId}",
            PhoneNumbers(N::CreateOrUpdateReservation),
            201,
            NO_SALE,
        ),
        route(
            Delete,
            "/availablePhoneNumbers/reservations/{reservationId}",
            PhoneNumbers(N::DeleteReservation),
            204,
            Support::Differs("there are no reservations: every id is unknown"),
        ),
        route(
            Get,
            "/phoneNumbers/operations/{operationId}",
            PhoneNumbers(N::GetNumberOperation),
            200,
            Support::Differs("there are no operations: every id is unknown"),
        ),
        route(Get, "/phoneNumbers/{phoneNumber}", PhoneNumbers(N::GetPhoneNumber), 200, CONFIGURED),
        route(
            Get,
            "/availablePhoneNumbers/reservations/{reservationId}",
            PhoneNumbers(N::GetReservation),
            200,
            Support::Differs("there are no reservations: every id is unknown"),
        ),
        route(
            Get,
            "/availablePhoneNumbers/searchResults/{searchId}",
            PhoneNumbers(N::GetSearchResult),
            200,
            Support::Differs("there are no searches: every id is unknown"),
        ),
        route(
            Get,
            "/availablePhoneNumbers/countries/{countryCode}/areaCodes",
            PhoneNumbers(N::ListAreaCodes),
            200,
            CONFIGURED,
        ),
        route(
            Get,
            "/availablePhoneNumbers/countries",
            PhoneNumbers(N::ListAvailableCountries),
            200,
            CONFIGURED,
        ),
        route(
            Get,
            "/availablePhoneNumbers/countries/{countryCode}/localities",
            PhoneNumbers(N::ListAvailableLocalities),
            200,
            CONFIGURED,
        ),
        route(
            Get,
            "/availablePhoneNumbers/countries/{countryCode}/offerings",
            PhoneNumbers(N::ListOfferings),
            200,
            CONFIGURED,
        ),
        route(Get, "/phoneNumbers", PhoneNumbers(N::ListPhoneNumbers), 200, CONFIGURED),
        route(
            Get,
            "/availablePhoneNumbers/reservations",
            PhoneNumbers(N::ListReservations),
            200,
            Support::Differs("the list is empty"),
        ),
        route(
            Post,
            "/availablePhoneNumbers/:purchase",
            PhoneNumbers(N::PurchasePhoneNumbers),
            202,
            NO_SALE,
        ),
        route(
            Post,
            "/availablePhoneNumbers/reservations/{reservationId}/:purchase",
            PhoneNumbers(N::PurchaseReservation),
            202,
            NO_SALE,
        ),
        route(
            Delete,
            "/phoneNumbers/{phoneNumber}",
            PhoneNumbers(N::ReleasePhoneNumber),
            202,
            NO_SALE,
        ),
        route(
            Post,
            "/availablePhoneNumbers/countries/{countryCode}/:search",
            PhoneNumbers(N::SearchAvailablePhoneNumbers),
            202,
            NO_SALE,
        ),
        route(
            Post,
            "/operatorInformation/:search",
            PhoneNumbers(N::SearchOperatorInformation),
            200,
            Support::Refused("the exchange knows no operators"),
        ),
        route(
            Patch,
            "/phoneNumbers/{phoneNumber}/capabilities",
            PhoneNumbers(N::UpdateCapabilities),
            202,
            NO_SALE,
        ),
        route(Get, "/sip", SipRouting(S::GetSipConfiguration), 200, SIP),
        route(Patch, "/sip", SipRouting(S::UpdateSipConfiguration), 200, SIP),
    ]
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

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
