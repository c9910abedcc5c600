//! One attempt to deliver, and the handshakes before the first.

mod gates;
mod subscription_name;

use std::time::Duration;

use reqwest::{
    Method, Request,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER},
};
use thiserror::Error;
use trunkline_clock::Timestamp;

use self::gates::Gates;
pub use self::subscription_name::{ParseSubscriptionNameError, SubscriptionName};
use crate::{
    endpoint::Endpoint,
    outbound::{Outbound, OutboundError, whole, within},
    outcome::{Outcome, Unreachable},
    schema::{DATA_VERSION, METADATA_VERSION, Notification},
    signature::{ID_HEADER, SIGNATURE_HEADER, SigningKeys, TIMESTAMP_HEADER},
    validation::{Handshake, HandshakeError, ValidationEvent, WebhookOrigin},
};

/// Makes attempts.
///
/// An attempt ends within the deadline whatever the receiver does, and attempts at one endpoint wait
/// for each other only: a receiver that is slow holds up what is for itself, nobody else's. There is
/// no bound over all endpoints, because that would be one for the slow to fill.
#[derive(Debug)]
pub struct Deliverer {
    outbound: Outbound,
    limits: DeliveryLimits,
    gates: Gates,
}

/// How much an attempt may take.
#[derive(Clone, Copy, Debug)]
pub struct DeliveryLimits {
    /// How long an attempt may take, from the look-up of the name to the head of the answer. Longer,
    /// and slow receivers hold more connections; the original waits 30 seconds.
    pub deadline: Duration,
    /// How many attempts at one endpoint run at once; more wait. More is faster for a receiver far
    /// away, and a heavier blow for one that comes back after an outage.
    pub concurrency_per_endpoint: usize,
}

impl Default for DeliveryLimits {
    fn default() -> Self {
        Self { deadline: Duration::from_secs(30), concurrency_per_endpoint: 8 }
    }
}

/// What to deliver, and where.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// Where.
    pub endpoint: &'a Endpoint,
    /// What.
    pub notification: &'a Notification,
    /// The subscription that wants it.
    pub subscription_name: &'a SubscriptionName,
    /// How many attempts there were before: 0 at first.
    pub delivery_count: u32,
    /// What to sign with.
    pub keys: &'a SigningKeys,
    /// The time to sign: when the attempt is made.
    pub sent_on: Timestamp,
}

/// Why an endpoint is not validated.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum ValidateError {
    /// The endpoint answered otherwise.
    #[error(transparent)]
    Answer(#[from] HandshakeError),
    /// The endpoint did not answer.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
}

impl Deliverer {
    /// Delivers by a client.
    pub fn new(outbound: Outbound, limits: DeliveryLimits) -> Self {
        let gates = Gates::new(limits.concurrency_per_endpoint);
        Self { outbound, limits, gates }
    }

    /// Makes one attempt: first waits until fewer attempts at the endpoint run than may, which does
    /// not count against the deadline.
    ///
    /// Redirects are not followed: who answered for the endpoint in the handshake did not answer for
    /// another place. The status decides; the body of the answer is not read for what it says.
    ///
    /// Dropping the future gives the attempt up; the receiver may have got it all the same.
    pub async fn deliver(&self, attempt: Attempt<'_>) -> Outcome {
        let _pass = self.gates.enter(attempt.endpoint).await;
        let outcome = match within(self.limits.deadline, self.post(attempt)).await {
            Ok(outcome) => outcome,
            Err(error) => outcome_of(error),
        };
        tracing::debug!(
            subscription = %attempt.subscription_name,
            endpoint = %attempt.endpoint,
            event = %attempt.notification.id(),
            event_type = %attempt.notification.event_type(),
            delivery_count = attempt.delivery_count,
            %outcome,
            "attempted"
        );
        outcome
    }

    /// Asks an endpoint of the Event Grid schema whether it wants the events.
    ///
    /// # Errors
    ///
    /// Says why it is not validated.
    pub async fn validate_event_grid(
        &self,
        endpoint: &Endpoint,
        subscription_name: &SubscriptionName,
        event: &ValidationEvent<'_>,
    ) -> Result<Handshake, ValidateError> {
        let mut request = Request::new(Method::POST, endpoint.url().clone());
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        headers.insert(EVENT_TYPE, HeaderValue::from_static("SubscriptionValidation"));
        headers.insert(SUBSCRIPTION_NAME, subscription_name.into());
        *request.body_mut() = Some(event.body().into());
        let exchange = async {
            let response = self.outbound.send(endpoint, request).await?;
            whole(response, HANDSHAKE_BODY_LIMIT_BYTES).await
        };
        let _pass = self.gates.enter(endpoint).await;
        let answer = within(self.limits.deadline, exchange).await?;
        Ok(event.read_answer(answer.status, &answer.body)?)
    }

