//! Presence over its service.

use tonic::Code;
use trunkline_proto::{
    calling::v1::JoinCallRequest,
    presence::v1::{
        Activity, Availability, ClearPreferredPresenceRequest, GetPresencesRequest, Presence,
        SetPreferredPresenceRequest, WatchPresencesRequest,
    },
};

use crate::scene::{Scene, name};

const GROUP: &str = "9d0f1f4e-1c1a-4c53-8a40-0f4f6d4a2c11";

fn get(users: &[&str]) -> GetPresencesRequest {
    GetPresencesRequest { users: users.iter().map(|user| (*user).to_owned()).collect() }
}

fn shown(presence: &Presence) -> (Availability, Activity) {
    (presence.availability(), presence.activity())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watcher_is_told_what_is_and_what_changes() {
    let scene = Scene::start().await;
    let mut alice = scene.presence("alice").await;
    let users = vec!["bob".to_owned()];
    let watch = alice.watch_presences(WatchPresencesRequest { users }).await;
    let mut presences = watch.unwrap().into_inner();
    let mut next = async || shown(&presences.message().await.unwrap().unwrap().presence.unwrap());
    assert_eq!(next().await, (Availability::Offline, Activity::Offline));
    let join = JoinCallRequest { group_id: GROUP.to_owned(), ..JoinCallRequest::default() };
    scene.calling("bob").await.join_call(join).await.unwrap();
    assert_eq!(next().await, (Availability::Busy, Activity::InAConferenceCall));

    let mut bob = scene.presence("bob").await;
    let set = SetPreferredPresenceRequest {
        availability: Availability::DoNotDisturb.into(),
        ..SetPreferredPresenceRequest::default()
    };
    bob.set_preferred_presence(set).await.unwrap();
    assert_eq!(next().await, (Availability::DoNotDisturb, Activity::DoNotDisturb));
    bob.clear_preferred_presence(ClearPreferredPresenceRequest::default()).await.unwrap();
    assert_eq!(next().await, (Availability::Busy, Activity::InAConferenceCall));

    let found = alice.get_presences(get(&["bob", "alice", "nobody"])).await.unwrap().into_inner();
    let found: Vec<_> = found.presences.iter().map(shown).collect();
    let expected = [
        (Availability::Busy, Activity::InAConferenceCall),
        (Availability::Offline, Activity::Offline),
    ];
    assert_eq!(found, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_set_their_own_and_programs_anybodys() {
    let scene = Scene::start().await;
    let mut alice = scene.presence("alice").await;
    let mut program = scene.presence_by(&format!("AccessKey {}", scene.key()));
    let set = |user: &str, availability: Availability| SetPreferredPresenceRequest {
        user: user.to_owned(),
        availability: availability.into(),
        ..SetPreferredPresenceRequest::default()
    };
    for other in ["bob", "nobody", "8:orgid:00000000-0000-4000-8000-0000000000ee"] {
        let refused = alice.set_preferred_presence(set(other, Availability::Away)).await;
        assert_eq!(refused.unwrap_err().code(), Code::PermissionDenied, "{other}");
    }
    alice.set_preferred_presence(set("alice", Availability::Away)).await.unwrap();
    program.set_preferred_presence(set("bob", Availability::Away)).await.unwrap();
    let unnamed = program.set_preferred_presence(set("", Availability::Away)).await.unwrap_err();
    assert_eq!(unnamed.code(), Code::InvalidArgument);
    let unknown = set("8:orgid:00000000-0000-4000-8000-0000000000ee", Availability::Away);
    let unknown = program.set_preferred_presence(unknown).await.unwrap_err();
    assert_eq!((unknown.code(), name(&unknown)), (Code::NotFound, "NotFound"));
    let nothing = alice.set_preferred_presence(set("", Availability::Unspecified)).await;
    assert_eq!(nothing.unwrap_err().code(), Code::InvalidArgument);
    let short = SetPreferredPresenceRequest {
        availability: Availability::Away.into(),
        expires_in: Some(prost_types::Duration { seconds: -1, nanos: 0 }),
        ..SetPreferredPresenceRequest::default()
    };
    assert_eq!(
        alice.set_preferred_presence(short).await.unwrap_err().code(),
        Code::InvalidArgument
    );
    let many = GetPresencesRequest { users: vec!["bob".to_owned(); 651] };
    assert_eq!(alice.get_presences(many).await.unwrap_err().code(), Code::InvalidArgument);
    // Whoever names nobody means itself; a program is nobody.
    assert_eq!(alice.get_presences(get(&[])).await.unwrap().into_inner().presences.len(), 1);
    assert_eq!(program.get_presences(get(&[])).await.unwrap_err().code(), Code::InvalidArgument);
    // An app user whom the directory does not federate with sees nobody of it.
    let guest = scene.app_user().await;
    let mut guest = scene.presence(&guest).await;
    let seen = guest.get_presences(get(&["alice", "bob"])).await.unwrap().into_inner();
    assert!(seen.presences.is_empty(), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_preferred_outlives_a_restart() {
    let mut scene = Scene::start().await;
    let set = |availability: Availability| SetPreferredPresenceRequest {
        availability: availability.into(),
        ..SetPreferredPresenceRequest::default()
    };
    let (mut alice, mut bob) = (scene.presence("alice").await, scene.presence("bob").await);
    alice.set_preferred_presence(set(Availability::Busy)).await.unwrap();
    alice.clear_preferred_presence(ClearPreferredPresenceRequest::default()).await.unwrap();
    bob.set_preferred_presence(set(Availability::DoNotDisturb)).await.unwrap();
    scene = scene.restart().await;
    for user in ["alice", "bob"] {
        let join = JoinCallRequest { group_id: GROUP.to_owned(), ..JoinCallRequest::default() };
        scene.calling(user).await.join_call(join).await.unwrap();
    }
    let seen = scene.presence("alice").await.get_presences(get(&["alice", "bob"])).await.unwrap();
    let seen: Vec<_> = seen.into_inner().presences.iter().map(shown).collect();
    let expected = [
        (Availability::Busy, Activity::InAConferenceCall),
        (Availability::DoNotDisturb, Activity::DoNotDisturb),
    ];
    assert_eq!(seen, expected);
}
