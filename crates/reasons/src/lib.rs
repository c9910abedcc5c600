//! The one catalogue of end reasons and result codes.
//!
//! Everything that ends carries an [`EndReason`], and an `EndReason` exists only for a pair of codes
//! that the catalogue has. The tables are those of the documented service: ends of calls, of calls
//! with phones, of automation and media operations, and failures of the client library.

mod catalogue;
mod end_reason;
mod explain;

pub use crate::{
    catalogue::{Category, EndedBy, Entry, Table, entries, sub_code_name},
    end_reason::EndReason,
    explain::{ExplainError, Explanation, PhoneDirection, explain},
};
