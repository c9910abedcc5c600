//! From one event of a chat to the events that the documented service makes of it.

use trunkline_chat::{
    ChatEvent, ChatEventKind, Member, Message, MessageContent, MessageId, MessageType, ThreadHeader,
};
use trunkline_clock::Timestamp;
use trunkline_ids::CommunicationIdentifier;

use super::{
    Event, EventId, EventType,
    data::{
        ChatFields, EventData, MessageFields, Participant, PlainCreation, PlainDeletion, PlainEdit,
        PlainMember, PlainMessage, Properties, ThreadFields,
    },
    id::transaction_id,
    identifier::IdentifierModel,
};

/// Returns the events that one event of a chat gives: for each thing that happened one for the
/// thread, then one for each recipient except whoever did it. Typing, receipts and what a thread says
/// itself give none.
///
/// The list depends on the arguments alone: a caller may keep the place of an event in it, and find
/// the event again with [`Iterator::nth`], at little cost. It is lazy, because adding 200 members to a
/// thread of 50 is 50,000 events.
pub fn chat_events(origin: &ChatEvent, thread_created_on: Timestamp) -> ChatEvents<'_> {
    ChatEvents { origin, thread_created_on, happening: 0, recipient: 0 }
}

/// The events that one event of a chat gives; made by [`chat_events`].
#[derive(Clone, Debug)]
pub struct ChatEvents<'a> {
    origin: &'a ChatEvent,
    thread_created_on: Timestamp,
    /// The place of the happening whose turn it is.
    happening: usize,
    /// 0 for the thread, otherwise the place of the recipient, counted from 1.
    recipient: usize,
}

impl<'a> Iterator for ChatEvents<'a> {
    type Item = Event<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let (happening, recipient) = self.step()?;
        Some(self.event(happening, recipient))
    }

    /// Makes the event that is asked for and none of those before it. From the beginning it counts in
    /// whole happenings: whoever sends the events a few at a time comes to a place far on often.
    fn nth(&mut self, place: usize) -> Option<Self::Item> {
        let mut before = place;
        if self.recipient == 0 {
            let recipients = self.origin.recipients.iter();
            let told = 1 + recipients.filter(|recipient| !self.did_it(recipient)).count();
            self.happening = self.happening.saturating_add(before / told);
            before %= told;
        }
        for _ in 0..before {
            self.step()?;
        }
        self.next()
    }
}

impl<'a> ChatEvents<'a> {
    /// Moves on by one place, and returns what is told there, and to whom: `None` is the thread.
    fn step(&mut self) -> Option<(Happening<'a>, Option<&'a CommunicationIdentifier>)> {
        loop {
            let happening = Happening::of(&self.origin.kind, self.happening)?;
            let Some(place) = self.recipient.checked_sub(1) else {
                self.recipient = 1;
                return Some((happening, None));
            };
            let Some(recipient) = self.origin.recipients.get(place) else {
                self.happening += 1;
                self.recipient = 0;
                continue;
            };
            self.recipient += 1;
            if !self.did_it(recipient) {
                return Some((happening, Some(recipient)));
            }
        }
    }

    fn did_it(&self, recipient: &CommunicationIdentifier) -> bool {
        let by_policy =
            matches!(self.origin.kind, ChatEventKind::ThreadDeleted { by_policy: true });
        !by_policy && *recipient == self.origin.actor
    }

