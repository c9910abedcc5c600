//! The media core: SRTP, RTP and RTCP, forwarding, speaker detection, jitter buffering.
//!
//! Sans-IO: packets, PCM frames, keys and time in; packets and events out. Sockets, handshakes and
//! threads are the `transport` crate's, codecs are the `client`'s.
//!
//! - [`router`] forwards packets between the legs of a room, [`egress`] is where it puts them.
//! - [`srtp`], [`rtp`], [`rtcp`], [`vp8`] read and write what is on the wire.
//! - [`speaker`] and [`level`] find out who speaks; [`jitter`] smooths what a client hears.
//! - [`control`] is the vocabulary shared with the control plane.
//!
//! Rooms kept free for what comes later: `mixer` (one mix per call for phones, bots and recording),
//! `tap` (recording and transcription), `layers` in the router (simulcast layer choice), `pacer`
//! (congestion-driven adaptation towards subscribers).

pub mod control;
pub mod egress;
pub mod jitter;
pub mod level;
pub mod router;
pub mod rtcp;
pub mod rtp;
pub mod speaker;
pub mod srtp;
pub mod tiles;
pub mod vp8;
