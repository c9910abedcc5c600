//! kill -9 while 32 tasks write and one delivers: what was acknowledged is there exactly once, in
//! order, without gap, and was or will be delivered.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use tokio::task::JoinSet;
use trunkline_chat::{ChatEventKind, MessageContent};
use trunkline_clock::{Timestamp, VirtualClock};
use trunkline_storage::{
    Begun, ChatStore, Fingerprint, LogEvent, Outbox, Outcome, PageQuery, RepeatabilityKey,
    RepeatabilityRecord, RepeatabilityStore, Secret, SqliteStore, StoredResponse, Subscription,
};

use crate::{
    child::{self, Other},
    open,
    scene::{Scene, thread_id, whole_feed},
};

const WRITERS: usize = 32;
const ROUNDS: usize = 20;

#[tokio::test]
async fn what_was_acknowledged_before_a_kill_is_there_once_and_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let seed = std::env::var("TRUNKLINE_SEED").ok().and_then(|seed| seed.parse().ok());
    let mut seed: u64 = seed.unwrap_or_else(|| u64::from(std::process::id()) | 1);
    println!("TRUNKLINE_SEED={seed}");
    open(directory.path()).unwrap().put_subscription(subscription()).await.unwrap();
    let mut acknowledged = Acknowledged::new();
    let mut delivered = Delivered::new();
    for round in 0..ROUNDS {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        // Some rounds end while threads are still being made, some in full course.
        let lines = 1 + seed % 1_500;
        let mut other = Other::run("crash::writes_until_it_is_killed", directory.path());
        for _ in 0..lines {
            let line = other.next_line().expect("it writes until it is killed");
            note(&mut acknowledged, &mut delivered, &line);
        }
        for line in other.kill() {
            note(&mut acknowledged, &mut delivered, &line);
        }
        check(directory.path(), &acknowledged, round).await;
    }
    let before: usize = delivered.values().map(Vec::len).sum();
    let store = Arc::new(open(directory.path()).unwrap());
    deliver(&store, true, |thread, seq| delivered.entry(thread).or_default().push(seq)).await;
    let twice = check_deliveries(&store, &delivered).await;
    let total: usize = acknowledged.values().map(BTreeMap::len).sum();
    println!(
        "{total} messages acknowledged over {ROUNDS} kills, none lost; {before} events delivered \
         meanwhile, {twice} of them twice",
    );
}

/// Thread → places in the feed, as they were delivered.
type Delivered = BTreeMap<String, Vec<u64>>;

/// Every event was delivered, and within a thread none before one that came before it.
async fn check_deliveries(store: &SqliteStore, delivered: &Delivered) -> usize {
    let mut expected = Delivered::new();
    for entry in store.log_after(0, usize::MAX).await.unwrap() {
        if let LogEvent::Chat(event) = entry.event {
            expected.entry(event.thread_id.to_string()).or_default().push(entry.seq);
        }
    }
    assert_eq!(delivered.len(), expected.len());
    let mut twice = 0;
    for (thread, places) in delivered {
        let mut firsts: Vec<u64> = Vec::new();
        for place in places {
            match firsts.contains(place) {
                // Attempted, but not recorded before the kill: only the last can be.
                true => assert_eq!(firsts.last(), Some(place), "{thread}: {places:?}"),
                false => firsts.push(*place),
            }
        }
        twice += places.len() - firsts.len();
        assert_eq!(firsts, expected[thread], "{thread}");
    }
    twice
}

/// Delivers what is in the outbox; until nothing is left, or for ever.
async fn deliver(
    store: &Arc<SqliteStore>,
    until_done: bool,
    mut hand_over: impl FnMut(String, u64),
) {
    let (id, now) = (subscription().id, VirtualClock::default().now().wall);
    loop {
        let expansion = store.expand(&id, now, 1_000).await.unwrap();
        let due = store.take_due(now, 100).await.unwrap();
        if until_done && due.is_empty() && !expansion.has_more {
            return;
        }
        let mut records = JoinSet::new();
        for delivery in due {
            let (store, id, seq) = (Arc::clone(store), id.clone(), delivery.entry.seq);
            hand_over(delivery.partition, seq);
            records.spawn(async move { store.record_outcome(&id, seq, Outcome::Delivered).await });
        }
        for recorded in records.join_all().await {
            recorded.unwrap();
        }
    }
}

pub(crate) fn subscription() -> Subscription {
    Subscription {
        id: "hook".parse().unwrap(),
        endpoint: "https://example.com".to_owned(),
        kinds: None,
        secret: Secret::new(*b"secret"),
        cursor: 0,
        is_validated: true,
        created_on: Timestamp::UNIX_EPOCH,
    }
}

