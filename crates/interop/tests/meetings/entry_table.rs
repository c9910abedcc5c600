//! The lobby decision table: every scope × every kind of joiner × locked or not × host there or not.
//!
//! The expectations are written down by hand, in a notation of their own: a second spelling of the
//! rules, not a call of them.

use std::collections::BTreeSet;

use trunkline_interop::{
    Admission, Arrival, JoinerKind, LobbyBypassScope, MeetingRole, MeetingSettings, Remembrance,
    decide_entry,
};
use trunkline_reasons::EndReason;

/// Who asks, and what the five scopes, from the narrowest to the widest, do with them: without a
/// host in the meeting, and with one. `E` enters, `W` waits. Locked is the third column, the same
/// for all scopes: `E` enters, `L` is turned away by the lock, `D` by the denial.
const TABLE: &[(Who, &str, &str, char)] = &[
    //                             Organizer, Invited, Organization, …AndFederated, Everyone
    (Who::plain(JoinerKind::Insider), "WWEEE", "WWEEE", 'L'),
    (Who::invited(JoinerKind::Insider), "WEEEE", "WEEEE", 'L'),
    (Who::plain(JoinerKind::Federated), "WWWWW", "WWWEE", 'L'),
    (Who::invited(JoinerKind::Federated), "WWWWW", "WEWEE", 'L'),
    (Who::plain(JoinerKind::Outsider), "WWWWW", "WWWWE", 'L'),
    (Who::invited(JoinerKind::Outsider), "WWWWW", "WEWWE", 'L'),
    (Who::plain(JoinerKind::AppUser), "WWWWW", "WWWWE", 'L'),
    (Who::invited(JoinerKind::AppUser), "WWWWW", "WEWWE", 'L'),
    (Who::plain(JoinerKind::Visitor), "WWWWW", "WWWWE", 'L'),
    (Who::plain(JoinerKind::Phone), "WWWWW", "WWWWW", 'L'),
    (Who::phone_with_bypass(), "WWWWW", "EEEEE", 'L'),
    (Who::plain(JoinerKind::Bot), "WWWWW", "WWWWW", 'L'),
    (Who::invited(JoinerKind::Bot), "WWWWW", "WWWWW", 'L'),
    (Who::entitled_bot(JoinerKind::Bot), "WWWWW", "EEEEE", 'L'),
    (Who::entitled_bot(JoinerKind::AppUser), "WWWWW", "EEEEE", 'L'),
    (Who::entitled_bot(JoinerKind::Insider), "EEEEE", "EEEEE", 'L'),
    (Who::entitled_bot(JoinerKind::Outsider), "WWWWW", "WWWWE", 'L'),
    (Who::role(JoinerKind::Insider, MeetingRole::Organizer), "EEEEE", "EEEEE", 'E'),
    (Who::role(JoinerKind::Insider, MeetingRole::CoOrganizer), "EEEEE", "EEEEE", 'E'),
    (Who::role(JoinerKind::AppUser, MeetingRole::CoOrganizer), "EEEEE", "EEEEE", 'E'),
    (Who::role(JoinerKind::AppUser, MeetingRole::Presenter), "WWWWW", "WEWWE", 'L'),
    (Who::remembered(JoinerKind::AppUser, Remembrance::Admitted), "EEEEE", "EEEEE", 'L'),
    (Who::remembered(JoinerKind::Phone, Remembrance::Admitted), "EEEEE", "EEEEE", 'L'),
    (Who::remembered(JoinerKind::Bot, Remembrance::Admitted), "EEEEE", "EEEEE", 'L'),
    (Who::remembered(JoinerKind::Insider, Remembrance::Denied), "DDDDD", "DDDDD", 'D'),
    (Who::remembered(JoinerKind::AppUser, Remembrance::Denied), "DDDDD", "DDDDD", 'D'),
];

#[derive(Clone, Copy, Debug)]
struct Who {
    kind: JoinerKind,
    role: MeetingRole,
    is_invited: bool,
    is_entitled_bot: bool,
    phones_bypass: bool,
    remembrance: Remembrance,
}

impl Who {
    const fn plain(kind: JoinerKind) -> Self {
        Self {
            kind,
            role: MeetingRole::Attendee,
            is_invited: false,
            is_entitled_bot: false,
            phones_bypass: false,
            remembrance: Remembrance::Unknown,
        }
    }

    const fn invited(kind: JoinerKind) -> Self {
        Self { is_invited: true, ..Self::plain(kind) }
    }

    const fn phone_with_bypass() -> Self {
        Self { phones_bypass: true, ..Self::plain(JoinerKind::Phone) }
    }

    const fn entitled_bot(kind: JoinerKind) -> Self {
        Self { is_entitled_bot: true, ..Self::plain(kind) }
    }

