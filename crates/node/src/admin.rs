//! Administration: tenants, directories, policies, resources. Stored first, in force at once.

use std::collections::BTreeSet;

use trunkline_ids::{CommunicationIdentifier, ResourceId, TenantId};
use trunkline_policy::{
    AccessKey, AccessKeys, Assignee, Barriers, DirectoryUser, Explanation, ExternalAccess,
    ExternalAccessPolicy, FederationConfig, Grant, KeySlot, ObjectId, PolicyName, Resource,
    ResourceName, Segment, SegmentId, Tenant,
};
use trunkline_storage::{ResourceRecord, StoreError};

use crate::directory::Directory;
use crate::node::Node;

/// Sets what only an administrator may set. Who may call it, the façade decides.
#[derive(Clone, Debug)]
pub struct Admin {
    node: Node,
}

/// Why nothing was set.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AdminError {
    /// Another user of the tenant has the alias.
    #[error("another user of the tenant has the alias")]
    AliasTaken,
    /// The store failed.
    #[error("the store failed")]
    Store(#[source] StoreError),
    /// There is no such policy, grant, segment or directory user.
    #[error("there is no such {what}")]
    Unknown {
        /// What there is not.
        what: &'static str,
    },
    /// There is no such resource.
    #[error("there is no such resource")]
    UnknownResource,
    /// There is no such tenant.
    #[error("there is no such tenant")]
    UnknownTenant,
}

/// Why an access key does not administer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AdminKeyError {
    /// It is a key of another resource, whose backend administers nothing but its own users.
    #[error("only the keys of the exchange's own resource administer it")]
    OtherResource,
    /// It is no key of any resource.
    #[error("the access key is not one of this resource")]
    Unknown,
}

impl Admin {
    pub(crate) fn new(node: Node) -> Self {
        Self { node }
    }

    /// Explains whether one user may call another, and chat with them.
    pub fn explain(
        &self,
        from: &CommunicationIdentifier,
        to: &CommunicationIdentifier,
    ) -> Explanation {
        trunkline_policy::explain(from, to, &self.node.policy())
    }

    /// Makes a resource with fresh keys.
    pub async fn create_resource(&self, name: ResourceName) -> Result<ResourceRecord, AdminError> {
        let now = self.node.wall();
        let id = ResourceId::from_uuid_bytes(self.node.random_id());
        let resource = Resource { id, name, created_on: now };
        let keys = AccessKeys { primary: self.fresh_key(), secondary: self.fresh_key() };
        let record = ResourceRecord { resource, keys };
        let kept = record.clone();
        self.change(|node| async move {
            node.store().put_resource(kept.clone()).await?;
            node.resources().put(kept);
            Ok(())
        })
        .await?;
        Ok(record)
    }

    /// Replaces a key of a resource, and returns the new one. Requests signed with the old one are
    /// refused from then on.
    pub async fn rotate_key(
        &self,
        resource: &ResourceId,
        slot: KeySlot,
    ) -> Result<AccessKey, AdminError> {
        if !self.node.resources().has(resource) {
            return Err(AdminError::UnknownResource);
        }
        let (resource, fresh) = (resource.clone(), self.fresh_key());
        self.change(move |node| async move {
            node.store().rotate_key(&resource, slot, fresh.clone()).await?;
            node.resources().rotate(&resource, slot, fresh.clone());
            Ok(fresh)
        })
        .await
    }

    /// Lists the tenants by id.
    pub fn tenants(&self) -> Vec<Tenant> {
        self.directory().tenants()
    }

    /// Makes a tenant, or renames the one of the same id.
    pub async fn put_tenant(&self, tenant: Tenant) -> Result<(), AdminError> {
        self.change(|node| async move {
            node.store().put_tenant(tenant.clone()).await?;
            node.directory().put_tenant(tenant);
            Ok(())
        })
        .await
    }

    /// Lists the users of a tenant's directory by alias.
    pub fn directory_users(&self, tenant: &TenantId) -> Result<Vec<DirectoryUser>, AdminError> {
        self.require(tenant)?;
        Ok(self.directory().users(tenant))
    }

