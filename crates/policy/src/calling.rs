//! Who may call whom.

use std::fmt;

use trunkline_ids::{CommunicationIdentifier, IdentifierKind, ResourceId};
use trunkline_reasons::EndReason;

/// Who asks.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The user that the token names.
    pub identifier: CommunicationIdentifier,
}

/// What the administrator has set.
#[derive(Clone, Debug)]
pub struct CallPolicy {
    /// Whether app users and directory users reach each other.
    pub federation: FederationConfig,
    /// The app resource of this exchange.
    pub resource: ResourceId,
}

/// The tenant's side of federation, off by default: the parameters of
/// `Set-CsTeamsAcsFederationConfiguration`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FederationConfig {
    /// `EnableAcsUsers`.
    pub enabled: bool,
    /// `AllowedAcsResources`; every resource when empty.
    pub resources: Vec<ResourceId>,
}

/// The outcome, with the way to it.
#[derive(Clone, Debug)]
pub enum Decision {
    /// The call may be placed.
    Allowed {
        /// The rule that decided.
        rule: &'static str,
        /// Every question asked and its answer.
        trace: Vec<Step>,
    },
    /// The call may not be placed.
    Denied {
        /// The rule that decided.
        rule: &'static str,
        /// What would allow it.
        fix: String,
        /// The documented code of the refusal.
        reason: EndReason,
        /// Every question asked and its answer.
        trace: Vec<Step>,
    },
}

impl Decision {
    /// Returns whether the call may be placed.
    pub fn is_allowed(&self) -> bool {
        match self {
            Self::Allowed { .. } => true,
            Self::Denied { .. } => false,
        }
    }

    /// Returns every question asked and its answer.
    pub fn trace(&self) -> &[Step] {
        match self {
            Self::Allowed { trace, .. } | Self::Denied { trace, .. } => trace,
        }
    }
}

/// One question on the way to a decision.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Step {
    /// What was asked.
    pub question: &'static str,
    /// What the answer was.
    pub answer: bool,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answer = if self.answer { "yes" } else { "no" };
        write!(f, "{} {answer}", self.question)
    }
}

/// Decides whether `caller` may call `target`, or add it to a call.
pub fn decide_call(
    caller: &Principal,
    target: &CommunicationIdentifier,
    policy: &CallPolicy,
) -> Decision {
    let mut trace = Vec::new();
    let mut ask = |question, answer| {
        trace.push(Step { question, answer });
        answer
    };
    if ask("is the target a phone?", target.is_phone()) {
        let fix = "configure a trunk to the phone network".to_owned();
        return Decision::Denied { rule: "no-trunk", fix, reason: EndReason::NO_TRUNK, trace };
    }
    let (caller_side, target_side) = (side(&caller.identifier), side(target));
    let (Some(caller_side), Some(target_side)) = (caller_side, target_side) else {
        ask("are both sides users?", false);
        let fix = "name an app user (8:acs:…) or a directory user (8:orgid:…)".to_owned();
        return Decision::Denied {
            rule: "unknown-kind",
            fix,
            reason: EndReason::INVALID_ARGUMENT,
            trace,
        };
    };
    if ask("are both sides of one kind?", caller_side == target_side) {
        return Decision::Allowed { rule: "same-side", trace };
    }
    let federation = &policy.federation;
    if !ask("is federation with app users enabled (EnableAcsUsers)?", federation.enabled) {
        let fix = "turn federation on for the tenant: EnableAcsUsers, `federation_enabled = true`";
        return denied_federation("federation-disabled", fix.to_owned(), trace);
    }
    if !ask("is federation restricted to listed resources?", !federation.resources.is_empty()) {
        return Decision::Allowed { rule: "federation-all-resources", trace };
    }
    let resource = match caller_side {
        Side::App => app_resource(&caller.identifier),
        Side::Directory => app_resource(target),
    };
    let resource = resource.unwrap_or_else(|| policy.resource.clone());
    let is_listed = federation.resources.contains(&resource);
    match ask("is the app's resource listed (AllowedAcsResources)?", is_listed) {
        true => Decision::Allowed { rule: "federation-listed-resource", trace },
        false => {
            let fix = format!("add resource {resource} to AllowedAcsResources");
            denied_federation("federation-resource-not-listed", fix, trace)
        }
    }
}

