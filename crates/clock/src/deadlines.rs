//! One table for all deadlines of a machine.

use std::collections::{BTreeMap, BTreeSet};

use crate::Instant;

/// The deadlines of a machine, one per timer.
///
/// Setting a timer again replaces its deadline; cancelling one that is not set is fine. A timer that
/// is not pending is simply absent.
#[derive(Clone, Debug)]
pub struct Deadlines<K> {
    by_timer: BTreeMap<K, Instant>,
    by_time: BTreeSet<(Instant, K)>,
}

impl<K: Clone + Ord> Deadlines<K> {
    /// Makes an empty table.
    pub fn new() -> Self {
        Self { by_timer: BTreeMap::new(), by_time: BTreeSet::new() }
    }

    /// Sets a timer, replacing its earlier deadline.
    pub fn set(&mut self, timer: K, at: Instant) {
        if let Some(earlier) = self.by_timer.insert(timer.clone(), at) {
            self.by_time.remove(&(earlier, timer.clone()));
        }
        self.by_time.insert((at, timer));
    }

    /// Cancels a timer and returns whether it was set.
    pub fn cancel(&mut self, timer: &K) -> bool {
        match self.by_timer.remove_entry(timer) {
            Some((timer, at)) => self.by_time.remove(&(at, timer)),
            None => false,
        }
    }

    /// Takes the earliest timer that is due, if any; call again until it returns `None`.
    pub fn pop_due(&mut self, now: Instant) -> Option<K> {
        if self.by_time.first()?.0 > now {
            return None;
        }
        let (_, timer) = self.by_time.pop_first()?;
        self.by_timer.remove(&timer);
        Some(timer)
    }

    /// Cancels every timer.
    pub fn clear(&mut self) {
        self.by_timer.clear();
        self.by_time.clear();
    }

    /// Returns the earliest deadline.
    pub fn next(&self) -> Option<Instant> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Returns the deadline of a timer.
    pub fn deadline(&self, timer: &K) -> Option<Instant> {
        self.by_timer.get(timer).copied()
    }

    /// Returns how many timers are set.
    pub fn len(&self) -> usize {
        self.by_timer.len()
    }

    /// Returns whether no timer is set.
    pub fn is_empty(&self) -> bool {
        self.by_timer.is_empty()
    }
}

impl<K: Clone + Ord> Default for Deadlines<K> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    #[test]
    fn setting_a_timer_twice_replaces_it() {
        let mut deadlines = Deadlines::new();
        deadlines.set("ring", at(10));
        deadlines.set("ring", at(20));
        assert_eq!(deadlines.next(), Some(at(20)));
        assert_eq!(deadlines.pop_due(at(15)), None);
        assert_eq!(deadlines.pop_due(at(20)), Some("ring"));
        assert_eq!(deadlines.pop_due(at(20)), None);
    }

    #[test]
    fn cancelling_a_timer_that_is_not_set_is_fine() {
        let mut deadlines = Deadlines::new();
        assert!(!deadlines.cancel(&"ring"));
        deadlines.set("ring", at(10));
        assert!(deadlines.cancel(&"ring"));
        assert!(deadlines.is_empty());
        assert_eq!(deadlines.next(), None);
    }

    proptest! {
        #[test]
        fn timers_come_out_in_order_and_only_when_due(
            sets in proptest::collection::vec((0_u8..8, 0_u64..100), 0..40),
            now in 0_u64..100,
        ) {
            let mut deadlines = Deadlines::new();
            let mut expected = BTreeMap::new();
            for (timer, time) in sets {
                deadlines.set(timer, at(time));
                expected.insert(timer, time);
            }
            let mut last = 0;
            while let Some(timer) = deadlines.pop_due(at(now)) {
                let time = expected.remove(&timer).unwrap();
                prop_assert!(last <= time && time <= now);
                last = time;
            }
            prop_assert!(expected.values().all(|time| *time > now));
            prop_assert_eq!(deadlines.len(), expected.len());
        }
    }
}
