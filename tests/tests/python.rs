//! Python programs call somebody and read why the call ended, and chat across a restart.

mod with_peers {
    use std::fs;
    use std::io::{BufRead as _, BufReader, Read as _};
    use std::path::{Path, PathBuf};
    use std::process::{Child, Command, Stdio};
    use std::time::Duration;

    use tonic::Request;
    use tonic::metadata::MetadataValue;
    use tonic::transport::{Certificate, Channel, ClientTlsConfig};
    use trunkline_api::calling::v1::calling_service_client::CallingServiceClient;
    use trunkline_api::identity::v1::identity_service_client::IdentityServiceClient;
    use trunkline_cli::{Exchange, ExchangeConfig};
    use trunkline_proto::calling::v1::watch_incoming_calls_response::Event;
    use trunkline_proto::calling::v1::{
        AcceptCallRequest, HangUpRequest, IncomingCall, RejectCallRequest,
        WatchIncomingCallsRequest,
    };
    use trunkline_proto::identity::v1::{IssueTokenRequest, TokenScope};
    use trunkline_tests::{peers, process};

    /// The longest that an example may be.
    const LINES: usize = 25;

    /// Messages of the chat: they take long enough for a restart in between.
    const MESSAGES: usize = 300;

    /// What Bob does about the call.
    #[derive(Clone, Copy)]
    enum Callee {
        AcceptsAndHangsUp,
        Declines,
    }

    async fn exchange() -> Exchange {
        Exchange::start(config()).await.expect("the exchange starts")
    }

    fn config() -> ExchangeConfig {
        let free = "127.0.0.1:0".parse().expect("an address");
        ExchangeConfig {
            listen: free,
            admin_listen: free,
            http_listen: None,
            data_directory: None,
            ..ExchangeConfig::dev()
        }
    }

