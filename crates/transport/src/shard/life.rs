//! Signs of life: checks that come in, and what becomes of a leg whose peer gives none.

use std::net::SocketAddr;
use std::time::Duration;

use trunkline_clock::{Instant, Now};
use trunkline_media::control::{LegFailure, MediaEvent};
use trunkline_media::router::LegId;

use super::{Leg, Progress, Shard, leg_mut};
use crate::ice::{Check, CheckFault, split_username};
use crate::stats::IngressDrop;
use crate::stun::Message;

impl Shard {
    pub(super) fn forget_peer(&mut self, leg: &Leg) {
        for ufrag in leg.agent.ufrags() {
            self.peers.remove_ufrag(ufrag);
        }
        for address in leg.agent.addresses() {
            self.peers.remove_address(*address, leg.id);
        }
        self.destinations.set(leg.id.index(), None);
    }

    pub(super) fn handle_stun(&mut self, now: Now, source: SocketAddr, datagram: &[u8]) {
        let Ok(message) = Message::parse(datagram) else {
            self.stats.count_ingress_drop(IngressDrop::StunMalformed);
            return;
        };
        let ufrag = message.username.and_then(split_username).map(|(receiver, _sender)| receiver);
        let id = ufrag.and_then(|ufrag| self.peers.at_ufrag(ufrag));
        let Some(leg) = id.and_then(|id| leg_mut(&mut self.legs, id)) else {
            self.stats.count_ingress_drop(IngressDrop::StunUnauthenticated);
            return;
        };
        let answered = match leg.agent.handle_check(now.instant, source, &message) {
            Check::Answered(answered) => answered,
            Check::Dropped(fault) => {
                self.stats.count_ingress_drop(match fault {
                    CheckFault::NotARequest => IngressDrop::StunMalformed,
                    CheckFault::Replayed => IngressDrop::StunReplayed,
                    CheckFault::Unauthenticated => IngressDrop::StunUnauthenticated,
                });
                return;
            }
        };
        let (id, is_interrupted) = (leg.id, leg.state == Progress::Interrupted);
        if let Some(address) = answered.forgotten {
            self.peers.remove_address(address, id);
        }
        if let Some(address) = answered.learned {
            self.peers.add_address(address, id);
        }
        if let Some(ufrag) = &answered.retired_ufrag {
            self.peers.remove_ufrag(ufrag);
        }
        if answered.is_reselected {
            tracing::debug!(leg = leg.key.value(), "peer address selected");
            self.destinations.set(id.index(), leg.agent.selected());
        }
        if answered.is_fresh && is_interrupted {
            self.resume(id);
        }
        self.send_now(answered.response.as_bytes(), source);
    }

    pub(super) fn fail(&mut self, leg: &mut Leg, cause: LegFailure) {
        tracing::info!(leg = leg.key.value(), %cause, "leg failed");
        leg.state = Progress::Failed;
        self.forget_peer(leg);
        self.events.push(MediaEvent::LegFailed { leg: leg.key, cause });
    }

    /// Stops sending to a peer that gives no sign of life, as
    /// [RFC 7675 §5.1](https://www.rfc-editor.org/rfc/rfc7675#section-5.1) demands.
    pub(super) fn interrupt(&mut self, leg: &mut Leg) {
        tracing::info!(leg = leg.key.value(), "leg interrupted");
        leg.state = Progress::Interrupted;
        self.destinations.set(leg.id.index(), None);
        self.events.push(MediaEvent::LegInterrupted { leg: leg.key });
    }

    pub(super) fn resume(&mut self, id: LegId) {
        let Some(leg) = leg_mut(&mut self.legs, id) else { return };
        tracing::info!(leg = leg.key.value(), "leg resumed");
        leg.state = Progress::Connected;
        self.destinations.set(id.index(), leg.agent.selected());
        self.events.push(MediaEvent::LegResumed { leg: leg.key });
    }

    /// Looks for legs whose consent has run out or that never connected.
    pub(super) fn sweep(&mut self, now: Instant) {
        self.sweep_at = (self.stats.legs > 0).then(|| now + SWEEP_INTERVAL);
        for index in 0..self.legs.len() {
            let Some(mut leg) = self.legs[index].take() else { continue };
            let is_past = |deadline: Option<Instant>| deadline.is_some_and(|at| at <= now);
            match leg.state {
                Progress::Connected if is_past(leg.agent.consent_deadline()) => {
                    self.interrupt(&mut leg);
                }
                Progress::Connecting { offered_at }
                    if is_past(offered_at.checked_add(CONNECT_TIMEOUT)) =>
                {
                    self.fail(&mut leg, LegFailure::TimedOut);
                }
                Progress::Connected
                | Progress::Connecting { .. }
                | Progress::Failed
                | Progress::Interrupted => {}
            }
            self.legs[index] = Some(leg);
        }
        self.mark_dirty();
    }
}

/// How often legs are looked at for lost consent. The loss is noticed this much later at worst;
/// smaller wakes an idle shard more often.
pub(super) const SWEEP_INTERVAL: Duration = Duration::from_millis(250);

/// A browser gives up its own checks after 15 to 30 seconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
