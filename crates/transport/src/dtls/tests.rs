//! Handshakes against the client of `rtc`, with losses, wrong certificates and damaged datagrams.

use proptest::prelude::*;
use rtc::dtls::state::State;

use super::*;

const GCM: SrtpProtectionProfile = SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm;
const CM80: SrtpProtectionProfile = SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80;
const CM32: SrtpProtectionProfile = SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_32;

struct Client {
    endpoint: Endpoint,
    identity: Identity,
}

impl Client {
    fn new(profiles: Vec<SrtpProtectionProfile>) -> Self {
        let identity = Identity::generate().unwrap();
        let config = ConfigBuilder::default()
            .with_crypto_provider(Arc::clone(&identity.provider))
            .with_certificates(vec![identity.certificate.clone()])
            .with_srtp_protection_profiles(profiles)
            .with_insecure_skip_verify(true)
            .with_extended_master_secret(ExtendedMasterSecretType::Require)
            .build(true, None)
            .unwrap();
        let mut endpoint = Endpoint::new(PEER, TransportProtocol::UDP, None);
        endpoint.connect(identity.origin, PEER, Arc::new(config), None).unwrap();
        Self { endpoint, identity }
    }

    fn take(&mut self) -> Vec<BytesMut> {
        std::iter::from_fn(|| self.endpoint.poll_transmit()).map(|sent| sent.message).collect()
    }

    fn give(&mut self, datagram: BytesMut) -> bool {
        let events = self.endpoint.read(self.identity.origin, PEER, None, datagram).unwrap();
        events.iter().any(|event| matches!(event, EndpointEvent::HandshakeComplete))
    }

    fn state(&self) -> &State {
        self.endpoint.get_connection_state(PEER).unwrap()
    }
}

fn server_for(client: &Client) -> Server {
    let identity = Arc::new(Identity::generate().unwrap());
    Server::new(identity, &[client.identity.fingerprint().clone()])
}

fn sent(server: &mut Server) -> Vec<BytesMut> {
    std::iter::from_fn(|| server.poll_transmit()).collect()
}

/// Runs to the server's verdict, and on to the client's completion where there is one.
fn shake(client: &mut Client, server: &mut Server) -> Option<Event> {
    let mut verdict = None;
    for _round in 0..10 {
        for datagram in client.take() {
            if let Some(event) = server.handle_datagram(Instant::ZERO, &datagram).unwrap() {
                verdict = Some(event);
            }
        }
        for datagram in sent(server) {
            if client.give(datagram) {
                return verdict;
            }
        }
    }
    verdict
}

fn connected(event: Option<Event>) -> (Box<SrtpKeys>, SrtpProfile) {
    match event {
        Some(Event::Connected(keys, profile)) => (keys, profile),
        other => panic!("not connected: {other:?}"),
    }
}

#[test]
fn gcm_is_chosen_even_where_the_client_lists_it_last() {
    let mut client = Client::new(vec![CM80, CM32, GCM]);
    let mut server = server_for(&client);
    let (keys, profile) = connected(shake(&mut client, &mut server));
    assert_eq!(profile, SrtpProfile::AeadAes128Gcm);
    let length = profile.keying_material_len();
    let material = client.state().export_keying_material(EXPORTER_LABEL, &[], length).unwrap();
    assert_eq!(*keys, SrtpKeys::for_dtls_server(profile, material.as_ref()).unwrap());
}

#[test]
fn cm80_is_the_fallback() {
    let mut client = Client::new(vec![CM32, CM80]);
    let mut server = server_for(&client);
    let (_, profile) = connected(shake(&mut client, &mut server));
    assert_eq!(profile, SrtpProfile::Aes128CmHmacSha1_80);
}

#[test]
fn a_client_without_a_common_profile_fails() {
    for profiles in [vec![CM32], vec![]] {
        let mut client = Client::new(profiles);
        let mut server = server_for(&client);
        let verdict = shake(&mut client, &mut server);
        assert!(matches!(verdict, Some(Event::Failed(HandshakeFailure::NoCommonProfile))));
    }
}

