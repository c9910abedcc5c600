//! The tokio shell: identity, sessions, one task per call and per thread, the media plane, shutdown.
//!
//! Cores decide; this crate reads clocks, owns tasks and channels, and carries their outputs out.

mod admin;
mod base;
mod call_history;
mod call_task;
mod calls;
mod chat;
mod clock;
mod commands;
mod controller;
mod directory;
mod event_log;
mod guests;
mod handshake;
mod health;
mod identity;
mod link;
mod live_calls;
mod media;
mod meetings;
mod node;
mod page;
mod presence;
mod push_endpoints;
mod registry;
mod relay;
mod repeatability;
mod resources;
mod room_calls;
mod rooms;
mod rosters;
mod session;
mod token;
mod watch;

pub use crate::{
    admin::{Admin, AdminError, AdminKeyError},
    call_history::CallHistory,
    calls::{WatchError, WatchItem},
    chat::{
        ArchiveError, Chat, ChatActor, ChatConfig, ChatFailure, ChatSubscription, CreatedThread,
        EditMessage, FeedItem, ImportedThread, MessageQuery, SendMessage, SubscriptionEnd,
        ThreadExport, ThreadImport, ThreadQuery, UpdateThread,
    },
    clock::SystemClock,
    commands::CallingError,
    controller::{Controller, RingError, Ringer, RingerEvent},
    guests::{GuestError, GuestRequest, Guests},
    health::Health,
    identity::{
        AppId, DevAuthorization, DevCode, DevGrantError, DevIssuer, DevRefresh, DevSignIn,
        DevTokens, DirectoryEntry, DirectoryToken, ExchangeError, FetchKeys, FetchKeysError,
        FetchingKeys, Identity, IdentityConfig, IdentityError, IdentityStartError, IssuerKeys,
        OidcIssuer, TokenRequest, User,
    },
    link::{Inbound, OpenTransportError, Outbound, Transport, TransportOrigin},
    live_calls::LiveCalls,
    meetings::{
        CreateMeeting, MeetingActor, MeetingFailure, Meetings, MeetingsConfig, WatchMeetingError,
    },
    node::{Node, NodeConfig, NodeStartError, NodeStatus},
    page::{Page, PageCursor},
    presence::{PresenceActor, PresenceEnd, PresenceFailure, PresenceWatch, Presences},
    push_endpoints::PushEndpoints,
    relay::{
        CallTail, CallTailItem, DeadEvent, EventSubscription, EventTail, Relay, RelayConfig,
        RelayError, SubscribeEvents, TailEnd, TailItem,
    },
    repeatability::{Repeatability, RepeatableRequest, Repeated, Repeating},
    resources::Resources,
    rooms::{RoomFailure, Rooms},
    token::{AccessToken, SigningKeyRejected, TokenClaims, TokenError},
    watch::Watch,
};
