//! Sessions and calls of a node over in-process transports, in virtual time: what clients see when
//! several devices ring, networks break, and strangers try.

#[path = "sessions/crowds.rs"]
mod crowds;
#[path = "support/held_store.rs"]
mod held_store;
#[path = "sessions/presence.rs"]
mod presence;
#[path = "sessions/revoking.rs"]
mod revoking;
#[path = "sessions/scene.rs"]
mod scene;
#[path = "sessions/transferring.rs"]
mod transferring;

use std::time::Duration;

use scene::{Client, Scene, reason};
use trunkline_node::Inbound;
use trunkline_policy::Scope;
use trunkline_proto::calling::v1::{self as calling, CallState, call_event};
use trunkline_proto::signaling::v1::{self as signaling, command, server_frame};
use trunkline_signaling::close::CloseCode;

/// INC3, CLI17: of several devices one accepts, the others stop with "accepted elsewhere".
#[tokio::test(start_paused = true)]
async fn four_endpoints_ring_and_the_first_to_accept_wins() {
    let scene = Scene::start().await;
    let mut alice = scene.client("alice").await;
    let mut bobs = Vec::new();
    for _ in 0..4 {
        bobs.push(scene.client("bob").await);
    }
    let call_id = alice.place(&["bob"]).await;
    for bob in &mut bobs {
        assert_eq!(bob.incoming_call().await.call_id, call_id);
    }
    let mut winner = bobs.remove(2);
    winner.accept(&call_id).await;
    for bob in &mut bobs {
        let ended = bob.incoming_call_ended().await;
        assert_eq!(reason(&ended.reason), (487, 10003));
    }
    assert_eq!(winner.own_states(&call_id, CallState::Connected).await.last(), Some(&"Connected"));
    let states = alice.own_states(&call_id, CallState::Connected).await;
    assert_eq!(states, ["Connecting", "Ringing", "Connected"]);
    scene.stop().await;
}

/// INC4, INC5 and FEATURES A3: four ways not to be answered, four reasons, the same at both ends.
#[tokio::test(start_paused = true)]
async fn reject_cancel_no_answer_and_nobody_there_are_told_apart() {
    let scene = Scene::start().await;
    let mut alice = scene.client("alice").await;
    let mut bob = scene.client("bob").await;

    let call_id = alice.place(&["bob"]).await;
    bob.incoming_call().await;
    bob.command(command::Kind::RejectCall(calling::RejectCallRequest {
        operation_id: "reject".into(),
        call_id: call_id.clone(),
    }))
    .await;
    assert_eq!(reason(&bob.incoming_call_ended().await.reason), (603, 0));
    assert_eq!(reason(&alice.call_ended(&call_id).await.reason), (603, 0));

    let call_id = alice.place(&["bob"]).await;
    bob.incoming_call().await;
    alice.hang_up(&call_id).await;
    assert_eq!(reason(&bob.incoming_call_ended().await.reason), (487, 0));
    assert_eq!(reason(&alice.call_ended(&call_id).await.reason), (487, 0));

    let call_id = alice.place(&["bob"]).await;
    bob.incoming_call().await;
    // Nobody moves: the next thing to happen is the set-up time of 85 seconds.
    let (missed, unanswered) = tokio::join!(bob.incoming_call_ended(), alice.call_ended(&call_id));
    assert_eq!(reason(&missed.reason), (487, 10004));
    assert_eq!(reason(&unanswered.reason), (487, 10004));

    let call_id = alice.place(&["charlie"]).await;
    assert_eq!(reason(&alice.call_ended(&call_id).await.reason), (480, 10037));
    scene.stop().await;
}

/// FEATURES §1.4 C8: ten seconds without a network lose nothing.
#[tokio::test(start_paused = true)]
async fn a_client_cut_off_for_ten_seconds_misses_and_repeats_nothing() {
    let scene = Scene::start().await;
    let mut alice = scene.client("alice").await;
    let mut bob = scene.client("bob").await;
    let call_id = alice.connected_call(&mut bob, "bob").await;
    let before = bob.last_call_seq(&call_id);

    bob.cut();
    bob.forget_queued();
    for round in 0..5 {
        alice.mute(&call_id, round % 2 == 0).await;
    }
    tokio::time::sleep(Duration::from_secs(10)).await;
    bob.resume(&scene).await;
    alice.mute(&call_id, false).await;
    let updates = bob.collect_call_seqs(&call_id, alice.last_call_seq(&call_id)).await;
    let expected: Vec<u64> = (before + 1..=alice.last_call_seq(&call_id)).collect();
    assert_eq!(updates, expected);
    assert_eq!(bob.state_of(&call_id), CallState::Connected);
    scene.stop().await;
}

