//! One roster in call and chat: the plan, its carrying out, and the source's own scenario.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use trunkline_chat::{Command, CreateThread, Limits, NewMember, Thread, is_placeholder};
use trunkline_clock::VirtualClock;
use trunkline_ids::{CommunicationIdentifier, ThreadId};
use trunkline_interop::{
    CallRoster, Change, ChangeOutcome, MeetingConfig, RosterChange, RosterPlan, RosterRefusal,
    RosterStep, SyncMode, ThreadChoice, ThreadRoster, is_phone_chat_of, placeholder,
    thread_members,
};
use trunkline_policy::{
    BarrierRule, CoexistenceMode, DirectoryUser, License, Policy, Segment, TenantPolicy,
};
use trunkline_reasons::EndReason;

const ALICE: &str = "8:orgid:alice";
const BOB: &str = "8:orgid:bob";
const CHARLIE: &str = "8:orgid:charlie";
const DAN: &str = "8:orgid:dan";
const PHONE: &str = "4:+14255550100";
const PHONE_2: &str = "4:+14255550101";
const THREAD: &str = "19:roster@thread.v2";

fn id(text: &str) -> CommunicationIdentifier {
    text.parse().unwrap()
}

fn ids(texts: &[&str]) -> BTreeSet<CommunicationIdentifier> {
    texts.iter().map(|text| id(text)).collect()
}

fn thread_id() -> ThreadId {
    THREAD.parse().unwrap()
}

/// One tenant; `segments` says who is in which.
fn policy(segments: &[(&str, &str)]) -> Policy {
    let mut tenant = TenantPolicy::default();
    for alias in ["alice", "bob", "charlie", "dan"] {
        let segment = segments.iter().find(|(who, _)| *who == alias);
        tenant.set_user(DirectoryUser {
            object_id: alias.parse().unwrap(),
            alias: alias.parse().unwrap(),
            display_name: alias.parse().unwrap(),
            groups: BTreeSet::new(),
            licenses: [License::TeamsPhone, License::EnterpriseVoice].into(),
            mode: CoexistenceMode::TeamsOnly,
            segment: segment.map(|(_, segment)| segment.parse().unwrap()),
        });
    }
    for (segment, other) in [("trading", "research"), ("research", "trading")] {
        let rule = BarrierRule::Block([other.parse().unwrap()].into());
        tenant.barriers.set_segment(Segment { id: segment.parse().unwrap(), rule });
    }
    let tenants = BTreeMap::from([("contoso".parse().unwrap(), tenant)]);
    Policy { tenants, has_trunk: true }
}

/// A call and its thread: the thread is a real one, the call a list.
struct Pair {
    clock: VirtualClock,
    policy: Policy,
    mode: SyncMode,
    call: BTreeSet<CommunicationIdentifier>,
    thread: Option<Thread>,
    /// Which step of a plan fails, if any.
    failing: Option<usize>,
    ticks: Vec<String>,
}

impl Pair {
    fn new(mode: SyncMode, policy: Policy) -> Self {
        Self {
            clock: VirtualClock::default(),
            policy,
            mode,
            call: BTreeSet::new(),
            thread: None,
            failing: None,
            ticks: Vec::new(),
        }
    }

    fn members(&self) -> BTreeSet<CommunicationIdentifier> {
        let thread = self.thread.as_ref().filter(|thread| thread.record().deleted_on.is_none());
        thread.map(|thread| thread.record().members.keys().cloned().collect()).unwrap_or_default()
    }

    fn call_roster(&self) -> CallRoster {
        let limit = MeetingConfig::default().group_participants;
        CallRoster { participants: self.call.clone(), limit }
    }

    fn thread_roster(&self) -> ThreadRoster {
        ThreadRoster { members: self.members(), limit: Limits::default().members }
    }

    fn change<'a>(&'a self, actor: &'a CommunicationIdentifier) -> Change<'a> {
        Change { actor, mode: self.mode, policy: &self.policy }
    }

