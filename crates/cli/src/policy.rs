//! `trunkline policy`: who may reach whom, why, and what decides it.

mod barrier;
mod external_access;

use clap::Subcommand;
use trunkline_proto::admin::v1::{Decision, ExplainPolicyRequest};

use self::barrier::BarrierCommand;
use self::external_access::ExternalAccessCommand;
use crate::RemoteArguments;
use crate::failure::Failure;
use crate::output::Output;
use crate::remote::{Authorized, Remote, from_status};
use crate::wire_json::to_json;

/// Options of `trunkline policy`.
#[derive(Debug, clap::Args)]
pub(crate) struct PolicyArguments {
    #[command(subcommand)]
    command: PolicyCommand,
    /// The tenant, by GUID or name; may be left out where there is only one.
    #[arg(long, global = true, env = "TRUNKLINE_TENANT")]
    tenant: Option<String>,
    #[command(flatten)]
    remote: RemoteArguments,
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    /// Explain whether one user may call another, and chat with them.
    Explain {
        /// Who asks: a raw id, or the alias of a directory user.
        #[arg(long)]
        from: String,
        /// Who is asked for: a raw id, or the alias of a directory user.
        #[arg(long)]
        to: String,
    },
    /// External access policies of single users, and to whom they are granted.
    #[command(subcommand)]
    ExternalAccess(ExternalAccessCommand),
    /// Information barriers between segments of the directory.
    #[command(subcommand)]
    Barrier(BarrierCommand),
}

/// A client of the administration.
type Admin = trunkline_api::admin::v1::admin_service_client::AdminServiceClient<Authorized>;

pub(crate) async fn run(arguments: PolicyArguments, output: &Output) -> Result<(), Failure> {
    let remote = Remote::connect(&arguments.remote).await?;
    let mut admin = remote.admin()?;
    let tenant = arguments.tenant.unwrap_or_default();
    match arguments.command {
        PolicyCommand::Explain { from, to } => {
            let request = ExplainPolicyRequest { from, to };
            let explained = admin.explain_policy(request).await.map_err(from_status)?.into_inner();
            let raw_id = |identifier: &Option<_>| match identifier {
                Some(trunkline_proto::common::v1::CommunicationIdentifier { raw_id, .. }) => {
                    raw_id.clone()
                }
                None => String::new(),
            };
            let text = format!(
                "{} → {}\n{}\n{}",
                output.bold(&raw_id(&explained.from)),
                output.bold(&raw_id(&explained.to)),
                decision("call", &explained.call.clone().unwrap_or_default(), output),
                decision("chat", &explained.chat.clone().unwrap_or_default(), output),
            );
            output.print(text, || to_json("trunkline.admin.v1.ExplainPolicyResponse", &explained));
        }
        PolicyCommand::ExternalAccess(command) => {
            external_access::run(command, tenant, &mut admin, output).await?;
        }
        PolicyCommand::Barrier(command) => {
            barrier::run(command, tenant, &mut admin, output).await?;
        }
    }
    Ok(())
}

fn decision(medium: &str, decision: &Decision, output: &Output) -> String {
    let mut text = match decision.is_allowed {
        true => format!("{} {medium}: allowed by {}", output.tick(true), decision.rule),
        false => {
            let reason = decision.reason.clone().unwrap_or_default();
            let (code, sub_code) = (reason.code, reason.sub_code);
            let denied = format!("denied by {} ({code}/{sub_code})", decision.rule);
            format!("{} {medium}: {denied}\n  fix: {}", output.tick(false), decision.fix)
        }
    };
    for step in &decision.trace {
        let answer = if step.answer { "yes" } else { "no" };
        text.push_str(&output.dim(&format!("\n  {} {answer}", step.question)));
    }
    text
}
