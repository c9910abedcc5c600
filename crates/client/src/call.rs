//! A call, as the application holds it.

mod handle;
pub(crate) mod model;
mod wire;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;
use trunkline_call::{CallKind, CallState};
use trunkline_clock::Timestamp;
use trunkline_ids::{CommunicationIdentifier, ThreadId};
use trunkline_proto::calling::v1 as calling;

pub use self::handle::Call;
use self::model::Change;
pub(crate) use self::{
    handle::stream_kind,
    model::CallModel,
    wire::{call_kind, text},
};
use crate::{
    agent::AgentLink,
    error::Refusal,
    event::EventLog,
    identity::CallEndReason,
    media::{MediaHandle, MediaState},
    participant::RemoteParticipant,
};

/// One thing that happened in a call.
#[derive(Clone, Debug)]
pub struct CallEvent {
    /// Position in the call's order at the exchange; none for what only this client knows.
    pub seq: Option<u64>,
    /// When it happened, by the exchange's clock; by this machine's where the exchange has no part.
    pub time: Timestamp,
    /// What happened.
    pub kind: CallEventKind,
}

/// What happened in a call.
#[derive(Clone, Debug)]
pub enum CallEventKind {
    /// The exchange has named the call: `id` and `call_connection_id` are known from here on.
    IdChanged,
    /// This endpoint was muted or unmuted, by itself or by another.
    IsMutedChanged {
        /// Whether it is muted.
        is_muted: bool,
    },
    /// This endpoint started or stopped sharing its screen.
    IsScreenSharingOnChanged {
        /// Whether it shares.
        is_screen_sharing_on: bool,
    },
    /// This endpoint started or stopped its camera.
    IsVideoOnChanged {
        /// Whether its camera is on.
        is_video_on: bool,
    },
    /// A one-to-one call became a group call.
    KindChanged {
        /// What it is.
        kind: CallKind,
    },
    /// The media path changed its state.
    MediaStateChanged {
        /// What it is.
        state: MediaState,
    },
    /// An operation ended: exactly one of these comes for each.
    OperationCompleted {
        /// Which.
        operation_id: String,
        /// Whether this endpoint asked for it.
        is_own: bool,
        /// Why it failed; none when it succeeded.
        refusal: Option<Refusal>,
    },
    /// Somebody joined or left the roster.
    RemoteParticipantsUpdated {
        /// Who joined, or is being called.
        added: Vec<RemoteParticipant>,
        /// Who left.
        removed: Vec<RemoteParticipant>,
    },
    /// A participant's name, mute, speech, video or screen changed.
    RemoteParticipantUpdated {
        /// Who.
        participant: RemoteParticipant,
    },
    /// A participant's state changed.
    RemoteParticipantStateChanged {
        /// Who.
        participant: RemoteParticipant,
        /// What it became; `participant.state()` may be further by now.
        state: trunkline_call::ParticipantState,
    },
    /// The state of the call changed.
    StateChanged(StateChange),
}

/// One step of the call's state.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StateChange {
    /// The state left.
    pub previous: CallState,
    /// The state reached.
    pub state: CallState,
    /// Why, on the way to the end.
    pub reason: Option<CallEndReason>,
    /// When.
    pub time: Timestamp,
}

/// What is known of a call besides its state.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CallInfo {
    /// The chat thread bound to the call.
    pub thread_id: Option<ThreadId>,
    /// What sort of call it is; one-to-one until the exchange says otherwise.
    pub kind: CallKind,
}

/// Who calls.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CallerInfo {
    /// Who; none where the exchange does not say.
    pub identifier: Option<CommunicationIdentifier>,
    /// The name to show.
    pub display_name: Option<String>,
}

/// A call, shared by its handles and the agent's task.
pub(crate) struct CallShared {
    pub(crate) key: CallKey,
    pub(crate) agent: AgentLink,
    model: Mutex<CallModel>,
    media: Mutex<Option<MediaHandle>>,
    pub(crate) events: EventLog<CallEvent>,
    /// Every event of the exchange as it came.
    pub(crate) raw_events: EventLog<calling::CallEvent>,
    /// Counts changes, for those who wait for one.
    pub(crate) changed: watch::Sender<u64>,
}

/// Names a call within an agent, before the exchange has named it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct CallKey(pub(crate) u64);

impl CallShared {
    pub(crate) fn new(key: CallKey, agent: AgentLink, model: CallModel) -> Arc<Self> {
        Arc::new(Self {
            key,
            agent,
            model: Mutex::new(model),
            media: Mutex::new(None),
            events: EventLog::new(EVENTS_KEPT),
            raw_events: EventLog::new(EVENTS_KEPT),
            changed: watch::Sender::new(0),
        })
    }

    pub(crate) fn model(&self) -> MutexGuard<'_, CallModel> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn media(&self) -> Option<MediaHandle> {
        self.media.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_media(&self, media: Option<MediaHandle>) {
        *self.media.lock().unwrap_or_else(PoisonError::into_inner) = media;
    }

    /// Turns changes of the model into events.
    pub(crate) fn publish(
        self: &Arc<Self>,
        changes: Vec<Change>,
        event: Option<&calling::CallEvent>,
        now: Timestamp,
    ) {
        let seq = event.map(|event| event.seq);
        let time = event.map_or(now, |event| wire::time(event.time.as_ref()));
        let events = changes.into_iter().map(|change| CallEvent {
            seq,
            time,
            kind: self.event_kind(change),
        });
        self.emit(events.collect());
    }

    /// Emits a change of the media path, which only this client knows.
    pub(crate) fn media_state_changed(&self, state: MediaState, time: Timestamp) {
        let kind = CallEventKind::MediaStateChanged { state };
        self.emit(vec![CallEvent { seq: None, time, kind }]);
    }

    fn event_kind(self: &Arc<Self>, change: Change) -> CallEventKind {
        let participant = |key| RemoteParticipant::new(Arc::clone(self), key);
        match change {
            Change::Identified => CallEventKind::IdChanged,
            Change::Kind(kind) => CallEventKind::KindChanged { kind },
            Change::Muted(is_muted) => CallEventKind::IsMutedChanged { is_muted },
            Change::Operation { operation_id, is_own, refusal } => {
                CallEventKind::OperationCompleted { operation_id, is_own, refusal }
            }
            Change::ParticipantState(key, state) => {
                let participant = participant(key);
                CallEventKind::RemoteParticipantStateChanged { participant, state }
            }
            Change::ParticipantUpdated(key) => {
                CallEventKind::RemoteParticipantUpdated { participant: participant(key) }
            }
            Change::Roster { added, removed } => CallEventKind::RemoteParticipantsUpdated {
                added: added.into_iter().map(participant).collect(),
                removed: removed.into_iter().map(participant).collect(),
            },
            Change::ScreenSharing(is_screen_sharing_on) => {
                CallEventKind::IsScreenSharingOnChanged { is_screen_sharing_on }
            }
            Change::State(change) => CallEventKind::StateChanged(change),
            Change::Video(is_video_on) => CallEventKind::IsVideoOnChanged { is_video_on },
        }
    }

    /// Emits events in order and wakes whoever waits for a change.
    pub(crate) fn emit(&self, events: Vec<CallEvent>) {
        for event in events {
            self.events.push(event);
        }
        self.changed.send_modify(|count| *count += 1);
    }
}

impl fmt::Debug for CallShared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallShared").field("key", &self.key).finish_non_exhaustive()
    }
}

/// A call of an hour with twenty speakers has some thousands; whoever reads at all does not fall
/// this far behind.
const EVENTS_KEPT: usize = 8_192;
