//! The one table of connection states, the table of participant states it implies, and the pure
//! function that walks it.

use std::fmt;

use thiserror::Error;

use crate::state::{CallKind, CallState, ParticipantState};

/// What moves a connection from one state to another.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Trigger {
    /// The leg begins to end: left, removed, cancelled, declined or failed.
    End,
    /// The leg enters the lobby.
    EnterLobby,
    /// Both sides are there and media flows; from the lobby, the leg is admitted.
    Establish,
    /// The leg has ended.
    Finish,
    /// This side puts the call on hold.
    HoldLocally,
    /// The one remote participant puts the call on hold.
    HoldRemotely,
    /// This side resumes, and nobody else holds.
    ResumeLocally,
    /// This side resumes, but the remote participant still holds.
    ResumeLocallyWhileRemotelyHeld,
    /// The remote participant resumes, and this side does not hold.
    ResumeRemotely,
    /// A client of the callee rings.
    Ring,
    /// The call is placed, received or joined.
    Start,
    /// Media plays before the call is connected.
    StartEarlyMedia,
}

impl Trigger {
    /// All triggers.
    pub const ALL: [Self; 12] = [
        Self::End,
        Self::EnterLobby,
        Self::Establish,
        Self::Finish,
        Self::HoldLocally,
        Self::HoldRemotely,
        Self::ResumeLocally,
        Self::ResumeLocallyWhileRemotelyHeld,
        Self::ResumeRemotely,
        Self::Ring,
        Self::Start,
        Self::StartEarlyMedia,
    ];

    /// Returns the words a diagram puts on the edge.
    pub const fn label(self) -> &'static str {
        match self {
            Self::End => "leave, removed, declined or error",
            Self::EnterLobby => "enter lobby",
            Self::Establish => "established",
            Self::Finish => "ended",
            Self::HoldLocally => "local hold",
            Self::HoldRemotely => "remote hold",
            Self::ResumeLocally => "local resume",
            Self::ResumeLocallyWhileRemotelyHeld => "local resume, remote still holds",
            Self::ResumeRemotely => "remote resume",
            Self::Ring => "ring",
            Self::Start => "start, receive or join call",
            Self::StartEarlyMedia => "early media",
        }
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}

/// Where an edge comes from.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Source {
    /// The state diagram of one-to-one and group calls.
    CallDiagram,
    /// The "When" column of the source's table of call states.
    CallText,
    /// The state diagram of meetings.
    MeetingDiagram,
    /// The "When" column of the source's table of participant states.
    ParticipantText,
}

impl Source {
    /// Returns the words a diagram's legend uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CallDiagram => "call diagram",
            Self::CallText => "call text",
            Self::MeetingDiagram => "meeting diagram",
            Self::ParticipantText => "participant text",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Which edges are allowed.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Profile {
    /// Only the edges of the source's text tables.
    SeedTable,
    /// The edges of the text tables and of the diagrams.
    #[default]
    Union,
}

impl Profile {
    /// All profiles.
    pub const ALL: [Self; 2] = [Self::SeedTable, Self::Union];

