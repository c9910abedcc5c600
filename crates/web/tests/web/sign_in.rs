//! Signing in with an issuer: which are offered, and what is exchanged for whom.

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode};
use futures_util::stream;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use trunkline_clock::Timestamp;
use trunkline_node::{DevSignIn, Node};
use trunkline_web::{SignInConfig, SignInIssuer, SignInRate, WebConfig, router};

use crate::{config, node};

const HOST: &str = "localhost:8443";
const ISSUER: &str = "https://localhost:8443/adfs";
const APP: &str = "trunkline-app";
const ALICE: &str = "00000000-0000-4000-8000-00000000000a";
const BOTH: &str = "openid Teams.ManageCalls Teams.ManageChats";

fn contoso() -> SignInIssuer {
    SignInIssuer {
        issuer: "https://login.example/contoso".to_owned(),
        client_id: "6d3f1a52".to_owned(),
        name: Some("Contoso".to_owned()),
        scopes: vec!["offline_access".to_owned()],
        origins: BTreeSet::from(["https://login.example".to_owned()]),
    }
}

fn with(issuers: &[SignInIssuer], dev_endpoints: bool) -> WebConfig {
    let sign_in = SignInConfig { issuers: issuers.to_vec(), ..SignInConfig::default() };
    WebConfig { dev_endpoints, sign_in, ..config() }
}

