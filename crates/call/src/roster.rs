//! What a subscriber keeps of a call: a snapshot, and the roster that events keep up to date.

use std::collections::BTreeMap;

use thiserror::Error;
use trunkline_clock::Timestamp;
use trunkline_ids::{
    CallConnectionId, CallId, CommunicationIdentifier, DisplayName, GroupId, ParticipantId,
    ThreadId,
};
use trunkline_reasons::EndReason;

use crate::{
    event::{Event, EventKind},
    state::{CallKind, CallState, ParticipantState},
    transfer::TransferState,
};

/// Who called whom, seen from a participant.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Direction {
    /// The participant was called.
    Incoming,
    /// The participant placed or joined the call.
    Outgoing,
}

impl Direction {
    /// Returns the name that goes on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Incoming => "Incoming",
            Self::Outgoing => "Outgoing",
        }
    }
}

/// A participant, as a snapshot or a `ParticipantAdded` event shows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ParticipantView {
    /// Names the participant within the call.
    pub participant_id: ParticipantId,
    /// Who it is.
    pub identifier: CommunicationIdentifier,
    /// The name to show.
    pub display_name: Option<DisplayName>,
    /// Its connection, once it has placed, joined or accepted the call.
    pub connection_id: Option<CallConnectionId>,
    /// Whether it called or was called.
    pub direction: Direction,
    /// The state as the others see it.
    pub state: ParticipantState,
    /// The state of the call as the participant sees it.
    pub call_state: CallState,
    /// Why it ends; set from `Disconnecting` on.
    pub call_end_reason: Option<EndReason>,
    /// Whether it is muted, by whomever.
    pub is_muted: bool,
    /// Whether it speaks.
    pub is_speaking: bool,
    /// Whether it sends its camera.
    pub is_video_on: bool,
    /// Whether it shares its screen.
    pub is_screen_sharing_on: bool,
    /// Whom it is handing its place to, while a transfer is under way.
    pub transferring_to: Option<ParticipantId>,
    /// When it was first connected.
    pub joined_at: Option<Timestamp>,
}

/// A call at one moment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CallSnapshot {
    /// The call.
    pub call_id: CallId,
    /// The last event that is in the snapshot; events after it complete the picture.
    pub seq: u64,
    /// The kind of call.
    pub kind: CallKind,
    /// The chat thread it is bound to.
    pub thread_id: Option<ThreadId>,
    /// The group id it is joined by.
    pub group_id: Option<GroupId>,
    /// When the first command came.
    pub started_at: Timestamp,
    /// Why the call ended, if it has.
    pub end_reason: Option<EndReason>,
    /// Who is on the roster, in the order of arrival.
    pub participants: Vec<ParticipantView>,
}

/// A copy of a call's roster, kept up to date by events.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Roster {
    seq: u64,
    kind: CallKind,
    thread_id: Option<ThreadId>,
    end_reason: Option<EndReason>,
    participants: BTreeMap<ParticipantId, ParticipantView>,
}

/// Why an event does not fit the roster.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum RosterError {
    /// Events are missing: ask from the cursor again.
    #[error("event {seq} after {after}: events are missing")]
    Gap {
        /// The event that came.
        seq: u64,
        /// The last event applied.
        after: u64,
    },
    /// The event names a participant that the roster lacks, so the two are of different calls.
    #[error("event {seq} names an unknown participant")]
    UnknownParticipant {
        /// The event that came.
        seq: u64,
    },
}

impl Roster {
    /// Makes a roster from a snapshot.
    pub fn new(snapshot: &CallSnapshot) -> Self {
        Self {
            seq: snapshot.seq,
            kind: snapshot.kind,
            thread_id: snapshot.thread_id.clone(),
            end_reason: snapshot.end_reason,
            participants: snapshot
                .participants
                .iter()
                .map(|participant| (participant.participant_id, participant.clone()))
                .collect(),
        }
    }

