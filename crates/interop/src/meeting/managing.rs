//! What hosts change while the meeting runs: settings, roles, the lock, the code.

use std::collections::BTreeMap;

use trunkline_ids::{CommunicationIdentifier, EndpointId, JoinCode};
use trunkline_policy::Policy;

use super::{Meeting, check_details};
use crate::meeting::{
    capability::Capability,
    entering::Done,
    error::{ChangeError, MeetingError},
    input::{Actor, MeetingUpdate},
    output::{CallStep, EventKind, MediaRights, Output, ThreadStep},
    role::MeetingRole,
    settings::MeetingSettings,
};

impl Meeting {
    /// Sets everything. Who waits goes on waiting, however wide the lobby's door is from here on:
    /// early arrivals stay until somebody admits them.
    pub(super) fn change_settings(
        &mut self,
        actor: &Actor,
        settings: MeetingSettings,
    ) -> Result<Done, MeetingError> {
        self.require(actor, Capability::ChangeMeeting)?;
        if settings == *self.settings {
            return Ok(Done::Here);
        }
        let before = self.all_rights();
        self.settings.set(settings);
        self.refresh_roles();
        self.emit(EventKind::SettingsChanged);
        self.tell_rights(&before);
        Ok(Done::Here)
    }

    /// Says anew what it is about, or when; its chat is named after it.
    pub(super) fn update(
        &mut self,
        actor: &Actor,
        update: MeetingUpdate,
    ) -> Result<Done, MeetingError> {
        self.require(actor, Capability::ChangeMeeting)?;
        let MeetingUpdate { subject, schedule } = update;
        let schedule = schedule.unwrap_or(*self.schedule);
        check_details(subject.as_deref(), schedule).map_err(ChangeError::Invalid)?;
        let is_moved = self.schedule.set(schedule);
        let is_renamed = subject.is_some_and(|subject| {
            self.subject.set(Some(subject.into_boxed_str()).filter(|text| !text.is_empty()))
        });
        if is_renamed {
            let thread_id = self.coordinates.thread_id.clone();
            let topic = self.subject.clone();
            self.outputs.push_back(Output::Thread(ThreadStep::Name { thread_id, topic }));
        }
        if is_renamed || is_moved {
            self.emit(EventKind::DetailsChanged);
        }
        Ok(Done::Here)
    }

    pub(super) fn change_role(
        &mut self,
        policy: &Policy,
        actor: &Actor,
        who: CommunicationIdentifier,
        role: MeetingRole,
    ) -> Result<Done, MeetingError> {
        self.require(actor, Capability::ChangeMeeting)?;
        if who == self.organizer {
            return Err(ChangeError::OrganizerFixed.into());
        }
        let is_givable = match role {
            MeetingRole::Organizer => false,
            MeetingRole::Attendee | MeetingRole::Consumer => true,
            MeetingRole::CoOrganizer | MeetingRole::Presenter => !who.is_phone(),
        };
        if !is_givable {
            return Err(ChangeError::RoleNotGivable.into());
        }
        let before = self.all_rights();
        self.roles.insert(who.clone(), role);
        self.refresh_roles();
        self.emit(EventKind::RoleChanged { identifier: who.clone(), role });
        self.tell_rights(&before);
        if role.is_host() {
            // No lobby keeps a host out, not even one who became a host in there.
            self.denied.remove(&who);
            let own = self.waiting().filter(|attendee| attendee.identifier == who);
            let waiting: Vec<_> = own.map(|attendee| attendee.endpoint.clone()).collect();
            for endpoint in waiting {
                self.try_let_in(policy, &endpoint);
            }
        }
        Ok(Done::Here)
    }

    pub(super) fn set_locked(
        &mut self,
        actor: &Actor,
        is_locked: bool,
    ) -> Result<Done, MeetingError> {
        self.require(actor, Capability::ChangeMeeting)?;
        if self.is_locked.set(is_locked) {
            self.emit(EventKind::LockChanged { is_locked });
        }
        Ok(Done::Here)
    }

    pub(super) fn rotate_code(
        &mut self,
        actor: &Actor,
        code: JoinCode,
    ) -> Result<Done, MeetingError> {
        self.require(actor, Capability::ChangeMeeting)?;
        self.code.set(code);
        self.emit(EventKind::CodeRotated);
        Ok(Done::Here)
    }

    /// Gives everybody who is there the role that roles and settings say.
    fn refresh_roles(&mut self) {
        let roles: Vec<(EndpointId, MeetingRole)> = self
            .attendees
            .values()
            .map(|a| (a.endpoint.clone(), self.role_of(&a.identifier, a.kind)))
            .collect();
        for (endpoint, role) in roles {
            if let Some(attendee) = self.attendees.get_mut(&endpoint) {
                attendee.role = role;
            }
        }
    }

    fn all_rights(&self) -> BTreeMap<EndpointId, MediaRights> {
        self.present().map(|a| (a.endpoint.clone(), self.rights_of(a))).collect()
    }

    /// Tells the call whose rights are others than before, and brings those into the chat who may be
    /// in it from here on.
    fn tell_rights(&mut self, before: &BTreeMap<EndpointId, MediaRights>) {
        for (endpoint, rights) in self.all_rights() {
            let own = self.attendees.get(&endpoint);
            if own.is_some_and(|attendee| !self.thread.contains(&attendee.identifier)) {
                self.sync_chat_of(&endpoint);
            }
            if before.get(&endpoint) != Some(&rights) {
                self.outputs.push_back(Output::Call(CallStep::SetRights { endpoint, rights }));
            }
        }
    }
}
