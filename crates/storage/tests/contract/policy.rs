//! What administrators have set.

use std::collections::BTreeSet;

use trunkline_policy::{
    Assignee, BarrierRule, ExternalAccessPolicy, FederationConfig, Grant, Segment,
};
use trunkline_storage::{IdentityStore, PolicyStore, StoreError};

use crate::suite::{
    Backend,
    identity::{directory_user, resource, tenant},
};

pub(crate) async fn what_administrators_set_comes_back(backend: &impl Backend) {
    let store = backend.open().await;
    let (contoso, adatum) = (tenant("contoso"), tenant("adatum"));
    for one in [&contoso, &adatum] {
        store.put_tenant(one.clone()).await.unwrap();
    }
    let federation = FederationConfig {
        enable_acs_users: true,
        allowed_acs_resources: vec![resource("app")],
        ..FederationConfig::default()
    };
    let others = BTreeSet::from([adatum.id.clone()]);
    let mut outsiders = ExternalAccessPolicy::new("Outsiders".parse().unwrap());
    outsiders.enable_acs_federation_access = false;
    let research = segment("research", &["sales"]);
    store.put_federation(&contoso.id, FederationConfig::default()).await.unwrap();
    store.put_federation(&contoso.id, federation.clone()).await.unwrap();
    store.put_federated_tenants(&contoso.id, others.clone()).await.unwrap();
    store.put_external_access(&contoso.id, outsiders.clone()).await.unwrap();
    store.put_segment(&contoso.id, segment("research", &[])).await.unwrap();
    store.put_segment(&contoso.id, research.clone()).await.unwrap();
    store.put_segment(&contoso.id, segment("sales", &[])).await.unwrap();
    store.put_directory_user(&contoso.id, directory_user("1", "bob")).await.unwrap();
    assert!(store.delete_segment(&contoso.id, &"sales".parse().unwrap()).await.unwrap());
    assert!(!store.delete_segment(&contoso.id, &"sales".parse().unwrap()).await.unwrap());
    drop(store);
    let store = backend.open().await;
    let policy = store.load_policy().await.unwrap();
    assert_eq!(policy.tenants.len(), 2);
    let found = &policy.tenants[&contoso.id];
    assert_eq!((&found.federation, &found.federated_tenants), (&federation, &others));
    assert_eq!(found.external_access.policies().collect::<Vec<_>>(), [&outsiders]);
    assert_eq!(found.barriers.segments().collect::<Vec<_>>(), [&research]);
    assert_eq!(found.users.values().collect::<Vec<_>>(), [&directory_user("1", "bob")]);
    let untouched = &policy.tenants[&adatum.id];
    assert_eq!(untouched.federation, FederationConfig::default());
    assert!(untouched.users.is_empty());
    let gone = store.delete_external_access(&contoso.id, &outsiders.identity).await.unwrap();
    assert!(gone);
    let policy = store.load_policy().await.unwrap();
    assert_eq!(policy.tenants[&contoso.id].external_access.policies().count(), 0);
}

pub(crate) async fn grants_replace_each_other_and_keep_their_order(backend: &impl Backend) {
    let store = backend.open().await;
    let contoso = tenant("contoso").id;
    store.put_tenant(tenant("contoso")).await.unwrap();
    let bob = Assignee::User("bob".parse().unwrap());
    let group = Assignee::Group("bob".parse().unwrap());
    let grant = |assignee: &Assignee, policy: &str, rank| Grant {
        assignee: assignee.clone(),
        policy: policy.parse().unwrap(),
        rank,
    };
    store.put_grant(&contoso, grant(&bob, "One", 0)).await.unwrap();
    store.put_grant(&contoso, grant(&group, "Two", 5)).await.unwrap();
    store.put_grant(&contoso, grant(&bob, "Three", 0)).await.unwrap();
    let policy = store.load_policy().await.unwrap();
    let grants: Vec<Grant> = policy.tenants[&contoso].external_access.grants().cloned().collect();
    assert_eq!(grants, [grant(&group, "Two", 5), grant(&bob, "Three", 0)]);
    assert!(store.delete_grant(&contoso, &group).await.unwrap());
    assert!(!store.delete_grant(&contoso, &group).await.unwrap());
    let policy = store.load_policy().await.unwrap();
    assert_eq!(policy.tenants[&contoso].external_access.grants().count(), 1);
}

pub(crate) async fn nothing_is_set_for_a_tenant_that_does_not_exist(backend: &impl Backend) {
    let store = backend.open().await;
    let nobody = tenant("nobody").id;
    let refusals = [
        store.put_federation(&nobody, FederationConfig::default()).await,
        store.put_federated_tenants(&nobody, BTreeSet::new()).await,
        store.put_segment(&nobody, segment("research", &[])).await,
        store.delete_segment(&nobody, &"research".parse().unwrap()).await.map(drop),
    ];
    for refusal in refusals {
        assert!(matches!(refusal, Err(StoreError::NotFound { what: "tenant" })), "{refusal:?}");
    }
    assert!(store.load_policy().await.unwrap().tenants.is_empty());
}

fn segment(id: &str, blocked: &[&str]) -> Segment {
    let blocked = blocked.iter().map(|id| id.parse().unwrap()).collect();
    Segment { id: id.parse().unwrap(), rule: BarrierRule::Block(blocked) }
}
