//! What each event of a chat looks like outside, held against the published schema and examples.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use trunkline_chat::{
    ChatEvent, ChatEventKind, Member, Message, MessageContent, MessageId, ReadReceipt,
    RetentionPolicy, ThreadHeader,
};
use trunkline_clock::Timestamp;
use trunkline_events::{
    CallFacts, CallHappening, CallPerson, DeliverySchema, Event, EventType, SubscriptionFilter,
    Topic, call_event, chat_events, user_disconnected,
};
use trunkline_ids::CommunicationIdentifier;
use trunkline_reasons::EndReason;

const CALL: &str = "5f5d6ca1-d750-44a4-9a36-a7965ec4a906";
const GROUP: &str = "11111111-2222-4333-8444-555555555555";

const ALICE: &str = "8:acs:contoso_alice";
const BOB: &str = "8:acs:contoso_bob";
const CAROL: &str = "8:orgid:0e8a0e8a-0000-4000-8000-000000000001";
const THREAD: &str = "19:6e5d6ca1d75044a49a36a7965ec4a906@thread.v2";
const TOPIC: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Communication/\
                     communicationServices/contoso";

#[test]
fn a_message_gives_one_event_for_the_thread_and_one_for_each_other_member() {
    let origin = origin(ChatEventKind::MessageReceived(message()));
    let told: Vec<_> =
        events(&origin).map(|event| (event.event_type(), event.subject().to_owned())).collect();
    let subject = format!("thread/{THREAD}/sender/{ALICE}");
    assert_eq!(
        told,
        [
            (EventType::ChatMessageReceivedInThread, subject.clone()),
            (EventType::ChatMessageReceived, format!("{subject}/recipient/{BOB}")),
            (EventType::ChatMessageReceived, format!("{subject}/recipient/{CAROL}")),
        ]
    );
}

#[test]
fn the_event_grid_envelope_is_an_array_of_the_published_form() {
    let origin = origin(ChatEventKind::MessageReceived(message()));
    let event = events(&origin).nth(1).unwrap();
    let notification = event.in_envelope(DeliverySchema::EventGrid, &topic());
    assert_eq!(notification.id(), event.id());
    let body: Value = serde_json::from_slice(notification.body()).unwrap();
    let expected = json!([{
        "id": event.id().to_string(),
        "topic": TOPIC,
        "subject": format!("thread/{THREAD}/sender/{ALICE}/recipient/{BOB}"),
        "eventType": "Microsoft.Communication.ChatMessageReceived",
        "eventTime": "2021-02-19T00:25:58.927Z",
        "dataVersion": "1.0",
        "metadataVersion": "1",
        "data": {
            "messageBody": "Welcome",
            "messageId": "1613694358927",
            "metadata": {"key": "value"},
            "senderId": ALICE,
            "recipientId": BOB,
            "senderCommunicationIdentifier": user(ALICE),
            "senderDisplayName": "Alice",
            "composeTime": "2021-02-19T00:25:58.927Z",
            "type": "Text",
            "version": 1_613_694_358_927_u64,
            "recipientCommunicationIdentifier": user(BOB),
            "transactionId": body[0]["data"]["transactionId"],
            "threadId": THREAD,
        },
    }]);
    assert_eq!(body, expected);
}

#[test]
fn the_cloud_events_envelope_has_the_same_data() {
    let origin = origin(ChatEventKind::MessageReceived(message()));
    let event = events(&origin).next().unwrap();
    let parse = |schema| -> Value {
        serde_json::from_slice(event.in_envelope(schema, &topic()).body()).unwrap()
    };
    let grid = parse(DeliverySchema::EventGrid);
    let expected = json!({
        "specversion": "1.0",
        "id": event.id().to_string(),
        "source": TOPIC,
        "type": "Microsoft.Communication.ChatMessageReceivedInThread",
        "subject": format!("thread/{THREAD}/sender/{ALICE}"),
        "time": "2021-02-19T00:25:58.927Z",
        "datacontenttype": "application/json",
        "data": grid[0]["data"],
    });
    assert_eq!(parse(DeliverySchema::CloudEvents), expected);
}

