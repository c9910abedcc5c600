//! What travels: requests as clients spell them, answers as they expect them.
//!
//! Requests are read kindly: identifiers by whichever member is there, names of enumerations in any
//! case, null as absent, unknown members ignored. Answers are always complete.

pub(crate) mod chat;
pub(crate) mod identifier;
pub(crate) mod identity;
pub(crate) mod members;
pub(crate) mod numbers;
pub(crate) mod rooms;
pub(crate) mod sip;
pub(crate) mod time;
