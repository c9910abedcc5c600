//! Threads: order, durability, answers to repeated requests, life and idleness.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use trunkline_chat::{
    Change, ChatError, ChatEventKind, CreateThread, Metadata, NewContent, NewMember,
    RetentionPolicy,
};
use trunkline_clock::Timestamp;
use trunkline_node::{
    ChatFailure, EditMessage, MessageQuery, PageCursor, RepeatableRequest, SendMessage,
    ThreadQuery, UpdateThread,
};
use trunkline_storage::{ChatUnit, StoreError};

use crate::scene::{Scene, identifier, next, text, text_message, texts};

const ALL: MessageQuery = MessageQuery { after: None, since: None, limit: 200 };

#[tokio::test]
async fn a_new_thread_is_told_to_everybody_in_it_and_is_listed() {
    let scene = Scene::start().await;
    let (ann, ben) = (scene.user().await, scene.user().await);
    let mut told = scene.chat().subscribe(&ben, None).await.unwrap();
    let thread = scene.thread(&ann, &[&ben]).await;
    let item = next(&mut told).await;
    let ChatEventKind::ThreadCreated { members, .. } = &item.event.kind else {
        panic!("{item:?} is not the creation");
    };
    assert_eq!(members.len(), 2);
    for user in [&ann, &ben] {
        let query = ThreadQuery { after: None, since: None, limit: 10 };
        let page = scene.chat().threads(user, query).await.unwrap();
        assert_eq!(page.items.iter().map(|item| &item.id).collect::<Vec<_>>(), [&thread]);
        assert_eq!(page.next, None);
    }
    assert_eq!(scene.chat().thread(&ben, &thread).await.unwrap().topic, "lunch");
    scene.stop().await;
}

/// CHT: gap-free and in one order for everybody, whoever writes at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn thirty_two_writers_share_one_order_without_a_gap() {
    const WRITERS: usize = 32;
    const EACH: usize = 40;
    let scene = Scene::start().await;
    let mut writers = Vec::new();
    for _ in 0..WRITERS {
        writers.push(scene.user().await);
    }
    let others: Vec<_> = writers[1..].iter().collect();
    let thread = scene.thread(&writers[0], &others).await;
    let mut told = scene.chat().subscribe(&writers[0], Some(0)).await.unwrap();
    let before = scene.faults.commits.load(Ordering::Relaxed);
    let tasks: Vec<_> = writers
        .iter()
        .cloned()
        .enumerate()
        .map(|(writer, actor)| {
            let (chat, thread) = (scene.chat().clone(), thread.clone());
            tokio::spawn(async move {
                let mut ids = Vec::new();
                for number in 0..EACH {
                    let message = text_message(&format!("{writer}/{number}"));
                    ids.push(chat.send_message(&actor, &thread, message).await.unwrap());
                }
                ids
            })
        })
        .collect();
    let mut acknowledged = BTreeSet::new();
    for task in tasks {
        let ids = task.await.unwrap();
        assert!(ids.is_sorted(), "one writer's messages are in the writer's order");
        acknowledged.extend(ids);
    }
    assert_eq!(acknowledged.len(), WRITERS * EACH, "an id was given twice");
    let told = texts(&mut told, WRITERS * EACH).await;
    let mut stored = Vec::new();
    let mut query = ALL;
    loop {
        let page = scene.chat().messages(&writers[5], &thread, query).await.unwrap();
        stored.extend(page.items);
        query.after = page.next;
        if page.next.is_none() {
            break;
        }
    }
    // The last two are the system messages; the creator's first messages are seen by all.
    let sequences: Vec<u64> = stored.iter().map(|message| message.sequence).collect();
    assert_eq!(sequences, (1..=(WRITERS * EACH + 2) as u64).rev().collect::<Vec<_>>());
    let newest_last: Vec<_> = stored.iter().rev().skip(2).map(text).collect();
    assert_eq!(told, newest_last, "the feed and the store have one order");
    let commits = scene.faults.commits.load(Ordering::Relaxed) - before;
    assert!(commits < WRITERS * EACH / 2, "{commits} commits: commands gather behind a commit");
    scene.stop().await;
}

