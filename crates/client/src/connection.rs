//! Transports to the exchange: how frames reach it, and how often to try.

mod backoff;
mod tls;
mod websocket;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use thiserror::Error;
use tokio::{sync::mpsc, task::JoinHandle};
use trunkline_proto::signaling::v1::{ClientFrame, ServerFrame};
use trunkline_signaling::close::CloseCode;

pub use self::tls::{TrustRoots, TrustRootsError};
pub(crate) use self::{backoff::Backoff, websocket::WebSocketDialer};

/// Why no transport to the exchange could be opened.
#[derive(Clone, Debug, Error)]
pub enum ConnectError {
    /// The address is not one.
    #[error("not an https or wss address: {reason}")]
    Address {
        /// What is wrong with it.
        reason: String,
    },
    /// The exchange answered, but not with a signaling socket.
    #[error("exchange answered with HTTP status {status}")]
    Http {
        /// The status.
        status: u16,
    },
    /// The network or TLS failed.
    #[error("transport failed: {0}")]
    Transport(Arc<dyn std::error::Error + Send + Sync>),
    /// It took too long.
    #[error("connection was not made within {seconds} s")]
    TimedOut {
        /// The limit.
        seconds: u64,
    },
    /// The network is cut by a test.
    #[error("network is cut")]
    Cut,
}

/// Opens transports.
pub(crate) trait Dial: Send + Sync + 'static {
    /// Opens one. It ends when the returned link is dropped.
    fn dial(&self) -> BoxFuture<'static, Result<Link, ConnectError>>;
}

/// One open transport.
pub(crate) struct Link {
    /// Takes frames for the exchange. It is full only when the exchange does not read.
    pub(crate) frames: mpsc::Sender<ClientFrame>,
    /// Gives what came, ending when the transport does.
    pub(crate) events: mpsc::Receiver<LinkEvent>,
    /// The task that moves bytes; aborted with the link.
    pub(crate) task: Option<JoinHandle<()>>,
}

/// What comes from a transport.
pub(crate) enum LinkEvent {
    /// The exchange closed it, with one of the protocol's codes if it gave one.
    Closed(Option<CloseCode>),
    /// A frame.
    Frame(Box<ServerFrame>),
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            // The task ends by itself once its queue is drained, so that a last Goodbye gets out.
            drop(task);
        }
    }
}

/// Frames that wait for the socket. A frame that finds no room means that the exchange has not read
/// for a while; the transport is then given up and the session resumed on another.
pub(crate) const LINK_QUEUE_FRAMES: usize = 1_024;
