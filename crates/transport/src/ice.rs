//! An ICE-lite responder for one leg: checks credentials, learns addresses, follows nominations.
//!
//! A lite agent ([RFC 8445 §2.5](https://www.rfc-editor.org/rfc/rfc8445#section-2.5)) never sends checks; it
//! waits at its host candidates and answers. The machine owns no socket and reads no clock.

use std::net::SocketAddr;
use std::time::Duration;

use trunkline_clock::Instant;
use trunkline_signaling::sdp::IceCredentials;

use crate::stun::{Builder, Built, Class, IntegrityKey, Message, SenderRole, TransactionId};

/// The ICE side of one leg.
#[derive(Debug)]
pub struct Agent {
    generation: Generation,
    /// Valid until the peer nominates with the new credentials, so that an ICE restart never
    /// interrupts media ([RFC 8445 §9](https://www.rfc-editor.org/rfc/rfc8445#section-9)).
    previous: Option<Generation>,
    addresses: Vec<SocketAddr>,
    selected: Option<SocketAddr>,
    recent: RecentTransactions,
    last_valid: Option<Instant>,
}

#[derive(Debug)]
struct Generation {
    local: IceCredentials,
    remote_ufrag: String,
    key: IntegrityKey,
}

/// What a check led to.
#[derive(Debug)]
pub enum Check {
    /// The check is authentic and is answered.
    Answered(Box<Answered>),
    /// The check is dropped without an answer.
    Dropped(CheckFault),
}

/// An authentic check: the response, and what changed with it.
#[derive(Debug)]
pub struct Answered {
    /// The response, to be sent to the source of the check.
    pub response: Built,
    /// An address that packets of this leg may come from, known from this check on.
    pub learned: Option<SocketAddr>,
    /// An address that is no longer accepted because there were too many.
    pub forgotten: Option<SocketAddr>,
    /// Whether this check was seen for the first time, and so proves that the peer is alive.
    pub is_fresh: bool,
    /// Whether packets to the peer go to another address from this check on.
    pub is_reselected: bool,
    /// The user name fragment whose credentials ended with this check, after an ICE restart.
    pub retired_ufrag: Option<String>,
}

/// Why a check got no answer.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum CheckFault {
    /// It is not a request.
    NotARequest,
    /// A known transaction came from another address, which only a recording does.
    Replayed,
    /// The user name or the integrity is wrong or missing.
    Unauthenticated,
}

impl Agent {
    /// Makes the responder for an offer and the credentials given in its answer.
    pub fn new(local: IceCredentials, remote: &IceCredentials) -> Self {
        Self {
            generation: Generation::new(local, remote),
            previous: None,
            addresses: Vec::new(),
            selected: None,
            recent: RecentTransactions::default(),
            last_valid: None,
        }
    }

    /// Takes new credentials of both sides and returns the fragment that stopped being valid, if
    /// an earlier restart was still unfinished.
    pub fn restart(&mut self, local: IceCredentials, remote: &IceCredentials) -> Option<String> {
        let replaced = std::mem::replace(&mut self.generation, Generation::new(local, remote));
        let retired = self.previous.replace(replaced);
        retired.map(|generation| generation.local.ufrag().to_owned())
    }

