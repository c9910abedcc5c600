//! Properties change, and threads end: by a member or by their retention policy.

use std::time::Duration;

use trunkline_chat::{
    Change, ChatError, ChatEventKind, Command, CreateThread, Limits, MessageContent, Metadata,
    MetadataPatch, NewContent, Reply, RetentionPolicy, Thread,
};

use crate::scene::{Scene, member, names_of, request, say, text, topic, user};

const DAY: Duration = Duration::from_secs(86_400);

fn retention(delete_thread_after_days: u16) -> RetentionPolicy {
    RetentionPolicy::ThreadCreationDate { delete_thread_after_days }
}

#[test]
fn a_new_topic_is_a_message_and_an_event() {
    let mut scene = Scene::with(&["bob"]);
    assert_eq!(scene.act("bob", topic("quay")), Ok(Reply::Done));
    assert_eq!(scene.thread.record().topic, "quay");
    let expected = MessageContent::TopicUpdated { topic: "quay".into(), initiator: user("bob") };
    assert_eq!(scene.by_sequence(3).content, expected);
    let thread = scene.thread.record().header();
    assert_eq!(*scene.last_kind(), ChatEventKind::ThreadPropertiesUpdated { thread });
    assert_eq!(scene.last_event().version, scene.by_sequence(3).id);
    assert_eq!(names_of(&scene.last_event().recipients), ["alice", "bob"]);
}

#[test]
fn metadata_and_retention_are_an_event_without_a_message() {
    let mut scene = Scene::with(&[]);
    let metadata = Metadata::from([("ship".to_owned(), "Anna".to_owned())]);
    let update = Command::UpdateThread {
        topic: None,
        metadata: Some(metadata.clone()).into(),
        retention: Some(retention(30)),
    };
    let version = scene.thread.record().last_version;
    assert_eq!(scene.act("alice", update.clone()), Ok(Reply::Done));
    let record = scene.thread.record();
    assert_eq!((&record.metadata, record.retention), (&metadata, retention(30)));
    assert_eq!(scene.messages.len(), 2);
    assert!(scene.last_event().version > version);

    let events = scene.events.len();
    assert_eq!(scene.act("alice", update), Ok(Reply::Done));
    assert_eq!(scene.act("alice", topic("harbor")), Ok(Reply::Done));
    assert_eq!(scene.events.len(), events, "what is so already is not told again");
}

#[test]
fn any_member_may_delete_the_thread_and_again_is_fine() {
    let mut scene = Scene::with(&["bob"]);
    scene.pass(Duration::from_secs(5));
    assert_eq!(scene.act("bob", Command::DeleteThread), Ok(Reply::Done));
    assert_eq!(scene.thread.record().deleted_on, Some(scene.clock.now().wall));
    let event = scene.last_event();
    assert_eq!(event.kind, ChatEventKind::ThreadDeleted { by_policy: false });
    assert_eq!(event.actor, user("bob"));
    assert_eq!(names_of(&event.recipients), ["alice", "bob"]);
    let last = scene.changes.last().unwrap();
    assert_eq!(*last, Change::DeleteThread(scene.thread.record().header()));

    let (events, changes) = (scene.events.len(), scene.changes.len());
    for who in ["bob", "alice"] {
        assert_eq!(scene.act(who, Command::DeleteThread), Ok(Reply::Done));
    }
    assert_eq!((scene.events.len(), scene.changes.len()), (events, changes));
    assert_eq!(scene.act("mallory", Command::DeleteThread), Err(ChatError::NotMember));
}

#[test]
fn a_deleted_thread_refuses_every_command_but_its_deletion() {
    let mut scene = Scene::with(&["bob"]);
    let sent = scene.send("alice", "ahoy");
    let message = scene.message(sent);
    scene.act("alice", Command::DeleteThread).unwrap();
    let commands = [
        Command::AddMembers { members: vec![member("carol")] },
        Command::DeleteMessage { message: message.clone() },
        Command::DeleteThread,
        Command::EditMessage {
            message,
            content: Some("x".to_owned()),
            metadata: MetadataPatch::Keep,
        },
        Command::RemoveMember { identifier: user("bob") },
        Command::RemoveMember { identifier: user("nobody") },
        say(NewContent::Html("<b>x</b>".to_owned())),
        text("x"),
        Command::SendReadReceipt { message_id: sent },
        Command::SendTyping { sender_display_name: None },
        Command::UpdateThread { topic: None, metadata: MetadataPatch::Keep, retention: None },
    ];
    let (events, changes) = (scene.events.len(), scene.changes.len());
    for command in commands {
        let name = command.as_str();
        let (by_member, expected) = match &command {
            Command::DeleteThread => ("alice", Ok(Reply::Done)),
            Command::AddMembers { .. }
            | Command::DeleteMessage { .. }
            | Command::EditMessage { .. }
            | Command::RemoveMember { .. }
            | Command::SendMessage { .. }
            | Command::SendReadReceipt { .. }
            | Command::SendTyping { .. }
            | Command::UpdateThread { .. } => ("alice", Err(ChatError::ThreadDeleted)),
        };
        assert_eq!(scene.act(by_member, command.clone()), expected, "{name}");
        assert_eq!(scene.act("mallory", command), Err(ChatError::NotMember), "{name}");
    }
    assert_eq!((scene.events.len(), scene.changes.len()), (events, changes));
    assert_eq!(scene.thread.reader(&user("alice")), Err(ChatError::ThreadDeleted));
    assert_eq!(scene.thread.poll_timeout(), None);
}

