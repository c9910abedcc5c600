//! The calls that go on, for whoever runs the exchange: seen, followed and ended from outside.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::mpsc;
use trunkline_call::MeetingInput;
use trunkline_media::control::StreamKind;
use trunkline_media::router::StreamReport;
use trunkline_proto::admin::v1 as wire;
use trunkline_proto::calling::v1 as calling;
use trunkline_proto::meetings::v1::{MeetingAction, Nothing, meeting_action};
use trunkline_reasons::EndReason;
use trunkline_transport::{LegState, LegStatus};

use crate::calls::{CallHandle, CallMessage, InspectedLeg, Reader, WatchError, WatchItem};
use crate::commands::{self, CallingError};
use crate::meetings::MeetingActor;
use crate::node::Node;

/// Every call of the exchange, whoever is in it.
#[derive(Clone, Debug)]
pub struct LiveCalls {
    node: Node,
}

impl Node {
    /// Returns the calls that go on. What may look at them is the caller's to decide.
    pub fn live_calls(&self) -> LiveCalls {
        LiveCalls { node: self.clone() }
    }
}

impl LiveCalls {
    /// Returns all of them, oldest first.
    pub async fn list(&self) -> Vec<wire::LiveCall> {
        let calls = self.node.calls().all();
        let looks = calls.into_iter().map(|call| self.look(call, Past::LeftOut));
        let mut found: Vec<_> = join_all(looks).await.into_iter().flatten().collect();
        let started = |live: &wire::LiveCall| {
            let at = live.call.as_ref().and_then(|call| call.started_at);
            at.map(|at| (at.seconds, at.nanos))
        };
        found.sort_by_key(started);
        found
    }

    /// Returns one, also for a while after its end.
    ///
    /// # Errors
    ///
    /// The id is malformed, or there is no such call.
    pub async fn get(&self, call_id: &str) -> Result<wire::LiveCall, CallingError> {
        let call = commands::find(&self.node, call_id)?;
        self.look(call, Past::Shown).await.ok_or(CallingError::NotFound)
    }

    /// Streams the events of one: a snapshot and what follows, or what follows a cursor.
    ///
    /// # Errors
    ///
    /// There is no such call, the cursor is too old, or too many read it already.
    pub async fn watch(
        &self,
        call_id: &str,
        after_seq: Option<u64>,
    ) -> Result<mpsc::Receiver<WatchItem>, WatchError> {
        let call = commands::find(&self.node, call_id).map_err(|_| WatchError::NotFound)?;
        call.watch(Reader::Operator, after_seq).await
    }

    /// Ends one for everybody in it, and a meeting with its call.
    ///
    /// # Errors
    ///
    /// The id is malformed, there is no such call, or it is over.
    pub async fn end(&self, call_id: &str) -> Result<(), CallingError> {
        let call = commands::find(&self.node, call_id)?;
        let inspected = call.ask(|answer| CallMessage::Inspect { answer }).await;
        if inspected.is_none_or(|call| call.is_over) {
            return Err(CallingError::NotFound);
        }
        let id = call.id();
        tracing::info!(call = %id, "a call is ended from outside");
        if let Some(meeting) = call.meeting() {
            let action = MeetingAction { kind: Some(meeting_action::Kind::End(Nothing {})) };
            let operation_id = format!("end-{id}");
            let name = meeting.id().to_string();
            let meetings = self.node.meetings();
            let ended = meetings.act(&MeetingActor::Application, &name, &operation_id, action);
            return ended.await.map(drop).map_err(CallingError::from);
        }
        let end = Box::new(MeetingInput::EndCall { reason: EndReason::ENDED_FOR_EVERYONE });
        call.tell(CallMessage::MeetingStep(end)).await;
        Ok(())
    }

    async fn look(&self, handle: CallHandle, past: Past) -> Option<wire::LiveCall> {
        let inspected = handle.ask(|answer| CallMessage::Inspect { answer }).await?;
        if inspected.is_over && past == Past::LeftOut {
            return None;
        }
        let legs = inspected.legs.into_iter().map(|leg| self.look_at_leg(leg));
        Some(wire::LiveCall {
            call: Some(inspected.call),
            meeting_id: handle
                .meeting()
                .map(|meeting| meeting.id().to_string())
                .unwrap_or_default(),
            room_id: handle.room().map(ToString::to_string).unwrap_or_default(),
            legs: join_all(legs).await,
        })
    }

    async fn look_at_leg(&self, leg: InspectedLeg) -> wire::MediaLeg {
        let mut told = wire::MediaLeg {
            participant_id: leg.participant_id.to_string(),
            call_connection_id: leg.connection_id.to_string(),
            ..wire::MediaLeg::default()
        };
        if let Some((profile, since_offer)) = leg.connected {
            told.srtp_profile = profile.to_string();
            told.connect_ms = millis(since_offer);
        }
        // Without a status the leg is about to be made, or to be taken away.
        if let Some(LegStatus { state, peer, report }) =
            self.node.plane().inspect_leg(leg.key).await
        {
            told.set_state(leg_state(state));
            told.peer_address = peer.map(|peer| peer.to_string()).unwrap_or_default();
            told.round_trip_ms = millis(report.round_trip);
            told.packets_sent = report.packets_sent;
            told.published = report.published.into_iter().map(published).collect();
        }
        told
    }
}

fn published(stream: StreamReport) -> wire::PublishedStream {
    let kind = match stream.kind {
        StreamKind::Audio => calling::StreamKind::Audio,
        StreamKind::Camera => calling::StreamKind::Camera,
        StreamKind::Screen => calling::StreamKind::Screen,
    };
    wire::PublishedStream {
        kind: kind.into(),
        packets_received: stream.packets_received,
        packets_lost: stream.packets_lost,
        jitter_us: u32::try_from(stream.jitter.as_micros()).unwrap_or(u32::MAX),
        is_enabled: stream.is_enabled,
    }
}

fn leg_state(state: LegState) -> wire::MediaLegState {
    match state {
        LegState::Connected => wire::MediaLegState::Connected,
        LegState::Connecting => wire::MediaLegState::Connecting,
        LegState::Failed => wire::MediaLegState::Failed,
        LegState::Interrupted => wire::MediaLegState::Interrupted,
    }
}

fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

/// What happens to calls that are over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Past {
    LeftOut,
    Shown,
}
