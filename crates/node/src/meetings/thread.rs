//! The chat of a meeting that was read from the store: it may have changed meanwhile.

use std::collections::BTreeSet;

use trunkline_ids::{CommunicationIdentifier, ThreadId};
use trunkline_interop::{Meeting, Signal};

use crate::meetings::{MeetingHandle, chat_actor};
use crate::node::Node;

/// Who was in the chat as far as the meeting knew.
pub(super) struct KeptThread {
    id: ThreadId,
    organizer: CommunicationIdentifier,
    members: BTreeSet<CommunicationIdentifier>,
    /// Who may come back into the meeting.
    attendees: BTreeSet<CommunicationIdentifier>,
}

impl KeptThread {
    pub(super) fn of(meeting: &Meeting) -> Self {
        Self {
            id: meeting.coordinates().thread_id.clone(),
            organizer: meeting.organizer().clone(),
            members: meeting.thread_members().clone(),
            attendees: meeting.attendees().map(|attendee| attendee.identifier).collect(),
        }
    }

    /// Tells the meeting who came and went while it was not in memory.
    pub(super) async fn catch_up(self, node: &Node, meeting: &MeetingHandle) {
        let Ok(roster) = node.chat().roster(&chat_actor(&self.organizer), &self.id).await else {
            return;
        };
        for identifier in roster.members.difference(&self.members) {
            meeting.signal(Signal::ThreadJoined { identifier: identifier.clone() });
        }
        // Attendees may be on their way into the chat, which was not reached before a restart.
        let left = self.members.difference(&roster.members);
        for identifier in left.filter(|who| !self.attendees.contains(*who)) {
            meeting.signal(Signal::ThreadLeft { identifier: identifier.clone() });
        }
    }
}
