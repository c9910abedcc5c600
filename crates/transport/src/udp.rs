//! One shard's UDP socket: batches in, batches out, and a way to be woken.
//!
//! The Linux path uses `recvmmsg`, `sendmmsg` and segmentation offload; the portable path does the
//! same one datagram at a time, so that the crate works wherever std does on Unix. All unsafe code
//! of the crate is in this module.

use std::io;
use std::net::{IpAddr, SocketAddr};

use trunkline_media::egress::Egress;

#[cfg(target_os = "linux")]
pub(crate) use linux::{Inbox, Socket, Waker, pin_to_core};
#[cfg(not(target_os = "linux"))]
pub(crate) use portable::{Inbox, Socket, Waker, pin_to_core};

#[cfg(target_os = "linux")]
mod linux;
mod plan;
#[cfg(not(target_os = "linux"))]
mod portable;

/// Why [`Socket::wait`] came back.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Ready {
    /// Datagrams wait.
    pub(crate) readable: bool,
    /// The socket takes datagrams again.
    pub(crate) writable: bool,
}

/// Where the packets of each leg go, by [`trunkline_media::router::LegId::index`].
#[derive(Debug, Default)]
pub(crate) struct Destinations(Vec<Option<SocketAddr>>);

impl Destinations {
    pub(crate) fn set(&mut self, index: usize, address: Option<SocketAddr>) {
        if self.0.len() <= index {
            self.0.resize(index + 1, None);
        }
        self.0[index] = address;
    }

    #[inline]
    pub(crate) fn at(&self, index: usize) -> Option<SocketAddr> {
        self.0.get(index).copied().flatten()
    }
}

/// What became of the packets of one flush.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Sent {
    /// Packets that the kernel took.
    pub(crate) packets: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// Packets refused for good, for example because there is no route.
    pub(crate) refused: u64,
    /// Packets for legs without an address or without consent.
    pub(crate) undeliverable: u64,
    /// System calls made.
    pub(crate) calls: u64,
    /// Packets that shared a segmentation-offload message with others.
    pub(crate) segmented: u64,
}

/// Packets that the socket did not take yet, kept in order and bounded.
///
/// Sockets push back rarely and for milliseconds. The backlog carries audio over such a moment;
/// meanwhile the router is told to drop video between keyframes.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    packets: std::collections::VecDeque<(SocketAddr, Box<[u8]>)>,
}

impl Backlog {
    /// Keeps a packet; returns false when it had to be dropped.
    pub(crate) fn push(&mut self, address: SocketAddr, packet: &[u8]) -> bool {
        if self.packets.len() >= MAX_BACKLOG {
            return false;
        }
        self.packets.push_back((address, packet.into()));
        true
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Offers the oldest packets to the socket until it pushes back again.
    pub(crate) fn drain(&mut self, socket: &Socket, sent: &mut Sent) {
        while let Some((address, packet)) = self.packets.front() {
            sent.calls += 1;
            match socket.send_to(packet, *address) {
                Ok(()) => {
                    sent.packets += 1;
                    sent.bytes += packet.len() as u64;
                }
                Err(error) if is_push_back(&error) => return,
                Err(_) => sent.refused += 1,
            }
            self.packets.pop_front();
        }
    }
}

/// The packets of one flush, where they go, and in which order.
#[derive(Clone, Copy, Debug)]
struct Flush<'a> {
    plan: &'a plan::Plan,
    egress: &'a Egress,
    destinations: &'a Destinations,
}

impl<'a> Flush<'a> {
    /// Returns the packet at a place of the sending order, with its address if it has one.
    fn packet(&self, place: usize) -> (Option<SocketAddr>, &'a [u8]) {
        let entry = &self.egress.entries()[self.plan.order()[place] as usize];
        (self.destinations.at(entry.leg.index()), self.egress.packet(entry))
    }

    /// Puts what is left into the backlog, from a place of the sending order on; returns how many
    /// packets did not fit.
    fn keep_rest(&self, from: usize, backlog: &mut Backlog) -> u64 {
        let mut lost = 0;
        for place in from..self.plan.order().len() {
            let (address, packet) = self.packet(place);
            if let Some(address) = address
                && !backlog.push(address, packet)
            {
                lost += 1;
            }
        }
        lost
    }
}

/// Walks the slab as leg place and length of each packet.
fn packets_of(egress: &Egress) -> impl Iterator<Item = (usize, usize)> {
    egress.entries().iter().map(|entry| (entry.leg.index(), entry.len()))
}

/// Returns the CPU time that the calling thread has used.
pub(crate) fn thread_cpu_nanos() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` outlives the call.
    if unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) } != 0 {
        return 0;
    }
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// Tells whether the kernel asks to try again later.
pub(crate) fn is_push_back(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
        || matches!(error.raw_os_error(), Some(libc::ENOBUFS | libc::ENOMEM))
}

/// Writes an IPv4 address that came over an IPv6 socket in its own family.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Returns the address in the family of the socket.
fn for_family(address: SocketAddr, is_ipv6: bool) -> SocketAddr {
    match (address.ip(), is_ipv6) {
        (IpAddr::V4(ip), true) => SocketAddr::new(ip.to_ipv6_mapped().into(), address.port()),
        _ => address,
    }
}

/// Datagrams taken in one call. More fills the cache with packets that wait for their turn; fewer
/// pays the call more often.
pub(crate) const RECEIVE_BATCH: usize = 64;

/// Room for one datagram. Media stays below 1,500 bytes; longer ones are counted and dropped.
pub(crate) const DATAGRAM_BYTES: usize = 2_048;

/// Kernel buffers. At 100,000 packets per second and 1 ms of other work, 100 packets wait; the
/// kernel counts about 1 KB for a small packet. Larger only delays the moment of loss.
const SOCKET_BUFFER_BYTES: libc::c_int = 4 << 20;

/// 2,048 packets are 20 ms of a shard at 100,000 packets per second; audio that waits longer is
/// late anyway.
const MAX_BACKLOG: usize = 2_048;
