//! Requests that may be repeated: the first is carried out, later ones get its answer.
//!
//! [Repeatable Requests 1.0](https://docs.oasis-open.org/odata/repeatable-requests/v1.0/cs01/repeatable-requests-v1.0-cs01.html)
//! asks for the same answer to the same id, and for a refusal when the id comes back with another
//! request.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use trunkline_clock::Timestamp;

use crate::error::StoreError;

/// How long an answer is kept: the time in which clients of the documented service retry.
pub const REPEATABILITY_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// Names a repeatable request.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RepeatabilityKey {
    /// Who may repeat it, and where: the same id of another caller or operation is another request.
    pub scope: String,
    /// The id that the client drew.
    pub request_id: String,
}

/// A digest of what was asked; equal requests have equal fingerprints.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Makes a fingerprint from a SHA-256 digest.
    pub const fn from_sha256(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// Returns the digest.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The answer that a repeated request gets.
#[derive(Clone, Eq, PartialEq)]
pub struct StoredResponse {
    /// The status that the façade gave, in its own terms.
    pub status: u16,
    /// The body, byte for byte.
    pub body: Vec<u8>,
}

impl fmt::Debug for StoredResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredResponse").field("status", &self.status).finish_non_exhaustive()
    }
}

/// An answer to keep. Written by the transaction that does the work, or on its own.
#[derive(Clone, Debug)]
pub struct RepeatabilityRecord {
    /// Which request.
    pub key: RepeatabilityKey,
    /// What was asked.
    pub fingerprint: Fingerprint,
    /// What was answered.
    pub response: StoredResponse,
    /// When; it is kept for [`REPEATABILITY_LIFE`] from then.
    pub stored_on: Timestamp,
}

/// What to do with a request that names an id.
#[derive(Debug)]
pub enum Begun {
    /// The id was used for another request: refuse.
    Conflict,
    /// The id is new: carry the request out and keep the reservation until its record is stored.
    First(Reservation),
    /// The same request is being carried out: let the client try again.
    InProgress,
    /// The same request was carried out: give its answer.
    Stored(StoredResponse),
}

/// Holds an id for the one who carries its request out.
///
/// Dropped without a stored record, it gives the id up: the next one is again the first.
#[must_use = "a reservation that is dropped lets the same request be carried out again"]
pub struct Reservation(Option<Box<dyn FnOnce() + Send + Sync>>);

impl Reservation {
    /// Makes a reservation; `release` runs when it is dropped.
    pub fn new(release: impl FnOnce() + Send + Sync + 'static) -> Self {
        Self(Some(Box::new(release)))
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(release) = self.0.take() {
            release();
        }
    }
}

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reservation")
    }
}

/// Keeps the answers of repeatable requests.
#[async_trait]
pub trait RepeatabilityStore: Send + Sync {
    /// Asks what to do with a request. Of those that begin the same id at once, exactly one is
    /// [`Begun::First`]. A record older than [`REPEATABILITY_LIFE`] counts as absent.
    async fn begin(
        &self,
        key: &RepeatabilityKey,
        fingerprint: Fingerprint,
        now: Timestamp,
    ) -> Result<Begun, StoreError>;

    /// Keeps an answer by itself; work that writes hands its record to the same transaction instead,
    /// as [`ChatUnit::repeatability`](crate::ChatUnit::repeatability).
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the id has a record that is still kept.
    async fn store_response(&self, record: RepeatabilityRecord) -> Result<(), StoreError>;

    /// Forgets records older than [`REPEATABILITY_LIFE`], and says how many.
    async fn prune_responses(&self, now: Timestamp) -> Result<u64, StoreError>;
}
