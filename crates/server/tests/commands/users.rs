//! Users, and how commands fail.

use crate::scene::{Scene, trunkline};

#[test]
fn users_are_created_listed_and_deleted() {
    let scene = Scene::start();
    let raw_id = scene.text(&["user", "create"]);
    assert!(raw_id.starts_with("8:acs:"), "{raw_id}");
    let listed = scene.json(&["user", "list"]);
    let ids: Vec<&str> =
        listed.iter().map(|user| user["identifier"]["rawId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 5, "four directory users and the new one: {ids:?}");
    assert_eq!(ids.last(), Some(&raw_id.as_str()));
    scene.text(&["user", "delete", &raw_id]);
    assert_eq!(scene.json(&["user", "list"]).len(), 4);
    let again = scene.run(&["user", "delete", &raw_id]);
    assert_eq!(again.code, 5, "{again:?}");
}

#[test]
fn a_deleted_user_can_do_nothing() {
    let scene = Scene::start();
    let raw_id = scene.text(&["user", "create"]);
    let token = scene.text(&["token", &raw_id]);
    scene.text(&["chat", "new", "harbor", "--token", &token]);
    scene.text(&["user", "delete", &raw_id]);
    let refused = scene.run(&["chat", "new", "harbor", "--token", &token]);
    assert_eq!(refused.code, 4, "{refused:?}");
}

#[test]
fn failures_have_the_exit_code_of_their_family() {
    let scene = Scene::start();
    for (arguments, code) in [
        (&["chat", "new", "harbor"][..], 2),
        (&["chat", "send", "19:nobody@thread.v2", "hello", "--as", "alice"], 5),
        (&["chat", "export", "19:nobody@thread.v2"], 5),
        (&["chat", "import", "/nonexistent"], 2),
        (&["tenant", "show", "--tenant", "fabrikam"], 5),
        (&["policy", "explain", "--from", "alice"], 2),
        (&["policy", "explain", "--from", "alice", "--to", ""], 2),
        (&["resource", "rotate", "00000000-0000-0000-0000-000000000000"], 5),
        (&["user", "list", "--access-key", "d3Jvbmcta2V5LXdyb25nLWtleQ=="], 4),
        (&["events", "forward", "--to", "http://example.com/"], 2),
    ] {
        let ran = scene.run(arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {ran:?}");
    }
}

#[test]
fn no_exchange_is_a_failure_of_its_own() {
    let scene = Scene::start();
    let ca = scene.file("data/ca.pem");
    let output = trunkline()
        .args(["--json", "user", "list", "--url", "https://localhost:1", "--ca", &ca])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    let error: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(error["error"]["family"], "unavailable");
}