#[test]
fn a_certificate_other_than_the_offered_one_gets_no_keys() {
    let mut client = Client::new(vec![GCM]);
    let mut server = server_for(&Client::new(vec![GCM]));
    let mut verdict = None;
    for _round in 0..10 {
        for datagram in client.take() {
            if let Ok(Some(event)) = server.handle_datagram(Instant::ZERO, &datagram) {
                verdict = Some(event);
            }
        }
        for datagram in sent(&mut server) {
            let _alert = client.endpoint.read(client.identity.origin, PEER, None, datagram);
        }
    }
    assert!(matches!(verdict, Some(Event::Failed(HandshakeFailure::FingerprintMismatch))));
}

#[test]
fn a_lost_flight_is_sent_again_by_timer() {
    let mut client = Client::new(vec![GCM]);
    let mut server = server_for(&client);
    let mut now = Instant::ZERO;
    let mut verdict = None;
    for round in 0..12 {
        for datagram in client.take() {
            verdict = server.handle_datagram(now, &datagram).unwrap().or(verdict);
        }
        let lost = round % 2 == 0 && verdict.is_none();
        let flight = sent(&mut server);
        if lost {
            assert!(!flight.is_empty(), "round {round}");
            now = server.poll_timeout().expect("a flight is under way");
            server.handle_timeout(now);
            continue;
        }
        for datagram in flight {
            client.give(datagram);
        }
    }
    connected(verdict);
}

#[test]
fn a_lost_flight_is_sent_again_when_the_client_repeats_itself() {
    let mut client = Client::new(vec![GCM]);
    let mut server = server_for(&client);
    server.handle_datagram(Instant::ZERO, &client.take()[0]).unwrap();
    for verify_request in sent(&mut server) {
        client.give(verify_request);
    }
    let hello = client.take();
    server.handle_datagram(Instant::ZERO, &hello[0]).unwrap();
    let first = sent(&mut server);
    // A repeated record has a new record sequence number.
    let mut again = hello[0].clone();
    again[10] += 1;
    let later = Instant::ZERO + Duration::from_millis(50);
    server.handle_datagram(later, &again).unwrap();
    assert_eq!(sent(&mut server), first);
    again[10] += 1;
    server.handle_datagram(later, &again).unwrap();
    assert!(sent(&mut server).is_empty(), "repeats within a moment are answered once");
}

#[test]
fn a_hello_split_over_datagrams_is_read_in_any_order() {
    let mut client = Client::new(vec![CM80, GCM]);
    let hello = client.take().remove(0);
    let body = &hello[13 + 12..];
    let (left, right) = body.split_at(body.len() / 2);
    let fragment = |offset: usize, part: &[u8]| {
        let mut datagram = hello[..13].to_vec();
        datagram[11..13].copy_from_slice(&u16::try_from(12 + part.len()).unwrap().to_be_bytes());
        datagram.extend_from_slice(&hello[13..13 + 6]);
        datagram.extend_from_slice(&u32::try_from(offset).unwrap().to_be_bytes()[1..]);
        datagram.extend_from_slice(&u32::try_from(part.len()).unwrap().to_be_bytes()[1..]);
        datagram.extend_from_slice(part);
        datagram
    };
    let parts = [fragment(0, left), fragment(left.len(), right)];
    for order in [[0, 1], [1, 0]] {
        let mut reader = HelloReader::default();
        assert_eq!(reader.read(&parts[order[0]]), None);
        let offered = reader.read(&parts[order[1]]).unwrap();
        assert!(offered.gcm && offered.cm80);
    }
}

#[test]
fn the_end_of_the_association_is_noticed_on_both_sides() {
    let mut client = Client::new(vec![GCM]);
    let mut server = server_for(&client);
    connected(shake(&mut client, &mut server));
    client.endpoint.close(client.identity.origin).unwrap();
    let goodbye = client.take();
    let event = server.handle_datagram(Instant::ZERO, &goodbye[0]).unwrap();
    assert!(matches!(event, Some(Event::Closed)));

    let mut client = Client::new(vec![GCM]);
    let mut server = server_for(&client);
    connected(shake(&mut client, &mut server));
    server.close(Instant::ZERO);
    let goodbye = sent(&mut server);
    let origin = client.identity.origin;
    let events = client.endpoint.read(origin, PEER, None, goodbye[0].clone()).unwrap();
    assert!(events.iter().any(is_closed));
}

