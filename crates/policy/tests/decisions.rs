//! Who may call and chat with whom: tables of scenes, and laws that hold for every pair.

use proptest::prelude::*;
use trunkline_ids::CommunicationIdentifier;
use trunkline_policy::{
    Assignee, BarrierRule, CoexistenceMode, Decision, DirectoryUser, ExternalAccessPolicy, Grant,
    License, Medium, Policy, PolicyName, Principal, Segment, TenantPolicy, decide_call,
    decide_chat, decide_joining, explain,
};
use trunkline_reasons::EndReason;

const RESOURCE: &str = "11111111-1111-4111-8111-111111111111";
const OTHER_RESOURCE: &str = "99999999-9999-4999-8999-999999999999";
const APP: &str = "8:acs:11111111-1111-4111-8111-111111111111_a";
const APP_2: &str = "8:acs:11111111-1111-4111-8111-111111111111_b";
const FOREIGN_APP: &str = "8:acs:99999999-9999-4999-8999-999999999999_c";
const BOB: &str = "8:orgid:bob";
const CHARLIE: &str = "8:orgid:charlie";
const DAN: &str = "8:orgid:dan";
const QUEUE: &str = "28:orgid:queue";
const NEIGHBOR: &str = "8:orgid:zoe";
const EXTENSION: &str = "8:acs:11111111-1111-4111-8111-111111111111_contoso_bob";
const STRANGER: &str = "8:orgid:nobody";
const VISITOR: &str = "8:teamsvisitor:guest";
const PHONE: &str = "4:+14255550100";
const NONSENSE: &str = "nonsense";
const USERS: [&str; 9] =
    [APP, APP_2, FOREIGN_APP, BOB, CHARLIE, QUEUE, NEIGHBOR, EXTENSION, STRANGER];

fn user(alias: &str) -> DirectoryUser {
    DirectoryUser {
        object_id: alias.parse().unwrap(),
        alias: alias.parse().unwrap(),
        display_name: alias.parse().unwrap(),
        groups: ["staff".parse().unwrap()].into(),
        licenses: [].into(),
        mode: CoexistenceMode::TeamsOnly,
        segment: None,
    }
}

/// Tenant contoso with four users, tenant fabrikam with one; nothing is turned on.
fn policy() -> Policy {
    let mut policy = Policy::default();
    for (tenant, aliases) in
        [("contoso", &["bob", "charlie", "dan", "queue"][..]), ("fabrikam", &["zoe"])]
    {
        let mut set = TenantPolicy::default();
        aliases.iter().for_each(|alias| set.set_user(user(alias)));
        policy.tenants.insert(tenant.parse().unwrap(), set);
    }
    policy
}

fn contoso(policy: &mut Policy) -> &mut TenantPolicy {
    policy.tenants.get_mut(&"contoso".parse().unwrap()).unwrap()
}

fn contoso_user<'a>(policy: &'a mut Policy, alias: &str) -> &'a mut DirectoryUser {
    contoso(policy).users.get_mut(alias).unwrap()
}

/// A policy in which contoso federates with every resource.
fn federated() -> Policy {
    let mut policy = policy();
    contoso(&mut policy).federation.enable_acs_users = true;
    policy
}

fn id(text: &str) -> CommunicationIdentifier {
    text.parse().unwrap()
}

fn principal(text: &str) -> Principal {
    Principal { identifier: id(text) }
}

fn call(from: &str, to: &str, policy: &Policy) -> Decision {
    decide_call(&principal(from), &id(to), policy)
}

fn chat(from: &str, to: &str, policy: &Policy) -> Decision {
    decide_chat(&principal(from), &id(to), policy)
}

fn rule_and_code(decision: &Decision) -> (&'static str, Option<EndReason>) {
    (decision.rule(), decision.reason())
}

