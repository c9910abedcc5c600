//! Subscriptions and deliveries.

use std::time::Duration;

use trunkline_chat::NewMember;
use trunkline_clock::Timestamp;
use trunkline_storage::{
    Backlog, ChatStore, DeadLetterLimits, Delivery, Expansion, Expiry, LogEvent, Moment,
    OtherEvent, Outbox, Outcome, Secret, Store, StoreError, Subscription, SubscriptionId, Waiting,
};

use crate::{
    scene::{Scene, user},
    suite::{Backend, feed::end_of_time, identity::at},
};

pub(crate) async fn subscriptions_come_back_with_their_secret(backend: &impl Backend) {
    let store = backend.open().await;
    let mut wanted = subscription("hook", 0);
    wanted.kinds = Some(["messageReceived".to_owned()].into());
    store.put_subscription(wanted.clone()).await.unwrap();
    store.put_subscription(subscription("a-hook", 0)).await.unwrap();
    drop(store);
    let store = backend.open().await;
    assert_eq!(store.subscription(&id("hook")).await.unwrap(), Some(wanted.clone()));
    assert_eq!(store.subscription(&id("none")).await.unwrap(), None);
    assert_eq!(store.subscriptions().await.unwrap(), [subscription("a-hook", 0), wanted]);
    assert!(!format!("{:?}", store.subscriptions().await.unwrap()).contains("hunter2"));
    for name in ["", "a b", "a/b", &"x".repeat(65)] {
        assert!(name.parse::<SubscriptionId>().is_err(), "{name:?}");
    }
}

pub(crate) async fn events_become_deliveries_once_and_the_cursor_moves(backend: &impl Backend) {
    let store = backend.open().await;
    let scene = harbor(&store, 8).await;
    let count = scene.events.len();
    store.put_subscription(subscription("hook", 0)).await.unwrap();
    let first = store.expand(&id("hook"), at(0), 5).await.unwrap();
    assert_eq!(first, Expansion { added: 5, cursor: 5, has_more: true });
    let rest = store.expand(&id("hook"), at(0), 99).await.unwrap();
    assert_eq!(rest.added, count - 5);
    assert!(!rest.has_more);
    let idle = store.expand(&id("hook"), at(0), 99).await.unwrap();
    assert_eq!(idle, Expansion { added: 0, ..rest });
    let found = store.subscription(&id("hook")).await.unwrap().unwrap();
    assert_eq!(found.cursor, rest.cursor);
    let backlog = store.backlog(&id("hook")).await.unwrap();
    assert_eq!(backlog, Backlog { pending: count as u64, dead: 0 });
    let delivered = deliver_all(&store, at(0)).await;
    let places: Vec<u64> = scene.events.iter().map(|(place, _)| *place).collect();
    assert_eq!(delivered, places);
    assert_eq!(store.backlog(&id("hook")).await.unwrap(), Backlog::default());
    let unknown = store.expand(&id("none"), at(0), 9).await;
    assert!(matches!(unknown, Err(StoreError::NotFound { what: "subscription" })));
}

pub(crate) async fn only_wanted_kinds_are_delivered(backend: &impl Backend) {
    let store = backend.open().await;
    let mut scene = harbor(&store, 2).await;
    scene.add("alice", NewMember::new(user("charlie"))).await;
    let mut wanted = subscription("hook", 0);
    wanted.kinds = Some(["participantsAdded".to_owned(), "threadDeleted".to_owned()].into());
    store.put_subscription(wanted).await.unwrap();
    let expansion = store.expand(&id("hook"), at(0), 99).await.unwrap();
    assert_eq!(expansion.added, 1);
    assert_eq!(expansion.cursor, store.feed_bounds().await.unwrap().head);
    let due = store.take_due(at(0), 9).await.unwrap();
    assert_eq!(due[0].entry.event.kind(), "participantsAdded");
}

