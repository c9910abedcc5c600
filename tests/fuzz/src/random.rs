//! A small generator of numbers that gives the same sequence for the same seed, everywhere.

/// SplitMix64: good enough to choose mutations, and without any state to carry but one word.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// Starts the sequence of one input: the same three numbers give the same input for ever.
    pub fn new(seed: u64, target: &str, iteration: u64) -> Self {
        let mut state = seed ^ iteration.wrapping_mul(0xd6e8_feb8_6659_fd93);
        for byte in target.bytes() {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Self { state }
    }

    /// Returns the next number.
    pub fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `end`, or zero when there is none.
    pub fn below(&mut self, end: usize) -> usize {
        match u64::try_from(end) {
            Ok(end) if end > 0 => usize::try_from(self.draw() % end).unwrap_or_default(),
            Ok(_) | Err(_) => 0,
        }
    }

    /// Returns a byte.
    pub fn byte(&mut self) -> u8 {
        self.draw().to_be_bytes()[0]
    }

    /// Returns one of the items, or `None` when there is none.
    pub fn choose<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_sequence_and_another_iteration_another() {
        let sequence = |seed, target, iteration| {
            let mut random = Random::new(seed, target, iteration);
            (0..8).map(|_| random.draw()).collect::<Vec<_>>()
        };
        assert_eq!(sequence(7, "rtp", 3), sequence(7, "rtp", 3));
        assert_ne!(sequence(7, "rtp", 3), sequence(7, "rtp", 4));
        assert_ne!(sequence(7, "rtp", 3), sequence(7, "stun", 3));
        assert_ne!(sequence(7, "rtp", 3), sequence(8, "rtp", 3));
    }
}
