//! The Linux fast path: `recvmmsg`, `sendmmsg`, `UDP_SEGMENT`, `ppoll` and an event counter.
//!
//! Each unsafe block passes the kernel pointers into buffers that the same function, or the same
//! value, owns for the time of the call.

use std::io;
use std::mem;
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::time::Duration;

use trunkline_media::egress::Egress;

use super::plan::{Message, Plan};
use super::{
    Backlog, DATAGRAM_BYTES, Destinations, Flush, RECEIVE_BATCH, Ready, SOCKET_BUFFER_BYTES, Sent,
    canonical, for_family, is_push_back, packets_of,
};

/// A non-blocking UDP socket with batch calls.
#[derive(Debug)]
pub(crate) struct Socket {
    socket: UdpSocket,
    is_ipv6: bool,
    can_segment: bool,
    plan: Plan,
    chunk: Option<Box<Chunk>>,
}

impl Socket {
    /// Opens a socket with large kernel buffers.
    pub(crate) fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind(address)?;
        socket.set_nonblocking(true)?;
        let fd = socket.as_raw_fd();
        // The forced variants need a capability; the plain ones are cut to the system's limit.
        // Neither failing matters more than a smaller buffer does.
        for (forced, plain) in
            [(libc::SO_RCVBUFFORCE, libc::SO_RCVBUF), (libc::SO_SNDBUFFORCE, libc::SO_SNDBUF)]
        {
            if set_option(fd, libc::SOL_SOCKET, forced, SOCKET_BUFFER_BYTES).is_err() {
                let _unchanged = set_option(fd, libc::SOL_SOCKET, plain, SOCKET_BUFFER_BYTES);
            }
        }
        let can_segment = set_option(fd, libc::SOL_UDP, libc::UDP_SEGMENT, 0).is_ok();
        Ok(Self {
            socket,
            is_ipv6: address.is_ipv6(),
            can_segment,
            plan: Plan::default(),
            chunk: None,
        })
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
            libc::pollfd { fd: waker.fd.as_raw_fd(), events: libc::POLLIN, revents: 0 },
        ];
        let timeout = timeout.map(|timeout| libc::timespec {
            tv_sec: timeout.as_secs().min(3_600) as libc::time_t,
            tv_nsec: timeout.subsec_nanos().into(),
        });
        let timeout = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
        // SAFETY: `fds` and `timeout` outlive the call; the count is that of `fds`.
        let count = unsafe { libc::ppoll(fds.as_mut_ptr(), 2, timeout, ptr::null()) };
        if count < 0 {
            let error = io::Error::last_os_error();
            return match error.kind() {
                io::ErrorKind::Interrupted => Ok(Ready::default()),
                _ => Err(error),
            };
        }
        if fds[1].revents != 0 {
            waker.reset();
        }
        Ok(Ready {
            readable: fds[0].revents & (libc::POLLIN | libc::POLLERR) != 0,
            writable: fds[0].revents & libc::POLLOUT != 0,
        })
    }

    /// Takes waiting datagrams into the inbox and returns how many there were.
    pub(crate) fn receive(&self, inbox: &mut Inbox) -> io::Result<usize> {
        inbox.count = 0;
        for header in &mut inbox.headers {
            header.msg_hdr.msg_namelen = mem::size_of::<libc::sockaddr_storage>() as u32;
            header.msg_hdr.msg_flags = 0;
        }
        // SAFETY: the headers point into buffers that the inbox owns and never moves.
        let count = unsafe {
            libc::recvmmsg(
                self.socket.as_raw_fd(),
                inbox.headers.as_mut_ptr(),
                RECEIVE_BATCH as libc::c_uint,
                libc::MSG_DONTWAIT,
                ptr::null_mut(),
            )
        };
        if count < 0 {
            let error = io::Error::last_os_error();
            return match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(0),
                _ => Err(error),
            };
        }
        inbox.count = count.unsigned_abs() as usize;
        Ok(inbox.count)
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
        let mut plan = mem::take(&mut self.plan);
        plan.make(packets_of(egress), self.can_segment);
        let flush = Flush { plan: &plan, egress, destinations };
        let lost = if backlog.is_empty() {
            self.send_flush(flush, backlog, &mut sent)
        } else {
            // Nothing may overtake what waits already.
            flush.keep_rest(0, backlog)
        };
        self.plan = plan;
        (sent, lost)
    }

    fn send_flush(&mut self, flush: Flush<'_>, backlog: &mut Backlog, sent: &mut Sent) -> u64 {
        let mut chunk = mem::take(&mut self.chunk).unwrap_or_else(Chunk::new);
        let mut from = 0;
        let mut lost = 0;
        'chunks: while from < flush.plan.messages().len() {
            from += chunk.fill(flush, from, self.is_ipv6, sent);
            let mut at = 0;
            while at < chunk.count {
                sent.calls += 1;
                match chunk.send(self.socket.as_raw_fd(), at) {
                    Ok(count) => {
                        for message in &chunk.messages[at..at + count] {
                            sent.packets += message.count as u64;
                            sent.bytes += bytes_of(flush, message);
                            if message.count > 1 {
                                sent.segmented += message.count as u64;
                            }
                        }
                        at += count;
                    }
                    Err(error) if is_push_back(&error) => {
                        lost = flush.keep_rest(chunk.messages[at].start, backlog);
                        break 'chunks;
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => {
                        let message = chunk.messages[at];
                        if message.count > 1 {
                            self.send_singly(flush, &message, &error, sent);
                        } else {
                            sent.refused += 1;
                        }
                        at += 1;
                    }
                }
            }
        }
        self.chunk = Some(chunk);
        lost
    }

    /// Sends a run that the kernel did not want to segment.
    fn send_singly(
        &mut self,
        flush: Flush<'_>,
        message: &Message,
        cause: &io::Error,
        sent: &mut Sent,
    ) {
        // A device without checksum offload refuses for good (EIO); a route with a smaller
        // packet size refuses this run (EINVAL, EMSGSIZE).
        if cause.raw_os_error() == Some(libc::EIO) {
            tracing::info!("udp segmentation is not usable on this path");
            self.can_segment = false;
        }
        for place in message.start..message.start + message.count {
            let (address, packet) = flush.packet(place);
            let Some(address) = address else { return };
            sent.calls += 1;
            match self.send_to(packet, address) {
                Ok(()) => {
                    sent.packets += 1;
                    sent.bytes += packet.len() as u64;
                }
                Err(_) => sent.refused += 1,
            }
        }
    }
}

