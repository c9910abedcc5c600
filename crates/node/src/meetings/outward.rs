//! What is told of a meeting, to whom: those in it, those who watch it, and whoever asks.

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

/// Somebody who watches a meeting without being in it.
pub(super) struct Watcher {
    sight: Sight,
    events: mpsc::Sender<Arc<wire::MeetingEvent>>,
}

impl Sight {
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
        let is_of_lobby =
            matches!(event.kind, EventKind::LobbyEntered { .. } | EventKind::LobbyLeft { .. });
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
            let sees_it = !is_of_lobby || self.manages_lobby(&attendee.endpoint);
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
        // A watcher that has fallen behind by its whole channel begins anew.
        let mut watchers = std::mem::take(&mut self.watchers);
        watchers.retain(|watcher| {
            let is_unseen = is_of_lobby && !watcher.sight.lobby;
            let told = match is_told_whole {
                true => Arc::new(self.snapshot_event(event.seq, event.at, watcher.sight)),
                false => Arc::clone(&wired),
            };
            is_unseen || watcher.events.try_send(told).is_ok()
        });
        self.watchers = watchers;
        if let EventKind::ParticipantLeft { endpoint, .. }
        | EventKind::LobbyLeft { endpoint, reason: Some(_) } = &event.kind
        {
            self.people.remove(endpoint);
        }
        if let EventKind::MeetingEnded { .. } = event.kind {
            self.watchers.clear();
        }
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
            self.watchers.push(Watcher { sight, events });
        }
        Ok(receiver)
    }

    /// Returns how much somebody sees; to whoever has nothing to do with the meeting, and to who
    /// waits, there is no such meeting.
    pub(super) fn sight(&self, actor: &MeetingActor) -> Result<Sight, MeetingFailure> {
        let claims = match actor {
            MeetingActor::Application => return Ok(Sight { lobby: true, code: true }),
            MeetingActor::User(claims) => claims,
        };
        if self.is_host(&claims.identifier) {
            return Ok(Sight { lobby: true, code: true });
        }
        let mut own =
            self.meeting.attendees().filter(|a| a.identifier == claims.identifier && !a.is_waiting);
        own.next().map(|attendee| self.sight_of(&attendee)).ok_or(MeetingFailure::NotFound)
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
