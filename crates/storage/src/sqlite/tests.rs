//! The engine: units, commits that fail, files that cannot be used.

use std::fs;

use rusqlite::params;
use tempfile::TempDir;
use trunkline_clock::Timestamp;

use super::*;
use crate::{
    chat::ChatStore,
    outbox::{Expiry, OtherEvent, Outbox, Subscription, SubscriptionId},
    secret::Secret,
};

#[tokio::test]
async fn a_unit_that_fails_takes_nothing_else_of_its_commit_with_it() {
    let (_directory, store) = store();
    let writes = (0..10).map(|number| {
        store.write(move |writing| {
            put(writing, &number.to_string())?;
            if number % 3 == 0 { Err(StoreError::NotFound { what: "luck" }) } else { Ok(number) }
        })
    });
    let outcomes = together(writes).await;
    for (number, outcome) in outcomes.iter().enumerate() {
        match outcome {
            Ok(value) => assert_eq!(*value, number),
            Err(error) => assert!(matches!(error, StoreError::NotFound { what: "luck" })),
        }
    }
    assert_eq!(names(&store).await, ["1", "2", "4", "5", "7", "8"]);
    let counts = store.commit_counts();
    assert!(counts.commits < counts.units, "{counts:?}");
}

#[tokio::test]
async fn a_commit_that_fails_fails_all_of_it_and_suspends_writes_until_a_probe() {
    let (_directory, store) = store();
    store.write(|writing| put(writing, "before")).await.unwrap();
    let head = store.write(|writing| Ok(writing.feed.next())).await.unwrap();
    // The first holds the writer up, so that the others go into one commit.
    let writes = (0..4).map(|number| {
        store.write(move |writing| {
            put(writing, &format!("lost {number}"))?;
            writing.feed.next();
            if number == 2 { break_commit(writing) } else { Ok(()) }
        })
    });
    let outcomes = together(writes).await;
    assert!(outcomes.iter().any(Result::is_err));
    assert!(!store.is_writable());
    let refused = store.write(|writing| put(writing, "refused")).await;
    assert!(matches!(refused, Err(StoreError::Suspended(_))), "{refused:?}");
    assert!(names(&store).await.contains(&"before".to_owned()), "reads go on");
    store.probe().await.unwrap();
    assert!(store.is_writable());
    store.write(|writing| put(writing, "after")).await.unwrap();
    let kept = names(&store).await;
    for (number, outcome) in outcomes.iter().enumerate() {
        assert_eq!(kept.contains(&format!("lost {number}")), outcome.is_ok());
    }
    // Places that were given by what failed were never seen, and are given again.
    let succeeded = outcomes.iter().filter(|outcome| outcome.is_ok()).count() as u64;
    let next = store.write(|writing| Ok(writing.feed.next())).await.unwrap();
    assert_eq!(next, head + succeeded + 1);
}

#[tokio::test]
async fn a_write_whose_caller_has_gone_is_written_as_a_whole() {
    let (_directory, store) = store();
    let mut write = Box::pin(store.write(|writing| put(writing, "one")));
    // Handed over by the first poll.
    let polled = std::future::poll_fn(|context| {
        std::task::Poll::Ready(write.as_mut().poll(context).is_ready())
    });
    polled.await;
    drop(write);
    store.write(|writing| put(writing, "two")).await.unwrap();
    assert_eq!(names(&store).await, ["one", "two"]);
}

#[tokio::test]
async fn reads_see_one_state_whatever_is_written() {
    let (_directory, store) = store();
    let (go, gone) = std::sync::mpsc::channel();
    let (seen, ready) = oneshot::channel();
    let read = store.read(move |db| {
        let count = || -> Result<u32, StoreError> {
            Ok(db.query_row("SELECT count(*) FROM meta", [], |row| row.get(0))?)
        };
        let before = count()?;
        seen.send(()).unwrap();
        gone.recv().unwrap();
        Ok((before, count()?))
    });
    let write = async {
        ready.await.unwrap();
        store.write(|writing| put(writing, "one")).await.unwrap();
        go.send(()).unwrap();
    };
    let (counts, ()) = tokio::join!(read, write);
    let (before, after) = counts.unwrap();
    assert_eq!(before, after);
}

