//! Every implementation against published cases and against the library.

use super::*;

/// Each implementation that this processor has, the library first.
fn implementations(key: &[u8; 16]) -> Vec<GcmKey> {
    let mut all = vec![GcmKey::library(key)];
    #[cfg(target_arch = "x86_64")]
    all.extend(WideKey::new(key).map(|key| GcmKey::Wide(Box::new(key))));
    all
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        hex.chars().map(|digit| digit.to_digit(16).unwrap().try_into().unwrap()).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// Numbers that look random and are the same each time (xorshift, Marsaglia 2003).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        self.bytes(N).try_into().unwrap()
    }
}

/// Test cases 1 to 4 of McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B.
#[test]
fn the_published_cases_come_out() {
    let key = "feffe9928665731c6d6a8f9467308308";
    let nonce = "cafebabefacedbaddecaf888";
    let text = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255";
    let sealed = "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985";
    let zeros = "00000000000000000000000000000000";
    let cases = [
        (zeros, &zeros[..24], "", "", "", "58e2fccefa7e3061367f1d57a4e7455a"),
        (
            zeros,
            &zeros[..24],
            "",
            zeros,
            "0388dace60b6a392f328c2b971b2fe78",
            "ab6e47d42cec13bdf53a67b21257bddf",
        ),
        (key, nonce, "", text, sealed, "4d5c2af327cd64a62cf35abd2ba6fab4"),
        (
            key,
            nonce,
            "feedfacedeadbeeffeedfacedeadbeefabaddad2",
            &text[..120],
            &sealed[..120],
            "5bc94fbc3221a5db94fae95ae7121a47",
        ),
    ];
    for (key, nonce, aad, text, sealed, tag) in cases {
        for key in implementations(&bytes(key).try_into().unwrap()) {
            let nonce = bytes(nonce).try_into().unwrap();
            let mut out = vec![0; text.len() / 2 + TAG_LEN];
            key.seal(nonce, &bytes(aad), &bytes(text), &mut out).unwrap();
            assert_eq!(out, [bytes(sealed), bytes(tag)].concat());
            key.open(nonce, &bytes(aad), &mut out).unwrap();
            assert_eq!(out[..text.len() / 2], bytes(text));
        }
    }
}

#[test]
fn every_length_is_sealed_as_the_library_seals_it_and_opens_again() {
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    let lengths = (0..=600).chain([1_023, 1_024, 1_025, 1_199, 1_200, 1_500, 4_096, 65_535]);
    for length in lengths {
        let key = noise.array();
        let nonce = noise.array();
        let aad_length = (noise.next() % 65) as usize;
        let aad = noise.bytes(aad_length);
        let text = noise.bytes(length);
        let mut expected = vec![0; length + TAG_LEN];
        GcmKey::library(&key).seal(nonce, &aad, &text, &mut expected).unwrap();
        for key in implementations(&key) {
            let mut out = vec![0xee; length + TAG_LEN];
            key.seal(nonce, &aad, &text, &mut out).unwrap();
            assert!(out == expected, "{length} bytes, out of place");

            let mut in_place = text.clone();
            let tag = key.seal_in_place(nonce, &aad, &mut in_place).unwrap();
            in_place.extend(tag);
            assert!(in_place == expected, "{length} bytes, in place");

            key.open(nonce, &aad, &mut in_place).unwrap();
            assert!(in_place[..length] == text, "{length} bytes, opened");
        }
    }
}

#[test]
fn every_length_of_additional_data_counts() {
    let mut noise = Noise(1);
    let (key, nonce) = (noise.array(), noise.array());
    let implementations = implementations(&key);
    for text_length in [0, 1, 16, 173, 255, 256, 257, 700] {
        let text = noise.bytes(text_length);
        for length in 0..=100 {
            let aad = noise.bytes(length);
            let seal = |key: &GcmKey| key.seal_in_place(nonce, &aad, &mut text.clone()).unwrap();
            let expected = seal(&implementations[0]);
            for key in &implementations {
                assert_eq!(seal(key), expected, "{length} bytes before {text_length}");
                let mut sealed = [text.clone(), vec![0; TAG_LEN]].concat();
                key.seal(nonce, &aad, &text, &mut sealed).unwrap();
                key.open(nonce, &aad, &mut sealed).unwrap();
            }
        }
    }
}

#[test]
fn a_bit_that_was_turned_anywhere_is_noticed_and_nothing_is_decrypted() {
    let mut noise = Noise(2);
    let (key, nonce) = (noise.array(), noise.array());
    for length in [0, 1, 31, 32, 33, 160, 256, 257, 700] {
        let aad = noise.bytes(20);
        let text = noise.bytes(length);
        for key in implementations(&key) {
            let mut sealed = vec![0; length + TAG_LEN];
            key.seal(nonce, &aad, &text, &mut sealed).unwrap();
            for bit in 0..8 * sealed.len() {
                let mut turned = sealed.clone();
                turned[bit / 8] ^= 1 << (bit % 8);
                let before = turned.clone();
                assert_eq!(key.open(nonce, &aad, &mut turned), Err(GcmError));
                let is_text = length >= 16 && turned[..length] == text[..];
                assert!(!is_text);
                if !matches!(key, GcmKey::Library(_)) {
                    assert!(turned == before, "what is not authentic stays as it came");
                }
            }
            for bit in 0..8 * aad.len() {
                let mut turned = aad.clone();
                turned[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(key.open(nonce, &turned, &mut sealed.clone()), Err(GcmError));
            }
        }
    }
}

#[test]
fn buffers_of_the_wrong_length_are_refused() {
    let nonce = [0; NONCE_LEN];
    for key in implementations(&[7; 16]) {
        assert_eq!(key.seal(nonce, &[], &[0; 4], &mut [0; 3]), Err(GcmError));
        assert_eq!(key.seal(nonce, &[], &[0; 4], &mut [0; 19]), Err(GcmError));
        assert_eq!(key.seal(nonce, &[], &[0; 4], &mut [0; 21]), Err(GcmError));
        assert_eq!(key.open(nonce, &[], &mut [0; 15]), Err(GcmError));
    }
}