    /// Adds a user to a tenant's directory, or replaces the one of the same object id.
    pub async fn put_directory_user(
        &self,
        tenant: &TenantId,
        user: DirectoryUser,
    ) -> Result<(), AdminError> {
        self.require(tenant)?;
        let tenant = tenant.clone();
        self.change(|node| async move {
            match node.store().put_directory_user(&tenant, user.clone()).await {
                Err(StoreError::Conflict { .. }) => return Err(AdminError::AliasTaken),
                outcome => outcome?,
            }
            node.directory().put_user(&tenant, user);
            Ok(())
        })
        .await
    }

    /// Removes a user from a tenant's directory, and ends the user's sessions.
    pub async fn delete_directory_user(
        &self,
        tenant: &TenantId,
        user: &ObjectId,
    ) -> Result<(), AdminError> {
        self.require(tenant)?;
        let (tenant, user) = (tenant.clone(), user.clone());
        self.change(|node| async move {
            let is_deleted = node.store().delete_directory_user(&tenant, &user).await;
            node.identity().forget_generation(&user.identifier());
            found(is_deleted?, "directory user")?;
            node.directory().remove_user(&tenant, &user);
            node.end_sessions(&user.identifier());
            Ok(())
        })
        .await
    }

    /// Returns a tenant's federation with app resources.
    pub fn federation(&self, tenant: &TenantId) -> Result<FederationConfig, AdminError> {
        self.of_tenant(tenant, |set| set.federation.clone())
    }

    /// Sets a tenant's federation with app resources.
    pub async fn set_federation(
        &self,
        tenant: &TenantId,
        config: FederationConfig,
    ) -> Result<(), AdminError> {
        self.require(tenant)?;
        let tenant = tenant.clone();
        self.change(|node| async move {
            node.store().put_federation(&tenant, config.clone()).await?;
            node.directory().change(&tenant, |set| set.federation = config);
            Ok(())
        })
        .await
    }

    /// Returns the tenants with which a tenant federates.
    pub fn federated_tenants(&self, tenant: &TenantId) -> Result<BTreeSet<TenantId>, AdminError> {
        self.of_tenant(tenant, |set| set.federated_tenants.clone())
    }

    /// Sets the tenants with which a tenant federates.
    pub async fn set_federated_tenants(
        &self,
        tenant: &TenantId,
        others: BTreeSet<TenantId>,
    ) -> Result<(), AdminError> {
        self.require(tenant)?;
        let tenant = tenant.clone();
        self.change(|node| async move {
            node.store().put_federated_tenants(&tenant, others.clone()).await?;
            node.directory().change(&tenant, |set| set.federated_tenants = others);
            Ok(())
        })
        .await
    }

    /// Returns the external access policies of a tenant with their grants.
    pub fn external_access(&self, tenant: &TenantId) -> Result<ExternalAccess, AdminError> {
        self.of_tenant(tenant, |set| set.external_access.clone())
    }

    /// Adds an external access policy, or replaces the one of the same name.
    pub async fn put_external_access(
        &self,
        tenant: &TenantId,
        policy: ExternalAccessPolicy,
    ) -> Result<(), AdminError> {
        self.require(tenant)?;
        let tenant = tenant.clone();
        self.change(|node| async move {
            node.store().put_external_access(&tenant, policy.clone()).await?;
            node.directory().change(&tenant, |set| set.external_access.set_policy(policy));
            Ok(())
        })
        .await
    }

    /// Removes an external access policy. Grants of it count for nothing.
    pub async fn delete_external_access(
        &self,
        tenant: &TenantId,
        policy: &PolicyName,
    ) -> Result<(), AdminError> {
        self.require(tenant)?;
        let (tenant, policy) = (tenant.clone(), policy.clone());
        self.change(|node| async move {
            found(node.store().delete_external_access(&tenant, &policy).await?, "policy")?;
            let mut stored = node.store().load_policy().await?;
            if let Some(stored) = stored.tenants.remove(&tenant) {
                node.directory().change(&tenant, |set| {
                    set.external_access = stored.external_access;
                });
            }
            Ok(())
        })
        .await
    }

