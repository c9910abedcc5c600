//! AES-128-GCM with VAES and VPCLMULQDQ: two blocks to a register, sixteen under way at once.
//!
//! GHASH is computed as POLYVAL on byte-reversed blocks, whose bits stand in the order in which the
//! multiplier takes them ([RFC 8452 appendix A](https://www.rfc-editor.org/rfc/rfc8452#appendix-A)).
//! The product of up to nineteen blocks with as many powers of the key is summed up before it is
//! reduced once, as Gueron and Kounavis describe in "Intel Carry-Less Multiplication Instruction and
//! its Usage for Computing the GCM Mode". Neither table nor branch depends on key or text.

mod hash;
mod polyval;
mod text;
mod vector;

use std::arch::x86_64::{
    __m128i, __m256i, _mm_add_epi32, _mm_aesenc_si128, _mm_aesenclast_si128,
    _mm_aeskeygenassist_si128, _mm_set_epi32, _mm_set_epi64x, _mm_setzero_si128, _mm_shuffle_epi32,
    _mm_xor_si128, _mm256_add_epi32, _mm256_aesenc_epi128, _mm256_aesenclast_epi128,
    _mm256_broadcastsi128_si256, _mm256_loadu_si256, _mm256_set_epi32, _mm256_setzero_si256,
    _mm256_xor_si256,
};

use subtle::ConstantTimeEq;
use zeroize::Zeroize as _;

use self::{
    polyval::{Hash, product, times_x},
    text::Text,
    vector::{load, load_both, load_short_pair, reversed, reversed_pair, to_u128},
};
use super::{GcmError, NONCE_LEN, TAG_LEN};

/// An expanded key: 640 bytes.
pub(in crate::srtp) struct WideKey {
    round_keys: [u128; ROUNDS + 1],
    /// H¹⁹, H¹⁸, … H¹, each as POLYVAL wants it.
    powers: [u128; POWERS],
    /// The two halves of each added up, for Karatsuba's product.
    folded: [u64; POWERS],
}

impl WideKey {
    /// Expands a key; `None` where the processor lacks an instruction.
    pub(super) fn new(key: &[u8; 16]) -> Option<Self> {
        let has_all = is_x86_feature_detected!("aes")
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("pclmulqdq")
            && is_x86_feature_detected!("vaes")
            && is_x86_feature_detected!("vpclmulqdq");
        // SAFETY: the processor has every instruction that the function is compiled for.
        has_all.then(|| unsafe { Self::expand(key) })
    }

    /// Seals `plaintext` into `ciphertext`, which is as long, and returns the tag.
    #[inline]
    pub(super) fn seal(
        &self,
        nonce: [u8; NONCE_LEN],
        aad: &[u8],
        plaintext: &[u8],
        ciphertext: &mut [u8],
    ) -> Result<[u8; TAG_LEN], GcmError> {
        if plaintext.len() != ciphertext.len() || plaintext.len() > MAX_TEXT_LEN {
            return Err(GcmError);
        }
        let text =
            Text { from: plaintext.as_ptr(), to: ciphertext.as_mut_ptr(), length: plaintext.len() };
        // SAFETY: a key exists only where the processor has the instructions; both buffers are as
        // long as the text says, and borrowed for the call.
        Ok(unsafe { self.seal_text(nonce, aad, text) })
    }

    /// Seals in place and returns the tag.
    #[inline]
    pub(super) fn seal_in_place(
        &self,
        nonce: [u8; NONCE_LEN],
        aad: &[u8],
        in_out: &mut [u8],
    ) -> Result<[u8; TAG_LEN], GcmError> {
        if in_out.len() > MAX_TEXT_LEN {
            return Err(GcmError);
        }
        let to = in_out.as_mut_ptr();
        let text = Text { from: to, to, length: in_out.len() };
        // SAFETY: as in `seal`; reading and writing go through the one pointer.
        Ok(unsafe { self.seal_text(nonce, aad, text) })
    }

