//! A running exchange: the node, its façades on one TLS port, and the admin port.

mod certificates;
mod config;
mod data;
mod facades;

use std::fmt;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use axum_server::Handle;
use axum_server::accept::NoDelayAcceptor;
use axum_server::tls_rustls::RustlsConfig;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::task::JoinHandle;
use trunkline_events::{Guard, Loopback, OutboundConfig};
use trunkline_interop::MeetingConfig;
use trunkline_node::{
    ChatConfig, Health, IdentityConfig, MeetingsConfig, Node, NodeConfig, RelayConfig,
};
use trunkline_policy::FederationConfig;
use trunkline_realtime::Realtime;
use trunkline_transport::PlaneConfig;

pub use self::{
    certificates::Certificates,
    config::{ExchangeConfig, GuestsConfig, IssuerConfig, WebhookConfig},
};

/// A running exchange. Dropping it without [`Exchange::shutdown`] cuts everybody off.
pub struct Exchange {
    node: Node,
    realtime: Realtime,
    address: SocketAddr,
    admin_address: SocketAddr,
    http_address: Option<SocketAddr>,
    ca: Option<(PathBuf, String)>,
    config: ExchangeConfig,
    handle: Handle<SocketAddr>,
    admin_handle: Handle<SocketAddr>,
    http_handle: Handle<SocketAddr>,
    servers: Vec<JoinHandle<std::io::Result<()>>>,
    started_in: Duration,
    // Unlocked, and removed when temporary, once everything else is gone.
    _data: data::DataDirectory,
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Exchange {
    /// Starts everything and returns once the ports accept connections.
    ///
    /// # Errors
    /// Names the port, file or key that stands in the way.
    pub async fn start(config: ExchangeConfig) -> Result<Self> {
        let begun = Instant::now();
        config.check()?;
        crate::install_crypto_provider();
        let data = data::DataDirectory::open(config.data_directory.as_deref())?;
        let (tls, ca) = match (&config.tls_certificate, &config.tls_key) {
            (Some(chain), Some(key)) => {
                (Arc::new(certificates::server_config_from_files(chain, key)?), None)
            }
            (Some(_) | None, _) => {
                let made = Certificates::load_or_create(data.certificates(), &config.names)?;
                (made.server_config, Some((made.ca_path, made.ca_pem)))
            }
        };
        // Binding comes before anything that runs, so that a taken port costs nothing.
        let listener = bind(config.listen, "listen")?;
        let admin_listener = bind(config.admin_listen, "admin_listen")?;
        let http_listener =
            config.http_listen.map(|address| bind(address, "http_listen")).transpose()?;
        let http_address = match &http_listener {
            Some(listener) => Some(listener.local_addr().context("cannot read the bound address")?),
            None => None,
        };
        let address = listener.local_addr().context("cannot read the bound address")?;
        let admin_address = admin_listener.local_addr().context("cannot read the bound address")?;

        // What is counted before there is a recorder is counted nowhere, and shards look once.
        let metrics = metrics_handle()?;
        let web_config = facades::web_config(&config)?;
        let node = Node::start(node_config(&config, &data, address)?)
            .await
            .context("the node cannot start")?;
        let realtime = facades::realtime(&node)?;
        let app = facades::over_tls(&config, web_config, &node, &realtime);
        let handle = Handle::new();
        let server = axum_server::from_tcp_rustls(listener, RustlsConfig::from_config(tls))
            .context("cannot serve on the TLS port")?
            // What is told in several writes waits for nobody's acknowledgment.
            .map(|tls| tls.acceptor(NoDelayAcceptor::new()))
            .handle(handle.clone())
            .serve(app.into_make_service_with_connect_info::<SocketAddr>());
        let admin_handle = Handle::new();
        let admin = axum_server::from_tcp(admin_listener)
            .context("cannot serve on the admin port")?
            .handle(admin_handle.clone())
            .serve(admin_router(metrics, node.clone()).into_make_service());
        let mut servers = vec![tokio::spawn(server), tokio::spawn(admin)];
        let http_handle = Handle::new();
        if let Some(listener) = http_listener {
            let http = axum_server::from_tcp(listener)
                .context("cannot serve on the HTTP port")?
                .acceptor(NoDelayAcceptor::new())
                .handle(http_handle.clone())
                .serve(facades::in_the_clear(&config, &node).into_make_service());
            servers.push(tokio::spawn(http));
            http_handle.listening().await.context("the HTTP port did not open")?;
        }
        handle.listening().await.context("the TLS port did not open")?;
        admin_handle.listening().await.context("the admin port did not open")?;
        Ok(Self {
            node,
            realtime,
            address,
            admin_address,
            http_address,
            ca,
            config,
            handle,
            admin_handle,
            http_handle,
            servers,
            started_in: begun.elapsed(),
            _data: data,
        })
    }

    /// Returns the node, for what runs in the same process.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// Returns the address of the TLS port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the address of the admin port.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin_address
    }

