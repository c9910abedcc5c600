//! Streams of calls and meetings end with the token, and with the standing, by which they were opened.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::Value;
use tokio::time::{Instant, timeout};
use tonic::{Code, Streaming};
use trunkline_node::{RingError, TokenClaims, TokenError};
use trunkline_policy::Scope;
use trunkline_proto::calling::v1::{PlaceCallRequest, WatchIncomingCallsRequest};

use crate::person::Person;
use crate::scene::Scene;

/// Reads to the end of a stream, and returns how it ended.
async fn end<T>(stream: &mut Streaming<T>) -> Code {
    let last = async {
        loop {
            match stream.message().await {
                Ok(Some(_)) => {}
                Ok(None) => return Code::Ok,
                Err(status) => return status.code(),
            }
        }
    };
    timeout(Duration::from_secs(5), last).await.expect("the stream goes on")
}

async fn revoke(scene: &Scene, user: &str) {
    scene.node.revoke_tokens(&scene.resource(), user).await.unwrap();
}

/// What a token says whose user had it verified a moment ago.
async fn claims(scene: &Scene, user: &str) -> TokenClaims {
    let token = scene.token(user, &[Scope::Voip]).await;
    scene.node.identity().verify(&token, scene.node.clock().wall()).await.unwrap()
}

/// Makes a token that counts for a second or two.
async fn fleeting(scene: &Scene, user: &str) -> String {
    let token = scene.token(user, &[Scope::Voip]).await;
    let parts: Vec<&str> = token.split('.').collect();
    let read = |part: &str| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some(read(parts[0])["kid"].as_str().unwrap().to_owned());
    let mut claims = read(parts[1]);
    claims["exp"] = (scene.node.clock().wall().as_unix_seconds() + 2).into();
    let key = EncodingKey::from_ec_der(&scene.signing_key);
    jsonwebtoken::encode(&header, &claims, &key).unwrap()
}

/// Waits until nothing rings any more, whoever reads what it is told.
async fn silence(scene: &Scene) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while scene.node.status().endpoints > 0 {
        assert!(Instant::now() < deadline, "an endpoint outlives its token");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_rings_no_longer_than_its_token_counts() {
    let scene = Scene::start().await;
    let (user, caller) = (scene.app_user().await, scene.app_user().await);
    let mut calls = scene.calling(&user).await;
    let ringing = calls.watch_incoming_calls(WatchIncomingCallsRequest::default()).await;
    let mut ringing = ringing.unwrap().into_inner();
    let unread = calls.watch_incoming_calls(WatchIncomingCallsRequest::default()).await.unwrap();
    let verified = claims(&scene, &user).await;
    revoke(&scene, &user).await;
    silence(&scene).await;
    let place = PlaceCallRequest { targets: vec![user.clone()], ..PlaceCallRequest::default() };
    scene.calling(&caller).await.place_call(place).await.unwrap();
    assert_eq!(end(&mut ringing).await, Code::Unauthenticated);
    drop(unread);
    // One that was verified before the revocation opens nothing after it.
    let late = scene.node.controller(verified).ring("").await;
    assert!(matches!(late, Err(RingError::Token(TokenError::Revoked))), "{late:?}");
    assert_eq!(scene.node.status().endpoints, 0);

    let token = fleeting(&scene, &caller).await;
    let mut calls = scene.calling_by(&token);
    let ringing = calls.watch_incoming_calls(WatchIncomingCallsRequest::default()).await;
    assert_eq!(end(&mut ringing.unwrap().into_inner()).await, Code::Unauthenticated);
    silence(&scene).await;
    // A new token rings anew.
    let mut callee = Person::of(&scene, &user).await;
    let place = PlaceCallRequest { targets: vec![user], ..PlaceCallRequest::default() };
    let placed = scene.calling(&caller).await.place_call(place).await.unwrap().into_inner();
    assert_eq!(callee.rings().await, placed.call.unwrap().call_id);
}
