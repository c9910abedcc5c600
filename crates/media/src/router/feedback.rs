//! RTCP in both directions: reports, retransmission and keyframe requests, congestion feedback.

use std::time::Duration;

use trunkline_clock::{Instant, Now};

use super::{
    DropReason, LegId, Router, Timer,
    leg::Leg,
    reception::{ntp, round_trip, to_units},
};
use crate::{
    control::MediaEvent,
    rtcp::{self, Packet, ReportBlock, SenderReport},
};

impl Router {
    /// Handles an RTCP datagram.
    pub(super) fn handle_rtcp(
        &mut self,
        now: Now,
        id: LegId,
        packet: &mut [u8],
    ) -> Result<(), DropReason> {
        let leg = self.leg_mut(id).ok_or(DropReason::UnknownLeg)?;
        let inbound = leg.inbound.as_mut().ok_or(DropReason::NoKeys)?;
        let len = inbound.unprotect_rtcp(packet)?;
        self.stats.rtcp_received += 1;
        for parsed in rtcp::packets(&packet[..len]) {
            match parsed.map_err(|_| DropReason::MalformedRtcp)? {
                Packet::Goodbye { ssrcs } => {
                    ssrcs.for_each(|ssrc| self.handle_goodbye(id, ssrc));
                }
                Packet::FullIntraRequest { targets, .. } => {
                    // A repeated request is coalesced like any other.
                    for target in targets {
                        self.handle_keyframe_request(now.instant, id, target.ssrc);
                    }
                }
                Packet::Nack { media_ssrc, losses, .. } => {
                    let is_live = self.leg(id).is_some_and(Leg::is_live);
                    if let Some(slot) = self.slot_of(id, media_ssrc).filter(|_| is_live) {
                        self.retransmit(now.instant, slot, losses);
                    }
                }
                Packet::PictureLoss { media_ssrc, .. } => {
                    self.handle_keyframe_request(now.instant, id, media_ssrc);
                }
                Packet::ReceiverReport { blocks, .. } => {
                    blocks.for_each(|block| self.handle_report_block(now, id, &block));
                }
                Packet::SenderReport { report, blocks } => {
                    self.handle_sender_report(now, id, report);
                    blocks.for_each(|block| self.handle_report_block(now, id, &block));
                }
                // Towards subscribers nothing is estimated: what they tell about bandwidth waits
                // for the pacer.
                Packet::Other { .. }
                | Packet::ReceiverEstimatedMaxBitrate { .. }
                | Packet::SourceDescription
                | Packet::TransportFeedback { .. } => {}
            }
        }
        Ok(())
    }

    /// Sends a leg its receiver and sender reports, and arms the next ones.
    pub(super) fn send_reports(&mut self, now: Now, index: u32) {
        let Some(id) = self.id_at(index) else { return };
        let Some(leg) = self.leg_mut(id) else { return };
        leg.reports_armed = false;
        let rtcp_ssrc = leg.rtcp_ssrc;
        let mut blocks = Vec::new();
        let mut is_active = false;
        for publisher in &mut leg.publishers {
            if let Some(ssrc) = publisher.ssrc
                && publisher.reception.has_news()
            {
                blocks.push(publisher.reception.report(now.instant, ssrc));
                is_active = true;
            }
        }
        let slots = leg.slots.clone();
        let mut senders = Vec::with_capacity(slots.len() + 1);
        for slot in slots {
            is_active |= self.slot(slot).is_some_and(|slot| slot.source.is_some());
            if let Some(report) = self.sender_report(now, slot) {
                let own = if senders.is_empty() { blocks.as_slice() } else { &[] };
                self.writer.sender_report(&report, own);
                senders.push(report.ssrc);
            }
        }
        if senders.is_empty() {
            self.writer.receiver_report(rtcp_ssrc, &blocks);
            senders.push(rtcp_ssrc);
        }
        let (legs, writer) = (&self.legs, &mut self.writer);
        if let Some(leg) = legs.get(id.index()).and_then(|place| place.leg.as_deref()) {
            writer.source_description(&senders[..1], &leg.cname);
        }
        if is_active {
            self.write_bitrate_limit(id);
            self.send_compound(id);
            self.arm_reports(now.instant, id);
        } else {
            self.writer.clear();
        }
    }

    /// Tells a leg when its packets arrived.
    pub(super) fn send_transport_cc(&mut self, index: u32) {
        let Some(id) = self.id_at(index) else { return };
        self.timers.cancel(&Timer::TransportCc(index));
        loop {
            let Some(place) = self.legs.get_mut(id.index()) else { return };
            let Some(leg) = place.leg.as_deref_mut() else { return };
            leg.transport_cc_armed = false;
            let media_ssrc =
                leg.publishers.iter().find_map(|publisher| publisher.ssrc).unwrap_or_default();
            if !leg.arrivals.write_feedback(leg.rtcp_ssrc, media_ssrc, &mut self.writer) {
                return;
            }
            self.send_compound(id);
        }
    }

