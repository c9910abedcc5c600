//! Transfers: somebody hands its place in the call to a target that is called for it.
//!
//! The target is invited like anybody else, and its connection takes the way of every invitation.
//! What is kept here is whose place it takes.

use trunkline_ids::ParticipantId;
use trunkline_reasons::EndReason;

use super::{Call, OperationKey};
use crate::{
    connection::{Connection, Ordinal},
    error::CommandError,
    event::EventKind,
    input::{Actor, ParticipantSelector, Transfer},
    state::CallKind,
    transfer::{TransferState, TransferTrigger, transfer_transition},
};

/// A transfer that has not reached its end.
#[derive(Clone, Debug)]
pub(super) struct TransferUnderWay {
    state: TransferState,
    target: ParticipantId,
    transferor: Party,
    /// Who is handed over; `None` means everybody else together.
    transferee: Option<Party>,
}

/// Somebody whom a transfer names: the participant id outlives the connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Party {
    ordinal: Ordinal,
    participant_id: ParticipantId,
}

impl Call {
    pub(super) fn transfer(
        &mut self,
        key: &OperationKey,
        actor: &Actor,
        transfer: Transfer,
    ) -> Result<(), CommandError> {
        let Transfer { mut target, transferee } = transfer;
        let own = self.established_of(actor)?;
        let connection = self.connections.get(&own).ok_or(CommandError::NotInCall)?;
        if let Some(target) = connection.transferring_to {
            return Err(CommandError::TransferInProgress { target });
        }
        let transferor = Party { ordinal: own, participant_id: connection.participant_id };
        let transferee = self.transferee_of(own, transferee.as_ref())?;
        self.check_newcomer(actor, &target)?;
        let time = self.config.timeouts.transfer;
        target.ring_for = target.ring_for.map(|ring_for| ring_for.min(time));
        // A one-to-one call stays one: when the target comes, the transferor goes.
        let ordinal = self.invite(actor, own, target, time);
        let Some(target) = self.participant_id_of(ordinal) else {
            return Ok(());
        };
        let state = TransferState::None;
        self.transfers.insert(ordinal, TransferUnderWay { state, target, transferor, transferee });
        self.walk_transfer(ordinal, TransferTrigger::Begin, None);
        self.start_operation(key, ordinal);
        self.end_if_nothing_rings(ordinal);
        Ok(())
    }

    /// The target is connected: the transfer is accepted, and the transferor will go.
    pub(super) fn accept_transfer(&mut self, target: Ordinal) {
        self.walk_transfer(target, TransferTrigger::ConnectTarget, None);
    }

    /// Lets the transferor go whose place a target has taken. The target takes it in every respect:
    /// another transfer that would have handed over the transferor hands over the target.
    pub(super) fn hand_over(&mut self, target: Ordinal) {
        let Some(transfer) = self.transfers.remove(&target) else {
            return;
        };
        let successor = Party { ordinal: target, participant_id: transfer.target };
        for other in self.transfers.values_mut() {
            if other.transferee == Some(transfer.transferor) {
                other.transferee = Some(successor);
            }
        }
        self.depart(transfer.transferor.ordinal, EndReason::TRANSFERRED);
    }

    /// Notes in every transfer that a connection is over.
    pub(super) fn leave_transfers(&mut self, ordinal: Ordinal, reason: EndReason) {
        let on = match self.transfers.get(&ordinal) {
            Some(transfer) if self.is_orphaned(ordinal, transfer) => {
                TransferTrigger::LoseTransferee
            }
            Some(_) | None => TransferTrigger::EndTarget,
        };
        self.walk_transfer(ordinal, on, Some(reason));
        self.transfers.remove(&ordinal);
        let left: Vec<_> = self
            .transfers
            .iter()
            .filter(|(_, transfer)| transfer.transferor.ordinal == ordinal)
            .map(|(target, _)| *target)
            .collect();
        for target in left {
            self.walk_transfer(target, TransferTrigger::LoseTransferor, None);
        }
    }

    /// Takes back the invitations of transfers that have nobody left to hand over.
    pub(super) fn cancel_orphaned_transfers(&mut self) {
        let orphaned: Vec<_> = self
            .transfers
            .iter()
            .filter(|(target, transfer)| self.is_orphaned(**target, transfer))
            .map(|(target, _)| *target)
            .collect();
        for target in orphaned {
            self.end_connection(target, EndReason::CANCELED);
        }
    }

    /// Moves a transfer along one edge of its table and tells where it leads: the one place where its
    /// state changes.
    fn walk_transfer(&mut self, target: Ordinal, on: TransferTrigger, reason: Option<EndReason>) {
        let Some(transfer) = self.transfers.get_mut(&target) else {
            return;
        };
        let from = transfer.state;
        // A pair that is not listed changes nothing: who ends the call after the target came, say.
        let Ok(to) = transfer_transition(from, on) else {
            return;
        };
        if from == to {
            return;
        }
        transfer.state = to;
        let kind = EventKind::TransferStateChanged {
            transferor: transfer.transferor.participant_id,
            transferee: transfer.transferee.map(|transferee| transferee.participant_id),
            target: transfer.target,
            to,
            reason,
        };
        let under_way = (to == TransferState::Transferring).then_some(transfer.target);
        let transferor = transfer.transferor.ordinal;
        if let Some(connection) = self.connections.get_mut(&transferor) {
            connection.transferring_to = under_way;
        }
        self.emit(kind);
    }

    /// Whether a target, if it came, would meet nobody but perhaps the transferor.
    fn is_orphaned(&self, target: Ordinal, transfer: &TransferUnderWay) -> bool {
        match transfer.transferee {
            Some(transferee) => !self.connections.contains_key(&transferee.ordinal),
            None => !self.connections.iter().any(|(ordinal, connection)| {
                *ordinal != target
                    && *ordinal != transfer.transferor.ordinal
                    && connection.joined().is_some_and(|joined| !joined.is_held)
            }),
        }
    }

    /// Returns who is to be handed over: whom the transferor named, else the other side of a
    /// one-to-one call.
    fn transferee_of(
        &self,
        own: Ordinal,
        named: Option<&ParticipantSelector>,
    ) -> Result<Option<Party>, CommandError> {
        let is_other = |ordinal: &Ordinal| *ordinal != own;
        let ordinal = match (named, self.kind) {
            (Some(selector), _) => {
                let selected = self.select(selector)?;
                let other = selected.into_iter().find(is_other);
                other.ok_or(CommandError::TargetIsActor)?
            }
            (None, CallKind::OneToOne) => {
                let other = self.established.iter().copied().find(is_other);
                other.ok_or(CommandError::NobodyToTransfer)?
            }
            (None, CallKind::Group | CallKind::Meeting) => {
                let mut others = self.established.iter().filter(|ordinal| is_other(ordinal));
                others.next().ok_or(CommandError::NobodyToTransfer)?;
                return Ok(None);
            }
        };
        let connection = self.connections.get(&ordinal).ok_or(CommandError::ParticipantNotFound)?;
        let Connection { state, participant_id, .. } = *connection;
        match state.is_established() {
            true => Ok(Some(Party { ordinal, participant_id })),
            false => Err(CommandError::NotConnected { state }),
        }
    }
}
