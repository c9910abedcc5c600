//! Requests that may be repeated.

use std::time::Duration;

use tokio::task::JoinSet;
use trunkline_clock::Timestamp;
use trunkline_storage::{
    Begun, ChatStore, Fingerprint, REPEATABILITY_LIFE, RepeatabilityKey, RepeatabilityRecord,
    RepeatabilityStore, StoreError, StoredResponse,
};

use crate::{
    scene::Scene,
    suite::{Backend, identity::at},
};

pub(crate) async fn the_first_is_carried_out_and_the_rest_get_its_answer(backend: &impl Backend) {
    let store = backend.open().await;
    let answer = record("scope", "id", 1, at(0));
    let Begun::First(reservation) = begin(&store, &answer, at(0)).await else {
        panic!("nobody was before");
    };
    assert!(matches!(begin(&store, &answer, at(0)).await, Begun::InProgress));
    store.store_response(answer.clone()).await.unwrap();
    drop(reservation);
    drop(store);
    let store = backend.open().await;
    match begin(&store, &answer, at(60)).await {
        Begun::Stored(response) => assert_eq!(response, answer.response),
        other => panic!("not the answer: {other:?}"),
    }
    let elsewhere = record("other scope", "id", 1, at(0));
    assert!(matches!(begin(&store, &elsewhere, at(60)).await, Begun::First(_)));
}

pub(crate) async fn another_request_under_the_same_id_is_refused(backend: &impl Backend) {
    let store = backend.open().await;
    let (one, two) = (record("scope", "id", 1, at(0)), record("scope", "id", 2, at(0)));
    let Begun::First(reservation) = begin(&store, &one, at(0)).await else {
        panic!("nobody was before");
    };
    assert!(matches!(begin(&store, &two, at(0)).await, Begun::Conflict));
    store.store_response(one.clone()).await.unwrap();
    drop(reservation);
    assert!(matches!(begin(&store, &two, at(0)).await, Begun::Conflict));
    let twice = store.store_response(one).await;
    assert!(matches!(twice, Err(StoreError::Conflict { .. })), "{twice:?}");
}

pub(crate) async fn of_many_at_once_one_is_first(backend: &impl Backend) {
    let store = std::sync::Arc::new(backend.open().await);
    let mut tasks = JoinSet::new();
    for _ in 0..32 {
        let (store, answer) = (store.clone(), record("scope", "id", 1, at(0)));
        tasks.spawn(async move {
            match begin(&*store, &answer, at(0)).await {
                Begun::First(reservation) => {
                    store.store_response(answer).await.unwrap();
                    drop(reservation);
                    true
                }
                Begun::InProgress | Begun::Stored(_) => false,
                Begun::Conflict => panic!("all ask the same"),
            }
        });
    }
    let first = tasks.join_all().await.into_iter().filter(|is_first| *is_first).count();
    assert_eq!(first, 1);
}

pub(crate) async fn a_reservation_that_is_dropped_makes_way(backend: &impl Backend) {
    let store = backend.open().await;
    let (one, two) = (record("scope", "id", 1, at(0)), record("scope", "id", 2, at(0)));
    drop(begin(&store, &one, at(0)).await);
    assert!(matches!(begin(&store, &two, at(0)).await, Begun::First(_)));
}

pub(crate) async fn answers_are_kept_for_a_day(backend: &impl Backend) {
    let store = backend.open().await;
    let answer = record("scope", "id", 1, at(0));
    store.store_response(answer.clone()).await.unwrap();
    store.store_response(record("scope", "young", 1, at(3_600))).await.unwrap();
    let almost = at(0) + (REPEATABILITY_LIFE - Duration::from_secs(1));
    assert!(matches!(begin(&store, &answer, almost).await, Begun::Stored(_)));
    let over = at(0) + REPEATABILITY_LIFE;
    assert!(matches!(begin(&store, &answer, over).await, Begun::First(_)));
    // Not pruned yet, it still makes way for a new answer.
    let again = RepeatabilityRecord { stored_on: over, ..record("scope", "id", 2, at(0)) };
    store.store_response(again.clone()).await.unwrap();
    assert!(matches!(begin(&store, &again, over).await, Begun::Stored(_)));
    assert_eq!(store.prune_responses(over).await.unwrap(), 0);
    assert_eq!(store.prune_responses(at(3_600) + REPEATABILITY_LIFE).await.unwrap(), 1);
    assert_eq!(store.prune_responses(over + REPEATABILITY_LIFE).await.unwrap(), 1);
}

pub(crate) async fn an_answer_is_written_with_the_work_or_not_at_all(backend: &impl Backend) {
    let store = backend.open().await;
    let answer = record("scope", "id", 1, at(0));
    let mut scene = Scene::create(&store, "harbor", &[]).await;
    scene.send_once("alice", "once", answer.clone()).await.unwrap();
    assert!(matches!(begin(&store, &answer, at(0)).await, Begun::Stored(_)));
    // A unit that fails leaves no answer behind.
    let other = record("scope", "other", 1, at(0));
    let lost = trunkline_storage::ChatUnit {
        thread_id: crate::scene::thread_id("missing"),
        changes: vec![],
        events: vec![],
        repeatability: Some(other.clone()),
    };
    assert!(store.commit(lost).await.is_err());
    assert!(matches!(begin(&store, &other, at(0)).await, Begun::First(_)));
}

async fn begin(
    store: &impl RepeatabilityStore,
    record: &RepeatabilityRecord,
    now: Timestamp,
) -> Begun {
    store.begin(&record.key, record.fingerprint, now).await.unwrap()
}

pub(crate) fn record(
    scope: &str,
    id: &str,
    fingerprint: u8,
    stored_on: Timestamp,
) -> RepeatabilityRecord {
    RepeatabilityRecord {
        key: RepeatabilityKey { scope: scope.to_owned(), request_id: id.to_owned() },
        fingerprint: Fingerprint::from_sha256([fingerprint; 32]),
        response: StoredResponse { status: 201, body: vec![fingerprint, 0, 255] },
        stored_on,
    }
}
