//! What holds after any course of events.

use std::{collections::BTreeMap, time::Duration};

use trunkline_chat::{ChatEvent, Command, MessageId, MetadataPatch, NewMember, Reply};
use trunkline_storage::{ChatStore, LogEvent, Store};

use crate::{
    scene::{Scene, say, user, whole_feed},
    suite::{Backend, feed::told},
};

/// Feeds, the log and the records agree with what the machines of three threads wanted, while people
/// come, go, say, edit and read at random; over a restart too.
pub(crate) async fn feeds_logs_and_records_agree_with_what_was_committed(backend: &impl Backend) {
    let seed = std::env::var("TRUNKLINE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| u64::from(std::process::id()) | 1);
    println!("TRUNKLINE_SEED={seed}");
    let mut dice = Dice(seed);
    let store = backend.open().await;
    let mut scenes = Vec::new();
    for id in ["one", "two", "three"] {
        scenes.push(Scene::create(&store, id, &["bob"]).await);
    }
    let mut sent: BTreeMap<usize, Vec<(usize, MessageId)>> = BTreeMap::new();
    for _ in 0..150 {
        let at = dice.below(scenes.len());
        let actor = dice.below(NAMES.len());
        step(&mut dice, &mut scenes[at], actor, sent.entry(at).or_default()).await;
    }
    let records: Vec<_> = scenes.iter().map(|scene| scene.record().clone()).collect();
    let mut events: Vec<(u64, ChatEvent)> =
        scenes.into_iter().flat_map(|scene| scene.events).collect();
    events.sort_by_key(|(place, _)| *place);
    check(&store, &events, &mut dice).await;
    drop(store);
    let store = backend.open().await;
    check(&store, &events, &mut dice).await;
    for record in records {
        assert_eq!(store.load_thread(&record.id).await.unwrap(), Some(record));
    }
}

async fn check(store: &impl Store, events: &[(u64, ChatEvent)], dice: &mut Dice) {
    for name in NAMES {
        let (cursor, page) = (dice.below(events.len()) as u64, 1 + dice.below(9));
        let mut expected = told(events, name);
        expected.retain(|(place, _)| *place > cursor);
        let feed = whole_feed(store, name, cursor, page).await;
        assert_eq!(feed, expected, "{name} after {cursor} by {page}");
    }
    let log = store.log_after(0, usize::MAX).await.unwrap();
    let log: Vec<_> = log
        .into_iter()
        .map(|entry| match entry.event {
            LogEvent::Chat(event) => (entry.seq, event),
            LogEvent::Other(event) => panic!("not of chat: {event:?}"),
        })
        .collect();
    let sorted = events.iter().map(|(place, event)| {
        let mut event = event.clone();
        event.recipients.sort();
        (*place, event)
    });
    assert_eq!(log, sorted.collect::<Vec<_>>());
}

/// One thing happens, if the actor is in the thread.
async fn step<S: Store>(
    dice: &mut Dice,
    scene: &mut Scene<'_, S>,
    actor: usize,
    sent: &mut Vec<(usize, MessageId)>,
) {
    let name = NAMES[actor];
    if !scene.record().members.contains_key(&user(name)) {
        return;
    }
    let other = NAMES[dice.below(NAMES.len())];
    let mine: Vec<MessageId> =
        sent.iter().filter(|(sender, _)| *sender == actor).map(|(_, id)| *id).collect();
    match dice.below(8) {
        0 | 1 => {
            let mut member = NewMember::new(user(other));
            // Some see all that was said, some half of it, some only what comes.
            member.share_history_time = match dice.below(3) {
                0 => Some(scene.record().created_on),
                1 => {
                    let age = scene.now().saturating_duration_since(scene.record().created_on);
                    Some(scene.record().created_on + age / 2)
                }
                _ => None,
            };
            scene.add(name, member).await;
        }
        2 if other != name => scene.remove(name, other).await,
        // Who came back may not see what they said before, and what is deleted cannot be edited.
        3 if !mine.is_empty() => {
            let message = scene.stored(mine[dice.below(mine.len())]).await;
            let content = Some("edited".to_owned());
            let edit = Command::EditMessage { message, content, metadata: MetadataPatch::Keep };
            scene.attempt(name, edit).await;
        }
        4 if !mine.is_empty() => {
            let message = scene.stored(mine[dice.below(mine.len())]).await;
            scene.attempt(name, Command::DeleteMessage { message }).await;
        }
        5 if !mine.is_empty() => {
            let message_id = mine[dice.below(mine.len())];
            scene.attempt(name, Command::SendReadReceipt { message_id }).await;
        }
        _ => {
            scene.clock.advance(Duration::from_millis(dice.below(2_000) as u64));
            if let Reply::MessageSent(id) = scene.act(name, say("hello")).await {
                sent.push((actor, id));
            }
        }
    }
}

const NAMES: [&str; 5] = ["alice", "bob", "charlie", "dan", "erin"];

/// [Xorshift](https://www.jstatsoft.org/article/view/v008i14): enough for a choice of steps.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}
