//! What outlives a restart of a meeting, and the meeting made from it again.
//!
//! Who is in the meeting or its lobby, raised hands, spotlights and finished operations do not: after
//! a restart nobody is connected. The code by which it is joined does, but not in here, because
//! whoever stores it encrypts it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};
use trunkline_clock::{Now, Timestamp};
use trunkline_ids::{CommunicationIdentifier, JoinCode, MeetingCoordinates, MeetingId};
use trunkline_policy::Policy;
use trunkline_reasons::EndReason;

use super::{CreateMeetingError, Kept, Meeting, NewMeeting, Phase, Schedule};
use crate::{
    meeting::{
        attendee::People, joiner::JoinerKind, role::MeetingRole, settings::MeetingConfig,
        settings::MeetingSettings,
    },
    roster::SyncMode,
};

/// A meeting as it is stored, without its code.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MeetingRecord {
    /// The id.
    pub id: MeetingId,
    /// The coordinates by which it is joined.
    pub coordinates: MeetingCoordinates,
    /// Whose meeting it is.
    pub organizer: CommunicationIdentifier,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Box<str>>,
    /// When it takes place.
    pub schedule: Schedule,
    /// Whether it belongs to a channel.
    pub is_channel: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// The settings.
    pub settings: MeetingSettings,
    /// Who was given which role.
    pub roles: BTreeMap<CommunicationIdentifier, MeetingRole>,
    /// Who is invited by name.
    pub invited: BTreeSet<CommunicationIdentifier>,
    /// Whether nobody else may come.
    pub is_locked: bool,
    /// Who was admitted and is let in again, the latest last.
    pub admitted: Vec<CommunicationIdentifier>,
    /// Who was denied and is turned away again, the latest last.
    pub denied: Vec<CommunicationIdentifier>,
    /// Who is in the thread, as far as the meeting was told.
    pub thread_members: BTreeSet<CommunicationIdentifier>,
    /// Whom the meeting itself put there.
    pub added_to_thread: BTreeSet<CommunicationIdentifier>,
    /// Why it ended, if it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_reason: Option<EndReason>,
}

impl Meeting {
    /// Makes a meeting from what was stored of it. Nobody is in it, whoever was before.
    ///
    /// Events are counted from 1 again, and operations that were named before are run again: the
    /// driver says to subscribers and actors that they start over. Under a smaller
    /// [`MeetingConfig::remembered_people`] than before, the oldest are forgotten.
    ///
    /// # Errors
    ///
    /// Refuses a record that no meeting can have written, as [`Meeting::create`] does.
    pub fn restore(
        now: Now,
        record: MeetingRecord,
        code: JoinCode,
        config: MeetingConfig,
    ) -> Result<Self, CreateMeetingError> {
        let mut meeting = Self::create(
            now,
            NewMeeting {
                id: record.id,
                coordinates: record.coordinates,
                organizer: record.organizer,
                subject: record.subject.map(Into::into),
                schedule: record.schedule,
                is_channel: record.is_channel,
                code,
                settings: record.settings,
                roles: record.roles,
                invited: record.invited,
                thread_members: record.thread_members,
                config,
            },
        )?;
        meeting.created_at = record.created_at;
        meeting.is_locked = Kept::new(record.is_locked);
        meeting.admitted = People::recall(meeting.config.remembered_people, record.admitted);
        meeting.denied = People::recall(meeting.config.remembered_people, record.denied);
        meeting.added_to_thread = Kept::new(record.added_to_thread);
        meeting.phase = record.end_reason.map_or(Phase::Idle, Phase::Ended);
        Ok(meeting)
    }

    /// Takes those guests out of the thread whom the meeting had put there and who are not in the
    /// meeting: after a restart, when those who were in it have had time to come back. The driver
    /// drains `poll_output` as after any input.
    pub fn handle_absence(&mut self, now: Now, policy: &Policy) {
        self.now = now;
        if self.settings.sync_roster != SyncMode::Automatic {
            return;
        }
        let tenant_id = &self.coordinates.tenant_id;
        let absent = self.added_to_thread.iter().filter(|identifier| {
            let kind = JoinerKind::of(identifier, &self.organizer, tenant_id, policy);
            kind.is_guest() && !self.present().any(|a| a.identifier == **identifier)
        });
        let absent: Vec<_> = absent.cloned().collect();
        for identifier in absent {
            self.remove_from_thread(&identifier);
        }
    }

    /// Returns what is to be stored of the meeting; its [`code`](Meeting::code) goes beside it.
    pub fn record(&self) -> MeetingRecord {
        MeetingRecord {
            id: self.id,
            coordinates: self.coordinates.clone(),
            organizer: self.organizer.clone(),
            subject: (*self.subject).clone(),
            schedule: *self.schedule,
            is_channel: self.is_channel,
            created_at: self.created_at,
            settings: self.settings.clone(),
            roles: self.roles.clone(),
            invited: self.invited.clone(),
            is_locked: *self.is_locked,
            admitted: self.admitted.iter().cloned().collect(),
            denied: self.denied.iter().cloned().collect(),
            thread_members: self.thread.clone(),
            added_to_thread: self.added_to_thread.clone(),
            end_reason: self.end_reason(),
        }
    }

    /// Returns a number that rises whenever the record or the code changes, so that the driver stores
    /// only then. It starts over with a restart, and now and then rises though a change was taken
    /// back within one input.
    pub fn revision(&self) -> u64 {
        let is_ended = match self.phase {
            Phase::Idle | Phase::Running => 0,
            Phase::Ended(_) => 1,
        };
        [
            self.code.changes(),
            self.subject.changes(),
            self.schedule.changes(),
            self.settings.changes(),
            self.roles.changes(),
            self.invited.changes(),
            self.is_locked.changes(),
            self.admitted.changes(),
            self.denied.changes(),
            self.thread.changes(),
            self.added_to_thread.changes(),
            is_ended,
        ]
        .into_iter()
        .sum()
    }
}

impl fmt::Debug for MeetingRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeetingRecord")
            .field("id", &self.id)
            .field("schedule", &self.schedule)
            .field("is_channel", &self.is_channel)
            .field("is_locked", &self.is_locked)
            .field("admitted", &self.admitted.len())
            .field("denied", &self.denied.len())
            .field("thread_members", &self.thread_members.len())
            .field("end_reason", &self.end_reason)
            .finish_non_exhaustive()
    }
}
