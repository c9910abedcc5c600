//! Tokens whose signature has been checked: a client sends the same one with every request.

use std::collections::HashMap;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};

use crate::token::TokenClaims;

/// Remembers what verified tokens say, by the SHA-256 of their text.
///
/// A token says the same for ever; whether it still counts, for its expiry or for being revoked, is
/// judged each time. Two generations bound the memory: when the younger is full, the older is
/// forgotten with every token that was not used since.
#[derive(Default)]
pub(super) struct Verified {
    generations: Mutex<Generations>,
}

#[derive(Default)]
struct Generations {
    young: HashMap<[u8; 32], TokenClaims>,
    old: HashMap<[u8; 32], TokenClaims>,
}

/// Names a token.
#[derive(Clone, Copy)]
pub(super) struct TokenDigest([u8; 32]);

impl TokenDigest {
    pub(super) fn of(token: &str) -> Self {
        let digest = digest(&SHA256, token.as_bytes());
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.as_ref());
        Self(bytes)
    }
}

impl Verified {
    /// Returns what a token says that was verified before.
    pub(super) fn find(&self, TokenDigest(key): TokenDigest) -> Option<TokenClaims> {
        let mut generations = self.generations();
        if let Some(claims) = generations.young.get(&key) {
            return Some(claims.clone());
        }
        let claims = generations.old.remove(&key)?;
        generations.insert(key, claims.clone());
        Some(claims)
    }

    /// Remembers a token whose signature is right.
    pub(super) fn remember(&self, TokenDigest(key): TokenDigest, claims: &TokenClaims) {
        self.generations().insert(key, claims.clone());
    }

    fn generations(&self) -> MutexGuard<'_, Generations> {
        // Nothing under this lock can panic between two changes that belong together.
        self.generations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn insert(&mut self, key: [u8; 32], claims: TokenClaims) {
        if self.young.len() >= GENERATION_LIMIT {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(key, claims);
    }
}

/// Tokens in each generation, at some 400 bytes each: 3 MB in all. Fewer than are in use at once
/// makes the cache useless, not wrong.
const GENERATION_LIMIT: usize = 4_096;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use trunkline_clock::Timestamp;

    use super::*;

    fn claims(generation: u32) -> TokenClaims {
        TokenClaims {
            identifier: "8:orgid:00000000-0000-4000-8000-0000000000aa".parse().unwrap(),
            resource: "5f9c1a52-0001-4a6b-8c1d-000000000001".parse().unwrap(),
            scopes: BTreeSet::new(),
            generation,
            expires_on: Timestamp::from_unix_seconds(1),
        }
    }

    #[test]
    fn a_token_in_use_is_remembered_and_the_memory_is_bounded() {
        let verified = Verified::default();
        let used = TokenDigest::of("used");
        verified.remember(used, &claims(1));
        for number in 0..3 * GENERATION_LIMIT {
            verified.remember(TokenDigest::of(&number.to_string()), &claims(2));
            if number % 1_000 == 0 {
                assert_eq!(verified.find(used), Some(claims(1)));
            }
        }
        assert!(verified.find(TokenDigest::of("0")).is_none());
        assert!(verified.find(TokenDigest::of("never")).is_none());
        let generations = verified.generations();
        assert!(generations.young.len() + generations.old.len() <= 2 * GENERATION_LIMIT);
    }
}
