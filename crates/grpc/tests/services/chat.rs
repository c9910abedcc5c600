//! Chat: what is asked is what is done, once, and told in order.

use tonic::Code;
use trunkline_proto::chat::v1::{
    AddMembersRequest, CreateThreadRequest, DeleteMessageRequest, DeleteThreadRequest,
    EditMessageRequest, GetMessageRequest, GetThreadRequest, ListMembersRequest,
    ListMessagesRequest, ListReadReceiptsRequest, ListThreadsRequest, MessageType, Metadata,
    NewMember, RemoveMemberRequest, RetentionPolicy, SendMessageRequest, SendReadReceiptRequest,
    SendTypingRequest, UpdateThreadRequest, WatchChatRequest, chat_event::Kind,
};

use crate::scene::{Scene, name};

fn with_bob(topic: &str) -> CreateThreadRequest {
    let bob = NewMember { user: "bob".to_owned(), ..NewMember::default() };
    CreateThreadRequest { topic: topic.to_owned(), members: vec![bob], ..Default::default() }
}

fn say(thread_id: &str, content: &str) -> SendMessageRequest {
    let (thread_id, content) = (thread_id.to_owned(), content.to_owned());
    SendMessageRequest { thread_id, content, ..SendMessageRequest::default() }
}

/// Creates a thread of Alice's with Bob.
async fn thread(scene: &Scene) -> String {
    let created = scene.chat("alice").await.create_thread(with_bob("harbor")).await.unwrap();
    created.into_inner().thread.unwrap().thread_id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_comes_again_is_carried_out_once() {
    let scene = Scene::start().await;
    let mut alice = scene.chat("alice").await;
    let create = CreateThreadRequest { request_id: "one".to_owned(), ..with_bob("harbor") };
    let first = alice.create_thread(create.clone()).await.unwrap().into_inner();
    let again = alice.create_thread(create).await.unwrap().into_inner();
    assert_eq!(first, again);
    let other = CreateThreadRequest { request_id: "one".to_owned(), ..with_bob("other") };
    let refused = alice.create_thread(other).await.unwrap_err();
    assert_eq!(refused.code(), Code::AlreadyExists);
    assert_eq!(name(&refused), "RepeatabilityRequestIdReused");

    let thread_id = first.thread.unwrap().thread_id;
    let send = SendMessageRequest { request_id: "two".to_owned(), ..say(&thread_id, "ahoy") };
    let first = alice.send_message(send.clone()).await.unwrap().into_inner();
    let again = alice.send_message(send).await.unwrap().into_inner();
    assert_eq!(first, again);
    let list = ListMessagesRequest { thread_id, ..ListMessagesRequest::default() };
    let listed = alice.list_messages(list).await.unwrap().into_inner();
    assert_eq!(listed.messages.len(), 3, "two of the thread and one of Alice's");
    let long = CreateThreadRequest { request_id: "x".repeat(1_000), ..with_bob("harbor") };
    let refused = alice.create_thread(long).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_are_read_page_by_page_newest_first() {
    let scene = Scene::start().await;
    let thread_id = thread(&scene).await;
    let mut alice = scene.chat("alice").await;
    for number in 0..10 {
        alice.send_message(say(&thread_id, &number.to_string())).await.unwrap();
    }
    let (mut sequences, mut page_token) = (Vec::new(), String::new());
    loop {
        let list = ListMessagesRequest {
            thread_id: thread_id.clone(),
            page_size: 5,
            page_token,
            since: None,
        };
        let page = alice.list_messages(list).await.unwrap().into_inner();
        assert!(page.messages.len() <= 5);
        sequences.extend(page.messages.iter().map(|message| message.sequence));
        // What comes meanwhile changes nothing.
        alice.send_message(say(&thread_id, "late")).await.unwrap();
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(sequences, (1..=12).rev().collect::<Vec<u64>>());
    let list = ListMessagesRequest { thread_id, page_size: -1, ..Default::default() };
    assert_eq!(alice.list_messages(list).await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_is_cut_where_a_client_would_refuse_it() {
    const MESSAGES: usize = 160;
    let scene = Scene::start().await;
    let thread_id = thread(&scene).await;
    let mut alice = scene.chat("alice").await;
    let content = "x".repeat(28 * 1_024);
    for _ in 0..MESSAGES {
        alice.send_message(say(&thread_id, &content)).await.unwrap();
    }
    let (mut read, mut page_token) = (0, String::new());
    loop {
        let thread_id = thread_id.clone();
        let list = ListMessagesRequest { thread_id, page_size: 250, page_token, since: None };
        let page = alice.list_messages(list).await.unwrap().into_inner();
        read += page.messages.len();
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(read, MESSAGES + 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_edited_deleted_and_read() {
    let scene = Scene::start().await;
    let thread_id = thread(&scene).await;
    let (mut alice, mut bob) = (scene.chat("alice").await, scene.chat("bob").await);
    let html = SendMessageRequest {
        r#type: MessageType::Html.into(),
        ..say(&thread_id, "<b>hi</b><script>x</script>")
    };
    let message_id = alice.send_message(html).await.unwrap().into_inner().message_id;
    let get = GetMessageRequest { thread_id: thread_id.clone(), message_id: message_id.clone() };
    let message = bob.get_message(get.clone()).await.unwrap().into_inner().message.unwrap();
    assert_eq!(message.content.unwrap().content, "<b>hi</b>");

    let entries = [("key".to_owned(), "value".to_owned())].into();
    let edit = EditMessageRequest {
        thread_id: thread_id.clone(),
        message_id: message_id.clone(),
        content: Some("<i>edited</i>".to_owned()),
        metadata: Some(Metadata { entries }),
    };
    assert_eq!(bob.edit_message(edit.clone()).await.unwrap_err().code(), Code::PermissionDenied);
    alice.edit_message(edit).await.unwrap();
    let message = bob.get_message(get.clone()).await.unwrap().into_inner().message.unwrap();
    assert_eq!(message.content.unwrap().content, "<i>edited</i>");
    assert_eq!(message.metadata["key"], "value");
    assert!(message.edited_on.is_some() && message.version > message.message_id);

    let read =
        SendReadReceiptRequest { thread_id: thread_id.clone(), message_id: message_id.clone() };
    bob.send_read_receipt(read).await.unwrap();
    let list = ListReadReceiptsRequest { thread_id: thread_id.clone(), ..Default::default() };
    let receipts = alice.list_read_receipts(list).await.unwrap().into_inner().receipts;
    assert_eq!(receipts[0].message_id, message_id);

    let delete = DeleteMessageRequest { thread_id: thread_id.clone(), message_id };
    alice.delete_message(delete).await.unwrap();
    let message = bob.get_message(get).await.unwrap().into_inner().message.unwrap();
    assert!(message.deleted_on.is_some() && message.content.unwrap().content.is_empty());
    let nothing = GetMessageRequest { thread_id, message_id: "not a number".to_owned() };
    assert_eq!(bob.get_message(nothing).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thread_has_properties_and_members_until_it_is_deleted() {
    let scene = Scene::start().await;
    let thread_id = thread(&scene).await;
    let (mut alice, mut bob) = (scene.chat("alice").await, scene.chat("bob").await);
    let update = UpdateThreadRequest {
        thread_id: thread_id.clone(),
        topic: Some("pier".to_owned()),
        metadata: None,
        retention: Some(RetentionPolicy { delete_thread_after_days: 30 }),
    };
    alice.update_thread(update.clone()).await.unwrap();
    let get = GetThreadRequest { thread_id: thread_id.clone() };
    let found = bob.get_thread(get.clone()).await.unwrap().into_inner().thread.unwrap();
    assert_eq!(found.topic, "pier");
    assert_eq!(found.retention.unwrap().delete_thread_after_days, 30);
    let soon = RetentionPolicy { delete_thread_after_days: 1 };
    let refused = UpdateThreadRequest { retention: Some(soon), ..update };
    assert_eq!(alice.update_thread(refused).await.unwrap_err().code(), Code::InvalidArgument);

    let remove = RemoveMemberRequest { thread_id: thread_id.clone(), user: "bob".to_owned() };
    alice.remove_member(remove).await.unwrap();
    let outside = bob.get_thread(get.clone()).await.unwrap_err();
    assert_eq!(outside.code(), Code::PermissionDenied);
    let phone = NewMember { user: "4:+14255550100".to_owned(), ..NewMember::default() };
    let back = NewMember { user: "bob".to_owned(), ..NewMember::default() };
    let add = AddMembersRequest { thread_id: thread_id.clone(), members: vec![phone, back] };
    let invalid = alice.add_members(add).await.unwrap().into_inner().invalid_members;
    assert_eq!(invalid.len(), 1, "a phone is no member: {invalid:?}");
    let list =
        ListMembersRequest { thread_id: thread_id.clone(), page_size: 1, ..Default::default() };
    let first = alice.list_members(list.clone()).await.unwrap().into_inner();
    let list = ListMembersRequest { page_token: first.next_page_token, ..list };
    let second = alice.list_members(list).await.unwrap().into_inner();
    assert_ne!(first.members, second.members);
    assert!(second.next_page_token.is_empty());

    alice.delete_thread(DeleteThreadRequest { thread_id: thread_id.clone() }).await.unwrap();
    let gone = alice.send_message(say(&thread_id, "anybody?")).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
    let listed = alice.list_threads(ListThreadsRequest::default()).await.unwrap().into_inner();
    assert!(listed.threads[0].deleted_on.is_some());
    let nowhere = GetThreadRequest { thread_id: "19:nowhere@thread.v2".to_owned() };
    assert_eq!(alice.get_thread(nowhere).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_says_where_it_begins_and_goes_on_after_a_cursor() {
    let scene = Scene::start().await;
    let thread_id = thread(&scene).await;
    let (mut alice, mut bob) = (scene.chat("alice").await, scene.chat("bob").await);
    let mut live = bob.watch_chat(WatchChatRequest { after_seq: None }).await.unwrap().into_inner();
    let start = live.message().await.unwrap().unwrap();
    assert!(start.event.is_none());
    alice.send_message(say(&thread_id, "ahoy")).await.unwrap();
    let typing = SendTypingRequest { thread_id, ..SendTypingRequest::default() };
    alice.send_typing(typing).await.unwrap();
    let first = live.message().await.unwrap().unwrap();
    assert!(first.seq > start.seq);
    assert!(matches!(first.event.as_ref().unwrap().kind, Some(Kind::MessageReceived(_))));
    let passing = live.message().await.unwrap().unwrap();
    assert!(matches!(passing.event.unwrap().kind, Some(Kind::TypingStarted(_))));
    assert_eq!(passing.seq, None);

    let again = WatchChatRequest { after_seq: start.seq };
    let mut again = bob.watch_chat(again).await.unwrap().into_inner();
    assert_eq!(again.message().await.unwrap().unwrap().seq, start.seq);
    assert_eq!(again.message().await.unwrap().unwrap(), first);
    let lost = WatchChatRequest { after_seq: Some(99_999) };
    let mut lost = bob.watch_chat(lost).await.unwrap().into_inner();
    lost.message().await.unwrap();
    assert_eq!(lost.message().await.unwrap_err().code(), Code::OutOfRange);

    scene.node.revoke_tokens(&scene.resource(), "bob").await.unwrap();
    assert_eq!(live.message().await.unwrap_err().code(), Code::Unauthenticated);
}
