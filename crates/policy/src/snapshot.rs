//! Everything that administrators have set, as decisions read it.

use std::collections::{BTreeMap, BTreeSet};

use trunkline_ids::{CommunicationIdentifier, TenantId};

use crate::{
    barriers::Barriers, directory::DirectoryUser, external_access::ExternalAccess,
    federation::FederationConfig, names::ObjectId,
};

/// What the administrators of all tenants have set.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// The tenants.
    pub tenants: BTreeMap<TenantId, TenantPolicy>,
    /// Whether a trunk leads to the phone network.
    pub has_trunk: bool,
}

/// What the administrator of one tenant has set, and for whom.
#[derive(Clone, Debug, Default)]
pub struct TenantPolicy {
    /// Federation with app resources.
    pub federation: FederationConfig,
    /// The tenants whose users and this one's reach each other, where they list this one, too; none
    /// at first.
    pub federated_tenants: BTreeSet<TenantId>,
    /// External access of single users.
    pub external_access: ExternalAccess,
    /// Barriers between the tenant's own users.
    pub barriers: Barriers,
    /// The directory.
    pub users: BTreeMap<ObjectId, DirectoryUser>,
}

impl TenantPolicy {
    /// Adds a user of the directory, or replaces the one with that object id.
    pub fn set_user(&mut self, user: DirectoryUser) {
        self.users.insert(user.object_id.clone(), user);
    }
}

/// A directory user and the tenant it was found in.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// The tenant's id.
    pub tenant_id: &'a TenantId,
    /// What the tenant has set.
    pub tenant: &'a TenantPolicy,
    /// The user.
    pub user: &'a DirectoryUser,
}

impl Policy {
    /// Returns the directory user that an identifier names, and its tenant.
    pub fn standing(&self, identifier: &CommunicationIdentifier) -> Option<Standing<'_>> {
        let (tenant_id, object_id) = match identifier {
            CommunicationIdentifier::MicrosoftTeamsApp(app) => (None, app.app_id()),
            CommunicationIdentifier::MicrosoftTeamsUser(user) if user.is_anonymous() => {
                return None;
            }
            CommunicationIdentifier::MicrosoftTeamsUser(user) => (None, user.user_id()),
            CommunicationIdentifier::TeamsExtensionUser(user) => {
                (Some(user.tenant_id()), user.user_id())
            }
            CommunicationIdentifier::CommunicationUser(_)
            | CommunicationIdentifier::PhoneNumber(_)
            | CommunicationIdentifier::Unknown(_) => return None,
        };
        self.tenants.iter().filter(|(id, _)| tenant_id.is_none_or(|only| only == *id)).find_map(
            |(tenant_id, tenant)| {
                let user = tenant.users.get(object_id)?;
                Some(Standing { tenant_id, tenant, user })
            },
        )
    }
}
