//! Requests that come again: once carried out, answered alike; another request under the same id is
//! refused.

use serde_json::{Value, json};
use trunkline_policy::Scope;

use super::scene::{Scene, http_date};

#[tokio::test]
async fn a_thread_is_created_once_whatever_the_time_in_the_body() {
    let scene = Scene::start().await;
    let (alice, token) = scene.user(&[Scope::Chat]).await;
    let create = |time: &str, topic: &str| {
        let participant = json!({
            "communicationIdentifier": {"rawId": alice}, "shareHistoryTime": time,
        });
        let body = json!({"topic": topic, "participants": [participant]});
        let call = scene.call("POST", "/chat/threads").json(&body).bearer(&token);
        call.header("repeatability-request-id", "8a8a6201-4cd8-48c3-9610-f1b8242d6f33")
    };
    let first = create("2026-01-01T00:00:00Z", "t").send().await;
    assert_eq!(first.header("repeatability-result"), Some("accepted"));
    let first = first.ok(201);
    let second = create("2026-01-01T00:00:01.5Z", "t").send().await;
    assert_eq!(second.header("repeatability-result"), Some("accepted"));
    assert_eq!(second.ok(201)["chatThread"], first["chatThread"]);
    let other = create("2026-01-01T00:00:00Z", "another topic").send().await;
    assert_eq!(other.status, 409, "{other:?}");
    assert_eq!(other.header("repeatability-result"), Some("rejected"));
    let listed = scene.call("GET", "/chat/threads").bearer(&token).send().await.ok(200);
    assert_eq!(listed["value"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_message_is_sent_once() {
    let scene = Scene::start().await;
    let (_, token) = scene.user(&[Scope::Chat]).await;
    let thread = scene.thread(&token, &[]).await.replace(':', "%3A").replace('@', "%40");
    let path = format!("/chat/threads/{thread}/messages");
    let send = |content: &str, id: &str| {
        let call = scene.call("POST", &path).json(&json!({"content": content})).bearer(&token);
        call.header("Repeatability-Request-ID", id)
    };
    let first = send("hello", "one").send().await.ok(201);
    assert_eq!(send("hello", "one").send().await.ok(201), first);
    assert_ne!(send("hello", "two").send().await.ok(201), first);
    assert_eq!(send("hello again", "one").send().await.status, 409);
    let listed = scene.call("GET", &path).bearer(&token).send().await.ok(200);
    assert_eq!(listed["value"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn a_room_is_created_once_and_not_for_another_body() {
    let scene = Scene::start().await;
    let create = |body: Value, first_sent: &str| {
        let call = scene.signed("POST", "/rooms?api-version=2025-03-13").json(&body);
        call.header("Repeatability-Request-ID", "0bf5ac77-69ee-4012-8406-b801e6b8f5ff")
            .header("Repeatability-First-Sent", first_sent)
    };
    let now = http_date(scene.node.clock().wall());
    let first = create(json!({}), &now).send().await.ok(201);
    let again = create(json!({"validFrom": null}), &now).send().await.ok(201);
    assert_eq!(again, first);
    let other = create(json!({"pstnDialOutEnabled": true}), &now).send().await;
    assert_eq!((other.status, other.header("repeatability-result")), (409, Some("rejected")));
    let old = create(json!({}), "Thu, 01 Jan 2026 00:00:00 GMT").send().await;
    old.refused(412, "RequestTooOld");
    create(json!({}), "yesterday").send().await.refused(400, "InvalidHeaderValue");
}

#[tokio::test]
async fn requests_that_race_under_one_id_make_one_thread() {
    let scene = Scene::start().await;
    let (_, token) = scene.user(&[Scope::Chat]).await;
    let create = || async {
        let call = scene.call("POST", "/chat/threads").json(&json!({"topic": "t"}));
        let call = call.bearer(&token).header("repeatability-request-id", "race");
        call.send().await
    };
    let racing: Vec<_> = (0..16).map(|_| create()).collect();
    let mut ids = std::collections::BTreeSet::new();
    for answer in futures_util::future::join_all(racing).await {
        match answer.status {
            201 => {
                ids.insert(answer.body["chatThread"]["id"].to_string());
            }
            429 => assert!(answer.header("retry-after").is_some(), "{answer:?}"),
            _ => panic!("{answer:?}"),
        }
    }
    assert_eq!(ids.len(), 1, "{ids:?}");
    let listed = scene.call("GET", "/chat/threads").bearer(&token).send().await.ok(200);
    assert_eq!(listed["value"].as_array().unwrap().len(), 1);
}
