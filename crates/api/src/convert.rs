//! Domain values to wire messages: the one place that knows both.
//!
//! What comes in is parsed where it is used, since each operation has its own words for what is
//! wrong with it; only what many need is here.

pub mod archive;
pub mod chat;
pub mod meeting;
pub mod policy;
pub mod presence;
pub mod room;

use trunkline_call::{
    CallKind, CallSnapshot, CallState, CommandError, Direction, Event, EventKind, OperationOutcome,
    ParticipantState, ParticipantView, Roster, TransferState,
};
use trunkline_clock::Timestamp;
use trunkline_ids::{CallId, CommunicationIdentifier, IdentifierKind, ParticipantId};
use trunkline_proto::calling::v1 as wire;
use trunkline_proto::common::v1 as common;
use trunkline_reasons::EndReason;

/// Converts an identifier.
pub fn identifier(identifier: &CommunicationIdentifier) -> common::CommunicationIdentifier {
    let kind = match identifier.kind() {
        IdentifierKind::CommunicationUser => common::IdentifierKind::CommunicationUser,
        IdentifierKind::MicrosoftTeamsApp => common::IdentifierKind::MicrosoftTeamsApp,
        IdentifierKind::MicrosoftTeamsUser => common::IdentifierKind::MicrosoftTeamsUser,
        IdentifierKind::PhoneNumber => common::IdentifierKind::PhoneNumber,
        IdentifierKind::TeamsExtensionUser => common::IdentifierKind::TeamsExtensionUser,
        IdentifierKind::Unknown => common::IdentifierKind::Unspecified,
    };
    common::CommunicationIdentifier { raw_id: identifier.to_string(), kind: kind.into() }
}

/// Converts a wall-clock time.
pub fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    let nanos = i32::try_from(at.subsec_nanos()).unwrap_or_default();
    prost_types::Timestamp { seconds: at.as_unix_seconds(), nanos }
}

/// Reads a wall-clock time, to 100 ns; `None` for one that no calendar has.
pub fn parse_timestamp(at: &prost_types::Timestamp) -> Option<Timestamp> {
    let nanos = u32::try_from(at.nanos).ok().filter(|nanos| *nanos < NANOS_PER_SECOND)?;
    // A time outside the calendar becomes the nearest one inside.
    let time = Timestamp::from_unix_parts(at.seconds, nanos);
    (time.as_unix_seconds() == at.seconds).then_some(time)
}

/// Converts an end reason.
pub fn end_reason(reason: EndReason) -> common::EndReason {
    common::EndReason {
        code: i32::from(reason.code()),
        sub_code: i32::try_from(reason.sub_code()).unwrap_or(i32::MAX),
        category: reason.category().to_string(),
        meaning: reason.meaning().to_owned(),
    }
}

/// Converts the refusal of a command.
pub fn command_error(error: &CommandError) -> common::Error {
    common::Error {
        code: command_error_code(error).to_owned(),
        message: error.to_string(),
        reason: Some(end_reason(error.reason())),
    }
}

/// Converts the failure of an operation that had been taken up.
pub fn failure(reason: EndReason) -> common::Error {
    common::Error {
        code: "operation_failed".to_owned(),
        message: reason.meaning().to_owned(),
        reason: Some(end_reason(reason)),
    }
}

/// Converts a call's state.
pub fn call_state(state: CallState) -> wire::CallState {
    match state {
        CallState::None => wire::CallState::None,
        CallState::Connecting => wire::CallState::Connecting,
        CallState::Ringing => wire::CallState::Ringing,
        CallState::EarlyMedia => wire::CallState::EarlyMedia,
        CallState::Connected => wire::CallState::Connected,
        CallState::LocalHold => wire::CallState::LocalHold,
        CallState::RemoteHold => wire::CallState::RemoteHold,
        CallState::InLobby => wire::CallState::InLobby,
        CallState::Disconnecting => wire::CallState::Disconnecting,
        CallState::Disconnected => wire::CallState::Disconnected,
    }
}

/// Converts a participant's state.
pub fn participant_state(state: ParticipantState) -> wire::ParticipantState {
    match state {
        ParticipantState::Idle => wire::ParticipantState::Idle,
        ParticipantState::Connecting => wire::ParticipantState::Connecting,
        ParticipantState::Ringing => wire::ParticipantState::Ringing,
        ParticipantState::Connected => wire::ParticipantState::Connected,
        ParticipantState::Hold => wire::ParticipantState::Hold,
        ParticipantState::EarlyMedia => wire::ParticipantState::EarlyMedia,
        ParticipantState::InLobby => wire::ParticipantState::InLobby,
        ParticipantState::Disconnected => wire::ParticipantState::Disconnected,
    }
}

