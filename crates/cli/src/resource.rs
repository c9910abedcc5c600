//! `trunkline resource`: app resources and their access keys.

use clap::{Subcommand, ValueEnum};
use trunkline_proto::admin::v1::{
    CreateResourceRequest, KeySlot, ListResourcesRequest, RotateAccessKeyRequest,
};

use crate::RemoteArguments;
use crate::failure::Failure;
use crate::output::Output;
use crate::remote::{Remote, from_status};
use crate::wire_json::to_json;

/// Options of `trunkline resource`.
#[derive(Debug, clap::Args)]
pub(crate) struct ResourceArguments {
    #[command(subcommand)]
    command: ResourceCommand,
    #[command(flatten)]
    remote: RemoteArguments,
}

#[derive(Debug, Subcommand)]
enum ResourceCommand {
    /// List the resources.
    List,
    /// Create a resource with two keys, which are told once.
    Create {
        /// The name, for people.
        name: String,
    },
    /// Replace an access key; what is signed with the old one is refused from then on.
    Rotate {
        /// The resource; the exchange's own when left out.
        resource: Option<String>,
        /// Which key; the older one when left out.
        #[arg(long)]
        slot: Option<Slot>,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Slot {
    Primary,
    Secondary,
}

pub(crate) async fn run(arguments: ResourceArguments, output: &Output) -> Result<(), Failure> {
    let remote = Remote::connect(&arguments.remote).await?;
    let mut admin = remote.admin()?;
    match arguments.command {
        ResourceCommand::List => {
            let listed =
                admin.list_resources(ListResourcesRequest {}).await.map_err(from_status)?;
            for resource in &listed.into_inner().resources {
                let line = format!("{} {}", resource.resource_id, resource.name);
                output.print(line, || to_json("trunkline.admin.v1.Resource", resource));
            }
        }
        ResourceCommand::Create { name } => {
            let request = CreateResourceRequest { name };
            let created = admin.create_resource(request).await.map_err(from_status)?.into_inner();
            let resource = created.resource.clone().unwrap_or_default();
            let text = format!(
                "resource      {}\nprimary key   {}\nsecondary key {}",
                resource.resource_id, created.primary_key, created.secondary_key
            );
            output.print(text, || to_json("trunkline.admin.v1.CreateResourceResponse", &created));
        }
        ResourceCommand::Rotate { resource, slot } => {
            let slot = match slot {
                None => KeySlot::Unspecified,
                Some(Slot::Primary) => KeySlot::Primary,
                Some(Slot::Secondary) => KeySlot::Secondary,
            };
            let resource_id = resource.unwrap_or_default();
            let request = RotateAccessKeyRequest { resource_id, slot: slot.into() };
            let rotated = admin.rotate_access_key(request).await.map_err(from_status)?.into_inner();
            // Only the key on standard output, so that it can be captured.
            output.print(&rotated.access_key, || {
                to_json("trunkline.admin.v1.RotateAccessKeyResponse", &rotated)
            });
        }
    }
    Ok(())
}
