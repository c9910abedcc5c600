//! Event logs: ordered, bounded, readable by any number of subscribers at their own pace.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use thiserror::Error;
use tokio::sync::Notify;

/// A subscription to events.
///
/// Events come in order, starting with the oldest that is still kept, so that nothing is lost
/// between the making of a call and the subscription. A log keeps a stated number of events: a
/// reader that falls further behind gets [`EventsError::Lagged`] once, with the number it missed,
/// and goes on with the oldest that is left. Nothing ever waits for a slow reader.
pub struct Events<T> {
    log: EventLog<T>,
    next: u64,
}

/// Why there is no event.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum EventsError {
    /// Whatever emitted the events is over, and all of them have been read.
    #[error("there are no further events")]
    Closed,
    /// The reader fell behind and events were dropped.
    #[error("{missed} events were dropped because they were not read in time")]
    Lagged {
        /// How many.
        missed: u64,
    },
}

/// The writing side.
pub(crate) struct EventLog<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    changed: Notify,
}

struct State<T> {
    events: VecDeque<T>,
    /// Number of the oldest event kept.
    first: u64,
    limit: usize,
    is_closed: bool,
}

impl<T: Clone> Events<T> {
    /// Returns the next event, waiting for it. Cancel-safe: an event is taken only when returned.
    pub async fn recv(&mut self) -> Result<T, EventsError> {
        loop {
            let shared = Arc::clone(&self.log.shared);
            let mut changed = std::pin::pin!(shared.changed.notified());
            // Registers before looking, so that an event in between is not slept through.
            changed.as_mut().enable();
            match self.try_recv() {
                Ok(Some(event)) => return Ok(event),
                Ok(None) => changed.await,
                Err(error) => return Err(error),
            }
        }
    }

    /// Returns the next event if there is one.
    pub fn try_recv(&mut self) -> Result<Option<T>, EventsError> {
        let state = self.log.lock();
        if self.next < state.first {
            let missed = state.first - self.next;
            self.next = state.first;
            return Err(EventsError::Lagged { missed });
        }
        let at = usize::try_from(self.next - state.first).unwrap_or(usize::MAX);
        match state.events.get(at) {
            Some(event) => {
                self.next += 1;
                Ok(Some(event.clone()))
            }
            None if state.is_closed => Err(EventsError::Closed),
            None => Ok(None),
        }
    }
}

impl<T> EventLog<T> {
    /// Makes a log that keeps up to `limit` events.
    pub(crate) fn new(limit: usize) -> Self {
        let state = State { events: VecDeque::new(), first: 0, limit, is_closed: false };
        Self { shared: Arc::new(Shared { state: Mutex::new(state), changed: Notify::new() }) }
    }

    pub(crate) fn push(&self, event: T) {
        let mut state = self.lock();
        if state.is_closed {
            return;
        }
        state.events.push_back(event);
        if state.events.len() > state.limit {
            state.events.pop_front();
            state.first += 1;
        }
        drop(state);
        self.shared.changed.notify_waiters();
    }

    /// Says that nothing follows.
    pub(crate) fn close(&self) {
        self.lock().is_closed = true;
        self.shared.changed.notify_waiters();
    }

    pub(crate) fn subscribe(&self) -> Events<T> {
        Events { log: self.clone(), next: 0 }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Clone for EventLog<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T> fmt::Debug for EventLog<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("EventLog")
            .field("first", &state.first)
            .field("kept", &state.events.len())
            .finish()
    }
}

impl<T> fmt::Debug for Events<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("next", &self.next).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_late_subscriber_gets_everything_in_order() {
        let log = EventLog::new(10);
        log.push(1);
        let mut events = log.subscribe();
        let reader = tokio::spawn(async move {
            let mut read = Vec::new();
            while let Ok(event) = events.recv().await {
                read.push(event);
            }
            read
        });
        for event in 2..=5 {
            tokio::task::yield_now().await;
            log.push(event);
        }
        log.close();
        assert_eq!(reader.await.unwrap(), [1, 2, 3, 4, 5]);
    }

    #[tokio::test]
    async fn a_reader_that_falls_behind_learns_how_much_it_missed() {
        let log = EventLog::new(3);
        let mut events = log.subscribe();
        for event in 0..10 {
            log.push(event);
        }
        assert_eq!(events.recv().await, Err(EventsError::Lagged { missed: 7 }));
        assert_eq!(events.recv().await, Ok(7));
        log.close();
        log.push(10);
        assert_eq!(events.recv().await, Ok(8));
        assert_eq!(events.recv().await, Ok(9));
        assert_eq!(events.recv().await, Err(EventsError::Closed));
    }
}
