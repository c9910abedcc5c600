//! The tokio shell: identity, sessions, one task per call, the media plane, shutdown.
//!
//! Cores decide; this crate reads clocks, owns tasks and channels, and carries their outputs out.

mod call_task;
mod calls;
mod clock;
mod commands;
mod controller;
mod event_log;
mod handshake;
mod identity;
mod link;
mod media;
mod node;
mod registry;
mod session;
mod token;

pub use crate::{
    calls::{WatchError, WatchItem},
    clock::SystemClock,
    commands::CallingError,
    controller::{Controller, Ringer, RingerEvent},
    identity::{DirectoryUser, Identity, IdentityConfig, IdentityError, IdentityStartError, User},
    link::{Inbound, OpenTransportError, Outbound, Transport, TransportOrigin},
    node::{Node, NodeConfig, NodeStartError, NodeStatus},
    token::{AccessToken, SigningKeyRejected, TokenClaims, TokenError, TokenScope, UnknownScope},
};
