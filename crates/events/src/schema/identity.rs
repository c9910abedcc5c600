//! Events of identities.

use trunkline_clock::Timestamp;
use trunkline_ids::CommunicationIdentifier;

use super::{Event, EventId, EventType, data::EventData, identifier::IdentifierModel};

/// Tells that a user has no connection any more since a time.
pub fn user_disconnected(user: &CommunicationIdentifier, since: Timestamp) -> Event<'_> {
    let event_type = EventType::UserDisconnected;
    let (raw_id, micros) = (user.to_string(), since.as_unix_micros().to_string());
    Event {
        id: EventId::derive(&[event_type.as_str(), &raw_id, &micros]),
        event_type,
        subject: format!("user/{raw_id}"),
        time: since,
        data: EventData::UserDisconnected { user_communication_identifier: IdentifierModel(user) },
    }
}
