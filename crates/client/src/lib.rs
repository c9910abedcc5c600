//! The Rust calling SDK: place, answer and control calls, with audio and video in and out of files,
//! buffers and callbacks rather than devices.
//!
//! A [`CallClient`] knows one exchange. It makes a [`CallAgent`] for an app user or a
//! [`TeamsCallAgent`] for a directory user; the agent is rung, and starts and joins calls. A
//! [`Call`] is returned at once, before the exchange has answered: its state, roster and end reason
//! change as events arrive. Everything runs on the tokio runtime on which the agent was made.
//!
//! Nothing here draws, plays or captures on real devices.

mod agent;
mod audio;
mod call;
mod clock;
mod connection;
mod credential;
mod error;
mod event;
mod identity;
mod incoming;
mod media;
mod participant;

pub use crate::{
    agent::{
        AgentEvent, CallAgent, CallAgentOptions, CallClient, CallClientOptions, ConnectionState,
        SessionEnd, StartCallOptions, TeamsCallAgent, Testing,
    },
    audio::{
        AudioFrame, AudioSink, AudioSource, FRAME_SAMPLES, LevelMeter, SAMPLE_RATE_HZ, WavError,
        read_wav,
    },
    call::{Call, CallEvent, CallEventKind, CallInfo, CallerInfo, StateChange},
    connection::{ConnectError, TrustRoots, TrustRootsError},
    credential::{TokenCredential, TokenError},
    error::{
        AcceptCallError, ActInMeetingError, AddParticipantError, CreateAgentError, HangUpError,
        HoldError, JoinCallError, MuteError, MuteParticipantError, Refusal, RejectCallError,
        RemoveParticipantError, ResumeError, ScreenShareError, SnapshotError, StartCallError,
        TransferError, UnmuteError, VideoError, VideoTilesError,
    },
    event::{Events, EventsError},
    identity::{CallEndReason, CallTarget, GroupCallLocator, JoinLocator},
    incoming::{IncomingCall, IncomingCallState},
    media::{
        AudioStatistics, EncodedVideoFrame, MediaOptions, MediaState, MediaStatistics,
        ReceivedVideoFrame, VideoFileError, VideoSink, VideoSource, VideoStatistics,
    },
    participant::{RemoteParticipant, RemoteVideoStream},
};
