//! STUN connectivity checks: only a check with the right integrity is answered, and never amplified.

use std::net::{Ipv4Addr, SocketAddr};

use trunkline_clock::Instant;
use trunkline_signaling::sdp::IceCredentials;
use trunkline_transport::ice::{Agent, Check};
use trunkline_transport::stun::{Builder, Class, IntegrityKey, Message, SenderRole, TransactionId};

use super::{DATAGRAM_BYTES, Target};

pub(super) const TARGET: Target = Target {
    name: "stun",
    about: "STUN binding messages: nothing is answered without the leg's password",
    run,
    samples,
    words: &[
        b"\x21\x12\xa4\x42",
        b"\x00\x06",
        b"\x00\x08\x00\x14",
        b"\x80\x28\x00\x04",
        b"\x00\x20",
        b"\x00\x25\x00\x00",
        b"\x80\x2a\x00\x08",
        b"\x7f\xff\x00\x04",
    ],
    longest_bytes: DATAGRAM_BYTES,
};

fn run(input: &[u8]) -> bool {
    let Ok(message) = Message::parse(input) else { return false };
    let _ = message.unknown_required();
    assert!(!message.is_authentic(&IntegrityKey::new(OTHER_PASSWORD)), "any password will do");
    let from = SocketAddr::from((Ipv4Addr::LOCALHOST, 40_000));
    let mut agent = Agent::new(credentials("ours", OTHER_PASSWORD), &credentials("peer", PASSWORD));
    match agent.handle_check(Instant::from_nanos(1), from, &message) {
        Check::Answered(_) => panic!("a check without the password was answered"),
        Check::Dropped(_) => {}
    }
    let mut agent = Agent::new(credentials("ours", PASSWORD), &credentials("peer", OTHER_PASSWORD));
    match agent.handle_check(Instant::from_nanos(1), from, &message) {
        Check::Answered(answered) => {
            let response = answered.response.as_bytes();
            let parsed = Message::parse(response).expect("our own response parses");
            assert_eq!(parsed.transaction_id, message.transaction_id);
            assert!(response.len() <= 128, "a response of {} bytes", response.len());
            // What was answered once from here may not open another address when replayed there.
            let elsewhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 40_001));
            let replayed = agent.handle_check(Instant::from_nanos(2), elsewhere, &message);
            assert!(matches!(replayed, Check::Dropped(_)), "a replayed check was answered");
        }
        Check::Dropped(_) => {}
    }
    true
}

fn credentials(ufrag: &str, password: &str) -> IceCredentials {
    IceCredentials::new(ufrag, password).expect("the credentials have the lengths of RFC 8839")
}

fn samples() -> Vec<Vec<u8>> {
    let key = IntegrityKey::new(PASSWORD);
    let id = TransactionId(*b"transaction1");
    let request = || {
        Builder::new(Class::Request, id)
            .username(b"ours:peer")
            .priority(1_845_501_695)
            .role(SenderRole::Controlling(7))
    };
    let mapped = SocketAddr::from((Ipv4Addr::LOCALHOST, 3_478));
    vec![
        request().finish(&key).as_bytes().to_vec(),
        request().use_candidate().finish(&key).as_bytes().to_vec(),
        Builder::new(Class::Success, id).mapped_address(mapped).finish(&key).as_bytes().to_vec(),
        Builder::new(Class::Error, id).error(487).finish(&key).as_bytes().to_vec(),
        Builder::new(Class::Indication, id).finish(&key).as_bytes().to_vec(),
    ]
}

const PASSWORD: &str = "thePasswordOfThisLeg001";
const OTHER_PASSWORD: &str = "thePasswordOfAnother0022";
