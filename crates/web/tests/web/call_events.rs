//! What happens in all calls, over a WebSocket.

use futures_util::SinkExt as _;
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use crate::{JSON, Server, Socket, close_code, next};

/// Opens the socket of what happens in calls and says who asks.
async fn follow_calls(server: &Server, opening: Message) -> Socket {
    let url = format!("ws://{}/events/calls", server.address);
    let (mut socket, _) = connect_async(url).await.unwrap();
    socket.send(opening).await.unwrap();
    socket
}

fn opening(after: Option<&Value>) -> Message {
    let mut opening = json!({ "accessKey": "k".repeat(40) });
    if let Some(after) = after {
        opening["afterSeq"] = after.clone();
    }
    Message::text(opening.to_string())
}

async fn next_told(socket: &mut Socket) -> Value {
    loop {
        if let Message::Text(text) = next(socket).await {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_in_calls_is_followed_over_a_socket_and_goes_on_after_its_cursor() {
    let server = Server::start().await;
    let mut socket = follow_calls(&server, opening(None)).await;
    let begun = next_told(&mut socket).await;
    assert!(begun.get("occurrence").is_none(), "{begun}");

    let mut session = server.open(JSON).await;
    session.send(server.hello().await).await.unwrap();
    next(&mut session).await;
    let group = "11111111-2222-4333-8444-555555555555";
    let join = json!({ "operationId": "1", "groupId": group });
    let join = json!({ "seq": "1", "command": { "joinCall": join } });
    session.send(Message::text(join.to_string())).await.unwrap();
    let mut told = Vec::new();
    while told.len() < 3 {
        let next = next_told(&mut socket).await;
        if next.get("occurrence").is_some() {
            told.push(next);
        }
    }
    for (place, told) in (1..).zip(&told) {
        let occurrence = &told["occurrence"];
        assert_eq!(occurrence["callEvent"]["seq"], place.to_string(), "{told}");
        assert_eq!(occurrence["groupId"], group);
        assert!(occurrence["startedBy"]["rawId"].as_str().unwrap().starts_with("8:orgid:"));
    }

    // Who was cut off after the first goes on with the second.
    drop(socket);
    let mut again = follow_calls(&server, opening(Some(&told[0]["seq"]))).await;
    assert_eq!(next_told(&mut again).await["seq"], told[0]["seq"]);
    assert_eq!(next_told(&mut again).await, told[1]);
    server.node.shutdown().await;
    assert_eq!(close_code(&mut again).await, 1001);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_follows_calls_without_a_key_and_a_cursor_that_is_there() {
    let server = Server::start().await;
    let refused = [
        (Message::text(json!({ "accessKey": "bm90IGEga2V5" }).to_string()), 4401),
        (Message::text("{}"), 4400),
        (Message::text(json!({ "accessKey": "a", "callId": "mine" }).to_string()), 4400),
        (Message::binary(vec![1, 2, 3]), 4400),
        (Message::text("x".repeat(10_000)), 4413),
        (opening(Some(&json!("1000000"))), 4416),
    ];
    for (opening, code) in refused {
        let shown = format!("{opening:.60}");
        let mut socket = follow_calls(&server, opening).await;
        assert_eq!(close_code(&mut socket).await, code, "{shown}");
    }
}
