//! `trunkline policy external-access`: who of a tenant is reached from outside.

use clap::Subcommand;
use serde_json::json;
use trunkline_proto::admin::v1::{
    Assignee, DeleteExternalAccessPolicyRequest, ExternalAccessGrant, ExternalAccessPolicy,
    GrantExternalAccessPolicyRequest, ListExternalAccessRequest, RevokeExternalAccessPolicyRequest,
    SetExternalAccessPolicyRequest,
};

use super::Admin;
use crate::failure::Failure;
use crate::output::Output;
use crate::remote::from_status;
use crate::wire_json::to_json;

#[derive(Debug, Subcommand)]
pub(super) enum ExternalAccessCommand {
    /// List the policies and their grants.
    List,
    /// Add a policy, or replace the one of the same name.
    Set {
        /// Its name; `Global` applies where no other one is granted.
        name: String,
        /// Whether app users and the user reach each other.
        #[arg(long, default_value_t = true, action = clap::ArgAction::Set)]
        enable_acs_federation_access: bool,
        /// Whether users of other tenants and the user reach each other.
        #[arg(long, default_value_t = true, action = clap::ArgAction::Set)]
        enable_federation_access: bool,
    },
    /// Remove a policy; its grants count for nothing.
    Delete {
        /// Its name.
        name: String,
    },
    /// Grant a policy, in place of an earlier grant to the same assignee.
    Grant {
        /// The policy's name.
        policy: String,
        #[command(flatten)]
        to: To,
        /// Among the groups of one user the lowest wins.
        #[arg(long, default_value_t = 0)]
        rank: u32,
    },
    /// Take back a grant.
    Revoke {
        #[command(flatten)]
        to: To,
    },
}

/// To whom a policy is granted.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct To {
    /// One user: an alias, an object id or a raw id.
    #[arg(long)]
    user: Option<String>,
    /// Everybody in a group.
    #[arg(long)]
    group: Option<String>,
}

impl To {
    fn assignee(self) -> Option<Assignee> {
        let Self { user, group } = self;
        Some(Assignee { user: user.unwrap_or_default(), group: group.unwrap_or_default() })
    }
}

pub(super) async fn run(
    command: ExternalAccessCommand,
    tenant: String,
    admin: &mut Admin,
    output: &Output,
) -> Result<(), Failure> {
    match command {
        ExternalAccessCommand::List => {
            let request = ListExternalAccessRequest { tenant };
            let listed = admin.list_external_access(request).await.map_err(from_status)?;
            let listed = listed.into_inner();
            if output.is_json() {
                let name = "trunkline.admin.v1.ListExternalAccessResponse";
                output.print("", || to_json(name, &listed));
                return Ok(());
            }
            listed.policies.iter().for_each(|policy| output.say(policy_text(policy)));
            listed.grants.iter().for_each(|grant| output.say(grant_text(grant)));
        }
        ExternalAccessCommand::Set {
            name,
            enable_acs_federation_access,
            enable_federation_access,
        } => {
            let policy = ExternalAccessPolicy {
                identity: name,
                enable_acs_federation_access,
                enable_federation_access,
            };
            let request = SetExternalAccessPolicyRequest { tenant, policy: Some(policy.clone()) };
            admin.set_external_access_policy(request).await.map_err(from_status)?;
            output.print(policy_text(&policy), || {
                to_json("trunkline.admin.v1.ExternalAccessPolicy", &policy)
            });
        }
        ExternalAccessCommand::Delete { name } => {
            let request = DeleteExternalAccessPolicyRequest { tenant, identity: name.clone() };
            admin.delete_external_access_policy(request).await.map_err(from_status)?;
            output.print(format!("deleted {name}"), || json!({"deleted": name}));
        }
        ExternalAccessCommand::Grant { policy, to, rank } => {
            let grant = ExternalAccessGrant { assignee: to.assignee(), policy, rank };
            let request = GrantExternalAccessPolicyRequest { tenant, grant: Some(grant.clone()) };
            admin.grant_external_access_policy(request).await.map_err(from_status)?;
            output.print(grant_text(&grant), || {
                to_json("trunkline.admin.v1.ExternalAccessGrant", &grant)
            });
        }
        ExternalAccessCommand::Revoke { to } => {
            let request = RevokeExternalAccessPolicyRequest { tenant, assignee: to.assignee() };
            admin.revoke_external_access_policy(request).await.map_err(from_status)?;
            output.print("revoked", || json!({"revoked": true}));
        }
    }
    Ok(())
}

fn policy_text(policy: &ExternalAccessPolicy) -> String {
    let (acs, federation) = (policy.enable_acs_federation_access, policy.enable_federation_access);
    let name = &policy.identity;
    format!("{name:<20} EnableAcsFederationAccess {acs}, EnableFederationAccess {federation}")
}

fn grant_text(grant: &ExternalAccessGrant) -> String {
    let Assignee { user, group } = grant.assignee.clone().unwrap_or_default();
    let whom = match group.is_empty() {
        true => format!("user {user}"),
        false => format!("group {group}, rank {}", grant.rank),
    };
    format!("  {} to {whom}", grant.policy)
}
