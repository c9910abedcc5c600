//! What somebody is to a meeting, before anybody asks whether they were invited.

use trunkline_ids::{CommunicationIdentifier, TenantId};
use trunkline_policy::{Decision, Policy, Principal, decide_call};

/// What somebody is to the organizer of a meeting.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum JoinerKind {
    /// An app user of another resource than the organizer's: a guest.
    AppUser,
    /// An application of a directory.
    Bot,
    /// A directory user of a tenant that federates with the organizer's, both ways.
    Federated,
    /// A directory user of the organizer's tenant, or an app user of the organizer's resource.
    Insider,
    /// A directory user of another tenant, or of none that is known.
    Outsider,
    /// A phone.
    Phone,
    /// Somebody without an account: a guest, or a visitor of a directory's meetings.
    Visitor,
}

impl JoinerKind {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::AppUser,
        Self::Bot,
        Self::Federated,
        Self::Insider,
        Self::Outsider,
        Self::Phone,
        Self::Visitor,
    ];

    /// Finds out what somebody is to the organizer of a meeting of a tenant.
    pub fn of(
        joiner: &CommunicationIdentifier,
        organizer: &CommunicationIdentifier,
        tenant_id: &TenantId,
        policy: &Policy,
    ) -> Self {
        match joiner {
            // Being of the organizer's resource says nothing where nobody vouches.
            CommunicationIdentifier::CommunicationUser(user) if user.is_guest() => Self::Visitor,
            CommunicationIdentifier::CommunicationUser(user) => {
                let CommunicationIdentifier::CommunicationUser(organizer) = organizer else {
                    return Self::AppUser;
                };
                match (user.resource_id(), organizer.resource_id()) {
                    (Some(one), Some(other)) if one == other => Self::Insider,
                    (Some(_) | None, Some(_) | None) => Self::AppUser,
                }
            }
            CommunicationIdentifier::MicrosoftTeamsApp(_) => Self::Bot,
            CommunicationIdentifier::MicrosoftTeamsUser(user) if user.is_anonymous() => {
                Self::Visitor
            }
            CommunicationIdentifier::MicrosoftTeamsUser(_)
            | CommunicationIdentifier::TeamsExtensionUser(_) => {
                let Some(standing) = policy.standing(joiner) else {
                    return Self::Outsider;
                };
                if standing.tenant_id == tenant_id {
                    return Self::Insider;
                }
                let home = policy.tenants.get(tenant_id);
                let is_mutual = standing.tenant.federated_tenants.contains(tenant_id)
                    && home.is_some_and(|t| t.federated_tenants.contains(standing.tenant_id));
                if is_mutual { Self::Federated } else { Self::Outsider }
            }
            CommunicationIdentifier::PhoneNumber(_) => Self::Phone,
            CommunicationIdentifier::Unknown(_) => Self::Visitor,
        }
    }

    /// Returns whether the directory does not vouch for the name, so that it is shown as a guest's.
    pub const fn is_guest(self) -> bool {
        match self {
            Self::AppUser | Self::Outsider | Self::Visitor => true,
            Self::Bot | Self::Federated | Self::Insider | Self::Phone => false,
        }
    }

    /// Returns the words for it in a trace.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AppUser => "app user",
            Self::Bot => "bot",
            Self::Federated => "user of a federated tenant",
            Self::Insider => "insider",
            Self::Outsider => "directory user from outside",
            Self::Phone => "phone",
            Self::Visitor => "visitor",
        }
    }
}

/// Returns the refusal if an information barrier stands between somebody and anyone of others.
///
/// Meetings need no federation among those who meet, so of the rules between two users only the
/// barrier within one tenant counts.
pub fn barrier_between<'a>(
    joiner: &CommunicationIdentifier,
    others: impl IntoIterator<Item = &'a CommunicationIdentifier>,
    policy: &Policy,
) -> Option<Decision> {
    let own = policy.standing(joiner)?;
    others.into_iter().find_map(|other| {
        let standing = policy.standing(other)?;
        if standing.tenant_id != own.tenant_id {
            return None;
        }
        let principal = Principal { identifier: other.clone() };
        let decision = decide_call(&principal, joiner, policy);
        (!decision.is_allowed()).then_some(decision)
    })
}

/// Returns whether somebody is in a segment of a tenant, so that barriers are to be reckoned with.
pub fn is_in_segment(identifier: &CommunicationIdentifier, policy: &Policy) -> bool {
    policy.standing(identifier).is_some_and(|standing| {
        let segment = standing.user.segment.as_ref();
        segment.is_some_and(|own| standing.tenant.barriers.segments().any(|s| s.id == *own))
    })
}
