//! What a meeting does, scene by scene.

#[path = "meetings/scene.rs"]
mod scene;

#[path = "meetings/capabilities.rs"]
mod capabilities;
#[path = "meetings/codes.rs"]
mod codes;
#[path = "meetings/entry_table.rs"]
mod entry_table;
#[path = "meetings/life.rs"]
mod life;
#[path = "meetings/lobby.rs"]
mod lobby;
#[path = "meetings/record.rs"]
mod record;
#[path = "meetings/stage.rs"]
mod stage;
