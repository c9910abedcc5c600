//! Chats, meetings and users in Graph's shapes.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use trunkline_ids::TenantId;
use trunkline_node::DevSignIn;
use trunkline_policy::{CoexistenceMode, DirectoryUser, FederationConfig, Scope, Tenant};
use trunkline_proto::calling::v1::JoinCallRequest;
use trunkline_proto::meetings::v1::{JoinCode, MeetingLocator, meeting_locator};
use trunkline_rest::RestConfig;

use super::credentials::Forger;
use super::scene::{
    Answer, DIRECTORY_ALICE, DIRECTORY_BOB, DIRECTORY_CAROL, RESOURCE, Scene, object_id,
};

const GRAPH: &str = "/graph/v1.0";

/// A user of another tenant, added by [`stranger`].
const MALLORY: &str = "8:orgid:00000000-0000-4000-8000-0000000000ff";

fn segment(text: &str) -> String {
    text.replace(':', "%3A").replace('@', "%40")
}

/// Signs in as a directory user with a token that a directory has given.
async fn signed_in(scene: &Scene, alias: &str, raw_id: &str) -> String {
    const APP: &str = "app-1";
    let now = scene.node.clock().wall();
    let sign_in = DevSignIn {
        issuer: "https://localhost/adfs",
        user: alias,
        app_id: APP,
        scope: "Teams.ManageChats Teams.ManageCalls",
        nonce: None,
    };
    let token = scene.node.identity().dev_sign_in(sign_in, now).unwrap().access_token;
    let body = json!({"token": token, "appId": APP, "userId": object_id(raw_id)});
    let target = "/teamsUser/:exchangeAccessToken?api-version=2023-10-01";
    let exchanged = scene.signed("POST", target).json(&body).send().await.ok(200);
    exchanged["token"].as_str().unwrap().to_owned()
}

/// Returns a token of a user of another tenant.
async fn stranger(scene: &Scene) -> String {
    let admin = scene.node.admin();
    let id: TenantId = "fab00000-7a3e-4d0b-9e1c-0c0ffee00002".parse().unwrap();
    let tenant = Tenant { id: id.clone(), name: "fabrikam".parse().unwrap() };
    admin.put_tenant(tenant).await.unwrap();
    let user = DirectoryUser {
        object_id: object_id(MALLORY).parse().unwrap(),
        alias: "mallory".parse().unwrap(),
        display_name: "Mallory Miller".parse().unwrap(),
        groups: BTreeSet::new(),
        licenses: BTreeSet::new(),
        mode: CoexistenceMode::default(),
        segment: None,
    };
    admin.put_directory_user(&id, user).await.unwrap();
    // As the exchange would issue it for a token of that tenant's own issuer.
    let template = scene.token(&RESOURCE.parse().unwrap(), "alice", &Scope::ALL).await;
    let skype_id = MALLORY.trim_start_matches("8:");
    Forger::new(scene, &template).signed(&json!({"skypeid": skype_id}))
}

/// Sends requests below Graph with one token.
struct Client<'a> {
    scene: &'a Scene,
    token: String,
}

impl Client<'_> {
    async fn send(&self, verb: &str, path: &str, body: Option<&Value>) -> Answer {
        let call = self.scene.call(verb, &format!("{GRAPH}{path}")).bearer(&self.token);
        match body {
            Some(body) => call.json(body).send().await,
            None => call.send().await,
        }
    }

    async fn get(&self, path: &str) -> Value {
        self.send("GET", path, None).await.ok(200)
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        self.send("POST", path, Some(body)).await.ok(201)
    }
}

fn member(raw_id: &str) -> Value {
    json!({
        "@odata.type": "#microsoft.graph.aadUserConversationMember", "roles": ["owner"],
        "user@odata.bind": format!("https://graph.example/v1.0/users('{}')", object_id(raw_id)),
    })
}

fn group(members: &[&str]) -> Value {
    let members: Vec<Value> = members.iter().map(|raw_id| member(raw_id)).collect();
    json!({"chatType": "group", "topic": "Plans", "members": members})
}

