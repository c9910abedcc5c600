//! WebRTC on the wire: ICE, DTLS-SRTP, sockets, one media shard per core.
//!
//! [`MediaPlane`] is the whole of it for the control plane: legs are opened with a client's offer,
//! commands go in, events come out. The packets stay on shard threads, each with its own UDP
//! socket and its own [`Router`](trunkline_media::router::Router); nothing of them passes through
//! tokio, a lock or an `Arc`.
//!
//! What is deliberately absent: ICE checks of our own (the server is ICE-lite), TURN, ICE over TCP,
//! data channels, and renegotiation.

pub mod dtls;
pub mod ice;
pub mod stun;

mod clock;
mod config;
mod negotiation;
mod plane;
mod shard;
mod stats;
mod udp;

pub use config::{PlaneConfig, StartError};
pub use negotiation::NegotiationError;
pub use plane::{MediaPlane, OpenLeg, OpenLegError, RestartLegError, SendError};
pub use stats::{IngressDrop, LegState, LegStatus, PlaneStats};