    /// Asks an endpoint of the CloudEvents schema whether it wants the events.
    ///
    /// # Errors
    ///
    /// Says why it is not validated.
    pub async fn validate_cloud_events(
        &self,
        endpoint: &Endpoint,
        origin: &WebhookOrigin,
    ) -> Result<Handshake, ValidateError> {
        let mut request = Request::new(Method::OPTIONS, endpoint.url().clone());
        let value = HeaderValue::from_str(origin.as_str());
        let value = value.expect("origins are ASCII letters, digits, hyphens and points");
        request.headers_mut().insert(REQUEST_ORIGIN, value);
        let _pass = self.gates.enter(endpoint).await;
        let sending = self.outbound.send(endpoint, request);
        let response = within(self.limits.deadline, sending).await?;
        // A header with anything but visible ASCII is as good as none.
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let (allowed, rate) = (header(ALLOWED_ORIGIN), header(ALLOWED_RATE));
        Ok(origin.read_answer(response.status().as_u16(), allowed, rate)?)
    }

    async fn post(&self, attempt: Attempt<'_>) -> Result<Outcome, OutboundError> {
        let mut request = Request::new(Method::POST, attempt.endpoint.url().clone());
        *request.headers_mut() = headers(attempt);
        *request.body_mut() = Some(attempt.notification.body().to_vec().into());
        let response = self.outbound.send(attempt.endpoint, request).await?;
        let retry_after = response.headers().get(RETRY_AFTER).and_then(seconds);
        let outcome = Outcome::of_status(response.status().as_u16(), retry_after);
        // A body that is short and there at once is read, so that the connection can be used again;
        // from any other the connection is closed.
        let rest = whole(response, DRAIN_LIMIT_BYTES);
        let _ = tokio::time::timeout(DRAIN_TIME, rest).await;
        Ok(outcome)
    }
}

fn outcome_of(error: OutboundError) -> Outcome {
    match error {
        OutboundError::Refused(error) => Outcome::Refused(error),
        OutboundError::TimedOut { after } => Outcome::TimedOut { after },
        OutboundError::Unreachable(reason) => Outcome::Unreachable(reason),
        // An attempt follows no redirect and needs no body, so that these do not come about.
        OutboundError::Redirect(_)
        | OutboundError::TooLong { .. }
        | OutboundError::TooManyRedirects { .. } => Outcome::Unreachable(Unreachable::Broken),
    }
}

fn headers(attempt: Attempt<'_>) -> HeaderMap {
    let notification = attempt.notification;
    let id = notification.id().to_string();
    let signature = attempt.keys.sign(&id, attempt.sent_on, notification.body());
    let seconds = attempt.sent_on.as_unix_seconds();
    let text = |text: &str| HeaderValue::from_str(text).expect("ids and Base64 are visible ASCII");
    let mut headers = HeaderMap::new();
    let content_type = HeaderValue::from_static(notification.schema().content_type());
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(EVENT_TYPE, HeaderValue::from_static("Notification"));
    headers.insert(SUBSCRIPTION_NAME, attempt.subscription_name.into());
    headers.insert(DELIVERY_COUNT, attempt.delivery_count.into());
    headers.insert(DATA_VERSION_HEADER, HeaderValue::from_static(DATA_VERSION));
    headers.insert(METADATA_VERSION_HEADER, HeaderValue::from_static(METADATA_VERSION));
    headers.insert(ID_HEADER, text(&id));
    headers.insert(TIMESTAMP_HEADER, seconds.into());
    let mut signature = text(&signature);
    signature.set_sensitive(true);
    headers.insert(SIGNATURE_HEADER, signature);
    headers
}

/// Reads the form of `Retry-After` that is a number of seconds; the one that is a date is not used.
fn seconds(value: &HeaderValue) -> Option<Duration> {
    value.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

const EVENT_TYPE: HeaderName = HeaderName::from_static("aeg-event-type");
const SUBSCRIPTION_NAME: HeaderName = HeaderName::from_static("aeg-subscription-name");
const DELIVERY_COUNT: HeaderName = HeaderName::from_static("aeg-delivery-count");
const DATA_VERSION_HEADER: HeaderName = HeaderName::from_static("aeg-data-version");
const METADATA_VERSION_HEADER: HeaderName = HeaderName::from_static("aeg-metadata-version");
const REQUEST_ORIGIN: HeaderName = HeaderName::from_static("webhook-request-origin");
const ALLOWED_ORIGIN: HeaderName = HeaderName::from_static("webhook-allowed-origin");
const ALLOWED_RATE: HeaderName = HeaderName::from_static("webhook-allowed-rate");

/// The answer to a handshake is a code in braces; frameworks add little to it.
const HANDSHAKE_BODY_LIMIT_BYTES: usize = 16 * 1_024;

/// What is read of an answer that says nothing, to use its connection again: more bytes or time, and
/// a chatty receiver takes longer than a handshake anew would.
const DRAIN_LIMIT_BYTES: usize = 16 * 1_024;
const DRAIN_TIME: Duration = Duration::from_millis(250);
