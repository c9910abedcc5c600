//! Words of the exchange to words of the application. What a newer exchange says and this client
//! does not know is `None`, and whoever asks decides what that means.

use trunkline_call::{CallKind, CallState, ParticipantState};
use trunkline_clock::Timestamp;
use trunkline_proto::calling::v1 as wire;

use super::model::ParticipantRecord;
use crate::identity;

pub(super) fn call_state(value: i32) -> Option<CallState> {
    match wire::CallState::try_from(value).ok()? {
        wire::CallState::Unspecified => None,
        wire::CallState::None => Some(CallState::None),
        wire::CallState::Connecting => Some(CallState::Connecting),
        wire::CallState::Ringing => Some(CallState::Ringing),
        wire::CallState::EarlyMedia => Some(CallState::EarlyMedia),
        wire::CallState::Connected => Some(CallState::Connected),
        wire::CallState::LocalHold => Some(CallState::LocalHold),
        wire::CallState::RemoteHold => Some(CallState::RemoteHold),
        wire::CallState::InLobby => Some(CallState::InLobby),
        wire::CallState::Disconnecting => Some(CallState::Disconnecting),
        wire::CallState::Disconnected => Some(CallState::Disconnected),
    }
}

pub(super) fn participant_state(value: i32) -> Option<ParticipantState> {
    match wire::ParticipantState::try_from(value).ok()? {
        wire::ParticipantState::Unspecified => None,
        wire::ParticipantState::Idle => Some(ParticipantState::Idle),
        wire::ParticipantState::Connecting => Some(ParticipantState::Connecting),
        wire::ParticipantState::Ringing => Some(ParticipantState::Ringing),
        wire::ParticipantState::Connected => Some(ParticipantState::Connected),
        wire::ParticipantState::Hold => Some(ParticipantState::Hold),
        wire::ParticipantState::EarlyMedia => Some(ParticipantState::EarlyMedia),
        wire::ParticipantState::InLobby => Some(ParticipantState::InLobby),
        wire::ParticipantState::Disconnected => Some(ParticipantState::Disconnected),
    }
}

pub(crate) fn call_kind(value: i32) -> Option<CallKind> {
    match wire::CallKind::try_from(value).ok()? {
        wire::CallKind::Unspecified => None,
        wire::CallKind::OneToOne => Some(CallKind::OneToOne),
        wire::CallKind::Group => Some(CallKind::Group),
        wire::CallKind::Meeting => Some(CallKind::Meeting),
    }
}

pub(super) fn participant(record: &wire::Participant) -> Option<ParticipantRecord> {
    Some(ParticipantRecord {
        participant_id: Some(record.participant_id.parse().ok()?),
        identifier: identity::identifier(record.identifier.clone()),
        display_name: text(&record.display_name),
        state: participant_state(record.state)?,
        is_muted: record.is_muted,
        is_speaking: record.is_speaking,
        is_video_on: record.is_video_on,
        is_screen_sharing_on: record.is_screen_sharing_on,
        call_end_reason: record.call_end_reason.clone().map(Into::into),
    })
}

pub(super) fn time(at: Option<&prost_types::Timestamp>) -> Timestamp {
    let Some(at) = at else { return Timestamp::UNIX_EPOCH };
    let micros = at.seconds.saturating_mul(1_000_000).saturating_add(i64::from(at.nanos) / 1_000);
    Timestamp::from_unix_micros(micros)
}

pub(crate) fn text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
