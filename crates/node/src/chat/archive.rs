//! Archives: a thread read out record by record, and one restored from such records.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use trunkline_chat::{ArchiveRecord, Change, Import, ImportError, ThreadHeader, ThreadRecord};
use trunkline_clock::Timestamp;
use trunkline_ids::ThreadId;
use trunkline_storage::{ChatUnit, PageQuery, StoreError};

use crate::chat::{Chat, Parts};

/// Why a thread is not read out or restored.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ArchiveError {
    /// There is a thread of that id that is not a part of this import.
    #[error("there is such a thread already")]
    Exists,
    /// There is no such thread, or it is deleted.
    #[error("there is no such thread")]
    NotFound,
    /// The archive is refused.
    #[error(transparent)]
    Refused(#[from] ImportError),
    /// The exchange is stopping.
    #[error("the exchange is stopping")]
    ShuttingDown,
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

/// A thread on its way out.
pub struct ThreadExport {
    parts: Arc<Parts>,
    thread_id: ThreadId,
    records: VecDeque<ArchiveRecord>,
    /// The sequence of the next message to read.
    next_sequence: u64,
    /// The sequence before which the archive ends: that of the first message after it began.
    end_sequence: u64,
}

/// A thread on its way in.
pub struct ThreadImport {
    parts: Arc<Parts>,
    import: Import,
    changes: Vec<Change>,
}

/// What was restored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ImportedThread {
    /// The thread.
    pub thread_id: ThreadId,
    /// How many members it has.
    pub members: usize,
    /// How many messages it has.
    pub messages: u64,
}

impl fmt::Debug for ThreadExport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadExport").field("thread_id", &self.thread_id).finish_non_exhaustive()
    }
}

impl fmt::Debug for ThreadImport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadImport").field("import", &self.import).finish_non_exhaustive()
    }
}

impl Chat {
    /// Begins to read out a thread, whoever may see it. Who may do that, the façade decides.
    pub async fn export_thread(&self, thread_id: &ThreadId) -> Result<ThreadExport, ArchiveError> {
        let record = self.parts.base.store.load_thread(thread_id).await?;
        let record = record.filter(|record| record.deleted_on.is_none());
        let record = record.ok_or(ArchiveError::NotFound)?;
        let header = record.header();
        let ThreadRecord { members, receipts, .. } = record;
        let end_sequence = header.next_sequence;
        let records = std::iter::once(ArchiveRecord::Thread(header))
            .chain(members.into_values().map(ArchiveRecord::Member))
            .chain(receipts.into_values().map(ArchiveRecord::Receipt))
            .collect();
        Ok(ThreadExport {
            parts: Arc::clone(&self.parts),
            thread_id: thread_id.clone(),
            records,
            next_sequence: 1,
            end_sequence,
        })
    }

    /// Begins to restore a thread. Who may do that, the façade decides.
    pub async fn import_thread(&self, header: ThreadHeader) -> Result<ThreadImport, ArchiveError> {
        let thread_id = header.id.clone();
        let begin = Change::PutThread(header.clone());
        let import = Import::begin(header, self.parts.config.limits.clone())?;
        if let Some(stored) = self.parts.base.store.load_thread(&thread_id).await?
            && !import.continues(&stored)
        {
            return Err(ArchiveError::Exists);
        }
        let mut import =
            ThreadImport { parts: Arc::clone(&self.parts), import, changes: vec![begin] };
        import.store().await?;
        Ok(import)
    }
}

impl ThreadExport {
    /// Returns the next record; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<ArchiveRecord>, ArchiveError> {
        if self.records.is_empty() && self.next_sequence < self.end_sequence {
            self.read_page().await?;
        }
        Ok(self.records.pop_front())
    }

    async fn read_page(&mut self) -> Result<(), ArchiveError> {
        let end = self.next_sequence.saturating_add(PAGE_MESSAGES).min(self.end_sequence);
        let query = PageQuery {
            before_sequence: Some(end),
            since: None,
            visible_since: Timestamp::from_unix_micros(i64::MIN),
            limit: usize::try_from(end - self.next_sequence).unwrap_or(usize::MAX),
        };
        let messages = self.parts.base.store.messages(&self.thread_id, query).await?;
        // A thread that was deleted meanwhile loses its messages.
        let is_whole = messages.last().is_some_and(|last| last.sequence == self.next_sequence);
        if !is_whole {
            return Err(ArchiveError::NotFound);
        }
        self.records.extend(messages.into_iter().rev().map(ArchiveRecord::Message));
        self.next_sequence = end;
        Ok(())
    }
}

impl ThreadImport {
    /// Takes the next record. What was taken before is stored, though nobody sees it yet.
    pub async fn take(&mut self, record: ArchiveRecord) -> Result<(), ArchiveError> {
        self.changes.extend(self.import.take(record)?);
        match self.changes.len() >= UNIT_CHANGES {
            true => self.store().await,
            false => Ok(()),
        }
    }

    /// Ends: from here on the thread is there for its members.
    pub async fn finish(mut self) -> Result<ImportedThread, ArchiveError> {
        self.store().await?;
        let Self { parts, import, .. } = self;
        let base = parts.base.clone();
        let imported = ImportedThread {
            thread_id: import.header().id.clone(),
            members: import.member_count(),
            messages: import.message_count(),
        };
        let changes = import.finish()?;
        let thread_id = imported.thread_id.clone();
        let work = async move {
            let unit = unit(thread_id.clone(), changes);
            parts.base.store.commit(unit).await?;
            // A task that somebody woke in between knows a thread without members.
            parts.threads.forget(&thread_id);
            Ok(imported)
        };
        base.complete(work).await
    }

    async fn store(&mut self) -> Result<(), ArchiveError> {
        if self.parts.base.stopping.is_cancelled() {
            return Err(ArchiveError::ShuttingDown);
        }
        let changes = std::mem::take(&mut self.changes);
        if !changes.is_empty() {
            let unit = unit(self.import.header().id.clone(), changes);
            self.parts.base.store.commit(unit).await?;
        }
        Ok(())
    }
}

fn unit(thread_id: ThreadId, changes: Vec<Change>) -> ChatUnit {
    ChatUnit { thread_id, changes, events: Vec::new(), repeatability: None }
}

/// Messages read at once: at most 28 KB each, so that a page has some 7 MB at the worst.
const PAGE_MESSAGES: u64 = 256;

/// Changes stored at once. More at once keeps others waiting for the one writer; fewer take more
/// commits.
const UNIT_CHANGES: usize = 256;
