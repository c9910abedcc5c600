//! Both ends of a session over transports that break anywhere, and against hostile peers.

use std::{collections::VecDeque, time::Duration};

use proptest::prelude::*;
use trunkline_clock::{Now, VirtualClock};
use trunkline_ids::{EndpointId, SessionId};
use trunkline_proto::{
    common::v1::{CommunicationIdentifier, Error},
    signaling::v1::{
        ClientFrame, Command, CommandResult, GetSnapshot, Goodbye, Hello, MediaAnswer, Ping, Pong,
        RefreshToken, ServerFrame, Welcome, client_frame, command, server_frame,
    },
};
use trunkline_signaling::{
    close::CloseCode,
    outgoing::EncodedBody,
    session::{
        AttachError, ClientOutput, ClientSession, ClientSessionEnd, Credentials, Greeting,
        ProtocolViolation, Resumption, SendError, ServerOutput, ServerSession, SessionConfig,
        SessionEnd, TransportId,
    },
};

const FIRST: TransportId = TransportId(1);
const SECOND: TransportId = TransportId(2);

fn greeting() -> Greeting {
    Greeting {
        session_id: SessionId::from_uuid_bytes([1; 16]),
        endpoint_id: EndpointId::from_uuid_bytes([2; 16]),
        identifier: CommunicationIdentifier { raw_id: "8:acs:res_alice".to_owned(), kind: 1 },
        display_name: "Alice".to_owned(),
    }
}

fn credentials() -> Credentials {
    Credentials {
        token: "token".to_owned(),
        display_name: String::new(),
        user_agent: "test".to_owned(),
    }
}

fn command(number: u32) -> Command {
    let kind = command::Kind::GetSnapshot(GetSnapshot {
        operation_id: number.to_string(),
        call_id: String::new(),
    });
    Command { kind: Some(kind) }
}

fn number_of(command: &Command) -> u32 {
    match &command.kind {
        Some(command::Kind::GetSnapshot(snapshot)) => snapshot.operation_id.parse().unwrap(),
        other => panic!("unexpected command {other:?}"),
    }
}

fn result(number: u32) -> server_frame::Body {
    server_frame::Body::CommandResult(CommandResult {
        operation_id: number.to_string(),
        ..CommandResult::default()
    })
}

fn server_session(now: Now, config: SessionConfig) -> ServerSession {
    let expires_on = now.wall + Duration::from_secs(24 * 3_600);
    ServerSession::new(now, config, greeting(), FIRST, expires_on)
}

fn drain(session: &mut ServerSession) -> Vec<ServerOutput> {
    std::iter::from_fn(|| session.poll_output()).collect()
}

fn drain_client(session: &mut ClientSession) -> Vec<ClientOutput> {
    std::iter::from_fn(|| session.poll_output()).collect()
}

fn closes(outputs: &[ServerOutput]) -> Vec<CloseCode> {
    outputs
        .iter()
        .filter_map(|output| match output {
            ServerOutput::Close { code, .. } => Some(*code),
            _ => None,
        })
        .collect()
}

fn ends(outputs: &[ServerOutput]) -> Vec<SessionEnd> {
    outputs
        .iter()
        .filter_map(|output| match output {
            ServerOutput::Ended(end) => Some(*end),
            _ => None,
        })
        .collect()
}

fn frames(outputs: &[ServerOutput]) -> Vec<ServerFrame> {
    outputs
        .iter()
        .filter_map(|output| match output {
            ServerOutput::Transmit { frame, .. } => Some(frame.clone().into()),
            _ => None,
        })
        .collect()
}

fn frame(seq: u64, body: client_frame::Body) -> ClientFrame {
    ClientFrame { seq, ack: 0, body: Some(body) }
}

// ---------------------------------------------------------------- both ends over a lossy network

