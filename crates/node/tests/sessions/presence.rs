//! Presence: what sessions and calls say, what users prefer, and who may know.

use std::time::Duration;

use tokio::time::timeout;
use trunkline_ids::CommunicationIdentifier;
use trunkline_node::{PresenceActor, PresenceEnd, PresenceFailure, PresenceWatch};
use trunkline_policy::{Availability, Presence, Scope};
use trunkline_proto::calling::v1::{self as calling, CallState};
use trunkline_proto::signaling::v1::command;

use crate::scene::Scene;

/// How long nothing has to happen to say that nothing happens, in virtual time.
const QUIET: Duration = Duration::from_secs(1);

fn id(scene: &Scene, alias: &str) -> CommunicationIdentifier {
    scene.node.identity().resolve_target(alias).unwrap()
}

async fn actor(scene: &Scene, user: &str) -> PresenceActor {
    let token = scene.token_with(user, &[Scope::Voip]).await;
    let now = scene.node.clock().wall();
    PresenceActor::User(scene.node.identity().verify(&token, now).await.unwrap())
}

/// Watches Bob as a program does.
async fn watch(scene: &Scene) -> PresenceWatch {
    let bob = vec![id(scene, "bob")];
    scene.node.presences().watch(PresenceActor::Application, bob).await.unwrap()
}

async fn next(watch: &mut PresenceWatch) -> Presence {
    watch.next().await.unwrap().1
}

#[tokio::test(start_paused = true)]
async fn a_user_is_busy_in_a_call_and_available_after_it_and_offline_without_a_session() {
    let scene = Scene::start().await;
    let mut bobs = watch(&scene).await;
    assert_eq!(next(&mut bobs).await, Presence::OFFLINE);
    let mut alice = scene.client("alice").await;
    let mut bob = scene.client("bob").await;
    assert_eq!(next(&mut bobs).await, Presence::AVAILABLE);
    let call_id = alice.place(&["bob"]).await;
    bob.incoming_call().await;
    assert!(timeout(QUIET, bobs.next()).await.is_err(), "who rings is in no call");
    bob.accept(&call_id).await;
    assert_eq!(next(&mut bobs).await, Presence::IN_A_CALL);
    bob.own_states(&call_id, CallState::Connected).await;
    alice.own_states(&call_id, CallState::Connected).await;
    let mut charlie = scene.client("charlie").await;
    alice
        .command(command::Kind::AddParticipant(calling::AddParticipantRequest {
            operation_id: "add".into(),
            call_id: call_id.clone(),
            target: "charlie".into(),
            thread_id: String::new(),
        }))
        .await;
    charlie.incoming_call().await;
    assert_eq!(next(&mut bobs).await, Presence::IN_A_CONFERENCE_CALL);
    bob.hang_up(&call_id).await;
    assert_eq!(next(&mut bobs).await, Presence::AVAILABLE);
    bob.cut();
    // Thirty seconds to notice, two minutes to come back.
    assert_eq!(next(&mut bobs).await, Presence::OFFLINE);
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_preferred_wins_for_its_time_and_counts_only_while_somebody_is_there() {
    let scene = Scene::start().await;
    let (presences, bob) = (scene.node.presences(), id(&scene, "bob"));
    let own = actor(&scene, "bob").await;
    let away = Presence::preferred(Availability::Away);
    let set = presences.prefer(&own, &bob, away, Some(Duration::from_secs(20))).await;
    assert_eq!(set, Ok(Presence::OFFLINE));
    let mut bobs = watch(&scene).await;
    assert_eq!(next(&mut bobs).await, Presence::OFFLINE);
    let _client = scene.client("bob").await;
    assert_eq!(next(&mut bobs).await, away);
    assert_eq!(next(&mut bobs).await, Presence::AVAILABLE, "after twenty seconds");
    let hidden = Presence::preferred(Availability::Offline);
    assert_eq!(presences.prefer(&own, &bob, hidden, None).await, Ok(hidden));
    assert_eq!(next(&mut bobs).await, hidden);
    assert_eq!(presences.clear(&own, &bob).await, Ok(Presence::AVAILABLE));
    assert_eq!(next(&mut bobs).await, Presence::AVAILABLE);
    let limit = Duration::from_secs(30 * 24 * 60 * 60);
    for life in [Duration::ZERO, limit + Duration::from_secs(1)] {
        let refused = presences.prefer(&own, &bob, away, Some(life)).await;
        assert_eq!(refused, Err(PresenceFailure::LifeOutOfRange { limit }));
    }
    let alice = id(&scene, "alice");
    assert_eq!(presences.prefer(&own, &alice, away, None).await, Err(PresenceFailure::NotOwn));
    assert_eq!(presences.clear(&own, &alice).await, Err(PresenceFailure::NotOwn));
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn whoever_may_not_call_somebody_does_not_know_either() {
    let scene = Scene::without_federation().await;
    let (presences, bob) = (scene.node.presences(), id(&scene, "bob"));
    let _client = scene.client("bob").await;
    let (identity, now) = (scene.node.identity(), scene.node.clock().wall());
    let guest = identity.create_user(identity.resource(), now).await.unwrap().identifier;
    let guest = actor(&scene, &guest.to_string()).await;
    let alice = actor(&scene, "alice").await;
    assert_eq!(presences.presence(&alice, &bob), Some(Presence::AVAILABLE));
    assert_eq!(presences.presence(&guest, &bob), None);
    let mut seen = presences.watch(guest, vec![bob.clone()]).await.unwrap();
    assert!(timeout(QUIET, seen.next()).await.is_err());
    for unknown in ["8:orgid:00000000-0000-4000-8000-0000000000ee", "4:+14255550199"] {
        let unknown: CommunicationIdentifier = unknown.parse().unwrap();
        assert_eq!(presences.presence(&PresenceActor::Application, &unknown), None);
        let set = presences.clear(&PresenceActor::Application, &unknown).await;
        assert_eq!(set, Err(PresenceFailure::NotFound));
    }
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_watch_ends_with_the_token_and_is_one_of_a_few() {
    let scene = Scene::start().await;
    let (presences, alice) = (scene.node.presences(), id(&scene, "alice"));
    let own = actor(&scene, "alice").await;
    let open = || presences.watch(own.clone(), vec![alice.clone()]);
    let mut watches = Vec::new();
    for _ in 0..16 {
        watches.push(open().await.unwrap());
    }
    let refused = open().await.unwrap_err();
    assert_eq!(refused, PresenceFailure::TooManyWatches { limit: 16 });
    watches.truncate(1);
    open().await.unwrap();
    assert_eq!(next(&mut watches[0]).await, Presence::OFFLINE);
    scene.node.revoke_tokens(&scene.resource(), "alice").await.unwrap();
    assert_eq!(watches[0].next().await.unwrap_err(), PresenceEnd::TokenRevoked);
    assert_eq!(open().await.unwrap_err(), PresenceFailure::Revoked);
    let mut expiring = {
        let own = actor(&scene, "alice").await;
        presences.watch(own, vec![alice.clone()]).await.unwrap()
    };
    assert_eq!(next(&mut expiring).await, Presence::OFFLINE);
    // The token is for a day, and in virtual time a day is nothing.
    assert_eq!(expiring.next().await.unwrap_err(), PresenceEnd::TokenExpired);
    let users = vec![alice; 651];
    let many = presences.watch(PresenceActor::Application, users).await.unwrap_err();
    assert_eq!(many, PresenceFailure::TooManyUsers { limit: 650, requested: 651 });
    scene.stop().await;
}
