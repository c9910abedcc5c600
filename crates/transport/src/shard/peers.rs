//! Finds the leg of a datagram: by proven source address, or by the user name of a check.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};
use std::net::{IpAddr, SocketAddr};

use trunkline_media::router::LegId;

/// The leg of each proven address and of each user name fragment.
///
/// Only authenticated checks add addresses and each leg has a bounded number, so strangers cannot
/// make the table grow.
#[derive(Debug)]
pub(super) struct Peers {
    by_address: HashMap<AddressKey, LegId, Keyed>,
    by_ufrag: HashMap<String, LegId>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct AddressKey {
    ip: u128,
    port: u16,
}

impl Peers {
    /// Makes empty tables; `seed` must be random, so that nobody can aim for collisions.
    pub(super) fn new(seed: u64) -> Self {
        Self {
            by_address: HashMap::with_hasher(Keyed { seed: seed | 1 }),
            by_ufrag: HashMap::new(),
        }
    }

    #[inline]
    pub(super) fn at_address(&self, address: SocketAddr) -> Option<LegId> {
        self.by_address.get(&AddressKey::from(address)).copied()
    }

    pub(super) fn at_ufrag(&self, ufrag: &[u8]) -> Option<LegId> {
        self.by_ufrag.get(std::str::from_utf8(ufrag).ok()?).copied()
    }

    /// Gives an address to a leg. An address is one client's at a time: the latest proof wins.
    pub(super) fn add_address(&mut self, address: SocketAddr, leg: LegId) {
        self.by_address.insert(address.into(), leg);
    }

    /// Takes an address from a leg, unless it has passed to another.
    pub(super) fn remove_address(&mut self, address: SocketAddr, leg: LegId) {
        let key = address.into();
        if self.by_address.get(&key) == Some(&leg) {
            self.by_address.remove(&key);
        }
    }

    pub(super) fn add_ufrag(&mut self, ufrag: &str, leg: LegId) {
        self.by_ufrag.insert(ufrag.to_owned(), leg);
    }

    pub(super) fn remove_ufrag(&mut self, ufrag: &str) {
        self.by_ufrag.remove(ufrag);
    }
}

impl From<SocketAddr> for AddressKey {
    fn from(address: SocketAddr) -> Self {
        let ip = match address.ip() {
            IpAddr::V4(ip) => u128::from(ip.to_ipv6_mapped()),
            IpAddr::V6(ip) => u128::from(ip),
        };
        Self { ip, port: address.port() }
    }
}

impl std::hash::Hash for AddressKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64((self.ip >> 64) as u64);
        state.write_u64(self.ip as u64);
        state.write_u64(u64::from(self.port));
    }
}

/// A keyed hash of three words that costs three multiplications; the standard one costs as much
/// as the rest of finding a leg.
#[derive(Clone, Copy, Debug)]
struct Keyed {
    seed: u64,
}

#[derive(Debug)]
struct Folding {
    state: u64,
    seed: u64,
}

impl BuildHasher for Keyed {
    type Hasher = Folding;

    fn build_hasher(&self) -> Folding {
        Folding { state: self.seed, seed: self.seed }
    }
}

impl Hasher for Folding {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, word: u64) {
        let product = u128::from(self.state ^ word ^ MIXER)
            * u128::from(self.seed ^ MIXER.rotate_left(32) | 1);
        self.state = (product >> 64) as u64 ^ product as u64;
    }

    fn finish(&self) -> u64 {
        self.state
    }
}

/// An odd constant without structure: the fraction of the golden ratio.
const MIXER: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn neighboring_addresses_spread_over_the_table() {
        let hasher = Keyed { seed: 12_345 };
        let mut buckets = HashSet::new();
        for port in 0..4_096_u16 {
            let address = SocketAddr::from(([127, 0, 0, 1], port));
            buckets.insert(hasher.hash_one(AddressKey::from(address)) >> 52);
        }
        // 4,096 balls in 4,096 bins leave 63 % of the bins hit when they fall at random.
        assert!(buckets.len() > 2_300, "{} buckets", buckets.len());
    }

    #[test]
    fn families_of_one_address_are_the_same_client() {
        let v4 = SocketAddr::from(([192, 0, 2, 1], 9));
        let mapped = SocketAddr::new("::ffff:192.0.2.1".parse().unwrap(), 9);
        assert_eq!(AddressKey::from(v4), AddressKey::from(mapped));
    }
}
