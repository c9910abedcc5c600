//! One roster in call and chat: what has to change in both is decided first, then done in order.

mod change;
mod error;

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};
use trunkline_chat::is_placeholder;
use trunkline_ids::{Cloud, CommunicationIdentifier, MicrosoftTeamsUser, ThreadId};
use trunkline_policy::{Medium, Policy, Principal, decide_joining};
use trunkline_reasons::EndReason;

pub use self::{
    change::{ChangeOutcome, RosterChange},
    error::RosterRefusal,
};
use crate::meeting::is_in_segment;

/// Whether the chat thread follows the call.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "camelCase")]
pub enum SyncMode {
    /// Adding and removing is one operation, which changes both.
    #[default]
    Automatic,
    /// Call and chat are changed one by one, by whoever runs the call, as the source prescribes.
    Manual,
}

/// One change, of one list, of one user.
#[derive(Clone, Eq, PartialEq)]
pub enum RosterStep {
    /// Ring somebody into the call, or let them join it.
    AddToCall(CommunicationIdentifier),
    /// Make somebody a member of the thread.
    AddToThread(CommunicationIdentifier),
    /// Create the thread of the call.
    CreateThread(BTreeSet<CommunicationIdentifier>),
    /// Delete the thread again that the same plan created.
    DeleteThread,
    /// End somebody's part in the call.
    RemoveFromCall(CommunicationIdentifier, EndReason),
    /// End somebody's membership of the thread.
    RemoveFromThread(CommunicationIdentifier),
}

/// A chat thread as the plan sees it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ThreadRoster {
    /// Who is in it.
    pub members: BTreeSet<CommunicationIdentifier>,
    /// How many may be.
    pub limit: usize,
}

/// A call as the plan sees it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CallRoster {
    /// Who is on its roster, invited or in it.
    pub participants: BTreeSet<CommunicationIdentifier>,
    /// How many may be.
    pub limit: usize,
}

/// The thread that a group call is bound to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ThreadChoice {
    /// One is created under an id that the caller drew.
    Create(ThreadId),
    /// The one that was given.
    Given(ThreadId, ThreadRoster),
}

/// All changes of one operation, in the order in which they are made.
///
/// Adding changes the chat first, so that nobody is called who may not be in the chat, and nobody is
/// in the call without it. Removing changes the call first, for the same reason. A plan exists only
/// once everything in it is allowed: a refusal leaves nothing to take back.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use]
pub struct RosterPlan {
    thread_id: ThreadId,
    steps: Vec<RosterStep>,
}

/// Whoever starts or changes a call, and by which rules.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// Who wants it.
    pub actor: &'a CommunicationIdentifier,
    /// Whether the chat follows.
    pub mode: SyncMode,
    /// What the administrators have set.
    pub policy: &'a Policy,
}

impl RosterPlan {
    /// Plans a group call of the actor and its targets.
    ///
    /// # Errors
    ///
    /// Refuses the whole call if one target may not be brought together with the others.
    pub fn start(
        change: Change<'_>,
        targets: &BTreeSet<CommunicationIdentifier>,
        call_limit: usize,
        thread: ThreadChoice,
    ) -> Result<Self, RosterRefusal> {
        let requested = targets.len() + 1;
        if requested > call_limit {
            return Err(RosterRefusal::CallFull { limit: call_limit, requested });
        }
        let (thread_id, existing, is_new) = match thread {
            ThreadChoice::Create(id) => (id, ThreadRoster::default(), true),
            ThreadChoice::Given(id, roster) => (id, roster, false),
        };
        let mut present = BTreeSet::from([change.actor.clone()]);
        for target in targets {
            check(change, target, &present, &existing.members)?;
            present.insert(target.clone());
        }
        let wanted = thread_members(&present);
        let mut steps = Vec::new();
        if is_new {
            steps.push(RosterStep::CreateThread(wanted));
        } else {
            match change.mode {
                SyncMode::Automatic => {
                    let missing: Vec<_> = wanted.difference(&existing.members).cloned().collect();
                    check_thread_room(&existing, missing.len())?;
                    steps.extend(missing.into_iter().map(RosterStep::AddToThread));
                }
                SyncMode::Manual => {
                    for target in targets {
                        check_membership(change, target, &present, &existing)?;
                    }
                }
            }
        }
        steps.extend(targets.iter().cloned().map(RosterStep::AddToCall));
        Ok(Self { thread_id, steps })
    }

