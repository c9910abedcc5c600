//! Events to the outside: order, poison, slow receivers, restarts, events made up.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use trunkline_chat::NewMember;
use trunkline_clock::Timestamp;
use trunkline_events::signature::SigningKey;
use trunkline_events::{
    DeliverySchema, EventType, FilterModel, SubscriptionFilter, SubscriptionName,
};
use trunkline_node::{RelayError, SubscribeEvents};
use trunkline_storage::{Backlog, OtherEvent, Outcome};

use crate::receiver::Receiver;
use crate::scene::Scene;

fn name(text: &str) -> SubscriptionName {
    text.parse().unwrap()
}

fn only(types: &[EventType]) -> SubscriptionFilter {
    let listed = types.iter().map(|of_type| of_type.as_str().to_owned()).collect();
    let model = FilterModel { included_event_types: Some(listed), ..FilterModel::default() };
    model.try_into().unwrap()
}

async fn subscribe(scene: &Scene, id: &str, receiver: &Receiver, types: &[EventType]) {
    let request = SubscribeEvents {
        name: name(id),
        endpoint: receiver.endpoint(),
        filter: only(types),
        schema: DeliverySchema::EventGrid,
    };
    let (subscription, _) = scene.node.relay().subscribe(request).await.unwrap();
    assert!(subscription.is_validated);
    assert!(!subscription.endpoint.contains("secret"), "{}", subscription.endpoint);
}

fn bodies(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["data"]["messageBody"].as_str().unwrap()).collect()
}

const IN_THREAD: &[EventType] = &[EventType::ChatMessageReceivedInThread];

