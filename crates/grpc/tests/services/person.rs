//! Somebody who calls and is called, over the unary services.

use std::time::Duration;

use tokio::time::{Instant, timeout};
use tonic::Streaming;
use trunkline_api::calling::v1::calling_service_client::CallingServiceClient;
use trunkline_proto::calling::v1::{
    AcceptCallRequest, HangUpRequest, ListCallHistoryRequest, PastCall, TransferCallRequest,
    TransferCallResponse, WatchCallRequest, WatchCallResponse, WatchIncomingCallsRequest,
    WatchIncomingCallsResponse, call_event::Kind, watch_incoming_calls_response::Event as Ringing,
};

use crate::scene::{Intercepted, Scene};

/// Somebody who calls and is called.
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) calls: CallingServiceClient<Intercepted>,
    ringing: Streaming<WatchIncomingCallsResponse>,
}

impl Person {
    pub(crate) async fn new(scene: &Scene) -> Self {
        Self::of(scene, &scene.app_user().await).await
    }

    pub(crate) async fn of(scene: &Scene, user: &str) -> Self {
        let id = user.to_owned();
        let mut calls = scene.calling(&id).await;
        let request = WatchIncomingCallsRequest::default();
        let ringing = calls.watch_incoming_calls(request).await.unwrap().into_inner();
        Self { id, calls, ringing }
    }

    pub(crate) async fn rings(&mut self) -> String {
        loop {
            let next = within(self.ringing.message()).await.unwrap().unwrap();
            if let Some(Ringing::IncomingCall(call)) = next.event {
                return call.call_id;
            }
        }
    }

    /// Waits until it rings, and accepts; returns the participant id it has in the call.
    pub(crate) async fn accepts(&mut self) -> String {
        let call_id = self.rings().await;
        let request = AcceptCallRequest { call_id, ..AcceptCallRequest::default() };
        self.calls.accept_call(request).await.unwrap().into_inner().participant_id
    }

    pub(crate) async fn watches(&mut self, call_id: &str) -> Streaming<WatchCallResponse> {
        let request = WatchCallRequest { call_id: call_id.to_owned(), after_seq: None };
        self.calls.watch_call(request).await.unwrap().into_inner()
    }

    pub(crate) async fn transfers(
        &mut self,
        call_id: &str,
        target: &str,
    ) -> Result<TransferCallResponse, tonic::Status> {
        let request = TransferCallRequest {
            operation_id: String::new(),
            call_id: call_id.to_owned(),
            target: target.to_owned(),
            transferee: String::new(),
        };
        self.calls.transfer_call(request).await.map(tonic::Response::into_inner)
    }

    /// Returns the one call of its history, which is written a little after the call ends.
    pub(crate) async fn remembers(&mut self) -> PastCall {
        let deadline = Instant::now() + Duration::from_secs(5);
        loop {
            let request = ListCallHistoryRequest::default();
            let listed = self.calls.list_call_history(request).await.unwrap().into_inner();
            if let Some(past) = listed.calls.into_iter().next() {
                return past;
            }
            assert!(Instant::now() < deadline, "the call is not in the history");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) async fn hangs_up(&mut self, call_id: &str) {
        let call_id = call_id.to_owned();
        let request = HangUpRequest { call_id, ..HangUpRequest::default() };
        self.calls.hang_up(request).await.unwrap();
    }
}

/// Reads on until something wanted comes.
pub(crate) async fn until(
    events: &mut Streaming<WatchCallResponse>,
    is_wanted: impl Fn(&Kind) -> bool,
) -> Kind {
    loop {
        let next = within(events.message()).await.unwrap().expect("the stream ended");
        if let Some(kind) = next.event.and_then(|event| event.kind)
            && is_wanted(&kind)
        {
            return kind;
        }
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(10), future).await.expect("nothing came for ten seconds")
}
