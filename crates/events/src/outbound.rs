//! HTTP to places that a customer named: guarded, without proxies, bounded in time and size.

use std::{error::Error as StdError, fmt, io, sync::Arc, time::Duration};

use reqwest::{Client, Request, Response, header};
use rustls::CertificateError;
use thiserror::Error;

use crate::{
    endpoint::{Endpoint, ParseEndpointError},
    guard::{Guard, GuardError, LookupError, Resolver, SystemResolver, VettingResolver},
    outcome::{TlsFailure, Unreachable},
};

/// An HTTP client that reaches what its [`Guard`] lets it reach.
///
/// A connection goes to an address that was judged, whichever way the name resolves a moment later.
/// The environment's proxies are not used, because behind one the name would be resolved again, out
/// of sight. Cloning is cheap and shares the connections.
#[derive(Clone)]
pub struct Outbound {
    guard: Guard,
    client: Client,
}

/// How an [`Outbound`] is set up.
#[derive(Clone, Debug)]
pub struct OutboundConfig {
    /// Which endpoints may be reached.
    pub guard: Guard,
    /// Who looks names up.
    pub resolver: Arc<dyn Resolver>,
    /// Whose certificates are believed.
    pub trust_roots: TrustRoots,
}

impl Default for OutboundConfig {
    fn default() -> Self {
        Self {
            guard: Guard::default(),
            resolver: Arc::new(SystemResolver),
            trust_roots: TrustRoots::System,
        }
    }
}

/// The certificate authorities that may vouch for receivers.
#[derive(Clone)]
pub enum TrustRoots {
    /// Certificates in PEM, and no others.
    Pem(Vec<u8>),
    /// Those of the system.
    System,
    /// Those of the system, and certificates in PEM such as the one of a development exchange.
    SystemAndPem(Vec<u8>),
}

impl fmt::Debug for TrustRoots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pem(pem) => write!(f, "Pem({} bytes)", pem.len()),
            Self::System => f.write_str("System"),
            Self::SystemAndPem(pem) => write!(f, "SystemAndPem({} bytes)", pem.len()),
        }
    }
}

/// Why an [`Outbound`] cannot be set up.
#[derive(Debug, Error)]
pub enum OutboundSetupError {
    /// The HTTP client cannot be built, for instance because the system has no certificates.
    #[error("HTTP client cannot be built")]
    Client(#[source] reqwest::Error),
    /// There is no certificate in the PEM.
    #[error("no certificate found")]
    NoCertificate,
    /// The process has not chosen its TLS provider yet.
    #[error("no TLS provider is installed in this process")]
    NoCryptoProvider,
}

/// How much an exchange may take.
#[derive(Clone, Copy, Debug)]
pub struct OutboundLimits {
    /// How long it may take from the first look-up to the last byte of the answer.
    pub deadline: Duration,
    /// How many bytes the answer's body may have.
    pub body_bytes: usize,
}

/// An answer, whole.
#[derive(Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({}, <{} bytes>)", self.status, self.body.len())
    }
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum OutboundError {
    /// A redirect leads to no endpoint.
    #[error("redirect is unfit: {0}")]
    Redirect(ParseEndpointError),
    /// The guard does not let an endpoint on the way be reached.
    #[error(transparent)]
    Refused(#[from] GuardError),
    /// The answer is longer than it may be.
    #[error("answer has more than {limit_bytes} bytes")]
    TooLong {
        /// The limit in bytes.
        limit_bytes: usize,
    },
    /// There was no answer in time.
    #[error("no answer within {after:?}")]
    TimedOut {
        /// The time there was.
        after: Duration,
    },
    /// One redirect led to the next more often than is followed.
    #[error("more than {limit} redirects")]
    TooManyRedirects {
        /// How many are followed.
        limit: usize,
    },
    /// There was no answer.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
}

impl Outbound {
    /// How many redirects [`Outbound::get`] follows.
    pub const REDIRECT_LIMIT: usize = 3;

    /// Sets the client up. The process must have installed its TLS provider.
    pub fn new(config: OutboundConfig) -> Result<Self, OutboundSetupError> {
        // The client's builder panics without one.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            return Err(OutboundSetupError::NoCryptoProvider);
        }
        let OutboundConfig { guard, resolver, trust_roots } = config;
        let builder = Client::builder()
            .user_agent(USER_AGENT)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_only()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(IDLE_PER_HOST)
            .dns_resolver(VettingResolver { guard, resolver });
        let builder = match trust_roots {
            TrustRoots::Pem(pem) => builder.tls_certs_only(certificates(&pem)?),
            TrustRoots::System => builder,
            TrustRoots::SystemAndPem(pem) => builder.tls_certs_merge(certificates(&pem)?),
        };
        let client = builder.build().map_err(OutboundSetupError::Client)?;
        Ok(Self { guard, client })
    }

    /// Gets a document, such as an issuer's keys. Redirects are followed, each judged anew.
    ///
    /// # Errors
    ///
    /// Says why there is no answer; an answer of any status is one, unless it is a redirect.
    pub async fn get(
        &self,
        endpoint: &Endpoint,
        limits: OutboundLimits,
    ) -> Result<Answer, OutboundError> {
        let following = async {
            let mut endpoint = endpoint.clone();
            for _ in 0..=Self::REDIRECT_LIMIT {
                let request = Request::new(reqwest::Method::GET, endpoint.url().clone());
                let response = self.send(&endpoint, request).await?;
                let location = response.headers().get(header::LOCATION);
                match location.filter(|_| response.status().is_redirection()) {
                    Some(location) => {
                        // What is not visible ASCII is refused as any URL of that kind.
                        let location = location.to_str().unwrap_or_default();
                        let next = endpoint.redirected(location);
                        endpoint = next.map_err(OutboundError::Redirect)?;
                    }
                    None => return whole(response, limits.body_bytes).await,
                }
            }
            Err(OutboundError::TooManyRedirects { limit: Self::REDIRECT_LIMIT })
        };
        within(limits.deadline, following).await
    }

    /// Sends one request to an endpoint and returns the head of the answer. The caller keeps the
    /// deadline.
    pub(crate) async fn send(
        &self,
        endpoint: &Endpoint,
        request: Request,
    ) -> Result<Response, OutboundError> {
        self.guard.admit(endpoint)?;
        self.client.execute(request).await.map_err(|error| classify(&error))
    }
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound").field("guard", &self.guard).finish_non_exhaustive()
    }
}

