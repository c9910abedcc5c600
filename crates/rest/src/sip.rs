//! Direct routing: trunks and routes.

use crate::error::ApiError;
use crate::operation::SipOperation;
use crate::reply::Reply;
use crate::request::Incoming;

/// Does what a resource asks of direct routing.
pub(crate) fn answer(operation: SipOperation, request: &Incoming) -> Result<Reply, ApiError> {
    let _ = request;
    match operation {
        SipOperation::GetSipConfiguration | SipOperation::UpdateSipConfiguration => {
            Err(ApiError::internal())
        }
    }
}
