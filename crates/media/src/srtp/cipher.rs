//! The two ciphers, each bound to the derived keys of one direction of RTP or of RTCP.

use aes::Aes128;
use ctr::cipher::{InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;

use super::{
    MasterKey, SrtpProfile,
    gcm::{self, GcmKey},
    kdf::{Label, derive},
};

/// Which of the two session keys of a direction.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Use {
    Rtp,
    Rtcp,
}

/// A session cipher with its salt.
pub(super) enum Cipher {
    Gcm(GcmCipher),
    Cm(Box<CmCipher>),
}

impl Cipher {
    pub(super) fn new(profile: SrtpProfile, master: &MasterKey, purpose: Use) -> Self {
        let (encryption, authentication, salt) = match purpose {
            Use::Rtp => (Label::RtpEncryption, Label::RtpAuthentication, Label::RtpSalt),
            Use::Rtcp => (Label::RtcpEncryption, Label::RtcpAuthentication, Label::RtcpSalt),
        };
        match profile {
            SrtpProfile::AeadAes128Gcm => Self::Gcm(GcmCipher::new(
                &derive(master, encryption),
                derive::<GCM_NONCE_LEN>(master, salt),
            )),
            SrtpProfile::Aes128CmHmacSha1_80 => Self::Cm(Box::new(CmCipher::new(
                &derive(master, encryption),
                &derive::<20>(master, authentication),
                derive::<14>(master, salt),
            ))),
        }
    }
}

/// AES-128-GCM with the nonce of [RFC 7714 §8.1, §9.1](https://www.rfc-editor.org/rfc/rfc7714#section-8.1).
pub(super) struct GcmCipher {
    key: GcmKey,
    salt: [u8; GCM_NONCE_LEN],
}

impl GcmCipher {
    pub(super) fn new(key: &[u8; 16], salt: [u8; GCM_NONCE_LEN]) -> Self {
        Self { key: GcmKey::new(key), salt }
    }

    /// Seals `plaintext` into the front of `out`, the tag behind it; `out` is exactly 16 bytes
    /// longer than `plaintext`.
    #[inline]
    pub(super) fn seal(
        &self,
        nonce: PacketNonce,
        aad: &[u8],
        plaintext: &[u8],
        out: &mut [u8],
    ) -> Result<(), CipherError> {
        self.key.seal(self.nonce(nonce), aad, plaintext, out).map_err(|_| CipherError)
    }

    #[inline]
    pub(super) fn seal_in_place(
        &self,
        nonce: PacketNonce,
        aad: &[u8],
        in_out: &mut [u8],
    ) -> Result<[u8; GCM_TAG_LEN], CipherError> {
        self.key.seal_in_place(self.nonce(nonce), aad, in_out).map_err(|_| CipherError)
    }

    /// Opens ciphertext and tag in place.
    #[inline]
    pub(super) fn open(
        &self,
        nonce: PacketNonce,
        aad: &[u8],
        ciphertext_and_tag: &mut [u8],
    ) -> Result<(), CipherError> {
        self.key.open(self.nonce(nonce), aad, ciphertext_and_tag).map_err(|_| CipherError)
    }

    #[inline]
    fn nonce(&self, packet: PacketNonce) -> [u8; GCM_NONCE_LEN] {
        // Two zero bytes, the SSRC, then 48 bits: the packet index, or zeros and the SRTCP index.
        let mut bytes = [0; 16];
        let value = (u128::from(packet.ssrc) << 48) | u128::from(packet.index & 0xffff_ffff_ffff);
        bytes.copy_from_slice(&value.to_be_bytes());
        let mut nonce = [0; GCM_NONCE_LEN];
        for (byte, (value, salt)) in nonce.iter_mut().zip(bytes[4..].iter().zip(&self.salt)) {
            *byte = value ^ salt;
        }
        nonce
    }
}

/// AES-128 in counter mode with HMAC-SHA1
/// ([RFC 3711 §4.1.1, §4.2](https://www.rfc-editor.org/rfc/rfc3711#section-4.1.1)).
pub(super) struct CmCipher {
    key: Aes128,
    hmac: Hmac<Sha1>,
    salt: u128,
}

impl CmCipher {
    pub(super) fn new(key: &[u8; 16], authentication: &[u8; 20], salt: [u8; 14]) -> Self {
        let mut shifted = [0; 16];
        shifted[..14].copy_from_slice(&salt);
        Self {
            key: Aes128::new(key.into()),
            hmac: <Hmac<Sha1> as Mac>::new_from_slice(authentication)
                .expect("HMAC takes a key of any length"),
            salt: u128::from_be_bytes(shifted),
        }
    }

    /// Encrypts or decrypts, which is the same.
    #[inline]
    pub(super) fn apply(&self, nonce: PacketNonce, in_out: &mut [u8]) {
        let iv = self.salt
            ^ (u128::from(nonce.ssrc) << 64)
            ^ (u128::from(nonce.index & 0xffff_ffff_ffff) << 16);
        let core = ctr::CtrCore::<&Aes128, ctr::flavors::Ctr128BE>::inner_iv_init(
            &self.key,
            &iv.to_be_bytes().into(),
        );
        StreamCipherCoreWrapper::from_core(core).apply_keystream(in_out);
    }

    /// Authenticates the protected packet and what follows it on no wire (the rollover counter).
    #[inline]
    pub(super) fn tag(&self, packet: &[u8], trailer: &[u8]) -> [u8; CM_TAG_LEN] {
        let mut hmac = self.hmac.clone();
        hmac.update(packet);
        hmac.update(trailer);
        let mut tag = [0; CM_TAG_LEN];
        tag.copy_from_slice(&hmac.finalize().into_bytes()[..CM_TAG_LEN]);
        tag
    }

    #[inline]
    pub(super) fn verify(&self, packet: &[u8], trailer: &[u8], tag: &[u8]) -> bool {
        self.tag(packet, trailer).ct_eq(tag).into()
    }
}

/// What makes a nonce unique under one key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct PacketNonce {
    pub(super) ssrc: u32,
    /// The 48-bit packet index, or the 31-bit SRTCP index.
    pub(super) index: u64,
}

/// The cipher refused: a wrong tag, or a buffer of the wrong length.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct CipherError;

pub(super) const GCM_TAG_LEN: usize = gcm::TAG_LEN;
pub(super) const CM_TAG_LEN: usize = 10;
const GCM_NONCE_LEN: usize = gcm::NONCE_LEN;
