//! Who reads the call, and how it is watched.

use tokio::sync::mpsc;
use trunkline_api::convert;
use trunkline_call::{CallSnapshot, CallState, EventKind, ParticipantView};
use trunkline_ids::CommunicationIdentifier;

use crate::call_task::CallTask;
use crate::calls::{Reader, WatchError, WatchItem};
use crate::event_log::WatchStart;

impl CallTask {
    /// Notes who comes and who leaves.
    pub(super) fn note_readers(&mut self, kind: &EventKind) {
        match kind {
            // Whoever comes to a meeting may have to wait, and reads nothing until let in.
            EventKind::ParticipantAdded { participant } if self.handle.meeting().is_none() => {
                self.readers.insert(participant.identifier.clone());
            }
            EventKind::ParticipantRemoved { participant_id, .. } => {
                if let Some(participant) = self.roster.participant(participant_id) {
                    self.departed.push(participant.identifier.clone());
                }
            }
            EventKind::ParticipantAdded { .. }
            | EventKind::CallEnded { .. }
            | EventKind::CallStarted { .. }
            | EventKind::ConnectionStateChanged { .. }
            | EventKind::KindChanged { .. }
            | EventKind::OperationCompleted { .. }
            | EventKind::ParticipantAccepted { .. }
            | EventKind::ParticipantMuteChanged { .. }
            | EventKind::ParticipantStateChanged { .. }
            | EventKind::ScreenShareChanged { .. }
            | EventKind::SpeakingChanged { .. }
            | EventKind::TransferStateChanged { .. }
            | EventKind::VideoChanged { .. } => {}
        }
    }

    /// Has those read no further who left, once they were told what happened together with that.
    /// Everybody goes at the end of a call, and whoever was in it until then may read how it ended.
    pub(super) fn part_readers(&mut self) {
        for who in std::mem::take(&mut self.departed) {
            let own = |one: &ParticipantView| one.identifier == who && self.lets_read(one);
            let stays = self.roster.participants().any(own);
            if !stays && !self.is_over {
                self.readers.remove(&who);
                self.log.part(&who);
            }
        }
    }

    /// Returns whether an entry of the roster is one that reads.
    fn lets_read(&self, participant: &ParticipantView) -> bool {
        match self.handle.meeting() {
            // Neither who is rung into a meeting nor who waits is in it.
            Some(_) => {
                participant.connection_id.is_some() && participant.call_state != CallState::InLobby
            }
            None => true,
        }
    }

    /// Returns the call as somebody may read it.
    pub(super) fn read(&self, reader: &CommunicationIdentifier) -> Option<CallSnapshot> {
        match self.readers.contains(reader) {
            true => Some(self.snapshot()),
            false => self.waiting_as(reader).map(|id| self.lobby_snapshot(id)),
        }
    }

    pub(super) fn watch(
        &mut self,
        reader: Reader,
        after_seq: Option<u64>,
    ) -> Result<mpsc::Receiver<WatchItem>, WatchError> {
        if let Reader::User(user) = &reader
            && !self.readers.contains(user)
        {
            return Err(WatchError::NotFound);
        }
        let start = match after_seq {
            Some(cursor) => WatchStart::After(cursor),
            None => {
                let at = self.node.wall();
                WatchStart::Snapshot(convert::snapshot_event(&self.snapshot(), at))
            }
        };
        self.log.watch(reader, start, self.is_over)
    }
}