#[tokio::test]
async fn a_chat_lives_with_members_and_messages() {
    let scene = Scene::start().await;
    let alice = Client { scene: &scene, token: signed_in(&scene, "alice", DIRECTORY_ALICE).await };
    let carol = Client { scene: &scene, token: signed_in(&scene, "carol", DIRECTORY_CAROL).await };
    let made = alice.post("/chats", &group(&[DIRECTORY_ALICE, DIRECTORY_BOB])).await;
    assert_eq!((&made["topic"], &made["chatType"]), (&json!("Plans"), &json!("group")));
    let chat = format!("/chats/{}", segment(made["id"].as_str().unwrap()));
    carol.send("GET", &chat, None).await.refused(404, "NotFound");

    let members = format!("{chat}/members");
    let answer = alice.send("POST", &members, Some(&member(DIRECTORY_CAROL))).await;
    let location = answer.header("location").unwrap().to_owned();
    let added = answer.ok(201);
    assert_eq!(added["userId"], object_id(DIRECTORY_CAROL));
    assert_eq!(added["displayName"], "Carol Cook");
    let membership = location.split_once(GRAPH).unwrap().1.to_owned();
    assert_eq!(alice.get(&membership).await, added);
    assert_eq!(carol.get(&chat).await["id"], made["id"]);
    let shown = alice.get(&format!("{chat}?$expand=members&$select=id,members")).await;
    assert_eq!(shown["members"].as_array().unwrap().len(), 3);
    assert_eq!(shown.as_object().unwrap().len(), 2);
    alice.send("DELETE", &membership, None).await.ok(204);
    alice.send("DELETE", &membership, None).await.refused(404, "NotFound");
    assert_eq!(alice.get(&members).await["value"].as_array().unwrap().len(), 2);
    carol.send("GET", &chat, None).await.refused(404, "NotFound");
    let hello = json!({"body": {"content": "hello"}});
    let refused = carol.send("POST", &format!("{chat}/messages"), Some(&hello)).await;
    refused.refused(404, "NotFound");

    let messages = format!("{chat}/messages");
    let sent = alice.post(&messages, &hello).await;
    assert_eq!(sent["from"]["user"]["id"], object_id(DIRECTORY_ALICE));
    let listed = alice.get(&messages).await;
    assert_eq!(listed["value"][0]["body"], json!({"contentType": "text", "content": "hello"}));
    assert_eq!(listed["value"][1]["messageType"], "systemEventMessage");
    for path in ["/chats", "/me/chats"] {
        assert_eq!(alice.get(path).await["value"][0]["id"], made["id"]);
    }
    assert_eq!(carol.get("/chats").await["value"], json!([]));
}

#[tokio::test]
async fn lists_come_in_pages_that_lead_to_the_next() {
    let scene = Scene::start().await;
    let alice = Client { scene: &scene, token: signed_in(&scene, "alice", DIRECTORY_ALICE).await };
    let everybody = [DIRECTORY_ALICE, DIRECTORY_BOB, DIRECTORY_CAROL];
    let made = alice.post("/chats", &group(&everybody)).await;
    let chat = format!("/chats/{}", segment(made["id"].as_str().unwrap()));
    for number in 0..5 {
        let body = json!({"body": {"contentType": "html", "content": format!("<p>{number}</p>")}});
        alice.post(&format!("{chat}/messages"), &body).await;
    }
    for _ in 0..2 {
        alice.post("/chats", &group(&everybody)).await;
    }
    for (path, top) in [
        (format!("{chat}/messages?$top=2&$orderby=createdDateTime%20desc"), 2),
        (format!("{chat}/members?$top=1"), 1),
        ("/chats?$top=1&$expand=members".to_owned(), 1),
        ("/users?$top=2".to_owned(), 2),
    ] {
        let (plain, _) = path.split_once('?').unwrap();
        let whole = alice.get(plain).await["value"].as_array().unwrap().len();
        let (mut next, mut ids, mut pages) = (path.clone(), Vec::new(), 0);
        loop {
            let page = alice.get(&next).await;
            let items = page["value"].as_array().unwrap();
            assert!(items.len() <= top && page["@odata.count"] == items.len(), "{path}");
            ids.extend(items.iter().map(|item| item["id"].to_string()));
            pages += 1;
            let Some(link) = page["@odata.nextLink"].as_str() else { break };
            next = link.strip_prefix(&format!("https://acs.example:8443{GRAPH}")).unwrap().into();
            assert!(path.contains("expand") == next.contains("expand=members"), "{next}");
        }
        assert_eq!((pages, ids.len()), (whole.div_ceil(top), whole), "{path}");
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), whole, "{path} shows something twice");
    }
}

