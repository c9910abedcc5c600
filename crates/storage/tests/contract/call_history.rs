//! The history of calls of each user.

use std::time::Duration;

use trunkline_call::{CallKind, Direction};
use trunkline_ids::CallId;
use trunkline_policy::{License, Tenant};
use trunkline_reasons::EndReason;
use trunkline_storage::{
    AppUser, CallHistoryLimits, CallHistoryStore, CallPosition, CallRecord, CallsQuery,
    IdentityStore, MissedCalls, OtherParty,
};

use crate::{
    scene::{thread_id, user},
    suite::{
        Backend,
        identity::{at, directory_user, resource, tenant},
        meetings::meeting_id,
    },
};

pub(crate) async fn a_call_comes_back_as_it_was(backend: &impl Backend) {
    let store = backend.open().await;
    let answered = CallRecord {
        kind: CallKind::Meeting,
        direction: Direction::Outgoing,
        connected_at: Some(at(3)),
        end_reason: EndReason::HUNG_UP,
        thread_id: Some(thread_id("harbor")),
        meeting_id: Some(meeting_id(1)),
        others: vec![
            OtherParty { identifier: user("bob"), display_name: Some("Böb ⚓".parse().unwrap()) },
            OtherParty { identifier: "4:+14255550100".parse().unwrap(), display_name: None },
        ],
        unnamed_others: 4,
        is_missed: false,
        ..missed(1, 10)
    };
    let calls = vec![(user("alice"), answered.clone()), (user("bob"), missed(1, 10))];
    assert_eq!(store.append_calls(calls, limits()).await.unwrap(), 2);
    drop(store);
    let store = backend.open().await;
    assert_eq!(records(&store, "alice", all()).await, [answered]);
    assert_eq!(records(&store, "bob", all()).await, [missed(1, 10)]);
    assert_eq!(records(&store, "charlie", all()).await, []);
}

pub(crate) async fn a_call_is_in_a_history_once(backend: &impl Backend) {
    let store = backend.open().await;
    let alice = || user("alice");
    let added = store.append_calls(vec![(alice(), missed(1, 10))], limits()).await.unwrap();
    assert_eq!(added, 1);
    let other = CallRecord { is_missed: false, ..missed(1, 99) };
    let calls = vec![(alice(), other), (alice(), missed(2, 20)), (user("bob"), missed(1, 10))];
    assert_eq!(store.append_calls(calls, limits()).await.unwrap(), 2);
    assert_eq!(records(&store, "alice", all()).await, [missed(2, 20), missed(1, 10)]);
    assert_eq!(records(&store, "bob", all()).await, [missed(1, 10)]);
}

pub(crate) async fn calls_are_listed_from_the_newest_page_by_page(backend: &impl Backend) {
    let store = backend.open().await;
    for number in 1..=6 {
        let taken = CallRecord { is_missed: number % 2 == 0, ..missed(number, number.into()) };
        store.append_calls(vec![(user("alice"), taken)], limits()).await.unwrap();
        store.append_calls(vec![(user("bob"), missed(number, 0))], limits()).await.unwrap();
    }
    let first = store.calls(&user("alice"), CallsQuery { limit: 2, ..all() }).await.unwrap();
    assert_eq!(numbers(first.iter().map(|(_, call)| call)), [6, 5]);
    // The list stands still while calls come and go.
    store.append_calls(vec![(user("alice"), missed(7, 7))], limits()).await.unwrap();
    assert!(store.delete_call(&user("alice"), &call_id(5)).await.unwrap());
    assert!(!store.delete_call(&user("alice"), &call_id(5)).await.unwrap());
    let before = Some(first[1].0);
    let rest = records(&store, "alice", CallsQuery { before, ..all() }).await;
    assert_eq!(numbers(&rest), [4, 3, 2, 1]);
    let missed = CallsQuery { before, is_missed_only: true, ..all() };
    assert_eq!(numbers(&records(&store, "alice", missed).await), [4, 2]);
    let recent = CallsQuery { since: Some(at(4)), ..all() };
    assert_eq!(numbers(&records(&store, "alice", recent).await), [7, 6, 4]);
    let both = CallsQuery { is_missed_only: true, since: Some(at(3)), limit: 2, ..all() };
    assert_eq!(numbers(&records(&store, "alice", both).await), [7, 6]);
}