    fn event(
        &self,
        happening: Happening<'a>,
        recipient: Option<&'a CommunicationIdentifier>,
    ) -> Event<'a> {
        let origin = self.origin;
        let event_type = happening.event_type(recipient.is_some());
        let role = happening.role(recipient.is_some());
        let person = happening.person(origin).to_string();
        let mut subject = format!("thread/{}/{role}/{person}", origin.thread_id);
        let recipient_id = recipient.map(ToString::to_string).unwrap_or_default();
        if recipient.is_some() {
            subject.push_str("/recipient/");
            subject.push_str(&recipient_id);
        }
        let (version, micros) =
            (origin.version.to_string(), origin.time.as_unix_micros().to_string());
        let id = EventId::derive(&[
            event_type.as_str(),
            origin.thread_id.as_str(),
            &version,
            &micros,
            &person,
            &recipient_id,
        ]);
        let data = self.data(happening, recipient);
        Event { id, event_type, subject, time: origin.time, data }
    }

    fn data(
        &self,
        happening: Happening<'a>,
        recipient: Option<&'a CommunicationIdentifier>,
    ) -> EventData<'a> {
        let origin = self.origin;
        let actor = IdentifierModel(&origin.actor);
        match happening {
            Happening::MessageDeleted(message) => EventData::MessageDeleted {
                message: self.message_fields(message, recipient),
                delete_time: message.deleted_on.unwrap_or(origin.time),
            },
            Happening::MessageEdited(message) => EventData::MessageEdited {
                message: self.message_fields(message, recipient),
                message_body: body(&message.content),
                metadata: &message.metadata,
                edit_time: message.edited_on.unwrap_or(origin.time),
            },
            Happening::MessageReceived(message) => EventData::MessageReceived {
                message: self.message_fields(message, recipient),
                message_body: body(&message.content),
                metadata: &message.metadata,
            },
            Happening::ParticipantAdded(member) => EventData::ParticipantAdded {
                thread: self.thread_fields(recipient),
                time: origin.time,
                added_by_communication_identifier: actor,
                participant_added: member.into(),
            },
            Happening::ParticipantRemoved(member) => EventData::ParticipantRemoved {
                thread: self.thread_fields(recipient),
                time: origin.time,
                removed_by_communication_identifier: actor,
                participant_removed: member.into(),
            },
            Happening::ThreadCreated { thread, members } => EventData::ThreadCreated {
                thread: self.thread_fields(recipient),
                plain: recipient.map(|recipient_id| PlainCreation {
                    created_by: &origin.actor,
                    members: members.iter().map(PlainMember::from).collect(),
                    recipient_id,
                }),
                created_by_communication_identifier: actor,
                properties: Properties { topic: &thread.topic },
                metadata: &thread.metadata,
                participants: members.iter().map(Participant::from).collect(),
            },
            Happening::ThreadDeleted => EventData::ThreadDeleted {
                thread: self.thread_fields(recipient),
                plain: recipient
                    .map(|recipient_id| PlainDeletion { deleted_by: &origin.actor, recipient_id }),
                deleted_by_communication_identifier: actor,
                delete_time: origin.time,
            },
            Happening::ThreadPropertiesUpdated(thread) => EventData::ThreadPropertiesUpdated {
                thread: self.thread_fields(recipient),
                plain: recipient
                    .map(|recipient_id| PlainEdit { edited_by: &origin.actor, recipient_id }),
                edited_by_communication_identifier: actor,
                edit_time: origin.time,
                metadata: &thread.metadata,
                properties: Properties { topic: &thread.topic },
            },
        }
    }

    fn message_fields(
        &self,
        message: &'a Message,
        recipient: Option<&'a CommunicationIdentifier>,
    ) -> MessageFields<'a> {
        let sender_id = sender(message, self.origin);
        MessageFields {
            chat: self.chat_fields(message.version, recipient),
            plain: recipient.map(|recipient_id| PlainMessage { sender_id, recipient_id }),
            message_id: message.id.to_string(),
            sender_communication_identifier: IdentifierModel(sender_id),
            sender_display_name: message.sender_display_name.as_ref(),
            compose_time: message.created_on,
            message_type: type_name(message.content.message_type()),
        }
    }

    fn thread_fields(&self, recipient: Option<&'a CommunicationIdentifier>) -> ThreadFields<'a> {
        ThreadFields {
            chat: self.chat_fields(self.origin.version, recipient),
            create_time: self.thread_created_on,
        }
    }

    fn chat_fields(
        &self,
        version: MessageId,
        recipient: Option<&'a CommunicationIdentifier>,
    ) -> ChatFields<'a> {
        let thread_id = self.origin.thread_id.as_str();
        let origin_version = self.origin.version.to_string();
        ChatFields {
            recipient_communication_identifier: recipient.map(IdentifierModel),
            transaction_id: transaction_id(&[thread_id, &origin_version]),
            thread_id,
            version: version.as_millis(),
        }
    }
}

