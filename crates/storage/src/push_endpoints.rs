//! How far each client that is pushed events has acknowledged its feed.

use std::fmt;

use async_trait::async_trait;
use trunkline_clock::Timestamp;
use trunkline_ids::CommunicationIdentifier;

use crate::error::StoreError;

/// Names a client that is pushed events.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PushEndpointKey {
    /// Whose it is.
    pub user: CommunicationIdentifier,
    /// What it calls itself, among those of the user.
    pub epid: Box<str>,
}

impl fmt::Debug for PushEndpointKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushEndpointKey").field("epid", &self.epid).finish_non_exhaustive()
    }
}

/// What is kept of a client that is pushed events.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PushEndpoint {
    /// The place in the feed up to which everything is acknowledged.
    pub position: u64,
    /// When it was last known to be alive.
    pub seen_on: Timestamp,
}

/// A change to what is kept of a client: `None` forgets it.
pub type PushEndpointChange = (PushEndpointKey, Option<PushEndpoint>);

/// Keeps clients that are pushed events.
#[async_trait]
pub trait PushEndpointStore: Send + Sync {
    /// Returns what is kept of a client.
    async fn push_endpoint(
        &self,
        key: &PushEndpointKey,
    ) -> Result<Option<PushEndpoint>, StoreError>;

    /// Writes changes, as a whole or not at all; of those to one client the last counts.
    async fn put_push_endpoints(&self, changes: Vec<PushEndpointChange>) -> Result<(), StoreError>;

    /// Forgets up to `limit` clients that were last seen before a time; returns how many.
    async fn prune_push_endpoints(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<usize, StoreError>;
}
