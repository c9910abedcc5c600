//! Calls as commands: followed, left, ended, and looked up when they are over.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::person::{LIMIT, Person, connected, until};
use crate::scene::Scene;

/// Has Alice call Bob, who takes the call; returns it once both are connected.
async fn call(scene: &Scene) -> String {
    let mut alice = Person::new(scene, "alice").await;
    let bob = Person::new(scene, "bob").await.awaits(true).await;
    let call = alice.places("bob").await;
    tokio::time::timeout(LIMIT, bob).await.unwrap().unwrap();
    until(|| connected(scene, &call, "bob").len() == 2);
    call
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_followed_until_its_end() {
    let scene = Scene::start();
    let call = call(&scene).await;
    let mut tail = scene.command(&["call", "tail", &call, "--json"]);
    let mut tail = tail.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    let mut next = || -> Option<Value> {
        lines.next().map(|line| serde_json::from_str(&line.unwrap()).unwrap())
    };
    let first = next().unwrap();
    let seq_of = |event: &Value| event["seq"].as_str().unwrap().parse::<u64>().unwrap();
    let mut seq = seq_of(&first);
    assert!(first.to_string().contains("Bob Baker"), "the whole call comes first: {first}");
    let hung_up = scene.json(&["call", "hangup", &call, "--everyone"]);
    assert_eq!(hung_up[0], serde_json::json!({"callId": call, "forEveryone": true}));
    let mut last = first;
    while let Some(event) = next() {
        assert_eq!(seq_of(&event), seq + 1, "{event}");
        (seq, last) = (seq + 1, event);
    }
    assert!(tail.wait().unwrap().success());
    assert!(last.to_string().contains("nded"), "the last event is the end: {last}");
    assert!(scene.json(&["call", "list", "--as", "alice"]).is_empty());
    let gone = scene.run(&["call", "hangup", &call]);
    assert_eq!(gone.code, 4, "{gone:?}");
    assert!(gone.stderr.contains("the call ended"), "{gone:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_over_is_in_the_history_of_both() {
    let scene = Scene::start();
    assert_eq!(scene.text(&["call", "history"]), "");
    let call = call(&scene).await;
    assert_eq!(scene.text(&["call", "hangup", &call, "--as", "bob"]), "left the call");
    let history = |who: &str| scene.json(&["call", "history", "--as", who]);
    until(|| history("alice").len() == 1 && history("bob").len() == 1);
    assert_eq!(history("alice")[0]["callId"], call);
    let line = scene.text(&["call", "history", "--as", "alice"]);
    assert!(line.contains(" to     Bob Baker"), "{line}");
    let line = scene.text(&["call", "history", "--as", "bob"]);
    assert!(line.contains(" from   Alice Archer"), "{line}");
    assert!(scene.json(&["call", "history", "--missed", "--as", "bob"]).is_empty());

    // One that Dan does not take is missed.
    let mut alice = Person::new(&scene, "alice").await;
    let dan = Person::new(&scene, "dan").await.awaits(false).await;
    alice.places("dan").await;
    tokio::time::timeout(LIMIT, dan).await.unwrap().unwrap();
    until(|| history("alice").len() == 2);
    assert_eq!(scene.json(&["call", "history", "--as", "alice", "--limit", "1"]).len(), 1);
}