pub(crate) async fn nothing_is_delivered_before_validation(backend: &impl Backend) {
    let store = backend.open().await;
    let mut scene = harbor(&store, 3).await;
    let unvalidated = Subscription { is_validated: false, ..subscription("hook", 0) };
    store.put_subscription(unvalidated).await.unwrap();
    let nothing = Expansion { added: 0, cursor: 0, has_more: false };
    assert_eq!(store.expand(&id("hook"), at(0), 99).await.unwrap(), nothing);
    // Nor does it keep the feed from being pruned.
    assert!(store.prune_feed(end_of_time(), 1).await.unwrap() > 0);
    store.validate_subscription(&id("hook")).await.unwrap();
    scene.send("alice", "after").await;
    assert_eq!(store.expand(&id("hook"), at(0), 99).await.unwrap().added, 1);
    let cursor = store.subscription(&id("hook")).await.unwrap().unwrap().cursor;
    scene.send("alice", "not passed over").await;
    store.validate_subscription(&id("hook")).await.unwrap();
    assert_eq!(store.subscription(&id("hook")).await.unwrap().unwrap().cursor, cursor);
    let unknown = store.validate_subscription(&id("none")).await;
    assert!(matches!(unknown, Err(StoreError::NotFound { what: "subscription" })));
}

pub(crate) async fn one_partition_waits_for_itself_and_for_no_other(backend: &impl Backend) {
    let store = backend.open().await;
    store.put_subscription(subscription("hook", 0)).await.unwrap();
    store.append(["a", "a", "b", "a", "b"].map(other).into()).await.unwrap();
    store.expand(&id("hook"), at(0), 99).await.unwrap();
    assert_eq!(places(&store.take_due(at(0), 9).await.unwrap()), [1, 3]);
    done(&store, 3, Outcome::Delivered).await;
    // What comes in between waits behind its own.
    store.append(vec![other("a"), other("c")]).await.unwrap();
    store.expand(&id("hook"), at(1), 99).await.unwrap();
    assert_eq!(places(&store.take_due(at(1), 9).await.unwrap()), [5, 7]);
    done(&store, 1, Outcome::Delivered).await;
    assert_eq!(places(&store.take_due(at(1), 9).await.unwrap()), [2]);
    for (seq, next) in [(2, vec![4]), (4, vec![6]), (6, vec![])] {
        done(&store, seq, Outcome::Delivered).await;
        assert_eq!(places(&store.take_due(at(1), 9).await.unwrap()), next);
    }
}

pub(crate) async fn a_retry_is_due_later_and_holds_its_partition(backend: &impl Backend) {
    let store = backend.open().await;
    store.put_subscription(subscription("hook", 0)).await.unwrap();
    store.append(vec![other("a"), other("a"), other("b")]).await.unwrap();
    store.expand(&id("hook"), at(0), 99).await.unwrap();
    assert!(store.next_due().await.unwrap().is_some_and(|due| due <= at(0)));
    let due = store.take_due(at(0), 1).await.unwrap();
    assert_eq!((places(&due), due[0].attempts), (vec![1], 0));
    done(&store, 1, Outcome::Retry { at: at(30), reason: "503".to_owned() }).await;
    assert_eq!(places(&store.take_due(at(29), 9).await.unwrap()), [3]);
    assert_eq!(store.next_due().await.unwrap(), Some(at(30)));
    let again = store.take_due(at(30), 9).await.unwrap();
    assert_eq!((places(&again), again[0].attempts), (vec![1], 1));
    assert_eq!(again[0].enqueued_on, at(0));
    assert_eq!(store.next_due().await.unwrap(), None, "what is due next has been taken");
    done(&store, 1, Outcome::Delivered).await;
    done(&store, 1, Outcome::Retry { at: at(99), reason: "too late".to_owned() }).await;
    assert_eq!(places(&store.take_due(at(30), 9).await.unwrap()), [2]);
}

pub(crate) async fn a_delivery_is_taken_once_and_again_after_a_restart(backend: &impl Backend) {
    let store = backend.open().await;
    store.put_subscription(subscription("hook", 0)).await.unwrap();
    store.append(vec![other("a"), other("b"), other("c")]).await.unwrap();
    store.expand(&id("hook"), at(0), 99).await.unwrap();
    assert_eq!(places(&store.take_due(at(0), 2).await.unwrap()), [1, 2]);
    assert_eq!(places(&store.take_due(at(0), 2).await.unwrap()), [3]);
    assert!(store.take_due(at(0), 2).await.unwrap().is_empty());
    drop(store);
    let store = backend.open().await;
    assert_eq!(places(&store.take_due(at(0), 9).await.unwrap()), [1, 2, 3]);
}