#[tokio::test]
async fn an_app_user_is_brought_into_a_chat_by_its_raw_id() {
    let federation = FederationConfig { enable_acs_users: true, ..FederationConfig::default() };
    let scene = Scene::with(RestConfig::default(), federation).await;
    let alice = Client { scene: &scene, token: signed_in(&scene, "alice", DIRECTORY_ALICE).await };
    let (guest, _) = scene.user(&[Scope::Chat]).await;
    let made = alice.post("/chats", &group(&[DIRECTORY_ALICE])).await;
    let members = format!("/chats/{}/members", segment(made["id"].as_str().unwrap()));
    let added = alice.post(&members, &json!({"azureCommunicationServicesId": guest})).await;
    assert_eq!(added["azureCommunicationServicesId"], json!(guest));
    // Nobody is called, and both talk in the same thread.
    let shown = alice.get(&members).await;
    assert_eq!(shown["@odata.count"], 2);
}

#[tokio::test]
async fn an_online_meeting_shows_its_code_to_its_host_alone() {
    let scene = Scene::start().await;
    let alice = Client { scene: &scene, token: signed_in(&scene, "alice", DIRECTORY_ALICE).await };
    let bob = Client { scene: &scene, token: signed_in(&scene, "bob", DIRECTORY_BOB).await };
    let meetings = "/me/onlineMeetings";
    let body = json!({
        "subject": "Review", "startDateTime": "2027-01-01T10:00:00Z",
        "endDateTime": "2027-01-01T11:00:00Z", "lobbyBypassSettings": {"scope": "everyone"},
        "participants": {"attendees": [{"upn": "carol", "role": "coorganizer"}]},
        "joinMeetingIdSettings": {"isPasscodeRequired": true},
    });
    let made = alice.post(meetings, &body).await;
    let code = &made["joinMeetingIdSettings"];
    assert_eq!(code["passcode"].as_str().unwrap().len(), 6);
    assert_eq!(code["joinMeetingId"].as_str().unwrap().replace(' ', "").len(), 12);
    assert_eq!(code["isPasscodeRequired"], true);
    let organizer = &made["participants"]["organizer"];
    assert_eq!(organizer["identity"]["user"]["id"], object_id(DIRECTORY_ALICE));
    assert_eq!(organizer["upn"], "alice");
    assert_eq!(made["lobbyBypassSettings"]["scope"], "everyone");

    let one = format!("{meetings}/{}", made["id"].as_str().unwrap());
    assert_eq!(alice.get(&one).await, made);
    let carol = Client { scene: &scene, token: signed_in(&scene, "carol", DIRECTORY_CAROL).await };
    assert_eq!(&carol.get(&one).await["joinMeetingIdSettings"], code);
    let mallory = Client { scene: &scene, token: stranger(&scene).await };
    for outsider in [&bob, &mallory] {
        outsider.send("GET", &one, None).await.refused(404, "NotFound");
        outsider.send("DELETE", &one, None).await.refused(404, "NotFound");
        let change = json!({"lobbyBypassSettings": {"scope": "everyone"}});
        outsider.send("PATCH", &one, Some(&change)).await.refused(404, "NotFound");
    }
    carol.send("DELETE", &one, None).await.refused(403, "Forbidden");

    let digits = code["joinMeetingId"].as_str().unwrap().replace(' ', "%20");
    let path = format!("{meetings}?$filter=joinMeetingIdSettings/joinMeetingId%20eq%20'{digits}'");
    assert_eq!(alice.get(&path).await["value"][0]["id"], made["id"]);
    for other in [&bob, &carol, &mallory] {
        assert_eq!(other.get(&path).await["value"], json!([]), "not a meeting of theirs");
    }

    let change = json!({"lobbyBypassSettings": {"scope": "organizer"}});
    let changed = alice.send("PATCH", &one, Some(&change)).await.ok(200);
    assert_eq!(changed["lobbyBypassSettings"]["scope"], "organizer");
    let code = json!({"joinMeetingIdSettings": {"isPasscodeRequired": true}});
    alice.send("PATCH", &one, Some(&code)).await.refused(400, "BadRequest");
    let moved = json!({"subject": "Other", "startDateTime": "2031-01-01T10:00:00Z",
        "endDateTime": "2031-01-01T11:00:00Z"});
    let changed = alice.send("PATCH", &one, Some(&moved)).await.ok(200);
    assert_eq!(
        (&changed["subject"], &changed["endDateTime"]),
        (&moved["subject"], &json!("2031-01-01T11:00:00Z"))
    );
    let late = json!({"startDateTime": "2031-01-01T12:00:00Z", "subject": "Never"});
    alice.send("PATCH", &one, Some(&late)).await.refused(400, "BadRequest");
    assert_eq!(alice.get(&one).await["subject"], "Other");
    let attendees = json!({"participants": {"attendees": []}});
    alice.send("PATCH", &one, Some(&attendees)).await.refused(501, "NotImplemented");
    alice.send("DELETE", &one, None).await.ok(204);
}

