//! Commands, and the way in: joining, waiting, being let in.

use trunkline_ids::{CommunicationIdentifier, DisplayName, EndpointId};
use trunkline_policy::Policy;
use trunkline_reasons::EndReason;

use super::{Meeting, Phase, Timer};
use crate::{
    meeting::{
        attendee::{Attendee, Stage},
        capability::{Bearer, Capability, Resolution, resolve},
        error::{JoinError, MeetingError, TargetError},
        input::{Action, Actor, Command},
        joiner::{JoinerKind, barrier_between},
        lobby::{Admission, Remembrance},
        operations::{OperationKey, Progress},
        output::{CallStep, EventKind, MediaRights, OperationOutcome, Output, ThreadStep},
        role::MeetingRole,
    },
    roster::{SyncMode, is_chatter},
};

/// What a command has come to when its method returns.
pub(super) enum Done {
    /// It ended.
    Here,
    /// It ends later.
    Later,
}

impl Meeting {
    pub(super) fn handle_command(&mut self, policy: &Policy, command: Command) {
        let Command { actor, operation_id, action } = command;
        let key = OperationKey { actor, operation_id };
        if let Some(progress) = self.operations.progress(&key).cloned() {
            let OperationKey { actor, operation_id } = key;
            self.outputs.push_back(match progress {
                Progress::Ended(outcome) => {
                    Output::Repeated { actor, operation_id, outcome: Some(outcome) }
                }
                Progress::Refused(error) => Output::Rejected { actor, operation_id, error },
                Progress::Running => Output::Repeated { actor, operation_id, outcome: None },
            });
            return;
        }
        match self.run(policy, &key, action) {
            Ok(Done::Here) => self.complete(&key, OperationOutcome::Succeeded),
            Ok(Done::Later) => {}
            Err(error) => {
                self.operations.end(&key, Progress::Refused(error.clone()));
                let OperationKey { actor, operation_id } = key;
                self.outputs.push_back(Output::Rejected { actor, operation_id, error });
            }
        }
    }

    pub(super) fn complete(&mut self, key: &OperationKey, outcome: OperationOutcome) {
        if self.operations.end(key, Progress::Ended(outcome)) {
            let OperationKey { actor, operation_id } = key.clone();
            self.emit(EventKind::OperationCompleted { actor, operation_id, outcome });
        }
    }

    fn run(
        &mut self,
        policy: &Policy,
        key: &OperationKey,
        action: Action,
    ) -> Result<Done, MeetingError> {
        if let Phase::Ended(reason) = self.phase {
            return Err(MeetingError::Ended { reason });
        }
        let actor = &key.actor;
        match action {
            Action::Admit(endpoint) => self.admit(policy, actor, &endpoint),
            Action::AdmitAll => self.admit_all(policy, actor),
            Action::ChangeRole(who, role) => self.change_role(policy, actor, who, role),
            Action::ChangeSettings(settings) => self.change_settings(actor, *settings),
            Action::End => self.end(actor),
            Action::Forgive(who) => {
                self.require(actor, Capability::ManageLobby)?;
                self.denied.remove(&who);
                Ok(Done::Here)
            }
            Action::Invite(who) => {
                self.require(actor, Capability::ChangeMeeting)?;
                self.denied.remove(&who);
                self.invited.insert(who);
                Ok(Done::Here)
            }
            Action::Join { display_name } => self.join(policy, key, display_name),
            Action::Leave => self.leave(actor),
            Action::Lock => self.set_locked(actor, true),
            Action::LowerAllHands => self.lower_all_hands(actor),
            Action::LowerHand(endpoint) => self.lower_hand(actor, &endpoint),
            Action::RaiseHand => self.raise_hand(actor),
            Action::React(reaction) => self.react(actor, reaction),
            Action::Reject(endpoint) => self.reject(actor, &endpoint),
            Action::Remove(endpoint) => self.remove(actor, &endpoint),
            Action::Ring(who) => self.ring(policy, actor, &who),
            Action::RotateCode(code) => self.rotate_code(actor, code),
            Action::Spotlight(endpoint) => self.spotlight(actor, endpoint),
            Action::StopSpotlight(endpoint) => self.stop_spotlight(actor, &endpoint),
            Action::Unlock => self.set_locked(actor, false),
            Action::Update(update) => self.update(actor, *update),
        }
    }

