//! Rooms: who may join a call prepared in advance, when, and with which rights.

mod error;
mod id;
mod role;

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use trunkline_clock::Timestamp;
use trunkline_ids::{CommunicationIdentifier, IdentifierKind, ResourceId};
use trunkline_reasons::EndReason;

pub use self::{
    error::RoomError,
    id::RoomId,
    role::{RoomRight, RoomRole, UnknownRole},
};

/// A room of an app's resource.
///
/// Whoever is on the roster may join, whichever resource brought the user: the application that
/// owns the room has invited them by name.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Room {
    id: RoomId,
    resource: ResourceId,
    created_at: Timestamp,
    valid_from: Timestamp,
    valid_until: Timestamp,
    pstn_dial_out_enabled: bool,
    participants: BTreeMap<CommunicationIdentifier, Seat>,
}

/// What a room is made from; everything left out, or null on the wire, has its default.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CreateRoom {
    /// From when on it may be joined; at once when left out.
    pub valid_from: Option<Timestamp>,
    /// Until when it may be joined; 180 days from its making when left out.
    pub valid_until: Option<Timestamp>,
    /// Whether a presenter may call phones into it; not, when left out.
    pub pstn_dial_out_enabled: Option<bool>,
    /// Who may join.
    pub participants: Vec<ParticipantPatch>,
}

/// What changes in a room; everything left out, or null on the wire, stays as it is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct UpdateRoom {
    /// From when on it may be joined.
    pub valid_from: Option<Timestamp>,
    /// Until when it may be joined.
    pub valid_until: Option<Timestamp>,
    /// Whether a presenter may call phones into it.
    pub pstn_dial_out_enabled: Option<bool>,
}

/// One member of a merge patch of the roster.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ParticipantPatch {
    /// Takes somebody off the roster; fine if they are not on it.
    Remove(CommunicationIdentifier),
    /// Puts somebody on the roster, or gives them another role.
    Upsert(CommunicationIdentifier, RoomRole),
}

impl ParticipantPatch {
    /// Reads a member whose value is null: it leaves.
    pub fn remove(raw_id: &str) -> Result<Self, RoomError> {
        participant(raw_id).map(Self::Remove)
    }

    /// Reads a member with a role; one without, or with a null one, attends, whatever the role was
    /// before.
    pub fn upsert(raw_id: &str, role: Option<&str>) -> Result<Self, RoomError> {
        let role = role.map_or(Ok(RoomRole::default()), str::parse)?;
        Ok(Self::Upsert(participant(raw_id)?, role))
    }

    fn identifier(&self) -> &CommunicationIdentifier {
        match self {
            Self::Remove(identifier) | Self::Upsert(identifier, _) => identifier,
        }
    }
}

impl Room {
    /// The longest time a room may be valid, and the farthest its start may lie ahead.
    pub const VALIDITY_LIMIT: Duration = Duration::from_secs(180 * 86_400);
    /// The most participants on a roster: as many as a call may have.
    pub const PARTICIPANT_LIMIT: usize = 350;

    /// Makes a room.
    pub fn create(
        now: Timestamp,
        id: RoomId,
        resource: ResourceId,
        request: CreateRoom,
    ) -> Result<Self, RoomError> {
        let valid_from = request.valid_from.unwrap_or(now);
        let valid_until = request.valid_until.unwrap_or(now + Self::VALIDITY_LIMIT);
        check_validity(now, valid_from, valid_until)?;
        let mut room = Self {
            id,
            resource,
            created_at: now,
            valid_from,
            valid_until,
            pstn_dial_out_enabled: request.pstn_dial_out_enabled.unwrap_or(false),
            participants: BTreeMap::new(),
        };
        room.patch_participants(request.participants)?;
        Ok(room)
    }

    /// Changes what the patch names; changes nothing on an error.
    ///
    /// The times are checked when one of them changes: a room that is over may still be told
    /// whether phones can be called, but its times must then be good ones.
    pub fn update(&mut self, now: Timestamp, request: UpdateRoom) -> Result<(), RoomError> {
        let valid_from = request.valid_from.unwrap_or(self.valid_from);
        let valid_until = request.valid_until.unwrap_or(self.valid_until);
        if request.valid_from.is_some() || request.valid_until.is_some() {
            check_validity(now, valid_from, valid_until)?;
        }
        self.valid_from = valid_from;
        self.valid_until = valid_until;
        self.pstn_dial_out_enabled =
            request.pstn_dial_out_enabled.unwrap_or(self.pstn_dial_out_enabled);
        Ok(())
    }

