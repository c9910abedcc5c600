//! What the operations answer on the wire, beyond what the SDKs look at.

use serde_json::{Value, json};
use trunkline_clock::Timestamp;
use trunkline_node::DevSignIn;
use trunkline_policy::Scope;

use super::scene::{DIRECTORY_ALICE, RESOURCE, Scene, segment};

#[tokio::test]
async fn every_answer_carries_versions_correlation_and_the_clients_id() {
    let scene = Scene::start().await;
    let call = scene.signed("GET", "/rooms?api-version=2025-03-13");
    let answer = call.header("x-ms-client-request-id", "7264a44e").send().await;
    assert_eq!(answer.header("x-ms-client-request-id"), Some("7264a44e"));
    assert_eq!(answer.header("api-supported-versions"), Some("2023-06-14, 2024-04-15, 2025-03-13"));
    assert!(answer.header("ms-cv").unwrap().ends_with(".0"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer.ok(200);
    let refused = scene.call("GET", "/rooms").header("ms-cv", "abc.1").send().await;
    assert_eq!(refused.header("ms-cv"), Some("abc.1.0"));
}

#[tokio::test]
async fn a_new_thread_says_where_it_is() {
    let scene = Scene::start().await;
    let (alice, token) = scene.user(&[Scope::Chat]).await;
    let body = json!({"topic": "t", "metadata": {"a": "b"}});
    let call = scene.call("POST", "/chat/threads?api-version=2025-03-15").json(&body);
    let answer = call.bearer(&token).send().await;
    let location = answer.header("location").unwrap().to_owned();
    let thread = answer.ok(201)["chatThread"].clone();
    let id = segment(thread["id"].as_str().unwrap());
    assert_eq!(location, format!("https://acs.example:8443/chat/threads/{id}"));
    let creator = &thread["createdByCommunicationIdentifier"];
    let expected = json!({
        "kind": "communicationUser", "rawId": alice, "communicationUser": {"id": alice},
    });
    assert_eq!(creator, &expected);
    assert_eq!(thread["metadata"], json!({"a": "b"}));
    assert_eq!(thread["retentionPolicy"], json!({"kind": "none"}));
    let created_on = thread["createdOn"].as_str().unwrap();
    assert!(created_on.ends_with('Z') && !created_on.contains('.'), "{created_on}");
    let found = scene.call("GET", &location["https://acs.example:8443".len()..]);
    assert_eq!(found.bearer(&token).send().await.ok(200)["id"], thread["id"]);
}

#[tokio::test]
async fn ids_in_paths_come_encoded_or_bare() {
    let scene = Scene::start().await;
    let user = scene.signed("POST", "/identities").bytes("").send().await.ok(201);
    let id = user["identity"]["id"].as_str().unwrap();
    assert!(user.get("accessToken").is_none(), "{user}");
    for spelled in [id.to_owned(), segment(id)] {
        let target = format!("/identities/{spelled}/:issueAccessToken?api-version=2023-10-01");
        let token = scene.signed("POST", &target).json(&json!({"scopes": ["chat"]})).send().await;
        let token = token.ok(200);
        let expires_on = token["expiresOn"].as_str().unwrap();
        assert!(expires_on.ends_with("0+00:00"), "{expires_on}");
    }
}

#[tokio::test]
async fn links_between_pages_are_absolute_and_lead_through_everything() {
    let scene = Scene::start().await;
    let (_, token) = scene.user(&[Scope::Chat]).await;
    let thread = segment(&scene.thread(&token, &[]).await);
    let messages = format!("/chat/threads/{thread}/messages");
    for number in 0..5 {
        let body = json!({"content": format!("message {number}")});
        scene.call("POST", &messages).json(&body).bearer(&token).send().await.ok(201);
    }
    let mut target =
        format!("{messages}?api-version=2025-03-15&maxPageSize=2&startTime=1970-01-01T00:00:00Z");
    let mut sequences: Vec<String> = Vec::new();
    for page in 0.. {
        assert!(page < 10, "no end");
        let body = scene.call("GET", &target).bearer(&token).send().await.ok(200);
        let found = body["value"].as_array().unwrap();
        assert!(found.len() <= 2);
        sequences.extend(found.iter().map(|m| m["sequenceId"].as_str().unwrap().to_owned()));
        let Some(next) = body["nextLink"].as_str() else { break };
        let path = next.strip_prefix("https://acs.example:8443").unwrap();
        assert!(path.starts_with(&messages) && path.contains("api-version=2025-03-15"), "{path}");
        assert!(path.contains("startTime=") && path.contains("maxPageSize=2"), "{path}");
        target = path.to_owned();
    }
    assert_eq!(sequences, ["7", "6", "5", "4", "3", "2", "1"]);
}

#[tokio::test]
async fn a_merge_patch_leaves_sets_and_removes() {
    let scene = Scene::start().await;
    let (_, token) = scene.user(&[Scope::Chat]).await;
    let thread = segment(&scene.thread(&token, &[]).await);
    let path = format!("/chat/threads/{thread}");
    let patch = async |body: Value| {
        let call = scene.call("PATCH", &path).json(&body).bearer(&token);
        call.header("content-type", "application/merge-patch+json").send().await
    };
    let get = async || scene.call("GET", &path).bearer(&token).send().await.ok(200);
    patch(json!({"metadata": {"a": "1", "b": "2"}})).await.ok(204);
    patch(json!({"metadata": {"a": null, "c": "3"}})).await.ok(204);
    assert_eq!(get().await["metadata"], json!({"b": "2", "c": "3"}));
    patch(json!({})).await.ok(204);
    assert_eq!(get().await["topic"], "a topic");
    patch(json!({"metadata": null, "topic": "new"})).await.ok(204);
    let thread = get().await;
    assert_eq!((thread.get("metadata"), &thread["topic"]), (None, &json!("new")));
    patch(json!({"topic": null})).await.refused(400, "BadRequest");
    let policy = json!({"kind": "threadCreationDate", "deleteThreadAfterDays": 30});
    patch(json!({"retentionPolicy": policy})).await.ok(204);
    assert_eq!(get().await["retentionPolicy"], policy);
    patch(json!({"retentionPolicy": null})).await.ok(204);
    assert_eq!(get().await["retentionPolicy"], json!({"kind": "none"}));
}

#[tokio::test]
async fn rooms_spell_times_with_a_fraction() {
    let scene = Scene::start().await;
    let today = scene.node.clock().wall().as_unix_seconds() / 86_400;
    let day = |after: i64| Timestamp::from_unix_seconds((today + after) * 86_400).to_string();
    let body = json!({
        "validFrom": day(3), "validUntil": day(9).replace("00:00Z", "00:00.25+01:00"),
    });
    let room = scene.signed("POST", "/rooms").json(&body).send().await.ok(201);
    let midnight = |time: String| time.replace('Z', ".000000+00:00");
    assert_eq!(room["validFrom"], midnight(day(3)));
    let until = midnight(day(8)).replace("T00:00:00.000000", "T23:00:00.250000");
    assert_eq!(room["validUntil"], until);
    let path = format!("/rooms/{}", room["id"].as_str().unwrap());
    let null = json!({"validFrom": null, "validUntil": null, "pstnDialOutEnabled": null});
    let same = scene.signed("PATCH", &path).json(&null).send().await.ok(200);
    assert_eq!(same, room);
    let roster = json!({"participants": {(format!("8:acs:{RESOURCE}_x")): {}}});
    let roster = scene.signed("PATCH", &format!("{path}/participants")).json(&roster);
    assert_eq!(roster.send().await.ok(200), json!({}));
}

#[tokio::test]
async fn a_message_in_full() {
    let scene = Scene::start().await;
    let (alice, token) = scene.user(&[Scope::Chat]).await;
    let thread = segment(&scene.thread(&token, &[]).await);
    let path = format!("/chat/threads/{thread}/messages");
    let body =
        json!({"content": "hi", "type": "text", "senderDisplayName": "A", "metadata": {"k": "v"}});
    let sent = scene.call("POST", &path).json(&body).bearer(&token).send().await.ok(201);
    let id = sent["id"].as_str().unwrap();
    let call = scene.call("GET", &format!("{path}/{id}")).bearer(&token);
    let mut message = call.send().await.ok(200);
    let created_on = message["createdOn"].take();
    assert!(created_on.as_str().unwrap().ends_with('Z'));
    let expected = json!({
        "id": id, "type": "text", "sequenceId": "3", "version": id,
        "content": {"message": "hi", "attachments": []}, "senderDisplayName": "A", "createdOn": null, "metadata": {"k": "v"},
        "senderCommunicationIdentifier": {
            "kind": "communicationUser", "rawId": alice, "communicationUser": {"id": alice},
        },
    });
    assert_eq!(message, expected);
}

#[tokio::test]
async fn a_directory_token_is_exchanged_for_its_app_and_user_only() {
    const APP: &str = "app-1";
    let scene = Scene::start().await;
    let now = scene.node.clock().wall();
    let identity = scene.node.identity();
    let sign_in = DevSignIn {
        issuer: "https://localhost/adfs",
        user: "alice",
        app_id: APP,
        scope: "Teams.ManageChats",
        nonce: None,
    };
    let directory_token = identity.dev_sign_in(sign_in, now).unwrap().access_token;
    let user_id = DIRECTORY_ALICE.rsplit(':').next().unwrap();
    let exchange = async |token: &str, app_id: &str, user_id: &str| {
        let body = json!({"token": token, "appId": app_id, "userId": user_id});
        let target = "/teamsUser/:exchangeAccessToken?api-version=2023-10-01";
        scene.signed("POST", target).json(&body).send().await
    };
    for token in ["", "bad", "a.b.c"] {
        for (app_id, user_id) in [(APP, user_id), ("", ""), ("app-2", "somebody")] {
            let answer = exchange(token, app_id, user_id).await;
            let expected = json!({
                "code": "InvalidAccessToken", "message": "Provided access token is not valid.",
            });
            assert_eq!((answer.status, &answer.body["error"]), (401, &expected));
        }
    }
    let other = "81e78ca8-ade5-4998-9c05-1e17f850fcfe";
    for (app_id, user_id, target, message) in [
        ("", user_id, "AppId", "AppId: The AppId field is required."),
        ("app-2", user_id, "appId", "Provided AppId has invalid format."),
        (other, user_id, "appId", "AAD application is not the expected one."),
        (APP, "", "UserId", "UserId: The UserId field is required."),
        (APP, "somebody", "userId", "Provided UserId has invalid format."),
        (APP, other, "userId", "Provided AAD token issued for unexpected user."),
    ] {
        let answer = exchange(&directory_token, app_id, user_id).await;
        let expected = json!({"code": "ValidationError", "message": message, "target": target});
        assert_eq!((answer.status, &answer.body["error"]), (400, &expected));
    }
    let token = exchange(&directory_token, APP, user_id).await.ok(200);
    let call = scene.call("POST", "/chat/threads").json(&json!({"topic": "t"}));
    let made = call.bearer(token["token"].as_str().unwrap()).send().await.ok(201);
    let creator = &made["chatThread"]["createdByCommunicationIdentifier"];
    let expected = json!({
        "kind": "microsoftTeamsUser", "rawId": DIRECTORY_ALICE,
        "microsoftTeamsUser": {"userId": user_id, "isAnonymous": false, "cloud": "public"},
    });
    assert_eq!(creator, &expected);
    for (body, target, message) in [
        (json!({}), None, "The body is either missing or doesn't contain any token."),
        (
            json!({"token": directory_token, "userId": user_id}),
            Some("AppId"),
            "AppId: The AppId field is required.",
        ),
        (
            json!({"token": directory_token, "appId": APP}),
            Some("UserId"),
            "UserId: The UserId field is required.",
        ),
    ] {
        let call = scene.signed("POST", "/teamsUser/:exchangeAccessToken").json(&body);
        let answer = call.send().await;
        assert_eq!((answer.status, answer.code()), (400, "ValidationError"), "{answer:?}");
        let error = &answer.body["error"];
        assert_eq!((error["target"].as_str(), error["message"].as_str()), (target, Some(message)));
    }
}

#[tokio::test]
async fn an_identity_is_refused_what_it_cannot_have() {
    let scene = Scene::start().await;
    let scopes = json!(["chat"]);
    for (body, code, message) in [
        (
            json!({"createTokenWithScopes": scopes, "expiresInMinutes": 59}),
            "ValidationError",
            "ExpiresInMinutes value 59 is invalid. Value must be within the [60, 1440] interval.",
        ),
        (json!({"customId": "bob"}), "BadRequest", "Identities have no custom ids here."),
    ] {
        let answer = scene.signed("POST", "/identities").json(&body).send().await;
        assert_eq!((answer.status, answer.code()), (400, code), "{answer:?}");
        assert_eq!(answer.body["error"]["message"], message);
    }
    scene.signed("POST", "/identities").json(&json!({"customId": null})).send().await.ok(201);
}

#[tokio::test]
async fn a_member_who_goes_is_named_without_metadata_and_is_no_news_of_the_thread() {
    let scene = Scene::start().await;
    let (_, token) = scene.user(&[Scope::Chat]).await;
    let (bob, _) = scene.user(&[Scope::Chat]).await;
    let thread = segment(&scene.thread(&token, &[]).await);
    let path = format!("/chat/threads/{thread}");
    let post = async |action: &str, body: Value| {
        let call = scene.call("POST", &format!("{path}/{action}")).json(&body);
        call.bearer(&token).send().await
    };
    let received = async || {
        let listed = scene.call("GET", "/chat/threads").bearer(&token).send().await.ok(200);
        listed["value"][0]["lastMessageReceivedOn"].clone()
    };
    let identifier = json!({"rawId": bob, "communicationUser": {"id": bob}});
    let member = json!({"communicationIdentifier": identifier, "metadata": {"k": "v"}});
    post("participants/:add", json!({"participants": [member]})).await.ok(201);
    let list = format!("{path}/participants");
    let members = scene.call("GET", &list).bearer(&token).send().await.ok(200);
    let is_noted = |one: &Value| one["metadata"] == json!({"k": "v"});
    assert!(members["value"].as_array().unwrap().iter().any(is_noted), "{members}");
    let before = received().await;
    // Times of chat are whole seconds.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    post("participants/:remove", identifier).await.ok(204);
    assert_eq!(received().await, before);
    let messages = format!("{path}/messages");
    let messages = scene.call("GET", &messages).bearer(&token).send().await.ok(200);
    let newest = &messages["value"][0];
    assert_eq!(newest["type"], "participantRemoved");
    assert!(newest["createdOn"].as_str().unwrap() > before.as_str().unwrap(), "{newest}");
    for kind in ["participantAdded", "participantRemoved"] {
        let mut of_kind =
            messages["value"].as_array().unwrap().iter().filter(|one| one["type"] == kind);
        let participant = &of_kind.next().unwrap()["content"]["participants"][0];
        assert_eq!(participant["communicationIdentifier"]["rawId"], bob.as_str());
        assert!(participant.get("metadata").is_none(), "{kind}: {participant}");
    }
}
