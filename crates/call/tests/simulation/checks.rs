//! The laws, checked on everything that a call puts out.

use std::collections::{BTreeMap, BTreeSet};

use trunkline_call::{
    CALL_EDGES, Call, CallKind, CallState, EndpointCommand, Event, EventKind, MediaCommand, Output,
    PARTICIPANT_EDGES, ParticipantState, Profile, Roster, StreamKind, TRANSFER_EDGES,
    TransferState,
};
use trunkline_ids::{CallConnectionId, EndpointId, OperationId, ParticipantId};
use trunkline_reasons::EndReason;

/// What the call has put out so far, as far as the laws need it.
#[derive(Debug)]
pub(crate) struct Checks {
    roster: Roster,
    kind: CallKind,
    states: BTreeMap<ParticipantId, (CallState, ParticipantState)>,
    ends: BTreeMap<ParticipantId, EndReason>,
    /// Rung and not told to stop, nor given the call.
    ringing: BTreeSet<(EndpointId, CallConnectionId)>,
    attached: BTreeSet<(EndpointId, CallConnectionId)>,
    peers: BTreeSet<CallConnectionId>,
    closed: BTreeSet<CallConnectionId>,
    terminals: BTreeMap<(EndpointId, OperationId), u32>,
    /// By the target: who transfers, and how far it has come.
    transfers: BTreeMap<ParticipantId, (ParticipantId, TransferState)>,
    pub(crate) accepted_transfers: u64,
    pub(crate) failed_transfers: u64,
    pub(crate) has_ended: bool,
    pub(crate) events: u64,
    /// A digest of all events: two lives of one seed have the same.
    pub(crate) digest: u64,
}

impl Checks {
    pub(crate) fn new(call: &Call) -> Self {
        Self {
            roster: Roster::new(&call.snapshot()),
            kind: call.kind(),
            states: BTreeMap::new(),
            ends: BTreeMap::new(),
            ringing: BTreeSet::new(),
            attached: BTreeSet::new(),
            peers: BTreeSet::new(),
            closed: BTreeSet::new(),
            terminals: BTreeMap::new(),
            transfers: BTreeMap::new(),
            accepted_transfers: 0,
            failed_transfers: 0,
            has_ended: false,
            events: 0,
            digest: 0,
        }
    }

    /// A connection with a peer connection begins; its media must be closed in the end.
    pub(crate) fn expect_close(&mut self, connection_id: CallConnectionId) {
        self.peers.insert(connection_id);
    }

    pub(crate) fn output(&mut self, call: &Call, output: &Output) {
        match output {
            Output::Endpoint(command) => self.endpoint_command(command),
            Output::Event(event) => self.event(event),
            Output::Media(command) => self.media_command(call, command),
            Output::OperationStarted { .. } | Output::Repeated { .. } => {}
            // Only the first refusal is the end of the operation, later ones repeat it.
            Output::Rejected { endpoint, operation_id, .. } => {
                self.terminals.entry((endpoint.clone(), operation_id.clone())).or_insert(1);
            }
        }
    }

    /// Checks that hold between two steps.
    pub(crate) fn at_rest(&self, call: &Call) {
        assert_eq!(self.roster, Roster::new(&call.snapshot()), "events add up to the snapshot");
        let established = self.roster.participants().filter(|p| p.call_state.is_established());
        let is_pair = established.count() == 2;
        let mut sharers = 0;
        for participant in self.roster.participants() {
            sharers += usize::from(participant.is_screen_sharing_on);
            assert!(participant.call_state != CallState::RemoteHold || is_pair);
        }
        assert!(sharers <= 1, "one sharer at a time");
        for participant in self.roster.participants() {
            let own = self.transfers.iter().filter(|(_, (transferor, state))| {
                *transferor == participant.participant_id && !state.is_final()
            });
            let targets: Vec<_> = own.map(|(target, _)| *target).collect();
            let shown: Vec<_> = participant.transferring_to.into_iter().collect();
            assert_eq!(targets, shown, "one transfer at a time, and the roster shows it");
        }
        for (target, (transferor, state)) in &self.transfers {
            if *state == TransferState::Transferring {
                assert!(self.roster.participant(target).is_some(), "{target} is on its way");
            } else if *state == TransferState::Accepted {
                assert_eq!(self.roster.participant(transferor), None, "its place is taken");
            }
        }
    }

