//! Bodies of rooms.

use serde::{Deserialize, Serialize};
use trunkline_clock::Timestamp;
use trunkline_interop::{CreateRoom, ParticipantPatch, Room, RoomError, RoomRole, UpdateRoom};

use crate::error::ApiError;
use crate::model::members::Members;
use crate::model::{identifier, time};

/// `POST /rooms`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct CreateRoomRequest {
    valid_from: Option<String>,
    valid_until: Option<String>,
    pstn_dial_out_enabled: Option<bool>,
    participants: Option<Participants>,
}

/// `PATCH /rooms/{roomId}`. Clients write null for what they leave out, so null changes nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct UpdateRoomRequest {
    valid_from: Option<String>,
    valid_until: Option<String>,
    pstn_dial_out_enabled: Option<bool>,
}

/// `PATCH /rooms/{roomId}/participants`. Here null removes.
#[derive(Debug, Deserialize)]
pub(crate) struct UpdateParticipantsRequest {
    participants: Participants,
}

/// Raw ids and what is said of each; their order is that of the roster.
type Participants = Members<Option<ParticipantProperties>>;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ParticipantProperties {
    role: Option<String>,
}

impl CreateRoomRequest {
    /// Returns the room to make.
    pub(crate) fn into_room(self) -> Result<CreateRoom, ApiError> {
        let participants = self.participants.unwrap_or_default().0.into_iter();
        Ok(CreateRoom {
            valid_from: moment(self.valid_from, "validFrom")?,
            valid_until: moment(self.valid_until, "validUntil")?,
            pstn_dial_out_enabled: self.pstn_dial_out_enabled,
            // Nobody is there yet whom null could remove: it is an attendee.
            participants: participants
                .map(|(raw_id, properties)| patch(&raw_id, Some(properties.unwrap_or_default())))
                .collect::<Result<_, _>>()?,
        })
    }
}

impl UpdateRoomRequest {
    /// Returns what changes. The documented service wants both times or neither.
    pub(crate) fn into_update(self) -> Result<UpdateRoom, ApiError> {
        if self.valid_from.is_some() != self.valid_until.is_some() {
            let message = "validFrom and validUntil should be set together.";
            return Err(ApiError::malformed("", message));
        }
        Ok(UpdateRoom {
            valid_from: moment(self.valid_from, "validFrom")?,
            valid_until: moment(self.valid_until, "validUntil")?,
            pstn_dial_out_enabled: self.pstn_dial_out_enabled,
        })
    }
}

impl UpdateParticipantsRequest {
    /// Returns what changes in the roster.
    pub(crate) fn into_patches(self) -> Result<Vec<ParticipantPatch>, RoomError> {
        let patches = self.participants.0.into_iter();
        patches.map(|(raw_id, properties)| patch(&raw_id, properties)).collect()
    }
}

/// A room.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RoomModel {
    id: String,
    created_at: String,
    valid_from: String,
    valid_until: String,
    pstn_dial_out_enabled: bool,
}

impl From<&Room> for RoomModel {
    fn from(room: &Room) -> Self {
        Self {
            id: room.id().to_string(),
            created_at: time::of_rooms(room.created_at()),
            valid_from: time::of_rooms(room.valid_from()),
            valid_until: time::of_rooms(room.valid_until()),
            pstn_dial_out_enabled: room.is_pstn_dial_out_enabled(),
        }
    }
}

/// Somebody on the roster of a room.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RoomParticipantModel {
    pub(crate) raw_id: String,
    pub(crate) role: &'static str,
}

fn patch(
    raw_id: &str,
    properties: Option<ParticipantProperties>,
) -> Result<ParticipantPatch, RoomError> {
    let identifier =
        identifier::parse_raw_id(raw_id).map_err(|_| RoomError::MalformedParticipant)?;
    let Some(properties) = properties else {
        return Ok(ParticipantPatch::Remove(identifier));
    };
    let role = match properties.role.as_deref() {
        Some(role) => role.parse()?,
        None => RoomRole::default(),
    };
    Ok(ParticipantPatch::Upsert(identifier, role))
}

fn moment(text: Option<String>, target: &'static str) -> Result<Option<Timestamp>, ApiError> {
    text.map(|text| text.parse()).transpose().map_err(|_| {
        ApiError::bad_request(format!("The value of `{target}` is not a time.")).with_target(target)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ALICE: &str = "8:acs:res_alice";

    fn create(body: Value) -> Result<CreateRoom, u16> {
        let request: CreateRoomRequest = serde_json::from_value(body).unwrap();
        request.into_room().map_err(|error| error.status().as_u16())
    }

    fn patches(body: Value) -> Result<Vec<ParticipantPatch>, u16> {
        let request: UpdateParticipantsRequest = serde_json::from_value(body).unwrap();
        request.into_patches().map_err(|error| ApiError::from(error).status().as_u16())
    }

    #[test]
    fn a_role_that_is_left_out_is_attendee_and_null_depends_on_the_operation() {
        let alice = || ALICE.parse().unwrap();
        let attendee = || vec![ParticipantPatch::Upsert(alice(), RoomRole::Attendee)];
        for said in [json!(null), json!({}), json!({"role": null}), json!({"role": "attendee"})] {
            let room = create(json!({"participants": {ALICE: said}})).unwrap();
            assert_eq!(room.participants, attendee());
        }
        assert_eq!(patches(json!({"participants": {ALICE: {}}})), Ok(attendee()));
        let removed = vec![ParticipantPatch::Remove(alice())];
        assert_eq!(patches(json!({"participants": {ALICE: null}})), Ok(removed));
        let presenter = vec![ParticipantPatch::Upsert(alice(), RoomRole::Presenter)];
        assert_eq!(patches(json!({"participants": {ALICE: {"role": "PRESENTER"}}})), Ok(presenter));
    }

    #[test]
    fn null_properties_are_as_good_as_absent() {
        let room = create(json!({"validFrom": null, "validUntil": null, "participants": null}));
        let room = room.unwrap();
        assert_eq!((room.valid_from, room.valid_until), (None, None));
        assert!(room.participants.is_empty() && room.pstn_dial_out_enabled.is_none());
        let request: UpdateRoomRequest = serde_json::from_value(json!({
            "validFrom": null, "validUntil": null, "pstnDialOutEnabled": null,
        }))
        .unwrap();
        let update = request.into_update().unwrap();
        assert!(update.valid_from.is_none() && update.valid_until.is_none());
        assert_eq!(update.pstn_dial_out_enabled, None);
    }

    #[test]
    fn times_change_together() {
        for (one, other) in [("validFrom", "validUntil"), ("validUntil", "validFrom")] {
            let body = json!({(one): "2026-11-25T18:19:10.907346Z", (other): null});
            let request: UpdateRoomRequest = serde_json::from_value(body).unwrap();
            assert_eq!(request.into_update().unwrap_err().status().as_u16(), 400);
        }
    }

    #[test]
    fn malformed_ids_roles_and_times_are_refused() {
        assert_eq!(create(json!({"participants": {"8:acs:x": {}}})).unwrap_err(), 400);
        assert_eq!(create(json!({"participants": {"": {}}})).unwrap_err(), 400);
        assert_eq!(create(json!({"participants": {ALICE: {"role": "Kafka"}}})).unwrap_err(), 400);
        assert_eq!(create(json!({"validFrom": "tomorrow"})).unwrap_err(), 400);
        let missing = serde_json::from_value::<UpdateParticipantsRequest>(json!({}));
        assert!(missing.is_err());
    }
}
