//! Makes hostile inputs out of valid ones.

use crate::random::Random;
use crate::targets::Target;

/// Makes the input of one iteration.
pub fn input(target: &Target, samples: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = match random.below(32) {
        0 => noise(random, target.longest_bytes),
        1 => run(random, target.longest_bytes),
        _ => random.choose(samples).cloned().unwrap_or_default(),
    };
    let rounds = match random.below(8) {
        0 => 0,
        1..4 => 1,
        4..7 => 1 + random.below(4),
        _ => 1 + random.below(24),
    };
    for _ in 0..rounds {
        mutate(target, samples, random, &mut bytes);
    }
    bytes.truncate(target.longest_bytes);
    bytes
}

fn mutate(target: &Target, samples: &[Vec<u8>], random: &mut Random, bytes: &mut Vec<u8>) {
    let place = random.below(bytes.len());
    let end = place + random.below(bytes.len().saturating_sub(place) + 1).min(1 + random.below(64));
    match random.below(14) {
        0 | 1 => {
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 1 << random.below(8);
            }
        }
        2 => {
            if let Some(byte) = bytes.get_mut(place) {
                *byte = random.choose(&EDGES).copied().unwrap_or_default();
            }
        }
        3 => overwrite(bytes, place, &edge_word(random).to_be_bytes()[2..]),
        4 => overwrite(bytes, place, &edge_word(random).to_be_bytes()),
        5 => bytes.truncate(place),
        6 => {
            bytes.drain(place..end);
        }
        7 => {
            let copy = bytes[place..end].to_vec();
            bytes.splice(end..end, copy);
        }
        8 => {
            let extra: Vec<u8> = (0..=random.below(8)).map(|_| random.byte()).collect();
            bytes.splice(place..place, extra);
        }
        9 => {
            let other = random.choose(samples).map(Vec::as_slice).unwrap_or_default();
            let from = random.below(other.len());
            bytes.truncate(place);
            bytes.extend_from_slice(&other[from..]);
        }
        10 | 11 => {
            if let Some(word) = random.choose(target.words) {
                let until = if random.below(2) == 0 { place } else { end };
                bytes.splice(place..until, word.iter().copied());
            }
        }
        12 => {
            let copy = bytes[place..end].to_vec();
            let room = target.longest_bytes.saturating_sub(bytes.len());
            let times = random.below(room / copy.len().max(1) + 1).min(4_096);
            bytes.splice(end..end, copy.repeat(times));
        }
        _ => change_number(random, bytes, place),
    }
    // A mutation may double the input; what comes after it must not pay for that.
    bytes.truncate(target.longest_bytes.saturating_mul(2));
}

/// Replaces the decimal number at or after a place, as texts have them, by one at an edge.
fn change_number(random: &mut Random, bytes: &mut Vec<u8>, place: usize) {
    let tail = bytes.get(place..).unwrap_or_default();
    let Some(start) = tail.iter().position(u8::is_ascii_digit).map(|found| place + found) else {
        return;
    };
    let digits = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = random.choose(&NUMBERS).copied().unwrap_or_default();
    bytes.splice(start..start + digits, number.bytes());
}

fn overwrite(bytes: &mut [u8], place: usize, with: &[u8]) {
    for (byte, new) in bytes.iter_mut().skip(place).zip(with) {
        *byte = *new;
    }
}

fn edge_word(random: &mut Random) -> u32 {
    match random.below(3) {
        0 => random.choose(&WORDS).copied().unwrap_or_default(),
        1 => u32::from(random.byte()),
        _ => u32::try_from(random.draw() >> 32).unwrap_or_default(),
    }
}

fn noise(random: &mut Random, longest: usize) -> Vec<u8> {
    let length = random.below(longest.min(512) + 1);
    (0..length).map(|_| random.byte()).collect()
}

/// Repeats a short pattern up to the longest input: what recurses or is quadratic shows here.
fn run(random: &mut Random, longest: usize) -> Vec<u8> {
    let pattern: Vec<u8> = (0..=random.below(4)).map(|_| random.byte()).collect();
    let length = random.below(longest + 1);
    pattern.iter().copied().cycle().take(length).collect()
}

const EDGES: [u8; 10] = [0x00, 0x01, 0x0f, 0x10, 0x7f, 0x80, 0xbe, 0xc0, 0xfe, 0xff];

const WORDS: [u32; 12] =
    [0, 1, 2, 4, 0x7f, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

const NUMBERS: [&str; 10] = [
    "0",
    "1",
    "128",
    "255",
    "256",
    "65535",
    "65536",
    "4294967296",
    "18446744073709551616",
    "00000000000000000000000000000000000000001",
];
