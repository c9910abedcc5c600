//! Decisions: who may call whom, each with a printable trace.
//!
//! A decision is a pure function of who asks, who is asked for, and what the tenant's
//! administrator has set. It says which rule decided and what would change the outcome.

mod calling;
mod scopes;

pub use crate::{
    calling::{CallPolicy, Decision, FederationConfig, Principal, Step, decide_call},
    scopes::{Right, Scope, UnknownScope, decide_scope},
};
