//! The signature of a notification: who sent it, when, and that nobody changed it.
//!
//! # Form
//!
//! Each attempt carries three headers, in the form of
//! [Standard Webhooks](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md),
//! so that a receiver can use any of its libraries:
//!
//! ```text
//! webhook-id: 6d5f3c1e-58a7-8c55-9e34-0f6f4f0a4b11     the id of the event, the same in each attempt
//! webhook-timestamp: 1700000000                        seconds since 1970, of this attempt
//! webhook-signature: v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=
//! ```
//!
//! A signature is `v1,` and the Base64 of the HMAC-SHA256, under the subscription's key, of
//! `<webhook-id>.<webhook-timestamp>.<body>`, the body byte for byte. While a key is being replaced
//! there are two signatures with a space between them, one by each key. A key is written
//! `whsec_` and the Base64 of its 24 to 64 bytes; the bytes, not the text, are the key.
//!
//! # What a receiver does
//!
//! 1. Refuse if the timestamp is more than five minutes away from its own clock.
//! 2. Compute the signature and compare it, in constant time, with each that is there; refuse if none
//!    is equal. Read the body as JSON only after that.
//! 3. Keep the id and timestamp for those five minutes. Refuse a timestamp that is not later than
//!    the last one of the same id: that is a replay, because each attempt is signed anew.
//! 4. Answer 200 and do nothing if it has dealt with the id before: delivery is at least once.
//!
//! [`Verifier`] does the first three.

use std::{collections::HashMap, fmt, str::FromStr, time::Duration};

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use trunkline_clock::Timestamp;

/// The header with the id of the event.
pub const ID_HEADER: &str = "webhook-id";
/// The header with the time of the attempt.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// The header with the signatures.
pub const SIGNATURE_HEADER: &str = "webhook-signature";

/// The secret that a subscription shares with its receiver.
#[derive(Clone)]
pub struct SigningKey {
    bytes: Box<[u8]>,
    key: hmac::Key,
}

/// Why a text is not a signing key; never repeats the text.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum SigningKeyError {
    /// It has too few or too many bytes.
    #[error("signing key has {length_bytes} bytes, expected {least_bytes} to {limit_bytes}")]
    Length {
        /// The fewest bytes.
        least_bytes: usize,
        /// The limit in bytes.
        limit_bytes: usize,
        /// The length in bytes that was given.
        length_bytes: usize,
    },
    /// It is not `whsec_` and Base64.
    #[error("signing key is malformed: expected whsec_ and Base64")]
    Malformed,
}

impl SigningKey {
    /// The fewest bytes of a key.
    pub const LEAST_BYTES: usize = 24;
    /// The most bytes of a key.
    pub const LIMIT_BYTES: usize = 64;

    /// Makes a key of bytes that the caller drew at random.
    ///
    /// # Errors
    ///
    /// Refuses too few bytes and too many.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SigningKeyError> {
        let (least_bytes, limit_bytes) = (Self::LEAST_BYTES, Self::LIMIT_BYTES);
        let length_bytes = bytes.len();
        if !(least_bytes..=limit_bytes).contains(&length_bytes) {
            return Err(SigningKeyError::Length { least_bytes, limit_bytes, length_bytes });
        }
        Ok(Self { bytes: bytes.into(), key: hmac::Key::new(hmac::HMAC_SHA256, bytes) })
    }

    /// Returns the text to hand to the receiver, once.
    pub fn expose(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.bytes))
    }
}

impl FromStr for SigningKey {
    type Err = SigningKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let base64 = text.strip_prefix(PREFIX).ok_or(SigningKeyError::Malformed)?;
        let bytes = STANDARD.decode(base64).map_err(|_| SigningKeyError::Malformed)?;
        Self::from_bytes(&bytes)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(<redacted>)")
    }
}

/// Writes the secret: for a store that encrypts it, never for an answer or a log.
impl Serialize for SigningKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.expose())
    }
}

impl<'de> Deserialize<'de> for SigningKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The keys that a subscription signs with: one, or two while a key is being replaced.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SigningKeys {
    /// The key.
    pub current: SigningKey,
    /// The key before it, until every receiver knows the new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<SigningKey>,
}

impl SigningKeys {
    /// Signs with one key.
    pub fn new(current: SigningKey) -> Self {
        Self { current, previous: None }
    }

    /// Returns the value of the signature header.
    pub fn sign(&self, id: &str, sent_on: Timestamp, body: &[u8]) -> String {
        let mut header = String::new();
        for key in std::iter::once(&self.current).chain(&self.previous) {
            let mut context = hmac::Context::with_key(&key.key);
            update(&mut context, id, sent_on.as_unix_seconds(), body);
            if !header.is_empty() {
                header.push(' ');
            }
            header.push_str(VERSION);
            STANDARD.encode_string(context.sign(), &mut header);
        }
        header
    }
}

