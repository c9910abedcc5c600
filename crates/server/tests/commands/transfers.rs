//! Calls between processes: nothing is held back. Transfers of a call: the command waits for the outcome, and its exit code tells it.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tonic::{
    Request,
    metadata::{Ascii, MetadataValue},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint},
};
use trunkline_api::calling::v1::calling_service_client::CallingServiceClient;
use trunkline_proto::calling::v1::{
    AcceptCallRequest, CallEvent, MuteRequest, PlaceCallRequest, RejectCallRequest, UnmuteRequest,
    WatchCallRequest, WatchIncomingCallsRequest, call_event,
    watch_incoming_calls_response::Event as Ringing,
};

use crate::scene::Scene;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mid7_a_transfer_waits_for_its_outcome_and_the_exit_code_tells_it() {
    let scene = Scene::start();
    let mut alice = Person::new(&scene, "alice").await;
    let bob = Person::new(&scene, "bob").await.awaits(true).await;
    let call = alice.places("bob").await;
    tokio::time::timeout(LIMIT, bob).await.unwrap().unwrap();
    let connected = |who: &str| connected(&scene, &call, who);
    until(|| connected("bob").len() == 2);

    let charlie = Person::new(&scene, "charlie").await.awaits(true).await;
    let text = scene.text(&["call", "transfer", &call, "charlie"]);
    assert_eq!(text, "charlie has taken over the call");
    tokio::time::timeout(LIMIT, charlie).await.unwrap().unwrap();
    until(|| connected("bob") == ["Bob Baker", "Charlie Cole"]);
    assert!(scene.json(&["call", "list", "--as", "alice"]).is_empty());

    let dan = Person::new(&scene, "dan").await.awaits(false).await;
    let declined = scene.run(&["call", "transfer", &call, "dan", "--as", "bob"]);
    tokio::time::timeout(LIMIT, dan).await.unwrap().unwrap();
    assert_eq!((declined.code, declined.stdout.as_str()), (4, ""));
    assert!(declined.stderr.contains("603/0"), "{declined:?}");
    assert_eq!(connected("bob"), ["Bob Baker", "Charlie Cole"]);

    // Whoever is in no call hands none over, and nobody hands over to somebody who is there.
    let foreign = scene.run(&["call", "transfer", &call, "bob", "--as", "dan"]);
    assert_eq!(foreign.code, 5, "{foreign:?}");
    let present = scene.run(&["call", "transfer", &call, "charlie", "--as", "bob"]);
    assert_eq!(present.code, 4, "{present:?}");

    // Named by whom it is handed over, and told to a program.
    let dan = Person::new(&scene, "dan").await.awaits(true).await;
    let named = ["call", "transfer", &call, "dan", "--transferee", "charlie", "--as", "bob"];
    let told = scene.json(&named);
    assert_eq!(told[0]["state"], "TRANSFER_STATE_ACCEPTED", "{told:?}");
    tokio::time::timeout(LIMIT, dan).await.unwrap().unwrap();
    until(|| connected("charlie") == ["Charlie Cole", "Dan Drake"]);
}

/// An answer and the event that comes with it are two writes of one connection: the second does not
/// wait until the client has acknowledged the first, which clients put off by 40 ms.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_held_back_until_something_is_acknowledged() {
    let scene = Scene::start();
    let mut alice = Person::new(&scene, "alice").await;
    let bob = Person::new(&scene, "bob").await.awaits(true).await;
    let call_id = alice.places("bob").await;
    tokio::time::timeout(LIMIT, bob).await.unwrap().unwrap();
    let watch = WatchCallRequest { call_id: call_id.clone(), after_seq: None };
    let mut events = alice.calls.watch_call(alice.request(watch)).await.unwrap().into_inner();
    let mut took = Vec::new();
    for round in 0..12 {
        let begun = Instant::now();
        let (call_id, operation_id) = (call_id.clone(), format!("round-{round}"));
        let is_mute = round % 2 == 0;
        if is_mute {
            let mute = alice.request(MuteRequest { call_id, operation_id });
            alice.calls.mute(mute).await.unwrap();
        } else {
            let unmute = alice.request(UnmuteRequest { call_id, operation_id });
            alice.calls.unmute(unmute).await.unwrap();
        }
        let is_told = |event: CallEvent| match event.kind {
            Some(call_event::Kind::ParticipantUpdated(update)) => {
                update.participant.is_some_and(|one| one.is_muted == is_mute)
            }
            _ => false,
        };
        while !is_told(events.message().await.unwrap().unwrap().event.unwrap()) {}
        took.push(begun.elapsed());
    }
    took.sort_unstable();
    assert!(took[took.len() / 2] < Duration::from_millis(30), "{took:?}");
}

/// A user of the exchange who is called, or calls.
struct Person {
    calls: CallingServiceClient<Channel>,
    bearer: MetadataValue<Ascii>,
}

impl Person {
    async fn new(scene: &Scene, alias: &str) -> Self {
        let token = scene.text(&["token", alias, "--scopes", "voip"]);
        let ca = Certificate::from_pem(fs::read(scene.ca()).unwrap());
        let endpoint = Endpoint::from_shared(scene.url().to_owned()).unwrap();
        let channel = endpoint
            .tls_config(ClientTlsConfig::new().ca_certificate(ca))
            .unwrap()
            .connect_timeout(LIMIT)
            .connect()
            .await
            .unwrap();
        let bearer = format!("Bearer {token}").parse().unwrap();
        Self { calls: CallingServiceClient::new(channel), bearer }
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", self.bearer.clone());
        request
    }

    async fn places(&mut self, target: &str) -> String {
        let targets = vec![target.to_owned()];
        let request = self.request(PlaceCallRequest { targets, ..PlaceCallRequest::default() });
        self.calls.place_call(request).await.unwrap().into_inner().call.unwrap().call_id
    }

    /// Registers, and does with the next call that rings as told; returns the task that does it.
    async fn awaits(mut self, takes: bool) -> tokio::task::JoinHandle<()> {
        let request = self.request(WatchIncomingCallsRequest::default());
        let mut ringing = self.calls.watch_incoming_calls(request).await.unwrap().into_inner();
        tokio::spawn(async move {
            loop {
                let next = ringing.message().await.unwrap().expect("the stream ended");
                let Some(Ringing::IncomingCall(call)) = next.event else { continue };
                let call_id = call.call_id;
                if takes {
                    let accept = AcceptCallRequest { call_id, ..AcceptCallRequest::default() };
                    self.calls.accept_call(self.request(accept)).await.unwrap();
                } else {
                    let reject = RejectCallRequest { call_id, ..RejectCallRequest::default() };
                    self.calls.reject_call(self.request(reject)).await.unwrap();
                }
                return;
            }
        })
    }
}

/// Returns the names of those who are connected, as one of them sees it.
fn connected(scene: &Scene, call: &str, who: &str) -> Vec<String> {
    let shown = scene.json(&["call", "show", call, "--as", who]);
    let entries = shown[0]["participants"].as_array().unwrap();
    let is_connected = |entry: &&Value| entry["callState"] == "CALL_STATE_CONNECTED";
    let names = entries.iter().filter(is_connected).map(|entry| &entry["displayName"]);
    names.map(|name| name.as_str().unwrap().to_owned()).collect()
}

/// Asks again until it holds; each time is a process of its own.
fn until(holds: impl Fn() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !holds() {
        assert!(Instant::now() < deadline, "it does not come to hold");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Far more than anything here takes.
const LIMIT: Duration = Duration::from_secs(20);
