//! Development only: virtual network, scripted clients, builders.
//!
//! Everything here is deterministic: a seed and the same calls give the same run. A test that uses a
//! seed prints it when it fails and takes it back from the environment: see [`seeds`].

mod network;
mod rng;
mod script;

pub mod build;

pub use crate::{
    network::{Conditions, Delivery, VirtualNetwork},
    rng::{Rng, SEED_VARIABLE, seeds},
    script::Script,
};
