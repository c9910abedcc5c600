//! The feed: cursors, subscribers that lag or go away, events that nobody handed in.

use std::sync::atomic::Ordering;
use std::time::Duration;

use trunkline_chat::{ChatEvent, ChatEventKind};
use trunkline_ids::ThreadId;
use trunkline_node::{ChatSubscription, SubscriptionEnd};
use trunkline_storage::ChatUnit;

use crate::scene::{Scene, next, texts};

/// More than the queue of a subscriber holds, several times.
const MANY: usize = 1_500;

async fn end(mut subscription: ChatSubscription) -> SubscriptionEnd {
    loop {
        let next = tokio::time::timeout(Duration::from_secs(20), subscription.next()).await;
        if let Err(end) = next.expect("the subscription goes on and on") {
            return end;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_that_lags_misses_and_repeats_nothing_and_keeps_nobody_waiting() {
    let scene = Scene::start().await;
    let (ann, slow, brisk) = (scene.user().await, scene.user().await, scene.user().await);
    let thread = scene.thread(&ann, &[&slow, &brisk]).await;
    let mut slow = scene.chat().subscribe(&slow, None).await.unwrap();
    let mut brisk = scene.chat().subscribe(&brisk, None).await.unwrap();
    let expected: Vec<_> = (0..MANY).map(|number| number.to_string()).collect();
    let reading = tokio::spawn(async move { texts(&mut brisk, MANY).await });
    for number in &expected {
        scene.say(&ann, &thread, number).await.unwrap();
    }
    assert_eq!(reading.await.unwrap(), expected, "one that does not read keeps nobody waiting");
    assert_eq!(texts(&mut slow, MANY).await, expected);
    // Caught up: from here on out of the queue again.
    scene.say(&ann, &thread, "live").await.unwrap();
    assert_eq!(texts(&mut slow, 1).await, ["live"]);
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_that_lags_while_others_write_sees_one_order() {
    let scene = Scene::start().await;
    let (ann, ben) = (scene.user().await, scene.user().await);
    let mut told = scene.chat().subscribe(&ben, None).await.unwrap();
    let mut writers = Vec::new();
    for thread in 0..8 {
        let id = scene.thread(&ann, &[&ben]).await;
        let (chat, ann) = (scene.chat().clone(), ann.clone());
        writers.push(tokio::spawn(async move {
            for number in 0..200 {
                let message = crate::scene::text_message(&format!("{thread}/{number}"));
                chat.send_message(&ann, &id, message).await.unwrap();
            }
        }));
    }
    let mut seen = Vec::new();
    while seen.len() < 8 * 200 {
        // The check that the feed goes forward is in `next`.
        seen.extend(texts(&mut told, 100).await);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for writer in writers {
        writer.await.unwrap();
    }
    for thread in 0..8 {
        let prefix = format!("{thread}/");
        let of_thread: Vec<_> = seen.iter().filter(|text| text.starts_with(&prefix)).collect();
        let expected: Vec<_> = (0..200).map(|number| format!("{thread}/{number}")).collect();
        assert_eq!(of_thread, expected.iter().collect::<Vec<_>>());
    }
    scene.stop().await;
}

#[tokio::test]
async fn a_cursor_goes_on_across_a_restart() {
    let scene = Scene::start().await;
    let (ann, ben) = (scene.user().await, scene.user().await);
    let thread = scene.thread(&ann, &[&ben]).await;
    let mut told = scene.chat().subscribe(&ben, Some(0)).await.unwrap();
    for number in 0..20 {
        scene.say(&ann, &thread, &number.to_string()).await.unwrap();
    }
    assert_eq!(texts(&mut told, 5).await, ["0", "1", "2", "3", "4"]);
    let cursor = told.cursor();
    let scene = scene.restart().await;
    scene.say(&ann, &thread, "20").await.unwrap();
    let mut told = scene.chat().subscribe(&ben, Some(cursor)).await.unwrap();
    let expected: Vec<_> = (5..=20).map(|number| number.to_string()).collect();
    assert_eq!(texts(&mut told, 16).await, expected);
    let lost = scene.chat().subscribe(&ben, Some(1_000_000)).await.unwrap();
    assert!(matches!(end(lost).await, SubscriptionEnd::CursorLost { .. }));
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_nobody_hands_in_is_read_from_the_store() {
    let scene = Scene::start().await;
    let (ann, ben) = (scene.user().await, scene.user().await);
    let thread = scene.thread(&ann, &[&ben]).await;
    let mut told = scene.chat().subscribe(&ben, None).await.unwrap();
    scene.say(&ann, &thread, "one").await.unwrap();
    commit_past_the_node(&scene, &thread, (*next(&mut told).await.event).clone()).await;
    scene.say(&ann, &thread, "two").await.unwrap();
    assert_eq!(texts(&mut told, 2).await, ["past the node", "two"]);
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_nobody_hands_in_and_the_store_cannot_read_is_passed_over() {
    let scene = Scene::start().await;
    let (ann, ben) = (scene.user().await, scene.user().await);
    let thread = scene.thread(&ann, &[&ben]).await;
    let mut told = scene.chat().subscribe(&ben, None).await.unwrap();
    scene.say(&ann, &thread, "one").await.unwrap();
    let event = next(&mut told).await.event;
    let place = commit_past_the_node(&scene, &thread, (*event).clone()).await;
    // Nor can it read what waits behind that.
    scene.faults.unreadable_from.store(place, Ordering::Relaxed);
    for text in ["two", "three"] {
        scene.say(&ann, &thread, text).await.unwrap();
    }
    assert_eq!(texts(&mut told, 2).await, ["two", "three"]);
    scene.stop().await;
}

/// Makes a commit whose answer nobody waits for, so that the node learns of its event from the store
/// alone; returns the place of the event.
async fn commit_past_the_node(scene: &Scene, thread: &ThreadId, mut event: ChatEvent) -> u64 {
    let ChatEventKind::MessageReceived(message) = &mut event.kind else { panic!("{event:?}") };
    message.content = trunkline_chat::MessageContent::Text("past the node".to_owned());
    let unit = ChatUnit {
        thread_id: thread.clone(),
        changes: vec![],
        events: vec![event],
        repeatability: None,
    };
    scene.store.commit(unit).await.unwrap()[0]
}

#[tokio::test]
async fn typing_reaches_those_who_are_there_and_has_no_place_in_the_feed() {
    let scene = Scene::start().await;
    let (ann, ben) = (scene.user().await, scene.user().await);
    let thread = scene.thread(&ann, &[&ben]).await;
    let mut told = scene.chat().subscribe(&ben, None).await.unwrap();
    scene.chat().send_typing(&ann, &thread, None).await.unwrap();
    scene.say(&ann, &thread, "done").await.unwrap();
    let item = next(&mut told).await;
    assert!(matches!(item.event.kind, ChatEventKind::TypingStarted { .. }), "{item:?}");
    assert_eq!(item.seq, None);
    assert_eq!(texts(&mut told, 1).await, ["done"]);
    let mut later = scene.chat().subscribe(&ben, Some(0)).await.unwrap();
    assert!(matches!(next(&mut later).await.event.kind, ChatEventKind::ThreadCreated { .. }));
    assert!(matches!(next(&mut later).await.event.kind, ChatEventKind::MessageReceived(_)));
    scene.stop().await;
}

#[tokio::test]
async fn a_token_that_is_revoked_ends_its_subscriptions_and_those_of_nobody_else() {
    let scene = Scene::start().await;
    let (ann, ben) = (scene.user().await, scene.user().await);
    let thread = scene.thread(&ann, &[&ben]).await;
    let of_ann = scene.chat().subscribe(&ann, None).await.unwrap();
    let mut of_ben = scene.chat().subscribe(&ben, None).await.unwrap();
    let name = ann.identifier.to_string();
    scene.node.revoke_tokens(&scene.resource(), &name).await.unwrap();
    assert!(matches!(end(of_ann).await, SubscriptionEnd::TokenRevoked));
    let stale = scene.chat().subscribe(&ann, None).await.unwrap();
    assert!(
        matches!(end(stale).await, SubscriptionEnd::TokenRevoked),
        "verified before, used after"
    );
    scene.say(&ben, &thread, "still here").await.unwrap();
    assert_eq!(texts(&mut of_ben, 1).await, ["still here"]);
    scene.node.delete_user(&scene.resource(), &ben.identifier.to_string()).await.unwrap();
    assert!(matches!(end(of_ben).await, SubscriptionEnd::TokenRevoked));
    assert_eq!(scene.node.status().subscriptions, 0);
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_subscription_ends_with_its_token_and_with_the_node() {
    let scene = Scene::start().await;
    let ann = scene.user().await;
    let short = scene.chat().subscribe(&ann, None).await.unwrap();
    let day = Duration::from_secs(24 * 60 * 60);
    let begun = tokio::time::Instant::now();
    let ended = tokio::time::timeout(day * 2, end_of(short)).await.unwrap();
    assert!(matches!(ended, SubscriptionEnd::TokenExpired));
    assert!(begun.elapsed() >= day - Duration::from_secs(2), "{:?}", begun.elapsed());
    let ben = scene.user().await;
    let long = scene.chat().subscribe(&ben, None).await.unwrap();
    let (ended, ()) = tokio::join!(end_of(long), scene.node.shutdown());
    assert!(matches!(ended, SubscriptionEnd::ShuttingDown));
}

async fn end_of(mut subscription: ChatSubscription) -> SubscriptionEnd {
    subscription.next().await.unwrap_err()
}

#[tokio::test]
async fn a_user_has_so_many_subscriptions_and_no_more() {
    let scene = Scene::start().await;
    let ann = scene.user().await;
    let mut held = Vec::new();
    let refused = loop {
        match scene.chat().subscribe(&ann, None).await {
            Ok(subscription) => held.push(subscription),
            Err(refused) => break refused,
        }
    };
    assert_eq!((held.len(), refused.status()), (100, 429));
    held.pop();
    scene.chat().subscribe(&ann, None).await.unwrap();
    scene.stop().await;
}
