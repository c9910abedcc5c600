//! The events of a call for whoever runs the exchange.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::{Stream, StreamExt as _};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use trunkline_node::LiveCalls;
use trunkline_proto::admin::v1 as wire;

use crate::status;

/// The events on their way to a client.
pub(super) type Events =
    Pin<Box<dyn Stream<Item = Result<wire::WatchLiveCallResponse, Status>> + Send + 'static>>;

/// Begins to stream the events of a call.
pub(super) async fn watch(
    calls: &LiveCalls,
    request: wire::WatchLiveCallRequest,
) -> Result<Events, Status> {
    let events = calls.watch(&request.call_id, request.after_seq).await.map_err(status::watch)?;
    let responses = ReceiverStream::new(events)
        .map(|event| Ok(wire::WatchLiveCallResponse { event: Some(Arc::unwrap_or_clone(event)) }));
    Ok(Box::pin(responses))
}
