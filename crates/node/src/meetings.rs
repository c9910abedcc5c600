//! Meetings: found by link, coordinates or code, each with a task that owns it.
//!
//! What a method changes is stored before it returns. A meeting is in memory while somebody is in it
//! or watches it, and for a while after.

mod actions;
mod commanding;
mod failure;
mod handle;
mod meeting_task;
mod outward;
mod thread;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use trunkline_chat::{CreateThread, Metadata, RetentionPolicy};
use trunkline_ids::{
    CommunicationIdentifier, JoinCode, JoinLink, JoinMeetingId, MeetingCoordinates, MeetingId,
    MeetingLocator, MeetingMessageId, OperationId, OrganizerId, Passcode, TenantId, ThreadId,
};
use trunkline_interop::{
    Actor, AttemptLimits, Caller, CodeDesk, Meeting, MeetingConfig, MeetingRole, MeetingSettings,
    MeetingUpdate, NewMeeting, Schedule,
};
use trunkline_policy::{Right, decide_scope};
use trunkline_proto::meetings::v1 as wire;
use trunkline_storage::{MeetingPosition, PutMeetingError, Store, StoreError, StoredMeeting};

use crate::chat::ChatActor;
use crate::commands::{CallingError, Endpoint};
use crate::controller::controller_endpoint;
use crate::node::Node;
use crate::page::{Page, PageCursor};
use crate::token::{TokenClaims, Validity};
use crate::watch::Watch;

pub use self::failure::{MeetingFailure, WatchMeetingError};
pub(crate) use self::handle::{JoinRequest, MeetingHandle};
use self::{
    meeting_task::{MeetingTask, Origin},
    thread::KeptThread,
};

/// Who asks something of a meeting.
#[derive(Clone, Debug)]
pub enum MeetingActor {
    /// A program with an access key.
    Application,
    /// The user of a token.
    User(TokenClaims),
}

impl MeetingActor {
    /// Returns the actor in the words of the core; a user acts without being in the meeting.
    fn acting(&self) -> Actor {
        match self {
            Self::Application => Actor::Application,
            Self::User(claims) => {
                let endpoint = controller_endpoint(&claims.identifier);
                Actor::User(claims.identifier.clone(), endpoint)
            }
        }
    }

    /// Fails unless it is a program, or the token allows it.
    fn require(&self, right: Right) -> Result<(), MeetingFailure> {
        let Self::User(claims) = self else {
            return Ok(());
        };
        let decision = decide_scope(&claims.scopes, right);
        match decision.is_allowed() {
            true => Ok(()),
            false => Err(MeetingFailure::Denied(decision)),
        }
    }
}

/// A meeting to make.
#[derive(Clone)]
pub struct CreateMeeting {
    /// Whose.
    pub organizer: CommunicationIdentifier,
    /// What it is about.
    pub subject: Option<String>,
    /// When it takes place.
    pub schedule: Schedule,
    /// The settings.
    pub settings: MeetingSettings,
    /// Roles given in advance.
    pub roles: BTreeMap<CommunicationIdentifier, MeetingRole>,
    /// Who is invited by name.
    pub invited: BTreeSet<CommunicationIdentifier>,
    /// Whether it belongs to a channel.
    pub is_channel: bool,
}

impl fmt::Debug for CreateMeeting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreateMeeting").field("schedule", &self.schedule).finish_non_exhaustive()
    }
}

/// How meetings behave.
#[derive(Clone, Debug)]
pub struct MeetingsConfig {
    /// Where the exchange is reached: the beginning of join links, such as `https://meet.example`.
    pub origin: String,
    /// How much of everything a meeting holds.
    pub limits: MeetingConfig,
    /// How often wrong codes may be shown.
    pub attempts: AttemptLimits,
}

impl Default for MeetingsConfig {
    fn default() -> Self {
        Self {
            origin: "https://localhost".to_owned(),
            limits: MeetingConfig::default(),
            attempts: AttemptLimits::default(),
        }
    }
}

/// The meetings in memory.
#[derive(Debug, Default)]
struct Live {
    by_id: HashMap<MeetingId, MeetingHandle>,
    by_thread: HashMap<ThreadId, MeetingId>,
}

impl Live {
    fn insert(&mut self, thread_id: ThreadId, handle: MeetingHandle) {
        self.by_thread.insert(thread_id, handle.id());
        self.by_id.insert(handle.id(), handle);
    }

    fn remove(&mut self, meeting: &Meeting) {
        self.by_id.remove(&meeting.id());
        self.by_thread.remove(&meeting.coordinates().thread_id);
    }
}

/// The meetings of a node. A handle to it is [`Node::meetings`].
pub(crate) struct Tables {
    config: MeetingsConfig,
    desk: Mutex<CodeDesk>,
    live: Mutex<Live>,
    /// Held while a meeting is read, so that it is read once.
    loading: tokio::sync::Mutex<()>,
}

