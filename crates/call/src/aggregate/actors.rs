//! Whom a command speaks for, and whom it names.

use trunkline_ids::ParticipantId;

use super::Call;
use crate::{
    connection::{Ordinal, Via},
    error::CommandError,
    input::{Actor, ParticipantSelector},
};

impl Call {
    pub(super) fn participant_id_of(&self, ordinal: Ordinal) -> Option<ParticipantId> {
        self.connections.get(&ordinal).map(|connection| connection.participant_id)
    }

    pub(super) fn is_invited(&self, ordinal: Ordinal) -> bool {
        self.connections.get(&ordinal).is_some_and(|connection| connection.ringing().is_some())
    }

    /// Returns the joined connection that an actor speaks for: that of its endpoint, else the first
    /// one with its identifier.
    pub(super) fn joined_of(&self, actor: &Actor) -> Result<Ordinal, CommandError> {
        let is_own = |ordinal: &Ordinal| {
            self.connections.get(ordinal).is_some_and(|connection| {
                connection.identifier == actor.identifier && connection.joined().is_some()
            })
        };
        if let Some(ordinal) = self.by_endpoint.get(&actor.endpoint).filter(|o| is_own(o)) {
            return Ok(*ordinal);
        }
        let own = self.by_identifier.get(&actor.identifier).into_iter().flatten();
        own.copied().find(is_own).ok_or(CommandError::NotInCall)
    }

    pub(super) fn established_of(&self, actor: &Actor) -> Result<Ordinal, CommandError> {
        let ordinal = self.joined_of(actor)?;
        match self.state_of(ordinal) {
            Some(state) if state.is_established() => Ok(ordinal),
            Some(state) => Err(CommandError::NotConnected { state }),
            None => Err(CommandError::NotInCall),
        }
    }

    /// Returns the invitation that rings for an actor.
    ///
    /// # Errors
    ///
    /// An endpoint that is in the call already can take no invitation.
    pub(super) fn invitation_of(&self, actor: &Actor) -> Result<Option<Ordinal>, CommandError> {
        if let Some(at_endpoint) = self.by_endpoint.get(&actor.endpoint)
            && self.connections.get(at_endpoint).is_some_and(|c| c.joined().is_some())
        {
            return Err(CommandError::AlreadyInCall);
        }
        let own = self.by_identifier.get(&actor.identifier).into_iter().flatten();
        Ok(own
            .copied()
            .find(|ordinal| self.connections.get(ordinal).is_some_and(|c| c.ringing().is_some())))
    }

    /// Says why nothing rings for an actor who wants to accept.
    pub(super) fn no_longer_rings(&self, actor: &Actor) -> CommandError {
        let own = self.by_identifier.get(&actor.identifier).into_iter().flatten();
        let was_accepted = own
            .filter_map(|ordinal| self.connections.get(ordinal))
            .any(|c| c.joined().is_some_and(|joined| joined.via == Via::Acceptance));
        if was_accepted { CommandError::AcceptedElsewhere } else { CommandError::NothingToAccept }
    }

    /// Returns the connections that a selector names; never none.
    pub(super) fn select(
        &self,
        selector: &ParticipantSelector,
    ) -> Result<Vec<Ordinal>, CommandError> {
        let selected: Vec<_> = match selector {
            ParticipantSelector::Id(id) => {
                self.by_participant.get(id).copied().into_iter().collect()
            }
            ParticipantSelector::Identifier(identifier) => {
                self.by_identifier.get(identifier).into_iter().flatten().copied().collect()
            }
        };
        if selected.is_empty() {
            return Err(CommandError::ParticipantNotFound);
        }
        Ok(selected)
    }
}
