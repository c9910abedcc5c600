//! The handle by which the control plane drives the media plane.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};
use trunkline_media::control::{LegKey, MediaCommand, MediaEvent, RoomKey, TrackBinding};
use trunkline_media::router::{AddLegError, LegConfig, Router, RouterConfig};
use trunkline_signaling::sdp::{Answer, AnswerSection, Fingerprint, IceCredentials, Offer};

use crate::clock::Clock;
use crate::config::{PlaneConfig, StartError};
use crate::dtls::Identity;
use crate::negotiation::{CNAME, NegotiationError, is_same_answer, negotiate};
use crate::shard::{
    Inspecting, Link, Opening, Order, OrderFault, Restarting, Shard, ShardParts, link,
};
use crate::stats::{LegStatus, PlaneStats};
use crate::udp::{Socket, pin_to_core};

/// A running media plane; cheap to clone, safe to share between tasks.
///
/// When the last handle is gone the shards say goodbye to their peers and end;
/// [`Self::shutdown`] also waits for that.
#[derive(Clone, Debug)]
pub struct MediaPlane {
    inner: Arc<Inner>,
}

/// A request to open a leg.
#[derive(Clone, Debug)]
pub struct OpenLeg {
    /// The room whose other legs this one hears and sees.
    pub room: RoomKey,
    /// The name of the new leg, unique among open legs.
    pub leg: LegKey,
    /// The client's offer.
    pub offer: String,
    /// What each media section of the offer is for. Sections without a purpose are rejected.
    pub tracks: Vec<TrackBinding>,
}

#[derive(Debug)]
struct Inner {
    clock: Clock,
    identity: Arc<Identity>,
    shards: Vec<ShardHandle>,
    directory: Mutex<Directory>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Debug)]
struct ShardHandle {
    link: Link,
    candidates: Vec<SocketAddr>,
}

/// Which shard has which room and leg.
#[derive(Debug, Default)]
struct Directory {
    legs: HashMap<LegKey, LegEntry>,
    rooms: HashMap<RoomKey, RoomEntry>,
    legs_by_shard: Vec<usize>,
}

#[derive(Debug)]
struct LegEntry {
    room: RoomKey,
    shard: usize,
    /// What was answered; `None` while the leg is being opened.
    answered: Option<Arc<Answered>>,
    answers: u64,
}

#[derive(Debug)]
struct RoomEntry {
    shard: usize,
    legs: usize,
}

#[derive(Debug)]
struct Answered {
    shard: usize,
    session_id: u64,
    sections: Vec<AnswerSection>,
    fingerprints: Vec<Fingerprint>,
}

impl MediaPlane {
    /// Opens the sockets and starts one pinned thread per shard.
    ///
    /// Events come out of the returned receiver. The shards never wait for it: while it is full,
    /// later events of a kind replace earlier ones for the same leg.
    ///
    /// # Errors
    ///
    /// Says which resource of the system was refused.
    pub fn start(config: PlaneConfig) -> Result<(Self, mpsc::Receiver<MediaEvent>), StartError> {
        let advertised = advertised_ips(&config)?;
        let count = match config.shards {
            0 => std::thread::available_parallelism().map_or(1, usize::from).min(MAX_SHARDS),
            count => count,
        };
        if count > MAX_SHARDS {
            return Err(StartError::TooManyShards { requested: count, limit: MAX_SHARDS });
        }
        let identity = Identity::generate()
            .map_err(|error| StartError::Certificate { cause: error.to_string() })?;
        let (identity, clock) = (Arc::new(identity), Clock::start());
        let (events, receiver) = mpsc::channel(EVENT_CHANNEL);
        let mut shards = Vec::with_capacity(count);
        let mut threads = Vec::with_capacity(count);
        for number in 0..count {
            let port = config.ports.get(number).copied().unwrap_or(0);
            let address = SocketAddr::new(config.bind_ip, port);
            let failed = |source| StartError::Socket { ip: config.bind_ip, port, source };
            let socket = Socket::bind(address).map_err(failed)?;
            let port = socket.local_addr().map_err(failed)?.port();
            let candidates = advertised.iter().map(|ip| SocketAddr::new(*ip, port)).collect();
            let (link, orders) = link().map_err(StartError::Thread)?;
            let parts = ShardParts {
                clock,
                identity: Arc::clone(&identity),
                socket,
                orders,
                router: Router::new(RouterConfig::default()),
                events: events.clone(),
                seed: random_u64(),
                number,
            };
            let thread = std::thread::Builder::new()
                .name(format!("media-{number}"))
                .spawn(move || {
                    if let Err(error) = pin_to_core(number) {
                        tracing::debug!(%error, number, "media thread is not pinned");
                    }
                    Shard::new(parts).run();
                })
                .map_err(StartError::Thread)?;
            shards.push(ShardHandle { link, candidates });
            threads.push(thread);
        }
        let directory = Directory { legs_by_shard: vec![0; count], ..Directory::default() };
        let inner = Inner {
            clock,
            identity,
            shards,
            directory: Mutex::new(directory),
            threads: Mutex::new(threads),
        };
        Ok((Self { inner: Arc::new(inner) }, receiver))
    }