    /// Asks a leg's publishers for what is missing and due, and arms the next round.
    pub(super) fn ask_again(&mut self, now: Instant, index: u32) {
        let Some(id) = self.id_at(index) else { return };
        let mut losses = std::mem::take(&mut self.losses);
        let mut next: Option<Instant> = None;
        let mut gave_up = Vec::new();
        if let Some(leg) = self.legs.get_mut(id.index()).and_then(|place| place.leg.as_deref_mut())
            && leg.receives
        {
            let (rtcp_ssrc, trip) = (leg.rtcp_ssrc, leg.round_trip);
            for (track, publisher) in leg.publishers.iter_mut().enumerate() {
                let Some(ssrc) = publisher.ssrc else { continue };
                let Some(video) = publisher.video.as_deref_mut() else { continue };
                if !publisher.track.feedback.nack || !publisher.enabled {
                    continue;
                }
                losses.clear();
                if video.losses.collect_due(now, trip, &mut losses) {
                    gave_up.push(track as u8);
                }
                if !losses.is_empty() {
                    self.writer.nack(rtcp_ssrc, ssrc, &losses);
                    self.stats.nacks_sent += losses.len() as u64;
                }
                next = next.into_iter().chain(video.losses.next_due()).min();
            }
        }
        self.losses = losses;
        self.send_compound(id);
        match next {
            Some(next) => self.timers.set(Timer::Nack(index), next),
            None => {
                self.timers.cancel(&Timer::Nack(index));
            }
        }
        for track in gave_up {
            self.want_keyframe(now, id, track);
        }
    }

    /// Notes that a keyframe is needed and asks for it unless that was just done.
    pub(super) fn want_keyframe(&mut self, now: Instant, id: LegId, track: u8) {
        let video = self
            .leg_mut(id)
            .and_then(|leg| leg.publishers.get_mut(usize::from(track)))
            .and_then(|publisher| publisher.video.as_deref_mut());
        let Some(video) = video else { return };
        video.keyframe.is_wanted = true;
        self.request_keyframe(now, id, track);
    }

    /// Asks a publisher for the keyframe that is wanted, at most once in a while. Video packets that
    /// arrive without it lead here again.
    pub(super) fn request_keyframe(&mut self, now: Instant, id: LegId, track: u8) {
        let Some(leg) = self.leg_mut(id).filter(|leg| leg.is_live()) else { return };
        let rtcp_ssrc = leg.rtcp_ssrc;
        let Some(publisher) = leg.publishers.get_mut(usize::from(track)) else { return };
        let feedback = publisher.track.feedback;
        let (Some(ssrc), true) = (publisher.ssrc, publisher.enabled) else { return };
        let Some(video) = publisher.video.as_deref_mut() else { return };
        if !(feedback.pli || feedback.fir) || !video.keyframe.take_due(now) {
            return;
        }
        let sequence_number = video.keyframe.sequence_number;
        if feedback.pli {
            self.writer.picture_loss(rtcp_ssrc, ssrc);
        } else {
            self.writer.full_intra_request(rtcp_ssrc, ssrc, sequence_number);
        }
        self.stats.keyframe_requests_sent += 1;
        self.send_compound(id);
    }

    /// Tells a publisher its ceiling, if REMB is the only thing it understands.
    pub(super) fn send_bitrate_limit(&mut self, id: LegId) {
        self.write_bitrate_limit(id);
        self.send_compound(id);
    }

    pub(super) fn arm_reports(&mut self, now: Instant, id: LegId) {
        let Some(leg) = self.leg_mut(id) else { return };
        if leg.is_live() && !leg.reports_armed {
            leg.reports_armed = true;
            self.timers.set(Timer::Report(id.index), now + REPORT_INTERVAL);
        }
    }

    pub(super) fn arm_transport_cc(&mut self, now: Instant, id: LegId) {
        let Some(leg) = self.leg_mut(id) else { return };
        if leg.is_live() && leg.feedback().transport_cc {
            leg.transport_cc_armed = true;
            self.timers.set(Timer::TransportCc(id.index), now + TRANSPORT_CC_INTERVAL);
        }
    }

