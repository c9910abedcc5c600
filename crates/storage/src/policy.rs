//! What administrators have set: federation, external access, barriers.

use std::collections::BTreeSet;

use async_trait::async_trait;
use trunkline_ids::TenantId;
use trunkline_policy::{
    Assignee, ExternalAccessPolicy, FederationConfig, Grant, Policy, PolicyName, Segment, SegmentId,
};

use crate::error::StoreError;

/// Keeps what administrators have set.
///
/// Everything that names a tenant fails with [`StoreError::NotFound`] when there is no such tenant.
#[async_trait]
pub trait PolicyStore: Send + Sync {
    /// Returns everything that is set, with all directories, as decisions read it. Whether a trunk
    /// exists is not stored: the caller sets it.
    async fn load_policy(&self) -> Result<Policy, StoreError>;

    /// Sets a tenant's federation with app resources.
    async fn put_federation(
        &self,
        tenant: &TenantId,
        config: FederationConfig,
    ) -> Result<(), StoreError>;

    /// Sets the tenants with which a tenant federates.
    async fn put_federated_tenants(
        &self,
        tenant: &TenantId,
        others: BTreeSet<TenantId>,
    ) -> Result<(), StoreError>;

    /// Adds an external access policy, or replaces the one of the same name.
    async fn put_external_access(
        &self,
        tenant: &TenantId,
        policy: ExternalAccessPolicy,
    ) -> Result<(), StoreError>;

    /// Removes an external access policy; `false` when there is none. Grants of it are kept: they
    /// count for nothing.
    async fn delete_external_access(
        &self,
        tenant: &TenantId,
        policy: &PolicyName,
    ) -> Result<bool, StoreError>;

    /// Records a grant, in place of an earlier one to the same assignee.
    async fn put_grant(&self, tenant: &TenantId, grant: Grant) -> Result<(), StoreError>;

    /// Takes back the grant to an assignee; `false` when there is none.
    async fn delete_grant(
        &self,
        tenant: &TenantId,
        assignee: &Assignee,
    ) -> Result<bool, StoreError>;

    /// Adds a segment with its barriers, or replaces the one of the same name.
    async fn put_segment(&self, tenant: &TenantId, segment: Segment) -> Result<(), StoreError>;

    /// Removes a segment; `false` when there is none.
    async fn delete_segment(
        &self,
        tenant: &TenantId,
        segment: &SegmentId,
    ) -> Result<bool, StoreError>;
}
