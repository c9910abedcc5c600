//! What the meeting decides about its call: who comes in, who waits, who goes.

use super::{Call, OperationKey, Origin, Status};
use crate::{
    connection::{Connection, Joined, Ordinal, Stage, Via},
    error::CommandError,
    event::{EventKind, OperationOutcome},
    input::{Action, Actor, Entry, MediaRights, MeetingInput},
    output::StreamKind,
    state::CallState,
    transition::Trigger,
};

impl Call {
    pub(super) fn handle_meeting(&mut self, input: MeetingInput) {
        match input {
            MeetingInput::Act(command) => self.carry_out(command),
            MeetingInput::Admit { endpoint, rights } => {
                if let Some(ordinal) = self.by_endpoint.get(&endpoint).copied() {
                    self.set_rights(ordinal, rights);
                    self.let_in(ordinal);
                }
            }
            MeetingInput::Complete { actor, operation_id } => {
                let Ok(ordinal) = self.joined_of(&actor) else {
                    return;
                };
                let key = OperationKey { endpoint: actor.endpoint, operation_id };
                if self.operations.progress(&key).is_none() {
                    let participant_id = self.participant_id_of(ordinal);
                    self.operations.begin(key.clone());
                    self.complete(key, participant_id, OperationOutcome::Succeeded);
                }
            }
            MeetingInput::End { endpoint, reason } => {
                if let Some(ordinal) = self.by_endpoint.get(&endpoint).copied() {
                    self.depart(ordinal, reason);
                }
            }
            MeetingInput::EndCall { reason } => {
                if !self.is_ended() && !self.is_fresh() {
                    self.end_call(reason, reason);
                }
            }
            MeetingInput::Join { actor, operation_id, display_name, media, entry, rights } => {
                let key = OperationKey { endpoint: actor.endpoint.clone(), operation_id };
                if self.answer_repetition(&key) {
                    return;
                }
                let joined = Joined::new(actor.endpoint.clone(), Via::Join, media);
                let mut connection = Connection::new(
                    self.call_id,
                    self.next_ordinal,
                    actor.identifier.clone(),
                    display_name,
                    Stage::Joined(joined),
                );
                connection.rights = rights;
                connection.is_muted = !rights.audio;
                if let Err(error) = self.join_meeting(&key, &actor, connection, entry) {
                    self.refuse(key, error);
                }
            }
            MeetingInput::SetRights { endpoint, rights } => {
                if let Some(ordinal) = self.by_endpoint.get(&endpoint).copied() {
                    self.set_rights(ordinal, rights);
                }
            }
        }
    }

    pub(super) fn check_right(
        &self,
        actor: &Actor,
        stream: StreamKind,
    ) -> Result<(), CommandError> {
        let ordinal = self.joined_of(actor)?;
        let rights = self.connections.get(&ordinal).map(|connection| connection.rights);
        let is_allowed = rights.is_none_or(|rights| match stream {
            StreamKind::Audio => rights.audio,
            StreamKind::Camera => rights.camera,
            StreamKind::Screen => rights.screen,
        });
        if is_allowed { Ok(()) } else { Err(CommandError::NotAllowed { stream }) }
    }

    /// Who waits in the lobby decides about itself alone.
    pub(super) fn check_lobby(&self, actor: &Actor, action: &Action) -> Result<(), CommandError> {
        let state = self.joined_of(actor).ok().and_then(|ordinal| self.state_of(ordinal));
        if state != Some(CallState::InLobby) {
            return Ok(());
        }
        match action {
            Action::HangUp
            | Action::Join { .. }
            | Action::Mute
            | Action::StartVideo
            | Action::StopVideo
            | Action::Unmute => Ok(()),
            Action::Accept { .. }
            | Action::AddParticipant(_)
            | Action::Cancel
            | Action::CancelAddParticipant(_)
            | Action::HangUpForEveryone
            | Action::Hold
            | Action::MuteAllOthers
            | Action::MuteParticipant(_)
            | Action::Place { .. }
            | Action::Reject
            | Action::RemoveParticipant(_)
            | Action::Resume
            | Action::StartScreenShare
            | Action::StopScreenShare
            | Action::Transfer(_) => Err(CommandError::NotConnected { state: CallState::InLobby }),
        }
    }

