//! The calls of everybody, as those see and end them who run the exchange.

use tonic::Code;
use trunkline_proto::{
    admin::v1::{
        EndLiveCallRequest, GetLiveCallRequest, ListLiveCallsRequest, LiveCall,
        WatchLiveCallRequest,
    },
    calling::v1::{CallKind, PlaceCallRequest, call_event::Kind as Happened},
};

use crate::meetings::{by_code, create, federate};
use crate::person::{Person, until};
use crate::scene::{Scene, name};

async fn list(scene: &Scene) -> Vec<LiveCall> {
    let listed = scene.admin().list_live_calls(ListLiveCallsRequest {}).await.unwrap();
    listed.into_inner().calls
}

async fn end(scene: &Scene, call_id: &str) -> Result<(), tonic::Status> {
    let request = EndLiveCallRequest { call_id: call_id.to_owned() };
    scene.admin().end_live_call(request).await.map(drop)
}

/// Two app users, whom no directory knows, in a call.
async fn talking(scene: &Scene) -> (Person, Person, String) {
    let (mut one, mut other) = (Person::new(scene).await, Person::new(scene).await);
    let request = PlaceCallRequest { targets: vec![other.id.clone()], ..Default::default() };
    let call = one.calls.place_call(request).await.unwrap().into_inner().call.unwrap();
    other.accepts().await;
    (one, other, call.call_id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_of_people_whom_no_directory_knows_is_listed_followed_and_ended() {
    let scene = Scene::start().await;
    assert_eq!(list(&scene).await, []);
    let (mut one, _other, call_id) = talking(&scene).await;
    let [live] = &list(&scene).await[..] else { panic!("one call goes on") };
    let call = live.call.as_ref().unwrap();
    assert_eq!((call.call_id.as_str(), call.participants.len()), (call_id.as_str(), 2));
    // These two brought no media.
    assert_eq!((live.meeting_id.as_str(), live.room_id.as_str(), live.legs.len()), ("", "", 0));

    let watch = WatchLiveCallRequest { call_id: call_id.clone(), after_seq: None };
    let mut followed = scene.admin().watch_live_call(watch).await.unwrap().into_inner();
    let first = followed.message().await.unwrap().unwrap().event.unwrap();
    assert!(matches!(first.kind, Some(Happened::Snapshot(_))));
    let mut told = one.watches(&call_id).await;
    end(&scene, &call_id).await.unwrap();
    let ended = until(&mut told, |kind| matches!(kind, Happened::CallEnded(_))).await;
    let Happened::CallEnded(ended) = ended else { unreachable!("waited for it") };
    let reason = ended.reason.unwrap();
    assert_eq!((reason.code, reason.sub_code), (0, 4097));
    let mut last = first;
    while let Some(next) = followed.message().await.unwrap() {
        let next = next.event.unwrap();
        assert_eq!(next.seq, last.seq + 1);
        last = next;
    }
    assert!(matches!(last.kind, Some(Happened::CallEnded(_))));

    assert_eq!(list(&scene).await, []);
    let get = GetLiveCallRequest { call_id: call_id.clone() };
    let past = scene.admin().get_live_call(get).await.unwrap().into_inner().call.unwrap();
    assert!(past.call.unwrap().end_reason.is_some(), "why it ended can still be read");
    assert_eq!(end(&scene, &call_id).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_meeting_ends_with_its_call() {
    let scene = Scene::start().await;
    federate(&scene).await;
    let meeting = create(&scene).await;
    let join = by_code(meeting.code.as_ref().unwrap());
    scene.calling("bob").await.join_call(join.clone()).await.unwrap();
    let [live] = &list(&scene).await[..] else { panic!("one call goes on") };
    let call = live.call.as_ref().unwrap();
    assert_eq!((live.meeting_id.clone(), call.kind()), (meeting.meeting_id, CallKind::Meeting));
    end(&scene, &call.call_id).await.unwrap();
    let again = scene.calling("bob").await.join_call(join).await.unwrap_err();
    assert_eq!(name(&again), "meeting_ended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_not_there_is_told_as_such() {
    let scene = Scene::start().await;
    let mut admin = scene.admin();
    for (call_id, code) in [
        ("5f9c1a52-7a3e-4d0b-9e1c-0c0ffee00009", Code::NotFound),
        ("not an id", Code::InvalidArgument),
    ] {
        let get = GetLiveCallRequest { call_id: call_id.to_owned() };
        assert_eq!(admin.get_live_call(get).await.unwrap_err().code(), code);
        assert_eq!(end(&scene, call_id).await.unwrap_err().code(), code);
    }
    let watch = WatchLiveCallRequest { call_id: "not an id".to_owned(), after_seq: Some(3) };
    assert_eq!(admin.watch_live_call(watch).await.unwrap_err().code(), Code::NotFound);
}
