//! POLYVAL ([RFC 8452 §3](https://www.rfc-editor.org/rfc/rfc8452#section-3)): products that are
//! summed up, and reduced once.

use std::arch::x86_64::{
    __m128i, __m256i, _mm_clmulepi64_si128, _mm_set_epi64x, _mm_setzero_si128, _mm_shuffle_epi32,
    _mm_slli_si128, _mm_srli_si128, _mm_xor_si128, _mm256_castsi256_si128,
    _mm256_clmulepi64_epi128, _mm256_extracti128_si256, _mm256_setzero_si256, _mm256_shuffle_epi32,
    _mm256_xor_si256, _mm256_zextsi128_si256,
};

/// A power for each lane, whole and with its halves added up.
#[derive(Clone, Copy)]
pub(super) struct Power {
    pub(super) whole: __m256i,
    pub(super) folded: __m256i,
}

/// A sum of products of each lane, not reduced: of the low halves, of the high halves, and of the
/// halves added up (Karatsuba).
#[derive(Clone, Copy)]
struct Sum {
    low: __m256i,
    folded: __m256i,
    high: __m256i,
}

impl Sum {
    #[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
    #[inline]
    fn zero() -> Self {
        let zero = _mm256_setzero_si256();
        Self { low: zero, folded: zero, high: zero }
    }

    #[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
    #[inline]
    fn with(self, block: __m256i, Power { whole, folded }: Power) -> Self {
        let sides = _mm256_xor_si256(block, _mm256_shuffle_epi32::<0x4e>(block));
        let product = _mm256_clmulepi64_epi128::<0x00>(sides, folded);
        Self {
            low: _mm256_xor_si256(self.low, _mm256_clmulepi64_epi128::<0x00>(block, whole)),
            folded: _mm256_xor_si256(self.folded, product),
            high: _mm256_xor_si256(self.high, _mm256_clmulepi64_epi128::<0x11>(block, whole)),
        }
    }

    /// Adds up the lanes and reduces the sum.
    #[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
    #[inline]
    fn reduced(self) -> __m128i {
        let (low, high) = (both_lanes(self.low), both_lanes(self.high));
        let middle = _mm_xor_si128(both_lanes(self.folded), _mm_xor_si128(low, high));
        reduce(low, middle, high)
    }
}

/// What was hashed so far: the products that are not reduced yet, and what was reduced before them
/// and is yet to be added to the block that comes next.
#[derive(Clone, Copy)]
pub(super) struct Hash {
    sum: Sum,
    carried: __m128i,
}

impl Hash {
    #[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
    #[inline]
    pub(super) fn zero() -> Self {
        Self::carrying(_mm_setzero_si128())
    }

    #[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
    #[inline]
    pub(super) fn carrying(reduced: __m128i) -> Self {
        Self { sum: Sum::zero(), carried: reduced }
    }

    /// Adds the products of two blocks, which stand reversed.
    #[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
    #[inline]
    pub(super) fn with(self, pair: __m256i, power: Power) -> Self {
        let pair = _mm256_xor_si256(pair, _mm256_zextsi128_si256(self.carried));
        Self { sum: self.sum.with(pair, power), carried: _mm_setzero_si128() }
    }

    #[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
    #[inline]
    pub(super) fn reduced(self) -> Self {
        Self::carrying(self.value())
    }

    /// The hash of what was added, when nothing is carried.
    #[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
    #[inline]
    pub(super) fn value(self) -> __m128i {
        self.sum.reduced()
    }
}

#[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
#[inline]
pub(super) fn both_lanes(pair: __m256i) -> __m128i {
    _mm_xor_si128(_mm256_castsi256_si128(pair), _mm256_extracti128_si256::<1>(pair))
}

/// Multiplies as POLYVAL does: the product over x¹²⁸.
#[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
#[inline]
pub(super) fn product(left: __m128i, right: __m128i) -> __m128i {
    let middle = _mm_xor_si128(
        _mm_clmulepi64_si128::<0x01>(left, right),
        _mm_clmulepi64_si128::<0x10>(left, right),
    );
    let low = _mm_clmulepi64_si128::<0x00>(left, right);
    reduce(low, middle, _mm_clmulepi64_si128::<0x11>(left, right))
}

/// Divides by x¹²⁸ in the field, twice by x⁶⁴: what is added clears the lower half each time.
#[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
#[inline]
pub(super) fn reduce(low: __m128i, middle: __m128i, high: __m128i) -> __m128i {
    let low = _mm_xor_si128(low, _mm_slli_si128::<8>(middle));
    let high = _mm_xor_si128(high, _mm_srli_si128::<8>(middle));
    let polynomial = _mm_set_epi64x(0, POLYNOMIAL_HIGH.cast_signed());
    let swapped = _mm_shuffle_epi32::<0x4e>(low);
    let low = _mm_xor_si128(swapped, _mm_clmulepi64_si128::<0x00>(low, polynomial));
    let swapped = _mm_shuffle_epi32::<0x4e>(low);
    let low = _mm_xor_si128(swapped, _mm_clmulepi64_si128::<0x00>(low, polynomial));
    _mm_xor_si128(high, low)
}

/// Multiplies by x in POLYVAL's field (RFC 8452 §3).
pub(super) fn times_x(value: u128) -> u128 {
    let carry = (value >> 127).wrapping_neg();
    (value << 1) ^ (carry & ((u128::from(POLYNOMIAL_HIGH) << 64) | 1))
}

/// x¹²⁷ + x¹²⁶ + x¹²¹ of the polynomial x¹²⁸ + x¹²⁷ + x¹²⁶ + x¹²¹ + 1, from x⁶⁴ on.
pub(super) const POLYNOMIAL_HIGH: u64 = 0xc200_0000_0000_0000;
