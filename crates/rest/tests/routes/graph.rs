//! Chats, meetings and users in Graph's shapes.

use serde_json::{Value, json};
use trunkline_policy::{FederationConfig, Scope};
use trunkline_rest::RestConfig;

use super::scene::{DIRECTORY_ALICE, Scene};

const GRAPH: &str = "/graph/v1.0";

fn segment(text: &str) -> String {
    text.replace(':', "%3A").replace('@', "%40")
}

/// Signs in as a directory user.
async fn alice(scene: &Scene) -> String {
    const APP: &str = "app-1";
    let now = scene.node.clock().wall();
    let scopes = [Scope::Chat, Scope::Voip];
    let token = scene.node.identity().dev_sign_in("alice", APP, &scopes, now).unwrap();
    let user_id = DIRECTORY_ALICE.rsplit(':').next().unwrap();
    let body = json!({"token": token, "appId": APP, "userId": user_id});
    let target = "/teamsUser/:exchangeAccessToken?api-version=2023-10-01";
    let exchanged = scene.signed("POST", target).json(&body).send().await.ok(200);
    exchanged["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_chat_lives_with_members_and_messages() {
    let scene = Scene::with(RestConfig::default(), FederationConfig::default()).await;
    let (alice, token) = scene.user(&[Scope::Chat]).await;
    let (bob, _) = scene.user(&[Scope::Chat]).await;
    let (carol, stranger) = scene.user(&[Scope::Chat]).await;
    let member = |raw_id: &str| {
        json!({
            "@odata.type": "#microsoft.graph.aadUserConversationMember", "roles": ["owner"],
            "user@odata.bind": format!("https://graph.example/v1.0/users('{raw_id}')"),
        })
    };
    let body = json!({
        "chatType": "group", "topic": "Plans", "members": [member(&alice), member(&bob)],
    });
    let chats = format!("{GRAPH}/chats");
    let post = |target: &str, body: &Value| scene.call("POST", target).json(body).bearer(&token);
    let made = post(&chats, &body).send().await.ok(201);
    assert_eq!((&made["topic"], &made["chatType"]), (&json!("Plans"), &json!("group")));
    let chat = format!("{chats}/{}", segment(made["id"].as_str().unwrap()));

    let members = format!("{chat}/members");
    let added = post(&members, &member(&carol)).send().await.ok(201);
    let listed = scene.call("GET", &members).bearer(&token).send().await.ok(200);
    assert_eq!(listed["value"].as_array().unwrap().len(), 3);
    let membership = format!("{members}/{}", added["id"].as_str().unwrap());
    scene.call("DELETE", &membership).bearer(&token).send().await.ok(204);
    let listed = scene.call("GET", &members).bearer(&token).send().await.ok(200);
    assert_eq!(listed["value"].as_array().unwrap().len(), 2);

    let messages = format!("{chat}/messages");
    let sent = post(&messages, &json!({"body": {"content": "hello"}})).send().await.ok(201);
    assert_eq!(sent["from"]["user"]["id"], json!(alice));
    let listed = scene.call("GET", &messages).bearer(&token).send().await.ok(200);
    assert_eq!(listed["value"][0]["body"], json!({"contentType": "text", "content": "hello"}));
    assert_eq!(listed["value"][1]["messageType"], "systemEventMessage");

    for path in [chats.clone(), format!("{GRAPH}/me/chats")] {
        let listed = scene.call("GET", &path).bearer(&token).send().await.ok(200);
        assert_eq!(listed["value"][0]["id"], made["id"]);
    }
    let removed = scene.call("GET", &chat).bearer(&stranger).send().await;
    assert!(matches!(removed.status, 403 | 404), "{removed:?}");
}

#[tokio::test]
async fn an_online_meeting_shows_its_code_to_its_host_alone() {
    let scene = Scene::start().await;
    let token = alice(&scene).await;
    let meetings = format!("{GRAPH}/me/onlineMeetings");
    let body = json!({
        "subject": "Review", "startDateTime": "2027-01-01T10:00:00Z",
        "endDateTime": "2027-01-01T11:00:00Z", "lobbyBypassSettings": {"scope": "everyone"},
    });
    let made = scene.call("POST", &meetings).json(&body).bearer(&token).send().await.ok(201);
    let code = &made["joinMeetingIdSettings"];
    assert_eq!(code["passcode"].as_str().unwrap().len(), 6);
    let user_id = DIRECTORY_ALICE.rsplit(':').next().unwrap();
    assert_eq!(made["participants"]["organizer"]["identity"]["user"]["id"], user_id);
    assert_eq!(made["lobbyBypassSettings"]["scope"], "everyone");

    let one = format!("{meetings}/{}", made["id"].as_str().unwrap());
    let read = scene.call("GET", &one).bearer(&token).send().await.ok(200);
    assert_eq!(read, made);
    let (_, guest) = scene.user(&[Scope::Voip]).await;
    let seen = scene.call("GET", &one).bearer(&guest).send().await;
    let passcode = code["passcode"].as_str().unwrap();
    assert!(!seen.body.to_string().contains(passcode), "{}", seen.status);
    let deleted = scene.call("DELETE", &one).bearer(&guest).send().await;
    assert!(matches!(deleted.status, 403 | 404), "{deleted:?}");

    let digits = code["joinMeetingId"].as_str().unwrap().replace(' ', "%20");
    let filter = format!("$filter=joinMeetingIdSettings/joinMeetingId%20eq%20'{digits}'");
    let found = scene.call("GET", &format!("{meetings}?{filter}")).bearer(&token);
    assert_eq!(found.send().await.ok(200)["value"][0]["id"], made["id"]);

    let change = json!({"lobbyBypassSettings": {"scope": "organizer"}});
    let changed = scene.call("PATCH", &one).json(&change).bearer(&token).send().await.ok(200);
    assert_eq!(changed["lobbyBypassSettings"]["scope"], "organizer");
    scene.call("DELETE", &one).bearer(&token).send().await.ok(204);
}

#[tokio::test]
async fn errors_are_those_of_graph() {
    let scene = Scene::start().await;
    let token = alice(&scene).await;
    let me = scene.call("GET", &format!("{GRAPH}/me")).bearer(&token).send().await.ok(200);
    assert_eq!(me["displayName"], "Alice Archer");
    let nobody = scene.call("GET", &format!("{GRAPH}/me")).header("client-request-id", "c-1");
    let nobody = nobody.send().await;
    assert_eq!(nobody.body["error"]["innerError"]["client-request-id"], "c-1");
    nobody.refused(401, "InvalidAuthenticationToken");
    let call = |verb: &str, path: &str, body: Value| {
        scene.call(verb, &format!("{GRAPH}{path}")).json(&body).bearer(&token)
    };
    call("GET", "/users/nobody", json!({})).send().await.refused(404, "Request_ResourceNotFound");
    call("GET", "/chats/none", json!({})).send().await.refused(404, "NotFound");
    call("GET", "/nothing", json!({})).send().await.refused(404, "NotFound");
    for (path, body) in [
        ("/chats", json!({"chatType": "crowd", "members": []})),
        ("/chats", json!({"chatType": "oneOnOne", "members": []})),
        ("/chats", json!({"chatType": "group", "members": []})),
        ("/me/onlineMeetings", json!({"startDateTime": "2027-01-01T10:00:00Z"})),
        ("/me/onlineMeetings", json!({"allowedPresenters": "cats"})),
    ] {
        call("POST", path, body).send().await.refused(400, "BadRequest");
    }
    let other = "/users/00000000-0000-4000-8000-00000000000b/onlineMeetings";
    call("POST", other, json!({})).send().await.refused(403, "Forbidden");
    call("GET", "/me/onlineMeetings", json!({})).send().await.refused(400, "BadRequest");
}
