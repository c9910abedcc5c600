//! What is remembered of endpoints, so that one goes on where it was after a restart.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::BoxFuture;
use trunkline_clock::Timestamp;
use trunkline_ids::CommunicationIdentifier;

use crate::{
    endpoint::{Start, WINDOW},
    exchange::Refusal,
    negotiate::Epid,
};

/// Names an endpoint.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct EndpointKey {
    /// Whose it is.
    pub user: CommunicationIdentifier,
    /// The id that the client gave it.
    pub epid: Epid,
}

impl fmt::Debug for EndpointKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointKey").field("epid", &self.epid).finish_non_exhaustive()
    }
}

/// What is remembered of an endpoint.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Registration {
    /// The position of the feed up to which everything is acknowledged.
    pub position: u64,
    /// When it was last known to be alive.
    pub seen_on: Timestamp,
}

impl Registration {
    /// Returns where the endpoint takes up its feed if it comes back now.
    pub fn start(&self, now: Timestamp) -> Start {
        match now.saturating_duration_since(self.seen_on) <= WINDOW {
            true => Start::Resumed(self.position),
            false => Start::Lost,
        }
    }
}

/// Keeps registrations.
pub trait Registrations: Send + Sync + 'static {
    /// Finds what is remembered of an endpoint.
    fn find<'a>(
        &'a self,
        key: &'a EndpointKey,
    ) -> BoxFuture<'a, Result<Option<Registration>, Refusal>>;

    /// Remembers an endpoint, replacing what was remembered of it.
    ///
    /// Called for each acknowledgement, so it must not block; it may write later and in groups. What
    /// a crash takes from it, the client gets once more.
    fn keep(&self, key: &EndpointKey, registration: Registration);

    /// Forgets an endpoint.
    fn forget(&self, key: &EndpointKey);
}

/// Registrations that a restart forgets.
#[derive(Default)]
pub struct MemoryRegistrations {
    by_key: Mutex<HashMap<EndpointKey, Registration>>,
}

impl MemoryRegistrations {
    fn with<T>(&self, act: impl FnOnce(&mut HashMap<EndpointKey, Registration>) -> T) -> T {
        // A thread that panicked left the map whole.
        act(&mut self.by_key.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Registrations for MemoryRegistrations {
    fn find<'a>(
        &'a self,
        key: &'a EndpointKey,
    ) -> BoxFuture<'a, Result<Option<Registration>, Refusal>> {
        let found = self.with(|by_key| by_key.get(key).copied());
        Box::pin(async move { Ok(found) })
    }

    fn keep(&self, key: &EndpointKey, registration: Registration) {
        self.with(|by_key| {
            if let Some(kept) = by_key.get_mut(key) {
                *kept = registration;
                return;
            }
            if by_key.len() >= MEMORY_LIMIT {
                let oldest = registration.seen_on;
                by_key.retain(|_, kept| {
                    oldest.saturating_duration_since(kept.seen_on) <= MEMORY_LIFE
                });
            }
            if by_key.len() < MEMORY_LIMIT {
                by_key.insert(key.clone(), registration);
            }
        });
    }

    fn forget(&self, key: &EndpointKey) {
        self.with(|by_key| by_key.remove(key));
    }
}

impl fmt::Debug for MemoryRegistrations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.with(|by_key| by_key.len());
        f.debug_struct("MemoryRegistrations").field("count", &count).finish()
    }
}

/// Each takes some 200 bytes. Past the limit the old ones go, and if there are none, endpoints are
/// not remembered: they begin afresh.
const MEMORY_LIMIT: usize = 200_000;

/// For how long an endpoint is remembered past the limit: longer than its window, so that one that
/// comes back too late still hears that it missed something.
const MEMORY_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(1_700_000_000 + seconds)
    }

    #[test]
    fn an_endpoint_resumes_within_its_window_and_has_lost_something_after() {
        let registration = Registration { position: 7, seen_on: at(0) };
        assert_eq!(registration.start(at(7_200)), Start::Resumed(7));
        assert_eq!(registration.start(at(7_201)), Start::Lost);
        assert_eq!(registration.start(at(-5)), Start::Resumed(7), "the wall clock may go back");
    }

    #[tokio::test]
    async fn registrations_are_kept_replaced_and_forgotten() {
        let registrations = MemoryRegistrations::default();
        let key = EndpointKey {
            user: "8:acs:contoso_alice".parse().unwrap(),
            epid: "e1".parse().unwrap(),
        };
        assert_eq!(registrations.find(&key).await, Ok(None));
        for position in [1, 2] {
            let registration = Registration { position, seen_on: at(0) };
            registrations.keep(&key, registration);
            assert_eq!(registrations.find(&key).await, Ok(Some(registration)));
        }
        registrations.forget(&key);
        assert_eq!(registrations.find(&key).await, Ok(None));
    }
}