async fn ask(
    config: WebConfig,
    node: &Node,
    request: Request<Body>,
) -> (StatusCode, HeaderMap, Value) {
    let response = router(config, node.clone()).oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    (parts.status, parts.headers, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

async fn offered(config: WebConfig, host: &str) -> Value {
    let (node, _place) = node().await;
    let request = Request::get("/sign-in/issuers").header("host", host);
    let answer = ask(config, &node, request.body(Body::empty()).unwrap()).await;
    let (status, headers, body) = answer;
    assert_eq!((status, &headers["cache-control"]), (StatusCode::OK, &"no-store".parse().unwrap()));
    node.shutdown().await;
    body["issuers"].clone()
}

/// Gets a token of the development directory at a time.
fn directory_token(node: &Node, sign_in: DevSignIn<'_>, now: Timestamp) -> String {
    node.identity().dev_sign_in(sign_in, now).unwrap().access_token
}

fn alice() -> DevSignIn<'static> {
    DevSignIn { issuer: ISSUER, user: "alice", app_id: APP, scope: BOTH, nonce: None }
}

fn swap(body: &Value) -> axum::http::request::Builder {
    Request::post("/sign-in/token")
        .header("host", HOST)
        .header("origin", format!("https://{HOST}"))
        .header("content-type", "application/json")
        .header("content-length", body.to_string().len())
}

async fn exchange(node: &Node, body: &Value) -> (StatusCode, HeaderMap, Value) {
    let request = swap(body).body(Body::from(body.to_string())).unwrap();
    ask(config(), node, request).await
}

#[tokio::test]
async fn issuers_are_offered_where_the_app_is_known_to_them() {
    let contoso_described = json!({
        "issuer": "https://login.example/contoso", "clientId": "6d3f1a52", "name": "Contoso",
        "scopes": ["offline_access"],
    });
    assert_eq!(offered(with(&[], false), "meet.example").await, json!([]));
    let production = offered(with(&[contoso()], false), "meet.example").await;
    assert_eq!(production, json!([contoso_described]));
    let development = offered(with(&[contoso()], true), HOST).await;
    assert_eq!(development[0], contoso_described);
    assert_eq!(
        (&development[1]["issuer"], &development[1]["clientId"]),
        (&json!(ISSUER), &json!(APP))
    );
    // Under another name, the issuer has another; under one that anybody may have, there is none.
    for (host, issuer) in [
        ("127.0.0.1:8443", "https://127.0.0.1:8443/adfs"),
        ("[::1]:8443", "https://[::1]:8443/adfs"),
        ("LocalHost:443", "https://localhost/adfs"),
        ("app.example.org", "https://app.example.org/adfs"),
    ] {
        assert_eq!(offered(with(&[], true), host).await[0]["issuer"], issuer, "{host}");
    }
    assert_eq!(offered(with(&[], true), "rebound.example").await, json!([]));
}

#[tokio::test]
async fn pages_of_other_origins_may_not_ask() {
    let (node, _place) = node().await;
    for request in [
        Request::get("/sign-in/issuers"),
        Request::post("/sign-in/guest"),
        Request::post("/sign-in/token"),
    ] {
        let request = request.header("host", HOST).header("origin", "https://evil.example");
        let request = request.header("content-type", "application/json");
        let (status, _, body) = ask(config(), &node, request.body(Body::empty()).unwrap()).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert_eq!(body["error"]["code"], "foreign_origin");
    }
    node.shutdown().await;
}

#[tokio::test]
async fn a_token_of_an_offered_issuer_is_exchanged_for_whom_it_was_given() {
    let (node, _place) = node().await;
    let now = node.clock().wall();
    let token = directory_token(&node, alice(), now);
    let body = json!({"issuer": ISSUER, "token": token, "appId": APP, "userId": ALICE});
    let (status, headers, answer) = exchange(&node, &body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(headers["cache-control"], "no-store");
    let raw_id = format!("8:orgid:{ALICE}");
    assert_eq!(answer["identifier"]["rawId"], raw_id);
    assert_eq!(
        (&answer["displayName"], &answer["alias"]),
        (&json!("Alice Archer"), &json!("alice"))
    );
    let claims = node.identity().verify(answer["token"].as_str().unwrap(), now).await.unwrap();
    assert_eq!(claims.identifier.to_string(), raw_id);
    let expires_on = claims.expires_on.to_string();
    assert_eq!(answer["expiresOn"].as_str().unwrap()[..16], expires_on[..16]);
    assert!(claims.expires_on.saturating_duration_since(now) <= Duration::from_secs(60 * 60));
    node.shutdown().await;
}

#[tokio::test]
async fn what_is_not_exchanged_is_refused_with_its_code() {
    let (node, _place) = node().await;
    let now = node.clock().wall();
    let hour_ago = Timestamp::from_unix_seconds(now.as_unix_seconds() - 3_601);
    let token = directory_token(&node, alice(), now);
    let id_token = node.identity().dev_sign_in(alice(), now).unwrap().id_token.unwrap();
    let expired = directory_token(&node, alice(), hour_ago);
    let of_app = directory_token(&node, DevSignIn { app_id: "another", ..alice() }, now);
    let in_capitals = DevSignIn { app_id: "Trunkline-App", ..alice() };
    let in_capitals = directory_token(&node, in_capitals, now);
    let elsewhere = DevSignIn { issuer: "https://127.0.0.1:8443/adfs", ..alice() };
    let elsewhere = directory_token(&node, elsewhere, now);
    let powerless = directory_token(&node, DevSignIn { scope: "openid", ..alice() }, now);
    let body = json!({"issuer": ISSUER, "token": token, "appId": APP, "userId": ALICE});
    let but = |name: &str, value: &str| {
        let mut body = body.clone();
        body[name] = value.into();
        body
    };
    let bob = "00000000-0000-4000-8000-00000000000b";
    for (body, status, code) in [
        (but("issuer", "https://login.example/contoso"), 400, "unknown_issuer"),
        (but("issuer", "https://127.0.0.1:8443/adfs"), 400, "unknown_issuer"),
        (but("appId", "another"), 403, "other_app"),
        (but("appId", "Trunkline-App"), 403, "other_app"),
        (but("userId", bob), 400, "token_mismatch"),
        (but("token", &of_app), 400, "token_mismatch"),
        (but("token", &in_capitals), 400, "token_mismatch"),
        (but("token", &elsewhere), 400, "token_mismatch"),
        (but("token", &expired), 401, "token_expired"),
        (but("token", &id_token), 401, "token_invalid"),
        (but("token", "a.b.c"), 401, "token_invalid"),
        (but("token", &powerless), 403, "no_scopes"),
        (but("token", &"x".repeat(20_000)), 401, "token_invalid"),
        (but("token", &"x".repeat(30_000)), 413, "payload_too_large"),
        (json!({"issuer": ISSUER, "token": token, "appId": APP}), 400, "invalid_request"),
        (json!([ISSUER]), 400, "invalid_request"),
    ] {
        let (found, headers, answer) = exchange(&node, &body).await;
        assert_eq!((found.as_u16(), &answer["error"]["code"]), (status, &json!(code)), "{answer}");
        assert_eq!(headers.contains_key("www-authenticate"), status == 401, "{code}");
        assert_eq!(headers["cache-control"], "no-store");
        assert!(!answer.to_string().contains(&token), "the answer repeats the token");
    }
    let broken = stream::iter([Ok("{"), Err(io::Error::from(io::ErrorKind::ConnectionReset))]);
    let broken = swap(&body).body(Body::from_stream(broken)).unwrap();
    let (status, _, answer) = ask(config(), &node, broken).await;
    assert_eq!(
        (status, &answer["error"]["message"]),
        (StatusCode::BAD_REQUEST, &json!("the body broke off"))
    );
    let plain = swap(&body).body(Body::from(body.to_string())).unwrap();
    let (mut parts, content) = plain.into_parts();
    parts.headers.insert("content-type", "text/plain".parse().unwrap());
    let (status, _, _) = ask(config(), &node, Request::from_parts(parts, content)).await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);

    // The issuer that everybody could be anybody with is not there outside of development.
    let request = swap(&body).body(Body::from(body.to_string())).unwrap();
    let (status, _, answer) = ask(with(&[contoso()], false), &node, request).await;
    assert_eq!(
        (status, &answer["error"]["code"]),
        (StatusCode::BAD_REQUEST, &json!("unknown_issuer"))
    );

    let user = ALICE.parse().unwrap();
    node.admin().delete_directory_user(node.identity().tenant(), &user).await.unwrap();
    let (status, _, answer) = exchange(&node, &body).await;
    assert_eq!(
        (status, &answer["error"]["code"]),
        (StatusCode::NOT_FOUND, &json!("user_not_found"))
    );
    node.shutdown().await;
}

#[tokio::test]
async fn an_address_that_exchanges_too_often_waits() {
    let (node, _place) = node().await;
    let rate = SignInRate { limit: 2, window: Duration::from_secs(3_600) };
    let sign_in = SignInConfig { rates: vec![rate], ..SignInConfig::default() };
    let router = router(WebConfig { sign_in, ..config() }, node.clone());
    let ask = async |last: u8| {
        let body = json!({});
        let mut request = swap(&body).body(Body::from(body.to_string())).unwrap();
        let peer = SocketAddr::from((Ipv4Addr::new(192, 0, 2, last), 50_000));
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request).await.unwrap()
    };
    assert_eq!(ask(1).await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(ask(1).await.status(), StatusCode::BAD_REQUEST);
    let refused = ask(1).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let after: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=1_800).contains(&after), "{after}");
    assert_eq!(ask(2).await.status(), StatusCode::BAD_REQUEST, "another address");
    node.shutdown().await;
}