pub(crate) async fn a_delivery_that_is_postponed_comes_later_and_counts_no_attempt(
    backend: &impl Backend,
) {
    let store = backend.open().await;
    store.put_subscription(subscription("hook", 0)).await.unwrap();
    store.append(vec![other("a"), other("a")]).await.unwrap();
    store.expand(&id("hook"), at(0), 99).await.unwrap();
    for second in 0..30 {
        let due = store.take_due(at(second), 9).await.unwrap();
        assert_eq!((places(&due), due[0].attempts), (vec![1], 0));
        store.postpone(&id("hook"), 1, at(second + 1)).await.unwrap();
        assert!(store.take_due(at(second), 9).await.unwrap().is_empty());
        assert_eq!(store.next_due().await.unwrap(), Some(at(second + 1)));
    }
    store.take_due(at(30), 9).await.unwrap();
    done(&store, 1, Outcome::Delivered).await;
    store.postpone(&id("hook"), 1, at(99)).await.unwrap();
    assert_eq!(places(&store.take_due(at(30), 9).await.unwrap()), [2]);
}

pub(crate) async fn a_clock_that_is_set_back_stops_no_delivery(backend: &impl Backend) {
    const HOUR: i64 = 60 * 60;
    let store = backend.open().await;
    store.put_subscription(subscription("hook", 0)).await.unwrap();
    store.append(["a", "a", "b"].map(other).into()).await.unwrap();
    store.expand(&id("hook"), at(0), 99).await.unwrap();
    // An hour before they came about: due all the same, and so is the one behind.
    assert_eq!(places(&store.take_due(at(-HOUR), 9).await.unwrap()), [1, 3]);
    done(&store, 1, Outcome::Delivered).await;
    assert_eq!(places(&store.take_due(at(-HOUR), 9).await.unwrap()), [2]);
    let retry = |second| Outcome::Retry { at: at(second), reason: "503".to_owned() };
    done(&store, 2, retry(30)).await;
    store.postpone(&id("hook"), 3, at(1)).await.unwrap();
    assert!(store.take_due(at(-HOUR), 9).await.unwrap().is_empty());
    assert_eq!(store.rewind_deliveries(at(-HOUR)).await.unwrap(), 2);
    let due = store.take_due(at(-HOUR), 9).await.unwrap();
    let told: Vec<_> = due.iter().map(|one| (one.entry.seq, one.attempts)).collect();
    assert_eq!(told, [(2, 1), (3, 0)]);
    assert_eq!(due[0].enqueued_on, at(0), "the clock of now may be the wrong one");
    // One that is tried again and came before that waits as it should.
    done(&store, 2, retry(30)).await;
    assert_eq!(store.rewind_deliveries(at(0)).await.unwrap(), 0);
    assert!(store.take_due(at(29), 9).await.unwrap().is_empty());
    assert_eq!(places(&store.take_due(at(30), 9).await.unwrap()), [2]);
}

pub(crate) async fn a_dead_letter_keeps_its_event_and_can_be_revived(backend: &impl Backend) {
    let store = backend.open().await;
    let scene = harbor(&store, 2).await;
    store.put_subscription(subscription("hook", 0)).await.unwrap();
    store.expand(&id("hook"), at(0), 99).await.unwrap();
    store.take_due(at(0), 1).await.unwrap();
    let dead = |on| Outcome::DeadLettered { reason: "410 Gone".to_owned(), on: at(on) };
    done(&store, 1, dead(60)).await;
    deliver_all(&store, at(60)).await;
    // The feed forgets the event, and the dead letter does not.
    store.prune_feed(end_of_time(), 99).await.unwrap();
    assert_eq!(store.backlog(&id("hook")).await.unwrap(), Backlog { pending: 0, dead: 1 });
    let letters = store.dead_letters(&id("hook"), 0, 9).await.unwrap();
    assert_eq!((letters[0].reason.as_str(), letters[0].on), ("410 Gone", at(60)));
    assert_eq!((letters[0].attempts, letters[0].entry.seq), (1, 1));
    let LogEvent::Chat(event) = &letters[0].entry.event else {
        panic!("an event of chat");
    };
    assert_eq!(*event, scene.events[0].1);
    assert!(store.dead_letters(&id("hook"), 1, 9).await.unwrap().is_empty());
    assert!(store.revive(&id("hook"), 1, at(70)).await.unwrap());
    assert!(!store.revive(&id("hook"), 1, at(70)).await.unwrap());
    assert!(store.dead_letters(&id("hook"), 0, 9).await.unwrap().is_empty());
    let due = store.take_due(at(70), 9).await.unwrap();
    assert_eq!((places(&due), due[0].attempts), (vec![1], 0));
    done(&store, 1, dead(80)).await;
    let letters = store.dead_letters(&id("hook"), 0, 9).await.unwrap();
    assert_eq!(letters[0].on, at(80));
    store.revive(&id("hook"), 1, at(90)).await.unwrap();
    assert_eq!(deliver_all(&store, at(90)).await, [1]);
    assert_eq!(store.backlog(&id("hook")).await.unwrap(), Backlog::default());
}

