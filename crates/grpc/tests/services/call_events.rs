//! What is told of all calls, to programs that follow them.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use tokio::time::{Instant, timeout};
use tonic::{Code, Streaming};
use trunkline_api::calling::v1::calling_service_client::CallingServiceClient;
use trunkline_proto::calling::v1::{
    AcceptCallRequest, CallKind, HangUpRequest, JoinCallRequest, PlaceCallRequest,
    RejectCallRequest, WatchIncomingCallsRequest, WatchIncomingCallsResponse, call_event,
    watch_incoming_calls_response::Event as Ringing,
};
use trunkline_proto::events::v1::{
    CallOccurrence, TriggerEventRequest, WatchCallsRequest, WatchEventsRequest, call_occurrence,
};
use trunkline_proto::meetings::v1::{
    CreateMeetingRequest, JoinLink, MeetingLocator, meeting_event, meeting_locator,
};

use crate::scene::{Intercepted, Scene};

type Calling = CallingServiceClient<Intercepted>;

/// How many call at the same time.
const CALLERS: usize = 8;

/// How many calls each makes, one after the other.
const CALLS: usize = 125;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_cut_off_at_random_sees_each_event_of_1000_calls_once_and_in_order() {
    let scene = Scene::start().await;
    let mut begun = scene.events().watch_calls(WatchCallsRequest::default()).await.unwrap();
    let mut cursor = begun.get_mut().message().await.unwrap().unwrap().seq;
    let mut callers = Vec::new();
    for number in 0..CALLERS {
        let (caller, callee) = (scene.app_user().await, scene.app_user().await);
        let (calls, mut answers) = (scene.calling(&caller).await, scene.calling(&callee).await);
        let request = WatchIncomingCallsRequest::default();
        let ringing = answers.watch_incoming_calls(request).await.unwrap().into_inner();
        tokio::spawn(answer(answers, ringing));
        callers.push(tokio::spawn(call(number, calls, callee)));
    }

    let mut calls = BTreeMap::<String, Told>::new();
    let (mut dice, mut places, mut cuts) = (Dice(0x7275_6e6b), HashSet::new(), 0);
    let deadline = Instant::now() + Duration::from_secs(90);
    while calls.values().filter(|call| call.is_over).count() < CALLERS * CALLS {
        assert!(Instant::now() < deadline, "{} calls seen", calls.len());
        let request = WatchCallsRequest { after_seq: Some(cursor), ..Default::default() };
        let mut stream = scene.events().watch_calls(request).await.unwrap().into_inner();
        for _ in 0..dice.roll(120) {
            // A time-out drops the future in the middle of what it does.
            let wait = Duration::from_micros(1 + dice.roll(20_000));
            let Ok(next) = timeout(wait, stream.message()).await else { break };
            let response = next.unwrap().unwrap();
            assert!(response.seq >= cursor);
            cursor = response.seq;
            if let Some(told) = response.occurrence {
                assert!(places.insert(cursor), "{cursor} came twice");
                calls.entry(told.call_id.clone()).or_default().take(&told);
            }
        }
        cuts += 1;
    }
    for caller in callers {
        caller.await.unwrap();
    }
    assert_eq!(calls.len(), CALLERS * CALLS);
    let events: u64 = calls.values().map(|call| call.seq).sum();
    println!("{} calls, {events} events, {cuts} cuts", calls.len());
    assert!(cuts > 100 && events > 5 * calls.len() as u64);
    let joined: usize = calls.values().map(|call| call.connected).sum();
    // Every fifth is a group, which whoever joins is in at once.
    assert!(joined > CALLERS * CALLS / 5, "{joined} were connected");
}

/// What was told of one call.
#[derive(Default)]
struct Told {
    seq: u64,
    connected: usize,
    is_over: bool,
}

