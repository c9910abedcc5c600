//! The sample messages of RFC 5769, round trips, and damaged messages.

use proptest::prelude::*;

use super::*;

/// [RFC 5769 §2.1](https://www.rfc-editor.org/rfc/rfc5769#section-2.1), the sample request.
const SAMPLE_REQUEST: [u8; 108] = [
    0x00, 0x01, 0x00, 0x58, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86,
    0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x10, 0x53, 0x54, 0x55, 0x4e, 0x20, 0x74, 0x65, 0x73,
    0x74, 0x20, 0x63, 0x6c, 0x69, 0x65, 0x6e, 0x74, 0x00, 0x24, 0x00, 0x04, 0x6e, 0x00, 0x01, 0xff,
    0x80, 0x29, 0x00, 0x08, 0x93, 0x2f, 0xf9, 0xb1, 0x51, 0x26, 0x3b, 0x36, 0x00, 0x06, 0x00, 0x09,
    0x65, 0x76, 0x74, 0x6a, 0x3a, 0x68, 0x36, 0x76, 0x59, 0x20, 0x20, 0x20, 0x00, 0x08, 0x00, 0x14,
    0x9a, 0xea, 0xa7, 0x0c, 0xbf, 0xd8, 0xcb, 0x56, 0x78, 0x1e, 0xf2, 0xb5, 0xb2, 0xd3, 0xf2, 0x49,
    0xc1, 0xb5, 0x71, 0xa2, 0x80, 0x28, 0x00, 0x04, 0xe5, 0x7a, 0x3b, 0xcf,
];
const SAMPLE_PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";

#[test]
fn the_sample_request_of_rfc_5769_is_authentic() {
    let message = Message::parse(&SAMPLE_REQUEST).unwrap();
    assert_eq!(message.class, Class::Request);
    assert_eq!(message.username, Some(b"evtj:h6vY".as_slice()));
    assert_eq!(message.priority, Some(0x6e00_01ff));
    assert_eq!(message.role, Some(SenderRole::Controlled(0x932f_f9b1_5126_3b36)));
    assert!(message.is_authentic(&IntegrityKey::new(SAMPLE_PASSWORD)));
    assert!(!message.is_authentic(&IntegrityKey::new("VOkJxbRl1RmTxUk/WvJxBu")));
}

#[test]
fn every_prefix_of_a_message_is_refused() {
    for end in 0..SAMPLE_REQUEST.len() {
        assert!(Message::parse(&SAMPLE_REQUEST[..end]).is_err(), "{end} bytes");
    }
}

#[test]
fn every_flipped_bit_is_noticed() {
    let key = IntegrityKey::new(SAMPLE_PASSWORD);
    // The header of the last attribute is excepted: without its name the fingerprint is an unknown
    // attribute behind the integrity, which is ignored.
    let fingerprint_header = 100 * 8..104 * 8;
    for bit in (0..SAMPLE_REQUEST.len() * 8).filter(|bit| !fingerprint_header.contains(bit)) {
        let mut damaged = SAMPLE_REQUEST;
        damaged[bit / 8] ^= 1 << (bit % 8);
        let accepted = Message::parse(&damaged).is_ok_and(|message| message.is_authentic(&key));
        assert!(!accepted, "bit {bit}");
    }
}

#[test]
fn a_built_request_reads_back() {
    let key = IntegrityKey::new("a-password-of-an-agent");
    let built = Builder::new(Class::Request, TransactionId([7; 12]))
        .username(b"left:right")
        .priority(1_000)
        .role(SenderRole::Controlling(9))
        .use_candidate()
        .finish(&key);
    let message = Message::parse(built.as_bytes()).unwrap();
    assert!(message.is_authentic(&key) && message.use_candidate);
    assert_eq!(message.username, Some(b"left:right".as_slice()));
    assert_eq!(message.role, Some(SenderRole::Controlling(9)));
    assert_eq!(message.unknown_required(), None);
}

#[test]
fn a_response_is_smaller_than_any_request_that_earns_it() {
    let key = IntegrityKey::new("a-password-of-an-agent");
    let request = Builder::new(Class::Request, TransactionId([7; 12]))
        .username(b"abcdefgh:efgh")
        .priority(1)
        .role(SenderRole::Controlling(1))
        .finish(&key);
    for address in ["192.0.2.1:1", "[2001:db8::1]:65535"] {
        let response = Builder::new(Class::Success, TransactionId([7; 12]))
            .mapped_address(address.parse().unwrap())
            .finish(&key);
        assert!(response.as_bytes().len() <= request.as_bytes().len());
    }
}

#[test]
fn errors_carry_their_code_and_the_unknown_attribute() {
    let key = IntegrityKey::new("a-password-of-an-agent");
    let id = TransactionId([1; 12]);
    let conflict = Builder::new(Class::Error, id).error(487).finish(&key);
    assert_eq!(Message::parse(conflict.as_bytes()).unwrap().error_code, Some(487));
    let mut request = Builder::new(Class::Request, id);
    request = request.attribute(0x7777, &[1, 2, 3]);
    let request = request.finish(&key);
    assert_eq!(Message::parse(request.as_bytes()).unwrap().unknown_required(), Some(0x7777));
}

#[test]
fn attributes_after_the_integrity_are_ignored() {
    let key = IntegrityKey::new("a-password-of-an-agent");
    let built = Builder::new(Class::Request, TransactionId([7; 12])).finish(&key);
    let mut bytes = built.as_bytes()[..built.as_bytes().len() - FINGERPRINT_BYTES].to_vec();
    bytes.extend([0x00, 0x25, 0x00, 0x00]);
    let length = u16::try_from(bytes.len() - HEADER_BYTES).unwrap();
    bytes[2..4].copy_from_slice(&length.to_be_bytes());
    let message = Message::parse(&bytes).unwrap();
    assert!(message.is_authentic(&key));
    assert!(!message.use_candidate);
}

proptest! {
    #[test]
    fn mapped_addresses_round_trip(ip: u128, port: u16, id: [u8; 12], v6: bool) {
        let ip = if v6 { IpAddr::V6(ip.into()) } else { IpAddr::V4((ip as u32).into()) };
        let address = SocketAddr::new(ip, port);
        let built = Builder::new(Class::Success, TransactionId(id))
            .mapped_address(address)
            .finish(&IntegrityKey::new("x"));
        let message = Message::parse(built.as_bytes()).unwrap();
        prop_assert_eq!(message.mapped_address, Some(address));
        prop_assert_eq!(message.transaction_id, TransactionId(id));
    }

    #[test]
    fn arbitrary_attributes_never_panic(
        attributes in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut bytes = SAMPLE_REQUEST[..HEADER_BYTES].to_vec();
        bytes.extend(&attributes);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        let length = u16::try_from(bytes.len() - HEADER_BYTES).unwrap();
        bytes[2..4].copy_from_slice(&length.to_be_bytes());
        if let Ok(message) = Message::parse(&bytes) {
            let _authentic = message.is_authentic(&IntegrityKey::new("x"));
        }
    }
}
