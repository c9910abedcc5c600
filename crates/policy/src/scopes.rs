//! What the scopes of a token allow.

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use trunkline_reasons::EndReason;

use crate::decision::{Decision, Step};

/// A scope of a token.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Scope {
    /// Everything in chat.
    Chat,
    /// Chat without creating, changing or deleting threads.
    ChatJoin,
    /// Chat without changing threads or who is in them.
    ChatJoinLimited,
    /// Start and join calls.
    Voip,
    /// Join calls, but start none.
    VoipJoin,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 5] =
        [Self::Chat, Self::ChatJoin, Self::ChatJoinLimited, Self::Voip, Self::VoipJoin];

    /// Returns the scope as tokens spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::ChatJoin => "chat.join",
            Self::ChatJoinLimited => "chat.join.limited",
            Self::Voip => "voip",
            Self::VoipJoin => "voip.join",
        }
    }

    /// Returns whether the scope gives a right: the documented table, row by row.
    pub const fn gives(self, right: Right) -> bool {
        match self {
            Self::Chat => match right {
                Right::ChangeParticipants | Right::ChangeThreads | Right::UseMessages => true,
                Right::JoinCalls | Right::StartCalls => false,
            },
            Self::ChatJoin => match right {
                Right::ChangeParticipants | Right::UseMessages => true,
                Right::ChangeThreads | Right::JoinCalls | Right::StartCalls => false,
            },
            Self::ChatJoinLimited => match right {
                Right::UseMessages => true,
                Right::ChangeParticipants
                | Right::ChangeThreads
                | Right::JoinCalls
                | Right::StartCalls => false,
            },
            Self::Voip => match right {
                Right::JoinCalls | Right::StartCalls => true,
                Right::ChangeParticipants | Right::ChangeThreads | Right::UseMessages => false,
            },
            Self::VoipJoin => match right {
                Right::JoinCalls => true,
                Right::ChangeParticipants
                | Right::ChangeThreads
                | Right::StartCalls
                | Right::UseMessages => false,
            },
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or(UnknownScope)
    }
}

impl Serialize for Scope {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Says that a text names no scope.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("not a scope: expected chat, chat.join, chat.join.limited, voip or voip.join")]
pub struct UnknownScope;

/// What a scope may give.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Right {
    /// Add participants to a thread and remove them.
    ChangeParticipants,
    /// Create, change and delete threads.
    ChangeThreads,
    /// Join calls, and answer those that ring.
    JoinCalls,
    /// Place calls, and bring others into them.
    StartCalls,
    /// Read and send messages, edit one's own, typing and receipts.
    UseMessages,
}

impl Right {
    /// All rights.
    pub const ALL: [Self; 5] = [
        Self::ChangeParticipants,
        Self::ChangeThreads,
        Self::JoinCalls,
        Self::StartCalls,
        Self::UseMessages,
    ];

    const fn question(self) -> &'static str {
        match self {
            Self::ChangeParticipants => "does a scope let the token change who is in a thread?",
            Self::ChangeThreads => "does a scope let the token create and delete threads?",
            Self::JoinCalls => "does a scope let the token join calls?",
            Self::StartCalls => "does a scope let the token start calls?",
            Self::UseMessages => "does a scope let the token read and send messages?",
        }
    }
}

/// Decides whether a token with these scopes has a right.
pub fn decide_scope(scopes: &BTreeSet<Scope>, right: Right) -> Decision {
    let is_given = scopes.iter().any(|scope| scope.gives(right));
    let trace = vec![Step { question: right.question().into(), answer: is_given }];
    if is_given {
        return Decision::Allowed { rule: "token-scope", trace };
    }
    let enough: Vec<_> =
        Scope::ALL.into_iter().filter(|scope| scope.gives(right)).map(Scope::as_str).collect();
    Decision::Denied {
        rule: "token-scope",
        fix: format!("issue a token with the scope {}", enough.join(" or ")),
        reason: EndReason::NOT_PERMITTED,
        trace,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scope_gives_what_the_documented_table_says() {
        // Threads, participants, messages, start, join.
        let table = [
            (Scope::Chat, [true, true, true, false, false]),
            (Scope::ChatJoin, [false, true, true, false, false]),
            (Scope::ChatJoinLimited, [false, false, true, false, false]),
            (Scope::Voip, [false, false, false, true, true]),
            (Scope::VoipJoin, [false, false, false, false, true]),
        ];
        let rights = [
            Right::ChangeThreads,
            Right::ChangeParticipants,
            Right::UseMessages,
            Right::StartCalls,
            Right::JoinCalls,
        ];
        for (scope, row) in table {
            for (right, expected) in rights.into_iter().zip(row) {
                let decision = decide_scope(&BTreeSet::from([scope]), right);
                assert_eq!(decision.is_allowed(), expected, "{scope}: {right:?}");
            }
        }
    }

    #[test]
    fn scopes_add_up_and_none_give_nothing() {
        let both = BTreeSet::from([Scope::ChatJoinLimited, Scope::VoipJoin]);
        assert!(decide_scope(&both, Right::UseMessages).is_allowed());
        assert!(decide_scope(&both, Right::JoinCalls).is_allowed());
        for right in Right::ALL {
            assert!(!decide_scope(&BTreeSet::new(), right).is_allowed());
        }
    }

    #[test]
    fn a_denial_names_the_scopes_that_would_do() {
        let scopes = BTreeSet::from([Scope::VoipJoin]);
        let Decision::Denied { fix, reason, .. } = decide_scope(&scopes, Right::StartCalls) else {
            panic!("voip.join may not start calls");
        };
        assert_eq!(fix, "issue a token with the scope voip");
        assert_eq!(reason, EndReason::NOT_PERMITTED);
        let Decision::Denied { fix, .. } = decide_scope(&BTreeSet::new(), Right::JoinCalls) else {
            panic!("no scope gives nothing");
        };
        assert_eq!(fix, "issue a token with the scope voip or voip.join");
    }

    #[test]
    fn scopes_read_back() {
        for scope in Scope::ALL {
            assert_eq!(scope.to_string().parse(), Ok(scope));
            let json = serde_json::to_string(&scope).unwrap();
            assert_eq!(serde_json::from_str::<Scope>(&json).unwrap(), scope);
        }
        assert_eq!("Voip".parse::<Scope>(), Err(UnknownScope));
    }
}
