//! The handshakes by which an endpoint shows that it wants the events: what to ask, how to read the
//! answer.
//!
//! Without them a subscription would be a way to have us post to anybody. An endpoint of the Event
//! Grid schema gets an event with a code, and answers with the code or has somebody open a URL; one
//! of the CloudEvents schema is asked with `OPTIONS`, as
//! [HTTP 1.1 Web Hooks for Event Delivery §4](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/http-webhook.md#4-abuse-protection)
//! says.

use std::{fmt, str::FromStr, time::Duration};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use trunkline_clock::Timestamp;
use uuid::Uuid;

use crate::{
    endpoint::Endpoint,
    schema::{EventId, METADATA_VERSION, Topic},
};

/// The secret that an endpoint has to give back.
#[derive(Clone, Copy, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct ValidationCode(Uuid);

/// Says that a text is not a validation code.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("not a validation code: expected a UUID")]
pub struct ParseValidationCodeError;

impl ValidationCode {
    /// Makes the code of 16 bytes that the caller drew at random.
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(uuid::Builder::from_random_bytes(bytes).into_uuid())
    }

    /// Returns the code as it is sent.
    pub fn expose(&self) -> String {
        self.0.to_string()
    }

    /// Compares in constant time.
    fn is(&self, other: Self) -> bool {
        verify_slices_are_equal(self.0.as_bytes(), other.0.as_bytes()).is_ok()
    }
}

impl FromStr for ValidationCode {
    type Err = ParseValidationCodeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_| ParseValidationCodeError)
    }
}

impl fmt::Debug for ValidationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ValidationCode(<redacted>)")
    }
}

/// What the handshake of the Event Grid schema asks.
#[derive(Clone, Debug)]
pub struct ValidationEvent<'a> {
    /// Names the event.
    pub id: EventId,
    /// The resource whose events are wanted.
    pub topic: &'a Topic,
    /// When it is asked.
    pub time: Timestamp,
    /// The code to give back.
    pub code: ValidationCode,
    /// Where somebody may confirm by hand; holds a secret.
    pub validation_url: Option<&'a Endpoint>,
}

impl ValidationEvent<'_> {
    /// Returns the body to post: an array of one event.
    pub fn body(&self) -> Vec<u8> {
        let event = [ValidationEnvelope {
            id: self.id,
            topic: self.topic,
            subject: "",
            data: ValidationData {
                validation_code: self.code.expose(),
                validation_url: self.validation_url.map(Endpoint::expose),
            },
            event_type: SUBSCRIPTION_VALIDATION,
            event_time: self.time,
            metadata_version: METADATA_VERSION,
            data_version: "2",
        }];
        serde_json::to_vec(&event).expect("it has string keys only, and its values serialize")
    }

    /// Reads the answer.
    ///
    /// # Errors
    ///
    /// Says why the endpoint has not shown that it wants the events.
    pub fn read_answer(&self, status: u16, body: &[u8]) -> Result<Handshake, HandshakeError> {
        if status != 200 {
            return Err(HandshakeError::Status { status });
        }
        let answer: Result<ValidationAnswer, _> = serde_json::from_slice(body);
        match answer.ok().and_then(|answer| answer.validation_response) {
            Some(code) => match code.parse::<ValidationCode>() {
                Ok(code) if code.is(self.code) => Ok(Handshake::Validated { rate: None }),
                Ok(_) | Err(_) => Err(HandshakeError::WrongCode),
            },
            None if self.validation_url.is_some() => Ok(Handshake::AwaitsManualAction),
            None => Err(HandshakeError::NoCode),
        }
    }
}

/// Who asks in the handshake of CloudEvents: a DNS name, by default the one that handlers written for
/// the original expect, because many answer with it and not with what they were asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WebhookOrigin(Box<str>);

/// Says that a text is not an origin.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("not a webhook origin: expected a DNS name")]
pub struct ParseWebhookOriginError;

impl WebhookOrigin {
    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads the answer to `OPTIONS` from its status and two headers.
    ///
    /// # Errors
    ///
    /// Says why the endpoint has not shown that it wants the events.
    pub fn read_answer(
        &self,
        status: u16,
        allowed_origin: Option<&str>,
        allowed_rate: Option<&str>,
    ) -> Result<Handshake, HandshakeError> {
        if !(200..=299).contains(&status) {
            return Err(HandshakeError::Status { status });
        }
        let Some(allowed) = allowed_origin.map(str::trim) else {
            return Err(HandshakeError::NoAllowedOrigin);
        };
        if allowed != "*" && !allowed.eq_ignore_ascii_case(&self.0) {
            return Err(HandshakeError::WrongOrigin);
        }
        let rate = match allowed_rate.map(str::trim) {
            None | Some("*") => None,
            Some(rate) => match rate.parse() {
                Ok(0) | Err(_) => return Err(HandshakeError::MalformedRate),
                Ok(per_minute) => Some(AllowedRate { per_minute }),
            },
        };
        Ok(Handshake::Validated { rate })
    }
}