pub(crate) async fn events_that_are_too_old_become_dead_letters_up_to_the_first_that_is_not(
    backend: &impl Backend,
) {
    let store = backend.open().await;
    let mut wanted = subscription("hook", 0);
    wanted.kinds = Some(["identity.userCreated".to_owned()].into());
    store.put_subscription(wanted).await.unwrap();
    let aged =
        |kind: &str, second| OtherEvent { kind: kind.to_owned(), time: at(second), ..other("a") };
    let of_users = |seconds: std::ops::Range<i64>| {
        seconds.map(|second| aged("identity.userCreated", second)).collect::<Vec<_>>()
    };
    store.append(of_users(0..4)).await.unwrap();
    store.append(vec![aged("other.kind", 4)]).await.unwrap();
    store.append(of_users(5..8)).await.unwrap();
    store.expand(&id("hook"), at(9), 2).await.unwrap();
    let waiting = |pending, next_on| Waiting { pending, next_on };
    assert_eq!(store.waiting(&id("hook"), 9).await.unwrap(), waiting(2, Some(at(2))));
    assert_eq!(store.waiting(&id("hook"), 1).await.unwrap(), waiting(1, Some(at(2))));
    let expiry = |limit| {
        let reason = "TimeToLiveExceeded".to_owned();
        Expiry { before: at(6), on: at(99), reason, limit }
    };
    let expired = store.expire(&id("hook"), expiry(1)).await.unwrap();
    assert_eq!(expired, Expansion { added: 1, cursor: 3, has_more: true });
    // What is not wanted is passed over.
    let expired = store.expire(&id("hook"), expiry(9)).await.unwrap();
    assert_eq!(expired, Expansion { added: 2, cursor: 6, has_more: true });
    let nothing = store.expire(&id("hook"), expiry(9)).await.unwrap();
    assert_eq!(nothing, Expansion { added: 0, ..expired });
    assert_eq!(store.waiting(&id("hook"), 9).await.unwrap(), waiting(2, Some(at(6))));
    let letters = store.dead_letters(&id("hook"), 0, 9).await.unwrap();
    let told: Vec<_> = letters.iter().map(|one| (one.entry.seq, one.attempts, one.on)).collect();
    assert_eq!(told, [(3, 0, at(99)), (4, 0, at(99)), (6, 0, at(99))]);
    assert!(letters.iter().all(|letter| letter.reason == "TimeToLiveExceeded"));
    // Once those on their way are done, the log is pruned as if nobody were behind.
    assert_eq!(deliver_all(&store, at(99)).await, [1, 2]);
    assert_eq!(store.prune_feed(at(6), 99).await.unwrap(), 6);
    assert_eq!(store.expand(&id("hook"), at(99), 99).await.unwrap().added, 2);
    assert_eq!(store.waiting(&id("hook"), 9).await.unwrap(), waiting(2, None));
    let unknown = store.expire(&id("none"), expiry(9)).await;
    assert!(matches!(unknown, Err(StoreError::NotFound { what: "subscription" })));
}

