//! Requests that may be repeated: which id they name, and what makes two of them the same.
//!
//! Chat sends `repeatability-request-id` alone; the other services send `Repeatability-First-Sent`
//! with it, as [Repeatable Requests 1.0](https://docs.oasis-open.org/odata/repeatable-requests/v1.0/repeatable-requests-v1.0.html)
//! has it. Either is taken everywhere.

use std::time::Duration;

use aws_lc_rs::digest;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::Value;
use trunkline_clock::Timestamp;
use trunkline_node::RepeatableRequest;

use crate::error::ApiError;
use crate::http_date;
use crate::request::Incoming;

/// Says whether the request was carried out, now or before.
pub(crate) const REPEATABILITY_RESULT: HeaderName = HeaderName::from_static("repeatability-result");
/// It was.
pub(crate) const ACCEPTED: HeaderValue = HeaderValue::from_static("accepted");
/// It was not.
pub(crate) const REJECTED: HeaderValue = HeaderValue::from_static("rejected");

const REQUEST_ID: HeaderName = HeaderName::from_static("repeatability-request-id");
const FIRST_SENT: HeaderName = HeaderName::from_static("repeatability-first-sent");

/// Returns by which name a request may be repeated, and what it asks; `None` when it names none.
/// Members of the body named in `ignored` make no other request.
pub(crate) fn of(
    request: &Incoming,
    ignored: &[&str],
) -> Result<Option<RepeatableRequest>, ApiError> {
    let Some(request_id) = request_id(&request.headers, request.now.wall)? else {
        return Ok(None);
    };
    let fingerprint = fingerprint(&request.json()?, ignored);
    Ok(Some(RepeatableRequest::new(request_id, &fingerprint)))
}

/// Reads the headers.
fn request_id(headers: &HeaderMap, now: Timestamp) -> Result<Option<String>, ApiError> {
    let Some(request_id) = headers.get(REQUEST_ID) else {
        return Ok(None);
    };
    let is_single = headers.get_all(REQUEST_ID).iter().nth(1).is_none();
    let request_id = request_id.to_str().ok().filter(|id| {
        is_single
            && (1..=REQUEST_ID_LIMIT_BYTES).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_graphic())
    });
    let Some(request_id) = request_id else {
        return Err(rejected(
            StatusCode::BAD_REQUEST,
            "InvalidHeaderValue",
            "Repeatability-Request-ID is one text of up to 128 visible ASCII characters.",
        ));
    };
    if let Some(first_sent) = headers.get(FIRST_SENT) {
        let first_sent = first_sent.to_str().ok().and_then(http_date::parse);
        let Some(first_sent) = first_sent else {
            return Err(rejected(
                StatusCode::BAD_REQUEST,
                "InvalidHeaderValue",
                "Repeatability-First-Sent is a date such as Sun, 22 Nov 2026 18:34:09 GMT.",
            ));
        };
        if now.saturating_duration_since(first_sent) > KEPT_FOR {
            return Err(rejected(
                StatusCode::PRECONDITION_FAILED,
                "RequestTooOld",
                "The request was first sent too long ago to know whether it was carried out.",
            ));
        }
    }
    Ok(Some(request_id.to_owned()))
}

/// Digests what a request asks for, so that spelling does not count: neither blanks, nor the order
/// of members, nor whether what is left out is absent or null. Members named in `ignored` do not
/// count at any depth.
fn fingerprint(body: &Value, ignored: &[&str]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    absorb(&mut context, body, ignored);
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(context.finish().as_ref());
    fingerprint
}

/// Each value begins with a byte for its kind and, where its length varies, with that length, so that
/// no two values digest alike.
fn absorb(context: &mut digest::Context, value: &Value, ignored: &[&str]) {
    let mut text = |kind: u8, text: &str| {
        context.update(&[kind]);
        context.update(&text.len().to_be_bytes());
        context.update(text.as_bytes());
    };
    match value {
        Value::Null => text(b'0', ""),
        Value::Bool(value) => text(b'b', if *value { "t" } else { "f" }),
        Value::Number(number) => text(b'n', &number.to_string()),
        Value::String(value) => text(b's', value),
        Value::Array(values) => {
            text(b'a', &values.len().to_string());
            values.iter().for_each(|value| absorb(context, value, ignored));
        }
        Value::Object(members) => {
            let mut counted: Vec<_> = members
                .iter()
                .filter(|(name, value)| !value.is_null() && !ignored.contains(&name.as_str()))
                .collect();
            counted.sort_by_key(|(name, _)| *name);
            text(b'o', &counted.len().to_string());
            for (name, value) in counted {
                context.update(&name.len().to_be_bytes());
                context.update(name.as_bytes());
                absorb(context, value, ignored);
            }
        }
    }
}

fn rejected(status: StatusCode, code: &'static str, message: &'static str) -> ApiError {
    ApiError::new(status, code, message).with_repeatability_rejected()
}

/// How long answers are kept. Whether an older request was carried out cannot be known.
const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// Clients send a GUID.
const REQUEST_ID_LIMIT_BYTES: usize = 128;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(id: Option<&str>, first_sent: Option<&str>) -> Result<Option<String>, u16> {
        let headers = [(REQUEST_ID, id), (FIRST_SENT, first_sent)]
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?.parse().unwrap())))
            .collect();
        let now = "2026-11-22T18:34:09Z".parse().unwrap();
        request_id(&headers, now).map_err(|error| error.status().as_u16())
    }

    #[test]
    fn the_id_counts_with_or_without_a_date() {
        assert_eq!(read(None, None), Ok(None));
        assert_eq!(read(None, Some("nonsense")), Ok(None));
        assert_eq!(read(Some("8a8a6201"), None), Ok(Some("8a8a6201".to_owned())));
        let recent = read(Some("8a8a6201"), Some("Sun, 22 Nov 2026 18:19:08 GMT"));
        assert_eq!(recent, Ok(Some("8a8a6201".to_owned())));
    }

    #[test]
    fn malformed_and_old_requests_are_rejected() {
        for id in ["", "a b", &"x".repeat(129)] {
            assert_eq!(read(Some(id), None), Err(400), "{id:?}");
        }
        assert_eq!(read(Some("a"), Some("yesterday")), Err(400));
        assert_eq!(read(Some("a"), Some("Sat, 21 Nov 2026 18:34:08 GMT")), Err(412));
    }

    #[test]
    fn spelling_does_not_make_another_request() {
        let one = json!({"topic": "t", "participants": [{"displayName": "B"}], "metadata": null});
        let other =
            json!({"participants": [{"displayName": "B", "shareHistoryTime": "x"}], "topic": "t"});
        let ignored = ["shareHistoryTime"];
        assert_eq!(fingerprint(&one, &ignored), fingerprint(&other, &ignored));
        assert_ne!(fingerprint(&one, &[]), fingerprint(&other, &[]));
    }

    #[test]
    fn what_is_said_makes_another_request() {
        let values = [
            json!({}),
            json!([]),
            json!(null),
            json!(""),
            json!({"a": "b"}),
            json!({"a": ["b"]}),
            json!({"a": {"b": ""}}),
            json!({"ab": ""}),
            json!({"a": "bc"}),
            json!(["a", "b"]),
            json!(["ab"]),
            json!([["a"], "b"]),
            json!(1),
            json!("1"),
            json!(true),
            json!("t"),
        ];
        for (index, one) in values.iter().enumerate() {
            for other in &values[..index] {
                assert_ne!(fingerprint(one, &[]), fingerprint(other, &[]), "{one} {other}");
            }
        }
    }
}
