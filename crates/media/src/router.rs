//! The forwarding core of one shard: rooms, legs, and which packet goes where.
//!
//! A [`Router`] is told the time and given datagrams; it fills an [`Egress`] slab and a queue of
//! events. It does no I/O, reads no clock, draws no random numbers and holds no locks.
//!
//! Not here, by design: STUN and DTLS (the transport's), mixing for phones (a later `mixer`
//! module beside this one), recording taps (`tap`), simulcast layer choice (`router::layers`).

mod config;
mod fanout;
mod feedback;
mod ingress;
mod leg;
mod losses;
mod membership;
mod publisher;
mod reception;
mod report;
mod ring;
mod slot;
mod stats;

use std::collections::{HashMap, VecDeque};

pub use config::{
    AddLegError, FeedbackModes, LegConfig, PayloadTypes, PublishTrack, ReceiveTrack, RouterConfig,
};
pub use report::{LegReport, StreamReport};
pub use stats::{DropReason, RouterStats};
use trunkline_clock::{Deadlines, Instant, Now};

use self::{leg::Leg, membership::Room, slot::Slot};
use crate::{
    control::{LegKey, MediaCommand, MediaEvent, Mid, RoomKey},
    egress::Egress,
    rtcp::CompoundWriter,
    rtp,
    srtp::{OutboundContext, SrtpKeys},
};

/// A leg's place in its router: dense, and never mistaken for a later leg in the same place.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LegId {
    index: u32,
    generation: u32,
}

impl LegId {
    /// Returns the place, reused after the leg is gone. Suited to index a table of addresses.
    pub const fn index(self) -> usize {
        self.index as usize
    }

    /// Returns how many legs were in this place before.
    pub const fn generation(self) -> u32 {
        self.generation
    }
}

/// Whether the transport can get packets out as fast as they come.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Pressure {
    /// Everything goes out.
    #[default]
    Relaxed,
    /// Sockets push back: video between keyframes is dropped, audio never.
    Tight,
}

/// The forwarding core of one shard.
///
/// The driver's contract: after any `handle_*`, [`Self::add_leg`] or [`Self::set_keys`], send and
/// [clear](Self::clear_egress) the [egress](Self::egress), drain [`Self::poll_event`], and re-arm
/// one timer with [`Self::poll_timeout`]. Several packets may be handed in before sending, as long
/// as [`Egress::wants_flush`] is false.
#[derive(Debug)]
pub struct Router {
    config: RouterConfig,
    legs: Vec<LegPlace>,
    free_legs: Vec<u32>,
    by_key: HashMap<LegKey, LegId>,
    rooms: Vec<Option<Room>>,
    free_rooms: Vec<u32>,
    by_room: HashMap<RoomKey, u32>,
    /// Every receiving track of every leg, so that the fan-out walks one array.
    slots: Vec<Option<Slot>>,
    free_slots: Vec<u32>,
    /// The sealing half of each leg, at the leg's place.
    sealers: Vec<Option<OutboundContext>>,
    timers: Deadlines<Timer>,
    egress: Egress,
    events: VecDeque<MediaEvent>,
    stats: RouterStats,
    pressure: Pressure,
    /// The next epoch: numbers that no two segments share.
    next_epoch: u64,
    writer: CompoundWriter,
    scratch: Vec<u8>,
    losses: Vec<u16>,
}

#[derive(Debug)]
struct LegPlace {
    generation: u32,
    leg: Option<Box<Leg>>,
}

/// All timers of a router. The number is the place of a leg, or of a room for `Silence`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
enum Timer {
    /// Ask a leg's publishers for missing packets again.
    Nack(u32),
    /// Send a leg its reports.
    Report(u32),
    /// Look whether speakers of a room fell silent.
    Silence(u32),
    /// Tell a leg when its packets arrived.
    TransportCc(u32),
}

impl Router {
    /// Makes an empty router.
    pub fn new(config: RouterConfig) -> Self {
        Self {
            config,
            legs: Vec::new(),
            free_legs: Vec::new(),
            by_key: HashMap::new(),
            rooms: Vec::new(),
            free_rooms: Vec::new(),
            by_room: HashMap::new(),
            slots: Vec::new(),
            free_slots: Vec::new(),
            sealers: Vec::new(),
            timers: Deadlines::new(),
            egress: Egress::default(),
            events: VecDeque::new(),
            stats: RouterStats::default(),
            pressure: Pressure::Relaxed,
            next_epoch: slot::NO_EPOCH + 1,
            writer: CompoundWriter::default(),
            scratch: Vec::new(),
            losses: Vec::new(),
        }
    }

    /// Adds a leg. Its packets are dropped until [`Self::set_keys`].
    pub fn add_leg(&mut self, now: Now, config: LegConfig) -> Result<LegId, AddLegError> {
        self.join(now, config)
    }

