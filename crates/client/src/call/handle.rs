//! The handle of a call.

use std::{fmt, sync::Arc};

use trunkline_call::{CallKind, CallState, Direction};
use trunkline_ids::{CallConnectionId, CallId, CommunicationIdentifier, ParticipantId, ThreadId};
use trunkline_media::control::StreamKind;
use trunkline_proto::{
    calling::v1 as calling,
    meetings::v1::{self as meetings, meeting_action},
    signaling::v1::{self as signaling, command::Kind},
};

use super::{CallEvent, CallInfo, CallShared, CallerInfo, StateChange};
use crate::{
    agent::Completion,
    audio::AudioSource,
    error::{
        ActInMeetingError, AddParticipantError, HangUpError, HoldError, MuteError,
        MuteParticipantError, OperationFailure, RemoveParticipantError, ResumeError,
        ScreenShareError, SnapshotError, TransferError, UnmuteError, VideoError, VideoTilesError,
    },
    event::Events,
    identity::{CallEndReason, CallTarget},
    media::{MediaControl, MediaHandle, MediaStatistics},
    participant::RemoteParticipant,
};

/// A call.
///
/// It exists from the moment it is started, joined or accepted; what the exchange says later shows
/// in its state and events. Handles are cheap to clone and equal when they are the same call.
#[derive(Clone)]
pub struct Call {
    pub(crate) shared: Arc<CallShared>,
}

impl Call {
    /// Returns the exchange's name of the call, once it has one.
    pub fn id(&self) -> Option<CallId> {
        self.shared.model().call_id
    }

    /// Returns this endpoint's connection to the call, once it has one.
    pub fn call_connection_id(&self) -> Option<CallConnectionId> {
        self.shared.model().call_connection_id
    }

    /// Returns this endpoint's entry in the roster, once it has one.
    pub fn participant_id(&self) -> Option<ParticipantId> {
        self.shared.model().own
    }

    /// Returns the state.
    pub fn state(&self) -> CallState {
        self.shared.model().state
    }

    /// Returns every step of the state so far.
    pub fn state_history(&self) -> Vec<StateChange> {
        self.shared.model().history.clone()
    }

    /// Returns why the call ended, once it is ending.
    pub fn call_end_reason(&self) -> Option<CallEndReason> {
        self.shared.model().call_end_reason.clone()
    }

    /// Returns whether this endpoint was called or calls.
    pub fn direction(&self) -> Direction {
        self.shared.model().direction
    }

    /// Returns the chat thread and the kind of the call.
    pub fn info(&self) -> CallInfo {
        let model = self.shared.model();
        CallInfo { thread_id: model.thread_id.clone(), kind: model.kind }
    }

    /// Returns the kind of the call.
    pub fn kind(&self) -> CallKind {
        self.shared.model().kind
    }

    /// Returns who called; none for a call that this endpoint placed or joined.
    pub fn caller_info(&self) -> Option<CallerInfo> {
        self.shared.model().caller.clone()
    }

    /// Returns whether this endpoint is muted, by itself or by another.
    pub fn is_muted(&self) -> bool {
        self.shared.model().is_muted
    }

    /// Returns whether this endpoint's camera is on.
    pub fn is_video_on(&self) -> bool {
        self.shared.model().is_video_on
    }

    /// Returns whether this endpoint shares its screen.
    pub fn is_screen_sharing_on(&self) -> bool {
        self.shared.model().is_screen_sharing_on
    }

    /// Returns everybody else in the call or being rung, by order of joining.
    pub fn remote_participants(&self) -> Vec<RemoteParticipant> {
        let model = self.shared.model();
        model
            .remote_participants()
            .map(|key| RemoteParticipant::new(Arc::clone(&self.shared), key))
            .collect()
    }

    /// Returns the position in the call's order up to which this client has it.
    pub fn seq(&self) -> u64 {
        self.shared.model().seq
    }

    /// Subscribes to what happens, from the call's beginning; 8,192 events are kept.
    pub fn events(&self) -> Events<CallEvent> {
        self.shared.events.subscribe()
    }

