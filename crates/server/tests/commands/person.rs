//! A user of the exchange beside the commands, and what one of them sees.

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
use trunkline_proto::{
    calling::v1::{
        AcceptCallRequest, JoinCallRequest, PlaceCallRequest, RejectCallRequest,
        WatchIncomingCallsRequest, watch_incoming_calls_response::Event as Ringing,
    },
    meetings::v1::{JoinLink, MeetingLocator, meeting_locator},
};

use crate::scene::Scene;

/// A user of the exchange who is called, or calls.
pub(crate) struct Person {
    pub(crate) calls: CallingServiceClient<Channel>,
    bearer: MetadataValue<Ascii>,
}

impl Person {
    pub(crate) async fn new(scene: &Scene, alias: &str) -> Self {
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

    pub(crate) fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", self.bearer.clone());
        request
    }

    pub(crate) async fn places(&mut self, target: &str) -> String {
        let targets = vec![target.to_owned()];
        let request = self.request(PlaceCallRequest { targets, ..PlaceCallRequest::default() });
        self.calls.place_call(request).await.unwrap().into_inner().call.unwrap().call_id
    }

    /// Joins a meeting by its link, by signaling alone.
    pub(crate) async fn joins(&mut self, link: &str) -> String {
        let kind = Some(meeting_locator::Kind::Link(JoinLink { join_link: link.to_owned() }));
        let meeting = Some(MeetingLocator { kind });
        let request = self.request(JoinCallRequest { meeting, ..JoinCallRequest::default() });
        self.calls.join_call(request).await.unwrap().into_inner().participant_id
    }

    /// Registers, and does with the next call that rings as told; returns the task that does it.
    pub(crate) async fn awaits(mut self, takes: bool) -> tokio::task::JoinHandle<()> {
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
pub(crate) fn connected(scene: &Scene, call: &str, who: &str) -> Vec<String> {
    let shown = scene.json(&["call", "show", call, "--as", who]);
    let entries = shown[0]["participants"].as_array().unwrap();
    let is_connected = |entry: &&Value| entry["callState"] == "CALL_STATE_CONNECTED";
    let names = entries.iter().filter(is_connected).map(|entry| &entry["displayName"]);
    names.map(|name| name.as_str().unwrap().to_owned()).collect()
}

/// Asks again until it holds; each time is a process of its own.
pub(crate) fn until(holds: impl Fn() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !holds() {
        assert!(Instant::now() < deadline, "it does not come to hold");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Far more than anything here takes.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);