#[test]
fn every_pair_of_sides_has_its_rule_in_call_and_chat_alike() {
    let denied = Some(EndReason::NOT_FEDERATED);
    let not_permitted = Some(EndReason::NOT_PERMITTED);
    let not_found = Some(EndReason::NOT_FOUND);
    let invalid = Some(EndReason::INVALID_ARGUMENT);
    for (from, to, off, on) in [
        (APP, APP_2, ("same-resource", None), ("same-resource", None)),
        (APP, APP, ("same-resource", None), ("same-resource", None)),
        (APP, FOREIGN_APP, ("other-resource", not_permitted), ("other-resource", not_permitted)),
        (BOB, CHARLIE, ("same-tenant", None), ("same-tenant", None)),
        (BOB, QUEUE, ("same-tenant", None), ("same-tenant", None)),
        (BOB, EXTENSION, ("same-user", None), ("same-user", None)),
        (APP, BOB, ("federation-disabled", denied), ("federation-all-resources", None)),
        (BOB, APP, ("federation-disabled", denied), ("federation-all-resources", None)),
        (APP, QUEUE, ("federation-disabled", denied), ("federation-all-resources", None)),
        (APP, EXTENSION, ("federation-disabled", denied), ("federation-all-resources", None)),
        (FOREIGN_APP, BOB, ("federation-disabled", denied), ("federation-all-resources", None)),
        (APP, NEIGHBOR, ("federation-disabled", denied), ("federation-disabled", denied)),
        (APP, STRANGER, ("unknown-directory-user", denied), ("unknown-directory-user", denied)),
        (APP, VISITOR, ("unknown-directory-user", denied), ("unknown-directory-user", denied)),
        (
            BOB,
            STRANGER,
            ("unknown-directory-user", not_found),
            ("unknown-directory-user", not_found),
        ),
        (BOB, NEIGHBOR, ("tenants-not-federated", not_found), ("tenants-not-federated", not_found)),
        (APP, NONSENSE, ("unknown-kind", invalid), ("unknown-kind", invalid)),
        (BOB, NONSENSE, ("unknown-kind", invalid), ("unknown-kind", invalid)),
        (APP, "8:spool:legacy", ("unknown-kind", invalid), ("unknown-kind", invalid)),
    ] {
        for (policy, expected) in [(policy(), off), (federated(), on)] {
            let (call, chat) = (call(from, to, &policy), chat(from, to, &policy));
            assert_eq!(rule_and_code(&call), expected, "call {from} → {to}: {call}");
            assert_eq!(rule_and_code(&chat), expected, "chat {from} → {to}: {chat}");
        }
    }
}

#[test]
fn each_switch_of_the_federation_matrix_has_its_rule() {
    let on = |set: fn(&mut Policy)| {
        let mut policy = federated();
        set(&mut policy);
        policy
    };
    fn allow(policy: &mut Policy, resource: &str) {
        contoso(policy).federation.allowed_acs_resources.push(resource.parse().unwrap());
    }
    fn block(policy: &mut Policy, resource: &str) {
        contoso(policy).federation.blocked_acs_resources.push(resource.parse().unwrap());
    }
    fn no_apps(policy: &mut Policy) {
        contoso(policy).external_access.set_policy(ExternalAccessPolicy {
            enable_acs_federation_access: false,
            ..ExternalAccessPolicy::new(PolicyName::global())
        });
    }
    for (policy, rule, fix) in [
        (on(|policy| allow(policy, RESOURCE)), "federation-listed-resource", ""),
        (
            on(|policy| allow(policy, OTHER_RESOURCE)),
            "federation-resource-not-listed",
            "add resource 11111111-1111-4111-8111-111111111111 to AllowedAcsResources",
        ),
        (
            on(|policy| block(policy, RESOURCE)),
            "federation-resource-blocked",
            "take resource 11111111-1111-4111-8111-111111111111 off BlockedAcsResources",
        ),
        (on(|policy| block(policy, OTHER_RESOURCE)), "federation-all-resources", ""),
        (
            on(|policy| contoso_user(policy, "bob").mode = CoexistenceMode::Islands),
            "not-teams-only",
            "put the directory user in mode TeamsOnly (Grant-CsTeamsUpgradePolicy)",
        ),
        (
            on(no_apps),
            "external-access",
            "set EnableAcsFederationAccess in external access policy Global, or grant the \
             directory user another one",
        ),
        (
            on(|policy| contoso(policy).federation.enable_acs_users = false),
            "federation-disabled",
            "turn federation on for tenant contoso: EnableAcsUsers, `federation_enabled = true`",
        ),
    ] {
        for decision in [call(APP, BOB, &policy), chat(BOB, APP, &policy)] {
            assert_eq!(decision.rule(), rule, "{decision}");
            assert_eq!(decision.fix().unwrap_or_default(), fix);
            let expected = (!decision.is_allowed()).then_some(EndReason::NOT_FEDERATED);
            assert_eq!(decision.reason(), expected);
        }
    }
}