    fn write_bitrate_limit(&mut self, id: LegId) {
        let bitrate_bps = self.config.remb_bitrate_bps;
        let Some(leg) = self.legs.get(id.index()).and_then(|place| place.leg.as_deref()) else {
            return;
        };
        let feedback = leg.feedback();
        if !feedback.remb || feedback.transport_cc {
            return;
        }
        let ssrcs: Vec<u32> = leg
            .publishers
            .iter()
            .filter(|publisher| publisher.track.feedback.remb)
            .filter_map(|publisher| publisher.ssrc)
            .collect();
        if !ssrcs.is_empty() {
            self.writer.receiver_estimated_max_bitrate(leg.rtcp_ssrc, bitrate_bps, &ssrcs);
        }
    }

    /// Makes the sender report of a slot: the publisher's timeline, carried over to this server's
    /// clock and the slot's timestamps.
    fn sender_report(&self, now: Now, slot: u32) -> Option<SenderReport> {
        let slot = self.slot(slot)?;
        let (last_timestamp, last_sent) = slot.last_sent()?;
        let source = slot.source?;
        let idle = now.instant.saturating_duration_since(last_sent);
        if idle > REPORTED_WHILE_IDLE {
            return None;
        }
        let leg = self.leg(source.leg)?;
        let publisher = leg.publishers.get(usize::from(source.track))?;
        let ntp_now = ntp(now.wall);
        let reported = publisher.reception.sender_report().zip(leg.ntp_offset).and_then(
            |((report, _), offset)| {
                let timestamp = slot.map_timestamp(publisher.timeline, report.rtp_timestamp)?;
                let then = report.ntp.wrapping_add_signed(offset);
                let elapsed = ntp_now.wrapping_sub(then) as i64;
                let units = (i128::from(elapsed) * i128::from(slot.clock_rate_hz())) >> 32;
                Some(timestamp.wrapping_add(units as u32))
            },
        );
        let since_last = to_units(idle.as_nanos() as u64, slot.clock_rate_hz()) as u32;
        Some(SenderReport {
            ssrc: slot.ssrc,
            ntp: ntp_now,
            rtp_timestamp: reported.unwrap_or(last_timestamp.wrapping_add(since_last)),
            packet_count: slot.packet_count,
            octet_count: slot.octet_count,
        })
    }

    fn handle_sender_report(&mut self, now: Now, id: LegId, report: SenderReport) {
        let Some(leg) = self.leg_mut(id) else { return };
        let Some(publisher) = leg.publisher_of(report.ssrc) else { return };
        publisher.reception.record_sender_report(now.instant, report);
        let sample = ntp(now.wall).wrapping_sub(report.ntp) as i64;
        leg.ntp_offset = Some(match leg.ntp_offset {
            // A step of a second is a clock that was set.
            Some(offset) if sample.abs_diff(offset) < 1 << 32 => {
                // The fastest report is the best; the rest is queueing, and slowly drift.
                if sample < offset { sample } else { offset + ((sample - offset) >> 6) }
            }
            Some(_) | None => sample,
        });
    }

    fn handle_report_block(&mut self, now: Now, id: LegId, block: &ReportBlock) {
        if self.slot_of(id, block.ssrc).is_none() {
            return;
        }
        let Some(trip) = round_trip(now, block) else { return };
        let trip = Duration::from_nanos((u64::from(trip) * 1_000_000_000) >> 16);
        if let Some(leg) = self.leg_mut(id) {
            leg.round_trip = (leg.round_trip * 7 + trip) / 8;
        }
    }

    fn handle_keyframe_request(&mut self, now: Instant, id: LegId, ssrc: u32) {
        let source =
            self.slot_of(id, ssrc).and_then(|slot| self.slot(slot)).and_then(|slot| slot.source);
        if let Some(source) = source {
            self.want_keyframe(now, source.leg, source.track);
        }
    }

    fn handle_goodbye(&mut self, id: LegId, ssrc: u32) {
        let Some(leg) = self.leg_mut(id) else { return };
        let key = leg.key;
        let change = leg.publisher_of(ssrc).and_then(|publisher| publisher.speaker.reset());
        if let Some(speaking) = change {
            self.events.push_back(MediaEvent::SpeakingChanged { leg: key, speaking });
        }
    }

    fn slot_of(&self, id: LegId, ssrc: u32) -> Option<u32> {
        let leg: &Leg = self.leg(id)?;
        leg.slots
            .iter()
            .copied()
            .find(|slot| self.slot(*slot).is_some_and(|slot| slot.ssrc == ssrc))
    }
}

/// RTCP for audio and video at this rate is well below 5 % of any stream; rarer reports make the
/// peers' view of loss and round trip stale.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// Browsers send this feedback every 50 to 250 ms. The sender's estimate cannot be quicker than its
/// feedback, and 20 packets a second are nothing next to video.
const TRANSPORT_CC_INTERVAL: Duration = Duration::from_millis(50);
/// A stream that sends nothing needs no report.
const REPORTED_WHILE_IDLE: Duration = Duration::from_secs(5);
