//! Somebody else in a call.

use std::{fmt, sync::Arc};

use trunkline_call::ParticipantState;
use trunkline_ids::{CommunicationIdentifier, ParticipantId};
use trunkline_media::control::StreamKind;
use trunkline_proto::{calling::v1 as calling, signaling::v1::command::Kind};

use crate::{
    agent::Completion,
    call::{
        CallShared,
        model::{ParticipantKey, ParticipantRecord},
    },
    error::MuteParticipantError,
    identity::CallEndReason,
};

/// Somebody else in a call. The handle stays valid after the participant left.
#[derive(Clone)]
pub struct RemoteParticipant {
    shared: Arc<CallShared>,
    key: ParticipantKey,
}

/// A video that a participant sends.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct RemoteVideoStream {
    /// Camera or screen.
    pub kind: StreamKind,
}

impl RemoteParticipant {
    pub(crate) fn new(shared: Arc<CallShared>, key: ParticipantKey) -> Self {
        Self { shared, key }
    }

    /// Returns the exchange's name within the call; none until an addition is acknowledged.
    pub fn id(&self) -> Option<ParticipantId> {
        self.read(|record| record.participant_id)
    }

    /// Returns who it is; none for somebody added by alias until the exchange has said who that is.
    pub fn identifier(&self) -> Option<CommunicationIdentifier> {
        self.read(|record| record.identifier.clone())
    }

    /// Returns the name to show.
    pub fn display_name(&self) -> Option<String> {
        self.read(|record| record.display_name.clone())
    }

    /// Returns the state.
    pub fn state(&self) -> ParticipantState {
        self.read(|record| Some(record.state)).unwrap_or(ParticipantState::Idle)
    }

    /// Returns why the participant left, once it has.
    pub fn call_end_reason(&self) -> Option<CallEndReason> {
        self.read(|record| record.call_end_reason.clone())
    }

    /// Returns whether the participant is muted, by itself or by another.
    pub fn is_muted(&self) -> bool {
        self.read(|record| Some(record.is_muted)).unwrap_or_default()
    }

    /// Returns whether the participant sends non-empty audio.
    pub fn is_speaking(&self) -> bool {
        self.read(|record| Some(record.is_speaking)).unwrap_or_default()
    }

    /// Returns the videos that the participant sends.
    pub fn video_streams(&self) -> Vec<RemoteVideoStream> {
        let streams = self.read(|record| {
            let camera = record.is_video_on.then_some(StreamKind::Camera);
            let screen = record.is_screen_sharing_on.then_some(StreamKind::Screen);
            Some([camera, screen])
        });
        streams.into_iter().flatten().flatten().map(|kind| RemoteVideoStream { kind }).collect()
    }

    /// Mutes the participant; only itself can unmute.
    pub async fn mute(&self) -> Result<(), MuteParticipantError> {
        let participant = self.id().map(|id| id.to_string()).unwrap_or_default();
        let request = calling::MuteParticipantRequest {
            participant,
            ..calling::MuteParticipantRequest::default()
        };
        let kind = Kind::MuteParticipant(request);
        let completion = Completion::Terminal;
        Ok(self.shared.agent.operate(self.shared.key, kind, completion).await?)
    }

    /// Waits until the participant is in a state, or can no longer be: returns the state then.
    pub async fn reached(&self, state: ParticipantState) -> ParticipantState {
        let mut changed = self.shared.changed.subscribe();
        loop {
            changed.borrow_and_update();
            let current = self.state();
            let is_over = self.shared.model().is_over();
            if current == state || current == ParticipantState::Disconnected || is_over {
                return current;
            }
            // The sender lives in what `self` holds, so that it cannot be gone.
            let _ = changed.changed().await;
        }
    }

    fn read<T>(&self, read: impl FnOnce(&ParticipantRecord) -> Option<T>) -> Option<T> {
        self.shared.model().participant(self.key).and_then(read)
    }
}

impl PartialEq for RemoteParticipant {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
            && (self.key == other.key || (self.id().is_some() && self.id() == other.id()))
    }
}

impl Eq for RemoteParticipant {}

impl fmt::Debug for RemoteParticipant {
    /// Shows no name and no identifier.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteParticipant")
            .field("id", &self.id())
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
