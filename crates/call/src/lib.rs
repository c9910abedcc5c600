//! The call: connections, participants, ringing, holds, timers.
//!
//! [`Call`] is the aggregate that owns one call from the first command to the last event. It is told
//! the time and what happened, and returns what is to be done as data; it reads no clock, draws no
//! random numbers, opens no socket. [`transition()`] is the one table of connection states;
//! [`ParticipantState`] is derived from it and stored nowhere; [`transfer_transition()`] is the
//! table of transfers.

mod aggregate;
mod config;
mod connection;
pub mod diagram;
mod error;
mod event;
mod feed;
mod input;
mod output;
mod roster;
mod state;
mod transfer;
mod transition;

pub use crate::{
    aggregate::{Call, NewCall, Origin, thread_id_of},
    config::{CallConfig, Limits, Timeouts},
    error::CommandError,
    event::{Event, EventKind, OperationOutcome},
    feed::SnapshotRequired,
    input::{
        Action, Actor, Command, Entry, Input, Invite, MediaMode, MediaRights, MeetingInput,
        ParticipantSelector, ResolvedTarget, Signal, Transfer,
    },
    output::{EndpointCommand, Invitation, MediaCommand, Output, StreamKind},
    roster::{CallSnapshot, Direction, ParticipantView, Roster, RosterError},
    state::{CallKind, CallState, ParticipantState},
    transfer::{
        InvalidTransferTransition, TRANSFER_EDGES, TransferEdge, TransferState, TransferTrigger,
        transfer_transition,
    },
    transition::{
        CALL_EDGES, CallEdge, InvalidTransition, PARTICIPANT_EDGES, ParticipantEdge, Profile,
        Source, Trigger, transition,
    },
};
