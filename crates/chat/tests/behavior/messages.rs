//! Messages are sent, edited and taken back.

use std::time::Duration;

use trunkline_chat::{
    ChatError, ChatEventKind, Command, Message, MessageContent, Metadata, MetadataPatch,
    NewContent, Reply,
};
use trunkline_clock::Timestamp;

use crate::scene::{Scene, display, member, names_of, sharing_since, user};

#[test]
fn what_is_sent_is_kept_and_told_to_everybody_the_sender_included() {
    let mut scene = Scene::with(&["bob"]);
    let metadata = Metadata::from([("tags".to_owned(), "sail".to_owned())]);
    let reply = scene.act(
        "bob",
        Command::SendMessage {
            content: NewContent::Text("ahoy".to_owned()),
            sender_display_name: display("Bob"),
            metadata: metadata.clone(),
            client_message_id: Some("c-1".to_owned()),
        },
    );
    let message = scene.by_sequence(3).clone();
    assert_eq!(reply, Ok(Reply::MessageSent(message.id)));
    assert_eq!(message.content, MessageContent::Text("ahoy".to_owned()));
    assert_eq!(message.sender, Some(user("bob")));
    assert_eq!(message.sender_display_name, display("Bob"));
    assert_eq!(message.metadata, metadata);
    assert_eq!(message.client_message_id.as_deref(), Some("c-1"));
    assert_eq!((message.edited_on, message.deleted_on), (None, None));
    let event = scene.last_event();
    assert_eq!(names_of(&event.recipients), ["alice", "bob"]);
    assert_eq!((event.version, event.time), (message.id, message.created_on));
    assert_eq!(event.kind, ChatEventKind::MessageReceived(message.clone()));
    assert_eq!(scene.thread.record().last_message_received_on, Some(message.created_on));
}

#[test]
fn plain_text_is_kept_byte_for_byte() {
    let mut scene = Scene::with(&[]);
    for text in [
        "<script>alert(1)</script>",
        "a & b < c",
        " \t\r\n\u{0}\u{7f}\u{feff}\u{202e} ",
        "Ça va, 山田? 👩‍🚀",
        " ",
    ] {
        let sent = scene.send("alice", text);
        assert_eq!(scene.message(sent).content, MessageContent::Text(text.to_owned()));
    }
}

#[test]
fn markup_is_cleaned_when_sent_and_when_edited() {
    let mut scene = Scene::with(&["bob"]);
    let sent = scene.send_html("alice", "<b onclick=\"x()\">hi</b><script>alert(1)</script>");
    assert_eq!(scene.message(sent).content, MessageContent::Html("<b>hi</b>".to_owned()));
    let told = ChatEventKind::MessageReceived(scene.message(sent));
    assert_eq!(*scene.last_kind(), told);
    scene.edit("alice", sent, "<i>ho</i><iframe src=\"https://evil.example\">x</iframe>").unwrap();
    assert_eq!(scene.message(sent).content, MessageContent::Html("<i>ho</i>".to_owned()));
    let told = ChatEventKind::MessageEdited(scene.message(sent));
    assert_eq!(*scene.last_kind(), told);
}

#[test]
fn an_edit_keeps_the_message_where_it_is_and_gives_it_a_new_version() {
    let mut scene = Scene::with(&["bob"]);
    let sent = scene.send("bob", "ahoi");
    let before = scene.message(sent);
    scene.pass(Duration::from_secs(5));
    assert_eq!(scene.edit("bob", sent, "ahoy"), Ok(Reply::Done));
    let after = scene.message(sent);
    assert_eq!(after.content, MessageContent::Text("ahoy".to_owned()));
    assert_eq!(after.edited_on, Some(scene.clock.now().wall));
    assert!(after.version > before.version);
    let same = Message {
        content: before.content.clone(),
        version: before.version,
        edited_on: None,
        ..after
    };
    assert_eq!(same, before);
    assert_eq!(scene.thread.record().next_sequence, 4);
    assert_eq!(scene.thread.record().last_message_received_on, Some(before.created_on));
    assert_eq!(scene.last_event().version, scene.message(sent).version);
}

#[test]
fn an_edit_of_the_metadata_leaves_the_text_and_an_empty_edit_does_nothing() {
    let mut scene = Scene::with(&[]);
    let sent = scene.send("alice", "ahoy");
    let message = scene.message(sent);
    let metadata = Metadata::from([("tags".to_owned(), "sail".to_owned())]);
    let edit =
        Command::EditMessage { message, content: None, metadata: Some(metadata.clone()).into() };
    assert_eq!(scene.act("alice", edit), Ok(Reply::Done));
    assert_eq!(scene.message(sent).content, MessageContent::Text("ahoy".to_owned()));
    assert_eq!(scene.message(sent).metadata, metadata);

    let (message, events) = (scene.message(sent), scene.events.len());
    let edit = Command::EditMessage { message, content: None, metadata: MetadataPatch::Keep };
    assert_eq!(scene.act("alice", edit), Ok(Reply::Done));
    assert_eq!(scene.events.len(), events);
}