    pub(super) fn is_held(&self, ordinal: Ordinal) -> bool {
        let joined = self.connections.get(&ordinal).and_then(Connection::joined);
        joined.is_some_and(|joined| joined.is_held)
    }

    fn join_meeting(
        &mut self,
        key: &OperationKey,
        actor: &Actor,
        mut connection: Connection,
        entry: Entry,
    ) -> Result<(), CommandError> {
        match self.origin {
            Origin::Meeting => {}
            Origin::GroupId(_) | Origin::Placed => {
                return Err(CommandError::NotJoinable { kind: self.kind });
            }
        }
        if let Status::Ended(reason) = self.status {
            return Err(CommandError::CallEnded { reason });
        }
        if let Some(ordinal) = self.invitation_of(actor)? {
            return self.accept_in_meeting(key, ordinal, connection, entry);
        }
        self.check_room(self.connections.len() + 1)?;
        if self.status == Status::Fresh {
            self.bind_thread();
            self.start();
        }
        let time = self.config.timeouts.set_up;
        match entry {
            Entry::Direct => {
                let ordinal = self.admit(key, connection, actor.endpoint.clone());
                self.expect_media(ordinal, time);
            }
            Entry::Lobby => {
                if let Some(joined) = connection.joined_mut() {
                    joined.is_held = true;
                }
                let ordinal = self.enroll(connection);
                self.by_endpoint.insert(actor.endpoint.clone(), ordinal);
                let _ = self.walk(ordinal, Trigger::Start);
                let _ = self.walk(ordinal, Trigger::EnterLobby);
                self.attach(ordinal);
                self.start_operation(key, ordinal);
                self.expect_media(ordinal, time);
            }
        }
        Ok(())
    }

    /// Who is being rung and joins has accepted. The meeting let them in when it had them rung; where
    /// it has thought better of it, nothing is accepted.
    fn accept_in_meeting(
        &mut self,
        key: &OperationKey,
        ordinal: Ordinal,
        joiner: Connection,
        entry: Entry,
    ) -> Result<(), CommandError> {
        let Some(media) = joiner.joined().map(|joined| joined.media) else {
            return Err(CommandError::NothingToAccept);
        };
        match entry {
            Entry::Direct => {}
            Entry::Lobby => return Err(CommandError::AlreadyInCall),
        }
        if let Some(connection) = self.connections.get_mut(&ordinal) {
            connection.rights = joiner.rights;
            connection.is_muted = joiner.is_muted;
        }
        self.accept(key, ordinal, joiner.display_name, media);
        Ok(())
    }

    /// Ends the wait of a connection; it is established at once if its media is up.
    fn let_in(&mut self, ordinal: Ordinal) {
        let Some(joined) = self.connections.get_mut(&ordinal).and_then(Connection::joined_mut)
        else {
            return;
        };
        if !joined.is_held {
            return;
        }
        joined.is_held = false;
        let is_media_up = joined.is_media_up;
        self.attach(ordinal);
        if is_media_up {
            self.waiting.insert(ordinal);
            self.settle_arrivals();
        }
    }

    fn set_rights(&mut self, ordinal: Ordinal, rights: MediaRights) {
        let Some(connection) = self.connections.get_mut(&ordinal) else {
            return;
        };
        connection.rights = rights;
        let participant_id = connection.participant_id;
        let stops_video = connection.is_video_on && !rights.camera;
        if stops_video {
            connection.is_video_on = false;
            self.emit(EventKind::VideoChanged { participant_id, is_on: false });
        }
        if !rights.audio {
            self.set_muted(ordinal, ordinal, true);
        }
        if !rights.screen && self.screen_sharer == Some(ordinal) {
            self.screen_sharer = None;
            self.set_sharing(ordinal, false);
        }
        self.sync_media(ordinal);
    }
}
