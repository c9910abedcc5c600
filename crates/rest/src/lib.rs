//! The REST façade: identity, chat, rooms and numbers as the documented service speaks.

mod auth;
mod http_date;
mod operation;
mod percent;

pub use crate::operation::{Credential, Operation, Route, Service, Support, Verb, routes};
mod body;
mod error;
mod headers;
mod paging;
mod patch;
mod query;
mod rate;
pub use crate::paging::{Origin, ParseOriginError, Scheme};
pub use crate::rate::{RateGroup, RateRule, RateScope, documented_rates};
