//! Datagrams of DTLS records to the server's side of an association: bounded, never a panic.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use trunkline_clock::Instant;
use trunkline_signaling::sdp::{Fingerprint, FingerprintAlgorithm};
use trunkline_transport::dtls::{Event, Identity, Server};

use super::{Target, chunks, conversation};

pub(super) const TARGET: Target = Target {
    name: "dtls",
    about: "DTLS datagrams before any key is known: no association without the peer's certificate",
    run,
    samples,
    words: &[
        b"\x16\xfe\xfd",
        b"\x16\xfe\xff",
        b"\x14\xfe\xfd",
        b"\x17\xfe\xfd",
        b"\x15\xfe\xfd\x00\x00",
        b"\x00\x0e\x00\x05\x00\x02\x00\x07\x00",
        b"\x00\x01",
        b"\xc0\x2b",
        b"\x00\x00\x00",
    ],
    longest_bytes: 16 * 1024,
};

fn run(input: &[u8]) -> bool {
    let expected = Fingerprint::new(FingerprintAlgorithm::Sha256, &[7; 32]).expect("32 bytes");
    let mut server = Server::new(identity(), &[expected]);
    let mut now = Instant::from_nanos(1);
    let mut received = 0_usize;
    let mut sent = 0_usize;
    for datagram in chunks(input) {
        now = now + Duration::from_millis(20);
        received += datagram.len();
        match server.handle_datagram(now, datagram) {
            Ok(Some(Event::Connected(..))) => panic!("connected to a peer without a certificate"),
            Ok(Some(Event::Closed | Event::Failed(_)) | None) | Err(_) => {}
        }
        server.handle_timeout(now);
        while let Some(datagram) = server.poll_transmit() {
            sent += datagram.len();
        }
    }
    assert!(sent <= 16 * 1024 + 16 * received, "{received} bytes in made {sent} bytes out");
    sent > 0
}

fn identity() -> Arc<Identity> {
    static IDENTITY: OnceLock<Arc<Identity>> = OnceLock::new();
    let make = || Arc::new(Identity::generate().expect("a certificate is made without input"));
    Arc::clone(IDENTITY.get_or_init(make))
}

fn samples() -> Vec<Vec<u8>> {
    let hello = client_hello(&[0x0007, 0x0001]);
    let whole = record(0, &fragment(&hello, 0, hello.len()));
    let half = hello.len() / 2;
    let first = record(0, &fragment(&hello, 0, half));
    let second = record(1, &fragment(&hello, half, hello.len()));
    let repeated = conversation([whole.as_slice(), &whole, &whole]);
    vec![conversation([whole.as_slice()]), conversation([first.as_slice(), &second]), repeated]
}

/// The body of a ClientHello of DTLS 1.2 that offers the given SRTP profiles.
fn client_hello(profiles: &[u16]) -> Vec<u8> {
    let mut extensions = Vec::new();
    let mut extension = |kind: u16, body: &[u8]| {
        extensions.extend_from_slice(&kind.to_be_bytes());
        extensions.extend_from_slice(&length(body));
        extensions.extend_from_slice(body);
    };
    let listed: Vec<u8> = profiles.iter().flat_map(|profile| profile.to_be_bytes()).collect();
    extension(14, &[&length(&listed)[..], &listed, &[0]].concat());
    extension(10, &[0, 4, 0, 29, 0, 23]);
    extension(11, &[1, 0]);
    extension(13, &[0, 4, 4, 3, 8, 4]);
    extension(23, &[]);
    let mut body = vec![0xfe, 0xfd];
    body.extend_from_slice(&[0x11; 32]);
    // No session, no cookie, ECDHE-ECDSA and ECDHE-RSA with AES-128-GCM, no compression.
    body.extend_from_slice(&[0, 0, 0, 4, 0xc0, 0x2b, 0xc0, 0x2f, 1, 0]);
    body.extend_from_slice(&length(&extensions));
    body.extend_from_slice(&extensions);
    body
}

fn fragment(body: &[u8], from: usize, until: usize) -> Vec<u8> {
    let word = |value: usize| u32::try_from(value).unwrap_or_default().to_be_bytes();
    let mut fragment = vec![1];
    fragment.extend_from_slice(&word(body.len())[1..]);
    fragment.extend_from_slice(&[0, 0]);
    fragment.extend_from_slice(&word(from)[1..]);
    fragment.extend_from_slice(&word(until - from)[1..]);
    fragment.extend_from_slice(&body[from..until]);
    fragment
}

fn record(sequence_number: u8, fragment: &[u8]) -> Vec<u8> {
    let mut record = vec![22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, sequence_number];
    record.extend_from_slice(&length(fragment));
    record.extend_from_slice(fragment);
    record
}

fn length(bytes: &[u8]) -> [u8; 2] {
    u16::try_from(bytes.len()).unwrap_or_default().to_be_bytes()
}
