//! Requests signed with an access key.
//!
//! The signature covers verb, path and query, date, host and a hash of the body. Clients do not agree
//! on how path and host are spelled in it: some sign the decoded path, some an encoded one, some
//! the endpoint they were configured with although they talk to another name. Every spelling that
//! a known client uses is tried before the request is refused. None of them weakens the check: each
//! names the same request, and each needs the key.
//!
//! A signature that was seen is no reason to refuse: clients date with whole seconds, so that two equal
//! requests of one second carry the same. It is good for as long as its date is.

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::{digest, hmac};
use axum::http::header::{AUTHORIZATION, DATE};
use axum::http::{HeaderMap, HeaderName, Method};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;
use trunkline_clock::Timestamp;

use crate::auth::{after_scheme, single};
use crate::{http_date, percent};

/// A signed request, as it arrived.
#[derive(Clone, Copy)]
pub(crate) struct SignedRequest<'a> {
    /// The verb.
    pub(crate) method: &'a Method,
    /// Path and query, exactly as received.
    pub(crate) target: &'a str,
    /// The hosts that the client may have signed, the likeliest first.
    pub(crate) hosts: &'a [&'a str],
    /// The whole body.
    pub(crate) body: &'a [u8],
}

/// Why a signature is not accepted. The caller learns none of it.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub(crate) enum SignatureError {
    /// The body is another than the one that was signed.
    #[error("the content hash is not that of the body")]
    ContentHash,
    /// A header that the signature needs is missing, there twice, or malformed.
    #[error("header {0} is missing or malformed")]
    Header(&'static str),
    /// The request is too old, or comes from the future.
    #[error("the date is more than {} s off", SKEW_LIMIT.as_secs())]
    Skew,
}

/// The parts of `Authorization: HMAC-SHA256 SignedHeaders=…&Signature=…`, and the headers it names.
///
/// Reading it needs no body, so that a request without it is refused before its body is read.
#[derive(Clone, Debug)]
pub(crate) struct Signature<'a> {
    covered: Vec<Covered<'a>>,
    content_hash: &'a str,
    tag: Vec<u8>,
}

/// A header that the signature covers, in the order in which it was signed.
#[derive(Clone, Copy, Debug)]
enum Covered<'a> {
    Host,
    Value(&'a str),
}

impl<'a> Signature<'a> {
    /// Reads the signature of a request and checks its date.
    pub(crate) fn read(headers: &'a HeaderMap, now: Timestamp) -> Result<Self, SignatureError> {
        let authorization = required(headers, &AUTHORIZATION, "authorization")?;
        let malformed = SignatureError::Header("authorization");
        let parameters = after_scheme(authorization, "HMAC-SHA256").ok_or(malformed)?;
        let (signed_headers, signature) = parameters
            .strip_prefix("SignedHeaders=")
            .and_then(|rest| rest.split_once("&Signature="))
            .ok_or(malformed)?;
        let tag = STANDARD.decode(signature).map_err(|_| malformed)?;
        let content_hash = required(headers, &X_MS_CONTENT_SHA256, "x-ms-content-sha256")?;
        let mut covered = Vec::with_capacity(3);
        let (mut dates, mut hosts, mut hashes) = (0, 0, 0);
        for name in signed_headers.split(';').take(4) {
            covered.push(match name.to_ascii_lowercase().as_str() {
                "host" => {
                    hosts += 1;
                    Covered::Host
                }
                "x-ms-content-sha256" => {
                    hashes += 1;
                    Covered::Value(content_hash)
                }
                "x-ms-date" => {
                    dates += 1;
                    Covered::Value(dated(required(headers, &X_MS_DATE, "x-ms-date")?, now)?)
                }
                "date" => {
                    dates += 1;
                    Covered::Value(dated(required(headers, &DATE, "date")?, now)?)
                }
                _ => return Err(malformed),
            });
        }
        match (dates, hosts, hashes) {
            (1, 1, 1) => Ok(Self { covered, content_hash, tag }),
            _ => Err(malformed),
        }
    }

