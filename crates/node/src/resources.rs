//! The app resources of the exchange, with the keys that sign their requests.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use trunkline_ids::{CommunicationIdentifier, ResourceId};
use trunkline_policy::{AccessKey, AccessKeys, KeySlot, Resource};
use trunkline_storage::{ResourceRecord, Store, StoreError};

/// The resources, kept in memory: every request asks for their keys.
pub struct Resources {
    records: RwLock<BTreeMap<ResourceId, ResourceRecord>>,
}

impl fmt::Debug for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resources").field("count", &self.records().len()).finish()
    }
}

impl Resources {
    /// Reads all resources.
    pub(crate) async fn load(store: &dyn Store) -> Result<Self, StoreError> {
        let records = store.resources().await?;
        let records = records.into_iter().map(|record| (record.resource.id.clone(), record));
        Ok(Self { records: RwLock::new(records.collect()) })
    }

    /// Lists the resources by id.
    pub fn list(&self) -> Vec<Resource> {
        self.records().values().map(|record| record.resource.clone()).collect()
    }

    /// Returns a resource.
    pub fn get(&self, id: &ResourceId) -> Option<Resource> {
        self.records().get(id).map(|record| record.resource.clone())
    }

    /// Tells whether there is such a resource.
    pub fn has(&self, id: &ResourceId) -> bool {
        self.records().contains_key(id)
    }

    /// Returns the keys of a resource.
    pub fn keys(&self, id: &ResourceId) -> Option<AccessKeys> {
        self.records().get(id).map(|record| record.keys.clone())
    }

    /// Returns the resource, and which of its keys, that `is_signed_by` accepts: how a request that
    /// names no resource tells which one it is of. Every key is tried, whatever the answers, so that
    /// the time taken says nothing about which one it was.
    pub fn find_by_key(
        &self,
        is_signed_by: impl Fn(&AccessKey) -> bool,
    ) -> Option<(ResourceId, KeySlot)> {
        let records = self.records();
        let all = records
            .iter()
            .flat_map(|(id, record)| KeySlot::ALL.map(|slot| (id, slot, record.keys.get(slot))));
        let mut found = None;
        for (id, slot, key) in all {
            if is_signed_by(key) && found.is_none() {
                found = Some((id, slot));
            }
        }
        found.map(|(id, slot)| (id.clone(), slot))
    }

    /// Returns the resource, one of whose keys a text is, in base64 as connection strings have it.
    pub fn find_by_key_text(&self, text: &str) -> Option<ResourceId> {
        let given = AccessKey::from_base64(text, trunkline_clock::Timestamp::UNIX_EPOCH).ok()?;
        self.find_by_key(|key| key.is_same_as(&given)).map(|(id, _)| id)
    }

    /// Tells whether a user is of a resource: an app user that it brought.
    pub(crate) fn is_home_of(resource: &ResourceId, user: &CommunicationIdentifier) -> bool {
        match user {
            CommunicationIdentifier::CommunicationUser(user) => {
                user.resource_id().as_ref() == Some(resource)
            }
            CommunicationIdentifier::TeamsExtensionUser(user) => user.resource_id() == resource,
            CommunicationIdentifier::MicrosoftTeamsApp(_)
            | CommunicationIdentifier::MicrosoftTeamsUser(_)
            | CommunicationIdentifier::PhoneNumber(_)
            | CommunicationIdentifier::Unknown(_) => false,
        }
    }

    /// Takes over what has been stored.
    pub(crate) fn put(&self, record: ResourceRecord) {
        let mut records = self.records.write().unwrap_or_else(PoisonError::into_inner);
        records.insert(record.resource.id.clone(), record);
    }

    /// Takes over a key that has been stored.
    pub(crate) fn rotate(&self, id: &ResourceId, slot: KeySlot, fresh: AccessKey) {
        let mut records = self.records.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(record) = records.get_mut(id) {
            record.keys.rotate(slot, fresh);
        }
    }

    fn records(&self) -> RwLockReadGuard<'_, BTreeMap<ResourceId, ResourceRecord>> {
        // Each change is one map operation: a panic elsewhere leaves the map whole.
        self.records.read().unwrap_or_else(PoisonError::into_inner)
    }
}
