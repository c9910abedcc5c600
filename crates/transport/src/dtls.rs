//! The DTLS-SRTP server of one leg, over the sans-IO endpoint of `rtc`.
//!
//! What is added here: the profile is chosen by looking at the ClientHello (AES-GCM whenever the peer
//! has it, [RFC 7714 §14.2](https://www.rfc-editor.org/rfc/rfc7714#section-14.2)), records are checked and rationed before
//! they reach the endpoint, lost flights are sent again, and the peer's certificate is held against
//! the fingerprint of its offer. No socket and no clock.

use std::collections::VecDeque;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use bytes::BytesMut;
use rtc::crypto::RTCCryptoProvider;
use rtc::crypto::providers::AwsLcRsProvider;
use rtc::dtls::config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig};
use rtc::dtls::crypto::{Certificate, CryptoPrivateKey};
use rtc::dtls::endpoint::{Endpoint, EndpointEvent};
use rtc::dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc::shared::TransportProtocol;
use rtc::shared::error::Error as RtcError;
use trunkline_clock::Instant;
use trunkline_media::srtp::{SrtpKeys, SrtpProfile};
use trunkline_signaling::sdp::{Fingerprint, FingerprintAlgorithm};

pub use admission::DatagramFault;
use admission::{Admission, Kind};
use hello::HelloReader;

mod admission;
mod hello;

/// The certificate of this server and what goes with it; made once, shared by all legs.
#[derive(Clone)]
pub struct Identity {
    certificate: Certificate,
    provider: Arc<dyn RTCCryptoProvider>,
    fingerprint: Fingerprint,
    origin: std::time::Instant,
}

impl Identity {
    /// Makes a fresh self-signed ECDSA P-256 certificate, the cheapest kind to shake hands with.
    ///
    /// # Errors
    ///
    /// What the certificate library says when it fails.
    pub fn generate() -> Result<Self, IdentityError> {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)
            .map_err(|error| IdentityError(error.to_string()))?;
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, "trunkline");
        let certificate =
            params.self_signed(&key).map_err(|error| IdentityError(error.to_string()))?;
        let provider: Arc<dyn RTCCryptoProvider> = Arc::new(AwsLcRsProvider::new());
        let private_key = CryptoPrivateKey::from_key_pair(&key, provider.crypto())
            .map_err(|error| IdentityError(error.to_string()))?;
        let der = certificate.der();
        let hash = digest::digest(&digest::SHA256, der);
        let fingerprint = Fingerprint::new(FingerprintAlgorithm::Sha256, hash.as_ref())
            .expect("a sha-256 digest has the length of sha-256");
        Ok(Self {
            certificate: Certificate { certificate: vec![der.clone()], private_key },
            provider,
            fingerprint,
            origin: std::time::Instant::now(),
        })
    }

    /// Returns the hash that answers carry.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    fn config(
        &self,
        profile: SrtpProtectionProfile,
        expected: &Arc<[Fingerprint]>,
    ) -> Result<HandshakeConfig, RtcError> {
        let expected = Arc::clone(expected);
        ConfigBuilder::default()
            .with_crypto_provider(Arc::clone(&self.provider))
            .with_certificates(vec![self.certificate.clone()])
            .with_srtp_protection_profiles(vec![profile])
            .with_client_auth(ClientAuthType::RequireAnyClientCert)
            .with_insecure_skip_verify(true)
            .with_verify_peer_certificate(Some(Arc::new(move |chain, _verified| {
                match chain.first().is_some_and(|leaf| is_expected(leaf, &expected)) {
                    true => Ok(()),
                    false => Err(RtcError::ErrNoMatchingCertificateFingerprint),
                }
            })))
            .with_extended_master_secret(ExtendedMasterSecretType::Require)
            .build(false, None)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

/// Says why no certificate could be made.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot make a certificate: {0}")]
pub struct IdentityError(String);

/// The server side of one association.
///
/// After any `handle_*` or [`Self::close`] the driver drains [`Self::poll_transmit`] and re-arms its
/// timer with [`Self::poll_timeout`].
pub struct Server {
    identity: Arc<Identity>,
    expected: Arc<[Fingerprint]>,
    admission: Admission,
    phase: Phase,
    outgoing: VecDeque<BytesMut>,
}

enum Phase {
    /// The ClientHello is not complete, so the profile is not chosen.
    AwaitingHello { reader: HelloReader, held: Vec<BytesMut> },
    /// The endpoint is at work.
    Handshaking { endpoint: Endpoint, profile: SrtpProfile, flight: Flight },
    /// Keys have been exported. The endpoint stays to repeat its last flight and to notice the end.
    Established { endpoint: Endpoint },
    /// Nothing more happens.
    Ended,
}

/// The datagrams of the flight under way, to be sent again while the peer does not go on.
///
/// The endpoint's own timer cannot be relied on: a repeated message of the peer disarms it and
/// does not repeat the flight, so that one lost flight would end the handshake.
#[derive(Default)]
struct Flight {
    datagrams: Vec<BytesMut>,
    sent_at: Instant,
    repeats: u32,
}

/// What an association came to.
#[derive(Debug)]
pub enum Event {
    /// The peer ended the association.
    Closed,
    /// Keys are ready.
    Connected(Box<SrtpKeys>, SrtpProfile),
    /// The handshake cannot succeed.
    Failed(HandshakeFailure),
}

/// Why a handshake cannot succeed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HandshakeFailure {
    /// The peer's certificate is not the one of its offer.
    FingerprintMismatch,
    /// The peer has no SRTP profile that this server has.
    NoCommonProfile,
    /// The peer broke the protocol, or wants a version or cipher this server lacks.
    Protocol,
}

