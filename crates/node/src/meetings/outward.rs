//! What is told of a meeting, to whom: those in it, those who watch it, and whoever asks.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::mpsc;
use trunkline_api::convert;
use trunkline_clock::Timestamp;
use trunkline_ids::{CommunicationIdentifier, EndpointId};
use trunkline_interop::{AttendeeView, Capability, Event, EventKind};
use trunkline_proto::calling::v1::CallKind;
use trunkline_proto::events::v1::{CallOccurrence, call_occurrence};
use trunkline_proto::meetings::v1 as wire;
use trunkline_proto::signaling::v1::server_frame;
use trunkline_signaling::outgoing::EncodedBody;

use crate::meetings::meeting_task::MeetingTask;
use crate::meetings::{MeetingActor, MeetingFailure};
use crate::registry::{EndpointMessage, Haste};
use crate::relay::Occurrence;

/// How much of a meeting somebody sees.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Sight {
    /// Who waits in the lobby.
    lobby: bool,
    /// The code by which it is joined.
    code: bool,
}

/// Somebody who watches a meeting other than by being in it.
pub(super) struct Watcher {
    actor: MeetingActor,
    /// How much it saw of what it was told last.
    sight: Sight,
    events: mpsc::Sender<Arc<wire::MeetingEvent>>,
}

impl Watcher {
    /// Returns whether anybody reads what it is told.
    pub(super) fn is_there(&self) -> bool {
        !self.events.is_closed()
    }
}

impl Sight {
    /// What hosts see, and programs.
    const ALL: Self = Self { lobby: true, code: true };

    /// What everybody sees who is in the meeting.
    const LEAST: Self = Self { lobby: false, code: false };
}

impl MeetingTask {
    /// Tells an event to everybody who may see it.
    pub(super) fn tell(&mut self, event: &Event) {
        let newcomer = match &event.kind {
            EventKind::ParticipantJoined { attendee } => Some(attendee.endpoint.clone()),
            _ => None,
        };
        // What changed is in the snapshot, of which not everybody sees the same.
        let is_told_whole = event.kind == EventKind::DetailsChanged;
        if event.kind == EventKind::CodeRotated {
            self.node.meeting_tables().post(self.meeting.id(), *self.meeting.code());
        }
        let Some(kind) = self.convert(&event.kind) else {
            return;
        };
        let wired = Arc::new(self.wired(event.seq, event.at, kind));
        self.note(event.at, &wired);
        let of_others = Haste::of_others(self.meeting.attendees().count());
        let mut body = None;
        for attendee in self.meeting.attendees().filter(|attendee| !attendee.is_waiting) {
            let sees_it = !is_of_lobby(&event.kind) || self.manages_lobby(&attendee.endpoint);
            let Some(sender) = self.node.registry().endpoint(&attendee.endpoint) else {
                continue;
            };
            if is_told_whole || newcomer.as_ref() == Some(&attendee.endpoint) {
                let sight = self.sight_of(&attendee);
                let snapshot = self.snapshot_event(event.seq, event.at, sight);
                let body = event_body(snapshot);
                sender.send(EndpointMessage::Event { body, ended: None, haste: Haste::Now });
            } else if sees_it {
                let body =
                    body.get_or_insert_with(|| event_body(wire::MeetingEvent::clone(&wired)));
                let haste = if concerns(&event.kind, &attendee) { Haste::Now } else { of_others };
                sender.send(EndpointMessage::Event { body: body.clone(), ended: None, haste });
            }
        }
        self.tell_watchers(event, &wired);
        if let EventKind::ParticipantLeft { endpoint, .. }
        | EventKind::LobbyLeft { endpoint, reason: Some(_) } = &event.kind
        {
            self.people.remove(endpoint);
        }
        if let EventKind::MeetingEnded { .. } = event.kind {
            self.watchers.clear();
        }
    }

    /// Tells an event to those who watch and may still see the meeting. One that has fallen behind by
    /// its whole channel begins anew.
    fn tell_watchers(&mut self, event: &Event, wired: &Arc<wire::MeetingEvent>) {
        if self.watchers.is_empty() {
            return;
        }
        let mut present = HashMap::new();
        for attendee in self.meeting.attendees().filter(|attendee| !attendee.is_waiting) {
            present.entry(attendee.identifier).or_insert(attendee.endpoint);
        }
        // Everybody has left by then, and whoever watched so far is told how it ended.
        let is_over = self.meeting.end_reason().is_some();
        let mut watchers = std::mem::take(&mut self.watchers);
        watchers.retain_mut(|watcher| {
            if !is_over {
                match self.sight_among(&watcher.actor, |who| present.get(who).cloned()) {
                    Ok(sight) => watcher.sight = sight,
                    Err(_) => return false,
                }
            }
            let is_unseen = is_of_lobby(&event.kind) && !watcher.sight.lobby;
            let told = match event.kind == EventKind::DetailsChanged {
                true => Arc::new(self.snapshot_event(event.seq, event.at, watcher.sight)),
                false => Arc::clone(wired),
            };
            is_unseen || watcher.events.try_send(told).is_ok()
        });
        self.watchers = watchers;
    }

