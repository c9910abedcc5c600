//! The tenant's side of federation with app resources.

use serde::{Deserialize, Serialize};
use trunkline_ids::ResourceId;

/// The parameters of [`Set-CsTeamsAcsFederationConfiguration`], with their names in JSON and their
/// defaults; off until an administrator turns it on.
///
/// [`Set-CsTeamsAcsFederationConfiguration`]: https://learn.microsoft.com/powershell/module/microsoftteams/set-csteamsacsfederationconfiguration
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
    /// Whether meetings of the tenant, too, admit users of federated resources only.
    pub require_acs_federation_for_meeting: bool,
    /// What is written beside the names of users of federated resources.
    pub label_for_allowed_acs_users: AcsUserLabel,
    /// Whether the banner that tells of limited features is left out for users of federated
    /// resources.
    pub hide_banner_for_allowed_acs_users: bool,
}

/// What is written beside the name of an app user.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
pub enum AcsUserLabel {
    /// From outside, but known.
    External,
    /// Nobody vouches for the name.
    #[default]
    Unverified,
}

impl FederationConfig {
    /// Returns whether the tenant federates with a resource.
    pub fn federates_with(&self, resource: &ResourceId) -> bool {
        self.enable_acs_users && !self.blocks(resource) && self.lists(resource)
    }

    /// Returns whether meetings of the tenant admit users of a resource: as guests they need no
    /// federation, unless it is required. Required and off admits nobody.
    pub fn admits_to_meetings(&self, resource: &ResourceId) -> bool {
        !self.require_acs_federation_for_meeting || self.federates_with(resource)
    }

    /// Returns what is written beside the names of users of a resource.
    pub fn label(&self, resource: &ResourceId) -> AcsUserLabel {
        match self.federates_with(resource) {
            true => self.label_for_allowed_acs_users,
            false => AcsUserLabel::Unverified,
        }
    }

    /// Returns whether a banner tells of limited features when users of a resource take part.
    pub fn shows_banner(&self, resource: &ResourceId) -> bool {
        !(self.hide_banner_for_allowed_acs_users && self.federates_with(resource))
    }

    /// Returns whether a resource is allowed: listed, or nothing is.
    pub(crate) fn lists(&self, resource: &ResourceId) -> bool {
        self.allowed_acs_resources.is_empty() || has(&self.allowed_acs_resources, resource)
    }

    pub(crate) fn blocks(&self, resource: &ResourceId) -> bool {
        has(&self.blocked_acs_resources, resource)
    }
}

/// GUIDs name the same resource in any case; administrators paste them as they find them.
pub(crate) fn is_same_resource(one: &ResourceId, other: &ResourceId) -> bool {
    one.as_str().eq_ignore_ascii_case(other.as_str())
}

fn has(list: &[ResourceId], resource: &ResourceId) -> bool {
    list.iter().any(|listed| is_same_resource(listed, resource))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTED: &str = "faced04c-2ced-433d-90db-063e424b87b1";
    const OTHER: &str = "99999999-9999-4999-8999-999999999999";

    fn config(enabled: bool, allowed: &[&str], blocked: &[&str]) -> FederationConfig {
        let list = |ids: &[&str]| ids.iter().map(|id| id.parse().unwrap()).collect();
        FederationConfig {
            enable_acs_users: enabled,
            allowed_acs_resources: list(allowed),
            blocked_acs_resources: list(blocked),
            ..FederationConfig::default()
        }
    }

    #[test]
    fn lists_count_only_while_federation_is_on_and_a_block_wins() {
        for (enabled, allowed, blocked, expected) in [
            (false, &[][..], &[][..], false),
            (false, &[LISTED], &[], false),
            (true, &[], &[], true),
            (true, &[LISTED], &[], true),
            (true, &["FACED04C-2CED-433D-90DB-063E424B87B1"], &[], true),
            (true, &[OTHER], &[], false),
            (true, &[], &[LISTED], false),
            (true, &[LISTED], &[LISTED], false),
            (true, &[LISTED], &[OTHER], true),
        ] {
            let config = config(enabled, allowed, blocked);
            assert_eq!(config.federates_with(&LISTED.parse().unwrap()), expected, "{config:?}");
        }
    }

    #[test]
    fn meetings_admit_guests_unless_federation_is_required() {
        let resource = LISTED.parse().unwrap();
        for (required, enabled, expected) in
            [(false, false, true), (true, false, false), (true, true, true)]
        {
            let config = FederationConfig {
                require_acs_federation_for_meeting: required,
                ..config(enabled, &[], &[])
            };
            assert_eq!(config.admits_to_meetings(&resource), expected, "{config:?}");
        }
    }

    #[test]
    fn label_and_banner_change_for_federated_resources_only() {
        let config = FederationConfig {
            label_for_allowed_acs_users: AcsUserLabel::External,
            hide_banner_for_allowed_acs_users: true,
            ..config(true, &[LISTED], &[])
        };
        let (listed, other) = (LISTED.parse().unwrap(), OTHER.parse().unwrap());
        assert_eq!(config.label(&listed), AcsUserLabel::External);
        assert!(!config.shows_banner(&listed));
        assert_eq!(config.label(&other), AcsUserLabel::Unverified);
        assert!(config.shows_banner(&other));
    }

    #[test]
    fn json_has_the_names_of_the_parameters_and_their_defaults() {
        let config: FederationConfig = serde_json::from_str("{}").unwrap();
        assert_eq!(config, FederationConfig::default());
        assert_eq!(
            serde_json::to_value(config).unwrap(),
            serde_json::json!({
                "EnableAcsUsers": false,
                "AllowedAcsResources": [],
                "BlockedAcsResources": [],
                "RequireAcsFederationForMeeting": false,
                "LabelForAllowedAcsUsers": "Unverified",
                "HideBannerForAllowedAcsUsers": false,
            })
        );
        assert!(serde_json::from_str::<FederationConfig>(r#"{"EnableAcsUser":true}"#).is_err());
    }
}