    /// Opens a leg and returns the answer to its offer.
    ///
    /// The leg stays until [`MediaCommand::CloseLeg`], also after it has failed. Cancel-safe: when
    /// the future is dropped, the leg is closed again.
    ///
    /// # Errors
    ///
    /// Says whether the offer, the caller or the load is at fault; the leg does not exist then.
    pub async fn open_leg(&self, request: OpenLeg) -> Result<String, OpenLegError> {
        let offered_at = self.inner.clock.instant();
        let OpenLeg { room, leg, offer, tracks } = request;
        let offer = Offer::parse(&offer).map_err(NegotiationError::from)?;
        let negotiated = negotiate(&offer, &tracks, random_u32)?;
        let local = random_credentials();
        let shard = self.inner.directory().reserve(room, leg)?;
        let mut reservation = Reservation { inner: &self.inner, leg, is_kept: false };
        let handle = &self.inner.shards[shard];
        let (reply, opened) = oneshot::channel();
        let opening = Opening {
            config: LegConfig {
                room,
                leg,
                rtcp_ssrc: random_u32(),
                cname: CNAME.to_owned(),
                publish: negotiated.publish,
                receive: negotiated.receive,
            },
            local: local.clone(),
            remote: offer.credentials().clone(),
            fingerprints: offer.fingerprints().to_vec(),
            offered_at,
            reply,
        };
        handle.link.send(Order::Open(Box::new(opening)))?;
        opened.await.map_err(|_gone| OpenLegError::Stopped)??;
        let answered = Arc::new(Answered {
            shard,
            // Chromium wants the number to fit into 63 bits.
            session_id: random_u64() >> 1,
            sections: negotiated.sections,
            fingerprints: offer.fingerprints().to_vec(),
        });
        let answer = answered.write(&self.inner, &offer, &local, 0);
        if let Some(entry) = self.inner.directory().legs.get_mut(&leg) {
            entry.answered = Some(answered);
        }
        reservation.is_kept = true;
        Ok(answer)
    }

    /// Answers a repeated offer with new ICE credentials, after the client's network has changed.
    ///
    /// The association and its keys stay, as does everything the leg receives and publishes.
    ///
    /// # Errors
    ///
    /// Says whether the offer, the caller or the load is at fault; the leg is as it was then.
    pub async fn restart_leg(&self, leg: LegKey, offer: &str) -> Result<String, RestartLegError> {
        let offer = Offer::parse(offer).map_err(NegotiationError::from)?;
        let (shard, answered, answers) = {
            let mut directory = self.inner.directory();
            let entry = directory.legs.get_mut(&leg);
            let entry = entry.ok_or(RestartLegError::UnknownLeg { leg })?;
            let answered = entry.answered.clone().ok_or(RestartLegError::UnknownLeg { leg })?;
            entry.answers += 1;
            (entry.shard, answered, entry.answers)
        };
        if !is_same_answer(&offer, &answered.sections) {
            return Err(RestartLegError::MediaChanged);
        }
        if offer.fingerprints() != answered.fingerprints {
            return Err(RestartLegError::CertificateChanged);
        }
        let local = random_credentials();
        let (reply, restarted) = oneshot::channel();
        let restarting =
            Restarting { leg, local: local.clone(), remote: offer.credentials().clone(), reply };
        self.inner.shards[shard].link.send(Order::Restart(Box::new(restarting)))?;
        match restarted.await {
            Ok(true) => Ok(answered.write(&self.inner, &offer, &local, answers)),
            Ok(false) => Err(RestartLegError::UnknownLeg { leg }),
            Err(_gone) => Err(RestartLegError::Stopped),
        }
    }

    /// Hands a command to the shard of its leg; never waits.
    ///
    /// # Errors
    ///
    /// Says whether the leg is unknown or the shard takes no more commands.
    /// [`MediaCommand::CloseLeg`] is always taken from a known leg while the plane runs.
    pub fn send(&self, command: MediaCommand) -> Result<(), SendError> {
        let leg = command.leg();
        let mut directory = self.inner.directory();
        let shard = directory.legs.get(&leg).ok_or(SendError::UnknownLeg { leg })?.shard;
        let link = &self.inner.shards[shard].link;
        match command {
            MediaCommand::CloseLeg { leg } => {
                directory.release(leg);
                Ok(link.close(leg)?)
            }
            MediaCommand::SetPublish { .. }
            | MediaCommand::SetReceive { .. }
            | MediaCommand::SubscribeVideo { .. } => Ok(link.send(Order::Media(command))?),
        }
    }

