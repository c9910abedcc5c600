//! Who can be reached where: endpoints by user, and sessions by id.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, mpsc};
use trunkline_clock::Timestamp;
use trunkline_ids::{CallId, CommunicationIdentifier, EndpointId, SessionId};
use trunkline_proto::calling::v1::{IncomingCall, IncomingCallEnded};
use trunkline_proto::signaling::v1::{MediaAnswer, MediaAssignments, MediaStateChanged};
use trunkline_signaling::outgoing::EncodedBody;
use trunkline_signaling::session::Resumption;

use crate::link::Link;

/// What an endpoint is told. Everything is in the order in which the call decided it.
#[derive(Clone, Debug)]
pub(crate) enum EndpointMessage {
    /// An event of a call or of a meeting, which everybody in it is told.
    Event {
        body: EncodedBody,
        /// The call that it ends.
        ended: Option<CallId>,
        haste: Haste,
    },
    IncomingCall(IncomingCall),
    IncomingCallEnded(IncomingCallEnded),
    MediaAnswer(MediaAnswer),
    MediaAssignments(MediaAssignments),
    MediaStateChanged(MediaStateChanged),
}

/// How soon an endpoint is to be told.
///
/// In a crowd everybody is told of everybody: what each comer costs grows with how many are there.
/// What a person would not notice to come a moment later comes together with what else happened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Haste {
    /// At once, and with it everything that waits.
    Now,
    /// Within [`GATHER_TIME`](crate::session::GATHER_TIME), in order with everything else.
    Soon,
}

impl Haste {
    /// Returns how soon somebody is told of what is about somebody else, in a gathering of
    /// `present`.
    pub(crate) fn of_others(present: usize) -> Self {
        match present > CROWD {
            true => Self::Soon,
            false => Self::Now,
        }
    }
}

impl EndpointMessage {
    pub(crate) fn haste(&self) -> Haste {
        match self {
            Self::Event { haste, .. } => *haste,
            Self::IncomingCall(_)
            | Self::IncomingCallEnded(_)
            | Self::MediaAnswer(_)
            | Self::MediaAssignments(_)
            | Self::MediaStateChanged(_) => Haste::Now,
        }
    }
}

/// Reaches one endpoint. Sending never waits: an endpoint that does not keep up is cut.
#[derive(Clone, Debug)]
pub(crate) struct EndpointSender {
    id: EndpointId,
    messages: mpsc::Sender<EndpointMessage>,
    notices: Arc<Notices>,
}

/// What an endpoint is told besides its messages.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    /// Something among the messages does not wait.
    pub(crate) urgent: Notify,
    /// The endpoint did not keep up: a message is lost.
    pub(crate) overflow: Notify,
}

impl EndpointSender {
    /// Makes an endpoint: its sender, its receiver, and what it is told besides.
    pub(crate) fn new(id: EndpointId) -> (Self, mpsc::Receiver<EndpointMessage>, Arc<Notices>) {
        let (messages, receiver) = mpsc::channel(MESSAGE_LIMIT);
        let notices = Arc::new(Notices::default());
        (Self { id, messages, notices: Arc::clone(&notices) }, receiver, notices)
    }

    pub(crate) fn id(&self) -> &EndpointId {
        &self.id
    }

    pub(crate) fn send(&self, message: EndpointMessage) {
        let haste = message.haste();
        match self.messages.try_send(message) {
            // After the message: who hears the notice finds it.
            Ok(()) if haste == Haste::Now || self.messages.capacity() < MESSAGE_LIMIT / 2 => {
                self.notices.urgent.notify_one();
            }
            // A closed endpoint is on its way out of the registry.
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => {}
            Err(mpsc::error::TrySendError::Full(_)) => self.notices.overflow.notify_one(),
        }
    }
}

/// A transport with a valid token of the session's user, which wants to go on with the session.
#[derive(Debug)]
pub(crate) struct Resume(pub(crate) Link, pub(crate) Resumption);