    /// Who has a role was given it by name, which invites.
    const fn role(kind: JoinerKind, role: MeetingRole) -> Self {
        Self { role, is_invited: true, ..Self::plain(kind) }
    }

    const fn remembered(kind: JoinerKind, remembrance: Remembrance) -> Self {
        Self { remembrance, ..Self::plain(kind) }
    }
}

fn letter(admission: Admission) -> char {
    match admission {
        Admission::Enter => 'E',
        Admission::Wait => 'W',
        Admission::Refuse(reason) if reason == EndReason::MEETING_LOCKED => 'L',
        Admission::Refuse(reason) if reason == EndReason::LOBBY_DISMISSED => 'D',
        Admission::Refuse(other) => panic!("refused for {other}"),
    }
}

#[test]
fn every_scope_and_every_joiner_locked_or_not_with_a_host_or_without() {
    let mut cells = 0;
    let mut rules = BTreeSet::new();
    for (who, without_host, with_host, locked) in TABLE {
        for (at, scope) in LobbyBypassScope::ALL.into_iter().enumerate() {
            for is_locked in [false, true] {
                for (row, is_host_present) in [(without_host, false), (with_host, true)] {
                    let settings = MeetingSettings {
                        lobby_bypass: scope,
                        phones_bypass: who.phones_bypass,
                        ..MeetingSettings::default()
                    };
                    let decision = decide_entry(Arrival {
                        kind: who.kind,
                        role: who.role,
                        is_invited: who.is_invited,
                        is_entitled_bot: who.is_entitled_bot,
                        remembrance: who.remembrance,
                        is_locked,
                        is_host_present,
                        settings: &settings,
                    });
                    let open = row.chars().nth(at).unwrap();
                    let expected = if is_locked { *locked } else { open };
                    assert_eq!(
                        letter(decision.admission),
                        expected,
                        "{who:?} under {scope:?}, locked {is_locked}, host {is_host_present}:\n\
                         {decision}"
                    );
                    // The trace leads to the outcome: it is not empty, and who does not enter is
                    // told what would let them in.
                    assert!(!decision.trace.is_empty());
                    assert_eq!(decision.fix.is_none(), expected == 'E', "{decision}");
                    let printed = decision.to_string();
                    assert!(printed.contains(decision.rule) && printed.lines().count() > 1);
                    rules.insert(decision.rule);
                    cells += 1;
                }
            }
        }
    }
    assert_eq!(cells, TABLE.len() * 5 * 2 * 2);
    let kinds: BTreeSet<_> = TABLE.iter().map(|(who, ..)| who.kind).collect();
    assert_eq!(kinds, JoinerKind::ALL.into_iter().collect(), "every kind is in the table");
    let expected = [
        "admitted-before",
        "bot-with-right",
        "bot-without-right",
        "denied-before",
        "early-arrival",
        "host",
        "locked",
        "phone",
        "phones-bypass",
        "scope",
    ];
    assert_eq!(rules, expected.into_iter().collect(), "every rule decides somewhere");
}

#[test]
fn those_from_outside_may_start_where_that_is_set() {
    for kind in JoinerKind::ALL {
        let settings = MeetingSettings {
            lobby_bypass: LobbyBypassScope::Everyone,
            phones_bypass: true,
            outsiders_may_start: true,
            ..MeetingSettings::default()
        };
        let decision = decide_entry(Arrival {
            kind,
            role: MeetingRole::Attendee,
            is_invited: false,
            is_entitled_bot: true,
            remembrance: Remembrance::Unknown,
            is_locked: false,
            is_host_present: false,
            settings: &settings,
        });
        assert_eq!(decision.admission, Admission::Enter, "{kind:?}: {decision}");
    }
}

#[test]
fn a_decision_prints_its_way() {
    let settings =
        MeetingSettings { lobby_bypass: LobbyBypassScope::Everyone, ..MeetingSettings::default() };
    let decision = decide_entry(Arrival {
        kind: JoinerKind::AppUser,
        role: MeetingRole::Presenter,
        is_invited: false,
        is_entitled_bot: false,
        remembrance: Remembrance::Unknown,
        is_locked: false,
        is_host_present: false,
        settings: &settings,
    });
    assert_eq!(
        decision.to_string(),
        "waits by early-arrival\n  \
         fix: a host comes first\n  \
         is it a host of the meeting? no\n  \
         was the joiner denied before? no\n  \
         is the meeting locked? no\n  \
         was the joiner admitted before? no\n  \
         does scope everyone cover this app user? yes\n  \
         is it an insider? no\n  \
         is a host in the meeting? no\n  \
         may those from outside start it? no"
    );
}
