//! `trunkline.calling.v1.CallingService`.

use std::pin::Pin;

use futures_util::Stream;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status};
use trunkline_api::calling::v1::calling_service_server::CallingService;
use trunkline_api::convert;
use trunkline_call::{Action, Direction};
use trunkline_node::{Controller, Node, PageCursor, RingerEvent};
use trunkline_policy::Right;
use trunkline_proto::calling::v1 as wire;
use trunkline_storage::CallRecord;

use crate::page::{self, Wanted};
use crate::{auth, status, watched};

/// Serves the calls of a node.
#[derive(Clone, Debug)]
pub(crate) struct Calling {
    pub(crate) node: Node,
}

impl Calling {
    /// Returns what acts for whoever asks. A token that joins no calls ends here, before the request
    /// is read: whoever holds one would act in the calls that the user joined with another.
    async fn controller(&self, metadata: &MetadataMap) -> Result<Controller, Status> {
        let claims = auth::require_token(&self.node, metadata).await?;
        let controller = self.node.controller(claims);
        controller.require(Right::JoinCalls).map_err(status::calling)?;
        Ok(controller)
    }

    /// Carries out an action and answers once it has ended.
    async fn act<T>(
        &self,
        metadata: &MetadataMap,
        call_id: &str,
        operation_id: String,
        action: Action,
        response: T,
    ) -> Result<Response<T>, Status> {
        let controller = self.controller(metadata).await?;
        controller.act(call_id, operation_id, action).await.map_err(status::calling)?;
        Ok(Response::new(response))
    }
}

type Answer<T> = Result<Response<T>, Status>;
type Events<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send + 'static>>;

#[tonic::async_trait]
impl CallingService for Calling {
    type WatchIncomingCallsStream = Events<wire::WatchIncomingCallsResponse>;
    type WatchCallStream = Events<wire::WatchCallResponse>;

    async fn place_call(
        &self,
        request: Request<wire::PlaceCallRequest>,
    ) -> Answer<wire::PlaceCallResponse> {
        let controller = self.controller(request.metadata()).await?;
        let (call, participant_id) =
            controller.place(request.into_inner()).await.map_err(status::calling)?;
        Ok(Response::new(wire::PlaceCallResponse { call: Some(call), participant_id }))
    }

    async fn join_call(
        &self,
        request: Request<wire::JoinCallRequest>,
    ) -> Answer<wire::JoinCallResponse> {
        let controller = self.controller(request.metadata()).await?;
        let (call, participant_id) =
            controller.join(request.into_inner()).await.map_err(status::calling)?;
        Ok(Response::new(wire::JoinCallResponse { call: Some(call), participant_id }))
    }

    async fn watch_incoming_calls(
        &self,
        request: Request<wire::WatchIncomingCallsRequest>,
    ) -> Answer<Self::WatchIncomingCallsStream> {
        use wire::watch_incoming_calls_response::Event;

        let controller = self.controller(request.metadata()).await?;
        let name = request.into_inner().display_name;
        let ringer = controller.ring(&name).await.map_err(status::ring)?;
        let registered = wire::EndpointRegistered { endpoint_id: ringer.endpoint().to_string() };
        let first = Some(Event::Registered(registered));
        let events = futures_util::stream::unfold(Some((first, ringer)), |ringing| async {
            let (first, mut ringer) = ringing?;
            let event = match first {
                Some(event) => event,
                None => match ringer.next().await {
                    Ok(Some(RingerEvent::IncomingCall(call))) => Event::IncomingCall(call),
                    Ok(Some(RingerEvent::IncomingCallEnded(ended))) => {
                        Event::IncomingCallEnded(ended)
                    }
                    Ok(None) => return None,
                    Err(error) => return Some((Err(status::token(error)), None)),
                },
            };
            let response = wire::WatchIncomingCallsResponse { event: Some(event) };
            Some((Ok(response), Some((None, ringer))))
        });
        Ok(Response::new(Box::pin(events)))
    }

    async fn accept_call(
        &self,
        request: Request<wire::AcceptCallRequest>,
    ) -> Answer<wire::AcceptCallResponse> {
        let controller = self.controller(request.metadata()).await?;
        let (call, participant_id) =
            controller.accept(request.into_inner()).await.map_err(status::calling)?;
        Ok(Response::new(wire::AcceptCallResponse { call: Some(call), participant_id }))
    }

