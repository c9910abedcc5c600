//! The issuer of a development exchange, as an app in a browser signs a person in with it.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use trunkline_node::Node;
use trunkline_web::router;

use crate::{config, node};

const HOST: &str = "localhost:8443";
const ISSUER: &str = "https://localhost:8443/adfs";
const BACK: &str = "https://localhost:8443/app/";
const ALICE: &str = "00000000-0000-4000-8000-00000000000a";
/// [RFC 7636, appendix B](https://www.rfc-editor.org/rfc/rfc7636#appendix-B).
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// The parameters of a request that is granted; `changes` replace them, and drop those without a value.
fn asked(changes: &[(&str, Option<&str>)]) -> String {
    let mut parameters = vec![
        ("response_type", "code"),
        ("client_id", "app"),
        ("redirect_uri", BACK),
        ("scope", "openid offline_access Teams.ManageCalls"),
        ("state", "s&1"),
        ("nonce", "n-1"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in changes {
        parameters.retain(|(known, _)| known != name);
        parameters.extend(value.map(|value| (*name, value)));
    }
    encoded(&parameters)
}

fn encoded(parameters: &[(&str, &str)]) -> String {
    let escape = |text: &str| -> String {
        text.bytes()
            .map(|byte| match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => char::from(byte).to_string(),
                _ => format!("%{byte:02X}"),
            })
            .collect()
    };
    let pairs: Vec<_> =
        parameters.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
    pairs.join("&")
}

/// Reads the parameters of an address that the issuer sends people to.
fn parameters(address: &str) -> Vec<(String, String)> {
    let url: axum::http::Uri = address.parse().unwrap();
    let unescape = |text: &str| {
        let mut bytes = Vec::new();
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            let digits = |rest: &mut std::str::Bytes<'_>| {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            };
            bytes.push(if byte == b'%' { digits(&mut rest) } else { byte });
        }
        String::from_utf8(bytes).unwrap()
    };
    let pairs = url.query().unwrap_or_default().split('&');
    pairs
        .filter_map(|pair| pair.split_once('='))
        .map(|(n, v)| (n.to_owned(), unescape(v)))
        .collect()
}

fn parameter(address: &str, name: &str) -> Option<String> {
    parameters(address).into_iter().find(|(found, _)| found == name).map(|(_, value)| value)
}

async fn get(node: &Node, path: &str, host: &str) -> (StatusCode, HeaderMap, String) {
    get_with(node, path, &[("host", host)]).await
}

async fn get_with(
    node: &Node,
    path: &str,
    headers: &[(&str, &str)],
) -> (StatusCode, HeaderMap, String) {
    let request = Request::get(path);
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let request = request.body(Body::empty()).unwrap();
    let response = router(config(), node.clone()).oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
}

async fn authorize(node: &Node, query: &str) -> (StatusCode, HeaderMap, String) {
    get(node, &format!("/adfs/oauth2/authorize?{query}"), HOST).await
}

/// Chooses somebody and returns the code.
async fn code(node: &Node, changes: &[(&str, Option<&str>)]) -> String {
    let changes: Vec<_> = changes.iter().copied().chain([("choice", Some("alice"))]).collect();
    let (status, headers, body) = authorize(node, &asked(&changes)).await;
    assert_eq!(status, StatusCode::FOUND, "{body}");
    parameter(headers["location"].to_str().unwrap(), "code").unwrap()
}

async fn token(
    node: &Node,
    form: &[(&str, &str)],
    headers: &[(&str, &str)],
) -> (StatusCode, Value) {
    let mut request = Request::post("/adfs/oauth2/token");
    let own = [("host", HOST), ("content-type", "application/x-www-form-urlencoded")];
    for (name, value) in own {
        if !headers.iter().any(|(given, _)| *given == name) {
            request = request.header(name, value);
        }
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(encoded(form))).unwrap();
    let response = router(config(), node.clone()).oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    (parts.status, serde_json::from_slice(&body).unwrap())
}

