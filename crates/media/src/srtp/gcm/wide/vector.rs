//! Blocks in registers: loaded, and turned round.

use std::arch::x86_64::{
    __m128i, __m256i, _mm_cvtsi128_si64, _mm_loadu_si128, _mm_set_epi8, _mm_shuffle_epi8,
    _mm_unpackhi_epi64, _mm256_broadcastsi128_si256, _mm256_loadu_si256, _mm256_shuffle_epi8,
};

#[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
#[inline]
pub(super) fn reversed(block: __m128i) -> __m128i {
    _mm_shuffle_epi8(block, reversal())
}

#[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
#[inline]
pub(super) fn reversed_pair(pair: __m256i) -> __m256i {
    _mm256_shuffle_epi8(pair, _mm256_broadcastsi128_si256(reversal()))
}

#[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
#[inline]
pub(super) fn reversal() -> __m128i {
    _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
}

#[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
#[inline]
pub(super) fn load(value: &u128) -> __m128i {
    // SAFETY: the value is sixteen bytes.
    unsafe { _mm_loadu_si128((&raw const *value).cast()) }
}

#[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
#[inline]
pub(super) fn load_both(value: &u128) -> __m256i {
    _mm256_broadcastsi128_si256(load(value))
}

#[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
#[inline]
pub(super) fn load_pair(bytes: &[u8; 32]) -> __m256i {
    // SAFETY: the array is thirty-two bytes.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

#[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
#[inline]
pub(super) fn to_u128(block: __m128i) -> u128 {
    let low = _mm_cvtsi128_si64(block).cast_unsigned();
    let high = _mm_cvtsi128_si64(_mm_unpackhi_epi64(block, block)).cast_unsigned();
    (u128::from(high) << 64) | u128::from(low)
}