    /// Returns the address of the port in the clear, where there is one.
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http_address
    }

    /// Returns the address of pages and API as a URL.
    pub fn url(&self) -> String {
        url_of(self.address)
    }

    /// Returns the development authority's certificate: its file, and the PEM text.
    pub fn ca(&self) -> Option<(&PathBuf, &str)> {
        self.ca.as_ref().map(|(path, pem)| (path, pem.as_str()))
    }

    /// Returns the configuration in force.
    pub fn config(&self) -> &ExchangeConfig {
        &self.config
    }

    /// Returns how long the start took.
    pub fn started_in(&self) -> Duration {
        self.started_in
    }

    /// Stops: refuses what is new, closes sessions with 1001, then the ports, within ten seconds.
    pub async fn shutdown(self) -> Result<()> {
        self.realtime.shutdown().await;
        self.node.shutdown().await;
        self.handle.graceful_shutdown(Some(DRAIN));
        self.admin_handle.graceful_shutdown(Some(DRAIN));
        self.http_handle.graceful_shutdown(Some(DRAIN));
        for server in self.servers {
            server.await.context("a server task failed")?.context("a server failed")?;
        }
        Ok(())
    }
}

fn bind(address: SocketAddr, key: &str) -> Result<TcpListener> {
    let listener = TcpListener::bind(address).with_context(|| {
        format!(
            "cannot bind {address}: stop what uses it, or set another with --{}",
            key.replace('_', "-")
        )
    })?;
    listener.set_nonblocking(true).context("cannot make the port non-blocking")?;
    Ok(listener)
}

/// Where pages and API are by default.
fn url_of(address: SocketAddr) -> String {
    // Secure contexts and certificates go by name; `localhost` is in every development one.
    match address.ip().is_loopback() {
        true => format!("https://localhost:{}", address.port()),
        false => format!("https://{address}"),
    }
}

fn node_config(
    config: &ExchangeConfig,
    data: &data::DataDirectory,
    address: SocketAddr,
) -> Result<NodeConfig> {
    let [first, second] = config.access_keys.as_slice() else {
        anyhow::bail!("`access_keys` needs two keys");
    };
    let tenant_name = match config.tenant_name.is_empty() {
        true => config.tenant.as_str(),
        false => &config.tenant_name,
    };
    // Who develops has receivers on the same machine, and no certificates for them.
    let loopback = match config.dev_endpoints {
        true => Loopback::Allowed,
        false => Loopback::Refused,
    };
    let issuers = config.issuers.iter().map(config::IssuerConfig::issuer);
    let subscriptions = config.webhooks.iter().map(config::WebhookConfig::subscription);
    Ok(NodeConfig {
        store: data.store()?,
        identity: IdentityConfig {
            resource: config.resource.clone(),
            access_keys: [first.clone(), second.clone()],
            tenant: config.tenant.clone(),
            tenant_name: tenant_name.parse().context("`tenant_name`")?,
            directory: config.directory.clone(),
            signing_key: data.signing_key()?,
            issuers: issuers.collect::<Result<_>>()?,
            has_dev_issuer: config.dev_endpoints,
        },
        federation: FederationConfig {
            enable_acs_users: config.federation_enabled,
            allowed_acs_resources: config.federation_resources.clone(),
            ..FederationConfig::default()
        },
        plane: PlaneConfig {
            bind_ip: config.media_ip,
            advertised_ips: config.media_advertised_ips.clone(),
            ports: media_ports(config.media_port),
            shards: config.media_shards,
        },
        participant_limit: config.participant_limit,
        chat: ChatConfig::default(),
        meetings: MeetingsConfig {
            origin: config.public_url.clone().unwrap_or_else(|| url_of(address)),
            limits: MeetingConfig {
                meeting_participants: config.meeting_participant_limit,
                ..MeetingConfig::default()
            },
            ..MeetingsConfig::default()
        },
        relay: RelayConfig {
            outbound: OutboundConfig { guard: Guard::new(loopback), ..OutboundConfig::default() },
            start_grace: START_GRACE,
            subscriptions: subscriptions.collect::<Result<_>>()?,
            ..RelayConfig::default()
        },
    })
}

/// One port per shard from the first on; none when the system is to choose.
fn media_ports(first: u16) -> Vec<u16> {
    match first {
        0 => Vec::new(),
        first => (first..=u16::MAX).take(MEDIA_PORT_RANGE).collect(),
    }
}

fn admin_router(metrics: PrometheusHandle, node: Node) -> axum::Router {
    use axum::http::StatusCode;
    use axum::routing::get;

    let health = async move || {
        let health = node.health().await;
        let status = match health {
            Health::Serving => StatusCode::OK,
            Health::Stopping | Health::WritesSuspended => StatusCode::SERVICE_UNAVAILABLE,
        };
        (status, format!("{health}\n"))
    };
    axum::Router::new()
        .route("/metrics", get(move || std::future::ready(metrics.render())))
        .route("/healthz", get(health))
}

/// One recorder serves every exchange of a process: the metrics façade has one global place.
fn metrics_handle() -> Result<PrometheusHandle> {
    static RECORDER: std::sync::Mutex<Option<PrometheusHandle>> = std::sync::Mutex::new(None);
    let mut recorder = RECORDER.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    match &*recorder {
        Some(handle) => Ok(handle.clone()),
        None => {
            let handle = metrics_exporter_prometheus::PrometheusBuilder::new()
                .install_recorder()
                .context("cannot install the metrics recorder")?;
            Ok(recorder.insert(handle).clone())
        }
    }
}

/// How long receivers of events may work off what has waited for a start. Longer keeps the log of a
/// receiver that is gone for longer; shorter gives up events of one that is slow.
const START_GRACE: Duration = Duration::from_secs(60 * 60);

/// More shards than this run on no machine; ports beyond the shards' number are not opened.
const MEDIA_PORT_RANGE: usize = 256;

/// Long enough for close frames to leave, short enough for an operator who waits.
const DRAIN: Duration = Duration::from_secs(5);
