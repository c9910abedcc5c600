//! The routes and the sockets behind them, from the client's side.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::json;
use trunkline_realtime::endpoint::OutboxLimits;
use trunkline_realtime::negotiate::Origin;
use trunkline_realtime::{RealtimeConfig, Scheme};

use support::client::{Scene, json as json_of, text, user};

#[path = "cases/hostile.rs"]
mod hostile;
mod support {
    pub(crate) mod client;
    pub(crate) mod exchange;
}

const CONFIGURATION: &str = "/chat/config/realTimeNotifications?api-version=2024-09-01";

#[tokio::test(start_paused = true)]
async fn the_configuration_names_the_host_that_the_client_asked() {
    let scene = Scene::new();
    let bearer = [("authorization", "Bearer alice-token")];
    let answer = json_of(scene.send("GET", CONFIGURATION, &bearer, "").await).await;
    assert_eq!(
        answer,
        json!({
            "trouterServiceUrl": "https://chat.test:8443/trouter",
            "registrarServiceUrl": "https://chat.test:8443/registrar",
            "cloudType": "public",
        })
    );
    let refused = scene.send("GET", CONFIGURATION, &[], "").await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(json_of(refused).await["error"]["code"], "Unauthorized");
}

#[tokio::test(start_paused = true)]
async fn the_scheme_is_the_listeners_and_a_public_origin_overrides_both() {
    let bearer = [("authorization", "bearer alice-token")];
    let check = async |configure: fn(&mut RealtimeConfig), expected: &str| {
        let scene = Scene::with(configure);
        let answer = json_of(scene.send("GET", CONFIGURATION, &bearer, "").await).await;
        assert_eq!(answer["trouterServiceUrl"], expected);
    };
    check(|config| config.scheme = Scheme::Http, "http://chat.test:8443/trouter").await;
    let configure: fn(&mut RealtimeConfig) =
        |config| config.public_origin = Some(Origin::new("https", "chat.example.org").unwrap());
    check(configure, "https://chat.example.org/trouter").await;
}

