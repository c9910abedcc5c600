//! Threads and messages.

use std::time::Duration;

use trunkline_chat::{
    Command, MessageContent, MessageId, Metadata, MetadataPatch, NewMember, RetentionPolicy,
    ThreadRecord,
};
use trunkline_clock::Timestamp;
use trunkline_storage::{ChatStore, ChatUnit, PageQuery, StoreError, ThreadsQuery};

use crate::{
    scene::{Scene, say, thread_id, user},
    suite::Backend,
};

pub(crate) async fn a_thread_comes_back_as_it_is(backend: &impl Backend) {
    let store = backend.open().await;
    let mut scene = Scene::create(&store, "harbor", &["bob", "charlie"]).await;
    let id = scene.send("bob", "ahoy").await;
    let _ = scene.act("charlie", Command::SendReadReceipt { message_id: id }).await;
    let metadata = Metadata::from([("color".to_owned(), "blue".to_owned())]);
    let update = Command::UpdateThread {
        topic: Some("Häfen ⚓".to_owned()),
        metadata: MetadataPatch::Replace(metadata),
        retention: Some(RetentionPolicy::ThreadCreationDate { delete_thread_after_days: 60 }),
    };
    let _ = scene.act("alice", update).await;
    let found = store.load_thread(scene.id()).await.unwrap().unwrap();
    assert_eq!(found, *scene.record());
    assert_eq!(found.receipts.len(), 1);
    drop(store);
}

pub(crate) async fn a_thread_that_was_not_made_is_not_found(backend: &impl Backend) {
    let store = backend.open().await;
    let missing = thread_id("missing");
    assert_eq!(store.load_thread(&missing).await.unwrap(), None);
    assert_eq!(store.message(&missing, MessageId::from_millis(1)).await.unwrap(), None);
    assert_eq!(store.messages(&missing, page(10)).await.unwrap(), []);
    assert_eq!(store.threads_of(&user("nobody"), list(10)).await.unwrap(), []);
    let unit =
        ChatUnit { thread_id: missing, changes: vec![], events: vec![], repeatability: None };
    assert!(matches!(store.commit(unit).await, Err(StoreError::NotFound { what: "thread" })));
}

pub(crate) async fn a_unit_is_written_as_a_whole_or_not_at_all(backend: &impl Backend) {
    let store = backend.open().await;
    let mut scene = Scene::create(&store, "harbor", &["bob"]).await;
    scene.send("alice", "one").await;
    let (before, head) =
        (store.load_thread(scene.id()).await.unwrap(), store.feed_bounds().await.unwrap());
    // The request has an answer, so that nothing of the unit may stay.
    let record = crate::suite::repeatability::record("harbor", "id", 1, scene.now());
    scene.send_once("bob", "two", record.clone()).await.unwrap();
    let after_two = store.load_thread(scene.id()).await.unwrap();
    assert_ne!(after_two, before);
    let refused = scene.send_once("bob", "three", record).await;
    assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
    assert_eq!(store.load_thread(scene.id()).await.unwrap(), after_two);
    assert_eq!(store.messages(scene.id(), page(10)).await.unwrap().len(), 4);
    assert_eq!(store.feed_bounds().await.unwrap().head, head.head + 1);
}

pub(crate) async fn edits_and_deletions_replace_the_message(backend: &impl Backend) {
    let store = backend.open().await;
    let mut scene = Scene::create(&store, "harbor", &["bob"]).await;
    let id = scene.send("bob", "ahoi").await;
    scene.edit("bob", id, "ahoy").await;
    let edited = scene.stored(id).await;
    assert_eq!(edited.content, MessageContent::Text("ahoy".to_owned()));
    assert!(edited.edited_on.is_some() && edited.version > id);
    let _ = scene.act("bob", Command::DeleteMessage { message: edited }).await;
    let deleted = scene.stored(id).await;
    assert_eq!(deleted.content, MessageContent::Text(String::new()));
    assert!(deleted.deleted_on.is_some());
    let sequences: Vec<u64> = sequences(&store, &scene, page(10)).await;
    assert_eq!(sequences, [3, 2, 1], "the message keeps its place");
}

