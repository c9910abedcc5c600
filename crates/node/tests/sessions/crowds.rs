//! Many in one call: what everybody is told of the others comes together, what is one's own at once.

use std::time::Duration;

use tokio::time::Instant;
use trunkline_proto::calling::v1::{self as calling, CallState, call_event};
use trunkline_proto::signaling::v1::command;

use crate::scene::{Client, Scene};

/// How long news of others waits in a crowd, and what virtual time may add.
const GATHERED: std::ops::Range<Duration> = Duration::from_millis(200)..Duration::from_millis(205);

/// A group call of `count` app users who have all heard of each other.
async fn crowd(scene: &Scene, count: usize) -> (Vec<Client>, String) {
    let mut clients = Vec::new();
    let mut call_id = String::new();
    for _ in 0..count {
        let mut client = scene.app_user().await;
        let request = calling::JoinCallRequest {
            operation_id: "join".into(),
            group_id: "9d0f1f4e-1c1a-4c53-8a40-0f4f6d4a2c12".into(),
            ..calling::JoinCallRequest::default()
        };
        let joined = client.command(command::Kind::JoinCall(Box::new(request))).await;
        assert_eq!(joined.error, None);
        call_id.clone_from(&joined.call_id);
        client.joined(&joined);
        client.own_states(&call_id, CallState::Connected).await;
        clients.push(client);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    for client in &mut clients {
        assert_eq!(client.roster(&call_id).await.participants.len(), count);
        client.forget_queued();
    }
    (clients, call_id)
}

/// Waits until somebody is muted, or is not any longer, and returns who.
async fn mute_of(client: &mut Client, call_id: &str, is_muted: bool) -> String {
    client
        .event(call_id, |kind| match kind {
            call_event::Kind::ParticipantUpdated(update) => {
                let changed = update.participant.as_ref()?;
                (changed.is_muted == is_muted).then(|| changed.participant_id.clone())
            }
            _ => None,
        })
        .await
}

#[tokio::test(start_paused = true)]
async fn in_a_crowd_news_of_others_comes_together_and_ones_own_at_once() {
    let scene = Scene::start().await;
    let (mut clients, call_id) = crowd(&scene, 33).await;
    let [alice, bob, charlie, ..] = &mut clients[..] else { panic!("33 are there") };
    let begun = Instant::now();
    alice.mute(&call_id, true).await;
    assert_eq!(mute_of(alice, &call_id, true).await, alice.participant(&call_id));
    assert_eq!(begun.elapsed(), Duration::ZERO, "her own is told at once");
    tokio::time::sleep(Duration::from_millis(150)).await;
    bob.mute(&call_id, true).await;
    // What he does himself does not wait, and neither does what came before it.
    assert_eq!(mute_of(bob, &call_id, true).await, alice.participant(&call_id));
    assert_eq!(mute_of(bob, &call_id, true).await, bob.participant(&call_id));
    assert_eq!(begun.elapsed(), Duration::from_millis(150));
    for muted in [alice.participant(&call_id), bob.participant(&call_id)] {
        assert_eq!(mute_of(charlie, &call_id, true).await, muted);
        assert!(GATHERED.contains(&begun.elapsed()), "{:?}", begun.elapsed());
    }
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn among_few_nothing_waits() {
    let scene = Scene::start().await;
    let (mut clients, call_id) = crowd(&scene, 32).await;
    let [alice, bob, ..] = &mut clients[..] else { panic!("32 are there") };
    let begun = Instant::now();
    alice.mute(&call_id, true).await;
    assert_eq!(mute_of(bob, &call_id, true).await, alice.participant(&call_id));
    assert_eq!(begun.elapsed(), Duration::ZERO);
    scene.stop().await;
}

/// A crowd that talks for long: turns of waiting and leaving lose nothing and keep the order, which
/// the client checks.
#[tokio::test(start_paused = true)]
async fn everybody_hears_everything_in_order_however_much_waits() {
    let scene = Scene::start().await;
    let (mut clients, call_id) = crowd(&scene, 34).await;
    for turn in 0..12 {
        for client in &mut clients {
            client.mute(&call_id, turn % 2 == 0).await;
        }
        tokio::time::sleep(Duration::from_millis(70 * turn)).await;
    }
    let last = clients[0].participant(&call_id);
    clients[0].mute(&call_id, true).await;
    for client in &mut clients {
        for _ in 0..6 * 34 {
            mute_of(client, &call_id, true).await;
        }
        assert_eq!(mute_of(client, &call_id, true).await, last);
    }
    scene.stop().await;
}
