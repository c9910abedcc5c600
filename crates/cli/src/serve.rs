//! `trunkline serve`: an exchange from a configuration file.

use std::path::PathBuf;

use serde_json::json;

use crate::exchange::{Exchange, ExchangeConfig};
use crate::failure::{Failure, Family, InFamily as _};
use crate::output::Output;

/// Options of `trunkline serve`.
#[derive(Debug, clap::Args)]
pub(crate) struct ServeArguments {
    /// The configuration file.
    #[arg(long, default_value = "trunkline.toml")]
    config: PathBuf,
    /// Print a commented template of the configuration and stop.
    #[arg(long)]
    print_template: bool,
}

pub(crate) async fn run(arguments: ServeArguments, output: &Output) -> Result<(), Failure> {
    if arguments.print_template {
        output.print(ExchangeConfig::template(), || json!(ExchangeConfig::template()));
        return Ok(());
    }
    let config = ExchangeConfig::serve(&arguments.config).in_family(Family::Usage)?;
    let exchange = Exchange::start(config).await.in_family(Family::Unavailable)?;
    output.print(
        format!("serving on {}", exchange.url()),
        || json!({"url": exchange.url(), "admin": exchange.admin_address().to_string()}),
    );
    wait_for_interrupt().await?;
    exchange.shutdown().await?;
    Ok(())
}

/// Returns when the process is asked to stop.
pub(crate) async fn wait_for_interrupt() -> Result<(), Failure> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};

        let mut terminate = signal(SignalKind::terminate()).in_family(Family::Internal)?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted.in_family(Family::Internal),
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    {
        tokio::signal::ctrl_c().await.in_family(Family::Internal)
    }
}