pub(crate) async fn every_message_is_found_by_its_id_and_no_other(backend: &impl Backend) {
    let store = backend.open().await;
    let mut before = Scene::create(&store, "before", &[]).await;
    let mut scene = Scene::create(&store, "harbor", &[]).await;
    let mut after = Scene::create(&store, "after", &[]).await;
    for number in 0..40 {
        for scene in [&mut before, &mut scene, &mut after] {
            scene.send("alice", &number.to_string()).await;
        }
    }
    let all = store.messages(scene.id(), page(99)).await.unwrap();
    assert_eq!(all.len(), 42, "with the two of the thread's making");
    for message in &all {
        let found = store.message(scene.id(), message.id).await.unwrap();
        assert_eq!(found.as_ref(), Some(message));
        for beside in [message.id.as_millis() - 1, message.id.as_millis() + 1] {
            let id = MessageId::from_millis(beside);
            if all.iter().all(|message| message.id != id) {
                assert_eq!(store.message(scene.id(), id).await.unwrap(), None, "{beside}");
            }
        }
    }
    for id in [0, u64::MAX].map(MessageId::from_millis) {
        assert_eq!(store.message(scene.id(), id).await.unwrap(), None);
    }
}

pub(crate) async fn pages_go_back_from_the_newest_and_stand_still_under_writes(
    backend: &impl Backend,
) {
    let store = backend.open().await;
    let mut scene = Scene::create(&store, "harbor", &[]).await;
    for number in 3..=10 {
        scene.send("alice", &number.to_string()).await;
    }
    assert_eq!(sequences(&store, &scene, page(4)).await, [10, 9, 8, 7]);
    scene.send("alice", "in between").await;
    let next = PageQuery { before_sequence: Some(7), ..page(4) };
    assert_eq!(sequences(&store, &scene, next).await, [6, 5, 4, 3]);
    let last = PageQuery { before_sequence: Some(3), ..page(4) };
    assert_eq!(sequences(&store, &scene, last).await, [2, 1]);
    let none = PageQuery { before_sequence: Some(1), ..page(4) };
    assert!(sequences(&store, &scene, none).await.is_empty());
}

pub(crate) async fn pages_end_where_shared_history_begins(backend: &impl Backend) {
    let store = backend.open().await;
    let mut scene = Scene::create(&store, "harbor", &[]).await;
    for number in 3..=8 {
        scene.send("alice", &number.to_string()).await;
    }
    let two_seconds_ago = scene.now().as_unix_micros() - 2_000_000;
    let sixth = Timestamp::from_unix_micros(two_seconds_ago);
    let visible = PageQuery { visible_since: sixth, ..page(10) };
    assert_eq!(sequences(&store, &scene, visible).await, [8, 7, 6]);
    let since = PageQuery { since: Some(sixth), ..page(2) };
    assert_eq!(sequences(&store, &scene, since).await, [8, 7]);
    let both = PageQuery { since: Some(scene.now()), visible_since: sixth, ..page(10) };
    assert_eq!(sequences(&store, &scene, both).await, [8]);
}

pub(crate) async fn members_come_and_go_with_their_receipts(backend: &impl Backend) {
    let store = backend.open().await;
    let mut scene = Scene::create(&store, "harbor", &["bob"]).await;
    let id = scene.send("alice", "ahoy").await;
    let _ = scene.act("bob", Command::SendReadReceipt { message_id: id }).await;
    scene.remove("alice", "bob").await;
    let found = store.load_thread(scene.id()).await.unwrap().unwrap();
    assert_eq!((found.members.len(), found.receipts.len()), (1, 0));
    assert_eq!(store.threads_of(&user("bob"), list(10)).await.unwrap(), []);
    scene.add("alice", NewMember::new(user("bob"))).await;
    let found = store.load_thread(scene.id()).await.unwrap().unwrap();
    assert_eq!(found, *scene.record());
    assert_eq!((found.members.len(), found.receipts.len()), (2, 0));
    assert_eq!(store.threads_of(&user("bob"), list(10)).await.unwrap().len(), 1);
}

pub(crate) async fn lists_of_threads_go_back_from_the_newest(backend: &impl Backend) {
    let store = backend.open().await;
    for id in ["one", "two", "three", "four"] {
        let others: &[&str] = if id == "two" { &[] } else { &["bob"] };
        Scene::create(&store, id, others).await;
    }
    let mut five = Scene::create(&store, "five", &["bob"]).await;
    five.clock.advance(Duration::from_secs(60));
    five.send("bob", "ahoy").await;
    let first = store.threads_of(&user("bob"), list(2)).await.unwrap();
    assert_eq!(first[0].id, thread_id("five"));
    assert_eq!(first[0].topic, "about five");
    assert_eq!(first[0].last_message_received_on, Some(five.now()));
    assert_eq!(first[1].id, thread_id("four"));
    Scene::create(&store, "six", &["bob"]).await;
    let after = Some(first[1].position);
    let rest = store.threads_of(&user("bob"), ThreadsQuery { after, ..list(9) }).await.unwrap();
    let ids: Vec<_> = rest.iter().map(|thread| thread.id.clone()).collect();
    assert_eq!(ids, [thread_id("three"), thread_id("one")]);
    let since = Some(five.now());
    let recent = store.threads_of(&user("bob"), ThreadsQuery { since, ..list(9) }).await.unwrap();
    assert_eq!(recent.len(), 1);
    assert_eq!(recent[0].id, thread_id("five"));
}

