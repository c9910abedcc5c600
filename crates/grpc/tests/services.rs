//! The services over a node, without a network between.

#[path = "services/scene.rs"]
mod scene;

#[path = "services/call_events.rs"]
mod call_events;
#[path = "services/chat.rs"]
mod chat;
#[path = "services/credentials.rs"]
mod credentials;
#[path = "services/following.rs"]
mod following;
#[path = "services/health.rs"]
mod health;
#[path = "services/live_calls.rs"]
mod live_calls;
#[path = "services/meetings.rs"]
mod meetings;
#[path = "services/person.rs"]
mod person;
#[path = "services/presence.rs"]
mod presence;
#[path = "services/ringing.rs"]
mod ringing;
#[path = "services/rooms.rs"]
mod rooms;
#[path = "services/streams.rs"]
mod streams;
#[path = "services/transferring.rs"]
mod transferring;
