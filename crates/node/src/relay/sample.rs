//! Made-up events, one of each type, to try receivers with.

use trunkline_api::convert;
use trunkline_chat::{
    ChatEvent, ChatEventKind, Member, Message, MessageContent, MessageId, Metadata,
    RetentionPolicy, ThreadHeader,
};
use trunkline_clock::Timestamp;
use trunkline_events::EventType;
use trunkline_ids::{
    CallId, CommunicationIdentifier, CommunicationUser, GroupId, ParticipantId, ResourceId,
    ThreadId,
};
use trunkline_proto::calling::v1::{self as wire, call_event::Kind};
use trunkline_proto::events::v1::{CallOccurrence, call_occurrence};
use trunkline_reasons::EndReason;
use trunkline_storage::OtherEvent;

use crate::relay::{Occurrence, catalogue};

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
        EventType::CallEnded => {
            let ended = wire::CallEnded { reason: Some(convert::end_reason(EndReason::HUNG_UP)) };
            return sample.of_call(Occurrence::Ended, Kind::CallEnded(ended));
        }
        EventType::CallParticipantAdded => {
            let participant = Some(sample.participant());
            let added = wire::ParticipantAdded { participant };
            return sample.of_call(Occurrence::Joined, Kind::ParticipantAdded(added));
        }
        EventType::CallParticipantRemoved => {
            let removed = wire::ParticipantRemoved {
                participant_id: sample.participant().participant_id,
                reason: Some(convert::end_reason(EndReason::HUNG_UP)),
            };
            return sample.of_call(Occurrence::Left, Kind::ParticipantRemoved(removed));
        }
        EventType::CallStarted => {
            let kind = wire::CallKind::Group.into();
            let started = wire::CallStarted { kind, thread_id: sample.thread_id.to_string() };
            return sample.of_call(Occurrence::Started, Kind::CallStarted(started));
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
            actor_display_name: None,
            recipients: vec![self.actor.clone(), self.other.clone()],
            kind,
        }
    }

    /// Makes an entry about a call of a group that is not there.
    fn of_call(&self, occurrence: Occurrence, kind: Kind) -> OtherEvent {
        let time = Some(convert::timestamp(self.now));
        let call_id = CallId::from_uuid_bytes([0; 16]).to_string();
        let event = wire::CallEvent { call_id: call_id.clone(), seq: 1, time, kind: Some(kind) };
        let told = CallOccurrence {
            call_id,
            kind: wire::CallKind::Group.into(),
            group_id: GroupId::from_uuid_bytes([0; 16]).to_string(),
            thread_id: self.thread_id.to_string(),
            started_by: Some(convert::identifier(&self.actor)),
            started_at: time,
            participant: Some(self.participant()),
            event: Some(call_occurrence::Event::CallEvent(event)),
            ..CallOccurrence::default()
        };
        catalogue::pretended_occurrence(occurrence, self.now, &told)
    }

    fn participant(&self) -> wire::Participant {
        wire::Participant {
            participant_id: ParticipantId::from_uuid_bytes([0; 16]).to_string(),
            identifier: Some(convert::identifier(&self.actor)),
            ..wire::Participant::default()
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