#[test]
fn every_type_has_the_members_of_the_published_schema() {
    let mut members: BTreeMap<EventType, BTreeSet<String>> = BTreeMap::new();
    let alice: CommunicationIdentifier = ALICE.parse().unwrap();
    let origins = every_kind().map(origin).to_vec();
    let of_chats = origins.iter().flat_map(events);
    let of_identity = std::iter::once(user_disconnected(&alice, time()));
    let of_calls = call_happenings(&alice);
    let of_calls = of_calls.into_iter().map(|one| call_event(facts(&alice), 1, time(), one));
    for event in of_chats.chain(of_identity).chain(of_calls) {
        let names = data(&event).as_object().unwrap().keys().cloned().collect();
        let known = members.entry(event.event_type()).or_insert_with(|| BTreeSet::clone(&names));
        assert_eq!(*known, names, "{}", event.event_type());
    }
    assert_eq!(members.keys().copied().collect::<Vec<_>>(), EventType::ALL);
    for (event_type, names) in members {
        let expected = published(event_type).split_whitespace().map(str::to_owned).collect();
        assert_eq!(names, expected, "{event_type}");
    }
}

#[test]
fn events_of_calls_have_the_published_form() {
    let alice = ALICE.parse().unwrap();
    let person = json!({"kind": "communicationUser", "rawId": ALICE,
                        "communicationUser": {"id": ALICE}, "communicationIdentifier": user(ALICE)});
    let call = json!({"startedBy": person, "serverCallId": CALL, "group": {"id": GROUP},
                      "room": {"id": "9999"}, "isTwoParty": false, "correlationId": CALL,
                      "isRoomsCall": true});
    let with = |more: Value| {
        let mut all = call.clone();
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let someone = json!({"user": person, "displayName": "Alice", "participantId": "p1"});
    let expected = [
        (format!("call/{CALL}/startedBy/{ALICE}"), call.clone()),
        (format!("call/{CALL}/participant/{ALICE}"), with(someone.clone())),
        (format!("call/{CALL}/participant/{ALICE}"), with(someone)),
        (
            format!("call/{CALL}"),
            with(json!({"durationOfCall": 49.728, "callDurationInSeconds": 49.728,
                        "reason": {"code": 0, "subcode": 0,
                                   "phrase": EndReason::HUNG_UP.meaning()}})),
        ),
    ];
    let ids: BTreeSet<_> = call_happenings(&alice)
        .into_iter()
        .zip(expected)
        .map(|(happening, (subject, expected))| {
            let event = call_event(facts(&alice), 7, time(), happening);
            assert_eq!(event.subject(), subject);
            assert_eq!(data(&event), expected);
            event.id()
        })
        .collect();
    assert_eq!(ids.len(), 4);
}

fn call_happenings(who: &CommunicationIdentifier) -> [CallHappening<'_>; 4] {
    let person = CallPerson { identifier: who, participant_id: "p1", display_name: Some("Alice") };
    let duration = Duration::from_millis(49_728);
    [
        CallHappening::Started,
        CallHappening::Joined(person.clone()),
        CallHappening::Left(person),
        CallHappening::Ended { duration, reason: EndReason::HUNG_UP },
    ]
}

fn facts(who: &CommunicationIdentifier) -> CallFacts<'_> {
    CallFacts {
        call_id: CALL,
        started_by: Some(who),
        group_id: Some(GROUP),
        room_id: Some("9999"),
        is_one_to_one: false,
    }
}