    /// Looks at a leg. `None` when there is no such leg, or its shard is too busy to say.
    ///
    /// The shard answers between two batches of packets; the look costs it a microsecond.
    pub async fn inspect_leg(&self, leg: LegKey) -> Option<LegStatus> {
        let shard = self.inner.directory().legs.get(&leg)?.shard;
        let (reply, status) = oneshot::channel();
        self.inner.shards[shard].link.send(Order::Inspect(Inspecting { leg, reply })).ok()?;
        status.await.ok()
    }

    /// Ends the shards and waits until they have said goodbye to their peers.
    pub async fn shutdown(&self) {
        self.inner.stop();
        let threads = std::mem::take(&mut *lock(&self.inner.threads));
        let joined = tokio::task::spawn_blocking(move || {
            for thread in threads {
                if thread.join().is_err() {
                    tracing::error!("a media thread had panicked");
                }
            }
        });
        let _runtime_is_ending = joined.await;
    }

    /// Returns the counters, at most some 20 ms old.
    pub fn stats(&self) -> PlaneStats {
        let mut sum = PlaneStats::default();
        for shard in &self.inner.shards {
            sum.add(&shard.link.snapshot().read());
        }
        sum
    }

    /// Returns the addresses at which each shard waits, as told to clients.
    pub fn candidates(&self) -> impl Iterator<Item = &[SocketAddr]> {
        self.inner.shards.iter().map(|shard| shard.candidates.as_slice())
    }

    /// Returns the hash of the DTLS certificate.
    pub fn fingerprint(&self) -> &Fingerprint {
        self.inner.identity.fingerprint()
    }
}

impl Answered {
    fn write(
        &self,
        inner: &Inner,
        offer: &Offer,
        credentials: &IceCredentials,
        session_version: u64,
    ) -> String {
        Answer {
            offer,
            session_id: self.session_id,
            session_version,
            credentials,
            fingerprint: inner.identity.fingerprint(),
            candidates: &inner.shards[self.shard].candidates,
            sections: &self.sections,
        }
        .to_string()
    }
}

/// Says why a leg was not opened.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OpenLegError {
    /// The shard has more orders waiting than it takes; try again.
    #[error("media shard is busy")]
    Busy,
    /// A leg with this key is open.
    #[error("leg {} is open already", leg.value())]
    DuplicateLeg {
        /// The key.
        leg: LegKey,
    },
    /// The offer cannot be answered.
    #[error(transparent)]
    Negotiation(#[from] NegotiationError),
    /// The router refused the leg.
    #[error("leg refused")]
    Refused(#[from] AddLegError),
    /// The media plane has ended.
    #[error("media plane has stopped")]
    Stopped,
}

/// Says why an ICE restart was refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RestartLegError {
    /// The shard has more orders waiting than it takes; try again.
    #[error("media shard is busy")]
    Busy,
    /// The client has a new certificate, so it needs a new association and a new leg.
    #[error("certificate has changed; open a new leg")]
    CertificateChanged,
    /// The offer has other media than the first one; tracks change by message, not by offer.
    #[error("media sections have changed; open a new leg")]
    MediaChanged,
    /// The offer cannot be answered.
    #[error(transparent)]
    Negotiation(#[from] NegotiationError),
    /// The media plane has ended.
    #[error("media plane has stopped")]
    Stopped,
    /// There is no such leg, or it has failed.
    #[error("no leg {} to restart", leg.value())]
    UnknownLeg {
        /// The key.
        leg: LegKey,
    },
}

/// Says why a command was not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SendError {
    /// The shard has more orders waiting than it takes; try again.
    #[error("media shard is busy")]
    Busy,
    /// The media plane has ended.
    #[error("media plane has stopped")]
    Stopped,
    /// There is no such leg.
    #[error("no leg {}", leg.value())]
    UnknownLeg {
        /// The key.
        leg: LegKey,
    },
}

impl From<OrderFault> for OpenLegError {
    fn from(fault: OrderFault) -> Self {
        match fault {
            OrderFault::Full => Self::Busy,
            OrderFault::Stopped => Self::Stopped,
        }
    }
}

impl From<OrderFault> for RestartLegError {
    fn from(fault: OrderFault) -> Self {
        match fault {
            OrderFault::Full => Self::Busy,
            OrderFault::Stopped => Self::Stopped,
        }
    }
}

impl From<OrderFault> for SendError {
    fn from(fault: OrderFault) -> Self {
        match fault {
            OrderFault::Full => Self::Busy,
            OrderFault::Stopped => Self::Stopped,
        }
    }
}

