//! What a call or a meeting tells whoever watches it, as a stream of responses.

use std::sync::Arc;

use futures_util::Stream;
use futures_util::stream::unfold;
use tonic::Status;
use trunkline_node::Watch;

use crate::status;

/// Streams the events of a watch. When the token does not count any more, the status says so.
pub(crate) fn responses<E, R>(
    watch: Watch<E>,
    response: fn(E) -> R,
) -> impl Stream<Item = Result<R, Status>>
where
    E: Clone,
{
    unfold(Some(watch), move |watch| async move {
        let mut watch = watch?;
        match watch.next().await {
            Ok(event) => Some((Ok(response(Arc::unwrap_or_clone(event?))), Some(watch))),
            Err(error) => Some((Err(status::token(error)), None)),
        }
    })
}