    fn start(&mut self, targets: &[&str]) -> Result<ChangeOutcome, RosterRefusal> {
        let choice = match &self.thread {
            Some(_) => ThreadChoice::Given(thread_id(), self.thread_roster()),
            None => ThreadChoice::Create(thread_id()),
        };
        let alice = id(ALICE);
        let limit = MeetingConfig::default().group_participants;
        let plan = RosterPlan::start(self.change(&alice), &ids(targets), limit, choice)?;
        self.call.insert(alice);
        Ok(self.carry_out(plan))
    }

    fn add(&mut self, target: &str) -> Result<ChangeOutcome, RosterRefusal> {
        let (alice, target) = (id(ALICE), id(target));
        let (call, thread) = (self.call_roster(), self.thread_roster());
        let plan = RosterPlan::add(self.change(&alice), &target, &call, &thread_id(), &thread)?;
        Ok(self.carry_out(plan))
    }

    fn remove(&mut self, target: &str) -> ChangeOutcome {
        let (call, thread) = (self.call_roster(), self.thread_roster());
        let plan = RosterPlan::remove(self.mode, &id(target), &call, &thread_id(), &thread);
        self.carry_out(plan)
    }

    /// What a user does with the chat's own interface.
    fn chat(&mut self, command: Command) {
        let now = self.clock.now();
        self.thread.as_mut().unwrap().handle_input(now, &id(ALICE), command).unwrap();
    }

    fn create_thread(&mut self, members: &[&str]) {
        let request = CreateThread {
            members: members.iter().map(|who| NewMember::new(id(who))).collect(),
            ..CreateThread::default()
        };
        let now = self.clock.now();
        let made = Thread::create(now, thread_id(), &id(ALICE), request, Limits::default());
        self.thread = Some(made.unwrap().0);
    }

    fn carry_out(&mut self, plan: RosterPlan) -> ChangeOutcome {
        let mut change = RosterChange::new(plan);
        let mut at = 0;
        while let Some(step) = change.current().cloned() {
            if self.failing == Some(at) {
                change.fail(EndReason::SERVER_FAILED);
            } else {
                self.do_step(&step);
                change.succeed();
            }
            at += 1;
        }
        change.outcome().unwrap()
    }

    fn do_step(&mut self, step: &RosterStep) {
        self.ticks.push(step.as_str().to_owned());
        match step.clone() {
            RosterStep::AddToCall(who) => assert!(self.call.insert(who)),
            RosterStep::AddToThread(who) => {
                self.chat(Command::AddMembers { members: vec![NewMember::new(who)] });
            }
            RosterStep::CreateThread(members) => {
                let members: Vec<_> = members.iter().map(ToString::to_string).collect();
                self.create_thread(&members.iter().map(String::as_str).collect::<Vec<_>>());
            }
            RosterStep::DeleteThread => self.chat(Command::DeleteThread),
            RosterStep::RemoveFromCall(who, _) => assert!(self.call.remove(&who)),
            RosterStep::RemoveFromThread(who) => {
                self.chat(Command::RemoveMember { identifier: who });
            }
        }
    }

    #[track_caller]
    fn has(&self, call: &[&str], thread: &[&str]) {
        assert_eq!(self.call, ids(call), "call");
        assert_eq!(self.members(), ids(thread), "thread");
    }
}