#[tokio::test]
async fn presence_is_shown_to_colleagues_and_preferred_by_oneself() {
    let scene = Scene::start().await;
    let alice = Client { scene: &scene, token: signed_in(&scene, "alice", DIRECTORY_ALICE).await };
    let bob = Client { scene: &scene, token: signed_in(&scene, "bob", DIRECTORY_BOB).await };
    let mallory = Client { scene: &scene, token: stranger(&scene).await };
    let own = object_id(DIRECTORY_ALICE);
    let offline = json!({"id": own, "availability": "Offline", "activity": "Offline"});
    let paths = [format!("/users/{own}/presence"), format!("/communications/presences/{own}")];
    assert_eq!(alice.get("/me/presence").await, offline);
    for path in &paths {
        assert_eq!(bob.get(path).await, offline);
        let refused = mallory.send("GET", path, None).await;
        refused.refused(404, "Request_ResourceNotFound");
    }
    let ids = json!({"ids": [own, object_id(MALLORY), "nobody"]});
    let listed = bob.send("POST", "/communications/getPresencesByUserId", Some(&ids)).await.ok(200);
    let listed: Vec<&Value> =
        listed["value"].as_array().unwrap().iter().map(|one| &one["availability"]).collect();
    assert_eq!(listed, ["Offline", "PresenceUnknown", "PresenceUnknown"]);
    let many = json!({"ids": vec![own; 651]});
    let refused = bob.send("POST", "/communications/getPresencesByUserId", Some(&many)).await;
    refused.refused(400, "BadRequest");

    let busy = json!({"availability": "Busy", "activity": "Busy", "expirationDuration": "PT1H"});
    let set = "/presence/setUserPreferredPresence";
    for path in [format!("/me{set}"), format!("/users/{own}{set}")] {
        alice.send("POST", &path, Some(&busy)).await.ok(200);
    }
    // Nobody is there, whatever is preferred.
    assert_eq!(bob.get(&paths[0]).await, offline);
    let other = bob.send("POST", &format!("/users/{own}{set}"), Some(&busy)).await;
    other.refused(403, "Forbidden");
    for bad in [
        json!({"availability": "Busy", "activity": "InACall"}),
        json!({"availability": "Busy", "activity": "Busy", "expirationDuration": "soon"}),
        json!({"availability": "Busy", "activity": "Busy", "expirationDuration": "P31D"}),
        json!({"availability": "Busy"}),
    ] {
        let refused = alice.send("POST", &format!("/me{set}"), Some(&bad)).await;
        refused.refused(400, "BadRequest");
    }
    for whose in ["/me".to_owned(), format!("/users/{own}")] {
        let path = format!("{whose}/presence/clearUserPreferredPresence");
        alice.send("POST", &path, Some(&json!({}))).await.ok(200);
        alice.send("POST", &path, None).await.ok(200);
    }
}

