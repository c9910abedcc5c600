//! Tenants and policies: what is set holds at once, and what is refused names the switch.

use crate::scene::Scene;

#[test]
fn federation_that_is_off_names_its_switch_and_on_works_at_once() {
    let scene = Scene::start();
    let user = scene.text(&["user", "create"]);
    scene.text(&["tenant", "federation", "set", "--enable-acs-users", "false"]);
    let refused = scene.run(&["chat", "new", "harbor", "--with", "bob", "--as", &user]);
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(refused.stderr.contains("EnableAcsUsers"), "{refused:?}");

    let explained = scene.json(&["policy", "explain", "--from", &user, "--to", "bob"]);
    for medium in ["call", "chat"] {
        let decision = &explained[0][medium];
        assert_eq!(decision["isAllowed"], false, "{decision}");
        assert_eq!(decision["rule"], "federation-disabled");
        assert_eq!(
            (&decision["reason"]["code"], &decision["reason"]["subCode"]),
            (&403.into(), &5222.into())
        );
        assert!(!decision["trace"].as_array().unwrap().is_empty());
    }

    scene.text(&["tenant", "federation", "set", "--enable-acs-users", "true"]);
    scene.text(&["chat", "new", "harbor", "--with", "bob", "--as", &user]);
    let text = scene.text(&["policy", "explain", "--from", &user, "--to", "bob"]);
    assert!(text.contains("✔ chat: allowed"), "{text}");
}

#[test]
fn federation_may_be_for_listed_resources_alone() {
    let scene = Scene::start();
    let user = scene.text(&["user", "create"]);
    let other = "99999999-9999-4999-8999-999999999999";
    let set = scene.json(&["tenant", "federation", "set", "--allowed-acs-resources", other]);
    assert_eq!(set[0]["allowedAcsResources"], serde_json::json!([other]));
    assert_eq!(set[0]["enableAcsUsers"], true, "what is left out stays");
    let refused = scene.run(&["chat", "new", "harbor", "--with", "bob", "--as", &user]);
    assert!(refused.stderr.contains("AllowedAcsResources"), "{refused:?}");
    scene.text(&["tenant", "federation", "set", "--allowed-acs-resources", "all"]);
    scene.text(&["chat", "new", "harbor", "--with", "bob", "--as", &user]);
}

#[test]
fn a_barrier_keeps_two_segments_apart() {
    let scene = Scene::start();
    for (alias, name, digit, segment) in
        [("bob", "Bob Baker", 'b', "research"), ("dan", "Dan Drake", 'd', "trading")]
    {
        let object_id = format!("00000000-0000-4000-8000-00000000000{digit}");
        scene.text(&[
            "tenant",
            "user",
            "set",
            alias,
            name,
            "--object-id",
            &object_id,
            "--segment",
            segment,
        ]);
    }
    scene.text(&["chat", "new", "before", "--with", "dan", "--as", "bob"]);
    scene.text(&["policy", "barrier", "set", "research", "--block", "trading"]);
    let refused = scene.run(&["chat", "new", "after", "--with", "dan", "--as", "bob"]);
    assert_eq!(refused.code, 4, "{refused:?}");
    assert_eq!(scene.json(&["policy", "barrier", "list"])[0]["segmentId"], "research");
    // Of two, one may come: the other is named and left out.
    let created = scene.json(&["chat", "new", "after", "--with", "dan,charlie", "--as", "bob"]);
    assert_eq!(created[0]["invalidMembers"].as_array().unwrap().len(), 1, "{created:?}");
    scene.text(&["policy", "barrier", "delete", "research"]);
    scene.text(&["chat", "new", "after", "--with", "dan", "--as", "bob"]);
}

#[test]
fn an_external_access_policy_shields_one_user() {
    let scene = Scene::start();
    let user = scene.text(&["user", "create"]);
    let access = "external-access";
    scene.text(&["policy", access, "set", "NoApps", "--enable-acs-federation-access", "false"]);
    scene.text(&["policy", access, "grant", "NoApps", "--user", "bob"]);
    let allowed = |alias: &str| {
        let explained = scene.json(&["policy", "explain", "--from", &user, "--to", alias]);
        explained[0]["chat"]["isAllowed"].as_bool().unwrap()
    };
    assert!(!allowed("bob"));
    assert!(allowed("alice"));
    let listed = scene.json(&["policy", access, "list"]);
    assert_eq!(listed[0]["grants"][0]["policy"], "NoApps");
    scene.text(&["policy", access, "revoke", "--user", "bob"]);
    assert!(allowed("bob"));
}

#[test]
fn a_rotated_key_is_refused_and_the_new_one_taken() {
    let scene = Scene::start();
    let created = scene.json(&["resource", "create", "shop"]);
    let resource = created[0]["resource"]["resourceId"].as_str().unwrap();
    let first = created[0]["primaryKey"].as_str().unwrap();
    let user = scene.text(&["user", "create", "--access-key", first]);
    assert!(user.contains(resource), "a resource's key makes users of that resource");
    let admin = scene.run(&["tenant", "list", "--access-key", first]);
    assert_eq!(admin.code, 4, "other resources administer nothing: {admin:?}");

    let fresh = scene.text(&["resource", "rotate", resource, "--slot", "primary"]);
    assert_eq!(scene.run(&["user", "create", "--access-key", first]).code, 4);
    scene.text(&["user", "create", "--access-key", &fresh]);
}

#[test]
fn a_tenant_is_set_and_shown() {
    let scene = Scene::start();
    let set = scene.json(&["tenant", "set", "fabrikam"]);
    assert_eq!(set[0]["name"], "fabrikam");
    assert_eq!(scene.json(&["tenant", "list"]).len(), 2);
    let several = scene.run(&["tenant", "show"]);
    assert_eq!(several.code, 2, "which of the two? {several:?}");
    scene.text(&["tenant", "user", "set", "erin", "Erin Ellis", "--tenant", "fabrikam"]);
    let users = scene.json(&["tenant", "user", "list", "--tenant", "fabrikam"]);
    assert_eq!(users[0]["alias"], "erin");
    scene.text(&["tenant", "user", "remove", "erin", "--tenant", "fabrikam"]);
    assert!(scene.json(&["tenant", "user", "list", "--tenant", "fabrikam"]).is_empty());
}
