//! The calls of an agent: commands out, events in.

use std::sync::Arc;

use trunkline_call::{CallKind, CallState, Direction};
use trunkline_clock::Timestamp;
use trunkline_ids::CallId;
use trunkline_proto::{
    calling::v1 as calling,
    common::v1 as common,
    signaling::v1::{self as signaling, Command, command::Kind, server_frame},
};
use trunkline_reasons::EndReason;
use trunkline_signaling::session::SendError;

use super::{
    AgentEvent,
    actor::Actor,
    command::{set_call_id, set_operation_id, with_offer},
    link::{Completion, Internal, Request},
    operations::{Pending, Waiter},
};
use crate::{
    call::{
        Call, CallInfo, CallKey, CallModel, CallShared, CallerInfo, call_kind,
        model::{Applied, Change},
        stream_kind, text,
    },
    error::{OperationFailure, Refusal},
    identity::{self, CallEndReason},
    incoming::{IncomingCall, IncomingCallState, IncomingShared},
    media::{Engine, EngineEvent, MediaControl, MediaOptions, MediaState},
};

impl Actor {
    pub(super) fn handle_request(&mut self, request: Request) {
        match request {
            Request::Start { call, command, media } => {
                self.calls.insert(call.key, Arc::clone(&call));
                self.calls_updated(Some(&call), None);
                self.start(&call, command, media, Waiter::Start);
            }
            Request::Accept { incoming, media, reply } => {
                let mut model = CallModel::new(Direction::Incoming, incoming.info.kind);
                model.caller = Some(incoming.caller.clone());
                model.thread_id.clone_from(&incoming.info.thread_id);
                let key = CallKey(
                    self.shared.next_key.fetch_add(1, std::sync::atomic::Ordering::Relaxed),
                );
                let call = CallShared::new(key, self.shared.link.clone(), model);
                self.calls.insert(key, Arc::clone(&call));
                let request = calling::AcceptCallRequest {
                    call_id: incoming.call_id.to_string(),
                    ..calling::AcceptCallRequest::default()
                };
                let waiter = Waiter::Accept { incoming, reply };
                self.start(&call, Kind::AcceptCall(request), media, waiter);
            }
            Request::Reject { call_id, reply } => {
                let request = calling::RejectCallRequest {
                    call_id: call_id.to_string(),
                    ..calling::RejectCallRequest::default()
                };
                self.send(None, Kind::RejectCall(request), Waiter::Reject(reply));
            }
            Request::Operate { key, command, completion, reply } => {
                self.operate(key, command, Waiter::Operation { completion, reply });
            }
            Request::AddParticipant { key, command, participant } => {
                self.operate(key, command, Waiter::AddParticipant(participant));
            }
            // Handled by the actor itself.
            Request::Cut { .. } | Request::Dispose { .. } | Request::DropTransport => {}
        }
    }

