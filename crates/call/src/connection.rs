//! One connection of a call: one participant's leg, from the invitation or the join to the end.

use std::collections::BTreeSet;

use trunkline_clock::Timestamp;
use trunkline_ids::{
    CallConnectionId, CallId, CommunicationIdentifier, DisplayName, EndpointId, ParticipantId,
};
use trunkline_reasons::EndReason;

use crate::{
    aggregate::OperationKey,
    input::{MediaMode, MediaRights},
    roster::{Direction, ParticipantView},
    state::{CallState, ParticipantState},
};

/// The order of arrival: names a connection inside the aggregate.
pub(crate) type Ordinal = u32;

/// One participant's leg. Its state changes only through the aggregate's walk of the table.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) participant_id: ParticipantId,
    pub(crate) connection_id: CallConnectionId,
    pub(crate) identifier: CommunicationIdentifier,
    pub(crate) display_name: Option<DisplayName>,
    pub(crate) direction: Direction,
    pub(crate) stage: Stage,
    pub(crate) state: CallState,
    pub(crate) end_reason: Option<EndReason>,
    pub(crate) is_holding: bool,
    pub(crate) rights: MediaRights,
    pub(crate) is_muted: bool,
    /// What subscribers were told; the latest measurement waits in `is_speaking_measured`.
    pub(crate) is_speaking: bool,
    pub(crate) is_speaking_measured: bool,
    pub(crate) is_video_on: bool,
    pub(crate) is_sharing_screen: bool,
    /// The target of the transfer that this one has under way.
    pub(crate) transferring_to: Option<ParticipantId>,
    pub(crate) joined_at: Option<Timestamp>,
    /// Operations that end when the connection is established or has ended.
    pub(crate) awaiting: Vec<OperationKey>,
}

/// How far the connection has come besides its state.
#[derive(Debug)]
pub(crate) enum Stage {
    /// Endpoints of the user ring; none has accepted.
    Invited(Ringing),
    /// An endpoint placed, joined or accepted the call.
    Joined(Joined),
}

/// The endpoints that ring for an invited participant.
#[derive(Debug)]
pub(crate) struct Ringing {
    pub(crate) inviter: CommunicationIdentifier,
    pub(crate) inviter_display_name: Option<DisplayName>,
    pub(crate) endpoints: BTreeSet<EndpointId>,
    pub(crate) has_busy: bool,
    pub(crate) has_declined: bool,
}

/// The endpoint that has the connection, and its transport.
#[derive(Debug)]
pub(crate) struct Joined {
    pub(crate) endpoint: EndpointId,
    pub(crate) via: Via,
    pub(crate) media: MediaMode,
    /// Whether it waits in the lobby.
    pub(crate) is_held: bool,
    pub(crate) is_media_up: bool,
    pub(crate) is_media_interrupted: bool,
    pub(crate) is_transport_lost: bool,
    /// What the media plane was told last; `None` before the peer connection is up.
    pub(crate) told: Option<MediaSwitches>,
}

/// How an endpoint came into the call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Via {
    Acceptance,
    Join,
    Placement,
}

/// Which of the connection's streams are let through.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct MediaSwitches {
    pub(crate) audio: bool,
    pub(crate) camera: bool,
    pub(crate) screen: bool,
    pub(crate) receive: bool,
}

impl Connection {
    pub(crate) fn new(
        call_id: CallId,
        ordinal: Ordinal,
        identifier: CommunicationIdentifier,
        display_name: Option<DisplayName>,
        stage: Stage,
    ) -> Self {
        let direction = match &stage {
            Stage::Invited(_) => Direction::Incoming,
            Stage::Joined(_) => Direction::Outgoing,
        };
        let participant = derived_bytes(call_id, ordinal, 1);
        let connection = derived_bytes(call_id, ordinal, 2);
        Self {
            participant_id: ParticipantId::from_uuid_bytes(participant),
            connection_id: CallConnectionId::from_uuid_bytes(connection),
            identifier,
            display_name,
            direction,
            stage,
            state: CallState::None,
            end_reason: None,
            is_holding: false,
            rights: MediaRights::ALL,
            is_muted: false,
            is_speaking: false,
            is_speaking_measured: false,
            is_video_on: false,
            is_sharing_screen: false,
            transferring_to: None,
            joined_at: None,
            awaiting: Vec::new(),
        }
    }

