//! The forwarding core of one shard: rooms, legs, and which packet goes where.
//!
//! A [`Router`] is told the time and given datagrams; it fills an [`Egress`] slab and a queue of
//! events. It does no I/O, reads no clock, draws no random numbers and holds no locks.
//!
//! Not here, by design: STUN and DTLS (the transport's), mixing for phones (a later `mixer`
//! module beside this one), recording taps (`tap`), simulcast layer choice (`router::layers`).

mod config;
mod stats;

use std::collections::{HashMap, VecDeque};

pub use config::{
    AddLegError, FeedbackModes, LegConfig, PayloadTypes, PublishTrack, ReceiveTrack, RouterConfig,
};
pub use stats::{DropReason, RouterStats};
use trunkline_clock::{Instant, Now};

use crate::{
    control::{LegKey, MediaCommand, MediaEvent},
    egress::Egress,
    srtp::SrtpKeys,
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
    by_key: HashMap<LegKey, LegId>,
    egress: Egress,
    events: VecDeque<MediaEvent>,
    stats: RouterStats,
    pressure: Pressure,
}

impl Router {
    /// Makes an empty router.
    pub fn new(config: RouterConfig) -> Self {
        Self {
            config,
            by_key: HashMap::new(),
            egress: Egress::default(),
            events: VecDeque::new(),
            stats: RouterStats::default(),
            pressure: Pressure::Relaxed,
        }
    }

    /// Adds a leg. Its packets are dropped until [`Self::set_keys`].
    pub fn add_leg(&mut self, now: Now, config: LegConfig) -> Result<LegId, AddLegError> {
        let _ = (now, &self.config);
        Err(AddLegError::DuplicateLeg { leg: config.leg })
    }

    /// Gives a leg its SRTP keys, once; packets flow from here on.
    pub fn set_keys(&mut self, now: Now, leg: LegId, keys: &SrtpKeys) -> Result<(), SetKeysError> {
        let _ = (now, keys);
        Err(SetKeysError::UnknownLeg { leg })
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
        let _ = (now, leg, packet, self.pressure);
        Err(DropReason::UnknownLeg)
    }

    /// Carries out an order of the control plane.
    pub fn handle_command(&mut self, now: Now, command: MediaCommand) -> Result<(), CommandError> {
        let _ = now;
        Err(CommandError::UnknownLeg { leg: command.leg() })
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Now) {
        let _ = now;
    }

    /// Tells the router how well packets get out. Keeps until told otherwise.
    pub fn set_pressure(&mut self, pressure: Pressure) {
        self.pressure = pressure;
    }

    /// Removes a leg (the same as [`MediaCommand::CloseLeg`]). Returns whether it existed.
    pub fn remove_leg(&mut self, now: Now, leg: LegId) -> bool {
        let _ = (now, leg);
        false
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
        None
    }

    /// Returns the packets to send.
    pub fn egress(&self) -> &Egress {
        &self.egress
    }

    /// Returns where a leg is, by its key.
    pub fn leg_id(&self, leg: LegKey) -> Option<LegId> {
        self.by_key.get(&leg).copied()
    }

    /// Returns the counters since the start.
    pub fn stats(&self) -> &RouterStats {
        &self.stats
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
        mid: crate::control::Mid,
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
        mid: crate::control::Mid,
    },
}