#[tokio::test]
async fn what_happens_is_sent_in_order_to_those_who_want_it() {
    let scene = Scene::start().await;
    let (ann, ben) = (scene.user().await, scene.user().await);
    let (thread, other) = (scene.thread(&ann, &[&ben]).await, scene.thread(&ben, &[]).await);
    let receiver = Receiver::start().await;
    scene.say(&ann, &thread, "before").await.unwrap();
    subscribe(&scene, "hook", &receiver, IN_THREAD).await;
    for number in 0..30 {
        scene.say(&ann, &thread, &number.to_string()).await.unwrap();
        scene.say(&ben, &other, &format!("other {number}")).await.unwrap();
    }
    let taken = receiver.wait_for(60).await;
    let of = |id: &str| {
        let of_thread = |event: &&Value| event["data"]["threadId"] == id;
        bodies(&taken.iter().filter(of_thread).cloned().collect::<Vec<_>>())
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(of(thread.as_str()), (0..30).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(of(other.as_str()), (0..30).map(|n| format!("other {n}")).collect::<Vec<_>>());
    let list = scene.node.relay().subscriptions().await.unwrap();
    assert_eq!((list.len(), list[0].backlog.dead), (1, 0));
    scene.stop().await;
}

#[tokio::test]
async fn poison_is_put_aside_and_can_be_sent_again() {
    let scene = Scene::start().await;
    let ann = scene.user().await;
    let thread = scene.thread(&ann, &[]).await;
    let receiver = Receiver::start().await;
    receiver.behave(Box::new(|event| match event["data"]["messageBody"].as_str() {
        Some("poison") => Some(400),
        _ => Some(200),
    }));
    subscribe(&scene, "hook", &receiver, IN_THREAD).await;
    for text in ["one", "poison", "two"] {
        scene.say(&ann, &thread, text).await.unwrap();
    }
    assert_eq!(bodies(&receiver.wait_for(2).await), ["one", "two"]);
    let relay = scene.node.relay();
    let dead = relay.dead_letters(&name("hook"), 0, 10).await.unwrap();
    assert_eq!((dead.len(), dead[0].attempts, &*dead[0].reason), (1, 1, "BadRequest"));
    assert_eq!(dead[0].notifications.len(), 1);
    receiver.behave(Box::new(|_| Some(200)));
    relay.revive(&name("hook"), dead[0].seq).await.unwrap();
    assert_eq!(bodies(&receiver.wait_for(3).await), ["one", "two", "poison"]);
    assert!(relay.dead_letters(&name("hook"), 0, 10).await.unwrap().is_empty());
    let missing = relay.revive(&name("hook"), dead[0].seq).await;
    assert!(matches!(missing, Err(RelayError::NoSuchDeadLetter)), "{missing:?}");
    scene.stop().await;
}

#[tokio::test]
async fn what_was_refused_before_a_retry_is_put_aside_after_it() {
    let scene = Scene::start().await;
    let ann = scene.user().await;
    let mut others = Vec::new();
    for _ in 0..9 {
        others.push(scene.user().await);
    }
    let thread = scene.thread(&ann, &others.iter().collect::<Vec<_>>()).await;
    // Eight are sent at once: the ninth comes when it is known that one of them is refused.
    let count = AtomicUsize::new(0);
    let receiver = Receiver::with(Box::new(move |_| match count.fetch_add(1, Ordering::Relaxed) {
        0 => Some(400),
        8 => Some(500),
        _ => Some(200),
    }));
    let receiver = receiver.await;
    subscribe(&scene, "hook", &receiver, &[EventType::ChatMessageReceived]).await;
    scene.say(&ann, &thread, "hello").await.unwrap();
    let (id, seq) = ("hook".parse().unwrap(), scene.store.feed_bounds().await.unwrap().head);
    let tried = tokio::time::timeout(Duration::from_secs(20), async {
        while scene.store.next_due().await.unwrap() <= Some(scene.node.clock().wall()) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    tried.await.unwrap();
    // Rather than wait for ten seconds.
    scene.store.postpone(&id, seq, scene.node.clock().wall()).await.unwrap();
    let again = scene.thread(&ann, &[]).await;
    scene.say(&ann, &again, "wakes whoever waits").await.unwrap();
    assert_eq!(backlog_like(&scene, |backlog| backlog.pending == 0).await.dead, 1);
    assert_eq!(receiver.taken().len(), 8);
    let dead = scene.node.relay().dead_letters(&name("hook"), 0, 10).await.unwrap();
    let told: Vec<_> = dead.iter().map(|one| (one.seq, one.attempts, &*one.reason)).collect();
    assert_eq!(told, [(seq, 2, "BadRequest")]);
    scene.stop().await;
}

#[tokio::test]
async fn of_many_events_of_one_entry_those_that_are_wanted_come_each_once() {
    let scene = Scene::start().await;
    let ann = scene.user().await;
    let thread = scene.thread(&ann, &[]).await;
    let mut members = Vec::new();
    for _ in 0..20 {
        members.push(NewMember::new(scene.user().await.identifier));
    }
    let last = members.last().unwrap().identifier.clone();
    let model = FilterModel {
        subject_begins_with: format!("thread/{thread}/participantAdded/{last}"),
        included_event_types: Some(vec![
            EventType::ChatParticipantAddedToThreadWithUser.as_str().to_owned(),
        ]),
        ..FilterModel::default()
    };
    let receiver = Receiver::start().await;
    let request = SubscribeEvents {
        name: name("hook"),
        endpoint: receiver.endpoint(),
        filter: model.try_into().unwrap(),
        schema: DeliverySchema::EventGrid,
    };
    scene.node.relay().subscribe(request).await.unwrap();
    // 420 events, of which the last 20 are wanted.
    let added = scene.chat().add_members(&ann, &thread, members).await.unwrap();
    assert_eq!(added, []);
    let taken = receiver.wait_for(20).await;
    let subjects: BTreeSet<_> = taken.iter().map(|event| event["subject"].as_str()).collect();
    assert_eq!((taken.len(), subjects.len()), (20, 20));
    scene.stop().await;
}

#[tokio::test]
async fn a_receiver_that_never_answers_holds_nobody_up() {
    let scene = Scene::start().await;
    let ann = scene.user().await;
    let dead_end = Receiver::with(Box::new(|_| None)).await;
    let receiver = Receiver::start().await;
    subscribe(&scene, "dead-end", &dead_end, IN_THREAD).await;
    subscribe(&scene, "hook", &receiver, IN_THREAD).await;
    let mut count = 0;
    for _ in 0..20 {
        let thread = scene.thread(&ann, &[]).await;
        for _ in 0..3 {
            count += 1;
            scene.say(&ann, &thread, &count.to_string()).await.unwrap();
        }
    }
    receiver.wait_for(60).await;
    assert!(dead_end.taken().is_empty());
    let begun = tokio::time::Instant::now();
    scene.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(5), "attempts under way do not delay the end");
}

/// Has more wait for a receiver that does not answer than may wait at once, all of it too old.
async fn old_events(scene: &Scene) {
    let ann = scene.user().await;
    let thread = scene.thread(&ann, &[]).await;
    let dead_end = Receiver::with(Box::new(|_| None)).await;
    subscribe(scene, "hook", &dead_end, &[EventType::UserDisconnected]).await;
    let body = json!({"user": ann.identifier.to_string(), "since": "1970-01-01T00:00:00Z"});
    let event = OtherEvent {
        kind: "identity.userDisconnected".to_owned(),
        partition: format!("user/{}", ann.identifier),
        time: Timestamp::UNIX_EPOCH,
        body: body.to_string().into_bytes(),
    };
    scene.store.append(vec![event; 3_000]).await.unwrap();
    // What is handed in makes the feed notice what was not.
    scene.say(&ann, &thread, "hello").await.unwrap();
}

#[tokio::test]
async fn after_a_start_a_receiver_has_time_for_what_waited_before_any_of_it_is_given_up() {
    let scene = Scene::with_grace(Duration::from_secs(60 * 60)).await;
    old_events(&scene).await;
    backlog_like(&scene, |backlog| backlog.pending == 2_000).await;
    // Rounds go on meanwhile: without the grace the first of them gives up the rest.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let backlog = backlog_like(&scene, |backlog| backlog.pending == 2_000).await;
    assert_eq!(backlog.dead, 0);
    scene.stop().await;
}

#[tokio::test]
async fn events_that_grow_too_old_behind_others_are_given_up_without_an_attempt() {
    let scene = Scene::start().await;
    old_events(&scene).await;
    let backlog = backlog_like(&scene, |backlog| backlog.dead == 1_000).await;
    assert_eq!(backlog.pending, 2_000);
    let dead = scene.node.relay().dead_letters(&name("hook"), 0, 1).await.unwrap();
    assert_eq!((dead[0].attempts, &*dead[0].reason), (0, "TimeToLiveExceeded"));
    assert_eq!(dead[0].notifications.len(), 1);
    scene.stop().await;
}

#[tokio::test]
async fn what_was_given_up_long_ago_is_forgotten() {
    let scene = Scene::start().await;
    let ann = scene.user().await;
    let thread = scene.thread(&ann, &[]).await;
    let dead_end = Receiver::with(Box::new(|_| None)).await;
    subscribe(&scene, "hook", &dead_end, IN_THREAD).await;
    scene.say(&ann, &thread, "one").await.unwrap();
    backlog_like(&scene, |backlog| backlog.pending == 1).await;
    let id = "hook".parse().unwrap();
    let seq = scene.store.feed_bounds().await.unwrap().head;
    let reason = "NotFound".to_owned();
    let dead = Outcome::DeadLettered { reason, on: Timestamp::UNIX_EPOCH };
    scene.store.record_outcome(&id, seq, dead).await.unwrap();
    backlog_like(&scene, |backlog| backlog.dead == 1).await;
    let scene = scene.restart().await;
    backlog_like(&scene, |backlog| backlog.dead == 0).await;
    scene.stop().await;
}

#[tokio::test]
async fn what_is_due_by_a_clock_that_was_ahead_before_a_restart_is_sent_after_it() {
    let scene = Scene::start().await;
    let ann = scene.user().await;
    let thread = scene.thread(&ann, &[]).await;
    let receiver = Receiver::with(Box::new(|_| None)).await;
    subscribe(&scene, "hook", &receiver, IN_THREAD).await;
    scene.say(&ann, &thread, "one").await.unwrap();
    backlog_like(&scene, |backlog| backlog.pending == 1).await;
    let id = "hook".parse().unwrap();
    let seq = scene.store.feed_bounds().await.unwrap().head;
    let tomorrow = scene.node.clock().wall() + Duration::from_secs(24 * 60 * 60);
    let dead = Outcome::DeadLettered { reason: "NotFound".to_owned(), on: tomorrow };
    scene.store.record_outcome(&id, seq, dead).await.unwrap();
    assert!(scene.store.revive(&id, seq, tomorrow).await.unwrap());
    let retry = Outcome::Retry { at: tomorrow, reason: "503".to_owned() };
    scene.store.record_outcome(&id, seq, retry).await.unwrap();
    receiver.behave(Box::new(|_| Some(200)));
    let scene = scene.restart().await;
    assert_eq!(bodies(&receiver.wait_for(1).await), ["one"]);
    scene.stop().await;
}

/// Waits until the backlog of the one subscription is as wanted.
async fn backlog_like(scene: &Scene, is_wanted: impl Fn(&Backlog) -> bool) -> Backlog {
    for _ in 0..2_000 {
        let list = scene.node.relay().subscriptions().await.unwrap();
        if is_wanted(&list[0].backlog) {
            return list[0].backlog;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{:?}", scene.node.relay().subscriptions().await.unwrap()[0].backlog);
}

#[tokio::test]
async fn while_outcomes_cannot_be_recorded_nothing_is_sent_twice_and_then_all_goes_on() {
    let scene = Scene::start().await;
    let ann = scene.user().await;
    let thread = scene.thread(&ann, &[]).await;
    let receiver = Receiver::start().await;
    subscribe(&scene, "hook", &receiver, IN_THREAD).await;
    scene.faults.are_outcomes_refused.store(true, Ordering::Relaxed);
    for text in ["one", "two"] {
        scene.say(&ann, &thread, text).await.unwrap();
    }
    receiver.wait_for(1).await;
    // More than one attempt at recording it.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(bodies(&receiver.taken()), ["one"]);
    scene.faults.are_outcomes_refused.store(false, Ordering::Relaxed);
    assert_eq!(bodies(&receiver.wait_for(2).await), ["one", "two"]);
    scene.faults.are_outcomes_refused.store(true, Ordering::Relaxed);
    scene.say(&ann, &thread, "three").await.unwrap();
    receiver.wait_for(3).await;
    let begun = tokio::time::Instant::now();
    scene.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(5), "what waits does not delay the end");
}

#[tokio::test]
async fn what_cannot_be_recorded_of_some_threads_keeps_no_others_waiting() {
    let scene = Scene::start().await;
    let ann = scene.user().await;
    let receiver = Receiver::start().await;
    subscribe(&scene, "hook", &receiver, IN_THREAD).await;
    scene.faults.are_outcomes_refused.store(true, Ordering::Relaxed);
    // More than are attempted at once.
    for number in 0..12 {
        let thread = scene.thread(&ann, &[]).await;
        scene.say(&ann, &thread, &number.to_string()).await.unwrap();
    }
    assert_eq!(receiver.wait_for(12).await.len(), 12);
    scene.stop().await;
}

#[tokio::test]
async fn what_was_not_delivered_before_a_restart_is_delivered_after_it() {
    let scene = Scene::start().await;
    let ann = scene.user().await;
    let thread = scene.thread(&ann, &[]).await;
    let receiver = Receiver::start().await;
    subscribe(&scene, "hook", &receiver, IN_THREAD).await;
    receiver.behave(Box::new(|_| None));
    for number in 0..5 {
        scene.say(&ann, &thread, &number.to_string()).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let scene = scene.restart().await;
    receiver.behave(Box::new(|_| Some(200)));
    scene.say(&ann, &thread, "5").await.unwrap();
    assert_eq!(bodies(&receiver.wait_for(6).await), ["0", "1", "2", "3", "4", "5"]);
    scene.stop().await;
}

#[tokio::test]
async fn an_event_that_is_made_up_goes_where_a_real_one_would_and_the_log_shows_it() {
    let scene = Scene::start().await;
    let ann = scene.user().await;
    let thread = scene.thread(&ann, &[]).await;
    let receiver = Receiver::start().await;
    let relay = scene.node.relay();
    subscribe(&scene, "hook", &receiver, EventType::ALL).await;
    let mut tail =
        relay.watch(None, SubscriptionFilter::default(), DeliverySchema::CloudEvents).await;
    for event_type in EventType::ALL {
        relay.trigger(*event_type).await.unwrap();
    }
    // The feed goes on over what is not chat's.
    scene.say(&ann, &thread, "real").await.unwrap();
    let wait = tokio::time::timeout(Duration::from_secs(20), async {
        let mut seen = Vec::new();
        loop {
            let item = tail.next().await.unwrap();
            let body: Value = serde_json::from_slice(item.notification.body()).unwrap();
            seen.push(item.notification.event_type());
            if body["data"]["messageBody"] == "real" {
                return seen;
            }
        }
    });
    let seen = wait.await.unwrap();
    for event_type in EventType::ALL {
        assert!(seen.contains(event_type), "{event_type} is not in the log");
        let is_taken = || {
            let taken = receiver.taken();
            taken.iter().any(|event| event["eventType"] == event_type.as_str())
        };
        for _ in 0..500 {
            if is_taken() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(is_taken(), "{event_type} was not delivered");
    }
    scene.stop().await;
}

#[tokio::test]
async fn nobody_is_subscribed_who_does_not_confirm_or_may_not_be_reached() {
    let scene = Scene::start().await;
    let relay = scene.node.relay();
    let request = |endpoint: &str| SubscribeEvents {
        name: name("hook"),
        endpoint: endpoint.parse().unwrap(),
        filter: SubscriptionFilter::default(),
        schema: DeliverySchema::CloudEvents,
    };
    let receiver = Receiver::start().await;
    let unconfirmed = relay.subscribe(request(receiver.endpoint().expose())).await;
    assert!(matches!(unconfirmed, Err(RelayError::Unconfirmed(_))), "{unconfirmed:?}");
    let private = relay.subscribe(request("https://169.254.169.254/latest")).await;
    assert!(matches!(private, Err(RelayError::Refused(_))), "{private:?}");
    assert!(relay.subscriptions().await.unwrap().is_empty());
    let missing = relay.unsubscribe(&name("hook")).await;
    assert!(matches!(missing, Err(RelayError::NoSuchSubscription)), "{missing:?}");
    scene.stop().await;
}

#[tokio::test]
async fn a_configured_receiver_is_subscribed_once_it_confirms_and_goes_on_after_a_restart() {
    let receiver = Receiver::start().await;
    receiver.hesitate(1);
    let request = SubscribeEvents {
        name: name("backend"),
        endpoint: receiver.endpoint(),
        filter: only(IN_THREAD),
        schema: DeliverySchema::EventGrid,
    };
    let scene = Scene::configured(vec![(request, SigningKey::from_bytes(&[7; 32]).unwrap())]).await;
    let ann = scene.user().await;
    let thread = scene.thread(&ann, &[]).await;
    let is_there = async || {
        let list = scene.node.relay().subscriptions().await.unwrap();
        list.iter().any(|subscription| subscription.is_validated)
    };
    while !is_there().await {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!receiver.hesitates());
    scene.say(&ann, &thread, "one").await.unwrap();
    assert_eq!(bodies(&receiver.wait_for(1).await), ["one"]);
    receiver.behave(Box::new(|_| Some(503)));
    scene.say(&ann, &thread, "two").await.unwrap();
    let scene = scene.restart().await;
    receiver.behave(Box::new(|_| Some(200)));
    scene.say(&ann, &thread, "three").await.unwrap();
    assert_eq!(bodies(&receiver.wait_for(3).await), ["one", "two", "three"]);
    scene.stop().await;
}

#[tokio::test]
async fn a_subscription_that_ends_gets_nothing_more() {
    let scene = Scene::start().await;
    let ann = scene.user().await;
    let thread = scene.thread(&ann, &[]).await;
    let (first, second) = (Receiver::start().await, Receiver::start().await);
    subscribe(&scene, "hook", &first, IN_THREAD).await;
    scene.say(&ann, &thread, "one").await.unwrap();
    first.wait_for(1).await;
    // The same name for another endpoint: from there on the events go there.
    subscribe(&scene, "hook", &second, IN_THREAD).await;
    scene.say(&ann, &thread, "two").await.unwrap();
    assert_eq!(bodies(&second.wait_for(1).await), ["two"]);
    scene.node.relay().unsubscribe(&name("hook")).await.unwrap();
    scene.say(&ann, &thread, "three").await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!((first.taken().len(), second.taken().len()), (1, 1));
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_user_who_stays_away_is_noted_as_disconnected_and_one_who_comes_back_is_not() {
    let scene = Scene::start().await;
    let (ann, ben) = (scene.user().await, scene.user().await);
    let filter = only(&[EventType::UserDisconnected]);
    let mut tail = scene.node.relay().watch(None, filter, DeliverySchema::EventGrid).await;
    let gone = scene.chat().subscribe(&ann, None).await.unwrap();
    let reconnecting = scene.chat().subscribe(&ben, None).await.unwrap();
    drop((gone, reconnecting));
    tokio::time::sleep(Duration::from_secs(20)).await;
    let _back = scene.chat().subscribe(&ben, None).await.unwrap();
    let item = tail.next().await.unwrap();
    let body: Value = serde_json::from_slice(item.notification.body()).unwrap();
    assert_eq!(body[0]["subject"], format!("user/{}", ann.identifier));
    let next = tokio::time::timeout(Duration::from_secs(600), tail.next()).await;
    assert!(next.is_err(), "{next:?}");
    scene.stop().await;
}