    /// Changes the roster; changes nothing on an error. The last of two patches of one participant
    /// counts.
    pub fn patch_participants(
        &mut self,
        patches: impl IntoIterator<Item = ParticipantPatch>,
    ) -> Result<(), RoomError> {
        let mut participants = self.participants.clone();
        let mut next = participants.values().map(|seat| seat.place + 1).max().unwrap_or(0);
        for patch in patches {
            check_participant(patch.identifier())?;
            match patch {
                ParticipantPatch::Remove(identifier) => {
                    participants.remove(&identifier);
                }
                ParticipantPatch::Upsert(identifier, role) => {
                    let seat = participants.entry(identifier).or_insert_with(|| {
                        let place = next;
                        next += 1;
                        Seat { place, role }
                    });
                    seat.role = role;
                }
            }
        }
        let requested = participants.len();
        if requested > Self::PARTICIPANT_LIMIT {
            return Err(RoomError::TooManyParticipants {
                limit: Self::PARTICIPANT_LIMIT,
                requested,
            });
        }
        self.participants = participants;
        Ok(())
    }

    /// Returns the room's id.
    pub fn id(&self) -> &RoomId {
        &self.id
    }

    /// Returns the resource that the room belongs to.
    pub fn resource(&self) -> &ResourceId {
        &self.resource
    }

    /// Returns when the room was made.
    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// Returns from when on it may be joined.
    pub fn valid_from(&self) -> Timestamp {
        self.valid_from
    }

    /// Returns until when it may be joined.
    pub fn valid_until(&self) -> Timestamp {
        self.valid_until
    }

    /// Returns whether a presenter may call phones into it.
    pub fn is_pstn_dial_out_enabled(&self) -> bool {
        self.pstn_dial_out_enabled
    }

    /// Returns the roster in the order in which people were put on it.
    pub fn participants(
        &self,
    ) -> impl ExactSizeIterator<Item = (&CommunicationIdentifier, RoomRole)> {
        let mut seats: Vec<_> = self.participants.iter().collect();
        seats.sort_by_key(|(_, seat)| seat.place);
        seats.into_iter().map(|(identifier, seat)| (identifier, seat.role))
    }

    /// Returns the role with which somebody may join, or the documented code of the refusal: first
    /// for what they are, then for not being on the roster, then for the time.
    pub fn may_join(
        &self,
        now: Timestamp,
        identifier: &CommunicationIdentifier,
    ) -> Result<RoomRole, EndReason> {
        if identifier.kind() != IdentifierKind::CommunicationUser {
            return Err(EndReason::ROOM_ADMITS_APP_USERS);
        }
        let seat = self.participants.get(identifier).ok_or(EndReason::ROOM_NOT_ON_ROSTER)?;
        if !(self.valid_from..self.valid_until).contains(&now) {
            return Err(EndReason::ROOM_NOT_VALID);
        }
        Ok(seat.role)
    }

    /// Returns whether a role gives a right in this room.
    pub fn gives(&self, role: RoomRole, right: RoomRight) -> bool {
        role.gives(right) && (right != RoomRight::AddPhones || self.pstn_dial_out_enabled)
    }
}

/// A place on the roster. Places rise in the order of their taking and are not closed up.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
struct Seat {
    place: u64,
    role: RoomRole,
}

fn check_validity(
    now: Timestamp,
    valid_from: Timestamp,
    valid_until: Timestamp,
) -> Result<(), RoomError> {
    let limit = Room::VALIDITY_LIMIT;
    if valid_from > now + limit {
        return Err(RoomError::FromTooFar { limit });
    }
    if valid_until <= now {
        return Err(RoomError::UntilPast { valid_until });
    }
    if valid_until <= valid_from {
        return Err(RoomError::UntilNotAfterFrom { valid_from, valid_until });
    }
    if valid_until.saturating_duration_since(valid_from) > limit {
        return Err(RoomError::ValidTooLong { limit });
    }
    Ok(())
}

fn participant(raw_id: &str) -> Result<CommunicationIdentifier, RoomError> {
    let identifier = raw_id.parse().map_err(|_| RoomError::MalformedParticipant)?;
    check_participant(&identifier)?;
    Ok(identifier)
}

/// A well-formed app user is `8:acs:<resource>_<user>`, in whichever cloud.
fn check_participant(identifier: &CommunicationIdentifier) -> Result<(), RoomError> {
    match identifier {
        CommunicationIdentifier::CommunicationUser(user) => {
            let is_fit = user.resource_id().is_some()
                && user
                    .id()
                    .split_once('_')
                    .is_some_and(|(_, user)| !user.is_empty() && !user.contains('_'));
            if is_fit { Ok(()) } else { Err(RoomError::MalformedParticipant) }
        }
        CommunicationIdentifier::Unknown(_) => Err(RoomError::MalformedParticipant),
        CommunicationIdentifier::MicrosoftTeamsApp(_)
        | CommunicationIdentifier::MicrosoftTeamsUser(_)
        | CommunicationIdentifier::PhoneNumber(_)
        | CommunicationIdentifier::TeamsExtensionUser(_) => Err(RoomError::NotAppUser),
    }
}
