//! From a datagram to the fan-out: authenticate, find the track, gate, measure.

use trunkline_clock::Instant;

use super::{
    DropReason, LegId, Pressure, Router, Timer,
    leg::{Flow, Route, Routed},
    losses::Continuity,
    publisher::Publisher,
    ring::Kept,
    slot::{PacketClass, SourcePacket},
};
use crate::{
    control::{MediaEvent, StreamKind},
    level::AudioLevel,
    rtp::{ExtensionIds, RtpHeader, extend_sequence},
    speaker::level_of_opus_payload,
    srtp::{Arrival, UnprotectError},
    vp8,
};

/// A media packet after authentication and, for a retransmission, unwrapping.
#[derive(Clone, Copy, Debug)]
struct MediaPacket<'a> {
    index: u64,
    timestamp: u32,
    marker: bool,
    is_telephone_event: bool,
    payload: &'a [u8],
    extensions: FoundExtensions,
}

/// The values of the extensions that matter.
#[derive(Clone, Copy, Debug, Default)]
struct FoundExtensions {
    audio_level: Option<u8>,
    transport_cc: Option<u16>,
    video_orientation: Option<u8>,
}

impl FoundExtensions {
    #[inline]
    fn read(header: &RtpHeader, packet: &[u8], ids: &ExtensionIds) -> Self {
        let mut found = Self::default();
        for extension in header.extensions(packet) {
            let id = Some(extension.id);
            match extension.value {
                [value] if id == ids.audio_level => found.audio_level = Some(*value),
                [value] if id == ids.video_orientation => found.video_orientation = Some(*value),
                [high, low] if id == ids.transport_cc => {
                    found.transport_cc = Some(u16::from_be_bytes([*high, *low]));
                }
                _ => {}
            }
        }
        found
    }
}

impl Router {
    /// Handles an RTP datagram.
    pub(super) fn handle_rtp(
        &mut self,
        now: Instant,
        id: LegId,
        packet: &mut [u8],
    ) -> Result<(), DropReason> {
        let header = RtpHeader::parse(packet).map_err(|_| DropReason::MalformedRtp)?;
        let leg = self.leg_mut(id).ok_or(DropReason::UnknownLeg)?;
        let inbound = leg.inbound.as_mut().ok_or(DropReason::NoKeys)?;
        let opened = inbound.unprotect_rtp(&header, packet)?;
        let packet = &packet[..opened.len];
        let routed = leg.route(&header, packet)?;
        let (Routed::Known(route) | Routed::New(route)) = routed;
        let track = usize::from(route.track);
        let publisher = leg.publishers.get(track).ok_or(DropReason::UnknownTrack)?;
        let extensions = FoundExtensions::read(&header, packet, &publisher.track.extensions);
        let rtp_is_new = match (routed, route.flow) {
            (Routed::New(_), Flow::Media) => true,
            (Routed::Known(_), Flow::Media) if publisher.ssrc != Some(header.ssrc) => {
                // An SSRC that another one has replaced on this track.
                return Err(DropReason::UnknownTrack);
            }
            (Routed::Known(_), Flow::Media) | (_, Flow::Retransmission) => false,
        };
        let is_full = extensions
            .transport_cc
            .is_some_and(|sequence_number| leg.arrivals.record(sequence_number, now));
        let arms_transport_cc =
            extensions.transport_cc.is_some() && !leg.transport_cc_armed && leg.receives;
        let arms_reports = !leg.reports_armed && leg.receives;
        self.stats.rtp_received += 1;
        if is_full {
            self.send_transport_cc(id.index);
        } else if arms_transport_cc {
            self.arm_transport_cc(now, id);
        }
        if arms_reports {
            self.arm_reports(now, id);
        }
        if rtp_is_new {
            self.rebind(id, route, header.ssrc);
        }
        let payload = header.payload(packet).map_err(|_| DropReason::MalformedRtp)?;
        let publisher = self.publisher_mut(id, route).ok_or(DropReason::UnknownTrack)?;
        let media = match route.flow {
            Flow::Media => publisher.direct(now, &header, opened.index, payload, extensions)?,
            Flow::Retransmission => publisher.unwrap(&header, payload, extensions)?,
        };
        match publisher.track.kind {
            StreamKind::Audio => self.handle_audio(now, id, route, media),
            StreamKind::Camera | StreamKind::Screen => self.handle_video(now, id, route, media),
        }
    }

