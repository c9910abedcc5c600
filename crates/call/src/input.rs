//! What a call is told: commands of people and applications, signals of connections.

use std::time::Duration;

use trunkline_ids::{
    CallConnectionId, CommunicationIdentifier, DisplayName, EndpointId, OperationId, ParticipantId,
};
use trunkline_reasons::EndReason;

/// Anything that a call is told, besides the passing of time.
#[derive(Clone, Debug)]
pub enum Input {
    /// Somebody wants something.
    Command(Command),
    /// The meeting that the call belongs to decides something.
    Meeting(MeetingInput),
    /// Something happened to a connection or an endpoint.
    Signal(Signal),
}

/// A wish of an authenticated actor.
///
/// The answer is exactly one of: [`Output::Rejected`](crate::Output::Rejected) at once, or one
/// [`EventKind::OperationCompleted`](crate::EventKind::OperationCompleted) event, at once or later.
/// A command whose operation id the same endpoint has used before is not run again.
#[derive(Clone, Debug)]
pub struct Command {
    /// Who wants it, as the token says.
    pub actor: Actor,
    /// The name of the operation, unique for the actor's endpoint.
    pub operation_id: OperationId,
    /// What is wanted.
    pub action: Action,
}

/// What the meeting decides about its call. Comes from the meeting alone, never from a peer: there is
/// no command by which somebody joins a meeting past its lobby.
#[derive(Clone, Debug)]
pub enum MeetingInput {
    /// Somebody does what the meeting has allowed: a command that concerns others is carried out only
    /// when it comes this way.
    Act(Command),
    /// Lets somebody in who waits in the lobby; one who does not wait stays as it is.
    Admit {
        /// Who.
        endpoint: EndpointId,
        /// What may be sent from here on.
        rights: MediaRights,
    },
    /// Says that an operation of somebody in the call, which the meeting had to decide, succeeded.
    Complete {
        /// Whose.
        actor: Actor,
        /// The name of the operation, unique for the actor's endpoint.
        operation_id: OperationId,
    },
    /// Ends somebody's connection, in the lobby or in the call.
    End {
        /// Whose.
        endpoint: EndpointId,
        /// Why.
        reason: EndReason,
    },
    /// Ends the call for everybody, lobby included.
    EndCall {
        /// Why.
        reason: EndReason,
    },
    /// Somebody comes; the operation ends when the connection is established or will not be.
    Join {
        /// Who.
        actor: Actor,
        /// The name of the operation, unique for the actor's endpoint.
        operation_id: OperationId,
        /// The name to show to the others.
        display_name: Option<DisplayName>,
        /// Whether media will come.
        media: MediaMode,
        /// Where it leads.
        entry: Entry,
        /// What may be sent.
        rights: MediaRights,
    },
    /// Changes what somebody may send; what is on and no longer allowed goes off.
    SetRights {
        /// Who.
        endpoint: EndpointId,
        /// What may be sent.
        rights: MediaRights,
    },
}

/// Which streams somebody may send, whatever the client goes on sending.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct MediaRights {
    /// The microphone.
    pub audio: bool,
    /// The camera.
    pub camera: bool,
    /// The screen.
    pub screen: bool,
}

impl MediaRights {
    /// Everything may be sent.
    pub const ALL: Self = Self { audio: true, camera: true, screen: true };
    /// Nothing may be sent.
    pub const NONE: Self = Self { audio: false, camera: false, screen: false };
}

/// Where joining a meeting leads.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Entry {
    /// Into the call.
    Direct,
    /// Into the lobby, where no media flows in either direction, and where the endpoint is told of
    /// itself alone.
    Lobby,
}

/// An authenticated actor.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Actor {
    /// Who it is.
    pub identifier: CommunicationIdentifier,
    /// The endpoint it speaks through. A control connection without a registered client has an
    /// endpoint of its own; it then acts for the participant with the same identifier.
    pub endpoint: EndpointId,
}

/// What an actor may want of a call.
#[derive(Clone, Debug)]
pub enum Action {
    /// Takes the call that rings.
    Accept {
        /// The name to show to the others, instead of the one in the invitation.
        display_name: Option<DisplayName>,
        /// Whether media will come.
        media: MediaMode,
    },
    /// Invites somebody into the call; ends when the invited one is connected or will not be.
    AddParticipant(Invite),
    /// Gives up before the call is established; afterwards use `HangUp`.
    Cancel,
    /// Takes back an invitation that still rings.
    CancelAddParticipant(ParticipantSelector),
    /// Leaves the call; legal in every state.
    HangUp,
    /// Ends the call for everyone.
    HangUpForEveryone,
    /// Puts the call on hold for the actor: no media from it, none to it.
    Hold,
    /// Joins the group call.
    Join {
        /// The name to show to the others.
        display_name: Option<DisplayName>,
        /// Whether media will come.
        media: MediaMode,
    },
    /// Mutes the actor.
    Mute,
    /// Mutes everybody else, phones included: the server drops their audio.
    MuteAllOthers,
    /// Mutes one other participant; only that one may unmute itself.
    MuteParticipant(ParticipantSelector),
    /// Places the call to one target, or to several as a group.
    Place {
        /// Whom to ring.
        targets: Vec<Invite>,
        /// The name to show to the others.
        display_name: Option<DisplayName>,
        /// Whether media will come.
        media: MediaMode,
    },
    /// Declines the call that rings, for all endpoints of the user.
    Reject,
    /// Removes somebody from the call, invited or in it.
    RemoveParticipant(ParticipantSelector),
    /// Ends the actor's hold.
    Resume,
    /// Begins to share the actor's screen; one participant at a time may.
    StartScreenShare,
    /// Begins to send the actor's camera.
    StartVideo,
    /// Stops sharing the screen.
    StopScreenShare,
    /// Stops sending the camera.
    StopVideo,
    /// Hands the actor's place in the call to somebody else; ends when the target is connected, and
    /// the actor's connection with it, or will not be.
    Transfer(Transfer),
    /// Ends the actor's mute, whoever muted it.
    Unmute,
}

