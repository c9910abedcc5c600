//! `trunkline.rooms.v1.RoomsService`.

use tonic::{Request, Response, Status};
use trunkline_api::convert;
use trunkline_api::rooms::v1::rooms_service_server::RoomsService;
use trunkline_clock::Timestamp;
use trunkline_ids::CommunicationIdentifier;
use trunkline_interop::{CreateRoom, ParticipantPatch, RoomId, UpdateRoom};
use trunkline_node::Node;
use trunkline_proto::rooms::v1 as wire;

use crate::page::{self, Wanted};
use crate::{auth, status};

/// Serves the rooms of a node.
#[derive(Clone, Debug)]
pub(crate) struct Rooms {
    pub(crate) node: Node,
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl RoomsService for Rooms {
    async fn create_room(
        &self,
        request: Request<wire::CreateRoomRequest>,
    ) -> Answer<wire::CreateRoomResponse> {
        let resource = auth::require_access_key(&self.node, request.metadata())?;
        let request = request.into_inner();
        let participants = request.participants.iter().map(upsert).collect::<Result<_, _>>()?;
        let wanted = CreateRoom {
            valid_from: time("valid_from", request.valid_from)?,
            valid_until: time("valid_until", request.valid_until)?,
            pstn_dial_out_enabled: Some(request.pstn_dial_out_enabled),
            participants,
        };
        let room = self.node.rooms().create(&resource, wanted, None).await;
        let room = Some(convert::room::room(&room.map_err(status::room)?));
        Ok(Response::new(wire::CreateRoomResponse { room }))
    }

    async fn get_room(
        &self,
        request: Request<wire::GetRoomRequest>,
    ) -> Answer<wire::GetRoomResponse> {
        let resource = auth::require_access_key(&self.node, request.metadata())?;
        let id = room_id(&request.into_inner().room_id)?;
        let room = self.node.rooms().room(&resource, &id).await.map_err(status::room)?;
        Ok(Response::new(wire::GetRoomResponse { room: Some(convert::room::room(&room)) }))
    }

    async fn list_rooms(
        &self,
        request: Request<wire::ListRoomsRequest>,
    ) -> Answer<wire::ListRoomsResponse> {
        let resource = auth::require_access_key(&self.node, request.metadata())?;
        let request = request.into_inner();
        let Wanted { after, limit } = page::wanted(request.page_size, &request.page_token)?;
        let page = self.node.rooms().rooms(&resource, after, limit).await.map_err(status::room)?;
        Ok(Response::new(wire::ListRoomsResponse {
            rooms: page.items.iter().map(convert::room::room).collect(),
            next_page_token: page::token(page.next),
        }))
    }

    async fn update_room(
        &self,
        request: Request<wire::UpdateRoomRequest>,
    ) -> Answer<wire::UpdateRoomResponse> {
        let resource = auth::require_access_key(&self.node, request.metadata())?;
        let request = request.into_inner();
        let id = room_id(&request.room_id)?;
        let wanted = UpdateRoom {
            valid_from: time("valid_from", request.valid_from)?,
            valid_until: time("valid_until", request.valid_until)?,
            pstn_dial_out_enabled: request.pstn_dial_out_enabled,
        };
        let room = self.node.rooms().update(&resource, &id, wanted).await.map_err(status::room)?;
        Ok(Response::new(wire::UpdateRoomResponse { room: Some(convert::room::room(&room)) }))
    }

    async fn delete_room(
        &self,
        request: Request<wire::DeleteRoomRequest>,
    ) -> Answer<wire::DeleteRoomResponse> {
        let resource = auth::require_access_key(&self.node, request.metadata())?;
        let id = room_id(&request.into_inner().room_id)?;
        self.node.rooms().delete(&resource, &id).await.map_err(status::room)?;
        Ok(Response::new(wire::DeleteRoomResponse {}))
    }

    async fn list_participants(
        &self,
        request: Request<wire::ListParticipantsRequest>,
    ) -> Answer<wire::ListParticipantsResponse> {
        let resource = auth::require_access_key(&self.node, request.metadata())?;
        let id = room_id(&request.into_inner().room_id)?;
        let room = self.node.rooms().room(&resource, &id).await.map_err(status::room)?;
        let participants = convert::room::participants(&room);
        Ok(Response::new(wire::ListParticipantsResponse { participants }))
    }

    async fn update_participants(
        &self,
        request: Request<wire::UpdateParticipantsRequest>,
    ) -> Answer<wire::UpdateParticipantsResponse> {
        let resource = auth::require_access_key(&self.node, request.metadata())?;
        let request = request.into_inner();
        let id = room_id(&request.room_id)?;
        let set = request.set.iter().map(upsert);
        let remove = request.remove.iter().map(|text| user(text).map(ParticipantPatch::Remove));
        let patches = set.chain(remove).collect::<Result<_, _>>()?;
        let patched = self.node.rooms().patch_participants(&resource, &id, patches).await;
        patched.map_err(status::room)?;
        Ok(Response::new(wire::UpdateParticipantsResponse {}))
    }
}

/// Reads a room's id; one that is malformed names no room.
fn room_id(text: &str) -> Result<RoomId, Status> {
    text.parse().map_err(|_| status::not_found("room"))
}

fn time(field: &str, at: Option<prost_types::Timestamp>) -> Result<Option<Timestamp>, Status> {
    at.map(|at| convert::parse_timestamp(&at).ok_or_else(|| status::malformed(field))).transpose()
}

fn user(text: &str) -> Result<CommunicationIdentifier, Status> {
    text.parse().map_err(|_| status::malformed("participant"))
}

fn upsert(participant: &wire::NewRoomParticipant) -> Result<ParticipantPatch, Status> {
    let role = convert::room::parse_role(participant.role);
    let role = role.ok_or_else(|| status::malformed("role"))?;
    Ok(ParticipantPatch::Upsert(user(&participant.user)?, role))
}