impl Server {
    /// Waits for a ClientHello of the peer that owns one of the fingerprinted certificates.
    pub fn new(identity: Arc<Identity>, expected: &[Fingerprint]) -> Self {
        Self {
            identity,
            expected: expected.into(),
            admission: Admission::default(),
            phase: Phase::AwaitingHello { reader: HelloReader::default(), held: Vec::new() },
            outgoing: VecDeque::new(),
        }
    }

    /// Handles one datagram of DTLS records.
    ///
    /// # Errors
    ///
    /// Why the datagram was dropped; the association is not affected.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        datagram: &[u8],
    ) -> Result<Option<Event>, DatagramFault> {
        let is_established = matches!(self.phase, Phase::Established { .. });
        let kind = self.admission.admit(now, datagram, is_established)?;
        match &mut self.phase {
            Phase::AwaitingHello { reader, held } => {
                if held.len() >= MAX_HELD_DATAGRAMS {
                    return Err(DatagramFault::Unexpected);
                }
                held.push(BytesMut::from(datagram));
                let Some(offered) = reader.read(datagram) else { return Ok(None) };
                let held = std::mem::take(held);
                self.start(now, offered.preferred(), held)
            }
            Phase::Handshaking { endpoint, flight, .. } => {
                let std_now = self.identity.origin + Duration::from_nanos(now.as_nanos());
                let outcome = endpoint.read(std_now, PEER, None, BytesMut::from(datagram));
                let is_answered = flight.collect(now, endpoint, &mut self.outgoing);
                if !is_answered && kind == Kind::Handshake {
                    flight.repeat_early(now, &mut self.outgoing);
                }
                Ok(self.judge(outcome))
            }
            Phase::Established { endpoint } => {
                let std_now = self.identity.origin + Duration::from_nanos(now.as_nanos());
                let outcome = endpoint.read(std_now, PEER, None, BytesMut::from(datagram));
                drain(endpoint, &mut self.outgoing);
                match outcome {
                    Ok(events) if events.iter().any(is_closed) => {
                        self.phase = Phase::Ended;
                        Ok(Some(Event::Closed))
                    }
                    // Application data has no channel to go to: data sections are rejected.
                    Ok(_) => Ok(None),
                    Err(_) => Err(DatagramFault::Unexpected),
                }
            }
            Phase::Ended => Err(DatagramFault::Unexpected),
        }
    }

    /// Sends the flight again when it is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if let Phase::Handshaking { flight, .. } = &mut self.phase
            && flight.due().is_some_and(|due| due <= now)
        {
            flight.repeat(now, &mut self.outgoing);
        }
    }

    /// Tells the peer that the association ends, if there is one.
    pub fn close(&mut self, now: Instant) {
        let std_now = self.identity.origin + Duration::from_nanos(now.as_nanos());
        match &mut self.phase {
            Phase::Handshaking { endpoint, .. } | Phase::Established { endpoint } => {
                let _connection = endpoint.stop(std_now, PEER);
                drain(endpoint, &mut self.outgoing);
            }
            Phase::AwaitingHello { .. } | Phase::Ended => {}
        }
        self.phase = Phase::Ended;
    }

    /// Takes the next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<BytesMut> {
        self.outgoing.pop_front()
    }

    /// Returns when [`Self::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Handshaking { flight, .. } => flight.due(),
            Phase::AwaitingHello { .. } | Phase::Established { .. } | Phase::Ended => None,
        }
    }

    fn start(
        &mut self,
        now: Instant,
        profile: Option<SrtpProfile>,
        held: Vec<BytesMut>,
    ) -> Result<Option<Event>, DatagramFault> {
        let Some(profile) = profile else {
            self.phase = Phase::Ended;
            return Ok(Some(Event::Failed(HandshakeFailure::NoCommonProfile)));
        };
        let rtc_profile = match profile {
            SrtpProfile::AeadAes128Gcm => SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
            SrtpProfile::Aes128CmHmacSha1_80 => SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
        };
        let Ok(config) = self.identity.config(rtc_profile, &self.expected) else {
            self.phase = Phase::Ended;
            return Ok(Some(Event::Failed(HandshakeFailure::Protocol)));
        };
        let mut endpoint = Endpoint::new(PEER, TransportProtocol::UDP, Some(Arc::new(config)));
        let mut flight = Flight::default();
        let std_now = self.identity.origin + Duration::from_nanos(now.as_nanos());
        let mut outcome = Ok(Vec::new());
        for datagram in held {
            outcome = endpoint.read(std_now, PEER, None, datagram);
            flight.collect(now, &mut endpoint, &mut self.outgoing);
            if outcome.is_err() {
                break;
            }
        }
        self.phase = Phase::Handshaking { endpoint, profile, flight };
        Ok(self.judge(outcome))
    }

    /// Turns what the endpoint said during the handshake into an event.
    fn judge(&mut self, outcome: Result<Vec<EndpointEvent>, RtcError>) -> Option<Event> {
        let failure = match outcome {
            Ok(events) if events.iter().any(is_closed) => {
                self.phase = Phase::Ended;
                return Some(Event::Closed);
            }
            Ok(events) => {
                if !events.iter().any(|event| matches!(event, EndpointEvent::HandshakeComplete)) {
                    return None;
                }
                match self.establish() {
                    Ok(event) => return Some(event),
                    Err(failure) => failure,
                }
            }
            Err(RtcError::ErrNoMatchingCertificateFingerprint) => {
                HandshakeFailure::FingerprintMismatch
            }
            Err(error) => {
                tracing::debug!(%error, "dtls handshake failed");
                HandshakeFailure::Protocol
            }
        };
        self.phase = Phase::Ended;
        Some(Event::Failed(failure))
    }

    fn establish(&mut self) -> Result<Event, HandshakeFailure> {
        match std::mem::replace(&mut self.phase, Phase::Ended) {
            Phase::Handshaking { endpoint, profile, flight: _ } => {
                let state =
                    endpoint.get_connection_state(PEER).ok_or(HandshakeFailure::Protocol)?;
                // The handshake has checked this already; keys are worth a second look.
                let leaf = state.peer_certificates.first();
                if !leaf.is_some_and(|leaf| is_expected(leaf, &self.expected)) {
                    return Err(HandshakeFailure::FingerprintMismatch);
                }
                let negotiated = match state.srtp_protection_profile() {
                    SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm => SrtpProfile::AeadAes128Gcm,
                    SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80 => {
                        SrtpProfile::Aes128CmHmacSha1_80
                    }
                    // The foreign enum is non-exhaustive; nothing else was offered.
                    _ => return Err(HandshakeFailure::NoCommonProfile),
                };
                if negotiated != profile {
                    return Err(HandshakeFailure::NoCommonProfile);
                }
                let material = state
                    .export_keying_material(EXPORTER_LABEL, &[], profile.keying_material_len())
                    .map_err(|_error| HandshakeFailure::Protocol)?;
                let keys = SrtpKeys::for_dtls_server(profile, material.as_ref())
                    .map_err(|_error| HandshakeFailure::Protocol)?;
                self.phase = Phase::Established { endpoint };
                Ok(Event::Connected(Box::new(keys), profile))
            }
            Phase::AwaitingHello { .. } | Phase::Established { .. } | Phase::Ended => {
                Err(HandshakeFailure::Protocol)
            }
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = match &self.phase {
            Phase::AwaitingHello { .. } => "awaiting hello",
            Phase::Handshaking { .. } => "handshaking",
            Phase::Established { .. } => "established",
            Phase::Ended => "ended",
        };
        f.debug_struct("Server").field("phase", &phase).finish_non_exhaustive()
    }
}

