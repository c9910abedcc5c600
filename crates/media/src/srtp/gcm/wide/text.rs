//! The text on its way through a batch.

use std::arch::x86_64::{__m256i, _mm256_loadu_si256, _mm256_storeu_si256, _mm256_xor_si256};

use super::{WIDTH, vector::load_pair};

/// What is yet to be read, and where it goes, which may be where it is.
pub(super) struct Text {
    pub(super) from: *const u8,
    pub(super) to: *mut u8,
    pub(super) length: usize,
}

impl Text {
    /// Applies the key stream to the next two blocks, and returns what was written.
    ///
    /// # Safety
    /// The pointers are valid for the length, which is that of two blocks or more.
    #[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
    #[inline]
    pub(super) unsafe fn take_pair(&mut self, key: __m256i) -> __m256i {
        // SAFETY: the caller's.
        unsafe {
            let pair = _mm256_xor_si256(_mm256_loadu_si256(self.from.cast()), key);
            _mm256_storeu_si256(self.to.cast(), pair);
            self.from = self.from.add(32);
            self.to = self.to.add(32);
            self.length -= 32;
            pair
        }
    }

    /// Applies the key stream to a batch.
    ///
    /// # Safety
    /// The pointers are valid for the length, which is that of a batch or more.
    #[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
    #[inline]
    pub(super) unsafe fn take_batch(&mut self, stream: [__m256i; WIDTH]) {
        for key in stream {
            // SAFETY: the caller's.
            let _ = unsafe { self.take_pair(key) };
        }
    }

    /// Applies the key stream to what is left, and returns what was written, with zeros behind it.
    ///
    /// # Safety
    /// The pointers are valid for the length, which is that of two blocks at most.
    #[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
    #[inline]
    pub(super) unsafe fn take_end(&mut self, key: __m256i) -> __m256i {
        if self.length == 32 {
            // SAFETY: the caller's.
            return unsafe { self.take_pair(key) };
        }
        let mut bytes = [0u8; 32];
        // SAFETY: the array is longer than what is left, and no part of the text.
        unsafe {
            self.from.copy_to_nonoverlapping(bytes.as_mut_ptr(), self.length);
            let pair = _mm256_xor_si256(load_pair(&bytes), key);
            _mm256_storeu_si256(bytes.as_mut_ptr().cast(), pair);
            bytes.as_ptr().copy_to_nonoverlapping(self.to, self.length);
        }
        bytes[self.length..].fill(0);
        self.length = 0;
        load_pair(&bytes)
    }
}
