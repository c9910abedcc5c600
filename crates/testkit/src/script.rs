//! A script: what is to happen when, in virtual time.

use std::collections::BTreeMap;

use trunkline_clock::Instant;

/// Things to do at given times; those of the same time keep their order.
#[derive(Debug)]
pub struct Script<T> {
    steps: BTreeMap<(Instant, u64), T>,
    added: u64,
}

impl<T> Script<T> {
    /// Makes an empty script.
    pub fn new() -> Self {
        Self { steps: BTreeMap::new(), added: 0 }
    }

    /// Adds a step.
    pub fn at(&mut self, instant: Instant, step: T) {
        self.added += 1;
        self.steps.insert((instant, self.added), step);
    }

    /// Takes the next step that is due.
    pub fn poll(&mut self, now: Instant) -> Option<T> {
        let entry = self.steps.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }

    /// Returns when the next step is due.
    pub fn next(&self) -> Option<Instant> {
        self.steps.first_key_value().map(|((at, _), _)| *at)
    }
}

impl<T> Default for Script<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_come_in_the_order_of_time_then_of_adding() {
        let mut script = Script::new();
        script.at(Instant::from_nanos(5), "late");
        script.at(Instant::from_nanos(1), "first");
        script.at(Instant::from_nanos(1), "second");
        assert_eq!(script.poll(Instant::from_nanos(1)), Some("first"));
        assert_eq!(script.poll(Instant::from_nanos(1)), Some("second"));
        assert_eq!(script.poll(Instant::from_nanos(4)), None);
        assert_eq!(script.next(), Some(Instant::from_nanos(5)));
    }
}
