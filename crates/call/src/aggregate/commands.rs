//! What actors want, checked first and then done.

use trunkline_ids::{CommunicationIdentifier, DisplayName};
use trunkline_reasons::EndReason;

use super::{Call, OperationKey, Origin, Status, operations::Progress};
use crate::{
    connection::{Connection, Joined, Ordinal, Stage, Via},
    error::CommandError,
    event::{EventKind, OperationOutcome},
    input::{Action, Actor, Command, Invite, MediaMode, ParticipantSelector},
    output::{Output, StreamKind},
    state::{CallKind, CallState},
};

/// What a command has come to when its method returns.
pub(super) enum Done {
    /// It ended, and the event of that is still to be told.
    At(Option<Ordinal>),
    /// It ended or will end by other means.
    Handled,
}

impl Call {
    pub(super) fn handle_command(&mut self, command: Command) {
        let is_governed = self.kind == CallKind::Meeting && command.action.concerns_others();
        if is_governed {
            let Command { actor, operation_id, .. } = command;
            let key = OperationKey { endpoint: actor.endpoint, operation_id };
            if !self.answer_repetition(&key) {
                self.refuse(key, CommandError::MeetingDecides);
            }
        } else {
            self.carry_out(command);
        }
    }

    pub(super) fn carry_out(&mut self, command: Command) {
        let Command { actor, operation_id, action } = command;
        let key = OperationKey { endpoint: actor.endpoint.clone(), operation_id };
        if self.answer_repetition(&key) {
            return;
        }
        match self.run(&key, &actor, action) {
            Ok(Done::Handled) => {}
            Ok(Done::At(ordinal)) => {
                let participant_id = ordinal.and_then(|ordinal| self.participant_id_of(ordinal));
                self.operations.begin(key.clone());
                self.complete(key, participant_id, OperationOutcome::Succeeded);
            }
            Err(error) => self.refuse(key, error),
        }
    }

    /// Answers a command that came before as it was answered then; returns whether it was one.
    pub(super) fn answer_repetition(&mut self, key: &OperationKey) -> bool {
        let Some(progress) = self.operations.progress(key).cloned() else {
            return false;
        };
        let OperationKey { endpoint, operation_id } = key.clone();
        self.outputs.push_back(match progress {
            Progress::Ended(outcome) => {
                Output::Repeated { endpoint, operation_id, outcome: Some(outcome) }
            }
            Progress::Refused(error) => Output::Rejected { endpoint, operation_id, error },
            Progress::Running => Output::Repeated { endpoint, operation_id, outcome: None },
        });
        true
    }

    pub(super) fn refuse(&mut self, key: OperationKey, error: CommandError) {
        self.operations.refuse(key.clone(), error.clone());
        let OperationKey { endpoint, operation_id } = key;
        self.outputs.push_back(Output::Rejected { endpoint, operation_id, error });
    }

