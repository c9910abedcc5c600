//! The feed.

use std::time::Duration;

use trunkline_chat::{ChatEvent, NewMember};
use trunkline_clock::Timestamp;
use trunkline_storage::{ChatStore, FeedBounds, Outbox, StoreError};

use crate::{
    scene::{Scene, user, whole_feed},
    suite::{Backend, outbox},
};

pub(crate) async fn places_rise_in_commit_order_over_all_threads(backend: &impl Backend) {
    let store = backend.open().await;
    assert_eq!(store.feed_bounds().await.unwrap(), FeedBounds { oldest: 1, head: 0 });
    let mut one = Scene::create(&store, "one", &["bob"]).await;
    let mut two = Scene::create(&store, "two", &["bob"]).await;
    for number in 0..5 {
        one.send("alice", &number.to_string()).await;
        two.send("bob", &number.to_string()).await;
    }
    let mut places: Vec<u64> =
        one.events.iter().chain(&two.events).map(|(place, _)| *place).collect();
    places.sort_unstable();
    assert!(places.is_sorted_by(|a, b| a < b), "no place is given twice");
    assert_eq!(store.feed_bounds().await.unwrap().head, *places.last().unwrap());
    let feed = whole_feed(&store, "bob", 0, 3).await;
    assert_eq!(feed.iter().map(|(place, _)| *place).collect::<Vec<_>>(), places);
}

pub(crate) async fn a_member_is_told_from_coming_to_going(backend: &impl Backend) {
    let store = backend.open().await;
    let mut scene = Scene::create(&store, "harbor", &["bob"]).await;
    scene.send("alice", "before").await;
    scene.add("alice", NewMember::new(user("charlie"))).await;
    scene.send("alice", "during").await;
    scene.remove("alice", "charlie").await;
    scene.send("alice", "after").await;
    scene.add("alice", NewMember::new(user("charlie"))).await;
    for name in ["alice", "bob", "charlie", "dan"] {
        assert_eq!(whole_feed(&store, name, 0, 2).await, told(&scene.events, name), "{name}");
    }
    let charlies = told(&scene.events, "charlie");
    assert_eq!(charlies.len(), 4, "coming, a message, going, coming again: {charlies:?}");
}

pub(crate) async fn who_may_not_see_a_message_is_not_told_of_its_edit(backend: &impl Backend) {
    let store = backend.open().await;
    let mut scene = Scene::create(&store, "harbor", &["bob"]).await;
    let id = scene.send("bob", "ahoi").await;
    scene.add("alice", NewMember::new(user("charlie"))).await;
    scene.edit("bob", id, "ahoy").await;
    let (place, edit) = scene.events.last().unwrap();
    assert!(!edit.recipients.contains(&user("charlie")), "the machine leaves him out");
    assert!(told(&scene.events, "charlie").iter().all(|(seen, _)| seen != place));
    for name in ["alice", "bob", "charlie"] {
        assert_eq!(whole_feed(&store, name, 0, 1).await, told(&scene.events, name), "{name}");
    }
}

pub(crate) async fn a_cursor_that_is_too_old_or_ahead_is_lost_by_name(backend: &impl Backend) {
    let store = backend.open().await;
    let mut scene = Scene::create(&store, "harbor", &["bob"]).await;
    for number in 0..9 {
        scene.send("alice", &number.to_string()).await;
    }
    let head = store.feed_bounds().await.unwrap().head;
    assert_eq!(store.prune_feed(end_of_time(), 4).await.unwrap(), 4);
    assert_eq!(store.feed_bounds().await.unwrap(), FeedBounds { oldest: 5, head });
    assert_eq!(store.feed_after(&user("bob"), 4, 99).await.unwrap().len() as u64, head - 4);
    for cursor in [0, 3, head + 1, u64::MAX] {
        let of_bob = store.feed_after(&user("bob"), cursor, 99).await;
        let of_nobody = store.feed_after(&user("nobody"), cursor, 99).await;
        let log = store.log_after(cursor, 99).await;
        for lost in [of_bob.err(), of_nobody.err(), log.err()] {
            let Some(StoreError::CursorLost { cursor: asked, oldest: 5, head: newest }) = lost
            else {
                panic!("cursor {cursor}: {lost:?}");
            };
            assert_eq!((asked, newest), (cursor, head));
        }
    }
    assert!(store.feed_after(&user("bob"), head, 99).await.unwrap().is_empty());
}

pub(crate) async fn pruning_spares_the_young_and_what_is_still_to_be_delivered(
    backend: &impl Backend,
) {
    let store = backend.open().await;
    let mut scene = Scene::create(&store, "harbor", &["bob"]).await;
    for number in 0..9 {
        scene.send("alice", &number.to_string()).await;
    }
    let (fifth, event) = scene.events[4].clone();
    assert_eq!(store.prune_feed(event.time, 99).await.unwrap() as u64, fifth - 1);
    // Pruned no further than a subscription has come.
    store.put_subscription(outbox::subscription("hook", fifth)).await.unwrap();
    let head = store.feed_bounds().await.unwrap().head;
    assert_eq!(store.prune_feed(end_of_time(), 99).await.unwrap(), 1);
    assert_eq!(store.prune_feed(end_of_time(), 99).await.unwrap(), 0);
    // Nor what waits to be delivered.
    let hook = outbox::id("hook");
    while store.expand(&hook, scene.now(), 99).await.unwrap().has_more {}
    assert_eq!(store.prune_feed(end_of_time(), 99).await.unwrap(), 0);
    outbox::deliver_all(&store, scene.now()).await;
    assert_eq!(store.prune_feed(end_of_time(), 99).await.unwrap() as u64, head - fifth);
}

pub(crate) async fn places_are_not_given_twice_even_when_all_are_pruned(backend: &impl Backend) {
    let store = backend.open().await;
    let mut scene = Scene::create(&store, "harbor", &["bob"]).await;
    scene.send("alice", "one").await;
    let head = store.feed_bounds().await.unwrap().head;
    store.prune_feed(end_of_time(), 99).await.unwrap();
    let record = scene.record().clone();
    drop(store);
    let store = backend.open().await;
    assert_eq!(store.feed_bounds().await.unwrap(), FeedBounds { oldest: head + 1, head });
    let mut scene = Scene::resume(&store, record);
    scene.clock.advance(Duration::from_secs(10));
    scene.send("alice", "two").await;
    assert_eq!(scene.events[0].0, head + 1);
    assert_eq!(store.feed_after(&user("bob"), head, 9).await.unwrap().len(), 1);
}

/// What a user was told, without the recipients, as feeds have it.
pub(crate) fn told(events: &[(u64, ChatEvent)], name: &str) -> Vec<(u64, ChatEvent)> {
    let user = user(name);
    let mine = events.iter().filter(|(_, event)| event.recipients.contains(&user));
    mine.map(|(place, event)| (*place, ChatEvent { recipients: vec![], ..event.clone() })).collect()
}

pub(crate) fn end_of_time() -> Timestamp {
    Timestamp::from_unix_micros(i64::MAX)
}
