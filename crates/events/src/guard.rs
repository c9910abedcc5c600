//! The guard against foreign targets: a URL that a customer chose must not reach our own networks.
//!
//! An endpoint is judged twice. Before anything is sent, by what its URL says. When its name is
//! looked up, by every address of the answer; the connection then goes to those very addresses, so
//! that a name cannot change its mind between the look and the leap.

mod address;
mod resolver;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use thiserror::Error;

pub(crate) use self::resolver::{LookupError, VettingResolver};
pub use self::{
    address::AddressClass,
    resolver::{Resolver, SystemResolver},
};
use crate::endpoint::{Endpoint, Host};

/// Decides which endpoints may be reached.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Guard {
    loopback: Loopback,
}

/// Whether the machine itself may be reached.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Loopback {
    /// Yes, and without TLS: for development on one machine only.
    Allowed,
    /// No.
    #[default]
    Refused,
}

/// Why an endpoint may not be reached.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum GuardError {
    /// The URL names an address that is not for the public.
    #[error("URL leads to {class}")]
    Address {
        /// What the address is for.
        class: AddressClass,
    },
    /// The URL asks for a connection without TLS.
    #[error("URL is not https")]
    NotHttps,
    /// The name has an address that is not for the public.
    #[error("host name resolves to {class}")]
    ResolvedAddress {
        /// What the address is for.
        class: AddressClass,
    },
}

impl GuardError {
    /// Returns whether the answer may differ at another time: names are set anew, URLs are not.
    pub fn is_passing(self) -> bool {
        match self {
            Self::Address { .. } | Self::NotHttps => false,
            Self::ResolvedAddress { .. } => true,
        }
    }
}

impl Guard {
    /// Makes a guard that lets endpoints on this machine pass or not.
    pub fn new(loopback: Loopback) -> Self {
        Self { loopback }
    }

    /// Judges an endpoint by its URL alone. Any name but those of this machine passes here, to be
    /// judged by its addresses when it is looked up.
    ///
    /// # Errors
    ///
    /// Says why the endpoint may not be reached.
    pub fn admit(&self, endpoint: &Endpoint) -> Result<(), GuardError> {
        let class = match endpoint.host() {
            Host::Address(address) => AddressClass::of(address),
            Host::Name(name) if is_localhost(name) => Some(AddressClass::Loopback),
            Host::Name(_) => None,
        };
        if let Some(class) = class.filter(|class| !self.allows(*class)) {
            return Err(GuardError::Address { class });
        }
        // What is left with a class is the machine itself, where a wire cannot be tapped.
        if endpoint.is_https() || class.is_some() { Ok(()) } else { Err(GuardError::NotHttps) }
    }

    /// Judges the addresses of a name: one that is not for the public spoils them all, because the
    /// connection may go to any.
    pub(crate) fn admit_addresses(&self, addresses: &[IpAddr]) -> Result<(), GuardError> {
        let classes = addresses.iter().filter_map(|address| AddressClass::of(*address));
        let mut refused = classes.filter(|class| !self.allows(*class));
        match refused.next() {
            Some(class) => Err(GuardError::ResolvedAddress { class }),
            None => Ok(()),
        }
    }

    fn allows(&self, class: AddressClass) -> bool {
        class == AddressClass::Loopback && self.loopback == Loopback::Allowed
    }
}

/// Returns whether a name means this machine whatever name servers say:
/// [RFC 6761 §6.3](https://www.rfc-editor.org/rfc/rfc6761#section-6.3).
pub(crate) fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost") || name == "localhost.localdomain"
}

/// The addresses of this machine, for its names.
pub(crate) const LOOPBACK: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
