//! What a call tells those who follow all calls: each of its events, with what it is about.

use std::collections::HashSet;
use std::sync::Arc;

use trunkline_api::convert;
use trunkline_call::{Event, EventKind, ParticipantState, ParticipantView};
use trunkline_ids::{CommunicationIdentifier, ParticipantId};
use trunkline_proto::calling::v1 as calling;
use trunkline_proto::events::v1 as wire;

use super::CallTask;
use crate::meetings::MeetingHandle;
use crate::relay::Occurrence;

/// What has to be known of a call's past to tell of it.
#[derive(Debug, Default)]
pub(super) struct Chronicle {
    /// The first event, until the next one says who began the call.
    opening: Option<(Event, Arc<calling::CallEvent>)>,
    started_by: Option<CommunicationIdentifier>,
    /// Who is in the call, and not merely rung or waiting.
    present: HashSet<ParticipantId>,
}

impl Chronicle {
    /// Returns what an event means to those who only want to know when calls begin and end, and who
    /// is in them.
    fn occurrence(&mut self, event: &Event, subject: Option<&ParticipantView>) -> Occurrence {
        match &event.kind {
            EventKind::CallEnded { .. } => Occurrence::Ended,
            EventKind::CallStarted { .. } => Occurrence::Started,
            EventKind::ParticipantRemoved { participant_id, .. } => {
                match self.present.remove(participant_id) {
                    true => Occurrence::Left,
                    false => Occurrence::Changed,
                }
            }
            EventKind::ConnectionStateChanged { .. }
            | EventKind::KindChanged { .. }
            | EventKind::OperationCompleted { .. }
            | EventKind::ParticipantAccepted { .. }
            | EventKind::ParticipantAdded { .. }
            | EventKind::ParticipantMuteChanged { .. }
            | EventKind::ParticipantStateChanged { .. }
            | EventKind::ScreenShareChanged { .. }
            | EventKind::SpeakingChanged { .. }
            | EventKind::TransferStateChanged { .. }
            | EventKind::VideoChanged { .. } => {
                let connected = subject.filter(|one| one.state == ParticipantState::Connected);
                match connected.is_some_and(|one| self.present.insert(one.participant_id)) {
                    true => Occurrence::Joined,
                    false => Occurrence::Changed,
                }
            }
        }
    }
}

impl CallTask {
    /// Returns whom an event takes off the roster, as it was before.
    pub(super) fn leaving(&self, event: &Event) -> Option<ParticipantView> {
        match &event.kind {
            EventKind::ParticipantRemoved { participant_id, .. } => {
                self.roster.participant(participant_id).cloned()
            }
            _ => None,
        }
    }

    /// Tells an event to those who follow all calls.
    pub(super) fn note(
        &mut self,
        event: &Event,
        leaving: Option<ParticipantView>,
        wired: &Arc<calling::CallEvent>,
    ) {
        if matches!(event.kind, EventKind::CallStarted { .. }) {
            self.chronicle.opening = Some((event.clone(), Arc::clone(wired)));
            return;
        }
        if let EventKind::ParticipantAdded { participant } = &event.kind {
            self.chronicle.started_by.get_or_insert_with(|| participant.identifier.clone());
        }
        if let Some((event, wired)) = self.chronicle.opening.take() {
            self.write(&event, None, &wired);
        }
        let subject = leaving.or_else(|| {
            let id = subject(&event.kind)?;
            self.roster.participant(&id).cloned()
        });
        self.write(event, subject.as_ref(), wired);
    }

    fn write(
        &mut self,
        event: &Event,
        subject: Option<&ParticipantView>,
        wired: &calling::CallEvent,
    ) {
        let occurrence = self.chronicle.occurrence(event, subject);
        let text = |id: Option<String>| id.unwrap_or_default();
        let told = wire::CallOccurrence {
            call_id: self.handle.id().to_string(),
            kind: convert::call_kind(self.roster.kind()).into(),
            group_id: text(self.group_id.map(|id| id.to_string())),
            room_id: text(self.handle.room().map(ToString::to_string)),
            meeting_id: text(self.handle.meeting().map(MeetingHandle::id).map(|id| id.to_string())),
            thread_id: text(self.roster.thread_id().map(ToString::to_string)),
            started_by: self.chronicle.started_by.as_ref().map(convert::identifier),
            started_at: Some(convert::timestamp(self.first.started_at)),
            participant: subject.map(convert::participant),
            event: Some(wire::call_occurrence::Event::CallEvent(wired.clone())),
        };
        self.node.relay().calls().add(occurrence, event.at, &told);
    }
}

/// Returns the participant whom an event is about, where it is about one.
fn subject(kind: &EventKind) -> Option<ParticipantId> {
    match kind {
        EventKind::ConnectionStateChanged { participant_id, .. }
        | EventKind::ParticipantAccepted { participant_id, .. }
        | EventKind::ParticipantMuteChanged { participant_id, .. }
        | EventKind::ParticipantRemoved { participant_id, .. }
        | EventKind::ParticipantStateChanged { participant_id, .. }
        | EventKind::VideoChanged { participant_id, .. } => Some(*participant_id),
        EventKind::OperationCompleted { participant_id, .. } => *participant_id,
        EventKind::TransferStateChanged { target, .. } => Some(*target),
        EventKind::ParticipantAdded { participant } => Some(participant.participant_id),
        EventKind::CallEnded { .. }
        | EventKind::CallStarted { .. }
        | EventKind::KindChanged { .. }
        | EventKind::ScreenShareChanged { .. }
        | EventKind::SpeakingChanged { .. } => None,
    }
}
