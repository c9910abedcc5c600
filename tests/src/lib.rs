//! Shared scaffolding of the tests across crates and against real peers.
//!
//! A test that needs a real peer stands in a module named `with_peers`, finds the peer through
//! [`peers`], and fails when it is missing: `cargo xtask test` installs the peers first, and
//! `cargo xtask test --without-peers` leaves those modules out and says so.

pub mod peers;
pub mod process;
