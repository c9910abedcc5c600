//! One shard: a pinned thread with its own socket, its own router and the legs of its rooms.
//!
//! The loop: sleep until something comes → take orders → receive a batch → find each datagram's leg
//! → let the router decrypt in place and fill the slab → send the slab in batches → handshakes →
//! timers. Nothing on that way allocates per packet, takes a lock or touches another thread.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use trunkline_clock::{Instant, Now};
use trunkline_media::control::{LegKey, MediaEvent};
use trunkline_media::router::{DropReason, LegId, Pressure, Router};

use crate::clock::Clock;
use crate::dtls::{Identity, Server};
use crate::ice::Agent;
use crate::stats::{Exporter, IngressDrop, PlaneStats};
use crate::udp::{Backlog, Destinations, Inbox, RECEIVE_BATCH, Socket, thread_cpu_nanos};

use events::EventQueue;
pub(crate) use link::{Inspecting, Link, Opening, Order, OrderFault, Orders, Restarting, link};
use peers::Peers;

mod commands;
mod events;
mod handshakes;
mod life;
mod link;
mod peers;

/// Everything a shard owns.
#[derive(Debug)]
pub(crate) struct Shard {
    clock: Clock,
    identity: Arc<Identity>,
    socket: Socket,
    orders: Orders,
    router: Router,
    legs: Vec<Option<Leg>>,
    peers: Peers,
    destinations: Destinations,
    backlog: Backlog,
    events: EventQueue,
    /// DTLS datagrams wait here for their turn behind media.
    handshakes: VecDeque<(LegId, Box<[u8]>)>,
    handshake_timer: Option<Instant>,
    sweep_at: Option<Instant>,
    publish_at: Option<Instant>,
    export_at: Option<Instant>,
    exporter: Exporter,
    stats: PlaneStats,
}

/// What a shard is made from.
#[derive(Debug)]
pub(crate) struct ShardParts {
    pub(crate) clock: Clock,
    pub(crate) identity: Arc<Identity>,
    pub(crate) socket: Socket,
    pub(crate) orders: Orders,
    pub(crate) router: Router,
    pub(crate) events: tokio::sync::mpsc::Sender<MediaEvent>,
    pub(crate) seed: u64,
    pub(crate) number: usize,
}

#[derive(Debug)]
struct Leg {
    key: LegKey,
    id: LegId,
    agent: Agent,
    dtls: Server,
    state: Progress,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Progress {
    Connected,
    Connecting { offered_at: Instant },
    Failed,
    Interrupted,
}

impl Shard {
    pub(crate) fn new(parts: ShardParts) -> Self {
        Self {
            clock: parts.clock,
            identity: parts.identity,
            socket: parts.socket,
            orders: parts.orders,
            router: parts.router,
            legs: Vec::new(),
            peers: Peers::new(parts.seed),
            destinations: Destinations::default(),
            backlog: Backlog::default(),
            events: EventQueue::new(parts.events),
            handshakes: VecDeque::new(),
            handshake_timer: None,
            sweep_at: None,
            publish_at: None,
            export_at: None,
            exporter: Exporter::new(parts.number),
            stats: PlaneStats::default(),
        }
    }

    /// Runs until the control plane asks to stop, then says goodbye to every peer.
    pub(crate) fn run(mut self) {
        let mut inbox = Inbox::new();
        let mut received = 0;
        loop {
            self.take_orders();
            if self.orders.is_stopping() {
                break;
            }
            self.receive(&mut inbox, received);
            self.shake_hands();
            self.handle_timeouts();
            self.flush();
            self.deliver_events();
            self.publish();
            received = self.sleep(&mut inbox);
        }
        self.say_goodbye();
    }

    /// Handles a batch, and further ones as long as they come full.
    fn receive(&mut self, inbox: &mut Inbox, mut count: usize) {
        for batch in 1..=MAX_BATCHES {
            if count == 0 {
                return;
            }
            let now = self.clock.now();
            for number in 0..count {
                match inbox.datagram(number) {
                    Some((source, datagram)) => self.handle_datagram(now, source, datagram),
                    None => self.stats.count_ingress_drop(IngressDrop::Oversized),
                }
                if self.router.egress().wants_flush() {
                    self.flush();
                }
            }
            self.flush();
            self.mark_dirty();
            if count < RECEIVE_BATCH || batch == MAX_BATCHES {
                return;
            }
            count = self.socket.receive(inbox).unwrap_or(0);
        }
    }

