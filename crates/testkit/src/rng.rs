//! Numbers that look random and repeat with their seed.

use std::{ops::Range, time::Duration};

/// The environment variable that takes a failing seed back.
pub const SEED_VARIABLE: &str = "TRUNKLINE_SEED";

/// A small generator (SplitMix64): good enough to drive tests, useless for secrets.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// Makes a generator from a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Draws 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// Draws 16 bytes, as an identifier needs them.
    pub fn uuid_bytes(&mut self) -> [u8; 16] {
        ((u128::from(self.bits()) << 64) | u128::from(self.bits())).to_be_bytes()
    }

    /// Draws a number below a bound.
    ///
    /// # Panics
    ///
    /// Panics if the bound is zero.
    pub fn below(&mut self, bound: usize) -> usize {
        assert!(bound > 0, "nothing lies below zero");
        (self.bits() % bound as u64) as usize
    }

    /// Returns true as often as the permille say.
    pub fn chance(&mut self, permille: u32) -> bool {
        self.bits() % 1_000 < u64::from(permille)
    }

    /// Draws a time from a range, which may be empty: then its start.
    pub fn duration(&mut self, range: Range<Duration>) -> Duration {
        let span = range.end.saturating_sub(range.start).as_nanos() as u64;
        let offset = if span == 0 { 0 } else { self.bits() % span };
        range.start + Duration::from_nanos(offset)
    }

    /// Draws one of several things.
    ///
    /// # Panics
    ///
    /// Panics if there are none.
    pub fn pick<'a, T>(&mut self, things: &'a [T]) -> &'a T {
        &things[self.below(things.len())]
    }
}

/// Returns the seeds of a test: `count` of them from 0 on, or the one that [`SEED_VARIABLE`] names.
///
/// # Panics
///
/// Panics if the variable is set to something that is no number.
pub fn seeds(count: u64) -> Range<u64> {
    match std::env::var(SEED_VARIABLE) {
        Ok(text) => {
            let seed = text.trim().parse().expect("the seed variable holds a number");
            seed..seed + 1
        }
        Err(_) => 0..count,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        let (mut one, mut other) = (Rng::new(7), Rng::new(7));
        let numbers: Vec<_> = (0..10).map(|_| one.bits()).collect();
        assert!(numbers.iter().all(|bits| *bits == other.bits()));
        assert_ne!(numbers[0], Rng::new(8).bits());
    }

    #[test]
    fn chances_come_about_as_often_as_they_say() {
        let mut rng = Rng::new(1);
        let hits = (0..10_000).filter(|_| rng.chance(250)).count();
        assert!((2_300..2_700).contains(&hits), "{hits}");
        assert!((0..1_000).all(|_| !rng.chance(0) && rng.chance(1_000)));
    }

    #[test]
    fn durations_stay_in_their_range() {
        let mut rng = Rng::new(1);
        let (from, to) = (Duration::from_millis(5), Duration::from_millis(9));
        assert!((0..1_000).all(|_| (from..to).contains(&rng.duration(from..to))));
        assert_eq!(rng.duration(from..from), from);
    }
}
