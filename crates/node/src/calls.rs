//! The table of calls, and the handles by which everything else reaches a call's task.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use trunkline_call::{Command, CommandError, MeetingInput, Signal};
use trunkline_ids::{
    CallConnectionId, CallId, CommunicationIdentifier, EndpointId, GroupId, ParticipantId,
};
use trunkline_interop::{RoomId, SyncMode};
use trunkline_media::control::{LegKey, MediaEvent};
use trunkline_media::srtp::SrtpProfile;
use trunkline_proto::calling::v1 as wire;
use trunkline_reasons::EndReason;

use crate::media::Offer;
use crate::meetings::MeetingHandle;
use crate::rosters::Standing;
use crate::token::TokenError;

/// What a call's task is told.
#[derive(Debug)]
pub(crate) enum CallMessage {
    /// Carry out a command.
    Command {
        command: Box<Command>,
        offer: Option<Offer>,
        answer_at: AnswerAt,
        answer: oneshot::Sender<Result<Accepted, Refused>>,
    },
    /// The meeting of this call brings somebody in, or lets somebody act on others.
    Meeting {
        input: Box<MeetingInput>,
        offer: Option<Offer>,
        answer_at: AnswerAt,
        answer: oneshot::Sender<Result<Accepted, Refused>>,
    },
    /// The meeting of this call changes it.
    MeetingStep(Box<MeetingInput>),
    /// The media plane noticed something about a leg of this call.
    Media(MediaEvent),
    /// The media plane answered an offer.
    MediaOpened {
        connection_id: CallConnectionId,
        outcome: Result<String, OpenFailure>,
    },
    /// Somebody wants to know whether they are being rung.
    Rings {
        who: CommunicationIdentifier,
        answer: oneshot::Sender<bool>,
    },
    /// An endpoint moved to another network.
    RestartMedia {
        endpoint: EndpointId,
        offer: Offer,
        answer: oneshot::Sender<Result<(), Refused>>,
    },
    /// An endpoint chooses whose video it receives.
    SetTiles {
        endpoint: EndpointId,
        tiles: Vec<wire::VideoTile>,
        answer: oneshot::Sender<Result<(), Refused>>,
    },
    Signal(Signal),
    /// Whoever runs the exchange wants the call as it is, with its legs.
    Inspect {
        answer: oneshot::Sender<Inspected>,
    },
    /// Somebody wants the call as it is.
    Snapshot {
        reader: CommunicationIdentifier,
        answer: oneshot::Sender<Option<wire::Call>>,
    },
    /// An endpoint of the call wants a snapshot event before the next delta.
    SendSnapshot {
        endpoint: EndpointId,
        answer: oneshot::Sender<Result<(), Refused>>,
    },
    /// Somebody wants to know who is on the roster.
    Standing {
        answer: oneshot::Sender<Standing>,
    },
    /// Somebody wants the events.
    Watch {
        reader: Reader,
        after_seq: Option<u64>,
        answer: oneshot::Sender<Result<mpsc::Receiver<WatchItem>, WatchError>>,
    },
}

/// Who reads a call.
#[derive(Clone, Debug)]
pub(crate) enum Reader {
    /// Whoever runs the exchange.
    Operator,
    /// Somebody who is in it, or was when it ended.
    User(CommunicationIdentifier),
}

/// A call as those see it who run the exchange.
#[derive(Debug)]
pub(crate) struct Inspected {
    pub(crate) call: wire::Call,
    pub(crate) is_over: bool,
    pub(crate) legs: Vec<InspectedLeg>,
}

/// A leg as the call knows it.
#[derive(Debug)]
pub(crate) struct InspectedLeg {
    pub(crate) key: LegKey,
    pub(crate) participant_id: ParticipantId,
    pub(crate) connection_id: CallConnectionId,
    pub(crate) connected: Option<(SrtpProfile, Duration)>,
}

/// One item of a watched call.
pub type WatchItem = std::sync::Arc<wire::CallEvent>;

/// When a command's answer is wanted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum AnswerAt {
    /// Once the operation has ended.
    Completion,
    /// Once it has been taken up; its end is an event.
    Start,
}

/// A command that was taken up, or done.
#[derive(Clone, Debug)]
pub(crate) struct Accepted {
    /// The participant that it is about, where the core named one.
    pub(crate) subject: Option<(ParticipantId, CallConnectionId)>,
    /// The call after it.
    pub(crate) call: wire::Call,
}

