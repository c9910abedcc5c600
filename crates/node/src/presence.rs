//! Presence: who is there, who is in a call, who wants to be left alone, and who may know.
//!
//! It follows from signaling sessions and calls; what users prefer to show is kept in the store.

mod board;
mod watch;

use std::time::Duration;

use trunkline_ids::CommunicationIdentifier;
use trunkline_policy::{Presence, Principal, decide_call};
use trunkline_storage::{PreferredPresence, StoreError};

use crate::node::Node;
use crate::token::TokenClaims;

pub(crate) use self::board::Board;
pub use self::watch::{PresenceEnd, PresenceWatch};

/// Who asks something of presence.
#[derive(Clone, Debug)]
pub enum PresenceActor {
    /// A program with an access key.
    Application,
    /// The user of a token.
    User(TokenClaims),
}

/// Why something of presence was not done.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PresenceFailure {
    /// A preference is to last longer than one may, or not at all.
    #[error("a presence is preferred for at most {limit:?} and at least {SHORTEST_LIFE:?}")]
    LifeOutOfRange {
        /// The longest.
        limit: Duration,
    },
    /// Nobody is named whose presence there is.
    #[error("there is no such user")]
    NotFound,
    /// Users set their own presence only.
    #[error("users set their own presence only")]
    NotOwn,
    /// The token was revoked.
    #[error("the token has been revoked")]
    Revoked,
    /// More are named than one request may.
    #[error("{requested} users are named where {limit} may be")]
    TooManyUsers {
        /// How many may be.
        limit: usize,
        /// How many are.
        requested: usize,
    },
    /// The user watches as much as one may.
    #[error("a user watches presences at most {limit} times at once")]
    TooManyWatches {
        /// How many times.
        limit: usize,
    },
    /// What is preferred cannot be kept at the moment.
    #[error("what is preferred cannot be kept at the moment")]
    Unavailable,
}

/// Presence on behalf of users and programs.
#[derive(Clone, Debug)]
pub struct Presences {
    node: Node,
}

impl Node {
    /// Returns presence.
    pub fn presences(&self) -> Presences {
        Presences { node: self.clone() }
    }
}

impl Presences {
    /// Returns the presence of somebody; `None` where there is nobody, or the asker may not know.
    pub fn presence(
        &self,
        actor: &PresenceActor,
        user: &CommunicationIdentifier,
    ) -> Option<Presence> {
        self.is_seen(actor, user).then(|| self.of(user))
    }

    /// Sets what somebody prefers to show, and returns what is shown from here on. `life` is a day or
    /// a week by default, as the presence has it.
    pub async fn prefer(
        &self,
        actor: &PresenceActor,
        user: &CommunicationIdentifier,
        presence: Presence,
        life: Option<Duration>,
    ) -> Result<Presence, PresenceFailure> {
        self.require_own(actor, user)?;
        let life = life.unwrap_or_else(|| presence.preferred_life());
        if life > LONGEST_LIFE || life < SHORTEST_LIFE {
            return Err(PresenceFailure::LifeOutOfRange { limit: LONGEST_LIFE });
        }
        let (node, user) = (self.node.clone(), user.clone());
        let work = async move {
            let now = node.clock().now();
            let _turn = node.board().turn().await;
            let until = now.wall + life;
            let preferred = PreferredPresence { user: user.clone(), presence, until };
            node.store().put_preferred_presence(preferred).await?;
            node.board().prefer(now.instant, &user, presence, life);
            Ok(node.presences().of(&user))
        };
        self.node.base().complete(work).await.map_err(unavailable)
    }

    /// Shows again what sessions and calls say of somebody, and returns it.
    pub async fn clear(
        &self,
        actor: &PresenceActor,
        user: &CommunicationIdentifier,
    ) -> Result<Presence, PresenceFailure> {
        self.require_own(actor, user)?;
        let (node, user) = (self.node.clone(), user.clone());
        let work = async move {
            let _turn = node.board().turn().await;
            node.store().remove_preferred_presence(&user).await?;
            node.board().prefer_nothing(node.clock().now().instant, &user);
            Ok(node.presences().of(&user))
        };
        self.node.base().complete(work).await.map_err(unavailable)
    }

    /// Watches presences: first all of them as they are, then each that changes.
    pub async fn watch(
        &self,
        actor: PresenceActor,
        users: Vec<CommunicationIdentifier>,
    ) -> Result<PresenceWatch, PresenceFailure> {
        PresenceWatch::open(self.clone(), actor, users).await
    }

    /// Fails where more are named than a request may name.
    pub fn check_count(&self, requested: usize) -> Result<(), PresenceFailure> {
        match requested > USERS_LIMIT {
            true => Err(PresenceFailure::TooManyUsers { limit: USERS_LIMIT, requested }),
            false => Ok(()),
        }
    }

    /// Whoever may call somebody may know whether that is of use.
    fn is_seen(&self, actor: &PresenceActor, user: &CommunicationIdentifier) -> bool {
        if !self.is_known(user) {
            return false;
        }
        match actor {
            PresenceActor::Application => true,
            PresenceActor::User(claims) if claims.identifier == *user => true,
            PresenceActor::User(claims) => {
                let caller = Principal { identifier: claims.identifier.clone() };
                decide_call(&caller, user, &self.node.policy()).is_allowed()
            }
        }
    }

    /// Users of directories and of apps have a presence; of the latter whoever could be one.
    fn is_known(&self, user: &CommunicationIdentifier) -> bool {
        match user {
            CommunicationIdentifier::CommunicationUser(_) => true,
            CommunicationIdentifier::MicrosoftTeamsUser(_) => {
                self.node.directory().by_identifier(user).is_some()
            }
            CommunicationIdentifier::MicrosoftTeamsApp(_)
            | CommunicationIdentifier::PhoneNumber(_)
            | CommunicationIdentifier::TeamsExtensionUser(_)
            | CommunicationIdentifier::Unknown(_) => false,
        }
    }

    fn require_own(
        &self,
        actor: &PresenceActor,
        user: &CommunicationIdentifier,
    ) -> Result<(), PresenceFailure> {
        match actor {
            PresenceActor::User(claims) if claims.identifier != *user => {
                Err(PresenceFailure::NotOwn)
            }
            PresenceActor::Application | PresenceActor::User(_) if !self.is_known(user) => {
                Err(PresenceFailure::NotFound)
            }
            PresenceActor::Application | PresenceActor::User(_) => Ok(()),
        }
    }

    fn of(&self, user: &CommunicationIdentifier) -> Presence {
        self.node.board().presence(self.node.clock().now().instant, user).0
    }
}

fn unavailable(error: StoreError) -> PresenceFailure {
    tracing::warn!(%error, "a preferred presence was not kept");
    PresenceFailure::Unavailable
}

/// As many as the documented service takes at once.
const USERS_LIMIT: usize = 650;

/// Longer, and it is forgotten that it was set.
const LONGEST_LIFE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Shorter, and it is over before it is seen.
const SHORTEST_LIFE: Duration = Duration::from_secs(1);
