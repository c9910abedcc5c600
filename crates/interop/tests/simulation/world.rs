//! What surrounds a meeting: the people, a real chat thread, and a call that obeys late.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use trunkline_call::{CallKind, CallState, Profile, Trigger, transition};
use trunkline_chat::{Command, CreateThread, Limits, NewMember, Thread};
use trunkline_clock::Now;
use trunkline_ids::{CommunicationIdentifier, EndpointId};
use trunkline_interop::{CallStep, ThreadStep};
use trunkline_policy::{
    BarrierRule, CoexistenceMode, DirectoryUser, Policy, Segment, TenantPolicy,
};

pub(crate) const ALICE: &str = "8:orgid:alice";
/// Created the thread and edits it; never comes to a meeting.
pub(crate) const CLERK: &str = "8:orgid:clerk";
pub(crate) const PEOPLE: [&str; 10] = [
    ALICE,
    "8:orgid:bob",
    "8:orgid:charlie",
    "8:orgid:dan",
    "8:orgid:zoe",
    "8:orgid:nobody",
    "8:acs:11111111-1111-4111-8111-111111111111_guest",
    "8:teamsvisitor:someone",
    "4:+14255550100",
    "28:orgid:scribe",
];

pub(crate) fn id(text: &str) -> CommunicationIdentifier {
    text.parse().unwrap()
}

/// Charlie and dan are in segments; `are_apart` says whether the two block each other.
pub(crate) fn policy(are_apart: bool) -> Policy {
    let user = |alias: &str, segment: Option<&str>| DirectoryUser {
        object_id: alias.parse().unwrap(),
        alias: alias.parse().unwrap(),
        display_name: alias.parse().unwrap(),
        groups: BTreeSet::new(),
        licenses: BTreeSet::new(),
        mode: CoexistenceMode::TeamsOnly,
        segment: segment.map(|segment| segment.parse().unwrap()),
    };
    let mut contoso = TenantPolicy::default();
    for (alias, segment) in
        [("alice", None), ("bob", None), ("charlie", Some("trading")), ("dan", Some("research"))]
    {
        contoso.set_user(user(alias, segment));
    }
    for (own, other) in [("trading", "research"), ("research", "trading")] {
        let blocked =
            if are_apart { BTreeSet::from([other.parse().unwrap()]) } else { BTreeSet::new() };
        let rule = BarrierRule::Block(blocked);
        contoso.barriers.set_segment(Segment { id: own.parse().unwrap(), rule });
    }
    let mut fabrikam = TenantPolicy::default();
    fabrikam.set_user(user("zoe", None));
    contoso.federated_tenants.insert("fabrikam".parse().unwrap());
    fabrikam.federated_tenants.insert("contoso".parse().unwrap());
    let tenants = BTreeMap::from([
        ("contoso".parse().unwrap(), contoso),
        ("fabrikam".parse().unwrap(), fabrikam),
    ]);
    Policy { tenants, has_trunk: true }
}

/// The thread, with the meeting's steps that have not reached it, and the edits by others of which
/// the meeting has not heard.
pub(crate) struct Chat {
    thread: Thread,
    pub(crate) steps: VecDeque<ThreadStep>,
    pub(crate) news: VecDeque<(CommunicationIdentifier, bool)>,
}

impl Chat {
    pub(crate) fn new(now: Now) -> Self {
        let request =
            CreateThread { members: vec![NewMember::new(id(ALICE))], ..CreateThread::default() };
        let thread_id = "19:meeting_x@thread.v2".parse().unwrap();
        let made = Thread::create(now, thread_id, &id(CLERK), request, Limits::default());
        Self { thread: made.unwrap().0, steps: VecDeque::new(), news: VecDeque::new() }
    }

    pub(crate) fn members(&self) -> BTreeSet<CommunicationIdentifier> {
        self.thread.record().members.keys().cloned().collect()
    }

    /// Lets the next step of the meeting reach the thread.
    pub(crate) fn take_step(&mut self, now: Now) {
        match self.steps.pop_front() {
            Some(ThreadStep::Add { identifier, .. }) => {
                self.edit(now, identifier, true);
            }
            Some(ThreadStep::Remove { identifier, .. }) => {
                self.edit(now, identifier, false);
            }
            // What the thread is called changes nobody's place in it.
            Some(ThreadStep::Name { .. }) | None => {}
        }
    }

    /// Lets somebody else add or remove a member; the meeting will hear if anything changed.
    pub(crate) fn edit_by_others(&mut self, now: Now, who: CommunicationIdentifier, adds: bool) {
        if self.edit(now, who.clone(), adds) {
            self.news.push_back((who, adds));
        }
    }

    fn edit(&mut self, now: Now, who: CommunicationIdentifier, adds: bool) -> bool {
        let before = self.thread.record().members.contains_key(&who);
        let command = match adds {
            true => Command::AddMembers { members: vec![NewMember::new(who.clone())] },
            false => Command::RemoveMember { identifier: who.clone() },
        };
        self.thread.handle_input(now, &id(CLERK), command).unwrap();
        while self.thread.poll_output().is_some() {}
        before != self.thread.record().members.contains_key(&who)
    }
}

/// The connections of the call, by the one table of states; it carries steps out when it gets to it.
#[derive(Default)]
pub(crate) struct Call {
    pub(crate) states: BTreeMap<EndpointId, CallState>,
    pub(crate) steps: VecDeque<CallStep>,
}

impl Call {
    pub(crate) fn take_step(&mut self) {
        let Some(step) = self.steps.pop_front() else {
            return;
        };
        let trigger = step.trigger();
        match step {
            CallStep::Enter { endpoint, .. } | CallStep::EnterLobby { endpoint } => {
                let state = self.states.entry(endpoint).or_insert(CallState::Connecting);
                let next = transition(Profile::Union, CallKind::Meeting, *state, trigger.unwrap());
                *state = next.expect("the table has every edge that a meeting walks");
            }
            CallStep::End { endpoint, .. } => {
                let state = self.states.remove(&endpoint).expect("who ends has come");
                for (from, on) in
                    [(state, trigger.unwrap()), (CallState::Disconnecting, Trigger::Finish)]
                {
                    transition(Profile::Union, CallKind::Meeting, from, on).unwrap();
                }
            }
            CallStep::EndCall { .. } => self.states.clear(),
            CallStep::SetRights { endpoint, .. } => {
                assert_eq!(self.states.get(&endpoint), Some(&CallState::Connected));
            }
        }
    }
}
