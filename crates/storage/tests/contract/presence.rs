//! Preferred presences.

use trunkline_policy::{Availability, Presence};
use trunkline_storage::{PreferredPresence, PresenceStore};

use crate::{
    scene::user,
    suite::{Backend, identity::at},
};

fn preferred(name: &str, availability: Availability, until: i64) -> PreferredPresence {
    let presence = Presence::preferred(availability);
    PreferredPresence { user: user(name), presence, until: at(until) }
}

pub(crate) async fn what_is_preferred_is_kept_replaced_and_forgotten(backend: &impl Backend) {
    let store = backend.open().await;
    let bob = preferred("bob", Availability::DoNotDisturb, 50);
    store.put_preferred_presence(preferred("alice", Availability::Away, 10)).await.unwrap();
    store.put_preferred_presence(preferred("bob", Availability::Busy, 90)).await.unwrap();
    store.put_preferred_presence(bob.clone()).await.unwrap();
    drop(store);
    let store = backend.open().await;
    assert_eq!(store.preferred_presences(at(10)).await.unwrap(), [bob], "alice's is over");
    store.remove_preferred_presence(&user("bob")).await.unwrap();
    store.remove_preferred_presence(&user("bob")).await.unwrap();
    assert!(store.preferred_presences(at(0)).await.unwrap().is_empty());
}