/// Both ends and the wire between them. A cut loses whatever is on the wire.
struct Net {
    clock: VirtualClock,
    server: Option<ServerSession>,
    client: ClientSession,
    to_server: VecDeque<(TransportId, ClientFrame)>,
    to_client: VecDeque<(TransportId, ServerFrame)>,
    next_transport: u64,
    sent_by_client: u32,
    sent_by_server: u32,
    at_server: Vec<u32>,
    at_client: Vec<u32>,
    is_client_aware: bool,
}

#[derive(Clone, Debug)]
enum Step {
    ClientSends,
    ServerSends,
    /// Moves up to this many frames each way.
    Carry(usize),
    /// Breaks the transport; each side may or may not notice.
    Cut {
        client_notices: bool,
        server_notices: bool,
    },
    Reconnect,
    Wait(Duration),
}

impl Net {
    fn new() -> Self {
        let mut net = Self {
            clock: VirtualClock::default(),
            server: None,
            client: ClientSession::new(SessionConfig::default()),
            to_server: VecDeque::new(),
            to_client: VecDeque::new(),
            next_transport: 1,
            sent_by_client: 0,
            sent_by_server: 0,
            at_server: Vec::new(),
            at_client: Vec::new(),
            is_client_aware: true,
        };
        net.reconnect();
        // The first Welcome must arrive: a session that the client never heard of is another's.
        net.carry(1);
        net
    }

    fn reconnect(&mut self) {
        self.to_server.clear();
        self.to_client.clear();
        let transport = TransportId(self.next_transport);
        self.next_transport += 1;
        self.client.connect(self.clock.now(), transport, credentials());
        self.is_client_aware = true;
        self.pump();
    }

    fn apply(&mut self, step: &Step) {
        match step {
            Step::ClientSends => {
                self.client.send(command(self.sent_by_client)).unwrap();
                self.sent_by_client += 1;
            }
            Step::ServerSends => {
                if let Some(server) = &mut self.server {
                    server.send(result(self.sent_by_server));
                    self.sent_by_server += 1;
                }
            }
            Step::Carry(count) => self.carry(*count),
            Step::Cut { client_notices, server_notices } => {
                self.to_server.clear();
                self.to_client.clear();
                let now = self.clock.now();
                if let Some(transport) = self.client.transport().filter(|_| *client_notices) {
                    self.client.detach(now, transport);
                }
                if let Some(server) = &mut self.server
                    && let Some(transport) = server.transport().filter(|_| *server_notices)
                {
                    server.detach(now, transport);
                }
                self.reconnect();
            }
            Step::Reconnect => self.reconnect(),
            Step::Wait(duration) => {
                self.clock.advance(*duration);
                let now = self.clock.now();
                self.client.handle_timeout(now);
                if let Some(server) = &mut self.server {
                    server.handle_timeout(now);
                }
            }
        }
        self.pump();
    }

    fn carry(&mut self, count: usize) {
        for _ in 0..count {
            let now = self.clock.now();
            if let Some((transport, frame)) = self.to_server.pop_front() {
                self.server_takes(now, transport, frame);
            }
            self.pump();
            if let Some((transport, frame)) = self.to_client.pop_front() {
                self.client.handle_frame(now, transport, frame);
            }
            self.pump();
        }
    }

    fn server_takes(&mut self, now: Now, transport: TransportId, frame: ClientFrame) {
        let Some(client_frame::Body::Hello(hello)) = &frame.body else {
            if let Some(server) = &mut self.server {
                server.handle_frame(now, transport, frame);
            }
            return;
        };
        let token_expires_on = now.wall + Duration::from_secs(24 * 3_600);
        match (&hello.resume, &mut self.server) {
            (Some(resume), Some(server)) => {
                let last_seq = resume.last_seq;
                server.attach(now, transport, Resumption { last_seq, token_expires_on }).unwrap();
            }
            (None, server) => {
                let config = SessionConfig::default();
                *server =
                    Some(ServerSession::new(now, config, greeting(), transport, token_expires_on));
            }
            (Some(_), None) => panic!("the client resumes a session that never was"),
        }
    }

