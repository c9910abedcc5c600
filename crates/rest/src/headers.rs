//! Headers that every answer carries, and those that clients send to be echoed.

use axum::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use uuid::Uuid;

use crate::operation::Service;

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

pub(crate) const API_SUPPORTED_VERSIONS: HeaderName =
    HeaderName::from_static("api-supported-versions");
pub(crate) const MS_CV: HeaderName = HeaderName::from_static("ms-cv");
pub(crate) const X_MS_CLIENT_REQUEST_ID: HeaderName =
    HeaderName::from_static("x-ms-client-request-id");
pub(crate) const X_MS_ERROR_CODE: HeaderName = HeaderName::from_static("x-ms-error-code");

/// Puts on an answer what all answers have: the service's versions, a correlation vector for support,
/// the client's own id of the request.
pub(crate) fn complete(
    answer: &mut HeaderMap,
    request: &HeaderMap,
    service: Option<Service>,
    cv: HeaderValue,
) {
    answer.insert(MS_CV, cv);
    if let Some(id) = request.get(X_MS_CLIENT_REQUEST_ID).filter(|id| id.len() <= ECHO_LIMIT_BYTES)
    {
        answer.insert(X_MS_CLIENT_REQUEST_ID, id.clone());
    }
    if let Some(service) = service {
        let versions = HeaderValue::from_str(&service.versions().join(", "))
            .expect("versions are ASCII: they are constants");
        answer.insert(API_SUPPORTED_VERSIONS, versions);
    }
    // What is answered is about persons, and some of it is a secret.
    answer.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    answer.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// Continues the client's correlation vector, or starts one.
///
/// A vector is a base64 text and numbers after it, each between dots; see the
/// [specification](https://github.com/microsoft/CorrelationVector).
pub(crate) fn correlation_vector(request: &HeaderMap) -> HeaderValue {
    let given = request.get(MS_CV).and_then(|cv| cv.to_str().ok()).filter(|cv| is_vector(cv));
    let text = match given {
        Some(given) => format!("{given}.0"),
        None => format!("{}.0", STANDARD_NO_PAD.encode(Uuid::new_v4().as_bytes())),
    };
    HeaderValue::from_str(&text).expect("base64 and dots are ASCII")
}

fn is_vector(text: &str) -> bool {
    text.len() <= VECTOR_LIMIT_BYTES
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/.".contains(&byte))
}

/// Longer ids are not echoed: clients send a GUID.
const ECHO_LIMIT_BYTES: usize = 128;

/// The specification ends a vector at 127 characters; two are appended here.
const VECTOR_LIMIT_BYTES: usize = 125;

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(request: HeaderMap) -> HeaderMap {
        let mut answer = HeaderMap::new();
        let cv = correlation_vector(&request);
        complete(&mut answer, &request, Some(Service::Rooms), cv);
        answer
    }

    #[test]
    fn the_clients_id_comes_back_unless_it_is_endless() {
        let id = |text: &str| {
            let request = HeaderMap::from_iter([(X_MS_CLIENT_REQUEST_ID, text.parse().unwrap())]);
            completed(request).get(X_MS_CLIENT_REQUEST_ID).cloned()
        };
        assert_eq!(id("7264a44e"), Some(HeaderValue::from_static("7264a44e")));
        assert_eq!(id(&"x".repeat(129)), None);
    }

    #[test]
    fn versions_and_a_correlation_vector_are_always_there() {
        let answer = completed(HeaderMap::new());
        assert_eq!(answer[API_SUPPORTED_VERSIONS], "2023-06-14, 2024-04-15, 2025-03-13");
        let cv = answer[MS_CV].to_str().unwrap();
        assert!(cv.len() == 24 && cv.ends_with(".0"), "{cv}");
        assert_ne!(completed(HeaderMap::new())[MS_CV], answer[MS_CV]);
    }

    #[test]
    fn a_correlation_vector_is_continued() {
        let cv = |text: &str| {
            let request = HeaderMap::from_iter([(MS_CV, text.parse().unwrap())]);
            correlation_vector(&request).to_str().unwrap().to_owned()
        };
        assert_eq!(cv("aQkmyztP5GU1pDxhp1y4xg.1"), "aQkmyztP5GU1pDxhp1y4xg.1.0");
        assert_eq!(cv("<script>").len(), 24);
    }
}