    /// Sorts a datagram by its first byte ([RFC 7983 §7](https://www.rfc-editor.org/rfc/rfc7983#section-7)).
    fn handle_datagram(&mut self, now: Now, source: SocketAddr, datagram: &mut [u8]) {
        self.stats.received_packets += 1;
        self.stats.received_bytes += datagram.len() as u64;
        match datagram.first() {
            Some(128..=191) => self.handle_media(now, source, datagram),
            Some(0..=3) => self.handle_stun(now, source, datagram),
            Some(20..=63) => match self.peers.at_address(source) {
                Some(_) if self.handshakes.len() >= MAX_WAITING_HANDSHAKES => {
                    self.stats.count_ingress_drop(IngressDrop::DtlsRationed);
                }
                Some(id) => self.handshakes.push_back((id, (&*datagram).into())),
                None => self.stats.count_ingress_drop(IngressDrop::UnknownSource),
            },
            Some(_) | None => self.stats.count_ingress_drop(IngressDrop::Unrecognized),
        }
    }

    #[inline]
    fn handle_media(&mut self, now: Now, source: SocketAddr, datagram: &mut [u8]) {
        let Some(id) = self.peers.at_address(source) else {
            self.stats.count_ingress_drop(IngressDrop::UnknownSource);
            return;
        };
        let is_authentic = match self.router.handle_packet(now, id, datagram) {
            Ok(()) => true,
            Err(reason) => is_authentic(reason),
        };
        if is_authentic && let Some(leg) = leg_mut(&mut self.legs, id) {
            leg.agent.note_valid_packet(now.instant);
            if leg.state == Progress::Interrupted {
                self.resume(id);
            }
        }
    }

    fn handle_timeouts(&mut self) {
        let is_due = |timer: Option<Instant>, now: Instant| timer.is_some_and(|at| at <= now);
        let timers = [self.router.poll_timeout(), self.handshake_timer, self.sweep_at];
        if timers.iter().all(Option::is_none) {
            return;
        }
        let now = self.clock.now();
        if is_due(self.router.poll_timeout(), now.instant) {
            self.router.handle_timeout(now);
        }
        if is_due(self.handshake_timer, now.instant) {
            self.repeat_flights(now.instant);
        }
        if is_due(self.sweep_at, now.instant) {
            self.sweep(now.instant);
        }
    }

    /// Sends the slab.
    fn flush(&mut self) {
        if self.router.egress().is_empty() {
            return;
        }
        let (sent, lost) =
            self.socket.send_all(self.router.egress(), &self.destinations, &mut self.backlog);
        self.count_sent(sent);
        self.stats.send_overflowed += lost;
        if !self.backlog.is_empty() {
            self.router.set_pressure(Pressure::Tight);
        }
        self.router.clear_egress();
    }

    fn count_sent(&mut self, sent: crate::udp::Sent) {
        self.stats.sent_packets += sent.packets;
        self.stats.sent_bytes += sent.bytes;
        self.stats.send_calls += sent.calls;
        self.stats.segmented_packets += sent.segmented;
        self.stats.send_refused += sent.refused;
        self.stats.send_undeliverable += sent.undeliverable;
    }

    /// Sends a single datagram of a handshake; its protocol repeats it when it is lost.
    fn send_now(&mut self, datagram: &[u8], address: SocketAddr) {
        self.stats.send_calls += 1;
        match self.socket.send_to(datagram, address) {
            Ok(()) => {
                self.stats.sent_packets += 1;
                self.stats.sent_bytes += datagram.len() as u64;
            }
            Err(_) => self.stats.send_refused += 1,
        }
    }

    fn deliver_events(&mut self) {
        self.events.retry();
        while let Some(event) = self.router.poll_event() {
            self.events.push(event);
        }
    }

    fn mark_dirty(&mut self) {
        if self.publish_at.is_none() || self.export_at.is_none() {
            let now = self.clock.instant();
            self.publish_at.get_or_insert(now + PUBLISH_INTERVAL);
            self.export_at.get_or_insert(now + EXPORT_INTERVAL);
        }
    }

    /// Publishes the counters now and then, and always once more after the last activity.
    fn publish(&mut self) {
        if self.publish_at.is_none() && self.export_at.is_none() {
            return;
        }
        let now = self.clock.instant();
        let is_due = |timer: Option<Instant>| timer.is_some_and(|at| at <= now);
        if !is_due(self.publish_at) && !is_due(self.export_at) {
            return;
        }
        self.stats.set_router(self.router.stats());
        self.stats.events_deferred = self.events.deferred();
        self.stats.cpu_nanos = thread_cpu_nanos();
        let is_published = self.orders.snapshot().publish(&self.stats);
        self.publish_at = (!is_published).then(|| now + PUBLISH_INTERVAL);
        if is_due(self.export_at) {
            self.export_at = None;
            self.exporter.export(&self.stats);
        }
    }

