//! Somebody in a meeting or its lobby, and the people a meeting remembers.

use std::collections::{BTreeSet, VecDeque};

use trunkline_ids::{CommunicationIdentifier, DisplayName, EndpointId};

use crate::meeting::{
    joiner::JoinerKind, operations::OperationKey, output::AttendeeView, role::MeetingRole,
};

/// Somebody in the meeting or its lobby, at one endpoint.
pub(super) struct Attendee {
    pub(super) endpoint: EndpointId,
    pub(super) identifier: CommunicationIdentifier,
    pub(super) kind: JoinerKind,
    pub(super) role: MeetingRole,
    pub(super) display_name: DisplayName,
    /// Rises in the order of arrival.
    pub(super) place: u64,
    /// When it raised its hand, if it is up: rises in the order of raising.
    pub(super) hand: Option<u64>,
    pub(super) stage: Stage,
}

/// Where an attendee is.
pub(super) enum Stage {
    /// In the meeting.
    Present,
    /// In the lobby; the join ends when it is let in or will not be.
    Waiting(OperationKey),
}

impl Attendee {
    pub(super) fn is_waiting(&self) -> bool {
        match self.stage {
            Stage::Present => false,
            Stage::Waiting(_) => true,
        }
    }

    pub(super) fn view(&self) -> AttendeeView {
        AttendeeView {
            endpoint: self.endpoint.clone(),
            identifier: self.identifier.clone(),
            kind: self.kind,
            role: self.role,
            display_name: self.display_name.clone(),
            is_guest: self.kind.is_guest(),
            is_waiting: self.is_waiting(),
            has_raised_hand: self.hand.is_some(),
        }
    }
}

/// People whom a meeting remembers, the latest so many of them.
pub(super) struct People {
    limit: usize,
    known: BTreeSet<CommunicationIdentifier>,
    order: VecDeque<CommunicationIdentifier>,
    changes: u64,
}

impl People {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, known: BTreeSet::new(), order: VecDeque::new(), changes: 0 }
    }

    /// Takes up whom it remembered before, the latest last.
    pub(super) fn recall(limit: usize, known: Vec<CommunicationIdentifier>) -> Self {
        let mut people = Self::new(limit);
        known.iter().for_each(|who| people.insert(who));
        Self { changes: 0, ..people }
    }

    pub(super) fn insert(&mut self, who: &CommunicationIdentifier) {
        if self.order.back() == Some(who) {
            return;
        }
        self.remove(who);
        self.changes += 1;
        if self.order.len() >= self.limit.max(1)
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.known.insert(who.clone());
        self.order.push_back(who.clone());
    }

    pub(super) fn remove(&mut self, who: &CommunicationIdentifier) {
        if self.known.remove(who) {
            self.order.retain(|other| other != who);
            self.changes += 1;
        }
    }

    pub(super) fn contains(&self, who: &CommunicationIdentifier) -> bool {
        self.known.contains(who)
    }

    /// Returns everybody, the latest last.
    pub(super) fn iter(&self) -> impl Iterator<Item = &CommunicationIdentifier> {
        self.order.iter()
    }

    /// Returns how often something has changed.
    pub(super) const fn changes(&self) -> u64 {
        self.changes
    }
}
