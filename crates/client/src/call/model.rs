//! What is known of a call, changed by events and by nothing else.

use trunkline_call::{CallKind, CallState, Direction, ParticipantState};
use trunkline_clock::Timestamp;
use trunkline_ids::{CallConnectionId, CallId, CommunicationIdentifier, ParticipantId, ThreadId};
use trunkline_proto::calling::v1::{self as wire_types, call_event::Kind};

use super::{CallerInfo, StateChange, wire};
use crate::{error::Refusal, identity::CallEndReason};

/// A call as this client knows it.
#[derive(Debug)]
pub(crate) struct CallModel {
    pub(crate) call_id: Option<CallId>,
    pub(crate) call_connection_id: Option<CallConnectionId>,
    /// This endpoint's entry in the roster.
    pub(crate) own: Option<ParticipantId>,
    pub(crate) direction: Direction,
    pub(crate) caller: Option<CallerInfo>,
    pub(crate) kind: CallKind,
    pub(crate) thread_id: Option<ThreadId>,
    pub(crate) state: CallState,
    pub(crate) history: Vec<StateChange>,
    pub(crate) call_end_reason: Option<CallEndReason>,
    pub(crate) is_muted: bool,
    pub(crate) is_video_on: bool,
    pub(crate) is_screen_sharing_on: bool,
    pub(crate) seq: u64,
    /// Everybody there ever was, by order of joining; handles stay valid after somebody left.
    participants: Vec<Entry>,
    has_snapshot: bool,
    next_key: u64,
}

/// Names a participant within the client, before the exchange has named it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct ParticipantKey(u64);

/// One participant.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ParticipantRecord {
    /// None while an addition has not been acknowledged.
    pub(crate) participant_id: Option<ParticipantId>,
    pub(crate) identifier: Option<CommunicationIdentifier>,
    pub(crate) display_name: Option<String>,
    pub(crate) state: ParticipantState,
    pub(crate) is_muted: bool,
    pub(crate) is_speaking: bool,
    pub(crate) is_video_on: bool,
    pub(crate) is_screen_sharing_on: bool,
    pub(crate) call_end_reason: Option<CallEndReason>,
}

#[derive(Debug)]
struct Entry {
    key: ParticipantKey,
    record: ParticipantRecord,
    is_in_roster: bool,
    /// The entry that this one turned out to be.
    same_as: Option<ParticipantKey>,
}

/// What an event changed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    Identified,
    Kind(CallKind),
    Muted(bool),
    Operation { operation_id: String, is_own: bool, refusal: Option<Refusal> },
    ParticipantState(ParticipantKey, ParticipantState),
    ParticipantUpdated(ParticipantKey),
    Roster { added: Vec<ParticipantKey>, removed: Vec<ParticipantKey> },
    ScreenSharing(bool),
    State(StateChange),
    Video(bool),
}

/// What came of an event.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Applied {
    /// It was taken.
    Taken,
    /// It was seen before, or is older than the snapshot.
    Old,
    /// Something before it is missing: a snapshot is needed.
    Gap,
}

impl CallModel {
    pub(crate) fn new(direction: Direction, kind: CallKind) -> Self {
        Self {
            call_id: None,
            call_connection_id: None,
            own: None,
            direction,
            caller: None,
            kind,
            thread_id: None,
            state: CallState::None,
            history: Vec::new(),
            call_end_reason: None,
            is_muted: false,
            is_video_on: false,
            is_screen_sharing_on: false,
            seq: 0,
            participants: Vec::new(),
            has_snapshot: false,
            next_key: 0,
        }
    }

    /// Takes what the exchange said when it took the call up.
    pub(crate) fn identify(
        &mut self,
        call_id: CallId,
        own: Option<ParticipantId>,
        call_connection_id: Option<CallConnectionId>,
    ) -> Change {
        self.call_id = Some(call_id);
        self.own = own.or(self.own);
        self.call_connection_id = call_connection_id.or(self.call_connection_id);
        Change::Identified
    }

    /// Notes somebody whom this endpoint is adding, before the exchange knows of it.
    pub(crate) fn add_pending(
        &mut self,
        identifier: Option<CommunicationIdentifier>,
    ) -> ParticipantKey {
        let record = ParticipantRecord { identifier, ..ParticipantRecord::idle() };
        self.insert(record, false)
    }

