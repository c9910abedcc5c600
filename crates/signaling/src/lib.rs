//! The client protocol: frames and their encodings, the resumable session, the SDP it needs.
//!
//! Everything here is a value or a machine that is told the time. Sockets, token checks and the
//! lookup of sessions belong to the shells. The contract itself is the comment at the top of
//! `proto/trunkline/signaling/v1/signaling_service.proto`.

pub mod close;
pub mod codec;
pub mod outgoing;
pub mod sdp;
pub mod session;
