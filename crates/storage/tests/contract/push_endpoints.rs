//! Clients that are pushed events.

use trunkline_storage::{PushEndpoint, PushEndpointKey, PushEndpointStore};

use crate::{
    scene::user,
    suite::{Backend, identity::at},
};

pub(crate) async fn a_client_is_kept_replaced_and_forgotten(backend: &impl Backend) {
    let store = backend.open().await;
    let (first, second) = (endpoint(1, 0), endpoint(u64::from(u32::MAX), 60));
    store.put_push_endpoints(vec![(key("alice", "e1"), Some(first))]).await.unwrap();
    assert_eq!(store.push_endpoint(&key("alice", "e1")).await.unwrap(), Some(first));
    store.put_push_endpoints(vec![(key("alice", "e1"), Some(second))]).await.unwrap();
    drop(store);
    let store = backend.open().await;
    assert_eq!(store.push_endpoint(&key("alice", "e1")).await.unwrap(), Some(second));
    store.put_push_endpoints(vec![(key("alice", "e1"), None)]).await.unwrap();
    assert_eq!(store.push_endpoint(&key("alice", "e1")).await.unwrap(), None);
    store.put_push_endpoints(vec![(key("alice", "e1"), None)]).await.unwrap();
}

pub(crate) async fn clients_of_one_name_belong_to_their_users(backend: &impl Backend) {
    let store = backend.open().await;
    let changes = [("alice", "e1", 1), ("bob", "e1", 2), ("alice", "e2", 3), ("bob", "e1", 4)];
    let changes =
        changes.map(|(name, epid, position)| (key(name, epid), Some(endpoint(position, 0))));
    store.put_push_endpoints(changes.to_vec()).await.unwrap();
    for (name, epid, position) in [("alice", "e1", 1), ("alice", "e2", 3), ("bob", "e1", 4)] {
        let found = store.push_endpoint(&key(name, epid)).await.unwrap();
        assert_eq!(found, Some(endpoint(position, 0)), "{name} {epid}");
    }
    assert_eq!(store.push_endpoint(&key("bob", "e2")).await.unwrap(), None);
}

pub(crate) async fn clients_not_seen_for_long_go_the_oldest_first(backend: &impl Backend) {
    let store = backend.open().await;
    let changes = [("e1", 30), ("e2", 10), ("e3", 20), ("e4", 40)];
    let changes = changes.map(|(epid, seen)| (key("alice", epid), Some(endpoint(1, seen))));
    store.put_push_endpoints(changes.to_vec()).await.unwrap();
    assert_eq!(store.prune_push_endpoints(at(40), 2).await.unwrap(), 2);
    let mut left = vec![];
    for epid in ["e1", "e2", "e3", "e4"] {
        if store.push_endpoint(&key("alice", epid)).await.unwrap().is_some() {
            left.push(epid);
        }
    }
    assert_eq!(left, ["e1", "e4"]);
    assert_eq!(store.prune_push_endpoints(at(40), 9).await.unwrap(), 1);
    assert_eq!(store.prune_push_endpoints(at(40), 9).await.unwrap(), 0);
}

fn key(name: &str, epid: &str) -> PushEndpointKey {
    PushEndpointKey { user: user(name), epid: epid.into() }
}

fn endpoint(position: u64, seen: i64) -> PushEndpoint {
    PushEndpoint { position, seen_on: at(seen) }
}