fn denied_federation(rule: &'static str, fix: String, trace: Vec<Step>) -> Decision {
    Decision::Denied { rule, fix, reason: EndReason::NOT_FEDERATED, trace }
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Side {
    App,
    Directory,
}

fn side(identifier: &CommunicationIdentifier) -> Option<Side> {
    match identifier.kind() {
        IdentifierKind::CommunicationUser => Some(Side::App),
        IdentifierKind::MicrosoftTeamsUser
        | IdentifierKind::MicrosoftTeamsApp
        | IdentifierKind::TeamsExtensionUser => Some(Side::Directory),
        IdentifierKind::PhoneNumber | IdentifierKind::Unknown => None,
    }
}

fn app_resource(identifier: &CommunicationIdentifier) -> Option<ResourceId> {
    match identifier {
        CommunicationIdentifier::CommunicationUser(user) => user.resource_id(),
        CommunicationIdentifier::MicrosoftTeamsApp(_)
        | CommunicationIdentifier::MicrosoftTeamsUser(_)
        | CommunicationIdentifier::PhoneNumber(_)
        | CommunicationIdentifier::TeamsExtensionUser(_)
        | CommunicationIdentifier::Unknown(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: &str =
        "8:acs:11111111-1111-4111-8111-111111111111_22222222-2222-4222-8222-222222222222";
    const BOB: &str = "8:orgid:33333333-3333-4333-8333-333333333333";
    const PHONE: &str = "4:+14255550100";
    const RESOURCE: &str = "11111111-1111-4111-8111-111111111111";
    const OTHER: &str = "99999999-9999-4999-8999-999999999999";

    fn rule(caller: &str, target: &str, enabled: bool, resources: &[&str]) -> (bool, &'static str) {
        let policy = CallPolicy {
            federation: FederationConfig {
                enabled,
                resources: resources.iter().map(|id| id.parse().unwrap()).collect(),
            },
            resource: RESOURCE.parse().unwrap(),
        };
        let caller = Principal { identifier: caller.parse().unwrap() };
        match decide_call(&caller, &target.parse().unwrap(), &policy) {
            Decision::Allowed { rule, .. } => (true, rule),
            Decision::Denied { rule, .. } => (false, rule),
        }
    }

    #[test]
    fn every_pair_of_sides_has_its_rule() {
        for (caller, target, enabled, resources, expected) in [
            (APP, APP, false, &[][..], (true, "same-side")),
            (BOB, BOB, false, &[], (true, "same-side")),
            (APP, BOB, false, &[], (false, "federation-disabled")),
            (BOB, APP, false, &[], (false, "federation-disabled")),
            (APP, BOB, true, &[], (true, "federation-all-resources")),
            (APP, BOB, true, &[RESOURCE], (true, "federation-listed-resource")),
            (BOB, APP, true, &[RESOURCE], (true, "federation-listed-resource")),
            (APP, BOB, true, &[OTHER], (false, "federation-resource-not-listed")),
            (APP, PHONE, true, &[], (false, "no-trunk")),
            (BOB, "nonsense", true, &[], (false, "unknown-kind")),
        ] {
            assert_eq!(rule(caller, target, enabled, resources), expected, "{caller} → {target}");
        }
    }

    #[test]
    fn a_federation_denial_carries_the_documented_code_and_names_the_switch() {
        let policy = CallPolicy {
            federation: FederationConfig::default(),
            resource: RESOURCE.parse().unwrap(),
        };
        let caller = Principal { identifier: APP.parse().unwrap() };
        let decision = decide_call(&caller, &BOB.parse().unwrap(), &policy);
        assert!(decision.trace().iter().any(|step| step.to_string().ends_with("no")));
        let Decision::Denied { fix, reason, .. } = decision else {
            panic!("federation is off by default");
        };
        assert_eq!((reason.code(), reason.sub_code()), (403, 5222));
        assert!(fix.contains("EnableAcsUsers"));
    }
}