    async fn reject_call(
        &self,
        request: Request<wire::RejectCallRequest>,
    ) -> Answer<wire::RejectCallResponse> {
        let (metadata, _, wire::RejectCallRequest { operation_id, call_id }) = request.into_parts();
        let response = wire::RejectCallResponse {};
        self.act(&metadata, &call_id, operation_id, Action::Reject, response).await
    }

    async fn hang_up(&self, request: Request<wire::HangUpRequest>) -> Answer<wire::HangUpResponse> {
        let (metadata, _, wire::HangUpRequest { operation_id, call_id, for_everyone }) =
            request.into_parts();
        let action = match for_everyone {
            true => Action::HangUpForEveryone,
            false => Action::HangUp,
        };
        self.act(&metadata, &call_id, operation_id, action, wire::HangUpResponse {}).await
    }

    async fn hold(&self, request: Request<wire::HoldRequest>) -> Answer<wire::HoldResponse> {
        let (metadata, _, wire::HoldRequest { operation_id, call_id }) = request.into_parts();
        self.act(&metadata, &call_id, operation_id, Action::Hold, wire::HoldResponse {}).await
    }

    async fn resume(&self, request: Request<wire::ResumeRequest>) -> Answer<wire::ResumeResponse> {
        let (metadata, _, wire::ResumeRequest { operation_id, call_id }) = request.into_parts();
        self.act(&metadata, &call_id, operation_id, Action::Resume, wire::ResumeResponse {}).await
    }

    async fn mute(&self, request: Request<wire::MuteRequest>) -> Answer<wire::MuteResponse> {
        let (metadata, _, wire::MuteRequest { operation_id, call_id }) = request.into_parts();
        self.act(&metadata, &call_id, operation_id, Action::Mute, wire::MuteResponse {}).await
    }

    async fn unmute(&self, request: Request<wire::UnmuteRequest>) -> Answer<wire::UnmuteResponse> {
        let (metadata, _, wire::UnmuteRequest { operation_id, call_id }) = request.into_parts();
        self.act(&metadata, &call_id, operation_id, Action::Unmute, wire::UnmuteResponse {}).await
    }

    async fn mute_participant(
        &self,
        request: Request<wire::MuteParticipantRequest>,
    ) -> Answer<wire::MuteParticipantResponse> {
        let controller = self.controller(request.metadata()).await?;
        let request = request.into_inner();
        let (call_id, operation_id) = (&request.call_id, request.operation_id);
        controller
            .act_on(call_id, operation_id, &request.participant, Action::MuteParticipant)
            .await
            .map_err(status::calling)?;
        Ok(Response::new(wire::MuteParticipantResponse {}))
    }

    async fn mute_all_participants(
        &self,
        request: Request<wire::MuteAllParticipantsRequest>,
    ) -> Answer<wire::MuteAllParticipantsResponse> {
        let (metadata, _, wire::MuteAllParticipantsRequest { operation_id, call_id }) =
            request.into_parts();
        let response = wire::MuteAllParticipantsResponse {};
        self.act(&metadata, &call_id, operation_id, Action::MuteAllOthers, response).await
    }

    async fn add_participant(
        &self,
        request: Request<wire::AddParticipantRequest>,
    ) -> Answer<wire::AddParticipantResponse> {
        let controller = self.controller(request.metadata()).await?;
        let participant =
            controller.add_participant(request.into_inner()).await.map_err(status::calling)?;
        Ok(Response::new(wire::AddParticipantResponse { participant }))
    }

    async fn cancel_add_participant(
        &self,
        request: Request<wire::CancelAddParticipantRequest>,
    ) -> Answer<wire::CancelAddParticipantResponse> {
        let controller = self.controller(request.metadata()).await?;
        let request = request.into_inner();
        let (call_id, operation_id) = (&request.call_id, request.operation_id);
        controller
            .act_on(call_id, operation_id, &request.participant, Action::CancelAddParticipant)
            .await
            .map_err(status::calling)?;
        Ok(Response::new(wire::CancelAddParticipantResponse {}))
    }

    async fn remove_participant(
        &self,
        request: Request<wire::RemoveParticipantRequest>,
    ) -> Answer<wire::RemoveParticipantResponse> {
        let controller = self.controller(request.metadata()).await?;
        controller.remove_participant(request.into_inner()).await.map_err(status::calling)?;
        Ok(Response::new(wire::RemoveParticipantResponse {}))
    }