    /// Gives a pending participant the name that the exchange chose.
    pub(crate) fn name_pending(
        &mut self,
        key: ParticipantKey,
        participant_id: ParticipantId,
        changes: &mut Vec<Change>,
    ) {
        let known = self.find(participant_id);
        let Some(entry) = self.participants.iter_mut().find(|entry| entry.key == key) else {
            return;
        };
        match known {
            Some(known) if known != key => entry.same_as = Some(known),
            Some(_) => {}
            None => {
                entry.record.participant_id = Some(participant_id);
                entry.is_in_roster = true;
                changes.push(Change::Roster { added: vec![key], removed: vec![] });
            }
        }
    }

    /// Ends a pending participant whose addition was refused.
    pub(crate) fn fail_pending(
        &mut self,
        key: ParticipantKey,
        reason: Option<CallEndReason>,
        changes: &mut Vec<Change>,
    ) {
        if let Some(entry) = self.participants.iter_mut().find(|entry| entry.key == key) {
            entry.record.state = ParticipantState::Disconnected;
            entry.record.call_end_reason = reason;
            changes.push(Change::ParticipantState(key, ParticipantState::Disconnected));
        }
    }

    /// Ends the call here, without the exchange: it refused the call, or cannot be reached.
    pub(crate) fn end_locally(
        &mut self,
        at: Timestamp,
        reason: Option<CallEndReason>,
        changes: &mut Vec<Change>,
    ) {
        for state in [CallState::Disconnecting, CallState::Disconnected] {
            self.enter(at, state, reason.clone(), changes);
        }
    }

    /// Takes an event of the exchange.
    pub(crate) fn apply(
        &mut self,
        event: &wire_types::CallEvent,
        changes: &mut Vec<Change>,
    ) -> Applied {
        let at = wire::time(event.time.as_ref());
        if let Some(Kind::Snapshot(call)) = &event.kind {
            self.restore(at, call, changes);
            self.seq = self.seq.max(event.seq);
            self.has_snapshot = true;
            return Applied::Taken;
        }
        if event.seq <= self.seq {
            return Applied::Old;
        }
        if !self.has_snapshot || event.seq != self.seq + 1 {
            return Applied::Gap;
        }
        self.seq = event.seq;
        match &event.kind {
            Some(Kind::CallStateChanged(change)) => self.connection_moved(at, change, changes),
            Some(Kind::ParticipantStateChanged(change)) => {
                if let (Ok(id), Some(state)) =
                    (change.participant_id.parse(), wire::participant_state(change.state))
                {
                    let reason = change.reason.clone().map(Into::into);
                    self.set_participant_state(id, state, reason, changes);
                }
            }
            Some(Kind::ParticipantAdded(added)) => {
                if let Some(record) = added.participant.as_ref().and_then(wire::participant) {
                    self.put(record, changes);
                }
            }
            Some(Kind::ParticipantUpdated(updated)) => {
                if let Some(record) = updated.participant.as_ref().and_then(wire::participant) {
                    self.put(record, changes);
                }
            }
            Some(Kind::ParticipantRemoved(removed)) => {
                if let Ok(id) = removed.participant_id.parse() {
                    self.remove(id, removed.reason.clone().map(Into::into), changes);
                }
            }
            Some(Kind::SpeakingChanged(speaking)) => {
                for change in &speaking.changes {
                    self.set_speaking(change, changes);
                }
            }
            Some(Kind::CallKindChanged(change)) => {
                self.thread_id = change.thread_id.parse().ok().or(self.thread_id.take());
                self.set_kind(change.kind, changes);
            }
            Some(Kind::CallStarted(started)) => {
                self.thread_id = started.thread_id.parse().ok().or(self.thread_id.take());
                self.set_kind(started.kind, changes);
            }
            Some(Kind::OperationCompleted(operation)) => {
                let own = self.own.map(|id| id.to_string());
                changes.push(Change::Operation {
                    operation_id: operation.operation_id.clone(),
                    is_own: own.is_some_and(|own| own == operation.participant_id),
                    refusal: operation.error.clone().map(Into::into),
                });
            }
            Some(Kind::CallEnded(ended)) => {
                self.end_locally(at, ended.reason.clone().map(Into::into), changes);
            }
            // Whoever transfers waits for the operation; for everybody else the roster changes.
            Some(Kind::TransferStateChanged(_)) => {}
            // Handled above.
            Some(Kind::Snapshot(_)) => {}
            // A kind of event that this client does not know.
            None => {}
        }
        Applied::Taken
    }

    pub(crate) fn is_over(&self) -> bool {
        self.state == CallState::Disconnected
    }

