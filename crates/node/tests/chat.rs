//! Chat over a node: order and durability under load, subscribers that lag, policies that change.

#[path = "support/held_store.rs"]
mod held_store;
#[path = "chat/scene.rs"]
mod scene;

#[path = "chat/feed.rs"]
mod feed;
#[path = "chat/policies.rs"]
mod policies;
#[path = "chat/threads.rs"]
mod threads;
