//! Rooms.

use trunkline_interop::{CreateRoom, ParticipantPatch, Room, RoomId, RoomRole};
use trunkline_storage::{RoomStore, StoreError};

use crate::{
    scene::user,
    suite::{
        Backend,
        identity::{at, resource},
        repeatability::record,
    },
};

pub(crate) async fn a_room_comes_back_as_it_is(backend: &impl Backend) {
    let store = backend.open().await;
    let mut one = room("1", "app", &["alice", "bob"]);
    store.put_room(one.clone(), None).await.unwrap();
    one.patch_participants([ParticipantPatch::Remove(user("bob"))]).unwrap();
    store.put_room(one.clone(), None).await.unwrap();
    drop(store);
    let store = backend.open().await;
    assert_eq!(store.room(one.id()).await.unwrap(), Some(one.clone()));
    assert_eq!(store.room(&room_id("99")).await.unwrap(), None);
    assert!(store.delete_room(one.id()).await.unwrap());
    assert!(!store.delete_room(one.id()).await.unwrap());
    assert_eq!(store.room(one.id()).await.unwrap(), None);
}

pub(crate) async fn rooms_are_listed_from_the_newest_on(backend: &impl Backend) {
    let store = backend.open().await;
    for (id, app) in [("3", "app"), ("1", "app"), ("7", "other"), ("2", "app"), ("4", "app")] {
        store.put_room(room(id, app, &[]), None).await.unwrap();
    }
    store.put_room(room("3", "app", &["bob"]), None).await.unwrap();
    let first = store.rooms(&resource("app"), None, 2).await.unwrap();
    let ids = |page: &[(_, Room)]| -> Vec<String> {
        page.iter().map(|(_, room)| room.id().as_str()[15..].to_owned()).collect()
    };
    assert_eq!(ids(&first), ["4", "2"]);
    let last = first[1].0;
    store.delete_room(&room_id("2")).await.unwrap();
    store.put_room(room("5", "app", &[]), None).await.unwrap();
    let rest = store.rooms(&resource("app"), Some(last), 9).await.unwrap();
    assert_eq!(ids(&rest), ["1", "3"]);
    assert_eq!(rest[1].1.participants().len(), 1);
}

pub(crate) async fn a_room_of_another_resource_is_not_replaced(backend: &impl Backend) {
    let store = backend.open().await;
    store.put_room(room("1", "app", &["alice"]), None).await.unwrap();
    let taken = store.put_room(room("1", "other", &["eve"]), None).await;
    assert!(matches!(taken, Err(StoreError::Conflict { .. })), "{taken:?}");
    let id = room_id("1");
    assert_eq!(store.room(&id).await.unwrap(), Some(room("1", "app", &["alice"])));
}

pub(crate) async fn a_repeated_request_makes_no_second_room(backend: &impl Backend) {
    let store = backend.open().await;
    let answer = record("rooms", "id", 1, at(0));
    store.put_room(room("1", "app", &[]), Some(answer.clone())).await.unwrap();
    let refused = store.put_room(room("2", "app", &[]), Some(answer)).await;
    assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
    assert_eq!(store.rooms(&resource("app"), None, 9).await.unwrap().len(), 1);
}

fn room(id: &str, app: &str, participants: &[&str]) -> Room {
    let participants = participants
        .iter()
        .map(|name| ParticipantPatch::Upsert(user(name), RoomRole::Presenter))
        .collect();
    let request = CreateRoom { participants, ..CreateRoom::default() };
    Room::create(at(0), room_id(id), resource(app), request).unwrap()
}

fn room_id(number: &str) -> RoomId {
    format!("990000000000000{number}").parse().unwrap()
}
