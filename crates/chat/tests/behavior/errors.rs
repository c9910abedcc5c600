//! Every refusal: what provokes it, its code, its status, its text.

use std::collections::BTreeSet;

use trunkline_chat::{
    ChatError, Command, CreateThread, CreateThreadError, Limits, MessageId, Metadata,
    MetadataPatch, NewContent, NewMember, RetentionPolicy, clean_html,
};

use crate::scene::{Scene, denied, member, metadata, request, say, text, topic};

/// What provokes an error, the error's status and code, and its text.
type Row = (fn(&mut Scene) -> ChatError, u16, &'static str, &'static str);

const ROWS: &[Row] = &[
    (
        |scene| refused(scene, "alice", with_client_id(257)),
        400,
        "BadRequest",
        "client message id has 257 bytes, limit 256",
    ),
    (|scene| refused(scene, "alice", text("")), 400, "BadRequest", "the content is empty"),
    (
        |scene| refused(scene, "alice", text(&"x".repeat(28_673))),
        413,
        "RequestEntityTooLarge",
        "content has 28673 bytes, limit 28672",
    ),
    (
        |scene| refused(scene, "alice", html(&"&".repeat(28_672))),
        413,
        "RequestEntityTooLarge",
        "content has 143360 bytes, limit 57344",
    ),
    (
        |scene| refused(scene, "alice", Command::AddMembers { members: vec![denied("dana")] }),
        403,
        "403",
        "Federation is off: turn it on.",
    ),
    (
        |scene| {
            let sent = scene.send("alice", "x");
            scene.delete("alice", sent).unwrap();
            scene.edit("alice", sent, "y").unwrap_err()
        },
        400,
        "BadRequest",
        "message 1767225600002 is deleted",
    ),
    (
        |scene| {
            let message_id = MessageId::from_millis(9_000_000_000_000);
            refused(scene, "alice", Command::SendReadReceipt { message_id })
        },
        404,
        "NotFound",
        "the thread has no message 9000000000000",
    ),
    (
        |scene| refused(scene, "alice", with_metadata(metadata(8_193))),
        400,
        "BadRequest",
        "metadata has 8193 bytes, limit 8192",
    ),
    (
        |scene| {
            let members = vec![NewMember { metadata: metadata(1_025), ..member("bob") }];
            refused(scene, "alice", Command::AddMembers { members })
        },
        400,
        "BadRequest",
        "metadata has 1025 bytes, limit 1024",
    ),
    (
        |scene| refused(scene, "mallory", text("x")),
        403,
        "Forbidden",
        "the actor is not a member of the thread",
    ),
    (
        |scene| {
            let sent = scene.send("alice", "x");
            scene.delete("bob", sent).unwrap_err()
        },
        403,
        "Forbidden",
        "message 1767225600002 was sent by somebody else",
    ),
    (
        |scene| refused(scene, "alice", with_retention(29)),
        400,
        "BadRequest",
        "retention of 29 days, allowed 30 to 90",
    ),
    (
        |scene| refused(scene, "alice", with_retention(91)),
        400,
        "BadRequest",
        "retention of 91 days, allowed 30 to 90",
    ),
    (
        |scene| {
            let message = scene.by_sequence(1).clone();
            refused(scene, "alice", Command::DeleteMessage { message })
        },
        400,
        "BadRequest",
        "message 1767225600000 is a system message",
    ),
    (
        |scene| {
            scene.act("bob", Command::DeleteThread).unwrap();
            refused(scene, "alice", text("x"))
        },
        404,
        "NotFound",
        "the thread is deleted",
    ),
    (
        |scene| {
            let markup = (0..400).map(|n| format!("<b id={n}>")).collect::<String>();
            refused(scene, "alice", html(&markup))
        },
        400,
        "BadRequest",
        "markup could make 160400 elements, limit 100000",
    ),
    (
        |scene| {
            let members = |range: std::ops::Range<usize>| {
                range.map(|n| member(&format!("user{n}"))).collect::<Vec<_>>()
            };
            scene.add("alice", members(0..200));
            refused(scene, "alice", Command::AddMembers { members: members(200..249) })
        },
        400,
        "BadRequest",
        "251 members requested, limit 250",
    ),
    (
        |scene| {
            scene.add("alice", (0..19).map(|n| member(&format!("user{n}"))).collect());
            refused(scene, "alice", Command::SendTyping { sender_display_name: None })
        },
        403,
        "Forbidden",
        "receipts and typing reach 20 members, the thread has 21",
    ),
    (
        |scene| {
            let members = (0..201).map(|n| member(&format!("user{n}"))).collect();
            refused(scene, "alice", Command::AddMembers { members })
        },
        400,
        "BadRequest",
        "201 members named in one request, limit 200",
    ),
    (
        |scene| refused(scene, "alice", html(&"<br>".repeat(4_001))),
        400,
        "BadRequest",
        "markup has 4001 tags, limit 4000",
    ),
    (
        |scene| refused(scene, "alice", topic(&"ä".repeat(257))),
        400,
        "BadRequest",
        "topic has 257 characters, limit 256",
    ),
];

#[test]
fn every_refusal_has_its_status_code_and_text() {
    for (provoke, status, code, text) in ROWS {
        let error = provoke(&mut Scene::with(&["bob"]));
        assert_eq!(error.to_string(), *text);
        assert_eq!((error.status(), error.code()), (*status, *code), "{text}");
        let created = CreateThreadError::from(error.clone());
        assert_eq!((created.status(), created.code()), (*status, *code), "{text}");
        assert_eq!(created.to_string(), *text);
    }
}