    /// Subscribes to the events of the exchange as they came, for diagnostics and tests.
    pub fn exchange_events(&self) -> Events<calling::CallEvent> {
        self.shared.raw_events.subscribe()
    }

    /// Waits until the call has reached a state, now or at any time before.
    ///
    /// # Errors
    ///
    /// The end reason, when the call ended without ever reaching it.
    pub async fn reached(&self, state: CallState) -> Result<(), Option<CallEndReason>> {
        self.wait_until(|model| {
            if model.state == state || model.history.iter().any(|change| change.state == state) {
                Some(Ok(()))
            } else if model.is_over() {
                Some(Err(model.call_end_reason.clone()))
            } else {
                None
            }
        })
        .await
    }

    /// Waits until the call is in a state, from now on.
    ///
    /// # Errors
    ///
    /// The end reason, when the call ended in another state.
    pub async fn is_in(&self, state: CallState) -> Result<(), Option<CallEndReason>> {
        self.wait_until(|model| {
            if model.state == state {
                Some(Ok(()))
            } else if model.is_over() {
                Some(Err(model.call_end_reason.clone()))
            } else {
                None
            }
        })
        .await
    }

    /// Waits for the end of the call and returns its reason.
    pub async fn ended(&self) -> Option<CallEndReason> {
        self.wait_until(|model| model.is_over().then(|| model.call_end_reason.clone())).await
    }

    /// Leaves the call; it goes on for the others where enough are left.
    pub async fn hang_up(&self) -> Result<(), HangUpError> {
        Ok(self.end(false).await?)
    }

    /// Ends the call for everyone.
    pub async fn hang_up_for_everyone(&self) -> Result<(), HangUpError> {
        Ok(self.end(true).await?)
    }

    /// Mutes this endpoint.
    pub async fn mute(&self) -> Result<(), MuteError> {
        Ok(self.operate(Kind::Mute(calling::MuteRequest::default())).await?)
    }

    /// Unmutes this endpoint.
    pub async fn unmute(&self) -> Result<(), UnmuteError> {
        Ok(self.operate(Kind::Unmute(calling::UnmuteRequest::default())).await?)
    }

    /// Mutes everybody else.
    pub async fn mute_all_remote_participants(&self) -> Result<(), MuteParticipantError> {
        let request = calling::MuteAllParticipantsRequest::default();
        Ok(self.operate(Kind::MuteAllParticipants(request)).await?)
    }

    /// Lets somebody in who waits in the lobby of the meeting, or turns them away.
    pub async fn admit(
        &self,
        participant_id: &ParticipantId,
        is_admitted: bool,
    ) -> Result<(), ActInMeetingError> {
        let person = meetings::Person { participant: participant_id.to_string() };
        self.act_in_meeting(match is_admitted {
            true => meeting_action::Kind::Admit(person),
            false => meeting_action::Kind::Reject(person),
        })
        .await
    }

    /// Lets everybody in who waits in the lobby of the meeting.
    pub async fn admit_all(&self) -> Result<(), ActInMeetingError> {
        self.act_in_meeting(meeting_action::Kind::AdmitAll(meetings::Nothing {})).await
    }

    /// Raises the own hand in the meeting.
    pub async fn raise_hand(&self) -> Result<(), ActInMeetingError> {
        self.act_in_meeting(meeting_action::Kind::RaiseHand(meetings::Nothing {})).await
    }

    /// Does anything else that the protocol knows in the meeting of this call.
    pub async fn act_in_meeting(
        &self,
        action: meeting_action::Kind,
    ) -> Result<(), ActInMeetingError> {
        let action = Some(meetings::MeetingAction { kind: Some(action) });
        let request = signaling::ActInMeeting { action, ..signaling::ActInMeeting::default() };
        Ok(self.operate(Kind::ActInMeeting(Box::new(request))).await?)
    }

    /// Puts the call on hold: no media in either direction until resumed.
    pub async fn hold(&self) -> Result<(), HoldError> {
        Ok(self.operate(Kind::Hold(calling::HoldRequest::default())).await?)
    }

