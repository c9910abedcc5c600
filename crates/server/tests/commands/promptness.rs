//! What is told comes at once.

use std::time::{Duration, Instant};

use trunkline_proto::calling::v1::{
    CallEvent, MuteRequest, UnmuteRequest, WatchCallRequest, call_event,
};

use crate::person::{LIMIT, Person};
use crate::scene::Scene;

/// An answer and the event that comes with it are two writes of one connection: the second does not
/// wait until the client has acknowledged the first, which clients put off by 40 ms.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_held_back_until_something_is_acknowledged() {
    let scene = Scene::start();
    let mut alice = Person::new(&scene, "alice").await;
    let bob = Person::new(&scene, "bob").await.awaits(true).await;
    let call_id = alice.places("bob").await;
    tokio::time::timeout(LIMIT, bob).await.unwrap().unwrap();
    let watch = WatchCallRequest { call_id: call_id.clone(), after_seq: None };
    let mut events = alice.calls.watch_call(alice.request(watch)).await.unwrap().into_inner();
    let mut took = Vec::new();
    for round in 0..12 {
        let begun = Instant::now();
        let (call_id, operation_id) = (call_id.clone(), format!("round-{round}"));
        let is_mute = round % 2 == 0;
        if is_mute {
            let mute = alice.request(MuteRequest { call_id, operation_id });
            alice.calls.mute(mute).await.unwrap();
        } else {
            let unmute = alice.request(UnmuteRequest { call_id, operation_id });
            alice.calls.unmute(unmute).await.unwrap();
        }
        let is_told = |event: CallEvent| match event.kind {
            Some(call_event::Kind::ParticipantUpdated(update)) => {
                update.participant.is_some_and(|one| one.is_muted == is_mute)
            }
            _ => false,
        };
        while !is_told(events.message().await.unwrap().unwrap().event.unwrap()) {}
        took.push(begun.elapsed());
    }
    took.sort_unstable();
    assert!(took[took.len() / 2] < Duration::from_millis(30), "{took:?}");
}