    /// Plans to add somebody to a call that is bound to a thread.
    ///
    /// # Errors
    ///
    /// Refuses whoever is in the call, may not be brought together with those in call or chat, or,
    /// in manual mode with barriers about, is not in the chat yet.
    pub fn add(
        change: Change<'_>,
        target: &CommunicationIdentifier,
        call: &CallRoster,
        thread_id: &ThreadId,
        thread: &ThreadRoster,
    ) -> Result<Self, RosterRefusal> {
        if call.participants.contains(target) {
            return Err(RosterRefusal::AlreadyInCall);
        }
        let requested = call.participants.len() + 1;
        if requested > call.limit {
            return Err(RosterRefusal::CallFull { limit: call.limit, requested });
        }
        check(change, target, &call.participants, &thread.members)?;
        let mut steps = Vec::new();
        match change.mode {
            SyncMode::Automatic => {
                let mut together = call.participants.clone();
                together.insert(target.clone());
                // The stand-in for phones is needed only beside a single user, and only once.
                let wanted = match is_chatter(target) {
                    true => Some(target.clone()),
                    false => thread_members(&together).into_iter().find(is_placeholder),
                };
                let missing = wanted.filter(|wanted| !thread.members.contains(wanted));
                let is_needed = target_is_user_or_thread_is_single(target, thread);
                if let Some(missing) = missing.filter(|_| is_needed) {
                    check_thread_room(thread, 1)?;
                    steps.push(RosterStep::AddToThread(missing));
                }
            }
            SyncMode::Manual => check_membership(change, target, &call.participants, thread)?,
        }
        steps.push(RosterStep::AddToCall(target.clone()));
        Ok(Self { thread_id: thread_id.clone(), steps })
    }

    /// Plans to remove somebody. Whoever is in neither list is removed already: the plan is empty.
    pub fn remove(
        mode: SyncMode,
        target: &CommunicationIdentifier,
        call: &CallRoster,
        thread_id: &ThreadId,
        thread: &ThreadRoster,
    ) -> Self {
        let mut steps = Vec::new();
        if call.participants.contains(target) {
            steps.push(RosterStep::RemoveFromCall(target.clone(), EndReason::REMOVED));
        }
        let follows = match mode {
            SyncMode::Automatic => true,
            SyncMode::Manual => false,
        };
        if follows && thread.members.contains(target) {
            steps.push(RosterStep::RemoveFromThread(target.clone()));
        }
        Self { thread_id: thread_id.clone(), steps }
    }

    /// Plans what follows from somebody else's removal of a member from the thread: in automatic mode
    /// the member leaves the call, too. Who is added to the thread is welcome in the call, but is not
    /// rung: nobody expects a chat to ring.
    pub fn follow_thread(
        mode: SyncMode,
        removed: &BTreeSet<CommunicationIdentifier>,
        call: &CallRoster,
        thread_id: &ThreadId,
    ) -> Self {
        let steps = match mode {
            SyncMode::Automatic => removed
                .intersection(&call.participants)
                .map(|who| RosterStep::RemoveFromCall(who.clone(), EndReason::REMOVED))
                .collect(),
            SyncMode::Manual => Vec::new(),
        };
        Self { thread_id: thread_id.clone(), steps }
    }

    /// Returns the thread that the call is bound to.
    pub fn thread_id(&self) -> &ThreadId {
        &self.thread_id
    }

    /// Returns the steps, in order.
    pub fn steps(&self) -> &[RosterStep] {
        &self.steps
    }
}

impl RosterStep {
    /// Returns what takes the step back; removals are not taken back.
    pub(crate) fn undo(&self) -> Option<Self> {
        match self {
            Self::AddToCall(who) => Some(Self::RemoveFromCall(who.clone(), EndReason::CANCELED)),
            Self::AddToThread(who) => Some(Self::RemoveFromThread(who.clone())),
            Self::CreateThread(_) => Some(Self::DeleteThread),
            Self::DeleteThread | Self::RemoveFromCall(..) | Self::RemoveFromThread(_) => None,
        }
    }

