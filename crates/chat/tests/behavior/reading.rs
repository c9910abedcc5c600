//! Receipts and typing.

use std::time::Duration;

use trunkline_chat::{ChatError, ChatEventKind, Command, Limits, MessageId, ReadReceipt, Reply};

use crate::scene::{Scene, display, id, member, names_of, user};

fn read(message_id: MessageId) -> Command {
    Command::SendReadReceipt { message_id }
}

#[test]
fn a_receipt_is_kept_and_told_to_everybody() {
    let mut scene = Scene::with(&["bob"]);
    let sent = scene.send("alice", "ahoy");
    scene.pass(Duration::from_secs(3));
    assert_eq!(scene.act("bob", read(sent)), Ok(Reply::Done));
    let read_on = scene.clock.now().wall;
    let receipt = ReadReceipt { reader: user("bob"), message_id: sent, read_on };
    assert_eq!(scene.thread.record().receipts[&user("bob")], receipt);
    assert_eq!(*scene.last_kind(), ChatEventKind::ReadReceiptSent { receipt });
    assert_eq!(names_of(&scene.last_event().recipients), ["alice", "bob"]);
    assert!(scene.last_event().version > sent);
}

#[test]
fn a_reader_has_one_receipt_that_never_goes_back() {
    let mut scene = Scene::with(&["bob"]);
    let (first, second) = (scene.send("alice", "1"), scene.send("alice", "2"));
    assert_eq!(scene.act("bob", read(second)), Ok(Reply::Done));
    let events = scene.events.len();
    assert_eq!(scene.act("bob", read(first)), Ok(Reply::Done));
    assert_eq!(scene.act("bob", read(second)), Ok(Reply::Done));
    assert_eq!(scene.events.len(), events, "nothing new was read, so nobody is told");
    assert_eq!(scene.thread.record().receipts.len(), 1);
    assert_eq!(scene.thread.record().receipts[&user("bob")].message_id, second);
}

#[test]
fn a_message_from_the_future_was_not_read() {
    let mut scene = Scene::with(&[]);
    let message_id = MessageId::from_millis(scene.thread.record().last_version.as_millis() + 1);
    let refused = scene.act("alice", read(message_id));
    assert_eq!(refused, Err(ChatError::MessageNotFound { message_id }));
}

#[test]
fn typing_is_told_and_leaves_no_trace() {
    let mut scene = Scene::with(&["bob"]);
    let (changes, version) = (scene.changes.len(), scene.thread.record().last_version);
    let sender_display_name = display("Bob");
    let typing = Command::SendTyping { sender_display_name: sender_display_name.clone() };
    assert_eq!(scene.act("bob", typing), Ok(Reply::Done));
    let event = scene.last_event();
    assert_eq!(event.kind, ChatEventKind::TypingStarted { sender_display_name });
    assert!(!event.kind.is_durable());
    assert_eq!(event.version, version);
    assert_eq!(names_of(&event.recipients), ["alice", "bob"]);
    assert_eq!(scene.changes.len(), changes);
}

#[test]
fn receipts_and_typing_end_where_the_thread_has_more_than_twenty_app_users() {
    let names: Vec<_> = (1..20).map(|n| format!("user{n}")).collect();
    let mut scene = Scene::with(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let sent = scene.send("alice", "ahoy");
    let typing = Command::SendTyping { sender_display_name: None };
    let directory = id("8:orgid:6b1f3a2e-0d55-4f0b-9a7e-3b6a3a8a1c11");
    scene.add("alice", vec![trunkline_chat::NewMember::new(directory)]);
    assert_eq!(scene.act("alice", typing.clone()), Ok(Reply::Done), "twenty and a directory user");
    assert_eq!(scene.act("user1", read(sent)), Ok(Reply::Done));

    scene.add("alice", vec![member("late")]);
    let refused = Err(ChatError::TooManyMembersForReceipts { limit: 20, members: 21 });
    assert_eq!(scene.act("alice", typing.clone()), refused);
    assert_eq!(scene.act("user2", read(sent)), refused);
    scene.remove("alice", "late");
    assert_eq!(scene.act("alice", typing), Ok(Reply::Done));
}

#[test]
fn the_limit_of_receipts_can_be_set() {
    let limits = Limits { members_with_receipts: 1, ..Limits::default() };
    let mut scene = Scene::limited(&["bob"], limits);
    let refused = scene.act("bob", Command::SendTyping { sender_display_name: None });
    assert_eq!(refused, Err(ChatError::TooManyMembersForReceipts { limit: 1, members: 2 }));
}
