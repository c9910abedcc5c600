//! Every operation that is served: one table for the router, for the tests and for the documentation.

use std::fmt;

use axum::http::Method;
use thiserror::Error;

use crate::percent;

/// An operation, named as the documented service names it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "the names are the documentation; the table says the rest")]
pub enum Operation {
    AddChatParticipants,
    BrowseAvailableNumbers,
    CancelNumberOperation,
    CreateChatThread,
    CreateIdentity,
    CreateOrUpdateReservation,
    CreateRoom,
    DeleteChatMessage,
    DeleteChatThread,
    DeleteIdentity,
    DeleteReservation,
    DeleteRoom,
    ExchangeTeamsUserAccessToken,
    GetChatMessage,
    GetChatThreadProperties,
    GetNumberOperation,
    GetPhoneNumber,
    GetReservation,
    GetRoom,
    GetSearchResult,
    GetSipConfiguration,
    IssueAccessToken,
    ListAreaCodes,
    ListAvailableCountries,
    ListAvailableLocalities,
    ListChatMessages,
    ListChatParticipants,
    ListChatReadReceipts,
    ListChatThreads,
    ListOfferings,
    ListPhoneNumbers,
    ListReservations,
    ListRoomParticipants,
    ListRooms,
    PurchasePhoneNumbers,
    PurchaseReservation,
    ReleasePhoneNumber,
    RemoveChatParticipant,
    RevokeAccessTokens,
    SearchAvailablePhoneNumbers,
    SearchOperatorInformation,
    SendChatMessage,
    SendChatReadReceipt,
    SendTypingNotification,
    UpdateCapabilities,
    UpdateChatMessage,
    UpdateChatThreadProperties,
    UpdateRoom,
    UpdateRoomParticipants,
    UpdateSipConfiguration,
}

/// The services, each with its own versions.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Service {
    /// Threads, messages, participants.
    Chat,
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
    /// Which service it belongs to.
    pub service: Service,
    /// The verb.
    pub verb: Verb,
    /// The path, with `{…}` for each segment that names something.
    pub path: &'static str,
    /// What a request must carry.
    pub credential: Credential,
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

/// The first segments under which every path answers in the error envelope.
pub(crate) const PREFIXES: [&str; 8] = [
    "/availablePhoneNumbers",
    "/chat/threads",
    "/identities",
    "/operatorInformation",
    "/phoneNumbers",
    "/rooms",
    "/sip",
    "/teamsUser",
];

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
    service: Service,
    verb: Verb,
    path: &'static str,
    operation: Operation,
    success: u16,
    support: Support,
) -> Route {
    let credential = match service {
        Service::Chat => Credential::User,
        Service::Identity | Service::PhoneNumbers | Service::Rooms | Service::SipRouting => {
            Credential::Resource
        }
    };
    Route { operation, service, verb, path, credential, success, support }
}

const CONFIGURED: Support = Support::Differs("what the configuration holds");
const NO_SALE: Support = Support::Refused("numbers are configured, not bought");