/// The six printed steps of the source, with Dan, the chat changed by hand.
#[test]
fn roster_steps_in_manual_mode() {
    let mut pair = Pair::new(SyncMode::Manual, policy(&[]));
    pair.create_thread(&[BOB, CHARLIE]);
    pair.has(&[], &[ALICE, BOB, CHARLIE]);
    assert_eq!(pair.start(&[BOB, CHARLIE]).unwrap(), ChangeOutcome::Applied);
    pair.has(&[ALICE, BOB, CHARLIE], &[ALICE, BOB, CHARLIE]);
    pair.chat(Command::AddMembers { members: vec![NewMember::new(id(DAN))] });
    pair.has(&[ALICE, BOB, CHARLIE], &[ALICE, BOB, CHARLIE, DAN]);
    assert_eq!(pair.add(DAN).unwrap(), ChangeOutcome::Applied);
    pair.has(&[ALICE, BOB, CHARLIE, DAN], &[ALICE, BOB, CHARLIE, DAN]);
    assert_eq!(pair.remove(DAN), ChangeOutcome::Applied);
    pair.has(&[ALICE, BOB, CHARLIE], &[ALICE, BOB, CHARLIE, DAN]);
    pair.chat(Command::RemoveMember { identifier: id(DAN) });
    pair.has(&[ALICE, BOB, CHARLIE], &[ALICE, BOB, CHARLIE]);
}

/// The same, one operation each.
#[test]
fn roster_steps_in_automatic_mode() {
    let mut pair = Pair::new(SyncMode::Automatic, policy(&[]));
    assert_eq!(pair.start(&[BOB, CHARLIE]).unwrap(), ChangeOutcome::Applied);
    pair.has(&[ALICE, BOB, CHARLIE], &[ALICE, BOB, CHARLIE]);
    assert_eq!(pair.add(DAN).unwrap(), ChangeOutcome::Applied);
    pair.has(&[ALICE, BOB, CHARLIE, DAN], &[ALICE, BOB, CHARLIE, DAN]);
    assert_eq!(pair.remove(DAN), ChangeOutcome::Applied);
    pair.has(&[ALICE, BOB, CHARLIE], &[ALICE, BOB, CHARLIE]);
    assert_eq!(
        pair.ticks,
        [
            "createThread",
            "addToCall",
            "addToCall",
            "addToThread",
            "addToCall",
            "removeFromCall",
            "removeFromThread"
        ]
    );
}

/// What the source's prose says: Bob is called, Charlie comes and goes.
#[test]
fn roster_text_in_both_modes() {
    for mode in [SyncMode::Manual, SyncMode::Automatic] {
        let mut pair = Pair::new(mode, policy(&[]));
        pair.start(&[BOB]).unwrap();
        pair.has(&[ALICE, BOB], &[ALICE, BOB]);
        if mode == SyncMode::Manual {
            pair.chat(Command::AddMembers { members: vec![NewMember::new(id(CHARLIE))] });
        }
        pair.add(CHARLIE).unwrap();
        pair.has(&[ALICE, BOB, CHARLIE], &[ALICE, BOB, CHARLIE]);
        pair.clock.advance(std::time::Duration::from_secs(180));
        pair.remove(CHARLIE);
        if mode == SyncMode::Manual {
            pair.chat(Command::RemoveMember { identifier: id(CHARLIE) });
        }
        pair.has(&[ALICE, BOB], &[ALICE, BOB]);
    }
}

#[test]
fn call_before_chat_is_refused_where_barriers_are_about_and_leaves_no_trace() {
    // No barrier keeps dan from the others, but he is in a segment.
    let mut pair = Pair::new(SyncMode::Manual, policy(&[("dan", "research")]));
    pair.create_thread(&[BOB, CHARLIE]);
    pair.start(&[BOB, CHARLIE]).unwrap();
    let before = (pair.call.clone(), pair.members(), pair.ticks.len());
    let refusal = pair.add(DAN).unwrap_err();
    assert!(matches!(refusal, RosterRefusal::NotInThread), "{refusal}");
    assert_eq!(refusal.reason(), EndReason::NOT_PERMITTED);
    assert_eq!(before, (pair.call.clone(), pair.members(), pair.ticks.len()));
    // In the order of the source it works.
    pair.chat(Command::AddMembers { members: vec![NewMember::new(id(DAN))] });
    assert_eq!(pair.add(DAN).unwrap(), ChangeOutcome::Applied);
}

#[test]
fn without_barriers_the_call_may_come_first_in_manual_mode() {
    let mut pair = Pair::new(SyncMode::Manual, policy(&[]));
    pair.create_thread(&[BOB]);
    pair.start(&[BOB]).unwrap();
    pair.add(DAN).unwrap();
    pair.has(&[ALICE, BOB, DAN], &[ALICE, BOB]);
}

