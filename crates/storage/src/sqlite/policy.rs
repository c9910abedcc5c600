//! What administrators have set: one row for each thing that is set as a whole.

use std::collections::BTreeSet;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use trunkline_ids::TenantId;
use trunkline_policy::{
    Assignee, DirectoryUser, ExternalAccessPolicy, FederationConfig, Grant, Policy, PolicyName,
    Segment, SegmentId, TenantPolicy,
};

use crate::{
    error::StoreError,
    policy::PolicyStore,
    sqlite::{
        SqliteStore,
        codec::{from_json, from_text, to_json},
    },
};

#[async_trait]
impl PolicyStore for SqliteStore {
    async fn load_policy(&self) -> Result<Policy, StoreError> {
        self.read(load).await
    }

    async fn put_federation(
        &self,
        tenant: &TenantId,
        config: FederationConfig,
    ) -> Result<(), StoreError> {
        self.put_setting(tenant, Kind::Federation, String::new(), &config).await
    }

    async fn put_federated_tenants(
        &self,
        tenant: &TenantId,
        others: BTreeSet<TenantId>,
    ) -> Result<(), StoreError> {
        self.put_setting(tenant, Kind::FederatedTenants, String::new(), &others).await
    }

    async fn put_external_access(
        &self,
        tenant: &TenantId,
        policy: ExternalAccessPolicy,
    ) -> Result<(), StoreError> {
        self.put_setting(tenant, Kind::ExternalAccess, policy.identity.to_string(), &policy).await
    }

    async fn delete_external_access(
        &self,
        tenant: &TenantId,
        policy: &PolicyName,
    ) -> Result<bool, StoreError> {
        self.delete_setting(tenant, Kind::ExternalAccess, policy.to_string()).await
    }

    async fn put_grant(&self, tenant: &TenantId, grant: Grant) -> Result<(), StoreError> {
        self.put_setting(tenant, Kind::Grant, grant_name(&grant.assignee), &grant).await
    }

    async fn delete_grant(
        &self,
        tenant: &TenantId,
        assignee: &Assignee,
    ) -> Result<bool, StoreError> {
        self.delete_setting(tenant, Kind::Grant, grant_name(assignee)).await
    }

    async fn put_segment(&self, tenant: &TenantId, segment: Segment) -> Result<(), StoreError> {
        self.put_setting(tenant, Kind::Segment, segment.id.to_string(), &segment).await
    }

    async fn delete_segment(
        &self,
        tenant: &TenantId,
        segment: &SegmentId,
    ) -> Result<bool, StoreError> {
        self.delete_setting(tenant, Kind::Segment, segment.to_string()).await
    }
}

impl SqliteStore {
    async fn put_setting<T: Serialize>(
        &self,
        tenant: &TenantId,
        kind: Kind,
        name: String,
        value: &T,
    ) -> Result<(), StoreError> {
        let (tenant, body) = (tenant.clone(), to_json(kind.as_str(), value)?);
        self.write(move |writing| {
            check_tenant(writing.db, &tenant)?;
            let sql = "INSERT OR REPLACE INTO settings (tenant, kind, name, body)
                       VALUES (?1, ?2, ?3, ?4)";
            let row = params![tenant.as_str(), kind.as_str(), name, body];
            writing.db.prepare_cached(sql)?.execute(row)?;
            Ok(())
        })
        .await
    }

    async fn delete_setting(
        &self,
        tenant: &TenantId,
        kind: Kind,
        name: String,
    ) -> Result<bool, StoreError> {
        let tenant = tenant.clone();
        self.write(move |writing| {
            check_tenant(writing.db, &tenant)?;
            let sql = "DELETE FROM settings WHERE tenant = ?1 AND kind = ?2 AND name = ?3";
            let row = params![tenant.as_str(), kind.as_str(), name];
            Ok(writing.db.prepare_cached(sql)?.execute(row)? > 0)
        })
        .await
    }
}

/// Says that there is no such tenant, if so.
pub(super) fn check_tenant(db: &Connection, tenant: &TenantId) -> Result<(), StoreError> {
    db.prepare_cached("SELECT 1 FROM tenants WHERE id = ?1")?
        .query_row([tenant.as_str()], |_| Ok(()))
        .optional()?
        .ok_or(StoreError::NotFound { what: "tenant" })
}

/// What a row of the settings is.
#[derive(Clone, Copy, Debug)]
enum Kind {
    ExternalAccess,
    FederatedTenants,
    Federation,
    Grant,
    Segment,
}

impl Kind {
    const ALL: [Self; 5] = [
        Self::ExternalAccess,
        Self::FederatedTenants,
        Self::Federation,
        Self::Grant,
        Self::Segment,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::ExternalAccess => "external access policy",
            Self::FederatedTenants => "federated tenants",
            Self::Federation => "federation",
            Self::Grant => "grant",
            Self::Segment => "segment",
        }
    }
}

fn grant_name(assignee: &Assignee) -> String {
    match assignee {
        Assignee::Group(group) => format!("group/{group}"),
        Assignee::User(user) => format!("user/{user}"),
    }
}

fn load(db: &Connection) -> Result<Policy, StoreError> {
    let mut policy = Policy::default();
    let mut statement = db.prepare_cached("SELECT id FROM tenants")?;
    for id in statement.query_map([], |row| row.get::<_, String>(0))? {
        policy.tenants.insert(from_text("tenant id", &id?)?, TenantPolicy::default());
    }
    let mut statement = db.prepare_cached("SELECT tenant, body FROM directory_users")?;
    let users = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    for row in users {
        let (id, body): (String, Vec<u8>) = row?;
        let user: DirectoryUser = from_json("directory user", &body)?;
        tenant_mut(&mut policy, &id)?.set_user(user);
    }
    let sql = "SELECT tenant, kind, body FROM settings ORDER BY position";
    let mut statement = db.prepare_cached(sql)?;
    let settings = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    for row in settings {
        let (id, kind, body): (String, String, Vec<u8>) = row?;
        // What a later version sets is none of this one's decisions.
        if let Some(kind) = Kind::ALL.into_iter().find(|known| known.as_str() == kind) {
            set(tenant_mut(&mut policy, &id)?, kind, &body)?;
        }
    }
    Ok(policy)
}

fn set(tenant: &mut TenantPolicy, kind: Kind, body: &[u8]) -> Result<(), StoreError> {
    let what = kind.as_str();
    match kind {
        Kind::ExternalAccess => tenant.external_access.set_policy(from_json(what, body)?),
        Kind::FederatedTenants => tenant.federated_tenants = from_json(what, body)?,
        Kind::Federation => tenant.federation = from_json(what, body)?,
        Kind::Grant => tenant.external_access.grant(from_json(what, body)?),
        Kind::Segment => tenant.barriers.set_segment(from_json(what, body)?),
    }
    Ok(())
}

fn tenant_mut<'a>(policy: &'a mut Policy, id: &str) -> Result<&'a mut TenantPolicy, StoreError> {
    let id: TenantId = from_text("tenant id", id)?;
    Ok(policy.tenants.entry(id).or_default())
}