    /// Handles one binding message whose user name begins with a fragment of this leg.
    pub fn handle_check(&mut self, now: Instant, from: SocketAddr, check: &Message<'_>) -> Check {
        match check.class {
            Class::Request => {}
            Class::Error | Class::Indication | Class::Success => {
                return Check::Dropped(CheckFault::NotARequest);
            }
        }
        let is_current = self.generation.authenticates(check);
        let is_previous =
            !is_current && self.previous.as_ref().is_some_and(|old| old.authenticates(check));
        let key = match (&self.previous, is_current, is_previous) {
            (_, true, _) => self.generation.key.clone(),
            (Some(previous), false, true) => previous.key.clone(),
            _ => return Check::Dropped(CheckFault::Unauthenticated),
        };
        let is_fresh = match self.recent.insert(check.transaction_id, from) {
            Seen::Never => true,
            Seen::FromHere => false,
            Seen::Elsewhere => return Check::Dropped(CheckFault::Replayed),
        };
        let mut answered = Box::new(Answered {
            response: Builder::new(Class::Success, check.transaction_id)
                .mapped_address(from)
                .finish(&key),
            learned: None,
            forgotten: None,
            is_fresh,
            is_reselected: false,
            retired_ufrag: None,
        });
        if let Some(kind) = check.unknown_required() {
            answered.response = Builder::new(Class::Error, check.transaction_id)
                .error(UNKNOWN_ATTRIBUTE)
                .unknown_attribute(kind)
                .finish(&key);
            return Check::Answered(answered);
        }
        // A lite agent is always controlled; a peer that believes the same must switch
        // ([RFC 8445 §7.3.1.1](https://www.rfc-editor.org/rfc/rfc8445#section-7.3.1.1)).
        if matches!(check.role, Some(SenderRole::Controlled(_))) {
            answered.response =
                Builder::new(Class::Error, check.transaction_id).error(ROLE_CONFLICT).finish(&key);
            return Check::Answered(answered);
        }
        if !is_fresh {
            return Check::Answered(answered);
        }
        self.last_valid = Some(now);
        self.learn(from, &mut answered);
        // Every nomination replaces the one before: a full agent that faces a lite one puts the flag
        // on the pair that it is using, so the newest is the one where the peer listens.
        let is_first = self.selected.is_none();
        if (check.use_candidate || is_first) && self.selected != Some(from) {
            self.selected = Some(from);
            answered.is_reselected = true;
        }
        if check.use_candidate && is_current {
            let retired = self.previous.take();
            answered.retired_ufrag = retired.map(|generation| generation.local.ufrag().to_owned());
        }
        Check::Answered(answered)
    }

    /// Notes that an authenticated media packet came, which is consent like a check
    /// ([RFC 7675 §5.1](https://www.rfc-editor.org/rfc/rfc7675#section-5.1) asks for one of the two kinds of proof).
    pub fn note_valid_packet(&mut self, now: Instant) {
        self.last_valid = Some(now);
    }

    /// Returns where packets to the peer go, once a check has come.
    pub fn selected(&self) -> Option<SocketAddr> {
        self.selected
    }

    /// Returns the addresses that packets of this leg may come from.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Returns the fragments under which checks of this leg may come.
    pub fn ufrags(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.generation)
            .chain(&self.previous)
            .map(|generation| generation.local.ufrag())
    }

    /// Returns when the consent runs out; `None` before the first check.
    pub fn consent_deadline(&self) -> Option<Instant> {
        self.last_valid.map(|last| last + CONSENT_TIMEOUT)
    }

    fn learn(&mut self, from: SocketAddr, answered: &mut Answered) {
        if let Some(at) = self.addresses.iter().position(|known| *known == from) {
            // Kept in order of use, so that the one given up is the one not heard from.
            self.addresses[at..].rotate_left(1);
            return;
        }
        if self.addresses.len() == MAX_ADDRESSES {
            let oldest = self.addresses.iter().position(|known| Some(*known) != self.selected);
            answered.forgotten = oldest.map(|at| self.addresses.remove(at));
        }
        self.addresses.push(from);
        answered.learned = Some(from);
    }
}

impl Generation {
    fn new(local: IceCredentials, remote: &IceCredentials) -> Self {
        let key = IntegrityKey::new(local.password());
        Self { local, remote_ufrag: remote.ufrag().to_owned(), key }
    }

    fn authenticates(&self, check: &Message<'_>) -> bool {
        let Some(username) = check.username else { return false };
        let Some((left, right)) = split_username(username) else { return false };
        left == self.local.ufrag().as_bytes()
            && right == self.remote_ufrag.as_bytes()
            && check.is_authentic(&self.key)
    }
}

/// Splits `receiver:sender`, the user name of a check ([RFC 8445 §7.2.2](https://www.rfc-editor.org/rfc/rfc8445#section-7.2.2)).
pub fn split_username(username: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = username.iter().position(|byte| *byte == b':')?;
    Some((&username[..colon], &username[colon + 1..]))
}

/// The latest transactions, each with its source, to tell a retransmission from a replay.
#[derive(Debug, Default)]
struct RecentTransactions {
    entries: Vec<(u64, SocketAddr)>,
    next: usize,
}

