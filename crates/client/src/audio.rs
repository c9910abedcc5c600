//! Sound in and out of calls without devices: sources, sinks, levels.

pub(crate) mod concealment;
mod level;
pub(crate) mod opus;
mod resample;
mod sink;
mod source;
mod wav;

pub use self::{
    level::LevelMeter,
    sink::{AudioFrame, AudioSink},
    source::AudioSource,
    wav::{WavError, read_wav},
};
pub(crate) use self::{sink::OpenSink, source::OpenSource};

/// Samples per second of everything that goes in and comes out, mono.
pub const SAMPLE_RATE_HZ: u32 = 48_000;

/// Samples in one frame of 20 ms.
pub const FRAME_SAMPLES: usize = 960;
