//! A sliding window over packet indices.

/// What a window says about an index.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Arrival {
    /// Not seen before.
    Fresh,
    /// Seen before.
    Repeated,
    /// Too far behind the newest index to be known.
    TooOld,
}

/// Remembers which of the latest `64 × WORDS` indices were seen.
#[derive(Clone, Debug)]
pub struct ReplayWindow<const WORDS: usize> {
    /// One above the newest index; 0 before the first.
    next: u64,
    /// One bit for each index, at index modulo the window's length.
    seen: [u64; WORDS],
}

impl<const WORDS: usize> ReplayWindow<WORDS> {
    /// How many indices are remembered.
    pub const LEN: u64 = WORDS as u64 * 64;

    /// Makes an empty window.
    pub const fn new() -> Self {
        Self { next: 0, seen: [0; WORDS] }
    }

    /// Marks an index as seen, if it is fresh, and tells what it was.
    pub fn insert(&mut self, index: u64) -> Arrival {
        let arrival = self.check(index);
        if arrival != Arrival::Fresh {
            return arrival;
        }
        if index >= self.next {
            if index - self.next >= Self::LEN {
                self.seen = [0; WORDS];
            } else {
                for skipped in self.next..index {
                    let (word, bit) = Self::place(skipped);
                    self.seen[word] &= !bit;
                }
            }
            self.next = index + 1;
        }
        let (word, bit) = Self::place(index);
        self.seen[word] |= bit;
        arrival
    }

    /// Tells what an index would be, without marking it.
    pub fn check(&self, index: u64) -> Arrival {
        if index >= self.next {
            return Arrival::Fresh;
        }
        if self.next - index > Self::LEN {
            return Arrival::TooOld;
        }
        let (word, bit) = Self::place(index);
        if self.seen[word] & bit == 0 { Arrival::Fresh } else { Arrival::Repeated }
    }

    /// Returns the newest index seen.
    pub fn newest(&self) -> Option<u64> {
        self.next.checked_sub(1)
    }

    fn place(index: u64) -> (usize, u64) {
        ((index / 64) as usize % WORDS, 1 << (index % 64))
    }
}

impl<const WORDS: usize> Default for ReplayWindow<WORDS> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_index_is_fresh_once() {
        let mut window = ReplayWindow::<2>::new();
        assert_eq!(window.newest(), None);
        assert_eq!(window.insert(500), Arrival::Fresh);
        assert_eq!(window.insert(500), Arrival::Repeated);
        assert_eq!(window.insert(499), Arrival::Fresh);
        assert_eq!(window.insert(499), Arrival::Repeated);
        assert_eq!(window.insert(373), Arrival::Fresh);
        assert_eq!(window.insert(372), Arrival::TooOld);
        assert_eq!(window.newest(), Some(500));
    }

    proptest! {
        #[test]
        fn agrees_with_a_set(steps in proptest::collection::vec(-200i64..200, 1..300)) {
            let mut window = ReplayWindow::<2>::new();
            let mut seen = BTreeSet::new();
            let mut index = 10_000u64;
            for step in steps {
                index = index.saturating_add_signed(step);
                let newest = seen.last().copied();
                let expected = match newest {
                    Some(newest) if index + 128 <= newest => Arrival::TooOld,
                    _ if seen.contains(&index) => Arrival::Repeated,
                    _ => Arrival::Fresh,
                };
                prop_assert_eq!(window.check(index), expected);
                prop_assert_eq!(window.insert(index), expected);
                if expected == Arrival::Fresh {
                    seen.insert(index);
                }
            }
        }
    }
}
