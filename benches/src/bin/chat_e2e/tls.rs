//! TLS connections that trust one authority: that of the server under measurement.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

pub(crate) type TlsStream = tokio_rustls::client::TlsStream<TcpStream>;

/// Opens connections to a port of this machine.
#[derive(Clone)]
pub(crate) struct Connector {
    port: u16,
    tls: TlsConnector,
}

impl Connector {
    /// Trusts the certificates in a file; `alpn` is the protocol to ask for.
    pub(crate) fn new(port: u16, ca: &Path, alpn: Option<&str>) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(ca)? {
            roots.add(certificate?)?;
        }
        let mut config =
            ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = alpn.map(|name| name.as_bytes().to_vec()).into_iter().collect();
        Ok(Self { port, tls: TlsConnector::from(Arc::new(config)) })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) async fn connect(&self) -> Result<TlsStream> {
        let connected = tokio::time::timeout(PATIENCE, self.connect_once());
        connected.await.with_context(|| format!("no connection within {PATIENCE:?}"))?
    }

    async fn connect_once(&self) -> Result<TlsStream> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let stream = TcpStream::connect(address).await.context("cannot connect")?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from("localhost")?;
        self.tls.connect(name, stream).await.context("no TLS")
    }
}

/// A connection or an answer takes milliseconds; one that takes this long does not come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
