//! Everything that is kept, behind one object.

use async_trait::async_trait;

use crate::{
    call_history::CallHistoryStore, chat::ChatStore, error::StoreError, identity::IdentityStore,
    meetings::MeetingStore, outbox::Outbox, policy::PolicyStore, presence::PresenceStore,
    push_endpoints::PushEndpointStore, repeatability::RepeatabilityStore, rooms::RoomStore,
};

/// A store: every trait of this crate, and how the store itself is.
///
/// What a method has written is durable when it returns. A future that is dropped may or may not
/// have its effect, as a whole.
#[async_trait]
pub trait Store:
    CallHistoryStore
    + ChatStore
    + IdentityStore
    + MeetingStore
    + Outbox
    + PolicyStore
    + PresenceStore
    + PushEndpointStore
    + RepeatabilityStore
    + RoomStore
{
    /// Tells whether writes are taken. They are not from a failed commit until a probe succeeds.
    fn is_writable(&self) -> bool;

    /// Writes and removes a row, to find out whether the store works; ends a suspension of writes if
    /// it does.
    async fn probe(&self) -> Result<(), StoreError>;

    /// Stops taking work, finishes what was taken, and closes the files.
    async fn close(&self);
}