#[tokio::test]
async fn a_call_joins_by_the_id_and_passcode_that_are_read() {
    let scene = Scene::start().await;
    let alice = Client { scene: &scene, token: signed_in(&scene, "alice", DIRECTORY_ALICE).await };
    let bob = Client { scene: &scene, token: signed_in(&scene, "bob", DIRECTORY_BOB).await };
    let made = alice.post("/me/onlineMeetings", &json!({"subject": "Review"})).await;
    let one = format!("/me/onlineMeetings/{}", made["id"].as_str().unwrap());
    let read = alice.get(&one).await;
    let code = &read["joinMeetingIdSettings"];
    let by = |passcode: &str| {
        let meeting_id = code["joinMeetingId"].as_str().unwrap().to_owned();
        let code = JoinCode { meeting_id, passcode: passcode.to_owned() };
        let meeting = Some(MeetingLocator { kind: Some(meeting_locator::Kind::Code(code)) });
        JoinCallRequest { meeting, ..JoinCallRequest::default() }
    };
    let passcode = code["passcode"].as_str().unwrap();
    let wrong = if passcode == "AAAAAA" { "BBBBBB" } else { "AAAAAA" };
    let mut calls = Vec::new();
    for client in [&alice, &bob] {
        let now = scene.node.clock().wall();
        let claims = scene.node.identity().verify(&client.token, now).await.unwrap();
        let controller = scene.node.controller(claims);
        controller.join(by(wrong)).await.unwrap_err();
        let (call, _) = controller.join(by(passcode)).await.unwrap();
        calls.push(call.call_id);
    }
    assert_eq!(calls[0], calls[1]);
    let presence = async |client: &Client<'_>| {
        let shown = client.get("/me/presence").await;
        format!("{}/{}", shown["availability"], shown["activity"]).replace('"', "")
    };
    for client in [&alice, &bob] {
        assert_eq!(presence(client).await, "Busy/InAConferenceCall");
    }
    alice.send("DELETE", &one, None).await.ok(204);
    for client in [&alice, &bob] {
        // The task of the call ends it a moment after the meeting has.
        let until = Instant::now() + Duration::from_secs(5);
        while presence(client).await != "Offline/Offline" && Instant::now() < until {
            tokio::task::yield_now().await;
        }
        assert_eq!(presence(client).await, "Offline/Offline");
    }
}

#[tokio::test]
async fn other_tenants_are_not_there() {
    let scene = Scene::start().await;
    let alice = Client { scene: &scene, token: signed_in(&scene, "alice", DIRECTORY_ALICE).await };
    let mallory = Client { scene: &scene, token: stranger(&scene).await };
    assert_eq!(mallory.get("/me").await["displayName"], "Mallory Miller");
    let listed = mallory.get("/users").await;
    assert_eq!(listed["@odata.count"], 1);
    assert_eq!(alice.get("/users").await["@odata.count"], 3);
    for name in [object_id(DIRECTORY_ALICE), "alice", &segment(DIRECTORY_ALICE)] {
        let refused = mallory.send("GET", &format!("/users/{name}"), None).await;
        refused.refused(404, "Request_ResourceNotFound");
        alice.get(&format!("/users/{name}")).await;
    }
    let chat = alice.post("/chats", &group(&[DIRECTORY_ALICE, DIRECTORY_BOB])).await;
    let chat = format!("/chats/{}", segment(chat["id"].as_str().unwrap()));
    for path in [chat.clone(), format!("{chat}/members"), format!("{chat}/messages")] {
        mallory.send("GET", &path, None).await.refused(404, "NotFound");
    }
    let join = mallory.send("POST", &format!("{chat}/members"), Some(&member(MALLORY))).await;
    join.refused(404, "NotFound");
    // Tenants that do not federate do not meet in a chat either, and a refused chat leaves nothing.
    let together = alice.send("POST", "/chats", Some(&group(&[DIRECTORY_ALICE, MALLORY]))).await;
    together.refused(403, "Forbidden");
    assert_eq!(alice.get("/chats").await["@odata.count"], 1);
    assert_eq!(mallory.get("/chats").await["value"], json!([]));
}