pub(crate) async fn missed_calls_count_until_they_are_seen(backend: &impl Backend) {
    let store = backend.open().await;
    let alice = user("alice");
    let none = MissedCalls { unseen: 0, seen_up_to: None };
    assert_eq!(store.missed_calls(&alice).await.unwrap(), none);
    // Nothing is there to be seen, and so nothing to come is.
    assert_eq!(store.mark_calls_seen(&alice, CallPosition(99)).await.unwrap(), none);
    for number in 1..=4 {
        let call = CallRecord { is_missed: number != 3, ..missed(number, 0) };
        store.append_calls(vec![(alice.clone(), call)], limits()).await.unwrap();
    }
    assert_eq!(store.missed_calls(&alice).await.unwrap().unseen, 3);
    let listed = store.calls(&alice, all()).await.unwrap();
    let (second, newest) = (listed[2].0, listed[0].0);
    let left = store.mark_calls_seen(&alice, second).await.unwrap();
    assert_eq!(left, MissedCalls { unseen: 1, seen_up_to: Some(second) });
    // An earlier place takes nothing back; one beyond the newest is the newest.
    assert_eq!(store.mark_calls_seen(&alice, CallPosition(0)).await.unwrap(), left);
    let left = store.mark_calls_seen(&alice, CallPosition(u64::MAX)).await.unwrap();
    assert_eq!(left, MissedCalls { unseen: 0, seen_up_to: Some(newest) });
    store.append_calls(vec![(alice.clone(), missed(5, 0))], limits()).await.unwrap();
    drop(store);
    let store = backend.open().await;
    let left = store.missed_calls(&alice).await.unwrap();
    assert_eq!(left, MissedCalls { unseen: 1, seen_up_to: Some(newest) });
    assert_eq!(store.missed_calls(&user("bob")).await.unwrap(), none);
}

pub(crate) async fn history_is_bounded_by_number_age_and_names(backend: &impl Backend) {
    let store = backend.open().await;
    let limits = CallHistoryLimits { per_user: 3, age: Duration::from_secs(100), others: 2 };
    for number in 1..=5 {
        let calls = vec![(user("alice"), missed(number, i64::from(number)))];
        store.append_calls(calls, limits).await.unwrap();
    }
    store.append_calls(vec![(user("bob"), missed(1, 1))], limits).await.unwrap();
    assert_eq!(numbers(&records(&store, "alice", all()).await), [5, 4, 3]);
    assert_eq!(numbers(&records(&store, "bob", all()).await), [1]);
    // At 104 s the fourth is a hundred seconds old, and the third is older.
    assert_eq!(store.prune_calls(at(104), limits, 1).await.unwrap(), 1);
    assert_eq!(numbers(&records(&store, "bob", all()).await), [0; 0]);
    assert_eq!(store.prune_calls(at(104), limits, 9).await.unwrap(), 1);
    assert_eq!(store.prune_calls(at(104), limits, 9).await.unwrap(), 0);
    assert_eq!(numbers(&records(&store, "alice", all()).await), [5, 4]);
    let others = ["bob", "charlie", "dan", "eve"]
        .map(|name| OtherParty { identifier: user(name), display_name: None });
    let crowd = CallRecord { others: others.to_vec(), unnamed_others: 5, ..missed(9, 9) };
    store.append_calls(vec![(user("alice"), crowd)], limits).await.unwrap();
    let kept = records(&store, "alice", CallsQuery { limit: 1, ..all() }).await;
    assert_eq!(kept[0].others, others[..2]);
    assert_eq!(kept[0].unnamed_others, 7);
}