    /// Returns the name of the profile.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SeedTable => "seed-table",
            Self::Union => "union",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One edge of the connection machine.
#[derive(Clone, Copy, Debug)]
pub struct CallEdge {
    /// The state before.
    pub from: CallState,
    /// What happens.
    pub on: Trigger,
    /// The state after.
    pub to: CallState,
    /// Where the edge comes from; ADR 0003 says how the sources' conflicts C1–C9 are decided.
    pub sources: &'static [Source],
}

impl CallEdge {
    /// Returns whether a profile allows the edge in calls of a kind.
    pub fn is_allowed(&self, profile: Profile, kind: CallKind) -> bool {
        let touches_lobby = self.from == CallState::InLobby || self.to == CallState::InLobby;
        let is_in_profile = match profile {
            Profile::SeedTable => self.sources.contains(&Source::CallText),
            Profile::Union => true,
        };
        is_in_profile && (kind.has_lobby() || !touches_lobby)
    }
}

/// One edge of what the others see.
#[derive(Clone, Copy, Debug)]
pub struct ParticipantEdge {
    /// The state before.
    pub from: ParticipantState,
    /// The state after.
    pub to: ParticipantState,
    /// Where the edge comes from.
    pub sources: &'static [Source],
}

impl ParticipantEdge {
    /// Returns whether a profile allows the edge in calls of a kind.
    pub fn is_allowed(&self, profile: Profile, kind: CallKind) -> bool {
        let lobby = ParticipantState::InLobby;
        let is_in_profile = match profile {
            Profile::SeedTable => self.sources.contains(&Source::ParticipantText),
            Profile::Union => true,
        };
        is_in_profile && (kind.has_lobby() || (self.from != lobby && self.to != lobby))
    }
}

/// Says that a trigger is not listed for a state.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("no edge from {from} on \"{on}\" in a {kind} call under profile {profile}")]
pub struct InvalidTransition {
    /// The state.
    pub from: CallState,
    /// The trigger.
    pub on: Trigger,
    /// The kind of call.
    pub kind: CallKind,
    /// The profile.
    pub profile: Profile,
}

/// Returns the state that follows a trigger.
///
/// # Errors
///
/// A pair that the table does not list for the profile and the kind of call is refused.
pub fn transition(
    profile: Profile,
    kind: CallKind,
    from: CallState,
    on: Trigger,
) -> Result<CallState, InvalidTransition> {
    CALL_EDGES
        .iter()
        .find(|edge| edge.from == from && edge.on == on && edge.is_allowed(profile, kind))
        .map(|edge| edge.to)
        .ok_or(InvalidTransition { from, on, kind, profile })
}

macro_rules! call_edges {
    ($($from:ident + $on:ident => $to:ident: $($source:ident),+;)*) => {
        &[$(CallEdge {
            from: CallState::$from,
            on: Trigger::$on,
            to: CallState::$to,
            sources: &[$(Source::$source),+],
        }),*]
    };
}

macro_rules! participant_edges {
    ($($from:ident => $to:ident: $($source:ident),+;)*) => {
        &[$(ParticipantEdge {
            from: ParticipantState::$from,
            to: ParticipantState::$to,
            sources: &[$(Source::$source),+],
        }),*]
    };
}

/// The connection machine. The C numbers are the conflicts decided in ADR 0003.
pub const CALL_EDGES: &[CallEdge] = call_edges! {
    None + Start => Connecting: CallText, CallDiagram, MeetingDiagram;
    Connecting + Ring => Ringing: CallText, CallDiagram, MeetingDiagram;
    Connecting + StartEarlyMedia => EarlyMedia: CallText, CallDiagram, MeetingDiagram;
    Ringing + StartEarlyMedia => EarlyMedia: CallText, CallDiagram, MeetingDiagram;
    // C5: the diagram leads from the lobby to phones, the participant text the other way round.
    InLobby + StartEarlyMedia => EarlyMedia: MeetingDiagram;
    // C2: a join that is no phone call connects without ringing.
    Connecting + Establish => Connected: CallDiagram, MeetingDiagram;
    Ringing + Establish => Connected: CallText, CallDiagram, MeetingDiagram;
    EarlyMedia + Establish => Connected: CallText, CallDiagram, MeetingDiagram;
    InLobby + Establish => Connected: CallText, MeetingDiagram;
    // C9: the lobby edges are legal only where a lobby exists.
    Connecting + EnterLobby => InLobby: CallText, MeetingDiagram;
    // C4: the diagram draws the lobby on the dial-in path only.
    Ringing + EnterLobby => InLobby: CallText;
    EarlyMedia + EnterLobby => InLobby: ParticipantText;
    // C6: calls keep two hold states, participants one.
    Connected + HoldLocally => LocalHold: CallText, CallDiagram, MeetingDiagram;
    Connected + HoldRemotely => RemoteHold: CallText, MeetingDiagram;
    LocalHold + ResumeLocally => Connected: CallText, CallDiagram, MeetingDiagram;
    RemoteHold + ResumeRemotely => Connected: CallText, MeetingDiagram;
    // C7: both sides may hold; the one that goes on holding keeps the call from Connected.
    RemoteHold + HoldLocally => LocalHold: MeetingDiagram;
    LocalHold + ResumeLocallyWhileRemotelyHeld => RemoteHold: MeetingDiagram;
    None + End => Disconnecting: CallText;
    Connecting + End => Disconnecting: CallText, CallDiagram, MeetingDiagram;
    Ringing + End => Disconnecting: CallText, CallDiagram, MeetingDiagram;
    EarlyMedia + End => Disconnecting: CallText, CallDiagram, MeetingDiagram;
    Connected + End => Disconnecting: CallText, CallDiagram, MeetingDiagram;
    LocalHold + End => Disconnecting: CallText, CallDiagram, MeetingDiagram;
    RemoteHold + End => Disconnecting: CallText, CallDiagram, MeetingDiagram;
    InLobby + End => Disconnecting: CallText, MeetingDiagram;
    // C8: a lost network takes this way too, after two minutes.
    Disconnecting + Finish => Disconnected: CallText, CallDiagram, MeetingDiagram;
};

/// What the others may see; the machine above implies it, and a test holds the two together.
pub const PARTICIPANT_EDGES: &[ParticipantEdge] = participant_edges! {
    Idle => Connecting: ParticipantText, CallDiagram, MeetingDiagram;
    Connecting => Ringing: ParticipantText, CallDiagram, MeetingDiagram;
    Connecting => EarlyMedia: ParticipantText, CallDiagram, MeetingDiagram;
    Ringing => EarlyMedia: CallDiagram, MeetingDiagram;
    InLobby => EarlyMedia: MeetingDiagram;
    Connecting => Connected: ParticipantText, CallDiagram, MeetingDiagram;
    Ringing => Connected: ParticipantText, CallDiagram, MeetingDiagram;
    EarlyMedia => Connected: ParticipantText, CallDiagram, MeetingDiagram;
    InLobby => Connected: ParticipantText, MeetingDiagram;
    Connecting => InLobby: ParticipantText, MeetingDiagram;
    Ringing => InLobby: ParticipantText;
    EarlyMedia => InLobby: ParticipantText;
    Connected => Hold: ParticipantText, CallDiagram, MeetingDiagram;
    // C3: the text forgets the way back.
    Hold => Connected: CallDiagram, MeetingDiagram;
    Idle => Disconnected: ParticipantText;
    Connecting => Disconnected: ParticipantText, CallDiagram, MeetingDiagram;
    Ringing => Disconnected: ParticipantText, CallDiagram, MeetingDiagram;
    EarlyMedia => Disconnected: ParticipantText, CallDiagram, MeetingDiagram;
    Connected => Disconnected: ParticipantText, CallDiagram, MeetingDiagram;
    Hold => Disconnected: ParticipantText, CallDiagram, MeetingDiagram;
    InLobby => Disconnected: ParticipantText, MeetingDiagram;
};

#[cfg(test)]
mod tests {
    use super::*;

