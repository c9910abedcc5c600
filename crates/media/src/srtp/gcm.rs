//! AES-128-GCM for packets ([NIST SP 800-38D](https://doi.org/10.6028/NIST.SP.800-38D)): our own
//! where the processor has the instructions for two blocks at once, the library's elsewhere.
//!
//! A library is made for records of many kilobytes and spends more on each call than a packet of
//! speech takes to encrypt. See ADR 8.

#[cfg(target_arch = "x86_64")]
mod wide;

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

#[cfg(target_arch = "x86_64")]
use self::wide::WideKey;

/// A key, expanded.
pub(super) enum GcmKey {
    Library(LessSafeKey),
    #[cfg(target_arch = "x86_64")]
    Wide(Box<WideKey>),
}

/// The tag is wrong, or a buffer is not as long as it must be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct GcmError;

impl GcmKey {
    pub(super) fn new(key: &[u8; 16]) -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(key) = WideKey::new(key) {
            return Self::Wide(Box::new(key));
        }
        Self::library(key)
    }

    fn library(key: &[u8; 16]) -> Self {
        let key = UnboundKey::new(&AES_128_GCM, key).expect("a sixteen-byte key fits AES-128");
        Self::Library(LessSafeKey::new(key))
    }

    /// Seals `plaintext` into the front of `out`, the tag behind it; `out` is exactly 16 bytes
    /// longer than `plaintext`.
    #[inline]
    pub(super) fn seal(
        &self,
        nonce: [u8; NONCE_LEN],
        aad: &[u8],
        plaintext: &[u8],
        out: &mut [u8],
    ) -> Result<(), GcmError> {
        let Some((ciphertext, tag)) = out.split_at_mut_checked(plaintext.len()) else {
            return Err(GcmError);
        };
        match self {
            Self::Library(key) => key
                .seal_out_of_place_scatter(
                    Nonce::assume_unique_for_key(nonce),
                    Aad::from(aad),
                    plaintext,
                    ciphertext,
                    &[],
                    tag,
                )
                .map_err(|_| GcmError),
            #[cfg(target_arch = "x86_64")]
            Self::Wide(key) => {
                let tag: &mut [u8; TAG_LEN] = tag.try_into().map_err(|_| GcmError)?;
                *tag = key.seal(nonce, aad, plaintext, ciphertext)?;
                Ok(())
            }
        }
    }

    /// Seals in place and returns the tag.
    #[inline]
    pub(super) fn seal_in_place(
        &self,
        nonce: [u8; NONCE_LEN],
        aad: &[u8],
        in_out: &mut [u8],
    ) -> Result<[u8; TAG_LEN], GcmError> {
        match self {
            Self::Library(key) => {
                let nonce = Nonce::assume_unique_for_key(nonce);
                let tag = key.seal_in_place_separate_tag(nonce, Aad::from(aad), in_out);
                tag.ok().and_then(|tag| tag.as_ref().try_into().ok()).ok_or(GcmError)
            }
            #[cfg(target_arch = "x86_64")]
            Self::Wide(key) => key.seal_in_place(nonce, aad, in_out),
        }
    }

    /// Opens ciphertext and tag in place. What is not authentic is not decrypted, or not left there.
    #[inline]
    pub(super) fn open(
        &self,
        nonce: [u8; NONCE_LEN],
        aad: &[u8],
        ciphertext_and_tag: &mut [u8],
    ) -> Result<(), GcmError> {
        match self {
            Self::Library(key) => {
                let nonce = Nonce::assume_unique_for_key(nonce);
                let opened = key.open_in_place(nonce, Aad::from(aad), ciphertext_and_tag);
                opened.map(|_| ()).map_err(|_| GcmError)
            }
            #[cfg(target_arch = "x86_64")]
            Self::Wide(key) => {
                let Some((ciphertext, tag)) = ciphertext_and_tag.split_last_chunk_mut::<TAG_LEN>()
                else {
                    return Err(GcmError);
                };
                key.open_in_place(nonce, aad, ciphertext, tag)
            }
        }
    }
}

pub(super) const NONCE_LEN: usize = 12;
pub(super) const TAG_LEN: usize = 16;

#[cfg(test)]
mod tests;
