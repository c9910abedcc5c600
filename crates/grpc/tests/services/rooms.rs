//! Rooms, and whose they are.

use tonic::Code;
use trunkline_proto::rooms::v1::{
    CreateRoomRequest, DeleteRoomRequest, GetRoomRequest, ListParticipantsRequest,
    ListRoomsRequest, NewRoomParticipant, RoomRole, UpdateParticipantsRequest, UpdateRoomRequest,
};

use crate::scene::{RESOURCE, Scene};

fn participant(digit: char, role: RoomRole) -> NewRoomParticipant {
    let user = format!("8:acs:{RESOURCE}_00000000-0000-4000-8000-00000000000{digit}");
    NewRoomParticipant { user, role: role.into() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_has_a_roster_and_ends() {
    let scene = Scene::start().await;
    let mut rooms = scene.rooms(&scene.key());
    let create = CreateRoomRequest {
        participants: vec![
            participant('1', RoomRole::Presenter),
            participant('2', RoomRole::Unspecified),
        ],
        ..CreateRoomRequest::default()
    };
    let room = rooms.create_room(create).await.unwrap().into_inner().room.unwrap();
    let room_id = room.room_id.clone();
    let update = UpdateRoomRequest {
        room_id: room_id.clone(),
        pstn_dial_out_enabled: Some(true),
        ..UpdateRoomRequest::default()
    };
    let updated = rooms.update_room(update).await.unwrap().into_inner().room.unwrap();
    assert!(updated.pstn_dial_out_enabled && updated.valid_until == room.valid_until);

    let change = UpdateParticipantsRequest {
        room_id: room_id.clone(),
        set: vec![participant('2', RoomRole::Consumer)],
        remove: vec![participant('1', RoomRole::Presenter).user],
    };
    rooms.update_participants(change).await.unwrap();
    let list = ListParticipantsRequest { room_id: room_id.clone() };
    let roster = rooms.list_participants(list).await.unwrap().into_inner().participants;
    assert_eq!(roster.len(), 1);
    assert_eq!(roster[0].role(), RoomRole::Consumer);

    rooms.delete_room(DeleteRoomRequest { room_id: room_id.clone() }).await.unwrap();
    let gone = rooms.get_room(GetRoomRequest { room_id }).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rooms_of_another_resource_are_not_there() {
    let scene = Scene::start().await;
    let other = scene.node.admin().create_resource("shop".parse().unwrap()).await.unwrap();
    let mut ours = scene.rooms(&scene.key());
    let mut theirs = scene.rooms(&other.keys.secondary.to_base64());
    let mut made = Vec::new();
    for _ in 0..3 {
        let room = ours.create_room(CreateRoomRequest::default()).await.unwrap().into_inner().room;
        made.insert(0, room.unwrap().room_id);
    }
    let list = ListRoomsRequest { page_size: 2, page_token: String::new() };
    let page = ours.list_rooms(list.clone()).await.unwrap().into_inner();
    let rest = ListRoomsRequest { page_token: page.next_page_token, ..list };
    let rest = ours.list_rooms(rest).await.unwrap().into_inner();
    assert_eq!((page.rooms.len(), rest.rooms.len()), (2, 1));
    let listed = page.rooms.iter().chain(&rest.rooms).map(|room| &room.room_id);
    assert!(listed.eq(&made), "the newest comes first");

    let listed = theirs.list_rooms(ListRoomsRequest::default()).await.unwrap().into_inner();
    assert!(listed.rooms.is_empty());
    let room_id = page.rooms[0].room_id.clone();
    let foreign = theirs.get_room(GetRoomRequest { room_id: room_id.clone() }).await.unwrap_err();
    assert_eq!(foreign.code(), Code::NotFound);
    let foreign = theirs.delete_room(DeleteRoomRequest { room_id }).await.unwrap_err();
    assert_eq!(foreign.code(), Code::NotFound);
}
