//! Guests: who gets a token by a meeting's link or code, and what that is good for.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use trunkline_chat::{CreateThread, Metadata, RetentionPolicy};
use trunkline_clock::Timestamp;
use trunkline_ids::CommunicationIdentifier;
use trunkline_interop::{MeetingSettings, Schedule};
use trunkline_node::{
    ChatActor, Controller, CreateMeeting, MeetingActor, Node, TokenClaims, TokenRequest,
};
use trunkline_policy::{FederationConfig, Scope};
use trunkline_proto::calling::v1::{CallKind, CallState, JoinCallRequest, PlaceCallRequest};
use trunkline_proto::meetings::v1::{
    JoinLink, Meeting, MeetingAction, MeetingLocator, Nothing, meeting_action, meeting_locator,
};
use trunkline_web::{SignInConfig, SignInRate, WebConfig, router};

use crate::{config, node};

const HOST: &str = "localhost:8443";

/// As people run an exchange, where guests come.
fn open(per_minute: u32) -> WebConfig {
    let guests = SignInRate { limit: per_minute, window: Duration::from_secs(60) };
    let sign_in = SignInConfig { guests: Some(guests), ..SignInConfig::default() };
    WebConfig { dev_endpoints: false, sign_in, ..config() }
}

fn meeting_of(organizer: CommunicationIdentifier) -> CreateMeeting {
    CreateMeeting {
        organizer,
        subject: None,
        schedule: Schedule::MeetNow,
        settings: MeetingSettings::default(),
        roles: BTreeMap::new(),
        invited: BTreeSet::new(),
        is_channel: false,
    }
}

async fn meeting(node: &Node) -> Meeting {
    let request = meeting_of(node.identity().resolve_target("alice").unwrap());
    node.meetings().create(&MeetingActor::Application, request).await.unwrap()
}

fn by_link(meeting: &Meeting) -> Value {
    json!({"displayName": "Zoe", "meetingLink": meeting.join_link})
}

fn by_code(meeting: &Meeting) -> Value {
    let code = meeting.code.as_ref().unwrap();
    json!({"displayName": "Zoe", "meetingId": code.meeting_id, "passcode": code.passcode})
}

/// A passcode that is not the meeting's.
fn wrong(meeting: &Meeting) -> Value {
    let mut body = by_code(meeting);
    let passcode = body["passcode"].as_str().unwrap();
    let first = if passcode.starts_with('a') { 'b' } else { 'a' };
    body["passcode"] = format!("{first}{}", &passcode[1..]).into();
    body
}

struct Door {
    router: axum::Router,
}

impl Door {
    fn new(config: WebConfig, node: &Node) -> Self {
        Self { router: router(config, node.clone()) }
    }

    async fn knock(&self, last: u8, body: &Value) -> (StatusCode, HeaderMap, Value) {
        let mut request = Request::post("/sign-in/guest")
            .header("host", HOST)
            .header("origin", format!("https://{HOST}"))
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        let peer = SocketAddr::from((Ipv4Addr::new(192, 0, 2, last), 50_000));
        request.extensions_mut().insert(ConnectInfo(peer));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        (parts.status, parts.headers, serde_json::from_slice(&body).unwrap())
    }

    async fn let_in(&self, body: &Value) -> Value {
        let (status, headers, answer) = self.knock(1, body).await;
        assert_eq!(
            (status, &headers["cache-control"]),
            (StatusCode::OK, &"no-store".parse().unwrap())
        );
        answer
    }

    async fn refusal(&self, body: &Value) -> (u16, String) {
        let (status, _, answer) = self.knock(1, body).await;
        (status.as_u16(), answer["error"]["code"].as_str().unwrap_or_default().to_owned())
    }
}

async fn claims(node: &Node, answer: &Value) -> TokenClaims {
    let token = answer["token"].as_str().unwrap();
    node.identity().verify(token, node.clock().wall()).await.unwrap()
}

async fn controller(node: &Node, answer: &Value) -> Controller {
    node.controller(claims(node, answer).await)
}

fn join(meeting: &Meeting) -> JoinCallRequest {
    let kind = Some(meeting_locator::Kind::Link(JoinLink { join_link: meeting.join_link.clone() }));
    JoinCallRequest { meeting: Some(MeetingLocator { kind }), ..JoinCallRequest::default() }
}

