//! Who comes to a thread and goes from it, by another way than its call's or its meeting's own.

use trunkline_chat::{ChatEvent, ChatEventKind, Member};
use trunkline_ids::{CommunicationIdentifier, ThreadId};

/// Somebody who came to a thread, or went from it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Movement {
    pub(crate) thread_id: ThreadId,
    pub(crate) identifier: CommunicationIdentifier,
    pub(crate) direction: Direction,
}

/// Which way somebody moved.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Direction {
    Came,
    Went,
}

impl Movement {
    /// Returns who moved in an event.
    pub(super) fn of(event: &ChatEvent) -> impl Iterator<Item = Self> + '_ {
        let (members, direction): (&[Member], _) = match &event.kind {
            ChatEventKind::ParticipantsAdded { added } => (added, Direction::Came),
            ChatEventKind::ParticipantsRemoved { removed } => (removed, Direction::Went),
            // Whoever makes a thread binds it to a call or a meeting only afterwards; a thread that
            // is deleted takes nobody out of a call.
            ChatEventKind::MessageDeleted(_)
            | ChatEventKind::MessageEdited(_)
            | ChatEventKind::MessageReceived(_)
            | ChatEventKind::ReadReceiptSent { .. }
            | ChatEventKind::ThreadCreated { .. }
            | ChatEventKind::ThreadDeleted { .. }
            | ChatEventKind::ThreadPropertiesUpdated { .. }
            | ChatEventKind::TypingStarted { .. } => (&[], Direction::Came),
        };
        members.iter().map(move |member| Self {
            thread_id: event.thread_id.clone(),
            identifier: member.identifier.clone(),
            direction,
        })
    }
}