#[tokio::test]
async fn errors_are_those_of_graph() {
    let scene = Scene::start().await;
    let alice = Client { scene: &scene, token: signed_in(&scene, "alice", DIRECTORY_ALICE).await };
    assert_eq!(alice.get("/me").await["displayName"], "Alice Archer");
    let nobody = scene.call("GET", &format!("{GRAPH}/me")).header("client-request-id", "c-1");
    let nobody = nobody.send().await;
    let inner = &nobody.body["error"]["innerError"];
    assert_eq!(inner["client-request-id"], "c-1");
    assert_eq!(nobody.header("request-id"), inner["request-id"].as_str());
    assert_eq!(nobody.header("client-request-id"), Some("c-1"));
    nobody.refused(401, "InvalidAuthenticationToken");
    let (_, app_user) = scene.user(&Scope::ALL).await;
    let app_user = Client { scene: &scene, token: app_user };
    app_user.send("GET", "/me", None).await.refused(403, "Forbidden");
    for (verb, path, status, code) in [
        ("GET", "/users/nobody", 404, "Request_ResourceNotFound"),
        ("GET", "/chats/none", 404, "NotFound"),
        ("GET", "/nothing", 404, "NotFound"),
        ("PUT", "/me", 405, "MethodNotAllowed"),
        ("GET", "/chats?$top=0", 400, "BadRequest"),
        ("GET", "/chats?$top=51", 400, "BadRequest"),
        ("GET", "/chats?$skiptoken=x", 400, "BadRequest"),
        ("GET", "/chats?$filter=topic%20eq%20'x'", 400, "BadRequest"),
        ("GET", "/chats?$expand=everything", 400, "BadRequest"),
        ("GET", "/me/onlineMeetings", 400, "BadRequest"),
    ] {
        alice.send(verb, path, None).await.refused(status, code);
    }
    for (path, body) in [
        ("/chats", json!({"chatType": "crowd", "members": []})),
        ("/chats", json!({"chatType": "oneOnOne", "members": []})),
        ("/chats", group(&[])),
        ("/chats", group(&[DIRECTORY_BOB])),
        (
            "/chats",
            json!({"chatType": "oneOnOne", "members": [
                member(DIRECTORY_ALICE), member(DIRECTORY_ALICE),
            ]}),
        ),
        ("/chats", json!({"chatType": "group", "members": [{"roles": ["owner"]}]})),
        ("/chats", json!({"chatType": "group"})),
        ("/me/onlineMeetings", json!({"startDateTime": "2027-01-01T10:00:00Z"})),
        (
            "/me/onlineMeetings",
            json!({
                "startDateTime": "2027-01-01T11:00:00Z", "endDateTime": "2027-01-01T10:00:00Z",
            }),
        ),
        ("/me/onlineMeetings", json!({"allowedPresenters": "cats"})),
        ("/me/onlineMeetings", json!({"joinMeetingIdSettings": {"isPasscodeRequired": false}})),
        ("/me/onlineMeetings", json!({"participants": {"attendees": [{"role": "presenter"}]}})),
    ] {
        let refused = alice.send("POST", path, Some(&body)).await;
        assert_eq!(refused.status, 400, "{body}: {refused:?}");
        refused.refused(400, "BadRequest");
    }
    let other = format!("/users/{}/onlineMeetings", object_id(DIRECTORY_BOB));
    alice.send("POST", &other, Some(&json!({}))).await.refused(403, "Forbidden");
    let own = format!("/users/{}/onlineMeetings", object_id(DIRECTORY_ALICE));
    alice.post(&own, &json!({})).await;
}
