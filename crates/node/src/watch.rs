//! What somebody is told who watches a call or a meeting, for as long as the token counts.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::token::{TokenError, Validity};

/// The events of a call or of a meeting, in order. Dropping it ends the watch.
#[derive(Debug)]
pub struct Watch<E> {
    events: mpsc::Receiver<Arc<E>>,
    /// Programs with an access key have none.
    validity: Option<Validity>,
}

impl<E> Watch<E> {
    pub(crate) fn new(events: mpsc::Receiver<Arc<E>>, validity: Option<Validity>) -> Self {
        Self { events, validity }
    }

    /// Waits for the next event. `None` after the last one: what is watched is over, or the watcher
    /// is not in it any more. Cancel-safe.
    ///
    /// # Errors
    /// Says why the token does not count any more; nothing follows.
    pub async fn next(&mut self) -> Result<Option<Arc<E>>, TokenError> {
        let over = async {
            match &self.validity {
                Some(validity) => validity.over().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // First, so that nothing is told after it.
            biased;
            error = over => Err(error),
            event = self.events.recv() => Ok(event),
        }
    }
}