    /// Checks the tag, and only then decrypts in place.
    #[inline]
    pub(super) fn open_in_place(
        &self,
        nonce: [u8; NONCE_LEN],
        aad: &[u8],
        in_out: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), GcmError> {
        if in_out.len() > MAX_TEXT_LEN {
            return Err(GcmError);
        }
        // SAFETY: a key exists only where the processor has the instructions.
        let expected = unsafe { self.tag_of(nonce, aad, in_out) };
        if !bool::from(expected.ct_eq(tag)) {
            return Err(GcmError);
        }
        // SAFETY: as above.
        unsafe { self.decrypt(nonce, in_out) };
        Ok(())
    }

    #[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
    fn expand(key: &[u8; 16]) -> Self {
        let mut round_keys = [0; ROUNDS + 1];
        round_keys[0] = u128::from_le_bytes(*key);
        macro_rules! round {
            ($number:literal, $constant:literal) => {
                let assist = _mm_aeskeygenassist_si128::<$constant>(load(&round_keys[$number - 1]));
                round_keys[$number] = next_round_key(round_keys[$number - 1], assist);
            };
        }
        round!(1, 0x01);
        round!(2, 0x02);
        round!(3, 0x04);
        round!(4, 0x08);
        round!(5, 0x10);
        round!(6, 0x20);
        round!(7, 0x40);
        round!(8, 0x80);
        round!(9, 0x1b);
        round!(10, 0x36);

        let mut expanded = Self { round_keys, powers: [0; POWERS], folded: [0; POWERS] };
        let zero = expanded.encrypt_block(_mm_setzero_si128());
        let first = times_x(to_u128(reversed(zero)));
        let mut power = first;
        for slot in expanded.powers.iter_mut().rev() {
            *slot = power;
            power = to_u128(product(load(&power), load(&first)));
        }
        for (folded, power) in expanded.folded.iter_mut().zip(&expanded.powers) {
            *folded = (*power as u64) ^ ((*power >> 64) as u64);
        }
        expanded
    }

    /// # Safety
    /// The pointers of the text are valid for its length, for reading and for writing.
    #[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
    #[inline]
    unsafe fn seal_text(&self, nonce: [u8; NONCE_LEN], aad: &[u8], mut text: Text) -> [u8; 16] {
        let mask = self.encrypt_block(first_block(nonce));
        let mut counter = counters(nonce);
        let lengths = lengths(aad.len(), text.length);
        let mut hash = self.hash_aad(aad, text.length);
        // SAFETY: a batch is taken only where there is more, and what is hashed was written.
        unsafe {
            if text.length > BATCH_LEN {
                let mut written = text.to;
                text.take_batch(self.key_stream::<WIDTH>(&mut counter));
                while text.length > BATCH_LEN {
                    let stream = self.key_stream_while_hashing(&mut counter, written, &mut hash);
                    written = text.to;
                    text.take_batch(stream);
                }
                hash = self.hash_batch(written, hash);
            }
        }
        // SAFETY: so many pairs hold what is left.
        let (hash, key) = unsafe {
            match text.length.div_ceil(32) {
                0 => (hash, _mm256_setzero_si256()),
                1 => self.seal_but_last::<1>(&mut text, &mut counter, hash),
                2 => self.seal_but_last::<2>(&mut text, &mut counter, hash),
                3 => self.seal_but_last::<3>(&mut text, &mut counter, hash),
                4 => self.seal_but_last::<4>(&mut text, &mut counter, hash),
                5 => self.seal_but_last::<5>(&mut text, &mut counter, hash),
                6 => self.seal_but_last::<6>(&mut text, &mut counter, hash),
                7 => self.seal_but_last::<7>(&mut text, &mut counter, hash),
                _ => self.seal_but_last::<8>(&mut text, &mut counter, hash),
            }
        };
        let length = text.length;
        // SAFETY: a pair or less is left.
        let last = unsafe { text.take_end(key) };
        self.tag(self.hash_end(hash, last, length, lengths), mask)
    }

