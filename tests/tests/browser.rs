//! Real browsers in calls and chats: what the pages hear, see and say.

mod with_peers {
    use std::collections::{BTreeMap, BTreeSet};
    use std::env;
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::process::Command;
    use std::time::Duration;

    use serde::Deserialize;
    use tokio::sync::mpsc;
    use trunkline_cli::{Exchange, ExchangeConfig};
    use trunkline_client::{
        AudioSink, AudioSource, CallClient, CallClientOptions, EncodedVideoFrame, MediaOptions,
        ReceivedVideoFrame, TeamsCallAgent, TokenCredential, TrustRoots, VideoSink, VideoSource,
    };
    use trunkline_node::TokenRequest;
    use trunkline_policy::{FederationConfig, Scope};
    use trunkline_proto::admin::v1::MediaLegState;
    use trunkline_proto::calling::v1::StreamKind;
    use trunkline_signaling::codec::Encoding;
    use trunkline_tests::peers;

    /// What a browser script writes when it is done.
    #[derive(Debug, Deserialize)]
    struct Report {
        steps: Vec<Step>,
        figures: BTreeMap<String, serde_json::Value>,
        troubles: Vec<String>,
        failure: Option<String>,
    }

    #[derive(Debug, Deserialize)]
    struct Step {
        name: String,
        ok: bool,
        found: serde_json::Value,
    }

    impl Report {
        /// Panics with everything the script found unless it did all of its steps.
        fn expect_steps(&self, count: usize) {
            assert_eq!(self.failure, None, "{self:#?}");
            assert!(self.steps.iter().all(|step| step.ok), "{self:#?}");
            assert_eq!(self.steps.len(), count, "{self:#?}");
            assert!(self.troubles.is_empty(), "{self:#?}");
        }

        fn found(&self, name: &str) -> &serde_json::Value {
            let step = self.steps.iter().find(|step| step.name == name);
            &step.unwrap_or_else(|| panic!("no step `{name}` in {self:#?}")).found
        }

        fn figure(&self, name: &str) -> f64 {
            let figure = self.figures.get(name).and_then(serde_json::Value::as_f64);
            figure.unwrap_or_else(|| panic!("no figure `{name}` in {self:#?}"))
        }
    }

    async fn exchange() -> Exchange {
        exchange_with(ExchangeConfig::dev()).await
    }

    async fn exchange_with(config: ExchangeConfig) -> Exchange {
        let free = "127.0.0.1:0".parse().expect("an address");
        let config =
            ExchangeConfig { listen: free, admin_listen: free, data_directory: None, ..config };
        Exchange::start(config).await.expect("the exchange starts")
    }

    /// Runs a script of `tests/browser` against an exchange and reads its report.
    async fn run_script(exchange: &Exchange, script: &str) -> (Report, PathBuf) {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(script);
        let pictures = folder.join("pictures");
        let report = folder.join("report.json");
        fs::create_dir_all(&pictures).expect("a folder for pictures");
        let _ = fs::remove_file(&report);
        let mut command = Command::new(peers::node().expect("Node.js"));
        command
            .arg(peers::workspace_root().join("tests/browser").join(format!("{script}.mjs")))
            .env("TRUNKLINE_ORIGIN", exchange.url())
            .env("TRUNKLINE_CHROMIUM", peers::chromium().expect("Chromium"))
            .env("TRUNKLINE_PLAYWRIGHT", peers::playwright_dir().expect("playwright-core"))
            .env("TRUNKLINE_ACCESS_KEY", &exchange.config().access_keys[0])
            .env("TRUNKLINE_REPORT", &report)
            .env("TRUNKLINE_PICTURES", &pictures);
        let output = tokio::task::spawn_blocking(move || {
            trunkline_tests::process::output_within(command, Duration::from_secs(240))
        })
        .await
        .expect("the script's thread")
        .expect("the script runs and ends in time");
        print!("{}", String::from_utf8_lossy(&output.stdout));
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
        let text = fs::read_to_string(&report).expect("the script wrote a report");
        (serde_json::from_str(&text).expect("the report is JSON"), pictures)
    }

