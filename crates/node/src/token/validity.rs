//! Whether a token still counts, for as long as something goes on by it: a session, or a stream.
//!
//! A request is checked once. What lasts longer is told when the tokens of its user are revoked.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use trunkline_ids::CommunicationIdentifier;

use crate::node::Node;
use crate::token::{TokenClaims, TokenError};

/// The validity of one token. Dropping it ends the interest in it.
pub(crate) struct Validity {
    table: Arc<Validities>,
    user: CommunicationIdentifier,
    number: u64,
    revoked: CancellationToken,
    expires_at: Instant,
}

impl fmt::Debug for Validity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Validity").field("is_revoked", &self.revoked.is_cancelled()).finish()
    }
}

impl Validity {
    /// Begins to follow whether a token counts that was verified before.
    ///
    /// # Errors
    /// It was revoked since, or that cannot be told.
    pub(crate) async fn begin(node: &Node, claims: &TokenClaims) -> Result<Self, TokenError> {
        let life = claims.expires_on.saturating_duration_since(node.wall());
        let validity = node.validities().add(claims, Instant::now() + life);
        // A revocation from here on is told; an earlier one shows here.
        node.identity().check_revocation(claims).await?;
        Ok(validity)
    }

    /// Waits until the token does not count any more, and says why. Cancel-safe.
    pub(crate) async fn over(&self) -> TokenError {
        tokio::select! {
            biased;
            () = self.revoked() => TokenError::Revoked,
            () = tokio::time::sleep_until(self.expires_at) => TokenError::Expired,
        }
    }

    /// Waits until the tokens of the user are revoked: for whoever replaces one that expires.
    pub(crate) async fn revoked(&self) {
        self.revoked.cancelled().await;
    }
}

impl Drop for Validity {
    fn drop(&mut self) {
        self.table.remove(&self.user, self.number);
    }
}

/// What goes on by tokens, by whose they are.
#[derive(Debug, Default)]
pub(crate) struct Validities {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    users: HashMap<CommunicationIdentifier, HashMap<u64, CancellationToken>>,
    next_number: u64,
}

impl Validities {
    fn add(self: &Arc<Self>, claims: &TokenClaims, expires_at: Instant) -> Validity {
        let user = claims.identifier.clone();
        let revoked = CancellationToken::new();
        let mut state = self.state();
        let number = state.next_number;
        state.next_number += 1;
        state.users.entry(user.clone()).or_default().insert(number, revoked.clone());
        drop(state);
        Validity { table: Arc::clone(self), user, number, revoked, expires_at }
    }

    fn remove(&self, user: &CommunicationIdentifier, number: u64) {
        let mut state = self.state();
        if let Some(validities) = state.users.get_mut(user) {
            validities.remove(&number);
            if validities.is_empty() {
                state.users.remove(user);
            }
        }
    }

    /// Tells everything that goes on by tokens of a user that these are revoked.
    pub(crate) fn revoke(&self, user: &CommunicationIdentifier) {
        let revoked = self.state().users.remove(user).unwrap_or_default();
        // Outside the lock: it wakes whoever waits.
        for validity in revoked.into_values() {
            validity.cancel();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code under this lock can panic between two changes that belong together.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use trunkline_clock::Timestamp;

    use super::*;

    fn claims(digit: u8) -> TokenClaims {
        TokenClaims {
            identifier: format!("8:orgid:00000000-0000-4000-8000-00000000000{digit}")
                .parse()
                .unwrap(),
            resource: "5f9c1a52-0001-4a6b-8c1d-000000000001".parse().unwrap(),
            scopes: BTreeSet::new(),
            generation: 0,
            expires_on: Timestamp::from_unix_seconds(1),
        }
    }

    #[test]
    fn a_revocation_is_told_to_all_that_the_user_has_and_to_nobody_else() {
        let table = Arc::new(Validities::default());
        let begin = |digit| table.add(&claims(digit), Instant::now());
        let [first, second, other] = [1, 1, 2].map(begin);
        table.revoke(&claims(1).identifier);
        let later = begin(1);
        let is_revoked = |validity: &Validity| validity.revoked.is_cancelled();
        assert!(is_revoked(&first) && is_revoked(&second));
        assert!(!is_revoked(&other) && !is_revoked(&later));
        // One that was revoked goes without taking along what began after it.
        drop((first, second));
        table.revoke(&claims(1).identifier);
        assert!(is_revoked(&later));
        drop((other, later));
        assert!(table.state().users.is_empty(), "nothing is left of what is over");
    }
}
