//! A network in virtual time that loses, doubles, delays and reorders messages, and can be cut.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    time::Duration,
};

use trunkline_clock::Instant;

use crate::rng::Rng;

/// How badly the network behaves.
#[derive(Clone, Debug)]
pub struct Conditions {
    /// How long a message takes; messages overtake each other when the range is wide.
    pub latency: Range<Duration>,
    /// How many of 1000 messages are lost.
    pub loss_permille: u32,
    /// How many of 1000 messages arrive twice.
    pub duplicate_permille: u32,
}

impl Conditions {
    /// A network that delivers everything once, in order, at once.
    pub fn perfect() -> Self {
        Self { latency: Duration::ZERO..Duration::ZERO, loss_permille: 0, duplicate_permille: 0 }
    }
}

/// A message that arrives.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Delivery<A, M> {
    /// Who sent it.
    pub from: A,
    /// Whom it reaches.
    pub to: A,
    /// The message.
    pub message: M,
}

/// A network between addresses `A` that carries messages `M`.
#[derive(Debug)]
pub struct VirtualNetwork<A, M> {
    rng: Rng,
    conditions: Conditions,
    cut: BTreeSet<A>,
    /// By time of arrival, then by order of sending.
    in_flight: BTreeMap<(Instant, u64), Delivery<A, M>>,
    sent: u64,
}

impl<A: Clone + Ord, M: Clone> VirtualNetwork<A, M> {
    /// Makes a network with nothing in flight.
    pub fn new(rng: Rng, conditions: Conditions) -> Self {
        Self { rng, conditions, cut: BTreeSet::new(), in_flight: BTreeMap::new(), sent: 0 }
    }

    /// Sends a message: it will arrive, arrive twice, or be lost.
    pub fn send(&mut self, now: Instant, from: A, to: A, message: M) {
        if self.cut.contains(&from) || self.rng.chance(self.conditions.loss_permille) {
            return;
        }
        let delivery = Delivery { from, to, message };
        if self.rng.chance(self.conditions.duplicate_permille) {
            self.launch(now, delivery.clone());
        }
        self.launch(now, delivery);
    }

    /// Takes the next message that has arrived; one whose receiver is cut off is lost.
    pub fn poll(&mut self, now: Instant) -> Option<Delivery<A, M>> {
        while let Some(entry) = self.in_flight.first_entry() {
            if entry.key().0 > now {
                return None;
            }
            let delivery = entry.remove();
            if !self.cut.contains(&delivery.to) {
                return Some(delivery);
            }
        }
        None
    }

    /// Changes the conditions for messages sent from here on.
    pub fn set_conditions(&mut self, conditions: Conditions) {
        self.conditions = conditions;
    }

    /// Cuts an address off: nothing it sends leaves, nothing that arrives reaches it.
    pub fn cut(&mut self, address: A) {
        self.cut.insert(address);
    }

    /// Connects an address again.
    pub fn restore(&mut self, address: &A) {
        self.cut.remove(address);
    }

    /// Returns whether an address is cut off.
    pub fn is_cut(&self, address: &A) -> bool {
        self.cut.contains(address)
    }

    /// Returns when the next message arrives.
    pub fn next(&self) -> Option<Instant> {
        self.in_flight.first_key_value().map(|((at, _), _)| *at)
    }

    fn launch(&mut self, now: Instant, delivery: Delivery<A, M>) {
        let at = now + self.rng.duration(self.conditions.latency.clone());
        self.sent += 1;
        self.in_flight.insert((at, self.sent), delivery);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(millis)
    }

    fn network(conditions: Conditions) -> VirtualNetwork<&'static str, u32> {
        VirtualNetwork::new(Rng::new(3), conditions)
    }

    fn drain(network: &mut VirtualNetwork<&'static str, u32>, now: Instant) -> Vec<u32> {
        std::iter::from_fn(|| network.poll(now)).map(|delivery| delivery.message).collect()
    }

    #[test]
    fn a_perfect_network_delivers_in_order() {
        let mut network = network(Conditions::perfect());
        for message in 0..10 {
            network.send(at(0), "a", "b", message);
        }
        assert_eq!(drain(&mut network, at(0)), (0..10).collect::<Vec<_>>());
        assert_eq!(network.next(), None);
    }

    #[test]
    fn a_bad_network_loses_doubles_and_reorders() {
        let mut network = network(Conditions {
            latency: Duration::from_millis(1)..Duration::from_millis(100),
            loss_permille: 200,
            duplicate_permille: 200,
        });
        for message in 0..1_000 {
            network.send(at(0), "a", "b", message);
        }
        assert!(drain(&mut network, at(0)).is_empty());
        let arrived = drain(&mut network, at(100));
        let distinct: BTreeSet<_> = arrived.iter().collect();
        assert!((700..900).contains(&distinct.len()), "{}", distinct.len());
        assert!(arrived.len() > distinct.len() + 50, "some arrive twice");
        assert!(!arrived.is_sorted(), "some overtake others");
    }

    #[test]
    fn nothing_leaves_or_reaches_who_is_cut_off() {
        let mut network = network(Conditions::perfect());
        network.send(at(0), "a", "b", 1);
        network.cut("b");
        network.send(at(0), "b", "a", 2);
        assert!(drain(&mut network, at(0)).is_empty());
        network.restore(&"b");
        network.send(at(0), "b", "a", 3);
        assert_eq!(drain(&mut network, at(0)), [3]);
    }
}