impl Action {
    /// Returns whether the action does something to others, so that in a meeting not everybody may.
    pub const fn concerns_others(&self) -> bool {
        match self {
            Self::AddParticipant(_)
            | Self::CancelAddParticipant(_)
            | Self::HangUpForEveryone
            | Self::MuteAllOthers
            | Self::MuteParticipant(_)
            | Self::RemoveParticipant(_)
            | Self::Transfer(_) => true,
            Self::Accept { .. }
            | Self::Cancel
            | Self::HangUp
            | Self::Hold
            | Self::Join { .. }
            | Self::Mute
            | Self::Place { .. }
            | Self::Reject
            | Self::Resume
            | Self::StartScreenShare
            | Self::StartVideo
            | Self::StopScreenShare
            | Self::StopVideo
            | Self::Unmute => false,
        }
    }
}

/// Whether a connection brings media.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MediaMode {
    /// A peer connection carries media; the connection is established once media is up.
    PeerConnection,
    /// A controller without media; it counts as established at once.
    SignalingOnly,
}

/// Names a participant of the call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ParticipantSelector {
    /// By participant id.
    Id(ParticipantId),
    /// By who it is; every participant with that identifier is meant.
    Identifier(CommunicationIdentifier),
}

/// An invitation to be sent.
#[derive(Clone, Debug)]
pub struct Invite {
    /// Whom to invite.
    pub target: ResolvedTarget,
    /// How long to ring instead of the configured time; capped by `longest_ringing`.
    pub ring_for: Option<Duration>,
}

/// Whom a transfer is about besides the transferor, who asks for it.
#[derive(Clone, Debug)]
pub struct Transfer {
    /// Whom to call.
    pub target: Invite,
    /// Who is handed over: the transfer fails when this one leaves first. In a one-to-one call it is
    /// the other side without being named; elsewhere, unnamed, it is everybody else together.
    pub transferee: Option<ParticipantSelector>,
}

/// A target with the endpoints that the registry knows of it.
#[derive(Clone, Debug)]
pub struct ResolvedTarget {
    /// Who it is.
    pub identifier: CommunicationIdentifier,
    /// The registered endpoints; empty means that nobody can ring.
    pub endpoints: Vec<EndpointId>,
    /// The name to show, from the directory or from the inviter.
    pub display_name: Option<DisplayName>,
}

/// What happened to a connection or an endpoint. Signals that come late, twice or for something that
/// is gone change nothing.
#[derive(Clone, Debug)]
pub enum Signal {
    /// Media plays towards the caller before the callee accepted.
    EarlyMediaStarted {
        /// The callee's connection.
        connection_id: CallConnectionId,
    },
    /// The endpoint that rings is busy; the user's other endpoints go on ringing.
    EndpointBusy {
        /// The endpoint.
        endpoint: EndpointId,
    },
    /// The endpoint that rings cannot take the call; the user's other endpoints go on ringing.
    EndpointDeclined {
        /// The endpoint.
        endpoint: EndpointId,
    },
    /// The endpoint went away for good: unregistered, closed, or its session expired.
    EndpointGone {
        /// The endpoint.
        endpoint: EndpointId,
    },
    /// A user's endpoint registered; it rings too if the user is being called.
    EndpointRegistered {
        /// The user.
        identifier: CommunicationIdentifier,
        /// The endpoint.
        endpoint: EndpointId,
    },
    /// The endpoint shows the incoming call.
    EndpointRinging {
        /// The endpoint.
        endpoint: EndpointId,
    },
    /// Media failed for good.
    MediaFailed {
        /// The connection.
        connection_id: CallConnectionId,
    },
    /// No media arrives for some seconds.
    MediaInterrupted {
        /// The connection.
        connection_id: CallConnectionId,
    },
    /// Media arrives again.
    MediaResumed {
        /// The connection.
        connection_id: CallConnectionId,
    },
    /// The peer connection is up.
    MediaUp {
        /// The connection.
        connection_id: CallConnectionId,
    },
    /// The participant began to speak, or stopped.
    SpeakingChanged {
        /// The connection.
        connection_id: CallConnectionId,
        /// Whether it speaks.
        is_speaking: bool,
    },
    /// Somebody is no member of the thread that the call is bound to, by another's doing: so they go
    /// from the call, too.
    ThreadLeft {
        /// Who.
        identifier: CommunicationIdentifier,
    },
    /// The endpoint's signaling transport broke; its session may yet resume.
    TransportLost {
        /// The endpoint.
        endpoint: EndpointId,
    },
    /// The endpoint's session resumed.
    TransportResumed {
        /// The endpoint.
        endpoint: EndpointId,
    },
}
