//! What subscribers of a call are told, in the order of `seq`.

use trunkline_clock::Timestamp;
use trunkline_ids::{
    CallConnectionId, DisplayName, EndpointId, OperationId, ParticipantId, ThreadId,
};
use trunkline_reasons::EndReason;

use crate::{
    roster::ParticipantView,
    state::{CallKind, CallState, ParticipantState},
    transfer::TransferState,
};

/// One event of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Counts the events of the call from 1, without gap or duplicate.
    pub seq: u64,
    /// When it happened, by the wall clock.
    pub at: Timestamp,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum EventKind {
    /// The call is over: always the last event.
    CallEnded {
        /// Why.
        reason: EndReason,
    },
    /// The call began: always the first event.
    CallStarted {
        /// The kind it began as.
        kind: CallKind,
        /// The chat thread it is bound to; one-to-one calls have none.
        thread_id: Option<ThreadId>,
    },
    /// The state of the call changed as one connection sees it.
    ConnectionStateChanged {
        /// The connection.
        connection_id: CallConnectionId,
        /// Whose connection it is.
        participant_id: ParticipantId,
        /// The state before.
        from: CallState,
        /// The state after.
        to: CallState,
        /// Why it ends, with `Disconnecting` and `Disconnected`.
        end_reason: Option<EndReason>,
    },
    /// A one-to-one call became a group call.
    KindChanged {
        /// The kind before.
        from: CallKind,
        /// The kind after.
        to: CallKind,
        /// The chat thread it is bound to from here on.
        thread_id: ThreadId,
    },
    /// An operation reached its one end.
    OperationCompleted {
        /// The operation.
        operation_id: OperationId,
        /// The endpoint that asked for it.
        endpoint: EndpointId,
        /// The participant it was about, where it was about one.
        participant_id: Option<ParticipantId>,
        /// How it ended.
        outcome: OperationOutcome,
    },
    /// An invited participant took the call at one of its endpoints.
    ParticipantAccepted {
        /// The participant.
        participant_id: ParticipantId,
        /// Its connection.
        connection_id: CallConnectionId,
        /// Its name from here on.
        display_name: Option<DisplayName>,
    },
    /// A participant appeared on the roster.
    ParticipantAdded {
        /// The participant as it appeared.
        participant: Box<ParticipantView>,
    },
    /// A participant was muted or unmuted.
    ParticipantMuteChanged {
        /// The participant.
        participant_id: ParticipantId,
        /// Whether it is muted.
        is_muted: bool,
        /// Who did it.
        by: ParticipantId,
    },
    /// A participant left the roster.
    ParticipantRemoved {
        /// The participant.
        participant_id: ParticipantId,
        /// Why.
        reason: EndReason,
    },
    /// The state of a participant changed as the others see it.
    ParticipantStateChanged {
        /// The participant.
        participant_id: ParticipantId,
        /// The state before.
        from: ParticipantState,
        /// The state after.
        to: ParticipantState,
        /// Why it ends, with `Disconnected`.
        end_reason: Option<EndReason>,
    },
    /// A participant began or stopped to share its screen.
    ScreenShareChanged {
        /// The participant.
        participant_id: ParticipantId,
        /// Whether it shares.
        is_on: bool,
    },
    /// Participants began or stopped to speak; several changes travel together.
    SpeakingChanged {
        /// Who, and whether it speaks.
        changes: Vec<(ParticipantId, bool)>,
    },
    /// A transfer moved along one edge of its state machine. Each has one event that is final, before
    /// its operation completes.
    TransferStateChanged {
        /// Who hands its place over; may have left.
        transferor: ParticipantId,
        /// Who is handed over, where that is one participant; may have left.
        transferee: Option<ParticipantId>,
        /// Who is called.
        target: ParticipantId,
        /// The state after.
        to: TransferState,
        /// Why it failed, with `Failed`.
        reason: Option<EndReason>,
    },
    /// A participant began or stopped to send its camera.
    VideoChanged {
        /// The participant.
        participant_id: ParticipantId,
        /// Whether it sends.
        is_on: bool,
    },
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OperationOutcome {
    /// It did not do what it was to do.
    Failed {
        /// Why.
        reason: EndReason,
    },
    /// It did.
    Succeeded,
}
