//! The way out: leaving, being removed, timing out, the end; and what others did to call and thread.

use trunkline_ids::{CommunicationIdentifier, EndpointId};
use trunkline_reasons::EndReason;

use super::{Meeting, Phase, Timer};
use crate::{
    meeting::{
        attendee::Stage,
        capability::{Capability, Resolution},
        entering::Done,
        error::{MeetingError, TargetError},
        input::{Actor, Signal},
        output::{CallStep, EventKind, OperationOutcome, Output, ThreadStep},
        role::MeetingRole,
    },
    roster::{SyncMode, is_chatter},
};

impl Meeting {
    pub(super) fn handle_signal(&mut self, signal: Signal) {
        match signal {
            Signal::ConnectionEnded { endpoint, reason } => self.forget(&endpoint, reason),
            Signal::Stirred { endpoint } => {
                let at = self.now.instant + self.config.lobby_inactivity;
                if self.timers.cancel(&Timer::Lobby(endpoint.clone())) {
                    self.timers.set(Timer::Lobby(endpoint), at);
                }
            }
            Signal::ThreadJoined { identifier } => {
                self.thread.insert(identifier);
            }
            Signal::ThreadLeft { identifier } => self.follow_thread(&identifier),
        }
    }

    pub(super) fn leave(&mut self, actor: &Actor) -> Result<Done, MeetingError> {
        let Actor::User(identifier, endpoint) = actor else {
            return Err(MeetingError::NotInMeeting);
        };
        let own = self.own(identifier, endpoint).ok_or(MeetingError::NotInMeeting)?;
        let reason = if own.is_waiting() { EndReason::CANCELED } else { EndReason::HUNG_UP };
        let endpoint = own.endpoint.clone();
        self.end_attendance(&endpoint, reason);
        Ok(Done::Here)
    }

    pub(super) fn remove(
        &mut self,
        actor: &Actor,
        endpoint: &EndpointId,
    ) -> Result<Done, MeetingError> {
        self.require(actor, Capability::RemoveParticipant)?;
        let target = self.attendees.get(endpoint).ok_or(TargetError::NotFound)?;
        if target.is_waiting() {
            return Err(TargetError::Waiting.into());
        }
        if target.role == MeetingRole::Organizer {
            return Err(TargetError::Organizer.into());
        }
        if target.role.is_host() {
            // Hosts are removed by hosts: whoever may change the meeting.
            self.require(actor, Capability::ChangeMeeting).map_err(|_| {
                let capability = Capability::RemoveParticipant;
                MeetingError::NotCapable { capability, resolution: Resolution::RoleRestricted }
            })?;
        }
        let identifier = target.identifier.clone();
        self.denied.insert(&identifier);
        self.admitted.remove(&identifier);
        self.remove_everywhere(&identifier, EndReason::REMOVED);
        Ok(Done::Here)
    }

    /// Ends the meeting for everybody, lobby included.
    pub(super) fn end(&mut self, actor: &Actor) -> Result<Done, MeetingError> {
        self.require(actor, Capability::HangUpForEveryone)?;
        let reason = EndReason::ENDED_FOR_EVERYONE;
        let mut everybody: Vec<_> =
            self.attendees.values().map(|a| (a.place, a.endpoint.clone())).collect();
        everybody.sort_unstable();
        self.outputs.push_back(Output::Call(CallStep::EndCall { reason }));
        // Ended before the last one goes, so that nobody hears that it was emptied.
        self.phase = Phase::Ended(reason);
        for (_, endpoint) in everybody {
            self.forget(&endpoint, reason);
        }
        self.timers.clear();
        self.emit(EventKind::MeetingEnded { reason });
        Ok(Done::Here)
    }

    /// Ends somebody's attendance, in the lobby or in the meeting, and their connection.
    pub(super) fn end_attendance(&mut self, endpoint: &EndpointId, reason: EndReason) {
        if self.attendees.contains_key(endpoint) {
            let step = CallStep::End { endpoint: endpoint.clone(), reason };
            self.outputs.push_back(Output::Call(step));
            self.forget(endpoint, reason);
        }
    }

    /// Takes somebody off the list whose connection has ended, and tells of it.
    fn forget(&mut self, endpoint: &EndpointId, reason: EndReason) {
        let Some(attendee) = self.attendees.remove(endpoint) else {
            return;
        };
        self.timers.cancel(&Timer::Lobby(endpoint.clone()));
        match attendee.stage {
            Stage::Waiting(key) => {
                let reason_told = Some(reason);
                let endpoint = endpoint.clone();
                self.emit(EventKind::LobbyLeft { endpoint, reason: reason_told });
                self.complete(&key, OperationOutcome::Failed { reason });
            }
            Stage::Present => {
                if attendee.hand.is_some() {
                    self.emit(EventKind::HandLowered { endpoint: endpoint.clone() });
                }
                self.drop_spotlight(endpoint);
                self.emit(EventKind::ParticipantLeft { endpoint: endpoint.clone(), reason });
                if attendee.kind.is_guest() {
                    self.take_back_chat(&attendee.identifier);
                }
                if self.phase == Phase::Running && self.present().next().is_none() {
                    self.phase = Phase::Idle;
                    self.emit(EventKind::MeetingEmptied);
                }
            }
        }
    }

    /// A guest whom the meeting put into its chat reads it while in the meeting, and no longer.
    fn take_back_chat(&mut self, identifier: &CommunicationIdentifier) {
        let is_there = self.present().any(|attendee| attendee.identifier == *identifier);
        let follows = self.settings.sync_roster == SyncMode::Automatic;
        if !is_there && follows && self.added_to_thread.contains(identifier) {
            self.remove_from_thread(identifier);
        }
    }

    pub(super) fn remove_from_thread(&mut self, identifier: &CommunicationIdentifier) {
        self.thread.remove(identifier);
        self.added_to_thread.remove(identifier);
        let thread_id = self.coordinates.thread_id.clone();
        let step = ThreadStep::Remove { thread_id, identifier: identifier.clone() };
        self.outputs.push_back(Output::Thread(step));
    }

    /// Removes somebody from all endpoints; in automatic mode from the thread, too.
    fn remove_everywhere(&mut self, identifier: &CommunicationIdentifier, reason: EndReason) {
        let own = self.attendees.values().filter(|a| a.identifier == *identifier);
        let everywhere: Vec<_> = own.map(|attendee| attendee.endpoint.clone()).collect();
        for endpoint in everywhere {
            self.end_attendance(&endpoint, reason);
        }
        let follows = self.settings.sync_roster == SyncMode::Automatic;
        if follows && is_chatter(identifier) {
            self.remove_from_thread(identifier);
        }
    }

    /// Somebody was taken out of the thread by others. In automatic mode whoever is in the meeting
    /// goes from it, too, and is taken out of the thread once more: the meeting may have put them back
    /// before it heard. The organizer stays in both.
    fn follow_thread(&mut self, identifier: &CommunicationIdentifier) {
        self.thread.remove(identifier);
        self.added_to_thread.remove(identifier);
        let is_present = self.present().any(|attendee| attendee.identifier == *identifier);
        let follows = self.settings.sync_roster == SyncMode::Automatic;
        if !follows || !is_present {
            return;
        }
        if *identifier == self.organizer {
            let own = self.present().find(|attendee| attendee.identifier == *identifier);
            if let Some(endpoint) = own.map(|attendee| attendee.endpoint.clone()) {
                self.sync_chat_of(&endpoint);
            }
            return;
        }
        self.remove_everywhere(identifier, EndReason::REMOVED);
    }
}