    /// Sleeps until there is something to do; returns how many datagrams are in the inbox.
    fn sleep(&mut self, inbox: &mut Inbox) -> usize {
        self.orders.announce_sleep();
        let late_order = self.orders.next();
        let timeout = match &late_order {
            Some(_) => Some(Duration::ZERO),
            None => self.time_to_sleep(),
        };
        let wants_write = !self.backlog.is_empty();
        let ready = self.socket.wait(self.orders.waker(), wants_write, timeout);
        self.orders.announce_awake();
        self.stats.wakeups += 1;
        if let Some(order) = late_order {
            self.handle_order(order);
        }
        let ready = match ready {
            Ok(ready) => ready,
            Err(error) => {
                // Only a programming error makes waiting fail; do not spin on it.
                tracing::error!(%error, "waiting for packets failed");
                std::thread::sleep(PUBLISH_INTERVAL);
                return 0;
            }
        };
        if ready.writable {
            let mut sent = crate::udp::Sent::default();
            self.backlog.drain(&self.socket, &mut sent);
            self.count_sent(sent);
            if self.backlog.is_empty() {
                self.router.set_pressure(Pressure::Relaxed);
            }
        }
        // An error queued on the socket is taken by the next call and concerns no leg.
        if ready.readable { self.socket.receive(inbox).unwrap_or(0) } else { 0 }
    }

    fn time_to_sleep(&self) -> Option<Duration> {
        if !self.handshakes.is_empty() {
            return Some(Duration::ZERO);
        }
        let now = self.clock.instant();
        let retry = (!self.events.is_empty()).then(|| now + EVENT_RETRY_INTERVAL);
        let timers = [
            self.router.poll_timeout(),
            self.handshake_timer,
            self.sweep_at,
            self.publish_at,
            self.export_at,
            retry,
        ];
        timers.into_iter().flatten().min().map(|at| at.saturating_duration_since(now))
    }

    fn say_goodbye(&mut self) {
        let now = self.clock.now();
        for index in 0..self.legs.len() {
            if let Some(id) = self.legs[index].as_ref().map(|leg| leg.id) {
                self.close(now, id);
            }
        }
        self.stats.set_router(self.router.stats());
        let _published = self.orders.snapshot().publish(&self.stats);
        self.exporter.export(&self.stats);
    }

    fn take_leg(&mut self, id: LegId) -> Option<Leg> {
        let place = self.legs.get_mut(id.index())?;
        place.take_if(|leg| leg.id == id)
    }

    fn put_leg(&mut self, leg: Leg) {
        let index = leg.id.index();
        self.legs[index] = Some(leg);
    }
}

fn leg_mut(legs: &mut [Option<Leg>], id: LegId) -> Option<&mut Leg> {
    legs.get_mut(id.index())?.as_mut().filter(|leg| leg.id == id)
}

/// Tells whether a packet that went nowhere had been authenticated, and so proves life.
fn is_authentic(reason: DropReason) -> bool {
    match reason {
        DropReason::EgressFull
        | DropReason::KeyframeAwaited
        | DropReason::Late
        | DropReason::PaddingOnly
        | DropReason::Pressure
        | DropReason::PublishDisabled
        | DropReason::UnknownPayloadType => true,
        DropReason::AuthenticationFailed
        | DropReason::MalformedRtcp
        | DropReason::MalformedRtp
        | DropReason::NoKeys
        | DropReason::Replayed
        | DropReason::SsrcTableFull
        | DropReason::TooOld
        | DropReason::Truncated
        | DropReason::UnknownLeg
        | DropReason::UnknownTrack => false,
    }
}

/// Full batches in a row before orders, handshakes and timers get their turn: 256 packets, a
/// millisecond at most.
const MAX_BATCHES: usize = 4;

/// Handshake datagrams that wait for their turn, at most 1.5 KB each.
const MAX_WAITING_HANDSHAKES: usize = 1_024;

/// How old published counters may be while packets flow.
const PUBLISH_INTERVAL: Duration = Duration::from_millis(20);

/// Scrapers ask every few seconds.
const EXPORT_INTERVAL: Duration = Duration::from_secs(1);

/// How soon a full event channel is tried again.
const EVENT_RETRY_INTERVAL: Duration = Duration::from_millis(10);