    /// Seals all of `N` pairs of blocks but the last, which may be cut short by the end of the text,
    /// and returns the key stream for that one.
    ///
    /// No branch stands between the rounds of the others, which so overlap.
    ///
    /// # Safety
    /// The pointers of the text are valid for its length, which takes `N` pairs to hold.
    #[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
    #[inline]
    unsafe fn seal_but_last<const N: usize>(
        &self,
        text: &mut Text,
        counter: &mut __m256i,
        mut hash: Hash,
    ) -> (Hash, __m256i) {
        let first_power = POWERS - 1 - text.length.div_ceil(16);
        let stream = self.key_stream::<N>(counter);
        for (place, key) in stream[..N - 1].iter().enumerate() {
            // SAFETY: the caller vouches for the bytes.
            let pair = reversed_pair(unsafe { text.take_pair(*key) });
            hash = hash.with(pair, self.pair_of_powers(first_power + 2 * place));
        }
        (hash, stream[N - 1])
    }

    /// Returns the tag of a ciphertext.
    #[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
    #[inline]
    fn tag_of(&self, nonce: [u8; NONCE_LEN], aad: &[u8], ciphertext: &[u8]) -> [u8; TAG_LEN] {
        let mask = self.encrypt_block(first_block(nonce));
        let mut hash = self.hash_aad(aad, ciphertext.len());
        let mut rest = ciphertext;
        while rest.len() > BATCH_LEN {
            // SAFETY: there are more bytes than a batch has.
            hash = unsafe { self.hash_batch(rest.as_ptr(), hash) };
            rest = &rest[BATCH_LEN..];
        }
        while rest.len() > 32 {
            // SAFETY: there are more bytes than a pair has.
            let pair = reversed_pair(unsafe { _mm256_loadu_si256(rest.as_ptr().cast()) });
            hash = hash.with(pair, self.pair_of_powers(POWERS - 1 - rest.len().div_ceil(16)));
            rest = &rest[32..];
        }
        let last = load_short_pair(rest);
        let lengths = lengths(aad.len(), ciphertext.len());
        self.tag(self.hash_end(hash, last, rest.len(), lengths), mask)
    }

    #[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
    #[inline]
    fn tag(&self, hash: Hash, mask: __m128i) -> [u8; TAG_LEN] {
        to_u128(_mm_xor_si128(reversed(hash.value()), mask)).to_le_bytes()
    }

    #[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
    #[inline]
    fn decrypt(&self, nonce: [u8; NONCE_LEN], in_out: &mut [u8]) {
        let mut counter = counters(nonce);
        let to = in_out.as_mut_ptr();
        let mut text = Text { from: to, to, length: in_out.len() };
        // SAFETY: the text is the slice; each step takes what is there.
        unsafe {
            while text.length >= BATCH_LEN {
                text.take_batch(self.key_stream::<WIDTH>(&mut counter));
            }
            for key in self.key_stream::<WIDTH>(&mut counter) {
                match text.length {
                    0 => return,
                    1..=32 => text.take_end(key),
                    _ => text.take_pair(key),
                };
            }
        }
    }

    /// Encrypts the next `N` pairs of counter blocks.
    #[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
    #[inline]
    fn key_stream<const N: usize>(&self, counter: &mut __m256i) -> [__m256i; N] {
        let mut blocks = self.whitened(counter);
        for number in 1..ROUNDS {
            self.round(&mut blocks, number);
        }
        self.finish(blocks)
    }

    /// Encrypts the counter blocks of the next batch, and hashes the batch written before: the two
    /// keep different parts of the processor busy.
    ///
    /// # Safety
    /// A batch of bytes can be read from `written`.
    #[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
    #[inline]
    unsafe fn key_stream_while_hashing(
        &self,
        counter: &mut __m256i,
        written: *const u8,
        hash: &mut Hash,
    ) -> [__m256i; WIDTH] {
        let mut blocks = self.whitened(counter);
        for place in 0..WIDTH {
            self.round(&mut blocks, 1 + place);
            // SAFETY: the place is within the batch.
            *hash = unsafe { self.add_pair(*hash, written, place) };
        }
        for number in 1 + WIDTH..ROUNDS {
            self.round(&mut blocks, number);
        }
        *hash = hash.reduced();
        self.finish(blocks)
    }

