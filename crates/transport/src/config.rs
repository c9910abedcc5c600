//! How a media plane is set up, and why it may fail to start.

use std::io;
use std::net::IpAddr;

/// Addresses, ports and size of a media plane.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PlaneConfig {
    /// The local address of the sockets; the unspecified address listens on all interfaces.
    pub bind_ip: IpAddr,
    /// The addresses that clients are told to reach, in order of preference. Empty stands for
    /// `bind_ip`, which then must be a specific address.
    pub advertised_ips: Vec<IpAddr>,
    /// The UDP port of each shard in turn; shards beyond the list get a free port of the system's
    /// choice, as does a port of zero.
    pub ports: Vec<u16>,
    /// How many shards run; zero stands for one per usable core.
    pub shards: usize,
}

impl PlaneConfig {
    /// Makes a plane at one address with free ports and one shard per core.
    pub fn new(bind_ip: IpAddr) -> Self {
        Self { bind_ip, advertised_ips: Vec::new(), ports: Vec::new(), shards: 0 }
    }
}

/// Says why a media plane did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Clients cannot be told to reach the unspecified address.
    #[error("no advertised address: {bind_ip} is not one that a client can reach")]
    AdvertisedAddress {
        /// The unspecified address.
        bind_ip: IpAddr,
    },
    /// The certificate for DTLS could not be made.
    #[error("cannot make the dtls certificate: {cause}")]
    Certificate {
        /// What the certificate library said.
        cause: String,
    },
    /// A UDP socket could not be opened.
    #[error("cannot open udp {ip} port {port}")]
    Socket {
        /// The local address.
        ip: IpAddr,
        /// The port asked for; zero for any.
        port: u16,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A shard thread could not be started.
    #[error("cannot start a shard thread")]
    Thread(#[source] io::Error),
    /// More shards were asked for than are supported.
    #[error("{requested} shards exceed {limit}")]
    TooManyShards {
        /// The number asked for.
        requested: usize,
        /// The limit.
        limit: usize,
    },
}
