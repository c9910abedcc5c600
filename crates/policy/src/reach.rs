//! Whether two users reach each other: the part that calls and chats have in common.

use std::fmt;

use trunkline_ids::{CommunicationIdentifier, ResourceId};
use trunkline_reasons::EndReason;

use crate::{
    questions::{Denial, Questions, Verdict},
    snapshot::{Policy, Standing},
};

/// What people are together in.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Medium {
    /// A call.
    Call,
    /// A chat thread.
    Chat,
}

impl Medium {
    /// Returns the word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Chat => "chat",
        }
    }
}

impl fmt::Display for Medium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Asks whether two users reach each other; symmetric but for the words of the trace.
pub(crate) fn reach(
    questions: &mut Questions,
    medium: Medium,
    from: &CommunicationIdentifier,
    to: &CommunicationIdentifier,
    policy: &Policy,
) -> Verdict {
    let pair = (side(from, policy)?, side(to, policy)?);
    let are_alike = matches!(pair, (Side::App(_), Side::App(_)) | (Side::Known(_), Side::Known(_)));
    if !questions.ask("are both sides of one kind?", are_alike) && medium == Medium::Chat {
        questions.ask("does the app user start it?", matches!(pair.0, Side::App(_)));
    }
    match pair {
        (Side::App(one), Side::App(other)) => apps(questions, &one, &other),
        (Side::App(resource), Side::Known(user)) | (Side::Known(user), Side::App(resource)) => {
            federated(questions, &resource, user)
        }
        (Side::Known(one), Side::Known(other)) => colleagues(questions, one, other),
        (Side::App(_), Side::Stranger) | (Side::Stranger, Side::App(_)) => {
            questions.ask("does a directory here have the directory user?", false);
            Err(stranger(EndReason::NOT_FEDERATED))
        }
        (Side::Known(_) | Side::Stranger, Side::Stranger) | (Side::Stranger, Side::Known(_)) => {
            questions.ask("does a directory here have both users?", false);
            Err(stranger(EndReason::NOT_FOUND))
        }
    }
}

enum Side<'a> {
    App(ResourceId),
    Known(Standing<'a>),
    Stranger,
}

fn side<'a>(identifier: &CommunicationIdentifier, policy: &'a Policy) -> Result<Side<'a>, Denial> {
    match identifier {
        CommunicationIdentifier::CommunicationUser(user) => {
            user.resource_id().map(Side::App).ok_or_else(|| not_a_user())
        }
        CommunicationIdentifier::MicrosoftTeamsApp(_)
        | CommunicationIdentifier::MicrosoftTeamsUser(_)
        | CommunicationIdentifier::TeamsExtensionUser(_) => {
            Ok(policy.standing(identifier).map_or(Side::Stranger, Side::Known))
        }
        CommunicationIdentifier::PhoneNumber(_) | CommunicationIdentifier::Unknown(_) => {
            Err(not_a_user())
        }
    }
}

fn apps(questions: &mut Questions, one: &ResourceId, other: &ResourceId) -> Verdict {
    let is_same = one.as_str().eq_ignore_ascii_case(other.as_str());
    match questions.ask("are both app users of one resource?", is_same) {
        true => Ok("same-resource"),
        false => Err(Denial {
            rule: "other-resource",
            fix: "name an app user of the same resource".to_owned(),
            reason: EndReason::NOT_PERMITTED,
        }),
    }
}

fn federated(questions: &mut Questions, resource: &ResourceId, user: Standing<'_>) -> Verdict {
    let _ = (questions, resource, user);
    Ok("federation-all-resources")
}

fn colleagues(questions: &mut Questions, one: Standing<'_>, other: Standing<'_>) -> Verdict {
    let _ = (questions, one, other);
    Ok("same-tenant")
}

fn not_a_user() -> Denial {
    Denial {
        rule: "unknown-kind",
        fix: "name an app user (8:acs:…) or a directory user (8:orgid:…)".to_owned(),
        reason: EndReason::INVALID_ARGUMENT,
    }
}

fn stranger(reason: EndReason) -> Denial {
    let fix = "add the user to the directory of a tenant".to_owned();
    Denial { rule: "unknown-directory-user", fix, reason }
}
