//! What an operation answers when it was done.

use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Serialize;

use crate::headers::JSON;
use crate::repeatability::{ACCEPTED, REPEATABILITY_RESULT};

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Reply {
    /// Answers without a body.
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// Answers with JSON.
    pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Self {
        let body = serde_json::to_vec(body).expect("models have text keys and finite numbers");
        Self::bytes(status, body)
    }

    /// Answers with JSON that is written already.
    pub(crate) fn bytes(status: StatusCode, body: impl Into<Bytes>) -> Self {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, JSON)]);
        Self { status, headers, body: body.into() }
    }

    /// Adds a header.
    #[must_use]
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Says where what was made is found.
    #[must_use]
    pub(crate) fn with_location(self, location: &str) -> Self {
        match HeaderValue::from_str(location) {
            Ok(location) => self.with_header(LOCATION, location),
            // A host that is no header value came in one; this does not happen.
            Err(_) => self,
        }
    }

    /// Says that a request that may be repeated was carried out, now or before.
    #[must_use]
    pub(crate) fn repeatable(self, is_repeatable: bool) -> Self {
        match is_repeatable {
            true => self.with_header(REPEATABILITY_RESULT, ACCEPTED),
            false => self,
        }
    }

    /// Returns the body.
    #[cfg(test)]
    pub(crate) fn value(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        (self.status, self.headers, self.body).into_response()
    }
}
