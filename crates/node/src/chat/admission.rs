//! Who may be brought into a thread, and what a stranger is told of it.

use std::collections::BTreeSet;

use trunkline_chat::{ChatError, Denial, NewMember, ThreadRecord};
use trunkline_ids::{CommunicationIdentifier, ResourceId, TenantId};
use trunkline_policy::{
    Decision, Medium, Policy, PolicyName, Principal, SegmentId, decide_joining,
};

use crate::chat::{ChatFailure, Parts};

/// Notes at each of `members` why a policy does not let the actor bring them together with those
/// `present` and with those named before them.
pub(super) fn judge(
    policy: &Policy,
    actor: &CommunicationIdentifier,
    members: &mut [NewMember],
    present: &[&CommunicationIdentifier],
) {
    let principal = Principal { identifier: actor.clone() };
    let mut company = Company::default();
    present.iter().for_each(|identifier| company.add(policy, identifier));
    for member in members {
        let identifier = &member.identifier;
        if identifier == actor || present.contains(&identifier) {
            continue;
        }
        let others = company.representatives.iter();
        let decision = decide_joining(Medium::Chat, &principal, identifier, others, policy);
        match decision {
            Decision::Allowed { .. } => company.add(policy, identifier),
            Decision::Denied { rule, fix, reason, .. } => {
                let message = format!("denied by {rule} ({reason}): {fix}");
                member.denial = Some(Denial { code: reason.code().to_string(), message });
            }
        }
    }
}

/// Returns what somebody is told whom a thread refuses. To one who is no member, and at home where
/// no member is, there is no such thread.
pub(super) fn refusal(
    parts: &Parts,
    error: ChatError,
    record: &ThreadRecord,
    actor: &CommunicationIdentifier,
) -> ChatFailure {
    if error != ChatError::NotMember {
        return ChatFailure::Refused(error);
    }
    let policy = parts.directory.policy();
    let home = Home::of(&policy, actor);
    let mut homes = record.members.keys().map(|member| Home::of(&policy, member));
    match home.is_some() && homes.any(|other| other == home) {
        true => ChatFailure::Refused(error),
        false => ChatFailure::NotFound,
    }
}

/// Those who are together already, one for all whom decisions cannot tell apart: a thread of 250
/// would take 31,000 decisions to put together else.
#[derive(Default)]
struct Company {
    kinds: BTreeSet<Kind>,
    representatives: Vec<CommunicationIdentifier>,
}

/// All that a decision about somebody's company looks at.
#[derive(Eq, Ord, PartialEq, PartialOrd)]
enum Kind {
    App(ResourceId),
    Directory {
        tenant: TenantId,
        segment: Option<SegmentId>,
        access: PolicyName,
        mode: &'static str,
    },
}

impl Company {
    fn add(&mut self, policy: &Policy, identifier: &CommunicationIdentifier) {
        let is_new = match Kind::of(policy, identifier) {
            Some(kind) => self.kinds.insert(kind),
            None => true,
        };
        if is_new {
            self.representatives.push(identifier.clone());
        }
    }
}

impl Kind {
    fn of(policy: &Policy, identifier: &CommunicationIdentifier) -> Option<Self> {
        if let CommunicationIdentifier::CommunicationUser(user) = identifier {
            return user.resource_id().map(Self::App);
        }
        let standing = policy.standing(identifier)?;
        let (access, _) = standing.tenant.external_access.effective(standing.user);
        Some(Self::Directory {
            tenant: standing.tenant_id.clone(),
            segment: standing.user.segment.clone(),
            access: access.identity,
            mode: standing.user.mode.as_str(),
        })
    }
}

/// Where somebody is at home.
#[derive(Eq, PartialEq)]
enum Home {
    Resource(ResourceId),
    Tenant(TenantId),
}

impl Home {
    fn of(policy: &Policy, identifier: &CommunicationIdentifier) -> Option<Self> {
        match identifier {
            CommunicationIdentifier::CommunicationUser(user) => {
                user.resource_id().map(Self::Resource)
            }
            CommunicationIdentifier::MicrosoftTeamsApp(_)
            | CommunicationIdentifier::MicrosoftTeamsUser(_)
            | CommunicationIdentifier::PhoneNumber(_)
            | CommunicationIdentifier::TeamsExtensionUser(_)
            | CommunicationIdentifier::Unknown(_) => {
                policy.standing(identifier).map(|found| Self::Tenant(found.tenant_id.clone()))
            }
        }
    }
}