/// Ends what takes longer than its time.
pub(crate) async fn within<T>(
    deadline: Duration,
    exchange: impl Future<Output = Result<T, OutboundError>>,
) -> Result<T, OutboundError> {
    let timed_out = OutboundError::TimedOut { after: deadline };
    tokio::time::timeout(deadline, exchange).await.unwrap_or(Err(timed_out))
}

/// Reads the body of an answer, up to a limit.
pub(crate) async fn whole(
    mut response: Response,
    limit_bytes: usize,
) -> Result<Answer, OutboundError> {
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| classify(&error))? {
        if body.len() + chunk.len() > limit_bytes {
            return Err(OutboundError::TooLong { limit_bytes });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, body })
}

/// Finds in the sources of an error what went wrong. The error itself has the whole URL in it, and
/// goes no further.
fn classify(error: &reqwest::Error) -> OutboundError {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(source) = next {
        if let Some(refusal) = source.downcast_ref::<GuardError>() {
            return OutboundError::Refused(*refusal);
        }
        if source.is::<LookupError>() {
            return Unreachable::Name.into();
        }
        if let Some(failure) = tls_failure(source) {
            return Unreachable::Tls(failure).into();
        }
        next = below(source);
    }
    if error.is_timeout() {
        // The only other clock is the one of the connection.
        return OutboundError::TimedOut { after: CONNECT_TIMEOUT };
    }
    if error.is_connect() { Unreachable::Connect.into() } else { Unreachable::Broken.into() }
}

/// Returns what is below an error. An `io::Error` stands for the error within it, and its source is the
/// source of that one, which would be passed over.
fn below<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(within) => Some(within),
        None => error.source(),
    }
}

fn tls_failure(error: &(dyn StdError + 'static)) -> Option<TlsFailure> {
    let error = error.downcast_ref::<rustls::Error>()?;
    let rustls::Error::InvalidCertificate(reason) = error else {
        return Some(TlsFailure::Handshake);
    };
    Some(match reason {
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => TlsFailure::CertificateExpired,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            TlsFailure::CertificateName
        }
        CertificateError::UnknownIssuer => TlsFailure::CertificateUnknownIssuer,
        _ => TlsFailure::CertificateOther,
    })
}

fn certificates(pem: &[u8]) -> Result<Vec<reqwest::Certificate>, OutboundSetupError> {
    match reqwest::Certificate::from_pem_bundle(pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) | Err(_) => Err(OutboundSetupError::NoCertificate),
    }
}

const USER_AGENT: &str = concat!("trunkline/", env!("CARGO_PKG_VERSION"));

/// Longer, and a receiver that is off holds its place; shorter, and one across the world with a lost
/// packet or two is not reached. Retransmissions of a SYN come after 1, 3 and 7 seconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Longer, and receivers close first and the next notification finds a dead connection; shorter, and
/// a chat at walking pace pays for a handshake with each message.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// Connections kept to one host: more serve bursts, and cost both sides memory in between.
const IDLE_PER_HOST: usize = 4;
