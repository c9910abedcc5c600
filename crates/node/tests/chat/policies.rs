//! Policies: scopes, federation, barriers; changed while the node runs, and in force at once.

use trunkline_chat::{ChatError, CreateThread, NewMember};
use trunkline_node::{ChatActor, ChatFailure, TokenError};
use trunkline_policy::{BarrierRule, FederationConfig, KeySlot, Scope, Segment};

use crate::scene::{Scene, identifier};

fn federated() -> FederationConfig {
    FederationConfig { enable_acs_users: true, ..FederationConfig::default() }
}

#[tokio::test]
async fn federation_off_names_the_switch_and_on_works_at_once() {
    let scene = Scene::start().await;
    let (ann, bob) = (scene.user().await, scene.colleague("bob").await);
    let refused = scene.create(&ann, &[&bob]).await.unwrap_err();
    assert_eq!(refused.status(), 403);
    let sentence = refused.to_string();
    assert!(sentence.contains("403/5222") && sentence.contains("EnableAcsUsers"), "{sentence}");

    // With somebody else named, the thread is made without the one who is denied.
    let ben = scene.user().await;
    let created = scene.create(&ann, &[&bob, &ben]).await.unwrap();
    assert_eq!(created.invalid.len(), 1);
    assert_eq!(
        (&created.invalid[0].identifier, &*created.invalid[0].code),
        (&bob.identifier, "403")
    );

    let admin = scene.node.admin();
    admin.set_federation(&scene.tenant(), federated()).await.unwrap();
    let thread = scene.thread(&ann, &[&bob]).await;
    scene.say(&bob, &thread, "hello").await.unwrap();

    admin.set_federation(&scene.tenant(), FederationConfig::default()).await.unwrap();
    let others = vec![NewMember::new(identifier(&bob))];
    let thread = created.thread.id;
    let refused = scene.chat().add_members(&ann, &thread, others).await.unwrap_err();
    assert!(
        matches!(refused, ChatFailure::Refused(ChatError::EveryMemberDenied(_))),
        "{refused:?}"
    );
    scene.stop().await;
}

#[tokio::test]
async fn what_an_administrator_sets_outlives_a_restart() {
    let scene = Scene::start().await;
    let resource = scene.node.admin().create_resource("second app".parse().unwrap()).await.unwrap();
    let fresh = scene.node.admin().rotate_key(&scene.resource(), KeySlot::Primary).await.unwrap();
    let scene = scene.restart().await;
    let admin = scene.node.admin();
    // The configuration of the second start says otherwise; it is for a tenant that is new.
    assert!(!admin.federation(&scene.tenant()).unwrap().enable_acs_users);
    assert!(scene.node.resources().has(&resource.resource.id));
    let found = scene.node.resources().find_by_key_text(&fresh.to_base64());
    assert_eq!(found, Some(scene.resource()));
    assert_eq!(scene.node.resources().find_by_key_text(&"k".repeat(40)), None, "rotated away");
    assert_eq!(scene.node.resources().find_by_key_text(&"l".repeat(40)), Some(scene.resource()));
    scene.stop().await;
}

#[tokio::test]
async fn a_barrier_holds_whoever_carries_somebody_past_it() {
    let scene = Scene::start().await;
    let admin = scene.node.admin();
    admin.set_federation(&scene.tenant(), federated()).await.unwrap();
    let trading = "trading".parse().unwrap();
    let research = "research".parse().unwrap();
    let rule = BarrierRule::Block([trading].into());
    let segment = Segment { id: research, rule };
    for (alias, name) in [("alice", "research"), ("bob", "trading")] {
        let users = admin.directory_users(&scene.tenant()).unwrap();
        let mut user = users.into_iter().find(|user| user.alias.as_str() == alias).unwrap();
        user.segment = Some(name.parse().unwrap());
        admin.put_directory_user(&scene.tenant(), user).await.unwrap();
    }
    let (alice, bob) = (scene.colleague("alice").await, scene.colleague("bob").await);
    let carol = scene.colleague("carol").await;
    scene.thread(&alice, &[&bob]).await;
    admin.put_segment(&scene.tenant(), segment).await.unwrap();
    let refused = scene.create(&alice, &[&bob]).await.unwrap_err();
    assert!(refused.to_string().contains("information-barrier"), "{refused}");
    // An ally who may talk to both cannot bring them together, in one request or in two.
    let created = scene.create(&carol, &[&alice, &bob]).await.unwrap();
    assert_eq!(created.invalid.len(), 1);
    let thread = scene.thread(&carol, &[&alice]).await;
    let others = vec![NewMember::new(identifier(&bob))];
    assert!(scene.chat().add_members(&carol, &thread, others).await.is_err());
    scene.stop().await;
}