fn bytes_of(flush: Flush<'_>, message: &Message) -> u64 {
    let (_, last) = flush.packet(message.start + message.count - 1);
    (message.segment_bytes * (message.count - 1) + last.len()) as u64
}

/// The headers of one `sendmmsg` call.
struct Chunk {
    headers: [libc::mmsghdr; SEND_BATCH],
    names: [Name; SEND_BATCH],
    controls: [Control; SEND_BATCH],
    vectors: [libc::iovec; MAX_VECTORS],
    messages: [Message; SEND_BATCH],
    count: usize,
}

// SAFETY: the pointers in the headers are only followed by the kernel within `Socket::send_flush`,
// which writes all of them anew before the call; between calls they mean nothing.
unsafe impl Send for Chunk {}

impl std::fmt::Debug for Chunk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chunk").field("count", &self.count).finish_non_exhaustive()
    }
}

/// Room for either kind of socket address.
#[derive(Clone, Copy)]
#[repr(C)]
union Name {
    v4: libc::sockaddr_in,
    v6: libc::sockaddr_in6,
}

/// Room for one control message with a 16-bit segment size.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; CONTROL_BYTES]);

impl Chunk {
    fn new() -> Box<Self> {
        let empty = Message { start: 0, count: 0, leg: 0, segment_bytes: 0 };
        // SAFETY: all-zero bytes are a valid value of these plain C structures.
        let (headers, names, vectors) = unsafe { (mem::zeroed(), mem::zeroed(), mem::zeroed()) };
        Box::new(Self {
            headers,
            names,
            controls: [Control([0; CONTROL_BYTES]); SEND_BATCH],
            vectors,
            messages: [empty; SEND_BATCH],
            count: 0,
        })
    }

    /// Prepares as many messages as fit and returns how many were taken from the plan.
    fn fill(&mut self, flush: Flush<'_>, from: usize, is_ipv6: bool, sent: &mut Sent) -> usize {
        self.count = 0;
        let mut vectors = 0;
        let mut taken = 0;
        for message in &flush.plan.messages()[from..] {
            if self.count == SEND_BATCH || vectors + message.count > MAX_VECTORS {
                break;
            }
            taken += 1;
            let Some(address) = flush.destinations.at(message.leg) else {
                sent.undeliverable += message.count as u64;
                continue;
            };
            let first_vector = vectors;
            for place in message.start..message.start + message.count {
                let (_, packet) = flush.packet(place);
                self.vectors[vectors] = libc::iovec {
                    iov_base: packet.as_ptr().cast_mut().cast(),
                    iov_len: packet.len(),
                };
                vectors += 1;
            }
            self.write_header(message, first_vector, for_family(address, is_ipv6));
        }
        taken
    }