    fn run(
        &mut self,
        key: &OperationKey,
        actor: &Actor,
        action: Action,
    ) -> Result<Done, CommandError> {
        if let Status::Ended(reason) = self.status {
            return Err(CommandError::CallEnded { reason });
        }
        self.check_lobby(actor, &action)?;
        match action {
            Action::Accept { display_name, media } => {
                let ordinal =
                    self.invitation_of(actor)?.ok_or_else(|| self.no_longer_rings(actor))?;
                self.accept(key, ordinal, display_name, media);
                Ok(Done::Handled)
            }
            Action::AddParticipant(invite) => self.add_participant(key, actor, invite),
            Action::Cancel => self.cancel(key, actor),
            Action::CancelAddParticipant(selector) => self.cancel_add(key, actor, &selector),
            Action::HangUp => self.hang_up(key, actor),
            Action::HangUpForEveryone => self.hang_up_for_everyone(key, actor),
            Action::Hold => self.set_holding(actor, true),
            Action::Join { display_name, media } => self.join(key, actor, display_name, media),
            Action::Mute => {
                let ordinal = self.joined_of(actor)?;
                self.set_muted(ordinal, ordinal, true);
                Ok(Done::At(Some(ordinal)))
            }
            Action::MuteAllOthers => self.mute_all_others(actor),
            Action::MuteParticipant(selector) => self.mute_participant(actor, &selector),
            Action::Place { targets, display_name, media } => {
                self.place(key, actor, targets, display_name, media)
            }
            Action::Reject => {
                let ordinal = self.invitation_of(actor)?.ok_or(CommandError::NothingToReject)?;
                self.leave(key, ordinal, EndReason::DECLINED);
                Ok(Done::Handled)
            }
            Action::RemoveParticipant(selector) => self.remove_participant(key, actor, &selector),
            Action::Resume => self.set_holding(actor, false),
            Action::StartScreenShare => {
                self.check_right(actor, StreamKind::Screen)?;
                self.start_screen_share(actor)
            }
            Action::StartVideo => {
                self.check_right(actor, StreamKind::Camera)?;
                self.set_video(actor, true)
            }
            Action::StopScreenShare => self.stop_screen_share(actor),
            Action::StopVideo => self.set_video(actor, false),
            Action::Transfer(transfer) => {
                self.transfer(key, actor, transfer)?;
                Ok(Done::Handled)
            }
            Action::Unmute => {
                self.check_right(actor, StreamKind::Audio)?;
                let ordinal = self.joined_of(actor)?;
                self.set_muted(ordinal, ordinal, false);
                Ok(Done::At(Some(ordinal)))
            }
        }
    }

    fn place(
        &mut self,
        key: &OperationKey,
        actor: &Actor,
        targets: Vec<Invite>,
        display_name: Option<DisplayName>,
        media: MediaMode,
    ) -> Result<Done, CommandError> {
        match self.origin {
            Origin::GroupId(_) => return Err(CommandError::NotPlaceable),
            Origin::Meeting => return Err(CommandError::UnsupportedKind { kind: self.kind }),
            Origin::Placed => {}
        }
        if self.status != Status::Fresh {
            return Err(CommandError::AlreadyPlaced);
        }
        if targets.is_empty() {
            return Err(CommandError::NoTargets);
        }
        self.check_room(1 + targets.len())?;
        let mut seen = std::collections::BTreeSet::new();
        for (position, invite) in targets.iter().enumerate() {
            if invite.target.identifier == actor.identifier {
                return Err(CommandError::TargetIsActor);
            }
            if !seen.insert(&invite.target.identifier) {
                return Err(CommandError::DuplicateTarget { position });
            }
        }
        if targets.len() > 1 {
            self.kind = CallKind::Group;
            self.bind_thread();
        }
        self.start();
        let caller = self.admit_actor(key, actor, display_name, media, Via::Placement);
        self.caller = Some(caller);
        if media == MediaMode::SignalingOnly {
            self.note_media_up(caller);
        }
        let invited: Vec<_> = targets
            .into_iter()
            .map(|invite| {
                let time = self.set_up_time(&invite.target.identifier);
                self.invite(actor, caller, invite, time)
            })
            .collect();
        for ordinal in invited {
            self.end_if_nothing_rings(ordinal);
        }
        Ok(Done::Handled)
    }

    fn join(
        &mut self,
        key: &OperationKey,
        actor: &Actor,
        display_name: Option<DisplayName>,
        media: MediaMode,
    ) -> Result<Done, CommandError> {
        match self.origin {
            Origin::GroupId(_) => {}
            Origin::Meeting => return Err(CommandError::UnsupportedKind { kind: self.kind }),
            Origin::Placed => return Err(CommandError::NotJoinable { kind: self.kind }),
        }
        // Who is being rung and joins meanwhile has accepted.
        if let Some(ordinal) = self.invitation_of(actor)? {
            self.accept(key, ordinal, display_name, media);
            return Ok(Done::Handled);
        }
        self.check_room(self.connections.len() + 1)?;
        if self.status == Status::Fresh {
            self.bind_thread();
            self.start();
        }
        let ordinal = self.admit_actor(key, actor, display_name, media, Via::Join);
        self.expect_media(ordinal, self.config.timeouts.set_up);
        Ok(Done::Handled)
    }