    /// Returns everybody in the call or being rung but this endpoint.
    pub(crate) fn remote_participants(&self) -> impl Iterator<Item = ParticipantKey> {
        self.participants.iter().filter(|entry| self.is_remote(entry)).map(|entry| entry.key)
    }

    /// Returns what is known of a participant, wherever it stands now.
    pub(crate) fn participant(&self, key: ParticipantKey) -> Option<&ParticipantRecord> {
        let entry = self.participants.iter().find(|entry| entry.key == key)?;
        match entry.same_as {
            Some(other) => self.participant(other),
            None => Some(&entry.record),
        }
    }

    /// Finds a participant by the exchange's name.
    pub(crate) fn find(&self, id: ParticipantId) -> Option<ParticipantKey> {
        self.participants
            .iter()
            .find(|entry| entry.same_as.is_none() && entry.record.participant_id == Some(id))
            .map(|entry| entry.key)
    }

    fn is_remote(&self, entry: &Entry) -> bool {
        entry.is_in_roster
            && entry.same_as.is_none()
            && (self.own.is_none() || entry.record.participant_id != self.own)
    }

    fn restore(&mut self, at: Timestamp, call: &wire_types::Call, changes: &mut Vec<Change>) {
        self.thread_id = call.thread_id.parse().ok().or(self.thread_id.take());
        self.set_kind(call.kind, changes);
        for wired in &call.participants {
            let Some(record) = wire::participant(wired) else { continue };
            if record.participant_id.is_some() && record.participant_id == self.own {
                self.call_connection_id =
                    wired.call_connection_id.parse().ok().or(self.call_connection_id);
                if let Some(state) = wire::call_state(wired.call_state) {
                    let reason = record.call_end_reason.clone();
                    // What rings came this way, and no other: nobody was told of it before.
                    if self.state == CallState::None && state == CallState::Ringing {
                        self.enter(at, CallState::Connecting, None, changes);
                    }
                    self.enter(at, state, reason, changes);
                }
            }
            self.put(record, changes);
        }
        let present: Vec<ParticipantId> = call
            .participants
            .iter()
            .filter_map(|wired| wired.participant_id.parse().ok())
            .collect();
        let gone: Vec<ParticipantId> = self
            .participants
            .iter()
            .filter(|entry| entry.is_in_roster)
            .filter_map(|entry| entry.record.participant_id)
            .filter(|id| !present.contains(id))
            .collect();
        for id in gone {
            self.remove(id, None, changes);
        }
        if let Some(reason) = &call.end_reason {
            self.end_locally(at, Some(reason.clone().into()), changes);
        }
    }

    fn connection_moved(
        &mut self,
        at: Timestamp,
        change: &wire_types::CallStateChanged,
        changes: &mut Vec<Change>,
    ) {
        let Ok(id) = change.participant_id.parse() else { return };
        let reason: Option<CallEndReason> = change.reason.clone().map(Into::into);
        if self.own == Some(id) {
            self.call_connection_id =
                change.call_connection_id.parse().ok().or(self.call_connection_id);
            if let Some(state) = wire::call_state(change.state) {
                self.enter(at, state, reason, changes);
            }
        } else if let Some(state) = wire::participant_state(change.participant_state) {
            self.set_participant_state(id, state, reason, changes);
        }
    }

    fn enter(
        &mut self,
        at: Timestamp,
        state: CallState,
        reason: Option<CallEndReason>,
        changes: &mut Vec<Change>,
    ) {
        if self.state == state || self.is_over() {
            return;
        }
        if reason.is_some() {
            self.call_end_reason.clone_from(&reason);
        }
        let change = StateChange { previous: self.state, state, reason, time: at };
        self.state = state;
        self.history.push(change.clone());
        changes.push(Change::State(change));
    }

    fn put(&mut self, record: ParticipantRecord, changes: &mut Vec<Change>) {
        let Some(id) = record.participant_id else { return };
        if self.own == Some(id) {
            self.put_own(&record, changes);
        }
        let known = self.find(id).or_else(|| self.find_pending(&record));
        let Some(key) = known else {
            let is_own = self.own == Some(id);
            let key = self.insert(record, true);
            if !is_own {
                changes.push(Change::Roster { added: vec![key], removed: vec![] });
            }
            return;
        };
        let own = self.own;
        let Some(entry) = self.participants.iter_mut().find(|entry| entry.key == key) else {
            return;
        };
        let state = record.state;
        let state_changed = entry.record.state != state;
        let mut same_state = record.clone();
        same_state.state = entry.record.state;
        let other_changed = entry.record != same_state;
        let is_new = !std::mem::replace(&mut entry.is_in_roster, true);
        entry.record = record;
        if own == Some(id) {
            return;
        }
        if is_new {
            changes.push(Change::Roster { added: vec![key], removed: vec![] });
        }
        if state_changed {
            changes.push(Change::ParticipantState(key, state));
        }
        if other_changed && !is_new {
            changes.push(Change::ParticipantUpdated(key));
        }
    }

