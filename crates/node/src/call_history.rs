//! Call history: what is kept of a call for each of its users once it is over, and what is read of it.

use std::collections::BTreeMap;

use trunkline_call::{CallKind, Direction, Event, EventKind, Roster};
use trunkline_clock::Timestamp;
use trunkline_ids::{
    CallId, CommunicationIdentifier, DisplayName, IdentifierKind, MeetingId, ParticipantId,
    ThreadId,
};
use trunkline_reasons::EndReason;
use trunkline_storage::{
    CallHistoryLimits, CallPosition, CallRecord, CallsQuery, MissedCalls, OtherParty, StoreError,
    UserCall,
};

use crate::node::Node;
use crate::page::{Page, PageCursor};

/// Everybody who ever was on the roster of a call.
#[derive(Debug, Default)]
pub(crate) struct Attendance {
    entries: BTreeMap<ParticipantId, Entry>,
    order: Vec<ParticipantId>,
}

#[derive(Clone)]
struct Entry {
    identifier: CommunicationIdentifier,
    display_name: Option<DisplayName>,
    direction: Direction,
    started_at: Timestamp,
    connected_at: Option<Timestamp>,
    ended_at: Option<(Timestamp, EndReason)>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").field("started_at", &self.started_at).finish_non_exhaustive()
    }
}

/// What names a call in its records.
#[derive(Clone, Debug)]
pub(crate) struct CallName {
    pub(crate) call_id: CallId,
    pub(crate) kind: CallKind,
    pub(crate) thread_id: Option<ThreadId>,
    pub(crate) meeting_id: Option<MeetingId>,
}

impl Attendance {
    /// Notes an event, with the roster as it is before it.
    pub(crate) fn note(&mut self, event: &Event, before: &Roster) {
        match &event.kind {
            EventKind::ParticipantAdded { participant } => {
                self.order.push(participant.participant_id);
                let entry = Entry {
                    identifier: participant.identifier.clone(),
                    display_name: participant.display_name.clone(),
                    direction: participant.direction,
                    started_at: event.at,
                    connected_at: None,
                    ended_at: None,
                };
                self.entries.insert(participant.participant_id, entry);
            }
            EventKind::ParticipantRemoved { participant_id, reason } => {
                let view = before.participant(participant_id);
                if let Some(entry) = self.entries.get_mut(participant_id) {
                    entry.connected_at = view.and_then(|view| view.joined_at);
                    entry.ended_at = Some((event.at, *reason));
                    if let Some(name) = view.and_then(|view| view.display_name.clone()) {
                        entry.display_name = Some(name);
                    }
                }
            }
            _ => {}
        }
    }

    /// Returns the record of each user, once for each, whoever came several times.
    pub(crate) fn records(self, call: &CallName, limits: CallHistoryLimits) -> Vec<UserCall> {
        let mut by_user: Vec<Entry> = Vec::new();
        for entry in self.order.iter().filter_map(|id| self.entries.get(id)) {
            match by_user.iter_mut().find(|known| known.identifier == entry.identifier) {
                Some(known) => {
                    known.connected_at = known.connected_at.or(entry.connected_at);
                    known.ended_at = known.ended_at.max_by_time(entry.ended_at);
                }
                None => by_user.push(entry.clone()),
            }
        }
        let of_user = |own: &Entry| {
            let (ended_at, end_reason) = own.ended_at?;
            let others: Vec<&Entry> =
                by_user.iter().filter(|other| other.identifier != own.identifier).collect();
            let named = others.iter().take(limits.others).map(|other| OtherParty {
                identifier: other.identifier.clone(),
                display_name: other.display_name.clone(),
            });
            let unnamed = others.len().saturating_sub(limits.others);
            let record = CallRecord {
                call_id: call.call_id,
                kind: call.kind,
                direction: own.direction,
                others: named.collect(),
                unnamed_others: u32::try_from(unnamed).unwrap_or(u32::MAX),
                started_at: own.started_at,
                connected_at: own.connected_at,
                ended_at,
                end_reason,
                is_missed: own.is_missed(end_reason),
                thread_id: call.thread_id.clone(),
                meeting_id: call.meeting_id,
            };
            Some((own.identifier.clone(), record))
        };
        by_user.iter().filter(|entry| entry.has_history()).filter_map(of_user).collect()
    }
}

impl Entry {
    fn is_missed(&self, reason: EndReason) -> bool {
        self.direction == Direction::Incoming
            && self.connected_at.is_none()
            && reason != EndReason::DECLINED
    }

    /// Phones, bots and whoever is unknown read no history here.
    fn has_history(&self) -> bool {
        match self.identifier.kind() {
            IdentifierKind::CommunicationUser
            | IdentifierKind::MicrosoftTeamsUser
            | IdentifierKind::TeamsExtensionUser => true,
            IdentifierKind::MicrosoftTeamsApp
            | IdentifierKind::PhoneNumber
            | IdentifierKind::Unknown => false,
        }
    }
}

trait Later {
    fn max_by_time(self, other: Self) -> Self;
}

impl Later for Option<(Timestamp, EndReason)> {
    fn max_by_time(self, other: Self) -> Self {
        match (self, other) {
            (Some(one), Some(two)) if two.0 > one.0 => Some(two),
            (Some(one), _) => Some(one),
            (None, other) => other,
        }
    }
}

/// Reads call histories.
#[derive(Clone, Debug)]
pub struct CallHistory {
    node: Node,
}

impl Node {
    /// Returns what is kept of calls that ended.
    pub fn call_history(&self) -> CallHistory {
        CallHistory { node: self.clone() }
    }

    /// Keeps what is told of a call that is over. Does not wait.
    pub(crate) fn keep_history(&self, calls: Vec<UserCall>) {
        let node = self.clone();
        self.spawn(async move {
            let limits = CallHistoryLimits::default();
            if let Err(error) = node.store().append_calls(calls, limits).await {
                tracing::error!(%error, "a call is missing in the history of its users");
            }
            // A call that ends brings out what is too old.
            if let Err(error) = node.store().prune_calls(node.wall(), limits, PRUNED_AT_ONCE).await
            {
                tracing::debug!(%error, "old calls were not removed");
            }
        });
    }
}

impl CallHistory {
    /// Lists the calls of a user, the one that ended last first.
    pub async fn calls(
        &self,
        user: &CommunicationIdentifier,
        after: Option<PageCursor>,
        is_missed_only: bool,
        limit: usize,
    ) -> Result<Page<(PageCursor, CallRecord)>, StoreError> {
        let limit = limit.clamp(1, PAGE_LIMIT);
        let before = after.map(|PageCursor(place)| CallPosition(place));
        let query = CallsQuery { before, is_missed_only, since: None, limit: limit + 1 };
        let calls = self.node.store().calls(user, query).await?;
        let page = Page::cut(calls, limit, |(CallPosition(place), _)| *place);
        Ok(page.map(|(CallPosition(place), record)| (PageCursor(place), record)))
    }

    /// Returns how many calls a user missed and has not seen.
    pub async fn missed(&self, user: &CommunicationIdentifier) -> Result<MissedCalls, StoreError> {
        self.node.store().missed_calls(user).await
    }

    /// Notes that a user has seen what was missed up to a place.
    pub async fn mark_seen(
        &self,
        user: &CommunicationIdentifier,
        PageCursor(place): PageCursor,
    ) -> Result<MissedCalls, StoreError> {
        self.node.store().mark_calls_seen(user, CallPosition(place)).await
    }
}

/// The most calls of a page.
const PAGE_LIMIT: usize = 100;

/// Old calls that are removed when another one is added.
const PRUNED_AT_ONCE: usize = 100;