async fn act(node: &Node, meeting: &Meeting, kind: meeting_action::Kind) {
    let action = MeetingAction { kind: Some(kind) };
    let id = &meeting.meeting_id;
    node.meetings().act(&MeetingActor::Application, id, "", action).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_gets_a_token_by_link_or_by_code_and_waits_in_the_lobby() {
    let (node, _place) = node().await;
    let meeting = meeting(&node).await;
    let door = Door::new(open(10), &node);
    let mut seen = BTreeSet::new();
    for body in [by_link(&meeting), by_code(&meeting)] {
        let answer = door.let_in(&body).await;
        assert_eq!((&answer["displayName"], &answer["alias"]), (&json!("Zoe"), &json!("")));
        let claims = claims(&node, &answer).await;
        assert_eq!(answer["identifier"]["rawId"], claims.identifier.to_string());
        assert_eq!(claims.scopes, BTreeSet::from([Scope::ChatJoinLimited, Scope::VoipJoin]));
        let life = claims.expires_on.saturating_duration_since(node.clock().wall());
        assert!((3_500..=3_600).contains(&life.as_secs()), "{life:?}");
        assert!(seen.insert(claims.identifier.clone()), "each is somebody new");

        let (call, own) = node.controller(claims).join(join(&meeting)).await.unwrap();
        assert_eq!((call.kind(), call.participants.len()), (CallKind::Meeting, 1));
        assert_eq!(call.participants[0].participant_id, own);
        assert_eq!(call.participants[0].call_state(), CallState::InLobby);
    }
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_begun_with_the_token_of_a_guest() {
    let (node, _place) = node().await;
    let meeting = meeting(&node).await;
    let answer = Door::new(open(10), &node).let_in(&by_link(&meeting)).await;
    let guest = controller(&node, &answer).await;
    let place = PlaceCallRequest { targets: vec!["alice".to_owned()], ..Default::default() };
    assert_eq!(guest.place(place).await.unwrap_err().code(), "denied_by_policy");
    // Whoever joins a group that nobody is in begins its call.
    let group = JoinCallRequest {
        group_id: "7b0f5f0e-5a3c-4b58-9a43-1f4a5c3a9b10".to_owned(),
        ..JoinCallRequest::default()
    };
    assert_eq!(guest.join(group.clone()).await.unwrap_err().code(), "denied_by_policy");
    let room = JoinCallRequest { room_id: "99199690362660524".to_owned(), ..Default::default() };
    assert_eq!(guest.join(room).await.unwrap_err().code(), "denied_by_policy");

    let claims = claims(&node, &answer).await;
    let request = meeting_of(claims.identifier.clone());
    let by_guest = MeetingActor::User(claims.clone());
    let refused = node.meetings().create(&by_guest, request).await.unwrap_err();
    assert_eq!(refused.code(), "denied_by_policy");
    let thread = CreateThread {
        topic: "Mine".to_owned(),
        members: Vec::new(),
        metadata: Metadata::new(),
        retention: RetentionPolicy::None,
    };
    let actor = ChatActor::new(claims.identifier, claims.scopes);
    node.chat().create_thread(&actor, thread, None).await.unwrap_err();

    // Of an app user with the right to join, a group is no secret.
    let (identity, now) = (node.identity(), node.clock().wall());
    let user = identity.create_user(identity.resource(), now).await.unwrap().identifier;
    let (name, scopes) = (user.to_string(), BTreeSet::from([Scope::VoipJoin]));
    let request = TokenRequest { scopes: &scopes, life: None };
    let issued = identity.issue_token(identity.resource(), &name, request, now);
    let token = issued.await.unwrap().1.token;
    controller(&node, &json!({ "token": token })).await.join(group).await.unwrap();
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_keeps_a_guest_out_the_answer_is_one() {
    let (node, _place) = node().await;
    let (open_meeting, locked, ended) =
        (meeting(&node).await, meeting(&node).await, meeting(&node).await);
    act(&node, &locked, meeting_action::Kind::Lock(Nothing {})).await;
    act(&node, &ended, meeting_action::Kind::End(Nothing {})).await;
    let door = Door::new(open(100), &node);
    let elsewhere = {
        let mut other = open_meeting.clone();
        other.join_link = other.join_link.replacen("acsV1_", "acsV1_0", 1);
        other
    };
    assert_ne!(elsewhere.join_link, open_meeting.join_link);
    let mut answers = BTreeSet::new();
    for (last, body) in [
        by_link(&locked),
        by_code(&locked),
        by_link(&ended),
        by_code(&ended),
        by_link(&elsewhere),
        wrong(&open_meeting),
        json!({"displayName": "Zoe", "meetingId": "111111111111", "passcode": "aaaaaa"}),
        json!({"displayName": "Zoe", "meetingId": "1", "passcode": "aaaaaa"}),
        json!({"displayName": "Zoe", "meetingLink": "https://elsewhere.example/"}),
        json!({"displayName": "Zoe"}),
    ]
    .iter()
    .enumerate()
    {
        let (status, _, answer) = door.knock(last as u8, body).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{body}");
        answers.insert(answer.to_string());
    }
    // Nor is there another where a tenant takes no guests of the resource.
    let tenant = node.identity().tenant();
    let federation = FederationConfig {
        require_acs_federation_for_meeting: true,
        ..FederationConfig::default()
    };
    node.admin().set_federation(tenant, federation.clone()).await.unwrap();
    answers.insert(door.knock(20, &by_link(&open_meeting)).await.2.to_string());
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(answers.first().unwrap().contains("meeting_not_found"), "{answers:?}");
    // With the switch that the policy names, it does.
    let federation = FederationConfig { enable_acs_users: true, ..federation };
    node.admin().set_federation(tenant, federation).await.unwrap();
    door.let_in(&by_link(&open_meeting)).await;
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_guesses_waits_as_those_do_who_join_by_passcode() {
    let (node, _place) = node().await;
    let meeting = meeting(&node).await;
    let door = Door::new(open(100), &node);
    for _ in 0..5 {
        let refused = door.refusal(&wrong(&meeting)).await;
        assert_eq!(refused, (404, "meeting_not_found".to_owned()));
    }
    // The right passcode is not looked at then.
    let (status, headers, answer) = door.knock(1, &by_code(&meeting)).await;
    assert_eq!(
        (status, &answer["error"]["code"]),
        (StatusCode::TOO_MANY_REQUESTS, &json!("too_many_requests"))
    );
    let after: u64 = headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((500..=600).contains(&after), "{after}");
    assert_eq!(door.knock(1, &by_link(&meeting)).await.0, StatusCode::OK, "links are not guessed");
    assert_eq!(door.knock(2, &by_code(&meeting)).await.0, StatusCode::OK, "another address");
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_sends_so_many_guests_a_minute() {
    let (node, _place) = node().await;
    let meeting = meeting(&node).await;
    let door = Door::new(open(2), &node);
    door.let_in(&by_link(&meeting)).await;
    door.let_in(&by_link(&meeting)).await;
    let (status, headers, _) = door.knock(1, &by_link(&meeting)).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    let after: u64 = headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=30).contains(&after), "{after}");
    assert_eq!(door.knock(2, &by_link(&meeting)).await.0, StatusCode::OK);
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_with_a_token_stays_who_it_is_and_nobody_else_does() {
    let (node, _place) = node().await;
    let meeting = meeting(&node).await;
    let door = Door::new(open(100), &node);
    let first = door.let_in(&by_link(&meeting)).await;
    let with = |token: &Value| {
        let mut body = by_link(&meeting);
        body["token"] = token.clone();
        body
    };
    let again = door.let_in(&with(&first["token"])).await;
    assert_eq!(again["identifier"], first["identifier"]);
    // Also where the door is shut meanwhile, for whoever is inside.
    controller(&node, &first).await.join(join(&meeting)).await.unwrap();
    act(&node, &meeting, meeting_action::Kind::Lock(Nothing {})).await;
    let again = door.let_in(&with(&again["token"])).await;
    assert_eq!(again["identifier"], first["identifier"]);
    assert_eq!(door.refusal(&by_link(&meeting)).await.0, 404);

    let identity = node.identity();
    let voip = BTreeSet::from([Scope::VoipJoin]);
    let issue = async |user: &str, at: Timestamp| {
        let request = TokenRequest { scopes: &voip, life: None };
        let issued = identity.issue_token(identity.resource(), user, request, at);
        Value::from(issued.await.unwrap().1.token)
    };
    let now = node.clock().wall();
    let guest = first["identifier"]["rawId"].as_str().unwrap();
    let days_ago = Timestamp::from_unix_seconds(now.as_unix_seconds() - 2 * 86_400);
    let user = identity.create_user(identity.resource(), now).await.unwrap().identifier;
    for (token, code) in [
        (issue("alice", now).await, "token_invalid"),
        (issue(&user.to_string(), now).await, "token_invalid"),
        (issue(guest, days_ago).await, "token_expired"),
        (json!("a.b.c"), "token_invalid"),
    ] {
        assert_eq!(door.refusal(&with(&token)).await, (401, code.to_owned()));
    }
    node.shutdown().await;
}

#[tokio::test]
async fn nobody_is_a_guest_where_the_exchange_does_not_say_so() {
    let (node, _place) = node().await;
    let meeting = meeting(&node).await;
    let issuers = async |config: WebConfig| {
        let request = Request::get("/sign-in/issuers").header("host", HOST);
        let request = request.body(Body::empty()).unwrap();
        let response = router(config, node.clone()).oneshot(request).await.unwrap();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        serde_json::from_slice::<Value>(&body).unwrap()
    };
    for (config, guests) in [(config(), false), (open(1), true)] {
        assert_eq!(issuers(config).await["guests"], guests);
    }
    let door = Door::new(config(), &node);
    assert_eq!(door.refusal(&by_link(&meeting)).await, (404, "no_guests".to_owned()));
    // What is no request is one's own mistake, and is told.
    let door = Door::new(open(100), &node);
    for body in [json!([]), json!({}), json!({"displayName": ""}), json!({"displayName": 7})] {
        assert_eq!(door.refusal(&body).await, (400, "invalid_request".to_owned()), "{body}");
    }
    node.shutdown().await;
}