#[test]
fn a_barrier_refuses_in_both_modes_and_leaves_no_trace() {
    for mode in [SyncMode::Manual, SyncMode::Automatic] {
        let segments = [("charlie", "trading"), ("dan", "research")];
        let mut pair = Pair::new(mode, policy(&segments));
        pair.create_thread(&[BOB, CHARLIE]);
        pair.start(&[BOB, CHARLIE]).unwrap();
        let before = (pair.call.clone(), pair.members(), pair.ticks.len());
        let refusal = pair.add(DAN).unwrap_err();
        let RosterRefusal::Denied(decision) = &refusal else {
            panic!("{refusal}");
        };
        assert_eq!(decision.rule(), "information-barrier");
        assert_eq!(before, (pair.call.clone(), pair.members(), pair.ticks.len()));
        // Charlie in the chat alone is enough to keep dan out: the two would read each other.
        pair.remove(CHARLIE);
        let in_chat = pair.members().contains(&id(CHARLIE));
        assert_eq!(in_chat, mode == SyncMode::Manual);
        match pair.add(DAN) {
            Ok(outcome) => assert_eq!((outcome, in_chat), (ChangeOutcome::Applied, false)),
            Err(RosterRefusal::Denied(decision)) => {
                assert_eq!((decision.rule(), in_chat), ("information-barrier", true));
            }
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn a_call_that_would_bring_together_whom_a_barrier_parts_does_not_start() {
    let segments = [("charlie", "trading"), ("dan", "research")];
    let mut pair = Pair::new(SyncMode::Automatic, policy(&segments));
    assert!(matches!(pair.start(&[CHARLIE, DAN]), Err(RosterRefusal::Denied(_))));
    pair.has(&[], &[]);
}

#[test]
fn a_step_that_fails_takes_back_the_steps_before_it() {
    for failing in 0..2 {
        let mut pair = Pair::new(SyncMode::Automatic, policy(&[]));
        pair.start(&[BOB]).unwrap();
        pair.failing = Some(failing);
        let outcome = pair.add(DAN).unwrap();
        assert_eq!(outcome, ChangeOutcome::TakenBack(EndReason::SERVER_FAILED));
        pair.has(&[ALICE, BOB], &[ALICE, BOB]);
    }
    for failing in 0..3 {
        let mut pair = Pair::new(SyncMode::Automatic, policy(&[]));
        pair.failing = Some(failing);
        let outcome = pair.start(&[BOB, CHARLIE]).unwrap();
        assert_eq!(outcome, ChangeOutcome::TakenBack(EndReason::SERVER_FAILED));
        pair.has(&[ALICE], &[]);
        // What was done last is taken back first.
        let done = ["createThread", "addToCall"];
        let undone = ["removeFromCall", "deleteThread"];
        let expected = done[..failing].iter().chain(&undone[2 - failing..]);
        assert_eq!(pair.ticks, expected.copied().collect::<Vec<_>>());
    }
}

#[test]
fn what_cannot_be_taken_back_is_left_over() {
    let policy = policy(&[]);
    let alice = id(ALICE);
    let change = Change { actor: &alice, mode: SyncMode::Automatic, policy: &policy };
    let call = CallRoster { participants: ids(&[ALICE, BOB]), limit: 350 };
    let thread = ThreadRoster { members: ids(&[ALICE, BOB]), limit: 250 };
    let plan = RosterPlan::add(change, &id(DAN), &call, &thread_id(), &thread).unwrap();
    let mut change = RosterChange::new(plan);
    assert_eq!(change.current(), Some(&RosterStep::AddToThread(id(DAN))));
    change.succeed();
    assert_eq!(change.current(), Some(&RosterStep::AddToCall(id(DAN))));
    change.fail(EndReason::SERVER_FAILED);
    assert_eq!(change.current(), Some(&RosterStep::RemoveFromThread(id(DAN))));
    assert_eq!(change.outcome(), None);
    change.fail(EndReason::SERVER_FAILED);
    let left = vec![RosterStep::RemoveFromThread(id(DAN))];
    assert_eq!(change.outcome(), Some(ChangeOutcome::LeftOver(left.clone())));
    // What comes after the end changes nothing.
    change.fail(EndReason::SERVER_FAILED);
    assert_eq!(change.outcome(), Some(ChangeOutcome::LeftOver(left)));
}

#[test]
fn a_removal_that_half_fails_brings_nobody_back_and_says_what_is_left() {
    for (failing, left) in [(0, "removeFromCall"), (1, "removeFromThread")] {
        let mut pair = Pair::new(SyncMode::Automatic, policy(&[]));
        pair.start(&[BOB, DAN]).unwrap();
        pair.failing = Some(failing);
        let ChangeOutcome::LeftOver(steps) = pair.remove(DAN) else {
            panic!("a failed removal is left over");
        };
        assert_eq!(steps.iter().map(RosterStep::as_str).collect::<Vec<_>>(), [left]);
        // Tried again, it is done.
        pair.failing = None;
        assert_eq!(pair.remove(DAN), ChangeOutcome::Applied);
        pair.has(&[ALICE, BOB], &[ALICE, BOB]);
    }
}

#[test]
fn a_user_among_phones_chats_with_the_all_zero_user() {
    let members = |who: &[&str]| thread_members(&ids(who));
    let zeros = placeholder().to_string();
    assert!(is_placeholder(&placeholder()));
    assert_eq!(members(&[ALICE, PHONE]), ids(&[ALICE, &zeros]));
    assert_eq!(members(&[ALICE, PHONE, PHONE_2]), ids(&[ALICE, &zeros]));
    assert_eq!(members(&[ALICE, BOB, PHONE]), ids(&[ALICE, BOB]));
    assert_eq!(members(&[ALICE, BOB, CHARLIE]), ids(&[ALICE, BOB, CHARLIE]));

    let roster = |who: &[&str]| ThreadRoster { members: ids(who), limit: 250 };
    assert!(is_phone_chat_of(&id(ALICE), &roster(&[ALICE])));
    assert!(is_phone_chat_of(&id(ALICE), &roster(&[ALICE, &zeros])));
    assert!(!is_phone_chat_of(&id(ALICE), &roster(&[ALICE, BOB])));
    assert!(!is_phone_chat_of(&id(ALICE), &roster(&[BOB, &zeros])));
}

#[test]
fn a_second_phone_in_a_call_of_one_user_brings_the_all_zero_user_once() {
    let zeros = placeholder().to_string();
    let mut pair = Pair::new(SyncMode::Automatic, policy(&[]));
    pair.create_thread(&[]);
    pair.start(&[PHONE]).unwrap();
    pair.has(&[ALICE, PHONE], &[ALICE, &zeros]);
    pair.add(PHONE_2).unwrap();
    pair.has(&[ALICE, PHONE, PHONE_2], &[ALICE, &zeros]);
    // A phone in a call of two users brings nobody into their chat.
    let mut pair = Pair::new(SyncMode::Automatic, policy(&[]));
    pair.start(&[BOB]).unwrap();
    pair.add(PHONE).unwrap();
    pair.has(&[ALICE, BOB, PHONE], &[ALICE, BOB]);
}

#[test]
fn a_given_thread_gets_whom_it_lacks_in_automatic_mode_only() {
    for (mode, members) in
        [(SyncMode::Manual, vec![ALICE, BOB]), (SyncMode::Automatic, vec![ALICE, BOB, CHARLIE])]
    {
        let mut pair = Pair::new(mode, policy(&[]));
        pair.create_thread(&[BOB]);
        pair.start(&[BOB, CHARLIE]).unwrap();
        pair.has(&[ALICE, BOB, CHARLIE], &members);
    }
}

#[test]
fn limits_are_typed_for_call_and_thread() {
    let policy = policy(&[]);
    let alice = id(ALICE);
    let change = Change { actor: &alice, mode: SyncMode::Automatic, policy: &policy };
    let call = CallRoster { participants: ids(&[ALICE, BOB]), limit: 2 };
    let thread = ThreadRoster { members: ids(&[ALICE, BOB]), limit: 250 };
    let refusal = RosterPlan::add(change, &id(DAN), &call, &thread_id(), &thread).unwrap_err();
    assert!(matches!(refusal, RosterRefusal::CallFull { limit: 2, requested: 3 }));
    let call = CallRoster { limit: 350, ..call };
    let full = ThreadRoster { limit: 2, ..thread.clone() };
    let refusal = RosterPlan::add(change, &id(DAN), &call, &thread_id(), &full).unwrap_err();
    assert!(matches!(refusal, RosterRefusal::ThreadFull { limit: 2, requested: 3 }));
    let refusal = RosterPlan::add(change, &id(BOB), &call, &thread_id(), &thread).unwrap_err();
    assert!(matches!(refusal, RosterRefusal::AlreadyInCall));
    assert_eq!(refusal.reason(), EndReason::CONFLICT);
    let limits = MeetingConfig::default();
    assert_eq!((limits.group_participants, limits.meeting_participants), (350, 1_000));
}

#[test]
fn who_is_taken_out_of_the_chat_leaves_the_call_in_automatic_mode_only() {
    let call = CallRoster { participants: ids(&[ALICE, BOB, PHONE]), limit: 350 };
    let removed = ids(&[BOB, CHARLIE]);
    let plan =
        |mode| RosterPlan::follow_thread(mode, &removed, &call, &thread_id()).steps().to_vec();
    assert_eq!(
        plan(SyncMode::Automatic),
        [RosterStep::RemoveFromCall(id(BOB), EndReason::REMOVED)]
    );
    assert_eq!(plan(SyncMode::Manual), []);
}

proptest! {
    /// Whatever is added and removed, by whatever operation, and whichever step fails: the users of
    /// the call are in the chat, nobody removed is left in either, and no operation stays half-done.
    #[test]
    fn automatic_mode_keeps_call_and_chat_alike(
        commands in prop::collection::vec((0..5_usize, any::<bool>(), 0..6_usize), 1..40),
        blocked in any::<bool>(),
    ) {
        let targets = [BOB, CHARLIE, DAN, PHONE, PHONE_2];
        let segments: &[_] =
            if blocked { &[("charlie", "trading"), ("dan", "research")] } else { &[] };
        let mut pair = Pair::new(SyncMode::Automatic, policy(segments));
        pair.start(&[BOB]).unwrap();
        for (at, adds, failing) in commands {
            let target = targets[at];
            pair.failing = Some(failing).filter(|_| adds);
            let before = (pair.call.clone(), pair.members());
            if adds {
                match pair.add(target) {
                    Ok(ChangeOutcome::Applied) => prop_assert!(pair.call.contains(&id(target))),
                    Ok(ChangeOutcome::TakenBack(_)) | Err(_) => {
                        prop_assert_eq!(&before, &(pair.call.clone(), pair.members()));
                    }
                    Ok(ChangeOutcome::LeftOver(_)) => prop_assert!(false, "an addition is undone"),
                }
            } else {
                prop_assert_eq!(pair.remove(target), ChangeOutcome::Applied);
                prop_assert!(!pair.call.contains(&id(target)));
            }
            let users: BTreeSet<_> =
                pair.call.iter().filter(|who| !who.is_phone()).cloned().collect();
            let members: BTreeSet<_> =
                pair.members().into_iter().filter(|who| !is_placeholder(who)).collect();
            prop_assert_eq!(users, members);
            let are_together =
                pair.call.contains(&id(CHARLIE)) && pair.call.contains(&id(DAN));
            prop_assert!(!(blocked && are_together));
        }
    }
}