/// Converts the state of a transfer.
pub fn transfer_state(state: TransferState) -> wire::TransferState {
    match state {
        TransferState::None => wire::TransferState::Unspecified,
        TransferState::Transferring => wire::TransferState::Transferring,
        TransferState::Accepted => wire::TransferState::Accepted,
        TransferState::Failed => wire::TransferState::Failed,
    }
}

/// Converts the kind of a call.
pub fn call_kind(kind: CallKind) -> wire::CallKind {
    match kind {
        CallKind::Group => wire::CallKind::Group,
        CallKind::Meeting => wire::CallKind::Meeting,
        CallKind::OneToOne => wire::CallKind::OneToOne,
    }
}

/// Converts a participant.
pub fn participant(view: &ParticipantView) -> wire::Participant {
    let direction = match view.direction {
        Direction::Incoming => wire::CallDirection::Incoming,
        Direction::Outgoing => wire::CallDirection::Outgoing,
    };
    wire::Participant {
        participant_id: view.participant_id.to_string(),
        identifier: Some(identifier(&view.identifier)),
        display_name: view.display_name.as_ref().map(ToString::to_string).unwrap_or_default(),
        state: participant_state(view.state).into(),
        call_state: call_state(view.call_state).into(),
        call_connection_id: view.connection_id.map(|id| id.to_string()).unwrap_or_default(),
        direction: direction.into(),
        is_muted: view.is_muted,
        is_speaking: view.is_speaking,
        is_video_on: view.is_video_on,
        is_screen_sharing_on: view.is_screen_sharing_on,
        call_end_reason: view.call_end_reason.map(end_reason),
        transferring_to: view.transferring_to.map(|id| id.to_string()).unwrap_or_default(),
    }
}

/// Converts a whole call.
pub fn call(snapshot: &CallSnapshot) -> wire::Call {
    wire::Call {
        call_id: snapshot.call_id.to_string(),
        kind: call_kind(snapshot.kind).into(),
        group_id: snapshot.group_id.map(|id| id.to_string()).unwrap_or_default(),
        thread_id: snapshot.thread_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        participants: snapshot.participants.iter().map(participant).collect(),
        seq: snapshot.seq,
        started_at: Some(timestamp(snapshot.started_at)),
        end_reason: snapshot.end_reason.map(end_reason),
    }
}

/// Makes the event that a subscription begins with.
pub fn snapshot_event(snapshot: &CallSnapshot, at: Timestamp) -> wire::CallEvent {
    wire::CallEvent {
        call_id: snapshot.call_id.to_string(),
        seq: snapshot.seq,
        time: Some(timestamp(at)),
        kind: Some(wire::call_event::Kind::Snapshot(call(snapshot))),
    }
}

/// Converts an event. `roster` is the roster after the event: an event that changes part of a
/// participant's record travels with the whole record.
pub fn event(call_id: &CallId, event: &Event, roster: &Roster) -> wire::CallEvent {
    wire::CallEvent {
        call_id: call_id.to_string(),
        seq: event.seq,
        time: Some(timestamp(event.at)),
        kind: Some(event_kind(&event.kind, roster)),
    }
}