/// FEATURES A4: two minutes without a network end the connection, and the others see it.
#[tokio::test(start_paused = true)]
async fn a_client_cut_off_for_two_minutes_is_disconnected() {
    let scene = Scene::start().await;
    let mut alice = scene.client("alice").await;
    let mut bob = scene.client("bob").await;
    let call_id = alice.connected_call(&mut bob, "bob").await;
    let lost_at = tokio::time::Instant::now();

    bob.cut();
    alice.forget_queued();
    let states = alice.states_of_others_until_end(&call_id).await;
    let took = lost_at.elapsed();
    assert!((120..=122).contains(&took.as_secs()), "{took:?}");
    assert_eq!(states, ["Disconnecting", "Disconnected"]);
    let mut again = scene.client_raw().await;
    again.hello(&scene.token("bob").await, Some((&bob.session_id, bob.last_seq))).await;
    assert_eq!(again.close_code().await, CloseCode::SessionUnknown);
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_session_id_is_worth_nothing_without_a_token_of_its_user() {
    let scene = Scene::start().await;
    let bob = scene.client("bob").await;
    for (token, code) in [
        (scene.token("alice").await, CloseCode::SessionUnknown),
        (String::new(), CloseCode::Unauthorized),
        ("a.b.c".to_owned(), CloseCode::Unauthorized),
    ] {
        let mut thief = scene.client_raw().await;
        thief.hello(&token, Some((&bob.session_id, 0))).await;
        let (frames, closed) = thief.everything().await;
        assert_eq!(closed, Some(code));
        let told: Vec<_> = frames.iter().filter_map(|frame| frame.body.as_ref()).collect();
        assert!(
            told.iter().all(|body| matches!(body, server_frame::Body::SessionClosed(_))),
            "{told:?}"
        );
    }
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_call_of_others_does_not_exist_for_a_stranger() {
    let scene = Scene::start().await;
    let mut alice = scene.client("alice").await;
    let mut bob = scene.client("bob").await;
    let mut charlie = scene.client("charlie").await;
    let call_id = alice.connected_call(&mut bob, "bob").await;
    let wanted = [
        command::Kind::HangUp(calling::HangUpRequest {
            operation_id: "1".into(),
            call_id: call_id.clone(),
            for_everyone: true,
        }),
        command::Kind::MuteAllParticipants(calling::MuteAllParticipantsRequest {
            operation_id: "2".into(),
            call_id: call_id.clone(),
        }),
        command::Kind::AddParticipant(calling::AddParticipantRequest {
            operation_id: "3".into(),
            call_id: call_id.clone(),
            target: "dan".into(),
            thread_id: String::new(),
        }),
        command::Kind::GetSnapshot(signaling::GetSnapshot {
            operation_id: "4".into(),
            call_id: call_id.clone(),
        }),
    ];
    for kind in wanted {
        let result = charlie.command(kind).await;
        assert_eq!(result.error.unwrap().code, "call_not_found");
    }
    let unknown = charlie.hang_up("7f3d8c1e-0000-4000-8000-000000000000").await;
    assert_eq!(unknown.error.unwrap().code, "call_not_found");
    assert_eq!(alice.state_of(&call_id), CallState::Connected);
    scene.stop().await;
}

/// ID16: `voip.join` may join and not start.
#[tokio::test(start_paused = true)]
async fn a_token_allows_what_its_scopes_say() {
    let scene = Scene::start().await;
    let mut joiner = scene.client_with("alice", &[Scope::VoipJoin]).await;
    let refused = joiner.try_place(&["bob"]).await;
    assert_eq!(refused.error.unwrap().code, "denied_by_policy");
    let joined = joiner
        .command(command::Kind::JoinCall(Box::new(calling::JoinCallRequest {
            operation_id: "join".into(),
            group_id: "9d0f1f4e-1c1a-4c53-8a40-0f4f6d4a2c11".into(),
            ..Default::default()
        })))
        .await;
    assert_eq!(joined.error, None);

    let mut chatter = scene.client_raw().await;
    chatter.hello(&scene.token_with("alice", &[Scope::Chat]).await, None).await;
    assert_eq!(chatter.close_code().await, CloseCode::Forbidden);
    scene.stop().await;
}

/// A session does not outlive the tokens for calls by one for chat.
#[tokio::test(start_paused = true)]
async fn a_session_is_kept_by_a_token_that_would_open_one() {
    let scene = Scene::start().await;
    let mut alice = scene.client("alice").await;
    let (chats, joins) = (&[Scope::Chat][..], &[Scope::Chat, Scope::VoipJoin][..]);
    for (user, scopes, refused) in [
        ("alice", chats, Some("scope_missing")),
        ("alice", joins, None),
        ("bob", joins, Some("token_invalid")),
    ] {
        let refreshed = alice.refresh(scene.token_with(user, scopes).await).await;
        let code = refreshed.error.as_ref().map(|error| error.code.as_str());
        assert_eq!(code, refused, "{user}: {scopes:?}");
    }
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn revoked_tokens_close_the_session_and_open_none() {
    let scene = Scene::start().await;
    let token = scene.token("bob").await;
    let mut bob = scene.client("bob").await;
    scene.node.revoke_tokens(&scene.resource(), "bob").await.unwrap();
    assert_eq!(bob.close_code().await, CloseCode::Unauthorized);
    let mut again = scene.client_raw().await;
    again.hello(&token, None).await;
    assert_eq!(again.close_code().await, CloseCode::Unauthorized);
    scene.client("bob").await;
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_not_a_hello_is_refused_and_silence_is_cut() {
    let scene = Scene::start().await;
    let mut eager = scene.client_raw().await;
    eager
        .send_command_frame(1, command::Kind::GetSnapshot(signaling::GetSnapshot::default()))
        .await;
    assert_eq!(eager.close_code().await, CloseCode::Malformed);

    let mut garbage = scene.client_raw().await;
    garbage.send(Inbound::Refused(CloseCode::Malformed)).await;
    assert_eq!(garbage.close_code().await, CloseCode::Malformed);

    let begun = tokio::time::Instant::now();
    let mut silent = scene.client_raw().await;
    assert_eq!(silent.close_code().await, CloseCode::TimedOut);
    assert_eq!(begun.elapsed().as_secs(), 10);
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_stops_reading_is_cut_and_hurts_nobody() {
    let scene = Scene::start().await;
    let mut alice = scene.client("alice").await;
    let mut bob = scene.client("bob").await;
    let call_id = alice.connected_call(&mut bob, "bob").await;
    // Bob's transport stays open and unread while alice makes more events than bob may owe.
    let mut rounds = 0;
    let mut is_muted = false;
    while scene.node.status().endpoints > 1 && rounds < 10_000 {
        is_muted = !is_muted;
        alice.mute(&call_id, is_muted).await;
        rounds += 1;
        // Real work between rounds keeps alice under her own rate limit.
        tokio::time::sleep(Duration::from_millis(6)).await;
    }
    assert_eq!(scene.node.status().endpoints, 1, "bob was not cut after {rounds} rounds");
    let (_, closed) = bob.everything().await;
    assert_ne!(closed, None);
    assert_eq!(
        alice.mute(&call_id, true).await.error.map(|error| error.code),
        Some("call_ended".to_owned())
    );
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_thousand_clients_that_vanish_are_cleaned_up() {
    let scene = Scene::start().await;
    let own_tasks = scene.node.status().tasks;
    let mut vanished = Vec::new();
    for _ in 0..1_000 {
        vanished.push(scene.client("dan").await);
    }
    assert_eq!(scene.node.status().sessions, 1_000);
    // They neither read nor answer: 30 s to notice, 120 s to come back.
    tokio::time::sleep(Duration::from_secs(160)).await;
    let status = scene.node.status();
    assert_eq!((status.sessions, status.endpoints, status.tasks), (0, 0, own_tasks));
    drop(vanished);
    scene.stop().await;
}

/// GRP, MID3: a third makes a group of it, and everybody has the same roster.
#[tokio::test(start_paused = true)]
async fn adding_a_third_makes_a_group_with_one_roster() {
    let scene = Scene::start().await;
    let mut alice = scene.client("alice").await;
    let mut bob = scene.client("bob").await;
    let mut charlie = scene.client("charlie").await;
    let call_id = alice.connected_call(&mut bob, "bob").await;
    let added = alice
        .command(command::Kind::AddParticipant(calling::AddParticipantRequest {
            operation_id: "add".into(),
            call_id: call_id.clone(),
            target: "charlie".into(),
            thread_id: String::new(),
        }))
        .await;
    assert_eq!(added.error, None);
    charlie.incoming_call().await;
    charlie.accept(&call_id).await;
    charlie.own_states(&call_id, CallState::Connected).await;
    let completed = alice
        .event(&call_id, |kind| match kind {
            call_event::Kind::OperationCompleted(done) if done.operation_id == "add" => {
                Some(done.clone())
            }
            _ => None,
        })
        .await;
    assert_eq!(completed.error, None);
    let rosters =
        [alice.roster(&call_id).await, bob.roster(&call_id).await, charlie.roster(&call_id).await];
    assert_eq!(rosters[0].participants.len(), 3);
    assert_eq!(rosters[0], rosters[1]);
    assert_eq!(rosters[0], rosters[2]);
    assert_eq!(rosters[0].kind(), calling::CallKind::Group);
    scene.stop().await;
}

/// FED12: without federation the denial has the documented code and names the switch.
#[tokio::test(start_paused = true)]
async fn an_app_user_cannot_call_the_directory_without_federation() {
    let scene = Scene::without_federation().await;
    let mut guest: Client = scene.app_user().await;
    let error = guest.try_place(&["bob"]).await.error.unwrap();
    assert_eq!(reason(&error.reason), (403, 5222));
    assert!(error.message.contains("EnableAcsUsers"), "{}", error.message);
    scene.stop().await;
}