    /// Resumes a call that this endpoint holds.
    pub async fn resume(&self) -> Result<(), ResumeError> {
        Ok(self.operate(Kind::Resume(calling::ResumeRequest::default())).await?)
    }

    /// Calls somebody into the call and returns the new participant at once, in the state `Idle`.
    /// When the exchange refuses, the participant becomes `Disconnected` with the reason.
    pub fn add_participant(
        &self,
        target: impl Into<CallTarget>,
        thread_id: Option<ThreadId>,
    ) -> Result<RemoteParticipant, AddParticipantError> {
        let target = target.into();
        let identifier: Option<CommunicationIdentifier> = target
            .as_str()
            .parse()
            .ok()
            .filter(|identifier| !matches!(identifier, CommunicationIdentifier::Unknown(_)));
        let key = self.shared.model().add_pending(identifier);
        let request = calling::AddParticipantRequest {
            target: target.as_str().to_owned(),
            thread_id: thread_id.map(|id| id.to_string()).unwrap_or_default(),
            ..calling::AddParticipantRequest::default()
        };
        self.shared.agent.add_participant(self.shared.key, Kind::AddParticipant(request), key)?;
        Ok(RemoteParticipant::new(Arc::clone(&self.shared), key))
    }

    /// Takes back an addition that has not been answered.
    pub async fn cancel_add_participant(
        &self,
        participant: &RemoteParticipant,
    ) -> Result<(), RemoveParticipantError> {
        let participant = participant.id().ok_or(RemoveParticipantError::NotInCall)?.to_string();
        let request = calling::CancelAddParticipantRequest {
            participant,
            ..calling::CancelAddParticipantRequest::default()
        };
        Ok(self.operate(Kind::CancelAddParticipant(request)).await?)
    }

    /// Removes somebody; returns when the participant has left the roster.
    pub async fn remove_participant(
        &self,
        participant: &RemoteParticipant,
    ) -> Result<(), RemoveParticipantError> {
        let id = participant.id().ok_or(RemoveParticipantError::NotInCall)?;
        let request = calling::RemoveParticipantRequest {
            participant: id.to_string(),
            ..calling::RemoveParticipantRequest::default()
        };
        self.operate(Kind::RemoveParticipant(request)).await?;
        self.wait_until(|model| {
            let is_there = model
                .remote_participants()
                .filter_map(|key| model.participant(key))
                .any(|record| record.participant_id == Some(id));
            (!is_there || model.is_over()).then_some(())
        })
        .await;
        Ok(())
    }

    /// Hands this endpoint's place in the call to somebody else, and returns once the target has taken
    /// it: then this call ends with 200/7015, while it goes on for the others. When the target does
    /// not come, this call goes on as it was.
    ///
    /// Without a transferee the other side of a one-to-one call is handed over, or everybody else in a
    /// group call.
    pub async fn transfer(
        &self,
        target: impl Into<CallTarget>,
        transferee: Option<&RemoteParticipant>,
    ) -> Result<(), TransferError> {
        let transferee = match transferee {
            None => String::new(),
            Some(named) => named.id().ok_or(TransferError::NotInCall)?.to_string(),
        };
        let request = calling::TransferCallRequest {
            target: target.into().as_str().to_owned(),
            transferee,
            ..calling::TransferCallRequest::default()
        };
        Ok(self.operate(Kind::TransferCall(request)).await?)
    }

    /// Starts sending the camera.
    pub async fn start_video(&self) -> Result<(), VideoError> {
        self.media_with(|media| media.has_camera).ok_or(VideoError::NoMedia)?;
        Ok(self.operate(Kind::StartVideo(signaling::StartVideo::default())).await?)
    }

    /// Stops sending the camera.
    pub async fn stop_video(&self) -> Result<(), VideoError> {
        Ok(self.operate(Kind::StopVideo(signaling::StopVideo::default())).await?)
    }

    /// Starts sharing the screen; one participant at a time may.
    pub async fn start_screen_sharing(&self) -> Result<(), ScreenShareError> {
        self.media_with(|media| media.has_screen).ok_or(ScreenShareError::NoMedia)?;
        Ok(self.operate(Kind::StartScreenShare(signaling::StartScreenShare::default())).await?)
    }

