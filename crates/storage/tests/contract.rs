//! What every store must do, whatever is under it.
//!
//! The suite knows the traits alone. Another implementation joins with a `Backend` of its own and one
//! more line at the end of this file.

#[path = "contract/scene.rs"]
mod scene;

#[path = "contract/suite.rs"]
mod suite;

use suite::{Backend, contract};
use tempfile::TempDir;
use trunkline_storage::{SealingKey, SqliteOptions, SqliteStore};

/// SQLite in a directory of its own.
struct Sqlite {
    directory: TempDir,
}

impl Backend for Sqlite {
    type Store = SqliteStore;

    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    async fn open(&self) -> SqliteStore {
        let key = SealingKey::from_bytes([7; SealingKey::BYTES]);
        SqliteStore::open(&SqliteOptions::new(self.directory.path(), key)).unwrap()
    }
}

contract!(sqlite, Sqlite);
