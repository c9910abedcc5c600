//! AES-128-GCM with VAES and VPCLMULQDQ: two blocks to a register, sixteen under way at once.
//!
//! GHASH is computed as POLYVAL on byte-reversed blocks, whose bits stand in the order in which the
//! multiplier takes them ([RFC 8452 appendix A](https://www.rfc-editor.org/rfc/rfc8452#appendix-A)).
//! The product of up to seventeen blocks with as many powers of the key is summed up before it is
//! reduced once, as Gueron and Kounavis describe in "Intel Carry-Less Multiplication Instruction and
//! its Usage for Computing the GCM Mode". Neither table nor branch depends on key or text.

use std::arch::x86_64::{
    __m128i, __m256i, _mm_add_epi32, _mm_aesenc_si128, _mm_aesenclast_si128,
    _mm_aeskeygenassist_si128, _mm_clmulepi64_si128, _mm_cvtsi128_si64, _mm_loadu_si128,
    _mm_set_epi8, _mm_set_epi32, _mm_set_epi64x, _mm_setzero_si128, _mm_shuffle_epi8,
    _mm_shuffle_epi32, _mm_slli_si128, _mm_srli_si128, _mm_unpackhi_epi64, _mm_xor_si128,
    _mm256_add_epi32, _mm256_aesenc_epi128, _mm256_aesenclast_epi128, _mm256_broadcastsi128_si256,
    _mm256_castsi128_si256, _mm256_castsi256_si128, _mm256_clmulepi64_epi128,
    _mm256_extracti128_si256, _mm256_loadu_si256, _mm256_permute4x64_epi64, _mm256_set_epi32,
    _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_shuffle_epi32, _mm256_storeu_si256,
    _mm256_xor_si256, _mm256_zextsi128_si256,
};

use subtle::ConstantTimeEq;
use zeroize::Zeroize as _;

use super::{GcmError, NONCE_LEN, TAG_LEN};