#[tokio::test]
async fn a_commit_that_fails_leaves_nothing_and_takes_with_it_what_waits_behind_it() {
    let scene = Scene::start().await;
    let (ann, ben) = (scene.user().await, scene.user().await);
    let thread = scene.thread(&ann, &[&ben]).await;
    let mut told = scene.chat().subscribe(&ben, None).await.unwrap();
    scene.say(&ann, &thread, "before").await.unwrap();
    scene.faults.is_full.store(true, Ordering::Relaxed);
    let gate = scene.faults.gate.lock().await;
    let update = UpdateThread { topic: Some("dinner".to_owned()), ..UpdateThread::default() };
    let outcomes = async {
        tokio::join!(
            scene.say(&ann, &thread, "lost"),
            scene.chat().update_thread(&ann, &thread, update),
            scene.say(&ben, &thread, "behind"),
            scene.chat().thread(&ben, &thread),
        )
    };
    let (outcomes, ()) = tokio::join!(outcomes, async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        drop(gate);
    });
    let is_full = |failure| matches!(failure, ChatFailure::Store(StoreError::Full));
    assert!(is_full(outcomes.0.unwrap_err()));
    assert!(is_full(outcomes.1.unwrap_err()));
    assert!(is_full(outcomes.2.unwrap_err()));
    assert!(is_full(outcomes.3.unwrap_err()), "what is seen must have lasted");
    scene.faults.is_full.store(false, Ordering::Relaxed);
    scene.say(&ann, &thread, "after").await.unwrap();
    assert_eq!(texts(&mut told, 2).await, ["before", "after"]);
    assert_eq!(scene.chat().thread(&ben, &thread).await.unwrap().topic, "lunch");
    let page = scene.chat().messages(&ann, &thread, ALL).await.unwrap();
    let sequences: Vec<_> = page.items.iter().map(|message| message.sequence).collect();
    assert_eq!(sequences, [4, 3, 2, 1], "a failed commit leaves a gap");
    scene.stop().await;
}

#[tokio::test]
async fn a_message_can_be_edited_and_deleted_while_its_commit_is_under_way() {
    let scene = Scene::start().await;
    let ann = scene.user().await;
    let thread = scene.thread(&ann, &[]).await;
    let id = scene.say(&ann, &thread, "one").await.unwrap();
    let gate = scene.faults.gate.lock().await;
    let edit = EditMessage { content: Some("two".to_owned()), ..EditMessage::default() };
    let chat = scene.chat();
    let (sent, edited, deleted, ()) = tokio::join!(
        scene.say(&ann, &thread, "behind"),
        chat.edit_message(&ann, &thread, id, edit),
        chat.delete_message(&ann, &thread, id),
        async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            drop(gate);
        }
    );
    sent.unwrap();
    edited.unwrap();
    deleted.unwrap();
    let message = chat.message(&ann, &thread, id).await.unwrap();
    assert!(message.edited_on.is_none() && message.deleted_on.is_some());
    assert_eq!(text(&message), "");
    let again = chat.delete_message(&ann, &thread, id).await;
    assert!(again.is_ok(), "deleting twice is fine");
    let missing = "1".parse().unwrap();
    let refused = chat.delete_message(&ann, &thread, missing).await.unwrap_err();
    assert!(
        matches!(refused, ChatFailure::Refused(ChatError::MessageNotFound { .. })),
        "{refused:?}"
    );
    scene.stop().await;
}

