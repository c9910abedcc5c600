//! Every method against every credential, from the descriptors: a method that is not in the table
//! fails.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use prost::Message as _;
use serde_json::{Value, json};
use tonic::{Code, Request, client::Grpc, codegen::http::uri::PathAndQuery};
use tonic_prost::ProstCodec;
use trunkline_node::Identity;
use trunkline_policy::{Right, Scope};

use crate::scene::{RESOURCE, Scene};

/// What a method asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Need {
    /// A key of some resource.
    Key,
    /// A key of the exchange's own resource.
    OwnKey,
    /// A key of the exchange's own resource, or a user's token.
    OwnKeyOrToken,
    /// Nothing: the first frame carries the token.
    Nothing,
    /// A user's token whose scopes give a right.
    TokenFor(Right),
}

/// Says what a method needs; the whole of the interface is here.
fn need(service: &str, method: &str) -> Need {
    match (service, method) {
        ("trunkline.admin.v1.AdminService", _) | ("trunkline.events.v1.EventsService", _) => {
            Need::OwnKey
        }
        ("trunkline.identity.v1.IdentityService", _) | ("trunkline.rooms.v1.RoomsService", _) => {
            Need::Key
        }
        ("trunkline.calling.v1.CallingService", "PlaceCall") => Need::TokenFor(Right::StartCalls),
        ("trunkline.calling.v1.CallingService", _) => Need::TokenFor(Right::JoinCalls),
        ("trunkline.meetings.v1.MeetingsService", _)
        | ("trunkline.presence.v1.PresenceService", _) => Need::OwnKeyOrToken,
        ("trunkline.signaling.v1.SignalingService", "Connect") => Need::Nothing,
        ("trunkline.chat.v1.ChatService", "CreateThread" | "DeleteThread" | "UpdateThread") => {
            Need::TokenFor(Right::ChangeThreads)
        }
        ("trunkline.chat.v1.ChatService", "AddMembers" | "RemoveMember") => {
            Need::TokenFor(Right::ChangeParticipants)
        }
        (
            "trunkline.chat.v1.ChatService",
            "DeleteMessage" | "EditMessage" | "GetMessage" | "GetThread" | "ListMembers"
            | "ListMessages" | "ListReadReceipts" | "ListThreads" | "SendMessage"
            | "SendReadReceipt" | "SendTyping" | "WatchChat",
        ) => Need::TokenFor(Right::UseMessages),
        (service, method) => panic!("say what {service}/{method} needs"),
    }
}

/// Returns every method of every service of the project.
fn methods() -> Vec<(String, String)> {
    let set = prost_types::FileDescriptorSet::decode(trunkline_proto::FILE_DESCRIPTOR_SET).unwrap();
    let mut methods = Vec::new();
    for file in set.file.iter().filter(|file| file.package().starts_with("trunkline.")) {
        for service in &file.service {
            let full_name = format!("{}.{}", file.package(), service.name());
            let named = service.method.iter().map(|method| method.name().to_owned());
            methods.extend(named.map(|method| (full_name.clone(), method)));
        }
    }
    assert!(methods.len() >= 90, "{}", methods.len());
    methods
}

