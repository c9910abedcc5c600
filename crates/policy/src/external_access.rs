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
        let direct = self
            .grants
            .iter()
            .filter(|grant| matches!(&grant.assignee, Assignee::User(id) if *id == user.object_id))
            .find_map(|grant| self.policies.get(&grant.policy));
        if let Some(policy) = direct {
            return (policy.clone(), GrantedBy::Direct);
        }
        let of_group = self
            .grants
            .iter()
            .filter_map(|grant| match &grant.assignee {
                Assignee::Group(id) if user.groups.contains(id) => {
                    Some((grant.rank, id, self.policies.get(&grant.policy)?))
                }
                Assignee::Group(_) | Assignee::User(_) => None,
            })
            // The group's name breaks a tie, so that the order of the grants never matters.
            .min_by_key(|(rank, id, _)| (*rank, *id));
        if let Some((_, _, policy)) = of_group {
            return (policy.clone(), GrantedBy::Group);
        }
        let global = PolicyName::global();
        let policy = self.policies.get(&global).cloned();
        (policy.unwrap_or_else(|| ExternalAccessPolicy::new(global)), GrantedBy::Global)
    }
}

impl GrantedBy {
    /// Returns the words for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "granted to the user",
            Self::Global => "the tenant's",
            Self::Group => "granted to a group",
        }
    }
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(groups: &[&str]) -> DirectoryUser {
        DirectoryUser {
            object_id: "b0b".parse().unwrap(),
            alias: "bob".parse().unwrap(),
            display_name: "Bob".parse().unwrap(),
            groups: groups.iter().map(|id| id.parse().unwrap()).collect(),
            licenses: Default::default(),
            mode: Default::default(),
            segment: None,
        }
    }

    fn grant(assignee: &str, policy: &str, rank: u32) -> Grant {
        let assignee = match assignee.strip_prefix('@') {
            Some(group) => Assignee::Group(group.parse().unwrap()),
            None => Assignee::User(assignee.parse().unwrap()),
        };
        Grant { assignee, policy: policy.parse().unwrap(), rank }
    }

    #[test]
    fn a_direct_grant_goes_before_a_group_before_the_tenant() {
        use GrantedBy::{Direct, Global, Group};
        for (grants, expected, by) in [
            (&[][..], "Global", Global),
            (&[("b0b", "one", 0)], "one", Direct),
            (&[("al1ce", "one", 0)], "Global", Global),
            (&[("@sales", "one", 1)], "one", Group),
            (&[("@legal", "one", 1)], "Global", Global),
            (&[("@sales", "one", 1), ("b0b", "two", 9)], "two", Direct),
            (&[("@sales", "one", 2), ("@staff", "two", 1)], "two", Group),
            (&[("@staff", "two", 1), ("@sales", "one", 1)], "one", Group),
            (&[("b0b", "gone", 0), ("@sales", "one", 1)], "one", Group),
            (&[("@staff", "gone", 0), ("@sales", "one", 1)], "one", Group),
            (&[("b0b", "gone", 0)], "Global", Global),
            (&[("b0b", "one", 0), ("b0b", "two", 0)], "two", Direct),
        ] {
            let mut access = ExternalAccess::default();
            for name in ["Global", "one", "two"] {
                access.set_policy(ExternalAccessPolicy::new(name.parse().unwrap()));
            }
            grants.iter().for_each(|(to, policy, rank)| access.grant(grant(to, policy, *rank)));
            let (policy, granted_by) = access.effective(&user(&["sales", "staff"]));
            assert_eq!((policy.identity.as_str(), granted_by), (expected, by), "{grants:?}");
        }
    }

    #[test]
    fn a_tenant_without_policies_allows_everything() {
        let (policy, by) = ExternalAccess::default().effective(&user(&[]));
        assert_eq!(by, GrantedBy::Global);
        assert!(policy.enable_acs_federation_access && policy.enable_federation_access);
    }

    #[test]
    fn a_grant_can_be_taken_back_once() {
        let mut access = ExternalAccess::default();
        access.grant(grant("b0b", "one", 0));
        let assignee = Assignee::User("b0b".parse().unwrap());
        assert!(access.revoke(&assignee));
        assert!(!access.revoke(&assignee));
        assert_eq!(access.grants().count(), 0);
    }

    #[test]
    fn json_has_the_names_of_the_parameters() {
        let policy: ExternalAccessPolicy =
            serde_json::from_str(r#"{"Identity":"NoApps","EnableAcsFederationAccess":false}"#)
                .unwrap();
        assert!(!policy.enable_acs_federation_access && policy.enable_federation_access);
    }
}