    /// Grants an external access policy, in place of an earlier grant to the same assignee.
    pub async fn grant_external_access(
        &self,
        tenant: &TenantId,
        grant: Grant,
    ) -> Result<(), AdminError> {
        self.require(tenant)?;
        let tenant = tenant.clone();
        self.change(|node| async move {
            node.store().put_grant(&tenant, grant.clone()).await?;
            node.directory().change(&tenant, |set| set.external_access.grant(grant));
            Ok(())
        })
        .await
    }

    /// Takes back the grant to an assignee.
    pub async fn revoke_external_access(
        &self,
        tenant: &TenantId,
        assignee: &Assignee,
    ) -> Result<(), AdminError> {
        self.require(tenant)?;
        let (tenant, assignee) = (tenant.clone(), assignee.clone());
        self.change(|node| async move {
            found(node.store().delete_grant(&tenant, &assignee).await?, "grant")?;
            node.directory().change(&tenant, |set| {
                set.external_access.revoke(&assignee);
            });
            Ok(())
        })
        .await
    }

    /// Returns the barriers between the segments of a tenant.
    pub fn barriers(&self, tenant: &TenantId) -> Result<Barriers, AdminError> {
        self.of_tenant(tenant, |set| set.barriers.clone())
    }

    /// Adds a segment with its barriers, or replaces the one of the same name.
    pub async fn put_segment(&self, tenant: &TenantId, segment: Segment) -> Result<(), AdminError> {
        self.require(tenant)?;
        let tenant = tenant.clone();
        self.change(|node| async move {
            node.store().put_segment(&tenant, segment.clone()).await?;
            node.directory().change(&tenant, |set| set.barriers.set_segment(segment));
            Ok(())
        })
        .await
    }

    /// Removes a segment.
    pub async fn delete_segment(
        &self,
        tenant: &TenantId,
        segment: &SegmentId,
    ) -> Result<(), AdminError> {
        self.require(tenant)?;
        let (tenant, segment) = (tenant.clone(), segment.clone());
        self.change(|node| async move {
            found(node.store().delete_segment(&tenant, &segment).await?, "segment")?;
            node.directory().change(&tenant, |set| {
                set.barriers.remove_segment(&segment);
            });
            Ok(())
        })
        .await
    }

    /// Makes changes one after the other, each to its end: what is stored and what is in force must
    /// not part.
    async fn change<T, W>(
        &self,
        work: impl FnOnce(Node) -> W + Send + 'static,
    ) -> Result<T, AdminError>
    where
        T: Send + 'static,
        W: Future<Output = Result<T, AdminError>> + Send + 'static,
    {
        let node = self.node.clone();
        let changing = async move {
            let _turn = node.admin_turn().await;
            work(node.clone()).await
        };
        self.node.base().complete(changing).await
    }

    fn of_tenant<T>(
        &self,
        tenant: &TenantId,
        pick: impl FnOnce(&trunkline_policy::TenantPolicy) -> T,
    ) -> Result<T, AdminError> {
        self.directory().of_tenant(tenant, pick).ok_or(AdminError::UnknownTenant)
    }

    fn require(&self, tenant: &TenantId) -> Result<(), AdminError> {
        match self.directory().has_tenant(tenant) {
            true => Ok(()),
            false => Err(AdminError::UnknownTenant),
        }
    }

    fn directory(&self) -> &Directory {
        self.node.directory()
    }

    fn fresh_key(&self) -> AccessKey {
        // As long as the original's keys.
        let mut bytes = [0; 64];
        aws_lc_rs::rand::fill(&mut bytes).expect("the system has randomness: TLS needs it, too");
        AccessKey::from_bytes(&bytes, self.node.wall()).expect("64 bytes make a key")
    }
}

impl From<StoreError> for AdminError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn found(is_found: bool, what: &'static str) -> Result<(), AdminError> {
    match is_found {
        true => Ok(()),
        false => Err(AdminError::Unknown { what }),
    }
}
