//! What a call wants done: things to tell, endpoints to ring, media to open and shut.

use trunkline_ids::{
    CallConnectionId, CallId, CommunicationIdentifier, DisplayName, EndpointId, OperationId,
    ParticipantId, ThreadId,
};
use trunkline_reasons::EndReason;

use crate::{
    error::CommandError,
    event::{Event, OperationOutcome},
    roster::Direction,
    state::CallKind,
};

/// One thing to do, in order.
#[derive(Clone, Debug)]
pub enum Output {
    /// Tell an endpoint.
    Endpoint(EndpointCommand),
    /// Tell every subscriber; the event is in the feed already.
    Event(Event),
    /// Tell the media plane.
    Media(MediaCommand),
    /// Answer the actor that its operation runs; its end will be an event.
    OperationStarted {
        /// The endpoint that asked.
        endpoint: EndpointId,
        /// The operation.
        operation_id: OperationId,
        /// The participant it is about: the actor's own, or the one being added.
        participant_id: ParticipantId,
        /// The connection of that participant.
        connection_id: CallConnectionId,
    },
    /// Answer the actor that nothing was done; nobody else hears of it.
    Rejected {
        /// The endpoint that asked.
        endpoint: EndpointId,
        /// The operation.
        operation_id: OperationId,
        /// Why.
        error: CommandError,
    },
    /// Answer the actor that the operation was done before; no event follows.
    Repeated {
        /// The endpoint that asked.
        endpoint: EndpointId,
        /// The operation.
        operation_id: OperationId,
        /// How it ended; `None` while it still runs.
        outcome: Option<OperationOutcome>,
    },
}

/// Something to tell an endpoint.
#[derive(Clone, Debug)]
pub enum EndpointCommand {
    /// The endpoint has a connection of the call from here on: send it a snapshot, then the events.
    Attach {
        /// The endpoint.
        endpoint: EndpointId,
        /// Its connection.
        connection_id: CallConnectionId,
        /// Its participant.
        participant_id: ParticipantId,
        /// Whether it called or was called.
        direction: Direction,
        /// Whether it waits in the lobby: then the snapshot and the events are about itself alone.
        /// When it is let in, another `Attach` follows.
        is_in_lobby: bool,
    },
    /// The endpoint's connection is over: send it the events up to here, then no more.
    Detach {
        /// The endpoint.
        endpoint: EndpointId,
        /// Its connection.
        connection_id: CallConnectionId,
        /// Why.
        reason: EndReason,
    },
    /// Show an incoming call.
    Ring {
        /// The endpoint.
        endpoint: EndpointId,
        /// What to show.
        invitation: Box<Invitation>,
    },
    /// Stop showing the incoming call.
    StopRinging {
        /// The endpoint.
        endpoint: EndpointId,
        /// The connection of the invitation.
        connection_id: CallConnectionId,
        /// Why: the `callEndReason` of the incoming call.
        reason: EndReason,
    },
}

/// What an endpoint shows of an incoming call.
#[derive(Clone, Debug, PartialEq)]
pub struct Invitation {
    /// The call.
    pub call_id: CallId,
    /// The kind of call.
    pub kind: CallKind,
    /// The chat thread it is bound to.
    pub thread_id: Option<ThreadId>,
    /// The connection that the endpoint gets if it is the first to accept.
    pub connection_id: CallConnectionId,
    /// The participant that it would be.
    pub participant_id: ParticipantId,
    /// Who is being called.
    pub callee: CommunicationIdentifier,
    /// Who calls.
    pub caller: CommunicationIdentifier,
    /// The caller's name.
    pub caller_display_name: Option<DisplayName>,
}

/// Something to tell the media plane. Commands for a connection without media never come.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum MediaCommand {
    /// Close the peer connection.
    Close {
        /// The connection.
        connection_id: CallConnectionId,
    },
    /// Forward a stream of the connection, or drop it at the server.
    SetPublish {
        /// The connection.
        connection_id: CallConnectionId,
        /// The stream.
        kind: StreamKind,
        /// Whether to forward it.
        is_enabled: bool,
    },
    /// Send the others' streams to the connection, or nothing.
    SetReceive {
        /// The connection.
        connection_id: CallConnectionId,
        /// Whether to send.
        is_enabled: bool,
    },
}

/// The streams that a participant may send.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum StreamKind {
    /// The microphone.
    Audio,
    /// The camera.
    Camera,
    /// The shared screen.
    Screen,
}

impl StreamKind {
    /// All streams.
    pub const ALL: [Self; 3] = [Self::Audio, Self::Camera, Self::Screen];

    /// Returns the word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Camera => "camera",
            Self::Screen => "screen",
        }
    }
}
