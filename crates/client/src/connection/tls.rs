//! Which certificates of the exchange are trusted.

use std::{fmt, path::PathBuf, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use thiserror::Error;

/// The certificate authorities that may vouch for the exchange.
#[derive(Clone)]
pub enum TrustRoots {
    /// Certificates in PEM, such as the development CA that `trunkline dev` writes.
    Pem(Vec<u8>),
    /// A file of certificates in PEM.
    PemFile(PathBuf),
    /// The bundle of the system: the file named by `SSL_CERT_FILE`, or where the usual
    /// distributions keep it.
    System,
}

/// Why the trust roots cannot be used.
#[derive(Clone, Debug, Error)]
pub enum TrustRootsError {
    /// A file cannot be read.
    #[error("cannot read {path}: {source}", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Arc<std::io::Error>,
    },
    /// There is no certificate in it.
    #[error("no certificate found")]
    NoCertificate,
    /// The system has no bundle in any of the usual places.
    #[error("system has no certificate bundle in the usual places")]
    NoSystemBundle,
    /// The cryptography library refuses.
    #[error("TLS cannot be set up: {0}")]
    Tls(Arc<rustls::Error>),
}

impl TrustRoots {
    /// Makes the TLS configuration.
    pub(crate) fn client_config(&self) -> Result<Arc<ClientConfig>, TrustRootsError> {
        let pem = match self {
            Self::Pem(pem) => pem.clone(),
            Self::PemFile(path) => read(path.clone())?,
            Self::System => read(system_bundle().ok_or(TrustRootsError::NoSystemBundle)?)?,
        };
        let mut roots = RootCertStore::empty();
        let certificates = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok);
        let (added, _) = roots.add_parsable_certificates(certificates);
        if added == 0 {
            return Err(TrustRootsError::NoCertificate);
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| TrustRootsError::Tls(Arc::new(error)))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Arc::new(config))
    }
}

impl fmt::Debug for TrustRoots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pem(pem) => write!(f, "Pem({} bytes)", pem.len()),
            Self::PemFile(path) => write!(f, "PemFile({})", path.display()),
            Self::System => f.write_str("System"),
        }
    }
}

fn read(path: PathBuf) -> Result<Vec<u8>, TrustRootsError> {
    std::fs::read(&path).map_err(|source| TrustRootsError::File { path, source: Arc::new(source) })
}

fn system_bundle() -> Option<PathBuf> {
    let named = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let usual = SYSTEM_BUNDLES.iter().map(PathBuf::from);
    named.into_iter().chain(usual).find(|path| path.is_file())
}

/// Debian, Fedora, Alpine and macOS with Homebrew, in this order.
const SYSTEM_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/opt/homebrew/etc/ca-certificates/cert.pem",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_without_a_certificate_are_refused() {
        let garbage = TrustRoots::Pem(b"not a certificate".to_vec());
        assert!(matches!(garbage.client_config(), Err(TrustRootsError::NoCertificate)));
        let missing = TrustRoots::PemFile(PathBuf::from("/nonexistent/ca.pem"));
        assert!(matches!(missing.client_config(), Err(TrustRootsError::File { .. })));
    }
}
