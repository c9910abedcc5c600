//! Generated protobuf messages of every Trunkline package, and their descriptor set.
//!
//! The reference is the comments of the `.proto` files below `proto/`, repeated on the items here.
//! `cargo xtask codegen` writes `src/generated`; nothing in this crate is written by hand but the
//! module tree.

/// What every service shares: identifiers, reasons and errors.
pub mod common {
    /// Package `trunkline.common.v1`.
    #[allow(clippy::all, missing_docs, reason = "generated code")]
    pub mod v1 {
        include!("generated/trunkline.common.v1.rs");
    }
}

/// Users and their access tokens.
pub mod identity {
    /// Package `trunkline.identity.v1`.
    #[allow(clippy::all, missing_docs, reason = "generated code")]
    pub mod v1 {
        include!("generated/trunkline.identity.v1.rs");
    }
}

/// Calls: placing, answering, controlling, watching them.
pub mod calling {
    /// Package `trunkline.calling.v1`.
    #[allow(clippy::all, missing_docs, reason = "generated code")]
    pub mod v1 {
        include!("generated/trunkline.calling.v1.rs");
    }
}

/// Threads, messages, members and receipts, and the events that tell of them.
pub mod chat {
    /// Package `trunkline.chat.v1`.
    #[allow(clippy::all, missing_docs, reason = "generated code")]
    pub mod v1 {
        include!("generated/trunkline.chat.v1.rs");
    }
}

/// What administrators set, and archives of threads.
pub mod admin {
    /// Package `trunkline.admin.v1`.
    #[allow(clippy::all, missing_docs, reason = "generated code")]
    pub mod v1 {
        include!("generated/trunkline.admin.v1.rs");
    }
}

/// Subscriptions to events, and the event log.
pub mod events {
    /// Package `trunkline.events.v1`.
    #[allow(clippy::all, missing_docs, reason = "generated code")]
    pub mod v1 {
        include!("generated/trunkline.events.v1.rs");
    }
}

/// Meetings, their lobby and their roles.
pub mod meetings {
    /// Package `trunkline.meetings.v1`.
    #[allow(clippy::all, missing_docs, reason = "generated code")]
    pub mod v1 {
        include!("generated/trunkline.meetings.v1.rs");
    }
}

/// Who is there, who is in a call, who wants to be left alone.
pub mod presence {
    /// Package `trunkline.presence.v1`.
    #[allow(clippy::all, missing_docs, reason = "generated code")]
    pub mod v1 {
        include!("generated/trunkline.presence.v1.rs");
    }
}

/// Rooms and their rosters.
pub mod rooms {
    /// Package `trunkline.rooms.v1`.
    #[allow(clippy::all, missing_docs, reason = "generated code")]
    pub mod v1 {
        include!("generated/trunkline.rooms.v1.rs");
    }
}

/// The client protocol: the frames of a signaling session.
pub mod signaling {
    /// Package `trunkline.signaling.v1`.
    #[allow(clippy::all, missing_docs, reason = "generated code")]
    pub mod v1 {
        include!("generated/trunkline.signaling.v1.rs");
    }
}

/// The encoded `google.protobuf.FileDescriptorSet` of all packages and of what they import.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("generated/descriptor.bin");

#[cfg(test)]
mod tests {
    use prost::Message;
    use prost_types::FileDescriptorSet;

    use super::*;

    #[test]
    fn the_descriptor_set_has_every_package_and_what_it_imports() {
        let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
        let packages: Vec<&str> = set.file.iter().map(|file| file.package()).collect();
        let own = [
            "admin",
            "calling",
            "chat",
            "common",
            "events",
            "identity",
            "meetings",
            "presence",
            "rooms",
            "signaling",
        ];
        for package in own {
            let package = format!("trunkline.{package}.v1");
            assert!(packages.contains(&package.as_str()), "{package} is missing: {packages:?}");
        }
        for file in &set.file {
            for import in &file.dependency {
                assert!(set.file.iter().any(|file| file.name() == import), "{import} is missing");
            }
        }
    }

    #[test]
    fn debug_shows_nothing_that_was_said() {
        let message = chat::v1::Message {
            message_id: "1700000000000".to_owned(),
            content: Some(chat::v1::MessageContent {
                content: "secret".to_owned(),
                topic: "secret".to_owned(),
                ..Default::default()
            }),
            metadata: [("secret".to_owned(), "secret".to_owned())].into(),
            sender_display_name: "secret".to_owned(),
            ..Default::default()
        };
        let received = chat::v1::MessageReceived { message: Some(message) };
        let event = chat::v1::ChatEvent {
            kind: Some(chat::v1::chat_event::Kind::MessageReceived(received)),
            ..Default::default()
        };
        let shown = format!("{event:?}");
        assert!(shown.contains("1700000000000") && !shown.contains("secret"), "{shown}");
    }

    #[test]
    fn debug_shows_neither_tokens_nor_people() {
        let token = identity::v1::AccessToken { token: "secret".to_owned(), expires_on: None };
        assert_eq!(format!("{token:?}"), "AccessToken { token: \"[redacted]\", expires_on: None }");
        let hello = signaling::v1::Hello {
            token: "secret".to_owned(),
            display_name: "Alice".to_owned(),
            resume: None,
            user_agent: "test/1".to_owned(),
        };
        let frame = signaling::v1::ClientFrame {
            body: Some(signaling::v1::client_frame::Body::Hello(hello)),
            ..Default::default()
        };
        let shown = format!("{frame:?}");
        assert!(shown.contains("test/1"), "{shown}");
        assert!(!shown.contains("secret") && !shown.contains("Alice"), "{shown}");
    }
}