    /// Returns what the step does, without whom it is about.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::AddToCall(_) => "addToCall",
            Self::AddToThread(_) => "addToThread",
            Self::CreateThread(_) => "createThread",
            Self::DeleteThread => "deleteThread",
            Self::RemoveFromCall(..) => "removeFromCall",
            Self::RemoveFromThread(_) => "removeFromThread",
        }
    }
}

impl fmt::Debug for RosterStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RosterStep({})", self.as_str())
    }
}

/// Returns the members that the thread of a call has: its users; and where a single user is in it
/// with phones, the all-zero user as the second member, because a chat of one is none.
pub fn thread_members(
    participants: &BTreeSet<CommunicationIdentifier>,
) -> BTreeSet<CommunicationIdentifier> {
    let mut members: BTreeSet<_> =
        participants.iter().filter(|who| is_chatter(who)).cloned().collect();
    let has_phone = participants.iter().any(CommunicationIdentifier::is_phone);
    if members.len() == 1 && has_phone {
        members.insert(placeholder());
    }
    members
}

/// Returns whether a thread is the one that the source recommends for a user who talks to phones: the
/// user alone, or with the all-zero user.
pub fn is_phone_chat_of(user: &CommunicationIdentifier, thread: &ThreadRoster) -> bool {
    thread.members.contains(user)
        && thread.members.iter().all(|member| member == user || is_placeholder(member))
}

/// Returns the all-zero user, which stands for phones in a chat.
pub fn placeholder() -> CommunicationIdentifier {
    let user = MicrosoftTeamsUser::new("00000000-0000-0000-0000-000000000000", Cloud::Public);
    CommunicationIdentifier::MicrosoftTeamsUser(user.expect("zeros and hyphens are an object id"))
}

/// Returns whether somebody can read a chat.
pub(crate) fn is_chatter(who: &CommunicationIdentifier) -> bool {
    match who {
        CommunicationIdentifier::CommunicationUser(_)
        | CommunicationIdentifier::MicrosoftTeamsApp(_)
        | CommunicationIdentifier::MicrosoftTeamsUser(_)
        | CommunicationIdentifier::TeamsExtensionUser(_) => true,
        CommunicationIdentifier::PhoneNumber(_) | CommunicationIdentifier::Unknown(_) => false,
    }
}

fn target_is_user_or_thread_is_single(
    target: &CommunicationIdentifier,
    thread: &ThreadRoster,
) -> bool {
    is_chatter(target) || thread.members.len() <= 1
}

/// Asks both media: a rule that forbids the chat forbids the call that is bound to it.
fn check(
    change: Change<'_>,
    target: &CommunicationIdentifier,
    present: &BTreeSet<CommunicationIdentifier>,
    members: &BTreeSet<CommunicationIdentifier>,
) -> Result<(), RosterRefusal> {
    let actor = Principal { identifier: change.actor.clone() };
    let others = || present.union(members).filter(|who| !is_placeholder(who));
    let mut media = vec![Medium::Call];
    if is_chatter(target) {
        media.push(Medium::Chat);
    }
    for medium in media {
        let decision = decide_joining(medium, &actor, target, others(), change.policy);
        if !decision.is_allowed() {
            return Err(RosterRefusal::Denied(Box::new(decision)));
        }
    }
    Ok(())
}

/// In manual mode the source has the chat changed first. Where barriers are about, it is held to it:
/// the chat's own check is what tells whether the barrier allows it.
fn check_membership(
    change: Change<'_>,
    target: &CommunicationIdentifier,
    present: &BTreeSet<CommunicationIdentifier>,
    thread: &ThreadRoster,
) -> Result<(), RosterRefusal> {
    if !is_chatter(target) || thread.members.contains(target) {
        return Ok(());
    }
    let is_guarded = is_in_segment(target, change.policy)
        || present.iter().any(|who| is_in_segment(who, change.policy));
    if is_guarded { Err(RosterRefusal::NotInThread) } else { Ok(()) }
}

fn check_thread_room(thread: &ThreadRoster, more: usize) -> Result<(), RosterRefusal> {
    let requested = thread.members.len() + more;
    if requested > thread.limit {
        return Err(RosterRefusal::ThreadFull { limit: thread.limit, requested });
    }
    Ok(())
}