fn redemption(code: &str) -> [(&'static str, &str); 5] {
    [
        ("grant_type", "authorization_code"),
        ("client_id", "app"),
        ("code", code),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
    ]
}

fn claims(token: &Value) -> Value {
    use base64::Engine as _;
    let body = token.as_str().unwrap().split('.').nth(1).unwrap();
    let body = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(body).unwrap();
    serde_json::from_slice(&body).unwrap()
}

#[tokio::test]
async fn the_page_lists_the_directory_without_a_script_or_a_form() {
    let (node, _place) = node().await;
    let (status, headers, page) = authorize(&node, &asked(&[("client_id", Some("<b>&\"'"))])).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(headers["cache-control"], "no-store");
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("form-action 'none'") && policy.contains("frame-ancestors 'none'"));
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    for name in ["Alice Archer", "Bob Baker", "<code>&lt;b&gt;&amp;&quot;&#39;</code>"] {
        assert!(page.contains(name), "{name}: {page}");
    }
    for forbidden in ["<script", "<style", " style=", "<form", "<b>"] {
        assert!(!page.contains(forbidden), "{forbidden}: {page}");
    }
    node.shutdown().await;
}

#[tokio::test]
async fn whoever_follows_a_link_of_the_page_goes_back_with_an_answer() {
    let (node, _place) = node().await;
    let (_, _, page) = authorize(&node, &asked(&[])).await;
    let links = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let links: Vec<_> = links.map(|link| link.replace("&amp;", "&")).collect();
    let bob = links.iter().find(|link| link.contains("choice=bob")).unwrap();
    let (status, headers, _) = get(&node, &format!("/adfs/oauth2/authorize{bob}"), HOST).await;
    assert_eq!(
        (status, &headers["cache-control"]),
        (StatusCode::FOUND, &"no-store".parse().unwrap())
    );
    let back = headers["location"].to_str().unwrap();
    assert!(back.starts_with(&format!("{BACK}?code=")), "{back}");
    assert_eq!(parameter(back, "state").unwrap(), "s&1");
    assert_eq!(parameter(back, "iss").unwrap(), ISSUER);
    let decline = links.iter().find(|link| link.contains("access_denied")).unwrap();
    assert!(decline.starts_with(&format!("{BACK}?error=access_denied&state=")), "{decline}");
    let (status, _, page) = authorize(&node, &asked(&[("choice", Some("nobody"))])).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(page.contains("nobody of this name"), "{page}");
    node.shutdown().await;
}

#[tokio::test]
async fn the_links_of_the_page_have_what_was_read_and_nothing_else() {
    let (node, _place) = node().await;
    let query = format!("{}&choice=&unknown=%22x&scope_=y", asked(&[("scope", Some(""))]));
    let (status, _, page) = authorize(&node, &query).await;
    assert_eq!(status, StatusCode::OK);
    let link = page.split("href=\"").find(|rest| rest.contains("choice=alice")).unwrap();
    let link = link.split('"').next().unwrap().replace("&amp;", "&");
    let mut found = parameters(&format!("https://{HOST}/{link}"));
    found.sort();
    let names: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "choice",
            "client_id",
            "code_challenge",
            "code_challenge_method",
            "nonce",
            "redirect_uri",
            "response_type",
            "state",
        ]
    );
    let (status, headers, body) = get(&node, &format!("/adfs/oauth2/authorize{link}"), HOST).await;
    assert_eq!(status, StatusCode::FOUND, "{body}");
    let back = headers["location"].to_str().unwrap();
    assert_eq!(parameter(back, "state").unwrap(), "s&1");
    let (_, body) = token(&node, &redemption(&parameter(back, "code").unwrap()), &[]).await;
    assert!(body["access_token"].is_string(), "{body}");
    assert!(body.get("scope").is_none(), "nothing was asked for: {body}");
    node.shutdown().await;
}

