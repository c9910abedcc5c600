//! Shared scaffolding of the cross-crate tests.
