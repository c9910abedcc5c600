//! The realtime façade: chat notifications in the dialect of the browser SDK.
//!
//! The unmodified client allocates an endpoint, opens a socket of socket.io 0.9 to it, and is sent
//! requests that it answers; it never asks for what it missed. So an endpoint outlives its sockets:
//! what is not answered comes again, in order, on the next one. The core has no I/O: [`frame`],
//! [`negotiate`], [`push`] and the machine in [`endpoint`]. The shell is one task per endpoint, which
//! owns its socket and its feed.
//!
//! Not here: xhr-polling, because every client that this serves has WebSockets.

mod cors;
mod directory;
mod encoder;
pub mod endpoint;
pub mod exchange;
pub mod frame;
pub mod negotiate;
mod node;
pub mod push;
pub mod registrations;
mod routes;
mod socket;
mod task;

use std::{fmt, sync::Arc};

use axum::Router;

use crate::{
    directory::Shared, endpoint::OutboxLimits, exchange::Exchange, negotiate::Origin,
    registrations::Registrations,
};

/// How the façade behaves.
#[derive(Clone)]
pub struct RealtimeConfig {
    /// Signs what clients bring back, drawn by the caller. With the same one after a restart the
    /// names of endpoints stay; with another, clients allocate anew all the same.
    pub secret: [u8; 32],
    /// Where clients reach the exchange, if that is not what their requests say: behind a proxy that
    /// rewrites the host.
    pub public_origin: Option<Origin>,
    /// The scheme of requests that do not tell and whose listener added no [`Scheme`] extension.
    pub scheme: Scheme,
    /// The bounds of each endpoint's outbox.
    pub outbox: OutboxLimits,
    /// The largest number of endpoints.
    pub endpoints: usize,
    /// The largest number of endpoints of one user. Pages that are closed leave theirs behind, so the
    /// oldest without a socket makes room.
    pub endpoints_per_user: usize,
}

impl RealtimeConfig {
    /// Makes the configuration with a secret and the usual for everything else.
    pub fn new(secret: [u8; 32]) -> Self {
        Self {
            secret,
            public_origin: None,
            scheme: Scheme::Https,
            outbox: OutboxLimits::default(),
            endpoints: 50_000,
            endpoints_per_user: 64,
        }
    }
}

impl fmt::Debug for RealtimeConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RealtimeConfig")
            .field("public_origin", &self.public_origin)
            .field("scheme", &self.scheme)
            .field("outbox", &self.outbox)
            .field("endpoints", &self.endpoints)
            .field("endpoints_per_user", &self.endpoints_per_user)
            .finish_non_exhaustive()
    }
}

/// The scheme by which a client reached the exchange; a listener adds it to its requests as an
/// extension.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// Returns the scheme as URLs spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// The façade: its endpoints and their tasks. Clones are handles to the same one.
#[derive(Clone, Debug)]
pub struct Realtime {
    shared: Arc<Shared>,
}

impl Realtime {
    /// Makes the façade of an exchange.
    pub fn new(
        config: RealtimeConfig,
        exchange: Arc<dyn Exchange>,
        registrations: Arc<dyn Registrations>,
    ) -> Self {
        Self { shared: Arc::new(Shared::new(config, exchange, registrations)) }
    }

    /// Builds the router. It has no fallback, so that it merges with the other routes of its port.
    pub fn router(&self) -> Router {
        routes::router(Arc::clone(&self.shared))
    }

    /// Closes every socket and ends every endpoint; what is not acknowledged stays in the feed.
    /// Completes within the time that a socket has to close.
    pub async fn shutdown(&self) {
        self.shared.stopping.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }

    /// Returns how many endpoints there are, those without a socket included.
    pub fn endpoints(&self) -> usize {
        self.shared.count()
    }
}
