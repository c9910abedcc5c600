//! What clients do that mean no good: tokens that open nothing, frames that are none, readers that do
//! not read.

use std::time::Duration;

use axum::http::StatusCode;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use trunkline_realtime::endpoint::OutboxLimits;

use futures_util::SinkExt as _;

use crate::CONFIGURATION;
use crate::support::client::{Client, Scene, user};

const REGISTRATION: &str =
    r#"{"clientDescription":{},"registrationId":"e1","nodeId":"","transports":{}}"#;

/// Sends a request of every route that reads a token; returns what the answers were.
async fn every_route(scene: &Scene, token: &str, query: &str) -> Vec<(&'static str, u16)> {
    let skype = [("x-skypetoken", token)];
    let bearer = format!("Bearer {token}");
    let bearer = [("authorization", bearer.as_str())];
    let mut answers = vec![];
    let routes = [
        ("GET", CONFIGURATION.to_owned(), &bearer, ""),
        ("POST", "/trouter/v4/a?epid=e1".to_owned(), &skype, ""),
        ("POST", "/v4/a?epid=e1".to_owned(), &skype, ""),
        ("GET", format!("/socket.io/1/?{query}"), &skype, ""),
        ("POST", "/registrar/v3/registrations".to_owned(), &skype, REGISTRATION),
        ("DELETE", "/registrar/v3/registrations/e1".to_owned(), &skype, ""),
    ];
    let names =
        ["configuration", "allocate", "allocate again", "handshake", "register", "unregister"];
    for (name, (method, uri, headers, body)) in names.into_iter().zip(routes) {
        let response = scene.send(method, &uri, headers, body).await;
        answers.push((name, response.status().as_u16()));
    }
    answers
}