impl Flight {
    /// Takes what the endpoint wants to send; a new flight replaces the one before. Returns
    /// whether there was anything.
    fn collect(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        outgoing: &mut VecDeque<BytesMut>,
    ) -> bool {
        let mut fresh = Vec::new();
        while let Some(transmit) = endpoint.poll_transmit() {
            fresh.push(transmit.message);
        }
        if fresh.is_empty() {
            return false;
        }
        outgoing.extend(fresh.iter().cloned());
        *self = Self { datagrams: fresh, sent_at: now, repeats: 0 };
        true
    }

    fn due(&self) -> Option<Instant> {
        if self.datagrams.is_empty() || self.repeats >= MAX_REPEATS {
            return None;
        }
        Some(self.sent_at + FIRST_REPEAT * (1 << self.repeats))
    }

    fn repeat(&mut self, now: Instant, outgoing: &mut VecDeque<BytesMut>) {
        self.sent_at = now;
        self.repeats += 1;
        outgoing.extend(self.datagrams.iter().cloned());
    }

    /// A peer that repeats itself has not heard the flight; it need not wait for the timer.
    fn repeat_early(&mut self, now: Instant, outgoing: &mut VecDeque<BytesMut>) {
        let is_recent = now.saturating_duration_since(self.sent_at) < EARLIEST_REPEAT;
        if self.due().is_some() && !is_recent {
            self.repeat(now, outgoing);
        }
    }
}

