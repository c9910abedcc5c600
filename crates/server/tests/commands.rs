//! The commands of the binary against a running exchange: what they print, and how they fail.

#[path = "commands/scene.rs"]
mod scene;

#[path = "commands/archives.rs"]
mod archives;
#[path = "commands/calls.rs"]
mod calls;
#[path = "commands/checks.rs"]
mod checks;
#[path = "commands/events.rs"]
mod events;
#[path = "commands/meetings.rs"]
mod meetings;
#[path = "commands/person.rs"]
mod person;
#[path = "commands/policies.rs"]
mod policies;
#[path = "commands/promptness.rs"]
mod promptness;
#[path = "commands/transfers.rs"]
mod transfers;
#[path = "commands/users.rs"]
mod users;
