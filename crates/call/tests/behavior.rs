//! What a call does, scene by scene.

#[path = "behavior/scene.rs"]
mod scene;

#[path = "behavior/controlling.rs"]
mod controlling;
#[path = "behavior/ending.rs"]
mod ending;
#[path = "behavior/groups.rs"]
mod groups;
#[path = "behavior/holding.rs"]
mod holding;
#[path = "behavior/laws.rs"]
mod laws;
#[path = "behavior/meetings.rs"]
mod meetings;
#[path = "behavior/ringing.rs"]
mod ringing;
#[path = "behavior/transferring.rs"]
mod transferring;
