//! The commands of the `trunkline` binary, as a library.

mod call;
mod chat;
mod demo;
mod dev;
mod doctor;
mod events;
mod exchange;
mod explain;
mod failure;
pub mod logging;
mod meeting;
mod output;
mod policy;
mod progress;
mod remote;
mod resource;
mod serve;
mod tenant;
mod token;
mod user;
mod wire_json;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::logging::Colors;
use crate::output::Output;
pub use crate::{
    exchange::{Certificates, Exchange, ExchangeConfig, GuestsConfig, IssuerConfig, WebhookConfig},
    failure::{Failure, Family},
};

/// A self-hosted exchange for programmable calling and chat.
#[derive(Debug, Parser)]
#[command(name = "trunkline", version, about, long_about = None)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    json: bool,
    /// What to log, such as `info` or `trunkline_node=debug`.
    #[arg(long, global = true, env = "TRUNKLINE_LOG", default_value = DEFAULT_LOG)]
    log: String,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the development exchange (the default).
    Dev(dev::DevArguments),
    /// Start an exchange from a configuration file.
    Serve(serve::ServeArguments),
    /// Run a scenario end to end and tick off what happened.
    #[command(subcommand)]
    Demo(demo::DemoCommand),
    /// Check what an exchange needs on this machine, and name the fix.
    Doctor(doctor::DoctorArguments),
    /// Explain an end reason or result code, such as 480/10037.
    Explain(explain::ExplainArguments),
    /// Issue an access token from a running exchange.
    Token(token::TokenArguments),
    /// Create, delete and list app users.
    User(user::UserArguments),
    /// List the live calls of somebody, watch them, leave or end them.
    Call(call::CallArguments),
    /// Make meetings, show who is there and who waits, let them in.
    Meeting(meeting::MeetingArguments),
    /// Create threads, send and watch messages, move threads between exchanges.
    Chat(chat::ChatArguments),
    /// Watch events, send them on to a local program, try receivers out.
    Events(events::EventsArguments),
    /// Explain who may reach whom, and set what decides it.
    Policy(policy::PolicyArguments),
    /// List and create app resources, rotate their keys.
    Resource(resource::ResourceArguments),
    /// Show tenants, their directories and their federation, and change them.
    Tenant(tenant::TenantArguments),
}

/// How to reach a running exchange.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RemoteArguments {
    /// Address of the exchange.
    #[arg(long, global = true, env = "TRUNKLINE_URL", default_value = "https://localhost:8443")]
    url: String,
    /// The authority to trust, in PEM.
    #[arg(long, global = true, env = "TRUNKLINE_CA", default_value = "trunkline-data/ca.pem")]
    ca: PathBuf,
    /// An access key of the resource.
    #[arg(long, global = true, env = "TRUNKLINE_ACCESS_KEY", hide_env_values = true)]
    access_key: Option<String>,
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = Output::new(arguments.json);
    if let Err(error) = start_logging(&arguments.log) {
        return output.failure(&error);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return output.failure(&Failure::from(anyhow::Error::from(error))),
    };
    install_crypto_provider();
    let command = arguments.command.unwrap_or_else(|| Command::Dev(Default::default()));
    let outcome = runtime.block_on(run(command, &output));
    // Whatever a command left running in the background has no claim on the process.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => output.failure(&failure),
    }
}

async fn run(command: Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::Dev(arguments) => dev::run(arguments, output).await,
        Command::Serve(arguments) => serve::run(arguments, output).await,
        Command::Demo(command) => demo::run(command, output).await,
        Command::Doctor(arguments) => doctor::run(arguments, output).await,
        Command::Explain(arguments) => explain::run(&arguments, output),
        Command::Token(arguments) => token::run(arguments, output).await,
        Command::User(arguments) => user::run(arguments, output).await,
        Command::Call(arguments) => call::run(arguments, output).await,
        Command::Meeting(arguments) => meeting::run(arguments, output).await,
        Command::Chat(arguments) => chat::run(arguments, output).await,
        Command::Events(arguments) => events::run(arguments, output).await,
        Command::Policy(arguments) => policy::run(arguments, output).await,
        Command::Resource(arguments) => resource::run(arguments, output).await,
        Command::Tenant(arguments) => tenant::run(arguments, output).await,
    }
}

/// Makes aws-lc-rs the process's TLS provider. A second call changes nothing.
pub(crate) fn install_crypto_provider() {
    // The error says that one is installed already, and only this crate installs one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

fn start_logging(filter: &str) -> Result<(), Failure> {
    let colors = if output::stderr_has_colors() { Colors::On } else { Colors::Off };
    let log = logging::log(filter, std::io::stderr, colors).map_err(|error| {
        Failure::new(Family::Usage, anyhow::anyhow!("`--log {filter}` is not a filter: {error}"))
    })?;
    log.init();
    Ok(())
}

/// Warnings of our own and of the libraries, but for two of the calling client's: that a server is
/// named by its address, and that media overtook the handshake.
const DEFAULT_LOG: &str = "warn,rtc::peer_connection::handler=error,rtc_dtls::config=error";
