//! How often a peer may have tokens exchanged.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use trunkline_clock::Instant;

/// A limit on exchanges, counted for each address by itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SignInRate {
    /// How many in a window; also how many at once. Zero lets nothing through.
    pub limit: u32,
    /// The window; one of no length counts as a second.
    pub window: Duration,
}

/// Counts exchanges against limits.
#[derive(Debug)]
pub(crate) struct Rates {
    rates: Vec<SignInRate>,
    /// When a limit, by its place, would have taken all that an address asked for had that come
    /// evenly. What is not in the future says nothing.
    busy_until: Mutex<HashMap<(usize, IpAddr), Instant>>,
    peer_limit: usize,
}

impl Rates {
    pub(crate) fn new(rates: Vec<SignInRate>) -> Self {
        Self { rates, busy_until: Mutex::default(), peer_limit: PEER_LIMIT }
    }

    /// Counts an exchange, or tells in how much time one will be taken. What one limit refuses is not
    /// counted by the others.
    pub(crate) fn check(&self, now: Instant, peer: IpAddr) -> Result<(), Duration> {
        let peer = network(peer);
        // Each change is one map operation.
        let mut busy_until = self.busy_until.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = Vec::with_capacity(self.rates.len());
        for (index, rate) in self.rates.iter().enumerate() {
            let window = match rate.window.is_zero() {
                true => SHORTEST_WINDOW,
                false => rate.window,
            };
            let Some(one) = window.checked_div(rate.limit) else { return Err(window) };
            let until = busy_until.get(&(index, peer)).copied().unwrap_or(now).max(now) + one;
            let wait = until.saturating_duration_since(now).saturating_sub(window);
            if wait > Duration::ZERO {
                return Err(wait);
            }
            next.push(((index, peer), until));
        }
        busy_until.extend(next);
        if busy_until.len() > self.peer_limit {
            busy_until.retain(|_, until| now < *until);
            // Forgetting is kinder than growing: somebody gets a few exchanges more. With room for
            // as many again, whoever comes with many addresses has this done once for that many.
            if busy_until.len() > self.peer_limit / 2 {
                busy_until.clear();
            }
        }
        Ok(())
    }
}

/// Whoever has one address of IPv6 has a whole /64 of them, and many a household has 256 of those
/// ([RFC 6177 §2](https://www.rfc-editor.org/rfc/rfc6177#section-2)).
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 72)))
        }
        address @ IpAddr::V4(_) => address,
    }
}

const SHORTEST_WINDOW: Duration = Duration::from_secs(1);

/// Limits of addresses remembered at once: some 3 MB. More costs memory; fewer lets whoever comes
/// with many addresses have them forgotten sooner.
const PEER_LIMIT: usize = 50_000;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(millis)
    }

    #[test]
    fn a_burst_of_the_limit_passes_and_then_one_by_one() {
        let rate = SignInRate { limit: 5, window: Duration::from_secs(10) };
        let rates = Rates::new(vec![rate]);
        let (peer, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        assert!((0..5).all(|_| rates.check(at(0), peer).is_ok()));
        assert_eq!(rates.check(at(0), peer), Err(Duration::from_secs(2)));
        assert_eq!(rates.check(at(1_999), peer), Err(Duration::from_millis(1)));
        assert_eq!(rates.check(at(0), other), Ok(()), "another address has its own");
        assert_eq!(rates.check(at(2_000), peer), Ok(()));
        assert!(rates.check(at(2_000), peer).is_err());
        assert!((0..5).all(|_| rates.check(at(60_000), peer).is_ok()));
    }

    #[test]
    fn the_addresses_of_one_network_count_together() {
        let rates = Rates::new(vec![SignInRate { limit: 1, window: Duration::from_secs(1) }]);
        let check = |peer: &str| rates.check(at(0), peer.parse().unwrap()).is_ok();
        assert!(check("2001:db8::1"));
        assert!(!check("2001:db8::2"));
        assert!(!check("2001:db8:0:ff::1"));
        assert!(check("2001:db8:0:100::1"));
        assert!(check("192.0.2.1"));
        assert!(!check("::ffff:192.0.2.1"));
    }

    #[test]
    fn every_limit_counts_and_none_means_none() {
        let rate = |limit, seconds| SignInRate { limit, window: Duration::from_secs(seconds) };
        let rates = Rates::new(vec![rate(2, 1), rate(3, 60)]);
        let peer = "192.0.2.1".parse().unwrap();
        assert_eq!([0, 0, 1_000].map(|millis| rates.check(at(millis), peer)), [Ok(()); 3]);
        assert_eq!(rates.check(at(2_000), peer), Err(Duration::from_secs(18)));
        let free = Rates::new(Vec::new());
        assert!((0..1_000).all(|_| free.check(at(0), peer).is_ok()));
    }

    #[test]
    fn a_limit_of_nothing_refuses_everything_and_a_window_of_nothing_is_a_second() {
        let rate = |limit, seconds| SignInRate { limit, window: Duration::from_secs(seconds) };
        let peer = "192.0.2.1".parse().unwrap();
        let check = |rate: SignInRate| Rates::new(vec![rate]).check(at(0), peer);
        assert_eq!(check(rate(0, 30)), Err(Duration::from_secs(30)));
        assert_eq!(check(rate(0, 0)), Err(Duration::from_secs(1)));
        let rates = Rates::new(vec![rate(2, 0)]);
        assert_eq!([0, 0].map(|millis| rates.check(at(millis), peer)), [Ok(()); 2]);
        assert_eq!(rates.check(at(0), peer), Err(Duration::from_millis(500)));
    }

    #[test]
    fn what_is_remembered_is_looked_through_once_for_half_of_what_there_may_be() {
        let hour = SignInRate { limit: 1, window: Duration::from_secs(3_600) };
        let mut rates = Rates::new(vec![hour]);
        rates.peer_limit = 100;
        let (mut before, mut shrunk) = (0, 0);
        for number in 0..1_000 {
            rates.check(at(0), Ipv4Addr::from_bits(number).into()).unwrap();
            let known = rates.busy_until.lock().unwrap().len();
            assert!(known <= rates.peer_limit, "{known}");
            shrunk += usize::from(known < before);
            before = known;
        }
        assert_eq!(shrunk, 1_000 / 101);
        // What is over goes first; then the others are kept.
        let mut rates = Rates::new(vec![SignInRate { limit: 1, window: Duration::from_secs(1) }]);
        rates.peer_limit = 100;
        for number in 0..100 {
            let seconds = if number < 60 { 0 } else { 1 };
            rates.check(at(seconds * 1_000), Ipv4Addr::from_bits(number).into()).unwrap();
        }
        rates.check(at(1_500), Ipv4Addr::from_bits(100).into()).unwrap();
        assert_eq!(rates.busy_until.lock().unwrap().len(), 41);
    }
}
