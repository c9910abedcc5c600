//! Input that no client sends: typed errors, and the exchange goes on.

use serde_json::json;
use trunkline_policy::{FederationConfig, Scope};
use trunkline_rest::{AllowedOrigins, Profile, RateGroup, RateRule, RateScope, RestConfig, routes};

use super::scene::{DIRECTORY_ALICE, Scene, origin};

#[tokio::test]
async fn unknown_paths_and_verbs_answer_in_the_envelope() {
    let scene = Scene::start().await;
    for path in [
        "/chat/threads/a/b/c/d",
        "/chat/nothing",
        "/identities/a/b/c",
        "/rooms/1/2",
        "/phoneNumbers/a/b",
        "/availablePhoneNumbers/nothing",
        "/sip/nothing",
        "/teamsUser/nothing",
        "/operatorInformation",
    ] {
        scene.call("GET", path).send().await.refused(404, "NotFound");
    }
    for route in routes() {
        let path = route.path.replace(['{', '}'], "");
        let answer = scene.call("PUT", &path).send().await;
        let allowed = answer.header("allow").unwrap_or_default().to_owned();
        answer.refused(405, "MethodNotAllowed");
        assert!(allowed.split(", ").any(|verb| verb == route.verb.as_str()), "{path}: {allowed}");
    }
    scene.call("GET", "/rooms/%ff").send().await.refused(400, "BadRequest");
}

#[tokio::test]
async fn bodies_that_cannot_be_read_are_told_apart() {
    let scene = Scene::start().await;
    let (_, token) = scene.user(&[Scope::Chat]).await;
    let post = |body: Vec<u8>| scene.call("POST", "/chat/threads").bearer(&token).bytes(body);
    let nested = format!("{{\"topic\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    for (body, inner) in [
        (b"{\"topic\":\"\xff\"}".to_vec(), "InvalidUtf8"),
        (b"{\"topic\":".to_vec(), "InvalidJson"),
        (nested.into_bytes(), "JsonTooDeep"),
    ] {
        let answer = post(body).send().await;
        assert_eq!(answer.body["error"]["innererror"]["code"], inner);
        answer.refused(400, "BadRequest");
    }
    for body in ["[]", "null", "{}", "{\"topic\":1}", "{\"topic\":null}"] {
        post(body.into()).send().await.refused(400, "BadRequest");
    }
    let large = vec![b' '; 5 * 1024 * 1024];
    post(large).send().await.refused(413, "RequestEntityTooLarge");
}

#[tokio::test]
async fn ten_thousand_members_are_a_typed_error() {
    let scene = Scene::start().await;
    let (alice, token) = scene.user(&[Scope::Chat]).await;
    let participants: Vec<_> = (0..10_000)
        .map(|number| {
            let raw_id = format!("{alice}-{number}");
            json!({"communicationIdentifier": {
                "rawId": raw_id, "communicationUser": {"id": raw_id},
            }, "displayName": "One of many"})
        })
        .collect();
    let body = json!({"topic": "crowd", "participants": participants});
    let answer = scene.call("POST", "/chat/threads").json(&body).bearer(&token).send().await;
    answer.refused(400, "BadRequest");
}

#[tokio::test]
async fn a_page_elsewhere_may_ask_only_when_it_is_allowed() {
    let allowed_origins = AllowedOrigins::Listed(vec!["https://app.example".to_owned()]);
    let config = RestConfig { allowed_origins, ..RestConfig::default() };
    let scene = Scene::with(config, FederationConfig::default()).await;
    let ask = |origin: &str| {
        scene
            .call("OPTIONS", "/chat/threads")
            .header("origin", origin)
            .header("access-control-request-method", "PATCH")
            .header("access-control-request-headers", "authorization,x-ms-useragent")
    };
    let answer = ask("https://app.example").send().await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.example"));
    let answer = ask("https://evil.example").send().await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
    let refused =
        scene.call("GET", "/chat/threads").header("origin", "https://app.example").send().await;
    assert_eq!(refused.header("access-control-allow-origin"), Some("https://app.example"));
    refused.refused(401, "Unauthorized");
}

