//! Time as a value: instants, wall-clock timestamps, deadlines, a virtual clock.
//!
//! Nothing here reads a clock. A shell reads the monotonic and the wall clock of its machine once
//! per input and hands both in as [`Now`]. [`Instant`] schedules, [`Timestamp`] records.

mod deadlines;
mod instant;
mod timestamp;
mod virtual_clock;

pub use crate::{
    deadlines::Deadlines,
    instant::Instant,
    timestamp::{ParseTimestampError, Timestamp},
    virtual_clock::VirtualClock,
};

/// The time of an input: when it is, by both clocks.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Now {
    /// The monotonic time; never goes back.
    pub instant: Instant,
    /// The wall-clock time; may jump in either direction.
    pub wall: Timestamp,
}