/// A command that was not done.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error(transparent)]
    Command(#[from] CommandError),
    #[error("the operation failed: {reason}")]
    Failed { reason: EndReason },
    #[error("there is no such call")]
    NotFound,
    #[error("there is no receiving video track `{mid}`")]
    UnknownTile { mid: String },
    #[error("this endpoint has no media in the call")]
    NoMedia,
}

impl Refused {
    /// Returns the documented code of the refusal.
    pub(crate) fn reason(&self) -> EndReason {
        match self {
            Self::Command(error) => error.reason(),
            Self::Failed { reason } => *reason,
            Self::NoMedia => EndReason::WRONG_STATE,
            Self::NotFound => EndReason::NOT_FOUND,
            Self::UnknownTile { .. } => EndReason::INVALID_ARGUMENT,
        }
    }
}

/// Why the media plane did not take an offer, and whether the client is at fault.
#[derive(Clone, Debug)]
pub(crate) struct OpenFailure {
    pub(crate) message: String,
}

/// Why a call cannot be watched.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum WatchError {
    /// Events after the cursor are not kept.
    #[error("events after {cursor} are not kept: the oldest is {oldest}, the last {last}")]
    CursorLost {
        /// The cursor that was asked for.
        cursor: u64,
        /// The oldest event kept.
        oldest: u64,
        /// The last event.
        last: u64,
    },
    /// There is no such call, or it is not the reader's.
    #[error("there is no such call")]
    NotFound,
    /// The token does not count any more.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// So many watch the call already that another would slow it down.
    #[error("{limit} readers watch the call, which is the limit")]
    TooManyReaders {
        /// The limit.
        limit: usize,
    },
}

/// Who decides about who comes into a call, and about what people do to each other in it.
#[derive(Clone, Debug)]
pub(crate) enum Door {
    /// A meeting.
    Meeting(MeetingHandle),
    /// Nobody but the call itself.
    Open,
    /// A room.
    Room(RoomId),
}

/// Reaches a call's task.
#[derive(Clone, Debug)]
pub(crate) struct CallHandle {
    id: CallId,
    messages: mpsc::Sender<CallMessage>,
    door: Door,
    /// Whether the chat follows who is in the call.
    sync: SyncMode,
}

impl CallHandle {
    pub(crate) fn new(
        id: CallId,
        door: Door,
        sync: SyncMode,
    ) -> (Self, mpsc::Receiver<CallMessage>) {
        let (messages, receiver) = mpsc::channel(MESSAGE_LIMIT);
        (Self { id, messages, door, sync }, receiver)
    }

    /// Returns whether the chat follows who is in the call.
    pub(crate) fn sync(&self) -> SyncMode {
        self.sync
    }

    /// Returns the meeting that decides about this call, if it is one's.
    pub(crate) fn meeting(&self) -> Option<&MeetingHandle> {
        match &self.door {
            Door::Meeting(meeting) => Some(meeting),
            Door::Open | Door::Room(_) => None,
        }
    }

    /// Returns the room whose call this is, if it is one's.
    pub(crate) fn room(&self) -> Option<&RoomId> {
        match &self.door {
            Door::Room(id) => Some(id),
            Door::Meeting(_) | Door::Open => None,
        }
    }

    pub(crate) fn id(&self) -> CallId {
        self.id
    }

    /// Waits until the call is over and gone.
    pub(crate) async fn gone(&self) {
        self.messages.closed().await;
    }

    /// Tells the call something; waits while it has much to do, and does nothing once it is over.
    pub(crate) async fn tell(&self, message: CallMessage) {
        // A closed channel is a call that is over: there is nobody left to be told.
        let _ = self.messages.send(message).await;
    }

    pub(crate) async fn signal(&self, signal: Signal) {
        self.tell(CallMessage::Signal(signal)).await;
    }

