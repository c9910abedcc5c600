//! Bodies, member by member, and what clients read back from them.

use proptest::prelude::*;
use serde_json::{Value, json};
use trunkline_chat::{
    Member, Message, MessageContent, MessageId, Metadata, ReadReceipt, RetentionPolicy,
    ThreadHeader,
};
use trunkline_clock::Timestamp;

use super::*;

const ALICE: &str = "8:acs:contoso_alice";
const BOB: &str = "8:acs:contoso_bob";
const THREAD: &str = "19:t@thread.v2";

fn at(millis: i64) -> Timestamp {
    Timestamp::from_unix_micros(1_700_000_000_000_000 + millis * 1_000)
}

fn version(millis: u64) -> MessageId {
    MessageId::from_millis(1_700_000_000_000 + millis)
}

fn event(kind: ChatEventKind) -> ChatEvent {
    ChatEvent {
        thread_id: THREAD.parse().unwrap(),
        version: version(7),
        time: at(7),
        actor: ALICE.parse().unwrap(),
        actor_display_name: Some("Alice 100%".parse().unwrap()),
        recipients: vec![ALICE.parse().unwrap(), BOB.parse().unwrap()],
        kind,
    }
}

fn message(content: MessageContent) -> Message {
    Message {
        id: version(1),
        thread_id: THREAD.parse().unwrap(),
        sequence: 3,
        version: version(1),
        content,
        sender: Some(ALICE.parse().unwrap()),
        sender_display_name: Some("Alice".parse().unwrap()),
        created_on: at(1),
        edited_on: None,
        deleted_on: None,
        metadata: [("tag".to_owned(), "a\"b".to_owned())].into(),
        client_message_id: Some("c1".to_owned()),
    }
}

fn member(identifier: &str, name: Option<&str>) -> Member {
    Member {
        identifier: identifier.parse().unwrap(),
        display_name: name.map(|name| name.parse().unwrap()),
        share_history_time: Timestamp::UNIX_EPOCH,
        metadata: Metadata::new(),
        joined_on: at(0),
    }
}

fn header(topic: &str, retention: RetentionPolicy) -> ThreadHeader {
    ThreadHeader {
        id: THREAD.parse().unwrap(),
        topic: topic.to_owned(),
        created_on: at(0),
        created_by: ALICE.parse().unwrap(),
        deleted_on: None,
        metadata: Metadata::new(),
        retention,
        next_sequence: 3,
        last_version: version(0),
        last_message_received_on: None,
    }
}

/// Reads the frame of a push as the client does, and returns the request and the body in it.
fn read(kind: ChatEventKind) -> (Value, Value) {
    let push = Push::encode(&event(kind)).unwrap();
    let frame = push.frame(7, &Recipient::new("/v4/f/e/", &BOB.parse().unwrap()));
    let request: Value = serde_json::from_str(frame.strip_prefix("3:::").unwrap()).unwrap();
    let body = serde_json::from_str(request["body"].as_str().unwrap()).unwrap();
    (request, body)
}

fn body(kind: ChatEventKind) -> Value {
    read(kind).1
}

/// What the client's `unescape` makes of a text, for the texts that come here.
fn unescape(text: &Value) -> Value {
    let text = text.as_str().unwrap();
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        plain.push_str(before);
        let code = u8::from_str_radix(after.get(..2).unwrap(), 16).unwrap();
        plain.push(char::from(code));
        rest = &after[2..];
    }
    plain.push_str(rest);
    serde_json::from_str(&plain).unwrap()
}

#[test]
fn a_push_is_a_request_to_the_endpoint() {
    let (request, _) = read(ChatEventKind::TypingStarted { sender_display_name: None });
    assert_eq!(request["id"], 7);
    assert_eq!(request["method"], "POST");
    assert_eq!(request["url"], "/v4/f/e/typingIndicatorReceived");
    assert_eq!(request["headers"], json!({}));
}

#[test]
fn a_message_received() {
    let message = message(MessageContent::Text("Grüße \"x\" \\ \u{1F600}\n".to_owned()));
    assert_eq!(
        body(ChatEventKind::MessageReceived(message)),
        json!({
            "eventId": 200,
            "senderId": ALICE,
            "recipientId": BOB,
            "recipientMri": BOB,
            "transactionId": "19:t@thread.v2.1700000000007",
            "groupId": THREAD,
            "messageId": "1700000000001",
            "collapseId": "1700000000001",
            "messageType": "Text",
            "messageBody": "Grüße \"x\" \\ \u{1F600}\n",
            "senderDisplayName": "Alice",
            "clientMessageId": "c1",
            "originalArrivalTime": "2023-11-14T22:13:20.001Z",
            "priority": "",
            "version": "1700000000001",
            "acsChatMessageMetadata": r#"{"tag":"a\"b"}"#,
        })
    );
}