    /// Checks what an actor may do: a program everything, who is there what the role gives, a host
    /// who is not there what hosts may.
    pub(super) fn require(&self, actor: &Actor, asked: Capability) -> Result<(), MeetingError> {
        let bearer = match actor {
            Actor::Application => return Ok(()),
            Actor::User(identifier, endpoint) => match self.own(identifier, endpoint) {
                Some(attendee) => self.bearer(attendee),
                None => self.absent_host(identifier).ok_or(MeetingError::NotInMeeting)?,
            },
        };
        let resolution = resolve(bearer, asked);
        match resolution {
            Resolution::Capable => Ok(()),
            Resolution::FeatureNotSupported
            | Resolution::MeetingRestricted
            | Resolution::NotCapable
            | Resolution::RoleRestricted => {
                Err(MeetingError::NotCapable { capability: asked, resolution })
            }
        }
    }

    /// Returns where an actor is: at its endpoint, else at another one of the same user, in the
    /// meeting sooner than in the lobby.
    pub(super) fn own(
        &self,
        identifier: &CommunicationIdentifier,
        endpoint: &EndpointId,
    ) -> Option<&Attendee> {
        let at_endpoint =
            self.attendees.get(endpoint).filter(|attendee| attendee.identifier == *identifier);
        let elsewhere = || {
            let mut own: Vec<_> =
                self.attendees.values().filter(|a| a.identifier == *identifier).collect();
            own.sort_by_key(|attendee| (attendee.is_waiting(), attendee.place));
            own.first().copied()
        };
        at_endpoint.or_else(elsewhere)
    }

