//! The session: both ends of an ordered, exactly-once exchange that outlives its transports.
//!
//! [`ServerSession`] and [`ClientSession`] are told the time and hand back effects. After every
//! call to a method that takes `now`, the driver drains `poll_output` until it is empty, then
//! re-arms one timer from `poll_timeout` and calls `handle_timeout` when it fires.
//!
//! A driver names each transport by a [`TransportId`] of its own choosing, never used twice within
//! a session. What arrives late from a transport that the session has left is ignored, so a driver
//! need not order the end of one transport against the start of the next.

mod client;
mod rate;
mod sequence;
mod server;

use std::time::Duration;

use trunkline_proto::signaling::v1::{client_frame, server_frame};

use crate::codec::DEFAULT_MAX_FRAME_BYTES;

pub use self::{
    client::{
        ClientOutput, ClientSession, ClientSessionEnd, Credentials, ProtocolViolation, SendError,
    },
    server::{AttachError, Greeting, Resumption, ServerOutput, ServerSession, SessionEnd},
};

/// Names one transport of a session.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TransportId(pub u64);

/// The times and limits of a session.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SessionConfig {
    /// A side that hears nothing for this long sends a Ping; after twice this long it cuts.
    ///
    /// Larger notices dead peers later; smaller wakes sleeping phones for nothing.
    pub heartbeat: Duration,
    /// How long a session without a transport can be resumed: FEATURES A4 gives 120 s.
    pub resume_window: Duration,
    /// A bare acknowledgment is sent at the latest after this many frames.
    ///
    /// Larger lets the peer keep more; smaller sends more frames that carry nothing else.
    pub ack_after_frames: u32,
    /// A bare acknowledgment is sent at the latest this long after a frame.
    pub ack_delay: Duration,
    /// More unacknowledged frames than this end the session as a slow reader.
    pub outbox_limit_frames: usize,
    /// More unacknowledged bytes than this end the session as a slow reader.
    ///
    /// A client that stops reading costs at most this. A snapshot of a full call of 350 is about
    /// 120 KiB.
    pub outbox_limit_bytes: usize,
    /// How many frames a client may send per second in the long run.
    pub frames_per_second: u32,
    /// How many frames a client may send at once after a quiet time.
    ///
    /// A client that acknowledges every frame of a burst of 350 joins must not be cut.
    pub frames_burst: u32,
    /// How long before the token runs out the client is told.
    pub token_warning: Duration,
    /// How long a client waits for Welcome.
    pub welcome_timeout: Duration,
    /// The largest frame taken, as announced in Welcome.
    pub max_frame_bytes: usize,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(15),
            resume_window: Duration::from_secs(120),
            ack_after_frames: 32,
            ack_delay: Duration::from_millis(250),
            outbox_limit_frames: 4_096,
            outbox_limit_bytes: 1024 * 1024,
            frames_per_second: 200,
            frames_burst: 1_000,
            token_warning: Duration::from_secs(300),
            welcome_timeout: Duration::from_secs(10),
            max_frame_bytes: DEFAULT_MAX_FRAME_BYTES,
        }
    }
}

/// Names what a client frame carries, for logs: the content may hold a token.
pub fn client_body_name(body: Option<&client_frame::Body>) -> &'static str {
    match body {
        None => "ack",
        Some(client_frame::Body::Hello(_)) => "hello",
        Some(client_frame::Body::Pong(_)) => "pong",
        Some(client_frame::Body::Ping(_)) => "ping",
        Some(client_frame::Body::RefreshToken(_)) => "refresh_token",
        Some(client_frame::Body::Command(_)) => "command",
        Some(client_frame::Body::Goodbye(_)) => "goodbye",
    }
}

/// Names what a server frame carries, for logs: the content may hold names and addresses.
pub fn server_body_name(body: Option<&server_frame::Body>) -> &'static str {
    match body {
        None => "ack",
        Some(server_frame::Body::Welcome(_)) => "welcome",
        Some(server_frame::Body::Ping(_)) => "ping",
        Some(server_frame::Body::Pong(_)) => "pong",
        Some(server_frame::Body::TokenRefreshed(_)) => "token_refreshed",
        Some(server_frame::Body::TokenExpiring(_)) => "token_expiring",
        Some(server_frame::Body::CommandResult(_)) => "command_result",
        Some(server_frame::Body::IncomingCall(_)) => "incoming_call",
        Some(server_frame::Body::IncomingCallEnded(_)) => "incoming_call_ended",
        Some(server_frame::Body::CallEvent(_)) => "call_event",
        Some(server_frame::Body::MediaAnswer(_)) => "media_answer",
        Some(server_frame::Body::MediaAssignments(_)) => "media_assignments",
        Some(server_frame::Body::MediaStateChanged(_)) => "media_state_changed",
        Some(server_frame::Body::SessionClosed(_)) => "session_closed",
        Some(server_frame::Body::MeetingEvent(_)) => "meeting_event",
    }
}
