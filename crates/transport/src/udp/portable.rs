//! The path for Unix systems other than Linux: one datagram per call, a datagram pair as waker.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use trunkline_media::egress::Egress;

use super::plan::Plan;
use super::{
    Backlog, DATAGRAM_BYTES, Destinations, Flush, RECEIVE_BATCH, Ready, SOCKET_BUFFER_BYTES, Sent,
    canonical, for_family, is_push_back, packets_of,
};

/// A non-blocking UDP socket.
#[derive(Debug)]
pub(crate) struct Socket {
    socket: UdpSocket,
    is_ipv6: bool,
    plan: Plan,
}

impl Socket {
    /// Opens a socket with large kernel buffers.
    pub(crate) fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind(address)?;
        socket.set_nonblocking(true)?;
        for name in [libc::SO_RCVBUF, libc::SO_SNDBUF] {
            let value = SOCKET_BUFFER_BYTES;
            let length = std::mem::size_of_val(&value) as libc::socklen_t;
            let fd = socket.as_raw_fd();
            let pointer = std::ptr::from_ref(&value).cast();
            // SAFETY: `value` outlives the call and has the given length. Failure leaves the
            // default size.
            let _outcome = unsafe { libc::setsockopt(fd, libc::SOL_SOCKET, name, pointer, length) };
        }
        Ok(Self { socket, is_ipv6: address.is_ipv6(), plan: Plan::default() })
    }

    /// Returns the bound address.
    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Sleeps until a datagram, a wake-up, room to send if asked for, or the time-out.
    pub(crate) fn wait(
        &self,
        waker: &Waker,
        wants_write: bool,
        timeout: Option<Duration>,
    ) -> io::Result<Ready> {
        let events = libc::POLLIN | if wants_write { libc::POLLOUT } else { 0 };
        let mut fds = [
            libc::pollfd { fd: self.socket.as_raw_fd(), events, revents: 0 },
            libc::pollfd { fd: waker.receiver.as_raw_fd(), events: libc::POLLIN, revents: 0 },
        ];
        let millis = timeout.map_or(-1, |timeout| {
            let rounded_up = timeout.as_millis() + u128::from(timeout.subsec_nanos() > 0);
            libc::c_int::try_from(rounded_up).unwrap_or(libc::c_int::MAX)
        });
        // SAFETY: `fds` outlives the call; the count is that of `fds`.
        let count = unsafe { libc::poll(fds.as_mut_ptr(), 2, millis) };
        if count < 0 {
            let error = io::Error::last_os_error();
            return match error.kind() {
                io::ErrorKind::Interrupted => Ok(Ready::default()),
                _ => Err(error),
            };
        }
        if fds[1].revents != 0 {
            while waker.receiver.recv(&mut [0; 8]).is_ok() {}
        }
        Ok(Ready {
            readable: fds[0].revents & (libc::POLLIN | libc::POLLERR) != 0,
            writable: fds[0].revents & libc::POLLOUT != 0,
        })
    }

    /// Takes waiting datagrams into the inbox and returns how many there were.
    pub(crate) fn receive(&self, inbox: &mut Inbox) -> io::Result<usize> {
        inbox.sources.clear();
        for buffer in &mut inbox.buffers {
            match self.socket.recv_from(buffer) {
                Ok((length, source)) => inbox.sources.push((source, length)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if inbox.sources.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        Ok(inbox.sources.len())
    }

    /// Sends one datagram.
    pub(crate) fn send_to(&self, packet: &[u8], address: SocketAddr) -> io::Result<()> {
        self.socket.send_to(packet, for_family(address, self.is_ipv6)).map(|_sent| ())
    }

    /// Sends all packets of the slab. What the kernel does not take goes to the backlog; what the
    /// backlog does not take is lost and returned as the second value.
    pub(crate) fn send_all(
        &mut self,
        egress: &Egress,
        destinations: &Destinations,
        backlog: &mut Backlog,
    ) -> (Sent, u64) {
        let mut sent = Sent::default();
        let mut plan = std::mem::take(&mut self.plan);
        plan.make(packets_of(egress), false);
        let flush = Flush { plan: &plan, egress, destinations };
        let mut lost = 0;
        if !backlog.is_empty() {
            lost = flush.keep_rest(0, backlog);
        } else {
            for place in 0..plan.order().len() {
                let (address, packet) = flush.packet(place);
                let Some(address) = address else {
                    sent.undeliverable += 1;
                    continue;
                };
                sent.calls += 1;
                match self.send_to(packet, address) {
                    Ok(()) => {
                        sent.packets += 1;
                        sent.bytes += packet.len() as u64;
                    }
                    Err(error) if is_push_back(&error) => {
                        lost = flush.keep_rest(place, backlog);
                        break;
                    }
                    Err(_) => sent.refused += 1,
                }
            }
        }
        self.plan = plan;
        (sent, lost)
    }
}

/// The datagrams of one receive call.
#[derive(Debug)]
pub(crate) struct Inbox {
    buffers: Vec<[u8; DATAGRAM_BYTES]>,
    sources: Vec<(SocketAddr, usize)>,
}

impl Inbox {
    /// Makes the buffers.
    pub(crate) fn new() -> Self {
        Self {
            buffers: vec![[0; DATAGRAM_BYTES]; RECEIVE_BATCH],
            sources: Vec::with_capacity(RECEIVE_BATCH),
        }
    }

    /// Returns one received datagram and its source; `None` when it may have been cut off.
    pub(crate) fn datagram(&mut self, number: usize) -> Option<(SocketAddr, &mut [u8])> {
        let (source, length) = *self.sources.get(number)?;
        if length == DATAGRAM_BYTES {
            return None;
        }
        Some((canonical(source), self.buffers.get_mut(number)?.get_mut(..length)?))
    }
}

/// Wakes a shard that sleeps in [`Socket::wait`].
#[derive(Debug)]
pub(crate) struct Waker {
    sender: UnixDatagram,
    receiver: UnixDatagram,
}

impl Waker {
    pub(crate) fn new() -> io::Result<Self> {
        let (sender, receiver) = UnixDatagram::pair()?;
        sender.set_nonblocking(true)?;
        receiver.set_nonblocking(true)?;
        Ok(Self { sender, receiver })
    }

    pub(crate) fn wake(&self) {
        // A full buffer already wakes, so failure is fine.
        let _sent = self.sender.send(&[1]);
    }
}

/// Does nothing: these systems have no portable way to pin a thread.
pub(crate) fn pin_to_core(_number: usize) -> io::Result<()> {
    Ok(())
}
