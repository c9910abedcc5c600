//! How often the tokens of each user were revoked, remembered from the store.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use trunkline_ids::{CommunicationIdentifier, CommunicationUser};
use trunkline_storage::{Store, StoreError};

/// Asks the store once for each user, and again after a revocation.
pub(crate) struct Generations {
    store: Arc<dyn Store>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    generations: HashMap<CommunicationIdentifier, u32>,
    /// How many revocations there were: what was read before one does not count after it.
    revocations: u64,
}

impl Generations {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, known: Mutex::default() }
    }

    /// Returns the generation that a user's valid tokens carry.
    pub(crate) async fn of(&self, user: &CommunicationIdentifier) -> Result<u32, StoreError> {
        loop {
            let before = {
                let known = self.known();
                if let Some(generation) = known.generations.get(user) {
                    return Ok(*generation);
                }
                known.revocations
            };
            let generation = self.store.token_generation(user).await?;
            let mut known = self.known();
            // What was read before a revocation may be what it replaced. To lose again takes another
            // one, and to revoke takes the store longer than to read.
            if known.revocations == before {
                if known.generations.len() >= REMEMBERED_LIMIT {
                    known.generations.clear();
                }
                known.generations.insert(user.clone(), generation);
                return Ok(generation);
            }
        }
    }

    pub(super) async fn revoke(&self, user: &CommunicationIdentifier) -> Result<(), StoreError> {
        let outcome = self.store.revoke_tokens(user).await;
        // Whatever came of it, the store is asked again: a failure may have come after the commit.
        self.forget(user);
        outcome.map(drop)
    }

    pub(super) async fn delete_app_user(
        &self,
        user: &CommunicationUser,
    ) -> Result<bool, StoreError> {
        let outcome = self.store.delete_user(user).await;
        self.forget(&CommunicationIdentifier::CommunicationUser(user.clone()));
        outcome
    }

    pub(super) fn forget(&self, user: &CommunicationIdentifier) {
        let mut known = self.known();
        known.revocations += 1;
        known.generations.remove(user);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // The map is whole after a panic elsewhere; at worst the store is asked once more.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Users remembered, at some 200 bytes each. When it is reached, all are asked for anew.
const REMEMBERED_LIMIT: usize = 100_000;