    /// Stops sharing the screen.
    pub async fn stop_screen_sharing(&self) -> Result<(), ScreenShareError> {
        Ok(self.operate(Kind::StopScreenShare(signaling::StopScreenShare::default())).await?)
    }

    /// Chooses whose camera to receive, in the order of the video tiles; a participant that is
    /// `None` frees the tile. Without any choice the exchange fills tiles in order of joining.
    pub async fn set_video_tiles(
        &self,
        participants: &[Option<RemoteParticipant>],
    ) -> Result<(), VideoTilesError> {
        let media = self.shared.media().ok_or(VideoTilesError::TooManyTiles)?;
        if participants.len() > media.receive_video_mids.len() {
            return Err(VideoTilesError::TooManyTiles);
        }
        let id_of = |participant: &RemoteParticipant| participant.id().map(|id| id.to_string());
        let tiles = media
            .receive_video_mids
            .iter()
            .zip(participants)
            .map(|(mid, participant)| calling::VideoTile {
                mid: mid.clone(),
                participant_id: participant.as_ref().and_then(id_of).unwrap_or_default(),
                kind: calling::StreamKind::Camera.into(),
            })
            .collect();
        let request = signaling::SetVideoTiles { tiles, ..signaling::SetVideoTiles::default() };
        let kind = Kind::SetVideoTiles(request);
        Ok(self.shared.agent.operate(self.shared.key, kind, Completion::TakenUp).await?)
    }

    /// Asks the exchange for the whole roster again; the client does so itself after a gap.
    pub async fn refresh(&self) -> Result<(), SnapshotError> {
        let kind = Kind::GetSnapshot(signaling::GetSnapshot::default());
        Ok(self.shared.agent.operate(self.shared.key, kind, Completion::TakenUp).await?)
    }

    /// Replaces what the call says. Does nothing on a call without media.
    pub fn set_audio_source(&self, source: AudioSource) {
        if let Some(media) = self.shared.media() {
            media.tell(MediaControl::SetAudioSource(source));
        }
    }

    /// Returns what the call's media has done so far; none for a call without media.
    pub fn media_statistics(&self) -> Option<MediaStatistics> {
        self.shared.media().map(|media| media.statistics())
    }

    async fn end(&self, for_everyone: bool) -> Result<(), OperationFailure> {
        let request = calling::HangUpRequest { for_everyone, ..calling::HangUpRequest::default() };
        let kind = Kind::HangUp(request);
        self.shared.agent.operate(self.shared.key, kind, Completion::CallEnded).await
    }

    async fn operate(&self, kind: Kind) -> Result<(), OperationFailure> {
        self.shared.agent.operate(self.shared.key, kind, Completion::Terminal).await
    }

    fn media_with(&self, has: impl Fn(&MediaHandle) -> bool) -> Option<MediaHandle> {
        self.shared.media().filter(has)
    }

    async fn wait_until<T>(&self, check: impl Fn(&super::CallModel) -> Option<T>) -> T {
        let mut changed = self.shared.changed.subscribe();
        loop {
            changed.borrow_and_update();
            if let Some(result) = check(&self.shared.model()) {
                return result;
            }
            // The sender lives in what `self` holds, so that it cannot be gone.
            let _ = changed.changed().await;
        }
    }
}

impl PartialEq for Call {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl Eq for Call {}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let model = self.shared.model();
        f.debug_struct("Call")
            .field("id", &model.call_id)
            .field("state", &model.state)
            .field("seq", &model.seq)
            .finish_non_exhaustive()
    }
}

/// Reads what a receive m-line carries.
pub(crate) fn stream_kind(kind: i32) -> Option<StreamKind> {
    match calling::StreamKind::try_from(kind).ok()? {
        calling::StreamKind::Unspecified => None,
        calling::StreamKind::Audio => Some(StreamKind::Audio),
        calling::StreamKind::Camera => Some(StreamKind::Camera),
        calling::StreamKind::Screen => Some(StreamKind::Screen),
    }
}
