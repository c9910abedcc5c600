//! Events to the outside: the Event Grid schema, delivery with retry, the guard against foreign targets.
//!
//! An event of a chat becomes the events of the documented catalogue ([`chat_events`]), each of which
//! a subscription takes or not ([`SubscriptionFilter`]) and gets in one of two envelopes
//! ([`DeliverySchema`]). [`Deliverer`] makes one attempt and says what came of it ([`Outcome`]);
//! [`DeliveryProgress`] says when the next one is due, or why there is none. What is stored, and
//! whose turn it is, the caller decides: nothing here keeps a queue or reads a clock.

mod deliver;
mod endpoint;
mod filter;
mod guard;
mod outbound;
mod outcome;
mod retry;
mod schema;
pub mod signature;
mod validation;

pub use crate::{
    deliver::{
        Attempt, Deliverer, DeliveryLimits, ParseSubscriptionNameError, SubscriptionName,
        ValidateError,
    },
    endpoint::{Endpoint, ParseEndpointError},
    filter::{FilterError, FilterModel, SubscriptionFilter},
    guard::{AddressClass, Guard, GuardError, Loopback, Resolver, SystemResolver},
    outbound::{
        Answer, Outbound, OutboundConfig, OutboundError, OutboundLimits, OutboundSetupError,
        TrustRoots,
    },
    outcome::{Outcome, TlsFailure, Unreachable},
    retry::{DeadLetterReason, DeliveryProgress, Jitter, NextStep, RetryPolicy, RetryPolicyError},
    schema::{
        CallFacts, CallHappening, CallPerson, ChatEvents, DATA_VERSION, DeliverySchema, Event,
        EventId, EventType, METADATA_VERSION, Notification, ParseTopicError, Topic,
        UnknownEventType, call_event, chat_events, user_disconnected,
    },
    validation::{
        AllowedRate, ConfirmError, Handshake, HandshakeError, ParseValidationCodeError,
        ParseWebhookOriginError, PendingValidation, ValidationCode, ValidationEvent, WebhookOrigin,
    },
};