#[tokio::test]
async fn entries_of_the_feed_by_thread_come_with_whole_runs_and_go_with_their_events() {
    let (_directory, store) = store();
    // A unit that fails gives its places back.
    let outcomes = together((0..60).map(|number| {
        store.write(move |writing| {
            put_events(writing, 50)?;
            if number % 3 == 0 { Err(StoreError::NotFound { what: "luck" }) } else { Ok(()) }
        })
    }))
    .await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 40);
    // They follow the commit.
    store.write(|_| Ok(())).await.unwrap();
    assert_eq!(entries(&store).await, (1..=1_023).collect::<Vec<u64>>(), "of 2,000");
    let end = Timestamp::from_unix_micros(1);
    assert_eq!(store.prune_feed(end, 1_000).await.unwrap(), 1_000);
    assert_eq!(entries(&store).await, (1_001..=1_023).collect::<Vec<u64>>());
    assert_eq!(store.prune_feed(end, 9_999).await.unwrap(), 1_000);
    assert!(entries(&store).await.is_empty());
}

#[tokio::test]
async fn entries_of_the_feed_by_thread_go_on_after_failures_and_restarts() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), 7).unwrap();
    store.write(|writing| put_events(writing, 1_000)).await.unwrap();
    let lost = store.write(|writing| {
        put_events(writing, 100)?;
        break_commit(writing)
    });
    lost.await.unwrap_err();
    store.probe().await.unwrap();
    assert!(entries(&store).await.is_empty());
    store.write(|writing| put_events(writing, 100)).await.unwrap();
    store.write(|_| Ok(())).await.unwrap();
    assert_eq!(entries(&store).await, (1..=1_023).collect::<Vec<u64>>());
    let end = Timestamp::from_unix_micros(1);
    assert_eq!(store.prune_feed(end, 9_999).await.unwrap(), 1_100);
    drop(store);
    let store = open(directory.path(), 7).unwrap();
    store.write(|writing| put_events(writing, 1_000)).await.unwrap();
    store.write(|_| Ok(())).await.unwrap();
    assert_eq!(entries(&store).await, (1_101..=2_047).collect::<Vec<u64>>());
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_set_aside_and_holds_up_nothing_else() {
    let (_directory, store) = store();
    let (now, ids) = (Timestamp::from_unix_micros(1), ["one", "two"].map(|id| id.parse().unwrap()));
    for id in &ids {
        store.put_subscription(subscription(id)).await.unwrap();
    }
    store.append(vec![other("a")]).await.unwrap();
    store
        .write(|writing| {
            writing.db.execute_batch(
                "INSERT INTO threads (number, id, header, next_sequence, last_version, created_on)
                     VALUES (1, 'thread', x'', 0, 0, 0);
                 INSERT INTO users VALUES (1, '8:acs:contoso_ann');
                 INSERT INTO audiences VALUES (1, 1, 0, 9223372036854775807);",
            )?;
            for thread in [1, 1, 7] {
                let seq = writing.feed.next();
                let sql = "INSERT INTO feed (seq, thread, kind, happened_on, body)
                           VALUES (?1, ?2, 'any', 0, x'2a')";
                writing.db.execute(sql, params![seq, thread])?;
            }
            Ok(())
        })
        .await
        .unwrap();
    store.append(vec![other("b")]).await.unwrap();
    let expiry = Expiry { before: now, on: now, reason: "old".to_owned(), limit: 3 };
    for id in &ids {
        // That of a thread that is not there is passed over.
        assert_eq!(store.expand(id, now, 2).await.unwrap().added, 2);
        assert_eq!(store.expire(id, expiry.clone()).await.unwrap().added, 2);
    }
    let due = store.take_due(now, 99).await.unwrap();
    assert_eq!(due.iter().map(|one| one.entry.seq).collect::<Vec<_>>(), [1, 1]);
    assert!(store.take_due(now, 99).await.unwrap().is_empty());
    assert_eq!(store.next_due().await.unwrap(), None);
    let letters = async || {
        let letters = store.dead_letters(&ids[0], 0, 9).await.unwrap();
        let told = letters.into_iter().map(|one| (one.entry.seq, one.attempts, one.reason));
        told.collect::<Vec<_>>()
    };
    let expected = [(2, "Unreadable"), (3, "old"), (5, "old")];
    let expected = expected.map(|(seq, reason)| (seq, 0, reason.to_owned()));
    assert_eq!(letters().await, expected);
    // Sent again it is no more readable.
    assert!(store.revive(&ids[0], 2, now).await.unwrap());
    assert!(store.take_due(now, 99).await.unwrap().is_empty());
    assert_eq!(letters().await, expected);
    let log = store.log_after(0, 2).await.unwrap();
    assert_eq!(log.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [1, 5]);
    let ann = "8:acs:contoso_ann".parse().unwrap();
    assert!(store.feed_after(&ann, 0, 9).await.unwrap().is_empty());
}

