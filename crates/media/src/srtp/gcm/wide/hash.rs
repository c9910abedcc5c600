//! What a key hashes: additional data, batches of ciphertext, and the lengths.

use std::arch::x86_64::{
    __m128i, __m256i, _mm_loadu_si128, _mm_set_epi64x, _mm_setzero_si128, _mm_xor_si128,
    _mm256_castsi128_si256, _mm256_castsi256_si128, _mm256_loadu_si256, _mm256_permute4x64_epi64,
    _mm256_zextsi128_si256,
};

use super::{
    BATCH_LEN, BATCH_POWER, POWERS, WIDTH, WideKey,
    polyval::{Hash, Power, product},
    vector::{load, load_short, load_short_pair, pair_of, reversed, reversed_pair},
};

impl WideKey {
    /// Begins the hash with the additional data, which of a packet is its header: a block or two.
    ///
    /// Those are reduced together with what follows them, a batch of the text or all of it.
    #[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
    #[inline]
    pub(super) fn hash_aad(&self, aad: &[u8], text_length: usize) -> Hash {
        let blocks = aad.len().div_ceil(16);
        if blocks == 0 {
            return Hash::zero();
        }
        let (hash, rest) = if blocks > 2 {
            let (early, rest) = aad.split_at(16 * (blocks - 2));
            (self.hash_blocks(early), rest)
        } else {
            (Hash::zero(), aad)
        };
        // A block that stands alone stands second, behind zeros.
        let pair = if blocks == 1 {
            pair_of(_mm_setzero_si128(), load_short(rest))
        } else {
            load_short_pair(rest)
        };
        let power = if text_length > BATCH_LEN {
            BATCH_POWER - 2
        } else {
            POWERS - 3 - text_length.div_ceil(16)
        };
        hash.with(reversed_pair(pair), self.pair_of_powers(power))
    }

    /// Hashes what no packet's header has: more than two blocks.
    #[cold]
    #[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
    fn hash_blocks(&self, blocks: &[u8]) -> Hash {
        let power = load(&self.powers[POWERS - 1]);
        Hash::carrying(blocks.chunks(16).fold(_mm_setzero_si128(), |hash, block| {
            product(_mm_xor_si128(hash, reversed(load_short(block))), power)
        }))
    }

    /// Adds the product of one pair of a batch.
    ///
    /// # Safety
    /// A batch of bytes can be read from `written`, and the place is within it.
    #[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
    #[inline]
    pub(super) unsafe fn add_pair(&self, hash: Hash, written: *const u8, place: usize) -> Hash {
        // SAFETY: the caller's.
        let pair = unsafe { _mm256_loadu_si256(written.add(32 * place).cast()) };
        hash.with(reversed_pair(pair), self.pair_of_powers(BATCH_POWER + 2 * place))
    }

    /// Hashes a batch of ciphertext.
    ///
    /// # Safety
    /// A batch of bytes can be read from `written`.
    #[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
    #[inline]
    pub(super) unsafe fn hash_batch(&self, written: *const u8, mut hash: Hash) -> Hash {
        for place in 0..WIDTH {
            // SAFETY: the place is within the batch.
            hash = unsafe { self.add_pair(hash, written, place) };
        }
        hash.reduced()
    }

    /// Adds what is left of the ciphertext, so many bytes with zeros behind them, and the lengths.
    #[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
    #[inline]
    pub(super) fn hash_end(
        &self,
        hash: Hash,
        last: __m256i,
        length: usize,
        lengths: __m128i,
    ) -> Hash {
        let last = reversed_pair(last);
        let alone = _mm256_zextsi128_si256(lengths);
        match length {
            0 => hash.with(alone, self.last_power()),
            1..=16 => {
                let pair = pair_of(_mm256_castsi256_si128(last), lengths);
                hash.with(pair, self.pair_of_powers(POWERS - 2))
            }
            _ => hash.with(last, self.pair_of_powers(POWERS - 3)).with(alone, self.last_power()),
        }
    }

    #[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
    #[inline]
    pub(super) fn pair_of_powers(&self, place: usize) -> Power {
        let pair = &self.powers[place..place + 2];
        let folded = &self.folded[place..place + 2];
        // SAFETY: two values of sixteen bytes are thirty-two, two of eight are sixteen.
        unsafe {
            let folded = _mm_loadu_si128(folded.as_ptr().cast());
            Power {
                whole: _mm256_loadu_si256(pair.as_ptr().cast()),
                folded: _mm256_permute4x64_epi64::<0b01_01_00_00>(_mm256_castsi128_si256(folded)),
            }
        }
    }

    /// H for the lower lane, nothing for the upper one.
    #[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
    #[inline]
    fn last_power(&self) -> Power {
        let folded = _mm_set_epi64x(0, self.folded[POWERS - 1].cast_signed());
        Power {
            whole: _mm256_zextsi128_si256(load(&self.powers[POWERS - 1])),
            folded: _mm256_zextsi128_si256(folded),
        }
    }
}
