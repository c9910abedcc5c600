//! The `data` of each event, member by member as the published schema names them.

use serde::Serialize;
use trunkline_chat::{Member, Metadata};
use trunkline_clock::Timestamp;
use trunkline_ids::{CommunicationIdentifier, DisplayName};

use super::identifier::IdentifierModel;

/// What an event tells. An event per recipient and one per thread differ only in whether there is a
/// recipient, and in the ids as plain text that the published examples have beside the identifiers of
/// most events per recipient.
#[derive(Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub(super) enum EventData<'a> {
    Call(CallFields<'a>),
    CallEnded {
        #[serde(flatten)]
        call: CallFields<'a>,
        /// In seconds.
        duration_of_call: f64,
        call_duration_in_seconds: f64,
        reason: CallReason<'a>,
    },
    CallParticipant {
        #[serde(flatten)]
        call: CallFields<'a>,
        user: CallParticipant<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        display_name: Option<&'a str>,
        participant_id: &'a str,
    },
    MessageDeleted {
        #[serde(flatten)]
        message: MessageFields<'a>,
        delete_time: Timestamp,
    },
    MessageEdited {
        #[serde(flatten)]
        message: MessageFields<'a>,
        message_body: &'a str,
        metadata: &'a Metadata,
        edit_time: Timestamp,
    },
    MessageReceived {
        #[serde(flatten)]
        message: MessageFields<'a>,
        message_body: &'a str,
        metadata: &'a Metadata,
    },
    ParticipantAdded {
        #[serde(flatten)]
        thread: ThreadFields<'a>,
        time: Timestamp,
        added_by_communication_identifier: IdentifierModel<'a>,
        participant_added: Participant<'a>,
    },
    ParticipantRemoved {
        #[serde(flatten)]
        thread: ThreadFields<'a>,
        time: Timestamp,
        removed_by_communication_identifier: IdentifierModel<'a>,
        participant_removed: Participant<'a>,
    },
    ThreadCreated {
        #[serde(flatten)]
        thread: ThreadFields<'a>,
        #[serde(flatten)]
        plain: Option<PlainCreation<'a>>,
        created_by_communication_identifier: IdentifierModel<'a>,
        properties: Properties<'a>,
        metadata: &'a Metadata,
        participants: Vec<Participant<'a>>,
    },
    ThreadDeleted {
        #[serde(flatten)]
        thread: ThreadFields<'a>,
        #[serde(flatten)]
        plain: Option<PlainDeletion<'a>>,
        deleted_by_communication_identifier: IdentifierModel<'a>,
        delete_time: Timestamp,
    },
    ThreadPropertiesUpdated {
        #[serde(flatten)]
        thread: ThreadFields<'a>,
        #[serde(flatten)]
        plain: Option<PlainEdit<'a>>,
        edited_by_communication_identifier: IdentifierModel<'a>,
        edit_time: Timestamp,
        metadata: &'a Metadata,
        properties: Properties<'a>,
    },
    UserDisconnected {
        user_communication_identifier: IdentifierModel<'a>,
    },
}

/// What all events of a call have.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CallFields<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) started_by: Option<CallParticipant<'a>>,
    pub(super) server_call_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) group: Option<Named<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) room: Option<Named<'a>>,
    pub(super) is_two_party: bool,
    pub(super) correlation_id: &'a str,
    pub(super) is_rooms_call: bool,
}

/// A participant: the published model has the identifier in a member of its own, the published
/// examples have its members beside that.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CallParticipant<'a> {
    #[serde(flatten)]
    beside: IdentifierModel<'a>,
    communication_identifier: IdentifierModel<'a>,
}

impl<'a> From<&'a CommunicationIdentifier> for CallParticipant<'a> {
    fn from(identifier: &'a CommunicationIdentifier) -> Self {
        let model = IdentifierModel(identifier);
        Self { beside: model, communication_identifier: model }
    }
}

#[derive(Clone, Copy, Serialize)]
pub(super) struct Named<'a> {
    pub(super) id: &'a str,
}

/// Why a call ended; the published model writes `subcode` so.
#[derive(Serialize)]
pub(super) struct CallReason<'a> {
    pub(super) code: u16,
    pub(super) subcode: u32,
    pub(super) phrase: &'a str,
}

/// What all events of a chat have.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChatFields<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) recipient_communication_identifier: Option<IdentifierModel<'a>>,
    pub(super) transaction_id: String,
    pub(super) thread_id: &'a str,
    /// Epoch milliseconds: below 2^53, so that a double holds it.
    pub(super) version: u64,
}

/// What all events about one message have.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MessageFields<'a> {
    #[serde(flatten)]
    pub(super) chat: ChatFields<'a>,
    #[serde(flatten)]
    pub(super) plain: Option<PlainMessage<'a>>,
    pub(super) message_id: String,
    pub(super) sender_communication_identifier: IdentifierModel<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sender_display_name: Option<&'a DisplayName>,
    pub(super) compose_time: Timestamp,
    #[serde(rename = "type")]
    pub(super) message_type: &'static str,
}

/// What all events about the thread itself have.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ThreadFields<'a> {
    #[serde(flatten)]
    pub(super) chat: ChatFields<'a>,
    pub(super) create_time: Timestamp,
}

/// Who wrote a message and who is told of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PlainMessage<'a> {
    pub(super) sender_id: &'a CommunicationIdentifier,
    pub(super) recipient_id: &'a CommunicationIdentifier,
}

/// Who made a thread, who is in it, and who is told of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PlainCreation<'a> {
    pub(super) created_by: &'a CommunicationIdentifier,
    pub(super) members: Vec<PlainMember<'a>>,
    pub(super) recipient_id: &'a CommunicationIdentifier,
}

/// Who deleted a thread and who is told of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PlainDeletion<'a> {
    pub(super) deleted_by: &'a CommunicationIdentifier,
    pub(super) recipient_id: &'a CommunicationIdentifier,
}

/// Who changed a thread and who is told of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PlainEdit<'a> {
    pub(super) edited_by: &'a CommunicationIdentifier,
    pub(super) recipient_id: &'a CommunicationIdentifier,
}

/// A participant as text.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PlainMember<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<&'a DisplayName>,
    member_id: &'a CommunicationIdentifier,
}

impl<'a> From<&'a Member> for PlainMember<'a> {
    fn from(member: &'a Member) -> Self {
        Self { display_name: member.display_name.as_ref(), member_id: &member.identifier }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Participant<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<&'a DisplayName>,
    participant_communication_identifier: IdentifierModel<'a>,
    metadata: &'a Metadata,
}

impl<'a> From<&'a Member> for Participant<'a> {
    fn from(member: &'a Member) -> Self {
        Self {
            display_name: member.display_name.as_ref(),
            participant_communication_identifier: IdentifierModel(&member.identifier),
            metadata: &member.metadata,
        }
    }
}

/// The properties of a thread, of which the published examples show the topic alone.
#[derive(Serialize)]
pub(super) struct Properties<'a> {
    pub(super) topic: &'a str,
}