impl fmt::Debug for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tables").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Tables {
    /// Posts the codes of all meetings that are stored.
    pub(crate) async fn start(
        config: MeetingsConfig,
        store: &dyn Store,
    ) -> Result<Self, StoreError> {
        let mut desk = CodeDesk::new(config.attempts);
        let mut after = None;
        loop {
            let codes = store.join_codes(after, CODES_AT_ONCE).await?;
            let Some((last, _)) = codes.last() else { break };
            after = Some(*last);
            for (_, posted) in codes {
                if desk.post(posted.meeting_id, posted.code).is_err() {
                    tracing::error!(meeting = %posted.meeting_id, "its code is another meeting's");
                }
            }
        }
        Ok(Self {
            desk: Mutex::new(desk),
            live: Mutex::default(),
            loading: tokio::sync::Mutex::default(),
            config,
        })
    }

    /// Posts a code that a meeting has from here on.
    pub(crate) fn post(&self, id: MeetingId, code: JoinCode) {
        if self.desk().post(id, code).is_err() {
            tracing::error!(meeting = %id, "its new code is another meeting's");
        }
    }

    /// Ends the part of a task's life in which it is sent something, unless somebody holds it.
    pub(crate) fn retire(&self, meeting: &Meeting, is_unheld: impl FnOnce() -> bool) -> bool {
        let mut live = self.live();
        let retires = is_unheld();
        if retires {
            live.remove(meeting);
        }
        retires
    }

    /// Returns the meeting to which a thread belongs, if it is in memory.
    pub(crate) fn of_thread(&self, thread_id: &ThreadId) -> Option<MeetingHandle> {
        let live = self.live();
        live.by_id.get(live.by_thread.get(thread_id)?).cloned()
    }

    pub(crate) fn config(&self) -> &MeetingsConfig {
        &self.config
    }

    fn desk(&self) -> MutexGuard<'_, CodeDesk> {
        // No code under these locks can panic between two changes that belong together.
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Meetings on behalf of users and programs.
#[derive(Clone, Debug)]
pub struct Meetings {
    node: Node,
}

impl Node {
    /// Returns the meetings.
    pub fn meetings(&self) -> Meetings {
        Meetings { node: self.clone() }
    }
}

impl Meetings {
    /// Makes a meeting with its chat thread and its code.
    pub async fn create(
        &self,
        actor: &MeetingActor,
        request: CreateMeeting,
    ) -> Result<wire::Meeting, MeetingFailure> {
        actor.require(Right::StartCalls)?;
        if let MeetingActor::User(claims) = actor
            && claims.identifier != request.organizer
        {
            return Err(MeetingFailure::NotOwn);
        }
        let organizer = request.organizer.clone();
        let organizer_id =
            OrganizerId::of(&organizer).ok_or(MeetingFailure::Malformed("organizer"))?;
        let tenant_id = self.tenant_of(&organizer).ok_or(MeetingFailure::Malformed("organizer"))?;
        let thread_id = self.create_thread(&request).await?;
        let coordinates = MeetingCoordinates {
            thread_id,
            organizer_id,
            tenant_id,
            message_id: MeetingMessageId::none(),
        };
        let id = MeetingId::from_uuid_bytes(self.node.random_id());
        let new = NewMeeting {
            id,
            coordinates,
            organizer: organizer.clone(),
            subject: request.subject,
            schedule: request.schedule,
            is_channel: request.is_channel,
            code: draw_code(),
            settings: request.settings,
            roles: request.roles,
            invited: request.invited,
            thread_members: BTreeSet::from([organizer]),
            config: self.tables().config.limits.clone(),
        };
        let (organizer, thread_id) = (new.organizer.clone(), new.coordinates.thread_id.clone());
        let made = self.make(id, new).await;
        if made.is_err() {
            // A chat without its meeting is nobody's.
            let _ = self.node.chat().delete_thread(&chat_actor(&organizer), &thread_id).await;
        }
        made?.show(MeetingActor::Application).await
    }

    /// Stores a meeting and starts its task.
    async fn make(
        &self,
        id: MeetingId,
        mut new: NewMeeting,
    ) -> Result<MeetingHandle, MeetingFailure> {
        let store = self.node.store();
        let meeting = loop {
            let meeting = Meeting::create(self.node.clock().now(), new.clone())?;
            let stored = StoredMeeting { record: meeting.record(), code: *meeting.code() };
            match store.put_meeting(stored).await {
                Ok(()) => break meeting,
                // One of a million million ids is taken: draw again.
                Err(PutMeetingError::JoinIdTaken) => new.code = draw_code(),
                Err(PutMeetingError::CoordinatesTaken) => {
                    return Err(MeetingFailure::Malformed("coordinates"));
                }
                Err(PutMeetingError::Store(error)) => return Err(error.into()),
            }
        };
        self.tables().post(id, *meeting.code());
        let thread_id = meeting.coordinates().thread_id.clone();
        let handle = MeetingTask::spawn(&self.node, meeting, Origin::New);
        self.tables().live().insert(thread_id, handle.clone());
        Ok(handle)
    }