pub(crate) async fn a_history_goes_with_its_user(backend: &impl Backend) {
    let store = backend.open().await;
    let contoso: Tenant = tenant("contoso");
    store.put_tenant(contoso.clone()).await.unwrap();
    let mut dan = directory_user("dan", "dan");
    dan.licenses.insert(License::TeamsPhone);
    store.put_directory_user(&contoso.id, dan.clone()).await.unwrap();
    let trunkline_ids::CommunicationIdentifier::CommunicationUser(identifier) = user("alice")
    else {
        panic!("an app user");
    };
    let alice = AppUser { identifier, resource: resource("contoso"), created_on: at(0) };
    store.create_user(alice.clone()).await.unwrap();
    let everybody = [
        user("alice"),
        dan.identifier(),
        // Dan through an app, others of that name or of another tenant, and bob.
        "8:acs:contoso_contoso_dan".parse().unwrap(),
        "8:acs:contoso_fabrikam_dan".parse().unwrap(),
        "8:acs:contoso_contoso_jordan".parse().unwrap(),
        "8:acs:contoso_dan".parse().unwrap(),
        user("bob"),
    ];
    let calls = everybody.iter().map(|who| (who.clone(), missed(1, 1))).collect();
    store.append_calls(calls, limits()).await.unwrap();
    for who in &everybody {
        let left = store.mark_calls_seen(who, CallPosition(99)).await.unwrap();
        assert!(left.seen_up_to.is_some());
    }
    assert!(store.delete_user(&alice.identifier).await.unwrap());
    assert!(store.delete_directory_user(&contoso.id, &dan.object_id).await.unwrap());
    for who in &everybody[..3] {
        assert_eq!(store.calls(who, all()).await.unwrap(), []);
        let left = store.missed_calls(who).await.unwrap();
        assert_eq!(left, MissedCalls { unseen: 0, seen_up_to: None });
    }
    for who in &everybody[3..] {
        assert_eq!(store.calls(who, all()).await.unwrap().len(), 1);
        assert!(store.missed_calls(who).await.unwrap().seen_up_to.is_some());
    }
    assert_eq!(store.delete_calls_of(&user("bob")).await.unwrap(), 1);
    assert_eq!(store.delete_calls_of(&user("bob")).await.unwrap(), 0);
    assert_eq!(records(&store, "bob", all()).await, []);
}

async fn records(store: &impl CallHistoryStore, name: &str, query: CallsQuery) -> Vec<CallRecord> {
    let calls = store.calls(&user(name), query).await.unwrap();
    assert!(calls.is_sorted_by(|one, next| one.0 > next.0));
    calls.into_iter().map(|(_, call)| call).collect()
}

fn numbers<'a>(calls: impl IntoIterator<Item = &'a CallRecord>) -> Vec<u8> {
    calls.into_iter().map(|call| call.call_id.to_uuid_bytes()[0]).collect()
}

fn all() -> CallsQuery {
    CallsQuery { before: None, is_missed_only: false, since: None, limit: 99 }
}

fn limits() -> CallHistoryLimits {
    CallHistoryLimits::default()
}

fn call_id(number: u8) -> CallId {
    CallId::from_uuid_bytes([number; 16])
}

fn missed(number: u8, ended: i64) -> CallRecord {
    CallRecord {
        call_id: call_id(number),
        kind: CallKind::OneToOne,
        direction: Direction::Incoming,
        others: vec![OtherParty { identifier: user("eve"), display_name: None }],
        unnamed_others: 0,
        started_at: at(0),
        connected_at: None,
        ended_at: at(ended),
        end_reason: EndReason::NOT_ACCEPTED_IN_TIME,
        is_missed: true,
        thread_id: None,
        meeting_id: None,
    }
}