    /// Applies the next event and returns whether it was new; an event seen before changes nothing.
    ///
    /// # Errors
    ///
    /// Refuses an event that leaves a gap, and one that cannot belong to this call.
    pub fn apply(&mut self, event: &Event) -> Result<bool, RosterError> {
        if event.seq <= self.seq {
            return Ok(false);
        }
        if event.seq != self.seq + 1 {
            return Err(RosterError::Gap { seq: event.seq, after: self.seq });
        }
        let unknown = RosterError::UnknownParticipant { seq: event.seq };
        match &event.kind {
            EventKind::CallEnded { reason } => self.end_reason = Some(*reason),
            EventKind::CallStarted { kind, thread_id } => {
                self.kind = *kind;
                self.thread_id.clone_from(thread_id);
            }
            EventKind::ConnectionStateChanged { participant_id, to, end_reason, .. } => {
                let participant = self.participants.get_mut(participant_id).ok_or(unknown)?;
                participant.call_state = *to;
                participant.call_end_reason = *end_reason;
            }
            EventKind::KindChanged { to, thread_id, .. } => {
                self.kind = *to;
                self.thread_id = Some(thread_id.clone());
            }
            EventKind::OperationCompleted { .. } => {}
            EventKind::ParticipantAccepted { participant_id, connection_id, display_name } => {
                let participant = self.participants.get_mut(participant_id).ok_or(unknown)?;
                participant.connection_id = Some(*connection_id);
                participant.display_name.clone_from(display_name);
            }
            EventKind::ParticipantAdded { participant } => {
                self.participants.insert(participant.participant_id, (**participant).clone());
            }
            EventKind::ParticipantMuteChanged { participant_id, is_muted, .. } => {
                self.participants.get_mut(participant_id).ok_or(unknown)?.is_muted = *is_muted;
            }
            EventKind::ParticipantRemoved { participant_id, .. } => {
                self.participants.remove(participant_id).ok_or(unknown)?;
            }
            EventKind::ParticipantStateChanged { participant_id, to, .. } => {
                let participant = self.participants.get_mut(participant_id).ok_or(unknown)?;
                participant.state = *to;
                if *to == ParticipantState::Connected {
                    participant.joined_at.get_or_insert(event.at);
                }
            }
            EventKind::ScreenShareChanged { participant_id, is_on } => {
                self.participants.get_mut(participant_id).ok_or(unknown)?.is_screen_sharing_on =
                    *is_on;
            }
            EventKind::SpeakingChanged { changes } => {
                for (participant_id, is_speaking) in changes {
                    self.participants.get_mut(participant_id).ok_or(unknown)?.is_speaking =
                        *is_speaking;
                }
            }
            EventKind::TransferStateChanged { transferor, target, to, .. } => {
                // A transfer goes on without its transferor, who may have left.
                if let Some(participant) = self.participants.get_mut(transferor) {
                    participant.transferring_to = match to {
                        TransferState::Transferring => Some(*target),
                        TransferState::None | TransferState::Accepted | TransferState::Failed => {
                            None
                        }
                    };
                }
            }
            EventKind::VideoChanged { participant_id, is_on } => {
                self.participants.get_mut(participant_id).ok_or(unknown)?.is_video_on = *is_on;
            }
        }
        self.seq = event.seq;
        Ok(true)
    }

    /// Returns the last event applied: the cursor to resume from.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Returns the kind of call.
    pub fn kind(&self) -> CallKind {
        self.kind
    }

    /// Returns the chat thread the call is bound to.
    pub fn thread_id(&self) -> Option<&ThreadId> {
        self.thread_id.as_ref()
    }

    /// Returns why the call ended, if it has.
    pub fn end_reason(&self) -> Option<EndReason> {
        self.end_reason
    }

    /// Returns a participant.
    pub fn participant(&self, participant_id: &ParticipantId) -> Option<&ParticipantView> {
        self.participants.get(participant_id)
    }

    /// Returns everybody on the roster.
    pub fn participants(&self) -> impl ExactSizeIterator<Item = &ParticipantView> {
        self.participants.values()
    }
}