#[derive(Debug)]
struct SessionEntry {
    user: CommunicationIdentifier,
    resumes: mpsc::Sender<Resume>,
}

/// Why a session is not resumed. Deliberately one variant: a stranger learns nothing.
#[derive(Debug)]
pub(crate) struct NoSuchSession(pub(crate) Link);

/// The endpoints and sessions of the node.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    tables: Mutex<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    endpoints: HashMap<CommunicationIdentifier, Vec<EndpointSender>>,
    by_endpoint: HashMap<EndpointId, EndpointSender>,
    sessions: HashMap<SessionId, SessionEntry>,
}

impl Registry {
    pub(crate) fn add_endpoint(&self, user: &CommunicationIdentifier, endpoint: EndpointSender) {
        let mut tables = self.tables();
        tables.by_endpoint.insert(endpoint.id.clone(), endpoint.clone());
        tables.endpoints.entry(user.clone()).or_default().push(endpoint);
    }

    pub(crate) fn remove_endpoint(&self, user: &CommunicationIdentifier, id: &EndpointId) {
        let mut tables = self.tables();
        tables.by_endpoint.remove(id);
        if let Some(endpoints) = tables.endpoints.get_mut(user) {
            endpoints.retain(|endpoint| endpoint.id != *id);
            if endpoints.is_empty() {
                tables.endpoints.remove(user);
            }
        }
    }

    /// Returns the endpoints at which a user can be rung.
    pub(crate) fn endpoints_of(&self, user: &CommunicationIdentifier) -> Vec<EndpointId> {
        let tables = self.tables();
        let endpoints = tables.endpoints.get(user).map(Vec::as_slice).unwrap_or_default();
        endpoints.iter().map(|endpoint| endpoint.id.clone()).collect()
    }

    pub(crate) fn endpoint(&self, id: &EndpointId) -> Option<EndpointSender> {
        self.tables().by_endpoint.get(id).cloned()
    }

    pub(crate) fn add_session(
        &self,
        id: SessionId,
        user: CommunicationIdentifier,
    ) -> mpsc::Receiver<Resume> {
        let (resumes, receiver) = mpsc::channel(RESUME_LIMIT);
        self.tables().sessions.insert(id, SessionEntry { user, resumes });
        receiver
    }

    pub(crate) fn remove_session(&self, id: &SessionId) {
        self.tables().sessions.remove(id);
    }

    /// Hands a transport to the session it wants to resume, if that session is of `user`.
    pub(crate) fn resume(
        &self,
        id: &SessionId,
        user: &CommunicationIdentifier,
        link: Link,
        last_seq: u64,
        token_expires_on: Timestamp,
    ) -> Result<(), NoSuchSession> {
        let resumes = match self.tables().sessions.get(id) {
            Some(entry) if entry.user == *user => entry.resumes.clone(),
            Some(_) | None => return Err(NoSuchSession(link)),
        };
        let resumption = Resumption { last_seq, token_expires_on };
        resumes.try_send(Resume(link, resumption)).map_err(|error| {
            let (mpsc::error::TrySendError::Full(Resume(link, _))
            | mpsc::error::TrySendError::Closed(Resume(link, _))) = error;
            NoSuchSession(link)
        })
    }

    /// Returns how many endpoints and sessions there are.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let tables = self.tables();
        (tables.by_endpoint.len(), tables.sessions.len())
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        // No code under this lock can panic between two changes that belong together.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// More than this many in a call or a meeting are a crowd, as many as a page shows at once of a
/// roster: larger wakes more sessions for each comer, smaller lets small meetings wait.
const CROWD: usize = 32;

/// Messages that wait for an endpoint. The burst of a 350-party join fits several times; beyond
/// it the endpoint does not run at all and keeping more would only cost memory.
const MESSAGE_LIMIT: usize = 4_096;

/// Resumptions that wait for a session: more than one is a client that fights itself.
const RESUME_LIMIT: usize = 8;