    fn pump(&mut self) {
        for output in drain_client(&mut self.client) {
            match output {
                ClientOutput::Transmit { transport, frame } => {
                    self.to_server.push_back((transport, frame));
                }
                ClientOutput::Deliver(server_frame::Body::CommandResult(result)) => {
                    self.at_client.push(result.operation_id.parse().unwrap());
                }
                ClientOutput::Deliver(other) => panic!("unexpected {other:?}"),
                ClientOutput::Opened(_) => {}
                ClientOutput::Close { .. } => self.is_client_aware = false,
                ClientOutput::Ended(end) => panic!("client session ended: {end:?}"),
            }
        }
        let Some(server) = &mut self.server else { return };
        for output in drain(server) {
            match output {
                ServerOutput::Transmit { transport, frame } => {
                    self.to_client.push_back((transport, frame.into()));
                }
                ServerOutput::Deliver(command) => self.at_server.push(number_of(&command)),
                ServerOutput::Close { transport, code } => {
                    let now = self.clock.now();
                    if code == CloseCode::TimedOut {
                        self.client.handle_close(now, transport, code);
                    }
                }
                ServerOutput::TokenOffered(_) => panic!("no token was offered"),
                ServerOutput::Ended(end) => panic!("server session ended: {end:?}"),
            }
        }
    }

