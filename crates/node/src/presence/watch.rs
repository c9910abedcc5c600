//! One watch of presences.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use trunkline_ids::CommunicationIdentifier;
use trunkline_policy::Presence;

use crate::clock::sleep_until;
use crate::node::Node;
use crate::presence::board::{Change, WATCH_LIMIT};
use crate::presence::{PresenceActor, PresenceFailure, Presences};

/// Why a watch ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PresenceEnd {
    /// The exchange is stopping.
    #[error("the exchange is stopping")]
    ShuttingDown,
    /// The time of the token is over.
    #[error("the token has expired")]
    TokenExpired,
    /// The token was revoked, or the user deleted.
    #[error("the token has been revoked")]
    TokenRevoked,
}

/// The presences that somebody watches. Dropping it ends the watch.
pub struct PresenceWatch {
    presences: Presences,
    actor: PresenceActor,
    users: HashSet<CommunicationIdentifier>,
    /// What was told of each.
    told: HashMap<CommunicationIdentifier, Presence>,
    /// Of whom something may have to be told.
    due: VecDeque<CommunicationIdentifier>,
    changes: broadcast::Receiver<Change>,
    _count: Option<WatchCount>,
}

impl fmt::Debug for PresenceWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PresenceWatch").field("users", &self.users.len()).finish_non_exhaustive()
    }
}

impl PresenceWatch {
    pub(super) async fn open(
        presences: Presences,
        actor: PresenceActor,
        users: Vec<CommunicationIdentifier>,
    ) -> Result<Self, PresenceFailure> {
        presences.check_count(users.len())?;
        let node = &presences.node;
        let count = match &actor {
            PresenceActor::Application => None,
            PresenceActor::User(claims) => {
                if !node.board().begin_watch(&claims.identifier) {
                    return Err(PresenceFailure::TooManyWatches { limit: WATCH_LIMIT });
                }
                Some(WatchCount { node: node.clone(), user: claims.identifier.clone() })
            }
        };
        // What is revoked after this is told; what was before is found below.
        let changes = node.board().follow();
        let watch = Self {
            due: users.iter().cloned().collect(),
            users: users.into_iter().collect(),
            told: HashMap::new(),
            changes,
            _count: count,
            presences,
            actor,
        };
        match watch.is_revoked().await {
            true => Err(PresenceFailure::Revoked),
            false => Ok(watch),
        }
    }

    /// Waits for the next presence to tell. Cancel-safe.
    ///
    /// # Errors
    /// When the watch has ended.
    pub async fn next(&mut self) -> Result<(CommunicationIdentifier, Presence), PresenceEnd> {
        loop {
            while let Some(user) = self.due.front() {
                let seen = self.presences.presence(&self.actor, user);
                // Whoever is not seen any more is gone, for this watcher.
                let seen =
                    seen.or_else(|| self.told.contains_key(user).then_some(Presence::OFFLINE));
                let Some(user) = self.due.pop_front() else { break };
                if let Some(seen) = seen
                    && self.told.insert(user.clone(), seen) != Some(seen)
                {
                    return Ok((user, seen));
                }
            }
            self.wait().await?;
        }
    }

    /// Waits until something may have to be told.
    async fn wait(&mut self) -> Result<(), PresenceEnd> {
        let node = self.presences.node.clone();
        let now = node.clock().now();
        let expiries =
            self.users.iter().filter_map(|user| node.board().presence(now.instant, user).1);
        let next_expiry = expiries.min();
        let token_expiry = match &self.actor {
            PresenceActor::Application => None,
            PresenceActor::User(claims) => {
                Some(now.instant + claims.expires_on.saturating_duration_since(now.wall))
            }
        };
        loop {
            let change = tokio::select! {
                change = self.changes.recv() => change,
                () = sleep_until(node.clock(), next_expiry) => {
                    self.due.extend(self.users.iter().cloned());
                    return Ok(());
                }
                () = sleep_until(node.clock(), token_expiry) => {
                    return Err(PresenceEnd::TokenExpired);
                }
                () = node.shutting_down() => return Err(PresenceEnd::ShuttingDown),
            };
            match change {
                Ok(Change::Presence(user)) if self.users.contains(&user) => {
                    self.due.push_back(user);
                    return Ok(());
                }
                Ok(Change::Revoked(user)) if self.is_of(&user) => {
                    return Err(PresenceEnd::TokenRevoked);
                }
                Ok(Change::Presence(_) | Change::Revoked(_)) => {}
                Err(RecvError::Lagged(_)) => {
                    if self.is_revoked().await {
                        return Err(PresenceEnd::TokenRevoked);
                    }
                    self.due.extend(self.users.iter().cloned());
                    return Ok(());
                }
                Err(RecvError::Closed) => return Err(PresenceEnd::ShuttingDown),
            }
        }
    }

    fn is_of(&self, user: &CommunicationIdentifier) -> bool {
        match &self.actor {
            PresenceActor::Application => false,
            PresenceActor::User(claims) => claims.identifier == *user,
        }
    }

    /// Returns whether the token is revoked, or whether that cannot be told.
    async fn is_revoked(&self) -> bool {
        match &self.actor {
            PresenceActor::Application => false,
            PresenceActor::User(claims) => {
                let generations = self.presences.node.identity().generations();
                let generation = generations.of(&claims.identifier).await;
                generation.map_or(true, |generation| generation != claims.generation)
            }
        }
    }
}

/// Counts a watch for as long as it is there.
struct WatchCount {
    node: Node,
    user: CommunicationIdentifier,
}

impl Drop for WatchCount {
    fn drop(&mut self) {
        self.node.board().end_watch(&self.user);
    }
}