impl Told {
    fn take(&mut self, told: &CallOccurrence) {
        let Some(call_occurrence::Event::CallEvent(event)) = &told.event else {
            panic!("{told:?} is not of a call");
        };
        assert!(!self.is_over, "{told:?} after the end");
        assert_eq!((event.call_id.as_str(), event.seq), (told.call_id.as_str(), self.seq + 1));
        self.seq = event.seq;
        assert!(told.started_by.as_ref().is_some_and(|who| !who.raw_id.is_empty()), "{told:?}");
        match event.kind.as_ref().unwrap() {
            call_event::Kind::CallStarted(_) => assert_eq!(event.seq, 1),
            call_event::Kind::CallEnded(_) => self.is_over = true,
            call_event::Kind::ParticipantAdded(added) => {
                assert_eq!(told.participant, added.participant);
            }
            call_event::Kind::CallStateChanged(changed) => {
                let participant = told.participant.as_ref().unwrap();
                assert_eq!(participant.participant_id, changed.participant_id);
                self.connected +=
                    usize::from(changed.state().as_str_name().ends_with("_CONNECTED"));
            }
            _ => {}
        }
    }
}

/// Places some calls and joins some groups, and ends what does not end by itself.
async fn call(caller: usize, mut calls: Calling, callee: String) {
    for number in 0..CALLS {
        let call = if number % 5 == 0 {
            let group_id = format!("00000000-0000-4000-8{caller:03}-{number:012}");
            let join = JoinCallRequest { group_id, ..JoinCallRequest::default() };
            calls.join_call(join).await.unwrap().into_inner().call
        } else {
            let place =
                PlaceCallRequest { targets: vec![callee.clone()], ..PlaceCallRequest::default() };
            calls.place_call(place).await.unwrap().into_inner().call
        };
        let call_id = call.unwrap().call_id;
        tokio::time::sleep(Duration::from_millis(2)).await;
        let end = HangUpRequest { call_id, for_everyone: true, ..HangUpRequest::default() };
        // The other side may have declined meanwhile.
        let _ = calls.hang_up(end).await;
    }
}