#[tokio::test]
async fn a_repeated_request_is_carried_out_once_and_another_one_under_its_id_is_refused() {
    let scene = Scene::start().await;
    let (ann, ben) = (scene.user().await, scene.user().await);
    let request = |topic: &str| CreateThread { topic: topic.to_owned(), ..CreateThread::default() };
    let named = |body: &str| Some(RepeatableRequest::new("id-1", body.as_bytes()));
    let create =
        async |topic: &str| scene.chat().create_thread(&ann, request(topic), named(topic)).await;
    let first = create("lunch").await.unwrap();
    assert_eq!(create("lunch").await.unwrap(), first);
    assert!(matches!(create("dinner").await, Err(ChatFailure::RepeatedDifferently)));
    let of_another = scene.chat().create_thread(&ben, request("lunch"), named("lunch")).await;
    assert_ne!(of_another.unwrap().thread.id, first.thread.id, "an id is its sender's");

    let thread = first.thread.id;
    let message = |text: &str| {
        let repeatability = Some(RepeatableRequest::new("id-2", text.as_bytes()));
        SendMessage { repeatability, ..text_message(text) }
    };
    let sent = scene.chat().send_message(&ann, &thread, message("hi")).await.unwrap();
    let scene = scene.restart().await;
    let again = scene.chat().send_message(&ann, &thread, message("hi")).await.unwrap();
    assert_eq!(again, sent, "the answer outlives a restart");
    let page = scene.chat().messages(&ann, &thread, ALL).await.unwrap();
    assert_eq!(page.items.len(), 3);
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_request_many_times_at_once_is_carried_out_once() {
    let scene = Scene::start().await;
    let ann = scene.user().await;
    let thread = scene.thread(&ann, &[]).await;
    let mut tasks = Vec::new();
    for _ in 0..16 {
        let (chat, ann, thread) = (scene.chat().clone(), ann.clone(), thread.clone());
        tasks.push(tokio::spawn(async move {
            loop {
                let repeatability = Some(RepeatableRequest::new("id", b"hi"));
                let message = SendMessage { repeatability, ..text_message("hi") };
                match chat.send_message(&ann, &thread, message).await {
                    Err(ChatFailure::RepeatedTooSoon { .. }) => tokio::task::yield_now().await,
                    outcome => return outcome.unwrap(),
                }
            }
        }));
    }
    let mut ids = BTreeSet::new();
    for task in tasks {
        ids.insert(task.await.unwrap());
    }
    assert_eq!(ids.len(), 1);
    assert_eq!(scene.chat().messages(&ann, &thread, ALL).await.unwrap().items.len(), 3);
    scene.stop().await;
}

#[tokio::test]
async fn a_thread_that_cannot_keep_up_refuses_and_says_when_to_come_back() {
    let scene = Scene::start().await;
    let ann = scene.user().await;
    let thread = scene.thread(&ann, &[]).await;
    let gate = scene.faults.gate.lock().await;
    let sending: Vec<_> = (0..2_000)
        .map(|number| {
            let (chat, ann, thread) = (scene.chat().clone(), ann.clone(), thread.clone());
            tokio::spawn(async move {
                chat.send_message(&ann, &thread, text_message(&number.to_string())).await
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(200)).await;
    drop(gate);
    let (mut taken, mut refused) = (0, 0);
    for task in sending {
        match task.await.unwrap() {
            Ok(_) => taken += 1,
            Err(ChatFailure::Overloaded { retry_after }) => {
                assert!(retry_after >= Duration::from_secs(1));
                refused += 1;
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(taken >= 512 && refused > 0, "{taken} taken, {refused} refused");
    scene.say(&ann, &thread, "later it is fine").await.unwrap();
    let header = scene.chat().thread(&ann, &thread).await.unwrap();
    assert_eq!(header.next_sequence, taken + 4);
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_thread_that_nobody_uses_leaves_memory_and_comes_back_as_it_was() {
    let scene = Scene::start().await;
    let ann = scene.user().await;
    let thread = scene.thread(&ann, &[]).await;
    scene.say(&ann, &thread, "one").await.unwrap();
    assert_eq!(scene.node.status().threads, 1);
    tokio::time::sleep(Duration::from_secs(125)).await;
    assert_eq!(scene.node.status().threads, 0);
    for number in 0..10 {
        let made_up = format!("19:{number}@thread.v2").parse().unwrap();
        let refused = scene.say(&ann, &made_up, "anybody?").await;
        assert!(matches!(refused, Err(ChatFailure::NotFound)), "{refused:?}");
    }
    tokio::task::yield_now().await;
    assert_eq!(scene.node.status().threads, 0, "ids that are made up cost nothing");
    scene.say(&ann, &thread, "two").await.unwrap();
    let page = scene.chat().messages(&ann, &thread, ALL).await.unwrap();
    assert_eq!(page.items.iter().map(|message| message.sequence).collect::<Vec<_>>(), [4, 3, 2, 1]);
    scene.stop().await;
}

#[tokio::test]
async fn a_thread_that_is_deleted_is_listed_and_refuses_everything_but_deleting_it() {
    let scene = Scene::start().await;
    let ann = scene.user().await;
    let thread = scene.thread(&ann, &[]).await;
    scene.chat().delete_thread(&ann, &thread).await.unwrap();
    scene.chat().delete_thread(&ann, &thread).await.unwrap();
    let refused = scene.say(&ann, &thread, "hello?").await.unwrap_err();
    assert!(matches!(refused, ChatFailure::Refused(ChatError::ThreadDeleted)), "{refused:?}");
    let refused = scene.chat().messages(&ann, &thread, ALL).await.unwrap_err();
    assert!(matches!(refused, ChatFailure::Refused(ChatError::ThreadDeleted)), "{refused:?}");
    assert!(scene.chat().thread(&ann, &thread).await.unwrap().deleted_on.is_some());
    let query = ThreadQuery { after: None, since: None, limit: 10 };
    let page = scene.chat().threads(&ann, query).await.unwrap();
    assert!(page.items[0].deleted_on.is_some());
    scene.stop().await;
}

#[tokio::test]
async fn pages_stay_as_they_are_while_messages_arrive() {
    let scene = Scene::start().await;
    let ann = scene.user().await;
    let thread = scene.thread(&ann, &[]).await;
    for number in 0..10 {
        scene.say(&ann, &thread, &number.to_string()).await.unwrap();
    }
    let mut query = MessageQuery { limit: 4, ..ALL };
    let mut sequences = Vec::new();
    loop {
        let page = scene.chat().messages(&ann, &thread, query).await.unwrap();
        sequences.extend(page.items.iter().map(|message| message.sequence));
        scene.say(&ann, &thread, "in between").await.unwrap();
        match page.next {
            Some(next) => query.after = Some(next.to_string().parse::<PageCursor>().unwrap()),
            None => break,
        }
    }
    assert_eq!(sequences, (1..=12).rev().collect::<Vec<_>>());
    scene.stop().await;
}

#[tokio::test]
async fn whoever_comes_later_sees_what_is_shared_and_receipts_need_a_message_seen() {
    let scene = Scene::start().await;
    let (ann, ben) = (scene.user().await, scene.user().await);
    let thread = scene.thread(&ann, &[]).await;
    let early = scene.say(&ann, &thread, "before ben").await.unwrap();
    let chat = scene.chat();
    let added = chat.add_members(&ann, &thread, vec![NewMember::new(identifier(&ben))]).await;
    assert_eq!(added.unwrap(), []);
    let late = scene.say(&ann, &thread, "with ben").await.unwrap();
    let page = chat.messages(&ben, &thread, ALL).await.unwrap();
    assert!(page.items.iter().all(|message| message.id > early), "the history is not shared");
    let unseen = chat.message(&ben, &thread, early).await.unwrap_err();
    assert!(matches!(unseen, ChatFailure::Refused(ChatError::MessageNotFound { .. })));
    let unseen = chat.send_read_receipt(&ben, &thread, early).await.unwrap_err();
    assert!(matches!(unseen, ChatFailure::Refused(ChatError::MessageNotFound { .. })));
    chat.send_read_receipt(&ben, &thread, late).await.unwrap();
    let receipts = chat.read_receipts(&ann, &thread, 0, 10).await.unwrap();
    assert_eq!(receipts.items.len(), 1);
    let members = chat.members(&ann, &thread, 0, 1).await.unwrap();
    assert_eq!(
        (members.items.len(), members.next.map(|next| next.to_string())),
        (1, Some("1".into()))
    );
    assert_eq!(chat.members(&ann, &thread, 1, 1).await.unwrap().next, None);
    scene.stop().await;
}

#[tokio::test]
async fn content_is_checked_before_anything_is_stored() {
    let scene = Scene::start().await;
    let ann = scene.user().await;
    let thread = scene.thread(&ann, &[]).await;
    let before = scene.faults.commits.load(Ordering::Relaxed);
    let long = SendMessage::new(NewContent::Text("x".repeat(30_000)));
    let refused = scene.chat().send_message(&ann, &thread, long).await.unwrap_err();
    assert_eq!((refused.status(), refused.code()), (413, "RequestEntityTooLarge"));
    let metadata = Metadata::from([("k".to_owned(), "v".repeat(100_000))]);
    let heavy = SendMessage { metadata, ..text_message("hi") };
    let refused = scene.chat().send_message(&ann, &thread, heavy).await.unwrap_err();
    assert_eq!(refused.status(), 400);
    assert_eq!(scene.faults.commits.load(Ordering::Relaxed), before);
    scene.stop().await;
}

#[tokio::test]
async fn a_thread_whose_retention_ended_while_the_node_was_down_is_deleted_at_its_start() {
    let scene = Scene::start().await;
    let ann = scene.user().await;
    let thread = scene.thread(&ann, &[]).await;
    let retention = RetentionPolicy::ThreadCreationDate { delete_thread_after_days: 30 };
    let update = UpdateThread { retention: Some(retention), ..UpdateThread::default() };
    scene.chat().update_thread(&ann, &thread, update).await.unwrap();
    let mut header = scene.chat().thread(&ann, &thread).await.unwrap();
    let days = i64::from(31 * 86_400) * 1_000_000;
    header.created_on = Timestamp::from_unix_micros(header.created_on.as_unix_micros() - days);
    let unit = ChatUnit {
        thread_id: thread.clone(),
        changes: vec![Change::PutThread(header)],
        events: Vec::new(),
        repeatability: None,
    };
    scene.store.commit(unit).await.unwrap();
    let scene = scene.restart().await;
    let mut told = scene.chat().subscribe(&ann, Some(0)).await.unwrap();
    loop {
        let item = next(&mut told).await;
        if let ChatEventKind::ThreadDeleted { by_policy } = item.event.kind {
            assert!(by_policy);
            break;
        }
    }
    assert!(scene.chat().thread(&ann, &thread).await.unwrap().deleted_on.is_some());
    scene.stop().await;
}