fn drain(endpoint: &mut Endpoint, outgoing: &mut VecDeque<BytesMut>) {
    while let Some(transmit) = endpoint.poll_transmit() {
        outgoing.push_back(transmit.message);
    }
}

fn is_closed(event: &EndpointEvent) -> bool {
    matches!(event, EndpointEvent::PeerClosed)
}

fn is_expected(certificate: &[u8], expected: &[Fingerprint]) -> bool {
    expected.iter().any(|fingerprint| {
        let algorithm = match fingerprint.algorithm() {
            FingerprintAlgorithm::Sha256 => &digest::SHA256,
            FingerprintAlgorithm::Sha384 => &digest::SHA384,
            FingerprintAlgorithm::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, certificate).as_ref() == fingerprint.digest()
    })
}

/// The endpoint tells associations apart by address. Each leg has an endpoint of its own and its
/// peer may move, so one fixed name stands for the peer.
const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

/// The exporter label of [RFC 5764 §4.2](https://www.rfc-editor.org/rfc/rfc5764#section-4.2).
const EXPORTER_LABEL: &str = "EXTRACTOR-dtls_srtp";

/// A ClientHello with post-quantum key shares fills two datagrams, repeated once.
const MAX_HELD_DATAGRAMS: usize = 8;

/// Browsers begin at 50 ms. Shorter repeats flights that are merely on a long way; longer delays
/// the call after a loss.
const FIRST_REPEAT: Duration = Duration::from_millis(100);

/// Doubling from 100 ms, the last repeat is 6.3 s after the flight, past any loss worth waiting for.
const MAX_REPEATS: u32 = 6;

/// Below this a repeated message of the peer has crossed our flight on the way.
const EARLIEST_REPEAT: Duration = Duration::from_millis(30);

#[cfg(test)]
mod tests;
