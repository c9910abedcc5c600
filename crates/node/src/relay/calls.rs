//! What happens in calls and meetings: on its way into the log, and read from it.
//!
//! Calls do not wait for the store. Their events stand in one queue until they are stored, in order;
//! what was not stored when the process dies is missing in the log, and nowhere else. A call that did
//! not outlive the process has its end in the log when the next one starts.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prost::Message;
use tokio::sync::mpsc;
use trunkline_api::convert;
use trunkline_clock::Timestamp;
use trunkline_ids::CallId;
use trunkline_proto::calling::v1 as calling;
use trunkline_proto::events::v1 as wire;
use trunkline_reasons::EndReason;
use trunkline_storage::{Moment, OtherEvent, StoreError};

use crate::relay::tail::{Place, TailEnd};
use crate::relay::{Parts, catalogue};

/// What an entry of the log says about a call, as subscriptions ask for it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Occurrence {
    /// Anything else.
    Changed,
    /// It is over.
    Ended,
    /// Somebody is in it who was not.
    Joined,
    /// Somebody who was in it is not any more.
    Left,
    /// Something happened in the meeting.
    OfMeeting,
    /// It began.
    Started,
}

impl Occurrence {
    fn moment(self) -> Moment {
        match self {
            Self::Ended => Moment::Ends,
            Self::Started => Moment::Begins,
            Self::Changed | Self::Joined | Self::Left | Self::OfMeeting => Moment::Continues,
        }
    }
}

/// The way into the log.
#[derive(Clone, Debug)]
pub(crate) struct CallLog {
    events: mpsc::Sender<(OtherEvent, Moment)>,
}

impl CallLog {
    /// Makes the way, and what stands at its end.
    pub(super) fn new() -> (Self, mpsc::Receiver<(OtherEvent, Moment)>) {
        let (events, receiver) = mpsc::channel(QUEUE_LIMIT);
        (Self { events }, receiver)
    }

    /// Adds something that happened. Does not wait: when the store has failed for so long that the
    /// queue is full, the event is dropped, and counted.
    pub(crate) fn add(&self, occurrence: Occurrence, time: Timestamp, told: &wire::CallOccurrence) {
        let event = catalogue::occurrence(occurrence, time, told);
        let moment = occurrence.moment();
        if let Err(mpsc::error::TrySendError::Full(_)) = self.events.try_send((event, moment)) {
            metrics::counter!("trunkline_call_log_dropped_total").increment(1);
            tracing::error!(call = told.call_id, "an event of a call is missing in the log");
        }
    }
}

/// Stores what is added until the node stops, and then what is left.
pub(super) async fn store(parts: Arc<Parts>, mut events: mpsc::Receiver<(OtherEvent, Moment)>) {
    let mut batch = match left_open(&parts).await {
        Ok(ends) => ends,
        Err(error) => {
            tracing::warn!(%error, "calls that did not end are not known");
            Vec::new()
        }
    };
    if !batch.is_empty() {
        tracing::info!(calls = batch.len(), "calls ended with the process before this one");
        append(&parts, &mut batch).await;
    }
    loop {
        let received = tokio::select! {
            received = events.recv_many(&mut batch, BATCH_LIMIT) => received,
            () = parts.base.stopping.cancelled(), if !events.is_closed() => {
                events.close();
                continue;
            }
        };
        if received == 0 {
            return;
        }
        // What happens in a call comes in bursts, and each commit costs far more than an event.
        tokio::select! {
            () = tokio::time::sleep(GATHERING) => {}
            () = parts.base.stopping.cancelled() => {}
        }
        while batch.len() < BATCH_LIMIT
            && let Ok(event) = events.try_recv()
        {
            batch.push(event);
        }
        append(&parts, &mut batch).await;
    }
}

/// Stores a batch, however long the store fails; gives it up only when the node stops.
async fn append(parts: &Parts, batch: &mut Vec<(OtherEvent, Moment)>) {
    while let Err(error) = parts.append_of_lives(batch.clone()).await {
        tracing::warn!(%error, count = batch.len(), "events of calls wait to be stored");
        if parts.base.stopping.is_cancelled() {
            break;
        }
        tokio::time::sleep(RETRY_INTERVAL).await;
    }
    batch.clear();
}

