//! Fuzz targets for everything that a peer can send, and the seeded driver that feeds them.
//!
//! A target is a function from bytes to whether they were accepted. It panics when a parser breaks
//! one of its promises; so do the parsers themselves, which is what is looked for. The driver is in
//! this crate because a run must need nothing but cargo; each target is a plain function, so
//! another fuzzer can call it as well.

pub mod allocation;
pub mod driver;
pub mod mutate;
pub mod random;
pub mod targets;