    async fn channel(exchange: &Exchange) -> Channel {
        let (_, ca) = exchange.ca().expect("a development exchange has an authority");
        let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca));
        let endpoint = Channel::from_shared(exchange.url()).expect("a URL");
        endpoint.tls_config(tls).expect("TLS").connect().await.expect("the exchange answers")
    }

    fn with_authorization<T>(message: T, value: &str) -> Request<T> {
        let mut request = Request::new(message);
        let value: MetadataValue<_> = value.parse().expect("a header value");
        request.metadata_mut().insert("authorization", value);
        request
    }

    /// Registers Bob's endpoint and returns the task that will do with a call as told.
    async fn bob(exchange: &Exchange, callee: Callee) -> tokio::task::JoinHandle<()> {
        let channel = channel(exchange).await;
        let request = IssueTokenRequest {
            user: "bob".to_owned(),
            scopes: vec![TokenScope::Voip.into()],
            expires_in: None,
        };
        let key = format!("AccessKey {}", exchange.config().access_keys[0]);
        let issued = IdentityServiceClient::new(channel.clone())
            .issue_token(with_authorization(request, &key))
            .await
            .expect("a token for bob")
            .into_inner();
        let bearer = format!("Bearer {}", issued.access_token.expect("a token").token);
        let mut calls = CallingServiceClient::new(channel);
        let mut ringing = calls
            .watch_incoming_calls(with_authorization(
                WatchIncomingCallsRequest { display_name: String::new() },
                &bearer,
            ))
            .await
            .expect("bob registers")
            .into_inner();
        let first = ringing.message().await.expect("a message").expect("an open stream").event;
        assert!(matches!(first, Some(Event::Registered(_))), "{first:?}");
        tokio::spawn(async move {
            let call = loop {
                let message = ringing.message().await.expect("a message").expect("an open stream");
                if let Some(Event::IncomingCall(call)) = message.event {
                    break call;
                }
            };
            respond(&mut calls, call, callee, &bearer).await;
        })
    }

    async fn respond(
        calls: &mut CallingServiceClient<Channel>,
        call: IncomingCall,
        callee: Callee,
        bearer: &str,
    ) {
        let call_id = call.call_id;
        match callee {
            Callee::Declines => {
                let request = RejectCallRequest { call_id, ..Default::default() };
                calls.reject_call(with_authorization(request, bearer)).await.expect("declined");
            }
            Callee::AcceptsAndHangsUp => {
                let accept = AcceptCallRequest { call_id: call_id.clone(), ..Default::default() };
                calls.accept_call(with_authorization(accept, bearer)).await.expect("accepted");
                let hang_up = HangUpRequest { call_id, ..Default::default() };
                calls.hang_up(with_authorization(hang_up, bearer)).await.expect("hung up");
            }
        }
    }

    fn example(name: &str) -> PathBuf {
        peers::workspace_root().join("docs/examples/python").join(name)
    }

    /// Makes the stubs, as the example's page says, and returns their folder.
    fn stubs(name: &str) -> PathBuf {
        let proto = peers::workspace_root().join("proto");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python-stubs").join(name);
        fs::create_dir_all(&folder).expect("a folder for the stubs");
        let files = [
            "calling/v1/calling.proto",
            "calling/v1/calling_service.proto",
            "chat/v1/chat.proto",
            "chat/v1/chat_service.proto",
            "common/v1/common.proto",
            "identity/v1/identity_service.proto",
            "meetings/v1/meetings.proto",
        ];
        let mut command = Command::new(peers::python().expect("Python"));
        command.args(["-m", "grpc_tools.protoc", "-I"]).arg(&proto);
        command.arg(format!("--python_out={}", folder.display()));
        command.arg(format!("--grpc_python_out={}", folder.display()));
        command.args(files.map(|file| format!("trunkline/{file}")));
        let output = process::output_within(command, Duration::from_secs(120)).expect("protoc");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        folder
    }

    /// Rings Bob from Python and returns the lines that the program printed.
    async fn ring(callee: Callee, name: &str) -> Vec<String> {
        let exchange = exchange().await;
        let answering = bob(&exchange, callee).await;
        let (ca, _) = exchange.ca().expect("a development exchange has an authority");
        let mut command = Command::new(peers::python().expect("Python"));
        command
            .arg(example("ring.py"))
            .arg(format!("localhost:{}", exchange.address().port()))
            .arg(ca)
            .arg(&exchange.config().access_keys[0])
            .arg("bob")
            .env("PYTHONPATH", stubs(name));
        let output = tokio::task::spawn_blocking(move || {
            process::output_within(command, Duration::from_secs(60))
        })
        .await
        .expect("the program's thread")
        .expect("the program runs and ends in time");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{printed}\n{complaint}");
        answering.await.expect("bob did as told");
        exchange.shutdown().await.expect("the exchange stops");
        println!("{printed}");
        printed.lines().map(str::to_owned).collect()
    }

    /// Each event is the next in order, from the first after the call was placed to its end.
    fn expect_order(lines: &[String]) {
        let numbers: Vec<u64> =
            lines.iter().filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect();
        assert!(numbers.len() > 2, "{lines:#?}");
        assert_eq!(
            numbers.len(),
            lines.len() - 1,
            "every line but the last has a number: {lines:#?}"
        );
        assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{lines:#?}");
        assert!(lines[lines.len() - 2].contains(" call_ended"), "{lines:#?}");
    }

    #[test]
    fn the_examples_are_short() {
        for name in ["chat.py", "ring.py"] {
            let source = fs::read_to_string(example(name)).expect("the example");
            let lines = source.lines().count();
            assert!(lines <= LINES, "{name} has {lines} lines");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_declined_call_tells_python_so() {
        let lines = ring(Callee::Declines, "declined").await;
        expect_order(&lines);
        let end = lines.last().expect("a last line");
        assert!(end.starts_with("ended 603/0: "), "{lines:#?}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_accepted_call_connects_and_ends() {
        let lines = ring(Callee::AcceptsAndHangsUp, "accepted").await;
        expect_order(&lines);
        assert!(lines.iter().any(|line| line.ends_with("Alice Archer CONNECTED")), "{lines:#?}");
        assert!(lines.iter().any(|line| line.ends_with("Bob Baker CONNECTED")), "{lines:#?}");
        let end = lines.last().expect("a last line");
        assert!(end.starts_with("ended 0/"), "{lines:#?}");
    }

    /// A program that runs, and whose lines come one by one; killed with whoever started it.
    struct Running {
        child: Child,
        lines: tokio::sync::mpsc::UnboundedReceiver<String>,
    }

    impl Running {
        fn start(mut command: Command) -> Self {
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut child = command.spawn().expect("the program starts");
            let output = BufReader::new(child.stdout.take().expect("a pipe"));
            let (sender, lines) = tokio::sync::mpsc::unbounded_channel();
            std::thread::spawn(move || {
                output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
            });
            Self { child, lines }
        }

        async fn line(&mut self) -> Option<String> {
            let line = tokio::time::timeout(Duration::from_secs(60), self.lines.recv()).await;
            line.expect("the program goes on")
        }
    }

    impl Drop for Running {
        fn drop(&mut self) {
            // One that has ended needs no killing.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_tail_by_cursor_misses_and_repeats_nothing_over_a_restart() {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python-chat");
        let _ = fs::remove_dir_all(&directory);
        let mut config = ExchangeConfig { data_directory: Some(directory), ..config() };
        let exchange = Exchange::start(config.clone()).await.expect("the exchange starts");
        config.listen = exchange.address();
        let (ca, _) = exchange.ca().expect("a development exchange has an authority");
        let mut command = Command::new(peers::python().expect("Python"));
        command
            .arg(example("chat.py"))
            .arg(format!("localhost:{}", exchange.address().port()))
            .arg(ca)
            .arg(&config.access_keys[0])
            .arg(MESSAGES.to_string())
            .env("PYTHONPATH", stubs("chat"));
        let mut program = Running::start(command);
        let mut lines = Vec::new();
        while lines.len() < MESSAGES / 10 {
            lines.push(program.line().await.expect("a message"));
        }
        exchange.shutdown().await.expect("the exchange stops");
        let is_running = program.child.try_wait().expect("a status").is_none();
        let exchange = Exchange::start(config).await.expect("the exchange starts again");
        while let Some(line) = program.line().await {
            lines.push(line);
        }
        let status = program.child.wait().expect("a status");
        let mut complaint = String::new();
        let mut errors = program.child.stderr.take().expect("a pipe");
        errors.read_to_string(&mut complaint).expect("text");
        assert!(status.success() && is_running, "{lines:#?}\n{complaint}");
        exchange.shutdown().await.expect("the exchange stops");

        let read = lines.iter().filter_map(|line| line.split_once(' '));
        let (places, said): (Vec<u64>, Vec<&str>) =
            read.map(|(place, text)| (place.parse::<u64>().expect("a place"), text)).unzip();
        let expected: Vec<String> = (0..MESSAGES).map(|n| format!("message {n}")).collect();
        assert_eq!(said, expected, "every message once, in order");
        assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "{places:?}");
    }
}