    /// Checks that nothing is left of a call that has ended.
    pub(crate) fn at_end(&self, call: &Call, operations: &BTreeSet<(EndpointId, OperationId)>) {
        assert!(self.has_ended && call.is_ended());
        assert_eq!(call.poll_timeout(), None, "no timer leaks");
        assert_eq!((call.timer_count(), call.pending_operation_count()), (0, 0));
        assert_eq!(call.participants().len(), 0, "no connection leaks");
        assert!(self.states.is_empty(), "everybody left the roster: {:?}", self.states);
        assert!(self.ringing.is_empty(), "no endpoint rings on: {:?}", self.ringing);
        assert!(self.attached.is_empty(), "no endpoint stays attached: {:?}", self.attached);
        assert_eq!(self.peers, self.closed, "every peer connection is closed");
        for operation in operations {
            assert_eq!(self.terminals.get(operation), Some(&1), "{operation:?} ends once");
        }
        assert_eq!(self.terminals.len(), operations.len());
        assert!(self.transfers.values().all(|(_, state)| state.is_final()), "transfers end");
        // A transfer brings somebody who may go while the call goes on.
        if self.kind == CallKind::OneToOne && self.transfers.is_empty() {
            let reasons: BTreeSet<_> = self.ends.values().copied().collect();
            assert_eq!(reasons, BTreeSet::from([call.end_reason().unwrap()]), "one cause");
        }
    }

    fn event(&mut self, event: &Event) {
        self.events += 1;
        assert_eq!(event.seq, self.events, "seq has neither gap nor duplicate");
        assert!(!self.has_ended, "nothing follows CallEnded: {event:?}");
        assert_eq!(self.roster.apply(event), Ok(true));
        self.digest = (self.digest ^ self.events).wrapping_mul(0x100_0000_01b3)
            ^ (event.at.as_unix_micros() as u64);
        match &event.kind {
            EventKind::CallEnded { .. } => self.has_ended = true,
            EventKind::CallStarted { kind, .. } => {
                assert_eq!(event.seq, 1);
                self.kind = *kind;
            }
            EventKind::ConnectionStateChanged { participant_id, from, to, end_reason, .. } => {
                let is_listed = CALL_EDGES.iter().any(|edge| {
                    (edge.from, edge.to) == (*from, *to)
                        && edge.is_allowed(Profile::Union, self.kind)
                });
                assert!(is_listed, "{from} to {to} is no listed edge");
                let state = &mut self.states.get_mut(participant_id).expect("on the roster").0;
                assert_eq!(state, from);
                *state = *to;
                let is_over = matches!(to, CallState::Disconnecting | CallState::Disconnected);
                assert_eq!(end_reason.is_some(), is_over);
            }
            EventKind::KindChanged { from, to, .. } => {
                assert_eq!((*from, *to), (CallKind::OneToOne, CallKind::Group));
                self.kind = *to;
            }
            EventKind::OperationCompleted { operation_id, endpoint, .. } => {
                *self.terminals.entry((endpoint.clone(), operation_id.clone())).or_default() += 1;
            }
            EventKind::ParticipantAdded { participant } => {
                let initial = (CallState::None, ParticipantState::Idle);
                assert_eq!((participant.call_state, participant.state), initial);
                let before = self.states.insert(participant.participant_id, initial);
                assert_eq!(before, None, "participant ids are not used twice");
                assert!(!self.ends.contains_key(&participant.participant_id));
            }
            EventKind::ParticipantRemoved { participant_id, reason } => {
                let was_replaced = self.transfers.values().any(|(transferor, state)| {
                    transferor == participant_id && *state == TransferState::Accepted
                });
                assert_eq!(*reason == EndReason::TRANSFERRED, was_replaced);
                let last = (CallState::Disconnected, ParticipantState::Disconnected);
                assert_eq!(self.states.remove(participant_id), Some(last));
                self.ends.insert(*participant_id, *reason);
            }
            EventKind::ParticipantStateChanged { participant_id, from, to, .. } => {
                let is_listed = PARTICIPANT_EDGES.iter().any(|edge| {
                    (edge.from, edge.to) == (*from, *to)
                        && edge.is_allowed(Profile::Union, self.kind)
                });
                assert!(is_listed, "{from} to {to} is no listed edge");
                let (call_state, state) =
                    self.states.get_mut(participant_id).expect("on the roster");
                assert_eq!(state, from);
                assert_eq!(ParticipantState::of(*call_state), *to, "one truth, two views");
                *state = *to;
            }
            EventKind::TransferStateChanged { transferor, target, to, reason, .. } => {
                let before = self.transfers.insert(*target, (*transferor, *to));
                let from = before.map_or(TransferState::None, |(_, state)| state);
                let is_listed = TRANSFER_EDGES.iter().any(|e| (e.from, e.to) == (from, *to));
                assert!(is_listed, "{from} to {to} is no listed edge");
                assert_eq!(reason.is_some(), *to == TransferState::Failed);
                self.accepted_transfers += u64::from(*to == TransferState::Accepted);
                self.failed_transfers += u64::from(*to == TransferState::Failed);
            }
            EventKind::ParticipantAccepted { .. }
            | EventKind::ParticipantMuteChanged { .. }
            | EventKind::ScreenShareChanged { .. }
            | EventKind::SpeakingChanged { .. }
            | EventKind::VideoChanged { .. } => {}
        }
    }

