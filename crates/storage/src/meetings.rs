//! Meetings, each with the code by which it is joined.

use async_trait::async_trait;
use thiserror::Error;
use trunkline_ids::{
    CommunicationIdentifier, JoinCode, JoinMeetingId, MeetingCoordinates, MeetingId, ThreadId,
};
use trunkline_interop::MeetingRecord;

use crate::error::StoreError;

/// The place of a meeting in the order of their making; never given to another.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct MeetingPosition(pub u64);

/// What is stored of a meeting.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredMeeting {
    /// All but the code.
    pub record: MeetingRecord,
    /// The code by which it is joined: sealed at rest, the id as well as the passcode.
    pub code: JoinCode,
}

/// The code of a meeting, for the desk where codes are shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PostedCode {
    /// The meeting.
    pub meeting_id: MeetingId,
    /// Its code.
    pub code: JoinCode,
}

/// Why a meeting was not stored.
#[derive(Clone, Debug, Error)]
pub enum PutMeetingError {
    /// Another meeting has the thread, tenant and message.
    #[error("another meeting has the coordinates")]
    CoordinatesTaken,
    /// Another meeting is joined by the id: draw again.
    #[error("another meeting is joined by the id")]
    JoinIdTaken,
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Keeps meetings.
#[async_trait]
pub trait MeetingStore: Send + Sync {
    /// Makes a meeting or replaces the one of the same id, which keeps its place in lists.
    ///
    /// Of two that replace the same one, the last counts: one task owns a meeting.
    ///
    /// # Errors
    /// [`PutMeetingError::JoinIdTaken`] and [`PutMeetingError::CoordinatesTaken`] when another meeting
    /// has them; [`StoreError::Conflict`] when the meeting of that id has another organizer or other
    /// coordinates, which never change. Nothing is written then.
    async fn put_meeting(&self, meeting: StoredMeeting) -> Result<(), PutMeetingError>;

    /// Returns a meeting.
    async fn meeting(&self, id: &MeetingId) -> Result<Option<StoredMeeting>, StoreError>;

    /// Returns the meeting that is joined by an id. Whoever shows the id has still to show the
    /// passcode, and is to be kept from guessing.
    async fn meeting_by_join_id(
        &self,
        id: &JoinMeetingId,
    ) -> Result<Option<StoredMeeting>, StoreError>;

    /// Returns the meeting that a link or coordinates name; none when only some of the four ids are
    /// its own.
    async fn meeting_at(
        &self,
        coordinates: &MeetingCoordinates,
    ) -> Result<Option<StoredMeeting>, StoreError>;

    /// Returns up to `limit` meetings of a thread in the order of their making, after a position. It
    /// is one, but for channels.
    async fn meetings_of_thread(
        &self,
        thread: &ThreadId,
        after: Option<MeetingPosition>,
        limit: usize,
    ) -> Result<Vec<(MeetingPosition, StoredMeeting)>, StoreError>;

    /// Returns up to `limit` meetings of an organizer in the order of their making, after a position.
    async fn meetings_of(
        &self,
        organizer: &CommunicationIdentifier,
        after: Option<MeetingPosition>,
        limit: usize,
    ) -> Result<Vec<(MeetingPosition, StoredMeeting)>, StoreError>;

    /// Returns up to `limit` codes, of meetings in the order of their making, after a position: page
    /// by page, all there are.
    async fn join_codes(
        &self,
        after: Option<MeetingPosition>,
        limit: usize,
    ) -> Result<Vec<(MeetingPosition, PostedCode)>, StoreError>;

    /// Deletes a meeting, whose join id and coordinates others may have from then on; `false` when
    /// there is none.
    async fn delete_meeting(&self, id: &MeetingId) -> Result<bool, StoreError>;
}