    pub(crate) fn joined(&self) -> Option<&Joined> {
        match &self.stage {
            Stage::Invited(_) => None,
            Stage::Joined(joined) => Some(joined),
        }
    }

    pub(crate) fn joined_mut(&mut self) -> Option<&mut Joined> {
        match &mut self.stage {
            Stage::Invited(_) => None,
            Stage::Joined(joined) => Some(joined),
        }
    }

    pub(crate) fn ringing(&self) -> Option<&Ringing> {
        match &self.stage {
            Stage::Invited(ringing) => Some(ringing),
            Stage::Joined(_) => None,
        }
    }

    pub(crate) fn ringing_mut(&mut self) -> Option<&mut Ringing> {
        match &mut self.stage {
            Stage::Invited(ringing) => Some(ringing),
            Stage::Joined(_) => None,
        }
    }

    /// Media flows only between established connections, and never to or from one that holds.
    pub(crate) fn switches(&self) -> MediaSwitches {
        let flows = self.state.is_established() && !self.is_holding;
        MediaSwitches {
            audio: flows && self.rights.audio && !self.is_muted,
            camera: flows && self.rights.camera && self.is_video_on,
            screen: flows && self.rights.screen && self.is_sharing_screen,
            receive: flows,
        }
    }

    pub(crate) fn view(&self) -> ParticipantView {
        ParticipantView {
            participant_id: self.participant_id,
            identifier: self.identifier.clone(),
            display_name: self.display_name.clone(),
            connection_id: self.joined().map(|_| self.connection_id),
            direction: self.direction,
            state: ParticipantState::of(self.state),
            call_state: self.state,
            call_end_reason: self.end_reason,
            is_muted: self.is_muted,
            is_speaking: self.is_speaking,
            is_video_on: self.is_video_on,
            is_screen_sharing_on: self.is_sharing_screen,
            transferring_to: self.transferring_to,
            joined_at: self.joined_at,
        }
    }
}

impl Joined {
    pub(crate) fn new(endpoint: EndpointId, via: Via, media: MediaMode) -> Self {
        Self {
            endpoint,
            via,
            media,
            is_held: false,
            is_media_up: false,
            is_media_interrupted: false,
            is_transport_lost: false,
            told: None,
        }
    }
}

impl Ringing {
    pub(crate) fn new(
        inviter: CommunicationIdentifier,
        inviter_display_name: Option<DisplayName>,
    ) -> Self {
        Self {
            inviter,
            inviter_display_name,
            endpoints: BTreeSet::new(),
            has_busy: false,
            has_declined: false,
        }
    }

    /// The reason when no endpoint is left to ring. One that declined speaks for the user more than
    /// one that is busy, and that more than one that went away.
    pub(crate) fn exhausted(&self, is_phone: bool) -> EndReason {
        match (self.has_declined, self.has_busy) {
            (true, _) => EndReason::DECLINED_BY_ALL_ENDPOINTS,
            (false, true) if is_phone => EndReason::PHONE_BUSY,
            (false, true) => EndReason::BUSY_EVERYWHERE,
            (false, false) => EndReason::ENDPOINT_UNREACHABLE,
        }
    }
}

/// Derives the id of a participant or a connection from that of the call, so that the aggregate
/// needs no randomness. Each half is mixed by a bijection: within a call no two ids are equal, and
/// two calls share one only if their own ids differ in the low bits alone.
fn derived_bytes(call_id: CallId, ordinal: Ordinal, purpose: u64) -> [u8; 16] {
    let bytes = u128::from_be_bytes(call_id.to_uuid_bytes());
    let high = mix(((bytes >> 64) as u64) ^ purpose.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let low = mix((bytes as u64) ^ (purpose << 32) ^ u64::from(ordinal));
    ((u128::from(high) << 64) | u128::from(low)).to_be_bytes()
}

/// The finalizer of SplitMix64, a bijection.
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