    fn handle_audio(
        &mut self,
        now: Instant,
        id: LegId,
        route: Route,
        media: MediaPacket<'_>,
    ) -> Result<(), DropReason> {
        let epoch = self.next_epoch;
        let publisher = self.publisher_mut(id, route).ok_or(DropReason::UnknownTrack)?;
        if !publisher.enabled {
            publisher.is_broken = true;
            return Err(DropReason::PublishDisabled);
        }
        publisher.mend(epoch);
        if !media.is_telephone_event {
            let level = match media.extensions.audio_level {
                Some(value) => AudioLevel::from_extension(value).0,
                None => level_of_opus_payload(media.payload),
            };
            let change = publisher.speaker.push(now, level);
            let is_speaking = publisher.speaker.is_speaking();
            if change.is_some() || is_speaking {
                self.note_speaking(now, id, change);
            }
        }
        let class = match media.is_telephone_event {
            true => PacketClass::TelephoneEvent,
            false => PacketClass::Audio,
        };
        self.next_epoch += 1;
        self.forward(now, id, route, class, &media, media.extensions.audio_level);
        Ok(())
    }

    fn handle_video(
        &mut self,
        now: Instant,
        id: LegId,
        route: Route,
        media: MediaPacket<'_>,
    ) -> Result<(), DropReason> {
        let epoch = self.next_epoch;
        let publisher = self.publisher_mut(id, route).ok_or(DropReason::UnknownTrack)?;
        let enabled = publisher.enabled;
        let wants_nack = publisher.track.feedback.nack && enabled;
        let variable = media.extensions.video_orientation;
        let video = publisher.video.as_deref_mut().ok_or(DropReason::UnknownTrack)?;
        match video.seen.insert(media.index) {
            Arrival::Fresh => {}
            Arrival::Repeated => return Err(DropReason::Replayed),
            Arrival::TooOld => return Err(DropReason::TooOld),
        }
        let continuity = video.losses.record(now, media.index);
        if !enabled {
            publisher.is_broken = true;
            return Err(DropReason::PublishDisabled);
        }
        if media.payload.is_empty() {
            // A probe on the media SSRC: it takes a number and carries nothing.
            publisher.is_broken = true;
            return Err(DropReason::PaddingOnly);
        }
        let class = if vp8::starts_keyframe(media.payload) {
            video.keyframe_timestamp = Some(media.timestamp);
            video.keyframe.is_wanted = false;
            PacketClass::VideoKeyStart
        } else if video.keyframe_timestamp == Some(media.timestamp) {
            PacketClass::VideoKey
        } else {
            PacketClass::VideoDelta
        };
        let kept = Kept {
            timestamp: media.timestamp,
            marker: media.marker,
            variable,
            payload: media.payload,
        };
        if !publisher.subscribers.is_empty() {
            video.ring.insert(media.index, kept);
        }
        video.keyframe.is_wanted |= continuity == Continuity::Torn;
        publisher.mend(epoch);
        self.next_epoch += 1;
        let awaited = self.forward(now, id, route, class, &media, variable);
        if wants_nack && continuity == Continuity::Gap {
            self.ask_again(now, id.index);
        }
        let pressure = self.pressure;
        let video =
            self.publisher_mut(id, route).and_then(|publisher| publisher.video.as_deref_mut());
        if let Some(video) = video {
            // Under pressure a keyframe would only make things worse.
            video.keyframe.is_wanted |= awaited && pressure == Pressure::Relaxed;
            if video.keyframe.is_wanted {
                self.request_keyframe(now, id, route.track);
            }
        }
        Ok(())
    }

    /// Fans a packet out. Returns whether a subscriber waits for a keyframe.
    fn forward(
        &mut self,
        now: Instant,
        id: LegId,
        route: Route,
        class: PacketClass,
        media: &MediaPacket<'_>,
        variable: Option<u8>,
    ) -> bool {
        let Some(publisher) = self.publisher_mut(id, route) else { return false };
        let packet = SourcePacket {
            class,
            index: media.index,
            timestamp: media.timestamp,
            marker: media.marker,
            variable,
            payload: media.payload,
            epoch: publisher.epoch,
            timeline: publisher.timeline,
        };
        // The list is lent out, so that slots and legs can be borrowed side by side.
        let subscribers = std::mem::take(&mut publisher.subscribers);
        let result = self.fan_out(now, &subscribers, &packet);
        if let Some(publisher) = self.publisher_mut(id, route) {
            publisher.subscribers = subscribers;
        }
        result.keyframe_awaited
    }