#[tokio::test]
async fn a_page_of_elsewhere_does_not_choose_for_somebody() {
    let (node, _place) = node().await;
    let path = |choice| format!("/adfs/oauth2/authorize?{}", asked(&[("choice", choice)]));
    for (site, dest, status) in [
        (None, None, StatusCode::FOUND),
        (Some("none"), Some("document"), StatusCode::FOUND),
        (Some("same-origin"), Some("document"), StatusCode::FOUND),
        (Some("cross-site"), Some("document"), StatusCode::FORBIDDEN),
        (Some("cross-site"), None, StatusCode::FORBIDDEN),
        (Some("same-origin"), Some("empty"), StatusCode::FORBIDDEN),
        (Some("same-origin"), Some("iframe"), StatusCode::FORBIDDEN),
        (None, Some("image"), StatusCode::FORBIDDEN),
    ] {
        let mut headers = vec![("host", HOST)];
        headers.extend(site.map(|site| ("sec-fetch-site", site)));
        headers.extend(dest.map(|dest| ("sec-fetch-dest", dest)));
        let (found, answer, _) = get_with(&node, &path(Some("alice")), &headers).await;
        assert_eq!(found, status, "{headers:?}");
        assert_eq!(answer.contains_key("location"), status == StatusCode::FOUND, "{headers:?}");
        // The page itself is what an app of another site sends people to.
        let (found, _, _) = get_with(&node, &path(None), &headers).await;
        assert_eq!(found, StatusCode::OK, "{headers:?}");
    }
    node.shutdown().await;
}

#[tokio::test]
async fn an_answer_says_what_was_granted_and_who_it_is_where_that_was_asked() {
    let (node, _place) = node().await;
    let calls = "https://auth.msft.communication.azure.com/Teams.ManageCalls";
    let all = format!("openid profile offline_access User.Read {calls}");
    let without = format!("openid {calls}");
    for (scope, by_code, by_name) in [
        (all.as_str(), Some(format!("openid offline_access {calls}")), Some(without.clone())),
        (&without, Some(without.clone()), Some(without.clone())),
        (calls, Some(calls.to_owned()), Some(calls.to_owned())),
        ("profile User.Read", None, None),
    ] {
        let asks_who = scope.starts_with("openid");
        let code = code(&node, &[("scope", Some(scope))]).await;
        let (_, first) = token(&node, &redemption(&code), &[]).await;
        let form = [
            ("grant_type", "password"),
            ("client_id", "app"),
            ("username", "alice"),
            ("password", "any"),
            ("scope", scope),
        ];
        let (_, named) = token(&node, &form, &[]).await;
        let mut answers = vec![(first.clone(), by_code.clone()), (named, by_name)];
        if let Some(refresh) = first["refresh_token"].as_str() {
            let form =
                [("grant_type", "refresh_token"), ("client_id", "app"), ("refresh_token", refresh)];
            answers.push((token(&node, &form, &[]).await.1, by_code));
        }
        assert_eq!(answers.len(), if scope == all { 3 } else { 2 });
        for (answer, granted) in answers {
            assert_eq!(answer.get("scope").and_then(Value::as_str), granted.as_deref(), "{scope}");
            assert_eq!(answer.get("id_token").is_some(), asks_who, "{scope}");
        }
    }
    node.shutdown().await;
}

#[tokio::test]
async fn a_code_is_redeemed_for_tokens_that_an_app_accepts_and_the_exchange_takes() {
    let (node, _place) = node().await;
    let (_, _, document) = get(&node, "/adfs/.well-known/openid-configuration", HOST).await;
    let document: Value = serde_json::from_str(&document).unwrap();
    let (_, body) = token(&node, &redemption(&code(&node, &[]).await), &[]).await;
    let id = claims(&body["id_token"]);
    // OpenID Connect Discovery §4.3, OpenID Connect Core §3.1.3.7.
    assert_eq!((&document["issuer"], &id["iss"]), (&json!(ISSUER), &json!(ISSUER)));
    assert_eq!(
        (&id["aud"], &id["nonce"], &id["oid"]),
        (&json!("app"), &json!("n-1"), &json!(ALICE))
    );
    assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("Bearer"), &json!(3_600)));
    let access = claims(&body["access_token"]);
    assert_eq!((&access["iss"], &access["scp"]), (&json!(ISSUER), &json!("Teams.ManageCalls")));
    assert_eq!(access.get("nonce"), None);
    let given = trunkline_node::DirectoryToken {
        token: body["access_token"].as_str().unwrap(),
        issuer: Some(ISSUER),
        app_id: trunkline_node::AppId::Guid("app"),
        user_id: ALICE,
    };
    let (identity, now) = (node.identity(), node.clock().wall());
    identity.exchange_directory_token(identity.resource(), given, now).await.unwrap();
    node.shutdown().await;
}

