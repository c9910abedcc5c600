//! kill -9 of the whole exchange at random moments, while 32 writers write, one reads and a receiver
//! is sent the events: nothing that was acknowledged is lost, nothing comes twice.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;
use trunkline_api::events::v1::events_service_client::EventsServiceClient;
use trunkline_proto::chat::v1::Message;
use trunkline_proto::events::v1::{CreateSubscriptionRequest, DeliverySchema};

use crate::chat::{User, authorized, written};
use crate::exchange::Exchange;
use crate::receiver::Receiver;
use crate::writers::{Course, Writer, Written, watch_all};

const WRITERS: usize = 32;
const THREADS: usize = 8;
/// `TRUNKLINE_KILL_ROUNDS` asks for another number.
const ROUNDS: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_there_once_and_in_order_after_every_kill() {
    let rounds = number_from("TRUNKLINE_KILL_ROUNDS").unwrap_or(ROUNDS as u64);
    let seed = number_from("TRUNKLINE_SEED");
    let mut seed = seed.unwrap_or_else(|| u64::from(std::process::id()) | 1);
    println!("TRUNKLINE_SEED={seed}");
    let data = tempfile::tempdir().unwrap();
    let mut exchange = Exchange::start(data.path()).await;
    let receiver = Receiver::start().await;
    subscribe(&exchange, &receiver.url()).await;
    let reader = User::create(&exchange).await;
    let writers = writers(&exchange, &reader).await;

    let (current, channel) = watch::channel(exchange.channel());
    let (acknowledged, is_over) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
    let course = Course {
        channel: channel.clone(),
        acknowledged: Arc::clone(&acknowledged),
        is_over: Arc::clone(&is_over),
    };
    let mut writing = JoinSet::new();
    for writer in writers {
        writing.spawn(writer.run(course.clone()));
    }
    let (seen, mut has_seen) = watch::channel(0);
    let (total, wanted) = watch::channel(usize::MAX);
    let watching = tokio::spawn(watch_all(reader.clone(), channel, seen, wanted));

    let begun = Instant::now();
    for round in 0..rounds {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        // Some are killed while they begin, some in full course, all in the middle of something.
        let enough = acknowledged.load(Ordering::Relaxed) + (seed % 400) as usize;
        let deadline = Instant::now() + Duration::from_secs(60);
        while acknowledged.load(Ordering::Relaxed) < enough {
            assert!(Instant::now() < deadline, "round {round}: nobody is answered any more");
            tokio::time::sleep(Duration::from_micros(seed % 3_000)).await;
        }
        exchange.kill();
        exchange = Exchange::start(data.path()).await;
        current.send_replace(exchange.channel());
    }
    let running = begun.elapsed();
    is_over.store(true, Ordering::Relaxed);
    let written = writing.join_all().await;

    let count = written.iter().map(|one| one.ids.len()).sum();
    let retries: usize = written.iter().map(|one| one.retries).sum();
    let stored = check_threads(&exchange, &reader, &written).await;
    total.send_replace(count);
    let all = has_seen.wait_for(|seen| *seen >= count);
    tokio::time::timeout(Duration::from_secs(60), all)
        .await
        .expect("the reader hears all")
        .unwrap();
    assert_eq!(watching.await.unwrap(), stored, "each is read once and in order");
    let repeated = check_deliveries(receiver.wait_for(count).await, &stored);
    println!(
        "{rounds} kills in {:.1} s · {count} messages acknowledged, each there once · {retries} \
         retries · every event delivered, {repeated} of them more than once",
        running.as_secs_f64(),
    );
    assert!(count > WRITERS && retries > 0, "the kills met somebody");
}

/// Thread → place and id of each message, in order.
type Stored = BTreeMap<String, Vec<(u64, String)>>;

/// Every thread is without a gap, and has of every writer what was acknowledged, once and in order.
async fn check_threads(exchange: &Exchange, reader: &User, written_by: &[Written]) -> Stored {
    let mut stored = Stored::new();
    for Written { writer, ids, .. } in written_by {
        let Writer { name, thread, .. } = writer;
        let messages = reader.messages(exchange, thread).await;
        let places = messages.iter().map(|message| message.sequence);
        assert!(places.eq(1..=messages.len() as u64), "{thread} has a gap");
        let own = format!("{name} ");
        let is_own = |message: &&Message| written(message).is_some_and(|it| it.starts_with(&own));
        let there: Vec<&Message> = messages.iter().filter(is_own).collect();
        assert_eq!(there.len(), ids.len(), "writer {name}");
        for (number, (message, id)) in (1..).zip(there.iter().zip(ids)) {
            assert_eq!(written(message).unwrap(), format!("{name} {number}"));
            assert_eq!(message.message_id, *id, "writer {name} message {number}");
        }
        let of_thread = messages.into_iter().filter(|message| written(message).is_some());
        let of_thread = of_thread.map(|message| (message.sequence, message.message_id));
        stored.insert(thread.clone(), of_thread.collect());
    }
    stored
}

/// Everything was delivered, the first time in order; returns how many came more than once.
fn check_deliveries(taken: BTreeMap<String, Vec<String>>, stored: &Stored) -> usize {
    let mut repeated = 0;
    for (thread, messages) in stored {
        let delivered = taken.get(thread).expect("every thread has deliveries");
        let mut firsts = Vec::new();
        let mut met = std::collections::BTreeSet::new();
        for id in delivered {
            match met.insert(id) {
                true => firsts.push(id),
                false => repeated += 1,
            }
        }
        assert!(firsts.into_iter().eq(messages.iter().map(|(_, id)| id)), "{thread}");
    }
    assert_eq!(taken.len(), stored.len());
    repeated
}

/// Makes the writers, and threads of some of them with the reader.
async fn writers(exchange: &Exchange, reader: &User) -> Vec<Writer> {
    let mut writers = Vec::new();
    for _ in 0..THREADS {
        let mut users = vec![reader.clone()];
        for _ in 0..WRITERS / THREADS {
            users.push(User::create(exchange).await);
        }
        let thread = reader.create_thread(exchange, &users[1..]).await;
        for user in users.drain(..).skip(1) {
            writers.push(Writer { name: writers.len(), user, thread: thread.clone() });
        }
    }
    writers
}

async fn subscribe(exchange: &Exchange, endpoint: &str) {
    let request = CreateSubscriptionRequest {
        name: "hook".to_owned(),
        endpoint: endpoint.to_owned(),
        event_types: vec!["ChatMessageReceivedInThread".to_owned()],
        schema: DeliverySchema::EventGrid.into(),
    };
    let request = authorized(request, &format!("AccessKey {}", exchange.access_key()));
    let mut events = EventsServiceClient::new(exchange.channel());
    let created = events.create_subscription(request).await.unwrap().into_inner();
    assert!(created.subscription.unwrap().is_validated);
}

fn number_from(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}
