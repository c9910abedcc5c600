//! What a call says of the presence of those who are in it.

use trunkline_call::{CallKind, Event, EventKind, ParticipantState, ParticipantView, Roster};
use trunkline_ids::CommunicationIdentifier;
use trunkline_policy::{Presence, shown};

/// Returns of whom an event may say something else; the roster is the one before it.
pub(super) fn changed(event: &Event, roster: &Roster) -> Vec<CommunicationIdentifier> {
    match &event.kind {
        EventKind::KindChanged { .. } => {
            roster.participants().map(|participant| participant.identifier.clone()).collect()
        }
        EventKind::ParticipantRemoved { participant_id, .. }
        | EventKind::ParticipantStateChanged { participant_id, .. }
        | EventKind::ScreenShareChanged { participant_id, .. } => roster
            .participant(participant_id)
            .map(|participant| participant.identifier.clone())
            .into_iter()
            .collect(),
        // Nobody appears on the roster connected: the change of state follows.
        EventKind::CallEnded { .. }
        | EventKind::CallStarted { .. }
        | EventKind::ConnectionStateChanged { .. }
        | EventKind::OperationCompleted { .. }
        | EventKind::ParticipantAccepted { .. }
        | EventKind::ParticipantAdded { .. }
        | EventKind::ParticipantMuteChanged { .. }
        | EventKind::SpeakingChanged { .. }
        | EventKind::TransferStateChanged { .. }
        | EventKind::VideoChanged { .. } => Vec::new(),
    }
}

/// Returns what the call says of somebody; `None` of whoever is not in it, such as those who ring or
/// wait in the lobby.
pub(super) fn of(identifier: &CommunicationIdentifier, roster: &Roster) -> Option<Presence> {
    let mut there = roster
        .participants()
        .filter(|participant| participant.identifier == *identifier && is_in(participant))
        .map(|participant| match participant.is_screen_sharing_on {
            true => Presence::PRESENTING,
            false => match roster.kind() {
                CallKind::Group | CallKind::Meeting => Presence::IN_A_CONFERENCE_CALL,
                CallKind::OneToOne => Presence::IN_A_CALL,
            },
        })
        .peekable();
    there.peek()?;
    Some(shown(None, there))
}

fn is_in(participant: &ParticipantView) -> bool {
    match participant.state {
        ParticipantState::Connected | ParticipantState::Hold => true,
        ParticipantState::Connecting
        | ParticipantState::Disconnected
        | ParticipantState::EarlyMedia
        | ParticipantState::Idle
        | ParticipantState::InLobby
        | ParticipantState::Ringing => false,
    }
}