const ROUTES: [Route; 50] = {
    use Operation as Do;
    use Service::{Chat, Identity, PhoneNumbers, Rooms, SipRouting};
    use Verb::{Delete, Get, Patch, Post};
    [
        route(
            Chat,
            Post,
            "/chat/threads/{chatThreadId}/participants/:add",
            Do::AddChatParticipants,
            201,
            Support::Works,
        ),
        route(Chat, Post, "/chat/threads", Do::CreateChatThread, 201, Support::Works),
        route(
            Chat,
            Delete,
            "/chat/threads/{chatThreadId}/messages/{chatMessageId}",
            Do::DeleteChatMessage,
            204,
            Support::Works,
        ),
        route(
            Chat,
            Delete,
            "/chat/threads/{chatThreadId}",
            Do::DeleteChatThread,
            204,
            Support::Works,
        ),
        route(
            Chat,
            Get,
            "/chat/threads/{chatThreadId}/messages/{chatMessageId}",
            Do::GetChatMessage,
            200,
            Support::Works,
        ),
        route(
            Chat,
            Get,
            "/chat/threads/{chatThreadId}",
            Do::GetChatThreadProperties,
            200,
            Support::Works,
        ),
        route(
            Chat,
            Get,
            "/chat/threads/{chatThreadId}/messages",
            Do::ListChatMessages,
            200,
            Support::Works,
        ),
        route(
            Chat,
            Get,
            "/chat/threads/{chatThreadId}/participants",
            Do::ListChatParticipants,
            200,
            Support::Works,
        ),
        route(
            Chat,
            Get,
            "/chat/threads/{chatThreadId}/readReceipts",
            Do::ListChatReadReceipts,
            200,
            Support::Works,
        ),
        route(Chat, Get, "/chat/threads", Do::ListChatThreads, 200, Support::Works),
        route(
            Chat,
            Post,
            "/chat/threads/{chatThreadId}/participants/:remove",
            Do::RemoveChatParticipant,
            204,
            Support::Works,
        ),
        route(
            Chat,
            Post,
            "/chat/threads/{chatThreadId}/messages",
            Do::SendChatMessage,
            201,
            Support::Works,
        ),
        route(
            Chat,
            Post,
            "/chat/threads/{chatThreadId}/readReceipts",
            Do::SendChatReadReceipt,
            200,
            Support::Works,
        ),
        route(
            Chat,
            Post,
            "/chat/threads/{chatThreadId}/typing",
            Do::SendTypingNotification,
            200,
            Support::Works,
        ),
        route(
            Chat,
            Patch,
            "/chat/threads/{chatThreadId}/messages/{chatMessageId}",
            Do::UpdateChatMessage,
            204,
            Support::Works,
        ),
        route(
            Chat,
            Patch,
            "/chat/threads/{chatThreadId}",
            Do::UpdateChatThreadProperties,
            204,
            Support::Works,
        ),
        route(Identity, Post, "/identities", Do::CreateIdentity, 201, Support::Works),
        route(Identity, Delete, "/identities/{id}", Do::DeleteIdentity, 204, Support::Works),
        route(
            Identity,
            Post,
            "/teamsUser/:exchangeAccessToken",
            Do::ExchangeTeamsUserAccessToken,
            200,
            Support::Differs(
                "the directory token comes from the issuer that the exchange is configured with",
            ),
        ),
        route(
            Identity,
            Post,
            "/identities/{id}/:issueAccessToken",
            Do::IssueAccessToken,
            200,
            Support::Works,
        ),
        route(
            Identity,
            Post,
            "/identities/{id}/:revokeAccessTokens",
            Do::RevokeAccessTokens,
            204,
            Support::Differs("takes effect at once, not within fifteen minutes"),
        ),
        route(Rooms, Post, "/rooms", Do::CreateRoom, 201, Support::Works),
        route(Rooms, Delete, "/rooms/{roomId}", Do::DeleteRoom, 204, Support::Works),
        route(Rooms, Get, "/rooms/{roomId}", Do::GetRoom, 200, Support::Works),
        route(
            Rooms,
            Get,
            "/rooms/{roomId}/participants",
            Do::ListRoomParticipants,
            200,
            Support::Works,
        ),
        route(Rooms, Get, "/rooms", Do::ListRooms, 200, Support::Works),
        route(Rooms, Patch, "/rooms/{roomId}", Do::UpdateRoom, 200, Support::Works),
        route(
            Rooms,
            Patch,
            "/rooms/{roomId}/participants",
            Do::UpdateRoomParticipants,
            200,
            Support::Works,
        ),
        route(
            PhoneNumbers,
            Post,
            "/availablePhoneNumbers/countries/{countryCode}/:browse",
            Do::BrowseAvailableNumbers,
            200,
            NO_SALE,
        ),
        route(
            PhoneNumbers,
            Delete,
            "/phoneNumbers/operations/{operationId}",
            Do::CancelNumberOperation,
            204,
            Support::Differs("there are no operations: every id is unknown"),
        ),
        route(
            PhoneNumbers,
            Patch,
            "/availablePhoneNumbers/reservations/{reservationId}",
            Do::CreateOrUpdateReservation,
            201,
            NO_SALE,
        ),
        route(
            PhoneNumbers,
            Delete,
            "/availablePhoneNumbers/reservations/{reservationId}",
            Do::DeleteReservation,
            204,
            Support::Differs("there are no reservations: every id is unknown"),
        ),
        route(
            PhoneNumbers,
            Get,
            "/phoneNumbers/operations/{operationId}",
            Do::GetNumberOperation,
            200,
            Support::Differs("there are no operations: every id is unknown"),
        ),
        route(
            PhoneNumbers,
            Get,
            "/phoneNumbers/{phoneNumber}",
            Do::GetPhoneNumber,
            200,
            CONFIGURED,
        ),
        route(
            PhoneNumbers,
            Get,
            "/availablePhoneNumbers/reservations/{reservationId}",
            Do::GetReservation,
            200,
            Support::Differs("there are no reservations: every id is unknown"),
        ),
        route(
            PhoneNumbers,
            Get,
            "/availablePhoneNumbers/searchResults/{searchId}",
            Do::GetSearchResult,
            200,
            Support::Differs("there are no searches: every id is unknown"),
        ),
        route(
            PhoneNumbers,
            Get,
            "/availablePhoneNumbers/countries/{countryCode}/areaCodes",
            Do::ListAreaCodes,
            200,
            CONFIGURED,
        ),
        route(
            PhoneNumbers,
            Get,
            "/availablePhoneNumbers/countries",
            Do::ListAvailableCountries,
            200,
            CONFIGURED,
        ),
        route(
            PhoneNumbers,
            Get,
            "/availablePhoneNumbers/countries/{countryCode}/localities",
            Do::ListAvailableLocalities,
            200,
            CONFIGURED,
        ),
        route(
            PhoneNumbers,
            Get,
            "/availablePhoneNumbers/countries/{countryCode}/offerings",
            Do::ListOfferings,
            200,
            CONFIGURED,
        ),
        route(PhoneNumbers, Get, "/phoneNumbers", Do::ListPhoneNumbers, 200, CONFIGURED),
        route(
            PhoneNumbers,
            Get,
            "/availablePhoneNumbers/reservations",
            Do::ListReservations,
            200,
            Support::Differs("the list is empty"),
        ),
        route(
            PhoneNumbers,
            Post,
            "/availablePhoneNumbers/:purchase",
            Do::PurchasePhoneNumbers,
            202,
            NO_SALE,
        ),
        route(
            PhoneNumbers,
            Post,
            "/availablePhoneNumbers/reservations/{reservationId}/:purchase",
            Do::PurchaseReservation,
            202,
            NO_SALE,
        ),
        route(
            PhoneNumbers,
            Delete,
            "/phoneNumbers/{phoneNumber}",
            Do::ReleasePhoneNumber,
            202,
            NO_SALE,
        ),
        route(
            PhoneNumbers,
            Post,
            "/availablePhoneNumbers/countries/{countryCode}/:search",
            Do::SearchAvailablePhoneNumbers,
            202,
            NO_SALE,
        ),
        route(
            PhoneNumbers,
            Post,
            "/operatorInformation/:search",
            Do::SearchOperatorInformation,
            200,
            Support::Refused("the exchange knows no operators"),
        ),
        route(
            PhoneNumbers,
            Patch,
            "/phoneNumbers/{phoneNumber}/capabilities",
            Do::UpdateCapabilities,
            202,
            NO_SALE,
        ),
        route(
            SipRouting,
            Get,
            "/sip",
            Do::GetSipConfiguration,
            200,
            Support::Differs("kept and returned; no trunk is opened yet"),
        ),
        route(
            SipRouting,
            Patch,
            "/sip",
            Do::UpdateSipConfiguration,
            200,
            Support::Differs("kept and returned; no trunk is opened yet"),
        ),
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
            let path = route.path.replace('{', "").replace('}', "");
            let method = route.verb.as_str().parse().unwrap();
            let found = find(&method, &path).unwrap();
            assert_eq!(found.route.operation, route.operation, "{path}");
            assert!(PREFIXES.iter().any(|prefix| path.starts_with(prefix)), "{path}");
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
            assert_eq!(found.route.operation, Operation::IssueAccessToken, "{path}");
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
