//! Blocks in registers: loaded, and turned round.

use std::arch::x86_64::{
    __m128i, __m256i, _mm_cvtsi128_si64, _mm_loadu_si128, _mm_set_epi8, _mm_shuffle_epi8,
    _mm_unpackhi_epi64, _mm256_broadcastsi128_si256, _mm256_castsi128_si256,
    _mm256_inserti128_si256, _mm256_shuffle_epi8,
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
pub(super) fn pair_of(first: __m128i, second: __m128i) -> __m256i {
    _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(first), second)
}

/// Loads at most sixteen bytes, with zeros behind them.
///
/// Two reads that overlap take what one cannot: a copy of a length that is not known costs a call.
#[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
#[inline]
pub(super) fn load_short(bytes: &[u8]) -> __m128i {
    let value = if let Some(whole) = bytes.first_chunk::<16>() {
        u128::from_le_bytes(*whole)
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let behind = 8 * (bytes.len() - 8);
        u128::from(u64::from_le_bytes(*first)) | (u128::from(u64::from_le_bytes(*last)) << behind)
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let behind = 8 * (bytes.len() - 4);
        u128::from(u32::from_le_bytes(*first)) | (u128::from(u32::from_le_bytes(*last)) << behind)
    } else {
        bytes.iter().rev().fold(0, |value, byte| (value << 8) | u128::from(*byte))
    };
    load(&value)
}

/// Loads at most thirty-two bytes, with zeros behind them.
#[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
#[inline]
pub(super) fn load_short_pair(bytes: &[u8]) -> __m256i {
    let (first, second) = bytes.split_at(bytes.len().min(16));
    pair_of(load_short(first), load_short(second))
}

/// Stores the first bytes of a block, at most sixteen of them.
#[inline]
pub(super) fn store_short(block: u128, bytes: &mut [u8]) {
    let length = bytes.len();
    let all = block.to_le_bytes();
    if let Some(whole) = bytes.first_chunk_mut::<16>() {
        *whole = all;
    } else if length >= 8 {
        bytes[..8].copy_from_slice(&all[..8]);
        bytes[length - 8..].copy_from_slice(&(block >> (8 * (length - 8))).to_le_bytes()[..8]);
    } else if length >= 4 {
        bytes[..4].copy_from_slice(&all[..4]);
        bytes[length - 4..].copy_from_slice(&(block >> (8 * (length - 4))).to_le_bytes()[..4]);
    } else {
        for (byte, value) in bytes.iter_mut().zip(all) {
            *byte = value;
        }
    }
}

/// Only the first bytes of a block, at most sixteen, with zeros behind them.
#[inline]
pub(super) fn cut(block: u128, length: usize) -> u128 {
    block & u128::MAX.checked_shr(128 - 8 * length as u32).unwrap_or(0)
}

#[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
#[inline]
pub(super) fn to_u128(block: __m128i) -> u128 {
    let low = _mm_cvtsi128_si64(block).cast_unsigned();
    let high = _mm_cvtsi128_si64(_mm_unpackhi_epi64(block, block)).cast_unsigned();
    (u128::from(high) << 64) | u128::from(low)
}