#[test]
fn an_edit_that_changes_nothing_is_done_and_nobody_is_told() {
    let mut scene = Scene::with(&[]);
    let metadata = || Metadata::from([("a".to_owned(), "1".to_owned())]);
    let merge = |name: &str, value: Option<&str>| {
        MetadataPatch::Merge([(name.to_owned(), value.map(str::to_owned))].into())
    };
    let sent = scene.send_html("alice", "<b>ahoy</b>");
    let mut edit = |content: Option<&str>, metadata: MetadataPatch| {
        let (message, content) = (scene.message(sent), content.map(str::to_owned));
        let events = scene.events.len();
        let edit = Command::EditMessage { message, content, metadata };
        assert_eq!(scene.act("alice", edit), Ok(Reply::Done));
        scene.events.len() - events
    };
    assert_eq!(edit(None, MetadataPatch::Replace(metadata())), 1);
    assert_eq!(edit(None, MetadataPatch::Replace(metadata())), 0);
    assert_eq!(edit(None, MetadataPatch::Merge([].into())), 0);
    assert_eq!(edit(None, merge("a", Some("1"))), 0);
    assert_eq!(edit(None, merge("b", None)), 0);
    assert_eq!(edit(Some("<b onclick=\"x()\">ahoy</b>"), MetadataPatch::Keep), 0, "as cleaned");
    assert_eq!(edit(Some("<b>ahoy</b>"), merge("a", None)), 1);
    assert_eq!(scene.message(sent).metadata, Metadata::new());
}

#[test]
fn who_changes_one_pair_undoes_no_change_of_another() {
    let mut scene = Scene::with(&["bob"]);
    let update = |name: &str, value: &str| Command::UpdateThread {
        topic: None,
        metadata: MetadataPatch::Merge([(name.to_owned(), Some(value.to_owned()))].into()),
        retention: None,
    };
    // Neither knows of the other's change.
    for (who, update) in [("alice", update("a", "1")), ("bob", update("b", "2"))] {
        assert_eq!(scene.act(who, update), Ok(Reply::Done));
    }
    let both = [("a", "1"), ("b", "2")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(scene.thread.record().metadata, both.into());
    let events = scene.events.len();
    assert_eq!(scene.act("bob", update("b", "2")), Ok(Reply::Done));
    assert_eq!(scene.events.len(), events);
}

#[test]
fn a_deleted_message_is_empty_in_the_store_and_in_the_event() {
    let mut scene = Scene::with(&["bob"]);
    for sent in [scene.send("bob", "secret"), scene.send_html("bob", "<b>secret</b>")] {
        let kind = scene.message(sent).content.message_type();
        scene.pass(Duration::from_secs(5));
        assert_eq!(scene.delete("bob", sent), Ok(Reply::Done));
        let deleted = scene.message(sent);
        assert_eq!(deleted.content.message_type(), kind);
        assert_eq!(deleted.deleted_on, Some(scene.clock.now().wall));
        assert_eq!(deleted.version, scene.last_event().version);
        assert!(deleted.metadata.is_empty());
        let told = ChatEventKind::MessageDeleted(deleted.clone());
        assert_eq!(*scene.last_kind(), told);
        assert!(!serde_json::to_string(&deleted).unwrap().contains("secret"));

        let events = scene.events.len();
        assert_eq!(scene.delete("bob", sent), Ok(Reply::Done), "again is fine");
        assert_eq!(scene.events.len(), events);
        let refused = scene.edit("bob", sent, "back");
        assert_eq!(refused, Err(ChatError::MessageDeleted { message_id: sent }));
    }
}

#[test]
fn only_the_sender_may_edit_or_delete() {
    let mut scene = Scene::with(&["bob"]);
    let sent = scene.send("bob", "mine");
    let refused = Err(ChatError::NotSender { message_id: sent });
    assert_eq!(scene.edit("alice", sent, "yours"), refused);
    assert_eq!(scene.delete("alice", sent), refused);
    assert_eq!(scene.edit("mallory", sent, "yours"), Err(ChatError::NotMember));
}

#[test]
fn nobody_may_edit_or_delete_what_the_thread_says() {
    let mut scene = Scene::with(&["bob"]);
    scene.remove("alice", "bob");
    for message in scene.messages.clone().into_values() {
        let refused = Err(ChatError::SystemMessage { message_id: message.id });
        assert_eq!(scene.edit("alice", message.id, "x"), refused);
        assert_eq!(scene.delete("alice", message.id), refused);
    }
}

#[test]
fn a_message_of_another_thread_is_not_found() {
    let mut scene = Scene::with(&[]);
    let sent = scene.send("alice", "ahoy");
    let mut message = scene.message(sent);
    message.thread_id = "19:other@thread.v2".parse().unwrap();
    let refused = scene.act("alice", Command::DeleteMessage { message });
    assert_eq!(refused, Err(ChatError::MessageNotFound { message_id: sent }));
}

#[test]
fn edits_and_deletions_are_told_only_to_those_who_see_the_message() {
    let mut scene = Scene::with(&["bob"]);
    let sent = scene.send("bob", "ahoi");
    scene.pass(Duration::from_secs(1));
    scene.add("alice", vec![member("carol"), sharing_since("dave", Timestamp::UNIX_EPOCH)]);
    scene.edit("bob", sent, "ahoy").unwrap();
    assert_eq!(names_of(&scene.last_event().recipients), ["alice", "bob", "dave"]);
    scene.delete("bob", sent).unwrap();
    assert_eq!(names_of(&scene.last_event().recipients), ["alice", "bob", "dave"]);
}

#[test]
fn ids_run_ahead_of_a_clock_that_stands_still_and_come_back_to_it() {
    let mut scene = Scene::with(&[]);
    let first = scene.send("alice", "1");
    let second = scene.send("alice", "2");
    assert_eq!(second.as_millis(), first.as_millis() + 1);
    assert_eq!(scene.message(second).created_on, second.time());
    scene.pass(Duration::from_secs(1));
    let third = scene.send("alice", "3");
    assert_eq!(scene.message(third).created_on, scene.clock.now().wall);
}
