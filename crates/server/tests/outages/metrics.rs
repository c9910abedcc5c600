//! What `/metrics` says: the names of the documentation, and counts that follow what is done.

use std::{collections::BTreeSet, fs, path::Path};

use tokio_stream::StreamExt as _;
use trunkline_api::{
    calling::v1::calling_service_client::CallingServiceClient,
    identity::v1::identity_service_client::IdentityServiceClient,
    signaling::v1::signaling_service_client::SignalingServiceClient,
};
use trunkline_proto::{
    calling::v1::PlaceCallRequest,
    identity::v1::{IssueTokenRequest, TokenScope},
    signaling::v1::{ClientFrame, ConnectRequest, Hello, client_frame, server_frame},
};

use crate::chat::{User, authorized};
use crate::exchange::Exchange;

/// Returns the names in the first column of the table.
fn documented() -> BTreeSet<String> {
    let text = include_str!("../../../../docs/operating.md");
    let names = text.lines().filter_map(|line| line.strip_prefix("| `trunkline_"));
    names.map(|rest| format!("trunkline_{}", rest.split('`').next().unwrap())).collect()
}

/// Returns the names that the code of the exchange counts under.
fn in_the_code(directory: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            in_the_code(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            for (at, _) in text.match_indices("\"trunkline_") {
                let name = text[at + 1..].split('"').next().unwrap();
                let is_name = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
                found.extend(is_name.then(|| name.to_owned()));
            }
        }
    }
}

/// Returns what is said of a name, over all its labels.
fn value(scraped: &str, name: &str) -> Option<f64> {
    let values = scraped.lines().filter_map(|line| {
        let (found, value) = line.rsplit_once(' ')?;
        let is_own = found == name || found.starts_with(&format!("{name}{{"));
        is_own.then(|| value.parse::<f64>().unwrap())
    });
    values.reduce(|sum, value| sum + value)
}

#[test]
fn the_documentation_names_what_the_code_counts() {
    let mut found = BTreeSet::new();
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for name in ["cli", "node", "transport"] {
        in_the_code(&crates.join(name).join("src"), &mut found);
    }
    assert_eq!(found, documented());
}

#[tokio::test]
async fn what_is_done_is_counted_under_the_documented_names() {
    let directory = tempfile::tempdir().unwrap();
    let exchange = Exchange::start(directory.path()).await;
    let before = exchange.metrics();
    let user = User::create(&exchange).await;
    let thread = user.create_thread(&exchange, &[]).await;
    user.send(exchange.channel(), &thread, "Counted.", "1").await.unwrap();

    let mut identity = IdentityServiceClient::new(exchange.channel());
    let wanted = IssueTokenRequest {
        user: "alice".to_owned(),
        scopes: vec![TokenScope::Voip.into()],
        ..IssueTokenRequest::default()
    };
    let wanted = authorized(wanted, &format!("AccessKey {}", exchange.access_key()));
    let issued = identity.issue_token(wanted).await.unwrap().into_inner();
    let alice = issued.access_token.unwrap().token;
    let place = PlaceCallRequest { targets: vec!["bob".to_owned()], ..Default::default() };
    let place = authorized(place, &format!("Bearer {alice}"));
    CallingServiceClient::new(exchange.channel()).place_call(place).await.unwrap();

    let open = async |token: &str| {
        let hello = Hello { token: token.to_owned(), ..Hello::default() };
        let body = Some(client_frame::Body::Hello(hello));
        let frame = Some(ClientFrame { body, ..ClientFrame::default() });
        // What follows nothing keeps the stream open.
        let frames = tokio_stream::once(ConnectRequest { frame }).chain(tokio_stream::pending());
        let mut signaling = SignalingServiceClient::new(exchange.channel());
        let mut answers = signaling.connect(frames).await.unwrap().into_inner();
        let first = answers.message().await.unwrap().unwrap().frame.unwrap().body.unwrap();
        (first, answers)
    };
    let (first, _session) = open(&alice).await;
    assert!(matches!(first, server_frame::Body::Welcome(_)), "{first:?}");
    let (first, _refused) = open("a.b.c").await;
    assert!(matches!(first, server_frame::Body::SessionClosed(_)), "{first:?}");

    let scraped = exchange.metrics();
    let at_least_one = [
        "trunkline_calls_total",
        "trunkline_chat_threads",
        "trunkline_chat_threads_created_total",
        "trunkline_sessions",
        "trunkline_tokens_refused_total",
    ];
    for name in at_least_one {
        assert_eq!(value(&before, name).unwrap_or_default(), 0.0, "{name} before");
        assert!(value(&scraped, name).is_some_and(|value| value >= 1.0), "{name}:\n{scraped}");
    }
    // Nobody is there to be called, so that the call is over.
    let at_rest = ["trunkline_calls", "trunkline_media_legs", "trunkline_media_sent_packets_total"];
    for name in at_rest {
        assert!(value(&scraped, name).is_some(), "{name}:\n{scraped}");
    }
    assert!(scraped.contains("trunkline_tokens_refused_total{reason=\"token_invalid\"} 1"));
    let documented = documented();
    for line in scraped.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        assert!(documented.contains(name), "{name} is in no documentation");
    }
}
