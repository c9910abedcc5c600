//! Each route against each credential. The routes come from the table, so that a new one is in here by
//! itself; what its scopes are the compiler asks for.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use trunkline_clock::Timestamp;
use trunkline_node::Identity;
use trunkline_policy::{FederationConfig, KeySlot, Right, Scope};
use trunkline_rest::{
    ChatOperation, Credential, GraphOperation, Operation, RestConfig, Route, ServiceTokens, routes,
};

use super::scene::{Answer, RESOURCE, Scene};

/// Makes a path that names something that could exist.
fn target(route: &Route) -> String {
    let path = route
        .path
        .replace("{threadId}", "19%3A00000000000000000000000000000000%40thread.v2")
        .replace("{messageId}", "1700000000000")
        .replace("{id}", &format!("8%3Aacs%3A{RESOURCE}_00000000-0000-4000-8000-000000000001"))
        .replace("{roomId}", "99999999999999999")
        .replace("{countryCode}", "US")
        .replace("{phoneNumber}", "%2B14255550199")
        .replace("{operationId}", "none")
        .replace("{reservationId}", "none")
        .replace("{searchId}", "none")
        .replace("{userId}", "00000000-0000-4000-8000-00000000000a")
        .replace("{meetingId}", "00000000-0000-4000-8000-00000000000c")
        .replace("{membershipId}", "NDorMTQyNTU1NTAxOTk");
    assert!(!path.contains('{'), "{path}: say what its parameter could be");
    format!("{path}?api-version=2025-03-15")
}

fn routes_for(credential: Credential) -> impl Iterator<Item = &'static Route> {
    routes().iter().filter(move |route| route.operation.credential() == credential)
}

/// Returns the right that an operation of chat needs.
fn right(operation: ChatOperation) -> Right {
    match operation {
        ChatOperation::CreateChatThread
        | ChatOperation::DeleteChatThread
        | ChatOperation::UpdateChatThreadProperties => Right::ChangeThreads,
        ChatOperation::AddChatParticipants | ChatOperation::RemoveChatParticipant => {
            Right::ChangeParticipants
        }
        ChatOperation::DeleteChatMessage
        | ChatOperation::GetChatMessage
        | ChatOperation::GetChatThreadProperties
        | ChatOperation::ListChatMessages
        | ChatOperation::ListChatParticipants
        | ChatOperation::ListChatReadReceipts
        | ChatOperation::ListChatThreads
        | ChatOperation::SendChatMessage
        | ChatOperation::SendChatReadReceipt
        | ChatOperation::SendTypingNotification
        | ChatOperation::UpdateChatMessage => Right::UseMessages,
    }
}

/// Returns a body that the operation reads, so that a refusal is about who asks.
fn body(operation: ChatOperation) -> Value {
    let other = format!("8:acs:{RESOURCE}_00000000-0000-4000-8000-000000000002");
    match operation {
        ChatOperation::AddChatParticipants => {
            json!({"participants": [{"communicationIdentifier": {"rawId": other}}]})
        }
        ChatOperation::CreateChatThread => json!({"topic": "a topic"}),
        ChatOperation::RemoveChatParticipant => json!({"rawId": other}),
        ChatOperation::SendChatMessage => json!({"content": "hello"}),
        ChatOperation::SendChatReadReceipt => json!({"chatMessageId": "1700000000000"}),
        ChatOperation::UpdateChatMessage => json!({"content": "hello"}),
        ChatOperation::UpdateChatThreadProperties => json!({"topic": "a topic"}),
        ChatOperation::DeleteChatMessage
        | ChatOperation::DeleteChatThread
        | ChatOperation::GetChatMessage
        | ChatOperation::GetChatThreadProperties
        | ChatOperation::ListChatMessages
        | ChatOperation::ListChatParticipants
        | ChatOperation::ListChatReadReceipts
        | ChatOperation::ListChatThreads
        | ChatOperation::SendTypingNotification => json!({}),
    }
}