#[test]
fn forged_records_do_not_end_an_association() {
    let mut client = Client::new(vec![GCM]);
    let mut server = server_for(&client);
    connected(shake(&mut client, &mut server));
    for forged in [
        // A fatal alert, application data and a ChangeCipherSpec in the clear, and an alert
        // under the right epoch with a wrong tag.
        &[21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 1, 0, 0, 2, 2, 40][..],
        &[23, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 1, 1, 0, 1, 0],
        &[20, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 1, 2, 0, 1, 1],
        &[21, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 1, 2, 0, 26]
            .iter()
            .copied()
            .chain([7; 26])
            .collect::<Vec<u8>>(),
    ] {
        let outcome = server.handle_datagram(Instant::ZERO, forged);
        assert!(!matches!(outcome, Ok(Some(_))), "{forged:?}");
    }
    client.endpoint.close(client.identity.origin).unwrap();
    let goodbye = client.take();
    let event = server.handle_datagram(Instant::ZERO, &goodbye[0]).unwrap();
    assert!(matches!(event, Some(Event::Closed)), "the association is still alive");
}

#[test]
fn a_flood_of_handshake_records_is_rationed() {
    let mut client = Client::new(vec![GCM]);
    let mut server = server_for(&client);
    let hello = client.take().remove(0);
    let mut admitted = 0_usize;
    for number in 0..100_000_u32 {
        let mut datagram = hello.clone();
        datagram[7..11].copy_from_slice(&number.to_be_bytes());
        let now = Instant::ZERO + Duration::from_millis(u64::from(number));
        admitted += usize::from(server.handle_datagram(now, &datagram).is_ok());
        let _answers = sent(&mut server);
    }
    assert!(admitted * hello.len() <= 48 * 1024, "{admitted} datagrams admitted");
}

#[test]
fn every_prefix_of_every_handshake_datagram_is_refused_or_harmless() {
    let mut client = Client::new(vec![GCM]);
    let identity = Arc::new(Identity::generate().unwrap());
    let expected = [client.identity.fingerprint().clone()];
    let mut server = Server::new(Arc::clone(&identity), &expected);
    for _round in 0..10 {
        for datagram in client.take() {
            for end in 0..datagram.len() {
                let mut fresh = Server::new(Arc::clone(&identity), &expected);
                let _outcome = fresh.handle_datagram(Instant::ZERO, &datagram[..end]);
            }
            let _outcome = server.handle_datagram(Instant::ZERO, &datagram);
        }
        for datagram in sent(&mut server) {
            client.give(datagram);
        }
    }
    assert!(matches!(server.phase, Phase::Established { .. }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damaged_handshakes_never_panic(
        damage in proptest::collection::vec((0..6_usize, any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut client = Client::new(vec![CM80, GCM]);
        let mut server = server_for(&client);
        let mut number = 0;
        for _round in 0..6 {
            for mut datagram in client.take() {
                for (at, index, byte) in &damage {
                    if *at == number {
                        let place = index.index(datagram.len());
                        datagram[place] = *byte;
                    }
                }
                number += 1;
                let _outcome = server.handle_datagram(Instant::ZERO, &datagram);
            }
            for datagram in sent(&mut server) {
                let origin = client.identity.origin;
                let _outcome = client.endpoint.read(origin, PEER, None, datagram);
            }
        }
    }

    #[test]
    fn arbitrary_records_never_panic(
        records in proptest::collection::vec(
            (20_u8..24, 0_u16..3, proptest::collection::vec(any::<u8>(), 0..60)), 1..4),
    ) {
        let mut datagram = Vec::new();
        for (kind, epoch, body) in records {
            datagram.extend([kind, 0xfe, 0xfd]);
            datagram.extend(epoch.to_be_bytes());
            datagram.extend([0; 6]);
            datagram.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
            datagram.extend(body);
        }
        let mut server = server_for(&Client::new(vec![GCM]));
        let _outcome = server.handle_datagram(Instant::ZERO, &datagram);
    }
}