    /// Another SSRC took over a track: numbering and timeline start over.
    #[cold]
    fn rebind(&mut self, id: LegId, route: Route, ssrc: u32) {
        let epoch = self.take_epoch();
        let Some(publisher) = self.publisher_mut(id, route) else { return };
        publisher.rebind(ssrc, epoch);
        if publisher.track.kind.is_video() {
            self.await_keyframe(id, route.track);
        }
    }

    fn note_speaking(&mut self, now: Instant, id: LegId, change: Option<bool>) {
        let Some(leg) = self.leg(id) else { return };
        let (key, room) = (leg.key, leg.room);
        if let Some(speaking) = change {
            self.events.push_back(MediaEvent::SpeakingChanged { leg: key, speaking });
        }
        if change == Some(true) && self.timers.deadline(&Timer::Silence(room)).is_none() {
            let deadline = self
                .leg(id)
                .and_then(|leg| leg.microphone())
                .and_then(|microphone| microphone.speaker.silence_deadline());
            if let Some(deadline) = deadline {
                self.timers.set(Timer::Silence(room), deadline);
            }
        }
        self.promote(now, room, id.index);
    }

    #[inline]
    fn publisher_mut(&mut self, id: LegId, route: Route) -> Option<&mut Publisher> {
        self.leg_mut(id)?.publishers.get_mut(usize::from(route.track))
    }
}

impl Publisher {
    /// Takes a packet of the stream itself.
    #[inline]
    fn direct<'a>(
        &mut self,
        now: Instant,
        header: &RtpHeader,
        index: u64,
        payload: &'a [u8],
        extensions: FoundExtensions,
    ) -> Result<MediaPacket<'a>, DropReason> {
        let types = &self.track.payload_types;
        let is_telephone_event = Some(header.payload_type) == types.telephone_event;
        if header.payload_type != types.media && !is_telephone_event {
            return Err(DropReason::UnknownPayloadType);
        }
        let clock_rate_hz = self.track.kind.clock_rate_hz();
        self.reception.record(now, index, header.timestamp, clock_rate_hz);
        if payload.is_empty() && !self.track.kind.is_video() {
            self.is_broken = true;
            return Err(DropReason::PaddingOnly);
        }
        Ok(MediaPacket {
            index,
            timestamp: header.timestamp,
            marker: header.marker,
            is_telephone_event,
            payload,
            extensions,
        })
    }

    /// Takes a packet out of its retransmission ([RFC 4588 §4](https://www.rfc-editor.org/rfc/rfc4588#section-4)).
    fn unwrap<'a>(
        &self,
        header: &RtpHeader,
        payload: &'a [u8],
        extensions: FoundExtensions,
    ) -> Result<MediaPacket<'a>, DropReason> {
        if Some(header.payload_type) != self.track.payload_types.rtx {
            return Err(DropReason::UnknownPayloadType);
        }
        let Some((original, payload)) = payload.split_first_chunk::<2>() else {
            return Err(DropReason::PaddingOnly);
        };
        if payload.is_empty() {
            return Err(DropReason::PaddingOnly);
        }
        let newest = self.video.as_deref().and_then(|video| video.seen.newest());
        let index = newest
            .and_then(|newest| extend_sequence(u16::from_be_bytes(*original), newest))
            .ok_or(DropReason::TooOld)?;
        // Nobody retransmits what was not sent yet.
        if newest.is_some_and(|newest| index > newest) {
            return Err(DropReason::TooOld);
        }
        Ok(MediaPacket {
            index,
            timestamp: header.timestamp,
            marker: header.marker,
            is_telephone_event: false,
            payload,
            extensions,
        })
    }

    /// Starts a new segment after packets were held back.
    #[inline]
    fn mend(&mut self, epoch: u64) {
        if self.is_broken {
            self.is_broken = false;
            self.epoch = epoch;
        }
    }
}

impl From<UnprotectError> for DropReason {
    fn from(error: UnprotectError) -> Self {
        match error {
            UnprotectError::AuthenticationFailed | UnprotectError::NotEncrypted => {
                Self::AuthenticationFailed
            }
            UnprotectError::Replayed => Self::Replayed,
            UnprotectError::SsrcTableFull => Self::SsrcTableFull,
            UnprotectError::TooOld => Self::TooOld,
            UnprotectError::Truncated => Self::Truncated,
        }
    }
}