    fn add_participant(
        &mut self,
        key: &OperationKey,
        actor: &Actor,
        invite: Invite,
    ) -> Result<Done, CommandError> {
        let inviter = self.established_of(actor)?;
        self.check_newcomer(actor, &invite)?;
        let mut time = self.set_up_time(&invite.target.identifier);
        match self.kind {
            CallKind::OneToOne => {
                self.promote();
                time = time.max(self.config.timeouts.promotion);
            }
            CallKind::Group | CallKind::Meeting => {}
        }
        let ordinal = self.invite(actor, inviter, invite, time);
        self.start_operation(key, ordinal);
        self.end_if_nothing_rings(ordinal);
        Ok(Done::Handled)
    }

    fn cancel(&mut self, key: &OperationKey, actor: &Actor) -> Result<Done, CommandError> {
        let ordinal = self.joined_of(actor)?;
        let state = self.state_of(ordinal).unwrap_or(CallState::Disconnected);
        if state.is_established() || self.caller != Some(ordinal) {
            return Err(CommandError::NotSettingUp { state });
        }
        self.leave(key, ordinal, EndReason::CANCELED);
        Ok(Done::Handled)
    }

    fn cancel_add(
        &mut self,
        key: &OperationKey,
        actor: &Actor,
        selector: &ParticipantSelector,
    ) -> Result<Done, CommandError> {
        self.established_of(actor)?;
        let selected = self.select(selector)?;
        let joined = selected.iter().find(|ordinal| !self.is_invited(**ordinal));
        if let Some(participant_id) = joined.and_then(|joined| self.participant_id_of(*joined)) {
            return Err(CommandError::NotPending { participant_id });
        }
        for ordinal in selected {
            self.end_connection(ordinal, EndReason::CANCELED);
        }
        self.operations.begin(key.clone());
        self.complete(key.clone(), None, OperationOutcome::Succeeded);
        self.settle_departure(EndReason::CANCELED);
        Ok(Done::Handled)
    }

    fn hang_up(&mut self, key: &OperationKey, actor: &Actor) -> Result<Done, CommandError> {
        if let Ok(ordinal) = self.joined_of(actor) {
            let reason =
                if self.is_placing(ordinal) { EndReason::CANCELED } else { EndReason::HUNG_UP };
            self.leave(key, ordinal, reason);
            return Ok(Done::Handled);
        }
        // Hanging up is legal in every state; while it rings here, it declines.
        let ordinal = self.invitation_of(actor)?.ok_or(CommandError::NotInCall)?;
        self.leave(key, ordinal, EndReason::DECLINED);
        Ok(Done::Handled)
    }

    fn hang_up_for_everyone(
        &mut self,
        key: &OperationKey,
        actor: &Actor,
    ) -> Result<Done, CommandError> {
        let ordinal = self.joined_of(actor)?;
        let reason = if self.is_placing(ordinal) {
            EndReason::CANCELED
        } else {
            EndReason::ENDED_FOR_EVERYONE
        };
        let participant_id = self.participant_id_of(ordinal);
        while let Some((other, _)) = self.connections.first_key_value() {
            let other = *other;
            self.end_connection(other, reason);
        }
        self.operations.begin(key.clone());
        self.complete(key.clone(), participant_id, OperationOutcome::Succeeded);
        self.finish(reason);
        Ok(Done::Handled)
    }

    fn remove_participant(
        &mut self,
        key: &OperationKey,
        actor: &Actor,
        selector: &ParticipantSelector,
    ) -> Result<Done, CommandError> {
        let own = self.joined_of(actor)?;
        let selected = self.select(selector)?;
        if selected.contains(&own) {
            return Err(CommandError::TargetIsActor);
        }
        // An invitation may be taken back at any time; people only by who is in the call.
        if !selected.iter().all(|ordinal| self.is_invited(*ordinal)) {
            self.established_of(actor)?;
        }
        let participant_id = selected.first().and_then(|first| self.participant_id_of(*first));
        let cause = self.end_all(selected);
        self.operations.begin(key.clone());
        self.complete(key.clone(), participant_id, OperationOutcome::Succeeded);
        self.settle_departure(cause);
        Ok(Done::Handled)
    }