/// Returns the members of the data, as the published schema lists them. Ids as plain text are those of
/// the published examples.
fn published(event_type: EventType) -> &'static str {
    match event_type {
        EventType::CallEnded => {
            "startedBy serverCallId group room isTwoParty correlationId isRoomsCall durationOfCall \
             callDurationInSeconds reason"
        }
        EventType::CallParticipantAdded | EventType::CallParticipantRemoved => {
            "startedBy serverCallId group room isTwoParty correlationId isRoomsCall user \
             displayName participantId"
        }
        EventType::CallStarted => {
            "startedBy serverCallId group room isTwoParty correlationId isRoomsCall"
        }
        EventType::ChatMessageDeleted => {
            "senderId recipientId recipientCommunicationIdentifier transactionId threadId messageId \
             senderCommunicationIdentifier senderDisplayName composeTime type version deleteTime"
        }
        EventType::ChatMessageDeletedInThread => {
            "transactionId threadId messageId senderCommunicationIdentifier senderDisplayName \
             composeTime type version deleteTime"
        }
        EventType::ChatMessageEdited => {
            "senderId recipientId recipientCommunicationIdentifier transactionId threadId messageId \
             senderCommunicationIdentifier senderDisplayName composeTime type version messageBody \
             metadata editTime"
        }
        EventType::ChatMessageEditedInThread => {
            "transactionId threadId messageId senderCommunicationIdentifier senderDisplayName \
             composeTime type version messageBody metadata editTime"
        }
        EventType::ChatMessageReceived => {
            "senderId recipientId recipientCommunicationIdentifier transactionId threadId messageId \
             senderCommunicationIdentifier senderDisplayName composeTime type version messageBody \
             metadata"
        }
        EventType::ChatMessageReceivedInThread => {
            "transactionId threadId messageId senderCommunicationIdentifier senderDisplayName \
             composeTime type version messageBody metadata"
        }
        EventType::ChatParticipantAddedToThreadWithUser => {
            "recipientCommunicationIdentifier transactionId threadId createTime version time \
             addedByCommunicationIdentifier participantAdded"
        }
        EventType::ChatParticipantRemovedFromThreadWithUser => {
            "recipientCommunicationIdentifier transactionId threadId createTime version time \
             removedByCommunicationIdentifier participantRemoved"
        }
        EventType::ChatThreadCreated => {
            "transactionId threadId createTime version createdByCommunicationIdentifier properties \
             metadata participants"
        }
        EventType::ChatThreadCreatedWithUser => {
            "createdBy members recipientId recipientCommunicationIdentifier transactionId threadId createTime version \
             createdByCommunicationIdentifier properties metadata participants"
        }
        EventType::ChatThreadDeleted => {
            "transactionId threadId createTime version deletedByCommunicationIdentifier deleteTime"
        }
        // The schema leaves `createTime` out of these two, the published examples have it.
        EventType::ChatThreadParticipantAdded => {
            "transactionId threadId createTime time addedByCommunicationIdentifier \
             participantAdded version"
        }
        EventType::ChatThreadParticipantRemoved => {
            "transactionId threadId createTime time removedByCommunicationIdentifier \
             participantRemoved version"
        }
        EventType::ChatThreadPropertiesUpdated => {
            "transactionId threadId createTime version editedByCommunicationIdentifier editTime \
             properties metadata"
        }
        EventType::ChatThreadPropertiesUpdatedPerUser => {
            "editedBy recipientId recipientCommunicationIdentifier transactionId threadId createTime version \
             editedByCommunicationIdentifier editTime metadata properties"
        }
        EventType::ChatThreadWithUserDeleted => {
            "deletedBy recipientId recipientCommunicationIdentifier transactionId threadId createTime version \
             deletedByCommunicationIdentifier deleteTime"
        }
        EventType::UserDisconnected => "userCommunicationIdentifier",
    }
}