/// Returns the right that an operation needs; none where it is about the user alone, or where the
/// tests of the operation itself say.
fn right_of(operation: Operation) -> Option<Right> {
    match operation {
        Operation::Chat(operation) => Some(right(operation)),
        Operation::Graph(operation) => match operation {
            GraphOperation::AddChatMember | GraphOperation::RemoveChatMember => {
                Some(Right::ChangeParticipants)
            }
            GraphOperation::GetChat
            | GraphOperation::GetChatMember
            | GraphOperation::ListChatMembers
            | GraphOperation::ListChatMessages
            | GraphOperation::ListChats
            | GraphOperation::ListMyChats
            | GraphOperation::SendChatMessage => Some(Right::UseMessages),
            GraphOperation::CreateMyOnlineMeeting => Some(Right::StartCalls),
            GraphOperation::DeleteMyOnlineMeeting
            | GraphOperation::GetMyOnlineMeeting
            | GraphOperation::UpdateMyOnlineMeeting => Some(Right::JoinCalls),
            // Its members must name the caller; a meeting in another's name is refused to all.
            GraphOperation::CreateChat
            | GraphOperation::CreateOnlineMeeting
            | GraphOperation::FindMyOnlineMeeting => None,
            // They are about the directory, for everybody in it.
            GraphOperation::ClearMyPreferredPresence
            | GraphOperation::ClearPreferredPresence
            | GraphOperation::GetMe
            | GraphOperation::GetMyPresence
            | GraphOperation::GetPresence
            | GraphOperation::GetPresencesByUserId
            | GraphOperation::GetUser
            | GraphOperation::GetUserPresence
            | GraphOperation::ListUsers
            | GraphOperation::SetMyPreferredPresence
            | GraphOperation::SetPreferredPresence => None,
        },
        Operation::Identity(_)
        | Operation::PhoneNumbers(_)
        | Operation::Rooms(_)
        | Operation::SipRouting(_) => panic!("{operation} asks for a resource"),
    }
}

/// Returns a body that any operation of users reads.
fn body_of(operation: Operation) -> Value {
    match operation {
        Operation::Chat(operation) => body(operation),
        Operation::Graph(GraphOperation::AddChatMember) => {
            let other = format!("8:acs:{RESOURCE}_00000000-0000-4000-8000-000000000002");
            json!({"azureCommunicationServicesId": other})
        }
        Operation::Graph(GraphOperation::SendChatMessage) => json!({"body": {"content": "hello"}}),
        _ => json!({}),
    }
}

fn is_let_in(answer: &Answer) -> bool {
    answer.status != 401 && answer.status != 403
}

#[tokio::test]
async fn a_route_of_the_resource_takes_its_two_keys_and_nothing_else() {
    let scene = Scene::start().await;
    let (_, token) = scene.user(&Scope::ALL).await;
    // As it is then: the requests before it take their time.
    let at = |seconds| {
        let now = scene.node.clock().wall().as_unix_seconds();
        Timestamp::from_unix_seconds(now + seconds)
    };
    for route in routes_for(Credential::Resource) {
        let (verb, target) = (route.verb.as_str(), target(route));
        let signed = || scene.signed(verb, &target).bytes("{}");
        for (credential, answer) in [
            ("nothing", scene.call(verb, &target).send().await),
            ("a user's token", scene.call(verb, &target).bearer(&token).send().await),
            ("another key", signed().key(b"a key that nobody has set").send().await),
            ("an empty key", signed().key(b"").send().await),
            ("another body", signed().signed_body(b"{\"a\":1}").send().await),
            ("another verb", signed().signed_method("PUT").send().await),
            ("an old date", signed().signed_at(at(-301)).send().await),
            ("a date to come", signed().signed_at(at(302)).send().await),
            ("two credentials", signed().bearer(&token).send().await),
            (
                "a scheme alone",
                scene.call(verb, &target).header("authorization", "HMAC-SHA256").send().await,
            ),
        ] {
            let name = format!("{} with {credential}", route.operation);
            assert_eq!((answer.status, answer.code()), (401, "Denied"), "{name}: {answer:?}");
            assert_eq!(
                answer.body["error"]["message"], "Denied by the resource provider.",
                "{name} tells why"
            );
        }
        for (credential, answer) in [
            ("the first key", signed().send().await),
            ("the second", signed().second_key().send().await),
            ("a key as a token", scene.call(verb, &target).bearer(&scene.key()).send().await),
        ] {
            assert!(is_let_in(&answer), "{} with {credential}: {answer:?}", route.operation);
            assert!(answer.status < 500, "{} with {credential}: {answer:?}", route.operation);
        }
    }
}

#[tokio::test]
async fn a_key_that_was_replaced_opens_nothing() {
    let scene = Scene::start().await;
    let resource = RESOURCE.parse().unwrap();
    scene.node.admin().rotate_key(&resource, KeySlot::Primary).await.unwrap();
    for route in routes_for(Credential::Resource) {
        let target = target(route);
        let old = scene.signed(route.verb.as_str(), &target).send().await;
        assert_eq!((old.status, old.code()), (401, "Denied"), "{}", route.operation);
        let other = scene.signed(route.verb.as_str(), &target).second_key().send().await;
        assert!(is_let_in(&other), "{}: {other:?}", route.operation);
    }
}