#[tokio::test]
async fn a_stranger_of_another_resource_learns_nothing_and_a_colleague_that_it_is_no_member() {
    let scene = Scene::start().await;
    let resource = scene.node.admin().create_resource("second app".parse().unwrap()).await.unwrap();
    let (ann, ben) = (scene.user().await, scene.user().await);
    let eve = scene.user_of(&resource.resource.id).await;
    let thread = scene.thread(&ann, &[]).await;
    let refused = scene.say(&eve, &thread, "let me in").await.unwrap_err();
    assert!(matches!(refused, ChatFailure::NotFound), "{refused:?}");
    assert!(matches!(scene.chat().thread(&eve, &thread).await, Err(ChatFailure::NotFound)));
    let refused = scene.say(&ben, &thread, "let me in").await.unwrap_err();
    assert!(matches!(refused, ChatFailure::Refused(ChatError::NotMember)), "{refused:?}");
    let nowhere = "19:nowhere@thread.v2".parse().unwrap();
    assert!(matches!(scene.chat().thread(&ann, &nowhere).await, Err(ChatFailure::NotFound)));
    let refused = scene.create(&ann, &[&eve]).await.unwrap_err();
    assert!(refused.to_string().contains("other-resource"), "{refused}");
    // The other resource's key has no say over users of this one.
    let name = ann.identifier.to_string();
    assert!(scene.node.delete_user(&resource.resource.id, &name).await.is_err());
    scene.stop().await;
}

#[tokio::test]
async fn a_scope_allows_what_the_table_says() {
    let scene = Scene::start().await;
    let ann = scene.user().await;
    let thread = scene.thread(&ann, &[]).await;
    let with = |scope| ChatActor::new(identifier(&ann), [scope]);
    let ben = scene.user().await;
    let (join, limited, voip) =
        (with(Scope::ChatJoin), with(Scope::ChatJoinLimited), with(Scope::Voip));
    for actor in [&join, &limited, &voip] {
        let refused = scene.chat().create_thread(actor, CreateThread::default(), None).await;
        assert!(matches!(refused, Err(ChatFailure::ScopeDenied(_))), "{refused:?}");
    }
    scene.say(&limited, &thread, "hi").await.unwrap();
    assert!(matches!(scene.say(&voip, &thread, "hi").await, Err(ChatFailure::ScopeDenied(_))));
    assert!(scene.chat().subscribe(&voip, None).await.is_err());
    let others = || vec![NewMember::new(identifier(&ben))];
    assert!(scene.chat().add_members(&limited, &thread, others()).await.is_err());
    scene.chat().add_members(&join, &thread, others()).await.unwrap();
    scene.stop().await;
}

#[tokio::test]
async fn a_user_who_is_deleted_has_no_token_and_leaves_what_was_said() {
    let scene = Scene::start().await;
    let (ann, ben) = (scene.user().await, scene.user().await);
    let thread = scene.thread(&ann, &[&ben]).await;
    let said = scene.say(&ann, &thread, "remember me").await.unwrap();
    let (identity, now) = (scene.node.identity(), scene.node.clock().wall());
    let name = ann.identifier.to_string();
    let scopes = std::collections::BTreeSet::from([Scope::Chat]);
    let request = trunkline_node::TokenRequest { scopes: &scopes, life: None };
    let token = identity.issue_token(&scene.resource(), &name, request, now).await.unwrap().1;
    assert!(identity.verify(&token.token, now).await.is_ok());
    scene.node.delete_user(&scene.resource(), &name).await.unwrap();
    assert_eq!(identity.verify(&token.token, now).await, Err(TokenError::Revoked));
    assert!(identity.issue_token(&scene.resource(), &name, request, now).await.is_err());
    assert!(scene.node.delete_user(&scene.resource(), &name).await.is_err(), "there is none");
    let kept = scene.chat().message(&ben, &thread, said).await.unwrap();
    assert_eq!(kept.sender, Some(identifier(&ann)));
    scene.stop().await;
}
