//! The tenant's side of federation with app resources.

use serde::{Deserialize, Serialize};
use trunkline_ids::ResourceId;

/// The parameters of `Set-CsTeamsAcsFederationConfiguration`, with their names in JSON and their
/// defaults; off until an administrator turns it on.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "PascalCase")]
pub struct FederationConfig {
    /// Whether app users and users of the tenant reach each other.
    pub enable_acs_users: bool,
    /// The resources whose users do; every resource when empty.
    pub allowed_acs_resources: Vec<ResourceId>,
    /// Resources whose users do not, whatever else is set. Deprecated in the original: prefer a list
    /// of the allowed ones.
    pub blocked_acs_resources: Vec<ResourceId>,
    /// Whether meetings of the tenant, too, admit users of allowed resources only.
    pub require_acs_federation_for_meeting: bool,
    /// What is written beside the names of users of allowed resources.
    pub label_for_allowed_acs_users: Option<String>,
    /// Whether the banner that warns of an outsider is left out for users of allowed resources.
    pub hide_banner_for_allowed_acs_users: bool,
}
