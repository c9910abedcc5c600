//! How far clients that are pushed events have come: known at once, written a little later.

use std::time::Duration;

use trunkline_clock::Timestamp;
use trunkline_storage::{PushEndpoint, PushEndpointKey};

use crate::scene::{Scene, identifier};

fn endpoint(position: u64, seen_on: Timestamp) -> PushEndpoint {
    PushEndpoint { position, seen_on }
}

#[tokio::test(start_paused = true)]
async fn a_client_is_known_at_once_and_written_with_others_a_little_later() {
    let scene = Scene::start().await;
    let (endpoints, now) = (scene.node.push_endpoints(), scene.node.clock().wall());
    let user = identifier(&scene.user().await);
    let key = |epid: &str| PushEndpointKey { user: user.clone(), epid: epid.into() };
    for position in 1..=100 {
        endpoints.keep(&key("e1"), endpoint(position, now));
        endpoints.keep(&key("e2"), endpoint(position + 1, now));
    }
    assert_eq!(endpoints.find(&key("e1")).await.unwrap(), Some(endpoint(100, now)));
    assert_eq!(scene.store.push_endpoint(&key("e1")).await.unwrap(), None, "a crash takes it");
    tokio::time::sleep(Duration::from_secs(1)).await;
    for (epid, position) in [("e1", 100), ("e2", 101)] {
        let stored = scene.store.push_endpoint(&key(epid)).await.unwrap();
        assert_eq!(stored, Some(endpoint(position, now)));
    }
    endpoints.forget(&key("e1"));
    assert_eq!(endpoints.find(&key("e1")).await.unwrap(), None);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(scene.store.push_endpoint(&key("e1")).await.unwrap(), None);
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_not_written_yet_is_written_before_a_shutdown_completes() {
    let scene = Scene::start().await;
    let now = scene.node.clock().wall();
    let key = PushEndpointKey { user: identifier(&scene.user().await), epid: "e1".into() };
    scene.node.push_endpoints().keep(&key, endpoint(7, now));
    let scene = scene.restart().await;
    let found = scene.node.push_endpoints().find(&key).await.unwrap();
    assert_eq!(found, Some(endpoint(7, now)));
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_has_not_been_seen_for_a_day_is_forgotten() {
    let scene = Scene::start().await;
    let now = scene.node.clock().wall().as_unix_seconds();
    let user = identifier(&scene.user().await);
    let key = |epid: &str| PushEndpointKey { user: user.clone(), epid: epid.into() };
    let endpoints = scene.node.push_endpoints();
    for (epid, hours) in [("old", 25), ("young", 1)] {
        let seen_on = Timestamp::from_unix_seconds(now - hours * 3_600);
        endpoints.keep(&key(epid), endpoint(1, seen_on));
    }
    tokio::time::sleep(Duration::from_secs(3_700)).await;
    assert_eq!(endpoints.find(&key("old")).await.unwrap(), None);
    assert!(endpoints.find(&key("young")).await.unwrap().is_some());
    scene.stop().await;
}