pub(crate) async fn dead_letters_are_bounded_by_age_and_number(backend: &impl Backend) {
    let store = backend.open().await;
    for name in ["hook", "other"] {
        store.put_subscription(subscription(name, 0)).await.unwrap();
    }
    store.append(["a", "b", "c", "d", "e", "f", "g", "h"].map(other).into()).await.unwrap();
    for name in ["hook", "other"] {
        store.expand(&id(name), at(0), 99).await.unwrap();
        for seq in 1..=8_u64 {
            let on = at(i64::try_from(seq).unwrap());
            let dead = Outcome::DeadLettered { reason: "404".to_owned(), on };
            store.record_outcome(&id(name), seq, dead).await.unwrap();
        }
    }
    let left = async |name: &str| {
        let letters = store.dead_letters(&id(name), 0, 99).await.unwrap();
        letters.iter().map(|letter| letter.entry.seq).collect::<Vec<_>>()
    };
    let prune = async |before, each, limit| {
        let limits = DeadLetterLimits { before: at(before), each };
        store.prune_dead_letters(limits, limit).await.unwrap()
    };
    // By age.
    assert_eq!(prune(3, 99, 99).await, 4);
    assert_eq!((left("hook").await, left("other").await.len()), (vec![3, 4, 5, 6, 7, 8], 6));
    // By number, so many at once.
    assert_eq!(prune(0, 4, 1).await, 1);
    assert_eq!(prune(0, 4, 99).await, 3);
    assert_eq!(prune(0, 4, 99).await, 0);
    assert_eq!((left("hook").await, left("other").await), (vec![5, 6, 7, 8], vec![5, 6, 7, 8]));
    // One that is sent again needs its event.
    store.prune_feed(end_of_time(), 99).await.unwrap();
    assert!(store.revive(&id("hook"), 5, at(9)).await.unwrap());
    assert_eq!(prune(99, 0, 99).await, 7);
    assert_eq!(deliver_all(&store, at(9)).await, [5]);
    assert_eq!(store.backlog(&id("hook")).await.unwrap(), Backlog::default());
}

pub(crate) async fn a_subscription_goes_with_all_that_it_has(backend: &impl Backend) {
    let store = backend.open().await;
    for name in ["hook", "kept"] {
        store.put_subscription(subscription(name, 0)).await.unwrap();
    }
    store.append(vec![other("a"), other("a")]).await.unwrap();
    for name in ["hook", "kept"] {
        store.expand(&id(name), at(0), 99).await.unwrap();
    }
    let dead = Outcome::DeadLettered { reason: "410".to_owned(), on: at(1) };
    done(&store, 1, dead).await;
    assert!(store.delete_subscription(&id("hook")).await.unwrap());
    assert!(!store.delete_subscription(&id("hook")).await.unwrap());
    assert_eq!(store.backlog(&id("hook")).await.unwrap(), Backlog::default());
    let due = store.take_due(at(9), 9).await.unwrap();
    assert_eq!(due.len(), 1);
    assert_eq!(due[0].subscription, id("kept"));
}

pub(crate) async fn deliveries_name_the_recipients_of_their_moment(backend: &impl Backend) {
    let store = backend.open().await;
    let mut scene = Scene::create(&store, "harbor", &["bob"]).await;
    scene.send("alice", "for two").await;
    scene.add("alice", NewMember::new(user("charlie"))).await;
    scene.remove("alice", "bob").await;
    scene.send("alice", "for two others").await;
    store.put_subscription(subscription("hook", 0)).await.unwrap();
    store.expand(&id("hook"), at(0), 99).await.unwrap();
    for (place, event) in &scene.events {
        let due = store.take_due(at(0), 9).await.unwrap();
        let [delivery] = &due[..] else {
            panic!("one thread, one delivery at a time");
        };
        assert_eq!(delivery.partition, scene.id().as_str());
        let LogEvent::Chat(found) = &delivery.entry.event else {
            panic!("an event of chat");
        };
        let mut expected = event.clone();
        expected.recipients.sort();
        assert_eq!((delivery.entry.seq, found), (*place, &expected));
        done(&store, *place, Outcome::Delivered).await;
    }
}

