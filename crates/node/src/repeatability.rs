//! Requests that may come again: the first is carried out, later ones get its answer.

use serde::Serialize;
use trunkline_storage::{
    Begun, Fingerprint, RepeatabilityKey, RepeatabilityRecord, Reservation, StoreError,
    StoredResponse,
};

use crate::base::Base;

/// The client's name for a request that it may send again, and what it asks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RepeatableRequest {
    /// The id that the client drew.
    pub request_id: String,
    /// Equal for equal requests, different for different ones.
    pub fingerprint: Fingerprint,
}

impl RepeatableRequest {
    /// Makes one from the bytes of the request.
    pub fn new(request_id: impl Into<String>, request: &[u8]) -> Self {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, request);
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.as_ref());
        Self { request_id: request_id.into(), fingerprint: Fingerprint::from_sha256(bytes) }
    }
}

/// What a façade does with a request that names an id.
#[derive(Debug)]
pub enum Repeated {
    /// Carry it out, and then [`Repeatability::keep`] the answer.
    First(Repeating),
    /// It was used for another request: refuse.
    Differently,
    /// Give this answer.
    Stored(StoredResponse),
    /// It is being carried out: let the client try again.
    TooSoon,
}

/// A request that is being carried out. Dropped without an answer, it can be begun again.
#[derive(Debug)]
pub struct Repeating {
    pub(crate) key: RepeatabilityKey,
    pub(crate) fingerprint: Fingerprint,
    _reservation: Reservation,
}

/// Keeps the answers of requests whose work does not keep its own.
#[derive(Clone, Debug)]
pub struct Repeatability {
    base: Base,
}

impl Repeatability {
    pub(crate) fn new(base: Base) -> Self {
        Self { base }
    }

    /// Asks what to do with a request. `scope` says who may repeat it, and where.
    pub async fn begin(
        &self,
        scope: String,
        request: RepeatableRequest,
    ) -> Result<Repeated, StoreError> {
        let RepeatableRequest { request_id, fingerprint } = request;
        let key = RepeatabilityKey { scope, request_id };
        let begun = self.base.store.begin(&key, fingerprint, self.base.wall()).await?;
        Ok(match begun {
            Begun::Conflict => Repeated::Differently,
            Begun::First(reservation) => {
                Repeated::First(Repeating { key, fingerprint, _reservation: reservation })
            }
            Begun::InProgress => Repeated::TooSoon,
            Begun::Stored(response) => Repeated::Stored(response),
        })
    }

    /// Keeps the answer of a request that was carried out.
    pub async fn keep(
        &self,
        request: Repeating,
        response: StoredResponse,
    ) -> Result<(), StoreError> {
        self.base.store.store_response(self.record(&request, response)).await
    }

    /// Makes the record of an answer of the node's own, for the transaction that does the work.
    pub(crate) fn record_json(
        &self,
        request: &Repeating,
        answer: &impl Serialize,
    ) -> RepeatabilityRecord {
        let body = serde_json::to_vec(answer).expect("answers are plain data with text keys");
        self.record(request, StoredResponse { status: 200, body })
    }

    fn record(&self, request: &Repeating, response: StoredResponse) -> RepeatabilityRecord {
        RepeatabilityRecord {
            key: request.key.clone(),
            fingerprint: request.fingerprint,
            response,
            stored_on: self.base.wall(),
        }
    }
}