/// Writer → number of the message → its place in the feed.
type Acknowledged = BTreeMap<usize, BTreeMap<u64, u64>>;

fn note(acknowledged: &mut Acknowledged, delivered: &mut Delivered, line: &str) {
    if let Some((thread, seq)) = line.split_once('=') {
        delivered.entry(thread.to_owned()).or_default().push(seq.parse().unwrap());
        return;
    }
    let numbers: Vec<u64> = line.split(' ').map(|word| word.parse().unwrap()).collect();
    let [writer, number, place] = numbers[..] else {
        panic!("not an acknowledgement: {line}");
    };
    let of_writer = acknowledged.entry(writer as usize).or_default();
    let before = of_writer.insert(number, place);
    assert_eq!(before, None, "acknowledged twice: {line}");
}

async fn check(directory: &Path, acknowledged: &Acknowledged, round: usize) {
    let store = open(directory).unwrap();
    let head = store.feed_bounds().await.unwrap().head;
    for (writer, numbers) in acknowledged {
        let name = format!("writer-{writer}");
        let id = thread_id(&name);
        let query = PageQuery {
            before_sequence: None,
            since: None,
            visible_since: Timestamp::UNIX_EPOCH,
            limit: usize::MAX,
        };
        let mut messages = store.messages(&id, query).await.unwrap();
        messages.reverse();
        assert!(
            messages.iter().map(|message| message.sequence).eq(1..=messages.len() as u64),
            "round {round}: {name} has a gap"
        );
        let said: Vec<u64> = messages.iter().filter_map(|one| number(&one.content)).collect();
        assert!(said.iter().copied().eq(1..=said.len() as u64), "round {round}: {name}: {said:?}");
        let last = numbers.keys().last().copied().unwrap_or(0);
        assert!(last <= said.len() as u64, "round {round}: {name} lost {last}");
        let record = store.load_thread(&id).await.unwrap().unwrap();
        assert_eq!(record.next_sequence, messages.len() as u64 + 1);
        let feed: BTreeMap<u64, u64> = whole_feed(&store, &name, 0, 500)
            .await
            .into_iter()
            .filter_map(|(place, event)| match event.kind {
                ChatEventKind::MessageReceived(message) => Some((number(&message.content)?, place)),
                _ => None,
            })
            .collect();
        assert_eq!(feed.len(), said.len(), "round {round}: {name}: one event for each message");
        for (number, place) in numbers {
            assert_eq!(feed.get(number), Some(place), "round {round}: {name}: message {number}");
            assert!(*place <= head);
        }
    }
}

fn number(content: &MessageContent) -> Option<u64> {
    match content {
        MessageContent::Text(text) => Some(text.parse().unwrap()),
        _ => None,
    }
}

/// The other process. Each writer goes on where its thread is, after repeating its last message, of
/// which it cannot know whether it was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_until_it_is_killed() {
    let Some(directory) = child::directory() else {
        return;
    };
    let store = Arc::new(open(&directory).unwrap());
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let store = Arc::clone(&store);
        writers.spawn(async move { write(&store, writer).await });
    }
    deliver(&store, false, |thread, seq| child::say(&format!("{thread}={seq}"))).await;
    writers.join_all().await;
}

async fn write(store: &SqliteStore, writer: usize) {
    let name = format!("writer-{writer}");
    let mut scene = match store.load_thread(&thread_id(&name)).await.unwrap() {
        Some(record) => Scene::resume(store, record),
        None => Scene::create(store, &name, &[&name]).await,
    };
    // Creating says two messages of its own.
    let written = scene.record().next_sequence - 3;
    for number in written.max(1).. {
        let record = RepeatabilityRecord {
            key: RepeatabilityKey { scope: name.clone(), request_id: number.to_string() },
            fingerprint: Fingerprint::from_sha256([0; 32]),
            response: StoredResponse { status: 201, body: Vec::new() },
            stored_on: scene.now(),
        };
        match store.begin(&record.key, record.fingerprint, scene.now()).await.unwrap() {
            Begun::Stored(_) if number == written => {}
            Begun::First(reservation) if number > written => {
                let places = scene.send_once(&name, &number.to_string(), record).await.unwrap();
                drop(reservation);
                child::say(&format!("{writer} {number} {}", places[0]));
            }
            other => panic!("message {number} of {written}: {other:?}"),
        }
    }
}