#[test]
fn the_policy_that_applies_to_the_user_decides_and_the_trace_names_it() {
    let grant = |assignee: &str| Grant {
        assignee: match assignee.strip_prefix('@') {
            Some(group) => Assignee::Group(group.parse().unwrap()),
            None => Assignee::User(assignee.parse().unwrap()),
        },
        policy: "NoApps".parse().unwrap(),
        rank: 1,
    };
    for (grants, bob, charlie, by) in [
        (&[][..], true, true, "Global (the tenant's)"),
        (&["bob"], false, true, "NoApps (granted to the user)"),
        (&["@staff"], false, false, "NoApps (granted to a group)"),
        (&["@board"], true, true, "Global (the tenant's)"),
    ] {
        let mut policy = federated();
        let access = &mut contoso(&mut policy).external_access;
        access.set_policy(ExternalAccessPolicy {
            enable_acs_federation_access: false,
            ..ExternalAccessPolicy::new("NoApps".parse().unwrap())
        });
        grants.iter().for_each(|assignee| access.grant(grant(assignee)));
        let decision = call(APP, BOB, &policy);
        assert_eq!(decision.is_allowed(), bob, "{grants:?}: {decision}");
        assert_eq!(chat(APP, CHARLIE, &policy).is_allowed(), charlie, "{grants:?}");
        assert!(decision.to_string().contains(by), "{decision}");
    }
}

#[test]
fn tenants_reach_each_other_when_both_say_so_and_both_users_may() {
    let list = |policy: &mut Policy, tenant: &str, other: &str| {
        let set = policy.tenants.get_mut(&tenant.parse().unwrap()).unwrap();
        set.federated_tenants.insert(other.parse().unwrap());
    };
    let mut policy = policy();
    list(&mut policy, "contoso", "fabrikam");
    assert_eq!(call(BOB, NEIGHBOR, &policy).rule(), "tenants-not-federated");
    assert_eq!(chat(NEIGHBOR, BOB, &policy).rule(), "tenants-not-federated");
    list(&mut policy, "fabrikam", "contoso");
    assert_eq!(call(BOB, NEIGHBOR, &policy).rule(), "federated-tenants");
    contoso(&mut policy).external_access.set_policy(ExternalAccessPolicy {
        enable_federation_access: false,
        ..ExternalAccessPolicy::new(PolicyName::global())
    });
    assert_eq!(chat(NEIGHBOR, BOB, &policy).rule(), "external-access");
}

/// Bob is in research, Charlie in trading, Dan in no segment; the rule is research's.
fn with_barrier(rule: BarrierRule) -> Policy {
    let mut policy = federated();
    for (alias, segment) in [("bob", "research"), ("charlie", "trading")] {
        contoso_user(&mut policy, alias).segment = Some(segment.parse().unwrap());
    }
    contoso(&mut policy).barriers.set_segment(Segment { id: "research".parse().unwrap(), rule });
    policy
}

#[test]
fn barriers_hold_in_chat_and_call_and_in_both_directions() {
    let block = BarrierRule::Block(["trading".parse().unwrap()].into());
    let allow = BarrierRule::Allow(["research".parse().unwrap()].into());
    for (rule, charlie, dan) in
        [(BarrierRule::default(), true, true), (block, false, true), (allow, false, false)]
    {
        let policy = with_barrier(rule.clone());
        for (one, other, expected) in [(BOB, CHARLIE, charlie), (BOB, DAN, dan)] {
            for decision in [
                call(one, other, &policy),
                call(other, one, &policy),
                chat(one, other, &policy),
                chat(other, one, &policy),
            ] {
                assert_eq!(decision.is_allowed(), expected, "{rule:?}: {decision}");
                if !expected {
                    let code = Some(EndReason::NOT_PERMITTED);
                    assert_eq!(rule_and_code(&decision), ("information-barrier", code));
                    assert!(!decision.sentence().unwrap().contains("trading"), "{decision}");
                }
            }
        }
        assert!(call(CHARLIE, DAN, &policy).is_allowed());
        assert!(chat(APP, BOB, &policy).is_allowed(), "app users are in no segment");
    }
}

