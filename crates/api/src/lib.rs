//! Generated tonic stubs, client and server, over the messages of `trunkline_proto`.
//!
//! `cargo xtask codegen` writes `src/generated`. The stubs name messages by their path in
//! `trunkline_proto`, so a message is one type whatever carries it.

pub mod convert;

/// Stubs of the service that manages users and tokens.
pub mod identity {
    /// Package `trunkline.identity.v1`.
    #[allow(clippy::all, missing_docs, reason = "generated code")]
    pub mod v1 {
        include!("generated/trunkline.identity.v1.rs");
    }
}

/// Stubs of the service that places, controls and watches calls.
pub mod calling {
    /// Package `trunkline.calling.v1`.
    #[allow(clippy::all, missing_docs, reason = "generated code")]
    pub mod v1 {
        include!("generated/trunkline.calling.v1.rs");
    }
}

/// Stubs of the service that keeps threads and messages.
pub mod chat {
    /// Package `trunkline.chat.v1`.
    #[allow(clippy::all, missing_docs, reason = "generated code")]
    pub mod v1 {
        include!("generated/trunkline.chat.v1.rs");
    }
}

/// Stubs of the service that sets what administrators set.
pub mod admin {
    /// Package `trunkline.admin.v1`.
    #[allow(clippy::all, missing_docs, reason = "generated code")]
    pub mod v1 {
        include!("generated/trunkline.admin.v1.rs");
    }
}

/// Stubs of the service that sends events out.
pub mod events {
    /// Package `trunkline.events.v1`.
    #[allow(clippy::all, missing_docs, reason = "generated code")]
    pub mod v1 {
        include!("generated/trunkline.events.v1.rs");
    }
}

/// Stubs of the service that keeps meetings.
pub mod meetings {
    /// Package `trunkline.meetings.v1`.
    #[allow(clippy::all, missing_docs, reason = "generated code")]
    pub mod v1 {
        include!("generated/trunkline.meetings.v1.rs");
    }
}

/// Stubs of the service that shows presence.
pub mod presence {
    /// Package `trunkline.presence.v1`.
    #[allow(clippy::all, missing_docs, reason = "generated code")]
    pub mod v1 {
        include!("generated/trunkline.presence.v1.rs");
    }
}

/// Stubs of the service that keeps rooms.
pub mod rooms {
    /// Package `trunkline.rooms.v1`.
    #[allow(clippy::all, missing_docs, reason = "generated code")]
    pub mod v1 {
        include!("generated/trunkline.rooms.v1.rs");
    }
}

/// Stubs of the service that carries signaling sessions.
pub mod signaling {
    /// Package `trunkline.signaling.v1`.
    #[allow(clippy::all, missing_docs, reason = "generated code")]
    pub mod v1 {
        include!("generated/trunkline.signaling.v1.rs");
    }
}