    /// The target states of every (state, trigger) pair of the union in meetings, by hand: a second
    /// spelling of the table, state by state.
    fn expected(from: CallState, on: Trigger) -> Option<CallState> {
        use CallState as S;
        use Trigger as T;
        match from {
            S::None => match on {
                T::Start => Some(S::Connecting),
                T::End => Some(S::Disconnecting),
                _ => None,
            },
            S::Connecting => match on {
                T::Ring => Some(S::Ringing),
                T::StartEarlyMedia => Some(S::EarlyMedia),
                T::Establish => Some(S::Connected),
                T::EnterLobby => Some(S::InLobby),
                T::End => Some(S::Disconnecting),
                _ => None,
            },
            S::Ringing => match on {
                T::StartEarlyMedia => Some(S::EarlyMedia),
                T::Establish => Some(S::Connected),
                T::EnterLobby => Some(S::InLobby),
                T::End => Some(S::Disconnecting),
                _ => None,
            },
            S::EarlyMedia => match on {
                T::Establish => Some(S::Connected),
                T::EnterLobby => Some(S::InLobby),
                T::End => Some(S::Disconnecting),
                _ => None,
            },
            S::InLobby => match on {
                T::StartEarlyMedia => Some(S::EarlyMedia),
                T::Establish => Some(S::Connected),
                T::End => Some(S::Disconnecting),
                _ => None,
            },
            S::Connected => match on {
                T::HoldLocally => Some(S::LocalHold),
                T::HoldRemotely => Some(S::RemoteHold),
                T::End => Some(S::Disconnecting),
                _ => None,
            },
            S::LocalHold => match on {
                T::ResumeLocally => Some(S::Connected),
                T::ResumeLocallyWhileRemotelyHeld => Some(S::RemoteHold),
                T::End => Some(S::Disconnecting),
                _ => None,
            },
            S::RemoteHold => match on {
                T::ResumeRemotely => Some(S::Connected),
                T::HoldLocally => Some(S::LocalHold),
                T::End => Some(S::Disconnecting),
                _ => None,
            },
            S::Disconnecting => match on {
                T::Finish => Some(S::Disconnected),
                _ => None,
            },
            S::Disconnected => None,
        }
    }

