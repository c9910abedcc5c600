//! The development certificate authority and the server certificate that it signs.

use std::fs;
use std::io::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The server's TLS identity and the authority that clients are told to trust.
#[derive(Debug)]
pub struct Certificates {
    /// File that holds the authority's certificate, for `SSL_CERT_FILE` and the like.
    pub ca_path: PathBuf,
    /// The authority's certificate in PEM.
    pub ca_pem: String,
    /// TLS configuration of the server, with HTTP/2 and HTTP/1.1 by ALPN.
    pub server_config: Arc<rustls::ServerConfig>,
}

impl Certificates {
    /// Loads the development authority from `directory`, making it at the first start, and signs a
    /// server certificate for the loopback names and `names`.
    ///
    /// The authority lasts ten years; the server certificate is made anew at every start, so a
    /// change of names needs nothing but a restart.
    pub fn load_or_create(directory: &Path, names: &[String]) -> Result<Self> {
        fs::create_dir_all(directory)
            .with_context(|| format!("cannot create {}", directory.display()))?;
        let ca_path = directory.join("ca.pem");
        let key_path = directory.join("ca-key.pem");
        let key = if key_path.exists() {
            let pem = fs::read_to_string(&key_path)
                .with_context(|| format!("cannot read {}", key_path.display()))?;
            KeyPair::from_pem(&pem)
                .with_context(|| format!("{} holds no usable key", key_path.display()))?
        } else {
            let key = KeyPair::generate().context("cannot make a key for the authority")?;
            write_private(&key_path, key.serialize_pem().as_bytes())?;
            key
        };
        let fresh = !ca_path.exists();
        let issuer = CertifiedIssuer::self_signed(ca_params(), key)
            .context("cannot sign the authority's certificate")?;
        // A certificate on disk stays as it is: people have told their clients to trust that file.
        let ca_pem = if fresh {
            let pem = issuer.pem();
            fs::write(&ca_path, &pem)
                .with_context(|| format!("cannot write {}", ca_path.display()))?;
            pem
        } else {
            fs::read_to_string(&ca_path)
                .with_context(|| format!("cannot read {}", ca_path.display()))?
        };
        let server_config = server_config(&issuer, names)?;
        Ok(Self { ca_path, ca_pem, server_config: Arc::new(server_config) })
    }
}

/// Loads a certificate chain and key that an operator supplies.
pub(super) fn server_config_from_files(chain: &Path, key: &Path) -> Result<rustls::ServerConfig> {
    let certificates = CertificateDer::pem_file_iter(chain)
        .with_context(|| format!("cannot read {}", chain.display()))?
        .collect::<Result<Vec<_>, _>>()
        .with_context(|| format!("{} is not a PEM certificate chain", chain.display()))?;
    let key = PrivateKeyDer::from_pem_file(key)
        .with_context(|| format!("{} holds no usable key", key.display()))?;
    finish(certificates, key)
}

fn server_config(
    issuer: &CertifiedIssuer<'_, KeyPair>,
    names: &[String],
) -> Result<rustls::ServerConfig> {
    let mut params = CertificateParams::default();
    params.distinguished_name = distinguished_name("Trunkline development exchange");
    params.subject_alt_names =
        vec![SanType::IpAddress([127, 0, 0, 1].into()), SanType::IpAddress("::1".parse()?)];
    for name in ["localhost"].into_iter().chain(names.iter().map(String::as_str)) {
        params.subject_alt_names.push(match name.parse::<IpAddr>() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName(
                name.try_into().with_context(|| format!("`{name}` is not a host name"))?,
            ),
        });
    }
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    // Browsers refuse server certificates that last longer than 398 days.
    let (not_before, not_after) = validity(Duration::from_secs(390 * DAY_SECONDS));
    params.not_before = not_before.into();
    params.not_after = not_after.into();
    let key = KeyPair::generate().context("cannot make a key for the server")?;
    let certificate =
        params.signed_by(&key, issuer).context("cannot sign the server's certificate")?;
    let key = PrivateKeyDer::try_from(key.serialize_der())
        .map_err(|error| anyhow::anyhow!("the server's key is unusable: {error}"))?;
    finish(vec![certificate.der().clone()], key)
}

fn finish(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<rustls::ServerConfig> {
    let mut config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("the server's certificate and key do not fit")?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn ca_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = distinguished_name("Trunkline development CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let (not_before, not_after) = validity(Duration::from_secs(3_650 * DAY_SECONDS));
    params.not_before = not_before.into();
    params.not_after = not_after.into();
    params
}

fn distinguished_name(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "Trunkline");
    name.push(DnType::CommonName, common_name);
    name
}

/// A day of slack before now, for clients whose clock is behind.
fn validity(life: Duration) -> (SystemTime, SystemTime) {
    let now = SystemTime::now();
    (now - Duration::from_secs(DAY_SECONDS), now + life)
}

/// Writes a file that only its owner may read.
pub(super) fn write_private(path: &Path, content: &[u8]) -> Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file =
        options.open(path).with_context(|| format!("cannot write {}", path.display()))?;
    file.write_all(content).with_context(|| format!("cannot write {}", path.display()))
}

const DAY_SECONDS: u64 = 86_400;