#[test]
fn the_table_has_every_refusal() {
    let provoked: BTreeSet<_> =
        ROWS.iter().map(|(provoke, ..)| variant(&provoke(&mut Scene::with(&["bob"])))).collect();
    assert_eq!(provoked.len(), VARIANTS, "{provoked:?}");
}

#[test]
fn what_is_at_a_limit_is_accepted() {
    let mut scene = Scene::with(&["bob"]);
    for command in [
        with_client_id(256),
        text(&"x".repeat(28_672)),
        html(&"x".repeat(28_672)),
        html(&"<br>".repeat(4_000)),
        with_metadata(metadata(8_192)),
        with_retention(30),
        with_retention(90),
        topic(&"ä".repeat(256)),
        Command::AddMembers { members: (0..200).map(|n| member(&format!("user{n}"))).collect() },
    ] {
        let name = command.as_str();
        assert!(scene.act("alice", command).is_ok(), "{name}");
    }
}

#[test]
fn a_thread_past_its_limits_is_not_created() {
    let days = RetentionPolicy::ThreadCreationDate { delete_thread_after_days: 7 };
    let crowd = (0..200).map(|n| member(&format!("user{n}"))).collect::<Vec<_>>();
    let too_many = [crowd.clone(), vec![member("late")]].concat();
    let requests = [
        request(&"x".repeat(257)),
        CreateThread { metadata: metadata(8_193), ..request("x") },
        CreateThread { retention: days, ..request("x") },
        CreateThread { members: too_many, ..request("x") },
        CreateThread {
            members: vec![NewMember { metadata: metadata(1_025), ..member("bob") }],
            ..request("x")
        },
    ];
    for request in requests {
        let error = Scene::create(request, Limits::default()).err().unwrap();
        assert_eq!((error.status(), error.code()), (400, "BadRequest"), "{error}");
    }
    let few = Limits { members: 200, ..Limits::default() };
    let refused = Scene::create(CreateThread { members: crowd, ..request("x") }, few);
    let expected = ChatError::TooManyMembers { limit: 200, requested: 201 };
    assert_eq!(refused.err(), Some(CreateThreadError::Refused(expected)));
}

#[test]
fn an_edit_has_the_limits_of_what_is_sent() {
    let mut scene = Scene::with(&[]);
    let (text, markup) = (scene.send("alice", "x"), scene.send_html("alice", "x"));
    for sent in [text, markup] {
        assert_eq!(scene.edit("alice", sent, ""), Err(ChatError::ContentEmpty));
        let refused = scene.edit("alice", sent, &"x".repeat(28_673)).unwrap_err();
        assert_eq!(refused.status(), 413);
        let (message, metadata) = (scene.message(sent), MetadataPatch::Replace(metadata(8_193)));
        let edit = Command::EditMessage { message, content: None, metadata };
        assert_eq!(refused_code(&mut scene, edit), "BadRequest");
    }
    assert!(clean_html(&"<p>".repeat(4_001)).is_err());
}

fn refused(scene: &mut Scene, who: &str, command: Command) -> ChatError {
    scene.act(who, command).unwrap_err()
}

fn refused_code(scene: &mut Scene, command: Command) -> String {
    refused(scene, "alice", command).code().to_owned()
}

fn html(html: &str) -> Command {
    say(NewContent::Html(html.to_owned()))
}

fn with_client_id(length: usize) -> Command {
    send(Metadata::new(), Some("c".repeat(length)))
}

fn with_metadata(metadata: Metadata) -> Command {
    send(metadata, None)
}

fn send(metadata: Metadata, client_message_id: Option<String>) -> Command {
    let content = NewContent::Text("x".to_owned());
    Command::SendMessage { content, sender_display_name: None, metadata, client_message_id }
}

fn with_retention(delete_thread_after_days: u16) -> Command {
    let retention = Some(RetentionPolicy::ThreadCreationDate { delete_thread_after_days });
    Command::UpdateThread { topic: None, metadata: MetadataPatch::Keep, retention }
}

const VARIANTS: usize = 18;

/// Matched by name, so that a new variant asks for its row and its place in [`VARIANTS`].
fn variant(error: &ChatError) -> &'static str {
    match error {
        ChatError::ClientMessageIdTooLong { .. } => "ClientMessageIdTooLong",
        ChatError::ContentEmpty => "ContentEmpty",
        ChatError::ContentTooLarge { .. } => "ContentTooLarge",
        ChatError::EveryMemberDenied(_) => "EveryMemberDenied",
        ChatError::MessageDeleted { .. } => "MessageDeleted",
        ChatError::MessageNotFound { .. } => "MessageNotFound",
        ChatError::MetadataTooLarge { .. } => "MetadataTooLarge",
        ChatError::NotMember => "NotMember",
        ChatError::NotSender { .. } => "NotSender",
        ChatError::RetentionOutOfRange { .. } => "RetentionOutOfRange",
        ChatError::SystemMessage { .. } => "SystemMessage",
        ChatError::ThreadDeleted => "ThreadDeleted",
        ChatError::TooManyElements { .. } => "TooManyElements",
        ChatError::TooManyMembers { .. } => "TooManyMembers",
        ChatError::TooManyMembersForReceipts { .. } => "TooManyMembersForReceipts",
        ChatError::TooManyMembersInRequest { .. } => "TooManyMembersInRequest",
        ChatError::TooManyTags { .. } => "TooManyTags",
        ChatError::TopicTooLong { .. } => "TopicTooLong",
    }
}