    fn put_own(&mut self, record: &ParticipantRecord, changes: &mut Vec<Change>) {
        if std::mem::replace(&mut self.is_muted, record.is_muted) != record.is_muted {
            changes.push(Change::Muted(record.is_muted));
        }
        if std::mem::replace(&mut self.is_video_on, record.is_video_on) != record.is_video_on {
            changes.push(Change::Video(record.is_video_on));
        }
        let is_sharing = record.is_screen_sharing_on;
        if std::mem::replace(&mut self.is_screen_sharing_on, is_sharing) != is_sharing {
            changes.push(Change::ScreenSharing(is_sharing));
        }
    }

    fn find_pending(&self, record: &ParticipantRecord) -> Option<ParticipantKey> {
        self.participants
            .iter()
            .find(|entry| {
                entry.record.participant_id.is_none()
                    && entry.same_as.is_none()
                    && entry.record.state != ParticipantState::Disconnected
                    && entry.record.identifier.is_some()
                    && entry.record.identifier == record.identifier
            })
            .map(|entry| entry.key)
    }

    fn remove(
        &mut self,
        id: ParticipantId,
        reason: Option<CallEndReason>,
        changes: &mut Vec<Change>,
    ) {
        self.set_participant_state(id, ParticipantState::Disconnected, reason, changes);
        let Some(key) = self.find(id) else { return };
        let own = self.own;
        let Some(entry) = self.participants.iter_mut().find(|entry| entry.key == key) else {
            return;
        };
        let was_in_roster = std::mem::replace(&mut entry.is_in_roster, false);
        entry.record.is_speaking = false;
        if was_in_roster && own != Some(id) {
            changes.push(Change::Roster { added: vec![], removed: vec![key] });
        }
    }

    fn set_participant_state(
        &mut self,
        id: ParticipantId,
        state: ParticipantState,
        reason: Option<CallEndReason>,
        changes: &mut Vec<Change>,
    ) {
        let Some(key) = self.find(id) else { return };
        let own = self.own;
        let Some(entry) = self.participants.iter_mut().find(|entry| entry.key == key) else {
            return;
        };
        if reason.is_some() && entry.record.call_end_reason.is_none() {
            entry.record.call_end_reason = reason;
        }
        if entry.record.state != state {
            entry.record.state = state;
            if own != Some(id) {
                changes.push(Change::ParticipantState(key, state));
            }
        }
    }

    fn set_speaking(&mut self, change: &wire_types::SpeakingChange, changes: &mut Vec<Change>) {
        let Some(key) = change.participant_id.parse().ok().and_then(|id| self.find(id)) else {
            return;
        };
        let own = self.own;
        let Some(entry) = self.participants.iter_mut().find(|entry| entry.key == key) else {
            return;
        };
        if entry.record.is_speaking != change.is_speaking {
            entry.record.is_speaking = change.is_speaking;
            if own.is_none() || entry.record.participant_id != own {
                changes.push(Change::ParticipantUpdated(key));
            }
        }
    }

    fn set_kind(&mut self, kind: i32, changes: &mut Vec<Change>) {
        if let Some(kind) = wire::call_kind(kind).filter(|kind| *kind != self.kind) {
            self.kind = kind;
            changes.push(Change::Kind(kind));
        }
    }

    fn insert(&mut self, record: ParticipantRecord, is_in_roster: bool) -> ParticipantKey {
        let key = ParticipantKey(self.next_key);
        self.next_key += 1;
        self.participants.push(Entry { key, record, is_in_roster, same_as: None });
        key
    }
}

impl ParticipantRecord {
    fn idle() -> Self {
        Self {
            participant_id: None,
            identifier: None,
            display_name: None,
            state: ParticipantState::Idle,
            is_muted: false,
            is_speaking: false,
            is_video_on: false,
            is_screen_sharing_on: false,
            call_end_reason: None,
        }
    }
}

#[cfg(test)]
mod tests;