enum Seen {
    Elsewhere,
    FromHere,
    Never,
}

impl RecentTransactions {
    fn insert(&mut self, id: TransactionId, from: SocketAddr) -> Seen {
        // Eight of the twelve random bytes: a collision in a window of this size needs luck of
        // one in 2^56, and costs the peer one unanswered check.
        let mut short = [0; 8];
        short.copy_from_slice(&id.0[..8]);
        let short = u64::from_be_bytes(short);
        if let Some((_, source)) = self.entries.iter().find(|(known, _)| *known == short) {
            return if *source == from { Seen::FromHere } else { Seen::Elsewhere };
        }
        if self.entries.len() < RECENT_TRANSACTIONS {
            self.entries.push((short, from));
        } else {
            self.entries[self.next] = (short, from);
            self.next = (self.next + 1) % RECENT_TRANSACTIONS;
        }
        Seen::Never
    }
}

/// How long a leg counts as alive after the last authenticated packet. Chromium checks its pair
/// every 2.5 s, so one lost check is tolerated. Larger hides a lost network from the call for
/// longer; smaller makes single losses visible.
pub const CONSENT_TIMEOUT: Duration = Duration::from_secs(5);

/// A client with several interfaces checks from a handful of addresses before it nominates one.
/// More costs memory that a client controls; fewer forgets a pair that may be nominated.
const MAX_ADDRESSES: usize = 8;

/// A stable pair is checked every 2.5 s, so this remembers five minutes in 5 KB. An older recording
/// could redirect a leg's encrypted packets once, until the next check of the real client.
const RECENT_TRANSACTIONS: usize = 128;

