//! Shared measurement of the benches.