/// One thing that happened, of which the thread and each recipient are told once.
#[derive(Clone, Copy)]
enum Happening<'a> {
    MessageDeleted(&'a Message),
    MessageEdited(&'a Message),
    MessageReceived(&'a Message),
    ParticipantAdded(&'a Member),
    ParticipantRemoved(&'a Member),
    ThreadCreated { thread: &'a ThreadHeader, members: &'a [Member] },
    ThreadDeleted,
    ThreadPropertiesUpdated(&'a ThreadHeader),
}

impl<'a> Happening<'a> {
    /// Returns the happening at a place among those of an event.
    fn of(kind: &'a ChatEventKind, place: usize) -> Option<Self> {
        let only = |happening| (place == 0).then_some(happening);
        match kind {
            ChatEventKind::MessageDeleted(message)
            | ChatEventKind::MessageEdited(message)
            | ChatEventKind::MessageReceived(message)
                if message.is_system() =>
            {
                None
            }
            ChatEventKind::MessageDeleted(message) => only(Self::MessageDeleted(message)),
            ChatEventKind::MessageEdited(message) => only(Self::MessageEdited(message)),
            ChatEventKind::MessageReceived(message) => only(Self::MessageReceived(message)),
            ChatEventKind::ParticipantsAdded { added } => {
                added.get(place).map(Self::ParticipantAdded)
            }
            ChatEventKind::ParticipantsRemoved { removed } => {
                removed.get(place).map(Self::ParticipantRemoved)
            }
            ChatEventKind::ReadReceiptSent { .. } | ChatEventKind::TypingStarted { .. } => None,
            ChatEventKind::ThreadCreated { thread, members } => {
                only(Self::ThreadCreated { thread, members })
            }
            ChatEventKind::ThreadDeleted { by_policy: _ } => only(Self::ThreadDeleted),
            ChatEventKind::ThreadPropertiesUpdated { thread } => {
                only(Self::ThreadPropertiesUpdated(thread))
            }
        }
    }

    fn event_type(self, is_for_user: bool) -> EventType {
        let (thread, user) = match self {
            Self::MessageDeleted(_) => {
                (EventType::ChatMessageDeletedInThread, EventType::ChatMessageDeleted)
            }
            Self::MessageEdited(_) => {
                (EventType::ChatMessageEditedInThread, EventType::ChatMessageEdited)
            }
            Self::MessageReceived(_) => {
                (EventType::ChatMessageReceivedInThread, EventType::ChatMessageReceived)
            }
            Self::ParticipantAdded(_) => (
                EventType::ChatThreadParticipantAdded,
                EventType::ChatParticipantAddedToThreadWithUser,
            ),
            Self::ParticipantRemoved(_) => (
                EventType::ChatThreadParticipantRemoved,
                EventType::ChatParticipantRemovedFromThreadWithUser,
            ),
            Self::ThreadCreated { .. } => {
                (EventType::ChatThreadCreated, EventType::ChatThreadCreatedWithUser)
            }
            Self::ThreadDeleted => {
                (EventType::ChatThreadDeleted, EventType::ChatThreadWithUserDeleted)
            }
            Self::ThreadPropertiesUpdated(_) => (
                EventType::ChatThreadPropertiesUpdated,
                EventType::ChatThreadPropertiesUpdatedPerUser,
            ),
        };
        if is_for_user { user } else { thread }
    }

    /// Returns what the subject calls the person in it. The lower case of the thread's own events
    /// about participants is that of the published examples.
    fn role(self, is_for_user: bool) -> &'static str {
        match self {
            Self::MessageDeleted(_) | Self::MessageEdited(_) | Self::MessageReceived(_) => "sender",
            Self::ParticipantAdded(_) if is_for_user => "participantAdded",
            Self::ParticipantAdded(_) => "participantadded",
            Self::ParticipantRemoved(_) if is_for_user => "participantRemoved",
            Self::ParticipantRemoved(_) => "participantremoved",
            Self::ThreadCreated { .. } => "createdBy",
            Self::ThreadDeleted => "deletedBy",
            Self::ThreadPropertiesUpdated(_) => "editedBy",
        }
    }

    fn person(self, origin: &'a ChatEvent) -> &'a CommunicationIdentifier {
        match self {
            Self::MessageDeleted(message)
            | Self::MessageEdited(message)
            | Self::MessageReceived(message) => sender(message, origin),
            Self::ParticipantAdded(member) | Self::ParticipantRemoved(member) => &member.identifier,
            Self::ThreadCreated { .. } | Self::ThreadDeleted | Self::ThreadPropertiesUpdated(_) => {
                &origin.actor
            }
        }
    }
}

fn sender<'a>(message: &'a Message, origin: &'a ChatEvent) -> &'a CommunicationIdentifier {
    message.sender.as_ref().unwrap_or(&origin.actor)
}

fn body(content: &MessageContent) -> &str {
    match content {
        MessageContent::Html(body) | MessageContent::Text(body) => body,
        MessageContent::ParticipantAdded { .. }
        | MessageContent::ParticipantRemoved { .. }
        | MessageContent::TopicUpdated { .. } => "",
    }
}

/// Returns the name of a type of message in events, which is not the one of the REST API.
fn type_name(message_type: MessageType) -> &'static str {
    match message_type {
        MessageType::Html => "RichText/Html",
        MessageType::ParticipantAdded => "ThreadActivity/AddMember",
        MessageType::ParticipantRemoved => "ThreadActivity/DeleteMember",
        MessageType::Text => "Text",
        MessageType::TopicUpdated => "ThreadActivity/TopicUpdate",
    }
}