#[test]
fn a_message_edited_and_deleted() {
    let edited = Message {
        edited_on: Some(at(5)),
        version: version(5),
        metadata: Metadata::new(),
        sender_display_name: None,
        client_message_id: None,
        ..message(MessageContent::Html("<b>x</b>".to_owned()))
    };
    let body_of_edit = body(ChatEventKind::MessageEdited(edited.clone()));
    assert_eq!(body_of_edit["eventId"], 247);
    assert_eq!(body_of_edit["messageType"], "RichText/Html");
    assert_eq!(body_of_edit["messageBody"], "<b>x</b>");
    assert_eq!(body_of_edit["edittime"], "2023-11-14T22:13:20.005Z");
    assert_eq!(body_of_edit["version"], "1700000000005");
    assert_eq!(body_of_edit["acsChatMessageMetadata"], "null");
    assert_eq!(body_of_edit["senderDisplayName"], "");
    assert_eq!(body_of_edit["clientMessageId"], "");
    assert_eq!(body_of_edit.get("deletetime"), None);

    let content = MessageContent::Text(String::new());
    let deleted = Message { deleted_on: Some(at(6)), content, ..edited };
    let body_of_deletion = body(ChatEventKind::MessageDeleted(deleted));
    assert_eq!(body_of_deletion["eventId"], 248);
    assert_eq!(body_of_deletion["deletetime"], "2023-11-14T22:13:20.006Z");
    assert_eq!(body_of_deletion["messageBody"], "");
    assert_eq!(body_of_deletion.get("edittime"), None);
}

#[test]
fn typing() {
    let sender_display_name = Some("Alice".parse().unwrap());
    assert_eq!(
        body(ChatEventKind::TypingStarted { sender_display_name }),
        json!({
            "eventId": 245,
            "senderId": ALICE,
            "recipientId": BOB,
            "recipientMri": BOB,
            "transactionId": "19:t@thread.v2.1700000000007",
            "groupId": THREAD,
            "messageType": "Control/Typing",
            "senderDisplayName": "Alice",
            "originalArrivalTime": "2023-11-14T22:13:20.007Z",
            "version": "1700000000007",
        })
    );
}

#[test]
fn a_read_receipt() {
    let reader = ALICE.parse().unwrap();
    let receipt = ReadReceipt { reader, message_id: version(1), read_on: at(7) };
    let body = body(ChatEventKind::ReadReceiptSent { receipt });
    assert_eq!(body["eventId"], 246);
    assert_eq!(body["groupId"], THREAD);
    assert_eq!(body["senderId"], ALICE);
    assert_eq!(body["recipientMri"], BOB);
    assert_eq!(body["messageId"], "1700000000001");
    let inner: Value = serde_json::from_str(body["messageBody"].as_str().unwrap()).unwrap();
    assert_eq!(
        inner,
        json!({
            "user": ALICE,
            "consumptionhorizon": "1700000000001;1700000000007;0",
            "messageVisibilityTime": 1_700_000_000_001_u64,
            "version": "1700000000007",
        })
    );
}

#[test]
fn a_thread_created() {
    let retention = RetentionPolicy::ThreadCreationDate { delete_thread_after_days: 60 };
    let mut bob = member(BOB, None);
    bob.share_history_time = at(3);
    bob.metadata = [("k".to_owned(), "v".to_owned())].into();
    let members = vec![member(ALICE, Some("Alice")), bob];
    let thread = header("100% Zoë", retention);
    let body = body(ChatEventKind::ThreadCreated { thread, members });
    assert_eq!(body["eventId"], 257);
    assert_eq!(body["threadId"], THREAD);
    assert_eq!(body["version"], "1700000000007");
    assert_eq!(body["createTime"], "2023-11-14T22:13:20.000Z");
    assert_eq!(
        unescape(&body["createdBy"]),
        json!({ "participantId": ALICE, "displayName": "Alice 100%" })
    );
    assert_eq!(
        unescape(&body["members"]),
        json!([
            { "participantId": ALICE, "displayName": "Alice", "shareHistoryTime": 0 },
            {
                "participantId": BOB,
                "displayName": "",
                "shareHistoryTime": 1_700_000_000_003_i64,
                "memberMetaData": r#"{"k":"v"}"#,
            },
        ])
    );
    assert_eq!(
        unescape(&body["properties"]),
        json!({
            "topic": "100% Zoë",
            "acsChatThreadMetadata": "null",
            "retentionPolicy":
                r#"{"retentionPolicyType":"DeleteAfterCreationTime","executeAfter":"60.00:00:00"}"#,
        })
    );
    assert_eq!(body.get("recipientMri"), None);
}