    fn settle(&mut self) {
        self.reconnect();
        for _ in 0..200 {
            self.carry(8);
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::ClientSends),
        4 => Just(Step::ServerSends),
        6 => (1_usize..6).prop_map(Step::Carry),
        2 => (any::<bool>(), any::<bool>()).prop_map(|(client_notices, server_notices)| {
            Step::Cut { client_notices, server_notices }
        }),
        1 => Just(Step::Reconnect),
        1 => (1_u64..20_000).prop_map(|millis| Step::Wait(Duration::from_millis(millis))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn both_sides_deliver_exactly_what_was_sent_over_transports_that_break_anywhere(
        steps in proptest::collection::vec(step(), 0..120),
    ) {
        let mut net = Net::new();
        for step in &steps {
            net.apply(step);
        }
        net.settle();
        prop_assert_eq!(net.at_server, (0..net.sent_by_client).collect::<Vec<_>>());
        prop_assert_eq!(net.at_client, (0..net.sent_by_server).collect::<Vec<_>>());
    }

    #[test]
    fn no_sequence_of_client_frames_breaks_the_server(
        frames in proptest::collection::vec((0_u64..6, 0_u64..4, 0_u8..7), 0..40),
    ) {
        let mut clock = VirtualClock::default();
        let mut session = server_session(clock.now(), SessionConfig::default());
        session.send(result(0));
        let mut transport = 1;
        for (seq, ack, kind) in frames {
            let body = match kind {
                0 => None,
                1 => Some(client_frame::Body::Hello(Hello::default())),
                2 => Some(client_frame::Body::Pong(Pong { nonce: 0 })),
                3 => Some(client_frame::Body::Ping(Ping { nonce: 0 })),
                4 => Some(client_frame::Body::RefreshToken(RefreshToken::default())),
                5 => Some(client_frame::Body::Command(Command { kind: None })),
                _ => Some(client_frame::Body::Goodbye(Goodbye {})),
            };
            session.handle_frame(clock.now(), TransportId(transport), ClientFrame { seq, ack, body });
            clock.advance(Duration::from_millis(50));
            session.handle_timeout(clock.now());
            let outputs = drain(&mut session);
            prop_assert!(closes(&outputs).len() <= 1);
            if session.is_ended() {
                prop_assert_eq!(ends(&outputs), [SessionEnd::Goodbye]);
                break;
            }
            if session.transport().is_none() {
                transport += 1;
                let token_expires_on = clock.now().wall + Duration::from_secs(3_600);
                let resumption = Resumption { last_seq: 1, token_expires_on };
                session.attach(clock.now(), TransportId(transport), resumption).unwrap();
                drain(&mut session);
            }
        }
    }
}

// ------------------------------------------------------------------------------- the server's end

#[test]
fn welcome_comes_first_and_carries_the_terms() {
    let clock = VirtualClock::default();
    let mut session = server_session(clock.now(), SessionConfig::default());
    let outputs = drain(&mut session);
    let [ServerOutput::Transmit { transport: FIRST, frame }] = &outputs[..] else {
        panic!("expected one frame, got {outputs:?}");
    };
    let Some(server_frame::Body::Welcome(welcome)) =
        frame.body.as_ref().and_then(EncodedBody::decode)
    else {
        panic!("expected Welcome");
    };
    assert_eq!((frame.seq, frame.ack, welcome.resumed, welcome.last_seq), (0, 0, false, 0));
    assert_eq!((welcome.heartbeat_seconds, welcome.resume_seconds), (15, 120));
    assert_eq!(welcome.max_frame_bytes, 256 * 1024);
    assert_eq!(welcome.token_expires_on.as_ref().unwrap().seconds, 1_767_225_600 + 86_400);
}

#[test]
fn a_gap_in_the_numbers_closes_with_4400_and_a_duplicate_is_dropped() {
    let clock = VirtualClock::default();
    let mut session = server_session(clock.now(), SessionConfig::default());
    drain(&mut session);
    let body = |number| client_frame::Body::Command(command(number));
    session.handle_frame(clock.now(), FIRST, frame(1, body(7)));
    session.handle_frame(clock.now(), FIRST, frame(1, body(7)));
    let outputs = drain(&mut session);
    assert!(matches!(&outputs[..], [ServerOutput::Deliver(command)] if number_of(command) == 7));
    session.handle_frame(clock.now(), FIRST, frame(3, body(9)));
    assert_eq!(closes(&drain(&mut session)), [CloseCode::Malformed]);
    assert_eq!(session.transport(), None);
}

#[test]
fn unexpected_frames_close_with_4400() {
    let cases = [
        frame(0, client_frame::Body::Hello(Hello::default())),
        frame(1, client_frame::Body::Hello(Hello::default())),
        frame(0, client_frame::Body::Command(command(1))),
        frame(0, client_frame::Body::Goodbye(Goodbye {})),
        frame(0, client_frame::Body::RefreshToken(RefreshToken::default())),
        frame(1, client_frame::Body::Ping(Ping { nonce: 1 })),
        frame(1, client_frame::Body::Pong(Pong { nonce: 1 })),
        ClientFrame { seq: 1, ack: 0, body: None },
        ClientFrame { seq: 0, ack: 1, body: None },
        ClientFrame { seq: 0, ack: u64::MAX, body: None },
        frame(u64::MAX, client_frame::Body::Command(command(1))),
    ];
    for case in cases {
        let clock = VirtualClock::default();
        let mut session = server_session(clock.now(), SessionConfig::default());
        drain(&mut session);
        session.handle_frame(clock.now(), FIRST, case.clone());
        assert_eq!(closes(&drain(&mut session)), [CloseCode::Malformed], "{case:?}");
    }
}

#[test]
fn acknowledgments_ride_on_frames_and_come_bare_after_the_delay_or_the_count() {
    let mut clock = VirtualClock::default();
    let mut session = server_session(clock.now(), SessionConfig::default());
    drain(&mut session);
    let body = |number| client_frame::Body::Command(command(number));
    session.handle_frame(clock.now(), FIRST, frame(1, body(1)));
    session.send(result(1));
    let outputs = drain(&mut session);
    assert_eq!(frames(&outputs).iter().map(|frame| frame.ack).collect::<Vec<_>>(), [1]);

    session.handle_frame(clock.now(), FIRST, frame(2, body(2)));
    assert!(frames(&drain(&mut session)).is_empty());
    clock.advance(Duration::from_millis(250));
    session.handle_timeout(clock.now());
    let outputs = drain(&mut session);
    let [bare] = &frames(&outputs)[..] else { panic!("expected one frame, got {outputs:?}") };
    assert_eq!((bare.seq, bare.ack, bare.body.is_none()), (0, 2, true));

    for seq in 3..35 {
        session.handle_frame(clock.now(), FIRST, frame(seq, body(0)));
    }
    let outputs = drain(&mut session);
    assert_eq!(frames(&outputs).iter().map(|frame| frame.ack).collect::<Vec<_>>(), [34]);
}

#[test]
fn a_silent_client_is_pinged_after_15_s_and_cut_after_30_s_but_may_resume() {
    let mut clock = VirtualClock::default();
    let mut session = server_session(clock.now(), SessionConfig::default());
    drain(&mut session);
    clock.advance(Duration::from_secs(15));
    session.handle_timeout(clock.now());
    let outputs = drain(&mut session);
    assert!(matches!(
        frames(&outputs)[..],
        [ServerFrame { body: Some(server_frame::Body::Ping(_)), .. }]
    ));
    clock.advance(Duration::from_millis(14_999));
    session.handle_timeout(clock.now());
    assert!(drain(&mut session).is_empty());
    clock.advance(Duration::from_millis(1));
    session.handle_timeout(clock.now());
    assert_eq!(closes(&drain(&mut session)), [CloseCode::TimedOut]);
    assert!(!session.is_ended());
}

#[test]
fn any_frame_keeps_a_client_alive() {
    let mut clock = VirtualClock::default();
    let mut session = server_session(clock.now(), SessionConfig::default());
    drain(&mut session);
    for _ in 0..20 {
        clock.advance(Duration::from_secs(14));
        session.handle_timeout(clock.now());
        session.handle_frame(clock.now(), FIRST, ClientFrame::default());
        assert!(drain(&mut session).is_empty());
    }
}

#[test]
fn a_session_without_a_transport_ends_after_120_s() {
    let mut clock = VirtualClock::default();
    let mut session = server_session(clock.now(), SessionConfig::default());
    drain(&mut session);
    session.detach(clock.now(), FIRST);
    clock.advance(Duration::from_millis(119_999));
    session.handle_timeout(clock.now());
    assert!(drain(&mut session).is_empty());
    clock.advance(Duration::from_millis(1));
    session.handle_timeout(clock.now());
    assert_eq!(ends(&drain(&mut session)), [SessionEnd::ResumeWindowElapsed]);
    assert_eq!(session.poll_timeout(), None);
    let token_expires_on = clock.now().wall;
    let resumption = Resumption { last_seq: 0, token_expires_on };
    assert_eq!(session.attach(clock.now(), SECOND, resumption), Err(AttachError::Ended));
}

#[test]
fn a_newer_transport_takes_over_and_the_older_one_is_deaf() {
    let clock = VirtualClock::default();
    let mut session = server_session(clock.now(), SessionConfig::default());
    session.send(result(1));
    session.send(result(2));
    drain(&mut session);
    let token_expires_on = clock.now().wall + Duration::from_secs(3_600);
    session.attach(clock.now(), SECOND, Resumption { last_seq: 1, token_expires_on }).unwrap();
    let outputs = drain(&mut session);
    assert!(matches!(
        outputs[0],
        ServerOutput::Close { transport: FIRST, code: CloseCode::TakenOver }
    ));
    let seqs: Vec<_> = frames(&outputs).iter().map(|frame| frame.seq).collect();
    assert_eq!(seqs, [0, 2]);

    session.handle_frame(clock.now(), FIRST, frame(9, client_frame::Body::Goodbye(Goodbye {})));
    session.detach(clock.now(), FIRST);
    assert!(drain(&mut session).is_empty());
    assert_eq!(session.transport(), Some(SECOND));
}

#[test]
fn a_resumption_from_an_impossible_position_leaves_the_session_alone() {
    let clock = VirtualClock::default();
    let mut session = server_session(clock.now(), SessionConfig::default());
    session.send(result(1));
    session.send(result(2));
    session.handle_frame(clock.now(), FIRST, ClientFrame { seq: 0, ack: 2, body: None });
    session.send(result(3));
    drain(&mut session);
    let token_expires_on = clock.now().wall;
    let mut attach =
        |last_seq| session.attach(clock.now(), SECOND, Resumption { last_seq, token_expires_on });
    assert_eq!(attach(1), Err(AttachError::BehindAcknowledged { claimed: 1, acknowledged: 2 }));
    assert_eq!(attach(4), Err(AttachError::AheadOfSent { claimed: 4, sent: 3 }));
    assert_eq!(attach(u64::MAX).unwrap_err().close_code(), CloseCode::Malformed);
    assert!(drain(&mut session).is_empty());
    assert_eq!(session.transport(), Some(FIRST));
}

#[test]
fn a_client_that_never_acknowledges_is_cut_at_the_bound_by_count_and_by_bytes() {
    let clock = VirtualClock::default();
    let limits = SessionConfig { outbox_limit_frames: 10, ..SessionConfig::default() };
    let mut session = server_session(clock.now(), limits);
    for number in 0..10 {
        session.send(result(number));
    }
    assert!(closes(&drain(&mut session)).is_empty());
    session.send(result(10));
    let outputs = drain(&mut session);
    assert_eq!(closes(&outputs), [CloseCode::SlowReader]);
    assert_eq!(ends(&outputs), [SessionEnd::SlowReader]);

    let limits = SessionConfig { outbox_limit_bytes: 10_000, ..SessionConfig::default() };
    let mut session = server_session(clock.now(), limits);
    let sdp = "x".repeat(4_000);
    for expected in [0, 0, 1] {
        let answer = MediaAnswer { call_id: String::new(), sdp: sdp.clone() };
        session.send(server_frame::Body::MediaAnswer(answer));
        assert_eq!(closes(&drain(&mut session)).len(), expected);
    }
}

#[test]
fn frames_faster_than_the_limit_close_with_4429() {
    let clock = VirtualClock::default();
    let limits =
        SessionConfig { frames_per_second: 10, frames_burst: 50, ..SessionConfig::default() };
    let mut session = server_session(clock.now(), limits);
    drain(&mut session);
    for _ in 0..50 {
        session.handle_frame(clock.now(), FIRST, ClientFrame::default());
    }
    assert!(drain(&mut session).is_empty());
    session.handle_frame(clock.now(), FIRST, ClientFrame::default());
    assert_eq!(closes(&drain(&mut session)), [CloseCode::TooManyFrames]);
}

#[test]
fn the_client_is_warned_and_the_session_closes_with_4401_when_the_token_runs_out() {
    let mut clock = VirtualClock::default();
    let expires_on = clock.now().wall + Duration::from_secs(3_600);
    let mut session =
        ServerSession::new(clock.now(), SessionConfig::default(), greeting(), FIRST, expires_on);
    drain(&mut session);
    let mut warned_at = None;
    let mut ended_at = None;
    for second in 1..=3_600_u64 {
        clock.advance(Duration::from_secs(1));
        session.handle_timeout(clock.now());
        if second % 10 == 0 {
            session.handle_frame(clock.now(), FIRST, ClientFrame::default());
        }
        let outputs = drain(&mut session);
        for frame in frames(&outputs) {
            if let Some(server_frame::Body::TokenExpiring(expiring)) = &frame.body {
                assert_eq!(expiring.expires_on.as_ref().unwrap().seconds, 1_767_225_600 + 3_600);
                assert!(warned_at.replace(second).is_none(), "warned twice");
            }
        }
        if let [end] = ends(&outputs)[..] {
            assert_eq!(end, SessionEnd::TokenExpired);
            assert_eq!(closes(&outputs), [CloseCode::Unauthorized]);
            let last = frames(&outputs).last().unwrap().body.clone();
            let Some(server_frame::Body::SessionClosed(closed)) = last else {
                panic!("expected SessionClosed");
            };
            assert_eq!(closed.close_code, 4401);
            assert_eq!(closed.error.unwrap().code, "token_expired");
            ended_at = Some(second);
        }
    }
    assert_eq!((warned_at, ended_at), (Some(3_300), Some(3_600)));
}

#[test]
fn a_refreshed_token_moves_the_expiry_and_a_refused_one_does_not() {
    let mut clock = VirtualClock::default();
    let expires_on = clock.now().wall + Duration::from_secs(600);
    let mut session =
        ServerSession::new(clock.now(), SessionConfig::default(), greeting(), FIRST, expires_on);
    drain(&mut session);
    let refresh = client_frame::Body::RefreshToken(RefreshToken { token: "new".to_owned() });
    session.handle_frame(clock.now(), FIRST, frame(1, refresh));
    let outputs = drain(&mut session);
    assert!(matches!(&outputs[..], [ServerOutput::TokenOffered(token)] if token == "new"));
    assert!(!format!("{outputs:?}").contains("new"));

    session.refuse_token(Error { code: "unauthorized".to_owned(), ..Error::default() });
    session.accept_token(clock.now(), expires_on + Duration::from_secs(3_600));
    let outputs = drain(&mut session);
    let refreshed: Vec<_> = frames(&outputs)
        .iter()
        .map(|frame| match &frame.body {
            Some(server_frame::Body::TokenRefreshed(refreshed)) => refreshed.clone(),
            other => panic!("unexpected {other:?}"),
        })
        .collect();
    assert!(refreshed[0].error.is_some() && refreshed[1].error.is_none());
    assert_eq!(refreshed[1].expires_on.as_ref().unwrap().seconds, 1_767_225_600 + 4_200);
    clock.advance(Duration::from_secs(601));
    session.handle_frame(clock.now(), FIRST, ClientFrame::default());
    session.handle_timeout(clock.now());
    assert!(!session.is_ended());
}

#[test]
fn goodbye_ends_the_session_without_a_resume_window() {
    let clock = VirtualClock::default();
    let mut session = server_session(clock.now(), SessionConfig::default());
    drain(&mut session);
    session.handle_frame(clock.now(), FIRST, frame(1, client_frame::Body::Goodbye(Goodbye {})));
    let outputs = drain(&mut session);
    assert_eq!(closes(&outputs), [CloseCode::Normal]);
    assert_eq!(ends(&outputs), [SessionEnd::Goodbye]);
    session.send(result(1));
    session.close(CloseCode::GoingAway, None);
    assert!(drain(&mut session).is_empty());
}

// ------------------------------------------------------------------------------- the client's end

fn open_client(clock: &VirtualClock) -> ClientSession {
    let mut session = ClientSession::new(SessionConfig::default());
    session.connect(clock.now(), FIRST, credentials());
    session.handle_frame(clock.now(), FIRST, welcome(false, 0));
    drain_client(&mut session);
    assert!(session.is_open());
    session
}

fn welcome(resumed: bool, last_seq: u64) -> ServerFrame {
    let welcome = Welcome {
        session_id: "session".to_owned(),
        resumed,
        last_seq,
        heartbeat_seconds: 15,
        resume_seconds: 120,
        ..Welcome::default()
    };
    ServerFrame { seq: 0, ack: 0, body: Some(server_frame::Body::Welcome(welcome)) }
}

fn client_ends(outputs: Vec<ClientOutput>) -> Vec<ClientSessionEnd> {
    outputs
        .into_iter()
        .filter_map(|output| match output {
            ClientOutput::Ended(end) => Some(end),
            _ => None,
        })
        .collect()
}

#[test]
fn a_client_gives_up_120_s_after_the_first_loss_however_often_it_dials() {
    let mut clock = VirtualClock::default();
    let mut session = open_client(&clock);
    session.detach(clock.now(), FIRST);
    for attempt in 0..12 {
        let transport = TransportId(10 + attempt);
        session.connect(clock.now(), transport, credentials());
        clock.advance(Duration::from_secs(9));
        session.handle_timeout(clock.now());
        session.detach(clock.now(), transport);
        assert!(client_ends(drain_client(&mut session)).is_empty());
    }
    clock.advance(Duration::from_secs(12));
    session.handle_timeout(clock.now());
    let ends = client_ends(drain_client(&mut session));
    assert_eq!(ends, [ClientSessionEnd::ResumeWindowElapsed]);
    assert_eq!(session.send(command(1)), Err(SendError::Ended));
}

#[test]
fn codes_that_a_retry_cannot_mend_are_final_and_the_others_are_not() {
    for code in CloseCode::ALL {
        let clock = VirtualClock::default();
        let mut session = open_client(&clock);
        session.handle_close(clock.now(), FIRST, code);
        let is_final = !matches!(code, CloseCode::TimedOut | CloseCode::TooManyFrames);
        assert_eq!(session.is_ended(), is_final, "{code:?}");
    }
}

#[test]
fn a_server_that_breaks_the_protocol_is_left() {
    let event = |seq| ServerFrame { seq, ack: 0, body: Some(result(1)) };
    let cases = [
        (event(2), ProtocolViolation::Gap),
        (event(0), ProtocolViolation::Numbering),
        (ServerFrame { seq: 1, ack: 0, body: None }, ProtocolViolation::Numbering),
        (ServerFrame { seq: 0, ack: 5, body: None }, ProtocolViolation::AckAheadOfSent),
        (welcome(true, 0), ProtocolViolation::Welcome),
    ];
    for (frame, violation) in cases {
        let clock = VirtualClock::default();
        let mut session = open_client(&clock);
        session.handle_frame(clock.now(), FIRST, frame);
        let ends = client_ends(drain_client(&mut session));
        assert_eq!(ends, [ClientSessionEnd::Protocol(violation)]);
    }
}

#[test]
fn a_welcome_that_forgot_the_session_ends_it() {
    for (resumed, last_seq, violation) in [
        (false, 1, ProtocolViolation::Forgotten),
        (true, 0, ProtocolViolation::Forgotten),
        (true, 3, ProtocolViolation::AckAheadOfSent),
    ] {
        let clock = VirtualClock::default();
        let mut session = open_client(&clock);
        session.send(command(1)).unwrap();
        session.send(command(2)).unwrap();
        session.handle_frame(clock.now(), FIRST, ServerFrame { seq: 0, ack: 1, body: None });
        session.detach(clock.now(), FIRST);
        session.connect(clock.now(), SECOND, credentials());
        session.handle_frame(clock.now(), SECOND, welcome(resumed, last_seq));
        let ends = client_ends(drain_client(&mut session));
        assert_eq!(ends, [ClientSessionEnd::Protocol(violation)], "{resumed} {last_seq}");
    }
}

#[test]
fn commands_beyond_the_bound_are_refused_and_the_session_lives() {
    let clock = VirtualClock::default();
    let limits = SessionConfig { outbox_limit_frames: 3, ..SessionConfig::default() };
    let mut session = ClientSession::new(limits);
    for number in 0..3 {
        session.send(command(number)).unwrap();
    }
    assert!(matches!(session.send(command(3)), Err(SendError::Full { limit_frames: 3, .. })));
    session.connect(clock.now(), FIRST, credentials());
    session.handle_frame(clock.now(), FIRST, welcome(false, 0));
    session.handle_frame(clock.now(), FIRST, ServerFrame { seq: 0, ack: 3, body: None });
    assert_eq!(session.send(command(3)), Ok(()));
}