    fn set_holding(&mut self, actor: &Actor, is_holding: bool) -> Result<Done, CommandError> {
        let ordinal = self.established_of(actor)?;
        let connection = self.connections.get_mut(&ordinal).ok_or(CommandError::NotInCall)?;
        if !is_holding && !connection.is_holding {
            return Err(CommandError::NotHeld { state: connection.state });
        }
        if connection.is_holding != is_holding {
            connection.is_holding = is_holding;
            self.refresh_hold(ordinal);
            self.refresh_holds();
            self.sync_media(ordinal);
            if is_holding {
                self.silence(ordinal);
            }
        }
        Ok(Done::At(Some(ordinal)))
    }

    pub(super) fn start(&mut self) {
        self.status = Status::Active;
        self.started_at = self.now.wall;
        let (kind, thread_id) = (self.kind, self.thread_id().cloned());
        self.emit(EventKind::CallStarted { kind, thread_id });
    }

    fn admit_actor(
        &mut self,
        key: &OperationKey,
        actor: &Actor,
        display_name: Option<DisplayName>,
        media: MediaMode,
        via: Via,
    ) -> Ordinal {
        let joined = Joined::new(actor.endpoint.clone(), via, media);
        let connection = Connection::new(
            self.call_id,
            self.next_ordinal,
            actor.identifier.clone(),
            display_name,
            Stage::Joined(joined),
        );
        self.admit(key, connection, actor.endpoint.clone())
    }

    /// Ends a connection by its own operation, which completes before the call may end.
    fn leave(&mut self, key: &OperationKey, ordinal: Ordinal, reason: EndReason) {
        let participant_id = self.participant_id_of(ordinal);
        self.end_connection(ordinal, reason);
        self.operations.begin(key.clone());
        self.complete(key.clone(), participant_id, OperationOutcome::Succeeded);
        self.settle_departure(reason);
    }

    /// Somebody who has no endpoint cannot ring: the one reason that needs no waiting.
    pub(super) fn end_if_nothing_rings(&mut self, ordinal: Ordinal) {
        let ringing = self.connections.get(&ordinal).and_then(Connection::ringing);
        if ringing.is_some_and(|ringing| ringing.endpoints.is_empty()) {
            self.depart(ordinal, EndReason::NO_REGISTERED_ENDPOINT);
        }
    }

    /// Checks whether somebody can be called into the call by an actor.
    pub(super) fn check_newcomer(
        &self,
        actor: &Actor,
        invite: &Invite,
    ) -> Result<(), CommandError> {
        let identifier = &invite.target.identifier;
        if *identifier == actor.identifier {
            return Err(CommandError::TargetIsActor);
        }
        let known = self.by_identifier.get(identifier).and_then(|ordinals| ordinals.first());
        if let Some(connection) = known.and_then(|ordinal| self.connections.get(ordinal)) {
            let participant_id = connection.participant_id;
            return Err(CommandError::AlreadyParticipant { participant_id });
        }
        self.check_room(self.connections.len() + 1)
    }

    pub(super) fn check_room(&self, requested: usize) -> Result<(), CommandError> {
        let limit = self.config.limits.participants;
        if requested > limit {
            return Err(CommandError::TooManyParticipants { limit, requested });
        }
        Ok(())
    }

    fn set_up_time(&self, identifier: &CommunicationIdentifier) -> std::time::Duration {
        let timeouts = &self.config.timeouts;
        if identifier.is_phone() { timeouts.phone_set_up } else { timeouts.set_up }
    }

    /// Whether the connection placed the call and nobody has been reached so far.
    fn is_placing(&self, ordinal: Ordinal) -> bool {
        self.caller == Some(ordinal)
            && !self.was_shared
            && !self.state_of(ordinal).is_some_and(CallState::is_established)
    }
}