    /// Asks the call something. `None` when it is over and gone.
    pub(crate) async fn ask<T>(
        &self,
        message: impl FnOnce(oneshot::Sender<T>) -> CallMessage,
    ) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        self.tell(message(answer)).await;
        answered.await.ok()
    }

    /// Streams the events: a snapshot and what follows, or what follows a cursor.
    pub(crate) async fn watch(
        &self,
        reader: Reader,
        after_seq: Option<u64>,
    ) -> Result<mpsc::Receiver<WatchItem>, WatchError> {
        self.ask(|answer| CallMessage::Watch { reader, after_seq, answer })
            .await
            .unwrap_or(Err(WatchError::NotFound))
    }

    /// Carries out what the call's meeting or room allows.
    pub(crate) async fn act_in_meeting(
        &self,
        command: Command,
        answer_at: AnswerAt,
    ) -> Result<Accepted, Refused> {
        let input = Box::new(MeetingInput::Act(command));
        self.ask(|answer| CallMessage::Meeting { input, offer: None, answer_at, answer })
            .await
            .unwrap_or(Err(Refused::NotFound))
    }

    pub(crate) async fn command(
        &self,
        command: Command,
        offer: Option<Offer>,
        answer_at: AnswerAt,
    ) -> Result<Accepted, Refused> {
        let command = Box::new(command);
        self.ask(|answer| CallMessage::Command { command, offer, answer_at, answer })
            .await
            .unwrap_or(Err(Refused::NotFound))
    }
}

/// The calls of the node.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    tables: Mutex<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    by_id: HashMap<CallId, CallHandle>,
    by_group: HashMap<GroupId, CallId>,
    by_leg: HashMap<LegKey, CallHandle>,
    by_user: HashMap<CommunicationIdentifier, HashSet<CallId>>,
    next_leg: u64,
}

impl Calls {
    pub(crate) fn insert(&self, handle: CallHandle) {
        self.tables().by_id.insert(handle.id, handle);
    }

    /// Returns the call of a group, making it with `start` when there is none.
    pub(crate) fn of_group(
        &self,
        group_id: GroupId,
        start: impl FnOnce() -> CallHandle,
    ) -> CallHandle {
        let mut tables = self.tables();
        if let Some(id) = tables.by_group.get(&group_id)
            && let Some(handle) = tables.by_id.get(id)
        {
            return handle.clone();
        }
        let handle = start();
        tables.by_group.insert(group_id, handle.id);
        tables.by_id.insert(handle.id, handle.clone());
        handle
    }

    /// Frees a group for its next call, if its call is still this one.
    pub(crate) fn end_group(&self, group_id: GroupId, call: CallId) {
        let mut tables = self.tables();
        if tables.by_group.get(&group_id) == Some(&call) {
            tables.by_group.remove(&group_id);
        }
    }

    pub(crate) fn find(&self, id: CallId) -> Option<CallHandle> {
        self.tables().by_id.get(&id).cloned()
    }

    pub(crate) fn remove(&self, id: CallId) {
        self.tables().by_id.remove(&id);
    }

    /// Returns every call, those included that are over and can still be read.
    pub(crate) fn all(&self) -> Vec<CallHandle> {
        self.tables().by_id.values().cloned().collect()
    }

    /// Returns the calls that have the user on their roster.
    pub(crate) fn of_user(&self, user: &CommunicationIdentifier) -> Vec<CallHandle> {
        let tables = self.tables();
        let ids = tables.by_user.get(user).into_iter().flatten();
        ids.filter_map(|id| tables.by_id.get(id).cloned()).collect()
    }

    pub(crate) fn add_user(&self, user: &CommunicationIdentifier, call: CallId) {
        self.tables().by_user.entry(user.clone()).or_default().insert(call);
    }

    pub(crate) fn remove_user(&self, user: &CommunicationIdentifier, call: CallId) {
        let mut tables = self.tables();
        if let Some(calls) = tables.by_user.get_mut(user) {
            calls.remove(&call);
            if calls.is_empty() {
                tables.by_user.remove(user);
            }
        }
    }

    /// Names a new leg of a call.
    pub(crate) fn add_leg(&self, handle: &CallHandle) -> LegKey {
        let mut tables = self.tables();
        tables.next_leg += 1;
        let leg = LegKey::new(tables.next_leg);
        tables.by_leg.insert(leg, handle.clone());
        leg
    }

    pub(crate) fn of_leg(&self, leg: LegKey) -> Option<CallHandle> {
        self.tables().by_leg.get(&leg).cloned()
    }

    pub(crate) fn remove_leg(&self, leg: LegKey) {
        self.tables().by_leg.remove(&leg);
    }

    /// Returns how many calls and legs there are.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let tables = self.tables();
        (tables.by_id.len(), tables.by_leg.len())
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        // No code under this lock can panic between two changes that belong together.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Messages that wait for a call. Whoever has one more waits; a call handles some 100,000 a second.
const MESSAGE_LIMIT: usize = 1_024;