impl Default for WebhookOrigin {
    fn default() -> Self {
        Self("eventgrid.azure.net".into())
    }
}

impl FromStr for WebhookOrigin {
    type Err = ParseWebhookOriginError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
        let is_fit = (1..=253).contains(&text.len()) && text.bytes().all(is_allowed);
        if is_fit { Ok(Self(text.into())) } else { Err(ParseWebhookOriginError) }
    }
}

/// How many notifications an endpoint grants in a minute.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AllowedRate {
    /// The number, not zero.
    pub per_minute: u32,
}

/// How far a handshake has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Handshake {
    /// The endpoint took the question and did not give the code: somebody may still confirm by hand.
    AwaitsManualAction,
    /// The endpoint wants the events.
    Validated {
        /// How many it wants, if it said.
        rate: Option<AllowedRate>,
    },
}

/// Why an endpoint has not shown that it wants the events.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum HandshakeError {
    /// The rate is not a number of notifications per minute.
    #[error("WebHook-Allowed-Rate is neither a number from 1 nor *")]
    MalformedRate,
    /// The answer does not say who may send.
    #[error("answer has no WebHook-Allowed-Origin")]
    NoAllowedOrigin,
    /// The answer does not give the code back, and nobody may confirm by hand.
    #[error("answer has no validationResponse")]
    NoCode,
    /// The answer's status does not grant it.
    #[error("answer has status {status}")]
    Status {
        /// The status.
        status: u16,
    },
    /// The answer gives another code back.
    #[error("validationResponse is not the code that was sent")]
    WrongCode,
    /// The answer lets somebody else send.
    #[error("WebHook-Allowed-Origin is neither * nor the origin that asked")]
    WrongOrigin,
}

/// A validation that somebody may still confirm by hand.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingValidation {
    code: ValidationCode,
    expires_on: Timestamp,
}

/// Why a confirmation by hand is refused.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum ConfirmError {
    /// It came too late.
    #[error("validation expired on {expires_on}")]
    Expired {
        /// When its time was over.
        expires_on: Timestamp,
    },
    /// It has another code.
    #[error("code is not the one that was sent")]
    WrongCode,
}

impl PendingValidation {
    /// How long somebody has to confirm.
    pub const TIME_TO_CONFIRM: Duration = Duration::from_secs(600);

    /// Waits for the code to come back by hand, from now on.
    pub fn new(now: Timestamp, code: ValidationCode) -> Self {
        Self { code, expires_on: now + Self::TIME_TO_CONFIRM }
    }

    /// Takes the code that came with the validation URL.
    ///
    /// # Errors
    ///
    /// Says why the subscription stays as it is.
    pub fn confirm(&self, now: Timestamp, code: ValidationCode) -> Result<(), ConfirmError> {
        if !code.is(self.code) {
            return Err(ConfirmError::WrongCode);
        }
        if now > self.expires_on {
            return Err(ConfirmError::Expired { expires_on: self.expires_on });
        }
        Ok(())
    }

    /// Returns when the validation has failed if nobody confirmed.
    pub fn expires_on(&self) -> Timestamp {
        self.expires_on
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ValidationEnvelope<'a> {
    id: EventId,
    topic: &'a Topic,
    subject: &'static str,
    data: ValidationData<'a>,
    event_type: &'static str,
    event_time: Timestamp,
    metadata_version: &'static str,
    data_version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ValidationData<'a> {
    validation_code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    validation_url: Option<&'a str>,
}

/// Handlers of several languages write the member with a capital letter, and the original takes it.
#[derive(Deserialize)]
struct ValidationAnswer {
    #[serde(rename = "validationResponse", alias = "ValidationResponse")]
    validation_response: Option<String>,
}

const SUBSCRIPTION_VALIDATION: &str = "Microsoft.EventGrid.SubscriptionValidationEvent";

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const CODE: &str = "2d1781af-3a4c-4d7c-bd0c-e34b19da4e66";

    fn event<'a>(topic: &'a Topic, validation_url: Option<&'a Endpoint>) -> ValidationEvent<'a> {
        ValidationEvent {
            id: EventId::from_uuid_bytes([1; 16]),
            topic,
            time: Timestamp::from_unix_seconds(1_700_000_000),
            code: CODE.parse().unwrap(),
            validation_url,
        }
    }

