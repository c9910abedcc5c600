//! Tokens that are revoked at the worst moment.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use trunkline_proto::calling::v1::PlaceCallRequest;
use trunkline_proto::signaling::v1::command;
use trunkline_signaling::close::CloseCode;

use crate::scene::Scene;

/// Waits until the store was asked once more.
async fn asked(count: &AtomicUsize, before: usize) {
    while count.load(Ordering::Relaxed) == before {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_is_not_let_in_by_what_was_read_before_it_was_revoked() {
    let scene = Scene::start().await;
    let token = scene.token("bob").await;
    // Nothing is remembered of his tokens any more.
    let scene = scene.restart().await;
    let reads = scene.faults.generation_reads.load(Ordering::Relaxed);
    let gate = scene.faults.generation_gate.lock().await;
    let mut bob = scene.client_raw().await;
    bob.hello(&token, None).await;
    asked(&scene.faults.generation_reads, reads).await;
    scene.node.revoke_tokens(&scene.resource(), "bob").await.unwrap();
    drop(gate);
    assert_eq!(bob.close_code().await, CloseCode::Unauthorized);
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_revocation_reaches_a_busy_session_for_which_many_transports_wait() {
    let scene = Scene::start().await;
    let mut alice = scene.client("alice").await;
    let token = scene.token("alice").await;
    // While the chat of her group call is not stored, her session does nothing else.
    let commits = scene.faults.commits.load(Ordering::Relaxed);
    let gate = scene.faults.gate.lock().await;
    let targets = ["bob", "charlie"].map(str::to_owned).to_vec();
    let place = PlaceCallRequest { operation_id: "place".into(), targets, ..Default::default() };
    alice.send_command_frame(1, command::Kind::PlaceCall(place)).await;
    asked(&scene.faults.commits, commits).await;
    let mut waiting = Vec::new();
    for _ in 0..8 {
        let mut transport = scene.client_raw().await;
        transport.hello(&token, Some((&alice.session_id, alice.last_seq))).await;
        waiting.push(transport);
    }
    // A paused clock moves on when every task waits: all of them have been read.
    tokio::time::sleep(Duration::from_millis(1)).await;
    scene.node.revoke_tokens(&scene.resource(), "alice").await.unwrap();
    drop(gate);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(scene.node.status().sessions, 0, "a session outlives its tokens");
    drop(waiting);
    scene.stop().await;
}
