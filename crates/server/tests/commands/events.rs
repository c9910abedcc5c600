//! Feeds: chat of one user, and the log of everybody's events.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    thread,
};

use serde_json::Value;

use crate::scene::Scene;

#[test]
fn a_tail_of_chat_begins_after_its_cursor() {
    let scene = Scene::start();
    let id = scene.text(&["chat", "new", "harbor", "--with", "bob", "--as", "alice"]);
    scene.text(&["chat", "send", &id, "ahoy", "--as", "bob"]);
    let all = scene.json(&["chat", "tail", "--after", "0", "--count", "2", "--as", "alice"]);
    assert_eq!(all[0]["event"]["threadCreated"]["thread"]["topic"], "harbor");
    let message = &all[1]["event"]["messageReceived"]["message"];
    assert_eq!(message["content"]["content"], "ahoy");
    let first = all[0]["seq"].as_str().unwrap();
    let rest =
        scene.json(&["chat", "tail", &id, "--after", first, "--count", "1", "--as", "alice"]);
    assert_eq!(rest[0], all[1]);
    let lost = scene.run(&["chat", "tail", "--after", "99999", "--as", "alice"]);
    assert_eq!(lost.code, 2, "{lost:?}");
}

#[test]
fn events_have_the_documented_schema() {
    let scene = Scene::start();
    let id = scene.text(&["chat", "new", "harbor", "--with", "bob", "--as", "alice"]);
    scene.text(&["chat", "send", &id, "ahoy", "--as", "bob"]);
    let types = "ChatMessageReceivedInThread";
    let tailed = ["events", "tail", "--after", "0", "--types", types, "--count", "1"];
    let event = &scene.json(&tailed)[0][0];
    assert_eq!(event["eventType"], "Microsoft.Communication.ChatMessageReceivedInThread");
    assert_eq!(event["data"]["messageBody"], "ahoy");
    assert_eq!(event["data"]["threadId"], id.as_str());
}

#[test]
fn a_made_up_event_is_forwarded_to_a_local_program() {
    let scene = Scene::start();
    let triggered = scene.json(&["events", "trigger", "ChatMessageReceived"]);
    let seq = triggered[0]["seq"].as_u64().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = format!("http://{}/events", listener.local_addr().unwrap());
    let receiver = thread::spawn(move || receive(&listener));
    let after = (seq - 1).to_string();
    let types = "ChatMessageReceived";
    let forwarded = scene.json(&[
        "events", "forward", "--to", &to, "--after", &after, "--types", types, "--count", "1",
    ]);
    assert_eq!(forwarded[0]["status"], 204);
    let (head, body) = receiver.join().unwrap();
    assert!(head.to_lowercase().contains("aeg-event-type: notification"), "{head}");
    assert_eq!(body[0]["eventType"], "Microsoft.Communication.ChatMessageReceived");
    let unknown = scene.run(&["events", "trigger", "NoSuchEvent"]);
    assert_eq!(unknown.code, 2, "{unknown:?}");
}

#[test]
fn an_endpoint_that_does_not_confirm_is_not_subscribed() {
    let scene = Scene::start();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/events", listener.local_addr().unwrap());
    let receiver = thread::spawn(move || receive(&listener));
    let refused = scene.run(&["events", "subscribe", "backend", &endpoint]);
    assert_eq!(refused.code, 4, "{refused:?}");
    let (_, handshake) = receiver.join().unwrap();
    assert_eq!(handshake[0]["eventType"], "Microsoft.EventGrid.SubscriptionValidationEvent");
    assert!(scene.json(&["events", "subscriptions"]).is_empty());
    assert_eq!(scene.run(&["events", "unsubscribe", "backend"]).code, 5);
}

/// Takes one request, answers 204, and returns its head and body.
fn receive(listener: &TcpListener) -> (String, Value) {
    let (mut stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut head).unwrap(), 0, "{head}");
    }
    let length = head.to_lowercase();
    let length = length.split("content-length: ").nth(1).unwrap().lines().next().unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").unwrap();
    (head, serde_json::from_slice(&body).unwrap())
}
