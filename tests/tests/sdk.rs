//! The official Python and JavaScript SDKs, unmodified, drive every operation of identity, chat and rooms.

mod with_peers {
    use std::path::Path;
    use std::process::Command;
    use std::time::Duration;

    use serde::Deserialize;
    use trunkline_cli::{Exchange, ExchangeConfig};
    use trunkline_tests::{peers, process};

    /// A line that a script prints: a check, or the sum at the end.
    #[derive(Debug, Deserialize)]
    #[serde(untagged)]
    enum Line {
        Check { suite: String, check: String, ok: bool, found: Option<String> },
        Sum { done: bool, checks: usize, failed: usize, seconds: f64 },
    }

    async fn exchange() -> Exchange {
        let free = "127.0.0.1:0".parse().expect("an address");
        let config = ExchangeConfig {
            listen: free,
            admin_listen: free,
            http_listen: Some(free),
            data_directory: None,
            ..ExchangeConfig::dev()
        };
        Exchange::start(config).await.expect("the exchange starts")
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
}