#[tokio::test]
async fn the_issuer_goes_by_every_name_of_the_exchange() {
    let (node, _place) = node().await;
    for host in ["127.0.0.1:8443", "[::1]", "app.example.org"] {
        let (_, _, document) = get(&node, "/adfs/.well-known/openid-configuration", host).await;
        let document: Value = serde_json::from_str(&document).unwrap();
        let back = format!("https://{host}/app/");
        let query = asked(&[("redirect_uri", Some(&back)), ("choice", Some("alice"))]);
        let path = format!("/adfs/oauth2/authorize?{query}");
        let (_, headers, _) = get(&node, &path, host).await;
        let location = headers["location"].to_str().unwrap();
        assert_eq!(json!(parameter(location, "iss").unwrap()), document["issuer"]);
        let code = parameter(location, "code").unwrap();
        let mut form = redemption(&code);
        form[3].1 = &back;
        let (status, body) = token(&node, &form, &[("host", host)]).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        assert_eq!(claims(&body["id_token"])["iss"], document["issuer"]);
    }
    let (status, _, _) =
        get(&node, &format!("/adfs/oauth2/authorize?{}", asked(&[])), "x.example").await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    node.shutdown().await;
}

#[tokio::test]
async fn a_code_that_is_presented_wrongly_gets_nothing_and_is_lost() {
    let (node, _place) = node().await;
    let other = "x".repeat(43);
    for (place, value) in [
        (1, "another"),
        (3, "https://localhost:8443/app/?other"),
        (4, other.as_str()),
        (4, CHALLENGE),
        (4, "short"),
    ] {
        let code = code(&node, &[]).await;
        let mut form = redemption(&code);
        form[place].1 = value;
        for form in [form, redemption(&code)] {
            let (status, body) = token(&node, &form, &[]).await;
            assert_eq!(
                (status, &body["error"]),
                (StatusCode::BAD_REQUEST, &json!("invalid_grant"))
            );
        }
    }
    // Under another name of the exchange it is another issuer's.
    let given = code(&node, &[]).await;
    let (_, body) = token(&node, &redemption(&given), &[("host", "127.0.0.1:8443")]).await;
    assert_eq!(body["error"], "invalid_grant");
    // A page of elsewhere is refused before it can spoil the code.
    let given = code(&node, &[]).await;
    let foreign = [("origin", "https://evil.example")];
    assert_eq!(token(&node, &redemption(&given), &foreign).await.0, StatusCode::FORBIDDEN);
    let own = [("origin", "https://localhost:8443")];
    assert_eq!(token(&node, &redemption(&given), &own).await.0, StatusCode::OK);
    for place in 0..5 {
        let form = redemption("code");
        let form: Vec<_> = (0..5).filter(|at| *at != place).map(|at| form[at]).collect();
        assert_eq!(token(&node, &form, &[]).await.1["error"], "invalid_request", "without {place}");
    }
    node.shutdown().await;
}

#[tokio::test]
async fn a_code_is_good_once_and_for_a_minute() {
    let (node, _place) = node().await;
    let (used, late) = (code(&node, &[]).await, code(&node, &[]).await);
    let (status, body) = token(&node, &redemption(&used), &[]).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let (status, refused) = token(&node, &redemption(&used), &[]).await;
    assert_eq!((status, &refused["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_grant")));
    assert_eq!(refused["error_description"], "it was used before");
    // Somebody else has the code, so what came of it is not renewed.
    let refresh = body["refresh_token"].as_str().unwrap();
    let form = [("grant_type", "refresh_token"), ("client_id", "app"), ("refresh_token", refresh)];
    assert_eq!(token(&node, &form, &[]).await.1["error"], "invalid_grant");
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    tokio::time::resume();
    let (_, refused) = token(&node, &redemption(&late), &[]).await;
    assert_eq!(refused["error_description"], "its time is over");
    node.shutdown().await;
}

