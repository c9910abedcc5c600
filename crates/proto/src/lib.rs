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
