//! Video in and out: encoded VP8 frames from files or channels to packets, and back.

mod assembler;
mod sink;
mod source;

pub(super) use self::{
    assembler::Assembler,
    sink::OpenVideoSink,
    source::{OpenVideoSource, packetize},
};
pub use self::{
    sink::{ReceivedVideoFrame, VideoSink},
    source::{EncodedVideoFrame, VideoSource},
};
pub use super::ivf::VideoFileError;