/// Gives the place of a leg back unless opening it came to its end.
struct Reservation<'a> {
    inner: &'a Inner,
    leg: LegKey,
    is_kept: bool,
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if !self.is_kept
            && let Some(shard) = self.inner.directory().release(self.leg)
        {
            // The shard may or may not have the leg by now; closing an unknown leg does nothing.
            let _stopped = self.inner.shards[shard].link.close(self.leg);
        }
    }
}

impl Inner {
    fn directory(&self) -> MutexGuard<'_, Directory> {
        lock(&self.directory)
    }

    fn stop(&self) {
        for shard in &self.shards {
            shard.link.stop();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Directory {
    /// Finds the shard of a room, the emptiest one for a new room, and enters the leg.
    fn reserve(&mut self, room: RoomKey, leg: LegKey) -> Result<usize, OpenLegError> {
        if self.legs.contains_key(&leg) {
            return Err(OpenLegError::DuplicateLeg { leg });
        }
        let emptiest = || {
            let loads = self.legs_by_shard.iter().enumerate();
            loads.min_by_key(|(_shard, legs)| **legs).map_or(0, |(shard, _legs)| shard)
        };
        let shard = self.rooms.get(&room).map_or_else(emptiest, |room| room.shard);
        self.rooms.entry(room).or_insert(RoomEntry { shard, legs: 0 }).legs += 1;
        self.legs_by_shard[shard] += 1;
        self.legs.insert(leg, LegEntry { room, shard, answered: None, answers: 0 });
        Ok(shard)
    }

    fn release(&mut self, leg: LegKey) -> Option<usize> {
        let entry = self.legs.remove(&leg)?;
        self.legs_by_shard[entry.shard] -= 1;
        if let Some(room) = self.rooms.get_mut(&entry.room) {
            room.legs -= 1;
            if room.legs == 0 {
                self.rooms.remove(&entry.room);
            }
        }
        Some(entry.shard)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn advertised_ips(config: &PlaneConfig) -> Result<Vec<IpAddr>, StartError> {
    let ips = match config.advertised_ips.as_slice() {
        [] => vec![config.bind_ip],
        ips => ips.to_vec(),
    };
    match ips.iter().find(|ip| ip.is_unspecified()) {
        Some(ip) => Err(StartError::AdvertisedAddress { bind_ip: *ip }),
        None => Ok(ips),
    }
}

/// Draws credentials of 48 and 144 random bits; [RFC 8445 §5.3](https://www.rfc-editor.org/rfc/rfc8445#section-5.3)
/// asks for 24 and 128.
fn random_credentials() -> IceCredentials {
    let mut bytes = [0; 32];
    fill_random(&mut bytes);
    let text: String =
        bytes.iter().map(|byte| char::from(ICE_CHARS[usize::from(byte % 64)])).collect();
    let (ufrag, password) = text.split_at(8);
    IceCredentials::new(ufrag, password).expect("8 and 24 characters of the alphabet are valid")
}

fn random_u32() -> u32 {
    let mut bytes = [0; 4];
    fill_random(&mut bytes);
    u32::from_ne_bytes(bytes)
}

fn random_u64() -> u64 {
    let mut bytes = [0; 8];
    fill_random(&mut bytes);
    u64::from_ne_bytes(bytes)
}

fn fill_random(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the system has randomness once it has started");
}

const ICE_CHARS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// No machine in sight has more cores for media.
const MAX_SHARDS: usize = 256;

/// Events that wait for the control plane. It is drained within milliseconds; a burst of joins
/// makes a few events per leg. Beyond, events are coalesced, not lost.
const EVENT_CHANNEL: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_stay_on_one_shard_and_shards_fill_evenly() {
        let mut directory = Directory { legs_by_shard: vec![0; 2], ..Directory::default() };
        let mut reserve =
            |room, leg| directory.reserve(RoomKey::new(room), LegKey::new(leg)).unwrap();
        assert_eq!([reserve(1, 1), reserve(1, 2), reserve(1, 3)], [0; 3]);
        assert_eq!([reserve(2, 4), reserve(3, 5), reserve(4, 6)], [1; 3]);
        assert_eq!(
            directory.reserve(RoomKey::new(9), LegKey::new(1)),
            Err(OpenLegError::DuplicateLeg { leg: LegKey::new(1) })
        );
        for leg in 1..=6 {
            assert!(directory.release(LegKey::new(leg)).is_some());
        }
        assert_eq!(directory.release(LegKey::new(1)), None);
        assert!(directory.rooms.is_empty() && directory.legs_by_shard == [0, 0]);
    }

    #[test]
    fn generated_credentials_are_valid_and_differ() {
        let (one, other) = (random_credentials(), random_credentials());
        assert_ne!(one, other);
        assert_eq!((one.ufrag().len(), one.password().len()), (8, 24));
    }
}