    /// Gives a leg its SRTP keys, once; packets flow from here on.
    pub fn set_keys(&mut self, now: Now, leg: LegId, keys: &SrtpKeys) -> Result<(), SetKeysError> {
        self.start_leg(now, leg, keys)
    }

    /// Handles an RTP or RTCP datagram from a leg's peer. The buffer is decrypted in place.
    ///
    /// # Errors
    ///
    /// The reason when the datagram went nowhere; it is counted already and needs no handling.
    pub fn handle_packet(
        &mut self,
        now: Now,
        leg: LegId,
        packet: &mut [u8],
    ) -> Result<(), DropReason> {
        let handled = if rtp::is_rtcp(packet) {
            self.handle_rtcp(now, leg, packet)
        } else {
            self.handle_rtp(now.instant, leg, packet)
        };
        if let Err(reason) = handled {
            self.stats.count_drop(reason);
        }
        handled
    }

    /// Carries out an order of the control plane.
    pub fn handle_command(&mut self, now: Now, command: MediaCommand) -> Result<(), CommandError> {
        self.carry_out(now, command)
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Now) {
        while let Some(timer) = self.timers.pop_due(now.instant) {
            match timer {
                Timer::Nack(leg) => self.ask_again(now.instant, leg),
                Timer::Report(leg) => self.send_reports(now, leg),
                Timer::Silence(room) => self.check_silence(now.instant, room),
                Timer::TransportCc(leg) => self.send_transport_cc(leg),
            }
        }
    }

    /// Tells the router how well packets get out. Keeps until told otherwise.
    pub fn set_pressure(&mut self, pressure: Pressure) {
        self.pressure = pressure;
    }

    /// Removes a leg (the same as [`MediaCommand::CloseLeg`]). Returns whether it existed.
    pub fn remove_leg(&mut self, now: Now, leg: LegId) -> bool {
        self.leave(now, leg)
    }

    /// Forgets the packets that the transport has sent.
    pub fn clear_egress(&mut self) {
        self.egress.clear();
    }

    /// Takes the next event.
    pub fn poll_event(&mut self) -> Option<MediaEvent> {
        self.events.pop_front()
    }

    /// Returns when [`Self::handle_timeout`] wants to be called; `None` when nothing is pending.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Returns the packets to send.
    pub fn egress(&self) -> &Egress {
        &self.egress
    }

    /// Returns where a leg is, by its key.
    pub fn leg_id(&self, leg: LegKey) -> Option<LegId> {
        self.by_key.get(&leg).copied()
    }

    /// Returns how many legs there are.
    pub fn leg_count(&self) -> usize {
        self.by_key.len()
    }

    /// Returns the counters since the start.
    pub fn stats(&self) -> &RouterStats {
        &self.stats
    }

    /// Returns the leg at a place, if it is still the one meant.
    #[inline]
    fn leg_mut(&mut self, id: LegId) -> Option<&mut Leg> {
        let place = self.legs.get_mut(id.index())?;
        (place.generation == id.generation).then_some(())?;
        place.leg.as_deref_mut()
    }

    #[inline]
    fn leg(&self, id: LegId) -> Option<&Leg> {
        let place = self.legs.get(id.index())?;
        (place.generation == id.generation).then_some(())?;
        place.leg.as_deref()
    }

    /// Returns the id of whatever leg is at a place.
    fn id_at(&self, index: u32) -> Option<LegId> {
        let place = self.legs.get(index as usize)?;
        place.leg.is_some().then_some(LegId { index, generation: place.generation })
    }

    fn slot_mut(&mut self, slot: u32) -> Option<&mut Slot> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    fn slot(&self, slot: u32) -> Option<&Slot> {
        self.slots.get(slot as usize)?.as_ref()
    }

    fn take_epoch(&mut self) -> u64 {
        let epoch = self.next_epoch;
        self.next_epoch += 1;
        epoch
    }
}

/// Why keys were not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SetKeysError {
    /// The leg has keys. A new association needs a new leg, so that no packet index is used
    /// twice under one key.
    #[error("leg has keys already")]
    AlreadySet,
    /// There is no such leg.
    #[error("no leg at {leg:?}")]
    UnknownLeg {
        /// The place asked for.
        leg: LegId,
    },
}

/// Why a command was not carried out.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CommandError {
    /// The tile to fill is not a video tile.
    #[error("mid {mid} does not receive video")]
    NotVideo {
        /// The m-line named.
        mid: Mid,
    },
    /// A video tile cannot show an audio stream.
    #[error("an audio stream cannot be shown on a video tile")]
    SourceNotVideo,
    /// There is no such leg.
    #[error("no leg {}", leg.value())]
    UnknownLeg {
        /// The leg named.
        leg: LegKey,
    },
    /// The leg has no such m-line.
    #[error("leg has no mid {mid}")]
    UnknownMid {
        /// The m-line named.
        mid: Mid,
    },
}
