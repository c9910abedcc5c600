//! Where the feed begins and ends, kept by the one thread that writes.

use rusqlite::{Connection, OptionalExtension};

use crate::error::StoreError;

/// Where the feed begins and ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct FeedPosition {
    /// The oldest event kept, or the one to come when none is.
    pub(super) oldest: u64,
    /// The newest event ever, kept or not.
    pub(super) head: u64,
}

impl FeedPosition {
    /// Reads the position. Pruned events leave the mark behind which the feed begins, so that no
    /// place is given twice.
    pub(super) fn load(db: &Connection) -> Result<Self, StoreError> {
        let mark: Option<i64> = db
            .query_row("SELECT value FROM meta WHERE name = 'feed-oldest'", [], |row| {
                row.get::<_, Vec<u8>>(0)
            })
            .optional()?
            .and_then(|bytes| Some(i64::from_le_bytes(bytes.try_into().ok()?)));
        let oldest = u64::try_from(mark.unwrap_or(1)).unwrap_or(1);
        let last: Option<u64> = db.query_row("SELECT max(seq) FROM feed", [], |row| row.get(0))?;
        Ok(Self { oldest, head: last.unwrap_or(0).max(oldest - 1) })
    }

    /// Keeps where the feed begins.
    pub(super) fn store_oldest(&mut self, db: &Connection, oldest: u64) -> Result<(), StoreError> {
        let bytes = i64::try_from(oldest).unwrap_or(i64::MAX).to_le_bytes();
        db.prepare_cached("INSERT OR REPLACE INTO meta (name, value) VALUES ('feed-oldest', ?1)")?
            .execute([&bytes[..]])?;
        self.oldest = oldest;
        Ok(())
    }

    /// Gives the next place.
    pub(super) fn next(&mut self) -> u64 {
        self.head += 1;
        self.head
    }
}
