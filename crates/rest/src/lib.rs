//! The REST façade: identity, chat, rooms and numbers as the documented service speaks.
//!
//! Translates and authorizes, nothing else: what a request means is the node's business. One table
//! ([`routes`]) says what is served; the router, the tests and the documentation are made from it.

mod auth;
mod body;
mod chat;
mod config;
mod cors;
mod error;
mod graph;
mod headers;
mod http_date;
mod identity;
mod migration;
mod model;
mod numbers;
mod operation;
mod paging;
mod patch;
mod percent;
mod query;
mod rate;
mod repeatability;
mod reply;
mod request;
mod rooms;
mod serve;
mod sip;

pub use crate::{
    config::{
        AdministrativeDivision, AllowedOrigins, Capability, NumberAssignment, NumberType, Profile,
        RestConfig, ServiceTokens, VirtualNumber,
    },
    migration::migration_page,
    operation::{
        ChatOperation, Credential, GraphOperation, IdentityOperation, NumberOperation, Operation,
        RoomOperation, Route, Service, SipOperation, Support, Verb, routes,
    },
    paging::{Origin, ParseOriginError, Scheme},
    rate::{RateGroup, RateRule, RateScope, documented_rates},
    serve::{AskedFor, over_http, router, unserved},
};
