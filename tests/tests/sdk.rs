//! The official Python and JavaScript SDKs, unmodified, drive every operation of identity, chat and rooms,
//! and listen to chat through networks and exchanges that fail; the client of Microsoft Graph makes chats
//! and meetings.

mod with_peers {
    use std::collections::BTreeSet;
    use std::path::Path;
    use std::process::{Command, Output};
    use std::time::Duration;

    use serde::Deserialize;
    use tokio::runtime::Handle;
    use tokio::time::timeout;
    use trunkline_call::CallState;
    use trunkline_cli::{Exchange, ExchangeConfig};
    use trunkline_client::{
        AudioSink, AudioSource, Call, CallClient, CallClientOptions, MediaOptions, TeamsCallAgent,
        TokenCredential, TrustRoots,
    };
    use trunkline_clock::Timestamp;
    use trunkline_ids::{JoinCode, MeetingLocator};
    use trunkline_node::TokenRequest;
    use trunkline_policy::Scope;
    use trunkline_reasons::EndReason;
    use trunkline_signaling::codec::Encoding;
    use trunkline_tests::{peers, process};

    /// A line that a script prints: a check, the sum at the end, or what else there is to say.
    #[derive(Debug, Deserialize)]
    #[serde(untagged)]
    enum Line {
        Check { suite: String, check: String, ok: bool, found: Option<String> },
        Sum { done: bool, checks: usize, failed: usize, seconds: f64 },
        Ask { ask: String },
        Other(serde_json::Value),
    }

    async fn exchange() -> Exchange {
        start(config()).await
    }

    async fn start(config: ExchangeConfig) -> Exchange {
        Exchange::start(config).await.expect("the exchange starts")
    }

    fn config() -> ExchangeConfig {
        let free = "127.0.0.1:0".parse().expect("an address");
        ExchangeConfig {
            listen: free,
            admin_listen: free,
            http_listen: Some(free),
            data_directory: None,
            ..ExchangeConfig::dev()
        }
    }

    /// Tells a script where the exchange is, and which authority to trust: by the environment alone.
    fn introduce(script: &mut Command, exchange: &Exchange) {
        let (ca, _) = exchange.ca().expect("a development exchange has an authority");
        let http = exchange.http_address().expect("an HTTP port");
        script
            .env("TRUNKLINE_ENDPOINT", exchange.url())
            .env("TRUNKLINE_HTTP_ENDPOINT", format!("http://{http}"))
            .env("TRUNKLINE_ACCESS_KEY", &exchange.config().access_keys[0])
            .env("REQUESTS_CA_BUNDLE", ca)
            .env("SSL_CERT_FILE", ca)
            .env("NODE_EXTRA_CA_CERTS", ca)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env_remove("NODE_TLS_REJECT_UNAUTHORIZED");
    }

    /// Runs a script and checks that each of its checks is good, and how many there were.
    async fn run(mut script: Command, suites: &[&str]) {
        let exchange = exchange().await;
        introduce(&mut script, &exchange);
        let output = tokio::task::spawn_blocking(move || {
            process::output_within(script, Duration::from_secs(300))
        })
        .await
        .expect("the script's thread")
        .expect("the script runs and ends in time");
        exchange.shutdown().await.expect("the exchange stops");
        judge(&output, suites);
    }

