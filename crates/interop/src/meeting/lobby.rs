//! Who comes straight in, who waits, who is turned away: one pure decision with its trace.

use std::{borrow::Cow, fmt};

use trunkline_policy::Step;
use trunkline_reasons::EndReason;

use crate::meeting::{
    joiner::JoinerKind,
    role::MeetingRole,
    settings::{LobbyBypassScope, MeetingSettings},
};

/// What a meeting does with somebody who asks to join.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Admission {
    /// Lets them in.
    Enter,
    /// Turns them away.
    Refuse(EndReason),
    /// Lets them wait in the lobby.
    Wait,
}

/// What the meeting remembers of somebody.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Remembrance {
    /// Admitted before, so they come back without waiting.
    Admitted,
    /// Denied before, so nobody is asked again.
    Denied,
    /// Nothing.
    Unknown,
}

/// Everything that counts when somebody asks to join.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// What they are to the organizer.
    pub kind: JoinerKind,
    /// The role they have, or would have.
    pub role: MeetingRole,
    /// Whether they were invited by name.
    pub is_invited: bool,
    /// Whether they are a bot that was given the right to come in.
    pub is_entitled_bot: bool,
    /// What is remembered of them.
    pub remembrance: Remembrance,
    /// Whether the meeting is locked.
    pub is_locked: bool,
    /// Whether a host is in the meeting.
    pub is_host_present: bool,
    /// The settings of the meeting.
    pub settings: &'a MeetingSettings,
}

/// The outcome for somebody who asks to join, with the way to it. Prints as several lines.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use]
pub struct LobbyDecision {
    /// What is done.
    pub admission: Admission,
    /// The rule that decided.
    pub rule: &'static str,
    /// What would let them in at once; absent where they come in.
    pub fix: Option<&'static str>,
    /// Every question asked and its answer.
    pub trace: Vec<Step>,
}

impl LobbyDecision {
    /// Returns the code of the refusal; where nobody is refused, that the joiner is not permitted
    /// more than it got.
    pub fn reason(&self) -> EndReason {
        match self.admission {
            Admission::Refuse(reason) => reason,
            Admission::Enter | Admission::Wait => EndReason::NOT_PERMITTED,
        }
    }
}

impl fmt::Display for LobbyDecision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.admission {
            Admission::Enter => write!(f, "enters by {}", self.rule)?,
            Admission::Refuse(reason) => write!(f, "refused by {} ({reason})", self.rule)?,
            Admission::Wait => write!(f, "waits by {}", self.rule)?,
        }
        if let Some(fix) = self.fix {
            write!(f, "\n  fix: {fix}")?;
        }
        self.trace.iter().try_for_each(|step| write!(f, "\n  {step}"))
    }
}

/// Decides what is done with somebody who asks to join.
///
/// The order is: hosts, remembered denials, the lock, remembered admissions, bots, phones, the scope,
/// early arrivals. A lock holds for those admitted before as well: who fell out of a locked meeting
/// asks a host, because the lock says that nobody comes.
pub fn decide_entry(arrival: Arrival<'_>) -> LobbyDecision {
    let mut asked = Asked::default();
    if asked.ask("is it a host of the meeting?", arrival.role.is_host()) {
        return asked.enter("host");
    }
    if asked.ask("was the joiner denied before?", arrival.remembrance == Remembrance::Denied) {
        let fix = "a host admits the joiner by name, which takes the denial back";
        return asked.end(Admission::Refuse(EndReason::LOBBY_DISMISSED), "denied-before", fix);
    }
    if asked.ask("is the meeting locked?", arrival.is_locked) {
        let fix = "a host unlocks the meeting";
        return asked.end(Admission::Refuse(EndReason::MEETING_LOCKED), "locked", fix);
    }
    if asked.ask("was the joiner admitted before?", arrival.remembrance == Remembrance::Admitted) {
        return asked.enter("admitted-before");
    }
    let (kind, settings) = (arrival.kind, arrival.settings);
    let rule = match kind {
        // A program comes as an application of a directory, or with the token of an app user.
        JoinerKind::AppUser | JoinerKind::Bot | JoinerKind::Insider if arrival.is_entitled_bot => {
            asked.ask("was the bot given the right to come in?", true);
            "bot-with-right"
        }
        JoinerKind::Bot => {
            asked.ask("was the bot given the right to come in?", false);
            return asked.wait("bot-without-right", "a host names the bot in `bots`");
        }
        JoinerKind::Phone => {
            if !asked.ask("do phones bypass the lobby?", settings.phones_bypass) {
                return asked.wait("phone", "a host sets `phonesBypass`");
            }
            "phones-bypass"
        }
        JoinerKind::AppUser
        | JoinerKind::Federated
        | JoinerKind::Insider
        | JoinerKind::Outsider
        | JoinerKind::Visitor => {
            let scope = settings.lobby_bypass;
            let question = format!("does scope {} cover this {}?", scope.as_str(), kind.as_str());
            if !asked.ask(question, covers(scope, kind, arrival.is_invited)) {
                return asked.wait("scope", "a host admits the joiner, or widens `lobbyBypass`");
            }
            "scope"
        }
    };
    let may_start = asked.ask("is it an insider?", kind == JoinerKind::Insider)
        || asked.ask("is a host in the meeting?", arrival.is_host_present)
        || asked.ask("may those from outside start it?", settings.outsiders_may_start);
    if may_start { asked.enter(rule) } else { asked.wait("early-arrival", "a host comes first") }
}

/// Returns whether a scope covers somebody who is neither a phone nor a bot.
const fn covers(scope: LobbyBypassScope, kind: JoinerKind, is_invited: bool) -> bool {
    match scope {
        LobbyBypassScope::Everyone => true,
        LobbyBypassScope::Invited => is_invited,
        LobbyBypassScope::Organization => matches!(kind, JoinerKind::Insider),
        LobbyBypassScope::OrganizationAndFederated => {
            matches!(kind, JoinerKind::Federated | JoinerKind::Insider)
        }
        LobbyBypassScope::Organizer => false,
    }
}

/// Keeps the trace while the decision is under way.
#[derive(Default)]
struct Asked {
    trace: Vec<Step>,
}

impl Asked {
    fn ask(&mut self, question: impl Into<Cow<'static, str>>, answer: bool) -> bool {
        self.trace.push(Step { question: question.into(), answer });
        answer
    }

    fn enter(self, rule: &'static str) -> LobbyDecision {
        let admission = Admission::Enter;
        LobbyDecision { admission, rule, fix: None, trace: self.trace }
    }

    fn wait(self, rule: &'static str, fix: &'static str) -> LobbyDecision {
        self.end(Admission::Wait, rule, fix)
    }

    fn end(self, admission: Admission, rule: &'static str, fix: &'static str) -> LobbyDecision {
        LobbyDecision { admission, rule, fix: Some(fix), trace: self.trace }
    }
}