#[test]
fn nobody_carries_somebody_past_a_barrier() {
    let policy = with_barrier(BarrierRule::Block(["trading".parse().unwrap()].into()));
    let joining = |medium, actor: &str, joiner: &str, present: &[&str]| {
        let present: Vec<_> = present.iter().map(|text| id(text)).collect();
        decide_joining(medium, &principal(actor), &id(joiner), &present, &policy)
    };
    for medium in [Medium::Chat, Medium::Call] {
        assert!(joining(medium, DAN, CHARLIE, &[DAN]).is_allowed());
        assert!(joining(medium, DAN, CHARLIE, &[DAN, APP, PHONE, CHARLIE]).is_allowed());
        let decision = joining(medium, DAN, CHARLIE, &[DAN, APP, BOB]);
        assert_eq!(decision.rule(), "information-barrier", "{medium}: {decision}");
        assert_eq!(joining(medium, BOB, CHARLIE, &[BOB]).rule(), "information-barrier");
        let decision = joining(medium, DAN, FOREIGN_APP, &[DAN, APP]);
        assert_eq!(decision.rule(), "other-resource", "{medium}: {decision}");
    }
}

#[test]
fn a_directory_user_may_start_the_chat_and_the_trace_tells() {
    let policy = federated();
    for (from, to, answer) in [(APP, BOB, "yes"), (BOB, APP, "no")] {
        let decision = chat(from, to, &policy);
        assert!(decision.is_allowed(), "{decision}");
        let step = format!("does the app user start the chat? {answer}");
        assert!(decision.trace().iter().any(|s| s.to_string() == step), "{decision}");
        assert!(!call(from, to, &policy).to_string().contains("start the chat"));
    }
}

#[test]
fn phones_need_a_trunk_and_directory_users_a_license() {
    let mut policy = policy();
    let code = Some(EndReason::NO_TRUNK);
    assert_eq!(rule_and_code(&call(APP, PHONE, &policy)), ("no-trunk", code));
    assert_eq!(rule_and_code(&call(BOB, PHONE, &policy)), ("no-trunk", code));
    policy.has_trunk = true;
    assert_eq!(call(APP, PHONE, &policy).rule(), "phone-by-trunk");
    assert_eq!(call(STRANGER, PHONE, &policy).rule(), "unknown-directory-user");
    for (licenses, rule, fix) in [
        (&[][..], "not-licensed", "give the caller the license TeamsPhone"),
        (&[License::TeamsPhone], "not-licensed", "give the caller the license EnterpriseVoice"),
        (&[License::EnterpriseVoice], "not-licensed", "give the caller the license TeamsPhone"),
        (&[License::TeamsPhone, License::EnterpriseVoice], "phone-by-license", ""),
    ] {
        contoso_user(&mut policy, "bob").licenses = licenses.iter().copied().collect();
        let decision = call(BOB, PHONE, &policy);
        assert_eq!((decision.rule(), decision.fix().unwrap_or_default()), (rule, fix));
    }
    assert_eq!(chat(BOB, PHONE, &policy).rule(), "unknown-kind");
}

#[test]
fn an_explanation_prints_both_decisions_with_their_traces() {
    let explanation = explain(&id(APP), &id(BOB), &policy());
    assert_eq!(
        explanation.to_string(),
        "8:acs:11111111-1111-4111-8111-111111111111_a → 8:orgid:bob
call: denied by federation-disabled (403/5222)
  fix: turn federation on for tenant contoso: EnableAcsUsers, `federation_enabled = true`
  is the target a phone? no
  are both sides of one kind? no
  does tenant contoso federate with app users (EnableAcsUsers)? no
chat: denied by federation-disabled (403/5222)
  fix: turn federation on for tenant contoso: EnableAcsUsers, `federation_enabled = true`
  are both sides of one kind? no
  does the app user start the chat? yes
  does tenant contoso federate with app users (EnableAcsUsers)? no"
    );
    let json = serde_json::to_value(explain(&id(APP), &id(BOB), &federated())).unwrap();
    assert_eq!(json["chat"]["outcome"], "allowed");
    assert_eq!(json["call"]["rule"], "federation-all-resources");
    let shown = format!("{:?}", explain(&id(APP), &id(BOB), &federated()));
    assert!(!shown.contains("bob") && !shown.contains("_a"), "{shown}");
}