    async fn transfer_call(
        &self,
        request: Request<wire::TransferCallRequest>,
    ) -> Answer<wire::TransferCallResponse> {
        let controller = self.controller(request.metadata()).await?;
        let target = controller.transfer(request.into_inner()).await.map_err(status::calling)?;
        Ok(Response::new(wire::TransferCallResponse { target }))
    }

    async fn get_call(
        &self,
        request: Request<wire::GetCallRequest>,
    ) -> Answer<wire::GetCallResponse> {
        let controller = self.controller(request.metadata()).await?;
        let call = controller.call(&request.into_inner().call_id).await.map_err(status::calling)?;
        Ok(Response::new(wire::GetCallResponse { call: Some(call) }))
    }

    async fn list_calls(
        &self,
        request: Request<wire::ListCallsRequest>,
    ) -> Answer<wire::ListCallsResponse> {
        let controller = self.controller(request.metadata()).await?;
        Ok(Response::new(wire::ListCallsResponse { calls: controller.calls().await }))
    }

    async fn list_call_history(
        &self,
        request: Request<wire::ListCallHistoryRequest>,
    ) -> Answer<wire::ListCallHistoryResponse> {
        let controller = self.controller(request.metadata()).await?;
        let (user, request) = (controller.user(), request.into_inner());
        let Wanted { after, limit } = page::wanted(request.page_size, &request.page_token)?;
        let history = self.node.call_history();
        let listed = history.calls(user, after, request.missed_only, limit).await;
        let listed = listed.map_err(|error| status::store(&error))?;
        let missed = history.missed(user).await.map_err(|error| status::store(&error))?;
        Ok(Response::new(wire::ListCallHistoryResponse {
            calls: listed.items.iter().map(|(place, call)| past_call(*place, call)).collect(),
            next_page_token: page::token(listed.next),
            unseen_missed: missed.unseen,
        }))
    }

    async fn mark_calls_seen(
        &self,
        request: Request<wire::MarkCallsSeenRequest>,
    ) -> Answer<wire::MarkCallsSeenResponse> {
        let controller = self.controller(request.metadata()).await?;
        let place = request.into_inner().place;
        let place = place.parse().map_err(|_| status::malformed("place"))?;
        let marked = self.node.call_history().mark_seen(controller.user(), place).await;
        let missed = marked.map_err(|error| status::store(&error))?;
        Ok(Response::new(wire::MarkCallsSeenResponse { unseen_missed: missed.unseen }))
    }

    async fn watch_call(
        &self,
        request: Request<wire::WatchCallRequest>,
    ) -> Answer<Self::WatchCallStream> {
        let controller = self.controller(request.metadata()).await?;
        let wire::WatchCallRequest { call_id, after_seq } = request.into_inner();
        let watch = controller.watch(&call_id, after_seq).await.map_err(status::watch)?;
        let responses =
            watched::responses(watch, |event| wire::WatchCallResponse { event: Some(event) });
        Ok(Response::new(Box::pin(responses)))
    }
}

fn past_call(place: PageCursor, call: &CallRecord) -> wire::PastCall {
    let direction = match call.direction {
        Direction::Incoming => wire::CallDirection::Incoming,
        Direction::Outgoing => wire::CallDirection::Outgoing,
    };
    let others = call.others.iter().map(|other| wire::PastParty {
        identifier: Some(convert::identifier(&other.identifier)),
        display_name: other.display_name.as_ref().map(ToString::to_string).unwrap_or_default(),
    });
    wire::PastCall {
        call_id: call.call_id.to_string(),
        kind: convert::call_kind(call.kind).into(),
        direction: direction.into(),
        others: others.collect(),
        unnamed_others: call.unnamed_others,
        started_at: Some(convert::timestamp(call.started_at)),
        connected_at: call.connected_at.map(convert::timestamp),
        ended_at: Some(convert::timestamp(call.ended_at)),
        end_reason: Some(convert::end_reason(call.end_reason)),
        is_missed: call.is_missed,
        thread_id: call.thread_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        meeting_id: call.meeting_id.map(|id| id.to_string()).unwrap_or_default(),
        place: place.to_string(),
    }
}