fn alice() -> Value {
    json!({ "participantId": ALICE, "displayName": "Alice 100%" })
}

#[test]
fn thread_properties_updated() {
    let mut thread = header("new", RetentionPolicy::None);
    thread.metadata = [("k".to_owned(), "%41".to_owned())].into();
    let body = body(ChatEventKind::ThreadPropertiesUpdated { thread });
    assert_eq!(body["eventId"], 258);
    assert_eq!(body["editTime"], "2023-11-14T22:13:20.007Z");
    assert_eq!(unescape(&body["editedBy"]), alice());
    assert_eq!(
        unescape(&body["properties"]),
        json!({ "topic": "new", "acsChatThreadMetadata": r#"{"k":"%41"}"# })
    );
}

#[test]
fn a_thread_deleted() {
    for (by_policy, reason) in [(false, "deletedByUser"), (true, "deletedByPolicy")] {
        let body = body(ChatEventKind::ThreadDeleted { by_policy });
        assert_eq!(body["eventId"], 259);
        assert_eq!(body["deleteTime"], "2023-11-14T22:13:20.007Z");
        assert_eq!(unescape(&body["deletedBy"]), alice());
        assert_eq!(body["reason"], reason);
    }
}

#[test]
fn participants_added_and_removed() {
    let members = || vec![member(BOB, Some("Bob"))];
    let expected = json!([{ "participantId": BOB, "displayName": "Bob", "shareHistoryTime": 0 }]);
    let added = body(ChatEventKind::ParticipantsAdded { added: members() });
    assert_eq!(added["eventId"], 260);
    assert_eq!(added["time"], "2023-11-14T22:13:20.007Z");
    assert_eq!(unescape(&added["addedBy"]), alice());
    assert_eq!(unescape(&added["participantsAdded"]), expected);
    let removed = body(ChatEventKind::ParticipantsRemoved { removed: members() });
    assert_eq!(removed["eventId"], 261);
    assert_eq!(unescape(&removed["removedBy"]), alice());
    assert_eq!(unescape(&removed["participantsRemoved"]), expected);
}

#[test]
fn messages_of_the_thread_itself_are_not_pushed() {
    let initiator = || ALICE.parse().unwrap();
    let contents = [
        MessageContent::ParticipantAdded { participants: vec![], initiator: initiator() },
        MessageContent::ParticipantRemoved { participants: vec![], initiator: initiator() },
        MessageContent::TopicUpdated { topic: "x".to_owned(), initiator: initiator() },
    ];
    for content in contents {
        let event = event(ChatEventKind::MessageReceived(message(content)));
        assert_eq!(Push::encode(&event), None);
    }
}

#[test]
fn kinds_have_numbers_of_their_own() {
    let mut ids: Vec<u16> = PushKind::ALL.map(PushKind::event_id).to_vec();
    ids.sort_unstable();
    assert_eq!(ids, [200, 245, 246, 247, 248, 257, 258, 259, 260, 261]);
}

#[test]
fn debug_does_not_show_what_people_wrote() {
    let event =
        event(ChatEventKind::MessageReceived(message(MessageContent::Text("secret".into()))));
    let push = Push::encode(&event).unwrap();
    let recipient = Recipient::new("/v4/f/e/", &BOB.parse().unwrap());
    let shown = format!("{push:?} {recipient:?}");
    assert!(!shown.contains("secret") && !shown.contains("bob"), "{shown}");
}

proptest! {
    #[test]
    fn any_text_reaches_the_client_as_it_is(text in any::<String>(), topic in any::<String>()) {
        let received = message(MessageContent::Text(text.clone()));
        prop_assert_eq!(&body(ChatEventKind::MessageReceived(received))["messageBody"], &text);
        let thread = header(&topic, RetentionPolicy::None);
        let body = body(ChatEventKind::ThreadPropertiesUpdated { thread });
        prop_assert_eq!(&unescape(&body["properties"])["topic"], &topic);
    }
}