/// Sends an empty request, and returns how it ended, as far as it does.
async fn call(scene: &Scene, service: &str, method: &str, credentials: &[&str]) -> Code {
    let mut client = Grpc::with_origin(scene.router.clone(), "http://exchange".parse().unwrap());
    client.ready().await.unwrap();
    let mut request = Request::new(tokio_stream::once(()));
    for credential in credentials {
        request.metadata_mut().append("authorization", credential.parse().unwrap());
    }
    let path: PathAndQuery = format!("/{service}/{method}").parse().unwrap();
    match client.streaming(request, path, ProstCodec::<(), ()>::default()).await {
        Ok(_) => Code::Ok,
        Err(status) => status.code(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_method_takes_its_own_credential_and_no_other() {
    let scene = Scene::start().await;
    let other = scene.node.admin().create_resource("shop".parse().unwrap()).await.unwrap();
    let other_key = format!("AccessKey {}", other.keys.primary.to_base64());
    let own_key = format!("AccessKey {}", scene.key());
    let alice = format!("Bearer {}", scene.token("alice", &Scope::ALL).await);
    let mut nobody = vec![
        ("nothing", Vec::new()),
        ("an empty key", vec!["AccessKey ".to_owned()]),
        ("a wrong key", vec!["AccessKey d3Jvbmcta2V5LXdyb25nLWtleQ==".to_owned()]),
        ("a part of the key", vec![own_key[..own_key.len() - 4].to_owned()]),
        ("another scheme", vec![own_key.replace("AccessKey", "Basic")]),
        ("a key as a token", vec![own_key.replace("AccessKey", "Bearer")]),
        ("a token as a key", vec![alice.replace("Bearer", "AccessKey")]),
        ("a key and a token", vec![own_key.clone(), alice.clone()]),
    ];
    for (name, token) in forgeries(&scene).await {
        nobody.push((name, vec![format!("Bearer {token}")]));
    }
    let scoped = scoped(&scene).await;

    for (service, method) in methods() {
        let need = need(&service, &method);
        let code = async |credentials: &[&str]| call(&scene, &service, &method, credentials).await;
        let place = |credential: &str| format!("{service}/{method} with {credential}");
        if need == Need::Nothing {
            assert_eq!(code(&[]).await, Code::Ok, "{}", place("nothing"));
            continue;
        }
        for (name, credentials) in &nobody {
            let credentials: Vec<&str> = credentials.iter().map(String::as_str).collect();
            assert_eq!(code(&credentials).await, Code::Unauthenticated, "{}", place(name));
        }
        let (key, other_key, token) =
            (code(&[&own_key]).await, code(&[&other_key]).await, code(&[&alice]).await);
        match need {
            Need::Key | Need::OwnKey => {
                assert!(is_admitted(key), "{}: {key:?}", place("a key"));
                assert_eq!(token, Code::Unauthenticated, "{}", place("a token"));
                match need {
                    Need::OwnKey => {
                        assert_eq!(other_key, Code::PermissionDenied, "{}", place("another key"));
                    }
                    _ => assert!(is_admitted(other_key), "{}: {other_key:?}", place("another key")),
                }
            }
            Need::TokenFor(_) => {
                assert_eq!(key, Code::Unauthenticated, "{}", place("a key"));
                assert!(is_admitted(token), "{}: {token:?}", place("a token"));
            }
            Need::OwnKeyOrToken => {
                assert!(is_admitted(key), "{}: {key:?}", place("a key"));
                assert!(is_admitted(token), "{}: {token:?}", place("a token"));
                assert_eq!(other_key, Code::PermissionDenied, "{}", place("another key"));
            }
            Need::Nothing => unreachable!("handled above"),
        }
        if let Need::TokenFor(right) = need {
            for (scope, token) in &scoped {
                let code = code(&[token]).await;
                let place = place(scope.as_str());
                // What has no such thread or call is not to be told apart from what may not be asked.
                assert_eq!(code != Code::PermissionDenied, scope.gives(right), "{place}: {code:?}");
            }
        }
    }
}

/// A client that is told of a bad token throws a good one away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_cannot_be_checked_is_not_called_a_bad_one() {
    let scene = Scene::start().await;
    let token = format!("Bearer {}", scene.token("alice", &Scope::ALL).await);
    // Nothing is remembered of her tokens any more, and then the store is gone.
    let scene = scene.restart().await;
    scene.node.shutdown().await;
    for (service, method) in methods() {
        if let Need::TokenFor(_) | Need::OwnKeyOrToken = need(&service, &method) {
            let code = call(&scene, &service, &method, &[&token]).await;
            assert_eq!(code, Code::Unavailable, "{service}/{method}");
        }
    }
}

/// Returns whether somebody was let in, whatever became of the empty request.
fn is_admitted(code: Code) -> bool {
    !matches!(code, Code::Unauthenticated | Code::PermissionDenied | Code::Unimplemented)
}

async fn scoped(scene: &Scene) -> Vec<(Scope, String)> {
    let mut tokens = Vec::new();
    for scope in Scope::ALL {
        tokens.push((scope, format!("Bearer {}", scene.token("bob", &[scope]).await)));
    }
    tokens
}

/// Makes tokens that look right and are not.
async fn forgeries(scene: &Scene) -> Vec<(&'static str, String)> {
    let now = scene.node.clock().wall().as_unix_seconds();
    let good = scene.token("alice", &Scope::ALL).await;
    let parts: Vec<&str> = good.split('.').collect();
    let read = |part: &str| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    let (header, claims) = (read(parts[0]), read(parts[1]));
    let kid = header["kid"].as_str().unwrap().to_owned();
    let changed = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        claims
    };
    let sign = |key: &[u8], claims: &Value| {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(kid.clone());
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_ec_der(key)).unwrap()
    };
    let mut symmetric = Header::new(Algorithm::HS256);
    symmetric.kid = Some(kid.clone());
    let public = EncodingKey::from_secret(scene.node.identity().jwks().to_string().as_bytes());
    let none = URL_SAFE_NO_PAD.encode(json!({"alg": "none", "kid": kid}).to_string());
    let bob = changed("skypeid", "orgid:00000000-0000-4000-8000-00000000000b".into());
    let swapped = URL_SAFE_NO_PAD.encode(bob.to_string());
    let elsewhere = RESOURCE.replace('5', "6");

    let (identity, resource) = (scene.node.identity(), scene.resource());
    let user = identity.create_user(&resource, scene.node.clock().wall()).await.unwrap();
    let user = user.identifier.to_string();
    let revoked = scene.token(&user, &Scope::ALL).await;
    scene.node.revoke_tokens(&scene.resource(), &user).await.unwrap();
    let orphaned = scene.token(&user, &Scope::ALL).await;
    scene.node.delete_user(&scene.resource(), &user).await.unwrap();
    vec![
        ("no token at all", "x".repeat(10_000)),
        ("an expired token", sign(&scene.signing_key, &changed("exp", (now - 1).into()))),
        ("another resource's token", {
            sign(&scene.signing_key, &changed("resourceId", elsewhere.into()))
        }),
        ("another signer's token", sign(&Identity::generate_signing_key().unwrap(), &claims)),
        ("alg none", format!("{none}.{}.", parts[1])),
        ("HS for RS", jsonwebtoken::encode(&symmetric, &claims, &public).unwrap()),
        ("swapped claims", format!("{}.{swapped}.{}", parts[0], parts[2])),
        ("a revoked token", revoked),
        ("a deleted user's token", orphaned),
    ]
}