    #[test]
    fn the_event_is_the_documented_one() {
        let topic = "/subscriptions/s".parse().unwrap();
        let url = "https://exchange.example/validate?code=x".parse().unwrap();
        let body: Value = serde_json::from_slice(&event(&topic, Some(&url)).body()).unwrap();
        let expected = json!([{
            "id": "01010101-0101-8101-8101-010101010101",
            "topic": "/subscriptions/s",
            "subject": "",
            "data": {
                "validationCode": CODE,
                "validationUrl": "https://exchange.example/validate?code=x",
            },
            "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
            "eventTime": "2023-11-14T22:13:20Z",
            "metadataVersion": "1",
            "dataVersion": "2",
        }]);
        assert_eq!(body, expected);
    }

    #[test]
    fn answers_to_the_event_are_read() {
        let topic = "/s".parse().unwrap();
        let url = "https://exchange.example/validate".parse().unwrap();
        let validated = Ok(Handshake::Validated { rate: None });
        let other = r#"{"validationResponse":"00000000-3a4c-4d7c-bd0c-e34b19da4e66"}"#;
        let cases = [
            (200, format!(r#"{{"validationResponse":"{CODE}"}}"#), validated),
            (200, format!(r#"{{"ValidationResponse":"{}"}}"#, CODE.to_uppercase()), validated),
            (200, format!(r#"{{"validationResponse":"{CODE}","more":[1]}}"#), validated),
            (202, format!(r#"{{"validationResponse":"{CODE}"}}"#), status(202)),
            (404, format!(r#"{{"validationResponse":"{CODE}"}}"#), status(404)),
            (200, other.to_owned(), Err(HandshakeError::WrongCode)),
            (200, r#"{"validationResponse":"x"}"#.to_owned(), Err(HandshakeError::WrongCode)),
            (200, "{}".to_owned(), Err(HandshakeError::NoCode)),
            (200, "[".to_owned(), Err(HandshakeError::NoCode)),
            (200, "[".repeat(100_000), Err(HandshakeError::NoCode)),
            (200, String::new(), Err(HandshakeError::NoCode)),
        ];
        for (status, body, expected) in cases {
            let answer = event(&topic, None).read_answer(status, body.as_bytes());
            assert_eq!(answer, expected, "{body:.60}");
        }
        let answer = event(&topic, Some(&url)).read_answer(200, b"OK");
        assert_eq!(answer, Ok(Handshake::AwaitsManualAction));
    }

    fn status(status: u16) -> Result<Handshake, HandshakeError> {
        Err(HandshakeError::Status { status })
    }

    #[test]
    fn answers_to_options_are_read() {
        let origin = WebhookOrigin::default();
        let rate = |per_minute| Ok(Handshake::Validated { rate: Some(AllowedRate { per_minute }) });
        let validated = Ok(Handshake::Validated { rate: None });
        let cases = [
            (200, Some("eventgrid.azure.net"), None, validated),
            (204, Some(" EventGrid.Azure.net "), Some("*"), validated),
            (200, Some("*"), Some("120"), rate(120)),
            (200, Some("*"), Some("0"), Err(HandshakeError::MalformedRate)),
            (200, Some("*"), Some("-1"), Err(HandshakeError::MalformedRate)),
            (200, Some("evil.example"), None, Err(HandshakeError::WrongOrigin)),
            (200, Some(""), None, Err(HandshakeError::WrongOrigin)),
            (200, None, Some("*"), Err(HandshakeError::NoAllowedOrigin)),
            (405, Some("*"), None, status(405)),
            (302, Some("*"), None, status(302)),
        ];
        for (status, allowed, rate, expected) in cases {
            assert_eq!(origin.read_answer(status, allowed, rate), expected, "{allowed:?} {rate:?}");
        }
    }

    #[test]
    fn a_code_confirms_within_its_time_and_no_other_does() {
        let now = Timestamp::from_unix_seconds(1_000);
        let code = ValidationCode::from_random([7; 16]);
        let pending = PendingValidation::new(now, code);
        let later = |seconds| now + Duration::from_secs(seconds);
        assert_eq!(pending.confirm(later(600), code), Ok(()));
        let expired = Err(ConfirmError::Expired { expires_on: later(600) });
        assert_eq!(pending.confirm(later(601), code), expired);
        let other = ValidationCode::from_random([8; 16]);
        assert_eq!(pending.confirm(now, other), Err(ConfirmError::WrongCode));
        assert_eq!(pending.confirm(later(601), other), Err(ConfirmError::WrongCode));
    }

    #[test]
    fn codes_are_not_shown() {
        let code = ValidationCode::from_random([7; 16]);
        let pending = PendingValidation::new(Timestamp::UNIX_EPOCH, code);
        assert!(!format!("{pending:?}").contains("0707"));
    }
}
