//! What the administrators have set, kept in memory for decisions: every call and every member asks.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::Deref;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use trunkline_ids::{CommunicationIdentifier, DisplayName, TenantId};
use trunkline_policy::{DirectoryUser, ObjectId, Policy, Tenant, TenantPolicy};
use trunkline_storage::{Store, StoreError};

/// Tenants, directories and policies. The store has them, too, and is written first.
pub(crate) struct Directory {
    state: RwLock<State>,
}

struct State {
    policy: Policy,
    tenants: BTreeMap<TenantId, Tenant>,
    aliases: HashMap<(TenantId, Box<str>), ObjectId>,
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory").field("tenants", &self.read().tenants.len()).finish()
    }
}

/// Lets decisions read the policy. Short-lived: changes wait for it.
pub(crate) struct PolicyRef<'a>(RwLockReadGuard<'a, State>);

impl Deref for PolicyRef<'_> {
    type Target = Policy;

    fn deref(&self) -> &Policy {
        &self.0.policy
    }
}

impl Directory {
    /// Reads everything that is set.
    pub(crate) async fn load(store: &dyn Store) -> Result<Self, StoreError> {
        let policy = store.load_policy().await?;
        let tenants = store.tenants().await?;
        let mut aliases = HashMap::new();
        for (tenant, set) in &policy.tenants {
            for user in set.users.values() {
                let key = (tenant.clone(), user.alias.as_str().into());
                aliases.insert(key, user.object_id.clone());
            }
        }
        let tenants = tenants.into_iter().map(|tenant| (tenant.id.clone(), tenant)).collect();
        Ok(Self { state: RwLock::new(State { policy, tenants, aliases }) })
    }

    /// Returns the policy as it is.
    pub(crate) fn policy(&self) -> PolicyRef<'_> {
        PolicyRef(self.read())
    }

    pub(crate) fn tenants(&self) -> Vec<Tenant> {
        self.read().tenants.values().cloned().collect()
    }

    pub(crate) fn has_tenant(&self, id: &TenantId) -> bool {
        self.read().tenants.contains_key(id)
    }

    /// Returns something of what a tenant has set.
    pub(crate) fn of_tenant<T>(
        &self,
        tenant: &TenantId,
        pick: impl FnOnce(&TenantPolicy) -> T,
    ) -> Option<T> {
        let state = self.read();
        state.tenants.get(tenant)?;
        Some(match state.policy.tenants.get(tenant) {
            Some(set) => pick(set),
            None => pick(&TenantPolicy::default()),
        })
    }

    /// Returns the users of a directory, by alias.
    pub(crate) fn users(&self, tenant: &TenantId) -> Vec<DirectoryUser> {
        let mut users: Vec<_> =
            self.of_tenant(tenant, |set| set.users.values().cloned().collect()).unwrap_or_default();
        users.sort_by(|one: &DirectoryUser, other| one.alias.cmp(&other.alias));
        users
    }

    /// Finds a user of a tenant by alias.
    pub(crate) fn by_alias(&self, tenant: &TenantId, alias: &str) -> Option<DirectoryUser> {
        let state = self.read();
        let object_id = state.aliases.get(&(tenant.clone(), alias.into()))?;
        state.policy.tenants.get(tenant)?.users.get(object_id).cloned()
    }

    /// Finds the directory user whom an identifier names, and the tenant.
    pub(crate) fn by_identifier(
        &self,
        identifier: &CommunicationIdentifier,
    ) -> Option<(TenantId, DirectoryUser)> {
        let state = self.read();
        let standing = state.policy.standing(identifier)?;
        Some((standing.tenant_id.clone(), standing.user.clone()))
    }

    /// Returns the name that a directory has for a user.
    pub(crate) fn name(&self, identifier: &CommunicationIdentifier) -> Option<DisplayName> {
        let state = self.read();
        state.policy.standing(identifier).map(|standing| standing.user.display_name.clone())
    }

    /// Takes over a tenant that has been stored.
    pub(crate) fn put_tenant(&self, tenant: Tenant) {
        let mut state = self.write();
        state.policy.tenants.entry(tenant.id.clone()).or_default();
        state.tenants.insert(tenant.id.clone(), tenant);
    }

    /// Takes over a directory user that has been stored.
    pub(crate) fn put_user(&self, tenant: &TenantId, user: DirectoryUser) {
        let mut state = self.write();
        let set = state.policy.tenants.entry(tenant.clone()).or_default();
        let earlier = set.users.insert(user.object_id.clone(), user.clone());
        if let Some(earlier) = earlier {
            state.aliases.remove(&(tenant.clone(), earlier.alias.as_str().into()));
        }
        state.aliases.insert((tenant.clone(), user.alias.as_str().into()), user.object_id);
    }

    /// Forgets a directory user whom the store has forgotten.
    pub(crate) fn remove_user(&self, tenant: &TenantId, user: &ObjectId) {
        let mut state = self.write();
        let removed = state.policy.tenants.get_mut(tenant).and_then(|set| set.users.remove(user));
        if let Some(removed) = removed {
            state.aliases.remove(&(tenant.clone(), removed.alias.as_str().into()));
        }
    }

    /// Takes over something else of a tenant that has been stored.
    pub(crate) fn change(&self, tenant: &TenantId, change: impl FnOnce(&mut TenantPolicy)) {
        change(self.write().policy.tenants.entry(tenant.clone()).or_default());
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        // Nothing under the lock can panic between two changes that belong together.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}
