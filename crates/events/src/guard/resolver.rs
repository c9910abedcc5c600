//! Names to addresses, each looked up once and judged before anything connects.

use std::{fmt, io, net::IpAddr, sync::Arc};

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use thiserror::Error;

use super::{Guard, LOOPBACK, is_localhost};

/// Looks names up.
#[async_trait]
pub trait Resolver: fmt::Debug + Send + Sync {
    /// Returns the addresses of a name; an error, or none, if there is no such name.
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// Looks names up as the machine is set up to.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let addresses = tokio::net::lookup_host((name, 0)).await?;
        Ok(addresses.map(|address| address.ip()).collect())
    }
}

/// Says that a name could not be looked up.
#[derive(Debug, Error)]
#[error("host name cannot be resolved")]
pub(crate) struct LookupError {
    #[source]
    source: Option<io::Error>,
}

/// Gives the HTTP client the addresses of a name that the guard lets pass, and no others.
#[derive(Clone, Debug)]
pub(crate) struct VettingResolver {
    pub(crate) guard: Guard,
    pub(crate) resolver: Arc<dyn Resolver>,
}

impl VettingResolver {
    async fn vetted(self, name: Name) -> Result<Addrs, Box<dyn std::error::Error + Send + Sync>> {
        let addresses = if is_localhost(name.as_str()) {
            LOOPBACK.to_vec()
        } else {
            let looked_up = self.resolver.resolve(name.as_str()).await;
            looked_up.map_err(|source| LookupError { source: Some(source) })?
        };
        if addresses.is_empty() {
            return Err(LookupError { source: None }.into());
        }
        self.guard.admit_addresses(&addresses)?;
        // The port 0 stands for the one of the URL.
        Ok(Box::new(addresses.into_iter().map(|address| (address, 0).into())))
    }
}

impl Resolve for VettingResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(self.clone().vetted(name))
    }
}