    fn absent_host(&self, identifier: &CommunicationIdentifier) -> Option<Bearer<'_>> {
        let role = match *identifier == self.organizer {
            true => MeetingRole::Organizer,
            false => *self.roles.get(identifier)?,
        };
        role.is_host().then_some(Bearer {
            kind: JoinerKind::Insider,
            role,
            is_waiting: false,
            is_channel: self.is_channel,
            settings: &self.settings,
        })
    }

    fn join(
        &mut self,
        policy: &Policy,
        key: &OperationKey,
        display_name: Option<DisplayName>,
    ) -> Result<Done, MeetingError> {
        let Actor::User(identifier, endpoint) = &key.actor else {
            return Err(JoinError::NoEndpoint.into());
        };
        if self.attendees.contains_key(endpoint) {
            return Err(JoinError::AlreadyJoined.into());
        }
        self.check_federation(identifier, policy)?;
        let decision = self.explain_entry(identifier, policy);
        match decision.admission {
            Admission::Enter => self.check_entry(identifier, policy)?,
            Admission::Refuse(_) => return Err(JoinError::TurnedAway(Box::new(decision)).into()),
            Admission::Wait => {
                let (limit, requested) = (self.config.waiting, self.waiting().count() + 1);
                if requested > limit {
                    return Err(JoinError::LobbyFull { limit, requested }.into());
                }
                // A barrier is not told of before anybody has let the joiner in: what it says about
                // who is there is nothing for somebody in the lobby.
            }
        }
        let tenant_id = &self.coordinates.tenant_id;
        let kind = JoinerKind::of(identifier, &self.organizer, tenant_id, policy);
        let role = self.role_of(identifier, kind);
        let listed = policy.standing(identifier).map(|s| s.user.display_name.clone());
        let place = self.next_place;
        self.next_place += 1;
        let mut attendee = Attendee {
            endpoint: endpoint.clone(),
            identifier: identifier.clone(),
            kind,
            role,
            display_name: listed.or(display_name).unwrap_or_else(DisplayName::guest),
            place,
            hand: None,
            stage: Stage::Present,
        };
        match decision.admission {
            Admission::Enter => {
                self.attendees.insert(endpoint.clone(), attendee);
                self.welcome(endpoint);
                Ok(Done::Here)
            }
            Admission::Refuse(_) | Admission::Wait => {
                attendee.stage = Stage::Waiting(key.clone());
                let view = Box::new(attendee.view());
                self.attendees.insert(endpoint.clone(), attendee);
                self.operations.begin(key.clone());
                let at = self.now.instant + self.config.lobby_inactivity;
                self.timers.set(Timer::Lobby(endpoint.clone()), at);
                let step = CallStep::EnterLobby { endpoint: endpoint.clone() };
                self.outputs.push_back(Output::Call(step));
                self.emit(EventKind::LobbyEntered { attendee: view });
                Ok(Done::Later)
            }
        }
    }

    pub(super) fn check_federation(
        &self,
        identifier: &CommunicationIdentifier,
        policy: &Policy,
    ) -> Result<(), JoinError> {
        let CommunicationIdentifier::CommunicationUser(user) = identifier else {
            return Ok(());
        };
        let Some(tenant) = policy.tenants.get(&self.coordinates.tenant_id) else {
            return Ok(());
        };
        let is_admitted =
            user.resource_id().is_some_and(|id| tenant.federation.admits_to_meetings(&id));
        if is_admitted { Ok(()) } else { Err(JoinError::FederationRequired) }
    }

    /// Everything that must hold before somebody is in the meeting, whichever way they come in.
    fn check_entry(
        &self,
        identifier: &CommunicationIdentifier,
        policy: &Policy,
    ) -> Result<(), JoinError> {
        let limit = self.config.meeting_participants;
        let requested = self.present().count() + 1;
        if requested > limit {
            return Err(JoinError::Full { limit, requested });
        }
        let present = self.present().map(|attendee| &attendee.identifier);
        match barrier_between(identifier, present, policy) {
            Some(decision) => Err(JoinError::Barrier(Box::new(decision))),
            None => Ok(()),
        }
    }

    fn admit(
        &mut self,
        policy: &Policy,
        actor: &Actor,
        endpoint: &EndpointId,
    ) -> Result<Done, MeetingError> {
        self.require(actor, Capability::ManageLobby)?;
        let identifier = self.waiting_at(endpoint)?.identifier.clone();
        self.check_entry(&identifier, policy)?;
        self.let_in(endpoint);
        Ok(Done::Here)
    }

    /// Lets everybody in who may be in the meeting; who may not goes on waiting. It fails if that is
    /// everybody.
    fn admit_all(&mut self, policy: &Policy, actor: &Actor) -> Result<Done, MeetingError> {
        self.require(actor, Capability::ManageLobby)?;
        let mut waiting: Vec<_> =
            self.waiting().map(|a| (a.place, a.endpoint.clone(), a.identifier.clone())).collect();
        waiting.sort_unstable_by_key(|(place, ..)| *place);
        let (mut admitted, mut first_refusal) = (0_usize, None);
        for (_, endpoint, identifier) in waiting {
            match self.check_entry(&identifier, policy) {
                Ok(()) => {
                    self.let_in(&endpoint);
                    admitted += 1;
                }
                Err(error) => first_refusal = first_refusal.or(Some(error)),
            }
        }
        match first_refusal {
            Some(error) if admitted == 0 => Err(error.into()),
            Some(_) | None => Ok(Done::Here),
        }
    }

    /// Somebody in the meeting has another one rung, who was let in by that.
    fn ring(
        &mut self,
        policy: &Policy,
        actor: &Actor,
        who: &CommunicationIdentifier,
    ) -> Result<Done, MeetingError> {
        self.require(
            actor,
            match who {
                CommunicationIdentifier::PhoneNumber(_) => Capability::AddPhoneNumber,
                CommunicationIdentifier::CommunicationUser(_)
                | CommunicationIdentifier::MicrosoftTeamsApp(_)
                | CommunicationIdentifier::MicrosoftTeamsUser(_)
                | CommunicationIdentifier::TeamsExtensionUser(_)
                | CommunicationIdentifier::Unknown(_) => Capability::AddUser,
            },
        )?;
        if self.attendees.values().any(|attendee| attendee.identifier == *who) {
            return Err(JoinError::AlreadyJoined.into());
        }
        self.check_federation(who, policy)?;
        let decision = self.decide_entry_of(who, Remembrance::Admitted, policy);
        match decision.admission {
            Admission::Enter => self.check_entry(who, policy)?,
            Admission::Refuse(_) | Admission::Wait => {
                return Err(JoinError::TurnedAway(Box::new(decision)).into());
            }
        }
        self.denied.remove(who);
        self.admitted.insert(who);
        Ok(Done::Here)
    }

    pub(super) fn waiting_at(&self, endpoint: &EndpointId) -> Result<&Attendee, TargetError> {
        let attendee = self.attendees.get(endpoint).ok_or(TargetError::NotFound)?;
        if attendee.is_waiting() { Ok(attendee) } else { Err(TargetError::NotWaiting) }
    }

    /// Lets in whoever waits at an endpoint, if all that must hold does; nothing happens otherwise.
    pub(super) fn try_let_in(&mut self, policy: &Policy, endpoint: &EndpointId) {
        let waiting = self.attendees.get(endpoint).filter(|attendee| attendee.is_waiting());
        let Some(identifier) = waiting.map(|attendee| attendee.identifier.clone()) else {
            return;
        };
        if self.check_entry(&identifier, policy).is_ok() {
            self.let_in(endpoint);
        }
    }

    fn let_in(&mut self, endpoint: &EndpointId) {
        let Some(attendee) = self.attendees.get_mut(endpoint) else {
            return;
        };
        let Stage::Waiting(key) = std::mem::replace(&mut attendee.stage, Stage::Present) else {
            return;
        };
        let identifier = attendee.identifier.clone();
        self.denied.remove(&identifier);
        self.admitted.insert(&identifier);
        self.timers.cancel(&Timer::Lobby(endpoint.clone()));
        self.emit(EventKind::LobbyLeft { endpoint: endpoint.clone(), reason: None });
        self.welcome(endpoint);
        self.complete(&key, OperationOutcome::Succeeded);
    }

    /// Brings somebody in who is on the list as present: the chat first, then the call, then word of
    /// it.
    fn welcome(&mut self, endpoint: &EndpointId) {
        self.sync_chat_of(endpoint);
        let Some(attendee) = self.attendees.get(endpoint) else {
            return;
        };
        let (view, rights) = (Box::new(attendee.view()), self.rights_of(attendee));
        let step = CallStep::Enter { endpoint: endpoint.clone(), rights };
        self.outputs.push_back(Output::Call(step));
        if self.phase == Phase::Idle {
            self.phase = Phase::Running;
            self.emit(EventKind::MeetingStarted);
        }
        self.emit(EventKind::ParticipantJoined { attendee: view });
    }

    pub(super) fn rights_of(&self, attendee: &Attendee) -> MediaRights {
        let bearer = self.bearer(attendee);
        MediaRights {
            audio: resolve(bearer, Capability::UnmuteMic).is_capable(),
            camera: resolve(bearer, Capability::TurnVideoOn).is_capable(),
            screen: resolve(bearer, Capability::ShareScreen).is_capable(),
        }
    }

    /// Puts somebody who is present into the thread, where the chat follows and they may use it.
    ///
    /// The step comes at every entry, even of a member: another may have taken them out of the thread
    /// a moment ago, and adding a member changes nothing.
    pub(super) fn sync_chat_of(&mut self, endpoint: &EndpointId) {
        let follows = self.settings.sync_roster == SyncMode::Automatic;
        let Some(attendee) = self.attendees.get(endpoint).filter(|a| !a.is_waiting()) else {
            return;
        };
        let identifier = attendee.identifier.clone();
        let may_chat = resolve(self.bearer(attendee), Capability::Chat).is_capable();
        if !follows || !may_chat || !is_chatter(&identifier) {
            return;
        }
        let step = ThreadStep::Add {
            thread_id: self.coordinates.thread_id.clone(),
            identifier: identifier.clone(),
            display_name: Some(attendee.display_name.clone()),
        };
        if self.thread.insert(identifier.clone()) {
            self.added_to_thread.insert(identifier);
        }
        self.outputs.push_back(Output::Thread(step));
    }

    fn reject(&mut self, actor: &Actor, endpoint: &EndpointId) -> Result<Done, MeetingError> {
        self.require(actor, Capability::ManageLobby)?;
        let identifier = self.waiting_at(endpoint)?.identifier.clone();
        self.denied.insert(&identifier);
        self.admitted.remove(&identifier);
        let others = self.waiting().filter(|attendee| attendee.identifier == identifier);
        let everywhere: Vec<_> = others.map(|attendee| attendee.endpoint.clone()).collect();
        for endpoint in everywhere {
            self.end_attendance(&endpoint, EndReason::LOBBY_DISMISSED);
        }
        Ok(Done::Here)
    }
}
