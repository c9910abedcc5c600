//! What lasts: through kills, slow and full disks, and a second process.

#[path = "durability/child.rs"]
mod child;
#[path = "durability/crash.rs"]
mod crash;
#[allow(dead_code, reason = "the contract uses all of it")]
#[path = "contract/scene.rs"]
mod scene;

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use child::Other;
use scene::{Scene, say, thread_id, unit, user, whole_feed};
use tokio::task::JoinSet;
use trunkline_chat::{CreateThread, Limits, NewMember, Reply, Thread};
use trunkline_clock::{Timestamp, VirtualClock};
use trunkline_storage::{
    ChatStore, OpenError, OtherEvent, Outbox, Outcome, PageQuery, SealingKey, SqliteOptions,
    SqliteStore, Store, StoreError,
};

/// Many at once share commits; the figures are printed, because they depend on the disk.
#[tokio::test]
async fn writes_that_come_together_share_a_commit() {
    const ALONE: u32 = 100;
    const TOGETHER: u32 = 256;
    const EACH: u32 = 20;
    let directory = tempfile::tempdir().unwrap();
    let flush = time_of_a_flush(directory.path());
    let store = Arc::new(open(directory.path()).unwrap());

    let mut alone = Scene::create(&*store, "alone", &["bob"]).await;
    let start = Instant::now();
    for number in 0..ALONE {
        alone.send("bob", &number.to_string()).await;
    }
    let single = f64::from(ALONE) / start.elapsed().as_secs_f64();

    let mut tasks = JoinSet::new();
    for task in 0..TOGETHER {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let mut scene = Scene::create(&*store, &format!("together-{task}"), &["bob"]).await;
            for number in 0..EACH {
                scene.send("bob", &number.to_string()).await;
            }
        });
    }
    let (start, before) = (Instant::now(), store.commit_counts());
    tasks.join_all().await;
    let group = f64::from(TOGETHER * (EACH + 1)) / start.elapsed().as_secs_f64();
    let after = store.commit_counts();
    let (units, commits) = (after.units - before.units, after.commits - before.commits);
    println!(
        "flush {:.2} ms · alone {single:.0}/s · together {group:.0}/s, {:.0} units a commit · ×{:.1}",
        flush.as_secs_f64() * 1_000.0,
        units as f64 / commits as f64,
        group / single,
    );
    assert_eq!(units, u64::from(TOGETHER * (EACH + 1)));
    assert!(commits * 8 <= units, "{units} units took {commits} commits");
}

#[tokio::test]
async fn a_store_that_has_reached_its_limit_says_so_reads_on_and_takes_writes_again() {
    let directory = tempfile::tempdir().unwrap();
    let options = SqliteOptions { limit_bytes: Some(1_000_000), ..options(directory.path()) };
    let store = SqliteStore::open(&options).unwrap();
    let (written, refusal) = fill(&store).await;
    assert!(matches!(refusal, StoreError::Full), "{refusal:?}");
    assert!(refusal.is_transient());
    assert!(written > 10, "{written} messages");
    check(&store, written).await;
    assert!(!store.is_writable());
    // What is pruned makes room, and is let through although there is none.
    assert!(store.prune_feed(Timestamp::from_unix_micros(i64::MAX), 1_000).await.unwrap() > 0);
    let record = store.load_thread(&thread_id("harbor")).await.unwrap().unwrap();
    let mut scene = Scene::resume(&store, record);
    scene.send("bob", &"x".repeat(20_000)).await;
    assert!(store.is_writable());
}

