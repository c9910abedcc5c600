//! The events of a call in wire form: kept for those who resume, and handed to those who watch.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::mpsc;
use trunkline_ids::CommunicationIdentifier;
use trunkline_proto::calling::v1 as wire;

use crate::calls::{Reader, WatchError, WatchItem};

/// A bounded log with its readers. Events are converted once, whoever reads them.
#[derive(Debug, Default)]
pub(crate) struct EventLog {
    events: VecDeque<Arc<wire::CallEvent>>,
    last: u64,
    readers: Vec<LogReader>,
}

/// Somebody who is handed what happens.
#[derive(Debug)]
struct LogReader {
    who: Reader,
    events: mpsc::Sender<WatchItem>,
}

impl EventLog {
    /// Appends the next event. A reader that has fallen behind by its whole channel is dropped: it
    /// resumes from its cursor.
    pub(crate) fn append(&mut self, event: Arc<wire::CallEvent>) {
        self.last = event.seq;
        if self.events.len() == EVENT_LIMIT {
            self.events.pop_front();
        }
        self.events.push_back(Arc::clone(&event));
        self.readers.retain(|reader| reader.events.try_send(Arc::clone(&event)).is_ok());
    }

    /// Ends every reader's stream after what it has been sent.
    pub(crate) fn close(&mut self) {
        self.readers.clear();
    }

    /// Ends the streams of a user after what they have been sent.
    pub(crate) fn part(&mut self, user: &CommunicationIdentifier) {
        self.readers.retain(|reader| match &reader.who {
            Reader::Operator => true,
            Reader::User(who) => who != user,
        });
    }

    /// Adds a reader that has what comes before `first`, or the events up to its cursor.
    ///
    /// `is_over` says that no further event will come: then the stream ends after the last one.
    pub(crate) fn watch(
        &mut self,
        who: Reader,
        start: WatchStart,
        is_over: bool,
    ) -> Result<mpsc::Receiver<WatchItem>, WatchError> {
        let backlog: Vec<WatchItem> = match start {
            WatchStart::Snapshot(snapshot) => vec![Arc::new(snapshot)],
            WatchStart::After(cursor) => {
                let oldest = self.events.front().map_or(self.last + 1, |event| event.seq);
                if cursor > self.last || cursor + 1 < oldest {
                    return Err(WatchError::CursorLost { cursor, oldest, last: self.last });
                }
                self.events.iter().filter(|event| event.seq > cursor).cloned().collect()
            }
        };
        self.readers.retain(|reader| !reader.events.is_closed());
        if self.readers.len() >= READER_LIMIT {
            return Err(WatchError::TooManyReaders { limit: READER_LIMIT });
        }
        let (events, receiver) = mpsc::channel(backlog.len() + READER_BUFFER);
        for event in backlog {
            events.try_send(event).expect("the channel is longer than the backlog");
        }
        if !is_over {
            self.readers.push(LogReader { who, events });
        }
        Ok(receiver)
    }
}

/// Where a reader begins.
#[expect(clippy::large_enum_variant, reason = "made once for each reader and not kept")]
#[derive(Debug)]
pub(crate) enum WatchStart {
    /// After this event.
    After(u64),
    /// With this event, which stands for all before it.
    Snapshot(wire::CallEvent),
}

/// Events kept for readers that resume: an hour of a busy call, at some 300 bytes each.
const EVENT_LIMIT: usize = 4_096;

/// Events that wait for a slow reader before it is dropped.
const READER_BUFFER: usize = 1_024;

/// Every reader costs a clone of a pointer per event.
const READER_LIMIT: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn event(seq: u64) -> Arc<wire::CallEvent> {
        Arc::new(wire::CallEvent { seq, ..Default::default() })
    }

    fn drain(receiver: &mut mpsc::Receiver<WatchItem>) -> Vec<u64> {
        std::iter::from_fn(|| receiver.try_recv().ok()).map(|event| event.seq).collect()
    }

    fn log(events: u64) -> EventLog {
        let mut log = EventLog::default();
        (1..=events).for_each(|seq| log.append(event(seq)));
        log
    }

    #[test]
    fn a_reader_gets_what_follows_its_cursor_and_then_what_happens() {
        let mut log = log(3);
        let mut reader = log.watch(Reader::Operator, WatchStart::After(1), false).unwrap();
        log.append(event(4));
        assert_eq!(drain(&mut reader), [2, 3, 4]);
    }

    #[test]
    fn a_cursor_that_fell_out_or_lies_ahead_is_refused() {
        let mut log = log(EVENT_LIMIT as u64 + 10);
        assert!(log.watch(Reader::Operator, WatchStart::After(10), false).is_ok());
        assert!(matches!(
            log.watch(Reader::Operator, WatchStart::After(9), false),
            Err(WatchError::CursorLost { cursor: 9, oldest: 11, .. })
        ));
        assert!(log.watch(Reader::Operator, WatchStart::After(u64::MAX), false).is_err());
    }

    #[test]
    fn who_leaves_has_what_came_before_and_the_others_go_on() {
        let mut log = log(1);
        let [alice, bob] = [1, 2].map(|digit| {
            let user: CommunicationIdentifier =
                format!("8:orgid:00000000-0000-4000-8000-00000000000{digit}").parse().unwrap();
            let reader = Reader::User(user.clone());
            (user, log.watch(reader, WatchStart::After(0), false).unwrap())
        });
        let mut operator = log.watch(Reader::Operator, WatchStart::After(0), false).unwrap();
        let ((leaving, mut left), (_, mut stays)) = (alice, bob);
        log.part(&leaving);
        log.append(event(2));
        assert_eq!(drain(&mut left), [1]);
        assert_eq!(left.try_recv(), Err(mpsc::error::TryRecvError::Disconnected));
        assert_eq!((drain(&mut stays), drain(&mut operator)), (vec![1, 2], vec![1, 2]));
    }

    #[test]
    fn the_stream_of_a_call_that_is_over_ends_after_its_last_event() {
        let mut reader = log(2).watch(Reader::Operator, WatchStart::After(0), true).unwrap();
        assert_eq!(drain(&mut reader), [1, 2]);
        assert_eq!(reader.try_recv(), Err(mpsc::error::TryRecvError::Disconnected));
    }

    #[test]
    fn a_reader_that_does_not_read_is_dropped_and_hurts_nobody() {
        let mut log = EventLog::default();
        let slow = log.watch(Reader::Operator, WatchStart::After(0), false).unwrap();
        let mut quick = log.watch(Reader::Operator, WatchStart::After(0), false).unwrap();
        for seq in 1..=2 * READER_BUFFER as u64 {
            log.append(event(seq));
            assert_eq!(drain(&mut quick), [seq]);
        }
        assert_eq!(slow.len(), READER_BUFFER);
        assert_eq!(log.readers.len(), 1);
    }
}