/// The receiver's side: checks signatures and refuses replays.
#[derive(Debug)]
pub struct Verifier {
    keys: Vec<SigningKey>,
    tolerance: Duration,
    /// The last timestamp of each id, in seconds. Holds only what was signed by a key, and no longer
    /// than the tolerance.
    seen: HashMap<String, i64>,
}

/// Why a notification is not to be believed.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum SignatureError {
    /// A header is absent or malformed.
    #[error("header {name} is absent or malformed")]
    Header {
        /// The header.
        name: &'static str,
    },
    /// No signature is by a known key over this id, time and body.
    #[error("no signature is by a known key over this id, time and body")]
    Mismatch,
    /// The same attempt was seen before.
    #[error("notification was seen before")]
    Replayed,
    /// The timestamp is too far from the receiver's clock.
    #[error("timestamp is {away_seconds} s from this clock, limit {limit_seconds} s")]
    Skewed {
        /// How far it is away.
        away_seconds: u64,
        /// How far it may be away.
        limit_seconds: u64,
    },
}

/// The three headers as they came; an absent one is empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct SignatureHeaders<'a> {
    /// The value of [`ID_HEADER`].
    pub id: &'a str,
    /// The value of [`TIMESTAMP_HEADER`].
    pub timestamp: &'a str,
    /// The value of [`SIGNATURE_HEADER`].
    pub signature: &'a str,
}

impl Verifier {
    /// How far a timestamp may be away: long enough for clocks that nobody tends, short enough that
    /// the ids of the time fit in memory.
    pub const TOLERANCE: Duration = Duration::from_secs(300);

    /// Trusts the keys.
    pub fn new(keys: impl IntoIterator<Item = SigningKey>) -> Self {
        Self { keys: keys.into_iter().collect(), tolerance: Self::TOLERANCE, seen: HashMap::new() }
    }

    /// Checks one notification as it came.
    ///
    /// # Errors
    ///
    /// Says why it is not to be believed.
    pub fn check(
        &mut self,
        now: Timestamp,
        headers: SignatureHeaders<'_>,
        body: &[u8],
    ) -> Result<(), SignatureError> {
        let sent_on = self.check_time(now, headers)?;
        if !self.is_signed(headers, sent_on, body) {
            return Err(SignatureError::Mismatch);
        }
        let oldest = now.as_unix_seconds().saturating_sub(self.tolerance_seconds());
        self.seen.retain(|_, last| *last >= oldest);
        match self.seen.get(headers.id) {
            Some(last) if sent_on <= *last => Err(SignatureError::Replayed),
            Some(_) | None => {
                self.seen.insert(headers.id.to_owned(), sent_on);
                Ok(())
            }
        }
    }

    fn check_time(
        &self,
        now: Timestamp,
        headers: SignatureHeaders<'_>,
    ) -> Result<i64, SignatureError> {
        // A point in the id would let two different attempts sign alike.
        if headers.id.is_empty() || headers.id.contains('.') {
            return Err(SignatureError::Header { name: ID_HEADER });
        }
        let is_canonical = headers.timestamp.bytes().all(|byte| byte.is_ascii_digit());
        let sent_on: i64 = match headers.timestamp.parse() {
            Ok(sent_on) if is_canonical => sent_on,
            Ok(_) | Err(_) => return Err(SignatureError::Header { name: TIMESTAMP_HEADER }),
        };
        let away_seconds = now.as_unix_seconds().abs_diff(sent_on);
        let limit_seconds = self.tolerance.as_secs();
        if away_seconds > limit_seconds {
            return Err(SignatureError::Skewed { away_seconds, limit_seconds });
        }
        Ok(sent_on)
    }

    fn is_signed(&self, headers: SignatureHeaders<'_>, sent_on: i64, body: &[u8]) -> bool {
        let message = {
            let mut message = format!("{}.{sent_on}.", headers.id).into_bytes();
            message.extend_from_slice(body);
            message
        };
        let given = headers.signature.split(' ').take(SIGNATURE_LIMIT);
        let given = given.filter_map(|one| STANDARD.decode(one.strip_prefix(VERSION)?).ok());
        let given: Vec<Vec<u8>> = given.collect();
        self.keys
            .iter()
            .any(|key| given.iter().any(|tag| hmac::verify(&key.key, &message, tag).is_ok()))
    }

    fn tolerance_seconds(&self) -> i64 {
        i64::try_from(self.tolerance.as_secs()).unwrap_or(i64::MAX)
    }
}

fn update(context: &mut hmac::Context, id: &str, sent_on_seconds: i64, body: &[u8]) {
    context.update(format!("{id}.{sent_on_seconds}.").as_bytes());
    context.update(body);
}