#[tokio::test(start_paused = true)]
async fn an_allocation_is_answered_as_the_client_wants_it() {
    let scene = Scene::new();
    for path in ["/trouter/v4/a", "/v4/a"] {
        let response = scene.request("POST", &format!("{path}?epid=e1"), "alice-token").await;
        assert_eq!(response.headers()["content-type"], "application/json");
        let answer = json_of(response).await;
        assert_eq!(answer["socketio"], "https://chat.test:8443/");
    }
    assert_eq!(scene.realtime.endpoints(), 1);
    for (token, status) in [("nobody", 401), ("", 401)] {
        let response = scene.request("POST", "/v4/a?epid=e1", token).await;
        assert_eq!(response.status().as_u16(), status, "{token:?}");
    }
    for query in ["", "?epid=", "?epid=a%20b", "?epid=a/b"] {
        let response = scene.request("POST", &format!("/v4/a{query}"), "alice-token").await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{query:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_whose_token_is_for_calls_is_told_to_give_up() {
    let scene = Scene::new();
    scene.exchange.admit_to_calls("calls");
    let response = scene.request("POST", "/v4/a?epid=e1", "calls").await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert_eq!(response.headers()["x-trouter-skypetoken-deprecated"], "1");
}

#[tokio::test(start_paused = true)]
async fn pages_of_other_origins_may_use_the_routes() {
    let scene = Scene::new();
    let preflight = [
        ("origin", "https://app.test"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type,x-skypetoken"),
    ];
    let uris = [CONFIGURATION, "/v4/a", "/socket.io/1/", "/registrar/v3/registrations/e1"];
    for uri in uris {
        let response = scene.send("OPTIONS", uri, &preflight, "").await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT, "{uri}");
        let headers = response.headers();
        assert_eq!(headers["access-control-allow-origin"], "https://app.test");
        assert_eq!(headers["access-control-allow-headers"], "content-type,x-skypetoken");
        assert!(headers["access-control-allow-methods"].to_str().unwrap().contains("DELETE"));
    }
    let refused = scene.send("POST", "/v4/a?epid=e1", &[("origin", "https://app.test")], "").await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(refused.headers()["access-control-allow-origin"], "https://app.test");
}

#[tokio::test(start_paused = true)]
async fn polling_is_refused_in_words() {
    let scene = Scene::new();
    let response = scene.request("GET", "/socket.io/1/xhr-polling/sid?t=1", "alice-token").await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert!(text(response).await.contains("transport not supported"));
}

#[tokio::test(start_paused = true)]
async fn neither_a_session_nor_the_parameters_alone_open_a_socket() {
    let scene = Scene::new();
    let query = scene.allocate("alice-token", "e1").await;
    let session = scene.shake_hands("alice-token", &query).await.unwrap();
    assert_eq!(scene.upgrade(&session, "epid=e1").await.err(), Some(401), "a session alone");
    let forged = query.replace("sig=", "sig=A");
    assert_eq!(scene.upgrade(&session, &forged).await.err(), Some(401), "a wrong signature");
    let other = scene.allocate("bob-token", "e1").await;
    assert_eq!(scene.upgrade(&session, &other).await.err(), Some(401), "others' parameters");
    assert_eq!(scene.shake_hands("bob-token", &query).await, Err(StatusCode::UNAUTHORIZED));
    assert_eq!(scene.shake_hands("", &query).await, Err(StatusCode::UNAUTHORIZED));
    let unknown = "A".repeat(22);
    assert_eq!(scene.upgrade(&unknown, &query).await.err(), Some(401), "the parameters alone");
    assert_eq!(scene.upgrade("x", &query).await.err(), Some(400));
    assert!(scene.upgrade(&session, &query).await.is_ok());
    assert_eq!(scene.upgrade(&session, &query).await.err(), Some(401), "a session twice");
}

#[tokio::test(start_paused = true)]
async fn a_session_waits_half_a_minute_for_its_socket() {
    let scene = Scene::new();
    let query = scene.allocate("alice-token", "e1").await;
    let session = scene.shake_hands("alice-token", &query).await.unwrap();
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert_eq!(scene.upgrade(&session, &query).await.err(), Some(401));
}

#[tokio::test(start_paused = true)]
async fn a_client_gets_what_happens_from_its_allocation_on() {
    let mut scene = Scene::new();
    scene.say("before");
    let query = scene.allocate("alice-token", "e1").await;
    scene.say("between");
    let session = scene.shake_hands("alice-token", &query).await.unwrap();
    let mut client = scene.upgrade(&session, &query).await.unwrap();
    scene.say("after");
    assert_eq!(client.drain().await, ["between", "after"]);
}

#[tokio::test(start_paused = true)]
async fn pings_are_answered_on_the_socket() {
    let scene = Scene::new();
    let mut client = scene.connect("alice-token", "e1").await;
    client.say(r#"5:1+::{"name":"ping"}"#).await;
    assert_eq!(client.next().await.unwrap(), r#"6:::1+["pong"]"#);
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_breaks_loses_nothing_and_repeats_nothing_that_was_answered() {
    let mut scene = Scene::new();
    let mut client = scene.connect("alice-token", "e1").await;
    for text in ["a", "b", "c"] {
        scene.say(text);
    }
    let (id, _) = client.next_push().await;
    client.acknowledge(id).await;
    client.next_push().await;
    drop(client);
    tokio::time::sleep(Duration::from_secs(30)).await;
    scene.say("d");
    let mut client = scene.connect("alice-token", "e1").await;
    assert_eq!(client.drain().await, ["b", "c", "d"]);
}

#[tokio::test(start_paused = true)]
async fn answers_that_were_on_their_way_when_the_next_socket_came_count() {
    let mut scene = Scene::new();
    let mut old = scene.connect("alice-token", "e1").await;
    scene.say("a");
    let (id, _) = old.next_push().await;
    let query = scene.allocate("alice-token", "e1").await;
    let session = scene.shake_hands("alice-token", &query).await.unwrap();
    old.acknowledge(id).await;
    let mut new = scene.upgrade(&session, &query).await.unwrap();
    assert_eq!(new.drain().await, Vec::<String>::new());
    assert_eq!(old.next().await.as_deref(), Some("0:::dup"));
    assert_eq!(old.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn every_endpoint_of_a_user_gets_its_own_copy_the_senders_too() {
    let mut scene = Scene::new();
    let mut clients = vec![];
    for (token, epid) in [("alice-token", "e1"), ("alice-token", "e2"), ("bob-token", "e1")] {
        clients.push(scene.connect(token, epid).await);
    }
    scene.say("a");
    for client in &mut clients {
        assert_eq!(client.drain().await, ["a"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_backlog_longer_than_the_outbox_arrives_whole() {
    let outbox = OutboxLimits { pushes: 8, bytes: 4_096, in_flight: 4 };
    let mut scene = Scene::with(|config| config.outbox = outbox);
    drop(scene.connect("alice-token", "e1").await);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let texts: Vec<String> = (0..500).map(|number| format!("message {number}")).collect();
    for text in &texts {
        scene.say(text);
    }
    let mut client = scene.connect("alice-token", "e1").await;
    assert_eq!(client.drain().await, texts);
}

#[tokio::test(start_paused = true)]
async fn typing_reaches_those_who_are_there_and_nobody_later() {
    let mut scene = Scene::new();
    let mut client = scene.connect("alice-token", "e1").await;
    scene.type_something();
    assert_eq!(client.drain().await.len(), 1);
    drop(client);
    tokio::time::sleep(Duration::from_secs(1)).await;
    scene.type_something();
    scene.say("a");
    tokio::time::sleep(Duration::from_secs(30)).await;
    let mut client = scene.connect("alice-token", "e1").await;
    assert_eq!(client.drain().await, ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_stops_reading_is_cut_and_loses_nothing() {
    let outbox = OutboxLimits { in_flight: 64, ..OutboxLimits::default() };
    let mut scene = Scene::with(|config| config.outbox = outbox);
    let mut client = scene.connect("alice-token", "e1").await;
    for number in 0..10 {
        scene.say(&format!("{number}{}", "x".repeat(8 * 1024)));
    }
    // More than the pipe holds, so the exchange cannot write, and the client does not read.
    tokio::time::sleep(Duration::from_secs(15)).await;
    while client.next().await.is_some() {}
    let mut client = scene.connect("alice-token", "e1").await;
    let texts = client.drain().await;
    assert_eq!(texts.iter().map(|text| &text[..1]).collect::<String>(), "0123456789");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_only_asks_is_asked_to_wait() {
    let scene = Scene::new();
    let mut client = scene.connect("alice-token", "e1").await;
    let flood = async {
        for number in 0..100_000 {
            client.say(&format!(r#"5:{number}+::{{"name":"ping"}}"#)).await;
        }
    };
    // Nobody reads the answers, so the exchange stops reading the questions, then cuts the socket.
    let flood = tokio::time::timeout(Duration::from_secs(60), std::panic::AssertUnwindSafe(flood));
    let outcome = futures_util::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(flood)).await;
    assert!(outcome.is_err() || outcome.is_ok_and(|sent| sent.is_err()), "the flood went through");
}

#[tokio::test(start_paused = true)]
async fn a_revoked_token_closes_the_socket_within_the_check() {
    let mut scene = Scene::new();
    let mut client = scene.connect("alice-token", "e1").await;
    scene.exchange.revoke("alice-token");
    let until = tokio::time::Instant::now() + Duration::from_secs(61);
    let closing = async {
        while let Some(frame) = client.next().await {
            if frame == r#"0:::{"reason":"unauthorized"}"# {
                return true;
            }
        }
        false
    };
    assert_eq!(tokio::time::timeout_at(until, closing).await, Ok(true));
    scene.say("a");
    scene.exchange.admit("new-token", &user("alice"), Duration::from_secs(3_600));
    let mut client = scene.connect("new-token", "e1").await;
    assert_eq!(client.drain().await, ["a"]);
}

#[tokio::test(start_paused = true)]
async fn an_expired_token_closes_the_socket_when_it_expires() {
    let scene = Scene::new();
    scene.exchange.admit("short", &user("alice"), Duration::from_secs(20));
    let mut client = scene.connect("short", "e1").await;
    let before = tokio::time::Instant::now();
    while client.next().await.is_some() {}
    let life = before.elapsed();
    assert!(life <= Duration::from_secs(21), "{life:?}");
}

#[tokio::test(start_paused = true)]
async fn a_registration_renews_the_access() {
    let scene = Scene::new();
    scene.exchange.admit("short", &user("alice"), Duration::from_secs(20));
    let mut client = scene.connect("short", "e1").await;
    let register = async |token: &str| {
        let body = r#"{"clientDescription":{"appId":"AcsWeb"},"registrationId":"e1","nodeId":"","transports":{"TROUTER":[{"context":"","path":"x","ttl":7200}]}}"#;
        let headers = [("x-skypetoken", token), ("content-type", "application/json")];
        scene.send("POST", "/registrar/v3/registrations", &headers, body).await.status()
    };
    assert_eq!(register("alice-token").await, StatusCode::ACCEPTED);
    assert_eq!(register("bob-token").await, StatusCode::NOT_FOUND);
    assert_eq!(register("nobody").await, StatusCode::UNAUTHORIZED);
    let quiet = tokio::time::timeout(Duration::from_secs(24), client.next()).await;
    assert!(quiet.is_err(), "{quiet:?}");
    let headers = [("x-skypetoken", "alice-token")];
    let malformed = scene.send("POST", "/registrar/v3/registrations", &headers, "{").await;
    assert_eq!(malformed.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_unregisters_leaves_nothing_behind() {
    let mut scene = Scene::new();
    let mut client = scene.connect("alice-token", "e1").await;
    scene.say("a");
    client.next_push().await;
    let uri = "/registrar/v3/registrations/e1";
    assert_eq!(scene.request("DELETE", uri, "bob-token").await.status(), StatusCode::ACCEPTED);
    assert_eq!(scene.realtime.endpoints(), 1);
    assert_eq!(scene.request("DELETE", uri, "alice-token").await.status(), StatusCode::ACCEPTED);
    while client.next().await.is_some() {}
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(scene.realtime.endpoints(), 0);
    let mut client = scene.connect("alice-token", "e1").await;
    assert_eq!(client.drain().await, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_goes_on_after_a_restart_where_it_was() {
    for secret in [[1; 32], [2; 32]] {
        let mut scene = Scene::new();
        let mut client = scene.connect("alice-token", "e1").await;
        for text in ["a", "b", "c"] {
            scene.say(text);
        }
        let (id, text) = client.next_push().await;
        assert_eq!(text, "a");
        client.acknowledge(id).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        scene.restart(secret).await;
        while client.next().await.is_some() {}
        scene.say("d");
        let mut client = scene.connect("alice-token", "e1").await;
        assert_eq!(client.drain().await, ["b", "c", "d"]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_comes_back_too_late_hears_that_it_missed_something() {
    let mut scene = Scene::new();
    drop(scene.connect("alice-token", "e1").await);
    tokio::time::sleep(Duration::from_secs(2 * 3_600 + 10)).await;
    assert_eq!(scene.realtime.endpoints(), 0);
    scene.say("missed");
    let mut client = scene.connect("alice-token", "e1").await;
    let loss = client.next().await.unwrap();
    assert!(loss.starts_with(r#"5:::{"name":"trouter.message_loss""#), "{loss}");
    scene.say("after");
    assert_eq!(client.drain().await, ["after"]);
}

#[tokio::test(start_paused = true)]
async fn pages_that_were_closed_make_room_for_others() {
    let scene = Scene::with(|config| config.endpoints_per_user = 2);
    let _first = scene.connect("alice-token", "e1").await;
    drop(scene.connect("alice-token", "e2").await);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let _third = scene.connect("alice-token", "e3").await;
    assert_eq!(scene.realtime.endpoints(), 2);
    let refused = scene.request("POST", "/v4/a?epid=e4", "alice-token").await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()["retry-after"], "5");
    let other = scene.request("POST", "/v4/a?epid=e4", "bob-token").await;
    assert_eq!(other.status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn an_exchange_that_is_full_says_so() {
    let scene = Scene::with(|config| config.endpoints = 1);
    let _first = scene.connect("alice-token", "e1").await;
    let refused = scene.request("POST", "/v4/a?epid=e1", "bob-token").await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_closes_sockets_and_ends_endpoints() {
    let scene = Scene::new();
    let mut client = scene.connect("alice-token", "e1").await;
    let reading = tokio::spawn(async move {
        let mut frames = vec![];
        while let Some(frame) = client.next().await {
            frames.push(frame);
        }
        frames
    });
    scene.realtime.shutdown().await;
    assert_eq!(scene.realtime.endpoints(), 0);
    assert_eq!(reading.await.unwrap(), ["0::"]);
}

#[tokio::test(start_paused = true)]
async fn many_sockets_of_one_endpoint_in_turn_leave_one_task() {
    let mut scene = Scene::new();
    for number in 0..50 {
        let mut client = scene.connect("alice-token", "e1").await;
        scene.say(&format!("{number}"));
        assert_eq!(client.drain().await, [format!("{number}")]);
    }
    assert_eq!(scene.realtime.endpoints(), 1);
}
