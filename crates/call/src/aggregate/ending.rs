//! How connections and calls end: one cause, one reason, told once.

use trunkline_ids::ThreadId;
use trunkline_reasons::EndReason;

use super::{Call, Origin, Status, Timer, thread_id_of};
use crate::{
    connection::{Ordinal, Stage},
    event::{EventKind, OperationOutcome},
    input::MediaMode,
    output::{EndpointCommand, MediaCommand, Output},
    state::CallKind,
    transition::Trigger,
};

impl Call {
    /// Ends a connection, and the call if that leaves nobody to talk to.
    pub(super) fn depart(&mut self, ordinal: Ordinal, reason: EndReason) {
        if self.end_connection(ordinal, reason) {
            self.settle_departure(reason);
        }
    }

    /// Ends a connection: states, endpoints, media, timers, pending operations, roster. Returns
    /// whether there was one.
    pub(super) fn end_connection(&mut self, ordinal: Ordinal, reason: EndReason) -> bool {
        let Some(connection) = self.connections.get_mut(&ordinal) else {
            return false;
        };
        connection.end_reason = Some(reason);
        let participant_id = connection.participant_id;
        for timer in
            [Timer::MediaSetUp(ordinal), Timer::NetworkLoss(ordinal), Timer::SetUp(ordinal)]
        {
            self.timers.cancel(&timer);
        }
        if self.screen_sharer == Some(ordinal) {
            self.screen_sharer = None;
            connection.is_sharing_screen = false;
            self.emit(EventKind::ScreenShareChanged { participant_id, is_on: false });
        }
        // Neither walk can be refused: the connection is not on its way out, as only this method
        // takes it there and removes it in the same step.
        let _ = self.walk(ordinal, Trigger::End);
        let _ = self.walk(ordinal, Trigger::Finish);
        let Some(connection) = self.connections.remove(&ordinal) else {
            return false;
        };
        let connection_id = connection.connection_id;
        match connection.stage {
            Stage::Invited(ringing) => {
                for endpoint in ringing.endpoints {
                    self.by_endpoint.remove(&endpoint);
                    self.tell(EndpointCommand::StopRinging { endpoint, connection_id, reason });
                }
            }
            Stage::Joined(joined) => {
                if joined.media == MediaMode::PeerConnection {
                    let command = MediaCommand::Close { connection_id };
                    self.outputs.push_back(Output::Media(command));
                }
                self.by_endpoint.remove(&joined.endpoint);
                let endpoint = joined.endpoint;
                self.detached.push(EndpointCommand::Detach { endpoint, connection_id, reason });
            }
        }
        self.by_participant.remove(&participant_id);
        self.by_connection.remove(&connection_id);
        if let Some(ordinals) = self.by_identifier.get_mut(&connection.identifier) {
            ordinals.remove(&ordinal);
            if ordinals.is_empty() {
                self.by_identifier.remove(&connection.identifier);
            }
        }
        self.speaking_changed.remove(&ordinal);
        self.waiting.remove(&ordinal);
        if self.caller == Some(ordinal) {
            self.caller = None;
        }
        self.emit(EventKind::ParticipantRemoved { participant_id, reason });
        self.leave_transfers(ordinal, reason);
        for key in connection.awaiting {
            self.complete(key, Some(participant_id), OperationOutcome::Failed { reason });
        }
        self.established.remove(&ordinal);
        true
    }

    /// Ends connections by somebody else's will, invitations as taken back; returns the reason that
    /// counts for the call.
    pub(super) fn end_all(&mut self, ordinals: impl IntoIterator<Item = Ordinal>) -> EndReason {
        let mut cause = EndReason::REMOVED;
        for ordinal in ordinals {
            cause = if self.is_invited(ordinal) { EndReason::CANCELED } else { cause };
            self.end_connection(ordinal, cause);
        }
        cause
    }

    /// Decides whether the call goes on after somebody left for a reason.
    ///
    /// A one-to-one call ends for both with the one reason. A group that was placed ends when only
    /// one is left and nobody rings; one that is joined by group id stays until the last one leaves,
    /// because others may yet come.
    pub(super) fn settle_departure(&mut self, cause: EndReason) {
        if self.is_ended() {
            return;
        }
        self.cancel_orphaned_transfers();
        match self.kind {
            CallKind::OneToOne => {
                if self.connections.len() < 2 {
                    self.end_call(cause, cause);
                }
            }
            CallKind::Group | CallKind::Meeting => self.settle_group_departure(cause),
        }
        // Only now: who is about to end must not show Connected on the way because the one who held
        // is gone.
        if !self.is_ended() {
            self.refresh_holds();
        }
    }

    /// Ends every connection for a reason, then the call for another.
    pub(super) fn end_call(&mut self, connection_reason: EndReason, call_reason: EndReason) {
        while let Some((ordinal, _)) = self.connections.first_key_value() {
            let ordinal = *ordinal;
            self.end_connection(ordinal, connection_reason);
        }
        self.finish(call_reason);
    }

    pub(super) fn finish(&mut self, reason: EndReason) {
        self.status = Status::Ended(reason);
        self.timers.clear();
        self.speaking_changed.clear();
        self.emit(EventKind::CallEnded { reason });
    }

    /// Makes a one-to-one call a group.
    pub(super) fn promote(&mut self) {
        let from = self.kind;
        let thread_id = self.bind_thread();
        self.kind = CallKind::Group;
        self.emit(EventKind::KindChanged { from, to: self.kind, thread_id });
    }

    /// Returns the chat thread of a group, naming one after the call if none was given.
    pub(super) fn bind_thread(&mut self) -> ThreadId {
        let call_id = self.call_id;
        self.thread_id.get_or_insert_with(|| thread_id_of(call_id)).clone()
    }

    fn settle_group_departure(&mut self, cause: EndReason) {
        let is_open = match self.origin {
            Origin::GroupId(_) | Origin::Meeting => true,
            Origin::Placed => false,
        };
        let mut joined = 0_usize;
        let mut invited = 0_usize;
        for connection in self.connections.values() {
            match connection.stage {
                Stage::Invited(_) => invited += 1,
                Stage::Joined(_) => joined += 1,
            }
            if joined > 1 {
                return;
            }
        }
        if joined == 0 {
            let reason = if self.was_shared { EndReason::ONLY_ONE_LEFT } else { cause };
            self.end_call(EndReason::CANCELED, reason);
        } else if invited == 0 && !is_open {
            let reason = if self.was_shared {
                EndReason::ONLY_ONE_LEFT
            } else if self.caller.is_none() {
                cause
            } else {
                EndReason::NOBODY_JOINED
            };
            self.end_call(reason, reason);
        }
    }
}