const UNKNOWN_ATTRIBUTE: u16 = 420;
const ROLE_CONFLICT: u16 = 487;

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL_PASSWORD: &str = "local-password-0123456";

    fn credentials(ufrag: &str, password: &str) -> IceCredentials {
        IceCredentials::new(ufrag, &password.replace('-', "+")).unwrap()
    }

    fn agent() -> Agent {
        Agent::new(
            credentials("serverAA", LOCAL_PASSWORD),
            &credentials("client", "remote-password-012345"),
        )
    }

    fn key() -> IntegrityKey {
        IntegrityKey::new(&LOCAL_PASSWORD.replace('-', "+"))
    }

    fn address(last: u8) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, last], 1_000))
    }

    fn request(id: u8) -> Builder {
        Builder::new(Class::Request, TransactionId([id; 12])).username(b"serverAA:client")
    }

    fn check(agent: &mut Agent, from: SocketAddr, built: &Built) -> Check {
        agent.handle_check(Instant::ZERO, from, &Message::parse(built.as_bytes()).unwrap())
    }

    fn answered(agent: &mut Agent, from: SocketAddr, built: &Built) -> Box<Answered> {
        match check(agent, from, built) {
            Check::Answered(answered) => answered,
            Check::Dropped(fault) => panic!("dropped: {fault:?}"),
        }
    }

    #[test]
    fn an_authentic_check_is_answered_with_its_source() {
        let mut agent = agent();
        let outcome = answered(&mut agent, address(1), &request(1).finish(&key()));
        let response = Message::parse(outcome.response.as_bytes()).unwrap();
        assert_eq!(response.mapped_address, Some(address(1)));
        assert!(response.is_authentic(&key()));
        assert_eq!(outcome.learned, Some(address(1)));
        assert_eq!(agent.selected(), Some(address(1)));
    }

    #[test]
    fn unauthenticated_checks_get_nothing() {
        let mut agent = agent();
        let wrong_key = IntegrityKey::new("another");
        let foreign = Builder::new(Class::Request, TransactionId([1; 12]));
        for built in [
            request(1).finish(&wrong_key),
            Builder::new(Class::Request, TransactionId([2; 12])).finish(&key()),
            foreign.username(b"serverAA:another").finish(&key()),
        ] {
            let outcome = check(&mut agent, address(1), &built);
            assert!(matches!(outcome, Check::Dropped(CheckFault::Unauthenticated)));
        }
        let indication = Builder::new(Class::Indication, TransactionId([3; 12])).finish(&key());
        let outcome = check(&mut agent, address(1), &indication);
        assert!(matches!(outcome, Check::Dropped(CheckFault::NotARequest)));
        assert_eq!((agent.selected(), agent.consent_deadline()), (None, None));
    }

    #[test]
    fn a_nomination_from_a_new_address_moves_the_leg() {
        let mut agent = agent();
        answered(&mut agent, address(1), &request(1).use_candidate().finish(&key()));
        let plain = answered(&mut agent, address(2), &request(2).finish(&key()));
        assert!(!plain.is_reselected);
        assert_eq!(agent.selected(), Some(address(1)));
        let nominated =
            answered(&mut agent, address(2), &request(3).use_candidate().finish(&key()));
        assert!(nominated.is_reselected);
        assert_eq!(agent.selected(), Some(address(2)));
    }

    #[test]
    fn a_recorded_check_cannot_move_the_leg_or_renew_consent() {
        let mut agent = agent();
        let recorded = request(1).use_candidate().finish(&key());
        answered(&mut agent, address(1), &recorded);
        let deadline = agent.consent_deadline();
        let outcome = check(&mut agent, address(9), &recorded);
        assert!(matches!(outcome, Check::Dropped(CheckFault::Replayed)));
        let message = Message::parse(recorded.as_bytes()).unwrap();
        let later = Instant::ZERO + Duration::from_secs(3);
        let Check::Answered(again) = agent.handle_check(later, address(1), &message) else {
            panic!("a retransmission is answered");
        };
        assert!(!again.is_fresh);
        assert_eq!(agent.selected(), Some(address(1)));
        assert_eq!(agent.consent_deadline(), deadline);
    }

    #[test]
    fn a_controlled_peer_is_told_to_switch_roles() {
        let mut agent = agent();
        let built = request(1).role(SenderRole::Controlled(u64::MAX)).finish(&key());
        let outcome = answered(&mut agent, address(1), &built);
        let response = Message::parse(outcome.response.as_bytes()).unwrap();
        assert_eq!(response.error_code, Some(487));
        assert_eq!(agent.selected(), None);
    }

    #[test]
    fn addresses_are_bounded_and_the_selected_one_stays() {
        let mut agent = agent();
        answered(&mut agent, address(0), &request(0).use_candidate().finish(&key()));
        for last in 1..50 {
            answered(&mut agent, address(last), &request(last).finish(&key()));
            assert!(agent.addresses().len() <= MAX_ADDRESSES);
        }
        assert_eq!(agent.selected(), Some(address(0)));
        assert!(agent.addresses().contains(&address(0)));
        assert!(agent.addresses().contains(&address(49)));
    }

    #[test]
    fn a_restart_keeps_the_old_credentials_until_the_new_ones_are_nominated() {
        let mut agent = agent();
        answered(&mut agent, address(1), &request(1).use_candidate().finish(&key()));
        let new_password = "another-password-01234".replace('-', "+");
        let new = credentials("serverBB", &new_password);
        agent.restart(new, &credentials("client2", "remote-password-222222"));
        answered(&mut agent, address(1), &request(2).finish(&key()));
        let new_key = IntegrityKey::new(&new_password);
        let nominate = Builder::new(Class::Request, TransactionId([3; 12]))
            .username(b"serverBB:client2")
            .use_candidate()
            .finish(&new_key);
        let outcome = answered(&mut agent, address(2), &nominate);
        assert_eq!(outcome.retired_ufrag.as_deref(), Some("serverAA"));
        assert_eq!(agent.selected(), Some(address(2)));
        let old = check(&mut agent, address(1), &request(4).finish(&key()));
        assert!(matches!(old, Check::Dropped(CheckFault::Unauthenticated)));
        assert_eq!(agent.ufrags().collect::<Vec<_>>(), ["serverBB"]);
    }

    #[test]
    fn consent_runs_out_five_seconds_after_the_last_proof() {
        let mut agent = agent();
        answered(&mut agent, address(1), &request(1).finish(&key()));
        assert_eq!(agent.consent_deadline(), Some(Instant::ZERO + CONSENT_TIMEOUT));
        let later = Instant::ZERO + Duration::from_secs(2);
        agent.note_valid_packet(later);
        assert_eq!(agent.consent_deadline(), Some(later + CONSENT_TIMEOUT));
    }
}
