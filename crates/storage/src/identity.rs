//! Who exists: resources with their keys, app users, tenants with their directories, revocations.

use async_trait::async_trait;
use trunkline_clock::Timestamp;
use trunkline_ids::{CommunicationIdentifier, CommunicationUser, ResourceId, TenantId};
use trunkline_policy::{AccessKey, AccessKeys, DirectoryUser, KeySlot, ObjectId, Resource, Tenant};

use crate::error::StoreError;

/// A resource and the keys that sign its requests; the keys are sealed at rest.
#[derive(Clone, Debug)]
pub struct ResourceRecord {
    /// The resource.
    pub resource: Resource,
    /// Its keys.
    pub keys: AccessKeys,
}

/// A user that an app brought.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AppUser {
    /// Who it is; its raw id names the resource.
    pub identifier: CommunicationUser,
    /// The resource that it belongs to.
    pub resource: ResourceId,
    /// When it was made.
    pub created_on: Timestamp,
}

/// The place of an app user in the order of their making; never given to another.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct UserPosition(pub u64);

/// Keeps resources, app users, tenants and token generations.
#[async_trait]
pub trait IdentityStore: Send + Sync {
    /// Makes a resource, or replaces the one of the same id.
    async fn put_resource(&self, record: ResourceRecord) -> Result<(), StoreError>;

    /// Returns a resource.
    async fn resource(&self, id: &ResourceId) -> Result<Option<ResourceRecord>, StoreError>;

    /// Returns all resources, by id.
    async fn resources(&self) -> Result<Vec<ResourceRecord>, StoreError>;

    /// Replaces one key of a resource.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such resource.
    async fn rotate_key(
        &self,
        id: &ResourceId,
        slot: KeySlot,
        fresh: AccessKey,
    ) -> Result<(), StoreError>;

    /// Makes an app user.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it exists.
    async fn create_user(&self, user: AppUser) -> Result<(), StoreError>;

    /// Returns an app user.
    async fn user(&self, id: &CommunicationUser) -> Result<Option<AppUser>, StoreError>;

    /// Returns up to `limit` app users of a resource in the order of their making, after a position.
    async fn users(
        &self,
        resource: &ResourceId,
        after: Option<UserPosition>,
        limit: usize,
    ) -> Result<Vec<(UserPosition, AppUser)>, StoreError>;

    /// Returns how many app users a resource has.
    async fn user_count(&self, resource: &ResourceId) -> Result<u64, StoreError>;

    /// Deletes an app user with its call history and revokes its tokens; `false` when there is none.
    async fn delete_user(&self, id: &CommunicationUser) -> Result<bool, StoreError>;

    /// Returns how often the tokens of a user, of an app or of a directory, were revoked. A token
    /// carries the number of its day.
    async fn token_generation(&self, id: &CommunicationIdentifier) -> Result<u32, StoreError>;

    /// Revokes all tokens of a user, and returns the new generation.
    async fn revoke_tokens(&self, id: &CommunicationIdentifier) -> Result<u32, StoreError>;

    /// Makes a tenant, or replaces the one of the same id.
    async fn put_tenant(&self, tenant: Tenant) -> Result<(), StoreError>;

    /// Returns all tenants, by id.
    async fn tenants(&self) -> Result<Vec<Tenant>, StoreError>;

    /// Adds a user to a tenant's directory, or replaces the one of the same object id.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such tenant; [`StoreError::Conflict`] when another
    /// user of the tenant has the alias.
    async fn put_directory_user(
        &self,
        tenant: &TenantId,
        user: DirectoryUser,
    ) -> Result<(), StoreError>;

    /// Returns the users of a tenant's directory, by alias.
    async fn directory_users(&self, tenant: &TenantId) -> Result<Vec<DirectoryUser>, StoreError>;

    /// Removes a user from a tenant's directory, with the call history, and revokes its tokens; `false`
    /// when there is none.
    async fn delete_directory_user(
        &self,
        tenant: &TenantId,
        user: &ObjectId,
    ) -> Result<bool, StoreError>;
}
