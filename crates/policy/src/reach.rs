//! Whether two users reach each other: the part that calls and chats have in common.
//!
//! Every answer is symmetric: who may call or write to somebody may be called or written to by
//! them. Codes of the refusals, all of them in the catalogue:
//!
//! - 403/5222 for whatever federation between an app and a directory lacks. It is what the original
//!   answers, and its advice names the switches.
//! - 403/7504 for a barrier, and for app users of two resources. The original documents no code for
//!   a barrier; 5222 would send the administrator to switches that change nothing, and 7504 says
//!   what holds: the permission is missing and retrying is of no use.
//! - 404/8522 between directory users of whom a tenant may not know, so that nobody learns who is
//!   in another tenant's directory.

use std::fmt;

use trunkline_ids::{CommunicationIdentifier, ResourceId};
use trunkline_reasons::EndReason;

use crate::{
    directory::CoexistenceMode,
    federation::is_same_resource,
    names::SegmentId,
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

/// One side of a question.
pub(crate) enum Side<'a> {
    /// An app user of a resource.
    App(ResourceId),
    /// A user of a directory.
    Directory(Standing<'a>),
    /// A directory user whom no directory has.
    Stranger,
}

impl Side<'_> {
    /// Finds out what is known of a user.
    pub(crate) fn of<'a>(
        questions: &mut Questions,
        identifier: &CommunicationIdentifier,
        policy: &'a Policy,
    ) -> Result<Side<'a>, Denial> {
        let side = match identifier {
            CommunicationIdentifier::CommunicationUser(user) => user.resource_id().map(Side::App),
            CommunicationIdentifier::MicrosoftTeamsApp(_)
            | CommunicationIdentifier::MicrosoftTeamsUser(_)
            | CommunicationIdentifier::TeamsExtensionUser(_) => {
                Some(policy.standing(identifier).map_or(Side::Stranger, Side::Directory))
            }
            CommunicationIdentifier::PhoneNumber(_) | CommunicationIdentifier::Unknown(_) => None,
        };
        side.ok_or_else(|| {
            questions.ask("are both sides users?", false);
            Denial {
                rule: "unknown-kind",
                fix: "name an app user (8:acs:…) or a directory user (8:orgid:…)".to_owned(),
                reason: EndReason::INVALID_ARGUMENT,
            }
        })
    }

    fn is_app(&self) -> bool {
        match self {
            Self::App(_) => true,
            Self::Directory(_) | Self::Stranger => false,
        }
    }
}

/// Asks whether two users reach each other.
pub(crate) fn reach(
    questions: &mut Questions,
    medium: Medium,
    from: &CommunicationIdentifier,
    to: &CommunicationIdentifier,
    policy: &Policy,
) -> Verdict {
    let (from, to) = (Side::of(questions, from, policy)?, Side::of(questions, to, policy)?);
    let is_alike = questions.ask("are both sides of one kind?", from.is_app() == to.is_app());
    if !is_alike && medium == Medium::Chat {
        questions.ask("does the app user start the chat?", from.is_app());
    }
    match (from, to) {
        (Side::App(one), Side::App(other)) => apps(questions, &one, &other),
        (Side::App(resource), Side::Directory(user))
        | (Side::Directory(user), Side::App(resource)) => federated(questions, &resource, user),
        (Side::Directory(one), Side::Directory(other)) => colleagues(questions, one, other),
        (Side::App(_), Side::Stranger) | (Side::Stranger, Side::App(_)) => {
            questions.ask("does a directory have the directory user?", false);
            Err(stranger(EndReason::NOT_FEDERATED))
        }
        (Side::Directory(_) | Side::Stranger, Side::Stranger)
        | (Side::Stranger, Side::Directory(_)) => {
            questions.ask("do directories have both users?", false);
            Err(stranger(EndReason::NOT_FOUND))
        }
    }
}

/// What is said of a directory user whom no directory has.
pub(crate) fn stranger(reason: EndReason) -> Denial {
    let fix = "add the user to the directory of a tenant".to_owned();
    Denial { rule: "unknown-directory-user", fix, reason }
}

/// Two app users: a resource is a namespace of its own.
fn apps(questions: &mut Questions, one: &ResourceId, other: &ResourceId) -> Verdict {
    let is_same = is_same_resource(one, other);
    match questions.ask("are both app users of one resource?", is_same) {
        true => Ok("same-resource"),
        false => {
            let fix = "name an app user of the same resource".to_owned();
            Err(Denial { rule: "other-resource", fix, reason: EndReason::NOT_PERMITTED })
        }
    }
}