pub(crate) async fn other_events_are_logged_beside_those_of_chat(backend: &impl Backend) {
    let store = backend.open().await;
    let mut scene = Scene::create(&store, "harbor", &["bob"]).await;
    let places = store.append(vec![other("a"), other("b")]).await.unwrap();
    let head = scene.events.last().unwrap().0;
    assert_eq!(places, [head + 1, head + 2]);
    scene.send("bob", "ahoy").await;
    let log = store.log_after(head, 2).await.unwrap();
    let events: Vec<_> = log
        .iter()
        .map(|entry| match &entry.event {
            LogEvent::Other(event) => event.clone(),
            LogEvent::Chat(event) => panic!("not yet: {event:?}"),
        })
        .collect();
    assert_eq!(events, [other("a"), other("b")]);
    let others = store.others_after(0, 9).await.unwrap();
    assert_eq!(others.events, [(head + 1, other("a")), (head + 2, other("b"))]);
    assert_eq!(others.read_to, head + 3, "past the message that is nobody else's");
    let first = store.others_after(head, 1).await.unwrap();
    assert_eq!((first.events.len(), first.read_to), (1, head + 1));
    let rest = store.others_after(head + 3, 9).await.unwrap();
    assert_eq!((rest.events.len(), rest.read_to), (0, head + 3));
    assert!(matches!(store.others_after(head + 4, 9).await, Err(StoreError::CursorLost { .. })));
    let told = store.feed_after(&user("bob"), head, 9).await.unwrap();
    assert_eq!(told.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [head + 3]);
}

/// Attempts everything that is due, with success, until nothing is; returns the places in order.
pub(crate) async fn deliver_all(store: &impl Store, now: Timestamp) -> Vec<u64> {
    let mut delivered = Vec::new();
    loop {
        let due = store.take_due(now, 9).await.unwrap();
        if due.is_empty() {
            return delivered;
        }
        for delivery in due {
            let seq = delivery.entry.seq;
            store.record_outcome(&delivery.subscription, seq, Outcome::Delivered).await.unwrap();
            delivered.push(seq);
        }
    }
}

async fn done(store: &impl Store, seq: u64, outcome: Outcome) {
    store.record_outcome(&id("hook"), seq, outcome).await.unwrap();
}

/// A thread with some messages.
async fn harbor<S: Store>(store: &S, messages: usize) -> Scene<'_, S> {
    let mut scene = Scene::create(store, "harbor", &["bob"]).await;
    for number in 0..messages {
        scene.clock.advance(Duration::from_secs(1));
        scene.send("bob", &number.to_string()).await;
    }
    scene
}

fn places(deliveries: &[Delivery]) -> Vec<u64> {
    deliveries.iter().map(|delivery| delivery.entry.seq).collect()
}

fn other(key: &str) -> OtherEvent {
    OtherEvent {
        kind: "identity.userCreated".to_owned(),
        partition: key.to_owned(),
        time: at(0),
        body: vec![0, 255, 1],
    }
}

pub(crate) fn subscription(name: &str, cursor: u64) -> Subscription {
    Subscription {
        id: id(name),
        endpoint: "https://example.com/hook".to_owned(),
        kinds: None,
        secret: Secret::new(*b"hunter2"),
        cursor,
        is_validated: true,
        created_on: at(0),
    }
}

pub(crate) fn id(name: &str) -> SubscriptionId {
    name.parse().unwrap()
}

pub(crate) async fn a_partition_is_open_from_its_first_event_to_its_last(backend: &impl Backend) {
    let store = backend.open().await;
    let one = |partition: &str, body: &str, moment| {
        (OtherEvent { body: body.as_bytes().to_vec(), ..other(partition) }, moment)
    };
    let open = async |store: &_| {
        let open = Outbox::open_partitions(store).await.unwrap();
        let text = |event: OtherEvent| String::from_utf8(event.body).unwrap();
        open.into_iter().map(text).collect::<Vec<_>>()
    };
    let events = vec![
        one("a", "a1", Moment::Begins),
        one("b", "b1", Moment::Begins),
        one("a", "a2", Moment::Continues),
        one("loose", "x", Moment::Continues),
        one("c", "c1", Moment::Begins),
        one("c", "c2", Moment::Ends),
    ];
    assert_eq!(store.append_of_lives(events).await.unwrap(), [1, 2, 3, 4, 5, 6]);
    assert_eq!(open(&store).await, ["b1", "a2"]);
    store.append_of_lives(vec![one("b", "b2", Moment::Continues)]).await.unwrap();
    store.append_of_lives(vec![one("c", "c3", Moment::Continues)]).await.unwrap();
    drop(store);
    let store = backend.open().await;
    assert_eq!(open(&store).await, ["a2", "b2"]);
    store.append_of_lives(vec![one("a", "a3", Moment::Ends)]).await.unwrap();
    assert_eq!(open(&store).await, ["b2"]);
    store.prune_feed(end_of_time(), 99).await.unwrap();
    assert!(open(&store).await.is_empty(), "what is forgotten ends for nobody");
}