#[tokio::test(start_paused = true)]
async fn no_route_is_opened_by_a_token_that_is_wrong_expired_revoked_or_for_calls() {
    let scene = Scene::new();
    let _client = scene.connect("alice-token", "e1").await;
    let query = scene.allocate("alice-token", "e1").await;
    for (token, life) in [("expired", 5), ("revoked", 3_600)] {
        scene.exchange.admit(token, &user("alice"), Duration::from_secs(life));
        let answers = every_route(&scene, token, &query).await;
        let refused = answers.iter().find(|(_, status)| !(200..300).contains(status));
        // Taking the endpoint back comes last, and works.
        assert_eq!(refused, None, "{token} while it was good");
        drop(scene.connect("alice-token", "e1").await);
    }
    sleep(Duration::from_secs(6)).await;
    scene.exchange.revoke("revoked");
    scene.exchange.admit_to_calls("calls");
    let endpoints = scene.realtime.endpoints();
    for (token, status) in
        [("", 401), ("nobody", 401), ("expired", 401), ("revoked", 401), ("calls", 403)]
    {
        for (route, answer) in every_route(&scene, token, &query).await {
            assert_eq!(answer, status, "{route} with {token:?}");
        }
    }
    assert_eq!(scene.realtime.endpoints(), endpoints);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_of_somebody_else_is_another_endpoint() {
    let mut scene = Scene::new();
    let mut alice = scene.connect("alice-token", "e1").await;
    scene.exchange.admit("eve-token", &user("eve"), Duration::from_secs(3_600));
    // Under the same id eve gets one of her own, in which nothing of alice's happens.
    let mut eve = scene.connect("eve-token", "e1").await;
    assert_eq!(scene.realtime.endpoints(), 2);
    scene.say("for alice");
    assert_eq!(eve.drain().await, Vec::<String>::new());
    let (id, text) = alice.next_push().await;
    assert_eq!(text, "for alice");
    // Neither answers nor requests of eve's settle what alice has not answered.
    eve.acknowledge(id).await;
    let gone = scene.request("DELETE", "/registrar/v3/registrations/e1", "eve-token").await;
    assert_eq!(gone.status(), StatusCode::ACCEPTED);
    drop(alice);
    sleep(Duration::from_secs(1)).await;
    let mut alice = scene.connect("alice-token", "e1").await;
    assert_eq!(alice.drain().await, ["for alice"]);
    // What alice was given opens nothing for eve.
    let query = scene.allocate("alice-token", "e1").await;
    assert_eq!(scene.shake_hands("eve-token", &query).await, Err(StatusCode::UNAUTHORIZED));
}

#[tokio::test(start_paused = true)]
async fn frames_that_are_too_large_or_none_end_their_socket_and_nothing_else() {
    let mut scene = Scene::new();
    let mut other = scene.connect("bob-token", "e1").await;
    let large = format!(r#"5:::{{"name":"{}"}}"#, "x".repeat(96 * 1024));
    let huge = format!(r#"5:::{{"name":"{}"}}"#, "x".repeat(4 * 1024 * 1024));
    let deep = format!("4:::{}", "[".repeat(30_000));
    let frames = [
        Message::text(large),
        Message::text(huge),
        Message::text(deep),
        Message::text("9:::"),
        Message::text("3:::not a request"),
        Message::text(r#"3:::{"id":99999999999999999999999,"status":200}"#),
        Message::binary(vec![0; 64]),
    ];
    for (number, frame) in frames.into_iter().enumerate() {
        let mut client = scene.connect("alice-token", "e1").await;
        // The exchange may have closed before all of it was written.
        let _ = timeout(Duration::from_secs(20), client.socket.send(frame)).await;
        assert_eq!(closes_within(&mut client, 30).await, Some(()), "frame {number}");
    }
    scene.say("still here");
    assert_eq!(other.drain().await, ["still here"]);
    let mut client = scene.connect("alice-token", "e1").await;
    assert_eq!(client.drain().await, ["still here"]);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_does_not_read_holds_a_bounded_part_of_its_feed() {
    let outbox = OutboxLimits::default();
    let mut scene = Scene::new();
    let mut client = scene.connect("alice-token", "e1").await;
    let texts: Vec<String> = (0..5_000).map(|number| format!("message {number}")).collect();
    for text in &texts {
        scene.say(text);
    }
    sleep(Duration::from_secs(5)).await;
    let held = scene.exchange.handed_out();
    assert!(held <= outbox.pushes, "{held} of 5000 were taken from the feed");
    // It answers nothing either, so its socket is cut.
    assert_eq!(closes_within(&mut client, 60).await, Some(()));
    let held = scene.exchange.handed_out();
    assert!(held <= outbox.pushes, "{held} of 5000 were taken from the feed");
    let mut client = scene.connect("alice-token", "e1").await;
    assert_eq!(client.drain().await, texts);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_allocations_leaves_as_many_endpoints_as_a_user_may_have() {
    let scene = Scene::with(|config| config.endpoints_per_user = 8);
    for number in 0..500 {
        let uri = format!("/v4/a?epid=e{number}");
        assert_eq!(scene.request("POST", &uri, "alice-token").await.status(), StatusCode::OK);
    }
    sleep(Duration::from_secs(1)).await;
    assert_eq!(scene.realtime.endpoints(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_client_goes_on_under_a_fresh_token_once_the_old_one_has_expired() {
    let mut scene = Scene::new();
    scene.exchange.admit("short", &user("alice"), Duration::from_secs(20));
    let mut client = scene.connect("short", "e1").await;
    scene.say("a");
    let (id, _) = client.next_push().await;
    let mut frames = vec![];
    while let Some(frame) = client.next().await {
        let is_over = frame.starts_with("0::");
        frames.push(frame);
        if is_over {
            // The answer was on its way when the socket was closed, and counts.
            client.acknowledge(id).await;
        }
    }
    assert_eq!(frames.last().map(String::as_str), Some(r#"0:::{"reason":"unauthorized"}"#));
    scene.say("b");
    let query = scene.allocate("alice-token", "e1").await;
    assert_eq!(scene.shake_hands("short", &query).await, Err(StatusCode::UNAUTHORIZED));
    let session = scene.shake_hands("alice-token", &query).await.unwrap();
    let mut client = scene.upgrade(&session, &query).await.unwrap();
    assert_eq!(client.drain().await, ["b"]);
}

/// Reads until the socket is closed; `None` if it is not in time.
async fn closes_within(client: &mut Client, seconds: u64) -> Option<()> {
    let until = Instant::now() + Duration::from_secs(seconds);
    tokio::time::timeout_at(until, async { while client.next().await.is_some() {} }).await.ok()
}