/// Any settings at all, over the users of the scenes above.
fn any_policy() -> impl Strategy<Value = Policy> {
    let switches = prop::collection::vec(any::<bool>(), 10);
    let segments = prop::collection::vec(0_usize..4, 4);
    let modes = prop::collection::vec(0_usize..8, 4);
    (switches, segments, modes).prop_map(|(on, segments, modes)| {
        let mut policy = policy();
        let set = contoso(&mut policy);
        set.federation.enable_acs_users = on[0];
        if on[1] {
            set.federation.allowed_acs_resources.push(RESOURCE.parse().unwrap());
        }
        if on[2] {
            set.federation.blocked_acs_resources.push(OTHER_RESOURCE.parse().unwrap());
        }
        set.external_access.set_policy(ExternalAccessPolicy {
            identity: PolicyName::global(),
            enable_acs_federation_access: on[3],
            enable_federation_access: on[4],
        });
        let names = ["red", "green", "blue"];
        let list = names.iter().zip([on[5], on[6], on[7]]).filter(|(_, is_in)| *is_in);
        let list = list.map(|(name, _)| name.parse().unwrap()).collect();
        let rule = if on[8] { BarrierRule::Allow(list) } else { BarrierRule::Block(list) };
        set.barriers.set_segment(Segment { id: "red".parse().unwrap(), rule });
        for ((user, segment), mode) in set.users.values_mut().zip(segments).zip(modes) {
            user.segment = names.get(segment).map(|name| name.parse().unwrap());
            user.mode = *CoexistenceMode::ALL.get(mode).unwrap_or(&CoexistenceMode::TeamsOnly);
        }
        for (tenant, other) in [("contoso", "fabrikam"), ("fabrikam", "contoso")] {
            let set = policy.tenants.get_mut(&tenant.parse().unwrap()).unwrap();
            if on[9] {
                set.federated_tenants.insert(other.parse().unwrap());
            }
        }
        policy
    })
}

proptest! {
    #[test]
    fn whoever_may_call_or_write_may_be_called_or_written_to(
        policy in any_policy(),
        from in prop::sample::select(&USERS[..]),
        to in prop::sample::select(&USERS[..]),
    ) {
        let decision = chat(from, to, &policy);
        prop_assert_eq!(decision.is_allowed(), chat(to, from, &policy).is_allowed());
        prop_assert_eq!(decision.is_allowed(), call(from, to, &policy).is_allowed());
        prop_assert_eq!(decision.is_allowed(), decision.reason().is_none());
        prop_assert!(!decision.trace().is_empty());
    }

    #[test]
    fn joining_needs_the_consent_of_everybody_there(
        policy in any_policy(),
        actor in prop::sample::select(&USERS[..]),
        joiner in prop::sample::select(&USERS[..]),
        present in prop::collection::vec(prop::sample::select(&USERS[..]), 0..5),
    ) {
        let identifiers: Vec<_> = present.iter().map(|text| id(text)).collect();
        let decision =
            decide_joining(Medium::Chat, &principal(actor), &id(joiner), &identifiers, &policy);
        let expected = [actor].iter().chain(&present).all(|other| {
            (*other == joiner && *other != actor) || chat(other, joiner, &policy).is_allowed()
        });
        prop_assert_eq!(decision.is_allowed(), expected, "{}", decision);
    }

    #[test]
    fn a_tenant_that_turned_federation_off_is_reached_by_no_app_user(
        policy in any_policy(),
        app in prop::sample::select(&[APP, APP_2, FOREIGN_APP][..]),
        user in prop::sample::select(&[BOB, CHARLIE, QUEUE, EXTENSION][..]),
    ) {
        let mut policy = policy;
        contoso(&mut policy).federation.enable_acs_users = false;
        let decision = chat(app, user, &policy);
        prop_assert_eq!(decision.reason(), Some(EndReason::NOT_FEDERATED));
        prop_assert!(decision.sentence().unwrap().contains("EnableAcsUsers"));
    }
}