#[test]
fn a_thread_ends_by_its_retention_policy() {
    let asked = CreateThread { retention: retention(30), ..request("harbor") };
    let (mut scene, _) = Scene::create(asked, Limits::default()).unwrap();
    let due = scene.thread.record().created_on + 30 * DAY;
    assert_eq!(scene.thread.poll_timeout(), Some(due));
    scene.pass(30 * DAY - Duration::from_micros(1));
    scene.thread.handle_timeout(scene.clock.now());
    assert_eq!(scene.thread.poll_output(), None, "too early does nothing");
    scene.pass(Duration::from_micros(1));
    assert_eq!(scene.thread.record().deleted_on, Some(due));
    assert_eq!(*scene.last_kind(), ChatEventKind::ThreadDeleted { by_policy: true });
    assert_eq!(scene.last_event().actor, user("alice"));
    assert_eq!(scene.thread.poll_timeout(), None);
    let events = scene.events.len();
    scene.thread.handle_timeout(scene.clock.now());
    scene.pass(DAY);
    assert_eq!(scene.events.len(), events);
}

#[test]
fn the_retention_policy_counts_from_the_creation_and_can_be_taken_back() {
    let mut scene = Scene::with(&[]);
    assert_eq!(scene.thread.poll_timeout(), None);
    scene.pass(10 * DAY);
    let update = |retention| Command::UpdateThread {
        topic: None,
        metadata: MetadataPatch::Keep,
        retention: Some(retention),
    };
    scene.act("alice", update(retention(90))).unwrap();
    let created_on = scene.thread.record().created_on;
    assert_eq!(scene.thread.poll_timeout(), Some(created_on + 90 * DAY));
    scene.act("alice", update(RetentionPolicy::None)).unwrap();
    assert_eq!(scene.thread.poll_timeout(), None);
    scene.pass(1_000 * DAY);
    assert_eq!(scene.thread.record().deleted_on, None);
}

#[test]
fn a_restored_thread_goes_on_where_it_was() {
    let mut scene = Scene::with(&["bob"]);
    let before = scene.send("alice", "before");
    let json = serde_json::to_string(&scene.stored).unwrap();
    let record = serde_json::from_str(&json).unwrap();
    scene.thread = Thread::restore(record, Limits::default());
    let after = scene.send("bob", "after");
    assert!(after > before);
    assert_eq!(scene.message(after).sequence, 4);
}

#[test]
fn the_wire_forms_of_records_are_these() {
    let mut scene = Scene::with(&[]);
    scene
        .act(
            "alice",
            Command::UpdateThread {
                topic: None,
                metadata: MetadataPatch::Keep,
                retention: Some(retention(60)),
            },
        )
        .unwrap();
    let header = serde_json::to_value(scene.thread.record().header()).unwrap();
    let expected = serde_json::json!({
        "id": "19:harbor@thread.v2",
        "topic": "harbor",
        "createdOn": "2026-01-01T00:00:00Z",
        "createdBy": "8:acs:contoso_alice",
        "retention": { "kind": "threadCreationDate", "deleteThreadAfterDays": 60 },
        "nextSequence": 3,
        "lastVersion": "1767225600002",
        "lastMessageReceivedOn": "2026-01-01T00:00:00.001Z",
    });
    assert_eq!(header, expected);
    let message = serde_json::to_value(scene.by_sequence(2)).unwrap();
    let expected = serde_json::json!({
        "id": "1767225600001",
        "threadId": "19:harbor@thread.v2",
        "sequence": 2,
        "version": "1767225600001",
        "content": {
            "topicUpdated": { "topic": "harbor", "initiator": "8:acs:contoso_alice" },
        },
        "createdOn": "2026-01-01T00:00:00.001Z",
    });
    assert_eq!(message, expected);
}
