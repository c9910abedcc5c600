//! Decisions: who may call and chat with whom, each with a printable trace.
//!
//! A decision is a pure function of who asks, who is asked for, and what the tenants'
//! administrators have set. It says which rule decided and what would change the outcome.

mod barriers;
mod calling;
mod chatting;
mod decision;
mod directory;
mod explain;
mod external_access;
mod federation;
mod names;
mod presence;
mod questions;
mod reach;
mod resource;
mod scopes;
mod snapshot;

pub use crate::{
    barriers::{BarrierRule, Barriers, Segment},
    calling::{Principal, decide_call},
    chatting::{decide_chat, decide_joining},
    decision::{Decision, Step},
    directory::{CoexistenceMode, DirectoryUser, License, Tenant, UnknownWord},
    explain::{Explanation, explain},
    external_access::{Assignee, ExternalAccess, ExternalAccessPolicy, Grant, GrantedBy},
    federation::{AcsUserLabel, FederationConfig},
    names::{Alias, DirectoryGroupId, ObjectId, PolicyName, ResourceName, SegmentId, TenantName},
    presence::{Activity, Availability, Presence, shown},
    reach::Medium,
    resource::{AccessKey, AccessKeyError, AccessKeys, KeySlot, Resource},
    scopes::{Right, Scope, UnknownScope, decide_scope},
    snapshot::{Policy, Standing, TenantPolicy},
};
