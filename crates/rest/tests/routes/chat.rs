//! Chat as recordings of the documented service show it.

use serde_json::{Value, json};
use trunkline_policy::Scope;

use super::scene::{Scene, segment};

/// A thread of a user, and requests about it.
struct Thread {
    scene: Scene,
    token: String,
    path: String,
}

impl Thread {
    /// Makes a thread with nobody but its creator.
    async fn start() -> Self {
        let scene = Scene::start().await;
        let (_, token) = scene.user(&[Scope::Chat]).await;
        let id = scene.thread(&token, &[]).await;
        Self { path: format!("/chat/threads/{}", segment(&id)), scene, token }
    }

    async fn send(&self, method: &str, below: &str, body: &Value) -> Value {
        let target = format!("{}{below}", self.path);
        let call = self.scene.call(method, &target).json(body).bearer(&self.token);
        let answer = call.send().await;
        assert!(answer.status < 300, "{method} {below}: {answer:?}");
        answer.body
    }

    async fn get(&self, token: &str, below: &str) -> Value {
        let target = format!("{}{below}", self.path);
        self.scene.call("GET", &target).bearer(token).send().await.ok(200)
    }

    async fn message(&self, body: &Value) -> String {
        let sent = self.send("POST", "/messages", body).await;
        format!("/messages/{}", sent["id"].as_str().unwrap())
    }
}

#[tokio::test]
async fn an_empty_value_removes_a_pair_of_a_message() {
    let thread = Thread::start().await;
    let metadata = json!({"tags": "t", "key": "k", "mode": "m"});
    let message = thread.message(&json!({"content": "7", "metadata": metadata})).await;
    let change = json!({"content": "8", "metadata": {"tags": "", "key": "l", "new": ""}});
    thread.send("PATCH", &message, &change).await;
    let found = thread.get(&thread.token, &message).await;
    assert_eq!(found["metadata"], json!({"key": "l", "mode": "m"}));
    assert_eq!(found["content"]["message"], "8");
}

#[tokio::test]
async fn whoever_is_added_without_a_time_sees_everything() {
    let thread = Thread::start().await;
    let before = thread.message(&json!({"content": "before"})).await;
    let (bob, bobs) = thread.scene.user(&[Scope::Chat]).await;
    let (carol, carols) = thread.scene.user(&[Scope::Chat]).await;
    let now = thread.scene.node.clock().wall().to_string();
    let participants = json!({"participants": [
        {"communicationIdentifier": {"rawId": bob}},
        {"communicationIdentifier": {"rawId": carol}, "shareHistoryTime": now},
    ]});
    thread.send("POST", "/participants/:add", &participants).await;
    assert_eq!(thread.get(&bobs, &before).await["content"]["message"], "before");
    let target = format!("{}{before}", thread.path);
    thread.scene.call("GET", &target).bearer(&carols).send().await.refused(404, "NotFound");

    let listed = thread.get(&thread.token, "/participants").await;
    let shared = |who: &str| {
        let all = listed["value"].as_array().unwrap();
        let of = |one: &&Value| one["communicationIdentifier"]["rawId"] == *who;
        all.iter().find(of).unwrap()["shareHistoryTime"].clone()
    };
    assert_eq!(shared(&bob), "1970-01-01T00:00:00Z");
    assert_ne!(shared(&carol), "1970-01-01T00:00:00Z");

    // Naming a member again, without a time, shows it no more than it was shown.
    let again = json!({"participants": [{"communicationIdentifier": {"rawId": carol}}]});
    thread.send("POST", "/participants/:add", &again).await;
    thread.scene.call("GET", &target).bearer(&carols).send().await.refused(404, "NotFound");
}

#[tokio::test]
async fn patches_of_different_pairs_at_the_same_time_all_count() {
    let thread = Thread::start().await;
    let message = thread.message(&json!({"content": "hi"})).await;
    for target in ["", &message] {
        let patches = ["a", "b", "c", "d"].map(async |name| {
            thread.send("PATCH", target, &json!({"metadata": {name: name}})).await;
        });
        futures_util::future::join_all(patches).await;
        let found = thread.get(&thread.token, target).await;
        let expected = json!({"a": "a", "b": "b", "c": "c", "d": "d"});
        assert_eq!(found["metadata"], expected, "{target:?}");
    }
}

#[tokio::test]
async fn a_patch_that_changes_nothing_makes_no_new_version() {
    let thread = Thread::start().await;
    let message = thread.message(&json!({"content": "hi", "metadata": {"a": "1"}})).await;
    let before = thread.get(&thread.token, &message).await;
    for same in [
        json!({}),
        json!({"metadata": {}}),
        json!({"metadata": {"a": "1", "b": null, "c": ""}}),
        json!({"content": "hi"}),
    ] {
        thread.send("PATCH", &message, &same).await;
        assert_eq!(thread.get(&thread.token, &message).await, before, "{same}");
    }
}

#[tokio::test]
async fn a_new_message_says_where_it_is_and_has_no_metadata_unless_some_was_attached() {
    let thread = Thread::start().await;
    let messages = format!("{}/messages", thread.path);
    let call = thread.scene.call("POST", &messages).json(&json!({"content": "hi"}));
    let sent = call.bearer(&thread.token).send().await;
    let location = sent.header("location").unwrap().to_owned();
    let id = sent.ok(201)["id"].as_str().unwrap().to_owned();
    assert_eq!(location, format!("https://acs.example:8443{messages}/{id}"));
    let below = location.strip_prefix("https://acs.example:8443").unwrap();
    let found = thread.scene.call("GET", below).bearer(&thread.token).send().await.ok(200);
    assert_eq!((&found["id"], found.get("metadata")), (&json!(id), None));
    let listed = thread.get(&thread.token, "/messages").await;
    let all = listed["value"].as_array().unwrap();
    assert!(all.iter().all(|message| message.get("metadata").is_none()), "{listed}");
}
