//! Secrets: never printed, sealed at rest with AES-256-GCM.

use std::fmt;

/// Bytes that must not be seen: an access key, a signing secret.
#[derive(Clone, Eq, PartialEq)]
pub struct Secret(Box<[u8]>);

impl Secret {
    /// Keeps bytes as a secret.
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// Returns the bytes.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(<redacted>)")
    }
}