/// An expanded key: 592 bytes.
pub(in crate::srtp) struct WideKey {
    round_keys: [u128; ROUNDS + 1],
    /// H¹⁷, H¹⁶, … H¹, each as POLYVAL wants it.
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
        let mut hash = self.hash_aad(aad);
        let lengths = lengths(aad.len(), text.length);
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
        // SAFETY: the batch takes no more than is left.
        let sum = unsafe {
            match text.length.div_ceil(32) {
                0 => Sum::zero()
                    .with(_mm256_zextsi128_si256(_mm_xor_si128(hash, lengths)), self.last_power()),
                1 => self.seal_last::<1>(&mut text, &mut counter, hash, lengths),
                2 => self.seal_last::<2>(&mut text, &mut counter, hash, lengths),
                3 => self.seal_last::<3>(&mut text, &mut counter, hash, lengths),
                4 => self.seal_last::<4>(&mut text, &mut counter, hash, lengths),
                5 => self.seal_last::<5>(&mut text, &mut counter, hash, lengths),
                6 => self.seal_last::<6>(&mut text, &mut counter, hash, lengths),
                7 => self.seal_last::<7>(&mut text, &mut counter, hash, lengths),
                _ => self.seal_last::<8>(&mut text, &mut counter, hash, lengths),
            }
        };
        to_u128(_mm_xor_si128(reversed(sum.reduced()), mask)).to_le_bytes()
    }

    /// Seals the rest, at most a batch, and adds the block of the lengths.
    ///
    /// # Safety
    /// As for `seal_batch`.
    #[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
    #[inline]
    unsafe fn seal_last<const N: usize>(
        &self,
        text: &mut Text,
        counter: &mut __m256i,
        hash: __m128i,
        lengths: __m128i,
    ) -> Sum {
        let blocks = text.length.div_ceil(16);
        // SAFETY: the caller's.
        let sum = unsafe { self.seal_batch::<N>(text, counter, hash, POWERS - 1 - blocks) };
        sum.with(_mm256_zextsi128_si256(lengths), self.last_power())
    }

    /// Seals `N` pairs of blocks, the last of which may be cut short by the end of the text, and
    /// returns the sum of their products. `first_power` is the place of the first block's power.
    ///
    /// # Safety
    /// The pointers of the text are valid for its length, which takes `N` pairs to hold.
    #[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
    #[inline]
    unsafe fn seal_batch<const N: usize>(
        &self,
        text: &mut Text,
        counter: &mut __m256i,
        hash: __m128i,
        first_power: usize,
    ) -> Sum {
        let stream = self.key_stream::<N>(counter);
        let mut sum = Sum::zero();
        let mut hash = _mm256_zextsi128_si256(hash);
        // All but the last are whole: no branch stands between their rounds, which so overlap.
        for (place, key) in stream[..N - 1].iter().enumerate() {
            // SAFETY: the caller vouches for the bytes.
            let block = unsafe { text.take_pair(*key) };
            let block = _mm256_xor_si256(reversed_pair(block), hash);
            hash = _mm256_setzero_si256();
            sum = sum.with(block, self.pair_of_powers(first_power + 2 * place));
        }
        // SAFETY: as above.
        let block = unsafe { text.take_end(stream[N - 1]) };
        let block = _mm256_xor_si256(reversed_pair(block), hash);
        sum.with(block, self.pair_of_powers(first_power + 2 * (N - 1)))
    }

    /// Returns the tag of a ciphertext.
    #[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
    #[inline]
    fn tag_of(&self, nonce: [u8; NONCE_LEN], aad: &[u8], ciphertext: &[u8]) -> [u8; TAG_LEN] {
        let mask = self.encrypt_block(first_block(nonce));
        let mut hash = self.hash_aad(aad);
        let (mut rest, mut sum) = (ciphertext, Sum::zero());
        let mut place = first_place(rest.len());
        while !rest.is_empty() {
            let mut bytes = [0; 32];
            let pair = match rest.split_first_chunk::<32>() {
                Some((chunk, after)) => {
                    rest = after;
                    load_pair(chunk)
                }
                None => {
                    bytes[..rest.len()].copy_from_slice(rest);
                    rest = &[];
                    load_pair(&bytes)
                }
            };
            let block = _mm256_xor_si256(reversed_pair(pair), _mm256_zextsi128_si256(hash));
            hash = _mm_setzero_si128();
            sum = sum.with(block, self.pair_of_powers(place));
            place += 2;
            // A whole batch is behind, and the block of the lengths is not in it.
            if place == POWERS && !rest.is_empty() {
                hash = sum.reduced();
                sum = Sum::zero();
                place = first_place(rest.len());
            }
        }
        let lengths = lengths(aad.len(), ciphertext.len());
        let last = _mm256_zextsi128_si256(_mm_xor_si128(lengths, hash));
        let sum = sum.with(last, self.last_power());
        to_u128(_mm_xor_si128(reversed(sum.reduced()), mask)).to_le_bytes()
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
        let two = _mm256_set_epi32(0, 0, 0, 2, 0, 0, 0, 2);
        let whitening = load_both(&self.round_keys[0]);
        let mut blocks = [_mm256_setzero_si256(); N];
        for block in &mut blocks {
            *block = _mm256_xor_si256(reversed_pair(*counter), whitening);
            *counter = _mm256_add_epi32(*counter, two);
        }
        for round_key in &self.round_keys[1..ROUNDS] {
            let round_key = load_both(round_key);
            for block in &mut blocks {
                *block = _mm256_aesenc_epi128(*block, round_key);
            }
        }
        let last = load_both(&self.round_keys[ROUNDS]);
        for block in &mut blocks {
            *block = _mm256_aesenclast_epi128(*block, last);
        }
        blocks
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
        hash: &mut __m128i,
    ) -> [__m256i; WIDTH] {
        let two = _mm256_set_epi32(0, 0, 0, 2, 0, 0, 0, 2);
        let whitening = load_both(&self.round_keys[0]);
        let mut blocks = [_mm256_setzero_si256(); WIDTH];
        for block in &mut blocks {
            *block = _mm256_xor_si256(reversed_pair(*counter), whitening);
            *counter = _mm256_add_epi32(*counter, two);
        }
        let mut sum = Sum::zero();
        let mut earlier = _mm256_zextsi128_si256(*hash);
        for place in 0..WIDTH {
            let round_key = load_both(&self.round_keys[1 + place]);
            for block in &mut blocks {
                *block = _mm256_aesenc_epi128(*block, round_key);
            }
            // SAFETY: the place is within the batch.
            let pair = unsafe { _mm256_loadu_si256(written.add(32 * place).cast()) };
            let pair = _mm256_xor_si256(reversed_pair(pair), earlier);
            earlier = _mm256_setzero_si256();
            sum = sum.with(pair, self.pair_of_powers(1 + 2 * place));
        }
        for round_key in &self.round_keys[1 + WIDTH..ROUNDS] {
            let round_key = load_both(round_key);
            for block in &mut blocks {
                *block = _mm256_aesenc_epi128(*block, round_key);
            }
        }
        let last = load_both(&self.round_keys[ROUNDS]);
        for block in &mut blocks {
            *block = _mm256_aesenclast_epi128(*block, last);
        }
        *hash = sum.reduced();
        blocks
    }

    /// Hashes a batch of ciphertext.
    ///
    /// # Safety
    /// A batch of bytes can be read from `written`.
    #[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
    #[inline]
    unsafe fn hash_batch(&self, written: *const u8, hash: __m128i) -> __m128i {
        let mut sum = Sum::zero();
        let mut hash = _mm256_zextsi128_si256(hash);
        for place in 0..WIDTH {
            // SAFETY: the place is within the batch.
            let pair = unsafe { _mm256_loadu_si256(written.add(32 * place).cast()) };
            let pair = _mm256_xor_si256(reversed_pair(pair), hash);
            hash = _mm256_setzero_si256();
            sum = sum.with(pair, self.pair_of_powers(1 + 2 * place));
        }
        sum.reduced()
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

    /// Hashes the additional data, which of a packet is its header: a block or two.
    #[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
    #[inline]
    fn hash_aad(&self, aad: &[u8]) -> __m128i {
        let power = load(&self.powers[POWERS - 1]);
        let mut hash = _mm_setzero_si128();
        for chunk in aad.chunks(16) {
            let mut bytes = [0; 16];
            bytes[..chunk.len()].copy_from_slice(chunk);
            let block = reversed(load(&u128::from_le_bytes(bytes)));
            hash = product(_mm_xor_si128(hash, block), power);
        }
        hash
    }

    #[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
    #[inline]
    fn pair_of_powers(&self, place: usize) -> Power {
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

impl Drop for WideKey {
    fn drop(&mut self) {
        self.round_keys.zeroize();
        self.powers.zeroize();
        self.folded.zeroize();
    }
}

/// What is yet to be read, and where it goes, which may be where it is.
struct Text {
    from: *const u8,
    to: *mut u8,
    length: usize,
}

impl Text {
    /// Applies the key stream to the next two blocks, and returns what was written.
    ///
    /// # Safety
    /// The pointers are valid for the length, which is that of two blocks or more.
    #[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
    #[inline]
    unsafe fn take_pair(&mut self, key: __m256i) -> __m256i {
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
    unsafe fn take_batch(&mut self, stream: [__m256i; WIDTH]) {
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
    unsafe fn take_end(&mut self, key: __m256i) -> __m256i {
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

/// A power for each lane, whole and with its halves added up.
#[derive(Clone, Copy)]
struct Power {
    whole: __m256i,
    folded: __m256i,
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

#[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
#[inline]
fn both_lanes(pair: __m256i) -> __m128i {
    _mm_xor_si128(_mm256_castsi256_si128(pair), _mm256_extracti128_si256::<1>(pair))
}

/// Multiplies as POLYVAL does: the product over x¹²⁸.
#[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
#[inline]
fn product(left: __m128i, right: __m128i) -> __m128i {
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
fn reduce(low: __m128i, middle: __m128i, high: __m128i) -> __m128i {
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
fn times_x(value: u128) -> u128 {
    let carry = (value >> 127).wrapping_neg();
    (value << 1) ^ (carry & ((u128::from(POLYNOMIAL_HIGH) << 64) | 1))
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

/// Returns the place of the first block's power, of so many bytes and the lengths.
fn first_place(text_bytes: usize) -> usize {
    match text_bytes > BATCH_LEN {
        true => 1,
        false => POWERS - 1 - text_bytes.div_ceil(16),
    }
}

#[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
#[inline]
fn reversed(block: __m128i) -> __m128i {
    _mm_shuffle_epi8(block, reversal())
}

#[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
#[inline]
fn reversed_pair(pair: __m256i) -> __m256i {
    _mm256_shuffle_epi8(pair, _mm256_broadcastsi128_si256(reversal()))
}

#[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
#[inline]
fn reversal() -> __m128i {
    _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
}

#[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
#[inline]
fn load(value: &u128) -> __m128i {
    // SAFETY: the value is sixteen bytes.
    unsafe { _mm_loadu_si128((&raw const *value).cast()) }
}

#[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
#[inline]
fn load_both(value: &u128) -> __m256i {
    _mm256_broadcastsi128_si256(load(value))
}

#[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
#[inline]
fn load_pair(bytes: &[u8; 32]) -> __m256i {
    // SAFETY: the array is thirty-two bytes.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

#[target_feature(enable = "aes,avx2,pclmulqdq,vaes,vpclmulqdq")]
#[inline]
fn to_u128(block: __m128i) -> u128 {
    let low = _mm_cvtsi128_si64(block).cast_unsigned();
    let high = _mm_cvtsi128_si64(_mm_unpackhi_epi64(block, block)).cast_unsigned();
    (u128::from(high) << 64) | u128::from(low)
}

/// Of AES-128.
const ROUNDS: usize = 10;

/// Registers of two blocks under way at once. The instruction has a latency of three or four cycles
/// and two of them begin in each, so that fewer leave gaps; more do not fit into sixteen registers.
const WIDTH: usize = 8;
const BATCH_LEN: usize = 32 * WIDTH;

/// A batch, and the block of the lengths behind it.
const POWERS: usize = 2 * WIDTH + 1;

/// x¹²⁷ + x¹²⁶ + x¹²¹ of the polynomial x¹²⁸ + x¹²⁷ + x¹²⁶ + x¹²¹ + 1, from x⁶⁴ on.
const POLYNOMIAL_HIGH: u64 = 0xc200_0000_0000_0000;

/// No packet is longer, and the counter of 32 bits is far from its end.
const MAX_TEXT_LEN: usize = 1 << 20;
