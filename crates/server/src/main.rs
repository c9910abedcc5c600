//! The `trunkline` binary: dispatches to the command library.

fn main() {}
