//! The text on its way through a batch.

use std::arch::x86_64::{
    __m256i, _mm256_castsi256_si128, _mm256_extracti128_si256, _mm256_loadu_si256,
    _mm256_setzero_si256, _mm256_storeu_si256, _mm256_xor_si256,
};

use super::{
    WIDTH,
    vector::{cut, load, load_short_pair, pair_of, store_short, to_u128},
};

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
        match self.length {
            0 => return _mm256_setzero_si256(),
            // SAFETY: the caller's.
            32 => return unsafe { self.take_pair(key) },
            _ => {}
        }
        // SAFETY: the caller's; what is read here is not used once something was written.
        let rest = unsafe { std::slice::from_raw_parts(self.from, self.length) };
        let pair = _mm256_xor_si256(load_short_pair(rest), key);
        // SAFETY: the caller's.
        let rest = unsafe { std::slice::from_raw_parts_mut(self.to, self.length) };
        let (upper, lower) = rest.split_at_mut(self.length.min(16));
        let first = cut(to_u128(_mm256_castsi256_si128(pair)), upper.len());
        let second = cut(to_u128(_mm256_extracti128_si256::<1>(pair)), lower.len());
        store_short(first, upper);
        store_short(second, lower);
        self.length = 0;
        pair_of(load(&first), load(&second))
    }
}
