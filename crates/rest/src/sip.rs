//! Direct routing: trunks and routes, kept for as long as the exchange runs.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use axum::http::StatusCode;
use trunkline_ids::ResourceId;

use crate::error::ApiError;
use crate::model::sip::{SipConfiguration, SipPatch};
use crate::operation::SipOperation;
use crate::reply::Reply;
use crate::request::Incoming;

/// What each resource has set.
#[derive(Debug, Default)]
pub(crate) struct SipConfigurations(Mutex<BTreeMap<ResourceId, SipConfiguration>>);

/// Does what a resource asks of direct routing.
pub(crate) fn answer(
    operation: SipOperation,
    configurations: &SipConfigurations,
    resource: &ResourceId,
    request: &Incoming,
) -> Result<Reply, ApiError> {
    // A change replaces the whole: a panic elsewhere leaves what is in the map whole.
    let mut all = configurations.0.lock().unwrap_or_else(PoisonError::into_inner);
    let configuration = all.entry(resource.clone()).or_default();
    match operation {
        SipOperation::GetSipConfiguration => {}
        SipOperation::UpdateSipConfiguration => {
            let patch: SipPatch = request.json()?;
            *configuration = configuration.patched(patch)?;
        }
    }
    Ok(Reply::json(StatusCode::OK, configuration))
}