    /// The next counter blocks with the first round key.
    #[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
    #[inline]
    fn whitened<const N: usize>(&self, counter: &mut __m256i) -> [__m256i; N] {
        let two = _mm256_set_epi32(0, 0, 0, 2, 0, 0, 0, 2);
        let round_key = load_both(&self.round_keys[0]);
        let mut blocks = [_mm256_setzero_si256(); N];
        for block in &mut blocks {
            *block = _mm256_xor_si256(reversed_pair(*counter), round_key);
            *counter = _mm256_add_epi32(*counter, two);
        }
        blocks
    }

    #[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
    #[inline]
    fn round<const N: usize>(&self, blocks: &mut [__m256i; N], number: usize) {
        let round_key = load_both(&self.round_keys[number]);
        for block in blocks {
            *block = _mm256_aesenc_epi128(*block, round_key);
        }
    }

    #[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
    #[inline]
    fn finish<const N: usize>(&self, mut blocks: [__m256i; N]) -> [__m256i; N] {
        let round_key = load_both(&self.round_keys[ROUNDS]);
        for block in &mut blocks {
            *block = _mm256_aesenclast_epi128(*block, round_key);
        }
        blocks
    }

    #[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
    #[inline]
    fn encrypt_block(&self, block: __m128i) -> __m128i {
        let mut block = _mm_xor_si128(block, load(&self.round_keys[0]));
        for round_key in &self.round_keys[1..ROUNDS] {
            block = _mm_aesenc_si128(block, load(round_key));
        }
        _mm_aesenclast_si128(block, load(&self.round_keys[ROUNDS]))
    }
}

impl Drop for WideKey {
    fn drop(&mut self) {
        self.round_keys.zeroize();
        self.powers.zeroize();
        self.folded.zeroize();
    }
}

/// FIPS 197 §5.2: each word is the sum of the words before it and of what the first turned into.
#[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
#[inline]
fn next_round_key(earlier: u128, assist: __m128i) -> u128 {
    let sums = earlier ^ (earlier << 32) ^ (earlier << 64) ^ (earlier << 96);
    sums ^ to_u128(_mm_shuffle_epi32::<0xff>(assist))
}

/// The first counter block, which masks the tag.
#[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
#[inline]
fn first_block(nonce: [u8; NONCE_LEN]) -> __m128i {
    reversed(counter_of(nonce))
}

/// The second and the third counter block, reversed so that they can be counted on.
#[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
#[inline]
fn counters(nonce: [u8; NONCE_LEN]) -> __m256i {
    let first = _mm256_broadcastsi128_si256(counter_of(nonce));
    _mm256_add_epi32(first, _mm256_set_epi32(0, 0, 0, 2, 0, 0, 0, 1))
}

#[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
#[inline]
fn counter_of(nonce: [u8; NONCE_LEN]) -> __m128i {
    let mut block = [0; 16];
    block[..NONCE_LEN].copy_from_slice(&nonce);
    let reversed = u128::from_be_bytes(block);
    _mm_add_epi32(load(&reversed), _mm_set_epi32(0, 0, 0, 1))
}

/// The block of the lengths in bits, reversed.
#[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
#[inline]
fn lengths(aad_bytes: usize, text_bytes: usize) -> __m128i {
    _mm_set_epi64x((aad_bytes as i64) << 3, (text_bytes as i64) << 3)
}

/// Of AES-128.
const ROUNDS: usize = 10;

/// Registers of two blocks under way at once. The instruction has a latency of three or four cycles
/// and two of them begin in each, so that fewer leave gaps; more do not fit into sixteen registers.
const WIDTH: usize = 8;
const BATCH_LEN: usize = 32 * WIDTH;

/// Two blocks of additional data, a batch, and the block of the lengths behind it.
const POWERS: usize = 2 + 2 * WIDTH + 1;

/// The place of the power of a whole batch's first block, when the lengths do not follow.
const BATCH_POWER: usize = POWERS - 2 * WIDTH;

/// No packet is longer, and the counter of 32 bits is far from its end.
const MAX_TEXT_LEN: usize = 1 << 20;
