//! The table of routes.

use crate::operation::{
    ChatOperation, GraphOperation, IdentityOperation, NumberOperation, Operation, RoomOperation,
    Route, SipOperation, Support, Verb,
};

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

const IN_PLACE: Support =
    Support::Differs("`version` rises, `sequenceId` and the place in lists stay");
const OWN: Support = Support::Differs("for the user of the token alone, as for `me`");
const CONFIGURED: Support = Support::Differs("what the configuration holds");
const SIP: Support = Support::Differs("kept while the exchange runs; no trunk is opened");
const NO_SALE: Support = Support::Refused("numbers are configured, not bought");

pub(super) const ROUTES: [Route; 77] = {
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
        route(
            Delete,
            "/chat/threads/{threadId}/messages/{messageId}",
            Chat(C::DeleteChatMessage),
            204,
            IN_PLACE,
        ),
        works(Delete, "/chat/threads/{threadId}", Chat(C::DeleteChatThread), 204),
        works(Get, "/chat/threads/{threadId}/messages/{messageId}", Chat(C::GetChatMessage), 200),
        works(Get, "/chat/threads/{threadId}", Chat(C::GetChatThreadProperties), 200),
        route(
            Get,
            "/chat/threads/{threadId}/messages",
            Chat(C::ListChatMessages),
            200,
            Support::Differs("in the order in which they were sent, whatever was changed since"),
        ),
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
        route(
            Patch,
            "/chat/threads/{threadId}/messages/{messageId}",
            Chat(C::UpdateChatMessage),
            204,
            IN_PLACE,
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
            OWN,
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
        works(
            Post,
            "/graph/v1.0/me/presence/setUserPreferredPresence",
            Graph(G::SetMyPreferredPresence),
            200,
        ),
        route(
            Post,
            "/graph/v1.0/users/{userId}/presence/setUserPreferredPresence",
            Graph(G::SetPreferredPresence),
            200,
            OWN,
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
            OWN,
        ),
        route(
            Post,
            "/identities",
            Identity(I::CreateIdentity),
            201,
            Support::Differs("a `customId`, which previews have, is refused"),
        ),
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
            Support::Differs("the number alone: the exchange knows no operators"),
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
