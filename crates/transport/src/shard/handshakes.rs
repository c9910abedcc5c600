//! DTLS: the handshakes of the legs, behind media and a few at a time.

use trunkline_clock::{Instant, Now};
use trunkline_media::control::{LegFailure, MediaEvent};
use trunkline_media::router::LegId;

use super::{Leg, Progress, Shard};
use crate::dtls::{DatagramFault, Event, HandshakeFailure};
use crate::stats::IngressDrop;

impl Shard {
    /// Handles a few waiting handshake datagrams; a signature and a key agreement each cost as
    /// much as forwarding a hundred packets, so they take turns with media.
    pub(super) fn shake_hands(&mut self) {
        for _turn in 0..HANDSHAKES_PER_TURN {
            let Some((id, datagram)) = self.handshakes.pop_front() else { return };
            self.handle_dtls(id, &datagram);
        }
    }

    fn handle_dtls(&mut self, id: LegId, datagram: &[u8]) {
        let now = self.clock.now();
        let Some(mut leg) = self.take_leg(id) else { return };
        let outcome = leg.dtls.handle_datagram(now.instant, datagram);
        self.send_dtls(&mut leg);
        match outcome {
            Ok(None) => {}
            Ok(Some(event)) => self.handle_dtls_event(now, &mut leg, event),
            Err(fault) => self.stats.count_ingress_drop(match fault {
                DatagramFault::Malformed => IngressDrop::DtlsMalformed,
                DatagramFault::Rationed => IngressDrop::DtlsRationed,
                DatagramFault::Unexpected => IngressDrop::DtlsUnexpected,
            }),
        }
        if let Some(due) = leg.dtls.poll_timeout() {
            let earliest = self.handshake_timer.map_or(due, |timer| timer.min(due));
            self.handshake_timer = Some(earliest);
        }
        self.put_leg(leg);
        self.mark_dirty();
    }

    fn handle_dtls_event(&mut self, now: Now, leg: &mut Leg, event: Event) {
        match event {
            Event::Connected(keys, srtp_profile) => {
                let Progress::Connecting { offered_at } = leg.state else { return };
                if let Err(error) = self.router.set_keys(now, leg.id, &keys) {
                    tracing::warn!(leg = leg.key.value(), %error, "keys refused");
                    self.fail(leg, LegFailure::HandshakeFailed);
                    return;
                }
                leg.state = Progress::Connected;
                let since_offer = now.instant.saturating_duration_since(offered_at);
                tracing::info!(
                    leg = leg.key.value(), profile = %srtp_profile, ?since_offer, "leg connected"
                );
                let leg = leg.key;
                self.events.push(MediaEvent::LegConnected { leg, srtp_profile, since_offer });
            }
            Event::Closed => match leg.state {
                Progress::Connected => self.interrupt(leg),
                Progress::Connecting { .. } => self.fail(leg, LegFailure::HandshakeFailed),
                Progress::Failed | Progress::Interrupted => {}
            },
            Event::Failed(failure) => self.fail(
                leg,
                match failure {
                    HandshakeFailure::FingerprintMismatch => LegFailure::FingerprintMismatch,
                    HandshakeFailure::NoCommonProfile => LegFailure::UnsupportedProfile,
                    HandshakeFailure::Protocol => LegFailure::HandshakeFailed,
                },
            ),
        }
    }

    pub(super) fn repeat_flights(&mut self, now: Instant) {
        self.handshake_timer = None;
        for index in 0..self.legs.len() {
            let Some(mut leg) = self.legs[index].take() else { continue };
            if matches!(leg.state, Progress::Connecting { .. }) {
                leg.dtls.handle_timeout(now);
                self.send_dtls(&mut leg);
                if let Some(due) = leg.dtls.poll_timeout() {
                    let earliest = self.handshake_timer.map_or(due, |timer| timer.min(due));
                    self.handshake_timer = Some(earliest);
                }
            }
            self.legs[index] = Some(leg);
        }
    }

    pub(super) fn send_dtls(&mut self, leg: &mut Leg) {
        while let Some(datagram) = leg.dtls.poll_transmit() {
            if let Some(address) = leg.agent.selected() {
                self.send_now(&datagram, address);
            }
        }
    }
}

/// Two handshake datagrams cost about half a millisecond; more would be heard as jitter, fewer
/// would make a thousand joins take longer than they must.
const HANDSHAKES_PER_TURN: usize = 2;
