//! Endpoints, scene by scene, and one law over random lives.

use proptest::prelude::*;
use trunkline_chat::{ChatEvent, ChatEventKind, Message, MessageContent, MessageId, Metadata};
use trunkline_clock::{Timestamp, VirtualClock};

use super::*;

const USER: &str = "8:acs:contoso_alice";

/// A push whose body says `text`.
fn push(text: &str) -> Arc<Push> {
    let id = MessageId::from_millis(1_700_000_000_000);
    let message = Message {
        id,
        thread_id: "19:t@thread.v2".parse().unwrap(),
        sequence: 3,
        version: id,
        content: MessageContent::Text(text.to_owned()),
        sender: Some(USER.parse().unwrap()),
        sender_display_name: None,
        created_on: Timestamp::from_unix_seconds(1_700_000_000),
        edited_on: None,
        deleted_on: None,
        metadata: Metadata::new(),
        client_message_id: None,
    };
    encode(ChatEventKind::MessageReceived(message))
}

fn typing() -> Arc<Push> {
    encode(ChatEventKind::TypingStarted { sender_display_name: None })
}

fn encode(kind: ChatEventKind) -> Arc<Push> {
    let event = ChatEvent {
        thread_id: "19:t@thread.v2".parse().unwrap(),
        version: MessageId::from_millis(1_700_000_000_000),
        time: Timestamp::from_unix_seconds(1_700_000_000),
        actor: USER.parse().unwrap(),
        actor_display_name: None,
        recipients: vec![],
        kind,
    };
    Arc::new(Push::encode(&event).unwrap())
}

struct Scene {
    clock: VirtualClock,
    endpoint: Endpoint,
    outputs: Vec<Output>,
    position: u64,
}

impl Scene {
    fn new(limits: OutboxLimits, start: Start) -> Self {
        let clock = VirtualClock::default();
        let recipient = Recipient::new("/v4/f/e/", &USER.parse().unwrap());
        let endpoint = Endpoint::new(clock.now(), recipient, limits, start);
        let mut scene = Self { clock, endpoint, outputs: vec![], position: 0 };
        let until = scene.clock.instant() + Duration::from_secs(86_400);
        scene.input(Input::AccessGranted { until });
        scene
    }

    fn fresh() -> Self {
        Self::new(OutboxLimits::default(), Start::Fresh)
    }

    fn input(&mut self, input: Input) {
        self.endpoint.handle_input(self.clock.now(), input);
        self.drain();
    }

    /// Lets the clock run, doing what is due on the way.
    fn wait(&mut self, time: Duration) {
        let end = self.clock.instant() + time;
        while let Some(due) = self.endpoint.poll_timeout().filter(|due| *due <= end) {
            self.clock.advance_to(due);
            self.endpoint.handle_timeout(self.clock.now());
            self.drain();
        }
        self.clock.advance_to(end);
    }

    fn drain(&mut self) {
        self.outputs.extend(std::iter::from_fn(|| self.endpoint.poll_output()));
    }

    fn connect(&mut self, connection: u64) {
        self.input(Input::Connected { connection: ConnectionId(connection) });
    }

    fn disconnect(&mut self, connection: u64) {
        self.input(Input::Disconnected { connection: ConnectionId(connection) });
    }

    fn tell(&mut self, text: &str) {
        self.position += 1;
        self.input(Input::Pushed { position: Some(self.position), push: push(text) });
    }

    fn say(&mut self, connection: u64, text: &str) {
        let connection = ConnectionId(connection);
        self.input(Input::FrameReceived { connection, frame: text.parse() });
    }

