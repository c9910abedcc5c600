//! One leg: the contexts and tracks of one peer connection.

use std::time::Duration;

use super::{DropReason, FeedbackModes, LegConfig, publisher::Publisher};
use crate::{
    control::{LegKey, StreamKind},
    rtcp::ArrivalLog,
    rtp::RtpHeader,
    srtp::InboundContext,
};

/// One peer connection.
#[derive(Debug)]
pub(super) struct Leg {
    pub(super) key: LegKey,
    pub(super) room: u32,
    pub(super) rtcp_ssrc: u32,
    pub(super) cname: Box<str>,
    pub(super) inbound: Option<InboundContext>,
    pub(super) receives: bool,
    pub(super) publishers: Vec<Publisher>,
    /// Places in the router's table of slots, in the order of the offer.
    pub(super) slots: Vec<u32>,
    pub(super) arrivals: ArrivalLog,
    pub(super) round_trip: Duration,
    /// Server time minus the peer's time, as a difference of NTP times; the least seen, drifting up slowly.
    pub(super) ntp_offset: Option<i64>,
    pub(super) reports_armed: bool,
    pub(super) transport_cc_armed: bool,
    ssrcs: Vec<SsrcEntry>,
    mid_extension: Option<u8>,
}

#[derive(Clone, Copy, Debug)]
struct SsrcEntry {
    ssrc: u32,
    route: Route,
}

/// Where an SSRC leads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Route {
    pub(super) track: u8,
    pub(super) flow: Flow,
}

/// What an SSRC carries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Flow {
    Media,
    Retransmission,
}

/// How a packet's SSRC was found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Routed {
    Known(Route),
    /// The first packet of a new SSRC on its track.
    New(Route),
}

impl Leg {
    pub(super) fn new(config: LegConfig, room: u32, mut epoch: impl FnMut() -> u64) -> Self {
        let mut ssrcs = Vec::new();
        for (track, publish) in config.publish.iter().enumerate() {
            let track = track as u8;
            for (ssrc, flow) in
                [(publish.ssrc, Flow::Media), (publish.rtx_ssrc, Flow::Retransmission)]
            {
                ssrcs.extend(ssrc.map(|ssrc| SsrcEntry { ssrc, route: Route { track, flow } }));
            }
        }
        Self {
            key: config.leg,
            room,
            rtcp_ssrc: config.rtcp_ssrc,
            cname: config.cname.into(),
            inbound: None,
            receives: true,
            mid_extension: config.publish.iter().find_map(|track| track.extensions.mid),
            publishers: config
                .publish
                .into_iter()
                .map(|track| Publisher::new(track, epoch()))
                .collect(),
            slots: Vec::new(),
            arrivals: ArrivalLog::new(),
            round_trip: DEFAULT_ROUND_TRIP,
            ntp_offset: None,
            reports_armed: false,
            transport_cc_armed: false,
            ssrcs,
        }
    }

    /// Finds the track of an authenticated packet, by SSRC, else by mid, else by a payload type
    /// that only one track has ([RFC 9143 §9.2](https://www.rfc-editor.org/rfc/rfc9143#section-9.2)).
    #[inline]
    pub(super) fn route(
        &mut self,
        header: &RtpHeader,
        packet: &[u8],
    ) -> Result<Routed, DropReason> {
        match self.ssrcs.iter().find(|entry| entry.ssrc == header.ssrc) {
            Some(entry) => Ok(Routed::Known(entry.route)),
            None => self.route_new(header, packet),
        }
    }

    pub(super) fn publisher_of(&mut self, ssrc: u32) -> Option<&mut Publisher> {
        self.publishers.iter_mut().find(|publisher| publisher.ssrc == Some(ssrc))
    }

    pub(super) fn track_of(&self, kind: StreamKind) -> Option<u8> {
        self.publishers
            .iter()
            .position(|publisher| publisher.track.kind == kind)
            .map(|place| place as u8)
    }

    pub(super) fn microphone(&self) -> Option<&Publisher> {
        self.publishers.iter().find(|publisher| publisher.track.kind == StreamKind::Audio)
    }

    /// Tells whether media may go out to the leg.
    pub(super) fn is_live(&self) -> bool {
        self.inbound.is_some() && self.receives
    }

    /// Returns the feedback that any of the tracks agreed to.
    pub(super) fn feedback(&self) -> FeedbackModes {
        let mut all = FeedbackModes::default();
        for publisher in &self.publishers {
            let feedback = publisher.track.feedback;
            all.remb |= feedback.remb;
            all.transport_cc |=
                feedback.transport_cc && publisher.track.extensions.transport_cc.is_some();
        }
        all
    }

    #[cold]
    fn route_new(&mut self, header: &RtpHeader, packet: &[u8]) -> Result<Routed, DropReason> {
        let mid = self.mid_extension.and_then(|id| header.extensions(packet).value_of(id));
        let flow_on = |publisher: &Publisher| {
            let types = publisher.track.payload_types;
            if header.payload_type == types.media
                || Some(header.payload_type) == types.telephone_event
            {
                Some(Flow::Media)
            } else if Some(header.payload_type) == types.rtx {
                Some(Flow::Retransmission)
            } else {
                None
            }
        };
        let mut candidates = self
            .publishers
            .iter()
            .enumerate()
            .filter(|(_, publisher)| match mid {
                Some(mid) => publisher.track.mid.as_bytes() == mid,
                None => true,
            })
            .filter_map(|(track, publisher)| Some((track, flow_on(publisher)?)));
        let (Some((track, flow)), None) = (candidates.next(), candidates.next()) else {
            return Err(DropReason::UnknownTrack);
        };
        if self.ssrcs.len() >= MAX_SSRCS {
            return Err(DropReason::SsrcTableFull);
        }
        let route = Route { track: track as u8, flow };
        self.ssrcs.push(SsrcEntry { ssrc: header.ssrc, route });
        Ok(Routed::New(route))
    }
}

/// Before the first measurement: a fair guess at a continent's width.
const DEFAULT_ROUND_TRIP: Duration = Duration::from_millis(100);
/// A peer that restarts a track keeps its name and changes the SSRC. Twenty-four covers many
/// restarts of every track; a peer that wants more is not a browser.
const MAX_SSRCS: usize = 24;