    /// Adds a watcher.
    pub(super) fn watch(
        &mut self,
        actor: &MeetingActor,
    ) -> Result<mpsc::Receiver<Arc<wire::MeetingEvent>>, MeetingFailure> {
        let sight = self.sight(actor)?;
        self.watchers.retain(|watcher| !watcher.events.is_closed());
        if self.watchers.len() >= READER_LIMIT {
            return Err(MeetingFailure::TooManyReaders { limit: READER_LIMIT });
        }
        let (events, receiver) = mpsc::channel(READER_BUFFER);
        let snapshot = self.snapshot_event(self.meeting.seq(), self.node.wall(), sight);
        let _ = events.try_send(Arc::new(snapshot));
        if self.meeting.end_reason().is_none() {
            self.watchers.push(Watcher { actor: actor.clone(), sight, events });
        }
        Ok(receiver)
    }

    /// Returns how much somebody sees; to whoever has nothing to do with the meeting, and to who
    /// waits, there is no such meeting.
    pub(super) fn sight(&self, actor: &MeetingActor) -> Result<Sight, MeetingFailure> {
        self.sight_among(actor, |who| {
            let mut attendees = self.meeting.attendees();
            let own = attendees.find(|one| one.identifier == *who && !one.is_waiting);
            own.map(|attendee| attendee.endpoint)
        })
    }

    /// Returns how much somebody sees, given where those are who are in the meeting.
    fn sight_among(
        &self,
        actor: &MeetingActor,
        endpoint_of: impl FnOnce(&CommunicationIdentifier) -> Option<EndpointId>,
    ) -> Result<Sight, MeetingFailure> {
        let who = match actor {
            MeetingActor::Application => return Ok(Sight::ALL),
            MeetingActor::User(claims) => &claims.identifier,
        };
        if self.is_host(who) {
            return Ok(Sight::ALL);
        }
        let endpoint = endpoint_of(who).ok_or(MeetingFailure::NotFound)?;
        Ok(Sight { lobby: self.manages_lobby(&endpoint), code: false })
    }

    /// Returns the meeting as somebody sees it.
    pub(super) fn snapshot(&self, sight: Sight) -> wire::Meeting {
        let coordinates = self.meeting.coordinates().clone();
        let origin = &self.node.meeting_tables().config().origin;
        let join_link = trunkline_ids::JoinLink::new(origin, coordinates)
            .map(|link| link.to_string())
            .unwrap_or_default();
        let attendees = self
            .meeting
            .attendees()
            .filter(|attendee| sight.lobby || !attendee.is_waiting)
            .map(|attendee| self.attendee(&attendee));
        wire::Meeting {
            code: sight.code.then(|| convert::meeting::code(self.meeting.code())),
            attendees: attendees.collect(),
            call_id: self.call_id(),
            seq: self.meeting.seq(),
            ..convert::meeting::meeting(&self.meeting, join_link)
        }
    }

    /// Tells an event to those who follow all calls.
    fn note(&self, at: Timestamp, event: &wire::MeetingEvent) {
        let told = CallOccurrence {
            call_id: event.call_id.clone(),
            kind: CallKind::Meeting.into(),
            meeting_id: event.meeting_id.clone(),
            event: Some(call_occurrence::Event::MeetingEvent(event.clone())),
            ..CallOccurrence::default()
        };
        self.node.relay().calls().add(Occurrence::OfMeeting, at, &told);
    }

    fn snapshot_event(&self, seq: u64, at: Timestamp, sight: Sight) -> wire::MeetingEvent {
        let snapshot = wire::Meeting { seq, ..self.snapshot(sight) };
        self.wired(seq, at, wire::meeting_event::Kind::Snapshot(snapshot))
    }

    fn wired(
        &self,
        seq: u64,
        at: Timestamp,
        kind: wire::meeting_event::Kind,
    ) -> wire::MeetingEvent {
        wire::MeetingEvent {
            meeting_id: self.meeting.id().to_string(),
            call_id: self.call_id(),
            seq,
            time: Some(convert::timestamp(at)),
            kind: Some(kind),
        }
    }

