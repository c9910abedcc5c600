//! What a façade and a session say to each other over one transport.

use std::net::SocketAddr;

use tokio::sync::mpsc;
use trunkline_proto::signaling::v1::ClientFrame;
use trunkline_signaling::close::CloseCode;
use trunkline_signaling::outgoing::OutgoingFrame;
use trunkline_signaling::session::TransportId;

/// Where a transport comes from, for logs.
#[derive(Clone, Copy, Debug)]
pub struct TransportOrigin {
    /// The other end, where the façade knows it.
    pub peer_addr: Option<SocketAddr>,
    /// What carries the frames: `websocket` or `grpc`.
    pub carrier: &'static str,
}

/// The façade's end of a transport. Dropping it tells the session that the transport is gone.
#[derive(Debug)]
pub struct Transport {
    /// Takes what the client sent. When it is full, stop reading from the client.
    pub inbound: mpsc::Sender<Inbound>,
    /// Gives what the client is to be sent. It ends after `Close`.
    pub outbound: mpsc::Receiver<Outbound>,
}

/// What came from the client.
#[derive(Clone, Debug)]
pub enum Inbound {
    /// A frame.
    Frame(ClientFrame),
    /// Something that is not a frame, and the code that says so.
    Refused(CloseCode),
}

/// What goes to the client.
#[derive(Clone, Debug)]
pub enum Outbound {
    /// Close the transport; nothing follows.
    Close(CloseCode),
    /// Send this frame.
    Frame(OutgoingFrame),
}

/// Why no transport could be opened.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OpenTransportError {
    /// The exchange takes no further connections just then.
    #[error("{limit} transports are open, which is the limit")]
    Overloaded {
        /// The limit.
        limit: usize,
    },
    /// The exchange is stopping.
    #[error("the exchange is shutting down")]
    ShuttingDown,
}

/// The session's end of a transport.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) id: TransportId,
    pub(crate) inbound: mpsc::Receiver<Inbound>,
    pub(crate) outbound: mpsc::Sender<Outbound>,
    /// Room for the close code, however full the transport is.
    last_word: Option<mpsc::OwnedPermit<Outbound>>,
}

impl Link {
    /// Closes the transport. A client that does not read is told why all the same.
    pub(crate) fn close(self, code: CloseCode) {
        if let Some(last_word) = self.last_word {
            last_word.send(Outbound::Close(code));
        }
    }
}

/// Makes both ends.
pub(crate) fn pair(id: TransportId) -> (Transport, Link) {
    let (inbound_sender, inbound) = mpsc::channel(INBOUND_FRAMES);
    let (outbound, outbound_receiver) = mpsc::channel(OUTBOUND_FRAMES + 1);
    let transport = Transport { inbound: inbound_sender, outbound: outbound_receiver };
    // Always there: the channel is new.
    let last_word = outbound.clone().try_reserve_owned().ok();
    (transport, Link { id, inbound, outbound, last_word })
}

/// Frames that wait for the session: a client cannot get far ahead of its commands' execution.
const INBOUND_FRAMES: usize = 32;

/// Frames that wait for the socket; behind them the session's own bounded outbox fills up.
const OUTBOUND_FRAMES: usize = 64;