fn event_kind(kind: &EventKind, roster: &Roster) -> wire::call_event::Kind {
    use wire::call_event::Kind;

    let updated = |participant_id: &ParticipantId| {
        Kind::ParticipantUpdated(wire::ParticipantUpdated {
            participant: roster.participant(participant_id).map(participant),
        })
    };
    match kind {
        EventKind::CallEnded { reason } => {
            Kind::CallEnded(wire::CallEnded { reason: Some(end_reason(*reason)) })
        }
        EventKind::CallStarted { kind, thread_id } => Kind::CallStarted(wire::CallStarted {
            kind: call_kind(*kind).into(),
            thread_id: thread_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        }),
        EventKind::ConnectionStateChanged {
            connection_id,
            participant_id,
            from,
            to,
            end_reason: reason,
        } => Kind::CallStateChanged(wire::CallStateChanged {
            participant_id: participant_id.to_string(),
            call_connection_id: connection_id.to_string(),
            previous: call_state(*from).into(),
            state: call_state(*to).into(),
            participant_state: participant_state(ParticipantState::of(*to)).into(),
            reason: reason.map(end_reason),
        }),
        EventKind::KindChanged { to, thread_id, .. } => {
            Kind::CallKindChanged(wire::CallKindChanged {
                kind: call_kind(*to).into(),
                thread_id: thread_id.to_string(),
            })
        }
        EventKind::OperationCompleted { operation_id, participant_id, outcome, .. } => {
            Kind::OperationCompleted(wire::OperationCompleted {
                operation_id: operation_id.to_string(),
                participant_id: participant_id.map(|id| id.to_string()).unwrap_or_default(),
                error: match outcome {
                    OperationOutcome::Failed { reason } => Some(failure(*reason)),
                    OperationOutcome::Succeeded => None,
                },
            })
        }
        EventKind::ParticipantAdded { participant: view } => {
            Kind::ParticipantAdded(wire::ParticipantAdded { participant: Some(participant(view)) })
        }
        EventKind::ParticipantRemoved { participant_id, reason } => {
            Kind::ParticipantRemoved(wire::ParticipantRemoved {
                participant_id: participant_id.to_string(),
                reason: Some(end_reason(*reason)),
            })
        }
        EventKind::ParticipantStateChanged { participant_id, from, to, end_reason: reason } => {
            Kind::ParticipantStateChanged(wire::ParticipantStateChanged {
                participant_id: participant_id.to_string(),
                previous: participant_state(*from).into(),
                state: participant_state(*to).into(),
                reason: reason.map(end_reason),
            })
        }
        EventKind::SpeakingChanged { changes } => {
            let change = |(id, is_speaking): &(ParticipantId, bool)| wire::SpeakingChange {
                participant_id: id.to_string(),
                is_speaking: *is_speaking,
            };
            Kind::SpeakingChanged(wire::SpeakingChanged {
                changes: changes.iter().map(change).collect(),
            })
        }
        EventKind::TransferStateChanged { transferor, transferee, target, to, reason } => {
            Kind::TransferStateChanged(wire::TransferStateChanged {
                transferor_id: transferor.to_string(),
                transferee_id: transferee.map(|id| id.to_string()).unwrap_or_default(),
                target_id: target.to_string(),
                state: transfer_state(*to).into(),
                reason: reason.map(end_reason),
            })
        }
        EventKind::ParticipantAccepted { participant_id, .. }
        | EventKind::ParticipantMuteChanged { participant_id, .. }
        | EventKind::ScreenShareChanged { participant_id, .. }
        | EventKind::VideoChanged { participant_id, .. } => updated(participant_id),
    }
}

fn command_error_code(error: &CommandError) -> &'static str {
    match error {
        CommandError::AcceptedElsewhere => "accepted_elsewhere",
        CommandError::AlreadyInCall => "already_in_call",
        CommandError::AlreadyParticipant { .. } => "already_participant",
        CommandError::AlreadyPlaced => "already_placed",
        CommandError::CallEnded { .. } => "call_ended",
        CommandError::DuplicateTarget { .. } => "duplicate_target",
        CommandError::NoTargets => "no_targets",
        CommandError::NobodyToTransfer => "nobody_to_transfer",
        CommandError::NotConnected { .. } => "not_connected",
        CommandError::NotHeld { .. } => "not_held",
        CommandError::NotInCall => "not_in_call",
        CommandError::NotJoinable { .. } => "not_joinable",
        CommandError::NotPending { .. } => "not_pending",
        CommandError::NotPlaceable => "not_placeable",
        CommandError::NotSettingUp { .. } => "not_setting_up",
        CommandError::NothingToAccept => "nothing_to_accept",
        CommandError::NothingToReject => "nothing_to_reject",
        CommandError::ParticipantNotFound => "participant_not_found",
        CommandError::ScreenShareAlreadyStarted => "screen_share_already_started",
        CommandError::ScreenShareAlreadyStopped => "screen_share_already_stopped",
        CommandError::ScreenShareNotConnected { .. } => "screen_share_not_connected",
        CommandError::ScreenShareTaken { .. } => "screen_share_taken",
        CommandError::TargetIsActor => "target_is_actor",
        CommandError::TooManyParticipants { .. } => "too_many_participants",
        CommandError::TransferInProgress { .. } => "transfer_in_progress",
        CommandError::MeetingDecides => "meeting_decides",
        CommandError::NotAllowed { .. } => "not_allowed",
        CommandError::UnsupportedKind { .. } => "unsupported_kind",
        CommandError::VideoAlreadyStarted => "video_already_started",
        CommandError::VideoAlreadyStopped => "video_already_stopped",
    }
}

const NANOS_PER_SECOND: u32 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_back_to_the_microsecond() {
        for micros in [0, 1, -1, 1_700_000_000_123_456, -62_000_000_000_000_001] {
            let time = Timestamp::from_unix_micros(micros);
            assert_eq!(parse_timestamp(&timestamp(time)), Some(time), "{micros}");
        }
    }

    #[test]
    fn times_that_no_calendar_has_are_refused() {
        for (seconds, nanos) in [(0, -1), (0, 1_000_000_000), (i64::MAX, 0), (300_000_000_000, 0)] {
            assert_eq!(parse_timestamp(&prost_types::Timestamp { seconds, nanos }), None);
        }
    }
}
