//! `trunkline tenant`: tenants, their directories, their federation.

mod federation;
mod user;

use clap::Subcommand;
use trunkline_proto::admin::v1::{GetTenantRequest, ListTenantsRequest, SetTenantRequest, Tenant};

use self::federation::FederationCommand;
use self::user::DirectoryCommand;
use crate::RemoteArguments;
use crate::failure::Failure;
use crate::output::Output;
use crate::remote::{Authorized, Remote, from_status};
use crate::wire_json::to_json;

/// Options of `trunkline tenant`.
#[derive(Debug, clap::Args)]
pub(crate) struct TenantArguments {
    #[command(subcommand)]
    command: TenantCommand,
    /// The tenant, by GUID or name; may be left out where there is only one.
    #[arg(long, global = true, env = "TRUNKLINE_TENANT")]
    tenant: Option<String>,
    #[command(flatten)]
    remote: RemoteArguments,
}

#[derive(Debug, Subcommand)]
enum TenantCommand {
    /// List the tenants.
    List,
    /// Show a tenant with its federation.
    Show,
    /// Create a tenant, or rename the one of the same id.
    Set {
        /// Its name.
        name: String,
        /// Its GUID; drawn when left out.
        #[arg(long)]
        id: Option<String>,
    },
    /// Show or set the federation with app resources.
    #[command(subcommand)]
    Federation(FederationCommand),
    /// List, add and remove the users of the directory.
    #[command(subcommand)]
    User(DirectoryCommand),
}

/// A client of the administration.
type Admin = trunkline_api::admin::v1::admin_service_client::AdminServiceClient<Authorized>;

pub(crate) async fn run(arguments: TenantArguments, output: &Output) -> Result<(), Failure> {
    let remote = Remote::connect(&arguments.remote).await?;
    let mut admin = remote.admin()?;
    let tenant = arguments.tenant.unwrap_or_default();
    match arguments.command {
        TenantCommand::List => {
            let listed = admin.list_tenants(ListTenantsRequest {}).await.map_err(from_status)?;
            for tenant in &listed.into_inner().tenants {
                let users = tenant.directory_users;
                let line = format!("{} {:<20} {users} users", tenant.tenant_id, tenant.name);
                output.print(line, || to_json(TENANT, tenant));
            }
        }
        TenantCommand::Show => {
            let request = GetTenantRequest { tenant };
            let found = admin.get_tenant(request).await.map_err(from_status)?.into_inner();
            show(&found.tenant.unwrap_or_default(), output);
        }
        TenantCommand::Set { name, id } => {
            let tenant_id = id.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
            let request = SetTenantRequest { tenant_id, name };
            let set = admin.set_tenant(request).await.map_err(from_status)?.into_inner();
            show(&set.tenant.unwrap_or_default(), output);
        }
        TenantCommand::Federation(command) => {
            federation::run(command, tenant, &mut admin, output).await?;
        }
        TenantCommand::User(command) => user::run(command, tenant, &mut admin, output).await?,
    }
    Ok(())
}

fn show(tenant: &Tenant, output: &Output) {
    let federation = tenant.federation.clone().unwrap_or_default();
    let federated = match tenant.federated_tenants.as_slice() {
        [] => "none".to_owned(),
        list => list.join(", "),
    };
    let text = format!(
        "{} ({})\n  directory users   {}\n  federated tenants {federated}\n{}",
        output.bold(&tenant.name),
        tenant.tenant_id,
        tenant.directory_users,
        federation::text(&federation),
    );
    output.print(text, || to_json(TENANT, tenant));
}

const TENANT: &str = "trunkline.admin.v1.Tenant";
