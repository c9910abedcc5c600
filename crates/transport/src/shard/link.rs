//! The control side of a shard: a bounded ring of orders and what both sides share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;
use trunkline_clock::Instant;
use trunkline_media::control::{LegKey, MediaCommand};
use trunkline_media::router::{AddLegError, LegConfig};
use trunkline_signaling::sdp::{Fingerprint, IceCredentials};

use crate::stats::{LegStatus, Snapshot};
use crate::udp::Waker;

/// An order to a shard.
#[derive(Debug)]
pub(crate) enum Order {
    /// A command for the router.
    Media(MediaCommand),
    /// A new leg.
    Open(Box<Opening>),
    /// New ICE credentials of a leg.
    Restart(Box<Restarting>),
    /// A look at a leg.
    Inspect(Inspecting),
}

/// A leg that has been negotiated and waits for its peer.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) config: LegConfig,
    pub(crate) local: IceCredentials,
    pub(crate) remote: IceCredentials,
    pub(crate) fingerprints: Vec<Fingerprint>,
    pub(crate) offered_at: Instant,
    pub(crate) reply: oneshot::Sender<Result<(), AddLegError>>,
}

/// The new credentials of an ICE restart.
#[derive(Debug)]
pub(crate) struct Restarting {
    pub(crate) leg: LegKey,
    pub(crate) local: IceCredentials,
    pub(crate) remote: IceCredentials,
    pub(crate) reply: oneshot::Sender<bool>,
}

/// Somebody who wants to know how a leg is.
#[derive(Debug)]
pub(crate) struct Inspecting {
    pub(crate) leg: LegKey,
    pub(crate) reply: oneshot::Sender<LegStatus>,
}

/// The sending end, held by the control plane.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    orders: SyncSender<Order>,
    shared: Arc<Shared>,
}

/// The receiving end, held by the shard.
#[derive(Debug)]
pub(crate) struct Orders {
    orders: Receiver<Order>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    waker: Waker,
    is_sleeping: AtomicBool,
    is_stopping: AtomicBool,
    /// Legs whose closing found the ring full. Closing must not fail, or the leg would stay; the
    /// list is bounded by the number of legs.
    closes: Mutex<Vec<LegKey>>,
    has_closes: AtomicBool,
    snapshot: Snapshot,
}

/// Why an order was not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum OrderFault {
    Full,
    Stopped,
}

/// Makes the two ends.
pub(crate) fn link() -> std::io::Result<(Link, Orders)> {
    let shared = Arc::new(Shared {
        waker: Waker::new()?,
        is_sleeping: AtomicBool::new(false),
        is_stopping: AtomicBool::new(false),
        closes: Mutex::new(Vec::new()),
        has_closes: AtomicBool::new(false),
        snapshot: Snapshot::default(),
    });
    let (sender, receiver) = sync_channel(ORDER_RING);
    let link = Link { orders: sender, shared: Arc::clone(&shared) };
    Ok((link, Orders { orders: receiver, shared }))
}

impl Link {
    /// Hands over an order, or says why not; never waits.
    pub(crate) fn send(&self, order: Order) -> Result<(), OrderFault> {
        if self.shared.is_stopping.load(Ordering::Acquire) {
            return Err(OrderFault::Stopped);
        }
        self.orders.try_send(order).map_err(|error| match error {
            TrySendError::Full(_) => OrderFault::Full,
            TrySendError::Disconnected(_) => OrderFault::Stopped,
        })?;
        self.shared.wake_if_asleep();
        Ok(())
    }

    /// Closes a leg even when the ring is full.
    pub(crate) fn close(&self, leg: LegKey) -> Result<(), OrderFault> {
        match self.send(Order::Media(MediaCommand::CloseLeg { leg })) {
            Err(OrderFault::Full) => {
                self.shared.closes.lock().unwrap_or_else(PoisonError::into_inner).push(leg);
                self.shared.has_closes.store(true, Ordering::Release);
                self.shared.wake_if_asleep();
                Ok(())
            }
            outcome => outcome,
        }
    }

    /// Asks the shard to say goodbye to its legs and end.
    pub(crate) fn stop(&self) {
        self.shared.is_stopping.store(true, Ordering::Release);
        self.shared.waker.wake();
    }

    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.shared.snapshot
    }
}

impl Orders {
    /// Takes the next order.
    pub(crate) fn next(&self) -> Option<Order> {
        // Handles may all be gone while legs live on, so a closed ring is an empty one; stopping
        // is a flag of its own.
        self.orders.try_recv().ok()
    }

    /// Takes the legs that could not be closed by the ring.
    pub(crate) fn overflowed_closes(&self) -> Vec<LegKey> {
        if !self.shared.has_closes.load(Ordering::Acquire) {
            return Vec::new();
        }
        let Ok(mut closes) = self.shared.closes.try_lock() else { return Vec::new() };
        self.shared.has_closes.store(false, Ordering::Release);
        std::mem::take(&mut closes)
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.shared.is_stopping.load(Ordering::Acquire)
    }

    /// Announces that orders sent from here on need a wake-up. The caller must look for orders
    /// once more before it sleeps.
    pub(crate) fn announce_sleep(&self) {
        self.shared.is_sleeping.store(true, Ordering::SeqCst);
    }

    pub(crate) fn announce_awake(&self) {
        self.shared.is_sleeping.store(false, Ordering::SeqCst);
    }

    pub(crate) fn waker(&self) -> &Waker {
        &self.shared.waker
    }

    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.shared.snapshot
    }
}

impl Shared {
    fn wake_if_asleep(&self) {
        // Pairs with `announce_sleep`: either the shard sees the order in its last look, or this
        // load sees that it sleeps.
        std::sync::atomic::fence(Ordering::SeqCst);
        if self.is_sleeping.load(Ordering::SeqCst) {
            self.waker.wake();
        }
    }
}

/// Orders that wait for a shard. A shard takes all of them each turn, every few hundred
/// microseconds at worst, so this is room for a burst of a thousand joins with their
/// subscriptions. Larger hides a stuck shard for longer.
const ORDER_RING: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    fn mute(leg: u64) -> Order {
        Order::Media(MediaCommand::SetReceive { leg: LegKey::new(leg), enabled: false })
    }

    #[test]
    fn a_full_ring_refuses_commands_but_not_closing() {
        let (link, orders) = link().unwrap();
        for leg in 0..ORDER_RING as u64 {
            link.send(mute(leg)).unwrap();
        }
        assert_eq!(link.send(mute(0)), Err(OrderFault::Full));
        assert_eq!(link.close(LegKey::new(7)), Ok(()));
        assert_eq!(orders.overflowed_closes(), [LegKey::new(7)]);
        assert_eq!(orders.overflowed_closes(), []);
        let taken = std::iter::from_fn(|| orders.next()).count();
        assert_eq!(taken, ORDER_RING);
    }

    #[test]
    fn a_stopping_shard_takes_no_orders() {
        let (link, orders) = link().unwrap();
        link.stop();
        assert!(orders.is_stopping());
        assert_eq!(link.send(mute(1)), Err(OrderFault::Stopped));
    }
}
