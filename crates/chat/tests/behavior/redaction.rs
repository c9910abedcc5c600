//! What is said and who says it never reaches a log through `Debug`, nor an error through `Display`.

use trunkline_chat::{Command, CreateThread, Limits, Metadata, NewContent, NewMember};

use crate::scene::{Scene, display, member, user};

#[test]
fn debug_shows_no_person_and_no_words() {
    let secrets = Metadata::from([("SECRETkey".to_owned(), "SECRETvalue".to_owned())]);
    let alice = NewMember {
        display_name: display("SECRETname"),
        metadata: secrets.clone(),
        ..member("SECRETperson")
    };
    let request = CreateThread {
        topic: "SECRETtopic".to_owned(),
        members: vec![alice.clone()],
        metadata: secrets.clone(),
        ..CreateThread::default()
    };
    let mut shown = format!("{request:?} {alice:?}");
    let (mut scene, _) = Scene::create(request, Limits::default()).unwrap();
    for content in [
        NewContent::Text("SECRETtext".to_owned()),
        NewContent::Html("<b>SECRETmarkup</b>".to_owned()),
    ] {
        shown += &format!("{content:?}");
        let command = Command::SendMessage {
            content,
            sender_display_name: display("SECRETname"),
            metadata: secrets.clone(),
            client_message_id: Some("SECRETclient".to_owned()),
        };
        shown += &format!("{command:?}");
        scene.act("SECRETperson", command).unwrap();
    }
    let last = *scene.messages.keys().last().unwrap();
    scene.act("SECRETperson", Command::SendReadReceipt { message_id: last }).unwrap();
    let sender_display_name = display("SECRETname");
    scene.act("SECRETperson", Command::SendTyping { sender_display_name }).unwrap();
    scene.edit("SECRETperson", last, "SECRETedit").unwrap();
    scene.delete("SECRETperson", last).unwrap();
    scene.remove("alice", "SECRETperson");
    scene.act("alice", Command::DeleteThread).unwrap();
    let refused = scene.act("SECRETperson", Command::DeleteThread).unwrap_err();
    shown += &format!("{refused:?} {refused}");
    let record = scene.thread.record();
    shown += &format!("{:?} {:?} {:?}", scene.thread, record, record.header());
    shown += &format!("{:?} {:?} {:?}", scene.messages, scene.events, scene.changes);
    shown += &format!("{:?}", record.members.get(&user("alice")));
    assert!(!shown.contains("SECRET"), "{shown}");
    assert!(shown.contains("19:harbor@thread.v2"), "ids of threads may be shown");
}
