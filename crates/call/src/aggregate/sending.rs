//! What is sent in a call: microphones, cameras and screens.

use super::{Call, commands::Done};
use crate::{
    connection::Ordinal,
    error::CommandError,
    event::EventKind,
    input::{Actor, ParticipantSelector},
    state::CallState,
};

impl Call {
    pub(super) fn mute_participant(
        &mut self,
        actor: &Actor,
        selector: &ParticipantSelector,
    ) -> Result<Done, CommandError> {
        let by = self.established_of(actor)?;
        let selected = self.select(selector)?;
        let states = selected.iter().filter_map(|ordinal| self.state_of(*ordinal));
        if let Some(state) = states.into_iter().find(|state| !state.is_established()) {
            return Err(CommandError::NotConnected { state });
        }
        for ordinal in &selected {
            self.set_muted(*ordinal, by, true);
        }
        Ok(Done::At(selected.first().copied()))
    }

    pub(super) fn mute_all_others(&mut self, actor: &Actor) -> Result<Done, CommandError> {
        let by = self.established_of(actor)?;
        let others: Vec<_> =
            self.established.iter().copied().filter(|ordinal| *ordinal != by).collect();
        for ordinal in others {
            self.set_muted(ordinal, by, true);
        }
        Ok(Done::At(None))
    }

    pub(super) fn set_muted(&mut self, ordinal: Ordinal, by: Ordinal, is_muted: bool) {
        let Some(by) = self.participant_id_of(by) else {
            return;
        };
        let Some(connection) = self.connections.get_mut(&ordinal) else {
            return;
        };
        if connection.is_muted == is_muted {
            return;
        }
        connection.is_muted = is_muted;
        let participant_id = connection.participant_id;
        self.emit(EventKind::ParticipantMuteChanged { participant_id, is_muted, by });
        self.sync_media(ordinal);
        if is_muted {
            self.silence(ordinal);
        }
    }

    pub(super) fn set_video(&mut self, actor: &Actor, is_on: bool) -> Result<Done, CommandError> {
        let ordinal = self.joined_of(actor)?;
        let connection = self.connections.get_mut(&ordinal).ok_or(CommandError::NotInCall)?;
        match (connection.is_video_on, is_on) {
            (true, true) => return Err(CommandError::VideoAlreadyStarted),
            (false, false) => return Err(CommandError::VideoAlreadyStopped),
            (true, false) | (false, true) => connection.is_video_on = is_on,
        }
        let participant_id = connection.participant_id;
        self.emit(EventKind::VideoChanged { participant_id, is_on });
        self.sync_media(ordinal);
        Ok(Done::At(Some(ordinal)))
    }

    pub(super) fn start_screen_share(&mut self, actor: &Actor) -> Result<Done, CommandError> {
        let ordinal = self.joined_of(actor)?;
        let sharer = self.screen_sharer;
        if sharer == Some(ordinal) {
            return Err(CommandError::ScreenShareAlreadyStarted);
        }
        let state = self.state_of(ordinal).unwrap_or(CallState::Disconnected);
        if state != CallState::Connected {
            return Err(CommandError::ScreenShareNotConnected { state });
        }
        if let Some(sharer) = sharer.and_then(|sharer| self.connections.get(&sharer)) {
            return Err(CommandError::ScreenShareTaken { by: sharer.participant_id });
        }
        self.screen_sharer = Some(ordinal);
        self.set_sharing(ordinal, true);
        Ok(Done::At(Some(ordinal)))
    }

    pub(super) fn stop_screen_share(&mut self, actor: &Actor) -> Result<Done, CommandError> {
        let ordinal = self.joined_of(actor)?;
        if self.screen_sharer != Some(ordinal) {
            return Err(CommandError::ScreenShareAlreadyStopped);
        }
        self.screen_sharer = None;
        self.set_sharing(ordinal, false);
        Ok(Done::At(Some(ordinal)))
    }

    pub(super) fn set_sharing(&mut self, ordinal: Ordinal, is_on: bool) {
        let Some(connection) = self.connections.get_mut(&ordinal) else {
            return;
        };
        connection.is_sharing_screen = is_on;
        let participant_id = connection.participant_id;
        self.emit(EventKind::ScreenShareChanged { participant_id, is_on });
        self.sync_media(ordinal);
    }
}
