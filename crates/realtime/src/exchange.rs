//! What the façade needs of the exchange behind it: who somebody is, and what happens in their
//! threads.

use std::{fmt, sync::Arc};

use futures_util::{future::BoxFuture, stream::BoxStream};
use thiserror::Error;
use trunkline_chat::ChatEvent;
use trunkline_clock::{Now, Timestamp};
use trunkline_ids::CommunicationIdentifier;

/// The exchange as this façade sees it.
pub trait Exchange: Send + Sync + 'static {
    /// Reads the clocks.
    fn now(&self) -> Now;

    /// Verifies a token, its right to use messages included.
    fn verify<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Access, Refusal>>;

    /// Subscribes whoever shows the token to what happens in their threads: after a position, or from
    /// here on. Nothing durable is lost, however long the feed is not polled.
    fn subscribe(
        &self,
        token: Token,
        from: Option<u64>,
    ) -> BoxFuture<'static, Result<Feed, Refusal>>;
}

/// A token as a client showed it.
#[derive(Clone, Eq, PartialEq)]
pub struct Token(Arc<str>);

impl Token {
    /// Returns the token.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Token {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(<redacted>)")
    }
}

/// What a token allows.
#[derive(Clone, Eq, PartialEq)]
pub struct Access {
    /// Whose it is.
    pub user: CommunicationIdentifier,
    /// When it expires.
    pub expires_on: Timestamp,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("expires_on", &self.expires_on).finish_non_exhaustive()
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

/// What happens in the threads of a user.
pub struct Feed {
    /// The position after which it begins.
    pub position: u64,
    /// What happens, in order; dropping a future of it loses nothing.
    pub items: BoxStream<'static, Result<FeedItem, FeedEnd>>,
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").field("position", &self.position).finish_non_exhaustive()
    }
}

/// One event of a user's feed.
#[derive(Clone, Debug)]
pub struct FeedItem {
    /// Where it stands; `None` for what is not stored.
    pub position: Option<u64>,
    /// What happened.
    pub event: Arc<ChatEvent>,
}

/// Why a feed is over.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum FeedEnd {
    /// The events after its position are kept no more.
    #[error("events were lost; the feed goes on after {head}")]
    Lost {
        /// The last position.
        head: u64,
    },
    /// The exchange stops.
    #[error("the exchange is stopping")]
    ShuttingDown,
    /// The token has expired or was revoked.
    #[error("the token is good no more")]
    Unauthorized,
    /// The exchange cannot say just now.
    #[error("the feed is not available just now")]
    Unavailable,
}
