//! The first start: puts into the store what the configuration begins with.

use trunkline_clock::Timestamp;
use trunkline_ids::ParseIdError;
use trunkline_policy::{
    AccessKey, AccessKeys, CoexistenceMode, DirectoryUser, FederationConfig, KeySlot, Resource,
    ResourceName, Tenant,
};
use trunkline_storage::{ResourceRecord, Store, StoreError};

use crate::identity::{DirectoryEntry, IdentityConfig, IdentityStartError};

/// Adds what the store does not have; changes nothing that it has.
pub(super) async fn seed(
    store: &dyn Store,
    config: &IdentityConfig,
    federation: FederationConfig,
    now: Timestamp,
) -> Result<(), IdentityStartError> {
    let keys = access_keys(config, now)?;
    match store.resource(&config.resource).await? {
        Some(kept) => warn_of_other_keys(&kept.keys, &keys),
        None => {
            let name: ResourceName =
                config.resource.as_str().parse().expect("a resource id is printable and short");
            let resource = Resource { id: config.resource.clone(), name, created_on: now };
            store.put_resource(ResourceRecord { resource, keys }).await?;
        }
    }
    let is_new = !store.tenants().await?.iter().any(|tenant| tenant.id == config.tenant);
    if is_new {
        let tenant = Tenant { id: config.tenant.clone(), name: config.tenant_name.clone() };
        store.put_tenant(tenant).await?;
        store.put_federation(&config.tenant, federation).await?;
    }
    let known = store.directory_users(&config.tenant).await?;
    for entry in &config.directory {
        let user = directory_user(entry).map_err(|source| IdentityStartError::Directory {
            alias: entry.alias.clone(),
            source,
        })?;
        if known.iter().all(|kept| kept.object_id != user.object_id) {
            match store.put_directory_user(&config.tenant, user).await {
                Err(StoreError::Conflict { .. }) => {
                    // An administrator gave it to somebody else since.
                    tracing::warn!(alias = entry.alias, "the alias of a configured user is taken");
                }
                outcome => outcome?,
            }
        }
    }
    Ok(())
}

fn access_keys(config: &IdentityConfig, now: Timestamp) -> Result<AccessKeys, IdentityStartError> {
    let key = |number: usize| {
        AccessKey::from_base64(&config.access_keys[number - 1], now)
            .map_err(|source| IdentityStartError::AccessKey { number, source })
    };
    Ok(AccessKeys { primary: key(1)?, secondary: key(2)? })
}

/// A key that was rotated away must not come back because a file still names it.
fn warn_of_other_keys(kept: &AccessKeys, configured: &AccessKeys) {
    let is_kept = |slot| {
        KeySlot::ALL.iter().any(|kept_slot| kept.get(*kept_slot).is_same_as(configured.get(slot)))
    };
    for slot in KeySlot::ALL.into_iter().filter(|slot| !is_kept(*slot)) {
        tracing::warn!(key = %slot, "the configured access key is not in use: it was rotated");
    }
}

fn directory_user(entry: &DirectoryEntry) -> Result<DirectoryUser, ParseIdError> {
    Ok(DirectoryUser {
        object_id: entry.object_id.parse()?,
        alias: entry.alias.parse()?,
        display_name: entry.display_name.clone(),
        groups: Default::default(),
        licenses: entry.licenses.clone(),
        mode: CoexistenceMode::default(),
        segment: None,
    })
}