    /// Returns a meeting, by its UUID, its link or the digits of its code.
    pub async fn meeting(
        &self,
        actor: &MeetingActor,
        name: &str,
    ) -> Result<wire::Meeting, MeetingFailure> {
        actor.require(Right::JoinCalls)?;
        self.find(name).await?.show(actor.clone()).await
    }

    /// Lists the meetings of an organizer in the order of their making.
    pub async fn of_organizer(
        &self,
        actor: &MeetingActor,
        organizer: &CommunicationIdentifier,
        after: Option<PageCursor>,
        limit: usize,
    ) -> Result<Page<wire::Meeting>, MeetingFailure> {
        actor.require(Right::JoinCalls)?;
        let limit = limit.clamp(1, PAGE_LIMIT);
        let after = after.map(|PageCursor(place)| MeetingPosition(place));
        let stored = self.node.store().meetings_of(organizer, after, limit + 1).await?;
        let mut meetings = Vec::new();
        for (MeetingPosition(place), stored) in stored {
            let handle = self.handle(stored.record.id).await?;
            meetings.push((place, handle.show(MeetingActor::Application).await?));
        }
        Ok(Page::cut(meetings, limit, |(place, _)| *place).map(|(_, meeting)| meeting))
    }

    /// Does something in a meeting and returns the meeting after it.
    pub async fn act(
        &self,
        actor: &MeetingActor,
        name: &str,
        operation_id: &str,
        action: wire::MeetingAction,
    ) -> Result<wire::Meeting, MeetingFailure> {
        actor.require(Right::JoinCalls)?;
        let handle = self.find(name).await?;
        let operation_id = self.operation_id(operation_id)?;
        handle.act_as(actor.acting(), operation_id, action, false).await?;
        handle.show(actor.clone()).await
    }

    /// Says anew what a meeting is about, or when it takes place, and returns the meeting after it.
    pub async fn update(
        &self,
        actor: &MeetingActor,
        name: &str,
        operation_id: &str,
        update: MeetingUpdate,
    ) -> Result<wire::Meeting, MeetingFailure> {
        actor.require(Right::JoinCalls)?;
        let handle = self.find(name).await?;
        handle.update(actor.acting(), self.operation_id(operation_id)?, update).await?;
        handle.show(actor.clone()).await
    }

    fn operation_id(&self, text: &str) -> Result<OperationId, MeetingFailure> {
        match text.is_empty() {
            true => Ok(OperationId::from_uuid_bytes(self.node.random_id())),
            false => text.parse().map_err(|_| MeetingFailure::Malformed("operation_id")),
        }
    }

    /// Says what a meeting would do with somebody who asks to join, to whoever may see the meeting.
    pub async fn explain_entry(
        &self,
        actor: &MeetingActor,
        name: &str,
        user: &str,
    ) -> Result<wire::ExplainEntryResponse, MeetingFailure> {
        actor.require(Right::JoinCalls)?;
        let user = self.identifier(user)?;
        self.find(name).await?.explain(actor.clone(), user).await
    }

    /// Streams the events of a meeting, a snapshot first, to whoever may see it, for as long as that
    /// is so and the token counts.
    pub async fn watch(
        &self,
        actor: &MeetingActor,
        name: &str,
    ) -> Result<Watch<wire::MeetingEvent>, WatchMeetingError> {
        actor.require(Right::JoinCalls)?;
        let handle = self.find(name).await?;
        let validity = match actor {
            MeetingActor::Application => None,
            MeetingActor::User(claims) => Some(Validity::begin(&self.node, claims).await?),
        };
        let events = handle.watch(actor.clone()).await?;
        Ok(Watch::new(events, validity))
    }

    /// Reads a raw id or an alias.
    pub fn identifier(&self, text: &str) -> Result<CommunicationIdentifier, MeetingFailure> {
        self.node
            .identity()
            .resolve_target(text)
            .map_err(|_| MeetingFailure::Malformed("participant"))
    }

    /// Finds the meeting that somebody wants to join. A wrong code counts against whoever shows it.
    pub(crate) async fn locate(
        &self,
        caller: &Caller,
        locator: &MeetingLocator,
    ) -> Result<MeetingHandle, MeetingFailure> {
        let id = match locator {
            MeetingLocator::Code(code) => {
                let now = self.node.clock().now().instant;
                self.tables().desk().find(now, caller, code)?
            }
            MeetingLocator::Coordinates(_) | MeetingLocator::Link(_) => {
                let coordinates = locator.coordinates().ok_or(MeetingFailure::NotFound)?;
                self.at(coordinates).await?
            }
        };
        self.handle(id).await
    }

