//! Every spelling that clients sign, and every way to get it wrong.

use serde::Deserialize;

use super::*;

/// Requests with signatures that were made by another implementation.
const VECTORS: &str = include_str!("vectors.json");

#[derive(Deserialize)]
struct Vector {
    name: String,
    key: String,
    method: String,
    /// What travels.
    target: String,
    /// The `Host` header; absent when it is the one that was signed.
    host: Option<String>,
    signed_target: String,
    signed_host: String,
    date: String,
    body: String,
    content_hash: String,
    signature: String,
}

impl Vector {
    fn key(&self) -> Vec<u8> {
        STANDARD.decode(&self.key).unwrap()
    }

    fn headers(&self) -> HeaderMap {
        let authorization = format!(
            "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={}",
            self.signature
        );
        HeaderMap::from_iter([
            (AUTHORIZATION, authorization.parse().unwrap()),
            (X_MS_DATE, self.date.parse().unwrap()),
            (X_MS_CONTENT_SHA256, self.content_hash.parse().unwrap()),
        ])
    }
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(VECTORS).unwrap()
}

fn now() -> Timestamp {
    "2026-11-22T18:34:09Z".parse().unwrap()
}

/// Tells whether the key made the signature of a request that was changed before it arrived.
fn check(change: impl FnOnce(&mut HeaderMap, &mut Vec<u8>)) -> Result<bool, SignatureError> {
    let vector = vectors().into_iter().find(|vector| vector.name == "create user").unwrap();
    let (mut headers, mut body) = (vector.headers(), vector.body.clone().into_bytes());
    change(&mut headers, &mut body);
    let signature = Signature::read(&headers, now())?;
    let request = SignedRequest {
        method: &Method::POST,
        target: &vector.target,
        hosts: &[&vector.signed_host],
        body: &body,
    };
    Ok(signature.of(&request)?.is_made_with(&vector.key()))
}

#[test]
fn every_spelling_of_a_known_client_is_accepted() {
    let vectors = vectors();
    assert!(vectors.len() >= 12);
    for vector in vectors {
        let headers = vector.headers();
        let hosts = [vector.host.as_deref().unwrap_or(&vector.signed_host), &vector.signed_host];
        let request = SignedRequest {
            method: &vector.method.parse().unwrap(),
            target: &vector.target,
            hosts: &hosts,
            body: vector.body.as_bytes(),
        };
        let signed = |request| Signature::read(&headers, now()).unwrap().of(&request).unwrap();
        let name = format!("{}: signed {}", vector.name, vector.signed_target);
        assert!(signed(request).is_made_with(&vector.key()), "{name}");
        assert!(!signed(request).is_made_with(b"another key"), "{name}");
        let foreign = SignedRequest { hosts: &["evil.example"], ..request };
        assert!(!signed(foreign).is_made_with(&vector.key()), "{name}");
    }
}

#[test]
fn another_body_verb_or_path_is_refused() {
    assert_eq!(check(|_, _| {}), Ok(true));
    assert_eq!(check(|_, body| body.push(b' ')), Err(SignatureError::ContentHash));
    let rehashed = check(|headers, body| {
        body.clear();
        let hash = digest::digest(&digest::SHA256, body);
        let hash = STANDARD.encode(hash.as_ref()).parse().unwrap();
        headers.insert(X_MS_CONTENT_SHA256, hash);
    });
    assert_eq!(rehashed, Ok(false));
    let vector = vectors().into_iter().find(|vector| vector.name == "create user").unwrap();
    let headers = vector.headers();
    let is_made = |method: &Method, target: &str| {
        let signature = Signature::read(&headers, now()).unwrap();
        let request = SignedRequest {
            method,
            target,
            hosts: &[&vector.signed_host],
            body: vector.body.as_bytes(),
        };
        signature.of(&request).unwrap().is_made_with(&vector.key())
    };
    assert!(is_made(&Method::POST, &vector.target));
    assert!(!is_made(&Method::PUT, &vector.target));
    assert!(!is_made(&Method::POST, "/rooms?api-version=2023-10-01"));
    assert!(!is_made(&Method::POST, "/identities?api-version=2023-10-02"));
}

#[test]
fn a_clock_may_be_five_minutes_off_and_no_more() {
    let vector = vectors().remove(0);
    let headers = vector.headers();
    let at = |seconds: i64| {
        let now = Timestamp::from_unix_seconds(now().as_unix_seconds() + seconds);
        Signature::read(&headers, now).map(|_| ())
    };
    for seconds in [-300, 0, 300] {
        assert_eq!(at(seconds), Ok(()));
    }
    for seconds in [-301, 301, 86_400] {
        assert_eq!(at(seconds), Err(SignatureError::Skew));
    }
}

#[test]
fn malformed_and_doubled_headers_are_refused() {
    let authorization = |value: &'static str| {
        check(move |headers, _| drop(headers.insert(AUTHORIZATION, value.parse().unwrap())))
    };
    let malformed = Err(SignatureError::Header("authorization"));
    for value in [
        "",
        "HMAC-SHA256",
        "HMAC-SHA256 Signature=AAAA",
        "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256",
        "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=*",
        "HMAC-SHA256 SignedHeaders=x-ms-date;host&Signature=AAAA",
        "HMAC-SHA256 SignedHeaders=host;x-ms-content-sha256&Signature=AAAA",
        "HMAC-SHA256 SignedHeaders=x-ms-date;x-ms-content-sha256&Signature=AAAA",
        "HMAC-SHA256 SignedHeaders=x-ms-date;host;host;x-ms-content-sha256&Signature=AAAA",
        "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256;x-ms-date&Signature=AAAA",
        "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256;accept&Signature=AAAA",
        "Bearer SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=AAAA",
    ] {
        assert_eq!(authorization(value), malformed, "{value:?}");
    }
    for (header, label) in [
        (AUTHORIZATION, "authorization"),
        (X_MS_DATE, "x-ms-date"),
        (X_MS_CONTENT_SHA256, "x-ms-content-sha256"),
    ] {
        let missing = check(|headers, _| drop(headers.remove(&header)));
        assert_eq!(missing, Err(SignatureError::Header(label)));
        let doubled = check(|headers, _| {
            let value = headers[&header].clone();
            headers.append(&header, value);
        });
        assert_eq!(doubled, Err(SignatureError::Header(label)));
    }
    let no_date = check(|headers, _| drop(headers.insert(X_MS_DATE, "today".parse().unwrap())));
    assert_eq!(no_date, Err(SignatureError::Header("x-ms-date")));
}

#[test]
fn a_target_that_begins_with_two_slashes_may_have_been_signed_with_one() {
    let spelled = spellings("//identities?api-version=2023-10-01");
    for signed in ["//identities?api-version=2023-10-01", "/identities?api-version=2023-10-01"] {
        assert!(spelled.iter().any(|one| one == signed), "{signed}");
    }
    assert!(spellings("/a//b").iter().all(|one| one.starts_with("/a")));
}