#[tokio::test]
async fn the_strict_profile_insists_on_version_and_media_type() {
    let config = RestConfig { profile: Profile::Strict, ..RestConfig::default() };
    let scene = Scene::with(config, FederationConfig::default()).await;
    let (_, token) = scene.user(&[Scope::Chat]).await;
    let answer = scene.call("GET", "/chat/threads").bearer(&token).send().await;
    answer.refused(400, "MissingApiVersionParameter");
    let post = |content_type: &str| {
        scene
            .call("POST", "/chat/threads?api-version=of-tomorrow")
            .bearer(&token)
            .header("content-type", content_type)
            .bytes(r#"{"topic": "t"}"#)
    };
    post("text/plain").send().await.refused(415, "UnsupportedMediaType");
    post("application/json").send().await.ok(201);
}

#[tokio::test]
async fn a_rate_limit_answers_with_the_time_to_wait() {
    let rule = |limit| RateRule {
        group: RateGroup::CreateThread,
        scope: RateScope::User,
        limit,
        window_seconds: 3_600,
    };
    let config = RestConfig { rates: Some(vec![rule(2)]), ..RestConfig::default() };
    let scene = Scene::with(config, FederationConfig::default()).await;
    let (_, token) = scene.user(&[Scope::Chat]).await;
    let (_, other) = scene.user(&[Scope::Chat]).await;
    let create = async |token: &str| {
        let call = scene.call("POST", "/chat/threads").json(&json!({"topic": "t"}));
        call.bearer(token).send().await
    };
    create(&token).await.ok(201);
    create(&token).await.ok(201);
    let refused = create(&token).await;
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1_700..=1_800).contains(&wait), "{wait}");
    refused.refused(429, "TooManyRequests");
    create(&other).await.ok(201);
    scene.call("GET", "/chat/threads").bearer(&token).send().await.ok(200);
}

#[tokio::test]
async fn a_request_signed_for_the_public_endpoint_is_accepted_behind_a_proxy() {
    let public_endpoint = Some(origin("https://acs.example:8443"));
    let config = RestConfig { public_endpoint, ..RestConfig::default() };
    let scene = Scene::with(config, FederationConfig::default()).await;
    // Signed for the public name, sent on by a proxy that says its own.
    let call = scene.signed("GET", "/rooms").sent_to("10.0.0.7:9000");
    call.send().await.ok(200);
    let scene = Scene::start().await;
    let call = scene.signed("GET", "/rooms").sent_to("10.0.0.7:9000");
    call.send().await.refused(401, "Denied");
    let call = scene.signed("GET", "/rooms").sent_to("10.0.0.7:9000");
    call.header("x-ms-host", "acs.example:8443").send().await.ok(200);
}

#[tokio::test]
async fn a_member_whom_a_policy_denies_is_named_with_the_switch() {
    let scene = Scene::start().await;
    let (_, token) = scene.user(&[Scope::Chat]).await;
    let (carol, _) = scene.user(&[Scope::Chat]).await;
    let create = |others: &[&str]| {
        let participants: Vec<_> = others
            .iter()
            .map(|raw_id| json!({"communicationIdentifier": {"rawId": raw_id}}))
            .collect();
        let body = json!({"topic": "t", "participants": participants});
        scene.call("POST", "/chat/threads").json(&body).bearer(&token)
    };
    let alone = create(&[DIRECTORY_ALICE]).send().await;
    assert_eq!(alone.status, 403, "{alone:?}");
    let message = alone.body["error"]["message"].as_str().unwrap();
    assert!(message.contains("EnableAcsUsers"), "{message}");
    let mixed = create(&[DIRECTORY_ALICE, &carol]).send().await.ok(201);
    let invalid = &mixed["invalidParticipants"][0];
    assert_eq!((&invalid["code"], &invalid["target"]), (&json!("403"), &json!(DIRECTORY_ALICE)));
    assert!(invalid["message"].as_str().unwrap().contains("EnableAcsUsers"), "{invalid}");

    let federation = FederationConfig { enable_acs_users: true, ..FederationConfig::default() };
    let scene = Scene::with(RestConfig::default(), federation).await;
    let (_, token) = scene.user(&[Scope::Chat]).await;
    scene.thread(&token, &[DIRECTORY_ALICE]).await;
}

#[tokio::test]
async fn secrets_and_messages_stay_out_of_errors() {
    let scene = Scene::start().await;
    let (_, token) = scene.user(&[Scope::Chat]).await;
    let body = r#"{"topic": "t", "participants": "my secret plan"}"#;
    let call = scene.call("POST", "/chat/threads").bearer(&token).bytes(body);
    let answer = call.send().await;
    assert!(!answer.body.to_string().contains("secret"), "{answer:?}");
    let call = scene.call("GET", "/rooms").header("authorization", "HMAC-SHA256 s3cr3t");
    let answer = call.send().await;
    assert!(!answer.body.to_string().contains("s3cr3t"), "{answer:?}");
}
