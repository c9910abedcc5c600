//! Made-up events, one of each type, to try receivers with.

use trunkline_chat::{
    ChatEvent, ChatEventKind, Member, Message, MessageContent, MessageId, Metadata,
    RetentionPolicy, ThreadHeader,
};
use trunkline_clock::Timestamp;
use trunkline_events::EventType;
use trunkline_ids::{CommunicationIdentifier, CommunicationUser, ResourceId, ThreadId};
use trunkline_storage::OtherEvent;

use crate::relay::catalogue;

/// Makes an entry of the log that gives an event of a type, and those that come with it.
pub(super) fn event(event_type: EventType, resource: &ResourceId, now: Timestamp) -> OtherEvent {
    let sample = Sample::new(resource, now);
    let kind = match event_type {
        EventType::ChatMessageDeleted | EventType::ChatMessageDeletedInThread => {
            let message = Message {
                content: MessageContent::Text(String::new()),
                deleted_on: Some(now),
                ..sample.message()
            };
            ChatEventKind::MessageDeleted(message)
        }
        EventType::ChatMessageEdited | EventType::ChatMessageEditedInThread => {
            ChatEventKind::MessageEdited(Message { edited_on: Some(now), ..sample.message() })
        }
        EventType::ChatMessageReceived | EventType::ChatMessageReceivedInThread => {
            ChatEventKind::MessageReceived(sample.message())
        }
        EventType::ChatParticipantAddedToThreadWithUser | EventType::ChatThreadParticipantAdded => {
            ChatEventKind::ParticipantsAdded { added: vec![sample.member(&sample.other)] }
        }
        EventType::ChatParticipantRemovedFromThreadWithUser
        | EventType::ChatThreadParticipantRemoved => {
            ChatEventKind::ParticipantsRemoved { removed: vec![sample.member(&sample.other)] }
        }
        EventType::ChatThreadCreated | EventType::ChatThreadCreatedWithUser => {
            let members = vec![sample.member(&sample.actor), sample.member(&sample.other)];
            ChatEventKind::ThreadCreated { thread: sample.header(), members }
        }
        EventType::ChatThreadDeleted | EventType::ChatThreadWithUserDeleted => {
            ChatEventKind::ThreadDeleted { by_policy: false }
        }
        EventType::ChatThreadPropertiesUpdated | EventType::ChatThreadPropertiesUpdatedPerUser => {
            ChatEventKind::ThreadPropertiesUpdated { thread: sample.header() }
        }
        EventType::UserDisconnected => {
            return catalogue::disconnection(&sample.actor, now, now);
        }
    };
    catalogue::pretended(&sample.told(kind))
}

/// A thread of two that is not there.
struct Sample {
    thread_id: ThreadId,
    actor: CommunicationIdentifier,
    other: CommunicationIdentifier,
    version: MessageId,
    now: Timestamp,
}

impl Sample {
    fn new(resource: &ResourceId, now: Timestamp) -> Self {
        let user = |digit: char| {
            let id = format!("00000000-0000-4000-8000-00000000000{digit}");
            let user = CommunicationUser::new(resource, &id);
            CommunicationIdentifier::CommunicationUser(user.expect("both parts are legal"))
        };
        let millis = u64::try_from(now.as_unix_micros() / 1_000).unwrap_or_default();
        Self {
            thread_id: "19:made-up@thread.v2".parse().expect("the text is visible ASCII"),
            actor: user('a'),
            other: user('b'),
            version: MessageId::from_millis(millis),
            now,
        }
    }

    fn told(&self, kind: ChatEventKind) -> ChatEvent {
        ChatEvent {
            thread_id: self.thread_id.clone(),
            version: self.version,
            time: self.now,
            actor: self.actor.clone(),
            recipients: vec![self.actor.clone(), self.other.clone()],
            kind,
        }
    }

    fn message(&self) -> Message {
        Message {
            id: self.version,
            thread_id: self.thread_id.clone(),
            sequence: 3,
            version: self.version,
            content: MessageContent::Text("made up to try a receiver".to_owned()),
            sender: Some(self.actor.clone()),
            sender_display_name: None,
            created_on: self.now,
            edited_on: None,
            deleted_on: None,
            metadata: Metadata::new(),
            client_message_id: None,
        }
    }

    fn member(&self, identifier: &CommunicationIdentifier) -> Member {
        Member {
            identifier: identifier.clone(),
            display_name: None,
            share_history_time: Timestamp::UNIX_EPOCH,
            metadata: Metadata::new(),
            joined_on: self.now,
        }
    }

    fn header(&self) -> ThreadHeader {
        ThreadHeader {
            id: self.thread_id.clone(),
            topic: "made up to try a receiver".to_owned(),
            created_on: self.now,
            created_by: self.actor.clone(),
            deleted_on: None,
            metadata: Metadata::new(),
            retention: RetentionPolicy::None,
            next_sequence: 4,
            last_version: self.version,
            last_message_received_on: Some(self.now),
        }
    }
}