const PREFIX: &str = "whsec_";
const VERSION: &str = "v1,";
/// The most signatures that are looked at: more than any sender has keys.
const SIGNATURE_LIMIT: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;

    fn key(fill: u8) -> SigningKey {
        SigningKey::from_bytes(&[fill; 32]).unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds)
    }

    fn headers<'a>(timestamp: &'a str, signature: &'a str) -> SignatureHeaders<'a> {
        SignatureHeaders { id: ID, timestamp, signature }
    }

    #[test]
    fn the_published_example_is_signed_alike() {
        let key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        let signature = SigningKeys::new(key).sign(ID, at(1_614_265_330), BODY);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn either_key_is_enough_while_one_is_replaced() {
        let keys = SigningKeys { current: key(1), previous: Some(key(2)) };
        let signature = keys.sign(ID, at(1_000), BODY);
        for known in [1, 2] {
            let mut verifier = Verifier::new([key(known)]);
            assert_eq!(verifier.check(at(1_000), headers("1000", &signature), BODY), Ok(()));
        }
        let mut verifier = Verifier::new([key(3)]);
        let refused = verifier.check(at(1_000), headers("1000", &signature), BODY);
        assert_eq!(refused, Err(SignatureError::Mismatch));
    }

    #[test]
    fn what_was_changed_on_the_way_is_refused() {
        let signature = SigningKeys::new(key(1)).sign(ID, at(1_000), BODY);
        let mut verifier = Verifier::new([key(1)]);
        let mut check = |headers, body| verifier.check(at(1_000), headers, body);
        assert_eq!(check(headers("1000", &signature), b"{}"), Err(SignatureError::Mismatch));
        assert_eq!(check(headers("1001", &signature), BODY), Err(SignatureError::Mismatch));
        let other_id = SignatureHeaders { id: "other", ..headers("1000", &signature) };
        assert_eq!(check(other_id, BODY), Err(SignatureError::Mismatch));
        for signature in ["", "v1,", "v1,AAAA", "v2,AAAA", &signature[3..], &signature[..20]] {
            assert_eq!(check(headers("1000", signature), BODY), Err(SignatureError::Mismatch));
        }
        for timestamp in ["", "x", "-1", "+1000", "1000 ", "1e3"] {
            let error = SignatureError::Header { name: TIMESTAMP_HEADER };
            assert_eq!(check(headers(timestamp, &signature), BODY), Err(error), "{timestamp:?}");
        }
        let no_id = SignatureHeaders { id: "", ..headers("1000", &signature) };
        assert_eq!(check(no_id, BODY), Err(SignatureError::Header { name: ID_HEADER }));
    }

    #[test]
    fn old_and_early_notifications_are_refused() {
        let keys = SigningKeys::new(key(1));
        let signature = keys.sign(ID, at(1_000), BODY);
        for (now, expected) in [
            (1_300, Ok(())),
            (700, Ok(())),
            (1_301, Err(SignatureError::Skewed { away_seconds: 301, limit_seconds: 300 })),
            (699, Err(SignatureError::Skewed { away_seconds: 301, limit_seconds: 300 })),
        ] {
            let mut verifier = Verifier::new([key(1)]);
            assert_eq!(verifier.check(at(now), headers("1000", &signature), BODY), expected);
        }
    }

    #[test]
    fn a_replay_is_refused_and_a_retry_is_not() {
        let keys = SigningKeys::new(key(1));
        let mut verifier = Verifier::new([key(1)]);
        let first = keys.sign(ID, at(1_000), BODY);
        let retry = keys.sign(ID, at(1_010), BODY);
        assert_eq!(verifier.check(at(1_000), headers("1000", &first), BODY), Ok(()));
        let replayed = Err(SignatureError::Replayed);
        assert_eq!(verifier.check(at(1_001), headers("1000", &first), BODY), replayed);
        assert_eq!(verifier.check(at(1_010), headers("1010", &retry), BODY), Ok(()));
        assert_eq!(verifier.check(at(1_011), headers("1000", &first), BODY), replayed);
        assert_eq!(verifier.check(at(1_310), headers("1010", &retry), BODY), replayed);
    }

    #[test]
    fn ids_are_forgotten_when_their_time_is_over() {
        let keys = SigningKeys::new(key(1));
        let mut verifier = Verifier::new([key(1)]);
        for second in 0..1_000 {
            let id = format!("id{second}");
            let signature = keys.sign(&id, at(second), BODY);
            let timestamp = second.to_string();
            let headers =
                SignatureHeaders { id: &id, timestamp: &timestamp, signature: &signature };
            assert_eq!(verifier.check(at(second), headers, BODY), Ok(()));
        }
        assert_eq!(verifier.seen.len(), 301);
    }

    #[test]
    fn keys_round_trip_and_are_not_shown() {
        let key = key(7);
        assert_eq!(key.expose().parse::<SigningKey>().unwrap().bytes, key.bytes);
        assert_eq!(format!("{:?}", SigningKeys::new(key)).matches("redacted").count(), 1);
        assert_eq!("secret".parse::<SigningKey>().unwrap_err(), SigningKeyError::Malformed);
        assert_eq!("whsec_?".parse::<SigningKey>().unwrap_err(), SigningKeyError::Malformed);
        let length = SigningKeyError::Length { least_bytes: 24, limit_bytes: 64, length_bytes: 3 };
        assert_eq!("whsec_AAAA".parse::<SigningKey>().unwrap_err(), length);
    }
}