#[test]
fn subjects_are_those_of_the_published_examples() {
    let at = format!("thread/{THREAD}");
    let added = vec![member(BOB)];
    let cases = [
        (ChatEventKind::MessageDeleted(message()), format!("{at}/sender/{ALICE}"), None),
        (ChatEventKind::MessageEdited(message()), format!("{at}/sender/{ALICE}"), None),
        (
            ChatEventKind::ParticipantsAdded { added: added.clone() },
            format!("{at}/participantadded/{BOB}"),
            Some(format!("{at}/participantAdded/{BOB}/recipient/{BOB}")),
        ),
        (
            ChatEventKind::ParticipantsRemoved { removed: added.clone() },
            format!("{at}/participantremoved/{BOB}"),
            Some(format!("{at}/participantRemoved/{BOB}/recipient/{BOB}")),
        ),
        (
            ChatEventKind::ThreadCreated { thread: header(), members: added },
            format!("{at}/createdBy/{ALICE}"),
            None,
        ),
        (
            ChatEventKind::ThreadDeleted { by_policy: false },
            format!("{at}/deletedBy/{ALICE}"),
            None,
        ),
        (
            ChatEventKind::ThreadPropertiesUpdated { thread: header() },
            format!("{at}/editedBy/{ALICE}"),
            None,
        ),
    ];
    for (kind, of_thread, of_user) in cases {
        let origin = origin(kind);
        let mut events = events(&origin);
        assert_eq!(events.next().unwrap().subject(), of_thread);
        let of_user = of_user.unwrap_or_else(|| format!("{of_thread}/recipient/{BOB}"));
        assert_eq!(events.next().unwrap().subject(), of_user);
    }
    let alice = ALICE.parse().unwrap();
    assert_eq!(user_disconnected(&alice, time()).subject(), format!("user/{ALICE}"));
}

#[test]
fn each_participant_who_comes_or_goes_is_told_of() {
    let both = vec![member(BOB), member(CAROL)];
    let origin = origin(ChatEventKind::ParticipantsAdded { added: both });
    let told: Vec<_> = events(&origin).map(|event| (event.event_type(), data(&event))).collect();
    let about = |place: usize| {
        told[place].1["participantAdded"]["participantCommunicationIdentifier"]["rawId"]
            .as_str()
            .unwrap()
    };
    assert_eq!(told.len(), 6);
    assert_eq!((told[0].0, about(0)), (EventType::ChatThreadParticipantAdded, BOB));
    let with_user = EventType::ChatParticipantAddedToThreadWithUser;
    assert_eq!((told[2].0, about(2)), (with_user, BOB));
    assert_eq!((told[3].0, about(3)), (EventType::ChatThreadParticipantAdded, CAROL));
    assert_eq!((told[5].0, about(5)), (with_user, CAROL));
}

#[test]
fn typing_receipts_and_what_the_thread_says_give_no_events() {
    let receipt = ReadReceipt {
        reader: BOB.parse().unwrap(),
        message_id: MessageId::from_millis(1),
        read_on: time(),
    };
    let content =
        MessageContent::TopicUpdated { topic: "T".to_owned(), initiator: ALICE.parse().unwrap() };
    let system = Message { content, sender: None, ..message() };
    for kind in [
        ChatEventKind::ReadReceiptSent { receipt },
        ChatEventKind::TypingStarted { sender_display_name: None },
        ChatEventKind::MessageReceived(system),
    ] {
        assert_eq!(events(&origin(kind)).count(), 0);
    }
}

#[test]
fn a_thread_that_a_policy_deletes_is_told_to_its_creator_too() {
    let deleted = |by_policy| origin(ChatEventKind::ThreadDeleted { by_policy });
    assert_eq!(events(&deleted(false)).count(), 3);
    assert_eq!(events(&deleted(true)).count(), 4);
}

