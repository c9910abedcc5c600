//! What SQLite says when it fails, in the store's terms.

use std::error::Error;

use rusqlite::{ErrorCode, ffi};

use crate::error::{Cause, StoreError};

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match &error {
            // Growing the index of the log fails with an error of its own, always for want of room.
            rusqlite::Error::SqliteFailure(failure, _)
                if failure.code == ErrorCode::DiskFull
                    || failure.extended_code == ffi::SQLITE_IOERR_SHMSIZE =>
            {
                Self::Full
            }
            rusqlite::Error::SqliteFailure(failure, _)
                if matches!(failure.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) =>
            {
                Self::Corrupt { what: "page", source: Cause::new(error) }
            }
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::Utf8Error(..) => {
                Self::Corrupt { what: "column", source: Cause::new(error) }
            }
            _ => Self::Io(Cause::new(error)),
        }
    }
}

/// Says that what a row holds is not what it should be.
pub(super) fn corrupt<E: Error + Send + Sync + 'static>(
    what: &'static str,
) -> impl Fn(E) -> StoreError {
    move |error| StoreError::Corrupt { what, source: Cause::new(error) }
}