    fn write_header(&mut self, message: &Message, first_vector: usize, address: SocketAddr) {
        let at = self.count;
        let name_bytes = self.names[at].write(address);
        let header = &mut self.headers[at].msg_hdr;
        header.msg_name = ptr::from_mut(&mut self.names[at]).cast();
        header.msg_namelen = name_bytes;
        header.msg_iov = ptr::from_mut(&mut self.vectors[first_vector]);
        header.msg_iovlen = message.count;
        header.msg_flags = 0;
        if message.count > 1 {
            self.controls[at].write_segment(message.segment_bytes as u16);
            header.msg_control = self.controls[at].0.as_mut_ptr().cast();
            header.msg_controllen = CONTROL_BYTES;
        } else {
            header.msg_control = ptr::null_mut();
            header.msg_controllen = 0;
        }
        self.messages[at] = *message;
        self.count += 1;
    }

    fn send(&mut self, fd: RawFd, from: usize) -> io::Result<usize> {
        let rest = &mut self.headers[from..self.count];
        // SAFETY: the headers point into this boxed value and into the slab, both of which are
        // borrowed or owned by the caller for the time of the call; the count is that of `rest`.
        let count = unsafe {
            libc::sendmmsg(fd, rest.as_mut_ptr(), rest.len() as libc::c_uint, libc::MSG_DONTWAIT)
        };
        match count {
            0.. => Ok(count.unsigned_abs() as usize),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

impl Name {
    fn write(&mut self, address: SocketAddr) -> libc::socklen_t {
        match address {
            SocketAddr::V4(address) => {
                self.v4 = libc::sockaddr_in {
                    sin_family: libc::AF_INET as libc::sa_family_t,
                    sin_port: address.port().to_be(),
                    sin_addr: libc::in_addr { s_addr: u32::from(*address.ip()).to_be() },
                    sin_zero: [0; 8],
                };
                mem::size_of::<libc::sockaddr_in>() as libc::socklen_t
            }
            SocketAddr::V6(address) => {
                self.v6 = libc::sockaddr_in6 {
                    sin6_family: libc::AF_INET6 as libc::sa_family_t,
                    sin6_port: address.port().to_be(),
                    sin6_flowinfo: 0,
                    sin6_addr: libc::in6_addr { s6_addr: address.ip().octets() },
                    sin6_scope_id: address.scope_id(),
                };
                mem::size_of::<libc::sockaddr_in6>() as libc::socklen_t
            }
        }
    }
}

impl Control {
    /// Lays out `cmsghdr { len, level, type }` and the segment size.
    fn write_segment(&mut self, bytes: u16) {
        // SAFETY: the arithmetic of `CMSG_LEN` has no preconditions.
        let length = unsafe { libc::CMSG_LEN(mem::size_of::<u16>() as u32) } as usize;
        let header = mem::size_of::<libc::cmsghdr>();
        self.0[..mem::size_of::<usize>()].copy_from_slice(&length.to_ne_bytes());
        self.0[header - 8..header - 4].copy_from_slice(&libc::SOL_UDP.to_ne_bytes());
        self.0[header - 4..header].copy_from_slice(&libc::UDP_SEGMENT.to_ne_bytes());
        self.0[header..header + 2].copy_from_slice(&bytes.to_ne_bytes());
    }
}

/// The datagrams of one receive call.
pub(crate) struct Inbox {
    headers: Box<[libc::mmsghdr]>,
    /// Pointed to by `headers`.
    _vectors: Box<[libc::iovec]>,
    names: Box<[libc::sockaddr_storage]>,
    buffers: Box<[[u8; DATAGRAM_BYTES]]>,
    count: usize,
}

impl Inbox {
    /// Makes the buffers.
    pub(crate) fn new() -> Self {
        let mut buffers = vec![[0; DATAGRAM_BYTES]; RECEIVE_BATCH].into_boxed_slice();
        // SAFETY: all-zero bytes are a valid value of these plain C structures.
        let (name, header): (libc::sockaddr_storage, libc::mmsghdr) =
            unsafe { (mem::zeroed(), mem::zeroed()) };
        let mut names = vec![name; RECEIVE_BATCH].into_boxed_slice();
        let mut vectors: Box<[libc::iovec]> = buffers
            .iter_mut()
            .map(|buffer| libc::iovec {
                iov_base: buffer.as_mut_ptr().cast(),
                iov_len: DATAGRAM_BYTES,
            })
            .collect();
        let headers = names
            .iter_mut()
            .zip(&mut vectors)
            .map(|(name, vector)| {
                let mut header = header;
                header.msg_hdr.msg_name = ptr::from_mut(name).cast();
                header.msg_hdr.msg_iov = vector;
                header.msg_hdr.msg_iovlen = 1;
                header
            })
            .collect();
        Self { headers, _vectors: vectors, names, buffers, count: 0 }
    }

    /// Returns one received datagram and its source; `None` when it was cut off or comes from
    /// nowhere.
    #[inline]
    pub(crate) fn datagram(&mut self, number: usize) -> Option<(SocketAddr, &mut [u8])> {
        let header = self.headers.get(number).filter(|_| number < self.count)?;
        if header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0 {
            return None;
        }
        let source = read_name(self.names.get(number)?)?;
        let bytes = self.buffers.get_mut(number)?.get_mut(..header.msg_len as usize)?;
        Some((canonical(source), bytes))
    }
}

impl std::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inbox").field("count", &self.count).finish_non_exhaustive()
    }
}

fn read_name(name: &libc::sockaddr_storage) -> Option<SocketAddr> {
    match libc::c_int::from(name.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says that the storage holds this structure, which it is large
            // and aligned enough for.
            let name = unsafe { &*ptr::from_ref(name).cast::<libc::sockaddr_in>() };
            let ip = u32::from_be(name.sin_addr.s_addr).into();
            Some(SocketAddrV4::new(ip, u16::from_be(name.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let name = unsafe { &*ptr::from_ref(name).cast::<libc::sockaddr_in6>() };
            let ip = name.sin6_addr.s6_addr.into();
            let port = u16::from_be(name.sin6_port);
            Some(SocketAddrV6::new(ip, port, 0, name.sin6_scope_id).into())
        }
        _ => None,
    }
}

/// Wakes a shard that sleeps in [`Socket::wait`].
#[derive(Debug)]
pub(crate) struct Waker {
    fd: OwnedFd,
}

impl Waker {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: takes no pointers.
        let fd = unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is new and owned by nobody else.
        Ok(Self { fd: unsafe { OwnedFd::from_raw_fd(fd) } })
    }

    pub(crate) fn wake(&self) {
        let one = 1_u64.to_ne_bytes();
        // SAFETY: `one` outlives the call. A full counter already wakes, so failure is fine.
        let _written = unsafe { libc::write(self.fd.as_raw_fd(), one.as_ptr().cast(), 8) };
    }

    fn reset(&self) {
        let mut count = [0; 8];
        // SAFETY: `count` has room for the eight bytes.
        let _read = unsafe { libc::read(self.fd.as_raw_fd(), count.as_mut_ptr().cast(), 8) };
    }
}

/// Pins the calling thread to one of the cores that the process may use.
pub(crate) fn pin_to_core(number: usize) -> io::Result<()> {
    let set_bytes = mem::size_of::<libc::cpu_set_t>();
    // SAFETY: an all-zero set is valid, and both calls get its true size.
    unsafe {
        let mut usable: libc::cpu_set_t = mem::zeroed();
        if libc::sched_getaffinity(0, set_bytes, &mut usable) != 0 {
            return Err(io::Error::last_os_error());
        }
        let cores: Vec<usize> = (0..libc::CPU_SETSIZE as usize)
            .filter(|core| libc::CPU_ISSET(*core, &usable))
            .collect();
        let Some(core) = cores.get(number % cores.len().max(1)) else { return Ok(()) };
        let mut chosen: libc::cpu_set_t = mem::zeroed();
        libc::CPU_SET(*core, &mut chosen);
        if libc::sched_setaffinity(0, set_bytes, &chosen) != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

fn set_option(
    fd: RawFd,
    level: libc::c_int,
    name: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    let length = mem::size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: `value` outlives the call and has the given length.
    let outcome =
        unsafe { libc::setsockopt(fd, level, name, ptr::from_ref(&value).cast(), length) };
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Messages of one `sendmmsg` call. The first packets leave while later ones are still being
/// prepared, so larger delays them; smaller pays the call more often.
const SEND_BATCH: usize = 64;

/// Packets of one `sendmmsg` call, where runs are segmented.
const MAX_VECTORS: usize = 256;

/// `CMSG_SPACE(2)`: a header and the segment size, padded.
const CONTROL_BYTES: usize = mem::size_of::<libc::cmsghdr>() + 8;