/// Makes the ends of the calls that are in the log without one: they ended with the process.
async fn left_open(parts: &Parts) -> Result<Vec<(OtherEvent, Moment)>, StoreError> {
    let now = parts.base.wall();
    let open = parts.base.store.open_partitions().await?;
    let last = open.iter().filter_map(catalogue::told_of_call);
    let ends = last.map(|last| {
        let seq = match &last.event {
            Some(wire::call_occurrence::Event::CallEvent(event)) => event.seq + 1,
            Some(wire::call_occurrence::Event::MeetingEvent(_)) | None => 0,
        };
        let ended =
            calling::CallEnded { reason: Some(convert::end_reason(EndReason::SERVER_FAILED)) };
        let event = calling::CallEvent {
            call_id: last.call_id.clone(),
            seq,
            time: Some(convert::timestamp(now)),
            kind: Some(calling::call_event::Kind::CallEnded(ended)),
        };
        let event = Some(wire::call_occurrence::Event::CallEvent(event));
        let told = wire::CallOccurrence { participant: None, event, ..last };
        (catalogue::occurrence(Occurrence::Ended, now, &told), Moment::Ends)
    });
    Ok(ends.collect())
}

/// Something that happened in a call, at its place in the log.
#[derive(Clone, Debug)]
pub struct CallTailItem {
    /// Its place, to go on after.
    pub seq: u64,
    /// What happened; `None` where only the place moved on.
    pub occurrence: Option<wire::CallOccurrence>,
}

/// Follows what happens in calls and meetings.
pub struct CallTail {
    place: Place,
    call_id: Option<CallId>,
    ready: VecDeque<CallTailItem>,
}

impl fmt::Debug for CallTail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallTail").field("cursor", &self.place.cursor).finish_non_exhaustive()
    }
}

impl CallTail {
    pub(super) fn new(parts: Arc<Parts>, from: Option<u64>, call_id: Option<CallId>) -> Self {
        Self { place: Place::new(parts, from), call_id, ready: VecDeque::new() }
    }

    /// Returns the place up to which the log was read; before the first item, where it begins.
    pub fn cursor(&self) -> u64 {
        self.place.cursor
    }

    /// Waits for what happens next. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Says why nothing will follow.
    pub async fn next(&mut self) -> Result<CallTailItem, TailEnd> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Ok(item);
            }
            self.place.begin_read();
            let cursor = self.place.cursor;
            let read = self.place.parts.base.store.others_after(cursor, READ_LIMIT).await?;
            let wanted = self.call_id.map(|id| catalogue::partition_of_call(&id.to_string()));
            for (seq, event) in read.events {
                let is_wanted = wanted.as_ref().is_none_or(|wanted| event.partition == *wanted);
                if let Some(told) = catalogue::told_of_call(&event).filter(|_| is_wanted) {
                    self.ready.push_back(CallTailItem { seq, occurrence: Some(told) });
                }
            }
            self.place.cursor = read.read_to;
            if read.read_to == cursor {
                self.place.grown().await?;
            } else if self.ready.back().is_none_or(|last| last.seq < read.read_to) {
                // Whoever resumes need not read again what was passed over.
                self.ready.push_back(CallTailItem { seq: read.read_to, occurrence: None });
            }
        }
    }
}

/// Decodes what an entry's body says; `None` for what another version wrote in another way.
pub(super) fn decode(body: &[u8]) -> Option<wire::CallOccurrence> {
    wire::CallOccurrence::decode(body).ok()
}

/// Events that wait to be stored, of some 500 bytes each.
const QUEUE_LIMIT: usize = 65_536;

/// How long events are gathered before they are stored. Longer delays what followers are told.
const GATHERING: Duration = Duration::from_millis(50);

/// Events stored at once.
const BATCH_LIMIT: usize = 256;

/// Entries read at once.
const READ_LIMIT: usize = 64;

/// How long to wait before a store that failed is tried again.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);