    #[test]
    fn every_pair_of_state_and_trigger_goes_where_the_table_says_or_is_refused() {
        for from in CallState::ALL {
            for on in Trigger::ALL {
                let walked = transition(Profile::Union, CallKind::Meeting, from, on);
                let refusal = InvalidTransition {
                    from,
                    on,
                    kind: CallKind::Meeting,
                    profile: Profile::Union,
                };
                assert_eq!(walked, expected(from, on).ok_or(refusal), "{from} on {on:?}");
            }
        }
    }

    #[test]
    fn calls_without_a_lobby_refuse_exactly_the_lobby_edges() {
        for kind in [CallKind::OneToOne, CallKind::Group] {
            for from in CallState::ALL {
                for on in Trigger::ALL {
                    let with_lobby = transition(Profile::Union, CallKind::Meeting, from, on).ok();
                    let touches_lobby =
                        from == CallState::InLobby || with_lobby == Some(CallState::InLobby);
                    let walked = transition(Profile::Union, kind, from, on).ok();
                    let wanted = if touches_lobby { None } else { with_lobby };
                    assert_eq!(walked, wanted, "{from} on {on:?} in {kind}");
                }
            }
        }
    }

    #[test]
    fn the_seed_table_allows_the_text_and_nothing_else() {
        use CallState as S;
        // The "When" column, read as (state, the states it may come after).
        let after: [(S, &[S]); 9] = [
            (S::Connecting, &[S::None]),
            (S::Ringing, &[S::Connecting]),
            (S::EarlyMedia, &[S::Ringing, S::Connecting]),
            (S::Connected, &[S::Ringing, S::EarlyMedia, S::InLobby, S::LocalHold, S::RemoteHold]),
            (S::LocalHold, &[S::Connected]),
            (S::RemoteHold, &[S::Connected]),
            (S::InLobby, &[S::Ringing, S::Connecting]),
            (
                S::Disconnecting,
                &[
                    S::None,
                    S::Connecting,
                    S::Ringing,
                    S::EarlyMedia,
                    S::Connected,
                    S::LocalHold,
                    S::RemoteHold,
                    S::InLobby,
                ],
            ),
            (S::Disconnected, &[S::Disconnecting]),
        ];
        for to in S::ALL {
            let allowed = after.iter().find(|(state, _)| *state == to).map_or(&[][..], |row| row.1);
            for from in S::ALL {
                let is_reachable = Trigger::ALL.into_iter().any(|on| {
                    transition(Profile::SeedTable, CallKind::Meeting, from, on) == Ok(to)
                });
                assert_eq!(is_reachable, allowed.contains(&from), "{from} to {to}");
            }
        }
    }

    #[test]
    fn the_seed_table_is_part_of_the_union() {
        for edge in CALL_EDGES {
            for kind in CallKind::ALL {
                if edge.is_allowed(Profile::SeedTable, kind) {
                    assert!(edge.is_allowed(Profile::Union, kind));
                }
            }
        }
    }

    #[test]
    fn no_pair_is_listed_twice() {
        for (at, edge) in CALL_EDGES.iter().enumerate() {
            let again = CALL_EDGES[at + 1..].iter().any(|e| e.from == edge.from && e.on == edge.on);
            assert!(!again, "{} on {:?}", edge.from, edge.on);
        }
    }

    #[test]
    fn every_edge_shows_the_others_a_listed_edge_or_no_change() {
        for kind in CallKind::ALL {
            for edge in CALL_EDGES.iter().filter(|edge| edge.is_allowed(Profile::Union, kind)) {
                let (from, to) = (ParticipantState::of(edge.from), ParticipantState::of(edge.to));
                let is_listed = PARTICIPANT_EDGES.iter().any(|listed| {
                    (listed.from, listed.to) == (from, to)
                        && listed.is_allowed(Profile::Union, kind)
                });
                assert!(from == to || is_listed, "{from} to {to}");
            }
        }
    }

    #[test]
    fn every_participant_edge_is_implied_by_the_machine() {
        for listed in PARTICIPANT_EDGES {
            let is_implied = CALL_EDGES.iter().any(|edge| {
                (ParticipantState::of(edge.from), ParticipantState::of(edge.to))
                    == (listed.from, listed.to)
            });
            assert!(is_implied, "{} to {}", listed.from, listed.to);
        }
    }

    #[test]
    fn ending_is_legal_in_every_state_but_the_last_two() {
        for profile in Profile::ALL {
            for from in CallState::ALL {
                let is_over = matches!(from, CallState::Disconnecting | CallState::Disconnected);
                let ended = transition(profile, CallKind::Meeting, from, Trigger::End);
                assert_eq!(ended.is_ok(), !is_over, "{from}");
            }
        }
    }
}
