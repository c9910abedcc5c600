//! The types of event that this exchange sends.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

macro_rules! event_types {
    ($($(#[$docs:meta])* $name:ident = $text:literal,)*) => {
        /// The types of event, with the names of the wire.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum EventType {
            $($(#[$docs])* $name,)*
        }

        impl EventType {
            /// Every type, in alphabetical order.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Returns the name of the wire.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => concat!("Microsoft.Communication.", $text),)*
                }
            }
        }
    };
}

event_types! {
    /// A call is over.
    CallEnded = "CallEnded",
    /// Somebody is in a call, having been added to it or having joined.
    CallParticipantAdded = "CallParticipantAdded",
    /// Somebody who was in a call is not any more.
    CallParticipantRemoved = "CallParticipantRemoved",
    /// A call began.
    CallStarted = "CallStarted",
    /// A message was deleted; one per recipient.
    ChatMessageDeleted = "ChatMessageDeleted",
    /// A message was deleted; one per thread.
    ChatMessageDeletedInThread = "ChatMessageDeletedInThread",
    /// A message was edited; one per recipient.
    ChatMessageEdited = "ChatMessageEdited",
    /// A message was edited; one per thread.
    ChatMessageEditedInThread = "ChatMessageEditedInThread",
    /// A message was sent; one per recipient.
    ChatMessageReceived = "ChatMessageReceived",
    /// A message was sent; one per thread.
    ChatMessageReceivedInThread = "ChatMessageReceivedInThread",
    /// A member came; one per recipient and member.
    ChatParticipantAddedToThreadWithUser = "ChatParticipantAddedToThreadWithUser",
    /// A member went; one per recipient and member.
    ChatParticipantRemovedFromThreadWithUser = "ChatParticipantRemovedFromThreadWithUser",
    /// A thread was created; one per thread.
    ChatThreadCreated = "ChatThreadCreated",
    /// A thread was created; one per recipient.
    ChatThreadCreatedWithUser = "ChatThreadCreatedWithUser",
    /// A thread was deleted; one per thread.
    ChatThreadDeleted = "ChatThreadDeleted",
    /// A member came; one per thread and member. The schema's title says
    /// `ChatParticipantAddedToThread`, the wire says this.
    ChatThreadParticipantAdded = "ChatThreadParticipantAdded",
    /// A member went; one per thread and member. The schema's title says
    /// `ChatParticipantRemovedFromThread`, the wire says this.
    ChatThreadParticipantRemoved = "ChatThreadParticipantRemoved",
    /// The properties of a thread were set; one per thread.
    ChatThreadPropertiesUpdated = "ChatThreadPropertiesUpdated",
    /// The properties of a thread were set; one per recipient.
    ChatThreadPropertiesUpdatedPerUser = "ChatThreadPropertiesUpdatedPerUser",
    /// A thread was deleted; one per recipient.
    ChatThreadWithUserDeleted = "ChatThreadWithUserDeleted",
    /// A user has no connection any more.
    UserDisconnected = "UserDisconnected",
}

/// Says that a text names no event type of this exchange.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("not an event type of this exchange")]
pub struct UnknownEventType;

impl FromStr for EventType {
    type Err = UnknownEventType;

    /// Reads the name of the wire, or what follows the prefix that all of them have.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.strip_prefix(PREFIX).unwrap_or(text);
        let mut all = Self::ALL.iter().copied();
        let is_named = |event_type: &Self| event_type.as_str().strip_prefix(PREFIX) == Some(name);
        all.find(is_named).ok_or(UnknownEventType)
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for EventType {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for EventType {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

const PREFIX: &str = "Microsoft.Communication.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_round_trip_and_stand_in_order() {
        for event_type in EventType::ALL {
            assert_eq!(event_type.as_str().parse(), Ok(*event_type));
            assert_eq!(event_type.as_str()[PREFIX.len()..].parse(), Ok(*event_type));
        }
        assert!(EventType::ALL.is_sorted_by_key(|event_type| event_type.as_str()));
        assert_eq!(
            "Microsoft.Communication.SMSReceived".parse::<EventType>(),
            Err(UnknownEventType)
        );
    }
}
