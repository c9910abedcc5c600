//! What the façade needs of the exchange behind it: who somebody is, and what happens in their
//! threads.

use std::{collections::BTreeSet, fmt, sync::Arc};

use futures_util::{future::BoxFuture, stream::BoxStream};
use thiserror::Error;
use trunkline_chat::ChatEvent;
use trunkline_clock::{Now, Timestamp};
use trunkline_ids::CommunicationIdentifier;
use trunkline_policy::Scope;

/// The exchange as this façade sees it.
pub trait Exchange: Send + Sync + 'static {
    /// Reads the clocks.
    fn now(&self) -> Now;

    /// Verifies a token, its right to use messages included.
    fn verify<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Access, Refusal>>;

    /// Returns the position of the last event that is stored, whoever it is for.
    fn feed_head(&self) -> BoxFuture<'_, Result<u64, Refusal>>;

    /// Subscribes to everything that happens in the user's threads after a position. Nothing durable
    /// is lost, however long the stream is not polled. It ends when the exchange stops.
    fn subscribe(&self, access: &Access, from: u64) -> BoxStream<'static, FeedItem>;
}

/// What a token allows.
#[derive(Clone, Eq, PartialEq)]
pub struct Access {
    /// Whose it is.
    pub user: CommunicationIdentifier,
    /// What it is good for.
    pub scopes: BTreeSet<Scope>,
    /// When it expires.
    pub expires_on: Timestamp,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("scopes", &self.scopes)
            .field("expires_on", &self.expires_on)
            .finish_non_exhaustive()
    }
}

/// Why somebody is let in no further.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum Refusal {
    /// The token is genuine and has no scope for this.
    #[error("the token has no scope for chat")]
    Forbidden,
    /// The token is missing, invalid, expired or revoked.
    #[error("a valid token is needed")]
    Unauthorized,
    /// The exchange cannot say just now.
    #[error("the exchange cannot take this just now")]
    Unavailable,
}

/// One event of a user's feed.
#[derive(Clone, Debug)]
pub struct FeedItem {
    /// Where it stands; `None` for what is not stored.
    pub position: Option<u64>,
    /// What happened.
    pub event: Arc<ChatEvent>,
}