pub(crate) async fn threads_expire_in_order_and_not_once_they_are_deleted(backend: &impl Backend) {
    let store = backend.open().await;
    let retention = |days| Command::UpdateThread {
        topic: None,
        metadata: MetadataPatch::Keep,
        retention: Some(RetentionPolicy::ThreadCreationDate { delete_thread_after_days: days }),
    };
    let mut later = Scene::create(&store, "later", &[]).await;
    let _ = later.act("alice", retention(60)).await;
    let mut sooner = Scene::create(&store, "sooner", &[]).await;
    let _ = sooner.act("alice", retention(30)).await;
    let mut gone = Scene::create(&store, "gone", &[]).await;
    let _ = gone.act("alice", retention(40)).await;
    let _ = gone.act("alice", Command::DeleteThread).await;
    Scene::create(&store, "never", &[]).await;
    let day = |days: u64| sooner.record().created_on + Duration::from_secs(days * 86_400);
    assert_eq!(store.threads_expired_by(day(29), 9).await.unwrap(), []);
    assert_eq!(store.threads_expired_by(day(30), 9).await.unwrap(), [thread_id("sooner")]);
    let both = [thread_id("sooner"), thread_id("later")];
    assert_eq!(store.threads_expired_by(day(90), 9).await.unwrap(), both);
    assert_eq!(store.threads_expired_by(day(90), 1).await.unwrap(), both[..1]);
}

pub(crate) async fn deleted_threads_stay_listed_and_lose_their_messages(backend: &impl Backend) {
    let store = backend.open().await;
    let mut kept = Scene::create(&store, "kept", &["bob"]).await;
    kept.send("bob", "stays").await;
    let mut scene = Scene::create(&store, "harbor", &["bob"]).await;
    for number in 3..=7 {
        scene.send("bob", &number.to_string()).await;
    }
    let _ = scene.act("alice", Command::DeleteThread).await;
    let listed = store.threads_of(&user("bob"), list(1)).await.unwrap();
    assert_eq!(listed[0].deleted_on, Some(scene.now()));
    let all = store.messages(scene.id(), page(10)).await.unwrap();
    assert_eq!(store.erase_deleted(4).await.unwrap(), 4);
    for message in &all {
        let found = store.message(scene.id(), message.id).await.unwrap();
        assert_eq!(found.is_some(), message.sequence > 4, "the oldest go first");
    }
    assert_eq!(store.erase_deleted(100).await.unwrap(), 3);
    assert_eq!(store.erase_deleted(100).await.unwrap(), 0);
    assert!(sequences(&store, &scene, page(10)).await.is_empty());
    assert_eq!(sequences(&store, &kept, page(10)).await, [3, 2, 1]);
    let record: ThreadRecord = store.load_thread(scene.id()).await.unwrap().unwrap();
    assert_eq!(record.deleted_on, Some(scene.now()));
    assert_eq!(record.members.len(), 2);
    // What comes next may lie where they were.
    for number in 4..=20 {
        kept.send("bob", &number.to_string()).await;
    }
    assert_eq!(sequences(&store, &kept, page(99)).await, (1..=20).rev().collect::<Vec<_>>());
    assert!(sequences(&store, &scene, page(10)).await.is_empty());
}

pub(crate) async fn texts_are_kept_byte_for_byte(backend: &impl Backend) {
    let store = backend.open().await;
    let mut scene = Scene::create(&store, "harbor", &[]).await;
    for text in ["'; DROP TABLE messages; --", "\u{0}\u{1}\u{7f}", "\"\\\r\n\t", "🚢ä\u{202e}", "x"]
    {
        let id = scene.send("alice", text).await;
        assert_eq!(scene.stored(id).await.content, MessageContent::Text(text.to_owned()));
    }
    let long = "ß".repeat(14 * 1024);
    let id = scene.send("alice", &long).await;
    assert_eq!(scene.stored(id).await.content, MessageContent::Text(long));
    let _ = scene.act("alice", say("after")).await;
}

async fn sequences<S: trunkline_storage::Store>(
    store: &S,
    scene: &Scene<'_, S>,
    query: PageQuery,
) -> Vec<u64> {
    let page = store.messages(scene.id(), query).await.unwrap();
    page.into_iter().map(|message| message.sequence).collect()
}

fn page(limit: usize) -> PageQuery {
    let visible_since = Timestamp::UNIX_EPOCH;
    PageQuery { before_sequence: None, since: None, visible_since, limit }
}

fn list(limit: usize) -> ThreadsQuery {
    ThreadsQuery { limit, ..ThreadsQuery::default() }
}
