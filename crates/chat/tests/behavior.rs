//! What a chat thread does, scene by scene.

#[path = "behavior/scene.rs"]
mod scene;

#[path = "behavior/archiving.rs"]
mod archiving;
#[path = "behavior/cleaning.rs"]
mod cleaning;
#[path = "behavior/creating.rs"]
mod creating;
#[path = "behavior/deleting.rs"]
mod deleting;
#[path = "behavior/errors.rs"]
mod errors;
#[path = "behavior/laws.rs"]
mod laws;
#[path = "behavior/members.rs"]
mod members;
#[path = "behavior/messages.rs"]
mod messages;
#[path = "behavior/reading.rs"]
mod reading;
#[path = "behavior/redaction.rs"]
mod redaction;