/// An app user and a directory user: the tenant federates with the resource, the user has Teams and
/// a policy that allows it.
fn federated(questions: &mut Questions, resource: &ResourceId, user: Standing<'_>) -> Verdict {
    let tenant = user.tenant_id;
    let federation = &user.tenant.federation;
    let denied = |rule, fix| Err(Denial { rule, fix, reason: EndReason::NOT_FEDERATED });
    let question = format!("does tenant {tenant} federate with app users (EnableAcsUsers)?");
    if !questions.ask(question, federation.enable_acs_users) {
        let fix = format!(
            "turn federation on for tenant {tenant}: EnableAcsUsers, `federation_enabled = true`"
        );
        return denied("federation-disabled", fix);
    }
    if questions.ask(
        format!("is resource {resource} blocked (BlockedAcsResources)?"),
        federation.blocks(resource),
    ) {
        let fix = format!("take resource {resource} off BlockedAcsResources");
        return denied("federation-resource-blocked", fix);
    }
    let is_restricted = !federation.allowed_acs_resources.is_empty();
    if questions.ask("is federation restricted to listed resources?", is_restricted)
        && !questions.ask(
            format!("is resource {resource} listed (AllowedAcsResources)?"),
            federation.lists(resource),
        )
    {
        let fix = format!("add resource {resource} to AllowedAcsResources");
        return denied("federation-resource-not-listed", fix);
    }
    let is_in_teams = user.user.mode == CoexistenceMode::TeamsOnly;
    if !questions.ask("is the directory user in mode TeamsOnly?", is_in_teams) {
        let fix = "put the directory user in mode TeamsOnly (Grant-CsTeamsUpgradePolicy)";
        return denied("not-teams-only", fix.to_owned());
    }
    let (access, granted_by) = user.tenant.external_access.effective(user.user);
    let (name, by) = (&access.identity, granted_by.as_str());
    if !questions.ask(
        format!("does external access policy {name} ({by}) allow app users?"),
        access.enable_acs_federation_access,
    ) {
        let fix = format!(
            "set EnableAcsFederationAccess in external access policy {name}, or grant the directory \
             user another one"
        );
        return denied("external-access", fix);
    }
    Ok(if is_restricted { "federation-listed-resource" } else { "federation-all-resources" })
}

/// Two directory users: in one tenant no barrier stands between them, in two both tenants and both
/// users' policies agree.
fn colleagues(questions: &mut Questions, one: Standing<'_>, other: Standing<'_>) -> Verdict {
    if !questions.ask("are both users of one tenant?", one.tenant_id == other.tenant_id) {
        return neighbors(questions, one, other);
    }
    if one.user.object_id == other.user.object_id {
        questions.ask("are they one user?", true);
        return Ok("same-user");
    }
    let (a, b) = (one.user.segment.as_ref(), other.user.segment.as_ref());
    if !questions.ask("is either of them in a segment?", a.is_some() || b.is_some()) {
        return Ok("same-tenant");
    }
    let barriers = &one.tenant.barriers;
    for (from, to) in [(a, b), (b, a)] {
        let Some(segment) = from else {
            continue;
        };
        let to_name = to.map_or("people without a segment", SegmentId::as_str);
        let question = format!("does segment {segment} admit {to_name}?");
        if !questions.ask(question, barriers.lets(from, to)) {
            // Names no segment: the sentence reaches people who need not know them.
            let fix = "let the information barriers of both segments admit each other".to_owned();
            let reason = EndReason::NOT_PERMITTED;
            return Err(Denial { rule: "information-barrier", fix, reason });
        }
    }
    Ok("same-tenant")
}

fn neighbors(questions: &mut Questions, one: Standing<'_>, other: Standing<'_>) -> Verdict {
    for (from, to) in [(one, other), (other, one)] {
        let (from_id, to_id) = (from.tenant_id, to.tenant_id);
        let question = format!("does tenant {from_id} federate with tenant {to_id}?");
        if !questions.ask(question, from.tenant.federated_tenants.contains(to_id)) {
            let fix = format!("let tenants {from_id} and {to_id} each list the other as federated");
            let reason = EndReason::NOT_FOUND;
            return Err(Denial { rule: "tenants-not-federated", fix, reason });
        }
    }
    for standing in [one, other] {
        let (access, granted_by) = standing.tenant.external_access.effective(standing.user);
        let (name, by) = (&access.identity, granted_by.as_str());
        if !questions.ask(
            format!("does external access policy {name} ({by}) allow users of other tenants?"),
            access.enable_federation_access,
        ) {
            let fix = format!("set EnableFederationAccess in external access policy {name}");
            let reason = EndReason::NOT_PERMITTED;
            return Err(Denial { rule: "external-access", fix, reason });
        }
    }
    Ok("federated-tenants")
}