#[tokio::test]
async fn a_route_of_users_takes_good_tokens_and_nothing_else() {
    let scene = Scene::start().await;
    let (_, token) = scene.user(&[Scope::Chat]).await;
    let alice = scene.token(&RESOURCE.parse().unwrap(), "alice", &Scope::ALL).await;
    let (revoked_user, revoked) = scene.user(&[Scope::Chat]).await;
    scene.node.revoke_tokens(&RESOURCE.parse().unwrap(), &revoked_user).await.unwrap();
    let (deleted_user, deleted) = scene.user(&[Scope::Chat]).await;
    scene.node.delete_user(&RESOURCE.parse().unwrap(), &deleted_user).await.unwrap();
    let forged = Forger::new(&scene, &token);
    let now = scene.node.clock().wall().as_unix_seconds();
    let bad = [
        ("nothing", None, "Unauthorized"),
        ("no JWT", Some("token".to_owned()), "Unauthorized"),
        ("a revoked token", Some(revoked), "Unauthorized"),
        ("the token of a deleted user", Some(deleted), "Unauthorized"),
        ("an expired token", Some(forged.signed(&json!({"exp": now - 1}))), "TokenExpired"),
        ("alg none", Some(forged.none()), "Unauthorized"),
        ("the public key as a secret", Some(forged.confused()), "Unauthorized"),
        ("another signer", Some(forged.by_another()), "Unauthorized"),
        ("another user in a signed token", Some(forged.swapped()), "Unauthorized"),
        (
            "an unknown resource",
            Some(forged.signed(&json!({"resourceId": "00000000-0000-4000-8000-00000000000f"}))),
            "Unauthorized",
        ),
        (
            "a user of another resource",
            Some(forged.signed(&json!({"skypeid": "acs:00000000-0000-4000-8000-00000000000f_x"}))),
            "Unauthorized",
        ),
        ("an endless token", Some("x".repeat(20_000)), "Unauthorized"),
    ];
    for route in routes_for(Credential::User) {
        let operation = route.operation;
        let (verb, target) = (route.verb.as_str(), target(route));
        let call = || scene.call(verb, &target).json(&body_of(operation));
        let is_graph = matches!(operation, Operation::Graph(_));
        for (credential, token, code) in &bad {
            let call = match token {
                Some(token) => call().bearer(token),
                None => call(),
            };
            let answer = call.send().await;
            let name = format!("{operation:?} with {credential}");
            let code = if is_graph { "InvalidAuthenticationToken" } else { *code };
            assert_eq!((answer.status, answer.code()), (401, code), "{name}: {answer:?}");
        }
        let signed = scene.signed(verb, &target).send().await;
        assert_eq!(signed.status, 401, "{operation:?} with an access key: {signed:?}");
        let mine = call().bearer(&token).send().await;
        let good = match is_graph {
            true => {
                // Whoever is in no directory is a stranger to Graph, whatever the token opens elsewhere.
                assert_eq!(
                    (mine.status, mine.code()),
                    (403, "Forbidden"),
                    "{operation:?}: {mine:?}"
                );
                call().bearer(&alice).send().await
            }
            false => mine,
        };
        assert!(is_let_in(&good) && good.status < 500, "{operation:?}: {good:?}");
    }
}

#[tokio::test]
async fn each_scope_opens_what_it_gives_and_no_more() {
    let scene = Scene::start().await;
    for scope in Scope::ALL {
        let (_, token) = scene.user(&[scope]).await;
        let alice = scene.token(&RESOURCE.parse().unwrap(), "alice", &[scope]).await;
        for route in routes_for(Credential::User) {
            let operation = route.operation;
            let Some(right) = right_of(operation) else { continue };
            let token = if matches!(operation, Operation::Graph(_)) { &alice } else { &token };
            let call = scene.call(route.verb.as_str(), &target(route)).json(&body_of(operation));
            let answer = call.bearer(token).send().await;
            let is_given = scope.gives(right);
            let name = format!("{operation:?} with {}", scope.as_str());
            match is_given {
                true => assert!(is_let_in(&answer), "{name}: {answer:?}"),
                false => assert_eq!((answer.status, answer.code()), (403, "Forbidden"), "{name}"),
            }
        }
    }
}

