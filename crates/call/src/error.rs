//! Why a command is refused, with the wire's code for each refusal.

use thiserror::Error;
use trunkline_ids::ParticipantId;
use trunkline_reasons::EndReason;

use crate::{
    output::StreamKind,
    state::{CallKind, CallState},
};

/// Why a command did nothing.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum CommandError {
    /// Another endpoint of the user took the call.
    #[error("the call was accepted on another endpoint")]
    AcceptedElsewhere,
    /// The endpoint has a connection of this call.
    #[error("the endpoint is in the call already")]
    AlreadyInCall,
    /// The target is on the roster.
    #[error("the target is participant {participant_id} already")]
    AlreadyParticipant {
        /// The participant.
        participant_id: ParticipantId,
    },
    /// The call was placed before.
    #[error("the call was placed already")]
    AlreadyPlaced,
    /// The call is over.
    #[error("the call ended: {reason}")]
    CallEnded {
        /// Why it ended.
        reason: EndReason,
    },
    /// The same target was named twice.
    #[error("the target at position {position} is named twice")]
    DuplicateTarget {
        /// Where the second mention is.
        position: usize,
    },
    /// Nobody else is in the call, so that nobody can be handed over.
    #[error("nobody else is in the call to be handed over")]
    NobodyToTransfer,
    /// No target was named.
    #[error("no target was named")]
    NoTargets,
    /// The meeting decides who may do that: ask it instead of its call.
    #[error("the meeting decides who may do that")]
    MeetingDecides,
    /// The meeting does not let the actor send this stream.
    #[error("the meeting does not let the actor send {}", stream.as_str())]
    NotAllowed {
        /// The stream.
        stream: StreamKind,
    },
    /// The actor's connection is not established.
    #[error("the call is {state}, not connected")]
    NotConnected {
        /// The state of the actor's connection.
        state: CallState,
    },
    /// The actor does not hold.
    #[error("the call is {state}, not held by this side")]
    NotHeld {
        /// The state of the actor's connection.
        state: CallState,
    },
    /// The actor is no participant.
    #[error("the actor is not in the call")]
    NotInCall,
    /// The call cannot be joined: it is not a group call by group id.
    #[error("a {kind} call that was placed cannot be joined")]
    NotJoinable {
        /// The kind of call.
        kind: CallKind,
    },
    /// The participant is in the call, so there is no invitation to take back.
    #[error("participant {participant_id} is not being invited")]
    NotPending {
        /// The participant.
        participant_id: ParticipantId,
    },
    /// The call cannot be placed: it exists to be joined.
    #[error("a call by group id is joined, not placed")]
    NotPlaceable,
    /// The call is established, so it is too late to cancel.
    #[error("the call is {state}: hang up instead of cancelling")]
    NotSettingUp {
        /// The state of the actor's connection.
        state: CallState,
    },
    /// The call to accept does not ring for the actor.
    #[error("no call to accept rings for the actor")]
    NothingToAccept,
    /// The call to reject does not ring for the actor.
    #[error("no call to reject rings for the actor")]
    NothingToReject,
    /// No participant is named so.
    #[error("no such participant")]
    ParticipantNotFound,
    /// The actor shares its screen already.
    #[error("the screen is shared already")]
    ScreenShareAlreadyStarted,
    /// The actor does not share its screen.
    #[error("the screen is not shared")]
    ScreenShareAlreadyStopped,
    /// The screen can be shared only while the call is connected.
    #[error("the call is {state}: the screen can be shared while connected only")]
    ScreenShareNotConnected {
        /// The state of the actor's connection.
        state: CallState,
    },
    /// Another participant shares its screen.
    #[error("participant {by} shares its screen")]
    ScreenShareTaken {
        /// Who shares.
        by: ParticipantId,
    },
    /// The actor named itself.
    #[error("the actor cannot be its own target")]
    TargetIsActor,
    /// The call is full.
    #[error("{requested} participants requested, limit {limit}")]
    TooManyParticipants {
        /// The limit.
        limit: usize,
        /// How many there would be.
        requested: usize,
    },
    /// The actor is transferring already.
    #[error("a transfer to participant {target} is under way")]
    TransferInProgress {
        /// Whom it leads to.
        target: ParticipantId,
    },
    /// Calls of this kind are not handled by this aggregate.
    #[error("{kind} calls are not supported here")]
    UnsupportedKind {
        /// The kind.
        kind: CallKind,
    },
    /// The actor sends its camera already.
    #[error("video is started already")]
    VideoAlreadyStarted,
    /// The actor does not send its camera.
    #[error("video is stopped already")]
    VideoAlreadyStopped,
}

impl CommandError {
    /// Returns the code and subcode that the wire has for the refusal.
    pub fn reason(&self) -> EndReason {
        match self {
            Self::AcceptedElsewhere => EndReason::ACCEPTED_ELSEWHERE,
            Self::AlreadyInCall
            | Self::AlreadyParticipant { .. }
            | Self::AlreadyPlaced
            | Self::ScreenShareTaken { .. }
            | Self::TransferInProgress { .. } => EndReason::CONFLICT,
            Self::CallEnded { .. } => EndReason::CALL_TERMINATED,
            Self::DuplicateTarget { .. } | Self::NoTargets | Self::TargetIsActor => {
                EndReason::INVALID_ARGUMENT
            }
            Self::NobodyToTransfer
            | Self::NotConnected { .. }
            | Self::NotHeld { .. }
            | Self::NotPending { .. }
            | Self::NotSettingUp { .. } => EndReason::WRONG_STATE,
            Self::MeetingDecides | Self::NotAllowed { .. } | Self::NotInCall => {
                EndReason::NOT_PERMITTED
            }
            Self::NotJoinable { .. } | Self::NotPlaceable | Self::UnsupportedKind { .. } => {
                EndReason::NOT_SUPPORTED
            }
            Self::NothingToAccept => EndReason::ACCEPT_NOT_RINGING,
            Self::NothingToReject => EndReason::REJECT_NOT_RINGING,
            Self::ParticipantNotFound => EndReason::NOT_FOUND,
            Self::ScreenShareAlreadyStarted => EndReason::SCREEN_SHARE_ALREADY_STARTED,
            Self::ScreenShareAlreadyStopped => EndReason::SCREEN_SHARE_ALREADY_STOPPED,
            Self::ScreenShareNotConnected { .. } => EndReason::SCREEN_SHARE_NOT_CONNECTED,
            Self::TooManyParticipants { .. } => EndReason::PRECONDITION_FAILED,
            Self::VideoAlreadyStarted => EndReason::VIDEO_ALREADY_STARTED,
            Self::VideoAlreadyStopped => EndReason::VIDEO_ALREADY_STOPPED,
        }
    }
}
