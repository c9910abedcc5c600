//! The documented events, and the two envelopes they travel in.

mod call;
mod chat;
mod data;
mod event_type;
mod id;
mod identifier;
mod identity;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use trunkline_clock::Timestamp;

use self::data::EventData;
pub use self::{
    call::{CallFacts, CallHappening, CallPerson, call_event},
    chat::{ChatEvents, chat_events},
    event_type::{EventType, UnknownEventType},
    id::EventId,
    identity::user_disconnected,
};

/// One event of the catalogue, not yet in an envelope. Borrows what it tells from its origin.
pub struct Event<'a> {
    id: EventId,
    event_type: EventType,
    subject: String,
    time: Timestamp,
    data: EventData<'a>,
}

impl Event<'_> {
    /// Returns the id: the same whenever the event is made again from the same origin.
    pub fn id(&self) -> EventId {
        self.id
    }

    /// Returns the type.
    pub fn event_type(&self) -> EventType {
        self.event_type
    }

    /// Returns the subject, a path that names the thread and the persons: `thread/…/sender/…`.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Returns when it happened.
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// Puts the event in an envelope.
    pub fn in_envelope(&self, schema: DeliverySchema, topic: &Topic) -> Notification {
        let event_type = self.event_type.as_str();
        let body = match schema {
            DeliverySchema::CloudEvents => serde_json::to_vec(&CloudEvent {
                specversion: "1.0",
                id: self.id,
                source: topic,
                event_type,
                subject: &self.subject,
                time: self.time,
                datacontenttype: "application/json",
                data: &self.data,
            }),
            DeliverySchema::EventGrid => serde_json::to_vec(&[EventGridEvent {
                id: self.id,
                topic,
                subject: &self.subject,
                event_type,
                event_time: self.time,
                data_version: DATA_VERSION,
                metadata_version: METADATA_VERSION,
                data: &self.data,
            }]),
        };
        let body = body.expect("envelopes have string keys only, and their values serialize");
        Notification { id: self.id, event_type: self.event_type, schema, body }
    }
}

impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("id", &self.id)
            .field("event_type", &self.event_type)
            .field("time", &self.time)
            .finish_non_exhaustive()
    }
}

/// An event in its envelope: what is posted, and kept as a dead letter if nobody takes it.
#[derive(Clone, Eq, PartialEq)]
pub struct Notification {
    id: EventId,
    event_type: EventType,
    schema: DeliverySchema,
    body: Vec<u8>,
}

impl Notification {
    /// Returns the id of the event.
    pub fn id(&self) -> EventId {
        self.id
    }

    /// Returns the type of the event.
    pub fn event_type(&self) -> EventType {
        self.event_type
    }

    /// Returns the schema of the envelope.
    pub fn schema(&self) -> DeliverySchema {
        self.schema
    }

    /// Returns the body to post: JSON.
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}

impl fmt::Debug for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notification")
            .field("id", &self.id)
            .field("event_type", &self.event_type)
            .field("schema", &self.schema)
            .field("body", &format_args!("<{} bytes>", self.body.len()))
            .finish()
    }
}

/// The envelope a subscription asked for.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
pub enum DeliverySchema {
    /// [CloudEvents 1.0](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md) in
    /// structured mode: one object.
    #[serde(rename = "CloudEventSchemaV1_0")]
    CloudEvents,
    /// The Event Grid schema: an array of one object.
    #[default]
    #[serde(rename = "EventGridSchema")]
    EventGrid,
}

impl DeliverySchema {
    /// Returns the name that subscriptions use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CloudEvents => "CloudEventSchemaV1_0",
            Self::EventGrid => "EventGridSchema",
        }
    }

    /// Returns the media type of the body.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::CloudEvents => "application/cloudevents+json; charset=utf-8",
            Self::EventGrid => "application/json; charset=utf-8",
        }
    }
}

impl fmt::Display for DeliverySchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where events come from: the path of the resource, as in
/// `/subscriptions/…/providers/Microsoft.Communication/communicationServices/…`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Topic(Box<str>);

/// Why a text is not a topic.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum ParseTopicError {
    /// It does not begin with `/`, or has something other than visible ASCII characters.
    #[error("topic is malformed: expected / and visible ASCII characters")]
    Malformed,
    /// It is longer than any topic may be.
    #[error("topic has {length_bytes} bytes, limit {limit_bytes}")]
    TooLong {
        /// The limit in bytes.
        limit_bytes: usize,
        /// The length in bytes that was given.
        length_bytes: usize,
    },
}

impl Topic {
    /// The longest topic accepted, in bytes.
    pub const LIMIT_BYTES: usize = 512;

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Topic {
    type Err = ParseTopicError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > Self::LIMIT_BYTES {
            let (limit_bytes, length_bytes) = (Self::LIMIT_BYTES, text.len());
            return Err(ParseTopicError::TooLong { limit_bytes, length_bytes });
        }
        if !text.starts_with('/') || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ParseTopicError::Malformed);
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl<'de> Deserialize<'de> for Topic {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The version of the data's schema, the same for all events of the catalogue.
pub const DATA_VERSION: &str = "1.0";
/// The version of the envelope's schema.
pub const METADATA_VERSION: &str = "1";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EventGridEvent<'a> {
    id: EventId,
    topic: &'a Topic,
    subject: &'a str,
    event_type: &'static str,
    event_time: Timestamp,
    data_version: &'static str,
    metadata_version: &'static str,
    data: &'a EventData<'a>,
}

/// Attribute names of CloudEvents are lower case without separators.
#[derive(Serialize)]
struct CloudEvent<'a> {
    specversion: &'static str,
    id: EventId,
    source: &'a Topic,
    #[serde(rename = "type")]
    event_type: &'static str,
    subject: &'a str,
    time: Timestamp,
    datacontenttype: &'static str,
    data: &'a EventData<'a>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_a_path_of_bounded_length() {
        assert!("/subscriptions/s/resourceGroups/g".parse::<Topic>().is_ok());
        for text in ["", "subscriptions", "/a b", "/ä", "/a\n"] {
            assert_eq!(text.parse::<Topic>(), Err(ParseTopicError::Malformed), "{text:?}");
        }
        let long = format!("/{}", "x".repeat(Topic::LIMIT_BYTES));
        assert_eq!(
            long.parse::<Topic>(),
            Err(ParseTopicError::TooLong { limit_bytes: 512, length_bytes: 513 })
        );
    }

    #[test]
    fn schemas_have_the_names_of_subscriptions() {
        for schema in [DeliverySchema::CloudEvents, DeliverySchema::EventGrid] {
            let json = serde_json::to_string(&schema).unwrap();
            assert_eq!(json, format!("\"{schema}\""));
            assert_eq!(serde_json::from_str::<DeliverySchema>(&json).unwrap(), schema);
        }
    }
}