    /// Joins a meeting; the joiner may have to wait in its lobby.
    pub(crate) async fn join(
        &self,
        endpoint: &Endpoint,
        locator: &MeetingLocator,
        request: JoinRequest,
    ) -> Result<crate::commands::Outcome, CallingError> {
        let caller = Caller::User(endpoint.claims.identifier.clone());
        let handle = self.locate(&caller, locator).await?;
        handle.join(endpoint.clone(), request).await
    }

    async fn find(&self, name: &str) -> Result<MeetingHandle, MeetingFailure> {
        let id = if let Ok(id) = name.parse::<MeetingId>() {
            id
        } else if let Ok(link) = name.parse::<JoinLink>() {
            self.at(link.coordinates()).await?
        } else {
            let digits: JoinMeetingId =
                name.parse().map_err(|_| MeetingFailure::Malformed("meeting"))?;
            let stored = self.node.store().meeting_by_join_id(&digits).await?;
            stored.ok_or(MeetingFailure::NotFound)?.record.id
        };
        self.handle(id).await
    }

    async fn at(&self, coordinates: &MeetingCoordinates) -> Result<MeetingId, MeetingFailure> {
        let stored = self.node.store().meeting_at(coordinates).await?;
        Ok(stored.ok_or(MeetingFailure::NotFound)?.record.id)
    }

    /// Returns the task of a meeting, which is read from the store when it is not in memory.
    async fn handle(&self, id: MeetingId) -> Result<MeetingHandle, MeetingFailure> {
        let live = || self.tables().live().by_id.get(&id).cloned();
        if let Some(handle) = live() {
            return Ok(handle);
        }
        let _loading = self.tables().loading.lock().await;
        if let Some(handle) = live() {
            return Ok(handle);
        }
        if !self.node.is_accepting() {
            return Err(MeetingFailure::ShuttingDown);
        }
        let stored = self.node.store().meeting(&id).await?.ok_or(MeetingFailure::NotFound)?;
        let limits = self.tables().config.limits.clone();
        let now = self.node.clock().now();
        let meeting = Meeting::restore(now, stored.record, stored.code, limits)?;
        let thread_id = meeting.coordinates().thread_id.clone();
        let thread = KeptThread::of(&meeting);
        let handle = MeetingTask::spawn(&self.node, meeting, Origin::Restored);
        self.tables().live().insert(thread_id, handle.clone());
        thread.catch_up(&self.node, &handle).await;
        Ok(handle)
    }

    async fn create_thread(&self, request: &CreateMeeting) -> Result<ThreadId, MeetingFailure> {
        let actor = chat_actor(&request.organizer);
        let thread = CreateThread {
            topic: topic_of(request.subject.as_deref()),
            members: Vec::new(),
            metadata: Metadata::new(),
            retention: RetentionPolicy::None,
        };
        let created = self.node.chat().create_thread(&actor, thread, None).await?;
        Ok(created.thread.id)
    }

    /// Of a directory user the tenant; of an app user the resource takes its place.
    fn tenant_of(&self, organizer: &CommunicationIdentifier) -> Option<TenantId> {
        if let CommunicationIdentifier::CommunicationUser(user) = organizer {
            return user.resource_id()?.as_str().parse().ok();
        }
        self.node.policy().standing(organizer).map(|standing| standing.tenant_id.clone())
    }

    fn tables(&self) -> &Tables {
        self.node.meeting_tables()
    }
}

/// Draws an id and a passcode.
pub(crate) fn draw_code() -> JoinCode {
    let (id, passcode) = uuid::Uuid::new_v4().as_u64_pair();
    // The fixed bits of a UUID are spread over both halves: each is mixed with another draw.
    let (more_id, more_passcode) = uuid::Uuid::new_v4().as_u64_pair();
    JoinCode {
        id: JoinMeetingId::from_bytes((id ^ more_passcode.rotate_left(17)).to_le_bytes()),
        passcode: Passcode::from_bytes((passcode ^ more_id.rotate_left(29)).to_le_bytes()),
    }
}

/// What the chat of a meeting is about.
fn topic_of(subject: Option<&str>) -> String {
    subject.unwrap_or("Meeting").to_owned()
}

/// The organizer's own hand in the chat of the meeting, which is not told of what it does.
pub(crate) fn chat_actor(organizer: &CommunicationIdentifier) -> ChatActor {
    ChatActor::roster(organizer.clone())
}

/// Codes that are read at once when a node starts.
const CODES_AT_ONCE: usize = 1_000;

/// The most meetings of a page.
const PAGE_LIMIT: usize = 100;