/// Accepts every other call that rings, and rejects the others.
async fn answer(mut calls: Calling, mut ringing: Streaming<WatchIncomingCallsResponse>) {
    let mut number = 0;
    while let Ok(Some(WatchIncomingCallsResponse { event })) = ringing.message().await {
        let Some(Ringing::IncomingCall(call)) = event else { continue };
        let call_id = call.call_id;
        number += 1;
        // The caller may have hung up meanwhile.
        if number % 2 == 0 {
            let _ = calls.reject_call(RejectCallRequest { call_id, ..Default::default() }).await;
        } else {
            let _ = calls.accept_call(AcceptCallRequest { call_id, ..Default::default() }).await;
        }
    }
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % sides
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_are_event_grid_events_and_meetings_are_followed_with_their_calls() {
    let scene = Scene::start().await;
    let mut types = vec!["CallStarted", "CallParticipantAdded", "CallParticipantRemoved"];
    types.push("CallEnded");
    let wanted = WatchEventsRequest {
        event_types: types.iter().map(ToString::to_string).collect(),
        ..WatchEventsRequest::default()
    };
    let mut grid = scene.events().watch_events(wanted).await.unwrap().into_inner();
    let mut feed = scene.events().watch_calls(WatchCallsRequest::default()).await;
    let feed = feed.as_mut().unwrap().get_mut();
    assert!(grid.message().await.unwrap().unwrap().notification.is_none());
    assert!(feed.message().await.unwrap().unwrap().occurrence.is_none());

    let key = scene.key();
    let create = CreateMeetingRequest { organizer: "bob".to_owned(), ..Default::default() };
    let meeting = scene.meetings(&key).create_meeting(create).await.unwrap().into_inner();
    let meeting = meeting.meeting.unwrap();
    let link = JoinLink { join_link: meeting.join_link.clone() };
    let join = JoinCallRequest {
        meeting: Some(MeetingLocator { kind: Some(meeting_locator::Kind::Link(link)) }),
        display_name: "Bob Baker".to_owned(),
        ..JoinCallRequest::default()
    };
    let mut bob = scene.calling("bob").await;
    let call = bob.join_call(join).await.unwrap().into_inner().call.unwrap();
    let (mut of_call, mut of_meeting) = (0, Vec::new());
    while of_meeting.len() < 2 || of_call < 3 {
        let told = within(feed.message()).await.unwrap().unwrap();
        let Some(told) = told.occurrence else { continue };
        assert_eq!((told.kind(), &told.meeting_id), (CallKind::Meeting, &meeting.meeting_id));
        match told.event.unwrap() {
            call_occurrence::Event::CallEvent(_) => of_call += 1,
            call_occurrence::Event::MeetingEvent(event) => of_meeting.push(event.kind.unwrap()),
        }
    }
    assert!(of_meeting.iter().any(|kind| matches!(kind, meeting_event::Kind::Started(_))));
    assert!(
        of_meeting.iter().any(|kind| matches!(kind, meeting_event::Kind::ParticipantJoined(_)))
    );
    let end = HangUpRequest { call_id: call.call_id.clone(), ..HangUpRequest::default() };
    bob.hang_up(end).await.unwrap();

    for expected in types {
        let told = within(grid.message()).await.unwrap().unwrap().notification.unwrap();
        assert_eq!(told.event_type, format!("Microsoft.Communication.{expected}"));
        let event: serde_json::Value = serde_json::from_str(&told.event_json).unwrap();
        let data = &event[0]["data"];
        assert_eq!(data["serverCallId"], call.call_id, "{event}");
        let started_by = data["startedBy"]["rawId"].as_str().unwrap();
        assert!(started_by.starts_with("8:orgid:"), "{event}");
        if expected.starts_with("CallParticipant") {
            assert_eq!(data["user"]["rawId"], started_by);
            assert_eq!(data["displayName"], "Bob Baker");
        }
    }
    let made_up = TriggerEventRequest { event_type: "CallEnded".to_owned() };
    scene.events().trigger_event(made_up).await.unwrap();
    let told = within(grid.message()).await.unwrap().unwrap().notification.unwrap();
    assert_eq!(told.event_type, "Microsoft.Communication.CallEnded");
    // What never happened is no call's.
    let (mut others, after_seq) = (scene.events(), Some(0));
    let call_id = "00000000-0000-0000-0000-000000000000".to_owned();
    let request = WatchCallsRequest { after_seq, call_id };
    let mut none = others.watch_calls(request).await.unwrap().into_inner();
    while let Ok(next) = timeout(Duration::from_millis(200), none.message()).await {
        assert!(next.unwrap().unwrap().occurrence.is_none());
    }
}

#[tokio::test]
async fn who_follows_calls_gives_a_cursor_that_is_there_and_the_id_of_a_call() {
    let scene = Scene::start().await;
    let request =
        |after_seq, call_id: &str| WatchCallsRequest { after_seq, call_id: call_id.to_owned() };
    let refused = scene.events().watch_calls(request(None, "mine")).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let ahead = scene.events().watch_calls(request(Some(1_000_000), "")).await;
    let mut ahead = ahead.unwrap().into_inner();
    assert!(ahead.message().await.unwrap().is_some());
    assert_eq!(ahead.message().await.unwrap_err().code(), Code::OutOfRange);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ops5_calls_that_a_restart_ends_have_their_end_in_the_log_once() {
    let mut scene = Scene::start().await;
    let groups = ["00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"];
    let mut alice = scene.calling("alice").await;
    for group in groups {
        let join = JoinCallRequest { group_id: group.to_owned(), ..JoinCallRequest::default() };
        let call = alice.join_call(join).await.unwrap().into_inner().call.unwrap();
        if group == groups[0] {
            let end = HangUpRequest { call_id: call.call_id, ..HangUpRequest::default() };
            alice.hang_up(end).await.unwrap();
        }
    }
    for _ in 0..2 {
        scene = scene.restart().await;
        // A call of this run comes last: what is before it is all that there is.
        let join = JoinCallRequest { group_id: groups[0].to_owned(), ..JoinCallRequest::default() };
        let marker = scene.calling("bob").await.join_call(join).await.unwrap().into_inner();
        let marker = marker.call.unwrap().call_id;
        let request = WatchCallsRequest { after_seq: Some(0), ..Default::default() };
        let mut stream = scene.events().watch_calls(request).await.unwrap().into_inner();
        let mut calls = BTreeMap::<String, Told>::new();
        loop {
            let next = within(stream.message()).await.unwrap().unwrap();
            let Some(told) = next.occurrence else { continue };
            if told.call_id == marker {
                break;
            }
            calls.entry(told.call_id.clone()).or_default().take(&told);
        }
        assert!(calls.len() >= 2 && calls.values().all(|call| call.is_over), "{}", calls.len());
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(10), future).await.expect("nothing came for ten seconds")
}
