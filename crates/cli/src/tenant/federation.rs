//! `trunkline tenant federation`: whether app users and directory users reach each other.

use clap::{Subcommand, ValueEnum};
use serde_json::json;
use trunkline_proto::admin::v1::{
    AcsUserLabel, FederationConfiguration, GetFederationRequest, ResourceList,
    SetFederatedTenantsRequest, SetFederationRequest,
};

use super::Admin;
use crate::failure::Failure;
use crate::output::Output;
use crate::remote::from_status;
use crate::wire_json::to_json;

#[derive(Debug, Subcommand)]
pub(super) enum FederationCommand {
    /// Show the configuration.
    Show,
    /// Set parameters of it; what is left out stays.
    Set(SetArguments),
    /// Set the tenants with which the tenant federates, in place of those there are.
    Tenants {
        /// GUIDs; none at all ends federation with other tenants.
        tenants: Vec<String>,
    },
}

/// The parameters of `Set-CsTeamsAcsFederationConfiguration`.
#[derive(Debug, clap::Args)]
pub(super) struct SetArguments {
    /// Whether app users and users of the tenant reach each other.
    #[arg(long)]
    enable_acs_users: Option<bool>,
    /// The resources whose users do, separated by commas; `all` for every resource.
    #[arg(long, value_delimiter = ',')]
    allowed_acs_resources: Option<Vec<String>>,
    /// The resources whose users do not, separated by commas; `none` for no resource.
    #[arg(long, value_delimiter = ',')]
    blocked_acs_resources: Option<Vec<String>>,
    /// Whether meetings, too, admit users of federated resources only.
    #[arg(long)]
    require_acs_federation_for_meeting: Option<bool>,
    /// What is written beside the names of users of federated resources.
    #[arg(long)]
    label_for_allowed_acs_users: Option<Label>,
    /// Whether the banner that tells of limited features is left out for them.
    #[arg(long)]
    hide_banner_for_allowed_acs_users: Option<bool>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Label {
    External,
    Unverified,
}

pub(super) async fn run(
    command: FederationCommand,
    tenant: String,
    admin: &mut Admin,
    output: &Output,
) -> Result<(), Failure> {
    let federation = match command {
        FederationCommand::Show => {
            let request = GetFederationRequest { tenant };
            let found = admin.get_federation(request).await.map_err(from_status)?;
            found.into_inner().federation
        }
        FederationCommand::Set(arguments) => {
            let request = arguments.request(tenant);
            let set = admin.set_federation(request).await.map_err(from_status)?;
            set.into_inner().federation
        }
        FederationCommand::Tenants { tenants } => {
            let federated_tenants = tenants.clone();
            let request = SetFederatedTenantsRequest { tenant, federated_tenants };
            admin.set_federated_tenants(request).await.map_err(from_status)?;
            let text = format!("federates with {} tenants", tenants.len());
            output.print(text, || json!({"federatedTenants": tenants}));
            return Ok(());
        }
    };
    let federation = federation.unwrap_or_default();
    output.print(text(&federation), || {
        to_json("trunkline.admin.v1.FederationConfiguration", &federation)
    });
    Ok(())
}

impl SetArguments {
    fn request(self, tenant: String) -> SetFederationRequest {
        let list = |resources: Option<Vec<String>>, nothing: &str| {
            resources.map(|ids| ResourceList {
                resource_ids: ids
                    .into_iter()
                    .filter(|id| id != nothing && !id.is_empty())
                    .collect(),
            })
        };
        let label = self.label_for_allowed_acs_users.map(|label| match label {
            Label::External => AcsUserLabel::External.into(),
            Label::Unverified => AcsUserLabel::Unverified.into(),
        });
        SetFederationRequest {
            tenant,
            enable_acs_users: self.enable_acs_users,
            allowed_acs_resources: list(self.allowed_acs_resources, "all"),
            blocked_acs_resources: list(self.blocked_acs_resources, "none"),
            require_acs_federation_for_meeting: self.require_acs_federation_for_meeting,
            label_for_allowed_acs_users: label,
            hide_banner_for_allowed_acs_users: self.hide_banner_for_allowed_acs_users,
        }
    }
}

/// The parameters with the names that administrators know.
pub(super) fn text(federation: &FederationConfiguration) -> String {
    let list = |ids: &[String], nothing: &str| match ids {
        [] => nothing.to_owned(),
        ids => ids.join(", "),
    };
    let label = match federation.label_for_allowed_acs_users() {
        AcsUserLabel::External => "External",
        AcsUserLabel::Unverified | AcsUserLabel::Unspecified => "Unverified",
    };
    [
        ("EnableAcsUsers", federation.enable_acs_users.to_string()),
        ("AllowedAcsResources", list(&federation.allowed_acs_resources, "all")),
        ("BlockedAcsResources", list(&federation.blocked_acs_resources, "none")),
        (
            "RequireAcsFederationForMeeting",
            federation.require_acs_federation_for_meeting.to_string(),
        ),
        ("LabelForAllowedAcsUsers", label.to_owned()),
        ("HideBannerForAllowedAcsUsers", federation.hide_banner_for_allowed_acs_users.to_string()),
    ]
    .map(|(name, value)| format!("  {name:<31} {value}"))
    .join("\n")
}