#[test]
fn secrets_sealed_with_another_key_are_refused_at_once() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path(), 7).unwrap());
    let refusal = open(directory.path(), 8).unwrap_err();
    assert!(matches!(refusal, OpenError::WrongKey { .. }), "{refusal:?}");
    open(directory.path(), 7).unwrap();
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let bytes = b"not a database, but long enough to look at".repeat(100);
    fs::write(&path, &bytes).unwrap();
    let refusal = open(directory.path(), 7).unwrap_err();
    assert!(matches!(refusal, OpenError::Database { .. }), "{refusal:?}");
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn a_file_of_a_later_version_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path(), 7).unwrap());
    let path = directory.path().join("store.db");
    let db = Connection::open(&path).unwrap();
    db.pragma_update(None, "user_version", migrations::LATEST + 1).unwrap();
    drop(db);
    let refusal = open(directory.path(), 7).unwrap_err();
    let found = migrations::LATEST + 1;
    assert_eq!(
        refusal.to_string(),
        format!(
            "{} has schema {found}, this version knows up to {}: install a later version",
            path.display(),
            migrations::LATEST
        )
    );
}

#[cfg(unix)]
#[test]
fn files_can_be_read_by_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    let (directory, _store) = store();
    for entry in fs::read_dir(directory.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?}", entry.file_name());
    }
}

fn subscription(id: &SubscriptionId) -> Subscription {
    Subscription {
        id: id.clone(),
        endpoint: String::new(),
        kinds: None,
        secret: Secret::new(*b"secret"),
        cursor: 0,
        is_validated: true,
        created_on: Timestamp::UNIX_EPOCH,
    }
}

fn other(partition: &str) -> OtherEvent {
    OtherEvent {
        kind: "other.event".to_owned(),
        partition: partition.to_owned(),
        time: Timestamp::UNIX_EPOCH,
        body: Vec::new(),
    }
}

fn store() -> (TempDir, SqliteStore) {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), 7).unwrap();
    (directory, store)
}

fn open(directory: &Path, key: u8) -> Result<SqliteStore, OpenError> {
    let key = SealingKey::from_bytes([key; SealingKey::BYTES]);
    SqliteStore::open(&SqliteOptions::new(directory, key))
}

fn put(writing: &Writing<'_>, name: &str) -> Result<(), StoreError> {
    let sql = "INSERT INTO meta (name, value) VALUES (?1, x'')";
    writing.db.execute(sql, params![format!("test/{name}")])?;
    Ok(())
}

/// Leaves a row that is looked at only by the commit, which then fails.
fn break_commit(writing: &Writing<'_>) -> Result<(), StoreError> {
    writing.db.execute_batch(
        "CREATE TABLE parents (number INTEGER PRIMARY KEY);
         CREATE TABLE children (parent REFERENCES parents DEFERRABLE INITIALLY DEFERRED);
         INSERT INTO children VALUES (1);",
    )?;
    Ok(())
}

async fn names(store: &SqliteStore) -> Vec<String> {
    store
        .read(|db| {
            let sql = "SELECT substr(name, 6) FROM meta WHERE name LIKE 'test/%' ORDER BY name";
            let mut statement = db.prepare(sql)?;
            let names = statement.query_map([], |row| row.get(0))?;
            Ok(names.collect::<Result<_, _>>()?)
        })
        .await
        .unwrap()
}

/// Polls all of them before any has an answer.
async fn together<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut waiting: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, outcome) in waiting.iter_mut().filter(|(_, outcome)| outcome.is_none()) {
            if let std::task::Poll::Ready(value) = future.as_mut().poll(context) {
                *outcome = Some(value);
            }
        }
        match waiting.iter().all(|(_, outcome)| outcome.is_some()) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    waiting.into_iter().filter_map(|(_, outcome)| outcome).collect()
}

/// Puts so many events of nine threads into the feed.
fn put_events(writing: &mut Writing<'_>, count: usize) -> Result<(), StoreError> {
    for _ in 0..count {
        let seq = writing.feed.next();
        let sql = "INSERT INTO feed (seq, thread, kind, happened_on, body)
                   VALUES (?1, ?1 % 9, 'any', 0, x'2a')";
        writing.db.execute(sql, [seq])?;
    }
    Ok(())
}

/// The places that have an entry by thread.
async fn entries(store: &SqliteStore) -> Vec<u64> {
    let read = store.read(|db| {
        let mut statement = db.prepare("SELECT seq FROM feed_by_thread ORDER BY seq")?;
        Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<u64>, _>>()?)
    });
    read.await.unwrap()
}