    pub(super) fn handle_internal(&mut self, internal: Internal) {
        match internal {
            Internal::Prepared { key, result } => {
                let Some((command, waiter)) = self.take_prepared(key) else { return };
                let Some(call) = self.calls.get(&key).cloned() else {
                    waiter.fail(OperationFailure::CallEnded(None));
                    return;
                };
                match result {
                    Ok((engine, handle, offer)) => {
                        call.set_media(Some(handle));
                        self.send(Some(key), with_offer(command, &offer), waiter);
                        tokio::spawn(Engine::run(engine));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "media of a call cannot be set up");
                        let reason = CallEndReason::from(EndReason::MEDIA_SET_UP_FAILED);
                        waiter.fail(OperationFailure::CallEnded(Some(reason.clone())));
                        self.end_call(&call, Some(reason));
                    }
                }
            }
            Internal::Engine { key, event } => self.handle_engine(key, event),
            // Handled by the actor itself.
            Internal::Token(_) => {}
        }
    }

    /// Takes a sequenced body of the exchange.
    pub(super) fn deliver(&mut self, body: server_frame::Body) {
        match body {
            server_frame::Body::CommandResult(result) => self.command_result(result),
            server_frame::Body::IncomingCall(incoming) => self.incoming_call(incoming),
            server_frame::Body::IncomingCallEnded(ended) => {
                let known =
                    ended.call_id.parse().ok().and_then(|id: CallId| self.incoming.remove(&id));
                if let Some(incoming) = known {
                    let reason = ended.reason.map(Into::into);
                    incoming.set_state(IncomingCallState::Ended(reason));
                }
            }
            server_frame::Body::CallEvent(ref event) => {
                if let Some(call) = self.claim(&event.call_id, &body) {
                    self.call_event(&call, event);
                }
            }
            server_frame::Body::MediaAnswer(ref answer) => {
                if let Some(call) = self.claim(&answer.call_id, &body)
                    && let Some(media) = call.media()
                {
                    media.tell(MediaControl::Answer(answer.sdp.clone()));
                }
            }
            server_frame::Body::MediaAssignments(ref assignments) => {
                if let Some(call) = self.claim(&assignments.call_id, &body)
                    && let Some(media) = call.media()
                {
                    for assignment in &assignments.assignments {
                        let Some(kind) = stream_kind(assignment.kind) else { continue };
                        media.tell(MediaControl::Assign {
                            mid: assignment.mid.clone(),
                            participant_id: assignment.participant_id.parse().ok(),
                            kind,
                        });
                    }
                }
            }
            server_frame::Body::MediaStateChanged(ref change) => {
                if let Some(call) = self.claim(&change.call_id, &body) {
                    media_state_changed(&call, change);
                }
            }
            server_frame::Body::TokenExpiring(_) => self.refresh_token(),
            server_frame::Body::TokenRefreshed(refreshed) => {
                if let Some(error) = refreshed.error {
                    tracing::warn!(code = error.code, "the exchange refused the new token");
                }
            }
            // Who is where is in the events of the call; the rest of a meeting is not kept here.
            server_frame::Body::MeetingEvent(_) => {}
            // The session machine keeps these to itself.
            server_frame::Body::Welcome(_)
            | server_frame::Body::Ping(_)
            | server_frame::Body::Pong(_)
            | server_frame::Body::SessionClosed(_) => {}
        }
    }

    /// Ends every call and every ringing, because the session in which they lived is over.
    pub(super) fn end_all_calls(&mut self) {
        let reason = CallEndReason::from(EndReason::NETWORK_LOST);
        let calls: Vec<_> = self.calls.values().cloned().collect();
        for call in calls {
            self.end_call(&call, Some(reason.clone()));
        }
        for (_, incoming) in self.incoming.drain() {
            incoming.set_state(IncomingCallState::Ended(Some(reason.clone())));
        }
        self.operations.end_session();
        self.unclaimed.clear();
    }

    pub(super) fn hang_up_all(&mut self) {
        let keys: Vec<CallKey> = self.calls.keys().copied().collect();
        for key in keys {
            let command = Kind::HangUp(calling::HangUpRequest::default());
            self.operate(key, command, Waiter::Nobody);
        }
    }

    /// Sets up media again where it failed while the exchange could not be told.
    pub(super) fn restart_failed_media(&mut self) {
        for call in self.calls.values() {
            if let Some(media) = call.media()
                && media.statistics().state == MediaState::Failed
            {
                media.tell(MediaControl::Restart);
            }
        }
    }

    fn start(
        &mut self,
        call: &Arc<CallShared>,
        command: Kind,
        media: Option<MediaOptions>,
        waiter: Waiter,
    ) {
        let Some(options) = media else {
            self.send(Some(call.key), command, waiter);
            return;
        };
        self.preparing.insert(call.key, (command, waiter));
        let (key, gate) = (call.key, self.gate.clone());
        let is_local = self.config.exchange_is_local;
        let internal = self.internal.clone();
        tokio::spawn(async move {
            let (events, mut received) = tokio::sync::mpsc::unbounded_channel();
            let result = Engine::new(options, is_local, gate, events).await;
            // The actor may be gone by then, and with it everybody who wants to know.
            let _ = internal.send(Internal::Prepared { key, result });
            while let Some(event) = received.recv().await {
                let _ = internal.send(Internal::Engine { key, event });
            }
        });
    }

    fn operate(&mut self, key: CallKey, mut command: Kind, waiter: Waiter) {
        let Some(call) = self.calls.get(&key) else {
            // The handle outlived the call.
            if let Waiter::Operation { completion: Completion::CallEnded, .. } = &waiter {
                waiter.succeed();
            } else {
                waiter.fail(OperationFailure::CallEnded(None));
            }
            return;
        };
        let Some(call_id) = call.model().call_id else {
            self.operations.wait(key, command, waiter);
            return;
        };
        set_call_id(&mut command, call_id);
        self.send(Some(key), command, waiter);
    }

    fn send(&mut self, call: Option<CallKey>, mut command: Kind, waiter: Waiter) {
        let operation_id = self.operations.begin(call, waiter);
        set_operation_id(&mut command, operation_id.clone());
        if let Err(error) = self.session.send(Command { kind: Some(command) }) {
            let failure = match error {
                SendError::Ended => OperationFailure::SessionEnded,
                SendError::Full { .. } => OperationFailure::Busy,
            };
            let Some(pending) = self.operations.take(&operation_id) else { return };
            let is_start = matches!(pending.waiter, Waiter::Start | Waiter::Accept { .. });
            pending.waiter.fail(failure);
            let call = call.and_then(|key| self.calls.get(&key).cloned());
            if let Some(call) = call.filter(|_| is_start) {
                self.end_call(&call, Some(EndReason::NETWORK_LOST.into()));
            }
        }
    }

    fn command_result(&mut self, result: signaling::CommandResult) {
        let Some(Pending { call: key, waiter }) = self.operations.take(&result.operation_id) else {
            return;
        };
        let call = key.and_then(|key| self.calls.get(&key).cloned());
        if let Some(error) = result.error {
            self.command_refused(call, waiter, error);
            return;
        }
        match waiter {
            Waiter::Start => {
                if let Some(call) = call {
                    self.identify(&call, &result);
                }
            }
            Waiter::Accept { incoming, reply } => {
                let Some(call) = call else { return };
                incoming.set_state(IncomingCallState::Accepted);
                self.incoming.remove(&incoming.call_id);
                self.calls_updated(Some(&call), None);
                self.identify(&call, &result);
                // The application may have stopped waiting; the call is in its list all the same.
                let _ = reply.send(Ok(Call { shared: call }));
            }
            Waiter::AddParticipant(participant) => {
                if let (Some(call), Ok(id)) = (call, result.added_participant_id.parse()) {
                    let mut changes = Vec::new();
                    call.model().name_pending(participant, id, &mut changes);
                    self.publish(&call, changes, None);
                }
            }
            waiter @ (Waiter::Operation { completion: Completion::TakenUp, .. }
            | Waiter::Reject(_)
            | Waiter::Nobody) => waiter.succeed(),
            waiter @ Waiter::Operation {
                completion: Completion::Terminal | Completion::CallEnded,
                ..
            } => self.operations.put_back(result.operation_id, Pending { call: key, waiter }),
        }
    }

    fn command_refused(
        &mut self,
        call: Option<Arc<CallShared>>,
        waiter: Waiter,
        error: common::Error,
    ) {
        let refusal = Refusal::from(error);
        let reason = refusal.reason.clone();
        match (&waiter, call) {
            (Waiter::Start | Waiter::Accept { .. }, Some(call)) => self.end_call(&call, reason),
            (Waiter::AddParticipant(participant), Some(call)) => {
                let mut changes = Vec::new();
                call.model().fail_pending(*participant, reason, &mut changes);
                self.publish(&call, changes, None);
            }
            (
                Waiter::Start
                | Waiter::Accept { .. }
                | Waiter::AddParticipant(_)
                | Waiter::Nobody
                | Waiter::Operation { .. }
                | Waiter::Reject(_),
                _,
            ) => {}
        }
        waiter.fail(OperationFailure::Refused(refusal));
    }

    /// Takes the exchange's names for a call, and everything that waited for them.
    fn identify(&mut self, call: &Arc<CallShared>, result: &signaling::CommandResult) {
        let Ok(call_id) = result.call_id.parse::<CallId>() else { return };
        let own = result.participant_id.parse().ok();
        let connection = result.call_connection_id.parse().ok();
        let change = call.model().identify(call_id, own, connection);
        self.by_id.insert(call_id, call.key);
        self.publish(call, vec![change], None);
        let unclaimed = std::mem::take(&mut self.unclaimed);
        for (id, body) in unclaimed {
            if id == call_id {
                self.deliver(body);
            } else {
                self.unclaimed.push((id, body));
            }
        }
        for (command, waiter) in self.operations.take_waiting(call.key) {
            self.operate(call.key, command, waiter);
        }
    }

    fn incoming_call(&mut self, incoming: calling::IncomingCall) {
        let Ok(call_id) = incoming.call_id.parse::<CallId>() else { return };
        let caller = CallerInfo {
            identifier: identity::identifier(incoming.caller),
            display_name: text(&incoming.caller_display_name),
        };
        let info = CallInfo {
            thread_id: incoming.thread_id.parse().ok(),
            kind: call_kind(incoming.kind).unwrap_or(CallKind::OneToOne),
        };
        let link = self.shared.link.clone();
        let shared = IncomingShared::new(call_id, caller, info, link);
        self.incoming.insert(call_id, Arc::clone(&shared));
        self.shared.events.push(AgentEvent::IncomingCall(IncomingCall { shared }));
    }

    fn call_event(&mut self, call: &Arc<CallShared>, event: &calling::CallEvent) {
        call.raw_events.push(event.clone());
        let mut changes = Vec::new();
        let applied = call.model().apply(event, &mut changes);
        if applied == Applied::Gap {
            tracing::warn!(seq = event.seq, "a call's events have a gap; asking for a snapshot");
            let command = Kind::GetSnapshot(signaling::GetSnapshot::default());
            self.operate(call.key, command, Waiter::Nobody);
            return;
        }
        for change in &changes {
            if let Change::Operation { operation_id, refusal, .. } = change
                && let Some(pending) = self.operations.take(operation_id)
            {
                self.operation_completed(operation_id, pending, refusal.clone());
            }
        }
        self.publish(call, changes, Some(event));
    }

    fn operation_completed(
        &mut self,
        operation_id: &str,
        pending: Pending,
        refusal: Option<Refusal>,
    ) {
        match (&pending.waiter, refusal) {
            // Their result frame has more to say, and is still to come.
            (Waiter::Start | Waiter::Accept { .. } | Waiter::AddParticipant(_), _) => {
                self.operations.put_back(operation_id.to_owned(), pending);
            }
            (Waiter::Nobody | Waiter::Operation { .. } | Waiter::Reject(_), Some(refusal)) => {
                pending.waiter.fail(OperationFailure::Refused(refusal));
            }
            (Waiter::Nobody | Waiter::Operation { .. } | Waiter::Reject(_), None) => {
                pending.waiter.succeed();
            }
        }
    }

    fn handle_engine(&mut self, key: CallKey, event: EngineEvent) {
        let Some(call) = self.calls.get(&key).cloned() else { return };
        match event {
            EngineEvent::State(state) => {
                let time = self.clock.now().wall;
                call.media_state_changed(state, time);
                if state == MediaState::Failed
                    && self.session.is_open()
                    && let Some(media) = call.media()
                {
                    media.tell(MediaControl::Restart);
                }
            }
            EngineEvent::RestartOffer(offer) => {
                let request = signaling::RestartMedia {
                    media: Some(calling::MediaOffer { sdp: offer.sdp, tracks: offer.tracks }),
                    ..signaling::RestartMedia::default()
                };
                self.operate(key, Kind::RestartMedia(request), Waiter::Nobody);
            }
        }
    }

    /// Emits what changed, opens and shuts the microphone and cameras, and lets a call that is over
    /// go.
    fn publish(
        &mut self,
        call: &Arc<CallShared>,
        changes: Vec<Change>,
        event: Option<&calling::CallEvent>,
    ) {
        if changes.is_empty() {
            // Somebody may wait for the position rather than for a change.
            call.emit(Vec::new());
            return;
        }
        call.publish(changes, event, self.clock.now().wall);
        if let Some(media) = call.media() {
            let model = call.model();
            let is_connected = model.state == CallState::Connected;
            media.tell(MediaControl::SendMicrophone(is_connected && !model.is_muted));
            media.tell(MediaControl::SendCamera(is_connected && model.is_video_on));
            media.tell(MediaControl::SendScreen(is_connected && model.is_screen_sharing_on));
        }
        if call.model().is_over() {
            self.forget(call);
        }
    }

    fn end_call(&mut self, call: &Arc<CallShared>, reason: Option<CallEndReason>) {
        let mut changes = Vec::new();
        let now: Timestamp = self.clock.now().wall;
        call.model().end_locally(now, reason, &mut changes);
        self.publish(call, changes, None);
        self.forget(call);
    }

    fn forget(&mut self, call: &Arc<CallShared>) {
        if self.calls.remove(&call.key).is_none() {
            return;
        }
        if let Some((_, waiter)) = self.preparing.remove(&call.key) {
            waiter.fail(OperationFailure::CallEnded(None));
        }
        if let Some(media) = call.media() {
            media.tell(MediaControl::Close);
        }
        let (call_id, reason) = {
            let model = call.model();
            (model.call_id, model.call_end_reason.clone())
        };
        if let Some(call_id) = call_id {
            self.by_id.remove(&call_id);
        }
        self.operations.end_call(call.key, reason.as_ref());
        call.events.close();
        call.raw_events.close();
        self.calls_updated(None, Some(call));
    }

    fn calls_updated(
        &mut self,
        added: Option<&Arc<CallShared>>,
        removed: Option<&Arc<CallShared>>,
    ) {
        let call = |shared: &Arc<CallShared>| Call { shared: Arc::clone(shared) };
        let added: Vec<Call> = added.map(call).into_iter().collect();
        let removed: Vec<Call> = removed.map(call).into_iter().collect();
        let mut state = self.lock();
        let known = state.calls.len();
        state.calls.retain(|call| !removed.contains(call));
        // An acceptance that was refused was never in the list.
        let is_news = !added.is_empty() || state.calls.len() < known;
        state.calls.extend(added.iter().cloned());
        drop(state);
        if is_news {
            self.shared.events.push(AgentEvent::CallsUpdated { added, removed });
        }
    }

    /// Finds the call that a body is about, or keeps the body until the exchange has said which
    /// start that call came from.
    fn claim(&mut self, call_id: &str, body: &server_frame::Body) -> Option<Arc<CallShared>> {
        let call_id: CallId = call_id.parse().ok()?;
        if let Some(call) = self.by_id.get(&call_id).and_then(|key| self.calls.get(key)) {
            return Some(Arc::clone(call));
        }
        // Without a start under way it is about a call that is over.
        let is_starting = self.calls.values().any(|call| call.model().call_id.is_none());
        if is_starting && self.unclaimed.len() < UNCLAIMED_LIMIT {
            self.unclaimed.push((call_id, body.clone()));
        }
        None
    }

    fn take_prepared(&mut self, key: CallKey) -> Option<(Kind, Waiter)> {
        self.preparing.remove(&key)
    }
}

fn media_state_changed(call: &CallShared, change: &signaling::MediaStateChanged) {
    let Some(media) = call.media() else { return };
    let is_connected = change.state() == signaling::MediaState::Connected;
    media.update_statistics(|statistics| {
        if is_connected {
            statistics.srtp_profile = text(&change.srtp_profile);
            let elapsed = std::time::Duration::from_millis(u64::from(change.since_offer_ms));
            statistics.exchange_connect_time.get_or_insert(elapsed);
        }
    });
}

/// Frames that come between the exchange's taking up a start and its saying so: a snapshot, a few
/// events, an answer.
const UNCLAIMED_LIMIT: usize = 256;