    fn endpoint_command(&mut self, command: &EndpointCommand) {
        match command {
            EndpointCommand::Attach { endpoint, connection_id, .. } => {
                self.ringing.remove(&(endpoint.clone(), *connection_id));
                assert!(self.attached.insert((endpoint.clone(), *connection_id)));
            }
            EndpointCommand::Detach { endpoint, connection_id, .. } => {
                assert!(self.attached.remove(&(endpoint.clone(), *connection_id)));
            }
            EndpointCommand::Ring { endpoint, invitation } => {
                assert!(self.ringing.insert((endpoint.clone(), invitation.connection_id)));
            }
            EndpointCommand::StopRinging { endpoint, connection_id, .. } => {
                assert!(self.ringing.remove(&(endpoint.clone(), *connection_id)));
            }
        }
    }

    fn media_command(&mut self, call: &Call, command: &MediaCommand) {
        match command {
            MediaCommand::Close { connection_id } => {
                assert!(self.closed.insert(*connection_id), "closed once");
            }
            MediaCommand::SetPublish { connection_id, kind, is_enabled } => {
                assert!(!self.closed.contains(connection_id));
                self.check_flow(call, *connection_id, *is_enabled);
                let view = call.participant_of(connection_id);
                if let Some(view) = view.filter(|_| *is_enabled) {
                    match kind {
                        StreamKind::Audio => assert!(!view.is_muted),
                        StreamKind::Camera => assert!(view.is_video_on),
                        StreamKind::Screen => assert!(view.is_screen_sharing_on),
                    }
                }
            }
            MediaCommand::SetReceive { connection_id, is_enabled } => {
                assert!(!self.closed.contains(connection_id));
                self.check_flow(call, *connection_id, *is_enabled);
            }
        }
    }

    /// Media may flow only where the call is established and this side does not hold.
    fn check_flow(&self, call: &Call, connection_id: CallConnectionId, is_enabled: bool) {
        if let Some(view) = call.participant_of(&connection_id).filter(|_| is_enabled) {
            assert!(view.call_state.is_established() && view.call_state != CallState::LocalHold);
        }
    }
}
