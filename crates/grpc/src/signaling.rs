//! `trunkline.signaling.v1.SignalingService`: a session's frames over one bidirectional stream.

use std::net::SocketAddr;
use std::pin::Pin;

use axum::extract::ConnectInfo;
use futures_util::{Stream, StreamExt as _};
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Response, Status, Streaming};
use trunkline_api::signaling::v1::signaling_service_server::SignalingService;
use trunkline_node::{Inbound, Node, OpenTransportError, Outbound, Transport, TransportOrigin};
use trunkline_proto::signaling::v1 as wire;
use trunkline_signaling::close::CloseCode;

/// Serves the signaling sessions of a node.
#[derive(Clone, Debug)]
pub(crate) struct Signaling {
    pub(crate) node: Node,
}

#[tonic::async_trait]
impl SignalingService for Signaling {
    type ConnectStream =
        Pin<Box<dyn Stream<Item = Result<wire::ConnectResponse, Status>> + Send + 'static>>;

    async fn connect(
        &self,
        request: Request<Streaming<wire::ConnectRequest>>,
    ) -> Result<Response<Self::ConnectStream>, Status> {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let peer_addr = peer.map(|ConnectInfo(address)| *address);
        let origin = TransportOrigin { peer_addr, carrier: "grpc" };
        let Transport { inbound, outbound } =
            self.node.open_transport(origin).map_err(|error| match error {
                OpenTransportError::Overloaded { .. } => {
                    Status::resource_exhausted(error.to_string())
                }
                OpenTransportError::ShuttingDown => Status::unavailable(error.to_string()),
            })?;
        let mut frames = request.into_inner();
        // It ends with the client's stream, or once the session has let go of its transport.
        tokio::spawn(async move {
            loop {
                let received = tokio::select! {
                    received = frames.next() => received,
                    () = inbound.closed() => return,
                };
                let inbound_frame = match received {
                    Some(Ok(wire::ConnectRequest { frame: Some(frame) })) => Inbound::Frame(frame),
                    Some(Ok(wire::ConnectRequest { frame: None })) => {
                        Inbound::Refused(CloseCode::Malformed)
                    }
                    Some(Err(status)) if status.code() == Code::OutOfRange => {
                        Inbound::Refused(CloseCode::FrameTooLarge)
                    }
                    Some(Err(_)) | None => return,
                };
                if inbound.send(inbound_frame).await.is_err() {
                    return;
                }
            }
        });
        let responses = futures_util::stream::unfold(Some(outbound), |outbound| async {
            let mut outbound = outbound?;
            match outbound.recv().await? {
                Outbound::Frame(frame) => {
                    let response = wire::ConnectResponse { frame: Some(frame.into()) };
                    Some((Ok(response), Some(outbound)))
                }
                Outbound::Close(CloseCode::Normal) => None,
                Outbound::Close(code) => Some((Err(closed(code)), None)),
            }
        });
        Ok(Response::new(Box::pin(responses)))
    }
}

/// A close code as a status, with the number in the trailer `trunkline-close-code`.
fn closed(code: CloseCode) -> Status {
    let grpc = match code {
        CloseCode::Normal => Code::Ok,
        CloseCode::GoingAway => Code::Unavailable,
        CloseCode::Malformed => Code::InvalidArgument,
        CloseCode::Unauthorized => Code::Unauthenticated,
        CloseCode::Forbidden => Code::PermissionDenied,
        CloseCode::SessionUnknown => Code::NotFound,
        CloseCode::TimedOut => Code::DeadlineExceeded,
        CloseCode::TakenOver => Code::Aborted,
        CloseCode::FrameTooLarge | CloseCode::TooManyFrames | CloseCode::SlowReader => {
            Code::ResourceExhausted
        }
    };
    let mut metadata = MetadataMap::new();
    metadata.insert("trunkline-close-code", code.as_u16().into());
    Status::with_metadata(grpc, code.meaning(), metadata)
}
