//! SRTP and SRTCP, protected and unprotected in place
//! ([RFC 3711](https://www.rfc-editor.org/rfc/rfc3711), [RFC 7714](https://www.rfc-editor.org/rfc/rfc7714)).
//!
//! One [`InboundContext`] and one [`OutboundContext`] belong to one DTLS association. The caller
//! of an outbound context owns the packet index: under AES-GCM, two different packets under one
//! (key, SSRC, index) give the key away, so an index is used once.

mod cipher;
mod gcm;
mod inbound;
mod kdf;
mod outbound;
mod replay;

use std::fmt;

pub use inbound::{InboundContext, OpenedRtp, UnprotectError};
pub use outbound::{OutboundContext, ProtectError};
pub use replay::{Arrival, ReplayWindow};

/// A protection profile of DTLS-SRTP ([RFC 5764 §4.1.2](https://www.rfc-editor.org/rfc/rfc5764#section-4.1.2)).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum SrtpProfile {
    /// `SRTP_AEAD_AES_128_GCM`, the preferred one.
    AeadAes128Gcm,
    /// `SRTP_AES128_CM_HMAC_SHA1_80`, the one every peer has.
    Aes128CmHmacSha1_80,
}

impl SrtpProfile {
    /// Returns the profile's number in the `use_srtp` extension.
    pub const fn id(self) -> u16 {
        match self {
            Self::AeadAes128Gcm => 0x0007,
            Self::Aes128CmHmacSha1_80 => 0x0001,
        }
    }

    /// Returns the profile with this number in the `use_srtp` extension.
    pub const fn from_id(id: u16) -> Option<Self> {
        match id {
            0x0001 => Some(Self::Aes128CmHmacSha1_80),
            0x0007 => Some(Self::AeadAes128Gcm),
            _ => None,
        }
    }

    /// Returns the length of a master salt in bytes.
    pub const fn salt_len(self) -> usize {
        match self {
            Self::AeadAes128Gcm => 12,
            Self::Aes128CmHmacSha1_80 => 14,
        }
    }

    /// Returns how many bytes to export from the DTLS association: two keys and two salts.
    pub const fn keying_material_len(self) -> usize {
        2 * (MASTER_KEY_LEN + self.salt_len())
    }

    /// Returns how many bytes protection adds to an RTP packet.
    pub const fn rtp_overhead(self) -> usize {
        match self {
            Self::AeadAes128Gcm => 16,
            Self::Aes128CmHmacSha1_80 => 10,
        }
    }

    /// Returns how many bytes protection adds to an RTCP packet, index included.
    pub const fn rtcp_overhead(self) -> usize {
        self.rtp_overhead() + 4
    }
}

impl fmt::Display for SrtpProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Self::Aes128CmHmacSha1_80 => "AES128_CM_HMAC_SHA1_80",
        })
    }
}

/// The master key and salt of one direction.
#[derive(Clone, Eq, PartialEq)]
pub struct MasterKey {
    key: [u8; MASTER_KEY_LEN],
    salt: [u8; MAX_SALT_LEN],
}

impl MasterKey {
    /// Makes a key from its parts.
    ///
    /// # Errors
    ///
    /// [`KeyLengthError`] when a part has not the length that the profile asks for.
    pub fn new(profile: SrtpProfile, key: &[u8], salt: &[u8]) -> Result<Self, KeyLengthError> {
        let expected = MASTER_KEY_LEN + profile.salt_len();
        let actual = key.len() + salt.len();
        let Ok(key) = <[u8; MASTER_KEY_LEN]>::try_from(key) else {
            return Err(KeyLengthError { expected, actual });
        };
        if salt.len() != profile.salt_len() {
            return Err(KeyLengthError { expected, actual });
        }
        // RFC 7714 §11: a twelve-byte salt is shifted left by two bytes for key derivation.
        let mut padded = [0; MAX_SALT_LEN];
        padded[..salt.len()].copy_from_slice(salt);
        Ok(Self { key, salt: padded })
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(redacted)")
    }
}

/// The keys of both directions of one leg, as seen from this side.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SrtpKeys {
    /// The negotiated profile.
    pub profile: SrtpProfile,
    /// Opens what the peer sends.
    pub inbound: MasterKey,
    /// Seals what is sent to the peer.
    pub outbound: MasterKey,
}

impl SrtpKeys {
    /// Splits exported keying material, laid out as in
    /// [RFC 5764 §4.2](https://www.rfc-editor.org/rfc/rfc5764#section-4.2), for the DTLS server.
    ///
    /// # Errors
    ///
    /// [`KeyLengthError`] unless `material` has [`SrtpProfile::keying_material_len`] bytes.
    pub fn for_dtls_server(profile: SrtpProfile, material: &[u8]) -> Result<Self, KeyLengthError> {
        let (client, server) = split_keying_material(profile, material)?;
        Ok(Self { profile, inbound: client, outbound: server })
    }

    /// Splits exported keying material for the DTLS client.
    ///
    /// # Errors
    ///
    /// [`KeyLengthError`] unless `material` has [`SrtpProfile::keying_material_len`] bytes.
    pub fn for_dtls_client(profile: SrtpProfile, material: &[u8]) -> Result<Self, KeyLengthError> {
        let (client, server) = split_keying_material(profile, material)?;
        Ok(Self { profile, inbound: server, outbound: client })
    }
}

fn split_keying_material(
    profile: SrtpProfile,
    material: &[u8],
) -> Result<(MasterKey, MasterKey), KeyLengthError> {
    let expected = profile.keying_material_len();
    if material.len() != expected {
        return Err(KeyLengthError { expected, actual: material.len() });
    }
    let (client_key, rest) = material.split_at(MASTER_KEY_LEN);
    let (server_key, salts) = rest.split_at(MASTER_KEY_LEN);
    let (client_salt, server_salt) = salts.split_at(profile.salt_len());
    Ok((
        MasterKey::new(profile, client_key, client_salt)?,
        MasterKey::new(profile, server_key, server_salt)?,
    ))
}

/// Keying material of the wrong length.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("keying material has {actual} bytes, the profile needs {expected}")]
pub struct KeyLengthError {
    /// The length the profile needs.
    pub expected: usize,
    /// The length given.
    pub actual: usize,
}

/// The length of a master key in both profiles.
pub const MASTER_KEY_LEN: usize = 16;
const MAX_SALT_LEN: usize = 14;
