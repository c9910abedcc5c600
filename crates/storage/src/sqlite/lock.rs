//! One process at a time: a locked file beside the database.

use std::{fs, io, path::Path};

use crate::{error::OpenError, secret::private_file};

/// Holds the directory for as long as it lives; the lock goes with the process, however it ends.
#[derive(Debug)]
pub(super) struct DirectoryLock {
    _file: fs::File,
}

impl DirectoryLock {
    /// Makes the directory if there is none, and locks it.
    pub(super) fn acquire(directory: &Path) -> Result<Self, OpenError> {
        fs::create_dir_all(directory).map_err(failed(directory))?;
        // Not `lock`: an exchange holds that one for the directory as a whole.
        let path = directory.join("store.lock");
        let file = private_file(fs::OpenOptions::new().write(true).create(true).truncate(false))
            .open(&path)
            .map_err(failed(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(fs::TryLockError::WouldBlock) => {
                Err(OpenError::InUse { path: directory.to_owned() })
            }
            Err(fs::TryLockError::Error(source)) => Err(failed(&path)(source)),
        }
    }
}

fn failed(path: &Path) -> impl Fn(io::Error) -> OpenError {
    move |source| OpenError::Directory { path: path.to_owned(), source }
}