#[tokio::test]
async fn what_another_resource_has_is_not_owned_or_not_found() {
    let scene = Scene::start().await;
    let other = scene.node.admin().create_resource("fabrikam".parse().unwrap()).await.unwrap();
    let other_key = other.keys.primary.as_bytes().to_vec();
    let (alice, token) = scene.user(&[Scope::Chat]).await;
    let thread = scene.thread(&token, &[]).await;
    let room = scene.signed("POST", "/rooms?api-version=2025-03-13").json(&json!({})).send().await;
    let room = room.ok(201)["id"].as_str().unwrap().to_owned();

    let alice = alice.replace(':', "%3A");
    for (verb, target) in [
        ("POST", format!("/identities/{alice}/:issueAccessToken")),
        ("POST", format!("/identities/{alice}/:revokeAccessTokens")),
        ("DELETE", format!("/identities/{alice}")),
        ("GET", format!("/rooms/{room}")),
        ("PATCH", format!("/rooms/{room}")),
        ("DELETE", format!("/rooms/{room}")),
        ("GET", format!("/rooms/{room}/participants")),
        ("PATCH", format!("/rooms/{room}/participants")),
    ] {
        let body = json!({"scopes": ["chat"], "participants": {}});
        let answer = scene.call(verb, &target).key(&other_key).json(&body).send().await;
        let refusal = match target.starts_with("/identities/") {
            true => (401, "IdentityNotOwned"),
            false => (404, "NotFound"),
        };
        assert_eq!((answer.status, answer.code()), refusal, "{verb} {target}");
    }
    let listed = scene.call("GET", "/rooms").key(&other_key).send().await.ok(200);
    assert_eq!(listed["value"], json!([]));

    let (_, stranger) = scene.user_of(&other.resource.id, &[Scope::Chat]).await;
    let thread = thread.replace(':', "%3A").replace('@', "%40");
    let seen = scene.call("GET", &format!("/chat/threads/{thread}")).bearer(&stranger);
    seen.send().await.refused(404, "NotFound");
}

#[tokio::test]
async fn in_development_any_token_but_a_users_may_stand_for_the_resource() {
    let service_tokens = ServiceTokens::Any(RESOURCE.parse().unwrap());
    let config = RestConfig { service_tokens, ..RestConfig::default() };
    let scene = Scene::with(config, FederationConfig::default()).await;
    let (_, user) = scene.user(&Scope::ALL).await;
    let create = |token: &str| scene.call("POST", "/identities").bearer(token);
    create("of some directory").send().await.ok(201);
    create(&user).send().await.refused(401, "Denied");
    scene.call("POST", "/identities").send().await.refused(401, "Denied");
}

/// Makes tokens that look right.
pub(crate) struct Forger<'a> {
    scene: &'a Scene,
    header: String,
    claims: Value,
    parts: Vec<String>,
}

impl<'a> Forger<'a> {
    pub(crate) fn new(scene: &'a Scene, token: &str) -> Self {
        let parts: Vec<String> = token.split('.').map(str::to_owned).collect();
        let read = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap();
        Self {
            scene,
            header: String::from_utf8(read(&parts[0])).unwrap(),
            claims: serde_json::from_slice(&read(&parts[1])).unwrap(),
            parts,
        }
    }

    fn key_id(&self) -> String {
        let header: Value = serde_json::from_str(&self.header).unwrap();
        header["kid"].as_str().unwrap().to_owned()
    }

    /// Signs other claims with the right key.
    pub(crate) fn signed(&self, change: &Value) -> String {
        let mut claims = self.claims.clone();
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        self.signed_with(&self.scene.signing_key, &claims)
    }

    fn signed_with(&self, key: &[u8], claims: &Value) -> String {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(self.key_id());
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_ec_der(key)).unwrap()
    }

    fn by_another(&self) -> String {
        self.signed_with(&Identity::generate_signing_key().unwrap(), &self.claims)
    }

    fn none(&self) -> String {
        let header = json!({"alg": "none", "typ": "JWT", "kid": self.key_id()});
        format!("{}.{}.", URL_SAFE_NO_PAD.encode(header.to_string()), self.parts[1])
    }

    /// The classic: what everybody may know, used as what nobody else knows.
    fn confused(&self) -> String {
        let keys = self.scene.node.identity().jwks().to_string();
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(self.key_id());
        let key = EncodingKey::from_secret(keys.as_bytes());
        jsonwebtoken::encode(&header, &self.claims, &key).unwrap()
    }

    fn swapped(&self) -> String {
        let mut claims = self.claims.clone();
        claims["skypeid"] = format!("acs:{RESOURCE}_00000000-0000-4000-8000-000000000001").into();
        let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
        format!("{}.{claims}.{}", self.parts[0], self.parts[2])
    }
}

/// Clients sign with whole seconds: what is equal within one carries the same signature, and is meant
/// each time.
#[tokio::test]
async fn a_signature_is_good_for_as_long_as_its_date() {
    let scene = Scene::start().await;
    let at = |seconds: i64| {
        let now = scene.node.clock().wall().as_unix_seconds();
        Timestamp::from_unix_seconds(now + seconds)
    };
    let make = async |date| {
        let call = scene.signed("POST", "/identities?api-version=2023-10-01").bytes("{}");
        call.signed_at(date).send().await
    };
    let date = at(0);
    let mut made = BTreeSet::new();
    for _ in 0..3 {
        made.insert(make(date).await.ok(201)["identity"]["id"].to_string());
    }
    assert_eq!(made.len(), 3, "each is carried out");
    make(at(-280)).await.ok(201);
    make(at(280)).await.ok(201);
    make(at(-310)).await.refused(401, "Denied");
    make(at(310)).await.refused(401, "Denied");
}
