//! Resources, app users, tenants and revocations.

use trunkline_clock::Timestamp;
use trunkline_ids::{CommunicationIdentifier, CommunicationUser, ResourceId};
use trunkline_policy::{AccessKey, AccessKeys, DirectoryUser, KeySlot, License, Resource, Tenant};
use trunkline_storage::{AppUser, IdentityStore, ResourceRecord, StoreError};

use crate::suite::Backend;

pub(crate) async fn resources_come_back_with_their_keys(backend: &impl Backend) {
    let store = backend.open().await;
    store.put_resource(record("b", [3; 32], [4; 64])).await.unwrap();
    store.put_resource(record("a", [1; 32], [2; 64])).await.unwrap();
    drop(store);
    let store = backend.open().await;
    let all = store.resources().await.unwrap();
    assert_eq!(all.iter().map(|one| one.resource.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    let found = store.resource(&resource("a")).await.unwrap().unwrap();
    assert_eq!(found.resource, record("a", [0; 32], [0; 64]).resource);
    assert_eq!(found.keys.primary.as_bytes(), [1; 32]);
    assert_eq!(found.keys.secondary.as_bytes(), [2; 64]);
    assert_eq!(found.keys.secondary.created_on(), at(20));
    assert!(store.resource(&resource("c")).await.unwrap().is_none());
}

pub(crate) async fn one_key_is_rotated_and_the_other_stays(backend: &impl Backend) {
    let store = backend.open().await;
    store.put_resource(record("a", [1; 32], [2; 64])).await.unwrap();
    for (slot, byte) in [(KeySlot::Secondary, 7), (KeySlot::Primary, 8)] {
        store.rotate_key(&resource("a"), slot, key(&[byte; 48], 99)).await.unwrap();
        let keys = store.resource(&resource("a")).await.unwrap().unwrap().keys;
        assert_eq!(keys.get(slot).as_bytes(), [byte; 48]);
        assert_eq!(keys.get(slot).created_on(), at(99));
    }
    let keys = store.resource(&resource("a")).await.unwrap().unwrap().keys;
    assert_eq!(keys.secondary.as_bytes(), [7; 48]);
    let missing = store.rotate_key(&resource("c"), KeySlot::Primary, key(&[1; 32], 1)).await;
    assert!(matches!(missing, Err(StoreError::NotFound { what: "resource" })));
}

pub(crate) async fn app_users_are_made_once_and_listed_in_order(backend: &impl Backend) {
    let store = backend.open().await;
    for name in ["c", "a", "b"] {
        store.create_user(app_user("contoso", name)).await.unwrap();
    }
    store.create_user(app_user("fabrikam", "z")).await.unwrap();
    let again = store.create_user(app_user("contoso", "a")).await;
    assert!(matches!(again, Err(StoreError::Conflict { .. })));
    assert_eq!(names(&store, None, 9).await, ["c", "a", "b"]);
    assert_eq!(store.user_count(&resource("contoso")).await.unwrap(), 3);
    let found = store.user(&id("contoso", "a")).await.unwrap();
    assert_eq!(found, Some(app_user("contoso", "a")));
    assert_eq!(store.user(&id("contoso", "x")).await.unwrap(), None);
}

pub(crate) async fn a_list_of_users_stands_still_while_users_go(backend: &impl Backend) {
    let store = backend.open().await;
    for name in ["a", "b", "c", "d"] {
        store.create_user(app_user("contoso", name)).await.unwrap();
    }
    let page = store.users(&resource("contoso"), None, 2).await.unwrap();
    let (last, _) = page.last().unwrap().clone();
    for name in ["b", "d"] {
        assert!(store.delete_user(&id("contoso", name)).await.unwrap());
    }
    store.create_user(app_user("contoso", "d")).await.unwrap();
    assert_eq!(names(&store, Some(last), 9).await, ["c", "d"]);
}

pub(crate) async fn revoking_counts_up_and_deleting_revokes(backend: &impl Backend) {
    let store = backend.open().await;
    let alice = CommunicationIdentifier::CommunicationUser(id("contoso", "alice"));
    store.create_user(app_user("contoso", "alice")).await.unwrap();
    assert_eq!(store.token_generation(&alice).await.unwrap(), 0);
    assert_eq!(store.revoke_tokens(&alice).await.unwrap(), 1);
    assert_eq!(store.revoke_tokens(&alice).await.unwrap(), 2);
    assert!(store.delete_user(&id("contoso", "alice")).await.unwrap());
    assert!(!store.delete_user(&id("contoso", "alice")).await.unwrap());
    // Made again, the user still has no use for old tokens.
    store.create_user(app_user("contoso", "alice")).await.unwrap();
    drop(store);
    let store = backend.open().await;
    assert_eq!(store.token_generation(&alice).await.unwrap(), 3);
    let bob = "8:orgid:bob".parse().unwrap();
    assert_eq!(store.token_generation(&bob).await.unwrap(), 0);
}

pub(crate) async fn directories_have_one_user_for_each_alias(backend: &impl Backend) {
    let store = backend.open().await;
    let contoso: Tenant = tenant("contoso");
    let refused = store.put_directory_user(&contoso.id, directory_user("1", "bob")).await;
    assert!(matches!(refused, Err(StoreError::NotFound { what: "tenant" })));
    store.put_tenant(contoso.clone()).await.unwrap();
    store.put_tenant(tenant("adatum")).await.unwrap();
    assert_eq!(store.tenants().await.unwrap(), [tenant("adatum"), contoso.clone()]);
    let mut bob = directory_user("1", "bob");
    store.put_directory_user(&contoso.id, bob.clone()).await.unwrap();
    store.put_directory_user(&contoso.id, directory_user("2", "alice")).await.unwrap();
    let taken = store.put_directory_user(&contoso.id, directory_user("3", "bob")).await;
    assert!(matches!(taken, Err(StoreError::Conflict { .. })));
    bob.licenses.insert(License::TeamsPhone);
    store.put_directory_user(&contoso.id, bob.clone()).await.unwrap();
    let found = store.directory_users(&contoso.id).await.unwrap();
    assert_eq!(found, [directory_user("2", "alice"), bob.clone()]);
    assert!(store.delete_directory_user(&contoso.id, &bob.object_id).await.unwrap());
    assert!(!store.delete_directory_user(&contoso.id, &bob.object_id).await.unwrap());
    assert_eq!(store.token_generation(&bob.identifier()).await.unwrap(), 1);
    store.put_directory_user(&contoso.id, directory_user("3", "bob")).await.unwrap();
}

pub(crate) async fn debug_shows_no_key(backend: &impl Backend) {
    let store = backend.open().await;
    store.put_resource(record("a", *b"0123456789abcdef0123456789abcdef", [2; 64])).await.unwrap();
    let shown = format!("{:?} {store:?}", store.resource(&resource("a")).await.unwrap());
    assert!(!shown.contains("48, 49") && !shown.contains("0123"), "{shown}");
}

async fn names(
    store: &impl IdentityStore,
    after: Option<trunkline_storage::UserPosition>,
    limit: usize,
) -> Vec<String> {
    let users = store.users(&resource("contoso"), after, limit).await.unwrap();
    let name = |user: AppUser| user.identifier.id().rsplit('_').next().unwrap().to_owned();
    users.into_iter().map(|(_, user)| name(user)).collect()
}

fn record(id: &str, primary: [u8; 32], secondary: [u8; 64]) -> ResourceRecord {
    let resource = Resource {
        id: resource(id),
        name: format!("{id} app").parse().unwrap(),
        created_on: at(1),
    };
    let keys = AccessKeys { primary: key(&primary, 10), secondary: key(&secondary, 20) };
    ResourceRecord { resource, keys }
}

fn key(bytes: &[u8], seconds: i64) -> AccessKey {
    AccessKey::from_bytes(bytes, at(seconds)).unwrap()
}

fn app_user(resource_name: &str, name: &str) -> AppUser {
    AppUser {
        identifier: id(resource_name, name),
        resource: resource(resource_name),
        created_on: at(5),
    }
}

fn id(resource_name: &str, name: &str) -> CommunicationUser {
    CommunicationUser::new(&resource(resource_name), name).unwrap()
}

pub(crate) fn tenant(name: &str) -> Tenant {
    Tenant { id: name.parse().unwrap(), name: name.parse().unwrap() }
}

pub(crate) fn directory_user(object_id: &str, alias: &str) -> DirectoryUser {
    DirectoryUser {
        object_id: object_id.parse().unwrap(),
        alias: alias.parse().unwrap(),
        display_name: alias.parse().unwrap(),
        groups: [].into(),
        licenses: [].into(),
        mode: Default::default(),
        segment: None,
    }
}

pub(crate) fn resource(id: &str) -> ResourceId {
    id.parse().unwrap()
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(1_767_225_600 + seconds)
}