    /// Converts what happened; `None` for what concerns the asker alone, or somebody who is gone.
    fn convert(&self, kind: &EventKind) -> Option<wire::meeting_event::Kind> {
        use wire::meeting_event::Kind;

        Some(match kind {
            EventKind::CodeRotated => Kind::CodeRotated(wire::Nothing {}),
            EventKind::DetailsChanged => Kind::Snapshot(self.snapshot(Sight::LEAST)),
            EventKind::HandLowered { endpoint } | EventKind::HandRaised { endpoint } => {
                Kind::AttendeeChanged(self.attendee(&self.meeting.attendee(endpoint)?))
            }
            EventKind::LobbyEntered { attendee } => Kind::LobbyEntered(self.attendee(attendee)),
            EventKind::LobbyLeft { endpoint, reason } => Kind::LobbyLeft(wire::LobbyLeft {
                participant_id: self.participant_id(endpoint),
                reason: reason.map(convert::end_reason),
            }),
            EventKind::LockChanged { is_locked } => Kind::LockChanged(*is_locked),
            EventKind::MeetingEmptied => Kind::Emptied(wire::Nothing {}),
            EventKind::MeetingEnded { reason } => {
                Kind::Ended(wire::MeetingEnded { reason: Some(convert::end_reason(*reason)) })
            }
            EventKind::MeetingStarted => Kind::Started(wire::Nothing {}),
            EventKind::OperationCompleted { .. } => return None,
            EventKind::ParticipantJoined { attendee } => {
                Kind::ParticipantJoined(self.attendee(attendee))
            }
            EventKind::ParticipantLeft { endpoint, reason } => {
                Kind::ParticipantLeft(wire::ParticipantLeft {
                    participant_id: self.participant_id(endpoint),
                    reason: Some(convert::end_reason(*reason)),
                })
            }
            EventKind::Reacted { endpoint, reaction } => Kind::Reacted(wire::Reaction {
                participant_id: self.participant_id(endpoint),
                kind: convert::meeting::reaction(*reaction).into(),
            }),
            EventKind::RoleChanged { identifier, role } => Kind::RoleChanged(wire::RoleChange {
                user: identifier.to_string(),
                role: convert::meeting::role(*role).into(),
            }),
            EventKind::SettingsChanged => {
                Kind::SettingsChanged(convert::meeting::settings(self.meeting.settings()))
            }
            EventKind::SpotlightChanged { endpoints } => Kind::SpotlightChanged(wire::Spotlight {
                participant_ids: endpoints.iter().map(|e| self.participant_id(e)).collect(),
            }),
        })
    }

    fn attendee(&self, view: &AttendeeView) -> wire::Attendee {
        convert::meeting::attendee(view, self.people.get(&view.endpoint).copied())
    }

    fn participant_id(&self, endpoint: &EndpointId) -> String {
        self.people.get(endpoint).map(ToString::to_string).unwrap_or_default()
    }

    fn call_id(&self) -> String {
        self.call.as_ref().map(|call| call.id().to_string()).unwrap_or_default()
    }

    fn sight_of(&self, attendee: &AttendeeView) -> Sight {
        Sight {
            lobby: self.manages_lobby(&attendee.endpoint),
            code: self.is_host(&attendee.identifier),
        }
    }

    fn manages_lobby(&self, endpoint: &EndpointId) -> bool {
        self.meeting.capabilities(endpoint).is_some_and(|mut all| {
            all.any(|(capability, resolution)| {
                capability == Capability::ManageLobby && resolution.is_capable()
            })
        })
    }

    fn is_host(&self, identifier: &CommunicationIdentifier) -> bool {
        self.meeting.given_role(identifier).is_some_and(|role| role.is_host())
    }
}

/// Returns whether what happened is for those alone who see who waits.
fn is_of_lobby(kind: &EventKind) -> bool {
    matches!(kind, EventKind::LobbyEntered { .. } | EventKind::LobbyLeft { .. })
}

/// Returns whether what happened is about somebody alone, or about everybody alike.
fn concerns(kind: &EventKind, attendee: &AttendeeView) -> bool {
    match kind {
        EventKind::HandLowered { endpoint }
        | EventKind::HandRaised { endpoint }
        | EventKind::ParticipantLeft { endpoint, .. }
        | EventKind::Reacted { endpoint, .. } => *endpoint == attendee.endpoint,
        EventKind::RoleChanged { identifier, .. } => *identifier == attendee.identifier,
        EventKind::CodeRotated
        | EventKind::DetailsChanged
        | EventKind::LockChanged { .. }
        | EventKind::MeetingEmptied
        | EventKind::MeetingEnded { .. }
        | EventKind::MeetingStarted
        | EventKind::OperationCompleted { .. }
        | EventKind::SettingsChanged
        | EventKind::SpotlightChanged { .. } => true,
        EventKind::LobbyEntered { .. }
        | EventKind::LobbyLeft { .. }
        | EventKind::ParticipantJoined { .. } => false,
    }
}

fn event_body(event: wire::MeetingEvent) -> EncodedBody {
    EncodedBody::from(server_frame::Body::MeetingEvent(Box::new(event)))
}

/// Events that wait for a slow watcher before it is dropped.
const READER_BUFFER: usize = 1_024;

/// Every watcher costs a clone of a pointer per event.
const READER_LIMIT: usize = 1_000;