#[tokio::test]
async fn tokens_are_renewed_once_by_each_refresh_token() {
    let (node, _place) = node().await;
    let (_, first) = token(&node, &redemption(&code(&node, &[]).await), &[]).await;
    let refresh = async |of: &Value, client: &str| {
        let text = of["refresh_token"].as_str().unwrap();
        let form =
            [("grant_type", "refresh_token"), ("client_id", client), ("refresh_token", text)];
        token(&node, &form, &[]).await
    };
    assert_eq!(refresh(&first, "another").await.1["error"], "invalid_grant");
    let (status, second) = refresh(&first, "app").await;
    assert_eq!(status, StatusCode::OK, "{second}");
    assert_eq!(claims(&second["access_token"])["oid"], ALICE);
    assert_eq!(claims(&second["id_token"]).get("nonce"), None);
    assert_eq!(refresh(&first, "app").await.1["error"], "invalid_grant");
    assert_eq!(refresh(&second, "app").await.1["error"], "invalid_grant", "two have had it");
    // Nothing renews what nobody asked to renew, and nobody is named who was not asked for.
    let plain = code(&node, &[("scope", Some("Teams.ManageCalls"))]).await;
    let (_, body) = token(&node, &redemption(&plain), &[]).await;
    assert!(body["access_token"].is_string(), "{body}");
    assert_eq!((body.get("refresh_token"), body.get("id_token")), (None, None));
    node.shutdown().await;
}

#[tokio::test]
async fn a_request_that_is_not_certain_is_refused_on_the_page_and_goes_nowhere() {
    let (node, _place) = node().await;
    for changes in [
        [("redirect_uri", None)],
        [("redirect_uri", Some("https://evil.example/app/"))],
        [("redirect_uri", Some("https://localhost:9000/app/"))],
        [("redirect_uri", Some("http://localhost:8443/app/"))],
        [("redirect_uri", Some("https://localhost:8443/dev/token"))],
        [("redirect_uri", Some("https://localhost:8443/app/#x"))],
        [("redirect_uri", Some("https://localhost:8443/app/?code=mine"))],
        [("client_id", None)],
        [("client_id", Some(&*"c".repeat(129)))],
        [("state", Some(&*"s".repeat(4_096)))],
    ] {
        for choice in [None, Some("alice")] {
            let changes = [changes[0], ("choice", choice)];
            let (status, headers, _) = authorize(&node, &asked(&changes)).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{changes:?}");
            assert!(!headers.contains_key("location"), "{changes:?}");
        }
    }
    // What fits in the request is too long for the links of the page, which escape it.
    let slashes = format!("{}&state={}", asked(&[("state", None)]), "/".repeat(1_300));
    assert!(slashes.len() < 4_096);
    assert_eq!(authorize(&node, &slashes).await.0, StatusCode::BAD_REQUEST);
    let twice = format!("{}&redirect_uri=https%3A%2F%2Fevil.example%2F", asked(&[]));
    assert_eq!(authorize(&node, &twice).await.0, StatusCode::BAD_REQUEST);
    node.shutdown().await;
}

#[tokio::test]
async fn what_an_app_asks_wrongly_is_told_to_it() {
    let (node, _place) = node().await;
    for (changes, code) in [
        ([("code_challenge", None)], "invalid_request"),
        ([("code_challenge", Some("short"))], "invalid_request"),
        ([("code_challenge_method", None)], "invalid_request"),
        ([("code_challenge_method", Some("plain"))], "invalid_request"),
        ([("response_type", None)], "invalid_request"),
        ([("response_type", Some("token"))], "unsupported_response_type"),
        ([("response_type", Some("code id_token"))], "unsupported_response_type"),
        ([("response_mode", Some("fragment"))], "invalid_request"),
        ([("prompt", Some("none"))], "login_required"),
        ([("nonce", Some(&*"n".repeat(257)))], "invalid_request"),
        ([("request", Some("x.y.z"))], "request_not_supported"),
        ([("request_uri", Some("https://x.example/"))], "request_uri_not_supported"),
    ] {
        let changes = [changes[0], ("choice", Some("alice"))];
        let (status, headers, _) = authorize(&node, &asked(&changes)).await;
        assert_eq!(status, StatusCode::FOUND, "{changes:?}");
        let back = headers["location"].to_str().unwrap();
        assert!(back.starts_with(&format!("{BACK}?error={code}&")), "{changes:?}: {back}");
        assert_eq!(parameter(back, "state").unwrap(), "s&1");
        assert_eq!(parameter(back, "iss").unwrap(), ISSUER);
        assert_eq!(parameter(back, "code"), None);
    }
    node.shutdown().await;
}