#[tokio::test]
async fn without_room_a_delivery_waits_for_its_outcome_and_one_that_is_done_makes_room() {
    let directory = tempfile::tempdir().unwrap();
    let options = SqliteOptions { limit_bytes: Some(1_000_000), ..options(directory.path()) };
    let store = SqliteStore::open(&options).unwrap();
    let (hook, now) = (crash::subscription(), Timestamp::UNIX_EPOCH);
    store.put_subscription(hook.clone()).await.unwrap();
    let other = |partition: &str| OtherEvent {
        kind: "identity.userCreated".to_owned(),
        partition: partition.to_owned(),
        time: now,
        body: Vec::new(),
    };
    store.append(vec![other("a"), other("b"), other("a")]).await.unwrap();
    store.expand(&hook.id, now, 9).await.unwrap();
    let due = async || {
        let due = store.take_due(now, 9).await.unwrap();
        due.into_iter().map(|delivery| delivery.entry.seq).collect::<Vec<_>>()
    };
    assert_eq!(due().await, [1, 2]);
    fill(&store).await;
    let retry = Outcome::Retry { at: now, reason: "503".to_owned() };
    let refused = store.record_outcome(&hook.id, 1, retry).await;
    assert!(matches!(refused, Err(StoreError::Full)), "{refused:?}");
    assert!(due().await.is_empty(), "what came of it is yet to be recorded");
    // One that was not attempted is given back.
    let refused = store.postpone(&hook.id, 2, now).await;
    assert!(matches!(refused, Err(StoreError::Full)), "{refused:?}");
    assert_eq!(due().await, [2]);
    for seq in [2, 1] {
        store.record_outcome(&hook.id, seq, Outcome::Delivered).await.unwrap();
    }
    assert_eq!(due().await, [3]);
    assert!(!store.is_writable());
    assert!(store.delete_subscription(&hook.id).await.unwrap());
    assert!(store.subscriptions().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_full_disk_suspends_writes_until_there_is_room() {
    let disk = match SmallDisk::mount(4) {
        Ok(disk) => disk,
        Err(reason) => {
            println!("skipped: no small disk can be mounted here: {reason}");
            return;
        }
    };
    let ballast = disk.path().join("ballast");
    fs::write(&ballast, vec![0; 2 << 20]).unwrap();
    let store = open(&disk.path().join("store")).unwrap();
    let (written, refusal) = fill(&store).await;
    assert!(matches!(refusal, StoreError::Full), "{refusal:?}");
    assert!(!store.is_writable());
    assert!(matches!(store.probe().await, Err(StoreError::Full)));
    check(&store, written).await;
    fs::remove_file(&ballast).unwrap();
    store.probe().await.unwrap();
    assert!(store.is_writable());
    let record = store.load_thread(&thread_id("harbor")).await.unwrap().unwrap();
    let mut scene = Scene::resume(&store, record);
    scene.send("bob", "room again").await;
    check(&store, written + 1).await;
    drop(store);
    let store = open(&disk.path().join("store")).unwrap();
    check(&store, written + 1).await;
}

#[test]
fn a_second_process_is_refused_until_the_first_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let mut other = Other::run("holds_a_store_open", directory.path());
    assert_eq!(other.next_line().as_deref(), Some("open"));
    let refusal = open(directory.path()).unwrap_err();
    assert!(matches!(refusal, OpenError::InUse { .. }), "{refusal:?}");
    let path = directory.path().display();
    assert_eq!(
        refusal.to_string(),
        format!("{path} is in use by another process: stop it, or choose another directory")
    );
    other.finish();
    let store = open(directory.path()).unwrap();
    assert!(matches!(open(directory.path()), Err(OpenError::InUse { .. })), "nor twice in one");
    drop(store);
    open(directory.path()).unwrap();
}

/// The other process.
#[test]
fn holds_a_store_open() {
    let Some(directory) = child::directory() else {
        return;
    };
    let store = open(&directory).unwrap();
    child::say("open");
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    drop(store);
}

#[tokio::test]
async fn a_closed_store_finishes_what_it_took_and_refuses_the_rest() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(open(directory.path()).unwrap());
    let mut tasks = JoinSet::new();
    for task in 0..32 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let name = format!("thread-{task}");
            let mut thread = create(&name);
            store.commit(unit(&mut thread, None)).await.map(|_| name)
        });
    }
    tokio::task::yield_now().await;
    store.close().await;
    let outcomes = tasks.join_all().await;
    assert!(matches!(store.probe().await, Err(StoreError::Closed)));
    assert!(matches!(store.load_thread(&thread_id("thread-1")).await, Err(StoreError::Closed)));
    drop(store);
    let store = open(directory.path()).unwrap();
    for outcome in outcomes {
        match outcome {
            Ok(name) => assert!(store.load_thread(&thread_id(&name)).await.unwrap().is_some()),
            Err(error) => assert!(matches!(error, StoreError::Closed), "{error:?}"),
        }
    }
}

/// Writes long messages until one is refused; returns how many were not.
async fn fill(store: &SqliteStore) -> (usize, StoreError) {
    let clock = VirtualClock::default();
    let mut thread = create("harbor");
    store.commit(unit(&mut thread, None)).await.unwrap();
    for written in 0.. {
        let text = "x".repeat(20_000);
        let reply = thread.handle_input(clock.now(), &user("bob"), say(&text));
        assert!(matches!(reply, Ok(Reply::MessageSent(_))));
        if let Err(refusal) = store.commit(unit(&mut thread, None)).await {
            return (written, refusal);
        }
    }
    unreachable!("a disk has an end")
}

/// Reads everything back: nothing more and nothing less than was acknowledged.
async fn check(store: &SqliteStore, written: usize) {
    let query = PageQuery {
        before_sequence: None,
        since: None,
        visible_since: Timestamp::UNIX_EPOCH,
        limit: usize::MAX,
    };
    let messages = store.messages(&thread_id("harbor"), query).await.unwrap();
    assert_eq!(messages.len(), written + 2, "with two that the thread said itself");
    let feed = whole_feed(store, "bob", 0, 100).await;
    assert_eq!(feed.len(), written + 1, "with the one that says that the thread began");
}

fn create(name: &str) -> Thread {
    let now = VirtualClock::default().now();
    let members = vec![NewMember::new(user("bob"))];
    let request = CreateThread { topic: name.to_owned(), members, ..CreateThread::default() };
    let id = thread_id(name);
    Thread::create(now, id, &user("alice"), request, Limits::default()).unwrap().0
}

fn open(directory: &Path) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(&options(directory))
}

fn options(directory: &Path) -> SqliteOptions {
    SqliteOptions::new(directory, SealingKey::from_bytes([7; SealingKey::BYTES]))
}

fn time_of_a_flush(directory: &Path) -> Duration {
    const FLUSHES: u32 = 20;
    let mut file = fs::File::create(directory.join("flush")).unwrap();
    let start = Instant::now();
    for _ in 0..FLUSHES {
        std::io::Write::write_all(&mut file, &[0; 4096]).unwrap();
        file.sync_data().unwrap();
    }
    start.elapsed() / FLUSHES
}

/// A file system in memory, of a few megabytes.
struct SmallDisk {
    directory: tempfile::TempDir,
}

impl SmallDisk {
    fn mount(megabytes: u32) -> Result<Self, String> {
        let directory = tempfile::tempdir().unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"])
            .arg(directory.path())
            .output()
            .map_err(|error| error.to_string())?;
        if mount.status.success() {
            Ok(Self { directory })
        } else {
            Err(String::from_utf8_lossy(&mount.stderr).trim().to_owned())
        }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().to_owned()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // The directory cannot be removed while it is in use; a lazy unmount always ends that.
        let _ = Command::new("umount").arg("-l").arg(self.directory.path()).status();
    }
}
