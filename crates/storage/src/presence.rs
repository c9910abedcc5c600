//! What users prefer to show of their presence.

use async_trait::async_trait;
use trunkline_clock::Timestamp;
use trunkline_ids::CommunicationIdentifier;
use trunkline_policy::Presence;

use crate::error::StoreError;

/// A presence that a user prefers to show.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PreferredPresence {
    /// Who.
    pub user: CommunicationIdentifier,
    /// What.
    pub presence: Presence,
    /// Until when.
    pub until: Timestamp,
}

/// Keeps the presences that users prefer.
#[async_trait]
pub trait PresenceStore: Send + Sync {
    /// Keeps what a user prefers in the place of what the user preferred before.
    async fn put_preferred_presence(&self, preferred: PreferredPresence) -> Result<(), StoreError>;

    /// Forgets what a user prefers.
    async fn remove_preferred_presence(
        &self,
        user: &CommunicationIdentifier,
    ) -> Result<(), StoreError>;

    /// Returns what is preferred at a time, and forgets what is over by then.
    async fn preferred_presences(
        &self,
        now: Timestamp,
    ) -> Result<Vec<PreferredPresence>, StoreError>;
}