    /// Checks what a script printed.
    fn judge(output: &Output, suites: &[&str]) {
        let printed = String::from_utf8_lossy(&output.stdout);
        let complaint = String::from_utf8_lossy(&output.stderr);
        let mut seen: Vec<(String, usize)> = Vec::new();
        let (mut bad, mut sum) = (Vec::new(), None);
        for line in printed.lines() {
            match serde_json::from_str(line).expect("a line of JSON") {
                Line::Check { suite, check, ok, found } => {
                    match seen.iter_mut().find(|(name, _)| *name == suite) {
                        Some((_, count)) => *count += 1,
                        None => seen.push((suite.clone(), 1)),
                    }
                    if !ok {
                        bad.push((suite, check, found));
                    }
                }
                Line::Sum { done, checks, failed, seconds } => {
                    sum = Some((done, checks, failed));
                    println!("{checks} checks in {seconds} s");
                }
                Line::Ask { .. } => {}
                Line::Other(event) if event.get("event").is_some() => {}
                Line::Other(figures) => println!("{figures}"),
            }
        }
        for (suite, count) in &seen {
            println!("{suite}: {count} checks");
        }
        assert!(bad.is_empty(), "{bad:#?}\n{complaint}");
        let checks = seen.iter().map(|(_, count)| count).sum();
        assert_eq!(sum, Some((true, checks, 0)), "{complaint}");
        let names: Vec<&str> = seen.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, suites);
        assert!(output.status.success(), "{complaint}");
    }

    /// Runs suites of the script that listens, on a directory that outlives the exchange, and does what
    /// it asks for: `restart`, or `token <seconds> <user>`.
    async fn listen(suites: &[&str]) {
        let directory = tempfile::tempdir().expect("a directory");
        let data_directory = Some(directory.path().to_owned());
        let exchange = start(ExchangeConfig { data_directory, ..config() }).await;
        let mut script = Command::new(peers::node().expect("Node.js"));
        let packages = peers::sdk_js_dir().expect("the SDKs for JavaScript");
        script
            .args(["--experimental-websocket", "-C", "browser"])
            .arg(self::script("realtime/realtime.mjs"))
            .args(suites)
            .env("TRUNKLINE_SDK_JS", packages);
        introduce(&mut script, &exchange);
        let runtime = Handle::current();
        let (output, exchange) = tokio::task::spawn_blocking(move || {
            let mut exchange = Some(exchange);
            let output = process::converse_within(script, Duration::from_secs(400), |line| {
                let Ok(Line::Ask { ask }) = serde_json::from_str(line) else {
                    return None;
                };
                Some(runtime.block_on(answer(&mut exchange, &ask)))
            });
            (output, exchange)
        })
        .await
        .expect("the script's thread");
        judge(&output.expect("the script runs and ends in time"), suites);
        let exchange = exchange.expect("the exchange runs");
        exchange.shutdown().await.expect("the exchange stops");
    }

    async fn answer(exchange: &mut Option<Exchange>, ask: &str) -> String {
        let running = exchange.take().expect("the exchange runs");
        let words: Vec<&str> = ask.split(' ').collect();
        match *words.as_slice() {
            ["restart"] => {
                let config = ExchangeConfig {
                    listen: running.address(),
                    http_listen: running.http_address(),
                    ..running.config().clone()
                };
                running.shutdown().await.expect("the exchange stops");
                *exchange = Some(start(config).await);
                "done".to_owned()
            }
            ["token", seconds, user] => {
                let left = seconds.parse().expect("seconds");
                let token = short_token(&running, user, left).await;
                *exchange = Some(running);
                token
            }
            _ => panic!("asked for {ask}"),
        }
    }

    /// Issues a token that is good for some seconds more: one of an hour that is nearly over.
    async fn short_token(exchange: &Exchange, user: &str, seconds: i64) -> String {
        let identity = exchange.node().identity();
        let now = exchange.node().clock().wall().as_unix_seconds();
        let issued_on = Timestamp::from_unix_seconds(now - 3_600 + seconds);
        let scopes = BTreeSet::from([Scope::Chat]);
        let request = TokenRequest { scopes: &scopes, life: Some(Duration::from_secs(3_600)) };
        let issued = identity.issue_token(identity.resource(), user, request, issued_on).await;
        let (_, token) = issued.expect("a token");
        token.token
    }

    fn script(path: &str) -> std::path::PathBuf {
        peers::workspace_root().join("tests/sdk").join(path)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn python_finds_every_operation_as_documented() {
        let mut python = Command::new(peers::sdk_python().expect("Python with the SDKs"));
        python.arg(script("python/run.py"));
        let suites = [
            "python-sync/identity",
            "python-sync/chat",
            "python-sync/rooms",
            "python-sync/numbers",
            "python-async/identity",
            "python-async/chat",
            "python-async/rooms",
            "python-async/numbers",
        ];
        run(python, &suites).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn javascript_finds_every_operation_as_documented() {
        let mut node = Command::new(peers::node().expect("Node.js"));
        let packages = peers::sdk_js_dir().expect("the SDKs for JavaScript");
        node.arg(script("js/run.mjs")).env("TRUNKLINE_SDK_JS", Path::new(&packages));
        run(node, &["js/identity", "js/chat", "js/rooms", "js/numbers"]).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_page_hears_every_kind_of_event_on_each_of_its_endpoints() {
        listen(&["kinds", "copies", "stop"]).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_network_that_breaks_takes_nothing_from_a_page_and_repeats_nothing() {
        listen(&["cut", "tear", "swallow", "offline"]).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn restarts_of_the_exchange_and_of_tokens_take_nothing_from_a_page() {
        listen(&["restart", "expiry"]).await;
    }

    /// Alice and Bob with their calling clients.
    struct Attendants {
        agents: Vec<TeamsCallAgent>,
        calls: Vec<Call>,
    }

    impl Attendants {
        /// Does what the script of Graph asks for: `guess <id> <passcode>`, `join <id> <passcode>`, `leave`
        /// or `dispose`.
        async fn answer(&mut self, exchange: &Exchange, ask: &str) -> String {
            let words: Vec<&str> = ask.split(' ').collect();
            match *words.as_slice() {
                ["guess", id, passcode] => {
                    let wrong = if passcode == "AAAAAA" { "BBBBBB" } else { "AAAAAA" };
                    let agent = calling(exchange, "alice").await;
                    let call = agent.join(locator(id, wrong), None).expect("a call");
                    let end = timeout(STEP_LIMIT, call.ended()).await.expect("an end in time");
                    let end = end.expect("a reason");
                    agent.dispose().await;
                    let refused = EndReason::JOIN_CODE_REFUSED;
                    let sub_code = i32::try_from(refused.sub_code()).expect("a small number");
                    let expected = (i32::from(refused.code()), sub_code);
                    assert_eq!((end.code, end.sub_code), expected);
                    "refused".to_owned()
                }
                ["join", id, passcode] => {
                    for alias in ["alice", "bob"] {
                        let agent = calling(exchange, alias).await;
                        let silent = MediaOptions::audio(AudioSource::silence(), AudioSink::none());
                        let call = agent.join(locator(id, passcode), Some(silent)).expect("a call");
                        let connected =
                            timeout(STEP_LIMIT, call.reached(CallState::Connected)).await;
                        connected.expect("connected in time").expect("let in");
                        self.agents.push(agent);
                        self.calls.push(call);
                    }
                    let states: Vec<_> =
                        self.calls.iter().map(|call| call.state().as_str()).collect();
                    states.join(" ")
                }
                ["leave"] => {
                    for call in self.calls.drain(..) {
                        call.hang_up().await.expect("hung up");
                        timeout(STEP_LIMIT, call.ended()).await.expect("an end in time");
                    }
                    "done".to_owned()
                }
                ["dispose"] => {
                    for agent in self.agents.drain(..) {
                        agent.dispose().await;
                    }
                    let node = exchange.node();
                    let gone = async {
                        while node.status().sessions > 0 {
                            tokio::time::sleep(Duration::from_millis(10)).await;
                        }
                    };
                    timeout(STEP_LIMIT, gone).await.expect("the sessions end in time");
                    "done".to_owned()
                }
                _ => panic!("asked for {ask}"),
            }
        }
    }

    fn locator(id: &str, passcode: &str) -> MeetingLocator {
        let (id, passcode) = (id.parse().expect("twelve digits"), passcode.parse());
        MeetingLocator::Code(JoinCode { id, passcode: passcode.expect("six characters") })
    }

    /// Makes the calling client of a directory user.
    async fn calling(exchange: &Exchange, alias: &str) -> TeamsCallAgent {
        let (_, ca) = exchange.ca().expect("a development exchange has an authority");
        let client = CallClient::new(CallClientOptions {
            endpoint: exchange.url(),
            trust: TrustRoots::Pem(ca.as_bytes().to_vec()),
            encoding: Encoding::Proto,
            user_agent: "test".to_owned(),
        });
        let identity = exchange.node().identity();
        let scopes = BTreeSet::from([Scope::Voip]);
        let request = TokenRequest { scopes: &scopes, life: None };
        let now = exchange.node().clock().wall();
        let issued = identity.issue_token(identity.resource(), alias, request, now).await;
        let credential = TokenCredential::fixed(issued.expect("a token").1.token);
        let agent = client.expect("a client").create_teams_call_agent(credential).await;
        agent.expect("a session")
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_call_joins_what_the_client_of_graph_has_made() {
        let exchange = exchange().await;
        let mut script = Command::new(peers::node().expect("Node.js"));
        let packages = peers::sdk_js_dir().expect("the SDKs for JavaScript");
        script.arg(self::script("graph/run.mjs")).env("TRUNKLINE_SDK_JS", packages);
        introduce(&mut script, &exchange);
        let runtime = Handle::current();
        let (output, exchange) = tokio::task::spawn_blocking(move || {
            let mut attendants = Attendants { agents: Vec::new(), calls: Vec::new() };
            let output = process::converse_within(script, Duration::from_secs(150), |line| {
                let Ok(Line::Ask { ask }) = serde_json::from_str(line) else {
                    return None;
                };
                Some(runtime.block_on(attendants.answer(&exchange, &ask)))
            });
            (output, exchange)
        })
        .await
        .expect("the script's thread");
        judge(&output.expect("the script runs and ends in time"), &["js/graph"]);
        exchange.shutdown().await.expect("the exchange stops");
    }

    /// What takes longer has failed.
    const STEP_LIMIT: Duration = Duration::from_secs(20);
}