    /// Copies pictures into the documentation when asked to: they differ in every run.
    fn refresh_documentation(pictures: &Path, names: &[&str]) {
        if env::var_os("TRUNKLINE_REFRESH_IMAGES").is_none() {
            return;
        }
        let images = peers::workspace_root().join("docs/images");
        fs::create_dir_all(&images).expect("docs/images");
        for name in names {
            let file = format!("{name}.png");
            fs::copy(pictures.join(&file), images.join(&file)).expect("a picture");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn two_tabs_hear_see_hold_and_part_with_a_reason() {
        let exchange = exchange().await;
        let (report, pictures) = run_script(&exchange, "two-tabs").await;
        exchange.shutdown().await.expect("the exchange stops");
        report.expect_steps(21);
        let ended = report.found("leaving shows the reason in words on both sides");
        assert_eq!(ended["alice"]["code"], "0/0", "{ended}");
        assert_eq!(report.found("a declined call says so")["title"], "Declined");
        assert_eq!(report.found("a cancelled call stops ringing")["title"], "Cancelled");
        assert_eq!(report.found("calling somebody who is nowhere says so")["code"], "480/10037");
        for side in ["alice", "bob"] {
            let connect_ms = report.figure(&format!("{side}_connect_ms"));
            println!("{side}: media up {connect_ms} ms after the offer was sent");
        }
        let names = ["home", "ringing", "incoming", "call", "call-dark", "call-390", "ended"];
        refresh_documentation(&pictures, &names);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn guests_of_a_meeting_wait_hear_nothing_and_are_let_in_or_not() {
        let exchange = exchange().await;
        let (report, pictures) = run_script(&exchange, "meeting").await;
        exchange.shutdown().await.expect("the exchange stops");
        report.expect_steps(12);
        for side in ["guest", "bob"] {
            let level = report.figure(&format!("{side}_lobby_level"));
            println!("{side}: the loudest heard while the guest was in the lobby is {level}");
        }
        let ended = report.found("a second guest is turned away and reads why");
        assert_eq!(ended["code"], "0/5854", "{ended}");
        let names = [
            "meeting-join",
            "meeting-lobby",
            "meeting-admit",
            "meeting-call",
            "meeting-call-390",
            "meeting-chat",
            "meeting-chat-dark",
        ];
        refresh_documentation(&pictures, &names);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn two_tabs_chat_and_miss_nothing() {
        let exchange = exchange().await;
        let (report, pictures) = run_script(&exchange, "chat").await;
        exchange.shutdown().await.expect("the exchange stops");
        report.expect_steps(14);
        refresh_documentation(&pictures, &["chat", "chat-dark", "chat-390"]);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_policy_tester_names_the_switch_and_sees_it_turned() {
        let off = ExchangeConfig { federation_enabled: false, ..ExchangeConfig::dev() };
        let exchange = exchange_with(off).await;
        let denied = Path::new(env!("CARGO_TARGET_TMPDIR")).join("policy/pictures/denied");
        let _ = fs::remove_file(&denied);
        let turning = async {
            let mut looking = tokio::time::interval(Duration::from_millis(100));
            let seen = async {
                while !denied.exists() {
                    looking.tick().await;
                }
            };
            let is_seen = tokio::time::timeout(Duration::from_secs(120), seen).await.is_ok();
            let admin = exchange.node().admin();
            let on = FederationConfig { enable_acs_users: true, ..FederationConfig::default() };
            let turned = admin.set_federation(&exchange.config().tenant, on).await;
            turned.expect("the federation is set");
            is_seen
        };
        let ((report, pictures), is_seen) = tokio::join!(run_script(&exchange, "policy"), turning);
        exchange.shutdown().await.expect("the exchange stops");
        report.expect_steps(7);
        assert!(is_seen, "the denial came first");
        refresh_documentation(&pictures, &["policy-denied"]);
    }

    /// A headless client, signed in as Bob of the directory.
    async fn headless_bob(exchange: &Exchange) -> TeamsCallAgent {
        let (_, ca) = exchange.ca().expect("a development exchange has an authority");
        let client = CallClient::new(CallClientOptions {
            endpoint: exchange.url(),
            trust: TrustRoots::Pem(ca.as_bytes().to_vec()),
            encoding: Encoding::Proto,
            user_agent: "test".to_owned(),
        })
        .expect("a client");
        let node = exchange.node();
        let scopes = BTreeSet::from([Scope::Voip]);
        let identity = node.identity();
        let request = TokenRequest { scopes: &scopes, life: None };
        let now = node.clock().wall();
        let issued = identity.issue_token(identity.resource(), "bob", request, now).await;
        let (_, token) = issued.expect("a token for bob");
        let credential = TokenCredential::fixed(token.token);
        client.create_teams_call_agent(credential).await.expect("bob signs in")
    }

    /// Sends the last whole picture that came, again and again, as a camera would.
    async fn give_back(
        mut seen: mpsc::Receiver<ReceivedVideoFrame>,
        shown: mpsc::Sender<EncodedVideoFrame>,
    ) -> usize {
        let mut picture = None;
        let mut pictures = 0;
        let mut pace = tokio::time::interval(Duration::from_millis(100));
        loop {
            tokio::select! {
                frame = seen.recv() => match frame {
                    Some(frame) if frame.is_keyframe => {
                        pictures += 1;
                        picture = Some(frame.data);
                    }
                    Some(_) => {}
                    None => return pictures,
                },
                _ = pace.tick() => {
                    if let Some(data) = picture.clone() {
                        // A full queue skips one of many equal pictures.
                        let _ = shown.try_send(EncodedVideoFrame { data });
                    }
                }
            }
        }
    }

    /// The strength of a frequency in 48 kHz samples, as an amplitude.
    fn amplitude(samples: &[i16], hertz: f64) -> f64 {
        let step = std::f64::consts::TAU * hertz / 48_000.0;
        let (re, im) = samples.iter().enumerate().fold((0.0, 0.0), |(re, im), (n, sample)| {
            let (sin, cos) = (step * n as f64).sin_cos();
            (re + f64::from(*sample) * cos, im + f64::from(*sample) * sin)
        });
        2.0 * f64::hypot(re, im) / samples.len() as f64
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_tab_and_a_headless_client_hear_and_see_each_other() {
        let exchange = exchange().await;
        let bob = headless_bob(&exchange).await;
        let mut ringing = bob.events();
        let answering = async {
            let incoming = bob.next_incoming_call(&mut ringing).await.expect("a call for bob");
            let (heard, mut ear) = mpsc::channel(4_096);
            let (seen, eye) = mpsc::channel(64);
            let (shown, camera) = mpsc::channel(4);
            let media = MediaOptions {
                camera: Some(VideoSource::channel(camera)),
                video_tiles: 1,
                video_sink: VideoSink::channel(seen),
                ..MediaOptions::audio(AudioSource::tone(880.0, -12.0), AudioSink::channel(heard))
            };
            let mirror = tokio::spawn(give_back(eye, shown));
            let call = incoming.accept(media).await.expect("bob accepts");
            call.start_video().await.expect("bob shows his camera");
            let (mut statistics, mut legs) = (None, Vec::new());
            while tokio::time::timeout(Duration::from_millis(200), call.ended()).await.is_err() {
                statistics = call.media_statistics().or(statistics);
                let live = exchange.node().live_calls().list().await;
                legs = live.into_iter().next().map_or(legs, |live| live.legs);
            }
            let mut samples = Vec::new();
            while let Ok(frame) = ear.try_recv() {
                samples.extend_from_slice(&frame.samples[..]);
            }
            (samples, statistics.expect("bob had media"), legs, mirror)
        };
        // A tab that fails before it calls leaves bob waiting.
        let answering = tokio::time::timeout(Duration::from_secs(120), answering);
        let ((report, _), answered) = tokio::join!(run_script(&exchange, "rust-peer"), answering);
        bob.dispose().await;
        drop(bob);
        exchange.shutdown().await.expect("the exchange stops");
        report.expect_steps(6);
        let (samples, statistics, legs, mirror) =
            answered.expect("bob is called and the call ends");
        println!(
            "chromium: media up {} ms after the offer was sent; headless client: {:?}",
            report.figure("connect_ms"),
            statistics.connect_time
        );
        assert_eq!(statistics.srtp_profile.as_deref(), Some("AEAD_AES_128_GCM"));
        assert_eq!(legs.len(), 2, "{legs:?}");
        for leg in &legs {
            assert_eq!(leg.state(), MediaLegState::Connected, "{leg:?}");
            assert_eq!(leg.srtp_profile, "AEAD_AES_128_GCM");
            assert!(leg.peer_address.contains(':') && leg.packets_sent > 10, "{leg:?}");
            let came = |kind| leg.published.iter().find(|one| one.kind() == kind);
            for kind in [StreamKind::Audio, StreamKind::Camera] {
                assert!(came(kind).is_some_and(|one| one.packets_received > 3), "{leg:?}");
            }
        }
        let pictures = tokio::time::timeout(Duration::from_secs(10), mirror).await;
        assert!(pictures.expect("video ends with the call").expect("the mirror") >= 1);
        // The last second before the end, and the same energy an octave up for comparison.
        let last =
            &samples[samples.len().saturating_sub(96_000)..samples.len().saturating_sub(24_000)];
        let (tone, other) = (amplitude(last, 440.0), amplitude(last, 880.0));
        assert!(tone > 1_000.0 && tone > 20.0 * other, "440 Hz: {tone}, 880 Hz: {other}");
    }

    /// Runs tests of the pages' modules in Node.js, without a browser, and counts them.
    fn check_modules(script: &str, files: &[&str], count: usize) {
        let modules = Path::new(env!("CARGO_TARGET_TMPDIR")).join(script).join("page-js");
        fs::create_dir_all(&modules).expect("a folder for the modules");
        for file in files {
            let source = peers::workspace_root().join("crates/web/pages/js").join(file);
            fs::copy(source, modules.join(file)).expect("a module of the page");
        }
        fs::write(modules.join("package.json"), r#"{"type": "module"}"#).expect("a manifest");
        let mut command = Command::new(peers::node().expect("Node.js"));
        command
            .arg("--test")
            .arg(peers::workspace_root().join("tests/browser").join(script))
            .env("TRUNKLINE_PAGE_JS", &modules);
        let output = trunkline_tests::process::output_within(command, Duration::from_secs(60))
            .expect("the tests run and end in time");
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{printed}");
        assert!(printed.contains(&format!("# pass {count}\n")), "{printed}");
    }

    #[test]
    fn the_page_resumes_its_session_without_gap_or_duplicate() {
        check_modules("session.test.mjs", &["protocol.js", "model.js", "words.js"], 13);
    }

    #[test]
    fn the_chat_page_reads_on_without_gap_or_duplicate() {
        let files =
            ["chat-api.js", "chat-model.js", "chat-stream.js", "chat-words.js", "outbox.js"];
        check_modules("chat.test.mjs", &files, 12);
    }
}