#[test]
fn ids_repeat_for_the_same_event_and_for_no_other() {
    let origins = every_kind().map(origin);
    let ids = || -> Vec<_> {
        origins.iter().flat_map(|origin| events(origin).map(|event| event.id())).collect()
    };
    let first = ids();
    assert_eq!(ids(), first);
    assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), first.len());
    let later = ChatEvent {
        version: MessageId::from_millis(1_613_694_358_928),
        ..origin(ChatEventKind::MessageReceived(message()))
    };
    assert!(events(&later).all(|event| !first.contains(&event.id())));
}

#[test]
fn events_of_one_origin_share_their_transaction_id() {
    let origin = origin(ChatEventKind::MessageReceived(message()));
    let ids: BTreeSet<_> = events(&origin)
        .map(|event| data(&event)["transactionId"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 1);
}

#[test]
fn markup_is_told_apart_from_text() {
    let content = MessageContent::Html("<b>Hi</b>".to_owned());
    let origin = origin(ChatEventKind::MessageReceived(Message { content, ..message() }));
    let data = data(&events(&origin).next().unwrap());
    assert_eq!(
        (&data["type"], &data["messageBody"]),
        (&json!("RichText/Html"), &json!("<b>Hi</b>"))
    );
}

#[test]
fn a_filter_picks_by_type_and_recipient() {
    let origin = origin(ChatEventKind::MessageReceived(message()));
    let filter: SubscriptionFilter = serde_json::from_value(json!({
        "includedEventTypes": ["Microsoft.Communication.ChatMessageReceived"],
        "subjectEndsWith": format!("/recipient/{BOB}"),
    }))
    .unwrap();
    let taken: Vec<_> = events(&origin).filter(|event| filter.matches(event)).collect();
    assert_eq!(taken.len(), 1);
}

#[test]
fn debug_forms_show_neither_persons_nor_what_they_say() {
    let origin = origin(ChatEventKind::MessageReceived(message()));
    for event in events(&origin) {
        let notification = event.in_envelope(DeliverySchema::EventGrid, &topic());
        let shown = format!("{event:?} {notification:?} {:?}", events(&origin));
        for secret in ["Welcome", "Alice", "alice", "bob", "value"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
    }
}

#[test]
fn many_members_are_told_without_a_list_of_all_events() {
    let members: Vec<_> = (0..200).map(|n| member(&format!("8:acs:contoso_{n}"))).collect();
    let recipients = members.iter().map(|member| member.identifier.clone()).collect();
    let kind = ChatEventKind::ParticipantsAdded { added: members };
    let origin = ChatEvent { recipients, ..origin(kind) };
    assert_eq!(events(&origin).count(), 200 * 201);
    let place = 200 * 201 - 1;
    let last = events(&origin).nth(place).unwrap();
    assert!(last.subject().ends_with("contoso_199/recipient/8:acs:contoso_199"));
}

#[test]
fn an_event_is_found_again_by_its_place_wherever_the_search_begins() {
    let by_policy = ChatEventKind::ThreadDeleted { by_policy: true };
    for kind in every_kind().into_iter().chain([by_policy]) {
        let origin = origin(kind);
        let walked: Vec<_> = events(&origin).map(|event| event.id()).collect();
        for from in 0..=walked.len() {
            for ahead in 0..=walked.len() + 1 {
                let mut events = events(&origin);
                for _ in 0..from {
                    events.next();
                }
                let found = events.nth(ahead).map(|event| event.id());
                assert_eq!(found, walked.get(from + ahead).copied(), "{from} and {ahead} on");
                let next = events.next().map(|event| event.id());
                assert_eq!(next, walked.get(from + ahead + 1).copied(), "after {from} and {ahead}");
            }
        }
    }
}

#[test]
fn many_events_are_made_a_few_at_a_time_without_making_each_of_them_often() {
    let members: Vec<_> = (0..200).map(|n| member(&format!("8:acs:contoso_{n}"))).collect();
    let others = (200..250).map(|n| format!("8:acs:contoso_{n}").parse().unwrap());
    let recipients = members.iter().map(|member| member.identifier.clone()).chain(others);
    let recipients = recipients.collect();
    let kind = ChatEventKind::ParticipantsAdded { added: members };
    let origin = ChatEvent { recipients, ..origin(kind) };
    // Made anew from the first one for every few, they are 157 million: minutes.
    let (begun, most) = (std::time::Instant::now(), Duration::from_secs(30));
    let mut at = 0;
    loop {
        let few = events(&origin).skip(at).take(8).count();
        at += few;
        assert!(begun.elapsed() < most, "{at} events took too long");
        if few == 0 {
            break;
        }
    }
    assert_eq!(at, 200 * 251);
}

fn every_kind() -> [ChatEventKind; 8] {
    let (thread, members) = (header(), vec![member(ALICE), member(BOB)]);
    [
        ChatEventKind::MessageDeleted(Message { deleted_on: Some(time()), ..message() }),
        ChatEventKind::MessageEdited(Message { edited_on: Some(time()), ..message() }),
        ChatEventKind::MessageReceived(message()),
        ChatEventKind::ParticipantsAdded { added: members.clone() },
        ChatEventKind::ParticipantsRemoved { removed: members.clone() },
        ChatEventKind::ThreadCreated { thread: thread.clone(), members },
        ChatEventKind::ThreadDeleted { by_policy: false },
        ChatEventKind::ThreadPropertiesUpdated { thread },
    ]
}

fn origin(kind: ChatEventKind) -> ChatEvent {
    ChatEvent {
        thread_id: THREAD.parse().unwrap(),
        version: MessageId::from_millis(1_613_694_358_927),
        time: time(),
        actor: ALICE.parse().unwrap(),
        actor_display_name: None,
        recipients: [BOB, ALICE, CAROL].map(|id| id.parse().unwrap()).to_vec(),
        kind,
    }
}

fn events(origin: &ChatEvent) -> impl Iterator<Item = Event<'_>> + std::fmt::Debug {
    chat_events(origin, time())
}

fn data(event: &Event<'_>) -> Value {
    let body = event.in_envelope(DeliverySchema::CloudEvents, &topic());
    let mut body: Value = serde_json::from_slice(body.body()).unwrap();
    body["data"].take()
}

fn message() -> Message {
    Message {
        id: MessageId::from_millis(1_613_694_358_927),
        thread_id: THREAD.parse().unwrap(),
        sequence: 3,
        version: MessageId::from_millis(1_613_694_358_927),
        content: MessageContent::Text("Welcome".to_owned()),
        sender: Some(ALICE.parse().unwrap()),
        sender_display_name: Some("Alice".parse().unwrap()),
        created_on: time(),
        edited_on: None,
        deleted_on: None,
        metadata: BTreeMap::from([("key".to_owned(), "value".to_owned())]),
        client_message_id: None,
    }
}

fn member(raw_id: &str) -> Member {
    Member {
        identifier: raw_id.parse().unwrap(),
        display_name: None,
        share_history_time: Timestamp::UNIX_EPOCH,
        metadata: BTreeMap::new(),
        joined_on: time(),
    }
}

fn header() -> ThreadHeader {
    ThreadHeader {
        id: THREAD.parse().unwrap(),
        topic: "Lunch".to_owned(),
        created_on: time(),
        created_by: ALICE.parse().unwrap(),
        deleted_on: None,
        metadata: BTreeMap::new(),
        retention: RetentionPolicy::None,
        next_sequence: 3,
        last_version: MessageId::from_millis(1_613_694_358_927),
        last_message_received_on: None,
    }
}

fn user(raw_id: &str) -> Value {
    json!({"kind": "communicationUser", "rawId": raw_id, "communicationUser": {"id": raw_id}})
}

fn topic() -> Topic {
    TOPIC.parse().unwrap()
}

fn time() -> Timestamp {
    Timestamp::from_unix_micros(1_613_694_358_927_000)
}