    /// Checks that the body is the one that was signed, and returns what a key is tried on.
    pub(crate) fn of(self, request: &SignedRequest<'_>) -> Result<Signed, SignatureError> {
        let hash = digest::digest(&digest::SHA256, request.body);
        let claimed = STANDARD
            .decode(self.content_hash)
            .map_err(|_| SignatureError::Header("x-ms-content-sha256"))?;
        verify_slices_are_equal(hash.as_ref(), &claimed)
            .map_err(|_| SignatureError::ContentHash)?;
        let texts = spellings(request.target)
            .iter()
            .flat_map(|target| request.hosts.iter().map(move |host| (target, host)))
            .map(|(target, host)| self.string_to_sign(request.method, target, host))
            .collect();
        Ok(Signed { texts, tag: self.tag })
    }

    fn string_to_sign(&self, method: &Method, target: &str, host: &str) -> String {
        let mut text = format!("{method}\n{target}\n");
        for (index, covered) in self.covered.iter().enumerate() {
            if index > 0 {
                text.push(';');
            }
            text.push_str(match covered {
                Covered::Host => host,
                Covered::Value(value) => value,
            });
        }
        text
    }
}

/// A signature, with every text that it may be of.
#[derive(Debug)]
pub(crate) struct Signed {
    texts: Vec<String>,
    tag: Vec<u8>,
}

impl Signed {
    /// Tells whether a key made the signature. Each comparison takes the same time whatever it finds.
    pub(crate) fn is_made_with(&self, key: &[u8]) -> bool {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        self.texts.iter().any(|text| hmac::verify(&key, text.as_bytes(), &self.tag).is_ok())
    }
}

/// Returns the header by which a client says which host it has signed.
pub(crate) fn signed_host(headers: &HeaderMap) -> Option<&str> {
    single(headers, &X_MS_HOST).ok().flatten()
}

fn required<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    label: &'static str,
) -> Result<&'a str, SignatureError> {
    let value = single(headers, name).map_err(|_| SignatureError::Header(label))?;
    value.ok_or(SignatureError::Header(label))
}

fn dated(text: &str, now: Timestamp) -> Result<&str, SignatureError> {
    let date = http_date::parse(text).ok_or(SignatureError::Header("x-ms-date"))?;
    let off = now.saturating_duration_since(date).max(date.saturating_duration_since(now));
    match off <= SKEW_LIMIT {
        true => Ok(text),
        false => Err(SignatureError::Skew),
    }
}

/// Returns how the clients may have spelled the path and query when they signed it.
fn spellings(target: &str) -> Vec<String> {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let with_query = |path: String| match query {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    let form = query.map(percent::as_form).filter(|form| !form.is_empty());
    let mut spellings = vec![
        // As it travelled: most clients.
        target.to_owned(),
        // Decoded as a whole: the Python clients of rooms, and of identity under asyncio.
        percent::decode_lossy(target),
        // The query parsed and written again: JavaScript.
        match form {
            Some(form) => format!("{path}?{form}"),
            None => path.to_owned(),
        },
        // Ids encoded although they travel bare: call automation in Python under asyncio.
        with_query(encode_path(path, true)),
        with_query(encode_path(path, false)),
    ];
    // Signed before it was joined to an endpoint that ends in a slash.
    if let Some(rest) = target.strip_prefix("//") {
        spellings.push(format!("/{}", rest.trim_start_matches('/')));
    }
    let mut index = 0;
    while index < spellings.len() {
        match spellings[..index].contains(&spellings[index]) {
            true => drop(spellings.remove(index)),
            false => index += 1,
        }
    }
    spellings
}

/// Encodes the segments of a path; the colon before an action, as in `participants:add`, stays bare
/// when asked for.
fn encode_path(path: &str, keep_actions: bool) -> String {
    let segments: Vec<String> = path
        .split('/')
        .map(|segment| {
            let segment = percent::decode_lossy(segment);
            let action = segment.rsplit_once(':').filter(|(_, action)| {
                keep_actions && action.bytes().all(|byte| byte.is_ascii_alphabetic())
            });
            match action {
                Some((id, action)) => format!("{}:{action}", percent::encode(id, b"")),
                None => percent::encode(&segment, b""),
            }
        })
        .collect();
    segments.join("/")
}

const X_MS_CONTENT_SHA256: HeaderName = HeaderName::from_static("x-ms-content-sha256");
const X_MS_DATE: HeaderName = HeaderName::from_static("x-ms-date");
const X_MS_HOST: HeaderName = HeaderName::from_static("x-ms-host");

/// How far a client's clock may be off. A longer time lets a request that was overheard be sent again
/// for longer; a shorter one locks out machines whose clock is not synchronized.
const SKEW_LIMIT: Duration = Duration::from_secs(5 * 60);

#[cfg(test)]
mod tests;
