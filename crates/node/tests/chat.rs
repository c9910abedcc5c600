//! Chat over a node: order and durability under load, subscribers that lag, policies that change.

#[path = "support/held_store.rs"]
mod held_store;
#[path = "chat/scene.rs"]
mod scene;

#[path = "chat/directory_tokens.rs"]
mod directory_tokens;
#[path = "chat/feed.rs"]
mod feed;
#[path = "chat/policies.rs"]
mod policies;
#[path = "chat/push_endpoints.rs"]
mod push_endpoints;
#[path = "chat/receiver.rs"]
mod receiver;
#[path = "chat/relay.rs"]
mod relay;
#[path = "chat/threads.rs"]
mod threads;