    fn acknowledge(&mut self, connection: u64, id: u64) {
        self.say(connection, &format!(r#"3:::{{"id":{id},"status":200}}"#));
    }

    fn take(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.outputs)
    }

    /// Takes the frames sent since the last look.
    fn frames(&mut self) -> Vec<String> {
        self.take()
            .into_iter()
            .filter_map(|output| match output {
                Output::Send { connection: _, text } => Some(text),
                _ => None,
            })
            .collect()
    }

    /// Takes the pushes sent since the last look, by id.
    fn pushes(&mut self) -> Vec<u64> {
        self.frames().iter().filter_map(|text| push_id(text)).collect()
    }

    fn closed(&mut self) -> Option<CloseReason> {
        self.take().into_iter().find_map(|output| match output {
            Output::Close { connection: _, reason } => Some(reason),
            _ => None,
        })
    }
}

fn push_id(frame: &str) -> Option<u64> {
    let json: Value = serde_json::from_str(frame.strip_prefix("3:::")?).unwrap();
    json["id"].as_u64()
}

#[test]
fn a_connection_begins_with_the_two_frames_that_the_client_waits_for() {
    let mut scene = Scene::fresh();
    scene.connect(1);
    let frames = scene.frames();
    assert_eq!(frames[0], "1::");
    assert_eq!(frames[1], r#"5:::{"name":"trouter.connected","args":[{"dur":"0","ttl":"86400"}]}"#);
    assert_eq!(frames.len(), 2);
}

#[test]
fn pings_and_activity_are_answered() {
    let mut scene = Scene::fresh();
    scene.connect(1);
    scene.take();
    scene.say(1, r#"5:1+::{"name":"ping"}"#);
    scene.say(1, r#"5:2+::{"name":"user.activity","args":[{"state":"active"}]}"#);
    scene.say(1, r#"5:::{"name":"ping"}"#);
    assert_eq!(scene.frames(), [r#"6:::1+["pong"]"#, r#"6:::2+["pong"]"#]);
}

#[test]
fn what_came_while_the_socket_was_down_is_sent_in_order_after_the_greeting() {
    let mut scene = Scene::fresh();
    for text in ["a", "b", "c"] {
        scene.tell(text);
    }
    assert_eq!(scene.frames(), Vec::<String>::new());
    scene.connect(1);
    assert_eq!(scene.pushes(), [1, 2, 3]);
}

#[test]
fn what_was_acknowledged_is_never_sent_again() {
    let mut scene = Scene::fresh();
    scene.connect(1);
    for text in ["a", "b", "c"] {
        scene.tell(text);
    }
    scene.acknowledge(1, 1);
    scene.disconnect(1);
    scene.take();
    scene.connect(2);
    assert_eq!(scene.pushes(), [2, 3]);
    scene.acknowledge(2, 3);
    scene.connect(3);
    assert_eq!(scene.pushes(), [2], "an answer out of order settles its push as well");
}

#[test]
fn an_answer_that_the_old_socket_still_held_settles_its_push() {
    let mut scene = Scene::fresh();
    scene.connect(1);
    scene.tell("a");
    scene.connect(2);
    scene.take();
    scene.acknowledge(1, 1);
    scene.connect(3);
    assert_eq!(scene.pushes(), Vec::<u64>::new());
}

#[test]
fn any_status_settles_a_push() {
    for status in [200, 404, 500, 504] {
        let mut scene = Scene::fresh();
        scene.connect(1);
        scene.tell("a");
        scene.say(1, &format!(r#"3:::{{"id":1,"status":{status}}}"#));
        assert_eq!(scene.endpoint.unacknowledged(), 0, "{status}");
    }
}

#[test]
fn the_feed_position_follows_the_oldest_push_that_is_not_acknowledged() {
    let mut scene = Scene::fresh();
    scene.connect(1);
    for text in ["a", "b", "c"] {
        scene.tell(text);
    }
    scene.input(Input::Passed { position: 4 });
    scene.take();
    scene.acknowledge(1, 2);
    assert_eq!(scene.take(), []);
    scene.acknowledge(1, 1);
    assert_eq!(scene.take(), [Output::Acknowledged { position: 2 }]);
    scene.acknowledge(1, 3);
    assert_eq!(scene.take(), [Output::Acknowledged { position: 4 }]);
    scene.input(Input::Passed { position: 9 });
    assert_eq!(scene.take(), [Output::Acknowledged { position: 9 }]);
}

#[test]
fn a_client_that_answers_fast_has_few_pushes_in_flight_and_a_slow_one_more() {
    for (round_trip, in_flight) in [(1, 2), (5, 2), (20, 5), (75, 16), (5_000, 16)] {
        let mut scene = Scene::fresh();
        scene.connect(1);
        scene.tell("first");
        scene.clock.advance(Duration::from_millis(round_trip));
        scene.acknowledge(1, 1);
        scene.take();
        for _ in 0..40 {
            scene.tell("x");
        }
        assert_eq!(scene.pushes().len(), in_flight, "{round_trip} ms");
        scene.clock.advance(Duration::from_millis(round_trip));
        scene.acknowledge(1, 2);
        assert_eq!(scene.pushes().len(), 1, "an answer makes room");
    }
}

#[test]
fn until_the_first_answer_a_few_pushes_are_in_flight() {
    let mut scene = Scene::fresh();
    scene.connect(1);
    for _ in 0..40 {
        scene.tell("x");
    }
    assert_eq!(scene.pushes(), [1, 2, 3, 4]);
}

#[test]
fn typing_is_not_kept_and_does_not_queue() {
    let mut scene = Scene::fresh();
    scene.input(Input::Pushed { position: None, push: typing() });
    assert_eq!(scene.endpoint.unacknowledged(), 0);
    scene.connect(1);
    scene.take();
    scene.input(Input::Pushed { position: None, push: typing() });
    assert_eq!(scene.pushes(), [1]);
}

#[test]
fn an_outbox_that_overflows_drops_the_oldest_and_says_so_once() {
    let limits = OutboxLimits { pushes: 2, ..OutboxLimits::default() };
    let mut scene = Scene::new(limits, Start::Fresh);
    for text in ["a", "b"] {
        scene.tell(text);
    }
    assert!(!scene.endpoint.has_room());
    for text in ["c", "d"] {
        scene.tell(text);
    }
    assert_eq!(
        scene.take(),
        [Output::Acknowledged { position: 1 }, Output::Acknowledged { position: 2 }]
    );
    scene.connect(1);
    let frames = scene.frames();
    let told: Vec<&String> = frames.iter().filter(|text| text.contains("message_loss")).collect();
    assert_eq!(told.len(), 1, "{frames:?}");
    assert_eq!(frames.iter().filter_map(|text| push_id(text)).collect::<Vec<_>>(), [3, 4]);

    let etag = etag_of(told[0]);
    scene.connect(2);
    assert!(scene.frames().iter().any(|text| text.contains(&etag)), "told until it is known");
    scene.say(2, &format!(
        r#"5:9+::{{"name":"trouter.processed_message_loss","args":[{{"droppedIndicators":[{{"tag":"messaging","etag":"{etag}"}}]}}]}}"#
    ));
    scene.connect(3);
    assert!(!scene.frames().iter().any(|text| text.contains("message_loss")));
}

fn etag_of(frame: &str) -> String {
    let json: Value = serde_json::from_str(frame.strip_prefix("5:::").unwrap()).unwrap();
    json["args"][0]["droppedIndicators"][0]["etag"].as_str().unwrap().to_owned()
}

#[test]
fn bytes_bound_the_outbox_too() {
    let one = push("a").length_bytes();
    let limits = OutboxLimits { bytes: one + 1, ..OutboxLimits::default() };
    let mut scene = Scene::new(limits, Start::Fresh);
    scene.tell("a");
    assert!(scene.endpoint.has_room());
    scene.tell("b");
    assert!(!scene.endpoint.has_room());
}

#[test]
fn what_is_in_flight_is_never_dropped() {
    let limits = OutboxLimits { pushes: 2, in_flight: 2, ..OutboxLimits::default() };
    let mut scene = Scene::new(limits, Start::Fresh);
    scene.connect(1);
    for text in ["a", "b", "c"] {
        scene.tell(text);
    }
    scene.take();
    scene.acknowledge(1, 1);
    scene.acknowledge(1, 2);
    let outputs = scene.take();
    assert_eq!(outputs.last(), Some(&Output::Acknowledged { position: 3 }));
}

#[test]
fn an_endpoint_that_was_away_too_long_hears_that_it_missed_something() {
    let mut scene = Scene::new(OutboxLimits::default(), Start::Lost);
    scene.connect(1);
    assert_eq!(scene.frames().iter().filter(|text| text.contains("message_loss")).count(), 1);
}

#[test]
fn a_newer_socket_takes_over_and_the_older_is_told() {
    let mut scene = Scene::fresh();
    scene.connect(1);
    scene.take();
    scene.connect(2);
    let outputs = scene.take();
    let dup = Output::Send { connection: ConnectionId(1), text: "0:::dup".to_owned() };
    assert_eq!(outputs[0], dup);
    let connection = ConnectionId(1);
    assert_eq!(outputs[1], Output::Close { connection, reason: CloseReason::TakenOver });
    scene.disconnect(1);
    assert_eq!(scene.endpoint.connection(), Some(ConnectionId(2)));
}

#[test]
fn sockets_are_cut_for_what_their_client_does() {
    let cases = [
        ("x", CloseReason::Malformed),
        ("1::/room", CloseReason::Malformed),
        ("3:::{}", CloseReason::Malformed),
        ("0::", CloseReason::ClientLeft),
    ];
    for (text, reason) in cases {
        let mut scene = Scene::fresh();
        scene.connect(1);
        scene.take();
        scene.say(1, text);
        assert_eq!(scene.closed(), Some(reason), "{text}");
        assert_eq!(scene.endpoint.connection(), None);
    }
}

#[test]
fn a_silent_client_is_cut_and_one_that_echoes_heartbeats_is_not() {
    let mut scene = Scene::fresh();
    scene.connect(1);
    for _ in 0..10 {
        scene.take();
        scene.wait(HEARTBEAT);
        assert_eq!(scene.frames(), ["2::"]);
        scene.say(1, "2::");
    }
    scene.wait(SILENCE);
    assert_eq!(scene.closed(), Some(CloseReason::Silent));
}

#[test]
fn a_client_that_answers_no_push_is_cut() {
    let mut scene = Scene::fresh();
    scene.connect(1);
    scene.tell("a");
    scene.tell("b");
    scene.wait(ANSWER - Duration::from_secs(1));
    scene.acknowledge(1, 1);
    assert_eq!(scene.closed(), None);
    scene.wait(ANSWER);
    assert_eq!(scene.closed(), Some(CloseReason::NotAnswering));
    scene.connect(2);
    assert_eq!(scene.pushes(), [2]);
}

#[test]
fn an_expired_or_revoked_token_closes_the_socket_and_keeps_the_outbox() {
    for revoke in [false, true] {
        let mut scene = Scene::fresh();
        scene.connect(1);
        scene.tell("a");
        scene.take();
        match revoke {
            true => scene.input(Input::AccessRevoked),
            false => {
                for _ in 0..86_400 / 20 {
                    scene.say(1, r#"3:::{"id":0,"status":200}"#);
                    scene.endpoint.deadlines.cancel(&Timer::Answer);
                    scene.wait(Duration::from_secs(20));
                }
            }
        }
        let unauthorized = r#"0:::{"reason":"unauthorized"}"#;
        assert!(scene.frames().iter().any(|text| text == unauthorized));
        let until = scene.clock.instant() + Duration::from_secs(60);
        scene.input(Input::AccessGranted { until });
        scene.connect(2);
        assert_eq!(scene.pushes(), [1]);
    }
}

#[test]
fn the_token_of_the_next_connection_counts_even_if_it_comes_before_the_old_one_is_gone() {
    let mut scene = Scene::fresh();
    scene.connect(1);
    let until = scene.clock.instant() + Duration::from_secs(90_000);
    scene.input(Input::AccessGranted { until });
    scene.disconnect(1);
    scene.connect(2);
    assert_eq!(scene.endpoint.deadlines.deadline(&Timer::Access), Some(until));
}

#[test]
fn an_endpoint_without_a_socket_ends_with_its_window() {
    let mut scene = Scene::fresh();
    scene.connect(1);
    scene.disconnect(1);
    scene.wait(WINDOW - Duration::from_secs(1));
    assert!(!scene.outputs.iter().any(|output| matches!(output, Output::Ended { .. })));
    scene.wait(Duration::from_secs(1));
    let ended = Output::Ended { reason: EndReason::Abandoned };
    assert_eq!(scene.take().last(), Some(&ended));
    assert_eq!(scene.endpoint.poll_timeout(), None);
    scene.connect(2);
    assert_eq!(scene.take(), []);
}

#[test]
fn a_client_that_unregisters_ends_its_endpoint() {
    let mut scene = Scene::fresh();
    scene.connect(1);
    scene.take();
    scene.input(Input::Unregistered);
    let outputs = scene.take();
    assert!(outputs.contains(&Output::Close {
        connection: ConnectionId(1),
        reason: CloseReason::Unregistered
    }));
    assert_eq!(outputs.last(), Some(&Output::Ended { reason: EndReason::Unregistered }));
}

#[test]
fn an_exchange_that_stops_waits_for_the_answers_to_what_it_has_sent() {
    let mut scene = Scene::fresh();
    scene.connect(1);
    scene.tell("a");
    let pushes = scene.pushes();
    scene.input(Input::ShuttingDown);
    assert!(!scene.endpoint.has_room(), "the rest stays in the feed");
    scene.tell("b");
    assert_eq!(scene.take(), [], "nothing more is sent");
    scene.acknowledge(1, pushes[0]);
    let connection = ConnectionId(1);
    assert_eq!(
        scene.take(),
        [
            Output::Acknowledged { position: 1 },
            Output::Send { connection, text: "0::".to_owned() },
            Output::Close { connection, reason: CloseReason::GoingAway },
            Output::Seen,
            Output::Ended { reason: EndReason::ShuttingDown },
        ]
    );
    assert_eq!(scene.endpoint.poll_timeout(), None);
}

#[test]
fn an_exchange_that_stops_waits_no_longer_than_it_says() {
    let mut scene = Scene::fresh();
    scene.connect(1);
    scene.tell("a");
    scene.input(Input::ShuttingDown);
    scene.wait(Duration::from_millis(1_999));
    assert_eq!(scene.closed(), None);
    scene.wait(Duration::from_millis(1));
    let outputs = scene.take();
    assert!(outputs.contains(&Output::Ended { reason: EndReason::ShuttingDown }), "{outputs:?}");
    assert!(!outputs.iter().any(|output| matches!(output, Output::Acknowledged { .. })));
}

#[test]
fn an_endpoint_of_an_exchange_that_stops_ends_with_its_socket_and_takes_no_other() {
    let mut scene = Scene::fresh();
    scene.connect(1);
    scene.tell("a");
    scene.input(Input::ShuttingDown);
    scene.take();
    scene.connect(2);
    let connection = ConnectionId(2);
    assert_eq!(
        scene.take(),
        [
            Output::Send { connection, text: "0::".to_owned() },
            Output::Close { connection, reason: CloseReason::GoingAway },
        ]
    );
    scene.disconnect(1);
    assert_eq!(scene.take(), [Output::Seen, Output::Ended { reason: EndReason::ShuttingDown }]);
}

#[derive(Clone, Debug)]
enum Step {
    Acknowledge(usize),
    Connect,
    Disconnect,
    Pass,
    Tell,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0_usize..4).prop_map(Step::Acknowledge),
        1 => Just(Step::Connect),
        1 => Just(Step::Disconnect),
        1 => Just(Step::Pass),
        4 => Just(Step::Tell),
    ];
    proptest::collection::vec(step, 0..120)
}

proptest! {
    /// Whatever connections live and die: a client that connects once more and answers everything
    /// has every push, in order on each connection, none again after its answer arrived, and the
    /// position at the end is that of the last event.
    #[test]
    fn nothing_is_missed_and_nothing_acknowledged_comes_again(steps in steps()) {
        let limits = OutboxLimits { in_flight: 3, pushes: 1_000, ..OutboxLimits::default() };
        let mut scene = Scene::new(limits, Start::Fresh);
        let (mut connection, mut told, mut acknowledged) = (0, 0_u64, std::collections::BTreeSet::new());
        let mut waiting: Vec<u64> = vec![];
        let mut had = std::collections::BTreeSet::new();
        for step in steps.into_iter().chain([Step::Connect]) {
            match step {
                Step::Acknowledge(index) => {
                    if index < waiting.len() {
                        let id = waiting.remove(index);
                        acknowledged.insert(id);
                        scene.acknowledge(connection, id);
                    }
                }
                Step::Connect => {
                    connection += 1;
                    waiting.clear();
                    scene.connect(connection);
                }
                Step::Disconnect => {
                    waiting.clear();
                    scene.disconnect(connection);
                }
                Step::Pass => {
                    scene.position += 1;
                    let position = scene.position;
                    scene.input(Input::Passed { position });
                }
                Step::Tell => {
                    told += 1;
                    scene.tell("x");
                }
            }
            for id in scene.pushes() {
                prop_assert!(!acknowledged.contains(&id), "{id} came again");
                prop_assert!(waiting.last().is_none_or(|last| *last < id), "{id} out of order");
                waiting.push(id);
                had.insert(id);
            }
        }
        while let Some(id) = waiting.first().copied() {
            waiting.remove(0);
            scene.acknowledge(connection, id);
            let sent = scene.pushes();
            had.extend(sent.iter().copied());
            waiting.extend(sent);
        }
        prop_assert_eq!(had.len() as u64, told);
        prop_assert_eq!(scene.endpoint.unacknowledged(), 0);
        prop_assert_eq!(scene.endpoint.outbox.settled().unwrap_or(0), scene.position);
    }
}
