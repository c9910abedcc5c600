//! The data directory: certificates, the token signing key, the store.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use trunkline_node::Identity;
use trunkline_storage::{SealingKey, SqliteOptions, SqliteStore, Store};

use super::certificates::write_private;

/// Where an exchange keeps things; a temporary place when it keeps nothing.
#[derive(Debug)]
pub(super) struct DataDirectory {
    path: PathBuf,
    is_temporary: bool,
    // Held for as long as the exchange runs; the lock goes with the file.
    _lock: Option<fs::File>,
}

impl DataDirectory {
    /// Opens the directory and locks it against a second exchange.
    pub(super) fn open(path: Option<&Path>) -> Result<Self> {
        let (path, is_temporary) = match path {
            Some(path) => (path.to_owned(), false),
            None => {
                let name = format!("trunkline-{}", uuid::Uuid::new_v4());
                (std::env::temp_dir().join(name), true)
            }
        };
        fs::create_dir_all(&path)
            .with_context(|| format!("cannot create the data directory {}", path.display()))?;
        let lock_path = path.join("lock");
        let lock = fs::File::create(&lock_path)
            .with_context(|| format!("cannot write {}", lock_path.display()))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, is_temporary, _lock: Some(lock) }),
            Err(fs::TryLockError::WouldBlock) => bail!(
                "the data directory {} is in use by another exchange: stop it, or give this one \
                 its own with --data-directory",
                path.display()
            ),
            Err(fs::TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("cannot lock {}", lock_path.display()))
            }
        }
    }

    pub(super) fn certificates(&self) -> &Path {
        &self.path
    }

    /// Opens the store, making it and the key that seals its secrets at the first start.
    pub(super) fn store(&self) -> Result<Arc<dyn Store>> {
        let key_path = self.path.join("sealing-key");
        let key = SealingKey::load_or_create(&key_path)
            .with_context(|| format!("cannot read {}", key_path.display()))?;
        let store = SqliteStore::open(&SqliteOptions::new(&self.path, key))
            .context("cannot open the store")?;
        Ok(Arc::new(store))
    }

    /// Returns the token signing key, making it at the first start.
    pub(super) fn signing_key(&self) -> Result<Vec<u8>> {
        let path = self.path.join("token-key.der");
        if path.exists() {
            return fs::read(&path).with_context(|| format!("cannot read {}", path.display()));
        }
        let key = Identity::generate_signing_key().context("cannot make a token signing key")?;
        write_private(&path, &key)?;
        Ok(key)
    }
}

impl Drop for DataDirectory {
    fn drop(&mut self) {
        if self.is_temporary {
            // Nothing depends on it: a leftover is litter in the temporary directory, no more.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}
