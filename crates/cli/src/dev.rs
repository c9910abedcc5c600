//! `trunkline dev`: the development exchange, and what to try with it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde_json::json;

use crate::exchange::{Exchange, ExchangeConfig};
use crate::failure::{Failure, Family, InFamily as _};
use crate::output::Output;
use crate::serve::wait_for_interrupt;

/// Options of `trunkline dev`; without any it just starts.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct DevArguments {
    /// The TLS port; port 0 takes a free one.
    #[arg(long, env = "TRUNKLINE_LISTEN")]
    listen: Option<SocketAddr>,
    /// The port for metrics and health; port 0 takes a free one.
    #[arg(long, env = "TRUNKLINE_ADMIN_LISTEN")]
    admin_listen: Option<SocketAddr>,
    /// The plain-text port of the REST interface; port 0 takes a free one.
    #[arg(long, env = "TRUNKLINE_HTTP_LISTEN")]
    http_listen: Option<SocketAddr>,
    /// Address to bind media to and to announce to clients; set it to call from another machine.
    #[arg(long)]
    media_ip: Option<IpAddr>,
    /// Where to keep certificates, keys and users.
    #[arg(long, env = "TRUNKLINE_DATA_DIRECTORY")]
    data_directory: Option<PathBuf>,
    /// A further name or address for the server certificate; may be repeated.
    #[arg(long = "name")]
    names: Vec<String>,
}

impl DevArguments {
    fn config(self) -> ExchangeConfig {
        let mut config = ExchangeConfig::dev();
        config.listen = self.listen.unwrap_or(config.listen);
        config.http_listen = Some(self.http_listen.unwrap_or(HTTP_LISTEN));
        config.admin_listen = self.admin_listen.unwrap_or(config.admin_listen);
        config.media_ip = self.media_ip.unwrap_or(config.media_ip);
        config.data_directory = self.data_directory.or(config.data_directory);
        config.names = self.names;
        config
    }
}

pub(crate) async fn run(arguments: DevArguments, output: &Output) -> Result<(), Failure> {
    let exchange = Exchange::start(arguments.config()).await.in_family(Family::Unavailable)?;
    announce(&exchange, output);
    wait_for_interrupt().await?;
    output.say("stopping …");
    exchange.shutdown().await?;
    Ok(())
}

fn announce(exchange: &Exchange, output: &Output) {
    let config = exchange.config();
    let url = exchange.url();
    let ca = exchange.ca().map(|(path, _)| path.display().to_string()).unwrap_or_default();
    let key = config.access_keys.first().cloned().unwrap_or_default();
    let connection_string = format!("endpoint={url}/;accesskey={key}");
    let aliases: Vec<&str> = config.directory.iter().map(|user| user.alias.as_str()).collect();
    let started_ms = exchange.started_in().as_millis();
    if output.is_json() {
        output.print("", || {
            json!({
                "ready": true,
                "url": url,
                "pages": if trunkline_web::HAS_APP { "app" } else { "build-free" },
                "http": exchange.http_address().map(|address| format!("http://{address}")),
                "admin": format!("http://{}", exchange.admin_address()),
                "ca": ca,
                "connectionString": connection_string,
                "tenant": {"id": config.tenant, "name": config.tenant_name, "users": aliases},
                "startedInMs": u64::try_from(started_ms).unwrap_or(u64::MAX),
            })
        });
        return;
    }
    let binary = std::env::args().next().unwrap_or_else(|| "trunkline".to_owned());
    let name = |text: &str| output.dim(&format!("{text:<20}"));
    output.say(format!("\n{} in {started_ms} ms\n", output.bold("Trunkline is ready")));
    output.say(format!("  {}{url}", name("pages and API")));
    output.say(match trunkline_web::HAS_APP {
        true => format!("  {}{url}/app/ (compiled in)", name("app for people")),
        false => format!(
            "  {}the pages that need no build; `cargo xtask web` bundles the app",
            name("served there")
        ),
    });
    if let Some(address) = exchange.http_address() {
        output.say(format!("  {}http://{address}", name("REST in the clear")));
    }
    output.say(format!("  {}http://{}/metrics", name("metrics"), exchange.admin_address()));
    output.say(format!("  {}{} ({})", name("tenant"), config.tenant_name, aliases.join(", ")));
    output.say(format!("  {}{connection_string}", name("connection string")));
    output.say(format!("  {}{ca}", name("trust this CA")));
    output.say(format!(
        "\n{}\n  export SSL_CERT_FILE={ca} REQUESTS_CA_BUNDLE={ca} NODE_EXTRA_CA_CERTS={ca} \\\n    \
         GRPC_DEFAULT_SSL_ROOTS_FILE_PATH={ca}\n  export TRUNKLINE_ACCESS_KEY={key}\n",
        output.bold("For SDKs and scripts")
    ));
    output.say(output.bold("Three things to try"));
    output.say(format!(
        "  1. Call yourself: open {url}/?as=alice and {url}/?as=bob in two tabs\n     (the browser \
         will ask you to accept the development certificate)"
    ));
    output.say(format!("  2. Hear a call without a browser: {binary} demo first-call"));
    output.say(format!("  3. Look a code up: {binary} explain 480/10037"));
    output.say("\nCtrl-C stops it.");
}

/// For clients that are told an `http` endpoint; beside the TLS port, so that both are found.
const HTTP_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8442);
